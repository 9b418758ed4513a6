"""Whole pictures pass, everything else does not: cuts at many places, other formats, bombs, polyglots."""

from __future__ import annotations

import asyncio
import base64
import io
import random
import warnings
import zlib
from contextlib import nullcontext, suppress
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pytest
from PIL import Image, ImageFile, PngImagePlugin

from raw_server import Reply, raw_server
from seedream_magic import ImageInvalid, ImageTooLarge
from seedream_magic.api.models import LARGEST_BASE64_CHARACTERS, LARGEST_PICTURE_BYTES
from seedream_magic.formats import jpeg_samples, outline
from seedream_magic.images.download import decode, download
from seedream_magic.images.route import image_client
from seedream_magic.images.run_folder import MAXIMUM_RAW_BYTES
from seedream_magic.images.verify import PictureFacts, verify_picture
from seedream_magic.view.pictures import open_picture, preview_of
from service import black_png, chunk, encoded, held, jpeg, noise, png_of

EXIF = Image.Exif()


DRAWN = noise(160, 120)


WHOLE = {
    "jpeg": encoded(DRAWN, "JPEG"),
    "progressive jpeg": encoded(DRAWN, "JPEG", progressive=True, quality=95),
    "jpeg with a thumbnail": encoded(DRAWN, "JPEG", exif=EXIF),
    "png": encoded(DRAWN, "PNG"),
    "png with alpha": encoded(DRAWN.convert("RGBA"), "PNG"),
    "webp": encoded(DRAWN, "WEBP", quality=80),
    "lossless webp": encoded(DRAWN, "WEBP", lossless=True),
}


@pytest.mark.parametrize("otherwise", [False, True])
@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_picture_passes_and_no_cut_one(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, otherwise: bool
) -> None:
    """Cut at 60 places over its length, and at each of its last 40 bytes; whatever Pillow is set to."""
    if otherwise:
        set_otherwise(monkeypatch)
    kind, data = next(word for word in ("jpeg", "png", "webp") if word in name), WHOLE[name]
    ending = kind.replace("jpeg", "jpg")
    assert verify_picture(data) == PictureFacts(f"image/{kind}", ending, 160, 120)
    path = tmp_path / f"01.{ending}"
    path.write_bytes(data)
    assert open_picture(path).size == (160, 120)
    assert preview_of(path, budget=10**6).width == 160
    places = {*(len(data) * step // 60 for step in range(60)), *range(len(data) - 40, len(data))}
    zeros = [] if kind == "webp" else [data[:-40] + bytes(40)]  # WebP has no sums, and no end but its length
    for cut in (*(data[:place] for place in places), *zeros):
        with pytest.raises(ImageInvalid):
            verify_picture(cut)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "nothing"),
        (b'{"error": "expired"}', "a text page"),
        (b"<html><script>alert(1)</script>" + jpeg(), "a text page"),
        (b"GIF89a" + jpeg(), "another kind"),
        (b"\x89PNG\r\n\x1a\n", "cut off"),
        (WHOLE["png"].replace(b"IHDR", b"JHDR"), "its head is missing"),
        (b"RIFF\x04\x00\x00\x00WEBP", "does not decode"),
        (b"\xff\xd8\xff\xda\xff\xd9", "cut off"),
        (b"\xff\xd8" + b"\xff" * 5000, "cut off"),
    ],
)
def test_what_is_no_picture_is_named(data: bytes, words: str) -> None:
    """The message says what came instead; a page or a GIF with a picture behind it is no picture."""
    with pytest.raises(ImageInvalid, match=words):
        verify_picture(data)


def with_chunk(added: bytes, *, at: int = 33) -> bytes:
    """A PNG with one chunk more."""
    return WHOLE["png"][:at] + added + WHOLE["png"][at:]


LONG = bytes(3 * 2**20)
PACKED = zlib.compress(LONG)


