"""A set as one picture: all of it on a contact sheet, or a GIF that plays its frames in order."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from seedream_magic.errors import ImageError, InvalidRequest
from seedream_magic.view.cards import Card, CardSet
from seedream_magic.view.export_options import ExportOptions
from seedream_magic.view.lettering import GREY, INK, LINES, QUIET, Lettering, Pen, find_lettering
from seedream_magic.view.pictures import (
    PAPER,
    contain,
    decode_preview,
    encode_within,
    fit_on_paper,
    preview_of,
    progress,
)
from seedream_magic.view.provenance import TOOL, Provenance, provenance_of, storable
from seedream_magic.words import carousel
from seedream_magic.words.carousel import ENGLISH, Words
from seedream_magic.words.export import TOO_FEW_FOR_GIF

WIDTH = 1600
"""Pixels of a sheet's width, where nothing else is asked for; sheets of narrow pictures are narrower."""
NOTEBOOK_WIDTH = 960
"""Of the sheet that a notebook keeps."""

# In pixels at that width.
_MARGIN, _GAP, _TITLE, _CAPTION, _ORIGIN = 40, 28, 30, 22, 20
_NARROWEST, _LOWEST, _TALLEST = 260, 80, 1100


@dataclass(frozen=True)
class _Layout(Pen):
    """The sheet in pixels; `unit` is what a pixel of the usual width is on this one."""

    columns: int
    cell: tuple[int, int]
    width: int
    caption_lines: int
    words: Words

    @property
    def margin(self) -> int:
        return round(_MARGIN * self.unit)

    @property
    def gap(self) -> int:
        return round(_GAP * self.unit)

    @property
    def inner(self) -> int:
        return self.width - 2 * self.margin

    @property
    def stride(self) -> tuple[int, int]:
        """From a cell's corner to the next one's, to the right and down."""
        return self.cell[0] + self.gap, self.cell[1] + round(_below(self.caption_lines) * self.unit) + self.gap

    def corner(self, place: int, top: int) -> tuple[int, int]:
        """Where the cell of that place begins, the first row being at `top`."""
        row, column = divmod(place, self.columns)
        return self.margin + column * self.stride[0], top + row * self.stride[1]


def write_sheet(cards: CardSet, path: Path, options: ExportOptions, *, kind: str) -> CardSet:
    """Write the sheet as `kind`, "JPEG" or "PNG", 1600 pixels wide or as asked; return the set as it was drawn."""
    sheet, drawn = draw_sheet(cards, options.size or WIDTH, model=options.facts)
    sheet.save(path, kind, **metadata_options(kind, provenance_of(cards)))
    return drawn


def draw_sheet(cards: CardSet, width: int, *, model: bool = False) -> tuple[Image.Image, CardSet]:
    """The sheet in RGB, and the set as it was drawn: those whose file is damaged are failed ones.

    With `model` its last line names that.
    """
    lines = LINES if any(cards.caption_of(card) for card in cards.cards) else 1
    layout = _layout(cards, width, find_lettering(), lines)
    told_below = [card.caption for card in cards.cards] == [cards.title]
    title = layout.lines("" if told_below else cards.title, _TITLE, layout.inner)
    top = layout.margin + len(title) * layout.line(_TITLE) + (layout.gap if title else 0)
    origin = layout.lines(provenance_of(cards).line(layout.words, model=model), _ORIGIN, layout.inner)
    bottom = top + math.ceil(len(cards.cards) / layout.columns) * layout.stride[1]
    height = bottom + len(origin) * layout.line(_ORIGIN) + layout.margin
    sheet = Image.new("RGB", (layout.width, height), PAPER)
    layout.write(sheet, (layout.margin, layout.margin), title, _TITLE, INK)
    layout.write(sheet, (layout.margin, bottom), origin, _ORIGIN, QUIET)

    def picture_of(card: Card) -> Image.Image | None:
        return fit_on_paper(card.picture, layout.cell) if card.picture else None

    drawn = [
        _draw_card(
            sheet, card, layout.corner(place, top), layout, caption=cards.caption_of(card), picture_of=picture_of
        )
        for place, card in enumerate(progress(cards.cards, "sheet"))
    ]
    return sheet, replace(cards, cards=tuple(drawn))


