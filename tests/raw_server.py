"""An HTTP server that misbehaves on request: raw sockets on loopback, one scripted behaviour for each connection.

    scenario = {("POST", "/v1/images/"): json_reply({"data": []}), ("GET", "/img/"): Sequence(Reset(), picture)}
    with raw_server(scenario) as server:
        ...  # a client talks to server.url
        assert server.posts == 1

A connection carries one request and is then closed. Every request is kept as it came, header bytes included.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Request:
    """One request as it arrived: `head` is every byte up to and with the empty line; header names are lower case."""

    method: str
    path: str
    head: bytes
    headers: Mapping[str, str]
    body: bytes
    connection: int

    def json(self) -> Any:
        return json.loads(self.body)


class Behaviour(Protocol):
    """What the server does once it has read the request; the connection is closed when `play` is over."""

    def play(self, connection: socket.socket) -> None: ...


@dataclass(frozen=True)
class Reply:
    """A complete answer. Content-Length is added, unless the headers say how the body ends."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def __bytes__(self) -> bytes:
        given = {name.lower() for name in self.headers}
        length = {} if given & {"content-length", "transfer-encoding"} else {"Content-Length": str(len(self.body))}
        return head(self.status, length | dict(self.headers)) + self.body

    def play(self, connection: socket.socket) -> None:
        connection.sendall(bytes(self))


@dataclass(frozen=True)
class Raw:
    """These bytes, which need not be HTTP; then the connection ends with a FIN."""

    sent: bytes = b""

    def play(self, connection: socket.socket) -> None:
        connection.sendall(self.sent)


Close = Raw


@dataclass(frozen=True)
class Reset:
    """The connection ends with a RST, after `first` was sent."""

    first: bytes = b""

    def play(self, connection: socket.socket) -> None:
        connection.sendall(self.first)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@dataclass(frozen=True)
class Drip:
    """The bytes in pieces of `size`, `gap` seconds apart."""

    sent: bytes
    size: int
    gap: float

    def play(self, connection: socket.socket) -> None:
        for start in range(0, len(self.sent), self.size):
            connection.sendall(self.sent[start : start + self.size])
            if _gone(connection, self.gap):
                return


@dataclass(frozen=True)
class Gate:
    """`first`, then nothing until `event` is set or the client has gone, then `rest`."""

    first: bytes
    event: threading.Event
    rest: bytes

    def play(self, connection: socket.socket) -> None:
        connection.sendall(self.first)
        while not self.event.is_set() and not _gone(connection, 0.01):  # no one call waits for both
            pass
        if self.event.is_set():
            connection.sendall(self.rest)


@dataclass(frozen=True)
class Hang:
    """Silence until `release` is set or the client has gone."""

    release: threading.Event

    def play(self, connection: socket.socket) -> None:
        Gate(b"", self.release, b"").play(connection)


def Cut(reply: Reply, at: int) -> Raw:  # noqa: N802 - a behaviour like the others
    """The first `at` bytes of a reply, head included; a negative `at` leaves that many out at the end."""
    return Raw(bytes(reply)[:at])


class Sequence:
    """One behaviour for each connection that comes to it, in order; the last one stands for all that follow."""

    def __init__(self, *behaviours: Behaviour) -> None:
        self._last = behaviours[-1]
        self._left = iter(behaviours)  # next() on a tuple's iterator is one step: connections cannot share a behaviour

    def play(self, connection: socket.socket) -> None:
        next(self._left, self._last).play(connection)


Scenario = Mapping[tuple[str, str], Behaviour | Callable[[Request], Behaviour]]


