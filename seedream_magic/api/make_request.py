"""From what a person asked for to a request that can be served."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from seedream_magic.api.limits import complaints
from seedream_magic.api.models import MAXIMUM_IMAGES, SIDES, Model, find_model, pixels_for_ratio
from seedream_magic.api.references.reference import Reference
from seedream_magic.api.request import DEFAULT_SIZE, ImageRequest, request_from_body
from seedream_magic.api.storyboard import Storyboard, storyboard
from seedream_magic.api.values import (
    BACKGROUNDS,
    OUTPUT_FORMATS,
    PROMPT_MODES,
    RESPONSE_FORMATS,
    Images,
    checked_extra,
    checked_model,
    checked_prompt,
    checked_switch,
    parse_images,
    parse_ratio,
    parse_size,
    parse_word,
)
from seedream_magic.errors import InvalidRequest


def make_request(
    prompt: str | Storyboard,
    *,
    model: str,
    images: Images | None = None,
    size: str | None = None,
    ratio: str | None = None,
    references: tuple[Reference, ...] = (),
    stream: bool | None = None,
    watermark: bool | None = None,
    response_format: str | None = None,
    output_format: str | None = None,
    background: str | None = None,
    layer_decomposition: bool | None = None,
    web_search: bool | None = None,
    optimize_prompt: str | None = None,
    extra: Mapping[str, Any] | None = None,
    strict: bool = False,
    check: bool = True,
) -> tuple[ImageRequest, tuple[str, ...]]:
    """Validate what a person asked for; return the request and the warnings to show.

    Of a storyboard the number of images follows. `strict` refuses what the model's table forbids; `check=False` lets
    limits of the model pass. None is the default value. Raises `InvalidRequest`, whose message names the fix.
    """
    count = _count(prompt, images)
    several = None if count == 1 else count
    further = checked_extra(
        {} if extra is None else extra,
        taken={
            "prompt": prompt,
            "image": references or None,
            "size": size or ratio,
            "sequential_image_generation": several,
            "sequential_image_generation_options": several,
            "stream": stream,
            "watermark": watermark,
            "response_format": response_format,
            "output_format": output_format,
            "background": background,
            "layer_decomposition": layer_decomposition,
            "tools": web_search,
            "optimize_prompt_options": optimize_prompt,
        },
    )
    model = checked_model(further.pop("model", model))
    known = find_model(model)
    extra_layers = further.get("layer_decomposition") is True and further.pop("layer_decomposition")
    layers = extra_layers or checked_switch("layer_decomposition", layer_decomposition) is True
    board = storyboard(prompt.style, prompt.frames) if isinstance(prompt, Storyboard) else None
    request = ImageRequest(
        model=model,
        prompt=checked_prompt(board.prompt if board else prompt, may_be_empty=layers),
        size=_final_size(known, size or ("2K" if layers and ratio is None else None), ratio),
        sequential_image_generation=_sequential(known, count),
        max_images=count if isinstance(count, int) and count > 1 else None,
        stream=_stream(known, count, checked_switch("stream", stream), check=check),
        response_format=parse_word("response-format", RESPONSE_FORMATS, response_format or "url"),
        watermark=checked_switch("watermark", watermark) is not False,
        references=references,
        storyboard=board,
        output_format=output_format and parse_word("output-format", OUTPUT_FORMATS, output_format),
        background=background and parse_word("background", BACKGROUNDS, background),
        layer_decomposition=layers,
        web_search=checked_switch("web_search", web_search) is True,
        optimize_prompt=optimize_prompt and parse_word("optimize-prompt", PROMPT_MODES, optimize_prompt),
        extra=further,
    )
    if "sequential_image_generation" in further:  # then it says how many images, and the request has one form only
        plain = request_from_body(replace(request, references=()).body, storyboard=board)
        request = replace(plain, references=references)
    expected = request.images_expected
    if expected is not None and not 1 <= expected <= MAXIMUM_IMAGES:
        raise InvalidRequest(f"max_images is 1 to {MAXIMUM_IMAGES}.")
    warnings = checked(request, strict=strict, check=check)
    if stream and known is not None and not known.stream and check:
        warnings = (*warnings, f"{known.name} does not stream; the request goes out without it.")
    return request, warnings


def checked(request: ImageRequest, *, strict: bool, check: bool = True) -> tuple[str, ...]:
    """The sentences to show before sending. Raises `InvalidRequest` where the limits refuse and `check` is on."""
    total = len(request.references) + (request.images_expected or 1)
    if request.references and total > MAXIMUM_IMAGES:
        check = True  # every provider refuses this
    found = complaints(request, strict=strict)
    for text, refuse in found:
        if refuse and check:
            raise InvalidRequest(text)
    return tuple(text for text, _ in found)


def _count(prompt: str | Storyboard, images: Images | None) -> Images:
    asked = None if images is None else parse_images(images)
    if not isinstance(prompt, Storyboard):
        return asked or 1
    frames = len(prompt.frames)
    if asked not in (None, frames):
        raise InvalidRequest(f"The storyboard has {frames} frames, --images asks for {asked}; leave --images out.")
    return parse_images(frames)


def _final_size(known: Model | None, size: str | None, ratio: str | None) -> str:
    if ratio is None:
        return parse_size(size) if size is not None else known.default_size if known else DEFAULT_SIZE
    pair = parse_ratio(ratio)
    preset = parse_size("2K" if size is None else size)
    if preset not in SIDES:
        raise InvalidRequest(f"--ratio goes with a preset size such as 2K; {preset} has its ratio already.")
    return "{}x{}".format(*pixels_for_ratio(known, preset, pair))


def _sequential(known: Model | None, count: Images) -> str | None:
    if count != 1:
        return "auto"
    return "disabled" if known is None or known.sets else None


def _stream(known: Model | None, count: Images, asked: bool | None, *, check: bool) -> bool | None:  # noqa: FBT001 - a tri-state value, not a switch
    if known is not None and not known.stream:
        return asked if asked is not None and not check else None
    return count != 1 if asked is None else asked
