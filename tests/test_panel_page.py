"""The panel with its page in a real JupyterLab: pictures that are dropped, the frame that shows, a key, a restart."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from lab import Lab, choose, open_notebook, save, trust, wait_for_kernel, written
from service import jpeg
from test_panel_browser import button, cell, panel_of, run_cell, sources

pytestmark = pytest.mark.browser

KEY = "sk-CANARY-41b7d0aa"
SETUP = """%load_ext seedream_magic
%config SeedreamMagics.provider = "demo"
from seedream_magic import Panel, Seedream"""
WITHOUT_KEY = "unset = Panel(client=Seedream('byteplus'))\nunset"
ASK = "print(unset.client.key().reveal()[-8:])"
CELLS = (SETUP, "%seedream panel", WITHOUT_KEY, ASK)
DRAWING, KEYLESS, ASKING = 1, 2, 3

DROP = """(panel, [kind, data]) => {
  const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], `${kind}.jpg`, { type: "image/jpeg" }));
  const event = kind === "paste"
    ? new ClipboardEvent(kind, { clipboardData: transfer, bubbles: true, cancelable: true })
    : new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true });
  panel.querySelector("textarea").dispatchEvent(event);
}"""


@pytest.fixture(scope="module")
def notebook(lab: Lab) -> Path:
    """A notebook with the cells, which have not run."""
    (lab.folder / "page").mkdir()
    return written(lab.folder / "page" / "page.ipynb", (), CELLS)


@pytest.fixture(scope="module")
def page(lab: Lab, notebook: Path) -> Iterator[Page]:
    """It in JupyterLab, which keeps no state of widgets unless told to; its first cell has run."""
    choose(lab.home, "@jupyter-widgets/jupyterlab-manager/plugin", saveState=True)
    with lab.page(1000, 1200) as page:
        open_notebook(page, lab.url, "page/page.ipynb", awaits=".jp-CodeCell")
        wait_for_kernel(page)
        run_cell(page, 0)
        yield page
    choose(lab.home, "@jupyter-widgets/jupyterlab-manager/plugin", saveState=False)


def test_dropped_and_pasted_pictures_become_references(page: Page) -> None:
    """Each is a tile, in the order in which they came; a frame that is added has the focus."""
    panel = panel_of(page, DRAWING)
    for number, kind in enumerate(("drop", "paste"), start=1):
        panel.evaluate(DROP, [kind, base64.b64encode(jpeg(number)).decode()])
        expect(panel.get_by_alt_text(f"Reference {number}: {kind}.jpg")).to_be_visible()
    panel.get_by_label("Prompt").fill("flat colours")
    button(panel, "Add frame").click()
    expect(panel.get_by_label("Frame 1", exact=True)).to_be_focused()


def test_the_frame_buttons_act_on_the_frame_that_shows(page: Page) -> None:
    """The number follows the carousel, by its buttons and its thumbnails."""
    panel, drawn = cell(page, DRAWING).locator(".seedream-panel"), cell(page, DRAWING)
    for number, words in enumerate(("a lake", "a forest", "a hill"), start=1):
        if number > 1:
            button(panel, "Add frame").click()
        panel.get_by_label(f"Frame {number}", exact=True).fill(words)
    button(panel, "Generate").click()
    expect(panel).to_contain_text("3 of 3")
    drawn.get_by_role("button", name="Next frame").click()
    expect(panel.get_by_label("From frame")).to_have_value("2")
    expect(panel.get_by_alt_text("Frame 2")).to_be_visible()
    drawn.locator(".seedream-thumb").nth(2).click()
    expect(panel.get_by_label("From frame")).to_have_value("3")
    button(panel, "Redo").click()
    expect(panel).to_contain_text("frame 3 · 1 of 1")
    expect(panel.get_by_role("button", name="Show: ")).to_have_count(2)


def test_a_key_is_typed_below_the_panel_and_is_nowhere_else(page: Page, lab: Lab, notebook: Path) -> None:
    """A hidden field of a cell takes it; no widget, no notebook and no file has it, and the panel asks no more."""
    panel = panel_of(page, KEYLESS)
    expect(panel).to_contain_text("byteplus needs an API key.")
    button(panel, "Enter the key").click()
    field = cell(page, KEYLESS + 1).locator(".jp-Stdin input[type=password]")
    field.fill(KEY)
    field.press("Enter")
    expect(panel.get_by_text("byteplus needs an API key.")).to_be_hidden()
    assert sources(page, KEYLESS)[1:] == ["%seedream key byteplus --if-missing", ASK]
    run_cell(page, ASKING + 1)
    expect(cell(page, ASKING + 1).locator(".jp-OutputArea-output")).to_have_text(KEY[-8:])
    save(page, notebook)
    held = [path for folder in (lab.folder, lab.home) for path in folder.rglob("*") if path.is_file()]
    assert [path for path in held if KEY.encode() in path.read_bytes()] == []
    assert notebook in held


def test_where_words_are_missing_a_click_goes_there(page: Page) -> None:
    """Nothing can be drawn without them; once there are frames the prompt is their style, which need not be."""
    panel = cell(page, KEYLESS).locator(".seedream-panel")
    button(panel, "Generate").click()
    expect(panel.get_by_label("Prompt")).to_be_focused()
    button(panel, "Add frame").click()
    expect(panel.get_by_label("Frame 1", exact=True)).to_be_focused()
    button(panel, "Generate").click()
    expect(panel.get_by_label("Frame 1", exact=True)).to_be_focused()


def test_after_a_restart_the_form_comes_back(page: Page, lab: Lab, notebook: Path) -> None:
    """Without its kernel a panel is its last pictures and one line; run again, it is as it was, also when reopened."""
    panel, drawn = cell(page, DRAWING).locator(".seedream-panel"), cell(page, DRAWING)
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_role("menuitem", name="Restart Kernel…").click()
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    expect(panel.get_by_label("Frame 1", exact=True)).to_be_hidden()
    told = panel.evaluate("(panel) => getComputedStyle(panel, '::before').content")
    assert told == '"Run this cell to go on."'
    expect(drawn.locator("[aria-roledescription='slide'] img")).to_have_count(3)
    wait_for_kernel(page)
    run_cell(page, 0)
    as_before(panel_of(page, DRAWING), drawn)
    document = json.loads(notebook.read_text("utf-8"))
    document["metadata"].pop("widgets", None)
    notebook.write_text(json.dumps(document), encoding="utf-8")
    trust(notebook, lab.home)
    with lab.page(1000, 1200) as again:
        open_notebook(again, lab.url, "page/page.ipynb", awaits=".seedream-panel-away")
        reopened = cell(again, DRAWING)
        expect(reopened.get_by_text("Run this cell to go on.").locator("visible=true")).to_have_count(1)
        expect(reopened.get_by_text("model not found")).to_be_hidden()
        expect(reopened.locator("[aria-roledescription='slide'] img")).to_have_count(3)


def test_what_was_typed_before_a_reload_is_not_paid_for_by_half(lab: Lab) -> None:
    """The page that held the rest of the prompt is gone; the one that comes in its place does not answer for it."""
    (lab.folder / "reload").mkdir()
    patience = (
        "import pathlib, time\nfrom seedream_magic.notebook.panel import page_loop\npage_loop.LONGEST_SECONDS = 4.0"
    )
    busy = "while not pathlib.Path('go').exists(): time.sleep(0.05)"
    notebook = written(lab.folder / "reload" / "reload.ipynb", (), (f"{SETUP}\n{patience}", "%seedream panel", busy))
    with lab.page(1000, 1200) as page:
        open_notebook(page, lab.url, "reload/reload.ipynb", awaits=".jp-CodeCell")
        wait_for_kernel(page)
        run_cell(page, 0)
        panel = panel_of(page, 1)
        save(page, notebook)
        run_cell(page, 2)
        panel.get_by_label("Prompt").focus()
        page.keyboard.type("a lake by night")
        page.keyboard.press("Control+Enter")
        page.reload()
        (notebook.parent / "go").touch()
        panel = cell(page, 1).locator(".seedream-panel")
        expect(panel).to_contain_text("what you typed last may be missing")
        expect(panel.get_by_label("Prompt")).not_to_have_value("a lake by night")
        assert not list(notebook.parent.glob("seedream-runs/*/request.json"))
        panel.get_by_label("Prompt").fill("a lake by night")
        button(panel, "Generate").click()
        expect(panel).to_contain_text("1 of 1")


HOLD_SCRIPTS = """addEventListener("error", (event) => {
  if (window.letThrough || event.target.getAttribute?.("src") !== "data:,") return;
  event.stopImmediatePropagation();
  (window.held ??= []).push(event.target);
}, true)"""
LET_THROUGH = """() => {
  window.letThrough = true;
  for (const image of window.held) image.dispatchEvent(new Event("error"));
}"""


def test_a_number_chosen_before_the_carousel_shows_stays(lab: Lab) -> None:
    """A slow machine draws the previews after the number is there: their first frame is not the one chosen.

    The page's script may come even later than the number.
    """
    (lab.folder / "late").mkdir()
    late = (
        "import pathlib, time\nfrom seedream_magic.notebook.display import Output\nbundle_of = Output.bundle_of\n"
        "def when_it_may(*arguments):\n    while pathlib.Path('late').exists(): time.sleep(0.05)\n"
        "    return bundle_of(*arguments)\nOutput.bundle_of = when_it_may"
    )
    notebook = written(lab.folder / "late" / "late.ipynb", (), (f"{SETUP}\n{late}", "%seedream panel"))
    with lab.page(1000, 1200) as page:
        page.add_init_script(HOLD_SCRIPTS)
        open_notebook(page, lab.url, "late/late.ipynb", awaits=".jp-CodeCell")
        wait_for_kernel(page)
        run_cell(page, 0)
        panel = panel_of(page, 1)
        number = panel.get_by_label("From frame")
        for prompt in ("a lake", "a hill"):
            (notebook.parent / "late").touch()
            panel.get_by_label("Images").select_option("3")
            panel.get_by_label("Prompt").fill(prompt)
            button(panel, "Generate").click()
            expect(panel).to_contain_text("3 of 3")
            expect(panel.locator(".seedream-panel-generate")).to_be_enabled()
            expect(number).to_have_value("1")
            number.press("ArrowUp")
            expect(panel.get_by_alt_text("Frame 2")).to_be_visible()
            if prompt == "a lake":
                page.evaluate(LET_THROUGH)
            (notebook.parent / "late").unlink()
            expect(cell(page, 1).get_by_role("region", name=prompt)).to_be_visible()
            expect(number).to_have_value("2")
            cell(page, 1).get_by_role("button", name="Next frame").click()
            cell(page, 1).get_by_role("button", name="Next frame").click()
            expect(number).to_have_value("3")
        panel.get_by_label("Images").select_option("4")
        panel.get_by_label("Prompt").fill("a pond")
        button(panel, "Generate").click()
        expect(cell(page, 1).get_by_role("region", name="a pond")).to_be_visible()
        cell(page, 1).get_by_role("button", name="Previous frame").click()  # before the number knows of a fourth
        expect(panel).to_contain_text("4 of 4")
        expect(number).to_have_value("4")


def test_a_second_window_does_not_answer_for_the_one_that_was_clicked(lab: Lab) -> None:
    """It holds nothing back and would be quicker; the rest of the prompt is still in the other."""
    (lab.folder / "windows").mkdir()
    busy = "import pathlib, time\nwhile not pathlib.Path('go').exists(): time.sleep(0.05)"
    notebook = written(lab.folder / "windows" / "windows.ipynb", (), (SETUP, "%seedream panel", busy))
    with lab.page(1000, 1200) as page, lab.page(1000, 1200) as other:
        open_notebook(page, lab.url, "windows/windows.ipynb", awaits=".jp-CodeCell")
        wait_for_kernel(page)
        run_cell(page, 0)
        panel = panel_of(page, 1)
        panel.get_by_label("Images").select_option("2")
        save(page, notebook)
        open_notebook(other, lab.url, "windows/windows.ipynb", awaits=".seedream-panel")
        expect(cell(other, 1).get_by_label("Images")).to_have_value("2")
        cell(other, 1).get_by_label("Prompt").click()
        cell(other, 1).locator("button", has_text="Stop").dispatch_event("click")  # which asks for nothing
        run_cell(page, 2)
        panel.get_by_label("Prompt").focus()
        page.keyboard.type("a lake by night")
        page.keyboard.press("Control+Enter")
        page.evaluate("setTimeout(() => { const began = Date.now(); while (Date.now() - began < 3000); })")
        (notebook.parent / "go").touch()
        expect(cell(other, 1).locator(".seedream-panel")).to_contain_text("2 of 2")
        expect(panel).to_contain_text("2 of 2")
        (record,) = notebook.parent.glob("seedream-runs/*/request.json")
        assert json.loads(record.read_text("utf-8"))["body"]["prompt"] == "a lake by night"


def as_before(panel: Locator, drawn: Locator) -> None:
    """The form of the panel is as it was, and so are its pictures."""
    expect(panel.get_by_label("Style of all frames")).to_have_value("flat colours")
    expect(panel.get_by_label("Frame 2", exact=True)).to_have_value("a forest")
    expect(panel.locator("img[alt^='Reference ']")).to_have_count(2)
    expect(panel.get_by_role("button", name="Show: ")).to_have_count(2)
    expect(drawn.locator("[aria-roledescription='slide'] img")).to_have_count(3)
