"""How a benchmark measures and what it gives: one row for each figure, ours beside its floor and a peer.

Every way is measured in turn (ours, floor, peer, ours, …), so that a machine whose speed drifts is the same for all of
them, and a ratio is the median of the ratios turn by turn.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TURNS = 7
Way = Callable[[], float]
"""Measures once: what it gives is the figure."""


@dataclass(frozen=True)
class Row:
    """One line of the table. `figures` are the values of each way, turn by turn; the first way is ours.

    `goal` is what is wanted, in words; `met` says whether it is so. `limit` is what limits it, as a profile shows: it
    stands in the table where the goal is missed, and no row is without.
    """

    name: str
    unit: str
    figures: Mapping[str, Sequence[float]]
    goal: str
    met: bool
    limit: str

    def as_json(self) -> dict[str, Any]:
        """With the median and the spread of each way."""
        ways = {
            way: {"median": statistics.median(values), "least": min(values), "most": max(values), "turns": len(values)}
            for way, values in self.figures.items()
        }
        facts = {"name": self.name, "unit": self.unit, "goal": self.goal, "met": self.met, "limit": self.limit}
        return facts | {"ways": ways}


@dataclass(frozen=True)
class Figures:
    """The values of each way, turn by turn."""

    of: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def median(self, way: str = "ours") -> float:
        """The median of one way."""
        return statistics.median(self.of[way])

    def ratio(self, way: str, other: str) -> float:
        """How many times as much one way takes as another, as the median of the turns."""
        return statistics.median(one / two for one, two in zip(self.of[way], self.of[other], strict=True))

    def more(self, way: str, other: str) -> float:
        """How much more one way takes than another, as the median of the turns."""
        return statistics.median(one - two for one, two in zip(self.of[way], self.of[other], strict=True))


def in_turn(ways: Mapping[str, Way], *, turns: int = TURNS, warm: int = 1) -> Figures:
    """Measure these ways in turn; the first `warm` turns do not count."""
    values: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(warm + turns):
        for way, measure in ways.items():
            figure = measure()
            if turn >= warm:
                values[way].append(figure)
    return Figures(values)


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def processor_seconds(work: Callable[[], object]) -> float:
    """How much processor time one call takes in this process, all threads together."""
    began = time.process_time()
    work()
    return time.process_time() - began


def in_process(program: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Any:
    """What a Python program prints as its last line, as JSON; the program runs in a new process.

    It loads compiled modules, as an installed package has them, whatever the environment says of writing those.
    """
    command = [sys.executable, "-c", program, *arguments]
    given = {**(os.environ if environment is None else environment), "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(command, env=given, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[2:])[:60]}…: {done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def lines_of(rows: Sequence[Row]) -> Iterator[str]:
    """The table as text: medians, and in brackets the least and the most."""
    for row in rows:
        yield f"{'ok  ' if row.met else 'MISS'} {row.name}"
        for way, values in row.figures.items():
            middle, least, most = statistics.median(values), min(values), max(values)
            yield f"       {way:<24} {_number(middle):>9} {row.unit:<5} ({_number(least)} to {_number(most)})"
        yield f"       goal: {row.goal}{'' if row.met else f'. {row.limit}'}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
