"""Faults of the disk, of many processes and of the clock, F102-F106."""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import DEFAULT, Mock

import pytest

from fault import check_error, drawn, outcome, shades
from raw_server import Behaviour, Reply, Request, json_reply
from seedream_magic import ConfigError, ImageError, ImageInvalid
from seedream_magic import recover as recover_module
from seedream_magic.images import record as record_module
from seedream_magic.images import store as store_module
from seedream_magic.images.aside import cache_folder, find_rescued, rescue_folders, write_elsewhere
from seedream_magic.images.durable import write_durably
from seedream_magic.images.record import load
from seedream_magic.images.stored_runs import records
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
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def heavy(request: Request) -> Behaviour:
    """A picture of 400 KB, of which two fit on that disk."""
    shade = int(request.path.removeprefix("/picture/").partition(".")[0])
    return Reply(200, {}, jpeg(shade)[:2] + (b"\xff\xfe\xff\xff" + bytes(65533)) * 6 + jpeg(shade)[2:])


@pytest.mark.fault("F102")
@pytest.mark.parametrize("full", [False, True])
def test_a_disk_that_is_too_full_is_found_out_before_anything_is_paid(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch, *, full: bool
) -> None:
    """A megabyte is not enough for a picture, or not even a record fits: nothing is sent, nothing is left."""
    if full:
        monkeypatch.setattr(store_module, "_check_space", lambda store, images: None)
        with (small_disk / "ballast").open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))
        (small_disk / "ballast").chmod(0o600)
    words = "No space" if full else "MiB left"
    with served({POST: whole_answer}, small_disk, posts=0) as server, pytest.raises(ConfigError, match=words):
        client(server, small_disk).generate("x", images=4)
    assert [path.name for path in small_disk.glob("[!.]*")] == ["ballast"] * full