WORDY = {
    "a text of 3 MiB": with_chunk(chunk(b"tEXt", b"prompt\0" + LONG)),
    "texts of 80 MiB": with_chunk(chunk(b"zTXt", b"x\0\0" + PACKED) * 27),
    "a packed text of 3 MiB": with_chunk(chunk(b"iTXt", b"x\0\1\0\0\0" + PACKED)),
    "a packed text behind the pixels": with_chunk(chunk(b"zTXt", b"x\0\0" + PACKED), at=-12),
    "a profile of 3 MiB": with_chunk(chunk(b"iCCP", b"x\0\0" + PACKED)),
    "a text with a wrong sum": with_chunk(chunk(b"tEXt", b"a\0b")[:-1] + b"?"),
    "damaged animation": with_chunk(chunk(b"acTL", b"\0" * 8)),
    "damaged EXIF": WHOLE["jpeg"][:2] + b"\xff\xe1\0\x12Exif\0\0MM\0*\0\0\0\x08\0\xff" + WHOLE["jpeg"][2:],
    "a damaged index of pictures": WHOLE["jpeg"][:2] + b"\xff\xe2\0\x0cMPF\0MM\0*\xff\xff" + WHOLE["jpeg"][2:],
    **{f"bytes behind a {name}": WHOLE[name] + bytes(9000) + b"<html>" for name in ("jpeg", "png", "webp")},
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


def test_damage_is_found_whatever_pillow_is_set_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a thousand damaged pictures each gets the same verdict, whatever the switches, and no other exception."""
    source = random.Random(11)
    small = [encoded(noise(32, 24), encoding) for encoding in ("JPEG", "PNG", "WEBP")]
    damaged = [bytearray(source.choice(small)) for _ in range(1000)]
    for data in damaged:
        for _ in range(source.choice((1, 1, source.randint(1, 8)))):
            data[source.randrange(12, len(data))] = source.randrange(256)

    def is_whole(data: bytes) -> bool:
        with suppress(ImageInvalid, ImageTooLarge):
            return verify_picture(data).width > 0
        return False

    before = [is_whole(bytes(data)) for data in damaged]
    set_otherwise(monkeypatch)
    assert [is_whole(bytes(data)) for data in damaged] == before
    assert 100 < sum(before) < 900


def is_read_by_libjpeg(data: bytes) -> bool:
    """Whether it reads the whole of a JPEG that has an end mark, all codes included."""
    found, mode = outline(data), {1: "L", 3: "RGB", 4: "CMYK"}.get(jpeg_samples(data), "")
    if found is None or found.end is None or not found.width * found.height or not mode:
        return False
    try:
        size = -(-found.width // 8), -(-found.height // 8)
        Image.frombytes(mode, size, data[: found.end], "jpeg", mode, "", 8, 0)
    except ValueError:
        return False
    return True


JPEGS: list[tuple[str, dict[str, Any]]] = [
    ("RGB", {}),
    ("RGB", {"progressive": True, "quality": 95}),
    ("RGB", {"subsampling": 0, "optimize": True}),
    ("RGB", {"restart_marker_blocks": 2}),
    ("RGB", {"restart_marker_rows": 1, "progressive": True}),
    ("L", {}),
    ("CMYK", {"quality": 30}),
]
ADDED = (
    b"\xff\xd9",
    b"\xff\xda",
    b"\xff\xc4\0\x04",
    b"\xff\xdd\0\4\0\2",
    b"\xff\xd3",
    b"\xff\2",
    b"\xff\xe1\0\2",
    bytes(9),
)


def test_a_jpeg_is_judged_as_if_all_its_codes_were_read() -> None:
    """They are not: to libjpeg none is wrong. Thousands of damaged files each get the verdict that reading gives."""
    source = random.Random(5)
    whole = [encoded(noise(*size, mode), "JPEG", **how) for mode, how in JPEGS for size in ((32, 24), (57, 16))]
    verdicts = {True: 0, False: 0}
    for _ in range(4000):
        data = bytearray(source.choice(whole))
        for _ in range(source.choice((1, 1, 3))):
            place, piece = source.randrange(2, len(data)), source.choice((b"", source.randbytes(1), *ADDED))
            data[place : place + source.choice((len(piece), 0, 20))] = piece
        read = is_read_by_libjpeg(bytes(data))
        verdicts[read] += 1
        with suppress(ImageTooLarge), nullcontext() if read else pytest.raises(ImageInvalid):
            verify_picture(bytes(data))
    assert min(verdicts.values()) > 1000


PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (33, 17)])
def test_interlaced_rows_are_counted_as_pillow_counts_them(size: tuple[int, int]) -> None:
    """A whole one passes, one without its last row does not."""
    rows = []
    for left, top, right, down in PASSES:
        columns = len(range(left, size[0], right))
        rows += [b"\0" + random.Random(top).randbytes(3 * columns) for _ in range(top, size[1], down) if columns]
    whole, cut = (
        png_of(*size, zlib.compress(b"".join(data)), bits=8, colours=2, interlaced=1) for data in (rows, rows[:-1])
    )
    with Image.open(io.BytesIO(whole)) as picture:
        picture.load()
    assert verify_picture(whole).width == size[0]
    with pytest.raises(ImageInvalid, match="rows are missing"):
        verify_picture(cut)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16"])
def test_every_kind_of_png_is_read(mode: str) -> None:
    """One bit to sixteen, grey, palette, with transparency and without; a wrong palette is none."""
    picture = noise(33, 17, "I").convert("I;16") if mode == "I;16" else noise(33, 17).convert(mode)
    data = encoded(picture, "PNG")
    assert verify_picture(data).height == 17
    if mode == "P":
        at = data.index(b"PLTE")
        with pytest.raises(ImageInvalid, match="PLTE"):
            verify_picture(data[: at + 9] + bytes([data[at + 9] ^ 1]) + data[at + 10 :])


@cache
def largest_png() -> bytes:
    """4096x4096 of noise with transparency, not compressed, in the small chunks that some encoders write."""
    rows, side = zlib.compressobj(0), 4096
    row = b"\0" + random.Random(7).randbytes(4 * side)
    packed = b"".join(rows.compress(row) for _ in range(side)) + rows.flush()
    pieces = b"".join(chunk(b"IDAT", packed[at : at + 8192]) for at in range(0, len(packed), 8192))
    empty = png_of(side, side, b"", bits=8, colours=6)
    return empty[:33] + chunk(b"iTXt", b"x\0\0\0\0\0" + LONG) + pieces + empty[-12:]


def test_the_largest_real_picture_is_within_every_limit() -> None:
    """64 MiB and a little, by its link and in base64 with line ends; a panorama of 16 to 1."""
    data = largest_png()
    assert 64 * 2**20 < len(data) <= LARGEST_PICTURE_BYTES
    text = base64.encodebytes(data).replace(b"\n", b"\r\n")
    assert len(text) <= LARGEST_BASE64_CHARACTERS == MAXIMUM_RAW_BYTES
    facts = PictureFacts("image/png", "png", 4096, 4096)
    assert decode(text.decode()) == (data, facts)
    assert verify_picture(encoded(Image.new("L", (8192, 512)), "JPEG")).width == 8192

    async def run(url: str) -> tuple[tuple[bytes, PictureFacts], str]:
        async with image_client() as client:
            return await download(client, url, held, allow_loopback=True)

    with raw_server({("GET", "/"): Reply(200, {}, data)}) as server:
        assert asyncio.run(run(f"{server.url}/1.png")) == ((data, facts), "")


@pytest.mark.parametrize("action", ["error", "ignore"])
def test_a_decompression_bomb_is_not_decoded(
    action: Literal["error", "ignore"], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above 33.6 megapixels the header decides, and above 68 MiB the length, with and without warnings as errors."""
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    with warnings.catch_warnings():
        warnings.simplefilter(action)
        with pytest.raises(ImageTooLarge, match="pixels"):
            verify_picture(black_png(5797))
        with pytest.raises(ImageTooLarge, match="bytes"):
            verify_picture(jpeg() + bytes(LARGEST_PICTURE_BYTES))


def test_a_saved_picture_opens_decoded(tmp_path: Path) -> None:
    """Its file may be removed while the picture is in use; one that is gone or damaged is told with its path."""
    path = tmp_path / "01.webp"
    path.write_bytes(encoded(DRAWN, "WEBP", save_all=True, append_images=[DRAWN]))
    picture = open_picture(path)
    path.write_bytes(WHOLE["jpeg"][:500])
    assert picture.size == (160, 120)
    assert picture.convert("RGB").getpixel((0, 0)) is not None
    for _ in ("damaged", "gone"):
        with pytest.raises(ImageInvalid, match=r"01\.webp"):
            open_picture(path)
        path.unlink(missing_ok=True)
