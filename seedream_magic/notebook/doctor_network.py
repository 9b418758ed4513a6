"""The part of `%seedream doctor` that looks at the way to the service: proxy, certificates, network, clock.

Proxies and certificates are read from the variables that are in force; only `--probe` makes a connection.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from urllib.parse import urlsplit

from seedream_magic.api.answer import MAXIMUM_SKEW
from seedream_magic.api.certificates import (
    FOREIGN_VARIABLES,
    TRUSTSTORE,
    complaint,
    has_truststore,
    named_certificates,
    unset_hint,
)
from seedream_magic.api.probe import Reach, Step, probe
from seedream_magic.api.proxies import Proxy, exceptions, named_proxy, proxy_for
from seedream_magic.notebook.finding import Finding, to_install
from seedream_magic.words import doctor as texts
from seedream_magic.words.lists import enumeration
from seedream_magic.words.network import HOST_AND_PROXY
from seedream_magic.words.text import in_language

_FIXES = {
    "DNS": texts.FIX_DNS,
    "TCP": texts.FIX_TCP,
    "HTTP": texts.FIX_HTTP,
    "settings": texts.FIX_SETTINGS,
}


def proxy_findings(base_url: str) -> Iterator[Finding]:
    """The proxy on the way to the provider, and what is wrong with the variables that name it."""
    named, taken = named_proxy("https"), proxy_for(base_url) if base_url else None
    found = exceptions()
    if named is None:
        none = texts.NO_PROXY_BUT_EXCEPTIONS(source=found.source) if found else texts.NO_PROXY()
        yield Finding("ok", "proxy", none)
    elif named.complaint:
        yield Finding("bad", "proxy", named.complaint, named.remedy)
    elif named.is_socks and find_spec("socksio") is None:
        yield Finding("bad", "proxy", texts.PROXY_NEEDS_PACKAGE(proxy=named), to_install("httpx[socks]"))
    else:
        way = texts.PROXY_TAKEN(proxy=taken, host=urlsplit(base_url).hostname) if taken else None
        way = way or texts.PROXY_NOT_TAKEN(proxy=named)
        yield Finding("ok", "proxy", texts.PROXY_AND_EXCEPTIONS(proxy=way, source=found.source) if found else way)
    if named and named.advice and not named.complaint:
        yield Finding("look", "proxy", texts.RAW_AT(source=named.source), named.advice)
    if found and found.unreadable:
        entries = enumeration(found.unreadable[:3])
        yield Finding("look", "proxy", texts.NO_HOSTS(source=found.source, entries=entries), texts.WRITE_HOSTS())


def certificate_findings() -> Iterator[Finding]:
    """Which certificates are trusted, and what is wrong with the variable that names them."""
    named = named_certificates()
    foreign = [name for name in FOREIGN_VARIABLES if os.environ.get(name)]
    if named and (why := complaint(*named)):
        text = texts.CERTIFICATES_UNUSABLE(source=named[0], file=named[1][:200], why=why)
        yield Finding("bad", "TLS", text, unset_hint(named[0]))
    elif named:
        yield Finding("ok", "TLS", texts.CERTIFICATES_OF(source=named[0], file=named[1][:200]))
    elif foreign:
        text = texts.CERTIFICATES_NOT_READ(names=" / ".join(foreign))
        yield Finding("look", "TLS", text, texts.NAME_CERTIFICATES())
    elif has_truststore():
        yield Finding("ok", "TLS", texts.CERTIFICATES_OF_SYSTEM())
    else:
        yield Finding("ok", "TLS", texts.CERTIFICATES_OF_CERTIFI(install=TRUSTSTORE))


def network_findings(base_url: str, *, ask: bool) -> Iterator[Finding]:
    """Whether the service is reached, and how far this machine's clock is from its; where `ask` is off, how to ask."""
    if not base_url:
        yield Finding("ok", "network", texts.IN_KERNEL())
    elif ask:
        reach = probe(base_url)
        yield _reached(reach, urlsplit(base_url).hostname or "")
        yield _clock(reach.clock_ahead)
    else:
        yield Finding("-", "network", texts.ASK())


def _reached(reach: Reach, host: str) -> Finding:
    if reach.proxy:
        host = HOST_AND_PROXY(host=host, proxy=reach.proxy)
    done = enumeration(f"{step.name} {step.text}" for step in reach.steps if step.ok)
    if reach.ok:
        return Finding("ok", "network", texts.REACHED(host=host, done=done))
    failed = reach.steps[-1]
    why = failed.text.rstrip(".")
    if reach.proxy and failed.name in {"DNS", "TCP", "tunnel"}:
        return _proxy_fault(reach.proxy, failed, why)
    if done:
        text = texts.NOT_REACHED_AFTER(host=host, step=failed.name, why=why, done=done)
    else:
        text = texts.NOT_REACHED(host=host, step=failed.name, why=why)
    fix = texts.FIX_TLS(install=TRUSTSTORE) if failed.name == "TLS" else _FIXES[failed.name]()
    return Finding("bad", "network", text, fix)


def _proxy_fault(proxy: Proxy, failed: Step, why: str) -> Finding:
    """That the proxy on the way is not there, or does not let us pass."""
    told = texts.PROXY_NOT_REACHED if failed.name in {"DNS", "TCP"} else texts.PROXY_REFUSES
    if "password" in in_language(failed.text, "en"):
        fix = texts.CORRECT_LOGIN(source=proxy.source)
    else:
        fix = texts.START_PROXY(source=proxy.source, remedy=proxy.remedy)
    return Finding("bad", "network", told(proxy=proxy, step=failed.name, why=why), fix)


def _clock(ahead: float | None) -> Finding:
    if ahead is None:
        return Finding("-", "clock", texts.NO_TIME())
    if abs(ahead) <= MAXIMUM_SKEW.total_seconds():
        return Finding("ok", "clock", texts.CLOCK_FINE(seconds=f"{abs(ahead):.0f}"))
    hours = abs(ahead) / 3600
    span = texts.HOURS(hours=f"{hours:.1f}") if hours > 2 else texts.MINUTES(minutes=f"{hours * 60:.0f}")
    text = (texts.CLOCK_AHEAD if ahead > 0 else texts.CLOCK_BEHIND)(span=span)
    return Finding("bad", "clock", text, texts.SET_CLOCK())
