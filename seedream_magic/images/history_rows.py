"""The history of a store as the rows of a table: what is said of each run, and its first picture, small."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from seedream_magic.api.models import MAXIMUM_FRAMES
from seedream_magic.errors import SeedreamError
from seedream_magic.images.index import HistoryEntry
from seedream_magic.images.originals import NUMBERED, picture_path
from seedream_magic.images.record import read_record
from seedream_magic.library import Thumbnail, keep_thumbnails, kept_thumbnails
from seedream_magic.view.cards import Preview, Row
from seedream_magic.view.markup import rows_bundle, text_within
from seedream_magic.view.pictures import preview_of
from seedream_magic.words import CHINESE, ENGLISH, Words, words_for

MAXIMUM_ROWS = 50
"""Runs in the table; of more the newest."""
THUMBNAIL_BYTES = 3_800
"""Of a picture's data URI: fifty, and the text beside them, stay below 300,000 bytes."""

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
_SHOW = {"en": "See one again: %seedream show RUN", "zh": "再看一次：%seedream show 运行编号"}
_DEMO = {"en": "demo, free", "zh": "演示，免费"}
_STATES = {
    "partial": "部分完成",
    "failed": "失败",
    "stopped": "已停止",
    "damaged": "已损坏",
    "sending": "发送中",
    "answering": "生成中",
}


def history_bundle(entries: Sequence[HistoryEntry], *, words: str | None = None) -> dict[str, Any]:
    """The mimebundle (`text/html`, `text/plain`) of a history, newest first, that was asked for with these words.

    Below 300,000 bytes, however many runs there are: it has the newest 50, and says how to find the others. The times
    are local. Without any run it says what to do. It is in Chinese where the words are, or, without words, most of its
    prompts.
    """
    newest, more = entries[:MAXIMUM_ROWS], len(entries) - MAXIMUM_ROWS
    language = words_for(words) if words else _language(newest)
    if not newest:
        note = (_NOT_FOUND if words else _EMPTY)[language.language]
        notes = [note.format(words=text_within(words or "", 80))]
    else:
        notes = [_MORE[language.language].format(count=more)] if more > 0 else []
        notes += [_SHOW[language.language]]
    thumbnails = _thumbnails(newest)
    rows = [_row(entry, thumbnails.get(entry.run_id), language) for entry in newest]
    return rows_bundle(rows, notes, language)


def _language(entries: Sequence[HistoryEntry]) -> Words:
    chinese = sum(words_for(entry.prompt) is CHINESE for entry in entries)
    return CHINESE if chinese * 2 > len(entries) else ENGLISH


def _row(entry: HistoryEntry, thumbnail: Thumbnail | None, words: Words) -> Row:
    unsure = not entry.billed and entry.outcome not in {"not_sent", "rejected"}
    bill = words.may_be_billed if unsure else str(entry.billed)
    state = "" if entry.state == "done" else entry.state
    return Row(
        id=entry.run_id,
        caption=entry.prompt,
        picture=Preview(*thumbnail[1:]) if thumbnail else None,
        state=_STATES.get(state, state) if words is CHINESE else state,
        when=_local(entry.began),
        model=entry.model,
        notebook=entry.notebook,
        progress=f"{entry.frames} / {entry.expected}",
        bill=_DEMO[words.language] if entry.provider == "demo" else bill,
    )


def _local(moment: datetime | None) -> str:
    try:
        return f"{moment.astimezone():%Y-%m-%d %H:%M}" if moment else ""
    except (OverflowError, ValueError, OSError):  # in a year that this system does not know
        return ""


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
            small = preview_of(path, made_of, budget=THUMBNAIL_BYTES)
            made[entry.run_id] = (made_of, small.data_uri, small.width, small.height)
    if made:
        keep_thumbnails(made)
    return found | made


def _first_picture(folder: Path) -> Path:
    """Raises `FileNotFoundError` where there is none."""
    with os.scandir(folder) as files:
        names = [file.name for file in files if NUMBERED.fullmatch(file.name) and file.is_file(follow_symlinks=False)]
    if names:
        return folder / min(names)
    record = read_record(folder)
    facts = record.frames if record else ()
    for index in range(MAXIMUM_FRAMES):
        if path := picture_path(folder, index, facts):
            return path
    raise FileNotFoundError(folder)
