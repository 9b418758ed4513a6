"""The carousel in a real JupyterLab, in nbconvert's HTML, and in somebody else's notebook, as a person meets it."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageOps
from playwright.sync_api import Browser, ConsoleMessage, Error, Locator, Page, expect
from playwright.sync_api import Frame as PageFrame

from lab import Lab, browser_page, jupyter_environment, open_notebook, theme, trust, wait_for_kernel, written
from seedream_magic.api.request import ImageRequest
from seedream_magic.errors import ContentRefused
from seedream_magic.images.cards import OPTIONS
from seedream_magic.images.image_set import Frame, ImageSet, cards_of
from seedream_magic.view.carousel import set_bundle

pytestmark = pytest.mark.browser

COLOURS = ("#f0b8a0", "#8fc0d8", "#a6c48a", "#5a6ea8")
# One output for each test, named by its run id, so that tests share a page and no state.
SETS = ("buttons", "keys", "enter", "alone", "waiting", "grid", "compare", "slider", "swipe", "failed", "中文")
LARGER_THAN_A_PREVIEW = ("full", "gone", "zoom")
LONG = "A river " * 60
# What shows of a picture that is fitted into its element: the element's box is the room, not the picture.
PICTURE_BOX = """img => {
    const { x, y, width, height } = img.getBoundingClientRect();
    const by = Math.min(width / img.naturalWidth, height / img.naturalHeight);
    const [wide, tall] = [img.naturalWidth * by, img.naturalHeight * by];
    return { x: x + (width - wide) / 2, y: y + (height - tall) / 2, width: wide, height: tall };
}"""
STROKE = """(area, [kind, x, y]) => {
    for (const [type, clientX, clientY] of [["pointerdown", 300, 300], ["pointerup", 300 + x, 300 + y]])
        area.dispatchEvent(new PointerEvent(type, {pointerType: kind, clientX, clientY, bubbles: true}));
}"""
PUT_IN = "html => document.body.replaceChildren(document.createRange().createContextualFragment(html))"
# How front ends put an output into the page, in the place of an earlier one of the same display. "jupyterlab" runs each
# script where it stands (rendermime's evalInnerHTMLScriptTags); "vscode" a copy at the end of the output (Code 1.137,
# notebook-renderers/renderer-out/index.js); "nbclassic" a copy in the head, before the output comes into the page
# (1.3.3, outputarea.js: append_html, then _safe_append; jQuery 3.7.1: DOMEval).
PUT = """([kind, id, html]) => {
    const output = document.createElement("div");
    const place = () => { document.getElementById(id)?.remove(); output.id = id; document.body.append(output); };
    const copy = ({ textContent }) => Object.assign(document.createElement("script"), { text: textContent });
    output.innerHTML = html;
    if (kind !== "nbclassic") place();
    for (const script of [...output.getElementsByTagName("script")]) {
        if (kind === "jupyterlab") script.replaceWith(copy(script));
        else if (kind === "vscode") output.appendChild(copy(script)).remove();
        else document.head.appendChild(copy(script)).remove();
    }
    if (kind === "nbclassic") place();
}"""
IN_A_TALL_FRAME = """<body style="margin: 0"><div style="height: 700px; overflow: auto">
    <iframe style="width: 900px; height: 6000px; border: 0" srcdoc="{}"></iframe></div></body>"""
AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
SEVERE = """async selector => (await axe.run(selector)).violations
    .filter(found => ["serious", "critical"].includes(found.impact))
    .map(found => [found.id, found.nodes[0].html.slice(0, 200), found.nodes[0].failureSummary])"""
CONTRAST = """node => {
    const canvas = document.createElement("canvas").getContext("2d");
    const pixel = () => [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
    const paint = colour => { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); };
    const light = rgb => rgb.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
    let ground = node;
    while (getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)") ground = ground.parentElement;
    paint(getComputedStyle(ground).backgroundColor);
    const below = light(pixel());
    paint(getComputedStyle(node).color);
    const above = light(pixel());
    return (Math.max(above, below) + 0.05) / (Math.min(above, below) + 0.05);
}"""


def made_set(folder: Path, name: str, size: tuple[int, int] = (400, 300), count: int = 4) -> ImageSet:
    """Pictures of `size` pixels in `folder`/runs/`name`, which is below the current folder."""
    target = folder / "runs" / name
    target.mkdir(parents=True)
    frames = []
    for index in range(count):
        path = target / f"{index + 1:02}.jpg"
        ramp = Image.linear_gradient("L").resize(size)
        ImageOps.colorize(ramp, COLOURS[index], "#fdf6ec").save(path, "JPEG")
        frames.append(Frame(index, f"{name} {index + 1}", path, *size, sha256=f"{name}{index}{size}"))
    request = ImageRequest("doubao-seedream-4-5", name, f"{size[0]}x{size[1]}")
    made = ImageSet(request, "demo", name, target, tuple(frames), expected=count)
    return replace(made, state="done", outcome="billed", usage={"generated_images": count}, seconds=12.3)


@pytest.fixture(scope="module")
def notebooks(lab: Lab) -> Path:
    """trusted.ipynb, the only one that is signed, and untrusted.ipynb with all sets; shapes.ipynb with every shape."""
    folder = lab.folder / "carousel"
    folder.mkdir()
    with chdir(folder):
        sets = {name: made_set(folder, name) for name in SETS}
        sets |= {name: made_set(folder, name, (1600, 1200)) for name in LARGER_THAN_A_PREVIEW}
        refused = ContentRefused("The picture was refused.", code="OutputImageSensitive", hint="Change the prompt.")
        frames = sets["failed"].frames
        sets["failed"] = replace(sets["failed"], frames=(*frames[:2], Frame(2, "failed 3", error=refused), frames[3]))
        sets["waiting"] = replace(sets["waiting"], frames=sets["waiting"].frames[:2], state="running", usage=None)
        sets["alone"] = replace(sets["alone"], frames=sets["alone"].frames[:1], expected=1)
        bundles = [
            set_bundle(cards_of(images), show="grid" if name == "grid" else "carousel") for name, images in sets.items()
        ]
        written(folder / "trusted.ipynb", bundles)
        written(folder / "untrusted.ipynb", [*bundles, bundles[0]])
        shapes = [made_set(folder, f"s{width}x{height}", (width, height)) for width, height in SHAPES]
        long = replace(shapes[0], frames=tuple(replace(frame, prompt=LONG) for frame in shapes[0]))
        written(folder / "shapes.ipynb", [set_bundle(cards_of(images)) for images in (*shapes, long)])
    trust(folder / "trusted.ipynb", lab.home)
    return folder


SHAPES = ((1024, 1024), (1792, 1008), (1008, 1792), (1680, 720), (2048, 128))


@pytest.fixture(scope="module")
def trusted(lab: Lab, notebooks: Path) -> Iterator[Page]:
    """trusted.ipynb in JupyterLab; at the end no script may have failed."""
    failures: list[str] = []
    with lab.page(1200, 900) as page:
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.on("console", lambda said: failures.append(said.text) if ours(said) else None)
        open_notebook(page, lab.url, f"{notebooks.name}/trusted.ipynb", awaits=".seedream-live")
        yield page
    assert failures == []


def ours(said: ConsoleMessage) -> bool:
    """Whether it is an error that is neither JupyterLab's own nor the browser's about a picture that is gone."""
    return said.type == "error" and not re.search("/static/|/files/", said.location["url"])


def notebooks_own(error: Error) -> bool:
    """Whether it was thrown by the front end's own code, which comes from files; ours stands in the page."""
    return "/static/" in "".join((error.stack or "").splitlines()[1:2])


