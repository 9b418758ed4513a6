"""An answer once its head is here: how many events it may have, whose key it must not repeat, what its date tells."""

from __future__ import annotations

import json
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
from raw_server import EVENT_STREAM, Behaviour, Cut, Raw, Reply, Request, head, json_reply, raw_server
from seedream_magic import ContentRefused, ResponseBroken, Seedream, SeedreamError
from seedream_magic.api import answer as head_module
from seedream_magic.api.answer import Answer, skew_of
from seedream_magic.api.redaction import without_secret
from service import PICTURE, POST, completed, link, picture, succeeded

SECRET = 'sk-CANARY/3f9c"2b71&\\Zq'
"""A key that JSON can write in many ways."""
SPELLED = '"' + "".join(f"\\u{ord(sign):04x}" for sign in SECRET) + '"'


# How many events: F72 is in test_faults_post


def test_comments_are_no_events(store: Path) -> None:
    """Thirty thousand keep-alives, of every form, and the picture behind them comes."""
    pings = b": ping\n\n:\n\nid: 1\n\nevent: ping\n\nretry: 5\n\n" * 6_000
    answer = {POST: lambda r: Reply(200, EVENT_STREAM, pings + succeeded(r, 0) + completed(1)), PICTURE: picture}
    images = drawn(outcome(answer, store))
    assert (shades(images), images.notes) == ([0], ())


# Whose key


# Where a JSON text that holds the key may stand, and in a connection that is none of HTTP.
FORMS: dict[str, bytes] = {
    "an item's refusal": b'{"data": [{"error": {"code": "x", "message": KEY}}]}',
    "a refusal": b'{"error": {"code": "x", "message": KEY}}',
    "a name": b'{"data": [], KEY: 1}',
    "half an event": b'data: {"type":"x"}\n\ndata: {"error": {"code": KEY, "x',
    "no JSON": b"data: key KEY\n\n",
    "cut JSON": b'{"data": [{"error": {"code": "x", "message": KEY}}, ',
    "no object": b"[KEY]",
    "a page": b"<html>KEY",
}


@pytest.mark.parametrize("form", [*FORMS, "no HTTP"])
def test_a_key_that_is_repeated_is_masked(form: str, store: Path) -> None:
    """In the record, in what is told of the rest, and in the bytes that are kept of what cannot be read."""
    headers = {"X-Request-Id": f"id {SECRET}", "Server": SECRET}
    answer: Behaviour = Raw(SECRET.encode() + b"\r\n\r\n")
    if form in FORMS:
        answer = Reply(200, headers, FORMS[form].replace(b"KEY", SPELLED.encode()))
    with raw_server({POST: answer}) as server, pytest.raises(SeedreamError) as caught:
        Seedream("anyfast", api_key=SECRET, base_url=f"{server.url}/v1", store=store).generate("x")
    kept = [path.read_text("utf-8", "surrogateescape") for path in store.rglob("*.*") if path.is_file()]
    told = "".join([*kept, *caught.value.lines(), repr(vars(caught.value))])
    assert "(key)" in told
    assert "CANARY" not in told
    assert "3f9c" not in told


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
    ("date", "words"),
    [
        (NOW - timedelta(minutes=14), ""),  # of the ten minutes that it took, the service dated the first
        (NOW - timedelta(minutes=16, seconds=50), "6 min ahead of"),
        (NOW + timedelta(minutes=5), ""),
        (NOW + timedelta(minutes=119), "119 min behind"),
        (NOW + timedelta(days=9), "216 h behind"),
        ("yesterday", ""),
    ],
)
def test_a_clock_that_differs_is_told(date: datetime | str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By more than five minutes from every instant between request and head; what is no date counts as absent."""
    monkeypatch.setattr(head_module, "datetime", Clock)
    told = date if isinstance(date, str) else format_datetime(date, usegmt=True)
    skew = skew_of(httpx.Response(200, headers={"Date": told}), sent=NOW - timedelta(minutes=10))
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
