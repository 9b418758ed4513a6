"""The whole path on real sockets: one POST, every form of answer, every picture on disk, every loss told.

What a damaged answer, connection or disk does is in the tests of the faults; here is what a good one has to bring.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from asking import DONE, answering, b64, data, event
from fault import called, drawn, failed, outcome, shades
from raw_server import Behaviour, Close, Gate, Hang, Raw, RawServer, Reply, Request, json_reply, sse
from seedream_magic import (
    AuthFailed,
    ConfigError,
    ContentRefused,
    ImageError,
    ImageSet,
    NoConnection,
    OutcomeUnknown,
    ResponseBroken,
    Seedream,
    SeedreamError,
    SeedreamInterrupted,
    ServerFailed,
    UnsafeURL,
)
from seedream_magic.api import events
from seedream_magic.api.decoder import Answered
from seedream_magic.images import download as download_module
from served import KEY, check_store, client, record, served
from service import PICTURE, POST, completed, jpeg, link, picture, stream_head, succeeded, whole_answer

Body = Callable[[Request], bytes]


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts at a picture follow at once."""
    monkeypatch.setattr(download_module, "download_pause", lambda attempt: 0.0)


def draw(answer: Any, store: Path, *, pictures: Any = picture, **options: Any) -> ImageSet:
    return drawn(outcome({POST: answer, PICTURE: pictures}, store, **options))


def failure(answer: Any, store: Path, *, pictures: Any = picture, **options: Any) -> SeedreamError:
    return failed(outcome({POST: answer, PICTURE: pictures}, store, **options))


def named(request: Request, *places: int) -> bytes:
    """The events of these pictures, in this order."""
    return b"".join(succeeded(request, place) for place in places)


def json_of(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


SENSITIVE = {"code": "OutputImageSensitiveContentDetected", "message": "words. Request id: 0217abcdef"}
SEED_USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 15908, "output_tokens": 15908}

VARIANTS: dict[str, tuple[dict[str, Any], Body, int]] = {
    "the documented page": (
        {"images": "auto", "stream": False},
        lambda r: json_of(data=[{"url": link(r, i)} for i in range(3)], created=1757469067, usage=SEED_USAGE),
        3,
    ),
    "the native shape": (
        {"images": 2, "stream": False},
        lambda r: json_of(
            model="doubao-seedream-4-5-251128",
            created=1,
            data=[{"url": link(r, i), "size": "64x48", "output_format": "jpeg"} for i in range(2)],
            tools=[{"type": "web_search"}],
            usage={"generated_images": 2, "output_tokens": 24, "tool_usage": {"web_search": 1}},
        ),
        2,
    ),
    "the documented stream": ({"images": 4}, lambda r: named(r, 0, 1, 2, 3) + completed(4), 4),
    "a stream of base64": (
        {"images": 2, "response_format": "b64_json"},
        lambda _: b"".join(event("partial_succeeded", image_index=i, b64_json=b64(i)) for i in range(2)) + DONE,
        2,
    ),
    "frames out of order": ({"images": 3}, lambda r: named(r, 2, 0, 1) + completed(3), 3),
    "one index for all": (
        {"images": 3},
        lambda r: b"".join(event("partial_succeeded", image_index=0, url=link(r, i)) for i in range(3)) + completed(3),
        3,
    ),
    "one more behind the end": ({"stream": True}, lambda r: named(r, 0) + event("completed") + named(r, 1), 2),
}


@pytest.mark.parametrize(("options", "body", "count"), VARIANTS.values(), ids=VARIANTS)
def test_every_form_of_answer_ends_as_pictures_on_disk(
    options: dict[str, Any], body: Body, count: int, store: Path
) -> None:
    """In their places, original bytes under their number; nothing is said, and no signature is kept."""
    images = draw(answering(body), store, **options)
    assert shades(images) == [frame.index for frame in images] == list(range(count))
    assert [frame.path.name for frame in images if frame.path] == [f"{place:02d}.jpg" for place in range(1, count + 1)]
    assert {(frame.width, frame.height, frame.error) for frame in images} == {(64, 48, None)}
    assert (images.state, images.outcome, images.notes) == ("done", "billed", ())
    assert record(store)["state"] == "done"
    assert "canary" not in (images.folder / "response.jsonl").read_text()
    if options.get("images") == "auto":
        assert images.usage == SEED_USAGE  # untouched


