"""Processes that race for requests and are killed: what of it may have paid twice, or shows something untrue.

Two programs, as two notebooks are: each has a store of its own, both have one library. Each forks a child for every
request, so that a kill costs milliseconds; a child kills itself, so that the moment is as exact as it can be.
"""

from __future__ import annotations

import hashlib
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import filelock

from kill import damage_in
from raw_server import Behaviour, Drip, RawServer, Request, raw_server
from seedream_magic import database, library
from seedream_magic.drawing import PAUSE_SECONDS
from seedream_magic.images.claims import is_live
from seedream_magic.images.image_set import Frame
from seedream_magic.images.index import entry_of
from seedream_magic.images.record import Record, load
from seedream_magic.images.response import named_pictures
from seedream_magic.images.stored_runs import records
from served import KEY, client
from service import PICTURE, POST, picture, whole_answer

IMAGES = 2
WHOLE, PART, UNKNOWN, REFUSED, KILLED = 0, 2, 3, 4, -9
"""How a child ends: with the whole set, with a part of it, told that nobody knows, with another error, killed."""

_PROGRAM = r"""
import hashlib, os, signal, sys, threading, time, traceback
from seedream_magic import OutcomeUnknown, Seedream, SeedreamError
import seedream_magic.images.verify, seedream_magic.view.carousel, sqlite3, filelock

def die():
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)

def draw(store, prompt, stream):
    try:
        seedream = Seedream("anyfast", api_key=sys.argv[2], base_url=sys.argv[1], store=store)
        images = seedream.generate(prompt, images=2, stream=stream == "yes")
    except OutcomeUnknown:
        return 3
    except SeedreamError:
        traceback.print_exc()
        return 4
    except BaseException:
        traceback.print_exc()
        return 5
    for frame in images.ok:
        if hashlib.sha256(frame.path.read_bytes()).hexdigest() != frame.sha256:
            return 6
    return 0 if len(images.ok) == 2 else 2

for line in sys.stdin:
    store, prompt, stream, seconds = line.rstrip("\n").split("\t")
    child = os.fork()
    if not child:
        if float(seconds):
            threading.Timer(float(seconds), die).start()
        code = draw(store, prompt, stream)
        sys.stderr.flush()
        os._exit(code)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""


@dataclass(frozen=True)
class Racer:
    """One of the programs, and its store."""

    process: subprocess.Popen[str]
    store: Path

    def begin(self, prompt: str, *, stream: bool, seconds: float) -> None:
        """Begin a request; the child dies after so many seconds, where they are not 0."""
        assert self.process.stdin
        line = (self.store, prompt, "yes" if stream else "no", seconds)
        print(*line, sep="\t", file=self.process.stdin, flush=True)

    def end(self) -> int:
        """How the child ended."""
        assert self.process.stdout
        return int(self.process.stdout.readline())


class Race:
    """Rounds of two requests each, and what they have broken."""

    server: RawServer
    racers: Sequence[Racer]

    def __init__(self) -> None:
        self.kills = self.rounds = 0
        self.times: dict[int, float] = {}
        self._known: set[Path] = set()

    def answer(self, request: Request) -> Behaviour:
        """The whole answer in small pieces, so that a kill can strike in the middle of it."""
        self.times[request.connection] = time.monotonic()
        reply = bytes(whole_answer(request))  # type: ignore[call-overload]  # it is a Reply
        return Drip(reply, size=len(reply) // 12 + 1, gap=0.004)

    def round(self, chance: random.Random) -> list[str]:
        """Both ask, for the same or for different pictures, and one or both are killed; what is broken after that."""
        self.rounds += 1
        same, stream = chance.random() < 0.6, chance.random() < 0.5
        prompts = [f"{self.rounds}"] * 2 if same else [f"{self.rounds} a", f"{self.rounds} b"]
        victims = chance.choice([{0}, {1}, {0, 1}])
        seen = len(self.server.requests)
        for number, racer in enumerate(self.racers):
            seconds = chance.uniform(0.001, 0.35) if number in victims else 0.0
            racer.begin(prompts[number], stream=stream, seconds=seconds)
        codes = [racer.end() for racer in self.racers]
        killed = [number for number, code in enumerate(codes) if code == KILLED]
        self.kills += len(killed)
        self.server.wait_for(lambda state: state.open_connections == 0)
        new = [record for racer in self.racers for record in records(racer.store) if record.folder not in self._known]
        self._known.update(record.folder for record in new)
        found = [*self._outcomes(codes, killed, same=same), *self._sent(prompts, seen), *self._left(new)]
        found += self._told(new)
        found += self._shown_again(new)
        return [f"round {self.rounds} {codes} same={same} stream={stream}: {text}" for text in found]

    def _outcomes(self, codes: list[int], killed: list[int], *, same: bool) -> Iterator[str]:
        """Who was not killed has the set; a part, or nobody's knowledge, only where the other died with it."""
        for number, code in enumerate(codes):
            if code in {WHOLE, KILLED}:
                continue
            if not (same and code in {PART, UNKNOWN} and set(killed) == {1 - number}):
                yield f"program {number} ended with {code}"

    def _sent(self, prompts: list[str], seen: int) -> Iterator[str]:
        """One POST for each request. A second one only of who comes when the first has died, after the pause in which
        it says so.
        """
        sent = [
            (request.json()["prompt"], self.times[request.connection])
            for request in self.server.requests[seen:]
            if request.method == "POST"
        ]
        for prompt in set(prompts):
            times = [moment for asked, moment in sent if asked == prompt]
            if any(later - earlier < PAUSE_SECONDS for earlier, later in pairwise(times)):
                yield f"{len(times)} POSTs for {prompt!r}, in {times[-1] - times[0]:.2f} s"

    def _left(self, new: list[Record]) -> Iterator[str]:
        """Locks that somebody still has, and files that are damaged or half written."""
        yield from (f"{record.folder} counts as under way" for record in new if is_live(record))
        path = database.library_file()
        assert path is not None
        for lock in path.parent.rglob("*.lock"):
            try:
                filelock.FileLock(lock, timeout=0).acquire().lock.release()
            except filelock.Timeout:
                yield f"{lock} is held by nobody who lives"
        with closing(sqlite3.connect(path)) as connection:
            (integrity,) = connection.execute("PRAGMA integrity_check").fetchone()
        if integrity != "ok":
            yield f"the library is damaged: {integrity}"
        for record in new:
            yield from damage_in(record.folder)

    def _told(self, new: list[Record]) -> Iterator[str]:
        """What the library says of each run, and what was billed in all."""
        told = {entry.folder: entry for racer in self.racers for entry in library.history(racer.store)}
        for record in new:
            if told.get(record.folder) != entry_of(record.folder):
                yield f"the library tells of {record.folder} what is not so"
        billed = sum(told[record.folder].billed for record in new if record.folder in told)
        if billed > IMAGES * len(new):
            yield f"{billed} images count as billed"

    def _shown_again(self, new: list[Record]) -> Iterator[str]:
        """The same cells once more, and `recover`: what was named comes, whole, and nothing is sent."""
        posts, seedreams = self.server.posts, [client(self.server, racer.store) for racer in self.racers]
        named = {record.folder: {picture.index for picture in named_pictures(record.folder)} for record in new}
        # For what was never made the cell may ask.
        for prompt in {record.body["prompt"] for record in new if len(named[record.folder]) == IMAGES}:
            shown = seedreams[0].generate(prompt, images=IMAGES)
            yield from (f"{prompt!r} is not whole: {frame!r}" for frame in shown if not is_true(frame))
        for seedream in seedreams:
            seedream.recover()
            if seedream.recover():
                yield f"{seedream.store} is not done after one recover"
        if self.server.posts != posts:
            yield "what was named was paid again"
        for record in new:
            lost = named[record.folder] - {frame.index for frame in load(record).ok}
            if lost:
                yield f"{record.folder} has lost {lost}"


def is_true(frame: Frame) -> bool:
    """Whether a frame shows what its file holds."""
    return frame.path is not None and hashlib.sha256(frame.path.read_bytes()).hexdigest() == frame.sha256


@contextmanager
def racing(folder: Path) -> Iterator[Race]:
    """Two programs, two stores and a library in `folder`, and the service that both ask."""
    race, before = Race(), os.environ.get("SEEDREAM_LIBRARY", "")
    os.environ["SEEDREAM_LIBRARY"] = str(folder / "user" / "library.sqlite3")
    try:
        with raw_server({POST: race.answer, PICTURE: picture}) as race.server, ExitStack() as stack:
            command = [sys.executable, "-c", _PROGRAM, f"{race.server.url}/v1", KEY]
            begun = partial(subprocess.Popen, command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            programs = [stack.enter_context(begun()) for _ in range(2)]
            for program in programs:
                stack.callback(program.kill)
            stores = [folder / name / "seedream-runs" for name in ("one", "two")]
            race.racers = [Racer(*pair) for pair in zip(programs, stores, strict=True)]
            yield race
    finally:
        os.environ["SEEDREAM_LIBRARY"] = before
