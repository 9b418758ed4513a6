"""Bodies that came compressed though nobody had asked for it: unpacked by what their bytes say, under a limit."""

from __future__ import annotations

import zlib
from importlib import import_module
from typing import Any

_STEP = 2**20
_GZIP, _ZLIB, _RAW_DEFLATE = 31, 15, -15
"""The `wbits` of zlib for each form."""


def inflated(data: bytes, codings: str, *, maximum: int) -> bytes:
    """The body behind `data`; itself where it is not compressed, whatever `codings` (Content-Encoding) says.

    gzip and zlib are told by their first bytes, deflate without a head and Brotli by their names alone. Raises
    `ValueError` for what is cut off, damaged, or has more than `maximum` bytes: no more than those are ever held.
    """
    names = {name.strip().lower() for name in codings.split(",")}
    if data.startswith(b"\x1f\x8b"):
        return _unpacked(data, _GZIP, maximum)
    if len(data) > 1 and data[0] == 0x78 and int.from_bytes(data[:2]) % 31 == 0:
        return _unpacked(data, _ZLIB, maximum)
    if "deflate" in names:
        return _unpacked(data, _RAW_DEFLATE, maximum)
    if "br" in names:
        return _brotli(data, maximum)
    return data


def _unpacked(data: bytes, form: int, maximum: int) -> bytes:
    body = bytearray()
    left = data
    while left:
        packed = zlib.decompressobj(form)
        while not packed.eof:
            try:
                body += (piece := packed.decompress(left, _STEP))
            except zlib.error as exc:
                raise ValueError(f"it is damaged ({exc})") from exc
            if len(body) > maximum:
                raise ValueError(f"it has more than {maximum:,} bytes")
            left = packed.unconsumed_tail
            if not (piece or left or packed.eof):
                raise ValueError("it is cut off")
        left = packed.unused_data if form == _GZIP and packed.unused_data.startswith(b"\x1f\x8b") else b""
    return bytes(body)


def _brotli(data: bytes, maximum: int) -> bytes:
    try:
        brotli: Any = import_module("brotli")
    except ImportError:
        return data
    unpacker, body = brotli.Decompressor(), bytearray()
    for start in range(0, len(data), 1024):
        try:
            body += unpacker.process(data[start : start + 1024])
        except brotli.error as exc:
            raise ValueError(f"it is damaged ({exc})") from exc
        if len(body) > maximum:
            raise ValueError(f"it has more than {maximum:,} bytes")
    if not unpacker.is_finished():
        raise ValueError("it is cut off")
    return bytes(body)
