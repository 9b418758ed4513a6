"""Notebook 7, which has JupyterLab's outputs and keys of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from conftest import CELLS
from lab import Lab, signed_copy
from test_carousel_browser import button, position, without_failures

pytestmark = pytest.mark.browser


def test_a_reopened_notebook_by_mouse_and_keyboard(lab: Lab, executed: Path) -> None:
    """Its sets are carousels; the notebook's own keys work outside of them, and nowhere else."""
    signed_copy(executed, lab, "seven")
    with lab.page(1100, 900) as page, without_failures(page):
        page.goto(f"{lab.url}/notebooks/seven/{executed.name}")
        page.locator(".seedream-live").first.wait_for()
        expect(page.locator(".seedream-live")).to_have_count(2)
        root, cells = page.locator(".seedream-several"), page.locator(".jp-Cell")
        expect(cells).to_have_count(len(CELLS))
        button(root, "Frame 2").click()
        root.locator(".seedream-current img").click()
        expect(root.get_by_role("dialog").get_by_role("img")).to_have_js_property("naturalWidth", 2848)
        for key in ("d", "d", "b", "1", "Escape"):  # the first three are the notebook's: a modal keeps them from it
            page.keyboard.press(key)
        button(root, "Next frame").focus()
        for key in ("ArrowDown", "+", "Delete"):
            page.keyboard.press(key)
        expect(cells).to_have_count(len(CELLS))
        cells.nth(1).locator(".jp-InputPrompt").click()
        page.keyboard.press("b")
        expect(cells).to_have_count(len(CELLS) + 1)
        expect(position(root)).to_have_text("2 / 4")
