"""The gallery in a browser: filtered, walked through and opened; what is not saved is read from its file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from lab import browser_page
from seedream_magic.view.cards import Preview
from seedream_magic.view.gallery import Run, Tile, gallery_bundle
from seedream_magic.view.pictures import preview_of
from seedream_magic.words.carousel import ENGLISH
from service import jpeg

pytestmark = pytest.mark.browser
PAGE = """<!DOCTYPE html><meta charset="utf-8"><script>window.heard = [];
addEventListener("keydown", ({ key }) => heard.push(key));</script>"""
MANY = 3000


@pytest.fixture
def wall(opened: Browser, tmp_path: Path) -> Iterator[Page]:
    """Three thousand pictures of which two have previews, on a page that hears what keys are left for it."""
    runs, previews = [], dict[tuple[str, int], Preview]()
    for number in range(MANY // 2):
        run_id = f"20260504T{number:06d}Z-abcdefghij"
        facts = (
            "demo",
            f"{'a fox' if number % 2 else 'a hen'} number {number}",
            f"model {number % 3}",
            f"{number % 2}.ipynb",
        )
        tiles = (Tile(0, "01.jpg", starred=number == 5, place=0), Tile(1, "02.jpg", place=1))
        runs.append(Run(run_id, *facts, "", "2026-05-04 10:00", 64 / 48, f"runs/{run_id}", tiles))
        if number < 3:
            (tmp_path / "runs" / run_id).mkdir(parents=True)
            for tile in tiles:
                (tmp_path / "runs" / run_id / tile.name).write_bytes(jpeg(tile.index))
    previews[runs[0].id, 0] = previews[runs[0].id, 1] = preview_of(
        tmp_path / "runs" / runs[0].id / "01.jpg", budget=4000
    )
    file = tmp_path / "wall.html"
    file.write_text(PAGE + gallery_bundle(runs, previews, ENGLISH)["text/html"], encoding="utf-8")
    with browser_page(opened, viewport={"width": 1000, "height": 800}) as page:
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(file.as_uri())
        yield page
        assert errors == []


def test_only_what_is_in_sight_is_in_the_page(wall: Page) -> None:
    """However far it is scrolled; what has no preview is read from its file, or says what it is of."""
    tiles = wall.locator(".seedream-tile")
    expect(tiles.first).to_be_visible()
    assert tiles.count() < 200
    expect(wall.locator(".seedream-tile[data-at='4'] img")).to_be_visible()  # of the third run, from its file
    expect(wall.locator(".seedream-tile[data-at='7']")).to_have_text("a fox number 3")  # its file is not there
    scroller = wall.get_by_role("region", name="Gallery")
    scroller.evaluate("node => { node.scrollTop = node.scrollHeight; }")
    expect(wall.locator(f".seedream-tile[data-at='{MANY - 1}']")).to_be_visible()
    assert tiles.count() < 200


def test_words_model_notebook_and_star_filter(wall: Page) -> None:
    """Together; how many are left is said."""
    count = wall.get_by_role("status").first
    expect(count).to_have_text(f"{MANY:,} of {MANY:,}")
    wall.get_by_label("Words").fill("FOX number")
    expect(count).to_have_text(f"{MANY // 2:,} of {MANY:,}")
    wall.get_by_label("Every notebook").select_option("0.ipynb")
    expect(count).to_have_text(f"0 of {MANY:,}")
    wall.get_by_label("Every notebook").select_option("")
    wall.get_by_label("Every model").select_option("model 2")
    expect(count).to_have_text(f"500 of {MANY:,}")
    wall.get_by_role("button", name="Starred only").click()
    expect(count).to_have_text(f"1 of {MANY:,}")
    expect(wall.locator(".seedream-tile")).to_have_count(1)


def test_a_picture_opens_with_what_can_be_done_with_it(wall: Page) -> None:
    """By a click or a key; the code is at hand, Escape closes it, and the focus is on its tile again."""
    first = wall.locator(".seedream-tile[data-at='0']")
    first.focus()
    wall.keyboard.press("ArrowRight")
    expect(wall.locator(".seedream-tile[data-at='1']")).to_be_focused()
    wall.keyboard.press("Enter")
    opened = wall.get_by_role("dialog")
    expect(opened).to_contain_text("%seedream show 20260504T000000Z-abcdefghij")
    expect(opened).to_contain_text("--ref run:20260504T000000Z-abcdefghij[1]")
    expect(opened).to_contain_text('Seedream("demo").show("20260504T000000Z-abcdefghij")[1].star()')
    wall.keyboard.press("ArrowRight")
    expect(opened).to_contain_text("a fox number 1")
    expect(opened.locator("img")).to_have_attribute("src", "runs/20260504T000001Z-abcdefghij/01.jpg")
    wall.keyboard.press("Escape")
    expect(wall.locator(".seedream-tile[data-at='2']")).to_be_focused()
    assert "ArrowRight" not in wall.evaluate("heard")
