"""A session: what has been billed, what is under way, and which requests may not be sent.

Whatever sends, a cell, a panel, the background or Python, first reserves here what it may bill. While a run is under
way its reservation counts against the limits of the next one; at its end what it did bill counts in its place.

A notebook's shell has a session of its own, and so has the process for all that runs in no notebook. `current` is
the one that counts here.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from seedream_magic.forks import free_in_child

if TYPE_CHECKING:
    from seedream_magic.api.plan import Plan
    from seedream_magic.api.prices import Price
    from seedream_magic.api.request import ImageRequest

Stop = Callable[[], None]


class TogetherCheck(Protocol):
    """Refuses what many plans may bill together; see `Session.refuse_together`."""

    def __call__(self, images: int, bill: str, *, free: bool, store: Path) -> None: ...


class Progress(Protocol):
    """Shows the values of a run, or of a sweep, one in place of the other, and then nothing."""

    def show(self, images: Any) -> None: ...
    def clear(self) -> None: ...


DEFAULT_STORE = "seedream-runs"
"""The folder of the store below `home()`, where no other one is named."""


def images_to_bill(plan: Plan) -> int:
    """How many images a plan may bill: none where its set is in the store."""
    return 0 if plan.stored else plan.request.images_at_most


@dataclass(eq=False)
class Reservation:
    """What a run that is under way may bill.

    `billed` and `doubtful` are the images that count in its place at its end; `run_id` is the run that was begun for
    it, "" where none was.
    """

    plan: Plan
    billed: int = 0
    doubtful: int = 0
    run_id: str = ""


class BackgroundRuns:
    """The runs of a session that nobody waits for, each with the function that stops it."""

    def __init__(self) -> None:
        self._stops: dict[object, Stop] = {}
        # A run without an event loop ends on a thread of its own, at any moment.
        self._lock = free_in_child(threading.Lock())

    def __len__(self) -> int:
        return len(self._stops)

    def add(self, begin: Callable[[Stop], Stop]) -> Stop:
        """Begin a run. `begin` is given what to call at the run's end, and returns the function that stops the run."""
        run, ended = object(), threading.Event()

        def end() -> None:
            with self._lock:
                ended.set()
                self._stops.pop(run, None)

        stop = begin(end)
        with self._lock:
            if not ended.is_set():
                self._stops[run] = stop
        return stop

    def stop(self) -> int:
        """Stop them all, and return how many there were. Pictures that have arrived are kept."""
        with self._lock:
            stops = list(self._stops.values())
        for stop in stops:
            stop()
        return len(stops)


@dataclass(frozen=True)
class Paid:
    """Images that were billed, and their list price, None where none is public; of one model, in one currency."""

    model: str
    images: int
    listed: Price | None


