"""A set leaves the notebook as one file: what all kinds share; the archive and the GIF."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import statistics
import zipfile
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat
from tqdm.std import tqdm

from raw_server import Reply, raw_server
from seedream_magic import ConfigError, ContentRefused, Frame, ImageError, ImageSet, InvalidRequest, Seedream
from seedream_magic.api.request import ImageRequest
from seedream_magic.images.cards import public_value
from seedream_magic.view import export as export_module
from seedream_magic.view import page, pictures
from seedream_magic.view.cards import CardSet
from seedream_magic.view.export import ENDINGS
from seedream_magic.view.provenance import DIGITAL_SOURCE_TYPE, TOOL
from seedream_magic.view.sheet import MATTE
from served import KEY, client
from service import PICTURE, POST, jpeg, picture, whole_answer

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


def test_what_tells_of_the_package_or_is_no_file_is_not_replaced(images: ImageSet, tmp_path: Path) -> None:
    """A lesson about it is a person's own work; a pipe would be read for ever."""
    lesson = tmp_path / "lesson.html"
    lesson.write_text("<p>Install seedream-magic 0.1.0, then draw.</p>")
    os.mkfifo(tmp_path / "pipe.pdf")
    for file in (lesson, tmp_path / "pipe.pdf"):
        with pytest.raises(InvalidRequest, match="not replaced"):
            images.export(file)
    assert lesson.read_text().startswith("<p>Install")


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_kind_is_written_whole_and_the_originals_stay(images: ImageSet, tmp_path: Path, ending: str) -> None:
    """Whatever the texts hold: the absolute path is returned, an older export is replaced and no other file, originals
    are only read.
    """
    originals = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in images.folder.iterdir()}
    target = tmp_path / f"set{ending.upper()}"
    target.write_text("a person's own")
    with pytest.raises(InvalidRequest, match=f"not replaced. Name another file, such as set-2{ending.upper()}"):
        images.export(target)
    assert target.read_text() == "a person's own"
    target.write_bytes(b"")
    for _ in range(2):
        assert replace(images, state="running", expected=4).export(f"set{ending.upper()}") == target
    assert target.stat().st_size > 500
    assert not re.search(rb'<[^>]* data-(state="waiting"|started)', target.read_bytes())
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in images.folder.iterdir()} == originals
    assert list(tmp_path.rglob("*.part")) == []


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_run_of_the_service_is_exported(store: Path, tmp_path: Path, ending: str) -> None:
    """Two pictures of three arrived: the set goes out with what there is, without the key or a signature."""
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


@pytest.mark.parametrize("ending", [".pdf", ".zip", ".html", ".jpg"])
def test_frames_without_a_picture_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture, ending: str) -> None:
    """In one line, with their numbers; of a whole set nothing is said."""
    images = made_set(tmp_path, count=4, failed=(2,))
    images.export(tmp_path / f"set{ending}")
    assert caplog.messages == [f"set{ending}: 3 of 4 frames; no picture of frame 3."]
    caplog.clear()
    replace(images, frames=images.frames[:2], expected=2).export(tmp_path / f"set{ending}")
    assert caplog.messages == []


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
        ("sheet.bmp", {}, r"\.html, \.pdf, \.zip, \.gif, \.jpg"),
        ("sheet", {}, "name one"),
        ("set.zipp", {}, r"Did you mean \.zip\?"),
        ("a\0b.zip", {}, "cannot be the name of a file"),
        ("~nobody-here/set.zip", {}, "cannot be the name of a file"),
        ("folder.zip", {}, "is a folder"),
        (f"{'x' * 300}.zip", {}, "name"),
        (7, {}, "cannot be the name of a file"),
        ("set.html/sheet.jpg", {}, "cannot be written"),
        (f"{RUN}/01.jpg", {}, "stay untouched"),  # an original, though its folder has no record of a run
        ("one.gif", {}, "at least 2 pictures"),
        ("set.gif", {"seconds": float("nan")}, "0.02 to 600"),
        ("set.gif", {"seconds": True}, "0.02 to 600"),
        ("set.png", {"size": 1e9}, "64 to 4096"),
        ("set.jpg", {"size": True}, "64 to 4096"),
        ("set.zip", {"size": 800}, "size is for .gif"),
        ("set.html", {"layout": "spread"}, "layout is for .pdf, not for a .html"),
        ("set.pdf", {"layout": "book"}, "layout takes page, spread, sheet, not 'book'"),
        ("set.pdf", {"page_size": "B5"}, "page_size takes A3, A4"),
        ("set.pdf", {"title": " "}, "title is a line"),
    ],
)
def test_what_cannot_be_is_refused(
    images: ImageSet, tmp_path: Path, name: Any, options: dict[str, Any], reason: str
) -> None:
    """In one line of the package's own that says what is meant; nothing is left behind."""
    (tmp_path / "folder.zip").mkdir()
    (tmp_path / "set.html").touch()
    given = replace(images, frames=images.frames[:1]) if name == "one.gif" else images
    with pytest.raises((InvalidRequest, ConfigError), match=reason) as raised:
        given.export(name, **options)
    assert len(raised.value.lines()) == 1
    assert list(tmp_path.rglob("*.part")) == []


