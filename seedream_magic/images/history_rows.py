"""A history as the rows of a table: what is said of each run, and its first picture, small."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from seedream_magic.api.models import MAXIMUM_FRAMES
from seedream_magic.database import Thumbnail, keep_thumbnails, kept_thumbnails
from seedream_magic.errors import SeedreamError
from seedream_magic.images.index import HistoryEntry
from seedream_magic.images.originals import NUMBERED, picture_path
from seedream_magic.images.record import read_record
from seedream_magic.images.search import local_time
from seedream_magic.view.cards import Preview, Row
from seedream_magic.view.markup import rows_bundle, text_within
from seedream_magic.view.pictures import preview_of
from seedream_magic.words import carousel
from seedream_magic.words import history as texts
from seedream_magic.words.carousel import Words, words_for, words_for_most

MAXIMUM_ROWS = 50
"""Runs in the table."""
THUMBNAIL_BYTES = 3_300
"""Of a picture's data URI: fifty, and the text beside them, stay below 300,000 bytes."""

_STATES = {
    "partial": texts.PARTIAL,
    "failed": carousel.FAILED,
    "stopped": carousel.STOPPED,
    "interrupted": texts.INTERRUPTED,
    "damaged": texts.DAMAGED,
    "sending": texts.SENDING,
    "answering": texts.ANSWERING,
}


def history_bundle(
    entries: Sequence[HistoryEntry],
    others: int = 0,
    *,
    are_earlier: bool = True,
    words: str | None = None,
    store: Path | None = None,
    here: bool = False,
    starred: bool = False,
) -> dict[str, Any]:
    """The mimebundle (`text/html`, `text/plain`) of a history that was asked for with these words.

    Below 300,000 bytes for `MAXIMUM_ROWS` entries, which are numbered from 1; of `others`, so many that are not among
    them, it says how to find them. The times are local. A run says where it is unless all are in `store`, this
    notebook's; `here` tells that no other was asked, `starred` that those without a star were left out. Without any run
    it says what to do. It is in Chinese where the words are, or, without words, most of its prompts.
    """
    language = words_for(words) if words else words_for_most(entry.prompt for entry in entries)
    if entries:
        more = texts.EARLIER if are_earlier else texts.FURTHER
        narrow = more.in_language(language.language, count=others, narrow=language(texts.NARROW_DOWN))
        notes = [narrow if others else "", language(texts.SHOW)]
    else:
        none = language(texts.NONE_FITS, words=text_within(words, 80)) if words else ""
        notes = [
            none or ("" if starred else language(texts.NO_RUNS)),
            language(texts.ONLY_HERE) if here else "",
            language(texts.ONLY_STARRED) if starred else "",
        ]
    thumbnails, stores = _thumbnails(entries), _store_names(entries, store)
    rows = [
        _row(number, entry, thumbnails.get(entry.run_id), stores.get(entry.folder.parent, ""), language)
        for number, entry in enumerate(entries, 1)
    ]
    return rows_bundle(rows, list(filter(None, notes)), language)


def _store_names(entries: Iterable[HistoryEntry], store: Path | None) -> dict[Path, str]:
    """The stores of runs, each as the last folders of its path, as many as tell them apart; none for `store` alone."""
    stores = {entry.folder.parent for entry in entries}
    if len(stores | {store or next(iter(stores), None)}) == 1:
        return {}
    most = max(len(folder.parts) for folder in stores)
    lengths = (
        length for length in range(2, most + 1) if len({folder.parts[-length:] for folder in stores}) == len(stores)
    )
    length = next(lengths, most)
    return {folder: "/".join(("…", *folder.parts[-length:])) for folder in stores}


def _row(number: int, entry: HistoryEntry, thumbnail: Thumbnail | None, store: str, words: Words) -> Row:
    unsure = not entry.billed and entry.outcome not in {"not_sent", "rejected"}
    bill = words(carousel.MAY_BE_BILLED) if unsure else str(entry.billed)
    state, began = "" if entry.state == "done" else entry.state, local_time(entry.began)
    return Row(
        number=number,
        id=entry.run_id,
        command="%seedream show",
        caption=entry.prompt,
        marks=" ".join(filter(None, ("★" * min(entry.starred, 15), entry.tags))),
        picture=Preview(*thumbnail[1:]) if thumbnail else None,
        state=words(_STATES[state]) if state in _STATES else state,
        when=f"{began:%Y-%m-%d %H:%M}" if began else "",
        model=entry.model,
        notebook=entry.notebook,
        progress=f"{entry.frames} / {entry.expected}",
        bill=words(carousel.DEMO) if entry.provider == "demo" else bill,
        store=store,
    )


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
