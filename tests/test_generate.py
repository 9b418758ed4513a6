"""The whole path on real sockets: one POST, every form of answer, every picture on disk, every loss told."""

from __future__ import annotations

import asyncio
import base64
import errno
import json
import os
import shutil
import socket
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from raw_server import (
    EVENT_STREAM,
    Behaviour,
    Close,
    Cut,
    Gate,
    Hang,
    Raw,
    RawServer,
    Reply,
    Request,
    Reset,
    Scenario,
    head,
    json_reply,
    sse,
)
from seedream_magic import (
    ApiError,
    AuthFailed,
    ConfigError,
    ContentRefused,
    ImageError,
    ImageInvalid,
    ImageLinkExpired,
    ImageSet,
    NoConnection,
    OutcomeUnknown,
    ResponseBroken,
    Seedream,
    SeedreamError,
    ServerFailed,
    UnsafeURL,
)
from seedream_magic import listener as listener_module
from seedream_magic.api import events
from seedream_magic.api.decoder import Answered
from seedream_magic.images import download as download_module
from seedream_magic.images.store import RunFolder
from served import KEY, check_store, client, received, record, served
from service import PICTURE, POST, completed, jpeg, link, picture, stream_head, succeeded, whole_answer

Body = Callable[[Request], bytes]


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts at a picture follow at once."""
    monkeypatch.setattr(download_module, "download_pause", lambda attempt: 0.0)


def answering(body: Body, headers: dict[str, str] | None = None) -> Callable[[Request], Behaviour]:
    return lambda request: Reply(200, headers or {}, body(request))


def draw(scenario: Scenario, store: Path, *, posts: int = 1, **options: Any) -> ImageSet:
    with served(scenario, store, posts=posts) as server:
        return client(server, store).generate("四季 four seasons", **{"images": 1, **options})


def failure(scenario: Scenario, store: Path, *, posts: int = 1, **options: Any) -> SeedreamError:
    with pytest.raises(SeedreamError) as caught:
        draw(scenario, store, posts=posts, **options)
    assert KEY not in "\n".join(caught.value.lines())
    return caught.value


def shades(images: Sequence[Any]) -> list[int | None]:
    """Which picture is in which place, read from the disk; None where there is none."""
    known = {jpeg(shade): shade for shade in range(16)}
    return [known[frame.path.read_bytes()] if frame.path else None for frame in images]


def b64(shade: int) -> str:
    return base64.b64encode(jpeg(shade)).decode()


def event(kind: str, **fields: Any) -> bytes:
    name = f"image_generation.{kind}"
    return sse(name, {"type": name, "model": "doubao-seedream-4-5", "created": 1757396757, **fields})


def refused_event(index: int, code: str = "OutputImageSensitiveContentDetected") -> bytes:
    return event("partial_failed", image_index=index, error={"code": code, "message": "words. Request id: 0217abcdef"})


def json_of(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


DONE = sse(None, "[DONE]")
SEED_USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 15908, "output_tokens": 15908}

VARIANTS: dict[str, tuple[dict[str, Any], Body, list[int | None]]] = {
    "the documented page": (
        {"images": "auto", "stream": False},
        lambda r: json_of(data=[{"url": link(r, i)} for i in range(3)], created=1757469067, usage=SEED_USAGE),
        [0, 1, 2],
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
        [0, 1],
    ),
    "nulls beside the values": (
        {"stream": False},
        lambda r: json_of(
            data=[{"url": link(r, 0), "b64_json": None, "error": None, "size": None}],
            error=None,
            usage=None,
            created=None,
        ),
        [0],
    ),
    "base64": ({"response_format": "b64_json"}, lambda r: json_of(data=[{"b64_json": b64(4)}]), [4]),
    "base64 and a link": ({}, lambda r: json_of(data=[{"b64_json": b64(4), "url": link(r, 5)}]), [4]),
    "damaged base64 and a link": ({}, lambda r: json_of(data=[{"b64_json": "é", "url": link(r, 5)}]), [5]),
    "a refused picture between two": (
        {"images": 3, "stream": False},
        lambda r: json_of(data=[{"url": link(r, 0)}, {"error": {"code": "InternalServiceError"}}, {"url": link(r, 2)}]),
        [0, None, 2],
    ),
    "neither link nor picture": (
        {"images": 2, "stream": False},
        lambda r: json_of(data=[{"url": ""}, {"url": link(r, 1)}]),
        [None, 1],
    ),
    "fields of odd types": (
        {"images": 3, "stream": False},
        lambda r: json_of(data=[{"url": link(r, 0)}, {"url": 5}, "text"], created="x", usage=[], model=7),
        [0, None, None],
    ),
    "the same link twice": (
        {"stream": False},
        lambda r: json_of(data=[{"url": link(r, 0)}, {"url": link(r, 0)}]),
        [0],
    ),
    "more than asked for": (
        {"stream": False},
        lambda r: json_of(data=[{"url": link(r, i)} for i in range(3)]),
        [0, 1, 2],
    ),
    "something behind the JSON": ({}, lambda r: json_of(data=[{"url": link(r, 0)}]) + b"\n\ngarbage", [0]),
    "JSON to a stream": (
        {"images": 2},
        lambda r: json_of(data=[{"url": link(r, i)} for i in range(2)]),
        [0, 1],
    ),
    "events to no stream": (
        {"images": 2, "stream": False},
        lambda r: succeeded(r, 0) + succeeded(r, 1) + completed(2),
        [0, 1],
    ),
    "the documented stream": (
        {"images": 4},
        lambda r: b"".join(succeeded(r, i) for i in range(4)) + completed(4),
        [0, 1, 2, 3],
    ),
    "a stream of base64": (
        {"images": 2, "response_format": "b64_json"},
        lambda r: (
            event("partial_succeeded", image_index=0, b64_json=b64(7))
            + event("partial_succeeded", image_index=1, b64_json=b64(8))
            + completed(2)
        ),
        [7, 8],
    ),
    "frames out of order": (
        {"images": 3},
        lambda r: succeeded(r, 2) + succeeded(r, 0) + succeeded(r, 1) + completed(3),
        [0, 1, 2],
    ),
    "a refused frame in the middle": (
        {"images": 3},
        lambda r: succeeded(r, 0) + refused_event(1) + succeeded(r, 2) + completed(2),
        [0, None, 2],
    ),
    "keep-alives and CR LF": (
        {"images": 2},
        lambda r: (b": PING\n\n" + succeeded(r, 0) + b": PING\n\n" + succeeded(r, 1) + completed(2)).replace(
            b"\n", b"\r\n"
        ),
        [0, 1],
    ),
    "events without names": (
        {"images": 2},
        lambda r: sse(None, {"image_index": 0, "url": link(r, 0)}) + sse(None, {"url": link(r, 1)}) + DONE,
        [0, 1],
    ),
    "previews and unknown events": (
        {"images": 1, "stream": True},
        lambda r: (
            event("partial_image", partial_image_index=0, b64_json=b64(9))
            + event("something_new", x=1)
            + succeeded(r, 0)
            + completed(1)
        ),
        [0],
    ),
    "a gateway's completed for each picture": (
        {"images": 3},
        lambda r: b"".join(event("completed", created_at=1, url=link(r, i), usage=SEED_USAGE) for i in range(3)) + DONE,
        [0, 1, 2],
    ),
    "one index for all": (
        {"images": 3},
        lambda r: b"".join(event("partial_succeeded", image_index=0, url=link(r, i)) for i in range(3)) + completed(3),
        [0, 1, 2],
    ),
    "odd indexes": (
        {"images": 3},
        lambda r: (
            b"".join(
                event("partial_succeeded", image_index=index, url=link(r, i))
                for i, index in enumerate([-1, "1", 10**9])
            )
            + completed(3)
        ),
        [0, 1, 2],
    ),
    "no [DONE]": ({"images": 2}, lambda r: succeeded(r, 0) + succeeded(r, 1) + event("completed", usage={}), [0, 1]),
    "no completed": ({"images": 2}, lambda r: succeeded(r, 0) + succeeded(r, 1) + DONE, [0, 1]),
    "no end mark at all": ({"images": 2}, lambda r: succeeded(r, 0) + succeeded(r, 1), [0, 1]),
    "[DONE] too early and twice": (
        {"images": 2},
        lambda r: DONE + succeeded(r, 0) + DONE + succeeded(r, 1) + completed(2) + DONE,
        [0, 1],
    ),
    "no empty line at the end": ({"images": 1, "stream": True}, lambda r: succeeded(r, 0).rstrip(), [0]),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_every_form_of_answer_ends_as_pictures_on_disk(name: str, store: Path) -> None:
    """In their places, original bytes under their number; what has no picture carries its error."""
    options, body, expected = VARIANTS[name]
    images = draw({POST: answering(body), PICTURE: picture}, store, **options)
    assert shades(images) == expected
    assert [frame.index for frame in images] == list(range(len(expected)))
    assert [frame.path and frame.path.name for frame in images] == [
        None if shade is None else f"{place:02d}.jpg" for place, shade in enumerate(expected, 1)
    ]
    assert [(frame.width, frame.height) for frame in images.ok] == [(64, 48)] * len(images.ok)
    assert [(frame.error is None) for frame in images] == [shade is not None for shade in expected]
    assert all(isinstance(frame.error, ApiError) for frame in images.failed)
    assert (images.state, images.outcome, images.notes) == ("done", "billed", ())
    assert record(store)["state"] == ("partial" if None in expected else "done")
    assert "canary" not in (images.folder / "response.jsonl").read_text()


def test_usage_is_what_the_service_reported(store: Path) -> None:
    """Untouched, and None where it said nothing."""
    scenario = {POST: answering(VARIANTS["the documented page"][1]), PICTURE: picture}
    assert draw(scenario, store, images="auto").usage == SEED_USAGE
    assert draw({POST: answering(VARIANTS["no end mark at all"][1]), PICTURE: picture}, store, images=2).usage is None


def test_a_picture_of_ten_megabytes_in_base64_comes_whole(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line of the stream; a comment in the JPEG makes it large."""
    filler = b"\xff\xfe\xff\xff" + bytes(65533)
    large = jpeg(1)[:2] + filler * 120 + jpeg(1)[2:]
    body = event("partial_succeeded", image_index=0, b64_json=base64.b64encode(large).decode()) + completed(1)
    images = draw({POST: Reply(200, EVENT_STREAM, body)}, store, stream=True)
    assert images[0].path
    assert images[0].path.read_bytes() == large
    assert len(large) > 7_500_000
    assert len((images.folder / "response.jsonl").read_bytes()) < 2000


