"""The stream decoder: the same messages however the bytes are cut and whichever line ends they have."""

from __future__ import annotations

import itertools

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


def data_of(*chunks: bytes) -> list[bytes]:
    messages = decoded(*chunks)
    assert all(message.whole for message in messages)
    return [message.data for message in messages]


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"data: a\n\n", [b"a"]),
        (b"data:a\n\n", [b"a"]),
        (b"data:  a\n\n", [b" a"]),  # one blank belongs to the field, the second to the data
        (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
        (b"data: a\r\n\ndata: b\n\r\n", [b"a", b"b"]),
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b"data\n\n", [b""]),
        (b"data:\ndata:\n\n", [b"\n"]),
        (b"\n\n\n", []),
        (b"event: x\n\n", []),
        (b": PING\n\n: PING\n\ndata: a\n\n", [b"a"]),
        (b":\ndata: a\n: b\ndata: c\n\n", [b"a\nc"]),
        (b"id: 5\n: keep-alive\n\n", []),
        (b"retry: 10\nid\nunknown: x\ndata: a\n\n", [b"a"]),
        (b"datax: a\n\n", []),
        (b" data: a\n\n", []),
        (b"data: a", [b"a"]),  # the end of the stream terminates the last message
        (b"data: a\n", [b"a"]),
        (b"data: a\r", [b"a"]),
        (b"data: a\n\ndata: {", [b"a", b"{"]),
        (BOM + b"data: a\n\n", [b"a"]),
        (BOM + BOM + b"data: a\n\n", []),
        (b"data: a\n\n" + BOM + b"data: b\n\n", [b"a"]),
        (b"data: " + SEPARATORS + b"\n\n", [SEPARATORS]),
        (b"data: \xff\xfe\n\ndata: b\n\n", [b"\xff\xfe", b"b"]),
        (b"data: [DONE]\n\n", [b"[DONE]"]),
        (b'data: {\n  "url": "x"\n}\n\n', [b'{\n  "url": "x"\n}']),  # JSON that goes on without the prefix
        (b'{"error":{"code":"x"}}\n\n', [b'{"error":{"code":"x"}}']),
        (b"", []),
    ],
)  # fmt: skip
def test_streams(stream: bytes, expected: list[bytes]) -> None:
    """Each stream gives its data, whole and in single bytes."""
    assert data_of(stream) == expected
    assert data_of(*(bytes([byte]) for byte in stream)) == expected


@pytest.mark.parametrize(
    ("stream", "names"),
    [
        (b"data: a\n\n", ["message"]),
        (b"event: x.y\ndata: a\n\ndata: b\n\n", ["x.y", "message"]),
        (b"event: x\nevent: y\ndata: a\n\n", ["y"]),
        (b"event: x\n\ndata: a\n\n", ["message"]),
        (b"event: \xff\ndata: a\n\n", ["\ufffd"]),
        (b"event\ndata: a\n\n", ["message"]),
    ],
)
def test_event_names(stream: bytes, names: list[str]) -> None:
    """The last name before a message is its name, and only its."""
    assert [message.event for message in decoded(stream)] == names


@pytest.mark.fault("F53", "F54")
@pytest.mark.parametrize(
    "chunks",
    [
        (b"data: a\r", b"\ndata: b\r\n\r\n"),
        (b"data: a\r", b"", b"\ndata: b\r\n\r", b"\n"),
        (b"data: a\r\ndata: b\r", b"\n", b"\r", b"\n"),
        (BOM[:1], BOM[1:2], BOM[2:] + b"da", b"ta: a\ndata: b\n\n"),
    ],
)
def test_line_ends_and_byte_order_mark_split_across_chunks(chunks: tuple[bytes, ...]) -> None:
    """CR LF is one line end and the mark is one mark, wherever the network cuts them."""
    assert data_of(*chunks) == [b"a\nb"]


@pytest.mark.fault("F53")
def test_a_message_is_handed_out_at_its_blank_line() -> None:
    """A message that ends with CR does not wait for the next byte."""
    decoder = Decoder()
    assert decoder.feed(b"data: a\r\r") == [Message("message", b"a")]
    assert decoder.feed(b"\ndata: b\n\n") == [Message("message", b"b")]


