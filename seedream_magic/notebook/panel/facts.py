"""What the panel says of the request of its form: on the button what it may bill, beside it what will be sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from seedream_magic.api.models import MAXIMUM_IMAGES, SIDES, find_model
from seedream_magic.api.prices import Price, price_of
from seedream_magic.api.request import ImageRequest
from seedream_magic.seedream import Seedream
from seedream_magic.words import panel as texts


def request_facts(request: ImageRequest, client: Seedream, price: Price | None) -> str:
    """What will be sent, and to whom, in one line."""
    known, board, expected = find_model(request.model), request.storyboard, request.images_expected
    counted = texts.ONE_PICTURE() if expected == 1 else texts.PICTURES(count=expected)
    facts = [
        known.name if known else request.model,
        f"{request.size} · {texts.RATIO_BY_MODEL()}" if request.size in SIDES else request.size.replace("x", " × "),
        texts.STORYBOARD_OF(count=len(board.frames))
        if board
        else texts.DECIDED_BY_MODEL()
        if not expected
        else counted,
        "" if request.watermark else texts.NO_WATERMARK(),
        texts.STREAMED() if request.stream else "",
        client.provider.name,
        price.said_by if price else "",
    ]
    return " · ".join(filter(None, facts))


def price_at(request: ImageRequest, client: Seedream) -> Price | None:
    """All that the request may cost where this client sends it; None where no price is known."""
    return price_of(request, client.provider, client.session.prices, base_url=client.given_base_url)


def draw_label(request: ImageRequest, client: Seedream, price: Price | None) -> str:
    """The words of the button: how many it draws, and what that costs at most."""
    expected, most = request.images_expected, request.images_at_most
    word = texts.DRAW_COUNT(count=most) if expected == most else texts.DRAW_AT_MOST(count=most)
    return " · ".join(filter(None, (word, cost(price, free=not client.provider.needs_key))))


def cost(price: Price | None, *, free: bool) -> str:
    """An amount without who says so; "free" of the demo, empty where nothing is known."""
    return texts.FREE() if free else price.short if price else ""


def cost_together(prices: Sequence[Price]) -> str:
    """The sum of amounts without who says so; empty where currencies differ."""
    alike = len({price.currency for price in prices}) == 1
    return replace(prices[0], amount=sum((price.amount for price in prices), Decimal())).short if alike else ""


def room(references: int, images: str | int) -> str:
    """How much of a request's fifteen pictures is taken; empty without references."""
    if not references or not str(images).isdecimal():
        return ""
    return texts.ROOM(total=references + int(images), most=MAXIMUM_IMAGES)
