"""The table of fields: values as people type them, one row for all who know a field, and names that a person knows."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedream_magic import InvalidRequest, Seedream
from seedream_magic.api.fields import FIELDS, KEYWORDS
from seedream_magic.api.make_request import Ask, make_request
from seedream_magic.api.providers import PROVIDERS
from seedream_magic.api.values import (
    RESPONSE_FORMATS,
    parse_extra,
    parse_images,
    parse_model,
    parse_ratio,
    parse_size,
    parse_take,
    parse_timeout,
    parse_word,
)
from seedream_magic.notebook.cell import parse_cell
from seedream_magic.notebook.panel.controls import close
from seedream_magic.notebook.panel.form import Form
from seedream_magic.notebook.panel.page_loop import PageLoop
from seedream_magic.planning import Options, plan_ask

parse_format = partial(parse_word, "response-format", RESPONSE_FORMATS)
PIXELS = ("2048x1024", "2048X1024", "2048×1024", "2048*1024", "２０４８×１０２４", "２０４８＊１０２４",
          "２０４８ｘ１０２４", "2048 x 1024", "02048x01024")  # fmt: skip
NO_SIZES = ("", "5K", "0.5K", "2048", "x", "2048x", "x1024", "0x1024", "1024x0", "-1x5", "2048x1024x3", "1e3x1e3",
            "2_048x5", "2048.0x1024", "9999999x1", "{2048}x1", "adaptive", "9" * 5000, "\ud800", "2K 4K")  # fmt: skip
NO_OBJECTS = ("", "7", "[]", "{seed: 7}", "{'seed': 7}", '{"a": NaN}', '{"a": Infinity}')


@pytest.mark.parametrize(
    ("parse", "typed", "value"),
    [
        *((parse_images, typed, count) for typed, count in (("４", 4), ("٤", 4), (15, 15), (" AUTO ", "auto"))),
        *((parse_size, typed, size) for typed, size in ((" 2k ", "2K"), ("１.５ｋ", "1.5K"), ("４Ｋ", "4K"))),
        *((parse_size, typed, "2048x1024") for typed in PIXELS),
        *((parse_ratio, typed, (16, 9)) for typed in ("16:9", "16：9", "１６:９", "16/9", "16∶9")),
        (parse_ratio, " 1 : 16 ", (1, 16)),
        *((parse_format, typed, typed.lower()) for typed in ("url", "URL", "b64_json")),
        (parse_model, " ep-1 ", "ep-1"),
        *((parse_timeout, typed, seconds) for typed, seconds in (("90", 90.0), ("９０.５", 90.5), (3, 3))),
        (parse_take, "２", 2),
        (parse_extra, '{"seed": 7, "tools": [{"type": "x"}]}', {"seed": 7, "tools": [{"type": "x"}]}),
    ],
)
def test_values_as_people_type_them(parse: Callable[[Any], Any], typed: Any, value: object) -> None:
    """Full-width characters, digits of any script, any usual sign between numbers; what is sent is plain."""
    assert parse(typed) == value


@pytest.mark.parametrize(
    ("parse", "words", "typed"),
    [
        (parse_images, "1 to 15 or auto", (0, 16, -1, 1.5, True, "", "many", "1 2", "1e1", "0x2", "9" * 400, None)),
        (parse_size, "2048x2048", NO_SIZES),
        (
            parse_ratio,
            "--ratio",
            ("", "16", "16:", ":9", "0:1", "1:0", "17:1", "1:17", "1.5:1", "a:b", "1:2:3", "²:1x"),
        ),
        (parse_format, "url or b64_json", ("png", "")),
        (parse_model, "model id", ("", " ", "\ud800", "a\nb", None, 4.5)),
        (parse_timeout, "seconds above 0", (0, -5, float("nan"), float("inf"), True, "nan", "1e3", "-5", [])),
        (parse_take, "counts from 1", (0, "x", True, 1.5)),
        (parse_extra, "single quotes", NO_OBJECTS),
    ],
)
def test_values_that_are_none(parse: Callable[[Any], Any], words: str, typed: tuple[Any, ...]) -> None:
    """Each is refused with what is taken, in a short sentence."""
    for value in typed:
        with pytest.raises(InvalidRequest, match=words) as caught:
            parse(value)
        assert len(str(caught.value)) < 150


@given(text=st.text() | st.from_regex(r"[\d０-９]{0,7}[x×X*＊ :/]?[\d０-９]{0,7}[kK]?", fullmatch=True))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_value_or_an_invalid_request(text: str) -> None:
    """Parsers give a value that reads back as itself, or `InvalidRequest`; nothing else escapes."""
    for parse in (parse_images, parse_size, parse_ratio, parse_format, parse_model, parse_timeout, parse_take):
        try:
            value = parse(text)
        except InvalidRequest:
            continue
        assert parse("{}:{}".format(*value) if isinstance(value, tuple) else str(value)) == value


A_NEW_ROW = """
import json
from functools import partial
from seedream_magic.api import fields
from seedream_magic.words.text import Text

