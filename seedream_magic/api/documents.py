"""JSON out of bytes: whole documents as they arrive, and of a damaged or cut one all that came whole. No I/O.

A document is an object, an array or a text. Several may follow one another, with or without line ends between them
(NDJSON, concatenated objects), and one may be written inside the text of another; gateways do all of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

_DECODER = json.JSONDecoder(strict=False)
_OPENING = re.compile(rb'["{}\[\]]')
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}:,"]|[^\s\[\]{}:,"]++', re.DOTALL)
"""One token of JSON; a quote that stands alone opens a text that never closes. Linear: nothing is tried twice."""
_BACKSLASH = 0x5C
_MOST_OPEN = 100_000
"""Brackets that are open at a time."""
_MOST_TOKENS = 200_000
"""A whole answer has a few hundred; a flood of brackets must not hold the program up."""
_DEEPEST = 64
_DEEPEST_TEXT = 3
"""How many texts deep a document may be hidden."""
_MOST_DOCUMENTS_IN_TEXT = 64
_SHORTEST_TEXT = 12
"""Characters: a shorter text is no link and no picture."""


class Documents:
    """Bytes in, whole documents out, each as its text; linear in the input however it is cut.

    Bytes that are no UTF-8 stay as surrogates. The bytes are held once: an answer may have hundreds of megabytes.

    `overflow` is set when a document passes `maximum` bytes, or has more than 100,000 brackets open: from then on
    nothing is kept, and `rest` is what had come of it.
    """

    def __init__(self, *, maximum: int) -> None:
        self.overflow = False
        self._maximum = maximum
        self._buffer = bytearray()
        self._at = 0
        self._start: int | None = None
        self._depth = 0
        self._in_text = False

    @property
    def open(self) -> bool:
        """Whether a document has begun and not ended."""
        return self._start is not None

    def feed(self, chunk: bytes) -> Iterator[str]:
        """The documents that `chunk` completes."""
        if self.overflow:
            return
        self._buffer += chunk
        while (end := self._end_of_document()) is not None:
            document = str(memoryview(self._buffer)[self._start : end], "utf-8", "surrogateescape")
            del self._buffer[:end]
            self._at, self._start, self._depth, self._in_text = 0, None, 0, False
            yield document
        if len(self._buffer) > self._maximum:
            self.overflow = True

    def rest(self) -> bytes:
        """What came of a document that has no end; it is handed out once."""
        rest = b"" if self._start is None else bytes(memoryview(self._buffer)[self._start :])
        self._buffer.clear()
        self._start = None
        return rest

    def _end_of_document(self) -> int | None:
        """Where the first document of the buffer ends, None if that has not come yet."""
        while not self._in_text or self._text_ends():
            if self._start is not None and self._depth == 0:
                return self._at
            found = _OPENING.search(self._buffer, self._at)
            self._at = len(self._buffer) if found is None else found.end()
            if found is None:
                break
            if found[0] in b"}]":
                self._depth = max(0, self._depth - 1)
                continue
            if self._start is None:
                self._start = found.start()
            self._in_text = found[0] == b'"'
            self._depth += found[0] in b"{["
            if self._depth > _MOST_OPEN:
                self.overflow = True  # no parser takes it: the pictures before it are all that it can hold
                return None
        if self._start is None:
            self._buffer.clear()  # between documents nothing is kept
            self._at = 0
        return None

    def _text_ends(self) -> bool:
        """Go on behind the quote that ends a text; whether it has come."""
        while (quote := self._buffer.find(b'"', self._at)) >= 0:
            self._at = quote + 1
            if not quote or self._buffer[quote - 1] != _BACKSLASH or not self._is_escaped(quote):
                self._in_text = False
                return True
        self._at = len(self._buffer)
        return False

    def _is_escaped(self, quote: int) -> bool:
        slash = quote
        while slash > 0 and self._buffer[slash - 1] == _BACKSLASH:
            slash -= 1
        return (quote - slash) % 2 == 1


def parse(document: str) -> Any:
    """The value of a document. Raises `ValueError` or `RecursionError` where it is none.

    Not strict: a bare NUL in a text costs no picture.
    """
    return _DECODER.decode(document.removeprefix("\ufeff"))


def objects_in(value: Any, *, _depth: int = 0) -> list[dict[str, Any]]:
    """A value as objects: an array is the `data` of one, a text is read once more, for JSON may stand in it."""
    if isinstance(value, dict):
        return [value]
    if isinstance(value, list):
        return [{"data": value}] if value else []
    if not isinstance(value, str) or _depth == _DEEPEST_TEXT:
        return []
    text = value.encode("utf-8", "replace").decode()
    documents = Documents(maximum=2 * len(text.encode()))
    found: list[dict[str, Any]] = []
    around = text
    for document in islice(documents.feed(text.encode()), _MOST_DOCUMENTS_IN_TEXT):
        if document[:1] in "{[" or document == text.strip():
            try:
                found += objects_in(parse(document), _depth=_depth + 1)
            except (ValueError, RecursionError):
                continue
            around = around.replace(document, " ", 1)
    if not found or "://" in around or "base64," in around:
        found += [{"content": around}] if len(around) >= _SHORTEST_TEXT else []
    return found


def texts_in(value: Any, *, deepest: int = _DEEPEST) -> Iterator[str]:
    """The texts in a JSON value, in its order, down to a depth."""
    if isinstance(value, str):
        yield value
    elif deepest and isinstance(value, Mapping | list):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from texts_in(item, deepest=deepest - 1)


def whole_part(raw: bytes) -> dict[str, Any] | None:
    """What came whole of a document that is damaged or has no end: an object, None if there is nothing.

    Texts count only if their closing quote came: half a link leads nowhere, and half a base64 text is half a picture.
    Of words in which pictures stand all counts that came before the last sign that ends a link.
    """
    partial = _PartialValue()
    for found in islice(_TOKEN.finditer(raw), _MOST_TOKENS):
        if found[0] == b'"':  # a text without an end
            if words := _whole_words(raw[found.end() :]):
                partial.take(words)
            break
        if found.end() == len(raw) and not found[0].endswith((b'"', b"}", b"]")):
            break  # a number that may have gone on
        partial.take(found[0])
    objects = objects_in(partial.root)
    return objects[0] if objects else None


def _whole_words(text: bytes) -> bytes:
    """Of a text that was cut off, as a token of JSON: what came before a link or a data: URI that may have gone on."""
    if (b"://" not in text and b";base64," not in text) or re.match(rb"\s*(?:https?|data):", text, re.IGNORECASE):
        return b""  # no picture stands in it, or it is one itself
    ends = [text.rfind(sign) + len(sign) for sign in (b" ", b")", b">", b"\\n", b'\\"') if sign in text]
    return b'"%s"' % text[: max(ends)] if ends else b""


class _PartialValue:
    """A value that is put together from the tokens of a document, as far as they come."""

    def __init__(self) -> None:
        self.root: Any = None
        self._open: list[Any] = []
        self._keys: list[str | None] = []

    def take(self, token: bytes) -> None:
        if token in b"}]":
            del self._open[-1:], self._keys[-1:]
        elif token in b"{[":
            container: Any = {} if token == b"{" else []
            self.root = container if self.root is None else self.root
            self._put(container)
            self._open.append(container)
            self._keys.append(None)
        elif token == b"," and self._keys:
            self._keys[-1] = None
        elif self._open and token not in b":,":
            self._value(token)
        elif self.root is None and token[:1] == b'"':
            self.root = self._read(token)

    def _value(self, token: bytes) -> None:
        value = self._read(token)
        if isinstance(self._open[-1], dict) and self._keys[-1] is None:
            self._keys[-1] = str(value)
        else:
            self._put(value)

    def _read(self, token: bytes) -> Any:
        text = token.decode("utf-8", "surrogateescape")
        try:
            return _DECODER.decode(text)
        except ValueError:
            return text.strip('"')

    def _put(self, value: Any) -> None:
        if not self._open or len(self._open) > _DEEPEST:
            return
        if isinstance(self._open[-1], list):
            self._open[-1].append(value)
        elif self._keys[-1] is not None:
            self._open[-1][self._keys[-1]] = value
