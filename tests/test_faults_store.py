"""Faults of the disk, of many processes and of the clock, F102-F106."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fault import check_error, drawn, outcome, shades
from raw_server import Behaviour, RawServer, Reply, Request
from seedream_magic import ConfigError, ImageError, ImageInvalid, ImageSet
from seedream_magic import recover as recover_module
from seedream_magic.images import record as record_module
from seedream_magic.images import store as store_module
from seedream_magic.images.durable import find_rescued, write_durably
from seedream_magic.images.record import load
from seedream_magic.images.store import records
from served import check_store, client, record, served
from service import PICTURE, POST, jpeg, picture, whole_answer


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte; only root can have one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def heavy(request: Request) -> Behaviour:
    """A picture of 400 KB, of which two fit on that disk."""
    shade = int(request.path.removeprefix("/picture/").partition(".")[0])
    return Reply(200, {}, jpeg(shade)[:2] + (b"\xff\xfe\xff\xff" + bytes(65533)) * 6 + jpeg(shade)[2:])


@pytest.mark.fault("F102")
def test_a_disk_that_is_too_full_is_found_out_before_anything_is_paid(small_disk: Path) -> None:
    """A megabyte is not enough for a picture; nothing is sent, nothing is left."""
    with served({POST: whole_answer}, small_disk, posts=0) as server, pytest.raises(ConfigError, match="MiB left"):
        client(server, small_disk).generate("x", images=4)
    assert list(small_disk.iterdir()) == []


@pytest.mark.fault("F102")
def test_a_disk_that_fills_up_keeps_every_picture(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of four fit on it, the others are put aside; all are whole, the record stands and the set says where."""
    monkeypatch.setattr(store_module, "SPACE_PER_IMAGE", 0)
    monkeypatch.setattr(store_module, "SPACE_IN_RESERVE", 0)
    with served({POST: whole_answer, PICTURE: heavy}, small_disk) as server:
        images = client(server, small_disk).generate("x", images=4, stream=False)
    assert len(images.ok) == 4
    aside = [frame.path for frame in images if frame.path and frame.path.parent != images.folder]
    assert len(aside) == 2
    for frame in images:
        assert frame.path
        assert hashlib.sha256(frame.path.read_bytes()).hexdigest() == frame.sha256
        assert frame.path.stat().st_size > 390_000
    assert {find_rescued(images.run_id, path.name) for path in aside} == set(aside)
    (note,) = images.notes
    assert str(aside[0].parent) in note
    assert record(small_disk)["body"]["prompt"] == "x"


