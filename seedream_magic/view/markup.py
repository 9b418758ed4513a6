"""The one place where HTML is written: elements, tables, and the files that stand in it as they are.

What is written reads without scripts and style sheets, which a front end may take away. Tables are made twice: as HTML,
and as columns of text for a terminal.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from seedream_magic.view.cards import Preview, Row
from seedream_magic.words import history as texts
from seedream_magic.words.carousel import Words
from seedream_magic.words.clip import one_line, text_width

_UNSAFE = re.compile("[\x00\ud800-\udfff]")
# Comments, each to its end, and the white space before every line: what a browser does not need.
_UNSEEN = re.compile(r"/\*.*?\*/\s*|^\s*//[^\n]*\n| // [^\n]*$|^\s+", re.MULTILINE | re.DOTALL)
_VOID = frozenset({"img"})

QUIET = "font-size:12px;opacity:0.75"
"""The style of what stands beside the facts."""
# Front ends have styles of their own for tables (right-aligned cells, columns of one width); these stand above them.
_TABLE = (
    "table-layout:auto;width:100%;border-collapse:collapse;margin:0;color:inherit;font-size:13px;line-height:1.45;"
    "text-align:left"
)
_BESIDE = "display:flex;flex-wrap:wrap;gap:2px 14px"
_ROW = {"style": "background:none"}
"""One text colour is not read on rows of two colours: some themes keep light rows in the dark."""
_CELL = "padding:6px;text-align:left;vertical-align:top;border-bottom:1px solid rgba(127,127,127,0.25)"
_WHOLE = f"{_CELL};white-space:nowrap"
"""A number cut in two is hard to read."""
_WIDE = f"{_CELL};width:100%;overflow-wrap:anywhere"
_TURNING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
"""Characters that change the direction of the text after them, by their classes in Unicode."""

Cell = Sequence[str]
"""What stands in a cell: text, and `Markup` as it is."""


class Markup(str):
    """Text that is HTML already. Only `element` makes it."""

    __slots__ = ()


def element(name: str, attributes: Mapping[str, str | int | None], *children: str) -> Markup:
    """The one place where HTML is written: every value and every child that is not `Markup` is escaped.

    An attribute that is None is left out. NUL and lone surrogates, which no HTML can hold, become U+FFFD. It has no
    empty line, at which Markdown would take what follows for its own.
    """
    given = "".join(f' {key}="{_escape(str(value))}"' for key, value in attributes.items() if value is not None)
    if name in _VOID:
        return Markup(f"<{name}{given}>")
    inner = "".join(child if isinstance(child, Markup) else _escape(child) for child in children)
    return Markup(f"<{name}{given}>{inner}</{name}>")


def _escape(text: str) -> str:
    kept = html.escape(_UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text), quote=True)
    return kept.replace("\r", "&#13;").replace("\n", "&#10;")


@cache
def style_sheet(*names: str, package: str = "seedream_magic.view") -> Markup:
    """The style sheet of these files of a package's folder."""
    return element("style", {}, Markup(f"<!--\n{code(names, package)}\n-->"))


@cache
def script(*names: str) -> Markup:
    """The script of these files of this folder."""
    return element("script", {}, Markup(f"<!--\n{code(names)}\n//-->"))


def code(names: Sequence[str], package: str = "seedream_magic.view") -> str:
    """Files as they are sent: without their comments and indentation; what holds them puts a comment of HTML around.

    Style sheets and scripts may begin and end one. GitHub's Markdown and `nbconvert --sanitize-html`, which make text
    of the two tags, take comments out: so no code is read there.
    """
    folder = files(package)
    return _UNSEEN.sub("", "".join(folder.joinpath(name).read_text(encoding="utf-8") for name in names)).strip()


NOTHING = element("div", {"class": "seedream-nothing", "hidden": ""}, style_sheet("nothing.css"))
"""An output that shows nothing, and takes no room. What was displayed is never taken away again."""


def html_table(heads: Sequence[Cell], rows: Sequence[Sequence[Cell]], *, wide: int) -> Markup:
    """The table; column `wide` breaks its lines and takes the width that the others leave."""
    head = element("tr", _ROW, *_line("th", heads, wide, scope="col"))
    lines = [element("tr", _ROW, *_line("td", row, wide)) for row in rows]
    body = (element("thead", {}, head), element("tbody", {}, *lines))
    # Material for MkDocs has wide columns for each table that has no class.
    return element("table", {"class": "seedream-table", "style": _TABLE}, *body)


def _line(name: str, cells: Sequence[Cell], wide: int, **attributes: str) -> Iterator[Markup]:
    for column, cell in enumerate(cells):
        yield element(name, {**attributes, "style": _WIDE if column == wide else _WHOLE}, *cell)


def beside(*parts: tuple[str, Cell]) -> Markup:
    """Parts of a cell side by side, each with its width as CSS has it in `flex`; where the page is narrow, one below
    the other. Cells with the same widths align as columns.
    """
    return element(
        "div",
        {"style": _BESIDE},
        *(element("div", {"style": f"flex:{flex};min-width:0"}, *cell) for flex, cell in parts),
    )


def html_notes(notes: Sequence[str]) -> list[Markup]:
    """The sentences below a table, which begin where its words do."""
    return [element("p", {"style": f"margin:8px 0 0 0;padding:0 6px;text-align:left;{QUIET}"}, note) for note in notes]


