"""`make faults`: the gates of reliability as figures, beside those of openai-python under the same faults, in one run.

Each row is measured here and now, on real sockets, files, processes and a real kernel; the program exits with 1 if one
of ours misses its gate.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import quote

import openai
from PIL import Image

from kill import killing, violations
from race import racing
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
    Reset,
    head,
    json_reply,
    raw_server,
)
from seedream_magic import ImageSet, Seedream, SeedreamError, UnsafeURL
from seedream_magic import tasks as tasks_module
from seedream_magic.api import client as client_module
from seedream_magic.api.answer import Patience, patience_for
from seedream_magic.api.make_request import Ask, make_request
from seedream_magic.api.plan import Plan
from seedream_magic.api.providers import PROVIDERS
from seedream_magic.images.download import download
from seedream_magic.images.image_set import Frame
from seedream_magic.images.route import image_client
from seedream_magic.images.store import begin_run
from seedream_magic.images.verify import verify_picture
from served import KEY, client
from service import PICTURE, POST, completed, held, jpeg, link, picture, stream_head, succeeded, whole_answer
from test_encoding import CODINGS
from test_faults_pictures import png, rows_of_noise
from test_faults_post import NEVER, error_body
from test_faults_stop import STAGES, asking, in_base64, stop_at, stopping
from test_faults_store import written_by_many
from test_guard import INSIDE, SPELLINGS
from test_library_faults import DAMAGES, drawn_by_many, works
from test_library_paid_once import TRAVELS
from test_shapes import EMPTY, SHAPES
from test_shapes import two as two_of
from test_tasks import WAYS
from test_tasks import fresh as unused


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    ours: str
    wanted: str
    passed: bool
    beside: str = "-"


MODEL = "doubao-seedream-4-5"


def whole(request: Request, **more: Any) -> Reply:
    answer = whole_answer(request if not more else replace(request, body=json.dumps(more).encode()))
    assert isinstance(answer, Reply)
    return answer


def streamed(*pieces: bytes) -> bytes:
    return stream_head() + b"".join(pieces)


# Faults that leave open whether a picture was made, or in which it certainly was: stream or not, and what comes.
FAULTS: dict[str, tuple[bool, Any]] = {
    "F10 silence": (False, Hang(NEVER)),
    "F11 closed": (False, Close()),
    "F12 reset": (False, Reset()),
    "F14 half status line": (False, Raw(b"HTTP/1.1 2")),
    "F15 half head": (False, Raw(b"HTTP/1.1 200 OK\r\nContent-Le")),
    "F16 not HTTP": (False, Raw(b"SSH-2.0-x\r\n\r\n")),
    "F20 head bomb": (False, Raw(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 200_000)),
    **{f"F32 {status}": (False, Reply(status, {}, b"{}")) for status in (500, 502, 503, 504, 520, 522, 524, 529)},
    **{f"F33 {status}": (False, Reply(status, {}, b"{}")) for status in (408, 409, 425)},
    "F34 redirect to itself": (False, lambda r: Reply(302, {"Location": r.path + "/x"})),
    "F35 web page": (False, Reply(200, {"Content-Type": "text/html"}, b"<html>log in")),
    "F36 nothing": (False, Reply(200, {"Content-Type": "application/json"})),
    "F37 an error in a 200": (False, json_reply(error_body("x"))),
    "F38 no picture": (False, Reply(200, {"Content-Type": "application/json"}, b'{"data": []}')),
    "F48 cut JSON": (False, lambda r: Cut(whole(r), -20)),
    "F49 stalled JSON": (False, lambda r: Gate(bytes(whole(r))[:-20], NEVER, b"")),
    "F50 bad chunk": (False, Raw(head(200, {"Transfer-Encoding": "chunked"}) + b"ZZ\r\n")),
    "F52 cut before an event": (True, Raw(stream_head())),
    "F56 cut in an event": (True, lambda r: Raw(streamed(succeeded(r, 0), succeeded(r, 1)[:50]))),
    "F57 no end": (True, lambda r: Raw(streamed(succeeded(r, 0)))),
    "F60 an error event": (True, lambda r: Raw(streamed(succeeded(r, 0), b'data: {"error": {"code": "x"}}\n\n'))),
    "F65 no text": (True, lambda r: Raw(streamed(b"data: \xff\xfe\n\n", completed(1)))),
    "F67 JSON to a stream": (True, Reply(200, {"Content-Type": "application/json"}, b'{"data": []}')),
    "F70 a stall": (True, lambda r: Gate(streamed(succeeded(r, 0)), NEVER, b"")),
    "F71 only comments": (True, lambda r: Drip(streamed(succeeded(r, 0)) + b": PING\n\n" * 60, 9, 0.02)),
}  # fmt: skip


def ours(url: str, store: Path, *, stream: bool, images: int = 4, new: bool = True) -> ImageSet | SeedreamError:
    """What comes of a request; where this machine has never seen it (`new`), the store has a library of its own."""
    if new:
        os.environ["SEEDREAM_LIBRARY"] = f"{store}.sqlite3"  # `measured` sets it back
    try:
        return Seedream("anyfast", api_key=KEY, base_url=url, store=store).generate("x", images=images, stream=stream)
    except SeedreamError as error:
        return error


def theirs(url: str, *, stream: bool, retries: int = 2) -> list[str]:
    """The links that openai-python hands to its caller before it raises or ends."""
    links: list[str] = []
    more = {"sequential_image_generation": "auto", "sequential_image_generation_options": {"max_images": 4}}
    with (
        openai.OpenAI(api_key=KEY, base_url=url, timeout=1, max_retries=retries) as client,
        contextlib.suppress(Exception),
    ):
        answer: Any = client.images.generate(model=MODEL, prompt="x", stream=stream, extra_body=more)
        links.extend(item.url for item in (answer if stream else answer.data or ()))
    return links


def posts(folder: Path) -> Iterator[Row]:
    def count(call: Callable[[str], object], behaviour: Behaviour) -> int:
        with raw_server({POST: behaviour, PICTURE: picture}) as server:
            call(f"{server.url}/v1")
            return server.posts

    us = [
        count(lambda url, n=number, s=stream: ours(url, folder / str(n), stream=s), behaviour)  # type: ignore[misc]  # mypy infers no lambda with a default
        for number, (stream, behaviour) in enumerate(FAULTS.values())
    ]
    with ThreadPoolExecutor(12) as pool:  # its pauses between attempts are real
        them = list(pool.map(lambda row: count(partial(theirs, stream=row[0]), row[1]), FAULTS.values()))
    name = f"POSTs per fault, {len(FAULTS)} ambiguous or billed faults"
    yield Row(name, f"{statistics.mean(us):.2f}", "1.00", set(us) == {1}, f"{statistics.mean(them):.2f}")


def lost(folder: Path) -> Iterator[Row]:
    for name, stream in (("stream", True), ("JSON answer", False)):
        missing, told, beside, beside_told, offset = 0, 0, 0, 0, 0
        size = 1
        while offset < size:
            kept: list[bytes] = []

            def cut(
                request: Request, at: int = offset, kept: list[bytes] = kept, *, stream: bool = stream
            ) -> Behaviour:
                events = b"".join(succeeded(request, index) for index in range(4)) + completed(4)
                data = json.dumps({"data": [{"url": link(request, index)} for index in range(4)]}).encode()
                body = events if stream else data
                kept[:] = [body, body[:at], *[link(request, index).encode() + b'"' for index in range(4)]]
                declared = EVENT_STREAM if stream else {"Content-Type": "application/json"}
                return Raw(head(200, dict(declared) | {"Content-Length": str(len(body))}) + body[:at])

            with raw_server({POST: cut, PICTURE: picture}) as server:
                result = ours(f"{server.url}/v1", folder / f"{name} {offset}", stream=stream)
                body, before, *links = kept
                complete = sum(text in before for text in links)
                told += complete
                missing += complete - (len(result.ok) if isinstance(result, ImageSet) else 0)
                if offset % 10 == 0:
                    beside += complete - len(theirs(f"{server.url}/v1", stream=stream, retries=0))
                    beside_told += complete
            size, offset = len(body), offset + 1
        row, other = f"paid images lost, {size} cuts of a 4-image {name}", f"{beside} of {beside_told}"
        yield Row(row, f"{missing} of {told}", "0", missing == 0, f"{other} ({size // 10} cuts)")


def read_whole(folder: Path) -> Iterator[Row]:
    """Pictures lost of answers as gateways send them: encodings, errors that say nothing, shapes, tasks."""

    def two(folder: Path, behaviour: Any, *, stream: bool, more: Mapping[tuple[str, str], Any] | None = None) -> int:
        with raw_server({POST: behaviour, PICTURE: picture, **(more or {})}) as server:
            result = ours(f"{server.url}/v1", folder, stream=stream, images=2)
            assert server.posts == 1
        return 2 - (len(result.ok) if isinstance(result, ImageSet) else 0)

    def beside(behaviour: Any, *, stream: bool) -> int:
        with raw_server({POST: behaviour, PICTURE: picture}) as server:
            return 2 - min(2, len(list(filter(None, theirs(f"{server.url}/v1", stream=stream, retries=0)))))

    def packed(said: str, pack: Callable[[bytes], bytes], *, stream: bool) -> Callable[[Request], Behaviour]:
        def answer(request: Request) -> Behaviour:
            data = json.dumps({"data": [{"url": link(request, 0)}, {"url": link(request, 1)}]}).encode()
            body = succeeded(request, 0) + succeeded(request, 1) + completed(2) if stream else data
            declared = EVENT_STREAM if stream else {"Content-Type": "application/json"}
            return Reply(200, dict(declared) | {"Content-Encoding": said}, pack(body))

        return answer

    def empty(error: object) -> Callable[[Request], Behaviour]:
        return lambda r: json_reply(
            {"data": [{"url": link(r, 0), "error": error}, {"url": link(r, 1)}], "error": error}
        )

    def shaped(body: Callable[[list[str], list[str]], bytes]) -> Callable[[Request], Behaviour]:
        return lambda r: Reply(200, {"Content-Type": "application/json"}, two_of(r, body))

    encodings = [(packed(*row, stream=stream), stream) for row in CODINGS.values() for stream in (True, False)]
    tables: dict[str, list[tuple[Any, bool]]] = {
        "encodings": encodings,
        "errors that say nothing": [(empty(error), False) for error in EMPTY],
        "shapes": [(shaped(body), False) for body in SHAPES.values()],
    }
    for name, rows in tables.items():
        missing = [two(folder / f"{name} {at}", row, stream=stream) for at, (row, stream) in enumerate(rows)]
        others = [beside(row, stream=stream) for row, stream in rows]
        yield Row(f"paid images lost, {len(rows)} {name}", f"{sum(missing)} of {2 * len(rows)}", "0", not sum(missing),
                  f"{sum(others)} of {2 * len(rows)}")  # fmt: skip
    with mock.patch.multiple(tasks_module, FIRST_PAUSE=0.01, LONGEST_PAUSE=0.02):
        ways = [unused(way) for way in WAYS.values()]
        missing = [two(folder / f"task {at}", way.posted, stream=False, more=way.asked) for at, way in enumerate(ways)]
    others = [beside(way.posted, stream=False) for way in ways]
    yield Row(f"paid images lost, {len(ways)} tasks in place of pictures", f"{sum(missing)} of {2 * len(ways)}", "0",
              not sum(missing), f"{sum(others)} of {2 * len(ways)}")  # fmt: skip


def largest(folder: Path) -> Iterator[Row]:
    """The largest picture that there is, 4096x4096 of pure noise, in base64: in a JSON answer, in a stream."""
    data = png(rows_of_noise(), level=0)
    text = base64.b64encode(data)
    event = b'data: {"type":"image_generation.partial_succeeded","image_index":0,"b64_json":"%s"}\n\n' % text
    bodies = {False: b'{"data":[{"b64_json":"%s"}]}' % text, True: event + completed(1)}
    came = 0
    for stream, body in bodies.items():
        declared = EVENT_STREAM if stream else {"Content-Type": "application/json"}
        patient = mock.patch.object(client_module, "patience_for", patience_for)  # half a second is too short for it
        with patient, raw_server({POST: Reply(200, declared, body)}) as server:
            result = ours(f"{server.url}/v1", folder / str(stream), stream=stream, images=1)
        paths = [frame.path for frame in result.ok] if isinstance(result, ImageSet) else []
        came += sum(path is not None and path.read_bytes() == data for path in paths)
    yield Row("largest picture, 48 MiB as base64, JSON and stream", f"{came} of 2", "2 of 2", came == 2)


def killed_after_answer(folder: Path) -> Iterator[Row]:
    missing, died = 0, 0
    with killing(in_base64) as (killer, server):
        for number in range(20):
            store, stream = folder / str(number), number % 2 == 0
            size = len(in_base64(asking(stream=stream)).body)
            died += killer.kill_after_answer(store, size, stream=stream, seconds=0.8 * (number / 19) ** 2)
            Seedream("anyfast", api_key=KEY, base_url=f"{server.url}/v1", store=store).recover()
            missing += 8 - len(list(store.glob("*/0?.jpg")))
        posts = server.posts
    yield Row(f"paid images lost, 20 kills after an answer in base64 ({died} struck)", f"{missing} of 160", "0",
              missing == 0 and died > 0 and posts == 20)  # fmt: skip


def truncated(_: Path) -> Iterator[Row]:
    noise = Image.frombytes("RGB", (160, 120), random.Random(7).randbytes(160 * 120 * 3))
    accepted = by_pillow = 0
    for encoding, options in (("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("WEBP", {})):
        buffer = io.BytesIO()
        noise.save(buffer, encoding, **options)
        data = buffer.getvalue()
        for number in range(200):
            part = data[: len(data) - 1 - number * (len(data) - 2) // 199]
            with contextlib.suppress(SeedreamError):
                verify_picture(part)
                accepted += 1
            with contextlib.suppress(Exception), Image.open(io.BytesIO(part)) as opened:
                opened.verify()
                by_pillow += 1
    yield Row(
        "truncated images accepted, 800 cuts, 4 encodings", str(accepted), "0", accepted == 0, f"{by_pillow} (verify())"
    )


def kills(folder: Path) -> Iterator[Row]:
    chance, damaged, died = random.Random(11), 0, 0
    with killing() as (killer, server):
        for number in range(200):
            store, seen = folder / str(number), len(server.requests)
            if number < 140:  # every durable call of a stream, then of a JSON answer
                at = number + 1 if number < 74 else number - 73
                died += killer.kill(store, stream=number < 74, at=at)
            else:
                died += killer.kill(store, stream=number % 2 == 0, seconds=chance.uniform(0.001, 0.12))
            server.wait_for(lambda state: state.open_connections == 0)
            damaged += bool(store.exists() and violations(server, store, seen))
    yield Row(f"damaged stores, 200 kills ({died} struck)", str(damaged), "0", damaged == 0 and died > 100)


def records_(folder: Path) -> Iterator[Row]:
    count = written_by_many(folder, 8, 300)
    yield Row("records of 8 processes x 300 runs", str(count), "2400", count == 2400)


def library_of_many(folder: Path) -> Iterator[Row]:
    told, kept, integrity = drawn_by_many(folder, 8, 300)
    passed = (told, kept, integrity) == (2400, 2400, "ok")
    yield Row("runs in the library of 8 processes x 300 runs", f"{told} {integrity}", "2400 ok", passed)


def damaged_libraries(folder: Path) -> Iterator[Row]:
    """Runs that are lost, refused or paid twice where the library is damaged, in each way there is."""
    spoilt = 0
    for number, damage in enumerate(DAMAGES.values()):
        path = folder / str(number) / "user" / "library.sqlite3"
        with (
            mock.patch.dict(os.environ, SEEDREAM_LIBRARY=str(path)),
            raw_server({POST: whole_answer, PICTURE: picture}) as server,
        ):
            seedream = client(server, folder / str(number) / "store")
            seedream.generate("red fox", images=2)
            damage(path)
            try:
                works(seedream, server)
            except Exception:  # noqa: BLE001 - whatever it is, it is counted
                spoilt += 1
    yield Row(f"runs lost or paid twice, {len(DAMAGES)} damaged libraries", str(spoilt), "0", spoilt == 0)


def races(folder: Path) -> Iterator[Row]:
    """Two programs, two stores, one library: killed till 200 kills have struck."""
    chance, broken = random.Random(13), list[str]()
    with racing(folder) as race:
        while race.kills < 200:
            broken += race.round(chance)
    for line in broken:
        tell(line)
    name = f"paid twice, kept claimed or untrue, 200 kills in {race.rounds} races"
    yield Row(name, str(len(broken)), "0", not broken)


ASK = """
import sys
from seedream_magic import Seedream
seedream = Seedream("anyfast", api_key="sk-x-123456", base_url=sys.argv[1], store=sys.argv[2])
print(len(seedream.generate("processes", images=2).ok))
"""


def claims(folder: Path) -> Iterator[Row]:
    """The same request of many at once, over three stores: how many POSTs that makes, and how many get its set."""

    def tasks(seedreams: list[Seedream]) -> list[int]:
        async def draw() -> list[ImageSet]:
            return await asyncio.gather(*(seedream.agenerate("tasks", images=2) for seedream in seedreams))

        return [len(images.ok) for images in asyncio.run(draw())]

    def threads(seedreams: list[Seedream]) -> list[int]:
        with ThreadPoolExecutor(len(seedreams)) as pool:
            return list(pool.map(lambda seedream: len(seedream.generate("threads", images=2).ok), seedreams))

    def processes(seedreams: list[Seedream]) -> list[int]:
        command = [sys.executable, "-c", ASK, seedreams[0].base_url]
        started = [subprocess.Popen([*command, str(one.store)], stdout=subprocess.PIPE) for one in seedreams]
        return [int(process.communicate()[0] or 0) for process in started]

    for way, count, gap in ((tasks, 50, 0.05), (threads, 20, 0.05), (processes, 8, 0.5)):
        slow = partial(lambda gap, request: Drip(bytes(whole(request)), 60, gap), gap)
        with raw_server({POST: slow, PICTURE: picture}) as server:
            stores = [folder / f"{way.__name__} {number % 3}" for number in range(count)]
            got = way([Seedream("anyfast", api_key=KEY, base_url=f"{server.url}/v1", store=one) for one in stores])
            posts = server.posts
        passed = (posts, got) == (1, [2] * count)
        yield Row(f"POSTs of {count} {way.__name__} with one request, all with its set", str(posts), "1", passed)


def travels(folder: Path) -> Iterator[Row]:
    """What a notebook pays again whose folder has travelled with its store, and one that was copied without."""
    again = 0
    for number, travel in enumerate(TRAVELS.values()):
        there, here = folder / f"{number}" / "book", folder / f"{number} elsewhere"
        with raw_server({POST: whole_answer, PICTURE: picture}) as server:
            url = f"{server.url}/v1"
            known = partial(ours, url, stream=True, new=False)
            known(there / "seedream-runs")
            travel(there, here)
            shown = [known(here / "seedream-runs"), known(folder / "new store")]
            again += server.posts - 1 + sum(not (isinstance(images, ImageSet) and images.complete) for images in shown)
        shutil.rmtree(folder / f"{number}", ignore_errors=True)
        shutil.rmtree(here)
    yield Row(f"paid again, folders {', '.join(TRAVELS)}", str(again), "0", again == 0)


CANARY = """
import logging, pickle, sys, traceback
from seedream_magic import Seedream
logging.basicConfig(level=logging.DEBUG, filename=sys.argv[3])
key = sys.stdin.readline().strip()
for number in range(int(sys.argv[4])):
    for stream in (True, False):
        seedream = Seedream("anyfast", api_key=key, base_url=f"{sys.argv[1]}/{number}", store=sys.argv[2])
        try:
            images = seedream.generate("x", images=2, stream=stream, timeout=0.4, fresh=True)
            print(images, vars(seedream.plan("x")), seedream.plan("x").curl(), images._repr_mimebundle_())
        except BaseException as error:
            traceback.print_exc()
            print(repr(error), error.lines(), vars(error), pickle.dumps(error))
