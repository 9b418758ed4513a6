"""The SQLite file of the library: where it is, how it is opened and made, and the rows of its tables.

Where it is broken, locked, read-only or of a newer version, `with_library` does without, and `problem` says why.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from seedream_magic.api.models import MAXIMUM_IMAGES
from seedream_magic.images.aside import cache_folder, data_folder
from seedream_magic.images.index import HistoryEntry, Look, text_of
from seedream_magic.images.record import UNFINISHED
from seedream_magic.words import program as texts

if TYPE_CHECKING:
    import sqlite3

FILE = "library.sqlite3"
APPLICATION = 0x53444D47
"""Marks the file as ours: one that a person has named by mistake is left alone."""
VERSION = 3
"""Of the tables. Those of a newer version are left alone; version 1 had no column `starred`, 2 none to search in."""
PATIENCE = 5.0
"""Seconds to wait for another process that writes."""
IMPATIENCE = 0.1
"""The same where that was in vain a moment ago: a program that keeps the file locked holds nobody up twice."""
_HEADER = b"SQLite format 3\0"
_STARRED_RUNS = "CREATE INDEX runs_starred ON runs (store) WHERE starred > 0"
# A search reads this index and nothing else: in the order of the runs, without their lines.
_SEARCHED_RUNS = "CREATE INDEX runs_searched ON runs (run_id, store, starred, state, began, words)"
_TABLES = (
    "CREATE TABLE stores (id INTEGER PRIMARY KEY, path TEXT UNIQUE, changed INT)",
    """CREATE TABLE runs (store INT, run_id TEXT, fingerprint TEXT, parent TEXT, billed INT, line TEXT,
        starred INT DEFAULT 0, state TEXT, began TEXT, words TEXT, PRIMARY KEY (store, run_id)) WITHOUT ROWID""",
    "CREATE INDEX runs_of_request ON runs (fingerprint)",
    _SEARCHED_RUNS,
    "CREATE INDEX runs_after ON runs (parent) WHERE parent > ''",
    _STARRED_RUNS,
    # What a run billed counts for its day also when the run has been purged.
    "CREATE TABLE bills (run_id TEXT PRIMARY KEY, began TEXT, images INT, free INT) WITHOUT ROWID",
    "CREATE INDEX bills_by_day ON bills (began, free, images)",
    "CREATE TABLE thumbnails (run_id TEXT PRIMARY KEY, made_of TEXT, uri TEXT, width INT, height INT)",
)
_COLUMNS = tuple(name for name in HistoryEntry.__dataclass_fields__ if name not in {"run_id", "began", "folder"})
_BEFORE_FOLDER = list(HistoryEntry.__dataclass_fields__).index("folder") - 2
"""How many of the columns stand before the folder of an entry; a line of an earlier version has no others."""
Known = dict[str, tuple[Look, HistoryEntry]]
"""Of each run by its id: what its folder looked like when it was read, and what was read."""
Thumbnail = tuple[str, str, int, int]
"""What it was made of (the file's name, time and size), its data URI, its width and height in pixels."""
Result = TypeVar("Result")
problems: dict[Path, str] = {}
"""Of each library why it could not be used when it was last tried."""

# Problems that are not SQLite's own.
ANOTHERS, NEWER, NO_FILE = texts.LIBRARY_OF_ANOTHER, texts.LIBRARY_NEWER, texts.LIBRARY_NOT_OWN


class _ForeignError(Exception):
    """The file is not this version's to write."""


def library_file() -> Path | None:
    """Where the library is: `SEEDREAM_LIBRARY` names the file, empty for none; else it is in the user's data folder."""
    named = os.environ.get("SEEDREAM_LIBRARY")
    if named is None:
        return data_folder() / FILE
    return Path(os.path.abspath(os.path.expanduser(named))) if named.strip() else None  # noqa: PTH100, PTH111 - Path's own raise where there is no such user or folder


def problem() -> str:
    """Why the library cannot be used at present; "" where it can, or is turned off."""
    path = library_file()
    if path is None:
        return ""
    problems.pop(path, None)

    def work(connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("SELECT count(*) FROM runs").fetchone()
        connection.execute(f"PRAGMA user_version = {VERSION}")  # it can be written
        connection.execute("ROLLBACK")

    with_library(work, None)
    return problems.get(path, "")


def with_library(work: Callable[[sqlite3.Connection], Result], otherwise: Result) -> Result:
    """What `work` gives; `otherwise` where there is no library or it cannot be used, which `problem` tells of."""
    path = library_file()
    if path is None:
        return otherwise
    try:
        with closing(_connection(path)) as connection:
            result = work(connection)
        problems.pop(path, None)
        return result  # noqa: TRY300 - what a library cannot do is caught as well
    except Exception as exc:  # noqa: BLE001 - an index is never a reason to fail
        problems[path] = str(exc) or type(exc).__name__
        damaged = getattr(exc, "sqlite_errorname", "").startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))
        if damaged or str(exc).startswith("no such "):  # table, column
            _set_aside(path)
        return otherwise


