"""Random bytes, records and crashes (Z8, Z9, Z13, Z14 of the reliability page): nothing escapes, nothing paid is lost.

The other targets stand beside what they are about: streams in test_sse and test_events, cut answers in test_documents,
pauses in test_retry, links in test_guard, cells in test_cell, output in test_carousel, keys in test_secrets.
"""

from __future__ import annotations

import base64
import errno
import gzip
import json
import os
import re
import shutil
import tempfile
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import brotli
import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from raw_server import Reply, raw_server
from seedream_magic import Seedream
from seedream_magic.api.models import MAXIMUM_PIXELS
from seedream_magic.errors import ImageInvalid, ImageTooLarge, SeedreamError
from seedream_magic.images.download import decode
from seedream_magic.images.image_set import ImageSet
from seedream_magic.images.stored_runs import load_whole, records
from seedream_magic.images.verify import verify_picture
from seedream_magic.recover import find_unfinished
from seedream_magic.view.pictures import open_picture
from served import KEY, check_store, client
from service import PICTURE, POST, jpeg, picture, whole_answer
from test_shapes import SHAPES
from test_verify import WHOLE

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KNOWN = (
    "state", "body", "frames", "began", "expected", "usage", "seconds", "notes", "lineage", "references", "process",
)  # fmt: skip


@st.composite
def mutated_pictures(draw: st.DrawFn) -> bytes:
    """A whole picture with bits turned, bytes cut, moved in, or doubled."""
    data = bytearray(WHOLE[draw(st.sampled_from(sorted(WHOLE)))])
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data) - 1))
        kind = draw(st.sampled_from(["flip", "cut", "splice", "double", "header"]))
        if kind == "flip":
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "cut":
            del data[at : at + draw(st.integers(1, 400))]
        elif kind == "splice":
            data[at:at] = draw(st.binary(max_size=40))
        elif kind == "double":
            data[at:at] = data[at : at + 64]
        else:
            place = min(at, 32)
            data[place : place + 4] = draw(st.binary(min_size=4, max_size=4))
        data = data or bytearray(b"\x00")
    return bytes(data)


@given(data=mutated_pictures())
@settings(max_examples=250, deadline=None)
def test_what_passes_as_a_picture_can_be_opened(data: bytes) -> None:
    """Z8: a damaged picture is refused by our own errors; what passes decodes whole and within the limits."""
    try:
        facts = verify_picture(data)
    except (ImageInvalid, ImageTooLarge):
        return
    assert 0 < facts.width * facts.height <= MAXIMUM_PIXELS
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"01.{facts.ending}")
        path.write_bytes(data)
        assert open_picture(path).size == (facts.width, facts.height)


@given(
    text=st.text(alphabet=st.characters(codec=None), max_size=60)
    | st.binary(max_size=60).map(lambda data: base64.b64encode(data).decode()),
    prefix=st.sampled_from(["", "data:image/jpeg;base64,", " \n"]),
)
@settings(max_examples=250, deadline=None)
def test_base64_is_a_picture_or_refused(text: str, prefix: str) -> None:
    """Z9: any text is the bytes of a picture or `ImageInvalid`; a picture in lines, with a prefix, is itself."""
    with suppress(ImageInvalid, ImageTooLarge):
        decode(prefix + text)
    encoded = base64.b64encode(jpeg(1)).decode()
    lines = "\n".join(encoded[at : at + 76] for at in range(0, len(encoded), 76))
    assert decode(prefix + lines)[0] == jpeg(1)