def carousel(page: Page | PageFrame, name: str) -> Locator:
    return page.locator(f'.seedream[data-run="{name}"]')


def button(root: Locator, name: str) -> Locator:
    return root.get_by_role("button", name=name, exact=True)


def box_of(node: Locator) -> dict[str, float]:
    """Where an element is on the screen, in CSS pixels."""
    box: dict[str, float] = node.evaluate("node => node.getBoundingClientRect().toJSON()")
    return box


def severe(page: Page, selector: str) -> list[Any]:
    """What axe-core calls serious or critical inside the elements of a CSS selector."""
    page.evaluate(AXE)
    found: list[Any] = page.evaluate(SEVERE, selector)
    return found


def position(root: Locator) -> Locator:
    return root.locator("> .seedream-bar [aria-live=polite]")


def test_buttons_and_thumbnails_turn_the_frames(trusted: Page) -> None:
    """Next, previous and the thumbnails show a frame, its count and its caption; after the last comes the first.

    It is WAI-ARIA's carousel: a named region, slides named by their count.
    """
    root = carousel(trusted, "buttons")
    region = trusted.get_by_role("region", name="buttons", exact=True)
    expect(region).to_have_attribute("aria-roledescription", "carousel")
    slides = root.locator('[role="group"][aria-roledescription="slide"]')
    labels = slides.evaluate_all("all => all.map(one => one.getAttribute('aria-label'))")
    assert labels == ["1 / 4", "2 / 4", "3 / 4", "4 / 4"]
    expect(position(root)).to_have_text("1 / 4")
    button(root, "Next frame").click()
    expect(position(root)).to_have_text("2 / 4")
    expect(root.get_by_role("img", name="buttons 2")).to_be_visible()
    expect(root.get_by_role("img", name="buttons 1")).to_be_hidden()
    expect(root.get_by_text("buttons 2")).to_be_visible()
    button(root, "Previous frame").click(click_count=2)
    expect(position(root)).to_have_text("4 / 4")
    button(root, "Frame 3").click()
    expect(position(root)).to_have_text("3 / 4")
    expect(button(root, "Frame 3")).to_have_attribute("aria-current", "true")
    for number, ring in ((2, "none"), (3, "solid")):
        expect(button(root, f"Frame {number}")).to_have_css("outline-style", ring)
        expect(button(root, f"Frame {number}")).to_have_css("opacity", "1")  # or it would show wrong colours
    expect(position(carousel(trusted, "full"))).to_have_text("1 / 4")


def test_arrow_keys_turn_and_other_keys_pass(trusted: Page) -> None:
    """Arrows, Home and End work where the focus is inside and stay there; every other key reaches the notebook."""
    root = carousel(trusted, "keys")
    root.evaluate(
        "root => { window.passed = []; root.parentElement.addEventListener('keydown', e => passed.push(e.key)); }"
    )
    button(root, "Next frame").focus()
    for key, shown in (("ArrowRight", 2), ("End", 4), ("ArrowRight", 1), ("ArrowLeft", 4), ("Home", 1)):
        trusted.keyboard.press(key)
        expect(position(root)).to_have_text(f"{shown} / 4")
    assert trusted.evaluate("passed") == []
    for key in ("x", "PageUp", "Alt+ArrowRight"):
        button(root, "Next frame").focus()
        root.evaluate("root => root.parentElement.addEventListener('keydown', e => e.stopPropagation(), {once: true})")
        trusted.keyboard.press(key)
    assert trusted.evaluate("passed") == ["x", "PageUp", "Alt", "ArrowRight"]
    expect(position(root)).to_have_text("1 / 4")


def test_the_notebooks_own_keys(trusted: Page) -> None:
    """An arrow in a cell turns no picture; Enter and Space, which the notebook binds too, press the focused button."""
    root = carousel(trusted, "enter")
    trusted.locator(".jp-Notebook .cm-content").first.click()
    trusted.keyboard.press("ArrowRight")
    trusted.keyboard.press("End")
    trusted.keyboard.press("Escape")
    expect(position(root)).to_have_text("1 / 4")
    button(root, "Next frame").focus()
    trusted.keyboard.press("Enter")
    expect(position(root)).to_have_text("2 / 4")
    trusted.keyboard.press("Space")
    expect(position(root)).to_have_text("3 / 4")
    expect(button(root, "Next frame")).to_be_focused()


