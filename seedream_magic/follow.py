"""A run is followed to its end: billed, joined to the run it goes on from, waited for or left in the background."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, closing
from dataclasses import replace
from typing import Any, Protocol

from seedream_magic import bridge
from seedream_magic.api.plan import Lineage
from seedream_magic.errors import (
    ApiError,
    Billed,
    OutcomeUnknown,
    ResponseBroken,
    SeedreamError,
    SeedreamInterrupted,
)
from seedream_magic.images.image_set import ImageSet
from seedream_magic.images.lineage import joined
from seedream_magic.images.load import parent_set
from seedream_magic.session import Reservation, images_to_bill

Sets = AsyncGenerator[ImageSet, None]
"""The values of one set as it grows; the last one is the finished set."""
Failure = SeedreamError | SeedreamInterrupted

FIRST_VALUE_SECONDS = 0.5
"""How long `begin` waits for the run to have begun: a folder is made and a record written."""


class Progress(Protocol):
    """Shows the values of a run, one in place of the other, and then nothing."""

    def show(self, images: ImageSet) -> None: ...
    def clear(self) -> None: ...


def with_client(images: ImageSet, client: Any) -> ImageSet:
    """The set with the way back to its client, by which it and its frames can be gone on from."""
    frames = tuple(replace(frame, client=client, run_id=images.run_id) for frame in images)
    return replace(images, client=client, frames=frames)


async def with_bill(sets: Sets, reservation: Reservation) -> Sets:
    """The values of a run; when it is over, however it ended, the reservation says what it billed, and may have."""
    made: ImageSet | None = None
    failure: SeedreamError | None = None
    reservation.doubtful = images_to_bill(reservation.plan)  # should it be dropped with its loop, nobody tells more
    try:
        async with aclosing(sets) as growing:
            async for made in growing:
                reservation.run_id = made.run_id
                yield made
    except SeedreamError as error:
        made, failure = made if error.images is None else error.images, error
        raise
    finally:
        reservation.billed = 0 if made is None else made.billed
        reservation.doubtful = 0 if made is None else _doubtful(made, failure)


def _doubtful(images: ImageSet, failure: SeedreamError | None) -> int:
    """How many images a run that is over may have billed beyond those that are known."""
    if images.usage is not None:
        return 0
    attempts = 1 if failure is None else failure.billable_attempts
    rest = max(0, images.request.images_at_most * attempts - images.billed)
    if failure is not None:
        refused = isinstance(failure, ApiError) and failure.billed == "yes"  # a refused picture costs nothing
        return 0 if refused or failure.billed == "no" else rest
    if images.state == "running":  # stopped
        return 0 if images.pause else rest
    return sum(isinstance(frame.error, ResponseBroken | OutcomeUnknown) for frame in images)


async def joined_to_parent(sets: Sets, lineage: Lineage | None, client: Any) -> Sets:
    """The values of a run, bound to its client, each with the frames of the earlier run that it goes on from."""
    parent = parent_set(client.store, lineage)

    def whole(images: ImageSet) -> ImageSet:
        return with_client(images if lineage is None or parent is None else joined(parent, images, lineage), client)

    try:
        async with aclosing(sets) as growing:
            async for images in growing:
                yield whole(images)
    except SeedreamError as error:
        error.images = None if error.images is None else _with_reason(whole(error.images), lineage, error)
        raise


def _with_reason(images: ImageSet, lineage: Lineage | None, error: SeedreamError) -> ImageSet:
    """The set of a run that brought nothing: the frames that it was for say why."""
    places = lineage.places if lineage else ()
    frames = tuple(
        replace(frame, error=error) if frame.index in places and not (frame.path or frame.error) else frame
        for frame in images
    )
    return replace(images, frames=frames)


def wait(sets: Sets, on_change: Callable[[ImageSet], None] | None, *, event_loop: str) -> ImageSet:
    """The finished set; `on_change` is told of each value on the way, on this thread. What it raises ends nothing.

    Raises the run's error, or `SeedreamInterrupted` with the set so far where Stop (Ctrl-C) is pressed.
    """
    last: ImageSet | None = None
    changed = None if on_change is None else bridge.unfailing(on_change)

    async def values() -> Sets:
        nonlocal last
        async with aclosing(sets) as growing:
            async for images in growing:
                last = images  # where on_change is slow this is ahead of it, and Stop tells of all that came
                yield images

    try:
        with closing(bridge.iterate(values, event_loop=event_loop)) as growing:
            for images in growing:
                if changed is not None:
                    changed(images)
    except KeyboardInterrupt as exc:
        raise interrupted(last) from exc
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
    """What broke a run off, as a person is told of it."""
    if isinstance(broken_off, asyncio.CancelledError):
        return interrupted(last)
    if isinstance(broken_off, Failure):
        return broken_off
    words = f"The run ended by a fault of this program ({type(broken_off).__name__}: {broken_off})."
    fault = SeedreamError(words, billed="unknown")
    fault.__cause__ = broken_off
    return fault


def interrupted(images: ImageSet | None) -> SeedreamInterrupted:
    """What Stop raises: the set as far as it came, what may be billed, what can be done."""
    if images is None:
        return SeedreamInterrupted("Stopped before anything was sent.")
    stopped, own = replace(images, state="stopped"), images if images.own is None else images.own
    arrived, expected = len(own.ok), own.expected or "an unknown number"
    billed: Billed = "yes" if stopped.outcome == "billed" else "no" if stopped.pause else "unknown"
    hint = "" if billed == "no" else "Stopping here does not stop the bill: what the service had begun may be charged."
    if own.task or any(frame.path is None and frame.error is None for frame in own):
        what = f"The gateway goes on with task {own.task}" if own.task else "Some pictures were named already"
        hint = f"{hint} {what}: %seedream recover {stopped.run_id} fetches them, which bills nothing.".strip()
    if arrived and own.expected and arrived < own.expected and own is images:
        rest = f"%seedream retry {stopped.run_id} asks for the missing ones only; the cell run again pays for all."
        stopped, hint = stopped.with_note(rest), f"{hint} {rest}"
    words = f"Stopped after {arrived} of {expected} pictures."
    return stopped.attach(SeedreamInterrupted(words, billed=billed, hint=hint))
