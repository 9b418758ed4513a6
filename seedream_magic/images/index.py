"""What a person wants to know of each run of a store, read from its folder.

The folders are the truth. Nothing here raises, writes into the store or follows a link out of it. What was read stays
true as long as a run's `look` is the same.
"""

from __future__ import annotations

import os
import time
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from seedream_magic import errors
from seedream_magic.errors import ImageError
from seedream_magic.images.claims import is_live
from seedream_magic.images.marks import marks_of
from seedream_magic.images.originals import frames_on_disk
from seedream_magic.images.record import (
    RECORD_FILE,
    UNFINISHED,
    Record,
    as_count,
    as_moment,
    as_text,
    fingerprint_of,
    read_record,
)
from seedream_magic.images.response import named_pictures
from seedream_magic.images.stored_runs import run_folders

SETTLED = 2_000_000_000
"""Nanoseconds after which one more change gets another time: some file systems count in steps of two seconds."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A run, as a row of plain values: `pandas.DataFrame(list_of_entries)` is a table.

    `began` is UTC, None where it is not known. `state` is that of the record (sending, answering, done, partial,
    failed, stopped), "interrupted" where its process has died, "damaged" where it cannot be read; `outcome` is what
    became of the POST (not_sent, rejected, unknown, billed). `frames` counts the pictures on disk, `expected` those
    that there should be, `billed` the images billed by the rule of `ImageSet.billed`. `size` is as it was sent.
    `notebook` is its name, "" where it was not known; `parent` the id of the run that this one goes on from, or "".
    `fingerprint` is that of the request: runs with the same one are takes of it. `starred` counts the pictures with a
    star, `tags` are those of its pictures, separated by commas.
    """

    run_id: str
    began: datetime | None
    prompt: str
    model: str
    provider: str
    state: str
    outcome: str
    frames: int
    expected: int
    billed: int
    size: str
    seconds: float
    notebook: str
    parent: str
    fingerprint: str
    folder: Path
    starred: int = 0
    tags: str = ""


Look = tuple[int, ...]
"""Times of a run's folder (pictures come and go) and of its record, size and number of the record."""


def runs_in(store: Path) -> dict[str, Look]:
    """The runs of a store by their ids, each with what changes when anything in its folder does."""
    return {entry.name: look for entry in run_folders(store) or () if (look := look_at(entry))}


def is_settled(look: Look, entry: HistoryEntry | None = None) -> bool:
    """Whether a further change would show: not while the run goes on, nor just after a change."""
    goes_on = entry is not None and entry.state in {"interrupted", *UNFINISHED}
    return bool(look) and not goes_on and max(look[:2]) < time.time_ns() - SETTLED


def look_at(folder: Path | os.DirEntry[str]) -> Look:
    """How a run's folder looks; empty where there is none."""
    try:
        changed = os.stat(folder, follow_symlinks=False).st_mtime_ns  # noqa: PTH116 - of an entry it is known already
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return ()
    try:
        record = os.lstat(f"{os.fspath(folder)}/{RECORD_FILE}")
    except OSError:
        return (changed,)
    return changed, record.st_mtime_ns, record.st_size, record.st_ino


def text_of(entry: HistoryEntry) -> str:
    """The text that a search looks for words in: a line each for prompt, model, notebook, id, provider and tags."""
    return join_texts(*texts_of(entry))


def texts_of(entry: HistoryEntry) -> tuple[str, ...]:
    """Its lines as they were written."""
    return entry.prompt, entry.model, entry.notebook, entry.run_id, entry.provider, entry.tags


def join_texts(*texts: str) -> str:
    """The lines made `comparable`, as one text."""
    return "\n".join(map(comparable, texts))


def comparable(text: str) -> str:
    """The text without what people do not remember: case, width, the number of blanks."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def entry_of(folder: Path) -> HistoryEntry:
    """The row of the run in `folder`."""
    record = read_record(folder) or Record(folder, {})
    on_disk, marks = frames_on_disk(folder, record.frames), marks_of(folder).values()
    return HistoryEntry(
        run_id=folder.name,
        began=record.began or as_moment(folder.name[:16]),
        prompt=as_text(record.body.get("prompt")),
        model=as_text(record.body.get("model")),
        provider=record.provider,
        state="interrupted" if record.unfinished and not is_live(record) else record.state or "damaged",
        outcome=record.outcome if record.facts else "",
        frames=len(on_disk),
        expected=max(record.expected or 0, len(record.frames), len(on_disk)),
        billed=_count_billed(record, on_disk),
        size=as_text(record.body.get("size")),
        seconds=record.seconds,
        notebook=record.notebook,
        parent=record.lineage.run_id if record.lineage else "",
        fingerprint=fingerprint_of(record),
        folder=folder,
        starred=sum(one.star for one in marks),
        tags=", ".join(dict.fromkeys(tag for one in marks for tag in one.tags)),
    )


def _count_billed(record: Record, on_disk: set[int]) -> int:
    """As `ImageSet.billed`: what the service reported, else the pictures that it delivered."""
    reported = as_count((record.usage or {}).get("generated_images"))
    if reported is not None:
        return reported
    if record.unfinished:
        return len(on_disk | {picture.index for picture in named_pictures(record.folder, again=False)})
    return len(on_disk) + sum(
        _was_delivered(facts) for index, facts in enumerate(record.frames) if index not in on_disk
    )


def _was_delivered(facts: Mapping[str, Any]) -> bool:
    """Whether a frame without a picture had one: its file is gone, or it failed only on our side."""
    kind = getattr(errors, str(facts.get("error")), None)
    return "file" in facts or (isinstance(kind, type) and issubclass(kind, ImageError))