@pytest.mark.fault("F102")
def test_a_disk_that_fills_up_keeps_every_picture(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of four fit on it, the others are put aside; all are whole, the record stands and the set says where."""
    monkeypatch.setattr(store_module, "SPACE_PER_IMAGE", 0)
    monkeypatch.setattr(store_module, "SPACE_IN_RESERVE", 0)
    with served({POST: whole_answer, PICTURE: heavy}, small_disk) as server:
        images = client(server, small_disk).generate("x", images=4, stream=False)
    paths = [frame.path for frame in images if frame.path]
    assert [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths] == [frame.sha256 for frame in images]
    assert min(path.stat().st_size for path in paths) > 390_000
    aside = [path for path in paths if path.parent != images.folder]
    assert (len(aside), {find_rescued(images.run_id, [path.name]) for path in aside}) == (2, set(aside))
    (note,) = images.notes
    assert str(aside[0].parent) in note
    assert record(small_disk)["body"]["prompt"] == "x"


def raising(code: int) -> Callable[..., Any]:
    def call(*_: Any, **__: Any) -> Any:
        raise OSError(code, os.strerror(code))

    return call


@pytest.mark.fault("F103")
@pytest.mark.parametrize(
    ("call", "code"),
    [("mkdir", errno.EROFS), ("open", errno.EACCES), ("write", errno.EDQUOT), ("fsync", errno.EIO), ("replace", 18)],
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
    assert list(store.glob("[!.]*")) == []


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


def failing_at_first(call: Callable[..., Any], of: Path) -> Callable[..., Any]:
    """The call of a drive at `of` that fails with EIO whenever it is made, not at the next try of that thread."""
    failed: set[int] = set()

    def now_and_then(place: Any, *more: Any, **options: Any) -> Any:
        name = str(Path(f"/proc/self/fd/{place}").readlink()) if isinstance(place, int) else os.fspath(place)
        thread = threading.get_ident()
        if str(of) in name and thread not in failed:
            failed.add(thread)
            raise OSError(errno.EIO, os.strerror(errno.EIO), name)
        failed.discard(thread)
        return call(place, *more, **options)

    return now_and_then


def mounted(monkeypatch: pytest.MonkeyPatch, drive: Callable[[Callable[..., Any], Path], Any], store: Path) -> None:
    """Have the store on such a drive."""
    monkeypatch.setattr("seedream_magic.images.durable.PAUSES", (0.0,) * 4)
    for name in ("fsync", "replace", "scandir"):
        monkeypatch.setattr(os, name, drive(getattr(os, name), store))


@pytest.mark.fault("F103")
@pytest.mark.skipif(sys.platform != "linux", reason="files are found by /proc")
def test_a_drive_that_fails_now_and_then_costs_nothing(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Colab's and a network's do: at the next try all is written, in its place and without a word."""
    with served({POST: whole_answer, PICTURE: picture}, store) as server, monkeypatch.context() as patch:
        mounted(patch, failing_at_first, store)
        seedream = client(server, store)
        images = seedream.generate("x", images=3)
        assert shades(images) == [0, 1, 2]
        assert {frame.path.parent for frame in images if frame.path} == {images.folder}
        assert images.notes == ()
        again = seedream.generate("x", images=3)
        assert (again.replayed, shades(again)) == (True, [0, 1, 2])


@pytest.mark.fault("F103")
@pytest.mark.parametrize("library", [True, False])
def test_a_store_that_cannot_be_listed_is_no_empty_store(
    store: Path, monkeypatch: pytest.MonkeyPatch, *, library: bool
) -> None:
    """The library goes on knowing its runs; without one nothing is sent, for it may be paid for already."""
    if not library:
        monkeypatch.setenv("SEEDREAM_LIBRARY", "")
    with served({POST: whole_answer, PICTURE: picture}, store) as server:
        seedream = client(server, store)
        seedream.generate("x")
        (store / "references").mkdir(mode=0o700)  # so that the library looks again
        with monkeypatch.context() as patch:
            patch.setattr("seedream_magic.images.durable.PAUSES", (0.0,) * 4)
            real = os.scandir
            patch.setattr(os, "scandir", lambda place: raising(errno.EIO)() if place == store else real(place))
            if library:
                assert seedream.generate("x").replayed
                assert seedream.history() == []
            else:
                with pytest.raises(ConfigError, match="cannot be read at the moment"):
                    seedream.generate("x")
        assert seedream.generate("x").replayed


@pytest.mark.fault("F103")
def test_a_drive_that_takes_no_more_pictures_is_told_once(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After five tries each is put aside, whole."""
    real = os.replace

    def replace(part: Any, path: Any, **options: Any) -> None:
        if str(path).startswith(str(store)) and str(path).endswith(".jpg"):
            raise OSError(errno.EIO, os.strerror(errno.EIO), path)
        real(part, path, **options)

    with served({POST: whole_answer, PICTURE: picture}, store) as server:
        mounted(monkeypatch, lambda call, _: replace if call is real else call, store)
        images = client(server, store).generate("x", images=3)
        assert shades(images) == [0, 1, 2]
        assert {find_rescued(images.run_id, [f"0{number}.jpg"]) for number in (1, 2, 3)} == {one.path for one in images}
        (note,) = images.notes
        assert note.startswith("The run's folder cannot be written: what came since is kept in ")


@pytest.mark.parametrize(("refusals", "slept"), [(1, 0.05), (5, 0.5)])
def test_a_place_that_is_held_open_is_tried_again(
    refusals: int, slept: float, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, where a scanner holds a file for a moment: five tries in half a second, then it is refused."""
    place, pauses = store / "request.json", list[float]()
    place.write_bytes(b"old")
    held = [PermissionError(errno.EACCES, "held")] * refusals
    monkeypatch.setattr(os, "replace", Mock(side_effect=[*held, DEFAULT], wraps=os.replace))
    monkeypatch.setattr("seedream_magic.images.durable.time.sleep", pauses.append)
    with pytest.raises(PermissionError, match="held") if refusals == 5 else nullcontext():
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


@pytest.mark.fault("F99", "F105")
def test_a_damaged_store_is_told_and_left_as_it_is(store: Path) -> None:
    """Places carry errors, nothing is sent or removed; a picture without its sidecar is looked at anew."""
    with served({POST: whole_answer, PICTURE: picture}, store) as server:
        seedream = client(server, store)
        images = seedream.generate("x", images=5)
        folder = images.folder
        (folder / "01.jpg").write_bytes(jpeg(9)[: len(jpeg(0))].ljust(len(jpeg(0)), b"\0"))
        (folder / "02.jpg").unlink()
        (folder / "03.json").unlink()
        (folder / "04.json").unlink()
        (folder / "04.jpg").write_bytes(jpeg(3)[:-30])
        for name in (".DS_Store", "06.svg", "notes.txt"):
            (folder / name).write_text("x")
        answer = (folder / "response.jsonl").read_text()
        (folder / "response.jsonl").write_text(answer + '{"obj')
        before = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
        again = seedream.generate("x", images=5)
        assert {path: path.read_bytes() for path in store.rglob("*") if path.is_file()} == before
        assert [type(frame.error) for frame in again][:4] == [ImageInvalid, ImageError, type(None), ImageInvalid]
        assert (again[2].sha256, again[2].width, again[4].ok) == (images[2].sha256, 64, True)
        (folder / "response.jsonl").write_text(answer)


@pytest.mark.fault("F106")
@pytest.mark.parametrize(
    "hours", [[-490_000], [110_000], [25], [-25], [0, -200, 200]], ids=["1970", "2039", "ahead", "behind", "jumps"]
)
def test_a_wrong_clock_costs_no_picture(hours: list[int], store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids stay unique and readable, frames in order, no time below nothing; no link is given up for its sake."""

    class Wrong(datetime):
        calls = 0

        @classmethod
        def now(cls, tz: Any = None) -> Any:
            cls.calls += 1
            return datetime.now(UTC) + timedelta(hours=hours[min(cls.calls, len(hours)) - 1])

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


RUN = "20260101T000000Z-abcdefghij"


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is put aside is in folders of the test's own."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("WIN_PD_OVERRIDE_LOCAL_APPDATA", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.mark.fault("F102")
@pytest.mark.parametrize("form", ["url", "b64_json"])
def test_pictures_of_a_store_that_fails_are_put_aside(form: str, store: Path) -> None:
    """In the user's cache folder, with what is known of them; the frames point there and one note says so."""

    def closed(request: Request) -> Behaviour:
        """The answer, while the folder of its run goes; no link could bring base64 once more."""
        for folder in store.iterdir():
            shutil.rmtree(folder)
        texts = (base64.b64encode(jpeg(0)).decode(), base64.b64encode(jpeg(1)).decode(), "!")
        return json_reply({"data": [{form: text} for text in texts]}) if form == "b64_json" else whole_answer(request)

    images = drawn(outcome({POST: closed, PICTURE: picture}, store, images=3, stream=False, response_format=form))
    folder = cache_folder() / "rescued" / images.run_id
    assert shades(images) == [0, 1, 2 if form == "url" else None]
    assert [frame.path for frame in images.ok] == [folder / f"0{frame.index + 1}.jpg" for frame in images.ok]
    assert [find_rescued(images.run_id, [f"0{frame.index + 1}.jpg"]) for frame in images.ok] == [
        f.path for f in images.ok
    ]
    assert any(str(folder) in note for note in images.notes)
    assert (folder / "response.jsonl").is_file()  # what the service said is there as well
    facts = json.loads((folder / "02.json").read_text())
    assert (facts["sha256"], facts["width"]) == (images[1].sha256, 64)
    assert "canary" not in "".join(path.read_text() for path in folder.glob("*.json"))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    if form == "b64_json":
        assert (folder / "03.b64").read_text() == "!"
        assert images[2].error
        assert str(folder / "03.b64") in images[2].error.hint


@pytest.mark.fault("F102")
def test_where_there_is_no_room_anywhere_the_links_stay(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in the store nor beside it: the error says what to do, and neither half files nor folders are left."""
    real = os.open

    def full(path: str | os.PathLike[str], *arguments: int, **options: int) -> int:
        if str(path).endswith(".part") and ".jpg" in str(path):
            raise OSError(28, "No space left on device")
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "open", full)
    result = outcome({POST: whole_answer, PICTURE: picture}, store)
    assert isinstance(result, ImageError)
    assert "could not be saved: No space left on device" in str(result)
    assert "%seedream recover" in result.hint
    assert "canary0" in next(store.glob("*/response.jsonl")).read_text()
    assert not any(folder.exists() for folder in rescue_folders(result.run_id or ""))


@pytest.mark.parametrize("trap", ["", "somebody else's", "a link"])
def test_the_temporary_folder_is_the_second_place(trap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the cache cannot be made; not where somebody else has put a folder or a link: everybody may write there."""
    (tmp_path / "cache").write_text("in the way")
    _, temporary = rescue_folders(RUN)
    assert temporary == tmp_path / "tmp" / f"seedream-magic-{RUN}"
    (tmp_path / "elsewhere").mkdir()
    if trap == "a link":
        temporary.symlink_to(tmp_path / "elsewhere")
    else:
        temporary.mkdir(mode=0o700)
    if trap == "somebody else's":
        owner = os.getuid() + 1
        monkeypatch.setattr(os, "getuid", lambda: owner)
    (temporary / "01.jpg").write_bytes(b"there")
    path = write_elsewhere(RUN, "02.jpg", b"x")
    assert path == (None if trap else temporary / "02.jpg")
    assert find_rescued(RUN, ["01.jpg"]) == (None if trap else temporary / "01.jpg")
    if path:
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
