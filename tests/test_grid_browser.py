"""The grid of a sweep in a real JupyterLab, in somebody else's notebook, on paper, on its page: as people meet it."""

from __future__ import annotations

import html
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import chdir
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from lab import Lab, browser_page, open_notebook, run_all, theme, trust, written
from published import THEME, check_figure
from raw_server import Behaviour, Gate, RawServer, Reply, Request, json_reply, raw_server
from seedream_magic.images.image_set import cards_of
from seedream_magic.view.cards import Grid, GridCell
from seedream_magic.view.export_options import ExportOptions
from seedream_magic.view.grid import grid_bundle
from seedream_magic.view.grid_export import export_grid
from served import KEY
from service import PICTURE, POST, bodies, picture, whole_answer
from test_carousel_browser import (
    CONTRAST,
    IN_A_TALL_FRAME,
    PUT,
    box_of,
    button,
    made_set,
    position,
    severe,
    without_failures,
)

pytestmark = pytest.mark.browser

COLOURS = ("red", "翠绿色的风筝，拖着很长很长的彩带")
SIZES = ("2K", "4K", "2560x1440")
MODELS = ("doubao-seedream-4-5", "doubao-seedream-5-0-pro-260128-preview")
LABELS = list(product(COLOURS, SIZES, MODELS))
REFUSED = "The service refused these words.\nChange them; nothing was billed."
RETRY = 'sweep.retry()["red", "4K", "doubao-seedream-4-5"]'
GRID = ".seedream-grid"


def made_grid(folder: Path, done: int = 12) -> Grid:
    """Two colours, three sizes, two models; the first so many are done, but one that was refused and one hole."""
    with chdir(folder):
        cells = []
        for number, labels in enumerate(LABELS):
            cards = cards_of(made_set(folder, f"run{number}", count=4 if number == 4 else 1))
            if number == 2:
                cells.append(GridCell(labels, "failed", None, REFUSED, RETRY))
            elif number == 6:
                cells.append(GridCell(labels, "hole"))
            else:
                cells.append(GridCell(labels, "done", cards) if number < done else GridCell(labels, "waiting"))
    axes = (("colour", COLOURS), ("size", SIZES), ("model", MODELS))
    return Grid("a {red|翠绿色的风筝} kite", axes, tuple(cells), ("11 runs · 14 images may bill", "¥3.50"))


def html_of(grid: Grid, folder: Path) -> str:
    with chdir(folder):
        return str(grid_bundle(grid)["text/html"])


@pytest.fixture(scope="module")
def grids(lab: Lab) -> Path:
    """trusted.ipynb, which is signed, and untrusted.ipynb, each with the grid as it is at the end."""
    folder = lab.folder / "grid"
    folder.mkdir()
    grid = made_grid(folder)
    with chdir(folder):
        bundle = grid_bundle(grid)
        for name in ("trusted", "untrusted"):
            written(folder / f"{name}.ipynb", [bundle], [name])  # else one signature would be both's
    trust(folder / "trusted.ipynb", lab.home)
    return folder


@pytest.fixture(scope="module")
def trusted(lab: Lab, grids: Path) -> Iterator[Page]:
    with lab.page(1200, 900) as page, without_failures(page):
        open_notebook(page, lab.url, f"{grids.name}/trusted.ipynb", awaits=".seedream-grid-live")
        yield page


@pytest.fixture
def bare(opened: Browser) -> Iterator[Page]:
    """A page with no notebook around it."""
    with browser_page(opened, viewport={"width": 1200, "height": 900}) as page, without_failures(page):
        yield page


def cell(root: Locator | Page, name: str) -> Locator:
    return root.get_by_role("button", name=name, exact=True)


