"""A set as a PDF: a frame on each page, two on each spread, or all on contact sheets.

fpdf2 writes it: it embeds the bytes of a JPEG untouched and other kinds without loss, and takes of a font only the
letters that are used. Lines are broken as on the contact sheet that is a picture. Lengths are points, 1/72 inch.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from seedream_magic.errors import ConfigError, ImageInvalid
from seedream_magic.pillow import as_shipped
from seedream_magic.view.cards import Card, CardSet
from seedream_magic.view.export_options import PAGE_SIZES, ExportOptions
from seedream_magic.view.lettering import Lettering, find_lettering, wrap
from seedream_magic.view.page import WIDE
from seedream_magic.view.pictures import original, progress
from seedream_magic.view.provenance import TOOL, provenance_of, storable
from seedream_magic.words import export as texts
from seedream_magic.words.clip import one_line

_MARGIN, _GAP = 40.0, 18.0
_COVER, _HEADING, _CAPTION, _SMALL, _FACTS = 30.0, 17.0, 13.0, 9.5, 8.0
_LINE = 1.45
"""Height of a line, in sizes of its letters."""
_LONGER_SIDE = 842.0
"""Of a page that is as large as its picture."""
_MOST_COLUMNS = 4
"""Of a contact sheet: as many as show all pictures on one page as large as possible, and never more than this."""
_INK, _QUIET = (28, 28, 31), (98, 98, 104)


@dataclass(frozen=True)
class _Box:
    """A part of a page, from its upper left corner on."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class _Plan:
    """The pages of a document: their size, and where on each a picture and its caption go."""

    page: tuple[float, float]
    boxes: tuple[_Box, ...]
    letters: float
    lines: int


@as_shipped()  # the library that writes it opens the pictures, too
def write_pdf(cards: CardSet, path: Path, options: ExportOptions) -> CardSet:
    """Write the document; return the set as it was written: a picture that cannot be read is a failed one.

    Only what has a picture is in it. With a title it has a cover; contact sheets have the title above them. Raises
    `ConfigError` where fpdf2 is not installed.
    """
    try:
        from fpdf import FPDF  # noqa: PLC0415 - an extra: only who writes a PDF has it
    except ImportError as exc:
        raise ConfigError(texts.FPDF2_MISSING(), hint='%pip install "seedream-magic[pdf]"') from exc
    lettering = find_lettering()
    plan = _plan(cards, options, _lines(cards, options, lettering))
    document = _Document(FPDF(unit="pt", format=plan.page), lettering, plan)
    document.describe(cards, options)
    if options.title and options.layout != "sheet":
        document.add_cover(options.title, options.author)
    heading = options.title if options.layout == "sheet" else None
    facts = provenance_of(cards).line(cards.words) if options.facts else ""
    written: list[Card] = []
    placed = 0
    for card in progress(cards.cards, "pdf"):
        if card.picture is None:
            written.append(card)
            continue
        try:
            picture = original(card.picture)
            size = _size(picture, card.picture.name)
        except ImageInvalid as error:
            written.append(card.without_picture(error, cards.words))
            continue
        if placed % len(plan.boxes) == 0:
            document.add_page(heading if placed == 0 else None, facts)
        document.place(picture, size, cards.caption_of(card), plan.boxes[placed % len(plan.boxes)])
        written.append(card)
        placed += 1
    document.pdf.output(str(path))
    return replace(cards, cards=tuple(written))


def _size(picture: bytes, name: str) -> tuple[int, int]:
    """The pixels of a picture. Raises `ImageInvalid` for what cannot be decoded: a reader could not show it either."""
    try:
        with Image.open(io.BytesIO(picture), formats=("JPEG", "PNG", "WEBP")) as opened:
            opened.load()
            return opened.size
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as exc:
        raise ImageInvalid(texts.NO_PICTURE_IN_FILE(file=name)) from exc


def _lines(cards: CardSet, options: ExportOptions, lettering: Lettering) -> int:
    """How many lines the longest caption takes, as far as there is room for it."""
    most = 2 if options.layout == "sheet" else 4
    plan = _plan(cards, options, most)
    captions = (_legible(cards.caption_of(card), lettering) for card in cards.pictures)
    return max(len(_broken(caption, plan.boxes[0].width, plan.letters, most, lettering)) for caption in captions)


