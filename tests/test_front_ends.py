"""A set that has ended is shown once and whole by every front end, whether it hears updates of displays or not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from kernel import Kernel, Output, Result, running_kernel
from raw_server import RawServer
from service import SlowService

pytestmark = pytest.mark.kernel


@pytest.fixture
def slow() -> SlowService:
    return SlowService()


@pytest.fixture
def server(slow: SlowService) -> Iterator[RawServer]:
    with slow.serving() as running:
        yield running


@pytest.fixture
def environment(server: RawServer, tmp_path: Path) -> dict[str, str]:
    store = str(tmp_path / "runs")
    return {"SEEDREAM_BASE_URL": f"{server.url}/v1", "SEEDREAM_API_KEY": "sk-CANARY", "SEEDREAM_STORE": store}


@pytest.fixture
def kernel(environment: dict[str, str], tmp_path: Path) -> Iterator[Kernel]:
    with running_kernel(environment=environment, directory=tmp_path) as running:
        assert running.run("%load_ext seedream_magic").ename is None
        yield running


def pictures(output: Output) -> int:
    return str(output.data.get("text/html", "")).count("<img")


def sets(result: Result) -> list[int]:
    """How many pictures each output shows, of those that show anything of a set."""
    return [pictures(output) for output in result.displays if output.text]


MIXED = """\
import sys
print("before")
get_ipython().run_cell_magic("seedream", "-n 2", "y")
print("after", file=sys.stderr)"""
LOUD = """\
class Loud:
    def __format__(self, spec):
        print("filled in")
        return "z"
loud = Loud()"""


def draw(kernel: Kernel, slow: SlowService, cell: str) -> None:
    """Run a cell; the second picture comes when the first one shows."""
    kernel.start(cell)
    kernel.wait_output(lambda result: 1 in sets(result))
    slow.release.set()
    kernel.wait_idle()
    assert kernel.result.ename is None


def test_a_set_is_shown_once_everywhere(kernel: Kernel, slow: SlowService) -> None:
    """A front end that hears no updates shows the whole set as well; what a cell prints besides stays in its place.

    Jupyter console prints a display without a picture; of one with a picture it may show the picture alone.
    """
    draw(kernel, slow, "%%seedream -n 2\nx")
    assert [pictures(output) for output in kernel.result.outputs] == [2]
    assert [pictures(output) for output in kernel.without_updates.outputs] == [2]
    assert "2 images billed" in kernel.without_updates.outputs[0].text
    assert "image/jpeg" in kernel.without_updates.outputs[0].data
    slow.release.clear()
    draw(kernel, slow, MIXED)
    for shown in (kernel.result, kernel.without_updates):
        assert (shown.stdout, shown.stderr) == ("before\n", "after\n")
    assert sets(kernel.result) == [2]
    assert kernel.result.outputs[0].text == "before\n"
    assert pictures(kernel.result.outputs[1]) == 2
    assert "2 images billed" in kernel.without_updates.displays[-1].text
    assert "image/jpeg" not in kernel.without_updates.displays[-1].data
    assert sets(kernel.without_updates)[-1] == 2
    kernel.run(LOUD)
    slow.release.clear()
    draw(kernel, slow, "%%seedream -n 2\n{loud}")
    for shown in (kernel.result, kernel.without_updates):
        assert shown.stdout == "filled in\n"
        assert sets(shown)[-1] == 2
    assert sets(kernel.result) == [2]


def test_failed_stopped_and_background_runs_are_shown_once(kernel: Kernel, slow: SlowService) -> None:
    """What waited for pictures goes with an error; Stop leaves what had come, and the error below it.

    A background run ends after its cell: those that hear updates show it where it grew, the others below.
    """
    assert kernel.run("%%seedream -n 2\nrefused").ename == "ContentRefused"
    assert len(kernel.result.traceback) <= 5
    for shown in (kernel.result, kernel.without_updates):
        assert [output.kind for output in shown.outputs] == ["error"]
    kernel.start("%%seedream -n 2\nx")
    kernel.wait_output(lambda result: 1 in sets(result))
    kernel.interrupt()
    kernel.wait_idle()
    assert kernel.result.ename == "SeedreamInterrupted"
    for shown in (kernel.result, kernel.without_updates):
        assert [output.kind for output in shown.outputs] == ["display_data", "error"]
        assert "stopped" in shown.outputs[0].text
    kernel.run("%%seedream -n 2 --bg\ny")
    kernel.wait_output(lambda result: 1 in sets(result))
    slow.release.set()
    kernel.wait_output(lambda _: sets(kernel.without_updates)[-1] == 2)
    kernel.wait_output(lambda result: sets(result) == [2])
    assert pictures(kernel.result.outputs[0]) == 2


def test_a_notebook_that_is_run_has_the_set_once(
    environment: dict[str, str], slow: SlowService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """nbclient, and so nbconvert and papermill, save one whole set; of a cell that prints, what it printed besides."""
    slow.release.set()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    sources = ("%load_ext seedream_magic", "%%seedream -n 2\nx", MIXED)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    NotebookClient(notebook, kernel_name="python3").execute()
    for cell, outputs, printed in zip(notebook.cells[1:], (1, 4), ("", "before\nafter\n"), strict=True):
        shown = [one.data["text/html"].count("<img") for one in cell.outputs if one.output_type == "display_data"]
        assert (len(cell.outputs), [count for count in shown if count]) == (outputs, [2])
        assert "".join(one.text for one in cell.outputs if one.output_type == "stream") == printed
