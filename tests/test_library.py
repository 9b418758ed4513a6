"""The library: what it keeps of the runs of all stores, who may read it, and what becomes of it when it is broken."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from raw_server import RawServer, Reply, Scenario, json_reply
from seedream_magic import Seedream, SeedreamError, database, library
from seedream_magic.images import changes, index
from seedream_magic.images.index import HistoryEntry
from seedream_magic.images.stored_runs import run_folders
from seedream_magic.library import history
from service import PICTURE, POST, picture, whole_answer
from test_index import FACTS, LONG_AGO, begun, made_run, new_process


@pytest.fixture
def file() -> Path:
    """Where the library of the test is."""
    return Path(os.environ["SEEDREAM_LIBRARY"])


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the runs whose folders are read, as they are."""
    seen: list[str] = []

    def entry_of(folder: Path) -> HistoryEntry:
        seen.append(folder.name)
        return real(folder)

    real = index.entry_of
    monkeypatch.setattr(library, "entry_of", entry_of)
    return seen


def execute(path: Path, statement: str) -> Any:
    """The first row that the statement gives."""
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement).fetchone()


def test_what_comes_from_the_library_is_the_same(store: Path) -> None:
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
        "fingerprint": "",
        "parent": "20260101T000000Z-abcdefghij",
        "folder": told,
        "starred": 0,
        "tags": "",
    }


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


def test_the_library_is_the_owners(store: Path, file: Path) -> None:
    """Prompts are private; a library that others could read is closed to them."""
    made_run(store)
    history(store)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file.parent, file)] == [0o700, 0o600]
    file.chmod(0o644)
    new_process()
    history(store)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


SPOILT: dict[str, Callable[[Path], object]] = {
    "overwritten": lambda path: path.write_bytes(path.read_bytes()[:100] + b"\xff" * 30_000),
    "no JSON": lambda path: execute(path, "UPDATE runs SET line = '{'"),
    "no time": lambda path: execute(path, "UPDATE runs SET line = replace(line, '2026-05-04T', 'soon')"),
}


@pytest.mark.fault("F105")
@pytest.mark.parametrize("broken", SPOILT.values(), ids=SPOILT.keys())
def test_a_broken_library_is_made_anew(
    broken: Callable[[Path], object], store: Path, file: Path, read: list[str]
) -> None:
    """Without a word to anybody; the next process reads from the new one."""
    made_run(store)
    first = history(store)
    broken(file)
    for _ in range(3):
        new_process()
        assert history(store) == first
    assert len(read) == 2
    assert database.problem() == ""


