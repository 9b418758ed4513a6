"""The bytes of an answer as JSON objects, whatever form they came in. No I/O: feed what arrives, take what is whole.

    bytes -> Inflater (content codings) -> UTF-8 -> one of: JSON documents, server-sent events, a picture, a page, text

The form is decided by the first bytes, not by what was asked for or declared. Nothing raises on odd input: `fault`
says what an answer is that could not be read, and all that stood whole in it was handed out all the same.
"""

from __future__ import annotations

import base64
import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from seedream_magic.api.documents import Documents, objects_in, parse, whole_part
from seedream_magic.api.encoding import Inflater
from seedream_magic.api.models import LARGEST_BASE64_CHARACTERS
from seedream_magic.api.redaction import clean_text, redact
from seedream_magic.api.sse import Decoder, Message
from seedream_magic.formats import picture_kind
from seedream_magic.words import answers as texts
from seedream_magic.words.text import Text

Form = Literal["", "json", "stream", "picture", "page"]
MAXIMUM_DOCUMENT_BYTES = 4 * LARGEST_BASE64_CHARACTERS
"""Of an answer for up to four images so much is held in memory; more images, more bytes. All of it is on disk."""
_MOST_TEXT = 2**20
"""Of an answer that is neither JSON nor events, so much is looked through for links."""
_FIRST_BYTES = 12
"""Enough to tell every form from the others."""
_BYTE_ORDER_MARKS = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_NOTHING_READ: dict[Form, Text] = {"": texts.EMPTY, "json": texts.NO_JSON, "page": texts.WEB_PAGE}
_FIELD = re.compile(rb"(?:^|[\r\n])(?:data|event|id|retry)?:")
"""What no text has and every stream of events: a line that begins with the name of a field, or a comment."""


@dataclass(frozen=True)
class Answered:
    """One JSON object of an answer.

    `event` is the name of the server-sent event that it came in, "" elsewhere. `cut`: its end is missing.
    """

    fields: dict[str, Any]
    event: str = ""
    cut: bool = False


@dataclass(frozen=True)
class Unreadable:
    """A piece of the answer that holds nothing that can be read; its bytes are kept with the run."""

    reason: str


@dataclass(frozen=True)
class Done:
    """The `[DONE]` that ends a stream."""


Piece = Answered | Unreadable | Done


