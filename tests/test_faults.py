"""Every fault that the service, the network, the disk or a person can cause has a test that claims it by its number."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from fault import FAULTS

TESTS = Path(__file__).parent


def claimed(source: str) -> Iterator[str]:
    """The numbers in `pytest.mark.fault("F01", …)` and in rows made by `fault("F01", …)`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and _name(node.func) == "fault":
            texts = [value.value for value in node.args if isinstance(value, ast.Constant)]
            numbers = [text for text in texts if isinstance(text, str)]
            yield from numbers if isinstance(node.func, ast.Attribute) else numbers[:1]


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def test_every_fault_is_claimed() -> None:
    """The list that this prints is what is still to be tested."""
    found = {number for path in TESTS.glob("test_*.py") for number in claimed(path.read_text("utf-8"))}
    assert sorted(set(FAULTS) - found) == []
    assert sorted(found - set(FAULTS)) == []


def test_claims_are_read_from_marks_and_rows() -> None:
    """Both ways of writing them, and nothing that merely looks like one."""
    source = '@pytest.mark.fault("F01", "F02")\ndef test(): ...\nROWS = [fault("F03", "F04 is a name"), other("F05")]'
    assert sorted(claimed(source)) == ["F01", "F02", "F03"]
