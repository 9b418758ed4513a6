"""The kernel that tests use shows what a notebook would show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kernel import Kernel, Output, Result, fold, running_kernel

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """One kernel for the cells below, which leave nothing behind."""
    directory = tmp_path_factory.mktemp("notebooks")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANYFAST_API_KEY", "a developer's")
        with running_kernel(environment={"SEEDREAM_PROVIDER": "demo"}, directory=directory) as running:
            yield running


def test_outputs_come_in_order(kernel: Kernel) -> None:
    """Printed text, a display and the cell's value, as they were made."""
    result = kernel.run("print('a'); display({'k': 1}); import sys; print('b', file=sys.stderr); 6 * 7")
    assert [output.kind for output in result.outputs] == ["stream", "display_data", "stream", "execute_result"]
    assert (result.stdout, result.stderr, result.displays[-1].text) == ("a\n", "b\n", "42")
    assert (result.ename, result.finished) == (None, True)
    assert 0 < result.seconds < 60


def test_waiting_for_what_does_not_come_fails(kernel: Kernel) -> None:
    """A wait is an assertion: it cannot pass by running out of time."""
    kernel.run("print('only this')")
    with pytest.raises(TimeoutError, match="only this"):
        kernel.wait_output(lambda result: len(result.outputs) == 2, timeout=0.1)


def test_the_kernel_knows_its_environment_and_no_other(kernel: Kernel) -> None:
    """The test's variables arrive; the home is the kernel's own; the package can be imported from any folder."""
    result = kernel.run(
        "import os, pathlib, seedream_magic\n"
        "print(os.environ['SEEDREAM_PROVIDER'], pathlib.Path.home().name.split('-')[0], pathlib.Path.cwd().name)"
    )
    assert re.fullmatch(r"demo kernel notebooks\d+\n", result.stdout)
    assert "ANYFAST_API_KEY" not in kernel.run("import os; list(os.environ)").displays[0].text


def test_the_end_of_the_block_is_the_end_of_the_kernel(tmp_path: Path) -> None:
    """Its process is gone, also when the block fails while a cell runs."""
    kernels: list[Kernel] = []

    def fail_while_a_cell_runs() -> None:
        with running_kernel(environment={}, directory=tmp_path) as running:
            kernels.append(running)
            running.start("import time; time.sleep(60)")
            raise LookupError

    with pytest.raises(LookupError):
        fail_while_a_cell_runs()
    assert not kernels[0].manager.is_alive()


def test_clearing_removes_what_was_shown_at_once_or_with_the_next_output() -> None:
    """`clear_output(wait=True)` leaves the old output until there is a new one."""
    old, new = {"name": "stdout", "text": "old"}, {"name": "stdout", "text": "new"}
    shown = fold(Result(), "stream", old)
    assert fold(shown, "clear_output", {"wait": False}).outputs == ()
    waiting = fold(shown, "clear_output", {"wait": True})
    assert waiting.stdout == "old"
    assert fold(waiting, "stream", new).outputs == (Output("stream", "new", "stdout"),)
