"""`make screenshots`: how sets look, as pictures in build/screenshots/, and how many bytes their outputs have.

Every case is an output as the notebook gets it, in a page of its own for each theme and width, in Chromium. One sheet
shows each page whole; the three last are a real JupyterLab.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page

from conftest import ROOT, find_chromium
from lab import browser, browser_page, open_notebook, running_jupyterlab, theme, trust, visited, written
from seedream_magic.api.request import ImageRequest
from seedream_magic.demo.painter import paint
from seedream_magic.errors import ContentRefused, ImageError, OutcomeUnknown
from seedream_magic.images.image_set import Frame, ImageSet, cards_of
from seedream_magic.view.carousel import set_bundle

TARGET = ROOT / "build" / "screenshots"
THEMES = {"light": ("#ffffff", "#1f1f1f", "#0069d6"), "dark": ("#111111", "#e6e6e6", "#4da3ff")}
WIDTHS = {"narrow": 320, "wide": 1100}
RATIOS = {
    "1x1": (768, 768),
    "16x9": (960, 540),
    "9x16": (540, 960),
    "21x9": (1120, 480),
    "16x1": (1600, 100),
    "1x16": (100, 1600),
}
ENGLISH = ("a mountain village in spring", "the same village in summer", "in autumn, red leaves", "in winter, at night")
CHINESE = ("山村的春天，桃花盛开", "夏日的山村，绿荫满地", "秋天的山村，层林尽染", "冬夜的山村，大雪纷飞")
LONG = (
    "A mountain village beside a lake, seen from a hill, drawn in flat colours with long shadows and a pale sky; " * 4
)

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
    images = ImageSet(request, "demo", f"20261122T101500-{name}", folder, tuple(frames), expected=count)
    usage = {"generated_images": count, "total_tokens": 16_384 * count}
    return replace(images, state="done", outcome="billed", usage=usage, seconds=12.3 * count)


def cases() -> Iterator[tuple[str, ImageSet, str]]:
    """Every set of the matrix: its name, the set, its layout."""
    for ratio, size in RATIOS.items():
        yield f"4-{ratio}", made_set(f"four-{ratio}", 4, size), "carousel"
    one = made_set("one", 1, (768, 768))
    fifteen = made_set("fifteen", 15, (480, 320))
    four = made_set("states", 4, (800, 600))
    chinese = made_set("chinese", 4, (960, 540), CHINESE)
    yield "1-1x1", one, "carousel"
    yield "1-16x1", made_set("banner", 1, (1600, 100)), "carousel"
    yield "15-3x2", fifteen, "carousel"
    yield "15-grid", fifteen, "grid"
    waiting = replace(four, state="running", usage=None)
    alone = replace(waiting, frames=(), expected=1, request=replace(four.request, prompt="one village"))
    yield "waiting-nothing-yet", replace(waiting, frames=()), "carousel"
    yield "waiting-one", alone, "carousel"
    yield "waiting-grid", replace(waiting, frames=four.frames[:2]), "grid"
    failed = (Frame(0, four[0].prompt, error=REFUSED), four[1], Frame(2, four[2].prompt, error=LOST), four[3])
    nothing = (Frame(0, "a village", error=UNKNOWN),)
    yield "failed", replace(four, frames=failed), "carousel"
    yield "failed-grid", replace(four, frames=failed), "grid"
    yield "failed-all", replace(four, frames=nothing, expected=1, usage=None, outcome="unknown"), "carousel"
    yield "stopped", replace(four, frames=four.frames[:2], state="stopped", usage=None), "carousel"
    yield "replayed", replace(four, replayed=True), "carousel"
    yield "chinese", chinese, "carousel"
    yield "chinese-failed", replace(chinese, frames=(replace(failed[0], prompt=CHINESE[0]), *chinese[1:])), "carousel"
    long = tuple(replace(frame, prompt=LONG) for frame in four)
    yield "long", replace(four, frames=long).with_note("The service made 4 of the 5 images asked for."), "carousel"


def page_of(bundles: dict[str, dict[str, Any]], theme: str) -> str:
    """The outputs below one another, in the colours that a front end would give."""
    ground, ink, accent = THEMES[theme]
    style = f"background:{ground};color:{ink};--jp-content-font-color1:{ink};--jp-brand-color1:{accent}"
    parts = (f'<section id="{name}">{bundle["text/html"]}</section>' for name, bundle in bundles.items())
    look = "section { padding: 12px 0 } body { margin: 12px; font: 14px/1.5 system-ui, 'Noto Sans CJK SC', sans-serif }"
    head = f'<head><meta charset="utf-8"><style>{look}</style></head>'
    body = f"<body>{''.join(parts)}</body>"
    return f'<!DOCTYPE html><html lang="en" style="color-scheme:{theme};{style}">{head}{body}</html>'


def photograph(opened: Browser, bundles: dict[str, dict[str, Any]], theme: str, width: str) -> None:
    """A picture of each output, of its compared and enlarged states, and one of the whole page."""
    page_file = Path(f"{theme}-{width}.html")
    page_file.write_text(page_of(bundles, theme), encoding="utf-8")
    window = {"width": WIDTHS[width], "height": 900}
    with browser_page(opened, viewport=window, color_scheme=theme, reduced_motion="reduce") as page:
        page.goto(page_file.absolute().as_uri())
        page.screenshot(path=TARGET / f"{theme}-{width}.png", full_page=True)
        for name in bundles:
            page.locator(f"[id='{name}']").screenshot(path=TARGET / f"{name}-{theme}-{width}.png")
        compared(page, f"{theme}-{width}")


def compared(page: Page, kind: str) -> None:
    """Two frames side by side, with the divider, and one in the full size."""
    root = page.locator("#replayed .seedream")
    for key in ("compare", "slider"):
        root.locator(f"[data-key={key}]").click()
        root.screenshot(path=TARGET / f"{key}-{kind}.png")
    root.locator("[data-key=full]").click()
    page.screenshot(path=TARGET / f"full-{kind}.png")
    page.keyboard.press("Escape")


def jupyterlabs(opened: Browser, bundles: list[dict[str, Any]]) -> None:
    """The same outputs in a real JupyterLab: light, dark, and as somebody else's notebook."""
    folder, home = Path("lab").absolute(), Path("home").absolute()
    folder.mkdir()
    shutil.copytree("seedream-runs", folder / "seedream-runs")
    written(folder / "own.ipynb", bundles, "# its output was saved")
    written(folder / "foreign.ipynb", [*bundles, bundles[0]], "# nobody has signed this")
    trust(folder / "own.ipynb", home)
    states = (("own", "JupyterLab Light", ".seedream-live"), ("foreign", "JupyterLab Light", ".seedream-strip"))
    with running_jupyterlab(folder, home) as server, visited(opened, server) as lab:
        for name, look, awaited in (*states, ("own", "JupyterLab Dark", ".seedream-live")):
            with theme(home, look), lab.page(1280, 1000) as page:
                open_notebook(page, lab.url, f"{name}.ipynb", awaits=awaited)
                page.screenshot(path=TARGET / f"jupyterlab-{name}-{look.rpartition(' ')[2].lower()}.png")


