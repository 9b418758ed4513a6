"""The storyboard notebook in a real JupyterLab: six frames, one refused and redone, exported; then all of it again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from lab import Lab, open_notebook, run_all, take_for_readme
from seedream_magic.images.store import find_record, load_whole, records

pytestmark = pytest.mark.browser
NOTEBOOK = Path(__file__).resolve().parent.parent / "notebooks" / "storyboard.ipynb"
BOARD, REDONE, LAST = 1, 2, 6
"""Code cells, counted from 0."""


def output(page: Page, cell: int) -> Locator:
    return page.locator(".jp-CodeCell").nth(cell).locator(".jp-OutputArea-output")


def finished(page: Page) -> None:
    """The last cell has shown its table: all before it has ended well."""
    expect(output(page, LAST).get_by_role("table")).to_be_visible(timeout=90_000)


def test_six_frames_one_redone_and_replayed(lab: Lab) -> None:
    """Frame 3 is refused and its card says what to do; redone it stands with the five; run again, nothing is sent."""
    folder = lab.folder / "storyboard"
    folder.mkdir()
    shutil.copy(NOTEBOOK, folder)
    with lab.page(940, 1500) as page:
        open_notebook(page, lab.url, f"storyboard/{NOTEBOOK.name}", awaits=".jp-CodeCell")
        page.locator(".jp-CodeCell").first.click()
        run_all(page)
        finished(page)
        board = output(page, BOARD).locator("[aria-roledescription='slide']")
        expect(board.locator("img")).to_have_count(5)
        expect(board.nth(2)).to_contain_text("OutputImageSensitiveContentDetected")
        redone = output(page, REDONE).locator("[aria-roledescription='slide']")
        expect(redone.locator("img")).to_have_count(6)
        expect(redone.nth(2)).to_contain_text("正午，狐狸来到湖边")
        output(page, REDONE).last.get_by_role("button", name="宫格").click()
        take_for_readme(page.locator(".jp-CodeCell").nth(REDONE), "storyboard.png")
        made = sorted(record.run_id for record in records(folder / "seedream-runs"))

        page.get_by_role("menuitem", name="Kernel", exact=True).click()
        page.get_by_role("menuitem", name="Restart Kernel and Run All Cells…", exact=True).click()
        page.locator(".jp-Dialog .jp-mod-accept").click()
        expect(output(page, LAST).get_by_role("table")).to_have_count(0)
        finished(page)
        expect(output(page, REDONE).last).to_contain_text("取自本地（replayed），未计费")
        expect(output(page, REDONE).locator("[aria-roledescription='slide'] img")).to_have_count(6)

    store = folder / "seedream-runs"
    assert sorted(record.run_id for record in records(store)) == made
    parents = {lineage.run_id for record in records(store) if (lineage := record.lineage)}
    (board_run, redo_run) = made[:2]
    assert board_run in parents
    assert len(load_whole(find_record(store, redo_run)).ok) == 6
    assert {path.suffix for path in folder.iterdir() if path.is_file()} == {".ipynb", ".html", ".gif", ".zip", ".jpg"}
