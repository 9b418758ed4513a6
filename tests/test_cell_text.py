"""A request as a cell, and the cell read again: the same request."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, reject
from hypothesis import settings as effort
from hypothesis import strategies as st
from PIL import Image

from seedream_magic import Seedream, Storyboard
from seedream_magic.api.models import KNOWN_IDS
from seedream_magic.api.request import ImageRequest
from seedream_magic.api.values import trim_blank_lines
from seedream_magic.errors import InvalidRequest
from seedream_magic.notebook.cell import parse_cell
from seedream_magic.planning import plan_ask

LINK = "https://example.com/a%20b.jpg"
AUTO = {"sequential_image_generation": "auto"}
PRO = "doubao-seedream-5-0-pro-260628"
_WORDS = st.sampled_from(["---", "\\---", "--- ", "{name}", "{{x}}", "'", '"', "\\", "四季", "é", "\u3000", "--fresh"])
_LINES = st.lists(st.one_of(_WORDS, st.text(st.characters(codec="utf-8", exclude_characters="\n"))), max_size=4)


def _trimmed(lines: list[str]) -> str:
    return trim_blank_lines("\n".join(lines))


TEXTS = _LINES.map(_trimmed)
"""A cell cannot say blank lines at the ends of a prompt, and the panel drops them as well."""
PROMPTS = TEXTS.filter(lambda text: bool(text.strip()))
BOARDS = st.builds(Storyboard, TEXTS, st.lists(PROMPTS, min_size=1, max_size=15).map(tuple))
_FIELDS = st.sampled_from(["seed", "guidance_scale", "用户"])
_TAKEN_OUT = st.sampled_from(["response_format", "size", "watermark", "stream", "sequential_image_generation"])
_EXTRA = st.builds(
    lambda given, taken_out: given | dict.fromkeys(taken_out),
    st.dictionaries(_FIELDS, st.one_of(st.integers(), st.text(), st.none())),
    st.just(()) | st.sets(_TAKEN_OUT),
)
OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    "images": st.one_of(st.integers(1, 15), st.just("auto")),
    "size": st.one_of(st.sampled_from(["1K", "1.5K", "2K", "3K", "4K"]), st.just("2848x1600"), st.just("3000X2000")),
    "ratio": st.sampled_from(["1:1", "16:9", "9:16", "5:4"]),
    "model": st.one_of(st.sampled_from(KNOWN_IDS), st.just("ep-20261122-abc"), st.just("my model's 名")),
    "stream": st.booleans(),
    "watermark": st.booleans(),
    "response_format": st.sampled_from(["url", "b64_json"]),
    "output_format": st.sampled_from(["jpeg", "png"]),
    "background": st.sampled_from(["opaque", "transparent"]),
    "web_search": st.booleans(),
    "optimize_prompt": st.sampled_from(["standard", "fast"]),
    "extra": _EXTRA,
    "refs": st.lists(st.sampled_from(["https://example.com/a'b.jpg?x=1&y=2", "https://例.com/$HOME.png"]), max_size=3),
}
SETTINGS = {name: OPTIONS[name] for name in ("images", "model", "size", "stream", "watermark", "response_format")}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Seedream:
    """A client with an empty store; plans need no network."""
    return Seedream("anyfast", store=tmp_path_factory.mktemp("runs"))


def read_again(client: Seedream, cell: str, settings: dict[str, Any]) -> ImageRequest:
    """The request of a cell in a notebook with these settings."""
    line, _, body = cell.partition("\n")
    return plan_ask(client, parse_cell(line.removeprefix("%%seedream"), body + "\n").ask.beside(settings)).request


@effort(max_examples=120, deadline=None)
@given(
    prompt=PROMPTS | BOARDS,
    options=st.fixed_dictionaries({}, optional=OPTIONS),
    settings=st.just({}) | st.fixed_dictionaries({}, optional=SETTINGS),
)
@example("x", {"extra": {"sequential_image_generation": None}}, {"images": 4})
@example("x", {"extra": {**AUTO, "sequential_image_generation_options": {"max_images": 3, "x": 1}}}, {})
def test_the_cell_of_a_request_makes_it_again(
    client: Seedream, prompt: str | Storyboard, options: dict[str, Any], settings: dict[str, Any]
) -> None:
    """Whatever the request asks for and its prompt holds, beside any settings of the notebook."""
    if isinstance(prompt, Storyboard):
        options.pop("images", None)
    try:
        plan = client.plan(prompt, **options)
    except InvalidRequest:
        reject()
    assert read_again(client, plan.cell(settings), settings) == plan.request


@pytest.mark.parametrize(
    ("prompt", "options", "settings", "cell"),
    [
        ("a village", {}, {}, "%%seedream\na village"),
        ("a village", {"images": 4, "size": "4K"}, {"images": 4}, "%%seedream -s 4K\na village"),
        ("{season}", {}, {}, "%%seedream --raw\n{season}"),
        ("%seedream help", {}, {}, "%%seedream --raw\n%seedream help"),
        ("a fox -n 4", {}, {}, "%%seedream --raw\na fox -n 4"),
        (Storyboard("flat", ("spring", "---")), {}, {}, "%%seedream\nflat\n---\nspring\n---\n\\---"),
        (
            "x",
            {"refs": f"{LINK}a%20b.jpg"},
            {"provider": "demo"},
            f"%%seedream --ref {LINK}a%20b.jpg --provider anyfast\nx",
        ),
    ],
)
def test_a_cell_holds_nothing_that_goes_without_saying(
    client: Seedream, prompt: str | Storyboard, options: dict[str, Any], settings: dict[str, Any], cell: str
) -> None:
    """What the settings say is not said again; braces that were sent are text; references stand as they were typed."""
    assert client.plan(prompt, **options).cell(settings) == cell


def test_a_picture_in_memory_is_named_by_its_file_in_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a run has kept it; before that the cell says that no file holds it, and is refused with these words."""
    monkeypatch.chdir(tmp_path)
    seedream = Seedream("demo", store="runs")
    plan = replace(seedream.plan("x", refs=[picture_bytes()]), references=tmp_path / "runs/references")
    unkept = "# a bytes object, which no file holds: save it and name the file here"
    assert plan.cell({"provider": "demo"}) == f"%%seedream --ref '{unkept}'\nx"
    with pytest.raises(InvalidRequest, match="There is no file # a bytes object"):
        read_again(seedream, plan.cell(), {})
    kept = Path("runs/references", plan.request.references[0].file)
    kept.parent.mkdir(parents=True)
    kept.write_bytes(picture_bytes())
    assert plan.cell({"provider": "demo"}) == f"%%seedream --ref {kept}\nx"
    assert read_again(seedream, plan.cell(), {}).body == plan.body
    kept.write_bytes(b"damaged")
    assert unkept in plan.cell()


