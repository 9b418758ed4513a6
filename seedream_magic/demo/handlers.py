"""The demo's two endpoints: `POST …/images/generations`, and the pictures behind the signed links."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Coroutine
from typing import Any
from xml.sax.saxutils import escape

from tornado.iostream import StreamClosedError
from tornado.web import RequestHandler

from .jobs import LAYERS, REFUSED_IMAGE, Job, Refusal, read_job
from .service import DemoService, LinkDenied, Picture

Json = dict[str, Any]


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
            label = "request id" if refusal.status == 401 else "Request id"
            message = f"{refusal.message} {label}: {self.request_id}"
            self.set_status(refusal.status)
            if refusal.retry_after is not None:
                self.set_header("Retry-After", str(refusal.retry_after))
            self._write_json({"error": {"code": refusal.code, "message": message, "param": "", "type": refusal.type}})
            return
        if job.stream:
            await self._answer_events(job)
        else:
            await self._answer_json(job)

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
        self.service.takes[job] += 1
        take, clock = self.service.takes[job], asyncio.get_running_loop().time
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
        path = f"/{job.model_id}/{self.request_id}_{index}.{extension}"
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
