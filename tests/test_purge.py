"""Purging a run: nothing of it is left in the store or in the library, and nothing else is touched."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from seedream_magic import database
from seedream_magic.database import keep_thumbnails, kept_thumbnails
from seedream_magic.errors import ConfigError, InvalidRequest
from seedream_magic.images.aside import cache_folder, write_elsewhere
from seedream_magic.images.purge import PREFIX, find_purgeable, purge
from seedream_magic.library import history
from test_index import begun, made_run, new_process

SHARED, ALONE, TORN, STRANGE = ("a" * 64, "b" * 64, "c" * 64, "d" * 64)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder with the library; files that find no room elsewhere stay in the test's folder, too."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "user"))
    for name in ("XDG_CACHE_HOME", "WIN_PD_OVERRIDE_LOCAL_APPDATA", "HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "user"))
    monkeypatch.setenv("SEEDREAM_LIBRARY", str(cache_folder() / database.FILE))
    return cache_folder()


def canary_run(store: Path, number: int = 0, **facts: Any) -> Path:
    """A run whose files all say "canary"."""
    folder = made_run(store, number, body={"prompt": "canary 四季" * 999, "model": "m"}, **facts)
    (folder / "01.jpg").write_bytes(b"canary picture")
    (folder / "01.json").write_text('{"file": "01.jpg", "canary": 1}')
    (folder / "response.jsonl").write_text('{"canary": 1}\n')
    (folder / "raw").mkdir(mode=0o700)
    (folder / "raw" / "02.b64").write_text("canary")
    (folder / ".02.jpg.0000.part").write_text("canary")
    os.utime(folder, (1, 1))
    return folder


def remains(*folders: Path) -> list[str]:
    """The names of the files that say "canary"."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return sorted(path.name for path in files if b"canary" in path.read_bytes())


def test_nothing_of_a_run_remains(store: Path, cache: Path) -> None:
    """Pictures, sidecars, record, answer, half files, what the library has of it, rescued pictures; other runs stay."""
    other, folder = made_run(store, 1), canary_run(store)
    before = history(store)[:1]
    keep_thumbnails(dict.fromkeys((folder.name, other.name), ("x", "data:canary", 1, 1)))
    rescued = write_elsewhere(folder.name, "03.jpg", b"canary")
    assert rescued is not None
    assert {database.FILE, "01.jpg", "03.jpg", "02.b64", "request.json"} <= set(remains(store, cache))
    sizes = [path.stat().st_size for path in (*folder.rglob("*"), rescued) if path.is_file()]

    looked = find_purgeable(store, folder.name)
    assert (looked.pictures, looked.size, looked.prompt[:9]) == (3, sum(sizes), "canary 四季")
    purged = purge(store, folder.name)

    assert (purged.run_id, purged.files, purged.size) == (folder.name, len(sizes), sum(sizes))
    assert list(kept_thumbnails([folder.name, other.name])) == [other.name]
    for _ in range(2):
        assert history(store) == before
        new_process()
    assert sorted(path.name for path in other.iterdir()) == ["01.jpg", "02.jpg", "request.json"]
    purge(store, other.name)
    assert remains(store, cache) == []
    assert list(store.iterdir()) == []
    assert not rescued.parent.exists()


def goes_on(folder: Path, kind: str, earlier: Path) -> None:
    """Makes the run one that goes on from the earlier one."""
    facts = json.loads((folder / "request.json").read_text())
    lineage = {"kind": kind, "run_id": earlier.name, "places": [0]}
    (folder / "request.json").write_text(json.dumps({**facts, "lineage": lineage}))


