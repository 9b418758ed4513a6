"""`%seedream models`: what each model takes, as a table that reads without scripts and as text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seedream_magic.api import models
from seedream_magic.api.models import KNOWN_IDS, MAXIMUM_IMAGES, Model, find_model
from seedream_magic.api.values import OUTPUT_FORMATS

_HEADINGS = ("model 模型", "sizes 尺寸", "pixels 像素", "set 组图", "stream 流式", "refs 参考图", "formats 格式")
_OPTIONS, _IDS = "further options 其他选项", "model ids 模型编号"
_FLAGS = {"tools": "--web-search", "fast": "--optimize-prompt fast"}
"""The options of fields whose names differ from them."""
_CURRENT = "← this session 当前"
_UNCHECKED = "not checked 不检查"
_TABLE = "border-collapse:collapse;font-size:13px;text-align:left"
_CELL = (
    "padding:4px 12px 4px 0;vertical-align:top;text-align:left;white-space:nowrap;"
    "border-bottom:1px solid rgba(127,127,127,0.3)"
)
"""A number or an option cut in two is hard to read; where the column is narrow the table scrolls."""
_GREY = "opacity:0.75;font-weight:400"
_QUIET = "margin:8px 0 0 0;font-size:12px;opacity:0.75;text-align:left"


@dataclass(frozen=True)
class Row:
    """One line of the table; `ids` are texts such as "ark: doubao-seedream-4-5-251128"."""

    cells: tuple[str, ...]
    options: tuple[str, ...]
    ids: tuple[str, ...]
    current: bool

    def has(self, words: Sequence[str]) -> bool:
        """Whether each word is in a cell or an id, or names an option."""
        text = " ".join((*self.cells, *self.ids)).lower()
        named = {word for option in self.options for word in (*option.split(), *option.lstrip("-").split())}
        return all(word in text or word in named for word in words)


def ids_for(provider: str) -> tuple[str, ...]:
    """The ids that are documented for a provider. Gateways take undated ones; whether dated ones too is not known."""
    if provider == "byteplus":
        return tuple(known for known in KNOWN_IDS if not known.startswith("doubao-"))
    dated = provider == "ark"
    return tuple(known for known in KNOWN_IDS if known.startswith("doubao-") and _is_dated(known) is dated)


def models_bundle(current: str, words: str = "") -> dict[str, Any]:
    """The mimebundle of the table; `current` is the session's model id, `words` choose the lines that hold them all.

    An id that the table does not know is a line of its own: nothing is checked for it.
    """
    rows = _rows(current)
    wanted = words.lower().split()
    chosen = [row for row in rows if row.has(wanted)] or _rows_of_ids(wanted, current)
    notes = (
        _source(),
        f"References and images of one call together: at most {MAXIMUM_IMAGES}. Other ids (ep-…) are sent unchecked.",
        *([] if chosen else [f"No line has {words!r}; here are all. · 没有匹配的行，以下为全部。"]),
    )
    return {"text/html": _html(chosen or rows, notes), "text/plain": _plain(chosen or rows, notes)}


def _rows(current: str) -> list[Row]:
    known = [model for model in vars(models).values() if isinstance(model, Model)]
    chosen = find_model(current)
    rows = [Row(_cells(model), _options(model), _ids_of(model), model is chosen) for model in known]
    return rows if chosen else [_unchecked(current, current=True), *rows]


def _rows_of_ids(words: Sequence[str], current: str) -> list[Row]:
    """The lines of words that are model ids, though the table does not list them word for word."""
    ids = [word for word in words if find_model(word) or word.startswith("ep-")]
    if len(ids) != len(words):
        return []
    found = [(word, find_model(word)) for word in ids]
    return [
        Row(_cells(model), _options(model), (word,), model is find_model(current))
        if model
        else _unchecked(word, current=word == current)
        for word, model in found
    ]


def _unchecked(model_id: str, *, current: bool) -> Row:
    return Row((model_id, _UNCHECKED, *[""] * (len(_HEADINGS) - 2)), (), (), current=current)


def _cells(model: Model) -> tuple[str, ...]:
    return (
        model.name,
        " ".join(model.presets) or "WIDTHxHEIGHT",
        f"{model.minimum_area:,} - {model.maximum_area:,}",
        f"2-{MAXIMUM_IMAGES}" if model.sets else "no",
        "yes" if model.stream else "no",
        str(model.references or "none"),
        " ".join(OUTPUT_FORMATS if "output_format" in model.fields else OUTPUT_FORMATS[:1]),
    )


def _options(model: Model) -> tuple[str, ...]:
    further = sorted(model.fields - {"output_format"})
    return tuple(_FLAGS.get(field, f"--{field.replace('_', '-')}") for field in further)


def _ids_of(model: Model) -> tuple[str, ...]:
    by_provider = {name: ids_for(name.split(",")[0]) for name in ("anyfast, demo", "ark", "byteplus")}
    return tuple(
        f"{provider}: {known}" for provider, ids in by_provider.items() for known in ids if find_model(known) is model
    )


def _is_dated(model_id: str) -> bool:
    return re.search(r"-\d{6}$", model_id) is not None


def _source() -> str:
    """Where the facts are from and of when: the sentence that stands above their table."""
    found = re.search(r"The facts are[^;.]+", models.__doc__ or "")
    return " ".join(found[0].split()) + "." if found else ""


def _html(rows: Sequence[Row], notes: Sequence[str]) -> str:
    from seedream_magic.view.carousel import element  # noqa: PLC0415 - it loads Pillow

    def line(name: str, cells: Sequence[Sequence[str]]) -> str:
        return element("tr", {}, *(element(name, {"style": _CELL}, *cell) for cell in cells))

    def heading(text: str) -> list[str]:
        english, _, chinese = text.rpartition(" ")
        return [element("div", {}, english), element("div", {"style": _GREY}, chinese)]

    def fact(text: str) -> Sequence[str]:
        name, mark, _ = text.partition(_CURRENT)
        return [name, element("div", {"style": _GREY}, mark)] if mark else [name]

    def known(text: str) -> str:
        provider, _, model_id = text.rpartition(": ")
        told = [element("span", {"style": _GREY}, provider), " "] if provider else []
        return element("div", {}, *told, model_id)

    head = line("th", [heading(text) for text in (*_HEADINGS, _OPTIONS, _IDS)])
    ids = [[known(text) for text in row.ids] for row in rows]
    told = [[*map(fact, _shown(row)), [element("div", {}, text) for text in row.options]] for row in rows]
    body = [line("td", [*cells, cell]) for cells, cell in zip(told, ids, strict=True)]
    table = element("table", {"style": _TABLE}, element("thead", {}, head), element("tbody", {}, *body))
    below = [element("p", {"style": _QUIET}, note) for note in notes if note]
    return str(element("div", {"style": "overflow-x:auto"}, table, *below))


def _plain(rows: Sequence[Row], notes: Sequence[str]) -> str:
    lines = [_HEADINGS, *(_shown(row) for row in rows)]
    widths = [max(_width(line[column]) for line in lines) for column in range(len(_HEADINGS))]

    def line(texts: Sequence[str]) -> str:
        padded = (text + " " * (width - _width(text)) for text, width in zip(texts, widths, strict=True))
        return "  ".join(padded).rstrip()

    told = [line(_HEADINGS)]
    for row in rows:
        told += [line(_shown(row)), *(f"    {text}" for text in row.ids)]
        told += [f"    {', '.join(row.options)}"] if row.options else []
    return "\n".join([*told, "", *(note for note in notes if note)])


def _shown(row: Row) -> tuple[str, ...]:
    return (f"{row.cells[0]} {_CURRENT}" if row.current else row.cells[0], *row.cells[1:])


def _width(text: str) -> int:
    """Columns that a text takes in a terminal: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
