"""Pictures in base64, taken out of an answer while it comes: a set of fifteen may be one JSON object of 600 MB.

Each waits as its own bytes, in a file where it is large, and whoever reads the answer finds a short text in its place:
the first letters of its base64, by which it is known for a picture, and a SHA-256, by which it is told from others.
Only what stands plainly in quotes is taken, as JSON and events have it: with escapes in it, in the alphabet of URLs,
without its end or packed it is read as it came.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Any

from seedream_magic.api.models import LARGEST_BASE64_CHARACTERS, MAXIMUM_FRAMES
from seedream_magic.api.shapes import is_picture_text
from seedream_magic.images.json_files import DEEPEST, cut_json
from seedream_magic.images.received import Received
from seedream_magic.images.response import map_texts, stand_in

LEAST = 2**20
"""Characters: what is smaller is no burden."""
_MOST = 2 * MAXIMUM_FRAMES
"""Taken of one answer: each may have a file open, and previews come as well."""
_STEP = 2**16
"""Bytes that are looked at and decoded at once, as they come from a socket: a moment on the event loop."""
_MOST_BEGINNINGS = 10_000
"""Looked at in one answer: what has more is read on as it comes."""
_MOST_ESCAPES = 64
"""Backslashes before a quote: of JSON in a text in a text."""
_HEAD = 240
"""Characters of a text that stay."""
_SIGNATURES = (b"/9j/", b"iVBORw0KGgo", b"UklGR")
_BEGINNING = re.compile(rb'"(?:data:[\w/.+;-]{1,60};base64,)?(?=%s)' % b"|".join(_SIGNATURES))
_PARTS = b"|".join(sign[:length] for sign in _SIGNATURES for length in range(len(sign) - 1, 0, -1))
_BEGUN = re.compile(rb'"(d[\w/.+;:,-]{0,90}|%s|)$' % _PARTS)
"""What may be a beginning at the end of a chunk."""


@dataclass
class _Picture:
    """One that was taken out: its bytes for each place where it stood, the length of its base64, the text in its place.

    The same bytes may be two pictures to who reads the answer: once in base64 alone, once as a data: URI.
    """

    bodies: list[Received]
    characters: int
    digest: str
    text: str
    found: int = 0
    """How many of the bodies were asked for."""


class _Text:
    """A text in base64 that has begun. It is decoded as it comes, but for its last letters."""

    def __init__(self) -> None:
        self.data = Received()
        self.head = b""
        self.characters = 0
        self._last = b""
        self._digest = hashlib.sha256()

    def add(self, letters: bytes) -> None:
        """The next letters. Raises ValueError where they are no plain base64, or too many."""
        self.characters += len(letters)
        self._digest.update(letters)
        self._last += letters
        if len(self.head) < _HEAD:
            self.head = (self.head + letters)[:_HEAD]
        whole = (len(self._last) - 1) // 4 * 4
        if self.characters > LARGEST_BASE64_CHARACTERS or b"=" in self._last[:whole]:
            raise ValueError
        if whole > 0:
            self.data.add(binascii.a2b_base64(self._last[:whole], strict_mode=True))
            self._last = self._last[whole:]

    def end(self) -> _Picture:
        """The picture. Raises ValueError where the text does not end as base64 does."""
        last = binascii.a2b_base64(self._last, strict_mode=True)
        self._last = b""
        self.data.add(last)
        digest = self._digest.hexdigest()
        return _Picture([self.data], self.characters, digest, self.head.decode() + digest)

    def letters(self) -> bytes:
        """All of it as it came."""
        return base64.b64encode(self.data.take()) + self._last


class Extractor:
    """Bytes of an answer in, the same bytes without large pictures out; linear however they are cut."""

    def __init__(self) -> None:
        self._pictures: dict[str, _Picture] = {}
        self._text: _Text | None = None
        self._held = b""
        self._quoted = False
        """Whether a quote came right before what is held, or before what comes next."""
        self._beginnings = self._taken = 0

    def feed(self, chunk: bytes) -> bytes:
        """What is to be read of this chunk, and of what was held back of those before it."""
        read = []
        for start in range(0, len(chunk), _STEP):
            left = chunk[start : start + _STEP]
            while left:
                if self._text is not None:
                    piece, left = self._text_goes_on(self._text, left)
                else:
                    piece, left = self._look(left)
                read.append(piece)
        return b"".join(read)

    def rest(self) -> bytes:
        """What was held back, when no more comes of this answer."""
        text, self._text, held, self._held, self._quoted = self._text, None, self._held, b"", False
        return held if text is None else text.letters() + held

    def _look(self, chunk: bytes) -> tuple[bytes, bytes]:
        """What is read as it is, and what follows it: the letters of a text that may be large, or nothing."""
        before = b'"' if self._quoted else b""
        chunk = before + self._held + chunk
        self._held, self._quoted, at = b"", False, 0
        while self._beginnings < _MOST_BEGINNINGS and self._taken < _MOST:
            if (found := _BEGINNING.search(chunk, at)) is None:
                if begun := _BEGUN.search(chunk, max(at, len(chunk) - 100)):
                    self._quoted, self._held = True, begun[1]
                    chunk = chunk[: begun.start(1)]
                break
            self._beginnings += 1
            at = chunk.find(b'"', found.end())
            if at < 0 or at - found.end() >= LEAST:
                self._text = _Text()
                return chunk[len(before) : found.end()], chunk[found.end() :]
        return chunk[len(before) :], b""

    def _text_goes_on(self, text: _Text, chunk: bytes) -> tuple[bytes, bytes]:
        """What is read in place of these letters, and what follows them."""
        chunk, self._held = self._held + chunk, b""
        end = chunk.find(b'"')
        letters = (chunk if end < 0 else chunk[:end]).rstrip(b"\\")  # of a quote in JSON that is itself a text
        try:
            text.add(letters)
            if end < 0 and len(chunk) - len(letters) <= _MOST_ESCAPES:
                self._held = chunk[len(letters) :]
                return b"", b""
            self._text = None
            if text.characters < LEAST or end < 0:
                raise ValueError  # noqa: TRY301 - as one that is none: it is read as it came
            picture = text.end()
        except ValueError:
            self._text = None
            return text.letters(), chunk[len(letters) :]
        self._taken += 1
        if same := self._pictures.get(picture.digest):
            same.bodies += picture.bodies
        else:
            self._pictures[picture.digest] = picture
        return picture.text.encode(), chunk[len(letters) :]

    def find(self, text: str | None) -> Received | None:
        """The bytes of the picture in whose place this text was read, each time other ones; None for any other text."""
        picture = self._pictures.get((text or "")[-64:])
        if picture is None or picture.found == len(picture.bodies):
            return None
        picture.found += 1
        return picture.bodies[picture.found - 1]

    def describe(self, value: Any) -> Any:
        """A JSON value as the record has it: with the length and the digest of each picture that stood in its texts."""
        return map_texts(cut_json(value, levels=DEEPEST), lambda _, text: self._describe_text(text))

    def _describe_text(self, text: str) -> str:
        for picture in self._pictures.values():
            if text.endswith(picture.text) and is_picture_text(text):
                characters = len(text) - len(picture.text) + picture.characters
                return stand_in(characters, picture.digest)
            text = text.replace(picture.text, stand_in(picture.characters, picture.digest))
        return text

    def close(self) -> None:
        """Let go of what nobody has taken."""
        for picture in self._pictures.values():
            for body in picture.bodies:
                body.close()
        if self._text is not None:
            self._text.data.close()