def test_a_run_that_later_runs_go_on_from_is_kept(store: Path) -> None:
    """Their sets hold its pictures; they are named. A variation holds none, a damaged run keeps nobody from going."""
    parent, first, second, varied = (canary_run(store, number) for number in range(4))
    goes_on(first, "redo", parent)
    goes_on(second, "extend", parent)
    goes_on(varied, "vary", parent)
    with pytest.raises(InvalidRequest, match=f"{first.name}, {second.name} go on from it") as caught:
        purge(store, parent.name)
    assert "Purge those first" in caught.value.hint
    assert varied.name not in str(caught.value)
    purge(store, first.name)
    with pytest.raises(InvalidRequest, match=f"{second.name} goes on from it"):
        purge(store, parent.name)
    assert (parent / "01.jpg").exists()
    (second / "request.json").write_text("{")
    purge(store, parent.name)
    goes_on(varied, "redo", varied)  # no run makes such a record, and it must not stand in its own way
    purge(store, varied.name)
    assert [path.name for path in store.iterdir()] == [second.name]


@pytest.mark.parametrize("folder_in_its_place", [False, True])
def test_a_damaged_run_goes_although_others_go_on_from_it(store: Path, *, folder_in_its_place: bool) -> None:
    """Its pictures are in no set any more, whatever stands in the place of its record."""
    parent, later = canary_run(store), canary_run(store, 1)
    goes_on(later, "redo", parent)
    (parent / "request.json").unlink()
    if folder_in_its_place:
        (parent / "request.json").mkdir()
    purge(store, parent.name)
    assert [path.name for path in store.iterdir()] == [later.name]


@pytest.mark.parametrize(
    ("run_id", "said"),
    [
        ("", "no run"),
        ("..", "no run"),
        ("2026", "'2026' is only part of an id: .*20260504T100001Z-abcdefghij, 20260504T100000Z-abcdefghij"),
        ("20260504T100000Z-abcdefghi", "by all of it, 20260504T100000Z-abcdefghij"),
        ("100001Z", "by all of it, 20260504T100001Z-abcdefghij"),
    ],
)
def test_only_a_run_that_is_named_is_purged(run_id: str, said: str, store: Path, tmp_path: Path) -> None:
    """None is guessed, a name that is none of ours is no path, none is live; a store that is none has no run."""
    folders = [canary_run(store, number) for number in range(2)]
    for act in (find_purgeable, purge):
        with pytest.raises(InvalidRequest, match=said):
            act(store, run_id)
    assert all((folder / "01.jpg").exists() for folder in folders)
    live = begun(store)
    for act in (find_purgeable, purge):
        with pytest.raises(InvalidRequest, match="still under way"):
            act(store, live.run_id)
    for absent in (tmp_path / "absent", tmp_path / "nul\0"):
        with pytest.raises(InvalidRequest, match="no run"):
            purge(absent, run_id)


def test_links_are_removed_and_not_followed(store: Path, tmp_path: Path) -> None:
    """What they point to, outside the run, stays; a run that is a link is none, nor one in the middle of a purge."""
    outside = canary_run(tmp_path / "outside", 5)
    folder = canary_run(store)
    (folder / "03.jpg").symlink_to(outside / "01.jpg")
    (folder / "more").symlink_to(outside)
    for name in ("references", outside.name, f"{PREFIX}{outside.name}"):
        (store / name).symlink_to(outside)
    (outside / f"{ALONE}.png").write_bytes(b"x")
    (folder / "request.json").write_text(json.dumps({"references": [{"sha256": ALONE}]}))
    before = sorted(path.name for path in outside.iterdir())
    purge(store, folder.name)
    assert not folder.exists()
    with pytest.raises(InvalidRequest, match="no run"):
        purge(store, outside.name)
    assert sorted(path.name for path in outside.iterdir()) == before


def test_references_go_with_the_last_run_that_has_them(store: Path, cache: Path) -> None:
    """Half-written ones, too; others stay, and those of a record that is torn."""
    references = store / "references"
    references.mkdir()
    names = [f"{SHARED}.png", f"{ALONE}.png", f".{ALONE}.png.0123abcd.part", f"{TORN}.jpg", f"{STRANGE}.png"]
    for name in names:
        (references / name).write_bytes(b"canary")
    first = canary_run(
        store, 1, references=[{"sha256": SHARED}, {"sha256": ALONE, "file": "../../x"}, {"sha256": TORN}]
    )
    second = canary_run(store, 2, references=[{"sha256": SHARED}])
    torn = canary_run(store, 3)
    (torn / "request.json").write_text(f'{{"references": [{{"sha256": "{TORN}"')
    purge(store, first.name)
    assert sorted(path.name for path in references.iterdir()) == sorted([names[0], *names[3:]])
    purge(store, torn.name)
    purge(store, second.name)
    assert [path.name for path in references.iterdir()] == [f"{STRANGE}.png"]
    assert remains(cache) == []


