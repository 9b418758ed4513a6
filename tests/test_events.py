"""Answers of the service in every recorded shape, and in shapes that nobody has recorded, as events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedream_magic.api.decoder import AnswerDecoder, Answered
from seedream_magic.api.events import Completed, Event, Picture, PictureRefused, Reader, Refused
from seedream_magic.api.refusal import Refusal

SENSITIVE = {"code": "OutputImageSensitiveContentDetected", "message": "no"}
REFUSAL = Refusal("OutputImageSensitiveContentDetected", "no")
ARK_USAGE = {"generated_images": 1, "output_tokens": 16280, "total_tokens": 16280}
SEED_USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 15908, "output_tokens": 15908}
THREE: list[Event] = [
    Picture(0, url="a"),
    PictureRefused(1, REFUSAL),
    Picture(2, b64_json="AAAA"),
    Completed(ARK_USAGE),
]
NOTHING = PictureRefused(0, Refusal(message="the answer holds neither a link nor a picture here"))


NO_ITEMS: list[Any] = [{"url": 5}, {"url": " ", "b64_json": "\n"}, {}, None, "a", 7, {"error": {}}]


def read(*values: Mapping[str, Any]) -> list[Event]:
    """The events of an answer made of these objects."""
    reader = Reader()
    return [event for value in values for event in reader.read(Answered(dict(value)))]


def partial(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": f"image_generation.{kind}", "model": "m", "created": 1757396757, **fields}


RECORDED: dict[str, tuple[list[dict[str, Any]], list[Event]]] = {
    "the seed's: a usage as chat services write it": (
        [{"data": [{"url": "a"}, {"url": "b"}], "created": 1757469067, "usage": SEED_USAGE}],
        [Picture(0, url="a"), Picture(1, url="b"), Completed(SEED_USAGE)],
    ),
    "Ark's, with a failed item": (
        [{"model": "doubao-seedream-4-5-251128", "created": 1757323224, "tools": [{"type": "web_search"}],
          "data": [{"url": "a", "size": "1760x2368"}, {"error": SENSITIVE},
                   {"b64_json": "AAAA", "output_format": "png"}], "usage": ARK_USAGE, "error": None}],
        THREE,
    ),
    "Ark's stream: indexes count failures": (
        [partial("partial_succeeded", image_index=0, url="a", size="2496x1664"),
         partial("partial_failed", image_index=1, error=SENSITIVE),
         partial("partial_succeeded", image_index=2, b64_json="AAAA"), partial("completed", usage=ARK_USAGE)],
        THREE,
    ),
    "a gateway's: one path for all, told apart by what looks like a signature; repeated, each is signed anew": (
        [partial("partial_succeeded", image_index=at, url=f"https://x/get?token={at}") for at in (0, 1)]
        + [{"data": [{"url": f"https://x/get?token={at}"} for at in "ab"], "usage": ARK_USAGE}],
        [Picture(0, url="https://x/get?token=0"), Picture(1, url="https://x/get?token=1"), Completed(ARK_USAGE)],
    ),
    "the same in one list": (
        [{"data": [{"url": f"https://x/get?sign={at}"} for at in (0, 1)], "usage": ARK_USAGE}],
        [Picture(0, url="https://x/get?sign=0"), Picture(1, url="https://x/get?sign=1"), Completed(ARK_USAGE)],
    ),
    "a gateway's: one `completed` for each picture": (
        [partial("completed", url=link, created_at=1, usage=SEED_USAGE) for link in ("a", "b")],
        [Picture(0, url="a"), Completed(SEED_USAGE), Picture(1, url="b"), Completed(SEED_USAGE)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_answers(name: str) -> None:
    """Items keep their places, the failed one included; the last object brings the usage."""
    values, events = RECORDED[name]
    assert read(*values) == events


@pytest.mark.parametrize(
    ("value", "events"),
    [
        ({"error": "overloaded"}, [Refused(Refusal(message="overloaded"))]),
        ({"data": [], "error": SENSITIVE}, [Refused(REFUSAL), Completed(None)]),
        ({"data": [{"url": "a"}], "error": SENSITIVE}, [Picture(0, url="a"), Refused(REFUSAL), Completed(None)]),
        ({"type": "error", **SENSITIVE}, [Refused(REFUSAL)]),
        ({"type": "image_generation.failed", "error": SENSITIVE}, [Refused(REFUSAL)]),
        ({"code": "quota", "message": "empty", "data": None}, [Refused(Refusal("quota", "empty"))]),
        # A usage or a type of an odd kind counts as none; previews and unknown kinds of events are passed over.
        ({"data": {"url": "a"}, "usage": ARK_USAGE}, [Picture(0, url="a"), Completed(ARK_USAGE)]),
        ({"data": []}, [Completed(None)]),
        (partial("completed", usage="many"), [Completed(None)]),
        ({"type": [], "url": "a", "image_index": 3}, [Picture(3, url="a")]),
        (partial("partial_image", b64_json="AAAA", partial_image_index=0), []),
        (partial("thumbnail", url="a"), []),
        ({"type": "ping"}, []),
    ],
)
def test_objects(value: dict[str, Any], events: list[Event]) -> None:
    """A refusal is told wherever it stands in a good answer, and before the word that nothing follows."""
    assert read(value) == events


@pytest.mark.parametrize(
    ("item", "event"),
    [
        ({"url": "a", "b64_json": "AAAA"}, Picture(0, url="a", b64_json="AAAA")),
        ({"url": ["a"], "size": None, "created": "x"}, Picture(0, url="a")),
        ({"url": "a", "error": SENSITIVE}, Picture(0, url="a")),
        *((item, NOTHING) for item in NO_ITEMS),
        ({"error": "text"}, PictureRefused(0, Refusal(message="text"))),
    ],
)
def test_items(item: Any, event: Event) -> None:
    """An item is a picture, or a place that stays empty with a reason, whatever its types."""
    assert read({"data": [item]}) == [event, Completed(None)]


@pytest.mark.fault("F61")
@pytest.mark.parametrize(
    ("indexes", "places"),
    [
        ([2, 0, 1], [2, 0, 1]),
        ([None, [], {}], [0, 1, 2]),
        ([1, 1, 0], [1, 0, 2]),
        (["3", -1, 10**9], [0, 1, 2]),
        ([True, 1.0, float("nan")], [0, 1, 2]),
        ([16, 17, 10**400], [16, 0, 1]),
    ],
)
def test_places_of_different_pictures(indexes: list[Any], places: list[int]) -> None:
    """A usable index is the place; without one, or under a used one, a picture takes the next free place."""
    stream = [partial("partial_succeeded", image_index=index, url=f"u{n}") for n, index in enumerate(indexes)]
    assert read(*stream) == [Picture(place, url=f"u{n}") for n, place in enumerate(places)]


@pytest.mark.parametrize(("indexes", "places"), [([1, 1], [1]), ([None, []], [0, 1])])
def test_places_of_failures(indexes: list[Any], places: list[int]) -> None:
    """The same numbered failure is told once, those without a number are each one; no picture takes their place."""
    stream = [partial("partial_failed", image_index=index, error=SENSITIVE) for index in indexes]
    further = partial("partial_succeeded", image_index=places[0], url="a")
    *refused, last = read(*stream, further)
    assert refused == [PictureRefused(place, REFUSAL) for place in places]
    assert isinstance(last, Picture)
    assert last.index not in places


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


@given(values=st.lists(st.dictionaries(KEYS, JSON, max_size=5), max_size=5))
@settings(max_examples=60, deadline=None)
def test_any_objects(values: list[dict[str, Any]]) -> None:
    """Nothing is raised; every place is used once, within the seventeen; no link is links twice."""
    placed = [event for event in read(*values) if isinstance(event, Picture | PictureRefused)]
    places = [event.index for event in placed]
    links = [event.b64_json or event.url for event in placed if isinstance(event, Picture)]
    assert len(set(places)) == len(places)
    assert all(0 <= place < 17 for place in places)
    assert len(set(links)) == len(links)


def test_nested_to_the_limit_of_the_parser() -> None:
    """Lists as deep as the parser takes them stand in every field without harm."""
    deep = "[" * 900 + "]" * 900
    for name in ("type", "data", "error", "message", "code", "usage", "image_index", "url"):
        text = f'{{"{name}":{deep},"error":{{"code":{deep},"message":{deep}}}}}'
        decoder = AnswerDecoder()
        (piece,) = [*decoder.feed(text.encode()), *decoder.close()]
        assert isinstance(piece, Answered)
        assert read(piece.fields)
