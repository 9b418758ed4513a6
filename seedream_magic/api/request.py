"""A request as it will be sent: every parameter validated, and the JSON body it stands for."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from seedream_magic.api.models import (
    MAXIMUM_IMAGES,
    MAXIMUM_RATIO,
    MINIMUM_RATIO,
    SIDES,
    Model,
    find_model,
    pixels_for_ratio,
)
from seedream_magic.errors import InvalidRequest

DEFAULT_SIZE = "2048x2048"
DOCUMENTED_PRESETS = ("1K", "2K", "4K")
DOCUMENTED_AREA = (1024 * 1024, 4096 * 4096)
RESPONSE_FORMATS = ("url", "b64_json")

Images = int | Literal["auto"]

_FIELD_TYPES: dict[str, type] = {
    "model": str,
    "prompt": str,
    "size": str,
    "sequential_image_generation": str,
    "stream": bool,
    "response_format": str,
    "watermark": bool,
}


@dataclass(frozen=True)
class ImageRequest:
    """One call of the image API. A field that is None is not sent.

    `size` is a preset ("2K") or "WIDTHxHEIGHT" in pixels. `sequential_image_generation` is "auto" for a set and
    "disabled" for one image; `max_images` (1-15) caps a set. `extra` holds further body fields, sent as they are and
    after the others, so that they win.
    """

    model: str
    prompt: str
    size: str = DEFAULT_SIZE
    sequential_image_generation: str | None = "disabled"
    max_images: int | None = None
    stream: bool | None = False
    response_format: str = "url"
    watermark: bool = True
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object of the POST."""
        named: dict[str, Any] = {
            "model": self.model,
            "prompt": self.prompt,
            "size": self.size,
            "sequential_image_generation": self.sequential_image_generation,
            "stream": self.stream,
            "response_format": self.response_format,
            "watermark": self.watermark,
        }
        sent = {key: value for key, value in named.items() if value is not None}
        if self.max_images is not None:
            sent["sequential_image_generation_options"] = {"max_images": self.max_images}
        return {**sent, **self.extra}

    def for_images(self, count: int) -> ImageRequest:
        """The same request for another number of images; a request for one image stays as it is."""
        if self.images_expected == 1:
            return self
        if count == 1:
            return replace(self, sequential_image_generation="disabled", max_images=None)
        return replace(self, sequential_image_generation="auto", max_images=count)

    @property
    def images_at_most(self) -> int:
        """How many images this request can bill."""
        expected = self.images_expected
        return MAXIMUM_IMAGES if expected is None else expected

    @property
    def images_expected(self) -> int | None:
        """How many images were asked for; None where the model decides."""
        body = self.body
        if body.get("sequential_image_generation") != "auto":
            return 1
        options = body.get("sequential_image_generation_options")
        asked = options.get("max_images") if isinstance(options, Mapping) else None
        return asked if isinstance(asked, int) and not isinstance(asked, bool) else None


def make_request(
    prompt: str,
    *,
    model: str,
    images: Images | None = None,
    size: str | None = None,
    ratio: str | None = None,
    stream: bool | None = None,
    watermark: bool | None = None,
    response_format: str | None = None,
    extra: Mapping[str, Any] | None = None,
    strict: bool = False,
    check: bool = True,
) -> tuple[ImageRequest, tuple[str, ...]]:
    """Validate what a person asked for; return the request and the warnings to show.

    `strict` refuses what the model's table forbids; without it only what the documented API forbids is refused and the
    table warns (the gateway may serve it). `check=False` lets limits of the model pass. None is the default value.
    Raises `InvalidRequest`, whose message names the fix.
    """
    further = _checked_extra(
        {} if extra is None else extra,
        taken={
            "prompt": prompt,
            "size": size or ratio,
            "sequential_image_generation": None if images in (None, 1) else images,
            "sequential_image_generation_options": None if images in (None, 1) else images,
            "stream": stream,
            "watermark": watermark,
            "response_format": response_format,
        },
    )
    model = _checked_model(further.pop("model", model))
    known = find_model(model)
    count = parse_images(1 if images is None else images)
    final_size = _final_size(known, size, ratio)
    complaints = [*_size_complaints(known, final_size, strict=strict), *_set_complaints(known, count)]
    refusals = [text for text, refuse in complaints if refuse and check]
    if refusals:
        raise InvalidRequest(refusals[0])
    warnings = [text for text, _ in complaints]
    if stream and known is not None and not known.stream and check:
        warnings.append(f"{known.name} does not stream; the request goes out without it.")
    request = ImageRequest(
        model=model,
        prompt=_checked_prompt(prompt),
        size=final_size,
        sequential_image_generation=_sequential(known, count),
        max_images=count if isinstance(count, int) and count > 1 else None,
        stream=_stream(known, count, _checked_switch("stream", stream), check=check),
        response_format=parse_response_format(response_format or "url"),
        watermark=_checked_switch("watermark", watermark) is not False,
        extra=further,
    )
    if not 1 <= request.images_at_most <= MAXIMUM_IMAGES:
        raise InvalidRequest(f"max_images is 1 to {MAXIMUM_IMAGES}.")
    return request, tuple(warnings)


