"""The history, with words and without, and the look-up of a request, in libraries of 10,000 and of 100,000 runs."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from pictures import picture
from seedream_magic import database, library
from seedream_magic.database import insert_runs, store_id
from seedream_magic.history import find
from seedream_magic.images.history_rows import MAXIMUM_ROWS, history_bundle
from seedream_magic.images.index import HistoryEntry, look_at
from seedream_magic.images.record import Record, as_moment
from seedream_magic.seedream import Seedream
from table import Row, Way, in_process, in_turn, processor_seconds, seconds
from test_index import FACTS

WORDS = ("一只橘猫 在", "a lighthouse in", "紙飛行機", "portrait of")
QUERY = "橘猫 ipynb"
_COLD = """
import json, sys, time
import seedream_magic.seedream, sqlite3
from datetime import UTC, datetime
from pathlib import Path
from seedream_magic.history import find
from seedream_magic import Seedream
client = Seedream("demo", store=Path(sys.argv[1]))
began = time.process_time()
found = find(client.store, sys.argv[2], now=datetime.now(UTC), at_most=50)
print(json.dumps([time.process_time() - began, len(found.first) + found.others]))
"""
_LONG_AGO = 1_700_000_000


def facts_of(prompt: str, notebook: str) -> dict[str, Any]:
    """The record of a run as it stands when it has ended."""
    mark = hashlib.sha256(prompt.encode()).hexdigest()
    facts = {**FACTS, "lineage": None, "notebook": notebook, "fingerprint": mark, "provider": "anyfast"}
    return facts | {"body": FACTS["body"] | {"prompt": prompt}}


def write_stores(folder: Path, stores: int, runs: int) -> None:
    """So many stores of so many runs each, known to the library; the runs of the first one, the newest, have folders.

    The newest fifty have pictures, too; those of the others are empty, for nothing looks inside. Of the other stores
    the folder is there and has not changed since the library read it, so that nothing looks at the runs in it.
    """
    seen = picture(256)
    for book in range(stores):
        store = folder / f"book {book}" / "seedream-runs"
        store.mkdir(parents=True)
        read = []
        for number in range(runs):
            moment = f"2026{12 - book % 12:02d}{31 - book % 28:02d}T{number // 3600:02d}{number // 60 % 60:02d}"
            run_id = f"{moment}{number % 60:02d}Z-{'abcdefghij'[book % 10]}{'abcdefghij'[book // 10]}abcdefgh"
            facts = facts_of(f"{WORDS[number % len(WORDS)]} {number} of {book}", f"chapter {number % 40}.ipynb")
            if book == 0:
                _write_run(store / run_id, facts, seen if number >= runs - MAXIMUM_ROWS else b"")
            entry = _entry(store / run_id, facts)
            read.append((look_at(store / run_id) or (_LONG_AGO, _LONG_AGO, 1, 1), entry))
        os.utime(store, (_LONG_AGO, _LONG_AGO))
        database.problem()  # it makes the file
        with sqlite3.connect(os.environ["SEEDREAM_LIBRARY"], isolation_level=None) as connection:
            connection.execute("BEGIN IMMEDIATE")
            number = store_id(connection, store)
            insert_runs(connection, number, read)
            connection.execute("UPDATE stores SET changed = ? WHERE id = ?", (store.stat().st_mtime_ns, number))
            connection.execute("COMMIT")


def _write_run(folder: Path, facts: dict[str, Any], data: bytes) -> None:
    folder.mkdir(parents=True)
    (folder / "request.json").write_text(json.dumps(facts))
    for name in ("01.jpg", "02.jpg"):
        (folder / name).write_bytes(data)
    for path in (folder / "request.json", folder):
        os.utime(path, (_LONG_AGO, _LONG_AGO))


def _entry(folder: Path, facts: dict[str, Any]) -> HistoryEntry:
    """The row of such a run, without reading its folder."""
    record = Record(folder, facts)
    return HistoryEntry(
        run_id=folder.name,
        began=as_moment(folder.name[:16]),
        prompt=facts["body"]["prompt"],
        model=facts["body"]["model"],
        provider=record.provider,
        state=record.state,
        outcome=record.outcome,
        frames=2,
        expected=2,
        billed=2,
        size="2K",
        seconds=record.seconds,
        notebook=record.notebook,
        parent="",
        fingerprint=facts["fingerprint"],
        folder=folder,
    )


def indexed_search() -> int:
    """The floor of a history: one read of the index that it is searched in, for one word."""
    with sqlite3.connect(os.environ["SEEDREAM_LIBRARY"]) as connection:
        query = "SELECT count(*) FROM runs INDEXED BY runs_searched WHERE instr(words, ?) > 0"
        return int(connection.execute(query, QUERY.split()[:1]).fetchone()[0])


def indexed_query() -> int:
    """The floor of a look-up: one read of an index, the runs of one fingerprint."""
    with sqlite3.connect(os.environ["SEEDREAM_LIBRARY"]) as connection:
        return len(connection.execute("SELECT * FROM runs WHERE fingerprint = ?", ("0" * 64,)).fetchall())


def _cold(words: str, store: Path) -> float:
    return float(in_process(_COLD, str(store), words)[0]) * 1000


def _warm(words: str, store: Path) -> float:
    return processor_seconds(lambda: find(store, words, now=datetime.now(UTC), at_most=50)) * 1000


def _shown(words: str, store: Path) -> float:
    """What `%seedream history` costs once its thumbnails are known: the search, and its table."""

    def show() -> None:
        found = find(store, words, now=datetime.now(UTC), at_most=MAXIMUM_ROWS)
        history_bundle(found.first, found.others, are_earlier=found.are_earlier, words=words, store=store)

    return processor_seconds(show) * 1000


def _milliseconds(work: Callable[[], object]) -> float:
    return seconds(work) * 1000


def rows() -> Iterator[Row]:
    """What `%seedream history` asks for, in milliseconds of processor time; cold is in a new process, once imported."""
    for runs, stores in ((10_000, 5), (100_000, 50)):
        folder = Path(f"all{runs}").absolute()
        folder.mkdir()
        os.environ["SEEDREAM_LIBRARY"] = str(folder / "library.sqlite3")
        write_stores(folder, stores, runs // stores)
        store = folder / "book 0" / "seedream-runs"
        ways: dict[str, Way] = {
            "ours, warm": partial(_warm, QUERY, store),
            "floor": lambda: processor_seconds(indexed_search) * 1000,
            "ours, cold": partial(_cold, QUERY, store),
            "a rare word, warm": partial(_warm, "橘猫 9996", store),
            "a date and a state, warm": partial(_warm, "2026-05 done 橘猫", store),
            "without words, warm": partial(_warm, "", store),
            "without words, cold": partial(_cold, "", store),
            "the table, warm": partial(_shown, "", store),
        }
        figures = in_turn(ways)
        warm, cold = (max(figures.median(way) for way in ways if way.endswith(end)) for end in ("warm", "cold"))
        goal = f"each at most 100 ms warm, and 400 cold; it is at most {warm:.0f}, and {cold:.0f}"
        limit = (
            "A date is of the clock of who looks, so Python asks each run that has the words: of 140 ms in a profile "
            "52 read 25,000 rows, and 63 ask them. Without one no way takes more than 100"
        )
        met = warm <= 100 and cold <= 400
        yield Row(f"history of {runs:,} runs in {stores} stores", "ms", figures.of, goal, met, limit)
        paid = Seedream("anyfast", api_key="k", store=store)
        look_up = partial(library.runs_of, paid.plan("something else").fingerprints, store)
        looked = in_turn({"ours": partial(_milliseconds, look_up), "floor": partial(_milliseconds, indexed_query)})
        goal = f"at most 5 ms; it is {looked.median():.1f} ms"
        limit = "In a profile two fifths open the library, the rest find which stores it knows of and ask it"
        yield Row(f"look-up of a request among {runs:,} runs", "ms", looked.of, goal, looked.median() <= 5, limit)
