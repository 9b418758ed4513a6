"""Runs that are killed: a process that forks one run after the other, each of which dies where it is told to.

A fresh fork costs milliseconds where a fresh interpreter costs half a second, so hundreds of kills are affordable.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from PIL import Image

from fault import shades
from raw_server import Behaviour, RawServer, Request, Scenario, raw_server
from seedream_magic.images.claims import RUN_LOCK
from seedream_magic.images.record import load, read_record
from seedream_magic.images.response import named_pictures
from seedream_magic.images.stored_runs import records
from served import client
from service import PICTURE, POST, jpeg, picture, whole_answer

DURABLE_CALLS = ("open", "write", "fsync", "replace", "mkdir")

_PROGRAM = r"""
import os, signal, sys, threading, time
from seedream_magic import Seedream
import seedream_magic.images.verify, seedream_magic.view.carousel

def die():
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)

def dying(real, calls, at):
    def call(*arguments, **options):
        calls.append(1)
        if len(calls) == at:
            if real is write and len(arguments[1]) > 1:
                write(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
            die()
        return real(*arguments, **options)
    return call

write, fork_names = os.write, sys.argv[2].split(",")
for line in sys.stdin:
    store, stream, at, seconds, images = line.split("\t")
    child = os.fork()
    if not child:
        os.environ["SEEDREAM_LIBRARY"] = f"{store}.sqlite3"  # else it would show what an earlier child has drawn
        calls = []
        for name in fork_names:
            setattr(os, name, dying(getattr(os, name), calls, int(at)))
        if float(seconds):
            threading.Timer(float(seconds), die).start()
        seedream = Seedream("anyfast", api_key="sk-CANARY-3f9c2b71", base_url=sys.argv[1], store=store)
        form = {} if images == "3" else {"response_format": "b64_json"}
        seedream.generate("x", images=int(images), stream=stream == "yes", **form)
        os._exit(0)
    print(child, flush=True)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""


class Killer:
    """Begins runs and kills them: at the n-th durable call, or after so many seconds."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def kill(self, store: Path, *, stream: bool = True, at: int = 0, seconds: float = 0.0) -> bool:
        """Whether the run died; False where it came to its end before that."""
        self._begin(store, stream, at, seconds, 3)
        return self._ended()

    def kill_after_answer(self, store: Path, size: int, *, stream: bool, seconds: float) -> bool:
        """The same so long after the last byte of an answer of so many is on disk: eight pictures in base64."""
        process = self._begin(store, stream, 0, 0.0, 8)
        until = time.monotonic() + 20
        with suppress(ProcessLookupError):  # it has come to its end
            while sum(path.stat().st_size for path in store.glob("*/response.raw")) < size:
                assert time.monotonic() < until, "the answer is not kept"
                time.sleep(0.001)
                os.kill(process, 0)
            time.sleep(seconds)
            os.kill(process, signal.SIGKILL)
        return self._ended()

    def kill_when(self, store: Path, ready: Callable[[], None], *, stream: bool = False) -> bool:
        """The same as soon as `ready` returns."""
        process = self._begin(store, stream, 0, 0.0, 3)
        ready()
        os.kill(process, signal.SIGKILL)
        return self._ended()

    def _begin(self, store: Path, stream: bool, at: int, seconds: float, images: int) -> int:  # noqa: FBT001
        assert self._process.stdin
        assert self._process.stdout
        line = (store, "yes" if stream else "no", at, seconds, images)
        print(*line, sep="\t", file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def _ended(self) -> bool:
        assert self._process.stdout
        code = int(self._process.stdout.readline())
        assert code in {0, -9}, code
        return code == -9


@contextmanager
def killing(
    answer: Callable[[Request], Behaviour] = whole_answer, scenario: Scenario | None = None
) -> Iterator[tuple[Killer, RawServer]]:
    """A killer and the service that its runs ask; `scenario` adds to what the service has."""
    with raw_server({POST: answer, PICTURE: picture, **(scenario or {})}) as server:
        command = [sys.executable, "-c", _PROGRAM, f"{server.url}/v1", ",".join(DURABLE_CALLS)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield Killer(process), server
            finally:
                process.kill()


def violations(server: RawServer, store: Path, seen: int) -> list[str]:
    """What a kill has damaged in a store of one run, before and after `recover`; empty where nothing is.

    `seen` is the number of requests that the service had seen before the run.
    """
    requests = server.requests[seen:]
    found = [*_damage(store), *_lost(requests, store)]
    seedream, posts = client(server, store), server.posts
    sets, again = seedream.recover(), seedream.recover()
    named = {picture.index for record in records(store) for picture in named_pictures(record.folder)}
    if server.posts != posts:
        found.append("recover sent a POST")
    if any(frame.path is None for images in sets for frame in images if frame.index in named):
        found.append("recover left a picture behind whose link is on disk")
    if again:
        found.append("recover is not done after one time")
    return [*found, *_damage(store)]


def _damage(store: Path) -> Iterator[str]:
    for folder in store.glob("[!.]*"):  # but for the locks, which are empty files
        yield from damage_in(folder)


def damage_in(folder: Path) -> Iterator[str]:
    """What is damaged or left over in the folder of one run whose pictures are those of `jpeg`, each in its place."""
    for path in folder.glob("*"):
        if path.name != RUN_LOCK and (path.suffix not in _WHOLE or not _WHOLE[path.suffix](path)):
            yield f"{path} is damaged, or left over"
    record = read_record(folder)
    if record and any(shade not in {None, place} for place, shade in enumerate(shades(load(record)))):
        yield f"{folder} loads as other pictures"


def _is_its_picture(path: Path) -> bool:
    with Image.open(path) as opened:
        opened.load()
    return path.read_bytes() == jpeg(int(path.stem) - 1)


_WHOLE: dict[str, Callable[[Path], bool]] = {
    ".jpg": _is_its_picture,
    ".json": lambda path: isinstance(json.loads(path.read_text()), dict),
    # All lines but the last one, which the kill may have torn.
    ".jsonl": lambda path: all(map(json.loads, path.read_bytes().rpartition(b"\n")[0].splitlines())),
    ".part": lambda path: path.name.startswith("."),
    ".raw": lambda path: path.name == "response.raw" and path.stat().st_mode & 0o777 == 0o600,
}


def _lost(requests: list[Request], store: Path) -> Iterator[str]:
    """A POST that left without a record, a second one, a picture asked for before its link was on disk."""
    posts = [request for request in requests if request.method == "POST"]
    if len(posts) > 1:
        yield "more than one POST"
    if posts and not list(store.glob("*/request.json")):
        yield "a POST without a record"
    kept = "".join(path.read_text() for path in store.glob("*/response.jsonl"))
    if any(request.path.partition("?")[0] not in kept for request in requests if request.method == "GET"):
        yield "a picture was asked for before its link was on disk"