@given(facts=st.dictionaries(st.sampled_from(KNOWN), JSON, max_size=6), lines=st.lists(JSON, max_size=3))
@settings(max_examples=150, deadline=None)
def test_any_record_is_read(facts: dict[str, Any], lines: list[Any]) -> None:
    """Z13: whatever JSON a run's folder holds, it is shown, listed or passed over; nothing is written or raised."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "20260101T000000Z-aaaaaaaaaa")
        folder.mkdir()
        (folder / "request.json").write_text(json.dumps(facts))
        (folder / "response.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        (folder / "01.jpg").write_bytes(jpeg(1))
        before = {path: path.read_bytes() for path in folder.iterdir()}
        for record in records(Path(name)):
            assert isinstance(load_whole(record), ImageSet)
        assert isinstance(find_unfinished(Path(name)), list)
        Seedream("demo", store=name).history("x")
        assert {path: path.read_bytes() for path in folder.iterdir()} == before


# Answers: recorded shapes, mutated. The network is a function, all else is the real path.

NAMES = st.sampled_from([
    "data", "result", "output", "response", "images", "items", "payload", "detail", "content", "url", "image", "x",
    "resultado", "图片", "prompt", "error", "usage", "status", "id", "type", "message", "thumbnail",
])  # fmt: skip
PACKS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes, "gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress, "identity, none": bytes,
    "none": gzip.compress,
}  # fmt: skip


@dataclass(frozen=True)
class Sent:
    """A mutated answer: its bytes in pieces, the head's word for their coding, and which pictures stand whole in it.

    `benign`: nothing was renamed, so that each of them has to be saved.
    """

    pieces: list[bytes]
    said: str
    links: set[int]
    texts: set[int]
    benign: bool


def address(shade: int) -> str:
    return f"https://pictures.example/{shade}.jpeg?X-Tos-Signature=s{shade}"


TEXTS = [base64.b64encode(jpeg(shade)).decode() for shade in range(4)]


@st.composite
def answers(draw: st.DrawFn) -> Sent:
    """One of the recorded shapes with four pictures in two halves, turned over."""
    shape = draw(st.sampled_from(sorted(SHAPES)))
    halves = [SHAPES[shape]([address(a), address(b)], [TEXTS[a], TEXTS[b]]) for a, b in ((0, 1), (2, 3))]
    body, benign, value = halves[0], True, None
    with suppress(ValueError):
        value = json.loads(body)
        for _ in range(draw(st.integers(0, 3))):
            name = draw(NAMES)
            if draw(st.booleans()):
                value, benign = {name: value}, benign and name in {"data", "result", "output", "response", "payload"}
            elif isinstance(value, dict):
                value = dict(draw(st.permutations(list(value.items()))))
                old = draw(st.sampled_from([name, *sorted(value)]))
                if old in value:
                    value[name] = value.pop(old)
                    benign = benign and old == name
        body = json.dumps(value, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 1]))).encode()
        if draw(st.booleans()) and b"\n" not in halves[1]:
            body += draw(st.sampled_from([b"\n", b"", b"\r\n"])) + halves[1]
        body = draw(st.sampled_from([b"\xef\xbb\xbf", b"\n\n ", b""])) + body
    if draw(st.booleans()):
        body = body[: draw(st.integers(0, len(body)))]
    # The quote, or whatever ends a text, has to stand behind it.
    unescaped = body.replace(b"\\", b"")
    links = {shade for shade in range(4) if re.search(re.escape(address(shade)).encode() + b"[^0-9a-z]", unescaped)}
    lines = unescaped.replace(b"\n", b"") if shape == "b64 in lines" else unescaped
    texts = {shade for shade, text in enumerate(TEXTS) if re.search(re.escape(text).encode() + b"[^\\w+/=]", lines)}
    if value is not None and draw(st.booleans()):
        body = body.decode("utf-8", "replace").encode(draw(st.sampled_from(["utf-16", "utf-16-le", "utf-16-be"])))
    said = draw(st.sampled_from(sorted(PACKS)))
    packed, size = PACKS[said](body), draw(st.sampled_from([1, 7, 100, 1000, 10**6]))
    pieces = [packed[start : start + size] for start in range(0, len(packed), size)]
    return Sent(pieces, said, links, texts, benign and shape not in CUT_WORDS)


CUT_WORDS = {"a chat, streamed", "a chat, streamed, base64", "an event in an event"}
"""Of these a text that ends in the middle is no text yet."""


class Pieces(httpx.AsyncByteStream):
    """A body in the pieces in which it came."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


