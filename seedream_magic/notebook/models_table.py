"""`%seedream models`: what each model takes, which the key may use; a table that reads without scripts and as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seedream_magic.api import models
from seedream_magic.api.fields import FIELDS
from seedream_magic.api.models import MAXIMUM_IMAGES, Model, find_model, ids_for
from seedream_magic.api.values import OUTPUT_FORMATS
from seedream_magic.view.markup import Cell, Markup, beside, element, html_notes, html_table, text_table
from seedream_magic.words import commands
from seedream_magic.words import models as texts
from seedream_magic.words.doctor import NO, YES
from seedream_magic.words.lists import enumeration
from seedream_magic.words.requests import PIXELS_ONLY

if TYPE_CHECKING:
    from seedream_magic.api.live_models import LiveModel

_GREY = "opacity:0.75;font-weight:400"
_NAME = "white-space:normal;min-width:clamp(60px,11vw,130px);max-width:160px;overflow-wrap:break-word"
_ONE_PIECE = "display:inline-block;font-size:12px"
"""An id cut in two is hard to read; the line breaks before it."""
_WIDTHS = ("1 1 100px", "1 1 116px", "2 1 206px")
"""Of sizes, what a model takes, and its ids."""


@dataclass(frozen=True)
class Row:
    """One line of the table: `cells` of a terminal, `takes` the same in words, `ids` as "ark: doubao-seedream-4-5"."""

    cells: tuple[str, ...]
    takes: tuple[str, ...]
    options: tuple[str, ...]
    ids: tuple[str, ...]
    current: bool

    def has(self, words: Sequence[str]) -> bool:
        """Whether each word is in a cell or an id, or names an option."""
        text = " ".join((*self.cells, *self.takes, *self.ids)).lower()
        named = {word for option in self.options for word in (*option.split(), *option.lstrip("-").split())}
        return all(word in text or word in named for word in words)


def models_bundle(current: str, words: str = "") -> dict[str, Any]:
    """The mimebundle of the table; `current` is the session's model id, `words` choose the lines that hold them all.

    An id that the table does not know is a line of its own: nothing is checked for it.
    """
    rows = _rows(current)
    sought = words.lower().split()
    chosen = [row for row in rows if row.has(sought)] or _rows_of_ids(sought, current)
    notes = [texts.SOURCE(), texts.TOGETHER(most=MAXIMUM_IMAGES)]
    notes += [] if chosen else [texts.NO_LINE(words=repr(words))]
    return {"text/html": _html(chosen or rows, notes), "text/plain": _plain(chosen or rows, notes)}


def live_bundle(current: str, provider: str, listed: Sequence[LiveModel], words: str = "") -> dict[str, Any]:
    """The same for what a provider says that the key may use; `words` choose the lines that hold them all.

    An id stands with the model that it is; one that the table does not know is a line of its own.
    """
    ids = {model.model_id: f"{model.model_id} ({model.state})" if model.state else model.model_id for model in listed}
    rows = []
    for model in (value for value in vars(models).values() if isinstance(value, Model)):
        own = tuple(shown for model_id, shown in ids.items() if find_model(model_id) is model)
        rows += [_row(model, own, current)] if own else []
    rows += [_unchecked(shown, current) for model_id, shown in ids.items() if find_model(model_id) is None]
    chosen = [row for row in rows if row.has(words.lower().split())] or rows
    notes = [texts.LISTED(provider=provider, count=len(ids))]
    if not rows:
        return {"text/plain": notes[0]}
    return {"text/html": _html(chosen, notes), "text/plain": _plain(chosen, notes)}


def _rows(current: str) -> list[Row]:
    """A line for each model, and before them one for a session's model that is none of them."""
    rows = []
    for model in (value for value in vars(models).values() if isinstance(value, Model)):
        providers = {
            enumeration(names): ids_for(names[0])
            for names in (("anyfast", "demo"), ("ark",), ("ark-plan",), ("byteplus",))
        }
        known = [(provider, model_id) for provider, ids in providers.items() for model_id in ids]
        ids = tuple(f"{provider}: {model_id}" for provider, model_id in known if find_model(model_id) is model)
        rows.append(_row(model, ids, current))
    return rows if find_model(current) else [_unchecked(current, current), *rows]


