"""How a batch of thousands of plans does: `python tests/batch_benchmark.py [PLANS]`, 5,000 if no number is given.

The service is the demo in a process of its own, without delay; what is compared with a bare loop of asyncio and httpx,
with as many requests at once, that saves the same pictures. It is done twice: with the demo as it is, and with a demo
that has its picture ready and paints nothing. Each measurement has a process of its own: its peak of memory is its
alone. The program exits with 1 where a goal is missed.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest import mock

import httpx

from seedream_magic import Seedream
from seedream_magic.demo import painter, server, service
from seedream_magic.demo.service import DemoSettings

CONCURRENCY = 8
SMALLEST: Any = {"model": "doubao-seedream-3-0-t2i-250415", "size": "512x512"}
GOAL = 0.8
"""Of the pictures a second of the bare loop, with the demo as it is."""
ROUNDS = 5
FLAT = 1.2
"""Times the peak of memory of a tenth of the plans."""

Counters = Callable[[], dict[str, int]]


def serve(*, ready: bool) -> None:
    """Serve the demo; each line of stdin is answered with how many requests came, and how many of them came again."""
    content = painter.paint("a tree", 0, width=512, height=512, watermark=False)
    paints = mock.patch.object(service, "paint", return_value=content) if ready else nullcontext()
    with paints, server.running(DemoSettings(delay=0)) as running:
        tell(running.base_url)
        for _ in sys.stdin:
            tell(json.dumps({"posts": running.posts, "again": running.posts - len(running.takes)}))


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def draw(base_url: str, store: str, count: int) -> int:
    """As many pictures by a batch; how many came."""
    seedream = Seedream("demo", base_url=base_url, store=store)
    prompts = (f"tree number {number}" for number in range(count))
    return sum(len(images.ok) for images in seedream.map(prompts, concurrency=CONCURRENCY, **SMALLEST))


async def loop(base_url: str, store: str, count: int) -> int:
    """As many pictures by the bare loop; how many came."""
    numbers, folder, came = itertools.count(), Path(store), 0

    async def work(http: httpx.AsyncClient) -> None:
        nonlocal came
        while (number := next(numbers)) < count:
            body = {"prompt": f"tree number {number}", **SMALLEST}
            answer = (await http.post(f"{base_url}/images/generations", json=body)).json()
            picture = await http.get(answer["data"][0]["url"])
            folder.joinpath(f"{number}.jpg").write_bytes(picture.content)
            came += 1

    async with httpx.AsyncClient(headers={"Authorization": "Bearer demo"}, trust_env=False, timeout=60) as http:
        await asyncio.gather(*(work(http) for _ in range(CONCURRENCY)))
    return came


def report(kind: str, base_url: str, store: str, count: int) -> None:
    """Draw in this process, and print what that took."""
    began = time.perf_counter()
    came = draw(base_url, store, count) if kind == "draw" else asyncio.run(loop(base_url, store, count))
    seconds, peak = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    mebibytes = peak / 2 ** (20 if sys.platform == "darwin" else 10)
    tell(json.dumps({"came": came, "seconds": seconds, "cpu": time.process_time(), "peak": mebibytes}))


def begin(*arguments: object) -> subprocess.Popen[str]:
    """Begin this program in a process of its own."""
    command = [sys.executable, __file__, *map(str, arguments)]
    # A library for each store: else what was measured before would be shown from there.
    environment = {**os.environ, "SEEDREAM_LIBRARY": f"{arguments[2]}.sqlite3" if len(arguments) > 2 else ""}
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


@contextmanager
def serving(kind: str) -> Iterator[tuple[str, Counters]]:
    """The service's address, and what asks for its counters."""
    with begin(kind) as process:
        assert process.stdin
        assert process.stdout
        commands, answers = process.stdin, process.stdout
        url = answers.readline().strip()

        def counters() -> dict[str, int]:
            commands.write("\n")
            commands.flush()
            found: dict[str, int] = json.loads(answers.readline())
            return found

        try:
            yield url, counters
        finally:
            commands.close()


def measured(kind: str, base_url: str, store: Path, count: int) -> dict[str, float]:
    store.mkdir()
    output, _ = begin(kind, base_url, store, count).communicate()
    found: dict[str, float] = json.loads(output)
    return found


