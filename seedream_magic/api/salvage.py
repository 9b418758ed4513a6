"""What an answer that broke off holds already: links, pictures and refusals that were complete before the cut. No I/O.

They are billed and no second answer will name them, so they are read out of JSON that has no end. Only strings whose
closing quote came count: half a link leads nowhere, and half a base64 text is half a picture.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from seedream_magic.api.models import MAXIMUM_FRAMES

_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}:,"]|[^\s\[\]{}:,"]++', re.DOTALL)
"""One token of JSON; a quote that stands alone opens a string that never closes. Linear: nothing is tried twice."""
_MAXIMUM_TOKENS = 200_000
"""A whole answer has a few hundred; a flood of brackets must not hold the program up."""
_DEEPEST = 4
"""`data`, a place, `error`, `code`."""

_Path = tuple[str | int | None, ...]


def pictures_in_answer(raw: bytes) -> list[dict[str, Any]]:
    """The pictures of a cut JSON answer: for each place of `data` that has one, its `url`, its `b64_json`, or both.

    Each is an object as a stream would bring it, its `image_index` the position in `data`; at most 15.
    """
    return [fields for fields in _places(raw) if _is_picture(fields)]


def refusals_in_answer(raw: bytes) -> list[dict[str, Any]]:
    """The places of a cut JSON answer that stay empty, each with the words of its `error` that came; like the above."""
    return [
        {"type": "image_generation.partial_failed", **fields}
        for fields in _places(raw)
        if fields.get("error") and not _is_picture(fields)
    ]


def _places(raw: bytes) -> list[dict[str, Any]]:
    places: dict[int, dict[str, Any]] = {}
    for path, token in _values(raw):
        match path:
            case ("data", int() as place, ("url" | "b64_json") as name) if place < MAXIMUM_FRAMES:
                _add_text(places.setdefault(place, {"image_index": place}), name, token)
            case ("data", int() as place, "error", ("code" | "message") as name) if place < MAXIMUM_FRAMES:
                fields = places.setdefault(place, {"image_index": place})
                _add_text(fields.setdefault("error", {}), name, token)
    return list(places.values())


def pictures_in_event(raw: bytes, *, name: str) -> list[dict[str, Any]]:
    """The picture of an event that was cut, or the pictures if it is a whole answer in one event.

    `name` is the event's own; it stands for a `type` that the JSON has not, so that a preview is never taken for a
    picture.
    """
    fields: dict[str, Any] = {} if name == "message" else {"type": name}
    for path, token in _values(raw):
        match path:
            case (("url" | "b64_json" | "type") as key,):
                _add_text(fields, key, token)
            case ("image_index",) if re.fullmatch(rb"[0-9]{1,4}", token):
                fields["image_index"] = int(token)
    return pictures_in_answer(raw) or ([fields] if _is_picture(fields) else [])


def _values(raw: bytes) -> Iterator[tuple[_Path, bytes]]:
    """Each complete string, number and word of the text, with the keys and positions that lead to it."""
    path: list[str | int | None] = []  # one for each container still open: a position, a key, None where a key is due
    for found in islice(_TOKEN.finditer(raw), _MAXIMUM_TOKENS):
        token = found[0]
        if token in b"{[":
            path.append(None if token == b"{" else 0)
        elif token in b"}]":
            del path[-1:]
        elif token == b"," and path:
            path[-1] = path[-1] + 1 if isinstance(path[-1], int) else None
        elif token == b'"':
            return
        elif path and path[-1] is None:
            path[-1] = _text(token)
        elif token != b":" and len(path) <= _DEEPEST and (token[:1] == b'"' or found.end() < len(raw)):
            yield tuple(path), token


def _add_text(fields: dict[str, Any], name: str, token: bytes) -> None:
    text = _text(token)
    if text:
        fields[name] = text


def _text(token: bytes) -> str:
    """The text of a string; empty for what is none."""
    try:
        value = json.loads(token.decode("utf-8", "replace"), strict=False)
    except ValueError:
        return ""
    return value if isinstance(value, str) else ""


def _is_picture(fields: dict[str, Any]) -> bool:
    return "url" in fields or "b64_json" in fields
