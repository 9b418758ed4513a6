"""Runs in a real kernel: `--bg` leaves it free; a set that ends is shown once and whole by every front end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from kernel import Kernel, Result, running_kernel
from raw_server import RawServer
from service import SlowService

pytestmark = pytest.mark.kernel


WAITED = "import asyncio\nwhile _seedream.state == 'running': await asyncio.sleep(0.01)"
LEFT = """\
import asyncio, gc, threading, time
until = time.monotonic() + 2
runs = lambda: [thread for thread in threading.enumerate() if thread.name == "seedream-run"]
while runs() and time.monotonic() < until: await asyncio.sleep(0.01)
await asyncio.sleep(0.01)  # what they handed to this loop as they ended
gc.collect()
print(runs(), sum(type(held).__name__ in {"Background", "Output"} for held in gc.get_objects()))"""
"""The threads of runs, and how much is held, be it by the last traceback, that could still call back or show."""
IN_PYTHON = """\
import asyncio
from seedream_magic import Seedream
client, sets, ends = Seedream(), [], []
_ = client.start(client.plan("y", images=2), on_change=sets.append, on_end=lambda *end: ends.append(end))
while not (sets and sets[-1].ok): await asyncio.sleep(0.01)"""


BEGIN = """\
%reset -f
import os, sys
sys.last_exc = sys.last_value = sys.last_traceback = None
os.environ.update({variables!r})
get_ipython().magics_manager.registry.pop("SeedreamMagics", None)
%reload_ext seedream_magic"""


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """One kernel for all tests of this file."""
    folder = tmp_path_factory.mktemp("notebook")
    with running_kernel(environment={"SEEDREAM_API_KEY": "sk-CANARY"}, directory=folder) as running:
        yield running


@pytest.fixture
def kernel(notebook: Kernel, slow_server: RawServer, slow: SlowService, tmp_path: Path) -> Iterator[Kernel]:
    """The kernel as in a new session, the extension loaded and pointed to the service; at the end no run is left."""
    variables = {"SEEDREAM_BASE_URL": f"{slow_server.url}/v1", "SEEDREAM_STORE": str(tmp_path / "runs")}
    variables["SEEDREAM_LIBRARY"] = str(tmp_path / "library.sqlite3")
    assert notebook.run(BEGIN.format(variables=variables)).ename is None
    yield notebook
    slow.release.set()
    assert notebook.run(LEFT).stdout.startswith("[] ")


def shows(text: str = "", pictures: int | None = None) -> Callable[[Result], bool]:
    """That an output holds these words, and so many pictures."""
    return lambda result: any(
        text in one.text and pictures in {None, one.data.get("text/html", "").count("<img")} for one in result.outputs
    )


def test_the_set_grows_while_the_kernel_is_free(kernel: Kernel, slow: SlowService) -> None:
    """The cell ends with the run under way; another cell runs; then the second picture lands in the first output."""
    assert kernel.run("%%seedream hero << --bg -n 2\nx").ename is None
    kernel.wait_output(shows(pictures=1))
    free = kernel.run("print(hero.state, len(hero.ok), hero is _seedream)")
    assert free.stdout == "running 1 True\n"
    assert "1 run in the background" in kernel.run("%seedream").stdout
    assert kernel.run("%%seedream --bg -n 2 --quiet\nanother").ename is None
    slow.release.set()
    waited = "import asyncio\nwhile hero.state == 'running' or _seedream.state == 'running': await asyncio.sleep(0.01)"
    assert kernel.run(waited).ename is None
    assert kernel.run("print(hero.state, len(hero.ok), _seedream.prompt)").stdout == "done 2 another\n"
    assert "4 images in this session" in kernel.run("%seedream").stdout


def test_stop_keeps_what_has_come(kernel: Kernel, slow: SlowService, slow_server: RawServer) -> None:
    """`%seedream stop` ends it, no thread is left; the output says it was stopped, what is billed, how to go on."""
    kernel.start("%%seedream --bg -n 2\nx\n")
    kernel.wait_output(shows(pictures=1))
    kernel.client.execute("%seedream stop")
    (output,) = kernel.wait_output(shows(" · stopped")).displays
    run_id = output.text.splitlines()[1].split()[1]
    prompt, head, path, *rest = output.text.splitlines()
    assert (prompt, *head.split(" · ")[:2], head.split(" · ")[-1]) == ("x", f"run {run_id}", "1 of 2 images", "stopped")
    assert path.endswith(f"{run_id}/01.jpg  64x48")
    assert rest == [
        "  2  This frame did not arrive.",
        "Run the cell again for the rest: what was made is fetched free, only what is missing is asked for.",
        "at least 1 image billed",
    ]
    assert kernel.run(f"{WAITED}\nprint(_seedream.state, len(_seedream.ok))").stdout == "stopped 1\n"
    slow_server.wait_for(lambda seen: seen.open_connections == 0)
    (doctor,) = kernel.run("(_seedream.folder / 'response.raw').write_bytes(b'half')\n%seedream doctor").displays
    assert "could not be read" not in doctor.text  # the person has cut it off
    assert kernel.run("%seedream stop").stdout == "No run is under way in the background.\n"
    assert kernel.run(LEFT).stdout == "[] 0\n"
    assert kernel.run(IN_PYTHON).ename is None
    assert "1 run in the background" in kernel.run("%seedream").stdout
    assert kernel.run("%seedream stop").stdout == "1 run stopped. Pictures that have come are kept.\n"
    ended = kernel.run("while not ends: await asyncio.sleep(0.01)\nprint(type(ends[0][1]).__name__)")
    assert ended.stdout == "SeedreamInterrupted\n"
    assert "background" not in kernel.run("%seedream").stdout


def test_a_reload_hands_over_what_is_under_way(kernel: Kernel, slow: SlowService, slow_server: RawServer) -> None:
    """The magics made anew count the run, know what was billed before, and reach it to stop it."""
    kernel.run("%%seedream --quiet --no-stream -n 2\nwhole")
    kernel.run("%%seedream hero << --bg -n 2\nx")
    kernel.wait_output(shows(pictures=1))
    kernel.run("%reload_ext seedream_magic")
    status = kernel.run("%seedream").stdout
    assert "2 images in this session" in status
    assert "1 run in the background" in status
    kernel.run("%config SeedreamMagics.max_images_per_session = 4")
    assert "after 4 in this session" in (kernel.run("%%seedream\nanother").evalue or "")
    kernel.run("%config SeedreamMagics.max_images_per_session = None")
    assert kernel.run("%seedream stop").stdout.startswith("1 run stopped.")
    assert kernel.run(f"{WAITED}\nprint(hero.state, len(hero.ok))").stdout == "stopped 1\n"
    slow_server.wait_for(lambda seen: seen.open_connections == 0)
    status = kernel.run("%seedream").stdout
    assert "3 images in this session" in status
    assert "background" not in status


def test_unloading_cuts_no_run(kernel: Kernel, slow: SlowService) -> None:
    """It is paid for: that it goes on is told, its output grows, its name is bound; at its end nothing is left."""
    kernel.run("%%seedream hero << --bg -n 2\nx")
    kernel.wait_output(shows(pictures=1))
    shown = kernel.result
    assert kernel.run("%unload_ext seedream_magic").stdout.startswith("1 run goes on in the background")
    kernel.result = shown
    slow.release.set()
    kernel.wait_output(shows(pictures=2))
    assert kernel.run(f"{WAITED.replace('_seedream', 'hero')}\nprint(hero.state, len(hero.ok))").stdout == "done 2\n"
    assert kernel.run(LEFT).stdout == "[] 0\n"
    status = kernel.run("%load_ext seedream_magic\n%seedream").stdout
    assert "2 images in this session" in status
    assert "background" not in status


def test_what_fails_says_so(kernel: Kernel, slow_server: RawServer) -> None:
    """In its output, for there is no cell that could; what cannot begin fails the cell at once, and nothing is sent."""
    for setting, words in (
        ("%config SeedreamMagics.max_images_per_run = 1", "max_images_per_run"),
        ("%config SeedreamMagics.max_images_per_run = None\n%config SeedreamMagics.store = '/proc/none'", "cannot be"),
    ):
        failed = kernel.run(f"{setting}\nget_ipython().run_cell_magic('seedream', '--bg -n 2', 'x')")
        assert words in (failed.evalue or ""), failed
    assert slow_server.posts == 0
    kernel.run("%config SeedreamMagics.store = None")
    kernel.run("%%seedream --bg\nrefused")
    assert "Not billed." in kernel.wait_output(shows("ContentRefused")).displays[-1].text
    assert slow_server.posts == 1


TEN = """\
import asyncio
from seedream_magic import Seedream
draws = [Seedream().agenerate("whole", extra={"seed": number}) for number in range(10)]
results = await asyncio.gather(*draws, return_exceptions=True)
print(sum("max_images_per_session" in str(result) for result in results))"""


def test_what_awaits_meets_the_cap_as_well(kernel: Kernel, slow: SlowService, slow_server: RawServer) -> None:
    """Of ten that begin at once, two fit beside the two images of a background cell; then there is no room."""
    kernel.run("%config SeedreamMagics.max_images_per_session = 4")
    kernel.run("%%seedream --bg --quiet -n 2\nx")
    slow_server.wait_for(lambda seen: seen.posts == 1)
    assert kernel.run(TEN).stdout == "8\n"
    assert slow_server.posts == 3
    assert "after 4 in this session" in (kernel.run("%%seedream\nwhole").evalue or "")
    slow.release.set()
    assert kernel.run(WAITED).ename is None
    assert "billed    4 images" in kernel.run("%seedream").stdout
    kernel.run("%config SeedreamMagics.max_images_per_session = None")


WATCHED = """\
import threading
import seedream_magic.view.pictures as pictures
decode, on_kernel = pictures.decode, []
def watched(*arguments, **options):
    on_kernel.append(threading.current_thread() is threading.main_thread())
    return decode(*arguments, **options)
