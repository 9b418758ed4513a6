"""What a call that goes on from a set asks for, and the run by which it has made already what the set shows.

A cell such as `story = story.redo(1)`, run again, asks on upon its own result: there it finds it, and sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from seedream_magic.api.models import MAXIMUM_IMAGES, find_model
from seedream_magic.api.plan import Lineage, Plan
from seedream_magic.api.providers import EMBEDDED
from seedream_magic.api.request import ImageRequest
from seedream_magic.errors import InvalidRequest, SeedreamError
from seedream_magic.images.image_set import ImageSet
from seedream_magic.images.lineage import without_picks
from seedream_magic.images.record import Record, load, read_record
from seedream_magic.images.stored_runs import is_set, load_whole
from seedream_magic.planning import PlanningClient, is_documented, read_references, set_of_run
from seedream_magic.words import runs as texts
from seedream_magic.words.lists import enumeration


@dataclass(frozen=True)
class Step:
    """What a call that goes on from a set asks for: the request, its places there, and the references as given.

    `refs` of None keeps the references of the set, "others" adds its other pictures.
    """

    request: ImageRequest
    lineage: Lineage
    refs: object


_LIKE_OTHERS = frozenset({"other", "others", "rest", "all"})


def with_references(client: PlanningClient, images: ImageSet, asked: Step) -> tuple[ImageRequest, tuple[str, ...]]:
    """The request of a step with its references, and the sentences to show."""
    request = asked.request
    if asked.refs is None:
        return request, ()
    if isinstance(asked.refs, str) and asked.refs == "others":
        others = [frame for frame in images.ok if frame.index not in asked.lineage.places]
        further, notes = read_references(client, others[: _room(request)])
        return replace(request, references=(*request.references, *further)), notes
    if isinstance(asked.refs, str) and asked.refs.lower() in _LIKE_OTHERS and not Path(asked.refs).exists():
        raise InvalidRequest(texts.OTHERS_MEANT(typed=repr(asked.refs)))
    references, notes = read_references(client, asked.refs)
    return replace(request, references=references), notes


def find_same_call(client: PlanningClient, images: ImageSet, step: Callable[[ImageSet], Step]) -> Record | None:
    """The run by which this very call has made what the set shows already; None where it has not.

    The call is made once more, in thought, upon each set that this one goes on from: where that is the request of the
    run that followed, the call was answered. Not where the frames of a redo were drawn anew since, or have no picture:
    then there is something to draw.
    """
    here, redrawn = step(images).lineage, set[int]()
    for record, lineage, parent in _steps_to(images):
        alike = lineage.kind == here.kind and (lineage.kind == "extend" or lineage.places == here.places)
        changed = lineage.kind == "redo" and not redrawn.isdisjoint(lineage.places)
        if alike and not changed and is_set(record) and load(record).ok:
            earlier = load_whole(parent).with_client(client)
            both = (earlier, without_picks(earlier))  # it may have been made before a take was picked
            if any(record.fingerprint in _fingerprints(client, one, step) for one in both):
                return record
        redrawn.update(lineage.places if lineage.kind == "redo" else ())
    return None


def set_for_take(client: PlanningClient, images: ImageSet, same: Record) -> ImageSet:
    """The set upon which a call that has made `images` already is made afresh: the earlier one, for another take.

    So the set before it finds the newest take by the same call, as after a restart. It is `images` itself where later
    runs have changed other frames since, or where frames are added: then there are more of them.
    """
    lineage = same.lineage
    if lineage is None or lineage.kind == "extend" or (lineage.kind == "redo" and same.folder != images.folder):
        return images
    return set_of_run(client, lineage.run_id)


def _steps_to(images: ImageSet) -> Iterator[tuple[Record, Lineage, Record]]:
    """The runs that a set is joined of, newest first, each with the run before it; a variation is the last."""
    store, seen = images.folder.parent, set[str]()
    record = read_record(images.folder)
    while record is not None and (lineage := record.lineage) is not None and record.run_id not in seen:
        seen.add(record.run_id)
        parent = read_record(store / lineage.run_id)
        if parent is None:
            return
        yield record, lineage, parent
        if lineage.kind == "vary":
            return
        record = parent


def _fingerprints(client: PlanningClient, images: ImageSet, step: Callable[[ImageSet], Step]) -> set[str]:
    """What a run of this call upon a set would be known by: with all fields of its record, and with the known ones."""
    try:
        asked = step(images)
        request, _ = with_references(client, images, asked)
    except (SeedreamError, IndexError):  # the call cannot be made there
        return set()
    documented = {name: value for name, value in request.extra.items() if is_documented(name, value)}
    both = (request, replace(request, extra=documented))
    plans = (Plan(one, client.provider, EMBEDDED, lineage=asked.lineage) for one in both)
    return {plan.fingerprint for plan in plans}


def already_text(record: Record) -> str:
    """The sentence for a set that stands for a call because this run of it made it."""
    lineage = record.lineage
    kind, places = (lineage.kind, lineage.places) if lineage else ("vary", ())
    *numbers, last = [str(place + 1) for place in places] or [""]
    if kind == "vary":
        return texts.VARIED_ALREADY(run=record.run_id)
    if numbers:
        several = texts.FRAMES_DRAWN_ALREADY if kind == "redo" else texts.FRAMES_ADDED_ALREADY
        return several(numbers=enumeration(numbers), last=last, run=record.run_id)
    one = texts.FRAME_DRAWN_ALREADY if kind == "redo" else texts.FRAME_ADDED_ALREADY
    return one(number=last, run=record.run_id)


def _room(request: ImageRequest) -> int:
    """How many references more a request can take."""
    known = find_model(request.model)
    most = min(MAXIMUM_IMAGES - (request.images_expected or 1), known.references if known else MAXIMUM_IMAGES)
    return max(0, most - len(request.references))
