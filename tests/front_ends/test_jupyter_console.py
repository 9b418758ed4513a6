"""jupyter console: a kernel whose front end shows text, in the order it comes, and takes nothing back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from raw_server import RawServer
from served import KEY
from service import SlowService

pytest.importorskip("jupyter_console", reason="jupyter console is not installed")
pytest.importorskip("pexpect", reason="there are no pseudo-terminals")
from terminal import Terminal, running_terminal

pytestmark = pytest.mark.kernel

VIEWER = "--ZMQTerminalInteractiveShell."
"""It opens pictures in a window; here the program that is to do so does nothing."""


@pytest.fixture
def console(slow_server: RawServer, tmp_path: Path) -> Iterator[Terminal]:
    """The console with the extension, pointed to the service."""
    environment = {"SEEDREAM_BASE_URL": f"{slow_server.url}/v1", "SEEDREAM_API_KEY": KEY}
    options = (f"{VIEWER}image_handler=tempfile", f"{VIEWER}tempfile_image_handler=true")
    with running_terminal("jupyter_console", *options, environment=environment, directory=tmp_path) as running:
        running.run("%load_ext seedream_magic")
        yield running
        running.type("exit")
        running.child.wait()


def test_a_cell_is_typed_and_its_set_told(console: Terminal, slow: SlowService, slow_server: RawServer) -> None:
    """That it waits, then the whole set, though the console hears no updates. One Ctrl-C stops."""
    console.type("%%seedream kites << -n 2", "a kite")
    console.wait("0 of 2 images")
    slow.release.set()
    shown = console.wait_prompt()
    told = shown[shown.rindex("2 images · ") :]
    assert all(f"/0{number}.jpg  64x48" in told for number in (1, 2))
    assert "2 images billed" in told
    assert "'done'" in console.run("kites.state")
    empty = console.run("%%seedream", "")
    assert "InvalidRequest: The prompt is empty: in a cell, write it below the %%seedream line." in empty
    slow.release.clear()
    console.type("%%seedream -n 2", "another kite")
    console.wait("0 of 2 images")
    slow_server.wait_for(lambda seen: seen.posts == 2)
    console.interrupt()
    stopped = console.wait_prompt()
    assert "SeedreamInterrupted: Stopped after " in stopped
    assert "Traceback" not in stopped


def test_a_set_in_the_background_is_told_with_a_later_cell(console: Terminal, slow: SlowService) -> None:
    """The prompt is there at once; the console shows what comes between two cells with the next one."""
    console.run("%%seedream kites << --bg -n 2", "a kite")
    assert "'running'" in console.run("kites.state")
    slow.release.set()
    shown = ""
    while "2 images billed" not in shown:
        shown = console.run("kites.state")
    assert "/02.jpg  64x48" in shown
