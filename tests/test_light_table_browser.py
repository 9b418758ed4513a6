"""The light table in a browser: looked at, starred and thinned out by keys that the notebook does not get."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from lab import browser_page
from published import THEME, check_figure
from seedream_magic.images.image_set import Frame, card_of
from seedream_magic.view.light_table import Pane, light_table_bundle
from seedream_magic.words.carousel import ENGLISH
from service import jpeg

pytestmark = pytest.mark.browser
PAGE = """<!DOCTYPE html><meta charset="utf-8"><script>window.heard = [];
addEventListener("keydown", ({ key }) => heard.push(key));</script>"""


@pytest.fixture
def table(opened: Browser, tmp_path: Path) -> Iterator[Page]:
    """Four pictures on a page that hears what keys are left for it."""
    panes = []
    for number in range(4):
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(jpeg(number))
        card = card_of(Frame(0, f"fox number {number}", path, 64, 48))
        panes.append(
            Pane(replace(card, link=None), f"run:r[{number}]", ("m", "64 × 48", "", ""), f"show({number}).star()")
        )
    file = tmp_path / "table.html"
    file.write_text(PAGE + light_table_bundle(panes, ENGLISH)["text/html"], encoding="utf-8")
    with browser_page(opened, viewport={"width": 1000, "height": 800}) as page:
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(file.as_uri())
        yield page
        assert errors == []


def test_a_theme_s_captions_are_not_those_of_a_light_table(table: Page) -> None:
    """Its own letters, beside the picture's left edge."""
    table.add_style_tag(content=THEME)
    table.evaluate("document.body.classList.add('theme')")
    check_figure(table.locator("figure").first)


def test_pictures_are_thrown_out_till_one_is_left(table: Page) -> None:
    """By keys: arrows choose, X throws out, U brings back, S stars, which leaves the line that keeps the star."""
    shown = table.locator("figure:visible")
    shown.first.focus()
    for key in ("ArrowRight", "x", "ArrowRight", "s", "x", "u"):
        table.keyboard.press(key)
    expect(shown).to_have_count(3)
    expect(table.get_by_role("status")).to_have_text("3 of 4")
    expect(table.locator("figure[data-mark=star]")).to_have_attribute("data-label", "4. run:r[3]")
    expect(table.locator(".seedream-keep code")).to_have_text("show(3).star()")
    shown.first.focus()
    for _ in range(5):
        table.keyboard.press("x")
    expect(shown).to_have_count(1)
    expect(table.get_by_role("status")).to_have_text("One is left")
    assert table.evaluate("heard") == []
    table.get_by_role("button", name="Bring back").click()
    expect(shown).to_have_count(2)


def test_all_are_zoomed_and_moved_together(table: Page) -> None:
    """By keys, by a double click, by dragging; the wheel alone scrolls the page."""
    images = table.locator("figure img")
    looks = "images => images.map((image) => image.style.transform)"
    table.locator("figure").first.focus()
    table.keyboard.press("+")
    assert len({*images.evaluate_all(looks)}) == 1
    assert "scale(1.5)" in images.first.evaluate("image => image.style.transform")
    box = images.first.bounding_box()
    assert box is not None
    room = table.locator(".seedream-room").first.bounding_box()
    assert room is not None
    middle = (room["x"] + room["width"] / 2, room["y"] + room["height"] / 2)
    table.mouse.move(*middle)
    table.mouse.down()
    table.mouse.move(middle[0] + 30, middle[1] + 10, steps=3)
    table.mouse.up()
    (moved,) = {*images.evaluate_all(looks)}
    assert "translate(30px, 10px)" in moved
    table.mouse.wheel(0, 50)
    assert images.evaluate_all(looks)[0] == moved
    table.keyboard.press("0")
    assert "scale(1)" in images.evaluate_all(looks)[3]


def test_two_are_laid_over_each_other(table: Page) -> None:
    """With a divider, once two are left."""
    slider = table.get_by_role("button", name="Slider")
    expect(slider).to_be_hidden()
    table.locator("figure").first.focus()
    table.keyboard.press("x")
    table.keyboard.press("x")
    slider.click()
    rooms = table.locator(".seedream-room:visible")
    expect(rooms).to_have_count(2)
    assert rooms.nth(0).bounding_box() == rooms.nth(1).bounding_box()
    table.get_by_role("slider", name="Divider").fill("20")
    assert "20" in table.locator(".seedream-light").evaluate("root => root.style.getPropertyValue('--cut')")
