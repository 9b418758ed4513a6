"""Disks that are not as they should be: what was paid for stays so in this process and in the next, and is told once.

Real disks where one can be had; else the calls of the system are replaced in a process of their own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from asking import REFUSED, run
from raw_server import Behaviour, RawServer, Reply, Request, json_reply
from seedream_magic import Seedream, SeedreamError, export_dataset
from seedream_magic.images.aside import END_FILE, PLACE_FILE, find_rescued, write_elsewhere
from seedream_magic.images.response import RESPONSE_FILE
from seedream_magic.images.run_folder import settle
from seedream_magic.replay import find_earlier
from served import KEY, client, record, served
from service import PICTURE, POST, jpeg, link, picture, whole_answer
from test_index import made_run

PROGRAM = r"""
import builtins, errno, fcntl, json, os, shutil, sys
from pathlib import Path
from seedream_magic import Seedream, SeedreamError
from seedream_magic.images import download
download.download_pause = lambda attempt: 0.0
url, store, odd, key = sys.argv[1:5]
real = {name: getattr(os, name) for name in ("open", "fsync", "replace", "unlink", "mkdir", "write", "rename")}
here = os.path.realpath(store)
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT

def of_store(place):
    name = os.readlink(f"/proc/self/fd/{place}") if isinstance(place, int) else os.path.abspath(os.fspath(place))
    return name.startswith(here)

def fail(code):
    raise OSError(getattr(errno, code), os.strerror(getattr(errno, code)))

def refusing(name, code, when):
    def call(place, *more, **options):
        if of_store(place) and when(place, *more):
            fail(code)
        return real[name](place, *more, **options)
    return call

def always(*_):
    return True

def is_readonly(*_):
    return os.path.exists(here + ".readonly")

def refuses_to_replace(part, path):
    return os.path.exists(path)

def no_change(part, path, **options):
    if not of_store(part) or not os.path.exists(path):
        real["replace"](part, path, **options)

kind, _, code = odd.partition(":")
if kind == "fsync":
    os.fsync = refusing("fsync", code, always)
elif kind == "space":
    from shutil import _ntuple_diskusage
    shutil.disk_usage = lambda place: _ntuple_diskusage(0, 0, 0) if code == "zeros" else fail(code)
elif kind == "replace":
    os.replace = no_change if code == "nothing" else refusing("replace", code, refuses_to_replace)
elif kind == "flock":
    fcntl.flock = lambda *_: fail(code)
elif kind == "after":
    for name in ("replace", "unlink", "mkdir", "write", "fsync", "rename"):
        setattr(os, name, refusing(name, code, is_readonly))
    os.open = refusing("open", code, lambda place, flags, *_: is_readonly() and flags & WRITES)
try:
    images = Seedream("anyfast", api_key=key, base_url=url, store=store).generate("odd", images=2, stream=False)
except SeedreamError as error:
    print(json.dumps({"error": type(error).__name__, "message": str(error), "hint": error.hint}))
else:
    files = [str(frame.path) if frame.path else None for frame in images]
    words = [str(frame.error or "") for frame in images]
    print(json.dumps({"replayed": images.replayed, "files": files, "notes": images.notes, "errors": words,
                      "complete": images.complete}))
"""


def drawn_by_a_process(server: RawServer, store: Path, odd: str = "") -> dict[str, Any]:
    """What a process of its own that draws on such a disk says of the set."""
    command = [sys.executable, "-c", PROGRAM, f"{server.url}/v1", str(store), odd, KEY]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    said: dict[str, Any] = json.loads(done.stdout)
    return said


@pytest.fixture
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With a library of all stores, and without: the folders themselves have to tell it then."""
    monkeypatch.setenv("SEEDREAM_LIBRARY", str(tmp_path / "library.sqlite") if request.param == "library" else "")


@pytest.mark.skipif(sys.platform != "linux", reason="files are found by /proc")
@pytest.mark.parametrize(
    "odd",
    [
        *("fsync:EINVAL", "fsync:ENOTSUP", "space:zeros", "space:ENOSYS"),
        *("replace:EEXIST", "replace:nothing", "flock:ENOLCK", "flock:ENOSYS"),
    ],
)
def test_a_disk_without_what_others_have_is_drawn_onto(odd: str, store: Path) -> None:
    """Where the bytes can be checked it goes on, silently, and a second process shows what the first has drawn."""
    with served({POST: whole_answer, PICTURE: picture}, store) as server:
        first = drawn_by_a_process(server, store, odd)
        again = drawn_by_a_process(server, store, odd)
    assert (first.get("complete"), first["notes"]) == (True, [])
    assert (again["replayed"], again["files"]) == (True, first["files"])
    assert record(store)["state"] == "done"
    assert list(store.glob("*/.*")) == []


