"""How the values that a person asks for are read: a number of images, a size, a ratio, a prompt, further fields.

Each reader takes a value as it was typed, or as Python has it, and raises `InvalidRequest` for what is none. Messages
name a field by its option, as it is typed in a cell; `fields.in_python` names it by its keyword.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from seedream_magic.api.models import MAXIMUM_IMAGES, MAXIMUM_RATIO, MINIMUM_RATIO, SIDES
from seedream_magic.api.redaction import as_text
from seedream_magic.errors import InvalidRequest, reason_of
from seedream_magic.words import requests as texts
from seedream_magic.words.lists import OR
from seedream_magic.words.text import chain, join

RESPONSE_FORMATS = ("url", "b64_json")
OUTPUT_FORMATS = ("jpeg", "png")
_DEEPEST_EXTRA = 90
"""Levels: of a record, which holds it in two more, a hundred are read."""

Images = int | Literal["auto"]

_RATIO_WORDS = {
    **dict.fromkeys(("square", "方形", "正方形", "方图"), "1:1"),
    **dict.fromkeys(("portrait", "vertical", "竖版", "竖图", "竖屏"), "3:4"),
    **dict.fromkeys(("landscape", "horizontal", "横版", "横图", "横屏"), "4:3"),
    **dict.fromkeys(("wide", "widescreen", "宽屏"), "16:9"),
}
"""What people call the shape of a picture."""


def parse_images(value: object) -> Images:
    """How many images: 1-15 or "auto"; digits of any script count."""
    text = _plain(value).lower()
    if text == "auto":
        return "auto"
    if not isinstance(value, bool) and re.fullmatch(r"\d{1,3}", text) and 1 <= int(text) <= MAXIMUM_IMAGES:
        return int(text)
    raise InvalidRequest(texts.IMAGES_RANGE(most=MAXIMUM_IMAGES, value=_quote(value)))


def parse_size(value: object) -> str:
    """A preset in capitals, or "WIDTHxHEIGHT" with a plain x; `X`, `×` and `*` are taken for it."""
    text = _plain(value).upper()
    if text in SIDES:
        return text
    match = re.fullmatch(r"(\d{1,6})\s*[X×*]\s*(\d{1,6})", text)
    if match and int(match[1]) and int(match[2]):
        return f"{int(match[1])}x{int(match[2])}"
    meant = _RATIO_WORDS.get(text.lower()) or (text if re.fullmatch(r"\d{1,5}\s*[:/∶]\s*\d{1,5}", text) else "")
    ratio = texts.FOR_A_SHAPE(ratio=meant.replace("/", ":")) if meant else ""
    raise InvalidRequest(join(texts.SIZE_FORM(value=_quote(value)), ratio))


def parse_ratio(value: object) -> tuple[int, int]:
    """Width and height of "W:H", 1/16 to 16."""
    match = re.fullmatch(r"(\d{1,5})\s*[:/∶]\s*(\d{1,5})", _plain(value))
    if match and int(match[1]) and int(match[2]):
        width, height = int(match[1]), int(match[2])
        if MINIMUM_RATIO <= width / height <= MAXIMUM_RATIO:
            return width, height
        raise InvalidRequest(texts.RATIO_RANGE(value=_quote(value)))
    meant = _RATIO_WORDS.get(_plain(value).lower())
    known = texts.RATIO_MEANT(ratio=meant, value=_quote(value)) if meant else ""
    raise InvalidRequest(known or texts.RATIO_FORM(value=_quote(value)))


_CHINESE_VALUES = {
    "轮播": "carousel",
    "宫格": "grid",
    "网格": "grid",
    "不透明": "opaque",
    "透明": "transparent",
    "标准": "standard",
    "快速": "fast",
    "链接": "url",
    "base64": "b64_json",
    "演示": "demo",
}


def parse_word(option: str, words: tuple[str, ...], value: object) -> str:
    """One of a few words, such as the `url` and `b64_json` of --response-format; in Chinese as the help calls it."""
    text = _plain(value).lower()
    text = _CHINESE_VALUES.get(text, text)
    if text in words:
        return text
    raise InvalidRequest(texts.ONE_OF(option=option, words=chain(OR, words), value=_quote(value)))


def parse_model(value: object) -> str:
    """A model id, without the blanks around it."""
    if isinstance(value, str) and value.strip() and value.strip().isprintable():
        return value.strip()
    raise InvalidRequest(texts.MODEL_FORM(value=_quote(value)))


def parse_source(option: str, value: object) -> str:
    """The name of something that is looked up later: of a reference, of a provider."""
    if isinstance(value, str) and value.strip():
        return value.strip()
    raise InvalidRequest(texts.NAME_IS_EMPTY(option=option))


def parse_take(value: object) -> int:
    """Which of several stored sets, from 1."""
    if not isinstance(value, bool) and re.fullmatch(r"\d{1,4}", _plain(value)) and int(_plain(value)) > 0:
        return int(_plain(value))
    raise InvalidRequest(texts.TAKE_RANGE(value=_quote(value)))


def parse_timeout(value: object) -> float:
    """Seconds above 0, as a number or as it is typed."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf"):
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{1,6}(\.\d{1,3})?", _plain(value)) and float(_plain(value)) > 0:
        return float(_plain(value))
    raise InvalidRequest(texts.TIMEOUT_RANGE(value=_quote(value)))


