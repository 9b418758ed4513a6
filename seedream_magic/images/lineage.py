"""A set that goes on from an earlier one: its frames in their places beside those that were there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from seedream_magic.api.plan import Lineage
from seedream_magic.api.request import ImageRequest
from seedream_magic.api.storyboard import Storyboard, storyboard
from seedream_magic.api.values import checked_prompt, parse_images
from seedream_magic.errors import InvalidRequest
from seedream_magic.images.image_set import Frame, ImageSet


def joined(parent: ImageSet, made: ImageSet, lineage: Lineage) -> ImageSet:
    """The earlier set with the newly made frames in their places; the facts of the run are those of the new one.

    A place whose new frame failed keeps the picture that stood there; a frame still to come is waited for in its place.
    A "vary" is a set of its own.
    """
    if lineage.kind == "vary":
        return made
    frames = list(parent.frames)
    fresh = dict(zip(lineage.places, _with_waiting(made, len(lineage.places)), strict=False))
    last = max(lineage.places, default=-1)
    fresh |= {last + 1 + number: frame for number, frame in enumerate(made.frames[len(lineage.places) :])}
    frames += [Frame(index, parent.prompt) for index in range(len(frames), max(fresh, default=-1) + 1)]
    kept = dict(enumerate(frames))
    for place, frame in fresh.items():
        if frame.ok or not kept[place].ok or (made.state == "running" and frame.error is None):
            frames[place] = replace(frame, index=place)
    inherited = frozenset(index for index, frame in enumerate(frames) if frame is kept[index])
    return replace(
        made,
        request=_request(parent.request, made.request, lineage),
        frames=tuple(frames),
        expected=max(len(frames), parent.expected or 0),
        inherited=inherited,
    )


def _with_waiting(made: ImageSet, count: int) -> tuple[Frame, ...]:
    """The new frames; while the run lasts, with an empty one for each that is still to come."""
    if made.state != "running":
        return made.frames
    return made.frames + tuple(Frame(index, made.request.prompt_of(index)) for index in range(len(made), count))


def _request(parent: ImageRequest, made: ImageRequest, lineage: Lineage) -> ImageRequest:
    """What the joined set stands for: the earlier request, its storyboard with the words of the new frames."""
    if parent.storyboard is None or made.storyboard is None:
        return parent
    frames = list(parent.storyboard.frames)
    for place, words in zip(lineage.places, made.storyboard.frames, strict=False):
        frames[place : place + 1] = [words]
    return parent.with_storyboard(Storyboard(parent.storyboard.style, tuple(frames)))


def redo_request(images: ImageSet, places: tuple[int, ...], prompt: str | None) -> ImageRequest:
    """The request for frames of a set drawn anew, `prompt` in place of their words.

    Of a storyboard these frames are asked for alone, with its style. Raises `InvalidRequest` for a place that the set
    does not have.
    """
    total = max(len(images), images.expected or 0)
    if not places:
        raise InvalidRequest(f"Which frame? The set has 0 to {total - 1}, as Python counts.")
    for place in places:
        if isinstance(place, bool) or place not in range(total):
            raise InvalidRequest(f"The set has frames 0 to {total - 1}, as Python counts; {place!r} is none of them.")
    board = images.request.storyboard
    if board is None:
        request = images.request if prompt is None else replace(images.request, prompt=checked_prompt(prompt))
        return request.for_images(len(places))
    words = tuple(images.request.prompt_of(place) for place in places) if prompt is None else (prompt,) * len(places)
    return images.request.with_storyboard(storyboard(board.style, words))


def extend_request(images: ImageSet, frames: int | Sequence[str], prompt: str | None) -> ImageRequest:
    """The request for more frames of a set: as many, or with these words each.

    Raises `InvalidRequest` for none.
    """
    if not isinstance(frames, int):
        board = images.request.storyboard
        return images.request.with_storyboard(storyboard(board.style if board else images.prompt, tuple(frames)))
    count = parse_images(frames)
    if prompt is None:
        prompt = images.prompt
    plain = replace(images.request, storyboard=None, prompt=checked_prompt(prompt))
    return plain.for_images(int(count))


def vary_request(images: ImageRequest, prompt: str, count: int) -> ImageRequest:
    """The request for a variation: other words, the rest as it was."""
    plain = replace(images, storyboard=None, prompt=checked_prompt(prompt))
    return plain.for_images(int(parse_images(count)))
