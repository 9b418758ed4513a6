"""Two carousels of fifteen in one notebook: reopened in JupyterLab, and slid through, in Chromium."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from lab import Lab, browser, open_notebook, running_jupyterlab, trust, visited, written
from pictures import KEY, served
from seedream_magic import Seedream
from seedream_magic.images.image_set import cards_of
from seedream_magic.view.carousel import set_bundle
from table import Row, in_turn, seconds

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_SLIDES = 61
_FRAMES = """async turns => {
    const next = document.querySelector('.seedream [data-key="next"]');
    const began = performance.now();
    for (let turn = 0; turn < turns; turn++) {
        next?.click();
        await new Promise(requestAnimationFrame);
    }
    return turns * 1000 / (performance.now() - began);
}"""
"""Turns to the next picture in each frame that is drawn; where there is no carousel it only counts the frames."""


def _plain(bundle: dict[str, Any], sources: list[str]) -> dict[str, Any]:
    """The floor: the same pictures, and nothing else."""
    images = "".join(f'<img src="{source}" width="180">' for source in sources)
    return {"text/html": f'<div class="plain">{images}</div>', "text/plain": bundle["text/plain"]}


def _notebooks(folder: Path, home: Path) -> None:
    """ours.ipynb and floor.ipynb, signed, each with two outputs of fifteen pictures."""
    with served(side=1024) as service:
        client = Seedream("anyfast", api_key=KEY, base_url=service.url, store=folder / "seedream-runs")
        sets = [client.generate(f"fifteen, {name}", images=15, stream=False) for name in ("first", "second")]
    bundles = [set_bundle(cards_of(images)) for images in sets]
    sources = [re.findall('src="(data:[^"]*)"', bundle["text/html"]) for bundle in bundles]
    plain = [_plain(bundle, found) for bundle, found in zip(bundles, sources, strict=True)]
    for name, outputs in (("ours", bundles), ("floor", plain)):
        trust(written(folder / f"{name}.ipynb", outputs), home)


def _open(page: Page, lab: Lab, name: str) -> None:
    """Open a notebook; what is wanted of it is there and answers."""
    open_notebook(page, lab.url, f"{name}.ipynb")
    if name == "floor":
        page.wait_for_function("[...document.querySelectorAll('.plain img')].filter(img => img.complete).length === 30")
        return
    expect(page.locator(".seedream-live")).to_have_count(2)
    page.locator('.seedream [data-key="next"]').first.click()
    expect(page.locator(".seedream-position").first).to_have_text("2 / 15")


def _interactive(lab: Lab, name: str) -> float:
    with lab.page() as page:
        return seconds(partial(_open, page, lab, name))


def _rate(page: Page) -> float:
    page.bring_to_front()
    places = page.locator(".seedream-position")
    before = places.all_text_contents()
    rate = float(page.evaluate(_FRAMES, _SLIDES))
    assert not before or places.all_text_contents() != before  # it slides: 61 is no multiple of fifteen
    return rate


def _rows(opened: Browser) -> Iterator[Row]:
    folder, home = Path("notebooks").absolute(), Path("home").absolute()
    for made in (folder, home):
        made.mkdir()
    _notebooks(folder, home)
    with running_jupyterlab(folder, home) as server, visited(opened, server) as lab:
        lab.profile.set_default_timeout(90_000)  # a slow answer is a figure, too
        ways = {"ours": partial(_interactive, lab, "ours"), "floor": partial(_interactive, lab, "floor")}
        figures = in_turn(ways)
        ratio = figures.ratio("ours", "floor")
        goal = f"at most 1.2x a grid of plain <img>; it is {ratio:.2f}x"
        name = "two carousels of 15 reopened, from the address to a turned picture"
        limit = "Nine tenths are JupyterLab's own start, which the floor has, too"
        yield Row(name, "s", figures.of, goal, ratio <= 1.2, limit)
        with lab.page() as ours, lab.page() as floor:
            _open(ours, lab, "ours")
            _open(floor, lab, "floor")
            figures = in_turn({"ours": partial(_rate, ours), "floor": partial(_rate, floor)})
    rate, share = figures.median(), figures.ratio("ours", "floor")
    goal = f"60 frames a second while sliding; it is {rate:.0f}, {share:.2f}x those of a page where nothing moves"
    limit = "Headless Chromium paints by the processor; a page where nothing moves is the floor"
    yield Row("frames a second while a carousel slides", "fps", figures.of, goal, rate >= 58, limit)


def rows() -> Iterator[Row]:
    """Seven openings of each in one profile, whose cache is warm; nothing where there is no Chromium."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is not None:
        with browser(program) as opened:
            yield from _rows(opened)
