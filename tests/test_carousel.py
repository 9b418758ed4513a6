"""The output of a set: the same structure whatever the text, within its budget, readable without scripts."""

from __future__ import annotations

import base64
import json
import os
import re
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import seedream_magic.view.carousel as carousel_module
from kernel import running_kernel
from seedream_magic import Seedream
from seedream_magic.api.codes import find_code
from seedream_magic.api.request import ImageRequest
from seedream_magic.errors import (
    ContentRefused,
    ImageError,
    OutcomeUnknown,
    SeedreamError,
    ServerFailed,
)
from seedream_magic.images.cards import OPTIONS, relative_link
from seedream_magic.images.image_set import Frame, ImageSet, cards_of
from seedream_magic.images.stored_runs import find_record
from seedream_magic.view.carousel import plain_text, set_bundle
from seedream_magic.view.markup import element
from seedream_magic.words.carousel import RESUME, words_for

VIEW = Path(carousel_module.__file__).parent
SCRIPTS = {
    name: (VIEW / name).read_text(encoding="utf-8") for name in ("viewer.js", "controls.js", "carousel.js", "start.js")
}
IMPORT = "from seedream_magic import Seedream"
RUN = "20260102T030405-abcd"
FACTS = f"doubao-seedream-4-5 · 64×48 · 4 images billed · 16,384 tokens · 41 s · {Path('seedream-runs', RUN)}"
REDO = f'{IMPORT} Seedream("anyfast").show("{RUN}").redo'
HOSTILE = (
    "</script><script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    '" onload="alert(1)" x=\'',
    "{{ 7 * 7 }} ${x} {0} %s",
    "nul\x00byte \x1b[31mred\x07",
    "\u202eright to left\u2066",
    "lone \ud800 surrogate \udfff",
    "]]> <!-- --> <![CDATA[ &amp; &#x27;",
    "`code` [link](javascript:alert(1)) https://example.com/a.png",
    "<iframe src=//x></iframe><form><input id=a name=b>",
    "one\n\ntwo\r\n\r\nthree",
    "",
)


class Reader(HTMLParser):
    """What a browser's parser makes of an output: elements with their attributes, and the text inside each."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []
        self.constants: dict[str, str] = {}
        self.inside = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), "an attribute twice"
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self.inside = tag

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside in {"script", "style"}:
            self.constants[self.inside] = self.constants.get(self.inside, "") + data
        else:
            self.text.append(data)

    def all(self, tag: str, kind: str = "") -> list[dict[str, str]]:
        return [found for name, found in self.elements if name == tag and kind in ["", *found.get("class", "").split()]]

    @property
    def structure(self) -> list[tuple[str, tuple[str, ...]]]:
        return [(tag, tuple(attributes)) for tag, attributes in self.elements]

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


@pytest.fixture
def images(tmp_path: Path) -> ImageSet:
    """Four finished frames of 64x48 in a run folder below the current one."""
    folder = tmp_path / "seedream-runs" / RUN
    folder.mkdir(parents=True)
    frames = []
    for index in range(4):
        path = folder / f"{index + 1:02}.jpg"
        Image.new("RGB", (64, 48), (index * 60, 90, 120)).save(path, "JPEG")
        frames.append(Frame(index, f"season {index + 1}", path, 64, 48, sha256=str(index)))
    request = ImageRequest("doubao-seedream-4-5", "four seasons", "2048x1536")
    usage = {"generated_images": 4, "total_tokens": 16384}
    made = ImageSet(request, "anyfast", folder.name, folder, tuple(frames), expected=4)
    return replace(made, state="done", outcome="billed", usage=usage, seconds=41.2)


def with_text(images: ImageSet, text: str) -> ImageSet:
    """The set with `text` wherever text from outside can stand."""
    error = ContentRefused(text or "cause", code=f"code {text}", hint=text or "hint")
    frames = [replace(frame, prompt=text) for frame in images]
    frames[2] = Frame(2, text, error=error)
    request = replace(images.request, prompt=text, model=text or "model", size=text or "2K")
    return replace(images, request=request, run_id=text, frames=tuple(frames), notes=(text,))


def reprompted(images: ImageSet, prompt: str) -> ImageSet:
    return replace(images, request=replace(images.request, prompt=prompt))


def with_failure(images: ImageSet, error: SeedreamError) -> ImageSet:
    """The set with this error in place of its second picture."""
    return replace(images, frames=(images[0], Frame(1, "season 2", error=error), *images.frames[2:]))


def bundle_of(images: ImageSet, **options: Any) -> dict[str, str]:
    return set_bundle(cards_of(images), **options)


def read(images: ImageSet, **options: Any) -> Reader:
    return Reader(bundle_of(images, **options)["text/html"])


def root_of(reader: Reader) -> dict[str, str]:
    (root,) = reader.all("div", "seedream")
    return root


def plain(images: ImageSet) -> list[str]:
    return plain_text(cards_of(images)).splitlines()


def squeezed(script: str) -> str:
    """A script or style sheet without comments, white space and the marks of HTML's comment around it."""
    bare = re.sub(r"(^| )// .*$|/\*(.|\n)*?\*/|^(<!--|(//)?-->)$", "", script, flags=re.MULTILINE)
    return re.sub(r"\s", "", bare)


