"""What images cost: list prices where the service itself is asked, a person's own before them, else images alone."""

from __future__ import annotations

from typing import Any

import pytest

from requesting import FLASH, PRO, made
from seedream_magic.api.prices import LARGEST_SMALL, bill_text, price_of
from seedream_magic.api.providers import PROVIDERS
from seedream_magic.api.references.reference import Reference

ARK_4_5, ARK_PRO = "doubao-seedream-4-5-251128", "doubao-seedream-5-0-pro-260628"
LISTED = "by the list price of 2026-09"


def bill(provider: str, *, base_url: str = "", prices: dict[str, float] | None = None, **asked: Any) -> str:
    """What a request may bill, in words."""
    known = PROVIDERS[provider]
    request = made("a fox", **asked)
    price = price_of(request, known, prices or {}, base_url=base_url or known.base_url)
    return bill_text(request.images_at_most, price)


@pytest.mark.parametrize(
    ("provider", "asked", "words"),
    [
        ("ark", {"model": ARK_4_5}, f"1 image, ¥0.25 {LISTED}"),
        ("ark", {"model": ARK_4_5, "images": 4}, f"up to 4 images, ¥1.00 {LISTED}"),
        ("ark", {"model": ARK_4_5, "images": "auto"}, f"up to 15 images, ¥3.75 {LISTED}"),
        ("ark", {"model": "doubao-seedream-5-0-260128"}, f"1 image, ¥0.22 {LISTED}"),
        ("ark", {"model": FLASH}, f"1 image, ¥0.12 {LISTED}"),
        ("byteplus", {"model": "seedream-5-0-lite-260128", "images": 3}, f"up to 3 images, $0.105 {LISTED}"),
        ("ark", {"model": ARK_PRO, "size": "1.5K"}, f"1 image, ¥0.30 {LISTED}"),
        ("ark", {"model": ARK_PRO, "size": "1.5K", "ratio": "4:3"}, f"1 image, ¥0.30 {LISTED}"),
        ("ark", {"model": ARK_PRO, "size": "2K"}, f"1 image, ¥0.60 {LISTED}"),
        ("ark", {"model": ARK_PRO, "size": f"{LARGEST_SMALL // 1500 + 1}x1500"}, f"1 image, ¥0.60 {LISTED}"),
        ("byteplus", {"model": PRO, "size": "1K", "refs": 3}, f"1 image, $0.051 {LISTED}"),
        ("ark", {"model": ARK_PRO, "refs": 1, "layer_decomposition": True, "size": "1K"},
         f"up to 17 images, ¥2.55 {LISTED}"),
        ("byteplus", {"model": PRO, "refs": 1, "layer_decomposition": True}, "up to 17 images"),
        ("ark", {"model": ARK_4_5, "extra": {"size": "1K", "n": 2}}, f"up to 2 images, ¥0.50 {LISTED}"),
        ("anyfast", {"images": 4}, "up to 4 images"),
        ("ark", {"model": "ep-20261122", "images": 2}, "up to 2 images"),
        ("ark", {"model": "doubao-seedream-9-0"}, "1 image"),
        ("demo", {"images": 2}, "up to 2 images"),
    ],
    ids=str,
)  # fmt: skip
def test_what_a_request_may_bill(provider: str, asked: dict[str, Any], words: str) -> None:
    """Images and money: by the model, Pro's pixels, layers and references; images alone where no price is public."""
    references = (Reference("a.png", "image/png", b"x", 600, 600),) * asked.get("refs", 0)
    asked = {name: value for name, value in asked.items() if name != "refs"}
    assert bill(provider, **asked, references=references) == words


def test_a_list_price_is_that_of_the_service_itself() -> None:
    """Of another region, too; not of a gateway at another address, nor of a plan that is paid by the month."""
    assert LISTED in bill("byteplus", base_url="https://ark.eu-west.bytepluses.com/api/v3", model="seedream-4-5-251128")
    for address in ("https://gate.example/v1", "https://ark.cn-beijing.volces.com/api/plan/v3",
                    "https://volces.com.example/api/v3", "http://127.0.0.1:0/v1"):  # fmt: skip
        assert bill("ark", base_url=address, model=ARK_4_5) == "1 image"


def test_a_price_that_a_person_sets_comes_first() -> None:
    """At every provider and address but the demo's; it has no currency of ours."""
    prices = {ARK_4_5: 0.18, "doubao-seedream-4-5": 1}
    assert bill("ark", prices=prices, model=ARK_4_5, images=2) == "up to 2 images, 0.36 by the prices you set"
    assert bill("anyfast", prices=prices, base_url="https://gate.example/v1", images=2) == (
        "up to 2 images, 2.00 by the prices you set"
    )
    assert bill("demo", prices=prices) == "1 image"


def test_what_was_billed_costs_what_came() -> None:
    """Of four images that were asked for, three were billed."""
    ark = PROVIDERS["ark"]
    price = price_of(made("a fox", model=ARK_4_5, images=4), ark, {}, base_url=ark.base_url, images=3)
    assert str(price) == f"¥0.75 {LISTED}"
