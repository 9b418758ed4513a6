"""The receiving side of a run: it sends the plan, listens, and saves each picture as soon as it is named."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field, replace
from functools import reduce
from time import monotonic

from seedream_magic.api.answer import Answer
from seedream_magic.api.client import post
from seedream_magic.api.connection import Client, Transport, reason
from seedream_magic.api.events import Picture, Reader
from seedream_magic.api.gateway_advice import answer_notes
from seedream_magic.api.keys import Key
from seedream_magic.api.limits import complaints
from seedream_magic.api.make_request import checked
from seedream_magic.api.plan import Plan
from seedream_magic.api.polling import TaskService
from seedream_magic.api.retry import Pace
from seedream_magic.errors import NoConnection, OutcomeUnknown, ResponseBroken, SeedreamError
from seedream_magic.images.delivery import deliver
from seedream_magic.images.download import PARALLEL_DOWNLOADS
from seedream_magic.images.image_set import ImageSet
from seedream_magic.images.linked import fetch_references
from seedream_magic.images.route import image_client
from seedream_magic.images.store import Run
from seedream_magic.listener import Change, Heard, Listener, with_note
from seedream_magic.tasks import about_tasks, follow_tasks, ids_of


@dataclass
class Reception:
    """The receiving side of one run; `tell` is handed each change of its set, in order.

    When it is over, `heard` is what the answer has said, and `listener` who listened to it, None where none came.
    """

    plan: Plan
    key: Key
    run: Run
    tell: Callable[[Change], None]
    transport: Transport | None
    pace: Pace
    heard: Heard = field(init=False)
    listener: Listener | None = None
    sending: bool = False

    def __post_init__(self) -> None:
        self.heard = Heard(self.plan.request.images_expected)

    @property
    def request_id(self) -> str | None:
        """The id of the answer, for the provider's support."""
        return self.listener.answer.request_id if self.listener else None

    async def receive(self) -> SeedreamError | None:
        """Receive everything; returns what broke the answer off, None if it came to its end."""
        try:
            async with (
                asyncio.timeout(self.plan.timeout),
                image_client(self.transport, base_url=self.plan.base_url) as http,
                asyncio.TaskGroup() as downloads,
            ):
                slots = asyncio.Semaphore(PARALLEL_DOWNLOADS)

                def begin(picture: Picture) -> None:
                    downloads.create_task(self._deliver(picture, http, slots))

                return await self._complete_references(http) or await self._listen(http, begin)
        except TimeoutError:
            return self._broken_off(f"The limit of {self.plan.timeout:g} s passed.")
        except SeedreamError as error:
            return error

    async def _complete_references(self, http: Client) -> SeedreamError | None:
        """Fetch the references that are links, before anything is sent; what stood in the way, if anything did."""
        request, local = self.plan.request, self.plan.on_loopback
        if all(reference.data for reference in request.references):
            return None
        self.tell(_with_pause("Fetching the references that are links."))
        unchecked = any(refuse for _, refuse in complaints(request, strict=self.plan.provider.strict))
        try:
            references = await fetch_references(request.references, http, allow_loopback=local)
            completed = replace(request, references=references)
            warnings = checked(completed, strict=self.plan.provider.strict, check=not unchecked)
            self.run.complete(completed)
            self.plan = replace(self.plan, request=completed)
        except SeedreamError as error:
            return error
        except Exception as exc:  # noqa: BLE001 - a transport of the caller's may raise anything
            return self._broken_off(f"The references could not be fetched ({reason(exc)}).")
        self.tell(lambda images: reduce(ImageSet.with_note, warnings, replace(images, request=completed, pause="")))
        return None

    async def _listen(self, http: Client, begin: Callable[[Picture], None]) -> SeedreamError | None:
        """Send the plan and take in the answer; returns what broke it off, None if it came to its end."""
        heard, reader = self.heard, Reader()
        failure: SeedreamError | None = None
        self.sending = True
        self.tell(lambda images: replace(images, outcome="unknown"))
        try:
            async with post(
                self.plan,
                self.key,
                client_request_id=self.run.client_request_id,
                transport=self.transport,
                waiting=self._waiting,
                pace=self.pace,
            ) as answer:
                self.listener = listener = Listener(
                    self.plan, self.key, self.run, answer, heard, reader, self.tell, begin
                )
                self._tell_of_head(answer)
                await listener.listen()
            await self._follow_tasks(http, listener)
        except SeedreamError as error:
            failure = error
        except Exception as exc:  # noqa: BLE001 - a fault of this program must not cost the pictures on their way
            failure = self._broken_off(f"The answer could not be taken in ({type(exc).__name__}: {exc}).")
            failure.__cause__ = exc
        if heard.refused is not None:
            if not heard.all_named:
                return heard.refused
            self.tell(with_note(f"All images came, and the service said besides: {heard.refused}"))
        came = bool(heard.named or heard.places_refused)
        if heard.all_named or ((heard.complete or heard.ended) and (came or failure is None)):
            return None
        failure = failure or self._broken_off("The stream ended before the service said so.")
        self._tell_where_the_bytes_are(failure)
        return failure

    async def _follow_tasks(self, http: Client, listener: Listener) -> None:
        """Ask for the tasks that a gateway gave in place of pictures, until they are done."""
        tasks = list(listener.reader.tasks.values())
        if not tasks or self.heard.all_named:
            return
        waiting = f"{about_tasks(tasks)}. It is asked for until it is done, which bills nothing."
        waited = f"{about_tasks(tasks)}. It was asked for until it was done."
        ids = ids_of(tasks)
        self.tell(lambda images: replace(images, task=ids).with_note(waiting))
        service = TaskService(self.plan.provider, self.plan.base_url, lambda: self.key, http, self.transport)
        most = self.plan.request.images_at_most
        events = follow_tasks(tasks, service, run=self.run, reader=listener.reader, images=most, pace=self.pace)
        async with aclosing(events):
            async for event in events:
                listener.act(event)
        self.tell(lambda images: replace(images, task="", notes=_without(images.notes, waiting)).with_note(waited))
        self.heard.complete = True

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

    def _tell_of_head(self, answer: Answer) -> None:
        """What the set says once the head of an answer is there."""
        self.tell(lambda images: replace(images, outcome="billed"))
        attempts = f"Connected at attempt {answer.attempt}." if answer.attempt > 1 else ""
        base_url, at_most = self.plan.base_url, self.plan.request.images_at_most
        of_gateway = answer_notes(answer.headers, self.plan.short_body, base_url=base_url, images=at_most)
        for note in filter(None, (attempts, answer.clock_note, *of_gateway)):
            self.tell(with_note(note))

    async def _deliver(self, picture: Picture, http: Client, slots: asyncio.Semaphore) -> None:
        words, local = self.plan.request.prompt_of(picture.index), self.plan.on_loopback
        delivery = await deliver(picture, self.run, http, slots, prompt=words, allow_loopback=local)
        if delivery.frame.ok:
            self.heard.unsaved.discard(picture.index)
        self.tell(lambda images: reduce(ImageSet.with_note, delivery.notes, images.with_frame(delivery.frame)))

    def _broken_off(self, message: str) -> SeedreamError:
        if not self.sending:
            return NoConnection(message)
        if self.listener is not None:
            return ResponseBroken(message, billed="yes")
        return OutcomeUnknown(message, request_id=self.run.client_request_id)

    def _tell_where_the_bytes_are(self, error: SeedreamError) -> None:
        raw = self.listener.raw if self.listener else None
        if isinstance(error, ResponseBroken) and raw is not None and raw.size and self.heard.keep_raw:
            part = f"Its first {raw.size:,} bytes" if raw.fault else "Its bytes"
            error.hint = f"{error.hint} {part} are kept in {raw.path}.".strip()


def _without(notes: tuple[str, ...], note: str) -> tuple[str, ...]:
    return tuple(kept for kept in notes if kept != note)


def _with_pause(pause: str) -> Change:
    return lambda images: replace(images, pause=pause)
