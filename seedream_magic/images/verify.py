"""Whether bytes are a whole picture: signature, end mark and a full decode, all three.

Each alone accepts cut pictures: of 800 cuts over four encodings a header check took 404, a decode 8; with the end mark
none passed. What decodes whole is a picture, whatever follows its end or stands in its words, and however the other
code of this process has set Pillow (truncated files, largest pixels, longest texts, warnings as errors): the pixels
alone are decoded, by functions that know no such settings. How the files of the three formats are built stands below.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, JpegImagePlugin, PngImagePlugin

from seedream_magic.api.models import LARGEST_PICTURE_BYTES, MAXIMUM_PIXELS
from seedream_magic.api.signatures import PNG_SIGNATURE, picture_kind
from seedream_magic.errors import ImageError, ImageInvalid, ImageTooLarge

FORMATS = ("JPEG", "PNG", "WEBP")
_JPEG_MODES = {1: "L", 3: "RGB", 4: "CMYK"}
_MEDIA_TYPES = {"JPEG": ("image/jpeg", "jpg"), "PNG": ("image/png", "png"), "WEBP": ("image/webp", "webp")}
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)
"""Of a JPEG: between compressed pixels stand only restarts (D0-D7) and bytes FF that are written FF 00."""
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
"""Of a PNG: samples a pixel, and the bits that a sample may have, by its colour type."""
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Of an interlaced PNG: first column and row of each pass, and the steps between its columns and rows."""
_STEP = 2**20


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


def open_picture(path: Path) -> Image.Image:
    """A saved picture, decoded. Raises `ImageInvalid` if the file is gone or damaged."""
    try:
        with opened_picture(path) as picture:
            picture.load()
    except Exception as exc:
        raise ImageInvalid(f"{path} cannot be read: {exc}.") from exc
    return picture


def opened_picture(path: Path) -> Image.Image:
    """A saved picture as Pillow has it, to be closed; a JPEG is decoded later, so that `draft` can make it small.

    Where its words or a setting of this process are in Pillow's way it has no words. Raises OSError where the file is
    gone, and whatever Pillow raises where it is damaged.
    """
    data = path.read_bytes()
    found = outline(data)
    if found is None or found.end is None:
        raise ValueError("it is no whole JPEG, PNG or WebP picture")
    with suppress(Exception):
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
        if found.kind != "JPEG":  # words stand behind the pixels of a PNG, too
            picture.load()
        return picture
    if found.kind == "WEBP":
        return _webp_picture(data, found.end)
    opened = {"JPEG": JpegImagePlugin.JpegImageFile, "PNG": PngImagePlugin.PngImageFile}[found.kind]
    with suppress(Exception):
        return opened(io.BytesIO(_without_words(data)))
    return opened(io.BytesIO(_without_words(data, pixels_only=True)))


def _decode(data: bytes, found: Outline, end: int) -> None:
    """Decode the pixels and let go of them. Raises for what has none, or not all."""
    if not found.width * found.height:
        raise ValueError("it does not say how large it is")
    if found.kind == "PNG":
        if damage := _png_damage(data):
            raise ValueError(damage)
    elif found.kind == "JPEG":
        mode = _JPEG_MODES[_jpeg_samples(data)]
        Image.frombytes(mode, (found.width, found.height), data[:end], "jpeg", mode, "")
    else:
        _webp_picture(data, end)


def _webp_picture(data: bytes, end: int) -> Image.Image:
    """The (first) picture of a WebP file. Pillow's own class refuses by a limit that other code of the process sets."""
    from PIL import _webp  # noqa: PLC0415 - a Pillow may have been built without it

    decoder = _webp.WebPAnimDecoder(data[:end])
    size, _, _, _, raw_mode = decoder.get_info()
    pixels, _ = decoder.get_next() or (b"", 0)
    return Image.frombytes("RGB" if raw_mode == "RGBX" else raw_mode, size, pixels, "raw", raw_mode)


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


