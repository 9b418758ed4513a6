"""Server-sent events: from the bytes of a response to messages, as each library is used."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import httpx
from httpx_sse import EventSource

from seedream_magic.api.sse import Decoder, Message
from table import Row, in_turn, processor_seconds

_TYPE = b"image_generation.partial_succeeded"


class _Pieces(httpx.SyncByteStream):
    """The body of a response that comes in these pieces."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)


def _response(pieces: list[bytes]) -> httpx.Response:
    return httpx.Response(200, headers={"Content-Type": "text/event-stream; charset=utf-8"}, stream=_Pieces(pieces))


def by_seedream(pieces: list[bytes]) -> int:
    """How many messages ours finds."""
    decoder = Decoder()
    return sum(len(decoder.feed(piece)) for piece in _response(pieces).iter_bytes()) + len(decoder.close())


def by_httpx_sse(pieces: list[bytes]) -> int:
    """How many messages the peer finds."""
    return sum(1 for _ in EventSource(_response(pieces)).iter_sse())


def by_find(stream: bytes) -> int:
    """How many the floor finds, which only looks for empty lines in the whole: each ends where another line does."""
    found, before, place = 0, -2, -1
    while (place := stream.find(b"\n", place + 1)) >= 0:
        found, before = found + (place == before + 1), place
    return found


def picture_event(characters: int) -> bytes:
    """An event whose data is one line of base64 of about so many characters."""
    text = base64.b64encode(os.urandom(characters * 3 // 4))
    return b"event: " + _TYPE + b'\ndata: {"type":"' + _TYPE + b'","b64_json":"' + text + b'"}\n\n'


def _cut(stream: bytes, size: int) -> list[bytes]:
    return [stream[start : start + size] for start in range(0, len(stream), size)]


def _rate(work: Callable[[], object], size: int) -> float:
    """MB a second of processor time."""
    return size / 1e6 / processor_seconds(work)


def _all_of(pieces: list[bytes]) -> list[Message]:
    """Every message, kept as those of a set are: memory that is freed would make the next one cheaper."""
    decoder = Decoder()
    return [message for piece in pieces for message in decoder.feed(piece)]


def _milliseconds_per_megabyte(pieces: list[bytes]) -> float:
    return 1000 / _rate(partial(_all_of, pieces), sum(map(len, pieces)))


def rows() -> Iterator[Row]:
    """Against the peer at both ends, and the time of a byte at growing lengths of a line."""
    small = b'event: a\ndata: {"type":"x","n":1}\n\n' * 2000
    big = picture_event(4 * 2**20) * 4
    for name, stream, size, limit in (
        ("4 MB lines in 16 KB pieces", big, 2**14, "In a profile a sixth is to join a line, the rest a call a piece"),
        ("small events, byte by byte", small, 1, "In a profile two fifths are httpx, byte after byte"),
    ):
        pieces = _cut(stream, size)
        assert by_seedream(pieces) == by_httpx_sse(pieces) == by_find(stream)
        ways = {
            "ours": partial(by_seedream, pieces),
            "floor": partial(by_find, stream),
            "peer": partial(by_httpx_sse, pieces),
        }
        figures = in_turn({way: partial(_rate, work, len(stream)) for way, work in ways.items()})
        ratio = figures.ratio("ours", "peer")
        goal = f"at least 1.2x httpx-sse; it is {ratio:.2f}x"
        yield Row(f"SSE decoder, {name}", "MB/s", figures.of, goal, ratio >= 1.2, limit)
    streams = {f"lines of {size} MB": _cut(picture_event(size * 2**20) * (64 // size), 2**14) for size in (1, 16, 64)}
    streams["the same, 256 MB in all"] = _cut(picture_event(64 * 2**20) * 4, 2**14)
    costs = in_turn({name: partial(_milliseconds_per_megabyte, pieces) for name, pieces in streams.items()})
    growth = max(costs.ratio(name, "lines of 1 MB") for name in streams)
    goal = f"a byte costs the same at any length, at most 1.5x that of 1 MB; it is {growth:.2f}x"
    limit = "What grows in a profile is the join of a line: memory that was never used costs more than used memory"
    yield Row("SSE decoder, time of a megabyte", "ms", costs.of, goal, growth <= 1.5, limit)
