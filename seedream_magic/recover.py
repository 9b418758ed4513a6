"""Bring what is missing of an earlier run while its links live. Nothing is ever sent to the API here."""

from __future__ import annotations

import asyncio
import os
import platform
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from pathlib import Path
from urllib.parse import urlsplit

from seedream_magic.api.connection import Transport
from seedream_magic.api.events import Picture
from seedream_magic.api.providers import is_loopback
from seedream_magic.errors import ResponseBroken
from seedream_magic.images.bring import Delivery, bring
from seedream_magic.images.download import PARALLEL_DOWNLOADS
from seedream_magic.images.durable import sweep
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.images.load import load
from seedream_magic.images.record import Record, named_pictures, picture_path, records
from seedream_magic.images.route import image_client
from seedream_magic.images.store import Run

LONGEST_RUN = timedelta(hours=1)
"""A run that has lasted longer is over, whatever its record says."""


def unfinished(store: Path) -> list[Record]:
    """The runs of a store that lack something: their process died, or a picture they name is not on disk.

    On the way, half-written files of processes that were killed are swept out of every run.
    """
    found = []
    for record in records(store):
        sweep(record.folder)
        if not is_live(record) and (_died(record) or _missing(record)):
            found.append(record)
    return found


async def recover(record: Record, *, transport: Transport | None = None) -> AsyncGenerator[ImageSet, None]:
    """The set of a run, growing as its missing pictures come; its record is brought to its end state."""
    images = load(record)
    named = {picture.index for picture in named_pictures(record)}
    missing = _missing(record)
    if _died(record):
        images = replace(images, outcome="billed" if named else "unknown")
    async with image_client(transport, base_url=str(record.facts.get("base_url") or "")) as client:
        slots = asyncio.Semaphore(PARALLEL_DOWNLOADS)
        run = Run(record.folder, record.facts)
        local = is_loopback(urlsplit(str(record.facts.get("base_url"))).hostname or "")

        async def arrived(picture: Picture) -> Delivery:
            words = images.request.prompt_of(picture.index)
            return await bring(picture, run, client, slots, prompt=words, allow_loopback=local)

        arrivals = [asyncio.create_task(arrived(picture)) for picture in missing]
        try:
            if missing:
                yield replace(images, state="running")
            for arrival in asyncio.as_completed(arrivals):
                delivery = await arrival
                images = reduce(ImageSet.with_note, delivery.notes, images.with_frame(delivery.frame))
                yield replace(images, state="running")
        finally:
            for task in arrivals:
                task.cancel()
    images = _told(images, record, named)
    if missing or _died(record):
        run.conclude(images, None)
    yield images


def _told(images: ImageSet, record: Record, named: set[int]) -> ImageSet:
    """The set at its end; of a run that died, the places nobody named say so."""
    if not _died(record):
        return replace(images, state="stopped" if record.state == "stopped" and not images.complete else "done")
    frames = tuple(
        frame if frame.path or frame.index in named else Frame(frame.index, frame.prompt) for frame in images
    )
    ended = ResponseBroken("The run ended before its answer did.", billed="yes" if named else "unknown")
    return replace(images, frames=frames).finished(ended, named=named)


def _died(record: Record) -> bool:
    return record.state in {"sending", "answering"}


def _missing(record: Record) -> list[Picture]:
    """The pictures that the answer named and the folder lacks, as far as they have a link."""
    return [
        replace(picture, b64_json=None)
        for picture in named_pictures(record)
        if picture.url and picture_path(record.folder, picture.index) is None
    ]


def is_live(record: Record) -> bool:
    """Whether the process that began the run may still be at it."""
    process = record.facts.get("process")
    began = record.began
    if not isinstance(process, dict) or began is None or datetime.now(UTC) - began > LONGEST_RUN:
        return False
    if record.state not in {"sending", "answering"} or process.get("host") != platform.node():
        return False
    if os.name == "nt":
        return True  # there os.kill asks nothing, it ends the process
    try:
        os.kill(int(process["pid"]), 0)
    except PermissionError:
        return True  # somebody else's
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return False
    return True
