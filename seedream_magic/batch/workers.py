"""A batch on other processes or machines, through any executor of `concurrent.futures`.

A job carries a few plans to a worker, which draws them there with a client of its own: its own key, the same provider,
address and store. Back come the folders of the runs, and their sets are read from the store, which all see. Of the same
request two workers send one: whoever comes second waits for the first, by the claims in the store.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from seedream_magic import library
from seedream_magic.api.limiter import Limiter
from seedream_magic.api.plan import Plan
from seedream_magic.batch.draw_many import Item, draw_many, failed_item
from seedream_magic.batch.inputs import BadRow
from seedream_magic.errors import ConfigError, MissingKey, SeedreamError, reason_of
from seedream_magic.images.image_set import ImageSet
from seedream_magic.images.record import read_record
from seedream_magic.images.stored_runs import load_whole
from seedream_magic.images.threads import in_thread, raise_if_stopped
from seedream_magic.sender import Sender, check_service
from seedream_magic.session import Reservation, Session
from seedream_magic.words import batch as texts
from seedream_magic.words.lists import enumeration
from seedream_magic.words.text import join

MOST_JOBS = 64
"""Jobs that are under way or wait for a worker; more would only fill the memory."""
MOST_BYTES = 2**28
"""Of the references of those jobs together."""

_limiters: dict[tuple[str, str, int | None], Limiter] = {}
"""Those of a worker's process, for all jobs that it gets: by provider, address, and images a minute."""


@dataclass(frozen=True)
class Outcome:
    """What became of a plan at a worker: the folder of its run, None where there is none, and what ended it."""

    folder: Path | None
    replayed: bool = False
    notes: tuple[str, ...] = ()
    error: SeedreamError | None = None


@dataclass(frozen=True)
class Job:
    """A few plans for a worker, and how it makes its client: `client` is called with `settings`.

    `headers` are the names of those that the caller's client sends; their values are the worker's own affair.
    """

    client: type[Any]
    settings: Mapping[str, Any]
    ask_when_unknown: bool
    headers: tuple[str, ...]
    per_minute: int | None
    plans: tuple[Plan, ...]


def draw_job(job: Job) -> list[Outcome]:
    """Draw the plans of a job, all of them together. Raises `MissingKey` before anything is sent."""
    client: Any = job.client(**job.settings)
    client.session = Session()  # what it bills is reserved and counted by the caller
    client.ask_when_unknown = job.ask_when_unknown
    if missing := sorted({*job.headers} - {*client.headers.names}):
        raise ConfigError(texts.HEADERS_MISSING(names=enumeration(missing)), hint=texts.SET_HEADERS())
    if not all(plan.stored for plan in job.plans):
        client.key()
    kind = (client.provider.name, client.given_base_url, job.per_minute)
    limiter = _limiters.setdefault(kind, Limiter(job.per_minute))
    with asyncio.Runner() as runner:  # as in `bridge`
        return runner.run(_draw(client, job.plans, limiter))


async def _draw(client: Sender, plans: tuple[Plan, ...], limiter: Limiter) -> list[Outcome]:
    outcomes: dict[int, Outcome] = {}
    async for item in draw_many(client, plans, concurrency=len(plans), limiter=limiter):
        images, error = item.images, item.error
        if error is not None:
            error.images = None  # read from the store by who gets it
        folder = images.folder if images.run_id else None
        outcomes[item.index] = Outcome(folder, images.replayed, images.notes, error)
    return [outcomes[index] for index in range(len(plans))]


async def draw_elsewhere(
    client: Sender,
    plans: AsyncIterator[Plan | BadRow],
    executor: Executor,
    *,
    concurrency: int,
    per_minute: int | None,
) -> AsyncGenerator[Item, None]:
    """As `draw_many`, by the workers of an executor: each job draws `concurrency` plans at once.

    `per_minute` is each worker's share. Closing the generator takes back the jobs that no worker has begun; what
    workers are at they bring to its end.
    """
    if client.transport is not None:
        raise ConfigError(texts.OWN_TRANSPORT())
    if client.session.check_day is not None:
        raise ConfigError(texts.LIMIT_A_DAY(), hint=texts.WITHOUT_EXECUTOR())
    settings = {
        "provider": client.provider.name,
        "base_url": client.given_base_url or None,
        "model": client.model,
        "store": client.store,
    }
    make = Job(type(client), settings, client.ask_when_unknown, client.headers.names, per_minute, ())
    jobs = _Jobs(client, make, executor)
    gathering: asyncio.Task[list[tuple[int, Plan | BadRow]]] | None = None
    index, more = 0, True
    try:
        while more or jobs.pending:
            raise_if_stopped()  # while a thread was reading a set
            if more and gathering is None and jobs.has_room:
                gathering = asyncio.create_task(_gather(plans, index, concurrency))
            waiting: set[asyncio.Future[Any]] = {*jobs.pending, *([gathering] if gathering else [])}
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if gathering is not None and gathering in done:
                rows, gathering = gathering.result(), None
                for item in jobs.submit(rows):
                    yield item
                index, more = index + len(rows), len(rows) == concurrency and jobs.refusal is None
            for job in done & jobs.pending.keys():
                for item in await jobs.ended(job):
                    yield item
        jobs.raise_refusal()
    finally:
        if gathering is not None:
            gathering.cancel()
        jobs.take_back()


