"""How far a provider is reached, step by step, without a key.

`probe` goes the way of a real request, through the same proxy and with the same certificates, but its only request is
`HEAD /` to the root of the host: no key, no POST, nothing that could bill.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal

import httpx

from seedream_magic.api.connection import forget_refusals, new_client
from seedream_magic.api.network_errors import causes, is_login_refusal, login_wanted, reason
from seedream_magic.api.providers import name_to_resolve
from seedream_magic.api.proxies import Proxy, proxy_for
from seedream_magic.api.redaction import clean_text
from seedream_magic.api.retry import instant
from seedream_magic.bridge import iterate
from seedream_magic.errors import ConfigError
from seedream_magic.version import __version__
from seedream_magic.words import network as texts

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

    `proxy` is the one on the way, None without one; DNS and TCP are then the proxy's. `clock_ahead` is by how many
    seconds the local clock is ahead of the service's, None without an answer.
    """

    steps: tuple[Step, ...]
    proxy: Proxy | None = None
    clock_ahead: float | None = None

    @property
    def ok(self) -> bool:
        """Whether the service answered."""
        return all(step.ok for step in self.steps)


def probe(base_url: str, *, limit: float = LIMIT) -> Reach:
    """Go as far as `HEAD /` of the provider's host; `limit` is seconds a step. Nothing is raised: a fault is a step."""
    forget_refusals()
    with closing(iterate(partial(_probe, httpx.URL(base_url), limit))) as found:
        return next(found)


async def _probe(url: httpx.URL, limit: float) -> AsyncGenerator[Reach, None]:
    proxy = proxy_for(str(url))
    try:
        client = new_client(None, url=str(url), timeout=None)
    except ConfigError as error:
        yield Reach((Step("settings", False, str(error)),), proxy)
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
                host = name_to_resolve((httpx.URL(proxy.url) if proxy else url).host)
                found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
                progress.succeeded(str(found[0][4][0]))
                headers = {"User-Agent": f"seedream-magic/{__version__}"}
                root, extensions = url.copy_with(path="/"), {"trace": progress.follow}
                answer = await client.send(httpx.Request("HEAD", root, headers=headers, extensions=extensions))
                progress.succeeded(str(answer.status_code))
        except Exception as exc:  # noqa: BLE001 - whatever it is, it is what the report is for
            failed = Step(names[len(steps)], False, _failure(exc, limit, proxy))
            yield Reach((*steps, failed), proxy)
        else:
            date = instant(answer.headers.get("date", ""))
            yield Reach(tuple(steps), proxy, (datetime.now(UTC) - date).total_seconds() if date else None)


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


def _failure(exc: Exception, limit: float, proxy: Proxy | None) -> str:
    """Why a step failed, in the words of what lies at the bottom."""
    if isinstance(exc, TimeoutError):
        return texts.NO_ANSWER_WITHIN(seconds=limit)
    if proxy and is_login_refusal(exc):
        return texts.IT(what=login_wanted(proxy, exc))
    if isinstance(exc, httpx.ProxyError):
        return texts.PROXY_ANSWERED(why=reason(exc))
    *_, cause = causes(exc)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return clean_text(cause.verify_message)
    if isinstance(cause, UnicodeError):
        return texts.NO_HOST_NAME()
    return reason(cause)
