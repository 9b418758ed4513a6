"""Previews and the contact sheet: small, upright, sRGB, without metadata, never over their budget."""

from __future__ import annotations

import base64
import io
import os
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageCms

from seedream_magic.errors import ImageInvalid
from seedream_magic.view.cards import Card, CardSet, Failure
from seedream_magic.view.pictures import SMALLEST_EDGE, fit_on_paper, preview_of
from seedream_magic.view.sheet import contact_sheet

BUDGET = 40_000


def saved(path: Path, picture: Image.Image, kind: str, **options: object) -> Path:
    picture.save(path, kind, **options)
    return path


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    return Image.frombytes(mode, (width, height), os.urandom(width * height * len(mode)))


def shown(path: Path) -> Image.Image:
    """The picture of a preview, as a front end decodes it."""
    head, _, encoded = preview_of(path, budget=BUDGET).data_uri.partition(",")
    assert head in {"data:image/jpeg;base64", "data:image/png;base64"}
    return Image.open(io.BytesIO(base64.b64decode(encoded, validate=True)))


def near(found: object, expected: tuple[int, ...], within: int) -> bool:
    assert isinstance(found, tuple)
    return all(abs(one - two) <= within for one, two in zip(found, expected, strict=True))


def test_as_sharp_as_the_budget_allows(tmp_path: Path) -> None:
    """Noise, which compresses worst, fills its budget in its own shape; nothing is below the smallest edge."""
    for size, budget, used in (((2048, 2048), 44_000, 0.6), ((4096, 256), 2_000, 0.3), ((300, 1800), 350_000, 0.5)):
        found = preview_of(saved(tmp_path / f"{budget}.jpg", noise(*size), "JPEG", quality=95), budget=budget)
        assert used * budget < len(found.data_uri) <= budget
        assert found.width / found.height == pytest.approx(size[0] / size[1], rel=0.35)
    clear = saved(tmp_path / "clear.png", noise(900, 600, "RGBA"), "PNG")
    assert 0.55 * 44_000 < len(preview_of(clear, budget=44_000).data_uri) <= 44_000
    calm = Image.radial_gradient("L").convert("RGB")
    large = saved(tmp_path / "large.png", calm.resize((4096, 2048)), "PNG")
    assert preview_of(large, budget=350_000).width == 1280
    # The half of a 2K square is quickly decoded, and has as many pixels as others at theirs; a strip needs its edge.
    square, strip = (2048, 2048), (4096, 256)
    for shape, budget, width in ((square, 350_000, 1024), (square, 24_000, 619), (strip, 350_000, 1280)):
        calm_jpeg = saved(tmp_path / f"{shape}.jpg", calm.resize(shape), "JPEG")
        assert preview_of(calm_jpeg, budget=budget).width == width
    assert preview_of(saved(tmp_path / "small.png", calm, "PNG"), budget=350_000).width == 256
    tiny = preview_of(saved(tmp_path / "noise.png", noise(640, 640, "RGBA"), "PNG"), budget=10)
    assert (tiny.width, tiny.height) == (SMALLEST_EDGE, SMALLEST_EDGE)


MODES: tuple[tuple[str, int | tuple[int, ...], str, tuple[int, int, int]], ...] = (
    ("CMYK", (0, 255, 255, 0), "JPEG", (255, 0, 0)),
    ("L", 200, "JPEG", (200, 200, 200)),
    ("1", 1, "PNG", (255, 255, 255)),
    ("RGBA", (10, 200, 30, 255), "PNG", (10, 200, 30)),
    ("RGB", (10, 20, 200), "WEBP", (10, 20, 200)),
)


def test_every_mode_comes_out_as_rgb_jpeg(tmp_path: Path) -> None:
    """CMYK, grey, bilevel and opaque alpha; 16 bits keep darks and lights apart, in a preview and where exported."""
    for mode, colour, kind, expected in MODES:
        found = shown(saved(tmp_path / mode, Image.new(mode, (64, 48), colour), kind))
        assert (found.format, found.mode, found.size) == ("JPEG", "RGB", (64, 48))
        assert near(found.getpixel((32, 24)), expected, 6)
    ramp = Image.linear_gradient("L").convert("I").point(lambda value: value * 257)
    path = saved(tmp_path / "ramp.png", ramp.convert("I;16"), "PNG")
    for found in (shown(path), fit_on_paper(path, (256, 256))):
        pixels = [found.convert("L").getpixel((10, row)) for row in (10, 128, 245)]
        assert pixels == pytest.approx([10, 128, 245], abs=4)
    picture = Image.new("RGBA", (80, 60), (200, 30, 30, 255))
    picture.paste((0, 0, 0, 0), (0, 0, 40, 60))
    for mode in ("RGBA", "P"):
        found = shown(saved(tmp_path / f"{mode}.png", picture.convert(mode), "PNG"))
        assert (found.format, found.mode, found.getchannel("A").getextrema()) == ("PNG", "RGBA", (0, 255))


