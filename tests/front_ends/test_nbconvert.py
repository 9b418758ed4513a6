"""nbconvert: its page on paper, its slides, and the formats that have no scripts."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.async_api import BrowserType
from playwright.sync_api import Browser, Page, expect
from traitlets.config import Config

from conftest import ROOT
from lab import browser_page, written
from npm import brought
from seedream_magic.errors import ContentRefused
from seedream_magic.images.image_set import Frame
from test_carousel_browser import box_of, bundle_of, made_set

pytestmark = pytest.mark.browser

REVEAL = ROOT / "build" / "reveal"
PACKAGES = ("reveal.js@4.0.2", "requirejs@2.3.6")
"""What nbconvert's slides load from the network."""
NOTHING_ELSE = {"mathjax_url": "", "jquery_url": "", "mermaid_js_url": ""}


def converted(format_name: str, notebook: Path, **settings: Any) -> tuple[Any, dict[str, Any]]:
    """The notebook as nbconvert writes it, and the further files."""
    from nbconvert import get_exporter  # takes seconds, which every worker that collects this module would pay

    body, resources = get_exporter(format_name)(**settings).from_filename(str(notebook))
    return body, resources


def test_a_saved_notebook_names_no_folder_and_shows_no_blank_row(
    executed: Path, opened: Browser, tmp_path: Path
) -> None:
    """Nothing in it tells where it was made; of an output that was emptied nothing is seen."""
    text = executed.read_text(encoding="utf-8")
    assert str(executed.parent) not in text
    assert "seedream-nothing" in text
    address = tmp_path / "page.html"
    address.write_text(converted("html", executed, require_js_url="", **NOTHING_ELSE)[0], encoding="utf-8")
    with browser_page(opened) as page:
        page.goto(address.as_uri())
        outputs = page.locator(".jp-OutputArea-child")
        expect(outputs).to_have_count(8)
        expect(outputs.filter(visible=True)).to_have_count(7)


def printed(page: Page, address: Path) -> None:
    """Opens a page as it comes on paper."""
    page.emulate_media(media="print")
    page.goto(address.as_uri())


@pytest.mark.parametrize("scripts", [True, False])
def test_paper_shows_every_frame_and_whole_tables(
    executed: Path, opened: Browser, tmp_path: Path, *, scripts: bool
) -> None:
    """A grid with captions, no bar, no thumbnails; nothing is cut at the edge. Also where no script has run.

    Words that all frames share stand once above them, where a script has run.
    """
    address = tmp_path / "paper.html"
    address.write_text(converted("html", executed, require_js_url="", **NOTHING_ELSE)[0], encoding="utf-8")
    with browser_page(opened, viewport={"width": 720, "height": 900}, java_script_enabled=scripts) as page:
        printed(page, address)
        expect(page.locator(".seedream-live")).to_have_count(2 if scripts else 0)
        figures = page.locator(".seedream figure")
        expect(figures.filter(visible=True)).to_have_count(5)
        boxes = [box_of(figure) for figure in figures.all()[:4]]
        assert len({round(box["left"]) for box in boxes}) == len({round(box["top"]) for box in boxes}) == 2
        for number, figure in enumerate(figures.all()[:4], start=1):
            expect(figure).to_contain_text(f"{number} / 4")
        words = page.locator(".seedream").first.get_by_text("four seasons of one village").filter(visible=True)
        expect(words).to_have_count(1 if scripts else 4)
        expect(page.locator(".seedream :is(button, dialog, input)").filter(visible=True)).to_have_count(0)
        assert all(box["right"] <= 720 for box in map(box_of, page.locator(".seedream figure, table, td").all()))


