"""A store on a disk that folds names: however it is spelled it is one store, and what it has is never paid again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from raw_server import RawServer
from seedream_magic import export_dataset, library
from served import client

ROOT = Path(__file__).resolve().parent


@pytest.fixture
def folding(tmp_path: Path) -> Iterator[Path]:
    """Such a disk, by FUSE: where it is (`pip install fusepy` and libfuse 2, with /dev/fuse)."""
    unmount = shutil.which("fusermount")
    if not unmount or not os.access("/dev/fuse", os.W_OK):
        pytest.skip("no FUSE")
    pytest.importorskip("fuse", reason="fusepy cannot be imported", exc_type=ImportError)
    folder, disk = tmp_path / "folder", tmp_path / "disk"
    folder.mkdir()
    disk.mkdir()
    serving = subprocess.Popen([sys.executable, ROOT / "folding_disk.py", folder, disk])
    try:
        while not disk.is_mount():  # nothing tells of it
            assert serving.poll() is None, "it ended"
            time.sleep(0.05)
        yield disk
    finally:
        subprocess.run([unmount, "-u", disk], check=False)
        serving.wait(10)


def test_however_a_store_is_spelled_it_is_one(folding: Path, server: RawServer) -> None:
    """By case and by the form of its accents; a folder in small letters, as a careless copy leaves it, is its run."""
    store = folding / "\u00c9t\u00e9" / "Runs"
    store.parent.mkdir()
    images = client(server, store).generate("a fox", images=2)
    for spelling in ("\u00e9t\u00e9/runs", "E\u0301te\u0301/RUNS", "\u00c9T\u00c9/Runs"):
        again = client(server, folding / spelling).generate("a fox", images=2)
        assert (again.replayed, again.run_id) == (True, images.run_id)
    assert len(library.stores()) == 1
    folder = store / images.run_id
    folder.rename(store / "for a moment").rename(store / images.run_id.lower())
    assert client(server, store).generate("a fox", images=2).replayed
    assert server.posts == 1
    assert images.export(folding / "Fox.zip").name == "Fox.zip"
    export_dataset(client(server, store).show(images.run_id), folding / "Set")
    export_dataset(client(server, store).show(images.run_id), folding / "set")
    assert sorted(path.name.casefold() for path in folding.iterdir()) == ["e\u0301te\u0301", "fox.zip", "set"]