@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_outside_is_text(images: ImageSet, text: str) -> None:
    """Whatever prompt, model, error, note and run id hold: the elements and attribute names are the template's."""
    bundle = bundle_of(with_text(images, text))
    hostile = Reader(bundle["text/html"])
    assert hostile.structure == read(with_text(images, "calm")).structure
    assert [tag for tag, _ in hostile.elements if tag in {"script", "style"}] == ["style", "script"]
    assert squeezed(hostile.constants["script"]) == "".join(map(squeezed, SCRIPTS.values()))
    assert squeezed(hostile.constants["style"]) == squeezed((VIEW / "carousel.css").read_text(encoding="utf-8"))
    assert json.loads(json.dumps(bundle, ensure_ascii=False).encode("utf-8")) == bundle
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", bundle["text/plain"])
    assert not re.search(r"\n\s*\n|\r", bundle["text/html"])


@given(st.text(st.characters(), max_size=60))
def test_attribute_and_text_round_trip(text: str) -> None:
    """What goes into an element comes out of the parser; only NUL and lone surrogates are replaced."""
    reader = Reader(element("a", {"title": text}, text, element("b", {}, text)))
    kept = re.sub("[\x00\ud800-\udfff]", "\ufffd", text)
    assert reader.elements == [("a", {"title": kept}), ("b", {})]
    assert "".join(reader.text) == kept * 2


def test_nothing_in_it_can_act_or_load(images: ImageSet) -> None:
    """No id, name, form, control, frame or handler; pictures are data URIs, links are relative; the script is small."""
    reader = read(with_text(images, "calm"))
    names = {name for _, attributes in reader.elements for name in attributes}
    acting = {"form", "input", "button", "iframe", "object", "embed", "link", "svg"}
    assert not {tag for tag, _ in reader.elements} & acting
    assert not {name for name in names if name.startswith("on")} | (names & {"id", "name", "role", "tabindex"})
    assert all(image["src"].startswith("data:image/jpeg;base64,") for image in reader.all("img"))
    assert not any(":" in link["href"] for link in reader.all("a"))
    assert "url(" not in reader.constants["style"]
    scripts = "".join(SCRIPTS.values())
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval|Function\(|on\w+=\"", scripts)
    assert len(reader.constants["script"].encode()) < 18_500  # one file for all kinds of outputs, in each of them
    assert all(len(script.encode()) < 12_288 for script in SCRIPTS.values())


def test_every_picture_is_labelled(images: ImageSet) -> None:
    """Number, pixels, caption, alt text and a link to the original; inline styles alone keep strip, grid and frames."""
    prompt = "four\n  seasons"
    frames = (replace(images[0], prompt=prompt), *images.frames[1:])
    reader = read(reprompted(replace(images, frames=frames), prompt))
    assert (root_of(reader)["data-prompt"], root_of(reader)["data-run"]) == (prompt, RUN)
    own = [figure.get("data-prompt") for figure in reader.all("figure")]
    assert own == [None, "season 2", "season 3", "season 4"]
    assert [image["alt"] for image in reader.all("img")[1:]] == own[1:]
    for number in (2, 3, 4):
        assert f"{number} / 4 · 64 × 48 · original season {number}" in reader.words
    assert reader.all("a", "seedream-original")[1]["href"] == "seedream-runs/20260102T030405-abcd/02.jpg"
    assert "overflow-x:auto" in reader.all("div", "seedream-strip")[0]["style"]
    assert "flex-wrap:wrap" in read(images, show="grid").all("div", "seedream-strip")[0]["style"]
    assert all("width:373px" in figure["style"] for figure in reader.all("figure"))
    links = {"a b:c/1.jpg": "a%20b%3Ac/1.jpg", "图/#?.jpg": "%E5%9B%BE/%23%3F.jpg", "../1.jpg": None, ".a/1.jpg": None}
    assert {path: relative_link(Path(path)) for path in links} == links


