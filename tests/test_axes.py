"""What a sweep asks for: groups in the prompt, rows of a table, options and takes, crossed. Nothing is sent here."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections import UserDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_magic import InvalidRequest, Storyboard
from seedream_magic.api.make_request import Ask, make_request
from seedream_magic.rows import read_rows
from seedream_magic.sweep.axes import Axis, Place, check_places, cross
from seedream_magic.sweep.make_axes import names_of, option_axis, read_groups, rows_axis, takes_axis, words_axis


def places(prompt: str | Storyboard, *axes: Axis, **options: Any) -> tuple[Place, ...]:
    """The places of a body with groups, as a cell with --vary has them."""
    marked, groups = read_groups(prompt)
    variables = options.pop("variables", {})
    return cross(Ask(marked, options.pop("values", {})), (*groups, *axes), variables=variables, **options)


def prompts(found: Sequence[Place]) -> list[Any]:
    return [place.ask and place.ask.prompt for place in found]


def of_rows(prompt: str, table: object, name: str = "", **variables: Any) -> tuple[Place, ...]:
    marked, groups = read_groups(prompt)
    axis = rows_axis(name or "each", read_rows(table, name), names_of(marked, groups), variables)
    return cross(Ask(marked), (*groups, axis), variables=variables)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("a {red|blue} kite", ["a red kite", "a blue kite"]),
        ("{ 红 | 蓝 }风筝", ["红风筝", "蓝风筝"]),
        (r"｛红｜蓝｝风筝，｛大｝\｛小｜", ["红风筝，｛大｝｛小｜", "蓝风筝，｛大｝｛小｜"]),
        ("{a|b} and {c|d}", ["a and c", "a and d", "b and c", "b and d"]),
        ("{a|b}, {a|b} again", ["a, a again", "b, b again"]),
        ("a kite{|, at night}", ["a kite", "a kite, at night"]),
        ("{one line|two\nlines}", ["one line", "two\nlines"]),
        (r"{a\|b|c} \{x|y\} {\{z\}|w}", ["a|b {x|y} {z}", "a|b {x|y} w", "c {x|y} {z}", "c {x|y} w"]),
        ('{"colour": {red|blue}}', ['{"colour": red}', '{"colour": blue}']),
        ("} open { and {a|b} |", ["} open { and a |", "} open { and b |"]),
        ("{hero} with {a {hat}|nothing}", ["Ann with a cap", "Ann with nothing"]),
        ("{{hero}|{{hero}}} and {{hero}}", ["Ann and {hero}", "{hero} and {hero}"]),
        (r"\{hero} is {a|b}", ["{hero} is a", "{hero} is b"]),
    ],
)
def test_each_group_is_an_axis(body: str, expected: list[str]) -> None:
    """Variants are crossed, the first group slowest; other braces, variables and escaped signs are what they were."""
    assert prompts(places(body, variables={"hero": "Ann", "hat": "cap"})) == expected


@given(st.text("ab|{}\\- \n", max_size=40))
def test_no_body_breaks_the_groups(body: str) -> None:
    """Whatever is typed is read, or refused in words; without a group it stays as it is, but for escapes."""
    try:
        marked, groups = read_groups(body)
    except InvalidRequest:
        return
    assert math.prod(map(len, groups)) >= 1
    if not groups and "\\" not in body:
        assert marked == body


def test_a_group_in_a_storyboard_is_one_axis_wherever_it_stands() -> None:
    """Style and frames of one run have the same variant."""
    board = Storyboard("{ink|oil}", ("a fox in {ink|oil}", "it sleeps"))
    found = [place.ask.prompt for place in places(board) if place.ask]
    assert found == [Storyboard(word, (f"a fox in {word}", "it sleeps")) for word in ("ink", "oil")]


def test_labels_and_holes() -> None:
    """A label is the variant itself; a `-` is a hole: it has a place and nothing is asked for there."""
    found = places("a {red|-|} kite", option_axis("size", ["2K", "-"]))
    assert [place.labels for place in found if place.ask] == [("red", "2K"), ("(none)", "2K")]
    assert [place.labels for place in found if not place.ask] == [
        ("red", "-"),
        ("-", "2K"),
        ("-", "-"),
        ("(none)", "-"),
    ]
    with pytest.raises(InvalidRequest, match="nothing to draw"):
        places("a {-|-} kite")


def test_groups_that_are_told_of() -> None:
    """The same one twice, which is one axis, and a variant that is empty; others are not."""
    _, (colour, time) = read_groups("a {red|blue} kite and a {red|blue} boat{|, at night}")
    assert colour.notes == ("{red|blue} stands in 2 places and is one axis: all of them have the same variant.",)
    assert time.notes == ("One variant of {|, at night} is empty: (none).",)
    assert [axis.notes for axis in read_groups("{a|b} {c|d}")[1]] == [(), ()]
    assert words_axis("colour", ["red", ""]).notes == ("One variant of {colour} is empty: (none).",)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("a {red|red} kite", "'red' is given twice"),
        ("a kite{|}", "an empty value is given twice"),
        ("{a|{b|c}}", "stands in another one: {a|{b|c}}"),
        ("a {red|blue kite over {the sea|a city}", "is not closed: {red|blue kite over {the sea|a city}"),
        ("a {red|blue kite", "is not closed: {red|blue kite"),
        ("{" * 2000 + "a|b" + "|c}" * 2000, "stands in another one: {"),
    ],
)
def test_groups_that_are_refused(body: str, words: str) -> None:
    """What would be two runs of one prompt, or cannot be read in one way."""
    with pytest.raises(InvalidRequest) as refused:
        read_groups(body)
    assert words in str(refused.value)


def test_options_are_crossed() -> None:
    """By keyword or as they are typed in a cell; an empty value leaves the option out."""
    found = places("a kite", option_axis("--ref", ["hero.png", ""]), option_axis("watermark", ["on", "off"]))
    asked = [(place.labels, place.ask.refs, dict(place.ask.values)) for place in found if place.ask]
    assert asked == [
        (("hero.png", "on"), ["hero.png"], {"watermark": True}),
        (("hero.png", "off"), ["hero.png"], {"watermark": False}),
        (("(none)", "on"), [], {"watermark": True}),
        (("(none)", "off"), [], {"watermark": False}),
    ]
    chinese = places("a kite", option_axis("水印", ["开", "关"]))
    assert [dict(place.ask.values)["watermark"] for place in chinese if place.ask] == [True, False]


def test_a_value_that_an_option_does_not_take() -> None:
    """All of them are told at once, in words of the option."""
    with pytest.raises(InvalidRequest) as refused:
        option_axis("size", ["2K", "9K", "large"])
    assert refused.value.lines() == [
        "InvalidRequest: 2 problems in 3 values. Nothing was sent.",
        "size 9K: --size takes 1K, 2K, 4K or WIDTHxHEIGHT such as 2048x2048, not '9K'.",
        "size large: --size takes 1K, 2K, 4K or WIDTHxHEIGHT such as 2048x2048, not 'large'.",
    ]
    with pytest.raises(InvalidRequest, match="did you mean size"):
        option_axis("sizes", ["2K"])


class Frame:
    """As much of a pandas data frame as is looked at."""

    def __init__(self, rows: list[dict[Any, Any]]) -> None:
        self.columns, self._rows = list(rows[0]), rows

    def to_dict(self, orient: str) -> list[dict[Any, Any]]:
        assert orient == "records"
        return self._rows


ROWS = [{"animal": "fox", "size": "2K"}, {"animal": "cat", "size": "4K"}]


@pytest.mark.parametrize(
    "table",
    [
        ROWS,
        tuple(ROWS),
        iter(ROWS),
        Frame(ROWS),
        [UserDict(row) for row in ROWS],
        {"animal": ["fox", "cat"], "size": ["2K", "4K"]},
    ],
    ids=["list", "tuple", "iterator", "frame", "mappings", "columns"],
)
def test_the_rows_of_a_table(table: object) -> None:
    """`{column}` is filled in; a column that is called as an option, and that the prompt does not name, sets it."""
    found = of_rows("a {animal}", table)
    assert [(place.labels, place.ask.prompt, dict(place.ask.values)) for place in found if place.ask] == [
        (("fox",), "a fox", {"size": "2K"}),
        (("cat",), "a cat", {"size": "4K"}),
    ]
    assert prompts(of_rows("a {animal} of size {size}", ROWS)) == ["a fox of size 2K", "a cat of size 4K"]


def test_rows_that_are_texts() -> None:
    """They are `{each}`, and in a cell they have the name of their list; a dict's keys are labels."""
    assert prompts(of_rows("{each} and {animals}", ["fox", "cat"], "animals")) == ["fox and fox", "cat and cat"]
    assert rows_axis("animals", read_rows(["fox", "cat"], "animals"), ["each"]).unused == ()
    assert rows_axis("animals", read_rows(["fox", "cat"], "animals"), ["animals"]).unused == ()
    found = of_rows("{each}, {key}", {"one": "a fox", "two": "a cat"})
    assert [(place.labels, place.ask and place.ask.prompt) for place in found] == [
        (("one",), "a fox, one"),
        (("two",), "a cat, two"),
    ]
    assert [place.labels for place in of_rows("{each}", ["fox", "cat", "fox"])] == [
        ("fox (1)",),
        ("cat",),
        ("fox (3)",),
    ]


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ('animal,size\r\n狐狸,2K\r\n"cat, asleep",4K\r\n', "utf-8-sig"),
        ("animal;size\n狐狸;2K\ncat, asleep;4K", "gb18030"),
        ('animal\tsize\r\n狐狸\t2K\r\n"cat, asleep"\t4K\r\n', "utf-16"),  # with its mark
    ],
)
def test_a_csv_file(data: str, encoding: str, tmp_path: Path) -> None:
    """As spreadsheets write it, in Chinese Windows too; "Unicode text" of Excel is UTF-16."""
    (tmp_path / "rows.csv").write_bytes(data.encode(encoding))
    assert prompts(of_rows("a {animal}", str(tmp_path / "rows.csv"))) == ["a 狐狸", "a cat, asleep"]