def weigh() -> Iterator[str]:
    """The table of bytes: sets of noise, the pictures that compress worst."""
    yield f"{'frames':>6} {'pixels':>11} {'output':>9} {'one update':>11} {'all updates':>12}"
    for side in (2048, 4096):
        noise = Path(f"noise{side}.jpg")
        Image.effect_noise((side, side), 100).convert("RGB").save(noise, quality=95)
        for count in (1, 4, 15):
            request = ImageRequest("doubao-seedream-4-5", LONG, f"{side}x{side}")
            frames = tuple(Frame(index, LONG, noise, side, side, sha256=f"{side}") for index in range(count))
            images = ImageSet(request, "demo", "20261122T101500-noise", Path(), frames, expected=count)
            growing = [replace(images, frames=frames[:landed]) for landed in range(count + 1)]
            updates = [len(json.dumps(set_bundle(cards_of(one)))) for one in growing]
            output = len(json.dumps(set_bundle(cards_of(replace(images, state="done", outcome="billed")))))
            yield f"{count:>6} {f'{side}x{side}':>11} {output:>9,} {max(updates):>11,} {sum(updates) + output:>12,}"


def main() -> int:
    """Make every picture and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-lab", action="store_true", help="without the pictures of JupyterLab")
    wanted = parser.parse_args()
    chromium = find_chromium()
    if chromium is None:
        sys.exit("No Chromium is installed.")
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir(parents=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, chdir(folder), browser(chromium) as opened:
        bundles = {name: set_bundle(cards_of(replace(one, run_id=name)), show=show) for name, one, show in cases()}
        for theme in THEMES:
            for width in WIDTHS:
                photograph(opened, bundles, theme, width)
        if not wanted.no_lab:
            jupyterlabs(opened, [bundles[name] for name in ("4-16x9", "failed", "chinese")])
        for line in weigh():
            sys.stdout.write(line + "\n")
    made = len(list(TARGET.iterdir()))
    sys.stdout.write(f"{made} pictures in {os.path.relpath(TARGET)}, {time.monotonic() - began:.0f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
