"""Listening to one answer: its bytes go to disk, are read there and then, and each thing that they say is acted on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from seedream_magic.api.answer import Answer
from seedream_magic.api.decoder import AnswerDecoder, Answered, Done, Form, Piece, Unreadable
from seedream_magic.api.events import NOTHING_HERE, Completed, Event, LeftOut, Picture, PictureRefused, Reader, Refused
from seedream_magic.api.gateway_advice import usage_note
from seedream_magic.api.keys import Key
from seedream_magic.api.plan import Plan
from seedream_magic.api.redaction import without_secret
from seedream_magic.api.refusal import Refusal, refusal_error
from seedream_magic.api.task_shapes import Task
from seedream_magic.errors import ApiError, ResponseBroken
from seedream_magic.images.facts import masked_beside_links
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.images.raw import RawBody
from seedream_magic.images.store import Run
from seedream_magic.images.threads import in_thread, raise_if_stopped

Change = Callable[[ImageSet], ImageSet]
LINGER_SECONDS = 5.0
"""How long an answer may stay open when it has said that it is complete; one more picture may come, or `[DONE]`."""
MAXIMUM_EVENTS = 10_000
"""Events of one stream: fifteen pictures need some forty, and each is kept on disk before the next is looked at."""


def with_note(note: str) -> Change:
    """The change by which a set tells something more."""
    return lambda images: images.with_note(note)


@dataclass
class Heard:
    """What an answer has said so far. `expected` is how many images were asked for, None where the model decides.

    `named` are the places for which a picture was named, `unsaved` those whose picture came in base64 and is not on
    disk yet: only the bytes of the answer hold it. `refused` is the service's no to the whole request.

    `complete`: the service has said that all is made. `last_word`: nothing more is to come, for the service has said so
    or its one JSON object is whole. `ended`: the `[DONE]` of a stream has come. `doubtful`: a part of the answer could
    not be read. `unread`: that may be so, for its end was not reached. `left_out`: it holds more links or pictures than
    were taken for the set's.
    """

    expected: int | None
    named: set[int] = field(default_factory=set)
    places_refused: int = 0
    unsaved: set[int] = field(default_factory=set)
    refused: ApiError | None = None
    complete: bool = False
    last_word: bool = False
    ended: bool = False
    doubtful: bool = False
    unread: bool = False
    left_out: bool = False

    @property
    def all_named(self) -> bool:
        """Whether as many pictures (or refusals of one) have come as were asked for."""
        return self.expected is not None and len(self.named) + self.places_refused >= self.expected

    @property
    def keep_raw(self) -> bool:
        """Whether the bytes of the answer hold what is neither saved nor in the record."""
        return self.unread or self.doubtful or bool(self.unsaved) or (self.left_out and not self.all_named)

    def note_end(self, piece: Answered, events: list[Event], *, alone: bool) -> None:
        """What one object of the answer says of its end; `alone`: it may be all of the answer."""
        if not any(isinstance(event, Completed) for event in events):
            return
        pictures = any(isinstance(event, Picture) for event in events)
        listed = isinstance(piece.fields.get("data"), list)
        # Gateways send one `completed` for each picture: such a one ends nothing.
        self.complete = self.complete or listed or not pictures
        # A list alone may be one of many: an event for each picture, or a line.
        named = "completed" in f"{piece.event} {piece.fields.get('type')}"
        self.last_word = self.last_word or not pictures or (listed and (named or alone))


@dataclass
class Listener:
    """Listens to one answer; `heard` is what it has said, and `tell` is handed each change of the set, in order.

    `begin` begins to bring a picture here. `raw` is the file with the bytes of the answer.
    """

    plan: Plan
    key: Key
    run: Run
    answer: Answer
    heard: Heard
    reader: Reader
    tell: Callable[[Change], None]
    begin: Callable[[Picture], None]
    raw: RawBody = field(init=False)

    def __post_init__(self) -> None:
        self.raw = self.run.raw_body()

    async def listen(self) -> None:
        """Take in the body: on disk first, then read; its bytes stay there until all that it names is saved.

        Raises `ResponseBroken` where it breaks off, or holds nothing that can be read.
        """
        answer, heard, raw = self.answer, self.heard, self.raw
        self.reader.begin(location=answer.location)
        decoder = AnswerDecoder(answer.codings, images=self.plan.request.images_at_most)
        heard.unread = True
        head = {"status": answer.status, "headers": dict(answer.headers)}
        self._record({"raw": raw.path.name, "codings": answer.codings, "location": answer.location, **head})
        broken: ResponseBroken | None = None
        at_end = False
        try:
            try:
                at_end = await self._read(decoder)
            except ResponseBroken as error:
                broken = error
            for piece in decoder.close(cut=broken is not None):
                await self._take(piece, alone=False)
            for event in self.reader.close():
                self.act(event)
        finally:
            raw.close()
            if raw.fault and raw.size:
                self._record({"torn": raw.path.name})
        fault = decoder.fault if at_end else ""  # what was not waited for is not cut off
        broken = broken or self._unreadable(decoder.form, fault)
        waits = bool(self.reader.tasks)
        if broken is not None and not waits:
            raise broken
        heard.unread = bool(fault and not waits)
        whole = decoder.form in {"json", "picture"} and bool(heard.named)
        heard.complete = (heard.complete or whole) and not waits
        if heard.left_out and heard.expected is not None and not heard.all_named and not waits:
            self.tell(with_note("The answer holds more than was taken for pictures; its bytes are kept with the run."))

    async def _read(self, decoder: AnswerDecoder) -> bool:
        """Read until the body ends (then True), or until all is said and nothing came for `LINGER_SECONDS`."""
        loop, answer, heard = asyncio.get_running_loop(), self.answer, self.heard
        last_piece_at, count = loop.time(), 0
        async with aclosing(answer.chunks()) as chunks:
            arrival: asyncio.Task[bytes | None] | None = None
            try:
                while not (heard.ended and (heard.complete or heard.all_named)):
                    arrival = arrival or asyncio.create_task(_next(chunks))
                    all_said = (
                        heard.last_word
                        or heard.ended
                        or (heard.complete and heard.all_named)
                        or (decoder.settled and count == 1 and not answer.is_sequence)
                    )
                    longest = LINGER_SECONDS if all_said else answer.patience.progress
                    left = last_piece_at + longest - loop.time() if all_said or decoder.form == "stream" else None
                    done, _ = await asyncio.wait({arrival}, timeout=None if left is None else max(0.0, left))
                    if not done:
                        if all_said:
                            return False
                        raise answer.broken(f"the stream sent no picture for {answer.patience.progress:.0f} s")
                    chunk, arrival = arrival.result(), None
                    if chunk is None:
                        return True
                    self.raw.write(chunk)
                    for piece in decoder.feed(chunk):
                        last_piece_at, count = loop.time(), count + 1
                        if count > MAXIMUM_EVENTS:
                            raise answer.broken(f"the stream brought more than {MAXIMUM_EVENTS:,} events")
                        await self._take(piece, alone=decoder.form == "json" and count == 1)
                return False
            finally:
                if arrival is not None:
                    arrival.cancel()
                    await asyncio.wait({arrival})

    def _unreadable(self, form: Form, fault: str) -> ResponseBroken | None:
        """The error of an answer that came to its end and holds nothing, or less than was asked for and a fault."""
        heard = self.heard
        nothing = not (heard.named or heard.places_refused or heard.refused or self.reader.tasks)
        nothing = nothing and (heard.doubtful or not heard.complete) and (heard.ended or form != "stream")
        if not nothing and (heard.all_named or not fault):
            return None
        broken = self.answer.broken(fault or "an answer in which no picture was found")
        if form == "page":
            broken.hint = "If it is the log-in page of this network, log in there; else check the base URL."
        return broken

    async def _take(self, piece: Piece, *, alone: bool) -> None:
        """One piece of the answer: first durable, then acted on. `alone`: it may be the whole of a JSON answer."""
        if isinstance(piece, Done):
            self.heard.ended = True
            return
        if isinstance(piece, Unreadable):
            piece = replace(piece, reason=without_secret(piece.reason, self.key.reveal()))
            self._record({"unreadable": piece.reason})
            self.act(piece)
            return
        self.heard.doubtful = self.heard.doubtful or piece.cut
        marks = {"event": piece.event, "cut": piece.cut}
        self._record({"object": piece.fields, **{name: value for name, value in marks.items() if value}})
        events = list(self.reader.read(piece))
        has_base64 = any(isinstance(event, Picture) and event.b64_json for event in events)
        if has_base64:
            await in_thread(self.raw.sync)  # the record has links only
        heard = self.heard
        heard.left_out = heard.left_out or any(isinstance(event, LeftOut) for event in events)
        for event in events:
            self.act(event)
        if has_base64:
            await asyncio.sleep(0)  # what has come whole is saved, also where Stop was pressed meanwhile
            raise_if_stopped()
        self.heard.note_end(piece, events, alone=alone and not self.answer.is_sequence)

    def act(self, event: Event) -> None:
        """Do what one event asks for: begin to bring a picture, tell the set of a refusal, of the bill."""
        heard, request = self.heard, self.plan.request
        match event:
            case Picture():
                self.tell(_with_frame(Frame(event.index, request.prompt)))
                self.begin(event)
                heard.named.add(event.index)
                if event.b64_json:
                    heard.unsaved.add(event.index)
            case PictureRefused():
                heard.places_refused += 1
                heard.doubtful = heard.doubtful or event.refusal == NOTHING_HERE
                error = self._refused(event.refusal)
                self.tell(_with_frame(Frame(event.index, request.prompt_of(event.index), error=error)))
            case Refused():
                heard.refused = heard.refused or self._refused(event.refusal)
            case Task():
                pass  # the reader keeps those that are to be asked for
            case Completed(usage=usage):
                if usage is not None:
                    usage = masked_beside_links(usage, self.key.reveal())
                    self.tell(lambda images: replace(images, usage=usage))
                    if note := usage_note(usage, self.plan.short_body, base_url=self.plan.base_url):
                        self.tell(with_note(note))
            case Unreadable(reason=reason):
                heard.doubtful = True
                words = f"Part of the answer was passed over: {reason}; its bytes are kept with the run."
                self.tell(with_note(words))

    def _refused(self, refusal: Refusal) -> ApiError:
        answer = self.answer
        return refusal_error(refusal.without_key(self.key), status=answer.status, request_id=answer.request_id)

    def _record(self, entry: dict[str, Any]) -> None:
        """A record that cannot be written must not cost the picture it tells of."""
        try:
            self.run.record(entry)
        except (OSError, RecursionError) as exc:
            self.tell(
                with_note(f"What the service sent could not be recorded: {getattr(exc, 'strerror', None) or exc}.")
            )


async def _next(chunks: AsyncGenerator[bytes, None]) -> bytes | None:
    return await anext(chunks, None)


def _with_frame(frame: Frame) -> Change:
    return lambda images: images.with_frame(frame)
