"""The history with words: the library finds the runs, and only those that are shown are read."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from seedream_magic import history, library
from seedream_magic.database import insert_runs, store_id, with_library
from seedream_magic.history import Found, find
from seedream_magic.images.index import entry_of
from seedream_magic.images.marks import mark
from seedream_magic.images.search import search
from test_index import begun, made_run, new_process

NOW = datetime(2026, 11, 29, 4, 0, tzinfo=UTC)
PROMPTS = ("a red fox in snow", "red snow, a fox", "雪地里的一只橘猫", "a failed star", "ＲＥＤ　ＦＯＸ at night")
WORDS = (
    "red fox",
    "橘猫",
    "猫",
    "fox snow",
    "failed",
    "2026-05 fox",
    "05/04 橘猫 done",
    "demo",
    '"red snow"',
    "zebra",
    "",
)


@pytest.fixture
def stores(store: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Two stores of runs with these prompts in turn, the second one known to the library; one run is in both."""
    other = tmp_path / "other"
    for number in range(40):
        body = {"prompt": PROMPTS[number % len(PROMPTS)], "model": "seedream"}
        made_run(store if number % 2 else other, number, body=body, state="failed" if number % 8 == 1 else "done")
    library.history(other)
    copied = next(store.iterdir())
    shutil.copytree(copied, other / copied.name)
    new_process()
    return store, other


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("here", [True, False])
def test_the_library_finds_what_a_search_of_all_entries_finds(
    stores: tuple[Path, Path], words: str, monkeypatch: pytest.MonkeyPatch, *, here: bool
) -> None:
    """In the same order, however many are shown; and without a library too."""
    store, _ = stores
    entries = library.history(store) if here else library.history_of_all(store)
    wanted = search(entries, words, now=NOW)
    new_process()
    assert find(store, words, now=NOW, here=here) == Found(wanted)
    few = find(store, words, now=NOW, here=here, at_most=3)
    assert few == Found(wanted[:3], len(wanted[3:]), all(entry.run_id < wanted[2].run_id for entry in wanted[3:]))
    monkeypatch.setenv("SEEDREAM_LIBRARY", "")
    if here:
        assert find(store, words, now=NOW, here=here, at_most=3) == few


def test_only_what_is_shown_is_read(stores: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Three rows are made for three runs, and no folder but theirs is looked into."""
    store, _ = stores
    find(store, "fox", now=NOW)
    calls: list[str] = []

    def count(name: str) -> Callable[..., Any]:
        real = getattr(history, name)

        def counted(*arguments: Any) -> Any:
            calls.append(name)
            return real(*arguments)

        return counted

    for name in ("entry_of_line", "look_at", "entry_of"):
        monkeypatch.setattr(history, name, count(name))
    assert len(find(store, "fox", now=NOW, at_most=3).first) == 3
    assert calls.count("entry_of_line") == 3
    assert calls.count("look_at") <= 3
    assert "entry_of" not in calls


@pytest.mark.parametrize("words", ["fox", "red fox", "2026-05 fox", ""])
@pytest.mark.parametrize("others", [True, False])
def test_a_search_reads_one_index_in_its_order(
    stores: tuple[Path, Path], words: str, monkeypatch: pytest.MonkeyPatch, *, others: bool
) -> None:
    """SQLite reads no whole row to look for words, and sorts none, where there are other stores and where not."""
    if not others:
        monkeypatch.setenv("SEEDREAM_LIBRARY", str(stores[0].parent / "alone.sqlite3"))
    asked: list[str] = []
    real = with_library

    def traced(work: Callable[[sqlite3.Connection], Found | None], otherwise: None) -> Found | None:
        def watched(connection: sqlite3.Connection) -> Found | None:
            connection.set_trace_callback(asked.append)
            return work(connection)

        return real(watched, otherwise)

    monkeypatch.setattr(history, "with_library", traced)
    assert find(stores[0], words, now=NOW, at_most=3).others > 0
    looked = [sql for sql in asked if "INDEXED BY" in sql]
    assert looked

    def plans(connection: sqlite3.Connection) -> list[str]:
        return [row[-1] for sql in looked for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}")]

    nothing: list[str] = []
    steps = with_library(plans, nothing)
    assert all("runs USING COVERING INDEX runs_searched" in step for step in steps if "subquery" not in step.lower())
    assert not [step for step in steps if "TEMP B-TREE" in step]


def test_while_the_own_store_is_away_the_others_are_listed(stores: tuple[Path, Path]) -> None:
    """Its rows take no place in the table, and are not counted; what was under way there stays known."""
    store, other = stores
    under_way = made_run(store, 60, state="answering", body={"prompt": "a moth", "model": "seedream"})
    assert len(find(store, "", now=NOW).first) == 41
    wanted = [entry.run_id for entry in library.history(other)]
    away = store.rename(store.with_name("unplugged"))
    found = find(store, "", now=NOW, at_most=30)
    assert ([entry.run_id for entry in found.first], found.others) == (wanted, 0)
    away.rename(store)
    assert [entry.folder for entry in find(store, "moth", now=NOW).first] == [under_way]


def test_a_row_that_is_read_anew_is_there_all_the_time(store: Path) -> None:
    """For other processes: who found none would pay for the run again."""
    run = begun(store)
    library.note(run.folder)
    seen: list[int] = []

    def look(_: str) -> None:
        with closing(sqlite3.connect(os.environ["SEEDREAM_LIBRARY"])) as other:
            seen.extend(other.execute("SELECT count(*) FROM runs WHERE length(fingerprint) = 64").fetchone())

    def read_anew(connection: sqlite3.Connection) -> bool:
        number = store_id(connection, store)
        connection.set_trace_callback(look)
        insert_runs(connection, number, [((), entry_of(run.folder))])
        return True

    assert with_library(read_anew, otherwise=False)
    assert set(seen) == {1}


def test_of_copies_the_one_that_fits_best_is_found(stores: tuple[Path, Path]) -> None:
    """Of those that fit alike the one of the own store. A copy elsewhere may have other words, for it was tagged."""
    store, other = stores
    both = next(folder for folder in other.iterdir() if (store / folder.name).is_dir())
    assert [entry.folder.parent for entry in find(store, both.name, now=NOW).first] == [store]
    assert [entry.folder.parent for entry in find(other, both.name, now=NOW).first] == [other]
    mark(both, 0, tags=["a moth cover"])
    assert [entry.folder for entry in find(store, "moth", now=NOW).first] == [both]
    mark(store / both.name, 0, tags=["cover of a moth"])
    assert [entry.folder for entry in find(store, "a moth cover", now=NOW).first] == [both]
    assert [entry.folder for entry in find(store, "cover of", now=NOW).first] == [store / both.name]


def test_runs_of_the_own_store_are_as_their_folders_are(stores: tuple[Path, Path]) -> None:
    """A picture that is gone, a run that has ended, one that came, one that was deleted."""
    store, _ = stores
    under_way = begun(store)
    library.note(under_way.folder)
    assert [entry.state for entry in find(store, "四季", now=NOW).first] == ["sending"]
    under_way.update(state="done", outcome="billed")
    assert [entry.state for entry in find(store, "四季", now=NOW).first] == ["done"]
    first, second, *_ = find(store, "橘猫", now=NOW, here=True).first
    (first.folder / "01.jpg").unlink()
    shutil.rmtree(second.folder)
    os.utime(store)
    again = find(store, "橘猫", now=NOW, here=True).first
    assert (again[0].run_id, again[0].frames) == (first.run_id, first.frames - 1)
    assert second.run_id not in {entry.run_id for entry in again}
