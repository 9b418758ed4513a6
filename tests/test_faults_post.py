"""Faults of the one POST, F01-F73: whatever its answer is, it is asked for once, and nothing paid for is lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from asking import b64, event
from fault import be_patient_for, check_error, drawn, failed, fault, listening, outcome, peak, shades
from raw_server import (
    EVENT_STREAM,
    Behaviour,
    Close,
    Drip,
    Gate,
    Hang,
    Raw,
    RawServer,
    Reply,
    Request,
    Reset,
    head,
    json_reply,
    sse,
)
from seedream_magic import (
    AuthFailed,
    ContentRefused,
    ImageSet,
    InvalidRequest,
    ModelNotFound,
    OutcomeUnknown,
    PaymentRequired,
    RateLimited,
    ResponseBroken,
    Seedream,
    SeedreamError,
    ServerFailed,
)
from seedream_magic import listener as listener_module
from seedream_magic.api import client as client_module
from seedream_magic.api import decoder as decoder_module
from seedream_magic.api.sse import Decoder
from served import KEY, check_store, client, received, record, served
from service import PICTURE, POST, completed, jpeg, link, picture, stream_head, succeeded, whole_answer

Body = Callable[[Request], bytes]
NEVER = threading.Event()


@dataclass(frozen=True)
class Endless:
    """`first`, then `piece` again and again, with a pause in seconds, until the client has gone."""

    first: bytes
    piece: bytes
    pause: float = 0

    def play(self, connection: socket.socket) -> None:
        connection.sendall(self.first)
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(self.piece)
                time.sleep(self.pause)


def error_body(code: str, message: str = "words") -> dict[str, object]:
    return {"error": {"code": code, "message": message, "param": "size", "type": "BadRequest"}}


def json_of(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def answering(body: Body, **headers: str) -> Callable[[Request], Behaviour]:
    return lambda request: Reply(200, headers, body(request))


# --- sent, no full head: F10-F21


def closing_later(_: Request) -> Behaviour:
    """The case that made others pay twice: silence while the service draws, then the gateway closes."""
    gateway = threading.Event()
    threading.Timer(0.3, gateway.set).start()
    return Gate(b"", gateway, b"")


NO_HEAD: list[Any] = [
    fault("F10", "silence", Hang(NEVER), "did not answer"),
    fault("F11", "closed after the request", Close(), ""),
    fault("F12", "reset after the request", Reset(), ""),
    fault("F14", "half a status line", Raw(b"HTTP/1.1 2"), ""),
    fault("F15", "half a head", Raw(b"HTTP/1.1 200 OK\r\nContent-Le"), ""),
    fault("F16", "not HTTP", Raw(b"SSH-2.0-x\r\n\r\n"), "SSH-2.0-x"),
    fault("F18", "a gateway that closes", closing_later, ""),
    fault("F19", "100 Continue for ever", Endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 50), ""),
    fault("F20", "a head of 200 KB", Raw(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 200_000), ""),
    fault("F50", "two lengths", Raw(head(200, {"content-length": "5", "Content-Length": "7"}) + b"{}"), ""),
    fault("F50", "a negative length", Raw(head(200, {"Content-Length": "-5"}) + b"{}"), ""),
]


@pytest.mark.parametrize(("behaviour", "words"), NO_HEAD)
def test_without_a_head_the_outcome_is_unknown_and_nothing_is_sent_again(
    behaviour: Any, words: str, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One POST; the record says unknown; the error names the run and the id that the service's support can look for."""
    be_patient_for(monkeypatch, head=0.4, connect=0.5, write=0.5)
    before = peak()
    error = failed(outcome({POST: behaviour}, store, images=2))
    assert type(error) is OutcomeUnknown
    assert words in str(error)
    assert error.billed == "unknown"
    facts = record(store)
    assert (facts["state"], facts["outcome"]) == ("failed", "unknown")
    assert (error.run_id, error.request_id) == (facts["run_id"], facts["client_request_id"])
    assert facts["client_request_id"] in "\n".join(error.lines())
    assert peak() - before < 40


