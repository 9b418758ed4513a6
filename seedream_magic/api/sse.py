"""Server-sent events out of bytes. No I/O: feed what arrives, take the messages that are complete.

The rules are WHATWG's (https://html.spec.whatwg.org/multipage/server-sent-events.html) with two additions that paid
pictures ask for: a message that the stream's end leaves unterminated is handed out by `close`, and lines end at
CR LF, LF and CR only, never at the other separators that Python's `splitlines` knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from seedream_magic.api.models import LARGEST_BASE64_CHARACTERS

MAXIMUM_MESSAGE_BYTES = LARGEST_BASE64_CHARACTERS
"""Past this a message is no picture of the service."""

_LINE_END = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True)
class Message:
    """One event: its name ("message" where none was given) and its data lines, joined by line feeds.

    One that passed `MAXIMUM_MESSAGE_BYTES` is not `whole`: its data was let go, and the stream is read on.
    """

    event: str
    data: bytes
    whole: bool = True


class Decoder:
    """Bytes in, messages out; linear in the size of the input however it is cut."""

    def __init__(self, *, maximum: int = MAXIMUM_MESSAGE_BYTES) -> None:
        self._maximum = maximum
        self._rest = bytearray()
        self._event = b""
        self._data = bytearray()
        self._overflow = False
        self._after_return = False
        self._at_start = True

    def feed(self, chunk: bytes) -> list[Message]:
        """Messages completed by `chunk`."""
        if not chunk:
            return []
        if self._after_return:
            # A CR ended the last line at once; an LF that follows it is the second half of the same line end.
            chunk = chunk.removeprefix(b"\n")
        self._after_return = chunk.endswith(b"\r")
        return [message for line in self._lines(chunk) for message in self._line(line)]

    def close(self) -> list[Message]:
        """The message that the end of the stream left open, if it holds data."""
        rest = self._released()
        return [*(self._line(rest) if rest else []), *self._dispatch()]

    def _lines(self, chunk: bytes) -> Iterator[bytes]:
        start = 0
        ends = _LINE_END.finditer(chunk) if b"\n" in chunk or b"\r" in chunk else ()  # base64 is long and has none
        for end in ends:
            self._hold(chunk[start : end.start()])
            yield self._released()
            start = end.end()
        self._hold(chunk[start:])

    def _hold(self, piece: bytes) -> None:
        self._rest += piece
        self._overflow = self._overflow or len(self._rest) + len(self._data) + len(self._event) > self._maximum
        if self._overflow and self._rest:
            self._rest[:] = b":"  # a comment stands for each line of it: only an empty one ends the message
            self._data.clear()
            self._event = b""

    def _released(self) -> bytes:
        line = bytes(self._rest)
        self._rest.clear()
        return line

    def _line(self, line: bytes) -> list[Message]:
        if self._at_start:
            line = line.removeprefix(b"\xef\xbb\xbf")
            self._at_start = False
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._append(value)
        elif name == b"event":
            self._event = value
        elif line.lstrip().startswith((b"{", b"}", b'"', b"[", b"]")):
            # Vendor samples show JSON that goes on without the `data:` prefix; no field of the protocol looks like it.
            self._append(line)
        return []

    def _append(self, value: bytes) -> None:
        self._data += value
        self._data += b"\n"

    def _dispatch(self) -> list[Message]:
        event, data, overflow = self._event.decode("utf-8", "replace") or "message", self._data, self._overflow
        self._event, self._data, self._overflow = b"", bytearray(), False
        if overflow:
            return [Message(event, b"", whole=False)]
        return [Message(event, bytes(memoryview(data)[:-1]))] if data else []
