"""The table of models: which id is which model, and the pixels of each preset at each ratio."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedream_magic.api.models import (
    KNOWN_IDS,
    MAXIMUM_RATIO,
    MINIMUM_RATIO,
    SEEDREAM_3_0,
    SEEDREAM_4_0,
    SEEDREAM_4_5,
    SEEDREAM_5_0_FLASH,
    SEEDREAM_5_0_LITE,
    SEEDREAM_5_0_PRO,
    SIDES,
    Model,
    find_model,
    ids_meant,
    pixels_for_ratio,
)


@pytest.mark.parametrize(
    ("model", "ids"),
    [
        (SEEDREAM_4_0, "doubao-seedream-4-0 seedream-4-0-250828"),
        (SEEDREAM_4_5, "doubao-seedream-4-5 Doubao-Seedream-4-5-251128 seedream-4-5-251128"),
        (SEEDREAM_5_0_LITE, "doubao-seedream-5-0-260128 doubao-seedream-5-0-lite-260128 seedream-5-0-lite"),
        (SEEDREAM_5_0_PRO, "doubao-seedream-5-0-pro-260628 dola-seedream-5-0-pro-260628"),
        (SEEDREAM_5_0_FLASH, "doubao-seedream-5-0-flash-260915"),
        (SEEDREAM_3_0, "doubao-seedream-3-0-t2i-250415"),
        (
            SEEDREAM_5_0_LITE,
            "doubao-seedream-5.0-lite Doubao-Seedream-5.0-Lite seedream_5_0_lite SEEDREAM-5.0 seedream-v5",
        ),
        (SEEDREAM_4_5, "bytedance/seedream-4.5 volcengine/doubao-seedream-4.5-251128 seedream4.5"),
        (
            SEEDREAM_4_5,
            "seedream-4-5-20251128",
        ),
        (SEEDREAM_4_0, "seedream-4 bytedance-seedream-4.0 DOUBAO_SEEDREAM_4_0_250828 seedream-4-250828"),
        (SEEDREAM_5_0_PRO, "doubao-seedream-5.0-pro seedream-5-pro-260628"),
        (
            None,
            "seedream-4.5-edit seedream-4-0-lite seedream seedream-45 doubao-seed-2.0-lite 4.5 seedream-5.0-pro-x",
        ),
        (None, "ep-20260101-abcde doubao-seedream-6-0 doubao-seedream-4-5-turbo my-seedream-4-5 seedream-4-5\n"),
    ],
)
def test_ids(model: Model | None, ids: str) -> None:
    """Dated and undated ids of both clouds and of gateways are known, with dots, slashes, capitals; an id that does not
    tell is not guessed at.
    """
    assert [find_model(model_id) for model_id in ids.split(" ")] == [model] * len(ids.split(" "))
    assert all(map(find_model, KNOWN_IDS))  # Tab offers no id that the table cannot check


@pytest.mark.parametrize(
    ("typed", "provider", "meant"),
    [
        ("seedream-5.0-lite", "ark", ("doubao-seedream-5-0-260128", "doubao-seedream-5-0-lite-260128")),
        ("doubao-seedream-4-5", "ark", ("doubao-seedream-4-5-251128",)),
        ("doubao-seedream-4-5-251128", "byteplus", ("seedream-4-5-251128",)),
        ("doubao-seedream-5-0-260128", "ark-plan", ("doubao-seedream-5.0-lite",)),
        ("doubao-seedraem-4-5-251128", "ark", ("doubao-seedream-4-5-251128",)),
        ("doubao-seedream-4-5-251128", "ark", ()),
        ("ep-2026", "ark", ()),
    ],
)
def test_ids_that_were_meant(typed: str, provider: str, meant: tuple[str, ...]) -> None:
    """Those of the same model at that provider, else one that is spelled alike; none for one that it has."""
    assert ids_meant(typed, provider) == meant


# The table of the 2026 documentation, row by row: 1K, 2K, 3K, 4K. An upright ratio has the sides of the other.
COMMON = {
    "1:1": ("1024x1024", "2048x2048", "3072x3072", "4096x4096"),
    "4:3": ("1152x864", "2304x1728", "3456x2592", "4704x3520"),
    "16:9": ("1312x736", "2848x1600", "4096x2304", "5504x3040"),
    "3:2": ("1248x832", "2496x1664", "3744x2496", "4992x3328"),
    "21:9": ("1568x672", "3136x1344", "4704x2016", "6240x2656"),
}
# Pro and Flash: 1K, 1.5K, 2K.
PRO = {
    "1:1": ("1024x1024", "1536x1536", "2048x2048"),
    "4:3": ("1152x864", "1792x1344", "2368x1776"),
    "16:9": ("1424x800", "2048x1152", "2816x1584"),
    "3:2": ("1248x832", "1872x1248", "2496x1664"),
    "21:9": ("1568x672", "2352x1008", "3136x1344"),
}
DOCUMENTED = [
    *((model, ("1K", "2K", "3K", "4K"), COMMON) for model in (SEEDREAM_4_0, SEEDREAM_4_5, SEEDREAM_5_0_LITE, None)),
    *((model, ("1K", "1.5K", "2K"), PRO) for model in (SEEDREAM_5_0_PRO, SEEDREAM_5_0_FLASH)),
]


@pytest.mark.parametrize(("model", "presets", "table"), DOCUMENTED)
def test_documented_pairs(model: Model | None, presets: tuple[str, ...], table: dict[str, tuple[str, ...]]) -> None:
    """Every pair of the documentation, within the limits of the model; a ratio may be written differently."""
    for ratio, row in table.items():
        across, down = map(int, ratio.split(":"))
        for preset, documented in zip(presets, row, strict=True):
            wide, high = pixels_for_ratio(model, preset, (across, down))
            assert f"{wide}x{high}" == documented
            assert ratio == "21:9" or pixels_for_ratio(model, preset, (down, across)) == (high, wide)
            assert pixels_for_ratio(model, preset, (across * 2, down * 2)) == (wide, high)
            if model is not None and preset in model.presets:
                assert model.minimum_area <= wide * high <= model.maximum_area


SIDE = st.integers(min_value=1, max_value=99_999)


@given(preset=st.sampled_from(sorted(SIDES)), width=SIDE, height=SIDE)
@settings(max_examples=300, deadline=None)
def test_any_ratio_keeps_the_area_and_the_limits(preset: str, width: int, height: int) -> None:
    """Pixels of a ratio within 1/16 to 16 stay within it and near it, and never above the largest documented area."""
    if not MINIMUM_RATIO <= width / height <= MAXIMUM_RATIO:
        width, height = 1, 1
    wide, high = pixels_for_ratio(SEEDREAM_4_0, preset, (width, height))
    assert MINIMUM_RATIO <= wide / high <= MAXIMUM_RATIO
    assert abs(wide / high / (width / height) - 1) < 0.02
    assert 0.9 * SIDES[preset] ** 2 < wide * high <= SIDES[preset] ** 2 * 1.1025
    assert wide * high <= 4096 * 4096
