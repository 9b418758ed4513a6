"""What was read of runs, kept for the next process in a small database in the user's cache folder.

It is never a reason to fail: whatever is wrong with it, it is made anew or left alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from seedream_magic.images.durable import cache_folder

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

Thumbnail = tuple[str, str, int, int]
"""What it was made of (the file's name, time and size), its data URI, its width and height in pixels."""
Result = TypeVar("Result")
Read = TypeVar("Read")


def remembered(store: Path, read: Callable[[Sequence[Any]], Read]) -> list[Read]:
    """What earlier processes have kept of the store's runs; `read` makes it of the values of one run.

    Empty where there is no database that can be used, or where `read` raises.
    """

    def work(connection: sqlite3.Connection) -> list[Read]:
        # One text for all rows: fetched and parsed in a third of the time.
        query = "SELECT '[' || group_concat(line) || ']' FROM runs WHERE store = ?"
        (lines,) = connection.execute(query, (_key(store),)).fetchone()
        return [read(values) for values in json.loads(lines or "[]")]

    return _with_database(work, [])


def remember(store: Path, changed: Mapping[str, Sequence[Any]], *, gone: Collection[str]) -> None:
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


def forget_run(run_id: str) -> None:
    """Take a run out of the database, so that none of its bytes is left in the file."""

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
