"""The history as far as it is looked at: the runs that words ask for, found in the library without reading them all.

The library finds and counts them in one index, in the order of their ids, which is that of their times. Only those
that are shown are read, and looked at in their folders if they are in the store that is asked from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
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
_Hit = tuple[str, int, Any]
"""A run that is found: its id, the number of the store that it is in, and its rank, of which the lower comes first."""


@dataclass(frozen=True)
class Found:
    """The first runs that were found, how many others there are, and whether all of those began earlier."""

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
        selection = _Selection(connection, query, tuple(stores), here=here, starred=starred)
        if query.has_ranks:
            hits = sorted(_each_once(_ranked(selection), selection.stores), key=itemgetter(2))
            first, rest = (hits, []) if at_most is None else (hits[:at_most], hits[at_most:])
            others, are_earlier = len(rest), _are_earlier([hit[0] for hit in rest], [hit[0] for hit in first])
        else:
            newest = _each_once(selection.newest_first("run_id", "store", "0"), selection.stores)
            first, are_earlier = list(islice(newest, at_most)), True
            others = selection.count() - len(first) if len(first) == at_most else 0
        return Found(_read(connection, first, stores, own=store), max(others, 0), are_earlier)

    found = with_library(work, None)
    if found is not None:
        return found
    entries = library.history(store) if here else library.history_of_all(store)
    entries = search([entry for entry in entries if entry.starred or not starred], words, now=now)
    run_ids = [entry.run_id for entry in entries]
    shown = len(entries) if at_most is None else at_most
    return Found(entries[:shown], len(entries[shown:]), _are_earlier(run_ids[shown:], run_ids[:shown]))


def _are_earlier(run_ids: Iterable[str], others: Iterable[str]) -> bool:
    """Whether all runs of these ids began before the others."""
    return max(run_ids, default="") < min(others, default="~")


def _stores(connection: sqlite3.Connection, store: Path, *, here: bool) -> dict[int, Path]:
    """The stores to look in by their numbers, `store` first: those that are there, with what came to them and went."""
    own = store_key(store)
    named = connection.execute("SELECT path FROM stores ORDER BY path != ?, path", (own,)).fetchall()
    others = [] if here else [Path(path) for (path,) in named if path != own and Path(path).is_dir()]
    places = [*[store] * store.is_dir(), *others]
    for place in places:
        library.catch_up(connection, place)
    known = {path: number for number, path in connection.execute("SELECT id, path FROM stores")}
    found = {known[store_key(place)]: place for place in places if store_key(place) in known}
    if store in found.values():
        _read_unfinished(connection, known[own], store)
    return found


def _read_unfinished(connection: sqlite3.Connection, number: int, store: Path) -> None:
    """Read the runs of a store anew that were under way when they were read last: their states change."""
    states = ("interrupted", *UNFINISHED)
    query = f"SELECT run_id FROM runs WHERE store = ? AND state IN ({_placeholders(states)})"  # noqa: S608 - only placeholders
    for (run_id,) in connection.execute(query, (number, *states)).fetchall():
        insert_runs(connection, number, [((), entry_of(store / run_id))])


@dataclass(frozen=True)
class _Selection:
    """What is read of the table of runs: the rows of these stores that have all texts of a query."""

    connection: sqlite3.Connection
    query: Query
    stores: tuple[int, ...]
    _: KW_ONLY
    here: bool
    starred: bool

    def newest_first(self, *columns: str, values: Iterable[str] = ()) -> Iterable[Any]:
        """These columns of each row, with `values` for their placeholders; copies of a run stand side by side."""
        sql = f"SELECT {', '.join(columns)} FROM {self._rows} ORDER BY run_id DESC"  # noqa: S608 - placeholders and numbers
        return self.connection.execute(sql, (*values, *self.query.texts))

    def count(self) -> int:
        """How many runs the rows are of."""
        sql = f"SELECT count(*) FROM (SELECT 1 FROM {self._rows} GROUP BY run_id)"  # noqa: S608 - as above
        return int(self.connection.execute(sql, self.query.texts).fetchone()[0])

    @property
    def _rows(self) -> str:
        # SQLite on its own would read whole rows, store by store, and sort them: good for one store among many.
        table = "runs" if self.here else "runs INDEXED BY runs_searched"
        conditions = [f"store IN ({', '.join(map(str, self.stores))})", *["starred > 0"] * self.starred]
        return f"{table} WHERE {' AND '.join(conditions + ['instr(words, ?) > 0'] * len(self.query.texts))}"


def _ranked(selection: _Selection) -> Iterable[_Hit]:
    """The rows of which all of the query is true, with their ranks, the newest first."""
    query = selection.query
    if not query.has_facts:
        phrases = dict.fromkeys(query.phrases)
        has_none = " AND ".join(["instr(words, ?) = 0"] * len(phrases))
        return selection.newest_first("run_id", "store", has_none, values=phrases)
    rows = (
        (number, Searchable(run_id, datetime.fromisoformat(began) if began else None, state, text))
        for run_id, number, state, began, text in selection.newest_first("run_id", "store", "state", "began", "words")
    )
    return ((run.run_id, number, query.rank(run)) for number, run in rows if query.fits(run))


def _each_once(hits: Iterable[_Hit], stores: Sequence[int]) -> Iterator[_Hit]:
    """Of the copies of a run, which stand side by side, the one that fits best, then that of the first store."""
    best: _Hit | None = None
    for hit in hits:
        if best and best[0] == hit[0]:
            best = min(best, hit, key=lambda copy: (copy[2], stores.index(copy[1])))
            continue
        if best:
            yield best
        best = hit
    if best:
        yield best


def _read(
    connection: sqlite3.Connection, hits: Sequence[_Hit], stores: Mapping[int, Path], *, own: Path
) -> list[HistoryEntry]:
    """The entries of these runs: those of the store `own` as their folders are; without those that are gone."""
    lines: dict[tuple[str, int], str] = {}
    for start in range(0, len(hits), _MOST_AT_ONCE):
        run_ids = [run_id for run_id, _, _ in hits[start : start + _MOST_AT_ONCE]]
        sql = f"SELECT run_id, store, line FROM runs WHERE run_id IN ({_placeholders(run_ids)})"  # noqa: S608 - only placeholders
        lines |= {(run_id, number): line for run_id, number, line in connection.execute(sql, run_ids)}
    entries = []
    for run_id, number, _ in hits:
        line, place = lines.get((run_id, number)), stores[number]
        if line is None:  # purged by another process a moment ago
            continue
        if place != own:
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


def _placeholders(values: Sequence[str]) -> str:
    """A placeholder for each of these values."""
    return ", ".join("?" * len(values))
