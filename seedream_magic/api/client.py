"""The one POST: sent once, and again only where it provably was not sent or was refused for its pace."""

from __future__ import annotations

import asyncio
import json
import math
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
    nullcontext,
)
from datetime import UTC, datetime
from functools import partial

import httpx

from seedream_magic.api.answer import MAXIMUM_BYTES_PER_IMAGE, Answer, Patience, patience_for
from seedream_magic.api.connection import Transport, certificate_hint, new_client, proxy_for, reason
from seedream_magic.api.head import kept_headers, raise_refusal, request_id_of, skew_of
from seedream_magic.api.keys import Key
from seedream_magic.api.plan import Plan
from seedream_magic.api.redaction import without_secret
from seedream_magic.api.refusal import spoken
from seedream_magic.api.retry import PACE, Pace, Phase, decide
from seedream_magic.errors import NoConnection, OutcomeUnknown, RateLimited, SeedreamError

Waiting = Callable[[float, str], AbstractContextManager[None]]
"""Entered for the length of each pause: its seconds, and the sentence that says what it is for."""

_UNREACHED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_NOT_SENT = (*_UNREACHED, httpx.UnsupportedProtocol, httpx.LocalProtocolError)


def _in_silence(_seconds: float, _reason: str) -> AbstractContextManager[None]:
    return nullcontext()