def test_references_stay_where_nobody_can_tell_who_has_them(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store cannot be listed for a moment: the run goes, its references may be another's as well."""
    (store / "references").mkdir()
    (store / "references" / f"{SHARED}.png").write_bytes(b"canary")
    run = canary_run(store, references=[{"sha256": SHARED}])
    monkeypatch.setattr("seedream_magic.images.purge.run_folders", lambda store: None)
    purge(store, run.name)
    assert [path.name for path in (store / "references").iterdir()] == [f"{SHARED}.png"]


KILLED = """
import os, sys
from pathlib import Path
from seedream_magic.images import purge
steps = int(sys.argv[3])
def audit(event, arguments):
    global steps
    if event in {"os.rename", "os.remove", "os.rmdir"}:
        steps -= 1
        if steps < 0:
            os._exit(9)
sys.addaudithook(audit)
purge.purge(Path(sys.argv[1]), sys.argv[2])
"""


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_a_killed_purge_is_completed_by_the_next(steps: int, store: Path, cache: Path) -> None:
    """Killed after the rename, the reference, or a picture: it is no run; also where it was put back from a copy."""
    folder = canary_run(store, references=[{"sha256": ALONE}])
    copy = shutil.copytree(folder, store.parent / "copy")
    other = made_run(store, 1)
    (store / "references").mkdir()
    (store / "references" / f"{ALONE}.png").write_bytes(b"canary")
    history(store)
    command = [sys.executable, "-c", KILLED, str(store), folder.name, str(steps)]
    assert subprocess.run(command, check=False).returncode == 9
    assert remains(store) != []
    assert [entry.run_id for entry in history(store)] == [other.name]
    if steps == 2:
        shutil.copytree(copy, folder)
    purge(store, other.name if steps == 5 else folder.name)  # whichever run is purged next
    assert remains(store, cache) == []
    assert not list(store.glob(f"{PREFIX}*"))


def failing(*_: Any, **__: Any) -> None:
    raise PermissionError(13, "Permission denied", "somewhere")


def test_what_cannot_be_removed_is_told(store: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run is there as before, or is no run any more; its prompt has left the library, the next purge goes on."""
    folder = canary_run(store)
    history(store)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", failing)
        with pytest.raises(ConfigError, match=r"cannot be removed .*Permission denied"):
            purge(store, folder.name)
    assert (folder / "01.jpg").exists()
    with monkeypatch.context() as patch:
        patch.setattr(os, "rmdir", failing)
        with pytest.raises(ConfigError, match=r"could not be removed \(Permission denied\)") as caught:
            purge(store, folder.name)
    assert "purge the run again" in caught.value.hint
    assert history(store) == []
    assert remains(cache) == []
    purge(store, folder.name)
    assert list(store.iterdir()) == []


def test_a_library_that_cannot_be_cleaned_is_told(store: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run is deleted all the same; what its words may still be in is named."""
    monkeypatch.setattr(database, "PATIENCE", 0.01)
    folder = canary_run(store)
    history(store)
    with closing(sqlite3.connect(cache / database.FILE)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ConfigError, match=r"is deleted, .* may still be in .*library.sqlite3 \(database is locked"):
            purge(store, folder.name)
    assert list(store.iterdir()) == []
    history(store)
    assert remains(cache) == []


def test_a_damaged_library_remembers_nothing_either(store: Path, cache: Path) -> None:
    """What was set aside of it goes with the run, too."""
    folder = canary_run(store)
    history(store)
    data = (cache / database.FILE).read_bytes()
    (cache / database.FILE).write_bytes(data[:100] + b"\xff" * 3996 + data[4096:])
    history(store)
    new_process()
    history(store)
    assert f"{database.FILE}.damaged" in remains(cache)
    purge(store, folder.name)
    assert remains(store, cache) == []