def row(what: str, found: dict[str, float]) -> float:
    """Print a row of the table; the pictures a second."""
    rate, cpu = found["came"] / found["seconds"], found["cpu"] / found["came"] * 1000
    pictures, seconds = f"{found['came']:>6,.0f} pictures", f"{found['seconds']:>7.1f} s"
    tell(f"{what:<40}{pictures}{seconds}{rate:>8.1f}/s{cpu:>7.1f} ms of CPU each{found['peak']:>8.1f} MiB")
    return rate


def compared(kind: str, folder: Path, count: int) -> float:
    """The pictures a second of a batch, as a share of those of the bare loop; by turns: the machine may be shared."""
    sums: dict[str, dict[str, float]] = {"loop": {}, "draw": {}}
    with serving(kind) as (url, _):
        for number in range(ROUNDS):
            for work, total in sums.items():
                found = measured(work, url, folder / f"{kind} {work} {number}", count // ROUNDS)
                peak = max(found["peak"], total.get("peak", 0.0))
                total.update({name: total.get(name, 0.0) + value for name, value in found.items()}, peak=peak)
    bare, batch = row(f"{kind}: bare loop", sums["loop"]), row(f"{kind}: batch", sums["draw"])
    tell(f"{kind}: {batch / bare:.2f} of the bare loop")
    return batch / bare


def flat(folder: Path, count: int) -> bool:
    """Whether a batch needs no more memory than one of a tenth of its plans, and sends each of them once."""
    with serving("ready") as (url, counters):
        few = measured("draw", url, folder / "few", count // 10)
    with serving("ready") as (url, counters):
        many = measured("draw", url, folder / "many", count)
        sent = counters()
    row("ready: a tenth", few)
    row("ready: all", many)
    tell(f"memory {many['peak'] / few['peak']:.2f} of that of a tenth; {sent['posts']:,} requests")
    return many["peak"] <= FLAT * few["peak"] and many["came"] == sent["posts"] == count


def survives(folder: Path, count: int) -> bool:
    """Whether a batch that is killed half-way and begun again bills nothing twice."""
    with serving("ready") as (url, counters):
        (folder / "killed").mkdir()
        with begin("draw", url, folder / "killed", count) as process:
            while counters()["posts"] < count // 2:
                time.sleep(0.05)
            process.send_signal(signal.SIGKILL)
        began = time.perf_counter()
        output, _ = begin("draw", url, folder / "killed", count).communicate()
        came, sent = json.loads(output)["came"], counters()
    told = f"{came:,} of {count:,} pictures after a kill, {count - came} told as unknown, {sent['again']} billed twice"
    tell(f"{told}; the second call took {time.perf_counter() - began:.1f} s")
    return sent["again"] == 0 and count - came <= CONCURRENCY


def by_cluster(folder: Path, count: int) -> bool:
    """Whether a Dask cluster of two workers draws each plan once."""
    if find_spec("distributed") is None:
        tell("A Dask cluster was not tried: distributed is not installed.")
        return True
    began = time.perf_counter()
    environment = {"SEEDREAM_API_KEY": "demo", "SEEDREAM_LIBRARY": str(folder / "dask.sqlite3")}
    with serving("ready") as (url, counters):
        program = str(Path(__file__).with_name("worker_jobs.py"))
        command = [sys.executable, program, "dask", url, str(folder / "dask"), str(count)]
        output = subprocess.run(command, stdout=subprocess.PIPE, check=True, env={**os.environ, **environment}).stdout
        came, sent = json.loads(output)[0]["came"], counters()
    seconds = time.perf_counter() - began
    tell(f"{came:,} pictures by a Dask cluster of two workers in {seconds:.0f} s; {sent['posts']:,} requests")
    return came == sent["posts"] == count and not sent["again"]


def main(count: int) -> int:
    """Prints the table; 1 where a goal is missed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kept = [compared("demo", folder, count // 10) >= GOAL]
        compared("ready", folder, count // 10)
        kept += [flat(folder, count), survives(folder, count), by_cluster(folder, count)]
    return int(not all(kept))


if __name__ == "__main__":
    match sys.argv[1:]:
        case [("demo" | "ready") as kind]:
            serve(ready=kind == "ready")
        case [kind, url, folder, number]:
            report(kind, url, folder, int(number))
        case [number]:
            sys.exit(main(int(number)))
        case _:
            sys.exit(main(5_000))