pictures.decode = watched"""


def test_previews_are_made_beside_the_kernels_loop(kernel: Kernel, slow: SlowService) -> None:
    """While they are, the kernel answers; the output ends with all pictures."""
    kernel.run(WATCHED)
    kernel.run("%%seedream --bg -n 2\nx")
    kernel.wait_output(lambda result: 1 in sets(result))
    slow.release.set()
    kernel.wait_output(lambda result: 2 in sets(result))
    assert kernel.run("pictures.decode = decode; print(bool(on_kernel), any(on_kernel))").stdout == "True False\n"


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


def sets(result: Result) -> list[int]:
    """How many pictures each output shows, of those that show anything of a set."""
    return [output.data.get("text/html", "").count("<img") for output in result.displays if output.text]


def draw(kernel: Kernel, slow: SlowService, cell: str) -> None:
    """Run a cell; the second picture comes when the first one shows."""
    kernel.start(cell)
    kernel.wait_output(lambda result: 1 in sets(result))
    slow.release.set()
    kernel.wait_idle()
    assert kernel.result.ename is None


def test_a_set_is_shown_once_everywhere(kernel: Kernel, slow: SlowService) -> None:
    """A front end that hears no updates shows the whole set as well; what a cell prints besides stays in its place."""
    draw(kernel, slow, "%%seedream -n 2\nx")
    assert len(kernel.result.outputs) == len(kernel.without_updates.outputs) == 1
    assert sets(kernel.result) == sets(kernel.without_updates) == [2]
    assert "2 images billed" in kernel.without_updates.outputs[0].text
    assert "image/jpeg" in kernel.without_updates.outputs[0].data
    slow.release.clear()
    draw(kernel, slow, MIXED)
    for shown in (kernel.result, kernel.without_updates):
        assert (shown.stdout, shown.stderr) == ("before\n", "after\n")
    assert sets(kernel.result) == [2]
    assert [output.kind for output in kernel.result.outputs[:2]] == ["stream", "display_data"]
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
    """What waited for pictures goes with an error; Stop leaves what had come, and the error below it."""
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


def test_a_notebook_that_is_run_has_the_set_once(
    slow_server: RawServer, slow: SlowService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """nbclient, and so nbconvert and papermill, save one whole set; of a cell that prints, what it printed besides."""
    slow.release.set()
    monkeypatch.setenv("SEEDREAM_BASE_URL", f"{slow_server.url}/v1")
    monkeypatch.setenv("SEEDREAM_API_KEY", "sk-CANARY")
    sources = ("%load_ext seedream_magic", "%%seedream -n 2\nx", MIXED)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    NotebookClient(notebook, kernel_name="python3").execute()
    for cell, outputs, printed in zip(notebook.cells[1:], (1, 4), ("", "before\nafter\n"), strict=True):
        shown = [one.data["text/html"].count("<img") for one in cell.outputs if one.output_type == "display_data"]
        assert (len(cell.outputs), [count for count in shown if count]) == (outputs, [2])
        assert "".join(one.text for one in cell.outputs if one.output_type == "stream") == printed
