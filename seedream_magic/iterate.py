"""Going on from a set: frames drawn anew, further ones, variations. Each is a plan first and a run second."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from seedream_magic.api.cell_text import call_text
from seedream_magic.api.limits import complaints
from seedream_magic.api.make_request import checked
from seedream_magic.api.models import MAXIMUM_IMAGES, find_model
from seedream_magic.api.plan import Lineage, Plan
from seedream_magic.api.providers import PROVIDERS
from seedream_magic.api.references.reference import Reference
from seedream_magic.api.request import ImageRequest
from seedream_magic.api.values import checked_model, checked_prompt
from seedream_magic.errors import ConfigError, InvalidRequest
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.images.lineage import checked_places, extend_request, redo_request, vary_request
from seedream_magic.images.record import find_record, is_set, lineage_of, records
from seedream_magic.recover import is_live

if TYPE_CHECKING:
    from seedream_magic.seedream import Seedream

_NAMED_FRAME = re.compile(r"run:(?P<run>[^\s\[\]]+)(\[(?P<place>\d{1,2})\])?")


def redo(images: ImageSet, *places: int, prompt: str | None, refs: object, fresh: bool) -> ImageSet:
    """See `ImageSet.redo`."""
    client = _client_of(images)
    return client.run(plan_redo(client, images, *places, prompt=prompt, refs=refs, fresh=fresh))


def extend(images: ImageSet, frames: int | Sequence[str], *, prompt: str | None, refs: object, fresh: bool) -> ImageSet:
    """See `ImageSet.extend`."""
    client = _client_of(images)
    return client.run(plan_extend(client, images, frames, prompt=prompt, refs=refs, fresh=fresh))


def vary(frame: Frame, prompt: str, *, images: int, refs: object, fresh: bool) -> ImageSet:
    """See `Frame.vary`."""
    client = _client_of(frame)
    return client.run(plan_vary(client, frame, prompt, images=images, refs=refs, fresh=fresh))


def plan_redo(
    client: Seedream,
    images: ImageSet,
    *places: int,
    prompt: str | None = None,
    refs: object = None,
    fresh: bool = False,
) -> Plan:
    """The plan that draws frames of a set anew; the others stay as they are."""
    places = checked_places(images, places)
    request = redo_request(images, places, prompt)
    return _plan_from(client, images, request, Lineage("redo", images.run_id, places), refs, fresh=fresh)


def plan_extend(
    client: Seedream,
    images: ImageSet,
    frames: int | str | Sequence[str],
    *,
    prompt: str | None = None,
    refs: object = "others",
    fresh: bool = False,
) -> Plan:
    """The plan that adds frames to a set."""
    request = extend_request(images, frames, prompt)
    places = tuple(range(len(images), len(images) + request.images_at_most))
    return _plan_from(client, images, request, Lineage("extend", images.run_id, places), refs, fresh=fresh)


def plan_vary(
    client: Seedream, frame: Frame, prompt: str, *, images: int = 1, refs: object = (), fresh: bool = False
) -> Plan:
    """The plan of a new set after a frame."""
    parent = client.show(frame.run_id)
    request = vary_request(parent.request, prompt, images)
    further = refs if isinstance(refs, list | tuple) else [] if refs is None else [refs]
    return _plan_from(
        client, parent, request, Lineage("vary", parent.run_id, (frame.index,)), [frame, *further], fresh=fresh
    )


def plan_retry(client: Seedream, run_id: str) -> Plan:
    """The plan that asks anew for the frames of a run that failed or never came, and for nothing else."""
    if is_live(find_record(client.store, run_id)):
        raise InvalidRequest(f"Run {run_id} is still under way: its frames may yet come.")
    images = client.show(run_id)
    if not (missing := missing_places(images)):
        raise InvalidRequest(f"Run {images.run_id} has no failed frame.")
    return plan_redo(client, images, *missing)


def plan_next_frame(client: Seedream, images: ImageSet) -> Plan | None:
    """The plan that asks for the first missing frame of a set alone, None where none is missing.

    For gateways that make one picture of a request, whatever it asks for. It is sent, also where another frame of the
    set had the same words: each is a picture of its own.
    """
    missing = missing_places(images)
    return plan_redo(client, images, missing[0], fresh=True) if missing else None


def newest_of(client: Seedream, run_id: str) -> ImageSet:
    """The newest set that frames were drawn for, one after another, from a run; its own where there is none."""
    newest = run_id
    for record in records(client.store):  # oldest first: each goes on from one that was seen before it
        lineage = lineage_of(record)
        if lineage is not None and lineage.kind == "redo" and lineage.run_id == newest and is_set(record):
            newest = record.run_id
    return client.show(newest)


def missing_places(images: ImageSet) -> list[int]:
    """The indexes of the frames of a set that have no picture."""
    total = max(len(images), images.expected or 0)
    return sorted({*range(total)} - {frame.index for frame in images.ok})


def references(client: Seedream, refs: object, *, fit: bool) -> tuple[tuple[Reference, ...], tuple[str, ...]]:
    """The references that these values stand for, and what is to be told of them; `fit` scales what is too large."""
    values = list(refs) if isinstance(refs, list | tuple) else [] if refs is None else [refs]
    if not values:
        return (), ()
    from seedream_magic.api.references.make_references import fitted  # noqa: PLC0415 - Pillow loads when it is used

    named = [_frame_named(client, value) for value in values]
    leaves = [leaf for value in named for leaf in (_pictures(value) if isinstance(value, ImageSet) else [value])]
    made = [reference for leaf in leaves for reference in _read(client, leaf)]
    scaled = [fitted(reference) if fit else (reference, "") for reference in made]
    return tuple(reference for reference, _ in scaled), tuple(told for _, told in scaled if told)


def _pictures(images: ImageSet) -> tuple[Frame, ...]:
    if not images.ok:
        state = "has no picture yet" if images.state == "running" else "has no picture"
        raise InvalidRequest(f"The set of run {images.run_id} {state}: it cannot be a reference.")
    return images.ok


def _frame_named(client: Seedream, value: object) -> object:
    """The frame that "run:ID[2]" names, the set that "run:ID" names; any other value as it is."""
    named = _NAMED_FRAME.fullmatch(value.strip()) if isinstance(value, str) else None
    if named is None:
        return value
    images = client.show(named["run"])
    if named["place"] is None:
        return images
    if int(named["place"]) >= len(images):
        raise InvalidRequest(f"Run {images.run_id} has frames 0 to {len(images) - 1}; {value} is none of them.")
    return images[int(named["place"])]


def _read(client: Seedream, leaf: object) -> tuple[Reference, ...]:
    """The references of a value; a frame of the client's store is named by its run, not by a folder."""
    from seedream_magic.api.references.make_references import make_references  # noqa: PLC0415 - Pillow loads when it is used

    if isinstance(leaf, Reference):
        return (leaf,)
    made = make_references([leaf])
    if isinstance(leaf, Frame) and leaf.run_id and leaf.client is not None and leaf.client.store == client.store:
        return tuple(replace(reference, source=f"run:{leaf.run_id}[{leaf.index}]") for reference in made)
    return made


