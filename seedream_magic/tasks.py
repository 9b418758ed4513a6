"""Following the task that a gateway gives in place of pictures, until it is done: a part of a run like any other."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from seedream_magic.api.decoder import AnswerDecoder, Answered, Unreadable
from seedream_magic.api.events import Event, Reader, Refused
from seedream_magic.api.polling import TaskAnswer
from seedream_magic.api.refusal import Refusal, clipped
from seedream_magic.api.retry import PACE, Pace
from seedream_magic.api.shapes import Task
from seedream_magic.errors import NoConnection, ResponseBroken, SeedreamError
from seedream_magic.images.store import Run

FIRST_PAUSE = 2.0
LONGEST_PAUSE = 10.0
LONGEST_TASK = 1800.0
"""Seconds that a task is waited for; its id stays in the record, and `%seedream recover` asks again."""
_REASONS = ("fail_reason", "error", "message", "reason")
_NOT_THERE = frozenset({400, 404, 405, 410, 501})
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504, 524})

Ask = Callable[[str], Awaitable[TaskAnswer]]


@dataclass
class _Followed:
    """A task that is not done yet, and where it may be asked for."""

    task: Task
    addresses: list[str]


def about_tasks(tasks: Sequence[Task]) -> str:
    """The sentence that says what such an answer means."""
    ids = ", ".join(task.task_id or "without an id" for task in tasks)
    state = next((f" ({task.state})" for task in tasks if task.state), "")
    return f"The gateway answered with a task in place of pictures: {ids}{state}"


async def follow_tasks(
    tasks: Sequence[Task], *, addresses: Callable[[Task], list[str]], ask: Ask, run: Run, reader: Reader, images: int,
    pace: Pace = PACE,
) -> AsyncGenerator[Event, None]:  # fmt: skip
    """The events of the tasks' answers, as each is done; every answer is on disk before it is told.

    `ask` gives what an address answers. Raises `ResponseBroken` where a task cannot be asked for, or takes longer than
    half an hour.
    """
    left = [_Followed(task, addresses(task)) for task in tasks]
    began, pause = pace.now(), FIRST_PAUSE
    while left:
        if pace.now() - began > LONGEST_TASK:
            raise _unfinished(left, f"is not done after {LONGEST_TASK / 60:.0f} min")
        await pace.sleep(pause)
        wait = 0.0
        for followed in list(left):
            answer = await _answer_of(followed, ask)
            if answer is None:
                continue
            wait = max(wait, answer.wait)
            events = _events_of(answer, followed, run, reader, images)
            if events is None:
                continue
            left.remove(followed)
            for event in events:
                yield event
        pause = max(min(pause * 1.3, LONGEST_PAUSE), min(wait, 60.0))


async def _answer_of(followed: _Followed, ask: Ask) -> TaskAnswer | None:
    """What the first address that knows the task says; None where it may answer later."""
    refused = "names no address to ask for it"
    for address in list(followed.addresses):
        try:
            answer = await ask(address)
        except NoConnection:
            return None
        except SeedreamError as error:  # an address that no service can have
            refused = str(error)
            followed.addresses.remove(address)
            continue
        if 200 <= answer.status < 300:
            followed.addresses.remove(address)
            followed.addresses.insert(0, address)
            return answer
        if answer.status in _PASSING:
            return None
        refused = f"answered HTTP {answer.status} when asked for it"
        if answer.status not in _NOT_THERE:
            break
        followed.addresses.remove(address)
    raise _unfinished([followed], refused)


def _events_of(answer: TaskAnswer, followed: _Followed, run: Run, reader: Reader, images: int) -> list[Event] | None:
    """The events of an answer; None while the task is under way."""
    decoder = AnswerDecoder(answer.codings, images=images)
    pieces = [piece for piece in (*decoder.feed(answer.body), *decoder.close()) if isinstance(piece, Answered)]
    events = [event for piece in pieces for event in reader.read(piece)]
    states = [event for event in events if isinstance(event, Task)]
    if any(state.under_way for state in states):
        return None
    given_up = any(state.given_up for state in states)
    others: list[Event] = [event for event in events if not isinstance(event, Task)]
    nothing = all(isinstance(event, Unreadable) for event in others) and not given_up
    if nothing and len(followed.addresses) > 1:  # its state is told at one address, its pictures at the next
        followed.addresses.pop(0)
        return None
    raw = run.raw_body()
    raw.write(answer.body)
    raw.sync()
    raw.close()
    run.record({"status": answer.status, "codings": answer.codings, "raw": raw.path.name})
    for piece in pieces:
        run.record({"object": piece.fields})
    if given_up:
        return [Refused(_reason_of(pieces))]
    return [Unreadable("the task's last answer holds no picture")] if nothing else others


def _reason_of(pieces: list[Answered]) -> Refusal:
    """Why a gateway gave a task up, in its own words."""
    for piece in pieces:
        for fields in (piece.fields, piece.fields.get("data")):
            if isinstance(fields, dict):
                words = next(
                    (fields[name] for name in ("fail_reason", "error", "message", "reason") if fields.get(name)), ""
                )
                if words:
                    return Refusal(message=clipped(words.get("message") if isinstance(words, dict) else words))
    return Refusal(message="the gateway gave the task up")


def _unfinished(left: list[_Followed], why: str) -> ResponseBroken:
    ids = ", ".join(followed.task.task_id for followed in left)
    hint = (
        f"Look for task {ids} in the gateway's console, or at the address that its documentation names; "
        "%seedream recover asks for it again, which bills nothing."
    )
    return ResponseBroken(
        f"{about_tasks([followed.task for followed in left])}; the gateway {why}.", billed="yes", hint=hint
    )
