"""Money and keys beside the straight path: what must not be sent, sent twice, counted wrongly, or sent elsewhere."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from asking import REFUSED, b64, join_runs, run, stop_at
from raw_server import Gate, RawServer, Reply, Request, json_reply
from seedream_magic import ConfigError, ImageSet, InvalidRequest, Seedream, SeedreamError, SeedreamInterrupted
from seedream_magic.api.credentials import Key
from seedream_magic.api.references.reference import Reference
from seedream_magic.images.image_set import cards_of
from seedream_magic.images.stored_runs import find_record
from seedream_magic.session import Session
from seedream_magic.view.carousel import set_bundle
from served import KEY, client
from service import PICTURE, POST, bodies, completed, first_picture, picture, stream_head, succeeded, whole_answer

LINK = "https://pictures.example.com/fox.jpg?X-Tos-Signature=canary"


def test_a_key_goes_to_its_own_provider_only(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    """A plan for another provider or address is refused, whether a key was given or can be found; so is a record's."""
    sent: list[tuple[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append((request.url.host, request.headers["authorization"]))
        return httpx.Response(200, json={"data": [{"b64_json": b64(1)}]})

    monkeypatch.setenv("ANYFAST_API_KEY", "sk-of-anyfast")
    monkeypatch.setenv("ARK_API_KEY", "sk-of-ark")
    transport = httpx.MockTransport(answer)
    ark = Seedream("ark", store=store, transport=transport)
    plan = ark.plan("x")
    elsewhere = replace(plan, base_url="https://elsewhere.example/v1")
    others = [(Seedream("anyfast", api_key=given, store=store, transport=transport), plan) for given in (None, KEY)]
    for seedream, refused in (*others, (ark, elsewhere)):
        with pytest.raises(ConfigError, match="This plan is for ark at ") as caught:
            seedream.run(refused)
        assert "%seedream use ark" in caught.value.lines()[0]
    assert sent == []
    made = ark.run(plan)
    with pytest.raises(ConfigError, match="this client asks anyfast"):
        Seedream("anyfast", store=store, transport=transport).run(
            replace(Seedream.from_picture(made[0]), fresh=True, stored=None, take=None)
        )
    assert sent == [("ark.cn-beijing.volces.com", "Bearer sk-of-ark")]


@pytest.mark.parametrize("pid", [0, 1, "own group", True, None])
def test_a_process_that_no_run_can_have_is_none(pid: object, seedream: Seedream) -> None:
    """A record that names the system's first process, or a group of them, does not hold its run up for an hour."""
    images = seedream.generate("x", images=2, stream=False)
    record = images.folder / "request.json"
    facts = json.loads(record.read_text())
    named = -os.getpid() if pid == "own group" else pid
    record.write_text(json.dumps({**facts, "state": "answering", "process": {**facts["process"], "pid": named}}))
    (again,) = seedream.recover(images.run_id)
    assert len(again.ok) == 2


async def at_once(*draws: Coroutine[Any, Any, ImageSet]) -> list[ImageSet | BaseException]:
    """What came of each, all begun before the first has ended."""
    return await asyncio.gather(*draws, return_exceptions=True)


def refusals(results: list[ImageSet | BaseException], words: str) -> int:
    """How many were refused with these words; the rest are sets."""
    refused = [result for result in results if not isinstance(result, ImageSet)]
    assert all(isinstance(error, InvalidRequest) and words in str(error) for error in refused), refused
    return len(refused)


def test_the_same_request_is_not_begun_twice(server: RawServer, store: Path, tmp_path: Path) -> None:
    """Ten at once, at clients of their own and in two stores: one is sent, all show it; a fresh one is sent too."""
    draws = [client(server, folder).agenerate("x") for _ in range(5) for folder in (store, tmp_path / "other")]
    sets = [images for images in asyncio.run(at_once(*draws)) if isinstance(images, ImageSet)]
    assert ([len(images.ok) for images in sets], server.posts) == ([1] * 10, 1)
    assert sorted(images.replayed for images in sets) == [False, *[True] * 9]
    assert not client(server, store).generate("x", fresh=True).replayed
    assert server.posts == 2


def test_what_ended_meanwhile_is_shown(server: RawServer, store: Path) -> None:
    """A request that was looked for before the same one came to its end, and begins after it, is not paid again."""
    made: list[ImageSet] = []

    class Late(Seedream):
        """Its key is asked for when the store has been looked through; another client draws meanwhile."""

        def key(self) -> Key:
            made.append(client(server, store).generate("x"))
            return super().key()

    late = Late("anyfast", api_key=KEY, base_url=f"{server.url}/v1", store=store)
    assert late.generate("x").run_id == made[0].run_id
    assert server.posts == 1


STREAMS = """
import asyncio, gc, sys
from seedream_magic import Seedream
seedream = Seedream("anyfast", api_key="sk-x-123456", base_url=sys.argv[1], store=sys.argv[2])
seen = []

async def drop():
    streams = [seedream.stream(f"x {number}", images=3) for number in range(4)]
    seen.append(seedream.session.images_reserved)
    for stream in streams[:3]:
        while not (await anext(stream)).ok:
            pass
        seen.append(seedream.session.images_reserved)
    waiting = seedream.stream("x 0", images=3)
    seen.append("waits" if (await anext(waiting)).replayed else "sends")
    await waiting.aclose()
    await streams[0].aclose()
    seen.append(seedream.session.images_reserved)
    del stream, streams[1]
    gc.collect()
    while seedream.session.images_reserved > 3:
        await asyncio.sleep(0)

asyncio.run(drop())  # its loop closes the third one; the fourth was never begun
gc.collect()
billed = seedream.session.billed.total()
print(*seen, seedream.session.images_reserved, billed >= 2, billed + seedream.session.doubtful.total())
"""
"""In a process of its own: once nest-asyncio is loaded no loop closes what was dropped."""


def test_a_stream_reserves_while_it_lives(server: RawServer, store: Path) -> None:
    """Not before its first value; till it is closed, or dropped and collected: then what it may have billed counts.

    Two at least are known to be billed: the end of the loop may leave open what the third one has brought.
    """
    never = threading.Event()
    server._scenario = {POST: lambda request: Gate(stream_head() + succeeded(request, 0), never, b""), PICTURE: picture}
    command = [sys.executable, "-c", STREAMS, f"{server.url}/v1", str(store)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["0", "3", "6", "9", "waits", "6", "0", "True", "9"]
    assert server.posts == 3


@pytest.mark.parametrize("way", ["a key that is missing", "a store that takes nothing", "refused", "stopped", "whole"])
def test_no_way_out_keeps_a_reservation(
    way: str, server: RawServer, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not sent, refused by the service, stopped, or done: the room is free for the next."""
    seedream = client(server, store)
    if way == "a key that is missing":
        seedream = Seedream("anyfast", base_url=f"{server.url}/v1", store=store)
    if way == "a store that takes nothing":
        (tmp_path / "file").touch()
        seedream = client(server, tmp_path / "file")
    if way == "refused":
        server._scenario = {POST: lambda _: json_reply(REFUSED, status=400)}

    def change(_: ImageSet) -> None:
        if way == "stopped":
            raise KeyboardInterrupt

    for _ in range(2):
        with suppress(SeedreamError, SeedreamInterrupted):
            seedream.run(seedream.plan("x", images=2, fresh=True), on_change=change)
        server.wait_for(lambda seen: seen.open_connections == 0)
        assert seedream.session.images_reserved == 0
    assert sum(seedream.session.billed.values()) == (4 if way == "whole" else 0)


def test_what_the_background_draws_is_not_paid_again(shell: InteractiveShell, server: RawServer) -> None:
    """Neither by a cell nor by a redo or a retry, which wait for it, unless it is to be a fresh one."""
    run(shell, "%%seedream pair << --quiet -n 2\nfox")
    pair, release = shell.user_ns["pair"], threading.Event()

    def slow(request: Request) -> Gate:
        return Gate(stream_head(), release, succeeded(request, 0) + completed(1))

    server._scenario = {POST: slow, PICTURE: first_picture}
    (pair.folder / "02.jpg").unlink()
    run(shell, "%%seedream --bg --quiet\nowl")
    redo = threading.Thread(target=pair.redo, args=(1,))
    redo.start()
    server.wait_for(lambda seen: seen.posts == 3)
    server._scenario = {POST: whole_answer, PICTURE: first_picture}
    assert run(shell, "%%seedream --quiet -n 2\nfox")[0] is None
    assert run(shell, "%%seedream --quiet --fresh\nhen")[0] is None
    assert run(shell, "pair.redo(0, fresh=True)")[0] is None
    assert server.posts == 5
    run(shell, "%%seedream --bg --quiet\nowl")
    timer = threading.Timer(0.5, release.set)
    timer.start()
    for cell in ("%%seedream --quiet\nowl", f"%seedream retry {pair.run_id}", "pair.redo(1)"):
        assert run(shell, cell)[0] is None
    redo.join(20)
    join_runs()
    assert server.posts == 5
    assert "in the background" not in run(shell, "%seedream")[1]


def cap(shell: InteractiveShell, images: int, per: str = "session") -> None:
    shell.run_cell(f"%config SeedreamMagics.max_images_per_{per} = {images}")


def test_caps_refuse_before_sending(shell: InteractiveShell, server: RawServer) -> None:
    """What could bill more than allowed is refused; what the store has is shown all the same."""
    cap(shell, 2, "run")
    error, shown = run(shell, "%%seedream -n 3\nx")
    assert isinstance(error, InvalidRequest)
    assert "max_images_per_run" in shown
    assert isinstance(run(shell, "%%seedream -n auto\nx")[0], InvalidRequest)
    assert run(shell, "%%seedream -n 2\nx")[0] is None
    cap(shell, 3)
    error, shown = run(shell, "%%seedream -n 2\ny")
    assert isinstance(error, InvalidRequest)
    assert "2 in this session" in shown
    assert run(shell, "%%seedream -n 2\nx")[0] is None
    assert server.posts == 1


def test_caps_count_what_may_have_been_billed(shell: InteractiveShell, server: RawServer) -> None:
    """Three gateways that gave up may have billed three pictures: a cap of one allows the first only."""
    server._scenario = {POST: lambda _: Reply(504, {}, b"")}
    cap(shell, 1)
    for _ in range(3):
        run(shell, "%%seedream\nx")
    assert server.posts == 1


def test_what_python_begins_at_once_meets_the_cap(shell: InteractiveShell, server: RawServer) -> None:
    """Ten at once under a cap of four make four POSTs, as tasks and as threads; six are told what is under way."""
    cap(shell, 4)
    results = asyncio.run(at_once(*(Seedream().agenerate(f"task {number}") for number in range(10))))
    assert (refusals(results, "max_images_per_session allows 4"), server.posts) == (6, 4)
    cap(shell, 8)
    release, told = threading.Event(), list[ImageSet | BaseException]()
    rest = json_reply({"data": [{"b64_json": b64(1)}]})
    server._scenario = {POST: lambda _: Gate(b"", release, bytes(rest))}

    def draw(number: int) -> None:
        try:
            told.append(Seedream().generate(f"thread {number}"))
        except InvalidRequest as error:
            told.append(error)
            if len(told) == 6:
                release.set()

    threads = [threading.Thread(target=draw, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (refusals(told, "after 8 in this session"), server.posts) == (6, 8)
    assert shell.magics_manager.registry["SeedreamMagics"].desk.session.images_billed == 8


def test_a_cell_meets_what_the_background_and_python_have_under_way(shell: InteractiveShell, server: RawServer) -> None:
    """One cap for all: it is refused, its dry run says so, the status tells what is reserved; afterwards it goes."""
    cap(shell, 4)
    release = threading.Event()
    server._scenario = {
        POST: lambda request: Gate(stream_head(), release, succeeded(request, 0) + completed(1)),
        PICTURE: picture,
    }
    run(shell, "%%seedream --bg --quiet -n 2\nbackground")
    task = threading.Thread(target=Seedream().generate, args=("python",), kwargs={"stream": True})
    task.start()
    server.wait_for(lambda seen: seen.posts == 2)
    cells = ("%%seedream -n 2\ncell", "%%seedream -n 2\nbackground", "%%seedream --stream\npython")
    said = str(run(shell, cells[0])[0])
    dry = [run(shell, cell.replace("%%seedream", "%%seedream --dry-run")) for cell in cells]
    assert "may bill 2 images after 3 in this session" in said
    assert (dry[0][0], "It would be refused now: " in dry[0][1]) == (None, True)
    assert ["is drawing the same request" in shown for _, shown in dry] == [False, True, True]
    assert "reserved  3 images at most, by what is under way" in run(shell, "%seedream")[1]
    release.set()
    task.join(20)
    join_runs()
    server._scenario = {POST: whole_answer, PICTURE: picture}
    assert run(shell, cells[0])[0] is None
    assert server.posts == 3
    assert "reserved" not in run(shell, "%seedream")[1]


def test_a_stored_plan_whose_run_was_deleted_meets_the_cap(seedream: Seedream, server: RawServer) -> None:
    """What is sent after all is checked as what it is."""
    images = seedream.generate("x", images=2, stream=False)
    plan = seedream.plan("x", images=2, stream=False)
    seedream.purge(images.run_id)
    checked: list[str | None] = []
    seedream.session = Session(check=lambda sent: checked.append(sent.stored))
    seedream.run(plan)
    assert (set(checked), server.posts) == ({None}, 2)


def test_the_end_that_a_full_disk_refused_is_written_later(
    seedream: Seedream, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the process lives its run is no riddle: with room again the same request is shown, and not paid."""
    real = os.replace

    def full(source: Any, place: Any) -> None:
        if Path(place).name == "request.json" and b'"sending"' not in Path(source).read_bytes():
            raise OSError(28, "No space left on device")
        real(source, place)

    monkeypatch.setattr(os, "replace", full)
    images = seedream.generate("x")
    assert b'"state": "sending"' in (images.folder / "request.json").read_bytes()
    monkeypatch.setattr(os, "replace", real)
    assert seedream.generate("x").replayed
    assert b'"state": "done"' in (images.folder / "request.json").read_bytes()
    assert server.posts == 1


def test_a_stopped_set_that_was_recovered_is_still_a_stopped_one(
    shell: InteractiveShell, seedream: Seedream, server: RawServer
) -> None:
    """A frame that nobody made is not forgotten: it asks again, and `retry` for the missing one only."""

    def stuck(request: Request) -> Gate:
        named = b"".join(succeeded(request, index) for index in range(3))
        return Gate(stream_head() + named, threading.Event(), b"")

    server._scenario = {POST: stuck, PICTURE: first_picture}
    with pytest.raises(SeedreamInterrupted) as stopped:
        seedream.run(seedream.plan("x", images=4), on_change=stop_at(3))
    server._scenario = {POST: whole_answer, PICTURE: picture}
    (recovered,) = seedream.recover(stopped.value.run_id)
    assert (len(recovered.ok), recovered.state) == (3, "stopped")
    assert find_record(seedream.store, recovered.run_id).state == "stopped"
    assert seedream.plan("x", images=4).stored is None
    assert run(shell, f"%seedream retry {recovered.run_id}")[0] is None
    assert bodies(server.requests)[-1]["sequential_image_generation"] == "disabled"
    assert shell.user_ns["_seedream"].complete


def test_a_notebook_keeps_its_store(
    shell: InteractiveShell, server: RawServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It stands beside the notebook, whatever folder a cell changes to: nothing is paid again, no run is lost."""
    monkeypatch.delenv("SEEDREAM_STORE")
    (tmp_path / "data").mkdir()
    home = Path.cwd()
    monkeypatch.chdir(home)
    shell.run_cell("%%seedream --quiet\nx")
    os.chdir(tmp_path / "data")
    assert shell.run_cell("%%seedream --quiet\nx").success
    images = shell.user_ns["_seedream"]
    assert (images.replayed, images.folder.parent, server.posts) == (True, home / "seedream-runs", 1)
    assert shell.run_cell("from seedream_magic import Seedream\nSeedream().show(_seedream.run_id)").success
    assert 'href="seedream-runs/' in set_bundle(cards_of(images))["text/html"]


@pytest.mark.parametrize(
    "call",
    [
        lambda seedream, _: seedream.plan("x", fresh="no"),
        lambda seedream, _: seedream.plan("x", take=1.0),
        lambda seedream, images: seedream.purge(images),
        lambda _, images: Seedream.from_picture(None),  # type: ignore[arg-type] # it is the mistake
    ],
    ids=["fresh", "take", "purge", "from_picture"],
)
def test_values_of_a_wrong_kind_are_refused(
    call: Callable[[Seedream, ImageSet], object], seedream: Seedream, server: RawServer
) -> None:
    """In one line of ours, before anything is sent."""
    images = seedream.generate("x", images=2)
    with pytest.raises(InvalidRequest):
        call(seedream, images)
    assert server.posts == 1


def test_a_set_that_cannot_be_drawn_is_bound_all_the_same(
    shell: InteractiveShell, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is paid for: what fails is only its view, and the cell says where the pictures are."""

    def fail(*_: object, **__: object) -> None:
        raise OSError("broken data stream when writing image file")

    monkeypatch.setattr("seedream_magic.view.carousel.set_bundle", fail)
    with capture_output() as captured:
        assert shell.run_cell("%%seedream fox <<\nx").success
    assert shell.user_ns["fox"][0].ok
    assert "cannot be drawn here" in captured.outputs[-1]._repr_html_()
    assert server.posts == 1


def test_a_reference_that_is_gone_is_not_sent_empty(seedream: Seedream, server: RawServer) -> None:
    """Whatever way the plan was made."""
    request = replace(seedream.plan("x").request, references=(Reference("lost.png", "image/png"),))
    with pytest.raises(InvalidRequest, match="not in the store any more"):
        seedream.run(replace(seedream.plan("x"), request=request))
    assert server.posts == 0


def reserved(seedream: Seedream) -> int:
    return seedream.session.images_reserved


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Python tells that nobody closed it
def test_a_stream_of_a_loop_that_is_gone_gives_back_its_room(seedream: Seedream, server: RawServer) -> None:
    """Nobody could close it: what it reserved counts as what may have been billed."""
    never = threading.Event()
    server._scenario = {POST: lambda _: Gate(stream_head(), never, b"")}
    loop = asyncio.new_event_loop()
    stream = seedream.stream("x", images=3)
    loop.run_until_complete(anext(stream))
    loop.run_until_complete(asyncio.to_thread(server.wait_for, lambda seen: seen.posts == 1))
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0.2))
    loop.close()
    assert reserved(seedream) == 3
    del stream, task
    gc.collect()
    assert (reserved(seedream), seedream.session.doubtful.total()) == (0, 3)
