"""What is sent again, counted at the service; and what a cut answer leaves, looked for on the disk.

Time is a number that sleeping moves on: no test waits for a pause. The service, its sockets and the disk are real.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from asking import b64
from drawing import generate
from fault import be_patient_for, listening, shades
from raw_server import (
    EVENT_STREAM,
    Behaviour,
    Close,
    Cut,
    Hang,
    Raw,
    RawServer,
    Reply,
    Request,
    Reset,
    Sequence,
    head,
    json_reply,
    raw_server,
    sse,
)
from seedream_magic import (
    ConfigError,
    ImageSet,
    NoConnection,
    RateLimited,
    ResponseBroken,
    Seedream,
    SeedreamError,
)
from seedream_magic.api.answer import Answer
from seedream_magic.api.client import post
from seedream_magic.api.credentials import Key
from seedream_magic.api.retry import Pace, Tokens
from seedream_magic.images import run_folder
from seedream_magic.images.aside import rescue_folders
from seedream_magic.images.image_set import cards_of
from seedream_magic.view.carousel import set_bundle
from served import KEY, record, served
from service import PICTURE, POST, jpeg, link, picture, succeeded, whole_answer
from test_client import plan_for

ANSWER = {"data": [{"url": "https://example.com/1.jpeg"}]}
OK = json_reply(ANSWER)


@dataclass
class Time:
    """A clock that stands still but for the pauses, which it keeps, and what a test adds to `passed`, in seconds."""

    slept: list[float] = field(default_factory=list)
    announced: list[tuple[float, str]] = field(default_factory=list)
    tokens: Tokens = field(default_factory=Tokens)
    passed: float = 0.0
    on_sleep: Callable[[int], None] = lambda _: None

    @property
    def pace(self) -> Pace:
        return Pace(now=self.now, sleep=self.sleep, draw=lambda: 0.5, tokens=self.tokens)

    def now(self) -> float:
        return sum(self.slept) + self.passed

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.on_sleep(len(self.slept))

    @contextlib.contextmanager
    def waiting(self, seconds: float, error: SeedreamError) -> Iterator[None]:
        self.announced.append((seconds, str(error)))
        yield


def ask(url: str, time: Time, **options: Any) -> Answer:
    """The head of the answer; whatever pauses there were are in `time`."""

    async def asked() -> Answer:
        plan, key = plan_for(url, **options), Key(KEY, "a test")
        async with post(plan, key, client_request_id="our-id", waiting=time.waiting, pace=time.pace) as answer:
            return answer

    return asyncio.run(asked())


def failure(url: str, time: Time, **options: Any) -> SeedreamError:
    """The error of a request; each pause was announced, and the key is not in its lines."""
    with pytest.raises(SeedreamError) as caught:
        ask(url, time, **options)
    assert KEY not in "\n".join(caught.value.lines())
    assert time.slept == [seconds for seconds, _ in time.announced]
    return caught.value


def failure_of(behaviour: Behaviour, *, posts: int = 1, time: Time | None = None, **options: Any) -> SeedreamError:
    """The error that this answer comes to, after so many POSTs; at one nothing was waited for."""
    time = time or Time()
    with raw_server({POST: behaviour}) as server:
        error = failure(server.url, time, **options)
        assert (server.posts, len(time.slept)) == (posts, posts - 1)
    return error


def refusal(status: int, *, code: str = "", **headers: str) -> Reply:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return json_reply({"error": {"code": code, "message": "words"}}, status, told)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


# What was not sent


@pytest.mark.fault("F01", "F03")
@pytest.mark.parametrize("fault", ["a closed port", "an unknown name"])
def test_what_is_not_reached_is_tried_four_times(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """F01, F03: nothing was sent or billed; each pause is told before it, they stay in the budget; what to look at."""
    url, time = f"http://127.0.0.1:{free_port()}", Time()
    if fault == "an unknown name":
        url = "https://no-such-host.invalid"
        monkeypatch.setattr(socket, "getaddrinfo", Mock(side_effect=socket.gaierror(socket.EAI_NONAME, "not known")))
    error = failure(url, time)
    assert (type(error), error.billed, len(time.slept)) == (NoConnection, "no", 3)
    assert sum(time.slept) <= 60
    assert time.slept == sorted(time.slept)
    (reason,) = {reason for _, reason in time.announced}
    assert url.rpartition("/")[2] in reason
    assert fault == "a closed port" or "proxy" in error.hint
    assert str(error) == f"{reason} Tried 4 times in 4 s."


@pytest.mark.fault("F02")
def test_a_service_that_starts_late_is_reached() -> None:
    """F02: one POST, and the answer says that it came at the third attempt."""
    port = free_port()
    with contextlib.ExitStack() as later:
        servers: list[RawServer] = []

        def start(pauses: int) -> None:
            if pauses == 2:
                servers.append(later.enter_context(raw_server({POST: OK}, port)))

        answer = ask(f"http://127.0.0.1:{port}", Time(on_sleep=start))
        assert (answer.attempt, answer.status, servers[0].posts) == (3, 200, 1)


@pytest.mark.fault("F04")
def test_a_port_that_takes_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """F04: its queue is full; four waits for the connection, not one more."""
    be_patient_for(monkeypatch, connect=0.1)
    time = Time()
    with socket.socket() as listener, contextlib.ExitStack() as queue:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(8):
            waiting = queue.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        error = failure(f"http://127.0.0.1:{listener.getsockname()[1]}", time)
    assert (type(error), error.billed, len(time.slept)) == (NoConnection, "no", 3)


def _answer_plainly(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize(
    ("greet", "attempts", "words"),
    [
        pytest.param(_answer_plainly, 2, "is not TLS", id="F05 plain HTTP", marks=pytest.mark.fault("F05")),
        pytest.param(lambda c: c.sendall(b"\x15\x03\x03\x00\x02\x02\x28"), 2, "HANDSHAKE_FAILURE", id="a TLS alert"),
        pytest.param(lambda c: None, 4, "was not reached", id="closed"),
    ],
)
def test_a_handshake_that_fails(greet: Callable[[socket.socket], None], attempts: int, words: str) -> None:
    """F05: what will not learn TLS is tried twice, one that the network cut off four times; nothing had left."""
    time = Time()
    with listening(greet) as (port, came):
        error = failure(f"https://127.0.0.1:{port}", time)
    assert (type(error), error.billed, len(came), len(time.slept)) == (NoConnection, "no", attempts, attempts - 1)
    assert words in str(error).replace("handshake failure", "HANDSHAKE_FAILURE").replace("HANDSHAKE FAILURE", words)
    assert f"127.0.0.1:{port}" in str(error)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with certificates that sign themselves, and their key."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl: nothing makes a certificate")
    folder = tmp_path_factory.mktemp("certificates")
    key = "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout own.key -out own.csr -subj /CN=tests"
    subprocess.run(["openssl", *key.split()], cwd=folder, check=True, capture_output=True)
    for name, bears, days in (("of another name", "DNS:elsewhere.example", 9), ("expired", "IP:127.0.0.1", -1)):
        (folder / "names").write_text(f"subjectAltName={bears}")
        signed = f"x509 -req -in own.csr -signkey own.key -extfile names -days {days} -out"
        subprocess.run(["openssl", *signed.split(), f"{name}.pem"], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.mark.fault("F06")
@pytest.mark.parametrize("fault", ["not trusted", "of another name", "expired"])
def test_a_bad_certificate_is_not_tried_again(monkeypatch: pytest.MonkeyPatch, certificates: Path, fault: str) -> None:
    """F06: another attempt would hide an attack; the hint offers the clock and the proxy, never to look away."""
    path = certificates / f"{fault.replace('not trusted', 'of another name')}.pem"
    if fault != "not trusted":
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, certificates / "own.key")

    def shake_hands(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            assert not secured.recv(1)

    time = Time()
    with listening(shake_hands) as (port, came):
        error = failure(f"https://127.0.0.1:{port}", time)
    assert (type(error), error.billed, len(came), time.slept) == (NoConnection, "no", 1, [])
    assert "clock" in error.hint
    assert "The certificate of 127.0.0.1" in str(error)
    assert ("expired" in str(error)) == ("clock says 20" in error.hint) == (fault == "expired")


@pytest.mark.fault("F07")
def test_a_key_does_not_go_out_in_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    """F07: http is for this machine only, and nothing is even looked up before that is said."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: pytest.fail("a name was looked up"))
    with pytest.raises(ConfigError):
        Seedream("anyfast", api_key=KEY, base_url="http://api.example/v1")


