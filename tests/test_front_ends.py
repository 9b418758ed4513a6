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


def draw(kernel: Kernel, slow: SlowService, cell: str) -> None:
    """Run a cell; the second picture comes when the first one shows."""
    kernel.start(cell)
    kernel.wait_output(lambda result: 1 in sets(result))
    slow.release.set()
    kernel.wait_idle()
    assert kernel.result.ename is None


def test_a_set_takes_one_output_everywhere(kernel: Kernel, slow: SlowService) -> None:
    """A front end that hears no updates shows the whole set as well, and each has it once."""
    draw(kernel, slow, "%%seedream -n 2\nx")
    assert [pictures(output) for output in kernel.result.outputs] == [2]
    assert [pictures(output) for output in kernel.without_updates.outputs] == [2]
    assert "2 images billed" in kernel.without_updates.outputs[0].text
    assert "image/jpeg" in kernel.without_updates.outputs[0].data


MIXED = """\
import sys
print("before")
get_ipython().run_cell_magic("seedream", "-n 2", "x")
print("after", file=sys.stderr)"""


def test_a_console_prints_the_set(environment: dict[str, str], slow: SlowService, tmp_path: Path) -> None:
    """Jupyter console prints a display without a picture, of one with a picture it may show the picture alone."""
    slow.release.set()
    with running_kernel(environment=environment, directory=tmp_path) as kernel:
        kernel.run("%load_ext seedream_magic")
        kernel.start("%%seedream -n 2\nx")
        printed = kernel.wait_output(
            lambda result: any("2 images billed" in one.text and not pictures(one) for one in result.displays)
        )
        assert not printed.finished


def test_what_a_cell_prints_besides_is_kept(kernel: Kernel, slow: SlowService) -> None:
    """The set stays where it grew, between what was printed before and after; the others get it as well."""
    draw(kernel, slow, MIXED)
    for shown in (kernel.result, kernel.without_updates):
        assert (shown.stdout, shown.stderr) == ("before\n", "after\n")
    assert sets(kernel.result) == [2]
    assert "2 images billed" in kernel.without_updates.displays[-1].text
    assert "image/jpeg" not in kernel.without_updates.displays[-1].data
    assert kernel.result.outputs[0].text == "before\n"
    assert pictures(kernel.result.outputs[1]) == 2
    assert sets(kernel.without_updates)[-1] == 2


def test_what_another_thread_prints_meanwhile_is_kept(kernel: Kernel, slow: SlowService) -> None:
    """Also of a cell that is nothing but ours: the prompt's own variable, a thread, a warning may print."""
    kernel.run(
        "class Loud:\n    def __format__(self, spec):\n        print('filled in')\n        return 'x'\nloud = Loud()"
    )
    draw(kernel, slow, "%%seedream -n 2\n{loud}")
    for shown in (kernel.result, kernel.without_updates):
        assert shown.stdout == "filled in\n"
        assert sets(shown)[-1] == 2
    assert sets(kernel.result) == [2]


def test_no_skeleton_stays_of_a_run_that_failed(kernel: Kernel) -> None:
    """What waited for pictures goes with the error, also where updates are not heard."""
    assert kernel.run("%%seedream -n 2\nrefused").ename == "ContentRefused"
    assert len(kernel.result.traceback) <= 5
    for shown in (kernel.result, kernel.without_updates):
        assert [output.kind for output in shown.outputs] == ["error"]


def test_a_stopped_set_is_shown_everywhere(kernel: Kernel) -> None:
    """Stop leaves one output with what had come, and the error below it."""
    kernel.start("%%seedream -n 2\nx")
    kernel.wait_output(lambda result: 1 in sets(result))
    kernel.interrupt()
    kernel.wait_idle()
    assert kernel.result.ename == "SeedreamInterrupted"
    for shown in (kernel.result, kernel.without_updates):
        assert [output.kind for output in shown.outputs] == ["display_data", "error"]
        assert "stopped" in shown.outputs[0].text


def test_a_run_in_the_background_ends_with_a_display(kernel: Kernel, slow: SlowService) -> None:
    """Its cell has ended by then: those that hear updates show the set where it grew, the others below."""
    kernel.run("%%seedream -n 2 --bg\nx")
    kernel.wait_output(lambda result: 1 in sets(result))
    slow.release.set()
    kernel.wait_output(lambda _: sets(kernel.without_updates)[-1] == 2)
    kernel.wait_output(lambda result: sets(result) == [2])
    assert pictures(kernel.result.outputs[0]) == 2


@pytest.mark.parametrize(("cell", "outputs"), [("%%seedream -n 2\nx", 1), (MIXED, 4)])
def test_a_notebook_that_is_run_has_the_set_once(
    environment: dict[str, str], slow: SlowService, monkeypatch: pytest.MonkeyPatch, cell: str, outputs: int
) -> None:
    """nbclient, and so nbconvert and papermill, save one whole set; of a cell that prints, what it printed besides."""
    slow.release.set()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell("%load_ext seedream_magic"), nbformat.v4.new_code_cell(cell)]
    )
    NotebookClient(notebook, kernel_name="python3").execute()
    saved = notebook.cells[1].outputs
    shown = [output.data["text/html"].count("<img") for output in saved if output.output_type == "display_data"]
    assert len(saved) == outputs
    assert [count for count in shown if count] == [2]
    assert "".join(output.text for output in saved if output.output_type == "stream") == "before\nafter\n" * (
        outputs > 1
    )
