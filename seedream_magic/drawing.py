"""From a plan to its set: shown from where it is, awaited where it is being drawn, completed, or drawn.

Nothing is sent that need not be. Of the same request one run at a time is sent on this machine; who comes meanwhile
waits for it and shows its set, and sends nothing where that one has sent anything. What an earlier run of the request
has made is fetched first, which bills nothing; then only what it lacks is asked for.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, aclosing, suppress
from dataclasses import replace
from pathlib import Path
from uuid import uuid4
from weakref import WeakKeyDictionary

from seedream_magic import database, library, session
from seedream_magic.api.credentials import Key
from seedream_magic.api.limiter import NO_TURN
from seedream_magic.api.plan import Lineage, Plan
from seedream_magic.api.prices import bill_text
from seedream_magic.continuation import missing_places, plan_redo
from seedream_magic.errors import InvalidRequest, OutcomeUnknown, SeedreamError
from seedream_magic.images.claims import is_live
from seedream_magic.images.copies import copy_run
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.images.index import Look, look_at
from seedream_magic.images.lineage import explain_missing, join
from seedream_magic.images.locks import PATIENCE, turn
from seedream_magic.images.record import Record, error_of, is_run, read_record
from seedream_magic.images.run_folder import RunFolder
from seedream_magic.images.store import begin_run
from seedream_magic.images.stored_runs import load_whole, parent_set
from seedream_magic.images.takes import with_takes
from seedream_magic.images.threads import in_thread, raise_if_stopped
from seedream_magic.planning import PlanningClient
from seedream_magic.recover import can_bring, recover
from seedream_magic.replay import (
    Earlier,
    find_earlier,
    find_run,
    later_of,
    latest_before,
    origin_of,
    out_of_reach,
    stored_set,
)
from seedream_magic.run import Run
from seedream_magic.sender import ALONE, Sender, Shared
from seedream_magic.watch import Sets
from seedream_magic.words import runs as texts
from seedream_magic.words.text import join as join_sentences

PAUSE_SECONDS = 3
"""Before a request is sent once more of which nobody knows whether it was billed."""
POLL_SECONDS = 0.25
"""Between two looks at a run that somebody else has begun."""
_LINE_SECONDS = 0.05
STANDSTILL_SECONDS = 5.0
"""After which a run of this process whose event loop does not run is waited for no more."""


class Drawing:
    """One plan on its way to its set. `blocked` is the event loop that does nothing but wait for it, if one does."""

    def __init__(
        self,
        sender: Sender,
        plan: Plan,
        key: Callable[[], Key],
        *,
        blocked: asyncio.AbstractEventLoop | None = None,
        shared: Shared = ALONE,
    ) -> None:
        """`key` is asked for where the plan is sent."""
        self._sender, self._plan, self._find_key, self._blocked = sender, plan, key, blocked
        self._shared = shared
        self._ended = False  # the last value of the set is on its way
        self._fetched: set[str] = set()  # ids of the runs whose missing pictures were asked for, once each
        self._awaited: Record | None = None  # the run of another that this waited for, as it ended
        self._anew = False  # of an earlier run there is nothing to go on from: all frames are drawn
        # The pause is still to come; where nothing is billed there is none.
        self._ask = sender.ask_when_unknown and sender.provider.needs_key and shared.doubt != "send"

    async def values(self) -> Sets:
        """The set each time it has grown; the last value is the finished set. Errors as those of a run."""
        if self._plan.draws_take:
            _takes_to_begin[self] = asyncio.get_running_loop(), time.monotonic()
        try:
            while not self._ended:
                async with aclosing(await self._step()) as growing:
                    async for images in growing:
                        yield images
        finally:
            _takes_to_begin.pop(self, None)

    async def _step(self) -> Sets:
        """What is to be done next, by what there is of the request at this moment."""
        earlier = await in_thread(find_earlier, self._plan, self._sender.store)
        raise_if_stopped()
        made = earlier.answer or earlier.incomplete
        if made is not None and made.run_id not in self._fetched:
            self._fetched.add(made.run_id)
            if await in_thread(can_bring, made):
                return self._fetch(made)
        if earlier.answer is not None:
            return self._show(earlier.answer)
        if earlier.live is not None:
            return self._wait_for(earlier.live)
        if earlier.incomplete is not None and not self._anew:
            return self._complete(earlier.incomplete)
        if self._awaited is not None:
            raise _error_of(self._awaited)
        if self._ask and (known := await in_thread(self._paid_before, earlier)):
            if self._shared.doubt == "refuse":
                raise OutcomeUnknown(
                    join_sentences(texts.NOT_SENT_AGAIN(), known), billed="no", hint=texts.SEND_AGAIN()
                )
            return self._pause(known)
        await self._stand_in_line()
        return self._send()

    async def _stand_in_line(self) -> None:
        """Wait until the takes of this request with lower numbers have begun: their order gives them their numbers."""
        while any(self._comes_after(other) for ref in _takes_to_begin.keyrefs() if (other := ref()) is not None):  # noqa: ASYNC110 - they may be on other threads' loops
            await asyncio.sleep(_LINE_SECONDS)

    def _comes_after(self, other: Drawing) -> bool:
        """Whether another take of the same request has its turn before this one; on another loop not for long."""
        mine, its = self._plan, other._plan
        if not mine.draws_take or mine.fingerprint != its.fingerprint or (its.take or 1) >= (mine.take or 1):
            return False
        loop, began = _takes_to_begin.get(other, (None, 0.0))
        return loop is asyncio.get_running_loop() or time.monotonic() - began < STANDSTILL_SECONDS

    def _paid_before(self, earlier: Earlier) -> str:
        """Why sending it may pay once more for what was paid already; "" where nothing says so."""
        if (doubtful := earlier.doubtful) is not None:
            return texts.IN_DOUBT(run=doubtful.run_id)
        if (lost := earlier.lost or earlier.incomplete) is not None:
            return texts.BILLED_AND_GONE(run=lost.run_id)
        return "" if self._plan.fresh or earlier != Earlier() else out_of_reach(self._plan, self._sender.store)

    async def _show(self, record: Record) -> Sets:
        """The set that stands for the request."""
        self._ended = True
        store, lineage = self._sender.store, record.lineage
        if lineage is not None and lineage.kind != "vary" and not is_run(record.folder.parent / lineage.run_id):
            # What it goes on from is in another store: together they are whole.
            with suppress(SeedreamError):
                record = await in_thread(copy_run, record, store)
                await in_thread(_copy_parent, store, lineage)
        if (self._plan.copy or self._sender.copy_replays) and not is_run(store / record.run_id):
            record = await in_thread(copy_run, record, store)
        images = await in_thread(stored_set, record, self._plan, store=store)
        if self._awaited is not None:
            images = images.with_note(texts.DRAWN_MEANWHILE(origin=origin_of(self._awaited)))
        if record.state == "stopped" and record.expected is None:
            images = images.with_note(texts.STOPPED_EARLY())
        yield images.with_client(self._sender)

    async def _fetch(self, record: Record) -> Sets:
        """Fetch what an earlier run has made and has not on disk. Nothing is billed."""
        note = texts.FETCHES_EARLIER(run=record.run_id)
        async with aclosing(fetch(self._sender, record)) as growing:
            async for images in growing:
                yield replace(images.with_note(note), state="running", replayed=True)

    async def _wait_for(self, record: Record) -> Sets:
        """The set of a run that somebody else has begun, as it grows; then what became of it decides."""
        going = time.monotonic()
        note = texts.GROWS_ELSEWHERE(run=record.run_id, origin=origin_of(record))
        seen: Look = (-1,)
        while (now := read_record(record.folder)) is not None and is_live(now):
            loop = _loops.get(record.run_id)
            going = time.monotonic() if loop is None or loop.is_running() else going
            if loop is not None and (loop is self._blocked or time.monotonic() - going > STANDSTILL_SECONDS):
                raise InvalidRequest(texts.OWN_LOOP_STANDS_STILL(run=record.run_id))
            if (look := look_at(record.folder)) != seen:
                seen = look
                growing = await in_thread(load_whole, now)
                waiting = tuple(frame if frame.ok else Frame(frame.index, frame.prompt) for frame in growing)
                images = replace(growing, frames=waiting, state="running", replayed=True, notes=(note,))
                yield images.with_client(self._sender)
            await asyncio.sleep(POLL_SECONDS)
        ended = read_record(record.folder)
        if ended is None or (ended.outcome == "not_sent" and not ended.error):
            return  # it was stopped before it was sent
        self._awaited = ended
        if ended.outcome in {"not_sent", "rejected"}:
            raise _error_of(ended)

    async def _complete(self, record: Record) -> Sets:
        """Ask for the frames that an earlier run lacks, and for nothing else."""
        sender = self._sender
        redoing = [run for run in await in_thread(later_of, record, sender.store) if is_live(run)]
        if redoing and self._awaited is None:  # what this lacks is being drawn
            async with aclosing(self._wait_for(redoing[-1])) as growing:
                async for value in growing:
                    yield value
            return
        images = (await in_thread(load_whole, record)).with_client(sender)
        missing = missing_places(images)
        obtainable = await in_thread(can_bring, record)
        if obtainable or not missing or self._awaited is not None:
            self._ended = True
            if not images.ok:
                raise images.attach(next((frame.error for frame in images.failed if frame.error), _error_of(record)))
            lacks = texts.LACKS_FETCHABLE if obtainable else texts.LACKS_REST
            note = lacks(run=record.run_id, missing=len(missing))
            yield replace(images.with_note(note) if missing else images, replayed=True)
            return
        if not images.ok or images.request.layer_decomposition:
            self._anew = True
            return
        plan = await in_thread(plan_redo, sender, images, missing)
        facts = {"run": record.run_id, "here": len(images.ok), "total": len(images.ok) + len(missing)}
        bill = bill_text(len(missing), plan.price)
        of_paid = texts.GOES_ON(**facts, missing=len(missing), bill=bill) if sender.provider.needs_key else ""
        note = of_paid or texts.DEMO_GOES_ON(**facts, missing=len(missing))
        rest = Drawing(sender, plan, self._find_key, blocked=self._blocked, shared=self._shared)
        async with aclosing(rest.values()) as growing:
            async for value in growing:  # said while it goes on: at its end it would be news of yesterday
                yield replace(value, pause=value.pause or note) if value.state == "running" else value
        self._ended = True

    async def _pause(self, known: str) -> Sets:
        """Say what is `known` of an earlier run while a Stop still costs nothing."""
        self._ask = False
        request = self._plan.request
        may_bill = bill_text(request.images_at_most, self._plan.price)
        nothing = ImageSet(request, self._plan.provider.name, "", self._sender.store, expected=request.images_expected)
        for left in range(PAUSE_SECONDS, 0, -1):
            yield replace(nothing, pause=join_sentences(known, texts.SENT_ONCE_MORE(seconds=left, bill=may_bill)))
            await asyncio.sleep(1)

    async def _send(self) -> Sets:
        """Draw: a run, from its folder to its end. Nothing, where somebody else was faster."""
        sender, key = self._sender, self._find_key()
        plan = replace(self._plan, stored=None, stored_in=None)  # what stood for it is gone
        lost = next((reference.source for reference in plan.request.references if not reference.sendable), None)
        if lost is not None:
            raise InvalidRequest(texts.REFERENCE_IS_GONE(reference=lost))
        with ExitStack() as reserved:
            base_url = sender.given_base_url or await in_thread(lambda: sender.base_url)  # the demo starts now
            # One that was carried here from another process has left its headers there.
            sent = replace(plan, base_url=base_url, headers=plan.headers or sender.headers)
            # Before the run is begun: one that is killed while it waits for its turn leaves no doubt.
            turn = await limiter.take(plan.request.images_at_most) if (limiter := self._shared.limiter) else NO_TURN
            begun = None
            try:
                begun = await in_thread(self._begin, sent, key, reserved, asyncio.get_running_loop())
            finally:
                if begun is None:
                    turn.give_back()
            if begun is None:
                return
            folder, reservation = begun
            self._ended = True
            _takes_to_begin.pop(self, None)
            pace, slots = replace(self._shared.pace, turn=turn), self._shared.slots
            run = Run(sent, key, folder, transport=sender.transport, pace=pace, slots=slots)
            reservation.run_id = run.images.run_id
            reservation.doubtful = session.images_to_bill(plan)  # should it be dropped with its loop, nobody says more
            whole = _whole_set(sender, plan.lineage)
            try:
                async with aclosing(run.values()) as growing:
                    async for images in growing:
                        yield whole(images)
            except SeedreamError as error:
                error.images = whole(run.images, error)
                raise
            finally:
                _loops.pop(folder.run_id, None)
                reservation.billed, reservation.doubtful = run.images.billed, run.doubtful
                may_be_billed = reservation.billed + reservation.doubtful
                await in_thread(library.note, folder.folder, at_most=may_be_billed)

    def _begin(
        self, plan: Plan, key: Key, reserved: ExitStack, loop: asyncio.AbstractEventLoop
    ) -> tuple[RunFolder, session.Reservation] | None:
        """Begin the run, unless somebody else has begun the same or has its set by now: who waits reserves nothing."""
        sender, unseen, looked = self._sender, True, time.monotonic()
        with ExitStack() as alone:
            if not plan.fresh:
                unseen = alone.enter_context(_turn(plan.fingerprint[:1], sender.store))
                looked = time.monotonic()
                earlier = find_earlier(plan, sender.store)
                if not self._may_send(earlier):
                    return None
            reservation = reserved.enter_context(sender.session.reserve(plan))
            _copy_parent(sender.store, plan.lineage)
            limits = sender.session.check_day
            if limits is not None:
                alone.enter_context(_turn("day", sender.store))
                limits(plan)
            after = latest_before(plan, sender.store)
            folder = begin_run(sender.store, plan, client_request_id=str(uuid4()), key=key, after=after)
            _loops[folder.run_id] = loop
            library.note(folder.folder, at_most=plan.request.images_at_most)
            late = not plan.fresh and time.monotonic() - looked > PATIENCE / 2
            try:
                _copy_parent(sender.store, plan.lineage)  # it may have been purged before this run named it
                # Others may have been here meanwhile: who sees another's run, under way or ended, gives way.
                looks = late or not (unseen or plan.draws_take)
                gives_way = looks and not self._may_send(find_earlier(plan, sender.store, besides=folder.run_id))
            except BaseException:
                self._drop(folder)
                raise
            if gives_way:
                self._drop(folder)
                time.sleep(random.uniform(0, 0.1))  # noqa: S311 - two that gave way to each other part
                return None
            return folder, reservation

    def _drop(self, folder: RunFolder) -> None:
        """Take back a run of which nothing was sent."""
        _loops.pop(folder.run_id, None)
        folder.drop()
        library.forget(folder.run_id, self._sender.store)

    def _may_send(self, earlier: Earlier) -> bool:
        """Whether `_step`, by what there is at this moment, would still send."""
        if earlier.answer is not None or earlier.live is not None:
            return False
        return (earlier.incomplete is None or self._anew) and (earlier.doubtful is None or not self._ask)


_takes_to_begin: WeakKeyDictionary[Drawing, tuple[asyncio.AbstractEventLoop, float]] = WeakKeyDictionary()
"""The takes of this process that are on their way and have not begun yet: the loop of each, and since when."""
_loops: dict[str, asyncio.AbstractEventLoop] = {}
"""The event loops of the runs that this process has under way."""


async def fetch(sender: Sender, record: Record) -> Sets:
    """The whole set of a run, growing as that is fetched which it has made and has not on disk. Nothing is billed."""
    whole = _whole_set(sender, record.lineage)
    base_url = await in_thread(lambda: sender.base_url)
    recovering = recover(
        record, base_url=base_url, provider=sender.provider, key=sender.key, transport=sender.transport
    )
    async with aclosing(recovering) as growing:
        async for images in growing:
            yield whole(images)
    await in_thread(library.note, record.folder)


def _whole_set(sender: PlanningClient, lineage: Lineage | None) -> Callable[..., ImageSet]:
    """What makes of a run's set the whole one: with the frames of the earlier run that it goes on from."""
    parent = parent_set(sender.store, lineage)

    def whole(images: ImageSet, error: SeedreamError | None = None) -> ImageSet:
        """With `error`, which ended the run, the frames that it was for say why they are not there."""
        if lineage is not None and parent is not None:
            images = join(parent, images, lineage)
        if lineage is not None and error is not None:
            images = explain_missing(images, lineage.places, error)
        if lineage is not None and lineage.kind != "vary" and images.state != "running":
            images = with_takes(images)
        return images.with_client(sender)

    return whole