def _rows_of_ids(words: Sequence[str], current: str) -> list[Row]:
    """The lines of words that are model ids, though the table does not list them word for word."""
    rows = []
    for word in words:
        if model := find_model(word):
            rows.append(_row(model, (word,), current))
        elif word.startswith("ep-"):
            rows.append(_unchecked(word, current))
        else:
            return []
    return rows


def _row(model: Model, ids: tuple[str, ...], current: str) -> Row:
    cells = (
        model.name,
        " ".join(model.presets) or PIXELS_ONLY(),
        f"{model.minimum_area:,} - {model.maximum_area:,}",
        f"2-{MAXIMUM_IMAGES}" if model.sets else NO(),
        YES() if model.stream else NO(),
        str(model.references or texts.NONE()),
        " ".join(OUTPUT_FORMATS if "output_format" in model.fields else OUTPUT_FORMATS[:1]),
    )
    further = (field for field in FIELDS if field.needs in model.fields - {"output_format"})
    options = tuple(field.limited for field in further)
    takes = (
        texts.SETS_OF(images=cells[3]) if model.sets else texts.NO_SETS(),
        texts.STREAMS() if model.stream else texts.NO_STREAM(),
        texts.TAKES_REFERENCES(count=model.references) if model.references else texts.TAKES_NO_REFERENCES(),
        cells[6],
    )
    return Row(cells, takes, options, ids, model is find_model(current))


def _unchecked(model_id: str, current: str) -> Row:
    return Row((model_id, texts.UNCHECKED(), *[""] * 5), (), (), (), model_id == current)


def _html(rows: Sequence[Row], notes: Sequence[str]) -> str:
    """A line for each model: its name, and beside or below it sizes, what it takes, and its ids."""

    def lines(*texts_of: str) -> Cell:
        return [element("div", {}, text) for text in texts_of if text]

    def known(text: str) -> Markup:
        provider, _, model_id = text.rpartition(": ")
        named = (element("span", {"style": _GREY}, provider), " ") if provider else ()
        return element("div", {}, *named, element("span", {"style": _ONE_PIECE}, model_id))

    def cells(row: Row) -> list[Cell]:
        mark = [element("div", {"style": _GREY}, texts.CURRENT())] if row.current else []
        name, presets, pixels = row.cells[:3]
        parts = (lines(presets, pixels), lines(*row.takes, *row.options), [known(text) for text in row.ids])
        return [[element("div", {"style": _NAME}, f"{name} ", *mark)], [beside(*zip(_WIDTHS, parts, strict=True))]]

    named = ([text()] for text in (texts.SIZES, texts.TAKES, texts.IDS))
    heads: list[Cell] = [[commands.MODEL()], [beside(*zip(_WIDTHS, named, strict=True))]]
    return str(element("div", {}, html_table(heads, [cells(row) for row in rows], wide=1), *html_notes(notes)))


def _plain(rows: Sequence[Row], notes: Sequence[str]) -> str:
    headings = (commands.MODEL, texts.SIZES, texts.PIXELS, texts.SET, texts.STREAM, texts.REFERENCES, texts.FORMATS)
    head, *lines = text_table([[text() for text in headings], *(row.cells for row in rows)])
    text_lines = [head]
    for row, line in zip(rows, lines, strict=True):
        below = (
            *([texts.CURRENT()] if row.current else []),
            *row.ids,
            *([enumeration(row.options)] if row.options else []),
        )
        text_lines += [line, *(f"    {text}" for text in below)]
    return "\n".join([*text_lines, "", *notes])
