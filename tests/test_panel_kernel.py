"""The panel in a real kernel: clicks as the page sends them, cells that run meanwhile, nothing left behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kernel import Kernel, Result
from raw_server import RawServer
from service import SlowService

pytestmark = pytest.mark.kernel

CLICK = {"method": "custom", "content": {"event": "click"}}
_OPEN = """
from seedream_magic import Panel
import asyncio, ipywidgets, threading
panel = Panel()
panel._form.prompt.value, panel._form.images.value = "a village", "2"
print(panel.line.generate.model_id, panel._run.stop.model_id)
"""


def send(kernel: Kernel, model_id: str, data: dict[str, Any], subshell: str | None = None) -> None:
    """What the page sends of a widget."""
    message = kernel.client.session.msg("comm_msg", {"comm_id": model_id, "data": data})
    if subshell:
        message["header"]["subshell_id"] = subshell
    kernel.client.shell_channel.send(message)


def send_value(kernel: Kernel, model_id: str, value: str) -> None:
    """What the page sends of a field in which something was typed."""
    send(kernel, model_id, {"method": "update", "state": {"value": value}, "buffer_paths": []})


def wait_question(kernel: Kernel, model_id: str, number: str) -> None:
    """Until the kernel has asked the page for what was typed last."""
    while True:
        message = kernel.client.get_iopub_msg(timeout=20)
        state = message["content"].get("data", {}).get("state", {}) if message["msg_type"] == "comm_msg" else {}
        if message["content"].get("comm_id") == model_id and state.get("placeholder") == number:
            return


def choose_upload(kernel: Kernel) -> str:
    """The page tells of a file that does not come; gives the button that leaves it out."""
    return kernel.run(
        'panel._references._chosen_files.value = \'{"files": [["hero.jpg", 9]]}\'\n'
        "print(panel._references._drop.model_id)"
    ).stdout.strip()


def shows(count: int, words: str = "") -> Callable[[Result], bool]:
    """That an output shows so many pictures, and these words."""
    return lambda result: any(
        text.count("<img") == count and words in text
        for text in (output.data.get("text/html", "") for output in result.displays)
    )


def made_subshell(kernel: Kernel) -> str:
    """A thread of the kernel for widget messages, as JupyterLab asks for; "" of a kernel that has none."""
    message = kernel.client.session.msg("create_subshell_request")
    kernel.client.control_channel.send(message)
    while True:
        reply = kernel.client.get_control_msg(timeout=20)
        if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
            return str(reply["content"].get("subshell_id") or "")


@pytest.mark.parametrize("on_subshell", [False, True])
def test_the_kernel_is_free_while_a_panel_draws(
    slow_kernel: Kernel, slow_server: RawServer, slow: SlowService, *, on_subshell: bool
) -> None:
    """A cell answers before the service has; the set then grows in its output."""
    generate, _ = slow_kernel.run(_OPEN).stdout.split()
    features = slow_kernel.client.kernel_info(reply=True, timeout=20)["content"].get("supported_features", [])
    if on_subshell and "kernel subshells" not in features:
        pytest.skip("this kernel has no subshells")
    subshell = made_subshell(slow_kernel) if on_subshell else None
    send(slow_kernel, generate, CLICK, subshell)
    slow_server.wait_for(lambda seen: seen.posts == 1)
    if subshell:
        ended = slow_kernel.client.session.msg("delete_subshell_request", {"subshell_id": subshell})
        slow_kernel.client.control_channel.send(ended)
    slow_kernel.start("panel")
    slow_kernel.wait_output(shows(1))
    slow_kernel.wait_idle()
    assert not slow.release.is_set()
    slow.release.set()
    slow_kernel.wait_output(shows(2, "2 images billed"))
    # The set says it is done before the panel does: both come by the kernel's loop, which this has to leave free.
    while "True" in (told := slow_kernel.run("print(panel._run.line.value, panel._run.busy)").stdout):
        assert slow_kernel.result.ename is None
    assert "2 of 2 · 2 images billed" in told


def test_stop_and_anew_and_nothing_is_left(slow_kernel: Kernel, slow_server: RawServer, slow: SlowService) -> None:
    """Stop keeps the first picture; the next run brings all; unloading closes the panel, its threads and its comms."""
    generate, stop = slow_kernel.run(_OPEN).stdout.split()
    prompt = slow_kernel.run("print(panel._form.prompt.model_id)").stdout.strip()
    slow_kernel.run("panel")
    send(slow_kernel, generate, CLICK)
    send_value(slow_kernel, prompt, "a village in spring")
    slow_kernel.wait_output(shows(1))
    (request,) = [one for one in slow_server.requests if one.method == "POST"]
    assert request.json()["prompt"] == "a village in spring"
    send(slow_kernel, stop, CLICK)
    slow_kernel.wait_output(shows(1, "stopped"))
    send_value(slow_kernel, prompt, "whole")
    send(slow_kernel, generate, CLICK)
    slow_kernel.wait_output(shows(2, "2 images billed"))
    assert slow_server.posts == 2
    assert not slow.release.is_set()
    left = slow_kernel.run(
        "%unload_ext seedream_magic\n"
        "print(list(ipywidgets.Widget.get_manager_state()['state']))\n"
        "for thread in threading.enumerate():\n    if thread.name.startswith('seedream'): thread.join(20)\n"
        "print([one.name for one in threading.enumerate() if one.name.startswith('seedream')])"
    )
    assert left.stdout == "[]\n[]\n"


def test_what_was_typed_before_a_click_is_drawn_though_it_comes_after(
    slow_kernel: Kernel, slow_server: RawServer
) -> None:
    """A page holds text back while the kernel has not answered; the click, which waits for nothing, pays for all of it.

    What is copied waits, too.
    """
    generate, _ = slow_kernel.run(_OPEN).stdout.split()
    prompt, answer, copy = slow_kernel.run(
        "print(panel._form.prompt.model_id, panel._loop.widget.model_id, panel._copy.model_id)"
    ).stdout.split()
    slow_kernel.run("panel")
    send_value(slow_kernel, answer, "0")  # the page has come
    send(slow_kernel, generate, CLICK)
    wait_question(slow_kernel, answer, "1")
    assert slow_kernel.run("await asyncio.sleep(0.5); print(panel._run.busy)").stdout == "True\n"
    assert slow_server.posts == 0
    send_value(slow_kernel, prompt, "a village in spring")
    send_value(slow_kernel, answer, "1")
    slow_server.wait_for(lambda seen: seen.posts == 1)
    assert slow_server.requests[0].json()["prompt"] == "a village in spring"
    send(slow_kernel, copy, CLICK)
    wait_question(slow_kernel, answer, "2")
    send_value(slow_kernel, prompt, "a village in autumn")
    send_value(slow_kernel, answer, "2")
    copied = "while not panel._cell.area.value: await asyncio.sleep(0.02)\nprint(panel._cell.area.value)"
    assert "a village in autumn" in slow_kernel.run(copied).stdout


def test_a_click_is_not_lost_in_a_cell_that_runs_after_it(slow_kernel: Kernel, slow_server: RawServer) -> None:
    """The page answers meanwhile, however long the cell takes; what it sent is read after the cell."""
    generate, stop = slow_kernel.run(_OPEN).stdout.split()
    answer, prompt = slow_kernel.run(
        "import time\nfrom seedream_magic.notebook.panel import page_loop\npage_loop.LONGEST_SECONDS = 1.0\n"
        "print(panel._loop.widget.model_id, panel._form.prompt.model_id)"
    ).stdout.split()
    slow_kernel.run("panel")
    send_value(slow_kernel, answer, "0")
    send(slow_kernel, generate, CLICK)
    slow_kernel.start("time.sleep(1.2)")
    send_value(slow_kernel, prompt, "a village in spring")
    send_value(slow_kernel, answer, "1")
    slow_server.wait_for(lambda seen: seen.posts == 1)
    assert slow_server.requests[0].json()["prompt"] == "a village in spring"
    send(slow_kernel, stop, CLICK)


def test_what_was_stopped_while_a_cell_ran_is_not_sent_after_it(
    slow_kernel: Kernel, slow_server: RawServer, tmp_path: Path
) -> None:
    """The page's answer and a click of Stop wait for the end of the cell, one behind the other."""
    generate, stop = slow_kernel.run(_OPEN).stdout.split()
    answer = slow_kernel.run("import os, time\nprint(panel._loop.widget.model_id)").stdout.strip()
    slow_kernel.run("panel")
    send_value(slow_kernel, answer, "0")
    send(slow_kernel, generate, CLICK)
    wait_question(slow_kernel, answer, "1")
    sent = tmp_path / "sent"
    slow_kernel.start(f"while not os.path.exists({str(sent)!r}): time.sleep(0.01)")
    send_value(slow_kernel, answer, "1")
    send(slow_kernel, stop, CLICK)
    sent.touch()
    told = slow_kernel.run("while panel._run.busy: await asyncio.sleep(0.02)\nprint(panel._run.line.value)").stdout
    assert "Stopped before anything was sent" in told
    assert slow_server.posts == 0


