"""Pictures opened from their files: whole, at the size they are drawn, or small enough to live in a notebook.

Originals stay on disk, untouched.
"""

from __future__ import annotations

import base64
import errno
import io
import math
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from PIL import Image, ImageOps, JpegImagePlugin, PngImagePlugin

from seedream_magic.errors import ImageInvalid, reason_of
from seedream_magic.forks import free_in_child
from seedream_magic.formats import outline, without_words
from seedream_magic.memory import read_large
from seedream_magic.pillow import in_one_block, webp_picture
from seedream_magic.tqdm_bar import tqdm_bar
from seedream_magic.view.cards import Preview
from seedream_magic.words import export as texts

_CLASSES = {"JPEG": JpegImagePlugin.JpegImageFile, "PNG": PngImagePlugin.PngImageFile}
PAPER = (255, 255, 255)
LONGEST_EDGE = 1280
SMALLEST_EDGE = 24
LARGEST_FILE = 128 * 2**20
"""Bytes; of what is larger nothing is read, for it is no picture of the service."""
_QUALITIES = (84, 72, 60)
_SIZES = {84: 1.0, 72: 0.7, 60: 0.55}
"""About how many bytes a JPEG of each quality has, as a part of those at the best one."""
_PIXELS_PER_BYTE = 16  # of the calmest pictures seen at these qualities; larger is not worth a try
_LEAST_PIXELS_PER_BYTE = 4  # of most pictures at the best quality
_NEARLY = 0.85
"""Of the edge that is wanted: a JPEG is decoded whole, at a half, a quarter or an eighth, and for so few more pixels
the next larger one takes several times as long.
"""
_ENOUGH = 900_000
"""Pixels that are as good as more, whatever the edge: a square at half of 2K has as many as half of 2848 x 1600."""
_BYTES_TO_EDGE = {"RGB": 0.56, "RGBA": 0.5}
"""The power of its bytes with which a picture's edge goes: more than a half of a JPEG, of which a smaller one has more
bytes a pixel.
"""
FEW = 4
DELAY = 3.0
"""Seconds without a bar: what is done by then needs none."""
_WHOLE = free_in_child(threading.Lock())
"""For who decodes a picture that cannot be decoded small: two at once would hold twice the memory."""
Item = TypeVar("Item")


def open_picture(path: Path) -> Image.Image:
    """A saved picture, decoded. Raises `ImageInvalid` if the file is gone or damaged."""
    try:
        with open_original(path) as picture:
            picture.load()
    except Exception as exc:
        raise ImageInvalid(texts.NOT_READ(file=path, why=reason_of(exc))) from exc
    return picture


def open_original(path: Path) -> Image.Image:
    """A saved picture as Pillow has it, to be closed; a JPEG is decoded later, so that `draft` can make it small.

    Where its words or a setting of this process are in Pillow's way it has no words. Raises OSError where the file is
    gone, and whatever Pillow raises where it is damaged.
    """
    data = _picture_bytes(path)
    found = outline(data)
    if found is None or found.end is None:
        raise ValueError(texts.NOT_WHOLE())
    if found.kind == "WEBP":
        return webp_picture(data, found.end)
    # Not `Image.open`: it refuses by, and warns of, a limit that other code of the process sets.
    opened = _CLASSES[found.kind]
    with suppress(Exception):
        if found.kind == "JPEG":
            return opened(io.BytesIO(data))
        del data  # else it is held while it is decoded: a PNG of 4K has half as many bytes as its pixels
        with path.open("rb") as file, in_one_block():
            picture = opened(file)
            picture.load()  # now, for words stand behind the pixels of a PNG, too
            return picture
    data = _picture_bytes(path)
    with suppress(Exception), in_one_block():
        picture = opened(io.BytesIO(without_words(data)))
        if found.kind != "JPEG":
            picture.load()
        return picture
    return opened(io.BytesIO(without_words(data, pixels_only=True)))


