"""A set leaves the notebook as one file: what all kinds of file share."""

from __future__ import annotations

import hashlib
import logging
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tqdm.std import tqdm

from raw_server import Reply, raw_server
from seedream_magic import ConfigError, ContentRefused, Frame, ImageSet, InvalidRequest, SeedreamError
from seedream_magic.api.request import ImageRequest
from seedream_magic.view import export as export_module
from seedream_magic.view import page, pictures
from seedream_magic.view.export import ENDINGS
from served import client
from service import PICTURE, POST, picture, whole_answer

HOSTILE = "四季 <b>&amp;\"'</script></title> ]]> 🎉\r\n--> \x07\ud800 end"
RUN = "20250304T050607Z-abcdefghij"
REFUSED = ContentRefused("may contain \ud800 sensitive information", code="OutputImageSensitiveContentDetected")


def scenery(shade: int, size: tuple[int, int]) -> Image.Image:
    """A picture with gradients; another `shade` is another picture."""
    ramp = Image.linear_gradient("L").resize(size)
    return Image.merge(
        "RGB", (ramp, ramp.transpose(Image.Transpose.ROTATE_180), Image.new("L", size, shade * 40 % 256))
    )


def made_set(folder: Path, count: int = 3, prompt: str = "seasons", **options: Any) -> ImageSet:
    """A set of `count` pictures of `size` pixels with the prompts `captions`; those of `failed` were refused."""
    size = options.pop("size", (96, 72))
    captions = options.pop("captions", [prompt] * count)
    failed = options.pop("failed", ())
    folder = folder / RUN
    folder.mkdir()
    frames = []
    for index, caption in enumerate(captions):
        path = folder / f"{index + 1:02d}.jpg"
        if index in failed:
            frames.append(Frame(index, caption, error=REFUSED))
            continue
        scenery(index, size).save(path, "JPEG")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        frames.append(Frame(index, caption, path, size[0], size[1], digest))
    request = ImageRequest("doubao-seedream-4-5", prompt, max_images=count, sequential_image_generation="auto")
    facts: dict[str, Any] = {"expected": count, "state": "done", "outcome": "billed", **options}
    return ImageSet(request, "demo", RUN, folder, tuple(frames), **facts)


@pytest.fixture
def images(tmp_path: Path) -> ImageSet:
    """Three pictures, the second refused."""
    return made_set(tmp_path, failed=(1,))


def parts(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*.part")]


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_kind_is_written_whole_and_the_originals_stay(images: ImageSet, tmp_path: Path, ending: str) -> None:
    """The absolute path is returned, an older file is replaced, no original has other bytes or another time."""
    originals = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in images.folder.iterdir()}
    target = tmp_path / f"set{ending.upper()}"
    target.write_text("old")
    assert images.export(f"set{ending.upper()}") == target
    assert target.read_bytes()[:3] != b"old"
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in images.folder.iterdir()} == originals
    assert parts(tmp_path) == []


@pytest.mark.parametrize("ending", ENDINGS)
def test_any_text_goes_into_every_kind(tmp_path: Path, ending: str) -> None:
    """Markup, control characters, emoji and lone surrogates in prompt and captions break no file."""
    images = made_set(tmp_path, prompt=HOSTILE, captions=[HOSTILE, "\ud83c", f"{HOSTILE}!"], failed=(1,))
    assert images.export(tmp_path / f"set{ending}").stat().st_size > 500


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_run_of_the_service_is_exported(store: Path, tmp_path: Path, ending: str) -> None:
    """Two pictures of three arrived: the set goes out with what there is."""
    with raw_server({POST: whole_answer, PICTURE: picture, ("GET", "/picture/1"): Reply(404)}) as server:
        images = client(server, store).generate("four 季节", images=3)
    data = images.export(tmp_path / f"set{ending}").read_bytes()
    assert not re.search(rb"canary|sk-CANARY", data)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_lost_picture_is_told_and_the_others_go_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, ending: str
) -> None:
    """A file that is gone is one warning in the log, with the frame's number."""
    images = made_set(tmp_path)
    (images.folder / "02.jpg").unlink()
    assert images.export(tmp_path / f"set{ending}").exists()
    assert caplog.messages == [f"set{ending} is without frame 2: 02.jpg is gone."]
    assert caplog.records[0].levelno == logging.WARNING


