"""How long a library of 100,000 runs takes: `python tests/library_benchmark.py`.

Each figure but the first looks is the median of nine, in milliseconds. The program exits with 1 where a lookup takes
5 ms or more.
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from seedream_magic import Seedream, library
from test_index import FACTS

STORES = 50
RUNS = 2_000
"""In each of the stores."""
LIMIT = 5.0
WANTED = "a fox in the snow"
WORDS = ("一只橘猫 在", "a lighthouse in", "紙飛行機", "portrait of")


def write_run(folder: Path, prompt: str, fingerprint: str, notebook: str) -> None:
    """A run of two pictures as it stands when it has ended; the pictures are empty, nothing here looks inside."""
    folder.mkdir(parents=True)
    facts = {**FACTS, "lineage": None, "notebook": notebook, "fingerprint": fingerprint}
    facts |= {"provider": "anyfast", "body": FACTS["body"] | {"prompt": prompt}}
    (folder / "request.json").write_text(json.dumps(facts))
    for name in ("01.jpg", "02.jpg"):
        (folder / name).touch()


def write_stores(folder: Path, fingerprint: str) -> None:
    """All stores; the wanted run is in the last one, in its middle."""
    for book in range(STORES):
        for number in range(RUNS):
            moment = f"2026{book % 12 + 1:02d}{book % 28 + 1:02d}T{number // 3600:02d}{number // 60 % 60:02d}"
            run_id = f"{moment}{number % 60:02d}Z-{'abcdefghij'[book % 10]}{'abcdefghij'[book // 10]}abcdefgh"
            words = f"{WORDS[number % len(WORDS)]} {number} of {book}"
            unique = hashlib.sha256(words.encode()).hexdigest()
            wanted = (book, number) == (STORES - 1, RUNS // 2)
            prompt, mark = (WANTED, fingerprint) if wanted else (words, unique)
            write_run(folder / f"book {book}" / "seedream-runs" / run_id, prompt, mark, f"chapter {number % 40}.ipynb")


def milliseconds(work: Callable[[], object]) -> float:
    """Of one call."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def median(work: Callable[[], object]) -> float:
    """Of nine calls."""
    return statistics.median(milliseconds(work) for _ in range(9))


def another_process() -> None:
    """Forget what this one has seen."""
    library._seen.clear()
    library._read_before.clear()


def anew(work: Callable[[], object]) -> float:
    """Of nine calls, each as the first one of its process."""

    def first() -> float:
        another_process()
        return milliseconds(work)

    return statistics.median(first() for _ in range(9))


def figures(folder: Path) -> dict[str, float]:
    """All figures, by what they are of."""
    seedream = Seedream("anyfast", api_key="k", store=folder / "new book" / "seedream-runs")
    plan = seedream.plan(WANTED)
    write_stores(folder, plan.fingerprint)
    found: dict[str, float] = {}
    found["rebuild (library --scan)"] = milliseconds(lambda: library.scan([folder]))
    another_process()
    found["rebuild, once more"] = milliseconds(lambda: library.scan([folder]))
    assert seedream.plan(WANTED).stored
    found["lookup"] = median(lambda: library.runs_of(plan.fingerprints, seedream.store))
    found["lookup of what is not there"] = median(lambda: library.runs_of(("0" * 64,), seedream.store))
    found["lookup, a new process"] = anew(lambda: library.runs_of(plan.fingerprints, seedream.store))
    full = folder / "book 7" / "seedream-runs"
    found["lookup, a new process, a store of 2,000 runs"] = anew(lambda: library.runs_of(plan.fingerprints, full))
    found["plan of a stored request"] = median(lambda: seedream.plan(WANTED))
    found["plan of another request"] = median(lambda: seedream.plan("something else"))
    found["history with words, first"] = milliseconds(lambda: seedream.history("橘猫 ipynb"))
    found["history with words, again"] = median(lambda: seedream.history("橘猫 ipynb"))
    found["history of all, again"] = median(seedream.history)
    return found


def main() -> int:
    """Prints the figures; 1 if a lookup takes too long."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "user", "library.sqlite3")
        with mock.patch.dict(os.environ, SEEDREAM_LIBRARY=str(path)):
            found = figures(Path(folder))
        size = path.stat().st_size / 2**20
    for name, figure in found.items():
        sys.stdout.write(f"{f'{STORES * RUNS:,} runs, {STORES} stores: {name}':<72} {figure:>9.1f} ms\n")
    sys.stdout.write(f"{'size of the library':<72} {size:>8.0f} MiB\n")
    return int(max(figure for name, figure in found.items() if name.startswith("lookup")) >= LIMIT)


if __name__ == "__main__":
    sys.exit(main())
