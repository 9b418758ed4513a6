"""How long a repeated look at the history of 10,000 runs takes: `python tests/history_benchmark.py`.

Each figure is the median of five, in milliseconds. The program exits with 1 where one is 200 ms or more.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from seedream_magic import library
from seedream_magic.images.search import search
from seedream_magic.library import history
from test_index import FACTS

RUNS = 10_000
LIMIT = 200.0
LONG_AGO = 1_700_000_000


def write_runs(store: Path) -> None:
    """Runs of two pictures, as a finished run leaves them; the pictures are empty, nothing here looks inside."""
    for number in range(RUNS):
        folder = store / f"20260504T{number // 3600:02d}{number // 60 % 60:02d}{number % 60:02d}Z-abcdefghij"
        folder.mkdir(parents=True)
        body = FACTS["body"] | {"prompt": f"{FACTS['body']['prompt']} {number}"}
        (folder / "request.json").write_text(json.dumps(FACTS | {"body": body, "notebook": f"{number % 40}.ipynb"}))
        for name in ("01.jpg", "02.jpg"):
            (folder / name).touch()
        for path in (folder / "request.json", folder):
            os.utime(path, (LONG_AGO, LONG_AGO))


def timed(store: Path, words: str | None = None, *, new_process: bool = False) -> float:
    """Milliseconds of one look."""
    if new_process:
        library._read_before.clear()
    began = time.perf_counter()
    entries = history(store)
    if words:
        search(entries, words, now=datetime.now(UTC))
    return (time.perf_counter() - began) * 1000


def main() -> int:
    """Prints the figures; 1 if a repeated look takes too long."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SEEDREAM_LIBRARY"] = str(Path(folder, "user", "library.sqlite3"))
        store = Path(folder, "runs")
        write_runs(store)
        first = timed(store)
        repeated = statistics.median(timed(store) for _ in range(5))
        searched = statistics.median(timed(store, "橘猫 2026-05 demo ipynb") for _ in range(5))
        anew = statistics.median(timed(store, new_process=True) for _ in range(5))
    figures = {"first": first, "of a new process": anew, "repeated": repeated, "repeated, with words": searched}
    for name, figure in figures.items():
        sys.stdout.write(f"{f'history of {RUNS:,} runs, {name}':<56} {figure:>7.0f} ms\n")
    return int(max(repeated, searched) >= LIMIT)


if __name__ == "__main__":
    sys.exit(main())