@pytest.mark.parametrize("ending", [ending for ending in ENDINGS if ending != ".zip"])
def test_a_damaged_picture_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture, ending: str) -> None:
    """What is no picture any more is a warning and a failed frame; a .zip hands its bytes on."""
    images = made_set(tmp_path)
    (images.folder / "01.jpg").write_bytes(b"\xff\xd8\xff no picture")
    assert images.export(tmp_path / f"set{ending}").exists()
    (message,) = caplog.messages
    assert re.fullmatch(rf"set\{ending} is without frame 1: .* cannot be read as a picture\.", message)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_set_without_a_picture_is_refused(tmp_path: Path, ending: str) -> None:
    """Failed frames alone, no frames at all, and files that are all gone: one line, and no file."""
    images = made_set(tmp_path, failed=(0, 1, 2))
    gone = replace(images, frames=(Frame(0, "a", images.folder / "01.jpg", 8, 8),))
    for none in (images, replace(images, frames=()), gone):
        with pytest.raises(InvalidRequest, match="no picture to export") as raised:
            none.export(tmp_path / f"set{ending}")
        assert len(raised.value.lines()) == 1
    assert not (tmp_path / f"set{ending}").exists()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("sheet.bmp", r"\.html, \.zip, \.gif, \.jpg"),
        ("sheet", "without an ending"),
        ("", "without an ending"),
        ("set.htm", r"Did you mean \.html\?"),
        ("set.zipp", r"Did you mean \.zip\?"),
        ("set.JPGE", r"Did you mean \.jp"),
        ("a\0b.zip", "no name for a file"),
        ("~nobody-here/set.zip", "no name for a file"),
        ("folder.zip", "is a folder"),
        (f"{'x' * 300}.zip", "name"),
        (7, "no name for a file"),
    ],
)
def test_a_name_that_cannot_be_is_refused(images: ImageSet, tmp_path: Path, name: Any, told: str) -> None:
    """In one line that says what is meant; nothing is left behind."""
    (tmp_path / "folder.zip").mkdir()
    with pytest.raises((InvalidRequest, ConfigError), match=told) as raised:
        images.export(name)
    assert len(raised.value.lines()) == 1
    assert parts(tmp_path) == []


def test_a_folder_that_is_not_there_is_told(images: ImageSet, tmp_path: Path) -> None:
    """A missing parent, and one that is a file."""
    (tmp_path / "file").touch()
    for parent in ("nowhere", "file"):
        with pytest.raises(ConfigError, match="does not exist"):
            images.export(tmp_path / parent / "sheet.jpg")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_told(images: ImageSet, tmp_path: Path) -> None:
    """The file system's refusal in the package's words."""
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(ConfigError, match="cannot be written"):
        images.export(tmp_path / "closed" / "sheet.jpg")


def test_the_runs_own_folder_is_left_alone(store: Path) -> None:
    """An export over an original, or beside it, or to it through a link, is refused."""
    with raw_server({POST: whole_answer, PICTURE: picture}) as server:
        images = client(server, store).generate("a prompt")
    before = (images.folder / "01.jpg").read_bytes()
    Path("link").symlink_to(images.folder)
    for target in (images.folder / "01.jpg", images.folder / "sheet.png", Path("link/01.jpg")):
        with pytest.raises(InvalidRequest, match="stay untouched"):
            images.export(target)
    assert (images.folder / "01.jpg").read_bytes() == before
    assert sorted(path.suffix for path in images.folder.iterdir() if path.stem == "sheet") == []


