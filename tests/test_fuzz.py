"""Random bytes, records and crashes (Z8, Z9, Z13, Z14 of the reliability page): nothing escapes, nothing paid is lost.

The other targets stand beside what they are about: streams in test_sse and test_events, cut answers in test_salvage,
pauses in test_retry, links in test_guard, cells in test_cell, output in test_carousel, keys in test_secrets.
"""

from __future__ import annotations

import base64
import errno
import json
import os
import shutil
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from raw_server import Reply, raw_server
from seedream_magic import Seedream
from seedream_magic.api.models import MAXIMUM_PIXELS
from seedream_magic.errors import ImageInvalid, ImageTooLarge, SeedreamError
from seedream_magic.images.download import decode
from seedream_magic.images.image_set import ImageSet
from seedream_magic.images.load import load_whole
from seedream_magic.images.record import records
from seedream_magic.images.verify import open_picture, verified
from seedream_magic.recover import unfinished
from served import check_store, door
from service import PICTURE, POST, jpeg, picture, whole_answer
from test_verify import WHOLE

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KNOWN = (
    "state",
    "body",
    "frames",
    "began",
    "expected",
    "usage",
    "seconds",
    "notes",
    "lineage",
    "references",
    "process",
)


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
        facts = verified(data)
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
        assert isinstance(unfinished(Path(name)), list)
        Seedream("demo", store=name).history("x")
        assert {path: path.read_bytes() for path in folder.iterdir()} == before


class Disk:
    """The calls that write, counted; from the `last` one on nothing is written any more, as after a kill."""

    def __init__(self, last: int) -> None:
        self._left = last
        self._real = {name: getattr(os, name) for name in ("write", "fsync", "replace", "ftruncate")}

    def call(self, name: str) -> Any:
        def counted(*args: Any, **options: Any) -> Any:
            self._left -= 1
            if self._left < 0:
                raise OSError(errno.EIO, "Input/output error")
            return self._real[name](*args, **options)

        return mock.patch.object(os, name, counted)


class CrashSchedule(RuleBasedStateMachine):
    """Runs that are cut off from the disk at any step, recoveries, and the same requests again, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self._serving = raw_server({POST: whole_answer, PICTURE: picture})
        self.server = self._serving.__enter__()
        self.store = Path(tempfile.mkdtemp())
        self.seedream = door(self.server, self.store)

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
        assert self.server.posts == posts + (stored is None)
        assert drawn.replayed == (stored is not None)

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
                assert frame.path is None or verified(frame.path.read_bytes()).width > 0

    def teardown(self) -> None:
        self._serving.__exit__(None, None, None)
        shutil.rmtree(self.store)


def test_any_schedule_of_crashes_leaves_a_whole_store() -> None:
    """Z14: pictures that have a name are whole, records parse, at most one POST a run, none by a recovery."""
    run_state_machine_as_test(CrashSchedule, settings=settings(max_examples=12, stateful_step_count=8, deadline=None))
