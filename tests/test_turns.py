"""Programs that come to the same request at once, where one of them is held up or knows nothing of the other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self

import pytest

from raw_server import RawServer
from seedream_magic import Seedream
from seedream_magic.images import locks
from seedream_magic.images import store as store_module
from served import KEY, client
from service import PICTURE

HELD_UP = """
import os, signal, sys
from seedream_magic import Seedream, drawing
drawing.PATIENCE = 0  # as if it had been held up for longer
real = drawing.begin_run
def begin(*arguments, **options):
    drawing.begin_run = real
    print("looked", flush=True)
    if sys.argv[5] == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    else:
        sys.stdin.readline()
    return real(*arguments, **options)
drawing.begin_run = begin
seedream = Seedream("anyfast", api_key=sys.argv[3], base_url=sys.argv[1], store=sys.argv[2])
images = seedream.generate(sys.argv[4])
print(images.run_id, images.replayed, flush=True)
"""
"""A program that is held up between its look at what there is and the beginning of its run."""


def held_up(server: RawServer, store: Path, prompt: str, how: str, library: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HELD_UP, f"{server.url}/v1", str(store), KEY, prompt, how]
    environment = {**os.environ, "SEEDREAM_LIBRARY": str(library)}
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )
    assert process.stdout
    assert process.stdout.readline() == "looked\n"
    return process


@pytest.mark.skipif(os.name == "nt", reason="nothing is suspended there")
def test_who_was_suspended_sees_what_ended_meanwhile(
    server: RawServer, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had its turn; the other went on without one, drew and ended. The first shows that set, and sends nothing."""
    library = tmp_path / "library.sqlite"
    monkeypatch.setenv("SEEDREAM_LIBRARY", str(library))
    monkeypatch.setattr(locks, "PATIENCE", 0.2)
    with held_up(server, store, "a suspended fox", "stop", library) as process:
        drawn = client(server, store).generate("a suspended fox")
        os.kill(process.pid, signal.SIGCONT)
        said, _ = process.communicate(timeout=50)
    assert (said, server.posts) == (f"{drawn.run_id} True\n", 1)
    assert [path.name for path in store.glob("2*")] == [drawn.run_id]


def test_programs_with_a_library_each_take_turns_in_their_store(
    server: RawServer, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two homes, or two containers, that share a store: the second waits till the first has begun its run."""
    with held_up(server, store, "a shared fox", "wait", tmp_path / "one" / "library.sqlite") as process:
        monkeypatch.setenv("SEEDREAM_LIBRARY", str(tmp_path / "other" / "library.sqlite"))
        seen: list[Path] = []
        real = locks._lock_in_store

        def lock_in_store(path: Path, until: float) -> AbstractContextManager[None]:
            if not seen:  # it comes to the lock that the other holds
                seen.append(path)
                assert process.stdin
                process.stdin.write("\n")
                process.stdin.flush()
            return real(path, until)

        monkeypatch.setattr(locks, "_lock_in_store", lock_in_store)
        drawn = client(server, store).generate("a shared fox")
        said, _ = process.communicate(timeout=50)
    assert (said, server.posts) == (f"{drawn.run_id} False\n", 1)
    assert seen
    assert [path.name for path in store.iterdir()] == [drawn.run_id]


class AnHourAgo(datetime):
    """A clock that was set back."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return super().now(tz) - timedelta(hours=1)


def test_a_clock_that_was_set_back_pays_for_no_take_again(
    seedream: Seedream, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs come after those that were there: a take has the number that it was drawn as, and is found by it."""
    story = seedream.generate("a fox by the clock", images=2, stream=False)
    before = story.redo(0)
    monkeypatch.setattr(store_module, "datetime", AnHourAgo)
    drawn = story.redo(0, take=3)
    assert drawn.run_id > before.run_id > story.run_id
    server._scenario = {PICTURE: server._scenario[PICTURE]}
    assert story.redo(0, take=3).run_id == drawn.run_id
    assert story.redo(0, take=2).run_id == before.run_id
    assert server.posts == 3


@pytest.mark.parametrize("name", ["99991231T235959Z-7777777777", "20269999T999999Z-zzzzzzzzzz", "", "elsewhere"])
def test_an_id_that_is_no_moment_holds_up_no_run(name: str) -> None:
    """A stranger's folder may have any name."""
    assert store_module._moment_after(name) <= datetime.max.replace(tzinfo=UTC)
