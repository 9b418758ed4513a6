"""A request as the `%%seedream` cell that makes it: the way back from what was sent to what a person types."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from seedream_magic.api.models import find_model
from seedream_magic.api.request import DEFAULT_SIZE, ImageRequest
from seedream_magic.api.storyboard import escaped

_SHORT = {"images": "-n", "size": "-s", "model": "-m"}


def cell_text(request: ImageRequest, *, settings: Mapping[str, Any], provider: str | None = None) -> str:
    """The cell that makes this request; what `settings` (of options by their Python names) say already is left out.

    `provider` is named where it is given. A reference stands as it was typed.
    """
    wanted, given = _asked(request), {**_asked_by_default(request), **settings}
    if given.get("ratio"):
        given["size"] = None  # a ratio that is set turns a preset into pixels
    differing = {name: value for name, value in wanted.items() if value is not None and value != given.get(name)}
    options = [_option(name, value) for name, value in differing.items()]
    options += [f"--ref {shlex.quote(reference.source)}" for reference in request.references]
    options += [f"--provider {shlex.quote(provider)}"] if provider else []
    options += [f"--extra {shlex.quote(json.dumps(dict(request.extra), ensure_ascii=False))}"] if request.extra else []
    body = request.storyboard.text if request.storyboard else escaped(request.prompt)
    options += ["--raw"] if "{" in body else []
    return f"{' '.join(['%%seedream', *options])}\n{body}"


def _asked(request: ImageRequest) -> dict[str, Any]:
    """What a request asks for, by the options that say so."""
    several = request.sequential_image_generation == "auto"
    return {
        "images": None if request.storyboard else (request.max_images or "auto") if several else 1,
        "model": request.model,
        "size": request.size,
        "stream": request.stream,
        "watermark": request.watermark,
        "response_format": request.response_format,
        "output_format": request.output_format,
        "background": request.background,
        "layer_decomposition": request.layer_decomposition,
        "web_search": request.web_search,
        "optimize_prompt": request.optimize_prompt,
    }


def _asked_by_default(request: ImageRequest) -> dict[str, Any]:
    """What a cell without options asks for, of the model of this request."""
    known = find_model(request.model)
    return {
        "images": None if request.storyboard else 1,
        "size": known.default_size if known else DEFAULT_SIZE,
        "stream": request.sequential_image_generation == "auto" if request.stream is not None else None,
        "watermark": True,
        "response_format": "url",
        "layer_decomposition": False,
        "web_search": False,
    }


def _option(name: str, value: Any) -> str:
    flag = _SHORT.get(name, f"--{name.replace('_', '-')}")
    if value is True:
        return flag
    if value is False:
        return f"--no-{flag.removeprefix('--')}"
    return f"{flag} {shlex.quote(str(value))}"
