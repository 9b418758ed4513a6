"""Sets become a dataset that the real `datasets` library and caption readers can load."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from raw_server import RawServer
from seedream_magic import InvalidRequest, Seedream, Storyboard, export_dataset
from served import client
from service import jpeg

Make = Callable[[str | Storyboard], Any]


@pytest.fixture
def seedream(server: RawServer, tmp_path: Path) -> Seedream:
    return client(server, tmp_path / "runs")


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metadata.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_real_library_reads_an_imagefolder(
    seedream: Seedream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every split has its pictures and their words, in Chinese too; takes of the same words are in the same split."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    datasets = pytest.importorskip("datasets", reason="the oldest versions are tried without it")
    sets = [seedream.generate(f"第 {number} 只风筝, a kite", images=2) for number in range(5)]
    folder = export_dataset(sets, tmp_path / "kites", split={"train": 0.8, "test": 0.2}, captions=".txt")
    read = datasets.load_dataset("imagefolder", data_dir=str(folder), cache_dir=str(tmp_path / "cache"))
    assert {name: len(rows) for name, rows in read.items()} == {"train": 8, "test": 2}
    assert len({row["text"] for row in read["test"]}) == 1
    assert {row["text"] for rows in read.values() for row in rows} == {images.prompt for images in sets}
    first = read["train"][0]
    assert first["image"].size == (64, 48)
    assert (first["model"], first["width"]) == (sets[0].request.model, 64)


def test_captions_lie_beside_the_pictures(seedream: Seedream, tmp_path: Path) -> None:
    """For kohya's scripts: one line of words in a file of the picture's name; a storyboard's style is in each."""
    images = seedream.generate(Storyboard("ink", ("a fox wakes", "it runs")), size="2K")
    folder = export_dataset(images, tmp_path / "new" / "fox", format="captions", captions=".caption", split="10_fox")
    captions = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("10_fox/*.caption")}
    assert captions == {"0001.caption": "ink a fox wakes", "0002.caption": "ink it runs"}
    assert (folder / "10_fox" / "0002.jpg").read_bytes() == jpeg(1)
    assert not list(folder.rglob("metadata.jsonl"))


def test_the_manifest_says_where_each_picture_is_from(seedream: Seedream, tmp_path: Path) -> None:
    """Also of rows of the history; what is there twice stands once, what is gone or damaged not at all."""
    images = seedream.generate('an owl, "quoted"\nin two lines', images=3)
    assert images[1].path
    assert images[2].path
    images[1].path.unlink()
    images[2].path.write_bytes(b"damaged")
    folder = export_dataset([images, images[0], seedream.history()], tmp_path / "owls", link=True)
    (row,) = table(folder)
    assert (row["file"], row["text"], row["run_id"]) == ("train/0001.jpg", images.prompt, images.run_id)
    assert row["sha256"] == images[0].sha256
    assert json.loads(row["options"])["size"] == "2048x2048"
    assert (folder / "train" / "0001.jpg").readlink() == images[0].path
    assert lines(folder / "train") == [{"file_name": "0001.jpg", **lines(folder / "train")[0]}]


def test_whatever_holds_pictures_is_taken(seedream: Seedream, tmp_path: Path) -> None:
    """Data frames of the history and of a sweep, folders, paths of pictures, and what `map` yields."""
    pandas = pytest.importorskip("pandas", reason="the oldest versions are tried without it")
    sweep = seedream.sweep("a {bird}", vary={"bird": ["owl", "wren"]}, images=2)
    sources = {
        "sweep": sweep,
        "table": pandas.DataFrame(seedream.history()),
        "read again": pandas.DataFrame([{"folder": str(entry.folder)} for entry in seedream.history()]),
        "frame": sweep.frame,
        "store": seedream.store,
        "folders": [str(images.folder) for images in sweep],
        "paths": [frame.path for images in sweep for frame in images],
        "map": seedream.map(["a owl", "a wren"], images=2),
        "generator": (images for images in sweep),
    }
    found = {name: table(export_dataset(sets, tmp_path / name)) for name, sets in sources.items()}
    assert {name: len(rows) for name, rows in found.items()} == dict.fromkeys(sources, 4)
    assert len({tuple(sorted(row["sha256"] + row["text"] for row in rows)) for rows in found.values()}) == 1
    assert len(table(export_dataset(sweep[0].folder, tmp_path / "one"))) == 2


def test_marks_choose_what_is_written(seedream: Seedream, tmp_path: Path) -> None:
    """A star anywhere: those alone. A rejected picture is never in it, unless all are asked for."""
    images = seedream.generate("a wren", images=3)
    images[2].reject()
    assert len(table(export_dataset(images, tmp_path / "a"))) == 2
    images[1].star()
    (row,) = table(export_dataset(images, tmp_path / "b"))
    assert row["sha256"] == images[1].sha256
    assert len(table(export_dataset(images, tmp_path / "c", picks=False))) == 3
    with pytest.raises(InvalidRequest, match="no picture"):
        export_dataset(images.only(rejected=True), tmp_path / "d", picks=True)


def test_a_folder_of_something_else_is_left_alone(seedream: Seedream, tmp_path: Path) -> None:
    """An earlier export is replaced whole; a folder with other files, or a run's, is refused."""
    images = seedream.generate("a heron", images=2)
    folder = export_dataset(images, tmp_path / "birds")
    export_dataset(images[0], folder)
    assert len(table(folder)) == 1
    assert sorted(path.name for path in folder.parent.iterdir() if "birds" in path.name) == ["birds"]
    for taken in (images.folder, tmp_path):
        before = sorted(taken.iterdir())
        with pytest.raises(InvalidRequest, match="holds other files: name a new folder"):
            export_dataset(images, taken)
        assert sorted(taken.iterdir()) == before


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"format": "parquet"}, "format takes imagefolder or captions"),
        ({"split": {"train": -1}}, "split is a name, or the shares"),
        ({"split": {"train": 0.9, "test": 0.3}}, "The shares of split are 1.2 together; they must be 1."),
        ({"split": {"Train": 0.5, "train": 0.5}}, "'Train' and 'train' are one folder on many disks"),
        ({"split": ["train"]}, "split is a name, or the shares"),
        ({"split": "../up"}, "split is a name"),
        ({"captions": "/txt"}, "captions is an ending"),
        ({"sets": "fox"}, "fox is not a run, a store or a picture of one: a dataset is made of sets, frames, sweeps"),
        ({"sets": 3}, "A dataset is made of sets, .* folders of runs or stores, not int"),
        ({"sets": [{"prompt": "a", "size": 1}]}, "A row with prompt, size names no run"),
        ({"sets": []}, "no picture to export"),
    ],
)
def test_what_cannot_be_written_is_said(wrong: dict[str, Any], words: str, tmp_path: Path) -> None:
    """One line each, and no folder is left."""
    with pytest.raises(InvalidRequest, match=words):
        export_dataset(**{"sets": [], "folder": tmp_path / "new", **wrong})
    assert not list(tmp_path.glob("*new*"))