def test_keys_move_among_the_cells_and_open_them(trusted: Page) -> None:
    """One stop of the tabulator; arrows go to neighbours, past a hole; Enter opens, Escape gives the focus back.

    What opens is the carousel with all frames and its actions; none of these keys is the notebook's.
    """
    root, cells = trusted.locator(GRID), trusted.locator(".jp-Cell").count()
    first = cell(root, "red, 2K, doubao-seedream-4-5, 1 image")
    first.focus()
    for key, size in (
        ("ArrowRight", "4K, doubao-seedream-4-5, failed"),
        ("End", "2560x1440, doubao-seedream-4-5, 4 images"),
    ):
        trusted.keyboard.press(key)
        expect(cell(root, f"red, {size}")).to_be_focused()
    trusted.keyboard.press("ArrowDown")
    expect(cell(root, f"{COLOURS[1]}, 2560x1440, doubao-seedream-4-5, 1 image")).to_be_focused()
    trusted.keyboard.press("ArrowUp")
    assert root.locator(".seedream-door[tabindex='0']").count() == 1
    trusted.keyboard.press("Enter")
    dialog = root.get_by_role("dialog", name="red, 2560x1440, doubao-seedream-4-5, 4 images")
    expect(position(dialog.locator(".seedream"))).to_have_text("1 / 4")
    # The preview is smaller than its room there: the original takes its place.
    expect(dialog.get_by_role("img", name="run4 1")).to_have_attribute("src", re.compile("/runs/run4/01.jpg"))
    button(dialog, "Next frame").click()
    expect(position(dialog.locator(".seedream"))).to_have_text("2 / 4")
    button(dialog, "More").click()
    for name in ("Copy path", "Copy redo"):
        expect(button(dialog, name)).to_be_visible()
    trusted.keyboard.press("Escape")
    button(dialog, "Full size").click()
    expect(dialog.get_by_role("dialog", name="Full size 2 / 4")).to_be_visible()
    trusted.keyboard.press("Escape")
    expect(dialog).to_be_visible()
    for key in ("d", "d", "b"):
        trusted.keyboard.press(key)
    assert severe(trusted, ".seedream-set") == []
    trusted.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(cell(root, "red, 2560x1440, doubao-seedream-4-5, 4 images")).to_be_focused()
    assert trusted.locator(".jp-Cell").count() == cells


def test_a_failed_cell_says_why_and_has_its_retry(trusted: Page) -> None:
    """On the card what happened, its code at a click; opened, all words; from there the next cell is an arrow away."""
    root = trusted.locator(GRID)
    card = root.locator(".seedream-cell[data-state=failed]").filter(visible=True)
    expect(card).to_contain_text("The service refused these words.")
    button(card, "Copy retry").click()
    expect(button(card, "Copied")).to_be_visible()
    assert trusted.evaluate("navigator.clipboard.readText()") == RETRY
    cell(root, "red, 4K, doubao-seedream-4-5, failed").click()
    dialog = root.get_by_role("dialog", name="red, 4K, doubao-seedream-4-5, failed")
    expect(dialog).to_contain_text("Change them; nothing was billed.")
    expect(dialog).to_contain_text(RETRY)
    trusted.keyboard.press("ArrowRight")
    expect(root.get_by_role("dialog", name="red, 2560x1440, doubao-seedream-4-5, 4 images")).to_be_visible()
    button(root, "Previous cell").click()
    button(root, "Previous cell").click()
    expect(root.get_by_role("dialog", name="red, 2K, doubao-seedream-4-5, 1 image")).to_be_visible()
    button(root, "Close").click()
    expect(root.get_by_role("dialog")).to_have_count(0)


def test_a_third_axis_is_pages(trusted: Page) -> None:
    """One page at a time, by its label; heads are those of a table; nothing serious for axe."""
    root = trusted.locator(GRID)
    expect(root.get_by_role("table")).to_have_count(1)
    expect(root.get_by_role("columnheader", name="2560x1440")).to_be_visible()
    expect(root.get_by_role("rowheader", name=COLOURS[1])).to_be_visible()
    pages = root.get_by_role("group", name="model")
    expect(button(pages, MODELS[0])).to_have_attribute("aria-pressed", "true")
    button(pages, MODELS[1]).click()
    expect(cell(root, f"red, 2K, {MODELS[1]}, 1 image")).to_be_visible()
    expect(cell(root, f"red, 2K, {MODELS[0]}, 1 image")).to_have_count(0)
    assert severe(trusted, GRID) == []
    button(pages, MODELS[0]).click()


