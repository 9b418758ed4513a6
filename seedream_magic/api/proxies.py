"""Which proxy is on the way to an address, as the environment or the system names it, and what is wrong with that.

The variables are those that curl and Python read, `https_proxy`, `all_proxy` and `no_proxy`, in either case: a
lower-case one wins, and an empty one turns its upper-case twin off. Where none is set the system's settings count
(Windows, macOS). What stands in a proxy's address may be a password: nothing of it is ever printed but host and port.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import quote, urlsplit
from urllib.request import getproxies, getproxies_environment, proxy_bypass

from seedream_magic.api.providers import is_loopback
from seedream_magic.words import network as texts
from seedream_magic.words.lists import enumeration
from seedream_magic.words.text import in_language, join

_KINDS = ("http", "https", "socks5", "socks5h")
"""What httpx can go through."""
_SAME_KIND = {"socks": "socks5"}
"""Clash and the desktops of Linux write socks:// where they mean SOCKS5."""
_PARTS = re.compile(r"(?:([a-z][a-z0-9+.-]*)://)?(?:(.*)@)?([^@]*)", re.IGNORECASE | re.DOTALL)
_PLACE = re.compile(r"(\[[0-9a-f:.]+(?:%\w+)?\]|[\w.~-]+)(?::(\d{1,5}))?", re.IGNORECASE)


@dataclass(frozen=True)
class Proxy:
    """A proxy that something names: `source` is the variable, `address` its host and port, for people.

    `url` is what a transport takes; it holds user and password and is not printed. `complaint` says in a sentence why
    it cannot be used, "" where it can; `advice` how to write it, "" where nothing is odd.
    """

    source: str
    address: str = ""
    url: str = field(default="", repr=False)
    complaint: str = ""
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.address} ({self.source})"

    @property
    def has_user(self) -> bool:
        """Whether a user, and perhaps a password, is sent to it."""
        return "@" in self.url

    @property
    def remedy(self) -> str:
        """What to do about a proxy that cannot be used."""
        without = "" if self.of_system else texts.WITHOUT_IT(variable=self.source)
        return join(self.advice, without)

    @property
    def of_system(self) -> bool:
        """Whether no variable names it, but the settings of the system."""
        return in_language(self.source, "en") == texts.SYSTEM.english

    @property
    def is_socks(self) -> bool:
        """Whether it takes SOCKS, for which httpx needs a package of its own."""
        return self.url.startswith("socks")