@pytest.mark.parametrize(
    ("changes", "html", "last_line", "absent"),
    [
        ({"notes": ("A note.",)}, f"{FACTS} A note.", "4 images billed", "of 4 images"),
        (
            {"provider": "demo", "prompt": "四季"},
            "4 张，免费（演示）",
            "4 张，免费（演示）",
            "等待",
        ),
        ({"replayed": True}, "replayed, nothing billed", "replayed, nothing billed", "tokens|41 s"),
        ({"prompt": "四季"}, "计费 4 张", "计费 4 张", "billed"),
        ({"landed": 2, "state": "stopped"}, "stopped · 2 of 4 images", "at least 2 images billed", "waiting"),
        ({"landed": 2, "interrupted": True}, "interrupted, 2 of 4 saved · d", "at least 2 images billed", "waiting"),
        ({"interrupted": True}, FACTS, "4 images billed", "interrupted"),
    ],
)
def test_the_words_tell_where_it_stands(
    images: ImageSet, changes: dict[str, Any], html: str, last_line: str, absent: str
) -> None:
    """What has come, what it cost and whether it was shown from the store, in the HTML and in a terminal."""
    if "landed" in changes:
        images = replace(images, frames=images.frames[: changes.pop("landed")], usage=None)
    changed = replace(reprompted(images, changes.pop("prompt", images.prompt)), **changes)
    reader = read(changed)
    assert html in reader.words
    assert plain(changed)[-1].endswith(last_line)
    assert not re.search(absent, plain_text(cards_of(changed)) if "演示" in last_line else reader.words)
    assert plain(changed)[0].endswith("stopped") == (changed.state == "stopped")
    assert root_of(reader)["lang"] == ("zh" if changed.prompt == "四季" else "en")


def test_waiting_places_are_told(images: ImageSet) -> None:
    """While the set grows, each empty place is a box in the pictures' shape that counts on; there is no sheet yet."""
    growing = replace(images, frames=images.frames[:1], state="running", usage=None)
    bundle = bundle_of(growing)
    reader = Reader(bundle["text/html"])
    boxes = reader.all("div", "seedream-empty")
    assert reader.words.count("waiting · 41 s") == 3
    assert all("width:373px" in box["style"] and "min-height:280px" in box["style"] for box in boxes)
    assert "image/jpeg" not in bundle
    assert [line[:12] for line in plain(growing)[1:5]][1:] == ["  2  waiting", "  3  waiting", "  4  waiting"]
    (waiting,) = [line for line in plain(replace(growing, frames=(), expected=None)) if "waiting" in line]
    assert waiting == "  1  waiting"
    gap = replace(images, frames=(Frame(0, "season 1"), *images.frames[1:]))
    assert "This frame did not arrive." in read(gap).words
    assert "waiting" not in plain(gap)[1]


