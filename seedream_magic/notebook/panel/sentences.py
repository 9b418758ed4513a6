"""The sentences of the panel on what its form would send."""

from __future__ import annotations

from seedream_magic.api.models import MAXIMUM_IMAGES, SIDES
from seedream_magic.api.prices import bill_text, price_of
from seedream_magic.api.request import ImageRequest
from seedream_magic.errors import plural
from seedream_magic.seedream import Seedream


def plan_sentences(
    request: ImageRequest,
    client: Seedream,
    notes: tuple[str, ...],
    *,
    stored: str | None = None,
    looked: bool = False,
) -> list[str]:
    """What a request will do, and its notes. `stored` is the run that stands for it, if the store was `looked` at."""
    provider = client.provider
    board, expected = request.storyboard, request.images_expected
    images = "as many images as the model decides" if expected is None else plural(expected)
    facts = [
        request.model,
        request.size if request.size in SIDES else request.size.replace("x", " × "),
        f"storyboard of {len(board.frames)}" if board else images,
        "" if request.watermark else "no watermark",
        "streamed" if request.stream else "",
    ]
    price = price_of(request, provider, client.session.prices, base_url=client.given_base_url)
    bill = bill_text(request.images_at_most, price)
    paid = f"it may bill {bill}" if provider.needs_key else "the demo draws it free"
    end = f"Not in the store: {paid}." if looked else f"{paid[0].upper()}{paid[1:]}."
    if stored:
        end = f"In the store (run {stored}): it is shown from there, nothing is billed."
    return [f"To {provider.name}: {' · '.join(filter(None, facts))}. {end}", *notes]


def room_sentence(references: int, images: str | int) -> str:
    """How much of a request's fifteen pictures is taken; empty without references."""
    if not references:
        return ""
    if not str(images).isdecimal():
        return f"References {references} + images {images}: at most {MAXIMUM_IMAGES} together."
    return f"References {references} + images {images} = {references + int(images)} of {MAXIMUM_IMAGES}."
