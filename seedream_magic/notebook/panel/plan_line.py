"""The sentences on a plan: what will be sent and may bill, whether it is in the store, or why it cannot be sent."""

from __future__ import annotations

from seedream_magic.api.models import MAXIMUM_IMAGES, SIDES
from seedream_magic.api.providers import Provider
from seedream_magic.api.request import ImageRequest
from seedream_magic.view.words import plural


def told_of(
    request: ImageRequest,
    provider: Provider,
    notes: tuple[str, ...],
    *,
    stored: str | None = None,
    looked: bool = False,
) -> list[str]:
    """What a request will do, and its notes. `stored` is the run that stands for it, if the store was `looked` at."""
    facts = [request.model, _size(request.size), _asked(request)]
    facts += ["" if request.watermark else "no watermark", "streamed" if request.stream else ""]
    what = " · ".join(fact for fact in facts if fact)
    at_most = request.images_at_most
    bill = plural(at_most) if at_most == 1 else f"up to {plural(at_most)}"
    paid = f"it may bill {bill}" if provider.needs_key else "the demo draws it free"
    end = f"Not in the store: {paid}." if looked else f"{paid[0].upper()}{paid[1:]}."
    if stored:
        end = f"In the store (run {stored}): it is shown from there, nothing is billed."
    return [f"To {provider.name}: {what}. {end}", *notes]


def room_of(references: int, images: str | int) -> str:
    """How much of a request's fifteen pictures is taken; empty without references."""
    if not references:
        return ""
    if not str(images).isdecimal():
        return f"References {references} + images {images}: at most {MAXIMUM_IMAGES} together."
    return f"References {references} + images {images} = {references + int(images)} of {MAXIMUM_IMAGES}."


def _size(size: str) -> str:
    return size if size in SIDES else size.replace("x", " × ")


def _asked(request: ImageRequest) -> str:
    if request.storyboard:
        return f"storyboard of {len(request.storyboard.frames)}"
    expected = request.images_expected
    return "as many images as the model decides" if expected is None else plural(expected)
