"""Following the task that a gateway gives in place of pictures, until it is done: a part of a run like any other."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus

from seedream_magic.api.client import TaskAnswer, TaskService
from seedream_magic.api.decoder import AnswerDecoder, Answered
from seedream_magic.api.events import Event, Picture, PictureRefused, Reader, Refused
from seedream_magic.api.redaction import clean_text
from seedream_magic.api.retry import PACE, Pace
from seedream_magic.api.shapes import places_of
from seedream_magic.api.task_shapes import Task
from seedream_magic.errors import NoConnection, ResponseBroken, SeedreamError
from seedream_magic.images.extraction import Extractor
from seedream_magic.images.response import head_line, object_line
from seedream_magic.images.run_folder import RunFolder
from seedream_magic.words import runs as texts
from seedream_magic.words.lists import enumeration

FIRST_PAUSE = 2.0
LONGEST_PAUSE = 10.0
LONGEST_TASK = 1800.0
"""Seconds that a task is waited for; its id stays in the record, and `%seedream recover` asks again."""
_NOT_THERE = frozenset({400, 404, 405, 410, 501})
_PASSING = frozenset({408, 409, 423, 425, 429})
_MOST_ADDRESSES = 8
_MOST_ODD = 5
"""Answers in a row that say nothing of the task: a page in between, an empty or a damaged one."""
_MOST_BARE = 3
"""Answers in a row that say that the task is done, without a picture."""


@dataclass
class _Followed:
    """A task, and where it may be asked for; `seen` has every address that was named.

    `idle` counts the answers in a row without progress, `over` says that it is done or was given up; `fault`
    is why it cannot be followed, "" while it can.
    """

    task: Task
    addresses: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    idle: int = 0
    over: bool = False
    fault: str = ""

    def add_addresses(self, addresses: Sequence[str]) -> bool:
        """Ask there first from now on; whether one of them is new."""
        new = [address for address in addresses if address not in self.seen][: _MOST_ADDRESSES - len(self.seen)]
        self.addresses[:0] = new
        self.seen.update(new)
        return bool(new)


def ids_of(tasks: Sequence[Task]) -> str:
    """The ids of tasks for people to read, on one line."""
    return enumeration(clean_text(task.task_id) or texts.WITHOUT_ID() for task in tasks)


def describe(tasks: Sequence[Task]) -> str:
    """The sentence that says what such an answer means."""
    state = next((f" ({clean_text(task.state)})" for task in tasks if task.state), "")
    return texts.TASK(tasks=f"{ids_of(tasks)}{state}")


@dataclass(frozen=True)
class TaskFollower:
    """Follows the tasks of one run; `images` is how many pictures were asked for at most.

    `reader` gives the pictures their places; `extractor` took the large ones out of what was read before, if any did.
    """

    service: TaskService
    run: RunFolder
    reader: Reader
    images: int
    extractor: Extractor | None = None
    pace: Pace = PACE

    async def events(self, tasks: Sequence[Task]) -> AsyncGenerator[Event, None]:
        """The events of the tasks' answers, as they come; what holds something is on disk before it is handed out.

        Each task is followed to its end, whatever becomes of the others. Raises `ResponseBroken` in the end where one
        could not be asked for, or took longer than half an hour.
        """
        every = [_Followed(task) for task in tasks]
        for followed in every:
            followed.add_addresses(self.service.addresses_of(followed.task))
        began, pause = self.pace.now(), FIRST_PAUSE
        while (left := [task for task in every if not (task.over or task.fault)]) and not self._has_all:
            if self.pace.now() - began > LONGEST_TASK:
                for followed in left:
                    followed.fault = texts.TASK_TOO_LONG(minutes=LONGEST_TASK / 60)
                break
            await self.pace.sleep(pause)
            wait = 0.0
            for followed in left:
                answer = await self._answer_of(followed)
                if answer is None:
                    continue
                wait = max(wait, answer.wait)
                if not _is_passing(answer.status):
                    for event in self._take(answer, followed):
                        yield event
            pause = max(min(pause * 1.3, LONGEST_PAUSE), min(wait, 60.0))
        if broken := [followed for followed in every if followed.fault]:
            raise _unfinished_error(broken)

    @property
    def _has_all(self) -> bool:
        return self.reader.places_taken >= self.images

    async def _answer_of(self, followed: _Followed) -> TaskAnswer | None:
        """What the first address that knows the task says; None where it may answer later, or has a `fault` now."""
        refused: str = texts.TASK_WITHOUT_ADDRESS()
        for address in list(followed.addresses):
            try:
                answer = await self.service.ask(address)
            except NoConnection:
                return None
            except SeedreamError as error:  # an address that no service can have
                refused = error.message
                followed.addresses.remove(address)
                continue
            if 200 <= answer.status < 300 or _is_passing(answer.status):
                followed.addresses.remove(address)
                followed.addresses.insert(0, address)
                return answer
            refused = texts.TASK_REFUSED(status=answer.status)
            if answer.status not in _NOT_THERE and not answer.location:
                break
            followed.addresses.remove(address)
            if answer.location and followed.add_addresses([answer.location]):  # its result is elsewhere now
                return None
        followed.fault = refused
        return None

    def _take(self, answer: TaskAnswer, followed: _Followed) -> list[Event]:
        """The events of one answer, which is on disk if it holds something or is the last one."""
        decoder = AnswerDecoder(answer.codings, images=self.images)
        body = answer.body if self.extractor is None else self.extractor.feed(answer.body) + self.extractor.rest()
        pieces = [piece for piece in (*decoder.feed(body), *decoder.close()) if isinstance(piece, Answered)]
        self.reader.begin(task_id=followed.task.task_id or texts.WITHOUT_ID.english)
        read = [(piece, list(self.reader.read(piece))) for piece in pieces]
        followed.over = self._is_over(followed, answer, read)
        events: list[Event] = [event for _, found in read for event in found if not isinstance(event, Task)]
        new = followed.over or any(_is_progress(event) for event in events)
        if new or followed.fault:
            self._keep(answer, pieces, followed)
        return events if new else []

    def _is_over(self, followed: _Followed, answer: TaskAnswer, read: list[tuple[Answered, list[Event]]]) -> bool:
        """Whether the gateway has given the task's pictures, or given it up. What says neither is asked again.

        Of several states in one answer the last one counts.
        """
        relevant = [(piece, events) for piece, events in read if _has_pictures(piece) or any(map(_is_progress, events))]
        piece, events = relevant[-1] if relevant else (Answered({}), [])
        states = [event for event in events if isinstance(event, Task)]
        if any(isinstance(event, Refused) for event in events):
            return True
        accepted = answer.status == HTTPStatus.ACCEPTED and not _has_pictures(piece)
        if accepted or any(state.under_way for state in states):
            followed.idle = 0
            return False
        if _has_pictures(piece) and not piece.cut:
            return True
        # Some gateways give the state at one address and the pictures at another.
        followed.addresses.append(followed.addresses.pop(0))
        named = [url for state in states if state.urls for url in self.service.addresses_of(state)]
        followed.idle = 0 if followed.add_addresses(named) else followed.idle + 1
        if followed.idle >= (_MOST_BARE if states else _MOST_ODD):
            state = clean_text(states[-1].state) if states else ""
            of_state = texts.TASK_WITHOUT_PICTURE(state=f"'{state}'", times=followed.idle) if states else ""
            followed.fault = of_state or texts.TASK_UNREADABLE(times=followed.idle)
        return False

    def _keep(self, answer: TaskAnswer, pieces: Sequence[Answered], followed: _Followed) -> None:
        """Put an answer of a task on disk. Where the disk refuses, its pictures come all the same."""
        raw = self.run.raw_body()
        raw.write(answer.body)
        raw.sync()
        raw.close()
        more = {} if followed.over else {"under_way": True}
        with suppress(OSError):
            self.run.record(
                head_line(raw, status=answer.status, codings=answer.codings, task=followed.task.task_id, **more)
            )
            for piece in pieces:
                line = object_line(piece)
                self.run.record(line if self.extractor is None else self.extractor.describe(line))


def _is_passing(status: int) -> bool:
    """Whether another question may get another answer."""
    return status in _PASSING or (status >= 500 and status not in _NOT_THERE)


def _has_pictures(piece: Answered) -> bool:
    """Whether an object holds pictures, or says why there are none."""
    return any(place.is_picture or place.error is not None for place in places_of(piece.fields))


def _is_progress(event: Event) -> bool:
    return isinstance(event, Task | Picture | PictureRefused | Refused)


def _unfinished_error(broken: list[_Followed]) -> ResponseBroken:
    tasks = [followed.task for followed in broken]
    message = texts.TASK_UNFINISHED(task=describe(tasks), why=broken[0].fault)
    return ResponseBroken(message, billed="yes", hint=texts.LOOK_FOR_TASK(tasks=ids_of(tasks)))
