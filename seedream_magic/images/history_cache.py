"""What was read of runs, kept for the next process in a small database in the user's cache folder.

It is never a reason to fail: whatever is wrong with it, it is made anew or left alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedream_magic.images.durable import cache_folder
from seedream_magic.images.history_entry import HistoryEntry

if TYPE_CHECKING:
    import sqlite3

CACHE_FILE = "history.sqlite3"
VERSION = 1
"""Of the database's table. A database of another version is thrown away."""
PATIENCE = 5.0
"""Seconds to wait for another process that writes into the database."""
_TABLES = (
    "CREATE TABLE IF NOT EXISTS runs (store TEXT, run_id TEXT, line TEXT, PRIMARY KEY (store, run_id)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS thumbnails (run_id TEXT PRIMARY KEY, made_of TEXT, uri TEXT, width INT, height INT)",
)
_COLUMNS = tuple(name for name in HistoryEntry.__dataclass_fields__ if name not in {"run_id", "began", "folder"})

Thumbnail = tuple[str, str, int, int]
"""What it was made of (the file's name, time and size), its data URI, its width and height in pixels."""
Look = tuple[int, ...]
"""Times of a run's folder (pictures come and go) and of its record, size and number of the record."""
Known = dict[str, tuple[Look, HistoryEntry]]
"""Of each run by its id: what its folder looked like when it was read, and what was read."""


def remembered(store: Path) -> Known:
    """What earlier processes have read of the store; empty where there is no database that can be used."""
    try:
        with closing(_connection()) as connection:
            # One text for all rows: fetched and parsed in a third of the time.
            query = "SELECT '[' || group_concat(line) || ']' FROM runs WHERE store = ?"
            (lines,) = connection.execute(query, (_key(store),)).fetchone()
        return dict(_read_line(store, *line) for line in json.loads(lines or "[]"))
    except Exception as exc:  # noqa: BLE001 - see _discard
        _discard(exc)
        return {}


def remember(store: Path, changed: Known, *, gone: Collection[str]) -> None:
    """Keep what was read anew, and drop the runs that are `gone`, as well as all runs of stores that are."""
    try:
        key = _key(store)
        with closing(_connection()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("DELETE FROM runs WHERE store = ? AND run_id = ?", [(key, name) for name in gone])
            lines = [(key, run_id, _line(look, entry)) for run_id, (look, entry) in changed.items()]
            connection.executemany("INSERT OR REPLACE INTO runs VALUES (?, ?, ?)", lines)
            stores = connection.execute("SELECT DISTINCT store FROM runs").fetchall()
            ended = [(other,) for (other,) in stores if not Path(other).is_dir()]
            connection.executemany("DELETE FROM runs WHERE store = ?", ended)
            connection.execute("DELETE FROM thumbnails WHERE run_id NOT IN (SELECT run_id FROM runs)")
            connection.execute("COMMIT")
            if gone or ended:
                connection.execute("VACUUM")  # see forget_run
    except Exception as exc:  # noqa: BLE001 - see _discard
        _discard(exc)


def kept_thumbnails(run_ids: Iterable[str]) -> dict[str, Thumbnail]:
    """The thumbnails of these runs, as far as they were made before."""
    query = "SELECT made_of, uri, width, height FROM thumbnails WHERE run_id = ?"
    try:
        with closing(_connection()) as connection:
            rows = {run_id: connection.execute(query, (run_id,)).fetchone() for run_id in run_ids}
        return {run_id: (str(row[0]), str(row[1]), int(row[2]), int(row[3])) for run_id, row in rows.items() if row}
    except Exception as exc:  # noqa: BLE001 - see _discard
        _discard(exc)
        return {}


def keep_thumbnails(thumbnails: Mapping[str, Thumbnail]) -> None:
    """Keep the thumbnails of runs, by the ids of the runs."""
    rows = [(run_id, *thumbnail) for run_id, thumbnail in thumbnails.items()]
    try:
        with closing(_connection()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT OR REPLACE INTO thumbnails VALUES (?, ?, ?, ?, ?)", rows)
            connection.execute("COMMIT")
    except Exception as exc:  # noqa: BLE001 - see _discard
        _discard(exc)


def forget_run(run_id: str) -> None:
    """Take a run out of the database, so that none of its bytes is left in the file."""
    if not (cache_folder() / CACHE_FILE).exists():
        return
    try:
        with closing(_connection()) as connection:
            connection.execute("DELETE FROM runs WHERE run_id = ?", (run_id,))
            connection.execute("DELETE FROM thumbnails WHERE run_id = ?", (run_id,))
            connection.execute("VACUUM")  # what is deleted stays in the file until its pages are written anew
    except Exception:  # noqa: BLE001 - see _discard; and what must go goes, whoever has it open
        _unlink()


def _line(look: Look, entry: HistoryEntry) -> str:
    began = entry.began.isoformat() if entry.began else ""
    values = [look, entry.run_id, began, *(getattr(entry, name) for name in _COLUMNS)]
    return json.dumps(values, ensure_ascii=False)


def _read_line(
    store: Path, look: list[int], run_id: str, began: str, *values: Any
) -> tuple[str, tuple[Look, HistoryEntry]]:
    columns = [run_id, datetime.fromisoformat(began) if began else None, *values, store / run_id]
    return run_id, (tuple(look), HistoryEntry(*columns))


def _key(store: Path) -> str:
    return os.path.realpath(store)


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


def _discard(fault: Exception) -> None:
    """Throw a broken database away; one that is not ours or that somebody writes into at this moment is left alone."""
    if not isinstance(fault, OSError) and not getattr(fault, "sqlite_errorname", "").startswith(
        ("SQLITE_BUSY", "SQLITE_LOCKED")
    ):
        _unlink()


def _unlink() -> None:
    for ending in ("", "-journal"):
        with contextlib.suppress(OSError):
            (cache_folder() / f"{CACHE_FILE}{ending}").unlink()