def test_full_size_view_shows_the_original(trusted: Page) -> None:
    """The dialog shows the file itself, turns, keeps all keys; Escape gives the focus back, its button closes it."""
    root = carousel(trusted, "full")
    cells = trusted.locator(".jp-Cell").count()
    button(root, "Full size").click()
    dialog = root.get_by_role("dialog", name="Full size 1 / 4")
    expect(dialog.get_by_role("img", name="full 1")).to_have_js_property("naturalWidth", 1600)
    button(dialog, "Next frame").click()
    dialog = root.get_by_role("dialog", name="Full size 2 / 4")
    expect(dialog.get_by_role("img", name="full 2")).to_have_js_property("naturalWidth", 1600)
    for key in ("d", "d", "b", "ArrowRight"):
        trusted.keyboard.press(key)
    expect(root.get_by_role("dialog", name="Full size 3 / 4")).to_be_visible()
    trusted.keyboard.press("Escape")
    expect(root.locator("dialog")).to_be_hidden()
    expect(button(root, "Full size")).to_be_focused()
    expect(position(root)).to_have_text("3 / 4")
    assert trusted.locator(".jp-Cell").count() == cells
    root.locator(".seedream-current img").click()
    expect(root.locator("dialog")).to_be_visible()
    button(root, "Close").click()
    expect(root.locator("dialog")).to_be_hidden()


def test_full_size_view_zooms(trusted: Page) -> None:
    """The wheel zooms what is under the pointer and keeps it there; a double click goes to 100 % or more and back.

    Fit and 100 % are buttons, 0 and 1 keys; + and - zoom around the middle; the percentage is told.
    """
    root = carousel(trusted, "zoom")
    button(root, "Full size").click()
    large = root.locator("dialog img")
    expect(large).to_have_js_property("naturalWidth", 1600)
    fitted = box_of(large)
    at = (fitted["x"] + fitted["width"] * 0.75, fitted["y"] + fitted["height"] * 0.5)
    trusted.mouse.move(*at)
    trusted.mouse.wheel(0, -500)
    expect(root.locator(".seedream-zoomed")).to_have_count(1)
    zoomed = box_of(large)
    assert zoomed["width"] == pytest.approx(fitted["width"] * 1.002**500, rel=0.01)
    assert (at[0] - zoomed["x"]) / zoomed["width"] == pytest.approx(0.75, abs=0.01)
    trusted.mouse.dblclick(*at)
    assert box_of(large) == fitted
    trusted.mouse.dblclick(*at)
    expect(root.locator(".seedream-zoomed")).to_have_count(1)
    trusted.keyboard.press("Escape")
    expect(button(root, "Full size")).to_be_focused()
    button(root, "Full size").click()
    assert box_of(large) == fitted
    percent = root.locator(".seedream-percent")
    whole = percent.inner_text()
    button(root, "100 %").click()
    expect(percent).to_have_text("100 %")
    assert large.evaluate(PICTURE_BOX)["width"] == pytest.approx(1600, abs=1)
    button(root, "Fit").click()
    expect(percent).to_have_text(whole)
    for key, text in (("1", "100 %"), ("+", "150 %"), ("-", "100 %"), ("0", whole)):
        trusted.keyboard.press(key)
        expect(percent).to_have_text(text)
    trusted.keyboard.press("Escape")


def test_a_zoomed_picture_is_moved(trusted: Page) -> None:
    """Drag and arrow keys move a zoomed picture, never past its edges; fitted again, arrows turn."""
    root = carousel(trusted, "zoom")
    button(root, "Full size").click()
    stage, large = root.locator(".seedream-stage"), root.locator("dialog img")
    expect(large).to_have_js_property("naturalWidth", 1600)
    trusted.keyboard.press("1")
    trusted.keyboard.press("+")
    before, room = box_of(large), box_of(stage)
    trusted.mouse.move(600, 400)
    trusted.mouse.down()
    trusted.mouse.move(560, 380)
    trusted.mouse.up()
    moved = box_of(large)
    assert (moved["x"] - before["x"], moved["y"] - before["y"]) == pytest.approx((-40, -20), abs=0.5)
    trusted.keyboard.press("ArrowLeft")
    assert box_of(large)["x"] == pytest.approx(moved["x"] + 80, abs=0.5)
    for _ in range(30):
        trusted.keyboard.press("ArrowLeft")
        trusted.keyboard.press("ArrowUp")
    corner = large.evaluate(PICTURE_BOX)
    assert (corner["x"], corner["y"]) == pytest.approx((room["x"], room["y"]), abs=1)
    expect(root.get_by_role("dialog", name="Full size 1 / 4")).to_be_visible()
    trusted.keyboard.press("0")
    trusted.keyboard.press("ArrowRight")
    expect(root.get_by_role("dialog", name="Full size 2 / 4")).to_be_visible()
    trusted.keyboard.press("Escape")


def test_the_wheel_over_the_carousel_scrolls_the_notebook(trusted: Page) -> None:
    """Outside the full-size view the wheel is the notebook's: nothing of ours takes it."""
    root = carousel(trusted, "zoom")
    picture = root.locator(".seedream-current img")
    picture.scroll_into_view_if_needed()
    root.evaluate("root => root.parentElement.addEventListener('wheel', e => { window.taken = e.defaultPrevented; })")
    before = box_of(picture)
    trusted.mouse.move(before["x"] + 40, before["y"] + 40)
    trusted.mouse.wheel(0, 120)
    trusted.wait_for_function("window.taken === false")
    expect(picture).to_have_css("transform", "none")


def test_a_divider_compares_two_frames(trusted: Page) -> None:
    """Slider lays one frame over the other: mouse and keys move the divider, which is a range with a name."""
    root = carousel(trusted, "slider")
    button(root, "Frame 2").click()
    button(root, "Compare").click()
    button(root, "Slider").click()
    divider = root.get_by_role("slider", name="Divider 2 / 4 | 3 / 4")
    pictures = root.locator(".seedream-strip img").filter(visible=True)
    expect(pictures).to_have_count(2)
    boxes = pictures.evaluate_all("all => all.map(one => JSON.stringify(one.getBoundingClientRect()))")
    assert boxes[0] == boxes[1]
    room = box_of(divider)
    divider.click(position={"x": room["width"] * 0.25, "y": room["height"] / 2})  # waits until it stands still
    expect(divider).to_have_value(re.compile("2[3-7]"))
    cut = root.locator(".seedream-pinned img").evaluate("img => getComputedStyle(img).clipPath")
    assert re.match(r"inset\(0px calc\(7[4-8]", cut)
    value = int(divider.input_value())
    trusted.keyboard.press("ArrowRight")
    expect(divider).to_have_value(str(value + 1))
    expect(position(root)).to_have_text("3 / 4")
    expect(divider).to_be_focused()
    button(root, "Frame 2").click()
    expect(root.get_by_role("slider", name="Divider 3 / 4 | 2 / 4")).to_be_visible()
    button(root, "Slider").click()
    expect(pictures).to_have_count(2)
    expect(root.get_by_role("slider")).to_have_count(0)
    button(root, "Compare").click()
    expect(pictures).to_have_count(1)
    expect(button(root, "Slider")).to_have_count(0)


