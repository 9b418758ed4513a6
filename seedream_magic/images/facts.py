"""What a run's files say: a request, a frame and an error as plain JSON, without pictures and without signatures.

`load.py` reads it back.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import unquote

from seedream_magic.api.documents import texts_in
from seedream_magic.api.redaction import LINK_IN_TEXT, is_link, without_secret, without_secret_beside_links
from seedream_magic.api.references.reference import unsigned
from seedream_magic.api.request import ImageRequest
from seedream_magic.api.shapes import is_picture_text
from seedream_magic.errors import SeedreamError
from seedream_magic.images.image_set import Frame

REFERENCES = "references"
"""The folder of the store that holds input images by their content, for all runs."""
_LONGEST_WORDS = 2048


def request_facts(request: ImageRequest) -> dict[str, Any]:
    """What a record says of a request: its body, references by their files, what its prompt was made of."""
    files = [
        f"{REFERENCES}/{reference.file}" if reference.data else unsigned(reference.sent)
        for reference in request.references
    ]
    references = [
        {
            "source": unsigned(reference.source),
            "url": reference.url and reference.identity,  # read back, it is the same reference
            "file": file,
            "sha256": reference.sha256,
            "media_type": reference.media_type,
            "width": reference.width,
            "height": reference.height,
        }
        for file, reference in zip(files, request.references, strict=True)
    ]
    board = asdict(request.storyboard) if request.storyboard else None
    return {"body": request.body_with(files), "references": references, "storyboard": board}


def frame_facts(frame: Frame) -> dict[str, Any]:
    """What a record says of one place of a set; nothing of one for which nothing came."""
    if frame.path is not None:
        return {"file": frame.path.name}
    return error_facts(frame.error) if frame.error is not None else {}


def error_facts(error: SeedreamError) -> dict[str, Any]:
    """What a record says of an error."""
    names = ("hint", "billed", "request_id", "status", "code", "param")
    facts = {name: getattr(error, name) for name in names if getattr(error, name, None)}
    return {"error": type(error).__name__, "message": str(error), **facts}


def json_bytes(value: Mapping[str, Any]) -> bytes:
    """The JSON of a record file, for people to read too."""
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


def without_base64(value: Any) -> Any:
    """A JSON value in which each picture in base64 is told by its length."""
    return _mapped(value, lambda name, text: BASE64_LEFT_OUT.format(len(text)) if _is_base64(name, text) else text)


BASE64_LEFT_OUT = "({} characters of base64)"
_LEFT_OUT = re.compile(r"\(\d+ characters of base64\)")


def lacks_base64(value: Any) -> bool:
    """Whether a picture was left out of a recorded JSON value."""
    return any(_LEFT_OUT.fullmatch(text) for text in texts_in(value))


def _is_base64(name: str, text: str) -> bool:
    return name == "b64_json" or (len(text) > _LONGEST_WORDS and is_picture_text(text))


def without_signatures(value: Any, secret: str = "", *, of: Collection[str] | None = None) -> Any:
    """A JSON value in which no link opens a picture, and none holds the key; with `of`, these links only."""

    def unsigned(_: str, text: str) -> str:
        return text if of is not None and text.strip() not in of else _unsigned_text(text, secret)

    return _mapped(value, unsigned)


def recorded_link(url: str, secret: str = "") -> str:
    """A link as a record keeps it for good: host and path tell which picture it was, a query would open it.

    The key is not in it either, however short that is.
    """
    address = without_secret(re.split(r"[?#]", url, maxsplit=1)[0], secret)
    return "/".join("(key)" if secret and unquote(part) == secret else part for part in address.split("/"))


def _unsigned_text(text: str, secret: str) -> str:
    if is_link(text):  # all of it, parentheses and quotes included
        return recorded_link(text.strip(), secret)
    return LINK_IN_TEXT.sub(lambda link: recorded_link(link[0], secret), text)


def masked_beside_links(value: Any, secret: str) -> Any:
    """A JSON value without the key; the links in it stay to the letter, for they are to be opened."""
    return _mapped(
        value,
        lambda _, text: without_secret_beside_links(text, secret),
        rename=lambda name: without_secret(name, secret),
    )


def _mapped(
    value: Any, change: Callable[[str, str], str], name: str = "", *, rename: Callable[[str], str] = str
) -> Any:
    """`value` with `change` applied to each text, however deep; it is given the name that the text stands under."""
    if isinstance(value, str):
        return change(name, value)
    if isinstance(value, Mapping):
        return {rename(str(key)): _mapped(item, change, str(key), rename=rename) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mapped(item, change, name, rename=rename) for item in value]
    return value
