"""Variables in a prompt: what is filled in, and everything that stays as typed."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from kernel import running_kernel
from seedream_magic import Seedream
from seedream_magic.errors import InvalidRequest
from seedream_magic.variables import fill_text, value_of


class Trap:
    """An object whose properties fail, each in its own way, and that shows as `trap`."""

    visible = "seen"
    _hidden = "SECRET"

    @property
    def raising(self) -> str:
        raise RuntimeError("boom")

    @property
    def recursing(self) -> str:
        return self.recursing

    def __getitem__(self, index: object) -> str:
        raise ZeroDivisionError

    def __format__(self, spec: str) -> str:
        return f"trap{spec}"


class Unformattable:
    def __format__(self, spec: str) -> str:
        raise RuntimeError("boom")


NAMESPACE: dict[str, Any] = {
    "name": "fox",
    "主题": "四季",
    "x": 3.14159,
    "n": 7,
    "items": ["a", "b", "{name}"],
    "table": {"key": "value", "a b": "blank", "0": "zero", "_x": "under", "季": "春"},
    "hero": SimpleNamespace(size=SimpleNamespace(width=4), colours=[["red"]], _private="SECRET"),
    "trap": Trap(),
    "unformattable": Unformattable(),
    "day": date(2026, 2, 3),
    "nothing": None,
    "braces": "{name} {{name}} {n:99999}",
    "_mine": "under",
    "huge": 10**5000,
    "color": "#fff",
}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("a {name} in snow", "a fox in snow"), ("{name}{name}", "foxfox"),
        ("{x:.2f}", "3.14"), ("{n:03}", "007"), ("{name:>6}", "   fox"), ("{day:%Y-%m}", "2026-02"), ("{name:}", "fox"),
        ("{items[0]} {items[-1]}", "a {name}"), ("{table[a b]} {table[季]} {table[_x]}", "blank 春 under"),
        ("{table[key]} {table['key']} {table[\"key\"]}", "value value value"),
        ("{hero.size.width} {hero.colours[0][0]}", "4 red"), ("{trap.visible} {trap:!}", "seen trap!"),
        ("一只｛name｝，{name｝", "一只fox，fox"), ("｛x：.1f｝", "3.1"),  # as a Chinese keyboard types them
        ("{braces}", "{name} {{name}} {n:99999}"),  # what was filled in is not read again
        ("{{name}}", "{name}"), ("{{missing}}", "{missing}"), ("{{name}} {name}", "{name} fox"),
        ('{"who":{name}}', '{"who":fox}'), ('{{"who": {name}}}', '{{"who": fox}}'), ("{n:{n}}", "{n:7}"),
        ('{"shots": [{"who": "{name}", "style": {"palette": ["#fff"]}}]}' * 50,
         '{"shots": [{"who": "fox", "style": {"palette": ["#fff"]}}]}' * 50),
    ],
)  # fmt: skip
def test_what_is_filled(text: str, filled: str) -> None:
    """Names, attributes, indexes and short formats of what exists; doubled braces give single ones."""
    assert fill_text(text, NAMESPACE) == (filled, ())


@pytest.mark.parametrize(
    "text",
    ["{missing[0]:>5}", "{name.missing}", "{items[9]}", "{items[key]}", "{table[0]}", "{name:.2f}", "{hero._private}",
     "{name.__class__.__mro__}", "{trap._hidden}", "{trap.raising}", "{trap.recursing}", "{trap[0]}", "{unformattable}",
     "{huge}", "{n:99999}", "{x:.99999f}", "{n:٩٩٩٩٩}", "{hero.size._x}"],
)  # fmt: skip
def test_what_looks_like_a_variable_but_cannot_be_filled(text: str) -> None:
    """It stays as typed and is told, once; no property, index or format of the person's objects stops the cell."""
    assert fill_text(f"a {text} b {text}", NAMESPACE) == (f"a {text} b {text}", (text,))


@pytest.mark.parametrize(
    "text",
    ["", "{}", "{ name }", "{0}", "{name!r}", "{name", "}{", "{{ name }}", "{{name.x}}", "{name()}", "{n*2}",
     "{items[items[0]]}", "{name..x}", '{"name": "fox", "n": 7}', "a{color:red;margin:0}", r"\alpha_{i+1}", "{%raw%}",
     "{(__import__('os').abort())}", "{name:>5>5>5>5>5>5>5>5>5>5>5}", "{{{name}}}", "{{items[0]}}", "{missing}}"],
)  # fmt: skip
def test_what_stays(text: str) -> None:
    """Braces of JSON, CSS, TeX, templates and of nothing at all, and doubled ones around more than a name, are text."""
    assert fill_text(text, NAMESPACE)[0] == text


