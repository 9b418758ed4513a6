"""The one POST: sent once, and again only where it provably was not sent or was refused for its pace."""

from __future__ import annotations

import asyncio
import math
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
    nullcontext,
)
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx

from seedream_magic.api.answer import MAXIMUM_BYTES_PER_IMAGE, Answer, Patience, patience_for
from seedream_magic.api.connection import (
    Transport,
    causes,
    certificate_hint,
    host_of_proxy,
    new_client,
    proxy_for,
    reason,
)
from seedream_magic.api.head import kept_headers, raise_refusal, request_id_of, skew_of
from seedream_magic.api.keys import Key
from seedream_magic.api.plan import Plan
from seedream_magic.api.providers import is_loopback
from seedream_magic.api.redaction import without_secret
from seedream_magic.api.refusal import spoken
from seedream_magic.api.retry import PACE, Pace, Phase, decide
from seedream_magic.errors import NoConnection, OutcomeUnknown, RateLimited, SeedreamError

Waiting = Callable[[float, str], AbstractContextManager[None]]
"""Entered for the length of each pause: its seconds, and the sentence that says what it is for."""

_UNREACHED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_NOT_SENT = (*_UNREACHED, httpx.UnsupportedProtocol, httpx.LocalProtocolError)
_LONG_SILENCE = 20.0
"""Seconds: proxies and firewalls on the way cut connections on which nothing went for 30, 60 or 100 s."""
_USAGE_HINT = "Look at the provider's usage page before running the cell again."


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
    body = await _encoded(plan)
    patience = patience_for(plan, body)
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "Accept-Encoding": "identity",
        "Idempotency-Key": client_request_id,
        "X-Client-Request-Id": client_request_id,
    }
    send = partial(_sent, plan, body, headers, key=key, patience=patience, transport=transport, now=pace.now)
    sent = datetime.now(UTC)
    async with AsyncExitStack() as connection:
        response, attempt = await _answered(send, connection, plan.timeout, waiting, pace)
        yield Answer(
            attempt=attempt,
            status=response.status_code,
            headers=kept_headers(response, key),
            request_id=request_id_of(response, key),
            skew=skew_of(response, sent=sent),
            codings=response.headers.get("content-encoding", ""),
            location=_location(response),
            _response=response,
            patience=patience,
            _cap=max(4, plan.request.images_at_most) * MAXIMUM_BYTES_PER_IMAGE,
        )


async def _encoded(plan: Plan) -> bytes:
    """The body as it goes out; the event loop goes on while large references are encoded."""
    try:
        return await asyncio.to_thread(lambda: plan.request.encoded)
    except RuntimeError:  # the process ends: threads take nothing new, and nobody else needs the loop
        return plan.request.encoded


def _location(response: httpx.Response) -> str:
    """Where the head of an answer says that its result is to be asked for, "" if it does not."""
    location: str = response.headers.get("location", "") if response.status_code in {201, 202} else ""
    return location or response.headers.get("operation-location", "")


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
    plan: Plan,
    body: bytes,
    headers: Mapping[str, str],
    *,
    key: Key,
    patience: Patience,
    transport: Transport | None,
    now: Callable[[], float],
) -> AsyncIterator[httpx.Response]:
    """One attempt: a client and a connection of its own, one POST, an answer whose head is a success."""
    timeout = httpx.Timeout(patience.head, connect=patience.connect, write=patience.write, pool=patience.connect)
    async with new_client(transport, url=plan.url, timeout=timeout) as client:
        request = client.build_request("POST", plan.url, content=body, headers=headers)
        progress = _Progress(now, now())
        if transport is None:  # one of the caller's may pass the extension on to what cannot call a coroutine
            progress.proxy = host_of_proxy(proxy_for(plan.url))
            request.extensions["trace"] = progress.follow
        try:  # no variable of this frame prints the key or the further headers
            request.headers.update(plan.headers.reveal() | {"Authorization": f"Bearer {key.reveal()}"})
            response = await _send(client, request, patience, key, progress)
        finally:
            for name in ("Authorization", *plan.headers.names):  # the errors and the answer keep the request
                request.headers.pop(name, None)
        try:
            if not 200 <= response.status_code < 300:
                await raise_refusal(response, key)
            yield response
        finally:
            await response.aclose()


@dataclass
class _Progress:
    """How far an attempt has come, and since when, as httpx tells on the way; `now` is a clock in seconds.

    `phase` is "unknown" where httpx says nothing. Not a byte of the request has left in "connecting", which is the
    connection, TLS and a proxy's opening of the way. `proxy` is the one on the way, "" for none.
    """

    now: Callable[[], float]
    since: float
    phase: Literal["unknown", "connecting", "sending", "waiting"] = "unknown"
    proxy: str = ""
    cut_short: bool = False

    async def follow(self, event: str, details: Mapping[str, Any]) -> None:
        """Httpx's `trace` extension: called as each step begins and ends."""
        if self.phase == "unknown":
            self.phase = "connecting"
        if event.endswith("send_request_headers.started") and details["request"].method == b"POST":
            self.phase, self.since = "sending", self.now()
        elif self.phase == "sending" and ".send_request_" in event and event.endswith(".failed"):
            self.cut_short = True  # it is read all the same: some answer before they close
        elif self.phase == "sending" and event.endswith("receive_response_headers.started"):
            self.phase = "sending" if self.cut_short else "waiting"
            self.since = self.since if self.cut_short else self.now()

    @property
    def seconds(self) -> float:
        """How long the phase has lasted."""
        return self.now() - self.since


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
    links = [*causes(fault)]
    if not isinstance(fault, _UNREACHED) or any(isinstance(link, ssl.SSLCertVerificationError) for link in links):
        return "unsendable"
    # The subclasses of SSLError tell of a handshake that was cut off or is still going on.
    return "handshake" if any(type(link) is ssl.SSLError for link in links) else "unreached"


