"""The text of a cell, read: every option, every near miss, and the help that lists them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedream_magic.api.fields import CHINESE_FLAGS
from seedream_magic.api.make_request import Ask
from seedream_magic.errors import InvalidRequest
from seedream_magic.notebook.cell import Cell, parse_cell
from seedream_magic.notebook.options import OPTIONS, help_text
from seedream_magic.words.clip import text_width

CHINESE = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
FOX = Ask("a fox")


def refusal_of(line: str, body: str = "a fox") -> str:
    with pytest.raises(InvalidRequest) as caught:
        parse_cell(line, body)
    assert len(caught.value.lines()) == 1
    return str(caught.value)


@pytest.mark.parametrize(
    ("values", "lines"),
    [
        ({}, ("", " \t\u3000")),
        ({"images": 4}, ("-n 4", "-n4", "--images 4", "--images=4", "-n 3 -n 4")),  # as in a shell, the last one holds
        ({"images": 4}, ("－n ４", "－ｎ　４", "−n 4", "——images ４")),  # as Chinese keyboards type it
        ({"images": 4, "size": "2K"}, ("--张数 4 --尺寸 2K", "——张数＝４ －－尺寸=2K")),
        ({"images": 4, "size": "2K"}, ("--张数：4 --尺寸:2K", "-n:4 --size：2K")),
        ({"watermark": False, "stream": True}, ("--无水印 --逐张",)),
        ({"size": "2K"}, ("-s 2k", "—size 2K", "－－ｓｉｚｅ＝2K")),  # two hyphens that a keyboard made one dash
        ({"size": "2048x1024"}, ("-s 2048×1024", "-s '2048 * 1024'")),
        ({"ratio": "16:9"}, ("-r 16:9", "--ratio １６：９")),
        ({"model": "an id"}, ("--model 'an id'", "-m ' an id '")),
        ({"model": "—x"}, ("-m —x",)),  # no option, so it stays as typed
        ({"stream": False}, ("--no-stream", "——no-stream", "--stream --no-stream")),
        ({"watermark": False}, ("--no-watermark",)),
        ({"response_format": "b64_json"}, ("--response-format B64_JSON",)),
        ({"extra": {"a": '<< b " c'}}, ("""--extra='{"a": "<< b \\" c"}'""",)),
        ({"images": 4, "size": "2K"}, ("-n 4 -s 2K", "  -n　4\u00a0-s\t2K  ")),  # wide blanks part words, too
        ({"model": 'a"b', "size": "2K"}, ("""-m 'a"b' -s "2K" """,)),
        ({"model": "{abort()}$(exit 1)`x`$HOME"}, ("-m '{abort()}$(exit 1)`x`$HOME'",)),  # nothing is evaluated
    ],
)  # fmt: skip
def test_fields_of_the_request(values: dict[str, Any], lines: tuple[str, ...]) -> None:
    """Only what was typed is in the ask, as values that the request takes."""
    for line in lines:
        assert parse_cell(line, "a fox") == Cell(replace(FOX, values=values)), line


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
    ("name", "values", "lines"),
    [
        ("hero", {}, ("hero <<", "hero<<", "  hero  <<  ", "ｈｅｒｏ <<", "hero << --out hero", "--out hero")),
        ("hero", {"images": 4}, ("hero << -n 4", "hero <<-n 4", "hero<< -n 4", "hero<<-n 4", "-n 4 --out hero")),
        ("四季", {"images": 4}, ("四季 << -n 4", "四季　<<　-n　4", "--out 四季 -n 4")),
        ("match", {}, ("match <<",)),  # a word that is a keyword only in its place
    ],
)
def test_names(name: str, values: dict[str, Any], lines: tuple[str, ...]) -> None:
    """With or without blanks around the sign, in any script, as Python reads them."""
    for line in lines:
        assert parse_cell(line, "a fox") == Cell(replace(FOX, values=values), name=name), line


@pytest.mark.parametrize(
    "name", ["4", "4x", "a-b", "a.b", "a[0]", "for", "None", "True", "async", "a,b", "a=b", "x" * 10_000 + "!", "🦊"]
)
@pytest.mark.parametrize("typed", ["{} <<", "{}<<", "--out {}"])
def test_what_is_no_name(name: str, typed: str) -> None:
    """What cannot be assigned to is refused, keywords included, and shown short."""
    text = refusal_of(typed.format(name))
    assert "no name for a variable" in text
    assert len(text) < 150


QUOTE = 'Quote a name with spaces: --ref "'
NONE = "%%seedream? lists them"


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        ("did you mean --size?", ("--sise 2K", "--SIZE 2K", "--sizes=2K", "—sise 2K", "－－sise 2K")),
        ("There is no option —sise:", ("—sise 2K",)),
        ("did you mean --images?", ("--imags 4",)),
        ("did you mean --no-stream?", ("--nostream",)),
        ("did you mean --response-format?", ("--response_format url",)),
        ("did you mean -n?", ("-N 4",)),
        ("%%seedream? shows every option.", ("-h", "——help", "-n 2 --help")),
        (
            "takes no seed; the same cell shows the stored pictures again",
            ("--seed 7", "--seed=7", "——Seed 7", "--随机种子 7"),
        ),
        ("A reference picture is named by --ref", ("--image hero.png", "--img a.png", "--cref a.png")),
        ("--size 4K draws more pixels", ("--quality hd", "--quality=high")),
        ("Write the style into the prompt below", ("--style anime", "--stylize 250", "--风格 水彩")),
        ("The service takes no seed", ("--seed 7",)),
        ("How many are drawn is --images", ("--num 4", "--num-images 2", "--count 3", "--数量 4")),
        ("Width and height are --size", ("--width 1024", "--height 768", "--大小 2K", "--分辨率 2K")),
        ("The service has no such setting", ("--steps 30", "--cfg-scale 7")),
        ("For a shape write --ratio 16:9.", ("-s 16:9", "--size １６：９")),
        ("For a shape write --ratio 1:1.", ("-s 1:1", "-s square", "--size 方形", "-s Square")),
        ("For a shape write --ratio 3:4.", ("-s portrait", "-s 3/4", "-s 竖版")),
        ("--ratio takes W:H: write 1:1 for 'square'.", ("-r square",)),
        ("There is no negative prompt", ("--negative blur", "--negative-prompt blur", "--反向提示词 人")),
        ("Did you mean --ratio, such as --ratio 16:9?", ("--ar 16:9", "--aspect 1:1", "--aspect-ratio 1:1")),
        (NONE, ("--frobnicate", "-x", "--", "--" + "x" * 10_000)),
        ("--watermark takes no value; --no-watermark turns it off", ("--watermark off", "--水印 关")),
        ("--fresh takes no value: leave out", ("--fresh yes", "--重新生成 是")),
        ("'no' belongs to no option", ("--no-watermark -n 2 no",)),
        ("compared with --xy ratio=1:1,16:9 --xy size=2K,4K;", ("--vary ratio=1:1,16:9 size=2K,4K",)),
        ("belongs to no option: the prompt goes on the lines below", ("a fox in snow", "x" * 10_000, "一只狐狸")),
        ("--vary takes no value: the variants stand in the prompt", ("--vary sky=red,blue", "--vary red -n 2")),
        ("Each option needs its own --xy: write --xy ratio=1:1,16:9.", ("--xy size=2K,4K ratio=1:1,16:9",)),
        ("'a fox' belongs", ("a fox --sise 2K", "-n 4 a fox", '"a fox"')),
        (f"'{'a ' * 20}…' belongs to no option", ("a " * 40,)),
        ("'<<'", ("<< -n 4",)),
        ("NAME << comes first: hero << -n 4", ("-n 4 hero <<",)),
        ("NAME << comes first: q << --quiet -n 2", ("--quiet q << -n 2",)),
        ("NAME << comes first: 故事 << -n 2", ("<< 故事 -n 2", "《《 故事 -n 2")),
        ("blanks alone: leave out the comma of 2K,", ("-s 2K, -n 2", "-n 2 -s 2K,")),
        ("blanks alone: leave out the comma of 2K，-n", ("-s 2K，-n 2",)),
        (
            "blanks alone: leave out the comma of --size=2K，--张数：2",
            ("--尺寸：2K，--张数：2", "--尺寸=2K，--张数：2"),
        ),
        ("blanks alone: leave out the comma of ，", ("-s 2K ，--张数 2", "-s 2K ， -n 2")),
        ("An option begins with two dashes: --尺寸 2K", ("尺寸 2K -n 2", "尺寸=2K", "尺寸：2K")),
        ("An option begins with two dashes: --size 2K", ("size 2K", "-n 2 size=2K")),
        ("did you mean --无水印?", ("--不要水印", "--去水印")),
        ("A name is one word: my_set << …", ("my set << -n 2",)),
        ("named twice: hero << and --out other", ("hero << --out other",)),
        (f'{QUOTE}hero image.png";', ("--ref hero image.png",)),
        (f'{QUOTE}my hero image.png";', ("-n 2 -i my hero image.png -s 2K",)),
        ("A quote on the first line is not closed; the prompt goes on the lines below.", ("it's a fox", '-m "a')),
        ("-n/--images needs a value", ("-n", "-n --quiet")),
        ("--size needs a value", ("-s",)),
        ("--images takes 1 to 15", ("-n 0", "-n 16", "-n two", "-n {count}", "-n $count", "-n ''")),
        ("--size takes 1K, 2K, 4K or WIDTHxHEIGHT such as 2048x2048, not '5K'.", ("-s 5K",)),
        ("--ratio goes from 1:16 to 16:1", ("-r 17:1",)),
        ("--extra takes a JSON object in single quotes", ("--extra {seed:7}", '--extra {"seed":7}', "--extra 7")),
        ("--timeout takes seconds above 0", ("--timeout 0", "--timeout -5", "--timeout nan", "--timeout 1e3")),
        ("--no-stream takes no value: leave out 'yes'", ("--stream=yes",)),
        ("--model takes", ("-m ''",)),
        ("--provider takes a name", ("--provider ' '",)),
    ],
)
def test_what_is_refused(words: str, lines: tuple[str, ...]) -> None:
    """One short line that names the fault and the fix."""
    for line in lines:
        text = refusal_of(line)
        assert words in text
        assert len(text) < 200


@pytest.mark.parametrize(
    ("body", "prompt"),
    [
        ("a fox", "a fox"),
        ("\n \n\t\n  a fox  \n\n b\n \n\n", "  a fox  \n\n b"),
        ("\u3000\n狐狸\n\u3000", "狐狸"),
        ("\n \n", ""),
        ("a\r\nb\r\n", "a\r\nb\r"),
        ("--size 2K", "--size 2K"),
        ("it's\n\\---\n'", "it's\n---\n'"),
        ("a\u2028\n", "a\u2028"),
    ],
)
def test_the_body_is_the_prompt(body: str, prompt: str) -> None:
    """Blank lines at its ends go, everything else stays as typed."""
    assert parse_cell("", body).ask.prompt == prompt


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


def test_a_chinese_keyboard_means_what_another_means() -> None:
    """《《, ＜＜ and “ ”: read as plain where nothing else can be meant, and told; ” in a prompt stays."""
    for line in ("四季 《《 -n 4", "四季＜＜-n 4"):
        read = parse_cell(line, "“春”")
        assert len(read.notes) == 1
        assert replace(read, notes=()) == parse_cell("四季 << -n 4", "“春”"), line
    quoted = parse_cell("--参考图 “a b.png”", "x")
    assert quoted.ask.refs == ["a b.png"]
    assert quoted.notes == ("Typed full-width and read as plain: “ ”.",)


def test_every_option_has_a_chinese_name() -> None:
    """That help and Tab know, and that means one option alone."""
    long = [flag for option in OPTIONS for flag in option.all_flags if flag.startswith("--")]
    assert sorted(CHINESE_FLAGS.values()) == sorted(long)
    assert all(name in help_text("zh") for name in CHINESE_FLAGS)


def test_help_lists_every_option() -> None:
    """Each flag, what it means, and its negation, in one language."""
    english, chinese = (help_text(language) for language in ("en", "zh"))
    assert not CHINESE.search(english)
    assert all(text_width(line) <= 60 for line in (english + chinese).splitlines() if line.startswith(" " * 6))
    for option in OPTIONS:
        assert all(flag in text for flag in option.all_flags for text in (english, chinese))
        assert option.meaning.in_language("en") in " ".join(english.split())
        assert "".join(option.meaning.in_language("zh").split()) in "".join(chinese.split())
        assert CHINESE.search(option.meaning.in_language("zh"))


def test_chinese_has_its_own_punctuation() -> None:
    """Beside a Chinese character stands no comma, colon, semicolon, full stop or bracket of half its width."""
    letter, mark = r"[\u4e00-\u9fff]", r"(?:[,:;()!?]|[.](?!\w))"
    words = re.sub(r"--\S+ \S+", "", help_text("zh"))  # an option and its value stand as they are typed
    assert re.findall(rf".{{0,9}}(?:{letter} ?{mark}|{mark} ?{letter}).{{0,9}}", words) == []


def test_the_examples_of_the_help_are_cells() -> None:
    """Every example can be pasted and read."""
    text = help_text("en").partition("Examples")[2] + help_text("zh").partition("示例")[2]
    lines = [line.strip() for line in text.splitlines()]
    examples = [line.removeprefix("%%seedream") for line in lines if line.startswith("%%seedream")]
    cells = [parse_cell(line, "x") for line in examples]
    assert {cell.name for cell in cells} >= {"seasons", "四季"}


@pytest.mark.parametrize("second", ["%%seedream -n 2", "%%seedream", "％％seedream -n 4", "  %%seedream a << -n 2"])
def test_a_doubled_first_line_is_refused(second: str) -> None:
    """A pasted cell below a first line that stood there: it would be drawn, and paid, as words of the prompt."""
    with pytest.raises(InvalidRequest, match="two %%seedream lines"):
        parse_cell("", f"{second}\na fox")
