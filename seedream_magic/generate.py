"""The path of a picture: plan -> POST -> events -> frames on disk -> the growing set.

`generate` is the one way through the house; the magic, the panel and the Python client only watch it.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from time import monotonic

from seedream_magic.api.connection import Transport
from seedream_magic.api.keys import Key
from seedream_magic.api.plan import Plan
from seedream_magic.api.retry import PACE, Pace
from seedream_magic.errors import ResponseBroken, SeedreamError
from seedream_magic.images.facts import outcome_of
from seedream_magic.images.image_set import ImageSet
from seedream_magic.images.store import begin_run
from seedream_magic.listener import Change
from seedream_magic.reception import Reception


async def generate(
    plan: Plan,
    key: Key,
    *,
    store: Path,
    transport: Transport | None = None,
    pace: Pace = PACE,
) -> AsyncGenerator[ImageSet, None]:
    """Send the plan once and yield the set each time it grows; the last value is the finished set.

    Closing the generator early closes the connection; pictures that have arrived stay on disk. Raises the error of
    the run when not a single picture came; otherwise what went wrong is told by the set's failed frames and notes.
    """
    run = begin_run(store, plan, client_request_id=str(uuid.uuid4()), key=key)
    began = monotonic()
    images = ImageSet(
        request=plan.request,
        provider=plan.provider.name,
        run_id=run.run_id,
        folder=run.folder,
        expected=plan.request.images_expected,
        notes=plan.warnings,
    )
    changes: asyncio.Queue[Change] = asyncio.Queue()
    receiver = Reception(plan, key, run, changes.put_nowait, transport, pace)
    reception = asyncio.create_task(receiver.receive())
    reception.add_done_callback(lambda _: changes.put_nowait(_unchanged))
    failure: SeedreamError | None = None
    try:
        yield images
        while not reception.done() or not changes.empty():
            images = (await changes.get())(images)
            while not changes.empty():  # what came together is shown together
                images = changes.get_nowait()(images)
            images = replace(images, seconds=monotonic() - began)
            yield images
        failure = await reception
        images = replace(images.finished(failure, named=receiver.heard.named), outcome=outcome_of(images, failure))
    finally:
        reception.cancel()
        try:
            await asyncio.wait([reception])
            if not reception.cancelled():
                reception.exception()  # in "nest" an interrupt can strike there, and was raised already
        finally:  # a second Stop may have come while the connection was closing
            while not changes.empty():
                images = changes.get_nowait()(images)
            run.conclude(images, failure, keep_raw=receiver.heard.keep_raw)
    for frame in images.failed:
        if frame.error is not None:
            frame.error.run_id = run.run_id
            frame.error.request_id = frame.error.request_id or receiver.request_id
    if not images.ok:
        raise images.attach(_first_error(images, failure))
    yield images


def _unchanged(images: ImageSet) -> ImageSet:
    """The change that only says that the reception has ended."""
    return images


def _first_error(images: ImageSet, failure: SeedreamError | None) -> SeedreamError:
    errors = (frame.error for frame in images.failed)
    return next(errors, None) or failure or ResponseBroken("The answer holds no picture.", billed="yes")
