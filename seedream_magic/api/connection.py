"""How a connection is made: with which certificates, through which proxy, over a caller's own transport."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from importlib.util import find_spec
from time import monotonic
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import httpx

from seedream_magic.api.certificates import environment_certificates
from seedream_magic.api.network_errors import is_login_refusal, reason
from seedream_magic.api.providers import is_loopback, name_to_resolve
from seedream_magic.api.proxies import Proxy, proxy_for
from seedream_magic.api.redaction import redact_http_logs
from seedream_magic.errors import ConfigError
from seedream_magic.words import network as texts

Client = httpx.AsyncClient
Transport = httpx.AsyncBaseTransport

_REFUSAL_LASTS = 30.0
"""Seconds in which a proxy that refused a user and a password is not asked with the same ones again."""


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


class ProxyTransport(Transport):
    """Through a proxy. One that refused the user and the password is left alone for a while: wrong ones lock accounts.

    So until it has let one connection of this process pass, one asks and the others wait for what becomes of it.
    """

    def __init__(self, proxy: Proxy) -> None:
        if proxy.complaint:
            raise ConfigError(proxy.complaint, hint=proxy.remedy)
        if proxy.is_socks and find_spec("socksio") is None:
            raise ConfigError(texts.SOCKS(variable=proxy.source), hint=texts.SOCKS_HINT())
        self._gate = _gates.setdefault(hash(proxy.url), _Gate())
        self._through = httpx.AsyncHTTPTransport(verify=environment_certificates(), trust_env=False, proxy=proxy.url)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        gate, outer = self._gate, request.extensions.get("trace")
        streams: list[Any] = []
        async with AsyncExitStack() as turn:
            if not gate.open:
                await turn.enter_async_context(gate.turns())
            gate.refuse(request)

            async def follow(event: str, facts: Mapping[str, Any]) -> None:
                if event.endswith(".start_tls.started") and not event.startswith("connection."):  # it let us pass
                    gate.open = True
                    await turn.aclose()
                if event == "socks.connect_tcp.complete":
                    streams.append(facts["return_value"])
                if outer is not None:
                    await outer(event, facts)

            request.extensions = {**request.extensions, "trace": follow}
            try:
                return await self._through.handle_async_request(request)
            except BaseException as exc:
                if is_login_refusal(exc):
                    gate.close(str(exc))
                for stream in streams:  # httpcore leaves the socket of a SOCKS proxy open where that says no
                    await stream.aclose()
                raise

    async def aclose(self) -> None:
        await self._through.aclose()


class _Gate:
    """What is known in this process of a proxy with its user and password."""

    def __init__(self) -> None:
        self.open = False
        self._refusal, self._until = "", 0.0
        self._turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    def turns(self) -> asyncio.Lock:
        """Whose turn it is to ask, of those on this event loop."""
        return self._turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())

    def close(self, refusal: str) -> None:
        self.open, self._refusal, self._until = False, refusal, monotonic() + _REFUSAL_LASTS

    def refuse(self, request: httpx.Request) -> None:
        """Raise what the proxy said where that was just now."""
        if monotonic() < self._until:
            raise httpx.ProxyError(self._refusal, request=request)


_gates: dict[int, _Gate] = {}
"""By what proxies are called, passwords included: of that a hash, which prints nothing."""


def forget_refusals() -> None:
    """Ask each proxy anew: somebody wants to know how it is now."""
    _gates.clear()


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
    with usable_settings():
        chosen = _LentTransport(transport) if transport is not None else route() if route else transport_to(url)
        return Client(transport=chosen, trust_env=False, follow_redirects=False, **settings)


def transport_to(url: str) -> Transport:
    """The transport for requests to an address, whatever the environment says of that."""
    address = urlsplit(url)
    if is_loopback(address.hostname or ""):
        return LoopbackTransport(address.scheme)
    proxy = proxy_for(url)
    return ProxyTransport(proxy) if proxy else direct_transport()


def direct_transport() -> Transport:
    """Without a proxy, with the trusted certificates."""
    return httpx.AsyncHTTPTransport(verify=environment_certificates(), trust_env=False)


@contextmanager
def usable_settings() -> Iterator[None]:
    """Within it the environment's proxy and certificate settings are read; raises `ConfigError` for unusable ones."""
    try:
        yield
    except ConfigError:
        raise
    except httpx.InvalidURL:  # its words may be a piece of the password
        raise ConfigError(texts.NO_ADDRESS(), hint=texts.ESCAPES()) from None
    except Exception as exc:  # httpx raises ValueError, OSError, ImportError, ssl.SSLError as it reads the settings
        raise ConfigError(texts.SETTINGS_NOT_USABLE(why=reason(exc)), hint=texts.DOCTOR_NAMES_THEM()) from exc


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