@pytest.mark.parametrize("broken", ['2,"wolf\n3,cat\n4,dog\n', '2,"wolf" grey\n3,cat\n'])
def test_a_csv_file_with_a_quote_that_is_not_closed_is_refused(broken: str, tmp_path: Path) -> None:
    """It would be one value, and one paid picture, of all rows behind it; the line where it stands is named."""
    file = tmp_path / "rows.csv"
    file.write_text(f'number,animal\n1,"fox,\nasleep"\n{broken}')
    with pytest.raises(InvalidRequest, match=r"^rows\.csv cannot be read from line 4 on: a double quote"):
        read_rows(file)


def test_a_gap_that_a_program_wrote_into_a_csv_file_is_an_empty_cell(tmp_path: Path) -> None:
    """As in a data frame: an option is not given, and words are refused with their row."""
    file = tmp_path / "animals.csv"
    file.write_text("animal,size\nfox,NaN\nnan,2K\nNathan,NA\n")
    axis = rows_axis("each", read_rows(file)[::2], ["animal"])
    assert [change.values if change else None for change in axis.changes] == [{}, {}]
    with pytest.raises(InvalidRequest, match="Row 2: 'animal' is empty"):
        rows_axis("each", read_rows(file), ["animal"])


def test_a_table_that_is_no_csv_says_what_reads_it(tmp_path: Path) -> None:
    """UTF-16 without its mark is none; a workbook is read by pandas."""
    (tmp_path / "rows.csv").write_bytes("animal\nfox\n".encode("utf-16-le"))
    with pytest.raises(
        InvalidRequest, match=r"^rows\.csv is not a CSV file in UTF-8, GB 18030, or UTF-16 with its mark\.$"
    ):
        read_rows(tmp_path / "rows.csv")
    with pytest.raises(InvalidRequest, match=r"^rows\.xlsx is not a CSV file\.$") as refused:
        read_rows(tmp_path / "rows.xlsx")
    assert "pandas.read_excel('rows.xlsx')" in refused.value.hint


