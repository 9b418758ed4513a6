"""What objects of other libraries hold: bytes, pixels, files that are open, uploads, whatever can show itself.

They are recognised by what they offer, so that none of the libraries is loaded for it.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator, Mapping, Sized
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from seedream_magic.api.references.reference import megabytes
from seedream_magic.errors import InvalidRequest, reason_of
from seedream_magic.words import references as texts

MAXIMUM_FILE = 256 * 10**6
"""Bytes of a file that may still be scaled down; no larger one is read."""
MAXIMUM_DECODED_PIXELS = 120_000_000
"""What is decoded at most, to be scaled: 480 MB of memory. A JPEG may be decoded at a half of its sides, or less."""

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Pillow's names of pixels by their channels."""
_ROUNDING = 1e-3
"""By how much floats may lie outside of 0 to 1: models compute them."""
_SHOWN = ("image/png", "image/jpeg", "image/webp", "image/gif")
"""The forms in which an object may show itself, the lossless one first."""


@dataclass(frozen=True)
class Pixels:
    """Rows of pixels, top to bottom, eight bits a channel; `mode` is L, RGB or RGBA."""

    mode: str
    width: int
    height: int
    rows: bytes


@dataclass(frozen=True)
class Content:
    """What was handed in as an object: bytes, pixels, or a picture of Pillow."""

    source: str
    held: Any


@contextmanager
def refusing(sentence: str) -> Iterator[None]:
    """Turn whatever is raised inside into an `InvalidRequest` that begins with this sentence."""
    try:
        yield
    except InvalidRequest:
        raise
    except Exception as exc:
        raise InvalidRequest(texts.BECAUSE(what=sentence, why=reason_of(exc))) from exc


def content_of(value: Any) -> Content | None:
    """The one picture that an object holds or shows; None for one that holds none, or several."""
    if isinstance(value, bytes | bytearray | memoryview):
        return Content(texts.BYTES(), bytes(value))
    if callable(getattr(value, "read", None)) and not isinstance(value, type):
        return Content(texts.OPEN_FILE(), _read_stream(value))
    if isinstance(value, Mapping):
        return _upload(value)
    if isinstance(getattr(value, "__array_interface__", None), dict) or hasattr(type(value), "__array__"):
        return _of_array(value)
    if callable(getattr(type(value), "savefig", None)):
        drawn = io.BytesIO()
        value.savefig(drawn, format="png")
        return Content(texts.FIGURE(), drawn.getvalue())
    return _shown(value)


def members_of(value: Any) -> Iterable[object] | None:
    """What stands in an object that holds one thing in place of itself, or several; None for any other.

    A widget its value, a picture of IPython that is a link or a file its address, an upload of ipywidgets 7 its files,
    a batch of tensors each of them.
    """
    if hasattr(type(value), "_model_module") and hasattr(value, "value"):
        return [] if isinstance(value.value, Sized) and not value.value else [value.value]
    if isinstance(value, Mapping) and value and all(map(_upload, value.values())):
        return list(value.values())
    if _is_batch(value):
        return list(value)
    if type(value).__module__.startswith("IPython.") and (address := getattr(value, "url", None)):
        return [address]
    return None


def _read_stream(stream: Any) -> bytes:
    """What an open file holds, from its beginning if it can go there; afterwards it stands where it stood."""
    place = None
    with suppress(Exception):  # of a pipe or an answer of the web there is no beginning any more
        place = stream.tell()
        stream.seek(0)
    data = stream.read(MAXIMUM_FILE + 1)
    with suppress(Exception):
        if place is not None:
            stream.seek(place)
    if isinstance(data, str):
        raise InvalidRequest(texts.OPENED_FOR_TEXT())
    if len(data) > MAXIMUM_FILE:
        raise InvalidRequest(texts.FILE_TOO_LARGE(size=megabytes(MAXIMUM_FILE)))
    return bytes(data)


