"""Answers that come packed, or are said to be: read by their bytes, never refused, never unpacked without bound."""

from __future__ import annotations

import base64
import gzip
import json
import resource
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
from served import client, served
from service import PICTURE, POST, completed, jpeg, link, picture, succeeded
from test_faults_post import error_body

Pack = Callable[[bytes], bytes]


def plain(data: bytes) -> bytes:
    return data


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def members(data: bytes) -> bytes:
    return gzip.compress(data[:50]) + gzip.compress(data[50:])


def twice(data: bytes) -> bytes:
    return gzip.compress(gzip.compress(data))


# What a body is said to be, and what it is.
CODINGS: dict[str, tuple[str, Pack]] = {
    **{f"said: {name}": (name, plain) for name in (
        "", "UTF-8", "identity, none", "none", "identity", "aws-chunked", "binary", "chunked", "x", "gzip", "deflate",
        "br", "zstd", "gzip, br", "deflate, gzip", "*", "utf8;q=1",
    )},
    **{f"gzip as {name or 'nothing'}": (name, gzip.compress) for name in (
        "gzip", "x-gzip", "GZIP", "", "identity", "br", "deflate", "UTF-8",
    )},
    **{f"deflate as {name or 'nothing'}": (name, zlib.compress) for name in ("deflate", "", "gzip", "br")},
    "deflate without a head": ("deflate", raw_deflate),
    "br": ("br", brotli.compress),
    **{f"br as {name}": (name, brotli.compress) for name in (
        "identity, BR", "br, UTF-8", "br, aws-chunked", "none, br, binary",
    )},
    "gzip in gzip": ("gzip, gzip", twice),
    "gzip in gzip, told once": ("gzip", twice),
    "gzip in br": ("gzip, br", lambda data: brotli.compress(gzip.compress(data))),
    "br in gzip": ("br, gzip", lambda data: gzip.compress(brotli.compress(data))),
    "two gzip members": ("gzip", members),
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
@pytest.mark.parametrize("said", ["gzip", "deflate", "br", ""])
def test_a_picture_that_is_said_to_be_packed_is_itself(said: str, store: Path) -> None:
    """A gateway that sends the picture as the body: its first bytes say what it is."""
    answer = Reply(200, {"Content-Type": "image/jpeg", "Content-Encoding": said}, jpeg(2))
    assert shades(drawn(outcome({POST: answer}, store))) == [2]


@pytest.mark.fault("F47")
@pytest.mark.parametrize(
    ("said", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("br", brotli.compress)]
)
def test_a_packed_answer_that_is_cut_keeps_what_came(said: str, pack: Pack, store: Path) -> None:
    """The picture that stands whole before the cut is saved, the others say so, and the bytes are kept as they came."""
    sent: list[bytes] = []

    def answer(request: Request) -> Behaviour:
        # Random letters, or packing would leave nothing that can be cut.
        filler = base64.b64encode(bytes(zlib.crc32(bytes([n % 256, n // 256])) % 256 for n in range(40_000))).decode()
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


def peak() -> float:
    """The most memory that this process has had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


BOMBS: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "gzip": ("gzip", lambda size: gzip.compress(b'{"x": "' + b"A" * size, 9)),
    "gzip in gzip": ("gzip", lambda size: gzip.compress(gzip.compress(b'{"x": "' + b"A" * size, 9), 9)),
    "br": ("br", lambda size: brotli.compress(b'{"x": "' + b"A" * size, quality=2)),
    "events": ("gzip", lambda size: gzip.compress(b"data: " + b"A" * size, 9)),
    "zeros": ("", lambda size: gzip.compress(bytes(size), 9)),
    "a page": ("", lambda size: gzip.compress(b"<html>" + bytes(size), 9)),
    "a picture": ("", lambda size: gzip.compress(jpeg(1) + bytes(size), 9)),
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
    bomb = pack(256 * 2**20)
    before = peak()
    error = failed(outcome({POST: Reply(200, {"Content-Encoding": said}, bomb)}, store))
    assert peak() - before < 48
    assert type(error) is ResponseBroken
    assert error.billed == "yes"
    assert "it has more than" in str(error) or "larger than any" in str(error) or "web page" in str(error)
    (kept,) = store.glob("*/response.raw")
    assert kept.read_bytes() == bomb


@pytest.mark.fault("F47")
@pytest.mark.parametrize(("said", "pack"), CODINGS.values(), ids=CODINGS)
def test_a_refusal_that_comes_packed_is_read(said: str, pack: Pack, store: Path) -> None:
    """Its code and its words, for they say what to do; nothing was billed."""
    body = pack(json.dumps(error_body("InputTextSensitiveContentDetected", "these words")).encode())
    error = failed(outcome({POST: Reply(400, {"Content-Encoding": said}, body)}, store))
    assert type(error) is ContentRefused
    assert error.billed == "no"
    assert "these words" in str(error)


TEXTS = (b"data: {}\n\n", b'{"a": 1}', b"ok", b"", b"Here is your picture", b"[1]", b"\n\n {}")


@pytest.mark.parametrize(("said", "pack"), CODINGS.values(), ids=CODINGS)
def test_the_cuts_of_the_network_change_nothing(said: str, pack: Pack) -> None:
    """The same bytes come out in whichever pieces they come in, short bodies included."""
    for text in TEXTS:
        packed = pack(text)
        for size in (1, 2, 5, 13, 1000):
            inflater = Inflater(said, maximum=10_000)
            pieces = [packed[start : start + size] for start in range(0, len(packed), size)]
            found = b"".join([*(part for piece in pieces for part in inflater.feed(piece)), *inflater.close()])
            assert (found, inflater.fault) == (text, "")


@given(data=st.binary(max_size=400), said=st.sampled_from(["", "gzip", "deflate", "br", "gzip, br", "x"]),
       head=st.sampled_from([b"", b"\x1f\x8b\x08", b"x\x9c", b"\x78\x01", b"{", b"\x0b\x02"]),
       sizes=st.lists(st.integers(1, 40), min_size=1, max_size=5))  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_any_bytes_under_any_name(data: bytes, said: str, head: bytes, sizes: list[int]) -> None:
    """Nothing raises; cuts change nothing; text that is no text of a coding is what it is."""
    body = head + data
    results = set()
    for step in (len(body) or 1, *sizes):
        inflater = Inflater(said, maximum=5000)
        parts = (part for at in range(0, len(body), step) for part in inflater.feed(body[at : at + step]))
        results.add((b"".join([*parts, *inflater.close()]), inflater.fault))
    assert len(results) == 1
    ((found, reason),) = results
    assert len(found) <= 5000
    assert reason or found == body or inflate(body, said, maximum=5000) == found


def test_a_damaged_body_is_told() -> None:
    """What came before the damage was handed out."""
    packed = bytearray(gzip.compress(bytes(range(256)) * 400))
    packed[-200:] = bytes(200)
    inflater = Inflater("gzip", maximum=2**20)
    assert b"".join([*inflater.feed(bytes(packed)), *inflater.close()]).startswith(bytes(range(256)) * 100)
    assert inflater.fault in {"it is damaged", "it is cut off"}
    with pytest.raises(ValueError, match="it is"):
        inflate(bytes(packed), "gzip", maximum=2**20)