def test_a_csv_file_with_a_column_twice_is_refused(tmp_path: Path) -> None:
    """One of them would be lost unsaid; columns without a name may be several, as spreadsheets leave them."""
    file = tmp_path / "rows.csv"
    file.write_text("animal,size,animal\nfox,2K,hen\n", encoding="utf-8")
    with pytest.raises(InvalidRequest, match=r"rows\.csv has two columns 'animal'\."):
        of_rows("a {animal}", str(file))
    file.write_text("animal,,\nfox,,\n", encoding="utf-8")
    assert prompts(of_rows("a {animal}", str(file))) == ["a fox"]


def test_bad_rows_are_told_at_once_with_their_numbers() -> None:
    """A missing column, NaN and a wrong size in row 3000: at most ten lines, and how many more there are."""
    rows: list[dict[str, Any]] = [{"animal": f"fox {number}", "size": "2K"} for number in range(1, 3001)]
    del rows[4]["animal"]
    rows[8]["animal"], rows[2999]["size"] = math.nan, "9K"
    with pytest.raises(InvalidRequest) as refused:
        of_rows("a {animal}", rows)
    assert refused.value.lines() == [
        "InvalidRequest: 3 problems in 3,000 rows. Nothing was sent.",
        "Row 5 has no 'animal'.",
        "Row 9: 'animal' is empty.",
        "Row 3000: --size takes 1K, 2K, 4K or WIDTHxHEIGHT such as 2048x2048, not '9K'.",
    ]
    with pytest.raises(InvalidRequest) as refused:
        of_rows("a {animal}", [{"animal": None}] * 3000)
    assert len(refused.value.details) == 11
    assert str(refused.value).endswith("… and 2,990 more.")