def test_a_page_that_answers_no_more_pays_for_nothing(slow_kernel: Kernel, slow_server: RawServer) -> None:
    """It said so, and the next click draws: the page may be another, which runs no scripts."""
    generate, stop = slow_kernel.run(_OPEN).stdout.split()
    answer = slow_kernel.run(
        "from seedream_magic.notebook.panel import page_loop\npage_loop.LONGEST_SECONDS = 0.1\n"
        "print(panel._loop.widget.model_id)"
    ).stdout.strip()
    slow_kernel.run("panel")
    send_value(slow_kernel, answer, "0")
    send(slow_kernel, generate, CLICK)
    told = slow_kernel.run("while panel._run.busy: await asyncio.sleep(0.02)\nprint(panel._message.value)").stdout
    assert "may be missing" in told
    assert slow_server.posts == 0
    send(slow_kernel, generate, CLICK)
    slow_server.wait_for(lambda seen: seen.posts == 1)
    send(slow_kernel, stop, CLICK)


def test_a_click_that_was_refused_draws_nothing_later(slow_kernel: Kernel, slow_server: RawServer) -> None:
    """What was not here at the click is not left out for it by a later one: that would be paid for, unasked."""
    generate, _ = slow_kernel.run(_OPEN).stdout.split()
    leave_out = choose_upload(slow_kernel)
    send(slow_kernel, generate, CLICK)
    send(slow_kernel, leave_out, CLICK)
    slow_kernel.run("while panel.line.request is None: await asyncio.sleep(0.02)")
    assert slow_kernel.run("print(panel._run.busy, panel.line.request.prompt)").stdout == "False a village\n"
    slow_kernel.run("panel")
    send(slow_kernel, generate, CLICK)
    slow_kernel.wait_output(shows(1))
    assert slow_server.posts == 1