@pytest.mark.parametrize("length", [{"Content-Length": "1000000"}, {}], ids=["length promised", "no length"])
@pytest.mark.parametrize("part", [0.0, 0.3, 0.5])
@pytest.mark.parametrize("arrived", [1, 2, 3])
def test_a_cut_stream_keeps_what_has_arrived(arrived: int, part: float, length: dict[str, str], store: Path) -> None:
    """Pictures before the cut are on disk in their places; the others say why they are not there."""

    def cut(request: Request) -> Behaviour:
        events = [succeeded(request, index) for index in range(4)]
        rest = events[arrived][: int(part * len(events[arrived]))]
        return Raw(head(200, EVENT_STREAM | length) + b"".join(events[:arrived]) + rest)

    images = draw({POST: cut, PICTURE: picture}, store, images=4)
    assert shades(images) == [*range(arrived), *[None] * (4 - arrived)]
    for frame in images.failed:
        assert type(frame.error) is ResponseBroken
        assert (frame.error.billed, frame.error.run_id) == ("yes", images.run_id)
    assert any("billed" in note and "not asked again" in note for note in images.notes)
    assert record(store)["state"] == "partial"
    with pytest.raises(ResponseBroken) as caught:
        images.require_all()
    assert caught.value.saved == tuple(frame.path for frame in images.ok)
    assert caught.value.images is images