def test_a_pdf_has_every_picture(executed: Path, chromium: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--to webpdf`, with the installed browser in place of one that it would download."""
    launch = BrowserType.launch

    async def launch_installed(self: BrowserType, **options: Any) -> Any:
        return await launch(self, executable_path=chromium, **options)

    monkeypatch.setattr(BrowserType, "launch", launch_installed)
    body, _ = converted("webpdf", executed, disable_sandbox=True, require_js_url="", **NOTHING_ELSE)
    assert body.startswith(b"%PDF")
    pictures = re.findall(rb"/Width (\d+)", body)
    # Three of the set, the one beside it, the frame by itself; the history's are small.
    assert len([width for width in pictures if int(width) > 100]) >= 4


def slides(notebook: Path, folder: Path, **settings: Any) -> Path:
    """The notebook as slides, one for each cell."""
    modules = brought(REVEAL, *PACKAGES)
    made = nbformat.read(notebook, as_version=4)
    for cell in made.cells:
        cell.metadata["slideshow"] = {"slide_type": "slide"}
    nbformat.write(made, folder / "slides.ipynb")
    urls = {"reveal_url_prefix": (modules / "reveal.js").as_uri()}
    urls["require_js_url"] = (modules / "requirejs" / "require.js").as_uri()
    body, _ = converted("slides", folder / "slides.ipynb", **urls, **NOTHING_ELSE, **settings)
    (folder / "slides.html").write_text(body, encoding="utf-8")
    return folder / "slides.html"


@pytest.mark.parametrize("cell_shows", [True, False])
def test_a_slide_holds_the_picture_and_its_controls(
    executed: Path, opened: Browser, tmp_path: Path, *, cell_shows: bool
) -> None:
    """All of a set is on the slide; its arrow keys turn frames, and slides only elsewhere; full size is the window."""
    address = slides(executed, tmp_path, exclude_input=not cell_shows)
    with browser_page(opened, viewport={"width": 1600, "height": 900}) as page:
        page.goto(f"{address.as_uri()}#/1")
        page.locator(".reveal.ready").wait_for()
        root = page.locator("section.present .seedream")
        bottom = root.locator("> .seedream-facts")
        expect(bottom).to_be_in_viewport(ratio=1)
        page.wait_for_function("node => node.getBoundingClientRect().bottom < 900", arg=bottom.element_handle())
        assert box_of(root.locator(".seedream-current img"))["height"] > 200
        root.get_by_role("button", name="Next frame").click()
        page.keyboard.press("ArrowRight")
        expect(root.locator("> .seedream-bar .seedream-position")).to_have_text("3 / 4")
        assert page.evaluate("location.hash") == "#/1"
        root.get_by_role("button", name="Previous frame").click()
        root.get_by_role("button", name="Full size").click()
        dialog = box_of(root.locator("dialog"))
        assert [round(dialog[side]) for side in ("left", "top", "right", "bottom")] == [0, 0, 1600, 900]
        page.keyboard.press("Escape")
        expect(page.locator("dialog[open], .reveal.overview")).to_have_count(0)
        page.mouse.click(1500, 30)
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("ArrowRight")
        page.wait_for_function("location.hash === '#/2'")


def test_other_formats_keep_pictures_and_words(tmp_path: Path, opened: Browser) -> None:
    """Markdown gets one block of HTML, LaTeX the sheet of all frames, a sanitized page all words and no code."""
    made = made_set(tmp_path, "paper")
    refused = Frame(3, "paper 4", error=ContentRefused("Refused.", code="Sensitive", hint="Change the prompt."))
    notebook = written(tmp_path / "paper.ipynb", [bundle_of(replace(made, frames=(*made.frames[:3], refused)))])
    told = ("paper 3", "Sensitive", "%seedream retry paper", "free (demo)")
    body, _ = converted("markdown", notebook)
    block = body[body.index('<div class="seedream') : body.rindex("</div>")]
    assert not re.search(r"\n\s*\n", block)
    assert all(text in block for text in told)
    assert block.count("data:image/jpeg") == 3
    # For pages that take no HTML, as docs/front-ends.md says.
    pictures = {"NbConvertBase": {"display_data_priority": ["image/jpeg", "image/png", "text/markdown", "text/plain"]}}
    for kind, settings in (
        ("markdown", {}),
        ("html", {"sanitize_html": True, "mathjax_url": "", "require_js_url": ""}),
    ):
        body, _ = converted(kind, notebook, config=Config(pictures), **settings)
        assert "seedream" not in body.partition("</head>")[2]
    body, resources = converted("latex", notebook)
    assert [name.rpartition(".")[2] for name in resources["outputs"]] == ["jpg"]
    assert "seedream" not in body
    body, _ = converted("html", notebook, sanitize_html=True, mathjax_url="", require_js_url="")
    with browser_page(opened, java_script_enabled=False) as page:
        page.set_content(body)
        words = page.locator(".seedream").inner_text()
    assert all(part in words for part in ("3 / 4", *told))
    # The tags that it refuses are text there; what stands in these two is not.
    assert words.endswith("<style></style><script></script>")
