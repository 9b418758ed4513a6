"""An answer once its head is here: how many events it may have, whose key it must not repeat, what its date tells."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from time import process_time
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fault import drawn, outcome, shades
from raw_server import EVENT_STREAM, Behaviour, Cut, Raw, Reply, Request, head, json_reply, raw_server, sse
from seedream_magic import ContentRefused, OutcomeUnknown, ResponseBroken, Seedream, SeedreamError
from seedream_magic.api import answer as head_module
from seedream_magic.api.answer import Answer, skew_of
from seedream_magic.api.decoder import AnswerDecoder, Answered, Unreadable
from seedream_magic.api.events import Completed, Event, Picture, Reader
from seedream_magic.api.redaction import without_secret
from service import PICTURE, POST, completed, link, picture, stream_head
from test_client import ask, failure

SECRET = 'sk-CANARY/3f9c"2b71&\\Zq'
"""A key that JSON can write in many ways."""


# How many events: F72 is in test_faults_post


def test_comments_are_no_events() -> None:
    """Thirty thousand keep-alives, of every form, and the picture behind them comes."""
    pings = b": ping\n\n:\n\nid: 1\n\nevent: ping\n\nretry: 5\n\n" * 6_000
    stream = Reply(200, EVENT_STREAM, pings + b'data: {"type":"x"}\n\n' + completed(1))
    assert ask(stream) == [{"type": "x"}, *_completed(1)]


def _completed(images: int) -> list[Any]:
    lines = completed(images).decode().splitlines()
    first, second = (line.removeprefix("data: ") for line in lines if line.startswith("data: "))
    assert second == "[DONE]"
    return [json.loads(first), None]


# Whose key


def spelled(secret: str) -> dict[str, str]:
    """A JSON text that holds the secret, in the ways that the writers of JSON have for it."""
    plain = json.dumps(secret)
    return {
        "plain": plain,
        "slashes": plain.replace("/", "\\/"),
        "Go": plain.replace("&", "\\u0026"),
        "all escaped": '"' + "".join(f"\\u{ord(sign):04x}" for sign in secret) + '"',
        "capitals": '"' + "".join(f"\\u{ord(sign):04X}" for sign in secret) + '"',
    }


FORMS: dict[str, Callable[[str], bytes]] = {
    "an item's refusal": lambda text: b'{"data": [{"error": {"code": "x", "message": %s}}]}' % text.encode(),
    "a refusal": lambda text: b'{"error": {"code": "x", "message": %s}}' % text.encode(),
    "a name": lambda text: b'{"data": [], %s: 1}' % text.encode(),
    "an event": lambda text: b'data: {"error": {"message": %s}}\n\n' % text.encode(),
    "half an event": lambda text: b'data: {"type":"x"}\n\ndata: {"error": {"code": %s, "x' % text.encode(),
    "no JSON": lambda text: b"data: key %s\n\n" % text.encode(),
    "cut JSON": lambda text: b'{"data": [{"error": {"code": "x", "message": %s}}, ' % text.encode(),
    "no object": lambda text: b"[%s]" % text.encode(),
    "a page": lambda text: b"<html>%s" % text.encode(),
    "a text": lambda text: b"x%s" % text.encode(),
}


@pytest.mark.parametrize("spelling", spelled(SECRET))
@pytest.mark.parametrize("form", FORMS)
def test_a_key_that_is_repeated_in_a_good_answer_is_masked(form: str, spelling: str, store: Path) -> None:
    """In the record, in what is told of the rest, and in the bytes that are kept of what cannot be read."""
    body = FORMS[form](spelled(SECRET)[spelling])
    headers = {"X-Request-Id": f"id {SECRET}", "Server": SECRET}
    with raw_server({POST: Reply(200, headers, body)}) as server, pytest.raises(SeedreamError) as caught:
        Seedream("anyfast", api_key=SECRET, base_url=f"{server.url}/v1", store=store).generate("x")
    kept = [path.read_text("utf-8", "surrogateescape") for path in store.rglob("*.*") if path.is_file()]
    told = "".join([*kept, *caught.value.lines(), repr(vars(caught.value))])
    assert "(key)" in told
    assert "CANARY" not in told
    assert "3f9c" not in told


def test_an_unreadable_start_of_a_connection_is_told_without_the_key() -> None:
    """A server that is none of HTTP may send back what it was sent."""

    def echo(request: Request) -> Behaviour:
        return Raw(request.headers["authorization"].removeprefix("Bearer ").encode() + b"\r\n\r\n")

    error = failure(echo)
    assert isinstance(error, OutcomeUnknown)
    assert "(key)" in str(error)


@given(secret=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=20), data=st.data())
def test_every_spelling_of_json_is_found(secret: str, data: st.DataObject) -> None:
    """Each sign as it is where JSON allows that, after a backslash where it allows that, or as an escape."""

    def written(sign: str) -> str:
        forms = [f"\\u{ord(sign):04x}", f"\\u{ord(sign):04X}"]
        forms += [sign] if sign not in '"\\' else []
        forms += [f"\\{sign}"] if sign in '"\\/' else []
        return data.draw(st.sampled_from(forms))

    text = "".join(map(written, secret))
    assert json.loads(f'"{text}"') == secret
    assert without_secret(f'{{"a": "…{text}…"}}', secret) == '{"a": "…(key)…"}'


def test_a_short_key_may_be_a_word() -> None:
    """The demo's is `demo`; a text that names the demo is not cut to pieces for it."""
    assert without_secret("the demo", "demo") == "the demo"


@pytest.mark.fault("F93")
def test_the_search_for_the_key_is_quick() -> None:
    """In a picture whose slashes are escaped every sign may begin an escape: 16 MiB in less than two seconds."""
    text = '{"b64_json":"' + "abc\\/sk-ANARY+" * 2**20 + '"}'
    began = process_time()
    assert without_secret(text, "sk-CANARY-3f9c2b71") == text
    assert process_time() - began < 2


