"""Whole pictures pass, everything else does not: cuts at many places, other formats, bombs, polyglots."""

from __future__ import annotations

import asyncio
import base64
import io
import random
import struct
import warnings
import zlib
from functools import cache
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image, ImageFile, PngImagePlugin

from raw_server import Reply, raw_server
from seedream_magic import ImageInvalid, ImageTooLarge
from seedream_magic.api.models import LARGEST_BASE64_CHARACTERS, LARGEST_PICTURE_BYTES, MAXIMUM_PIXELS
from seedream_magic.images import verify
from seedream_magic.images.download import decode, download
from seedream_magic.images.route import image_client
from seedream_magic.images.store import MAXIMUM_RAW_BYTES
from seedream_magic.images.verify import PictureFacts, verify_picture
from seedream_magic.view.pictures import open_picture, preview_of
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
    assert verify_picture(WHOLE[name]) == PictureFacts(f"image/{kind}", encoding[kind], 160, 120)


@pytest.mark.parametrize("name", WHOLE)
def test_no_cut_picture_passes(name: str) -> None:
    """Cut at 60 places over its length, and at each of its last 40 bytes: none is taken for a picture."""
    data = WHOLE[name]
    places = {*(len(data) * step // 60 for step in range(60)), *range(len(data) - 40, len(data))}
    for place in places:
        with pytest.raises(ImageInvalid):
            verify_picture(data[:place])


@pytest.mark.parametrize(("size", "encoding"), [((8192, 512), "JPEG"), ((4096, 4096), "PNG")])
def test_the_extreme_sizes_of_the_api_pass(size: tuple[int, int], encoding: str) -> None:
    """A panorama of 16 to 1, and the largest square."""
    facts = verify_picture(encoded(Image.new("L", size), encoding))
    assert (facts.width, facts.height) == size


@pytest.mark.parametrize("encoding", ["GIF", "BMP", "TIFF", "ICO", "PPM", "PDF", "EPS"])
def test_other_formats_are_refused(encoding: str) -> None:
    """Pillow could read them; the service does not make them, and browsers do odd things with some."""
    with pytest.raises(ImageInvalid, match="not a JPEG, PNG or WebP"):
        verify_picture(encoded(noise((32, 32)), encoding))


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
        (b"\xff\xd8\xff\xda\xff\xd9", "cut off"),
        (b"\xff\xd8" + b"\xff" * 5000, "cut off"),
    ],
)
def test_what_is_no_picture_is_named(data: bytes, words: str) -> None:
    """The message says what came instead."""
    with pytest.raises(ImageInvalid, match=words):
        verify_picture(data)


def test_a_page_with_a_picture_behind_it_is_a_page() -> None:
    """A polyglot that begins as HTML or as a GIF is refused, whatever follows."""
    for front in (b"<html><script>alert(1)</script>", b"GIF89a"):
        with pytest.raises(ImageInvalid):
            verify_picture(front + jpeg())


