"""Whole pictures pass, everything else does not: cuts at many places, other formats, bombs, polyglots."""

from __future__ import annotations

import io
import random
import struct
import warnings
import zlib
from pathlib import Path

import pytest
from PIL import Image

from seedream_magic import ImageInvalid, ImageTooLarge
from seedream_magic.images import verify
from seedream_magic.images.verify import MAXIMUM_PIXELS, PictureFacts, open_picture, verified
from service import jpeg


def noise(size: tuple[int, int] = (160, 120)) -> Image.Image:
    """A picture that no encoder makes small."""
    return Image.frombytes("RGB", size, random.Random(7).randbytes(size[0] * size[1] * 3))


def encoded(picture: Image.Image, encoding: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, encoding, **options)
    return buffer.getvalue()


def jpeg_with_thumbnail() -> bytes:
    """A JPEG in whose metadata stands another whole JPEG, end mark included."""
    exif = Image.Exif()
    exif[0x9C9C] = jpeg(3)
    return encoded(noise(), "JPEG", exif=exif)


WHOLE = {
    "jpeg": encoded(noise(), "JPEG"),
    "progressive jpeg": encoded(noise(), "JPEG", progressive=True, quality=95),
    "jpeg with a thumbnail": jpeg_with_thumbnail(),
    "png": encoded(noise(), "PNG"),
    "png with alpha": encoded(noise().convert("RGBA"), "PNG"),
    "webp": encoded(noise(), "WEBP", quality=80),
    "lossless webp": encoded(noise(), "WEBP", lossless=True),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_picture_passes_with_its_facts(name: str) -> None:
    """Type, ending and pixels are read from the bytes."""
    encoding = {"jpeg": "jpg", "png": "png", "webp": "webp"}
    kind = next(word for word in encoding if word in name)
    assert verified(WHOLE[name]) == PictureFacts(f"image/{kind}", encoding[kind], 160, 120)


@pytest.mark.parametrize("name", WHOLE)
def test_no_cut_picture_passes(name: str) -> None:
    """Cut at 60 places over its length, and at each of its last 40 bytes: none is taken for a picture."""
    data = WHOLE[name]
    places = {*(len(data) * step // 60 for step in range(60)), *range(len(data) - 40, len(data))}
    for place in places:
        with pytest.raises(ImageInvalid):
            verified(data[:place])


def test_a_panorama_of_16_to_1_passes() -> None:
    """The widest picture that the API makes."""
    facts = verified(encoded(Image.new("RGB", (8192, 512)), "JPEG"))
    assert (facts.width, facts.height) == (8192, 512)


def test_a_picture_in_4096_by_4096_passes() -> None:
    """The largest one."""
    assert verified(encoded(Image.new("L", (4096, 4096)), "PNG")).width == 4096


@pytest.mark.parametrize("encoding", ["GIF", "BMP", "TIFF", "ICO", "PPM", "PDF", "EPS"])
def test_other_formats_are_refused(encoding: str) -> None:
    """Pillow could read them; the service does not make them, and browsers do odd things with some."""
    with pytest.raises(ImageInvalid, match="not a JPEG, PNG or WebP"):
        verified(encoded(noise((32, 32)), encoding))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "nothing"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "a text page"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "a text page"),
        (b'{"error": "expired"}', "a text page"),
        (b"\xff\xd8\xff", "cut off"),
        (b"\x89PNG\r\n\x1a\n", "cut off"),
        (b"RIFF\x04\x00\x00\x00WEBP", "does not decode"),
        (b"\xff\xd8\xff\xd9", "cut off"),
        (b"\xff\xd8\xff\xda\xff\xd9", "does not decode"),
        (b"\xff\xd8" + b"\xff" * 5000, "cut off"),
    ],
)
def test_what_is_no_picture_is_named(data: bytes, words: str) -> None:
    """The message says what came instead."""
    with pytest.raises(ImageInvalid, match=words):
        verified(data)


def test_a_page_with_a_picture_behind_it_is_a_page() -> None:
    """A polyglot that begins as HTML or as a GIF is refused, whatever follows."""
    for front in (b"<html><script>alert(1)</script>", b"GIF89a"):
        with pytest.raises(ImageInvalid):
            verified(front + jpeg())


def test_bytes_behind_a_jpeg_change_nothing_of_its_type() -> None:
    """It is kept under the ending of its signature and never served as the page behind it."""
    assert verified(jpeg() + b"<script>alert(1)</script>").ending == "jpg"


def png_of(width: int, height: int) -> bytes:
    """A PNG of one bit a pixel, black: some kilobytes for any size."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = zlib.compressobj()
    packed = b"".join(rows.compress(bytes((width + 7) // 8 + 1)) for _ in range(height)) + rows.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [5797, 9460, 13400, 30000])
def test_a_decompression_bomb_is_not_decoded(side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above 33.6 megapixels the header decides, with and without warnings as errors."""
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    assert side * side > MAXIMUM_PIXELS
    bomb = png_of(side, side)
    for action in ("error", "ignore"):
        with warnings.catch_warnings():
            warnings.simplefilter(action)
            with pytest.raises(ImageTooLarge, match="pixels"):
                verified(bomb)


def test_more_bytes_than_any_picture_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything looks into them."""
    monkeypatch.setattr(verify, "MAXIMUM_BYTES", 100)
    with pytest.raises(ImageTooLarge, match="bytes"):
        verified(jpeg())


def test_damage_inside_never_raises_anything_else() -> None:
    """A thousand pictures with damaged bytes either pass or are ImageInvalid or ImageTooLarge."""
    source = random.Random(11)
    small = [encoded(noise((32, 24)), encoding) for encoding in ("JPEG", "PNG", "WEBP")]
    refused = 0
    for _ in range(1000):
        data = bytearray(source.choice(small))
        for _ in range(source.randint(1, 8)):
            data[source.randrange(12, len(data))] = source.randrange(256)
        try:
            verified(bytes(data))
        except (ImageInvalid, ImageTooLarge):
            refused += 1
    assert refused > 100


def test_a_saved_picture_opens_decoded(tmp_path: Path) -> None:
    """Its file is closed again: it may be removed while the picture is in use."""
    path = tmp_path / "01.webp"
    path.write_bytes(encoded(noise(), "WEBP", save_all=True, append_images=[noise((160, 120))]))
    picture = open_picture(path)
    path.unlink()
    assert picture.size == (160, 120)
    assert picture.convert("RGB").getpixel((0, 0)) is not None


def test_a_saved_picture_that_is_gone_or_damaged_is_told(tmp_path: Path) -> None:
    """With its path."""
    path = tmp_path / "01.jpg"
    with pytest.raises(ImageInvalid, match=r"01\.jpg"):
        open_picture(path)
    path.write_bytes(WHOLE["jpeg"][:500])
    with pytest.raises(ImageInvalid, match=r"01\.jpg"):
        open_picture(path)