# What its date tells


NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


class Clock(datetime):
    """The clock of this machine; it stands."""

    @classmethod
    def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]  # the plain class is enough
        return NOW


@pytest.mark.fault("F106")
@pytest.mark.parametrize(
    ("date", "minutes"),
    [
        (NOW, None),
        (NOW - timedelta(minutes=5), None),
        (NOW + timedelta(minutes=5), None),
        (NOW - timedelta(minutes=14), None),  # of the ten minutes that it took, the service dated the first
        (NOW - timedelta(minutes=16), 6),
        (NOW + timedelta(minutes=6), -6),
        (NOW + timedelta(days=9), -9 * 1440),
        ("yesterday", None),
        (None, None),
    ],
)
def test_a_clock_that_differs_is_measured(
    date: datetime | str | None, minutes: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By more than five minutes from every instant between request and head; what is no date counts as absent."""
    monkeypatch.setattr(head_module, "datetime", Clock)
    headers = {} if date is None else {"Date": date if isinstance(date, str) else format_datetime(date, usegmt=True)}
    skew = skew_of(httpx.Response(200, headers=headers), sent=NOW - timedelta(minutes=10))
    assert skew == (None if minutes is None else timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("skew", "words"),
    [
        (timedelta(minutes=6, seconds=50), "6 min ahead of"),
        (timedelta(minutes=-119), "119 min behind"),
        (timedelta(hours=25), "25 h ahead of"),
        (timedelta(days=-9), "216 h behind"),
        (None, ""),
    ],
)
def test_a_wrong_clock_is_told(skew: timedelta | None, words: str) -> None:
    """By how much, and on which side; nothing is said where nothing is wrong."""
    none: Any = None
    note = Answer(1, 200, {}, None, skew, "", "", none, none, 0).clock_note
    assert note.startswith(f"This machine's clock is {words} the service's") if words else note == ""


# What a cut leaves


@pytest.mark.fault("F48")
@pytest.mark.parametrize("promised", [True, False])
def test_a_cut_answer_tells_the_refused_places_too(store: Path, *, promised: bool) -> None:
    """Which of the four was refused stood before the cut, and why; half a link is none."""

    def cut(request: Request) -> Behaviour:
        refused = {"error": {"code": "OutputImageSensitiveContentDetected", "message": "words"}}
        data = [{"url": link(request, 0)}, refused, {"url": link(request, 2)}, {"url": link(request, 3)}]
        whole = json_reply({"data": data})
        return Cut(whole, -6) if promised else Raw(head(200, {}) + whole.body[:-6])

    images = drawn(outcome({POST: cut, PICTURE: picture}, store, images=4, stream=False))
    assert shades(images) == [0, None, 2, None]
    assert isinstance(images[1].error, ContentRefused)
    assert type(images[3].error) is ResponseBroken


def read(stream: bytes) -> list[Event]:
    """The events of a stream."""
    decoder, reader = AnswerDecoder(), Reader()
    pieces = [*decoder.feed(stream), *decoder.close()]
    found: list[Event] = []
    for piece in pieces:
        found += reader.read(piece) if isinstance(piece, Answered) else [piece] if isinstance(piece, Unreadable) else []
    return found


@pytest.mark.parametrize("name", ["image_generation.partial_succeeded", None])
def test_an_event_that_is_damaged_in_mid_stream_keeps_its_picture(name: str | None) -> None:
    """Its link had come whole, and nothing will name it again; a preview, and half a link, are none."""

    def written(text: str, event: str | None = name) -> bytes:
        return (f"event: {event}\n" if event else "").encode() + f"data: {text}\n\n".encode()

    preview = written('{"b64_json": "aGk=", "size": "6', event="image_generation.partial_image")
    half = written('{"image_index": 1, "url": "https://a.example/1.png?X-Tos-Sig')
    damaged = written('{"url": "https://a.example/0.png?X-Tos-Signature=c", "image_index": 0, "size": "64x4')
    told, *events = read(preview + half + damaged + sse(None, {"type": "x"}) + completed(1))
    assert isinstance(told, Unreadable)
    assert events == [
        Picture(0, url="https://a.example/0.png?X-Tos-Signature=c"),
        Completed({"generated_images": 1, "output_tokens": 12, "total_tokens": 12}),
    ]


@pytest.mark.parametrize(
    "text",
    [
        'url":"https://a.example/0.png?X-Tos-Signature=canary","size":"64x4',
        "X-Tos-Algorithm=TOS4&X-Tos-Signature=canary",
        '{"a": "https://a.example/0.png?sv=1&sig=canary" ' + "," * 80,
        '{"a": "https://a.example/0.png?sv=1&sig=canary',
        "&token=canary",
    ],
)
def test_a_signature_is_not_quoted(text: str) -> None:
    """Of an event that cannot be read the first words are told, saved and shown; a link that stood in it is brought."""
    told, *_ = read(f"data: {text}\n\n".encode() + completed(1))
    if isinstance(told, Picture):
        assert told.url
        assert told.url.endswith("=canary")
        return
    assert isinstance(told, Unreadable)
    assert "no JSON object" in told.reason
    assert "canary" not in told.reason


def test_the_rest_of_a_stream_is_read_as_before() -> None:
    """An event that is no JSON is told in its first words, the others come."""
    objects = ask(Raw(stream_head() + b"data: \xff nonsense\n\n" + sse(None, {"type": "x"}) + completed(1)))
    assert objects == [Unreadable("an event that is no JSON object: \ufffd nonsense"), {"type": "x"}, *_completed(1)]
