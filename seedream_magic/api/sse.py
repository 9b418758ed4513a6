"""Server-sent events out of bytes. No I/O: feed what arrives, take the messages that are complete.

The rules are WHATWG's (https://html.spec.whatwg.org/multipage/server-sent-events.html) with two additions that paid
pictures ask for: a message that the stream's end leaves unterminated is handed out by `close`, and lines end at
CR LF, LF and CR only, never at the other separators that Python's `splitlines` knows.
"""

from __future__ import annotations

from typing import NamedTuple

from seedream_magic.api.models import LARGEST_BASE64_CHARACTERS

MAXIMUM_MESSAGE_BYTES = LARGEST_BASE64_CHARACTERS
"""Past this a message is no picture of the service."""


_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Message(NamedTuple):
    """One event: its name ("message" where none was given) and its data lines, joined by line feeds.

    One that passed `MAXIMUM_MESSAGE_BYTES` is not `whole`: its data was let go, and the stream is read on.
    """

    event: str
    data: bytes
    whole: bool = True


def _value(line: bytes) -> bytes:
    """What stands behind the name of a line of data, and the space that may follow it."""
    return line[6 if line.startswith(b" ", 5) else 5 :]


class Decoder:
    """Bytes in, messages out; linear in the size of the input however it is cut.

    A picture in base64 is one line of megabytes: its pieces are only looked through for a line end, and joined once.
    """

    def __init__(self, *, maximum: int = MAXIMUM_MESSAGE_BYTES) -> None:
        self._maximum = self._room = maximum
        """`_room` is how many more bytes the message may have."""
        self._pieces: list[bytes] = []
        """Of the line that has not ended yet."""
        self._named = 0
        """How many bytes were taken off that line, which name it one of data."""
        self._rest = b""
        self._event = b""
        self._data: list[bytes] = []
        self._overflow = False
        self._after_return = False
        self._at_start = True

    def feed(self, chunk: bytes) -> list[Message]:
        """Messages completed by `chunk`."""
        if self._after_return and chunk:
            # A CR ended the last line at once; an LF that follows it is the second half of the same line end.
            chunk = chunk.removeprefix(b"\n")
            self._after_return = False
        if b"\n" in chunk or b"\r" in chunk:
            return self._end_lines(chunk)
        if chunk:
            self._go_on(chunk)
        return []

    def close(self) -> list[Message]:
        """The message that the end of the stream left open, if it holds data."""
        return self._end_lines(b"\n\n")

    def _go_on(self, piece: bytes) -> None:
        """Keep a piece of a line that has not ended yet.

        The name of its field is taken off now: off the whole line it would cost a second copy of megabytes.
        """
        self._room -= len(piece)
        if self._room < 0:
            self._let_go()
            self._pieces, self._named = [piece[:1]], 0  # the line is not empty, which would end the message
            return
        if not self._pieces and piece.startswith(b"data:") and len(piece) > len(b"data: "):
            value = _value(piece)
            piece, self._named, self._at_start = value, len(piece) - len(value), False
        self._pieces.append(piece)

    def _end_lines(self, chunk: bytes) -> list[Message]:
        """The messages of the lines that end in `chunk`."""
        messages = []
        named, self._named = self._named, 0
        self._room += named
        for line in self._lines(chunk):
            if not line:
                if self._data or self._overflow:
                    messages.append(self._message())
                self._event, self._data, self._room, self._overflow = b"", [], self._maximum, False
            elif self._overflow or len(line) + named > self._room:
                self._let_go()
            elif named:
                self._append(line)
            elif line.startswith(b"data:"):
                self._append(_value(line))
            else:
                self._field(line)
            named = 0  # of the first line alone
        if self._rest:
            self._go_on(self._rest)
        return messages

    def _lines(self, chunk: bytes) -> list[bytes]:
        """The lines that end in `chunk`; what stands behind the last line end is the `_rest`."""
        if b"\r" in chunk:
            self._after_return = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, self._rest = chunk.split(b"\n")
        if self._pieces:
            last = lines[0]
            self._pieces.append(last)
            lines[0] = b"".join(self._pieces)
            self._room += len(lines[0]) - len(last)
            self._pieces = []
        if self._at_start:
            self._at_start = False
            if lines[0].startswith(_BYTE_ORDER_MARK):
                lines[0] = lines[0].removeprefix(_BYTE_ORDER_MARK)
                self._room -= len(_BYTE_ORDER_MARK)
        return lines

    def _let_go(self) -> None:
        """Drop what a message holds that has passed the maximum; only an empty line ends it."""
        self._overflow, self._room = True, 0
        self._event, self._data = b"", []

    def _append(self, value: bytes) -> None:
        self._data.append(value)
        self._room -= len(value) + 1

    def _field(self, line: bytes) -> None:
        """Take in a line that is not of the data, or that names none."""
        name, _, value = line.partition(b":")
        if name == b"event":
            self._room += len(self._event) - len(value)
            self._event = value
        elif name == b"data":
            self._append(value)
        elif line.lstrip().startswith((b"{", b"}", b'"', b"[", b"]")):
            # Vendor samples show JSON that goes on without the `data:` prefix; no field of the protocol looks like it.
            self._append(line)

    def _message(self) -> Message:
        """The message that an empty line has ended."""
        if self._overflow:
            return Message("message", b"", whole=False)
        event = self._event.removeprefix(b" ").decode("utf-8", "replace") or "message"
        return Message(event, b"\n".join(self._data))
