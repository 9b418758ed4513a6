"""A notebook published as a page by Sphinx, and what a reader must find on it in every theme."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from conftest import skip_or_fail
from lab import browser_page
from test_carousel_browser import CONTRAST, box_of

TEXTS = (
    ".seedream-current :is(.seedream-caption, .seedream-label)",
    ".seedream > .seedream-facts",
    ".seedream > .seedream-bar :is(.seedream-word, .seedream-position)",
    ".seedream-alone figcaption",
    ".seedream-table :is(td, th)",
)


THEME = """
.theme figure { margin: 1em auto; text-align: center }
.theme figcaption { max-width: 24rem; margin: 1em auto; color: #808080; text-align: center; font: italic 600 1em serif }
.theme img { padding: 8px; background: #fff; filter: invert(1) }
"""
"""What themes say of pictures and captions: Material's, furo's and pydata's rules in one."""


def built(notebook: Path, folder: Path, *, extension: str, theme: str) -> Path:
    """The notebook as Sphinx publishes it; it is not run again."""
    missing = [name for name in (extension, theme) if importlib.util.find_spec(name) is None]
    if missing:
        skip_or_fail(f"{' and '.join(missing)} cannot be imported")
    shutil.copy(notebook, folder)
    settings = {"extensions": [extension], "html_theme": theme, "root_doc": notebook.stem, "exclude_patterns": ["html"]}
    never = {"nb_execution_mode": "off"} if extension == "myst_nb" else {"nbsphinx_execute": "never"}
    lines = (f"{name} = {value!r}\n" for name, value in {**settings, **never}.items())
    (folder / "conf.py").write_text("".join(lines), encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", str(folder), str(folder / "html")]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return folder / "html" / f"{notebook.stem}.html"


def check_published(opened: Browser, address: Path) -> None:
    """In light and dark: texts stand out, captions stand below their pictures, and those have their own colours."""
    for scheme in ("light", "dark"):
        with browser_page(opened, color_scheme=scheme, reduced_motion="reduce") as page:
            page.route("http*://**", lambda route: route.abort())
            page.goto(address.as_uri(), wait_until="domcontentloaded")
            sets = page.locator(".seedream-live")
            expect(sets).to_have_count(2)
            expect(page.locator(":has(> .seedream-nothing)")).to_be_hidden()
            for text in TEXTS:
                contrasts = page.locator(text).evaluate_all(f"nodes => nodes.map({CONTRAST})")
                assert min(contrasts) >= 4.5, (scheme, text)
            for figure in (sets.first.locator(".seedream-current"), page.locator(".seedream-alone figure")):
                check_figure(figure)


def check_figure(figure: Locator) -> None:
    """The picture has its own colours; its caption stands below it, in letters of its own."""
    picture, caption = figure.locator("img"), figure.locator("figcaption")
    for name, value in (("font-style", "normal"), ("font-weight", "400"), ("text-align", "left")):
        expect(caption).to_have_css(name, value)
    assert box_of(caption)["left"] == pytest.approx(box_of(picture)["left"], abs=1)
    for name, value in (("filter", "none"), ("background-color", "rgba(0, 0, 0, 0)"), ("padding", "0px")):
        expect(picture).to_have_css(name, value)