"""


def canary(folder: Path) -> Iterator[Row]:
    echo = Reply(401, {}, json.dumps(error_body("AuthenticationError", f"bad key {KEY}")).encode())
    told = [*(row[1] for row in FAULTS.values()), echo, whole_answer]

    def answer(request: Request) -> Behaviour:
        scripted = told[int(request.path.split("/")[1])]
        behaviour: Behaviour = scripted if hasattr(scripted, "play") else scripted(request)
        return behaviour

    with raw_server({("POST", "/"): answer, PICTURE: picture}) as server:
        folders = (str(folder / "store"), str(folder / "log"))
        command = [sys.executable, "-c", CANARY, server.url, *folders, str(len(told))]
        done = subprocess.run(command, input=KEY.encode(), capture_output=True, check=True)
    sinks = {"stdout": done.stdout, "stderr": done.stderr, "log": (folder / "log").read_bytes()}
    shown = sum(data.count(b"X-Tos-Signature") for data in sinks.values())
    sinks |= {str(path): path.read_bytes() for path in (folder / "store").rglob("*") if path.is_file()}
    key = KEY.encode()
    spelled = (key, base64.b64encode(key)[:-3], key.hex().encode(), quote(KEY, safe="").encode())
    hits = sum(data.count(text) for data in sinks.values() for text in spelled)
    client = openai.OpenAI(api_key=KEY)
    name, beside = f"key or signature in {len(sinks)} sinks (files, log, stdout, stderr, errors)", repr(vars(client))
    passed = hits == shown == 0 and len(sinks) > 60
    yield Row(name, f"{hits} + {shown}", "0 + 0", passed, f"{beside.count(KEY)} in vars(client)")


def unsafe(_: Path) -> Iterator[Row]:
    inside = [f"https://{spell(address)}/1.jpeg" for address in INSIDE for spell in SPELLINGS.values()]
    loopback = [
        "https://127.0.0.1/1.jpeg",
        "https://localhost/1.jpeg",
        "https://localhost./1.jpeg",
        "https://[::1]/1.jpeg",
        "http://127.0.0.1:8080/x",
    ]
    links = [*inside, *loopback, "file:///etc/passwd", "ftp://127.0.0.1/x", "https://u@127.0.0.1/"]
    connected: list[str] = []
    passed: list[str] = []

    async def connect(_: object, __: object, host: str = "", *___: object, **____: object) -> Any:
        connected.append(host)
        raise OSError

    async def run() -> None:
        async with image_client() as client:
            for url in links:
                try:
                    await download(client, url, held, allow_loopback=False)
                except UnsafeURL:
                    continue
                except SeedreamError:
                    passed.append(url)

    with mock.patch.object(asyncio.BaseEventLoop, "create_connection", connect):
        asyncio.run(run())
    bad = len(connected) + len(passed)
    yield Row(f"unsafe links connected, of {len(links)}", str(bad), "0", bad == 0)


MEMORY = r"""
import re, sys
from pathlib import Path
def peak():
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 2**10
url, store, who = sys.argv[1:4]
if who == "ours":
    from seedream_magic import Seedream
    def call(path):
        Seedream("anyfast", api_key="sk-x-123456", base_url=url + path, store=store).generate("x", images=2, fresh=True)