def test_what_stands_in_its_place_is_set_aside(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: list[str]
) -> None:
    """Where nobody has named the file; one that a person has named by mistake is no library, and stays as it is."""
    monkeypatch.delenv("SEEDREAM_LIBRARY")
    for name in ("HOME", "XDG_DATA_HOME", "WIN_PD_OVERRIDE_LOCAL_APPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "user"))
    for path in (database.library_file(), tmp_path / "novel.txt"):
        assert path is not None
        if path.suffix == ".txt":
            monkeypatch.setenv("SEEDREAM_LIBRARY", str(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("Call me Ishmael. " * 100)
        path.chmod(0o644)
        made_run(store, path.suffix == ".txt")
        for _ in range(3):
            history(store)
            new_process()
        if path.suffix == ".txt":
            assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("Call me Ishmael. " * 100, 0o644)
            assert "not a database" in database.problem()
        else:
            assert database.problem() == ""
            assert path.with_name("library.sqlite3.damaged").read_text().startswith("Call me Ishmael.")


@pytest.mark.fault("F105")
@pytest.mark.parametrize("block", ["a file for a folder", "a folder for a file", "a link for a file", "no sqlite"])
def test_without_a_library_the_folders_are_read(
    block: str, store: Path, file: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A home that takes no file, a Python without SQLite: slower, and right. What stands in the way stays as it is."""
    elsewhere = store.parent / "elsewhere"
    elsewhere.touch()
    if block == "a file for a folder":
        file.parent.write_text("x")
    elif block == "a folder for a file":
        (file / "x").mkdir(parents=True)
    elif block == "a link for a file":
        file.parent.mkdir()
        file.symlink_to(elsewhere)
    else:
        monkeypatch.setitem(sys.modules, "sqlite3", None)
    made_run(store)
    for _ in range(2):
        assert len(history(store)) == 1
        new_process()
    assert len(read) == 2
    assert elsewhere.read_bytes() == b""
    assert database.problem() != ""
    assert library.forget(made_run(store, 1).name, store) == ""  # there is no library that could remember it


@pytest.mark.fault("F105")
def test_a_locked_library_is_left_alone(
    store: Path, file: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process writes: this one reads the folders and does not throw away what the other one keeps."""
    monkeypatch.setattr(database, "PATIENCE", 0.01)
    made_run(store)
    history(store)
    with closing(sqlite3.connect(file)) as other:
        other.execute("BEGIN EXCLUSIVE")
        new_process()
        kept = file.stat().st_ino
        assert len(history(store)) == 1
        assert (file.stat().st_ino, list(file.parent.iterdir())) == (kept, [file])
        other.rollback()
    new_process()
    assert len(history(store)) == 1
    assert len(read) == 2


def test_several_processes_share_the_library(store: Path, file: Path) -> None:
    """They begin at once, with none, and each tells all runs."""
    for number in range(40):
        made_run(store, number)
    source = (
        "import sys; from pathlib import Path; from seedream_magic import library\n"
        "for _ in range(8):\n"
        "    library._read_before.clear(); library.forget('20260504T100007Z-abcdefghij', Path(sys.argv[1]))\n"
        "    assert len(library.history(Path(sys.argv[1]))) == 40\n"
    )
    command = [sys.executable, "-W", "error", "-c", source, str(store)]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate(timeout=60)[1] for process in running] == ["", "", ""]
    assert execute(file, "PRAGMA integrity_check") == ("ok",)
    assert execute(file, "SELECT count(*) FROM runs") == (40,)


@pytest.mark.parametrize("way", ["forgotten", "deleted by hand"])
def test_what_is_gone_leaves_the_library(way: str, store: Path, file: Path) -> None:
    """No byte of its prompt stays behind, in a journal neither. A page that is free may hold copies of moved rows."""
    folders = [made_run(store, number, body={"prompt": f"canary {number} " * 999}) for number in range(2)]
    history(store)
    database.keep_thumbnails({folders[0].name: ("x", "canary 0 " * 2000, 1, 1)})
    database.keep_thumbnails({folders[0].name: ("x", "canary 0 " * 99, 1, 1)})
    assert file.read_bytes().count(b"canary 0") > 900
    if way == "forgotten":
        assert library.forget(folders[0].name, store) == ""
    else:
        shutil.rmtree(folders[0])
        history(store)
    assert list(file.parent.iterdir()) == [file]
    assert b"canary 0" not in file.read_bytes()
    assert execute(file, "PRAGMA freelist_count") == (0,)


def test_a_store_that_is_away_keeps_its_runs(store: Path, tmp_path: Path, read: list[str]) -> None:
    """It may be on a disk that is not there now: its runs are not shown, and are not read again when it is back."""
    other, away = tmp_path / "other", tmp_path / "away"
    for place, number in ((store, 1), (other, 2)):
        made_run(place, number)
        history(place)
    both = library.history_of_all(store)
    for gone in (other, store):
        gone.rename(away)
        for _ in range(2):
            new_process()
            assert library.history_of_all(store) == [entry for entry in both if entry.folder.parent != gone]
            assert library.history(gone) == []
            assert (library.runs_of(["x"], gone), library.counts()) == ([], {store: 1, other: 1})
        away.rename(gone)
        assert library.history_of_all(store) == both
    assert len(read) == 2


def test_the_runs_of_all_stores_are_one_history(store: Path, tmp_path: Path) -> None:
    """What another notebook draws since is there; of a run that was copied the one at hand is."""
    other = tmp_path / "other"
    mine, theirs = made_run(store, 1), made_run(other, 2)
    history(other)
    shutil.copytree(theirs, store / theirs.name)
    later = made_run(other, 3)
    shutil.rmtree(made_run(other, 0))
    new_process()
    told = library.history_of_all(store)
    assert [entry.folder for entry in told] == [later, store / theirs.name, mine]
    assert library.stores() == [other, store]


def test_stores_are_found_below_a_folder(tmp_path: Path) -> None:
    """At any depth, also the folder itself; not in a run, in what is hidden or through a link."""
    stores = [tmp_path / name for name in ("book", "book/seedream-runs", "deep/er/runs")]
    for store in stores:
        made_run(store)
    made_run(stores[0] / made_run(stores[0], 1).name / "raw")
    made_run(tmp_path / ".trash" / "runs")
    (tmp_path / "link").symlink_to(tmp_path / "deep")
    assert library.scan([tmp_path, tmp_path / "absent"]) == dict(zip(stores, (2, 1, 1), strict=True))
    assert library.counts() == dict(zip(stores, (2, 1, 1), strict=True))


def test_a_library_that_was_made_anew_is_filled_again(store: Path, file: Path) -> None:
    """Also by a process that had all runs of the store in the one before, and has drawn since."""
    fingerprint = index.entry_of(begun(store).folder).fingerprint
    early = [record.folder for record in library.runs_of([fingerprint], store) or ()]
    file.unlink()
    late = begun(store)
    library.note(late.folder)
    found = library.runs_of([fingerprint], store) or ()
    assert [record.folder for record in found] == [*early, late.folder]
    assert len(found) == 2


@pytest.mark.parametrize("links", [None, 1, 2])
def test_a_run_that_comes_while_one_begins_is_found(
    links: int | None, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program's, with a library of its own: what this one changes in the store itself does not hide it.

    Also where the file system does not count the folders in a folder, and says 1 or 2 of all.
    """
    state = changes.state_of
    if links:
        monkeypatch.setattr(changes, "state_of", lambda folder: (found := state(folder)) and (found[0], links))
    made_run(store)
    (tmp_path / "elsewhere").mkdir()
    other = begun(tmp_path / "elsewhere").folder
    fingerprint = index.entry_of(other).fingerprint
    assert not library.runs_of([fingerprint], store)
    with changes.own_change(store, folders=0):
        other.rename(store / other.name)
    assert [record.folder for record in library.runs_of([fingerprint], store) or ()] == [store / other.name]


def test_a_run_that_the_library_could_not_take_is_found_by_a_look_under_way(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread has listed the store before another one began the run; the library refused it in between."""
    made_run(store)
    late: list[Path] = []

    def begin_after(folder: Path) -> list[os.DirEntry[str]] | None:
        found = run_folders(folder)
        if not late:
            late.append(begun(store).folder)
            with monkeypatch.context() as refusing:
                refusing.setattr(library, "with_library", lambda work, otherwise: otherwise)
                library.note(late[0])
        return found

    monkeypatch.setattr("seedream_magic.library.run_folders", begin_after)
    (store / "a folder of a person's").mkdir()  # so that the names are read
    library.runs_of(["x"], store)
    fingerprint = index.entry_of(late[0]).fingerprint
    assert [record.folder for record in library.runs_of([fingerprint], store) or ()] == late


def test_what_nobody_knows_counts_for_the_day(seedream: Seedream, server: RawServer) -> None:
    """What a broken answer may have billed counts as under way; a refusal counts nothing, a set what it billed."""
    today = datetime.now(UTC) - timedelta(hours=1)
    refusal = json_reply({"error": {"code": "InvalidParameter"}}, 400)
    scenarios: list[Scenario] = [{POST: Reply(524)}, {POST: refusal}, {POST: whole_answer, PICTURE: picture}]
    for number, (scenario, images, counted) in enumerate(zip(scenarios, (3, 4, 2), (3, 3, 5), strict=True)):
        server._scenario = scenario
        with suppress(SeedreamError):
            seedream.generate(f"fox {number}", images=images)
        assert library.images_since(today) == counted
    new_process()
    history(seedream.store)
    assert library.images_since(today) == 5
