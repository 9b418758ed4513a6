"""What is missing of an earlier run: its bytes read again, its links downloaded, its tasks asked for. Nothing bills."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path
from urllib.parse import urlsplit

from seedream_magic.api.client import TaskService
from seedream_magic.api.connection import Transport
from seedream_magic.api.credentials import Key
from seedream_magic.api.decoder import Unreadable
from seedream_magic.api.events import Event, Picture, PictureRefused, Reader, Refused
from seedream_magic.api.providers import Provider, is_loopback
from seedream_magic.api.refusal import Refusal, refusal_error
from seedream_magic.api.retry import PACE, Pace
from seedream_magic.api.task_shapes import Task
from seedream_magic.errors import (
    ImageInvalid,
    ImageLinkExpired,
    ImageTooLarge,
    ResponseBroken,
    SeedreamError,
)
from seedream_magic.images.claims import RunLock, is_live
from seedream_magic.images.delivery import Delivery, deliver
from seedream_magic.images.download import PARALLEL_DOWNLOADS, link_expiry
from seedream_magic.images.durable import sweep
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.images.originals import picture_path
from seedream_magic.images.record import Record, load
from seedream_magic.images.response import ended_tasks, events_of, lacks_base64
from seedream_magic.images.route import image_client
from seedream_magic.images.run_folder import RunFolder
from seedream_magic.images.stored_runs import records, run_folders
from seedream_magic.tasks import TaskFollower
from seedream_magic.words import runs as texts


@dataclass
class _Findings:
    """What the answers of a run say by its record, and what its folder lacks of it.

    `named` are the places for which a picture was named; `missing` the pictures that are not on disk, as far as their
    link or their base64 is there; `tasks` those of a gateway whose last answer has not come. `doubtful`: a part of an
    answer could not be read. `reader` has given the pictures their places, and reads the answers of tasks on.
    """

    record: Record
    reader: Reader = field(default_factory=Reader)
    named: set[int] = field(default_factory=set)
    missing: list[Picture] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    doubtful: bool = False

    def __post_init__(self) -> None:
        events = events_of(self.record.folder, reader=self.reader)
        self.doubtful = any(isinstance(event, Unreadable) for event in events)
        for event in events:
            if isinstance(event, Picture):
                self.add(event)
        expected = self.record.expected
        if self.reader.tasks and not (expected and self.reader.places_taken >= expected):
            ended = ended_tasks(self.record.folder)
            self.tasks = [task for task in self.reader.tasks.values() if task.task_id not in ended]

    def add(self, picture: Picture) -> None:
        """One picture that was named; what is on disk stays, whatever the record says."""
        self.named.add(picture.index)
        if not self.has_picture(picture.index) and (picture.url or not lacks_base64(picture.b64_json)):
            self.missing.append(picture)

    def has_picture(self, index: int) -> bool:
        """Whether the picture of a place is on disk."""
        return picture_path(self.record.folder, index, self.record.frames) is not None

    @property
    def obtainable(self) -> bool:
        """Whether a picture that is not on disk may be had without being billed."""
        return bool(self.tasks or any(map(self._can_be_had, self.missing)))

    def _can_be_had(self, picture: Picture) -> bool:
        """Whether a missing picture may be there: not one that a `recover` has asked for in vain, nor one whose link
        has ended, or was cut when it was saved.
        """
        if picture.index in self.record.given_up:
            return False
        if not lacks_base64(picture.b64_json) and picture.b64_json:
            return True
        url = picture.url or ""
        expiry = link_expiry(url)
        if expiry is not None:
            return expiry > datetime.now(UTC)
        frames = self.record.frames
        was_saved = picture.index < len(frames) and "file" in frames[picture.index]
        return "?" in url or not was_saved


def find_unfinished(store: Path) -> list[Record]:
    """The runs of a store for which something can still be done: their process died, a gateway's task is open, or a
    picture that they name is not on disk and its link lives or its bytes are kept.

    It only looks: nothing is changed or deleted.
    """
    ended = (record for record in records(store) if not is_live(record))
    return [record for record in ended if record.unfinished or _Findings(record).obtainable]


def can_bring(record: Record) -> bool:
    """Whether a picture that a run has made, and that is not on disk, may be had without being billed."""
    return _Findings(record).obtainable


def sweep_all(store: Path) -> None:
    """Remove from every run the half-written files of processes that were killed."""
    for entry in run_folders(store) or ():
        sweep(store / entry.name)


async def recover(
    record: Record,
    *,
    base_url: str,
    provider: Provider,
    key: Callable[[], Key],
    transport: Transport | None = None,
    pace: Pace = PACE,
) -> AsyncGenerator[ImageSet, None]:
    """The set of a run, growing as its missing pictures come; its record gets its end state.

    The record decides nothing about where may be asked: `base_url` and `provider` are the session's, and so is `key`,
    which goes to no other origin than that of `base_url`; where something is missing it is looked up, for no file may
    hold it in the end, and where there is none, that is no error.
    """
    images, findings = load(record), _Findings(record)
    named, missing, tasks = findings.named, findings.missing, findings.tasks
    lacking = bool(missing or tasks or record.unfinished)
    found_key = _key_if_any(key) if lacking else None
    lock = RunLock(record.folder) if lacking else None  # as long as this fetches, nobody purges the run
    held = lock if lock is not None and lock.held else None
    run = RunFolder(record.folder, record.facts, found_key, lock=held)
    if record.unfinished:
        images = replace(images, outcome="billed" if named or tasks else "unknown", interrupted=True)
    local = is_loopback(urlsplit(base_url).hostname or "")
    failure: SeedreamError | None = None
    try:
        async with image_client(transport, base_url=base_url) as http:
            slots = asyncio.Semaphore(PARALLEL_DOWNLOADS)

            async def arrived(picture: Picture) -> Delivery:
                prompt = images.request.prompt_of(picture.index)
                return await deliver(picture, run, http, slots, prompt=prompt, allow_loopback=local)

            if missing or tasks:
                yield replace(images, state="running")
            if tasks:
                service = TaskService(provider, base_url, key, http, transport)
                most = images.request.images_at_most
                follower = TaskFollower(service, run, findings.reader, most, pace=pace)
                images, failure = await _with_answers(follower.events(tasks), images, findings, found_key)
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
            lost = {picture.index: picture for picture in missing if not images[picture.index].ok}
            keep_raw = bool(findings.doubtful or lost or failure is not None)
            run.conclude(images, None, keep_raw=keep_raw, given_up=_given_up(images, lost))
    finally:
        if held is not None:
            held.end()
    yield images


def _key_if_any(key: Callable[[], Key]) -> Key | None:
    try:
        return key()
    except SeedreamError:
        return None


async def _with_answers(
    answers: AsyncGenerator[Event, None], images: ImageSet, findings: _Findings, key: Key | None
) -> tuple[ImageSet, SeedreamError | None]:
    """The set with the places that a gateway's tasks refuse, and what stood in the way of others.

    Pictures that the answers name are added to what is missing.
    """
    failure: SeedreamError | None = None

    def error(refusal: Refusal) -> SeedreamError:
        return refusal_error(refusal if key is None else refusal.without_key(key), status=200)

    try:
        async for event in answers:
            if isinstance(event, Picture):
                findings.add(event)
            elif isinstance(event, Refused):
                failure = failure or error(event.refusal)
            elif isinstance(event, PictureRefused) and not findings.has_picture(event.index):
                findings.named.add(event.index)
                prompt = images.request.prompt_of(event.index)
                images = images.with_frame(Frame(event.index, prompt, error=error(event.refusal)))
    except SeedreamError as exc:
        failure = failure or exc
    return images, failure


def _at_its_end(images: ImageSet, record: Record, named: set[int], failure: SeedreamError | None) -> ImageSet:
    """The set at its end; of a run that died, the places nobody named say so."""
    if failure is None and not record.unfinished:
        return replace(images, state="stopped" if record.state == "stopped" and not images.complete else "done")
    frames = tuple(
        frame if frame.path or frame.index in named else Frame(frame.index, frame.prompt) for frame in images
    )
    ended = failure or ResponseBroken(texts.ENDED_BEFORE_ANSWER(), billed="yes" if named else "unknown")
    return replace(images, frames=frames).finished(ended, named=named)


def _given_up(images: ImageSet, lost: dict[int, Picture]) -> set[int]:
    """The indexes of pictures that another `recover` could not fetch either; their errors say what is left to do.

    A fault of the way passes, and so may a page in the picture's place; base64 that is damaged stays so.
    """
    given_up = set()
    for index, picture in lost.items():
        error = images[index].error
        damaged = isinstance(error, ImageInvalid) and picture.url is None
        if isinstance(error, ImageLinkExpired | ImageTooLarge) or damaged:
            given_up.add(index)
        if isinstance(error, ImageLinkExpired) and error.hint:
            error.hint = texts.RECOVER_ONCE_MORE(run=images.run_id)
    return given_up