def contact_sheet(cards: CardSet, *, budget: int, preview_budget: int) -> bytes:
    """The sheet that a notebook keeps, with numbers only: a JPEG of at most `budget` bytes.

    It is drawn from the previews of `preview_budget` bytes, which are there already: at a fraction of the cost.
    """
    layout = _layout(cards, NOTEBOOK_WIDTH, Lettering(None), 1)

    def picture_of(card: Card) -> Image.Image | None:
        if card.picture is None:
            return None
        return contain(decode_preview(preview_of(card.picture, card.digest, budget=preview_budget)), layout.cell)

    rows = math.ceil(len(cards.cards) / layout.columns)
    sheet = Image.new("RGB", (layout.width, 2 * layout.margin + rows * layout.stride[1]), PAPER)
    for place, card in enumerate(cards.cards):
        _draw_card(sheet, card, layout.corner(place, layout.margin), layout, caption="", picture_of=picture_of)
    return encode_within(sheet, budget)[0]


def _layout(cards: CardSet, width: int, lettering: Lettering, lines: int) -> _Layout:
    """How a sheet of that width has its cards, with `lines` of text below each."""
    unit = width / WIDTH
    ratio = min(max(cards.ratio, 1 / 16), 16.0)
    columns = _columns(len(cards.cards), ratio, lines)
    cell_width, cell_height = _cell(columns, ratio)
    # Narrow pictures need a narrower sheet, though not one on which the title finds no room.
    cell_width = min(cell_width, max(cell_height * ratio, _NARROWEST, (560 - (columns - 1) * _GAP) / columns))
    return _Layout(
        unit=unit,
        columns=columns,
        cell=(round(cell_width * unit), max(1, round(cell_height * unit))),
        width=round((columns * cell_width + (columns - 1) * _GAP + 2 * _MARGIN) * unit),
        caption_lines=lines,
        lettering=lettering,
        words=cards.words if lettering.chinese else ENGLISH,
    )


def _columns(count: int, ratio: float, lines: int) -> int:
    """Columns that make the sheet nearly 3:2, rather wide than tall, with few cells empty and none too small."""

    def cost(columns: int) -> float:
        rows = math.ceil(count / columns)
        width, height = _cell(columns, ratio)
        shape = math.log(WIDTH / (rows * (height + _below(lines))) / 1.5)
        empty = (columns * rows - count) / (columns * rows)
        small = columns > 1 and (width < _NARROWEST or height < _LOWEST)
        return max(shape, -1.3 * shape) + 2.5 * empty + 10 * small

    return min(range(1, count + 1), key=cost)


def _below(lines: int) -> float:
    """What number and caption take below a cell, on a sheet of the usual width."""
    return 10 + 1.4 * _CAPTION * lines


def _cell(columns: int, ratio: float) -> tuple[float, float]:
    """Width and height of a cell on a sheet of the usual width."""
    width = (WIDTH - 2 * _MARGIN - (columns - 1) * _GAP) / columns
    return width, min(width / ratio, _TALLEST)


def _draw_card(
    sheet: Image.Image,
    card: Card,
    corner: tuple[int, int],
    layout: _Layout,
    *,
    caption: str,
    picture_of: Callable[[Card], Image.Image | None],
) -> Card:
    """Draw a card and what stands below it; the card as it was drawn."""
    picture = None
    try:
        picture = picture_of(card)
    except ImageError as error:
        card = card.without_picture(error, layout.words)
    if picture is None:
        _draw_empty(sheet, card, corner, layout)
    else:
        sheet.paste(picture, corner, picture if picture.mode == "RGBA" else None)
    below = (corner[0], corner[1] + layout.cell[1] + round(10 * layout.unit))
    number = str(card.index + 1)
    indent = round(layout.lettering.font(_CAPTION * layout.unit).getlength(number) + 14 * layout.unit)
    layout.write(sheet, below, [number], _CAPTION, INK)
    lines = layout.lines(caption, _CAPTION, layout.cell[0] - indent)
    layout.write(sheet, (below[0] + indent, below[1]), lines, _CAPTION, QUIET)
    return card


