"""The carousel in a real JupyterLab, in nbconvert's HTML, and in somebody else's notebook, as a person meets it."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import chdir, contextmanager
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
from service import encoded, noise

pytestmark = pytest.mark.browser

COLOURS = ("#f0b8a0", "#8fc0d8", "#a6c48a", "#5a6ea8")
# One output for each test, named by its run id, so that tests share a page and no state.
SETS = ("buttons", "keys", "alone", "waiting", "compare", "swipe", "failed", "网格")
LARGER_THAN_A_PREVIEW = ("full", "gone", "zoom")
SHAPES = ((1024, 1024), (1792, 1008), (1008, 1792), (2048, 128))
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
# How front ends put an output into the page, in the place of an earlier one of the same display: "vscode" runs a copy
# of each script at the end of the output (Code 1.137, notebook-renderers/renderer-out/index.js), "nbclassic" one in the
# head, before the output comes into the page (1.3.3, outputarea.js: append_html, _safe_append; jQuery 3.7.1: DOMEval).
PUT = """([kind, id, html]) => {
    const output = document.createElement("div");
    const place = () => { document.getElementById(id)?.remove(); output.id = id; document.body.append(output); };
    const copy = ({ textContent }) => Object.assign(document.createElement("script"), { text: textContent });
    output.innerHTML = html;
    if (kind === "vscode") place();
    for (const script of [...output.getElementsByTagName("script")])
        (kind === "vscode" ? output : document.head).appendChild(copy(script)).remove();
    if (kind === "nbclassic") place();
}"""
SCROLL = """(node, by) => {
  node.closest(".jp-WindowedPanel-outer").scrollBy(0, by);
  return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));  // the page has heard of it
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
    const grounds = ["white"];
    for (let at = node; at; at = at.parentElement) grounds.splice(1, 0, getComputedStyle(at).backgroundColor);
    grounds.forEach(paint); // some let what is below shine through
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


def bundle_of(images: ImageSet, **options: Any) -> dict[str, Any]:
    return set_bundle(cards_of(images), **options)


def html_of(images: ImageSet, **options: Any) -> str:
    return str(bundle_of(images, **options)["text/html"])


def growing(images: ImageSet, count: int = 2) -> ImageSet:
    """The set while its first pictures alone have come."""
    return replace(images, frames=images.frames[:count], state="running", usage=None)


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
        sets["waiting"] = growing(sets["waiting"], 1)
        sets["alone"] = replace(sets["alone"], frames=sets["alone"].frames[:1], expected=1)
        bundles = [bundle_of(sets[name], show="grid" if name == "网格" else "carousel") for name in sets]
        written(folder / "trusted.ipynb", bundles)
        written(folder / "untrusted.ipynb", [*bundles, bundles[0]])
        shapes = [made_set(folder, f"s{width}x{height}", (width, height)) for width, height in SHAPES]
        long = replace(shapes[0], frames=tuple(replace(frame, prompt=LONG) for frame in shapes[0]))
        written(folder / "shapes.ipynb", [bundle_of(images) for images in (*shapes, long)])
    trust(folder / "trusted.ipynb", lab.home)
    return folder


@contextmanager
def without_failures(page: Page) -> Iterator[Page]:
    """At the end no script of ours may have failed."""
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)) if not notebooks_own(error) else None)
    page.on("console", lambda said: failures.append(said.text) if ours(said) else None)
    yield page
    assert failures == []


@pytest.fixture(scope="module")
def trusted(lab: Lab, notebooks: Path) -> Iterator[Page]:
    """trusted.ipynb in JupyterLab."""
    with lab.page(1200, 900) as page, without_failures(page):
        open_notebook(page, lab.url, f"{notebooks.name}/trusted.ipynb", awaits=".seedream-live")
        yield page


@pytest.fixture
def bare(opened: Browser) -> Iterator[Page]:
    """A page with no notebook around it."""
    with browser_page(opened, viewport={"width": 1200, "height": 900}) as page, without_failures(page):
        yield page


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


def severe(page: Page, selector: str = ".seedream") -> list[Any]:
    """What axe-core calls serious or critical inside the elements of a CSS selector."""
    page.evaluate(AXE)
    found: list[Any] = page.evaluate(SEVERE, selector)
    return found


def position(root: Locator) -> Locator:
    return root.locator("> .seedream-bar [aria-live=polite]")