def reset_unread(connection: socket.socket) -> None:
    select.select([connection], [], [], 10)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def close_early(connection: socket.socket) -> None:
    connection.recv(1000)
    time.sleep(0.05)


UNREAD: list[Any] = [
    fault("F13", "a reset", reset_unread, 1, r"broke"),
    fault("F21", "nobody reads", lambda _: time.sleep(2), 12_000_000, r"127\.0\.0\.1 did not take the whole request"),
    fault("F21", "closed early", close_early, 12_000_000, r"broke.*, while the request was being sent \(\w"),
]


@pytest.mark.parametrize(("serve", "size", "words"), UNREAD)
def test_what_was_not_read_is_unknown_too(
    serve: Callable[[socket.socket], None], size: int, words: str, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client cannot prove that nobody read it; that it was the sending which failed is told."""
    be_patient_for(monkeypatch, write=0.3, head=30)
    with listening(serve) as (port, _):
        seedream = Seedream("anyfast", api_key=KEY, base_url=f"http://127.0.0.1:{port}/v1", store=store)
        with pytest.raises(OutcomeUnknown) as caught:
            seedream.generate("x", extra={"y": "x" * size})
    assert re.search(words, str(caught.value))
    assert record(store)["outcome"] == "unknown"
    check_store(store)


@pytest.mark.fault("F17")
@pytest.mark.parametrize("lent", [True, False])
def test_each_post_has_a_connection_of_its_own(store: Path, *, lent: bool) -> None:
    """A service that offers to keep it is not taken up on that, nor a transport: a stale one would lose a request."""
    lasting = bytes(json_reply({"data": [{"b64_json": b64(1)}]}, headers={"Connection": "keep-alive"}))
    with served({POST: Gate(lasting, NEVER, b"")}, store, posts=3) as server:
        seedream = client(server, store, transport=httpx.AsyncHTTPTransport() if lent else None)
        for prompt in "abc":
            assert len(seedream.generate(prompt).ok) == 1
        assert server.connections == server.posts == 3


@pytest.mark.fault("F19")
def test_five_hundred_interim_answers_are_passed_by(store: Path) -> None:
    """100 Continue is no answer, however often it comes; the answer behind them is taken."""

    def flood(request: Request) -> Behaviour:
        return Raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 500 + bytes(whole(request)))

    assert shades(drawn(outcome({POST: flood, PICTURE: picture}, store))) == [0]


def whole(request: Request) -> Reply:
    reply = whole_answer(request)
    assert isinstance(reply, Reply)
    return reply


@pytest.mark.fault("F73")
def test_a_head_that_comes_with_the_first_picture_is_waited_for(store: Path) -> None:
    """Services send no byte before it; meanwhile the set stands there, running, with its empty places."""
    release = threading.Event()

    async def run(server: RawServer) -> list[ImageSet]:
        values = []
        async for images in client(server, store).stream("x", images=2):
            values.append(images)
            release.set()
        return values

    late = {POST: lambda r: Gate(b"", release, stream_of(r, 2, completed(2))), PICTURE: picture}
    with served(late, store) as server:
        first, *_, last = asyncio.run(run(server))
    assert (first.state, first.expected, len(first)) == ("running", 2, 0)
    assert shades(last) == [0, 1]


# --- complete answers: F22-F51

REFUSALS: list[Any] = [
    fault("F22", "a wrong parameter", 400, "InvalidParameter", InvalidRequest),
    fault("F23", "a wrong key", 401, "AuthenticationError", AuthFailed),
    fault("F24", "no money", 402, "", PaymentRequired),
    fault("F24", "overdue", 403, "AccountOverdueError", PaymentRequired),
    fault("F24", "quota, with a pace", 429, "insufficient_quota", PaymentRequired),
    fault("F25", "sensitive", 400, "InputTextSensitiveContentDetected", ContentRefused),
    fault("F26", "no such model", 404, "ModelNotFound", ModelNotFound),
    *[fault("F27", str(status), status, "", InvalidRequest) for status in (413, 415, 422)],
    fault("F29", "come back tomorrow", 429, "RateLimitExceeded", RateLimited),
    *[fault("F32", str(status), status, "", ServerFailed) for status in (500, 502, 503, 504, 520, 522, 524, 529)],
    *[fault("F33", str(status), status, "", SeedreamError) for status in (408, 409, 425)],
]


@pytest.mark.parametrize(("status", "code", "kind"), REFUSALS)
def test_a_refusal_is_one_post_and_one_typed_error(
    status: int, code: str, kind: type[SeedreamError], store: Path
) -> None:
    """As JSON that repeats the key, as a gateway's page; even where it names a second to come back."""
    pace = {"Retry-After": "86400" if kind is RateLimited else "1"}
    page = Reply(status, {"Content-Type": "text/html"} | pace, b"<html><b>sorry")
    billed = "unknown" if kind in {ServerFailed, SeedreamError} else "no"
    for reply in (
        json_reply(error_body(code, f"no {KEY}, doubao-seedream-4-5"), status, pace),
        *([] if code else [page]),
    ):
        other = 2 + (reply is page)  # the same request again would wait before it is sent once more
        error = failed(outcome({POST: reply}, store / str(reply is page), images=other))
        assert isinstance(error, kind)
        assert error.billed == billed
        assert record(store / str(reply is page))["outcome"] == ("rejected" if billed == "no" else "unknown")
        assert kind is not InvalidRequest or reply is page or getattr(error, "param", None) == "size"
        assert kind is not RateLimited or getattr(error, "retry_after", None) == 86400
        assert kind is not ModelNotFound or "doubao-seedream-4-5" in "\n".join(error.lines())


def deep(request: Request) -> bytes:
    return first(request, b', "usage": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001)


def first(request: Request, more: bytes) -> bytes:
    return b'{"data": [{"url": "' + link(request, 0).encode() + b'"}]' + more


NUMBERS = b', "usage": {"x": NaN, "total_tokens": 1e999}, "created": ' + b"7" * 5000 + b"}"
SUMS = b', "usage": {"generated_images": -7777, "total_tokens": 1e30}}'
ODD_ANSWERS: list[Any] = [
    fault("F36", "accepted", lambda r: b"", 202, None),
    fault("F36", "nothing", lambda r: b"", 200, None),
    fault("F38", "an empty list", lambda r: json_of(data=[]), 200, None),
    fault("F38", "null", lambda r: json_of(data=None), 200, None),
    fault("F38", "no list at all", lambda r: json_of(created=1), 200, None),
    fault("F40", "both: base64 wins", lambda r: json_of(data=[{"url": link(r, 1), "b64_json": b64(0)}]), 200, [0]),
    fault("F40", "the link stands in", lambda r: json_of(data=[{"url": link(r, 0), "b64_json": "!"}]), 200, [0]),
    fault("F41", "odd types", lambda r: json_of(data=[{"url": link(r, 0)}, {"url": 5}], created="x"), 200, [0, None]),
    fault("F43", "one link three times", lambda r: json_of(data=[{"url": link(r, 0)}] * 3), 200, [0]),
    fault("F44", "a byte order mark", lambda r: b"\xef\xbb\xbf" + first(r, b"}"), 200, [0]),
    fault("F44", "numbers that are none", lambda r: first(r, NUMBERS), 200, [0]),
    fault("F44", "a key twice, garbage", lambda r: b'{"data": 5,' + first(r, b"}")[1:] + b"\n\x00garbage", 200, [0]),
    fault("F44", "deep", deep, 200, [0]),
    fault("F44", "half a character", lambda r: first(r, b', "model": "\\ud800", "usage": {"\\udfff": 1}}'), 200, [0]),
    fault("F45", "a charset that lies", lambda r: first(r, ', "model": "图"}'.encode()), 200, [0]),
    fault("F51", "a usage beyond all", lambda r: first(r, SUMS), 200, [0]),
]


@pytest.mark.parametrize(("body", "status", "expected"), ODD_ANSWERS)
def test_an_odd_answer_is_its_pictures_or_one_error(
    body: Body, status: int, expected: list[int | None] | None, store: Path
) -> None:
    """Billed, for a good head came; every line that is kept of it is JSON to anybody's parser; no sum is made of it."""

    def answer(request: Request) -> Behaviour:
        return Reply(status, {"Content-Type": "application/json; charset=utf-16"}, body(request))

    result = outcome({POST: answer, PICTURE: picture}, store)
    for path in store.glob("*/*.json*"):
        for text in path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]:
            json.loads(text, parse_constant=pytest.fail)
    assert record(store)["outcome"] == "billed"
    if expected is None:
        error = failed(result)
        assert (type(error), error.billed) == (ResponseBroken, "yes")
        return
    images = drawn(result)
    assert shades(images) == expected
    assert images.billed == len(images.ok)
    told = images._repr_mimebundle_()["text/plain"].replace(images.run_id, "")  # its letters are chance
    assert not any(nonsense in told for nonsense in ("7777", "1e+30", "inf", "nan"))


@pytest.mark.fault("F42")
def test_ten_thousand_pictures_are_seventeen(store: Path) -> None:
    """The others are named in the record and in one line; nothing grows with them but that record."""
    before = peak()
    flood = answering(lambda r: json_of(data=[{"url": link(r, index)} for index in range(10_000)]))
    images = drawn(outcome({POST: flood, PICTURE: lambda r: Reply(200, {}, jpeg(1))}, store, images=15, stream=False))
    assert (len(images), len(images.ok), len(images.notes)) == (17, 17, 1)
    assert len(received(store)[-1]["object"]["data"]) == 10_000
    assert peak() - before < 64


@pytest.mark.fault("F46")
@pytest.mark.parametrize("headers", [{"Content-Length": "10000000000"}, {"Transfer-Encoding": "chunked"}])
def test_an_answer_without_end_stops_at_the_cap(
    headers: dict[str, str], store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promised or in endless chunks: no answer is longer than its pictures could make it."""
    monkeypatch.setattr(client_module, "MAXIMUM_BYTES_PER_IMAGE", 2_000_000)
    before, piece, opening = peak(), b"x" * 65536, b'{"x":"'
    if "Transfer-Encoding" in headers:
        piece, opening = b"%x\r\n%s\r\n" % (len(piece), piece), b'6\r\n{"x":"\r\n'
    error = failed(outcome({POST: Endless(head(200, headers) + opening, piece)}, store))
    assert type(error) is ResponseBroken
    assert "8,000,000 bytes" in str(error)  # the least is four pictures
    assert peak() - before < 64


@pytest.mark.fault("F50")
@pytest.mark.parametrize("size", [b"ZZ", b"-5", b"ffffffffffffffffffff1"])
def test_chunks_that_make_no_sense(size: bytes, store: Path) -> None:
    """A good head came, so it is billed."""
    answer = Raw(head(200, {"Transfer-Encoding": "chunked"}) + size + b"\r\n{}\r\n0\r\n\r\n")
    assert failed(outcome({POST: answer}, store)).billed == "yes"


@pytest.mark.fault("F50")
def test_chunks_with_a_length_beside_them(store: Path) -> None:
    """Where the two agree on nothing the chunks decide, or nothing is read."""

    def answer(request: Request) -> Behaviour:
        body = first(request, b"}")
        lengths = {"Transfer-Encoding": "chunked", "Content-Length": "3"}
        return Raw(head(200, lengths) + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))

    result = outcome({POST: answer, PICTURE: picture}, store)
    assert shades(result) == [0] if isinstance(result, ImageSet) else result.billed == "yes"


# --- streams: F52-F72


def named(request: Request, count: int) -> bytes:
    return b"".join(succeeded(request, index) for index in range(count))


def stream_of(request: Request, count: int, end: bytes) -> bytes:
    return stream_head() + named(request, count) + end


def pretty(request: Request) -> bytes:
    value = {"type": "image_generation.partial_succeeded", "url": link(request, 0)}
    return f"event: {value['type']}\n{json.dumps(value, indent=2)}\n\n".encode()


def odd_times(request: Request) -> bytes:
    preview = event("partial_image", image_index=0, b64_json=b64(9))
    return sse(None, "[DONE]") + preview + event("something_new") + named(request, 2)


def by_name(request: Request, kind: str, **fields: Any) -> bytes:
    """The type of the first event stands in its `event:` line alone; then a picture."""
    fields = fields or {"url": link(request, 0)}
    second = sse("image_generation.partial_succeeded", {"image_index": 1, "url": link(request, 1)})
    return sse(f"image_generation.{kind}", {"image_index": 0, **fields}) + second + completed(2)


ODD_TEXT = {"image_index": 0, "text": "a\u2028b\u0085c\x00\x0b\x1cd"}
STREAMS: list[Any] = [
    fault("F54", "a mark before it", 2, lambda r: b"\xef\xbb\xbf" + named(r, 2) + completed(2), [0, 1]),
    fault("F55", "no line end at its end", 2, lambda r: named(r, 2).rstrip(), [0, 1]),
    fault("F57", "no end mark", 3, lambda r: named(r, 2), [0, 1, None]),
    fault("F58", "ids and comments", 2, lambda r: b"id: 1\n: ping\n\n: ping\n\n" + named(r, 2) + completed(2), [0, 1]),
    fault("F62", "JSON over many lines", 1, lambda r: pretty(r) + completed(1), [0]),
    fault("F65", "no text", 3, lambda r: named(r, 3).replace(b"/picture/1", b"/\xff/1") + completed(3), [0, None, 2]),
    fault("F66", "no line ends", 1, lambda r: event("partial_succeeded", url=link(r, 0), **ODD_TEXT), [0]),
    fault("F66", "a bare NUL", 1, lambda r: sse(None, '{"url": "' + link(r, 0) + '", "x": "\0"}') + completed(1), [0]),
    fault("F69", "previews, news, [DONE] at odd times", 2, odd_times, [0, 1]),
    fault("F69", "a picture by its event's name", 2, lambda r: by_name(r, "partial_succeeded"), [0, 1]),
    fault("F69", "a preview by it", 2, lambda r: by_name(r, "partial_image"), [None, 1]),
    fault("F60", "a refusal by it", 2, lambda r: by_name(r, "partial_failed", **error_body("x")), [None, 1]),
    fault("F60", "an error behind", 3, lambda r: named(r, 2) + sse("error", error_body("x")), [0, 1, None]),
]


@pytest.mark.parametrize(("images", "body", "expected"), STREAMS)
def test_an_odd_stream_brings_its_pictures(images: int, body: Body, expected: list[int | None], store: Path) -> None:
    """In their places; what did not come has its error there, and the run is partial then."""
    came = drawn(outcome({POST: answering(body), PICTURE: picture}, store, images=images, stream=True))
    assert shades(came) == expected
    assert len(came.failed) == expected.count(None)
    assert record(store)["state"] == ("partial" if None in expected else "done")
    if came.failed and expected[-1] is None:
        assert came.usage is None
        assert len(came.notes) == 1


@pytest.mark.parametrize("until", ["size", "nary0"])
def test_a_damaged_event_costs_no_picture_whose_link_came(until: str, store: Path) -> None:
    """It is brought as any other; of one whose link is cut the note quotes no signature."""

    def body(request: Request) -> bytes:
        data = sse("image_generation.partial_succeeded", {"url": link(request, 0), "image_index": 0, "size": "64x48"})
        return data.partition(until.encode())[0] + b"\n\n" + succeeded(request, 1) + completed(2)

    images = drawn(outcome({POST: answering(body), PICTURE: picture}, store, images=2))
    whole = until == "size"
    assert shades(images) == [0 if whole else None, 1]
    assert any("Part of the answer was skipped" in note for note in images.notes) is not whole
    told = "".join(path.read_text() for path in images.folder.glob("*.json*"))
    assert "=ca" not in told + repr(images) + "".join(images.notes)
    assert len(list(images.folder.glob("response.raw"))) == 1  # its bytes are kept, for the owner


STALLS: list[Any] = [
    fault("F49", "a body that drips", {"total": 0.5}, lambda r: Drip(head(200, {}) + b" " * 10_000, 1, 0.02)),
    fault("F49", "JSON that stalls", {"head": 0.5}, lambda r: Gate(head(200, {}) + b'{"data": [', NEVER, b"")),
    fault("F70", "silence after a picture", {"idle": 0.4}, lambda r: Gate(stream_of(r, 1, b""), NEVER, b"")),
    fault("F71", "only comments", {"progress": 0.4}, lambda r: Endless(stream_of(r, 1, b""), b": PING\n\n", 0.02)),
]


@pytest.mark.parametrize(("patience", "behaviour"), STALLS)
def test_what_never_ends_is_ended(
    patience: dict[str, float],
    behaviour: Callable[[Request], Behaviour],
    store: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each way of never ending has its limit; the picture that came is kept, the other place says why it is empty."""
    be_patient_for(monkeypatch, **patience)
    began = time.monotonic()
    result = outcome({POST: behaviour, PICTURE: picture}, store, images=2)
    assert time.monotonic() - began < 30  # where no limit holds, it is two minutes at the least
    if isinstance(result, ImageSet):
        assert shades(result) == [0, None]
        assert type(result[1].error) is ResponseBroken
        assert record(store)["state"] == "partial"
    else:
        assert "total" in patience or "fell silent" in str(result)
        assert {"total", "head"} & set(patience)
        assert result.billed == "yes"


@pytest.mark.fault("F64")
def test_a_line_without_end_costs_no_picture_before_it(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given up at the largest size that a picture can have; `make faults` does it with the real 200 MB."""
    monkeypatch.setattr(client_module, "MAXIMUM_BYTES_PER_IMAGE", 2_000_000)
    monkeypatch.setattr(decoder_module, "Decoder", partial(Decoder, maximum=1_000_000))
    endless = {POST: lambda r: Endless(stream_of(r, 1, b"data: "), b"x" * 65536), PICTURE: picture}
    images = drawn(outcome(endless, store, images=3))
    assert shades(images) == [0, None, None]
    assert "8,000,000 bytes" in str(images[1].error)


@pytest.mark.fault("F72")
@pytest.mark.parametrize("piece", [b'data: {"type":"x"}\n\n', b"data: x\n\n"])
def test_a_flood_of_events_ends(piece: bytes, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many are taken, known or not, readable or not; the picture before them is kept, time and memory stay."""
    assert listener_module.MAXIMUM_EVENTS == 10_000
    monkeypatch.setattr(listener_module, "MAXIMUM_EVENTS", 1000)  # each is synced to disk, and disks are slow
    before, began = peak(), time.process_time()
    flood = {POST: lambda r: Endless(stream_of(r, 1, b""), piece * 1000), PICTURE: picture}
    images = drawn(outcome(flood, store, images=2))
    assert shades(images) == [0, None]
    assert "more than 1,000 events" in str(images[1].error)
    assert len(received(store)) == 1001  # and the head
    assert time.process_time() - began < 5
    assert peak() - before < 32


@pytest.mark.fault("F23", "F39", "F59")
@pytest.mark.parametrize("stream", [True, False])
def test_a_refused_picture_costs_no_other_and_tells_no_key(store: Path, *, stream: bool) -> None:
    """The rest arrives, its place says what the service said; a key that is repeated there is written nowhere."""
    refusal = {"code": "OutputImageSensitiveContentDetected", "message": f"no picture for {KEY}"}

    def body(request: Request) -> bytes:
        if stream:
            middle = event("partial_failed", image_index=1, error=refusal) + f"data: {KEY} is no JSON\n\n".encode()
            return succeeded(request, 0) + middle + succeeded(request, 2) + completed(2)
        data = [{"url": link(request, 0)}, {"error": refusal}, {"url": link(request, 2)}]
        return json_of(data=data, echo={KEY: [KEY]})

    told = {"X-Request-Id": KEY} | (EVENT_STREAM if stream else {})
    images = drawn(outcome({POST: answering(body, **told), PICTURE: picture}, store, images=3, stream=stream))
    assert shades(images) == [0, None, 2]
    error = images[1].error
    assert type(error) is ContentRefused
    check_error(error)
    assert "(key)" in str(error)
    assert len(images.notes) == stream
    assert KEY not in "".join(images.notes)


@pytest.mark.fault("F106")
def test_a_clock_that_is_wrong_is_told_once(store: Path) -> None:
    """A service whose day is another one: one note, and a set as any other."""
    date = {"Date": "Sun, 06 Nov 1994 08:49:37 GMT"}
    images = drawn(outcome({POST: answering(lambda r: named(r, 2) + completed(2), **date), PICTURE: picture}, store))
    (note,) = images.notes
    assert "ahead of the service's" in note


# --- the end of an answer: said, or not said


@pytest.mark.fault("F57", "F60")
@pytest.mark.parametrize("index", [1, None], ids=["of one frame", "of all"])
@pytest.mark.parametrize("name", ["image_generation.partial_failed", "error", None])
def test_an_error_among_good_pictures_ends_nothing(name: str | None, index: int | None, store: Path) -> None:
    """Those behind it are received, recorded and fetched: reading ends when the stream does."""
    refusal = error_body("InternalServiceError") | ({} if index is None else {"image_index": index})

    def broken(request: Request) -> bytes:
        middle = sse(name, refusal | ({"type": name} if name else {}))
        return succeeded(request, 0) + middle + succeeded(request, 2) + succeeded(request, 3) + completed(3)

    images = drawn(outcome({POST: answering(broken), PICTURE: picture}, store, images=4))
    assert shades(images) == [0, None, 2, 3]
    assert type(images[1].error) is ServerFailed
    places = [entry["object"].get("image_index") for entry in received(store)[1:] if "url" in entry["object"]]
    assert places == [0, 2, 3]


@pytest.mark.fault("F60")
def test_an_error_beside_all_pictures_is_told(store: Path) -> None:
    """Nothing is missing, so nothing has failed; what the service said besides is a note."""
    body = answering(lambda r: json_of(data=[{"url": link(r, 0)}], **error_body("Overdue", "pay soon")))
    images = drawn(outcome({POST: body, PICTURE: picture}, store))
    assert shades(images) == [0]
    assert any("pay soon" in note for note in images.notes)


@dataclass(frozen=True)
class Open:
    """`first`, then the socket stays open; what `later` holds comes after a while."""

    first: bytes
    later: bytes = b""

    def play(self, connection: socket.socket) -> None:
        connection.sendall(self.first)
        if self.later:
            time.sleep(0.4)
            connection.sendall(self.later)
        Hang(NEVER).play(connection)


JSON_HEAD = head(200, {"Content-Type": "application/json"})
LINE_HEAD = head(200, {"Content-Type": "application/x-ndjson"})
DONE = sse(None, "[DONE]")
END = completed(2).removesuffix(DONE)

# How many images are asked for, whether as a stream, and two of them.
OPEN: dict[str, tuple[int | str, bool, Callable[[Request], bytes]]] = {
    "completed, fewer than asked for": (4, True, lambda r: stream_of(r, 2, END)),
    "[DONE]": (2, True, lambda r: stream_of(r, 2, DONE)),
    "auto": ("auto", True, lambda r: stream_of(r, 2, END)),
    "JSON, fewer than asked for": (4, False, lambda r: JSON_HEAD + json_of(data=in_list(r, 0)["data"] * 2)),
    "JSON of another shape": (4, False, lambda r: head(200, {}) + json_of(images=[link(r, 0), link(r, 1)])),
    "JSON to a stream": (2, True, lambda r: JSON_HEAD + whole(r).body),
}


def in_list(request: Request, index: int) -> dict[str, Any]:
    return {"data": [{"url": link(request, index)}]}


@pytest.mark.fault("F70")
@pytest.mark.parametrize(("images", "stream", "sent"), OPEN.values(), ids=OPEN)
def test_an_answer_that_is_complete_is_not_waited_for(
    images: Any, sent: Body, store: Path, monkeypatch: pytest.MonkeyPatch, *, stream: bool
) -> None:
    """Though its socket stays open: it lingers for a moment, not for two minutes."""
    monkeypatch.setattr(listener_module, "LINGER_SECONDS", 0.2)
    began = time.monotonic()
    scenario: Any = {POST: lambda request: Open(sent(request)), PICTURE: picture}
    result = drawn(outcome(scenario, store, images=images, stream=stream))
    assert time.monotonic() - began < 20
    assert shades(result)[0] == 0
    assert "stream ended" not in "".join(result.notes)


# What comes at once, and what comes later.
SLOW: dict[str, Callable[[Request], tuple[bytes, bytes]]] = {
    "an event for each picture": lambda r: (stream_of(r, 1, b""), succeeded(r, 1) + completed(2)),
    "a list in each event": lambda r: (stream_head() + sse(None, in_list(r, 0)), sse(None, in_list(r, 1)) + DONE),
    "a list in each line": lambda r: (
        LINE_HEAD + json_of(**in_list(r, 0)) + b"\n",
        json_of(**in_list(r, 1)) + b'\n"[DONE]"\n',
    ),
}


@pytest.mark.fault("F70")
@pytest.mark.parametrize("parts", SLOW.values(), ids=SLOW)
def test_a_picture_that_takes_its_time_is_waited_for(
    parts: Callable[[Request], tuple[bytes, bytes]], store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One object that looks complete is not the last one where others may follow: a picture takes 40 seconds."""
    monkeypatch.setattr(listener_module, "LINGER_SECONDS", 0.1)
    be_patient_for(monkeypatch, head=3, idle=3, progress=3)
    images = drawn(outcome({POST: lambda request: Open(*parts(request)), PICTURE: picture}, store, images=2))
    assert shades(images) == [0, 1]


@pytest.mark.fault("F39", "F57")
@pytest.mark.parametrize("way", ["stream", "list", "refused"])
def test_one_of_four_that_came_without_a_word_is_noted(way: str, store: Path) -> None:
    """The note says how to get the others, at which price; where the service has said why, there is no such note."""
    refusal = {"error": {"code": "OutputImageSensitiveContentDetected", "message": "words"}}

    def one(request: Request) -> Behaviour:
        if way == "stream":
            return Reply(200, EVENT_STREAM, succeeded(request, 0) + completed(1))
        return json_reply({"data": [{"url": link(request, 0)}, *[refusal] * (3 if way == "refused" else 0)]})

    images = drawn(outcome({POST: one, PICTURE: picture}, store, images=4, stream=way == "stream"))
    notes = "".join(images.notes)
    for words in ("1 of 4 images came", f"%seedream retry {images.run_id} --each", "3 images"):
        assert (words in notes) is (way != "refused")
