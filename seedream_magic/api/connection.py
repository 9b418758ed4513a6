"""How a connection is made: certificates, proxies, a caller's own transport, and bodies read in pieces."""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from seedream_magic.api.providers import is_loopback, name_to_resolve
from seedream_magic.api.redaction import redact_http_logs, redacted
from seedream_magic.api.refusal import clipped
from seedream_magic.errors import ConfigError

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


def certificate_hint(told: str) -> str:
    """What to do about a certificate that is not trusted, `told` being what TLS says of it."""
    hint = "Check this machine's clock and the proxy; the certificate is never left unchecked."
    if "expired" in told or "not yet valid" in told:
        hint = f"This machine's clock says {datetime.now(UTC):%Y-%m-%d %H:%M} UTC: if that is wrong, set it. {hint}"
    return hint


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


_WORDLESS = re.compile(r"\W*|None|[\w.]*\(\W*\)")
"""What an exception prints that was given no words: nothing, `()`, `ReadError('')`."""
_PLAIN_ENGLISH = {
    "ConnectTimeout": "no connection came about in time",
    "PoolTimeout": "no connection was free in time",
    "WriteTimeout": "the other side took no more of what was sent",
    "ReadTimeout": "nothing came for too long",
    "TimeoutException": "it took too long",
    "TimeoutError": "it took too long",
    "ConnectError": "no connection came about",
    "ConnectionRefusedError": "the connection was refused",
    "gaierror": "the host's name was not found",
    "ProxyError": "the proxy refused the way",
    "EndOfStream": "the other side closed the connection",
    "IncompleteReadError": "the other side closed the connection too early",
    "IncompleteRead": "the other side closed the connection too early",
    "EOFError": "the other side closed the connection too early",
    "SSLZeroReturnError": "the other side closed the connection",
    "SSLEOFError": "the other side closed the connection without a word of TLS",
    "SSLError": "TLS failed",
    "ConnectionError": "the other side broke the connection off",
    "BrokenResourceError": "the other side broke the connection off",
    "ClosedResourceError": "the connection was closed on this side",
    "ReadError": "the connection broke while the answer was read",
    "WriteError": "the connection broke while the request was sent",
    "NetworkError": "the connection broke",
    "RemoteProtocolError": "what came is no HTTP",
    "LocalProtocolError": "the request is no HTTP",
    "DecodingError": "what came could not be unpacked",
    "MemoryError": "there is no memory left",
}
"""What happened, by the name of an exception's class or of one that it derives from.

These come without words, or with words that only their author understands: of httpx, httpcore, anyio, asyncio, ssl.
"""
_JARGON = ("IncompleteReadError", "IncompleteRead")
"""Classes whose own words ("0 bytes read on a total of 5 expected bytes") help nobody."""


def reason(exc: BaseException) -> str:
    """What a fault says of itself, in few words and without what signs a link; never empty.

    One without words says what its cause says, else what its kind means: the libraries raise `ReadError("")` on top of
    "Connection reset by peer", and plain `EndOfStream()`.
    """
    links = list(causes(exc))
    said = next(filter(None, map(_own_words, links)), "") or next(filter(None, map(_meaning, reversed(links))), "")
    return said or f"it gave no reason but its name, {type(exc).__name__}"


def causes(exc: BaseException | None) -> Iterator[BaseException]:
    """A fault and those that lie under it; of a group, the first."""
    seen: set[int] = set()
    while exc is not None and id(exc) not in seen:
        seen.add(id(exc))
        yield exc
        # A context that a library suppresses ("from None") is what the operating system or TLS said.
        exc = exc.exceptions[0] if isinstance(exc, BaseExceptionGroup) else exc.__cause__ or exc.__context__


def _own_words(exc: BaseException) -> str:
    if isinstance(exc, BaseExceptionGroup) or type(exc).__name__ in _JARGON:
        return ""
    words = re.sub(r"^\[(Errno|WinError) -?\d+\] ", "", redacted(clipped(exc)))[:120].strip().rstrip(".")
    return "" if _WORDLESS.fullmatch(words) or words == type(exc).__name__ else words


def _meaning(exc: BaseException) -> str:
    return next((_PLAIN_ENGLISH[kind.__name__] for kind in type(exc).__mro__ if kind.__name__ in _PLAIN_ENGLISH), "")