@pytest.mark.parametrize(
    ("prompt", "saved", "until"),
    [
        ("four seasons", "interrupted, 3 of 4 saved", "As of {} this was under way. If nothing has come since, it was"),
        ("四季", "已中断，已保存 3 / 4 张", "截至 {} 仍在生成。若此后没有新内容，说明已中断。重新运行该单元格"),
    ],
)
def test_a_growing_set_says_when_that_was_and_what_to_do_should_it_end(
    images: ImageSet, prompt: str, saved: str, until: str
) -> None:
    """In text, for who opens it later without scripts; and for the script: seconds, moment and limit. Later no more."""
    growing = replace(reprompted(images, prompt), frames=images.frames[:3], state="running", usage=None, limit=60.0)
    reader, words = read(growing), words_for(prompt)
    root, shown = root_of(reader), json.loads(root_of(reader)["data-words"])
    assert (root["data-seconds"], root["data-limit"]) == ("41", "60")
    assert float(root["data-moment"]) == pytest.approx(time.time(), abs=5)
    moment = datetime.fromtimestamp(float(root["data-moment"]), UTC).astimezone()
    seconds = [f"{moment + timedelta(seconds=more):%Y-%m-%d %H:%M:%S}" for more in (-1, 0, 1)]
    resume = words(RESUME, run=RUN)
    for text in (reader.words, plain_text(cards_of(growing))):
        assert resume in text
        assert any(until.format(second) in text for second in seconds)
    assert shown["interrupted"] == saved
    assert shown["last_sign"].endswith(resume)
    assert "seedreamClock(root, place, words, isNewest)" in reader.constants["script"]
    unknown = root_of(read(replace(growing, expected=None)))
    assert json.loads(unknown["data-words"])["interrupted"] == saved.replace(" of 4", "").replace(" / 4", "")
    finished = read(replace(growing, state="done"))
    assert not {"data-seconds", "data-moment", "data-limit"} & root_of(finished).keys()
    assert until.partition(" ")[0] not in finished.words.split()
    interrupted = read(replace(growing, state="done", interrupted=True))
    assert saved in interrupted.words
    assert interrupted.words.count(resume) == 1
    assert len(interrupted.all("div", "seedream-empty")) == 1


def test_a_failed_frame_is_a_card(images: ImageSet) -> None:
    """It keeps its place and shows its code, the cause, what to do and, once the run has ended, the lines to run."""
    for error, card in (
        (REFUSED, f"Refused. Reword. %seedream retry {RUN} Sensitive"),
        # The same words would be refused again.
        (ContentRefused("Refused.", code="InputTextSensitive", hint="Reword."), "Refused. Reword. InputTextSensitive"),
        # Where the picture exists at the service, looking for it once more may cost nothing.
        (ImageError("Not here."), f"24 h. %seedream recover {RUN} %seedream retry {RUN} ImageError"),
    ):
        failed = with_failure(images, error)
        reader = read(failed)
        assert f"{card} 2 / 4 · failed season 2" in reader.words
        assert "3 of 4 images" in reader.words
        assert len(reader.all("img")) == 3
        assert not re.search("%seedream retry|redo", read(replace(failed, state="running")).words)
    (images.folder / "01.jpg").unlink()
    gone = replace(images, frames=(replace(images[0], sha256="gone"), *images.frames[1:]))
    assert len(read(gone).all("img")) == 3
    assert "01.jpg cannot be read as a picture." in read(gone).words
    assert set(copies_of(gone)[0]) == {"prompt", "redo"}
    assert "cannot be read" in gone[0]._repr_mimebundle_()["text/plain"]


REFUSED = ContentRefused("Refused.", code="Sensitive", hint="Reword.")


def test_a_chinese_set_explains_known_codes_in_chinese(images: ImageSet) -> None:
    """Cause and fix of a code that is known stand in place of the English ones; an unknown one keeps them."""
    sensitive = find_code("InputImageSensitiveContentDetected")
    assert sensitive is not None
    refused = ContentRefused("No.", code="InputImageSensitiveContentDetected", hint=sensitive.fix.english)
    for error, chinese in (
        (refused, "参考图未通过内容审核。 换一张参考图。 InputImage"),
        (ContentRefused("No.", code="Unheard", hint="Reword."), f"No. Reword. %seedream retry {RUN}"),
        (ServerFailed("No.", code="InternalServiceError", hint="LiteLLM sent it."), "服务内部错误。 LiteLLM sent it."),
    ):
        failed = with_failure(images, error)
        reader = read(reprompted(failed, "四季"))
        assert chinese in reader.words
        assert error.code in reader.words
        assert reader.all("figure")[1]["data-label"] == "第 2 帧，失败"
        assert f"No. {error.hint}" in read(failed).words


def copies_of(images: ImageSet, **options: Any) -> list[dict[str, str]]:
    """The texts of each frame that the script offers to copy, by their keys."""
    reader = read(images, **options)
    offered = json.loads(root_of(reader)["data-words"])["copies"]
    texts = [{key.removeprefix("data-"): text for key, text in one.items()} for one in reader.all("figure")]
    return [{key: one[key] for key in offered if key in one} for one in texts]