def test_a_cut_stream_keeps_what_has_arrived(store: Path) -> None:
    """Pictures before the cut are on disk in their places; the others say why not, and `require_all` raises that."""

    def cut(request: Request) -> Behaviour:
        return Raw(stream_head() + named(request, 0, 1) + named(request, 2)[:60])

    images = draw(cut, store, images=4)
    assert shades(images) == [0, 1, None, None]
    assert images.usage is None
    for frame in images.failed:
        assert type(frame.error) is ResponseBroken
        assert (frame.error.billed, frame.error.run_id) == ("yes", images.run_id)
    assert any("billed" in note and "not asked again" in note for note in images.notes)
    assert record(store)["state"] == "partial"
    with pytest.raises(ResponseBroken) as caught:
        images.require_all()
    assert caught.value.saved == tuple(frame.path for frame in images.ok)
    assert caught.value.images is images


@pytest.mark.fault("F37")
@pytest.mark.parametrize(
    "body",
    [
        json_of(error=SENSITIVE),
        sse(None, {"error": SENSITIVE}),
        event("completed", usage={}) + sse(None, {"error": SENSITIVE}) + DONE,
    ],
    ids=["only an error", "in a stream", "after its end"],
)
def test_an_error_inside_an_answer_is_the_services_error(body: bytes, store: Path) -> None:
    """HTTP 200 with a refusal in it raises what the refusal says, not that the answer is empty."""
    error = failure(Reply(200, {"X-Request-Id": "0217head"}, body), store, images=3)
    assert isinstance(error, ContentRefused)
    assert (error.code, error.status, error.billed) == (SENSITIVE["code"], 200, "yes")
    assert (error.request_id, error.images is None) == ("0217head", False)