def test_facts_are_copied(trusted: Page) -> None:
    """Each button puts on the clipboard what its name says of the frame that shows; its word says so for a while."""
    root = carousel(trusted, "buttons")
    button(root, "Frame 2").click()
    begin = 'from seedream_magic import Seedream\nSeedream("demo", store="runs").show("buttons")'
    copied = {
        "path": root.locator("figure").nth(1).get_attribute("data-path"),
        "--ref": "--ref run:buttons[1]",
        "prompt": "buttons 2",
        "redo": f"{begin}.redo(1){OPTIONS}",
        "vary": f'{begin}[1].vary("warmer")',
    }
    for word, text in copied.items():
        pressed = root.locator(f"[data-key={word.removeprefix('--')}]")
        expect(pressed).to_have_text(word)
        button(root, f"Copy {word}").click()
        expect(pressed).to_have_text("Copied")
        assert trusted.evaluate("navigator.clipboard.readText()") == text
    expect(button(root, "Copy path")).to_have_text("path")
    expect(button(root, "Copy path")).to_have_attribute("title", "Copy path")


def test_full_size_view_falls_back_to_the_preview(trusted: Page) -> None:
    """Where the original cannot be loaded the preview stands in its place, and a sentence says so."""
    root = carousel(trusted, "gone")
    trusted.route("**/runs/gone/**", lambda route: route.abort())
    button(root, "Full size").click()
    expect(root.get_by_role("status")).to_contain_text("The original cannot be opened")
    expect(root.locator("dialog img")).to_have_js_property("naturalWidth", 1280)
    trusted.keyboard.press("Escape")


def test_one_frame_has_no_clutter(trusted: Page) -> None:
    """A single picture shows without count, turning buttons, thumbnails; its full size is there."""
    root = carousel(trusted, "alone")
    expect(button(root, "Full size")).to_be_visible()
    for name in ("Previous frame", "Next frame", "Frame 1", "Grid", "Compare"):
        expect(button(root, name)).to_have_count(0)
    expect(root.get_by_text("1 / 1").filter(visible=True)).to_have_count(0)


def test_waiting_places_count_seconds(trusted: Page) -> None:
    """A picture on its way is a box that tells how long it has been waited for; it has no tools."""
    root = carousel(trusted, "waiting")
    button(root, "Frame 4, waiting").click()
    expect(root.locator(".seedream-current")).to_contain_text(re.compile(r"waiting · \d+ s"))
    expect(root.locator(".seedream-tools [data-key=full]")).to_be_hidden()
    captions = root.locator("figcaption")
    assert box_of(captions.last)["height"] == box_of(captions.first)["height"]  # so that nothing moves when it comes


def test_failed_frame_is_marked_by_more_than_colour(trusted: Page) -> None:
    """The thumbnail of a failed frame says so in name and sign; arrows pass over it with the focus kept."""
    root = carousel(trusted, "failed")
    expect(button(root, "Frame 3, failed")).to_have_text("!")
    button(root, "Frame 2").click()
    button(root, "Full size").focus()
    trusted.keyboard.press("ArrowRight")
    expect(root.locator(".seedream-current")).to_contain_text("OutputImageSensitive")
    expect(root.locator(".seedream-current")).to_contain_text("Change the prompt.")
    expect(button(root, "Copy redo")).to_be_visible()
    for name in ("Copy path", "Copy --ref", "Copy vary", "Full size"):
        expect(button(root, name)).to_have_count(0)  # there is no picture to have them
    grid, prompt = box_of(button(root, "Grid")), box_of(button(root, "Copy prompt"))
    assert 0 < prompt["left"] - grid["right"] < 80  # no hole where the others would be
    card, picture = (box_of(root.locator(kind).first) for kind in (".seedream-card", "figure:first-child img"))
    sides = ("width", "height")
    assert [card[side] for side in sides] == pytest.approx([picture[side] for side in sides], abs=1)
    trusted.keyboard.press("ArrowRight")
    expect(position(root)).to_have_text("4 / 4")


def test_grid_shows_all_and_leads_back(trusted: Page) -> None:
    """`show="grid"` opens with every picture visible; the Grid button leads to one at a time and back."""
    root = carousel(trusted, "grid")
    pictures = root.locator(".seedream-strip img")
    expect(button(root, "Grid")).to_have_attribute("aria-pressed", "true")
    expect(pictures.filter(visible=True)).to_have_count(4)
    button(root, "Grid").click()
    expect(pictures.filter(visible=True)).to_have_count(1)
    button(root, "Grid").click()
    expect(pictures.filter(visible=True)).to_have_count(4)


def test_two_frames_compare_side_by_side(trusted: Page) -> None:
    """Compare pins the current frame; turning changes the other one."""
    root = carousel(trusted, "compare")
    pictures = root.locator(".seedream-strip img").filter(visible=True)
    button(root, "Compare").click()
    expect(pictures).to_have_count(2)
    button(root, "Next frame").click()
    assert pictures.evaluate_all("all => all.map(one => one.alt)") == ["compare 1", "compare 3"]
    tops = pictures.evaluate_all("all => all.map(one => one.getBoundingClientRect().top)")
    assert tops[0] == pytest.approx(tops[1], abs=1)
    button(root, "Compare").click()
    expect(pictures).to_have_count(1)


