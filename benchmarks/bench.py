"""`make bench`: what this tool costs beside a bare script (the floor) and beside what others use (the peer).

`python benchmarks/bench.py` runs every row, and writes the table that it prints to build/bench.json, too; with names of
modules it prints only theirs. Nothing here fails where a goal is missed: a machine may be busy. Run it on a quiet one.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "tests")]

from table import ROOT, Row, lines_of  # noqa: E402 - it is found by the line above

MODULES = (
    "whole_set",
    "first_picture",
    "loading",
    "memory",
    "events",
    "previews",
    "stored",
    "history",
    "updates",
    "durability",
    "many",
    "reopened",
    "on_screen",
    "suite",
)
"""Each has `rows()`, which measures and gives one `Row` after the other."""


def main(names: list[str]) -> int:
    """Run the modules of these names, all where none is given."""
    rows: list[Row] = []
    began = time.monotonic()
    for name in names or MODULES:
        with tempfile.TemporaryDirectory() as folder:
            os.environ |= {"SEEDREAM_LIBRARY": f"{folder}/library.sqlite3", "SEEDREAM_LANG": "en"}
            os.chdir(folder)
            for row in importlib.import_module(name).rows():
                rows.append(row)
                sys.stdout.write("\n".join(lines_of([row])) + "\n")
                sys.stdout.flush()
            os.chdir(ROOT)
    minutes = (time.monotonic() - began) / 60
    machine = f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, Python {platform.python_version()}"
    met = sum(row.met for row in rows)
    sys.stdout.write(f"\n{met} of {len(rows)} goals met in {minutes:.1f} min on {machine}\n")
    if not names:
        target = ROOT / "build" / "bench.json"
        target.parent.mkdir(exist_ok=True)
        facts = {"machine": machine, "minutes": round(minutes, 1), "rows": [row.as_json() for row in rows]}
        target.write_text(json.dumps(facts, indent=1, ensure_ascii=False), encoding="utf-8")
        sys.stdout.write(f"Written to {target}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
