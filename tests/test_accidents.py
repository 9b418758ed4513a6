"""Accidents around a run that once made others wait for ever, pay again, or see another picture."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from asking import REFUSED, data, join_runs, run
from raw_server import Behaviour, Gate, RawServer, Request, raw_server
from seedream_magic import ContentRefused, ImageSet, InvalidRequest, Seedream, SeedreamInterrupted
from seedream_magic.images.claims import RUN_LOCK, is_live
from seedream_magic.images.record import Record, read_record
from seedream_magic.images.store import begin_run
from seedream_magic.images.stored_runs import records
from served import client, in_nest_mode
from service import PICTURE, POST, black_png, bodies, completed, picture, stream_head, succeeded, whole_answer

pytestmark = pytest.mark.usefixtures("no_pause")
NEVER = threading.Event()
LIMIT = 10
"""Seconds within which nobody may still wait."""


def newest(store: Path) -> Record:
    return list(records(store))[-1]


def stopped(seedream: Seedream, server: RawServer) -> ImageSet:
    """A set of which one of three pictures came before it was stopped; the server goes on whole."""
    server._scenario = {
        POST: lambda request: Gate(stream_head() + succeeded(request, 0), NEVER, b""),
        PICTURE: picture,
    }

    def stop(images: ImageSet) -> None:
        if images.ok:
            raise KeyboardInterrupt

    with pytest.raises(SeedreamInterrupted) as broken_off:
        seedream.run(seedream.plan("x", images=3), on_change=stop)
    server._scenario = {POST: whole_answer, PICTURE: picture}
    assert broken_off.value.images is not None
    images: ImageSet = broken_off.value.images
    return images


def gated(release: threading.Event) -> Callable[[Request], Behaviour]:
    """Two pictures when they are released."""

    def post(request: Request) -> Gate:
        rest = b"".join(succeeded(request, index) for index in range(2)) + completed(2)
        return Gate(stream_head(), release, rest)

    return post


def in_time(work: Callable[[], Any]) -> Any:
    """What `work` returns or raises; fails where it still goes on after `LIMIT` seconds."""
    results: list[Any] = []

    def go() -> None:
        try:
            results.append(work())
        except BaseException as exc:  # noqa: BLE001 - it is looked at by the test
            results.append(exc)

    thread = threading.Thread(target=go, daemon=True)
    thread.start()
    thread.join(LIMIT)
    assert results, "it waits for ever"
    return results[0]


# ------------------------------------------------------------------------------ nobody waits for ever


def test_a_stream_that_nobody_reads_on_comes_to_its_end(seedream: Seedream, server: RawServer) -> None:
    """Kept in a variable after its first value: the same request is answered all the same."""

    async def main() -> ImageSet:
        kept = seedream.stream("x", images=2)
        await anext(kept)
        async with asyncio.timeout(LIMIT):
            images = await seedream.agenerate("x", images=2)
        await kept.aclose()
        return images

    assert asyncio.run(main()).complete
    assert server.posts == 1


def test_a_loop_that_stands_still_is_told_whenever_its_run_began(store: Path) -> None:
    """A task's folder is there, and its loop has not heard of it, when a cell holds the loop up for the same."""
    release = threading.Event()
    with raw_server({POST: gated(release), PICTURE: picture}) as server:
        seedream = client(server, store)

        async def main() -> None:
            task = asyncio.create_task(seedream.agenerate("x", images=2))
            while not list(records(store)):  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0)
            try:
                seedream.generate("x", images=2)
            finally:
                release.set()
                await task

        assert isinstance(in_time(lambda: asyncio.run(main())), InvalidRequest)
        assert server.posts == 1


def test_a_loop_that_does_not_run_is_not_waited_for(server: RawServer, store: Path) -> None:
    """A callback of a run on its own loop asks for the same: that loop stands still as long as it waits."""
    code = """
    heard = []
    def ask_again(_):
        if not heard:
            try:
                seedream.generate("x", images=2)
            except InvalidRequest as refused:
                heard.append(refused)
    assert seedream.run(seedream.plan("x", images=2), on_change=ask_again).complete
    assert heard
    """
    in_nest_mode(code, server, store)
    assert server.posts == 1


def test_a_lock_file_from_the_future_is_no_sign_of_life(seedream: Seedream, server: RawServer) -> None:
    """A folder from another machine, packed without a time zone: its run died there, its lock file is of tomorrow."""
    record = newest(stopped(seedream, server).folder.parent)
    process = {**record.process, "host": "elsewhere"}
    (record.folder / "request.json").write_text(json.dumps({**record.facts, "state": "answering", "process": process}))
    (record.folder / RUN_LOCK).touch()
    os.utime(record.folder / RUN_LOCK, (time.time() + 7 * 3600,) * 2)
    assert in_time(lambda: seedream.generate("x", images=3)).complete


