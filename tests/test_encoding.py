"""Answers that come packed, or are said to be: read by their bytes, never refused, never unpacked without bound."""

from __future__ import annotations

import base64
import gzip
import json
import random
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fault import drawn, failed, outcome, shades
from raw_server import EVENT_STREAM, Behaviour, Reply, Request
from seedream_magic import ContentRefused, ResponseBroken
from seedream_magic.api import decoder as decoder_module
from seedream_magic.api.encoding import Inflater, inflate
from seedream_magic.images import response as response_module
from served import client, served
from service import PICTURE, POST, completed, gzip_bomb, jpeg, link, picture, succeeded
from test_faults_post import error_body

Pack = Callable[[bytes], bytes]


# What a body is said to be, and what it is.
CODINGS: dict[str, tuple[str, Pack]] = {
    **{f"said: {name}": (name, bytes) for name in (
        "", "UTF-8", "identity, none", "none", "identity", "aws-chunked", "binary", "chunked", "x", "gzip", "deflate",
        "br", "zstd", "gzip, br", "deflate, gzip", "*", "utf8;q=1",
    )},
    **{f"gzip as {name or 'nothing'}": (name, gzip.compress) for name in (
        "gzip", "GZIP", "x-gzip", "", "identity", "br", "deflate", "UTF-8",
    )},
    **{f"deflate as {name or 'nothing'}": (name, zlib.compress) for name in ("deflate", "", "gzip", "br")},
    "deflate without a head": ("deflate", lambda data: zlib.compress(data)[2:-4]),
    **{f"br as {name}": (name, brotli.compress) for name in ("br", "identity, BR", "br, aws-chunked")},
    "gzip in gzip": ("gzip, gzip", lambda data: gzip.compress(gzip.compress(data))),
    "gzip in gzip, told once": ("gzip", lambda data: gzip.compress(gzip.compress(data))),
    "gzip in br": ("gzip, br", lambda data: brotli.compress(gzip.compress(data))),
    "two gzip members": ("gzip", lambda data: gzip.compress(data[:50]) + gzip.compress(data[50:])),
    "padding behind it": ("gzip", lambda data: gzip.compress(data) + b"\0" * 20),
}  # fmt: skip


@pytest.mark.fault("F47")
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("said", "pack"), CODINGS.values(), ids=CODINGS)
def test_a_packed_answer_is_read(said: str, pack: Pack, store: Path, *, stream: bool) -> None:
    """Whatever the head says and whether it was asked for: its pictures are saved, nothing is told, nothing is left."""

    def answer(request: Request) -> Behaviour:
        data = json.dumps({"data": [{"url": link(request, 0)}, {"url": link(request, 1)}]}).encode()
        body = succeeded(request, 0) + succeeded(request, 1) + completed(2) if stream else data
        headers = dict(EVENT_STREAM) if stream else {"Content-Type": "application/json"}
        return Reply(200, headers | ({"Content-Encoding": said} if said else {}), pack(body))

    with served({POST: answer, PICTURE: picture}, store) as server:
        images = client(server, store).generate("x", images=2, stream=stream)
        assert server.requests[0].headers["accept-encoding"] == "identity"
    assert shades(images) == [0, 1]
    assert images.notes == ()
    assert not list(store.glob("*/*.raw"))


@pytest.mark.fault("F47")
@pytest.mark.parametrize("said", ["gzip", "deflate", "br"])
def test_a_packed_answer_that_is_cut_keeps_what_came(said: str, store: Path) -> None:
    """The picture that stands whole before the cut is saved, the others say so, and the bytes are kept as they came."""
    sent: list[bytes] = []
    pack = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress}[said]
    filler = base64.b64encode(random.Random(1).randbytes(40_000)).decode()  # or packing leaves nothing to cut

    def answer(request: Request) -> Behaviour:
        data = [{"url": link(request, 0)}, {"note": filler, "url": link(request, 1)}]
        sent[:] = [pack(json.dumps({"data": data}).encode())[:-3000]]
        return Reply(200, {"Content-Encoding": said}, sent[0])

    images = drawn(outcome({POST: answer, PICTURE: picture}, store, images=2, stream=False))
    assert shades(images) == [0, None]
    assert type(images[1].error) is ResponseBroken
    assert "it is cut off" in str(images[1].error)
    (kept,) = store.glob("*/response.raw")
    assert kept.read_bytes() == sent[0]
    assert str(kept) in "\n".join(images[1].error.lines())


def unpacks_to(size: int, start: bytes = b'{"x": "') -> bytes:
    return gzip_bomb(size, start)


