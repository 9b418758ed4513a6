"""How long the history of 10,000 runs takes, first and from then on: `python tests/history_benchmark.py`.

Each figure is the median of five, in milliseconds. The program exits with 1 if a repeated look takes 200 ms or more.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seedream_magic.images import index
from seedream_magic.images.durable import cache_folder
from seedream_magic.images.index import CACHE_FILE, history

RUNS = 10_000
LIMIT = 200.0
LONG_AGO = 1_700_000_000
PROMPTS = (
    "一只在窗边的橘猫，清晨的光，胶片质感",
    "A lighthouse in a storm, oil painting, dramatic light",
    "四季 of one lake",
)
NEW_PROCESS = (
    "import sys, time; from pathlib import Path; from seedream_magic.images.index import history\n"
    "began = time.perf_counter(); history(Path(sys.argv[1])); print((time.perf_counter() - began) * 1000)"
)


def write_runs(store: Path) -> None:
    """Runs of four pictures, as a finished run leaves them; the pictures are empty, nothing here looks inside."""
    for number in range(RUNS):
        folder = store / f"20260504T{number // 3600:02d}{number // 60 % 60:02d}{number % 60:02d}Z-abcdefghij"
        folder.mkdir(parents=True)
        body = {"model": "doubao-seedream-4-5", "prompt": f"{PROMPTS[number % 3]} {number}", "size": "2048x2048"}
        names = [f"{place:02d}.jpg" for place in range(1, 5)]
        facts: dict[str, Any] = {
            "state": "done",
            "outcome": "billed",
            "provider": "demo",
            "began": "2026-05-04T12:00:00+00:00",
        }
        facts |= {"expected": 4, "notebook": f"draft {number % 40}.ipynb", "seconds": 12.3, "fingerprint": "0" * 64}
        record = facts | {"body": body, "usage": {"generated_images": 4}, "frames": [{"file": name} for name in names]}
        (folder / "request.json").write_text(json.dumps(record, indent=2))
        for name in names:
            (folder / name).touch()
        for path in (folder / "request.json", folder):
            os.utime(path, (LONG_AGO, LONG_AGO))


def median(step: Callable[[], float]) -> float:
    """Of five, in milliseconds."""
    return statistics.median(step() for _ in range(5))


def timed(store: Path, words: str | None = None) -> float:
    """Milliseconds of one look."""
    began = time.perf_counter()
    history(store, words)
    return (time.perf_counter() - began) * 1000


def first(store: Path) -> float:
    """The first look of all: nothing was read before."""
    index._read_before.clear()  # as a new process begins
    (cache_folder() / CACHE_FILE).unlink(missing_ok=True)
    return timed(store)


def in_new_process(store: Path) -> float:
    """The first look of a new kernel."""
    command = [sys.executable, "-c", NEW_PROCESS, str(store)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> int:
    """Prints the figures; 1 if a repeated look takes too long."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("XDG_CACHE_HOME", "WIN_PD_OVERRIDE_LOCAL_APPDATA", "HOME"):
            os.environ[name] = str(Path(folder, "user"))
        store = Path(folder, "runs")
        write_runs(store)
        figures = {
            "first": median(lambda: first(store)),
            "first of a new process": median(lambda: in_new_process(store)),
            "repeated": median(lambda: timed(store)),
            "repeated, with words": median(lambda: timed(store, "橘猫 draft")),
        }
    for name, figure in figures.items():
        sys.stdout.write(f"{f'history of {RUNS:,} runs, {name}':<56} {figure:>7.0f} ms\n")
    return int(max(figures["repeated"], figures["repeated, with words"]) >= LIMIT)


if __name__ == "__main__":
    sys.exit(main())