@pytest.mark.parametrize(
    ("prompt", "table", "words"),
    [
        ("a {colour}", [{"color": "red"}], "no column 'colour': did you mean {color}?"),
        ("a kite", [{"colour": "red"}], "The prompt uses none of the columns"),
        ("{each}", [], "no rows"),
        ("{each}", 7, "not int"),
        ("{each}", [["a"]], "Row 1 is a list"),
        ("{a}", {"a": [1, 2], "b": [1]}, "a has 2, b has 1"),
        ("{a}", "nowhere.csv", "cannot be read from nowhere.csv"),
    ],
)
def test_tables_that_are_refused(prompt: str, table: object, words: str) -> None:
    """In one line that names the fix."""
    with pytest.raises(InvalidRequest) as refused:
        of_rows(prompt, table)
    assert words in " ".join(refused.value.lines())


def test_real_data_frames() -> None:
    """Those of pandas, where it is installed; gaps in an option's column are options that are not given."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"animal": ["fox", "cat"], "images": [4, None]})
    found = of_rows("a {animal}", frame)
    assert [dict(place.ask.values) for place in found if place.ask] == [{"images": 4}, {}]


def test_a_sample_is_the_same_each_time() -> None:
    """By its seed, in the order of the axes, without holes; also in another process."""
    axes = (words_axis("a", list(range(40))), words_axis("b", ["x", "-", "y"]))
    drawn = cross(Ask("{a} {b}"), axes, variables={}, sample=6)
    assert [place.labels for place in drawn] == [
        place.labels for place in cross(Ask("{a} {b}"), axes, variables={}, sample=6, seed=0)
    ]
    assert len({place.labels for place in drawn}) == 6
    assert all(place.ask for place in drawn)
    assert [place.labels for place in cross(Ask("{a} {b}"), axes, variables={}, sample=6, seed=1)] != [
        place.labels for place in drawn
    ]
    assert len(cross(Ask("{a} {b}"), axes, variables={}, sample=500)) == 80
    script = (
        "from seedream_magic.sweep.axes import cross; from seedream_magic.sweep.make_axes import words_axis;"
        "from seedream_magic.api.make_request import Ask;"
        "axes = [words_axis('a', range(1000)) for _ in 'ab'];"
        "print([place.labels for place in cross(Ask('{a}'), axes, variables={}, sample=3)])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script], check=True, capture_output=True, env={**os.environ, "PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_limits_of_a_sweep() -> None:
    """Four axes, ten thousand places; more is refused before they are made."""
    with pytest.raises(InvalidRequest, match="up to 4 axes"):
        places("{a|b}{c|d}{e|f}{g|h}", takes_axis(2))
    with pytest.raises(InvalidRequest, match=r"has 900: vary 1, .*, vary 5, …\.$"):
        places("".join(f"{{{number}|x{number}}}" for number in range(900)))
    many = [words_axis(name, range(10_000)) for name in "abc"]
    with pytest.raises(InvalidRequest, match="1,000,000,000,000 places"):
        cross(Ask("{a}{b}{c}"), many, variables={})
    assert len(cross(Ask("{a}{b}{c}"), many, variables={}, sample=3)) == 3
    assert [place.take for place in places("a {red|blue} kite", takes_axis(2))] == [1, 2, 1, 2]


def test_a_fault_of_several_places_is_told_once() -> None:
    """With the first place that has it, and how many others."""
    found = places("{a|}", option_axis("size", ["2K", "100x100"]), values={"model": "doubao-seedream-4-5"})
    with pytest.raises(InvalidRequest) as refused:
        check_places(found, lambda ask: make_request(ask, model="doubao-seedream-4-5", strict=True))
    first, *faults = refused.value.lines()
    assert first == "InvalidRequest: 2 problems in 4 runs. Nothing was sent."
    assert faults[0].startswith("a · 100x100: --size 100x100 has 10,000 pixels")
    assert faults[1].startswith("(none) · 2K, (none) · 100x100: The prompt is empty")


def test_rows_of_one_fault_are_told_by_their_numbers() -> None:
    """The first of them, and how many others there are."""
    rows = [{"words": "\ud800" if number % 100 == 0 else "a kite"} for number in range(1, 1001)]
    found = of_rows("{words}", rows)
    with pytest.raises(InvalidRequest) as refused:
        check_places(found, lambda ask: make_request(ask, model="doubao-seedream-4-5"))
    told = str(refused.value)
    assert told.startswith("row 100 · ")
    assert " (500) and 5 others: The prompt holds half a character" in told


def test_words_that_cannot_be_filled_in_are_told_by_their_rows() -> None:
    """A number that is none, and a document in place of a word: as typed it would be paid for in vain."""
    rows = [{"price": 2.5, "word": "a"}, {"price": "free", "word": "b"}, {"price": 1, "word": "c" * 5000}]
    found = of_rows("{word}, {price:.2f}", rows)
    with pytest.raises(InvalidRequest) as refused:
        check_places(found, lambda ask: make_request(ask, model="doubao-seedream-4-5"))
    first, second = refused.value.details
    assert first == "row 2 · b, free: {price:.2f} cannot be filled in: its value does not fit."
    assert second.startswith("row 3 · ccc")
    assert "{word} is 5,000 characters long" in second


def test_what_has_no_words_of_its_own_is_named_in_the_language_of_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variant, and a row without values."""
    monkeypatch.setenv("SEEDREAM_LANG", "zh")
    assert words_axis("colour", ["red", ""]).labels == ("red", "（空）")
    assert [axis.labels for axis in read_groups("a {red|} kite")[1]] == [("red", "（空）")]
