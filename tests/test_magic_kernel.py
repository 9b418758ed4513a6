"""`%%seedream` in a real kernel: Stop at each stage in both event loop modes, and no widget message lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kernel import Kernel, Result, running_kernel
from raw_server import Behaviour, Gate, Hang, RawServer, Reply, Request, raw_server
from service import PICTURE, POST, completed, jpeg, picture, stream_head, succeeded, whole_answer

pytestmark = pytest.mark.kernel


@contextmanager
def drawing_kernel(server: RawServer, folder: Path, mode: str) -> Iterator[Kernel]:
    """A kernel with the extension loaded, pointed to the service, storing into `folder`."""
    environment = {
        "SEEDREAM_BASE_URL": f"{server.url}/v1",
        "SEEDREAM_API_KEY": "sk-CANARY",
        "SEEDREAM_STORE": str(folder / "runs"),
    }
    with running_kernel(environment=environment, directory=folder) as kernel:
        setup = f"%load_ext seedream_magic\n%config SeedreamMagics.event_loop = '{mode}'"
        assert kernel.run(setup).ename is None
        yield kernel


class Stages:
    """A service that stops answering at a stage until `release` is set, and answers whole from the second POST on."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.stage = "head"
        self.stuck = True

    def post(self, request: Request) -> Behaviour:
        if not self.stuck or self.stage == "picture":
            return whole_answer(request)
        if self.stage == "head":
            return Hang(self.release)
        return Gate(stream_head() + succeeded(request, 0), self.release, succeeded(request, 1) + completed(2))

    def picture(self, request: Request) -> Behaviour:
        if self.stuck and self.stage == "picture" and request.path.startswith("/picture/1"):
            reply = bytes(Reply(200, {"Content-Type": "image/jpeg"}, jpeg(1)))
            return Gate(reply[:-200], self.release, reply[-200:])
        return picture(request)


def arrived(count: int) -> Callable[[Result], bool]:
    """That the output shows so many pictures."""
    return lambda result: any(output.data.get("text/html", "").count("<img") >= count for output in result.displays)


@pytest.mark.fault("F95")
@pytest.mark.parametrize("mode", ["thread", "nest"])
def test_stop_at_every_stage(tmp_path: Path, mode: str) -> None:
    """Stop before the head, between frames, during a download: arrived frames are kept, the next run works."""
    stages = Stages()
    with (
        raw_server({POST: stages.post, PICTURE: stages.picture}) as server,
        drawing_kernel(server, tmp_path, mode) as kernel,
    ):
        for stage, pictures in (("head", 0), ("frame", 1), ("picture", 1)):
            stages.stage, stages.stuck = stage, True
            posts = server.posts
            kernel.start(f"%%seedream -n 2\n{stage}")
            while server.posts == posts:
                time.sleep(0.01)
            if pictures:
                kernel.wait_output(arrived(pictures))
            kernel.interrupt()
            kernel.wait_idle(timeout=5)
            server.wait_for(lambda seen: seen.open_connections == 0)
            stopped = kernel.result
            assert stopped.ename == "SeedreamInterrupted", stopped
            assert f"Stopped after {pictures} of 2" in (stopped.evalue or "")
            assert len(stopped.traceback) <= 5
            runs = sorted((tmp_path / "runs").iterdir())
            assert len(list(runs[-1].glob("*.jpg"))) == pictures
            assert not list(runs[-1].glob(".*.part"))
            stages.stuck = False
            assert kernel.run(f"%%seedream after << -n 2\n{stage}").ename is None
            assert server.posts == posts + 2
            left = "[thread.name for thread in __import__('threading').enumerate() if 'seedream' in thread.name]"
            assert kernel.run(left).displays[0].text == "[]"


def test_widget_message_during_a_run_is_not_lost(tmp_path: Path) -> None:
    """In the default mode a click that arrives while a cell draws reaches its handler when the cell has ended.

    A kernel says that a first line alone is not a whole cell yet, so that a console does not run it.
    """
    stages = Stages()
    stages.stage = "frame"
    with (
        raw_server({POST: stages.post, PICTURE: picture}) as server,
        drawing_kernel(server, tmp_path, "thread") as kernel,
    ):
        answers = [kernel.is_complete(code) for code in ("%%seedream -n 2", "%%seedream\nx", "%%seedream\nx\n\n")]
        assert answers == ["incomplete", "incomplete", "complete"]
        made = kernel.run(
            "import ipywidgets\nclicks = []\nbutton = ipywidgets.Button()\n"
            "button.on_click(lambda _: clicks.append(1))\nbutton.comm.comm_id"
        )
        comm = made.displays[-1].text.strip("'")
        kernel.start("%%seedream -n 2\nx")
        kernel.wait_output(arrived(1))
        click = {"comm_id": comm, "data": {"method": "custom", "content": {"event": "click"}}}
        kernel.client.shell_channel.send(kernel.client.session.msg("comm_msg", click))
        stages.release.set()
        kernel.wait_idle()
        assert kernel.result.ename is None
        assert kernel.run("clicks").displays[0].text == "[1]"
