"""The way to the hosts of pictures: without the key, and only to addresses that were checked for the link."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property, partial
from urllib.parse import urljoin, urlsplit

import httpx

from seedream_magic.api.connection import (
    Client,
    LoopbackTransport,
    Transport,
    environment_certificates,
    named_proxy,
    new_client,
    proxy_for,
    usable_settings,
)
from seedream_magic.api.providers import is_loopback
from seedream_magic.errors import ConfigError, ImageError
from seedream_magic.images.guard import Resolve, Target, checked_target, resolved

_CONNECT_SECONDS_OF_MANY = 3.0
"""How long each address but the last of a host may take to connect."""


class PinnedRoute(Transport):
    """Each request goes to an address that was checked for its link, or nowhere; behind a proxy, to a known host.

    No connection is used again: it was opened, and its certificate checked, for one name, and the next request to the
    same address may be for another. The machine's proxy and certificate settings are read with the first request that
    needs them: http to this machine never does. Where `base_url` is of another host they are read at once.
    """

    def __init__(self, *, base_url: str = "", resolve: Resolve = resolved) -> None:
        self._base_url = base_url
        self._resolve = resolve
        self._plain = LoopbackTransport("http")  # `check_link` lets http pass on this machine alone
        if not is_loopback(urlsplit(base_url).hostname or ""):
            _ = self._secure, self._proxied

    @cached_property
    def _secure(self) -> Transport:
        return httpx.AsyncHTTPTransport(verify=environment_certificates(), trust_env=False)

    @cached_property
    def _proxied(self) -> Transport | None:
        proxy = named_proxy("https")
        if proxy is None:
            return None
        return httpx.AsyncHTTPTransport(verify=environment_certificates(), trust_env=False, proxy=proxy)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.headers["Connection"] = "close"
        direct, proxied = self._ways_to(request.url)
        target = await checked_target(
            str(request.url),
            allow_loopback=request.extensions.get("allow_loopback", False),
            behind_proxy=bool(proxied),
            base_url=self._base_url,
            resolve=self._resolve,
        )
        if proxied and not target.addresses:
            return await proxied.handle_async_request(request)
        *others, last = target.addresses
        for address in others:
            with suppress(httpx.ConnectError, httpx.ConnectTimeout):
                hurried = _pinned(request, target, address, connect_seconds=_CONNECT_SECONDS_OF_MANY)
                return await direct.handle_async_request(hurried)
        return await direct.handle_async_request(_pinned(request, target, last))

    def _ways_to(self, url: httpx.URL) -> tuple[Transport, Transport | None]:
        """The direct way, and the one through the proxy where that is to be taken.

        Raises `ImageError` where the settings that it takes cannot be used: the picture was made.
        """
        if url.scheme == "http":
            return self._plain, None
        try:
            with usable_settings():
                return self._secure, self._proxied if proxy_for(str(url)) else None
        except ConfigError as exc:
            raise ImageError(f"{exc} {exc.hint}") from exc

    async def aclose(self) -> None:
        for name in ("_plain", "_secure", "_proxied"):
            if opened := self.__dict__.get(name):
                await opened.aclose()


def _pinned(
    request: httpx.Request, target: Target, address: str, *, connect_seconds: float | None = None
) -> httpx.Request:
    """The same request to an address; its Host header, and the name on the certificate, stay the link's."""
    timeout = dict(request.extensions["timeout"])
    if connect_seconds is not None:
        timeout["connect"] = connect_seconds
    extensions = request.extensions | {"sni_hostname": target.server_name, "timeout": timeout}
    url = request.url.copy_with(host=address)
    return httpx.Request(request.method, url, headers=request.headers, extensions=extensions)


def image_client(transport: Transport | None = None, *, base_url: str = "") -> Client:
    """The client for pictures: no key, no cookies kept, no redirect followed unseen.

    `base_url` is the API's; hosts of its domain count as picture hosts. A transport of the caller's is used as it is,
    the form of each link checked; the addresses are its own affair.
    """
    headers = {"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "seedream-magic"}
    return new_client(
        transport,
        route=partial(PinnedRoute, base_url=base_url),
        timeout=httpx.Timeout(30, connect=10),
        headers=headers,
        event_hooks={"response": [_read_location]},
    )


async def _read_location(response: httpx.Response) -> None:
    """Httpx reads a redirect's target itself, and would call one that is no address a fault of the way."""
    if response.has_redirect_location:
        httpx.URL(urljoin(str(response.url), response.headers["location"]))