@pytest.mark.parametrize("part", [1, 60, 100])
def test_a_stream_cut_before_its_first_picture_raises(part: int, store: Path) -> None:
    """There is no set to give back; the error carries it with its failed places."""
    error = failure(
        {POST: lambda request: Raw(stream_head() + succeeded(request, 0)[:part]), PICTURE: picture}, store, images=3
    )
    assert type(error) is ResponseBroken
    assert error.billed == "yes"
    assert error.images is not None
    assert (len(error.images), error.saved) == (3, ())
    assert error.run_id == error.images.run_id == record(store)["run_id"]


def test_a_cut_json_answer_is_kept_raw(store: Path) -> None:
    """Half a link leads nowhere; what came is there for support."""
    error = failure({POST: lambda request: Cut(_reply(whole_answer(request)), -90)}, store)
    assert type(error) is ResponseBroken
    (raw,) = store.glob("*/response.raw")
    assert b"/picture/0.jpeg" in raw.read_bytes()
    assert str(raw) in error.hint
    assert record(store)["outcome"] == "billed"


def _reply(behaviour: Behaviour) -> Reply:
    assert isinstance(behaviour, Reply)
    return behaviour


SENSITIVE = {"code": "OutputImageSensitiveContentDetected", "message": "words. Request id: 0217abcdef"}


