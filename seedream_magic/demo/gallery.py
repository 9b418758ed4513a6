"""The demo's pictures: signed links that expire, and the bytes behind them.

A picture is remembered by what it takes to paint it again; of the bytes only the latest are kept.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import io
import queue
import secrets
import threading
import time
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass

from PIL import Image

from .painter import paint

_KEPT_BYTES = 48_000_000
_ALGORITHM = "TOS4-HMAC-SHA256"


@dataclass(frozen=True)
class Picture:
    """What one picture is painted from; `index` counts from 0, sizes in pixels."""

    prompt: str
    index: int
    width: int
    height: int
    watermark: bool
    png: bool

    def paint(self) -> bytes:
        content = paint(self.prompt, self.index, width=self.width, height=self.height, watermark=self.watermark)
        if not self.png:
            return content
        buffer = io.BytesIO()
        Image.open(io.BytesIO(content)).save(buffer, "PNG", compress_level=1)
        return buffer.getvalue()


class Denied(Exception):
    """A link that is not served; the argument says why."""


class Gallery:
    """Hands out links and paints on a daemon thread of its own, so that the event loop is never held up."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._links: dict[str, tuple[float, Picture]] = {}
        self._kept: OrderedDict[Picture, bytes] = OrderedDict()
        self._orders: queue.SimpleQueue[tuple[Future[bytes], Picture] | None] = queue.SimpleQueue()
        threading.Thread(target=self._paint_orders, name="seedream-demo-painter", daemon=True).start()

    def link(self, path: str, picture: Picture, *, life: float) -> str:
        """`path` with a signed query. The link is served for `life` seconds, 24 hours at the real service."""
        now = time.time()
        self._links = {known: entry for known, entry in self._links.items() if entry[0] > now}
        self._links[path] = (now + life, picture)
        date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        signed = f"{path}?X-Tos-Algorithm={_ALGORITHM}&X-Tos-Date={date}&X-Tos-Expires={int(life)}"
        return f"{signed}&X-Tos-Signature={self._sign(signed)}"

    def find(self, link: str) -> Picture:
        """The picture of a link (path and query as requested); raises `Denied`."""
        signed, _, signature = link.rpartition("&X-Tos-Signature=")
        if not hmac.compare_digest(self._sign(signed).encode(), signature.encode()):
            raise Denied("The request signature we calculated does not match the signature you provided.")
        expires, picture = self._links.get(signed.partition("?")[0], (0.0, None))
        if picture is None or time.time() >= expires:
            raise Denied("Request has expired.")
        return picture

    async def content(self, picture: Picture) -> bytes:
        """The picture's bytes, kept or painted again. Cancelling it drops an order that has not been begun."""
        if picture not in self._kept:
            order: Future[bytes] = Future()
            self._orders.put((order, picture))
            self._kept[picture] = await asyncio.wrap_future(order)
        self._kept.move_to_end(picture)
        while len(self._kept) > 1 and sum(map(len, self._kept.values())) > _KEPT_BYTES:
            self._kept.popitem(last=False)
        return self._kept[picture]

    def close(self) -> None:
        """End the painting thread once it has put down its brush."""
        self._orders.put(None)

    def _sign(self, text: str) -> str:
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()

    def _paint_orders(self) -> None:
        while (entry := self._orders.get()) is not None:
            order, picture = entry
            if not order.set_running_or_notify_cancel():
                continue
            try:
                order.set_result(picture.paint())
            except Exception as exc:  # noqa: BLE001 - whatever went wrong is the request's to report
                order.set_exception(exc)
