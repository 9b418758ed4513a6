"""A sweep as one picture: a contact sheet with the labels of its rows, columns and pages."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from seedream_magic.errors import ImageError
from seedream_magic.view.cards import Card, Grid
from seedream_magic.view.export_options import ExportOptions
from seedream_magic.view.grid_cells import axis_name, captions_of, label_of, state_text, title_text
from seedream_magic.view.lettering import GREY, INK, QUIET, Pen, find_lettering
from seedream_magic.view.pictures import PAPER, fit_on_paper
from seedream_magic.view.provenance import Provenance, provenance_of
from seedream_magic.view.sheet import WIDTH, metadata_options
from seedream_magic.words.carousel import ENGLISH, Words
from seedream_magic.words.lists import COLON

# In pixels on a sheet 1600 pixels wide.
_MARGIN, _GAP, _TITLE, _HEADING, _LABEL, _SMALL = 40, 20, 30, 26, 22, 18
_TILE_GAP = 4
_ROW_LABEL, _WIDEST, _NARROWEST = 240, 420, 120
_LABEL_LINES = 40
"""A label is never cut."""
_MOST_ACROSS = 6
_TALLEST = 24_000
"""Pixels of a sheet's height; a JPEG has 65,535 at most, and few programs open one as tall."""

Lost = tuple[str, Card, ImageError]
"""A picture that cannot be read: the label of its cell, its card, why."""
PictureOf = Callable[[int, Card, tuple[int, int]], Image.Image | None]


@dataclass(frozen=True)
class _Plan(Pen):
    """Where everything stands on the sheet; made from top to bottom, drawn when the height is known."""

    grid: Grid
    words: Words
    side: int
    cell: tuple[int, int]
    texts: list[tuple[tuple[int, int], list[str], float, tuple[int, int, int]]] = field(default_factory=list)
    cells: list[tuple[tuple[int, int], int]] = field(default_factory=list)
    across: int = 1

    @property
    def width(self) -> int:
        """Of the sheet: as wide as what stands on it, and as a title needs."""
        right = max((corner[0] for corner, _ in self.cells), default=0) + self.cell[0] if self.cells else 0
        return max(right, self.pixels(560)) + self.pixels(_MARGIN)

    def pixels(self, size: float) -> int:
        return round(size * self.unit)

    def text(
        self,
        corner: tuple[int, int],
        text: str,
        size: float,
        width: int,
        *,
        most: int = _LABEL_LINES,
        ink: tuple[int, int, int] = INK,
    ) -> int:
        """Put a text there; the height that it takes."""
        lines = self.lines(text, size, width, most=most)
        self.texts.append((corner, lines, size, ink))
        return len(lines) * self.line(size)


def provenance_of_grid(grid: Grid) -> Provenance:
    """What the sweep says of where its pictures come from."""
    found = [provenance_of(cell.cards) for cell in grid.cells if cell.cards]
    models = dict.fromkeys(one.model for one in found)
    created = min((one.created for one in found if one.created), default=None)
    return Provenance(grid.title, ", ".join(models), created)


def write_grid_sheet(grid: Grid, path: Path, options: ExportOptions, *, kind: str) -> list[Lost]:
    """Write the sheet as `kind`, "JPEG" or "PNG", 1600 pixels wide or as asked; the pictures that cannot be read."""
    lost: list[Lost] = []

    def picture_of(index: int, card: Card, room: tuple[int, int]) -> Image.Image | None:
        try:
            return fit_on_paper(card.picture, room) if card.picture else None
        except ImageError as error:
            lost.append((label_of(grid.cells[index], grid.words), card, error))
            return None

    sheet = draw_grid(grid, options.size or WIDTH, picture_of, model=options.facts)
    sheet.save(path, kind, **metadata_options(kind, provenance_of_grid(grid)))
    return lost


