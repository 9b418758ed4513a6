"""Files of JSON: read as what a stranger may have put there, and cut down to what can be read again.

Whoever reads a folder finds what anybody may have copied into it: links are not followed, pipes not waited for, sizes
and depths capped, and what cannot be read is nothing, never an exception.
"""

from __future__ import annotations

import errno
import json
import math
import os
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from seedream_magic.images.durable import PAUSES, open_regular, patiently
from seedream_magic.words import store as texts

DEEPEST = 100
"""Levels of JSON: what is copied, compared and shown by functions that call themselves has far fewer."""
MAXIMUM_RECORD_BYTES = 16 * 2**20
LARGEST_FACT = 2**19
"""Bytes of what the service said in one field of a record, of which it fills a few."""
CUT = "…"
"""In place of what was too deep."""


def record_bytes(path: Path, *, maximum: int = MAXIMUM_RECORD_BYTES) -> bytes:
    """The bytes of a regular file that is no link; empty for anything else, and for more than `maximum` bytes."""
    try:
        return patiently(lambda: regular_bytes(path, maximum), pauses=PAUSES[:1])  # of many records
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return b""


def regular_bytes(path: Path, maximum: int) -> bytes:
    """The bytes of a regular file that is no link. Raises OSError for anything else, and for more than `maximum`.

    What was opened is what is looked at: a link that takes the place of the file meanwhile is not read.
    """
    if not hasattr(os, "O_NOFOLLOW") and path.is_symlink():  # Windows
        raise OSError(errno.EINVAL, texts.NO_REGULAR_FILE(), str(path))
    descriptor, data = open_regular(path, os.O_RDONLY), b""
    try:
        size = os.fstat(descriptor).st_size
        if size > maximum:
            raise OSError(errno.EFBIG, texts.LARGER_THAN_IT_CAN_BE(), str(path))
        while len(data) < size and (piece := os.read(descriptor, size - len(data))):
            data += piece
    finally:
        os.close(descriptor)
    return data


def read_object(path: Path) -> dict[str, Any] | None:
    """The JSON object of a file; None where there is none that can be read."""
    return parse(record_bytes(path))


def parse(data: bytes) -> dict[str, Any] | None:
    """The JSON object of these bytes; None where they are none, or nested deeper than anything that is kept."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    is_shallow = data.count(b"[") + data.count(b"{") <= DEEPEST or _depth(value) <= DEEPEST
    return value if isinstance(value, dict) and is_shallow else None


def _depth(value: object) -> int:
    """How many levels of lists and objects stand in one another."""
    depth, level = 0, [value]
    while level := [one for one in level if isinstance(one, dict | list)]:
        depth += 1
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]
    return depth


def clipped(value: Any) -> Any:
    """What a service said, as far as a record takes it: a record that cannot be read would be paid for once more."""
    cut = cut_json(value, levels=DEEPEST // 2, items=1000, characters=20_000)
    if len(json_text(cut)) > LARGEST_FACT:
        cut = cut_json(cut, levels=3, items=30, characters=400)
    return cut


def cut_json(value: Any, *, levels: int, items: int | None = None, characters: int | None = None) -> Any:
    """A JSON value cut off below so many levels, with so many items in each, and so many characters of each text."""
    if isinstance(value, str):
        return value if characters is None or len(value) <= characters else value[:characters] + CUT
    if not isinstance(value, Mapping | list | tuple):
        return value
    if not levels:
        return CUT
    if isinstance(value, Mapping):
        return {
            cut_json(name, levels=0, characters=characters): cut_json(
                item, levels=levels - 1, items=items, characters=characters
            )
            for name, item in islice(value.items(), items)
        }
    return [cut_json(item, levels=levels - 1, items=items, characters=characters) for item in islice(value, items)]


def as_mapping(value: object) -> Mapping[str, Any]:
    """A JSON value that has to be an object; anything else is an empty one."""
    return value if isinstance(value, Mapping) else {}


def as_list(value: object) -> list[Any]:
    """A JSON value that has to be a list; anything else is an empty one."""
    return value if isinstance(value, list) else []


def json_bytes(value: Mapping[str, Any]) -> bytes:
    """The JSON of a file that people read too."""
    return (json_text(value, indent=2) + "\n").encode()


def json_text(value: Any, *, indent: int | None = None) -> str:
    """JSON that every parser reads: NaN and Infinity, which a service may send and JSON has not, become texts."""
    try:
        return json.dumps(value, ensure_ascii=True, allow_nan=False, indent=indent)
    except ValueError:
        return json.dumps(_finite(value), ensure_ascii=True, indent=indent)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {name: _finite(item) for name, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value
