"""What a request body asks for: a `Job` to be done, or a `Refusal` in the words recorded from the real service.

Pure functions. Codes, limits and texts are those of the Ark image API: its error-code page, and answers that people
published (the rejected parameter stands in back-ticks inside the message, while `error.param` is empty).
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

from seedream_magic.api.models import (
    MAXIMUM_IMAGES,
    MAXIMUM_RATIO,
    SEEDREAM_3_0,
    SEEDREAM_4_5,
    SEEDREAM_5_0_LITE,
    SEEDREAM_5_0_PRO,
    Model,
    find_model,
    pixels_for_ratio,
)

from .prompts import count_images, read_ratio, refused_frame

LAYERS = (
    ("base", "The whole picture.", 0.0, 1.0),
    ("sky", "Everything above the horizon line.", 0.0, 0.6),
    ("middle ground", "What lies around the horizon.", 0.6, 0.75),
    ("foreground", "What is nearest to the viewer.", 0.75, 1.0),
)
"""What `layer_decomposition` takes a picture apart into, from the bottom up: name, description, and from where to where
each reaches, in shares of the height."""

REFUSED_IMAGE = (
    "OutputImageSensitiveContentDetected",
    "The request failed because the output image may contain sensitive information.",
)

# What a prompt asks for by its words, and the refusal it gets.
_REHEARSED: tuple[tuple[str, int, str, str, int | None], ...] = (
    (
        *(r"\bforbidden\b|禁止", 400, "InputTextSensitiveContentDetected"),
        *("The request failed because the input text may contain sensitive information.", None),
    ),
    (
        *(r"\boverload\b|拥堵", 429, "RateLimitExceeded.EndpointRPMExceeded"),
        *("The requests per minute (RPM) limit of the endpoint has been exceeded. Please try again later.", 1),
    ),
    (
        *(r"\bcrash\b|崩溃", 500, "InternalServiceError"),
        *("The service encountered an unexpected internal error. Please retry the request later.", None),
    ),
)


@dataclass(eq=False)
class Refusal(Exception):
    """An error answer: HTTP status, the envelope's code and message (without the request id)."""

    status: int
    code: str
    message: str
    retry_after: int | None = None

    @property
    def type(self) -> str:
        kinds = {401: "Unauthorized", 404: "NotFound", 429: "TooManyRequests", 500: "InternalServerError"}
        return kinds.get(self.status, "BadRequest")


@dataclass(frozen=True)
class Job:
    """A request that will be served: `count` pictures of `width` x `height` pixels; `refused` is a frame from 0.

    With `layers` they are one picture and its parts. `names_format` is whether each says its format in the answer.
    """

    model_id: str
    prompt: str
    width: int
    height: int
    count: int
    refused: int | None
    references: int
    stream: bool
    base64: bool
    watermark: bool
    png: bool
    layers: bool
    web_search: bool
    names_format: bool


def read_job(content: bytes) -> Job:
    """The job a request body asks for. JSON null means unset, unknown fields are ignored; raises `Refusal`."""
    body = _read_body(content)
    model_id, model = _read_model(body)
    _check_keys(body, model)
    layers = _read_flag(body, "layer_decomposition", default=False) and "layer_decomposition" in model.fields
    prompt = body.get("prompt", "layers" if layers else "")
    if not isinstance(prompt, str):
        raise _invalid("prompt", "the parameter must be a string")
    if not prompt.strip():
        raise _missing("prompt")
    references = _count_references(body, model)
    if layers and references != 1:
        raise _invalid("image", "layer_decomposition takes exactly one image")
    width, height = _read_size(body, model, model_id, prompt)
    count = len(LAYERS) if layers else _read_count(body, prompt, references)
    for words, status, code, message, retry_after in _REHEARSED:
        if re.search(words, prompt.lower()):
            raise Refusal(status, code, message, retry_after)
    refused = refused_frame(prompt)
    if refused is not None and count == 1:
        raise Refusal(400, *REFUSED_IMAGE)
    tools = body.get("tools", [])
    if not isinstance(tools, list):
        raise _invalid("tools", "the parameter must be an array of objects")
    return Job(
        model_id=model_id,
        prompt=prompt,
        width=width,
        height=height,
        count=count,
        refused=refused,
        references=references,
        stream=_read_flag(body, "stream", default=False),
        base64=_read_choice(body, "response_format", ("url", "b64_json")) == "b64_json",
        watermark=_read_flag(body, "watermark", default=True),
        png=layers or _read_choice(body, "output_format", ("jpeg", "png")) == "png",
        layers=layers,
        web_search="tools" in model.fields and {"type": "web_search"} in tools,  # others ignore their tools
        names_format=model == SEEDREAM_5_0_PRO,
    )


def _invalid(name: str, reason: str) -> Refusal:
    message = f"The parameter `{name}` specified in the request is not valid: {reason}."
    return Refusal(400, "InvalidParameter", message)


