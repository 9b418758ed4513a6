"""The library: one SQLite file of this user, an index over every store that was drawn into or opened.

It answers in one indexed read which runs were made of a request, wherever they lie, and holds what a history shows.
The folders are the truth: what stands here is looked at there before it is used, and can be made anew from them, but
for what runs that were purged have billed. So nothing here is ever a reason to fail: where the file is broken, locked,
read-only or of a newer version, all goes on as without it, and `database.problem` says so for `%seedream doctor`.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from seedream_magic.database import (
    ANOTHERS,
    NO_FILE,
    Known,
    damaged_copy,
    delete_runs,
    delete_thumbnails,
    insert_runs,
    library_file,
    load_runs,
    problems,
    store_id,
    store_key,
    with_library,
)
from seedream_magic.images import changes, marks
from seedream_magic.images.claims import is_live
from seedream_magic.images.index import HistoryEntry, Look, entry_of, is_settled, look_at, runs_in
from seedream_magic.images.originals import frames_on_disk
from seedream_magic.images.record import RUN_ID, Record, fingerprint_of, read_record
from seedream_magic.images.stored_runs import run_folders

if TYPE_CHECKING:
    import sqlite3

YOUNG = 3600.0
"""Seconds in which a folder without a record may still get one: it is being copied."""
_AT_ONCE = 500
"""Values of one query; an old SQLite takes 999."""

# That a run has a parent is said once more: the index has no others.
AFTER = "parent = ? AND parent > ''"
LATER = f"""run_id IN (WITH RECURSIVE later (id) AS (SELECT run_id FROM runs WHERE {AFTER} UNION
    SELECT run_id FROM later JOIN runs ON parent = id AND parent > '') SELECT id FROM later)"""  # noqa: S608 - ours
"""Conditions of a run: it goes on from this one; it does so directly or from one that does."""

_seen: dict[Path, tuple[int, int]] = {}
"""Of each store its id in the library, and the version of its names (see `changes`) whose runs are all there."""


def runs_of(fingerprints: Collection[str], store: Path) -> list[Record] | None:
    """The runs of a request in all stores, oldest first, as their folders have them; None without a library.

    A run that is in several stores, for one was copied, counts once.
    """

    def work(connection: sqlite3.Connection) -> list[Path]:
        catch_up(connection, store)
        return _folders(connection, f"fingerprint IN ({_marks(fingerprints)})", *fingerprints)

    folders = with_library(work, None)
    if folders is None:
        return None
    return _records([folder for folder in folders if _is_of(folder, fingerprints)], store)


def known(fingerprints: Iterable[str], store: Path) -> set[str] | None:
    """Those of these fingerprints of which some store has a run, or had one; None without a library."""
    asked = list(dict.fromkeys(fingerprints))

    def work(connection: sqlite3.Connection) -> set[str]:
        catch_up(connection, store)
        found: set[str] = set()
        for start in range(0, len(asked), _AT_ONCE):
            part = asked[start : start + _AT_ONCE]
            query = f"SELECT DISTINCT fingerprint FROM runs WHERE fingerprint IN ({_marks(part)})"  # noqa: S608 - ours
            found.update(fingerprint for (fingerprint,) in connection.execute(query, part))
        return found

    return with_library(work, None)


def _is_of(folder: Path, fingerprints: Collection[str]) -> bool:
    """Whether a folder holds a run of this request still: it may have been replaced since it was read."""
    record = read_record(folder)
    return record is not None and not {fingerprint_of(record), record.fingerprint}.isdisjoint(fingerprints)


def redone(run_id: str, store: Path) -> list[Record] | None:
    """The runs that drew frames of this one anew, oldest first; None without a library."""

    def work(connection: sqlite3.Connection) -> list[Path]:
        catch_up(connection, store)
        return _folders(connection, AFTER, run_id)

    folders = with_library(work, None)
    if folders is None:
        return None
    later = _records(folders, store)
    return [record for record in later if (line := record.lineage) and line.kind == "redo" and line.run_id == run_id]


def later_than(run_id: str, store: Path) -> list[Record] | None:
    """The runs that go on from this one, directly or from one that does, oldest first; None without a library."""

    def work(connection: sqlite3.Connection) -> list[Path]:
        catch_up(connection, store)
        return _folders(connection, LATER, run_id)

    folders = with_library(work, None)
    return None if folders is None else _records(folders, store)


def folders_of(run_id: str) -> list[Path]:
    """The folders of the runs whose id begins so, or ends so, in any store."""

    def work(connection: sqlite3.Connection) -> list[Path]:
        found = _folders(connection, "run_id >= ? AND run_id < ?", run_id, run_id + "\U0010ffff")
        if not found and len(run_id) > 3:
            found = _folders(connection, "substr(run_id, ?) = ?", -len(run_id), run_id)
        return found

    folders: list[Path] = with_library(work, [])
    return [folder for folder in folders if run_id and look_at(folder)]


def _folders(connection: sqlite3.Connection, condition: str, *values: str | int) -> list[Path]:
    """The folders of the runs, in all stores, of which this is true."""
    query = f"SELECT path, run_id FROM runs JOIN stores ON id = store WHERE {condition}"  # noqa: S608 - ours
    return [Path(path, run_id) for path, run_id in connection.execute(query, values)]


def _marks(values: Collection[str]) -> str:
    """The places of these values in a query."""
    return ", ".join("?" * len(values))


def _records(folders: Iterable[Path], store: Path) -> list[Record]:
    """The records of these runs, oldest first; of a run that is in several stores the copy that shows most of it.

    A copy may lack pictures, as one from a repository does, or stand still while its original is under way.
    """
    own, copies = store_key(store), defaultdict[str, list[Path]](list)
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

    def work(connection: sqlite3.Connection) -> set[Path]:
        condition = f"fingerprint IN ({_marks(fingerprints)}) AND billed > 0"
        return {folder.parent for folder in _folders(connection, condition, *fingerprints)}

    known: set[Path] = with_library(work, set())
    return [store for store in sorted(known) if not store.is_dir()]


def stores() -> list[Path]:
    """The stores that are known and there, sorted."""

    def work(connection: sqlite3.Connection) -> list[Path]:
        return [Path(path) for (path,) in connection.execute("SELECT path FROM stores ORDER BY path")]

    known: list[Path] = with_library(work, [])
    return [store for store in known if store.is_dir()]


def counts() -> dict[Path, int]:
    """How many runs of each store are known; of one that is not there, for it is on another disk, too."""

    def work(connection: sqlite3.Connection) -> dict[Path, int]:
        query = "SELECT path, count(run_id) FROM stores LEFT JOIN runs ON id = store GROUP BY path ORDER BY path"
        return {Path(path): int(runs) for path, runs in connection.execute(query)}

    nothing: dict[Path, int] = {}
    return with_library(work, nothing)


def note(folder: Path, *, at_most: int = 0) -> None:
    """Let the library know of a run as its folder stands now; `at_most` are the images that it may bill."""
    store = folder.parent

    def work(connection: sqlite3.Connection) -> bool:
        run = (look_at(folder), entry_of(folder))
        if run[1].state == "damaged":  # a disk that is away: what is known of the run stays true
            return False
        connection.execute("BEGIN IMMEDIATE")
        insert_runs(connection, store_id(connection, store), [run], at_most=at_most)
        connection.execute("COMMIT")
        return True

    if not with_library(work, otherwise=False):
        changes.doubt(store)  # the next look at this store finds the run in its folder, and so does one under way


def note_marks(folder: Path) -> None:
    """Let the library know of a run whose marks have changed; its folder is read once more at the next look."""

    def work(connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        insert_runs(connection, store_id(connection, folder.parent), [((), entry_of(folder))])
        connection.execute("COMMIT")

    with_library(work, None)


marks.changed.append(note_marks)


def images_since(moment: datetime, *, free: bool = False) -> int | None:
    """Images billed by all runs that began at this moment (UTC) or later; None without a library.

    With `free` those of the demo, which count apart.
    A run whose bill nobody knows, for it goes on, has died or was stopped, counts with all that it may bill.
    """

    def work(connection: sqlite3.Connection) -> int:
        query = "SELECT total(images) FROM bills WHERE began >= ? AND free = ?"
        return int(connection.execute(query, (moment.isoformat(), free)).fetchone()[0])

    return with_library(work, None)


def forget(run_id: str, store: Path) -> str:
    """Take a run of a store out, so that none of its words and pictures is left; "", or why some may be.

    What it billed still counts for its day.
    """
    _read_before.pop(store, None)  # the next look takes out what could not be taken out now

    def work(connection: sqlite3.Connection) -> bool:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(
            "DELETE FROM runs WHERE run_id = ? AND store IN (SELECT id FROM stores WHERE path = ?)",
            (run_id, store_key(store)),
        )
        delete_thumbnails(connection, [run_id])
        connection.execute("COMMIT")
        connection.execute("VACUUM")  # a row that was moved from page to page has left copies that are wiped only so
        return True

    path = library_file()
    if path is None:
        return ""
    cleaned = with_library(work, otherwise=False)
    with contextlib.suppress(OSError):
        damaged_copy(path).unlink(missing_ok=True)
    why = problems.get(path, "")
    return "" if cleaned or why in {ANOTHERS(), NO_FILE()} or not path.is_file() else why


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


def history_of_all(store: Path, *, starred: bool = False) -> list[HistoryEntry]:
    """The runs of all stores, newest first, each once: of copies the one in `store`.

    Those of `store` are as their folders are; those of others as they were when the library read them, but what has
    come to such a store or gone from it since counts. With `starred` those that have a starred picture.
    """
    found = {entry.run_id: entry for entry in history(store) if entry.starred or not starred}
    for other in stores():
        if store_key(other) != store_key(store):
            for run_id, (_, entry) in _runs_read(other, starred=starred).items():
                found.setdefault(run_id, entry)
    return [found[run_id] for run_id in sorted(found, reverse=True)]


_read_before: dict[Path, Known] = {}


def _read_runs(store: Path, seen: Mapping[str, Look]) -> Known:
    """All runs in `seen`, read where they are new or have changed."""
    known = _read_before.get(store)
    if known is None:
        known = _read_before[store] = with_library(lambda connection: load_runs(connection, store), {})
    # The runs of a store that is not there stay known: it may be on a disk that comes back.
    is_there = changes.state_of(store) is not None and (seen or run_folders(store) is not None)
    gone = known.keys() - seen.keys() if is_there else set()
    changed = {
        run_id: (look, entry_of(store / run_id))
        for run_id, look in seen.items()
        if run_id not in known or known[run_id][0] != look
    }
    kept = {run_id: read for run_id, read in changed.items() if is_settled(*read)}
    if gone or changed:

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("BEGIN IMMEDIATE")
            number = store_id(connection, store)
            delete_runs(connection, number, store, gone)
            insert_runs(connection, number, kept.values())
            # What may still change is kept for its fingerprint; its look does not fit, so that it is read again.
            others: list[tuple[Look, HistoryEntry]] = [
                ((), entry) for run_id, (_, entry) in changed.items() if run_id not in kept
            ]
            insert_runs(connection, number, others, instead=False)
            connection.execute("COMMIT")
            if gone:
                connection.execute("VACUUM")  # as where one is forgotten

        with_library(work, None)
        _read_before[store] = {run_id: read for run_id, read in known.items() if run_id in seen} | kept
    return known | changed if changed else known


def _runs_read(store: Path, *, starred: bool) -> Known:
    """The runs of a store as the library has them, once it has caught up with those that came and went."""

    def work(connection: sqlite3.Connection) -> Known:
        catch_up(connection, store)
        return load_runs(connection, store, starred=starred)

    return with_library(work, {})


def catch_up(connection: sqlite3.Connection, store: Path) -> None:
    """Take in the runs that came into a store since it was last looked at, and drop those that are gone.

    A folder's time changes with the names in it: where it is the same, one look is all.
    """
    found = changes.version_of(store)
    if found is None:
        return
    version, changed = found
    row = connection.execute("SELECT id, changed FROM stores WHERE path = ?", (store_key(store),)).fetchone()
    if changed and row and (row[1] == changed or _seen.get(store) == (row[0], version)):
        _seen[store] = row[0], version
        return
    folders = run_folders(store)
    if folders is None:  # a drive that fails now and then: what is known of it stays true
        return
    seen = {entry.name for entry in folders}
    rows = connection.execute("SELECT run_id, state = 'damaged' FROM runs WHERE store = ?", row[:1] if row else (None,))
    known = dict(rows.fetchall())
    unknown = {run_id for run_id in seen if known.get(run_id, True)}  # what could not be read may be readable now
    fresh = {run_id: (look_at(store / run_id), entry_of(store / run_id)) for run_id in unknown}
    unread = {run_id for run_id, (_, entry) in fresh.items() if entry.state == "damaged"}
    coming = {run_id for run_id in unread if _is_young(store / run_id)}
    gone = known.keys() - seen
    if not row and not fresh:
        return
    connection.execute("BEGIN IMMEDIATE")
    number = store_id(connection, store)
    delete_runs(connection, number, store, gone)
    here = [read for run_id, read in fresh.items() if run_id not in coming]
    read = [(look if is_settled(look, entry) else (), entry) for look, entry in here]
    insert_runs(connection, number, read, instead=False)  # who draws one has noted it since it was read
    if not unread and changed and is_settled((changed,)):
        connection.execute("UPDATE stores SET changed = ? WHERE id = ?", (changed, number))
    connection.execute("COMMIT")
    if not unread:
        _seen[store] = number, version


def _is_young(folder: Path) -> bool:
    try:
        return time.time() - folder.lstat().st_mtime < YOUNG
    except OSError:
        return False
