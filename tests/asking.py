"""Asking the scripted service as a person does, and what the cell says; the ends of runs nobody waits for."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from raw_server import Behaviour, Reply, Request, json_reply, sse
from seedream_magic import ImageSet
from service import jpeg, link

REFUSED = {"error": {"code": "OutputImageSensitiveContentDetected", "message": "refused"}}
DONE = sse(None, "[DONE]")


def run_cell(shell: InteractiveShell, cell: str) -> tuple[BaseException | None, str, list[dict[str, Any]]]:
    """The cell's error, what it printed, and what it displayed, updates included."""
    with capture_output() as captured:
        result = shell.run_cell(cell)
    outputs = [output._kwargs if hasattr(output, "_kwargs") else vars(output) for output in captured.outputs]
    return result.error_in_exec, captured.stdout, outputs


def run(shell: InteractiveShell, cell: str) -> tuple[BaseException | None, str]:
    """The cell's error, and all the text it printed or displayed."""
    error, printed, outputs = run_cell(shell, cell)
    return error, printed + "".join(output["data"].get("text/plain", "") for output in outputs)


def stop_at(pictures: int) -> Callable[[ImageSet], None]:
    """For `on_change`: Stop is pressed as soon as the set has so many places."""

    def stop(images: ImageSet) -> None:
        if len(images) >= pictures:
            raise KeyboardInterrupt

    return stop


def join_runs() -> None:
    """Waits for the runs that are under way; fails where one does not end."""
    for thread in threading.enumerate():
        if thread.name == "seedream-run":
            thread.join(20)
            assert not thread.is_alive()


def b64(shade: int) -> str:
    """A picture as the service sends it in base64."""
    return base64.b64encode(jpeg(shade)).decode()


def event(kind: str, **fields: Any) -> bytes:
    """An event of the service's stream."""
    name = f"image_generation.{kind}"
    return sse(name, {"type": name, "model": "doubao-seedream-4-5", "created": 1757396757, **fields})


def answering(
    body: Callable[[Request], bytes], headers: dict[str, str] | None = None
) -> Callable[[Request], Behaviour]:
    """A good answer whose body is made from the request."""
    return lambda request: Reply(200, headers or {}, body(request))


def data(request: Request, *entries: Any) -> Reply:
    """A JSON answer with these entries; a number is the picture of that shade behind a link."""
    listed = [{"url": link(request, entry)} if isinstance(entry, int) else entry for entry in entries]
    return json_reply({"data": listed})
