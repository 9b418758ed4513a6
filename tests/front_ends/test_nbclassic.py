"""nbclassic, the Notebook of before version 7: scripts run in the page's head, before their output is in the page."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from conftest import CELLS, skip_or_fail
from lab import Lab, signed_copy, written
from raw_server import RawServer
from served import KEY
from service import SlowService
from test_carousel_browser import button, position, without_failures

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def installed() -> None:
    """JupyterLab's server serves it beside its own pages."""
    if importlib.util.find_spec("nbclassic") is None:
        skip_or_fail("nbclassic cannot be imported")


def opened_notebook(page: Page, lab: Lab, path: str) -> None:
    """A notebook in its page, once a kernel takes cells."""
    page.goto(f"{lab.url}/nbclassic/notebooks/{path}")
    page.wait_for_function("window.Jupyter?.notebook?.kernel?.is_connected()")


def test_a_reopened_notebook_by_mouse_and_keyboard(lab: Lab, executed: Path) -> None:
    """Its sets are carousels with the originals; keys that a set does not use are the notebook's."""
    signed_copy(executed, lab, "classic")
    with lab.page(1100, 900) as page, without_failures(page):
        opened_notebook(page, lab, f"classic/{executed.name}")
        expect(page.locator(".seedream-live")).to_have_count(2)
        root, cells = page.locator(".seedream-several"), page.locator(".cell")
        button(root, "Next frame").click()
        page.keyboard.press("ArrowLeft")
        expect(position(root)).to_have_text("1 / 4")
        button(root, "Full size").click()
        expect(root.get_by_role("dialog").get_by_role("img")).to_have_js_property("naturalWidth", 2848)
        for key in ("d", "d", "b", "Escape"):
            page.keyboard.press(key)
        expect(cells).to_have_count(len(CELLS))
        cells.nth(1).locator(".input_prompt").click()
        page.keyboard.press("b")
        expect(cells).to_have_count(len(CELLS) + 1)


def test_a_set_that_grows(lab: Lab, slow: SlowService, slow_server: RawServer) -> None:
    """It is one carousel from its first picture to its last, and keeps the place and the focus of who looks at it."""
    folder = lab.folder / "classic-live"
    folder.mkdir()
    service = {"SEEDREAM_BASE_URL": f"{slow_server.url}/v1", "SEEDREAM_API_KEY": KEY}
    begin = f"import os\nos.environ |= {service!r}\n%load_ext seedream_magic"
    written(folder / "live.ipynb", (), [begin, "%%seedream -n 2\na classic kite"])
    with lab.page(1100, 900) as page, without_failures(page):
        opened_notebook(page, lab, "classic-live/live.ipynb")
        page.evaluate("Jupyter.notebook.execute_all_cells()")
        root = page.locator(".seedream-live")
        root.locator("figure img").wait_for()
        button(root, "Next frame").click()
        slow.release.set()
        expect(root.locator("figure img")).to_have_count(2)
        for part in (".seedream-live", ".seedream-thumbs"):
            expect(page.locator(part)).to_have_count(1)
        expect(position(root)).to_have_text("2 / 2")
        expect(button(root, "Next frame")).to_be_focused()
