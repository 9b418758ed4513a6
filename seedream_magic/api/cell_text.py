"""What was sent as what a person types: a request as its `%%seedream` cell, a call as Python."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seedream_magic.api.fields import FIELDS, Field, keys_of
from seedream_magic.api.models import find_model
from seedream_magic.api.references.reference import Reference
from seedream_magic.api.request import DEFAULT_SIZE, ImageRequest
from seedream_magic.api.storyboard import escaped


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
    `switches` are options that do not follow from a request, such as "--fit".
    """
    asked, given = request.values, {**_asked_by_default(request), **settings}
    if given.get("ratio"):
        given["size"] = None  # a ratio that is set turns a preset into pixels
    if request.storyboard:
        del asked["images"]  # its frames say how many
    extra = {**_left_out(request), **request.extra}
    if asked.get("images", 1) != 1 and not keys_of(["images"]).isdisjoint(extra):
        extra["sequential_image_generation"] = "auto"  # with --images it would be said twice
    options = [
        _option(field, asked[field.name])
        for field in FIELDS
        if asked.get(field.name) not in (None, given.get(field.name)) and keys_of([field.name]).isdisjoint(extra)
    ]
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
    store that has references by their content. A file that was scaled down is typed again. What no file holds
    gets a name that no file has: a cell with it is refused, and says so.
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


def _asked_by_default(request: ImageRequest) -> dict[str, Any]:
    """What a cell without options asks for, of the model of this request."""
    known = find_model(request.model)
    return {
        **{field.name: field.default for field in FIELDS},
        "size": known.default_size if known else DEFAULT_SIZE,
        "stream": None if known and not known.stream else request.sequential_image_generation == "auto",
    }


def _left_out(request: ImageRequest) -> dict[str, None]:
    """Fields of the body that a cell without options has and this request has not."""
    known = find_model(request.model)
    usual = {"sequential_image_generation": known is None or known.sets, "stream": known is None or known.stream}
    return {name: None for name, is_usual in usual.items() if is_usual and getattr(request, name) is None}


def _option(field: Field, value: Any) -> str:
    if value is True:
        return field.flag
    if value is False:
        return field.all_flags[-1]
    return f"{field.flags[0]} {shlex.quote(str(value))}"
