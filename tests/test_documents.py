"""JSON out of bytes: whole documents however they come, and of a cut one every picture that was complete, no other."""

from __future__ import annotations

import base64
import itertools
import json
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedream_magic.api.decoder import AnswerDecoder, Answered
from seedream_magic.api.documents import Documents, objects_in, whole_part
from seedream_magic.api.events import Event, Picture, PictureRefused, Reader
from seedream_magic.api.refusal import Refusal


def events(raw: bytes) -> list[Event]:
    """The events of an answer that broke off behind these bytes."""
    decoder, reader = AnswerDecoder(), Reader()
    pieces = [*decoder.feed(raw), *decoder.close(cut=True)]
    return [event for piece in pieces if isinstance(piece, Answered) for event in reader.read(piece)]


def pictures(raw: bytes) -> list[Picture]:
    return [event for event in events(raw) if isinstance(event, Picture)]


# Whole documents

DOCUMENTS = ['{"a": "}\\"{"}', '{"b": [{"c": "["}]}', '["x", {"d": 1}]', '"a text \\\\"', '{"e": "季\\u2028"}', "{}"]


@given(data=st.data(), between=st.sampled_from(["", "\n", "\r\n\r\n", " , ", "\x1e", "\n\x00garbage 5 null "]))
def test_documents_follow_one_another(between: str, data: st.DataObject) -> None:
    """With line ends between them, with anything or nothing; each is handed out as soon as it is whole."""
    raw = between.join(DOCUMENTS).encode()
    size = data.draw(st.integers(1, 40))
    documents = Documents(maximum=10_000)
    found = [*itertools.chain.from_iterable(documents.feed(raw[at : at + size]) for at in range(0, len(raw), size))]
    assert found == DOCUMENTS
    assert (documents.open, documents.rest(), documents.overflow) == (False, b"", False)


def test_a_document_past_the_maximum_is_let_go() -> None:
    """What came of it is handed out once; memory does not grow on."""
    documents = Documents(maximum=100)
    assert list(documents.feed(b'{"n": 1}{"x": "' + b"y" * 200)) == ['{"n": 1}']
    assert documents.overflow
    assert documents.rest() == b'{"x": "' + b"y" * 200
    assert (list(documents.feed(b'"}{"n": 2}')), documents.rest()) == ([], b"")


PICTURE = {"data": [{"url": "https://a.example/1.png"}]}
WORDS = 'Here is "your very nice picture": https://a.example/1.png'


@pytest.mark.parametrize(
    ("value", "objects"),
    [
        (PICTURE, [PICTURE]),
        ([{"url": "x"}], [{"data": [{"url": "x"}]}]),
        (json.dumps(json.dumps(PICTURE)), [PICTURE]),
        (f"```json\n{json.dumps(PICTURE)}\n```", [PICTURE]),
        (f"{json.dumps(PICTURE)}{json.dumps({'n': 2})}", [PICTURE, {"n": 2}]),
        (WORDS, [{"content": WORDS}]),
        (f'{{"n": 1}} {WORDS}', [{"n": 1}, {"content": f"  {WORDS}"}]),
        ('{"n": 1} and nothing else', [{"n": 1}]),
        ("short", []),
        (None, []),
    ],
)
def test_objects_in_any_value(value: Any, objects: list[dict[str, Any]]) -> None:
    """JSON inside a text is read, three texts deep; of words that hold a link around it nothing is lost."""
    assert objects_in(value) == objects


# A cut one


