"""A purge touches no run of which it is not certain that it is over and the caller's, and nothing another run needs."""

from __future__ import annotations

import errno
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from raw_server import RawServer
from seedream_magic import InvalidRequest, Seedream, export_dataset, library
from seedream_magic.images.aside import write_elsewhere
from seedream_magic.images.claims import LONGEST_RUN, RUN_LOCK
from seedream_magic.images.purge import PREFIX, find_purgeable, purge
from served import client
from test_purge import canary_run

DIGEST = "a" * 64


def refused(store: Path, run_id: str, said: str) -> None:
    """The run is not purged, nor told as if it could be; every file of the store is there afterwards."""
    before = sorted(store.rglob("*"))
    for act in (find_purgeable, purge):
        with pytest.raises(InvalidRequest, match=said) as caught:
            act(store, run_id)
        assert caught.value.billed == "no"
    assert sorted(store.rglob("*")) == before


HOLDING = """
import sys
from pathlib import Path
from seedream_magic.images.locks import lock_file
lock = lock_file(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.readline()
"""


SENDING = json.dumps({"state": "sending", "process": {"host": platform.node()}})


@pytest.mark.skipif(os.name == "nt", reason="no file that is locked is read there")
@pytest.mark.parametrize("record", [SENDING, '{"state": "done"}', "{torn", ""])
def test_a_run_that_another_process_holds(record: str, store: Path) -> None:
    """Whatever its record says, or does not say any more: its lock is held."""
    folder = canary_run(store)
    (folder / "request.json").write_text(record)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(folder / RUN_LOCK)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        refused(store, folder.name, "still under way")
        process.communicate("\n")
    purge(store, folder.name)
    assert not folder.exists()


@pytest.mark.parametrize("has_lock_file", [False, True])
def test_a_run_of_another_machine(store: Path, monkeypatch: pytest.MonkeyPatch, *, has_lock_file: bool) -> None:
    """On a store that machines share nobody here can ask its process: it is over when no run lasts as long."""
    now = datetime.now(UTC)
    process = {"host": f"not-{platform.node()}", "pid": 7, "lock": has_lock_file}
    folder = canary_run(store, state="answering", began=now.isoformat(), process=process)
    if has_lock_file:  # a laptop that sleeps gives no sign of life
        (folder / RUN_LOCK).touch()
        os.utime(folder / RUN_LOCK, (1, 1))
    refused(store, folder.name, f"not-{platform.node()}.*may still")
    facts = json.loads((folder / "request.json").read_text()) | {"began": (now - LONGEST_RUN * 1.1).isoformat()}
    (folder / "request.json").write_text(json.dumps(facts))
    purge(store, folder.name)
    assert not folder.exists()