def parse_extra(text: str) -> dict[str, Any]:
    """The JSON object of `--extra`."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError as exc:
        raise InvalidRequest(texts.EXTRA_TOO_DEEP(most=_DEEPEST_EXTRA)) from exc
    except ValueError as exc:
        raise InvalidRequest(texts.EXTRA_BROKEN(why=reason_of(exc))) from exc
    if not isinstance(value, dict):
        raise InvalidRequest(texts.EXTRA_FORM())
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(texts.NOT_JSON(name=name))


def _plain(value: object) -> str:
    """Full-width digits, letters and punctuation are typed by Chinese input methods and mean the plain ones."""
    return unicodedata.normalize("NFKC", as_text(value)).strip()


def _quote(value: object) -> str:
    """A value for a sentence, shortened."""
    text = as_text(value)
    return repr(text if len(text) <= 40 else text[:39] + "…")


def check_prompt(prompt: object, *, may_be_empty: bool = False) -> str:
    """The prompt as a cell would hold it. Raises `InvalidRequest` for what is no text."""
    if not isinstance(prompt, str):
        raise InvalidRequest(texts.PROMPT_IS_TEXT(kind=type(prompt).__name__))
    if not (prompt.strip() or may_be_empty):
        raise InvalidRequest(texts.PROMPT_IS_EMPTY())
    try:
        prompt.encode()
    except UnicodeEncodeError as exc:
        raise InvalidRequest(texts.HALF_A_CHARACTER(position=exc.start + 1)) from exc
    return trim_blank_lines(prompt)


def trim_blank_lines(text: str) -> str:
    """The text from its first line with words to its last."""
    lines = text.split("\n")
    filled = [number for number, line in enumerate(lines) if line.strip()]
    return "\n".join(lines[filled[0] : filled[-1] + 1]) if filled else ""


def check_switch(name: str, value: object) -> bool | None:
    """True, False or None. A word or a number in their place would reach the wire as such."""
    if value is None or isinstance(value, bool):
        return value
    raise InvalidRequest(texts.SWITCH(name=name, value=_quote(value)))


def check_extra(extra: object) -> dict[str, Any]:
    """A copy of further body fields. Raises `InvalidRequest` for a prompt, references, and what JSON cannot say."""
    if not isinstance(extra, Mapping):
        raise InvalidRequest(texts.EXTRA_IS_DICT(kind=type(extra).__name__))
    if "prompt" in extra:
        raise InvalidRequest(texts.EXTRA_SETS_PROMPT())
    if extra.get("image") is not None:  # a record would keep its bytes, or what signs its link, for good
        raise InvalidRequest(texts.EXTRA_TAKES_NO_IMAGE())
    level: list[object] = [extra]
    for _ in range(_DEEPEST_EXTRA):
        level = [inner for one in level for inner in _inner(one)]
    if any(isinstance(one, Mapping | list | tuple) for one in level):
        raise InvalidRequest(texts.EXTRA_TOO_DEEP(most=_DEEPEST_EXTRA))
    try:
        text = json.dumps(dict(extra), allow_nan=False, ensure_ascii=False)
        text.encode()
        copy: dict[str, Any] = json.loads(text)
    except (TypeError, ValueError, RecursionError) as exc:
        raise InvalidRequest(texts.EXTRA_NOT_JSON(why=reason_of(exc))) from exc
    return copy


def _inner(value: object) -> Iterable[object]:
    """What stands in a value one level below it."""
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple) else ()
