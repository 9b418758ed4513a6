"""What is read of a run: each one is told, whatever its folder holds. tests/test_library.py has how it is kept."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
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

from seedream_magic import database, library
from seedream_magic.api.make_request import Ask, make_request
from seedream_magic.api.plan import Plan
from seedream_magic.api.providers import PROVIDERS
from seedream_magic.errors import ContentRefused, ImageInvalid, SeedreamError
from seedream_magic.images.aside import cache_folder, data_folder
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.images.json_files import MAXIMUM_RECORD_BYTES
from seedream_magic.images.record import load
from seedream_magic.images.run_folder import RunFolder
from seedream_magic.images.store import begin_run
from seedream_magic.images.stored_runs import find_record, run_of_picture
from seedream_magic.images.verify import PictureFacts
from service import jpeg

LONG_AGO = 1_700_000_000
LIBRARY_OF_MAC = ("Caches", "Application Support")
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
    library._read_before.clear()
    library._seen.clear()


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
    (entry,) = library.history(store)
    billed = load(find_record(store, run.run_id)).billed
    assert (entry.frames, entry.billed, entry.expected) == (1, billed, max(3, len(frames)))


def test_a_run_whose_process_died_is_billed_for_what_was_named(store: Path) -> None:
    """Its record does not know; the answer does. What comes later is seen: such a run is read each time."""
    run = begun(store)
    run.update(state="answering")
    aged(run.folder)
    assert [(entry.state, entry.billed) for entry in library.history(store)] == [("answering", 0)]
    run.record({"object": {"data": [{"url": "https://e.com/1.jpg"}, {"url": "https://e.com/2.jpg"}]}})
    aged(run.folder)
    (entry,) = library.history(store)
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
    assert [(entry.run_id, entry.frames) for entry in library.history(store)] == [
        (name, 2) for name in sorted(names)[::-1]
    ]
    for place in ("absent", "store/20260504T100010Z-abcdefghij", "nul\0", "x" * 300):
        assert library.history(tmp_path / place) == []


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
        first, damaged = library.history(store)
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
    """Whatever stands where, a run is told, and told the same from the library."""
    with tempfile.TemporaryDirectory() as folder:
        made_run(Path(folder), **({"usage": {"generated_images": usage}, "body": {"prompt": prompt}} | facts))
        (first,) = library.history(Path(folder))
        new_process()
        assert library.history(Path(folder)) == [first]


@pytest.mark.parametrize(
    ("system", "named", "home", "cache", "data"),
    [
        (Unix, "/x/named", "/home/me", "/x/named/seedream-magic", "/x/named/seedream-magic"),
        (Unix, "relative", "/home/me", "/home/me/.cache/seedream-magic", "/home/me/.local/share/seedream-magic"),
        (MacOS, None, "/home/me", *(f"/home/me/Library/{name}/seedream-magic" for name in LIBRARY_OF_MAC)),
        (Windows, None, "/home/me", "/local/seedream-magic", "/local/seedream-magic"),
        (Unix, None, None, *[f"{tempfile.gettempdir()}/seedream-magic"] * 2),
    ],
)
def test_what_is_kept_is_where_the_system_has_it(  # noqa: PLR0917 - a row of the table
    system: type[PlatformDirsABC],
    named: str | None,
    home: str | None,
    cache: str,
    data: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And never elsewhere: pictures that were put aside, and the library, lie there, by whatever version."""
    monkeypatch.setattr("platformdirs.PlatformDirs", system)
    monkeypatch.setattr("platformdirs.windows.get_win_folder", lambda _: "/local")
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    for name, value in (("XDG_CACHE_HOME", named), ("XDG_DATA_HOME", named), ("HOME", home)):
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name, raising=False)
    assert (cache_folder(), data_folder()) == (Path(cache), Path(data))
    monkeypatch.delenv("SEEDREAM_LIBRARY")
    assert database.library_file() == Path(data, "library.sqlite3")
    monkeypatch.setenv("SEEDREAM_LIBRARY", " ")
    assert database.library_file() is None


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
