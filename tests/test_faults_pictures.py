"""Faults on the way of a picture, F74-F94: what is saved is whole and as it was sent, and one fault costs one frame."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import random
import re
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from asking import event
from fault import drawn, failed, fault, outcome, shades
from raw_server import (
    EVENT_STREAM,
    Behaviour,
    Cut,
    Drip,
    Raw,
    RawServer,
    Reply,
    Request,
    Scenario,
    Sequence,
    head,
    json_reply,
    raw_server,
)
from seedream_magic import (
    ImageError,
    ImageInvalid,
    ImageLinkExpired,
    ImageTooLarge,
    SeedreamError,
    SeedreamInterrupted,
    UnsafeURL,
)
from seedream_magic.api import decoder as decoder_module
from seedream_magic.api.sse import Decoder
from seedream_magic.images import download as download_module
from seedream_magic.images.verify import PictureFacts, verify_picture
from served import client, record, served
from service import PICTURE, POST, black_png, completed, encoded, jpeg, link, picture, png_of, succeeded, whole_answer

pytestmark = pytest.mark.usefixtures("no_pause")

NAMES = re.compile(r"request\.json|response\.jsonl|response\.raw|[0-9]{2}\.(jpg|png|webp|json)|raw")


def of(encoding: str, size: tuple[int, int] = (8, 8)) -> bytes:
    return encoded(Image.new("RGB", size, (9, 90, 160)), encoding)


def chunked(body: bytes) -> bytes:
    return head(200, {"Transfer-Encoding": "chunked"}) + b"%x\r\n%s\r\n" % (len(body), body)


WHOLE = Reply(200, {}, jpeg(1))
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
GZIPPED = Reply(200, {"Content-Encoding": "gzip"}, zlib.compress(jpeg(1))[:-9])
DENIED = b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'

LOST: list[Any] = [
    fault("F76", "cut, no length", Raw(head(200, {}) + jpeg(1)[:500]), ImageInvalid),
    fault("F76", "chunks without an end", Raw(chunked(jpeg(1)[:500])), ImageError),
    fault("F75", "always short of its length", Cut(WHOLE, -5), ImageError),
    fault("F77", "compressed and cut", GZIPPED, ImageInvalid),
    fault("F79", "a page", Reply(200, {"Content-Type": "text/html"}, b"<html>log in"), ImageInvalid),
    fault("F79", "an error as JSON", json_reply({"error": "x"}), ImageInvalid),
    fault("F79", "an error as XML", Reply(200, {"Content-Type": "image/jpeg"}, DENIED), ImageInvalid),
    fault("F81", "SVG", Reply(200, {"Content-Type": "image/svg+xml"}, SVG), ImageInvalid),
    *[fault("F81", kind, Reply(200, {}, of(kind)), ImageInvalid) for kind in ("GIF", "BMP", "TIFF", "EPS", "PDF")],
    fault("F82", "900 megapixels", Reply(200, {}, black_png(30000)), ImageTooLarge),
    fault("F83", "10 GB promised", Raw(head(200, {"Content-Length": "10000000000"}) + jpeg(1)), ImageTooLarge),
    *[fault("F84", str(status), Reply(status, {}, DENIED), ImageLinkExpired) for status in (403, 404, 410)],
    fault("F86", "to this network", Reply(302, {"Location": "http://169.254.169.254/latest/"}), UnsafeURL),
    fault("F86", "to itself for ever", lambda r: Reply(302, {"Location": r.path}), UnsafeURL),
    fault("F86", "to a file", Reply(302, {"Location": "file:///x"}), UnsafeURL),
    fault("F89", "a part", Reply(206, {"Content-Range": "bytes 0-499/999"}, jpeg(1)[:500]), ImageInvalid),
]  # fmt: skip


@pytest.mark.parametrize(("behaviour", "kind"), LOST)
def test_what_is_no_whole_picture_is_never_saved_as_one(
    behaviour: Behaviour | Callable[[Request], Behaviour], kind: type[ImageError], store: Path
) -> None:
    """Its frame says what came; the other is here; its link stays for later; nothing stands under its name."""
    images = drawn(outcome({POST: whole_answer, PICTURE: picture, ("GET", "/picture/1."): behaviour}, store, images=2))
    assert shades(images) == [0, None]
    assert type(images[1].error) is kind
    assert images[1].error.billed == "yes"
    names = {path.name for path in images.folder.iterdir()} - {"raw"}
    assert names == {"01.jpg", "01.json", "request.json", "response.jsonl"}
    assert "X-Tos-Signature=canary1" in (images.folder / "response.jsonl").read_text()
    check_advice(images[1].error, [*images.folder.glob("raw/*")])
    if isinstance(behaviour, Reply) and 200 <= behaviour.status < 300:
        assert [path.read_bytes() for path in images.folder.glob("raw/*")] == [behaviour.body]


KEPT = re.compile(r"02\.(not-a-picture\.bin|(truncated|damaged|too-large)\.(jpg|png|webp))")


def check_advice(error: SeedreamError, kept: list[Path]) -> None:
    """What is free is advised before what bills, and what is said to be kept is there, for its owner alone."""
    text = "\n".join(error.lines())
    assert "%seedream retry" not in text.partition("%seedream recover")[0]
    assert len(kept) == text.count("What came in its place is kept in ")
    for path in kept:
        assert KEPT.fullmatch(path.name)
        assert f"is kept in {path}." in text
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.fault("F78")
def test_a_doubt_about_a_picture_is_a_note(store: Path) -> None:
    """It decodes whole, so it is here; the set says which one it is, and what its host says of it."""
    doubtful = Reply(200, {"Content-MD5": base64.b64encode(bytes(16)).decode()}, jpeg(1))
    scenario: Scenario = {POST: whole_answer, PICTURE: picture, ("GET", "/picture/1."): doubtful}
    with served(scenario, store) as server:
        images = client(server, store).generate("x", images=2)
        assert server.count("GET", "/picture/1.") == 2
    words = "its bytes do not match what its host says of them (content-md5)"
    assert shades(images) == [0, 1]
    assert [note for note in images.notes if words in note] == [
        f"Picture 2 was kept because it decodes in full, though {words}."
    ]


@pytest.mark.fault("F74")
def test_a_picture_that_is_slow_to_decode_holds_up_nothing(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others land meanwhile: it is decoded in a thread, as many at once as there are cores, and no more."""
    go, lock, at_once, most = threading.Event(), threading.Lock(), [0], [0]

    def slow(data: bytes) -> PictureFacts:
        with lock:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        assert data != jpeg(0) or go.wait(20)
        with lock:
            at_once[0] -= 1
        return verify_picture(data)

    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(download_module, "verify_picture", slow)
    with served({POST: whole_answer, PICTURE: picture}, store) as server:
        seedream = client(server, store)
        plan = seedream.plan("x", images=6)
        images = seedream.run(plan, on_change=lambda growing: go.set() if len(growing.ok) == 5 else None)
        assert shades(images) == list(range(6))
    assert most == [2]