def _upload(value: Any) -> Content | None:
    """A file that was uploaded through ipywidgets' FileUpload, of 7 or 8."""
    content = value.get("content") if isinstance(value, Mapping) else None
    if not isinstance(content, bytes | bytearray | memoryview):
        return None
    facts = value.get("metadata", value)
    name = facts.get("name", "") if isinstance(facts, Mapping) else ""
    return Content(texts.UPLOAD(name=name).strip(), bytes(content))


def _shown(value: Any) -> Content | None:
    """The picture as which an object shows itself in a notebook."""
    if isinstance(value, type):
        return None
    bundle: dict[str, Any] = {}
    for kind in _SHOWN:
        with suppress(NotImplementedError):
            show = getattr(value, f"_repr_{kind.removeprefix('image/')}_", None)
            bundle[kind] = show() if callable(show) else None
    if not any(bundle.values()) and callable(show := getattr(value, "_repr_mimebundle_", None)):
        shown = show(include=_SHOWN, exclude=())
        bundle = dict((shown[0] if isinstance(shown, tuple) else shown) or {})
    found = next(filter(None, map(bundle.get, _SHOWN)), None)
    data = found[0] if isinstance(found, tuple) else found  # with its metadata
    if isinstance(data, str):
        data = base64.b64decode(data)
    return Content(texts.PICTURE_OF_TYPE(kind=type(value).__name__), bytes(data)) if data else None


# Arrays


def _of_array(value: Any) -> Content | None:
    """The pixels of an array; of a tensor of torch, which has its colours first, as an array has them."""
    if _is_batch(value) or hasattr(value, "columns"):  # a table is no picture
        return None
    name = texts.TENSOR if _is_tensor(value) else texts.ARRAY
    return Content(name(), array_pixels(_numpy(value)))


def _is_tensor(value: Any) -> bool:
    return any(base.__module__ == "torch" for base in type(value).__mro__) and hasattr(value, "detach")


def _is_batch(value: Any) -> bool:
    """Whether it is several pictures in one tensor."""
    return _is_tensor(value) and len(value.shape) == 4


def _numpy(value: Any) -> Any:
    """The array of NumPy that an object stands for, its colours last."""
    if not _is_tensor(value):
        return value if isinstance(getattr(value, "__array_interface__", None), dict) else value.__array__()
    tensor = value.detach().cpu()
    if tensor.is_floating_point():
        tensor = tensor.float()  # NumPy has no bfloat16
    if len(tensor.shape) == 3 and tensor.shape[0] in _MODES:
        tensor = tensor.permute(1, 2, 0)
    return tensor.numpy()


def array_pixels(array: Any) -> Pixels:
    """The pixels of a NumPy array of shape HxW, HxWx1, HxWx3 or HxWx4: uint8, bool, or floats from 0 to 1.

    Raises `InvalidRequest` for any other, with its shape or type in words.
    """
    shape = tuple(array.__array_interface__["shape"])
    channels = shape[2] if len(shape) == 3 else 1
    if len(shape) not in {2, 3} or channels not in _MODES or 0 in shape:
        words = "x".join(map(str, shape)) or "()"
        raise InvalidRequest(texts.ARRAY_SHAPE(shape=words))
    height, width = shape[:2]
    if height * width > MAXIMUM_DECODED_PIXELS:
        raise InvalidRequest(texts.ARRAY_TOO_LARGE(width=width, height=height))
    kind = str(array.__array_interface__["typestr"])[1:]
    if kind == "b1":
        array = array.astype("uint8") * 255
    elif kind.startswith("f"):
        lowest, highest = float(array.min()), float(array.max())
        if not (lowest >= -_ROUNDING and highest <= 1 + _ROUNDING):
            raise InvalidRequest(texts.ARRAY_RANGE(lowest=lowest, highest=highest))
        array = (array.clip(0, 1) * 255 + 0.5).astype("uint8")
    elif kind != "u1":
        raise InvalidRequest(texts.ARRAY_TYPE(kind=array.dtype))
    return Pixels(_MODES[channels], width, height, array.tobytes())
