"""The receiving side of a run: it sends the plan, listens, and brings each picture as soon as it is named."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import reduce
from time import monotonic
from typing import Any

from seedream_magic.api.answer import Answer
from seedream_magic.api.client import post
from seedream_magic.api.connection import Client, Transport, reason
from seedream_magic.api.events import Completed, Event, Picture, PictureRefused, Reader, Refused, Unreadable
from seedream_magic.api.keys import Key
from seedream_magic.api.limits import complaints
from seedream_magic.api.make_request import checked
from seedream_magic.api.plan import Plan
from seedream_magic.api.refusal import Refusal, refusal_error
from seedream_magic.api.retry import Pace
from seedream_magic.errors import ApiError, NoConnection, OutcomeUnknown, ResponseBroken, SeedreamError
from seedream_magic.images.bring import bring
from seedream_magic.images.download import PARALLEL_DOWNLOADS
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.images.linked import bring_references
from seedream_magic.images.route import image_client
from seedream_magic.images.store import Run

Change = Callable[[ImageSet], ImageSet]
LINGER_SECONDS = 5.0
"""How long a stream may stay open when all is said and all pictures are named; one more may come, or `[DONE]`."""


@dataclass
class Reception:
    """The receiving side of one run; `tell` is handed each change of its set, in order.

    When it is over, `named` holds the places for which a picture was named, `request_id` the service's own word.
    """

    plan: Plan
    key: Key
    run: Run
    tell: Callable[[Change], None]
    transport: Transport | None
    pace: Pace
    reader: Reader = field(default_factory=Reader)
    request_id: str | None = None
    answered: bool = False
    complete: bool = False
    ended: bool = False
    named: set[int] = field(default_factory=set)
    places_refused: int = 0
    refused: ApiError | None = None
    sending: bool = False

    async def receive(self) -> SeedreamError | None:
        """Receive everything; returns what broke the answer off, None if it came to its end."""
        try:
            async with (
                asyncio.timeout(self.plan.timeout),
                image_client(self.transport, base_url=self.plan.base_url) as client,
                asyncio.TaskGroup() as downloads,
            ):
                slots = asyncio.Semaphore(PARALLEL_DOWNLOADS)

                def begin(picture: Picture) -> None:
                    downloads.create_task(self._bring(picture, client, slots))

                return await self._complete_references(client) or await self._listen(begin)
        except TimeoutError:
            return self._broken_off(f"The limit of {self.plan.timeout:g} s passed.")
        except SeedreamError as error:
            return error

    async def _complete_references(self, client: Client) -> SeedreamError | None:
        """Fetch the references that are links, before anything is sent; what stood in the way, if anything did."""
        request, local = self.plan.request, self.plan.on_loopback
        if all(reference.data for reference in request.references):
            return None
        self.tell(_with_pause("Fetching the references that are links."))
        unchecked = any(refuse for _, refuse in complaints(request, strict=self.plan.provider.strict))
        try:
            references = await bring_references(request.references, client, allow_loopback=local)
            completed = replace(request, references=references)
            told = checked(completed, strict=self.plan.provider.strict, check=not unchecked)
            self.run.complete(completed)
            self.plan = replace(self.plan, request=completed)
        except SeedreamError as error:
            return error
        except Exception as exc:  # noqa: BLE001 - a transport of the caller's may raise anything
            return self._broken_off(f"The references could not be fetched ({reason(exc)}).")
        self.tell(lambda images: reduce(ImageSet.with_note, told, replace(images, request=completed, pause="")))
        return None

    async def _listen(self, begin: Callable[[Picture], None]) -> SeedreamError | None:
        client_request_id = self.run.client_request_id
        self.sending = True
        self.tell(lambda images: replace(images, outcome="unknown"))
        try:
            async with post(
                self.plan,
                self.key,
                client_request_id=client_request_id,
                transport=self.transport,
                waiting=self._waiting,
                pace=self.pace,
            ) as answer:
                self._head(answer)
                await self._hear(answer, begin)
            failure: SeedreamError = self._broken_off("The stream ended before the service said so.")
        except SeedreamError as error:
            failure = error
        except Exception as exc:  # noqa: BLE001 - a fault of this program must not cost the pictures on their way
            failure = self._broken_off(f"The answer could not be taken in ({type(exc).__name__}: {exc}).")
            failure.__cause__ = exc
        if self.refused is not None or self.complete or self.ended or self._all_named():
            return self.refused
        self._keep_raw(failure)
        return failure

    async def _hear(self, answer: Answer, begin: Callable[[Picture], None]) -> None:
        with suppress(TimeoutError):  # it lingered
            async with asyncio.timeout(None) as wait, aclosing(answer.objects()) as objects:
                async for value in objects:
                    if value is not None:
                        self._take(value, answer, begin)
                    self.ended = self.ended or value is None
                    if self.refused or (self.ended and (self.complete or self._all_named())):
                        break
                    if self.complete and self._all_named():
                        wait.reschedule(asyncio.get_running_loop().time() + LINGER_SECONDS)

    def _all_named(self) -> bool:
        """Whether as many pictures (or refusals of one) have come as were asked for."""
        expected = self.plan.request.images_expected
        return expected is not None and len(self.named) + self.places_refused >= expected

    @contextmanager
    def _waiting(self, seconds: float, reason: str) -> Iterator[None]:
        """The set tells of a pause; once it is over nothing says "not billed" any more, for the POST leaves."""
        countdown = asyncio.create_task(self._count_down(seconds, reason))
        try:
            yield
        finally:
            countdown.cancel()
        self.tell(_with_pause(""))

    async def _count_down(self, seconds: float, reason: str) -> None:
        """Show how long the pause before the next attempt still lasts."""
        until = monotonic() + seconds
        while (left := until - monotonic()) > 0:
            self.tell(_with_pause(f"{reason} Nothing is billed so far; trying again in {math.ceil(left)} s."))
            await asyncio.sleep(min(1.0, left))

    def _head(self, answer: Answer) -> None:
        self.answered, self.request_id = True, answer.request_id
        self._record({"status": answer.status, "headers": dict(answer.headers)})
        self.tell(lambda images: replace(images, outcome="billed"))
        if answer.attempt > 1:
            self.tell(lambda images: images.with_note(f"Connected at attempt {answer.attempt}."))
        if note := answer.clock_note:
            self.tell(lambda images: images.with_note(note))

    def _take(self, value: dict[str, Any] | Unreadable, answer: Answer, begin: Callable[[Picture], None]) -> None:
        """One object of the answer: first durable, then acted on."""
        if isinstance(value, Unreadable):
            self._record({"unreadable": value.reason})
            self._act(value, answer, begin)
            return
        self._record({"object": value})
        events = list(self.reader.read(value))
        for event in events:
            self._act(event, answer, begin)
        # Gateways send one `completed` for each picture: such a one ends nothing.
        whole = isinstance(value.get("data"), list) or not any(isinstance(event, Picture) for event in events)
        self.complete = self.complete or (whole and any(isinstance(event, Completed) for event in events))

    def _act(self, event: Event, answer: Answer, begin: Callable[[Picture], None]) -> None:
        match event:
            case Picture():
                self.tell(_with_frame(Frame(event.index, self.plan.request.prompt)))
                begin(event)
                self.named.add(event.index)
            case PictureRefused():
                self.places_refused += 1
                error = _refused(event.refusal, answer)
                self.tell(_with_frame(Frame(event.index, self.plan.request.prompt_of(event.index), error=error)))
            case Refused():
                self.refused = _refused(event.refusal, answer)
            case Completed(usage=usage):
                if usage is not None:
                    self.tell(lambda images: replace(images, usage=usage))
            case Unreadable(reason=reason):
                self.tell(lambda images: images.with_note(f"Part of the answer was passed over: {reason}."))

    async def _bring(self, picture: Picture, client: Client, slots: asyncio.Semaphore) -> None:
        words, local = self.plan.request.prompt_of(picture.index), self.plan.on_loopback
        delivery = await bring(picture, self.run, client, slots, prompt=words, allow_loopback=local)
        self.tell(lambda images: reduce(ImageSet.with_note, delivery.notes, images.with_frame(delivery.frame)))

    def _record(self, entry: dict[str, Any]) -> None:
        """A record that cannot be written must not cost the picture it tells of."""
        try:
            self.run.record(entry)
        except (OSError, RecursionError) as exc:
            note = f"What the service sent could not be recorded: {getattr(exc, 'strerror', None) or exc}."
            self.tell(lambda images: images.with_note(note))

    def _broken_off(self, message: str) -> SeedreamError:
        if not self.sending:
            return NoConnection(message)
        if self.answered:
            return ResponseBroken(message, billed="yes")
        return OutcomeUnknown(message, request_id=self.run.client_request_id)

    def _keep_raw(self, error: SeedreamError) -> None:
        if isinstance(error, ResponseBroken) and error.raw:
            try:
                self.run.keep_raw(error.raw)
            except OSError:
                return  # the error itself is told; its bytes are a help to support only
            error.hint = f"{error.hint} Its bytes are kept in {self.run.folder / 'response.raw'}.".strip()


def _with_frame(frame: Frame) -> Change:
    return lambda images: images.with_frame(frame)


def _with_pause(pause: str) -> Change:
    return lambda images: replace(images, pause=pause)


def _refused(refusal: Refusal, answer: Answer) -> ApiError:
    return refusal_error(refusal, status=answer.status, request_id=answer.request_id)
