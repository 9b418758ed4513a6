"""marimo: notebooks that are Python files, and whose outputs with scripts stand in frames."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from conftest import skip_or_fail
from lab import browser_page, wait_until_it_accepts
from test_carousel_browser import button, position

pytestmark = pytest.mark.browser

NOTEBOOK = """
import marimo

app = marimo.App()

@app.cell
async def _():
    import marimo
    from seedream_magic import Seedream

    async for images in Seedream("demo").stream("a kite in marimo", images=2):
        marimo.output.replace(images)
    return (images,)

@app.cell
def _(images):
    images[1]
"""


@contextmanager
def running_marimo(notebook: Path) -> Iterator[str]:
    """The address of a notebook that is run as it is opened."""
    if importlib.util.find_spec("marimo") is None:
        skip_or_fail("marimo cannot be imported")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    options = ("--headless", "--no-token", "--port", port)
    command = [sys.executable, "-m", "marimo", "run", str(notebook), *options]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "MARIMO_SKIP_UPDATE_CHECK": "1"}
    server = subprocess.Popen(
        command, env=environment, cwd=notebook.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert server.stdout is not None
        with server.stdout as log:
            assert any("URL" in line for line in log), "marimo did not start"
            wait_until_it_accepts(int(port), "localhost")
            yield f"http://localhost:{port}"
    finally:
        server.terminate()
        server.wait(timeout=20)


def test_a_set_that_is_drawn_as_the_page_opens(opened: Browser, tmp_path: Path) -> None:
    """It is a carousel in its frame; a frame by itself is a labelled picture."""
    notebook = tmp_path / "kites.py"
    notebook.write_text(NOTEBOOK, encoding="utf-8")
    with running_marimo(notebook) as address, browser_page(opened, viewport={"width": 1100, "height": 1000}) as page:
        page.goto(address)
        alone = page.locator(".seedream-alone")
        alone.wait_for(timeout=60_000)
        expect(alone).to_contain_text("a kite in marimo")
        root = page.frame_locator("iframe").locator(".seedream-live")
        button(root, "Next frame").click()
        page.keyboard.press("ArrowRight")
        expect(position(root)).to_have_text("1 / 2")
        expect(root).to_contain_text("2 images, free (demo)")
