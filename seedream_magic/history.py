"""The history as far as it is looked at: the runs that words ask for, found in the library without reading them all.

The library finds them in one index, in the order of their ids, which is that of their times. Only those that are shown
are read, and looked at in their folders if they are of the store that is asked from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedream_magic import library
from seedream_magic.database import entry_of_line, insert_runs, look_of_line, store_key, with_library
from seedream_magic.images.index import HistoryEntry, entry_of, is_settled, look_at
from seedream_magic.images.record import UNFINISHED
from seedream_magic.images.search import Query, Searchable, query_of, search

if TYPE_CHECKING:
    import sqlite3

_MOST_AT_ONCE = 500
"""Values in one query: SQLite takes no more than 999 from of old."""
_Key = tuple[str, int]
"""A run's id, and the number of the store that it is in."""


@dataclass(frozen=True)
class Found:
    """The first runs that were found, and the ids of the others in their order."""

    first: list[HistoryEntry]
    others: tuple[str, ...] = ()


def find(
    store: Path, words: str, *, now: datetime, here: bool = False, starred: bool = False, at_most: int | None = None
) -> Found:
    """The runs of all stores (with `here` of `store`) of which each of the words is true, as `search` sorts them.

    With `starred` those that have a starred picture. All are read, or the first `at_most`. Of copies of a run the one
    in `store` counts. Where there is no library the folders are read.
    """
    query = query_of(words, now=now)

    def work(connection: sqlite3.Connection) -> Found:
        stores = _stores(connection, store, here=here)
        keys = _keys(connection, query, stores, starred=starred)
        first = keys if at_most is None else keys[:at_most]
        return Found(_read(connection, first, stores), tuple(run_id for run_id, _ in keys[len(first) :]))

    found = with_library(work, None)
    if found is not None:
        return found
    entries = library.history(store) if here else library.history_of_all(store)
    entries = search([entry for entry in entries if entry.starred or not starred], words, now=now)
    return Found(entries[:at_most], () if at_most is None else tuple(entry.run_id for entry in entries[at_most:]))


def _stores(connection: sqlite3.Connection, store: Path, *, here: bool) -> dict[int, Path]:
    """The stores to look in by their numbers, `store` first: those that are there, with what came to them and went."""
    own = store_key(store)
    named = connection.execute("SELECT path FROM stores ORDER BY path != ?, path", (own,)).fetchall()
    others = [] if here else [Path(path) for (path,) in named if path != own and Path(path).is_dir()]
    for place in (store, *others):
        library.catch_up(connection, place)
    known = {path: number for number, path in connection.execute("SELECT id, path FROM stores")}
    found = {known[store_key(place)]: place for place in (store, *others) if store_key(place) in known}
    if own in known:
        _read_unfinished(connection, known[own], store)
    return found


def _read_unfinished(connection: sqlite3.Connection, number: int, store: Path) -> None:
    """Read the runs of a store anew that were under way when they were read last: their states change."""
    states = ("interrupted", *UNFINISHED)
    query = f"SELECT run_id FROM runs WHERE store = ? AND state IN ({_marks(states)})"  # noqa: S608 - only marks
    for (run_id,) in connection.execute(query, (number, *states)).fetchall():
        insert_runs(connection, number, [((), entry_of(store / run_id))])


def _keys(connection: sqlite3.Connection, query: Query, stores: dict[int, Path], *, starred: bool) -> list[_Key]:
    """The runs that are found, each once, in the order of their ranks, the newest of a rank first."""
    order = {number: place for place, number in enumerate(stores)}
    found: dict[Any, list[_Key]] = {}
    key: _Key = ("", 0)
    ranked: Any = None
    for run_id, number, rank in _ranked(connection, query, stores, starred=starred):
        if run_id == key[0]:  # a copy of the one before
            if order[number] > order[key[1]]:
                continue
            found[ranked].pop()
        key, ranked = (run_id, number), rank
        found.setdefault(rank, []).append(key)
    return [key for rank in sorted(found) for key in found[rank]]


def _ranked(
    connection: sqlite3.Connection, query: Query, stores: dict[int, Path], *, starred: bool
) -> Iterator[tuple[str, int, Any]]:
    """The id, the store and the rank of each run that is found, the newest first; copies stand beside one another."""
    conditions = [f"store IN ({', '.join(map(str, stores))})", *["instr(words, ?) > 0"] * len(query.texts)]
    where = " AND ".join(conditions + ["starred > 0"] * starred)
    if not query.has_facts:
        rank = "max(instr(words, ?), instr(words, ?)) = 0"
        rows = f"SELECT run_id, store, {rank} FROM runs WHERE {where} ORDER BY run_id DESC"  # noqa: S608 - only marks and numbers
        yield from connection.execute(rows, (*query.phrases, *query.texts))
        return
    rows = f"SELECT run_id, store, state, began, words FROM runs WHERE {where} ORDER BY run_id DESC"  # noqa: S608 - as above
    for run_id, number, state, began, text in connection.execute(rows, query.texts):
        run = Searchable(run_id, datetime.fromisoformat(began) if began else None, state, text)
        if query.fits(run):
            yield run_id, number, query.rank(run)


def _read(connection: sqlite3.Connection, keys: Sequence[_Key], stores: dict[int, Path]) -> list[HistoryEntry]:
    """The entries of these runs: those of the first store as their folders are, without those that are gone."""
    lines: dict[_Key, str] = {}
    for start in range(0, len(keys), _MOST_AT_ONCE):
        run_ids = [run_id for run_id, _ in keys[start : start + _MOST_AT_ONCE]]
        query = f"SELECT run_id, store, line FROM runs WHERE run_id IN ({_marks(run_ids)})"  # noqa: S608 - only marks
        lines |= {(run_id, number): line for run_id, number, line in connection.execute(query, run_ids)}
    own = next(iter(stores), None)
    entries = []
    for run_id, number in keys:
        line, place = lines[run_id, number], stores[number]
        if number != own:
            entries.append(entry_of_line(place, line))
        elif look := look_at(place / run_id):
            entries.append(_as_it_is(connection, number, place / run_id, line, look))
    return entries


def _as_it_is(
    connection: sqlite3.Connection, number: int, folder: Path, line: str, look: tuple[int, ...]
) -> HistoryEntry:
    """The entry of a run as its folder is, read where it has changed since its line was written."""
    if look_of_line(line) == look:
        return entry_of_line(folder.parent, line)
    entry = entry_of(folder)
    insert_runs(connection, number, [(look if is_settled(look, entry) else (), entry)])
    return entry


def _marks(values: Sequence[str]) -> str:
    """The places of these values in a query."""
    return ", ".join("?" * len(values))
