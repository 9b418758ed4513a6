"""The one POST: sent once, and again only where it provably was not sent or was refused for its pace."""

from __future__ import annotations

import asyncio
import json
import math
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial

import httpx

from seedream_magic.api.answer import (
    MAXIMUM_BYTES_PER_IMAGE,
    Answer,
    Patience,
    patience_for,
    raise_refusal,
    request_id_of,
)
from seedream_magic.api.connection import Transport, new_client, reason
from seedream_magic.api.keys import Key
from seedream_magic.api.plan import Plan
from seedream_magic.api.retry import PACE, Pace, Phase, decide
from seedream_magic.errors import NoConnection, OutcomeUnknown, RateLimited

OnWait = Callable[[float, str], None]
"""Told before each pause: its seconds, and the sentence that says what it is for."""

_KEPT_HEADERS = ("content-type", "date", "x-request-id", "x-client-request-id", "server")
_UNREACHED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_NOT_SENT = (*_UNREACHED, httpx.UnsupportedProtocol, httpx.LocalProtocolError)


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
            request_id=request_id_of(response),
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
            said = str(error)
        else:
            pace.tokens.put_back()
            return response, attempt
        if on_wait is not None:
            on_wait(pause, said)
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
                await raise_refusal(response, key)
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
        words = f"The connection to {host} broke before an answer came ({reason(exc)})."
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
    return NoConnection(f"{host} was not reached ({reason(exc)}).", hint=hint)
