"""One running demo service: its settings, what it has plural, and its pictures behind signed links that expire.

A picture is remembered by what it takes to paint it again; of the bytes only the latest are kept.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import queue
import secrets
import socket
import threading
import time
from collections import Counter, OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Literal

from tornado.netutil import bind_sockets

from .jobs import Job
from .painter import Box, paint

_KEPT_BYTES = 48_000_000


@dataclass(frozen=True)
class DemoSettings:
    """Port 0 is a free one. `delay` and `link_life` are seconds: for each picture, and until its link expires.

    With a `key` any other key is refused; without one any will do, except none. `shape` is the JSON answer's: as
    ByteDance's service gives it (`ark`), or as the AnyFast page shows it (`seed`).
    """

    port: int = 0
    delay: float = 1.0
    key: str | None = None
    link_life: float = 86_400
    shape: Literal["ark", "seed"] = "ark"


@dataclass(frozen=True)
class Picture:
    """What one picture is painted from, as `paint` takes it."""

    prompt: str
    index: int
    take: int
    width: int
    height: int
    watermark: bool
    png: bool
    layer: Box | None


class LinkDenied(Exception):
    """A link that is not served; the argument says why."""


class DemoService:
    """One service: its address, its settings (may be replaced while it runs) and what it has plural.

    `posts` and `gets` count generation requests and picture downloads, `painted` the pictures begun, `takes` how often
    each job was asked for. `tasks` are the requests being worked on. Pictures are painted on a daemon thread of its
    own, so that the event loop is never held up.
    """

    def __init__(self, settings: DemoSettings) -> None:
        """Takes the port; raises OSError if it is busy."""
        self.settings = settings
        self.sockets: list[socket.socket] = bind_sockets(settings.port, "127.0.0.1")
        self.port: int = self.sockets[0].getsockname()[1]
        self.origin = f"http://127.0.0.1:{self.port}"
        self.base_url = f"{self.origin}/v1"
        self.posts = self.gets = self.painted = 0
        self.takes: Counter[Job] = Counter()
        self.tasks: set[asyncio.Task[None]] = set()
        self.kept: OrderedDict[Picture, bytes] = OrderedDict()
        self._secret = secrets.token_bytes(32)
        self._links: dict[str, tuple[float, Picture]] = {}
        self._orders: queue.SimpleQueue[tuple[Future[bytes], Picture] | None] = queue.SimpleQueue()
        threading.Thread(target=self._paint_orders, name="seedream-demo-painter", daemon=True).start()

    def link(self, path: str, picture: Picture) -> str:
        """`path` at this service with a signed query, served for `link_life` seconds (24 hours at the real service)."""
        now, life = time.time(), self.settings.link_life
        self._links = {known: entry for known, entry in self._links.items() if entry[0] > now}
        self._links[path] = (now + life, picture)
        date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        signed = f"{path}?X-Tos-Algorithm=TOS4-HMAC-SHA256&X-Tos-Date={date}&X-Tos-Expires={int(life)}"
        return f"{self.origin}{signed}&X-Tos-Signature={self._sign(signed)}"

    def find(self, link: str) -> Picture:
        """The picture of a link (path and query as requested); raises `LinkDenied`."""
        signed, _, signature = link.rpartition("&X-Tos-Signature=")
        if not hmac.compare_digest(self._sign(signed).encode(), signature.encode()):
            raise LinkDenied("The request signature we calculated does not match the signature you provided.")
        expires, picture = self._links.get(signed.partition("?")[0], (0.0, None))
        if picture is None or time.time() >= expires:
            raise LinkDenied("Request has expired.")
        return picture

    def _sign(self, text: str) -> str:
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()

    async def content(self, picture: Picture) -> bytes:
        """The picture's bytes, kept or painted again. Cancelling it drops an order that has not been begun."""
        content = self.kept.get(picture)
        if content is None:
            order: Future[bytes] = Future()
            self._orders.put((order, picture))
            content = await asyncio.wrap_future(order)
        self.kept[picture] = content
        self.kept.move_to_end(picture)
        while len(self.kept) > 1 and sum(map(len, self.kept.values())) > _KEPT_BYTES:
            self.kept.popitem(last=False)
        return content

    def close(self) -> None:
        """End the painting thread when it is done with the picture it is at."""
        self._orders.put(None)

    def _paint_orders(self) -> None:
        while (entry := self._orders.get()) is not None:
            order, picture = entry
            if not order.set_running_or_notify_cancel():
                continue
            try:
                order.set_result(paint(**vars(picture)))
            except Exception as exc:  # noqa: BLE001 - whatever went wrong is the request's to report
                order.set_exception(exc)