@dataclass(frozen=True)
class Outline:
    """What the parts of a picture file say without a pixel being decoded.

    `kind` is Pillow's name of the format. `width` and `height` are pixels, 0 where the file does not say. `end` is the
    length of the picture, which other bytes may follow; None where the file stops before it.
    """

    kind: str
    width: int = 0
    height: int = 0
    end: int | None = None

    @property
    def media_type(self) -> str:
        return _MEDIA_TYPES[self.kind][0]

    @property
    def ending(self) -> str:
        return _MEDIA_TYPES[self.kind][1]


@dataclass(frozen=True)
class _Part:
    """One segment of a JPEG or chunk of a PNG: its name, where it begins, where its content does, where that ends."""

    name: bytes
    start: int
    content: int
    end: int


def outline(data: bytes) -> Outline | None:
    """The outline of a JPEG, PNG or WebP file, however damaged; None for anything else."""
    outlines = {"JPEG": _jpeg_outline, "PNG": _png_outline, "WEBP": _webp_outline}
    kind = picture_kind(data)
    return outlines[kind](data) if kind else None


def _jpeg_parts(data: bytes) -> Iterator[_Part]:
    """The segments of a JPEG in order, compressed pixels left out; the last is its end mark, if it is there."""
    position = 2
    while found := _NEXT_MARKER.search(data, position):
        start, marker, content = found.start(), found[0][1:], found.end()
        if marker == b"\xd9":
            yield _Part(marker, start, content, content)
            return
        length = 0 if marker == b"\x01" else int.from_bytes(data[content : content + 2])
        position = content + length
        if position > len(data):
            return
        yield _Part(marker, start, content + 2, position)


def _jpeg_samples(data: bytes) -> int:
    """How many samples a pixel of a JPEG has: 1 grey, 3 colour, 4 print; 0 where it does not say."""
    frame = next((part for part in _jpeg_parts(data) if _is_frame(part)), None)
    return data[frame.content + 5] if frame and frame.end > frame.content + 5 else 0


def _is_frame(part: _Part) -> bool:
    """Whether a segment tells the size: all of C0-CF but tables (C4, CC) and the reserved C8."""
    return 0xC0 <= part.name[0] <= 0xCF and part.name[0] not in {0xC4, 0xC8, 0xCC}


def _jpeg_outline(data: bytes) -> Outline:
    width = height = 0
    scanned = False
    for part in _jpeg_parts(data):
        if _is_frame(part) and not width and part.end >= part.content + 5:
            height, width = (int.from_bytes(data[part.content + at : part.content + at + 2]) for at in (1, 3))
        scanned = scanned or part.name == b"\xda"
        if part.name == b"\xd9":
            return Outline("JPEG", width, height, part.end if scanned else None)
    return Outline("JPEG", width, height)


def _png_parts(data: bytes) -> Iterator[_Part]:
    """The whole chunks of a PNG in order, up to its end."""
    position = len(PNG_SIGNATURE)
    while (content := position + 8) <= len(data):
        end = content + int.from_bytes(data[position : position + 4])
        name = data[position + 4 : content]
        if end + 4 > len(data):
            return
        yield _Part(name, position, content, end)
        if name == b"IEND":
            return
        position = end + 4


def _png_outline(data: bytes) -> Outline:
    width, height = int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
    end = next((part.end + 4 for part in _png_parts(data) if part.name == b"IEND"), None)
    return Outline("PNG", width, height, end)


def _png_damage(data: bytes) -> str:
    """What keeps a PNG from being decoded, "" for nothing. Its rows are unpacked in pieces and let go of.

    As a decoder would, but that it does not depend on how Pillow is set in this process, and that sums of chunks which
    hold no pixels (words, profiles) do not matter.
    """
    parts = list(_png_parts(data))
    head = parts[0] if parts else None
    if head is None or head.name != b"IHDR" or head.end - head.content != 13:
        return "its head is missing"
    for part in parts:
        if part.name in {b"IHDR", b"PLTE"} and zlib.crc32(data[part.start + 4 : part.end]) != _sum_of(data, part):
            return f"the sum of its {part.name.decode()} chunk is wrong"
    depth, colours, packing, filtering, interlaced = data[head.content + 8 : head.end]
    if depth not in _DEPTHS.get(colours, ()) or packing or filtering or interlaced > 1:
        return "its head is damaged"
    if colours == 3 and not any(part.name == b"PLTE" for part in parts):
        return "its palette is missing"
    width, height = int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
    passes = _passes(width, height, _SAMPLES[colours] * depth, interlaced=bool(interlaced))
    return _row_damage((data[part.content : part.end] for part in parts if part.name == b"IDAT"), passes)