def test_a_person_turns_the_frames_and_copies_their_facts(trusted: Page) -> None:
    """By the buttons and thumbnails of WAI-ARIA's carousel; a copy button gives what its name says of the frame."""
    root = carousel(trusted, "buttons")
    region = trusted.get_by_role("region", name="buttons", exact=True)
    expect(region).to_have_attribute("aria-roledescription", "carousel")
    slides = root.locator('[role="group"][aria-roledescription="slide"]')
    labels = slides.evaluate_all("all => all.map(one => one.getAttribute('aria-label'))")
    assert labels == ["1 / 4", "2 / 4", "3 / 4", "4 / 4"]
    button(root, "Next frame").click()
    expect(position(root)).to_have_text("2 / 4")
    expect(root.get_by_role("img", name="buttons 2")).to_be_visible()
    expect(root.get_by_role("img", name="buttons 1")).to_be_hidden()
    expect(root.get_by_text("buttons 2")).to_be_visible()
    button(root, "Previous frame").click(click_count=2)
    expect(position(root)).to_have_text("4 / 4")
    button(root, "Frame 2").click()
    expect(button(root, "Frame 2")).to_have_attribute("aria-current", "true")
    for number in (2, 3):
        expect(button(root, f"Frame {number}")).to_have_css("opacity", "1")  # or it would show wrong colours
    trusted.keyboard.press("Tab")
    bar, ring = "border-bottom-color", "outline-style"  # which one shows, and where the focus is
    assert [styles_of(button(root, f"Frame {number}"), bar, ring)[1] for number in (2, 3)] == ["none", "solid"]
    assert styles_of(button(root, "Frame 2"), bar) != styles_of(button(root, "Frame 3"), bar)
    begin = 'from seedream_magic import Seedream\nSeedream("demo", store="runs").show("buttons")'
    copied = {
        "path": root.locator("figure").nth(1).get_attribute("data-path"),
        "--ref": "--ref run:buttons[1]",
        "prompt": "buttons 2",
        "redo": f"{begin}.redo(1){OPTIONS}",
        "vary": f'{begin}[1].vary("warmer")',
        "export": "%seedream export buttons buttons.pdf",
    }
    button(root, "More").click()
    under = box_of(root.locator(".seedream-menu"))["y"] - box_of(button(root, "More"))["y"]
    root.evaluate(SCROLL, 40)  # as a cell that ends does with the notebook: the menu goes along
    expect(root.locator(".seedream-menu")).to_be_visible()
    assert box_of(root.locator(".seedream-menu"))["y"] - box_of(button(root, "More"))["y"] == pytest.approx(
        under, abs=2
    )
    for word, text in copied.items():
        pressed = root.locator(f"[data-key={word.removeprefix('--')}]")
        button(root, f"Copy {word}").click()
        expect(pressed).to_have_text("Copied")
        assert trusted.evaluate("navigator.clipboard.readText()") == text
    expect(button(root, "Copy path")).to_be_visible(timeout=10_000)
    trusted.keyboard.press("Escape")
    expect(button(root, "More")).to_be_focused()
    expect(position(carousel(trusted, "full"))).to_have_text("1 / 4")


def test_keys_turn_where_the_focus_is_and_others_reach_the_notebook(trusted: Page) -> None:
    """An arrow in a cell turns no picture; Enter and Space, which the notebook binds too, press the focused button."""
    root = carousel(trusted, "keys")
    trusted.locator(".jp-Notebook .cm-content").first.click()
    for key in ("ArrowRight", "End", "Escape"):
        trusted.keyboard.press(key)
    root.evaluate(
        "root => { window.passed = []; root.parentElement.addEventListener('keydown', e => passed.push(e.key)); }"
    )
    button(root, "Next frame").focus()
    for key, shown in (("Enter", 2), ("Space", 3), ("End", 4), ("ArrowRight", 1), ("ArrowLeft", 4), ("Home", 1)):
        trusted.keyboard.press(key)
        expect(position(root)).to_have_text(f"{shown} / 4")
    expect(button(root, "Next frame")).to_be_focused()
    for key in ("x", "PageUp", "Alt+ArrowRight"):
        button(root, "Next frame").focus()
        root.evaluate("root => root.parentElement.addEventListener('keydown', e => e.stopPropagation(), {once: true})")
        trusted.keyboard.press(key)
    assert trusted.evaluate("passed") == ["x", "PageUp", "Alt", "ArrowRight"]
    expect(position(root)).to_have_text("1 / 4")