@pytest.mark.fault("F08")
def test_a_proxy_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """F08: it was asked for the way, not for a picture; its password is not told."""
    time = Time()
    with raw_server({("CONNECT", ""): Reply(403)}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//somebody:pass-canary@"))
        error = failure("https://api.example", time)
        proxy.wait_for(lambda seen: seen.open_connections == 0)
        assert (proxy.posts, proxy.count("CONNECT"), len(time.slept)) == (0, 4, 3)
    assert (type(error), "403" in str(error), "HTTPS_PROXY" in error.hint) == (NoConnection, True, True)
    assert f"The proxy {proxy.url.removeprefix('http://')} (HTTPS_PROXY) refused to connect to api.example" in str(
        error
    )
    assert not any(part in "\n".join(error.lines()) for part in ("pass-canary", "somebody"))


@pytest.mark.fault("F08")
@pytest.mark.parametrize("behaviour", [Close(), Hang(threading.Event()), None], ids=["closed", "silent", "not there"])
def test_a_proxy_that_opens_no_way_bills_nothing(monkeypatch: pytest.MonkeyPatch, behaviour: Behaviour | None) -> None:
    """It was asked for the way to the service, and not a byte of the request had left; the proxy is named."""
    be_patient_for(monkeypatch, head=0.2)
    with raw_server({("CONNECT", ""): behaviour or Close()}) as proxy:
        address = proxy.url.removeprefix("http://") if behaviour else f"127.0.0.1:{free_port()}"
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:pass-canary@{address}")
        error = failure("https://api.example", Time())
        assert proxy.count("CONNECT") == (1 if behaviour else 0)
    assert (type(error), error.billed) == (NoConnection, "no")
    named = "api.example through the proxy" if behaviour else "The proxy"
    assert str(error).startswith(f"{named} {address} (HTTPS_PROXY) was not reached")
    assert "pass-canary" not in "\n".join(error.lines())


@pytest.mark.fault("F09")
def test_the_address_that_answers_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """F09: of a name's two addresses the first is dead; one POST reaches the second at the first attempt."""
    time = Time()
    with raw_server({POST: OK}) as server:
        port = int(server.url.rpartition(":")[2])
        stream = (socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
        both = [(socket.AF_INET6, *stream, ("::1", port, 0, 0)), (socket.AF_INET, *stream, ("127.0.0.1", port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments, **_options: both)
        assert ask(f"http://localhost:{port}", time).attempt == 1
        assert (server.posts, time.slept) == (1, [])


def test_the_budget_ends_the_attempts() -> None:
    """Attempts that take long leave room for fewer of them."""
    time = Time()

    def take_long(_: socket.socket) -> None:
        time.passed += 25.0

    with listening(take_long) as (port, came):
        failure(f"https://127.0.0.1:{port}", time)
    assert (len(came), len(time.slept)) == (3, 2)


# What was refused for its pace


@pytest.mark.fault("F29", "F30")
@pytest.mark.parametrize(
    ("headers", "pauses"),
    [
        ({"Retry-After": "0"}, [0.5] * 3),
        ({"Retry-After": "120"}, [126.0] * 3),
        ({"Retry-After": "121"}, []),
        ({"Retry-After": "Sun, 06 Nov 1994 08:49:47 GMT", "Date": "Sun, 06 Nov 1994 08:49:37 GMT"}, [10.5] * 3),
        ({"Retry-After": "1", "retry-after": "10"}, [10.5] * 3),
        ({}, [1.0, 2.0]),
    ],
)
def test_the_header_decides_the_pace(headers: dict[str, str], pauses: list[float]) -> None:
    """Never less than asked, past two minutes not at all, twice more where nothing is asked; forms: test_retry."""
    time, answer = Time(), json_reply({"error": {"code": "RateLimitExceeded"}}, 429, headers)
    error = failure_of(answer, posts=len(pauses) + 1, time=time)
    assert (type(error), error.billed) == (RateLimited, "no")
    assert time.slept == pytest.approx(pauses)
    assert ("ried" in str(error)) is bool(pauses)


MADE = "https://pictures.example/a/1.jpeg?sig=CANARY"
IN_BASE64 = base64.b64encode(jpeg()).decode()


@pytest.mark.parametrize(
    "value",
    [
        {"error": {"code": "RateLimitExceeded", "message": "words"}, "data": [{"url": MADE}]},
        {"message": "words", "data": [{"b64_json": IN_BASE64}]},
        {"error": "words", "images": [MADE]},
        {"error": "words", "result": {"output": [f"data:image/jpeg;base64,{IN_BASE64}"]}},
        {"error": "words", "data": [{"b64_json": "/9j/" + "A" * 400_000}]},
        [{"url": MADE}],
    ],
)
def test_a_refusal_that_holds_a_picture_is_never_repeated(value: Any) -> None:
    """What was made was perhaps billed: it is asked once, the error does not say that nothing is billed."""
    for status in (429, 400, 500):
        error = failure_of(json_reply(value, status, {"Retry-After": "0"}))
        assert error.billed == "unknown"
        assert "held a picture" in error.hint
        assert "may be billed" in error.hint
        assert "CANARY" not in "\n".join(error.lines())


@pytest.mark.parametrize(
    "body",
    [
        f"event: x\ndata: {json.dumps({'data': [{'url': MADE}]})}\n\n".encode(),
        f'data: {{"error": {{"message": "words"}}}}\n\ndata: {json.dumps({"b64_json": IN_BASE64})}\n\n'.encode(),
        jpeg(),
        b'{"task_id": "abc", "status": "queued"}',
        b'{"error": {"message": "words"}, "usage": {"generated_images": 2}}',
    ],
)
@pytest.mark.parametrize("status", [429, 400, 500])
def test_nor_is_one_that_holds_it_in_another_form(body: bytes, status: int) -> None:
    """In events, as the picture's own bytes, as a task under way, as a bill."""
    error = failure_of(Reply(status, {"Retry-After": "0"}, body))
    assert (error.billed, "held a picture" in error.hint) == ("unknown", True)
    assert ("words" in str(error)) == (b"words" in body)
    assert "CANARY" not in "\n".join(error.lines())


@pytest.mark.parametrize(
    "value",
    [
        {"error": {"message": "slow down, see https://docs.example/limits", "url": "https://docs.example/x.png"}},
        {"detail": {"message": "slow down: https://docs.example/limits"}, "type": "https://docs.example/type"},
        {"message": "slow down", "url": "https://docs.example/limits", "links": ["https://docs.example/more"]},
        {"message": "slow down", "data": [{"url": "https://mine.example/mine.png"}]},
        {"message": "slow down", "request": {"image": [MADE]}},
        {"message": "slow down", "image": f"data:image/jpeg;base64,{IN_BASE64}"},
    ],
)
def test_a_refusal_that_leads_to_words_or_to_what_was_sent_is_repeated(value: Any) -> None:
    """Links to documentation, and references that a gateway repeats, are no pictures that it made."""
    time = Time()
    sent = {"image": ["https://mine.example/mine.png", f"data:image/jpeg;base64,{IN_BASE64}"]}
    with raw_server({POST: Sequence(json_reply(value, 429, {"Retry-After": "0"}), OK)}) as server:
        answer = ask(server.url, time, extra={"references_sent": sent})
        assert (answer.attempt, server.posts) == (2, 2)


@pytest.mark.parametrize(
    ("wait", "timeout", "posts", "words"),
    [
        pytest.param("0", None, 4, "4 times in 2 s", id="F31 for ever", marks=pytest.mark.fault("F31")),
        pytest.param("0", 1.5, 3, "3 times in 1 s", id="the call's limit"),
        pytest.param("100", 300.0, 3, "3 times in 4 min", id="in minutes"),
        pytest.param("10", 12.0, 2, "2 times in 11 s", id="a pause past the limit is not begun"),
    ],
)
def test_a_service_that_refuses_on(wait: str, timeout: float | None, posts: int, words: str) -> None:
    """F31: four POSTs, half a second between them at the least; then its words, and how many attempts there were."""
    time = Time()
    error = failure_of(refusal(429, Retry_After=wait), posts=posts, time=time, timeout=timeout)
    assert (type(error), min(time.slept) >= 0.5) == (RateLimited, True)
    assert error.message == f"Too many requests. Tried {words}."


# What may have been billed


def test_after_a_paced_refusal_a_reset_is_the_end() -> None:
    """The second POST may have been billed: there is no third."""
    error = failure_of(Sequence(refusal(429, Retry_After="1"), Reset()), posts=2)
    assert error.billed == "unknown"
    assert str(error).endswith("This was attempt 2; those before it are not billed.")


# The waiting itself


def test_without_tokens_nothing_is_tried_again() -> None:
    """Ten attempts of the process in vain are enough; a success gives one back."""
    time = Time(tokens=Tokens(1))
    with raw_server({POST: Sequence(refusal(429, Retry_After="0"), OK, refusal(429, Retry_After="0"))}) as server:
        assert ask(server.url, time).attempt == 2
        assert isinstance(failure(server.url, time), RateLimited)
        assert server.posts == 4
        failure(server.url, time)
        assert server.posts == 5


# The whole path: what a set tells, and what a cut leaves


def draw(url: str, store: Path, time: Time | None = None, **options: Any) -> ImageSet:
    """The finished set."""
    time = time or Time()

    async def drawn() -> ImageSet:
        sets = generate(plan_for(url, **options), Key(KEY, "a test"), store=store, pace=time.pace)
        async with aclosing(sets) as growing:
            return [images async for images in growing][-1]

    return asyncio.run(drawn())


@pytest.mark.fault("F28")
def test_a_paced_refusal_is_waited_out(store: Path) -> None:
    """F28: a second and a little between two POSTs on two connections, under one id; one quiet line in the set."""
    time = Time()

    def busy_once(request: Request) -> Behaviour:
        return refusal(429, Retry_After="1") if request.connection == 1 else whole_answer(request)

    with served({POST: busy_once, PICTURE: picture}, store, posts=2) as server:
        images = draw(server.url, store, time)
        posts = [request for request in server.requests if request.method == "POST"]
    assert len({request.connection for request in posts}) == 2
    for name in ("idempotency-key", "x-client-request-id"):
        assert {request.headers[name] for request in posts} == {record(store)["client_request_id"]}
    assert len({request.body for request in posts}) == 1
    assert (len(images.ok), images.notes, images.pause) == (1, ("Connected at attempt 2.",), "")
    assert len(time.slept) == 1
    assert 1.0 <= time.slept[0] <= 1.1
    assert (record(store)["state"], record(store)["outcome"]) == ("done", "billed")


def test_a_pause_is_shown_and_a_stop_in_it_bills_nothing(store: Path) -> None:
    """While it waits the set counts down and says that nothing is billed; the record of a Stop then says so too."""

    async def waited(url: str) -> ImageSet:
        async with aclosing(generate(plan_for(url), Key(KEY, "a test"), store=store)) as growing:
            async for images in growing:
                if images.pause:
                    return images
        raise AssertionError

    with served({POST: refusal(429, Retry_After="100")}, store) as server:
        images = asyncio.run(waited(server.url))
    assert re.search(r"trying again in 1[01]\d s", images.pause)
    assert "目前未计费" in set_bundle(cards_of(images))["text/plain"]
    assert (record(store)["state"], record(store)["outcome"]) == ("stopped", "rejected")


def test_a_stop_after_a_pause_does_not_say_that_nothing_is_billed(store: Path) -> None:
    """The pause is over before the second POST leaves; from then on nobody knows what the service does."""
    busy = refusal(429, Retry_After="1")

    async def stopped(server: RawServer) -> None:
        sets = generate(plan_for(server.url), Key(KEY, "a test"), store=store, pace=Time().pace)
        pause = "not asked"

        async def watch() -> None:
            nonlocal pause
            async with aclosing(sets) as growing:
                async for images in growing:
                    pause = images.pause

        watching = asyncio.create_task(watch())
        await asyncio.to_thread(server.wait_for, lambda server: server.posts == 2)
        watching.cancel()
        await asyncio.wait([watching])
        assert pause == ""

    with served({POST: Sequence(busy, Hang(threading.Event()))}, store, posts=2) as server:
        asyncio.run(stopped(server))
    assert (record(store)["state"], record(store)["outcome"]) == ("stopped", "unknown")


LENGTHS = pytest.mark.parametrize("promised", [True, False], ids=["length promised", "no length"])


def check_cut(
    behaviour: Callable[[Request], Behaviour], store: Path, places: Callable[[], int], **options: Any
) -> None:
    """So many pictures are on the disk after one POST; each place without one says that the answer broke off."""
    time = Time()
    with served({POST: behaviour, PICTURE: picture}, store) as server:
        try:
            images: ImageSet | None = draw(server.url, store, time, images=4, **options)
        except ResponseBroken as error:
            images = error.images
    assert time.slept == []
    assert images is not None
    assert shades(images) == [*range(places()), *[None] * (4 - places())]
    assert all(isinstance(frame.error, ResponseBroken) and frame.error.billed == "yes" for frame in images.failed)
    assert bool(images.notes) == (places() < 4)


def cut_stream(events: bytes, *, promised: bool) -> Raw:
    return Raw(head(200, EVENT_STREAM | ({"Content-Length": "1000000"} if promised else {})) + events)


@pytest.mark.fault("F48")
@LENGTHS
def test_a_cut_json_answer_leaves_every_complete_link(store: Path, *, promised: bool) -> None:
    """F48: at 64 offsets; each link whose closing quote came is a picture on the disk."""
    complete: list[int] = []
    for turn in range(64):

        def cut(request: Request, turn: int = turn) -> Behaviour:
            data = [{"url": link(request, place), "size": "64x48"} for place in range(4)]
            body = json.dumps({"model": "m", "data": data, "usage": {"generated_images": 4}}).encode()
            at = (turn * len(body)) // 64 + 1
            complete.append(sum(f'{link(request, place)}"'.encode() in body[:at] for place in range(4)))
            return Cut(Reply(200, {}, body), at - len(body)) if promised else Raw(head(200, {}) + body[:at])

        check_cut(cut, store / str(turn), lambda: complete[-1], stream=False)
    assert set(complete) == {0, 1, 2, 3, 4}


def pictured(request: Request, place: int) -> bytes:
    """The event of a finished picture that is sent itself; its text ends where a link's would."""
    name = "image_generation.partial_succeeded"
    return sse(name, {"type": name, "image_index": place, "b64_json": b64(place), "size": "64x48"})


@pytest.mark.fault("F55", "F56")
@LENGTHS
@pytest.mark.parametrize("form", ["url", "b64_json"])
@pytest.mark.parametrize("cut_off", range(4))
def test_a_stream_cut_inside_an_event(cut_off: int, form: str, store: Path, *, promised: bool) -> None:
    """In every event, at 13 offsets, the last before its end mark: what was complete is on the disk, the rest told."""
    event_of = succeeded if form == "url" else pictured
    complete: list[int] = []
    for turn in range(13):

        def cut(request: Request, turn: int = turn) -> Behaviour:
            events = [event_of(request, place) for place in range(4)]
            text = link(request, cut_off) if form == "url" else b64(cut_off)
            last = events[cut_off][: (turn * (len(events[cut_off]) - 2)) // 12]
            complete.append(cut_off + (f'{text}"'.encode() in last))
            return cut_stream(b"".join(events[:cut_off]) + last, promised=promised)

        check_cut(cut, store / str(turn), lambda: complete[-1], stream=True)
    assert set(complete) == {cut_off, cut_off + 1}


@pytest.mark.parametrize("hindrance", ["too long", "no folder"])
def test_base64_that_cannot_be_kept_is_told_all_the_same(
    hindrance: str, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past the cap, or where every disk says no, the frame has its error and no file is named."""
    if hindrance == "too long":
        monkeypatch.setattr(run_folder, "MAXIMUM_RAW_BYTES", 5)

    def answer(request: Request) -> Behaviour:
        (run,) = store.iterdir()
        for folder in [run / "raw", *rescue_folders(run.name)] if hindrance == "no folder" else []:
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.write_text("in the way")
        return json_reply({"data": [{"b64_json": b64(0)}, {"b64_json": "!! junk !!"}]})

    with served({POST: answer}, store) as server:
        images = draw(server.url, store, images=2, stream=False)
    assert [frame.ok for frame in images] == [True, False]
    assert images[1].error is not None
    assert "kept in" not in images[1].error.hint
