"""How a set is shown in a terminal: lines that are written over while it grows, then numbered paths and the pictures.

Pictures show where `textual-image` is installed, the extra `terminal`, and where the terminal has the protocol of kitty
or Sixels (iTerm2, WezTerm, Konsole, foot, xterm, VS Code, Windows Terminal): it asks the terminal, and a key that is
typed while it waits for the answer may be lost, so it is no dependency of all. It is the kept one of its kind:
term-image, the other one, takes no Pillow of this year's.
"""

from __future__ import annotations

import base64
import os
import shutil
import sys
from dataclasses import replace
from io import BytesIO
from typing import Any

from seedream_magic.errors import SeedreamError, SeedreamInterrupted
from seedream_magic.images.cards import path_text
from seedream_magic.images.image_set import ImageSet, cards_of
from seedream_magic.sweep.sweep import Sweep, grid_of
from seedream_magic.view.carousel import plain_text
from seedream_magic.view.grid import progress_text, summary_text
from seedream_magic.view.grid_cells import state_text
from seedream_magic.view.markup import text_within
from seedream_magic.words import settings as texts
from seedream_magic.words.clip import text_width
from seedream_magic.words.language import language_of
from seedream_magic.words.lists import COLON

_LONGEST_LINE = 4
"""Rows that one sentence may take while a set grows; of notes there are the last two."""
_MOST_RUNS = 40
_LARGEST_PICTURE = (120, 32)
"""Columns and rows."""


class Lines:
    """The set of one cell. One that is drawn in the `background` is shown at its end: a person types meanwhile."""

    def __init__(self, *, background: bool = False) -> None:
        self._grows = not background and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self._picture = _picture_renderer() if self._grows else None
        self._written: list[str] = []
        self.rest = 0.0

    def show(self, images: ImageSet | Sweep) -> None:
        if images.state != "running":
            self.clear()
            print(_text_of(images))  # noqa: T201 - a terminal's output is its text
            self._draw(images)
        elif self._grows:
            self._write(images)

    def fail(self, error: SeedreamError | SeedreamInterrupted) -> None:
        if error.images is not None and len(error.images):
            self.show(replace(error.images, state="done"))
        self.clear()
        print("\n".join(error.lines()))  # noqa: T201 - see above

    def clear(self) -> None:
        if self._written:
            up = f"\x1b[{len(self._written) - 1}A" if len(self._written) > 1 else ""
            print(f"\r{up}\x1b[J", end="", flush=True)  # noqa: T201 - see above
            self._written = []

    def _write(self, images: ImageSet | Sweep) -> None:
        """Write how far it is over what was written before."""
        columns = max(20, shutil.get_terminal_size().columns)
        sentences = _progress_of(images)
        rows = [row for text in sentences for row in _rows(text, columns - 1)]
        if rows != self._written:
            self.clear()
            print("\n".join(rows), end="", flush=True)  # noqa: T201 - see above
            self._written = rows

    def _draw(self, images: ImageSet | Sweep) -> None:
        """Show the pictures, as one."""
        sheet = images._repr_mimebundle_().get("image/jpeg") if self._picture else None
        if sheet is None or self._picture is None:
            return
        from rich.console import Console  # noqa: PLC0415 - comes with textual-image

        size = shutil.get_terminal_size()
        columns, rows = min(size.columns - 1, _LARGEST_PICTURE[0]), min(size.lines - 3, _LARGEST_PICTURE[1])
        sys.stdout.flush()
        console = Console(file=sys.stdout, width=columns, height=rows)
        console.print(self._picture(BytesIO(base64.b64decode(sheet)), width="auto", height="auto"))


def _text_of(value: ImageSet | Sweep) -> str:
    """The value as text: of a sweep its account, and a line for each run."""
    if isinstance(value, ImageSet):
        return plain_text(cards_of(value))
    grid = grid_of(value)
    lines = [summary_text(grid)]
    for index in value.runs[:_MOST_RUNS]:
        images, labels = value.sets[index], " · ".join(value.places[index].labels)
        paths = [path_text(frame.path) for frame in images.ok if frame.path] if images is not None else []
        told = grid.words.listed(paths) or state_text(grid.cells[index], grid.words)
        lines.append(grid.words(COLON, first=labels, then=told))
    more = len(value) - _MOST_RUNS
    return "\n".join([*lines, *([texts.MORE(count=more)] if more > 0 else [])])


def _progress_of(value: ImageSet | Sweep) -> tuple[str, ...]:
    """How far a value is, in sentences."""
    if isinstance(value, Sweep):
        grid = grid_of(value)
        return (*value.ledger.lines(), progress_text(grid, grid.words))
    counted = {"made": len(value.ok), "seconds": f"{value.seconds:.0f}"}
    counted |= {"failed": len(value.failed)} if value.failed else {}
    counted |= {"expected": value.expected} if value.expected else {}
    told = _ARRIVED[bool(value.expected), bool(value.failed)]
    return (*value.notes[-2:], value.pause or told.in_language(language_of(value.request.prompt), **counted))


_ARRIVED = {
    (True, False): texts.ARRIVED_OF,
    (True, True): texts.ARRIVED_OF_FAILED,
    (False, False): texts.ARRIVED,
    (False, True): texts.ARRIVED_FAILED,
}
"""By whether it is known how many are to come, and whether one failed."""


def _picture_renderer() -> Any:
    """What shows a picture in this terminal, None where nothing does."""
    try:
        from textual_image import renderable  # noqa: PLC0415 - it asks the terminal as it is loaded
    except Exception:  # noqa: BLE001 - it is not there, or the answer was none: the set is shown as text
        return None
    found = renderable.Image
    return found if found in {renderable.SixelImage, renderable.TGPImage} else None


def _rows(text: str, columns: int) -> list[str]:
    """The text as rows of a terminal."""
    rows = [""]
    for letter in text_within(text, _LONGEST_LINE * columns):
        if text_width(rows[-1] + letter) > columns:
            rows.append("")
        rows[-1] += letter
    return rows
