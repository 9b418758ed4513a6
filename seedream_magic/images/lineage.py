"""A set that goes on from an earlier one: its frames in their places beside those that were there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from operator import index

from seedream_magic.api.plan import Lineage
from seedream_magic.api.request import ImageRequest
from seedream_magic.api.storyboard import Storyboard, storyboard
from seedream_magic.api.values import Images, checked_prompt, parse_images
from seedream_magic.errors import InvalidRequest
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.images.record import is_run


def joined(parent: ImageSet, made: ImageSet, lineage: Lineage) -> ImageSet:
    """The earlier set with the newly made frames in their places; the facts of the run are those of the new one.

    A picture gives way to a new one only when that is there; a frame that failed where a picture stands is told in a
    note. A "vary" is a set of its own.
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
            notes.append(f"Frame {place + 1} stays as it was: {frame.error}")
    return replace(
        made,
        request=_request(parent.request, frames),
        frames=tuple(frames),
        expected=max(len(frames), parent.expected or 0),
        notes=tuple(notes),
        inherited=frozenset(inherited),
        own=made,
    )


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


def checked_places(images: ImageSet, places: tuple[int, ...]) -> tuple[int, ...]:
    """Indexes of frames, each once and in order. Raises `InvalidRequest` for one that the set does not have."""
    total = max(len(images), images.expected or 0)
    if not places:
        raise InvalidRequest(f"Which frame? The set has 0 to {total - 1}, as Python counts.")
    for place in places:
        if isinstance(place, bool) or not hasattr(place, "__index__") or index(place) not in range(total):
            raise InvalidRequest(f"The set has frames 0 to {total - 1}, as Python counts; {place!r} is none of them.")
    return tuple(sorted({index(place) for place in places}))


def redo_request(images: ImageSet, places: tuple[int, ...], prompt: str | None) -> ImageRequest:
    """The request for frames of a set drawn anew, `prompt` in place of their words.

    Of a storyboard these frames are asked for alone, with its style. Raises `InvalidRequest` for a set whose run is
    gone.
    """
    _refuse_layers(images)
    _refuse_without_run(images)
    words = [images[place].prompt if place < len(images) else images.request.prompt_of(place) for place in places]
    if prompt is not None:
        words = [checked_prompt(prompt)] * len(places)
    board = images.request.storyboard
    if board is None and len(set(words)) == 1:
        return replace(images.request, prompt=words[0]).for_images(len(places))
    return images.request.with_storyboard(storyboard(board.style if board else images.prompt, tuple(words)))


def extend_request(images: ImageSet, frames: int | str | Sequence[str], prompt: str | None) -> ImageRequest:
    """The request for more frames of a set: as many, or with these words each.

    Raises `InvalidRequest` for a set whose run is gone.
    """
    _refuse_layers(images)
    _refuse_without_run(images)
    if isinstance(frames, int) and not isinstance(frames, bool):
        plain = replace(images.request, storyboard=None, prompt=checked_prompt(prompt or images.prompt))
        return plain.for_images(frames)
    board = images.request.storyboard
    words = [frames] if isinstance(frames, str) else frames
    return images.request.with_storyboard(storyboard(board.style if board else images.prompt, words))


def vary_request(request: ImageRequest, prompt: str, images: Images) -> ImageRequest:
    """The request for a variation: other words, the rest as it was."""
    plain = replace(request, storyboard=None, prompt=checked_prompt(prompt), layer_decomposition=False)
    return plain.for_images(parse_images(images))


def _refuse_without_run(images: ImageSet) -> None:
    """What goes on from a run that was purged would be paid and come without the frames that it belongs to."""
    if not is_run(images.folder):
        bill = "." if images.provider == "demo" else ", which bills."
        raise InvalidRequest(
            f"Run {images.run_id} of this set is not in {images.folder.parent} any more: it was purged or moved away.",
            hint=f"Run the cell that made it again: that draws a new set{bill}",
        )


def _refuse_layers(images: ImageSet) -> None:
    if images.request.layer_decomposition:
        raise InvalidRequest("Layers are made together, all anew or none: run the cell again with --fresh.")