def one_refused(request: Request) -> Behaviour:
    """The first picture, and a refusal of the second."""
    return json_reply({"data": [{"url": link(request, 0)}, REFUSED]})


def while_answering(act: Callable[[], object]) -> Callable[[Request], Behaviour]:
    """The answer `one_refused`, before which something happens to the disk."""

    def answer(request: Request) -> Behaviour:
        act()
        return one_refused(request)

    return answer


@pytest.mark.skipif(sys.platform != "linux", reason="files are found by /proc")
@pytest.mark.parametrize(
    ("library", "code"),
    [("library", "EROFS"), ("library", "ENOSPC"), ("library", "EIO"), ("no library", "EROFS")],
    indirect=["library"],
)
def test_a_store_that_takes_no_more_in_the_middle_is_settled_by_the_next_process(
    library: None, code: str, store: Path, shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end state is put aside with the picture; the next process shows the set, and gives the folder its record."""
    marker = Path(f"{store}.readonly")
    with served({POST: while_answering(marker.touch), PICTURE: picture}, store) as server:
        first = drawn_by_a_process(server, store, f"after:{code}")
        assert len([note for note in first["notes"] if "cannot be written" in note]) == 1
        assert record(store)["state"] == "sending"
        while_it_lasts = drawn_by_a_process(server, store, f"after:{code}")
        assert (while_it_lasts["replayed"], while_it_lasts["files"]) == (True, first["files"])
        assert while_it_lasts["errors"] == first["errors"]
        monkeypatch.setenv("SEEDREAM_STORE", str(store))
        error, words = run(shell, "%seedream doctor")
        assert error is None, error
        assert "how 1 run ended" in words
        marker.unlink()
        later = drawn_by_a_process(server, store)
        assert later["replayed"]
        facts = record(store)
        assert facts["state"] == "partial"
        assert find_rescued(facts["run_id"], END_FILE) is None
        (folder,) = (path.parent for path in store.glob("*/request.json"))
        assert later["files"] == [str(folder / "01.jpg"), None]  # it takes the picture now
        assert (folder / "01.jpg").read_bytes() == Path(first["files"][0]).read_bytes()
        assert b"canary" not in b"".join(path.read_bytes() for path in folder.iterdir())


def test_a_listing_that_is_stale_makes_nobody_forget_a_run(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a network's drive that lists a folder as it was before: what is known to be there is looked for by name."""
    real = os.scandir

    def stale(place: Any) -> Any:
        return nullcontext(iter(())) if os.fspath(place) == os.fspath(store) else real(place)

    with served({POST: whole_answer, PICTURE: picture}, store) as server:
        seedream = client(server, store)
        seedream.generate("stale")
        (store / "references").mkdir(mode=0o700)  # so that the library looks again
        with monkeypatch.context() as patch:
            patch.setattr(os, "scandir", stale)
            assert seedream.generate("stale").replayed
        assert seedream.generate("stale").replayed


DIES = PROGRAM.replace(
    "try:\n    images",
    """
import signal
def die(*arguments, **options):
    os.kill(os.getpid(), signal.SIGKILL)
from seedream_magic.images import run_folder
run_folder.RunFolder.save_picture = die
try:
    images""",
)
"""The same, but killed before it saves a picture."""


@pytest.mark.skipif(sys.platform != "linux", reason="files are found by /proc")
@pytest.mark.parametrize("mended", [True, False])
def test_links_that_the_store_did_not_take_are_settled_by_the_next_process(store: Path, *, mended: bool) -> None:
    """Read-only between the request and the pictures, then the kernel dies: nothing is paid again, all is fetched."""
    marker = Path(f"{store}.readonly")

    def answer(request: Request) -> Behaviour:
        marker.touch()
        return json_reply({"data": [{"url": link(request, 0)}, {"url": link(request, 1)}]})

    with served({POST: answer, PICTURE: picture}, store) as server:
        command = [sys.executable, "-c", DIES, f"{server.url}/v1", str(store), "after:EROFS", KEY]
        assert subprocess.run(command, capture_output=True, timeout=50, check=False).returncode == -9
        (folder,) = (path.parent for path in store.glob("*/request.json"))
        assert not (folder / RESPONSE_FILE).exists()
        if mended:
            marker.unlink()
        later = drawn_by_a_process(server, store, "" if mended else "after:EROFS")
        assert (later.get("complete"), server.posts) == (True, 1)
        marker.unlink(missing_ok=True)
        last = drawn_by_a_process(server, store)
        assert (last["replayed"], last["files"]) == (True, [str(folder / "01.jpg"), str(folder / "02.jpg")])
        assert server.posts == 1
    assert record(store)["state"] == "done"
    assert b"X-Tos" not in (folder / RESPONSE_FILE).read_bytes()
    assert find_rescued(folder.name, [RESPONSE_FILE, END_FILE]) is None


@pytest.mark.parametrize("copied", [False, True])
def test_a_store_that_was_away_as_its_run_ended_gets_what_is_its_own(
    store: Path, tmp_path: Path, *, copied: bool
) -> None:
    """The links, and how it ended: also where a copy of the store, such as a backup, is opened before it is back."""
    away, copy, up = tmp_path / "away", tmp_path / "copy", threading.Event()

    def answer(request: Request) -> Behaviour:
        if copied:
            shutil.copytree(store, copy)
        store.rename(away)
        return json_reply({"data": [{"url": link(request, 0)}, {"url": link(request, 1)}]})

    scenario = {POST: answer, PICTURE: lambda request: picture(request) if up.is_set() else Reply(503)}
    with served(scenario, store) as server:
        assert "error" in drawn_by_a_process(server, store)
        assert not store.exists()
        if copied:
            client(server, copy).plan("something else")
            assert find_earlier(client(server, copy).plan("odd", images=2, stream=False), copy).incomplete
            shutil.rmtree(copy)
        away.rename(store)
        up.set()
        later = drawn_by_a_process(server, store)
        (folder,) = (path.parent for path in store.glob("*/request.json"))
        assert (later["replayed"], later["files"]) == (True, [str(folder / "01.jpg"), str(folder / "02.jpg")])
    assert record(store)["state"] == "done"
    assert not find_rescued(folder.name, [RESPONSE_FILE, END_FILE, PLACE_FILE])


def test_pictures_come_back_once_the_folder_takes_them(store: Path) -> None:
    """By their bytes: another file under the name stays, and what was put aside goes a day later."""
    seedream_run = made_run(store, 59, pictures=0, state="partial", frames=[{"file": "01.jpg"}, {"file": "02.jpg"}])
    kept = {
        name: write_elsewhere(seedream_run.name, name, jpeg(place)) for place, name in enumerate(("01.jpg", "02.jpg"))
    }
    (seedream_run / "02.jpg").write_bytes(jpeg(7))
    settle(store, again=True)
    assert (seedream_run / "01.jpg").read_bytes() == jpeg(0)
    assert (seedream_run / "02.jpg").read_bytes() == jpeg(7)
    for path in kept.values():
        assert path is not None
        assert path.exists()
        os.utime(path, (1, 1))
    settle(store, again=True)
    assert [path.exists() for path in kept.values() if path] == [False, True]


LONG = "n" * 300
TOO_LONG: dict[str, Callable[[Seedream, Path], object]] = {
    **{
        ending: lambda seedream, folder, ending=ending: seedream.generate("long").export(folder / f"{LONG}.{ending}")  # type: ignore[misc]  # mypy infers no lambda with a default
        for ending in ("zip", "html", "jpg", "pdf", "gif")
    },
    "a dataset": lambda seedream, folder: export_dataset(seedream.generate("long"), folder / LONG),
    "a store": lambda seedream, folder: Seedream("demo", store=folder / LONG).generate("long"),
    "a run": lambda seedream, folder: seedream.show(LONG),
    "a reference": lambda seedream, folder: seedream.plan("long", refs=[folder / f"{LONG}.png"]),
}


@pytest.mark.parametrize("name", TOO_LONG)
def test_a_name_that_is_too_long_is_refused_in_words(name: str, server: RawServer, store: Path, tmp_path: Path) -> None:
    """By a real disk, which takes 255 bytes; nothing is left beside it."""
    with pytest.raises(SeedreamError) as caught:
        TOO_LONG[name](client(server, store), tmp_path)
    assert len(caught.value.lines()[0]) < 1500
    assert [path for path in tmp_path.iterdir() if path.name.startswith((".n", "n"))] == []


def test_a_library_or_a_notebook_with_too_long_a_name_costs_nothing(
    server: RawServer, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The set is drawn, and shown again."""
    monkeypatch.setenv("JPY_SESSION_NAME", f"/work/{LONG}.ipynb")
    monkeypatch.setenv("SEEDREAM_LIBRARY", str(tmp_path / LONG))
    seedream = client(server, store)
    assert not seedream.generate("long").replayed
    assert seedream.generate("long").replayed