class AnswerDecoder:
    """Bytes in, pieces out. `codings` is the Content-Encoding header, `images` how many images were asked for."""

    def __init__(self, codings: str = "", *, images: int = 1) -> None:
        maximum = max(MAXIMUM_DOCUMENT_BYTES, images * LARGEST_BASE64_CHARACTERS)
        self.form: Form = ""
        self._inflater = Inflater(codings, maximum=2 * maximum)
        self._recoder: codecs.IncrementalDecoder | None = None
        self._head = b""
        self._documents = Documents(maximum=maximum)
        self._events = Decoder()
        self._text = bytearray()
        self._picture = bytearray()
        self._fielded = False
        self._read = False
        self._fault = ""

    @property
    def fault(self) -> str:
        """What kept the answer from being read, "" if nothing did; final once `close` was called."""
        packed = self._inflater.fault
        return texts.COMPRESSED(why=packed) if packed else self._fault

    @property
    def settled(self) -> bool:
        """Whether what came so far is a whole answer: nothing has begun that has not ended."""
        return self.form == "json" and self._read and not self._documents.open

    def feed(self, chunk: bytes) -> Iterator[Piece]:
        """The pieces that `chunk` completes."""
        for plain in self._inflater.feed(chunk):
            yield from self._decoded(plain)

    def close(self, *, cut: bool = False) -> Iterator[Piece]:
        """The pieces that only the end completes; `cut` says that the answer broke off there."""
        for plain in (*self._inflater.close(), b""):
            yield from self._decoded(plain, last=True)
        cut = cut or bool(self._inflater.fault)
        if self.form == "json":
            if rest := self._documents.rest():
                self._fault = self._fault or texts.ENDS_IN_THE_MIDDLE()
                yield from self._damaged(rest)
        elif self.form == "stream":
            for message in self._events.close():
                yield from self._of_message(message, cut=cut)
            if not self._read:
                yield from self._links()
        elif self.form == "page":
            yield from self._answer_in_page()
        elif self.form == "picture" and not self._fault:
            self._read = True
            yield Answered({"data": [{"b64_json": base64.b64encode(self._picture).decode()}]}, cut=cut)
        if not self._read and not self._fault:
            self._fault = _NOTHING_READ.get(self.form, texts.NEITHER_JSON_NOR_EVENTS)()

    def _decoded(self, chunk: bytes, *, last: bool = False) -> Iterator[Piece]:
        """The pieces of plain bytes; UTF-16, which some make of everything, is read as well."""
        if not self.form and self._recoder is None:
            chunk = _without_marks(self._head + chunk)
            self._head = b""
            if len(chunk) < _FIRST_BYTES and not last:
                self._head = chunk
                return
            wide = next((name for mark, name in _BYTE_ORDER_MARKS if chunk.startswith(mark)), _utf16_of(chunk))
            if wide:
                self._recoder = codecs.getincrementaldecoder(wide)("replace")
        if self._recoder is not None:
            chunk = self._recoder.decode(chunk).encode("utf-8", "replace")
            chunk = chunk if self.form else _without_marks(chunk)  # two programs may each have put one before it
        yield from self._take(chunk)

    def _take(self, chunk: bytes) -> Iterator[Piece]:
        if not chunk:
            return
        self.form = self.form or _form_of(chunk.lstrip())
        if self.form == "json":
            for document in self._documents.feed(chunk):
                yield from self._of_document(document)
            if self._documents.overflow and not self._fault:
                self._fault = texts.LARGER_THAN_ANY()
                yield from self._damaged(self._documents.rest())
        elif self.form == "stream":
            yield from self._of_stream(chunk)
        elif self.form == "page":
            self._text += chunk[: _MOST_TEXT - len(self._text)]
        elif not self._fault:
            self._picture += chunk
            if len(self._picture) > LARGEST_BASE64_CHARACTERS:
                self._fault = texts.PICTURE_LARGER_THAN_ANY()

    def _of_stream(self, chunk: bytes) -> Iterator[Piece]:
        if not self._fielded and len(self._text) < _MOST_TEXT:
            self._text += chunk
            self._fielded = _FIELD.search(self._text, max(0, len(self._text) - len(chunk) - 8)) is not None
        for message in self._events.feed(chunk):
            yield from self._of_message(message)

    def _of_document(self, document: str, *, event: str = "") -> Iterator[Piece]:
        if document.strip('"') == "[DONE]":
            yield Done()
            return
        try:
            objects = objects_in(parse(document))
        except (ValueError, RecursionError):
            yield from self._damaged(document.encode("utf-8", "surrogateescape"), event=event)
            return
        self._read = self._read or bool(objects)
        yield from (Answered(fields, event) for fields in objects)

    def _damaged(self, raw: bytes, *, event: str = "") -> Iterator[Piece]:
        """What came whole of a document that is no JSON."""
        if _begins_json(raw):
            if fields := whole_part(raw):
                yield Answered(fields, event, cut=True)
        elif b"://" in raw:  # half a link looks like a whole one there, and costs a request
            yield Answered({"content": raw[:_MOST_TEXT].decode("utf-8", "replace")}, event, cut=True)

    def _of_message(self, message: Message, *, cut: bool = False) -> Iterator[Piece]:
        data, event = message.data.strip(), "" if message.event == "message" else message.event
        if not message.whole:
            yield Unreadable(texts.EVENT_LARGER_THAN_ANY())
            return
        if data == b"[DONE]":
            self._read = True
            yield Done()
            return
        if not self._fielded:
            return  # a text of which a line begins as JSON does: all of it is looked through at its end
        self._text.clear()
        pieces: list[Piece] = []
        if _begins_json(data):
            pieces += self._of_document(data.decode("utf-8", "surrogateescape"), event=event)
        if not pieces or any(isinstance(piece, Answered) and piece.cut for piece in pieces):
            pieces = self._of_several(data, event) or pieces
        self._read = True
        if not pieces and b"://" in data and not _begins_json(data):
            pieces = [Answered({"content": data[:_MOST_TEXT].decode("utf-8", "replace")}, event, cut=cut)]
        if not pieces and not cut:
            pieces = [Unreadable(texts.EVENT_IS_NO_OBJECT(words=_first_words(data)))]
        yield from pieces

    def _of_several(self, data: bytes, event: str) -> list[Piece]:
        """Several objects in one event, or one among other words; empty where there is no whole one."""
        documents = Documents(maximum=len(data))
        found: list[Piece] = []
        for document in documents.feed(data):
            if document == "[DONE]":
                found.append(Done())
                continue
            try:
                found += [Answered(fields, event) for fields in objects_in(parse(document))]
            except (ValueError, RecursionError):
                return []
        return found + list(self._damaged(documents.rest(), event=event)) if found else []

    def _answer_in_page(self) -> Iterator[Piece]:
        """The service's own objects behind what some servers put before them: a comment, a warning of PHP."""
        for fields in objects_in(self._text.decode("utf-8", "replace")):
            if isinstance(fields.get("data"), list) or "image_generation" in str(fields.get("type")):
                self._read = True
                yield Answered(fields)

    def _links(self) -> Iterator[Piece]:
        """Of plain text that is no stream: the JSON in it, or the links."""
        text = self._text.decode("utf-8", "replace")
        for fields in objects_in(text):
            if fields.keys() != {"content"} or "://" in text or "base64," in text:
                self._read = True
                yield Answered(fields)


def _form_of(head: bytes) -> Form:
    if _begins_json(head):
        return "json"
    if head.startswith(b"<"):
        return "page"
    return "picture" if picture_kind(head) else "stream"


def _begins_json(data: bytes) -> bool:
    """Whether a text may be JSON, whole or damaged; `[words](link)` is Markdown."""
    return re.match(rb"\s*(?:\"|\{\s*(?:[\"}]|$)|\[\s*(?:[\"{\[\]\d-]|$))", data) is not None


def _without_marks(chunk: bytes) -> bytes:
    """The beginning of an answer without byte order marks and blanks, however many there are."""
    while (rest := chunk.lstrip().removeprefix(codecs.BOM_UTF8)) != chunk:
        chunk = rest
    return chunk


def _utf16_of(head: bytes) -> str:
    """UTF-16 without a mark, known by the zeros beside its first characters."""
    if len(head) > 3 and head[0] == head[2] == 0 != head[1]:
        return "utf-16-be"
    return "utf-16-le" if len(head) > 3 and head[1] == head[3] == 0 != head[0] else ""


def _first_words(data: bytes) -> str:
    """What a note quotes of an event: without what signs a link, for it is saved and displayed."""
    text = data[:1000].decode("utf-8", "replace")
    return clean_text(redact(text)[:80])  # text enough that no redaction moves half a secret to the front
