"""Pictures as the service makes them, and the service itself, in a process of its own.

`served` runs this module as a program: it prints its address, then the time at which it has sent each event.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from PIL import Image

from raw_server import EVENT_STREAM, Behaviour, Reply, Request, head, json_reply, raw_server, sse

KEY = "sk-benchmark"
_SUCCEEDED = "image_generation.partial_succeeded"
_COMPLETED = "image_generation.completed"


@cache
def picture(side: int, kind: str = "JPEG", seed: int = 0) -> bytes:
    """A square picture with shapes of all sizes, as a photograph has them, and of about as many bytes."""
    chance, whole = random.Random(seed), Image.new("RGB", (side, side))
    for edge, share in ((16, 1.0), (64, 0.4), (256, 0.25), (1024, 0.12), (side // 2, 0.06)):
        shapes = Image.frombytes("RGB", (edge, edge), chance.randbytes(edge * edge * 3))
        whole = Image.blend(whole, shapes.resize((side, side), Image.Resampling.BICUBIC), share)
    buffer = io.BytesIO()
    whole.save(buffer, kind, quality=90) if kind == "JPEG" else whole.save(buffer, kind, compress_level=1)
    return buffer.getvalue()


@dataclass(frozen=True)
class _After:
    """A reply that comes `delay` seconds after the request."""

    delay: float
    reply: Reply

    def play(self, connection: socket.socket) -> None:
        time.sleep(self.delay)
        connection.sendall(bytes(self.reply))


@dataclass(frozen=True)
class _Paced:
    """Events `gap` seconds apart; the time of each is printed when it is sent."""

    events: tuple[bytes, ...]
    gap: float

    def play(self, connection: socket.socket) -> None:
        connection.sendall(head(200, EVENT_STREAM))
        for event in self.events:
            time.sleep(self.gap)
            sys.stdout.write(f"{time.time()}\n")
            sys.stdout.flush()
            connection.sendall(event)
        connection.sendall(sse(None, "[DONE]"))


def _serve(options: dict[str, float]) -> None:
    """Serve until the standard input closes.

    `side`, `kind`: of the pictures; `delay`: seconds before a picture's bytes come; `gap`: seconds that each picture
    takes, between events or, without a stream, before the answer.
    """
    made = [picture(int(options["side"]), str(options.get("kind", "JPEG")), seed) for seed in range(2)]
    # Each another file, as services know them, though two are painted: what stands behind a picture's end is no part.
    data = [made[number % 2] + bytes([number]) for number in range(15)]
    kind = str(options.get("kind", "JPEG")).lower()

    @cache
    def reply(host: str, form: str, count: int) -> Reply:
        """Made once: what a service takes to write its answer is no part of what is measured."""
        items = [item(host, form, index) for index in range(count)]
        return json_reply({"data": items, "created": 1, "usage": {"generated_images": count}})

    @cache
    def events(host: str, form: str, count: int) -> tuple[bytes, ...]:
        pictures = [{"type": _SUCCEEDED, "image_index": at, **item(host, form, at)} for at in range(count)]
        last = {"type": _COMPLETED, "usage": {"generated_images": count}}
        return (*(sse(_SUCCEEDED, picture) for picture in pictures), sse(_COMPLETED, last))

    def item(host: str, form: str, index: int) -> dict[str, str]:
        if form == "b64_json":
            return {"b64_json": base64.b64encode(data[index]).decode("ascii")}
        return {"url": f"http://{host}/picture/{index}.{kind}"}

    def answer(request: Request) -> Behaviour:
        body = request.json()
        count = body.get("sequential_image_generation_options", {}).get("max_images", 1)
        asked = (request.headers["host"], body.get("response_format", "url"), count)
        if body.get("stream"):
            return _Paced(events(*asked), options.get("gap", 0))
        return _After(options.get("gap", 0) * count, reply(*asked))

    def stored(request: Request) -> Behaviour:
        index = int(request.path.removeprefix("/picture/").partition(".")[0])
        return _After(options.get("delay", 0), Reply(200, {"Content-Type": f"image/{kind}"}, data[index]))

    with raw_server({("POST", "/v1/images/generations"): answer, ("GET", "/picture/"): stored}) as server:
        sys.stdout.write(f"{server.url}/v1\n")
        sys.stdout.flush()
        sys.stdin.read()


@dataclass(frozen=True)
class Service:
    """A running service: its base URL."""

    url: str
    _program: subprocess.Popen[str]

    def event_times(self, count: int) -> list[float]:
        """When the next `count` events were sent, in seconds since 1970."""
        assert self._program.stdout is not None
        return [float(self._program.stdout.readline()) for _ in range(count)]


@contextlib.contextmanager
def served(**options: float | str) -> Iterator[Service]:
    """A service with these options, see `_serve`."""
    command = [sys.executable, __file__, json.dumps(options)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SEEDREAM")}
    program = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=Path(__file__).parent
    )
    assert program.stdin is not None
    assert program.stdout is not None
    try:
        yield Service(program.stdout.readline().strip(), program)
    finally:
        program.stdin.close()
        program.wait(20)
        program.stdout.close()


if __name__ == "__main__":
    _serve(json.loads(sys.argv[1]))
