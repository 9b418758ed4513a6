"""The panel in a real kernel: clicks as the page sends them, cells that run meanwhile, nothing left behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kernel import Kernel, Result, running_kernel
from raw_server import Behaviour, Gate, RawServer, Request, raw_server
from service import PICTURE, POST, completed, picture, stream_head, succeeded, whole_answer

pytestmark = pytest.mark.kernel

_OPEN = """
%load_ext seedream_magic
from seedream_magic import Panel
import ipywidgets, threading
panel = Panel()
panel._form.prompt.value, panel._form.images.value = "a village", "2"
print(panel._generate.model_id, panel._run.stop.model_id)
"""


class Service:
    """It sends the first picture of a set, and the second when it may; from the second request on, all at once."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.asked = 0

    def post(self, request: Request) -> Behaviour:
        self.asked += 1
        if self.asked > 1:
            return whole_answer(request)
        return Gate(stream_head() + succeeded(request, 0), self.go_on, succeeded(request, 1) + completed(2))


@contextmanager
def panel_kernel(folder: Path) -> Iterator[tuple[Kernel, RawServer, Service]]:
    service = Service()
    with raw_server({POST: service.post, PICTURE: picture}) as server:
        environment = {
            "SEEDREAM_BASE_URL": f"{server.url}/v1",
            "SEEDREAM_API_KEY": "sk-CANARY",
            "SEEDREAM_STORE": str(folder / "runs"),
        }
        with running_kernel(environment=environment, directory=folder) as kernel:
            yield kernel, server, service


def send_click(kernel: Kernel, model_id: str, subshell: str | None) -> None:
    """What the page sends when a button is pressed."""
    data = {"method": "custom", "content": {"event": "click"}}
    message = kernel.client.session.msg("comm_msg", {"comm_id": model_id, "data": data})
    if subshell:
        message["header"]["subshell_id"] = subshell
    kernel.client.shell_channel.send(message)


def made_subshell(kernel: Kernel) -> str:
    """A thread of the kernel for widget messages, as JupyterLab asks for; "" of a kernel that has none."""
    message = kernel.client.session.msg("create_subshell_request")
    kernel.client.control_channel.send(message)
    while True:
        reply = kernel.client.get_control_msg(timeout=20)
        if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
            return str(reply["content"].get("subshell_id") or "")


def shows(count: int, words: str = "") -> Callable[[Result], bool]:
    """That an output shows so many pictures, and these words."""

    def shown(result: Result) -> bool:
        texts = [output.data.get("text/html", "") for output in result.displays]
        return any(text.count("<img") == count and words in text for text in texts)

    return shown


@pytest.mark.parametrize("on_subshell", [False, True])
def test_the_kernel_is_free_while_a_panel_draws(tmp_path: Path, on_subshell: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """A cell answers before the service has; the set then grows in its output. So it is with a click on a subshell,
    which may end before the run does.
    """
    with panel_kernel(tmp_path) as (kernel, server, service):
        generate, _ = kernel.run(_OPEN).stdout.split()
        features = kernel.client.kernel_info(reply=True, timeout=20)["content"].get("supported_features", [])
        if on_subshell and "kernel subshells" not in features:
            pytest.skip("this kernel has no subshells")
        subshell = made_subshell(kernel) if on_subshell else None
        send_click(kernel, generate, subshell)
        server.wait_for(lambda seen: seen.posts == 1)
        if subshell:
            ended = kernel.client.session.msg("delete_subshell_request", {"subshell_id": subshell})
            kernel.client.control_channel.send(ended)
        kernel.start("panel")
        kernel.wait_output(shows(1))
        kernel.wait_idle()
        assert not service.go_on.is_set()
        service.go_on.set()
        kernel.wait_output(shows(2, "2 images billed"))
        # The set says it is done before the panel does: both come by the kernel's loop, which this has to leave free.
        while "True" in (told := kernel.run("print(panel._run.line.value, panel._run.busy)").stdout):
            assert kernel.result.ename is None
        assert "2 of 2 · 2 images billed" in told


def test_stop_and_anew_and_nothing_is_left(tmp_path: Path) -> None:
    """Stop keeps the first picture; the next run brings all; unloading closes the panel, its threads and its comms."""
    with panel_kernel(tmp_path) as (kernel, server, service):
        generate, stop = kernel.run(_OPEN).stdout.split()
        kernel.run("panel")
        send_click(kernel, generate, None)
        kernel.wait_output(shows(1))
        send_click(kernel, stop, None)
        kernel.wait_output(shows(1, "stopped"))
        send_click(kernel, generate, None)
        kernel.wait_output(shows(2, "2 images billed"))
        assert server.posts == 2
        assert not service.go_on.is_set()
        left = kernel.run(
            "%unload_ext seedream_magic\n"
            "print(list(ipywidgets.Widget.get_manager_state()['state']))\n"
            "for thread in threading.enumerate():\n    if thread.name.startswith('seedream'): thread.join(2)\n"
            "print([one.name for one in threading.enumerate() if one.name.startswith('seedream')])"
        )
        assert left.stdout == "[]\n[]\n"


def test_a_panel_made_in_python_is_the_session_s(tmp_path: Path) -> None:
    """It takes the notebook's settings; what it draws is counted, capped, stopped and bound like a cell's."""
    with panel_kernel(tmp_path) as (kernel, server, _):
        settings = "%config SeedreamMagics.watermark = False\n%config SeedreamMagics.max_images_per_session = 3\n"
        generate, _ = kernel.run(_OPEN.replace("from", f"{settings}from", 1)).stdout.split()
        kernel.run("panel")
        send_click(kernel, generate, None)
        kernel.wait_output(shows(1))
        assert server.requests[0].json()["watermark"] is False
        assert "1 run in the background" in kernel.run("%seedream").stdout
        assert "may bill 2 images after 2 in this session" in (kernel.run("%%seedream -n 2\nother").evalue or "")
        assert kernel.run("%seedream stop").stdout == "1 run stopped. Pictures that have come are kept.\n"
        while kernel.run("print(panel._run.busy)").stdout == "True\n":
            assert kernel.result.ename is None
        assert kernel.run("print(_seedream.state, len(_seedream.ok))").stdout == "stopped 1\n"
        assert server.posts == 1


def test_a_click_waits_for_what_was_typed_last(tmp_path: Path) -> None:
    """While a cell runs the page holds the last words back until the kernel is free, but not the click."""
    with panel_kernel(tmp_path) as (kernel, server, service):
        service.go_on.set()
        generate, _ = kernel.run(_OPEN).stdout.split()
        prompt = kernel.run("print(panel._form.prompt.model_id)").stdout.strip()
        send_click(kernel, generate, None)
        data = {"method": "update", "state": {"value": "a village in spring"}, "buffer_paths": []}
        message = kernel.client.session.msg("comm_msg", {"comm_id": prompt, "data": data})
        kernel.client.shell_channel.send(message)
        server.wait_for(lambda seen: seen.posts == 1)
        (request,) = [one for one in server.requests if one.method == "POST"]
        assert request.json()["prompt"] == "a village in spring"