def test_somebody_elses_notebook_has_tables_with_labels(lab: Lab, grids: Path) -> None:
    """Every page with its heading, every picture, words and retry at hand behind a summary; no button and no code."""
    with lab.page(1000, 900) as page:
        open_notebook(page, lab.url, f"{grids.name}/untrusted.ipynb", awaits=".jp-OutputArea-output table")
        output = page.locator(".jp-OutputArea-output")
        expect(output.locator("table")).to_have_count(2)
        expect(output.locator("td img")).to_have_count(13)
        expect(output.locator("button, input, script, style, dialog")).to_have_count(0)
        for name in (*MODELS, "11 runs · 14 images may bill", "The service refused these words.", *SIZES, *COLOURS):
            expect(output.get_by_text(name).first).to_be_visible()
        output.get_by_text("Retry", exact=True).click()
        expect(output.get_by_text(RETRY)).to_be_visible()


def test_narrow_screens_and_paper(bare: Page, grids: Path) -> None:
    """At 420 px the labels stand above each picture, nothing is wider than the page; on paper no page is left out."""
    (folder := grids / "narrow").mkdir()
    bare.set_viewport_size({"width": 420, "height": 900})
    bare.set_content(html_of(made_grid(folder), folder))
    root = bare.locator(GRID)
    assert root.evaluate("root => root.scrollWidth <= root.clientWidth")
    row = root.locator("tr", has_text=COLOURS[0]).filter(visible=True)
    head, face = box_of(row.locator("th")), box_of(row.locator(".seedream-face").first)
    assert head["bottom"] <= face["top"]
    assert face["width"] > 170
    label = row.locator(".seedream-cell").first.evaluate("one => getComputedStyle(one, '::before').content")
    assert label == '"2K"'
    assert severe(bare, GRID) == []
    bare.emulate_media(media="print")
    bare.set_viewport_size({"width": 700, "height": 900})
    expect(root.locator("td img").filter(visible=True)).to_have_count(13)
    for name in MODELS:
        expect(root.get_by_text(f"model: {name}")).to_be_visible()
    expect(root.get_by_role("button", name=MODELS[0], exact=True)).to_be_hidden()
    assert all(box_of(table)["right"] <= 700 for table in root.get_by_role("table").all())


def test_a_theme_s_captions_are_not_those_of_a_grid(bare: Page, grids: Path) -> None:
    """What opens has letters of its own."""
    (folder := grids / "theme").mkdir()
    bare.set_content(f'<style>{THEME}</style><div class="theme">{html_of(made_grid(folder), folder)}</div>')
    root = bare.locator(GRID)
    cell(root, f"{COLOURS[1]}, 4K, doubao-seedream-4-5, 1 image").click()
    check_figure(root.get_by_role("dialog").locator("figure"))


def test_where_a_page_lays_outputs_out_by_their_content(bare: Page, grids: Path) -> None:
    """A grid is no narrower there than a set."""
    (folder := grids / "content").mkdir()
    bare.set_content(f'<div style="width: min-content">{html_of(made_grid(folder), folder)}</div>')
    assert box_of(bare.locator(GRID))["width"] > 600
    assert box_of(bare.locator(f"{GRID} td img").first)["width"] > 110


def with_waiting(done: int) -> Callable[[tuple[int, GridCell]], GridCell]:
    """What gives a cell as it is while the first so many are done."""
    return lambda numbered: (
        numbered[1] if numbered[0] < done or numbered[1].state != "done" else GridCell(numbered[1].labels, "waiting")
    )


@pytest.mark.parametrize("kind", ["vscode", "nbclassic"])
def test_a_growing_grid_keeps_the_readers_place(bare: Page, grids: Path, kind: str) -> None:
    """While cells fill, the page, the focus and what is open stay; what waits says so and does not open. A click into
    which an update falls counts.
    """
    (folder := grids / f"growing-{kind}").mkdir()
    grid = made_grid(folder)
    waiting = [replace(grid, cells=tuple(map(with_waiting(done), enumerate(grid.cells)))) for done in (2, 6)]
    root = bare.locator(GRID)
    bare.evaluate(PUT, [kind, "sweep", html_of(waiting[0], folder)])
    expect(root).to_have_attribute("data-news", "live")
    expect(root.get_by_text("As of ")).to_be_hidden()
    chosen = button(root.get_by_role("group", name="model"), MODELS[1])
    chosen.hover()
    bare.mouse.down()
    bare.evaluate(PUT, [kind, "sweep", html_of(waiting[0], folder)])
    bare.mouse.up()
    expect(chosen).to_have_attribute("aria-pressed", "true")
    expect(chosen).to_be_focused()
    cell(root, f"red, 4K, {MODELS[1]}, waiting").focus()
    bare.keyboard.press("Enter")
    expect(root.get_by_role("dialog")).to_have_count(0)
    bare.evaluate(PUT, [kind, "sweep", html_of(waiting[1], folder)])
    expect(cell(root, f"red, 4K, {MODELS[1]}, 1 image")).to_be_focused()
    bare.keyboard.press("Enter")
    expect(root.get_by_role("dialog", name=f"red, 4K, {MODELS[1]}, 1 image")).to_be_visible()
    bare.evaluate(PUT, [kind, "sweep", html_of(grid, folder)])
    expect(root.get_by_role("dialog", name=f"red, 4K, {MODELS[1]}, 1 image")).to_be_visible()
    bare.keyboard.press("Escape")
    expect(cell(root, f"red, 4K, {MODELS[1]}, 1 image")).to_be_focused()
    for part, count in ((GRID, 1), (".seedream-chips", 1), (".seedream-set", 1)):
        expect(bare.locator(part)).to_have_count(count)