def test_an_original_without_a_run_is_left_alone(images: ImageSet) -> None:
    """The files of a set that was put together by hand are its originals all the same."""
    with pytest.raises(InvalidRequest, match="stay untouched"):
        images.export(images.folder / "01.jpg")


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), MemoryError()])
def test_a_failed_export_leaves_the_old_file(
    images: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """A full disk, or Stop, in the middle: no half file, and what was there is there."""

    def write(images: ImageSet, path: Path, **options: object) -> ImageSet:
        path.write_bytes(b"half")
        raise error

    monkeypatch.setattr(export_module, "write_sheet", write)
    (tmp_path / "sheet.png").write_text("old")
    with pytest.raises(ConfigError if isinstance(error, OSError) else type(error)):
        images.export(tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").read_text() == "old"
    assert parts(tmp_path) == []


@pytest.mark.parametrize(
    ("ending", "options", "told"),
    [
        (".gif", {"seconds": 0}, "0.02 to 600"),
        (".gif", {"seconds": float("nan")}, "0.02 to 600"),
        (".gif", {"seconds": "1"}, "0.02 to 600"),
        (".gif", {"seconds": True}, "0.02 to 600"),
        (".gif", {"size": 63}, "64 to 4096"),
        (".png", {"size": 1e9}, "64 to 4096"),
        (".jpg", {"size": True}, "64 to 4096"),
        (".zip", {"size": 800}, "originals as they are"),
        (".html", {"size": 800}, "originals as they are"),
    ],
)
def test_numbers_out_of_range_are_refused(
    images: ImageSet, tmp_path: Path, ending: str, options: dict[str, Any], told: str
) -> None:
    """Each says its range."""
    with pytest.raises(InvalidRequest, match=told):
        images.export(tmp_path / f"set{ending}", **options)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_growing_set_goes_out_as_it_is(tmp_path: Path, ending: str) -> None:
    """Two pictures of four: a file that waits for nothing."""
    images = made_set(tmp_path, count=2, state="running")
    target = replace(images, expected=4).export(tmp_path / f"set{ending}")
    assert not re.search(rb'<[^>]* data-(state="waiting"|started)', target.read_bytes())


def test_too_much_for_a_page_is_refused(images: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More bytes than a browser holds well: the line names the archive."""
    monkeypatch.setattr(page, "MAXIMUM_BYTES", 1000)
    with pytest.raises(InvalidRequest, match=r"\.zip"):
        images.export(tmp_path / "set.html")
    assert parts(tmp_path) == []


class Eager(tqdm):  # type: ignore[misc]  # tqdm ships no types
    """A bar that is drawn at each step."""

    def __init__(self, *items: Any, **settings: Any) -> None:
        super().__init__(*items, **settings, mininterval=0, miniters=1)


def test_a_bar_shows_where_it_takes_long(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Five frames and no patience: a bar on the error stream, which stays: a notebook would keep an empty line."""
    monkeypatch.setattr(pictures, "DELAY", 1e-9)
    monkeypatch.setattr("tqdm.std.tqdm", Eager)
    assert list(pictures.progress(range(5), "gif")) == [0, 1, 2, 3, 4]
    told = capsys.readouterr()
    assert told.out == ""
    assert "gif:  80%" in told.err
    assert "gif: 100%" in told.err.rpartition("\r")[2]


def test_no_bar_for_little(capsys: pytest.CaptureFixture[str]) -> None:
    """Four frames, or fewer than three seconds: nothing is written."""
    assert list(pictures.progress("abcd", "gif")) == list("abcd")
    assert list(pictures.progress("abcdefgh", "gif")) == list("abcdefgh")
    assert capsys.readouterr() == ("", "")


def test_every_refusal_is_the_packages_own(images: ImageSet, tmp_path: Path) -> None:
    """A .gif of a single picture, too: no error of Pillow or of the system leaves `export`."""
    single = replace(images, frames=images.frames[:1])
    with pytest.raises(SeedreamError, match="at least 2 pictures"):
        single.export(tmp_path / "set.gif")
