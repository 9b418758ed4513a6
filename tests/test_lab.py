"""The quickstart in a real JupyterLab: pictures land, are moved through, are saved, come back, survive distrust."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from conftest import ROOT
from lab import Lab, open_notebook, running_jupyterlab, take_for_readme, visited, wait_for_kernel

pytestmark = pytest.mark.browser

SET_CELL, CODE_CELLS = 2, 7
"""The quickstart's set of four stands in its third code cell."""


@dataclass(frozen=True)
class Saved:
    """The notebook as a person left it, and what the browser complained of meanwhile."""

    notebook: Path
    complaints: tuple[str, ...]


def listened(page: Page) -> list[str]:
    """What goes wrong in the page from now on: errors of scripts, and of our own on the console."""
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if "seedream" in message.text.lower() else None)
    return complaints


def output(page: Page, cell: int = SET_CELL) -> Locator:
    """The output of a code cell, counted from 0."""
    return page.locator(".jp-CodeCell").nth(cell).locator(".jp-OutputArea-output")


def carousel(page: Page) -> Locator:
    return output(page).get_by_role("region")


@pytest.fixture(scope="module")
def saved(lab: Lab) -> Saved:
    """The quickstart opened, run from top to bottom, walked through, and saved."""
    folder = lab.folder / "quickstart"
    folder.mkdir()
    shutil.copy(ROOT / "notebooks" / "quickstart.ipynb", folder)
    with lab.page(940, 980) as page:
        complaints = listened(page)
        open_notebook(page, lab.url, "quickstart/quickstart.ipynb", awaits=".jp-CodeCell")
        page.locator(".jp-CodeCell").first.click()
        run_everything(page)
        see_frames_land(page)
        walk_through(page)
        picture_for_readme(page)
        save(page, folder / "quickstart.ipynb")
        return Saved(folder / "quickstart.ipynb", tuple(complaints))


@pytest.fixture(scope="module")
def another_day(opened: Browser, lab: Lab, saved: Saved) -> Iterator[Lab]:
    """A new JupyterLab and a new browser of the same person, after the notebook was saved."""
    assert saved.notebook.exists()
    with running_jupyterlab(lab.folder, lab.home) as server, visited(opened, server) as person:
        yield person


def run_everything(page: Page) -> None:
    wait_for_kernel(page)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


def see_frames_land(page: Page) -> None:
    """The first picture is there while others are still waited for; then all four are."""
    figures = carousel(page).locator("[aria-roledescription='slide']")
    figures.nth(0).locator("img").wait_for()
    assert figures.count() == 4
    assert figures.locator("img").count() < 4
    expect(figures.locator("img")).to_have_count(4, timeout=30_000)
    expect(output(page, CODE_CELLS - 1)).to_contain_text("Nothing was sent", timeout=60_000)


def walk_through(page: Page) -> None:
    """Buttons, arrow keys, Home and End, thumbnails, full size and back."""
    shown = carousel(page)
    position = shown.locator("[aria-live]").first
    shown.get_by_role("button", name="Next frame").click()
    expect(position).to_have_text("2 / 4")
    page.keyboard.press("ArrowRight")
    expect(position).to_have_text("3 / 4")
    page.keyboard.press("End")
    expect(position).to_have_text("4 / 4")
    page.keyboard.press("Home")
    expect(position).to_have_text("1 / 4")
    shown.get_by_role("button", name="Frame 3").click()
    expect(position).to_have_text("3 / 4")
    shown.get_by_role("button", name="Full size").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    expect(dialog.locator("img")).to_have_js_property("naturalWidth", 2848)
    page.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()
    expect(shown.get_by_role("button", name="Full size")).to_be_focused()


def picture_for_readme(page: Page) -> None:
    """The set as README shows it."""
    page.locator(".jp-MarkdownCell").first.click()
    page.mouse.move(0, 0)
    take_for_readme(page.locator(".jp-CodeCell").nth(SET_CELL), "carousel.png")


def save(page: Page, notebook: Path) -> None:
    with page.expect_response(lambda answer: answer.request.method == "PUT" and notebook.name in answer.url):
        page.keyboard.press("Control+s")


def test_the_quickstart_runs_and_is_walked_through(saved: Saved) -> None:
    """Nothing went wrong in the page, and the saved notebook is small and holds the set as plain HTML."""
    notebook = json.loads(saved.notebook.read_text("utf-8"))
    outputs = [cell["outputs"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert saved.complaints == ()
    assert set(outputs[SET_CELL][0]["data"]) == {"text/html", "image/jpeg", "text/plain"}
    assert not any("application/vnd.jupyter.widget-view+json" in str(output) for output in outputs)
    assert all(len(json.dumps(output)) < 1_000_000 for output in outputs)


def test_reopened_it_is_there_and_works(another_day: Lab) -> None:
    """In a new JupyterLab and a new browser, before any cell ran, the carousel moves by button and key."""
    with another_day.page() as page:
        complaints = listened(page)
        open_notebook(page, another_day.url, "quickstart/quickstart.ipynb", awaits=".jp-CodeCell")
        wait_for_kernel(page)
        shown = carousel(page)
        shown.get_by_role("button", name="Next frame").click()
        page.keyboard.press("ArrowRight")
        expect(shown.locator("[aria-live]").first).to_have_text("3 / 4")
        assert complaints == []


def test_untrusted_it_is_labelled_pictures(another_day: Lab, saved: Saved) -> None:
    """A copy that nobody signed shows four labelled pictures, no button, no code, no empty box."""
    notebook = json.loads(saved.notebook.read_text("utf-8"))
    notebook["cells"][0]["source"] = "# Somebody else's"
    saved.notebook.with_name("untrusted.ipynb").write_text(json.dumps(notebook), "utf-8")
    with another_day.page() as page:
        complaints = listened(page)
        open_notebook(page, another_day.url, "quickstart/untrusted.ipynb", awaits=".jp-CodeCell")
        wait_for_kernel(page)
        shown = output(page)
        expect(shown.locator("img")).to_have_count(4)
        for number in range(1, 5):
            expect(shown.get_by_text(f"{number} / 4", exact=False).first).to_be_visible()
        assert shown.get_by_role("button").count() == 0
        assert "function" not in shown.inner_text()
        assert all(image.get_attribute("alt") for image in shown.locator("img").all())
        assert complaints == []