@given(sent=answers())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_picture_that_stood_in_an_answer_is_lost(sent: Sent) -> None:
    """Each whole link and each whole base64 is on disk, or is named in the record for a later version to fetch."""

    def serve(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(200, headers={"Content-Encoding": sent.said}, stream=Pieces(sent.pieces))
        found = re.fullmatch(r"/(\d)\.jpeg", request.url.path)
        return httpx.Response(200, content=jpeg(int(found[1]))) if found else httpx.Response(404)

    with tempfile.TemporaryDirectory() as name:
        transport = httpx.MockTransport(serve)
        seedream = Seedream("ark", api_key=KEY, store=name, transport=transport)
        seedream.ask_when_unknown = False  # the stores of earlier examples are gone
        with suppress(SeedreamError):
            seedream.generate("x", images=4)
        saved = {jpeg(shade): shade for shade in range(4)}
        on_disk = {saved.get(path.read_bytes()) for path in Path(name).glob("*/*.jpg")}
        record = "".join(path.read_text() for path in Path(name).glob("*/response.jsonl"))
        (*raw,) = Path(name).glob("*/response.raw")
        assert not raw or raw[0].read_bytes() == b"".join(sent.pieces) or b"[DONE]" in b"".join(sent.pieces)
        missing = {shade for shade in sent.links - on_disk if f"/{shade}.jpeg" not in record}
        missing |= {shade for shade in sent.texts - on_disk if TEXTS[shade] not in record}
        assert not missing or raw
        assert not (sent.benign and (sent.links | sent.texts) - on_disk)
        check_store(Path(name))


class Disk:
    """The calls that write, counted; from the `last` one on nothing is written any more, as after a kill."""

    def __init__(self, last: int) -> None:
        self._left = last
        self._real = {name: getattr(os, name) for name in ("write", "fsync", "replace", "ftruncate")}

    def call(self, name: str) -> Any:
        def counted(*args: Any, **options: Any) -> Any:
            self._left -= 1
            if self._left < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            return self._real[name](*args, **options)

        return mock.patch.object(os, name, counted)


class CrashSchedule(RuleBasedStateMachine):
    """Runs that are cut off from the disk at any step, recoveries, and the same requests again, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self._serving = raw_server({POST: whole_answer, PICTURE: picture})
        self.server = self._serving.__enter__()
        self.store = Path(tempfile.mkdtemp())
        self.seedream = client(self.server, self.store)
        self.seedream.ask_when_unknown = False  # its pause is tried elsewhere

    @rule(prompt=st.sampled_from("ab"), images=st.integers(1, 3), last=st.integers(0, 40))
    def draw_on_a_failing_disk(self, prompt: str, images: int, last: int) -> None:
        disk, posts = Disk(last), self.server.posts
        failing = (disk.call("write"), disk.call("fsync"), disk.call("replace"), disk.call("ftruncate"))
        with ExitStack() as stack, suppress(SeedreamError):
            for patch in failing:
                stack.enter_context(patch)
            self.seedream.generate(prompt, images=images, fresh=True)
        assert self.server.posts <= posts + 1

    @rule(prompt=st.sampled_from("ab"), images=st.integers(1, 3))
    def draw(self, prompt: str, images: int) -> None:
        posts, stored = self.server.posts, self.seedream.plan(prompt, images=images).stored
        drawn = self.seedream.generate(prompt, images=images)
        assert drawn.complete
        assert self.server.posts <= posts + (stored is None)  # what a run that was cut off has made is only fetched
        assert drawn.replayed or self.server.posts > posts

    @rule()
    def recover(self) -> None:
        posts = self.server.posts
        self.server._scenario = {PICTURE: picture, POST: Reply(500, {}, b"")}
        self.seedream.recover()
        self.server._scenario = {PICTURE: picture, POST: whole_answer}
        assert self.server.posts == posts

    @invariant()
    def the_store_is_whole(self) -> None:
        for part in self.store.rglob(".*.part"):
            part.unlink()  # what a kill may leave; the sweeper takes it after an hour
        check_store(self.store)
        for record in records(self.store):
            for frame in load_whole(record):
                assert frame.path is None or verify_picture(frame.path.read_bytes()).width > 0

    def teardown(self) -> None:
        self._serving.__exit__(None, None, None)
        shutil.rmtree(self.store)


def test_any_schedule_of_crashes_leaves_a_whole_store() -> None:
    """Z14: pictures that have a name are whole, records parse, at most one POST a run, none by a recovery."""
    run_state_machine_as_test(CrashSchedule, settings=settings(max_examples=20, stateful_step_count=8, deadline=None))
