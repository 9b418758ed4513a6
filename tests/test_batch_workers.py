"""A batch on other processes: what travels to a worker and back, real pools and clusters, processes that are killed."""

from __future__ import annotations

import asyncio
import copy
import importlib.util
import json
import os
import pickle
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

import seedream_magic
from conftest import ROOT, skip_or_fail
from raw_server import Behaviour, RawServer, Request, json_reply, raw_server
from seedream_magic import ConfigError, InvalidRequest, MissingKey, Seedream, SeedreamError, session
from seedream_magic.batch.workers import Job, draw_job
from seedream_magic.errors import ApiError, ImageError, RateLimited, SeedreamInterrupted
from served import KEY, check_store, client
from service import PICTURE, POST, bodies, jpeg, picture, whole_answer

ERRORS = [
    kind
    for kind in vars(seedream_magic.errors).values()
    if isinstance(kind, type) and issubclass(kind, SeedreamError | SeedreamInterrupted)
]


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_an_error_travels_with_all_that_it_says(kind: Any, seedream: Seedream) -> None:
    """Its words, whether it is billed, its run, its pictures and the set."""
    error = kind("what happened", hint="do this", billed="unknown", request_id="id")
    images = seedream.generate("one")
    images.attach(error)
    error.gateway, error.attempts, error.billable_attempts = "LiteLLM", 3, 2
    for name, value in {"status": 429, "code": "TooMany", "param": "size"}.items():
        if isinstance(error, ApiError):
            setattr(error, name, value)
    if isinstance(error, RateLimited):
        error.retry_after = 7.0
    expected = dict(vars(error))
    if isinstance(error, ImageError):  # the bytes that came in place of a picture stay where they are
        error.rejected, error.rejected_as = b"<html>", "html"
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert vars(again) == expected
    assert again.lines() == error.lines()


def test_a_plan_travels_without_key_headers_and_client(server: RawServer, store: Path) -> None:
    """The values of headers may be secret; its references go along."""
    seedream = Seedream(
        "anyfast", api_key=KEY, base_url=f"{server.url}/v1", store=store, headers={"X-Tenant": "secret-tenant"}
    )
    plan = seedream.plan("after this", refs=jpeg(3), images=2)
    packed = pickle.dumps(plan)
    assert KEY.encode() not in packed
    assert b"secret-tenant" not in packed
    again = pickle.loads(packed)
    assert again.fingerprint == plan.fingerprint
    assert again.request == plan.request
    assert copy.copy(plan).headers == copy.deepcopy(plan).headers == plan.headers


@pytest.fixture
def keyed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers find a key of their own."""
    monkeypatch.setenv("SEEDREAM_API_KEY", KEY)


def test_workers_draw_and_the_caller_has_the_sets(seedream: Seedream, server: RawServer, keyed: None) -> None:
    """In order, with their pictures and their bill; again they come from the store."""
    rows = [{"prompt": f"leaf {number}", "images": 1 + number % 2} for number in range(20)]
    with ThreadPoolExecutor(3) as executor:
        sets = list(seedream.map(rows, executor=executor, ordered=True, concurrency=3))
        assert [images.prompt for images in sets] == [row["prompt"] for row in rows]
        assert all(images.complete and images.client is seedream for images in sets)
        assert seedream.session.images_billed == 30
        again = seedream.map(iter(rows), executor=executor)
        assert all(images.replayed for images in again)
    assert seedream.session.images_billed == 30
    assert server.posts == 20
    assert not seedream.session.reservations
    check_store(seedream.store)


def test_amap_has_workers_too(seedream: Seedream, server: RawServer, keyed: None) -> None:
    """On the loop that runs."""

    async def collect() -> int:
        with ThreadPoolExecutor(2) as executor:
            return sum([len(images.ok) async for images in seedream.amap(map(str, range(10)), executor=executor)])

    assert asyncio.run(collect()) == 10
    assert server.posts == 10


def test_a_worker_without_a_key_says_so_before_anything_is_sent(seedream: Seedream, server: RawServer) -> None:
    """The caller's own key does not travel."""
    with ThreadPoolExecutor(2) as executor, pytest.raises(MissingKey) as caught:
        list(seedream.map([f"leaf {number}" for number in range(50)], executor=executor))
    assert "A worker has none" in caught.value.hint
    assert server.connections == 0
    assert not seedream.session.reservations


def test_a_worker_without_the_caller_s_headers_says_so(server: RawServer, store: Path, keyed: None) -> None:
    """A gateway would refuse each request, or bill somebody else."""
    seedream = Seedream("anyfast", base_url=f"{server.url}/v1", store=store, headers={"X-Tenant": "t"})
    with ThreadPoolExecutor(2) as executor, pytest.raises(ConfigError, match="X-Tenant"):
        list(seedream.map(["a"], executor=executor))
    assert server.connections == 0


def test_what_cannot_go_to_workers_is_refused(server: RawServer, store: Path, keyed: None) -> None:
    """A transport is bound to this process, and a day's limit to this library."""
    lent = client(server, store, transport=httpx.AsyncHTTPTransport())
    with ThreadPoolExecutor(1) as executor:
        with pytest.raises(ConfigError, match="transport"):
            list(lent.map(["a"], executor=executor))
        limited = client(server, store)
        limited.session.check_day = lambda _: None
        with pytest.raises(ConfigError, match="max_images_per_day"):
            list(limited.map(["a"], executor=executor))