def test_cells_that_go_on_can_be_copied(images: ImageSet) -> None:
    """Redo and vary name provider and run; a frame without a picture can be redone, a refused one in other words."""
    frames = (images[0], Frame(1, "season 2", error=REFUSED), Frame(2, "season 3", error=ImageError("lost")), images[3])
    first, second, third, _ = copies_of(replace(images, frames=frames))
    begin = f'{IMPORT}\nSeedream("anyfast").show("{RUN}")'
    assert (first["redo"], first["vary"]) == (f"{begin}.redo(0){OPTIONS}", f'{begin}[0].vary("warmer")')
    assert (first["ref"], first["path"]) == (f"--ref run:{RUN}[0]", str(Path("seedream-runs", RUN, "01.jpg")))
    assert second == {"prompt": "season 2", "redo": f'{begin}.redo(1, prompt="…")'}
    assert third == {"prompt": "season 3", "redo": f"{begin}.redo(2){OPTIONS}"}
    assert copies_of(reprompted(images, "四季"))[3]["vary"] == f'{begin}[3].vary("更温暖")'
    facts = {"path", "ref", "prompt"}
    assert set(copies_of(replace(images, state="running"))[0]) == facts
    layers = replace(images, request=replace(images.request, layer_decomposition=True))
    assert set(copies_of(layers)[0]) == {*facts, "vary"}


