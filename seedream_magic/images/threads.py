"""Work that would hold up an event loop (decoding, hashing, writing) in threads, no more at once than there are cores.

Decoding in the loop's own thread held up the other downloads of a set, its display and Stop.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from functools import partial
from typing import Any, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

Value = TypeVar("Value")
Parameters = ParamSpec("Parameters")

_cores: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()
_stopped: WeakKeyDictionary[asyncio.Task[Any], int] = WeakKeyDictionary()
"""Tasks that were cancelled while they waited for a thread, each with its count of cancellations at that time."""


async def in_thread(
    work: Callable[Parameters, Value], *arguments: Parameters.args, **options: Parameters.kwargs
) -> Value:
    """What `work` returns or raises. A Stop meanwhile does not break it off: what is whole in memory is kept.

    That Stop is not raised here; a caller that goes on to anything that lasts asks `raise_if_stopped` first.
    """
    loop, call = asyncio.get_running_loop(), partial(work, *arguments, **options)

    async def limited() -> Value:
        async with _cores.setdefault(loop, asyncio.Semaphore(os.cpu_count() or 1)):
            try:
                running = loop.run_in_executor(None, call)
            except RuntimeError:  # the process ends: threads take nothing new, and nobody else needs the loop
                return call()
            try:
                return await running
            finally:
                del running  # as below

    job = asyncio.create_task(limited())
    await end_of(job)
    try:
        return job.result()
    finally:
        del job  # its error's traceback holds this frame: a circle would keep what `work` had in hand


async def end_of(job: asyncio.Task[Any]) -> None:
    """Wait for the end of a task; a Stop meanwhile is kept for `raise_if_stopped`, as that of `in_thread`."""
    while not job.done():
        try:
            await asyncio.wait([job])
        except asyncio.CancelledError:
            keep_stop()


def keep_stop() -> None:
    """Keep a `CancelledError` that was caught just now for `raise_if_stopped`."""
    if task := asyncio.current_task():
        _stopped[task] = task.cancelling()


def raise_if_stopped() -> None:
    """Raise the `CancelledError` that `in_thread` did not.

    One that a task has caught itself is over, and so is that of an `asyncio.timeout` whose block was left since.
    """
    task = asyncio.current_task()
    times = None if task is None else _stopped.pop(task, None)
    if task is not None and times is not None and task.cancelling() >= times:
        raise asyncio.CancelledError