# ------------------------------------------------------------------------------ nobody pays twice


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_that_ends_leaves_the_run_alone(seedream: Seedream) -> None:
    """Its copy of the run is torn down with its interpreter; the run goes on in the parent."""
    folder = begin_run(seedream.store, seedream.plan("x"), client_request_id="c")
    images = seedream.show(folder.run_id)
    child = os.fork()
    if not child:
        folder.conclude(images, None)
        os._exit(0)
    os.waitpid(child, 0)
    assert is_live(newest(seedream.store))
    folder.conclude(images, None)
    assert not is_live(newest(seedream.store))


@pytest.mark.skipif(os.name == "nt", reason="Windows locks in another way")
def test_programs_without_locks_give_way_to_each_other(store: Path) -> None:
    """A file system that has no locks: of four that ask at the same instant one sends."""
    program = (
        "import errno, fcntl, sys, time\n"
        "def refuse(*_): raise OSError(int(sys.argv[3]), 'no locks')\n"
        "fcntl.flock = refuse\n"
        "import filelock, sqlite3, seedream_magic.images.verify\n"
        "from seedream_magic import Seedream\n"
        "seedream = Seedream('anyfast', api_key='k', base_url=sys.argv[1], store=sys.argv[2])\n"
        "plan = seedream.plan('x', images=2)\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "print(len(seedream.run(plan).ok), flush=True)\n"
    )
    with raw_server({POST: whole_answer, PICTURE: picture}) as server:
        command = [sys.executable, "-c", program, f"{server.url}/v1", str(store), str(errno.ENOLCK)]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        programs: list[Any] = [subprocess.Popen(command, **pipes) for _ in range(4)]
        assert [each.stdout.readline() for each in programs] == ["ready\n"] * 4
        for each in programs:
            each.stdin.write("\n")
            each.stdin.flush()
        assert [each.communicate(timeout=60)[0] for each in programs] == ["2\n"] * 4
        assert server.posts == 1


def test_a_cell_waits_for_a_frame_that_is_being_drawn_anew(seedream: Seedream, server: RawServer) -> None:
    """One of three came. While the second is drawn anew, the cell waits for it, and asks for none of them twice."""
    images, release = stopped(seedream, server), threading.Event()
    server._scenario = {POST: lambda request: Gate(b"", release, bytes(data(request, 7))), PICTURE: picture}
    shown: list[ImageSet] = []
    redo = threading.Thread(target=lambda: seedream.show(images.run_id).redo(1, prompt=None), daemon=True)
    redo.start()
    server.wait_for(lambda seen: seen.posts == 2)
    cell = threading.Thread(target=lambda: shown.append(seedream.generate("x", images=3)), daemon=True)
    cell.start()
    time.sleep(0.7)
    assert server.posts == 2
    release.set()
    redo.join(LIMIT)
    cell.join(LIMIT)
    assert [len(each.ok) for each in shown] == [2]
    server._scenario = {POST: whole_answer, PICTURE: picture}
    assert seedream.generate("x", images=3).complete
    assert [body.get("sequential_image_generation_options") for body in bodies(server.requests)][1:] == [None, None]


def test_who_waits_is_told_what_was_refused(seedream: Seedream, store: Path) -> None:
    """All frames are refused: that is known, and said as it is to the one that drew."""
    release, errors = threading.Event(), list[Any]()
    answer = {POST: lambda request: Gate(b"", release, bytes(data(request, REFUSED, REFUSED))), PICTURE: picture}
    with raw_server(answer) as server:

        def ask() -> None:
            try:
                client(server, store).generate("x", images=2, stream=False)
            except ContentRefused as refused:
                errors.append((type(refused), refused.billed))

        threads = [threading.Thread(target=ask, daemon=True) for _ in range(2)]
        threads[0].start()
        server.wait_for(lambda seen: seen.posts == 1)
        threads[1].start()
        time.sleep(0.5)
        release.set()
        for thread in threads:
            thread.join(LIMIT)
        assert errors == [(ContentRefused, "yes")] * 2
        assert server.posts == 1


