"""Stop and kill, F95-F101: the prompt comes back at once, what came is kept, and a killed run leaves no damage."""

from __future__ import annotations

import base64
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from kernel import Kernel, running_kernel
from kill import killing, violations
from raw_server import EVENT_STREAM, Behaviour, Gate, Hang, RawServer, Reply, Request, head, json_reply, raw_server, sse
from seedream_magic.images.record import load
from seedream_magic.images.stored_runs import records
from served import KEY, check_store, client
from service import PICTURE, POST, completed, jpeg, picture, stream_head, succeeded, whole_answer

pytestmark = pytest.mark.xdist_group("faults_stop")

STAGES = {
    "connecting": 0,
    "before the head": 0,
    "in the head": 0,
    "in a JSON answer": 0,
    "between events": 1,
    "in an event": 1,
    "before a picture": 1,
    "in a picture": 1,
    "between attempts at a picture": 1,
    "while the disk syncs": 0,
    "while the output is drawn": 0,
}
"""Where a run is stopped, and how many of its two pictures are shown by then."""

SLOW = """
import os, time
from seedream_magic.view import carousel
real_fsync, real_bundle = os.fsync, carousel.set_bundle
def slow(real):
    def call(*arguments, **options):
        time.sleep(0.2)
        return real(*arguments, **options)
    return call
"""


class Stuck:
    """A service that gets stuck at a stage; what it does at any other is all that is asked of it."""

    def __init__(self) -> None:
        self.stage = ""
        self.never = threading.Event()

    def post(self, request: Request) -> Behaviour:
        first = stream_head() + succeeded(request, 0)
        sent = {
            "before the head": b"",
            "while the disk syncs": b"",
            "while the output is drawn": b"",
            "in the head": b"HTTP/1.1 200 OK\r\nContent-",
            "in a JSON answer": head(200, {"Content-Length": "900"}) + b'{"data": [',
            "between events": first,
            "in an event": first + succeeded(request, 1)[:30],
        }
        return Gate(sent[self.stage], self.never, b"") if self.stage in sent else whole_answer(request)

    def picture(self, request: Request) -> Behaviour:
        if not request.path.startswith("/picture/1"):
            return picture(request)
        if self.stage == "before a picture":
            return Hang(self.never)
        if self.stage == "in a picture":
            return Gate(head(200, {}) + jpeg(1)[:200], self.never, b"")
        return Reply(503) if self.stage == "between attempts at a picture" else picture(request)


@contextmanager
def stopping(folder: Path) -> Iterator[tuple[Kernel, RawServer, Stuck]]:
    """A kernel with the extension, and the service that gets stuck."""
    stuck = Stuck()
    with raw_server({POST: stuck.post, PICTURE: stuck.picture}) as server:
        environment = {"SEEDREAM_BASE_URL": f"{server.url}/v1", "SEEDREAM_API_KEY": KEY, "SEEDREAM_STORE": str(folder)}
        with running_kernel(environment=environment, directory=folder.parent) as kernel:
            assert kernel.run(f"%load_ext seedream_magic\n{SLOW}").ename is None
            yield kernel, server, stuck