@pytest.mark.fault("F95", "F96")
@pytest.mark.parametrize(("form", "cores"), [("url", 6), ("b64_json", 1)])
def test_a_stop_loses_no_picture_that_is_whole(
    form: str, cores: int, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those being decoded, and those that wait for it, are saved first; their record tells of them."""
    begun, go = threading.Semaphore(0), threading.Event()

    def slow(data: bytes) -> PictureFacts:
        begun.release()
        assert go.wait(20)
        return verify_picture(data)

    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    monkeypatch.setattr(download_module, "verify_picture", slow)

    def answer(request: Request) -> Behaviour:
        if form == "url":
            return whole_answer(request)
        return json_reply({"data": [{"b64_json": base64.b64encode(jpeg(index)).decode()} for index in range(6)]})

    async def stopped(server: RawServer) -> None:
        async def drawing() -> None:
            async for _ in client(server, store).stream("x", images=6, response_format=form):
                pass

        task = asyncio.create_task(drawing())
        with ThreadPoolExecutor(1) as waiting:  # those of the loop are all needed
            for _ in range(cores):
                await asyncio.get_running_loop().run_in_executor(waiting, begun.acquire)
        task.cancel()
        go.set()
        with pytest.raises((asyncio.CancelledError, SeedreamInterrupted)):
            await task

    with served({POST: answer, PICTURE: picture}, store) as server:
        asyncio.run(stopped(server))
    (folder,) = store.iterdir()
    assert [(folder / f"0{number + 1}.jpg").read_bytes() for number in range(6)] == [jpeg(n) for n in range(6)]
    assert record(store)["state"] in {"done", "stopped"}
    assert [facts.get("file") for facts in record(store)["frames"]] == [f"0{number}.jpg" for number in range(1, 7)]


@pytest.mark.fault("F80", "F81")
@pytest.mark.parametrize(
    ("declared", "body", "ending"),
    [
        ("image/jpeg", of("PNG"), "png"),
        ("application/octet-stream", of("WEBP"), "webp"),
        ("text/html", jpeg(1) + b"<html><script>alert(1)</script>", "jpg"),
    ],
    ids=["a PNG", "a WebP", "a JPEG with a page behind it"],
)
def test_the_bytes_say_what_a_picture_is(declared: str, body: bytes, ending: str, store: Path) -> None:
    """Whatever the Content-Type says: the file is untouched, its ending and recorded type are those of its bytes."""
    images = drawn(outcome({POST: whole_answer, PICTURE: Reply(200, {"Content-Type": declared}, body)}, store))
    assert images[0].path
    assert (images[0].path.name, images[0].path.read_bytes()) == (f"01.{ending}", body)
    kind = json.loads((images.folder / "01.json").read_text())["media_type"]
    assert kind == f"image/{ending.replace('jpg', 'jpeg')}"


@pytest.mark.parametrize(
    "slow",
    [
        fault("F85", "a pause that is asked for", Reply(429, {"Retry-After": "1"})),
        fault("F90", "a drip", Drip(bytes(WHOLE), 5, 0.05)),
    ],
)
def test_a_slow_host_holds_up_its_own_picture_alone(
    slow: Behaviour, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes at another attempt; the three others do not wait for it."""
    monkeypatch.setattr(download_module, "_TOTAL_SECONDS", 0.5)
    replies = Sequence(slow, Reply(200, {}, jpeg(0)))
    order: list[int] = []
    with served({POST: whole_answer, PICTURE: picture, ("GET", "/picture/0."): replies}, store) as server:
        seedream = client(server, store)
        seedream.run(
            seedream.plan("x", images=4),
            on_change=lambda images: order.extend(frame.index for frame in images.ok if frame.index not in order),
        )
        assert server.count("GET", "/picture/0.") >= 2  # more where this machine itself was too slow
    assert (order[-1], sorted(order)) == (0, [0, 1, 2, 3])


@pytest.mark.fault("F91")
@pytest.mark.parametrize(
    ("path", "disposition"),
    [
        ("%2e%2e%2f%2e%2e%2fetc/passwd", "attachment; filename=../../.bashrc"),
        ("CON.png", 'inline; filename="CON"'),
        ("x" * 300 + ".exe", ""),
        ("a%E2%80%AEgpj.exe", ""),
        ("%3Cimg%20onerror=alert(1)%3E.svg", 'inline; filename="<img onerror>"'),
    ],
    ids=["a path above", "a device", "300 letters", "from right to left", "markup"],
)
def test_all_names_are_ours(path: str, disposition: str, store: Path) -> None:
    """Neither the link nor a header names a file."""

    def answer(request: Request) -> Behaviour:
        return json_reply({"data": [{"url": f"http://{request.headers['host']}/picture/{path}"}]})

    reply = Reply(200, {"Content-Disposition": disposition}, jpeg(1))
    images = drawn(outcome({POST: answer, PICTURE: reply}, store))
    assert shades(images) == [1]
    assert all(NAMES.fullmatch(file.name) for file in images.folder.iterdir())
    assert [entry.name for entry in store.iterdir()] == [images.run_id]


TEXT = base64.b64encode(jpeg(1)).decode()


@pytest.mark.parametrize(
    "text",
    [
        fault("F92", "foreign signs", "!!" + TEXT),
        fault("F94", "a page", base64.b64encode(b"<html>" * 40).decode()),
        fault("F94", "a cut picture", base64.b64encode(jpeg(1)[:-20]).decode()),
    ],
)
def test_base64_of_no_picture_is_kept_as_it_came(text: str, store: Path) -> None:
    """It was paid for: the frame's error says where it is."""
    reply = json_reply({"data": [{"b64_json": text}]})
    error = failed(outcome({POST: reply}, store, response_format="b64_json"))
    assert type(error) is ImageInvalid
    (kept,) = store.glob("*/raw/*")
    assert kept.read_bytes() == (text.encode() if kept.suffix == ".b64" else base64.b64decode(text))
    assert str(kept) in "\n".join(error.lines())


HEAVY = r"""
import re, sys
from pathlib import Path
from seedream_magic import Seedream

def peak():
    # Linux hands the peak of the starting process on; this counts from the program's own start.
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024

url, store, images = sys.argv[1], sys.argv[2], int(sys.argv[3])
seedream = Seedream("anyfast", api_key="sk-x-123456", base_url=url, store=store)
seedream.generate("small", response_format="b64_json")
before = peak()
made = seedream.generate("large", images=images, stream=sys.argv[4] == "stream", response_format="b64_json")
print(len(made.ok), peak() - before)
"""


@pytest.mark.fault("F93")
@pytest.mark.parametrize("form", ["stream", "JSON"])
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is read from /proc")
def test_many_pictures_in_base64_cost_little_more_than_their_text(form: str, store: Path) -> None:
    """Of a stream each is let go of before the next is read, of an answer no copy is held: below 2.2 times the body."""
    segment = b"\xff\xfe\xff\xff" + bytes(65533)
    large = [jpeg(shade)[:2] + segment * 64 + jpeg(shade)[2:] for shade in range(6)]
    texts = [base64.b64encode(data) for data in large]

    def answer(request: Request) -> Behaviour:
        if request.json()["prompt"] == "small":
            return json_reply({"data": [{"b64_json": TEXT}]})
        if form == "JSON":
            return Reply(200, {}, b'{"data":[%s]}' % b",".join(b'{"b64_json":"%s"}' % text for text in texts))
        pieces = [b'data: {"image_index": %d, "b64_json": "%s"}\n\n' % piece for piece in enumerate(texts)]
        return Reply(200, {"Content-Type": "text/event-stream"}, b"".join(pieces) + b"data: [DONE]\n\n")

    with raw_server({POST: answer}) as server:
        command = [sys.executable, "-c", HEAVY, f"{server.url}/v1", str(store), "6", form]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    count, more = done.stdout.split()
    assert int(count) == 6
    assert int(more) < 2.2 * sum(map(len, texts)), f"{int(more) / sum(map(len, texts)):.2f} times"


SIDE = 4096


def png(rows: Iterator[bytes], *, level: int) -> bytes:
    """A square PNG of 4096 pixels, 8 bits of red, green and blue."""
    packer = zlib.compressobj(level)
    pixels = b"".join(packer.compress(b"\0" + row) for row in rows) + packer.flush()
    return png_of(SIDE, SIDE, pixels, bits=8, colours=2)


def rows_of_noise() -> Iterator[bytes]:
    chance = random.Random(7)
    return (chance.randbytes(3 * SIDE) for _ in range(SIDE))


@pytest.fixture(scope="module")
def largest() -> bytes:
    """All that a PNG without an alpha channel can have; a drawn picture has some 30 MiB."""
    made = png(rows_of_noise(), level=0)
    assert 48 <= len(made) / 2**20 < 49
    return made


@pytest.mark.fault("F63")
@pytest.mark.parametrize("stream", [True, False])
def test_the_largest_picture_comes_whole(store: Path, largest: bytes, *, stream: bool) -> None:
    """In an event or in a JSON answer: byte for byte, and nothing is left over."""
    form = b'data: {"type":"image_generation.partial_succeeded","b64_json":"%s"}\n\n'
    body = (form if stream else b'{"data":[{"b64_json":"%s"}]}') % base64.b64encode(largest)
    reply = Reply(200, EVENT_STREAM, body + completed(1)) if stream else Reply(200, {}, body)
    with raw_server({POST: reply}) as server:
        images = client(server, store).generate("x", stream=stream, size="4K", response_format="b64_json")
    assert images[0].path
    assert images[0].sha256 == hashlib.sha256(largest).hexdigest()
    assert images[0].path.read_bytes() == largest
    assert (images[0].width, images[0].height, images.notes) == (SIDE, SIDE, ())
    assert not list(store.glob("*/*.raw"))


@pytest.mark.fault("F46", "F64")
@pytest.mark.parametrize("stream", [True, False])
def test_what_is_over_the_limit_costs_no_other_picture(
    store: Path, monkeypatch: pytest.MonkeyPatch, *, stream: bool
) -> None:
    """Behind an event, and before it in a document; the answer is kept to its last byte, and the set says so."""
    monkeypatch.setattr(decoder_module, "Decoder", lambda: Decoder(maximum=300_000))
    monkeypatch.setattr(decoder_module, "MAXIMUM_DOCUMENT_BYTES", 300_000)
    monkeypatch.setattr(decoder_module, "LARGEST_BASE64_CHARACTERS", 100_000)
    sent: list[bytes] = []

    def answer(request: Request) -> Behaviour:
        large = event("partial_succeeded", image_index=1, b64_json="A" * 2_000_000)
        events = succeeded(request, 0) + large + succeeded(request, 2) + completed(3)
        document = json.dumps({"data": [{"url": link(request, 0)}, {"b64_json": "A" * 2_000_000}]}).encode()
        sent.append(events if stream else document)
        return Reply(200, EVENT_STREAM if stream else {}, sent[0])

    images = drawn(outcome({POST: answer, PICTURE: picture}, store, images=2 + stream, stream=stream))
    assert shades(images) == ([0, None, 2] if stream else [0, None])
    (kept,) = images.folder.glob("response.raw")
    assert kept.read_bytes() == sent[0]
    assert kept.stat().st_mode & 0o777 == 0o600
    told = [*images.notes, *(line for frame in images.failed if frame.error for line in frame.error.lines())]
    assert any(("larger than any picture" if stream else str(kept)) in line for line in told)
