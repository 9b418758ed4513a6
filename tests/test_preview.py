"""Previews and the contact sheet: small, upright, sRGB, without metadata, never over their budget."""

from __future__ import annotations

import base64
import io
import os
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageCms

from seedream_magic.api.request import ImageRequest
from seedream_magic.errors import ContentRefused, ImageInvalid
from seedream_magic.images.image_set import Frame, ImageSet, cards_of
from seedream_magic.view.cards import Preview
from seedream_magic.view.pictures import SMALLEST_EDGE, fitted, preview_of
from seedream_magic.view.sheet import contact_sheet

BUDGET = 40_000


def saved(path: Path, picture: Image.Image, kind: str, **options: object) -> Frame:
    picture.save(path, kind, **options)
    return Frame(0, "a prompt", path, picture.width, picture.height)


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    return Image.frombytes(mode, (width, height), os.urandom(width * height * len(mode)))


def preview(frame: Frame, *, budget: int) -> Preview:
    """The preview of the picture that a frame has."""
    assert frame.path is not None
    return preview_of(frame.path, frame.sha256, budget=budget)


def shown(frame: Frame, budget: int = BUDGET) -> Image.Image:
    head, _, encoded = preview(frame, budget=budget).data_uri.partition(",")
    assert head in {"data:image/jpeg;base64", "data:image/png;base64"}
    return Image.open(io.BytesIO(base64.b64decode(encoded, validate=True)))


@pytest.mark.parametrize("budget", [2_000, 44_000, 350_000])
@pytest.mark.parametrize("size", [(2048, 2048), (4096, 256), (300, 1800)])
def test_noise_stays_within_the_budget(tmp_path: Path, size: tuple[int, int], budget: int) -> None:
    """The picture that compresses worst fits its budget, and comes out in its own shape."""
    found = preview(saved(tmp_path / "noise.jpg", noise(*size), "JPEG", quality=95), budget=budget)
    assert len(found.data_uri) <= budget
    assert found.width / found.height == pytest.approx(size[0] / size[1], rel=0.35)


def test_a_calm_picture_is_sharp(tmp_path: Path) -> None:
    """A picture that compresses well keeps the longest edge of 1280 px, a small one its own pixels."""
    calm = Image.radial_gradient("L").convert("RGB")
    assert preview(saved(tmp_path / "large.png", calm.resize((4096, 2048)), "PNG"), budget=350_000).width == 1280
    assert preview(saved(tmp_path / "small.png", calm, "PNG"), budget=350_000).width == 256


def test_tiny_budget_ends(tmp_path: Path) -> None:
    """A budget that nothing fits into gives the smallest preview instead of no end."""
    found = preview(saved(tmp_path / "noise.png", noise(640, 640, "RGBA"), "PNG"), budget=10)
    assert (found.width, found.height) == (SMALLEST_EDGE, SMALLEST_EDGE)


@pytest.mark.parametrize(
    ("mode", "colour", "kind", "expected"),
    [
        ("CMYK", (0, 0, 0, 255), "JPEG", (0, 0, 0)),
        ("CMYK", (0, 255, 255, 0), "JPEG", (255, 0, 0)),
        ("L", 200, "JPEG", (200, 200, 200)),
        ("I;16", 0x8080, "PNG", (128, 128, 128)),
        ("1", 1, "PNG", (255, 255, 255)),
        ("RGBA", (10, 200, 30, 255), "PNG", (10, 200, 30)),
        ("LA", (77, 255), "PNG", (77, 77, 77)),
        ("RGB", (10, 20, 200), "WEBP", (10, 20, 200)),
    ],
)
def test_every_mode_comes_out_as_rgb_jpeg(
    tmp_path: Path, mode: str, colour: int | tuple[int, ...], kind: str, expected: tuple[int, int, int]
) -> None:
    """CMYK, 16 bits, grey, bilevel and opaque alpha show their colour as an RGB JPEG."""
    found = shown(saved(tmp_path / "picture", Image.new(mode, (64, 48), colour), kind))
    pixel = found.getpixel((32, 24))
    assert (found.format, found.mode, found.size) == ("JPEG", "RGB", (64, 48))
    assert isinstance(pixel, tuple)
    assert max(abs(one - two) for one, two in zip(pixel, expected, strict=True)) <= 6


