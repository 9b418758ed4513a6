"""The history as a table: a line for each run, with its first picture where there is room for one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from seedream_magic.errors import SeedreamError
from seedream_magic.images.image_set import Frame
from seedream_magic.images.index import HistoryEntry, Thumbnail, keep_thumbnails, kept_thumbnails
from seedream_magic.images.record import NUMBERED
from seedream_magic.view.markup import Markup, element
from seedream_magic.view.preview import preview
from seedream_magic.view.table import QUIET, Cell, html_notes, html_table, text_table, text_within
from seedream_magic.view.words import CHINESE, ENGLISH, Words, words_for

SHOWN = 50
"""Runs in the table; of more the newest."""
THUMBNAIL_BYTES = 3_800
"""Of a picture's data URI: fifty, and the text beside them, stay below 300,000 bytes."""

_HEADS = {
    "en": ("When", "Frames", "Billed", "Run", "Notebook", "Prompt"),
    "zh": ("时间", "帧", "计费", "运行", "笔记本", "提示词"),
}
_EMPTY = {
    "en": "No runs yet. Draw with %%seedream: each run is kept and listed here.",
    "zh": "还没有运行记录。用 %%seedream 生成图片，每次运行都会保存并列在这里。",
}
_NOT_FOUND = {
    "en": "No run has all of these words: {words}. %seedream history alone lists every run.",
    "zh": "没有同时包含这些词的运行：{words}。只输入 %seedream history 可列出全部。",
}
_MORE = {
    "en": "{count:,} earlier runs are not shown. Narrow them down with words: %seedream history sunset draft.ipynb",
    "zh": "还有 {count:,} 次更早的运行未显示。加词缩小范围，例如：%seedream history 日落 draft.ipynb",
}
_DEMO = {"en": "demo, free", "zh": "演示，免费"}
_STATES = {
    "partial": "部分完成",
    "failed": "失败",
    "stopped": "已停止",
    "damaged": "已损坏",
    "sending": "发送中",
    "answering": "生成中",
}
_SHOW = {"en": "See one again: %seedream show RUN", "zh": "再看一次：%seedream show 运行编号"}

_CODE = "font-size:12px;background-color:transparent;padding:0;white-space:nowrap"
_THUMBNAIL = "display:block;max-width:64px;max-height:64px;width:auto;height:auto;margin:0;border-radius:4px"
_NO_PICTURE = "width:64px;height:40px;border-radius:4px;background-color:rgba(127,127,127,0.12)"


def history_table(entries: Sequence[HistoryEntry], *, words: str | None = None) -> dict[str, Any]:
    """The mimebundle (`text/html`, `text/plain`) of a history, newest first, that was asked for with these words.

    Below 300,000 bytes, however many runs there are: the newest 50 are shown, and how to find the others is told. The
    times are local. Where no run is given it says what to do. Chinese where the words are, or, without words, most of
    the prompts that are shown.
    """
    shown, more = entries[:SHOWN], len(entries) - SHOWN
    language = words_for(words) if words else _language(shown)
    if not shown:
        told = (_NOT_FOUND if words else _EMPTY)[language.language]
        notes = [told.format(words=text_within(words or "", 80))]
    else:
        notes = [_MORE[language.language].format(count=more)] if more > 0 else []
        notes += [_SHOW[language.language]]
    return {"text/html": str(_html(shown, notes, language)), "text/plain": _plain(shown, notes, language)}


def _language(entries: Sequence[HistoryEntry]) -> Words:
    chinese = sum(words_for(entry.prompt) is CHINESE for entry in entries)
    return CHINESE if chinese * 2 > len(entries) else ENGLISH


def _html(entries: Sequence[HistoryEntry], notes: list[str], words: Words) -> Markup:
    thumbnails = _thumbnails(entries)
    _, frames, billed, _, _, prompt = _HEADS[words.language]
    heads = [[""], [prompt], [frames], [billed]]
    rows = [_row(entry, thumbnails.get(entry.run_id), words) for entry in entries]
    attributes = {"class": "seedream-history tex2jax_ignore mathjax_ignore", "lang": words.language}
    table = [html_table(heads, rows, wide=1)] if rows else []
    return element("div", attributes, *table, *html_notes(notes))


