"""The index of a store: every run is told whatever its folder holds, and only what changed is read again."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from platformdirs.api import PlatformDirsABC
from platformdirs.macos import MacOS
from platformdirs.unix import Unix
from platformdirs.windows import Windows

from seedream_magic.api.make_request import Ask, make_request
from seedream_magic.api.plan import Plan
from seedream_magic.api.providers import PROVIDERS
from seedream_magic.errors import ContentRefused, ImageInvalid, SeedreamError
from seedream_magic.images import index
from seedream_magic.images.durable import MAXIMUM_RECORD_BYTES, cache_folder
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.images.record import load
from seedream_magic.images.store import RunFolder, begin_run, find_record, run_of_picture
from seedream_magic.images.verify import PictureFacts
from seedream_magic.library import history
from service import jpeg

LONG_AGO = 1_700_000_000
JPEG = PictureFacts("image/jpeg", "jpg", 64, 48)
FACTS: dict[str, Any] = {
    "state": "done",
    "outcome": "billed",
    "provider": "demo",
    "began": "2026-05-04T12:00:00.5+02:00",
    "expected": 2,
    "notebook": "Draft 2.ipynb",
    "lineage": {"kind": "vary", "run_id": "20260101T000000Z-abcdefghij", "places": []},
    "body": {"model": "doubao-seedream-4-5", "prompt": "一只橘猫 at DAWN", "size": "2048x2048"},
    "seconds": 12.25,
    "usage": {"generated_images": 2},
    "frames": [{"file": "01.jpg"}, {"file": "02.jpg"}],
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache folder."""
    return empty_cache(tmp_path, monkeypatch)