def test_full_size_view_shows_the_original(trusted: Page) -> None:
    """The dialog shows the file itself, turns, keeps all keys; Escape gives the focus back, its button closes it."""
    root = carousel(trusted, "full")
    cells = trusted.locator(".jp-Cell").count()
    button(root, "Full size").click()
    dialog = root.get_by_role("dialog", name="Full size 1 / 4")
    expect(dialog.get_by_role("img", name="full 1")).to_have_js_property("naturalWidth", 1600)
    button(dialog, "Next frame").click()
    expect(root.get_by_role("dialog", name="Full size 2 / 4")).to_be_visible()
    for key in ("d", "d", "b", "ArrowRight"):  # all but the last are the notebook's
        trusted.keyboard.press(key)
    dialog = root.get_by_role("dialog", name="Full size 3 / 4")
    expect(dialog.get_by_role("img", name="full 3")).to_have_js_property("naturalWidth", 1600)
    trusted.keyboard.press("Escape")
    expect(button(root, "Full size")).to_be_focused()
    expect(position(root)).to_have_text("3 / 4")
    assert trusted.locator(".jp-Cell").count() == cells
    root.locator(".seedream-current img").click()
    button(root, "Close").click()
    expect(root.locator("dialog")).to_be_hidden()


def test_full_size_view_zooms_and_moves(trusted: Page) -> None:
    """Wheel, double click, buttons and keys zoom; drag and arrows move, never past an edge; fitted again, arrows turn.

    Outside of that view the wheel is the notebook's.
    """
    root = carousel(trusted, "zoom")
    picture = root.locator(".seedream-current img")
    picture.scroll_into_view_if_needed()
    root.evaluate("root => root.parentElement.addEventListener('wheel', e => { window.taken = e.defaultPrevented; })")
    small = box_of(picture)
    trusted.mouse.move(small["x"] + 40, small["y"] + 40)
    trusted.mouse.wheel(0, 120)
    trusted.wait_for_function("window.taken === false")
    button(root, "Full size").click()
    large, percent = root.locator("dialog img"), root.locator(".seedream-percent")
    expect(large).to_have_js_property("naturalWidth", 1600)
    fitted, whole = box_of(large), percent.inner_text()
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
    button(root, "Full size").click()
    assert box_of(large) == fitted
    button(root, "100 %").click()
    expect(percent).to_have_text("100 %")
    assert large.evaluate(PICTURE_BOX)["width"] == pytest.approx(1600, abs=1)
    button(root, "Fit").click()
    for key, text in (("0", whole), ("1", "100 %"), ("+", "150 %"), ("-", "100 %"), ("+", "150 %")):
        trusted.keyboard.press(key)
        expect(percent).to_have_text(text)
    before, room = box_of(large), box_of(root.locator(".seedream-stage"))
    trusted.mouse.move(600, 400)
    trusted.mouse.down()
    trusted.mouse.move(560, 380)
    trusted.mouse.up()
    moved = box_of(large)
    assert (moved["x"] - before["x"], moved["y"] - before["y"]) == pytest.approx((-40, -20), abs=0.5)
    trusted.keyboard.press("ArrowLeft")
    assert box_of(large)["x"] == pytest.approx(moved["x"] + 80, abs=0.5)
    for key in ("ArrowLeft", "ArrowUp") * 30:
        trusted.keyboard.press(key)
    corner = large.evaluate(PICTURE_BOX)
    assert (corner["x"], corner["y"]) == pytest.approx((room["x"], room["y"]), abs=1)
    expect(root.get_by_role("dialog", name="Full size 1 / 4")).to_be_visible()
    trusted.keyboard.press("0")
    trusted.keyboard.press("ArrowRight")
    expect(root.get_by_role("dialog", name="Full size 2 / 4")).to_be_visible()
    trusted.keyboard.press("Escape")


