"""What each Seedream model takes: presets, pixel areas, sets, streaming, references.

The facts are those of BytePlus' API page and ByteDance's SDKs as of August 2026, checked against recorded answers;
they are kept as data so that a new model is a new row. A model that is not listed (`ep-…` endpoint ids, models newer
than this table) is not checked.
"""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass

MINIMUM_RATIO = 1 / 16
MAXIMUM_RATIO = 16
MAXIMUM_IMAGES = 15
"""References and images of one call together, on every provider."""
MAXIMUM_FRAMES = 17
"""The most pictures that one answer can hold: the base and 16 layers of `layer_decomposition`."""

LARGEST_PICTURE_BYTES = 4 * 4096 * 4096 + 4 * 2**20
"""A picture of the largest size in which no compression finds anything (RGBA noise), and 4 MiB for what is around the
pixels: a PNG's rows, blocks and chunks (0.3 %), profiles and words. Every limit on bytes follows from it."""
LARGEST_BASE64_CHARACTERS = -(-LARGEST_PICTURE_BYTES // 3) * 4 * 78 // 76
"""The same in base64, in lines of 76 characters that end in CR LF."""
MAXIMUM_PIXELS = 33_600_000
"""Twice the largest size: a picture of more pixels is not decoded."""

SIDES = {"1K": 1024, "1.5K": 1536, "2K": 2048, "3K": 3072, "4K": 4096}
"""Side in pixels of each preset's square; its area is the preset's budget for other ratios."""


@dataclass(frozen=True)
class Model:
    """One model generation; `minimum_area` and `maximum_area` in pixels, both inclusive.

    `fields` says which further fields it takes, in the words of `needs` in the table of fields.
    """

    name: str
    presets: tuple[str, ...]
    minimum_area: int
    maximum_area: int
    references: int
    sets: bool
    stream: bool
    default_size: str = "2048x2048"
    fields: frozenset[str] = frozenset()

    @property
    def refused_keys(self) -> frozenset[str]:
        """Body fields that the service answers with 400, whatever their value."""
        return frozenset(
            key for key, taken in (("sequential_image_generation", self.sets), ("stream", self.stream)) if not taken
        )


_PRO_FIELDS = frozenset({"output_format", "background", "layer_decomposition"})
SEEDREAM_4_0 = Model(
    "Seedream 4.0", ("1K", "2K", "4K"), 1280 * 720, 4096 * 4096, 14, sets=True, stream=True, fields=frozenset({"fast"})
)
SEEDREAM_4_5 = Model("Seedream 4.5", ("2K", "4K"), 2560 * 1440, 4096 * 4096, 14, sets=True, stream=True)
SEEDREAM_5_0_LITE = Model(
    "Seedream 5.0 lite",
    ("2K", "3K", "4K"),
    2560 * 1440,
    4096 * 4096,
    14,
    sets=True,
    stream=True,
    fields=frozenset({"output_format", "tools"}),
)
SEEDREAM_5_0_PRO = Model(
    "Seedream 5.0 Pro",
    ("1K", "1.5K", "2K"),
    1280 * 720,
    4_624_220,
    10,
    sets=False,
    stream=False,
    default_size="2K",
    fields=_PRO_FIELDS | {"fast"},
)
SEEDREAM_5_0_FLASH = Model(
    "Seedream 5.0 Flash",
    ("1K", "1.5K", "2K"),
    1280 * 720,
    4_624_220,
    10,
    sets=False,
    stream=False,
    default_size="2K",
    fields=_PRO_FIELDS,
)
SEEDREAM_3_0 = Model("Seedream 3.0", (), 512 * 512, 2048 * 2048, 0, sets=False, stream=False, default_size="1024x1024")

_FAMILIES = {
    "3-0-t2i": SEEDREAM_3_0,
    "4-0": SEEDREAM_4_0,
    "4-5": SEEDREAM_4_5,
    "5-0-pro": SEEDREAM_5_0_PRO,
    "5-0-flash": SEEDREAM_5_0_FLASH,
    "5-0-lite": SEEDREAM_5_0_LITE,
    "5-0": SEEDREAM_5_0_LITE,
}
_ID = re.compile(
    r"(?:.*/)?(?:doubao-|dola-|bytedance-)?seedream-?v?(?P<major>\d)(?:-(?P<minor>\d))?(?P<kind>-[a-z]\w*)?(?:-\d{6}|-\d{8})?"
)
"""An id in lower case, its parts joined by hyphens; before it may stand a gateway's name for the vendor."""

KNOWN_IDS = (
    "doubao-seedream-4-0",
    "doubao-seedream-4-0-250828",
    "doubao-seedream-4-5",
    "doubao-seedream-4-5-251128",
    "doubao-seedream-5-0-260128",
    "doubao-seedream-5-0-lite-260128",
    "doubao-seedream-5-0-pro-260628",
    "doubao-seedream-5-0-flash-260915",
    "seedream-4-0-250828",
    "seedream-4-5-251128",
    "seedream-5-0-260128",
    "seedream-5-0-lite-260128",
    "dola-seedream-5-0-pro-260628",
    "doubao-seedream-5.0-lite",
)

# Recommended pixel pairs of the 2026 documentation. A preset leaves the ratio to the model; a pair fixes it.
_PAIRS = {
    "1K": {
        "1:1": (1024, 1024), "4:3": (1152, 864), "3:4": (864, 1152), "16:9": (1312, 736), "9:16": (736, 1312),
        "3:2": (1248, 832), "2:3": (832, 1248), "21:9": (1568, 672),
    },
    "2K": {
        "1:1": (2048, 2048), "4:3": (2304, 1728), "3:4": (1728, 2304), "3:2": (2496, 1664), "2:3": (1664, 2496),
        "16:9": (2848, 1600), "9:16": (1600, 2848), "21:9": (3136, 1344),
    },
    "3K": {
        "1:1": (3072, 3072), "4:3": (3456, 2592), "3:4": (2592, 3456), "16:9": (4096, 2304), "9:16": (2304, 4096),
        "3:2": (3744, 2496), "2:3": (2496, 3744), "21:9": (4704, 2016),
    },
    "4K": {
        "1:1": (4096, 4096), "4:3": (4704, 3520), "3:4": (3520, 4704), "16:9": (5504, 3040), "9:16": (3040, 5504),
        "3:2": (4992, 3328), "2:3": (3328, 4992), "21:9": (6240, 2656),
    },
}  # fmt: skip
_PRO_PAIRS = {
    "1K": {**_PAIRS["1K"], "16:9": (1424, 800), "9:16": (800, 1424)},
    "1.5K": {
        "1:1": (1536, 1536), "4:3": (1792, 1344), "3:4": (1344, 1792), "16:9": (2048, 1152), "9:16": (1152, 2048),
        "3:2": (1872, 1248), "2:3": (1248, 1872), "21:9": (2352, 1008),
    },
    "2K": {
        "1:1": (2048, 2048), "4:3": (2368, 1776), "3:4": (1776, 2368), "16:9": (2816, 1584), "9:16": (1584, 2816),
        "3:2": (2496, 1664), "2:3": (1664, 2496), "21:9": (3136, 1344),
    },
}  # fmt: skip
RATIOS = tuple(_PAIRS["2K"])
"""Those that have documented pixels, in the order in which they are offered."""
_PRO_MODELS = (SEEDREAM_5_0_PRO, SEEDREAM_5_0_FLASH)


def find_model(model_id: str) -> Model | None:
    """The row for a model id in any spelling; None for `ep-…` and for ids that do not tell.

    Dated or not, of either cloud or of a gateway: `doubao-seedream-5.0-lite`, `ByteDance/Seedream-4.5`, `seedream_v4`.
    """
    match = _ID.fullmatch(re.sub(r"[ ._]+", "-", model_id.lower()))
    return _FAMILIES.get(f"{match['major']}-{match['minor'] or 0}{match['kind'] or ''}") if match else None


def ids_for(provider: str) -> tuple[str, ...]:
    """The ids that are documented for a provider. Gateways take undated ones; whether dated ones too is not known."""
    if provider == "byteplus":
        return tuple(known for known in KNOWN_IDS if not known.startswith("doubao-"))
    own = (known for known in KNOWN_IDS if known.startswith("doubao-") and ("." in known) is (provider == "ark-plan"))
    dated = provider == "ark"
    return tuple(known for known in own if provider == "ark-plan" or bool(re.search(r"-\d{6}$", known)) is dated)


def ids_meant(model_id: str, provider: str) -> tuple[str, ...]:
    """The ids of a provider that somebody may have meant who asked for this one: of the same model, else alike."""
    offered, model = ids_for(provider), find_model(model_id)
    same = tuple(known for known in offered if model is not None and find_model(known) is model)
    return () if model_id in offered else same or tuple(difflib.get_close_matches(model_id.lower(), offered, n=1))


def misspelt(model_id: str, provider: str) -> str:
    """The id of a provider that this one is a misspelling of, "" where it may be one that the table does not know yet.

    A misspelling has the numbers of the known id, and as many words, all alike: `doubao-seedream-6-0` is a new model.
    """
    if find_model(model_id) is not None or model_id.lower().startswith("ep-"):
        return ""
    numbers, words = re.findall(r"\d+", model_id), re.findall("[a-z]+", model_id.lower())
    for known in dict.fromkeys((*ids_for(provider), *KNOWN_IDS)):
        known_words = re.findall("[a-z]+", known)
        alike = len(words) == len(known_words) and all(
            difflib.SequenceMatcher(None, *pair).ratio() > 0.75 for pair in zip(words, known_words, strict=True)
        )
        if alike and re.findall(r"\d+", known) == numbers:
            return known
    return ""


def is_unlisted(model_id: str) -> bool:
    """Whether an id looks like one of a Seedream, and is of no version that the table knows.

    `seedream-5` names none: it is taken for 5.0 here, and who knows what the service takes it for. Gateways write
    `seedream_v4`.
    """
    plain = re.sub(r"[ ._]+", "-", model_id.lower())
    match = _ID.fullmatch(plain)
    if match is None or find_model(model_id) is None:
        return "seedream" in plain
    return match["minor"] is None and "seedream-v" not in plain and "seedreamv" not in plain


def pixels_for_ratio(model: Model | None, preset: str, ratio: tuple[int, int]) -> tuple[int, int]:
    """Width and height in pixels of a preset at a ratio.

    The documented pair where there is one, however the ratio is written (32:18 is 16:9). Any other ratio gets the
    preset's area, rounded so that neither the area nor the ratio leaves the API's limits.
    """
    divisor = math.gcd(*ratio)
    reduced = (ratio[0] // divisor, ratio[1] // divisor)
    name = "21:9" if reduced == (7, 3) else f"{reduced[0]}:{reduced[1]}"
    pairs = _PRO_PAIRS if model in _PRO_MODELS or preset == "1.5K" else _PAIRS
    return pairs.get(preset, {}).get(name) or _same_area(SIDES[preset] ** 2, reduced)


def _same_area(area: int, ratio: tuple[int, int]) -> tuple[int, int]:
    wide, narrow = max(ratio), min(ratio)
    short = round(math.sqrt(area * narrow / wide))
    long = min(area // short, short * MAXIMUM_RATIO, round(short * wide / narrow))
    return (long, short) if ratio[0] >= ratio[1] else (short, long)