TEXTS = st.text(max_size=20)
ITEMS = st.fixed_dictionaries(
    {},
    optional={
        "size": TEXTS | st.none() | st.integers() | st.lists(TEXTS, max_size=2),
        "url": st.integers(0, 99).map(lambda number: f'https://a.example/季/{number}.png?x="{number}\\'),
        "b64_json": st.binary(max_size=40),
        "usage": st.dictionaries(TEXTS, TEXTS, max_size=2),
    },
)
MORE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(items=st.lists(ITEMS | MORE, max_size=16), more=MORE, ascii_only=st.booleans(), data=st.data())
@settings(max_examples=150, deadline=None)
def test_any_answer_cut_anywhere(items: list[Any], more: object, *, ascii_only: bool, data: st.DataObject) -> None:
    """What is read is a part of what was sent, and the more the later the cut; whole at the end."""
    for place, item in enumerate(items):
        if isinstance(item, dict) and "b64_json" in item:  # the same one twice would be one picture
            item["b64_json"] = base64.b64encode(bytes([place]) + item["b64_json"]).decode()
    raw = json.dumps({"first": more, "data": items, "last": more}, ensure_ascii=ascii_only).encode("utf-8", "replace")
    sent = {
        text for item in items if isinstance(item, dict) for text in (item.get("url"), item.get("b64_json")) if text
    }
    early, late = sorted(data.draw(st.tuples(st.integers(0, len(raw)), st.integers(0, len(raw)))))
    for name in ("url", "b64_json"):
        first, second, last = ([text for found in pictures(raw[:at]) if (text := getattr(found, name))]
                               for at in (early, late, len(raw)))  # fmt: skip
        assert second == last[: len(second)]
        assert first == second[: len(first)]
        assert set(last) <= sent
    assert {text for found in pictures(raw) for text in (found.url, found.b64_json) if text} == sent


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ('{"usage": {"url": "https://x.example/1"}, "x', 0),
        ('{"data": [{"url": 5, "b64_json": null}, "x', 0),
        ('{"data": [{"url": "https://half\\"', 0),
        ('{"input": {"image": "https://x.example/1"}, "x', 0),
        ('{"data": {"url": "https://x.example/1"}, "x', 1),
        ('{"other": {"data": [{"url": "https://x.example/1"}]}, "x', 1),
        ('{"images": [{"url": "https://x.example/1"}, {"url": "https://x.exa', 1),
        ('{"choices": [{"message": {"content": "![a](https://x.example/1) ![b](https://x.exa', 1),
        ('{"data": "[{\\"url\\": \\"https://x.example/1\\"}, {\\"url\\": \\"https://x.ex', 2),
        ("Here it is: https://x.example/1 and https://x.ex", 2),
    ],
)
def test_a_cut_answer_of_any_shape(text: str, number: int) -> None:
    """As when it is whole: no link of the usage or of what was asked for, no half link but where it is plain text."""
    found = [found.url for found in pictures(text.encode())]
    assert found[:1] == ["https://x.example/1"] * min(number, 1)
    assert len(found) <= number


def test_a_place_keeps_its_number() -> None:
    """A refused picture before it moves no other; a link and a picture of one place stay together."""
    raw = b'{"data":[{"error":{"code":"x"}},{"url":"https:\\/\\/a\\u002fb","b64_json":"QUJD"},{"b64_json":"QU'
    assert events(raw) == [PictureRefused(0, Refusal("x")), Picture(1, url="https://a/b", b64_json="QUJD")]


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ('{"type":"image_generation.partial_succeeded","image_index":12,"url":"https://x","size":"2', "message",
         [Picture(12, url="https://x")]),
        ('{"url":"https://x","image_index":1', "message", [Picture(0, url="https://x")]),  # of 1, or of 12
        ('{"image_index":1,"b64_json":"QUJD"', "message", [Picture(1, b64_json="QUJD")]),
        ('{"b64_json":"QUJD","ty', "image_generation.partial_image", []),
        ('{"image_index":1,"url":"https://hal', "image_generation.partial_succeeded", []),
        ('{"type":"x","usage":{"url":"https://x"}', "image_generation.partial_succeeded", []),
        ("", "image_generation.partial_succeeded", []),
    ],
)  # fmt: skip
def test_a_cut_event(text: str, name: str, expected: list[Picture]) -> None:
    """The same for one event of a stream, whose name stands in for the type that was cut off: a preview is none."""
    assert pictures(f"event: {name}\ndata: {text}".encode()) == expected


@pytest.mark.parametrize(
    "unit", [b"[", b"1", b'"' + b"\\/" * 10_000, b'"\\"'], ids=["brackets", "a number", "text", "texts"]
)
def test_hostile_bytes_take_no_time(unit: bytes) -> None:
    """Five megabytes of nonsense are passed by in seconds, and the picture before them is found."""
    began = process_time()
    raw = b'{"data":[{"url":"https://x"},' + unit * (5_000_000 // len(unit))
    assert [found.url for found in pictures(raw)] == ["https://x"]
    assert process_time() - began < 10


def test_many_documents_in_a_text_take_no_time() -> None:
    """Half a million of them in one text."""
    began = process_time()
    assert objects_in("{}" * 500_000 + "https://a.example/1.png")[-1]["content"].endswith("1.png")
    assert process_time() - began < 3


@given(raw=st.binary() | st.lists(st.sampled_from([*'{}[],:"\\', '"data"', '"url"', "1", "\ud7ff"])).map(
    lambda parts: "".join(parts).encode()
))  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_any_bytes(raw: bytes) -> None:
    """Nothing raises, and what comes out is a picture with a text, or a place with a reason."""
    assert all(event.url or event.b64_json for event in pictures(raw))
    part = whole_part(raw)
    assert part is None or isinstance(part, dict)


def test_bytes_that_are_no_text() -> None:
    """UTF-8 forbids them; the picture beside them is paid for all the same."""
    (found,) = pictures('{"url": "https://x.example/1", "title": "图"}'.encode("gb18030"))
    assert found.url == "https://x.example/1"
