"""A batch by the workers of an executor, as a program: it says what came, so that a test can end any of its processes.

    python worker_jobs.py pool|dask URL STORE PLANS [KILLED]

With `KILLED` so many others are drawn as well, while the process of a worker is ended when the first set has come, and
then these again: Dask in the same cluster, which takes seconds to start.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

from seedream_magic import Seedream, SeedreamError


@contextmanager
def pool() -> Iterator[tuple[Executor, int]]:
    """Two processes of the standard library, and the id of one of them."""
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        yield executor, executor.submit(os.getpid).result()


@contextmanager
def dask() -> Iterator[tuple[Executor, int]]:
    """A cluster of two workers of Dask, and the process of one of them."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client.get_executor(), next(iter(client.run(os.getpid).values()))


def draw(seedream: Seedream, executor: Executor, prompts: list[str], ended: int | None = None) -> dict[str, Any]:
    """What came, and what failed and why; the process `ended` is killed on the way."""
    batch = seedream.map(iter(prompts), executor=executor, concurrency=4)
    came = 0
    with nullcontext() if ended is None else suppress(SeedreamError):  # a pool may take no more
        for images in batch:
            if ended is not None and not came:
                os.kill(ended, signal.SIGKILL)
            came += len(images.ok)
    return {"came": came, "failed": len(batch.failed), "errors": sorted({str(each.error) for each in batch.failed})}


def main(kind: str, url: str, store: str, count: int, *, killed: bool) -> None:
    """Draw, and print what came each time."""
    seedream = Seedream("anyfast", base_url=url, store=store)
    prompts, others = ([f"{name} {number}" for number in range(count)] for name in ("leaf", "tree"))
    with (pool if kind == "pool" else dask)() as (executor, process):
        found = [draw(seedream, executor, prompts)]
        if killed:
            found.append(draw(seedream, executor, others, process))
        if killed and kind == "dask":
            found.append(draw(seedream, executor, others))
    if killed and kind == "pool":  # of which one process has died, and with it all
        with pool() as (executor, _):
            found.append(draw(seedream, executor, others))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    kind, url, store, count, *killed = sys.argv[1:]
    main(kind, url, store, int(count), killed=bool(killed))