def test_clicks_are_done_in_their_order(slow_kernel: Kernel, slow_server: RawServer) -> None:
    """Right after what cannot be sent was left out, a click draws: both wait alike for what was typed."""
    generate, stop = slow_kernel.run(_OPEN).stdout.split()
    leave_out = choose_upload(slow_kernel)
    send(slow_kernel, leave_out, CLICK)
    send(slow_kernel, generate, CLICK)
    slow_server.wait_for(lambda seen: seen.posts == 1)
    send(slow_kernel, stop, CLICK)


def test_a_panel_made_in_python_is_the_session_s(slow_kernel: Kernel, slow_server: RawServer) -> None:
    """It takes the notebook's settings; what it draws is counted, capped, stopped and bound like a cell's."""
    settings = "%config SeedreamMagics.watermark = False\n%config SeedreamMagics.max_images_per_session = 3\n"
    generate, _ = slow_kernel.run(_OPEN.replace("from", f"{settings}from", 1)).stdout.split()
    slow_kernel.run("panel")
    send(slow_kernel, generate, CLICK)
    slow_kernel.wait_output(shows(1))
    assert slow_server.requests[0].json()["watermark"] is False
    assert "1 run in the background" in slow_kernel.run("%seedream").stdout
    assert "may bill 2 images after 2 in this session" in (slow_kernel.run("%%seedream -n 2\nother").evalue or "")
    assert slow_kernel.run("%seedream stop").stdout == "1 run stopped. Pictures that have come are kept.\n"
    while slow_kernel.run("print(panel._run.busy)").stdout == "True\n":
        assert slow_kernel.result.ename is None
    assert slow_kernel.run("print(_seedream.state, len(_seedream.ok))").stdout == "stopped 1\n"
    assert slow_server.posts == 1
