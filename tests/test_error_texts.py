"""What a person reads of each error, word by word: the golden file beside this one holds the texts as they are shown.

Each is raised by the fault itself, over real sockets and files wherever that is quick. Where a text is meant to change,
the failing test prints what to paste into error_texts.txt.
"""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from fault import called, listening
from raw_server import (
    EVENT_STREAM,
    Behaviour,
    Close,
    Cut,
    Hang,
    Raw,
    Reply,
    Request,
    Reset,
    Sequence,
    head,
    json_reply,
    raw_server,
    sse,
)
from seedream_magic import ImageSet, Seedream, SeedreamError, SeedreamInterrupted
from seedream_magic import errors as errors_module
from seedream_magic import listener as listener_module
from seedream_magic.api.make_request import Ask
from seedream_magic.api.network_errors import Progress, no_connection
from seedream_magic.images import aside as aside_module
from seedream_magic.images import download as download_module
from seedream_magic.images import run_folder
from seedream_magic.planning import plan_ask
from served import client, served
from service import PICTURE, POST, completed, jpeg, picture, stream_head, succeeded, whole_answer
from test_client_retry import Time, _answer_plainly, failure, free_port, refusal

GOLDEN = Path(__file__).with_name("error_texts.txt")
Told = SeedreamError | SeedreamInterrupted
Raised = Callable[[Path, pytest.MonkeyPatch], Told]


def caught(call: Callable[[], object]) -> Told:
    """The error of a call."""
    try:
        call()
    except (SeedreamError, SeedreamInterrupted) as error:
        return error
    raise AssertionError("nothing was raised")


def bad(**options: Any) -> Raised:
    """A cell that is refused here."""
    return lambda store, patch: caught(lambda: plan_ask(Seedream("anyfast", store=store), Ask("x", options)))


def client_of(**settings: Any) -> Raised:
    """A client that does not open."""
    return lambda store, patch: caught(lambda: Seedream(store=store, **settings).generate("x"))


def store_in_the_way(store: Path, patch: pytest.MonkeyPatch) -> Told:
    (store / "file").write_text("x")
    return caught(lambda: Seedream("anyfast", api_key="x", store=store / "file").generate("x"))


def full_disk(store: Path, patch: pytest.MonkeyPatch) -> Told:
    usage = type("Usage", (), {"free": 3 * 2**20})
    patch.setattr(shutil, "disk_usage", lambda folder: usage)
    return caught(lambda: Seedream("anyfast", api_key="x", store=store).generate("x", images=4))


def closed_port(store: Path, patch: pytest.MonkeyPatch) -> Told:
    return failure(f"http://127.0.0.1:{free_port()}", Time())


def plain_port(store: Path, patch: pytest.MonkeyPatch) -> Told:
    with listening(_answer_plainly) as (port, _):
        return failure(f"https://127.0.0.1:{port}", Time())


def retried(post: Behaviour) -> Raised:
    """A service whose refusal is followed by further attempts."""

    def raised(store: Path, patch: pytest.MonkeyPatch) -> Told:
        with raw_server({POST: post}) as server:
            return failure(server.url, Time())

    return raised


def closed_proxy(store: Path, patch: pytest.MonkeyPatch) -> Told:
    with raw_server({("CONNECT", ""): Reply(407)}) as proxy:
        patch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//me:secret@"))
        return failure("https://api.example", Time())


def set_up(**variables: str) -> Raised:
    """A machine with these variables."""

    def raised(store: Path, patch: pytest.MonkeyPatch) -> Told:
        for name, value in variables.items():
            patch.setenv(name, value)
        return failure("https://api.example", Time())

    return raised


def certificate(words: str) -> Raised:
    """One that TLS does not trust, and its reason."""
    fault = httpx.ConnectError(f"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {words} (_ssl.c:1006)")

    def raised(store: Path, patch: pytest.MonkeyPatch) -> Told:
        patch.setattr("seedream_magic.api.network_errors.has_truststore", lambda: False)
        return no_connection("api.example", fault, Progress(lambda: 0.0, 0.0))

    return raised


def answered(post: Behaviour | Callable[[Request], Behaviour], get: Any = picture, **options: Any) -> Raised:
    """A service that answers so, and a picture host that does."""

    def raised(store: Path, patch: pytest.MonkeyPatch) -> Told:
        patch.setattr(download_module, "download_pause", lambda attempt: 0.0)
        with served({POST: post, PICTURE: get}, store) as server:
            result = called(server, store, **options)
        assert isinstance(result, SeedreamError)
        return result

    return raised