PIECES = st.sampled_from([*"{}[].:!_ab变0 \n'\"", "{{", "}}", ">9", "{a}", "{{a}}"])
TEXT = st.lists(PIECES | st.text(max_size=3), max_size=25).map("".join)


@given(text=TEXT)
@settings(max_examples=400, deadline=None)
def test_without_variables_the_text_stays(text: str) -> None:
    """Only `{{name}}` becomes `{name}`; a second time nothing changes any more."""
    once, told = fill_text(text, {})
    assert once == re.sub(r"(?<!\{)\{\{([^\W\d]\w*)\}\}(?!\})", r"{\1}", text)
    assert fill_text(once, {})[0] == once
    assert all(field in text for field in told)


class Watched:
    """Remembers which of its attributes were asked for."""

    def __init__(self, asked: list[str]) -> None:
        self.asked = asked

    def __getattribute__(self, name: str) -> Any:
        object.__getattribute__(self, "asked").append(name)
        return object.__getattribute__(self, name)


@given(text=TEXT)
@settings(max_examples=400, deadline=None)
def test_nothing_hidden_is_asked_for(text: str) -> None:
    """Whatever stands in the braces, no attribute that begins with an underscore is touched, and nothing is raised."""
    asked: list[str] = []
    fill_text(text + "{a._b}{a.__class__}{a.b}", {"a": Watched(asked), "b": Trap(), "变": []})
    assert "b" in asked
    assert [name for name in asked if name.startswith("_")] == []


def test_a_reference_that_is_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is neither variable nor file is refused with the folder, or with what was meant."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidRequest) as caught:
        value_of("nosuchvar", NAMESPACE)
    told = f"There is no variable and no file named nosuchvar in {tmp_path.resolve()}."
    assert str(caught.value).startswith(told)
    (tmp_path / "heroes.png").touch()
    with pytest.raises(InvalidRequest, match=r"Did you mean heroes\.png\?"):
        value_of("heroes", NAMESPACE)
    with pytest.raises(InvalidRequest, match=r"Did you mean seasons\?"):
        value_of("seasonz", {"seasons": "a set", "_seedream": "a set"})
    with pytest.raises(InvalidRequest, match=r"There is no variable and no file named story\[0\] in"):
        value_of("story[0]", NAMESPACE)
    with pytest.raises(InvalidRequest, match=r"Did you mean story\[-1\]\?"):
        value_of("stroy[-1]", {"story": "a set"})
    with pytest.raises(InvalidRequest, match="no variable and no file"):
        value_of("x" * 5000, NAMESPACE)


@pytest.mark.parametrize("text", ["name", "heroes", "photos.png", "*.png", "heroes[1]", "run:20260101-abc", "~/a"])
def test_a_reference_that_may_be_a_file(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file goes before a variable, and whatever is no plain name is left to those who read files."""
    monkeypatch.chdir(tmp_path)
    for name in ("name", "heroes", "heroes1"):
        (tmp_path / name).touch()
    assert value_of(text, NAMESPACE) == text
    assert value_of("hero.colours", NAMESPACE) is NAMESPACE["hero"].colours  # what may be a picture goes on as it is


class _Unlucky(Exception):
    """A private class of the person's own."""


class _Number(int):
    pass


class Odd:
    def __getattr__(self, name: str) -> Any:
        raise _Unlucky(f"no {name} today.")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hero._private", "hero._private cannot be read: _private begins with an underscore. Write picture = hero._p"),
        ("hero.best()", "hero.best() cannot be read: --ref calls nothing. Write picture = hero.best() in a cell"),
        ("items[7]", "items[7] cannot be read: [7] is past the end of items; Python counts from 0."),
        ("items[i]", "items takes no index [i], and nothing in it is computed. Write picture = items[i] in a cell"),
        ("table['none']", "table has no item ['none']; list(table) shows what it has."),
        ("hero.size.none", "hero.size has no attribute none; dir(hero.size) shows what it has."),
        ("trap.raising", "trap.raising cannot be read: RuntimeError: boom. Write trap.raising in a cell of its own to"),
        ("odd.hero", "odd.hero cannot be read: Exception: no hero today. Write odd.hero in a cell of its own to see"),
        ("number", "number is of type int, not a picture"),
    ],
)
def test_an_expression_that_cannot_be_read_says_what_to_write(text: str, words: str) -> None:
    """In the person's own words; no class of ours or of theirs that is private is named."""
    with pytest.raises(InvalidRequest) as caught:
        value_of(text, NAMESPACE | {"odd": Odd(), "number": _Number(3)})
    assert words in str(caught.value)
    assert not re.search(r"_[A-Z]|CannotFill", str(caught.value))