def _copy_parent(store: Path, lineage: Lineage | None) -> None:
    """Copy the run that this one goes on from here, if another store has it. Raises `InvalidRequest` where none has."""
    if lineage is None or lineage.kind == "vary" or is_run(store / lineage.run_id):
        return
    try:
        copy_run(find_run(store, lineage.run_id), store)
    except InvalidRequest as exc:
        raise InvalidRequest(texts.PARENT_IS_GONE(run=lineage.run_id, store=store)) from exc


def _turn(name: str, store: Path) -> AbstractContextManager[bool]:
    """Where requests are begun one by one: beside the library, which all stores of a person have in common, and in the
    store, which programs with other libraries may share.
    """
    file = database.library_file()
    return turn(name, file.parent / "locks" if file else None, store)


def _error_of(record: Record) -> SeedreamError:
    """What a run that was waited for came to; where the service refused all its frames, that."""
    refused = next((facts for facts in record.frames if "error" in facts), {}) if record.outcome == "billed" else {}
    facts = refused if record.outcome in {"billed", "unknown"} else record.error
    error = error_of(facts) if facts else _unknown(record)
    error.run_id = record.run_id
    return error


def _unknown(record: Record) -> SeedreamError:
    """That a run which was waited for came to nothing, though it was sent."""
    error = OutcomeUnknown(
        texts.AWAITED_CAME_TO_NOTHING(run=record.run_id, origin=origin_of(record)),
        hint=texts.NOTHING_SENT_HERE(),
    )
    error.run_id = record.run_id
    return error
