"""What kind of picture bytes are, and how such files are built: how large, where they end, which parts are pixels.

Read from the bytes and never from a name.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from seedream_magic.errors import InvalidRequest
from seedream_magic.words import pictures as texts

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
ENDINGS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/bmp": "bmp",
    "image/tiff": "tiff",
    "image/gif": "gif",
    "image/heic": "heic",
    "image/heif": "heif",
}
"""The media types that the API reads as references (its page of August 2026), and how their files end."""
HEIF_TYPES = frozenset({"image/heic", "image/heif"})
"""Recognised and measured by their boxes: Pillow alone reads neither."""

_SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (PNG_SIGNATURE, "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"II+\0", "image/tiff"),  # files that may pass 4 GiB
    (b"MM\0+", "image/tiff"),
)
_OTHERS = (
    (b"%PDF", texts.PDF),
    (b"8BPS", texts.PHOTOSHOP),
    (b"\0\0\0\x0cjP  ", texts.JPEG_2000),
    (b"\0\0\0\x0cJXL ", texts.JPEG_XL),
    (b"\xff\x0a", texts.JPEG_XL),
    (b"\0\0\1\0", texts.ICON),
    (b"PK\x03\x04", texts.ZIP),
)
_BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
"""The sizes of a BMP's second header; "BM" alone also begins many a text."""
_BRANDS = (
    (frozenset({b"avif", b"avis"}), ""),  # AVIF has the same boxes, and the API does not read it
    (frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}), "image/heic"),
    (frozenset({b"mif1", b"mif2", b"msf1"}), "image/heif"),
)
_EXTENT = re.compile(rb"\0\0\0\x14ispe\0\0\0\0(.{4})(.{4})", re.DOTALL)
_METADATA = 4 * 2**20
_BINARY = re.compile(rb"[\0\x01-\x08\x0e-\x1a]")


def media_type(data: bytes) -> str:
    """The media type of a picture of the kinds that the API reads, such as `image/jpeg`; "" for anything else."""
    if found := next((kind for start, kind in _SIGNATURES if data.startswith(start)), ""):
        return found
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in _BMP_HEADERS:
        return "image/bmp"
    if data[4:8] == b"ftyp":
        return next((kind for names, kind in _BRANDS if names & _brands(data)), "")
    return ""


def is_avif(data: bytes) -> bool:
    """Whether bytes are an AVIF picture, which the API does not read: its boxes are those of HEIC."""
    return data[4:8] == b"ftyp" and bool(_brands(data) & _BRANDS[0][0])


def _brands(data: bytes) -> set[bytes]:
    head = data[8 : min(int.from_bytes(data[:4]), 256)]
    return {head[:4], *(head[place : place + 4] for place in range(8, len(head), 4))}


def picture_kind(data: bytes) -> str:
    """JPEG, PNG or WEBP, which the service makes, as Pillow names them, by the first twelve bytes; "" for others."""
    kind = media_type(data[:12]).removeprefix("image/").upper()
    return kind if kind in {"JPEG", "PNG", "WEBP"} else ""


def reference_type(data: bytes, *, name: str) -> str:
    """The media type of a reference. Raises `InvalidRequest` for other bytes, saying what `name` is."""
    if found := media_type(data):
        return found
    raise InvalidRequest(texts.REFERENCE_IS_OTHER(name=name, what=_describe(data)))


def heif_size(data: bytes, *, name: str) -> tuple[int, int] | None:
    """Width and height of a HEIC or HEIF picture as its boxes say; None where they do not.

    A picture that is made of tiles gives their size as well: the largest is the picture's. Raises `InvalidRequest`
    where the file ends inside a box, or before the one that holds the picture.
    """
    position, holds_picture = 0, False
    while position < len(data):
        length = _box_length(data, position)
        if length < 8 or position + length > len(data):
            break
        holds_picture |= data[position + 4 : position + 8] == b"mdat"
        position += length
    if position < len(data) or not holds_picture:
        raise InvalidRequest(texts.HEIC_DAMAGED(name=name, size=len(data)))
    sizes = [(int.from_bytes(wide), int.from_bytes(high)) for wide, high in _EXTENT.findall(data[:_METADATA])]
    return max((size for size in sizes if all(size)), key=lambda size: size[0] * size[1], default=None)


def _box_length(data: bytes, position: int) -> int:
    """The length of a box, head included: 0 in its head means "to the end", 1 "in the eight bytes that follow"."""
    length = int.from_bytes(data[position : position + 4])
    if length == 1:
        return int.from_bytes(data[position + 8 : position + 16])
    return length or len(data) - position


def _describe(data: bytes) -> str:
    if not data:
        return texts.EMPTY()
    if found := next((text for start, text in _OTHERS if data.startswith(start)), None):
        return found()
    if data[4:8] == b"ftyp":
        return texts.AVIF()
    start = data[:1024].lower()
    if b"<svg" in start:
        return texts.SVG()
    return texts.OTHER_BYTES(size=len(data)) if _BINARY.search(start) else texts.TEXT()


