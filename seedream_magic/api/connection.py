"""How a connection is made (certificates, proxies, a caller's own transport), and how far a provider is reached.

`probe` goes the way of a real request, through the same proxy and with the same certificates, but its only request is
`HEAD /` to the root of the host: no key, no POST, nothing that could bill.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any, Literal
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from seedream_magic.api.network_errors import causes, reason
from seedream_magic.api.providers import is_loopback, name_to_resolve
from seedream_magic.api.redaction import clean_text, mask, redact_http_logs
from seedream_magic.api.retry import instant
from seedream_magic.bridge import iterate
from seedream_magic.errors import ConfigError
from seedream_magic.version import __version__

Client = httpx.AsyncClient
Transport = httpx.AsyncBaseTransport

SETTINGS_HINT = "Look at HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR."
"""What to do where the proxy or certificate settings of the machine cannot be used."""


class _LentTransport(Transport):
    """A transport of the caller's: used, never closed, for other runs may be using it at this moment.

    No connection is kept in it: in the next run it serves another event loop, where an old connection cannot be used.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.headers["Connection"] = "close"
        return await self._transport.handle_async_request(request)


class LoopbackTransport(Transport):
    """Straight to this machine: no proxy, whatever the environment says, and for http no certificate is read.

    https is verified with the trusted certificates as anywhere else.
    """

    def __init__(self, scheme: str) -> None:
        certificates = environment_certificates() if scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._direct = httpx.AsyncHTTPTransport(verify=certificates, trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        if (name := name_to_resolve(host)) != host:  # the Host header, and the name on the certificate, stay
            request.extensions = {"sni_hostname": host, **request.extensions}
            request.url = request.url.copy_with(host=name)
        return await self._direct.handle_async_request(request)

    async def aclose(self) -> None:
        await self._direct.aclose()


def new_client(
    transport: Transport | None,
    *,
    url: str = "",
    route: Callable[[], Transport] | None = None,
    **settings: Any,
) -> Client:
    """A client that follows no redirect. Raises `ConfigError` where proxy or certificate settings are unusable.

    A transport that the caller lends is used as it is, else the one that `route` makes. Without either, `url` is where
    the requests go: straight to this machine, to any other host through the proxy that the environment names.
    """
    redact_http_logs()
    address = urlsplit(url)
    with usable_settings():
        chosen: Transport
        if transport is not None:
            chosen = _LentTransport(transport)
        elif route is not None:
            chosen = route()
        elif is_loopback(address.hostname or ""):
            chosen = LoopbackTransport(address.scheme)
        else:
            chosen = httpx.AsyncHTTPTransport(verify=environment_certificates(), trust_env=False, proxy=proxy_for(url))
        return Client(transport=chosen, trust_env=False, follow_redirects=False, **settings)


@contextmanager
def usable_settings() -> Iterator[None]:
    """Within it the environment's proxy and certificate settings are read; raises `ConfigError` for unusable ones."""
    try:
        yield
    except httpx.InvalidURL:  # its words, "Invalid port: 'x'", are a piece of the password where that is unescaped
        words = "The proxy's address is none; signs such as # / ? @ in a password are written as %23 %2F %3F %40."
        raise ConfigError(words, hint=SETTINGS_HINT) from None
    except Exception as exc:  # httpx raises ValueError, OSError, ImportError, ssl.SSLError as it reads the environment
        words = f"The proxy or certificate settings cannot be used ({reason(exc)})."
        raise ConfigError(words, hint=SETTINGS_HINT) from exc


def environment_certificates() -> ssl.SSLContext:
    """The trusted certificates: those that the environment names, else those that come with httpx."""
    return trusted_certificates(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@cache
def trusted_certificates(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    """The trusted certificates, read once: it takes longer than all the rest of a small run."""
    return httpx.create_ssl_context()


def proxy_for(url: str) -> str | None:
    """The proxy that the environment or the system names for an address, its user and password included.

    None without one, where NO_PROXY excepts the host or its port, and for this machine.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host) or proxy_bypass(host) or proxy_bypass(f"{host}:{parts.port or 443}"):
        return None
    return named_proxy(parts.scheme)


def named_proxy(scheme: str) -> str | None:
    """The proxy that the environment or the system names for all addresses of a scheme. None without one."""
    settings = getproxies()
    proxy = settings.get(scheme) or settings.get("all")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"


def host_of_proxy(proxy: str | None) -> str:
    """Host and port of a proxy, for errors: its user and password stay unsaid. "" for none."""
    return (proxy or "").partition("://")[2].rpartition("@")[2].partition("/")[0]


@asynccontextmanager
async def reading(response: httpx.Response) -> AsyncIterator[AsyncIterator[bytes]]:
    """The chunks of a body as they were sent, packed or not; it may be left in the middle.

    The iterators that httpx stacks end cleanly in one way only, by a read that is cancelled: one that is dropped while
    it rests is finalized later, perhaps outside of any event loop.
    """
    # A transport of the caller's may hand out a body that it has read, and unpacked, already.
    chunks = response.aiter_bytes() if response.is_stream_consumed else response.aiter_raw()
    try:
        yield chunks
    finally:
        with suppress(Exception):
            async with asyncio.timeout(0):
                async for _ in chunks:
                    pass


LIMIT = 5.0
"""Seconds that each step may take."""

Name = Literal["settings", "DNS", "TCP", "tunnel", "TLS", "HTTP"]
_STEP_OF_EVENT: Mapping[str, Name] = {
    "connection.connect_tcp.complete": "TCP",
    "socks.connect_tcp.complete": "TCP",
    "proxy.start_tls.started": "tunnel",
    "socks.start_tls.started": "tunnel",
    "connection.start_tls.complete": "TLS",
    "proxy.start_tls.complete": "TLS",
    "socks.start_tls.complete": "TLS",
}
"""The step that each event of httpx's `trace` extension ends: a proxy lets pass where TLS with the host begins."""


@dataclass(frozen=True)
class Step:
    """One step on the way. `text` is what was found, or in the service's or the system's words why it failed."""

    name: Name
    ok: bool
    text: str


@dataclass(frozen=True)
class Reach:
    """How far it came: all steps, the last of them perhaps failed.

    `proxy` is the address of the proxy on the way without its password, "" without one; DNS and TCP are then the
    proxy's. `clock_ahead` is by how many seconds the local clock is ahead of the service's, None without an answer.
    """

    steps: tuple[Step, ...]
    proxy: str = ""
    clock_ahead: float | None = None

    @property
    def ok(self) -> bool:
        """Whether the service answered."""
        return all(step.ok for step in self.steps)


def probe(base_url: str, *, limit: float = LIMIT) -> Reach:
    """Go as far as `HEAD /` of the provider's host; `limit` is seconds a step. Nothing is raised: a fault is a step."""
    with closing(iterate(partial(_probe, httpx.URL(base_url), limit))) as found:
        return next(found)


async def _probe(url: httpx.URL, limit: float) -> AsyncGenerator[Reach, None]:
    proxy = proxy_for(str(url))
    proxy_address = mask(proxy or "")
    try:
        client = new_client(None, url=str(url), timeout=None)
    except ConfigError as error:
        yield Reach((Step("settings", False, str(error)),), proxy_address)
        return
    names: list[Name] = ["DNS", "TCP"]
    names += ["tunnel"] if proxy else []
    names += ["TLS"] if url.scheme == "https" else []
    names += ["HTTP"]
    steps: list[Step] = []
    async with client:
        try:
            async with asyncio.timeout(limit) as timer:
                progress = _Steps(names, steps, timer, limit)
                host = name_to_resolve((httpx.URL(proxy) if proxy else url).host)
                found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
                progress.succeeded(str(found[0][4][0]))
                headers = {"User-Agent": f"seedream-magic/{__version__}"}
                root, extensions = url.copy_with(path="/"), {"trace": progress.follow}
                answer = await client.send(httpx.Request("HEAD", root, headers=headers, extensions=extensions))
                progress.succeeded(str(answer.status_code))
        except Exception as exc:  # noqa: BLE001 - whatever it is, it is what the report is for
            failed = Step(names[len(steps)], False, _failure(exc, limit))
            yield Reach((*steps, failed), proxy_address)
        else:
            date = instant(answer.headers.get("date", ""))
            yield Reach(tuple(steps), proxy_address, (datetime.now(UTC) - date).total_seconds() if date else None)


@dataclass
class _Steps:
    """The steps of one request in their order, each with `limit` seconds of its own."""

    names: list[Name]
    steps: list[Step]
    timer: asyncio.Timeout
    limit: float

    def succeeded(self, text: str) -> None:
        """The current step has succeeded, and the next one begins."""
        self.steps.append(Step(self.names[len(self.steps)], True, text))
        self.timer.reschedule(asyncio.get_running_loop().time() + self.limit)

    async def follow(self, event: str, facts: Mapping[str, Any]) -> None:
        """Httpx's `trace` extension: called as each part of the request begins and ends."""
        name = _STEP_OF_EVENT.get(event)
        stream: Any = facts.get("return_value")
        if name != self.names[len(self.steps)]:  # TLS with a proxy is a part of its tunnel
            return
        if name == "TCP":
            self.succeeded(str(stream.get_extra_info("server_addr")[1]))
        elif name == "TLS":
            self.succeeded((stream.get_extra_info("ssl_object").version() or "").removeprefix("TLSv"))
        else:
            self.succeeded("open")


def _failure(exc: Exception, limit: float) -> str:
    """Why a step failed, in the words of what lies at the bottom."""
    if isinstance(exc, TimeoutError):
        return f"no answer within {limit:g} s"
    if isinstance(exc, httpx.ProxyError):
        return f"the proxy answered {reason(exc)}"
    *_, cause = causes(exc)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return clean_text(cause.verify_message)
    if isinstance(cause, UnicodeError):
        return "it is no host name"
    if isinstance(cause, OSError) and (cause.strerror or "").startswith("Connect call failed"):
        return os.strerror(cause.errno or 0)  # asyncio's own words are the address
    return reason(cause)
