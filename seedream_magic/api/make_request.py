"""From what a person asks for to a request that can be served: its fields are read, then held against the limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from seedream_magic.api.fields import FIELDS, find_field, keys_of, refuse_twice
from seedream_magic.api.models import (
    MAXIMUM_IMAGES,
    MAXIMUM_RATIO,
    MINIMUM_RATIO,
    SIDES,
    Model,
    find_model,
    pixels_for_ratio,
)
from seedream_magic.api.references.reference import Reference, reference_complaints
from seedream_magic.api.request import DEFAULT_SIZE, LONGEST_REQUEST, ImageRequest, request_from_body
from seedream_magic.api.storyboard import Storyboard, storyboard
from seedream_magic.api.values import Images, check_extra, check_prompt, parse_images, parse_model, parse_ratio
from seedream_magic.errors import InvalidRequest
from seedream_magic.words import requests as texts
from seedream_magic.words.lists import enumeration


@dataclass(frozen=True)
class Ask:
    """What a person asks for, as it was given: nothing is read, looked up or checked yet.

    `values` holds the fields of the request that were given, by their names in the table, and `extra`; None is not
    given. `refs` are input images in any form, `fit` scales those that are over the limits. `fresh` pays again whatever
    is stored, `take` is which of several stored sets is meant, from 1; `copy` copies one that another store has into
    one's own. `check=False` sends what the model's limits refuse, `timeout` is the limit of the whole call in seconds.
    """

    prompt: str | Storyboard
    values: Mapping[str, Any] = field(default_factory=dict, hash=False)
    refs: Any = ()
    fit: bool = False
    fresh: bool = False
    take: int | None = None
    copy: bool = False
    check: bool = True
    timeout: float | None = None

    @classmethod
    def of(cls, prompt: str | Storyboard, given: Mapping[str, Any]) -> Ask:
        """A prompt with what is given beside it, by the keywords of Python; a cell's options have the same names."""
        own = {part.name: given[part.name] for part in fields(cls) if part.name in given}
        return cls(prompt, {name: value for name, value in given.items() if name not in own}, **own)

    def beside(self, settings: Mapping[str, Any]) -> Ask:
        """The same with the settings of a notebook, by name, where what was given leaves room for them."""
        extra, room = self.values.get("extra") or {}, dict(settings)
        timeout = room.pop("timeout", None)
        if isinstance(self.prompt, Storyboard) or "layer_decomposition" in self.values:
            room.pop("images", None)
        if "ratio" in self.values and str(room.get("size")).upper() not in SIDES:
            room.pop("size", None)
        if self.values.get("size", "2K") not in SIDES:
            room.pop("ratio", None)
        room = {name: value for name, value in room.items() if keys_of([name]).isdisjoint(extra)}
        limit = timeout if self.timeout is None else self.timeout
        return replace(self, values={**room, **self.values}, timeout=limit)


def make_request(
    ask: Ask, *, model: str, references: tuple[Reference, ...] = (), strict: bool = False
) -> tuple[ImageRequest, tuple[str, ...]]:
    """Validate what a person asks for; return the request and the warnings to show.

    `model` is the one that draws where the ask names none. `references` are what its `refs` stand for. Of a storyboard
    the number of images follows. `strict` refuses what the model's table forbids. Raises `InvalidRequest`, whose
    message names the fix.
    """
    given = {name: value for name, value in ask.values.items() if value is not None}
    extra = check_extra(given.pop("extra", {}))
    values = {name: find_field(name).read(value) for name, value in given.items()}
    count = _count(ask.prompt, values.get("images"))
    refuse_twice({*values, *(["images"] if count != 1 else []), *(["refs"] if references else [])}, extra)
    model = parse_model(extra.pop("model", values.get("model", model)))
    known = find_model(model)
    layers = extra.get("layer_decomposition") is True and extra.pop("layer_decomposition")
    layers = layers or values.get("layer_decomposition") is True
    board = storyboard(ask.prompt.style, ask.prompt.frames) if isinstance(ask.prompt, Storyboard) else None
    optional = {row.name: values.get(row.name) for row in FIELDS if row.optional and not row.own}
    request = ImageRequest(
        model=model,
        prompt=check_prompt(board.prompt if board else ask.prompt, may_be_empty=layers),
        size=_final_size(known, values.get("size"), values.get("ratio"), layers=layers),
        sequential_image_generation=_sequential(known, count),
        max_images=count if isinstance(count, int) and count > 1 else None,
        stream=_stream(known, count, values.get("stream"), check=ask.check),
        response_format=values.get("response_format", "url"),
        watermark=values.get("watermark", True),
        references=references,
        storyboard=board,
        layer_decomposition=layers,
        options={name: value for name, value in optional.items() if value is not None and value is not False},
        extra=extra,
    )
    if "sequential_image_generation" in extra:  # then it says how many images, and the request has one form only
        plain = request_from_body(replace(request, references=()).body, storyboard=board)
        request = replace(plain, references=references)
    expected = request.images_expected
    if expected is not None and not 1 <= expected <= MAXIMUM_IMAGES:
        raise InvalidRequest(texts.MOST_IMAGES(most=MAXIMUM_IMAGES))
    warnings = check_limits(request, strict=strict, check=ask.check)
    if values.get("stream") and known is not None and not known.stream and ask.check:
        warnings = (*warnings, texts.DOES_NOT_STREAM(model=known.name))
    return request, warnings