async def ping(server: RawServer) -> None:
    """A whole exchange on the same loop: what was ready to go before it has gone."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
    writer.write(b"GET /ping HTTP/1.1\r\n\r\n")
    await reader.read()
    writer.close()
    await writer.wait_closed()


def test_fifteen_pictures_are_fetched_at_the_same_time(store: Path) -> None:
    """All of the largest set; of the seventeen that layers can be, no sixteenth until one of them is answered."""
    gates = [threading.Event() for _ in range(17)]

    def held(request: Request) -> Behaviour:
        place = int(request.path.removeprefix("/picture/").partition(".")[0])
        return Gate(b"", gates[place], bytes(Reply(200, {}, jpeg(place % 15))))

    async def run(server: RawServer) -> ImageSet:
        drawing = asyncio.create_task(client(server, store).agenerate("x", images=15, stream=False))
        for finished in range(3):
            expected = 15 + finished
            await asyncio.to_thread(server.wait_for, lambda seen: seen.count("GET", "/picture") == expected)  # noqa: B023 - awaited here
            for _ in range(3):
                await ping(server)
            assert server.count("GET", "/picture") == expected
            gates[finished].set()
        for gate in gates:
            gate.set()
        return await drawing

    with served({POST: lambda r: data(r, *range(17)), PICTURE: held}, store) as server:
        assert shades(asyncio.run(run(server))) == [*range(15), 0, 1]


def test_a_link_out_of_the_answer_cannot_reach_into_this_machine(store: Path) -> None:
    """A service elsewhere that names a loopback link is not obeyed; one on loopback may use its own."""
    inner = json_of(data=[{"url": "http://127.0.0.1:9/1.jpeg"}])
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=inner))
    with pytest.raises(UnsafeURL):
        Seedream("anyfast", api_key=KEY, store=store, transport=transport).generate("x")


@pytest.mark.parametrize(
    ("behaviour", "kind", "billed", "result"),
    [
        (None, NoConnection, "no", "not_sent"),
        (Close(), OutcomeUnknown, "unknown", "unknown"),
        (json_reply({"error": {"code": "AuthenticationError", "message": KEY}}, 401), AuthFailed, "no", "rejected"),
        (Reply(502, {}, b"<html>bad gateway"), ServerFailed, "unknown", "unknown"),
        (Reply(302, {"Location": "https://example.com/"}), ResponseBroken, "no", "rejected"),
        (Reply(204), ResponseBroken, "yes", "billed"),
    ],
    ids=["nobody listens", "closed", "no right", "a gateway's failure", "a redirect", "nothing"],
)
def test_a_fault_of_the_post_is_one_error_and_one_record(
    behaviour: Behaviour | None, kind: type[SeedreamError], billed: str, result: str, store: Path
) -> None:
    """Its class says what happened, `billed` what it may cost; the record and the set of the error say the same."""
    with (
        served({POST: behaviour or Close()}, store, posts=int(behaviour is not None)) as server,
        socket.socket() as silent,
    ):
        if behaviour is None:
            silent.bind(("127.0.0.1", 0))  # nobody listens there, and nobody else can have it
            server.url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        error = failed(called(server, store, images=2, timeout=10))
    facts = record(store)
    assert (type(error), error.billed, error.saved) == (kind, billed, ())
    assert (facts["state"], facts["outcome"], facts["error"]["error"]) == ("failed", result, kind.__name__)
    assert error.images is not None
    assert (error.run_id, error.images.outcome) == (facts["run_id"], result)


def unreached(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("no way", request=request)


@pytest.mark.parametrize(
    "fetched",
    [unreached, lambda _: httpx.Response(404), lambda _: httpx.Response(200, content=b"<html>")],
    ids=["no way", "gone", "a page"],
)
def test_a_reference_that_is_not_fetched_is_nothing_sent(fetched: Any, store: Path) -> None:
    """The set of the error and the record say so in the same word: no service has refused what it never got."""
    seedream = Seedream("ark", api_key=KEY, store=store, transport=httpx.MockTransport(fetched))
    with pytest.raises(SeedreamError) as caught:
        seedream.generate("x", refs="https://pictures.example.com/fox.jpg")
    assert caught.value.billed == "no"
    assert caught.value.images is not None
    (facts,) = (json.loads(path.read_text()) for path in store.glob("*/request.json"))
    assert (caught.value.images.outcome, facts["outcome"]) == ("not_sent", "not_sent")


@pytest.mark.parametrize(
    ("answer", "result"),
    [(None, "not_sent"), (Reply(429, {"Retry-After": "100"}), "rejected")],
    ids=["before a connection", "after a refusal"],
)
def test_a_stop_in_a_pause_bills_nothing_in_the_error_and_in_the_record(
    answer: Behaviour | None, result: str, store: Path
) -> None:
    """Before another attempt to connect nothing was sent, after a paced refusal it was refused: both say so."""

    def stop(images: ImageSet) -> None:
        if images.pause:
            raise KeyboardInterrupt

    with served({POST: answer or Close()}, store, posts=int(answer is not None)) as server:
        if answer is None:
            with socket.create_server(("127.0.0.1", 0)) as listener:
                server.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        seedream = client(server, store)
        with pytest.raises(SeedreamInterrupted) as caught:
            seedream.run(seedream.plan("x"), on_change=stop)
    assert caught.value.billed == "no"
    assert caught.value.images is not None
    assert (caught.value.images.outcome, record(store)["outcome"]) == (result, result)


def second_hangs(request: Request) -> Behaviour:
    return Hang(threading.Event()) if request.path.startswith("/picture/1.") else picture(request)


@pytest.mark.parametrize(
    ("answer", "pictures", "kind"),
    [
        (lambda r: Gate(stream_head() + succeeded(r, 0), threading.Event(), b""), picture, ResponseBroken),
        (whole_answer, second_hangs, ImageError),
    ],
    ids=["in a stream", "in a download"],
)
def test_the_timeout_keeps_what_came(answer: Any, pictures: Any, kind: type[SeedreamError], store: Path) -> None:
    """The first picture is here, the second place says why it is not; a link that came stays for later."""
    images = draw(answer, store, pictures=pictures, images=2, timeout=1.5)
    assert shades(images) == [0, None]
    assert type(images[1].error) is kind
    assert "1.5 s" in str(images[1].error)
    assert ("canary1" in (images.folder / "response.jsonl").read_text()) is (kind is ImageError)


class FailingDisk:
    """A system call whose n-th use fails, or all from the n-th on; only where it is about this store."""

    def __init__(self, call: str, step: int, store: Path, *, lasting: bool) -> None:
        self.calls = 0
        self._real = getattr(os, call)
        self._call, self._step, self._store, self._lasting = call, step, store, lasting

    def __call__(self, *args: Any, **options: Any) -> Any:
        if self._call != "open" or str(self._store) in str(args[0]):
            self.calls += 1
            if self.calls == self._step or (self._lasting and self.calls > self._step):
                raise OSError(errno.ENOSPC, "No space left on device")
        return self._real(*args, **options)


@pytest.mark.fault("F102")
@pytest.mark.parametrize("lasting", [True, False], ids=["from then on", "once"])
@pytest.mark.parametrize("call", ["write", "fsync", "replace", "open"])
def test_a_disk_that_fails_at_any_step_loses_no_saved_picture(
    call: str, store: Path, monkeypatch: pytest.MonkeyPatch, *, lasting: bool
) -> None:
    """For every n: the n-th call fails; the set or one error of ours comes, every file is whole, and one POST left."""
    posts = 0

    def service(request: httpx.Request) -> httpx.Response:
        nonlocal posts
        if request.method == "GET":
            return httpx.Response(200, content=jpeg(int(request.url.path[-1])))
        posts += 1
        return httpx.Response(200, content=json_of(data=[{"url": f"https://e.com/{index}"} for index in range(2)]))

    for step in range(1, 100):
        folder = store / f"step {step}"
        folder.mkdir(mode=0o700)
        seedream = Seedream("anyfast", api_key=KEY, store=folder, transport=httpx.MockTransport(service))
        disk, posts = FailingDisk(call, step, folder, lasting=lasting), 0
        images: ImageSet | SeedreamError
        with monkeypatch.context() as patch:
            patch.setattr(os, call, disk)
            try:
                images = seedream.generate(f"x {step}", images=2, stream=False)
            except (ConfigError, ImageError) as error:
                images = error
        assert posts == (0 if isinstance(images, ConfigError) else 1)
        check_store(folder)
        if disk.calls < step:
            break
        kept = images.ok if isinstance(images, ImageSet) else ()
        assert shades(kept) == [frame.index for frame in kept]
        assert all(path.read_bytes() in {jpeg(0), jpeg(1)} for path in folder.glob("*/*.jpg"))
    assert isinstance(images, ImageSet)
    assert (len(images.ok), step > 5) == (2, True)


def test_a_fault_of_this_program_loses_no_picture_that_came(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is one error of ours with its cause, not a group of exceptions; the first picture is on disk."""
    real, fault = events.Reader.read, RuntimeError("a bug")

    def read(reader: events.Reader, piece: Answered) -> Any:
        if piece.fields.get("image_index") == 1:
            raise fault
        return real(reader, piece)

    monkeypatch.setattr(events.Reader, "read", read)
    images = draw(whole_answer, store, images=3)
    assert shades(images) == [0, None, None]
    assert [type(frame.error) for frame in images.failed] == [ResponseBroken] * 2
    assert [frame.error.__cause__ for frame in images.failed if frame.error] == [fault] * 2
