"""The library: one SQLite file of this user, an index over every store that was drawn into or opened.

It answers in one indexed read which runs were made of a request, wherever they lie, and holds what a history shows.
The folders are the truth: what stands here is looked at there before it is used, and all of it can be made anew from
them. So nothing here is ever a reason to fail: where the file is broken, locked, read-only or of a newer version, all
goes on as without it, and `problem` says so for `%seedream doctor`.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from seedream_magic.images.claims import is_live
from seedream_magic.images.durable import cache_folder, data_folder
from seedream_magic.images.index import HistoryEntry, Look, entry_of, is_settled, look_at, runs_in
from seedream_magic.images.originals import frames_on_disk
from seedream_magic.images.record import RUN_ID, UNFINISHED, Record, read_record
from seedream_magic.images.store import run_folders

if TYPE_CHECKING:
    import sqlite3

FILE = "library.sqlite3"
APPLICATION = 0x53444D47
"""Marks the file as ours: one that a person has named by mistake is left alone."""
VERSION = 1
"""Of the tables. Those of an older version are made anew from the stores, those of a newer one are left alone."""
PATIENCE = 5.0
"""Seconds to wait for another process that writes."""
IMPATIENCE = 0.1
"""The same where that was in vain a moment ago: a program that keeps the file locked holds nobody up twice."""
YOUNG = 3600.0
"""Seconds in which a folder without a record may still get one: it is being copied."""
GONE = -1
"""In place of a folder's time: it is not there. Its runs stay known, for it may be on a disk that comes back."""
_HEADER = b"SQLite format 3\0"
_TABLES = (
    "CREATE TABLE stores (id INTEGER PRIMARY KEY, path TEXT UNIQUE, changed INT)",
    """CREATE TABLE runs (store INT, run_id TEXT, fingerprint TEXT, parent TEXT, billed INT, line TEXT,
        PRIMARY KEY (store, run_id)) WITHOUT ROWID""",
    "CREATE INDEX runs_of_request ON runs (fingerprint)",
    "CREATE INDEX runs_by_id ON runs (run_id)",
    "CREATE INDEX runs_after ON runs (parent) WHERE parent > ''",
    # What a run billed counts for its day also when the run has been purged.
    "CREATE TABLE bills (run_id TEXT PRIMARY KEY, began TEXT, images INT) WITHOUT ROWID",
    "CREATE INDEX bills_by_day ON bills (began, images)",
    "CREATE TABLE thumbnails (run_id TEXT PRIMARY KEY, made_of TEXT, uri TEXT, width INT, height INT)",
)
_COLUMNS = tuple(name for name in HistoryEntry.__dataclass_fields__ if name not in {"run_id", "began", "folder"})
Known = dict[str, tuple[Look, HistoryEntry]]
"""Of each run by its id: what its folder looked like when it was read, and what was read."""
Thumbnail = tuple[str, str, int, int]
"""What it was made of (the file's name, time and size), its data URI, its width and height in pixels."""
Result = TypeVar("Result")

_changed: dict[Path, tuple[int, int]] = {}
"""When each store had changed last, as this process has seen it, with all its runs in the library under this number."""
_problems: dict[Path, str] = {}


