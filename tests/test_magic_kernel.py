"""`%%seedream` in a real kernel: Stop where cells may nest (elsewhere: test_faults_stop.py), no widget message lost."""

from __future__ import annotations

from collections.abc import Iterator
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


@pytest.fixture
def kernel(server: RawServer, tmp_path: Path) -> Iterator[Kernel]:
    """A kernel with the extension loaded, pointed to the service."""
    environment = {"SEEDREAM_BASE_URL": f"{server.url}/v1", "SEEDREAM_API_KEY": "sk-CANARY"}
    with running_kernel(environment=environment, directory=tmp_path) as running:
        assert running.run("%load_ext seedream_magic").ename is None
        yield running


def one_picture(result: Result) -> bool:
    """That the output shows the first picture."""
    return any(output.data.get("text/html", "").count("<img") >= 1 for output in result.displays)


@pytest.mark.fault("F95")
def test_stop_where_cells_may_nest(kernel: Kernel, server: RawServer, tmp_path: Path) -> None:
    """The arrived frame is kept, the next run works, and no thread is left."""
    kernel.run("%config SeedreamMagics.event_loop = 'nest'")
    kernel.start("%%seedream -n 2\nx")
    kernel.wait_output(one_picture)
    kernel.interrupt()
    kernel.wait_idle(timeout=5)
    server.wait_for(lambda seen: seen.open_connections == 0)
    stopped = kernel.result
    assert stopped.ename == "SeedreamInterrupted", stopped
    assert "Stopped after 1 of 2" in (stopped.evalue or "")
    assert len(stopped.traceback) <= 5
    assert [path.name for path in tmp_path.glob("seedream-runs/2*/*.jpg*")] == ["01.jpg"]
    assert kernel.run("%%seedream after << -n 2\nwhole").ename is None
    assert server.posts == 2
    left = "[thread.name for thread in __import__('threading').enumerate() if 'seedream' in thread.name]"
    assert kernel.run(left).displays[0].text == "[]"


def test_widget_message_during_a_run_is_not_lost(kernel: Kernel, slow: SlowService) -> None:
    """In the default mode a click that arrives while a cell draws reaches its handler when the cell has ended."""
    answers = [kernel.is_complete(code) for code in ("%%seedream -n 2", "%%seedream\nx", "%%seedream\nx\n\n")]
    assert answers == ["incomplete", "incomplete", "complete"]
    made = kernel.run(
        "import ipywidgets\nclicks = []\nbutton = ipywidgets.Button()\n"
        "button.on_click(lambda _: clicks.append(1))\nbutton.comm.comm_id"
    )
    comm = made.displays[-1].text.strip("'")
    kernel.start("%%seedream -n 2\nx")
    kernel.wait_output(one_picture)
    click = {"comm_id": comm, "data": {"method": "custom", "content": {"event": "click"}}}
    kernel.client.shell_channel.send(kernel.client.session.msg("comm_msg", click))
    slow.release.set()
    kernel.wait_idle()
    assert kernel.result.ename is None
    assert kernel.run("clicks").displays[0].text == "[1]"
