"""Pictures that the run's folder does not take: put aside where there is room, told, and found again."""

from __future__ import annotations

import base64
import json
import os
import shutil
import stat
import tempfile
from pathlib import Path

import pytest

from fault import drawn, outcome, shades
from raw_server import Behaviour, Request, json_reply
from seedream_magic import ImageError
from seedream_magic.images.durable import cache_folder, find_rescued, rescue_folders, write_elsewhere
from service import PICTURE, POST, jpeg, picture, whole_answer

RUN = "20260101T000000Z-abcdefghij"


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is put aside is in folders of the test's own."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("WIN_PD_OVERRIDE_LOCAL_APPDATA", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def closed(request: Request) -> Behaviour:
    """The answer, while the folder of its run goes."""
    for folder in Path("store").iterdir():
        shutil.rmtree(folder)
    return whole_answer(request)


@pytest.mark.fault("F102")
def test_pictures_of_a_store_that_fails_are_put_aside(store: Path) -> None:
    """In the user's cache folder, with what is known of them; the frames point there and one note says so."""
    images = drawn(outcome({POST: closed, PICTURE: picture}, store, images=3, stream=False))
    folder = cache_folder() / "rescued" / images.run_id
    assert shades(images) == [0, 1, 2]
    assert [frame.path for frame in images] == [folder / f"0{number}.jpg" for number in (1, 2, 3)]
    assert sum(str(folder) in note for note in images.notes) == 1
    facts = json.loads((folder / "02.json").read_text())
    assert (facts["sha256"], facts["width"]) == (images[1].sha256, 64)
    assert "canary" not in "".join(path.read_text() for path in folder.glob("*.json"))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [find_rescued(images.run_id, f"0{number}.jpg") for number in (1, 2, 3)] == [frame.path for frame in images]


@pytest.mark.fault("F102")
def test_a_picture_in_base64_is_not_lost_with_its_store(store: Path) -> None:
    """There is no link that could bring it once more."""

    def answer(request: Request) -> Behaviour:
        closed(request)
        return json_reply({"data": [{"b64_json": base64.b64encode(jpeg(3)).decode()}, {"b64_json": "!"}]})

    images = drawn(outcome({POST: answer}, store, images=2, response_format="b64_json"))
    assert shades(images) == [3, None]
    kept = find_rescued(images.run_id, "02.b64")
    assert kept
    assert kept.read_text() == "!"
    assert images[1].error
    assert str(kept) in images[1].error.hint


@pytest.mark.fault("F102")
def test_where_there_is_no_room_anywhere_the_links_stay(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in the store nor beside it: the error says what to do, and neither half files nor folders are left."""
    real = os.open

    def full(path: str | os.PathLike[str], *arguments: int, **options: int) -> int:
        if str(path).endswith(".part") and ".jpg" in str(path):
            raise OSError(28, "No space left on device")
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "open", full)
    result = outcome({POST: whole_answer, PICTURE: picture}, store)
    assert isinstance(result, ImageError)
    assert "could not be saved: No space left on device" in str(result)
    assert "%seedream recover" in result.hint
    assert "canary0" in next(store.glob("*/response.jsonl")).read_text()
    assert not any(folder.exists() for folder in rescue_folders(result.run_id or ""))


def test_the_temporary_folder_is_the_second_place(tmp_path: Path) -> None:
    """Where the cache cannot be made; its folder is the owner's alone."""
    (tmp_path / "cache").write_text("in the way")
    path = write_elsewhere(RUN, "01.jpg", b"x")
    assert path == tmp_path / "tmp" / f"seedream-magic-{RUN}" / "01.jpg"
    assert find_rescued(RUN, "01.jpg") == path
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("trap", ["somebody else's", "a link"])
def test_a_folder_that_somebody_else_has_put_there_is_not_used(
    trap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody may write in the temporary folder: neither is written there nor is read what lies there."""
    (tmp_path / "cache").write_text("in the way")
    _, temporary = rescue_folders(RUN)
    (tmp_path / "elsewhere").mkdir()
    if trap == "a link":
        temporary.symlink_to(tmp_path / "elsewhere")
    else:
        temporary.mkdir()
        owner = os.getuid() + 1
        monkeypatch.setattr(os, "getuid", lambda: owner)
    (temporary / "01.jpg").write_bytes(b"theirs")
    assert write_elsewhere(RUN, "02.jpg", b"x") is None
    assert find_rescued(RUN, "01.jpg") is None
    assert [path.name for path in temporary.iterdir()] == ["01.jpg"]


def test_what_was_not_put_aside_is_not_found(tmp_path: Path) -> None:
    """No file, a link in its place, no folder at all, no place for temporary files."""
    assert find_rescued(RUN, "01.jpg") is None
    folder = rescue_folders(RUN)[0]
    folder.mkdir(parents=True)
    (tmp_path / "secret").write_text("x")
    (folder / "01.jpg").symlink_to(tmp_path / "secret")
    assert find_rescued(RUN, "01.jpg") is None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "gettempdir", _nowhere)
        assert rescue_folders(RUN) == [folder]


def _nowhere() -> str:
    raise FileNotFoundError
