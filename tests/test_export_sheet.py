"""The contact sheet that is handed on: captions in both scripts, every shape and number, its origin inside."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from seedream_magic.images.image_set import cards_of
from seedream_magic.view import lettering
from seedream_magic.view.lettering import Lettering, find_lettering, wrap
from seedream_magic.view.provenance import DIGITAL_SOURCE_TYPE, LONGEST_PROMPT, Provenance, storable
from seedream_magic.view.sheet import draw_sheet
from test_export import HOSTILE, made_set

SPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
}
ORIGIN = {
    "Iptc4xmpExt:DigitalSourceType": DIGITAL_SOURCE_TYPE,
    "dc:description": storable(HOSTILE),
    "Iptc4xmpExt:AIPromptInformation": storable(HOSTILE),
    "Iptc4xmpExt:AISystemUsed": "doubao-seedream-4-5",
    "xmp:CreateDate": "2025-03-04T05:06:07+00:00",
}


def chinese_font() -> Lettering:
    found = find_lettering()
    if not found.chinese:
        pytest.skip("no font with Chinese characters is installed")
    return found


def ink(sheet: Image.Image, box: tuple[int, int, int, int]) -> int:
    """How many dark pixels are in a part of the sheet."""
    return sum(sheet.convert("L").crop(box).histogram()[:140])


def xmp_of(path: Path) -> ET.Element:
    with Image.open(path) as sheet:
        packet = sheet.info["xmp"]
    return ET.fromstring(packet.decode() if isinstance(packet, bytes) else packet)


def text_at(tree: ET.Element, name: str) -> str | None:
    (found,) = tree.findall(f".//{name}", SPACES)
    return "".join(found.itertext())


@pytest.mark.parametrize("size", [(64, 64), (1024, 64), (64, 1024)])
@pytest.mark.parametrize("count", [1, 4, 15])
def test_every_shape_and_number_is_readable(tmp_path: Path, size: tuple[int, int], count: int) -> None:
    """No cell is too narrow for its caption or taller than a screen, no sheet out of proportion; `size` scales it."""
    images = made_set(tmp_path, count=count, size=size, captions=[f"frame {index}" for index in range(count)])
    sheet, drawn = draw_sheet(cards_of(images), 1600)
    assert len(drawn.pictures) == count
    assert 600 <= sheet.width <= 1600
    assert sheet.height < 4000
    assert sheet.height / sheet.width < 3.2
    small, _ = draw_sheet(cards_of(images), 800)
    assert small.width <= 800
    assert abs(sheet.height - 2 * small.height) <= 16 or sheet.width < 1600


@pytest.mark.parametrize("caption", ["a boat at dawn", "清晨的小船"])
def test_captions_are_drawn_in_both_scripts(tmp_path: Path, caption: str) -> None:
    """A set with captions has more ink below its pictures; a prompt that all share stands once, above them."""
    chinese_font()
    sheets = []
    for name, captions in (("none", ["", "x"]), ("own", [caption, "x"]), ("shared", ["seasons", "seasons"])):
        (tmp_path / name).mkdir()
        sheets.append(draw_sheet(cards_of(made_set(tmp_path / name, count=2, captions=captions)), 1600)[0])
    plain, own, shared = sheets
    assert plain.size == own.size
    below = (70, own.height - 200, 700, own.height - 80)
    assert ink(own, below) > ink(plain, below) + 100
    assert shared.height < own.height
    sheet, drawn = draw_sheet(cards_of(made_set(tmp_path, count=2, size=(300, 200), failed=(1,))), 1600)
    assert [card.state for card in drawn.cards] == ["picture", "failed"]
    assert sheet.getpixel((sheet.width // 2 + 40, 180)) == (238, 238, 240)
    assert ink(sheet, (sheet.width // 2 + 20, 0, sheet.width, sheet.height)) > 300


def test_without_a_chinese_font_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Chinese captions are left out, not drawn as boxes; where all is English nothing is missing, nor told."""
    (tmp_path / "NotoSansCJK-Regular.ttc").write_bytes(b"no font")
    monkeypatch.setattr(lettering, "_font_folders", lambda: (tmp_path,))
    images = made_set(tmp_path, count=2, prompt="四季", captions=["春天", "summer"])
    replace(images, frames=images.frames[1:], request=replace(images.request, prompt="seasons")).export("english.jpg")
    assert [message for message in caplog.messages if "captions" in message] == []
    caplog.clear()
    images.export(tmp_path / "sheet.png")
    assert ["without its Chinese captions" in message for message in caplog.messages] == [True]
    face = find_lettering()
    assert (face.legible("春天"), face.legible("summer"), face.legible("a 🎉 b")) == ("", "summer", "a b")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert ink(sheet, (30, sheet.height - 70, 500, sheet.height)) > 200


def test_long_text_is_broken_into_lines() -> None:
    """Between words, a word wider than a line where it must be; what is longer than two lines ends in an ellipsis."""
    font = Lettering(None).font(20)
    for text, lines in {"": [], "one two three four five": ["one", "thr…"], "abcdefghij" * 3: ["abc", "jab…"]}.items():
        fitted = wrap(text, font, 96, 2)
        assert all(font.getlength(line) <= 96 for line in fitted)
        assert [line[:3] + "…" * line.endswith("…") for line in fitted] == lines
    lines = wrap("春天的桃花，夏天的荷塘，秋天的红枫。", chinese_font().font(20), 105, 9)
    assert len(lines) >= 4
    assert not any(line[0] in "，。" for line in lines)
    assert chinese_font().legible("雪 snow 🎉\ud800 end") == "雪 snow end"


@pytest.mark.parametrize("ending", [".jpg", ".png"])
def test_the_origin_is_in_the_metadata(tmp_path: Path, ending: str) -> None:
    """XMP with IPTC's term for generated pictures, prompt, model, date and tool; PNG tells it as text too."""
    images = made_set(tmp_path, prompt=HOSTILE)
    path = images.export(tmp_path / f"sheet{ending}")
    tree = xmp_of(path)
    assert DIGITAL_SOURCE_TYPE == "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    assert {name: text_at(tree, name) for name in ORIGIN} == ORIGIN
    assert (text_at(tree, "xmp:CreatorTool") or "").startswith("seedream-magic ")
    if ending == ".png":
        with Image.open(path) as sheet:
            text: dict[str, Any] = sheet.text  # type: ignore[attr-defined]  # of PNG's own class
        assert text["Description"] == storable(HOSTILE)
        assert text["Comment"].startswith("Generated by AI\nModel: doubao-seedream-4-5\n")
    named = xmp_of(replace(images, run_id="mine").export(tmp_path / f"mine{ending}"))
    assert (text_at(named, "xmp:CreateDate") or "").startswith("20")


@pytest.mark.parametrize("text", ["&" * 20_000, "🎉" * 20_000, "a\r" * 10_000])
def test_a_long_prompt_fits_a_jpeg_segment(text: str) -> None:
    """The packet has at most 65,504 bytes, whatever the prompt is made of."""
    packet = Provenance(text, "m" * 500, None).xmp()
    assert len(packet) <= 65_504
    assert len(text_at(ET.fromstring(packet), "dc:description") or "") == LONGEST_PROMPT


def test_a_single_picture_has_the_title_that_was_given(tmp_path: Path) -> None:
    """Its own words stand below it alone; a title stands above."""
    images = made_set(tmp_path, count=1, prompt="a hare")
    heights = []
    for title in (None, "The Hare"):
        with Image.open(images.export(tmp_path / "sheet.png", title=title)) as sheet:
            heights.append(sheet.height)
    assert heights[1] > heights[0] + 30
