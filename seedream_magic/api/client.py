"""The one POST: what is said to the service, and its answer as JSON objects, whatever form they come in."""

from __future__ import annotations

import asyncio
import json
import math
import os
import re
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from time import monotonic
from typing import Any, NoReturn

import httpx

from seedream_magic.api.events import Unreadable, parse_object
from seedream_magic.api.keys import Key
from seedream_magic.api.plan import Plan
from seedream_magic.api.redaction import redact_http_logs, redacted
from seedream_magic.api.refusal import Refusal, billed_by_status, clipped, read_refusal, refusal_error
from seedream_magic.api.retry import PACE, Pace, Phase, decide, retry_after
from seedream_magic.api.salvage import pictures_in_answer, pictures_in_event
from seedream_magic.api.sse import Decoder, Message, MessageTooLarge
from seedream_magic.errors import ConfigError, NoConnection, OutcomeUnknown, RateLimited, ResponseBroken

Client = httpx.AsyncClient
Transport = httpx.AsyncBaseTransport
OnWait = Callable[[float, str], None]
"""Told before each pause: its seconds, and the sentence that says what it is for."""

MAXIMUM_BYTES_PER_IMAGE = 35 * 2**20
"""A 4K PNG in base64; the cap of an answer is this for each image asked for."""
_MAXIMUM_REFUSAL_BYTES = 256 * 2**10
_KEPT_HEADERS = ("content-type", "date", "x-request-id", "x-client-request-id", "server")
_UNREACHED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_NOT_SENT = (*_UNREACHED, httpx.UnsupportedProtocol, httpx.LocalProtocolError)


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


