"""What is missing of an earlier run: its bytes read again, its links downloaded, its tasks asked for. Nothing bills."""

from __future__ import annotations

import asyncio
import os
import platform
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from pathlib import Path
from urllib.parse import urlsplit

from seedream_magic.api.connection import Transport
from seedream_magic.api.decoder import Unreadable
from seedream_magic.api.events import Event, Picture, PictureRefused, Reader, Refused
from seedream_magic.api.keys import Key
from seedream_magic.api.polling import TaskService
from seedream_magic.api.providers import Provider, is_loopback
from seedream_magic.api.refusal import refusal_error
from seedream_magic.api.retry import PACE, Pace
from seedream_magic.api.task_shapes import Task
from seedream_magic.errors import ResponseBroken, SeedreamError
from seedream_magic.images.delivery import Delivery, deliver
from seedream_magic.images.download import PARALLEL_DOWNLOADS
from seedream_magic.images.durable import sweep
from seedream_magic.images.facts import lacks_base64
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.images.load import load
from seedream_magic.images.record import Record, ended_tasks, events_of, picture_path, records
from seedream_magic.images.route import image_client
from seedream_magic.images.store import RunFolder
from seedream_magic.tasks import follow_tasks

LONGEST_RUN = timedelta(hours=1)
"""A run that has lasted longer is over, whatever its record says."""

FIRST_PID = 2
"""1 is the system's own; 0 and what is below it name whole groups of processes."""


def unfinished(store: Path) -> list[Record]:
    """The runs of a store that lack something: their process died, or a picture they name is not on disk.

    It only looks: nothing is changed or deleted.
    """
    found = []
    for record in records(store):
        if is_live(record):
            continue
        reader = Reader()
        events = events_of(record, reader=reader)
        if _died(record) or _missing(record, events) or _open_tasks(record, reader):
            found.append(record)
    return found


def sweep_all(store: Path) -> None:
    """Remove from every run the half-written files of processes that were killed."""
    for record in records(store):
        sweep(record.folder)


async def recover(
    record: Record,
    *,
    base_url: str,
    provider: Provider,
    key: Callable[[], Key],
    transport: Transport | None = None,
    pace: Pace = PACE,
) -> AsyncGenerator[ImageSet, None]:
    """The set of a run, growing as its missing pictures come; its record is brought to its end state.

    The record decides nothing about where may be asked: `base_url` and `provider` are the session's, and so is `key`,
    which goes to no other origin than that of `base_url`; where something is missing it is looked up, for no file may
    hold it in the end, and where there is none, that is no error.
    """
    reader = Reader()
    images, events = load(record), events_of(record, reader=reader)
    named = {event.index for event in events if isinstance(event, Picture)}
    missing, tasks = _missing(record, events), _open_tasks(record, reader)
    lacking = bool(missing or tasks or _died(record))
    found_key = _key_if_any(key) if lacking else None
    run = RunFolder(record.folder, record.facts, found_key)
    if _died(record):
        images = replace(images, outcome="billed" if named or tasks else "unknown")
    local = is_loopback(urlsplit(base_url).hostname or "")
    failure: SeedreamError | None = None
    async with image_client(transport, base_url=base_url) as http:
        slots = asyncio.Semaphore(PARALLEL_DOWNLOADS)

        async def arrived(picture: Picture) -> Delivery:
            words = images.request.prompt_of(picture.index)
            return await deliver(picture, run, http, slots, prompt=words, allow_loopback=local)

        if missing or tasks:
            yield replace(images, state="running")
        if tasks:
            service = TaskService(provider, base_url, key, http, transport)
            most = images.request.images_at_most
            answers = follow_tasks(tasks, service, run=run, reader=reader, images=most, pace=pace)
            made, failure = await _made_by_tasks(answers, found_key, record)
            named |= {event.index for event in made}
            missing += [event for event in made if isinstance(event, Picture)]
            images = reduce(ImageSet.with_frame, _refused(made, images, found_key), images)
        arrivals = [asyncio.create_task(arrived(picture)) for picture in missing]
        try:
            for arrival in asyncio.as_completed(arrivals):
                delivery = await arrival
                images = reduce(ImageSet.with_note, delivery.notes, images.with_frame(delivery.frame))
                yield replace(images, state="running")
        finally:
            for task in arrivals:
                task.cancel()
    images = _at_its_end(images, record, named, failure)
    if lacking:
        here = {frame.index for frame in images.ok}
        doubtful = failure is not None or any(isinstance(event, Unreadable) for event in events)
        keep_raw = doubtful or any(picture.index not in here for picture in missing)
        run.conclude(images, None, keep_raw=keep_raw)
    yield images


