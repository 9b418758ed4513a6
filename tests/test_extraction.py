"""Large pictures in base64 are taken out of an answer while it comes; all that is read of it stays as it was."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from seedream_magic.api.decoder import AnswerDecoder, Answered, Piece
from seedream_magic.api.events import Event, Picture, Reader
from seedream_magic.errors import ImageInvalid
from seedream_magic.images import extraction
from seedream_magic.images.extraction import Extractor
from seedream_magic.images.verify import base64_bytes
from service import encoded, noise

PICTURES = [encoded(noise(20, 20 + number), kind) for number, kind in enumerate(("PNG", "JPEG", "WEBP"))]
TEXTS = [base64.b64encode(picture).decode() for picture in PICTURES]
ONE, TWO, THREE = TEXTS
WHOLE = json.dumps({"data": [{"b64_json": text} for text in TEXTS], "usage": {"generated_images": 3}})


def partial(index: int, text: str) -> str:
    fields = {"type": "image_generation.partial_succeeded", "image_index": index, "b64_json": text}
    return f"event: {fields['type']}\ndata: {json.dumps(fields)}\n\n"


PLAIN = {
    "the service's own": WHOLE,
    "with spaces": json.dumps(json.loads(WHOLE), indent=2),
    "data: URIs": json.dumps({"images": [f"data:image/png;base64,{ONE}", f"data:image/webp;base64,{THREE}"]}),
    "under another name": json.dumps({"output": {"results": [{"image": ONE}, {"image": TWO}]}}),
    "events": partial(0, ONE) + partial(1, TWO) + "data: [DONE]\n\n",
    "events, and a list at the end": partial(0, ONE) + partial(1, TWO) + f"data: {WHOLE}\n\n",
    "twice, once as a data: URI": json.dumps(
        {"data": [{"b64_json": ONE}, {"b64_json": f"data:image/png;base64,{ONE}"}]}
    ),
    "lines": "".join(json.dumps({"data": [{"b64_json": text}]}) + "\n" for text in TEXTS),
    "a text": json.dumps(ONE),
    "JSON in a text": json.dumps({"choices": [{"message": {"content": json.dumps({"b64_json": ONE})}}]}),
    "beside a link": json.dumps({"data": [{"url": "https://example.com/1.png", "b64_json": ONE}]}),
}
ODD = {
    "slashes are escaped": WHOLE.replace("/", "\\/"),
    "in the alphabet of URLs": WHOLE.replace("+", "-").replace("/", "_"),
    "line ends within": WHOLE.replace(ONE, "\\n".join(ONE[at : at + 76] for at in range(0, len(ONE), 76))),
    "no padding": WHOLE.replace("=", ""),
    "a foreign sign": WHOLE.replace(TWO, TWO[:400] + "*" + TWO[401:]),
    "padding within": WHOLE.replace(TWO, TWO[:400] + "==" + TWO[402:]),
    "bits that nobody reads": json.dumps({"data": [{"b64_json": ONE.rstrip("=")[:-3] + "9Q=="}]}),
    "too short": WHOLE.replace(ONE, ONE[:200]),
    "cut in a picture": WHOLE[: len(ONE) + 600],
    "cut behind a picture": WHOLE[: len(ONE) + 40],
    "events that are cut": partial(0, ONE) + partial(1, TWO)[:500],
    "Markdown": json.dumps({"choices": [{"message": {"content": f"![a](data:image/png;base64,{ONE}) and so on"}}]}),
    "lines of an event": f'data: {{"data": [{{"b64_json":\ndata: "{ONE}"}}]}}\n\n',
    "a quote that is cut off": '{"data": [{"b64_json": "',
    "the beginning of a beginning": '{"data": "iVBORw0',
    "only beginnings": json.dumps(["/9j/", "iVBORw0KGgo", "/9", "data:image/png;base64,/9j/"] * 9),
}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures of a kilobyte count as large."""
    monkeypatch.setattr(extraction, "LEAST", 500)