ANOTHERS = "it is another program's database"
NEWER = "a newer version of seedream-magic has written it"
NO_FILE = "it is no file of this user"


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
    _problems.pop(path, None)

    def work(connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("SELECT count(*) FROM runs").fetchone()
        connection.execute(f"PRAGMA user_version = {VERSION}")  # it can be written
        connection.execute("ROLLBACK")

    _with_library(work, None)
    return _problems.get(path, "")


def runs_of(fingerprints: Collection[str], store: Path) -> list[Record] | None:
    """The runs of a request in all stores, oldest first, as their folders have them; None without a library.

    A run that is in several stores, for one was copied, counts once.
    """
    marks = ", ".join("?" * len(fingerprints))

    def work(connection: sqlite3.Connection) -> list[Path]:
        _catch_up(connection, store)
        query = f"SELECT path, run_id FROM runs JOIN stores ON id = store WHERE fingerprint IN ({marks})"  # noqa: S608 - marks
        return [Path(path, run_id) for path, run_id in connection.execute(query, tuple(fingerprints))]

    folders = _with_library(work, None)
    return None if folders is None else _records(folders, store)


def redone(run_id: str, store: Path) -> list[Record] | None:
    """The runs that drew frames of this one anew, oldest first; None without a library."""

    def work(connection: sqlite3.Connection) -> list[Path]:
        _catch_up(connection, store)
        query = "SELECT path, run_id FROM runs JOIN stores ON id = store WHERE parent = ?"
        return [Path(path, name) for path, name in connection.execute(query, (run_id,))]

    folders = _with_library(work, None)
    if folders is None:
        return None
    later = _records(folders, store)
    return [record for record in later if (line := record.lineage) and line.kind == "redo" and line.run_id == run_id]


def folders_of(run_id: str) -> list[Path]:
    """The folders of the runs whose id begins so, or ends so, in any store."""

    def work(connection: sqlite3.Connection) -> list[Path]:
        query = "SELECT path, run_id FROM runs JOIN stores ON id = store WHERE run_id >= ? AND run_id < ?"
        found = connection.execute(query, (run_id, run_id + "\U0010ffff")).fetchall()
        if not found and len(run_id) > 3:
            query = "SELECT path, run_id FROM runs JOIN stores ON id = store WHERE substr(run_id, ?) = ?"
            found = connection.execute(query, (-len(run_id), run_id)).fetchall()
        return [Path(path, name) for path, name in found]

    folders: list[Path] = _with_library(work, [])
    return [folder for folder in folders if run_id and look_at(folder)]


def _records(folders: Iterable[Path], store: Path) -> list[Record]:
    """The records of these runs, oldest first; of a run that is in several stores the copy that shows most of it.

    A copy may lack pictures, as one from a repository does, or stand still while its original is under way.
    """
    own, copies = _key(store), defaultdict[str, list[Path]](list)
    for folder in sorted(folders, key=lambda folder: str(folder.parent) != own):
        # As the person has named it.
        copies[folder.name].append(store / folder.name if str(folder.parent) == own else folder)
    found: list[Record] = []
    for run_id in sorted(copies):
        records = [record for record in map(read_record, copies[run_id]) if record]
        if len(records) > 1:
            records.sort(key=lambda one: (is_live(one), len(frames_on_disk(one.folder, one.frames))), reverse=True)
        found += records[:1]
    return found


def stores_away(fingerprints: Collection[str]) -> list[Path]:
    """The stores in which runs of a request brought pictures, and that are not there now: a disk was unplugged, say."""
    marks = ", ".join("?" * len(fingerprints))

    def work(connection: sqlite3.Connection) -> list[Path]:
        query = (
            f"SELECT DISTINCT path FROM runs JOIN stores ON id = store WHERE fingerprint IN ({marks}) AND billed > 0"  # noqa: S608 - marks
        )
        return [Path(path) for (path,) in connection.execute(query, tuple(fingerprints))]

    known: list[Path] = _with_library(work, [])
    return [store for store in known if not store.is_dir()]


def stores() -> list[Path]:
    """The stores that are known and there, sorted."""

    def work(connection: sqlite3.Connection) -> list[Path]:
        return [Path(path) for (path,) in connection.execute("SELECT path FROM stores ORDER BY path")]

    known: list[Path] = _with_library(work, [])
    return [store for store in known if store.is_dir()]


def counts() -> dict[Path, int]:
    """How many runs of each store are known; of one that is not there, for it is on another disk, too."""

    def work(connection: sqlite3.Connection) -> dict[Path, int]:
        query = "SELECT path, count(run_id) FROM stores LEFT JOIN runs ON id = store GROUP BY path ORDER BY path"
        return {Path(path): int(runs) for path, runs in connection.execute(query)}

    nothing: dict[Path, int] = {}
    return _with_library(work, nothing)


def note(folder: Path, *, at_most: int = 0) -> None:
    """Let the library know of a run as its folder stands now; `at_most` are the images that it may bill."""
    store = folder.parent

    def work(connection: sqlite3.Connection) -> bool:
        connection.execute("BEGIN IMMEDIATE")
        run = (look_at(folder), entry_of(folder))
        _insert(connection, _store_id(connection, store), [run], at_most=at_most)
        connection.execute("COMMIT")
        return True

    if not _with_library(work, otherwise=False):
        _changed.pop(store, None)  # the next look at this store finds the run in its folder


@contextlib.contextmanager
def begun_in(store: Path) -> Iterator[None]:
    """A run is begun here in a store, and noted then: nothing else is new there by that."""
    number, changed = _changed.get(store, (0, 0))
    known = changed == _changed_at(store)
    yield
    if known:
        _changed[store] = number, _changed_at(store)


def images_since(moment: datetime) -> int | None:
    """Images billed by all runs that began at this moment (UTC) or later; None without a library.

    A run whose bill nobody knows, for it goes on, has died or was stopped, counts with all that it may bill.
    """

    def work(connection: sqlite3.Connection) -> int:
        query = "SELECT total(images) FROM bills WHERE began >= ?"
        return int(connection.execute(query, (moment.isoformat(),)).fetchone()[0])

    return _with_library(work, None)


def forget(run_id: str, store: Path) -> str:
    """Take a run of a store out, so that none of its bytes is left; "", or why some may be."""
    _read_before.pop(store, None)  # the next look takes out what could not be taken out now

    def work(connection: sqlite3.Connection) -> bool:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(
            "DELETE FROM runs WHERE run_id = ? AND store IN (SELECT id FROM stores WHERE path = ?)",
            (run_id, _key(store)),
        )
        connection.execute("DELETE FROM thumbnails WHERE run_id = ?", (run_id,))
        connection.execute("COMMIT")
        connection.execute("VACUUM")  # a row that was moved from page to page has left copies that are wiped only so
        return True

    path = library_file()
    if path is None:
        return ""
    cleaned = _with_library(work, otherwise=False)
    with contextlib.suppress(OSError):
        _damaged(path).unlink(missing_ok=True)
    why = _problems.get(path, "")
    return "" if cleaned or why in {ANOTHERS, NO_FILE} or not path.is_file() else why


def scan(folders: Iterable[Path]) -> dict[Path, int]:
    """Read every store in these folders, at any depth, into the library; how many runs each has."""
    found: dict[Path, int] = {}
    for folder in folders:
        for place, names, _ in os.walk(folder):
            runs = [name for name in names if RUN_ID.fullmatch(name)]
            names[:] = sorted(name for name in names if name not in runs and not name.startswith("."))
            if runs:
                store = Path(place)
                history(store)
                found[store] = len(runs_in(store))
    return found


def history(store: Path) -> list[HistoryEntry]:
    """The runs of a store, newest first, each as its folder is. Never raises, writes nothing into the store."""
    seen = runs_in(store)
    known = _read_runs(store, seen)
    return [known[run_id][1] for run_id in sorted(seen, reverse=True)]


def history_of_all(store: Path) -> list[HistoryEntry]:
    """The runs of all stores, newest first, each once: of copies the one in `store`.

    Those of `store` are as their folders are; those of others as they were when the library read them, but what has
    come to such a store or gone from it since counts.
    """
    found = {entry.run_id: entry for entry in history(store)}
    for other in stores():
        if _key(other) != _key(store):
            for run_id, (_, entry) in _runs_read(other).items():
                found.setdefault(run_id, entry)
    return [found[run_id] for run_id in sorted(found, reverse=True)]


_read_before: dict[Path, Known] = {}


def _read_runs(store: Path, seen: Mapping[str, Look]) -> Known:
    """All runs in `seen`, read where they are new or have changed."""
    known = _read_before.get(store)
    if known is None:
        known = _read_before[store] = _with_library(lambda connection: _load(connection, store), {})
    gone = known.keys() - seen.keys() if _changed_at(store) != GONE else set()
    changed = {
        run_id: (look, entry_of(store / run_id))
        for run_id, look in seen.items()
        if run_id not in known or known[run_id][0] != look
    }
    kept = {run_id: read for run_id, read in changed.items() if is_settled(*read)}
    if gone or changed:

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("BEGIN IMMEDIATE")
            number = _store_id(connection, store)
            _delete(connection, number, store, gone)
            _insert(connection, number, kept.values())
            # What may still change is kept for its fingerprint; its look does not fit, so that it is read again.
            others: list[tuple[Look, HistoryEntry]] = [
                ((), entry) for run_id, (_, entry) in changed.items() if run_id not in kept
            ]
            _insert(connection, number, others, instead=False)
            connection.execute("COMMIT")
            if gone:
                connection.execute("VACUUM")  # as where one is forgotten

        _with_library(work, None)
        _read_before[store] = {run_id: read for run_id, read in known.items() if run_id in seen} | kept
    return known | changed if changed else known


def _runs_read(store: Path) -> Known:
    """The runs of a store as the library has them, once it has caught up with those that came and went."""

    def work(connection: sqlite3.Connection) -> Known:
        _catch_up(connection, store)
        return _load(connection, store)

    return _with_library(work, {})


def _load(connection: sqlite3.Connection, store: Path) -> Known:
    # One text for all rows: fetched and parsed in a third of the time.
    query = "SELECT '[' || group_concat(line) || ']' FROM runs JOIN stores ON id = store WHERE path = ?"
    (lines,) = connection.execute(query, (_key(store),)).fetchone()
    return dict(_from_line(store, values) for values in json.loads(lines or "[]"))


def _catch_up(connection: sqlite3.Connection, store: Path) -> None:
    """Take in the runs that came into a store since it was last looked at, and drop those that are gone.

    A folder's time changes with the names in it: where it is the same, one look is all.
    """
    changed = _changed_at(store)
    if changed == GONE:
        return
    row = connection.execute("SELECT id, changed FROM stores WHERE path = ?", (_key(store),)).fetchone()
    if changed and row and (row[1] == changed or _changed.get(store) == (row[0], changed)):
        _changed[store] = row[0], changed
        return
    seen = {entry.name for entry in run_folders(store)}
    known = (
        {name for (name,) in connection.execute("SELECT run_id FROM runs WHERE store = ?", row[:1])} if row else set()
    )
    fresh = {run_id: (look_at(store / run_id), entry_of(store / run_id)) for run_id in seen - known}
    coming = {run_id for run_id, (_, entry) in fresh.items() if entry.state == "damaged" and _is_young(store / run_id)}
    gone = known - seen
    if not row and not fresh:
        return
    connection.execute("BEGIN IMMEDIATE")
    number = _store_id(connection, store)
    _delete(connection, number, store, gone)
    here = [read for run_id, read in fresh.items() if run_id not in coming]
    read = [(look if is_settled(look, entry) else (), entry) for look, entry in here]
    _insert(connection, number, read, instead=False)  # who draws one has noted it since it was read
    if not coming and changed and is_settled((changed,)):
        connection.execute("UPDATE stores SET changed = ? WHERE id = ?", (changed, number))
    connection.execute("COMMIT")
    if not coming:
        _changed[store] = number, changed


def _changed_at(store: Path) -> int:
    """When a run came into a store or went, last; `GONE` where there is no such folder."""
    try:
        return store.stat().st_mtime_ns
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return GONE


def _is_young(folder: Path) -> bool:
    try:
        return time.time() - folder.lstat().st_mtime < YOUNG
    except OSError:
        return False


def _store_id(connection: sqlite3.Connection, store: Path) -> int:
    # By chance: in a library that was made anew a store has another number than in the one before.
    connection.execute("INSERT OR IGNORE INTO stores VALUES (abs(random() % 2147483648), ?, 0)", (_key(store),))
    (number,) = connection.execute("SELECT id FROM stores WHERE path = ?", (_key(store),)).fetchone()
    return int(number)


def _delete(connection: sqlite3.Connection, number: int, store: Path, run_ids: Iterable[str]) -> None:
    gone = [
        run_id for run_id in run_ids if not (store / run_id).is_dir()
    ]  # one may have begun after the store was read
    connection.executemany("DELETE FROM runs WHERE store = ? AND run_id = ?", [(number, run_id) for run_id in gone])
    query = "DELETE FROM thumbnails WHERE run_id = ? AND run_id NOT IN (SELECT run_id FROM runs)"
    connection.executemany(query, [(run_id,) for run_id in gone])


def _insert(
    connection: sqlite3.Connection,
    store: int,
    runs: Iterable[tuple[Look, HistoryEntry]],
    *,
    at_most: int = 0,
    instead: bool = True,
) -> None:
    """Write runs, `instead` of those that are there: what was read a while ago must not replace what is newer."""
    read = list(runs)
    verb = "INSERT OR REPLACE" if instead else "INSERT OR IGNORE"
    rows = [(store, e.run_id, e.fingerprint, e.parent, e.billed, _line(look, e)) for look, e in read]
    bills = [(e.run_id, _began(e), _may_be_billed(e, at_most)) for _, e in read]
    connection.executemany(f"{verb} INTO runs VALUES (?, ?, ?, ?, ?, ?)", rows)
    connection.executemany(f"{verb} INTO bills VALUES (?, ?, ?)", bills)


def _may_be_billed(entry: HistoryEntry, at_most: int) -> int:
    """The images that count for a run: `at_most`, or what it was asked for, where nobody knows its bill."""
    certain = entry.outcome != "unknown" and entry.state not in {"stopped", *UNFINISHED}
    if certain or entry.outcome in {"not_sent", "rejected"}:
        return entry.billed
    return max(at_most or entry.expected, entry.billed)


def _began(entry: HistoryEntry) -> str:
    return entry.began.isoformat() if entry.began else ""


def _line(look: Look, entry: HistoryEntry) -> str:
    values = [look, entry.run_id, _began(entry), *(getattr(entry, name) for name in _COLUMNS)]
    return json.dumps(values, ensure_ascii=False)


def _from_line(store: Path, values: Sequence[Any]) -> tuple[str, tuple[Look, HistoryEntry]]:
    look, run_id, began, *others = values
    columns = [run_id, datetime.fromisoformat(began) if began else None, *others, store / run_id]
    return run_id, (tuple(look), HistoryEntry(*columns))


def kept_thumbnails(run_ids: Iterable[str]) -> dict[str, Thumbnail]:
    """The thumbnails of these runs, as far as they were made before."""

    def work(connection: sqlite3.Connection) -> dict[str, Thumbnail]:
        query = "SELECT made_of, uri, width, height FROM thumbnails WHERE run_id = ?"
        rows = {run_id: connection.execute(query, (run_id,)).fetchone() for run_id in run_ids}
        return {run_id: (str(row[0]), str(row[1]), int(row[2]), int(row[3])) for run_id, row in rows.items() if row}

    return _with_library(work, {})


def keep_thumbnails(thumbnails: Mapping[str, Thumbnail]) -> None:
    """Keep the thumbnails of runs, by the ids of the runs."""

    def work(connection: sqlite3.Connection) -> None:
        rows = [(run_id, *thumbnail) for run_id, thumbnail in thumbnails.items()]
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT OR REPLACE INTO thumbnails VALUES (?, ?, ?, ?, ?)", rows)
        connection.execute("COMMIT")

    _with_library(work, None)


def _key(store: Path) -> str:
    return os.path.realpath(store)


def _with_library(work: Callable[[sqlite3.Connection], Result], otherwise: Result) -> Result:
    """What `work` gives; `otherwise` where there is no library or it cannot be used, which `problem` tells of."""
    path = library_file()
    if path is None:
        return otherwise
    try:
        with closing(_connection(path)) as connection:
            result = work(connection)
        _problems.pop(path, None)
        return result  # noqa: TRY300 - what a library cannot do is caught as well
    except Exception as exc:  # noqa: BLE001 - an index is never a reason to fail
        _problems[path] = str(exc) or type(exc).__name__
        damaged = getattr(exc, "sqlite_errorname", "").startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))
        if damaged or str(exc).startswith("no such "):  # table, column
            _set_aside(path)
        return otherwise


