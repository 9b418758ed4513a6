"""`%seedream models`: the table says what api/models.py says, in HTML that a sanitizer leaves as it is, and as text."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from lab import browser_page
from seedream_magic import Seedream
from seedream_magic.api import models
from seedream_magic.api.models import KNOWN_IDS, Model, ids_for
from seedream_magic.images.history_rows import history_bundle
from seedream_magic.library import history
from seedream_magic.notebook.models_table import models_bundle
from seedream_magic.words.language import choose_language

MODELS = [model for model in vars(models).values() if isinstance(model, Model)]
CURRENT = "doubao-seedream-4-5"


def line_of(model: Model, text: str) -> str:
    return next(line for line in text.splitlines() if re.match(rf"{re.escape(model.name)}( |$)", line))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_each_line_tells_what_the_model_takes(model: Model) -> None:
    """Presets, pixels, sets, streaming and references are those that requests are checked by, in text and HTML."""
    bundle = models_bundle("ep-1")
    line = line_of(model, bundle["text/plain"])
    facts = [*model.presets, f"{model.minimum_area:,} - {model.maximum_area:,}", f" {model.references or 'none'} "]
    assert all(fact in line for fact in facts), line
    assert ("2-15" in line) is model.sets
    assert ("yes" in line) is model.stream
    assert line.endswith("jpeg png") is ("output_format" in model.fields)
    assert f">{model.minimum_area:,} - {model.maximum_area:,}</div>" in bundle["text/html"]
    for text in bundle.values():  # whoever doubts a number knows where it is from and of when it is
        assert "BytePlus" in text
        assert "August 2026" in text


def test_ids_are_told_by_provider() -> None:
    """ByteDance's clouds take dated ids, each its own; the gateway and the demo the undated ones; none is left out."""
    assert "doubao-seedream-4-5-251128" in ids_for("ark")
    assert "dola-seedream-5-0-pro-260628" in ids_for("byteplus")
    text = models_bundle(CURRENT)["text/plain"]
    assert all(known in text for known in KNOWN_IDS)
    page = models_bundle(CURRENT)["text/html"]
    for known in KNOWN_IDS:  # one id a line, in one piece, its provider before it
        assert re.search(rf"<div><span [^>]+>[a-z, -]+</span> <span [^>]+>{re.escape(known)}</span></div>", page)


@pytest.mark.parametrize(
    ("model_id", "beginning"),
    [
        ("seedream-5-0-260128", "Seedream 5.0 lite"),
        ("ep-20260101-abcde", "ep-20260101-abcde not checked"),
    ],
)
def test_the_session_s_model_is_marked(model_id: str, beginning: str) -> None:
    """Below one line it stands, that of the model that would draw; one that nobody knows is a line that says so."""
    lines = models_bundle(model_id)["text/plain"].splitlines()
    (marked,) = [above for above, line in pairwise(lines) if line == "    ← this session"]
    assert re.sub(" +", " ", marked).startswith(beginning)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("PRO ark", ["Seedream 5.0 Pro"]),
        ("web-search", ["Seedream 5.0 lite"]),
        ("seedream-5-0-flash-270101", ["Seedream 5.0 Flash"]),
        ("ep-77", ["ep-77"]),
        ("zebra", [model.name for model in MODELS]),
    ],
)
def test_words_choose_lines(words: str, names: list[str]) -> None:
    """Words are looked for in names, ids and options; an id need not be listed; where none fits, all lines show."""
    text = models_bundle(CURRENT, words)["text/plain"]
    heads = [line.partition("  ")[0] for line in text.partition("\n\n")[0].splitlines()[1:]]
    assert [head for head in heads if head] == names
    assert ("No line has 'zebra'" in text) is (words == "zebra")


def test_html_needs_nothing_and_is_read_whole() -> None:
    """Tables, text and inline styles, which sanitizers keep; an id is text."""
    page = models_bundle("ep-<img src=x>")["text/html"]
    assert set(re.findall(r"<([a-z]+)", page)) == {"div", "span", "table", "thead", "tbody", "tr", "th", "td", "p"}
    assert set(re.findall(r' ([a-z-]+)="', page)) == {"class", "style", "scope"}
    assert "ep-&lt;img src=x&gt;" in page
    assert "<div>--optimize-prompt fast</div>" in page
    assert "← this session</div>" in page


def test_columns_align_in_a_terminal() -> None:
    """Chinese headings take two columns a character: each column begins at the same place in every line."""
    choose_language("zh")
    text = models_bundle("ep-1")["text/plain"]
    before = text.splitlines()[0].partition("尺寸")[0]
    assert line_of(MODELS[0], text).index("1K 2K 4K") == len(before) + len(re.findall("[\u4e00-\u9fff]", before))


@pytest.mark.browser
@pytest.mark.parametrize("width", [315, 520, 1000])
def test_no_table_is_wider_than_its_page(width: int, opened: Browser, tmp_path: Path) -> None:
    """On a phone and in a narrow notebook what stands beside goes below: every id in one piece, every bill in sight."""
    seedream = Seedream("demo", store=tmp_path)
    seedream.generate("a harbour before sunrise, with every boat and every net told at great length", images=2)
    tables = [models_bundle(CURRENT)["text/html"], history_bundle(history(tmp_path))["text/html"]]
    with browser_page(opened, viewport={"width": width, "height": 900}) as page:
        page.set_content(f"<body style='margin:0;font-family:sans-serif'>{''.join(tables)}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        heights = (
            page.locator("span")
            .filter(has_text=re.compile(r"^(doubao|dola)-.*\d{6}$"))
            .evaluate_all("found => found.map((one) => one.offsetHeight)")
        )
        assert max(heights) < 30
        bill = page.get_by_text("free (demo)").bounding_box()
        assert bill is not None
        assert bill["x"] + bill["width"] <= width
