"""The first bytes by which the pictures of the service are known."""

from __future__ import annotations

from typing import Literal

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def picture_kind(data: bytes) -> Literal["JPEG", "PNG", "WEBP", ""]:
    """JPEG, PNG or WEBP, as Pillow names them, by the first twelve bytes; "" for anything else."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(PNG_SIGNATURE):
        return "PNG"
    return "WEBP" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else ""