def refused(status: int, code: str, message: str, **headers: str) -> Raised:
    """A refusal of the service, in its envelope."""
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return answered(json_reply({"error": {"code": code, "message": message}}, status, told))


def linked(url: str) -> Behaviour:
    return json_reply({"data": [{"url": url}]})


def expired(request: Request) -> Behaviour:
    at = datetime.now(UTC) - timedelta(hours=26, minutes=30)
    return linked(f"http://{request.headers['host']}/picture/1?X-Tos-Date={at:%Y%m%dT%H%M%SZ}&X-Tos-Expires=86400")


def flood(store: Path, patch: pytest.MonkeyPatch) -> Told:
    patch.setattr(listener_module, "MAXIMUM_EVENTS", 10)
    return answered(Raw(stream_head() + sse(None, {"type": "x"}) * 20), images=2)(store, patch)


def unsaved(store: Path, patch: pytest.MonkeyPatch) -> Told:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    def fill(request: Request) -> Behaviour:
        for module in (run_folder, aside_module):
            patch.setattr(module, "write_durably", full)
        return picture(request)

    return answered(whole_answer, fill)(store, patch)


def one_of_two(store: Path, patch: pytest.MonkeyPatch) -> Told:
    refusal = {"code": "OutputImageSensitiveContentDetected", "message": "the output may hold what is not allowed"}
    name = "image_generation.partial_failed"

    def half(request: Request) -> Behaviour:
        failed = sse(name, {"type": name, "image_index": 1, "error": refusal})
        return Reply(200, EVENT_STREAM, succeeded(request, 0) + failed + completed(1))

    with served({POST: half, PICTURE: picture}, store) as server:
        images = client(server, store).generate("x", images=2)
    return caught(images.require_all)


def stopped(at: Callable[[ImageSet], bool], post: Any = whole_answer) -> Raised:
    """Stop is pressed as soon as the set is so far."""

    def stop(images: ImageSet) -> None:
        if at(images):
            raise KeyboardInterrupt

    def raised(store: Path, patch: pytest.MonkeyPatch) -> Told:
        with raw_server({POST: post, PICTURE: picture}) as server:
            seedream = client(server, store)
            return caught(lambda: seedream.run(seedream.plan("x", images=3), on_change=stop))

    return raised


