"""Content codings of a body, judged by its bytes: gateways name codings that they do not use, and use some unnamed.

A body was paid for when its first byte came, so no coding is ever a reason to refuse it: what is unknown (`UTF-8`,
`none`, `aws-chunked`, `binary`) is read as it is, gzip and deflate are known by their first bytes whatever the header
says, and brotli, which has no mark of its own, is tried where the header names it.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator
from itertools import chain
from typing import Protocol

from seedream_magic.formats import picture_kind
from seedream_magic.words import answers as texts

_GZIP = b"\x1f\x8b"
_KNOWN = frozenset({"gzip", "x-gzip", "deflate", "br"})
"""Other names in a header say nothing: they are passed over, wherever they stand among these."""
_ZLIB = (b"x\x01", b"x\x9c", b"x\xda")
_PIECE = 2**20
"""Bytes that are inflated at a time: a bomb of 1 MiB may hold 1 GiB."""
_FIRST_BYTES = 12
"""Enough to tell text and pictures from what is packed."""
_MOST_LAYERS = 3
"""A body that was packed by a server, and again by a gateway, and once more by a proxy."""


class _Unpacker(Protocol):
    def unpack(self, data: bytes) -> Iterator[bytes]: ...
    @property
    def finished(self) -> bool: ...


class Inflater:
    """Packed bytes in, plain bytes out; linear, and never more than `maximum` bytes in all.

    `codings` is the Content-Encoding header. `fault` says in a few words why a body could not be unpacked to its end
    ("" while nothing is wrong): what came before the fault was handed out.
    """

    def __init__(self, codings: str = "", *, maximum: int, _layer: int = 1) -> None:
        self.fault = ""
        self._codings = [name for name in re.split(r"[\s,]+", codings.lower()) if name in _KNOWN]
        self._maximum = maximum
        self._layer = _layer
        self._left = maximum
        self._head = b""
        self._tried = b""
        self._unpacker: _Unpacker | None = None
        self._inner: Inflater | None = None
        self._plain = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The plain bytes of `chunk`, in pieces of at most 1 MiB where it was packed."""
        if self._plain:
            yield chunk
            return
        if self._unpacker is None:
            self._head += chunk
            if len(self._head) >= _FIRST_BYTES:
                yield from self._begin()
            return
        yield from self._unpacked(chunk)

    def _begin(self) -> Iterator[bytes]:
        """Decide by the first bytes whether the body is packed, and hand them out."""
        head, self._head = self._head, b""
        self._unpacker = self._unpacker_for(head)
        if self._unpacker is None:
            self._plain = True
            yield head
            return
        if self._layer < _MOST_LAYERS:
            inner = ", ".join(self._codings[:-1])
            self._inner = Inflater(inner, maximum=self._maximum, _layer=self._layer + 1)
        yield from self._unpacked(head)

    def close(self) -> Iterator[bytes]:
        """The plain bytes that only the end of the body completes; a packed body that has no end is a fault."""
        if self._unpacker is None and self._head:
            yield from self._begin()
        if self._plain or self._unpacker is None:
            return
        if not self._unpacker.finished and not self.fault:
            if self._left == self._maximum and not self._tried.startswith(_GZIP):
                yield self._tried  # too short to tell: it was not packed, or nothing of it can be read
                return
            self.fault = texts.CUT_OFF()
        if self._inner is not None:
            yield from self._inner.close()
            self.fault = self.fault or self._inner.fault

    def _unpacked(self, chunk: bytes) -> Iterator[bytes]:
        if self.fault or self._unpacker is None:
            return
        if self._left == self._maximum:
            self._tried += chunk
        try:
            for piece in self._unpacker.unpack(chunk):
                self._left -= len(piece)
                if self._left < 0:
                    self.fault = texts.UNPACKS_TOO_LARGE(size=self._maximum)
                    return
                yield from [piece] if self._inner is None else self._inner.feed(piece)
        except (zlib.error, ValueError):
            if self._left < self._maximum:
                self.fault = texts.DAMAGED()
                return
            self._plain = True  # nothing of it could be unpacked: the header was wrong
            yield self._tried

    def _unpacker_for(self, head: bytes) -> _Unpacker | None:
        outermost = self._codings[-1] if self._codings else ""
        if head.startswith(_GZIP):
            return _Deflated(31)
        if head[:2] in _ZLIB or (outermost == "deflate" and head[0] & 15 == 8 and int.from_bytes(head[:2]) % 31 == 0):
            return _Deflated(15)
        if _is_plain(head):
            return None
        if outermost == "deflate":
            return _Deflated(-15)  # many servers send it without zlib's header
        return _Brotli() if outermost == "br" else None


class _Deflated:
    """gzip (31), zlib (15) or bare deflate (-15), by zlib's `wbits`; several gzip members follow one another."""

    def __init__(self, wbits: int) -> None:
        self._wbits = wbits
        self._stream = zlib.decompressobj(wbits)
        self._next = b""

    @property
    def finished(self) -> bool:
        return self._stream.eof

    def unpack(self, data: bytes) -> Iterator[bytes]:
        data, self._next = self._next + data, b""
        while data:
            if self._stream.eof:
                if data == _GZIP[:1]:
                    self._next = data
                    return
                if not data.startswith(_GZIP):
                    return  # what follows the end is padding
                self._stream = zlib.decompressobj(self._wbits)
            yield self._stream.decompress(data, _PIECE)
            data = self._stream.unconsumed_tail or self._stream.unused_data


class _Brotli:
    """Brotli, by Google's own library."""

    def __init__(self) -> None:
        import brotli  # noqa: PLC0415 - only an answer that is packed so pays for loading it

        self._fault = brotli.error
        self._stream = brotli.Decompressor()

    @property
    def finished(self) -> bool:
        return bool(self._stream.is_finished())

    def unpack(self, data: bytes) -> Iterator[bytes]:
        try:
            while data or not self._stream.can_accept_more_data():
                yield self._stream.process(data, output_buffer_limit=_PIECE)
                data = b""
        except self._fault as exc:
            raise ValueError(str(exc)) from exc


def inflate(data: bytes, codings: str, *, maximum: int) -> bytes:
    """A whole body without its codings. Raises `ValueError` if it is damaged, cut, or larger than `maximum` bytes."""
    inflater, plain = Inflater(codings, maximum=maximum), io.BytesIO()
    for piece in chain(inflater.feed(data), inflater.close()):
        plain.write(piece)
    if inflater.fault:
        plain.close()  # an error keeps the variables of its frames alive, and another attempt may follow
        raise ValueError(inflater.fault)
    return plain.getvalue()


def _is_plain(head: bytes) -> bool:
    """Whether a body that is declared as packed begins as JSON, a page, a stream of events or a picture does."""
    text = rb"(?:\xef\xbb\xbf)?\s*(?:[{\[][\s\"{\[\]}\d]|<[!?a-zA-Z]|(?:data|event|id|retry)?:)"
    return bool(picture_kind(head) or re.match(text, head))