def test_two_frames_are_compared(trusted: Page) -> None:
    """Compare pins the current frame beside another; Slider lays one over the other, its divider is a named range."""
    root = carousel(trusted, "compare")
    pictures = root.locator(".seedream-strip img").filter(visible=True)
    button(root, "Frame 2").click()
    button(root, "Compare").click()
    expect(pictures).to_have_count(2)
    tops = pictures.evaluate_all("all => all.map(one => one.getBoundingClientRect().top)")
    assert tops[0] == pytest.approx(tops[1], abs=1)
    button(root, "Next frame").click()
    assert pictures.evaluate_all("all => all.map(one => one.alt)") == ["compare 2", "compare 4"]
    button(root, "Previous frame").click()
    button(root, "Slider").click()
    divider = root.get_by_role("slider", name="Divider 2 / 4 | 3 / 4")
    boxes = pictures.evaluate_all("all => all.map(one => JSON.stringify(one.getBoundingClientRect()))")
    assert boxes[0] == boxes[1]
    room = box_of(divider)
    divider.click(position={"x": room["width"] * 0.25, "y": room["height"] / 2})  # waits until it stands still
    expect(divider).to_have_value(re.compile("2[3-7]"))
    cut = root.locator("figure.seedream-pinned img").evaluate("img => getComputedStyle(img).clipPath")
    assert re.match(r"inset\(0px calc\(7[4-8]", cut)
    value = int(divider.input_value())
    trusted.keyboard.press("ArrowRight")
    expect(divider).to_have_value(str(value + 1))
    expect(divider).to_be_focused()
    expect(position(root)).to_have_text("3 / 4")
    button(root, "Frame 2").click()
    expect(root.get_by_role("slider", name="Divider 3 / 4 | 2 / 4")).to_be_visible()
    assert severe(trusted) == []
    button(root, "Slider").click()
    expect(pictures).to_have_count(2)
    expect(root.get_by_role("slider")).to_have_count(0)
    assert severe(trusted) == []
    button(root, "Compare").click()
    expect(pictures).to_have_count(1)
    expect(button(root, "Slider")).to_have_count(0)


def test_full_size_view_falls_back_to_the_preview(trusted: Page) -> None:
    """Where the original cannot be loaded the preview stands in its place, and a sentence says so; it is downloaded."""
    root = carousel(trusted, "gone")
    trusted.route("**/runs/gone/**", lambda route: route.abort())
    button(root, "Full size").click()
    expect(root.get_by_role("status")).to_contain_text("The original cannot be opened")
    expect(root.locator("dialog img")).to_have_js_property("naturalWidth", 1280)
    assert severe(trusted, "dialog[open]") == []
    trusted.keyboard.press("Escape")
    with trusted.expect_download() as download:
        root.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename.endswith("-01-preview.jpeg")


def test_one_frame_has_no_clutter(trusted: Page) -> None:
    """A single picture shows without count, turning buttons, thumbnails; its full size is there."""
    root = carousel(trusted, "alone")
    expect(button(root, "Full size")).to_be_visible()
    for name in ("Previous frame", "Next frame", "Frame 1", "Grid", "Compare"):
        expect(button(root, name)).to_have_count(0)
    expect(root.get_by_text("1 / 1").filter(visible=True)).to_have_count(0)


def test_waiting_and_failed_frames_say_so(trusted: Page) -> None:
    """One on its way tells how long it has been waited for; a failed one is marked by more than colour."""
    root = carousel(trusted, "waiting")
    button(root, "Frame 4, waiting").click()
    expect(root.locator(".seedream-current")).to_contain_text(re.compile(r"waiting · \d+ s"))
    expect(root.locator(".seedream-tools [data-key=full]")).to_be_hidden()
    captions = root.locator("figcaption")
    assert box_of(captions.last)["height"] == box_of(captions.first)["height"]  # so that nothing moves when it comes
    root = carousel(trusted, "failed")
    expect(button(root, "Frame 3, failed")).to_have_text("!")
    button(root, "Frame 2").click()
    button(root, "Full size").focus()
    below = box_of(root.locator(".seedream-thumbs"))["y"]
    trusted.keyboard.press("ArrowRight")
    expect(root.locator(".seedream-current")).to_contain_text("OutputImageSensitive")
    expect(root.locator(".seedream-current")).to_contain_text("Change the prompt.")
    card, strip = box_of(root.locator(".seedream-card")), box_of(root.locator(".seedream-strip"))
    assert (card["height"] < 220, strip["height"] < card["height"] + 60) == (True, True)
    assert box_of(root.locator(".seedream-thumbs"))["y"] == pytest.approx(below, abs=1)  # the buttons stay in place
    button(root, "More").click()
    expect(button(root, "Copy redo")).to_be_visible()
    for name in ("Copy picture", "Copy path", "Copy --ref", "Copy vary", "Full size"):
        expect(button(root, name)).to_have_count(0)
    trusted.keyboard.press("Escape")
    trusted.keyboard.press("ArrowRight")
    expect(position(root)).to_have_text("4 / 4")