def test_a_line_of_twelve_mebibytes() -> None:
    """A picture in base64 is one line; it arrives whole."""
    picture = b"A" * (12 * 2**20)
    stream = b"data: " + picture + b"\r\n\r\n"
    chunks = (stream[start : start + 65_536] for start in range(0, len(stream), 65_536))
    (message,) = decoded(*chunks, maximum=len(stream))
    assert message.data == picture


@pytest.mark.parametrize(
    "endless",
    [b"data: " + b"A" * 50, b"A" * 50, b":" + b"A" * 50, b"data\n" * 50, b"event: " + b"A" * 50, b"data: aaaa\n" * 20],
)
@pytest.mark.parametrize("end", [b"\n\n", b"\ndata: more\nevent: x\n\n", b'\n{"more": 1}\r\n\r\n'])
def test_a_message_past_the_maximum(endless: bytes, end: bytes) -> None:
    """It is passed over, whatever it is made of and however it is cut; those before and behind it are handed out."""
    stream = b"data: a\n\n" + endless.rstrip() + end + b"event: y\ndata: b\n\n"
    expected = [Message("message", b"a"), Message("message", b"", whole=False), Message("y", b"b")]
    for size in (1, 7, 50, len(stream)):
        chunks = (stream[start : start + size] for start in range(0, len(stream), size))
        assert decoded(*chunks, maximum=40) == expected
    assert all(message.whole for message in decoded(b"data: 0123456789\n\n" * 100, maximum=20))  # it is of one message


TOKENS = st.sampled_from(
    [b"data:", b"data: ", b"event:", b"id:", b"retry:", b":c", b"\n", b"\r", b"\r\n", b"\n\n", BOM, "季".encode(),
     b"\xff", b"\x00", b"\xe2\x80\xa8", b'{"type":"x"}', b'{"url":', b"[DONE]", b" ", b"a"]
)  # fmt: skip
STREAMS = st.lists(TOKENS, max_size=40).map(b"".join)
CUTS = st.lists(st.integers(min_value=0, max_value=120), max_size=12)
MAXIMA = st.sampled_from([8, 20, 1000])


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place for place in places if place <= len(stream)), len(stream)]
    return [stream[start:end] for start, end in itertools.pairwise(edges)]


@given(stream=STREAMS, places=CUTS, maximum=MAXIMA)
@settings(max_examples=500, deadline=None)
def test_messages_do_not_depend_on_the_cuts(stream: bytes, places: list[int], maximum: int) -> None:
    """Any chunking, empty chunks included, gives the messages of the whole."""
    assert decoded(*cut(stream, places), maximum=maximum) == decoded(stream, maximum=maximum)


@given(stream=STREAMS.map(lambda stream: stream.replace(b"\r", b"")))
@settings(max_examples=300, deadline=None)
def test_line_ends_are_equal(stream: bytes) -> None:
    """CR LF, LF and CR give the same messages."""
    expected = decoded(stream)
    assert decoded(stream.replace(b"\n", b"\r\n")) == expected
    assert decoded(stream.replace(b"\n", b"\r")) == expected


@given(stream=STREAMS, length=st.integers(min_value=0, max_value=120))
@settings(max_examples=300, deadline=None)
def test_a_prefix_of_the_bytes_gives_a_prefix_of_the_messages(stream: bytes, length: int) -> None:
    """What has been handed out is never taken back."""
    early, whole = Decoder().feed(stream[:length]), Decoder().feed(stream)
    assert whole[: len(early)] == early


@given(chunks=st.lists(st.binary(max_size=30), max_size=20), maximum=MAXIMA)
@settings(max_examples=300, deadline=None)
def test_any_bytes(chunks: list[bytes], maximum: int) -> None:
    """Nothing is raised, and no message is larger than the maximum."""
    assert all(len(message.data) <= maximum for message in decoded(*chunks, maximum=maximum))
