"""What was sent as what a person types: a request as its `%%seedream` cell, a call as Python."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seedream_magic.api.models import find_model
from seedream_magic.api.references.reference import Reference
from seedream_magic.api.request import DEFAULT_SIZE, ImageRequest
from seedream_magic.api.storyboard import escaped

_SHORT = {"images": "-n", "size": "-s", "model": "-m"}


def cell_text(
    request: ImageRequest,
    *,
    settings: Mapping[str, Any],
    provider: str | None = None,
    names: Sequence[str] | None = None,
    switches: Sequence[str] = (),
) -> str:
    """The cell that makes this request; what `settings` (of options by their Python names) say already is left out.

    `provider` is named where it is given. A reference stands under its name of `names`, else as it was typed.
    `switches` are options that a request does not tell, such as "--fit".
    """
    wanted, given = _asked(request), {**_asked_by_default(request), **settings}
    if given.get("ratio"):
        given["size"] = None  # a ratio that is set turns a preset into pixels
    extra = {**_left_out(request), **request.extra}
    differing = {
        name: value
        for name, value in wanted.items()
        if value is not None and value != given.get(name) and extra.get(name, value) is not None
    }
    options = [_option(name, value) for name, value in differing.items()]
    sources = [reference.source for reference in request.references] if names is None else names
    options += [f"--ref {shlex.quote(name)}" for name in sources]
    options += [f"--provider {shlex.quote(provider)}"] if provider else []
    options += [f"--extra {shlex.quote(json.dumps(extra, ensure_ascii=False))}"] if extra else []
    body = request.storyboard.text if request.storyboard else escaped(request.prompt)
    options += [*switches, *(["--raw"] if "{" in body else [])]
    return f"{' '.join(['%%seedream', *options])}\n{body}"


def name_of(reference: Reference, kept: Path | None) -> tuple[str, bool]:
    """The name under which a cell reads a reference, and whether it needs --fit for that.

    As it was typed, if that is a link, a run, or a file with these bytes; else its file in `kept`, the folder of the
    store that has references by their content. A file that was scaled down is typed again. What no file holds is told
    by a name that no file has: a cell with it is refused, and says so.
    """
    if reference.url or reference.source.startswith("run:"):
        return reference.source, False
    typed = Path(os.path.expanduser(reference.source))  # noqa: PTH111 - Path's own raises where there is no such user
    own = kept and kept / reference.file
    if _holds(typed, reference.data):
        return reference.source, False
    if own and _holds(own, reference.data):
        return str(own.relative_to(Path.cwd()) if own.is_relative_to(Path.cwd()) else own), False
    if _holds(typed, b""):
        return reference.source, True
    return f"# {reference.source}, which no file holds: save it and name the file here", False


def _holds(path: Path, data: bytes) -> bool:
    """Whether these bytes are what a file holds; of a reference whose bytes are gone, whether there is a file."""
    try:
        return path.is_file() and (not data or (path.stat().st_size == len(data) and path.read_bytes() == data))
    except (OSError, ValueError):  # no name of a file
        return False


def call_text(name: str, *values: str | int, **named: str | None) -> str:
    """A call in Python: its values as literals, what is named left out where it is None or empty."""
    literals = [_literal(value) for value in values]
    literals += [f"{key}={_literal(value)}" for key, value in named.items() if value]
    return f"{name}({', '.join(literals)})"


def _literal(value: str | int) -> str:
    """As Python reads it: of text JSON's form, which is Python's too, and holds no line break."""
    return json.dumps(value, ensure_ascii=False)


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
        "stream": None if known and not known.stream else request.sequential_image_generation == "auto",
        "watermark": True,
        "response_format": "url",
        "layer_decomposition": False,
        "web_search": False,
    }


def _left_out(request: ImageRequest) -> dict[str, None]:
    """Fields of the body that a cell without options has and this request has not."""
    known = find_model(request.model)
    wanted = {"sequential_image_generation": known is None or known.sets, "stream": known is None or known.stream}
    return {name: None for name, usual in wanted.items() if usual and request.body.get(name) is None}


def _option(name: str, value: Any) -> str:
    flag = _SHORT.get(name, f"--{name.replace('_', '-')}")
    if value is True:
        return flag
    if value is False:
        return f"--no-{flag.removeprefix('--')}"
    return f"{flag} {shlex.quote(str(value))}"
