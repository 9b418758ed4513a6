"""IPython in a terminal: cells that are typed, a line that grows, numbered paths, and pictures where it shows them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from raw_server import RawServer
from served import KEY
from service import SlowService

pytest.importorskip("pexpect", reason="there are no pseudo-terminals")
from terminal import Terminal, running_terminal

pytestmark = pytest.mark.kernel


@pytest.fixture
def terminal(slow_server: RawServer, tmp_path: Path) -> Iterator[Terminal]:
    """IPython with the extension, pointed to the service."""
    environment = {"SEEDREAM_BASE_URL": f"{slow_server.url}/v1", "SEEDREAM_API_KEY": KEY}
    with running_terminal("IPython", "--no-banner", environment=environment, directory=tmp_path) as running:
        running.run("%load_ext seedream_magic")
        yield running


def test_a_cell_is_typed_and_its_set_told(terminal: Terminal, slow: SlowService, tmp_path: Path) -> None:
    """Enter goes to the next line; while it grows one line is written over; at its end each picture has a path."""
    terminal.type("%%seedream kites << -n 2", "a kite")
    terminal.wait("0 of 2 pictures, ")
    terminal.wait("1 of 2 pictures, ")
    slow.release.set()
    shown = terminal.wait_prompt()
    (folder,) = tmp_path.glob("seedream-runs/2*")
    told = shown[shown.rindex("2 images · ") :].splitlines()
    assert told[1:3] == [f"  {number}  {folder}/0{number}.jpg  64x48" for number in (1, 2)]
    assert told[3] == "2 images billed"
    assert "[2, 'done']" in terminal.run("[len(kites.ok), kites.state]")


def test_what_cannot_be_drawn_says_why(terminal: Terminal, slow_server: RawServer) -> None:
    """An empty prompt; the panel, which a terminal cannot show."""
    empty = terminal.run("%%seedream", "")
    assert "InvalidRequest: The prompt is empty: in a cell, write it below the %%seedream line." in empty
    assert "Traceback" not in empty
    panel = terminal.run("%seedream panel")
    assert "The panel needs a notebook" in panel
    assert "Traceback" not in panel
    assert slow_server.posts == 0


def test_one_ctrl_c_stops(terminal: Terminal, slow: SlowService, slow_server: RawServer) -> None:
    """What has come is kept and told, nothing is drawn any more, and the prompt takes the next cell."""
    terminal.type("%%seedream -n 2", "a kite")
    terminal.wait("1 of 2 pictures, ")
    terminal.interrupt()
    stopped = terminal.wait_prompt()
    assert "/01.jpg  64x48" in stopped
    assert "SeedreamInterrupted: Stopped after 1 of 2 pictures." in stopped
    assert "Traceback" not in stopped
    slow_server.wait_for(lambda seen: seen.open_connections == 0)
    assert "2 images billed" in terminal.run("%%seedream -n 2", "whole")


def test_a_set_in_the_background_is_shown_at_its_end(terminal: Terminal, slow: SlowService) -> None:
    """Above what a person types meanwhile: nothing is written over it."""
    assert "Drawing in the background" in terminal.run("%%seedream kites << --bg -n 2", "a kite")
    assert "'running'" in terminal.run("kites.state")
    terminal.child.send("6 *")
    slow.release.set()
    shown = terminal.wait("2 images billed")
    assert " of 2 pictures" not in shown
    assert "/02.jpg  64x48" in shown
    assert "42" in terminal.run(" 7")


@pytest.mark.parametrize(("answer", "pictures"), [("\x1b[?62;4;22c", 1), ("\x1b[?62;22c", 0)])
def test_a_picture_where_the_terminal_shows_any(
    slow_server: RawServer, slow: SlowService, tmp_path: Path, answer: str, pictures: int
) -> None:
    """One that says it has Sixels gets the set as a picture below the paths; another gets the paths alone."""
    pytest.importorskip("textual_image")
    slow.release.set()
    environment = {"SEEDREAM_BASE_URL": f"{slow_server.url}/v1", "SEEDREAM_API_KEY": KEY}
    start: dict[str, Any] = {"environment": environment, "directory": tmp_path, "answer": answer}
    # textual-image waits a tenth of a second for the terminal's answer: on a busy machine it may miss one.
    for turn in range(5):
        with running_terminal("IPython", "--no-banner", **start) as terminal:
            terminal.run("%load_ext seedream_magic")
            shown = terminal.run("%%seedream -n 2", f"a kite {turn}")
        if shown.count("\x1bP") == pictures:
            break
    assert shown.count("\x1bP") == pictures
    assert "/02.jpg  64x48" in shown.partition("\x1bP")[0]


def test_a_script_waits_for_the_background(slow_server: RawServer, slow: SlowService, tmp_path: Path) -> None:
    """`ipython script.ipy` ends with its last line: a set that is drawn in the background is waited for, and told."""
    slow.release.set()
    Path("script.ipy").write_text(
        "%load_ext seedream_magic\nget_ipython().run_cell_magic('seedream', '--bg -n 2', 'x')"
    )
    environment = {**os.environ, "SEEDREAM_BASE_URL": f"{slow_server.url}/v1", "SEEDREAM_API_KEY": KEY}
    command = [sys.executable, "-m", "IPython", "script.ipy"]
    said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    assert "--bg waited" in said
    assert "2 images billed" in said
