"""The wall of `make test`: how long its whole suite, on the newest versions, took when it last passed here."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from table import ROOT, Row

REPORT = ROOT / "build" / "tests.xml"
"""As pytest wrote it; `make test` puts it there once all have passed."""
MOST = 6
_LIMIT = (
    "In a profile both cores are 94 % busy, and more workers change nothing: a third is some 60 pages of JupyterLab at "
    "4.3 s of processor time each, then 90 kernels at 0.7 to 1.3 s, and 130 s of programs that tests start"
)


def rows() -> Iterator[Row]:
    """It is not run for this table: it would take most of the time."""
    name = "whole suite of `make test`, as it last passed here"
    if not REPORT.exists():
        yield Row(name, "min", {}, f"at most {MOST} min; it has not passed here yet", met=False, limit=_LIMIT)
        return
    suite = ET.parse(REPORT).getroot()[0].attrib
    took = float(suite["time"]) / 60
    goal = f"at most {MOST} min; it is {took:.1f} for {suite['tests']} tests, at {suite['timestamp'][:16]}"
    yield Row(name, "min", {"ours": [took]}, goal, took <= MOST, _LIMIT)