@pytest.mark.fault("F37")
@pytest.mark.parametrize(
    "body",
    [
        json_of(error=SENSITIVE),
        json_of(data=[], error=SENSITIVE, usage={"generated_images": 0}),
        json_of(data=None, error=SENSITIVE),
        sse(None, {"error": SENSITIVE}),
        event("completed", usage={}) + sse(None, {"error": SENSITIVE}) + DONE,
        sse("error", {"error": SENSITIVE}),
    ],
    ids=["only an error", "no pictures and an error", "null and an error", "in a stream", "after its end", "by name"],
)
@pytest.mark.parametrize("images", [1, 3])
def test_an_error_inside_an_answer_is_the_services_error(body: bytes, images: int, store: Path) -> None:
    """HTTP 200 with a refusal in it raises what the refusal says, not that the answer is empty."""
    error = failure({POST: Reply(200, {"X-Request-Id": "0217head"}, body)}, store, images=images)
    assert type(error) is ContentRefused
    assert (error.code, error.status, error.billed) == (SENSITIVE["code"], 200, "yes")
    assert error.request_id == "0217head"
    assert error.images is not None


@pytest.mark.fault("F60")
def test_an_error_after_two_pictures_leaves_them(store: Path) -> None:
    """The places that stayed empty carry the service's words."""
    broken = sse(None, {"error": {"code": "InternalServiceError", "message": "words"}})
    scenario = {POST: answering(lambda r: succeeded(r, 0) + succeeded(r, 1) + broken), PICTURE: picture}
    images = draw(scenario, store, images=4)
    assert shades(images) == [0, 1, None, None]
    assert [type(frame.error) for frame in images.failed] == [ServerFailed, ServerFailed]


def test_a_service_that_stops_early_is_told(store: Path) -> None:
    """After an internal failure no further picture is made; the set says how many were."""
    failed = refused_event(1, "InternalServiceError")
    images = draw(
        {POST: answering(lambda r: succeeded(r, 0) + failed + completed(1)), PICTURE: picture}, store, images=4
    )
    assert shades(images) == [0, None]
    rest = f"%seedream retry {images.run_id} asks for the rest."
    assert images.notes == (f"The service made 1 of the 4 images asked for; {rest}",)


