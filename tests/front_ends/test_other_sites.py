"""Pages with fewer rights: without https, and outputs in a sandboxed frame of another site, as Colab's are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from lab import browser_page
from test_carousel_browser import button, carousel, html_of, made_set, position

pytestmark = pytest.mark.browser

FRAME = '<iframe style="width: 900px; height: 700px" sandbox="allow-scripts" src="https://outputs.test/"></iframe>'

PASTE = "<textarea id=paste></textarea>"


@contextmanager
def served_page(opened: Browser, sites: Mapping[str, str]) -> Iterator[Page]:
    """The first of these sites, each of one page."""
    pages = {f"{address}/": f"<!DOCTYPE html><meta charset=utf-8>{body}{PASTE}" for address, body in sites.items()}

    def answer(route: Route) -> None:
        route.fulfill(body=pages.get(route.request.url, "no picture"), content_type="text/html")

    with browser_page(opened, viewport={"width": 1000, "height": 900}) as page:
        page.route("**/*", answer)
        page.goto(f"{next(iter(sites))}/")
        yield page


def pasted(page: Page) -> str:
    """What the clipboard holds, as a person finds out."""
    page.locator("#paste").fill("")
    page.locator("#paste").press("Control+v")
    return page.locator("#paste").input_value()


def test_texts_are_copied_without_https(opened: Browser, tmp_path: Path) -> None:
    """The page may not write the clipboard: the marked text is copied, if need be by the reader's Ctrl+C."""
    with served_page(opened, {"http://plain.test": html_of(made_set(tmp_path, "plain"))}) as page:
        assert page.evaluate("navigator.clipboard === undefined")
        root, field = carousel(page, "plain"), page.locator(".seedream-marked")
        button(root, "More").click()
        button(root, "Copy redo").click()
        expect(root.locator("[data-key=redo]")).to_have_text("Copied")
        expect(root.locator("[data-key=redo]")).to_be_focused()
        expect(field).to_have_count(0)
        assert '.show("plain").redo(0)' in pasted(page)
        page.evaluate(
            "document.execCommand = () => false; addEventListener('keydown', (e) => { window.heard = e.key; })"
        )
        button(root, "Next frame").click()
        button(root, "More").click()
        button(root, "Copy vary").click()
        expect(field).to_be_visible()
        for key in ("Control+c", "ArrowRight"):
            page.keyboard.press(key)
        assert page.evaluate("window.heard") is None
        expect(position(root)).to_have_text("2 / 4")
        assert '[1].vary("warmer")' in pasted(page)
        expect(field).to_have_count(0)


def test_a_set_in_a_sandboxed_frame_of_another_site(opened: Browser, tmp_path: Path) -> None:
    """It is a carousel; full size is its preview and says so, for the originals are not there; texts are copied."""
    sites = {"https://notebooks.test": FRAME, "https://outputs.test": html_of(made_set(tmp_path, "framed"))}
    with served_page(opened, sites) as page:
        inside = page.frames[1]
        root = carousel(inside, "framed")
        button(root, "Next frame").click()
        page.keyboard.press("ArrowRight")
        expect(position(root)).to_have_text("3 / 4")
        button(root, "Compare").click()
        expect(root.locator("figure").filter(visible=True)).to_have_count(2)
        button(root, "Full size").click()
        expect(root.get_by_role("status")).to_contain_text("The original cannot be opened")
        page.keyboard.press("Escape")
        button(root, "More").click()
        button(root, "Copy prompt").click()
        expect(root.locator("[data-key=prompt]")).to_have_text("Copied")
        assert pasted(page) == "framed 4"