def test_a_file_that_is_another_by_now_is_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store still has what was sent; without it a file that was scaled down is typed with --fit."""
    monkeypatch.chdir(tmp_path)
    seedream, typed = Seedream("demo"), Path("hero.jpg")
    typed.write_bytes(picture_bytes((6200, 6200)))
    plan = seedream.plan("x", refs="hero.jpg", fit=True)
    assert plan.cell({"provider": "demo"}) == "%%seedream --ref hero.jpg --fit\nx"
    assert read_again(seedream, plan.cell(), {}).body == plan.body
    reference = plan.request.references[0]
    (tmp_path / reference.file).write_bytes(reference.data)
    assert f"seedream --ref {reference.file} --p" in replace(plan, references=tmp_path).cell()
    typed.unlink()
    assert "--ref '# hero.jpg, which no file holds" in plan.cell()


def test_what_the_limits_refuse_is_asked_for_with_no_check(client: Seedream) -> None:
    """So that the cell makes the request again, which it would refuse else; a stream that a model does not know too."""
    for options in ({"size": "100x100"}, {"model": PRO, "images": 3}, {"model": PRO, "stream": False}):
        plan = client.plan("x", check=False, **options)
        assert "--no-check" in plan.cell()
        assert read_again(client, plan.cell(), {}) == plan.request
    assert "--no-check" not in client.plan("x", model=PRO).cell()


def picture_bytes(size: tuple[int, int] = (64, 48)) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", size, 90).save(buffer, "JPEG")
    return buffer.getvalue()
