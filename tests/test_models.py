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
    pixels_for_ratio,
)


@pytest.mark.parametrize(
    ("model", "ids"),
    [
        (SEEDREAM_4_0, "doubao-seedream-4-0 doubao-seedream-4-0-250828 seedream-4-0-250828"),
        (SEEDREAM_4_5, "doubao-seedream-4-5 Doubao-Seedream-4-5-251128 seedream-4-5-251128"),
        (SEEDREAM_5_0_LITE, "doubao-seedream-5-0-260128 doubao-seedream-5-0-lite-260128 seedream-5-0-260128"),
        (SEEDREAM_5_0_LITE, "seedream-5-0-lite"),
        (SEEDREAM_5_0_PRO, "doubao-seedream-5-0-pro-260628 dola-seedream-5-0-pro-260628"),
        (SEEDREAM_5_0_FLASH, "doubao-seedream-5-0-flash-260915"),
        (SEEDREAM_3_0, "doubao-seedream-3-0-t2i-250415"),
        (None, "ep-20260101-abcde doubao-seedream-6-0 doubao-seedream-4-5-turbo doubao-seededit-3-0-i2i-250628"),
    ],
)
def test_ids(model: Model | None, ids: str) -> None:
    """Dated and undated ids of both clouds are known; an id that does not tell is not guessed at."""
    assert [find_model(model_id) for model_id in ids.split()] == [model] * len(ids.split())
    assert find_model("my-seedream-4-5") is find_model("seedream-4-5\n") is find_model("") is None


def test_every_offered_id_is_known() -> None:
    """Completion offers no id that the table cannot check."""
    assert [model_id for model_id in KNOWN_IDS if find_model(model_id) is None] == []


# The table of the 2026 documentation, row by row: 1K, 2K, 3K, 4K.
COMMON = {
    "1:1": ("1024x1024", "2048x2048", "3072x3072", "4096x4096"),
    "4:3": ("1152x864", "2304x1728", "3456x2592", "4704x3520"),
    "3:4": ("864x1152", "1728x2304", "2592x3456", "3520x4704"),
    "16:9": ("1312x736", "2848x1600", "4096x2304", "5504x3040"),
    "9:16": ("736x1312", "1600x2848", "2304x4096", "3040x5504"),
    "3:2": ("1248x832", "2496x1664", "3744x2496", "4992x3328"),
    "2:3": ("832x1248", "1664x2496", "2496x3744", "3328x4992"),
    "21:9": ("1568x672", "3136x1344", "4704x2016", "6240x2656"),
}
# Pro and Flash: 1K, 1.5K, 2K.
PRO = {
    "1:1": ("1024x1024", "1536x1536", "2048x2048"),
    "4:3": ("1152x864", "1792x1344", "2368x1776"),
    "3:4": ("864x1152", "1344x1792", "1776x2368"),
    "16:9": ("1424x800", "2048x1152", "2816x1584"),
    "9:16": ("800x1424", "1152x2048", "1584x2816"),
    "3:2": ("1248x832", "1872x1248", "2496x1664"),
    "2:3": ("832x1248", "1248x1872", "1664x2496"),
    "21:9": ("1568x672", "2352x1008", "3136x1344"),
}


COMMON_MODELS, PRO_MODELS = (SEEDREAM_4_0, SEEDREAM_4_5, SEEDREAM_5_0_LITE), (SEEDREAM_5_0_PRO, SEEDREAM_5_0_FLASH)


def pixels(model: Model | None, preset: str, ratio: str) -> str:
    width, _, height = ratio.partition(":")
    return "{}x{}".format(*pixels_for_ratio(model, preset, (int(width), int(height))))


@pytest.mark.parametrize("ratio", COMMON)
def test_documented_pairs(ratio: str) -> None:
    """Every pair of the documentation, for every model that it stands for; Pro and Flash have pairs of their own."""
    for model in (*COMMON_MODELS, None):
        assert tuple(pixels(model, preset, ratio) for preset in ("1K", "2K", "3K", "4K")) == COMMON[ratio]
    for model in PRO_MODELS:
        assert tuple(pixels(model, preset, ratio) for preset in ("1K", "1.5K", "2K")) == PRO[ratio]


@pytest.mark.parametrize(
    ("written", "reduced"), [("32:18", "16:9"), ("7:3", "21:9"), ("2:2", "1:1"), ("42:18", "21:9")]
)
def test_a_ratio_written_differently(written: str, reduced: str) -> None:
    """The same ratio gives the same pixels."""
    assert pixels(SEEDREAM_4_5, "2K", written) == pixels(SEEDREAM_4_5, "2K", reduced)


@pytest.mark.parametrize("model", COMMON_MODELS + PRO_MODELS, ids=lambda model: model.name)
def test_documented_pairs_are_within_the_models_limits(model: Model) -> None:
    """No ratio of a preset that the model has is refused by the model's own limits."""
    for preset in model.presets:
        for ratio in COMMON:
            width, height = map(int, pixels(model, preset, ratio).split("x"))
            assert model.minimum_area <= width * height <= model.maximum_area, (preset, ratio)


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
    assert 0.9 * SIDES[preset] ** 2 < wide * high <= max(SIDES[preset] ** 2 * 1.1025, 0)
    assert wide * high <= 4096 * 4096


@pytest.mark.parametrize(
    ("model", "keys"), [(SEEDREAM_4_5, set()), (SEEDREAM_5_0_PRO, {"sequential_image_generation", "stream"})]
)
def test_refused_keys(model: Model, keys: set[str]) -> None:
    """The keys that a model answers with 400 follow from its row."""
    assert model.refused_keys == keys
