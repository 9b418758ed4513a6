"""The path of a picture: plan -> POST -> events -> frames on disk -> the growing set.

`generate` is the one way through the house; the magic, the panel and the Python front door only watch it.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import httpx

from seedream_magic.api.client import Answer, post
from seedream_magic.api.events import Completed, Event, Picture, PictureRefused, Reader, Refused, Unreadable
from seedream_magic.api.keys import Key
from seedream_magic.api.plan import Plan
from seedream_magic.api.providers import is_loopback
from seedream_magic.api.refusal import Refusal, refusal_error
from seedream_magic.errors import ApiError, ImageError, NoConnection, OutcomeUnknown, ResponseBroken, SeedreamError
from seedream_magic.images.download import PARALLEL_DOWNLOADS, decode, download, image_client
from seedream_magic.images.image_set import Frame, ImageSet, Outcome
from seedream_magic.images.store import Run, begin_run
from seedream_magic.images.verify import PictureFacts

Change = Callable[[ImageSet], ImageSet]


async def generate(
    plan: Plan, key: Key, *, store: Path, transport: httpx.AsyncBaseTransport | None = None
) -> AsyncGenerator[ImageSet, None]:
    """Send the plan once and yield the set each time it grows; the last value is the finished set.

    Closing the generator early closes the connection; pictures that have arrived stay on disk. Raises the error of
    the run when not a single picture came; otherwise what went wrong is told by the set's failed frames and notes.
    """
    run = begin_run(store, plan, client_request_id=str(uuid.uuid4()))
    began = monotonic()
    images = ImageSet(
        request=plan.request,
        provider=plan.provider.name,
        run_id=run.run_id,
        folder=run.folder,
        expected=plan.request.images_expected,
        notes=plan.warnings,
    )
    changes: asyncio.Queue[Change] = asyncio.Queue()
    reception = asyncio.create_task(_Reception(plan, key, run, changes.put_nowait, transport).receive())
    reception.add_done_callback(lambda _: changes.put_nowait(_unchanged))
    failure: SeedreamError | None = None
    try:
        yield images
        while not reception.done() or not changes.empty():
            images = (await changes.get())(images)
            while not changes.empty():  # what came together is shown together
                images = changes.get_nowait()(images)
            images = replace(images, seconds=monotonic() - began)
            yield images
        failure = await reception
        images = _finished(images, failure)
    finally:
        reception.cancel()
        await asyncio.wait([reception])
        _conclude(run, images, failure)
    if not images.ok:
        raise _reported(_first_error(images, failure), images)
    yield images


@dataclass
class _Reception:
    """The receiving side of one run: listens to the answer and brings each picture as soon as it is named."""

    plan: Plan
    key: Key
    run: Run
    tell: Callable[[Change], None]
    transport: httpx.AsyncBaseTransport | None
    reader: Reader = field(default_factory=Reader)
    answered: bool = False
    complete: bool = False

    async def receive(self) -> SeedreamError | None:
        """Receive everything; returns what broke the answer off, None if it came to its end."""
        try:
            async with (
                asyncio.timeout(self.plan.timeout),
                image_client(self.transport) as client,
                asyncio.TaskGroup() as downloads,
            ):
                slots = asyncio.Semaphore(PARALLEL_DOWNLOADS)

                def begin(picture: Picture) -> None:
                    downloads.create_task(self._bring(picture, client, slots))

                return await self._listen(begin)
        except TimeoutError:
            kind = ResponseBroken if self.answered else OutcomeUnknown
            return kind(f"The limit of {self.plan.timeout:g} s passed.", billed="yes" if self.answered else "unknown")

    async def _listen(self, begin: Callable[[Picture], None]) -> SeedreamError | None:
        try:
            async with post(
                self.plan, self.key, client_request_id=self.run.client_request_id, transport=self.transport
            ) as answer:
                self._head(answer)
                async for value in answer.objects():
                    if value is None and self.complete:
                        break
                    if value is not None:
                        self._take(value, answer, begin)
        except SeedreamError as error:
            self._keep_raw(error)
            return None if self.complete else error
        return None if self.complete else ResponseBroken("The stream ended before the service said so.", billed="yes")

    def _head(self, answer: Answer) -> None:
        self.answered = True
        self._record({"status": answer.status, "headers": dict(answer.headers)})
        self.tell(lambda images: replace(images, outcome="billed"))

    def _take(self, value: dict[str, Any] | Unreadable, answer: Answer, begin: Callable[[Picture], None]) -> None:
        """One object of the answer: first durable, then acted on."""
        if isinstance(value, Unreadable):
            self._record({"unreadable": value.reason})
            events: list[Event] = [value]
        else:
            self._record({"object": value})
            events = list(self.reader.read(value))
        for event in events:
            self._act(event, answer, begin)

    def _act(self, event: Event, answer: Answer, begin: Callable[[Picture], None]) -> None:
        match event:
            case Picture():
                self.tell(_with_frame(Frame(event.index, self.plan.request.prompt)))
                begin(event)
            case PictureRefused():
                error = _refused(event.refusal, answer)
                self.tell(_with_frame(Frame(event.index, self.plan.request.prompt, error=error)))
            case Refused():
                raise _refused(event.refusal, answer)
            case Completed():
                self.complete = True
                if event.usage is not None:
                    usage = event.usage
                    self.tell(lambda images: replace(images, usage=usage))
            case Unreadable():
                reason = event.reason
                self.tell(lambda images: images.with_note(f"Part of the answer was passed over: {reason}."))

    async def _bring(self, picture: Picture, client: httpx.AsyncClient, slots: asyncio.Semaphore) -> None:
        prompt = self.plan.request.prompt
        try:
            async with slots:
                data, facts = await self._bytes(picture, client)
            path, sha256 = self.run.save_picture(picture.index, data, facts, source=picture.url or "")
            frame = Frame(picture.index, prompt, path, facts.width, facts.height, sha256)
        except SeedreamError as error:
            frame = Frame(picture.index, prompt, error=error)
        except OSError as exc:
            lost = ImageError(f"The picture came but could not be saved: {exc.strerror or exc}.")
            frame = Frame(picture.index, prompt, error=lost)
        self.tell(_with_frame(frame))

    async def _bytes(self, picture: Picture, client: httpx.AsyncClient) -> tuple[bytes, PictureFacts]:
        if picture.b64_json is not None:
            try:
                return decode(picture.b64_json)
            except SeedreamError:
                if picture.url is None:
                    raise
        local = is_loopback(urlsplit(self.plan.base_url).hostname or "")
        return await download(client, picture.url or "", allow_loopback=local)

    def _record(self, entry: dict[str, Any]) -> None:
        """A record that cannot be written must not cost the picture it tells of."""
        try:
            self.run.record(entry)
        except OSError as exc:
            note = f"What the service sent could not be recorded: {exc.strerror or exc}."
            self.tell(lambda images: images.with_note(note))

    def _keep_raw(self, error: SeedreamError) -> None:
        if isinstance(error, ResponseBroken) and error.raw:
            try:
                self.run.keep_raw(error.raw)
            except OSError:
                return  # the error itself is told; its bytes are a help to support only
            error.hint = error.hint or f"Its bytes are kept in {self.run.folder / 'response.raw'}."


def _unchanged(images: ImageSet) -> ImageSet:
    """The change that only says that the reception has ended."""
    return images


def _with_frame(frame: Frame) -> Change:
    return lambda images: images.with_frame(frame)


def _refused(refusal: Refusal, answer: Answer) -> ApiError:
    return refusal_error(refusal, status=answer.status, request_id=answer.request_id)


def _finished(images: ImageSet, failure: SeedreamError | None) -> ImageSet:
    """The set at its end: places that stayed empty carry the reason, and the notes say what is missing."""
    count = len(images)
    if failure is not None and images.outcome == "billed":
        count = max(count, images.expected or 1)
    for index in range(count):
        if index >= len(images) or (images[index].path is None and images[index].error is None):
            error = failure or ResponseBroken("The service sent nothing for this place.", billed="yes")
            images = images.with_frame(Frame(index, images.prompt, error=error))
    if failure is not None:
        images = images.with_note(f"{failure} {_billed_words(failure)}")
    elif images.expected is not None and count < images.expected:
        images = images.with_note(f"The service made {count} of the {images.expected} images asked for.")
    return replace(images, state="done")


def _billed_words(failure: SeedreamError) -> str:
    return "The pictures made until then are billed; it was not asked again." if failure.billed == "yes" else ""


def _conclude(run: Run, images: ImageSet, failure: SeedreamError | None) -> None:
    """Bring `request.json` to its end state; a disk that fails now has its pictures already."""
    stopped = images.state == "running"
    state = "stopped" if stopped else "failed" if not images.ok else "partial" if images.failed or failure else "done"
    frames = [
        {"file": frame.path.name} if frame.path else {"error": type(frame.error).__name__, "message": str(frame.error)}
        for frame in images
    ]
    try:
        run.update(
            state=state,
            outcome=_outcome(images, failure),
            seconds=round(images.seconds, 3),
            usage=images.usage,
            frames=frames,
            error=None if failure is None else {"type": type(failure).__name__, "message": str(failure)},
        )
        if not stopped and images.ok and not any(isinstance(frame.error, ImageError) for frame in images.failed):
            run.drop_signatures()
    except OSError:
        return


def _outcome(images: ImageSet, failure: SeedreamError | None) -> Outcome:
    if images.outcome == "billed":
        return "billed"
    if failure is None or failure.billed == "unknown":
        return "unknown"
    return "not_sent" if isinstance(failure, NoConnection) else "rejected"


def _first_error(images: ImageSet, failure: SeedreamError | None) -> SeedreamError:
    errors = (frame.error for frame in images.failed)
    return next(errors, None) or failure or ResponseBroken("The answer holds no picture.", billed="yes")


def _reported(error: SeedreamError, images: ImageSet) -> SeedreamError:
    error.run_id, error.images = images.run_id, images
    return error