@lru_cache(maxsize=64)
def preview_of(path: Path, _digest: str | None = None, *, budget: int) -> Preview:
    """The picture of a file in at most `budget` bytes of data URI (down to an edge of 24 px, which is about 1 kB).

    JPEG, or PNG where there is real transparency; sRGB, upright, without metadata. Its longest edge has at most
    1280 px; a JPEG whose half, quarter or eighth is nearly as large stays at that: a square of 2K at 1024 px. The
    result is kept by path and `_digest` (which says what bytes the file has), so that an updated output does not encode
    it again. Raises `ImageInvalid` if the file cannot be read.
    """
    edge = _edge_for(budget)
    with nullcontext() if path.suffix == ".jpg" else _WHOLE:
        picture = decode(path, lambda size: min(edge * _NEARLY / max(size), math.sqrt(_ENOUGH / math.prod(size))))
        # Of what is several times as large, the mean of whole pixels is taken first: twice as fast, and as sharp.
        picture.thumbnail((edge, edge), Image.Resampling.BICUBIC, reducing_gap=1.5)
    return _preview(picture, budget)


@lru_cache(maxsize=64)
def lighter(preview: Preview, budget: int) -> Preview:
    """The preview in at most `budget` bytes: itself, or one of fewer pixels that is drawn from it, without the file."""
    if len(preview.data_uri) <= budget:
        return preview
    return _preview(contain(decode_preview(preview), (_edge_for(budget),) * 2), budget)


def _edge_for(budget: int) -> int:
    """The longest edge in pixels that is worth a try."""
    return min(LONGEST_EDGE, max(int(math.sqrt(budget * _PIXELS_PER_BYTE)), SMALLEST_EDGE))