async def _gather(plans: AsyncIterator[Plan | BadRow], first: int, most: int) -> list[tuple[int, Plan | BadRow]]:
    """The next plans with their places, as many as a job has."""
    found: list[tuple[int, Plan | BadRow]] = []
    while len(found) < most and (plan := await anext(plans, None)) is not None:
        raise_if_stopped()  # while a thread was making it
        found.append((first + len(found), plan))
    return found


@dataclass(frozen=True)
class _Part:
    """A plan of a job: its place in the batch, and what is reserved for it in the caller's session."""

    index: int
    plan: Plan
    reservation: Reservation
    reserved: ExitStack


class _Jobs:
    """The jobs that are under way, each with its parts; and why the executor takes no more of them, if it does not."""

    def __init__(self, client: Sender, make: Job, executor: Executor) -> None:
        self.pending: dict[asyncio.Future[list[Outcome]], list[_Part]] = {}
        self.refusal: SeedreamError | None = None
        self._client, self._make, self._executor = client, make, executor

    @property
    def has_room(self) -> bool:
        parts = [part for job in self.pending.values() for part in job]
        heavy = sum(len(reference.data) for part in parts for reference in part.plan.request.references)
        return not parts or (len(self.pending) < MOST_JOBS and heavy < MOST_BYTES)

    def submit(self, rows: list[tuple[int, Plan | BadRow]]) -> list[Item]:
        """Give the plans to a worker, each with its reservation; what cannot even be sent comes back at once."""
        parts, refused = list[_Part](), list[Item]()
        for index, plan in rows:
            if isinstance(plan, BadRow):
                refused.append(failed_item(self._client, index, plan.request, plan.error))
                continue
            reserved = ExitStack()
            try:
                check_service(self._client, plan)
                reservation = reserved.enter_context(self._client.session.reserve(plan))
            except SeedreamError as error:
                refused.append(failed_item(self._client, index, plan.request, error))
            else:
                parts.append(_Part(index, plan, reservation, reserved))
        if parts:
            job = replace(self._make, plans=tuple(part.plan for part in parts))
            try:
                self.pending[asyncio.wrap_future(self._executor.submit(draw_job, job))] = parts
            except Exception as exc:  # noqa: BLE001 - a pool of which a worker died, one that was shut down
                _release(parts)
                why = texts.EXECUTOR_REFUSES(fault=type(exc).__name__, why=reason_of(exc))
                self.refusal = SeedreamError(why, billed="no", hint=texts.GOES_ON())
        return refused

    async def ended(self, job: asyncio.Future[list[Outcome]]) -> list[Item]:
        """What the plans of a job came to. Raises what all the others would meet as well."""
        parts = self.pending.pop(job)
        try:
            outcomes = job.result()
        except (MissingKey, ConfigError) as error:
            _release(parts)
            if isinstance(error, MissingKey):
                error.hint = join(texts.WORKER_HAS_NO_KEY(), error.hint)
            raise
        except Exception as exc:  # noqa: BLE001 - a worker that died, a job that could not be carried over
            words, hint = texts.WORKER_DIED(fault=type(exc).__name__, why=exc), texts.GOES_ON()
            outcomes = [Outcome(None, error=SeedreamError(words, billed="unknown", hint=hint)) for _ in parts]
        return [await self._item(part, outcome) for part, outcome in zip(parts, outcomes, strict=True)]

    async def _item(self, part: _Part, outcome: Outcome) -> Item:
        images, error = None, outcome.error
        if outcome.folder is not None:
            images = await in_thread(self._load, outcome.folder, outcome)
            if images is None and error is None:
                words = texts.DRAWN_ELSEWHERE(run=outcome.folder.name, store=outcome.folder.parent)
                error = SeedreamError(words, billed="yes", hint=texts.SHARE_STORE())
        with part.reserved:
            if images is not None and not outcome.replayed:
                part.reservation.billed, part.reservation.run_id = images.billed, images.run_id
            if error is not None and error.billed == "unknown":
                part.reservation.doubtful = part.plan.request.images_at_most
        if images is not None and error is None:
            return Item(part.index, images, done=True)
        error = error or SeedreamError(texts.WORKER_SILENT(), billed="unknown")
        error.images = images
        return failed_item(self._client, part.index, part.plan.request, error)

    def _load(self, folder: Path, outcome: Outcome) -> ImageSet | None:
        """The set of a run that a worker drew; the library of this machine knows of it from now on."""
        record = read_record(folder)
        if record is None:
            return None
        if not outcome.replayed:
            library.note(folder)
        images = load_whole(record).with_client(self._client)
        return replace(images, replayed=outcome.replayed, notes=outcome.notes)

    def raise_refusal(self) -> None:
        """Raise what the executor said when it took no more."""
        if self.refusal is not None:
            raise self.refusal

    def take_back(self) -> None:
        """The batch is over: what no worker has begun is not drawn, and nothing is reserved any more."""
        for job, parts in self.pending.items():
            job.cancel()
            _release(parts)


def _release(parts: list[_Part]) -> None:
    for part in parts:
        part.reserved.close()
