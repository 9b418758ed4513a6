"""The history as far as it is looked at: the runs that words ask for, found in the library without reading them all.

The library finds and counts them in one index, in the order of their ids, which is that of their times. Only those
that are shown are read, and looked at in their folders if they are of the store that is asked from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from operator import itemgetter
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
_Row = tuple[str, int, Any]
"""A run's id, the number of the store that it is in, and its rank: what has the lower one comes first."""


@dataclass(frozen=True)
class Found:
    """The first runs that were found, how many others there are, and whether those began before each of these."""

    first: list[HistoryEntry]
    others: int = 0
    are_earlier: bool = True


def find(
    store: Path, words: str, *, now: datetime, here: bool = False, starred: bool = False, at_most: int | None = None
) -> Found:
    """The runs of all stores (with `here` of `store`) of which each of the words is true, as `search` sorts them.

    With `starred` those that have a starred picture. All are read, or the first `at_most`. Of the copies of a run that
    fit best the one in `store` counts. Where there is no library the folders are read.
    """
    query = query_of(words, now=now)

    def work(connection: sqlite3.Connection) -> Found:
        stores = _stores(connection, store, here=here)
        first, others, are_earlier = _rows_found(_Rows(connection, tuple(stores), query, starred), at_most)
        return Found(_read(connection, first, stores), others, are_earlier)

    found = with_library(work, None)
    if found is not None:
        return found
    entries = library.history(store) if here else library.history_of_all(store)
    entries = search([entry for entry in entries if entry.starred or not starred], words, now=now)
    first, others, are_earlier = _parted([(entry.run_id, 0, 0) for entry in entries], at_most)
    return Found(entries[: len(first)], others, are_earlier)


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


@dataclass(frozen=True)
class _Rows:
    """The rows of these stores, the first of which is asked from, whose text has all texts of a query."""

    connection: sqlite3.Connection
    stores: tuple[int, ...]
    query: Query
    starred: bool

    def newest_first(self, *columns: str, values: Iterable[str] = ()) -> Iterable[Any]:
        """These columns of each; the copies of a run stand beside one another."""
        rows = f"SELECT {', '.join(columns)} FROM runs WHERE {self._where} ORDER BY run_id DESC"  # noqa: S608 - marks and numbers
        return self.connection.execute(rows, (*values, *self.query.texts))

    def count(self) -> int:
        """How many runs they are of."""
        rows = f"SELECT count(*) FROM (SELECT 1 FROM runs WHERE {self._where} GROUP BY run_id)"  # noqa: S608 - as above
        return int(self.connection.execute(rows, self.query.texts).fetchone()[0])

    @property
    def _where(self) -> str:
        # The plus keeps SQLite from reading whole rows, store by store, where the index of searches has all in order.
        store = "store" if len(self.stores) == 1 else "+store"
        conditions = [f"{store} IN ({', '.join(map(str, self.stores))})", *["starred > 0"] * self.starred]
        return " AND ".join(conditions + ["instr(words, ?) > 0"] * len(self.query.texts))


def _rows_found(rows: _Rows, at_most: int | None) -> tuple[list[_Row], int, bool]:
    """The first runs that are found, how many others there are, and whether those began before these."""
    if rows.query.has_ranks:
        return _parted(sorted(_once(_with_ranks(rows), rows.stores), key=itemgetter(2)), at_most)
    first = list(islice(_once(rows.newest_first("run_id", "store", "0"), rows.stores), at_most))
    return first, rows.count() - len(first) if len(first) == at_most else 0, True


def _with_ranks(rows: _Rows) -> Iterable[_Row]:
    """Each row that is found, the newest first."""
    query = rows.query
    if not query.has_facts:
        phrases = dict.fromkeys(query.phrases)
        has_none = " AND ".join(["instr(words, ?) = 0"] * len(phrases))
        return rows.newest_first("run_id", "store", has_none, values=phrases)
    runs = (
        (number, Searchable(run_id, datetime.fromisoformat(began) if began else None, state, text))
        for run_id, number, state, began, text in rows.newest_first("run_id", "store", "state", "began", "words")
    )
    return ((run.run_id, number, query.rank(run)) for number, run in runs if query.fits(run))


def _once(rows: Iterable[_Row], stores: Sequence[int]) -> Iterator[_Row]:
    """Each run once: of its copies, which stand together, the one that fits best, then the one of the first store."""
    best: _Row | None = None
    for row in rows:
        if best and best[0] == row[0]:
            best = min(best, row, key=lambda copy: (copy[2], stores.index(copy[1])))
            continue
        if best:
            yield best
        best = row
    if best:
        yield best


def _parted(rows: list[_Row], at_most: int | None) -> tuple[list[_Row], int, bool]:
    """The first of these runs, how many others there are, and whether those began before these."""
    first, others = rows[:at_most], [] if at_most is None else rows[at_most:]
    return first, len(others), not others or max(others)[0] < min(first)[0]


def _read(connection: sqlite3.Connection, rows: Sequence[_Row], stores: dict[int, Path]) -> list[HistoryEntry]:
    """The entries of these runs: those of the first store as their folders are, without those that are gone."""
    lines: dict[tuple[str, int], str] = {}
    for start in range(0, len(rows), _MOST_AT_ONCE):
        run_ids = [run_id for run_id, _, _ in rows[start : start + _MOST_AT_ONCE]]
        query = f"SELECT run_id, store, line FROM runs WHERE run_id IN ({_marks(run_ids)})"  # noqa: S608 - only marks
        lines |= {(run_id, number): line for run_id, number, line in connection.execute(query, run_ids)}
    own = next(iter(stores), None)
    entries = []
    for run_id, number, _ in rows:
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
