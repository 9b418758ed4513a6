"""What the head of an answer tells, read for records and notes; and the refusal that an answer may be."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from seedream_magic.api.connection import reading
from seedream_magic.api.documents import objects_in, parsed, whole_part
from seedream_magic.api.encoding import Inflater
from seedream_magic.api.gateway_advice import remember_refusal
from seedream_magic.api.gateways import GATEWAYS
from seedream_magic.api.keys import Key
from seedream_magic.api.redaction import redacted, without_secret
from seedream_magic.api.refusal import billed_by_status, clipped, read_refusal, refusal_error
from seedream_magic.api.retry import instant, retry_after
from seedream_magic.api.shapes import holds_picture
from seedream_magic.errors import ResponseBroken

if TYPE_CHECKING:
    import httpx

MAXIMUM_SKEW = timedelta(minutes=5)
MAXIMUM_REFUSAL_BYTES = 256 * 2**10
"""Of a refusal, or of an answer that is none, so much is read: it is there to be looked at by a person."""
_KEPT_HEADERS = (
    *("content-type", "date", "x-request-id", "x-client-request-id", "server"),
    *(name for gateway in GATEWAYS for name in gateway.headers),
)
_CUT_PICTURE = re.compile(r'"((?:data:image/[^",]{0,100},)?(?:/9j/|iVBORw0KGgo|UklGR)[\w+/=-]{40,200})')
"""The beginning of a picture in base64: of a text that goes on behind what was read, nothing else is known."""
_PICTURE_IN_REFUSAL = (
    "The answer held a picture all the same (not shown): the provider may have billed it. See there before running "
    "the cell again."
)
_REQUEST_IDS = ("x-request-id", "x-tt-logid", "x-client-request-id", "x-oneapi-request-id", "x-litellm-call-id")


def kept_headers(response: httpx.Response, key: Key) -> dict[str, str]:
    """The headers that a record keeps: what tells of the answer, and of the gateway that it came through."""
    return {name: _header(response, name, key) for name in _KEPT_HEADERS if name in response.headers}


def request_id_of(response: httpx.Response, key: Key) -> str | None:
    """The id that the provider's support asks for, under whichever header it came."""
    for name in _REQUEST_IDS:
        if response.headers.get(name):
            return clipped(_header(response, name, key))[:80]
    return None


def skew_of(response: httpx.Response, *, sent: datetime) -> timedelta | None:
    """How far this machine's clock is ahead of the service's, None if by five minutes at most or if it tells no time.

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
        target = clipped(redacted(_header(response, "location", key) or "nowhere"))
        words = f"the API redirects to {target!r}; a redirect is not followed"
        redirect = broken_answer(words, status=status, request_id=request_id)
        redirect.hint = "Check the base URL, then run the cell again."
        raise redirect
    value, headers = _object_in(text), kept_headers(response, key)
    refusal = read_refusal(value if value is not None else _page_text(text), headers)
    sent = response.request.content.decode()
    body = _object_in(sent) or {}
    error = refusal_error(refusal, status=status, request_id=request_id, retry_after=wait_asked(response), body=body)
    remember_refusal(str(response.request.url), refusal.wrapped, unknown=error.billed == "unknown")
    if holds_picture(value, sent) or ((cut := _CUT_PICTURE.search(text)) and cut[1] not in sent):
        error.billed, error.hint = "unknown", _PICTURE_IN_REFUSAL
    raise error


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
        objects = objects_in(parsed(text))
    except (ValueError, RecursionError):
        return whole_part(text.encode("utf-8", "surrogateescape"))
    return objects[0] if objects else None


def broken_answer(what: str, *, status: int, request_id: str | None) -> ResponseBroken:
    """The error of an answer that cannot be read: what it is instead."""
    return ResponseBroken(f"{what[:1].upper()}{what[1:]}.", billed=billed_by_status(status), request_id=request_id)


def _header(response: httpx.Response, name: str, key: Key) -> str:
    return without_secret(response.headers.get(name, ""), key.reveal())


def _page_text(body: str) -> str:
    """The words of an HTML or plain-text refusal, as a gateway writes them."""
    text = body[:4096]
    title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
    return clipped(title[1] if title else re.sub(r"<[^>]*>", " ", text))[:200].strip()
