"""How a set is written for others, and for which kinds of file each choice has a meaning."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

from seedream_magic.errors import InvalidRequest
from seedream_magic.words import export as texts
from seedream_magic.words.language import own_language
from seedream_magic.words.lists import ITEMS
from seedream_magic.words.text import chain

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
KINDS = {
    "title": {".html", ".pdf", ".zip", ".jpg", ".jpeg", ".png"},
    "author": {".pdf", ".html", ".zip"},
    "layout": {".pdf"},
    "page_size": {".pdf"},
    "size": {".gif", ".jpg", ".jpeg", ".png"},
}
"""The kinds of file that a choice is for, where it is not for all."""


@dataclass(frozen=True)
class ExportOptions:
    """What of a set others get to see, and how.

    `title` stands above it in place of its own, `author` beside it. Without `captions` no picture has words, and no
    metadata a prompt. `facts` adds what is of the house: model, run, bill, what failed. Of a PDF `layout` is "page",
    "spread" or "sheet", and `page_size` a name of `PAGE_SIZES`. `size` is in pixels: the longer side of a `.gif`, the
    width of a contact sheet; `seconds` the time of each frame of a `.gif`.
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
            raise InvalidRequest(texts.SECONDS(value=repr(seconds)))
        for name, known in (("layout", LAYOUTS), ("page_size", tuple(PAGE_SIZES))):
            if getattr(self, name) not in known:
                given = repr(str(getattr(self, name))[:40])
                values = chain(ITEMS, [_told(value) for value in known])
                raise InvalidRequest(texts.ONE_OF(option=name, values=values, value=given))
        for name in ("title", "author"):
            text = getattr(self, name)
            if text is not None and not (isinstance(text, str) and 0 < len(text.strip()) <= _LONGEST_TITLE):
                raise InvalidRequest(texts.ONE_LINE(option=name, most=_LONGEST_TITLE))
        for option in fields(self):
            kinds = KINDS.get(option.name)
            if kinds and ending not in kinds and getattr(self, option.name) != option.default:
                others = chain(ITEMS, sorted(kinds))
                raise InvalidRequest(texts.FOR_OTHER_FILES(option=option.name, endings=others, ending=ending))
        size: Any = self.size
        if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size not in SIZES):
            raise InvalidRequest(texts.SIZE_IN_PIXELS(least=SIZES.start, most=SIZES.stop - 1, value=repr(size)))


def _told(value: str) -> str:
    """A layout or a size of a page, for a Chinese reader with the name that the help gives it."""
    names = {meant: name for name, meant in reversed([*texts.CHINESE_VALUES.items()])}
    named = own_language() == "zh" and value in names
    return texts.ALSO_NAMED(value=value, name=names[value]) if named else value