def test_a_grid_with_chinese_labels(trusted: Page) -> None:
    """`show="grid"` opens with every picture visible, its button leads to one and back; the page knows the language."""
    root = carousel(trusted, "网格")
    expect(root).to_have_attribute("lang", "zh")
    pictures = root.locator(".seedream-strip img").filter(visible=True)
    expect(button(root, "网格")).to_have_attribute("aria-pressed", "true")
    for count in (4, 1, 4):
        expect(pictures).to_have_count(count)
        button(root, "网格").click()
    button(root, "下一帧").click()
    expect(position(root)).to_have_text("2 / 4")


def test_swipe_turns(trusted: Page) -> None:
    """A finger drawn to the left brings the next frame; a vertical one, a mouse, one over a zoomed picture do not."""
    root = carousel(trusted, "swipe")
    for kind, across, down, shown in (("touch", -120, 10, 2), ("touch", -60, 200, 2), ("mouse", -200, 0, 2)):
        root.locator(".seedream-strip").evaluate(STROKE, [kind, across, down])
        expect(position(root)).to_have_text(f"{shown} / 4")
    root.locator(".seedream-strip").evaluate(STROKE, ["pen", 90, 0])
    button(root, "Full size").click()
    for key, shown in (("+", 1), ("0", 2)):
        trusted.keyboard.press(key)
        root.locator(".seedream-stage").evaluate(STROKE, ["touch", -120, 0])
        expect(root.get_by_role("dialog", name=f"Full size {shown} / 4")).to_be_visible()
    trusted.keyboard.press("Escape")


def check_contrast(page: Page | PageFrame) -> None:
    """Every small text reaches the contrast of WCAG AA."""
    root = carousel(page, "buttons")
    button(root, "More").click()
    for part in (".seedream-facts", ".seedream-current .seedream-label", ".seedream-word", ".seedream-position"):
        assert root.locator(part).first.evaluate(CONTRAST) >= 4.5, part
    button(root, "More").click()  # closes the menu again
    expect(root.locator(".seedream-menu")).to_be_hidden()


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
        assert len(texts) == 4
        assert all(text.strip() for text in texts)
        assert any("%seedream retry failed" in text for text in texts)
        expect(page.locator(".seedream-strip code").first).to_have_css("white-space", "pre-wrap")  # it is two lines
        page.evaluate("document.querySelectorAll('.seedream-strip').forEach(one => one.classList.add('for-axe'))")
        assert severe(page, ".for-axe") == []


def test_nbconverts_page_works_at_every_width(notebooks: Path, opened: Browser, bare: Page) -> None:
    """No set is wider than the page, none pushes its buttons off it; the original opens; without scripts all show."""
    command = [sys.executable, "-m", "nbconvert", "--to", "html", "shapes.ipynb"]
    command += ["--HTMLExporter.mathjax_url=", "--HTMLExporter.require_js_url="]
    environment = jupyter_environment(notebooks / "home")
    subprocess.run(command, cwd=notebooks, env=environment, check=True, capture_output=True)
    address = (notebooks / "shapes.html").as_uri()
    bare.goto(address)
    for width in (320, 1400):
        bare.set_viewport_size({"width": width, "height": 800})
        for root in bare.locator(".seedream-live").all():
            assert root.evaluate("root => root.scrollWidth <= root.clientWidth"), root.get_attribute("data-run")
            box, bar = box_of(root.locator(".seedream-current img").first), box_of(root.locator(".seedream-bar").first)
            assert (box["left"] >= 0, box["right"] <= width, bar["bottom"] - box["top"] < 660) == (True, True, True)
    root = carousel(bare, "s1792x1008")
    button(root, "Next frame").click()
    button(root, "Full size").click()
    expect(root.get_by_role("dialog", name="Full size 2 / 4").locator("img")).to_have_js_property("naturalWidth", 1792)
    with browser_page(opened, java_script_enabled=False) as page:
        page.goto(address)
        expect(page.locator("figure img")).to_have_count(4 * (len(SHAPES) + 1))
        expect(page.get_by_text("4 / 4")).to_have_count(len(SHAPES) + 1)
        expect(page.locator(".seedream button")).to_have_count(0)


def styles_of(node: Locator, *names: str) -> list[str]:
    """Styles as the browser applies them."""
    found: list[str] = node.evaluate("(node, names) => names.map(name => getComputedStyle(node)[name])", list(names))
    return found


