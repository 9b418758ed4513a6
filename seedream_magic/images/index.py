"""The index of a store: what a person wants to know of each run, newest first, and whose picture a file is.

The folders are the truth and are looked at every time. What was read of a run is kept as long as its folder and its
record stay as they were: in the process, and in a small database in the user's cache folder. That database is never a
reason to fail: whatever is wrong with it, it is made anew or left alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from seedream_magic.api.models import LARGEST_PICTURE_BYTES, MAXIMUM_FRAMES
from seedream_magic.images.history_cache import Known, Look, forget_run, remember, remembered
from seedream_magic.images.history_entry import NUMBERED, UNFINISHED, HistoryEntry, entry_of
from seedream_magic.images.record import RUN_ID, read_object, record_bytes

__all__ = ["HistoryEntry", "forget", "history", "run_of_picture", "runs_in"]

SETTLED = 2_000_000_000
"""Nanoseconds after which one more change gets another time: some file systems count in steps of two seconds."""
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
        entries = [entry for entry in entries if word in _told(entry)]
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
    return _by_sidecar(store, hashlib.sha256(data).hexdigest())


def _by_sidecar(store: Path, digest: str) -> tuple[Path, int] | None:
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
        known = _read_before[store] = remembered(store)
    gone = known.keys() - seen.keys()
    changed = {
        run_id: (look, entry_of(store / run_id))
        for run_id, look in seen.items()
        if run_id not in known or known[run_id][0] != look
    }
    kept = {run_id: read for run_id, read in changed.items() if _is_settled(*read)}
    if gone or kept:
        remember(store, kept, gone=gone)
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


def _told(entry: HistoryEntry) -> str:
    return _searched(entry.prompt, entry.model, entry.notebook, entry.run_id, entry.provider)


@lru_cache(maxsize=2**15)
def _searched(*texts: str) -> str:
    return _comparable("\n".join(texts))


def _comparable(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
