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
from seedream_magic.images.durable import cache_folder, rescue_folders, rescued, write_elsewhere
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


@pytest.mark.fault("F102")
@pytest.mark.parametrize("form", ["url", "b64_json"])
def test_pictures_of_a_store_that_fails_are_put_aside(form: str, store: Path) -> None:
    """In the user's cache folder, with what is known of them; the frames point there and one note says so."""

    def closed(request: Request) -> Behaviour:
        """The answer, while the folder of its run goes; no link could bring base64 once more."""
        for folder in store.iterdir():
            shutil.rmtree(folder)
        texts = (base64.b64encode(jpeg(0)).decode(), base64.b64encode(jpeg(1)).decode(), "!")
        return json_reply({"data": [{form: text} for text in texts]}) if form == "b64_json" else whole_answer(request)

    images = drawn(outcome({POST: closed, PICTURE: picture}, store, images=3, stream=False, response_format=form))
    folder = cache_folder() / "rescued" / images.run_id
    assert shades(images) == [0, 1, 2 if form == "url" else None]
    assert [frame.path for frame in images.ok] == [folder / f"0{frame.index + 1}.jpg" for frame in images.ok]
    assert [rescued(images.run_id, f"0{frame.index + 1}.jpg") for frame in images.ok] == [f.path for f in images.ok]
    assert any(str(folder) in note for note in images.notes)
    assert any("could not be recorded" in note for note in images.notes)
    facts = json.loads((folder / "02.json").read_text())
    assert (facts["sha256"], facts["width"]) == (images[1].sha256, 64)
    assert "canary" not in "".join(path.read_text() for path in folder.glob("*.json"))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    if form == "b64_json":
        assert (folder / "03.b64").read_text() == "!"
        assert images[2].error
        assert str(folder / "03.b64") in images[2].error.hint


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


@pytest.mark.parametrize("trap", ["", "somebody else's", "a link"])
def test_the_temporary_folder_is_the_second_place(trap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the cache cannot be made; not where somebody else has put a folder or a link: everybody may write there."""
    (tmp_path / "cache").write_text("in the way")
    _, temporary = rescue_folders(RUN)
    assert temporary == tmp_path / "tmp" / f"seedream-magic-{RUN}"
    (tmp_path / "elsewhere").mkdir()
    if trap == "a link":
        temporary.symlink_to(tmp_path / "elsewhere")
    else:
        temporary.mkdir(mode=0o700)
    if trap == "somebody else's":
        owner = os.getuid() + 1
        monkeypatch.setattr(os, "getuid", lambda: owner)
    (temporary / "01.jpg").write_bytes(b"there")
    path = write_elsewhere(RUN, "02.jpg", b"x")
    assert path == (None if trap else temporary / "02.jpg")
    assert rescued(RUN, "01.jpg") == (None if trap else temporary / "01.jpg")
    if path:
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
