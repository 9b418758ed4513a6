"""A body parted by lines `---`: one style, a prompt for each frame, and exactly one text that is sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_magic.api.make_request import make_request
from seedream_magic.api.storyboard import Storyboard, escaped, read_prompt
from seedream_magic.errors import InvalidRequest

MODEL = "doubao-seedream-4-5"


def test_the_prompt_is_the_style_and_the_numbered_frames() -> None:
    """The style, an empty line, `1. part`, `2. part`, and nothing else."""
    board = read_prompt("ink wash\n\n---\na fox wakes\n---\n\na fox sleeps,\ncurled up\n")
    assert board == Storyboard("ink wash", ("a fox wakes", "a fox sleeps,\ncurled up"))
    assert isinstance(board, Storyboard)
    assert board.prompt == "ink wash\n\n1. a fox wakes\n2. a fox sleeps,\ncurled up"


def test_a_storyboard_may_have_no_style() -> None:
    """A body that begins with the line has frames only."""
    board = read_prompt("---\n春\n---\n夏")
    assert isinstance(board, Storyboard)
    assert board.prompt == "1. 春\n2. 夏"


@pytest.mark.parametrize("line", ["\\---", "\\---  "])
def test_an_escaped_line_parts_nothing(line: str) -> None:
    r"""`\---` stands for the line itself."""
    assert read_prompt(f"a\n{line}\nb") == f"a\n{line[1:]}\nb"


@pytest.mark.parametrize("line", ["--- no", "----", "——-", " ---", "- - -"])
def test_only_the_line_itself_parts(line: str) -> None:
    """More dashes, words or an indent make it a line of the prompt."""
    assert read_prompt(f"a\n{line}\nb") == f"a\n{line}\nb"


@pytest.mark.parametrize(("body", "number"), [("a\n---\n", 1), ("a\n---\nb\n---\n \n---\nc", 2)])
def test_a_frame_without_words_is_refused(body: str, number: int) -> None:
    """Which frame it is stands in the sentence."""
    with pytest.raises(InvalidRequest, match=f"Frame {number} "):
        read_prompt(body)


@given(st.lists(st.text(alphabet="a-\\ \t\n{", max_size=12), min_size=1, max_size=4))
def test_what_is_typed_is_read_again(parts: list[str]) -> None:
    """Text and storyboards come back from the way they are typed."""
    trimmed = ["\n".join(part.strip("\n").split("\n")).strip() or "x" for part in parts]
    board = Storyboard(trimmed[0], tuple(trimmed[1:]))
    assert read_prompt(board.text if board.frames else escaped(trimmed[0])) == (board if board.frames else trimmed[0])


def test_the_number_of_images_follows() -> None:
    """Six frames are a set of six; one frame is one image; each frame has its own words."""
    request, _ = make_request(Storyboard("ink", ("a", "b", "c")), model=MODEL)
    assert (request.sequential_image_generation, request.max_images) == ("auto", 3)
    assert [request.prompt_of(index) for index in range(3)] == ["a", "b", "c"]
    single, _ = make_request(Storyboard("ink", ("a",)), model=MODEL)
    assert (single.sequential_image_generation, single.max_images) == ("disabled", None)


@pytest.mark.parametrize(("frames", "images", "words"), [(2, 3, "leave --images out"), (16, None, "1 to 15")])
def test_a_number_that_does_not_fit_is_refused(frames: int, images: int | None, words: str) -> None:
    """Another --images than the frames say, and more frames than a request can bring."""
    with pytest.raises(InvalidRequest, match=words):
        make_request(Storyboard("", ("x",) * frames), model=MODEL, images=images)


@pytest.mark.parametrize("line", ["---", "———", "——", "－－－", "―― ", "––"])
def test_a_line_of_dashes_as_chinese_keyboards_type_it_parts_a_storyboard(line: str) -> None:
    """It would be drawn as one picture and paid; a backslash before it makes it words, as before `---`."""
    board = read_prompt(f"水彩\n{line}\n狐狸")
    assert isinstance(board, Storyboard)
    assert board.frames == ("狐狸",)
    assert read_prompt(f"水彩\n\\{line}\n狐狸") == f"水彩\n{line}\n狐狸"