def check_limits(request: ImageRequest, *, strict: bool, check: bool = True) -> tuple[str, ...]:
    """The sentences to show before sending. Raises `InvalidRequest` where the limits refuse and `check` is on."""
    if request.length > LONGEST_REQUEST:  # nobody could read what was paid for
        raise InvalidRequest(texts.TOO_MUCH_TEXT(most=LONGEST_REQUEST // 2**20))
    total = len(request.references) + (request.images_expected or 1)
    if request.references and total > MAXIMUM_IMAGES:
        check = True  # every provider refuses this
    found = complaints(request, strict=strict)
    for text, refuse in found:
        if refuse and check:
            raise InvalidRequest(text)
    return tuple(text for text, _ in found)


def _count(prompt: str | Storyboard, images: Images | None) -> Images:
    if not isinstance(prompt, Storyboard):
        return images or 1
    frames = len(prompt.frames)
    if images not in (None, frames):
        raise InvalidRequest(texts.STORYBOARD_COUNT(frames=frames, images=images))
    return parse_images(frames)


def _final_size(known: Model | None, size: str | None, ratio: str | None, *, layers: bool) -> str:
    if ratio is None:
        return size or ("2K" if layers else known.default_size if known else DEFAULT_SIZE)
    preset = size or "2K"
    if preset not in SIDES:
        raise InvalidRequest(texts.RATIO_WITH_PRESET(size=preset))
    return "{}x{}".format(*pixels_for_ratio(known, preset, parse_ratio(ratio)))


def _sequential(known: Model | None, count: Images) -> str | None:
    if count != 1:
        return "auto"
    return "disabled" if known is None or known.sets else None


def _stream(known: Model | None, count: Images, asked: bool | None, *, check: bool) -> bool | None:  # noqa: FBT001 - a tri-state value, not a switch
    if known is not None and not known.stream:
        return asked if asked is not None and not check else None
    return count != 1 if asked is None else asked


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
        offered = enumeration(known.presets) or texts.PIXELS_ONLY()
        text = texts.NO_SUCH_SIZE(model=known.name, size=size, sizes=offered)
        return [(text, strict or size not in DOCUMENTED_PRESETS)]
    pixels = re.fullmatch(r"(\d+)x(\d+)", size)
    if known is None or pixels is None:  # of a word that was sent as an extra field nothing is known
        return []
    width, height = map(int, pixels.groups())
    if not MINIMUM_RATIO <= width / height <= MAXIMUM_RATIO:
        return [(texts.OUTSIDE_RATIOS(size=size), True)]
    return _area_complaints(known, size, width * height, strict=strict)


def _area_complaints(known: Model, size: str, area: int, *, strict: bool) -> list[Complaint]:
    if known.minimum_area <= area <= known.maximum_area:
        return []
    documented = DOCUMENTED_AREA[0] <= area <= DOCUMENTED_AREA[1]
    limits = {"least": known.minimum_area, "most": known.maximum_area}
    text = texts.AREA(size=size, pixels=area, model=known.name, **limits, example=known.default_size)
    return [(text, strict or not documented)]


def _set_complaints(known: Model | None, request: ImageRequest) -> list[Complaint]:
    if known is None or known.sets or request.sequential_image_generation != "auto":
        return []
    return [(texts.ONE_IMAGE_ONLY(model=known.name), True)]


def _field_complaints(known: Model | None, request: ImageRequest) -> list[Complaint]:
    """Options of newer models that this one answers with an error."""
    if known is None:
        return []
    asked = request.values
    refused = [row.limited for row in FIELDS if row.needs not in known.fields and row.is_limited(asked.get(row.name))]
    return [(texts.FIELD_NOT_TAKEN(model=known.name, option=option), True) for option in refused]


def _background_complaints(request: ImageRequest) -> list[Complaint]:
    if request.options.get("background") != "transparent":
        return []
    if request.options.get("output_format") == "jpeg":
        return [(texts.JPEG_NOT_TRANSPARENT(), True)]
    if len(request.references) != 1:
        return [(texts.TRANSPARENT_TAKES_ONE(), True)]
    return []


def _layer_complaints(request: ImageRequest) -> list[Complaint]:
    if not request.layer_decomposition:
        return []
    if len(request.references) != 1:
        return [(texts.LAYERS_TAKE_ONE(), True)]
    if request.sequential_image_generation == "auto":
        return [(texts.LAYERS_WITHOUT_IMAGES(), True)]
    if request.size not in {"1K", "1.5K", "2K"}:
        return [(texts.LAYERS_SIZES(), True)]
    return []