async def _send(
    client: httpx.AsyncClient, request: httpx.Request, patience: Patience, key: Key, progress: _Progress
) -> httpx.Response:
    request_id = request.headers["X-Client-Request-Id"]
    try:
        # httpx counts each read on its own; a head that drips must end as well.
        async with asyncio.timeout(patience.connect + patience.write + patience.head):
            return await client.send(request, stream=True)
    except Exception as exc:  # a transport of the caller's may raise anything, and the request may have gone
        _drop_frames(exc)
        if isinstance(exc, _NOT_SENT) or progress.phase == "connecting":
            raise _no_connection(request.url.netloc.decode(), exc, progress.proxy, progress.seconds) from exc
        said = without_secret(reason(exc), key.reveal())  # a server that speaks no HTTP may repeat what it was sent
        words, hint = _unanswered(request.url.host, exc, said, progress)
        raise OutcomeUnknown(words, hint=hint, request_id=request_id) from exc


def _unanswered(host: str, exc: Exception, said: str, progress: _Progress) -> tuple[str, str]:
    """What became of a request that may have left, and what to do: the phase in which it ended, and after how long."""
    seconds = progress.seconds
    after = _in_seconds(seconds)
    sending = progress.phase == "sending" or isinstance(exc, httpx.WriteTimeout | httpx.WriteError)
    if isinstance(exc, httpx.TimeoutException | TimeoutError):
        if sending:
            words = f"{host} did not take the whole request within {after}."
            return words, f"Fewer or smaller references are sent sooner. {_USAGE_HINT}"
        if progress.phase != "waiting":
            return f"{host} did not answer within {after}.", _USAGE_HINT
        # The limit of each read has not passed: something came now and then.
        dripped = not isinstance(exc, httpx.TimeoutException)
        words = "did not complete the head of its answer" if dripped else "did not answer"
        return f"The request was sent; {host} {words} within {after}.", _USAGE_HINT
    after = f" after {after}" if seconds >= 1 else ""
    if sending:
        return f"The connection to {host} broke{after}, while the request was being sent ({said}).", _USAGE_HINT
    if seconds < _LONG_SILENCE:
        return f"The connection to {host} broke{after} before an answer came ({said}).", _USAGE_HINT
    words = f"The connection to {host} broke{after} of silence, before an answer came ({said})."
    quiet = "A proxy on the way may cut connections that are quiet for so long: use --stream, or fewer images at once."
    return words, f"{quiet} {_USAGE_HINT}"


def _in_seconds(seconds: float) -> str:
    """A time that was measured: "83 s", "0.4 s"."""
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f}".removesuffix(".0") + " s"


def _drop_frames(exc: BaseException) -> None:
    """Take the HTTP library's frames from an error: the key is a variable in them, and IPython can print those."""
    for link in causes(exc):
        link.__traceback__ = None


def _no_connection(host: str, exc: Exception, proxy: str, seconds: float = 0.0) -> NoConnection:
    """`host` with its port where that is not the usual one; `proxy` without its user, "" where none is in the way."""
    said, where = reason(exc), f"{host} through the proxy {proxy}" if proxy else host
    if isinstance(exc, httpx.TimeoutException | TimeoutError):
        said = f"no connection within {_in_seconds(seconds)}"
    proxies = "" if is_loopback(urlsplit(f"//{host}").hostname or "") else " and the proxy (HTTPS_PROXY)"
    if isinstance(exc, httpx.ProxyError):
        words = f"The proxy {proxy} refused the way to {host} ({said})."
        hint = "Look at HTTPS_PROXY: its address, its user and password, and whether it lets this host pass."
    elif "CERTIFICATE_VERIFY_FAILED" in said:
        words, hint = f"The certificate of {where} is not to be trusted ({said}).", certificate_hint(said)
    elif _speaks_no_tls(exc):
        words = f"What answers at {where} is not TLS ({said})."
        hint = f"Check the port of the base URL{proxies}; the key does not go out in clear."
    else:
        words = f"{where} was not reached ({said})."
        hint = "Check the network, the proxy (HTTPS_PROXY) and the base URL, then run the cell again."
        if not proxies:
            hint = "Check that it runs and that the base URL has its port, then run the cell again."
    return NoConnection(words, hint=hint)


def _speaks_no_tls(exc: Exception) -> bool:
    """Whether the handshake met bytes that are none; an alert is a word of TLS."""
    return any(type(link) is ssl.SSLError and "ALERT" not in (link.reason or "") for link in causes(exc))