def test_swipe_turns(trusted: Page) -> None:
    """A finger drawn to the left brings the next frame; a vertical one and a mouse do not.

    It turns in the full-size view too, and moves the picture instead while that is zoomed.
    """
    root = carousel(trusted, "swipe")
    for kind, across, down, shown in (
        ("touch", -120, 10, 2),
        ("touch", -60, 200, 2),
        ("mouse", -200, 0, 2),
        ("pen", 90, 0, 1),
    ):
        root.locator(".seedream-strip").evaluate(STROKE, [kind, across, down])
        expect(position(root)).to_have_text(f"{shown} / 4")
    button(root, "Full size").click()
    before = root.get_by_role("dialog").get_attribute("aria-label")
    stage = root.locator(".seedream-stage")
    trusted.keyboard.press("+")
    stage.evaluate(STROKE, ["touch", -120, 0])
    expect(root.get_by_role("dialog")).to_have_attribute("aria-label", str(before))
    trusted.keyboard.press("0")
    stage.evaluate(STROKE, ["touch", -120, 0])
    expect(root.get_by_role("dialog")).not_to_have_attribute("aria-label", str(before))
    trusted.keyboard.press("Escape")


def test_chinese_labels(trusted: Page) -> None:
    """A Chinese prompt gets Chinese buttons, and the page is told the language."""
    root = carousel(trusted, "中文")
    button(root, "下一帧").click()
    button(root, "上一帧").click()
    expect(button(root, "放大")).to_be_visible()
    expect(root).to_have_attribute("lang", "zh")


def test_axe_finds_nothing_in_a_reopened_notebook(trusted: Page) -> None:
    """No serious or critical finding of axe-core in any output: one frame, grid, compared, waiting, failed, Chinese."""
    for name, key in (("compare", "compare"), ("slider", "slider")):
        root = carousel(trusted, name)
        if not root.locator(f"[data-key={key}][aria-pressed=true]").count():
            button(root, "Compare").click()
    if root.get_by_role("slider").count() == 0:
        button(root, "Slider").click()
    assert severe(trusted, ".seedream") == []
    button(carousel(trusted, "zoom"), "Full size").click()
    assert severe(trusted, "dialog[open]") == []
    trusted.keyboard.press("Escape")


def check_contrast(page: Page | PageFrame) -> None:
    root = carousel(page, "buttons")
    for part in (".seedream-facts", ".seedream-current .seedream-label", ".seedream-word", ".seedream-position"):
        assert root.locator(part).first.evaluate(CONTRAST) >= 4.5, part


def test_text_stands_out_in_both_themes(trusted: Page, lab: Lab, notebooks: Path) -> None:
    """Every small text reaches the contrast of WCAG AA (4.5 to 1), on the light background and on a really dark one."""
    check_contrast(trusted)
    dark = 'body[data-jp-theme-light="false"] .seedream-live'
    with theme(lab.home, "JupyterLab Dark"), lab.page() as page:
        open_notebook(page, lab.url, f"{notebooks.name}/trusted.ipynb", awaits=dark)
        check_contrast(page)


def test_untrusted_notebook_is_a_labelled_strip(lab: Lab, notebooks: Path) -> None:
    """In somebody else's notebook every picture is there with its count; no button, no code, no empty box."""
    with lab.page(1000, 900) as page:
        open_notebook(page, lab.url, f"{notebooks.name}/untrusted.ipynb", awaits=".seedream-strip")
        strips = page.locator(".seedream-strip")
        expect(strips).to_have_count(len(SETS) + len(LARGER_THAN_A_PREVIEW) + 1)
        expect(page.locator(".seedream-live")).to_have_count(0)
        outputs = page.locator(".jp-OutputArea-output")
        expect(outputs.locator("button, input, script, style, dialog")).to_have_count(0)
        assert not re.search(r"--ink|=>|function|\{", "".join(outputs.all_text_contents()))
        first = strips.first
        assert first.evaluate("strip => getComputedStyle(strip).overflowX") == "auto"
        assert first.evaluate("strip => strip.scrollWidth > strip.clientWidth")
        for number, figure in enumerate(first.locator("figure").all(), start=1):
            expect(figure).to_contain_text(f"{number} / 4 · 400 × 300 · original")
            expect(figure.get_by_role("img", name=f"buttons {number}")).to_have_js_property("naturalWidth", 400)
        texts = page.locator(".seedream-strip figure > :first-child:not(img)").all_text_contents()
        assert len(texts) == 3
        assert all(text.strip() for text in texts)
        assert any("%seedream retry failed" in text for text in texts)
        expect(page.locator(".seedream-strip code").first).to_have_css("white-space", "pre-wrap")  # it is two lines
        page.evaluate("document.querySelectorAll('.seedream-strip').forEach(one => one.classList.add('for-axe'))")
        assert severe(page, ".for-axe") == []


@pytest.fixture(scope="module")
def exported(notebooks: Path) -> Path:
    """shapes.ipynb as the HTML page that nbconvert makes."""
    command = [
        sys.executable,
        "-m",
        "nbconvert",
        "--to",
        "html",
        "--HTMLExporter.mathjax_url=",
        "--HTMLExporter.require_js_url=",
    ]
    environment = jupyter_environment(notebooks / "home")
    subprocess.run([*command, "shapes.ipynb"], cwd=notebooks, env=environment, check=True, capture_output=True)
    return notebooks / "shapes.html"


def test_exported_page_works(exported: Path, opened: Browser) -> None:
    """The page of nbconvert has the carousel, with the original beside it, and no script fails."""
    failures: list[str] = []
    with browser_page(opened) as page:
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.goto(exported.as_uri())
        root = carousel(page, "s1792x1008")
        button(root, "Next frame").click()
        expect(position(root)).to_have_text("2 / 4")
        button(root, "Full size").click()
        expect(root.locator("dialog img")).to_have_js_property("naturalWidth", 1792)
    assert failures == []


@pytest.mark.parametrize("width", [320, 1400])
def test_every_shape_fits_every_width(exported: Path, opened: Browser, width: int) -> None:
    """From a telephone to a wide screen no set is wider than the page, and no picture taller than 560 px."""
    with browser_page(opened, viewport={"width": width, "height": 900}) as page:
        page.goto(exported.as_uri())
        for root in page.locator(".seedream-live").all():
            assert root.evaluate("root => root.scrollWidth <= root.clientWidth"), root.get_attribute("data-run")
            box = root.locator(".seedream-current img").first.bounding_box()
            assert box is not None
            assert box["height"] <= 561
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width