def test_a_cell_finds_the_store_and_the_address(images: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where they are not the default, they are named: the store from the notebook's folder on, if it is below."""

    def named(given: ImageSet) -> str:
        return copies_of(given)[0]["redo"].partition("\n")[2].partition(".show")[0]

    assert named(images) == 'Seedream("anyfast")'
    below = replace(images, folder=images.folder.parent / "other" / "run")
    assert named(below) == f'Seedream("anyfast", store={json.dumps(str(Path("seedream-runs", "other")))})'
    away = replace(images, folder=images.folder.parent.parent.parent / "elsewhere" / "run")
    assert named(away) == f'Seedream("anyfast", store={json.dumps(str(Path("..", "elsewhere")))})'
    monkeypatch.setenv("HOME", str(away.folder.parent.parent / "author"))
    away = replace(images, folder=away.folder.parent.parent / "author" / "runs" / "run")
    assert named(away) == f'Seedream("anyfast", store={json.dumps(str(Path("~", "runs")))})'
    ours = replace(images, client=Seedream("anyfast", base_url="https://gateway.example/v1"))
    assert named(ours) == 'Seedream("anyfast", base_url="https://gateway.example/v1")'
    assert named(replace(ours, provider="ark")) == 'Seedream("ark")'
    monkeypatch.setenv("SEEDREAM_BASE_URL", "https://gateway.example/v1")
    monkeypatch.setenv("SEEDREAM_STORE", "somewhere/else")
    assert named(ours) == 'Seedream("anyfast", store="seedream-runs")'


@pytest.mark.kernel
def test_copied_cells_work_in_a_fresh_kernel(tmp_path: Path) -> None:
    """Pasted as they are, without the extension: they find the run, draw one picture each, and show the set."""
    images = Seedream("demo", store="kept/runs").generate("a fox in the snow", size="2K")
    (copied,) = copies_of(images)
    with running_kernel(environment={}, directory=tmp_path) as kernel:
        results = [kernel.run(copied[key]) for key in ("redo", "vary")]
    assert [result.ename for result in results] == [None, None]
    assert all("1 image, free (demo)" in result.displays[-1].data["text/plain"] for result in results)
    runs = [entry.run_id for entry in Seedream("demo", store="kept/runs").history()]
    found = [find_record(images.folder.parent, run).lineage for run in runs]
    assert [(one.kind, one.run_id, one.places) for one in found if one] == [
        ("vary", images.run_id, (0,)),
        ("redo", images.run_id, (0,)),
    ]


def test_long_texts_are_clipped(images: ImageSet) -> None:
    """An endless error shows 500 characters, an endless prompt opens on demand and ends at 500."""
    endless = replace(images, frames=(Frame(0, "word " * 4000, error=ContentRefused("x" * 9000)), *images.frames[1:]))
    reader = read(endless)
    assert "x" * 499 + "…" in reader.words
    assert "x" * 500 not in reader.words
    assert len(reader.all("details")) == 1
    assert max(len(text) for text in reader.text) <= 500


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture of noise, which compresses worst, of 4K."""
    path = tmp_path_factory.mktemp("noise") / "noise.jpg"
    Image.effect_noise((4096, 4096), 200).convert("RGB").save(path, "JPEG", quality=95)
    return path


def noisy(images: ImageSet, path: Path, count: int, text: str = "noise") -> ImageSet:
    frames = tuple(Frame(index, f"{index}{text}", path, 4096, 4096, sha256="noise") for index in range(count))
    return replace(reprompted(images, text), frames=frames, expected=count)


@pytest.mark.fault("F108")
@pytest.mark.parametrize(("count", "least"), [(1, 250_000), (4, 100_000), (15, 20_000)])
def test_noisy_pictures_fit_one_megabyte(images: ImageSet, noise: Path, count: int, least: int) -> None:
    """The pictures that compress worst stay below 1,000,000 bytes of JSON; alone, one is sharp."""
    bundle = bundle_of(noisy(images, noise, count))
    assert len(json.dumps(bundle)) < 1_000_000
    assert all(len(image["src"]) > least for image in Reader(bundle["text/html"]).all("img"))


def test_endless_texts_make_the_pictures_give_way(images: ImageSet, noise: Path) -> None:
    """Long hostile prompts, errors and notes below fifteen pictures of noise stay in the budget; all pictures stay."""
    text = "\U0001f600\"&<'" * 900
    endless = replace(noisy(images, noise, 15, text), notes=tuple(f"{number}{text}" for number in range(20)))
    bundle = bundle_of(endless)
    assert len(json.dumps(bundle)) < 1_000_000
    assert all(len(image["src"]) > 15_000 for image in Reader(bundle["text/html"]).all("img"))


def test_fifteen_pictures_landing_one_by_one_stay_light(images: ImageSet, noise: Path) -> None:
    """All updates of a growing set of fifteen send less than 10 MB to the front end."""
    done = noisy(images, noise, 15)
    growing = [replace(done, frames=done.frames[:landed], state="running") for landed in range(16)]
    assert sum(len(json.dumps(bundle_of(one))) for one in (*growing, done)) < 10_000_000


def test_sets_and_frames_display_themselves(images: ImageSet, tmp_path: Path) -> None:
    """A set is HTML, text and, of its pictures, a sheet; a frame is its labelled picture; nothing is a widget."""
    bundle = images._repr_mimebundle_()
    assert bundle == bundle_of(images)
    assert sorted(bundle) == ["image/jpeg", "text/html", "text/plain"]
    alone = images[1]._repr_mimebundle_(include=None, exclude=None)
    for jpeg in (bundle["image/jpeg"], alone["image/jpeg"]):
        assert base64.b64decode(jpeg, validate=True).startswith(b"\xff\xd8\xff")
    assert alone["text/plain"] == f"  2  {Path('seedream-runs', RUN, '02.jpg')}  64x48"
    assert (images._repr_html_(), images[1]._repr_html_()) == (bundle["text/html"], alone["text/html"])
    reader = Reader(alone["text/html"])
    assert [given["alt"] for given in reader.all("img")] == ["season 2"]
    assert reader.words == "Frame 2 · 64 × 48 · original season 2"
    glass = tmp_path / "glass.png"
    Image.new("RGBA", (8, 8), (1, 2, 3, 4)).save(glass)
    assert sorted(Frame(0, "p", glass)._repr_mimebundle_()) == ["image/png", "text/html", "text/plain"]
    waiting = Frame(0, "p")._repr_mimebundle_()
    assert (waiting["text/plain"], Reader(waiting["text/html"]).words) == ("  1  waiting", "waiting Frame 1")
    failed = (Frame(0, "p", error=ContentRefused("no")),)
    refused = replace(images, frames=failed, usage=None, expected=1, outcome="rejected")
    assert "image/jpeg" not in bundle_of(refused)
    assert (plain(refused)[0].partition(" · ")[0], plain(refused)[-1]) == ("0 of 1 image", "nothing billed")
    assert plain(replace(refused, outcome="unknown"))[-1] == "may be billed"
    assert "0 of 1 image, done" in repr(refused)


@pytest.mark.parametrize("count", [1, 4, 15])
def test_the_text_of_a_saved_output_tells_all_in_eight_lines(images: ImageSet, count: int) -> None:
    """Prompt, run, state, every path and the bill; what failed in one line each as far as there is room."""
    run = Path("seedream-runs", RUN)
    frames = tuple(
        replace(images[0], index=index, path=images.folder / f"{index + 1:02}.jpg") for index in range(count)
    )
    made = replace(images, frames=frames, expected=count, usage=None)
    head = ["four seasons", f"run {RUN} · {count} image{'s' * (count > 1)} · doubao-seedream-4-5 · 2048x1536 · 41 s"]
    names = [f"{number:02}.jpg" for number in range(1, count + 1)]
    paths = [f"{number:>3}  {run / name}  64x48" for number, name in enumerate(names, start=1)]
    lines = bundle_of(made)["text/plain"].splitlines()
    together = [f"{run}{os.sep}: {' '.join(names)}"]
    assert lines == [*head, *(paths if count < 15 else together), f"{count} image{'s' * (count > 1)} billed"]
    several = [ImageError("lost"), *(ContentRefused("no", code=f"Code{number}") for number in range(12))]
    failed = (*frames, *(Frame(count + at, "p", error=error) for at, error in enumerate(several)))
    worst = replace(made, frames=failed, notes=("first\nnote", *map(str, range(18))), interrupted=True, expected=40)
    lines = bundle_of(worst)["text/plain"].splitlines()
    assert len(lines) == 8
    assert all(name in "\n".join(lines) for name in names)
    assert f"{count + 1}: ImageError: lost" in lines
    assert "first note (and 18 more notes)" in lines
    assert re.search(f"recover {RUN}", lines[-2])
    assert lines[-1] == f"at least {count + 1} images billed"


def test_a_saved_output_holds_no_folder_of_its_author(
    images: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever tells of files: links, copied texts, notes, what failed; in the home folder as elsewhere."""
    own = tmp_path.with_name(f"{tmp_path.name}-author")
    monkeypatch.setenv("HOME", str(own))
    monkeypatch.setenv("USERPROFILE", str(own))
    moved = replace(images[3], path=own / "pictures" / RUN / "04.jpg")
    gone = Frame(4, "p", error=ImageError(f"It lies in {own / 'cache' / '05.jpg'}."))
    told = replace(images, frames=(*images.frames[:3], moved, gone), folder=own / "pictures" / RUN)
    told = told.with_note(f"Put aside: {images.folder / '01.jpg'}")
    outputs = [json.dumps(one._repr_mimebundle_()) for one in (images, told, *told)]
    outputs += [repr(told.frames), *told.attach(ImageError("x")).lines()]
    assert not [text for text in outputs if str(tmp_path) in text]
    assert str(Path("~", "cache", "05.jpg")) in outputs[1]


def test_a_failed_frame_tells_bill_and_advice(images: ImageSet) -> None:
    """Its error's lines below its number, of which nothing steers a terminal; one line of it stands in a set's text."""
    error = OutcomeUnknown("The connection \x1bbroke.\nsecond line", hint="Look first.", request_id="r-1")
    assert Frame(1, "p", error=error)._repr_mimebundle_()["text/plain"].splitlines() == [
        "  2  OutcomeUnknown: The connection \N{REPLACEMENT CHARACTER}broke. second line",
        "     It may be billed: sent once from here, a gateway may have repeated it.",
        "     Look first. (request id r-1)",
    ]
    assert plain(replace(with_failure(images, error), notes=("A note.",), usage=None)) == [
        "3 of 4 images · doubao-seedream-4-5 · 2048x1536 · 41 s",
        f"  1  {images.folder / '01.jpg'}  64x48",
        "  2  OutcomeUnknown: The connection \N{REPLACEMENT CHARACTER}broke.",
        f"  3  {images.folder / '03.jpg'}  64x48",
        f"  4  {images.folder / '04.jpg'}  64x48",
        f"     %seedream retry {images.run_id}",
        "A note.",
        "3 images billed",
    ]


def test_the_card_of_a_failed_frame_has_the_code_once(images: ImageSet) -> None:
    """In the service's own words where they name it, else below what to do."""
    code = "OutputImageSensitiveContentDetected"
    error = ContentRefused("The picture did not pass", code=code)
    for details in ((), (f"The service says: “{code}: no”",)):
        error.details = details
        html = bundle_of(with_failure(images, error))["text/html"]
        assert html.partition("seedream-card")[2].partition("</figure>")[0].count(code) == 1
