"""A plan that is handed in, held against what `Seedream.plan` makes: it may have been changed, or unpickled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from seedream_magic.api.credentials import Headers
from seedream_magic.api.fields import FIELDS, TAKE, TIMEOUT, in_python
from seedream_magic.api.make_request import check_limits
from seedream_magic.api.models import MAXIMUM_IMAGES
from seedream_magic.api.plan import Lineage, Plan
from seedream_magic.api.providers import Provider
from seedream_magic.api.references.reference import Reference
from seedream_magic.api.request import ImageRequest
from seedream_magic.api.storyboard import Storyboard, storyboard
from seedream_magic.api.values import check_extra, check_prompt, parse_model
from seedream_magic.errors import InvalidRequest
from seedream_magic.images.record import MAXIMUM_PLACES, RUN_ID
from seedream_magic.words import requests as texts

_Check = Callable[[Any], bool]


def check_plan(plan: object) -> None:
    """Raises `InvalidRequest` for what is no plan, and for one that no call of `plan` makes; nothing is sent of either.

    The limits of the model are not looked at: who made the plan may have turned that off.
    """
    if not isinstance(plan, Plan):
        raise InvalidRequest(texts.NO_PLAN(kind=type(plan).__name__))
    _check_values(plan, _OF_PLAN)
    request = plan.request
    _check_values(request, _OF_REQUEST)
    with in_python():
        parse_model(request.model)
        check_prompt(request.prompt, may_be_empty=True)
        if plan.timeout is not None:
            TIMEOUT.read(plan.timeout)
        if plan.take is not None:
            TAKE.read(plan.take)
        if request.storyboard is not None:
            storyboard(request.storyboard.style, request.storyboard.frames)
        if not plan.stored:
            check_extra(request.extra)
            _check_count(request)


def _check_count(request: ImageRequest) -> None:
    expected = request.images_expected
    if expected is not None and not 1 <= expected <= MAXIMUM_IMAGES:
        raise InvalidRequest(texts.MOST_IMAGES(most=MAXIMUM_IMAGES))
    check_limits(request, strict=False, check=False)  # what every provider refuses


def _check_values(holder: object, checks: Mapping[str, _Check]) -> None:
    values = vars(holder)
    for name, check in checks.items():
        if name not in values or not check(values[name]):
            raise InvalidRequest(texts.PLAN_WAS_CHANGED(name=name, kind=type(values.get(name)).__name__))


def _of(*kinds: type) -> _Check:
    """A value of one of these types; True and False are no numbers."""
    return lambda value: isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))


def _all(kind: type) -> _Check:
    return lambda value: isinstance(value, tuple) and all(isinstance(item, kind) for item in value)


def _or_none(check: _Check) -> _Check:
    return lambda value: value is None or check(value)


def _is_run_id(value: Any) -> bool:
    return isinstance(value, str) and RUN_ID.fullmatch(value) is not None


def _is_lineage(value: Any) -> bool:
    if not isinstance(value, Lineage) or value.kind not in ("redo", "extend", "vary") or not _is_run_id(value.run_id):
        return False
    places: Any = value.places
    return isinstance(places, tuple) and all(type(place) is int and 0 <= place < MAXIMUM_PLACES for place in places)


def _are_prices(value: Any) -> bool:
    number = _of(int, float)
    return isinstance(value, Mapping) and all(isinstance(name, str) and number(value[name]) for name in value)


def _are_options(value: Any) -> bool:
    kinds = {row.name: row.kind if row.parse else bool for row in FIELDS if row.optional and not row.own}
    return isinstance(value, Mapping) and all(name in kinds and isinstance(value[name], kinds[name]) for name in value)


def _is_size(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 40 and value.isprintable()


_OF_PLAN: dict[str, _Check] = {
    "request": _of(ImageRequest),
    "provider": _of(Provider),
    "base_url": _of(str),
    "warnings": _all(str),
    "timeout": _or_none(_of(int, float)),
    "stored": _or_none(_is_run_id),
    "stored_in": _or_none(_of(Path)),
    "copy": _of(bool),
    "already": _of(str),
    "fresh": _of(bool),
    "take": _or_none(_of(int)),
    "draws_take": _of(bool),
    "lineage": _or_none(_is_lineage),
    "references": _or_none(_of(Path)),
    "headers": _of(Headers),
    "prices": _are_prices,
}
_OF_REQUEST: dict[str, _Check] = {
    "model": _of(str),
    "prompt": _of(str),
    "size": _is_size,
    "sequential_image_generation": lambda value: value in (None, "auto", "disabled"),
    "max_images": _or_none(lambda value: type(value) is int and 1 <= value <= MAXIMUM_IMAGES),
    "stream": _or_none(_of(bool)),
    "response_format": _of(str),
    "watermark": _of(bool),
    "references": _all(Reference),
    "storyboard": _or_none(_of(Storyboard)),
    "layer_decomposition": _of(bool),
    "options": _are_options,
    "extra": _of(Mapping),
}
