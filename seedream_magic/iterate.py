"""Going on from a set: frames drawn anew, further ones, variations. Each is a plan first and a run second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from seedream_magic.api.make_request import checked
from seedream_magic.api.models import MAXIMUM_IMAGES, find_model
from seedream_magic.api.plan import Lineage, Plan
from seedream_magic.api.request import ImageRequest
from seedream_magic.errors import ConfigError, InvalidRequest
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.images.lineage import extend_request, redo_request, vary_request

if TYPE_CHECKING:
    from seedream_magic.seedream import Seedream


def redo(images: ImageSet, *places: int, prompt: str | None, refs: object, fresh: bool) -> ImageSet:
    """See `ImageSet.redo`."""
    door = _door(images)
    return door.run(plan_redo(door, images, *places, prompt=prompt, refs=refs, fresh=fresh))


def extend(images: ImageSet, frames: int | Sequence[str], *, prompt: str | None, refs: object, fresh: bool) -> ImageSet:
    """See `ImageSet.extend`."""
    door = _door(images)
    return door.run(plan_extend(door, images, frames, prompt=prompt, refs=refs, fresh=fresh))


def vary(frame: Frame, prompt: str, *, images: int, refs: object, fresh: bool) -> ImageSet:
    """See `Frame.vary`."""
    door = _door(frame)
    return door.run(plan_vary(door, frame, prompt, images=images, refs=refs, fresh=fresh))


def plan_redo(
    door: Seedream,
    images: ImageSet,
    *places: int,
    prompt: str | None = None,
    refs: object = None,
    fresh: bool = False,
) -> Plan:
    """The plan that draws frames of a set anew; the others stay as they are."""
    request = redo_request(images, places, prompt)
    return _plan_from(door, images, request, Lineage("redo", images.run_id, places), refs, fresh=fresh)


def plan_extend(
    door: Seedream,
    images: ImageSet,
    frames: int | Sequence[str],
    *,
    prompt: str | None = None,
    refs: object = "others",
    fresh: bool = False,
) -> Plan:
    """The plan that adds frames to a set."""
    request = extend_request(images, frames, prompt)
    places = tuple(range(len(images), len(images) + request.images_at_most))
    return _plan_from(door, images, request, Lineage("extend", images.run_id, places), refs, fresh=fresh)


def plan_vary(
    door: Seedream, frame: Frame, prompt: str, *, images: int = 1, refs: object = (), fresh: bool = False
) -> Plan:
    """The plan of a new set after a frame."""
    parent = door.show(frame.run_id)
    request = vary_request(parent.request, prompt, images)
    further = refs if isinstance(refs, list | tuple) else [refs]
    return _plan_from(
        door, parent, request, Lineage("vary", parent.run_id, (frame.index,)), [frame, *further], fresh=fresh
    )


def plan_retry(door: Seedream, run_id: str) -> Plan:
    """The plan that asks anew for the frames of a run that failed or never came, and for nothing else."""
    images = door.show(run_id)
    total = max(len(images), images.expected or 0)
    missing = sorted({*range(total)} - {frame.index for frame in images.ok})
    if not missing:
        raise InvalidRequest(f"Run {images.run_id} has no failed frame.")
    return plan_redo(door, images, *missing)


def _plan_from(
    door: Seedream, images: ImageSet, request: ImageRequest, lineage: Lineage, refs: object, *, fresh: bool
) -> Plan:
    """The plan of a request that goes on from a set. `refs` of None keeps the references of the set."""
    references, told = request.references, tuple[str, ...]()
    if isinstance(refs, str) and refs == "others":
        others = [frame for frame in images.ok if frame.index not in lineage.places]
        further, told = door.references(others[: _room(request)])
        references = (*references, *further)
    elif refs is not None:
        references, told = door.references(refs)
    lost = next((reference.source for reference in references if not (reference.data or reference.url)), None)
    if lost is not None:
        raise InvalidRequest(f"The reference {lost} of run {images.run_id} is not in the store any more.")
    request = replace(request, references=references)
    notes = (*told, *checked(request, strict=door.provider.strict))
    return door.planned(request, notes, fresh=fresh, lineage=lineage)


def _room(request: ImageRequest) -> int:
    """How many references more a request can take."""
    known = find_model(request.model)
    most = min(MAXIMUM_IMAGES - (request.images_expected or 1), known.references if known else MAXIMUM_IMAGES)
    return max(0, most - len(request.references))


def _door(value: ImageSet | Frame) -> Seedream:
    if value.door is None:
        raise ConfigError("This set was read without a Seedream: take it from seedream.show(run_id).")
    door: Seedream = value.door
    return door
