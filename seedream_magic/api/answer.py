"""What came back: the head of an answer, the refusal that it may be, and the bytes of its body as they arrive."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, NoReturn

import httpx

from seedream_magic.api.codes import billed_by_status
from seedream_magic.api.connection import reading
from seedream_magic.api.credentials import Key
from seedream_magic.api.documents import objects_in, parse, whole_part
from seedream_magic.api.encoding import Inflater
from seedream_magic.api.gateways import COST_HEADER, GATEWAYS, remember_refusal
from seedream_magic.api.models import LARGEST_BASE64_CHARACTERS
from seedream_magic.api.network_errors import reason
from seedream_magic.api.plan import Plan
from seedream_magic.api.redaction import clean_text, page_words, redact, without_secret
from seedream_magic.api.refusal import read_refusal, refusal_error
from seedream_magic.api.retry import instant, retry_after
from seedream_magic.api.shapes import holds_picture, is_error
from seedream_magic.api.sse import Decoder
from seedream_magic.api.task_shapes import tasks_of
from seedream_magic.errors import ResponseBroken
from seedream_magic.formats import picture_kind
from seedream_magic.words import answers as texts

MAXIMUM_BYTES_PER_IMAGE = 2 * LARGEST_BASE64_CHARACTERS
"""The cap of an answer is this for each image asked for, and for four at least: all of it goes to disk."""


@dataclass(frozen=True)
class Patience:
    """Limits in seconds. Headers come with the first picture, 13-40 s a picture, so they are long.

    `connect` is the limit of TCP, and of TLS; `connection` that of all together, with what a proxy takes. `head` is the
    wait for the answer's head and, in a JSON answer, between bytes; `idle` the wait for any byte of a stream;
    `progress` the wait for an event of a stream that only sends keep-alives; `total` the whole answer.
    """

    connect: float = 10.0
    connection: float = 60.0
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
    """An answer whose head (2xx) has arrived; its body is still on its way.

    `attempt` counts from 1. `skew` is how far this machine's clock is ahead of the service's, None within five minutes.
    `codings` is the Content-Encoding header; `location` the address at which the head says that the result is to be
    asked for, "" if it does not.
    """

    attempt: int
    status: int
    headers: Mapping[str, str]
    request_id: str | None
    skew: timedelta | None
    codings: str
    location: str
    _response: httpx.Response
    patience: Patience
    _cap: int

    @property
    def clock_note(self) -> str:
        """The note for a set where this machine's clock or the service's is wrong, "" where neither is."""
        if self.skew is None:
            return ""
        minutes = abs(self.skew) // timedelta(minutes=1)
        by = f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
        return (texts.CLOCK_AHEAD if self.skew > timedelta(0) else texts.CLOCK_BEHIND)(time=by)

    @property
    def is_sequence(self) -> bool:
        """Whether the answer is declared as a series of objects: lines of JSON, or events."""
        declared = self.headers.get("content-type", "").lower()
        return any(kind in declared for kind in ("ndjson", "jsonl", "jsonlines", "json-seq", "stream"))

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The bytes of the body as they came, packed or not.

        Raises `ResponseBroken` (billed) when the answer breaks off, stalls, or is larger than any of the service.
        """
        deadline = monotonic() + self.patience.total
        received = 0
        declared = self._response.headers.get("content-type", "")
        idle = self.patience.idle if "event-stream" in declared else self.patience.head
        async with reading(self._response) as stream:
            while True:
                began = monotonic()
                try:
                    async with asyncio.timeout(min(idle, deadline - began)):
                        chunk = await anext(stream, None)
                except (TimeoutError, httpx.TimeoutException) as exc:
                    silent = monotonic() - began
                    raise self.broken(texts.FELL_SILENT(seconds=silent)) from exc
                except Exception as exc:  # a transport of the caller's may raise anything
                    passed = monotonic() - began
                    after_silence = texts.BROKE_OFF_AFTER_SILENCE(seconds=passed, why=reason(exc))
                    raise self.broken(after_silence if passed >= 5 else texts.BROKE_OFF(why=reason(exc))) from exc
                if chunk is None:
                    return
                received += len(chunk)
                if received > self._cap:
                    raise self.broken(texts.TOO_LONG(size=self._cap))
                yield chunk

    def broken(self, what: str) -> ResponseBroken:
        """The error of this answer when it cannot be read."""
        return broken_answer(what, status=self.status, request_id=self.request_id)


MAXIMUM_SKEW = timedelta(minutes=5)
MAXIMUM_REFUSAL_BYTES = 256 * 2**10
"""Of a refusal, or of an answer that is none, so much is read: it is there to be looked at by a person."""
_KEPT_HEADERS = (
    *("content-type", "date", "x-request-id", "x-client-request-id", "server"),
    *(name for gateway in GATEWAYS for name in gateway.headers),
    COST_HEADER,
)
_CUT_PICTURE = re.compile(r'"((?:data:image/[^",]{0,100},)?(?:/9j/|iVBORw0KGgo|UklGR)[\w+/=-]{40,200})')
"""The beginning of a picture in base64: of a text that goes on behind what was read, nothing else is known."""
_REQUEST_IDS = ("x-request-id", "x-tt-logid", "x-client-request-id", "x-oneapi-request-id", "x-litellm-call-id")


