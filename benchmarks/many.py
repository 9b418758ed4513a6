"""Many runs: fifty at once on one loop, how soon a Stop ends them, and a hundred prompts through `map`."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx

import batch_benchmark as batch
from pictures import KEY, Service, served
from seedream_magic import Seedream
from table import Row, in_process, in_turn, seconds
from whole_set import MODEL

RUNS = 50
PLANS = 100
_numbers = itertools.count()
_PEAK = """
import asyncio, json, sys
from pathlib import Path
from seedream_magic import Seedream
def peak():  # not getrusage: that is also the parent's
    return int(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0]) / 1024
url, key, store, runs = sys.argv[1:]
client = Seedream("anyfast", api_key=key, base_url=url, store=store)
async def draw(count, name):  # prompts of its own: what the library has is not asked for again
    prompts = (f"{name} {number} of {store}" for number in range(count))
    sets = await asyncio.gather(*(client.agenerate(prompt, stream=False) for prompt in prompts))
    assert not any(images.replayed for images in sets)
asyncio.run(draw(2, "warm"))
rest = peak()
asyncio.run(draw(int(runs), "many"))
print(json.dumps([peak() - rest]))
"""


def _client(service: Service) -> Seedream:
    return Seedream("anyfast", api_key=KEY, base_url=service.url, store=Path("runs"))


async def _draw_all(client: Seedream) -> None:
    turn = next(_numbers)
    runs = (client.agenerate(f"run {number} of {turn}", stream=False) for number in range(RUNS))
    assert all(len(images.ok) == 1 for images in await asyncio.gather(*runs))


async def _loop(service: Service) -> None:
    """The floor: a connection each, and nothing but the pictures is written."""
    turn = next(_numbers)

    async def draw(http: httpx.AsyncClient, number: int) -> None:
        answer = await http.post(f"{service.url}/images/generations", json={"model": MODEL, "prompt": "one"})
        picture = await http.get(answer.json()["data"][0]["url"])
        await asyncio.to_thread(Path(f"loop{turn}-{number}.jpg").write_bytes, picture.content)

    limits = httpx.Limits(max_connections=RUNS, max_keepalive_connections=0)
    async with httpx.AsyncClient(timeout=60, trust_env=False, verify=False, limits=limits) as http:
        await asyncio.gather(*(draw(http, number) for number in range(RUNS)))


async def _stop(client: Seedream, count: int) -> float:
    """Seconds from a Stop till the last of so many runs, whose answers are awaited, has ended."""
    turn = next(_numbers)
    runs = [asyncio.create_task(client.agenerate(f"stop {number} of {turn}", stream=False)) for number in range(count)]
    await asyncio.sleep(1 if count == 1 else 2)
    began = time.perf_counter()
    for run in runs:
        run.cancel()
    ended = await asyncio.gather(*runs, return_exceptions=True)
    took = time.perf_counter() - began
    assert all(isinstance(end, asyncio.CancelledError) for end in ended)
    assert {run.outcome for run in client.history(here=True)[:count]} == {"unknown"}  # all had been sent
    return took


def _seconds_to_stop(client: Seedream, count: int) -> float:
    return asyncio.run(_stop(client, count))


def _peak(service: Service, runs: int) -> float:
    store = str(Path(f"peak{next(_numbers)}").absolute())
    return float(in_process(_PEAK, service.url, KEY, store, str(runs))[0])


def _batch(kind: str, url: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        found = batch.measured(kind, url, Path(folder, "store"), PLANS)
    assert found["came"] == PLANS
    return found["came"] / found["seconds"]


def rows() -> Iterator[Row]:
    """A service that answers after half a second; for Stop one that does not answer meanwhile."""
    with served(side=512, gap=0.5) as service:
        client = _client(service)
        ways = {
            "ours": lambda: seconds(lambda: asyncio.run(_draw_all(client))),
            "floor": lambda: seconds(lambda: asyncio.run(_loop(service))),
        }
        figures = in_turn(ways)
        share = figures.ratio("floor", "ours")
        goal = f"at least 0.8 of the speed of a bare loop; it is {share:.2f}"
        limit = (
            "In a profile a run takes 16 ms of processor time, a fifth of it httpx's, and nothing else more than a "
            "tenth: a plan, look-ups of what was paid before, a durable record and its end, the library; and 12 syncs"
        )
        yield Row(f"{RUNS} runs at once", "s", figures.of, goal, share >= 0.8, limit)
        memory = in_turn({f"ours, {count}": partial(_peak, service, count) for count in (50, 10)}, warm=0)
        each = memory.more("ours, 50", "ours, 10") / 40
        goal = f"at most 1 MiB for each further run; it is {each:.2f} MiB"
        limit = "Of one more run tracemalloc finds 76 kB, half of it in httpx, anyio and asyncio"
        yield Row("peak of memory of runs at once", "MiB", memory.of, goal, each <= 1, limit)
    with served(side=512, gap=15) as service:
        client = _client(service)
        counts = {"ours": 1, f"ours, {RUNS} runs": RUNS}
        stopped = in_turn({way: partial(_seconds_to_stop, client, count) for way, count in counts.items()})
    one, all_of_them = stopped.median(), stopped.median(f"ours, {RUNS} runs")
    goal = f"one run, and {RUNS}, end at most 0.1 s after it; it is {one:.2f} and {all_of_them:.2f} s"
    limit = (
        "Before it ends, each run writes durably that it was stopped and may be billed, and the library notes it: in a "
        "profile 1.3 and 1.2 ms a run, a third of that syncs and the rest Python's own, so that threads change nothing"
    )
    met = max(one, all_of_them) <= 0.1
    yield Row("Stop", "s", stopped.of, goal, met, limit)
    with batch.serving("demo") as (url, _):
        rates = in_turn({"ours": partial(_batch, "draw", url), "floor": partial(_batch, "loop", url)}, warm=0)
    share = rates.ratio("ours", "floor")
    goal = f"at least 0.8 of the pictures a second of a bare loop, on the demo as it is; it is {share:.2f}"
    limit = "A run costs some 20 ms of processor time, for its records, syncs and the library"
    yield Row(f"{PLANS} prompts through `map`", "1/s", rates.of, goal, share >= 0.8, limit)