def _key_if_any(key: Callable[[], Key]) -> Key | None:
    try:
        return key()
    except SeedreamError:
        return None


async def _made_by_tasks(
    answers: AsyncGenerator[Event, None], key: Key | None, record: Record
) -> tuple[list[Picture | PictureRefused], SeedreamError | None]:
    """The places that a gateway's tasks have filled or refused, and what stood in the way of others.

    What is on disk stays, whatever the record says.
    """
    made: list[Picture | PictureRefused] = []
    failure: SeedreamError | None = None
    try:
        async for event in answers:
            if isinstance(event, Refused):
                failure = failure or _error_of(event, key)
            elif isinstance(event, Picture | PictureRefused) and picture_path(record.folder, event.index) is None:
                made.append(event)
    except SeedreamError as error:
        failure = failure or error
    return made, failure


def _refused(made: list[Picture | PictureRefused], images: ImageSet, key: Key | None) -> list[Frame]:
    """The frames of the places that the service refused."""
    return [
        Frame(event.index, images.request.prompt_of(event.index), error=_error_of(event, key))
        for event in made
        if isinstance(event, PictureRefused)
    ]


def _error_of(event: Refused | PictureRefused, key: Key | None) -> SeedreamError:
    return refusal_error(event.refusal if key is None else event.refusal.without_key(key), status=200)


def _at_its_end(images: ImageSet, record: Record, named: set[int], failure: SeedreamError | None) -> ImageSet:
    """The set at its end; of a run that died, the places nobody named say so."""
    if failure is None and not _died(record):
        return replace(images, state="stopped" if record.state == "stopped" and not images.complete else "done")
    frames = tuple(
        frame if frame.path or frame.index in named else Frame(frame.index, frame.prompt) for frame in images
    )
    ended = failure or ResponseBroken("The run ended before its answer did.", billed="yes" if named else "unknown")
    return replace(images, frames=frames).finished(ended, named=named)


def _died(record: Record) -> bool:
    return record.state in {"sending", "answering"}


def _missing(record: Record, events: list[Event]) -> list[Picture]:
    """The pictures that the answer named and the folder lacks, as far as their link or their base64 is there."""
    return [
        event
        for event in events
        if isinstance(event, Picture)
        and (event.url or not lacks_base64(event.b64_json))
        and picture_path(record.folder, event.index) is None
    ]


def _open_tasks(record: Record, reader: Reader) -> list[Task]:
    """The tasks that a gateway gave in place of pictures and whose last answer has not come."""
    expected = record.facts.get("expected")
    if not reader.tasks or (isinstance(expected, int) and reader.places_taken >= expected):
        return []
    ended = ended_tasks(record)
    return [task for task in reader.tasks.values() if task.task_id not in ended]


def is_live(record: Record) -> bool:
    """Whether the process that began the run may still be at it."""
    process = record.facts.get("process")
    began = record.began
    if not isinstance(process, dict) or began is None or datetime.now(UTC) - began > LONGEST_RUN:
        return False
    if record.state not in {"sending", "answering"} or process.get("host") != platform.node():
        return False
    return _is_process(process.get("pid"))


def _is_process(pid: object) -> bool:
    """Whether there is a process of this id that can have begun a run."""
    if type(pid) is not int or (pid < FIRST_PID and pid != os.getpid()):  # a container's only process is its first
        return False
    if os.name == "nt":
        return True  # there os.kill asks nothing, it ends the process
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True  # somebody else's
    except (OverflowError, OSError):
        return False
    return True
