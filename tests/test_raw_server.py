"""The misbehaving server does to a plain client what its scenario says, and tells what it saw.

What would make tests pass that should fail is tried here; that plain replies arrive, every other test shows.
"""

from __future__ import annotations

import socket
import threading
from urllib.parse import urlsplit

import pytest

from raw_server import Behaviour, Close, Cut, Drip, Gate, Raw, RawServer, Reply, Reset, Sequence, head, raw_server

PICTURE = Reply(200, {"Content-Type": "image/png"}, b"picture")
ASKING = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def connect(server: RawServer) -> socket.socket:
    address = urlsplit(server.url)
    return socket.create_connection((address.hostname or "", address.port or 0), timeout=10)


def received(server: RawServer, path: str = "/", body: bytes = b"") -> bytes:
    """Every byte that the server sends until it closes."""
    with connect(server) as connection, connection.makefile("rb") as answer:
        method = b"POST" if body else b"GET"
        connection.sendall(b"%s %s HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (method, path.encode(), len(body), body))
        return answer.read()


def test_a_request_is_kept_and_the_longest_path_decides() -> None:
    """With its header bytes and a body that came in pieces; a wait for what does not come says what was seen."""
    replies = {("POST", "/v1/"): Reply(201), ("GET", "/img/"): Reply(200), ("GET", "/img/2"): Reply(410)}
    with raw_server(replies) as server:
        paths = [("/v1/images", b"x" * 1_000_000), ("/img/1", b""), ("/img/2", b""), ("/other", b"")]
        assert [received(server, *asked)[9:12] for asked in paths] == [b"201", b"200", b"410", b"404"]
        assert (server.gets, server.posts, server.count("GET", "/img/"), server.connections) == (3, 1, 2, 4)
        with pytest.raises(TimeoutError, match="GET /other"):
            server.wait_for(lambda seen: seen.gets == 4, timeout=0.01)
        request = server.requests[0]
    assert (request.method, request.path, request.connection) == ("POST", "/v1/images", 1)
    assert request.head == b"POST /v1/images HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n"
    assert request.body == b"x" * 1_000_000


def test_a_sequence_gives_each_connection_the_next_behaviour_and_stays_with_the_last() -> None:
    """Closed, reset with and without a first byte, then served for ever."""
    with raw_server({("GET", "/"): Sequence(Close(), Reset(), Reset(b"HTTP/1.1 200"), PICTURE)}) as server:
        assert received(server) == b""
        for _ in range(2):
            with pytest.raises(ConnectionResetError):
                received(server)
        assert [received(server) for _ in range(2)] == [bytes(PICTURE)] * 2


@pytest.mark.parametrize(
    ("behaviour", "answer"),
    [
        (Raw(b"HTTP/1.1 2"), b"HTTP/1.1 2"),
        (Cut(PICTURE, -3), bytes(PICTURE)[:-3]),
        (Drip(b"abcdefg", 3, 0), b"abcdefg"),
        (Raw(head(599, {})), b"HTTP/1.1 599 Unknown\r\nConnection: close\r\n\r\n"),
    ],
)
def test_the_bytes_are_those_of_the_behaviour(behaviour: Behaviour, answer: bytes) -> None:
    """Nothing is added to raw, cut and dripped bytes; a cut body is short of the length that was promised."""
    with raw_server({("GET", "/"): behaviour}) as server:
        assert received(server) == answer
    assert not answer.endswith(b"pict") or b"Content-Length: 7" in answer


def test_a_client_that_leaves_is_noticed_and_the_end_leaves_nothing() -> None:
    """A gate holds the rest back; neither a waiting client nor one that never asked keeps the server alive."""
    before, gate = threading.active_count(), Gate(b"first", threading.Event(), b"rest")
    with raw_server({("GET", "/"): gate}) as server:
        with connect(server) as leaving:
            leaving.sendall(ASKING)
            assert leaving.recv(9) == b"first"
            assert server.open_connections == 1
        server.wait_for(lambda seen: seen.open_connections == 0)
        silent, waiting = connect(server), connect(server)
        waiting.sendall(ASKING)
        assert waiting.recv(9) == b"first"
        server.wait_for(lambda seen: seen.connections == 3)
    with silent, waiting:
        assert (silent.recv(9), waiting.recv(9)) == (b"", b"")
    assert threading.active_count() == before
    with pytest.raises(ConnectionRefusedError):
        connect(server)