def empty_cache(tmp_path: Path, patch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder of the test's own, and a process that has read nothing yet."""
    for name in ("XDG_CACHE_HOME", "WIN_PD_OVERRIDE_LOCAL_APPDATA", "HOME", "USERPROFILE"):
        patch.setenv(name, str(tmp_path / "user"))
    patch.setattr(index, "_read_before", {})
    return cache_folder()


def made_run(store: Path, number: int = 0, *, pictures: int = 2, **facts: Any) -> Path:
    """The folder of a run that ended long ago, with a record of `FACTS` changed by `facts`."""
    folder = store / f"20260504T10{number // 60:02d}{number % 60:02d}Z-abcdefghij"
    folder.mkdir(parents=True, mode=0o700)
    (folder / "request.json").write_text(json.dumps(FACTS | facts))
    for place in range(pictures):
        (folder / f"{place + 1:02d}.jpg").write_bytes(jpeg(place))
    return aged(folder)


def aged(folder: Path, seconds: int = LONG_AGO) -> Path:
    """The folder, as if nobody had touched it since `seconds`."""
    for path in (*folder.iterdir(), folder):
        os.utime(path, (seconds, seconds), follow_symlinks=False)
    return folder


def new_process() -> None:
    """Forget what this process has read: the next look is that of another one."""
    index._read_before.clear()


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the runs whose folders are read, as they are."""
    seen: list[str] = []

    def entry_of(folder: Path) -> index.HistoryEntry:
        seen.append(folder.name)
        return real(folder)

    real = index.entry_of
    monkeypatch.setattr(index, "entry_of", entry_of)
    return seen


def test_what_comes_from_the_cache_is_the_same(store: Path) -> None:
    """The row that a table takes; also a prompt with every kind of character, and a run without a time."""
    told = made_run(store)
    made_run(store, 1, body={"prompt": 'lone \ud800 nul \0 \U0001f63a "quoted"\n\''}, began="9999-12-31T23:59:59-14:00")
    shutil.move(made_run(store, 2, began=None), store / "99999999T999999Z-abcdefghij")
    first = history(store)
    new_process()
    assert history(store) == first
    assert (first[0].began, first[1].prompt) == (None, 'lone \N{REPLACEMENT CHARACTER} nul \0 \U0001f63a "quoted"\n\'')
    assert first[1].began == datetime(2026, 5, 4, 10, 0, 1, tzinfo=UTC)  # of its name, for its own cannot be
    same = {name: FACTS[name] for name in ("provider", "state", "outcome", "expected", "seconds", "notebook")}
    assert asdict(first[2]) == same | FACTS["body"] | {
        "run_id": told.name,
        "began": datetime(2026, 5, 4, 10, 0, 0, 500_000, tzinfo=UTC),
        "frames": 2,
        "billed": 2,
        "parent": "20260101T000000Z-abcdefghij",
        "folder": told,
    }


def begun(store: Path, images: int = 3) -> RunFolder:
    request, _ = make_request(Ask("四季", {"images": images}), model="doubao-seedream-4-5")
    return begin_run(store, Plan(request, PROVIDERS["anyfast"], "https://e.com/v1"), client_request_id="x")


def abandon(run: RunFolder) -> None:
    """As if its process had died: the lock that says that it goes on is gone."""
    lock = run._lock
    assert lock is not None
    lock.end()


@pytest.mark.parametrize(
    ("errors", "usage"),
    [
        ([ImageInvalid("cut"), ContentRefused("no")], None),
        ([ImageInvalid("cut")], {"generated_images": 5}),
        ([ImageInvalid("cut")], {"generated_images": True}),
        ([ImageInvalid("cut")], {"generated_images": -1}),
    ],
)
def test_what_was_billed_is_counted_as_a_set_counts_it(
    store: Path, errors: list[SeedreamError], usage: dict[str, Any] | None
) -> None:
    """By what the service reported, else by what it delivered; a picture that was deleted later is billed too."""
    run = begun(store)
    saved = [run.save_picture(place, jpeg(place), JPEG, source="") for place in (0, 1)]
    frames = [Frame(place, "四季", path, 64, 48, digest) for place, (path, digest) in enumerate(saved)]
    frames += [Frame(2 + place, "四季", error=error) for place, error in enumerate(errors)]
    known: dict[str, Any] = {"expected": 3, "state": "done", "outcome": "billed", "usage": usage}
    request = load(find_record(store, run.run_id)).request
    run.conclude(ImageSet(request, "anyfast", run.run_id, run.folder, tuple(frames), **known), None)
    saved[1][0].unlink()
    (entry,) = history(store)
    billed = load(find_record(store, run.run_id)).billed
    assert (entry.frames, entry.billed, entry.expected) == (1, billed, max(3, len(frames)))


def test_a_run_whose_process_died_is_billed_for_what_was_named(store: Path) -> None:
    """Its record does not know; the answer does. What comes later is seen: such a run is read each time."""
    run = begun(store)
    run.update(state="answering")
    aged(run.folder)
    assert [(entry.state, entry.billed) for entry in history(store)] == [("answering", 0)]
    run.record({"object": {"data": [{"url": "https://e.com/1.jpg"}, {"url": "https://e.com/2.jpg"}]}})
    aged(run.folder)
    (entry,) = history(store)
    assert (entry.frames, entry.billed) == (0, load(find_record(store, run.run_id)).billed) == (0, 2)


def test_the_runs_of_a_store_are_its_folders(store: Path, tmp_path: Path) -> None:
    """Newest first, by their ids, which say when they began; links, files and other folders are no runs."""
    names = [made_run(store, number).name for number in (2, 0, 1)]
    (store / "references").mkdir()
    (store / ".purged-20260504T100009Z-abcdefghij").mkdir()
    (store / "20260504T100010Z-abcdefghij").write_text("a file")
    elsewhere = made_run(tmp_path / "elsewhere", 11)
    (store / elsewhere.name).symlink_to(elsewhere)
    (store / names[0] / "03.jpg").symlink_to(elsewhere / "02.jpg")
    assert [(entry.run_id, entry.frames) for entry in history(store)] == [(name, 2) for name in sorted(names)[::-1]]
    for place in ("absent", "store/20260504T100010Z-abcdefghij", "nul\0", "x" * 300):
        assert history(tmp_path / place) == []


DAMAGES: dict[str, Callable[[Path], object]] = {
    "gone": lambda path: None,
    "torn": lambda path: path.write_bytes(json.dumps(FACTS).encode()[:-9]),
    "deep": lambda path: path.write_bytes(b"[" * 100_000),
    "no text": lambda path: path.write_bytes(b"\xff\xfe"),
    "huge": lambda path: path.write_bytes(b" " * MAXIMUM_RECORD_BYTES + json.dumps(FACTS).encode()),
    "a folder": lambda path: path.mkdir(),
    "a link": lambda path: path.symlink_to("../../outside.json"),
    "a pipe": os.mkfifo,
}


@pytest.mark.fault("F105")
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_run_is_listed_as_such(damage: Callable[[Path], object], store: Path, tmp_path: Path) -> None:
    """With its pictures and the time of its name; the others are there, and nothing is changed or followed."""
    (tmp_path / "outside.json").write_text(json.dumps(FACTS))
    folder, whole = made_run(store, 1), made_run(store, 2)
    (folder / "request.json").unlink()
    damage(folder / "request.json")
    before = sorted((path, path.lstat().st_mtime_ns) for path in store.rglob("*"))
    for _ in range(2):
        first, damaged = history(store)
        assert (first.run_id, first.state) == (whole.name, "done")
        assert (damaged.run_id, damaged.state, damaged.frames, damaged.prompt) == (folder.name, "damaged", 2, "")
        assert damaged.began == datetime(2026, 5, 4, 10, 0, 1, tzinfo=UTC)
        new_process()
    assert sorted((path, path.lstat().st_mtime_ns) for path in store.rglob("*")) == before


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None, max_examples=30)
@given(facts=st.fixed_dictionaries({}, optional=dict.fromkeys(FACTS, JSON)), usage=JSON, prompt=JSON)
def test_no_record_raises(facts: dict[str, Any], usage: Any, prompt: Any) -> None:
    """Whatever stands where, a run is told, and told the same from the cache."""
    with tempfile.TemporaryDirectory() as folder:
        made_run(Path(folder), **({"usage": {"generated_images": usage}, "body": {"prompt": prompt}} | facts))
        (first,) = history(Path(folder))
        new_process()
        assert history(Path(folder)) == [first]


def test_only_what_has_changed_is_read_again(store: Path, read: list[str]) -> None:
    """By this process or the next one: a new run, a record that changed in place, a picture that is gone."""
    folders = [made_run(store, number) for number in range(4)]
    history(store)
    assert sorted(read) == [folder.name for folder in folders]
    history(store)
    new_process()
    history(store)
    assert len(read) == 4

    (folders[1] / "request.json").write_text(json.dumps(FACTS | {"state": "failed"}))
    (folders[2] / "02.jpg").unlink()
    os.utime(folders[1] / "request.json", (LONG_AGO, LONG_AGO + 1))
    os.utime(folders[2], (LONG_AGO, LONG_AGO + 1))
    shutil.rmtree(folders[3])
    folders.append(made_run(store, 5))
    told = {entry.run_id: (entry.state, entry.frames) for entry in history(store)}
    assert sorted(read[4:]) == sorted(folders[place].name for place in (1, 2, 4))
    states = (("done", 2), ("failed", 2), ("done", 1), ("done", 2))
    assert told == dict(zip((folders[place].name for place in (0, 1, 2, 4)), states, strict=True))
    new_process()
    assert {entry.run_id: (entry.state, entry.frames) for entry in history(store)} == told
    assert len(read) == 7


def test_a_run_that_has_just_changed_is_not_trusted(store: Path, read: list[str]) -> None:
    """One more change in the same moment could not be told from the first."""
    folder = made_run(store)
    os.utime(folder)
    moment = folder.stat().st_mtime_ns
    assert history(store)[0].frames == 2
    (folder / "02.jpg").unlink()
    os.utime(folder, ns=(moment, moment))
    assert history(store)[0].frames == 1
    assert len(read) == 2


def test_the_cache_is_the_owners(store: Path, cache: Path) -> None:
    """Prompts are private; a cache that others could read is closed to them."""
    made_run(store)
    history(store)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (cache, cache / CACHE_FILE)]
    assert modes == [0o700, 0o600]
    (cache / CACHE_FILE).chmod(0o644)
    new_process()
    history(store)
    assert stat.S_IMODE((cache / CACHE_FILE).stat().st_mode) == 0o600


def execute(path: Path, statement: str) -> Any:
    """The first row that the statement gives."""
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement).fetchone()


SPOILT: dict[str, Callable[[Path], object]] = {
    "no database": lambda path: path.write_bytes(b"canary" * 1000),
    "overwritten": lambda path: path.write_bytes(path.read_bytes()[:100] + b"\xff" * 30_000),
    "another version": lambda path: execute(path, f"PRAGMA user_version = {index.VERSION + 1}"),
    "another table": lambda path: execute(path, "ALTER TABLE runs RENAME TO others"),
    "no JSON": lambda path: execute(path, "UPDATE runs SET line = '{'"),
    "no time": lambda path: execute(path, "UPDATE runs SET line = replace(line, '2026-05-04T', 'soon')"),
}


@pytest.mark.fault("F105")
@pytest.mark.parametrize("broken", SPOILT.values(), ids=SPOILT.keys())
def test_a_broken_cache_is_made_anew(
    broken: Callable[[Path], object], store: Path, cache: Path, read: list[str]
) -> None:
    """Without a word to anybody; the next process reads from the new one."""
    made_run(store)
    first = history(store)
    broken(cache / CACHE_FILE)
    for _ in range(3):
        new_process()
        assert history(store) == first
    assert len(read) == 2


@pytest.mark.fault("F105")
@pytest.mark.parametrize("block", ["a file for a folder", "a folder for a file", "a link for a file", "no sqlite"])
def test_without_a_cache_the_folders_are_read(
    block: str, store: Path, cache: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A home that takes no file, a Python without SQLite: slower, and right. What stands in the way stays as it is."""
    elsewhere = cache.parent / "elsewhere"
    (cache.parent if block == "a file for a folder" else cache).mkdir(parents=True)
    elsewhere.write_bytes(b"")
    if block == "a file for a folder":
        cache.write_text("x")
    elif block == "a folder for a file":
        (cache / CACHE_FILE / "x").mkdir(parents=True)
    elif block == "a link for a file":
        (cache / CACHE_FILE).symlink_to(elsewhere)
    else:
        monkeypatch.setitem(sys.modules, "sqlite3", None)
    made_run(store)
    for _ in range(2):
        assert len(history(store)) == 1
        new_process()
    assert len(read) == 2
    assert elsewhere.read_bytes() == b""


@pytest.mark.fault("F105")
def test_a_locked_cache_is_left_alone(
    store: Path, cache: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process writes: this one reads the folders and does not throw away what the other one keeps."""
    monkeypatch.setattr(index, "PATIENCE", 0.01)
    made_run(store)
    history(store)
    with closing(sqlite3.connect(cache / CACHE_FILE)) as other:
        other.execute("BEGIN EXCLUSIVE")
        new_process()
        kept = (cache / CACHE_FILE).stat().st_ino
        assert len(history(store)) == 1
        assert (cache / CACHE_FILE).stat().st_ino == kept
        other.rollback()
    new_process()
    assert len(history(store)) == 1
    assert len(read) == 2


def test_several_processes_share_the_cache(store: Path, cache: Path) -> None:
    """They begin at once, with no cache, and each tells all runs."""
    for number in range(40):
        made_run(store, number)
    source = (
        "import sys; from pathlib import Path; from seedream_magic.images import index\n"
        "for _ in range(8):\n"
        "    index._read_before.clear(); index.forget('20260504T100007Z-abcdefghij')\n"
        "    assert len(index.history(Path(sys.argv[1]))) == 40\n"
    )
    command = [sys.executable, "-W", "error", "-c", source, str(store)]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate(timeout=60)[1] for process in running] == ["", "", ""]
    assert execute(cache / CACHE_FILE, "PRAGMA integrity_check") == ("ok",)


def free_pages(path: Path) -> int:
    """Pages of a database that hold what was deleted, unless SQLite was built to wipe them."""
    return int(execute(path, "PRAGMA freelist_count")[0])


def test_what_is_gone_leaves_the_cache(store: Path, cache: Path, tmp_path: Path) -> None:
    """A run that was deleted by hand, and a store that was: no byte of a prompt stays behind."""
    other = tmp_path / "other"
    made_run(other, body={"prompt": "canary other" * 999})
    folder = made_run(store, 1, body={"prompt": "canary store" * 999})
    history(other)
    history(store)
    assert (cache / CACHE_FILE).read_bytes().count(b"canary") > 1000
    shutil.rmtree(other)
    shutil.rmtree(folder)
    history(store)
    assert [path.name for path in cache.iterdir()] == [CACHE_FILE]
    assert b"canary" not in (cache / CACHE_FILE).read_bytes()
    assert free_pages(cache / CACHE_FILE) == 0


@pytest.mark.parametrize(
    ("system", "named", "home", "expected"),
    [
        (Unix, "/x/caches", "/home/me", "/x/caches/seedream-magic"),
        (Unix, "relative", "/home/me", "/home/me/.cache/seedream-magic"),
        (MacOS, None, "/home/me", "/home/me/Library/Caches/seedream-magic"),
        (Windows, None, "/home/me", "/local/seedream-magic"),
        (Unix, None, None, f"{tempfile.gettempdir()}/seedream-magic"),
    ],
)
def test_the_cache_is_where_the_system_has_it(
    system: type[PlatformDirsABC], named: str | None, home: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And never elsewhere: pictures that were put aside lie there, by whatever version."""
    monkeypatch.setattr("platformdirs.PlatformDirs", system)
    monkeypatch.setattr("platformdirs.windows.get_win_folder", lambda _: "/local")
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    for name, value in (("XDG_CACHE_HOME", named), ("HOME", home)):
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)
    assert cache_folder() == Path(expected)


@pytest.fixture
def picture(store: Path) -> Path:
    """The second picture of a run as the store saves it, between two other runs."""
    made_run(store, 1)
    run = begun(store)
    made_run(store, 3)
    return [run.save_picture(place, jpeg(place + 5), JPEG, source="")[0] for place in (0, 1)][1]


def test_a_picture_tells_its_run(picture: Path, store: Path, tmp_path: Path) -> None:
    """By where it is, also through a link and of another store; a copy by its bytes; what is of nobody has none."""
    (tmp_path / "link").symlink_to(picture)
    for path in (picture, Path(os.path.relpath(picture)), tmp_path / "link"):
        assert run_of_picture(path, tmp_path / "another store") == (picture.parent, 1)
    copy = Path(shutil.copy(picture, tmp_path / "holiday.jpg"))
    picture.unlink()
    assert run_of_picture(copy, store) == (picture.parent, 1)
    (tmp_path / "01.jpg").write_bytes(jpeg(14))
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    for name in ("01.jpg", "empty.jpg", "absent.jpg", "folder", "circle", "nul\0"):
        assert run_of_picture(tmp_path / name, store) is None, name
