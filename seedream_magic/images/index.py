"""The index of a store: what a person wants to know of each run, newest first.

The folders are the truth and are looked at every time. What was read of a run is kept as long as its folder and its
record stay as they were: in the process, and for the next one in a small database in the user's cache folder. That is
never a reason to fail: whatever is wrong with it, it is made anew or left alone. Nothing here raises, writes into the
store or follows a link out of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from seedream_magic import errors
from seedream_magic.api.models import MAXIMUM_FRAMES
from seedream_magic.errors import ImageError
from seedream_magic.images.durable import cache_folder
from seedream_magic.images.record import (
    NUMBERED,
    RECORD_FILE,
    UNFINISHED,
    Record,
    as_count,
    as_moment,
    as_text,
    read_record,
)
from seedream_magic.images.response import named_pictures
from seedream_magic.images.store import run_folders

if TYPE_CHECKING:
    import sqlite3

SETTLED = 2_000_000_000
"""Nanoseconds after which one more change gets another time: some file systems count in steps of two seconds."""
CACHE_FILE = "history.sqlite3"
VERSION = 1
"""Of the database's table. A database of another version is thrown away."""
PATIENCE = 5.0
"""Seconds to wait for another process that writes into the database."""
_TABLES = (
    "CREATE TABLE IF NOT EXISTS runs (store TEXT, run_id TEXT, line TEXT, PRIMARY KEY (store, run_id)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS thumbnails (run_id TEXT PRIMARY KEY, made_of TEXT, uri TEXT, width INT, height INT)",
)

