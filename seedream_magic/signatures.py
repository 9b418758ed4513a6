"""What kind of picture bytes are, read from the bytes and never from a name."""

from __future__ import annotations

import re

from seedream_magic.errors import InvalidRequest

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
    (b"%PDF", "a PDF"),
    (b"8BPS", "a Photoshop file"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\0\0\1\0", "an icon"),
    (b"PK\x03\x04", "a ZIP archive"),
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
        head = data[8 : min(int.from_bytes(data[:4]), 256)]
        brands = {head[:4], *(head[place : place + 4] for place in range(8, len(head), 4))}
        return next((kind for names, kind in _BRANDS if names & brands), "")
    return ""


def picture_kind(data: bytes) -> str:
    """JPEG, PNG or WEBP, which the service makes, as Pillow names them, by the first twelve bytes; "" for others."""
    kind = media_type(data[:12]).removeprefix("image/").upper()
    return kind if kind in {"JPEG", "PNG", "WEBP"} else ""


def reference_type(data: bytes, *, name: str) -> str:
    """The media type of a reference. Raises `InvalidRequest` for other bytes, saying what `name` is."""
    if found := media_type(data):
        return found
    raise InvalidRequest(
        f"{name} is {_described(data)}; a reference is a JPEG, PNG, WebP, BMP, TIFF, GIF or HEIC picture."
    )


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
        raise InvalidRequest(f"{name} (HEIC, {len(data):,} bytes) is cut off or damaged; save it anew.")
    sizes = [(int.from_bytes(wide), int.from_bytes(high)) for wide, high in _EXTENT.findall(data[:_METADATA])]
    return max((size for size in sizes if all(size)), key=lambda size: size[0] * size[1], default=None)


def _box_length(data: bytes, position: int) -> int:
    """The length of a box, head included: 0 in its head means "to the end", 1 "in the eight bytes that follow"."""
    length = int.from_bytes(data[position : position + 4])
    if length == 1:
        return int.from_bytes(data[position + 8 : position + 16])
    return length or len(data) - position


def _described(data: bytes) -> str:
    if not data:
        return "empty"
    if found := next((words for start, words in _OTHERS if data.startswith(start)), ""):
        return found
    if data[4:8] == b"ftyp":
        return "an AVIF picture or a film"
    start = data[:1024].lower()
    if b"<svg" in start:
        return "an SVG drawing"
    return f"{len(data):,} bytes of another kind" if _BINARY.search(start) else "text"