def test_without_scripts_nothing_is_lost(exported: Path, opened: Browser) -> None:
    """A reader that runs no scripts sees every picture with its count and caption."""
    with browser_page(opened, java_script_enabled=False) as page:
        page.goto(exported.as_uri())
        expect(page.locator("figure img")).to_have_count(4 * (len(SHAPES) + 1))
        expect(page.get_by_text("4 / 4")).to_have_count(len(SHAPES) + 1)
        expect(page.locator(".seedream button")).to_have_count(0)


def test_a_redone_frame_is_opened_when_it_comes(opened: Browser, tmp_path: Path) -> None:
    """The first that is new shows at once; a reader who has turned in the meantime is left where they are."""
    made = made_set(tmp_path, "redone")
    states = [replace(made, inherited=frozenset(kept)) for kept in ({0, 1, 2, 3}, {0, 1, 3})]
    waiting, come = (str(set_bundle(cards_of(images))["text/html"]) for images in states)
    with browser_page(opened) as page:
        page.set_content("<body></body>")
        for html, shown in ((waiting, "1 / 4"), (come, "3 / 4"), (come, "3 / 4")):
            page.evaluate(PUT_IN, html)
            expect(position(carousel(page, "redone"))).to_have_text(shown)
        button(carousel(page, "redone"), "Next frame").click()
        page.evaluate(PUT_IN, come)
        expect(position(carousel(page, "redone"))).to_have_text("4 / 4")


@pytest.mark.parametrize("kind", ["jupyterlab", "vscode", "nbclassic"])
def test_every_front_end_makes_each_set_a_carousel_once(opened: Browser, tmp_path: Path, kind: str) -> None:
    """Wherever it runs the script, and whenever the output comes into the page; also where a growing one is replaced.

    A strip from which a sanitizer took the script, in a notebook with outputs of both kinds, stays a strip.
    """
    done = made_set(tmp_path, "growing")
    states = [replace(done, frames=done.frames[:2], state="running", usage=None), done]
    waiting, come = (str(set_bundle(cards_of(images))["text/html"]) for images in states)
    other = str(set_bundle(cards_of(made_set(tmp_path, "other")))["text/html"])
    foreign = re.sub(r"<(script|style).*?</\1>| data-[a-z]+=\"[^\"]*\"", "", other, flags=re.DOTALL)
    failures: list[str] = []
    with browser_page(opened) as page:
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.set_content("<body></body>")
        for output, html in (("foreign", foreign), ("a", waiting), ("b", other)):
            page.evaluate(PUT, [kind, output, html])
        root = carousel(page, "growing")
        button(root, "Next frame").click()
        page.evaluate(PUT, [kind, "a", come])
        expect(button(root, "Next frame")).to_be_focused()
        page.keyboard.press("ArrowRight")
        expect(position(root)).to_have_text("3 / 4")
        expect(page.locator(".seedream")).to_have_count(3)
        expect(page.locator(".seedream-live")).to_have_count(2)
        expect(page.locator(".seedream-thumbs")).to_have_count(2)
    assert failures == []


def test_full_size_view_is_in_sight_in_a_frame_taller_than_its_window(opened: Browser, tmp_path: Path) -> None:
    """VS Code's frame of outputs is as tall as the notebook: the view takes what is seen of the set, not the frame."""
    pages = [str(set_bundle(cards_of(made_set(tmp_path, name)))["text/html"]) for name in ("above", "seen")]
    with browser_page(opened, viewport={"width": 1000, "height": 800}) as page:
        page.set_content(IN_A_TALL_FRAME.format(html.escape('<p style="height: 2000px">'.join(pages))))
        inside = page.frames[1]
        root = carousel(inside, "seen")
        root.scroll_into_view_if_needed()
        button(root, "Full size").click()
        dialog = root.get_by_role("dialog")
        page.wait_for_function("dialog => dialog.clientHeight < 1000", arg=dialog.element_handle())
        view, whole = dialog.bounding_box(), page.locator("div").first.bounding_box()
        assert view is not None
        assert whole is not None
        assert view["height"] > 200
        assert whole["y"] <= view["y"]
        assert view["y"] + view["height"] <= whole["y"] + whole["height"] + 1
        button(dialog, "Close").click()
        expect(dialog).to_have_count(0)


@pytest.mark.kernel
def test_a_growing_set_keeps_the_readers_place(lab: Lab, notebooks: Path) -> None:
    """While frames land, the frame that is looked at stays, and so do the view and the keyboard's focus."""
    with chdir(notebooks):
        done = made_set(notebooks, "live")
        growing = [replace(done, frames=done.frames[:count], state="running", usage=None) for count in (2, 3)]
        bundles = [set_bundle(cards_of(images)) for images in (*growing, done)]
    (notebooks / "bundles.json").write_text(json.dumps(bundles), encoding="utf-8")
    source = (
        "import json, time\nfrom pathlib import Path\nfrom IPython.display import display\n"
        "bundles = json.loads(Path('bundles.json').read_text(encoding='utf-8'))\n"
        "handle = display(bundles[0], raw=True, display_id=True)\n"
        "for step, bundle in enumerate(bundles[1:]):\n"
        "    while not Path(f'go{step}').exists():\n        time.sleep(0.02)\n"
        "    handle.update(bundle, raw=True)\n"
    )
    written(notebooks / "live.ipynb", (), source)
    with lab.page() as page:
        open_notebook(page, lab.url, f"{notebooks.name}/live.ipynb", awaits=".cm-content")
        wait_for_kernel(page)
        page.locator(".cm-content").first.click()
        page.keyboard.press("Control+Enter")
        root = carousel(page, "live")
        button(root, "Next frame").click()
        expect(position(root)).to_have_text("2 / 4")
        (notebooks / "go0").touch()
        expect(button(root, "Frame 3")).to_be_visible()
        expect(position(root)).to_have_text("2 / 4")
        expect(button(root, "Next frame")).to_be_focused()
        button(root, "Full size").click()
        (notebooks / "go1").touch()
        expect(root.locator('.seedream-thumbs [aria-label="Frame 4"]')).to_have_count(1)
        expect(root.get_by_role("dialog", name="Full size 2 / 4")).to_be_visible()
        expect(page.locator("dialog[open]")).to_have_count(1)
        page.keyboard.press("Escape")
        assert severe(page, ".seedream") == []


