"""A session: where it is at home, what it has billed, what is under way, and who may refuse a plan.

Whatever sends, a cell, the panel, the background or Python, first reserves here what it may bill. What one run has
reserved counts against the limits of the next; at its end what it did bill counts in its place.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from seedream_magic.errors import InvalidRequest

if TYPE_CHECKING:
    from seedream_magic.api.plan import Plan
    from seedream_magic.api.providers import Provider


def images_to_bill(plan: Plan) -> int:
    """How many images a plan may bill: none where its set is in the store."""
    return 0 if plan.stored else plan.request.images_at_most


@dataclass(eq=False)
class Reservation:
    """What a run that is under way may bill.

    `billed` and `doubtful` are the images that count in its place at its end; `run_id` is the run that was begun for
    it, "" where none was. `background` tells of one that its caller does not wait for.
    """

    plan: Plan
    fingerprint: str
    background: bool = False
    billed: int = 0
    doubtful: int = 0
    run_id: str = ""


@dataclass(frozen=True)
class Session:
    """Images by model: `billed`, `free` (the demo's), and `doubtful`, which runs of unknown outcome may have billed.

    `home` is the folder that relative paths of stores start from, None for the current one. `check` raises
    `InvalidRequest` for a plan that is not to be sent; it may look at what is reserved. `made` are the ids of the runs
    that this session sent: their words are a person's own, those of other records are data. `ended` counts by its
    fingerprint how often a request has come to its end.
    """

    home: Path | None = None
    billed: Counter[str] = field(default_factory=Counter)
    free: Counter[str] = field(default_factory=Counter)
    doubtful: Counter[str] = field(default_factory=Counter)
    check: Callable[[Plan], None] | None = None
    made: set[str] = field(default_factory=set)
    ended: Counter[str] = field(default_factory=Counter)
    reservations: list[Reservation] = field(default_factory=list)
    # One thread at a time checks and reserves; a generator that is collected meanwhile may release on this thread.
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False, compare=False)

    def billed_by(self, provider: Provider) -> Counter[str]:
        """Where the images that a provider bills are plural."""
        return self.billed if provider.needs_key else self.free

    @property
    def images_reserved(self) -> int:
        """How many images the runs that are under way may bill."""
        return sum(images_to_bill(reservation.plan) for reservation in tuple(self.reservations))

    def refuse(self, plan: Plan) -> None:
        """Raises `InvalidRequest` for what is under way already, or would go over the limits; else it could be sent."""
        with self.lock:
            if plan.stored:
                return
            same = None if plan.fresh else self._under_way(plan)
            if same is not None:
                where = " in the background" if same.background else ""
                again = "--fresh, in Python fresh=True, sends it once more."
                raise InvalidRequest(f"The same request is under way{where}; {again}")
            if self.check is not None:
                self.check(plan)

    def _under_way(self, plan: Plan) -> Reservation | None:
        """What draws the same request at the same service for the same store, None if nothing does."""
        near = [
            reservation
            for reservation in tuple(self.reservations)
            if (reservation.plan.base_url, reservation.plan.references) == (plan.base_url, plan.references)
        ]
        fingerprint = plan.fingerprint if near else ""
        return next((reservation for reservation in near if reservation.fingerprint == fingerprint), None)

    @contextmanager
    def reserved(self, plan: Plan, *, background: bool = False) -> Iterator[Reservation]:
        """Room for what a plan may bill, from the check to the outcome. Raises as `refuse` does.

        However the block is left, also by a generator that nobody iterates any more, the room is given back.
        """
        reservation = Reservation(plan, plan.fingerprint, background)
        try:
            with self.lock:
                self.refuse(plan)
                self.reservations.append(reservation)
            yield reservation
        finally:
            with self.lock:
                if reservation in self.reservations:
                    self._settle(reservation)

    def _settle(self, reservation: Reservation) -> None:
        self.reservations.remove(reservation)
        self.ended[reservation.fingerprint] += 1
        plan = reservation.plan
        if reservation.billed:
            self.billed_by(plan.provider)[plan.request.model] += reservation.billed
        if reservation.doubtful:
            self.doubtful[plan.request.model] += reservation.doubtful
        joined = plan.lineage if plan.lineage and plan.lineage.kind != "vary" else None  # then it has words of another
        if reservation.run_id and (joined is None or joined.run_id in self.made):
            self.made.add(reservation.run_id)


_current = [Session()]


def enter(session: Session) -> None:
    """From now on clients belong to this session: that of the notebook in which the extension is loaded."""
    _current[:] = [session]


def leave() -> None:
    """From now on clients belong to a session of no notebook, which begins now."""
    _current[:] = [Session()]


def current() -> Session:
    """The session of a client that was given none: the notebook's, else the one that all of the process share."""
    return _current[0]


def home() -> Path:
    """The notebook's folder, wherever its cells have changed to since; without a notebook the current one.

    Raises OSError where that is gone.
    """
    return current().home or Path.cwd()
