"""What must not grow: counts of the work that a set, an update and a replay take. No time is measured here."""

from __future__ import annotations

import base64
import gzip
import hashlib
import os
import socket
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image

from asking import run_cell
from raw_server import Behaviour, RawServer, Request, head, raw_server
from seedream_magic import Seedream, library, memory
from seedream_magic.images import changes, response
from seedream_magic.images.received import IN_MEMORY
from seedream_magic.images.verify import verify_picture
from seedream_magic.view import pictures
from seedream_magic.view.pictures import preview_of
from served import client
from service import POST, encoded, noise, whole_answer


@dataclass(frozen=True)
class Uncopied:
    """A body in pieces: the server, which is weighed with the client, copies none of them."""

    pieces: Sequence[bytes]

    def play(self, connection: socket.socket) -> None:
        connection.sendall(head(200, {"Content-Length": str(sum(map(len, self.pieces)))}))
        for piece in self.pieces:
            connection.sendall(piece)


@contextmanager
def calls_of(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> Iterator[list[tuple[Any, ...]]]:
    """The arguments of each call of a function, which does its work all the same."""
    calls: list[tuple[Any, ...]] = []
    real: Callable[..., Any] = getattr(owner, name)

    def counted(*arguments: Any, **options: Any) -> Any:
        calls.append(arguments)
        return real(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, counted)
        yield calls


def test_a_picture_is_hashed_once_and_synced_once(
    seedream: Seedream, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four pictures: four passes of SHA-256 over their bytes; for each a file and its record are synced, no more."""
    with (
        calls_of(monkeypatch, hashlib, "sha256") as hashed,
        calls_of(monkeypatch, os, "fsync") as synced,
    ):
        images = seedream.generate("four counted frames", images=4, stream=False)
        more = len(synced)
        single = seedream.generate("one counted frame", stream=False)
    files = Counter(frame.path.read_bytes() for frame in (*images, *single) if frame.path)
    passes = Counter(data for data, *_ in hashed if bytes(data) in files)
    assert passes == files
    a_frame = (more - (len(synced) - more)) / 3
    assert a_frame == 3  # the picture, the folder that names it, and the sidecar
    assert server.posts == 2
    assert server.gets == 5


def test_the_check_of_a_jpeg_decodes_none_of_its_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its heads and tables are decoded: a few hundred bytes, however large the picture is."""
    data = encoded(noise(512, 512), "JPEG", quality=95)
    with calls_of(monkeypatch, Image, "frombytes") as decoded:
        assert verify_picture(data).width == 512
    ((_, _, given, *_),) = decoded
    assert len(given) < 1000 < len(data) // 100


def test_a_preview_is_encoded_once_for_all_updates(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often the growing set is shown; and a small picture fits at the first try."""
    with (
        calls_of(monkeypatch, pictures, "decode") as decoded,
        calls_of(monkeypatch, pictures, "_encode") as tried,
    ):
        error, _, outputs = run_cell(shell, "%%seedream -n 6 --stream\nsix counted previews")
    assert error is None
    assert len(outputs) > 1
    sheet = 2  # a first look without its tables: it is large for its bytes
    assert len(decoded) == 6
    assert len(tried) <= 6 + sheet


def test_updates_of_a_growing_set_are_few(shell: InteractiveShell) -> None:
    """No more of them than there is news: each picture, the beginning, the end."""
    error, _, outputs = run_cell(shell, "%%seedream -n 6 --stream\nsix counted updates")
    assert error is None
    assert len(outputs) <= 6 + 4


def test_a_replay_opens_what_it_shows(seedream: Seedream, server: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other runs of the store are not looked into, and nothing is sent or synced."""
    for number in range(5):
        seedream.generate(f"another run {number}")
    made, sent = seedream.generate("a counted replay", images=3), len(server.requests)
    opened: list[str] = []

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if watching and event == "open" and isinstance(arguments[0], str | os.PathLike):
            opened.append(os.fspath(arguments[0]))

    watching = True
    sys.addaudithook(hook)
    with calls_of(monkeypatch, os, "fsync") as synced:
        again = seedream.generate("a counted replay", images=3)
    watching = False
    assert again.replayed
    assert len(server.requests) == sent
    assert synced == []
    runs = {Path(path).parent.name for path in opened if str(made.folder.parent) in path}
    assert runs <= {made.run_id, made.folder.parent.name}
    files = Counter(Path(path).name for path in opened if made.run_id in path)
    assert files.pop("request.json") <= 6
    assert set(files.values()) == {1}


def test_a_batch_does_not_look_through_its_store_for_each_run(
    seedream: Seedream, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It knows what it has changed there itself: a batch of thousands would read all names thousands of times."""

    def state_of(store: Path) -> tuple[int, int] | None:
        """As where the file system counts the folders in a folder."""
        with suppress(OSError):
            return store.stat().st_mtime_ns, 2 + sum(entry.is_dir() for entry in os.scandir(store))
        return None

    monkeypatch.setattr(changes, "state_of", state_of)
    with calls_of(monkeypatch, library, "run_folders") as looks:
        drawn = list(seedream.map([f"counted fox {number}" for number in range(30)], concurrency=4, stream=False))
    assert sum(len(images.ok) for images in drawn) == server.posts == 30
    assert len(looks) <= 10


@pytest.mark.parametrize("way", ["link", "base64 in JSON", "base64 in events"])
def test_memory_does_not_grow_with_the_number_of_frames(store: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve large pictures, all on their way at once, take what three take: a core has one each, disk the rest."""
    monkeypatch.setattr(memory, "_MAPPED", 0)  # of which nothing is touched, but it would be weighed
    data = encoded(noise(1536, 1536), "PNG")
    text, stream = base64.b64encode(data + b"0")[:-4], way.endswith("events")
    images = 2

    def picture(request: Request) -> Behaviour:
        return Uncopied([data, request.path.partition("?")[0].encode()])

    def answer(request: Request) -> Behaviour:
        if way == "link":
            return whole_answer(request)
        begin, end = (b'data: {"data": [{', b"}]}\n\n") if stream else (b", {", b"}")
        items = [(begin, b'"b64_json": "', text, base64.b64encode(b"%03d" % n), b'"', end) for n in range(images)]
        pieces = [piece for item in items for piece in item]
        return Uncopied(pieces if stream else [b'{"data": [', pieces[0][2:], *pieces[1:], b"]}"])

    def peak(number: int) -> int:
        nonlocal images
        images = number
        tracemalloc.start()
        try:
            made = seedream.generate(f"{number} weighed frames", images=number, stream=stream)
            assert len(made.ok) == number
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    with raw_server({POST: answer, ("GET", "/picture/"): picture}) as server:
        seedream = client(server, store)
        seedream.generate("warm", images=2, stream=False)
        few, many = peak(3), peak(12)
    a_core = 2 * len(data)  # what is read, and a piece of it in hand
    assert many < few + 9 * 2 * IN_MEMORY + (os.cpu_count() or 1) * a_core
    assert many < 12 * 2 * IN_MEMORY + (os.cpu_count() or 1) * a_core + 2**22


def test_a_kept_answer_that_unpacks_without_end_is_not_held_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked through for the key, as far as that goes."""
    most, raw = 32 * 2**20, tmp_path / "response.raw"
    monkeypatch.setattr(response, "_MOST_MASKED", most)
    raw.write_bytes(gzip.compress(bytes(2 * most), 1))
    before = raw.read_bytes()
    tracemalloc.start()
    try:
        response.mask_raw(raw, "sk-of-nobody")
        assert tracemalloc.get_traced_memory()[1] < most + 2**23
    finally:
        tracemalloc.stop()
    assert raw.read_bytes() == before


def test_the_same_preview_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for by many threads at once as well as again and again."""
    path = tmp_path / "01.jpg"
    path.write_bytes(encoded(noise(64, 64), "JPEG"))
    with calls_of(monkeypatch, pictures, "decode") as decoded:
        for _ in range(3):
            pictures.make_previews([(path, "once")], budget=9_000)
            preview_of(path, "once", budget=9_000)
    assert len(decoded) == 1
