"""Between a run and who watches it: waited for on the caller's thread, or left in the background.

Errors go separate ways here: what the run raises goes to the caller, a failed frame is data of the set, and what an
observer raises ends nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, closing
from dataclasses import replace

from seedream_magic import bridge
from seedream_magic.errors import Billed, SeedreamError, SeedreamInterrupted
from seedream_magic.images.image_set import ImageSet
from seedream_magic.words import runs as texts
from seedream_magic.words.errors import SEE_USAGE_FIRST

Sets = AsyncGenerator[ImageSet, None]
"""The values of one set as it grows; the last one is the finished set."""
Failure = SeedreamError | SeedreamInterrupted

FIRST_VALUE_SECONDS = 0.5
"""How long `begin` waits for the run to have begun: a folder is made and a record written."""


def wait(sets: Sets, on_change: Callable[[ImageSet], None] | None, *, event_loop: str) -> ImageSet:
    """The finished set; `on_change` gets each value on the way, on this thread. What it raises ends nothing.

    Raises the run's error, or `SeedreamInterrupted` with the set so far where Stop (Ctrl-C) is pressed.
    """
    last: ImageSet | None = None
    changed = None if on_change is None else bridge.unfailing(on_change)

    async def values() -> Sets:
        nonlocal last
        async with aclosing(sets) as growing:
            async for images in growing:
                last = images  # where on_change is slow this is ahead of it, and Stop names all that came
                yield images

    try:
        with closing(bridge.iterate(values, event_loop=event_loop)) as growing:
            for images in growing:
                if changed is not None:
                    changed(images)
    except KeyboardInterrupt as exc:
        raise _interrupted(last) from exc
    return images


def begin(
    sets: Sets, on_change: Callable[[ImageSet], None], on_end: Callable[[ImageSet | None, Failure | None], None]
) -> Callable[[], None]:
    """Begin a run and return, with the function that stops it; see `Seedream.start`."""

    def ended(last: ImageSet | None, broken_off: BaseException | None) -> None:
        failure = None if broken_off is None else _failure(broken_off, last)
        end(last if failure is None or failure.images is None else failure.images, failure)

    end = bridge.unfailing(on_end)
    background = bridge.Background(lambda: sets, bridge.unfailing(on_change), ended)
    try:
        background.hand_over_first(FIRST_VALUE_SECONDS)
    except BaseException:  # a Stop that strikes here is meant for the run
        background.stop()
        raise
    return background.stop


def _failure(broken_off: BaseException, last: ImageSet | None) -> Failure:
    """The error that a person sees for what broke a run off."""
    if isinstance(broken_off, asyncio.CancelledError):
        stop = _interrupted(last)
        if stop.images is not None and stop.hint:  # the set is all that a person sees of it
            stop.images = stop.images.with_note(stop.hint)
        return stop
    if isinstance(broken_off, Failure):
        return broken_off
    return fault_of(broken_off)


def fault_of(broken_off: BaseException) -> SeedreamError:
    """The error that a person sees for what no part of this program foresaw."""
    words = texts.FAULT_OF_PROGRAM(fault=type(broken_off).__name__, why=broken_off)
    fault = SeedreamError(words, billed="unknown")
    fault.__cause__ = broken_off
    return fault


def _interrupted(images: ImageSet | None) -> SeedreamInterrupted:
    """What Stop raises: the set as far as it came, what may be billed, what can be done."""
    if images is None or not images.run_id:
        return SeedreamInterrupted(texts.STOPPED_BEFORE())
    if images.replayed:  # a run that was waited for, or fetched
        words = texts.STOPPED_WATCHING(run=images.run_id)
        return replace(images, state="stopped").attach(SeedreamInterrupted(words, billed="no"))
    stopped, own = replace(images, state="stopped"), images if images.own is None else images.own
    by_outcome: dict[str, Billed] = {"billed": "yes", "unknown": "unknown"}
    arrived, outcome = len(own.ok), by_outcome.get(stopped.outcome, "no")
    billed: Billed = "no" if own.provider == "demo" else outcome
    of_known = texts.STOPPED(arrived=arrived, expected=own.expected) if own.expected else ""
    hints: dict[Billed, str] = {"yes": texts.CELL_GOES_ON(), "unknown": SEE_USAGE_FIRST(), "no": ""}
    of_task = texts.TASK_GOES_ON(task=own.task, run=stopped.run_id) if own.task else ""
    words = of_known or texts.STOPPED_OF_UNKNOWN(arrived=arrived)
    return stopped.attach(SeedreamInterrupted(words, billed=billed, hint=of_task or hints[outcome]))