@contextmanager
def full_backlog() -> Iterator[str]:
    """The base URL of a service that takes no connection: its queue is full, and nobody answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        waiting = [socket.socket() for _ in range(4)]
        for client in waiting:
            client.setblocking(False)
            with suppress(BlockingIOError):
                client.connect(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        for client in waiting:
            client.close()


def stop_at(kernel: Kernel, server: RawServer, stuck: Stuck, stage: str, *, presses: int = 1) -> float:
    """Seconds from Stop to prompt; the kernel shows what came and is free, and no connection is left."""
    stuck.stage = stage
    begun = server.posts
    if stage == "while the disk syncs":
        kernel.run("os.fsync = slow(real_fsync)")
    if stage == "while the output is drawn":
        kernel.run("carousel.set_bundle = slow(real_bundle)")
    kernel.start(f"%%seedream -n 2 --fresh\n{stage}")
    shown = STAGES[stage]
    if stage != "connecting":
        server.wait_for(lambda seen: seen.posts > begun)
    if shown:
        kernel.wait_output(lambda result: any("<img" in output.data.get("text/html", "") for output in result.displays))
    else:
        kernel.wait_output(lambda result: bool(result.displays))
    for _ in range(presses):
        kernel.interrupt()
    seconds = kernel.wait_idle(10)
    assert kernel.result.ename in {"SeedreamInterrupted", "KeyboardInterrupt"}, kernel.result
    assert presses > 1 or f"Stopped after {shown} of 2" in (kernel.result.evalue or "")
    server.wait_for(lambda seen: seen.open_connections == 0)
    assert kernel.run("os.fsync, carousel.set_bundle = real_fsync, real_bundle").ename is None
    return seconds


LEFT = """\
import threading
runs = [thread for thread in threading.enumerate() if "seedream" in thread.name]
[thread.name for thread in runs if thread.join(2) or thread.is_alive()]"""
"""The threads of runs that do not end within two seconds of the prompt: it comes before they have closed all."""


@pytest.mark.kernel
@pytest.mark.fault("F95", "F96")
def test_stop_at_every_point(tmp_path: Path) -> None:
    """Eleven points, pressed once to three times: the prompt is back, the next call is good, nothing is left."""
    with stopping(tmp_path / "runs") as (kernel, server, stuck):
        seconds = []
        for number, stage in enumerate(STAGES):
            if stage == "connecting":
                with full_backlog() as url:
                    kernel.run(f"os.environ['SEEDREAM_BASE_URL'] = {url!r}")
                    seconds.append(stop_at(kernel, server, stuck, stage))
                kernel.run(f"os.environ['SEEDREAM_BASE_URL'] = {server.url + '/v1'!r}")
            else:
                seconds.append(stop_at(kernel, server, stuck, stage, presses=1 + number % 3))
        assert kernel.run(LEFT).displays[0].text == "[]"
        stuck.stage = ""
        assert kernel.run("%%seedream good << -n 2\nx").ename is None
        check_store(tmp_path / "runs")
    assert sorted(seconds)[len(seconds) // 2] < 0.5, seconds
    assert max(seconds) < 5, seconds


AWAITED = {
    "in the cell": "await Seedream().agenerate('x', images=2)",
    "before the call": "await asyncio.sleep(0)\nSeedream().generate('x')",
}


@pytest.mark.kernel
@pytest.mark.fault("F97")
def test_stop_of_a_cell_that_awaits(tmp_path: Path) -> None:
    """`await` holds the kernel's own loop, and Stop cancels its task, which cannot end before a call that waits.

    Stop ends the run all the same and closes the connection; the next cells are good.
    """
    with stopping(tmp_path / "runs") as (kernel, server, stuck):
        for posts, call in enumerate(AWAITED.values(), 1):
            stuck.stage = "before the head"
            kernel.start(f"import asyncio\nfrom seedream_magic import Seedream\n{call}")
            server.wait_for(lambda seen, posts=posts: seen.posts == posts)  # type: ignore[misc]  # mypy infers no lambda with a default
            kernel.interrupt()
            assert kernel.wait_idle(10) < 2
            allowed = {"SeedreamInterrupted", "KeyboardInterrupt", "CancelledError"}
            assert kernel.result.ename in (allowed if posts == 1 else {"SeedreamInterrupted"})
            server.wait_for(lambda seen: seen.open_connections == 0)
        stuck.stage = ""
        assert kernel.run("await asyncio.sleep(0)\n%seedream").ename is None
        assert kernel.run("%%seedream good << -n 2\nx").ename is None


RECEIVED = """
import os, signal, sys, time
real = os.fsync
def slow(descriptor):
    time.sleep(0.1)
    real(descriptor)
from seedream_magic import Seedream
def stop(images):
    if images.outcome == "billed":
        os.fsync = slow
        signal.raise_signal(signal.SIGINT)
