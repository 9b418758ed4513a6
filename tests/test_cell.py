"""The text of a cell, read: every option, every near miss, and the help that lists them."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedream_magic.api.make_request import Ask, make_request
from seedream_magic.errors import InvalidRequest
from seedream_magic.notebook.cell import Cell, parse_cell
from seedream_magic.notebook.options import COLUMNS, OPTIONS, help_text

CHINESE = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
FOX = Ask("a fox")


def refusal_of(line: str, body: str = "a fox") -> str:
    with pytest.raises(InvalidRequest) as caught:
        parse_cell(line, body)
    assert len(caught.value.lines()) == 1
    return str(caught.value)


def test_the_seeds_body_from_a_cell() -> None:
    """The documented example, typed as a cell, sends the same keys and values in the same order, and nothing else."""
    prompt = "Generate a set of illustrations showing four seasons"
    cell = parse_cell("-n auto -s 2K --no-stream --no-watermark", f"{prompt}\n")
    request, warnings = make_request(cell.ask, model="doubao-seedream-4-5")
    assert list(request.body.items()) == [
        ("model", "doubao-seedream-4-5"),
        ("prompt", prompt),
        ("size", "2K"),
        ("sequential_image_generation", "auto"),
        ("stream", False),
        ("response_format", "url"),
        ("watermark", False),
    ]
    assert warnings == ()


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("", {}),
        ("-n 4", {"images": 4}),
        ("-n4", {"images": 4}),
        ("--images 4", {"images": 4}),
        ("--images=4", {"images": 4}),
        ("-n １５", {"images": 15}),
        ("－n ４", {"images": 4}),
        ("－ｎ　４", {"images": 4}),
        ("−n 4", {"images": 4}),
        ("——images ４", {"images": 4}),
        ("—size 2K", {"size": "2K"}),  # two hyphens that a keyboard made one dash
        ("－－ｓｉｚｅ＝2K", {"size": "2K"}),
        ("——no-stream", {"stream": False}),
        ("-m —x", {"model": "—x"}),  # no option, so it stays as typed
        ("-n auto", {"images": "auto"}),
        ("-n 1", {"images": 1}),
        ("-m ep-20260101-abcde", {"model": "ep-20260101-abcde"}),
        ("--model 'an id'", {"model": "an id"}),
        ("-s 2k", {"size": "2K"}),
        ("--size=１.５K", {"size": "1.5K"}),
        ("-s 2048×1024", {"size": "2048x1024"}),
        ("-s '2048 * 1024'", {"size": "2048x1024"}),
        ("-r 16:9", {"ratio": "16:9"}),
        ("--ratio １６：９", {"ratio": "16:9"}),
        ("--stream", {"stream": True}),
        ("--no-stream", {"stream": False}),
        ("--watermark", {"watermark": True}),
        ("--no-watermark", {"watermark": False}),
        ("--response-format b64_json", {"response_format": "b64_json"}),
        ("--response-format URL", {"response_format": "url"}),
        ("""--extra '{"seed": 7}'""", {"extra": {"seed": 7}}),
        ("""--extra='{"a": "<< b \\" c"}'""", {"extra": {"a": '<< b " c'}}),
        ("-n 4 -s 2K", {"images": 4, "size": "2K"}),
        ("  -n　4\u00a0-s\t2K  ", {"images": 4, "size": "2K"}),  # full-width and unbreakable blanks part words
        ("-n 4 -n 5", {"images": 5}),  # as in a shell, the last one holds
        ("--stream --no-stream", {"stream": False}),
        ("""-m 'a"b' -s "2K" """, {"model": 'a"b', "size": "2K"}),
        ("-m # -n 2", {"model": "#", "images": 2}),  # there are no comments on the line
    ],
)
def test_fields_of_the_request(line: str, values: dict[str, Any]) -> None:
    """Only what was typed is in the ask, as values that the request takes."""
    assert parse_cell(line, "a fox") == Cell(replace(FOX, values=values))


@pytest.mark.parametrize(
    ("line", "cell"),
    [
        ("--no-check", Cell(replace(FOX, check=False))),
        ("--timeout ９０.５", Cell(replace(FOX, timeout=90.5))),
        ("--fresh --take ２ --fit", Cell(replace(FOX, fresh=True, take=2, fit=True))),
        ("-i a.png --ref 'b c.png'", Cell(replace(FOX, refs=["a.png", "b c.png"]))),
        ("--dry-run --quiet --raw --bg", Cell(FOX, dry_run=True, quiet=True, raw=True, bg=True)),
        ("--provider demo", Cell(FOX, provider="demo")),
        ("--show Carousel", Cell(FOX, show="carousel")),
        ("--out hero", Cell(FOX, name="hero")),
    ],
)
def test_options_that_are_no_fields(line: str, cell: Cell) -> None:
    """They say how to plan and how to run, and stay out of the values."""
    assert parse_cell(line, "a fox") == cell


@pytest.mark.parametrize(
    ("line", "name", "values"),
    [
        ("hero <<", "hero", {}),
        ("hero<<", "hero", {}),
        ("  hero  <<  ", "hero", {}),
        ("hero << -n 4", "hero", {"images": 4}),
        ("hero <<-n 4", "hero", {"images": 4}),
        ("hero<< -n 4", "hero", {"images": 4}),
        ("hero<<-n 4", "hero", {"images": 4}),
        ("四季 << -n 4", "四季", {"images": 4}),
        ("四季　<<　-n　4", "四季", {"images": 4}),
        ("ｈｅｒｏ <<", "hero", {}),  # Python reads the name so, too
        ("_x1 <<", "_x1", {}),
        ("match <<", "match", {}),  # a word that is a keyword only in its place
        ("hero << --out hero", "hero", {}),
        ("--out 四季", "四季", {}),
    ],
)
def test_names(line: str, name: str, values: dict[str, Any]) -> None:
    """With or without blanks around the sign, in any script."""
    assert parse_cell(line, "a fox") == Cell(replace(FOX, values=values), name=name)


@pytest.mark.parametrize(
    "name", ["4", "4x", "a-b", "a.b", "a[0]", "for", "None", "True", "async", "a,b", "a=b", "x" * 10_000 + "!", "🦊"]
)
@pytest.mark.parametrize("typed", ["{} <<", "{}<<", "--out {}"])
def test_what_is_no_name(name: str, typed: str) -> None:
    """What cannot be assigned to is refused, keywords included, and shown short."""
    text = refusal_of(typed.format(name))
    assert "no name for a variable" in text
    assert len(text) < 150


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--sise 2K", ["--sise", "did you mean --size?"]),
        ("--image 4", ["did you mean --images?"]),
        ("--water", ["did you mean --watermark?"]),
        ("--nowatermark", ["did you mean --no-watermark?"]),
        ("--nostream", ["did you mean --no-stream?"]),
        ("--check", ["did you mean --no-check?"]),
        ("--dryrun", ["did you mean --dry-run?"]),
        ("--response_format url", ["did you mean --response-format?"]),
        ("--SIZE 2K", ["did you mean --size?"]),
        ("--sizes=2K", ["did you mean --size?"]),
        ("-N 4", ["did you mean -n?"]),
        ("—sise 2K", ["—sise", "did you mean --size?"]),
        ("－－sise 2K", ["did you mean --size?"]),
        ("－ｎ4", ["There is no option －ｎ4"]),
        ("-h", ["%%seedream? shows every option."]),
        ("——help", ["%%seedream? shows every option."]),
        ("-n 2 --help", ["%%seedream? shows every option."]),
        ("--seed 7", ["There is no option --seed.", "shows the stored pictures again, unbilled"]),
        ("--seed=7", ["There is no option --seed=7.", "takes no seed"]),
        ("——Seed 7", ["takes no seed"]),
        ("--negative-prompt blur", ["There is no negative prompt"]),
        ("--ar 16:9", ["Did you mean --ratio, such as --ratio 16:9?"]),
        ("--frobnicate", ["--frobnicate", "%%seedream? lists them"]),
        ("-x", ["-x", "%%seedream? lists them"]),
        ("--", ["%%seedream? lists them"]),
        ("--watermark off", ["--watermark takes no value; --no-watermark turns it off"]),
        ("--no-watermark -n 2 no", ["'no' belongs to no option"]),
        ("a fox in snow", ["'a fox in snow' belongs to no option", "the prompt goes on the lines below"]),
        ("a fox -n 4 in snow", ["'a fox in snow'", "the prompt goes on the lines below"]),
        ("a fox --sise 2K", ["'a fox'", "the prompt goes on the lines below"]),
        ("'' fox", ["' fox' belongs to no option"]),
        ("a " * 40, [f"'{'a ' * 20}…' belongs to no option"]),
        ("-n 4 a fox", ["'a fox'", "the prompt goes on the lines below"]),
        ("一只狐狸", ["'一只狐狸'", "the prompt goes on the lines below"]),
        ('"a fox"', ["'a fox'", "the prompt goes on the lines below"]),
        ("<< -n 4", ["'<<'"]),
        ("hero <<< -n 4", ["'<'"]),
        ("-n 4 hero <<", ["NAME << comes first: hero << -n 4"]),
        ("--quiet q << -n 2", ["NAME << comes first: q << --quiet -n 2"]),
        ("--quiet q<<", ["NAME << comes first: q << --quiet"]),
        ("--quiet 4 <<", ["'4 <<'", "belongs to no option"]),
        ("my set << -n 2", ["A name is one word: my_set << …"]),
        ("我的 四季<<-n 2", ["A name is one word: 我的_四季 << …"]),
        ("--ref hero image.png", ['Quote a name with spaces: --ref "hero image.png";']),
        ("-n 2 -i my hero image.png -s 2K", ['Quote a name with spaces: --ref "my hero image.png";']),
        ("--ref hero.png -n 2 image.png", ["'image.png' belongs to no option"]),
        ("x" * 10_000, ["belongs to no option"]),
        ("--" + "x" * 10_000, ["%%seedream? lists them"]),
        ("it's a fox", ["quote", "not closed", "lines below"]),
        ('-m "a', ["quote", "not closed"]),
        ("-n", ["-n/--images", "needs a value"]),
        ("-n --quiet", ["-n/--images", "needs a value"]),
        ("-s", ["--size", "needs a value"]),
        ("--out", ["--out", "needs a value"]),
        ("-n 0", ["--images", "1 to 15", "'0'"]),
        ("-n 16", ["--images", "1 to 15"]),
        ("-n two", ["'two'"]),
        ("-n {count}", ["'{count}'"]),
        ("-n $count", ["'$count'"]),
        ("-n ''", ["--images"]),
        ("-s 5K", ["--size", "'5K'", "2048x2048"]),
        ("-s 2048", ["--size"]),
        ("-r 17:1", ["--ratio", "1:16 to 16:1"]),
        ("-r wide", ["--ratio", "16:9"]),
        ("--response-format png", ["url or b64_json"]),
        ("--extra {seed:7}", ["--extra", "single quotes"]),
        ('--extra {"seed":7}', ["--extra", "single quotes"]),  # the shell's rules take the quotes away
        ("--extra 7", ["--extra", "single quotes"]),
        ("--timeout 0", ["--timeout", "above 0"]),
        ("--timeout -5", ["--timeout", "above 0"]),
        ("--timeout nan", ["--timeout"]),
        ("--timeout inf", ["--timeout"]),
        ("--timeout 1e3", ["--timeout"]),
        ("--show list", ["carousel or grid"]),
        ("--stream=yes", ["--stream", "takes no value", "'yes'"]),
        ("--dry-run=1", ["--dry-run", "takes no value"]),
        ("-m ''", ["--model"]),
        ("--provider ' '", ["--provider"]),
        ("hero << --out other", ["named twice: hero << and --out other"]),
    ],
)
def test_what_is_refused(line: str, words: list[str]) -> None:
    """One short line that names the fault and the fix."""
    text = refusal_of(line)
    assert [word for word in words if word not in text] == []
    assert len(text) < 200


@pytest.mark.parametrize(
    "line",
    [
        """--extra '{"size": "4K", "model": "b"}'""",
        """-n 4 --extra '{"response_format": null, "stream": null}'""",
        """--timeout 5 --extra '{"timeout": 5}'""",
    ],
)
def test_an_extra_field_that_no_option_sets(line: str) -> None:
    """Fields of the body may be given as extra ones; of two for one field, test_fields tells."""
    assert "extra" in parse_cell(line, "a fox").ask.values


@pytest.mark.parametrize(
    ("body", "prompt"),
    [
        ("a fox", "a fox"),
        ("a fox\n", "a fox"),
        ("\n \n\t\n  a fox  \n\n b\n \n\n", "  a fox  \n\n b"),
        ("\u3000\n狐狸\n\u3000", "狐狸"),
        ("", ""),
        ("\n \n", ""),
        ("a\r\nb\r\n", "a\r\nb\r"),
        ("--size 2K", "--size 2K"),
        ("hero << -n 4", "hero << -n 4"),
        ("it's\n\\---\n'", "it's\n---\n'"),
        ("{x}", "{x}"),
        ("a" * 10_000, "a" * 10_000),
        ("a\u2028\n", "a\u2028"),
    ],
)
def test_the_body_is_the_prompt(body: str, prompt: str) -> None:
    """Blank lines at its ends go, everything else stays as typed."""
    assert parse_cell("", body).ask.prompt == prompt


@pytest.mark.skipif(os.name == "nt", reason="on Windows a backslash is part of a path")
def test_backslashes() -> None:
    """As in a shell they keep the next character from parting words."""
    assert parse_cell(r"-m a\ b", "x").ask.values == {"model": "a b"}


def test_nothing_is_evaluated() -> None:
    """Neither braces nor shell variables nor Python on the first line are looked at."""
    model = '{__import__("os").abort()}$(exit 1)`x`$HOME'
    assert parse_cell(f"-m '{model}'", "x").ask.values == {"model": model}


WORDS = st.sampled_from(
    ["-n", "4", "auto", "-s", "2K", "2048×2048", "--size=", "-r", "16:9", "--stream", "--no-stream", "--extra",
     "'{\"a\": 1}'", "<<", "hero", "hero<<", "四季", "'", '"', "\\", "--", "-", "\u3000", "$x", "{x}", "--out",
     "--timeout", "９", "—n", "=", "\ud800"]
)  # fmt: skip


@given(words=st.lists(WORDS | st.text(max_size=4), max_size=8), joined=st.sampled_from([" ", ""]))
@settings(max_examples=250, deadline=None)
def test_any_line(words: list[str], joined: str) -> None:
    """A cell that was read, or `InvalidRequest`; nothing else escapes."""
    try:
        cell = parse_cell(joined.join(words), "a fox")
    except InvalidRequest:
        return
    assert cell.ask.prompt == "a fox"
    assert cell.name is None or cell.name.isidentifier()


def test_help_lists_every_option() -> None:
    """Each flag, what it means in English and in Chinese, and its negation."""
    text, unbroken = help_text(), " ".join(help_text().split())
    for option in OPTIONS:
        assert all(flag in text for flag in option.all_flags)
        assert option.english in unbroken
        assert option.chinese in text
        assert CHINESE.search(option.chinese)


def test_no_line_of_the_help_is_broken_in_a_narrow_notebook() -> None:
    """Each fits, though a Chinese character takes two columns."""
    wide = [line for line in help_text().splitlines() if len(line) + len(CHINESE.findall(line)) > COLUMNS]
    assert wide == []


def test_chinese_has_its_own_punctuation() -> None:
    """Beside a Chinese character stands no comma, colon, semicolon, full stop or bracket of half its width."""
    letter, mark = r"[\u4e00-\u9fff]", r"[,:;.()!?]"
    assert re.findall(rf".{{0,9}}(?:{letter} ?{mark}|{mark} ?{letter}).{{0,9}}", help_text()) == []


def test_the_examples_of_the_help_are_cells() -> None:
    """Every example can be pasted and read."""
    lines = [line.strip() for line in help_text().partition("Examples")[2].splitlines()]
    examples = [line.removeprefix("%%seedream") for line in lines if line.startswith("%%seedream")]
    cells = [parse_cell(line, "x") for line in examples]
    assert {cell.name for cell in cells} >= {"seasons", "四季"}


@pytest.mark.parametrize("second", ["%%seedream -n 2", "%%seedream", "％％seedream -n 4", "  %%seedream a << -n 2"])
def test_a_doubled_first_line_is_refused(second: str) -> None:
    """A pasted cell below a first line that stood there: it would be drawn, and paid, as words of the prompt."""
    with pytest.raises(InvalidRequest, match="two %%seedream lines"):
        parse_cell("", f"{second}\na fox")
