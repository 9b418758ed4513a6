"""What a cut answer holds: every picture that was complete before the cut, and no other."""

from __future__ import annotations

import base64
import json
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedream_magic.api.salvage import pictures_in_answer, pictures_in_event, refusals_in_answer

LINKS = [f'https://ark.example/四季/{place}.jpeg?X-Tos-Signature=a%2Fb&x="{place}\\' for place in range(4)]
ANSWER = {
    "model": "m",
    "data": [{"url": link, "size": "2048x2048"} for link in LINKS],
    "usage": {"generated_images": 4, "url": "https://example.com/not-a-picture"},
}


def links(pictures: list[dict[str, Any]]) -> list[str]:
    return [picture["url"] for picture in pictures if "url" in picture]


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("indent", [None, 2])
def test_a_cut_at_every_offset(*, ascii_only: bool, indent: int | None) -> None:
    """Exactly the links whose closing quote came, in their places, escapes decoded."""
    text = json.dumps(ANSWER, ensure_ascii=ascii_only, indent=indent)
    ends = [text.index(written) + len(written) for written in (json.dumps(x, ensure_ascii=ascii_only) for x in LINKS)]
    raw, ends = text.encode(), [len(text[:end].encode()) for end in ends]
    for at in range(len(raw) + 1):
        complete = sum(end <= at for end in ends)
        wanted = [{"image_index": place, "url": LINKS[place]} for place in range(complete)]
        assert pictures_in_answer(raw[:at]) == wanted, at


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.just("url"), inner, max_size=3),
    max_leaves=8,
)
ITEMS = st.fixed_dictionaries(
    {}, optional={"size": JSON, "url": st.text(min_size=1) | st.integers(), "b64_json": st.binary(), "error": JSON}
)


def _texts(items: list[Any], name: str) -> list[str]:
    return [item[name] for item in items[:17] if isinstance(item, dict) and isinstance(item.get(name), str)]


@given(items=st.lists(ITEMS | JSON, max_size=18), more=JSON, ascii_only=st.booleans(), data=st.data())
@settings(max_examples=300, deadline=None)
def test_any_answer_cut_anywhere(items: list[Any], more: object, *, ascii_only: bool, data: st.DataObject) -> None:
    """What is salvaged is a part of what was sent, and the more the later the cut; whole at the end."""
    for item in items:
        if isinstance(item, dict) and isinstance(item.get("b64_json"), bytes):
            item["b64_json"] = base64.b64encode(item["b64_json"] + b"x").decode()
    raw = json.dumps({"first": more, "data": items, "last": more}, ensure_ascii=ascii_only).encode("utf-8", "replace")
    sent = json.loads(raw)["data"]
    early, late = sorted(data.draw(st.tuples(st.integers(0, len(raw)), st.integers(0, len(raw)))))
    for name in ("url", "b64_json"):
        whole = [text for text in _texts(sent, name) if text]
        first, second, last = (
            [picture[name] for picture in pictures_in_answer(raw[:at]) if name in picture]
            for at in (early, late, len(raw))
        )
        assert last == whole
        assert second == whole[: len(second)]
        assert first == second[: len(first)]
    for picture in pictures_in_answer(raw[:late]):
        item = sent[picture.pop("image_index")]
        assert picture.items() <= item.items()


@given(raw=st.binary() | st.lists(st.sampled_from([*'{}[],:"\\', '"data"', '"url"', "1", "\ud7ff"])).map(
    lambda parts: "".join(parts).encode()
))  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_any_bytes(raw: bytes) -> None:
    """Nothing raises, and what comes out is a picture with a text."""
    for refused in refusals_in_answer(raw):
        assert refused["error"]
    for picture in (*pictures_in_answer(raw), *pictures_in_event(raw, name="message")):
        assert picture.keys() <= {"image_index", "url", "b64_json", "type"}
        assert all(picture.get(name, "x") for name in ("url", "b64_json"))


def test_only_links_of_data_count() -> None:
    """A link elsewhere, a deeper one, a key that is a value: none of them is a picture of the answer."""
    for text in (
        '{"usage": {"url": "https://x"}, "x',
        '{"url": "https://x", "x',
        '{"data": {"url": "https://x"}, "x',
        '{"data": [{"size": {"url": "https://x"}}, "x',
        '{"data": [["url", "https://x"], "x',
        '{"other": {"data": [{"url": "https://x"}]}, "x',
        '[{"data": [{"url": "https://x"}]}, "x',
        '{"data": [{"url": 5, "b64_json": null}, "x',
        '{"note": "\\"data\\": [{\\"url\\": \\"https://x\\"}", "x',
        '{"data": [{"url": "https://half',
        '{"data": [{"url": "https://half\\"',
    ):
        assert pictures_in_answer(text.encode()) == [], text