def in_chunks(body: bytes, size: int) -> Iterator[bytes]:
    return (body[at : at + size] for at in range(0, len(body), size))


def read(body: bytes, size: int, extractor: Extractor | None) -> tuple[list[Any], str, str, int]:
    """What an answer says, with the bytes of its pictures; its form and fault, and how much of it was read."""
    decoder, reader, length = AnswerDecoder(images=4), Reader(), 0
    pieces: list[Piece] = []
    for chunk in (*in_chunks(body, size), None):
        if extractor is not None:
            chunk = extractor.rest() if chunk is None else extractor.feed(chunk)  # noqa: PLW2901 - what is left of it
        length += len(chunk or b"")
        pieces += decoder.feed(chunk or b"")
    pieces += decoder.close()
    events = [event for piece in pieces if isinstance(piece, Answered) for event in reader.read(piece)]
    said = [with_bytes(event, extractor) for event in (*events, *reader.close())]
    return said, decoder.form, decoder.fault, length


def with_bytes(event: Event, extractor: Extractor | None) -> object:
    if not isinstance(event, Picture) or event.b64_json is None:
        return event
    if extractor is not None and (body := extractor.find(event.b64_json)) is not None:
        return event.index, event.url, body.take()
    try:
        return event.index, event.url, base64_bytes(event.b64_json)
    except ImageInvalid:
        return event


@pytest.mark.parametrize("size", [1, 7, 64, 1000, 100_000])
@pytest.mark.parametrize("name", [*PLAIN, *ODD])
def test_an_answer_says_the_same(name: str, size: int) -> None:
    """Whatever its shape, and however it is cut."""
    body, extractor = (PLAIN | ODD)[name].encode(), Extractor()
    said = read(body, size, extractor)
    assert said[:3] == read(body, size, None)[:3]
    extractor.close()


@pytest.mark.parametrize("size", [1, 64, 100_000])
@pytest.mark.parametrize("name", PLAIN)
def test_what_is_read_of_it_is_short(name: str, size: int) -> None:
    """The pictures wait elsewhere, in whatever form they came."""
    body, extractor = PLAIN[name].encode(), Extractor()
    *_, length = read(body, size, extractor)
    extractor.close()
    assert length < len(body) - 500


def test_an_answer_that_is_packed_is_read_as_it_came() -> None:
    """Nothing in it looks like base64."""
    packed, extractor = zlib.compress(WHOLE.encode()), Extractor()
    assert b"".join(map(extractor.feed, in_chunks(packed, 100))) + extractor.rest() == packed


def test_the_record_has_length_and_digest() -> None:
    """And no letter of the picture, under whatever name it came or in whatever words."""
    extractor = Extractor()
    taken = json.loads(extractor.feed(WHOLE.encode()))
    text = str(taken["data"][0]["b64_json"])
    assert text.startswith(ONE[:100])
    assert len(text) < len(ONE)
    line = extractor.describe(text)
    assert line.startswith(f"({len(ONE)} characters of base64, sha256 ")
    assert extractor.describe(f"data:image/png;base64,{text}").startswith(f"({len(ONE) + 22} characters of base64")
    assert extractor.describe(f"see {text} here") == f"see {line} here"
    assert extractor.describe("words") == "words"
    extractor.close()


def test_backslashes_without_end_are_not_waited_for() -> None:
    """What is held back of an answer is weighed by nobody."""
    extractor = Extractor()
    extractor.feed(b'{"b64_json": "' + ONE[:400].encode())
    assert len(b"".join(extractor.feed(b"\\" * 100) for _ in range(100))) > 9000
    extractor.close()


def test_more_than_a_set_has_are_left_where_they_are() -> None:
    """Each that is taken may hold a file open."""
    extractor = Extractor()
    texts = [base64.b64encode(PICTURES[0] + bytes([number])).decode() for number in range(100)]
    read = extractor.feed(json.dumps(texts).encode())
    assert len(read) > 60 * len(ONE)
    assert len({text for text in json.loads(read) if extractor.find(text) is not None}) == 34
    extractor.close()
