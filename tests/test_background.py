"""`--bg` in a real kernel: the cell returns, the kernel is free, the set grows in the output, errors are told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kernel import Kernel, Result, running_kernel
from raw_server import Behaviour, Gate, RawServer, Request, json_reply, raw_server
from service import PICTURE, POST, completed, picture, stream_head, succeeded

pytestmark = pytest.mark.kernel


class Slow:
    """A service that sends the first picture at once and the second when `release` is set."""

    def __init__(self) -> None:
        self.release = threading.Event()

    def post(self, request: Request) -> Behaviour:
        prompt = request.json()["prompt"]
        if prompt == "refused":
            error = {"code": "InputTextSensitiveContentDetected", "message": "no"}
            return json_reply({"error": error}, status=400)
        return Gate(stream_head() + succeeded(request, 0), self.release, succeeded(request, 1) + completed(2))


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def server(slow: Slow) -> Iterator[RawServer]:
    with raw_server({POST: slow.post, PICTURE: picture}) as running:
        yield running
        slow.release.set()


@pytest.fixture
def kernel(server: RawServer, tmp_path: Path) -> Iterator[Kernel]:
    """A kernel with the extension loaded, pointed to the service."""
    environment = {
        "SEEDREAM_BASE_URL": f"{server.url}/v1",
        "SEEDREAM_API_KEY": "sk-CANARY",
        "SEEDREAM_STORE": str(tmp_path / "runs"),
    }
    with running_kernel(environment=environment, directory=tmp_path) as running:
        assert running.run("%load_ext seedream_magic").ename is None
        yield running


def shows(text: str) -> Callable[[Result], bool]:
    """That the output's text holds these words."""

    def shown(result: Result) -> bool:
        return any(text in output.text for output in result.outputs)

    return shown


def pictures(count: int) -> Callable[[Result], bool]:
    """That the output's HTML holds so many pictures."""

    def shown(result: Result) -> bool:
        return any(output.data.get("text/html", "").count("<img") == count for output in result.displays)

    return shown


def test_the_set_grows_while_the_kernel_is_free(kernel: Kernel, slow: Slow) -> None:
    """The cell ends with the run under way; another cell runs; then the second picture lands in the first output."""
    begun = kernel.run("%%seedream hero << --bg -n 2\nx")
    assert begun.ename is None
    kernel.wait_output(pictures(1))
    free = kernel.run("print(hero.state, len(hero.ok), hero is _seedream)")
    assert free.stdout == "running 1 True\n"
    assert "1 run in the background" in kernel.run("%seedream").stdout
    second = kernel.run("%%seedream --bg -n 2 --quiet\nanother")
    assert second.ename is None
    slow.release.set()
    waited = "import asyncio\nwhile hero.state == 'running' or _seedream.state == 'running': await asyncio.sleep(0.01)"
    assert kernel.run(waited).ename is None
    assert kernel.run("print(hero.state, len(hero.ok), _seedream.prompt)").stdout == "done 2 another\n"
    assert "4 images in this session" in kernel.run("%seedream").stdout


def test_the_output_is_brought_up_to_date_without_another_cell(kernel: Kernel, slow: Slow) -> None:
    """No cell has to run for the pictures to appear."""
    kernel.run("%%seedream --bg -n 2\nx")
    kernel.wait_output(pictures(1))
    slow.release.set()
    kernel.wait_output(pictures(2))
    kernel.wait_output(shows("2 images billed"))


def test_stop_keeps_what_has_come(kernel: Kernel, slow: Slow, server: RawServer) -> None:
    """`%seedream stop` ends it; the output says so and what may be billed, and no thread is left."""
    kernel.run("%%seedream --bg -n 2\nx")
    kernel.wait_output(pictures(1))
    assert kernel.run("%seedream stop").stdout == "1 run stopped. Pictures that have come are kept.\n"
    stopped = "import asyncio\nwhile _seedream.state == 'running': await asyncio.sleep(0.01)\nprint(len(_seedream.ok))"
    assert kernel.run(stopped).stdout == "1\n"
    server.wait_for(lambda seen: seen.open_connections == 0)
    assert kernel.run("%seedream stop").stdout == "No run is under way in the background.\n"


def test_a_run_that_fails_says_so_in_its_output(kernel: Kernel, server: RawServer) -> None:
    """There is no cell that could fail: the error's own lines stand in the output."""
    kernel.run("%%seedream --bg\nrefused")
    told = kernel.wait_output(shows("ContentRefused"))
    assert "Not billed." in told.displays[-1].text
    assert server.posts == 1


def test_what_cannot_begin_fails_the_cell(kernel: Kernel, server: RawServer) -> None:
    """A store that cannot be written, a cap, a wrong option: the cell fails at once and nothing is sent."""
    for setting, words in (
        ("%config SeedreamMagics.max_images_per_run = 1", "max_images_per_run"),
        ("%config SeedreamMagics.max_images_per_run = None\n%config SeedreamMagics.store = '/proc/none'", "cannot be"),
    ):
        failed = kernel.run(f"{setting}\nget_ipython().run_cell_magic('seedream', '--bg -n 2', 'x')")
        assert words in (failed.evalue or ""), failed
    assert server.posts == 0
