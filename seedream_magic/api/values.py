"""Single values as people type them, read: counts, sizes, ratios, formats, further fields. Raises `InvalidRequest`."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Literal

from seedream_magic.api.models import MAXIMUM_IMAGES, MAXIMUM_RATIO, MINIMUM_RATIO, SIDES
from seedream_magic.api.storyboard import without_blank_ends
from seedream_magic.errors import InvalidRequest

RESPONSE_FORMATS = ("url", "b64_json")
OUTPUT_FORMATS = ("jpeg", "png")
BACKGROUNDS = ("opaque", "transparent")
PROMPT_MODES = ("standard", "fast")

Images = int | Literal["auto"]


def parse_images(value: object) -> Images:
    """How many images: 1-15 or "auto"; digits of any script count."""
    text = plain(value).lower()
    if text == "auto":
        return "auto"
    if not isinstance(value, bool) and re.fullmatch(r"\d{1,3}", text) and 1 <= int(text) <= MAXIMUM_IMAGES:
        return int(text)
    raise InvalidRequest(f"--images takes 1 to {MAXIMUM_IMAGES} or auto, not {shown(value)}.")


def parse_size(value: object) -> str:
    """A preset in capitals, or "WIDTHxHEIGHT" with a plain x; `X`, `×` and `*` are taken for it."""
    text = plain(value).upper()
    if text in SIDES:
        return text
    match = re.fullmatch(r"(\d{1,6})\s*[X×*]\s*(\d{1,6})", text)
    if match and int(match[1]) and int(match[2]):
        return f"{int(match[1])}x{int(match[2])}"
    raise InvalidRequest(f"--size takes 1K, 2K, 4K or WIDTHxHEIGHT such as 2048x2048, not {shown(value)}.")


def parse_ratio(value: object) -> tuple[int, int]:
    """Width and height of "W:H", 1/16 to 16."""
    match = re.fullmatch(r"(\d{1,5})\s*[:/∶]\s*(\d{1,5})", plain(value))
    if match and int(match[1]) and int(match[2]):
        width, height = int(match[1]), int(match[2])
        if MINIMUM_RATIO <= width / height <= MAXIMUM_RATIO:
            return width, height
        raise InvalidRequest(f"--ratio goes from 1:16 to 16:1, not {shown(value)}.")
    raise InvalidRequest(f"--ratio takes W:H such as 16:9, not {shown(value)}.")


def parse_word(option: str, words: tuple[str, ...], value: object) -> str:
    """One of a few words, such as the `url` and `b64_json` of --response-format."""
    text = plain(value).lower()
    if text in words:
        return text
    raise InvalidRequest(f"--{option} takes {' or '.join(words)}, not {shown(value)}.")


def parse_extra(text: str) -> dict[str, Any]:
    """The JSON object of `--extra`."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as exc:
        raise InvalidRequest(f"""--extra takes a JSON object in single quotes, '{{"seed": 7}}': {exc}.""") from exc
    if not isinstance(value, dict):
        raise InvalidRequest("""--extra takes a JSON object in single quotes, '{"seed": 7}'.""")
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def plain(value: object) -> str:
    """Full-width digits, letters and punctuation are typed by Chinese input methods and mean the plain ones."""
    return unicodedata.normalize("NFKC", str(value)).strip()


def shown(value: object) -> str:
    text = str(value)
    return repr(text if len(text) <= 40 else text[:39] + "…")


def checked_prompt(prompt: object, *, may_be_empty: bool = False) -> str:
    """The prompt as a cell would hold it. Raises `InvalidRequest` for what is no text."""
    if not isinstance(prompt, str):
        raise InvalidRequest(f"The prompt is text, not {type(prompt).__name__}.")
    if not (prompt.strip() or may_be_empty):
        raise InvalidRequest("The prompt is empty: in a cell, write it below the %%seedream line.")
    try:
        prompt.encode()
    except UnicodeEncodeError as exc:
        raise InvalidRequest(f"The prompt holds half a character at position {exc.start + 1}; type it anew.") from exc
    return "\n".join(without_blank_ends(prompt.split("\n")))


def checked_model(model: object) -> str:
    if isinstance(model, str) and model.strip() and not re.search(r"[\x00-\x1f\ud800-\udfff]", model):
        return model.strip()
    raise InvalidRequest(f"--model takes a model id such as doubao-seedream-4-5, not {shown(model)}.")


def checked_switch(name: str, value: object) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise InvalidRequest(f"{name} is True or False, not {shown(value)}.")


def checked_extra(extra: Mapping[str, Any], *, taken: Mapping[str, object]) -> dict[str, Any]:
    if not isinstance(extra, Mapping):
        raise InvalidRequest(f"extra takes a dict of body fields, not {type(extra).__name__}.")
    for key in extra:
        if taken.get(key) is not None:
            raise InvalidRequest(f"--extra sets {key!r}, which is set already; give it once.")
    if extra.get("image") is not None:  # a record would keep its bytes, or what signs its link, for good
        raise InvalidRequest("--extra takes no 'image'; use --ref (refs in Python), for links, files and bytes.")
    try:
        text = json.dumps(dict(extra), allow_nan=False, ensure_ascii=False)
        text.encode()
        copy: dict[str, Any] = json.loads(text)
    except (TypeError, ValueError, RecursionError) as exc:
        raise InvalidRequest(f"extra takes what JSON can say: {exc}.") from exc
    return copy