def test_a_limit_of_the_day_counts_what_is_under_way_without_a_library(
    shell: InteractiveShell, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three at once of two images each, under a limit of two: one is sent."""
    monkeypatch.setenv("SEEDREAM_LIBRARY", "")
    release = threading.Event()
    server._scenario = {POST: gated(release), PICTURE: picture}
    run(shell, "%config SeedreamMagics.max_images_per_day = 2")
    for prompt in "abc":
        run(shell, f"%%seedream -n 2 --bg\n{prompt}")
    time.sleep(0.5)
    release.set()
    join_runs()
    assert server.posts == 1


# ------------------------------------------------------------------------------ what is shown is what was asked for


def test_a_folder_whose_record_was_replaced_answers_for_it_no_more(server: RawServer, tmp_path: Path) -> None:
    """The library has read another record under that name."""
    fox, whale = (client(server, tmp_path / name).generate(name) for name in ("fox", "whale"))
    shutil.copy(whale.folder / "request.json", fox.folder / "request.json")
    images = client(server, tmp_path / "third").generate("fox")
    assert (images.replayed, images.request.prompt) == (False, "fox")


def test_a_set_is_whole_though_its_parts_lie_in_two_stores(server: RawServer, tmp_path: Path) -> None:
    """A frame was drawn anew in one store, the others are in another: they are joined wherever the cell runs."""
    server._scenario = {POST: lambda request: data(request, 0, 1, REFUSED), PICTURE: picture}
    first = client(server, tmp_path / "a").generate("x", images=3, stream=False)
    server._scenario = {POST: lambda request: data(request, 7), PICTURE: picture}
    client(server, tmp_path / "b").generate("x", images=3, stream=False).redo(2)
    shutil.rmtree(tmp_path / "b" / first.run_id)
    for store in "abc":
        images = client(server, tmp_path / store).generate("x", images=3, stream=False)
        assert (images.replayed, len(images.ok)) == (True, 3)
    assert server.posts == 2


def test_records_that_name_each_other_are_copied_once(server: RawServer, tmp_path: Path) -> None:
    """A store from elsewhere may say that a run goes on from itself."""
    images = client(server, tmp_path / "a").generate("x")
    record = read_record(images.folder)
    assert record is not None
    lineage = {"kind": "redo", "run_id": record.run_id, "places": [0]}
    (images.folder / "request.json").write_text(json.dumps({**record.facts, "lineage": lineage}))
    assert client(server, tmp_path / "b").generate("x", copy=True).folder == tmp_path / "b" / record.run_id


def test_a_copied_reference_holds_what_its_name_says(server: RawServer, tmp_path: Path) -> None:
    """A store from elsewhere has other bytes under the name of a reference: they do not come into this one."""
    (tmp_path / "ref.png").write_bytes(black_png(600))
    images = client(server, tmp_path / "a").generate("x", refs=tmp_path / "ref.png")
    (kept,) = (tmp_path / "a" / "references").iterdir()
    kept.write_bytes(b"another picture")
    client(server, tmp_path / "b").generate("x", refs=tmp_path / "ref.png", copy=True)
    assert (tmp_path / "b" / images.run_id).is_dir()
    assert not (tmp_path / "b" / "references" / kept.name).exists()


def test_a_count_beyond_all_bounds_hides_no_run(server: RawServer, tmp_path: Path) -> None:
    """A record says that a run billed more images than any database can count: its store is known all the same."""
    images = client(server, tmp_path / "a").generate("x")
    record = read_record(images.folder)
    assert record is not None
    odd = tmp_path / "b" / record.run_id
    shutil.copytree(images.folder, odd)
    (odd / "request.json").write_text(json.dumps({**record.facts, "usage": {"generated_images": 10**30}}))
    shutil.rmtree(images.folder)
    assert client(server, tmp_path / "b").generate("x").replayed
    assert client(server, tmp_path / "c").generate("x").replayed


def test_pictures_that_are_gone_are_named_without_the_folders_above(server: RawServer, tmp_path: Path) -> None:
    """The note is in the output of the new set, and that travels with the notebook."""
    gone = client(server, tmp_path / "a").generate("x")
    for path in gone.folder.glob("01.*"):
        path.unlink()
    plan = client(server, tmp_path / "a").plan("x")
    assert any(gone.run_id in warning for warning in plan.warnings)
    assert not any(str(tmp_path) in warning for warning in plan.warnings)


def test_what_this_program_draws_is_called_its_own(seedream: Seedream, server: RawServer) -> None:
    """Another thread of the same program: it is no other program that one could look for."""
    release = threading.Event()
    server._scenario = {POST: gated(release), PICTURE: picture}
    thread = threading.Thread(target=lambda: seedream.generate("x", images=2))
    thread.start()
    server.wait_for(lambda seen: seen.posts == 1)
    plan = seedream.plan("x", images=2)
    release.set()
    thread.join(LIMIT)
    assert any("this program" in warning for warning in plan.warnings)
