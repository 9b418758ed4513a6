"""One run: plan -> POST -> events -> frames on disk -> the growing set. It owns its set, from the first to the last."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import replace
from functools import reduce
from pathlib import Path
from time import monotonic
from typing import Any

from seedream_magic.api.answer import Answer
from seedream_magic.api.client import TaskService, post
from seedream_magic.api.connection import Client, Transport
from seedream_magic.api.credentials import Key
from seedream_magic.api.decoder import Unreadable
from seedream_magic.api.events import Completed, Event, Picture, PictureRefused, Reader
from seedream_magic.api.gateways import COST_HEADER, answer_notes, cost_note, usage_note
from seedream_magic.api.make_request import check_limits, complaints
from seedream_magic.api.network_errors import reason
from seedream_magic.api.plan import Plan
from seedream_magic.api.refusal import Refusal, refusal_error
from seedream_magic.api.retry import PACE, Pace
from seedream_magic.errors import (
    ApiError,
    NoConnection,
    OutcomeUnknown,
    ResponseBroken,
    SeedreamError,
    reason_of,
)
from seedream_magic.images.claims import HEARTBEAT
from seedream_magic.images.delivery import deliver, fetch_references
from seedream_magic.images.download import PARALLEL_DOWNLOADS
from seedream_magic.images.extraction import Extractor
from seedream_magic.images.image_set import LONGEST_RUN_SECONDS, Frame, ImageSet
from seedream_magic.images.response import head_line, mask_beside_links
from seedream_magic.images.route import image_client
from seedream_magic.images.run_folder import RunFolder
from seedream_magic.images.threads import end_of, in_thread, keep_stop, raise_if_stopped
from seedream_magic.listener import Listener, Tally
from seedream_magic.tasks import TaskFollower, describe, ids_of
from seedream_magic.words import runs as texts
from seedream_magic.words.text import join

VALUES_A_SECOND = 10
"""At most: an answer may have thousands of pieces, and whoever looks on draws the whole set for each value."""


class Run:
    """One paid call: `images` is its set as it is now, `folder` holds its files, `values` carries its plan out.

    `outcome` of the set is what became of the one POST: "not_sent" till it leaves, "unknown" while no head has come,
    "billed" from the head of an answer on. In the pause before another attempt it is what became of the last one:
    "not_sent" without a connection, "rejected" after a refusal; then nothing is billed.
    """

    def __init__(
        self,
        plan: Plan,
        key: Key,
        folder: RunFolder,
        *,
        transport: Transport | None = None,
        pace: Pace = PACE,
        slots: asyncio.Semaphore | None = None,
    ) -> None:
        """`slots` limits how many pictures are downloaded at once, where runs that go on together share them."""
        self.plan, self.key, self.folder = plan, key, folder
        self.images = ImageSet(
            request=plan.request,
            provider=plan.provider.name,
            run_id=folder.run_id,
            folder=folder.folder,
            expected=plan.request.images_expected,
            notes=plan.warnings,
            limit=plan.timeout or LONGEST_RUN_SECONDS,
        )
        self._transport, self._pace = transport, pace
        self._slots = slots or asyncio.Semaphore(PARALLEL_DOWNLOADS)
        self._tally = Tally(plan.request.images_expected)
        self._reader, self._extractor = Reader(), Extractor()
        self._costs: list[object] = []
        self._listener: Listener | None = None
        self._raised: SeedreamError | None = None
        self._news = asyncio.Event()
        self._told = deque[float](maxlen=VALUES_A_SECOND)
        self._ending = False
        self._end: ImageSet | None = None

    async def values(self) -> AsyncGenerator[ImageSet, None]:
        """Send the plan once and yield the set each time it has grown; the last value is the finished set.

        Closing the generator early closes the connection; pictures that have arrived stay on disk. Left as it is it
        comes to its end all the same: others may wait for that. Raises the error of the run when not a single picture
        came; otherwise the set's failed frames and notes say what went wrong.
        """
        began = monotonic()
        receiving: asyncio.Task[SeedreamError | None] | None = None
        beating = asyncio.create_task(self._beat())
        try:
            raise_if_stopped()  # while the folder was made: then nothing is sent
            receiving = asyncio.create_task(self._carry_out(began))
            receiving.add_done_callback(lambda _: self._news.set())
            yield self.images
            while not receiving.done() or self._news.is_set():
                try:
                    await self._wait_for_news(receiving)
                except asyncio.CancelledError:
                    if not self._ending:
                        raise
                    keep_stop()  # all is there, and its record is being written
                    await end_of(receiving)
                self._news.clear()
                self.images = replace(self.images, seconds=monotonic() - began)
                yield self.images
            failure = await receiving
        finally:
            beating.cancel()
            try:
                if receiving is not None:
                    receiving.cancel()
                    await asyncio.wait([receiving])
                    if not receiving.cancelled():
                        receiving.exception()  # in "nest" an interrupt can strike there, and was raised already
            finally:  # a second Stop may have come while the connection was closing, or the loop is gone
                if self._end is None:
                    self._write_end(self.images, None)
                else:
                    self.images = self._end
        for frame in self.images.failed:
            if frame.error is not None:
                frame.error.run_id = self.images.run_id
                frame.error.request_id = frame.error.request_id or self._request_id
        if not self.images.ok:
            error = next((frame.error for frame in self.images.failed), None) or failure
            self._raised = error or ResponseBroken(texts.NO_PICTURE(), billed="yes")
            raise self.images.attach(self._raised)
        yield self.images

    async def _beat(self) -> None:
        """Say again and again that the run goes on."""
        while True:
            await asyncio.sleep(HEARTBEAT)
            self.folder.beat()

    async def _carry_out(self, began: float) -> SeedreamError | None:
        """Receive everything and write the end, whoever looks on; returns what broke the answer off."""
        failure = await self._receive()
        ended = replace(self._conclude(failure), seconds=monotonic() - began)
        self._ending = True
        aside = await in_thread(self._write_end, ended, failure)
        if aside is not None and not any(str(aside.parent) in note for note in ended.notes):
            ended = ended.with_note(texts.FOLDER_FULL(folder=aside.parent))
        self._end = ended
        return failure

    def _conclude(self, failure: SeedreamError | None) -> ImageSet:
        """The set at its end: `failure` is what broke the answer off."""
        if self._listener is not None and self._listener.unrecorded:
            self._note(texts.NOT_RECORDED(why=self._listener.unrecorded))
        outcome = self.images.outcome
        if failure is not None and outcome == "unknown" and failure.billed != "unknown":
            outcome = "rejected" if isinstance(failure, ApiError | ResponseBroken) else "not_sent"
        return replace(self.images.finished(failure, named=self._tally.named), outcome=outcome)

    def _write_end(self, images: ImageSet, failure: SeedreamError | None) -> Path | None:
        """Write it into the record; the file where that was put aside, if the run's folder takes no more."""
        return self.folder.conclude(images, failure, keep_raw=self._tally.keep_raw)

    @property
    def _request_id(self) -> str | None:
        """The id of the answer, for the provider's support."""
        return self._listener.answer.request_id if self._listener else None

    @property
    def doubtful(self) -> int:
        """How many images it may have billed, or may yet, beyond those that are known."""
        images, failure = self.images, self._raised
        if images.usage is not None or images.outcome in {"not_sent", "rejected"}:
            return 0
        attempts = 1 if failure is None else failure.billable_attempts
        rest = max(0, images.request.images_at_most * attempts - images.billed)
        if failure is not None:
            refused = isinstance(failure, ApiError) and failure.billed == "yes"  # a refused picture costs nothing
            return 0 if refused or failure.billed == "no" else rest
        if images.state == "running":  # under way, or stopped
            return rest
        return sum(isinstance(frame.error, ResponseBroken | OutcomeUnknown) for frame in images)

    async def _wait_for_news(self, receiving: asyncio.Task[SeedreamError | None]) -> None:
        """Until there is news, and time to tell it: see `VALUES_A_SECOND`. The end is told at once."""
        await self._news.wait()
        if len(self._told) == VALUES_A_SECOND:
            await asyncio.wait({receiving}, timeout=self._told[0] + 1 - monotonic())
        self._told.append(monotonic())

    def _set(self, **facts: Any) -> None:
        """Change facts of the set."""
        self.images = replace(self.images, **facts)
        self._news.set()

    def _note(self, *notes: str) -> None:
        """Let the set say something more."""
        self._set(notes=reduce(ImageSet.with_note, filter(None, notes), self.images).notes)

    async def _receive(self) -> SeedreamError | None:
        """Receive everything; returns what broke the answer off, None if it came to its end."""
        try:
            async with (
                asyncio.timeout(self.plan.timeout),
                image_client(self._transport, base_url=self.plan.base_url) as http,
                asyncio.TaskGroup() as downloads,
            ):
                return await self._complete_references(http) or await self._exchange(http, downloads)
        except TimeoutError:
            return self._broken_off(texts.TIME_LIMIT(seconds=self.plan.timeout))
        except SeedreamError as error:
            return error
        finally:
            self._extractor.close()

    async def _complete_references(self, http: Client) -> SeedreamError | None:
        """Fetch the references that are links, before anything is sent; what stood in the way, if anything did."""
        request, local = self.plan.request, self.plan.on_loopback
        if all(reference.data for reference in request.references):
            return None
        self._set(pause=texts.FETCHES_REFERENCES())
        unchecked = any(refuse for _, refuse in complaints(request, strict=self.plan.provider.strict))
        try:
            references = await fetch_references(request.references, http, allow_loopback=local)
            completed = replace(request, references=references)
            warnings = check_limits(completed, strict=self.plan.provider.strict, check=not unchecked)
            await in_thread(self.folder.complete, completed)
            raise_if_stopped()
        except SeedreamError as error:
            return error
        except Exception as exc:  # noqa: BLE001 - a transport of the caller's may raise anything
            return self._broken_off(texts.REFERENCES_NOT_FETCHED(why=reason(exc)))
        self.plan = replace(self.plan, request=completed)
        self._set(request=completed, pause="")
        self._note(*warnings)
        return None

    async def _exchange(self, http: Client, downloads: asyncio.TaskGroup) -> SeedreamError | None:
        """Send the plan and take in the answer; returns what broke it off, None if it came to its end."""
        tally = self._tally
        failure: SeedreamError | None = None
        try:
            async with post(
                self.plan,
                self.key,
                client_request_id=self.folder.client_request_id,
                transport=self._transport,
                begin=lambda: self._set(outcome="unknown"),
                waiting=self._waiting,
                pace=self._pace,
            ) as answer:
                self.images = replace(self.images, outcome="billed")
                most = self.plan.request.images_at_most
                self._listener = Listener(answer, self.folder, self.key, self._reader, tally, most, self._extractor)
                await self._listener.record_head()
                self._note_head(answer)
                await self._follow(self._listener.events(), http, downloads)
            if tally.left_out and tally.expected is not None and not (tally.all_named or self._reader.tasks):
                self._note(texts.HOLDS_MORE())
            if self._reader.tasks and not tally.all_named:
                await self._follow_tasks(http, downloads)
        except SeedreamError as error:
            failure = error
            if isinstance(error, ApiError) and error.held:
                await in_thread(self._keep_held, error)
        except Exception as exc:  # noqa: BLE001 - a fault of this program must not cost the pictures on their way
            failure = self._broken_off(texts.ANSWER_NOT_TAKEN_IN(fault=type(exc).__name__, why=reason_of(exc)))
            failure.__cause__ = exc
        return self._verdict(failure)

    def _keep_held(self, error: ApiError) -> None:
        """Keep a refusal that holds pictures as the body of an answer is kept: `recover` fetches what it names."""
        raw = self.folder.raw_body()
        raw.write(error.held)
        raw.sync()
        raw.close()
        self._tally.unread = True
        with suppress(OSError):  # no disk takes it: the error says that it may be billed
            self.folder.record(head_line(raw, status=error.status or 0, codings=""))

    def _verdict(self, failure: SeedreamError | None) -> SeedreamError | None:
        """What broke the answer off, all things considered: who has all pictures needs no end of the stream."""
        tally = self._tally
        if tally.refused is not None:
            refused = self._error_of(tally.refused)
            if not tally.all_named:
                return refused
            self._note(texts.REFUSED_BESIDES(refusal=join(refused.message, *refused.details)))
        came = bool(tally.named or tally.places_refused)
        if tally.all_named or ((tally.complete or tally.ended) and (came or failure is None)):
            return None
        failure = failure or self._broken_off(texts.STREAM_ENDED_EARLY())
        raw = self._listener.raw if self._listener else None
        if isinstance(failure, ResponseBroken) and raw is not None and raw.size and tally.keep_raw:
            first = texts.FIRST_BYTES_ARE_KEPT(size=raw.size, path=raw.path) if raw.fault else ""
            failure.hint = join(failure.hint, first or texts.BYTES_ARE_KEPT(path=raw.path))
        return failure

    async def _follow(self, events: AsyncGenerator[Event, None], http: Client, downloads: asyncio.TaskGroup) -> None:
        """Do what the events ask for; the pictures that they name are saved meanwhile."""
        async with aclosing(events):
            async for event in events:
                self._act(event)
                if isinstance(event, Picture):
                    downloads.create_task(self._deliver(event, http))

    async def _follow_tasks(self, http: Client, downloads: asyncio.TaskGroup) -> None:
        """Ask for the tasks that a gateway gave in place of pictures, until they are done."""
        tasks = list(self._reader.tasks.values())
        waiting = texts.TASK_IS_ASKED_FOR(task=describe(tasks))
        self._set(task=ids_of(tasks))
        self._note(waiting)
        service = TaskService(self.plan.provider, self.plan.base_url, lambda: self.key, http, self._transport)
        most = self.plan.request.images_at_most
        follower = TaskFollower(service, self.folder, self._reader, most, self._extractor, self._pace)
        await self._follow(follower.events(tasks), http, downloads)
        self._set(task="", notes=tuple(note for note in self.images.notes if note != waiting))
        self._note(texts.TASK_WAS_ASKED_FOR(task=describe(tasks)))
        self._tally.complete = True

    @contextmanager
    def _waiting(self, seconds: float, error: SeedreamError) -> Iterator[None]:
        """Keep the pause in the set; after it nothing says "not billed" any more, for the POST leaves."""
        countdown = asyncio.create_task(self._count_down(seconds, error.message))
        self._set(outcome="rejected" if isinstance(error, ApiError) else "not_sent")
        try:
            yield
        finally:
            countdown.cancel()
        self._set(outcome="unknown", pause="")

    async def _count_down(self, seconds: float, why: str) -> None:
        """Show how long the pause before the next attempt still lasts."""
        until = monotonic() + seconds
        while (left := until - monotonic()) > 0:
            self._set(pause=join(why, texts.TRIES_AGAIN(seconds=math.ceil(left))))
            await asyncio.sleep(min(1.0, left))

    def _note_head(self, answer: Answer) -> None:
        """What the set says once the head of an answer is there."""
        attempts = texts.CONNECTED_LATE(attempt=answer.attempt) if answer.attempt > 1 else ""
        base_url, at_most = self.plan.base_url, self.plan.request.images_at_most
        of_gateway = answer_notes(answer.headers, self.plan.short_body, base_url=base_url, images=at_most)
        self._set()
        self._note(attempts, answer.clock_note, *of_gateway)
        self._note_cost(answer.headers.get(COST_HEADER))

    def _note_cost(self, cost: object) -> None:
        """Tell what the service says that its answer cost, once: several parts of it may each say it."""
        before = cost_note(self._costs)
        if cost is not None and cost_note([cost]) not in {"", before}:
            self._costs.append(cost)
            self._set(notes=tuple(note for note in self.images.notes if note != before))
            self._note(cost_note(self._costs))

    def _act(self, event: Event) -> None:
        """Do what one event asks for; a picture that it names is saved by `_deliver`."""
        self._tally.add(event)
        request = self.plan.request
        match event:
            case Picture():
                self._set(frames=self.images.with_frame(Frame(event.index, request.prompt_of(event.index))).frames)
            case PictureRefused():
                error = self._error_of(event.refusal)
                frame = Frame(event.index, request.prompt_of(event.index), error=error)
                self._set(frames=self.images.with_frame(frame).frames)
            case Completed(usage=usage, cost=cost):
                self._note_cost(cost)
                if usage is not None:
                    usage = mask_beside_links(usage, self.key.reveal())
                    self._set(usage=usage)
                    self._note(usage_note(usage, self.plan.short_body, base_url=self.plan.base_url))
            case Unreadable(reason=why):
                self._note(texts.PASSED_OVER(why=why))

    async def _deliver(self, picture: Picture, http: Client) -> None:
        """Save one picture, and put its frame into the set."""
        prompt, local = self.plan.request.prompt_of(picture.index), self.plan.on_loopback
        body = self._extractor.find(picture.b64_json)
        delivery = await deliver(
            picture, self.folder, http, self._slots, prompt=prompt, allow_loopback=local, body=body
        )
        if delivery.frame.ok:
            self._tally.unsaved.discard(picture.index)
        self._set(frames=self.images.with_frame(delivery.frame).frames)
        self._note(*delivery.notes)

    def _error_of(self, refusal: Refusal) -> ApiError:
        status = self._listener.answer.status if self._listener else 200
        return refusal_error(refusal.without_key(self.key), status=status, request_id=self._request_id)

    def _broken_off(self, message: str) -> SeedreamError:
        if self._listener is not None:
            return ResponseBroken(message, billed="yes")
        if self.images.outcome in {"not_sent", "rejected"}:
            return NoConnection(message)
        return OutcomeUnknown(message, request_id=self.folder.client_request_id)
