"""What is sent to the service: the one POST, and the questions how far a gateway's task is.

The POST costs money: it is sent once, and again only where it provably was not sent or was refused for its pace. A
question is a GET, which bills nothing and may be repeated. The key goes to the API's own origin and nowhere else: an
answer may name any address.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from urllib.parse import quote, urljoin, urlsplit

import httpx

from seedream_magic.api.answer import (
    MAXIMUM_BYTES_PER_IMAGE,
    Answer,
    Patience,
    kept_headers,
    patience_for,
    raise_refusal,
    request_id_of,
    skew_of,
    wait_asked,
)
from seedream_magic.api.connection import Client, Transport, new_client, reading
from seedream_magic.api.credentials import Key
from seedream_magic.api.models import LARGEST_BASE64_CHARACTERS, ids_meant
from seedream_magic.api.network_errors import NOT_SENT, Progress, causes, no_answer, no_connection, phase_of, reason
from seedream_magic.api.plan import Plan
from seedream_magic.api.providers import Provider, is_loopback
from seedream_magic.api.proxies import proxy_for
from seedream_magic.api.redaction import scrub
from seedream_magic.api.retry import PACE, Pace, decide, duration
from seedream_magic.api.task_shapes import Task
from seedream_magic.errors import ModelNotFound, NoConnection, OutcomeUnknown, RateLimited, SeedreamError, UnsafeURL
from seedream_magic.words import network as texts
from seedream_magic.words.lists import OR
from seedream_magic.words.text import chain, join

Waiting = Callable[[float, NoConnection | RateLimited], AbstractContextManager[None]]
"""A context that is entered for each pause; it is given the seconds, and the error that the pause follows."""


@asynccontextmanager
async def post(
    plan: Plan,
    key: Key,
    *,
    client_request_id: str,
    transport: Transport | None = None,
    begin: Callable[[], None] = lambda: None,
    waiting: Waiting = lambda _seconds, _error: nullcontext(),
    pace: Pace = PACE,
) -> AsyncIterator[Answer]:
    """Send the plan's request and hand out the answer; leaving closes the connection.

    It is sent again only where it provably was not sent or was refused for its pace (429), each time on a connection
    of its own and under the same `client_request_id`; `waiting` is entered for each pause and left before it is sent.
    With a `turn` in `pace` a 429 costs no attempt: the limiter says when it is sent again, as long as others are taken.
    `begin` is called when the body is encoded, which takes its time: before that nothing can have left.
    Raises `NoConnection` when nothing was sent, `OutcomeUnknown` when no head came back, an `ApiError` for a refusal,
    `ResponseBroken` for a redirect, which is never followed; after several attempts the message says how many, and in
    what time.
    """
    body = await _encode(plan)
    begin()
    patience = patience_for(plan, body)
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "Accept-Encoding": "identity",
        "Idempotency-Key": client_request_id,
        "X-Client-Request-Id": client_request_id,
    }
    send = partial(_attempt, plan, body, headers, key=key, patience=patience, transport=transport, now=pace.now)
    sent = datetime.now(UTC)
    async with AsyncExitStack() as connection:
        response, attempt = await _first_answer(send, connection, plan.timeout, waiting, pace)
        head = response.headers
        location = head.get("location", "") if response.status_code in {201, 202} else ""
        answer = Answer(
            attempt=attempt,
            status=response.status_code,
            headers=kept_headers(response, key),
            request_id=request_id_of(response, key),
            skew=skew_of(response, sent=sent),
            codings=head.get("content-encoding", ""),
            location=location or head.get("operation-location", ""),
            _response=response,
            patience=patience,
            _cap=max(4, plan.request.images_at_most) * MAXIMUM_BYTES_PER_IMAGE,
        )
        try:
            yield answer
        except Exception as exc:  # whatever became of its reading: the bytes of an answer may repeat the key
            scrub(exc, key.reveal())
            raise


async def _encode(plan: Plan) -> bytes:
    """The body as it goes out; the event loop goes on while large references are encoded."""
    if not plan.request.references:
        return plan.request.encoded
    try:
        return await asyncio.to_thread(lambda: plan.request.encoded)
    except RuntimeError:  # the process ends: threads take nothing new, and nobody else needs the loop
        return plan.request.encoded


async def _first_answer(
    send: Callable[[], AbstractAsyncContextManager[httpx.Response]],
    connection: AsyncExitStack,
    timeout: float | None,  # noqa: ASYNC109 - not a limit of this wait: a pause that passes the call's is not begun
    waiting: Waiting,
    pace: Pace,
) -> tuple[httpx.Response, int]:
    """The first answer that is no refusal, held open by `connection`, and the number of its attempt."""
    began, attempt, turn = pace.now(), 1, pace.turn
    refusals = 0  # those that the limiter of a batch waits for: no attempts of this request
    while True:
        turn.begin()
        try:
            response = await connection.enter_async_context(send())
        except (NoConnection, RateLimited) as error:
            elapsed = pace.now() - began
            failed, pause = error, _pause(error, attempt - refusals, elapsed, pace.draw())
            waits_its_turn = isinstance(error, RateLimited) and turn.refused(error.retry_after)
            refusals += waits_its_turn
            if pause is None or elapsed + pause >= (timeout or math.inf) or not (waits_its_turn or pace.tokens.take()):
                turn.give_back()
                if attempt > 1:
                    error.args = (join(error.message, texts.TRIED(attempts=attempt, time=duration(elapsed))),)
                raise
        except SeedreamError as error:
            turn.accepted()
            if attempt > 1:
                error.args = (join(error.message, texts.ATTEMPT(attempt=attempt)),)
            raise
        else:
            turn.accepted()
            pace.tokens.put_back()
            return response, attempt
        with waiting(pause, failed):
            if waits_its_turn:
                turn = await turn.again()
            else:
                await pace.sleep(pause)
        attempt += 1


@asynccontextmanager
async def _attempt(
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
        progress = Progress(now, now())
        if transport is None:  # one of the caller's may pass the extension on to what cannot call a coroutine
            progress.proxy = proxy_for(plan.url)
            request.extensions["trace"] = progress.follow
        try:  # no variable of this frame prints the key or the further headers
            request.headers.update(plan.headers.reveal() | {"Authorization": f"Bearer {key.reveal()}"})
            response = await _send(client, request, patience, key, progress)
        finally:
            for name in ("Authorization", *plan.headers.names):  # the errors and the answer keep the request
                request.headers.pop(name, None)
        try:
            if not 200 <= response.status_code < 300:
                with _naming_models(plan):
                    await raise_refusal(response, key)
            yield response
        finally:
            await response.aclose()


@contextmanager
def _naming_models(plan: Plan) -> Iterator[None]:
    """Where the provider does not know the model, name those that were probably meant."""
    try:
        yield
    except ModelNotFound as error:
        if (meant := ids_meant(plan.request.model, plan.provider.name)) and "NotOpen" not in error.code:
            error.hint = texts.MODEL_MEANT(names=chain(OR, meant[:2]))
        raise


def _pause(error: NoConnection | RateLimited, attempt: int, elapsed: float, draw: float) -> float | None:
    """Seconds until the next attempt, None where there is none."""
    if isinstance(error, NoConnection):
        return decide(phase_of(error.__cause__), attempt=attempt, elapsed=elapsed, draw=draw).pause
    if error.billed != "no":  # a gateway had sent it on before, and what became of that is not known
        return None
    status, code, wait = error.status or 0, error.code, error.retry_after
    return decide("answered", status=status, code=code, retry_after=wait, attempt=attempt, draw=draw).pause


async def _send(
    client: httpx.AsyncClient, request: httpx.Request, patience: Patience, key: Key, progress: Progress
) -> httpx.Response:
    request_id = request.headers["X-Client-Request-Id"]
    loop = asyncio.get_running_loop()
    whole = patience.connect + patience.write + patience.head
    try:
        # httpx counts each read on its own; a head that drips must end as well. A proxy that says nothing, for which
        # httpx has the limit of the answer or none (SOCKS), is left sooner: nothing was sent.
        async with asyncio.timeout(patience.connection if "trace" in request.extensions else whole) as limit:
            progress.begin_sending = lambda: limit.reschedule(loop.time() + whole)
            return await client.send(request, stream=True)
    except Exception as exc:  # a transport of the caller's may raise anything, and the request may have gone
        for link in causes(exc):  # the key is a variable in the frames of the HTTP library, and IPython can print those
            link.__traceback__ = None
        scrub(exc, key.reveal())
        if isinstance(exc, NOT_SENT) or progress.step == "connecting":
            raise no_connection(request.url.netloc.decode(), exc, progress) from exc
        words, hint = no_answer(request.url.host, exc, reason(exc), progress)
        raise OutcomeUnknown(words, hint=hint, request_id=request_id) from exc


_ACCEPT = {"Accept": "application/json", "Accept-Encoding": "identity"}
_SECONDS = 120.0
"""For one answer: some gateways hold a question open until the task has moved."""


@dataclass(frozen=True)
class TaskAnswer:
    """What the gateway says of a task; `wait` is the pause in seconds that it asks for, 0 if it asks for none.

    `location` is where a redirect leads: to the task's result, as a rule.
    """

    status: int
    codings: str
    body: bytes
    wait: float
    location: str = ""


@dataclass(frozen=True)
class TaskService:
    """The service at `base_url`, which is asked how far its tasks are.

    `key` is called when the key is needed. `images` is the one without a key: it asks where an address is not of the
    API's own origin.
    """

    provider: Provider
    base_url: str
    key: Callable[[], Key]
    images: Client
    transport: Transport | None

    def addresses_of(self, task: Task) -> list[str]:
        """Where a task can be asked for: the addresses that its answer names, else those of the provider's own rule."""
        named = [urljoin(f"{self.base_url}/images/generations", url) for url in task.urls]
        paths = self.provider.task_paths if task.task_id.strip(".") else ()  # dots alone would lead out of the path
        task_id = quote(task.task_id, safe="", errors="replace")
        return list(dict.fromkeys(named or [f"{self.base_url}/{path.format(task_id=task_id)}" for path in paths]))

    async def ask(self, url: str) -> TaskAnswer:
        """The answer at one of a task's addresses.

        Raises `NoConnection` where no answer came, `UnsafeURL` for an address that no service can have.
        """
        limits, key = httpx.Timeout(_SECONDS, connect=10), None
        try:
            async with asyncio.timeout(_SECONDS):
                if _origin(url) != _origin(self.base_url):
                    extensions = {"allow_loopback": is_loopback(urlsplit(self.base_url).hostname or "")}
                    async with self.images.stream("GET", url, extensions=extensions, headers=_ACCEPT) as response:
                        return await _read(response)
                async with new_client(self.transport, url=url, timeout=limits) as http:
                    request = http.build_request("GET", url, headers=_ACCEPT)
                    key = self.key()
                    request.headers["Authorization"] = f"Bearer {key.reveal()}"
                    try:
                        return await _read(await http.send(request, stream=True))
                    finally:
                        request.headers.pop("Authorization", None)
        except SeedreamError:
            raise
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError) as exc:
            raise UnsafeURL(texts.TASK_ADDRESS(why=reason(exc))) from exc
        except Exception as exc:
            if key is not None:
                scrub(exc, key.reveal())
            raise NoConnection(texts.TASK_SILENT(why=reason(exc))) from exc


async def _read(response: httpx.Response) -> TaskAnswer:
    body = bytearray()
    async with reading(response) as chunks:
        async for chunk in chunks:
            body += chunk
            if len(body) > 15 * LARGEST_BASE64_CHARACTERS:
                break
    codings = response.headers.get("content-encoding", "")
    location = response.headers.get("location", "") if 300 <= response.status_code < 400 else ""
    target = urljoin(str(response.url), location) if location else ""
    return TaskAnswer(response.status_code, codings, bytes(body), wait_asked(response) or 0.0, target)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, parts.hostname, port
