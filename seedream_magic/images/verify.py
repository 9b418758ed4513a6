"""Whether bytes are a whole picture: signature, end mark and a full decode, all three.

Each alone accepts cut pictures: of 800 cuts over four encodings a header check took 404, a decode 8; with the end mark
none passed. What decodes whole is a picture, whatever follows its end or stands in its words, and however the other
code of this process has set Pillow (truncated files, largest pixels, longest texts, warnings as errors): the pixels
alone are decoded, by functions that know no such settings.
"""

from __future__ import annotations

from dataclasses import dataclass

from seedream_magic.api.models import LARGEST_PICTURE_BYTES, MAXIMUM_PIXELS
from seedream_magic.errors import ImageError, ImageInvalid, ImageTooLarge
from seedream_magic.formats import Outline, jpeg_samples, outline, png_damage

_JPEG_MODES = {1: "L", 3: "RGB", 4: "CMYK"}


@dataclass(frozen=True)
class PictureFacts:
    """What a verified picture is, read from its bytes: media type, file ending, size in pixels."""

    media_type: str
    ending: str
    width: int
    height: int


def verified(data: bytes) -> PictureFacts:
    """The facts of a whole JPEG, PNG or WebP picture.

    Raises `ImageTooLarge` past 68 MiB or 33.6 megapixels, `ImageInvalid` for anything else that is not one; either
    carries the bytes (`rejected`).
    """
    found = outline(data)
    if len(data) > LARGEST_PICTURE_BYTES:
        words = f"The picture has {len(data):,} bytes; more than {LARGEST_PICTURE_BYTES:,} are not taken."
        raise _rejected(ImageTooLarge(words), data, found, "too-large")
    if found is None:
        raise _rejected(ImageInvalid(f"What came is {_described(data)}, not a JPEG, PNG or WebP picture."), data)
    if found.end is None:
        words = f"The picture ({found.media_type}, {len(data):,} bytes) is cut off before its end."
        raise _rejected(ImageInvalid(words), data, found, "truncated")
    if found.width * found.height > MAXIMUM_PIXELS:
        words = f"The picture has {found.width}x{found.height} pixels; the limit is {MAXIMUM_PIXELS:,}."
        raise _rejected(ImageTooLarge(words), data, found, "too-large")
    try:
        _decode(data, found, found.end)
    except Exception as exc:
        # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error and more on damaged bytes.
        words = f"The picture ({found.media_type}, {len(data):,} bytes) does not decode: {exc}."
        raise _rejected(ImageInvalid(words), data, found, "damaged") from exc
    return PictureFacts(found.media_type, found.ending, found.width, found.height)


def _decode(data: bytes, found: Outline, end: int) -> None:
    """Decode the pixels and let go of them. Raises for what has none, or not all."""
    from PIL import Image  # noqa: PLC0415 - Pillow loads when a picture has come, not with the records of earlier ones

    from seedream_magic.view.pictures import webp_picture  # noqa: PLC0415 - it loads Pillow as well

    if not found.width * found.height:
        raise ValueError("it does not say how large it is")
    if found.kind == "PNG":
        if damage := png_damage(data):
            raise ValueError(damage)
    elif found.kind == "JPEG":
        mode = _JPEG_MODES[jpeg_samples(data)]
        Image.frombytes(mode, (found.width, found.height), data[:end], "jpeg", mode, "")
    else:
        webp_picture(data, end)


def _rejected(error: ImageError, data: bytes, found: Outline | None = None, why: str = "not-a-picture") -> ImageError:
    """The error, with what it refuses and the end of the name under which that can be kept."""
    error.rejected, error.rejected_as = data, f"{why}.{found.ending if found else 'bin'}"
    return error


def _described(data: bytes) -> str:
    if not data:
        return "nothing"
    start = data.lstrip()[:32].lower()
    if start.startswith((b"<", b"{")):
        return "a text page"
    return f"{len(data):,} bytes of another kind"
