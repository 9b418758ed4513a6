"""GitHub's Markdown: its own converter, then what it lets through by its public list; and the same for comments.

How it shows a notebook is not public. Notebooks that became Markdown are what is tried.
"""

from __future__ import annotations

import importlib.util
import re
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from conftest import skip_or_fail
from lab import browser_page, written
from seedream_magic.errors import ContentRefused
from seedream_magic.images.image_set import Frame
from seedream_magic.view.grid import grid_bundle
from test_carousel_browser import bundle_of, made_set
from test_grid_browser import made_grid

pytestmark = pytest.mark.browser

# https://github.com/gjtorikian/html-pipeline, lib/html_pipeline/sanitization_filter.rb
ELEMENTS = """
h1 h2 h3 h4 h5 h6 br b i strong em a pre code img tt div ins del sup sub p ol ul table thead tbody tfoot blockquote
dl dt dd kbd q samp var hr ruby rt rp li tr td th s strike summary details caption figure figcaption abbr bdo cite dfn
mark small span time wbr
"""
ATTRIBUTES = {"*": {"alt", "dir", "height", "lang", "scope", "title", "width"}, "a": {"href"}, "img": {"src"}}
TAGS = re.compile(r"</?(?:style|script)>")


def shown_by_github(notebook: Path) -> str:
    """The HTML of a notebook that nbconvert made Markdown of."""
    from nbconvert import MarkdownExporter

    missing = [name for name in ("cmarkgfm", "nh3") if importlib.util.find_spec(name) is None]
    if missing:
        skip_or_fail(f"{' and '.join(missing)} cannot be imported")
    import nh3
    from cmarkgfm import github_flavored_markdown_to_html
    from cmarkgfm.cmark import Options

    markdown, _ = MarkdownExporter().from_filename(str(notebook))
    html = github_flavored_markdown_to_html(f"{markdown}\n\nwords below", Options.CMARK_OPT_UNSAFE)
    kept = nh3.clean(
        html,
        tags=set(ELEMENTS.split()),
        attributes=ATTRIBUTES,
        clean_content_tags={"script"},
        url_schemes={"http", "https"},
    )
    return str(kept)


def test_labels_are_left_and_no_code(opened: Browser, tmp_path: Path, executed: Path) -> None:
    """Captions, reasons and facts. Two tags that it makes text of are read below them, but nothing that stood inside.

    It lets no embedded picture through: what is left of each is its alternative text.
    """
    made = made_set(tmp_path, "green")
    refused = Frame(3, "green 4", error=ContentRefused("Refused.", code="Sensitive", hint="Change the prompt."))
    incomplete = bundle_of(replace(made, frames=(*made.frames[:3], refused)))
    sets = written(tmp_path / "sets.ipynb", [incomplete, grid_bundle(made_grid(tmp_path))])
    for notebook in (sets, executed):
        with browser_page(opened, java_script_enabled=False) as page:
            page.set_content(shown_by_github(notebook))
            words = TAGS.sub("", page.locator("body").inner_text())
            assert words.endswith("words below")
            assert not re.search(r"--ink|=>|<!--|base64|\bconst ", words)
            if notebook is sets:
                told = ("1 / 4", "green 3", "Sensitive", "%seedream retry green", "2K")
                assert all(text in words for text in told)
                assert page.get_by_role("img", name="green 1", exact=True).count() == 1
