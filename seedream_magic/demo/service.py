"""The demo service: its settings and pictures, and its endpoints `POST …/images/generations` and the signed links.

A picture is remembered by what it takes to paint it again; of the bytes only the latest are kept.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import queue
import secrets
import socket
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote
from xml.sax.saxutils import escape

from tornado.iostream import StreamClosedError
from tornado.netutil import bind_sockets
from tornado.web import RequestHandler

from seedream_magic.api.models import ids_for

from .jobs import LAYERS, REFUSED_IMAGE, Job, Refusal, read_job
from .painter import Box, paint

_KEPT_BYTES = 48_000_000

Json = dict[str, Any]


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
    """One service: its address, its settings (may be replaced while it runs), its counters, links and pictures.

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
        self.takes: Counter[tuple[str, int, int]] = Counter()
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


class _TaskHandler(RequestHandler):
    """Works on a request in a task of its own, which ends when the client has gone or the service stops."""

    def initialize(self, service: DemoService) -> None:
        self.service = service
        self.task: asyncio.Task[None] | None = None

    async def run(self, answer: Coroutine[Any, Any, None]) -> None:
        # Tornado reports the cancellation of its own task as an error; this one may be cancelled in silence.
        self.task = asyncio.create_task(answer)
        self.service.tasks.add(self.task)
        self.task.add_done_callback(self.service.tasks.discard)
        await asyncio.wait({self.task})
        if not self.task.cancelled() and not isinstance(self.task.exception(), StreamClosedError):
            self.task.result()

    def on_connection_close(self) -> None:
        if self.task is not None:
            self.task.cancel()