BOMBS: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "gzip": ("gzip", unpacks_to),
    "gzip in gzip": ("gzip", lambda size: gzip.compress(unpacks_to(size), 9)),
    "br": ("br", lambda size: brotli.compress(b'{"x": "' + b"A" * size, quality=2)),
    "events": ("gzip", lambda size: unpacks_to(size, b"data: ")),
    "zeros": ("", lambda size: gzip.compress(bytes(size), 9)),
    "a page": ("", lambda size: unpacks_to(size, b"<html>")),
    "a picture": ("", lambda size: unpacks_to(size, jpeg(1))),
}


@pytest.mark.fault("F47")
@pytest.mark.parametrize(("said", "pack"), BOMBS.values(), ids=BOMBS)
def test_a_bomb_stops_at_the_cap(
    said: str, pack: Callable[[int], bytes], store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few hundred kilobytes that unpack to 256 MiB: memory stays, the raw bytes are kept, the error says why."""
    maximum = 4 * 2**20
    monkeypatch.setattr(decoder_module, "MAXIMUM_DOCUMENT_BYTES", maximum)
    monkeypatch.setattr(decoder_module, "LARGEST_BASE64_CHARACTERS", maximum // 4)
    monkeypatch.setattr(response_module, "_MOST_MASKED", maximum)  # it is 128 MiB
    bomb = pack(256 * 2**20)
    tracemalloc.start()
    try:
        error = failed(outcome({POST: Reply(200, {"Content-Encoding": said}, bomb)}, store))
        assert tracemalloc.get_traced_memory()[1] < 48 * 2**20
    finally:
        tracemalloc.stop()
    assert type(error) is ResponseBroken
    assert error.billed == "yes"
    assert "it has more than" in str(error) or "larger than any" in str(error) or "web page" in str(error)
    (kept,) = store.glob("*/response.raw")
    assert kept.read_bytes() == bomb


@pytest.mark.fault("F47")
def test_a_refusal_that_comes_packed_is_read(store: Path) -> None:
    """Its code and its words, for they say what to do; nothing was billed."""
    for name, (said, pack) in CODINGS.items():
        body = pack(json.dumps(error_body("InputTextSensitiveContentDetected", "these words")).encode())
        error = failed(outcome({POST: Reply(400, {"Content-Encoding": said}, body)}, store))
        assert (type(error), error.billed, "these words" in str(error)) == (ContentRefused, "no", True), name


@pytest.mark.fault("F47")
@pytest.mark.parametrize("said", ["gzip", "br", ""])
def test_a_picture_that_is_said_to_be_packed_is_itself(said: str, store: Path) -> None:
    """A gateway that sends the picture as the body: its first bytes say what it is."""
    answer = Reply(200, {"Content-Type": "image/jpeg", "Content-Encoding": said}, jpeg(2))
    assert shades(drawn(outcome({POST: answer}, store))) == [2]


@given(
    data=st.data(), coding=st.sampled_from(sorted(CODINGS)), said=st.sampled_from(["", "gzip", "deflate", "br", "x"])
)
@settings(max_examples=400, deadline=None)
def test_the_cuts_of_the_network_change_nothing(data: st.DataObject, coding: str, said: str) -> None:
    """The same bytes come out in whichever pieces they come; of noise never more than the maximum, and no error."""
    text = data.draw(st.sampled_from([b"data: {}\n\n", b'{"a": 1}', b"ok", b"", b"Here is your picture", b"\n\n {}"]))
    heads = st.sampled_from([b"", b"\x1f\x8b\x08", b"x\x9c", b"\x78\x01", b"{", b"\x0b\x02"])
    noise = data.draw(st.tuples(heads, st.binary(max_size=400)).map(b"".join))
    for name, body in ((CODINGS[coding][0], CODINGS[coding][1](text)), (said, noise)):
        for step in (len(body) or 1, data.draw(st.integers(1, 40))):
            inflater = Inflater(name, maximum=5000)
            parts = (part for at in range(0, len(body), step) for part in inflater.feed(body[at : at + step]))
            found = b"".join([*parts, *inflater.close()])
            assert len(found) <= 5000
            assert body is noise or (found, inflater.fault) == (text, "")


def test_a_damaged_body_is_told() -> None:
    """What came before the damage was handed out."""
    packed = bytearray(gzip.compress(bytes(range(256)) * 400))
    packed[-200:] = bytes(200)
    inflater = Inflater("gzip", maximum=2**20)
    assert b"".join([*inflater.feed(bytes(packed)), *inflater.close()]).startswith(bytes(range(256)) * 100)
    assert inflater.fault in {"it is damaged", "it is cut off"}
    with pytest.raises(ValueError, match="it is"):
        inflate(bytes(packed), "gzip", maximum=2**20)