@pytest.mark.fault("F102")
def test_a_disk_that_is_full_before_the_record_costs_nothing(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where even a record does not fit, the folder goes again and no request leaves."""
    monkeypatch.setattr(store_module, "_check_space", lambda store, images: None)
    with (small_disk / "ballast").open("wb", buffering=0) as file:
        while True:
            try:
                file.write(bytes(4096))
            except OSError:
                break
    (small_disk / "ballast").chmod(0o600)
    with served({POST: whole_answer}, small_disk, posts=0) as server, pytest.raises(ConfigError, match="No space"):
        client(server, small_disk).generate("x")
    assert [path.name for path in small_disk.iterdir()] == ["ballast"]


def raising(code: int) -> Callable[..., Any]:
    def call(*_: Any, **__: Any) -> Any:
        raise OSError(code, os.strerror(code))

    return call


@pytest.mark.fault("F103")
@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("mkdir", errno.EACCES),
        ("mkdir", errno.EROFS),
        ("open", errno.EACCES),
        ("write", errno.EDQUOT),
        ("fsync", errno.EIO),
        ("replace", errno.EXDEV),
    ],
)
def test_a_store_that_refuses_is_found_out_before_anything_is_paid(
    call: str, code: int, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever step it refuses: one error that names the store and the way to name another, and no request."""
    with served({POST: whole_answer}, store, posts=0) as server:
        seedream = client(server, store)
        with monkeypatch.context() as patch:
            patch.setattr(os, call, raising(code))
            with pytest.raises(ConfigError) as caught:
                seedream.generate("x")
    assert os.strerror(code) in str(caught.value)
    assert "SEEDREAM_STORE" in caught.value.hint
    assert list(store.iterdir()) == []


@pytest.mark.fault("F103")
@pytest.mark.parametrize(("call", "code"), [("fsync", errno.EIO), ("replace", errno.EXDEV), ("write", errno.EDQUOT)])
def test_a_store_that_refuses_after_the_answer_keeps_the_links(
    call: str, code: int, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be saved any more is one error; the links that were recorded bring it later."""
    real = getattr(os, call)

    def refusing(request: Request) -> Behaviour:
        monkeypatch.setattr(os, call, raising(code))
        return picture(request)

    with served({POST: whole_answer, PICTURE: refusing}, store) as server:
        with pytest.raises(ImageError) as caught:
            client(server, store).generate("x", images=2, stream=False)
        check_error(caught.value)
        monkeypatch.setattr(os, call, real)
        server._scenario = {PICTURE: picture}
        record_path = next(store.glob("*/request.json"))
        facts = json.loads(record_path.read_text())
        facts["process"]["pid"] = 2**22 + 1  # the run's own process has died since
        record_path.write_text(json.dumps(facts))
        (images,) = client(server, store).recover()
        assert shades(images) == [0, 1]


@pytest.mark.parametrize(("refusals", "slept"), [(1, 0.05), (4, 0.5), (5, 0.5)])
def test_a_place_that_is_held_open_is_tried_again(
    refusals: int, slept: float, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, where a scanner holds a file for a moment: five tries in half a second, then it is refused."""
    real, left, pauses = os.replace, [PermissionError(errno.EACCES, "held")] * refusals, list[float]()

    def held(*arguments: Any) -> None:
        if left:
            raise left.pop()
        real(*arguments)

    monkeypatch.setattr(os, "replace", held)
    monkeypatch.setattr("seedream_magic.images.durable.time.sleep", pauses.append)
    place = store / "request.json"
    place.write_bytes(b"old")
    if refusals == 5:
        with pytest.raises(PermissionError, match="held"):
            write_durably(place, b"new", mode=0o600)
    else:
        write_durably(place, b"new", mode=0o600)
    assert place.read_bytes() == (b"old" if refusals == 5 else b"new")
    assert list(store.iterdir()) == [place]
    assert sum(pauses) == pytest.approx(slept)


MANY = r"""
import sys, time
from pathlib import Path
from seedream_magic.api.plan import Plan
from seedream_magic.api.providers import PROVIDERS
from seedream_magic.api.make_request import Ask, make_request
from seedream_magic.images import store as module
import fcntl, os
fcntl.flock = lambda *_: None
failed, replace = [], os.replace
def once(*arguments, **options):
    if not failed:
        failed.append(1)
        raise OSError(116, "Stale file handle")
    return replace(*arguments, **options)
plan = Plan(make_request(Ask("x"), model="doubao-seedream-4-5")[0], PROVIDERS["anyfast"], "https://www.anyfast.ai/v1")
os.replace = once
try:
    module.begin_run(Path(sys.argv[1]), plan, client_request_id="x")
except module.ConfigError:
    pass
for _ in range(int(sys.argv[2])):
    run = module.begin_run(Path(sys.argv[1]), plan, client_request_id="x")
    run.record({"status": 200})
    run.update(state="failed")
"""


def written_by_many(store: Path, processes: int, runs: int) -> int:
    """How many whole records that many processes leave in one store, each with an id of its own."""
    command = [sys.executable, "-c", MANY, str(store), str(runs)]
    started = [subprocess.Popen(command) for _ in range(processes)]
    assert [process.wait(240) for process in started] == [0] * processes
    return len({found.run_id for found in records(store) if found.state == "failed"})


@pytest.mark.fault("F104")
def test_many_processes_share_a_store(store: Path) -> None:
    """No lock, and a rename that fails once: 4 x 40 records, none lost, none twice; `make faults` has 8 x 300."""
    assert written_by_many(store, 4, 40) == 160
    assert len(list(store.iterdir())) == 160
    check_store(store)


def made(server: RawServer, store: Path) -> ImageSet:
    return client(server, store).generate("x", images=3)


@pytest.mark.fault("F105")
def test_a_damaged_store_is_told_and_left_as_it_is(store: Path) -> None:
    """A changed picture, a missing one, a torn line, foreign files: places carry errors, nothing is sent or removed."""
    with served({POST: whole_answer, PICTURE: picture}, store) as server:
        images = made(server, store)
        first, second, _ = (frame.path for frame in images)
        assert first
        assert second
        first.write_bytes(jpeg(9)[: len(jpeg(0))].ljust(len(jpeg(0)), b"\0"))
        second.unlink()
        for name in (".DS_Store", "04.svg", "notes.txt"):
            (images.folder / name).write_text("x")
        with (images.folder / "response.jsonl").open("a") as file:
            file.write('{"obj')
        before = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
        again = made(server, store)
        assert {path: path.read_bytes() for path in store.rglob("*") if path.is_file()} == before
        assert [frame.ok for frame in again] == [False, False, True]
        assert type(again[0].error) is ImageInvalid
        assert isinstance(again[1].error, ImageError)
        with (images.folder / "response.jsonl").open("w") as file:
            file.write("{}\n")


@pytest.mark.fault("F105", "F99")
def test_a_picture_without_its_sidecar_is_looked_at_anew(store: Path) -> None:
    """A kill between the two leaves it so: its sum and pixels are read from it; a damaged one is no picture."""
    with served({POST: whole_answer, PICTURE: picture}, store) as server:
        images = made(server, store)
        for name in ("01.json", "02.json"):
            (images.folder / name).unlink()
        (images.folder / "02.jpg").write_bytes(jpeg(1)[:-30])
        again = made(server, store)
        assert (again[0].sha256, again[0].width, again[0].height) == (images[0].sha256, 64, 48)
        assert isinstance(again[1].error, ImageInvalid)


@pytest.mark.fault("F105")
def test_a_run_whose_folder_goes_keeps_its_pictures_and_the_next_one_is_good(store: Path) -> None:
    """Somebody tidies up while it draws: what is paid for is put aside, and the set says where."""

    def tidied(request: Request) -> Behaviour:
        for folder in store.iterdir():
            shutil.rmtree(folder)
        return whole_answer(request)

    images = drawn(outcome({POST: tidied, PICTURE: picture}, store, images=2))
    assert shades(images) == [0, 1]
    assert any("could not be recorded" in note for note in images.notes)
    assert any(images.run_id in note for note in images.notes)
    assert shades(drawn(outcome({POST: whole_answer, PICTURE: picture}, store))) == [0]


NOW = datetime.now(UTC)
CLOCKS = {
    "1970": [datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)],
    "2039": [datetime(2039, 1, 20, tzinfo=UTC)],
    "a day ahead": [NOW + timedelta(hours=25)],
    "a day behind": [NOW - timedelta(hours=25)],
    "jumps while it draws": [NOW, NOW - timedelta(days=9), NOW + timedelta(days=9)],
}


@pytest.mark.fault("F106")
@pytest.mark.parametrize("name", CLOCKS)
def test_a_wrong_clock_costs_no_picture(name: str, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids stay unique and readable, frames in order, no time below nothing; no link is given up for its sake."""
    instants = CLOCKS[name]

    class Wrong(datetime):
        calls = 0

        @classmethod
        def now(cls, tz: Any = None) -> Any:
            cls.calls += 1
            return instants[min(cls.calls, len(instants)) - 1]

    for module in (store_module, record_module, recover_module):
        monkeypatch.setattr(module, "datetime", Wrong)
    with served({POST: whole_answer, PICTURE: picture}, store, posts=2) as server:
        seedream = client(server, store)
        sets = [seedream.generate("x", images=3), seedream.generate("x", images=3, fresh=True)]
        assert [shades(images) for images in sets] == [[0, 1, 2], [0, 1, 2]]
        assert len({images.run_id for images in sets}) == 2
        assert all(images.seconds >= 0 for images in sets)
        assert [shades(load(found)) for found in records(store)] == [[0, 1, 2]] * 2
        assert seedream.recover() == []
        assert seedream.plan("x", images=3).stored in {images.run_id for images in sets}
