"""A picture that somebody renamed in the run's folder is still that picture, and is not paid for again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from raw_server import RawServer, Reply
from seedream_magic import ImageSet, Seedream
from seedream_magic.images.history_rows import history_bundle
from seedream_magic.images.stored_runs import run_of_picture
from service import PICTURE, POST, jpeg, whole_answer

Change = Callable[[Path], object]


def swap(folder: Path) -> None:
    (folder / "01.jpg").rename(folder / "first.jpg")
    (folder / "02.jpg").rename(folder / "01.jpg")
    (folder / "first.jpg").rename(folder / "02.jpg")


def rename(*names: str) -> Change:
    """Gives `01.jpg` the first name, its sidecar the second, `02.jpg` the third."""

    def change(folder: Path) -> None:
        for old, new in zip(("01.jpg", "01.json", "02.jpg"), names, strict=False):
            (folder / old).rename(folder / new)

    return change


def drop_sidecars(folder: Path) -> None:
    rename("a", "a.txt", "b")(folder)
    (folder / "a.txt").unlink()
    (folder / "02.json").unlink()


def one_for_another(folder: Path) -> None:
    """The second picture has the name of the first, which is gone under a name of its own."""
    (folder / "01.jpg").rename(folder / "cover.png")
    (folder / "02.jpg").rename(folder / "01.jpg")


def shades(images: ImageSet) -> list[int | None]:
    """Which picture is in which place, by its bytes."""
    known = {jpeg(shade): shade for shade in range(9)}
    return [known.get(frame.path.read_bytes()) if frame.path else None for frame in images]


@pytest.mark.parametrize(
    "change",
    [
        rename("封面 cover.jpg"),
        rename("01.JPEG", "01.json", "zwei"),
        rename("01.png"),
        rename("cover.jpg", "cover.json"),
        drop_sidecars,
        swap,
        one_for_another,
    ],
    ids=["name", "ending", "another ending of ours", "with sidecar", "no sidecar", "swapped", "one for another"],
)
def test_a_renamed_picture_is_still_that_picture(change: Change, seedream: Seedream, server: RawServer) -> None:
    """It is shown in its place; history counts it and has its thumbnail; nothing is downloaded or paid again."""
    first = seedream.generate("x", images=2)
    change(first.folder)
    again = seedream.generate("x", images=2)
    assert (again.replayed, shades(again), again.complete) == (True, [0, 1], True)
    assert [frame.width for frame in again] == [64, 64]
    (entry,) = seedream.history()
    assert (entry.frames, entry.billed) == (2, 2)
    assert "data:image" in history_bundle([entry])["text/html"]
    assert seedream.recover() == []
    assert [shades(images) for images in seedream.recover(first.run_id)] == [[0, 1]]
    assert shades(seedream.show(first.run_id)) == [0, 1]
    assert all(run_of_picture(frame.path, seedream.store) for frame in again if frame.path)
    assert (server.posts, server.gets) == (1, 2)


def test_a_deleted_picture_is_not_found(seedream: Seedream, server: RawServer, tmp_path: Path) -> None:
    """Not as another frame's with the same bytes, nor where a link leads, nor in what was changed."""
    server._scenario = {POST: whole_answer, PICTURE: Reply(200, {}, jpeg(0))}
    images = seedream.generate("x", images=2)
    folder = images.folder
    (folder / "01.jpg").rename(tmp_path / "elsewhere.jpg")
    (folder / "cover.jpg").symlink_to(tmp_path / "elsewhere.jpg")
    (folder / "hard.jpg").mkdir()
    with Image.open(tmp_path / "elsewhere.jpg") as picture:
        picture.resize((8, 8)).save(folder / "small.jpg")
    (folder / "padded.jpg").write_bytes(jpeg(0)[:-1] + b"\0")
    for names in (("02.jpg", "02.jpg"), ("02.jpg", "other.jpg")):
        (folder / names[0]).rename(folder / names[1])
        shown = seedream.show(images.run_id)
        assert sum(frame.ok for frame in shown) == 1
        assert seedream.history()[0].frames == 1
    (folder / "02.json").unlink()
    facts = json.loads((folder / "request.json").read_text())
    assert [len(frame["sha256"]) for frame in facts["frames"]] == [64, 64]
    assert sum(frame.ok for frame in seedream.show(images.run_id)) == 1


def test_a_renamed_picture_that_was_changed_is_none(seedream: Seedream) -> None:
    """Its bytes make it that picture; and one that was changed under its own name says so, as before."""
    images = seedream.generate("x", images=2)
    (images.folder / "01.jpg").rename(images.folder / "cover.jpg")
    (images.folder / "cover.jpg").write_bytes(jpeg(5))
    (images.folder / "02.jpg").write_bytes(jpeg(6))
    shown = seedream.show(images.run_id)
    assert [str(frame.error).rpartition("/")[2] for frame in shown] == [
        "The picture is not in the run's folder.",
        "02.jpg was changed after it was saved.",
    ]