def test_a_gap_in_the_indexes_is_a_failed_place(store: Path) -> None:
    """Frame k stands at index k."""
    images = draw({POST: answering(lambda r: succeeded(r, 2) + completed(1)), PICTURE: picture}, store, images=3)
    assert shades(images) == [None, None, 2]
    assert all("sent nothing for this place" in str(frame.error) for frame in images.failed)


@pytest.mark.fault("F42")
def test_forty_pictures_are_seventeen(store: Path) -> None:
    """No call brings more; the others are told of."""
    body = answering(lambda r: json_of(data=[{"url": link(r, index % 40)} for index in range(40)]))
    with served({POST: body, PICTURE: lambda r: Reply(200, {}, jpeg(1))}, store) as server:
        images = client(server, store).generate("x", images=15, stream=False)
        assert (len(images), len(images.ok), server.gets) == (17, 17, 17)
    assert any("more than 17" in note for note in images.notes)


@pytest.mark.parametrize("body", [json_of(data=[]), json_of(data=[], usage={"generated_images": 0})])
def test_an_answer_without_pictures_raises(body: bytes, store: Path) -> None:
    """Nothing was refused and nothing came."""
    error = failure({POST: Reply(200, {}, body)}, store)
    assert type(error) is ResponseBroken
    assert error.billed == "yes"
    assert received(store)[-1]["object"]["data"] == []


