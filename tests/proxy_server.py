"""Proxies for tests, on raw sockets of loopback: what answers CONNECT, and a SOCKS5 server.

with raw_server({("CONNECT", "api.example:443"): Tunnel(port)}) as proxy: ...
with socks_server(port, login=b"me:secret") as proxy: ...
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from raw_server import RawServer, Scenario


@dataclass(frozen=True)
class Tunnel:
    """A proxy's answer to CONNECT: 200, then bytes to and from the service at a port of this machine."""

    port: int

    def play(self, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        join(connection, self.port)


def join(connection: socket.socket, port: int) -> None:
    """Bytes to and from a port of this machine until both sides have ended."""
    with socket.create_connection(("127.0.0.1", port)) as service:
        back = threading.Thread(target=_copy, args=(service, connection))
        back.start()
        _copy(connection, service)
        back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)


@dataclass
class Socks:
    """What a SOCKS5 server has seen: the logins, and the hosts and ports that it was asked for."""

    port: int
    logins: list[bytes] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@contextlib.contextmanager
def socks_server(service: int, *, login: bytes = b"") -> Iterator[Socks]:
    """A SOCKS5 server (RFC 1928, 1929) whose ways all lead to one port of this machine.

    With a `login` ("user:password") it lets only that pass.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        seen = Socks(listener.getsockname()[1])

        def serve(connection: socket.socket) -> None:
            with connection, contextlib.suppress(OSError, IndexError):
                connection.recv(300)
                connection.sendall(b"\x05\x02" if login else b"\x05\x00")
                if login:
                    said = connection.recv(600)
                    user, rest = said[2 : 2 + said[1]], said[2 + said[1] :]
                    seen.logins.append(user + b":" + rest[1:])
                    passed = seen.logins[-1] == login
                    connection.sendall(b"\x01\x00" if passed else b"\x01\x01")
                    if not passed:
                        return
                asked = connection.recv(300)
                seen.asked.append(f"{asked[5:-2].decode()}:{int.from_bytes(asked[-2:])}")
                connection.sendall(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
                join(connection, service)

        def accept() -> None:
            with contextlib.suppress(OSError):  # closed
                while True:
                    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        yield seen
        with contextlib.suppress(OSError):  # macOS: a listener is "not connected"
            listener.shutdown(socket.SHUT_RDWR)
    accepting.join(10)


class Persistent(ssl.SSLSocket):
    """A listener that survives clients who break the handshake off."""

    def accept(self) -> tuple[ssl.SSLSocket, Any]:
        while True:
            with contextlib.suppress(ssl.SSLError, ConnectionError):
                return super().accept()


@contextlib.contextmanager
def tls_service(scenario: Scenario, certificate: Path) -> Iterator[RawServer]:
    """Serves the scenario over TLS; the file holds the certificate and its key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sslsocket_class = Persistent
    listener = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)
    server = RawServer(scenario, listener)
    try:
        yield server
    finally:
        server.close()
