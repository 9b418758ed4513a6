"""The output of a sweep: every label, state and word is in it, within its budget, readable without scripts."""

from __future__ import annotations

import base64
import json
import re
import zipfile
from dataclasses import replace
from itertools import product
from pathlib import Path

import pypdfium2 as pdfium
import pytest
from PIL import Image

from seedream_magic.api.request import ImageRequest
from seedream_magic.errors import InvalidRequest
from seedream_magic.images.image_set import Frame, ImageSet, cards_of
from seedream_magic.view.cards import Grid, GridCell, GridState
from seedream_magic.view.export_options import ExportOptions
from seedream_magic.view.grid import grid_bundle
from seedream_magic.view.grid_cells import captions_of, title_text
from seedream_magic.view.grid_export import export_grid
from seedream_magic.view.grid_sheet import draw_grid
from seedream_magic.words.carousel import ENGLISH

COLOURS, SIZES, MODELS = (
    ("red", "翠绿色"),
    ("2K", "4K"),
    ("doubao-seedream-4-5", "doubao-seedream-5-0-pro-260128-preview"),
)
RETRY = "sweep.retry()"
HOSTILE = '</script><script>alert(1)</script>" onload="x'


def made_set(name: str, count: int = 1, prompt: str = "a kite") -> ImageSet:
    """A finished set of pictures of noise, the worst to compress, in the current folder."""
    path = Path("noise.jpg").absolute()
    if not path.exists():
        Image.effect_noise((640, 480), 100).convert("RGB").save(path, quality=95)
    frames = tuple(Frame(index, prompt, path, 640, 480, sha256=f"noise{index}") for index in range(count))
    images = ImageSet(ImageRequest(MODELS[0], prompt, "640x480"), "demo", name, Path("runs", name), frames)
    return replace(images, expected=count, state="done", outcome="billed", usage={"generated_images": count}, seconds=1)


def cell(labels: tuple[str, ...], state: GridState = "done", images: ImageSet | None = None, **texts: str) -> GridCell:
    return GridCell(labels, state, cards_of(images) if images else None, **texts)


def mixed_grid() -> Grid:
    """Two colours in two sizes of two models: a cell of every state."""
    refused = "The service refused these words.\nChange them; nothing was billed."
    labels = list(product(COLOURS, SIZES, MODELS))
    running = replace(made_set("running", 2), frames=made_set("running").frames, state="running", usage=None)
    cells = (
        cell(labels[0], images=made_set("one")),
        cell(labels[1], images=made_set("four", 4)),
        cell(labels[2], "failed", message=refused, retry=RETRY),
        cell(labels[3], "hole"),
        cell(labels[4], "running", running),
        cell(labels[5], "running"),
        cell(labels[6], "stopped", message="Stopped before it was sent; nothing was billed.", retry=RETRY),
        cell(labels[7], "waiting"),
    )
    ledger = ("7 runs · 3 images may bill", "¥0.75")
    return Grid("a {red|翠绿色} kite", (("colour", COLOURS), ("size", SIZES), ("model", MODELS)), cells, ledger)


def wide_grid(rows: int, columns: int, count: int = 1, prompt: str = "a kite") -> Grid:
    """A finished sweep of so many cells."""
    axes = (("word", tuple(f"word {row}" for row in range(rows))), ("size", tuple(f"{n}K" for n in range(columns))))
    cells = [
        cell(labels, images=made_set("-".join(labels), count, prompt)) for labels in product(axes[0][1], axes[1][1])
    ]
    return Grid(prompt, axes, tuple(cells), ("many runs",))


def test_a_set_that_lacks_pictures_is_counted() -> None:
    """Two runs are done, and one of them came without a picture."""
    lacking = replace(made_set("lacking"), expected=2)
    cells = (cell(("red",), images=made_set("whole")), cell(("blue",), images=lacking))
    bundle = grid_bundle(Grid("a {red|blue} kite", (("vary", ("red", "blue")),), cells))
    assert "2 runs · 1 incomplete" in bundle["text/plain"]