def kept_headers(response: httpx.Response, key: Key) -> dict[str, str]:
    """The headers that a record keeps: those about the answer, and about the gateway that it came through."""
    return {name: _header(response, name, key) for name in _KEPT_HEADERS if name in response.headers}


def request_id_of(response: httpx.Response, key: Key) -> str | None:
    """The id that the provider's support asks for, under whichever header it came."""
    for name in _REQUEST_IDS:
        if response.headers.get(name):
            return clean_text(_header(response, name, key))[:80]
    return None


def skew_of(response: httpx.Response, *, sent: datetime) -> timedelta | None:
    """How far this machine's clock is ahead of the service's, None if by five minutes at most or if there is no date.

    Servers date an answer when they begin to make it or when they send it, so any time since `sent` is as good.
    """
    date = instant(response.headers.get("date", ""))
    if date is None:
        return None
    ahead, behind = sent - date, date - datetime.now(UTC)
    return ahead if ahead > MAXIMUM_SKEW else -behind if behind > MAXIMUM_SKEW else None


def wait_asked(response: httpx.Response) -> float | None:
    """Seconds for which the service asks to be left alone, None if it does not."""
    return retry_after(response.headers.get_list("retry-after"), response.headers.get("date"))


async def raise_refusal(response: httpx.Response, key: Key) -> NoReturn:
    """Raise the error that an answer other than 2xx stands for; the key is taken out of its words."""
    status, request_id = response.status_code, request_id_of(response, key)
    text = without_secret((await _short_body(response)).decode("utf-8", "surrogateescape"), key.reveal())
    if 300 <= status < 400:
        target = clean_text(redact(_header(response, "location", key) or "nowhere"))
        redirect = broken_answer(texts.REDIRECTS(address=target), status=status, request_id=request_id)
        redirect.hint = texts.CHECK_BASE_URL()
        raise redirect
    held, whole, headers = text.encode("utf-8", "surrogateescape"), _object_in(text), kept_headers(response, key)
    objects = _objects_in_events(held) if whole is None else [whole]
    value = whole or next((found for found in objects if is_error(found.get("error"))), None)
    words = "" if objects or picture_kind(held) else clean_text(page_words(text))[:200]
    refusal = read_refusal(words if value is None else value, headers)
    sent = response.request.content.decode()
    body = _object_in(sent) or {}
    error = refusal_error(refusal, status=status, request_id=request_id, retry_after=wait_asked(response), body=body)
    remember_refusal(str(response.request.url), refusal.wrapping, unknown=error.billed == "unknown")
    cut = _CUT_PICTURE.search(text)
    served = any(holds_picture(found, sent) or _leads_on(found) for found in objects) or picture_kind(held)
    if served or (cut and cut[1] not in sent):
        error.billed, error.hint, error.held = "unknown", texts.HELD_A_PICTURE(), held
    raise error


def _objects_in_events(body: bytes) -> list[dict[str, Any]]:
    """The JSON objects of a refusal that came as server-sent events."""
    decoder = Decoder()
    messages = (*decoder.feed(body), *decoder.close())
    found = (_object_in(message.data.decode("utf-8", "surrogateescape")) for message in messages)
    return [value for value in found if value is not None]


def _leads_on(value: Mapping[str, Any]) -> bool:
    """Whether an object has what only a request that was served brings: a task under way, or a bill."""
    usage = value.get("usage")
    images = usage.get("generated_images") if isinstance(usage, Mapping) else None
    return (type(images) is int and images > 0) or any(task.under_way for task in tasks_of(value))


async def _short_body(response: httpx.Response) -> bytes:
    """The body of a refusal, as much as matters; a refusal whose body breaks off is still a refusal."""
    body = b""
    try:
        async with asyncio.timeout(30):
            async with reading(response) as chunks:
                async for chunk in chunks:
                    body += chunk
                    if len(body) > MAXIMUM_REFUSAL_BYTES:
                        break
    except Exception:  # noqa: BLE001, S110 - however it broke off, the head has said no
        pass
    inflater = Inflater(response.headers.get("content-encoding", ""), maximum=MAXIMUM_REFUSAL_BYTES)
    return b"".join((*inflater.feed(body), *inflater.close()))


def _object_in(text: str) -> dict[str, Any] | None:
    """The JSON object of a refusal, whole or cut; None if it is none."""
    text = text.removeprefix("\ufeff").lstrip()
    if text[:1] not in {"{", "[", '"'}:
        return None
    try:
        objects = objects_in(parse(text))
    except (ValueError, RecursionError):
        return whole_part(text.encode("utf-8", "surrogateescape"))
    return objects[0] if objects else None


def broken_answer(what: str, *, status: int, request_id: str | None) -> ResponseBroken:
    """The error of an answer that cannot be read: what it is instead."""
    return ResponseBroken(texts.BROKEN(what=what), billed=billed_by_status(status), request_id=request_id)


def _header(response: httpx.Response, name: str, key: Key) -> str:
    return without_secret(response.headers.get(name, ""), key.reveal())
