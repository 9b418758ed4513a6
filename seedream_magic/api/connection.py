"""How a connection is made: certificates, proxies, a caller's own transport, and bodies read in pieces."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from seedream_magic.api.redaction import redact_http_logs, redacted
from seedream_magic.api.refusal import clipped
from seedream_magic.errors import ConfigError

Client = httpx.AsyncClient
Transport = httpx.AsyncBaseTransport


class _Lent(Transport):
    """A transport of the caller's: used, never closed, for other runs may be using it at this moment.

    No connection is kept in it: in the next run it serves another event loop, where an old connection cannot be used.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.headers["Connection"] = "close"
        return await self._transport.handle_async_request(request)


def new_client(
    transport: Transport | None, *, route: Callable[[ssl.SSLContext], Transport] | None = None, **settings: Any
) -> Client:
    """A client that follows no redirect. Raises `ConfigError` where proxy or certificate settings are unusable.

    Where the caller lends no transport, `route` makes one, given the trusted certificates; without it, it is httpx's.
    """
    redact_http_logs()
    hint = "Look at HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR."
    chosen: Transport | None = None if transport is None else _Lent(transport)
    try:
        certificates = trusted_certificates(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
        if chosen is None and route is not None:
            chosen = route(certificates)
        return Client(transport=chosen, verify=certificates, follow_redirects=False, **settings)
    except httpx.InvalidURL:  # its words, "Invalid port: 'x'", are a piece of the password where that is unescaped
        words = "The proxy's address is none; signs such as # / ? @ in a password are written as %23 %2F %3F %40."
        raise ConfigError(words, hint=hint) from None
    except Exception as exc:  # httpx raises ValueError, OSError, ImportError, ssl.SSLError as it reads the environment
        raise ConfigError(f"The proxy or certificate settings cannot be used ({reason(exc)}).", hint=hint) from exc


@cache
def trusted_certificates(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    """The trusted certificates, read once: it takes longer than all the rest of a small run."""
    return httpx.create_ssl_context()


def proxy_for(url: str) -> str:
    """Host and port of the proxy that the environment names for an address; "" for none. Its user stays unsaid."""
    parts = urlsplit(url)
    settings = getproxies()
    proxy = settings.get(parts.scheme) or settings.get("all") or ""
    if not proxy or proxy_bypass(parts.hostname or ""):
        return ""
    return urlsplit(proxy if "://" in proxy else f"//{proxy}").netloc.rpartition("@")[2]


def certificate_hint(told: str) -> str:
    """What to do about a certificate that is not trusted, `told` being what TLS says of it."""
    hint = "Check this machine's clock and the proxy; the certificate is never left unchecked."
    if "expired" in told or "not yet valid" in told:
        hint = f"This machine's clock says {datetime.now(UTC):%Y-%m-%d %H:%M} UTC: if that is wrong, set it. {hint}"
    return hint


def is_compressed(response: httpx.Response) -> bool:
    """Whether a body came compressed. It is never asked for, and never unpacked: 1 MiB may unpack to 1 GiB."""
    return response.headers.get("content-encoding", "").strip().lower() not in {"", "identity"}


@asynccontextmanager
async def reading(response: httpx.Response) -> AsyncIterator[AsyncIterator[bytes]]:
    """The chunks of a body as they came, compressed or not; it may be left in the middle.

    The iterators that httpx stacks end cleanly in one way only, by a read that is cancelled: one that is dropped while
    it rests is finalized later, perhaps outside of any event loop.
    """
    # A transport of the caller's may hand out a response that was read, and unpacked, already.
    chunks = response.aiter_bytes() if response.is_stream_consumed else response.aiter_raw()
    try:
        yield chunks
    finally:
        with suppress(Exception):
            async with asyncio.timeout(0):
                async for _ in chunks:
                    pass


def reason(exc: Exception) -> str:
    """What a fault says of itself, in few words and without what signs a link."""
    return redacted(clipped(exc))[:120].rstrip(".") or type(exc).__name__