@pytest.mark.parametrize(
    "text",
    ["{In}", "{Out}", "{In[0]}", "{_}", "{__}", "{_1}", "{_i}", "{_ih}", "{_oh}", "{_dh}", "{plain}", "{listed}",
     "{fill}", "{fill.__name__}", "{re}", "{kind}", "{len_}", "{method}", "{plain:}"],
)  # fmt: skip
def test_ipythons_own_names_and_addresses_are_told(text: str) -> None:
    """Inputs, outputs, what has no text but where it lies, modules and classes: none of it is meant for a prompt."""
    inputs: list[str] = ["a cell"]
    outputs: dict[int, str] = {}
    namespace = {
        "In": inputs,
        "_ih": inputs,
        "Out": outputs,
        "_oh": outputs,
        "_": "last",
        "__": "",
        "_1": "one",
        "_i": "x",
        "_dh": ["/home/me"],
        "plain": object(),
        "listed": [object()],
        "fill": fill_text,
        "re": re,
        "kind": Path,
        "len_": len,
        "method": Trap().__format__,
    }
    assert fill_text(f"a {text}", namespace) == (f"a {text}", (text,))


def test_names_of_ipython_that_the_person_took_are_filled() -> None:
    """`In = "an inn"` is a variable like any other; a text that speaks of an address is a text."""
    namespace = {"In": "an inn", "_ih": ["x"], "exit": "a door", "said": "<thing at 0x7f0000001234>"}
    assert fill_text("{In} {exit} {said}", namespace)[0] == "an inn a door <thing at 0x7f0000001234>"


def test_a_picture_is_no_words(seedream: Seedream) -> None:
    """A set, a frame, a picture of Pillow in braces are refused with the option meant; what they say of themselves is
    words.
    """
    hero = seedream.generate("a fox for the braces")
    namespace = {"hero": hero, "photo": Image.new("RGB", (9, 9))}
    for typed, name in (("{hero}", "hero"), ("{hero[0]}", "hero[0]"), ("{photo}", "photo")):
        told = f"{typed} is a picture, not words: leave it out, and write --ref {name} on the first line."
        with pytest.raises(InvalidRequest) as refused:
            fill_text(f"a fox like {typed}", namespace)
        assert str(refused.value) == told
    assert fill_text("{hero[0].prompt}, {{hero}}", namespace)[0] == "a fox for the braces, {hero}"


def test_a_document_is_not_filled_in() -> None:
    """4,000 characters are; one more asks for a shorter text or --raw."""
    assert fill_text("{text}", {"text": "x" * 4000})[0] == "x" * 4000
    with pytest.raises(InvalidRequest, match=r"\{text\} is 4,001 characters long, more than the 4,000") as caught:
        fill_text("{text}", {"text": "x" * 4001})
    assert "--raw" in caught.value.hint


@pytest.mark.kernel
def test_a_kernels_own_names_stay_as_typed(tmp_path: Path) -> None:
    """In a real kernel, whose namespace has them all: they are sent as typed, and told in one line."""
    with running_kernel(
        environment={"SEEDREAM_PROVIDER": "demo", "SEEDREAM_LIBRARY": ""}, directory=tmp_path
    ) as kernel:
        assert kernel.run("%load_ext seedream_magic\n6 * 7").ename is None
        names = "{In} {Out} {exit} {quit} {get_ipython} {_}"
        shown = kernel.run(f"%%seedream --dry-run\na fox {names}")
        assert f'"prompt": "a fox {names}"' in shown.stdout
        told = "Sent as typed, for there is nothing to fill in: " + ", ".join(names.split())
        assert told in shown.stdout + shown.stderr + "".join(output.text for output in shown.displays)
        refused = kernel.run("text = 'x' * 5000\nget_ipython().run_cell_magic('seedream', '', 'a fox {text}')")
        assert refused.ename == "InvalidRequest"
        assert "--raw" in (refused.evalue or "") + "".join(refused.traceback)
