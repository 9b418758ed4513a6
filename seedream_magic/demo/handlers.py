"""The demo's two doors: `POST …/images/generations`, and the pictures behind the signed links."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Protocol
from xml.sax.saxutils import escape

from tornado.iostream import StreamClosedError
from tornado.web import RequestHandler

from .counting import frame_prompt
from .gallery import Denied, Gallery, Picture
from .rules import REFUSED_IMAGE, Job, Refusal, read_job, unauthorized
from .settings import DemoSettings

Json = dict[str, Any]


class Service(Protocol):
    """What the handlers need of the running service."""

    settings: DemoSettings
    gallery: Gallery
    posts: int
    gets: int
    painted: int
    jobs: set[asyncio.Task[None]]

    @property
    def origin(self) -> str: ...


class _Door(RequestHandler):
    """Works on a request in a task of its own, which ends when whoever asked has gone or the service stops."""

    def initialize(self, service: Service) -> None:
        self.service = service
        self.job: asyncio.Task[None] | None = None

    async def work(self, answer: Coroutine[Any, Any, None]) -> None:
        # Tornado reports the cancellation of its own task as an error; this one may be cancelled in silence.
        self.job = asyncio.create_task(answer)
        self.service.jobs.add(self.job)
        self.job.add_done_callback(self.service.jobs.discard)
        await asyncio.wait({self.job})
        if not self.job.cancelled() and not isinstance(self.job.exception(), StreamClosedError):
            self.job.result()

    def on_connection_close(self) -> None:
        if self.job is not None:
            self.job.cancel()


class GenerationsHandler(_Door):
    """Answers with JSON or, with `stream: true`, event by event as the pictures are ready."""

    def prepare(self) -> None:
        self.request_id = f"02{time.time_ns() // 1_000_000:013d}{secrets.token_hex(15)}"
        self.set_header("x-request-id", self.request_id)
        client_id = self.request.headers.get("x-client-request-id") or secrets.token_hex(16)
        self.set_header("x-client-request-id", client_id)

    async def post(self) -> None:
        self.service.posts += 1
        await self.work(self._answer())

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

    def _check_key(self) -> None:
        scheme, _, key = self.request.headers.get("Authorization", "").partition(" ")
        expected = self.service.settings.key
        if scheme.lower() != "bearer" or not key.strip() or (expected is not None and key.strip() != expected):
            self.set_header("x-error-code", "AuthN_MissOrInvalidAuthorizationHeader")
            raise unauthorized()

    def _refuse(self, refusal: Refusal) -> None:
        label = "request id" if refusal.status == 401 else "Request id"
        message = f"{refusal.message} {label}: {self.request_id}"
        error = {"code": refusal.code, "message": message, "param": "", "type": refusal.type}
        self.set_status(refusal.status)
        if refusal.retry_after is not None:
            self.set_header("Retry-After", str(refusal.retry_after))
        self._write_json({"error": error})

    async def _answer_json(self, job: Job) -> None:
        slots = [slot async for slot in self._slots(job)]
        answer: Json = {"created": int(time.time()), "data": slots, "usage": self._usage(job, slots)}
        if self.service.settings.shape == "ark":
            answer = {"model": job.model_id, **answer}
        else:
            for slot in slots:
                slot.pop("size", None)
        self._write_json(answer)

    async def _answer_events(self, job: Job) -> None:
        self.set_header("Content-Type", "text/event-stream; charset=utf-8")
        self.set_header("Cache-Control", "no-cache")
        await self.flush()
        slots: list[Json] = []
        async for slot in self._slots(job):
            kind = "partial_failed" if "error" in slot else "partial_succeeded"
            await self._send_event(job, kind, {"image_index": len(slots), **slot})
            slots.append(slot)
        await self._send_event(job, "completed", {"usage": self._usage(job, slots)})
        self.write("data: [DONE]\n\n")
        await self.flush()

    async def _send_event(self, job: Job, kind: str, fields: Json) -> None:
        name = f"image_generation.{kind}"
        data = {"type": name, "model": job.model_id, "created": int(time.time()), **fields}
        self.write(f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n")
        await self.flush()

    async def _slots(self, job: Job) -> AsyncIterator[Json]:
        """One object for each picture, when it is ready: the settings' delay is the time it takes in all."""
        clock = asyncio.get_running_loop().time
        for index in range(job.count):
            begun = clock()
            slot = self._refused_slot() if index == job.refused else await self._painted_slot(job, index)
            await asyncio.sleep(max(0.0, self.service.settings.delay - (clock() - begun)))
            yield slot

    def _refused_slot(self) -> Json:
        code, message = REFUSED_IMAGE
        return {"error": {"code": code, "message": f"{message} Request id: {self.request_id}"}}

    async def _painted_slot(self, job: Job, index: int) -> Json:
        picture = Picture(
            frame_prompt(job.prompt, index), index, job.width, job.height, watermark=job.watermark, png=job.png
        )
        self.service.painted += 1
        content = await self.service.gallery.content(picture)
        size = f"{job.width}x{job.height}"
        if job.base64:
            return {"b64_json": base64.b64encode(content).decode("ascii"), "size": size}
        path = f"/{job.model_id}/{self.request_id}_{index}.{'png' if job.png else 'jpeg'}"
        link = self.service.gallery.link(path, picture, life=self.service.settings.link_life)
        return {"url": self.service.origin + link, "size": size}

    def _usage(self, job: Job, slots: list[Json]) -> Json:
        """Only pictures that were made count: their pixels over 256, as documented."""
        made = sum("error" not in slot for slot in slots)
        tokens = round(made * job.width * job.height / 256)
        counted: Json = {"output_tokens": tokens, "total_tokens": tokens}
        if self.service.settings.shape == "seed":
            return {"prompt_tokens": 0, "completion_tokens": 0, **counted}
        references = {"input_images": job.references} if job.references else {}
        return {**references, "generated_images": made, **counted}

    def _write_json(self, answer: Json) -> None:
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.write(json.dumps(answer, ensure_ascii=False))


class PictureHandler(_Door):
    """Serves a picture to whoever holds its link; no key is asked for."""

    tag: str | None = None

    async def get(self) -> None:
        self.service.gets += 1
        await self.work(self._serve())

    async def head(self) -> None:
        await self.work(self._serve())

    def compute_etag(self) -> str | None:
        return self.tag

    async def _serve(self) -> None:
        try:
            picture = self.service.gallery.find(self.request.uri or "")
        except Denied as denied:
            self.set_status(403)
            self.set_header("Content-Type", "application/xml")
            self.write(
                '<?xml version="1.0" encoding="UTF-8"?>\n'
                f"<Error><Code>AccessDenied</Code><Message>{escape(str(denied))}</Message></Error>"
            )
            return
        content = await self.service.gallery.content(picture)
        self.tag = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
        self.set_header("Content-Type", "image/png" if picture.png else "image/jpeg")
        self.write(content)


class NothingHandler(RequestHandler):
    """Every other address: 404 with an empty body, as the real service answers."""

    def prepare(self) -> None:
        self.set_status(404)
        self.finish()
