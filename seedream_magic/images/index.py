"""The index of a store: what a person wants to know of each run, newest first, and whose picture a file is.

The folders are the truth and are looked at every time. What was read of a run is kept as long as its folder and its
record stay as they were: in the process, and for the next one in `history_cache`. Nothing here raises, writes into the
store or follows a link out of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from seedream_magic import errors
from seedream_magic.api.models import LARGEST_PICTURE_BYTES, MAXIMUM_FRAMES
from seedream_magic.errors import ImageError
from seedream_magic.images.history_cache import forget_run, remember, remembered
from seedream_magic.images.record import (
    RUN_ID,
    Record,
    as_list,
    as_mapping,
    named_pictures,
    read_object,
    record_bytes,
)

NUMBERED = re.compile(r"(\d\d)\.(?:jpg|png|webp)", re.ASCII)
"""The name of a saved picture: its frame, counted from 1."""
LONGEST_TEXT = 20_000
"""Characters kept of a prompt; no model takes as many."""
UNFINISHED = frozenset({"sending", "answering"})
"""States of a run that goes on, or whose process died."""
_SURROGATES = re.compile("[\ud800-\udfff]")
SETTLED = 2_000_000_000
"""Nanoseconds after which one more change gets another time: some file systems count in steps of two seconds."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A run, as a row of plain values: `pandas.DataFrame(list_of_entries)` is a table.

    `began` is UTC, None where nobody can tell. `state` is that of the record (sending, answering, done, partial,
    failed, stopped) or "damaged" where it cannot be read; `outcome` tells what became of the POST (not_sent, rejected,
    unknown, billed). `frames` counts the pictures on disk, `expected` those that there should be, `billed` the images
    billed by the rule of `ImageSet.billed`. `size` is as it was sent. `notebook` is its name, "" where it was not
    known; `parent` the id of the run that this one goes on from, or "".
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
    folder: Path


Look = tuple[int, ...]
"""Times of a run's folder (pictures come and go) and of its record, size and number of the record."""
Known = dict[str, tuple[Look, HistoryEntry]]
"""Of each run by its id: what its folder looked like when it was read, and what was read."""
_COLUMNS = tuple(name for name in HistoryEntry.__dataclass_fields__ if name not in {"run_id", "began", "folder"})
_read_before: dict[Path, Known] = {}


def history(store: Path, words: str | None = None) -> list[HistoryEntry]:
    """The runs of a store, newest first. Never raises, writes nothing into the store, follows no link out of it.

    With `words`, those in which each of them occurs: in prompt, model, notebook, run id or provider, whatever the case
    and the width of the letters, also inside a word.
    """
    wanted = _comparable(str(words or "")).split()
    seen = runs_in(store)
    known = _known(store, seen)
    entries = [known[run_id][1] for run_id in sorted(seen, reverse=True)]
    for word in wanted:
        entries = [
            entry
            for entry in entries
            if word in _searched(entry.prompt, entry.model, entry.notebook, entry.run_id, entry.provider)
        ]
    return entries


def runs_in(store: Path) -> dict[str, Look]:
    """The runs of a store by their ids, each with what changes when anything in its folder does."""
    found = {}
    with contextlib.suppress(OSError, ValueError), os.scandir(store) as entries:  # ValueError: a NUL in the name
        for entry in entries:
            if RUN_ID.fullmatch(entry.name) and (look := _look(entry)):
                found[entry.name] = look
    return found


def run_of_picture(path: Path, store: Path) -> tuple[Path, int] | None:
    """The folder of the run that made a picture, and the index of its frame; None for a picture of no run.

    `path` is the saved original, or a copy of it elsewhere, which is found by its SHA-256 in the sidecars of `store`.
    """
    try:
        path = path.resolve()
    except (OSError, RuntimeError, ValueError):  # links in a circle, a NUL in the name
        return None
    data = record_bytes(path, maximum=LARGEST_PICTURE_BYTES)
    if not data:
        return None
    place = NUMBERED.fullmatch(path.name)
    if place and RUN_ID.fullmatch(path.parent.name) and read_object(path.parent / "request.json"):
        return path.parent, int(place[1]) - 1
    digest = hashlib.sha256(data).hexdigest()
    for run_id in sorted(runs_in(store), reverse=True):
        for index in range(MAXIMUM_FRAMES):
            if (read_object(store / run_id / f"{index + 1:02d}.json") or {}).get("sha256") == digest:
                return store / run_id, index
    return None


def forget(run_id: str) -> None:
    """Take a run out of what was read before, so that none of its bytes is left there."""
    for known in _read_before.values():
        known.pop(run_id, None)
    forget_run(run_id)


