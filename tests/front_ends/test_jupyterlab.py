"""JupyterLab: notebooks whose cells leave the page while they are out of sight, and servers without https.

What else holds there is in test_lab.py and test_carousel_browser.py.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from lab import Lab, open_notebook, setting, wait_for_kernel, written
from raw_server import RawServer
from served import KEY
from service import SlowService
from test_dead_kernel import LATER

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

SCROLL = "(panel, top) => panel.scrollTop = top < 0 ? panel.scrollHeight : top"


def scroll(page: Page, top: int) -> None:
    """So many pixels from the top of the notebook; -1 is its end. The active cell would not leave the page."""
    page.locator(".jp-CodeCell .cm-content").first.click()
    page.locator(".jp-WindowedPanel-outer").evaluate(SCROLL, top)


def test_a_set_that_is_scrolled_away_comes_back_as_it_was(lab: Lab, slow: SlowService, slow_server: RawServer) -> None:
    """Frame, view and clock, while it grows and once it has ended out of sight. Of forty cells a page has a few."""
    folder = lab.folder / "forty"
    folder.mkdir()
    service = {"SEEDREAM_BASE_URL": f"{slow_server.url}/v1", "SEEDREAM_API_KEY": KEY}
    begin = f"import os\nos.environ |= {service!r}\n%load_ext seedream_magic"
    others = ["\n".join(f"line = {number}" for number in range(20))] * 38
    written(folder / "forty.ipynb", (), [begin, "%%seedream -n 2\nforty kites", *others])
    tracker = "@jupyterlab/notebook-extension/tracker"
    with setting(lab.home, tracker, windowingMode="full"), lab.page(1000, 900) as page:
        page.add_init_script(LATER.format(seconds=0))
        open_notebook(page, lab.url, "forty/forty.ipynb", awaits=".cm-content")
        wait_for_kernel(page)
        page.locator(".cm-content").first.click()
        page.keyboard.press("Shift+Enter")
        page.keyboard.press("Control+Enter")
        root = page.locator(".seedream-live")
        position, clock = (
            root.locator("> .seedream-bar .seedream-position"),
            root.locator(".seedream-facts .seedream-elapsed"),
        )
        expect(root.locator("figure img")).to_have_count(1)
        root.get_by_role("button", name="Next frame").click()
        root.get_by_role("button", name="Grid").click()
        scroll(page, -1)
        expect(root).to_be_hidden()
        page.evaluate("window.later += 100")
        scroll(page, 0)
        expect(position).to_have_text("2 / 2")
        expect(root).to_have_attribute("data-view", "grid")
        expect(clock).to_have_text(re.compile(r"^ · 1\d\d s$"))
        scroll(page, -1)
        expect(root).to_be_hidden()
        slow.release.set()
        wait_for_kernel(page)
        scroll(page, 0)
        expect(root.locator("figure img")).to_have_count(2)
        expect(root).to_have_attribute("data-view", "grid")
        expect(position).to_have_text("2 / 2")
        expect(root.locator(".seedream-thumbs")).to_have_count(1)
        root.get_by_role("button", name="Grid").click()
        root.get_by_role("button", name="Next frame").click()
        expect(position).to_have_text("1 / 2")