def proxy_for(url: str) -> Proxy | None:
    """The proxy on the way to an address, None where there is none: never to this machine, nor where NO_PROXY says."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return None if is_loopback(host) or is_excepted(host, parts.port or 443) else named_proxy(parts.scheme)


def named_proxy(scheme: str) -> Proxy | None:
    """The proxy that the environment or the system names for all addresses of a scheme. None without one."""
    for name in (f"{scheme}_proxy", "all_proxy"):
        if found := variable(name):
            return _read(*found)
    if getproxies_environment():
        return None
    system = getproxies()
    socks = re.sub(r"^\w+://", "socks5://", system.get("socks", ""))
    value = system.get(scheme) or system.get("all") or socks
    # Python calls each SOCKS proxy of Windows socks4.
    return _read(texts.SYSTEM(), value.replace("socks4://", "socks5://")) if value else None


def variable(name: str) -> tuple[str, str] | None:
    """An environment variable in whatever case, as it is spelled, and its value without blanks and quotes around it.

    None where it is not set or empty. The lower-case spelling comes first: empty it turns the others off.
    """
    spelled = [name] if name in os.environ else [key for key in os.environ if key.lower() == name]
    found = [(key, os.environ[key].strip().strip("\"'").strip()) for key in sorted(spelled)]
    return next(((key, value) for key, value in found if value), None)


def _read(source: str, text: str) -> Proxy:
    scheme, user, place = _PARTS.fullmatch(text).groups()  # type: ignore[union-attr] # every text matches
    kind = (scheme or "http").lower()
    kind = _SAME_KIND.get(kind, kind)
    if re.search(r"[/?#\x00-\x1f]", user or ""):
        return Proxy(source, complaint=texts.NOT_ESCAPED(variable=source), advice=texts.ESCAPES())
    if kind not in _KINDS:
        usable = enumeration(f"{known}://" for known in _KINDS)
        return Proxy(source, complaint=texts.KIND_NOT_USABLE(variable=source, kinds=usable))
    found = _PLACE.fullmatch(re.split(r"[/?#]", place)[0])
    if found is None or not _is_host(found[1]) or not 0 < int(found[2] or 1) < 2**16:
        return Proxy(source, complaint=texts.NO_PROXY_ADDRESS(variable=source))
    address = found[0].lower()
    login = f"{quote(user, safe=':%~!$&()*+,;=')}@" if user else ""
    return Proxy(source, address, f"{kind}://{login}{address}", advice=texts.ESCAPES() if user and "@" in user else "")


def _is_host(host: str) -> bool:
    return not host.startswith("[") or _is_address(host[1:-1])


def _is_address(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False


# NO_PROXY


@dataclass(frozen=True)
class Exceptions:
    """The hosts that no proxy is asked for: `source` is the variable; `unreadable` are those of its entries that are
    no name, address or network.
    """

    source: str
    fits: tuple[Callable[[str, int], bool], ...] = field(repr=False)
    unreadable: tuple[str, ...] = ()


def is_excepted(host: str, port: int) -> bool:
    """Whether a host is one to which no proxy is asked for the way, by NO_PROXY or by the system's own list."""
    found = exceptions()
    if found is not None:
        return any(fits(host.lower().rstrip("."), port) for fits in found.fits)
    return not getproxies_environment() and bool(proxy_bypass(host))


def exceptions() -> Exceptions | None:
    """What NO_PROXY says, None where it is not set."""
    found = variable("no_proxy")
    return _read_exceptions(*found) if found else None


@cache
def _read_exceptions(source: str, text: str) -> Exceptions:
    """Its entries, parted by commas or blanks: `*`, names with all below them, `*.name`, addresses, networks.

    A port may follow a name, an address in brackets or one of IPv4. An entry that cannot be read excepts nothing.
    """
    read = [(entry, _entry(entry.lower())) for entry in re.split(r"[\s,;]+", text) if entry]
    unreadable = tuple(re.sub(r".*@", "…@", entry)[:60] for entry, fits in read if fits is None)
    return Exceptions(source, tuple(fits for _, fits in read if fits is not None), unreadable)


def _entry(entry: str) -> Callable[[str, int], bool] | None:
    """Whether a host and its port are meant by an entry; None for one that cannot be read."""
    entry = re.sub(r"^[a-z][a-z0-9+.-]*://", "", entry)
    if network := _network(entry.rstrip("/")):
        return lambda host, _: _is_address(host) and ip_address(host) in network
    if entry == "<local>":  # of Windows
        return lambda host, _: "." not in host and ":" not in host
    place = re.fullmatch(r"(\[[^\]]*\]|[^:/\[\]@]+)(?::(\d{1,5}))?/?", entry)
    name, port = (place[1], int(place[2] or 0)) if place else (entry, 0)
    if _is_address(name.strip("[]")) and (place or "[" not in entry):
        address = ip_address(name.strip("[]"))
        return lambda host, asked: _is_address(host) and ip_address(host) == address and port in {0, asked}
    name = name.removeprefix("*.").strip(".") if name.strip(".") != "*" else "*"
    if place is None or not re.fullmatch(r"[\w.*-]+", name):
        return None
    return lambda host, asked: port in {0, asked} and (fnmatchcase(host, name) or fnmatchcase(host, f"*.{name}"))


def _network(entry: str) -> IPv4Network | IPv6Network | None:
    address, slash, length = entry.partition("/")
    try:
        return ip_network(f"{address.strip('[]')}/{length.strip(']')}", strict=False) if slash else None
    except ValueError:
        return None
