"""The wall of `make test`: how long its whole suite took when it last ran here, as pytest reported it."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from table import ROOT, Row

REPORT = ROOT / "build" / "tests.xml"
_NOTE = (
    "In a profile both cores are 94 % busy, and more workers change nothing: a third is some 60 pages of JupyterLab at "
    "4.3 s of processor time each, then 90 kernels at 0.7 to 1.3 s, and 130 s of programs that tests start"
)


def rows() -> Iterator[Row]:
    """It takes most of ten minutes, so it is not run for this table."""
    name, most = "`make test`, the whole suite on the newest versions, as it last ran", 6
    if not REPORT.exists():
        yield Row(name, "min", {}, f"at most {most} min; it has not run here", met=False, note=_NOTE)
        return
    suite = ET.parse(REPORT).getroot()[0]
    took = float(suite.attrib["time"]) / 60
    goal = f"at most {most} min; it is {took:.1f} for {suite.attrib['tests']} tests"
    yield Row(name, "min", {"ours": [took]}, goal, took <= most, "" if took <= most else _NOTE)