words = ("calm", "wild")
row = fields.Field("mood", ("--mood",), Text("calm or wild", "情绪"), "MOOD", partial(fields.parse_word, "mood", words),
                   words=words, keys=("mood_options",), optional=True, inside="kind", needs="mood")
fields.FIELDS, fields.KEYWORDS = (*fields.FIELDS, row), (*fields.KEYWORDS, row)

from seedream_magic import InvalidRequest, Seedream
from seedream_magic.api.plan import cell_text
from seedream_magic.api.make_request import Ask, make_request
from seedream_magic.api.request import request_from_body
from seedream_magic.notebook.cell import parse_cell
from seedream_magic.notebook.completion import Surroundings, complete
from seedream_magic.notebook.options import help_text
from seedream_magic.notebook.panel.form import Form
from seedream_magic.notebook.panel.page_loop import PageLoop

def refusal(call):
    try:
        call()
    except InvalidRequest as error:
        return str(error)

def offered(line):
    return [found.text for found in complete(line, 0, len(line), Surroundings({}, Seedream))[1]]

ask = parse_cell("-m ep-1 --mood WILD", "x").ask
request, _ = make_request(ask, model="ep-1")
form = Form(PageLoop(), Seedream("demo").provider, "ep-1", {}, lambda: None)
form.fill(request)
print(json.dumps({
    "parser": ask.values["mood"],
    "refused value": refusal(lambda: make_request(Ask("x", {"mood": "red"}), model="ep-1")),
    "limits": refusal(lambda: make_request(Ask("x", {"mood": "calm"}), model="doubao-seedream-4-5")),
    "twice": refusal(lambda: parse_cell("--mood calm --extra '{\\"mood_options\\": {}}'", "x")),
    "body": request.body["mood_options"],
    "read again": request_from_body(request.body) == request,
    "attribute": request.mood,
    "cell": cell_text(request, settings={"model": "ep-1"}),
    "Tab": [*offered("%%seedream --mo"), *offered("%%seedream --mood ")],
    "help": [
        f"--mood MOOD\\n      {meaning}" in help_text(language)
        for language, meaning in (("en", "calm or wild"), ("zh", "情绪"))
    ],
    "panel": form.ask.values["mood"],
    "keyword": fields.python_words("--mood takes calm"),
}))
"""


def test_a_new_field_is_one_row() -> None:
    """The parser, the checks, the body both ways, the text of a cell, Tab, help and panel know it by its row."""
    run = subprocess.run([sys.executable, "-c", A_NEW_ROW], capture_output=True, check=False, timeout=60)
    assert run.returncode == 0, run.stderr.decode()
    assert json.loads(run.stdout) == {
        "parser": "wild",
        "refused value": "--mood takes calm or wild, not 'red'.",
        "limits": "Seedream 4.5 does not take --mood; leave it out or choose another model.",
        "twice": "--extra sets 'mood_options', and so does --mood; give it once.",
        "body": {"kind": "wild"},
        "read again": True,
        "attribute": "wild",
        "cell": "%%seedream --mood wild\nx",
        "Tab": ["--model", "--mood", "calm", "wild"],
        "help": [True, True],
        "panel": "wild",
        "keyword": "mood takes calm",
    }


def test_python_takes_the_fields_of_the_table() -> None:
    """`Seedream.plan` and the options of `generate` and `stream` have its keywords, each once."""
    names = {field.name for field in KEYWORDS}
    assert len(names) == len(KEYWORDS)
    assert set(inspect.signature(Seedream.plan).parameters) - {"self", "prompt"} == names
    assert set(get_type_hints(Options)) == names


@pytest.mark.parametrize(
    ("options", "in_cell", "in_python"),
    [
        ({"size": "a --size"}, "not 'a --size'.", "not 'a --size'."),
        ({"images": 16}, "--images takes 1", "images takes 1"),
        ({"size": "2048x2048", "ratio": "1:1"}, "--ratio goes with", "ratio goes with"),
        ({"optimize_prompt": "fast"}, "take --optimize-prompt fast;", "take optimize_prompt fast;"),
        ({"web_search": True}, "take --web-search;", "take web_search=True;"),
        ({"extra": {"image": "x"}}, "--extra takes no 'image'; use --ref,", "extra takes no 'image'; use refs,"),
        ({"size": "2K", "extra": {"size": "4K"}}, "so does --size; give", "so does size; give"),
        (
            {"take": 9},
            "--take 9: the store has no take of this request; --fresh",
            "take 9: the store has no take of this",
        ),
        ({"take": 1, "fresh": True}, "--fresh makes a new take; --take", "fresh=True makes a new take; take shows"),
    ],
)
def test_a_refusal_names_what_was_written(options: dict[str, Any], in_cell: str, in_python: str, store: Path) -> None:
    """The option to who typed a cell, the keyword to who wrote Python, in the same sentence."""
    client = Seedream("ark", store=store)
    with pytest.raises(InvalidRequest) as caught:
        plan_ask(client, Ask.of("x", options))
    assert in_cell in str(caught.value)
    with pytest.raises(InvalidRequest) as caught:
        client.plan("x", **options)
    assert in_python in str(caught.value)
    assert "--" not in str(caught.value).replace("'a --size'", "")


def test_a_warning_names_what_was_written(store: Path) -> None:
    """Warnings of a plan follow the same rule."""
    client = Seedream("anyfast", store=store)
    (in_cell,) = plan_ask(client, Ask("x", {"size": "100x100"}, check=False)).warnings
    assert in_cell.startswith("--size 100x100")
    assert client.plan("x", size="100x100", check=False).warnings == (in_cell.removeprefix("--"),)


VALUES: dict[str, Any] = {
    "images": 1,
    "model": "ep-2",
    "size": "2K",
    "ratio": "1:1",
    "stream": False,
    "watermark": True,
    "response_format": "url",
    "output_format": "png",
    "background": "opaque",
    "layer_decomposition": True,
    "web_search": True,
    "optimize_prompt": "fast",
}


@pytest.fixture(scope="module")
def form() -> Iterator[Form]:
    """The form of a panel, its prompt written."""
    loop = PageLoop()
    form = Form(loop, PROVIDERS["demo"], "ep-1", {}, lambda: None)
    form.prompt.value = "x"
    yield form
    for part in (loop.widget, form.words, *form.choices, form.frames.add, form.options, form.beside):
        close(part)


TWICE = [(field, key) for field in FIELDS if field.name in VALUES for key in field.keys]


@pytest.mark.parametrize(("field", "key"), TWICE, ids=[f"{field.name}-{key}" for field, key in TWICE])
@pytest.mark.parametrize("sent", ["another", None])
def test_a_field_is_not_set_twice(field: Any, key: str, sent: object, form: Form, store: Path) -> None:
    """By its own name and as an extra field, in Python, in a cell and in the panel: one sentence, nothing is sent."""
    value, words = VALUES[field.name], f"extra sets {key!r}, and so does {{}}; give it once."
    with pytest.raises(InvalidRequest) as caught:
        Seedream("demo", store=store).plan("x", extra={key: sent}, **{field.name: value})
    assert str(caught.value) == words.format(field.keyword)
    typed = (
        {True: field.flag, False: field.all_flags[-1]}[value] if isinstance(value, bool) else f"{field.flag} {value}"
    )
    with pytest.raises(InvalidRequest) as caught:
        parse_cell(f"{typed} --extra '{json.dumps({key: sent})}'", "x")
    assert str(caught.value) == f"--{words.format(field.flag)}"
    form.kept = {field.name: value, "extra": {key: sent}}
    with pytest.raises(InvalidRequest, match="give it once"):
        make_request(form.ask, model="ep-1")


def test_a_default_is_not_set_twice(store: Path) -> None:
    """The client's model and the settings of a notebook give way to an extra field."""
    client = Seedream("anyfast", model="doubao-seedream-4-5", store=store)
    assert client.plan("x", extra={"model": "ep-2"}).request.model == "ep-2"
    settings = {"model": "ep-1", "images": 4, "size": "4K", "ratio": "1:1", "stream": True, "response_format": "url"}
    keys = [key for field in FIELDS if field.name in settings for key in field.keys]
    ask = Ask("x", {"extra": dict.fromkeys(keys)}).beside({**settings, "timeout": 9})
    assert (set(ask.values), ask.timeout) == ({"extra"}, 9)


@pytest.mark.parametrize(
    ("typed", "name", "value"), [("--布局 网格", "show", "grid"), ("--背景 透明", "background", "transparent")]
)
def test_values_are_typed_in_chinese_as_the_help_calls_them(typed: str, name: str, value: str) -> None:
    """Both the option and its value."""
    from seedream_magic.notebook.cell import parse_cell

    assert value in str(parse_cell(typed, "雪中的狐狸")), name