def _preview(picture: Image.Image, budget: int) -> Preview:
    kind = "png" if picture.mode == "RGBA" else "jpeg"
    head = f"data:image/{kind};base64,"
    encoded, (width, height) = encode_within(picture, (budget - len(head)) // 4 * 3)
    return Preview(head + base64.b64encode(encoded).decode("ascii"), width, height)


# A sweep has more of them than a set, and small ones: while it grows they must not be made anew for each that comes.
small_preview_of = lru_cache(maxsize=1024)(preview_of.__wrapped__)


def make_previews(
    pictures: Iterable[tuple[Path, str | None]], *, budget: int, make: Callable[..., Preview] = preview_of
) -> None:
    """Make the previews of these files (with their digests) at the same time, as far as there are none yet.

    Those that cannot be made say so when they are shown. A Stop does not wait for those that have not begun.
    """
    wanted = [*pictures]
    # Others than JPEG wait for one another, and each further thread would keep the room of one.
    threads = ThreadPoolExecutor(os.cpu_count() if any(path.suffix == ".jpg" for path, _ in wanted) else 1)
    try:
        for made in [threads.submit(make, path, digest, budget=budget) for path, digest in wanted]:
            with suppress(ImageInvalid):
                made.result()
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


def decode_preview(preview: Preview) -> Image.Image:
    """The picture of a preview, to be drawn."""
    head, _, body = preview.data_uri.partition(",")
    return _CLASSES["PNG" if "image/png" in head else "JPEG"](io.BytesIO(base64.b64decode(body)))


def decode(path: Path, scale: Callable[[tuple[int, int]], float]) -> Image.Image:
    """The picture upright, in RGB or, where it is really transparent, RGBA, without metadata.

    `scale` says, by the width and height of the original, at what part of that size it is needed. A JPEG is decoded
    near it, at that size or larger, in a fraction of the time and memory. Raises `ImageInvalid` for a file that is
    lost or damaged.
    """
    try:
        with open_original(path) as opened:
            part = min(1.0, scale(opened.size))
            opened.draft(None, (math.ceil(opened.width * part), math.ceil(opened.height * part)))
            picture = _displayable(opened)
    except Exception as exc:
        # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error and more on damaged bytes.
        hint = texts.SEE_FOLDER(file=path.name)
        raise ImageInvalid(texts.NO_PICTURE_IN_FILE(file=path.name), hint=hint) from exc
    with suppress(Exception):  # where its EXIF data are damaged it stays as it lies
        ImageOps.exif_transpose(picture, in_place=True)
    picture.info = {}  # Pillow would write comment, profile and EXIF of the original into what it saves
    return picture


def contain(
    picture: Image.Image, size: tuple[int, int], resampling: Image.Resampling = Image.Resampling.LANCZOS
) -> Image.Image:
    """The picture as large as fits; of the thinnest one at least a line."""
    scale = min(size[0] / picture.width, size[1] / picture.height)
    pixels = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return picture.resize(pixels, resampling)


def _displayable(opened: Image.Image) -> Image.Image:
    if opened.mode.startswith("I"):
        # 16 bits a sample; Pillow's own conversion to 8 bits clips instead of scaling.
        return opened.convert("I").point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
    if opened.has_transparency_data:
        with_alpha = opened.convert("RGBA")
        lowest, _ = with_alpha.getchannel("A").getextrema()
        return with_alpha if lowest != 255 else with_alpha.convert("RGB")
    if opened.mode == "RGB":
        opened.load()
        return opened
    return opened.convert("RGB")


def encode_within(picture: Image.Image, limit: int) -> tuple[bytes, tuple[int, int]]:
    """The picture in at most `limit` bytes, and its pixels: first with less quality, then with fewer pixels and, where
    these leave room, with more quality again.
    """
    *better, least = _QUALITIES if picture.mode != "RGBA" else _QUALITIES[-1:]
    limit = max(limit, 1)
    best = 0.0  # bytes at the best quality, as far as they are known
    if better and limit * _LEAST_PIXELS_PER_BYTE < picture.width * picture.height:  # that may well be too large
        # Its tables take most of a JPEG's time: without them it tells as well how large it will be.
        best = 0.93 * len(_encode(picture, better[0], optimize=False))
    for quality in (*better, least):
        if best * _SIZES[quality] > 1.1 * limit:
            continue  # it would not fit either
        encoded = _encode(picture, quality)
        if len(encoded) <= limit:
            return encoded, picture.size
        best = len(encoded) / _SIZES[quality]
    size = best * _SIZES[least]
    while size > limit:
        shrink = min(0.94, 0.97 * (limit / size) ** _BYTES_TO_EDGE[picture.mode])
        edge = max(int(max(picture.size) * shrink), SMALLEST_EDGE)
        if edge >= max(picture.size):
            return _encode(picture, least), picture.size
        picture = contain(picture, (edge, edge), Image.Resampling.HAMMING)
        encoded = _encode(picture, least)
        size = len(encoded)
    for quality in better:  # noise is smoothed by being scaled: it has fewer bytes a pixel then, not more
        if size / _SIZES[least] * _SIZES[quality] <= limit and len(sharper := _encode(picture, quality)) <= limit:
            return sharper, picture.size
    return encoded, picture.size


def _encode(picture: Image.Image, quality: int, *, optimize: bool = True) -> bytes:
    buffer = io.BytesIO()
    if picture.mode == "RGBA":
        picture.save(buffer, "PNG")  # optimised it would take ten times as long, for a fifteenth of its bytes
    else:
        picture.save(buffer, "JPEG", quality=quality, optimize=optimize)  # progressive it would take twice as long
    return buffer.getvalue()


def fit_on_paper(path: Path, size: tuple[int, int]) -> Image.Image:
    """The picture upright in RGB, as large as it can be within `size` pixels; transparent parts become white.

    Raises `ImageInvalid` for a file that is lost or damaged.
    """
    picture = decode(path, lambda whole: max(size) / min(whole))
    if picture.mode == "RGBA":
        paper = Image.new("RGB", picture.size, PAPER)
        paper.paste(picture, mask=picture)
        picture = paper
    return contain(picture, size)


def original(path: Path) -> bytes:
    """The bytes of the picture as the service made them. Raises `ImageInvalid` for a lost file."""
    try:
        return _picture_bytes(path)
    except OSError as exc:
        raise ImageInvalid(texts.NOT_READ(file=path.name, why=reason_of(exc))) from exc


def _picture_bytes(path: Path) -> bytes:
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        if size > LARGEST_FILE:
            raise OSError(errno.EFBIG, texts.LARGER_THAN_PICTURE(), str(path))
        return read_large(file, size)


def progress(items: Sequence[Item], what: str) -> Iterable[Item]:
    """The items, with a bar named `what` if there are more than four and they take more than three seconds."""
    if len(items) <= FEW:
        return items
    bar: Iterable[Item] = tqdm_bar(items, desc=what, unit=texts.FRAME_UNIT(), delay=DELAY)
    return bar
