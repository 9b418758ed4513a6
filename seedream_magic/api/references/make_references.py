"""References from what people hand in, and the one place where their pictures are opened.

    value -> leaves (a file, a link, bytes, a picture) -> bytes whose type and pixels are read -> Reference

Bytes go out as they came. Only what has none yet (arrays, pictures of Pillow) is encoded here, and what is over the
limits is scaled where that is asked for.
"""

from __future__ import annotations

import io
import math
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from seedream_magic.api.references.objects import MAXIMUM_DECODED_PIXELS, Pixels, refusing
from seedream_magic.api.references.reference import (
    COMMON_BYTES,
    MAXIMUM_BYTES,
    MAXIMUM_PIXELS,
    Reference,
    megabytes,
    short,
)
from seedream_magic.api.references.sources import Leaf, PictureFile, gather, read_file
from seedream_magic.errors import InvalidRequest
from seedream_magic.forks import free_in_child
from seedream_magic.formats import HEIF_TYPES, heif_size, is_avif, outline, reference_type
from seedream_magic.pillow import LARGEST_OPENED, as_shipped, decode_fully
from seedream_magic.words import references as texts

_PROFILES = {"L": b"GRAY", "RGB": b"RGB ", "RGBA": b"RGB "}
"""What a colour profile that fits the pixels of a mode says of itself."""
_warnings_off = free_in_child(threading.Lock())
"""To open a picture Python's warnings are turned off, for the whole process: two threads would mix up what was on."""


def make_references(values: Iterable[object], *, base: Path | None = None) -> tuple[Reference, ...]:
    """The references that people's values stand for, in their order; lists and sets of images are opened.

    A value is a path (`~`, relative to `base` or the current folder), a glob, an https link (not fetched here), a data
    URI, a path object, bytes, a file that is open, a picture of Pillow, an array or a tensor (see `array_pixels`), a
    figure of Matplotlib, an upload or another widget that holds a picture, whatever shows itself as one in a notebook,
    a frame with a picture, an image set (its pictures), or an iterable of such. Files and bytes are kept as they are,
    but for AVIF, which the API does not read; that, Pillow's pictures and arrays become PNG, or JPEG where they have
    no transparency and the PNG would pass 10 MB.

    Raises `InvalidRequest` for everything else, for what is broken, and for more than fourteen; nothing is read before
    they are counted.
    """
    if isinstance(values, list | tuple) and not values:
        return ()
    return tuple(_reference(leaf) for leaf in gather(values, base or Path(), picture=Image.Image))


def read_fetched(reference: Reference, data: bytes) -> Reference:
    """A linked reference whose bytes have arrived. Raises `InvalidRequest` where they are no picture."""
    return replace(_read(reference.source, data), url=reference.url)


def scale_to_limits(reference: Reference) -> tuple[Reference, str]:
    """The reference within 30 MB and 36 megapixels, and the sentence that says what was done to it.

    One that is within them, that is not fetched yet, or that scaling cannot help comes back as it is, with no
    sentence. Others are turned upright and scaled to the largest size that fits: PNG where they have transparency,
    else JPEG. Raises `InvalidRequest` where the picture is damaged or too large to be opened.
    """
    if not (reference.over_limits and reference.scalable):
        return reference, ""
    name = short(reference.source)
    with _open(reference.data, reference.media_type, name) as picture:
        moving = getattr(picture, "is_animated", False)
        upright = _plain(ImageOps.exif_transpose(_decodable(picture, name)))
    with refusing(texts.CANNOT_BE_SCALED(name=name)):
        scaled, data = _largest(upright)
    kind = "PNG" if scaled.mode == "RGBA" else "JPEG"
    before = f"{name}: {reference.width}x{reference.height}, {megabytes(len(reference.data))}"
    after = f"{scaled.width}x{scaled.height} {kind}, {megabytes(len(data))}"
    made = replace(reference, media_type=f"image/{kind.lower()}", data=data, width=scaled.width, height=scaled.height)
    return made, (texts.FIRST_SCALED if moving else texts.SCALED)(before=before, after=after)


def _reference(leaf: Leaf) -> Reference:
    if isinstance(leaf, Reference):
        return leaf
    if isinstance(leaf, PictureFile):
        return _read(leaf.source, read_file(leaf))
    held = leaf.held
    if isinstance(held, bytes):
        return _read(leaf.source, held)
    with refusing(texts.CANNOT_BE_READ(name=leaf.source)), as_shipped():
        if isinstance(held, Pixels):
            held = Image.frombytes(held.mode, (held.width, held.height), held.rows)
        return _encode(leaf.source, held)


def _read(source: str, data: bytes) -> Reference:
    """A picture is decoded once to see that it is whole, unless it is over the limits anyhow."""
    name = short(source)
    if is_avif(data):
        return _convert(source, data)
    media_type = reference_type(data, name=name)
    if media_type in HEIF_TYPES:
        size = heif_size(data, name=name)
        return Reference(source, media_type, data, *(size or (None, None)))
    if found := outline(data):
        with refusing(_damaged(name, media_type, data)):
            _check_size((found.width, found.height), name)
            if found.width * found.height <= MAXIMUM_PIXELS:
                decode_fully(data, found, found.end or len(data))
        return Reference(source, media_type, data, found.width, found.height)
    with _open(data, media_type, name) as picture:
        width, height = picture.size
        if width * height <= MAXIMUM_PIXELS:
            picture.load()
    return Reference(source, media_type, data, width, height)


