"""Listening to one answer: its bytes go to disk, are read there and then, and what they say comes as events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from seedream_magic.api.answer import Answer
from seedream_magic.api.credentials import Key
from seedream_magic.api.decoder import AnswerDecoder, Answered, Done, Form, Piece, Unreadable
from seedream_magic.api.events import NOTHING_HERE, Completed, Event, LeftOut, Picture, PictureRefused, Reader, Refused
from seedream_magic.api.redaction import without_secret
from seedream_magic.api.refusal import Refusal
from seedream_magic.errors import ResponseBroken, reason_of
from seedream_magic.images.extraction import Extractor
from seedream_magic.images.response import RawBody, head_line, object_line
from seedream_magic.images.run_folder import RunFolder
from seedream_magic.images.threads import in_thread, raise_if_stopped
from seedream_magic.words import runs as texts

LINGER_SECONDS = 5.0
"""How long an answer may stay open when it has said that it is complete; one more picture may come, or `[DONE]`."""
MAXIMUM_EVENTS = 10_000
"""Events of one stream: fifteen pictures need some forty, and each is kept on disk before the next is looked at."""


@dataclass
class Tally:
    """What an answer has said so far. `expected` is how many images were asked for, None where the model decides.

    `named` are the places for which a picture was named, `unsaved` those whose picture came in base64 and is not on
    disk yet: only the bytes of the answer hold it. `refused` is the service's refusal of the whole request.

    `complete`: the service has said that all is made. `last_word`: nothing more is to come, for the service has said so
    or its one JSON object is whole. `ended`: the `[DONE]` of a stream has come. `doubtful`: a part of the answer could
    not be read. `unread`: that may be so, for its end was not reached. `left_out`: it holds more links or pictures than
    were taken for the set's.
    """

    expected: int | None
    named: set[int] = field(default_factory=set)
    places_refused: int = 0
    unsaved: set[int] = field(default_factory=set)
    refused: Refusal | None = None
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

    def add(self, event: Event) -> None:
        """Count one event."""
        match event:
            case Picture():
                self.named.add(event.index)
                if event.b64_json:
                    self.unsaved.add(event.index)
            case PictureRefused():
                self.places_refused += 1
                self.doubtful = self.doubtful or event.refusal == NOTHING_HERE
            case Refused():
                self.refused = self.refused or event.refusal
            case LeftOut():
                self.left_out = True
            case Unreadable():
                self.doubtful = True

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
    """Listens to one answer; `raw` is the file with its bytes, `unrecorded` why its record lacks a line, "" if none.

    `reader` gives the pictures their places; `images` is how many were asked for at most. `extractor` takes out the
    large pictures that come in base64. `at_end` says that the body came to its end.
    """

    answer: Answer
    run: RunFolder
    key: Key
    reader: Reader
    tally: Tally
    images: int
    extractor: Extractor
    unrecorded: str = ""
    at_end: bool = False
    raw: RawBody = field(init=False)

    def __post_init__(self) -> None:
        self.raw = self.run.raw_body()

    async def record_head(self) -> None:
        """Put the head of the answer on disk: without it its bytes could not be read again."""
        answer = self.answer
        more = {"location": answer.location, "headers": dict(answer.headers)}
        await self._record(head_line(self.raw, status=answer.status, codings=answer.codings, **more))
        raise_if_stopped()

    async def events(self) -> AsyncGenerator[Event, None]:
        """What the body says, each event once it is durable; whoever takes one counts it in `tally` at once.

        The bytes stay on disk until all that they name is saved. Raises `ResponseBroken` where the body breaks off, or
        holds nothing that can be read.
        """
        answer, raw = self.answer, self.raw
        self.reader.begin(location=answer.location)
        decoder = AnswerDecoder(answer.codings, images=self.images)
        self.tally.unread = True
        broken: ResponseBroken | None = None
        try:
            async with aclosing(self._pieces(decoder)) as pieces:
                try:
                    async for piece, alone in pieces:
                        for event in await self._recorded(piece, alone=alone):
                            yield event
                        await asyncio.sleep(0)  # what has come whole is saved, also where Stop was pressed meanwhile
                        raise_if_stopped()
                except ResponseBroken as error:
                    broken = error
            for piece in chain(decoder.feed(self.extractor.rest()), decoder.close(cut=broken is not None)):
                for event in await self._recorded(piece, alone=False):
                    yield event
            for event in self.reader.close():
                yield event
            raise_if_stopped()
        finally:
            raw.close()
            if raw.fault and raw.size:
                await self._record({"torn": raw.path.name})
        fault = decoder.fault if self.at_end else ""  # what was not waited for is not cut off
        broken = broken or self._unreadable(decoder.form, fault)
        waits = bool(self.reader.tasks)
        if broken is not None and not waits:
            raise broken
        whole = decoder.form in {"json", "picture"} and bool(self.tally.named)
        self.tally.unread = bool(fault and not waits)
        self.tally.complete = (self.tally.complete or whole) and not waits

    async def _pieces(self, decoder: AnswerDecoder) -> AsyncGenerator[tuple[Piece, bool], None]:
        """The pieces of the body, each with whether it may be the whole of a JSON answer.

        The last one comes when the body ends (then `at_end`), or when all is said and nothing more came for
        `LINGER_SECONDS`.
        """
        loop, answer, tally = asyncio.get_running_loop(), self.answer, self.tally
        last_piece_at, count = loop.time(), 0
        async with aclosing(answer.chunks()) as chunks:
            arrival: asyncio.Task[bytes | None] | None = None
            try:
                while not (tally.ended and (tally.complete or tally.all_named)):
                    arrival = arrival or asyncio.create_task(_next(chunks))
                    all_said = (
                        tally.last_word
                        or tally.ended
                        or (tally.complete and tally.all_named)
                        or (decoder.settled and count == 1 and not answer.is_sequence)
                    )
                    longest = LINGER_SECONDS if all_said else answer.patience.progress
                    left = last_piece_at + longest - loop.time() if all_said or decoder.form == "stream" else None
                    done, _ = await asyncio.wait({arrival}, timeout=None if left is None else max(0.0, left))
                    if not done:
                        if all_said:
                            return
                        raise answer.broken(texts.STREAM_SILENT(seconds=answer.patience.progress))
                    chunk, arrival = arrival.result(), None
                    if chunk is None:
                        self.at_end = True
                        return
                    self.raw.write(chunk)
                    for piece in decoder.feed(self.extractor.feed(chunk)):
                        last_piece_at, count = loop.time(), count + 1
                        if count > MAXIMUM_EVENTS:
                            raise answer.broken(texts.STREAM_FLOODED(most=MAXIMUM_EVENTS))
                        yield piece, decoder.form == "json" and count == 1
            finally:
                if arrival is not None:
                    arrival.cancel()
                    await asyncio.wait({arrival})

    def _unreadable(self, form: Form, fault: str) -> ResponseBroken | None:
        """The error of an answer that came to its end and holds nothing, or less than was asked for and a fault."""
        tally = self.tally
        nothing = not (tally.named or tally.places_refused or tally.refused or self.reader.tasks)
        nothing = nothing and (tally.doubtful or not tally.complete) and (tally.ended or form != "stream")
        if not nothing and (tally.all_named or not fault):
            return None
        broken = self.answer.broken(fault or texts.NO_PICTURE_FOUND())
        if form == "page":
            broken.hint = texts.LOG_IN_HERE()
        return broken

    async def _recorded(self, piece: Piece, *, alone: bool) -> list[Event]:
        """The events of one piece, which is durable now; it may say that the answer ends with it."""
        if isinstance(piece, Done):
            self.tally.ended = True
            return []
        if isinstance(piece, Unreadable):
            piece = replace(piece, reason=without_secret(piece.reason, self.key.reveal()))
            await self._record({"unreadable": piece.reason})
            return [piece]
        await self._record(object_line(piece))
        events = list(self.reader.read(piece))
        if any(isinstance(event, Picture) and event.b64_json for event in events):
            await in_thread(self.raw.sync)  # the record has links only
        self.tally.doubtful = self.tally.doubtful or piece.cut
        self.tally.note_end(piece, events, alone=alone and not self.answer.is_sequence)
        return events

    async def _record(self, entry: dict[str, Any]) -> None:
        """A record that cannot be written must not cost the picture that it is about."""
        try:
            await in_thread(lambda: self.run.record(self.extractor.describe(entry)))
        except (OSError, RecursionError) as exc:
            self.unrecorded = self.unrecorded or reason_of(exc)


async def _next(chunks: AsyncGenerator[bytes, None]) -> bytes | None:
    return await anext(chunks, None)