class GenerationsHandler(_TaskHandler):
    """Answers with JSON or, with `stream: true`, event by event as the pictures are ready."""

    def prepare(self) -> None:
        self.request_id = f"02{time.time_ns() // 1_000_000:013d}{secrets.token_hex(15)}"
        self.set_header("x-request-id", self.request_id)
        client_id = self.request.headers.get("x-client-request-id") or secrets.token_hex(16)
        self.set_header("x-client-request-id", client_id)

    async def post(self) -> None:
        self.service.posts += 1
        await self.run(self._answer())

    async def _answer(self) -> None:
        try:
            self._check_key()
            job = read_job(self.request.body)
        except Refusal as refusal:
            self._refuse(refusal)
            return
        if job.stream:
            await self._answer_events(job)
        else:
            await self._answer_json(job)

    def _refuse(self, refusal: Refusal) -> None:
        label = "request id" if refusal.status == 401 else "Request id"
        message = f"{refusal.message} {label}: {self.request_id}"
        self.set_status(refusal.status)
        if refusal.retry_after is not None:
            self.set_header("Retry-After", str(refusal.retry_after))
        self._write_json({"error": {"code": refusal.code, "message": message, "param": "", "type": refusal.type}})

    def _check_key(self) -> None:
        scheme, _, key = self.request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip() or key.strip() != (self.service.settings.key or key.strip()):
            self.set_header("x-error-code", "AuthN_MissOrInvalidAuthorizationHeader")
            message = "the API key or AK/SK in the request is missing or invalid."
            raise Refusal(401, "AuthenticationError", message)

    def _write_json(self, answer: Json) -> None:
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.write(json.dumps(answer, ensure_ascii=False).encode(errors="replace"))

    async def _answer_json(self, job: Job) -> None:
        data = [item async for item in self._draw(job)]
        answer = {"created": int(time.time()), "data": data, **self._summary(job, data)}
        if self.service.settings.shape == "ark":
            answer = {"model": job.model_id, **answer}
        self._write_json(answer)

    async def _answer_events(self, job: Job) -> None:
        self.set_header("Content-Type", "text/event-stream; charset=utf-8")
        self.set_header("Cache-Control", "no-cache")
        await self.flush()
        data: list[Json] = []
        async for item in self._draw(job):
            kind = "partial_failed" if "error" in item else "partial_succeeded"
            await self._send_event(job, kind, {"image_index": len(data), **item})
            data.append(item)
        await self._send_event(job, "completed", self._summary(job, data))
        self.write("data: [DONE]\n\n")
        await self.flush()

    async def _send_event(self, job: Job, kind: str, fields: Json) -> None:
        name, now = f"image_generation.{kind}", int(time.time())
        # The documents say `created`, the types of ByteDance's older SDKs `created_at`.
        data = {"type": name, "model": job.model_id, "created": now, "created_at": now, **fields}
        self.write(f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n")
        await self.flush()

    async def _draw(self, job: Job) -> AsyncIterator[Json]:
        """The answer's item for each picture, when it is ready: the settings' delay is the time it takes in all."""
        drawn = (job.prompt, job.width, job.height)  # also as a set of more, or of fewer
        self.service.takes[drawn] += 1
        take, clock = self.service.takes[drawn], asyncio.get_running_loop().time
        for index in range(job.count):
            begun = clock()
            if index == job.refused:
                code, message = REFUSED_IMAGE
                item: Json = {"error": {"code": code, "message": f"{message} Request id: {self.request_id}"}}
            else:
                item = await self._draw_item(job, index, take)
            await asyncio.sleep(max(0.0, self.service.settings.delay - (clock() - begun)))
            yield item

    async def _draw_item(self, job: Job, index: int, take: int) -> Json:
        self.service.painted += 1
        item: Json = {}
        frame, layer = index, None
        if job.layers:
            name, description, top, bottom = LAYERS[index]
            frame, layer = 0, (0, round(top * job.height), job.width, round(bottom * job.height))
            box = {"absolute": list(layer), "normalized": [0, round(top * 1000), 1000, round(bottom * 1000)]}
            item = {"z_index": index, "bounding_box": box, "name": name, "description": description}
        picture = Picture(job.prompt, frame, take, job.width, job.height, job.watermark, job.png, layer)
        content = await self.service.content(picture)
        extension = "png" if job.png else "jpeg"
        if self.service.settings.shape == "ark":
            item = {"size": f"{job.width}x{job.height}", **item}
            if job.names_format:
                item["output_format"] = extension
        if job.base64:
            return {"b64_json": base64.b64encode(content).decode("ascii"), **item}
        path = f"/{quote(job.model_id, safe='')}/{self.request_id}_{index}.{extension}"
        return {"url": self.service.link(path, picture), **item}

    def _summary(self, job: Job, data: list[Json]) -> Json:
        """The usage, in which only pictures that were made count (their pixels over 256, as documented), and tools."""
        made = sum("error" not in item for item in data)
        tokens = round(made * job.width * job.height / 256)
        usage: Json = {"output_tokens": tokens, "total_tokens": tokens}
        if self.service.settings.shape == "seed":
            return {"usage": {"prompt_tokens": 0, "completion_tokens": 0, **usage}}
        usage = {"generated_images": made, **usage}
        if job.references:
            usage = {"input_images": job.references, **usage}
        if job.web_search:
            return {"tools": [{"type": "web_search"}], "usage": {**usage, "tool_usage": {"web_search": 1}}}
        return {"usage": usage}


class ModelsHandler(GenerationsHandler):
    """Answers which models there are, as Ark lists them."""

    SUPPORTED_METHODS = ("GET",)

    def get(self) -> None:
        try:
            self._check_key()
        except Refusal as refusal:
            self._refuse(refusal)
            return
        facts = {"object": "model", "domain": "ImageGeneration", "status": "Active"}
        self._write_json({"object": "list", "data": [{"id": known, **facts} for known in ids_for("demo")]})


class PictureHandler(_TaskHandler):
    """Serves a picture to whoever holds its link; no key is asked for."""

    tag: str | None = None

    async def get(self) -> None:
        self.service.gets += 1
        await self.run(self._serve())

    async def head(self) -> None:
        await self.run(self._serve())

    def compute_etag(self) -> str | None:
        return self.tag

    async def _serve(self) -> None:
        try:
            picture = self.service.find(self.request.uri or "")
        except LinkDenied as denied:
            self.set_status(403)
            self.set_header("Content-Type", "application/xml")
            self.write(
                '<?xml version="1.0" encoding="UTF-8"?>\n'
                f"<Error><Code>AccessDenied</Code><Message>{escape(str(denied))}</Message></Error>"
            )
            return
        content = await self.service.content(picture)
        self.tag = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
        self.set_header("Content-Type", "image/png" if picture.png else "image/jpeg")
        self.write(content)


class NotFoundHandler(RequestHandler):
    """Every other address: 404 with an empty body, as the real service answers."""

    def prepare(self) -> None:
        self.set_status(404)
        self.finish()