def test_a_redone_frame_is_opened_when_it_comes(bare: Page, tmp_path: Path) -> None:
    """The first that is new shows at once; a reader who has turned in the meantime is left where they are."""
    made = made_set(tmp_path, "redone")
    waiting, come = (html_of(replace(made, inherited=frozenset(kept))) for kept in ({0, 1, 2, 3}, {0, 1, 3}))
    root = carousel(bare, "redone")
    for html_text, shown in ((waiting, "1 / 4"), (come, "3 / 4"), (come, "3 / 4")):
        bare.evaluate(PUT, ["vscode", "redone", html_text])
        expect(position(root)).to_have_text(shown)
    button(root, "Next frame").click()
    bare.evaluate(PUT, ["vscode", "redone", come])
    expect(position(root)).to_have_text("4 / 4")


def test_a_growing_set_stays_sharp(bare: Page, tmp_path: Path) -> None:
    """Of a picture that was sent before an update has a small preview: the page goes on with the one that it has."""
    made = made_set(tmp_path, "sharp")
    for frame in made.ok:
        assert frame.path
        frame.path.write_bytes(encoded(noise(1200, 1200), "JPEG"))
    sent = frozenset(frame.path for frame in made.ok[:1])
    root = carousel(bare, "sharp")
    shown = root.locator("figure").first.locator("img")
    widths = []
    for html_text in (html_of(growing(made, 1), sent=()), html_of(growing(made), sent=sent)):
        bare.evaluate(PUT, ["vscode", "sharp", html_text])
        widths.append(shown.evaluate("img => img.decode().then(() => img.naturalWidth)"))
        for place in (shown, root.locator(".seedream-thumbs img").first):
            expect(place).to_have_js_property("naturalWidth", widths[0])
    bare.evaluate(PUT, ["vscode", "another page", html_text.replace("sharp", "another")])
    alone = carousel(bare, "another").locator("figure").first.locator("img")
    assert alone.evaluate("img => img.decode().then(() => img.naturalWidth)") < widths[0]


def test_the_clock_counts_from_when_an_update_came(bare: Page, tmp_path: Path) -> None:
    """A kernel whose clock is behind, and an output that stood outside of the page for a while, are no matter."""
    made = growing(made_set(tmp_path, "clock"))
    began = time.time() + 120
    bare.clock.install(time=began)
    elapsed = carousel(bare, "clock").locator(".seedream-facts .seedream-elapsed")
    for seconds, passed in ((2, 0), (50, 150)):
        shown = re.sub('data-moment="[^"]*"', f'data-moment="{began - 120 + seconds - 2:.0f}"', html_of(made))
        bare.clock.set_fixed_time(began + passed)
        bare.evaluate(PUT, ["vscode", "clock", re.sub('data-seconds="[^"]*"', f'data-seconds="{seconds}"', shown)])
        expect(elapsed).to_have_text(re.compile(rf"^ · {passed + 2} s$"))


@pytest.mark.parametrize("kind", ["vscode", "nbclassic"])
def test_every_front_end_makes_each_set_a_carousel_once(bare: Page, tmp_path: Path, kind: str) -> None:
    """Wherever it runs the script, and whenever the output comes into the page; also where a growing one is replaced.

    A strip from which a sanitizer took the script, in a notebook with outputs of both kinds, stays a strip.
    """
    done = made_set(tmp_path, "growing")
    other = html_of(made_set(tmp_path, "other"))
    foreign = re.sub(r"<(script|style).*?</\1>| data-[a-z]+=\"[^\"]*\"", "", other, flags=re.DOTALL)
    for output, html_text in (("foreign", foreign), ("a", html_of(growing(done))), ("b", other)):
        bare.evaluate(PUT, [kind, output, html_text])
    root = carousel(bare, "growing")
    button(root, "Next frame").click()
    bare.evaluate(PUT, [kind, "a", html_of(done)])
    expect(button(root, "Next frame")).to_be_focused()
    bare.keyboard.press("ArrowRight")
    expect(position(root)).to_have_text("3 / 4")
    for part, count in ((".seedream", 3), (".seedream-live", 2), (".seedream-thumbs", 2)):
        expect(bare.locator(part)).to_have_count(count)