@dataclass(eq=False)
class Session:
    """Images by model: `billed`, `free` (the demo's), and `doubtful`, which runs of unknown outcome may have billed.

    `home` is the folder that relative paths of stores start from, None for the current one. `check` raises
    `InvalidRequest` for a plan that may not be sent; it may look at what is reserved. `check_alone` does so for a
    request that never may, whatever went before it. `check_day` does so for what all sessions of this user may bill in
    a day; it is called where no other run can begin. `check_together` does so for what many plans may bill together,
    and may ask the person. `prices` are those of an image that the person has set, by model; `paid` is what the images
    that were billed cost. `progress` makes what shows how a run grows that nobody else shows. `made` are the ids of the
    runs that this session sent: their words are a person's own, those of other records are data. All of it changes
    under `lock` only.
    """

    home: Path | None = None
    check: Callable[[Plan], None] | None = None
    check_alone: Callable[[ImageRequest], None] | None = None
    check_day: Callable[[Plan], None] | None = None
    check_together: TogetherCheck | None = None
    progress: Callable[[], Progress] | None = None
    prices: Mapping[str, float] = field(default_factory=dict)
    paid: list[Paid] = field(default_factory=list)
    billed: Counter[str] = field(default_factory=Counter)
    free: Counter[str] = field(default_factory=Counter)
    doubtful: Counter[str] = field(default_factory=Counter)
    made: set[str] = field(default_factory=set)
    reservations: list[Reservation] = field(default_factory=list)
    background: BackgroundRuns = field(default_factory=BackgroundRuns)
    # Reentrant: while a thread checks and reserves, a generator that is collected may release on the same thread.
    lock: threading.RLock = field(default_factory=lambda: free_in_child(threading.RLock()), repr=False)

    @property
    def images_billed(self) -> int:
        """Images billed so far, the demo's among them: limits are tried out there."""
        with self.lock:
            return self.billed.total() + self.free.total()

    @property
    def images_reserved(self) -> int:
        """How many images the runs that are under way may bill."""
        with self.lock:
            return sum(images_to_bill(reservation.plan) for reservation in self.reservations)

    def refuse(self, plan: Plan) -> None:
        """Raise `InvalidRequest` for a plan that would go over the limits.

        What is under way already is waited for and shown: the same request bills nothing more.
        """
        with self.lock:
            under_way = (reservation.plan.fingerprint == plan.fingerprint for reservation in self.reservations)
            if plan.fresh or plan.draws_take or not any(under_way):
                self._check(plan)

    def refuse_alone(self, request: ImageRequest) -> None:
        """Raise `InvalidRequest` for a request that may bill more than any run may, whatever went before it."""
        if self.check_alone is not None:
            self.check_alone(request)

    def refuse_together(self, images: int, bill: str, *, free: bool, store: Path) -> None:
        """Raise `InvalidRequest` for many plans that would go over the limits together, by `images` at most.

        `bill` says in words what they may bill; they are `free` where the demo draws them, into `store`.
        """
        if self.check_together is not None and images:
            self.check_together(images, bill, free=free, store=store)

    def _check(self, plan: Plan) -> None:
        if self.check is not None and not plan.stored:
            self.check(plan)

    @contextmanager
    def reserve(self, plan: Plan) -> Iterator[Reservation]:
        """Reserve what a plan may bill, from the check to the outcome. Raises as `refuse` does.

        However the block is left, also by a generator that nobody iterates any more, the reservation ends.
        """
        reservation = Reservation(plan)
        try:
            with self.lock:
                self._check(plan)
                self.reservations.append(reservation)
            yield reservation
        finally:
            with self.lock:
                if reservation in self.reservations:
                    self._settle(reservation)

    def _settle(self, reservation: Reservation) -> None:
        """Count what a run billed in place of what it had reserved. To be called under the lock."""
        self.reservations.remove(reservation)
        plan = reservation.plan
        if reservation.billed:
            (self.billed if plan.provider.needs_key else self.free)[plan.request.model] += reservation.billed
            if plan.provider.needs_key:
                from seedream_magic.api.prices import price_of  # noqa: PLC0415 - load time: the extension loads this

                listed = price_of(plan.request, plan.provider, {}, base_url=plan.base_url, images=reservation.billed)
                self._add_paid(Paid(plan.request.model, reservation.billed, listed))
        if reservation.doubtful:
            self.doubtful[plan.request.model] += reservation.doubtful
        joined = plan.lineage if plan.lineage and plan.lineage.kind != "vary" else None  # it has the words of another
        if reservation.run_id and (joined is None or joined.run_id in self.made):
            self.made.add(reservation.run_id)

    def _add_paid(self, new: Paid) -> None:
        """Add it to what is alike, so that a batch of thousands stays one entry."""
        for index, old in enumerate(self.paid):
            if old.model == new.model and _kind(old.listed) == _kind(new.listed):
                listed = old.listed and new.listed and replace(old.listed, amount=old.listed.amount + new.listed.amount)
                self.paid[index] = Paid(old.model, old.images + new.images, listed)
                return
        self.paid.append(new)


def _kind(price: Price | None) -> tuple[str, str] | None:
    return None if price is None else (price.currency, price.source)


_notebooks: list[Session] = []
"""The sessions of the shells in which the extension is loaded; the one whose cell began last stands last."""
_of_cell: ContextVar[Session | None] = ContextVar("seedream_session", default=None)
"""The session of the shell whose cell runs here; tasks that a cell creates have it, threads do not."""
_without_notebook = [Session()]


def enter(session: Session) -> Session | None:
    """Make this notebook's session the one of what runs here from now on; return the one before, for `restore`.

    For the loading of the extension, and for the beginning of each cell.
    """
    before = of_cell()
    _of_cell.set(session)
    _notebooks[:] = [*(each for each in _notebooks if each is not session), session]
    return before


def restore(before: Session | None) -> None:
    """A cell has ended: what runs here belongs again to the session that `enter` returned."""
    _of_cell.set(before)


def forget(session: Session) -> None:
    """The extension is unloaded from this notebook: new clients do not belong to it any more."""
    _notebooks[:] = [each for each in _notebooks if each is not session]


def of_cell() -> Session | None:
    """The session of the notebook whose cell runs here, None where no cell does."""
    session = _of_cell.get()
    return session if session in _notebooks else None


def current() -> Session:
    """The session of what runs here: of the cell, else of the notebook whose cell began last, else the process's."""
    return of_cell() or (_notebooks or _without_notebook)[-1]


def home() -> Path:
    """The notebook's folder, wherever its cells have changed to since; without a notebook the current one.

    Raises OSError where that is gone.
    """
    return current().home or Path.cwd()
