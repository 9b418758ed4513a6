"""The misbehaving server does to a plain client what its scenario says, and tells what it saw."""

from __future__ import annotations

import http.client
import json
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


def connect(server: RawServer) -> socket.socket:
    where = urlsplit(server.url)
    assert where.hostname
    assert where.port
    return socket.create_connection((where.hostname, where.port), timeout=10)


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
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        return received.read()


def test_a_reply_arrives_whole_and_the_request_is_kept_with_its_header_bytes() -> None:
    """Status, headers and body are the scenario's; the server remembers what it was asked."""
    with raw_server({("POST", "/v1/"): json_reply({"四季": 4}, 201)}) as server:
        assert ask(server, "/v1/images", "POST", b"{}") == (201, '{"四季": 4}'.encode())
        (request,) = server.requests
    assert (request.method, request.path, request.body, request.json()) == ("POST", "/v1/images", b"{}", {})
    assert request.head.startswith(b"POST /v1/images HTTP/1.1\r\n")
    assert request.head.endswith(b"\r\n\r\n")
    assert (request.headers["content-length"], request.connection) == ("2", 1)


def test_the_longest_path_decides_and_what_is_not_scripted_is_a_404() -> None:
    """`/img/2` has its own behaviour beside `/img/`; the method counts too."""
    with raw_server({("GET", "/img/"): PICTURE, ("GET", "/img/2"): Reply(410)}) as server:
        asked = [ask(server, path)[0] for path in ("/img/1", "/img/2", "/other")]
        asked.append(ask(server, "/img/1", "POST")[0])
        assert asked == [200, 410, 404, 404]
        assert (server.gets, server.posts, server.count("GET", "/img/"), server.connections) == (3, 1, 2, 4)


def test_a_function_answers_according_to_the_request() -> None:
    """The behaviour may be made when the request is known."""

    def echo(request: Request) -> Behaviour:
        return Reply(200, body=request.body + request.path.encode())

    with raw_server({("POST", "/"): echo}) as server:
        assert ask(server, "/x", "POST", b"body of ") == (200, b"body of /x")


def test_a_request_in_pieces_is_read_whole() -> None:
    """A body of a megabyte, and a head that arrives in two parts, are one request."""
    body = b"x" * 1_000_000
    with raw_server({("POST", "/"): PICTURE}) as server, connect(server) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nContent-Le")
        connection.sendall(b"ngth: 1000000\r\n\r\n" + body)
        server.wait_for(lambda seen: seen.posts == 1)
        assert server.requests[0].body == body


def test_a_sequence_gives_each_connection_the_next_behaviour_and_stays_with_the_last() -> None:
    """Closed, then refused, then served for ever."""
    with raw_server({("GET", "/"): Sequence(Close(), Reply(429, {"Retry-After": "0"}), PICTURE)}) as server:
        with pytest.raises(http.client.RemoteDisconnected):
            ask(server)
        assert [ask(server)[0] for _ in range(3)] == [429, 200, 200]


def test_close_ends_without_a_byte_and_reset_resets() -> None:
    """A FIN reads as an end; a RST as ConnectionResetError, also after the first bytes of an answer."""
    with raw_server({("GET", "/"): Sequence(Close(), Reset(), Reset(b"HTTP/1.1 200"))}) as server:
        assert raw_answer(server) == b""
        for _ in range(2):
            with pytest.raises(ConnectionResetError):
                raw_answer(server)


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
    """Nothing is added to raw, cut and dripped bytes."""
    with raw_server({("GET", "/"): behaviour}) as server:
        assert raw_answer(server) == answer


def test_a_cut_body_is_short_of_its_content_length() -> None:
    """The client is promised the whole picture and gets less."""
    with raw_server({("GET", "/"): Cut(PICTURE, -3)}) as server:
        with pytest.raises(http.client.IncompleteRead) as caught:
            ask(server)
        assert caught.value.partial == b"pict"


def test_a_drip_leaves_its_gap_between_the_pieces() -> None:
    """Three pieces, two gaps before the last of them."""
    with raw_server({("GET", "/"): Drip(b"abc", 1, 0.03)}) as server:
        begun = time.monotonic()
        assert raw_answer(server) == b"abc"
        assert time.monotonic() - begun >= 0.06


def test_a_gate_holds_the_rest_back_until_its_event() -> None:
    """The first event of a stream is readable while the second has not been sent."""
    opened = threading.Event()
    first, rest = sse("one", {"image_index": 0}), sse(None, "[DONE]")
    with (
        raw_server({("GET", "/"): Gate(head(200, EVENT_STREAM) + first, opened, rest)}) as server,
        connect(server) as connection,
        connection.makefile("rb") as received,
    ):
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        expected = head(200, EVENT_STREAM) + b'event: one\ndata: {"image_index": 0}\n\n'
        assert received.read(len(expected)) == expected
        assert server.open_connections == 1
        opened.set()
        assert received.read() == b"data: [DONE]\n\n"


def hang() -> Behaviour:
    return Hang(threading.Event())


def endless_drip() -> Behaviour:
    return Drip(b"x" * 1_000_000, 1, 0.001)


def shut_gate() -> Behaviour:
    return Gate(b"HTTP/1.1 200 OK\r\n", threading.Event(), b"")


@pytest.mark.parametrize("behaviour", [hang, endless_drip, shut_gate])
def test_a_client_that_leaves_is_noticed(behaviour: Callable[[], Behaviour]) -> None:
    """The connection counts as open while the client waits, and no longer once it has left."""
    with raw_server({("GET", "/"): behaviour()}) as server:
        with connect(server) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
            server.wait_for(lambda seen: seen.gets == 1)
            assert server.open_connections == 1
        server.wait_for(lambda seen: seen.open_connections == 0)


def test_a_released_hang_ends_the_connection() -> None:
    """The client reads an end without an answer."""
    release = threading.Event()
    with raw_server({("GET", "/"): Hang(release)}) as server, connect(server) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
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
    with raw_server({("GET", "/"): hang()}) as server:
        silent, waiting = connect(server), connect(server)
        waiting.sendall(b"GET / HTTP/1.1\r\n\r\n")
        server.wait_for(lambda seen: seen.gets == 1 and seen.connections == 2)
    with silent, waiting:
        assert (silent.recv(1), waiting.recv(1)) == (b"", b"")
    assert threading.active_count() == before
    with pytest.raises(ConnectionRefusedError):
        connect(server)


def test_server_sent_events_carry_json_on_one_line() -> None:
    """A line break inside the data is escaped, Chinese is not."""
    (name, data, *empty) = sse("e", {"prompt": "春\n夏"}).decode().split("\n")
    assert (name, empty) == ("event: e", ["", ""])
    assert json.loads(data.removeprefix("data: ")) == {"prompt": "春\n夏"}
    assert "春" in data