def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path) -> None:
    """A 16-bit grey ramp keeps its darks and its lights apart, in a preview and where it is exported."""
    ramp = Image.linear_gradient("L").convert("I").point(lambda value: value * 257)
    frame = saved(tmp_path / "ramp.png", ramp.convert("I;16"), "PNG")
    assert frame.path is not None
    for found in (shown(frame), fitted(frame.path, (256, 256))):
        pixels = [found.convert("L").getpixel((10, row)) for row in (10, 128, 245)]
        assert pixels == pytest.approx([10, 128, 245], abs=4)


@pytest.mark.parametrize("mode", ["RGBA", "P"])
def test_transparency_stays(tmp_path: Path, mode: str) -> None:
    """Only a picture with pixels that are really transparent becomes a PNG, with its alpha."""
    picture = Image.new("RGBA", (80, 60), (200, 30, 30, 255))
    picture.paste((0, 0, 0, 0), (0, 0, 40, 60))
    found = shown(saved(tmp_path / "glass.png", picture.convert(mode), "PNG"))
    assert (found.format, found.mode) == ("PNG", "RGBA")
    assert found.getchannel("A").getextrema() == (0, 255)


def test_a_rotated_photo_stands_upright(tmp_path: Path) -> None:
    """EXIF orientation is applied: a picture stored on its side is shown the way it was taken."""
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise to show
    stored = Image.new("RGB", (400, 200), (250, 250, 250))
    stored.paste((200, 0, 0), (0, 0, 200, 200))
    found = shown(saved(tmp_path / "turned.jpg", stored, "JPEG", exif=exif))
    top, bottom = found.getpixel((100, 30)), found.getpixel((100, 370))
    assert found.size == (200, 400)
    assert isinstance(top, tuple)
    assert isinstance(bottom, tuple)
    assert top[1] < 40 < bottom[1]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_metadata_is_left_behind(tmp_path: Path, kind: str) -> None:
    """Comment, EXIF, XMP and colour profile of the original are not in what the notebook keeps."""
    exif = Image.Exif()
    exif[0x010E] = "<script>CANARY</script>"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    options: dict[str, object] = {"exif": exif, "icc_profile": profile, "xmp": b"<x>CANARY</x>"}
    options |= {"comment": b"CANARY"} if kind == "JPEG" else {}
    frame = saved(tmp_path / "tagged", Image.new("RGB", (64, 64), (1, 2, 3)), kind, **options)
    encoded = base64.b64decode(preview(frame, budget=BUDGET).data_uri.partition(",")[2])
    assert frame.path is not None
    assert b"CANARY" in frame.path.read_bytes()
    assert not any(mark in encoded for mark in (b"CANARY", b"Exif", b"ICC_PROFILE", b"script"))


def test_the_same_picture_is_encoded_once(tmp_path: Path) -> None:
    """An update of the output reuses the preview; other bytes under the same name do not."""
    frame = replace(saved(tmp_path / "01.jpg", noise(64, 64), "JPEG"), sha256="a")
    first = preview(frame, budget=BUDGET)
    assert preview(frame, budget=BUDGET) is first
    saved(tmp_path / "01.jpg", noise(64, 64), "JPEG")
    assert preview(replace(frame, sha256="b"), budget=BUDGET).data_uri != first.data_uri


@pytest.mark.parametrize("content", [None, b"", b"<svg onload=alert(1)>", b"\xff\xd8\xff\xe0 no more"])
def test_an_unreadable_file_is_our_error(tmp_path: Path, content: bytes | None) -> None:
    """A file that is gone, cut or no picture raises `ImageInvalid`, never an error of Pillow."""
    path = tmp_path / "01.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ImageInvalid, match=r"01\.jpg"):
        preview(Frame(0, "a prompt", path), budget=BUDGET)


def test_a_picture_cut_anywhere_is_our_error(tmp_path: Path) -> None:
    """Half a PNG, cut inside its data, raises `ImageInvalid` as well."""
    frame = saved(tmp_path / "whole.png", noise(128, 128), "PNG")
    assert frame.path is not None
    frame.path.write_bytes(frame.path.read_bytes()[:20_000])
    with pytest.raises(ImageInvalid):
        preview(frame, budget=BUDGET)


