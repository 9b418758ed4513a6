"""Following the task that a gateway gives in place of pictures, until it is done: a part of a run like any other."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus

from seedream_magic.api.decoder import AnswerDecoder, Answered, Unreadable
from seedream_magic.api.events import Event, Reader
from seedream_magic.api.polling import TaskAnswer, TaskService
from seedream_magic.api.retry import PACE, Pace
from seedream_magic.api.shapes import Task
from seedream_magic.errors import NoConnection, ResponseBroken, SeedreamError
from seedream_magic.images.store import Run

FIRST_PAUSE = 2.0
LONGEST_PAUSE = 10.0
LONGEST_TASK = 1800.0
"""Seconds that a task is waited for; its id stays in the record, and `%seedream recover` asks again."""
_NOT_THERE = frozenset({400, 404, 405, 410, 501})
_PASSING = frozenset({408, 425, 429})
_MOST_ADDRESSES = 8
_NO_PICTURE = Unreadable("the task's last answer holds no picture")


@dataclass
class _Followed:
    """A task that is not done yet, and where it may be asked for; `seen` has every address that was named."""

    task: Task
    addresses: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def goes_on_at(self, addresses: Sequence[str]) -> None:
        """Ask there first from now on."""
        new = [address for address in addresses if address not in self.seen][: _MOST_ADDRESSES - len(self.seen)]
        self.addresses[:0] = new
        self.seen.update(new)


def about_tasks(tasks: Sequence[Task]) -> str:
    """The sentence that says what such an answer means."""
    ids = ", ".join(task.task_id or "without an id" for task in tasks)
    state = next((f" ({task.state})" for task in tasks if task.state), "")
    return f"The gateway answered with a task in place of pictures: {ids}{state}"


async def follow_tasks(
    tasks: Sequence[Task], service: TaskService, *, run: Run, reader: Reader, images: int, pace: Pace = PACE
) -> AsyncGenerator[Event, None]:
    """The events of the tasks' answers, as each is done; every answer is on disk before its events are handed out.

    `images` is how many were asked for. Raises `ResponseBroken` where a task cannot be asked for, or takes longer than
    half an hour.
    """
    left = [_Followed(task) for task in tasks]
    for followed in left:
        followed.goes_on_at(service.addresses_of(followed.task))
    began, pause = pace.now(), FIRST_PAUSE
    while left:
        if pace.now() - began > LONGEST_TASK:
            raise _unfinished(left, f"is not done after {LONGEST_TASK / 60:.0f} min")
        await pace.sleep(pause)
        wait = 0.0
        for followed in list(left):
            answer = await _answer_of(followed, service)
            if answer is None:
                continue
            wait = max(wait, answer.wait)
            if _is_passing(answer.status):
                continue
            pieces = _pieces_of(answer, images)
            reader.begin(task_id=followed.task.task_id or "without an id")
            events = [event for piece in pieces for event in reader.read(piece)]
            if _goes_on(answer, events, followed, service):
                continue
            _keep(answer, pieces, followed.task.task_id, run)
            left.remove(followed)
            for event in [_NO_PICTURE] if _is_empty(events) else events:
                if not isinstance(event, Task):
                    yield event
        pause = max(min(pause * 1.3, LONGEST_PAUSE), min(wait, 60.0))


async def _answer_of(followed: _Followed, service: TaskService) -> TaskAnswer | None:
    """What the first address that knows the task says; None where it may answer later."""
    refused = "names no address to ask for it"
    for address in list(followed.addresses):
        try:
            answer = await service.ask(address)
        except NoConnection:
            return None
        except SeedreamError as error:  # an address that no service can have
            refused = str(error)
            followed.addresses.remove(address)
            continue
        if 200 <= answer.status < 300 or _is_passing(answer.status):
            followed.addresses.remove(address)
            followed.addresses.insert(0, address)
            return answer
        if answer.location and answer.location not in followed.seen:  # its result is elsewhere now
            followed.goes_on_at([answer.location])
            return None
        refused = f"answered HTTP {answer.status} when asked for it"
        if answer.status not in _NOT_THERE:
            break
        followed.addresses.remove(address)
    raise _unfinished([followed], refused)


def _is_passing(status: int) -> bool:
    """Whether another question may get another answer."""
    return status in _PASSING or (status >= 500 and status not in _NOT_THERE)


def _pieces_of(answer: TaskAnswer, images: int) -> list[Answered]:
    decoder = AnswerDecoder(answer.codings, images=images)
    return [piece for piece in (*decoder.feed(answer.body), *decoder.close()) if isinstance(piece, Answered)]


def _goes_on(answer: TaskAnswer, events: list[Event], followed: _Followed, service: TaskService) -> bool:
    """Whether the task is under way still, or has another address that may know of its pictures."""
    states = [event for event in events if isinstance(event, Task)]
    if any(state.under_way for state in states):
        return True
    if not _is_empty(events):
        return False
    if answer.status == HTTPStatus.ACCEPTED:
        return True
    # Its state is told at one address, its pictures at the next.
    here = followed.addresses.pop(0)
    followed.goes_on_at([address for state in states if state.urls for address in service.addresses_of(state)])
    if followed.addresses:
        return True
    followed.addresses.append(here)
    return False


def _is_empty(events: list[Event]) -> bool:
    """Whether events say nothing but how far a task is."""
    return all(isinstance(event, Task | Unreadable) for event in events)


def _keep(answer: TaskAnswer, pieces: list[Answered], task_id: str, run: Run) -> None:
    """Put the last answer of a task on disk; where the disk refuses, its pictures come all the same."""
    raw = run.raw_body()
    raw.write(answer.body)
    raw.sync()
    raw.close()
    with suppress(OSError):
        run.record({"status": answer.status, "codings": answer.codings, "raw": raw.path.name, "task": task_id})
        for piece in pieces:
            run.record({"object": piece.fields})


def _unfinished(left: list[_Followed], why: str) -> ResponseBroken:
    ids = ", ".join(followed.task.task_id for followed in left)
    hint = (
        f"Look for task {ids} in the gateway's console, or at the address that its documentation names; "
        "%seedream recover asks for it again, which bills nothing."
    )
    return ResponseBroken(
        f"{about_tasks([followed.task for followed in left])}; the gateway {why}.", billed="yes", hint=hint
    )
