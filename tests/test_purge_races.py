"""A purge beside others who are at work with the run: what they pay for, fetch or mark meanwhile stays."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asking import data
from raw_server import Behaviour, Gate, RawServer, Reply, Request
from seedream_magic import InvalidRequest, Seedream, drawing
from seedream_magic.images import purge as purging
from seedream_magic.images import store as store_module
from seedream_magic.images.claims import RUN_LOCK
from seedream_magic.images.purge import PREFIX, purge
from served import client, served
from service import PICTURE, POST, encoded, jpeg, noise, picture


def test_a_run_that_is_fetched_is_not_purged(tmp_path: Path) -> None:
    """Another kernel brings the pictures that are paid for: they come to their folder, and it is free afterwards."""
    up, asked, gate = threading.Event(), threading.Event(), threading.Event()

    def one(request: Request) -> Behaviour:
        if "/0." in request.path:
            return picture(request)
        if not up.is_set():
            return Reply(503)
        asked.set()
        whole = bytes(Reply(200, {"Content-Type": "image/jpeg"}, jpeg(1)))
        return Gate(whole[:200], gate, whole[200:])

    with served({POST: lambda request: data(request, 0, 1), PICTURE: one}, tmp_path) as server:
        seedream = client(server, tmp_path)
        drawn = seedream.generate("a mill that is fetched", images=2, stream=False)
        up.set()
        found: list[Any] = []
        fetching = threading.Thread(target=lambda: found.extend(seedream.recover(drawn.run_id)))
        fetching.start()
        assert asked.wait(20)
        with pytest.raises(InvalidRequest, match="still under way"):
            purge(tmp_path, drawn.run_id)
        gate.set()
        fetching.join(20)
        assert [frame.path.exists() for frame in found[0]] == [True, True]
    assert not (drawn.folder / RUN_LOCK).exists()
    purge(tmp_path, drawn.run_id)


def at_once(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, act: Callable[[], object]) -> None:
    """Let `act` happen right before a function of a module is called for the first time: another kernel does it."""
    real = getattr(module, name)

    def call(*arguments: Any, **options: Any) -> Any:
        monkeypatch.setattr(module, name, real)
        act()
        return real(*arguments, **options)

    monkeypatch.setattr(module, name, call)


def test_a_redo_whose_set_is_purged_meanwhile_is_not_sent(
    seedream: Seedream, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has looked at the set, and its own record is not there yet."""
    story = seedream.generate("a story that goes", images=2, stream=False)
    at_once(monkeypatch, drawing, "begin_run", lambda: purge(seedream.store, story.run_id))
    with pytest.raises(InvalidRequest, match=story.run_id):
        story.redo(1)
    assert server.posts == 1
    assert not [*seedream.store.glob("2*")]


@pytest.mark.parametrize("use", ["redo", "star"])
def test_what_begins_while_a_purge_looks_keeps_the_run(
    use: str, seedream: Seedream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run has its name again, with all its files."""
    story = seedream.generate(f"a story with a {use}", images=2, stream=False)
    before = sorted(story.folder.iterdir())
    acts: dict[str, Callable[[], object]] = {"redo": lambda: story.redo(1), "star": story[0].star}
    at_once(monkeypatch, purging, "_set_aside", acts[use])
    with pytest.raises(InvalidRequest, match=r"part of a later set|starred"):
        purge(seedream.store, story.run_id)
    assert set(before) <= set(story.folder.iterdir())
    assert not [*seedream.store.glob(f"{PREFIX}*")]


@pytest.mark.parametrize("moment", ["before its record", "while the purge looks", "before it removes"])
def test_a_reference_that_a_new_run_names_stays(
    moment: str, seedream: Seedream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file was there already, so the new run has not written it."""
    sketch = tmp_path / "sketch.png"
    sketch.write_bytes(encoded(noise(), "PNG"))
    first = seedream.generate("with a sketch", refs=[sketch])
    (kept,) = seedream.store.glob("references/*")
    if moment == "before its record":
        at_once(monkeypatch, store_module, "RunLock", lambda: purge(seedream.store, first.run_id))
        seedream.generate("with the same sketch", refs=[sketch])
    else:
        name = "_references_aside" if moment == "while the purge looks" else "_elsewhere"
        at_once(monkeypatch, purging, name, lambda: seedream.generate("with the same sketch", refs=[sketch]))
        purge(seedream.store, first.run_id)
    assert [*seedream.store.glob("references/*")] == [kept]
    assert kept.read_bytes() == sketch.read_bytes()
    assert not first.folder.exists()