def _plan(cards: CardSet, options: ExportOptions, lines: int) -> _Plan:
    """The pages that these pictures need, with so many lines below each."""
    ratio, sheet = cards.ratio, options.layout == "sheet"
    letters = _SMALL if sheet else _CAPTION
    below = lines * letters * _LINE + 10 if lines else 0.0
    named = PAGE_SIZES[options.page_size]
    if named is None:
        scale = _LONGER_SIDE / max(ratio, 1.0)
        page, margin = (ratio * scale, scale + below), 0.0
    else:
        page, margin = (named[::-1] if ratio > WIDE and not sheet else named), _MARGIN
    width, height = page
    if not sheet:
        sides = 2 if options.layout == "spread" else 1
        inner = (width - 2 * margin, height - 2 * margin)
        boxes = tuple(_Box(side * width + margin, margin, *inner) for side in range(sides))
        return _Plan((width * sides, height), boxes, letters, lines)
    margin, count = max(margin, _GAP), len(cards.pictures)
    top = margin + (2 * _HEADING if options.title else 0)
    room = height - top - margin
    widths = [(width - 2 * margin - (columns - 1) * _GAP) / columns for columns in range(1, _MOST_COLUMNS + 1)]
    smallest = min(widths[-1] / ratio, room - below)
    plans: list[tuple[bool, float, _Plan]] = []
    for columns, wide in enumerate(widths, 1):
        # As tall as leaves room for all on one page, and no smaller than where a page is full.
        rows = -(-count // columns)
        tall = min(wide / ratio, max((room - (rows - 1) * _GAP) / rows - below, smallest))
        rows = max(1, int((room + _GAP) / (tall + below + _GAP) + 1e-6))
        corners = [
            (margin + column * (wide + _GAP), top + row * (tall + below + _GAP))
            for row in range(rows)
            for column in range(columns)
        ]
        plan = _Plan(page, tuple(_Box(*corner, wide, tall + below) for corner in corners), letters, lines)
        whole = len(corners) >= count
        plans.append((whole, min(wide, tall * ratio) if whole else columns, plan))
    return max(plans, key=lambda found: found[:2])[2]


def _legible(text: str, lettering: Lettering) -> str:
    """The text in one line, without what the typeface lacks; the PDF's own has the letters of Western Europe."""
    legible = lettering.legible(one_line(storable(text), 2000))
    return legible if lettering.file else legible.encode("latin-1", "ignore").decode("latin-1")


def _broken(text: str, width: float, letters: float, lines: int, lettering: Lettering) -> list[str]:
    """The text in lines of this width; the two programs measure a line with a hundredth of difference."""
    return wrap(text, lettering.font(letters), width * 0.98, lines)


class _Document:
    """The PDF while it is written."""

    def __init__(self, pdf: Any, lettering: Lettering, plan: _Plan) -> None:
        self.pdf, self._lettering, self._plan = pdf, lettering, plan
        pdf.set_auto_page_break(False)
        pdf.c_margin = 0  # else each line of text is moved by a millimetre
        self._family = "helvetica"
        if lettering.file is not None:
            self._family = "letters"
            pdf.add_font(self._family, "", lettering.file, collection_font_number=lettering.face)

    def describe(self, cards: CardSet, options: ExportOptions) -> None:
        """Say in the document's own facts what it is, and that a model made its pictures."""
        provenance = provenance_of(cards)
        self.pdf.set_title(storable(one_line(options.title or cards.title, 300)))
        if options.author:
            self.pdf.set_author(storable(options.author))
        self.pdf.set_subject(provenance.line(cards.words))
        self.pdf.set_keywords(provenance.comment)
        self.pdf.set_creator(TOOL)
        self.pdf.set_lang(cards.language)
        if provenance.created:
            self.pdf.set_creation_date(provenance.created)

    def add_cover(self, title: str, author: str | None) -> None:
        """A page with nothing but the title and its author."""
        self.pdf.add_page()
        width, height = self._plan.page
        box = _Box(width * 0.12, height * 0.36, width * 0.76, height)
        bottom = self._write(title, self._balanced(title, box), _COVER, 5, _INK)
        if author:
            self._write(author, replace(box, y=bottom + _CAPTION), _CAPTION, 2, _QUIET)

    def _balanced(self, title: str, box: _Box) -> _Box:
        """The narrowest box in which the title has no more lines, so that no word stands alone in the last one."""
        shares = (
            replace(box, x=box.x + box.width * cut / 2, width=box.width * (1 - cut)) for cut in (0.4, 0.3, 0.2, 0.1)
        )
        text = _legible(title, self._lettering)

        def lines(room: _Box) -> list[str]:
            return _broken(text, room.width, _COVER, 5, self._lettering)

        fewest = len(lines(box))
        return next((room for room in shares if len(lines(room)) == fewest), box) if fewest < 5 else box

    def add_page(self, heading: str | None, facts: str) -> None:
        """A page for pictures; `heading` above them, `facts` in small letters at the bottom."""
        self.pdf.add_page()
        width, height = self._plan.page
        if heading:
            self._write(heading, _Box(_MARGIN, _MARGIN, width - 2 * _MARGIN, height), _HEADING, 1, _INK, left=True)
        if facts:
            foot = _Box(_GAP, height - 2 * _FACTS * _LINE, width - 2 * _GAP, height)
            self._write(facts, foot, _FACTS, 1, _QUIET)

    def place(self, picture: bytes, size: tuple[int, int], caption: str, box: _Box) -> None:
        """A picture as large as the box allows, its caption below it."""
        room = self._plan.lines * self._plan.letters * _LINE + 10 if self._plan.lines else 0.0
        scale = min(box.width / size[0], (box.height - room) / size[1])
        width, height = size[0] * scale, size[1] * scale
        x, y = box.x + (box.width - width) / 2, box.y + (box.height - room - height) / 2
        alternative = storable(one_line(caption, 300))
        self.pdf.image(io.BytesIO(picture), x=x, y=y, w=width, h=height, alt_text=alternative or None)
        if caption and room:
            inset = max(0.0, _GAP - box.x) if box.x < _GAP else 0.0
            below = _Box(box.x + inset, y + height + 8, box.width - 2 * inset, box.height)
            self._write(caption, below, self._plan.letters, self._plan.lines, _INK)

    def _write(
        self, text: str, box: _Box, letters: float, lines: int, ink: tuple[int, int, int], *, left: bool = False
    ) -> float:
        """Write a text in at most so many lines into the upper part of a box; where it ends."""
        legible = _legible(text, self._lettering)
        self.pdf.set_font(self._family, size=letters)
        self.pdf.set_text_color(*ink)
        y = box.y
        for line in _broken(legible, box.width, letters, lines, self._lettering):
            self.pdf.set_xy(box.x, y)
            self.pdf.cell(box.width, letters * _LINE, line, align="L" if left else "C")
            y += letters * _LINE
        return y
