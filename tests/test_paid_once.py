"""Money and keys beside the straight path: what must not be sent, sent twice, plural wrongly, or sent elsewhere."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from raw_server import Gate, RawServer, Reply, Request, json_reply, raw_server
from seedream_magic import (
    ConfigError,
    ImageLinkExpired,
    InvalidRequest,
    NoConnection,
    Panel,
    Seedream,
    SeedreamError,
    SeedreamInterrupted,
    Storyboard,
)
from seedream_magic.api.plan import Lineage
from seedream_magic.api.references.reference import Reference
from seedream_magic.images import durable as durable_module
from seedream_magic.images import store as store_module
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.images.lineage import joined
from seedream_magic.images.load import load_whole
from seedream_magic.images.record import find_record
from seedream_magic.planning import plan_redo, plan_request, plan_retry
from seedream_magic.session import Session
from seedream_magic.view.carousel import image_set_bundle
from served import KEY, client
from service import (
    PICTURE,
    POST,
    bodies,
    completed,
    first_picture,
    jpeg,
    link,
    picture,
    stream_head,
    succeeded,
    whole_answer,
)

REFUSED = {"error": {"code": "OutputImageSensitiveContentDetected", "message": "refused"}}
LINK = "https://pictures.example.com/fox.jpg?X-Tos-Signature=canary"


@pytest.fixture
def server() -> Iterator[RawServer]:
    with raw_server({POST: whole_answer, PICTURE: picture}) as running:
        yield running


@pytest.fixture
def seedream(server: RawServer, store: Path) -> Seedream:
    return client(server, store)


def prompts(server: RawServer) -> list[str]:
    return [body["prompt"] for body in bodies(server.requests)]


def test_a_key_goes_to_its_own_provider_only(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    """A plan for another provider or address is refused, whether a key was given or can be found; so is a record's."""
    sent: list[tuple[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append((request.url.host, request.headers["authorization"]))
        return httpx.Response(200, json={"data": [{"b64_json": base64.b64encode(jpeg(1)).decode()}]})

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


def test_a_set_without_pictures_is_no_reference(seedream: Seedream, server: RawServer) -> None:
    """Neither one that is still drawn nor one that failed is left out unseen."""
    empty = ImageSet(seedream.plan("x").request, "anyfast", "r", seedream.store / "r")
    for refs in (empty, [empty], [jpeg(1), empty]):
        with pytest.raises(InvalidRequest, match="cannot be a reference"):
            seedream.plan("y", refs=refs)
    assert server.posts == 0


@pytest.mark.parametrize("frames", ["", [], ["a"] * 16, 0, 16, True, None, ["a", 3]])
def test_frames_that_no_request_can_make(seedream: Seedream, server: RawServer, frames: Any) -> None:
    """Too few, too many, or no words at all are refused before anything is sent."""
    images = seedream.generate("x")
    with pytest.raises(InvalidRequest):
        images.extend(frames)
    assert server.posts == 1


def test_one_text_is_one_frame(seedream: Seedream, server: RawServer) -> None:
    """A text in place of a list is not taken letter by letter; a storyboard takes none."""
    assert len(seedream.generate("ink").extend("狐狸做梦")) == 2
    assert prompts(server)[-1] == "ink\n\n1. 狐狸做梦"
    with pytest.raises(InvalidRequest, match="list"):
        seedream.plan(Storyboard("ink", "狐狸"))  # type: ignore[arg-type] # what a person may type


def test_places_count_once_and_in_any_order(seedream: Seedream, server: RawServer) -> None:
    """The same frame named twice is drawn once; another order is the same request."""
    images = seedream.generate("x", images=3, stream=False)
    images.redo(1, 1)
    assert "sequential_image_generation_options" not in bodies(server.requests)[-1]
    images.redo(1, 2)
    images.redo(2, 1)
    assert server.posts == 3
    with pytest.raises(InvalidRequest, match="1 to 15"):
        images.extend(15).redo(*range(18))


def test_a_frame_is_drawn_anew_by_its_own_words(seedream: Seedream, server: RawServer) -> None:
    """Words that a frame was given on the way stay its own, however the set was made."""
    images = seedream.generate("A", images=2, stream=False)
    images.extend(1, prompt="B").redo(2)
    images.redo(1, prompt="E").redo(1, fresh=True)
    longer = images.extend(["C", "D"])
    longer.redo(3)
    assert [prompts(server)[at] for at in (2, 4, 6)] == ["B", "E", "D"]


@pytest.mark.parametrize(
    "go_on",
    [
        lambda images: images.extend(2),
        lambda images: images.extend("y", refs=None),
        lambda images: images.redo(0),
        lambda images: images.redo(0, refs="others"),
    ],
    ids=["extend", "extend without references", "redo", "redo after the others"],
)
def test_a_purged_set_is_not_gone_on_from(
    go_on: Callable[[ImageSet], ImageSet], seedream: Seedream, server: RawServer
) -> None:
    """A variable that still holds it could only pay for frames that stand alone; it says what became of it."""
    images = seedream.generate("x", images=2, stream=False)
    seedream.purge(images.run_id)
    with pytest.raises(InvalidRequest, match=f"Run {images.run_id} .* purged") as caught:
        go_on(images)
    (line,) = caught.value.lines()
    assert "Run the cell that made it again: that draws a new set, which bills. Nothing was sent." in line
    assert server.posts == 1


def test_a_link_is_the_same_request_after_a_restart(store: Path) -> None:
    """Signed or not, it is told by where it points; its signature is not kept."""
    posts: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, content=jpeg(5))
        posts.append(json.loads(request.content))
        return httpx.Response(200, json={"data": [{"b64_json": base64.b64encode(jpeg(9)).decode()}]})

    seedream = Seedream("ark", api_key=KEY, store=store, transport=httpx.MockTransport(answer))
    images = seedream.generate("x", refs=LINK)
    images.redo(0)
    again = seedream.show(images.run_id)
    assert again.redo(0).replayed
    assert again.request.references[0].data == jpeg(5)
    assert seedream.plan("x", refs=LINK.replace("canary", "other")).stored == images.run_id
    assert len(posts) == 2
    assert not any(b"canary" in path.read_bytes() for path in store.rglob("*") if path.is_file())


def test_an_extra_field_is_its_option(seedream: Seedream, server: RawServer) -> None:
    """A set asked for by extra fields is the same request, and a frame of it is redone alone."""
    extra = {"sequential_image_generation": "auto", "sequential_image_generation_options": {"max_images": 2}}
    images = seedream.generate("x", extra=extra, stream=False)
    assert seedream.plan("x", images=2, stream=False).stored == images.run_id
    images.redo(0)
    assert "sequential_image_generation_options" not in bodies(server.requests)[-1]


def test_a_long_line_of_sets_stays_whole(seedream: Seedream) -> None:
    """Twenty-two frames over four runs, and forty redos of one frame, are read back as they were made."""
    long = seedream.generate("x", images=10, stream=False).extend(10, refs=()).extend(2, refs=())
    assert [frame.path for frame in seedream.show(long.run_id)] == [frame.path for frame in long]
    last = seedream.generate("y", images=2, stream=False)
    for _ in range(40):
        last = last.redo(0, fresh=True)
    assert len(seedream.show(last.run_id)) == 2


def test_a_surplus_picture_follows_the_set(seedream: Seedream, server: RawServer) -> None:
    """Two pictures for one frame: the second stands at the end and takes no other's place."""
    images = seedream.generate("x", images=3, stream=False)
    server._scenario = {
        POST: lambda request: json_reply({"data": [{"url": link(request, 7)}, {"url": link(request, 8)}]}),
        PICTURE: picture,
    }
    redone = images.redo(0)
    assert [frame.index for frame in redone if frame.index not in redone.inherited] == [0, 3]
    assert redone[1].path == images[1].path


def test_layers_are_not_drawn_one_by_one(seedream: Seedream) -> None:
    """A redo of one layer would pay for all of them."""
    request = replace(seedream.plan("x").request, layer_decomposition=True)
    layers = ImageSet(request, "anyfast", "r", seedream.store / "r", (Frame(0, "x"), Frame(1, "x")), expected=None)
    with pytest.raises(InvalidRequest, match="made together"):
        plan_redo(seedream, layers, [1])


def test_a_run_under_way_is_left_to_itself(seedream: Seedream) -> None:
    """Neither retried nor recovered while its process is at it."""
    images = seedream.generate("x", images=2, stream=False)
    record = images.folder / "request.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "state": "answering"}))
    with pytest.raises(InvalidRequest, match="still under way"):
        plan_retry(seedream, images.run_id)
    with pytest.raises(InvalidRequest, match="still under way"):
        seedream.recover(images.run_id)


@pytest.mark.parametrize("pid", [0, -1, 1, "own group", True, "x", None, 1.5])
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


def test_the_same_request_is_not_begun_twice(server: RawServer, store: Path) -> None:
    """Ten at once, at clients of their own: one is sent and nine are refused; a fresh one is sent once more."""
    draws = [client(server, store).agenerate("x") for _ in range(10)]
    again = client(server, store).agenerate("x", fresh=True)
    assert refusals(asyncio.run(at_once(*draws, again)), "The same request is under way") == 9
    assert server.posts == 2
    assert client(server, store).generate("x").replayed


def test_the_same_request_elsewhere_is_another(server: RawServer, store: Path, tmp_path: Path) -> None:
    """At another service or for another store it is drawn at the same time; the same once more is not."""
    with raw_server({POST: whole_answer, PICTURE: picture}) as second:
        clients = [
            client(server, store),
            client(second, store),
            client(server, tmp_path / "other"),
            client(server, store),
        ]
        results = asyncio.run(at_once(*(one.agenerate("x") for one in clients)))
    (error,) = (result for result in results if isinstance(result, BaseException))
    assert str(error).startswith("The same request is under way; ")  # not in the background
    assert (server.posts, second.posts) == (2, 1)


def test_what_ended_meanwhile_is_shown(seedream: Seedream, server: RawServer) -> None:
    """A request that was looked for before the same one came to its end, and begins after it, is not paid again."""
    late = seedream._sets(seedream.plan("x"))
    made = seedream.generate("x")

    async def last() -> ImageSet:
        return [images async for images in late][-1]

    assert asyncio.run(last()).run_id == made.run_id
    assert server.posts == 1


def reserved(seedream: Seedream) -> int:
    return seedream.session.images_reserved


STREAMS = """
import asyncio, gc, sys
from seedream_magic import InvalidRequest, Seedream
seedream = Seedream("anyfast", api_key="sk-x-123456", base_url=sys.argv[1], store=sys.argv[2])
seen = []

async def drop():
    streams = [seedream.stream(f"x {number}", images=3) for number in range(4)]
    seen.append(seedream.session.images_reserved)
    for stream in streams[:3]:
        while not (await anext(stream)).ok:
            pass
        seen.append(seedream.session.images_reserved)
    try:
        await anext(seedream.stream("x 0", images=3))
    except InvalidRequest as error:
        assert "under way" in str(error)
        seen.append("refused")
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
    assert done.stdout.split() == ["0", "3", "6", "9", "refused", "6", "0", "True", "9"]
    assert server.posts == 3


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
        assert reserved(seedream) == 0
    assert sum(seedream.session.billed.values()) == (4 if way == "whole" else 0)


@pytest.fixture
def shell(ip: InteractiveShell, server: RawServer, store: Path, monkeypatch: pytest.MonkeyPatch) -> InteractiveShell:
    """A shell with the extension loaded and pointed to the service."""
    monkeypatch.setenv("SEEDREAM_BASE_URL", f"{server.url}/v1")
    monkeypatch.setenv("SEEDREAM_API_KEY", KEY)
    monkeypatch.setenv("SEEDREAM_STORE", str(store))
    assert ip.run_cell("%load_ext seedream_magic").success
    return ip


def test_what_the_background_draws_is_not_paid_again(shell: InteractiveShell, server: RawServer) -> None:
    """Neither by a cell that waits nor by a redo or a retry, unless it is to be a fresh one; what is stored shows."""
    shell.run_cell("%%seedream pair << --quiet -n 2\nfox")
    desk, pair = shell.magics_manager.registry["SeedreamMagics"].desk, shell.user_ns["pair"]
    release = threading.Event()

    def slow(request: Request) -> Gate:
        return Gate(stream_head(), release, succeeded(request, 0) + completed(1))

    server._scenario = {POST: slow, PICTURE: first_picture}
    (pair.folder / "02.jpg").unlink()
    shell.run_cell("%%seedream --bg --quiet\nowl")
    desk.start(desk.client(), plan_retry(desk.client(), pair.run_id), quiet=True)
    server.wait_for(lambda seen: seen.posts == 3)
    server._scenario = {POST: whole_answer, PICTURE: first_picture}
    again = ("%%seedream --quiet\nowl", f"%seedream retry {pair.run_id}", "pair.redo(1)", "%%seedream --bg\nowl")
    said = [str(shell.run_cell(cell).error_in_exec) for cell in again]
    assert [told for told in said if "under way in the background" not in told] == []
    assert shell.run_cell("%%seedream --quiet -n 2\nfox").success
    assert server.posts == 3
    assert shell.run_cell("%%seedream --quiet --fresh\nowl").success
    assert shell.run_cell("pair.redo(1, fresh=True)").success
    assert server.posts == 5
    release.set()
    for thread in threading.enumerate():
        if thread.name == "seedream-run":
            thread.join(10)
    assert len(desk.session.background) == 0


def test_caps_count_what_may_have_been_billed(shell: InteractiveShell, server: RawServer) -> None:
    """Three gateways that gave up may have billed three pictures: a cap of one allows the first only."""
    server._scenario = {POST: lambda _: Reply(504, {}, b"")}
    shell.run_cell("%config SeedreamMagics.max_images_per_session = 1")
    for _ in range(3):
        shell.run_cell("%%seedream\nx")
    assert server.posts == 1


def cap(shell: InteractiveShell, images: int) -> None:
    shell.run_cell(f"%config SeedreamMagics.max_images_per_session = {images}")


def test_what_python_begins_at_once_meets_the_cap(shell: InteractiveShell, server: RawServer) -> None:
    """Ten at once under a cap of four make four POSTs, as tasks and as threads; six are told what is under way."""
    cap(shell, 4)
    results = asyncio.run(at_once(*(Seedream().agenerate(f"task {number}") for number in range(10))))
    assert (refusals(results, "max_images_per_session allows 4"), server.posts) == (6, 4)
    cap(shell, 8)
    release, told = threading.Event(), list[ImageSet | BaseException]()
    rest = json_reply({"data": [{"b64_json": base64.b64encode(jpeg(1)).decode()}]})
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


def test_python_that_was_there_before_the_extension_meets_the_cap(
    ip: InteractiveShell, server: RawServer, store: Path
) -> None:
    """What counts is the notebook in which it draws, not when it was made; an extra field `n` counts as it may bill."""
    early = client(server, store)
    assert ip.run_cell("%load_ext seedream_magic").success
    cap(ip, 2)
    for extra in ({}, {"n": 10}):
        with pytest.raises(InvalidRequest, match="max_images_per_session allows 2"):
            early.generate("x", images=1 if extra else 3, extra=extra)
    assert server.posts == 0


def test_a_cell_meets_what_a_panel_and_python_have_under_way(shell: InteractiveShell, server: RawServer) -> None:
    """One cap for all: it is refused, its dry run says so, the status tells what is reserved; afterwards it goes."""
    cap(shell, 4)
    release = threading.Event()
    server._scenario = {
        POST: lambda request: Gate(stream_head(), release, succeeded(request, 0) + completed(1)),
        PICTURE: picture,
    }
    panel = Panel()
    panel._form.prompt.value, panel._form.images.value = "panel", "2"
    panel._generate.click()
    task = threading.Thread(target=Seedream().generate, args=("python",), kwargs={"stream": True})
    task.start()
    server.wait_for(lambda seen: seen.posts == 2)
    with capture_output() as captured:
        cells = ("%%seedream -n 2\ncell", "%%seedream -n 2\npanel", "%%seedream --stream\npython")
        said = [str(shell.run_cell(cell).error_in_exec) for cell in cells]
        dry = [shell.run_cell(cell.replace("%%seedream", "%%seedream --dry-run")).success for cell in cells]
        shell.run_cell("%seedream")
    assert "may bill 2 images after 3 in this session" in said[0]
    assert ["under way" in told for told in said] == [False, True, True]
    assert all(dry)
    assert captured.stdout.count("It would be refused now: ") == 3
    assert "reserved  3 images at most, by what is under way" in captured.stdout
    release.set()
    task.join(20)
    for thread in threading.enumerate():
        if thread.name == "seedream-run":
            thread.join(20)
    panel.close()
    server._scenario = {POST: whole_answer, PICTURE: picture}
    assert shell.run_cell(cells[0]).success
    assert server.posts == 3
    with capture_output() as captured:
        shell.run_cell("%seedream")
    assert "reserved" not in captured.stdout


def test_a_stored_plan_whose_run_was_deleted_meets_the_cap(seedream: Seedream, server: RawServer) -> None:
    """What is sent after all is checked as what it is."""
    images = seedream.generate("x", images=2, stream=False)
    plan = seedream.plan("x", images=2, stream=False)
    seedream.purge(images.run_id)
    checked: list[str | None] = []
    seedream.session = Session(check=lambda sent: checked.append(sent.stored))
    seedream.run(plan)
    assert (set(checked), server.posts) == ({None}, 2)


def test_recovery_needs_no_parent(seedream: Seedream, server: RawServer) -> None:
    """A run whose earlier run was deleted is recovered like any other, and so are those after it."""
    images = seedream.generate("x", images=2, stream=False)
    server._scenario = {POST: whole_answer, PICTURE: Reply(404, {}, b"")}
    with pytest.raises(ImageLinkExpired):
        images.redo(0, 1)
    with pytest.raises(ImageLinkExpired):
        seedream.generate("y")
    shutil.rmtree(images.folder)
    server._scenario = {PICTURE: picture}
    assert [len(recovered.ok) for recovered in seedream.recover()] == [2, 1]


def test_a_retry_pays_for_nothing_that_was_made(shell: InteractiveShell, server: RawServer) -> None:
    """A picture whose download failed, or was stopped, is downloaded first; only what nobody made is asked for."""
    server._scenario = {POST: whole_answer, PICTURE: first_picture}
    shell.run_cell("%%seedream made << -n 2\nx")
    run_id = shell.user_ns["made"].run_id
    assert [frame.ok for frame in shell.user_ns["made"]] == [True, False]
    server._scenario = {POST: whole_answer, PICTURE: picture}
    with capture_output() as captured:
        assert shell.run_cell(f"%seedream retry {run_id}").success
    assert "Downloaded 1 image that the run had made; that bills nothing." in captured.stdout
    assert "Asking anew" not in captured.stdout
    assert [frame.ok for frame in shell.user_ns["_seedream"]] == [True, True]
    assert server.posts == 1


def test_a_picture_stands_until_another_is_there(seedream: Seedream) -> None:
    """While a frame is drawn anew, and where that fails, the old one stays; a failure is told, and plural."""
    images = seedream.generate("x", images=2, stream=False)
    lineage = Lineage("redo", images.run_id, (0, 1))
    growing = joined(images, replace(images, frames=(), state="running", usage=None), lineage)
    assert growing.ok == images.ok
    lost = Frame(0, "x", error=NoConnection("lost"))
    ended = joined(images, replace(images, frames=(lost, images[1]), usage={"generated_images": 2}), lineage)
    assert ended.failed == ()
    assert ended.notes[-1] == "Frame 1 stays as it was: lost"
    assert ended.billed == 2


def test_a_limit_that_passes_before_the_post_bills_nothing(store: Path) -> None:
    """While references are fetched nothing has been sent, and the record says so."""

    async def silent(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("silence")

    seedream = Seedream("ark", api_key=KEY, store=store, transport=httpx.MockTransport(silent))
    with pytest.raises((NoConnection, InvalidRequest)) as raised:
        seedream.generate("x", refs=LINK, timeout=0.05)
    assert raised.value.billed == "no"
    (folder,) = (path for path in store.iterdir() if path.name != "references")
    assert find_record(store, folder.name).facts["outcome"] in {"not_sent", "rejected"}


def test_a_lineage_in_a_circle_ends(seedream: Seedream) -> None:
    """Damaged records that name each other, or no places at all, are read as far as they make sense."""
    first, second = seedream.generate("x"), seedream.generate("y")
    for images, parent in ((first, second), (second, first)):
        path = images.folder / "request.json"
        lineage = {"kind": "extend", "run_id": parent.run_id, "places": [1, 1.0, "x", -1, 10**9]}
        path.write_text(json.dumps({**json.loads(path.read_text()), "lineage": lineage}))
    assert len(load_whole(find_record(seedream.store, first.run_id)).ok) == 2
    path = first.folder / "request.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "lineage": {"kind": [], "run_id": 7}}))
    assert len(load_whole(find_record(seedream.store, first.run_id)).ok) == 1


def test_a_reference_that_is_gone_is_not_sent_empty(seedream: Seedream, server: RawServer) -> None:
    """Whatever way the plan was made."""
    request = replace(seedream.plan("x").request, references=(Reference("lost.png", "image/png"),))
    with pytest.raises(InvalidRequest, match="not in the store any more"):
        seedream.run(plan_request(seedream, request, ()))
    assert server.posts == 0


def test_the_end_that_a_full_disk_refused_is_written_later(
    seedream: Seedream, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the process lives its run is no riddle: with room again the same request is shown, and not paid."""
    real = durable_module.write_durably

    def full(path: Path, data: bytes, *, mode: int) -> None:
        if path.name == "request.json" and b'"sending"' not in data:
            raise OSError(28, "No space left on device")
        real(path, data, mode=mode)

    monkeypatch.setattr(store_module, "write_durably", full)
    images = seedream.generate("x")
    assert find_record(seedream.store, images.run_id).state == "sending"
    monkeypatch.setattr(store_module, "write_durably", real)
    assert seedream.generate("x").replayed
    assert find_record(seedream.store, images.run_id).state == "done"
    assert server.posts == 1


def test_a_stopped_set_that_was_recovered_is_still_a_stopped_one(seedream: Seedream, server: RawServer) -> None:
    """A frame that nobody made is not forgotten: it asks again, and `retry` for the missing one only."""

    def stop(images: ImageSet) -> None:
        if len(images) == 3:
            raise KeyboardInterrupt

    never = threading.Event()
    three = [succeeded, succeeded, succeeded]

    def stuck(request: Request) -> Gate:
        return Gate(stream_head() + b"".join(say(request, index) for index, say in enumerate(three)), never, b"")

    server._scenario = {POST: stuck, PICTURE: first_picture}
    with pytest.raises(SeedreamInterrupted) as stopped:
        seedream.run(seedream.plan("x", images=4), on_change=stop)
    assert stopped.value.images is not None
    run_id = stopped.value.images.run_id
    server._scenario = {POST: whole_answer, PICTURE: picture}
    (recovered,) = seedream.recover(run_id)
    assert (len(recovered.ok), recovered.state, find_record(seedream.store, run_id).state) == (3, "stopped", "stopped")
    assert plan_retry(seedream, run_id).request.images_at_most == 1
    assert seedream.plan("x", images=4).stored is None


def test_layers_that_are_an_extra_field_are_layers(shell: InteractiveShell, server: RawServer) -> None:
    """The limits see how many pictures they may be."""
    shell.run_cell("%config SeedreamMagics.max_images_per_run = 1")
    for option in ("--layer-decomposition", """--extra '{"layer_decomposition": true}'"""):
        refused = shell.run_cell(
            f"%%seedream -m doubao-seedream-5-0-pro --no-check {option} --ref {LINK}\nx"
        ).error_in_exec
        assert "may bill 17 images" in str(refused)
    assert server.posts == 0


def test_a_size_in_words_can_be_gone_on_from(seedream: Seedream, server: RawServer) -> None:
    """What was sent as an extra field stands in the record as it was sent."""
    images = seedream.generate("x", extra={"size": "adaptive"})
    assert images[0].vary("at night").ok
    assert Seedream.from_picture(images[0]).body["size"] == "adaptive"
    assert server.posts == 2


def test_a_set_that_still_grows_is_not_redone(seedream: Seedream) -> None:
    """Its other frames would be missing for ever in the set that came of it."""
    images = replace(seedream.generate("x", images=2), state="running")
    path = images.folder / "request.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"state": "answering"}))
    with pytest.raises(InvalidRequest, match="still under way"):
        images.redo(0)
    with pytest.raises(InvalidRequest, match="still under way"):
        images.extend(1)


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
    assert 'href="seedream-runs/' in image_set_bundle(images)["text/html"]


@pytest.mark.parametrize(
    "call",
    [
        lambda client, images: client.plan("x", fresh="no"),
        lambda client, images: client.plan("x", take=1.0),
        lambda client, images: images.redo(0.0),
        lambda client, images: images.redo("0"),
        lambda client, images: client.purge(images),
        lambda client, images: Seedream.from_picture(None),  # type: ignore[arg-type] # it is the mistake
    ],
)
def test_values_of_a_wrong_kind_are_refused(
    call: Callable[[Seedream, ImageSet], object], seedream: Seedream, server: RawServer
) -> None:
    """In one line of ours, before anything is sent; a number of any kind of integer is one."""
    images = seedream.generate("x", images=2)
    with pytest.raises(InvalidRequest):
        call(seedream, images)
    assert server.posts == 1
    place: Any = np.int64(1)
    assert plan_redo(seedream, images, [place]).lineage == Lineage("redo", images.run_id, (1,))


def test_a_python_prompt_is_that_of_its_cell(seedream: Seedream, server: RawServer) -> None:
    """Blank lines around it are no part of it: the cell that `cell()` gives is the same request."""
    images = seedream.generate("\n  a village\n\n  in snow\n")
    assert images.prompt == "  a village\n\n  in snow"
    assert seedream.plan("  a village\n\n  in snow").stored == images.run_id
    assert server.posts == 1


def test_a_set_that_cannot_be_drawn_is_bound_all_the_same(
    shell: InteractiveShell, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is paid for: what fails is only its view, and the cell says where the pictures are."""

    def fail(*_: object, **__: object) -> None:
        raise OSError("broken data stream when writing image file")

    monkeypatch.setattr("seedream_magic.notebook.display.image_set_bundle", fail)
    with capture_output() as captured:
        assert shell.run_cell("%%seedream fox <<\nx").success
    assert shell.user_ns["fox"][0].ok
    assert "cannot be drawn here" in captured.outputs[-1]._repr_html_()
    assert server.posts == 1
