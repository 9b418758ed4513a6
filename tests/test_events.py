"""Answers of the service in every recorded shape, and in shapes that nobody has recorded, as events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedream_magic.api.decoder import AnswerDecoder, Answered, Unreadable
from seedream_magic.api.events import Completed, Event, Picture, PictureRefused, Reader, Refused
from seedream_magic.api.refusal import Refusal

SENSITIVE = {"code": "OutputImageSensitiveContentDetected", "message": "no"}
SENSITIVE_REFUSAL = Refusal("OutputImageSensitiveContentDetected", "no")
ARK_USAGE = {"generated_images": 1, "output_tokens": 16280, "total_tokens": 16280}
SEED_USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 15908, "output_tokens": 15908}
THREE = [Picture(0, url="a"), PictureRefused(1, SENSITIVE_REFUSAL), Picture(2, b64_json="AAAA"), Completed(ARK_USAGE)]
NO_ITEMS: list[Any] = [{}, None, "a", 7, []]
NO_USAGES: list[Any] = [None, [], "many", 5, True]
NO_TYPES: list[Any] = [5, [], {}, None, ""]
NOTHING = Refusal(message="the answer holds neither a link nor a picture here")


def read(*values: Mapping[str, Any]) -> list[Event]:
    """The events of an answer made of these objects."""
    reader = Reader()
    return [event for value in values for event in reader.read(Answered(dict(value)))]


def parse_object(text: str) -> dict[str, Any] | None:
    """The first whole object of an answer that consists of this text; None where there is none."""
    decoder = AnswerDecoder()
    pieces = [*decoder.feed(text.encode("utf-8", "surrogateescape")), *decoder.close()]
    whole = [piece.fields for piece in pieces if isinstance(piece, Answered) and not piece.cut]
    return whole[0] if whole else None


def partial(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": f"image_generation.{kind}", "model": "m", "created": 1757396757, **fields}


def test_the_seeds_answer() -> None:
    """Three links without index, model or size, and a usage as chat services write it."""
    links = [f"https://example.com/image{number}.jpeg" for number in (1, 2, 3)]
    answer = {"data": [{"url": link} for link in links], "created": 1757469067, "usage": SEED_USAGE}
    assert read(answer) == [*(Picture(place, url=link) for place, link in enumerate(links)), Completed(SEED_USAGE)]


def test_arks_answer_with_a_failed_item() -> None:
    """Items keep their places, the failed one included."""
    answer = {
        "model": "doubao-seedream-4-5-251128",
        "created": 1757323224,
        "data": [{"url": "a", "size": "1760x2368"}, {"error": SENSITIVE}, {"b64_json": "AAAA", "output_format": "png"}],
        "tools": [{"type": "web_search"}],
        "usage": ARK_USAGE,
        "error": None,
    }
    assert read(answer) == THREE


def test_arks_stream() -> None:
    """Indexes count failures, so those of the successes may skip; the last event brings the usage."""
    stream = (
        partial("partial_succeeded", image_index=0, url="a", size="2496x1664"),
        partial("partial_failed", image_index=1, error=SENSITIVE),
        partial("partial_succeeded", image_index=2, b64_json="AAAA"),
        partial("completed", usage=ARK_USAGE),
    )
    assert read(*stream) == THREE


def test_a_gateways_synthesised_events() -> None:
    """JSON turned into a stream: one `completed` with a picture for each, all with the same usage."""
    stream = [partial("completed", url=link, created_at=1, usage=SEED_USAGE) for link in ("a", "b")]
    assert read(*stream) == [Picture(0, url="a"), Completed(SEED_USAGE), Picture(1, url="b"), Completed(SEED_USAGE)]


@pytest.mark.parametrize(
    ("value", "events"),
    [
        ({"error": SENSITIVE}, [Refused(SENSITIVE_REFUSAL)]),
        ({"error": "overloaded"}, [Refused(Refusal(message="overloaded"))]),
        ({"data": [], "error": SENSITIVE}, [Refused(SENSITIVE_REFUSAL), Completed(None)]),
        ({"data": None, "error": SENSITIVE}, [Refused(SENSITIVE_REFUSAL)]),
        (
            {"data": [{"url": "a"}], "error": SENSITIVE},
            [Picture(0, url="a"), Refused(SENSITIVE_REFUSAL), Completed(None)],
        ),
        ({"type": "error", "error": SENSITIVE}, [Refused(SENSITIVE_REFUSAL)]),
        ({"type": "error", **SENSITIVE}, [Refused(SENSITIVE_REFUSAL)]),
        ({"type": "image_generation.failed", "error": SENSITIVE}, [Refused(SENSITIVE_REFUSAL)]),
        ({"code": "quota", "message": "empty", "data": None}, [Refused(Refusal("quota", "empty"))]),
        ({"error": None, "message": "empty"}, [Refused(Refusal(message="empty"))]),
    ],
)  # fmt: skip
def test_refusals_inside_a_good_status(value: dict[str, Any], events: list[Event]) -> None:
    """A refusal is told wherever it stands, and before the word that nothing follows."""
    assert read(value) == events


@pytest.mark.parametrize(
    ("item", "event"),
    [
        ({"url": "a", "b64_json": "AAAA"}, Picture(0, url="a", b64_json="AAAA")),
        ({"url": "a", "b64_json": None}, Picture(0, url="a")),
        ({"url": "", "b64_json": ""}, PictureRefused(0, NOTHING)),
        ({"url": 5}, PictureRefused(0, NOTHING)),
        ({"url": ["a"]}, Picture(0, url="a")),
        ({"url": " ", "b64_json": "\n"}, PictureRefused(0, NOTHING)),
        *((item, PictureRefused(0, NOTHING)) for item in NO_ITEMS),
        ({"error": "text"}, PictureRefused(0, Refusal(message="text"))),
        ({"error": {}}, PictureRefused(0, NOTHING)),
        ({"error": {"code": None, "message": None}}, PictureRefused(0, NOTHING)),
        ({"url": "a", "error": SENSITIVE}, Picture(0, url="a")),
        ({"url": "a", "size": None, "created": "x"}, Picture(0, url="a")),
    ],
)
def test_items(item: Any, event: Event) -> None:
    """An item is a picture, or a place that stays empty with a reason, whatever its types."""
    assert read({"data": [item]}) == [event, Completed(None)]


@pytest.mark.parametrize("data", [None, {}, {"size": "1x1"}, "a", 5, True])
def test_data_that_is_no_list(data: Any) -> None:
    """An answer without pictures is unreadable, not a success."""
    assert [type(event) for event in read({"data": data})] == [Unreadable]
    assert [type(event) for event in read({"data": data, "usage": ARK_USAGE})] == [Unreadable, Completed]


@pytest.mark.parametrize(
    ("value", "events"),
    [
        pytest.param({"data": {"url": "a"}, "usage": ARK_USAGE}, [Picture(0, url="a"), Completed(ARK_USAGE)], id="one"),
        pytest.param({"data": []}, [Completed(None)], id="an empty list: none will follow"),
        *((partial("completed", usage=usage), [Completed(None)]) for usage in NO_USAGES),
        *(({"type": kind, "url": "a", "image_index": 3}, [Picture(3, url="a")]) for kind in NO_TYPES),
        (partial("partial_image", b64_json="AAAA", partial_image_index=0), []),
        (partial("thumbnail", url="a"), []),
        (partial("in_progress"), []),
        ({"type": "ping"}, []),
    ],
)
def test_odd_objects(value: dict[str, Any], events: list[Event]) -> None:
    """A usage or a type of an odd kind counts as none; previews and unknown kinds of events are passed over."""
    assert read(value) == events


@pytest.mark.fault("F61")
@pytest.mark.parametrize(
    ("indexes", "places"),
    [
        ([0, 1, 2], [0, 1, 2]),
        ([2, 0, 1], [2, 0, 1]),
        ([None, None, None], [0, 1, 2]),
        ([0, 0, 0], [0, 1, 2]),
        ([1, 1, 0], [1, 0, 2]),
        ([0, 0, 1], [0, 1, 2]),
        (["3", -1, 10**9], [0, 1, 2]),
        ([True, 1.0, float("nan")], [0, 1, 2]),
        ([[], {}, None], [0, 1, 2]),
        ([16, 17, 10**400], [16, 0, 1]),
    ],
)
def test_places_of_different_pictures(indexes: list[Any], places: list[int]) -> None:
    """A usable index is the place; without one, or under a used one, a picture takes the next free place."""
    stream = [partial("partial_succeeded", image_index=index, url=f"u{n}") for n, index in enumerate(indexes)]
    assert read(*stream) == [Picture(place, url=f"u{n}") for n, place in enumerate(places)]


@pytest.mark.parametrize(
    "values",
    [
        [{"data": [{"url": "a"}, {"url": "a"}, {"url": "a"}]}],
        [partial("partial_succeeded", image_index=index, url="a") for index in (0, 0, 1)],
        [partial("partial_succeeded", image_index=0, url="a"), partial("completed", url="a")],
        [partial("partial_succeeded", image_index=0, url="a"), {"data": [{"url": "a"}]}],
    ],
)
def test_the_same_link_twice_is_one_picture(values: list[dict[str, Any]]) -> None:
    """Repeated in one answer, in a stream, or at its end."""
    assert [event for event in read(*values) if isinstance(event, Picture)] == [Picture(0, url="a")]


@pytest.mark.parametrize(
    ("indexes", "places"), [([1, 1], [1]), ([1, 2], [1, 2]), ([None, None], [0, 1]), ([[], [1]], [0, 1])]
)
def test_places_of_failures(indexes: list[Any], places: list[int]) -> None:
    """The same numbered failure is told once; failures without a number are each one."""
    stream = [partial("partial_failed", image_index=index, error=SENSITIVE) for index in indexes]
    assert read(*stream) == [PictureRefused(place, SENSITIVE_REFUSAL) for place in places]


def test_a_picture_never_takes_the_place_of_a_failure() -> None:
    """A picture under the index of a failed one is a further picture."""
    stream = (
        partial("partial_failed", image_index=0, error=SENSITIVE),
        partial("partial_succeeded", image_index=0, url="a"),
    )
    assert read(*stream) == [PictureRefused(0, SENSITIVE_REFUSAL), Picture(1, url="a")]


@pytest.mark.parametrize("count", [17, 18, 5000])
def test_more_pictures_than_a_call_can_bring(count: int) -> None:
    """Fifteen are taken, the others are told one by one."""
    events = read({"data": [{"url": f"u{number}"} for number in range(count)]})
    assert [event.index for event in events if isinstance(event, Picture)] == list(range(17))
    assert sum(isinstance(event, Unreadable) for event in events) == count - 17


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ('\ufeff \n{"a": 1}\r\n', {"a": 1}),
        ('{"a": 1} trailing garbage', {"a": 1}),
        ('{"a": 1, "a": 2}', {"a": 2}),
        ('{"a": "\\ud800\udcff"}', {"a": "\ud800\udcff"}),
        ('{"a": "季\u2028"}', {"a": "季\u2028"}),
        ('{"a": 1e999}', {"a": float("inf")}),
        ("[]", None), ("null", None), ("5", None), ('"x"', None), ("", None), ("{", None), ("<html>", None),
        ('{"a": "\n\x00"}', {"a": "\n\0"}),
        ('{"a": ' + "9" * 5000 + "}", None),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", None),
        ("[" * 100_000, None),
    ],
)  # fmt: skip
def test_objects_out_of_text(text: str, value: dict[str, Any] | None) -> None:
    """The first JSON object of the text, None where there is none; depth, size and half characters raise nothing."""
    assert parse_object(text) == value


WORDS = st.sampled_from(
    ["image_generation.partial_succeeded", "image_generation.partial_failed", "a", "b", "error", ""]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=5)
KEYS = st.sampled_from(["type", "data", "url", "b64_json", "error", "image_index", "usage", "code", "message", "param"])
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(KEYS, JSON, max_size=5)


@given(values=st.lists(OBJECTS, max_size=5))
@settings(max_examples=60, deadline=None)
def test_any_objects(values: list[dict[str, Any]]) -> None:
    """Nothing is raised; every place is used once, within the fifteen; no link is links twice."""
    events = read(*values)
    placed = [event for event in events if isinstance(event, Picture | PictureRefused)]
    places = [event.index for event in placed]
    links = [event.b64_json or event.url for event in placed if isinstance(event, Picture)]
    assert len(set(places)) == len(places)
    assert all(0 <= place < 17 for place in places)
    assert len(set(links)) == len(links)


@given(value=OBJECTS, end=st.integers(min_value=0, max_value=200))
@settings(max_examples=40, deadline=None)
def test_a_text_cut_anywhere(value: dict[str, Any], end: int) -> None:
    """Half an object is none, or a whole one; it is never an exception."""
    text = json.dumps(value)
    assert parse_object(text[:end]) is None or end >= len(text)


def test_nested_to_the_limit_of_the_parser() -> None:
    """Lists as deep as the parser takes them stand in every field without harm."""
    deep = "[" * 900 + "]" * 900
    for name in ("type", "data", "error", "message", "code", "usage", "image_index", "url"):
        value = parse_object(f'{{"{name}":{deep},"error":{{"code":{deep},"message":{deep}}}}}')
        assert value is not None
        assert read(value)