def _sum_of(data: bytes, part: _Part) -> int:
    return int.from_bytes(data[part.end : part.end + 4])


def _passes(width: int, height: int, bits: int, *, interlaced: bool) -> list[tuple[int, int]]:
    """Rows, and bytes a row with the one for its filter, of each pass over a PNG whose pixels have so many bits."""
    if not interlaced:
        return [(height, 1 + (width * bits + 7) // 8)]
    sizes = [(-(-(width - left) // right), -(-(height - top) // down)) for left, top, right, down in _PASSES]
    return [(rows, 1 + (columns * bits + 7) // 8) for columns, rows in sizes if columns > 0 and rows > 0]


def _row_damage(packed: Iterator[bytes], passes: list[tuple[int, int]]) -> str:
    """What is wrong with the rows of a PNG: too few, no filter of that number, or not what their own sum says."""
    unpacker = zlib.decompressobj()
    left = sum(rows * length for rows, length in passes)
    if not left:
        return "it has no pixels"
    filters = _FilterCheck(passes)
    for piece in packed:
        waiting, rows = piece, b""
        while (waiting or len(rows) == _STEP) and not unpacker.eof:
            try:
                rows = unpacker.decompress(waiting, _STEP)
            except zlib.error as exc:
                return str(exc)
            waiting = unpacker.unconsumed_tail
            if not filters.passed(rows):
                return "a row has an unknown filter"
            left -= len(rows)
            if left < 0:  # more than the picture has: no decoder looks at it
                return ""
    return f"{left:,} bytes of its rows are missing" if left > 0 else ""


class _FilterCheck:
    """Looks at the first byte of each row, 0 to 4, of rows that come in pieces of any length."""

    def __init__(self, passes: list[tuple[int, int]]) -> None:
        self._passes = [(rows * length, length) for rows, length in passes]
        self._offset = 0
        """How far the present pass has come, in bytes."""

    def passed(self, piece: bytes) -> bool:
        """Whether the rows that begin in the next piece have filters that there are; what is past the end may be."""
        position = 0
        while position < len(piece) and self._passes:
            size, length = self._passes[0]
            taken = min(len(piece) - position, size - self._offset)
            first = position + -self._offset % length
            if max(piece[first : position + taken : length], default=0) > 4:
                return False
            position += taken
            self._offset += taken
            if self._offset == size:
                self._offset = 0
                del self._passes[0]
        return True


def _webp_outline(data: bytes) -> Outline:
    name, end = data[12:16], int.from_bytes(data[4:8], "little") + 8
    width = height = 0
    if name == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
    elif name == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif name == b"VP8 ":
        width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    return Outline("WEBP", width, height, end if end <= len(data) else None)


def _without_words(data: bytes, *, pixels_only: bool = False) -> bytes:
    """A JPEG or PNG file without comments and texts; with `pixels_only` also without profile and position.

    For decoders that stumble over them. Anything else comes back as it is.
    """
    kind = picture_kind(data)
    if kind == "PNG":
        kept = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"} | (set() if pixels_only else {b"iCCP", b"eXIf", b"gAMA"})
        return PNG_SIGNATURE + b"".join(
            data[part.start : part.end + 4] for part in _png_parts(data) if part.name in kept
        )
    if kind != "JPEG":
        return data
    dropped = {b"\xfe", *(bytes([number]) for number in range(0xE0, 0xF0))} - {b"\xe0", b"\xee"}
    if not pixels_only:
        dropped -= {b"\xe1", b"\xe2"}
    pieces, position = [], 0
    for part in _jpeg_parts(data):
        if part.name in dropped:
            pieces.append(data[position : part.start])
            position = part.end
    return b"".join([*pieces, data[position:]])
