"""The notebooks in a real JupyterLab: pictures land, are saved, come back, are redone and replayed."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect

from conftest import ROOT
from lab import Lab, open_notebook, run_all, running_jupyterlab, save, take_for_readme, visited, wait_for_kernel
from seedream_magic.images.stored_runs import find_record, load_whole, records

pytestmark = pytest.mark.browser

SET_CELL, CODE_CELLS = 2, 7
"""The quickstart's set of four stands in its third code cell."""
PACE = r"%env SEEDREAM_DEMO_DELAY=0.6\n"
"""Slow enough that the page shows each picture before the next one comes."""


SLOW_START = re.compile(r"^Plugin seedream-magic:\w+ .*to activate\.?$")
"""What JupyterLab itself says of any extension on a machine that is busy."""


def listened(page: Page) -> list[str]:
    """What goes wrong in the page from now on: errors of scripts, and of our own on the console."""
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if "seedream" in message.text.lower() and not SLOW_START.search(message.text):
            complaints.append(message.text)

    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", hear)
    return complaints


def output(page: Page, cell: int = SET_CELL) -> Locator:
    """The output of a code cell, counted from 0."""
    return page.locator(".jp-CodeCell").nth(cell).locator(".jp-OutputArea-output")


def carousel(page: Page) -> Locator:
    return output(page).get_by_role("region")


def test_the_quickstart_is_run_walked_through_saved_and_reopened(opened: Browser, lab: Lab) -> None:
    """Its pictures land one by one; the saved notebook is small and holds the set as plain HTML.

    Reopened below a path, as hubs serve it, it still leads to the originals.
    """
    folder = lab.folder / "quickstart"
    folder.mkdir()
    written = (ROOT / "notebooks" / "quickstart.ipynb").read_text("utf-8")
    (folder / "quickstart.ipynb").write_text(written.replace('"%load_ext', f'"{PACE}%load_ext', 1), "utf-8")
    with lab.page(940, 980) as page:
        complaints = listened(page)
        open_notebook(page, lab.url, "quickstart/quickstart.ipynb", awaits=".jp-CodeCell")
        page.locator(".jp-CodeCell").first.click()
        run_all(page)
        figures = carousel(page).locator("[aria-roledescription='slide']")
        figures.nth(0).locator("img").wait_for()
        assert figures.count() == 4
        assert figures.locator("img").count() < 4
        expect(figures.locator("img")).to_have_count(4, timeout=30_000)
        expect(output(page, CODE_CELLS - 1)).to_contain_text("Nothing was sent", timeout=60_000)
        carousel(page).get_by_role("button", name="Full size").click()
        expect(page.get_by_role("dialog").locator("img")).to_have_js_property("naturalWidth", 2848)
        page.keyboard.press("Escape")
        page.locator(".jp-MarkdownCell").first.click()
        page.mouse.move(0, 0)
        take_for_readme(page.locator(".jp-CodeCell").nth(SET_CELL), "carousel.png")
        save(page, folder / "quickstart.ipynb")
        assert complaints == []
    notebook = json.loads((folder / "quickstart.ipynb").read_text("utf-8"))
    outputs = [cell["outputs"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert set(outputs[SET_CELL][0]["data"]) == {"text/html", "image/jpeg", "text/plain"}
    assert not any("application/vnd.jupyter.widget-view+json" in str(output) for output in outputs)
    assert all(len(json.dumps(output)) < 1_000_000 for output in outputs)
    with (
        running_jupyterlab(lab.folder, lab.home, base="/user/ada/") as server,
        visited(opened, server) as other,
        other.page() as page,
    ):
        complaints = listened(page)
        open_notebook(page, other.url, "quickstart/quickstart.ipynb", awaits=".jp-CodeCell")
        wait_for_kernel(page)
        carousel(page).get_by_role("button", name="Next frame").click()
        page.keyboard.press("ArrowRight")
        expect(carousel(page).locator("[aria-live]").first).to_have_text("3 / 4")
        carousel(page).get_by_role("button", name="Full size").click()
        expect(page.get_by_role("dialog").locator("img")).to_have_js_property("naturalWidth", 2848)
        assert complaints == []


def test_a_storyboard_of_six_is_redone_and_replayed(lab: Lab) -> None:
    """Frame 3 is refused and its card says what to do; redone it stands with the five; run again, nothing is sent."""
    folder = lab.folder / "storyboard"
    folder.mkdir()
    shutil.copy(ROOT / "notebooks" / "picture-book-zh.ipynb", folder)
    board, redone, last = 1, 2, 11  # its code cells, counted from 0
    slides = "[aria-roledescription='slide']"
    with lab.page(940, 1500) as page:
        open_notebook(page, lab.url, "storyboard/picture-book-zh.ipynb", awaits=".jp-CodeCell")
        page.locator(".jp-CodeCell").first.click()
        run_all(page)
        expect(output(page, last).get_by_role("table")).to_be_visible(timeout=90_000)
        drawn = output(page, board).locator(slides)
        expect(drawn.locator("img")).to_have_count(5)
        expect(drawn.nth(2)).to_contain_text("OutputImageSensitiveContentDetected")
        expect(output(page, redone).locator(f"{slides} img")).to_have_count(6)
        expect(output(page, redone).locator(slides).nth(2)).to_contain_text("正午，狐狸来到湖边")
        output(page, redone).last.get_by_role("button", name="网格").click()
        take_for_readme(page.locator(".jp-CodeCell").nth(redone), "storyboard.png")
        store = folder / "seedream-runs"
        made = sorted(record.run_id for record in records(store))

        page.get_by_role("menuitem", name="Kernel", exact=True).click()
        page.get_by_role("menuitem", name="Restart Kernel and Run All Cells…", exact=True).click()
        page.locator(".jp-Dialog .jp-mod-accept").click()
        expect(output(page, last).get_by_role("table")).to_have_count(0)
        expect(output(page, last).get_by_role("table")).to_be_visible(timeout=90_000)
        expect(output(page, redone).last).to_contain_text("取自图库，未计费")
        expect(output(page, redone).locator(f"{slides} img")).to_have_count(6)

    assert sorted(record.run_id for record in records(store)) == made
    assert made[0] in {lineage.run_id for record in records(store) if (lineage := record.lineage)}
    assert len(load_whole(find_record(store, made[1])).ok) == 6
    assert {path.suffix for path in folder.iterdir() if path.is_file()} == {".ipynb", ".html", ".gif", ".zip", ".jpg"}