class _Lent(Transport):
    """A transport of the caller's: used, never closed, for other runs may be using it at this moment.

    No connection is kept in it: in the next run it serves another event loop, where an old connection cannot be used.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.headers["Connection"] = "close"
        return await self._transport.handle_async_request(request)


def new_client(
    transport: Transport | None, *, route: Callable[[ssl.SSLContext], Transport] | None = None, **settings: Any
) -> Client:
    """A client that follows no redirect. Raises `ConfigError` where proxy or certificate settings are unusable.

    Where the caller lends no transport, `route` makes one, given the trusted certificates; without it, it is httpx's.
    """
    redact_http_logs()
    hint = "Look at HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR."
    chosen: Transport | None = None if transport is None else _Lent(transport)
    try:
        certificates = _certificates(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
        if chosen is None and route is not None:
            chosen = route(certificates)
        return Client(transport=chosen, verify=certificates, follow_redirects=False, **settings)
    except httpx.InvalidURL:  # its words, "Invalid port: 'x'", are a piece of the password where that is unescaped
        words = "The proxy's address is none; signs such as # / ? @ in a password are written as %23 %2F %3F %40."
        raise ConfigError(words, hint=hint) from None
    except Exception as exc:  # httpx raises ValueError, OSError, ImportError, ssl.SSLError as it reads the environment
        raise ConfigError(f"The proxy or certificate settings cannot be used ({_reason(exc)}).", hint=hint) from exc


@cache
def _certificates(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    """The trusted certificates, read once: it takes longer than all the rest of a small run."""
    return httpx.create_ssl_context()


@asynccontextmanager
async def post(
    plan: Plan,
    key: Key,
    *,
    client_request_id: str,
    transport: Transport | None = None,
    on_wait: OnWait | None = None,
    pace: Pace = PACE,
) -> AsyncIterator[Answer]:
    """Send the plan's request and hand out the answer; leaving closes the connection.

    It is sent again only where it provably was not sent or was refused for its pace (429), each time on a connection
    of its own and under the same `client_request_id`; `on_wait` is told of each pause before it. Raises `NoConnection`
    when nothing was sent, `OutcomeUnknown` when no head came back, an `ApiError` for a refusal, `ResponseBroken` for a
    redirect, which is never followed.
    """
    body = json.dumps(plan.body, ensure_ascii=False).encode()
    patience = patience_for(plan, body)
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "Accept-Encoding": "identity",
        "Idempotency-Key": client_request_id,
        "X-Client-Request-Id": client_request_id,
    }
    send = partial(_sent, plan.url, body, headers, key=key, patience=patience, transport=transport)
    async with AsyncExitStack() as connection:
        response, attempt = await _answered(send, connection, plan.timeout, on_wait, pace)
        yield Answer(
            attempt=attempt,
            status=response.status_code,
            headers={name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers},
            request_id=_request_id(response),
            _response=response,
            _patience=patience,
            _cap=plan.request.images_at_most * MAXIMUM_BYTES_PER_IMAGE,
        )


async def _answered(
    send: Callable[[], AbstractAsyncContextManager[httpx.Response]],
    connection: AsyncExitStack,
    timeout: float | None,  # noqa: ASYNC109 - not a limit of this wait: a pause that passes the call's is not begun
    on_wait: OnWait | None,
    pace: Pace,
) -> tuple[httpx.Response, int]:
    """The first answer that is no refusal, held open by `connection`, and the number of the attempt that brought it."""
    began, attempt = pace.now(), 1
    while True:
        try:
            response = await connection.enter_async_context(send())
        except (NoConnection, RateLimited) as error:
            elapsed = pace.now() - began
            pause = _pause(error, attempt, elapsed, pace.draw())
            if pause is None or elapsed + pause >= (timeout or math.inf) or not pace.tokens.take():
                raise
            reason = str(error)
        else:
            pace.tokens.put_back()
            return response, attempt
        if on_wait is not None:
            on_wait(pause, reason)
        await pace.sleep(pause)
        attempt += 1


@asynccontextmanager
async def _sent(
    url: str, body: bytes, headers: Mapping[str, str], *, key: Key, patience: Patience, transport: Transport | None
) -> AsyncIterator[httpx.Response]:
    """One attempt: a client and a connection of its own, one POST, an answer whose head is a success."""
    timeout = httpx.Timeout(patience.head, connect=patience.connect, write=patience.write, pool=patience.connect)
    async with new_client(transport, timeout=timeout) as client:
        request = client.build_request("POST", url, content=body, headers=headers)
        request.headers["Authorization"] = f"Bearer {key.reveal()}"  # no variable of this frame prints the key
        response = await _send(client, request, patience)
        try:
            if not 200 <= response.status_code < 300:
                await _raise_refusal(response, key)
            yield response
        finally:
            await response.aclose()


def _pause(error: NoConnection | RateLimited, attempt: int, elapsed: float, draw: float) -> float | None:
    """Seconds until the next attempt, None where there is none."""
    if isinstance(error, NoConnection):
        return decide(_phase(error.__cause__), attempt=attempt, elapsed=elapsed, draw=draw).pause
    status, code, wait = error.status or 0, error.code, error.retry_after
    return decide("answered", status=status, code=code, retry_after=wait, attempt=attempt, draw=draw).pause


def _phase(fault: BaseException | None) -> Phase:
    """How far a request came that was not sent, read from the fault and what lies under it."""
    if not isinstance(fault, _UNREACHED):
        return "unsendable"
    while fault is not None:
        if isinstance(fault, ssl.SSLCertVerificationError):
            return "unsendable"
        if type(fault) is ssl.SSLError:  # its subclasses tell of a handshake that was cut off or is still going on
            return "handshake"
        fault = fault.__cause__ or fault.__context__
    return "unreached"


def is_compressed(response: httpx.Response) -> bool:
    """Whether a body came compressed. It is never asked for, and never unpacked: 1 MiB may unpack to 1 GiB."""
    return response.headers.get("content-encoding", "").strip().lower() not in {"", "identity"}


@asynccontextmanager
async def reading(response: httpx.Response) -> AsyncIterator[AsyncIterator[bytes]]:
    """The chunks of a body, which may be left in the middle.

    The iterators that httpx stacks end cleanly in one way only, by a read that is cancelled: one that is dropped while
    it rests is finalized later, perhaps outside of any event loop.
    """
    chunks = response.aiter_bytes()
    try:
        yield chunks
    finally:
        with suppress(Exception):
            async with asyncio.timeout(0):
                async for _ in chunks:
                    pass


async def _send(client: httpx.AsyncClient, request: httpx.Request, patience: Patience) -> httpx.Response:
    host, request_id = request.url.host, request.headers["X-Client-Request-Id"]
    hint = "Look at the provider's usage page before running the cell again."
    try:
        # httpx counts each read on its own; a head that drips must end as well.
        async with asyncio.timeout(patience.connect + patience.write + patience.head):
            return await client.send(request, stream=True)
    except _NOT_SENT as exc:
        _drop_frames(exc)
        raise _no_connection(host, exc) from exc
    except (httpx.TimeoutException, TimeoutError) as exc:
        words = f"{host} did not answer within {patience.head:.0f} s."
        _drop_frames(exc)
        raise OutcomeUnknown(words, hint=hint, request_id=request_id) from exc
    except Exception as exc:  # a transport of the caller's may raise anything, and the request may have gone
        words = f"The connection to {host} broke before an answer came ({_reason(exc)})."
        _drop_frames(exc)
        raise OutcomeUnknown(words, hint=hint, request_id=request_id) from exc
    finally:
        request.headers.pop("Authorization", None)  # the errors and the answer keep the request


def _drop_frames(exc: BaseException) -> None:
    """Take the HTTP library's frames from an error: the key is a variable in them, and IPython can print those."""
    link: BaseException | None = exc
    while link is not None:
        link.__traceback__ = None
        link = link.__cause__ or link.__context__


def _no_connection(host: str, exc: Exception) -> NoConnection:
    certificate = "CERTIFICATE_VERIFY_FAILED" in str(exc)
    hint = (
        "Check this machine's clock and the proxy; the certificate is never left unchecked."
        if certificate
        else "Check the network, the proxy (HTTPS_PROXY) and the base URL, then run the cell again."
    )
    return NoConnection(f"{host} was not reached ({_reason(exc)}).", hint=hint)


async def _raise_refusal(response: httpx.Response, key: Key) -> NoReturn:
    status, request_id = response.status_code, _request_id(response)
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


def _request_id(response: httpx.Response) -> str | None:
    for name in ("x-request-id", "x-tt-logid", "x-client-request-id"):
        if response.headers.get(name):
            return clipped(response.headers[name])[:80]
    return None


def _page_text(body: bytes) -> str:
    """The words of an HTML or plain-text refusal, as a gateway writes them."""
    text = body[:4096].decode("utf-8", "replace")
    title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
    return clipped(title[1] if title else re.sub(r"<[^>]*>", " ", text))[:200].strip()


def _reason(exc: Exception) -> str:
    return clipped(exc)[:120] or type(exc).__name__