@pytest.mark.parametrize("kind", ["vscode", "nbclassic"])
def test_a_click_during_an_update_counts(bare: Page, tmp_path: Path, kind: str) -> None:
    """It goes down on the set as it was and up on the one that has taken its place, which has its buttons at once."""
    done = made_set(tmp_path, "pressed")
    root = carousel(bare, "pressed")
    live = "document.querySelectorAll('#a .seedream-live').length"
    put = f"async given => {{ ({PUT})(given); await null; return {live}; }}"
    assert bare.evaluate(put, [kind, "a", html_of(growing(done))]) == 1
    for name, shown in (("Next frame", "2 / 4"), ("Next frame", "3 / 4"), ("Frame 1", "1 / 4")):
        button(root, name).hover()
        bare.mouse.down()
        bare.evaluate(PUT, [kind, "a", html_of(growing(done, 3))])
        bare.evaluate(PUT, [kind, "a", html_of(done)])
        bare.mouse.up()
        expect(position(root)).to_have_text(shown)
    expect(button(root, "Frame 1")).to_be_focused()
    button(root, "Next frame").click()
    expect(position(root)).to_have_text("2 / 4")


def test_full_size_view_is_in_sight_in_a_frame_taller_than_its_window(bare: Page, tmp_path: Path) -> None:
    """VS Code's frame of outputs is as tall as the notebook: the view takes what is seen of the set, not the frame."""
    pages = [html_of(made_set(tmp_path, name)) for name in ("above", "seen")]
    bare.set_viewport_size({"width": 1000, "height": 800})
    bare.set_content(IN_A_TALL_FRAME.format(html.escape('<p style="height: 2000px">'.join(pages))))
    root = carousel(bare.frames[1], "seen")
    root.scroll_into_view_if_needed()
    button(root, "Full size").click()
    dialog = root.get_by_role("dialog")
    bare.wait_for_function("dialog => dialog.clientHeight < 1000", arg=dialog.element_handle())
    view, whole = dialog.bounding_box(), bare.locator("div").first.bounding_box()
    assert view
    assert whole
    assert view["height"] > 200
    assert whole["y"] <= view["y"] <= whole["y"] + whole["height"] + 1 - view["height"]
    button(dialog, "Close").click()
    expect(dialog).to_have_count(0)


@pytest.mark.kernel
def test_a_growing_set_keeps_the_readers_place(lab: Lab, notebooks: Path) -> None:
    """While frames land, the frame that is looked at stays, and so do the view and the keyboard's focus."""
    with chdir(notebooks):
        done = made_set(notebooks, "live")
        bundles = [bundle_of(images) for images in (growing(done), growing(done, 3), done)]
    (notebooks / "bundles.json").write_text(json.dumps(bundles), encoding="utf-8")
    source = (
        "import json, time\nfrom pathlib import Path\nfrom IPython.display import display\n"
        "bundles = json.loads(Path('bundles.json').read_text(encoding='utf-8'))\n"
        "handle = display(bundles[0], raw=True, display_id=True)\n"
        "for step, bundle in enumerate(bundles[1:]):\n"
        "    while not Path(f'go{step}').exists():\n        time.sleep(0.02)\n"
        "    handle.update(bundle, raw=True)\n"
    )
    written(notebooks / "live.ipynb", (), [source])
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


def test_what_jupyter_does_not_serve_is_a_preview(bare: Page, tmp_path: Path) -> None:
    """Nobody gets it under the original's name; 100 % is one pixel of the original on one of the screen."""
    bare.set_content(html_of(made_set(tmp_path / ".hidden", "elsewhere", (2560, 160), count=1)))
    with bare.expect_download() as download:
        bare.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "elsewhere-1-01-preview.jpeg"
    assert download.value.path().read_bytes().startswith(b"\xff\xd8\xff")
    button(bare.locator(".seedream"), "Full size").click()
    large, percent = bare.locator("dialog img"), bare.locator(".seedream-percent")
    expect(bare.get_by_role("status")).to_contain_text("this is its preview")
    expect(large).to_have_js_property("naturalWidth", 1280)
    expect(percent).to_have_text(f"{100 * box_of(large)['width'] / 2560:.0f} %")
    bare.keyboard.press("1")
    expect(percent).to_have_text("100 %")
    assert large.evaluate(PICTURE_BOX)["width"] == pytest.approx(2560, abs=1)
    for _ in range(30):
        bare.keyboard.press("ArrowRight")
    box, room = large.evaluate(PICTURE_BOX), box_of(bare.locator(".seedream-stage"))
    assert box["x"] + box["width"] == pytest.approx(room["right"], abs=1)