def _connection(path: Path) -> sqlite3.Connection:
    """The library, in the journal mode DELETE that is a new one's own: WAL must not be used across hosts."""
    import sqlite3  # noqa: PLC0415 - load time; and a Python that was built without it has no library

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _make_private(path)
    connection = sqlite3.connect(path, timeout=IMPATIENCE if path in problems else PATIENCE, isolation_level=None)
    try:
        # All of it can be made anew: that it is not synced costs nothing but a rebuild after a power failure.
        connection.execute("PRAGMA synchronous = OFF")
        # KiB: a few rows are asked for; the default of 2 MiB fills as a library grows, in each thread.
        connection.execute("PRAGMA cache_size = -256")
        connection.execute("PRAGMA secure_delete = ON")  # what is replaced, too: a purge leaves no byte of a run
        if _version(connection) != VERSION:
            _create(connection)
        _close_to_others(path)
    except BaseException:
        connection.close()
        raise
    return connection


def _version(connection: sqlite3.Connection) -> int:
    """The version of its tables, 0 for an empty file. Raises for one that is not ours to write."""
    (application,), (version,) = (
        connection.execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version")
    )
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and application != APPLICATION:
        raise _ForeignError(ANOTHERS())
    if version > VERSION:
        raise _ForeignError(NEWER())
    return int(version)


def _create(connection: sqlite3.Connection) -> None:
    """Make the tables, or bring those of an older version up to date. Another process may be at it."""
    connection.execute("BEGIN IMMEDIATE")
    version = _version(connection)
    if version in {1, 2}:  # what purged runs have billed, and stores on other disks, are known here alone
        _bring_up_to_date(connection, version)
        connection.execute(f"PRAGMA user_version = {VERSION}")
    elif version != VERSION:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in names:
            connection.execute(f'DROP TABLE "{name}"')
        for table in _TABLES:
            connection.execute(table)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        with contextlib.suppress(OSError):  # the index of version 0.1, which nobody reads any more, holds prompts
            (cache_folder() / "history.sqlite3").unlink(missing_ok=True)
    connection.execute("COMMIT")


def _bring_up_to_date(connection: sqlite3.Connection, version: int) -> None:
    if version == 1:
        connection.execute("ALTER TABLE runs ADD COLUMN starred INT DEFAULT 0")
        connection.execute(_STARRED_RUNS)
    for column in ("state", "began", "words"):
        connection.execute(f"ALTER TABLE runs ADD COLUMN {column} TEXT")
    rows = connection.execute("SELECT store, run_id, line FROM runs").fetchall()
    entries = [(store, run_id, entry_of_line(Path(), line)) for store, run_id, line in rows]
    values = [(e.state, _began(e), text_of(e), store, run_id) for store, run_id, e in entries]
    connection.executemany("UPDATE runs SET state = ?, began = ?, words = ? WHERE store = ? AND run_id = ?", values)
    connection.execute("DROP INDEX runs_by_id")
    connection.execute(_SEARCHED_RUNS)


def _make_private(path: Path) -> None:
    """Make the file, if it is missing, for its owner alone. Raises OSError for what is no file of one's own."""
    try:
        facts = path.lstat()
    except FileNotFoundError:
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        return
    if not stat.S_ISREG(facts.st_mode) or (os.name != "nt" and facts.st_uid != os.getuid()):
        raise _ForeignError(NO_FILE())


