"""Pictures small enough to live in a notebook. Originals stay on disk, untouched."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageOps

from seedream_magic.errors import ImageInvalid, SeedreamError
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.images.verify import opened_picture

LONGEST_EDGE = 1280
SMALLEST_EDGE = 24
_QUALITIES = (84, 72, 60)
_PIXELS_PER_BYTE = 16  # of the calmest pictures seen at these qualities; larger is not worth a try


@dataclass(frozen=True)
class Preview:
    """A re-encoded picture as a data URI; `width` and `height` are its own pixels, not the original's."""

    data_uri: str
    width: int
    height: int

    def picture(self) -> Image.Image:
        """The picture, to be decoded anew."""
        return Image.open(BytesIO(base64.b64decode(self.data_uri.partition(",")[2])))


def preview(frame: Frame, *, budget: int) -> Preview:
    """A frame's picture in at most `budget` bytes of data URI (down to an edge of 24 px, which is about 1 kB).

    JPEG, or PNG where there is real transparency; sRGB, upright, without metadata, longest edge at most 1280 px. The
    result is kept, so that an output that is updated does not encode it again. Raises the frame's error if it has no
    picture, `ImageInvalid` if the file cannot be read.
    """
    if frame.path is None:
        raise frame.error or SeedreamError(f"Frame {frame.index + 1} has not arrived yet.")
    return _preview(frame.path, frame.sha256, budget)


@lru_cache(maxsize=64)
def _preview(path: Path, _sha256: str | None, budget: int) -> Preview:
    edge = int(math.sqrt(budget * _PIXELS_PER_BYTE))
    edge = min(LONGEST_EDGE, max(edge, SMALLEST_EDGE))
    picture = decoded(path, edge)
    picture.thumbnail((edge, edge), Image.Resampling.LANCZOS)
    kind = "png" if picture.mode == "RGBA" else "jpeg"
    head = f"data:image/{kind};base64,"
    encoded, (width, height) = encoded_within(picture, (budget - len(head)) // 4 * 3)
    return Preview(head + base64.b64encode(encoded).decode("ascii"), width, height)


def sheet_ratio(images: ImageSet) -> float:
    """Width over height of the set's pictures: the first that has arrived, else what the request says, else 1."""
    for frame in images.ok:
        if frame.width and frame.height:
            return frame.width / frame.height
    width, _, height = images.request.size.partition("x")
    if width.isdecimal() and height.isdecimal() and int(width) and int(height):
        return int(width) / int(height)
    return 1.0


def decoded(path: Path, edge: int, side: Callable[[tuple[int, int]], int] = max) -> Image.Image:
    """The picture upright, in RGB or, where it is really transparent, RGBA, without metadata.

    A JPEG is decoded near the size that is shown, in a fraction of the time and memory: its longest side (with `min`
    its shortest, which is sharper) has `edge` pixels or more. Raises `ImageInvalid` for a file that is lost or damaged.
    """
    try:
        with opened_picture(path) as opened:
            shrink = min(1.0, edge / side(opened.size))
            opened.draft(None, (math.ceil(opened.width * shrink), math.ceil(opened.height * shrink)))
            picture = _displayable(opened)
    except Exception as exc:
        # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error and more on damaged bytes.
        hint = f"Look at {path.name} in the folder of its run."
        raise ImageInvalid(f"{path.name} cannot be read as a picture.", hint=hint) from exc
    with suppress(Exception):  # where its EXIF data are damaged it is shown as it lies
        picture = ImageOps.exif_transpose(picture)
    picture.info = {}  # Pillow would write comment, profile and EXIF of the original into what it saves
    return picture


def contained(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The picture as large as fits; of the thinnest one at least a line."""
    scale = min(size[0] / picture.width, size[1] / picture.height)
    pixels = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return picture.resize(pixels, Image.Resampling.LANCZOS)


def _displayable(opened: Image.Image) -> Image.Image:
    if opened.mode.startswith("I"):
        # 16 bits a sample; Pillow's own conversion to 8 bits clips instead of scaling.
        return opened.convert("I").point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
    if opened.has_transparency_data:
        with_alpha = opened.convert("RGBA")
        lowest, _ = with_alpha.getchannel("A").getextrema()
        return with_alpha if lowest != 255 else with_alpha.convert("RGB")
    return opened.convert("RGB")


def encoded_within(picture: Image.Image, limit: int) -> tuple[bytes, tuple[int, int]]:
    """The picture in at most `limit` bytes, and its pixels: first with less quality, then with fewer pixels."""
    while True:
        for quality in _QUALITIES:
            encoded = _encoded(picture, quality)
            if len(encoded) <= limit:
                return encoded, picture.size
        edge = int(max(picture.size) * min(0.94, 0.97 * math.sqrt(max(limit, 1) / len(encoded))))
        edge = max(edge, SMALLEST_EDGE)
        if edge >= max(picture.size):
            return encoded, picture.size
        picture = contained(picture, (edge, edge))


def _encoded(picture: Image.Image, quality: int) -> bytes:
    buffer = BytesIO()
    if picture.mode == "RGBA":
        picture.save(buffer, "PNG", optimize=True)
    else:
        picture.save(buffer, "JPEG", quality=quality, optimize=True, progressive=True)
    return buffer.getvalue()