def _convert(source: str, data: bytes) -> Reference:
    """An AVIF picture as a PNG or JPEG, for the API reads no AVIF; where this Pillow reads it."""
    name = short(source)
    Image.init()
    if "AVIF" not in Image.OPEN:
        raise InvalidRequest(texts.AVIF(name=name))
    with _open(data, "image/avif", name) as picture:
        return _encode(source, picture)


@contextmanager
def _open(data: bytes, media_type: str, name: str) -> Iterator[Image.Image]:
    """The picture, its header read. What Pillow raises in here becomes an `InvalidRequest`, its warnings are off."""
    kind, sentence = media_type.removeprefix("image/").upper(), _damaged(name, media_type, data)
    with refusing(sentence), as_shipped(), _warnings_off, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(data), formats=(kind,)) as picture:
                _check_size(picture.size, name)
                yield picture
        except UnidentifiedImageError as exc:  # its text names an object of ours
            raise InvalidRequest(texts.SAVE_ANEW(what=sentence)) from exc


def _damaged(name: str, media_type: str, data: bytes) -> str:
    return texts.DAMAGED(name=name, format=media_type.removeprefix("image/").upper(), size=len(data))


def _check_size(size: tuple[int, int], name: str) -> None:
    if size[0] * size[1] > LARGEST_OPENED:
        raise _too_large(name)


def _too_large(name: str) -> InvalidRequest:
    return InvalidRequest(texts.TOO_MANY_PIXELS(name=name, most=MAXIMUM_PIXELS))


def _decodable(picture: Image.Image, name: str) -> Image.Image:
    """The same, set to decode no larger than is of use where the format can (JPEG: a half, a quarter, an eighth)."""
    picture.draft(None, _size_within(picture.size, MAXIMUM_PIXELS))
    if picture.width * picture.height > MAXIMUM_DECODED_PIXELS:
        raise _too_large(name)
    return picture


def _encode(source: str, picture: Image.Image) -> Reference:
    if picture.width * picture.height > MAXIMUM_DECODED_PIXELS:
        raise _too_large(source)
    upright = _plain(ImageOps.exif_transpose(picture))
    media_type, data = "image/png", _save(upright, "PNG")
    if len(data) > COMMON_BYTES and upright.mode != "RGBA":
        media_type, data = "image/jpeg", _save(upright, "JPEG")
    return Reference(source, media_type, data, upright.width, upright.height)


def _plain(picture: Image.Image) -> Image.Image:
    """The same in eight bits a channel: L, RGB, or RGBA where something shows through."""
    if picture.mode == "F" or picture.mode.startswith("I"):
        return _eight_bits(picture)
    if picture.mode in {"CMYK", "LAB"}:
        return _screen_colours(picture)
    if picture.has_transparency_data:
        clear = (picture.convert("LA") if picture.mode == "La" else picture).convert("RGBA")
        return clear if clear.getchannel("A").getextrema() != (255, 255) else clear.convert("RGB")
    return picture.convert("L" if picture.mode in {"1", "L"} else "RGB")


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Numbers without a range of their own go up to 1, 255, 65535, or the largest that there is."""
    wide = picture if picture.mode == "F" else picture.convert("I")
    highest = float(wide.getextrema()[1])  # type: ignore[arg-type] # one channel: numbers, not pairs
    full = 1.0 if highest <= 1 and picture.mode == "F" else max(255.0, highest)
    if picture.mode.startswith("I;16") or 255 < highest <= 65535:
        full = 65535.0
    scale = 255 / full
    return wide.point(lambda value: value * scale + 0.5).convert("L")


def _screen_colours(picture: Image.Image) -> Image.Image:
    """CMYK and LAB in sRGB, by the picture's own profile where it has one that is sound."""
    own = picture.info.get("icc_profile")
    try:
        profile: Any = ImageCms.createProfile("LAB")
        if picture.mode == "CMYK":
            profile = ImageCms.ImageCmsProfile(io.BytesIO(own or b""))
        seen = ImageCms.profileToProfile(picture, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        seen = None
    return seen or picture.convert("RGB")


def _largest(picture: Image.Image) -> tuple[Image.Image, bytes]:
    """The picture at the largest size that is within the limits, and its file."""
    area = float(MAXIMUM_PIXELS)
    while True:
        size = _size_within(picture.size, area)
        scaled = picture if size == picture.size else picture.resize(size, Image.Resampling.LANCZOS)
        data = _save(scaled, "PNG" if scaled.mode == "RGBA" else "JPEG")
        if len(data) <= MAXIMUM_BYTES:
            return scaled, data
        area = 0.97 * size[0] * size[1] * MAXIMUM_BYTES / len(data)


def _size_within(size: tuple[int, int], area: float) -> tuple[int, int]:
    """The largest size of no more than this area; the longer side is rounded by the shorter, so that 16:1 stays it."""
    short_side, long_side = sorted(size)
    if short_side * long_side <= area:
        return size
    shorter = max(1, math.floor(math.sqrt(area * short_side / long_side)))
    longer = shorter * long_side // short_side
    return (longer, shorter) if size[0] >= size[1] else (shorter, longer)


def _save(picture: Image.Image, kind: str) -> bytes:
    """The file: pixels, and the colour profile where it is one of this kind of pixels."""
    profile = picture.info.get("icc_profile")
    fits = isinstance(profile, bytes) and profile[16:20] == _PROFILES[picture.mode]
    options = {"quality": 92} if kind == "JPEG" else {}
    buffer = io.BytesIO()
    picture.save(buffer, kind, icc_profile=profile if fits else None, **options)
    return buffer.getvalue()
