"""A set leaves the notebook as one file: what all kinds of file share."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tqdm.std import tqdm

from raw_server import Reply, raw_server
from seedream_magic import ConfigError, ContentRefused, Frame, ImageSet, InvalidRequest
from seedream_magic.api.request import ImageRequest
from seedream_magic.view import export as export_module
from seedream_magic.view import page, pictures
from seedream_magic.view.cards import CardSet
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
    """Three pictures, the second refused; texts that break what is not escaped."""
    return made_set(tmp_path, prompt=HOSTILE, captions=[HOSTILE, "\ud83c", f"{HOSTILE}!"], failed=(1,))


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_kind_is_written_whole_and_the_originals_stay(images: ImageSet, tmp_path: Path, ending: str) -> None:
    """Whatever the texts hold: the absolute path is returned, an older file is replaced, originals are only read.

    A growing set goes out as it is: a file that waits for nothing.
    """
    originals = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in images.folder.iterdir()}
    target = tmp_path / f"set{ending.upper()}"
    target.write_text("old")
    assert replace(images, state="running", expected=4).export(f"set{ending.upper()}") == target
    assert target.stat().st_size > 500
    assert not re.search(rb'<[^>]* data-(state="waiting"|started)', target.read_bytes())
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in images.folder.iterdir()} == originals
    assert list(tmp_path.rglob("*.part")) == []


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_run_of_the_service_is_exported(store: Path, tmp_path: Path, ending: str) -> None:
    """Two pictures of three arrived: the set goes out with what there is, without the key or a signature.

    An export into the run's own folder, be it through a link, is refused.
    """
    with raw_server({POST: whole_answer, PICTURE: picture, ("GET", "/picture/1"): Reply(404)}) as server:
        images = client(server, store).generate("four 季节", images=3)
    data = images.export(tmp_path / f"set{ending}").read_bytes()
    assert not re.search(rb"canary|sk-CANARY", data)
    before = {path: path.read_bytes() for path in images.folder.iterdir()}
    Path("link").symlink_to(images.folder)
    for target in (images.folder / f"01{ending}", Path(f"link/01{ending}")):
        with pytest.raises(InvalidRequest, match="stay untouched"):
            images.export(target)
    assert {path: path.read_bytes() for path in images.folder.iterdir()} == before


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_lost_picture_is_told_and_the_others_go_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, ending: str
) -> None:
    """One that is gone or damaged is one warning in the log, with its number; a .zip hands damaged bytes on."""
    images = made_set(tmp_path, count=4)
    (images.folder / "02.jpg").unlink()
    (images.folder / "03.jpg").write_bytes(b"\xff\xd8\xff")
    assert images.export(tmp_path / f"set{ending}").exists()
    lost = (2,) if ending == ".zip" else (2, 3)
    for record, number in zip(caplog.records, lost, strict=True):
        assert record.getMessage().startswith(f"set{ending} is without frame {number}: ")
    assert "02.jpg is gone." in caplog.text
    assert ("cannot be read as a " in caplog.text) == (ending != ".zip")


def test_a_set_without_a_picture_is_refused(tmp_path: Path) -> None:
    """Failed frames alone, no frames at all, and files that are all gone: one line, and no file."""
    images = made_set(tmp_path, failed=(0, 1, 2))
    gone = replace(images, frames=(Frame(0, "a", images.folder / "01.jpg", 8, 8),))
    for none, ending in product((images, replace(images, frames=()), gone), ENDINGS):
        with pytest.raises(InvalidRequest, match="no picture to export") as raised:
            none.export(tmp_path / f"set{ending}")
        assert len(raised.value.lines()) == 1
        assert not (tmp_path / f"set{ending}").exists()


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("sheet.bmp", {}, r"\.html, \.zip, \.gif, \.jpg"),
        ("sheet", {}, "without an ending"),
        ("set.zipp", {}, r"Did you mean \.zip\?"),
        ("a\0b.zip", {}, "no name for a file"),
        ("~nobody-here/set.zip", {}, "no name for a file"),
        ("folder.zip", {}, "is a folder"),
        (f"{'x' * 300}.zip", {}, "name"),
        (7, {}, "no name for a file"),
        ("nowhere/sheet.jpg", {}, "does not exist"),
        (f"{RUN}/01.jpg", {}, "stay untouched"),  # an original, though its folder has no record of a run
        ("one.gif", {}, "at least 2 pictures"),
        ("set.gif", {"seconds": float("nan")}, "0.02 to 600"),
        ("set.gif", {"seconds": True}, "0.02 to 600"),
        ("set.png", {"size": 1e9}, "64 to 4096"),
        ("set.jpg", {"size": True}, "64 to 4096"),
        ("set.zip", {"size": 800}, "originals as they are"),
    ],
)
def test_what_cannot_be_is_refused(
    images: ImageSet, tmp_path: Path, name: Any, options: dict[str, Any], reason: str
) -> None:
    """In one line of the package's own that says what is meant; nothing is left behind."""
    (tmp_path / "folder.zip").mkdir()
    given = replace(images, frames=images.frames[:1]) if name == "one.gif" else images
    with pytest.raises((InvalidRequest, ConfigError), match=reason) as raised:
        given.export(name, **options)
    assert len(raised.value.lines()) == 1
    assert list(tmp_path.rglob("*.part")) == []


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failed_export_leaves_the_old_file(
    images: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """A full disk, or Stop, in the middle: no half file, and what was there is there."""

    def write(cards: CardSet, path: Path, **options: object) -> CardSet:
        path.write_bytes(b"half")
        raise error

    monkeypatch.setattr(export_module, "write_sheet", write)
    (tmp_path / "sheet.png").write_text("old")
    with pytest.raises(ConfigError if isinstance(error, OSError) else KeyboardInterrupt):
        images.export(tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").read_text() == "old"
    assert list(tmp_path.rglob("*.part")) == []


def test_too_much_for_a_page_is_refused(images: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More bytes than a browser holds well: the line names the archive."""
    monkeypatch.setattr(page, "MAXIMUM_BYTES", 1000)
    with pytest.raises(InvalidRequest, match=r"\.zip"):
        images.export(tmp_path / "set.html")


class Eager(tqdm):  # type: ignore[misc]  # tqdm ships no types
    """A bar that is drawn at each step."""

    def __init__(self, *items: Any, **settings: Any) -> None:
        super().__init__(*items, **settings, mininterval=0, miniters=1)


def test_a_bar_shows_where_it_takes_long(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of five frames that take long, on the error stream; it stays: a notebook would keep an empty line. Else none."""
    assert list(pictures.progress("abcdefgh", "gif")) == list("abcdefgh")
    monkeypatch.setattr(pictures, "DELAY", 1e-9)
    monkeypatch.setattr("tqdm.std.tqdm", Eager)
    assert list(pictures.progress("abcd", "gif")) == list("abcd")
    assert capsys.readouterr() == ("", "")
    assert list(pictures.progress(range(5), "gif")) == [0, 1, 2, 3, 4]
    written = capsys.readouterr()
    assert (written.out, "gif:  80%" in written.err) == ("", True)
    assert "gif: 100%" in written.err.rpartition("\r")[2]
