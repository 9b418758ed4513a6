"""Who serves the API, and whether an address is one that a key may be sent to."""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from seedream_magic.api.redaction import mask
from seedream_magic.errors import ConfigError
from seedream_magic.words import network as texts
from seedream_magic.words.lists import enumeration
from seedream_magic.words.text import join


@dataclass(frozen=True)
class Provider:
    """One service with the API. `strict` ones refuse what the model's table forbids, so we refuse it first.

    `task_paths` are those under the base URL where a task can be asked for that came without an address.
    """

    name: str
    base_url: str
    key_variables: tuple[str, ...]
    default_model: str
    strict: bool
    needs_key: bool = True
    task_paths: tuple[str, ...] = ()


EMBEDDED = "http://127.0.0.1:0/v1"
"""The address of the embedded demo before its service has started: a port that nothing can listen on."""
DEMO_FOR_A_SHELL = "http://127.0.0.1:8000/v1"
"""Where `python -m seedream_magic.demo --port 8000`, as README has it, serves the same."""

PROVIDERS = {
    provider.name: provider
    for provider in (
        Provider(
            "anyfast",
            "https://www.anyfast.ai/v1",
            ("ANYFAST_API_KEY",),
            "doubao-seedream-4-5",
            strict=False,
            # AnyFast documents the second for its videos (docs.anyfast.ai, 2026); gateways of its kind have the first.
            task_paths=("images/generations/{task_id}", "video/generations/{task_id}"),
        ),
        Provider(
            "ark",
            "https://ark.cn-beijing.volces.com/api/v3",
            ("ARK_API_KEY",),
            "doubao-seedream-4-5-251128",
            strict=True,
        ),
        # Ark's Agent Plan, a subscription: an address and keys of its own, ids with dots (PlayPen issues 300 and 302).
        Provider(
            "ark-plan",
            "https://ark.cn-beijing.volces.com/api/plan/v3",
            ("ARK_PLAN_API_KEY", "ARK_API_KEY"),
            "doubao-seedream-5.0-lite",
            strict=True,
        ),
        Provider(
            "byteplus",
            "https://ark.ap-southeast.bytepluses.com/api/v3",
            ("ARK_API_KEY",),
            "seedream-4-5-251128",
            strict=True,
        ),
        # The demo's address is known when its service has started.
        Provider("demo", "", (), "doubao-seedream-4-5", strict=True, needs_key=False),
    )
}
DEFAULT_PROVIDER = "anyfast"


def find_provider(name: str) -> Provider:
    """The provider of that name, also in Chinese. Raises `ConfigError` with the name that was probably meant."""
    typed = name.strip().lower()
    provider = PROVIDERS.get(texts.CHINESE_PROVIDERS.get(typed, typed))
    if provider is not None:
        return provider
    near = difflib.get_close_matches(name.lower(), PROVIDERS, n=1)
    meant = texts.MEANT(names=near[0]) if near else ""
    raise ConfigError(join(texts.NO_PROVIDER(name=repr(name[:40]), names=enumeration(PROVIDERS)), meant))


def chosen_provider(name: str | None = None) -> Provider:
    """The provider of that name; without one, that of `SEEDREAM_PROVIDER`, else the default. Errors as above."""
    return find_provider(name or os.environ.get("SEEDREAM_PROVIDER") or DEFAULT_PROVIDER)


def chosen_base_url(provider: Provider, given: str | None = None) -> str:
    """Where requests to a provider go: the given address, that of `SEEDREAM_BASE_URL`, else its own.

    "" is the embedded demo's, known when it has started: the environment says nothing about it, and an address of
    another machine that is given to it is refused. Raises `ConfigError` for that, and for an unsafe address.
    """
    if given and not serves(provider, given):
        raise ConfigError(texts.EMBEDDED(provider=provider.name), hint=texts.LEAVE_BASE_URL())
    found = provider.base_url and (os.environ.get("SEEDREAM_BASE_URL") or provider.base_url)
    address = given or found
    return check_base_url(address) if address else ""


def serves(provider: Provider, address: str) -> bool:
    """Whether requests to a provider may go to an address; those to the demo, which are free, only to this machine.

    Raises `ConfigError` for an unsafe address.
    """
    host = urlsplit(check_base_url(address)).hostname
    return bool(provider.base_url) or is_loopback(host or "")


def check_base_url(text: str) -> str:
    """The base URL without a trailing slash. Raises `ConfigError` unless it is https (http on loopback only)."""
    address = text.strip().rstrip("/").removesuffix("/images/generations")
    # What may be a password is not repeated.
    harmless = re.sub(r"(?s)[?#].*", "…", mask(address))[:80]
    unusable = ConfigError(texts.BASE_URL_NONE(url=repr(harmless)))
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError as exc:
        raise unusable from exc
    if "@" in parts.netloc:
        raise ConfigError(texts.BASE_URL_WITH_PASSWORD())
    if not host or not host.isascii() or re.search(r"[\s\\?#\x00-\x1f\x7f]", address):
        raise unusable
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise ConfigError(texts.BASE_URL_IN_CLEAR(url=repr(harmless)))
    return address


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine itself: localhost, names below it (RFC 6761), 127/8, ::1."""
    if re.fullmatch(r"([a-z0-9_-]{1,63}\.)*localhost\.?", host, re.ASCII | re.IGNORECASE):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return address.is_loopback or (mapped is not None and mapped.is_loopback)  # Python says so itself from 3.13 on


def name_to_resolve(host: str) -> str:
    """The name to look up for a host: those below .localhost are this machine's, which not every system knows.

    RFC 6761, 6.3: the host of `http://seedream.localhost:3000` is never asked of a name server.
    """
    return "localhost" if host.lower().rstrip(".").endswith(".localhost") else host