def request_from_body(body: Mapping[str, Any]) -> ImageRequest:
    """The request whose body this is; what is of no known field, or of another type, is kept as an extra field."""
    named: dict[str, Any] = {key: body[key] for key, kind in _FIELD_TYPES.items() if isinstance(body.get(key), kind)}
    rest = {key: value for key, value in body.items() if key not in named}
    options = rest.get("sequential_image_generation_options")
    if isinstance(options, Mapping) and list(options) == ["max_images"] and type(options["max_images"]) is int:
        named["max_images"] = options["max_images"]
        del rest["sequential_image_generation_options"]
    unsent = {"sequential_image_generation": None, "stream": None, "model": "", "prompt": ""}
    return ImageRequest(**{**unsent, **named}, extra=rest)


def parse_images(value: object) -> Images:
    """How many images: 1-15 or "auto"; digits of any script count."""
    text = _plain(value).lower()
    if text == "auto":
        return "auto"
    if not isinstance(value, bool) and re.fullmatch(r"\d{1,3}", text) and 1 <= int(text) <= MAXIMUM_IMAGES:
        return int(text)
    raise InvalidRequest(f"--images takes 1 to {MAXIMUM_IMAGES} or auto, not {_shown(value)}.")


def parse_size(value: object) -> str:
    """A preset in capitals, or "WIDTHxHEIGHT" with a plain x; `X`, `×` and `*` are taken for it."""
    text = _plain(value).upper()
    if text in SIDES:
        return text
    match = re.fullmatch(r"(\d{1,6})\s*[X×*]\s*(\d{1,6})", text)
    if match and int(match[1]) and int(match[2]):
        return f"{int(match[1])}x{int(match[2])}"
    raise InvalidRequest(f"--size takes 1K, 2K, 4K or WIDTHxHEIGHT such as 2048x2048, not {_shown(value)}.")


def parse_ratio(value: object) -> tuple[int, int]:
    """Width and height of "W:H", 1/16 to 16."""
    match = re.fullmatch(r"(\d{1,5})\s*[:/∶]\s*(\d{1,5})", _plain(value))
    if match and int(match[1]) and int(match[2]):
        width, height = int(match[1]), int(match[2])
        if MINIMUM_RATIO <= width / height <= MAXIMUM_RATIO:
            return width, height
        raise InvalidRequest(f"--ratio goes from 1:16 to 16:1, not {_shown(value)}.")
    raise InvalidRequest(f"--ratio takes W:H such as 16:9, not {_shown(value)}.")


def parse_response_format(value: object) -> str:
    """`url` or `b64_json`."""
    text = _plain(value).lower()
    if text in RESPONSE_FORMATS:
        return text
    raise InvalidRequest(f"--response-format takes url or b64_json, not {_shown(value)}.")