def _missing(name: str) -> Refusal:
    message = f"The request failed because it is missing the required parameter `{name}`."
    return Refusal(400, "MissingParameter", message)


def _read_body(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError) as exc:
        raise Refusal(400, "InvalidParameter", "The request failed because its body is not valid JSON.") from exc
    if not isinstance(body, dict):
        raise Refusal(400, "InvalidParameter", "The request failed because its body is not a JSON object.")
    return {name: value for name, value in body.items() if value is not None}


def _read_model(body: dict[str, Any]) -> tuple[str, Model]:
    model_id = body.get("model")
    if model_id is None or model_id == "":
        raise _missing("model")
    model = find_model(model_id) if isinstance(model_id, str) else None
    if model is None:
        message = f"The model or endpoint {model_id} does not exist or you do not have access to it."
        raise Refusal(404, "InvalidEndpointOrModel.NotFound", message)
    return str(model_id), model


def _check_keys(body: dict[str, Any], model: Model) -> None:
    """Fields with a recorded 400; other fields a model does not know are ignored, as the real service seems to."""
    also = {SEEDREAM_3_0: "output_format", SEEDREAM_4_5: "output_format", SEEDREAM_5_0_LITE: "guidance_scale"}
    refused = {*model.refused_keys, also.get(model), None if model.references else "image"}
    for name in body:
        if name in refused:
            raise _invalid(name, f"the parameter `{name}` is not supported by the current model")


def _count_references(body: dict[str, Any], model: Model) -> int:
    images = body.get("image", [])
    images = [images] if isinstance(images, str) else images
    if not isinstance(images, list):
        raise _invalid("image", "the parameter must be a string or an array of strings")
    if len(images) > model.references:
        raise _invalid("image", f"the number of input images must be at most {model.references}")
    for image in images:
        text = image if isinstance(image, str) else ""
        head = re.match(r"data:image/[a-z0-9.+-]+;base64,(?=.)", text)
        try:
            # Only the form: nothing is downloaded.
            known = re.match(r"https?://[^\s/]+", text) or (
                head and base64.b64decode(text[head.end() :], validate=True)
            )
        except ValueError:
            known = None
        if not known:
            reason = "the image must be a URL or data:image/<format>;base64,<data>, format in lowercase"
            raise _invalid("image", reason)
    return len(images)


def _read_size(body: dict[str, Any], model: Model, model_id: str, prompt: str) -> tuple[int, int]:
    size = body.get("size", model.default_size)
    if not isinstance(size, str):
        raise _invalid("size", "the parameter must be a string")
    if size.upper() in model.presets:
        return pixels_for_ratio(model, size.upper(), read_ratio(prompt))
    pixels = re.fullmatch(r"(\d{1,6})x(\d{1,6})", size, re.ASCII)
    if pixels is None and model == SEEDREAM_5_0_LITE:
        raise _invalid("size", "size must be one of 'WIDTHxHEIGHT', '2k', '3k', or '4k'")
    if pixels is None:
        family = re.sub(r"-\d{6}$", "", model_id)
        raise _invalid("size", f"the specified size is not supported for model {family}")
    width, height = int(pixels[1]), int(pixels[2])
    if width * height < model.minimum_area:
        raise _invalid("size", f"image size must be at least {model.minimum_area} pixels")
    if width * height > model.maximum_area:
        raise _invalid("size", f"image size must be at most {model.maximum_area} pixels")
    if max(width, height) > min(width, height) * MAXIMUM_RATIO:
        raise _invalid("size", "the aspect ratio of the image must be between 1/16 and 16")
    return width, height


def _read_count(body: dict[str, Any], prompt: str, references: int) -> int:
    """Pictures to make: the prompt's number within `max_images`, references and pictures together 15 at most."""
    options = body.get("sequential_image_generation_options", {})
    if not isinstance(options, dict):
        raise _invalid("sequential_image_generation_options", "the parameter must be an object")
    limit = options.get("max_images")
    if limit is not None and (type(limit) is not int or not 1 <= limit <= MAXIMUM_IMAGES):
        name = "sequential_image_generation_options.max_images"
        raise _invalid(name, f"the parameter must be an integer between 1 and {MAXIMUM_IMAGES}")
    if _read_choice(body, "sequential_image_generation", ("disabled", "auto")) == "disabled":
        return 1
    return max(1, min(count_images(prompt, limit), MAXIMUM_IMAGES - references))


def _read_flag(body: dict[str, Any], name: str, *, default: bool) -> bool:
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise _invalid(name, "the parameter must be a boolean")
    return value


def _read_choice(body: dict[str, Any], name: str, choices: tuple[str, ...]) -> str:
    value = body.get(name, choices[0])
    if value not in choices:
        named = ", ".join(f"'{choice}'" for choice in choices)
        raise _invalid(name, f"the parameter must be one of {named}")
    return str(value)
