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
from seedream_magic.api import decoder as decoder_module
from seedream_magic.api.sse import Decoder
from served import client
from service import PICTURE, POST, completed, link, picture, png_of, succeeded

SIDE = 4096


def png(rows: Iterator[bytes], *, level: int) -> bytes:
    """A square PNG of 4096 pixels, 8 bits of red, green and blue."""
    packer = zlib.compressobj(level)
    pixels = b"".join(packer.compress(b"\0" + row) for row in rows) + packer.flush()
    return png_of(SIDE, SIDE, pixels, bits=8, colours=2)


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
    form = b'data: {"type":"image_generation.partial_succeeded","b64_json":"%s"}\n\n'
    body = (form if stream else b'{"data":[{"b64_json":"%s"}]}') % base64.b64encode(largest)
    reply = Reply(200, EVENT_STREAM, body + completed(1)) if stream else Reply(200, {}, body)
    with raw_server({POST: reply}) as server:
        images = client(server, store).generate("x", stream=stream, size="4K", response_format="b64_json")
    assert images[0].path
    assert images[0].sha256 == hashlib.sha256(largest).hexdigest()
    assert images[0].path.read_bytes() == largest
    assert (images[0].width, images[0].height, images.notes) == (SIDE, SIDE, ())
    assert not list(store.glob("*/*.raw"))


@pytest.mark.fault("F46", "F64")
@pytest.mark.parametrize("stream", [True, False])
def test_what_is_over_the_limit_costs_no_other_picture(
    store: Path, monkeypatch: pytest.MonkeyPatch, *, stream: bool
) -> None:
    """Behind an event, and before it in a document; the answer is kept to its last byte, and the set says so."""
    monkeypatch.setattr(decoder_module, "Decoder", lambda: Decoder(maximum=300_000))
    monkeypatch.setattr(decoder_module, "MAXIMUM_DOCUMENT_BYTES", 300_000)
    monkeypatch.setattr(decoder_module, "LARGEST_BASE64_CHARACTERS", 100_000)
    sent: list[bytes] = []

    def answer(request: Request) -> Behaviour:
        large = event("partial_succeeded", image_index=1, b64_json="A" * 2_000_000)
        events = succeeded(request, 0) + large + succeeded(request, 2) + completed(3)
        document = json.dumps({"data": [{"url": link(request, 0)}, {"b64_json": "A" * 2_000_000}]}).encode()
        sent.append(events if stream else document)
        return Reply(200, EVENT_STREAM if stream else {}, sent[0])

    images = drawn(outcome({POST: answer, PICTURE: picture}, store, images=2 + stream, stream=stream))
    assert shades(images) == ([0, None, 2] if stream else [0, None])
    (kept,) = images.folder.glob("response.raw")
    assert kept.read_bytes() == sent[0]
    assert kept.stat().st_mode & 0o777 == 0o600
    told = [*images.notes, *(line for frame in images.failed if frame.error for line in frame.error.lines())]
    assert any(("larger than any picture" if stream else str(kept)) in line for line in told)
