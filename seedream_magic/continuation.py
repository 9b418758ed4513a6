"""Plans that go on from a set: frames drawn anew, further ones, variations, failed ones asked for again.

A call that is made again upon its own result, as by a cell that is run again, sends nothing: see `same_call`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from operator import index
from pathlib import Path

from seedream_magic.api.make_request import check_limits, complaints
from seedream_magic.api.plan import Lineage, Plan
from seedream_magic.api.request import ImageRequest
from seedream_magic.api.storyboard import storyboard
from seedream_magic.api.values import check_prompt, parse_images, parse_model
from seedream_magic.errors import InvalidRequest
from seedream_magic.images.claims import is_live
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.images.lineage import without_picks
from seedream_magic.images.record import is_run, read_record
from seedream_magic.images.stored_runs import is_set, load_whole, records
from seedream_magic.images.takes import takes_of
from seedream_magic.planning import (
    PlanningClient,
    plan_request,
    refuse_other_provider,
    set_of_run,
    without_undocumented,
)
from seedream_magic.replay import find_run, takes
from seedream_magic.same_call import Step, already_text, find_same_call, set_for_take, with_references
from seedream_magic.words import runs as texts
from seedream_magic.words.actions import SAY_WHAT_IT_SHOWS


def plan_redo(
    client: PlanningClient,
    images: ImageSet,
    places: Sequence[int],
    *,
    prompt: str | None = None,
    refs: object = None,
    fresh: bool = False,
    another: bool = False,
    take: int | None = None,
) -> Plan:
    """The plan that draws frames of a set anew, `prompt` in place of their words; the others stay as they are.

    Of a storyboard these frames are asked for alone, with its style. A set whose frames were drawn by this very call
    stands for it as it is (see `find_same_call`), unless they are to be drawn once more: `fresh`, for another take, or
    `another`, which goes on from the set as it is and may be in the store, or as this `take` of the first of them, as
    `takes` and `pick` count: drawn where it is the next. Raises `InvalidRequest` for a set whose run is gone, for
    places that it does not have, for a take beyond the next, and for one that another call has drawn.
    """
    _refuse_layers(images)
    _refuse_without_run(images)
    chosen = _check_places(images, places)
    images = images if take is None else without_picks(images)  # else another pick would make it another call
    new_words = None if prompt is None else [check_prompt(prompt)] * len(chosen)

    def step(of: ImageSet) -> Step:
        own_words = [of[place].prompt if place < len(of) else of.request.prompt_of(place) for place in chosen]
        request = _frames_request(of.request, new_words or own_words)
        return Step(request, Lineage("redo", of.run_id, chosen), refs)

    def plan(number: int | None = None) -> Plan:
        return _plan_from(client, images, step, fresh=fresh, another=another or take is not None, take=number)

    return plan() if take is None else _plan_take(client, images, chosen[0], take, plan, prompt=prompt)


def _plan_take(
    client: PlanningClient,
    images: ImageSet,
    place: int,
    take: int,
    plan: Callable[[int | None], Plan],
    *,
    prompt: str | None,
) -> Plan:
    """The plan of a redo that stands for this take of a frame: shown where it has drawn that, drawn where it is next.

    `plan` makes that of the K-th set which this very call has made of this very set.
    """
    drawn, made = takes_of(images.folder, place), [record.run_id for record in takes(plan(None), client.store)]
    if type(take) is not int or not 0 < take <= len(drawn) + 1:
        raise InvalidRequest(
            texts.NO_SUCH_TAKE_TO_REDO(place=place, drawn=len(drawn), next=len(drawn) + 1, take=f"{take!r:.20}")
        )
    if take == len(drawn) + 1:
        return plan(len(made) + 1)
    frame, own = drawn[take - 1], read_record(images.folder)
    maker = frame.home[0].name if frame.home else ""
    if maker in made:
        return plan(made.index(maker) + 1)
    if own is None or own.run_id != maker or own.lineage is None or prompt not in {None, frame.prompt}:
        raise InvalidRequest(texts.TAKE_OF_ANOTHER(place=place, take=take, next=len(drawn) + 1))
    # A cell that binds the set to its own name, run again: the set is what it has made.
    return replace(plan(None), stored=images.run_id, stored_in=images.folder.parent, already=already_text(own))


def plan_extend(
    client: PlanningClient,
    images: ImageSet,
    frames: int | str | Sequence[str],
    *,
    prompt: str | None = None,
    refs: object = "others",
    fresh: bool = False,
) -> Plan:
    """The plan that adds frames to a set: as many, or with these words each.

    Frames that are only counted have the words `prompt`, else those that the set was asked for; of a storyboard the
    style that its frames share. A set to which this very call added them stands for it, as with `plan_redo`. Raises
    `InvalidRequest` for a set whose run is gone.
    """
    _refuse_layers(images)
    _refuse_without_run(images)

    def step(of: ImageSet) -> Step:
        asked = of.request
        if isinstance(frames, int) and not isinstance(frames, bool):
            board = asked.storyboard
            words = prompt or (board and (board.style or board.frames[-1])) or asked.prompt
            request = replace(asked, storyboard=None, prompt=check_prompt(words)).for_images(frames)
        else:
            request = asked.with_storyboard(storyboard(_style(asked), [frames] if isinstance(frames, str) else frames))
        places = tuple(range(len(of), len(of) + request.images_at_most))
        return Step(request, Lineage("extend", of.run_id, places), refs)

    return _plan_from(client, images, step, fresh=fresh)


def plan_vary(
    client: PlanningClient,
    frame: Frame,
    prompt: str,
    *,
    images: int = 1,
    refs: object = (),
    fresh: bool = False,
    another: bool = False,
    take: int | None = None,
) -> Plan:
    """The plan of a new set after a frame: other words, the frame as its first reference, the rest as it was.

    The frame of a set that this very call drew is not varied by it once more, and `take` counts, as with `plan_redo`.
    """
    if not f"{prompt}".strip():
        raise InvalidRequest(SAY_WHAT_IT_SHOWS())
    words, count = check_prompt(prompt), parse_images(images)
    further = refs if isinstance(refs, list | tuple) else [] if refs is None else [refs]
    varied = set_of_run(client, frame.run_id)

    def step(of: ImageSet) -> Step:
        plain = replace(of.request, storyboard=None, prompt=words, layer_decomposition=False)
        place = frame.place_in_run
        after = frame if of is varied else of[place]
        lineage = Lineage("vary", of.run_id, (place,))
        return Step(plain.for_images(count), lineage, [after, *further])

    return _plan_from(client, varied, step, fresh=fresh, another=another, take=take)


def plan_retry(client: PlanningClient, run_id: str) -> Plan:
    """The plan that asks anew for the frames of a run that failed or never came, and for nothing else."""
    record = find_run(client.store, run_id)
    if is_live(record):
        raise InvalidRequest(texts.MAY_YET_COME(run=run_id))
    images = load_whole(record).with_client(client)
    if not (missing := missing_places(images)):
        raise InvalidRequest(texts.NONE_FAILED(run=images.run_id))
    return plan_redo(client, images, missing)


def plan_next_frame(client: PlanningClient, images: ImageSet) -> Plan | None:
    """The plan that asks for the first missing frame of a set alone, None where none is missing.

    For gateways that make one picture of a request, whatever it asks for. It is sent, also where another frame of the
    set had the same words: each is a picture of its own.
    """
    missing = missing_places(images)
    return plan_redo(client, images, missing[:1], fresh=True) if missing else None


def newest_of(store: Path, run_id: str) -> str:
    """The newest run that drew frames of a set anew, one after another, from a run; its own id where there is none."""
    newest = run_id
    for record in records(store):  # oldest first: each goes on from one that was seen before it
        lineage = record.lineage
        if lineage is not None and lineage.kind == "redo" and lineage.run_id == newest and is_set(record):
            newest = record.run_id
    return newest


def missing_places(images: ImageSet) -> list[int]:
    """The indexes of the frames of a set that have no picture."""
    total = max(len(images), images.expected or 0)
    return sorted({*range(total)} - {frame.index for frame in images.ok})


def _style(asked: ImageRequest) -> str:
    return asked.storyboard.style if asked.storyboard else asked.prompt


def _frames_request(asked: ImageRequest, words: Sequence[str]) -> ImageRequest:
    """The request for frames with these words, in the style of what was asked for.

    Frames without words of their own, those that `extend` has only counted, have the style as their words.
    """
    if set(words) == {_style(asked)} or (asked.storyboard is None and len(set(words)) == 1):
        return replace(asked, storyboard=None, prompt=words[0]).for_images(len(words))
    return asked.with_storyboard(storyboard(_style(asked), tuple(words)))


def _check_places(images: ImageSet, places: Sequence[int]) -> tuple[int, ...]:
    """Indexes of frames, each once and in order. Raises `InvalidRequest` for one that the set does not have."""
    total = max(len(images), images.expected or 0)
    if not places:
        raise InvalidRequest(texts.WHICH_FRAME(last=total - 1))
    for place in places:
        if isinstance(place, bool) or not hasattr(place, "__index__") or index(place) not in range(total):
            raise InvalidRequest(texts.NO_SUCH_FRAME(last=total - 1, place=repr(place)))
    return tuple(sorted({index(place) for place in places}))


def _refuse_without_run(images: ImageSet) -> None:
    """What goes on from a run that was purged would be paid and come without the frames that it belongs to."""
    if not is_run(images.folder):
        again = texts.DEMO_DRAWS_SET_ANEW if images.provider == "demo" else texts.DRAW_SET_ANEW
        raise InvalidRequest(texts.PURGED(run=images.run_id, store=images.folder.parent), hint=again())


def _refuse_layers(images: ImageSet) -> None:
    if images.request.layer_decomposition:
        raise InvalidRequest(texts.LAYERS_TOGETHER())


def _plan_from(
    client: PlanningClient,
    images: ImageSet,
    step: Callable[[ImageSet], Step],
    *,
    fresh: bool,
    another: bool = False,
    take: int | None = None,
) -> Plan:
    """The plan of a request that goes on from a set; `step` says what is asked for there.

    A run that is only read decides nothing: neither whom a key goes to, nor whether the limits are looked at, nor what
    is sent beside the fields that are known.
    """

    def plan_upon(of: ImageSet) -> Plan:
        return _plan_upon(client, of, step, fresh=fresh, another=another, take=take)

    drawn, asked = without_picks(images), step(images)
    if drawn is images or fresh or another or asked.refs is not None or asked.lineage.kind != "redo":
        return plan_upon(images)
    # The words of a take that was picked since are others: what was drawn by the words before is not paid for again.
    with suppress(InvalidRequest):  # a take that there is not
        earlier = plan_upon(drawn)
        if earlier.stored:
            with suppress(InvalidRequest):
                if (plan := plan_upon(images)).stored:
                    return plan
            return replace(earlier, already=texts.DRAWN_BEFORE_PICK(run=earlier.stored))
    return plan_upon(images)


def _plan_upon(
    client: PlanningClient,
    images: ImageSet,
    step: Callable[[ImageSet], Step],
    *,
    fresh: bool,
    another: bool,
    take: int | None,
) -> Plan:
    refuse_other_provider(client, images.run_id, images.provider)
    same = None if another or take is not None else find_same_call(client, images, step)
    if fresh and same is not None:
        images = set_for_take(client, images, same)
    asked = step(images)
    lineage = asked.lineage
    if images.state == "running" and lineage.kind != "vary" and is_live(find_run(client.store, images.run_id)):
        raise InvalidRequest(texts.UNDER_WAY(run=images.run_id))
    request, notes = with_references(client, images, asked)
    lost = next((reference.source for reference in request.references if not reference.sendable), None)
    if lost is not None:
        raise InvalidRequest(texts.REFERENCE_OF_RUN_IS_GONE(reference=lost, run=images.run_id))
    strict, own = client.provider.strict, images.run_id in client.session.made
    unchecked = own and any(refuse for _, refuse in complaints(images.request, strict=strict))  # made with --no-check
    parse_model(request.model)
    check_prompt(request.prompt, may_be_empty=request.layer_decomposition)
    warnings = (*notes, *check_limits(request, strict=strict, check=not unchecked))
    plan = without_undocumented(
        client, plan_request(client, request, warnings, fresh=fresh, take=take, lineage=lineage), images.run_id
    )
    if fresh or same is None:
        return plan
    return replace(plan, stored=images.run_id, stored_in=images.folder.parent, already=already_text(same))
