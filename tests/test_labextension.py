"""The front-end extension in a real JupyterLab and Notebook 7: what a person does with a picture, and who may not."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page

from lab import Lab, open_notebook, run_all, written

pytestmark = pytest.mark.browser

DEMO = "%load_ext seedream_magic\n%seedream use demo"


def cell(page: Page, index: int) -> Locator:
    return page.locator(".jp-CodeCell").nth(index)


def carousel(page: Page, index: int) -> Locator:
    """The set below a code cell."""
    return cell(page, index).get_by_role("region")


def source(page: Page, index: int) -> str:
    return "\n".join(cell(page, index).locator(".cm-line").all_inner_texts())


def test_redo_is_a_cell_below(lab: Lab) -> None:
    """A click on Redo inserts the cell that draws the frame anew, and runs it."""
    (lab.folder / "redo").mkdir()
    written(lab.folder / "redo" / "book.ipynb", [{}, {}], [DEMO, "%%seedream -n 2 -s 2K\na fox in the snow, redo"])
    with lab.page() as page:
        open_notebook(page, lab.url, "redo/book.ipynb", awaits=".jp-CodeCell")
        run_all(page)
        carousel(page, 1).get_by_role("button", name="Redo ·").click()
        carousel(page, 2).wait_for()
        assert source(page, 2).endswith(".redo(0, take=1)")