def _connection(path: Path) -> sqlite3.Connection:
    """The library, in the journal mode DELETE that is a new one's own: WAL must not be used across hosts."""
    import sqlite3  # noqa: PLC0415 - load time; and a Python that was built without it has no library

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _make_private(path)
    connection = sqlite3.connect(path, timeout=IMPATIENCE if path in _problems else PATIENCE, isolation_level=None)
    try:
        # All of it can be made anew: that it is not synced costs nothing but a rebuild after a power failure.
        connection.execute("PRAGMA synchronous = OFF")
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
        raise _ForeignError(ANOTHERS)
    if version > VERSION:
        raise _ForeignError(NEWER)
    return int(version)


def _create(connection: sqlite3.Connection) -> None:
    """Make the tables, in place of those of an older version. Another process may be at it."""
    connection.execute("BEGIN IMMEDIATE")
    if _version(connection) != VERSION:
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


def _make_private(path: Path) -> None:
    """Make the file, if it is missing, for its owner alone. Raises OSError for what is no file of one's own."""
    try:
        facts = path.lstat()
    except FileNotFoundError:
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        return
    if not stat.S_ISREG(facts.st_mode) or (os.name != "nt" and facts.st_uid != os.getuid()):
        raise _ForeignError(NO_FILE)


def _close_to_others(path: Path) -> None:
    """What one draws is private, also where the file was put there readable for all."""
    if os.name != "nt" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        with contextlib.suppress(OSError):
            path.chmod(0o600)


def _damaged(path: Path) -> Path:
    return path.with_name(f"{path.name}.damaged")


def _set_aside(path: Path) -> None:
    """Give a damaged library another name, so that the next use makes a new one.

    A file that a person has named by mistake, which never was a database, keeps its name.
    """
    with contextlib.suppress(OSError):
        if os.environ.get("SEEDREAM_LIBRARY") and path.read_bytes()[:16] != _HEADER:
            return
        path.with_name(f"{path.name}-journal").unlink(missing_ok=True)
        path.replace(_damaged(path))
