"""How far a provider can be reached, step by step: name, connection, TLS, an answer and the clock.

The only request is `HEAD /` to the root of the host: no key, no POST, nothing that could bill. Certificates are those
that a real request trusts; each step has five seconds.
"""

from __future__ import annotations

import base64
import re
import socket
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from http.client import HTTPException, HTTPResponse
from typing import Any, Literal, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from seedream_magic import __version__
from seedream_magic.api.connection import environment_certificates, proxy_for
from seedream_magic.api.providers import name_to_resolve
from seedream_magic.api.refusal import clipped

LIMIT = 5.0
"""Seconds that each step may take."""


@dataclass(frozen=True)
class Step:
    """One step on the way. `told` is what was found, or in the service's or the system's words why it failed."""

    name: Literal["proxy", "DNS", "TCP", "tunnel", "TLS", "HTTP"]
    ok: bool
    told: str


@dataclass(frozen=True)
class Reach:
    """How far it came: all steps, the last of them perhaps failed.

    `proxy` is the address of the proxy on the way without its password, "" without one; DNS and TCP are then the
    proxy's. `clock_ahead` is by how many seconds the local clock is ahead of the service's, None where no answer told.
    """

    steps: tuple[Step, ...]
    proxy: str = ""
    clock_ahead: float | None = None

    @property
    def ok(self) -> bool:
        """Whether the service answered."""
        return all(step.ok for step in self.steps)


class _Way(NamedTuple):
    host: str
    port: int
    secure: bool
    proxy: SplitResult | None
    limit: float
    held: ExitStack

    @property
    def door(self) -> tuple[str, int]:
        """Where the first connection goes."""
        if self.proxy is None:
            return self.host, self.port
        return self.proxy.hostname or "", self.proxy.port or 80

    @property
    def target(self) -> str:
        """Host and port, as HTTP names them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def shown(self) -> str:
        """The proxy as it may be shown."""
        return masked(self.proxy.geturl()) if self.proxy else ""


_Turn = tuple[Any, Callable[[_Way, Any], tuple[Any, str]]]


def probe(base_url: str, *, limit: float = LIMIT) -> Reach:
    """Go as far as `HEAD /` of the provider's host; `limit` is seconds a step. Nothing is raised: a fault is a step."""
    try:
        way = _way_to(base_url, limit)
    except ValueError as exc:
        return Reach((Step("proxy", False, str(exc)),))
    turns: list[_Turn] = [("DNS", _resolve), ("TCP", _connect)]
    turns += [("tunnel", _tunnel)] if way.proxy else []
    turns += [("TLS", _handshake)] if way.secure else []
    return _gone([*turns, ("HTTP", _ask)], way)


def _way_to(base_url: str, limit: float) -> _Way:
    """Raises `ValueError` for a proxy that speaks something else than plain HTTP; real requests may go through it."""
    parts = urlsplit(base_url)
    secure = parts.scheme == "https"
    address = proxy_for(base_url) if secure else None
    try:
        proxy = urlsplit(address) if address else None
        usable = proxy is None or (proxy.scheme == "http" and bool(proxy.hostname) and proxy.port != 0)
    except ValueError:  # its words may be a piece of the password
        usable = False
    if not usable:
        raise ValueError(f"{masked(address or '')} is no plain http:// proxy")
    return _Way(parts.hostname or "", parts.port or (443 if secure else 80), secure, proxy, limit, ExitStack())


def _gone(turns: list[_Turn], way: _Way) -> Reach:
    """Take the steps in turn, each with what the one before gave, until one fails."""
    steps: list[Step] = []
    given: Any = None
    with way.held:
        for name, take in turns:
            try:
                given, told = _within(way.limit, partial(take, way, given))
            except (OSError, ValueError, HTTPException) as exc:
                return Reach((*steps, Step(name, False, _reason(exc, way.limit))), way.shown)
            steps.append(Step(name, True, told))
    return Reach(tuple(steps), way.shown, given)


def masked(address: str) -> str:
    """An address without the user and the password in it."""
    return re.sub(r"(?s)//.*@", "//…@", address)


def _resolve(way: _Way, _: None) -> tuple[Any, str]:
    # It has no time limit of its own, and its failure to encode a name is a UnicodeError, which is a ValueError.
    host, port = way.door
    found = socket.getaddrinfo(name_to_resolve(host), port, type=socket.SOCK_STREAM)
    return found, str(found[0][4][0])


def _connect(way: _Way, found: list[Any]) -> tuple[socket.socket, str]:
    fault = OSError("no address")
    tried = found[:3]
    for family, kind, protocol, _, address in tried:
        connection = way.held.enter_context(socket.socket(family, kind, protocol))
        connection.settimeout(0.9 * way.limit / len(tried))  # it ends by itself, before it is given up
        try:
            connection.connect(address)
        except OSError as exc:
            fault = exc
        else:
            connection.settimeout(0.9 * way.limit)
            return connection, str(address[1])
    raise fault


def _tunnel(way: _Way, connection: socket.socket) -> tuple[socket.socket, str]:
    user = way.proxy.username if way.proxy else None
    headers = {}
    if user is not None and way.proxy is not None:
        pair = f"{unquote(user)}:{unquote(way.proxy.password or '')}"
        headers["Proxy-Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    answer = _answered(connection, "CONNECT", way.target, {"Host": way.target, **headers})
    if answer.status != 200:
        raise OSError(f"the proxy answered {answer.status} {answer.reason}")
    return connection, "open"


def _handshake(way: _Way, connection: socket.socket) -> tuple[socket.socket, str]:
    secured = way.held.enter_context(environment_certificates().wrap_socket(connection, server_hostname=way.host))
    return secured, (secured.version() or "").removeprefix("TLSv")


def _ask(way: _Way, connection: socket.socket) -> tuple[float | None, str]:
    answer = _answered(connection, "HEAD", "/", {"Host": way.target, "User-Agent": f"seedream-magic/{__version__}"})
    now = datetime.now(UTC)
    try:
        ahead = (now - parsedate_to_datetime(answer.getheader("Date", ""))).total_seconds()
    except (ValueError, TypeError):  # TypeError: a date without a zone
        return None, str(answer.status)
    return ahead, str(answer.status)


def _answered(connection: socket.socket, method: str, target: str, headers: dict[str, str]) -> HTTPResponse:
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
    answer = HTTPResponse(connection, method=method)
    try:
        answer.begin()
    finally:
        answer.close()
    return answer


def _within(limit: float, take: Callable[[], Any]) -> Any:
    """What the function gives, or `TimeoutError`: looking up a name, and an answer that drips, end when they like."""
    outcome: Future[Any] = Future()

    def run() -> None:
        try:
            outcome.set_result(take())
        except BaseException as exc:  # noqa: BLE001 - it is raised where it is waited for
            outcome.set_exception(exc)

    threading.Thread(target=run, name="seedream-probe", daemon=True).start()
    return outcome.result(timeout=limit)


def _reason(exc: Exception, limit: float) -> str:
    if isinstance(exc, TimeoutError):
        return f"no answer within {limit:g} s"
    if isinstance(exc, ssl.SSLCertVerificationError):
        return clipped(exc.verify_message)
    if isinstance(exc, UnicodeError):
        return "it is no host name"
    return clipped(getattr(exc, "strerror", None) or exc) or type(exc).__name__