def made_set(folder: Path, count: int, size: tuple[int, int]) -> ImageSet:
    picture = noise(*size)
    frames = []
    for index in range(count):
        path = folder / f"{index + 1:02}.jpg"
        ImageChops.offset(picture, index).save(path, "JPEG", quality=90)
        frames.append(Frame(index, "a prompt", path, *size))
    request = ImageRequest("doubao-seedream-4-5", "a prompt", f"{size[0]}x{size[1]}")
    return ImageSet(request, "demo", "run", folder, tuple(frames), expected=count, state="done")


@pytest.mark.parametrize("size", [(512, 512), (1024, 64), (240, 960)])
@pytest.mark.parametrize("count", [1, 4, 15])
def test_contact_sheet_stays_within_its_budget(tmp_path: Path, count: int, size: tuple[int, int]) -> None:
    """A sheet of noise is a JPEG within its budget and of a usable shape."""
    sheet = contact_sheet(cards_of(made_set(tmp_path, count, size)), budget=90_000, preview_budget=44_000)
    opened = Image.open(io.BytesIO(sheet))
    assert len(sheet) <= 90_000
    assert opened.format == "JPEG"
    assert max(opened.size) / min(opened.size) < 12


def test_contact_sheet_shows_a_grey_cell_for_a_missing_picture(tmp_path: Path) -> None:
    """Failed, waiting and unreadable frames keep their place as grey cells; the others show their picture."""
    images = made_set(tmp_path, 4, (64, 64))
    for frame, colour in zip(images, ("red", "red", "red", "blue"), strict=True):
        assert frame.path is not None
        Image.new("RGB", (64, 64), colour).save(frame.path, "JPEG")
    failed = Frame(1, "a prompt", error=ContentRefused("no"))
    (tmp_path / "03.jpg").unlink()
    images = replace(images, frames=(images[0], failed, images[2], images[3]))
    sheet = Image.open(io.BytesIO(contact_sheet(cards_of(images), budget=90_000, preview_budget=44_000))).convert("RGB")
    cells = [sheet.getpixel((sheet.width * x // 4, sheet.height * y // 4)) for y in (1, 3) for x in (1, 3)]
    expected = [(254, 0, 0), (236, 236, 238), (236, 236, 238), (0, 0, 254)]
    for cell, paint in zip(cells, expected, strict=True):
        assert isinstance(cell, tuple)
        assert max(abs(one - two) for one, two in zip(cell, paint, strict=True)) <= 8


@pytest.mark.parametrize(
    ("size", "ratio"), [("2048x1024", 2), ("2K", 1), ("0x0", 1), ("x", 1), ("4096x256", 16), ("²x1", 1)]
)
def test_ratio_of_a_set_without_pictures_is_the_requests(tmp_path: Path, size: str, ratio: float) -> None:
    """Waiting places take the shape that was asked for; a preset is square."""
    assert cards_of(ImageSet(ImageRequest("m", "p", size), "demo", "run", tmp_path)).ratio == ratio


def test_ratio_of_a_set_is_the_first_pictures(tmp_path: Path) -> None:
    """Once a picture has arrived its own shape counts."""
    images = made_set(tmp_path, 1, (120, 60))
    assert cards_of(replace(images, request=replace(images.request, size="2K"))).ratio == 2


@pytest.mark.parametrize("size", [(3, 2000), (1, 300), (300, 1)])
@pytest.mark.parametrize("count", [1, 4])
def test_the_thinnest_picture_is_drawn(tmp_path: Path, size: tuple[int, int], count: int) -> None:
    """A layer may be a line: preview and sheet have it, the sheet in a shape that a JPEG can have."""
    images = made_set(tmp_path, count, size)
    assert min(shown(images[0]).size) >= 1
    assert (
        Image.open(io.BytesIO(contact_sheet(cards_of(images), budget=90_000, preview_budget=44_000))).format == "JPEG"
    )


def test_damaged_exif_does_not_hide_a_picture(tmp_path: Path) -> None:
    """It is shown as it lies, on its own and where it is exported."""
    frame = saved(tmp_path / "picture.jpg", Image.new("RGB", (64, 48)), "JPEG", exif=b"Exif\0\0junkjunkjunk")
    assert shown(frame).size == (64, 48)
    assert frame.path is not None
    assert fitted(frame.path, (32, 32)).size == (32, 24)
