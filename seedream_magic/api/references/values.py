"""What the values that people hand in as references stand for: files, links, bytes, pixels.

Objects of other libraries are told by what they offer, so that none of them is loaded for it.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Sequence, ValuesView
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedream_magic.api.references.files import (
    PictureFile,
    checked_link,
    data_of_uri,
    find_files,
    is_data_uri,
    is_link,
    named_file,
    refusing,
)
from seedream_magic.api.references.limits import MAXIMUM_DECODED_PIXELS, MAXIMUM_REFERENCES
from seedream_magic.api.references.reference import Reference
from seedream_magic.errors import InvalidRequest

_DEEPEST = 8
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True)
class Pixels:
    """Rows of pixels, top to bottom, eight bits a channel; `mode` is L, RGB or RGBA."""

    mode: str
    width: int
    height: int
    rows: bytes


@dataclass(frozen=True)
class Content:
    """What was handed in as an object: bytes, pixels, or a picture of the library that opens pictures."""

    source: str
    held: Any


Leaf = PictureFile | Reference | Content


def gather(value: object, base: Path, *, picture: type, depth: int = 0) -> list[Leaf]:
    """The single references that a value stands for, in order; collections are opened.

    `picture` is the class of open pictures. Raises `InvalidRequest` for what stands for none, for more than fourteen,
    and in place of whatever an object raises while it is asked.
    """
    with refusing(f"An object of type {type(value).__name__} cannot be read as a picture"):
        if isinstance(value, picture):
            return [Content("a PIL image", value)]
        if leaves := _single(value, base):
            return leaves
        for member in _members(value, depth):
            leaves += gather(member, base, picture=picture, depth=depth + 1)
            if len(leaves) > MAXIMUM_REFERENCES:
                raise InvalidRequest(f"More than {MAXIMUM_REFERENCES} references were given; no request takes them.")
        if not leaves:
            raise InvalidRequest(f"A reference of type {type(value).__name__} holds no picture.")
        return leaves


def _single(value: Any, base: Path) -> list[Leaf]:
    """What a value that is no collection stands for (several files, if it is a glob); nothing for any other."""
    if isinstance(value, str):
        return _of_text(value, base)
    if isinstance(value, bytes | bytearray | memoryview):
        return [Content("a bytes object", bytes(value))]
    if isinstance(value, os.PathLike):
        typed = os.fsdecode(value)
        return [named_file(typed, base / os.path.expanduser(typed))]  # noqa: PTH111 - as for the paths of find_files
    if isinstance(getattr(value, "__array_interface__", None), dict):
        return [Content("a numpy array", array_pixels(value))]
    if callable(getattr(type(value), "savefig", None)):
        return [Content("a figure", _drawn(value))]
    return _of_frame(value)


def _of_text(text: str, base: Path) -> list[Leaf]:
    if is_data_uri(text):
        return [Content("a data URI", data_of_uri(text))]
    if is_link(text):
        link = checked_link(text)
        return [Reference(link, url=link)]
    if not text.strip():
        raise InvalidRequest("A reference is empty: give a path, an https link or a picture.")
    return [*find_files(text, base)]


def _of_frame(value: Any) -> list[Leaf]:
    path = getattr(value, "path", "")
    if isinstance(path, Path):
        return [named_file(str(path), path)]
    if path is None and isinstance(getattr(value, "index", None), int):
        error = getattr(value, "error", None)
        raise InvalidRequest(f"Frame {value.index + 1} has no picture{f': {error}' if error else ' yet.'}")
    return []


def _members(value: Any, depth: int) -> Iterable[object]:
    """What stands in a collection; of an image set the frames that have a picture."""
    frames = getattr(value, "ok", None)
    if isinstance(frames, list | tuple):
        return frames
    # A mapping would give its keys, a table the names of its columns, a set no order, a file its lines.
    if hasattr(value, "read") or not isinstance(value, Sequence | Iterator | ValuesView):
        raise InvalidRequest(
            f"{type(value).__name__} is no kind of reference: give a path, an https link, bytes, a picture, an array, "
            "a frame, an image set, or a list of these."
        )
    if depth > _DEEPEST:
        raise InvalidRequest("The references stand in lists within lists; give one list.")
    return value


def _drawn(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def array_pixels(array: Any) -> Pixels:
    """The pixels of a NumPy array of shape HxW, HxWx1, HxWx3 or HxWx4: uint8, bool, or floats from 0 to 1.

    Raises `InvalidRequest` for any other, with its shape or type in words.
    """
    shape = tuple(array.__array_interface__["shape"])
    channels = shape[2] if len(shape) == 3 else 1
    if len(shape) not in {2, 3} or channels not in _MODES or 0 in shape:
        words = "x".join(map(str, shape)) or "()"
        raise InvalidRequest(f"An array of shape {words} is no picture: give HxW, HxWx1, HxWx3 or HxWx4, colours last.")
    height, width = shape[:2]
    if height * width > MAXIMUM_DECODED_PIXELS:
        raise InvalidRequest(f"An array of {width}x{height} pixels is too large; scale it down.")
    return Pixels(_MODES[channels], width, height, _rows(array))


def _rows(array: Any) -> bytes:
    kind = str(array.__array_interface__["typestr"])[1:]
    if kind == "b1":
        array = array.astype("uint8") * 255
    elif kind.startswith("f"):
        lowest, highest = float(array.min()), float(array.max())
        if not (lowest >= 0 and highest <= 1):
            spread = f"from {lowest:g} to {highest:g}"
            raise InvalidRequest(f"An array of floats {spread} is no picture: they go from 0 to 1; or make it uint8.")
        array = (array * 255 + 0.5).astype("uint8")
    elif kind != "u1":
        raise InvalidRequest(f"An array of {array.dtype} is no picture: give uint8, bool, or floats from 0 to 1.")
    rows: bytes = array.tobytes()
    return rows