Thumbnail = tuple[str, str, int, int]
"""What it was made of (the file's name, time and size), its data URI, its width and height in pixels."""
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A run, as a row of plain values: `pandas.DataFrame(list_of_entries)` is a table.

    `began` is UTC, None where it is not known. `state` is that of the record (sending, answering, done, partial,
    failed, stopped) or "damaged" where it cannot be read; `outcome` is what became of the POST (not_sent, rejected,
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


def history(store: Path) -> list[HistoryEntry]:
    """The runs of a store, newest first. Never raises, writes nothing into the store, follows no link out of it."""
    seen = runs_in(store)
    known = _read_runs(store, seen)
    return [known[run_id][1] for run_id in sorted(seen, reverse=True)]


def runs_in(store: Path) -> dict[str, Look]:
    """The runs of a store by their ids, each with what changes when anything in its folder does."""
    return {entry.name: look for entry in run_folders(store) if (look := _look(entry))}


def _read_runs(store: Path, seen: Mapping[str, Look]) -> Known:
    """All runs in `seen`, read where they are new or have changed."""
    known = _read_before.get(store)
    if known is None:
        known = _read_before[store] = _load_remembered(store)
    gone = known.keys() - seen.keys()
    changed = {
        run_id: (look, entry_of(store / run_id))
        for run_id, look in seen.items()
        if run_id not in known or known[run_id][0] != look
    }
    kept = {run_id: read for run_id, read in changed.items() if _is_settled(*read)}
    if gone or kept:
        _remember(store, {run_id: _values(look, entry) for run_id, (look, entry) in kept.items()}, gone=gone)
        _read_before[store] = {run_id: read for run_id, read in known.items() if run_id in seen} | kept
    return known | changed if changed else known


def _is_settled(look: Look, entry: HistoryEntry) -> bool:
    """Whether a further change would show: not while the run goes on, nor just after a change."""
    return entry.state not in UNFINISHED and max(look[:2]) < time.time_ns() - SETTLED


def _look(entry: os.DirEntry[str]) -> Look:
    """How a run's folder looks; empty for one that has gone meanwhile."""
    try:
        changed = entry.stat(follow_symlinks=False).st_mtime_ns
    except OSError:
        return ()
    try:
        record = os.lstat(f"{entry.path}/{RECORD_FILE}")
    except OSError:
        return (changed,)
    return changed, record.st_mtime_ns, record.st_size, record.st_ino


def _values(look: Look, entry: HistoryEntry) -> list[Any]:
    """The run as values of JSON, for the database."""
    began = entry.began.isoformat() if entry.began else ""
    return [look, entry.run_id, began, *(getattr(entry, name) for name in _COLUMNS)]


def _run_from_values(store: Path, values: Sequence[Any]) -> tuple[str, tuple[Look, HistoryEntry]]:
    """The run of such values, by its id."""
    look, run_id, began, *others = values
    columns = [run_id, datetime.fromisoformat(began) if began else None, *others, store / run_id]
    return run_id, (tuple(look), HistoryEntry(*columns))


def entry_of(folder: Path) -> HistoryEntry:
    """The row of the run in `folder`."""
    record = read_record(folder) or Record(folder, {})
    on_disk = _on_disk(folder)
    return HistoryEntry(
        run_id=folder.name,
        began=record.began or as_moment(folder.name[:16]),
        prompt=as_text(record.body.get("prompt")),
        model=as_text(record.body.get("model")),
        provider=record.provider,
        state=record.state or "damaged",
        outcome=record.outcome if record.facts else "",
        frames=len(on_disk),
        expected=max(record.expected or 0, len(record.frames), len(on_disk)),
        billed=_count_billed(record, on_disk),
        size=as_text(record.body.get("size")),
        seconds=record.seconds,
        notebook=record.notebook,
        parent=record.lineage.run_id if record.lineage else "",
        folder=folder,
    )


def _count_billed(record: Record, on_disk: set[int]) -> int:
    """As `ImageSet.billed`: what the service reported, else the pictures that it delivered."""
    reported = as_count((record.usage or {}).get("generated_images"))
    if reported is not None:
        return reported
    if record.has_died:
        return len(on_disk | {picture.index for picture in named_pictures(record.folder, again=False)})
    return len(on_disk) + sum(
        _was_delivered(facts) for index, facts in enumerate(record.frames) if index not in on_disk
    )


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


def _load_remembered(store: Path) -> Known:
    """What earlier processes have kept of the store's runs; nothing where there is no database that can be used."""

    def work(connection: sqlite3.Connection) -> Known:
        # One text for all rows: fetched and parsed in a third of the time.
        query = "SELECT '[' || group_concat(line) || ']' FROM runs WHERE store = ?"
        (lines,) = connection.execute(query, (_key(store),)).fetchone()
        return dict(_run_from_values(store, values) for values in json.loads(lines or "[]"))

    return _with_database(work, {})


def _remember(store: Path, changed: Mapping[str, Sequence[Any]], *, gone: Collection[str]) -> None:
    """Keep the values (of JSON) of runs, and drop the runs that are `gone`, as well as all runs of stores that are."""

    def work(connection: sqlite3.Connection) -> None:
        key = _key(store)
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("DELETE FROM runs WHERE store = ? AND run_id = ?", [(key, run_id) for run_id in gone])
        lines = [(key, run_id, json.dumps(values, ensure_ascii=False)) for run_id, values in changed.items()]
        connection.executemany("INSERT OR REPLACE INTO runs VALUES (?, ?, ?)", lines)
        stores = connection.execute("SELECT DISTINCT store FROM runs").fetchall()
        ended = [(other,) for (other,) in stores if not Path(other).is_dir()]
        connection.executemany("DELETE FROM runs WHERE store = ?", ended)
        connection.execute("DELETE FROM thumbnails WHERE run_id NOT IN (SELECT run_id FROM runs)")
        connection.execute("COMMIT")
        if gone or ended:
            connection.execute("VACUUM")  # what is deleted stays in the file until its pages are written anew

    _with_database(work, None)


def kept_thumbnails(run_ids: Iterable[str]) -> dict[str, Thumbnail]:
    """The thumbnails of these runs, as far as they were made before."""

    def work(connection: sqlite3.Connection) -> dict[str, Thumbnail]:
        query = "SELECT made_of, uri, width, height FROM thumbnails WHERE run_id = ?"
        rows = {run_id: connection.execute(query, (run_id,)).fetchone() for run_id in run_ids}
        return {run_id: (str(row[0]), str(row[1]), int(row[2]), int(row[3])) for run_id, row in rows.items() if row}

    return _with_database(work, {})


def keep_thumbnails(thumbnails: Mapping[str, Thumbnail]) -> None:
    """Keep the thumbnails of runs, by the ids of the runs."""

    def work(connection: sqlite3.Connection) -> None:
        rows = [(run_id, *thumbnail) for run_id, thumbnail in thumbnails.items()]
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT OR REPLACE INTO thumbnails VALUES (?, ?, ?, ?, ?)", rows)
        connection.execute("COMMIT")

    _with_database(work, None)


def forget(run_id: str) -> None:
    """Take a run out of what was read before and out of the database, so that none of its bytes is left there."""
    for known in _read_before.values():
        known.pop(run_id, None)

    def work(connection: sqlite3.Connection) -> bool:
        connection.execute("DELETE FROM runs WHERE run_id = ?", (run_id,))
        connection.execute("DELETE FROM thumbnails WHERE run_id = ?", (run_id,))
        connection.execute("VACUUM")
        return True

    if (cache_folder() / CACHE_FILE).exists() and not _with_database(work, otherwise=False):
        _unlink()  # what must go goes, whoever has the file open


def _key(store: Path) -> str:
    return os.path.realpath(store)


def _with_database(work: Callable[[sqlite3.Connection], Result], otherwise: Result) -> Result:
    """What `work` gives; `otherwise` where that fails.

    A broken database is thrown away; one that is not ours or that somebody writes into at this moment is left alone.
    """
    try:
        with closing(_connection()) as connection:
            return work(connection)
    except Exception as exc:  # noqa: BLE001 - the cache is never a reason to fail
        in_use = getattr(exc, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
        if not isinstance(exc, OSError) and not in_use:
            _unlink()
        return otherwise


def _connection() -> sqlite3.Connection:
    """The database, in the journal mode DELETE that is a new one's own: WAL must not be used across hosts."""
    import sqlite3  # noqa: PLC0415 - a Python that was built without it has no cache

    path = cache_folder() / CACHE_FILE
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _make_private(path)
    connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version not in {0, VERSION}:
            raise ValueError(f"version {version}")  # noqa: TRY301 - like every other fault it closes the connection
        if not version:
            connection.execute("BEGIN IMMEDIATE")
            for table in _TABLES:
                connection.execute(table)
            connection.execute(f"PRAGMA user_version = {VERSION}")
            connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def _make_private(path: Path) -> None:
    """The file, for its owner only, before anything is in it. Raises `OSError` for one that is not ours."""
    with contextlib.suppress(OSError):  # it is there, or its folder is read-only
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    facts = path.lstat()
    if not stat.S_ISREG(facts.st_mode) or (os.name != "nt" and facts.st_uid != os.getuid()):
        raise PermissionError(f"{path} is not ours")
    if os.name != "nt" and facts.st_mode & 0o077:
        path.chmod(0o600)


def _unlink() -> None:
    for ending in ("", "-journal"):
        with contextlib.suppress(OSError):
            (cache_folder() / f"{CACHE_FILE}{ending}").unlink()
