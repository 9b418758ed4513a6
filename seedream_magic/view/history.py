"""Sets as a table: a line for each, with its first picture where there is room for one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seedream_magic.view.cards import Preview, Row
from seedream_magic.view.markup import QUIET, Cell, Markup, element, html_notes, html_table, text_table, text_within
from seedream_magic.words import Words

_HEADS = {
    "en": ("When", "Frames", "Billed", "Run", "Notebook", "Prompt"),
    "zh": ("时间", "帧", "计费", "运行", "笔记本", "提示词"),
}
_CODE = "font-size:12px;background-color:transparent;padding:0;white-space:nowrap"
_THUMBNAIL = "display:block;max-width:64px;max-height:64px;width:auto;height:auto;margin:0;border-radius:4px"
_NO_PICTURE = "width:64px;height:40px;border-radius:4px;background-color:rgba(127,127,127,0.12)"


def rows_bundle(rows: Sequence[Row], notes: Sequence[str], words: Words) -> dict[str, Any]:
    """The mimebundle (`text/html`, `text/plain`) of a table with these rows, and sentences below it."""
    return {"text/html": str(_html(rows, notes, words)), "text/plain": _plain(rows, notes, words)}


def _html(rows: Sequence[Row], notes: Sequence[str], words: Words) -> Markup:
    _, progress, bill, _, _, prompt = _HEADS[words.language]
    table = [html_table([[""], [prompt], [progress], [bill]], [_cells(row) for row in rows], wide=1)] if rows else []
    attributes = {"class": "seedream-history tex2jax_ignore mathjax_ignore", "lang": words.language}
    return element("div", attributes, *table, *html_notes(notes))


def _cells(row: Row) -> list[Cell]:
    facts = (text_within(row.state, 20), row.when, text_within(row.model, 40), text_within(row.notebook, 40))
    lines = (
        element("div", {}, element("bdi", {}, text_within(row.caption, 110))),
        element("div", {"style": QUIET}, " · ".join(fact for fact in facts if fact)),
        element("div", {"style": QUIET}, element("code", {"style": _CODE}, row.id)),
    )
    return [[_thumbnail(row.picture, text_within(row.caption, 40))], lines, [row.progress], [row.bill]]


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
    lines = []
    for row in rows:
        state, prompt = text_within(row.state, 20), text_within(row.caption, 48)
        described = f"({state}) {prompt}" if state else prompt
        lines.append((row.when, row.progress, row.bill, row.id, text_within(row.notebook, 24), described))
    return "\n".join((*text_table([_HEADS[words.language], *lines] if lines else []), *notes))
