"""What the API and a model's table say against a request: sentences, each with whether it refuses the request."""

from __future__ import annotations

import re

from seedream_magic.api.fields import FIELDS
from seedream_magic.api.models import MAXIMUM_RATIO, MINIMUM_RATIO, SIDES, Model, find_model
from seedream_magic.api.references.reference import reference_complaints
from seedream_magic.api.request import ImageRequest

DOCUMENTED_PRESETS = ("1K", "2K", "4K")
DOCUMENTED_AREA = (1024 * 1024, 4096 * 4096)

Complaint = tuple[str, bool]


def complaints(request: ImageRequest, *, strict: bool) -> list[Complaint]:
    """All that speaks against a request.

    `strict` refuses what the model's table forbids; without it only what the documented API forbids is refused and the
    table warns (a gateway may serve it).
    """
    known = find_model(request.model)
    return [
        *_size_complaints(known, request.size, strict=strict),
        *_set_complaints(known, request),
        *reference_complaints(
            request.references, model=known, images_at_most=request.images_expected or 1, strict=strict
        ),
        *_field_complaints(known, request),
        *_background_complaints(request),
        *_layer_complaints(request),
    ]


def _size_complaints(known: Model | None, size: str, *, strict: bool) -> list[Complaint]:
    if size in SIDES:
        if known is None or size in known.presets:
            return []
        offered = ", ".join(known.presets) or "WIDTHxHEIGHT only"
        text = f"{known.name} has no size {size}; it takes {offered}."
        return [(text, strict or size not in DOCUMENTED_PRESETS)]
    pixels = re.fullmatch(r"(\d+)x(\d+)", size)
    if known is None or pixels is None:  # of a word that was sent as an extra field nothing is known
        return []
    width, height = map(int, pixels.groups())
    if not MINIMUM_RATIO <= width / height <= MAXIMUM_RATIO:
        return [(f"--size {size} is outside the ratios 1:16 to 16:1.", True)]
    return _area_complaints(known, size, width * height, strict=strict)


def _area_complaints(known: Model, size: str, area: int, *, strict: bool) -> list[Complaint]:
    if known.minimum_area <= area <= known.maximum_area:
        return []
    documented = DOCUMENTED_AREA[0] <= area <= DOCUMENTED_AREA[1]
    text = (
        f"--size {size} has {area:,} pixels; {known.name} takes {known.minimum_area:,} to {known.maximum_area:,}, "
        f"for example {known.default_size}."
    )
    return [(text, strict or not documented)]


def _set_complaints(known: Model | None, request: ImageRequest) -> list[Complaint]:
    if known is None or known.sets or request.sequential_image_generation != "auto":
        return []
    return [(f"{known.name} makes one image a request; leave --images out or choose another model.", True)]


def _field_complaints(known: Model | None, request: ImageRequest) -> list[Complaint]:
    """Options of newer models that this one answers with an error."""
    if known is None:
        return []
    asked = request.values
    refused = [row.limited for row in FIELDS if row.needs not in known.fields and row.is_limited(asked.get(row.name))]
    return [(f"{known.name} does not take {option}; leave it out or choose another model.", True) for option in refused]


def _background_complaints(request: ImageRequest) -> list[Complaint]:
    if request.options.get("background") != "transparent":
        return []
    if request.options.get("output_format") == "jpeg":
        return [("--background transparent goes with --output-format png: JPEG has no transparency.", True)]
    if len(request.references) != 1:
        return [("--background transparent takes exactly one --ref, a picture with transparency.", True)]
    return []


def _layer_complaints(request: ImageRequest) -> list[Complaint]:
    if not request.layer_decomposition:
        return []
    if len(request.references) != 1:
        return [("--layer-decomposition takes exactly one --ref, the picture that is taken apart.", True)]
    if request.sequential_image_generation == "auto":
        return [("--layer-decomposition goes without --images: it returns the layers of one picture.", True)]
    if request.size not in {"1K", "1.5K", "2K"}:
        return [("--layer-decomposition takes --size 1K, 1.5K or 2K.", True)]
    return []