def test_every_label_state_and_word_is_there_without_scripts() -> None:
    """A page for each model, a head for each row and column, what failed with its retry; a hole is empty."""
    html = grid_bundle(mixed_grid())["text/html"]
    text = re.sub("<[^>]*>", "\n", re.sub("<(style|script).*?</\\1>", "", html, flags=re.DOTALL))
    for words in (*COLOURS, *SIZES, *(f"model: {model}" for model in MODELS), "7 runs · 3 images may bill", "¥0.75"):
        assert words in text, words
    assert "Change them; nothing was billed." in text
    assert "Stopped before it was sent" in text
    assert text.count(RETRY) == 2
    assert "2 of 7 runs done · 2 under way · 1 waiting · 1 failed · 1 stopped · 1 skipped" in text
    assert (html.count("<img"), html.count("seedream-hole")) == (1 + 4 + 1, 1 + html.count(".seedream-hole"))
    assert 'data-label="red, 2K, doubao-seedream-5-0-pro-260128-preview, 4 images"' in html


def test_a_star_is_seen_in_its_cell() -> None:
    """As many as there are among its pictures."""
    images = made_set("starred", 3)
    cards = cards_of(images)
    starred = replace(cards, cards=(replace(cards.cards[0], starred=True), *cards.cards[1:]))
    html = grid_bundle(Grid("x", (("a", ("one",)),), (GridCell(("one",), "done", starred),)))["text/html"]
    assert re.search('class="seedream-tally"[^>]*>★ · 3 images<', html)


def test_a_text_of_at_most_eight_lines() -> None:
    """Prompt, axes, how far it is, the ledger, the first that went wrong, and till when that was so."""
    lines = grid_bundle(mixed_grid())["text/plain"].splitlines()
    assert lines[:3] == [
        "a {red|翠绿色} kite",
        f"colour: red, 翠绿色 × size: 2K, 4K × model: {', '.join(MODELS)}",
        "2 of 7 runs done · 2 under way · 1 waiting · 1 failed · 1 stopped · 1 skipped",
    ]
    assert lines[5] == f"failed: red, 4K, {MODELS[0]}: The service refused these words. (and 1 more)"
    assert lines[6].startswith("As of ")
    long = replace(mixed_grid(), title=HOSTILE * 100 + "\n\n", ledger=("line\nline " * 200,) * 20)
    assert len(grid_bundle(long)["text/plain"].splitlines()) <= 8


@pytest.mark.parametrize(("rows", "columns", "count"), [(6, 6, 1), (20, 10, 1), (6, 6, 15), (500, 10, 1)])
def test_the_notebook_stays_small(rows: int, columns: int, count: int) -> None:
    """36 cells, 200, 36 sets of fifteen, 5,000: below a million bytes, and whoever sees small pictures reads why."""
    bundle = grid_bundle(wide_grid(rows, columns, count, "a kite above a lake, " * 20))
    assert len(json.dumps(bundle)) < 1_000_000
    assert ("the originals are on disk." in bundle["text/html"]) == (rows * columns * count > 36)
    assert ("4,000 more runs not shown here." in bundle["text/html"]) == (rows == 500)


def test_no_text_becomes_html() -> None:
    """Whatever stands in a prompt, a label, a message."""
    hostile = cell((HOSTILE,), "failed", message=HOSTILE, retry=HOSTILE)
    done = cell((HOSTILE,), images=made_set("x", prompt=HOSTILE))
    html = grid_bundle(Grid(HOSTILE, ((HOSTILE, (HOSTILE,) * 2),), (hostile, done), (HOSTILE,)))["text/html"]
    scripts = re.findall("<script>.*?</script>", html, flags=re.DOTALL)
    assert len(scripts) == 1
    assert "<script>alert" not in html
    assert '" onload=' not in html


def test_an_export_names_its_axes() -> None:
    """Groups without their braces, options with their values; captions with the names that a person knows."""
    axes = (("vary", ("red", "blue")), ("size", ("2K", "4K")))
    cells = tuple(GridCell(labels, "waiting") for labels in product(*(labels for _, labels in axes)))
    grid = Grid("a {red|blue} kite", axes, cells)
    assert title_text(grid, ENGLISH) == "a red / blue kite · size: 2K, 4K"
    assert captions_of(grid, 1, ENGLISH) == "red, size: 4K"


def test_where_columns_are_many_a_sign_stands_for_words() -> None:
    """They would be broken by syllables; the sign says it to who points at it, and to who cannot see it."""
    axes = (("vary", ("red",)), ("take", tuple(map(str, range(20)))))
    cells = tuple(GridCell(("red", label), "stopped", message="It was not sent.") for label in axes[1][1])
    html = grid_bundle(Grid("a kite", axes, cells))["text/html"]
    assert html.count('aria-label="stopped: It was not sent."') == 20
    assert '<strong style="font-weight:600">stopped' not in html


