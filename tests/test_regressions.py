"""What the rebuilding of the house had broken, and what nobody had tried before: one test for each."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from raw_server import RawServer
from seedream_magic.api.request import ImageRequest
from seedream_magic.images.run_folder import RunFolder
from seedream_magic.images.stored_runs import records
from served import client
from service import jpeg


def test_a_limit_that_passes_as_a_run_is_recorded_stops_no_later_run(
    server: RawServer, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A time limit of the caller's that strikes while a record is written is over with its block."""
    conclude = RunFolder.conclude

    async def draw() -> list[int]:
        loop, seedream = asyncio.get_running_loop(), client(server, store)

        def let_the_limit_pass(*arguments: Any, **options: Any) -> None:
            loop.call_soon_threadsafe(limit.reschedule, loop.time())
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0.05), loop).result()
            conclude(*arguments, **options)

        monkeypatch.setattr(RunFolder, "conclude", let_the_limit_pass)
        async with asyncio.timeout(60) as limit:
            first = await seedream.agenerate("first")
        monkeypatch.setattr(RunFolder, "conclude", conclude)
        return [len(first.ok), len((await seedream.agenerate("second")).ok)]

    assert asyncio.run(draw()) == [1, 1]


def test_a_stop_while_the_body_is_encoded_bills_nothing(
    server: RawServer, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large references take their time: what has not begun to leave counts in no limit and is no doubt later on."""
    seedream, encoded = client(server, store), vars(ImageRequest)["encoded"].fget

    async def draw() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task

        def stop(request: ImageRequest) -> Any:
            loop.call_soon_threadsafe(task.cancel)
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0.05), loop).result()
            return encoded(request)

        monkeypatch.setattr(ImageRequest, "encoded", property(stop))
        await seedream.agenerate("x", images=3, refs=jpeg())

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(draw())
    assert [(record.state, record.outcome) for record in records(store)] == [("stopped", "not_sent")]
    assert server.posts == seedream.session.doubtful.total() == 0
    assert not seedream.plan("x", images=3, refs=jpeg()).warnings


_LAST_THREAD = """
import asyncio, concurrent.futures.thread, sys, threading
from seedream_magic import Seedream

def draw():
    threading.main_thread().join()
    seedream = Seedream("anyfast", api_key="sk-x", base_url=sys.argv[1], store=sys.argv[2])
    print(asyncio.run(seedream.agenerate("x")) if sys.argv[3] == "agenerate" else seedream.generate("x"))

threading.Thread(target=draw).start()
"""


@pytest.mark.parametrize("call", ["generate", "agenerate"])
def test_a_thread_that_outlives_the_script_keeps_its_picture(call: str, server: RawServer, store: Path) -> None:
    """Pools of threads take nothing new once the script has come to its end; a thread that draws then loses nothing."""
    command = [sys.executable, "-c", _LAST_THREAD, f"{server.url}/v1", str(store), call]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "1 of 1 image, done" in done.stdout, done.stderr
