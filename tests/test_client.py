"""The one POST on real sockets: what is sent, what is read, and what each fault of the way is called."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import pytest

from fault import be_patient_for
from raw_server import (
    EVENT_STREAM,
    Behaviour,
    Close,
    Cut,
    Drip,
    Gate,
    Hang,
    Raw,
    Reply,
    Request,
    head,
    json_reply,
    raw_server,
    sse,
)
from seedream_magic import (
    AuthFailed,
    ConfigError,
    OutcomeUnknown,
    ResponseBroken,
    SeedreamError,
    ServerFailed,
)
from seedream_magic.api import client as client_module
from seedream_magic.api.answer import Answer, patience_for
from seedream_magic.api.client import post
from seedream_magic.api.connection import Transport, new_client
from seedream_magic.api.credentials import Key
from seedream_magic.api.decoder import AnswerDecoder, Answered, Done, Piece, Unreadable
from seedream_magic.api.make_request import Ask, make_request
from seedream_magic.api.plan import Plan
from seedream_magic.api.providers import PROVIDERS
from seedream_magic.api.retry import PACE, Pace
from served import KEY, client
from service import POST, completed

ANSWER = {"data": [{"url": "https://example.com/1.jpeg"}], "created": 1, "usage": {"generated_images": 1}}
Objects = list[dict[str, Any] | Unreadable | None]


def plan_for(url: str, *, timeout: float | None = None, **options: Any) -> Plan:
    request, _ = make_request(Ask("四季 four seasons", options), model="doubao-seedream-4-5")
    return Plan(request, PROVIDERS["anyfast"], f"{url}/v1", timeout=timeout)


async def posted(
    plan: Plan, transport: Transport | None = None, received: Objects | None = None, pace: Pace = PACE
) -> Objects:
    """Every object of the answer; `received` has those that came before an error."""
    received = [] if received is None else received
    key = Key(KEY, "a test")
    async with post(plan, key, client_request_id="our-id", transport=transport, pace=pace) as answer:
        async for value in objects_of(answer):
            received.append(value)
    return received


async def objects_of(answer: Answer) -> AsyncIterator[dict[str, Any] | Unreadable | None]:
    """An answer as a run reads it, None for `[DONE]`; raises what broke it off when all that came was handed out."""
    decoder, broken = AnswerDecoder(answer.codings), None
    try:
        async with aclosing(answer.chunks()) as chunks:
            async for chunk in chunks:
                for piece in decoder.feed(chunk):
                    yield value_of(piece)
    except ResponseBroken as error:
        broken = error
    for piece in decoder.close(cut=broken is not None):
        yield value_of(piece)
    if broken is not None or decoder.fault:
        raise broken or answer.broken(decoder.fault)


def value_of(piece: Piece) -> dict[str, Any] | Unreadable | None:
    return piece.fields if isinstance(piece, Answered) else None if isinstance(piece, Done) else piece


def ask(behaviour: Behaviour | Callable[[Request], Behaviour], *, pace: Pace = PACE, **options: Any) -> Objects:
    """The objects of that answer; it came to one POST."""
    with raw_server({POST: behaviour}) as server:
        try:
            return asyncio.run(posted(plan_for(server.url, **options), pace=pace))
        finally:
            server.wait_for(lambda seen: seen.open_connections == 0)
            assert server.posts == 1


def failure(behaviour: Behaviour | Callable[[Request], Behaviour], **options: Any) -> SeedreamError:
    with pytest.raises(SeedreamError) as caught:
        ask(behaviour, **options)
    assert KEY not in str(caught.value)
    return caught.value


QUICK = Pace(now=lambda: 1000 * monotonic())
"""A clock that is a thousand times as fast: the milliseconds of a test count as seconds."""


def seconds_in(error: SeedreamError, pattern: str) -> float:
    """The seconds in a message that fits the pattern."""
    match = re.search(pattern.replace("SECONDS", r"([\d.]+) s"), str(error))
    assert match, str(error)
    return float(match[1])


def test_the_request_is_what_the_api_documents() -> None:
    """Bearer key, JSON in UTF-8 with every explicit field, nothing compressed, our id for support."""
    with raw_server({POST: json_reply(ANSWER)}) as server:
        plan = plan_for(server.url, images=4)
        assert asyncio.run(posted(plan)) == [ANSWER]
        (request,) = server.requests
    assert request.json() == plan.body
    assert "四季".encode() in request.body
    expected = {
        "authorization": f"Bearer {KEY}",
        "content-type": "application/json",
        "accept-encoding": "identity",
        "cookie": None,
        "idempotency-key": "our-id",
        "x-client-request-id": "our-id",
    }
    assert {name: request.headers.get(name) for name in expected} == expected


EVENTS = sse("x", {"n": 1}) + sse("x", {"n": 2}) + sse(None, "[DONE]")


@pytest.mark.fault("F45", "F54", "F67", "F68")
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("declared", "before"), [("application/json", b"\n\n"), ("text/event-stream; charset=utf-16", b"\xef\xbb\xbf")]
)
def test_the_first_byte_decides_what_an_answer_is(declared: str, before: bytes, *, stream: bool) -> None:
    """JSON to `stream: true`, events to `stream: false`, whatever the Content-Type says."""
    headers = {"Content-Type": declared}
    json_body = before + json.dumps(ANSWER).encode()
    assert ask(Reply(200, headers, json_body), images=2, stream=stream) == [ANSWER]
    for events in (EVENTS, b": PING\n\n" + EVENTS):
        assert ask(Reply(200, headers, before + events), images=2, stream=stream) == [{"n": 1}, {"n": 2}, None]


@pytest.mark.fault("F52")
@pytest.mark.parametrize("size", [1, 7])
def test_pieces_of_any_size_give_the_same_objects(size: int) -> None:
    """A stream that comes byte by byte, through chunked encoding as well, is the same stream."""
    events = EVENTS.replace(b"\n", b"\r\n")
    pieces = (events[start : start + size] for start in range(0, len(events), size))
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    plain = ask(Drip(head(200, EVENT_STREAM) + events, size, 0))
    assert plain == ask(Raw(head(200, {"Transfer-Encoding": "chunked"}) + chunked)) == [{"n": 1}, {"n": 2}, None]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html><head><title>502 Bad Gateway</title></head><body><h1>nginx</h1></body></html>", "502 Bad Gateway"),
        (b"upstream connect error", "upstream connect error"),
        (b"", "no reason given"),
        (b"\xff\xfe\x00", "HTTP 502"),
        (b"[" * 100_000, "HTTP 502"),
    ],
)
def test_a_refusal_of_a_gateway_keeps_its_own_words(body: bytes, words: str) -> None:
    """HTML, plain text, nothing and nonsense are refusals too; the head's id is the one that support asks for."""
    error = failure(Reply(502, {"Content-Type": "text/html", "X-Request-Id": "0217abc"}, body))
    assert isinstance(error, ServerFailed)
    assert error.request_id == "0217abc"
    assert words in str(error)
    assert len(str(error)) < 600