def test_what_opens_is_in_sight_in_a_frame_taller_than_its_window(bare: Page, grids: Path) -> None:
    """VS Code's frame of outputs is as tall as the notebook: the set takes what is seen of the grid."""
    (folder := grids / "tall").mkdir()
    page = f'<p style="height: 2000px"></p>{html_of(made_grid(folder), folder)}<p style="height: 1500px"></p>'
    bare.set_content(IN_A_TALL_FRAME.format(html.escape(page)))
    root = bare.frames[1].locator(GRID)
    cell(root, f"{COLOURS[1]}, 4K, doubao-seedream-4-5, 1 image").click()
    dialog = root.get_by_role("dialog")
    bare.wait_for_function("dialog => dialog.style.top !== ''", arg=dialog.element_handle())
    view, window = dialog.bounding_box(), bare.locator("div").first.bounding_box()
    assert view
    assert window
    assert window["y"] - 1 <= view["y"] <= window["y"] + window["height"] - 240


def test_a_low_grid_makes_room_there_for_what_opens(bare: Page, grids: Path) -> None:
    """Half a picture would be seen; once it is closed the grid is as low as before."""
    (folder := grids / "low").mkdir()
    first = replace(made_grid(folder).cells[0], labels=SIZES[:1])
    grid = Grid("low", (("size", SIZES[:2]),), (first, replace(first, labels=SIZES[1:2])))
    page = f"{html_of(grid, folder)}<p style='height: 3000px'></p>"
    bare.set_content(IN_A_TALL_FRAME.format(html.escape(page)))
    root = bare.frames[1].locator(GRID)
    low = box_of(root)["height"]
    assert low < 400
    cell(root, "2K, 1 image").click()
    dialog = root.get_by_role("dialog")
    bare.wait_for_function("dialog => dialog.style.top !== ''", arg=dialog.element_handle())
    assert box_of(dialog)["height"] >= 600
    button(dialog, "Close").click()
    assert box_of(root)["height"] == low


def test_its_page_opens_the_originals(bare: Page, tmp_path: Path) -> None:
    """Exported, it needs no notebook: labels, pages, and behind each cell the original itself."""
    with chdir(tmp_path):
        grid = made_grid(tmp_path)
        wide = cards_of(made_set(tmp_path, "wide", (1600, 1200), count=1))
        grid = replace(grid, cells=(replace(grid.cells[0], cards=wide), *grid.cells[1:]))
        bare.goto(export_grid(grid, tmp_path / "sweep.html", ExportOptions()).as_uri())
    root = bare.locator(GRID)
    expect(bare.get_by_role("heading", name="a red / 翠绿色的风筝 kite", exact=True)).to_be_visible()
    expect(root.get_by_text("images may bill")).to_have_count(0)
    cell(root, "red, 2K, doubao-seedream-4-5, 1 image").click()
    button(root, "Full size").click()
    large = root.get_by_role("dialog", name="Full size 1 / 1").get_by_role("img")
    expect(large).to_have_js_property("naturalWidth", 1600)