else:
    import openai
    def call(path):
        client = openai.OpenAI(api_key="sk-x-123456", base_url=url + path, max_retries=0, timeout=20)
        list(client.images.generate(model="m", prompt="x", stream=True))
for path in ("/small", sys.argv[4]):
    before = peak()
    try:
        call(path)
    except Exception:
        pass
print(peak() - before)
"""


def memory(folder: Path) -> Iterator[Row]:
    squeeze = zlib.compressobj(9, wbits=31)
    bomb = b"".join(squeeze.compress(bytes(2**20)) for _ in range(1024)) + squeeze.flush()
    buffer = io.BytesIO()
    Image.new("1", (30000, 30000)).save(buffer, "PNG")

    def answer(request: Request) -> Behaviour:
        if request.path.startswith("/bomb"):
            return Reply(200, {"Content-Type": "text/event-stream", "Content-Encoding": "gzip"}, bomb)
        if request.path.startswith("/line"):
            return Raw(streamed(b"data: ", b"x" * 200_000_000))
        index = 7 if request.path.startswith("/png") else 0
        return Raw(streamed(succeeded(request, index), completed(1)))

    def serve(request: Request) -> Behaviour:
        return Reply(200, {}, buffer.getvalue()) if "/7." in request.path else picture(request)

    def grown(who: str, path: str) -> float:
        with raw_server({("POST", "/"): answer, PICTURE: serve}) as server:
            command = [sys.executable, "-c", MEMORY, server.url, str(folder), who, path]
            return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)

    for name, path, most in (
        # A picture of the service may have 91 MB as text: so much of an event is held.
        ("gzip bomb, 1 GiB", "/bomb", 256),
        ("200 MB line", "/line", 256),
        ("900 MP PNG", "/png", 50),
    ):
        more = grown("ours", path)
        beside = "-" if path == "/png" else f"+{grown('theirs', path):.0f} MiB"
        yield Row(f"peak memory, {name}", f"+{more:.0f} MiB", f"< +{most} MiB", more < most, beside)


def stops(folder: Path) -> Iterator[Row]:
    stages = [stage for stage in STAGES if not stage.startswith(("connecting", "while"))]
    with stopping(folder / "runs") as (kernel, server, stuck):
        seconds = [stop_at(kernel, server, stuck, stages[number % len(stages)]) for number in range(40)]
        beside = []
        stuck.stage = "before the head"
        kernel.run(f"import openai\nclient = openai.OpenAI(api_key='x', base_url={server.url + '/v1'!r}, timeout=60)")
        for _ in range(4):
            begun = server.posts
            kernel.start("client.images.generate(model='m', prompt='x')")
            server.wait_for(lambda seen, begun=begun: seen.posts > begun)  # type: ignore[misc]  # mypy infers no lambda with a default
            kernel.interrupt()
            beside.append(kernel.wait_idle(30))
    p95 = statistics.quantiles(seconds, n=20)[-1]
    yield Row(
        "Stop to prompt, p95 of 40 in a kernel", f"{p95:.2f} s", "<= 0.5 s", p95 <= 0.5, f"{max(beside):.2f} s (4)"
    )


def pool(folder: Path) -> Iterator[Row]:
    async def twice(task: asyncio.Task[Any]) -> None:
        for _ in range(2):
            task.cancel()
            await asyncio.sleep(0)
        await asyncio.wait([task])

    async def run(url: str, server: Any) -> tuple[int, int]:
        seedream = Seedream("anyfast", api_key=KEY, base_url=url, store=folder)
        for count in range(1, 13):
            task = asyncio.create_task(seedream.agenerate("x", images=2))
            await asyncio.to_thread(server.wait_for, lambda seen, n=count: seen.posts == n)
            await twice(task)
        with contextlib.suppress(TimeoutError):
            await asyncio.to_thread(server.wait_for, lambda seen: seen.open_connections == 0, 5)
        still = server.open_connections
        client = openai.AsyncOpenAI(api_key=KEY, base_url=url, max_retries=0)
        for count in range(13, 25):
            call: Any = client.images.generate(model="m", prompt="x", stream=True)
            task = asyncio.create_task(call)
            await asyncio.to_thread(server.wait_for, lambda seen, n=count: seen.posts == n)
            await twice(task)
        transport: Any = client._client._transport  # nothing public tells
        left = len(transport._pool.connections)
        await client.close()
        return still, left

    with raw_server({POST: Hang(NEVER), PICTURE: picture}) as server:
        still, left = asyncio.run(run(f"{server.url}/v1", server))
    yield Row("connections left after 12 double cancels", str(still), "0", still == 0, f"{left} in its pool")


def overhead(folder: Path) -> Iterator[Row]:
    data = [jpeg(index)[:2] + (b"\xff\xfe\xff\xff" + bytes(65533)) * 12 + jpeg(index)[2:] for index in range(4)]
    facts = [verify_picture(item) for item in data]
    request, _ = make_request(Ask("x", {"images": 4}), model=MODEL)
    plan = Plan(request, PROVIDERS["anyfast"], "https://www.anyfast.ai/v1")

    def durable() -> None:
        run = begin_run(folder / "runs", plan, client_request_id="x")
        run.record({"status": 200})
        frames = []
        for index, item in enumerate(data):
            run.record({"object": {"image_index": index, "url": f"https://e.com/{index}?s=1"}})
            path, digest = run.save_picture(index, item, facts[index], source="https://e.com/")
            frames.append(Frame(index, "x", path, 64, 48, digest))
        run.conclude(ImageSet(request, "anyfast", run.run_id, run.folder, tuple(frames), 4, "done", "billed"), None)

    def plain() -> None:
        for index, item in enumerate(data):
            (folder / f"{index}.jpg").write_bytes(item)

    spent = []
    for _ in range(15):
        times = []
        for step in (durable, plain):
            began = time.perf_counter()
            step()
            times.append(time.perf_counter() - began)
        spent.append((times[0] - times[1]) * 1000)
    more = statistics.median(spent)
    yield Row("durable writes of a run, 4 images of 0.75 MiB", f"{more:.0f} ms", "< 30 ms", more < 30)


BESIDE_EACH_OTHER = (
    *(lost, read_whole, kills, killed_after_answer, largest, memory),
    *(races, library_of_many, damaged_libraries, claims, travels),
    *(records_, posts, canary, truncated, unsafe),
)
"""What counts or weighs; it runs two at a time."""
ALONE = (stops, pool, overhead)
"""What is timed."""


def measured(gate: Callable[[Path], Iterator[Row]]) -> list[Row]:
    """The rows of a gate, in a folder of its own and with a patience that suits faults which never end."""
    patience = Patience(connect=1, write=1, head=0.4, idle=0.4, progress=0.4, total=5)
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(client_module, "patience_for", return_value=patience),
        mock.patch.dict(os.environ, SEEDREAM_LIBRARY=str(Path(folder, "library.sqlite3"))),
    ):
        return list(gate(Path(folder)))


def tell(line: str) -> None:
    """One line of the table, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Prints the table as it grows; 1 if a gate is missed."""
    for name in [name for name in os.environ if name.startswith("SEEDREAM_") or name.lower().endswith("_proxy")]:
        del os.environ[name]
    began, missed = time.monotonic(), 0
    tell(f"{'gate':<72} {'ours':>10} {'wanted':>10}        openai-python {openai.__version__}")
    with ProcessPoolExecutor(2) as processes:
        for rows in chain(processes.map(measured, BESIDE_EACH_OTHER), map(measured, ALONE)):
            for row in rows:
                missed += not row.passed
                mark = "ok" if row.passed else "MISSED"
                tell(f"{row.name:<72} {row.ours:>10} {row.wanted:>10} {mark:<6} {row.beside}")
    tell(f"{f'{missed} missed' if missed else 'every gate holds'}, {time.monotonic() - began:.0f} s")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