def _row(entry: HistoryEntry, thumbnail: Thumbnail | None, words: Words) -> list[Cell]:
    when, frames, billed = _facts(entry, words)
    facts = (_unusual(entry, words), when, text_within(entry.model, 40), text_within(entry.notebook, 40))
    told = (
        element("div", {}, element("bdi", {}, text_within(entry.prompt, 110))),
        element("div", {"style": QUIET}, " · ".join(fact for fact in facts if fact)),
        element("div", {"style": QUIET}, element("code", {"style": _CODE}, entry.run_id)),
    )
    return [[_image(thumbnail, text_within(entry.prompt, 40))], told, [frames], [billed]]


def _facts(entry: HistoryEntry, words: Words) -> tuple[str, str, str]:
    """When, frames, billed."""
    unsure = not entry.billed and entry.outcome not in {"not_sent", "rejected"}
    billed = words.maybe if unsure else str(entry.billed)
    billed = _DEMO[words.language] if entry.provider == "demo" else billed
    return _local(entry.began), f"{entry.frames} / {entry.expected}", billed


def _unusual(entry: HistoryEntry, words: Words) -> str:
    if entry.state == "done":
        return ""
    return text_within(_STATES.get(entry.state, entry.state) if words is CHINESE else entry.state, 20)


def _local(moment: datetime | None) -> str:
    try:
        return f"{moment.astimezone():%Y-%m-%d %H:%M}" if moment else ""
    except (OverflowError, ValueError, OSError):  # in a year that this system does not know
        return ""


def _image(thumbnail: Thumbnail | None, prompt: str) -> Markup:
    if thumbnail is None:
        return element("div", {"style": _NO_PICTURE})
    _, uri, width, height = thumbnail
    shrink = min(1.0, 64 / max(width, height, 1))
    attributes: dict[str, str | int | None] = {
        "src": uri,
        "alt": prompt,
        "width": max(1, round(width * shrink)),
        "height": max(1, round(height * shrink)),
        "style": _THUMBNAIL,
    }
    return element("img", attributes)


def _thumbnails(entries: Sequence[HistoryEntry]) -> dict[str, Thumbnail]:
    """The first picture of each run, small, by the run's id; what had to be made is kept for the next time."""
    kept = kept_thumbnails([entry.run_id for entry in entries])
    found, made = {}, {}
    for entry in entries:
        with contextlib.suppress(SeedreamError, OSError):  # damaged, or purged meanwhile: it is listed all the same
            path = _first_picture(entry.folder)
            facts = path.lstat()
            made_of = f"{path.name} {facts.st_mtime_ns} {facts.st_size}"
            if entry.run_id in kept and kept[entry.run_id][0] == made_of:
                found[entry.run_id] = kept[entry.run_id]
                continue
            # Previews are kept by path and digest; this says as surely which bytes they are of, and reads none.
            small = preview(Frame(0, "", path, sha256=made_of), budget=THUMBNAIL_BYTES)
            made[entry.run_id] = (made_of, small.data_uri, small.width, small.height)
    if made:
        keep_thumbnails(made)
    return found | made


def _first_picture(folder: Path) -> Path:
    """Raises `FileNotFoundError` where there is none."""
    with os.scandir(folder) as files:
        names = [file.name for file in files if NUMBERED.fullmatch(file.name) and file.is_file(follow_symlinks=False)]
    if not names:
        raise FileNotFoundError(folder)
    return folder / min(names)


def _plain(entries: Sequence[HistoryEntry], notes: list[str], words: Words) -> str:
    rows = []
    for entry in entries:
        state, prompt = _unusual(entry, words), text_within(entry.prompt, 48)
        told = f"({state}) {prompt}" if state else prompt
        rows.append((*_facts(entry, words), entry.run_id, text_within(entry.notebook, 24), told))
    return "\n".join((*text_table([_HEADS[words.language], *rows] if rows else []), *notes))
