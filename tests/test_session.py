"""A session belongs to its shell, counts under its lock, and knows what runs in the background."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from raw_server import Gate, RawServer
from seedream_magic import Seedream, SeedreamInterrupted, session
from service import PICTURE, POST, completed, picture, stream_head, succeeded

LOAD = "%load_ext seedream_magic\nfrom seedream_magic import Seedream"


@pytest.fixture(autouse=True)
def environment(server: RawServer, monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    """The service is named in the environment."""
    monkeypatch.setenv("SEEDREAM_BASE_URL", f"{server.url}/v1")
    monkeypatch.setenv("SEEDREAM_API_KEY", "sk-CANARY")
    monkeypatch.setenv("SEEDREAM_STORE", str(store))


@pytest.fixture
def other(ip: InteractiveShell) -> InteractiveShell:
    """A second shell of the process; it keeps no history either."""
    return InteractiveShell(config=ip.config)


def said(shell: InteractiveShell, cell: str) -> str:
    """What a cell prints, and the words of its error."""
    with capture_output() as captured:
        error = shell.run_cell(cell).error_in_exec
    return f"{captured.stdout}{error or ''}"


def test_each_shell_has_its_own_session(ip: InteractiveShell, other: InteractiveShell, server: RawServer) -> None:
    """Loading the extension in a second shell lifts no cap of the first; each counts what its own cells make, in Python
    too (a pasted redo as well), and so does a client of the one that is used in the other. Unloading lifts only the
    cap of the shell in which it is unloaded.
    """
    said(ip, f"{LOAD}\n%config SeedreamMagics.max_images_per_session = 1")
    said(other, LOAD)
    drawn = "Seedream().generate('one', images=2)"
    assert "max_images_per_session allows 1" in said(ip, drawn)
    assert said(other, f"made = {drawn}") == ""
    assert "2 images in this session" in said(other, "%seedream")
    assert "0 images in this session" in said(ip, "%seedream")
    said(other, "%config SeedreamMagics.max_images_per_session = 3")
    assert "may bill 2 images after 2 in this session" in said(other, "Seedream().show(made.run_id).redo(0, 1)")
    said(ip, "client = Seedream()")
    other.user_ns["client"] = ip.user_ns["client"]
    assert "max_images_per_session allows 1" in said(other, "client.generate('two', images=2)")
    said(other, "%unload_ext seedream_magic")
    again = drawn.replace("one", "three")
    assert "max_images_per_session allows 1" in said(ip, again)
    assert server.posts == 1
    said(ip, "%unload_ext seedream_magic")
    assert said(ip, f"made = {again}") == ""
    assert server.posts == 2


def test_a_thread_belongs_to_the_cell_that_began_last(
    ip: InteractiveShell, other: InteractiveShell, server: RawServer
) -> None:
    """It has no cell of its own, and the first shell's cap holds for it though the second was loaded later."""
    said(ip, f"{LOAD}\nimport threading\n%config SeedreamMagics.max_images_per_session = 1")
    said(other, LOAD)
    cell = """\
def draw():
    try: Seedream().generate("one", images=2)
    except Exception as error: errors.append(str(error))
errors = []
thread = threading.Thread(target=draw)
thread.start(); thread.join(20); print(errors)"""
    assert "max_images_per_session allows 1" in said(ip, cell)
    assert server.posts == 0


def test_a_run_in_the_background_is_counted_without_the_extension(server: RawServer) -> None:
    """Whoever starts it, its session knows it until its end, and stops it."""
    release, first, ended = threading.Event(), threading.Event(), threading.Event()
    failures: list[BaseException | None] = []
    server._scenario = {
        POST: lambda request: Gate(stream_head() + succeeded(request, 0), release, completed(2)),
        PICTURE: picture,
    }
    client = Seedream()

    def end(_: object, failure: BaseException | None) -> None:
        failures.append(failure)
        ended.set()

    client.start(client.plan("x", images=2), on_change=lambda images: first.set() if images.ok else None, on_end=end)
    assert first.wait(20)
    assert len(session.current().background) == 1
    assert session.current().background.stop() == 1
    assert ended.wait(20)
    assert isinstance(failures[0], SeedreamInterrupted)
    assert len(session.current().background) == 0
    release.set()


class Guarded(Counter[str]):
    """A counter that may change only where the session's lock is held."""

    def __init__(self, lock: Any) -> None:
        super().__init__()
        self.lock = lock

    def __setitem__(self, model: str, count: int) -> None:
        assert self.lock._is_owned(), "changed without the lock"
        super().__setitem__(model, count)


def test_every_count_changes_under_the_lock(server: RawServer) -> None:
    """Ten threads draw at once: no image is lost, and no counter changes without the lock."""
    own = session.Session()
    own.billed, own.doubtful = Guarded(own.lock), Guarded(own.lock)

    def draw(number: int) -> None:
        client = Seedream()
        client.session = own
        client.generate(f"thread {number}", images=1 + number % 2, stream=False)

    threads = [threading.Thread(target=draw, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (own.images_billed, own.images_reserved) == (15, 0)


def test_a_batch_of_many_leaves_one_line_of_cost(seedream: Seedream) -> None:
    """What is alike is added up: a batch of thousands does not stay in memory run by run."""
    kept = seedream.session
    before = len(kept.paid)
    assert sum(len(images.ok) for images in seedream.map([f"leaf {number}" for number in range(6)])) == 6
    seedream.generate("a leaf by another model", model="doubao-seedream-4-0-250828")
    assert [one.images for one in kept.paid[before:]] == [6, 1]