def test_a_layout_is_told_by_the_name_that_the_help_gives_it(
    images: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In Chinese, beside the one that is typed in Python."""
    monkeypatch.setenv("SEEDREAM_LANG", "zh")
    with pytest.raises(InvalidRequest, match="可为 page（单页）、spread（跨页）、sheet（总览），不能是 'book'"):
        images.export(tmp_path / "set.pdf", layout="book")
    with pytest.raises(InvalidRequest, match="A5、letter（信纸）、square（方形）、picture（随图），不能是 'B5'"):
        images.export(tmp_path / "set.pdf", page_size="B5")


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failed_export_leaves_the_old_file(
    images: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """A full disk, or Stop, in the middle: no half file, and what was there is there."""

    def write(cards: CardSet, path: Path, *_: object, **__: object) -> CardSet:
        path.write_bytes(b"half")
        raise error

    old = images.export(tmp_path / "sheet.png").read_bytes()
    monkeypatch.setattr(export_module, "write_sheet", write)
    with pytest.raises(ConfigError if isinstance(error, OSError) else KeyboardInterrupt):
        images.export(tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").read_bytes() == old
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
    assert "frame" in written.err
    monkeypatch.setattr("seedream_magic.words.text.own_language", lambda: "zh")
    assert list(pictures.progress(range(5), "gif")) == [0, 1, 2, 3, 4]
    written = capsys.readouterr()
    assert ("帧" in written.err, "frame" in written.err) == (True, False)
    monkeypatch.setattr("seedream_magic.tqdm_bar.in_notebook", lambda: True)  # which shows errors in red
    assert list(pictures.progress(range(5), "gif")) == [0, 1, 2, 3, 4]
    written = capsys.readouterr()
    assert ("gif:  80%" in written.out, written.err) == (True, "")


def read(images: ImageSet, target: Path, **options: Any) -> dict[str, Any]:
    """The members: JSON parsed, text as text, pictures as bytes."""
    with zipfile.ZipFile(images.export(target, **options)) as archive:
        assert archive.testzip() is None
        members: dict[str, Any] = {name: archive.read(name) for name in archive.namelist()}
    for name, data in members.items():
        if name.endswith((".json", ".txt")):
            text = data.decode("utf-8")
            members[name] = json.loads(text) if name.endswith(".json") else text
    return members


def test_an_archive_has_originals_captions_and_origin(tmp_path: Path) -> None:
    """Originals to the bit, in order; index, file, prompt, pixels, sum and error of each; where the set comes from."""
    images = made_set(tmp_path, prompt=HOSTILE, captions=["春 & <spring>", "夏", "秋 🎉"], failed=(1,))
    members = read(images, tmp_path / "set.zip", with_facts=True)
    assert list(members) == ["01-春-spring.jpg", "03-秋.jpg", "captions.json", "captions.txt", "request.json"]
    for name in list(members)[:2]:
        assert members[name] == (images.folder / f"{name[:2]}.jpg").read_bytes()
    first, refused, _ = members["captions.json"]["frames"]
    digest = hashlib.sha256(members["01-春-spring.jpg"]).hexdigest()
    assert first == {
        "index": 0,
        "file": "01-春-spring.jpg",
        "caption": "春 & <spring>",
        "pixels": "96x72",
        "sha256": digest,
        "error": None,
    }
    assert (refused["file"], refused["sha256"], refused["pixels"]) == (None, None, None)
    assert refused["error"].startswith("OutputImageSensitiveContentDetected: may contain")
    for name in ("captions.json", "request.json"):
        facts = members[name]
        assert (facts["generated_by_ai"], facts["digital_source_type"]) == (True, DIGITAL_SOURCE_TYPE)
        assert (facts["model"], facts["created"]) == ("doubao-seedream-4-5", "2025-03-04T05:06:07+00:00")
        assert facts["prompt"] == HOSTILE
    assert members["request.json"]["body"]["prompt"] == HOSTILE
    text = members["captions.txt"]
    for line in ("3.  03-秋.jpg  96 × 72\n秋 🎉\n", "2.  OutputImageSensitiveContentDetected: ", "由 AI 生成"):
        assert line in text
    with zipfile.ZipFile(tmp_path / "set.zip") as archive:
        assert archive.comment == f"Generated by AI · doubao-seedream-4-5 · 2025-03-04 · {TOOL}".encode()


def test_a_client_gets_pictures_and_words_and_nothing_of_the_house(tmp_path: Path) -> None:
    """Without facts an archive has the pictures that there are, numbered anew, their words, title, author and date; no
    model, run, refusal or request. Without captions only names and sizes.
    """
    images = made_set(tmp_path, prompt="seasons", captions=["spring", "summer", "autumn"], failed=(1,))
    target = tmp_path / "set.zip"
    members = read(images, target, title="四季", author="Ann")
    assert list(members) == ["01-spring.jpg", "02-autumn.jpg", "captions.json", "captions.txt"]
    manifest = members["captions.json"]
    assert [frame.pop("sha256") for frame in manifest["frames"]] == [
        hashlib.sha256(members[name]).hexdigest() for name in list(members)[:2]
    ]
    assert manifest == {
        "title": "四季",
        "author": "Ann",
        "created": "2025-03-04T05:06:07+00:00",
        "generated_by_ai": True,
        "digital_source_type": DIGITAL_SOURCE_TYPE,
        "tool": TOOL,
        "frames": [
            {"index": 0, "file": "01-spring.jpg", "caption": "spring", "pixels": "96x72"},
            {"index": 1, "file": "02-autumn.jpg", "caption": "autumn", "pixels": "96x72"},
        ],
    }
    assert members["captions.txt"] == (
        "四季\nAnn\n\n1.  01-spring.jpg  96 × 72\nspring\n\n2.  02-autumn.jpg  96 × 72\nautumn\n\n"
        "Generated by AI · 2025-03-04\n"
    )
    with zipfile.ZipFile(target) as archive:
        assert archive.comment == f"Generated by AI · 2025-03-04 · {TOOL}".encode()
    assert read(images, target, captions=False)["captions.txt"] == (
        "1.  01.jpg  96 × 72\n\n2.  02.jpg  96 × 72\n\nGenerated by AI · 2025-03-04\n"
    )


@pytest.mark.parametrize("ending", ENDINGS)
def test_without_captions_no_file_tells_the_prompt(tmp_path: Path, ending: str) -> None:
    """Neither to people nor in its metadata; who asks for facts gets it there."""
    images = made_set(tmp_path, prompt="our secret recipe", captions=["our secret hare", "our secret fox"], count=2)
    target = tmp_path / f"set{ending}"
    assert b"secret" not in images.export(target, captions=False).read_bytes()
    if ending in {".zip", ".html"}:
        assert b"secret" not in images.export(target, captions=False, title="Hares", author="Ann").read_bytes()
    assert b"our secret recipe" in images.export(target, captions=False, with_facts=True).read_bytes()


def test_an_archive_of_long_words_is_replaced_by_its_successor(tmp_path: Path) -> None:
    """It is known for an export by its last bytes, however much stands before them."""
    images = made_set(tmp_path, captions=[f"{name} {'snow ' * 20_000}" for name in "abc"])
    for _ in range(2):
        images.export(tmp_path / "set.zip", with_facts=True)


def test_the_same_run_gives_the_same_bytes_without_key_and_links(store: Path, tmp_path: Path) -> None:
    """Nothing of the clock or the system is in it; its body and usage are, and no key, signature or computer's name."""
    with raw_server({POST: whole_answer, PICTURE: picture}) as server:
        images = client(server, store).generate("a fox", images=2)
    members = read(images, tmp_path / "set.zip", with_facts=True)
    request = members["request.json"]
    assert (request["run_id"], request["body"]["prompt"], request["state"]) == (images.run_id, "a fox", "done")
    assert request["usage"]["generated_images"] == 2
    assert not {"process", "notebook"} & set(request)
    text = json.dumps(members["request.json"]) + json.dumps(members["captions.json"]) + members["captions.txt"]
    assert not any(secret in text for secret in (KEY, "Signature", "canary", str(store)))
    (images.folder / "01.jpg").touch()
    assert images.export(tmp_path / "again.zip", with_facts=True).read_bytes() == (tmp_path / "set.zip").read_bytes()


def test_names_are_ours(tmp_path: Path) -> None:
    """A file with another name goes by its number and its words: no folder, no clash, nothing a shell would read."""
    images = made_set(tmp_path, count=2)
    strange = images.folder / "..\\-rf $(x).j pg"
    (images.folder / "01.jpg").rename(strange)
    images = replace(images, frames=(replace(images.frames[0], path=strange), images.frames[1]))
    assert list(read(images, tmp_path / "set.zip"))[:2] == ["01-seasons", "02-seasons.jpg"]


@pytest.mark.parametrize(
    ("name", "value", "cleaned"),
    [
        ("url", "https://host/a.png?X-Tos-Signature=abc", "https://host/a.png?…"),
        ("message", "no https://me:pw@host/a?sig=1 here", "no https://…@host/a?… here"),
        ("image", ["data:image/png;base64,AAAA"], ["data:image/png;base64,(26 characters)"]),
        ("api_key", "sk-1", "…"),
        ("total_tokens", 12, 12),
        ("source", "/home/me/secret/cat.png", "cat.png"),
        ("source", "C:\\me\\cat.png", "cat.png"),
        ("prompt", "draw https://host/?a=1", "draw https://host/?a=1"),
        ("storyboard", {"style": "b https://h/?c=1"}, {"style": "b https://h/?c=1"}),
        ("seconds", float("inf"), "inf"),
    ],
)
def test_what_would_give_something_away_is_cleaned(name: str, value: Any, cleaned: Any) -> None:
    """Links lose their query, references their bytes and folders; what a person typed as prompt stays."""
    assert public_value({name: value}, "body") == {name: cleaned}


def test_what_an_error_says_is_handed_on_without_signatures(tmp_path: Path) -> None:
    """A link in it or in a note loses its query, in the archive and on the page; the set itself still has the whole."""
    link = "https://host/a.png?X-Tos-Signature=canary"
    images = made_set(tmp_path, count=2)
    failed = replace(images, frames=(images[0], Frame(1, "x", error=ImageError(f"Not here: {link}")))).with_note(link)
    for ending in (".zip", ".html"):
        data = failed.export(tmp_path / f"set{ending}", with_facts=True).read_bytes()
        assert b"https://host/a.png?" in data
        assert b"canary" not in data
    assert link in failed._repr_mimebundle_()["text/plain"]


def frames_of(path: Path) -> list[Image.Image]:
    with Image.open(path, formats=("GIF",)) as animation:
        found = []
        for index in range(getattr(animation, "n_frames", 1)):
            animation.seek(index)
            found.append(animation.convert("RGB"))
        return found


def difference(one: Image.Image, two: Image.Image) -> float:
    """The mean difference of a channel, seen from where dots mix."""
    small = [picture.reduce(4) for picture in (one, two)]
    return statistics.mean(ImageStat.Stat(ImageChops.difference(*small)).mean)


def test_frames_play_in_order_and_for_ever(tmp_path: Path) -> None:
    """Every picture that there is, each for the time asked for; the comment says where they come from."""
    images = made_set(tmp_path, count=4, prompt=HOSTILE, failed=(2,), size=(160, 120))
    target = images.export(tmp_path / "set.gif", seconds=0.25)
    with Image.open(target) as animation:
        assert (animation.n_frames, animation.size) == (3, (160, 120))  # type: ignore[attr-defined]  # of GIF's class
        assert (animation.info["duration"], animation.info["loop"]) == (250, 0)
        comment = animation.info["comment"].decode()
    assert comment.startswith("Generated by AI\nModel: doubao-seedream-4-5\nDate: 2025-03-04T05:06:07+00:00\n")
    assert "trainedAlgorithmicMedia" in comment
    assert "四季 <b>&amp;\"'</script></title> ]]> 🎉" in comment
    for shown, index in zip(frames_of(target), (0, 1, 3), strict=True):
        assert difference(shown, scenery(index, (160, 120))) < 2.5


@pytest.mark.parametrize(
    ("size", "asked", "canvas"),
    [
        ((1200, 600), None, (960, 480)),
        ((300, 400), 128, (96, 128)),
        ((1024, 64), 64, (64, 4)),
    ],
)
def test_the_canvas_has_the_first_pictures_ratio(
    tmp_path: Path, size: tuple[int, int], asked: int | None, canvas: tuple[int, int]
) -> None:
    """960 pixels on the long side, or as asked for; small pictures are not blown up unasked."""
    target = made_set(tmp_path, count=2, size=size).export(tmp_path / "set.gif", size=asked)
    assert [frame.size for frame in frames_of(target)] == [canvas, canvas]


def test_colours_hold(tmp_path: Path) -> None:
    """A red dot in a large grey picture stays red; what is transparent is white; beside a tall picture it is dark."""
    images = made_set(tmp_path, count=3, size=(320, 160))
    dotted = Image.linear_gradient("L").resize((320, 160)).convert("RGB")
    dotted.paste((220, 20, 30), (200, 100, 206, 106))
    glass, tall = Image.new("RGBA", (320, 160), (0, 0, 0, 0)), Image.new("RGB", (80, 160), (250, 60, 60))
    paths = [images.folder / f"{number}.png" for number in range(3)]
    for path, made in zip(paths, (dotted, glass, tall), strict=True):
        made.save(path)
    frames = tuple(replace(one, path=path) for one, path in zip(images, paths, strict=True))
    shown = frames_of(replace(images, frames=frames).export(tmp_path / "set.gif"))
    for frame, place, colour in (
        (shown[0], (203, 103), (220, 20, 30)),
        (shown[1], (40, 40), (255, 255, 255)),
        (shown[2], (160, 2), (250, 60, 60)),
        (shown[2], (10, 80), MATTE),
        (shown[2], (310, 80), MATTE),
    ):
        found: Any = frame.getpixel(place)
        assert max(abs(one - two) for one, two in zip(found, colour, strict=True)) <= 24, (place, found)


def test_no_export_and_no_output_holds_a_path_of_the_machine(
    seedream: Seedream, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a store elsewhere, in a folder with a blank, with references of it, a lost picture and a changed one."""
    secret = tmp_path / "Ann Canary" / "works"
    secret.mkdir(parents=True)
    (tmp_path / "notebook").mkdir()
    monkeypatch.chdir(tmp_path / "notebook")
    (secret / "hero.jpg").write_bytes(jpeg(9))
    seedream.store = secret / "runs"
    images = seedream.generate("a fox at home", images=4, refs=str(secret / "hero.jpg"))
    assert images[1].path is not None
    images[1].path.write_bytes(jpeg(7))
    assert images[2].path is not None
    images[2].path.unlink()
    shown = seedream.show(images.run_id)
    bundle = repr(shown._repr_mimebundle_())
    assert str(secret) not in bundle
    assert "was changed after it was saved" in bundle
    for ending in ("html", "zip", "jpg", "png", "gif"):
        with contextlib.redirect_stderr(io.StringIO()):
            target = shown.export(f"out.{ending}")
        contents = [target.read_bytes()]
        if ending == "zip":
            with zipfile.ZipFile(target) as archive:
                contents += [archive.read(name) for name in archive.namelist()]
        for content in contents:
            assert b"Canary" not in content, ending