class RawServer:
    """The running server. What it has seen may be read at any time; `wait_for` waits for more."""

    def __init__(self, scenario: Scenario, listener: socket.socket) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self.open_connections = 0
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._scenario = scenario
        self._listener = listener
        self._changed = threading.Condition()
        self._sockets: dict[int, socket.socket] = {}
        self._threads = [threading.Thread(target=self._accept, name="raw-server", daemon=True)]
        self._threads[0].start()

    @property
    def posts(self) -> int:
        return self.count("POST")

    @property
    def gets(self) -> int:
        return self.count("GET")

    def count(self, method: str, path: str = "") -> int:
        """How many requests with this method came to paths that begin so."""
        with self._changed:
            return sum(request.method == method and request.path.startswith(path) for request in self.requests)

    def wait_for(self, predicate: Callable[[RawServer], bool], timeout: float = 10) -> None:
        """Returns as soon as the predicate holds; TimeoutError where it does not within `timeout` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: predicate(self), timeout):
                seen = [f"{request.method} {request.path}" for request in self.requests]
                raise TimeoutError(f"after {timeout} s: {self.open_connections} connections open; seen: {seen}")

    def close(self) -> None:
        """Ends every connection and thread."""
        with contextlib.suppress(OSError):  # macOS: a listener is "not connected"
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join(10)
        with self._changed:
            for connection in self._sockets.values():
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                connection = self._listener.accept()[0]
            except OSError:  # closed
                return
            with self._changed:
                self.connections += 1
                self.open_connections += 1
                self._sockets[self.connections] = connection
                self._changed.notify_all()
                thread = threading.Thread(target=self._serve, args=(connection, self.connections), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            with contextlib.suppress(ConnectionError):  # the client has gone: what it misses is the test's matter
                request = _read(connection, number)
                if request:
                    self._behaviour(request).play(connection)
        finally:
            with self._changed:
                del self._sockets[number]
                connection.close()
                self.open_connections -= 1
                self._changed.notify_all()

    def _behaviour(self, request: Request) -> Behaviour:
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
        fitting = [key for key in self._scenario if key[0] == request.method and request.path.startswith(key[1])]
        if not fitting:
            return Reply(404, body=b"not in the scenario")
        scripted = self._scenario[max(fitting, key=lambda key: len(key[1]))]
        return scripted if hasattr(scripted, "play") else scripted(request)


@contextlib.contextmanager
def raw_server(scenario: Scenario, port: int = 0) -> Iterator[RawServer]:
    """Serves the scenario: (method, beginning of the path) -> a behaviour, or a function from the request to one.

    The longest fitting beginning decides; what fits none is a 404. `port` 0 takes a free one.
    """
    server = RawServer(scenario, socket.create_server(("127.0.0.1", port)))
    try:
        yield server
    finally:
        server.close()


def json_reply(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """A JSON answer."""
    body = json.dumps(value, ensure_ascii=False).encode()
    return Reply(status, {"Content-Type": "application/json"} | dict(headers or {}), body)


EVENT_STREAM = {"Content-Type": "text/event-stream"}


def sse(event: str | None, data: object) -> bytes:
    """One server-sent event; `data` is sent as JSON, a string as it is (`sse(None, "[DONE]")`)."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    name = f"event: {event}\n" if event else ""
    return f"{name}data: {text}\n\n".encode()


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """A status line and headers, for Gate, Drip and Raw; without a length, the body ends with the connection."""
    lines = [f"HTTP/1.1 {status} {http.client.responses.get(status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in ({"Connection": "close"} | dict(headers)).items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _read(connection: socket.socket, number: int) -> Request | None:
    """The request; None where the client left before it was complete."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += (piece := connection.recv(65536))
        if not piece:
            return None
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    pieces = [body]
    missing = int(headers.get("content-length", 0)) - len(body)
    while missing > 0:
        pieces.append(piece := connection.recv(65536))
        missing -= len(piece)
        if not piece:
            return None
    method, path, _ = first.split(" ")
    return Request(method, path, head + b"\r\n\r\n", headers, b"".join(pieces), number)


def _gone(connection: socket.socket, seconds: float) -> bool:
    """Waits; True as soon as the client has closed its end."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if select.select([connection], [], [], left)[0] and not connection.recv(65536):
            return True
    return False
