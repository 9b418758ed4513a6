"""The first picture of six that come by events 0.4 s apart: from the service's own event to the page of JupyterLab."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from playwright.sync_api import Page, expect

from first_picture import GAP, IMAGES
from lab import browser, open_notebook, running_jupyterlab, visited, wait_for_kernel, written
from pictures import KEY, Service, served
from reopened import PROGRAMS
from table import TURNS, Row, in_turn

_WATCH = """at => { window.shown = new Promise((done) => {
    const look = () => {
        const image = document.querySelectorAll(".jp-CodeCell")[at].querySelector(".seedream-live figure img");
        const drawn = () => setTimeout(() => done(Date.now() / 1000));
        if (image?.complete && image.naturalWidth) requestAnimationFrame(drawn);
        else requestAnimationFrame(look);
    };
    look();
}); }"""
"""The moment after the frame that draws the first picture of a cell, in seconds since 1970."""


def _seconds_to_page(page: Page, service: Service, cells: Iterator[int]) -> float:
    at = next(cells)
    cell = page.locator(".jp-CodeCell").nth(at)
    page.evaluate(_WATCH, at)
    cell.locator(".jp-InputArea-editor").click()
    page.keyboard.press("Control+Enter")
    shown = float(page.evaluate("shown"))
    sent = service.event_times(IMAGES + 1)[0]
    expect(cell.locator(".seedream-facts")).to_contain_text(f"{IMAGES} images")
    return shown - sent


def rows() -> Iterator[Row]:
    """A cell a turn, as a person runs it; nothing where there is no Chromium."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        return
    folder, home = Path("notebooks").absolute(), Path("home").absolute()
    for made in (folder, home):
        made.mkdir()
    with served(side=2048, gap=GAP) as service, browser(program) as opened:
        setup = f"import os\nos.environ |= {{'SEEDREAM_API_KEY': '{KEY}', 'SEEDREAM_BASE_URL': '{service.url}'}}"
        drawn = [f"%%seedream -n {IMAGES}\nsix, number {number}" for number in range(TURNS + 1)]
        written(folder / "six.ipynb", (), [f"{setup}\n%load_ext seedream_magic\n%seedream use anyfast", *drawn])
        with running_jupyterlab(folder, home) as server, visited(opened, server) as lab, lab.page() as page:
            open_notebook(page, lab.url, "six.ipynb", awaits=".jp-CodeCell")
            wait_for_kernel(page)
            page.locator(".jp-CodeCell .jp-InputArea-editor").first.click()
            page.keyboard.press("Control+Enter")
            expect(page.locator(".jp-OutputArea-output").first).to_contain_text("anyfast")
            figures = in_turn({"ours": partial(_seconds_to_page, page, service, itertools.count(1))})
    took = figures.median()
    goal = f"on screen at most 0.1 s after its event; it is {took:.3f} s"
    limit = "In a profile it is on disk after 15 ms; 30 are its preview, which is made twice to fit, and 30 the page"
    name = f"first picture of {IMAGES} by events {GAP} s apart, in JupyterLab"
    yield Row(name, "s", figures.of, goal, took <= 0.1, limit)