def text_table(rows: Sequence[Sequence[str]]) -> list[str]:
    """A line for each row, whose columns stand below each other in a terminal."""
    widths = [max(map(text_width, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(text + " " * (width - text_width(text)) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


_HAN = r"\u3000-\u9fff\uf900-\uff60"
_OPENING = "（《「『【“"
_CLOSING = r"\u3001\u3002\uff01\uff09\uff0c\uff1a\uff1b\uff1f》）」』】”…"
_PIECES = re.compile(
    rf"[^\S\n]*[{_OPENING}]*(?:\{{[^{{}}\s]{{1,20}}\}}|--\w+|(?![{_OPENING}])[{_HAN}]|(?:(?![{_OPENING}])[^\s{_HAN}])+)"
    rf"[{_CLOSING}]*|[{_OPENING}]"
)
"""Of a text that is broken into lines: a word, one Chinese character or what stands in braces, with the signs that
must not end a line before it and those that must not begin one behind it."""


def text_lines(text: str, columns: int, *, first: str = "", then: str = "") -> list[str]:
    """The text in lines of so many columns of a terminal, with these beginnings. A longer word has a line for itself.

    Chinese, which has no blanks, breaks between any two characters.
    """
    lines, empty = [first], True
    for piece in _PIECES.findall(text):
        if not empty and text_width(lines[-1] + piece) > columns:
            lines.append(then)
            empty = True
        lines[-1] += piece.lstrip() if empty else piece
        empty = False
    return lines


def text_within(text: str, width: int) -> str:
    """The text in one line of at most so many columns, without characters that steer a terminal or turn the text."""
    text = "".join(
        "\N{REPLACEMENT CHARACTER}"
        if unicodedata.bidirectional(letter) in _TURNING or unicodedata.category(letter) in {"Cc", "Cs"}
        else letter
        for letter in one_line(text, width * 4)
    )
    if text_width(text) <= width:
        return text
    while text_width(text) > width - 1:
        text = text[:-1]
    return text.rstrip() + "…"


_HEADS = (texts.WHEN, texts.FRAMES, texts.BILLED, texts.RUN, texts.NOTEBOOK, texts.STORE, texts.PROMPT)
_CODE = "font-size:12px;color:inherit;background:none;border:0;padding:0;white-space:normal"
_ONE_PIECE = "white-space:nowrap"
"""An id cut in two is hard to read; the line breaks before it."""
_THUMBNAIL = "display:block;max-width:64px;max-height:64px;width:auto;height:auto;margin:0;padding:0;filter:none"
_NO_PICTURE = "width:64px;height:40px;border-radius:4px;background-color:rgba(127,127,127,0.12)"


def rows_bundle(rows: Sequence[Row], notes: Sequence[str], words: Words) -> dict[str, Any]:
    """The mimebundle (`text/html`, `text/plain`) of a table with these rows, and sentences below it."""
    return {"text/html": str(_html(rows, notes, words)), "text/plain": _plain(rows, notes, words)}


def _html(rows: Sequence[Row], notes: Sequence[str], words: Words) -> Markup:
    heads: list[Cell] = [["#"], [""], [_run_parts([words(texts.PROMPT)], words(texts.FRAMES), words(texts.BILLED))]]
    table = [html_table(heads, [_cells(row) for row in rows], wide=2)] if rows else []
    attributes = {"class": "seedream-history tex2jax_ignore mathjax_ignore", "lang": words.language}
    return element("div", attributes, *table, *html_notes(notes))


def _cells(row: Row) -> list[Cell]:
    facts = (
        text_within(row.state, 20),
        row.when,
        text_within(row.marks, 60),
        *(text_within(text, 40) for text in (row.model, row.notebook, row.store)),
    )
    run = element("span", {"style": _ONE_PIECE}, row.id)
    lines = (
        element("div", {}, element("bdi", {}, text_within(row.caption, 110))),
        element("div", {"style": QUIET}, " · ".join(fact for fact in facts if fact)),
        element("div", {"style": QUIET}, element("code", {"style": _CODE}, f"{row.command} ", run)),
    )
    thumbnail = _thumbnail(row.picture, text_within(row.caption, 40))
    return [[str(row.number)], [thumbnail], [_run_parts(lines, row.progress, row.bill)]]


def _run_parts(words: Cell, frames: str, bill: str) -> Markup:
    """The words of a run, and beside or below them what came of it and what it cost."""
    return beside(("1 1 180px", words), ("0 0 174px", [beside(("0 0 60px", [frames]), ("0 0 100px", [bill]))]))


def _thumbnail(picture: Preview | None, prompt: str) -> Markup:
    if picture is None:
        return element("div", {"style": _NO_PICTURE})
    shrink = min(1.0, 64 / max(picture.width, picture.height, 1))
    attributes: dict[str, str | int | None] = {
        "src": picture.data_uri,
        "alt": prompt,
        "width": max(1, round(picture.width * shrink)),
        "height": max(1, round(picture.height * shrink)),
        "style": _THUMBNAIL,
    }
    return element("img", attributes)


def _plain(rows: Sequence[Row], notes: Sequence[str], words: Words) -> str:
    lines: list[tuple[str, ...]] = [("#", *map(words, _HEADS))] if rows else []
    for row in rows:
        state, prompt = text_within(row.state, 20), text_within(row.caption, 48)
        described = " ".join(filter(None, (text_within(row.marks, 24), prompt)))
        described = words(texts.STATE, state=state, rest=described) if state else described
        notebook, store = text_within(row.notebook, 24), text_within(row.store, 28)
        lines.append((str(row.number), row.when, row.progress, row.bill, row.id, notebook, store, described))
    if not any(row.store for row in rows):
        lines = [(*line[:-2], line[-1]) for line in lines]
    return "\n".join((*text_table(lines), *notes))
