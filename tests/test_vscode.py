"""The carousel in a real VS Code, where the script does not run inside its set and the frame is the whole notebook."""

from __future__ import annotations

import re
from contextlib import chdir
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from conftest import ROOT
from lab import written
from seedream_magic.images.image_set import cards_of
from seedream_magic.view.carousel import set_bundle
from test_carousel_browser import check_contrast, made_set
from vscode import click, install, installed_folder, open_in_vscode, running_vscode

pytestmark = pytest.mark.browser


@pytest.mark.timeout(400)  # npm may have to bring it first
def test_the_carousel_in_vscode(opened: Browser, tmp_path: Path) -> None:
    """Sets are carousels there: mouse and keys turn them, the full size is in sight, Download opens the original."""
    missing = install(installed_folder(ROOT))
    if missing:
        pytest.skip(missing)
    folder = tmp_path / "work"
    folder.mkdir()
    with chdir(folder):
        sets = [made_set(folder, name, (1600, 900)) for name in ("buttons", "below", "further")]
        growing = replace(sets[1], frames=sets[1].frames[:2], state="running", usage=None)
        written(folder / "sets.ipynb", [set_bundle(cards_of(images)) for images in (sets[0], growing, sets[2])])
    with (
        running_vscode(installed_folder(ROOT), folder) as url,
        open_in_vscode(opened, url, "sets.ipynb", "Default Dark Modern") as (page, inside),
    ):
        expect(inside.locator(".seedream-live")).to_have_count(3, timeout=30_000)
        expect(inside.locator(".seedream-thumbs")).to_have_count(3)
        root = inside.locator('.seedream[data-run="buttons"]')
        position = root.locator("> .seedream-bar .seedream-position")
        click(page, inside, "[data-run=buttons] > .seedream-bar [data-key=next]")
        expect(position).to_have_text("2 / 4")
        page.keyboard.press("ArrowRight")
        expect(position).to_have_text("3 / 4")
        # The frame is transparent; below it is the editor.
        inside.evaluate("document.body.style.background = 'var(--vscode-editor-background)'")
        check_contrast(inside)
        click(page, inside, "[data-run=buttons] [data-key=full]")
        large = inside.get_by_role("dialog", name="Full size 3 / 4").get_by_role("img")
        expect(large).to_have_js_property("naturalWidth", 1600)
        click(page, inside, "[data-run=buttons] dialog [data-key=close]")  # in the window, or the click goes nowhere
        expect(inside.locator("dialog[open]")).to_have_count(0)
        click(page, inside, "[data-run=buttons] .seedream-tools a")
        expect(page.get_by_role("tab", name=re.compile(r"^03\.jpg"))).to_be_visible()
