"""`make screenshots`: how sets and sweeps look, as pictures in build/screenshots/, and how many bytes outputs have.

Every case is an output as the notebook gets it, in a page of its own for each theme and width, in Chromium.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, cast

from PIL import Image
from playwright.sync_api import Browser

from conftest import ROOT, find_chromium
from lab import browser, browser_page
from seedream_magic.api.request import ImageRequest
from seedream_magic.demo.painter import paint
from seedream_magic.errors import ContentRefused, ImageError, OutcomeUnknown
from seedream_magic.images.image_set import Frame, ImageSet, cards_of
from seedream_magic.view.cards import Grid, GridCell, GridState
from seedream_magic.view.carousel import set_bundle
from seedream_magic.view.grid import grid_bundle

TARGET = ROOT / "build" / "screenshots"
THEMES = {"light": ("#ffffff", "#1f1f1f", "#0069d6"), "dark": ("#111111", "#e6e6e6", "#4da3ff")}
WIDTHS = {"narrow": 320, "wide": 1100}
SIZES = ((768, 768), (960, 540), (540, 960), (1120, 480), (1600, 100), (100, 1600))
ENGLISH = ("a mountain village in spring", "the same village in summer", "in autumn, red leaves", "in winter, at night")
CHINESE = ("山村的春天，桃花盛开", "夏日的山村，绿荫满地", "秋天的山村，层林尽染", "冬夜的山村，大雪纷飞")
LONG = "A mountain village beside a lake, seen from a hill, drawn in flat colours with long shadows; " * 5
REFUSED = ContentRefused("The service refused this picture.", code="OutputImageSensitive", hint="Change the words.")
LOST = ImageError("The picture was made but is not here: the download broke off after 3 tries.")
UNKNOWN = OutcomeUnknown("The connection broke before an answer came.")


def made_set(name: str, count: int, size: tuple[int, int], captions: tuple[str, ...] = ENGLISH) -> ImageSet:
    """A finished set of painted pictures in the current folder."""
    folder = Path("seedream-runs", name).absolute()
    folder.mkdir(parents=True)
    frames = []
    for index in range(count):
        prompt = captions[index % len(captions)]
        path = folder / f"{index + 1:02}.jpg"
        path.write_bytes(paint(prompt, index, width=size[0], height=size[1], watermark=False))
        frames.append(Frame(index, prompt, path, *size, sha256=f"{name}{index}"))
    request = ImageRequest("doubao-seedream-4-5", ";".join(captions[:count]), f"{size[0]}x{size[1]}")
    images = ImageSet(request, "demo", name, folder, tuple(frames), expected=count)
    usage = {"generated_images": count, "total_tokens": 16_384 * count}
    return replace(images, state="done", outcome="billed", usage=usage, seconds=12.3 * count)


def cases() -> Iterator[tuple[str, ImageSet]]:
    """Every set of the matrix with its name; "grid" in the name lays it out so."""
    for wide, high in SIZES:
        yield f"4-{wide}x{high}", made_set(f"four-{wide}x{high}", 4, (wide, high))
    one, fifteen = made_set("one", 1, (768, 768)), made_set("fifteen", 15, (480, 320))
    four, chinese = made_set("states", 4, (800, 600)), made_set("chinese", 4, (960, 540), CHINESE)
    yield from {"1": one, "1-banner": made_set("banner", 1, (1600, 100)), "15": fifteen, "15-grid": fifteen}.items()
    waiting = replace(four, state="running", usage=None)
    yield "waiting-nothing-yet", replace(waiting, frames=())
    yield "waiting-one", replace(waiting, frames=(), expected=1, request=replace(four.request, prompt="one village"))
    yield "waiting-grid", replace(waiting, frames=four.frames[:2])
    failed = (Frame(0, four[0].prompt, error=REFUSED), four[1], Frame(2, four[2].prompt, error=LOST), four[3])
    for name in ("failed", "failed-grid"):
        yield name, replace(four, frames=failed)
    nothing = (Frame(0, "a village", error=UNKNOWN),)
    yield "failed-all", replace(four, frames=nothing, expected=1, usage=None, outcome="unknown")
    yield "stopped", replace(four, frames=four.frames[:2], state="stopped", usage=None)
    for name, images in (("interrupted", four), ("chinese-interrupted", chinese)):
        yield name, replace(images, frames=images.frames[:2], interrupted=True, usage=None)
    yield "replayed", replace(four, replayed=True)
    yield "chinese", chinese
    yield "chinese-failed", replace(chinese, frames=(replace(failed[0], prompt=CHINESE[0]), *chinese[1:]))
    long = replace(four, frames=tuple(replace(frame, prompt=LONG) for frame in four))
    yield "long", long.with_note("The service made 4 of the 5 images asked for.")


def grids() -> Iterator[tuple[str, Grid]]:
    """Sweeps: a cell of every state on two pages, sets of several shapes in Chinese, a wall of one axis."""
    colours, sizes, models = ("red", "blue with a very long ribbon tail"), ("2K", "4K"), ("doubao-seedream-4-5", "4-0")
    states = ("done", "failed", "running", "waiting", "done", "hole", "stopped", "done")
    cells = []
    for number, (labels, state) in enumerate(zip(product(colours, sizes, models), states, strict=True)):
        cards = cards_of(made_set(f"sweep{number}", 1, (640, 480))) if state == "done" else None
        failed = state in {"failed", "stopped"}
        said = "The service refused these words.\nChange them; nothing was billed." if failed else ""
        cells.append(GridCell(labels, cast("GridState", state), cards, said, "sweep = sweep.retry()" if failed else ""))
    axes = (("colour", colours), ("size", sizes), ("model", models))
    yield "sweep", Grid("a {red|blue …} kite", axes, tuple(cells), ("7 runs: 1 in the library, 6 to send.",))
    words, ratios = ("春天", "秋天"), {"1:1": (600, 600), "16:9": (720, 405), "9:16": (405, 720)}
    sets = [
        made_set(f"sets{word}{count}", count, ratios[ratio], CHINESE)
        for word, (count, ratio) in product(words, zip((1, 4, 6), ratios, strict=True))
    ]
    done = tuple(
        GridCell(labels, "done", cards_of(one)) for labels, one in zip(product(words, ratios), sets, strict=True)
    )
    yield (
        "sweep-sets",
        Grid("{春天|秋天}的山村", (("词", words), ("ratio", tuple(ratios))), done, ("共 6 次请求：6 次将发送。",)),
    )
    looks = ("watercolour", "ink wash on rice paper", "linocut", "flat vector poster in three colours", "水墨")
    wall = tuple(GridCell((look,), "done", cards_of(made_set(f"wall{look}", 1, (600, 400)))) for look in looks)
    yield "sweep-wall", Grid("a fox, {…}", (("look", looks),), wall, ("5 runs: 5 to send.",))


def page_of(bundles: dict[str, dict[str, Any]], theme: str) -> str:
    """The outputs below one another, in the colours that a front end would give."""
    ground, ink, accent = THEMES[theme]
    style = f"background:{ground};color:{ink};--jp-content-font-color1:{ink};--jp-brand-color1:{accent}"
    parts = (f'<section id="{name}">{bundle["text/html"]}</section>' for name, bundle in bundles.items())
    look = "section { padding: 12px 0 } body { margin: 12px; font: 14px/1.5 system-ui, 'Noto Sans CJK SC', sans-serif }"
    head = f'<head><meta charset="utf-8"><style>{look}</style></head>'
    return f'<!DOCTYPE html><html style="color-scheme:{theme};{style}">{head}<body>{"".join(parts)}</body></html>'


def photograph(opened: Browser, bundles: dict[str, dict[str, Any]], theme: str, width: str) -> None:
    """A picture of each output, of its compared and enlarged states, and one of the whole page."""
    kind, window = f"{theme}-{width}", {"width": WIDTHS[width], "height": 900}
    Path(f"{kind}.html").write_text(page_of(bundles, theme), encoding="utf-8")
    with browser_page(opened, viewport=window, color_scheme=theme, reduced_motion="reduce") as page:
        page.goto(Path(f"{kind}.html").absolute().as_uri())
        page.screenshot(path=TARGET / f"{kind}.png", full_page=True)
        for name in bundles:
            page.locator(f"[id='{name}']").screenshot(path=TARGET / f"{name}-{kind}.png")
        cell = page.locator("#sweep-sets .seedream-door").nth(1)
        cell.click()
        page.screenshot(path=TARGET / f"sweep-open-{kind}.png")
        page.keyboard.press("Escape")
        root = page.locator("#replayed .seedream")
        for key in ("compare", "slider"):
            root.locator(f"[data-key={key}]").click()
            root.screenshot(path=TARGET / f"{key}-{kind}.png")
        root.locator("[data-key=full]").click()
        page.screenshot(path=TARGET / f"full-{kind}.png")


def weigh() -> Iterator[str]:
    """The table of bytes: sets of noise, the pictures that compress worst."""
    yield f"{'frames':>6} {'output':>9} {'one update':>11} {'all updates':>12}"
    Image.effect_noise((4096, 4096), 100).convert("RGB").save("noise.jpg", quality=95)
    for count in (1, 4, 15):
        request = ImageRequest("doubao-seedream-4-5", LONG, "4096x4096")
        frames = tuple(Frame(index, LONG, Path("noise.jpg"), 4096, 4096, sha256="noise") for index in range(count))
        images = ImageSet(request, "demo", "noise", Path(), frames, expected=count)
        growing = [replace(images, frames=frames[:landed]) for landed in range(count + 1)]
        updates = [len(json.dumps(set_bundle(cards_of(one)))) for one in growing]
        output = len(json.dumps(set_bundle(cards_of(replace(images, state="done", outcome="billed")))))
        yield f"{count:>6} {output:>9,} {max(updates):>11,} {sum(updates) + output:>12,}"


def main() -> None:
    """Make every picture and print the table."""
    chromium = find_chromium()
    if chromium is None:
        sys.exit("No Chromium is installed.")
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder, chdir(folder), browser(chromium) as opened:
        bundles = {
            name: set_bundle(cards_of(replace(one, run_id=name)), show="grid" if "grid" in name else "carousel")
            for name, one in cases()
        }
        bundles |= {name: grid_bundle(grid) for name, grid in grids()}
        for theme in THEMES:
            for width in WIDTHS:
                photograph(opened, bundles, theme, width)
        sys.stdout.writelines(line + "\n" for line in weigh())
    sys.stdout.write(f"{len(list(TARGET.iterdir()))} pictures in {os.path.relpath(TARGET)}\n")


if __name__ == "__main__":
    main()
