"""How a set is written for others, and for which kinds of file each choice has a meaning."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

from seedream_magic.errors import InvalidRequest

LAYOUTS = ("page", "spread", "sheet")
PAGE_SIZES = {
    "A3": (841.89, 1190.55),
    "A4": (595.28, 841.89),
    "A5": (419.53, 595.28),
    "letter": (612.0, 792.0),
    "square": (595.28, 595.28),
    "picture": None,
}
"""Width and height of an upright page in points, 1/72 inch; a "picture" is as large as what is on it."""
SIZES = range(64, 4097)
_LONGEST_TITLE = 300
_KINDS = {
    "title": {".html", ".pdf", ".jpg", ".jpeg", ".png"},
    "author": {".pdf", ".html"},
    "layout": {".pdf"},
    "page_size": {".pdf"},
    "size": {".gif", ".jpg", ".jpeg", ".png"},
}
"""The kinds of file that a choice is for, where it is not for all."""


@dataclass(frozen=True)
class ExportOptions:
    """What of a set others get to see, and how.

    `title` stands above it in place of its own, `author` beside it. Without `captions` no picture has words. `facts`
    adds what is of the house: model, run, bill, what failed. Of a PDF `layout` is "page", "spread" or "sheet", and
    `page_size` a name of `PAGE_SIZES`. `size` is in pixels: the longer side of a `.gif`, the width of a contact sheet;
    `seconds` the time of each frame of a `.gif`.
    """

    title: str | None = None
    author: str | None = None
    captions: bool = True
    facts: bool = False
    layout: str = "page"
    page_size: str = "A4"
    seconds: float = 1.2
    size: int | None = None

    def check(self, ending: str) -> None:
        """Raise `InvalidRequest` for a value that is none, and for one that has no meaning in a file of this kind."""
        seconds: Any = self.seconds
        timed = isinstance(seconds, int | float) and not isinstance(seconds, bool) and math.isfinite(seconds)
        if not timed or not 0.02 <= seconds <= 600:
            raise InvalidRequest(f"seconds is the time of a frame, 0.02 to 600, not {seconds!r}.")
        for name, texts in (("layout", LAYOUTS), ("page_size", tuple(PAGE_SIZES))):
            if getattr(self, name) not in texts:
                raise InvalidRequest(f"{name} is {', '.join(texts)}; not {str(getattr(self, name))[:40]!r}.")
        for name in ("title", "author"):
            text = getattr(self, name)
            if text is not None and not (isinstance(text, str) and 0 < len(text.strip()) <= _LONGEST_TITLE):
                raise InvalidRequest(f"{name} is a line of at most {_LONGEST_TITLE} characters.")
        for option in fields(self):
            kinds = _KINDS.get(option.name)
            if kinds and ending not in kinds and getattr(self, option.name) != option.default:
                raise InvalidRequest(f"{option.name} is for {', '.join(sorted(kinds))}, not for a {ending}.")
        size: Any = self.size
        if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size not in SIZES):
            raise InvalidRequest(f"size is in whole pixels, {SIZES.start} to {SIZES.stop - 1}, not {size!r}.")
