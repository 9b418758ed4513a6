"""The largest pictures that there are, in base64: none is too large, and an event that is costs no other."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from asking import event
from fault import drawn, outcome, shades
from raw_server import EVENT_STREAM, Behaviour, Reply, Request, raw_server
from seedream_magic import ImageSet
from seedream_magic.api import decoder as decoder_module
from seedream_magic.api.models import LARGEST_BASE64_CHARACTERS, LARGEST_PICTURE_BYTES
from seedream_magic.api.sse import Decoder
from served import client
from service import PICTURE, POST, chunk, completed, link, picture, succeeded

SIDE = 4096


def png(rows: Iterator[bytes], *, level: int) -> bytes:
    """A square PNG of 4096 pixels, 8 bits of red, green and blue."""
    packer = zlib.compressobj(level)
    pixels = b"".join(packer.compress(b"\0" + row) for row in rows) + packer.flush()
    header = SIDE.to_bytes(4) * 2 + bytes([8, 2, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def noise() -> Iterator[bytes]:
    chance = random.Random(7)
    return (chance.randbytes(3 * SIDE) for _ in range(SIDE))


@pytest.fixture(scope="module")
def largest() -> bytes:
    """All that a PNG without an alpha channel can have; a drawn picture has some 30 MiB."""
    made = png(noise(), level=0)
    assert 48 <= len(made) / 2**20 < 49
    return made


@pytest.mark.fault("F63")
@pytest.mark.parametrize("stream", [True, False])
def test_the_largest_picture_comes_whole(store: Path, largest: bytes, *, stream: bool) -> None:
    """In an event or in a JSON answer: byte for byte, and nothing is left over."""
    text = base64.b64encode(largest)
    body = b'{"data":[{"b64_json":"%s"}]}' % text
    if stream:
        head = b'data: {"type":"image_generation.partial_succeeded","image_index":0,"b64_json":"%s"}\n\n'
        body = head % text + completed(1)
    reply = Reply(200, EVENT_STREAM if stream else {"Content-Type": "application/json"}, body)
    with raw_server({POST: reply}) as server:
        images = client(server, store).generate("x", stream=stream, size="4K", response_format="b64_json")
    assert images[0].path
    assert images[0].sha256 == hashlib.sha256(largest).hexdigest()
    assert images[0].path.read_bytes() == largest
    assert (images[0].width, images[0].height, images.notes) == (SIDE, SIDE, ())
    assert not list(store.glob("*/*.raw"))


def test_what_can_be_is_below_the_limits(largest: bytes) -> None:
    """Of the largest picture of all, with an alpha channel: its bytes, and its base64 with white space and JSON."""
    with_alpha = len(largest) * 4 // 3
    assert with_alpha < LARGEST_PICTURE_BYTES
    assert len(base64.encodebytes(bytes(with_alpha))) + 4096 < LARGEST_BASE64_CHARACTERS


def kept_whole(sent: bytes, images: ImageSet, note: str) -> None:
    """The bytes of the answer are kept to the last one, for their owner; the set says so."""
    (kept,) = images.folder.glob("response.raw")
    assert kept.read_bytes() == sent
    assert kept.stat().st_mode & 0o777 == 0o600
    told = [*images.notes, *(line for frame in images.failed if frame.error for line in frame.error.lines())]
    assert any((note or str(kept)) in line for line in told)


@pytest.mark.fault("F64")
def test_an_event_over_the_limit_is_passed_over(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those behind it are read."""
    monkeypatch.setattr(decoder_module, "Decoder", lambda: Decoder(maximum=300_000))
    sent: list[bytes] = []

    def answer(request: Request) -> Behaviour:
        large = event("partial_succeeded", image_index=1, b64_json="A" * 2_000_000)
        sent[:] = [succeeded(request, 0) + large + succeeded(request, 2) + completed(3)]
        return Reply(200, EVENT_STREAM, sent[0])

    images = drawn(outcome({POST: answer, PICTURE: picture}, store, images=3))
    assert shades(images) == [0, None, 2]
    kept_whole(sent[0], images, "larger than any picture")


@pytest.mark.fault("F64", "F46")
def test_a_document_over_the_limit_keeps_what_stands_before_it(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pictures whose links had come are brought."""
    monkeypatch.setattr(decoder_module, "MAXIMUM_DOCUMENT_BYTES", 300_000)
    monkeypatch.setattr(decoder_module, "LARGEST_BASE64_CHARACTERS", 100_000)
    sent: list[bytes] = []

    def answer(request: Request) -> Behaviour:
        sent[:] = [json.dumps({"data": [{"url": link(request, 0)}, {"b64_json": "A" * 2_000_000}]}).encode()]
        return Reply(200, {"Content-Type": "application/json"}, sent[0])

    images = drawn(outcome({POST: answer, PICTURE: picture}, store, images=2, stream=False))
    assert shades(images) == [0, None]
    kept_whole(sent[0], images, "")
