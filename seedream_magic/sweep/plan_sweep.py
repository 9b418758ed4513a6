"""How a sweep is planned, accounted for, and refused: all of it is checked before anything is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from seedream_magic.api.make_request import Ask, make_request
from seedream_magic.api.plan import Plan
from seedream_magic.api.references.reference import Reference
from seedream_magic.errors import InvalidRequest
from seedream_magic.planning import plan_ask, read_references
from seedream_magic.sender import CONCURRENCY, Sender, key_for
from seedream_magic.session import Progress
from seedream_magic.sweep.axes import DEFAULT_SEED, Axis, Place, check_places, cross
from seedream_magic.sweep.ledger import TOLD_BY_LEDGER, make_ledger
from seedream_magic.sweep.sweep import Sweep, SweepClient
from seedream_magic.words import cells
from seedream_magic.words import sweeps as texts
from seedream_magic.words.lists import enumeration

_MOST_WARNINGS = 3
"""Of those that concern only some of the runs."""


class SweepSender(Sender, SweepClient, Protocol):
    """For whom a sweep is drawn: what of `Seedream` is used here, beside what a plan is drawn with."""

    event_loop: str

    @property
    def progress(self) -> Callable[[], Progress] | None: ...


def plan_sweep(
    client: SweepSender,
    ask: Ask,
    axes: Sequence[Axis],
    *,
    title: str,
    variables: Mapping[str, Any],
    settings: Mapping[str, Any] | None = None,
    sample: int | None = None,
    seed: int | None = None,
    raw: bool = False,
    name: str = "sweep",
) -> Sweep:
    """The sweep of an ask over these axes, all of it checked and looked up; nothing is sent.

    `settings` stand for what is not given, as in `Ask.beside`. With `raw` braces that nothing fills are meant so.
    Raises `InvalidRequest` with all that is wrong.
    """
    if not axes:
        raise InvalidRequest(texts.NOTHING_TO_SWEEP())
    if ask.take is not None and any(change and change.take for axis in axes for change in axis.changes):
        raise InvalidRequest(texts.REPEAT_NUMBERS_TAKES())
    if ask.fresh and any(change and change.take for axis in axes for change in axis.changes):
        raise InvalidRequest(texts.FRESH_OR_REPEAT())
    read = _Reader(client)
    places = cross(ask, axes, variables=variables, sample=sample, seed=seed)
    places = tuple(replace(place, ask=place.ask and place.ask.beside(settings or {})) for place in places)
    check_places(places, lambda asked: _check(client, asked, read))
    plans = tuple(None if place.ask is None else _plan(client, place, read) for place in places)
    made = [plan for plan in plans if plan is not None]
    unfilled = [] if raw else [*dict.fromkeys(name for place in places for name in place.unfilled)]
    drawn = DEFAULT_SEED if seed is None else seed
    notes = [
        cells.NOTHING_TO_FILL_IN(names=enumeration(unfilled)) if unfilled else "",
        *(note for axis in axes for note in axis.notes),
        *(texts.UNUSED_COLUMNS(names=enumeration(axis.unused)) for axis in axes if axis.unused),
        texts.SAMPLE_OF(runs=len(made), seed=drawn) if sample is not None else "",
    ]
    return Sweep(
        title,
        tuple(axes),
        places,
        plans,
        make_ledger(made, client.store, at_once=CONCURRENCY, resend=not client.ask_when_unknown),
        (None,) * len(plans),
        (None,) * len(plans),
        notes=(*_warnings(made), *filter(None, notes)),
        sampled=sample is not None,
        name=name,
        client=client,
    )


def _warnings(plans: Sequence[Plan]) -> list[str]:
    """What the plans warn of: first what concerns all of them, then what concerns some, as far as it is a few lines."""
    told = (warning for plan in plans for warning in dict.fromkeys(plan.warnings))
    counted = Counter(warning for warning in told if getattr(warning, "text", None) not in TOLD_BY_LEDGER)
    of_all = [warning for warning, runs in counted.items() if runs == len(plans)]
    of_some = [texts.RUNS_WARN(runs=runs, warning=warning) for warning, runs in counted.items() if runs < len(plans)]
    more = len(of_some) - _MOST_WARNINGS
    return [*of_all, *of_some[:_MOST_WARNINGS], *([texts.MORE_WARNINGS(more=more)] if more > 0 else [])]


def refuse_sweep(client: SweepSender, sweep: Sweep, chosen: Sequence[int] | None = None) -> Sweep:
    """Refuse, before the first request, a sweep that would go over the limits, and one that lacks a key.

    Gives the sweep with the account of those that will be drawn, the `chosen` ones or all.
    """
    plans = [plan for index in (sweep.runs if chosen is None else chosen) if (plan := sweep.plans[index]) is not None]
    ledger = sweep.ledger if chosen is None else make_ledger(plans, client.store, at_once=CONCURRENCY, resend=True)
    to_send = [plan for plan in plans if plan.stored is None]
    if ledger.sent:
        key_for(client, to_send[0])
        for plan in to_send:
            client.session.refuse(plan)
        client.session.refuse_together(ledger.images, ledger.bill(), free=ledger.free, store=client.store)
    return replace(sweep, ledger=ledger)


class _Reader:
    """References read once each, however many runs have them."""

    def __init__(self, client: SweepSender) -> None:
        self._client = client
        self._known: dict[object, tuple[Reference, ...]] = {}

    def read(self, ask: Ask) -> Ask:
        """The ask with its references read. Raises what reading them raises."""
        values = list(ask.refs) if isinstance(ask.refs, list | tuple) else [ask.refs]
        found = [reference for value in values for reference in self._read(value, fit=ask.fit)]
        return replace(ask, refs=tuple(found), fit=False)

    def _read(self, value: object, *, fit: bool) -> tuple[Reference, ...]:
        key = value if isinstance(value, str) else id(value)
        if key not in self._known:
            self._known[key] = read_references(self._client, [value], fit=fit)[0]
        return self._known[key]


def _check(client: SweepSender, ask: Ask, read: _Reader) -> None:
    """Raises what speaks against an ask."""
    asked = read.read(ask)
    make_request(asked, model=client.model, references=asked.refs, strict=client.provider.strict)


def _plan(client: SweepSender, place: Place, read: _Reader) -> Plan:
    assert place.ask is not None  # noqa: S101 - a hole has no plan
    ask = read.read(place.ask)
    if place.take is None:
        return plan_ask(client, ask)
    return plan_ask(client, replace(ask, take=place.take), draws_take=True)
