"""A body parted by lines `---`: one style, a prompt for each frame, and exactly one text that is sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from requesting import made, refusal_of
from seedream_magic.api.storyboard import Storyboard, escape, read_prompt
from seedream_magic.errors import InvalidRequest


@pytest.mark.parametrize(
    ("body", "board", "prompt"),
    [
        (
            "ink wash\n\n---\na fox wakes\n---\n\na fox sleeps,\ncurled up\n",
            Storyboard("ink wash", ("a fox wakes", "a fox sleeps,\ncurled up")),
            "ink wash\n\n1. a fox wakes\n2. a fox sleeps,\ncurled up",
        ),
        ("---\n春\n---\n夏", Storyboard("", ("春", "夏")), "1. 春\n2. 夏"),
    ],
)
def test_the_prompt_is_the_style_and_the_numbered_frames(body: str, board: Storyboard, prompt: str) -> None:
    """The style, if there is one, an empty line, `1. part`, `2. part`, and nothing else."""
    assert read_prompt(body) == board
    assert board.prompt == prompt


@pytest.mark.parametrize("line", ["---  ", "———", "——", "－－－", "–– "])
def test_a_line_of_dashes_parts_a_storyboard(line: str) -> None:
    """Also as Chinese keyboards type it: it would be drawn and paid. A backslash or more makes it words."""
    assert read_prompt(f"水彩\n{line}\n狐狸") == Storyboard("水彩", ("狐狸",))
    assert read_prompt(f"水彩\n\\{line}\n狐狸") == f"水彩\n{line}\n狐狸"
    for words in ("--- no", "----", "——-", " ---", "- - -"):
        assert read_prompt(f"a\n{words}\nb") == f"a\n{words}\nb"


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
    assert read_prompt(board.text if board.frames else escape(trimmed[0])) == (board if board.frames else trimmed[0])


def test_the_number_of_images_follows() -> None:
    """As many as there are frames, each with its own words; another number, and more than 15, are refused."""
    request = made(Storyboard("ink", ("a", "b", "c")))
    assert (request.sequential_image_generation, request.max_images) == ("auto", 3)
    assert [request.prompt_of(index) for index in range(3)] == ["a", "b", "c"]
    single = made(Storyboard("ink", ("a",)))
    assert (single.sequential_image_generation, single.max_images) == ("disabled", None)
    assert "leave --images out" in refusal_of(Storyboard("", ("x", "x")), images=3)
    assert "1 to 15" in refusal_of(Storyboard("", ("x",) * 16))