def test_a_narrow_screen(bare: Page, tmp_path: Path) -> None:
    """What failed is a card of the size of its words; what is longer than a picture scrolls inside."""
    bare.set_viewport_size({"width": 420, "height": 900})
    for size in ((1600, 900), (2048, 128)):
        made = made_set(tmp_path, f"long {size}", size)
        refused = ContentRefused(LONG[:400], code="OutputImageSensitive", hint=LONG[:200])
        bare.set_content(html_of(replace(made, frames=(*made.frames[:3], Frame(3, "long 4", error=refused)))))
        card, picture = box_of(bare.locator(".seedream-card")), box_of(bare.locator("figure:first-child img"))
        assert card["height"] <= 461
        assert card["width"] == pytest.approx(picture["width"], abs=1)
        button(bare.locator(".seedream"), "Frame 4, failed").click()
        bare.locator(".seedream-command").last.scroll_into_view_if_needed()
        assert box_of(bare.locator(".seedream-command").last)["bottom"] <= card["bottom"]
        assert severe(bare) == []
    frames = tuple(replace(frame, prompt=LONG[:150]) for frame in made)
    bare.set_content(html_of(replace(made, request=replace(made.request, prompt=LONG[:150]), frames=frames)))
    caption = bare.locator(".seedream-current .seedream-caption")
    expect(caption).to_be_visible()
    button(bare.locator(".seedream"), "Grid").click()
    expect(bare.locator(".seedream-caption").filter(visible=True)).to_have_count(1)  # what all share is told once
    button(bare.locator(".seedream"), "Grid").click()
    bare.set_content(html_of(replace(made, frames=(), usage=None, outcome="rejected").with_note("Refused.")))
    expect(bare.locator(".seedream")).to_contain_text(re.compile("nothing billed.*Refused", re.DOTALL))
    expect(bare.get_by_role("button")).to_have_count(0)


def test_strips_stand_below_each_other(bare: Page, tmp_path: Path) -> None:
    """Of a picture much wider than tall, half the width would show a line: grid and compare put it in one column."""
    for size, columns in (((2048, 128), 1), ((1680, 720), 2)):
        bare.set_content(html_of(made_set(tmp_path, f"strips{columns}", size), show="grid"))
        pictures = bare.locator(".seedream-strip img").filter(visible=True)
        for shown in (4, 2):
            expect(pictures).to_have_count(shown)
            boxes = [box_of(picture) for picture in pictures.all()]
            assert len({round(box["top"]) for box in boxes}) == shown // columns
            assert min(box["width"] for box in boxes) > 900 / columns**1.2
            button(bare.locator(".seedream"), "Compare").click()


def test_text_stands_out_in_every_front_end(trusted: Page, lab: Lab, opened: Browser, tmp_path: Path) -> None:
    """In JupyterLab's themes, in VS Code's, and where a front end says nothing: a system that is dark is followed."""
    check_contrast(trusted)
    dark = 'body[data-jp-theme-light="false"] .seedream-live'
    with theme(lab.home, "JupyterLab Dark"), lab.page() as page:
        open_notebook(page, lab.url, "carousel/trusted.ipynb", awaits=dark)
        check_contrast(page)
    shown = html_of(growing(made_set(tmp_path, "buttons")))
    pages = {
        "vscode-light": "--vscode-focusBorder: #005fb8; background: #ffffff; color: #3b3b3b",
        "vscode-high-contrast": "--vscode-focusBorder: #f38518; background: #000000; color: #ffffff",
        "nothing-said": "color-scheme: light dark; background: Canvas; color: CanvasText",
    }
    with browser_page(opened, color_scheme="dark", reduced_motion="reduce") as page:
        for kind, style in pages.items():
            page.set_content(f'<html style="{style}"><body class="{kind}">{shown}</body></html>')
            check_contrast(page)
        page.get_by_role("button", name="Next frame").first.click()
        expect(page.locator(".seedream-current")).to_have_css("transition-property", "none")
        expect(page.locator(".seedream-empty").first).to_have_css("animation-name", "none")


def test_a_picture_fades_in_where_a_person_turns_to_it_alone(opened: Browser, tmp_path: Path) -> None:
    """A set that grows is drawn anew with each picture that lands: what shows already must not blink."""
    with browser_page(opened) as page:
        page.set_content(html_of(growing(made_set(tmp_path, "still"))))
        expect(page.locator(".seedream-current")).to_have_css("transition-duration", "0s")
        page.get_by_role("button", name="Next frame").first.click()
        expect(page.locator(".seedream-current")).to_have_css("transition-duration", "0.16s")
