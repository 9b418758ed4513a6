"""A batch by the workers of an executor, as a program: it says what came, so that a test can end any of its processes.

    python worker_jobs.py pool|dask URL STORE PLANS KILLED

`KILLED` "yes" ends a worker's process when the first set has come.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager

from seedream_magic import Seedream


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


def main(kind: str, url: str, store: str, count: int, *, killed: bool) -> None:
    """Draw, and print what came, what failed and why."""
    seedream = Seedream("anyfast", base_url=url, store=store)
    with (pool if kind == "pool" else dask)() as (executor, process):
        batch = seedream.map((f"leaf {number}" for number in range(count)), executor=executor, concurrency=4)
        came = 0
        for images in batch:
            if killed and not came:
                os.kill(process, signal.SIGKILL)
            came += len(images.ok)
    failed = {str(failure.error) for failure in batch.failed}
    sys.stdout.write(json.dumps({"came": came, "failed": len(batch.failed), "errors": sorted(failed)}))


if __name__ == "__main__":
    kind, url, store, count, killed = sys.argv[1:]
    main(kind, url, store, int(count), killed=killed == "yes")
