"""A set as a PDF: pages, spreads and contact sheets, with the originals in them and both scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
import pytest
from PIL import Image

from seedream_magic import ConfigError
from test_export import HOSTILE, made_set

A4 = (595, 842)
CAPTIONS = ["春，小狐狸在雪地里醒来", "It crosses the frozen river", "秋"]


def pages(path: Path) -> list[tuple[tuple[int, int], str, int]]:
    """Of each page its size in points, its words, and how many pictures it has."""
    with pdfium.PdfDocument(path) as document:
        return [
            (
                (round(page.get_width()), round(page.get_height())),
                " ".join(page.get_textpage().get_text_bounded().split()),
                sum(one.type == 3 for one in page.get_objects()),
            )
            for page in document
        ]


def test_a_page_for_each_frame_with_the_original_in_it(tmp_path: Path) -> None:
    """A cover with title and author, then a page for each picture, its words below; the files' own bytes are inside."""
    images = made_set(tmp_path, prompt="seasons", captions=CAPTIONS, failed=(2,), size=(90, 120))
    path = images.export(tmp_path / "new" / "book.pdf", title="四季 Seasons", author="Li")
    assert pages(path) == [(A4, "四季 Seasons Li", 0), (A4, CAPTIONS[0], 1), (A4, CAPTIONS[1], 1)]
    data = path.read_bytes()
    assert all(frame.path.read_bytes() in data for frame in images.ok if frame.path)
    with pdfium.PdfDocument(path) as document:
        facts = document.get_metadata_dict()
    assert (facts["Title"], facts["Author"]) == ("四季 Seasons", "Li")
    assert "doubao-seedream-4-5" in facts["Keywords"]
    assert "trainedAlgorithmicMedia" in facts["Keywords"]


def test_wide_pictures_lie_and_transparent_ones_lose_nothing(tmp_path: Path) -> None:
    """A landscape is on a page that lies; a PNG with alpha has the same pixels in the document."""
    images = made_set(tmp_path, count=1, size=(160, 90))
    picture = Image.linear_gradient("L").resize((160, 90))
    Image.merge("RGBA", (picture, picture, picture, picture)).save(images.folder / "01.jpg", "PNG")
    path = images.export(tmp_path / "one.pdf", captions=False)
    assert pages(path) == [(A4[::-1], "", 1)]
    with pdfium.PdfDocument(path) as document:
        (found,) = (one for one in document[0].get_objects() if one.type == 3)
        assert (
            found.get_bitmap(render=False).to_pil().convert("RGB").tobytes()
            == Image.merge("RGB", [picture] * 3).tobytes()
        )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"layout": "spread"}, [((1191, 842), 2), ((1191, 842), 1)]),
        ({"layout": "sheet"}, [(A4, 3)]),
        ({"layout": "sheet", "page_size": "A5", "title": "All"}, [((420, 595), 3)]),
        ({"page_size": "square"}, [((595, 595), 1)] * 3),
        ({"page_size": "picture", "captions": False}, [((632, 842), 1)] * 3),
    ],
)
def test_layouts(tmp_path: Path, options: dict[str, Any], expected: list[tuple[tuple[int, int], int]]) -> None:
    """Two frames on a spread, all on a sheet; a page as large as its picture has no margin."""
    images = made_set(tmp_path, captions=CAPTIONS, size=(90, 120))
    found = pages(images.export(tmp_path / "book.pdf", **options))
    assert [(size, pictures) for size, _, pictures in found] == expected
    words = "".join(words for _, words, _ in found).replace(" ", "")
    assert all((caption.replace(" ", "") in words) == options.get("captions", True) for caption in CAPTIONS)


def test_facts_and_hostile_words(tmp_path: Path) -> None:
    """With facts each page says what made it; no text breaks the document."""
    images = made_set(tmp_path, prompt=HOSTILE, captions=[HOSTILE * 40, "\ud83c", HOSTILE])
    found = pages(images.export(tmp_path / "book.pdf", with_facts=True, title=HOSTILE[:200]))
    assert len(found) == 4
    assert all("doubao-seedream-4-5" in words for _, words, pictures in found if pictures)


def test_without_fpdf2_one_line_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "fpdf", None)
    with pytest.raises(ConfigError, match="not installed") as raised:
        made_set(tmp_path).export(tmp_path / "book.pdf")
    assert "seedream-magic[pdf]" in raised.value.hint
    assert not (tmp_path / "book.pdf").exists()