def _close_to_others(path: Path) -> None:
    """What one draws is private, also where the file was put there readable for all."""
    if os.name != "nt" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        with contextlib.suppress(OSError):
            path.chmod(0o600)


def damaged_copy(path: Path) -> Path:
    """Where a damaged library is set aside."""
    return path.with_name(f"{path.name}.damaged")


def _set_aside(path: Path) -> None:
    """Give a damaged library another name, so that the next use makes a new one.

    A file that a person has named by mistake, which never was a database, keeps its name.
    """
    with contextlib.suppress(OSError):
        if os.environ.get("SEEDREAM_LIBRARY") and path.read_bytes()[:16] != _HEADER:
            return
        path.with_name(f"{path.name}-journal").unlink(missing_ok=True)
        path.replace(damaged_copy(path))


def load_runs(connection: sqlite3.Connection, store: Path, *, starred: bool = False) -> Known:
    """The runs of a store as they were written; with `starred` those that have a starred picture."""
    # One text for all rows: fetched and parsed in a third of the time.
    query = "SELECT '[' || group_concat(line) || ']' FROM runs JOIN stores ON id = store WHERE path = ?"
    query += " AND starred > 0" if starred else ""
    (lines,) = connection.execute(query, (store_key(store),)).fetchone()
    return dict(_from_line(store, values) for values in json.loads(lines or "[]"))


def store_id(connection: sqlite3.Connection, store: Path) -> int:
    """The number of a store, which gets one now if it has none."""
    # By chance: in a library that was made anew a store has another number than in the one before.
    connection.execute("INSERT OR IGNORE INTO stores VALUES (abs(random() % 2147483648), ?, 0)", (store_key(store),))
    (number,) = connection.execute("SELECT id FROM stores WHERE path = ?", (store_key(store),)).fetchone()
    return int(number)


def delete_runs(connection: sqlite3.Connection, number: int, store: Path, run_ids: Iterable[str]) -> None:
    """Take out runs of a store whose folders are not there, with the thumbnails that no other store has."""
    gone = [run_id for run_id in run_ids if not (store / run_id).is_dir()]  # it may have begun after the store was read
    connection.executemany("DELETE FROM runs WHERE store = ? AND run_id = ?", [(number, run_id) for run_id in gone])
    kept = "SELECT 1 FROM runs WHERE run_id = ?"
    delete_thumbnails(connection, [run_id for run_id in gone if not connection.execute(kept, (run_id,)).fetchone()])


def delete_thumbnails(connection: sqlite3.Connection, run_ids: Iterable[str]) -> None:
    """Take out the thumbnails of these runs, of all their pictures: "ID" is the first one, "ID/02.jpg" one by name."""
    query = "DELETE FROM thumbnails WHERE run_id >= ? AND run_id < ? || '0' AND (run_id = ? OR run_id LIKE ? || '/%')"
    connection.executemany(query, [(run_id,) * 4 for run_id in run_ids])


def insert_runs(
    connection: sqlite3.Connection,
    store: int,
    runs: Iterable[tuple[Look, HistoryEntry]],
    *,
    at_most: int | None = None,
    instead: bool = True,
) -> None:
    """Write runs, `instead` of those that are there: what was read a while ago must not replace what is newer.

    A run that could not be read replaces none that could: its disk may be away, and its request is known by its row
    alone. Who has drawn them gives `at_most`, the images that they may bill; a bill that is only read lowers none.
    """
    read = list(runs)
    whole = [_row(store, look, entry) for look, entry in read if entry.state != "damaged"]
    unread = [_row(store, look, entry) for look, entry in read if entry.state == "damaged"]
    connection.executemany(
        "DELETE FROM runs WHERE store = ? AND run_id = ? AND state = 'damaged'", [r[:2] for r in whole]
    )
    # In one step: between two, another process would not find the run, and pay for it again.
    verb = "INSERT OR REPLACE" if instead else "INSERT OR IGNORE"
    connection.executemany(f"{verb} INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", whole)
    connection.executemany("INSERT OR IGNORE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", unread)
    bills = [(e.run_id, _began(e), may_be_billed(e, at_most or 0), e.provider == "demo") for _, e in read]
    insert = "INSERT INTO bills VALUES (?, ?, ?, ?) ON CONFLICT (run_id) DO UPDATE SET images = "
    kept = "max(images, excluded.images)" if at_most is None else "excluded.images"
    connection.executemany(insert + kept, bills)