def test_a_stream_that_has_brought_all_is_not_waited_for(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`completed` has come and every picture; that the connection stays open costs a moment, not two minutes."""
    monkeypatch.setattr(listener_module, "LINGER_SECONDS", 0.1)
    held = threading.Event()

    def open_end(request: Request) -> Behaviour:
        return Gate(stream_head() + succeeded(request, 0) + succeeded(request, 1) + event("completed"), held, b"")

    images = draw({POST: open_end, PICTURE: picture}, store, images=2)
    assert (shades(images), images.notes) == ([0, 1], ())


def test_a_picture_after_the_end_mark_is_still_taken(store: Path) -> None:
    """One more than asked for, after `completed`: it is billed, so it is brought."""
    body = answering(lambda r: succeeded(r, 0) + event("completed") + succeeded(r, 1))
    assert shades(draw({POST: body, PICTURE: picture}, store, stream=True)) == [0, 1]


def test_the_record_is_on_disk_before_the_request_is_out(store: Path) -> None:
    """A kill at any later moment leaves a trace of what may have been billed."""
    seen = []

    def look(request: Request) -> Behaviour:
        seen.append(record(store))
        check_store(store)
        return whole_answer(request)

    images = draw({POST: look, PICTURE: picture}, store)
    (facts,) = seen
    assert (facts["state"], facts["body"]) == ("sending", images.request.body)
    assert facts["run_id"] == images.run_id


@pytest.mark.parametrize("stream", [True, False])
def test_a_link_is_on_disk_before_its_picture_is_asked_for(store: Path, *, stream: bool) -> None:
    """A kill during the download loses no link that was paid for."""
    known: list[bool] = []

    def look(request: Request) -> Behaviour:
        known.append(f"http://{request.headers['host']}{request.path}" in json.dumps(received(store)))
        return picture(request)

    draw({POST: whole_answer, PICTURE: look}, store, images=4, stream=stream)
    assert known == [True] * 4


def test_pictures_are_fetched_while_the_stream_goes_on(store: Path) -> None:
    """The first one is on disk before the second one is named."""
    first_is_here = threading.Event()

    def staged(request: Request) -> Behaviour:
        rest = succeeded(request, 1) + completed(2)
        return Gate(stream_head() + succeeded(request, 0), first_is_here, rest)

    async def run(server: RawServer) -> list[list[int | None]]:
        grown = []
        async for images in client(server, store).stream("x", images=2):
            grown.append(shades(images))
            if images.ok:
                first_is_here.set()
        return grown

    with served({POST: staged, PICTURE: picture}, store) as server:
        grown = asyncio.run(run(server))
    assert grown[0] == []
    assert [0] in grown
    assert grown[-1] == [0, 1]


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

    def place(request: Request) -> int:
        return int(request.path.removeprefix("/picture/").partition(".")[0])

    def held(request: Request) -> Behaviour:
        return Gate(b"", gates[place(request)], bytes(Reply(200, {}, jpeg(place(request) % 15))))

    def seventeen(request: Request) -> Behaviour:
        return json_reply({"data": [{"url": link(request, index)} for index in range(17)]})

    def asked(server: RawServer) -> int:
        return server.count("GET", "/picture")

    async def run(server: RawServer) -> ImageSet:
        drawing = asyncio.create_task(client(server, store).agenerate("x", images=15, stream=False))
        for finished in range(3):
            expected = 15 + finished
            await asyncio.to_thread(server.wait_for, lambda _: asked(server) == expected)  # noqa: B023 - awaited here
            for _ in range(3):
                await ping(server)
            assert asked(server) == expected
            gates[finished].set()
        for gate in gates:
            gate.set()
        return await drawing

    with served({POST: seventeen, PICTURE: held}, store) as server:
        assert shades(asyncio.run(run(server))) == [*range(15), 0, 1]


def test_a_slow_picture_holds_no_other_up(store: Path) -> None:
    """Fourteen of fifteen are here while the first one hangs."""
    gate = threading.Event()

    def one_slow(request: Request) -> Behaviour:
        if request.path.startswith("/picture/0."):
            return Gate(b"", gate, bytes(Reply(200, {}, jpeg(0))))
        return picture(request)

    async def run(server: RawServer) -> ImageSet:
        async for images in client(server, store).stream("x", images=15):
            if len(images.ok) == 14:
                gate.set()
        return images

    with served({POST: whole_answer, PICTURE: one_slow}, store) as server:
        assert shades(asyncio.run(run(server))) == list(range(15))


DEAD: list[tuple[Behaviour, type[ImageError]]] = [
    (Reply(404), ImageLinkExpired),
    (Reply(200, {}, b"<html>Log in</html>"), ImageInvalid),
    (Cut(Reply(200, {}, jpeg(1)), -9), ImageError),
    (Reset(), ImageError),
    (Reply(302, {"Location": "http://example.com/1.jpeg"}), UnsafeURL),
]


@pytest.mark.parametrize(("fault", "kind"), DEAD)
def test_a_dead_link_costs_one_frame_and_keeps_its_signature(
    fault: Behaviour, kind: type[ImageError], store: Path
) -> None:
    """The others are here; with the signed link it can be fetched later."""

    def one_dead(request: Request) -> Behaviour:
        return fault if request.path.startswith("/picture/1.") else picture(request)

    images = draw({POST: whole_answer, PICTURE: one_dead}, store, images=3)
    assert shades(images) == [0, None, 2]
    assert type(images[1].error) is kind
    assert (images[1].error.billed, images[1].error.run_id) == ("yes", images.run_id)
    assert "canary" not in str(images[1].error)
    assert "canary1" in (images.folder / "response.jsonl").read_text()
    assert images.billed == 3


def test_only_dead_links_raise_the_first_of_their_errors(store: Path) -> None:
    """The set is with it, and nothing is asked of the service again."""
    error = failure({POST: whole_answer, PICTURE: Reply(403)}, store, images=2)
    assert type(error) is ImageLinkExpired
    assert error.images is not None
    assert len(error.images.failed) == 2
    assert error.billed == "yes"


def test_a_link_out_of_the_answer_cannot_reach_into_this_machine(store: Path) -> None:
    """A service elsewhere that names a loopback link is not obeyed; one on loopback may use its own."""
    inner = json_of(data=[{"url": "http://127.0.0.1:9/1.jpeg"}])
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=inner))
    with pytest.raises(UnsafeURL):
        Seedream("anyfast", api_key=KEY, store=store, transport=transport).generate("x")


@pytest.mark.parametrize(
    ("behaviour", "kind", "billed", "outcome"),
    [
        (Close(), OutcomeUnknown, "unknown", "unknown"),
        (Reset(), OutcomeUnknown, "unknown", "unknown"),
        (Raw(b"HTTP/1.1 200 OK\r\nContent-Le"), OutcomeUnknown, "unknown", "unknown"),
        (json_reply({"error": {"code": "AuthenticationError", "message": KEY}}, 401), AuthFailed, "no", "rejected"),
        (Reply(502, {}, b"<html>bad gateway"), ServerFailed, "unknown", "unknown"),
        (Reply(302, {"Location": "https://example.com/"}), ResponseBroken, "no", "rejected"),
        (Reply(200, {}, b"<html>"), ResponseBroken, "yes", "billed"),
        (Reply(200, {}, b""), ResponseBroken, "yes", "billed"),
        (Reply(204), ResponseBroken, "yes", "billed"),
    ],
)
def test_a_fault_of_the_post_is_one_error_and_one_record(
    behaviour: Behaviour, kind: type[SeedreamError], billed: str, outcome: str, store: Path
) -> None:
    """Its class says what happened, `billed` what it may cost; the record says the same later."""
    error = failure({POST: behaviour}, store, images=2)
    assert type(error) is kind
    assert error.billed == billed
    facts = record(store)
    assert (facts["state"], facts["outcome"]) == ("failed", outcome)
    assert facts["error"]["error"] == kind.__name__
    assert error.run_id == facts["run_id"]
    assert error.images is not None
    assert error.images.outcome == outcome
    assert error.saved == ()
    assert 1 < len(error.lines()) <= 5


def test_a_service_that_is_not_there_is_no_connection(store: Path) -> None:
    """Nothing was sent; the run says so."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with served({}, store, posts=0) as server:
        server.url = f"http://127.0.0.1:{port}"
        with pytest.raises(NoConnection) as caught:
            client(server, store).generate("x")
    assert caught.value.billed == "no"
    assert record(store)["outcome"] == "not_sent"


def test_the_timeout_ends_a_run_without_an_answer(store: Path) -> None:
    """It may be billed, and is not sent again."""
    error = failure({POST: Hang(threading.Event())}, store, timeout=0.3)
    assert type(error) is OutcomeUnknown
    assert "0.3 s" in str(error)
    assert error.request_id == record(store)["client_request_id"]


def test_the_timeout_ends_a_stream_and_keeps_what_came(store: Path) -> None:
    """The first picture is here, the second place says why it is not."""
    held = threading.Event()

    def stalls(request: Request) -> Behaviour:
        return Gate(stream_head() + succeeded(request, 0), held, b"")

    images = draw({POST: stalls, PICTURE: picture}, store, images=2, timeout=2)
    assert shades(images) == [0, None]
    assert type(images[1].error) is ResponseBroken
    assert "2 s" in str(images[1].error)


def test_the_timeout_ends_downloads_and_keeps_their_links(store: Path) -> None:
    """A picture on its way was made and billed; its signed link stays for later."""

    def second_hangs(request: Request) -> Behaviour:
        return Hang(threading.Event()) if request.path.startswith("/picture/1.") else picture(request)

    images = draw({POST: whole_answer, PICTURE: second_hangs}, store, images=2, timeout=2)
    assert shades(images) == [0, None]
    assert type(images[1].error) is ImageError
    assert "2 s" in str(images[1].error)
    assert "canary1" in (images.folder / "response.jsonl").read_text()


@pytest.mark.fault("F88")
def test_requests_for_pictures_know_nothing_of_the_key(store: Path) -> None:
    """Neither the header nor the id of the request."""
    with served({POST: whole_answer, PICTURE: picture}, store) as server:
        client(server, store).generate("x", images=3)
        for request in server.requests:
            if request.method == "GET":
                assert set(request.headers) == {"host", "accept", "accept-encoding", "connection", "user-agent"}
                assert KEY.encode() not in request.head


@pytest.mark.parametrize("place", [lambda root: root / "file", lambda root: root / "file" / "runs"])
def test_a_store_that_cannot_be_written_costs_nothing(place: Callable[[Path], Path], tmp_path: Path) -> None:
    """It is found out before the request leaves."""
    (tmp_path / "file").touch()
    with served({POST: whole_answer}, tmp_path / "no store", posts=0) as server, pytest.raises(ConfigError):
        client(server, place(tmp_path)).generate("x")


def test_a_store_that_vanishes_during_the_run_is_told(store: Path) -> None:
    """The pictures are put aside in the user's own cache; a note tells where, and one POST was sent."""

    def remove(request: Request) -> Behaviour:
        for folder in store.iterdir():
            shutil.rmtree(folder)
        return whole_answer(request)

    images = draw({POST: remove, PICTURE: picture}, store, images=2)
    assert [frame.path is not None and frame.path.is_file() for frame in images] == [True, True]
    assert not any(store in path.parents for frame in images if (path := frame.path))
    folder = images[0].path.parent if images[0].path else store
    assert any(str(folder) in note for note in images.notes)
    assert any("could not be recorded" in note for note in images.notes)


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
                images = seedream.generate("x", images=2, stream=False)
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
    images = draw({POST: whole_answer, PICTURE: picture}, store, images=3)
    assert shades(images) == [0, None, None]
    for frame in images.failed:
        assert type(frame.error) is ResponseBroken
        assert frame.error.__cause__ is fault


def test_a_fault_in_one_download_is_that_frames_alone(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it raises, the others are brought."""
    real, fault = RunFolder.save_picture, RuntimeError("a bug")

    def save(run: RunFolder, index: int, *args: Any, **options: Any) -> Any:
        if index == 1:
            raise fault
        return real(run, index, *args, **options)

    monkeypatch.setattr(RunFolder, "save_picture", save)
    images = draw({POST: whole_answer, PICTURE: picture}, store, images=3)
    assert shades(images) == [0, None, 2]
    assert type(images[1].error) is ImageError
    assert images[1].error.__cause__ is fault


@pytest.mark.parametrize(("answers", "kind"), [(False, OutcomeUnknown), (True, ImageError)])
@pytest.mark.parametrize("fault", [OSError(5, "I/O error"), RuntimeError("bug"), ValueError("bad"), KeyError("x")])
def test_a_transport_that_raises_gives_one_of_our_errors(
    fault: Exception, store: Path, kind: type[SeedreamError], *, answers: bool
) -> None:
    """At the POST, and at the pictures; the cause is kept."""

    def service(request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and answers:
            return httpx.Response(200, content=json_of(data=[{"url": "https://e.com/1"}]))
        raise fault

    seedream = Seedream("anyfast", api_key=KEY, store=store, transport=httpx.MockTransport(service))
    with pytest.raises(kind) as caught:
        seedream.generate("x")
    cause: BaseException | None = caught.value
    while cause is not None and cause is not fault:
        cause = cause.__cause__
    assert cause is fault


def test_a_very_deep_answer_is_no_recursion_error(store: Path) -> None:
    """The picture that stands beside the nonsense is brought."""
    deep = b'{"data": [{"url": "LINK"}], "usage": ' + b'{"a": ' * 600 + b"1" + b"}" * 601
    body = answering(lambda request: deep.replace(b"LINK", link(request, 0).encode()))
    images = draw({POST: body, PICTURE: picture}, store)
    assert shades(images) == [0]
