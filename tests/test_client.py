"""The one POST on real sockets: what is sent, what is read, and what each fault of the way is called."""

from __future__ import annotations

import asyncio
import re
import threading
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import pytest

from fault import be_patient_for, drawn, outcome, shades
from raw_server import (
    EVENT_STREAM,
    Behaviour,
    Close,
    Cut,
    Drip,
    Hang,
    Raw,
    Reply,
    Request,
    head,
    json_reply,
    raw_server,
)
from seedream_magic import (
    AuthFailed,
    ConfigError,
    OutcomeUnknown,
    ResponseBroken,
    Seedream,
    SeedreamError,
    ServerFailed,
)
from seedream_magic.api.answer import patience_for
from seedream_magic.api.client import post
from seedream_magic.api.connection import Transport, new_client
from seedream_magic.api.credentials import Key
from seedream_magic.api.make_request import Ask, make_request
from seedream_magic.api.plan import Plan
from seedream_magic.api.providers import PROVIDERS
from seedream_magic.api.retry import PACE, Pace
from served import KEY, client, record, served
from service import PICTURE, POST, completed, picture, succeeded, whole_answer


def plan_for(url: str, *, timeout: float | None = None, **options: Any) -> Plan:
    request, _ = make_request(Ask("四季 four seasons", options), model="doubao-seedream-4-5")
    return Plan(request, PROVIDERS["anyfast"], f"{url}/v1", timeout=timeout)


def failure(behaviour: Behaviour | Callable[[Request], Behaviour], *, pace: Pace = PACE) -> SeedreamError:
    """The error of that answer; it came to one POST."""

    async def posted(url: str) -> None:
        async with post(plan_for(url), Key(KEY, "a test"), client_request_id="our-id", pace=pace):
            pytest.fail("it was answered")

    with raw_server({POST: behaviour}) as server, pytest.raises(SeedreamError) as caught:
        asyncio.run(posted(server.url))
    server.wait_for(lambda seen: seen.open_connections == 0)
    assert server.posts == 1
    return caught.value


QUICK = Pace(now=lambda: 1000 * monotonic())
"""A clock that is a thousand times as fast: the milliseconds of a test count as seconds."""


def seconds_in(error: SeedreamError, pattern: str) -> float:
    """The seconds in a message that fits the pattern."""
    match = re.search(pattern.replace("SECONDS", r"([\d.]+) s"), str(error))
    assert match, str(error)
    return float(match[1])


def test_the_request_is_what_the_api_documents(store: Path) -> None:
    """Bearer key, JSON in UTF-8 with every explicit field, nothing compressed, our id for support."""
    with served({POST: whole_answer, PICTURE: picture}, store) as server:
        plan = client(server, store).plan("四季 four seasons", images=4)
        assert client(server, store).run(plan).complete
        request = server.requests[0]
    our_id = record(store)["client_request_id"]
    assert request.json() == plan.body
    assert "四季".encode() in request.body
    expected = {
        "authorization": f"Bearer {KEY}",
        "content-type": "application/json",
        "accept-encoding": "identity",
        "cookie": None,
        "idempotency-key": our_id,
        "x-client-request-id": our_id,
    }
    assert {name: request.headers.get(name) for name in expected} == expected


@pytest.mark.fault("F52")
@pytest.mark.parametrize("size", [1, 7])
@pytest.mark.parametrize("chunked", [True, False])
def test_pieces_of_any_size_give_the_same_pictures(size: int, store: Path, *, chunked: bool) -> None:
    """A stream that comes byte by byte, through chunked encoding as well, is the same stream."""

    def answer(request: Request) -> Behaviour:
        events = (succeeded(request, 0) + succeeded(request, 1) + completed(2)).replace(b"\n", b"\r\n")
        if not chunked:
            return Drip(head(200, EVENT_STREAM) + events, size, 0)
        pieces = (events[start : start + size] for start in range(0, len(events), size))
        sent = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        return Raw(head(200, {"Transfer-Encoding": "chunked"}) + sent)

    assert shades(drawn(outcome({POST: answer, PICTURE: picture}, store, images=2))) == [0, 1]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html><head><title>502 Bad Gateway</title></head><body><h1>nginx</h1></body></html>", "502 Bad Gateway"),
        (b"upstream connect error", "upstream connect error"),
        (b"", "HTTP 502"),
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
    with raw_server({POST: json_reply({}), ("GET", "/"): json_reply({})}) as other:
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
        (Reply(200, {}, b'{"data": 5, "x": }'), "not JSON", b'{"data": 5, "x": }'),
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
def test_whatever_a_transport_raises_is_one_of_our_errors(fault: Exception, store: Path, *, answers: bool) -> None:
    """No type of a library, nor of a bug, gets through; the cause is kept. The transport stays its owner's."""
    transport = Faulty(fault, answers=answers)
    seedream = Seedream("anyfast", api_key=KEY, base_url="http://127.0.0.1:9/v1", store=store, transport=transport)
    with pytest.raises(ResponseBroken if answers else OutcomeUnknown) as caught:
        seedream.generate("x")
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
    with pytest.raises(ConfigError, match=variable) as caught:
        new_client(None, url="https://api.example/v1")
    assert variable in caught.value.hint