@pytest.mark.parametrize("cut", [-1, -20, -60])
def test_a_refusal_whose_body_breaks_off_is_still_a_refusal(cut: int) -> None:
    """The status line has said no; half an envelope changes nothing."""
    error = failure(Cut(json_reply({"error": {"code": "AuthenticationError", "message": "words"}}, 401), cut))
    assert (type(error), error.billed) == (AuthFailed, "no")


@pytest.mark.fault("F34")
@pytest.mark.parametrize(("status", "same_origin"), [(301, True), (302, False), (303, True), (307, False), (308, True)])
def test_a_redirect_is_not_followed_and_the_key_stays(status: int, *, same_origin: bool) -> None:
    """A redirected POST would carry key and prompt to another server, or become a GET."""
    with raw_server({POST: json_reply(ANSWER), ("GET", "/"): json_reply(ANSWER)}) as other:
        target = "/other" if same_origin else f"{other.url}/v1/images/generations"
        error = failure(Reply(status, {"Location": target}))
        assert (other.connections, len(other.requests)) == (0, 0)
    assert (type(error), error.billed) == (ResponseBroken, "no")
    assert "redirect" in str(error)


def test_a_head_that_does_not_come_ends_with_the_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """After silence, and where a byte comes now and then: the limit is for the whole head, not for each read."""
    be_patient_for(monkeypatch, head=0.15, connect=0.05, write=0.05)
    silent = failure(Hang(threading.Event()))
    pattern = r"The request was sent; 127\.0\.0\.1 did not answer within SECONDS\."
    assert 0.1 <= seconds_in(silent, pattern) < 10
    dripping = failure(Drip(head(200, {"X-Long": "x" * 10_000}), 1, 0.02))
    assert "127.0.0.1 did not complete the head of its answer within 0." in str(dripping)
    assert type(silent) is type(dripping) is OutcomeUnknown
    assert "usage page" in silent.hint
    assert silent.request_id == "our-id"


def after_a_while(_: Request) -> Behaviour:
    threading.Event().wait(0.3)
    return Close()


def test_a_connection_that_breaks_after_a_long_silence_says_after_how_long() -> None:
    """Proxies cut what is quiet for a minute: the seconds that passed, a reason in words, what makes it less quiet."""
    error = failure(after_a_while, pace=QUICK)
    seconds = seconds_in(error, r"broke after SECONDS of silence, before an answer came \((?!Read|\))")
    assert 20 <= seconds < 5000
    assert all(word in error.hint for word in ("proxy", "a stream", "fewer images", "usage page"))