@pytest.mark.kernel
def test_notebook_7_by_mouse_and_keyboard(lab: Lab, notebooks: Path) -> None:
    """A cell run in Notebook 7 shows a carousel that mouse and keys drive; the notebook's own keys work outside it."""
    failures: list[str] = []
    with chdir(notebooks):
        bundle = set_bundle(cards_of(made_set(notebooks, "seven", (1600, 1200))))
    (notebooks / "seven.json").write_text(json.dumps(bundle), encoding="utf-8")
    source = "import json\nfrom IPython.display import display\ndisplay(json.load(open('seven.json')), raw=True)"
    written(notebooks / "seven.ipynb", ({}, {}), source)
    with lab.page(1100, 900) as page:
        page.on("pageerror", lambda error: failures.append(str(error)) if not notebooks_own(error) else None)
        page.on("console", lambda said: failures.append(said.text) if ours(said) else None)
        # The indicator shows idle before there is a kernel, too.
        with page.expect_websocket(lambda socket: "/kernels/" in socket.url) as socket:
            page.goto(f"{lab.url}/notebooks/{notebooks.name}/seven.ipynb")
        socket.value.wait_for_event("framereceived")
        page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()
        page.locator(".cm-content").first.click()
        page.keyboard.press("Shift+Enter")
        root = carousel(page, "seven")
        walk(page, root)
        cells = page.locator(".jp-Cell")
        button(root, "Next frame").focus()
        for key in ("ArrowDown", "+", "Delete"):
            page.keyboard.press(key)
        expect(cells).to_have_count(2)
        cells.nth(1).locator(".jp-InputPrompt").click()
        page.keyboard.press("b")
        expect(cells).to_have_count(3)
        expect(position(root)).to_have_text("2 / 4")
        assert severe(page, ".seedream") == []
    assert failures == []


def walk(page: Page, root: Locator) -> None:
    """The list of uses once, by real mouse and keyboard; ends at the second frame."""
    button(root, "Next frame").click()
    page.keyboard.press("ArrowRight")
    expect(position(root)).to_have_text("3 / 4")
    button(root, "Grid").press("Enter")
    expect(root.locator(".seedream-strip img").filter(visible=True)).to_have_count(4)
    button(root, "Compare").press("Space")
    button(root, "Slider").click()
    root.get_by_role("slider").press("ArrowLeft")
    expect(root.get_by_role("slider")).to_have_value("49")
    button(root, "Compare").click()
    button(root, "Frame 2").click()
    root.locator(".seedream-current img").click()
    dialog = root.get_by_role("dialog", name="Full size 2 / 4")
    expect(dialog.get_by_role("img")).to_have_js_property("naturalWidth", 1600)
    for key in ("d", "d", "b", "1"):  # all but the last are the notebook's: a modal keeps them from it
        page.keyboard.press(key)
    expect(root.locator(".seedream-percent")).to_have_text("100 %")
    page.keyboard.press("Escape")
    expect(button(root, "Full size")).to_be_focused()
    expect(position(root)).to_have_text("2 / 4")


@pytest.fixture
def page_of(opened: Browser) -> Iterator[Callable[..., Page]]:
    """Makes a page of one output with no notebook around it; at the end no script may have failed."""
    failures: list[str] = []
    with browser_page(opened) as page:
        page.on("pageerror", lambda error: failures.append(str(error)))

        def show(images: ImageSet, width: int = 1200, **options: Any) -> Page:
            page.set_viewport_size({"width": width, "height": 900})
            page.set_content(set_bundle(cards_of(images), **options)["text/html"])
            return page

        yield show
    assert failures == []


def test_a_set_without_frames_is_its_words(page_of: Callable[..., Page], tmp_path: Path) -> None:
    """A run that was refused has no figure: its facts and notes stand there, no button does, and no script fails."""
    refused = replace(made_set(tmp_path, "refused"), frames=(), usage=None, outcome="rejected").with_note("Refused.")
    page = page_of(refused)
    expect(page.locator(".seedream")).to_contain_text(re.compile("nothing billed.*Refused", re.DOTALL))
    expect(page.get_by_role("button")).to_have_count(0)


def test_a_downloaded_preview_says_that_it_is_one(page_of: Callable[..., Page], tmp_path: Path) -> None:
    """Where there is no link to the original, nobody gets its preview under the original's name."""
    page = page_of(made_set(tmp_path / ".hidden", "elsewhere", count=1))  # what Jupyter does not serve
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "01-preview.jpeg"
    assert download.value.path().read_bytes().startswith(b"\xff\xd8\xff")


def test_percent_is_of_the_original(page_of: Callable[..., Page], tmp_path: Path) -> None:
    """Also while its preview stands in its place: 100 % is one pixel of the original on one of the screen."""
    page = page_of(made_set(tmp_path / ".hidden", "elsewhere", (2560, 160), count=1))
    button(page.locator(".seedream"), "Full size").click()
    large, percent = page.locator("dialog img"), page.locator(".seedream-percent")
    expect(page.get_by_role("status")).to_contain_text("this is its preview")
    expect(large).to_have_js_property("naturalWidth", 1280)
    expect(percent).to_have_text(f"{100 * box_of(large)['width'] / 2560:.0f} %")
    page.keyboard.press("1")
    expect(percent).to_have_text("100 %")
    assert large.evaluate(PICTURE_BOX)["width"] == pytest.approx(2560, abs=1)
    for _ in range(30):
        page.keyboard.press("ArrowRight")
    box, room = large.evaluate(PICTURE_BOX), box_of(page.locator(".seedream-stage"))
    assert box["x"] + box["width"] == pytest.approx(room["right"], abs=1)


