"""The misbehaving server does to a plain client what its scenario says, and tells what it saw.

What would make tests pass that should fail is tried here; that plain replies arrive, every other test shows.
"""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from raw_server import (
    EVENT_STREAM,
    Behaviour,
    Close,
    Cut,
    Drip,
    Gate,
    Hang,
    Raw,
    RawServer,
    Reply,
    Request,
    Reset,
    Sequence,
    head,
    json_reply,
    raw_server,
    sse,
)

PICTURE = Reply(200, {"Content-Type": "image/png"}, b"picture")
ASKING = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def connect(server: RawServer) -> socket.socket:
    address = urlsplit(server.url)
    return socket.create_connection((address.hostname or "", address.port or 0), timeout=10)


def ask(server: RawServer, path: str = "/", method: str = "GET", body: bytes = b"") -> tuple[int, bytes]:
    """Status and body, by the standard library's client."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=10)
    try:
        connection.request(method, path, body or None)
        with connection.getresponse() as response:
            return response.status, response.read()
    finally:
        connection.close()


def raw_answer(server: RawServer) -> bytes:
    """Every byte that the server sends until it closes."""
    with connect(server) as connection, connection.makefile("rb") as received:
        connection.sendall(ASKING)
        return received.read()


def test_a_request_is_kept_and_counted_and_the_longest_path_decides() -> None:
    """With its header bytes and a body that came in pieces; `/img/2` has its own behaviour beside `/img/`."""

    def echo(request: Request) -> Behaviour:
        return json_reply({"四季": len(request.body)}, 201)

    with raw_server({("POST", "/v1/"): echo, ("GET", "/img/"): PICTURE, ("GET", "/img/2"): Reply(410)}) as server:
        assert ask(server, "/v1/images", "POST", b"x" * 1_000_000) == (201, '{"四季": 1000000}'.encode())
        asked = [ask(server, path)[0] for path in ("/img/1", "/img/2", "/other")]
        asked.append(ask(server, "/img/1", "POST")[0])
        assert asked == [200, 410, 404, 404]
        assert (server.gets, server.posts, server.count("GET", "/img/"), server.connections) == (3, 2, 2, 5)
        request = server.requests[0]
    assert (request.method, request.path, request.connection) == ("POST", "/v1/images", 1)
    assert request.head.startswith(b"POST /v1/images HTTP/1.1\r\n")
    assert request.head.endswith(b"\r\n\r\n")
    assert request.headers["content-length"] == "1000000"


def test_a_sequence_gives_each_connection_the_next_behaviour_and_stays_with_the_last() -> None:
    """Closed, reset with and without a first byte, refused, then served for ever."""
    resets = (Reset(), Reset(b"HTTP/1.1 200"))
    with raw_server({("GET", "/"): Sequence(Close(), *resets, Reply(429), PICTURE)}) as server:
        assert raw_answer(server) == b""
        for _ in resets:
            with pytest.raises(ConnectionResetError):
                raw_answer(server)
        assert [ask(server)[0] for _ in range(3)] == [429, 200, 200]


@pytest.mark.parametrize(
    ("behaviour", "answer"),
    [
        (Raw(b"HTTP/1.1 2"), b"HTTP/1.1 2"),
        (Cut(PICTURE, 15), b"HTTP/1.1 200 OK"),
        (Cut(PICTURE, -3), bytes(PICTURE)[:-3]),
        (Drip(b"abcdefg", 3, 0), b"abcdefg"),
        (Raw(head(599, {})), b"HTTP/1.1 599 Unknown\r\nConnection: close\r\n\r\n"),
    ],
)
def test_the_bytes_are_those_of_the_behaviour(behaviour: Behaviour, answer: bytes) -> None:
    """Nothing is added to raw, cut and dripped bytes; a cut body is short of the length that was promised."""
    with raw_server({("GET", "/"): behaviour}) as server:
        assert raw_answer(server) == answer
    assert not answer.endswith(b"pict") or b"Content-Length: 7" in answer


def test_a_drip_leaves_its_gap_between_the_pieces() -> None:
    """Three pieces, two gaps before the last of them."""
    with raw_server({("GET", "/"): Drip(b"abc", 1, 0.03)}) as server:
        begun = time.monotonic()
        assert raw_answer(server) == b"abc"
        assert time.monotonic() - begun >= 0.06


def test_a_gate_holds_the_rest_back_until_its_event() -> None:
    """The first event of a stream is readable while the second has not been sent; JSON stands on one line of it."""
    opened, first = threading.Event(), sse("one", {"prompt": "春\n夏"})
    gate = Gate(head(200, EVENT_STREAM) + first, opened, sse(None, "[DONE]"))
    with (
        raw_server({("GET", "/"): gate}) as server,
        connect(server) as connection,
        connection.makefile("rb") as received,
    ):
        connection.sendall(ASKING)
        expected = head(200, EVENT_STREAM) + 'event: one\ndata: {"prompt": "春\\n夏"}\n\n'.encode()
        assert received.read(len(expected)) == expected
        assert server.open_connections == 1
        opened.set()
        assert received.read() == b"data: [DONE]\n\n"


@pytest.mark.parametrize(
    "behaviour",
    [
        lambda: Hang(threading.Event()),
        lambda: Drip(b"x" * 1_000_000, 1, 0.001),
        lambda: Gate(b"HTTP/1.1 200 OK\r\n", threading.Event(), b""),
    ],
    ids=["hang", "drip", "gate"],
)
def test_a_client_that_leaves_is_noticed(behaviour: Callable[[], Behaviour]) -> None:
    """The connection counts as open while the client waits, and no longer once it has left."""
    with raw_server({("GET", "/"): behaviour()}) as server:
        with connect(server) as connection:
            connection.sendall(ASKING)
            server.wait_for(lambda seen: seen.gets == 1)
            assert server.open_connections == 1
        server.wait_for(lambda seen: seen.open_connections == 0)


def test_a_released_hang_ends_the_connection() -> None:
    """The client reads an end without an answer."""
    release = threading.Event()
    with raw_server({("GET", "/"): Hang(release)}) as server, connect(server) as connection:
        connection.sendall(ASKING)
        server.wait_for(lambda seen: seen.gets == 1)
        release.set()
        assert connection.recv(1) == b""


def test_waiting_for_what_does_not_come_fails_and_says_what_was_seen() -> None:
    """A wait is an assertion: it cannot pass by running out of time."""
    with raw_server({("GET", "/"): PICTURE}) as server:
        ask(server, "/only")
        with pytest.raises(TimeoutError, match="GET /only"):
            server.wait_for(lambda seen: seen.gets == 2, timeout=0.01)


def test_the_end_frees_the_port_and_leaves_no_thread() -> None:
    """Neither a hanging client nor one that never asked keeps the server alive."""
    before = threading.active_count()
    with raw_server({("GET", "/"): Hang(threading.Event())}) as server:
        silent, waiting = connect(server), connect(server)
        waiting.sendall(ASKING)
        server.wait_for(lambda seen: seen.gets == 1 and seen.connections == 2)
    with silent, waiting:
        assert (silent.recv(1), waiting.recv(1)) == (b"", b"")
    assert threading.active_count() == before
    with pytest.raises(ConnectionRefusedError):
        connect(server)
