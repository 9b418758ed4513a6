"""The way to the hosts of pictures: without the key, and only to addresses that were checked for the link.

    link -> its form -> its host's addresses, all of them -> Target, whose addresses are the only ones to connect to

A check of the name alone is worth nothing: between the check and the connection it may come to mean another address.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from ipaddress import IPv6Address, ip_address, ip_network
from itertools import zip_longest
from urllib.parse import urljoin, urlsplit

import httpx

from seedream_magic.api.connection import (
    Client,
    LoopbackTransport,
    ProxyTransport,
    Transport,
    direct_transport,
    new_client,
    usable_settings,
)
from seedream_magic.api.providers import PROVIDERS, is_loopback, name_to_resolve
from seedream_magic.api.proxies import named_proxy, proxy_for
from seedream_magic.api.redaction import clean_text
from seedream_magic.errors import ConfigError, ImageError, UnsafeURL, reason_of
from seedream_magic.words import pictures as texts
from seedream_magic.words.text import join

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

MAXIMUM_LINK_LENGTH = 4096
_ADDRESSES_TRIED = 6
_NAME = re.compile(r"(?=.{1,253}\.?$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?", re.ASCII)
# The URL standard reads 2130706433, 0x7f.1 and 127.1 as addresses: whatever ends in a number.
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*", re.ASCII)
_PICTURE_DOMAINS = ("volces.com", "bytepluses.com")

# `is_global` is true of these in some Python that is supported (3.11.7 says so of multicast and NAT64), or lets a
# gateway decide where the packets go.
_DENIED = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; 100.100.100.200 is a cloud's metadata service
        "127.0.0.0/8",
        "168.63.129.16/32",  # a cloud's own service inside each of its machines
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast and reserved
        "2001::/23",  # Teredo, ORCHID and other protocols
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 address inside
        "3fff::/20",
    )
)
# Where the proxies that many run on their own machine, and networks with IPv6 only, say that every host is. They pass
# it on by its name, so it is let through for the hosts of the services, whose certificates are checked all the same.
_TUNNELS = (ip_network("198.18.0.0/15"), ip_network("64:ff9b::/96"))
# All that is given out to hosts. Outside of it: mapped and compatible IPv4, NAT64, local, link and multicast.
_UNICAST = ip_network("2000::/3")


@dataclass(frozen=True)
class Link:
    """A link of sound form. `host` is in lower case, an IPv6 address without brackets; `loopback` is this machine."""

    host: str
    port: int
    loopback: bool


@dataclass(frozen=True)
class Target:
    """Where a link may be opened: at these addresses, in this order, and nowhere else.

    `server_name` is the name that the certificate must bear. Behind a proxy there is no address: it connects.
    """

    server_name: str
    addresses: tuple[str, ...]


def trim(link: str) -> str:
    """A link as browsers read what somebody wrote: nothing blank around it, no line end in it, other blanks as %20."""
    around = "".join(map(chr, range(33))) + "\ufeff\u200b"
    return re.sub(r"[\t\n\r]", "", link.strip().strip(around).strip()).replace(" ", "%20")


def check_link(url: str, *, allow_loopback: bool) -> Link:
    """The link's host and port. Raises `UnsafeURL` unless it is one that a picture of the service can have.

    https to a name or a public address on port 443, without user or fragment. With `allow_loopback` a link to this
    machine passes as well, http and any port included. Names are not resolved here.
    """
    scheme = host = ""
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname or "", parts.port
    except ValueError as exc:
        raise UnsafeURL(texts.NO_ADDRESS(why=reason_of(exc))) from exc
    loopback = is_loopback(host)
    if loopback:
        allowed = allow_loopback and scheme in {"http", "https"}
    else:
        allowed = scheme == "https" and port in {None, 443} and _may_be_public(host, bracketed="[" in parts.netloc)
    odd = "@" in parts.netloc or "#" in url or "%" in parts.netloc or re.search(r"[\s\\\x00-\x1f\x7f-\x9f]", url)
    if not allowed or odd or len(url) > MAXIMUM_LINK_LENGTH:
        scheme = clean_text(scheme) or texts.NO_SCHEME()
        raise UnsafeURL(texts.NO_PLACE_OF_SERVICE(scheme=scheme, host=clean_text(host[:60])))
    return Link(host, port or (80 if scheme == "http" else 443), loopback)


async def resolve_host(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, as the system knows them. Raises OSError where it knows none."""
    name = name_to_resolve(host)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except RuntimeError:  # the script has ended, a thread of it draws on: no thread takes anything new
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


