"""A set that goes on from an earlier one: its frames in their places beside those that were there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from seedream_magic.api.plan import Lineage
from seedream_magic.api.request import ImageRequest
from seedream_magic.api.storyboard import Storyboard
from seedream_magic.errors import SeedreamError
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.words import runs as texts


def join(parent: ImageSet, made: ImageSet, lineage: Lineage) -> ImageSet:
    """The earlier set with the newly made frames in their places; the facts of the run are those of the new one.

    A new picture replaces the earlier one when it is there. Where it failed the earlier one stays, and a note says so.
    A "vary" is a set of its own.
    """
    if lineage.kind == "vary":
        return made
    frames = list(parent.frames)
    total = max(len(frames), max(lineage.places, default=-1) + 1)
    places = [*lineage.places, *range(total, total + len(made) - len(lineage.places))]
    frames += [Frame(index, parent.prompt) for index in range(len(frames), max(places, default=-1) + 1)]
    inherited, notes = set(range(len(frames))), list(made.notes)
    for place, frame in zip(places, _with_waiting(made, len(lineage.places)), strict=False):
        if frame.ok or not frames[place].ok:
            frames[place] = replace(frame, index=place)
            inherited.discard(place)
        elif frame.error is not None:
            notes.append(texts.STAYS_AS_IT_WAS(number=place + 1, why=frame.error.message))
    return replace(
        made,
        request=_request(parent.request, frames),
        frames=tuple(frames),
        expected=max(len(frames), parent.expected or 0),
        notes=tuple(notes),
        inherited=frozenset(inherited),
        own=made,
    )


def with_picks(images: ImageSet, picked: Mapping[int, Frame]) -> ImageSet:
    """The set with the takes that were picked in their places; each knows the frame in whose place it stands."""
    frames = [
        replace(picked[frame.index], index=frame.index, instead=frame) if frame.index in picked else frame
        for frame in images
    ]
    return replace(images, request=_request(images.request, frames), frames=tuple(frames))


def without_picks(images: ImageSet) -> ImageSet:
    """The set as its runs have drawn it; itself where nothing was picked."""
    if not any(frame.instead for frame in images):
        return images
    frames = [
        replace(frame.instead, run_id=frame.run_id, client=frame.client) if frame.instead else frame for frame in images
    ]
    return replace(images, request=_request(images.request, frames), frames=tuple(frames))


def explain_missing(images: ImageSet, places: Collection[int], error: SeedreamError) -> ImageSet:
    """The set in which the frames at these places carry the error of the run that was to make them, if nothing came.

    They are this run's then, by what became of them, and say it: no note says it again.
    """
    failed = {frame.index for frame in images if frame.index in places and not frame.path}
    frames = tuple(replace(frame, error=error) if frame.index in failed else frame for frame in images)
    notes = tuple(note for note in images.notes if not failed or note != error.message)
    return replace(images, frames=frames, notes=notes, inherited=images.inherited - failed)


def _with_waiting(made: ImageSet, count: int) -> tuple[Frame, ...]:
    """The new frames; while the run lasts, with an empty one for each that is still to come."""
    if made.state != "running":
        return made.frames
    return made.frames + tuple(Frame(index, made.request.prompt_of(index)) for index in range(len(made), count))


def _request(parent: ImageRequest, frames: list[Frame]) -> ImageRequest:
    """What the joined set stands for: the earlier request, its storyboard with the words of all frames."""
    if parent.storyboard is None:
        return parent
    board = Storyboard(parent.storyboard.style, tuple(frame.prompt for frame in frames))
    return replace(parent, storyboard=board, prompt=board.prompt)
