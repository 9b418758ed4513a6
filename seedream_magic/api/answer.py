"""What came back: an answer as JSON objects, whatever form it came in, or the refusal that it is."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from time import monotonic
from typing import Any, NoReturn

import httpx

from seedream_magic.api.connection import is_compressed, reading
from seedream_magic.api.events import Unreadable, parse_object
from seedream_magic.api.keys import Key
from seedream_magic.api.plan import Plan
from seedream_magic.api.redaction import redacted
from seedream_magic.api.refusal import Refusal, billed_by_status, clipped, read_refusal, refusal_error
from seedream_magic.api.retry import retry_after
from seedream_magic.api.salvage import pictures_in_answer, pictures_in_event
from seedream_magic.api.sse import Decoder, Message, MessageTooLarge
from seedream_magic.errors import ResponseBroken

MAXIMUM_BYTES_PER_IMAGE = 35 * 2**20
"""A 4K PNG in base64; the cap of an answer is this for each image asked for."""
_MAXIMUM_REFUSAL_BYTES = 256 * 2**10


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
    """An answer whose head (2xx) has arrived; its objects are still on their way. `attempt` counts from 1."""

    attempt: int
    status: int
    headers: Mapping[str, str]
    request_id: str | None
    _response: httpx.Response
    _patience: Patience
    _cap: int

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
                raise self._broken("a web page, not an answer of the API", raw=await _beginning(head, chunks))
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
        raw = bytes(body)
        value = None if broken else parse_object(raw)
        if value is not None:
            yield value
            return
        for picture in pictures_in_answer(raw):
            yield picture
        broken = broken or self._broken("an answer that is no JSON object")
        broken.raw = raw
        raise broken

    async def _streamed(
        self, head: bytes, chunks: AsyncIterator[bytes]
    ) -> AsyncGenerator[dict[str, Any] | Unreadable | None, None]:
        decoder = Decoder()
        last = monotonic()
        heard = False
        broken: ResponseBroken | None = None
        chunk: bytes | None = head
        try:
            try:
                while chunk is not None:
                    for message in decoder.feed(chunk):
                        last, heard = monotonic(), True
                        yield _object_of(message.data)
                    if monotonic() - last > self._patience.progress:
                        raise self._broken(f"the stream sent no picture for {self._patience.progress:.0f} s")
                    chunk = await anext(chunks, None)
            except ResponseBroken as error:
                broken = error
            for message in decoder.close():
                heard = True
                for value in _left_open(message, cut=broken is not None):
                    yield value
        except MessageTooLarge as exc:
            raise self._broken(f"{exc} came") from exc
        if broken is not None:
            raise broken
        if not heard:
            raise self._broken("an answer that is neither JSON nor a stream of events", raw=head)

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

    def _broken(self, what: str, *, raw: bytes = b"") -> ResponseBroken:
        return _broken(what, raw=raw, status=self.status, request_id=self.request_id)


async def raise_refusal(response: httpx.Response, key: Key) -> NoReturn:
    """Raise the error that an answer other than 2xx stands for; the key is taken out of its words."""
    status, request_id = response.status_code, request_id_of(response)
    body = _without_key(await _short_body(response), key)
    if 300 <= status < 400:
        raise _broken(
            f"the API redirects to {clipped(redacted(response.headers.get('location', 'nowhere')))!r}; "
            "a redirect is not followed, check the base URL",
            raw=body,
            status=status,
            request_id=request_id,
        )
    value = parse_object(body)
    refusal = read_refusal(value) if value is not None else Refusal(message=_page_text(body))
    wait = retry_after(response.headers.get_list("retry-after"), response.headers.get("date"))
    raise refusal_error(refusal, status=status, request_id=request_id, retry_after=wait)


async def _short_body(response: httpx.Response) -> bytes:
    """The body of a refusal, as much as matters; a refusal whose body breaks off is still a refusal."""
    body = b""
    if is_compressed(response):
        return body
    try:
        async with asyncio.timeout(30):
            async with reading(response) as chunks:
                async for chunk in chunks:
                    body += chunk
                    if len(body) > _MAXIMUM_REFUSAL_BYTES:
                        break
    except Exception:  # noqa: BLE001, S110 - however it broke off, the head has said no
        pass
    return body


def _without_key(body: bytes, key: Key) -> bytes:
    """Some gateways repeat the key that they refuse. One of fewer than 8 characters may be a word of the text."""
    secret = key.reveal()
    in_json = json.dumps(secret)[1:-1]
    for form in (secret, in_json, in_json.replace("/", "\\/")) if len(secret) >= 8 else ():
        body = body.replace(form.encode(), b"(key)")
    return body


async def _beginning(head: bytes, chunks: AsyncIterator[bytes]) -> bytes:
    """As much of an unreadable answer as helps to see what it is."""
    try:
        async for chunk in chunks:
            head += chunk
            if len(head) > _MAXIMUM_REFUSAL_BYTES:
                break
    except ResponseBroken:
        pass
    return head


def _object_of(data: bytes) -> dict[str, Any] | Unreadable | None:
    if data.strip() == b"[DONE]":
        return None
    shown = clipped(data[:80].decode("utf-8", "replace"))
    return parse_object(data) or Unreadable(f"an event that is no JSON object: {shown}")


def _left_open(message: Message, *, cut: bool) -> list[dict[str, Any] | Unreadable | None]:
    """What an event without an end holds. That it is half of one is told where neither a picture nor a break tells."""
    value = _object_of(message.data)
    if not isinstance(value, Unreadable):
        return [value]
    pictures = pictures_in_event(message.data, name=message.event)
    return [*pictures] if cut or pictures else [value]


def _broken(what: str, *, raw: bytes, status: int, request_id: str | None) -> ResponseBroken:
    broken = ResponseBroken(f"{what[:1].upper()}{what[1:]}.", billed=billed_by_status(status), request_id=request_id)
    broken.raw = raw
    return broken


def request_id_of(response: httpx.Response) -> str | None:
    """The id that the provider's support asks for, under whichever header it came."""
    for name in ("x-request-id", "x-tt-logid", "x-client-request-id"):
        if response.headers.get(name):
            return clipped(response.headers[name])[:80]
    return None


def _page_text(body: bytes) -> str:
    """The words of an HTML or plain-text refusal, as a gateway writes them."""
    text = body[:4096].decode("utf-8", "replace")
    title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
    return clipped(title[1] if title else re.sub(r"<[^>]*>", " ", text))[:200].strip()