def parse_extra(text: str) -> dict[str, Any]:
    """The JSON object of `--extra`."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as exc:
        raise InvalidRequest(f"""--extra takes a JSON object in single quotes, '{{"seed": 7}}': {exc}.""") from exc
    if not isinstance(value, dict):
        raise InvalidRequest("""--extra takes a JSON object in single quotes, '{"seed": 7}'.""")
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _plain(value: object) -> str:
    """Full-width digits, letters and punctuation are typed by Chinese input methods and mean the plain ones."""
    return unicodedata.normalize("NFKC", str(value)).strip()


def _shown(value: object) -> str:
    text = str(value)
    return repr(text if len(text) <= 40 else text[:39] + "…")


def _checked_prompt(prompt: str) -> str:
    if not isinstance(prompt, str):
        raise InvalidRequest(f"The prompt is text, not {type(prompt).__name__}.")
    if not prompt.strip():
        raise InvalidRequest("The prompt is empty: write it below the %%seedream line.")
    try:
        prompt.encode()
    except UnicodeEncodeError as exc:
        raise InvalidRequest(f"The prompt holds half a character at position {exc.start + 1}; type it anew.") from exc
    return prompt


def _checked_model(model: object) -> str:
    if isinstance(model, str) and model.strip() and not re.search(r"[\x00-\x1f\ud800-\udfff]", model):
        return model
    raise InvalidRequest(f"--model takes a model id such as doubao-seedream-4-5, not {_shown(model)}.")


def _checked_switch(name: str, value: object) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise InvalidRequest(f"{name} is True or False, not {_shown(value)}.")


def _checked_extra(extra: Mapping[str, Any], *, taken: Mapping[str, object]) -> dict[str, Any]:
    if not isinstance(extra, Mapping):
        raise InvalidRequest(f"extra takes a dict of body fields, not {type(extra).__name__}.")
    for key in extra:
        if taken.get(key) is not None:
            raise InvalidRequest(f"--extra sets {key!r}, which is set already; give it once.")
    try:
        text = json.dumps(dict(extra), allow_nan=False, ensure_ascii=False)
        text.encode()
        copy: dict[str, Any] = json.loads(text)
    except (TypeError, ValueError, RecursionError) as exc:
        raise InvalidRequest(f"extra takes what JSON can say: {exc}.") from exc
    return copy


def _final_size(known: Model | None, size: str | None, ratio: str | None) -> str:
    if ratio is None:
        return parse_size(size) if size is not None else known.default_size if known else DEFAULT_SIZE
    pair = parse_ratio(ratio)
    preset = parse_size("2K" if size is None else size)
    if preset not in SIDES:
        raise InvalidRequest(f"--ratio goes with a preset size such as 2K; {preset} has its ratio already.")
    return "{}x{}".format(*pixels_for_ratio(known, preset, pair))


def _size_complaints(known: Model | None, size: str, *, strict: bool) -> list[tuple[str, bool]]:
    """Sentences about the size, each with whether it refuses the request."""
    if size in SIDES:
        if known is None or size in known.presets:
            return []
        offered = ", ".join(known.presets) or "WIDTHxHEIGHT only"
        text = f"{known.name} has no size {size}; it takes {offered}."
        return [(text, strict or size not in DOCUMENTED_PRESETS)]
    if known is None:
        return []
    width, height = map(int, size.split("x"))
    if not MINIMUM_RATIO <= width / height <= MAXIMUM_RATIO:
        return [(f"--size {size} is outside the ratios 1:16 to 16:1.", True)]
    return _area_complaints(known, size, width * height, strict=strict)


def _area_complaints(known: Model, size: str, area: int, *, strict: bool) -> list[tuple[str, bool]]:
    if known.minimum_area <= area <= known.maximum_area:
        return []
    documented = DOCUMENTED_AREA[0] <= area <= DOCUMENTED_AREA[1]
    text = (
        f"--size {size} has {area:,} pixels; {known.name} takes {known.minimum_area:,} to {known.maximum_area:,}, "
        f"for example {known.default_size}."
    )
    return [(text, strict or not documented)]


def _set_complaints(known: Model | None, count: Images) -> list[tuple[str, bool]]:
    if known is None or known.sets or count == 1:
        return []
    return [(f"{known.name} makes one image a request; leave --images out or choose another model.", True)]


def _sequential(known: Model | None, count: Images) -> str | None:
    if count != 1:
        return "auto"
    return "disabled" if known is None or known.sets else None


def _stream(known: Model | None, count: Images, asked: bool | None, *, check: bool) -> bool | None:  # noqa: FBT001 - a tri-state value, not a switch
    if known is not None and not known.stream:
        return asked if asked is not None and not check else None
    return count != 1 if asked is None else asked
