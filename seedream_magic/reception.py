"""The receiving side of a run: it sends the plan, listens, and brings each picture as soon as it is named."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial, reduce
from time import monotonic
from typing import Any

from seedream_magic.api.answer import Answer
from seedream_magic.api.client import post
from seedream_magic.api.connection import Client, Transport, reason
from seedream_magic.api.decoder import AnswerDecoder, Done, Piece, Unreadable
from seedream_magic.api.events import (
    NOTHING_HERE,
    Completed,
    Event,
    Picture,
    PictureRefused,
    Reader,
    Refused,
)
from seedream_magic.api.gateway_advice import answer_notes, usage_note
from seedream_magic.api.keys import Key
from seedream_magic.api.limits import complaints
from seedream_magic.api.make_request import checked
from seedream_magic.api.plan import Plan
from seedream_magic.api.polling import TaskAnswer, addresses_of, ask_for_task
from seedream_magic.api.redaction import without_secret
from seedream_magic.api.refusal import Refusal, refusal_error
from seedream_magic.api.retry import Pace
from seedream_magic.api.shapes import Task
from seedream_magic.errors import ApiError, NoConnection, OutcomeUnknown, ResponseBroken, SeedreamError
from seedream_magic.images.bring import bring
from seedream_magic.images.download import PARALLEL_DOWNLOADS
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.images.linked import bring_references
from seedream_magic.images.raw import RawBody
from seedream_magic.images.route import image_client
from seedream_magic.images.store import Run
from seedream_magic.images.threads import in_thread, raise_if_stopped
from seedream_magic.tasks import about_tasks, follow_tasks

Change = Callable[[ImageSet], ImageSet]
LINGER_SECONDS = 5.0
"""How long an answer may stay open when it has said that it is complete; one more picture may come, or `[DONE]`."""
MAXIMUM_EVENTS = 10_000
"""Events of one stream: fifteen pictures need some forty, and each is kept on disk before the next is looked at."""


@dataclass
class Reception:
    """The receiving side of one run; `tell` is handed each change of its set, in order.

    When it is over, `named` holds the places for which a picture was named, `request_id` the service's own word.
    `last_word` says that nothing more is to come: the service has said so itself, or its one JSON object is whole.
    `doubtful` says that a part of the answer could not be read, `unsaved` which pictures came in base64 and are not on
    disk yet: only the bytes of the answer hold them.
    """

    plan: Plan
    key: Key
    run: Run
    tell: Callable[[Change], None]
    transport: Transport | None
    pace: Pace
    reader: Reader = field(default_factory=Reader)
    raw: RawBody | None = None
    needs_raw: bool = False
    doubtful: bool = False
    unsaved: set[int] = field(default_factory=set)
    tasks: list[Task] = field(default_factory=list)
    request_id: str | None = None
    answered: bool = False
    complete: bool = False
    last_word: bool = False
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

                return await self._complete_references(client) or await self._listen(client, begin)
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

    async def _listen(self, client: Client, begin: Callable[[Picture], None]) -> SeedreamError | None:
        client_request_id = self.run.client_request_id
        failure: SeedreamError | None = None
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
            await self._follow_tasks(client, answer, begin)
        except SeedreamError as error:
            failure = error
        except Exception as exc:  # noqa: BLE001 - a fault of this program must not cost the pictures on their way
            failure = self._broken_off(f"The answer could not be taken in ({type(exc).__name__}: {exc}).")
            failure.__cause__ = exc
        if self.refused is not None:
            if not self._all_named():
                return self.refused
            words = f"All images came, and the service said besides: {self.refused}"
            self.tell(lambda images: images.with_note(words))
        came = bool(self.named or self.places_refused)
        if self._all_named() or ((self.complete or self.ended) and (came or failure is None)):
            return None
        failure = failure or self._broken_off("The stream ended before the service said so.")
        self._tell_where_the_bytes_are(failure)
        return failure

    async def _hear(self, answer: Answer, begin: Callable[[Picture], None]) -> None:
        """Take in the body: on disk first, then read; its bytes stay there until all that it names is saved."""
        self.reader.begin(location=answer.location)
        decoder = AnswerDecoder(answer.codings, images=self.plan.request.images_at_most)
        raw = self.raw = self.run.raw_body()
        self.needs_raw = True
        self._record({"raw": raw.path.name, "codings": answer.codings, "location": answer.location, **_head_of(answer)})
        broken: ResponseBroken | None = None
        at_end = False
        try:
            try:
                at_end = await self._read(answer, decoder, raw, begin)
            except ResponseBroken as error:
                broken = error
            for piece in decoder.close(cut=broken is not None):
                await self._take(piece, answer, begin, alone=False)
            for event in self.reader.close():
                self._act(event, answer, begin)
        finally:
            raw.close()
            if raw.fault and raw.size:
                self._record({"torn": raw.path.name})
        nothing = not (self.named or self.places_refused or self.refused or self.tasks)
        nothing = nothing and (self.doubtful or not self.complete)
        fault = decoder.fault if at_end else ""  # what was not waited for is not cut off
        few = fault and not self._all_named()
        if broken is None and (few or (nothing and (self.ended or decoder.form != "stream"))):
            broken = answer.broken(fault or "an answer in which no picture was found")
            if decoder.form == "page":
                broken.hint = "If it is the log-in page of this network, log in there; else check the base URL."
        if broken is not None and not self.tasks:
            raise broken
        self.needs_raw = self.doubtful or bool(fault and not self.tasks)
        self.complete = self.complete or (decoder.form in {"json", "picture"} and bool(self.named))

    async def _read(
        self, answer: Answer, decoder: AnswerDecoder, raw: RawBody, begin: Callable[[Picture], None]
    ) -> bool:
        """Read until the body ends (then True), or until all is said and nothing came for `LINGER_SECONDS`."""
        loop, patience = asyncio.get_running_loop(), answer.patience
        heard = loop.time()
        count = 0
        async with aclosing(answer.chunks()) as chunks:
            arrival: asyncio.Task[bytes | None] | None = None
            try:
                while not (self.ended and (self.complete or self._all_named())):
                    arrival = arrival or asyncio.create_task(_next(chunks))
                    all_said = (
                        self.last_word
                        or self.ended
                        or (self.complete and self._all_named())
                        or (decoder.settled and count == 1 and not _is_sequence(answer))
                    )
                    longest = LINGER_SECONDS if all_said else patience.progress
                    left = heard + longest - loop.time() if all_said or decoder.form == "stream" else None
                    done, _ = await asyncio.wait({arrival}, timeout=None if left is None else max(0.0, left))
                    if not done:
                        if all_said:
                            return False
                        raise answer.broken(f"the stream sent no picture for {patience.progress:.0f} s")
                    chunk, arrival = arrival.result(), None
                    if chunk is None:
                        return True
                    raw.write(chunk)
                    for piece in decoder.feed(chunk):
                        heard, count = loop.time(), count + 1
                        if count > MAXIMUM_EVENTS:
                            raise answer.broken(f"the stream brought more than {MAXIMUM_EVENTS:,} events")
                        await self._take(piece, answer, begin, alone=decoder.form == "json" and count == 1)
                return False
            finally:
                if arrival is not None:
                    arrival.cancel()
                    await asyncio.wait({arrival})

    async def _follow_tasks(self, client: Client, answer: Answer, begin: Callable[[Picture], None]) -> None:
        """Ask for the tasks that a gateway gave in place of pictures, until they are done."""
        if not self.tasks or self.named:
            return
        words = about_tasks(self.tasks)
        self.tell(lambda images: images.with_note(f"{words}. It is asked for until it is done."))

        async def ask(url: str) -> TaskAnswer:
            local, base_url = self.plan.on_loopback, self.plan.base_url
            return await ask_for_task(
                url, self.key, base_url=base_url, images=client, allow_loopback=local, transport=self.transport
            )

        events = follow_tasks(
            self.tasks,
            addresses=partial(addresses_of, provider=self.plan.provider, base_url=self.plan.base_url),
            ask=ask,
            run=self.run,
            reader=self.reader,
            images=self.plan.request.images_at_most,
            pace=self.pace,
        )
        async with aclosing(events):
            async for event in events:
                self._act(event, answer, begin)
        self.complete = True

    @property
    def keep_raw(self) -> bool:
        """Whether the bytes of the answer hold what is neither saved nor in the record."""
        return self.needs_raw or self.doubtful or bool(self.unsaved)

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
        self.tell(lambda images: replace(images, outcome="billed"))
        if answer.attempt > 1:
            self.tell(lambda images: images.with_note(f"Connected at attempt {answer.attempt}."))
        if note := answer.clock_note:
            self.tell(lambda images: images.with_note(note))
        base_url, at_most = self.plan.base_url, self.plan.request.images_at_most
        for note in answer_notes(answer.headers, self.plan.short_body, base_url=base_url, images=at_most):
            self.tell(partial(ImageSet.with_note, note=note))

    async def _take(self, piece: Piece, answer: Answer, begin: Callable[[Picture], None], *, alone: bool) -> None:
        """One piece of the answer: first durable, then acted on. `alone`: it may be the whole of a JSON answer."""
        if isinstance(piece, Done):
            self.ended = True
            return
        if isinstance(piece, Unreadable):
            self._record({"unreadable": without_secret(piece.reason, self.key.reveal())})
            self._act(piece, answer, begin)
            return
        self.doubtful = self.doubtful or piece.cut
        self._record({
            "object": piece.fields,
            **({"event": piece.event} if piece.event else {}),
            **({"cut": True} if piece.cut else {}),
        })  # fmt: skip
        events = list(self.reader.read(piece))
        here = self.raw is not None and any(isinstance(event, Picture) and event.b64_json for event in events)
        if here and self.raw is not None:
            await in_thread(self.raw.sync)  # the record has links only
        for event in events:
            self._act(event, answer, begin)
        if here:
            await asyncio.sleep(0)  # what has come whole is saved, also where Stop was pressed meanwhile
            raise_if_stopped()
        # Gateways send one `completed` for each picture: such a one ends nothing.
        completed, pictures = (any(isinstance(event, kind) for event in events) for kind in (Completed, Picture))
        listed = isinstance(piece.fields.get("data"), list)
        self.complete = self.complete or (completed and (listed or not pictures))
        # A list alone may be one of many: an event for each picture, or a line.
        named = "completed" in f"{piece.event} {piece.fields.get('type')}"
        last = not pictures or (listed and (named or (alone and not _is_sequence(answer))))
        self.last_word = self.last_word or (completed and last)

    def _act(self, event: Event, answer: Answer, begin: Callable[[Picture], None]) -> None:
        match event:
            case Picture():
                self.tell(_with_frame(Frame(event.index, self.plan.request.prompt)))
                begin(event)
                self.named.add(event.index)
                if event.b64_json:
                    self.unsaved.add(event.index)
            case PictureRefused():
                self.places_refused += 1
                self.doubtful = self.doubtful or event.refusal == NOTHING_HERE
                error = _refused(self._unkeyed(event.refusal), answer)
                self.tell(_with_frame(Frame(event.index, self.plan.request.prompt_of(event.index), error=error)))
            case Refused():
                self.refused = self.refused or _refused(self._unkeyed(event.refusal), answer)
            case Task():  # a stream tells of it again and again
                self.tasks = [*(task for task in self.tasks if task.task_id != event.task_id), event]
            case Completed(usage=usage):
                if usage is not None:
                    self.tell(lambda images: replace(images, usage=usage))
                    if note := usage_note(usage, self.plan.short_body, base_url=self.plan.base_url):
                        self.tell(lambda images: images.with_note(note))
            case Unreadable(reason=reason):
                self.doubtful = True
                words = without_secret(reason, self.key.reveal())
                self.tell(
                    lambda images: images.with_note(
                        f"Part of the answer was passed over: {words}; its bytes are kept with the run."
                    )
                )

    async def _bring(self, picture: Picture, client: Client, slots: asyncio.Semaphore) -> None:
        words, local = self.plan.request.prompt_of(picture.index), self.plan.on_loopback
        delivery = await bring(picture, self.run, client, slots, prompt=words, allow_loopback=local)
        if delivery.frame.ok:
            self.unsaved.discard(picture.index)
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

    def _unkeyed(self, refusal: Refusal) -> Refusal:
        """A refusal without the key, which some services repeat in it."""
        code, message, param = (without_secret(text, self.key.reveal()) for text in (
            refusal.code, refusal.message, refusal.param,
        ))  # fmt: skip
        return replace(refusal, code=code, message=message, param=param)

    def _tell_where_the_bytes_are(self, error: SeedreamError) -> None:
        raw = self.raw
        if isinstance(error, ResponseBroken) and raw is not None and raw.size and self.keep_raw:
            part = f"Its first {raw.size:,} bytes" if raw.fault else "Its bytes"
            error.hint = f"{error.hint} {part} are kept in {raw.path}.".strip()


async def _next(chunks: AsyncGenerator[bytes, None]) -> bytes | None:
    return await anext(chunks, None)


def _is_sequence(answer: Answer) -> bool:
    """Whether objects may follow one another, by the service's own word: lines of JSON, or events."""
    declared = answer.headers.get("content-type", "").lower()
    return any(kind in declared for kind in ("ndjson", "jsonl", "jsonlines", "json-seq", "stream"))


def _head_of(answer: Answer) -> dict[str, Any]:
    return {"status": answer.status, "headers": dict(answer.headers)}


def _with_frame(frame: Frame) -> Change:
    return lambda images: images.with_frame(frame)


def _with_pause(pause: str) -> Change:
    return lambda images: replace(images, pause=pause)


def _refused(refusal: Refusal, answer: Answer) -> ApiError:
    return refusal_error(refusal, status=answer.status, request_id=answer.request_id)