def test_the_patience_grows_with_images_and_bytes() -> None:
    """300 s and 40 s for each further image, at most 900; 2 s more to write for each MiB."""
    one, four, most = (patience_for(plan_for("", images=images), b"") for images in (1, 4, 15))
    assert (one.head, four.head, most.head, one.write) == (300, 420, 860, 60)
    assert patience_for(plan_for(""), bytes(2**20)).write == 62


PAGE = b"<html>" + b"<p>words</p>" * 2000
CUT = json_reply({"data": [{"url": "https://example.com/half"}]})


PACKED = zlib.compress(b'{"a": 1}', wbits=31)[:-9]


@pytest.mark.fault("F35")
@pytest.mark.parametrize(
    ("behaviour", "words", "raw"),
    [
        (Drip(head(200, {}) + PAGE, 5000, 0), "web page", PAGE),  # the first packet alone would not show what it says
        (Reply(200, {}, b"upstream is busy"), "neither JSON", b"upstream is busy"),
        (Reply(200, {}, b'{"answer": 42}'), "no picture was found", b'{"answer": 42}'),
        (Reply(200, {}, b'{"data": 5, "x": }'), "no JSON", b'{"data": 5, "x": }'),
        (Reply(200, {"Content-Encoding": "gzip"}, PACKED), "is cut off", PACKED),
        (Cut(CUT, -8), "broke in the middle", CUT.body[:-8]),
        (Reply(204), "empty", None),
    ],
)
def test_an_answer_that_is_none_keeps_its_bytes(
    behaviour: Behaviour, words: str, raw: bytes | None, store: Path
) -> None:
    """The error says what came and where all of it is, for support and for `recover` of a later version."""
    with raw_server({POST: behaviour}) as server, pytest.raises(ResponseBroken) as caught:
        client(server, store).generate("x")
    assert words in str(caught.value)
    assert caught.value.billed == "yes"
    kept = [*store.glob("*/response.raw")]
    assert [path.read_bytes() for path in kept] == ([] if raw is None else [raw])
    assert all(str(path) in "\n".join(caught.value.lines()) for path in kept)


def test_keep_alives_count_as_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What only keeps a connection alive is not read for ever; an endless answer is F46."""
    monkeypatch.setattr(client_module, "MAXIMUM_BYTES_PER_IMAGE", 100_000)
    pings = b": ping\n\n" * 60_000
    assert "longer than 400,000 bytes" in str(failure(Reply(200, EVENT_STREAM, b'data: {"type":"x"}\n\n' + pings)))


def test_leaving_early_closes_the_connection() -> None:
    """A reader that has enough leaves no connection at the service."""

    async def first_object(url: str) -> object:
        async with post(plan_for(url), Key(KEY, "a test"), client_request_id="our-id") as answer:
            async for value in objects_of(answer):
                return value
        return None

    first = head(200, EVENT_STREAM) + sse("x", {"n": 1})
    with raw_server({POST: Gate(first, threading.Event(), completed(1))}) as server:
        assert asyncio.run(first_object(server.url)) == {"n": 1}
        server.wait_for(lambda seen: seen.open_connections == 0)
        assert server.posts == 1


class Faulty(Transport):
    """A transport that raises: at once, or when its answer is read."""

    def __init__(self, fault: Exception, *, answers: bool) -> None:
        self.fault, self.answers, self.closed, self.requests = fault, answers, False, 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        if self.answers:
            return httpx.Response(200, content=self._body())
        raise self.fault

    async def _body(self) -> AsyncIterator[bytes]:
        yield b'{"data": ['
        raise self.fault

    async def aclose(self) -> None:
        self.closed = True


FAULTS = [OSError(5, "I/O"), RuntimeError("bug"), httpx.ReadError(""), TimeoutError()]


@pytest.mark.parametrize("answers", [True, False])
@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_a_transport_raises_is_one_of_our_errors(fault: Exception, *, answers: bool) -> None:
    """No type of a library, nor of a bug, gets through; the cause is kept. The transport stays its owner's."""
    transport = Faulty(fault, answers=answers)
    with pytest.raises(ResponseBroken if answers else OutcomeUnknown) as caught:
        asyncio.run(posted(plan_for("http://127.0.0.1:9"), transport))
    assert caught.value.__cause__ is fault
    if not answers:
        assert re.search(r"\((?!\w+Error\))\W*\w.*\)\.$|did not answer within", str(caught.value))
    assert (transport.requests, transport.closed) == (1, False)


@pytest.mark.parametrize(
    ("variable", "value"), [("HTTPS_PROXY", "nonsense://proxy"), ("SSL_CERT_FILE", "/no/such/file.pem")]
)
def test_unusable_settings_of_the_machine_are_told(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    """A client that cannot be made is a matter of configuration, with the variables to look at."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match="settings") as caught:
        new_client(None, url="https://api.example/v1")
    assert variable in caught.value.hint