def _draw_empty(sheet: Image.Image, card: Card, corner: tuple[int, int], layout: _Layout) -> None:
    """A grey cell that says why it has no picture."""
    width, height = layout.cell
    sheet.paste(GREY, (*corner, corner[0] + width, corner[1] + height))
    failed = layout.words(carousel.FAILED)
    reason = layout.words(carousel.NOT_ARRIVED) if card.failure is None else f"{failed} · {card.failure.name}"
    most = max(1, min(5, height // layout.line(_ORIGIN)))
    inset = round(16 * layout.unit)
    lines = layout.lines(reason, _ORIGIN, width - 2 * inset, most=most)
    top = corner[1] + max(0, (height - len(lines) * layout.line(_ORIGIN)) // 2)
    layout.write(sheet, (corner[0] + inset, top), lines, _ORIGIN, QUIET)


def metadata_options(kind: str, provenance: Provenance) -> dict[str, Any]:
    """The options of `Image.save` beside the picture."""
    if kind == "JPEG":
        return {"quality": 90, "optimize": True, "progressive": True, "xmp": provenance.xmp()}
    chunks = PngInfo()
    chunks.add_itxt("XML:com.adobe.xmp", provenance.xmp())
    if provenance.prompt:
        chunks.add_itxt("Description", storable(provenance.prompt))
    chunks.add_itxt("Comment", provenance.comment)
    chunks.add_text("Software", TOOL)
    return {"pnginfo": chunks}


GIF_LONG_SIDE = 960
MATTE = (40, 40, 43)
"""Around a picture of another shape than the first: dark and without a hue, as a cinema's."""


def write_animation(cards: CardSet, path: Path, options: ExportOptions) -> CardSet:
    """Write every picture of the set as one frame of a looping GIF; return the set as it was written.

    The canvas has the first picture's ratio and a long side of `options.size` pixels, without one 960 or the picture's
    own if that is smaller. Raises `InvalidRequest` for fewer than two pictures.
    """
    canvas = _canvas(cards, options.size)
    frames: list[Image.Image] = []
    written: list[Card] = []
    for card in progress(cards.cards, "gif"):
        try:
            if card.picture is not None:
                frames.append(_quantise(_letterbox(fit_on_paper(card.picture, canvas), canvas)))
            written.append(card)
        except ImageError as error:
            written.append(card.without_picture(error, cards.words))
    if len(frames) < 2:
        raise InvalidRequest(TOO_FEW_FOR_GIF(count=len(frames)))
    frames[0].save(
        path,
        "GIF",
        save_all=True,
        append_images=frames[1:],
        duration=round(options.seconds * 1000),
        loop=0,
        optimize=False,
        comment=provenance_of(cards).comment.encode(),
    )
    return replace(cards, cards=tuple(written))


def _canvas(cards: CardSet, size: int | None) -> tuple[int, int]:
    """Pixels of the canvas."""
    first = next(iter(cards.pictures), None)
    largest = max(first.width or 0, first.height or 0) if first else 0
    side = size or min(GIF_LONG_SIDE, largest or GIF_LONG_SIDE)
    return max(1, round(side * min(1, cards.ratio))), max(1, round(side * min(1, 1 / cards.ratio)))


def _letterbox(picture: Image.Image, canvas: tuple[int, int]) -> Image.Image:
    if picture.size == canvas:
        return picture
    ground = Image.new("RGB", canvas, MATTE)
    ground.paste(picture, ((canvas[0] - picture.width) // 2, (canvas[1] - picture.height) // 2))
    return ground


def _quantise(picture: Image.Image) -> Image.Image:
    """The picture in 256 colours of its own: half of them where most of it is, half over all that occur in it.

    Either kind alone shows twice the error: medians leave out rare colours, an even spread steps in gradients. Pillow
    spreads the error (dithers) only over a palette that it is given.
    """
    sample = picture.copy()
    sample.thumbnail((240, 240), Image.Resampling.NEAREST)
    common = sample.quantize(128, Image.Quantize.MEDIANCUT, kmeans=1)
    spread = picture.quantize(128, Image.Quantize.FASTOCTREE)
    palette = Image.new("P", (1, 1))
    palette.putpalette([*_colours(common), *_colours(spread)])
    return picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)


def _colours(quantised: Image.Image) -> list[int]:
    return (quantised.getpalette() or [])[: 3 * 128]