def test_pages_stand_beside_one_another_where_the_sheet_would_be_a_ribbon() -> None:
    """Four pages of two columns and five rows: two by two, and no wider than was asked for."""
    axes = (("a", tuple("12345")), ("b", tuple("xy")), ("size", ("1K", "2K", "3K", "4K")))
    cells = tuple(GridCell(labels, "waiting") for labels in product(*(labels for _, labels in axes)))
    sheet = draw_grid(Grid("a kite", axes, cells), 1600, lambda *_: None)
    assert sheet.width <= 1600
    assert 0.5 < sheet.height / sheet.width < 2


def test_the_contact_sheet_has_the_labels() -> None:
    """Of a sweep that has ended; while it grows an update stays light. No label is cut, however long."""
    assert "image/jpeg" not in grid_bundle(mixed_grid())
    assert len(grid_bundle(wide_grid(4, 4))["image/jpeg"]) < 125_000
    ink = []
    for words in (1, 20, 40):
        grid = replace(wide_grid(2, 2), axes=(("word", ("word " * words, "y")), ("size", ("0K", "1K"))))
        sheet = draw_grid(grid, 1600, lambda *_: None).convert("L")
        ink.append(sum(sheet.histogram()[:140]))
    assert ink[2] - ink[1] == pytest.approx((ink[1] - ink[0]) * 20 / 19, rel=0.05)


def test_a_page_has_the_originals_and_no_retry() -> None:
    """The grid as others read it: labels, pictures, with facts what failed; no cell that only a kernel can run."""
    grid = mixed_grid()
    html = export_grid(grid, "sweep.html", ExportOptions()).read_text(encoding="utf-8")
    links = re.findall(r'href="data:image/jpeg;base64,([^"]*)"', html)
    assert [base64.b64decode(link) for link in links] == [Path("noise.jpg").read_bytes()] * 6
    assert RETRY not in html
    assert "images may bill" not in html
    refused = "The service refused these words."
    assert refused not in html
    assert refused in export_grid(grid, "sweep.html", ExportOptions(facts=True)).read_text("utf-8")
    assert "<h1><bdi>a red / 翠绿色 kite" in html
    Path("noise.jpg").rename("gone.jpg")
    with pytest.raises(InvalidRequest, match="no picture"):
        export_grid(grid, "gone.html", ExportOptions())
    assert not Path("gone.html").exists()


def test_a_document_has_a_page_for_each_picture_with_its_labels() -> None:
    """The prompt on the cover; a picture that is gone is left out, and told."""
    grid = mixed_grid()
    pictures = [card for cell in grid.cells if cell.cards for card in cell.cards.pictures]
    with pdfium.PdfDocument(export_grid(grid, "sweep.pdf", ExportOptions())) as document:
        pages = [" ".join(page.get_textpage().get_text_bounded().split()) for page in document]
        shown = [sum(one.type == 3 for one in page.get_objects()) for page in document]
    assert "kite" in pages[0]
    assert shown == [0, *[1] * len(pictures)]
    assert pages[1].startswith("colour: red, size: 2K, model: ")


def test_an_archive_and_a_sheet_say_which_cell_is_which() -> None:
    """A folder for each cell, named by its labels, and all labels in captions.json; the sheet is as wide as asked. What
    failed, and by which model, is told with facts only.
    """
    with zipfile.ZipFile(export_grid(mixed_grid(), "sweep.zip", ExportOptions())) as archive:
        assert archive.namelist()[:2] == [
            f"001 red, 2K, {MODELS[0]}/01-kite.jpg",
            f"002 red, 2K, {MODELS[1]}/01-kite.jpg",
        ]
        told = json.loads(archive.read("captions.json"))
    assert told["cells"][1]["frames"][3]["file"] == f"002 red, 2K, {MODELS[1]}/04-kite.jpg"
    assert all(cell["frames"] for cell in told["cells"])
    assert not {"model", "prompt"} & {*told}
    with zipfile.ZipFile(export_grid(mixed_grid(), "sweep.zip", ExportOptions(facts=True))) as archive:
        told = json.loads(archive.read("captions.json"))
    assert told["cells"][2] == {
        "labels": {"colour": "red", "size": "4K", "model": MODELS[0]},
        "frames": [],
        "state": "failed",
    }
    assert told["model"]
    with Image.open(export_grid(mixed_grid(), "sweep.jpg", ExportOptions(size=800))) as sheet:
        assert 400 < sheet.width <= 800
    with pytest.raises(InvalidRequest, match=r"A sweep is exported as .html, .pdf, .zip, .jpg, .jpeg, .png, not .gif"):
        export_grid(mixed_grid(), "sweep.gif", ExportOptions())
