"""Replay before pay: what the store has of a request. Nothing here writes or sends."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import reduce
from pathlib import Path

from seedream_magic.api.plan import Plan
from seedream_magic.errors import InvalidRequest
from seedream_magic.images.durable import as_mapping, read_object
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.images.record import Record
from seedream_magic.images.store import find_record, is_set, load_whole, run_of_picture, takes


def look_up(plan: Plan, store: Path) -> Plan:
    """The plan with the stored run that will stand in its place, if there is one, and with warnings about earlier runs.

    Raises `InvalidRequest` for a take that was never made.
    """
    earlier = _earlier(plan, store)
    chosen = _chosen(plan, earlier)
    odd = _oddities(chosen, plan) if chosen else ()
    return replace(plan, stored=chosen.run_id if chosen else None, warnings=(*plan.warnings, *_doubts(earlier), *odd))


def run_to_show(plan: Plan, store: Path) -> Record | None:
    """The run whose set stands for a plan now, None where it has to be sent; errors as for `look_up`.

    The run that the plan names is looked at first: to look through a large store once more takes a tenth of a second.
    """
    if plan.stored and not plan.fresh:
        named = Record(store / plan.stored, read_object(store / plan.stored / "request.json") or {})
        if plan.already and named.facts:  # a set that shows already what is asked for, whatever became of its own run
            return named
        if named.facts.get("fingerprint") == plan.fingerprint and is_set(named):
            return named
    return _chosen(plan, _earlier(plan, store))


def stored_set(record: Record, plan: Plan | None = None) -> ImageSet:
    """The set of an earlier run, marked as replayed.

    A note says why it stands for the plan where it is that of another request, or that its record does not fit.
    """
    images = replace(load_whole(record), replayed=True)
    notes = () if plan is None else (plan.already,) if plan.already else _oddities(record, plan)
    return reduce(ImageSet.with_note, notes, images)


def find_maker(picture: str | os.PathLike[str] | Frame, store: Path) -> Record:
    """The run that made a picture: a frame, a saved original, or a copy of one, which is looked for in `store`.

    Raises `InvalidRequest` where no run made it.
    """
    if not isinstance(picture, Frame | str | os.PathLike):
        raise InvalidRequest(f"A picture is a frame or the path of a file, not {type(picture).__name__}.")
    path = picture.path if isinstance(picture, Frame) else Path(picture)
    found = run_of_picture(path, store) if path is not None else None
    if found is None:
        raise InvalidRequest(f"No run of {store} made {path}.")
    folder, _ = found
    return find_record(folder.parent, folder.name)


def plan_for_run(plan: Plan, record: Record) -> Plan:
    """The plan that replays this very run, and not the newest set of the same request, where the run has a set."""
    made = [take.run_id for take in takes(record.folder.parent, plan.fingerprint) if is_set(take)]
    return replace(plan, stored=record.run_id, take=made.index(record.run_id) + 1) if record.run_id in made else plan


def _earlier(plan: Plan, store: Path) -> list[Record]:
    """The runs that count for a plan, oldest first: none where it is to be paid for anew."""
    if not plan.fresh:
        return takes(store, plan.fingerprint)
    if plan.take is not None:
        raise InvalidRequest("--fresh makes a new take; --take shows one that was made. Give one of them.")
    return []


def _chosen(plan: Plan, earlier: list[Record]) -> Record | None:
    made = [record for record in earlier if is_set(record)]
    if plan.take is None:
        return made[-1] if made else None
    if type(plan.take) is not int or plan.take not in range(1, len(made) + 1):
        there = f"takes 1 to {len(made)}" if len(made) > 1 else "one take" if made else "no take"
        raise InvalidRequest(f"--take {plan.take}: the store has {there} of this request; --fresh pays for a new one.")
    return made[plan.take - 1]


def _oddities(record: Record, plan: Plan) -> tuple[str, ...]:
    """That a record which names this request as its own was made of another: it may come from elsewhere."""
    recorded = as_mapping(record.facts.get("body"))
    made_of, asked = (
        (provider, body.get("model"), body.get("prompt"))
        for provider, body in ((record.facts.get("provider"), recorded), (plan.provider.name, plan.short_body))
    )
    if made_of == asked:
        return ()
    return (f"Run {record.run_id} stands for this request, but its record tells of another one; --fresh draws anew.",)


def _doubts(earlier: list[Record]) -> tuple[str, ...]:
    """What is worth knowing before paying: an earlier run of the same request whose outcome nobody knows."""
    doubtful = [record for record in earlier if record.facts.get("outcome") == "unknown" and not is_set(record)]
    if not doubtful:
        return ()
    return (f"Run {doubtful[-1].run_id} sent the same request and may have been billed.",)