def _row(store: int, look: Look, e: HistoryEntry) -> tuple[Any, ...]:
    line = _line(look, e)
    return store, e.run_id, e.fingerprint, e.parent, e.billed, line, e.starred, e.state, _began(e), text_of(e)


def may_be_billed(entry: HistoryEntry, at_most: int = 0) -> int:
    """The images that count for a run: `at_most`, or what it was asked for, where nobody knows its bill."""
    certain = entry.outcome != "unknown" and entry.state not in {"stopped", "interrupted", *UNFINISHED}
    if certain or entry.outcome in {"not_sent", "rejected"}:
        return entry.billed
    return max(at_most or entry.expected or MAXIMUM_IMAGES, entry.billed)


def _began(entry: HistoryEntry) -> str:
    return entry.began.isoformat() if entry.began else ""


def _line(look: Look, entry: HistoryEntry) -> str:
    values = [look, entry.run_id, _began(entry), *(getattr(entry, name) for name in _COLUMNS)]
    return json.dumps(values, ensure_ascii=False)


def entry_of_line(store: Path, line: str) -> HistoryEntry:
    """The entry that was written as this line, of a run of `store`."""
    return _from_line(store, json.loads(line))[1][1]


def look_of_line(line: str) -> Look:
    """How the folder of a run looked when this line of it was written."""
    return tuple(json.loads(line)[0])


def _from_line(store: Path, values: Sequence[Any]) -> tuple[str, tuple[Look, HistoryEntry]]:
    look, run_id, began, *others = values
    first, last = others[:_BEFORE_FOLDER], others[_BEFORE_FOLDER:]
    columns = [run_id, datetime.fromisoformat(began) if began else None, *first, store / run_id, *last]
    return run_id, (tuple(look), HistoryEntry(*columns))


def store_key(store: Path) -> str:
    """The path by which a store is known, however it was named: without links, in the spelling of its disk."""
    path = os.path.realpath(store)
    return str(_spelled(Path(path))) if os.path.exists(path) else path  # noqa: PTH110 - Path's raises for a long name


@lru_cache(maxsize=256)
def _spelled(path: Path) -> Path:
    """The path as its disk has it, where names that differ by case, or by the form of an accent, are one name there."""
    name = path.name
    if not name:
        return path
    parent = _spelled(path.parent)
    others = {name.swapcase(), *(unicodedata.normalize(form, name) for form in ("NFC", "NFD"))} - {name}
    with contextlib.suppress(OSError):
        if any(other.exists() and other.samefile(parent / name) for other in map(parent.joinpath, others)):
            names = [found for found in os.listdir(parent) if _folded(found) == _folded(name)]  # noqa: PTH208 - names
            return parent / (names[0] if len(names) == 1 else name)
    return parent / name


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def kept_thumbnails(run_ids: Iterable[str]) -> dict[str, Thumbnail]:
    """The thumbnails of these runs, as far as they were made before."""

    def work(connection: sqlite3.Connection) -> dict[str, Thumbnail]:
        query = "SELECT made_of, uri, width, height FROM thumbnails WHERE run_id = ?"
        rows = {run_id: connection.execute(query, (run_id,)).fetchone() for run_id in run_ids}
        return {run_id: (str(row[0]), str(row[1]), int(row[2]), int(row[3])) for run_id, row in rows.items() if row}

    return with_library(work, {})


def keep_thumbnails(thumbnails: Mapping[str, Thumbnail]) -> None:
    """Keep the thumbnails of runs, by the ids of the runs."""

    def work(connection: sqlite3.Connection) -> None:
        rows = [(run_id, *thumbnail) for run_id, thumbnail in thumbnails.items()]
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT OR REPLACE INTO thumbnails VALUES (?, ?, ?, ?, ?)", rows)
        connection.execute("COMMIT")

    with_library(work, None)