def draw_grid(grid: Grid, width: int, picture_of: PictureOf, *, model: bool = False) -> Image.Image:
    """The sheet in RGB, at most so many pixels wide; `picture_of` gives the picture of a cell's card in that room.

    With `model` its last line names that.
    """
    unit = width / WIDTH
    plan, height = min((_arrange(grid, unit, across, model=model) for across in _across(grid)), key=_proportion)
    if height > _TALLEST:
        plan, height = _arrange(grid, unit * _TALLEST / height, plan.across, model=model)
    sheet = Image.new("RGB", (plan.width, height), PAPER)
    for corner, lines, size, ink in plan.texts:
        plan.write(sheet, corner, lines, size, ink)
    for corner, index in plan.cells:
        _draw_cell(sheet, corner, index, plan, picture_of)
    return sheet


def _across(grid: Grid) -> range:
    """How many pages may stand beside one another."""
    return range(1, min(len(list(grid.pages())), _MOST_ACROSS) + 1)


def _proportion(arranged: tuple[_Plan, int]) -> float:
    """How far a sheet is from what one looks at as a whole: a ribbon in either direction is further."""
    plan, height = arranged
    return abs(math.log(height / plan.width))


def _arrange(grid: Grid, unit: float, across: int, *, model: bool) -> tuple[_Plan, int]:
    """The places of everything, so many pages beside one another, and the height of the sheet."""
    lettering = find_lettering()
    words = grid.words if lettering.chinese else ENGLISH
    table = len(grid.axes) > 1
    runs = len(grid.cells)
    columns = len(grid.axes[1][1]) if table else min(runs, max(4, math.ceil(math.sqrt(runs * 1.5))))
    font = lettering.font(_LABEL)
    longest = max((font.getlength(lettering.legible(label)) for label in grid.axes[0][1]), default=0) if table else 0
    label = min(_ROW_LABEL, 1.05 * longest + _GAP) if table else 0
    room = (WIDTH - 2 * _MARGIN - label - (columns - 1) * _GAP) / max(columns, 1)
    wide = min(_WIDEST, max(_NARROWEST, room))
    # A row is as tall as the tallest of the pictures of its width, within reason.
    ratios = [cell.cards.ratio for cell in grid.cells if cell.cards]
    tall = wide / min(max(min(ratios, default=1.0), 0.6), 2.4)
    # Where columns are many, the sheet keeps its width and is drawn smaller.
    page_width = label + columns * wide + (columns - 1) * _GAP
    unit *= min(1.0, WIDTH / (2 * _MARGIN + across * page_width + (across - 1) * _MARGIN))
    plan = _Plan(
        unit,
        lettering,
        grid,
        words,
        round(label * unit),
        (round(wide * unit), max(1, round(tall * unit))),
        across=across,
    )
    margin, gap = plan.pixels(_MARGIN), plan.pixels(_GAP)
    step = plan.side + columns * (plan.cell[0] + gap) - gap
    inner = max(plan.pixels(480), across * (step + margin) - margin)
    top = margin + plan.text((margin, margin), title_text(grid, words), _TITLE, inner, most=4) + gap
    pages = list(grid.pages())
    for begin in range(0, len(pages), across):
        ends = []
        for place, page in enumerate(pages[begin : begin + across]):
            left, under = margin + place * (step + margin), top
            if page:
                named = zip(grid.axes[2:], page, strict=True)
                names = [words(COLON, first=axis_name(name, words), then=labels[at]) for (name, labels), at in named]
                room_of_heading = inner if across == 1 else step
                under += plan.text((left, under), " · ".join(names), _HEADING, room_of_heading) + gap // 2
            ends.append(_arrange_table(page, plan, left, under) if table else _arrange_wall(columns, plan, under))
        top = max(ends) + gap
    origin = provenance_of_grid(grid).line(words, model=model)
    top += plan.text((margin, top), origin, _LABEL, inner, ink=QUIET)
    return plan, top + margin


