"""Server-sent events out of bytes. No I/O: feed what arrives, take the messages that are complete.

The rules are WHATWG's (https://html.spec.whatwg.org/multipage/server-sent-events.html) with two additions that paid
pictures ask for: a message that the stream's end leaves unterminated is handed out by `close`, and lines end at
CR LF, LF and CR only, never at the other separators that Python's `splitlines` knows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAXIMUM_MESSAGE_BYTES = 48 * 2**20
"""A 4K PNG in base64 is about 35 MiB; past this a line is no picture of the service."""

_LINE_END = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True)
class Message:
    """One event: its name ("message" where none was given) and its data lines, joined by line feeds."""

    event: str
    data: bytes


class MessageTooLarge(Exception):
    """A single message passed `MAXIMUM_MESSAGE_BYTES`; what came before it was handed out."""


class Decoder:
    """Bytes in, messages out; linear in the size of the input however it is cut."""

    def __init__(self, *, maximum: int = MAXIMUM_MESSAGE_BYTES) -> None:
        self._maximum = maximum
        self._pieces: list[bytes] = []
        self._held = 0
        self._event = b""
        self._data: list[bytes] = []
        self._data_size = 0
        self._after_return = False
        self._at_start = True

    def feed(self, chunk: bytes) -> list[Message]:
        """Messages completed by `chunk`. Raises `MessageTooLarge` when one grows past the maximum."""
        if self._after_return and chunk:
            # A CR ended the last line at once; an LF that follows it is the second half of the same line end.
            chunk = chunk.removeprefix(b"\n")
            self._after_return = False
        messages: list[Message] = []
        start = 0
        for end in _LINE_END.finditer(chunk):
            line = b"".join((*self._pieces, chunk[start : end.start()]))
            self._pieces, self._held = [], 0
            messages += self._line(line)
            start = end.end()
        self._after_return = chunk.endswith(b"\r")
        if start < len(chunk):
            self._pieces.append(chunk[start:])
            self._held += len(chunk) - start
        if self._held + self._data_size > self._maximum:
            raise MessageTooLarge(f"a message of more than {self._maximum:,} bytes")
        return messages

    def close(self) -> list[Message]:
        """The message that the end of the stream left open, if it holds data."""
        rest = b"".join(self._pieces)
        self._pieces, self._held = [], 0
        return [*(self._line(rest) if rest else []), *self._dispatch()]

    def _line(self, line: bytes) -> list[Message]:
        if self._at_start:
            line = line.removeprefix(b"\xef\xbb\xbf")
            self._at_start = False
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
            self._data_size += len(value)
        elif name == b"event":
            self._event = value
        elif line.lstrip().startswith((b"{", b"}", b'"', b"[", b"]")):
            # Vendor samples show JSON that goes on without the `data:` prefix; no field of the protocol looks like it.
            self._data.append(line)
            self._data_size += len(line)
        return []

    def _dispatch(self) -> list[Message]:
        event, data = self._event.decode("utf-8", "replace") or "message", self._data
        self._event, self._data, self._data_size = b"", [], 0
        return [Message(event, b"\n".join(data))] if data else []