def _known(store: Path, seen: Mapping[str, Look]) -> Known:
    """All runs in `seen`, read where they are new or have changed."""
    known = _read_before.get(store)
    if known is None:
        known = _read_before[store] = dict(remembered(store, partial(_kept_run, store)))
    gone = known.keys() - seen.keys()
    changed = {
        run_id: (look, entry_of(store / run_id))
        for run_id, look in seen.items()
        if run_id not in known or known[run_id][0] != look
    }
    kept = {run_id: read for run_id, read in changed.items() if _is_settled(*read)}
    if gone or kept:
        remember(store, {run_id: _values(look, entry) for run_id, (look, entry) in kept.items()}, gone=gone)
        _read_before[store] = {run_id: read for run_id, read in known.items() if run_id in seen} | kept
    return known | changed if changed else known


def _is_settled(look: Look, entry: HistoryEntry) -> bool:
    """Whether a further change would show: not while the run goes on, nor just after a change."""
    return entry.state not in UNFINISHED and max(look[:2]) < time.time_ns() - SETTLED


def _look(entry: os.DirEntry[str]) -> Look:
    """How a run's folder looks; empty for what is no folder."""
    try:
        if not entry.is_dir(follow_symlinks=False):
            return ()
        changed = entry.stat(follow_symlinks=False).st_mtime_ns
    except OSError:
        return ()
    try:
        record = os.lstat(entry.path + "/request.json")
    except OSError:
        return (changed,)
    return changed, record.st_mtime_ns, record.st_size, record.st_ino


def _values(look: Look, entry: HistoryEntry) -> list[Any]:
    """The run as values of JSON, for the database."""
    began = entry.began.isoformat() if entry.began else ""
    return [look, entry.run_id, began, *(getattr(entry, name) for name in _COLUMNS)]


def _kept_run(store: Path, values: Sequence[Any]) -> tuple[str, tuple[Look, HistoryEntry]]:
    """The run of such values, by its id."""
    look, run_id, began, *others = values
    columns = [run_id, datetime.fromisoformat(began) if began else None, *others, store / run_id]
    return run_id, (tuple(look), HistoryEntry(*columns))


@lru_cache(maxsize=2**15)
def _searched(*texts: str) -> str:
    return _comparable("\n".join(texts))


def _comparable(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def entry_of(folder: Path) -> HistoryEntry:
    """The row of the run in `folder`."""
    facts = read_object(folder / "request.json") or {}
    body, lineage = as_mapping(facts.get("body")), as_mapping(facts.get("lineage"))
    listed = [as_mapping(frame) for frame in as_list(facts.get("frames"))[:MAXIMUM_FRAMES]]
    on_disk, seconds = _on_disk(folder), facts.get("seconds")
    return HistoryEntry(
        run_id=folder.name,
        began=_moment(facts.get("began")) or _moment(folder.name[:16]),
        prompt=_text(body.get("prompt")),
        model=_text(body.get("model")),
        provider=_text(facts.get("provider")),
        state=_text(facts.get("state")) or "damaged",
        outcome=_text(facts.get("outcome")),
        frames=len(on_disk),
        expected=max(_count(facts.get("expected")) or 0, len(listed), len(on_disk)),
        billed=_billed(Record(folder, facts), listed, on_disk),
        size=_text(body.get("size")),
        seconds=float(seconds) if isinstance(seconds, int | float) and 0 <= seconds < 1e9 else 0.0,
        notebook=_text(facts.get("notebook")),
        parent=_text(lineage.get("run_id")),
        folder=folder,
    )


def _billed(record: Record, listed: list[Mapping[str, Any]], on_disk: set[int]) -> int:
    """As `ImageSet.billed`: what the service reported, else the pictures that it delivered."""
    reported = _count(as_mapping(record.facts.get("usage")).get("generated_images"))
    if reported is not None:
        return reported
    if record.state in UNFINISHED:
        return len(on_disk | {picture.index for picture in named_pictures(record, again=False)})
    return len(on_disk) + sum(_was_delivered(facts) for index, facts in enumerate(listed) if index not in on_disk)


def _was_delivered(facts: Mapping[str, Any]) -> bool:
    """Whether a frame without a picture had one: its file is gone, or it failed only on our side."""
    kind = getattr(errors, str(facts.get("error")), None)
    return "file" in facts or (isinstance(kind, type) and issubclass(kind, ImageError))


def _on_disk(folder: Path) -> set[int]:
    """The indexes of the frames whose picture is in the folder."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
    except OSError:
        return set()
    indexes = {int(place[1]) - 1 for place in map(NUMBERED.fullmatch, names) if place}
    return indexes.intersection(range(MAXIMUM_FRAMES))


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "")
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # OverflowError: before the year 1
        return None


def _text(value: object) -> str:
    return _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", value[:LONGEST_TEXT]) if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