def png_of(width: int, height: int) -> bytes:
    """A PNG of one bit a pixel, black: some kilobytes for any size."""
    rows = zlib.compressobj()
    packed = b"".join(rows.compress(bytes((width + 7) // 8 + 1)) for _ in range(height)) + rows.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def with_chunk(png: bytes, added: bytes, *, at_end: bool = False) -> bytes:
    """A PNG with one chunk more, after its head or before its end."""
    place = len(png) - 12 if at_end else 33
    return png[:place] + added + png[place:]


LONG = bytes(3 * 2**20)
WORDY = {
    "a text of 3 MiB": with_chunk(WHOLE["png"], chunk(b"tEXt", b"prompt\0" + LONG)),
    "texts of 80 MiB": with_chunk(
        WHOLE["png"], b"".join(chunk(b"zTXt", b"x\0\0" + zlib.compress(LONG)) for _ in range(27))
    ),
    "a packed text of 3 MiB": with_chunk(WHOLE["png"], chunk(b"iTXt", b"x\0\1\0\0\0" + zlib.compress(LONG))),
    "a packed text behind the pixels": with_chunk(
        WHOLE["png"], chunk(b"zTXt", b"x\0\0" + zlib.compress(LONG)), at_end=True
    ),
    "a profile of 3 MiB": with_chunk(WHOLE["png"], chunk(b"iCCP", b"x\0\0" + zlib.compress(LONG))),
    "a text with a wrong sum": with_chunk(WHOLE["png"], chunk(b"tEXt", b"a\0b")[:-1] + b"?"),
    "damaged animation": with_chunk(WHOLE["png"], chunk(b"acTL", b"\0" * 8)),
    "damaged EXIF": WHOLE["jpeg"][:2] + b"\xff\xe1\0\x12Exif\0\0MM\0*\0\0\0\x08\0\xff" + WHOLE["jpeg"][2:],
    "a damaged index of pictures": WHOLE["jpeg"][:2] + b"\xff\xe2\0\x0cMPF\0MM\0*\xff\xff" + WHOLE["jpeg"][2:],
    **{f"bytes behind a {name}": data + bytes(9000) + b"<html>" for name, data in WHOLE.items()},
}


@pytest.mark.parametrize("name", WORDY)
@pytest.mark.parametrize("action", ["error", "ignore"])
def test_what_decodes_whole_is_a_picture(name: str, action: Literal["error", "ignore"], tmp_path: Path) -> None:
    """Whatever stands in its words or behind its end; its file can be opened, and shown, all the same."""
    with warnings.catch_warnings():
        warnings.simplefilter(action)
        facts = verify_picture(WORDY[name])
        assert (facts.width, facts.height) == (160, 120)
        path = tmp_path / f"01.{facts.ending}"
        path.write_bytes(WORDY[name])
        assert open_picture(path).size == (160, 120)
        assert preview_of(path, budget=10**6).width == 160


def set_otherwise(patch: pytest.MonkeyPatch) -> None:
    """As other code of the notebook may have set Pillow, each against us."""
    patch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    patch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    patch.setattr(PngImagePlugin, "MAX_TEXT_CHUNK", 10)
    patch.setattr(PngImagePlugin, "MAX_TEXT_MEMORY", 10)


@pytest.mark.parametrize("name", WHOLE)
def test_the_switches_of_pillow_change_no_verdict(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was set for other pictures of the notebook: whole ones pass and are shown, cut and damaged ones do not."""
    set_otherwise(monkeypatch)
    data = WHOLE[name]
    facts = verify_picture(data)
    assert facts.width == 160
    path = tmp_path / f"01.{facts.ending}"
    path.write_bytes(data)
    assert open_picture(path).size == (160, 120)
    assert preview_of(path, budget=10**6).width == 160
    zeros = [] if "webp" in name else [data[:-40] + bytes(40)]  # WebP has no sums, and no end but its length
    for cut in (*(data[: len(data) * step // 20] for step in range(20)), data[:-1], *zeros):
        with pytest.raises(ImageInvalid):
            verify_picture(cut)


def test_damage_is_found_whatever_pillow_is_set_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a thousand damaged pictures each gets the same verdict, whatever the switches, and no other exception."""
    source = random.Random(11)
    small = [encoded(noise((32, 24)), encoding) for encoding in ("JPEG", "PNG", "WEBP")]
    damaged = []
    for _ in range(1000):
        data = bytearray(source.choice(small))
        for _ in range(source.choice((1, 1, source.randint(1, 8)))):
            data[source.randrange(12, len(data))] = source.randrange(256)
        damaged.append(bytes(data))

    def verdicts() -> list[bool]:
        found = []
        for data in damaged:
            try:
                found.append(verify_picture(data).width > 0)
            except (ImageInvalid, ImageTooLarge):
                found.append(False)
        return found

    before = verdicts()
    set_otherwise(monkeypatch)
    assert verdicts() == before
    assert 100 < sum(before) < 900


def interlaced_png(width: int, height: int) -> tuple[bytes, bytes]:
    """An interlaced PNG of RGB, and the same without its last row."""
    rows = []
    for left, top, right, down in (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ):
        columns = len(range(left, width, right))
        rows += [b"\0" + random.Random(top).randbytes(3 * columns) for _ in range(top, height, down) if columns]
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1))
    whole, cut = (
        b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"".join(data))) + chunk(b"IEND", b"")
        for data in (rows, rows[:-1])
    )
    return whole, cut


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (5, 3), (8, 8), (33, 17)])
def test_interlaced_rows_are_counted_as_pillow_counts_them(size: tuple[int, int]) -> None:
    """A whole one passes, one without its last row does not."""
    whole, cut = interlaced_png(*size)
    with Image.open(io.BytesIO(whole)) as picture:
        picture.load()
    assert verify_picture(whole).width == size[0]
    with pytest.raises(ImageInvalid, match="rows are missing"):
        verify_picture(cut)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png_is_read(mode: str) -> None:
    """One bit to sixteen, grey, palette, colour, with transparency and without; a wrong palette is none."""
    picture = (
        noise((33, 17)).convert("L").convert("I").convert("I;16") if mode == "I;16" else noise((33, 17)).convert(mode)
    )
    data = encoded(picture, "PNG")
    assert verify_picture(data).height == 17
    if mode == "P":
        at = data.index(b"PLTE")
        with pytest.raises(ImageInvalid, match="PLTE"):
            verify_picture(data[: at + 9] + bytes([data[at + 9] ^ 1]) + data[at + 10 :])


@cache
def largest_png() -> bytes:
    """4096x4096 of noise with transparency, not compressed, in the small chunks that some encoders write."""
    rows = zlib.compressobj(0)
    width = height = 4096
    row = b"\0" + random.Random(7).randbytes(4 * width)
    packed = b"".join(rows.compress(row) for _ in range(height)) + rows.flush()
    pieces = b"".join(chunk(b"IDAT", packed[at : at + 8192]) for at in range(0, len(packed), 8192))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"iTXt", b"x\0\0\0\0\0" + LONG) + pieces + chunk(b"IEND", b"")


def test_the_largest_real_picture_is_within_every_limit() -> None:
    """64 MiB and a little, by its link and in base64 with line ends."""
    data = largest_png()
    assert 64 * 2**20 < len(data) <= LARGEST_PICTURE_BYTES
    text = base64.encodebytes(data).replace(b"\n", b"\r\n")
    assert len(text) <= LARGEST_BASE64_CHARACTERS == MAXIMUM_RAW_BYTES
    facts = PictureFacts("image/png", "png", 4096, 4096)
    assert decode(text.decode()) == (data, facts)

    async def run(url: str) -> tuple[bytes, PictureFacts, str]:
        async with image_client() as client:
            return await download(client, url, allow_loopback=True)

    with raw_server({("GET", "/"): Reply(200, {}, data)}) as server:
        assert asyncio.run(run(f"{server.url}/1.png")) == (data, facts, "")


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
                verify_picture(bomb)


def test_more_bytes_than_any_picture_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything looks into them."""
    monkeypatch.setattr(verify, "LARGEST_PICTURE_BYTES", 100)
    with pytest.raises(ImageTooLarge, match="bytes"):
        verify_picture(jpeg())


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
