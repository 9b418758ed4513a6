"""What images cost: list prices that are public, or the prices that a person has set.

A list price is what a service asks of everybody: a contract, a plan or free images may make it less. So it is told with
its month, and only where that service itself is asked: of AnyFast no price is public, and what a gateway asks is its
own matter. The demo costs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from seedream_magic.api.models import (
    SEEDREAM_3_0,
    SEEDREAM_4_0,
    SEEDREAM_4_5,
    SEEDREAM_5_0_FLASH,
    SEEDREAM_5_0_LITE,
    SEEDREAM_5_0_PRO,
    find_model,
)
from seedream_magic.api.providers import Provider
from seedream_magic.api.request import ImageRequest
from seedream_magic.words import requests as texts
from seedream_magic.words.carousel import Words
from seedream_magic.words.lists import AND, COMMA
from seedream_magic.words.text import chain, in_language

LISTED, OWN = "listed", "own"
"""Who says what a price is: a service's list, of the month of its newest page, or the person."""
_SOURCES = {LISTED: texts.LIST_PRICE, OWN: texts.OWN_PRICES}

LARGEST_SMALL = 2_601_123
"""Pixels up to which Pro counts a picture as small: 1.5K and a twentieth more on each side. Volcengine's page says
2.61 million; llmgateway (PR 2960, July 2026) says 2.36 million, which is 1536 x 1536. The page is the newer one."""
_SMALL_PRESETS = {"1K", "1.5K"}


@dataclass(frozen=True)
class Price:
    """What images cost at most: an amount in a currency ("¥", "$", "" for a person's own), and who says so."""

    amount: Decimal
    currency: str
    source: str

    def __str__(self) -> str:
        return str(self.text)

    @property
    def text(self) -> str:
        """It in words: "¥1.00 by the list price of …"."""
        return told_together([self])

    @property
    def short(self) -> str:
        """The amount alone: "¥1.00"."""
        return f"{self.currency}{_digits(self.amount)}"

    @property
    def said_by(self) -> str:
        """Who says so, in words: "the list price of …"."""
        return _SOURCES[self.source]()

    def times(self, count: int) -> Price:
        """The price of so many of the same requests."""
        return replace(self, amount=self.amount * count)


@dataclass(frozen=True)
class Rate:
    """A row of a price list, for one image each; `large` and `large_layer` above `LARGEST_SMALL`.

    None in place of a layer's price is one that the list does not tell. `reference` is the price of each reference
    after the first.
    """

    image: str
    large: str | None = None
    layer: str | None = None
    large_layer: str | None = None
    reference: str = "0"


# CNY: Volcengine's price page (document 1544106) as Seedream's MCP client holds it, read in September 2026.
# USD: BytePlus' list as LiteLLM and ComfyUI's nodes hold it, of the same month. Flash has none: its two sources differ
# (0.018 and 0.02574), and BytePlus serves no such model. Where the table has no number, none was found.
RATES: dict[str, tuple[str, dict[str, Rate]]] = {
    "ark": (
        "¥",
        {
            SEEDREAM_4_0.name: Rate("0.20"),
            SEEDREAM_4_5.name: Rate("0.25"),
            SEEDREAM_5_0_LITE.name: Rate("0.22"),
            SEEDREAM_5_0_FLASH.name: Rate("0.12"),
            SEEDREAM_5_0_PRO.name: Rate("0.30", "0.60", layer="0.15", large_layer="0.30", reference="0.02"),
        },
    ),
    "byteplus": (
        "$",
        {
            SEEDREAM_3_0.name: Rate("0.03"),
            SEEDREAM_4_0.name: Rate("0.03"),
            SEEDREAM_4_5.name: Rate("0.04"),
            SEEDREAM_5_0_LITE.name: Rate("0.035"),
            SEEDREAM_5_0_PRO.name: Rate("0.045", "0.09", reference="0.003"),
        },
    ),
}


def price_of(
    request: ImageRequest,
    provider: Provider,
    prices: Mapping[str, float],
    *,
    base_url: str,
    images: int | None = None,
) -> Price | None:
    """What so many images of a request cost at this address, all that it may bill where `images` is not given.

    `prices` are those that a person has set, by the model's id; they come before the list. None where no price is
    known, and for the demo.
    """
    count = request.images_at_most if images is None else images
    if not provider.needs_key:
        return None
    own = own_price(request.model, prices)
    if own is not None:
        return Price(Decimal(str(own)) * count, "", OWN)
    currency, rates = RATES.get(provider.name, ("", {}))
    body = request.body_with([""] * len(request.references))  # an extra field beats the one that it stands beside
    model = find_model(str(body.get("model")))
    rate = rates.get(model.name) if model else None
    if rate is None or not _serves_itself(provider, base_url):
        return None
    each = _of_one(rate, body, layers=request.layer_decomposition)
    if each is None:
        return None
    further = Decimal(rate.reference) * max(0, len(request.references) - 1)
    return Price(Decimal(each) * count + further, currency, LISTED)


def own_price(model: str, prices: Mapping[str, float]) -> float | None:
    """What the person has set for a model, by its id or by that without its date; None where nothing is set."""
    return prices.get(model, prices.get(re.sub(r"-\d{6}$", "", model)))


def bill_text(images: int, price: Price | None) -> str:
    """What may be billed, in words: "up to 4 images, ¥1.00 by the list price of …"; without a price, the images."""
    counted = texts.ONE_IMAGE() if images == 1 else texts.UP_TO(images=images)
    return texts.WITH_PRICE(images=counted, price=price.text) if price else counted


def told_together(prices: Iterable[Price], words: Words | None = None) -> str:
    """Their sums in words, each currency by itself: "¥1.00 and $0.12 by the list price of …, 0.50 by the prices …"."""
    sums: dict[str, dict[str, Decimal]] = {}
    for price in prices:
        of_source = sums.setdefault(price.source, {})
        of_source[price.currency] = of_source.get(price.currency, Decimal()) + price.amount
    told = [
        texts.BY_SOURCE(
            amount=chain(AND, [f"{currency}{_digits(amount)}" for currency, amount in amounts.items()]),
            source=_SOURCES[source](),
        )
        for source, amounts in sums.items()
    ]
    together = chain(COMMA, told)
    return in_language(together, words.language) if words else together


def _of_one(rate: Rate, body: Mapping[str, Any], *, layers: bool) -> str | None:
    """The price of one image of this body, or of one layer; None where the list does not tell it."""
    if bool(body.get("layer_decomposition")) != layers:
        return None  # an extra field asks for what the request does not know of
    if layers:
        return rate.layer if _is_small(body.get("size")) else rate.large_layer
    return rate.large if rate.large and not _is_small(body.get("size")) else rate.image


def _is_small(size: object) -> bool:
    """Whether a size is small for Pro; one that leaves the pixels to the model is not."""
    width, _, height = str(size).partition("x")
    if width.isdecimal() and height.isdecimal():
        return int(width) * int(height) <= LARGEST_SMALL
    return size in _SMALL_PRESETS


def _serves_itself(provider: Provider, base_url: str) -> bool:
    """Whether an address is the service's own, in whichever of its regions: a plan (/api/plan/v3) has other prices."""
    own, asked = urlsplit(provider.base_url), urlsplit(base_url)
    domain = ".".join((own.hostname or "").split(".")[-2:])
    return asked.path == own.path and (asked.hostname or "").endswith(f".{domain}")


def _digits(amount: Decimal) -> str:
    """An amount with two digits behind the point, with more where it has them."""
    text = f"{amount:.4f}".rstrip("0")
    return text + "0" * max(0, 2 - len(text.partition(".")[2]))