_MEDIA_TYPES = {"JPEG": ("image/jpeg", "jpg"), "PNG": ("image/png", "png"), "WEBP": ("image/webp", "webp")}
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)
"""Of a JPEG: between compressed pixels stand only restarts (D0-D7) and bytes FF that are written FF 00."""
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
"""Of a PNG: samples a pixel, and the bits that a sample may have, by its colour type."""
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Of an interlaced PNG: first column and row of each pass, and the steps between its columns and rows."""
_STEP = 2**20
_PIECE = 2**16


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


def jpeg_samples(data: bytes) -> int:
    """How many samples a pixel of a JPEG has: 1 grey, 3 colour, 4 print; 0 where it does not say."""
    frame = next((part for part in _jpeg_parts(data) if _is_frame(part)), None)
    return data[frame.content + 5] if frame and frame.end > frame.content + 5 else 0


def without_codes(data: bytes) -> bytes:
    """A JPEG up to its end mark, without its compressed pixels: all in it that a decoder can refuse, in a few hundred
    bytes.

    To libjpeg, which Pillow decodes with, wrong codes and too few are no error: it fills the rest with grey. What it
    refuses are tables, heads and parts, which stay. So reading the codes, nine tenths of a check, tells no more. One
    with restarts comes back as it is: between them marks are passed over that are refused elsewhere. So does one that
    has no end mark: there it matters whether all codes have come.
    """
    pieces, position, codes = [], 0, 0
    part = None
    for part in _jpeg_parts(data):
        if part.name == b"\xdd":
            return data
        if codes:
            pieces.append(data[position:codes])
            position = part.start
        codes = max(part.content, part.end) if part.name == b"\xda" else 0
    if part is None or part.name != b"\xd9":
        return data
    return b"".join([*pieces, data[position : part.end]])


def _is_frame(part: _Part) -> bool:
    """Whether a segment holds the size: all of C0-CF but tables (C4, CC) and the reserved C8."""
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


def png_damage(data: bytes) -> str:
    """What keeps a PNG from being decoded, "" for nothing. Its rows are unpacked in pieces and let go of.

    As a decoder would, but that it does not depend on how Pillow is set in this process, and that sums of chunks which
    hold no pixels (words, profiles) do not matter.
    """
    parts = list(_png_parts(data))
    head = parts[0] if parts else None
    if head is None or head.name != b"IHDR" or head.end - head.content != 13:
        return texts.HEAD_MISSING()
    for part in parts:
        if part.name in {b"IHDR", b"PLTE"} and zlib.crc32(data[part.start + 4 : part.end]) != _sum_of(data, part):
            return texts.CHUNK_SUM_WRONG(chunk=part.name.decode())
    depth, colours, packing, filtering, interlaced = data[head.content + 8 : head.end]
    if depth not in _DEPTHS.get(colours, ()) or packing or filtering or interlaced > 1:
        return texts.HEAD_DAMAGED()
    if colours == 3 and not any(part.name == b"PLTE" for part in parts):
        return texts.PALETTE_MISSING()
    width, height = int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
    passes = _passes(width, height, _SAMPLES[colours] * depth, interlaced=bool(interlaced))
    view = memoryview(data)
    packed = (
        view[start : min(start + _PIECE, part.end)]  # what zlib leaves of a piece it copies, at every step
        for part in parts
        if part.name == b"IDAT"
        for start in range(part.content, part.end, _PIECE)
    )
    return _row_damage(packed, passes)


def _sum_of(data: bytes, part: _Part) -> int:
    return int.from_bytes(data[part.end : part.end + 4])


def _passes(width: int, height: int, bits: int, *, interlaced: bool) -> list[tuple[int, int]]:
    """Rows, and bytes a row with the one for its filter, of each pass over a PNG whose pixels have so many bits."""
    if not interlaced:
        return [(height, 1 + (width * bits + 7) // 8)]
    sizes = [(-(-(width - left) // right), -(-(height - top) // down)) for left, top, right, down in _PASSES]
    return [(rows, 1 + (columns * bits + 7) // 8) for columns, rows in sizes if columns > 0 and rows > 0]


def _row_damage(packed: Iterator[memoryview], passes: list[tuple[int, int]]) -> str:
    """What is wrong with the rows of a PNG: too few, no filter of that number, or not what their own sum says."""
    unpacker = zlib.decompressobj()
    left = sum(rows * length for rows, length in passes)
    if not left:
        return texts.NO_PIXELS()
    filters = _FilterCheck(passes)
    for piece in packed:
        waiting, rows = bytes(piece), b""
        while (waiting or len(rows) == _STEP) and not unpacker.eof:
            try:
                rows = unpacker.decompress(waiting, _STEP)
            except zlib.error as exc:
                return str(exc)
            waiting = unpacker.unconsumed_tail
            if not filters.passed(rows):
                return texts.UNKNOWN_FILTER()
            left -= len(rows)
            if left < 0:  # more than the picture has: no decoder looks at it
                return ""
    return texts.ROWS_MISSING(size=left) if left > 0 else ""


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


def without_words(data: bytes, *, pixels_only: bool = False) -> bytes:
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