def test_the_session_s_limit_holds_for_workers(seedream: Seedream, server: RawServer, keyed: None) -> None:
    """The caller reserves what it hands out; the rest is told as not sent."""
    limits = session.current()

    def at_most_five(plan: Any) -> None:
        if limits.images_billed + limits.images_reserved + session.images_to_bill(plan) > 5:
            raise InvalidRequest("The session allows 5.")

    limits.check = at_most_five
    with ThreadPoolExecutor(2) as executor:
        batch = seedream.map([f"leaf {number}" for number in range(20)], executor=executor)
        assert sum(len(images.ok) for images in batch) == 5
    assert len(batch.failed) == 15
    assert server.posts == 5


def test_a_bad_row_and_a_refusal_come_back_as_failures(store: Path, keyed: None) -> None:
    """With the error that the worker met."""
    refused = {"error": {"code": "InputTextSensitiveContentDetected", "message": "no"}}

    def answer(request: Request) -> Behaviour:
        return json_reply(refused, status=400) if "forbidden" in request.json()["prompt"] else whole_answer(request)

    with raw_server({POST: answer, PICTURE: picture}) as server, ThreadPoolExecutor(2) as executor:
        batch = client(server, store).map(iter(["a", "", "forbidden", "b"]), executor=executor, ordered=True)
        assert [len(images.ok) for images in batch] == [1, 0, 0, 1]
    errors = [type(failure.error).__name__ for failure in batch.failed]
    assert sorted(errors) == ["ContentRefused", "InvalidRequest"]


class Elsewhere(Executor):
    """Workers whose store is not the caller's."""

    def __init__(self, store: Path) -> None:
        self._store = store

    def submit(self, work: Any, /, job: Job, *_: Any, **__: Any) -> Future[Any]:  # type: ignore[override]
        outcomes: Future[Any] = Future()
        moved = Job(job.client, {**job.settings, "store": self._store}, True, (), None, job.plans)
        with ThreadPoolExecutor(1) as pool:
            drawn = pool.submit(draw_job, moved).result()
        for folder in self._store.glob("*Z-*"):
            folder.rename(folder.with_name("moved"))
        outcomes.set_result(drawn)
        return outcomes


def test_a_store_that_is_not_shared_is_told(seedream: Seedream, tmp_path: Path, keyed: None) -> None:
    """It was billed, and where it lies."""
    batch = seedream.map(["a"], executor=Elsewhere(tmp_path / "elsewhere"))
    assert [len(images.ok) for images in batch] == [0]
    assert "elsewhere, where it is not seen here" in str(batch.failed[0].error)
    assert batch.failed[0].error.billed == "yes"


def test_an_executor_that_takes_no_more_ends_the_batch(seedream: Seedream, server: RawServer, keyed: None) -> None:
    """A pool is broken as soon as one of its workers has died: what has come is there, the rest is unsent."""
    with ThreadPoolExecutor(1) as pool:
        batch = seedream.map((f"leaf {number}" for number in range(100)), executor=pool, concurrency=1)
        came = [next(batch)]
        pool.shutdown(wait=False)
        with pytest.raises(SeedreamError, match="takes no more work") as raised:
            came += batch
    assert raised.value.billed == "no"
    assert sum(len(images.ok) for images in came) == server.posts < 100
    assert not batch.failed


@contextmanager
def program(kind: str, server: RawServer, store: Path, count: int) -> Iterator[subprocess.Popen[str]]:
    """`worker_jobs.py` at work, in a session of its own: all of its processes end with the test."""
    command = [sys.executable, str(ROOT / "tests" / "worker_jobs.py"), kind, f"{server.url}/v1", str(store), str(count)]
    command.append("killed")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def sent(server: RawServer) -> Counter[str]:
    """How often each prompt was sent."""
    return Counter(body["prompt"] for body in bodies(server.requests))


@pytest.mark.parametrize("kind", ["pool", "dask"])
def test_real_workers_send_each_plan_once_and_one_that_dies_loses_nothing_that_is_paid(
    kind: str, server: RawServer, store: Path, keyed: None
) -> None:
    """Two processes of a pool, and a Dask cluster of two workers, of which one is killed on the way.

    What it had in hand may be told as unknown, and is not sent a second time.
    """
    if kind == "dask" and importlib.util.find_spec("distributed") is None:
        skip_or_fail("distributed cannot be imported")
    with program(kind, server, store, 30) as process:
        output, _ = process.communicate(timeout=100)
    whole, _, again = json.loads(output)
    assert whole == {"came": 30, "failed": 0, "errors": []}
    asked = sent(server)
    assert max(asked.values()) == 1
    assert {f"leaf {number}" for number in range(30)} <= asked.keys()
    assert again["came"] + again["failed"] == 30
    assert again["failed"] <= {"dask": 4, "pool": 8}[kind]  # four in each hand; a pool ends both with the one


def test_a_batch_that_is_killed_bills_nothing_twice(server: RawServer, store: Path, keyed: None) -> None:
    """`kill -9` half-way, and the same call again: counted at the service, and all but what was in the air is there."""
    draw = (
        "import sys\nfrom seedream_magic import Seedream\n"
        f"seedream = Seedream('anyfast', base_url='{server.url}/v1', store='{store}')\n"
        "print(sum(len(images.ok) for images in seedream.map(f'leaf {number}' for number in range(60))))\n"
    )
    with subprocess.Popen([sys.executable, "-c", draw], stdout=subprocess.DEVNULL) as process:
        server.wait_for(lambda seen: seen.count("POST") >= 30, timeout=60)
        process.kill()
    server.wait_for(lambda seen: seen.open_connections == 0)
    again = subprocess.run([sys.executable, "-c", draw], capture_output=True, text=True, check=True)
    assert max(sent(server).values()) == 1
    assert int(again.stdout) >= 60 - 8