def test_a_rotated_photo_stands_upright(tmp_path: Path) -> None:
    """EXIF orientation is applied; where EXIF data are damaged the picture is shown, and exported, as it lies."""
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise to show
    stored = Image.new("RGB", (400, 200), (250, 250, 250))
    stored.paste((200, 0, 0), (0, 0, 200, 200))
    found = shown(saved(tmp_path / "turned.jpg", stored, "JPEG", exif=exif))
    assert found.size == (200, 400)
    assert near(found.getpixel((100, 30)), (200, 0, 0), 40)
    assert near(found.getpixel((100, 370)), (250, 250, 250), 40)
    damaged = saved(tmp_path / "damaged.jpg", stored, "JPEG", exif=b"Exif\0\0junkjunkjunk")
    assert shown(damaged).size == (400, 200)
    assert fit_on_paper(damaged, (32, 32)).size == (32, 16)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_metadata_is_left_behind(tmp_path: Path, kind: str) -> None:
    """Comment, EXIF, XMP and colour profile of the original are not in what the notebook keeps."""
    exif = Image.Exif()
    exif[0x010E] = "<script>CANARY</script>"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    options: dict[str, object] = {"exif": exif, "icc_profile": profile, "xmp": b"<x>CANARY</x>"}
    options |= {"comment": b"CANARY"} if kind == "JPEG" else {}
    path = saved(tmp_path / "tagged", Image.new("RGB", (64, 64), (1, 2, 3)), kind, **options)
    encoded = base64.b64decode(preview_of(path, budget=BUDGET).data_uri.partition(",")[2])
    assert b"CANARY" in path.read_bytes()
    assert not any(mark in encoded for mark in (b"CANARY", b"Exif", b"ICC_PROFILE", b"script"))


def test_an_unreadable_file_is_our_error(tmp_path: Path) -> None:
    """A file that is gone, cut or no picture raises `ImageInvalid`, never an error of Pillow."""
    whole = saved(tmp_path / "whole", noise(128, 128), "PNG").read_bytes()
    for content in (None, b"<svg onload=alert(1)>", b"\xff\xd8\xff\xe0 no more", whole[:20_000]):
        if content is not None:
            (tmp_path / "01.jpg").write_bytes(content)
        with pytest.raises(ImageInvalid, match=r"01\.jpg"):
            preview_of(tmp_path / "01.jpg", budget=BUDGET)


def made_set(folder: Path, count: int, size: tuple[int, int]) -> CardSet:
    picture = noise(*size)
    cards = []
    for index in range(count):
        path = saved(folder / f"{index + 1:02}.jpg", ImageChops.offset(picture, index), "JPEG", quality=90)
        cards.append(Card(index, "a prompt", "picture", path, None, *size))
    return CardSet("run", "a prompt", "a prompt", "model", "2K", "en", tuple(cards))


def sheet_of(cards: CardSet) -> Image.Image:
    sheet = contact_sheet(cards, budget=90_000, preview_budget=44_000)
    assert len(sheet) <= 90_000
    return Image.open(io.BytesIO(sheet), formats=["JPEG"])


@pytest.mark.parametrize(
    ("count", "size"), [(1, (512, 512)), (4, (1024, 64)), (15, (240, 960)), (4, (3, 2000)), (1, (300, 1))]
)
def test_contact_sheet_stays_within_its_budget(tmp_path: Path, count: int, size: tuple[int, int]) -> None:
    """A sheet of noise is a JPEG within its budget and of a usable shape; a layer may be a line, and has a preview."""
    sheet = sheet_of(made_set(tmp_path, count, size))
    assert max(sheet.size) / min(sheet.size) < 12
    assert min(shown(tmp_path / "01.jpg").size) >= 1


def test_contact_sheet_shows_a_grey_cell_for_a_missing_picture(tmp_path: Path) -> None:
    """Failed and unreadable cards keep their place as grey cells; the others show their picture."""
    made = made_set(tmp_path, 4, (64, 64))
    for number, colour in ((1, "red"), (4, "blue")):
        Image.new("RGB", (64, 64), colour).save(tmp_path / f"0{number}.jpg", "JPEG")
    (tmp_path / "03.jpg").unlink()
    failed = Card(1, "a prompt", "failed", failure=Failure("ContentRefused", "no", ("no",)))
    cards = replace(made, cards=(made.cards[0], failed, *made.cards[2:]))
    sheet = sheet_of(cards).convert("RGB")
    cells = [sheet.getpixel((sheet.width * x // 4, sheet.height * y // 4)) for y in (1, 3) for x in (1, 3)]
    for cell, paint in zip(cells, [(254, 0, 0), (236, 236, 238), (236, 236, 238), (0, 0, 254)], strict=True):
        assert near(cell, paint, 8)


def test_ratio_is_what_was_asked_for_till_a_picture_is_there(tmp_path: Path) -> None:
    """Waiting places take the shape that was asked for, a preset's is square; then the first picture's own counts."""
    for size, ratio in {"2048x1024": 2, "2K": 1, "0x0": 1, "²x1": 1}.items():
        cards = replace(made_set(tmp_path, 1, (120, 40)), size=size)
        assert (cards.ratio, replace(cards, cards=()).ratio) == (3, ratio)