def _plan_from(
    client: Seedream, images: ImageSet, request: ImageRequest, lineage: Lineage, refs: object, *, fresh: bool
) -> Plan:
    """The plan of a request that goes on from a set. `refs` of None keeps the references of the set.

    A run that is only read decides nothing: neither whom a key goes to, nor whether the limits are looked at, nor what
    is sent beside the fields that are known.
    """
    refuse_other_provider(client, images.run_id, images.provider)
    if images.state == "running" and lineage.kind != "vary" and is_live(find_record(client.store, images.run_id)):
        raise InvalidRequest(f"Run {images.run_id} is still under way: wait till its frames have come.")
    references, told = request.references, tuple[str, ...]()
    if isinstance(refs, str) and refs == "others":
        others = [frame for frame in images.ok if frame.index not in lineage.places]
        further, told = client.references(others[: _room(request)])
        references = (*references, *further)
    elif refs is not None:
        references, told = client.references(refs)
    lost = next((reference.source for reference in references if not reference.sendable), None)
    if lost is not None:
        raise InvalidRequest(f"The reference {lost} of run {images.run_id} is not in the store any more.")
    request = replace(request, references=references)
    strict, own = client.provider.strict, images.run_id in client.session.made
    unchecked = own and any(refuse for _, refuse in complaints(images.request, strict=strict))  # made with --no-check
    checked_model(request.model)
    checked_prompt(request.prompt, may_be_empty=request.layer_decomposition)
    notes = (*told, *checked(request, strict=strict, check=not unchecked))
    return as_data(client, client.planned(request, notes, fresh=fresh, lineage=lineage), images.run_id)


def as_data(client: Seedream, plan: Plan, run_id: str) -> Plan:
    """The plan made of a run, without the body fields that nobody but its record asks for; it says which.

    What this session sent, and what is shown from the store, stays as it is. Raises `InvalidRequest` for a picture that
    only the record's body names.
    """
    request = plan.request
    left_out = [name for name, value in request.extra.items() if not _is_documented(name, value)]
    if not left_out or plan.stored or run_id in client.session.made:
        return plan
    if "image" in left_out:
        raise InvalidRequest(f"The record of run {run_id} names an image that the store does not have.")
    kept = {name: value for name, value in request.extra.items() if name not in left_out}
    names = ", ".join(ascii(name[:40])[1:-1] for name in left_out[:10])
    note = f"Left out, for only the record of run {run_id} asks for it: {names}. In a cell --extra sends it."
    return client.planned(replace(request, extra=kept), (*plan.warnings, note), fresh=plan.fresh, lineage=plan.lineage)


def _is_documented(name: str, value: object) -> bool:
    """Whether an extra field is one that the API's pages know and that costs nothing."""
    return name in {"seed", "guidance_scale"} and isinstance(value, int | float)


def _room(request: ImageRequest) -> int:
    """How many references more a request can take."""
    known = find_model(request.model)
    most = min(MAXIMUM_IMAGES - (request.images_expected or 1), known.references if known else MAXIMUM_IMAGES)
    return max(0, most - len(request.references))


def _client_of(value: ImageSet | Frame) -> Seedream:
    if value.client is None:
        raise ConfigError("This set was read without a Seedream: take it from seedream.show(run_id).")
    client: Seedream = value.client
    return client


def refuse_other_provider(client: Seedream, run_id: str, made_by: str) -> None:
    """Raises `ConfigError` for a run that another provider made: a record does not choose who gets a key."""
    if client.provider.name == made_by:
        return
    known = made_by in PROVIDERS
    shown, hint = ascii(made_by[:40]), f"Providers are {', '.join(PROVIDERS)}."
    if known:
        its_own = call_text("Seedream", made_by, store=str(client.store)) + call_text(".show", run_id)
        shown, hint = made_by, f"%seedream use {made_by} asks it from then on; in Python take the set from {its_own}."
    raise ConfigError(f"Run {run_id} was made by {shown}; this client asks {client.provider.name}.", hint=hint)
