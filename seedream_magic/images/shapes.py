"""What a set that is put together of earlier pictures is asked for by, and by which places it is put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from operator import index

from seedream_magic.api.request import ImageRequest
from seedream_magic.api.storyboard import Storyboard
from seedream_magic.errors import InvalidRequest
from seedream_magic.words import runs as texts


def checked_places(places: Sequence[int], total: int) -> tuple[int, ...]:
    """Indexes of frames, in the order in which they were given. Raises `InvalidRequest` for what is none, or twice."""
    if not places:
        raise InvalidRequest(texts.WHICH_FRAME(last=total - 1))
    for place in places:
        if isinstance(place, bool) or not hasattr(place, "__index__") or index(place) not in range(total):
            raise InvalidRequest(texts.NO_SUCH_FRAME(last=total - 1, place=repr(place)))
    chosen = tuple(map(index, places))
    twice = [place for place in chosen if chosen.count(place) > 1]
    if twice:
        raise InvalidRequest(texts.NAMED_TWICE(place=twice[0]))
    return chosen


def request_of_pictures(requests: Sequence[ImageRequest], captions: Sequence[str]) -> ImageRequest:
    """The request that stands for pictures of these requests, for people to read: it is never sent.

    Of storyboards of one style it is the storyboard of these pictures; of unlike requests their words one after the
    other.
    """
    first = requests[0]
    styles = {request.storyboard.style if request.storyboard else None for request in requests}
    if len(styles) == 1 and None not in styles:
        board = Storyboard(next(style for style in styles if style is not None), tuple(captions))
        joined = replace(first, storyboard=board, prompt=board.prompt)
    elif len({request.prompt for request in requests}) == 1:
        joined = first
    else:
        titles = (request.storyboard.style if request.storyboard else request.prompt for request in requests)
        joined = replace(first, storyboard=None, prompt=" + ".join(dict.fromkeys(filter(None, titles))))
    models, sizes = ({getattr(request, name): None for request in requests} for name in ("model", "size"))
    return replace(joined, model=" + ".join(models), size=next(iter(sizes)) if len(sizes) == 1 else "")