@pytest.mark.parametrize("size", [(1600, 900), (2048, 128)])
def test_a_long_card_leaves_no_hole_below_the_pictures(
    page_of: Callable[..., Page], tmp_path: Path, size: tuple[int, int]
) -> None:
    """On a narrow screen what failed takes a picture's room, at least 176 px; what is longer scrolls inside."""
    made = made_set(tmp_path, "long", size)
    refused = ContentRefused(LONG[:400], code="OutputImageSensitive", hint=LONG[:200])
    page = page_of(replace(made, frames=(*made.frames[:3], Frame(3, "long 4", error=refused))), 420)
    card, picture = box_of(page.locator(".seedream-card")), box_of(page.locator("figure:first-child img"))
    assert card["height"] == pytest.approx(max(picture["height"], 176), abs=1)
    assert card["width"] == pytest.approx(picture["width"], abs=1)
    button(page.locator(".seedream"), "Frame 4, failed").click()
    page.locator(".seedream-command").last.scroll_into_view_if_needed()
    assert box_of(page.locator(".seedream-command").last)["bottom"] <= card["bottom"]
    assert severe(page, ".seedream") == []


def test_strips_stand_below_each_other(page_of: Callable[..., Page], tmp_path: Path) -> None:
    """Of a picture much wider than tall, half the width would show a line: grid and compare put it in one column."""
    for size, columns in (((2048, 128), 1), ((1680, 720), 2)):
        page = page_of(made_set(tmp_path, f"strips{columns}", size), show="grid")
        pictures = page.locator(".seedream-strip img").filter(visible=True)
        for shown in (4, 2):
            expect(pictures).to_have_count(shown)
            boxes = [box_of(picture) for picture in pictures.all()]
            assert len({round(box["top"]) for box in boxes}) == shown // columns
            assert min(box["width"] for box in boxes) > 900 / columns**1.2
            button(page.locator(".seedream"), "Compare").click()


PAGES = {
    "vscode-light": "--vscode-focusBorder: #005fb8; background: #ffffff; color: #3b3b3b",
    "vscode-dark": "--vscode-focusBorder: #0078d4; background: #1f1f1f; color: #cccccc",
    "vscode-high-contrast": "--vscode-focusBorder: #f38518; background: #000000; color: #ffffff",
    "nothing-said": "color-scheme: light dark; background: Canvas; color: CanvasText",
}


@pytest.mark.parametrize("kind", PAGES)
def test_text_stands_out_in_every_front_end(opened: Browser, shown: str, kind: str) -> None:
    """Where no variable of Jupyter is known, text follows the front end's own; a system that is dark is followed."""
    with browser_page(opened, color_scheme="dark", reduced_motion="reduce") as page:
        page.set_content(f'<html style="{PAGES[kind]}"><body class="{kind}">{shown}</body></html>')
        check_contrast(page)
        expect(page.locator(".seedream-current")).to_have_css("transition-property", "none")
        expect(page.locator(".seedream-empty").first).to_have_css("animation-name", "none")


def test_one_prompt_of_all_stays_short_in_the_grid(opened: Browser, tmp_path: Path) -> None:
    """Beside each other the prompt that all frames share takes a line; where one frame shows it is told in full."""
    made = made_set(tmp_path, "same")
    request = replace(made.request, prompt=LONG[:150])
    images = replace(made, request=request, frames=tuple(replace(frame, prompt=LONG[:150]) for frame in made))
    with browser_page(opened, viewport={"width": 420, "height": 900}) as page:
        page.set_content(set_bundle(cards_of(images))["text/html"])
        root = carousel(page, "same")
        caption = root.locator(".seedream-current .seedream-caption")
        assert box_of(caption)["height"] > 40
        button(root, "Grid").click()
        assert box_of(caption)["height"] < 30


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The HTML of a growing set: two pictures have come, two are waited for."""
    done = made_set(tmp_path_factory.mktemp("shown"), "buttons")
    html = set_bundle(cards_of(replace(done, frames=done.frames[:2], state="running")))["text/html"]
    assert isinstance(html, str)
    return html


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A notebook of one output: three pictures, and a fourth that was refused."""
    folder = tmp_path_factory.mktemp("paper")
    made = made_set(folder, "paper")
    refused = Frame(3, "paper 4", error=ContentRefused("Refused.", code="Sensitive", hint="Change the prompt."))
    bundle = set_bundle(cards_of(replace(made, frames=(*made.frames[:3], refused))))
    return str(written(folder / "paper.ipynb", [bundle]))


def converted(format_name: str, notebook: str, **settings: Any) -> tuple[str, dict[str, Any]]:
    """What nbconvert makes of a notebook in a format, and the files beside it."""
    from nbconvert import get_exporter  # takes seconds, which every worker that collects this module would pay

    body, resources = get_exporter(format_name)(**settings).from_filename(notebook)
    return body, resources.get("outputs", {})


def test_markdown_keeps_pictures_and_words(paper: str) -> None:
    """In nbconvert's Markdown the output is one block of HTML, which no empty line ends."""
    body, _ = converted("markdown", paper)
    block = body[body.index('<div class="seedream') : body.rindex("</div>")]
    assert not re.search(r"\n\s*\n", block)
    assert all(text in block for text in ("paper 3", "Sensitive", "%seedream retry paper", "billed (demo, free)"))
    assert block.count("data:image/jpeg") == 3


def test_paper_gets_the_contact_sheet(paper: str) -> None:
    """LaTeX, and so PDF, shows the sheet of all frames, and nothing of the HTML."""
    body, beside = converted("latex", paper)
    assert [name.rpartition(".")[2] for name in beside] == ["jpg"]
    assert "seedream" not in body


def test_sanitized_page_says_everything_before_any_code(paper: str, opened: Browser) -> None:
    """With --sanitize-html nbconvert shows tags of pictures and code as text: all our words stand before the code."""
    body, _ = converted("html", paper, sanitize_html=True, mathjax_url="", require_js_url="")
    with browser_page(opened, java_script_enabled=False) as page:
        page.set_content(body)
        text = page.locator(".seedream").inner_text()
    words = text.partition("<style>")[0]
    assert all(
        part in words for part in ("3 / 4", "paper 3", "Sensitive", "%seedream retry paper", "billed (demo, free)")
    )
    assert "--ink" not in words