PAGE = b"<!doctype html><title>Hotel Wi-Fi</title>Log in"
ROWS: dict[str, Raised] = {
    "a size that no model draws": bad(size="9x9"),
    "too many pictures": bad(images=16),
    "an unknown provider": client_of(provider="anyfst"),
    "no key": client_of(provider="anyfast"),
    "a base URL without TLS": client_of(provider="anyfast", api_key="x", base_url="http://api.example/v1"),
    "a key with a line break": client_of(provider="anyfast", api_key="a\nb"),
    "a store that is a file": store_in_the_way,
    "a disk without room": full_disk,
    "a closed port": closed_port,
    "a port without TLS": plain_port,
    "a proxy that refuses": closed_proxy,
    "a proxy that is not there": set_up(ALL_PROXY="http://127.0.0.1:9"),
    "a proxy whose password has raw signs": set_up(https_proxy="http://me:pass#word/@127.0.0.1:9"),
    "a proxy of another kind": set_up(ALL_PROXY="socks4://127.0.0.1:9"),
    "certificates that are not there": set_up(SSL_CERT_FILE="/no/such.pem"),
    "a certificate that nobody knows": certificate("self-signed certificate"),
    "a certificate of last year": certificate("certificate has expired"),
    "a connection that was reset": answered(Reset()),
    "a connection that was closed": answered(Close()),
    "a wrong key": refused(401, "AuthenticationError", "The API key is not valid. Request id: 021767540021379abc"),
    "an empty account": refused(403, "AccountOverdueError", "The account has an overdue balance"),
    "a prompt that is not allowed": refused(400, "InputTextSensitiveContentDetected", "The input may hold x"),
    "a check that failed itself": refused(400, "ContentSecurityDetectionError", "The check failed"),
    "an unknown model": refused(404, "ModelNotOpen", "The model is not open"),
    "a model that the provider does not know": answered(
        json_reply({"error": {"code": "InvalidEndpointOrModel.NotFound", "message": "It does not exist"}}, 404),
        model="doubao-seedream-4.5-251128",
    ),
    "a parameter that the service refuses": refused(400, "InvalidParameter", "The parameter `size` is not valid"),
    "too many requests": refused(429, "RateLimitExceeded", "Too many", Retry_After="86400"),
    "too many requests, again and again": retried(refusal(429, code="RateLimitExceeded", Retry_After="10")),
    "a connection that was reset at the second attempt": retried(Sequence(refusal(429, Retry_After="1"), Reset())),
    "a failure of the service": refused(500, "InternalServiceError", "Sorry"),
    "a relay that gave up": refused(408, "", "timed out", X_Request_Id="req-1"),
    "a redirect": answered(Reply(302, {"Location": "https://other.example/v1?token=secret"})),
    "a web page": answered(Reply(200, {"Content-Type": "text/html"}, PAGE)),
    "an answer without pictures": answered(json_reply({"data": []})),
    "an empty answer": answered(Reply(200, {"X-Request-Id": "req-1"})),
    "a stream that ended early": answered(Raw(stream_head() + b": ping\n\n" + sse(None, {"type": "x"})), images=2),
    "an answer that was cut": answered(Cut(Reply(200, {}, b'{"data": [{"url": "https://example.com/1"}'), -20)),
    "a flood of events": flood,
    "one refused picture of two": one_of_two,
    "a link that has expired": answered(expired, Reply(403)),
    "a link that is not served": answered(whole_answer, Reply(404)),
    "a page in place of a picture": answered(whole_answer, Reply(200, {}, PAGE)),
    "half a picture": answered(whole_answer, Raw(head(200, {}) + jpeg(0)[:-20])),
    "a picture that is too large": answered(whole_answer, Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n")),
    "a link into this network": answered(linked("https://169.254.169.254/latest/")),
    "a picture host that asks for a pause": answered(whole_answer, Reply(503, {"Retry-After": "3600"})),
    "base64 that is none": answered(json_reply({"data": [{"b64_json": "!!"}]}), response_format="b64_json"),
    "a picture that fits nowhere": unsaved,
    "Stop before an answer": stopped(lambda images: images.outcome == "unknown", Hang(threading.Event())),
    "Stop after a picture": stopped(lambda images: len(images.ok) >= 1),
}
VARYING = (
    (r"\d{8}T\d{6}Z-[a-z2-7]{10}", "RUN"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}", "UUID"),
    (r"127\.0\.0\.1:\d\d+", "127.0.0.1:PORT"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "TIME UTC"),
    (r"\(\[SSL[^\]]*\][^)]*\(_ssl[^)]*\)\)", "(what TLS says)"),
    (r"after [123] of 3", "after SOME of 3"),
    (r" %seedream retry RUN asks for the missing ones only, and so does the same request again\.", ""),
    (r"Saved: (\d pictures in )?\S*(?<!\.)", "Saved: FILES"),
)
"""What is another in each run, and the words of the TLS library, which is another on each machine."""


def golden() -> dict[str, str]:
    """The sections of the file."""
    parts = re.split(r"^== (.+)\n", GOLDEN.read_text("utf-8"), flags=re.MULTILINE)
    return {name: text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def shown(error: Told, store: Path) -> str:
    """Its lines, the same in each run."""
    text = "\n".join(error.lines()).replace(str(store), "STORE").replace("\\", "/")
    for pattern, name in VARYING:
        text = re.sub(pattern, name, text)
    return text


@pytest.mark.parametrize("name", ROWS)
def test_the_text_of_an_error(name: str, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the file has it: three lines at most, one says what is billed, one what to do."""
    error = ROWS[name](store, monkeypatch)
    lines, text = error.lines(), shown(error, store)
    assert 1 <= len(lines) <= 3
    assert re.search(r"Nothing was sent\.|Not billed\.|is billed[.;]|may be billed", text)
    assert error.hint or error.advice or not error.sent
    assert text == golden().get(name), f"\n\nin {GOLDEN.name}:\n\n== {name}\n{text}\n"


def test_the_file_has_a_text_for_every_kind_of_error() -> None:
    """One section for each row, in their order; no text for the kinds that only stand for others."""
    assert list(golden()) == list(ROWS)
    tree = {name for name, kind in vars(errors_module).items() if isinstance(kind, type) and hasattr(kind, "advice")}
    first_words = {text.partition(":")[0] for text in golden().values()}
    assert tree - first_words == {"SeedreamError", "_Reported"}
    assert first_words <= tree
