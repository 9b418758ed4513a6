"""The panel in a real JupyterLab, by mouse and by keyboard: what a person does, sees, and what the page holds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from lab import Lab, choose, open_notebook, save, take_for_readme, theme, wait_for_kernel, written
from service import jpeg

pytestmark = pytest.mark.browser
expect.set_options(timeout=20_000)  # the demo draws on the same two cores as the browser

KEY = "sk-CANARY-3f9c2b71"
SETUP = f"""%load_ext seedream_magic
import os
os.environ["SEEDREAM_API_KEY"] = "{KEY}"
%config SeedreamMagics.provider = "demo"
from seedream_magic import Panel, Seedream
from seedream_magic.demo import server
_ = server.start(delay=5)"""
FASTER = "_ = server.start(delay=1)\n6 * 7"
"""The first run stands still long enough to be stopped after its first picture, however busy the machine is."""
PANEL, OTHER_PANEL = "%seedream panel", "other = Panel(client=Seedream('demo'))\nother"
CELLS = (SETUP, PANEL, FASTER, "", PANEL, OTHER_PANEL, PANEL, PANEL, "")
DRAWING, COPIED, KEYS, NARROW, INSERTING = 1, 3, 4, 6, 7
"""The cells where the tests are at work."""


@pytest.fixture(scope="module")
def notebook(lab: Lab) -> Path:
    """A notebook with the cells, which have not run."""
    (lab.folder / "panel").mkdir()
    return written(lab.folder / "panel" / "panel.ipynb", (), CELLS)


@pytest.fixture(scope="module")
def page(lab: Lab, notebook: Path) -> Iterator[Page]:
    """It in JupyterLab, which saves the state of the widgets with it; its first cell has run; no script may fail."""
    choose(lab.home, "@jupyter-widgets/jupyterlab-manager/plugin", saveState=True)
    complaints: list[str] = []
    with theme(lab.home, "JupyterLab Dark"), lab.page(1000, 1400) as page:
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        open_notebook(page, lab.url, "panel/panel.ipynb", awaits=".jp-CodeCell")
        wait_for_kernel(page)
        run_cell(page, 0)
        yield page
    assert complaints == []


def panel_of(page: Page, at: int) -> Locator:
    """Run a cell that shows a panel; the panel."""
    run_cell(page, at)
    panel = cell(page, at).locator(".seedream-panel")
    panel.wait_for()
    return panel


def cell(page: Page, at: int) -> Locator:
    return page.locator(".jp-CodeCell").nth(at)


def run_cell(page: Page, at: int) -> None:
    cell(page, at).locator(".jp-InputArea-editor").click()
    page.keyboard.press("Control+Enter")


def button(panel: Locator, name: str) -> Locator:
    """The button of that name; the one that draws says what it costs in its own."""
    if name == "Generate":
        return panel.locator(".seedream-panel-generate")
    return panel.get_by_role("button", name=name, exact=True)


def test_a_person_draws_with_the_panel(page: Page, notebook: Path) -> None:
    """Fill, generate, watch while a cell runs, stop, generate anew, copy as cell, run that cell, redo a frame, save."""
    panel = panel_of(page, DRAWING)
    panel.get_by_label("Prompt").fill("a mountain village in spring, watercolour")
    panel.get_by_label("Images").select_option("4")
    panel.get_by_label("16:9", exact=True).check()
    expect(panel).to_contain_text("2848 × 1600 · 4 pictures · streamed · demo")
    expect(button(panel, "Generate")).to_have_text("Draw 4 · free")
    button(panel, "Generate").click()
    expect(panel).to_contain_text("1 of 4")
    run_cell(page, 2)
    expect(cell(page, 2).locator(".jp-OutputArea-output")).to_have_text("42")
    assert "4 of 4" not in panel.inner_text()
    button(panel, "Stop").click()
    expect(panel).to_contain_text("stopped · ")
    button(panel, "Generate").click()
    expect(panel).to_contain_text(re.compile("4 of 4 · [1-3] images?, free"))
    expect(cell(page, DRAWING).locator("[aria-roledescription='slide'] img")).to_have_count(4)
    button(panel, "Copy as cell").click()
    copied = "%%seedream -n 4 -s 2848x1600\na mountain village in spring, watercolour"
    expect(panel.get_by_label("Cell")).to_have_value(copied)
    expect(panel.get_by_text("Copied.")).to_be_visible()
    cell(page, COPIED).locator(".jp-InputArea-editor").click()
    page.keyboard.press("Control+v")
    run_cell(page, COPIED)
    expect(cell(page, COPIED).locator(".seedream-facts")).to_contain_text("replayed")
    panel.get_by_label("Images").select_option("1")
    button(panel, "Generate").click()
    expect(panel).to_contain_text("1 of 1 · 1 image, free (demo)")
    button(panel, "Redo").click()
    expect(button(panel, "Redo")).to_be_disabled()
    expect(panel).to_contain_text("frame 1 · 1 of 1 · 1 image, free (demo)")
    expect(cell(page, DRAWING).locator(".seedream-facts")).to_contain_text("1 image, free (demo)")
    take_for_readme(cell(page, DRAWING), "panel.png")
    save(page, notebook)
    document = json.loads(notebook.read_text("utf-8"))
    state = json.dumps(document["metadata"]["widgets"], ensure_ascii=False)
    assert "a mountain village in spring" in state
    assert not re.search(r"X-Tos|Signature|http://127|" + KEY, state)
    assert len(state) < 120_000
    view, shown = document["cells"][DRAWING]["outputs"]
    assert "Run this cell to go on" in "".join(view["data"]["text/plain"])
    assert set(shown["data"]) == {"text/html", "text/plain", "image/jpeg"}


def test_two_panels_by_keyboard_alone(page: Page) -> None:
    """Tab leads through every control in the order of the page; Ctrl+Enter draws; the other panel draws meanwhile."""
    panel, other = panel_of(page, KEYS), panel_of(page, KEYS + 1)
    other.get_by_label("Prompt").focus()
    page.keyboard.type("a lake\n---\nby day\n---\nby night")
    page.keyboard.press("Control+Enter")
    panel.get_by_label("Prompt").focus()
    page.keyboard.type("a village")
    walk = ["Prompt", "Add pictures (0)", "Reference", "Add frame", "1:1", "2K", "Images"]
    assert walked(page, 7) == walk  # a choice of shapes is one stop
    page.keyboard.press("ArrowDown")
    expect(panel).to_contain_text("2 pictures · streamed")
    assert walked(page, 3) == ["Images", "Model", "Options"]
    page.keyboard.press("Space")
    expect(panel.get_by_label("Stream")).to_be_visible()
    assert walked(page, 6) == ["Options", "Draw 2 · free", "Other size", "Model id", "Watermark", "Stream"]
    page.keyboard.press("Space")
    expect(panel.get_by_text("2 pictures · demo")).to_be_visible()
    button(panel, "Generate").focus()
    page.keyboard.press("Enter")
    expect(panel).to_contain_text("2 of 2 · 2 images, free (demo)")
    expect(other).to_contain_text("2 of 2 · 2 images, free (demo)")
    expect(cell(page, KEYS + 1).locator("[aria-roledescription='slide'] img")).to_have_count(2)
    expect(other).to_contain_text("In the library")  # it drew what the form says, to the last key before the click


def test_sizes_are_compared_below_the_panel(page: Page) -> None:
    """By keyboard: what may be drawn is told for all, the grid fills below, and a cell opens its set."""
    panel = cell(page, KEYS).locator(".seedream-panel")
    boxes = panel.locator(".widget-checkbox")
    panel.get_by_label("Prompt").fill("a {red|blue} gate")
    panel.get_by_label("Compare", exact=True).focus()
    page.keyboard.press("Space")
    expect(boxes.get_by_label("2K", exact=True)).to_be_visible()
    page.keyboard.press("Tab")
    expect(boxes.get_by_label("2K", exact=True)).to_be_focused()
    page.keyboard.press("Space")
    expect(boxes.get_by_label("2K", exact=True)).to_be_checked()
    expect(panel).to_contain_text("choose at least two to compare")
    assert walked(page, 3) == ["2K", "4K", "1:1"]
    boxes.get_by_label("4K", exact=True).check()
    expect(panel).to_contain_text("Compares words, size: 2 × 2 = 4 runs.4 runs: 4 to send.")
    panel.get_by_label("Prompt").focus()
    page.keyboard.press("Control+Enter")
    expect(panel).to_contain_text("4 of 4 runs")
    grid = cell(page, KEYS).locator(".seedream-grid-live")
    expect(grid.get_by_role("columnheader")).to_have_text(["2K", "4K"])
    grid.get_by_role("button", name="red, 2K, 2 images").click()
    expect(grid.get_by_role("dialog").get_by_role("region", name="a red gate")).to_be_visible()
    page.keyboard.press("Escape")


def walked(page: Page, steps: int = 8) -> list[str]:
    """The names of the control that has the focus and of those that follow, by Tab."""
    names = []
    for step in range(steps):
        if step:
            page.keyboard.press("Tab")
        names.append(
            page.evaluate(
                "(({labels, innerText}) => labels?.length ? labels[labels.length - 1].innerText : innerText)"
                "(document.activeElement)"
            ).strip()
        )
    return names


STORYBOARD = """水彩，"留白"较多 (柔和
---
  春 [山村 {'花'
    indented
---
夏: f(x"""


def test_the_cell_is_inserted_below(page: Page) -> None:
    """By mouse and by keyboard it stands directly below the panel, to the letter, ready to run; others stay as they
    are. It draws what the panel would. A view of the output alone has no cell below: there it is copied.
    """
    panel = panel_of(page, INSERTING)
    panel.get_by_label("Prompt").fill(STORYBOARD)
    button(panel, "Copy as cell").click()
    text = f"%%seedream --raw\n{STORYBOARD}"
    expect(panel.get_by_label("Cell")).to_have_value(text)
    button(panel, "Insert below").dblclick()
    expect(panel.get_by_text("Inserted.")).to_be_visible()
    assert sources(page, INSERTING) == [PANEL, text, ""]
    page.keyboard.press("Control+Enter")
    expect(cell(page, INSERTING + 1).locator(".seedream-facts")).to_contain_text("2 张，免费（演示）")
    button(panel, "Generate").click()
    expect(panel.get_by_label("From frame")).to_be_visible()
    panel.get_by_label("From frame").press("ArrowUp")
    panel.get_by_label("New words").fill("at night")
    button(panel, "More").click()
    button(panel, "Copy vary").click()
    expect(panel.get_by_label("Cell")).to_have_value(re.compile(r'\[1\]\.vary\("at night"\)$'))
    vary = panel.get_by_label("Cell").input_value()
    button(panel, "Insert below").press("Enter")
    expect(panel.get_by_text("Inserted.")).to_be_visible()
    expect(cell(page, INSERTING + 1)).to_be_in_viewport()
    button(panel, "Generate").click(button="right")
    page.get_by_role("menuitem", name="Create New View for Cell Output").click()
    beside = page.locator(".jp-LinkedOutputView .seedream-panel")
    page.evaluate("navigator.clipboard.writeText('')")
    button(beside, "Insert below").click()
    expect(beside.get_by_text("Copied: paste it into a new cell.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == vary
    page.locator(".lm-TabBar-tab", has_text="Output View").locator(".lm-TabBar-tabCloseIcon").click()
    expect(beside).to_have_count(0)
    assert sources(page, INSERTING) == [PANEL, vary, text, ""]


def sources(page: Page, start: int) -> list[str]:
    """The texts of the notebook's cells from one on."""
    editors = page.locator(".jp-CodeCell .jp-InputArea-editor .cm-content")
    texts: list[str] = editors.evaluate_all(
        "all => all.map(one => (one.cmTile ?? one.cmView).view.state.doc.toString())"
    )
    return texts[start:]


def test_it_fits_a_narrow_column(page: Page) -> None:
    """With frames, a message and a long Chinese text nothing is cut off; a field is read before anything is drawn."""
    panel = panel_of(page, NARROW)
    page.set_viewport_size({"width": 460, "height": 1300})
    panel.get_by_label("Prompt").fill("山村的春夏秋冬，同一个视角，柔和的水彩，留白较多，远山如黛，近水含烟" * 3)
    button(panel, "Add frame").click()
    button(panel, "Add frame").click()
    panel.get_by_label("Frame 2", exact=True).fill("夏日的山村，绿荫满地")
    panel.get_by_label("Reference", exact=True).fill("nothing.png")
    page.keyboard.press("Enter")
    expect(panel).to_contain_text("There is no file nothing.png")
    expect(panel).to_contain_text("Frame 1 is empty: write what it shows")
    with page.expect_file_chooser() as chooser:
        panel.get_by_role("button", name="Add pictures").click()
    chooser.value.set_files({"name": "a b.jpg", "mimeType": "image/jpeg", "buffer": jpeg()})
    expect(panel.get_by_alt_text("Reference 1: a b.jpg")).to_be_visible()
    expect(panel).to_contain_text("References and pictures: 3 of 15")
    sides = "nodes => nodes.map(one => one.getBoundingClientRect()).map(({left, right}) => [left, right])"
    ((left, right),) = panel.evaluate_all(sides)
    controls = panel.locator("button, input, select, textarea").locator("visible=true").evaluate_all(sides)
    assert all(left - 1 <= start <= end <= right + 1 for start, end in controls)
    panel.get_by_label("Frame 1", exact=True).fill("春")
    panel.get_by_label("Reference", exact=True).fill("other.png")
    page.keyboard.press("Control+Enter")
    expect(panel).to_contain_text("There is no file other.png")
    expect(panel.get_by_role("alert").filter(has_text="A reference cannot be read")).to_have_count(1)
    expect(panel.get_by_label("Reference", exact=True)).to_be_focused()
    for sign in ("Remove frame 2", "Move frame 1 down", "Remove reference 1: a b.jpg"):
        expect(button(panel, sign)).to_be_visible()
    options = button(panel, "Options")
    for expanded in ("false", "true"):
        expect(options).to_have_attribute("aria-expanded", expanded)
        options.click()


def test_an_upload_that_never_comes_is_not_paid_without(page: Page) -> None:
    """The notebook's server closes the connection at a message that is too large; the page has told of the file."""
    last = page.locator(".jp-CodeCell").last
    last.locator(".jp-InputArea-editor").click()
    page.keyboard.type(PANEL)
    page.keyboard.press("Control+Enter")
    panel = last.locator(".seedream-panel")
    panel.get_by_label("Prompt").fill("a fox")
    for name, size in (("small.jpg", 0), ("large.jpg", 12_000_000)):
        with page.expect_file_chooser() as chooser:
            panel.get_by_role("button", name="Add pictures").click()
        chooser.value.set_files({"name": name, "mimeType": "image/jpeg", "buffer": jpeg() + bytes(size)})
        if not size:
            expect(panel.get_by_alt_text("Reference 1: small.jpg")).to_be_visible()
            expect(panel).not_to_contain_text("Cannot be sent")
    expect(panel).to_contain_text("large.jpg: 12.0 MB, not here yet.")
    expect(panel).to_contain_text("Cannot be sent: An upload is not here yet")
    button(panel, "Generate").click()
    assert panel.inner_text().count("An upload is not here yet") == 1
    button(panel, "Leave out").click()
    expect(button(panel, "Leave out")).to_be_hidden()  # then the click before it has been refused
    button(panel, "Generate").click()
    expect(panel).to_contain_text("1 of 1 · 1 image, free (demo)")