def test_text_stands_out_in_the_dark(trusted: Page, lab: Lab, opened: Browser, grids: Path) -> None:
    """Labels, ledger, cards and what opens, in JupyterLab's themes and where a front end says nothing."""
    parts = (".seedream-note", "th", ".seedream-corner", ".seedream-chip[aria-pressed=false]", ".seedream-box div")
    for part in parts:
        assert trusted.locator(f"{GRID} {part}").filter(visible=True).first.evaluate(CONTRAST) >= 4.5, part
    with theme(lab.home, "JupyterLab Dark"), lab.page() as page:
        open_notebook(
            page, lab.url, "grid/trusted.ipynb", awaits='body[data-jp-theme-light="false"] .seedream-grid-live'
        )
        check_dark(page.locator(GRID), parts)
    style = "color-scheme: light dark; background: Canvas; color: CanvasText"
    with browser_page(opened, color_scheme="dark", reduced_motion="reduce") as page:
        (folder := grids / "dark").mkdir()
        page.set_content(f'<html style="{style}"><body>{html_of(made_grid(folder), folder)}</body></html>')
        check_dark(page.locator(GRID), parts)


def check_dark(root: Locator, parts: tuple[str, ...]) -> None:
    for part in parts:
        assert root.locator(part).filter(visible=True).first.evaluate(CONTRAST) >= 4.5, part
    cell(root, "red, 4K, doubao-seedream-4-5, failed").click()
    for part in (".seedream-which", ".seedream-body p", ".seedream-set .seedream-word"):
        assert root.locator(part).first.evaluate(CONTRAST) >= 4.5, part


@pytest.mark.kernel
def test_a_sweep_is_watched_stopped_and_run_again(lab: Lab, tmp_path: Path) -> None:
    """The account before, cells that fill, some refused, Stop half-way; then only what is missing is sent.

    Counted at the service: what had its picture was asked for once.
    """
    held = threading.Event()

    def post(request: Request) -> Behaviour:
        body = request.json()
        if "refused" in body["prompt"]:
            return json_reply({"error": {"code": "InputTextSensitiveContentDetected", "message": "No."}}, 400)
        answer = whole_answer(request)
        assert isinstance(answer, Reply)
        return Gate(b"", held, bytes(answer)) if body["model"].endswith("4-0") else answer

    def asked(server: RawServer) -> Counter[tuple[str, str, str]]:
        return Counter((body["prompt"], body["size"], body["model"]) for body in bodies(server.requests))

    with raw_server({POST: post, PICTURE: picture}) as server, lab.page(1200, 1000) as page:
        folder = lab.folder / "sweep"
        folder.mkdir()
        settings = {
            "SEEDREAM_BASE_URL": f"{server.url}/v1",
            "SEEDREAM_API_KEY": KEY,
            "SEEDREAM_LIBRARY": str(tmp_path / "library.sqlite3"),
        }
        setup = f"import os\nos.environ.update({settings!r})\n%load_ext seedream_magic"
        models = "doubao-seedream-4-5,doubao-seedream-4-0"
        sweep = f"%%seedream kites << --vary --xy size=2K,4K --xy model={models}\na {{red|refused|blue}} kite"
        written(folder / "sweep.ipynb", (), [setup, sweep])
        open_notebook(page, lab.url, "sweep/sweep.ipynb", awaits=".jp-CodeCell")
        run_all(page)
        root = page.locator(GRID)
        expect(root).to_contain_text("12 runs: 12 to send. They may bill up to 12 images")
        expect(root).to_contain_text("4 of 12 runs done · 4 under way · 4 failed", timeout=60_000)
        page.get_by_role("menuitem", name="Kernel", exact=True).click()
        page.get_by_role("menuitem", name=re.compile("^Interrupt Kernel")).click()
        expect(root).to_contain_text("4 of 12 runs done · 4 failed · 4 stopped", timeout=60_000)
        assert server.posts == 12
        held.set()
        page.locator(".jp-CodeCell").nth(1).locator(".jp-InputArea-editor").click()
        page.keyboard.press("Control+Enter")
        expect(root).to_contain_text("4 of 12 runs done · 4 failed · 4 sent before", timeout=60_000)
        counted = asked(server)
        done = [run for run in counted if "refused" not in run[0]]
        assert [counted[run] for run in done] == [1] * 8  # nobody knows what the four that were stopped have billed
        assert sum(counted.values()) == 12 + 4
        cell(root, "red, 2K, doubao-seedream-4-5, 1 image").click()
        expect(root.get_by_role("dialog").get_by_role("img", name="a red kite")).to_be_visible()
