"""What came back: an answer as JSON objects, whatever form it came in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any

import httpx

from seedream_magic.api.connection import is_compressed, reading
from seedream_magic.api.events import Unreadable, parse_object
from seedream_magic.api.head import MAXIMUM_REFUSAL_BYTES, broken_answer
from seedream_magic.api.keys import Key
from seedream_magic.api.plan import Plan
from seedream_magic.api.redaction import redacted, without_secret
from seedream_magic.api.refusal import clipped
from seedream_magic.api.salvage import pictures_in_answer, pictures_in_event, refusals_in_answer
from seedream_magic.api.sse import Decoder, Message, MessageTooLarge
from seedream_magic.errors import ResponseBroken

MAXIMUM_BYTES_PER_IMAGE = 35 * 2**20
"""A 4K PNG in base64; the cap of an answer is this for each image asked for."""
MAXIMUM_EVENTS = 10_000
"""Events of one stream: fifteen pictures need some forty, and each is kept on disk before the next is looked at."""


@dataclass(frozen=True)
class Patience:
    """Limits in seconds. Headers come with the first picture, 13-40 s a picture, so they are long.

    `head` is the wait for the answer's head and, in a JSON answer, between bytes; `idle` the wait for any byte of a
    stream; `progress` the wait for an event of a stream that only sends keep-alives; `total` the whole answer.
    """

    connect: float = 10.0
    write: float = 60.0
    head: float = 300.0
    idle: float = 120.0
    progress: float = 300.0
    total: float = 900.0


def patience_for(plan: Plan, body: bytes) -> Patience:
    """The limits that fit a request: 300 s and 40 s more for each further image, and 2 s for each MiB to send."""
    head = min(900.0, 300.0 + 40.0 * (plan.request.images_at_most - 1))
    return Patience(write=60.0 + 2.0 * len(body) / 2**20, head=head)


@dataclass(frozen=True)
class Answer:
    """An answer whose head (2xx) has arrived; its objects are still on their way.

    `attempt` counts from 1. `skew` is how far this machine's clock is ahead of the service's, None within five minutes.
    The key stands in nothing that is handed out, though the service may have repeated it.
    """

    attempt: int
    status: int
    headers: Mapping[str, str]
    request_id: str | None
    skew: timedelta | None
    _response: httpx.Response
    _key: Key
    _patience: Patience
    _cap: int

    @property
    def clock_note(self) -> str:
        """The note that a set carries where this machine's clock or the service's is wrong, else ""."""
        if self.skew is None:
            return ""
        minutes = abs(self.skew) // timedelta(minutes=1)
        by = f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
        side = "ahead of" if self.skew > timedelta(0) else "behind"
        return f"This machine's clock is {by} {side} the service's: what is told of the age of links may be wrong."

    async def objects(self) -> AsyncGenerator[dict[str, Any] | Unreadable | None, None]:
        """Each JSON object as it arrives; None for the stream's `[DONE]`.

        Whether it is one JSON object or a stream is decided by the first byte, not by what was asked or declared.
        Of an answer that breaks off, what it named whole before the cut comes first. Raises `ResponseBroken` (billed)
        when the answer breaks off, stalls, or is neither.
        """
        async with aclosing(self._chunks()) as chunks:
            head = b""
            async for chunk in chunks:
                head = (head + chunk).removeprefix(b"\xef\xbb\xbf").lstrip()
                if head:
                    break
            if not head:
                raise self._broken("an empty answer")
            if head.startswith(b"<"):
                page = self._broken("a web page, not an answer of the API", raw=await _beginning(head, chunks))
                page.hint = "If it is the log-in page of this network, log in there; else check the base URL."
                raise page
            objects = self._whole(head, chunks) if head[:1] in b"{[" else self._streamed(head, chunks)
            async with aclosing(objects):
                async for value in objects:
                    yield value

    async def _whole(self, head: bytes, chunks: AsyncIterator[bytes]) -> AsyncGenerator[dict[str, Any], None]:
        body = bytearray(head)
        broken: ResponseBroken | None = None
        try:
            async for chunk in chunks:
                body += chunk
        except ResponseBroken as error:
            broken = error
        text = self._text(body)
        body.clear()  # fifteen pictures in base64 are half a gigabyte: no copy of them outlives its use
        value = None if broken else parse_object(text)
        if value is not None:
            del text
            yield value
            return
        raw = text.encode("utf-8", "surrogateescape")
        for named in (*pictures_in_answer(raw), *refusals_in_answer(raw)):
            yield named
        broken = broken or self._broken("an answer that is no JSON object")
        broken.raw = raw
        raise broken

    async def _streamed(
        self, head: bytes, chunks: AsyncIterator[bytes]
    ) -> AsyncGenerator[dict[str, Any] | Unreadable | None, None]:
        decoder = Decoder()
        heard = False
        broken: ResponseBroken | None = None
        try:
            try:
                async with aclosing(self._messages(decoder, head, chunks)) as messages:
                    async for message in messages:
                        heard = True
                        for value in _values_of(self._text(message.data), name=message.event):
                            yield value
            except ResponseBroken as error:
                broken = error
            for message in decoder.close():
                heard = True
                for value in _values_of(self._text(message.data), name=message.event, cut=broken is not None):
                    yield value
        except MessageTooLarge as exc:
            raise self._broken(f"{exc} came") from exc
        if broken is not None:
            raise broken
        if not heard:
            raise self._broken("an answer that is neither JSON nor a stream of events", raw=head)

    async def _messages(
        self, decoder: Decoder, head: bytes, chunks: AsyncIterator[bytes]
    ) -> AsyncGenerator[Message, None]:
        """The events that come complete. Raises `ResponseBroken` where they are too many, or there is none for long."""
        last, count = monotonic(), 0
        chunk: bytes | None = head
        while chunk is not None:
            for message in decoder.feed(chunk):
                last, count = monotonic(), count + 1
                if count > MAXIMUM_EVENTS:
                    raise self._broken(f"the stream brought more than {MAXIMUM_EVENTS:,} events")
                yield message
            if monotonic() - last > self._patience.progress:
                raise self._broken(f"the stream sent no picture for {self._patience.progress:.0f} s")
            chunk = await anext(chunks, None)

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        deadline = monotonic() + self._patience.total
        received = 0
        declared = self._response.headers.get("content-type", "")
        idle = self._patience.idle if "event-stream" in declared else self._patience.head
        if is_compressed(self._response):
            raise self._broken("a compressed answer, which was not asked for")
        async with reading(self._response) as stream:
            while True:
                try:
                    async with asyncio.timeout(min(idle, deadline - monotonic())):
                        chunk = await anext(stream, None)
                except (TimeoutError, httpx.TimeoutException) as exc:
                    raise self._broken("the service fell silent in the middle of its answer") from exc
                except Exception as exc:  # a transport of the caller's may raise anything
                    raise self._broken("the connection broke in the middle of the answer") from exc
                if chunk is None:
                    return
                received += len(chunk)
                if received > self._cap:
                    raise self._broken(f"the answer is longer than {self._cap:,} bytes", raw=chunk)
                yield chunk

    def _text(self, data: bytes | bytearray) -> str:
        """The text without the key. Bytes that are no UTF-8 come back as they were where it is encoded again."""
        return without_secret(data.decode("utf-8", "surrogateescape"), self._key.reveal())

    def _broken(self, what: str, *, raw: bytes = b"") -> ResponseBroken:
        kept = self._text(raw).encode("utf-8", "surrogateescape")
        return broken_answer(what, raw=kept, status=self.status, request_id=self.request_id)


async def _beginning(head: bytes, chunks: AsyncIterator[bytes]) -> bytes:
    """As much of an unreadable answer as helps to see what it is."""
    try:
        async for chunk in chunks:
            head += chunk
            if len(head) > MAXIMUM_REFUSAL_BYTES:
                break
    except ResponseBroken:
        pass
    return head


def _object_of(text: str) -> dict[str, Any] | Unreadable | None:
    if text.strip() == "[DONE]":
        return None
    return parse_object(text) or Unreadable(f"an event that is no JSON object: {_first_words(text)}")


def _first_words(text: str) -> str:
    """What a note quotes of an event: without what signs a link, for it is saved and shown."""
    return clipped(redacted(text[:1000])[:80])  # text enough that no redaction brings half a secret to the front


def _values_of(text: str, *, name: str, cut: bool = False) -> list[dict[str, Any] | Unreadable | None]:
    """What an event holds; of a damaged one the pictures it names whole.

    That it is damaged is told where neither a picture nor a break of the connection (`cut`) tells.
    """
    value = _object_of(text)
    if not isinstance(value, Unreadable):
        return [value]
    pictures = pictures_in_event(text.encode("utf-8", "surrogateescape"), name=name)
    return [*pictures] if cut or pictures else [value]
