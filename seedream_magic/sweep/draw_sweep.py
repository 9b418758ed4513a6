"""How a sweep is drawn, and drawn again where it lacks something.

Its values come when there is time to show them: what a picture changes is one small thing, but what is shown is the
whole grid, so that a page may not be sent for each of a hundred pictures.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, closing
from dataclasses import replace

from seedream_magic import bridge
from seedream_magic.api.plan import Plan
from seedream_magic.batch.draw_many import Item, draw_many
from seedream_magic.continuation import missing_places, plan_retry
from seedream_magic.errors import Billed, SeedreamError, SeedreamInterrupted
from seedream_magic.images.image_set import ImageSet
from seedream_magic.replay import look_up
from seedream_magic.session import Progress
from seedream_magic.sweep.plan_sweep import SweepSender, refuse_sweep
from seedream_magic.sweep.sweep import Sweep, SweepState
from seedream_magic.watch import Failure, fault_of
from seedream_magic.words import errors as error_texts
from seedream_magic.words import sweeps as texts
from seedream_magic.words.carousel import BILLED
from seedream_magic.words.lists import COMMA
from seedream_magic.words.text import chain, join

UPDATE_SECONDS = 0.5
"""Between two values of a sweep that are shown."""
_POLL_SECONDS = 0.05


def draw(
    client: SweepSender,
    sweep: Sweep,
    chosen: Sequence[int] | None = None,
    *,
    progress: Progress | None = None,
    resend: bool = False,
) -> Sweep:
    """Draw the runs of a sweep, the `chosen` ones or all, and wait for them.

    What was sent before and may be billed is not sent again, but with `resend`.

    `progress` shows growing values, on this thread, and the last one; what it raises ends nothing. Without one the
    client's own shows how it grows. Where every run fails the first error is raised, after a Stop
    `SeedreamInterrupted`; both carry the sweep.
    """
    indexes = [index for index in (sweep.runs if chosen is None else chosen) if sweep.plans[index] is not None]
    own = client.progress() if progress is None and client.progress is not None else None
    growing, pace = _Growing(sweep, indexes, resend=resend), _Pace()

    def show(value: Sweep) -> None:
        shown = progress or (own if value.state == "running" else None)  # the finished one is handed back
        if shown is not None:
            shown.show(value)
            pace.shown(getattr(shown, "rest", 0.0))

    show = bridge.unfailing(show)
    try:
        pace.begin()
        show(growing.value("running"))  # the account, before anything is sent
        pace.ready = True
        with closing(bridge.iterate(lambda: _values(client, growing, pace), event_loop=client.event_loop)) as values:
            for value in values:
                show(value)
                pace.ready = True
    except KeyboardInterrupt as exc:
        raise _interrupted(growing.value("stopped")) from exc
    finally:
        if own is not None:
            bridge.unfailing(own.clear)()
    ended = growing.value("done")
    first = next((error for index in indexes if (error := ended.errors[index])), None)
    if first is not None and all(ended.state_of(index) == "failed" for index in ended.runs):
        first.sweep = ended
        raise first
    return ended


def start_sweep(
    client: SweepSender,
    sweep: Sweep,
    *,
    on_change: Callable[[Sweep], None],
    on_end: Callable[[Sweep, Failure | None], None],
    again: str = "",
    rest: Callable[[], float] = lambda: 0.0,
) -> Callable[[], None]:
    """Draw the runs of a sweep and return at once, with the function that stops them.

    `on_change` is called with growing values, when there is time to show them, and `on_end` once: with the sweep as far
    as it came and with what broke it off, if anything did; both as for `Seedream.start`. `again` says how a person goes
    on after a stop where it is not by the cell, `rest` for how many seconds no further value is wanted after one.
    """
    growing, pace = _Growing(sweep, sweep.runs), _Pace()

    def changed(value: Sweep) -> None:
        on_change(value)
        pace.shown(rest())
        pace.ready = True

    def begin(end: Callable[[], None]) -> Callable[[], None]:
        def ended(_: Sweep | None, broken_off: BaseException | None) -> None:
            end()
            failure: Failure | None = None
            value = growing.value("done" if broken_off is None else "stopped")
            if isinstance(broken_off, asyncio.CancelledError):
                failure = _interrupted(value, again)
            elif broken_off is not None:
                failure = broken_off if isinstance(broken_off, Failure) else fault_of(broken_off)
            elif all(value.state_of(index) == "failed" for index in value.runs):
                failure = next((error for error in value.errors if error), None)
            if failure is not None:
                failure.sweep = value
            bridge.unfailing(on_end)(value, failure)

        return bridge.Background(lambda: _values(client, growing, pace), bridge.unfailing(changed), ended).stop

    return client.session.background.add(begin)


def retry_sweep(client: SweepSender, sweep: Sweep, labels: tuple[str, ...]) -> Sweep:
    """See `Sweep.retry`."""
    plans = list(sweep.plans)
    again = []
    for index in sweep.find(labels) if labels else sweep.runs:
        plan = _plan_again(client, sweep, index)
        if plan is not None:
            plans[index] = plan
            again.append(index)
    if not again:
        _say(client, texts.NOTHING_TO_RETRY())
        return sweep
    planned = replace(sweep, plans=tuple(plans))
    planned = refuse_sweep(client, planned, again)
    paid = [*sweep.paid] or [0] * len(plans)
    for index in again:  # what takes its place tells its own bill alone
        paid[index] = sweep.billed_at(index)
    try:
        ended = draw(client, replace(planned, paid=tuple(paid)), again, resend=True)
    except (SeedreamError, SeedreamInterrupted) as error:
        if error.sweep is not None:
            _say(client, _retried(error.sweep, again))
        raise
    _say(client, _retried(ended, again))
    return ended


def _say(client: SweepSender, sentence: str) -> None:
    if client.progress is not None:  # a person looks on
        print(sentence)  # noqa: T201 - a confirmation is text


def _retried(sweep: Sweep, again: Sequence[int]) -> str:
    """What became of those that were asked for again: "8 asked again: 6 drawn, 2 failed, 6 images billed"."""
    states = [sweep.state_of(index) for index in again]
    sets = [images for index in again if (images := sweep.sets[index]) is not None]
    billed, doubtful = sum(images.billed for images in sets), sum(images.outcome == "unknown" for images in sets)
    undone = len(states) - states.count("done") - states.count("failed")
    parts = [
        texts.DRAWN(runs=states.count("done")),
        texts.FAILED(runs=states.count("failed")),
        texts.UNDONE(runs=undone) if undone else "",
        "" if sweep.ledger.free or not doubtful else texts.MAY_BE_BILLED(runs=doubtful),
        BILLED(images=billed) if billed and not sweep.ledger.free else texts.NONE_BILLED(),
    ]
    if doubtful and not billed and not sweep.ledger.free:
        parts.pop()
    return texts.RETRIED(runs=len(again), parts=chain(COMMA, [*filter(None, parts)]))


def _plan_again(client: SweepSender, sweep: Sweep, index: int) -> Plan | None:
    """The plan that asks for what the run at a place lacks, None where it lacks nothing."""
    images, plan = sweep.sets[index], sweep.plans[index]
    if plan is None:
        return None
    if images is not None and sweep.state_of(index) == "done":
        return plan_retry(client, images.run_id) if images.run_id and missing_places(images) else None
    return look_up(replace(plan, stored=None, stored_in=None), client.store)


class _Growing:
    """The sets and errors of a sweep as they come."""

    def __init__(self, sweep: Sweep, indexes: Sequence[int], *, resend: bool = False) -> None:
        self.sweep, self.indexes, self.resend = sweep, indexes, resend
        self._sets: list[ImageSet | None] = list(sweep.sets)
        self._errors: list[SeedreamError | None] = list(sweep.errors)
        for index in indexes:
            self._sets[index] = self._errors[index] = None

    @property
    def plans(self) -> list[Plan]:
        return [plan for index in self.indexes if (plan := self.sweep.plans[index]) is not None]

    def receive(self, item: Item) -> None:
        index = self.indexes[item.index]
        self._sets[index], self._errors[index] = item.images, item.error

    def value(self, state: SweepState) -> Sweep:
        """The sweep as it is now; of one that was stopped no set goes on."""
        sets = self._sets
        if state == "stopped":
            sets = [replace(one, state=state) if one is not None and one.state == "running" else one for one in sets]
        return replace(self.sweep, sets=tuple(sets), errors=tuple(self._errors), state=state)


class _Pace:
    """When a further value may be shown: the one before has been, and some time has passed."""

    def __init__(self) -> None:
        self.ready, self._began, self._from = True, 0.0, 0.0

    def begin(self) -> None:
        self.ready, self._began = False, time.monotonic()

    def shown(self, rest: float) -> None:
        """The value is shown, and no other is wanted for so long; nor before twice the time that it has taken."""
        now = time.monotonic()
        self._from = now + max(UPDATE_SECONDS, rest, 2 * (now - self._began))

    @property
    def due(self) -> bool:
        return self.ready and time.monotonic() >= self._from


async def _values(client: SweepSender, growing: _Growing, pace: _Pace) -> AsyncGenerator[Sweep, None]:
    """The growing sweep, whenever something has changed and there is time to show it; its end last."""
    changed = False
    async with aclosing(draw_many(client, growing.plans, growing=True, resend=growing.resend)) as items:
        coming: asyncio.Task[Item | None] | None = None
        try:
            while True:
                coming = coming or asyncio.ensure_future(anext(items, None))
                await asyncio.wait({coming}, timeout=_POLL_SECONDS if changed else None)
                if coming.done():
                    item, coming = coming.result(), None
                    if item is None:
                        break
                    growing.receive(item)
                    changed = True
                if changed and pace.due:
                    changed = False
                    pace.begin()
                    yield growing.value("running")
        finally:
            if coming is not None:
                coming.cancel()
                await asyncio.wait({coming})
    yield growing.value("done")


def _interrupted(sweep: Sweep, again: str = "") -> SeedreamInterrupted:
    """What Stop raises: how far it came, what may be billed, what can be done."""
    states = [sweep.state_of(index) for index in sweep.runs]
    begun = [images for images in sweep.sets if images is not None and not images.replayed]
    in_doubt = [images for images in begun if images.state != "done" and images.outcome in {"unknown", "billed"}]
    billed: Billed = "unknown" if in_doubt else "yes" if any(images.billed for images in begun) else "no"
    words: str = texts.STOPPED_AFTER(done=states.count("done"), runs=len(states))
    count = sum(images.billed for images in begun)
    if not begun:
        words = join(words, error_texts.NOTHING_SENT())
    elif not sweep.ledger.free:
        doubt = texts.BILLED_AND_DOUBTFUL(images=count, runs=len(in_doubt)) if in_doubt else ""
        words = join(words, doubt or texts.BILLED(images=count))
    rest = texts.ONLY_THE_REST(again=again or texts.RUN_CELL_AGAIN())
    lost = sum(not images.ok for images in in_doubt)  # of the others what is missing is asked for
    if lost and not sweep.ledger.free:
        rest = texts.ONLY_THE_UNSENT(again=again or texts.RUN_CELL_AGAIN(), runs=lost, code=sweep.retry_code)
    error = SeedreamInterrupted(words, hint=rest, billed=billed)
    error.sweep = sweep
    error.saved = tuple(frame.path for images in begun for frame in images.ok if frame.path)
    return error