signal.signal(signal.SIGINT, signal.default_int_handler)
seedream = Seedream("anyfast", api_key="sk-x-123456", base_url=sys.argv[1], store=sys.argv[2])
seedream.run(seedream.plan("x", images=6, response_format="b64_json", stream=False), on_change=stop)
"""


@pytest.mark.fault("F96")
def test_a_script_ends_when_what_it_received_is_saved(store: Path) -> None:
    """Stop ends a script at once; pictures that had come whole, in the answer itself, are on disk all the same."""
    data = [{"b64_json": base64.b64encode(jpeg(index)).decode()} for index in range(6)]
    with raw_server({POST: json_reply({"data": data})}) as server:
        command = [sys.executable, "-W", "ignore", "-c", RECEIVED, f"{server.url}/v1", str(store)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "SeedreamInterrupted" in done.stderr
    assert len(list(store.glob("*/0?.jpg"))) == 6
    check_store(store)


@pytest.mark.kernel
@pytest.mark.fault("F100")
def test_a_kernel_that_is_shut_down_while_pictures_come(tmp_path: Path) -> None:
    """Its threads do not hold it up, and what was named is brought afterwards."""
    with stopping(tmp_path / "runs") as (kernel, server, stuck):
        stuck.stage = "in a picture"
        kernel.run(
            "import threading\nfrom seedream_magic import Seedream\n"
            "threading.Thread(target=lambda: Seedream().generate('x', images=2), daemon=True).start()"
        )
        server.wait_for(lambda seen: seen.count("GET", "/picture/1") == 1)
        began = time.monotonic()
        kernel.manager.shutdown_wait_time = 60  # it is killed after half of that
        kernel.manager.shutdown_kernel(restart=True)
        assert time.monotonic() - began < 20
        stuck.stage = ""
        (images,) = client(server, tmp_path / "runs").recover()
        assert [frame.ok for frame in images] == [True, True]
        assert server.posts == 1


@pytest.mark.fault("F99")
@pytest.mark.parametrize("way", ["at a durable step", "at any moment"])
def test_a_kill_damages_nothing(way: str, tmp_path: Path) -> None:
    """In the n-th open, write (half of it), fsync or rename, or at random: `recover` brings the rest.

    Every third n and forty moments; all of them are for `make faults`.
    """
    chance, found, died = random.Random(7), [], 0
    with killing() as (killer, server):
        for number in range(1, 80, 3) if way == "at a durable step" else range(40):
            store, seen = tmp_path / f"{number}", len(server.requests)
            if way == "at a durable step":
                died += killer.kill(store, stream=number % 2 == 0, at=number)
            else:
                died += killer.kill(store, stream=number % 2 == 0, seconds=chance.uniform(0.005, 0.15))
            server.wait_for(lambda state: state.open_connections == 0)
            found += violations(server, store, seen) if store.exists() else []
    assert found == []
    assert died > (20 if way == "at a durable step" else 10)


def in_base64(request: Request) -> Reply:
    """Eight pictures of a mebibyte each in the answer itself, as a list or as events."""
    segment = b"\xff\xfe\xff\xff" + bytes(65533)
    data = [jpeg(index)[:2] + segment * 16 + jpeg(index)[2:] for index in range(8)]
    texts = [base64.b64encode(picture).decode() for picture in data]
    if not request.json()["stream"]:
        return json_reply({"data": [{"b64_json": text} for text in texts]})
    name = "image_generation.partial_succeeded"
    events = [sse(name, {"type": name, "image_index": at, "b64_json": text}) for at, text in enumerate(texts)]
    return Reply(200, EVENT_STREAM, b"".join(events) + completed(8))


@pytest.mark.fault("F99")
@pytest.mark.parametrize("stream", [True, False])
def test_a_kill_after_the_answer_loses_no_picture_of_it(tmp_path: Path, *, stream: bool) -> None:
    """At ten instants of each: as soon as its bytes are here `recover` of another process has all eight; one POST."""
    died = 0
    with killing(in_base64) as (killer, server):
        for number in range(10):
            store, size = tmp_path / f"{number}", len(in_base64(asking(stream=stream)).body)
            died += killer.kill_after_answer(store, size, stream=stream, seconds=0.8 * (number / 9) ** 2)
            server.wait_for(lambda state: state.open_connections == 0)
            posts = server.posts
            client(server, store).recover()
            (made,) = records(store)
            assert [frame.path is not None for frame in load(made)] == [True] * 8
            assert (server.posts, posts) == (number + 1, number + 1)
            for part in store.glob("*/.*.part"):  # of the killed process: swept when nobody can own it any more
                part.unlink()
            check_store(store)
            assert not list(store.glob("*/response.raw"))  # nothing is left to be brought
    assert died


def asking(*, stream: bool) -> Request:
    return Request("POST", "/", b"", {}, json.dumps({"stream": stream}).encode(), 0)


RELOADED = """
import importlib, os, sys, threading, time
import seedream_magic
from seedream_magic import Seedream
from seedream_magic import bridge, run as path, seedream as front
settings = dict(api_key="sk-x-123456", base_url=sys.argv[1], store=sys.argv[2])
images = []
def draw():
    images.append(Seedream("anyfast", **settings).generate("a", images=2))
run = threading.Thread(target=draw)
run.start()
sys.stdin.readline()
child = os.fork()
if not child:
    Seedream("anyfast", **settings).plan("b")
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
for module in (bridge, path, front, seedream_magic):
    importlib.reload(module)
print("reloaded", flush=True)
run.join(20)
from seedream_magic import Seedream
again = Seedream("anyfast", **settings).generate("b", images=2)
left = [thread.name for thread in threading.enumerate() if "seedream" in thread.name]
print(len(images[0].ok), len(again.ok), left, flush=True)
"""


@pytest.mark.fault("F101")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_and_a_reload_in_the_middle_of_a_run(store: Path) -> None:
    """The run ends as it would have, a child holds nothing, the reloaded package works, no worker is left over."""
    go_on = threading.Event()

    def answer(request: Request) -> Behaviour:
        if request.json()["prompt"] == "b":
            return whole_answer(request)
        return Gate(stream_head() + succeeded(request, 0), go_on, succeeded(request, 1) + completed(2))

    with raw_server({POST: answer, PICTURE: picture}) as server:
        command = [sys.executable, "-W", "ignore", "-c", RELOADED, f"{server.url}/v1", str(store)]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
            assert process.stdin
            assert process.stdout
            server.wait_for(lambda seen: seen.gets == 1, 30)
            print(file=process.stdin, flush=True)
            assert process.stdout.readline() == "reloaded\n"
            go_on.set()
            out, err = process.communicate(timeout=30)
        assert (out, err) == ("2 2 []\n", "")
        assert server.posts == 2
    check_store(store)
