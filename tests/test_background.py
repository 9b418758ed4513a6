"""`--bg` in a real kernel: the cell returns, the kernel is free, the set grows in the output, errors are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kernel import Kernel, Result, running_kernel
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
def kernel(notebook: Kernel, server: RawServer, slow: SlowService, tmp_path: Path) -> Iterator[Kernel]:
    """The kernel as in a new session, the extension loaded and pointed to the service; at the end no run is left."""
    variables = {"SEEDREAM_BASE_URL": f"{server.url}/v1", "SEEDREAM_STORE": str(tmp_path / "runs")}
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


def test_stop_keeps_what_has_come(kernel: Kernel, slow: SlowService, server: RawServer) -> None:
    """`%seedream stop` ends it, no thread is left; the output says it was stopped, what is billed, how to go on.

    So it is with a run that `Seedream.start` began in Python.
    """
    kernel.start("%%seedream --bg -n 2\nx\n")
    kernel.wait_output(shows(pictures=1))
    kernel.client.execute("%seedream stop")
    (output,) = kernel.wait_output(shows(" · stopped")).displays
    run_id = output.text.partition("%seedream retry ")[2].partition(" ")[0]
    head, path, *rest = output.text.splitlines()
    assert (head.split(" · ")[0], head.split(" · ")[-1]) == ("1 of 2 images", "stopped")
    assert path.endswith(f"{run_id}/01.jpg  64x48")
    assert rest == [
        "  2  This frame did not arrive.",
        f"%seedream retry {run_id} asks for the missing ones only; the cell run again pays for all.",
        "at least 1 image billed",
    ]
    assert kernel.run(f"{WAITED}\nprint(_seedream.state, len(_seedream.ok))").stdout == "stopped 1\n"
    server.wait_for(lambda seen: seen.open_connections == 0)
    assert kernel.run("%seedream stop").stdout == "No run is under way in the background.\n"
    assert kernel.run(LEFT).stdout == "[] 0\n"
    assert kernel.run(IN_PYTHON).ename is None
    assert "1 run in the background" in kernel.run("%seedream").stdout
    assert kernel.run("%seedream stop").stdout == "1 run stopped. Pictures that have come are kept.\n"
    ended = kernel.run("while not ends: await asyncio.sleep(0.01)\nprint(type(ends[0][1]).__name__)")
    assert ended.stdout == "SeedreamInterrupted\n"
    assert "background" not in kernel.run("%seedream").stdout


def test_a_reload_hands_over_what_is_under_way(kernel: Kernel, slow: SlowService, server: RawServer) -> None:
    """The magics made anew count the run, know what was billed before, refuse its request, and reach it to stop it."""
    kernel.run("%%seedream --quiet --no-stream -n 2\nwhole")
    kernel.run("%%seedream hero << --bg -n 2\nx")
    kernel.wait_output(shows(pictures=1))
    kernel.run("%reload_ext seedream_magic")
    status = kernel.run("%seedream").stdout
    assert "2 images in this session" in status
    assert "1 run in the background" in status
    assert "under way" in (kernel.run("%%seedream --bg -n 2\nx").evalue or "")
    kernel.run("%config SeedreamMagics.max_images_per_session = 4")
    assert "after 4 in this session" in (kernel.run("%%seedream\nanother").evalue or "")
    kernel.run("%config SeedreamMagics.max_images_per_session = None")
    assert kernel.run("%seedream stop").stdout.startswith("1 run stopped.")
    assert kernel.run(f"{WAITED}\nprint(hero.state, len(hero.ok))").stdout == "stopped 1\n"
    server.wait_for(lambda seen: seen.open_connections == 0)
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


def test_what_fails_says_so(kernel: Kernel, server: RawServer) -> None:
    """In its output, for there is no cell that could; what cannot begin fails the cell at once, and nothing is sent."""
    for setting, words in (
        ("%config SeedreamMagics.max_images_per_run = 1", "max_images_per_run"),
        ("%config SeedreamMagics.max_images_per_run = None\n%config SeedreamMagics.store = '/proc/none'", "cannot be"),
    ):
        failed = kernel.run(f"{setting}\nget_ipython().run_cell_magic('seedream', '--bg -n 2', 'x')")
        assert words in (failed.evalue or ""), failed
    assert server.posts == 0
    kernel.run("%config SeedreamMagics.store = None")
    kernel.run("%%seedream --bg\nrefused")
    assert "Not billed." in kernel.wait_output(shows("ContentRefused")).displays[-1].text
    assert server.posts == 1


TEN = """\
import asyncio
from seedream_magic import Seedream
draws = [Seedream().agenerate("whole", extra={"seed": number}) for number in range(10)]
results = await asyncio.gather(*draws, return_exceptions=True)
print(sum("max_images_per_session" in str(result) for result in results))"""


def test_what_awaits_meets_the_cap_beside_the_background(kernel: Kernel, slow: SlowService, server: RawServer) -> None:
    """Of ten that begin at once, two fit beside the two images of a background cell; then there is no room."""
    kernel.run("%config SeedreamMagics.max_images_per_session = 4")
    kernel.run("%%seedream --bg --quiet -n 2\nx")
    server.wait_for(lambda seen: seen.posts == 1)
    assert kernel.run(TEN).stdout == "8\n"
    assert server.posts == 3
    assert "after 4 in this session" in (kernel.run("%%seedream\nwhole").evalue or "")
    slow.release.set()
    assert kernel.run(WAITED).ename is None
    assert "billed    4 images" in kernel.run("%seedream").stdout
    kernel.run("%config SeedreamMagics.max_images_per_session = None")