async def find_target(
    url: str, *, allow_loopback: bool, behind_proxy: bool = False, base_url: str = "", resolve: Resolve = resolve_host
) -> Target:
    """Where the link may be opened. A name is resolved once, and one bad address among its answers condemns it.

    `behind_proxy`: the proxy will resolve the name and see the address, we never do; so the host must be a known one,
    as those in the domain of the API's `base_url` are. Raises `UnsafeURL`, or OSError from `resolve`.
    """
    link = check_link(url, allow_loopback=allow_loopback)
    server_name = link.host.removesuffix(".")
    if behind_proxy and not link.loopback:
        if not is_picture_host(server_name, base_url):
            raise UnsafeURL(texts.UNKNOWN_BEHIND_PROXY(host=server_name[:60]), hint=texts.ADD_HOST())
        return Target(server_name, ())
    answers = tuple(dict.fromkeys(await resolve(link.host, link.port)))
    known = is_picture_host(server_name, base_url)
    for answer in answers:
        tunnelled = known and _is_tunnel(answer)
        if not (is_loopback(answer) if link.loopback else is_public(answer) or tunnelled):
            raise UnsafeURL(texts.INSIDE_NETWORK(host=link.host[:60], address=answer[:60]))
    if not answers:
        raise OSError(texts.HOST_WITHOUT_ADDRESS(host=link.host[:60]))
    return Target(server_name, _in_turn(answers))


def is_public(text: str) -> bool:
    """Whether an address, in its usual spelling, is a host's on the open internet and carries no other one inside."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and (address not in _UNICAST or "%" in text):
        return False
    return address.is_global and not any(address in network for network in _DENIED)


def _is_tunnel(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return any(address in network for network in _TUNNELS)


def is_picture_host(host: str, base_url: str = "") -> bool:
    """Whether pictures are known to lie there: the services' stores, the API's own domain, SEEDREAM_IMAGE_HOSTS."""
    named = os.environ.get("SEEDREAM_IMAGE_HOSTS", "").lower().split(",")
    bases = [base_url, os.environ.get("SEEDREAM_BASE_URL", ""), *(provider.base_url for provider in PROVIDERS.values())]
    domains = {*_PICTURE_DOMAINS, *map(_domain, bases), *(name.strip().strip("*.") for name in named)} - {""}
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)


def _may_be_public(host: str, *, bracketed: bool) -> bool:
    if bracketed or re.fullmatch(r"\d+(\.\d+){3}", host, re.ASCII):
        return is_public(host)
    last_label = host.rstrip(".").rpartition(".")[2]
    return _NAME.fullmatch(host) is not None and not _NUMBER.fullmatch(last_label)


def _in_turn(addresses: Sequence[str]) -> tuple[str, ...]:
    """Both families by turns, so that a dead one costs one attempt, not all."""
    first = ":" in addresses[0]
    families = [[address for address in addresses if (":" in address) is wanted] for wanted in (first, not first)]
    turns = (address for pair in zip_longest(*families) for address in pair if address)
    return tuple(turns)[:_ADDRESSES_TRIED]


def _domain(base_url: str) -> str:
    """The part of a base URL's host that somebody registered: `anyfast.ai`, `anyfast.com.cn`; "" for an address."""
    try:
        labels = (urlsplit(base_url).hostname or "").rstrip(".").split(".")
    except ValueError:  # of the environment, and overruled by a base URL that was given
        return ""
    shared = len(labels) > 1 and len(labels[-1]) == 2 and labels[-2] in {"ac", "co", "com", "edu", "gov", "net", "org"}
    if len(labels) < (3 if shared else 2) or _NUMBER.fullmatch(labels[-1]) or ":" in labels[-1]:
        return ""
    return ".".join(labels[-3 if shared else -2 :])


_CONNECT_SECONDS_OF_MANY = 3.0
"""How long each address but the last of a host may take to connect."""


class PinnedRoute(Transport):
    """Each request goes to an address that was checked for its link, or nowhere; behind a proxy, to a known host.

    No connection is used again: it was opened, and its certificate checked, for one name, and the next request to the
    same address may be for another. The machine's proxy and certificate settings are read with the first request that
    needs them: http to this machine never does. Where `base_url` is of another host they are read at once.
    """

    def __init__(self, *, base_url: str = "", resolve: Resolve = resolve_host) -> None:
        self._base_url = base_url
        self._resolve = resolve
        self._plain = LoopbackTransport("http")  # `check_link` lets http pass on this machine alone
        if not is_loopback(urlsplit(base_url).hostname or ""):
            _ = self._secure, self._proxied

    @cached_property
    def _secure(self) -> Transport:
        return direct_transport()

    @cached_property
    def _proxied(self) -> Transport | None:
        proxy = named_proxy("https")
        return ProxyTransport(proxy) if proxy else None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.headers["Connection"] = "close"
        direct, proxied = self._ways_to(request.url)
        target = await find_target(
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
                hurried = _pin(request, target, address, connect_seconds=_CONNECT_SECONDS_OF_MANY)
                return await direct.handle_async_request(hurried)
        return await direct.handle_async_request(_pin(request, target, last))

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
            raise ImageError(join(exc.message, exc.hint)) from exc

    async def aclose(self) -> None:
        for name in ("_plain", "_secure", "_proxied"):
            if opened := self.__dict__.get(name):
                await opened.aclose()


def _pin(
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
