"""A picture and a run found again: by words, by the file itself; and deleted for good."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from raw_server import raw_server
from seedream_magic import InvalidRequest, Seedream, Storyboard
from served import client
from service import PICTURE, POST, jpeg, picture, whole_answer


@pytest.fixture
def seedream(store: Path) -> Iterator[Seedream]:
    with raw_server({POST: whole_answer, PICTURE: picture}) as server:
        yield client(server, store)


def test_a_picture_gives_its_request_and_its_cell(seedream: Seedream, tmp_path: Path) -> None:
    """The frame, the original and a copy elsewhere lead to the plan that made them, which is in the store."""
    images = seedream.generate(Storyboard("ink {wash}", ("狐狸", "熊")), size="2K", watermark=False)
    original = images[1].path
    assert original is not None
    copy = shutil.copy(original, tmp_path / "from a chat.jpg")
    for found in (images[1], original, str(copy)):
        plan = Seedream.from_picture(found, store=seedream.store)
        assert (plan.request, plan.stored) == (images.request, images.run_id)
        assert plan.cell() == "%%seedream -s 2K --no-watermark --raw\nink {wash}\n---\n狐狸\n---\n熊"


def test_a_picture_of_no_run_is_told(seedream: Seedream, tmp_path: Path) -> None:
    """A foreign file, a missing one and a frame without a picture are one sentence each."""
    (tmp_path / "foreign.jpg").write_bytes(jpeg(1, (9, 9)))
    seedream.generate("x")
    for path in (tmp_path / "foreign.jpg", tmp_path / "missing.jpg"):
        with pytest.raises(InvalidRequest, match="No run"):
            Seedream.from_picture(path, store=seedream.store)


def test_a_purged_run_is_gone(seedream: Seedream) -> None:
    """Its folder and the reference that only it had; what another run has stays; asking again pays again."""
    shared, own = jpeg(1), jpeg(2)
    kept = seedream.generate("x", refs=[shared])
    purged = seedream.generate("y", refs=[shared, own])
    seedream.purge(purged.run_id)
    left = {path.read_bytes() for path in seedream.store.rglob("*") if path.is_file()}
    assert shared in left
    assert own not in left
    assert [entry.run_id for entry in seedream.history()] == [kept.run_id]
    assert seedream.plan("y", refs=[shared, own]).stored is None
    with pytest.raises(InvalidRequest, match="no run"):
        seedream.show(purged.run_id)