def _arrange_table(page: tuple[int, ...], plan: _Plan, begin: int, top: int) -> int:
    """A page with a label for each row and column, from `begin` on to the right; where it ends."""
    (_, labels), (_, columns) = plan.grid.axes[:2]
    gap = plan.pixels(_GAP)

    def left(column: int) -> int:
        return begin + plan.side + column * (plan.cell[0] + gap)

    heads = [plan.text((left(at), top), label, _LABEL, plan.cell[0]) for at, label in enumerate(columns)]
    top += max(heads, default=0) + gap // 2
    for label, row in zip(labels, plan.grid.rows(page), strict=True):
        high = plan.text((begin, top), label, _LABEL, plan.side - gap)
        plan.cells.extend(((left(at), top), index) for at, index in enumerate(row) if index < len(plan.grid.cells))
        top += max(high, plan.cell[1]) + gap
    return top


def _arrange_wall(columns: int, plan: _Plan, top: int) -> int:
    """The cells of the only axis, each below its label; where they end."""
    margin, gap = plan.pixels(_MARGIN), plan.pixels(_GAP)
    runs = [index for index, cell in enumerate(plan.grid.cells) if cell.state != "hole"]
    for start in range(0, len(runs), columns):
        row = runs[start : start + columns]
        lefts = [margin + at * (plan.cell[0] + gap) for at in range(len(row))]
        names = [captions_of(plan.grid, index, plan.words) for index in row]
        top += max(plan.text((left, top), name, _LABEL, plan.cell[0]) for left, name in zip(lefts, names, strict=True))
        top += gap // 2
        plan.cells.extend(((left, top), index) for left, index in zip(lefts, row, strict=True))
        top += plan.cell[1] + gap
    return top


def _draw_cell(sheet: Image.Image, corner: tuple[int, int], index: int, plan: _Plan, picture_of: PictureOf) -> None:
    """The pictures of a set in the room of its cell, else a grey cell that says why there is none."""
    cell = plan.grid.cells[index]
    if cell.state == "hole":
        return
    cards = cell.cards.places if cell.cards and cell.cards.pictures else ()
    across, room = _mosaic(len(cards), cell.cards.ratio if cell.cards else 1.0, plan.cell, plan.pixels(_TILE_GAP))
    drawn = False
    for place, card in enumerate(cards):
        row, column = divmod(place, across)
        step = room[0] + plan.pixels(_TILE_GAP), room[1] + plan.pixels(_TILE_GAP)
        spot = corner[0] + column * step[0], corner[1] + row * step[1]
        picture = picture_of(index, card, room)
        drawn = drawn or picture is not None
        if picture is not None:
            sheet.paste(picture, spot, picture if picture.mode == "RGBA" else None)
        elif len(cards) > 1:
            sheet.paste(GREY, (*spot, spot[0] + room[0], spot[1] + room[1]))
    if not drawn:
        sheet.paste(GREY, (*corner, corner[0] + plan.cell[0], corner[1] + plan.cell[1]))
        inset = plan.pixels(12)
        lines = plan.lines(state_text(cell, plan.words), _SMALL, plan.cell[0] - 2 * inset)
        if len(lines) > 2:  # syllables below one another
            lines = ["!" if cell.state in {"failed", "stopped", "doubtful"} else "…"]
        plan.write(sheet, (corner[0] + inset, corner[1] + inset), lines, _SMALL, QUIET)


def _mosaic(count: int, ratio: float, cell: tuple[int, int], gap: int) -> tuple[int, tuple[int, int]]:
    """How many pictures of that ratio stand beside each other in a cell, and the room of one: as large as can be."""

    def room(across: int) -> tuple[int, int]:
        down = math.ceil(count / across)
        wide, high = (cell[0] - (across - 1) * gap) / across, (cell[1] - (down - 1) * gap) / down
        return max(1, round(min(wide, high * ratio))), max(1, round(min(high, wide / ratio)))

    across = max(range(1, count + 1), key=lambda number: room(number)[0], default=1)
    return across, room(across) if count else cell