def test_a_place_keeps_its_number() -> None:
    """A refused picture before it moves no other; a link and a picture of one place stay together."""
    raw = b'{"data":[{"error":{"code":"x"}},{"url":"https:\\/\\/a\\u002fb","b64_json":"QUJD"},{"b64_json":"QU'
    assert pictures_in_answer(raw) == [{"image_index": 1, "url": "https://a/b", "b64_json": "QUJD"}]


REFUSED = {
    "data": [
        {"error": {"code": "OutputImageSensitiveContentDetected", "message": "words"}},
        {"url": "https://x"},
        {"error": {"code": "InternalServiceError", "message": 'a "quoted" word', "param": "size"}},
        {"error": {"code": 5}, "url": "https://y"},
    ],
    "error": {"code": "not a place", "message": "nor this"},
}


def test_refused_places_at_every_offset() -> None:
    """A place is refused as soon as a word of its error is complete, and has as many as came; no picture is one."""
    raw = json.dumps(REFUSED).encode()
    before: list[dict[str, Any]] = []
    for at in range(len(raw) + 1):
        now = refusals_in_answer(raw[:at])
        assert [place["image_index"] for place in before] == [place["image_index"] for place in now[: len(before)]]
        assert all(old["error"].items() <= new["error"].items() for old, new in zip(before, now, strict=False))
        before = now
    kind = "image_generation.partial_failed"
    assert before == [
        {
            "type": kind,
            "image_index": 0,
            "error": {"code": "OutputImageSensitiveContentDetected", "message": "words"},
        },
        {
            "type": kind,
            "image_index": 2,
            "error": {"code": "InternalServiceError", "message": 'a "quoted" word'},
        },
    ]
    (first,) = refusals_in_answer(raw[: raw.index(b', "message"')])
    assert first["error"] == {"code": "OutputImageSensitiveContentDetected"}


def test_what_is_no_error_refuses_no_place() -> None:
    """Null, a number, an empty text, one that is cut, one elsewhere, one past the fifteenth place."""
    for text in (
        '{"data": [{"error": null}, "x',
        '{"data": [{"error": {"code": 5}}, "x',
        '{"data": [{"error": {"code": ""}}, "x',
        '{"data": [{"error": {"code": "hal',
        '{"data": [{"usage": {"code": "x"}}, "x',
        '{"other": [{"error": {"code": "x"}}, "x',
        '{"data": [' + "{}," * 17 + '{"error": {"code": "x"}}, "x',
    ):
        assert refusals_in_answer(text.encode()) == [], text


def test_no_more_than_fifteen() -> None:
    """As many as a call can bring."""
    raw = json.dumps({"data": [{"url": f"https://x/{place}"} for place in range(40)]}).encode()[:-3]
    assert links(pictures_in_answer(raw)) == [f"https://x/{place}" for place in range(17)]


@pytest.mark.parametrize(
    ("text", "name", "picture"),
    [
        (
            '{"type":"image_generation.partial_succeeded","image_index":12,"url":"https://x","size":"2',
            "message",
            {"type": "image_generation.partial_succeeded", "image_index": 12, "url": "https://x"},
        ),
        ('{"url":"https://x","image_index":1', "message", {"url": "https://x"}),  # of 1, or of 12: nobody knows
        ('{"image_index":1,"b64_json":"QUJD"', "message", {"image_index": 1, "b64_json": "QUJD"}),
        ('{"url":"https://x","image_index":"1",', "message", {"url": "https://x"}),
        (
            '{"b64_json":"QUJD","ty',
            "image_generation.partial_image",
            {"type": "image_generation.partial_image", "b64_json": "QUJD"},
        ),
        ('{"data":[{"url":"https://x"},', "message", {"image_index": 0, "url": "https://x"}),
    ],
)
def test_a_cut_event(text: str, name: str, picture: dict[str, Any]) -> None:
    """The same for one event of a stream, whose name stands in for the type that was cut off."""
    assert pictures_in_event(text.encode(), name=name) == [picture]


@pytest.mark.parametrize("text", ['{"image_index":1,"url":"https://hal', '{"type":"x","usage":{"url":"https://x"}', ""])
def test_an_event_cut_before_its_link_is_no_picture(text: str) -> None:
    """Half a link leads nowhere."""
    assert pictures_in_event(text.encode(), name="image_generation.partial_succeeded") == []


@pytest.mark.parametrize(
    "raw",
    [
        b'{"data":[{"url":"https://x"},' + b"[" * 20_000_000,
        b'{"data":[{"url":"https://x"},' + b"1" * 20_000_000,
        b'{"data":[{"url":"https://x"},"' + b"\\/" * 10_000_000,
        b'{"data":[{"url":"https://x"},' + b'"\\"' * 5_000_000,
    ],
    ids=["brackets", "one number", "half a string of escapes", "many strings"],
)
def test_hostile_bytes_take_no_time(raw: bytes) -> None:
    """Twenty megabytes of nonsense are passed by in seconds, and the picture before them is found."""
    began = process_time()
    assert links(pictures_in_answer(raw)) == ["https://x"]
    assert process_time() - began < 5