@asynccontextmanager
async def post(
    plan: Plan,
    key: Key,
    *,
    client_request_id: str,
    transport: Transport | None = None,
    waiting: Waiting = _in_silence,
    pace: Pace = PACE,
) -> AsyncIterator[Answer]:
    """Send the plan's request and hand out the answer; leaving closes the connection.

    It is sent again only where it provably was not sent or was refused for its pace (429), each time on a connection
    of its own and under the same `client_request_id`; `waiting` is entered for each pause and left before it is sent.
    Raises `NoConnection` when nothing was sent, `OutcomeUnknown` when no head came back, an `ApiError` for a refusal,
    `ResponseBroken` for a redirect, which is never followed; after several attempts the message says how many, and in
    what time.
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
    sent = datetime.now(UTC)
    async with AsyncExitStack() as connection:
        response, attempt = await _answered(send, connection, plan.timeout, waiting, pace)
        yield Answer(
            attempt=attempt,
            status=response.status_code,
            headers=kept_headers(response, key),
            request_id=request_id_of(response, key),
            skew=skew_of(response, sent=sent),
            _response=response,
            _key=key,
            _patience=patience,
            _cap=plan.request.images_at_most * MAXIMUM_BYTES_PER_IMAGE,
        )


async def _answered(
    send: Callable[[], AbstractAsyncContextManager[httpx.Response]],
    connection: AsyncExitStack,
    timeout: float | None,  # noqa: ASYNC109 - not a limit of this wait: a pause that passes the call's is not begun
    waiting: Waiting,
    pace: Pace,
) -> tuple[httpx.Response, int]:
    """The first answer that is no refusal, held open by `connection`, and the number of the attempt that brought it."""
    began, attempt = pace.now(), 1
    while True:
        try:
            response = await connection.enter_async_context(send())
        except (NoConnection, RateLimited) as error:
            elapsed = pace.now() - began
            said, pause = str(error), _pause(error, attempt, elapsed, pace.draw())
            if pause is None or elapsed + pause >= (timeout or math.inf) or not pace.tokens.take():
                if attempt > 1:
                    _add(error, f"Tried {attempt} times in {spoken(elapsed)}.")
                raise
        except SeedreamError as error:
            if attempt > 1:
                _add(error, f"This was attempt {attempt}; those before it are not billed.")
            raise
        else:
            pace.tokens.put_back()
            return response, attempt
        with waiting(pause, said):
            await pace.sleep(pause)
        attempt += 1


def _add(error: SeedreamError, sentence: str) -> None:
    """Put a sentence behind the message of an error."""
    error.args = (f"{error} {sentence}",)


@asynccontextmanager
async def _sent(
    url: str, body: bytes, headers: Mapping[str, str], *, key: Key, patience: Patience, transport: Transport | None
) -> AsyncIterator[httpx.Response]:
    """One attempt: a client and a connection of its own, one POST, an answer whose head is a success."""
    timeout = httpx.Timeout(patience.head, connect=patience.connect, write=patience.write, pool=patience.connect)
    async with new_client(transport, timeout=timeout) as client:
        request = client.build_request("POST", url, content=body, headers=headers)
        request.headers["Authorization"] = f"Bearer {key.reveal()}"  # no variable of this frame prints the key
        proxy = proxy_for(url) if transport is None else ""
        response = await _send(client, request, patience, key, proxy)
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
    if error.billed != "no":  # a gateway had sent it on before, and what became of that is not known
        return None
    status, code, wait = error.status or 0, error.code, error.retry_after
    return decide("answered", status=status, code=code, retry_after=wait, attempt=attempt, draw=draw).pause


def _phase(fault: BaseException | None) -> Phase:
    """How far a request came that was not sent, read from the fault and what lies under it."""
    links = [*_chain(fault)]
    if not isinstance(fault, _UNREACHED) or any(isinstance(link, ssl.SSLCertVerificationError) for link in links):
        return "unsendable"
    # The subclasses of SSLError tell of a handshake that was cut off or is still going on.
    return "handshake" if any(type(link) is ssl.SSLError for link in links) else "unreached"


def _chain(fault: BaseException | None) -> Iterator[BaseException]:
    """A fault and those that lie under it."""
    while fault is not None:
        yield fault
        fault = fault.__cause__ or fault.__context__


async def _send(
    client: httpx.AsyncClient, request: httpx.Request, patience: Patience, key: Key, proxy: str
) -> httpx.Response:
    host, request_id = request.url.host, request.headers["X-Client-Request-Id"]
    hint = "Look at the provider's usage page before running the cell again."
    try:
        # httpx counts each read on its own; a head that drips must end as well.
        async with asyncio.timeout(patience.connect + patience.write + patience.head):
            return await client.send(request, stream=True)
    except _NOT_SENT as exc:
        _drop_frames(exc)
        raise _no_connection(request.url.netloc.decode(), exc, proxy) from exc
    except (httpx.TimeoutException, TimeoutError) as exc:
        words = f"{host} did not answer within {patience.head:.0f} s."
        _drop_frames(exc)
        raise OutcomeUnknown(words, hint=hint, request_id=request_id) from exc
    except Exception as exc:  # a transport of the caller's may raise anything, and the request may have gone
        said = without_secret(reason(exc), key.reveal())  # a server that speaks no HTTP may repeat what it was sent
        words = f"The connection to {host} broke before an answer came ({said})."
        _drop_frames(exc)
        raise OutcomeUnknown(words, hint=hint, request_id=request_id) from exc
    finally:
        request.headers.pop("Authorization", None)  # the errors and the answer keep the request


def _drop_frames(exc: BaseException) -> None:
    """Take the HTTP library's frames from an error: the key is a variable in them, and IPython can print those."""
    for link in _chain(exc):
        link.__traceback__ = None


def _no_connection(host: str, exc: Exception, proxy: str) -> NoConnection:
    """`host` with its port where that is not the usual one; `proxy` without its user, "" where none is in the way."""
    told, where = reason(exc), f"{host} through the proxy {proxy}" if proxy else host
    if isinstance(exc, httpx.ProxyError):
        words = f"The proxy {proxy} refused the way to {host} ({told})."
        hint = "Look at HTTPS_PROXY: its address, its user and password, and whether it lets this host pass."
    elif "CERTIFICATE_VERIFY_FAILED" in told:
        words, hint = f"The certificate of {where} is not to be trusted ({told}).", certificate_hint(told)
    elif _speaks_no_tls(exc):
        words = f"What answers at {where} is not TLS ({told})."
        hint = "Check the port of the base URL and the proxy (HTTPS_PROXY); the key does not go out in clear."
    else:
        words = f"{where} was not reached ({told})."
        hint = "Check the network, the proxy (HTTPS_PROXY) and the base URL, then run the cell again."
    return NoConnection(words, hint=hint)


def _speaks_no_tls(exc: Exception) -> bool:
    """Whether the handshake met bytes that are none; an alert is a word of TLS."""
    return any(type(link) is ssl.SSLError and "ALERT" not in (link.reason or "") for link in _chain(exc))
