"""The stream decoder: the same messages however the bytes are cut and whichever line ends they have."""

from __future__ import annotations

import itertools
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedream_magic.api.sse import Decoder, Message

BOM = b"\xef\xbb\xbf"
SEPARATORS = "\u2028\u2029\x85\x0b\x0c\x1c\x00".encode()
"""What `str.splitlines` would part, and NUL."""


def decoded(*chunks: bytes, maximum: int = 1000) -> list[Message]:
    """Every message of the chunks, the unterminated last one included."""
    decoder = Decoder(maximum=maximum)
    return [*itertools.chain.from_iterable(map(decoder.feed, chunks)), *decoder.close()]


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"data:  a\n\n", [b" a"]),  # one blank belongs to the field, the second to the data
        (b"data: a\r\n\ndata: b\n\r\n", [b"a", b"b"]),
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b"data\n\n", [b""]),
        (b"event: x\n\n: PING\n\nid: 5\n: keep-alive\n\n", []),
        (b"retry: 10\nid\nunknown: x\n: b\ndata: a\n\n", [b"a"]),
        (b"datax: a\n\n data: a\n\n", []),
        (b"data: a\n\ndata: {", [b"a", b"{"]),  # the end of the stream terminates the last message
        (BOM + b"data: a\r", [b"a"]),
        (b"data: a\n\n" + BOM + b"data: b\n\n", [b"a"]),
        (b"data: " + SEPARATORS + b"\xff\n\n", [SEPARATORS + b"\xff"]),
        (b'data: {\n  "url": "x"\n}\n\n', [b'{\n  "url": "x"\n}']),  # JSON that goes on without the prefix
        (b'{"error":{"code":"x"}}\n\n', [b'{"error":{"code":"x"}}']),
    ],
)
def test_streams(stream: bytes, expected: list[bytes]) -> None:
    """Each stream gives its data, whole and in single bytes."""
    for chunks in ([stream], [bytes([byte]) for byte in stream]):
        assert [(message.data, message.whole) for message in decoded(*chunks)] == [(data, True) for data in expected]


def test_event_names() -> None:
    """The last name before a message is its name, and only its."""
    stream = b"event: x\nevent: y.z\ndata: a\n\nevent: x\n\ndata: a\n\nevent: \xff\ndata: a\n\nevent\ndata: a\n\n"
    assert [message.event for message in decoded(stream)] == ["y.z", "message", "\ufffd", "message"]


@pytest.mark.fault("F53")
def test_a_message_is_handed_out_at_its_blank_line() -> None:
    """A message that ends with CR does not wait for the next byte."""
    decoder = Decoder()
    assert decoder.feed(b"data: a\r\r") == [Message("message", b"a")]
    assert decoder.feed(b"\ndata: b\n\n") == [Message("message", b"b")]


@pytest.mark.parametrize("endless", [b"data: " + b"A" * 50, b"A" * 50, b":" + b"A" * 50, b"data: aaaa\n" * 20])
@pytest.mark.parametrize("end", [b"\n\n", b"\ndata: more\nevent: x\n\n", b'\n{"more": 1}\r\n\r\n'])
def test_a_message_past_the_maximum(endless: bytes, end: bytes) -> None:
    """It is passed over, whatever it is made of and however it is cut; those before and behind it are handed out."""
    stream = b"data: a\n\n" + endless.rstrip() + end + b"event: y\ndata: b\n\n"
    expected = [Message("message", b"a"), Message("message", b"", whole=False), Message("y", b"b")]
    for size in (1, 7, len(stream)):
        chunks = (stream[start : start + size] for start in range(0, len(stream), size))
        assert decoded(*chunks, maximum=40) == expected
    assert all(message.whole for message in decoded(b"data: 0123456789\n\n" * 100, maximum=20))  # it is of one message


def test_a_long_line_is_copied_once() -> None:
    """Out of the pieces in which it came: a second copy of megabytes took longer than all the rest."""
    decoder, pieces = Decoder(), [b"data: " + b"A" * 16_000, *[b"A" * 16_384] * 255]
    for piece in pieces:
        decoder.feed(piece)
    tracemalloc.start()
    (message,) = decoder.feed(b"\n\n")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.1 * len(message.data)


TOKENS = st.sampled_from(
    [b"data:", b"data: ", b"event:", b"id:", b"retry:", b":c", b"\n", b"\r", b"\r\n", b"\n\n", BOM, "季".encode(),
     b"\xff", b"\x00", b"\xe2\x80\xa8", b'{"type":"x"}', b'{"url":', b"[DONE]", b" ", b"a"]
)  # fmt: skip
STREAMS = st.lists(TOKENS, max_size=40).map(b"".join)
CUTS = st.lists(st.integers(min_value=0, max_value=120), max_size=12)
MAXIMA = st.sampled_from([8, 20, 1000])


@pytest.mark.fault("F53", "F54")
@given(stream=STREAMS | st.binary(max_size=100), places=CUTS, maximum=MAXIMA)
@settings(max_examples=500, deadline=None)
def test_messages_do_not_depend_on_the_cuts(stream: bytes, places: list[int], maximum: int) -> None:
    """Any chunking gives the messages of the whole, none larger than the maximum; nothing is raised."""
    edges = [0, *sorted(place for place in places if place <= len(stream)), len(stream)]
    messages = decoded(*(stream[start:end] for start, end in itertools.pairwise(edges)), maximum=maximum)
    assert messages == decoded(stream, maximum=maximum)
    assert all(len(message.data) <= maximum for message in messages)


@given(stream=STREAMS, length=st.integers(min_value=0, max_value=120))
@settings(max_examples=300, deadline=None)
def test_line_ends_are_equal_and_nothing_is_taken_back(stream: bytes, length: int) -> None:
    """CR LF, LF and CR give the same messages; a prefix of the bytes gives a prefix of the messages."""
    early, whole = Decoder().feed(stream[:length]), Decoder().feed(stream)
    assert whole[: len(early)] == early
    stream = stream.replace(b"\r", b"")
    assert decoded(stream) == decoded(stream.replace(b"\n", b"\r\n")) == decoded(stream.replace(b"\n", b"\r"))