@pytest.mark.skipif(os.name == "nt", reason="files have no owner there that says whose they are")
def test_a_run_of_another_user(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also the rest of another user's purge; a disk that gives all files to one user has only that one's."""
    folder, rest = canary_run(store), canary_run(store, 1)
    rest.rename(store / f"{PREFIX}{rest.name}")
    another = folder.stat().st_uid + 1
    monkeypatch.setattr(os, "getuid", lambda: another)
    with monkeypatch.context() as patch:
        patch.setattr("seedream_magic.images.purge._owner_of_new", lambda store: os.getuid())
        refused(store, folder.name, "belongs to another user")
        refused(store, rest.name, "belongs to another user")
    purge(store, folder.name)
    assert list(store.iterdir()) == []


@pytest.mark.skipif(os.name == "nt" or os.getuid() != 0, reason="only root gives files away")
def test_a_run_that_was_given_to_another_user(store: Path) -> None:
    """With a real owner: it stays, and so do references that only its record may name."""
    folder, own = canary_run(store), canary_run(store, 1)
    os.chown(folder, 12345, 12345)
    refused(store, folder.name, "belongs to another user")
    purge(store, own.name)
    assert [path.name for path in store.iterdir()] == [folder.name]


def test_a_run_under_the_name_of_another(store: Path) -> None:
    """Folders that were renamed into each other's places: the id says one, the record the other."""
    folder = canary_run(store, run_id="20260101T000000Z-abcdefghij")
    refused(store, folder.name, "holds run 20260101T000000Z-abcdefghij")


@pytest.mark.parametrize("code", ["EACCES", "EIO", "ESTALE"])
def test_a_run_whose_record_the_disk_does_not_give(code: str, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is not the same as a damaged one: it may be under way, and nobody knows what it needs."""
    monkeypatch.setattr("seedream_magic.images.durable.PAUSES", ())
    folder, other, references = canary_run(store), canary_run(store, 1), store / "references"
    references.mkdir()
    (references / f"{DIGEST}.png").write_bytes(b"x")
    for run in (folder, other):
        facts = json.loads((run / "request.json").read_text())
        (run / "request.json").write_text(json.dumps({**facts, "references": [{"sha256": DIGEST}]}))
    real = os.open

    def fail(path: Any, *how: Any, **named: Any) -> int:
        if path == folder / "request.json":
            raise OSError(getattr(errno, code), os.strerror(getattr(errno, code)))
        return real(path, *how, **named)

    monkeypatch.setattr(os, "open", fail)
    refused(store, folder.name, "cannot be read")
    purge(store, other.name)
    monkeypatch.setattr(os, "open", real)
    assert sorted(path.name for path in store.iterdir()) == [folder.name, "references"]
    assert len(list(references.iterdir())) == 1


def test_references_of_a_run_in_a_folder_with_another_name_stay(store: Path) -> None:
    """A person has given it a name; its record still names the picture."""
    references, folder, renamed = store / "references", canary_run(store), canary_run(store, 1)
    references.mkdir()
    (references / f"{DIGEST}.png").write_bytes(b"x")
    for run in (folder, renamed):
        (run / "request.json").write_text(json.dumps({"references": [{"sha256": DIGEST}]}))
    renamed.rename(store / "my favourite")
    purge(store, folder.name)
    assert (references / f"{DIGEST}.png").exists()


def test_what_was_put_aside_for_a_copy_of_the_run_stays(store: Path, tmp_path: Path) -> None:
    """Two stores have the run, as after a copy: pictures that lie in the user's folder belong to both."""
    folder = canary_run(store)
    other = tmp_path / "copy" / folder.name
    shutil.copytree(folder, other)
    for one in (store, other.parent):
        library.history(one)
    aside = write_elsewhere(folder.name, "03.jpg", b"paid for")
    assert aside is not None
    purge(store, folder.name)
    assert aside.read_bytes() == b"paid for"
    purge(other.parent, folder.name)
    assert not aside.exists()


Use = Callable[[Seedream, Any, Path], Any]
USES: dict[str, Use] = {
    "hard links": lambda seedream, images, folder: [_linked(frame.path, folder / "mine.jpg") for frame in images],
    "a dataset": lambda seedream, images, folder: [
        path for path in export_dataset(images, folder / "set").rglob("*") if path.is_file()
    ],
    "a copy in another store": lambda seedream, images, folder: [
        frame.path for frame in _elsewhere(seedream, folder).show(images.run_id).extend(["another"])
    ],
    "a reference of another run": lambda seedream, images, folder: [
        *seedream.generate("after it", refs=[images[0]])[0].path.parent.parent.joinpath("references").iterdir()  # type: ignore[union-attr]  # it has a picture
    ],
    "a variation": lambda seedream, images, folder: [frame.path for frame in images[0].vary("in red")],
    "an archive": lambda seedream, images, folder: [images.export(folder / "set.zip")],
}


def _linked(original: Path, name: Path) -> Path:
    name.hardlink_to(original)
    return name


def _elsewhere(seedream: Seedream, folder: Path) -> Seedream:
    return Seedream("anyfast", api_key="sk-x-123456", base_url=seedream.base_url, store=folder / "other store")


@pytest.mark.parametrize("use", USES)
def test_what_others_have_of_a_run_stays(use: str, server: RawServer, store: Path, tmp_path: Path) -> None:
    """Links and copies are files of their own; what another run has sent is its own."""
    seedream = client(server, store)
    images = seedream.generate(f"source of {use}")
    kept = [path for path in USES[use](seedream, images, tmp_path) if path is not None]
    before = [path.read_bytes() for path in kept]
    assert before
    seedream.purge(images.run_id)
    assert not images.folder.exists()
    assert [path.read_bytes() for path in kept] == before


def test_a_take_that_was_picked(seedream: Seedream) -> None:
    """It is that run's own picture and goes with it; the set that has shown it shows its own again."""
    images = seedream.generate("first")
    again = images.redo(0, fresh=True)
    images.pick(0, take=2)
    with pytest.raises(InvalidRequest, match=f"{again.run_id} goes on from it"):
        seedream.purge(images.run_id)
    seedream.purge(again.run_id)
    assert [frame.path for frame in seedream.show(images.run_id)] == [images[0].path]


def test_a_set_that_was_put_together_keeps_nobody(seedream: Seedream) -> None:
    """It lies on no disk: of a picture whose run was purged it says so, the others are there."""
    first, second = seedream.generate("one"), seedream.generate("two")
    both = first + second
    seedream.purge(first.run_id)
    assert second[0].path is not None
    assert second[0].path.exists()
    assert "purged" in both._repr_mimebundle_()["text/html"] or len(both) == 2
