"""How many pictures a prompt asks for, in English or Chinese: "four seasons", "a set of 6", "三张", "四季"."""

from __future__ import annotations

import re
import unicodedata

from seedream_magic.api.models import MAXIMUM_IMAGES

_ENGLISH = (
    *("one", "two", "three", "four", "five", "six", "seven", "eight"),
    *("nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen"),
)
_CHINESE = {"一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}

# What is counted in pictures: "three cats" is one picture of three cats, "three posters" are three pictures.
_NOUNS = (
    r"(?:images?|pictures?|pics?|photos?|photographs?|illustrations?|frames?|panels?|scenes?|shots?|views?|seasons?"
    r"|drawings?|paintings?|sketches|posters?|postcards?|cards?|covers?|stickers?|icons?|wallpapers?|variations?"
    r"|variants?|versions?|stages?|steps?|pages?|moods?|moments?|styles?|times of (?:the )?day)"
)
_NUMBER = rf"(?<![\w:./-])(\d{{1,3}}|{'|'.join(_ENGLISH)})(?! of )"
_PATTERNS = (
    rf"\b(?:set|series|sequence|group|collection|storyboard) of {_NUMBER}\b",
    rf"{_NUMBER}(?:[- ](?!\d)[a-z'-]+){{0,3}}?[- ]{_NOUNS}\b",
    rf"{_NUMBER}[- ](?:part|frame|piece|picture|image|panel)\b",
)
_CHINESE_NUMBER = r"(\d{1,3}|[一二两三四五六七八九]?十[一二三四五六七八九]?|[一二两三四五六七八九])"
_CHINESE_NOUNS = r"(?:张|幅|帧|季|页|版|款|个(?:场景|画面|镜头|版本|季节|分镜)|组?连图|组图|联画|种(?:风格|心情|版本))"
_SET_WORDS = (
    r"\b(?:sets?|series|storyboard|sequence)\b(?! (?:in|at|on|against|during|by)\b)"
    r"|组(?![织成合长])|(?<![外手全])套(?![房餐头])|系列|分镜|多张|几张"
)


def count_images(prompt: str, limit: int | None = None) -> int:
    """Pictures a set has: the prompt's number within `limit`, else `limit`, else 4 for a set in general, else 1."""
    named = named_count(prompt)
    if named is not None:
        return max(1, min(named, limit or MAXIMUM_IMAGES))
    if limit is not None:
        return limit
    return 4 if re.search(_SET_WORDS, _plain(prompt)) else 1


def named_count(prompt: str) -> int | None:
    """The number of pictures a prompt names, None if it names none. A numbered list counts its lines."""
    text = _plain(prompt)
    lines = re.findall(r"^\s*(\d{1,2})[.、)]\s*\S", text, re.MULTILINE)
    if len(lines) > 1:
        return len(lines)
    for pattern in _PATTERNS:
        if match := re.search(pattern, text):
            return int(match[1]) if match[1].isdigit() else _ENGLISH.index(match[1]) + 1
    if match := re.search(_CHINESE_NUMBER + _CHINESE_NOUNS, text):
        return _chinese_number(match[1])
    return 4 if re.search(r"\bseasons\b|春夏秋冬|春、夏、秋、冬", text) else None


def frame_prompt(prompt: str, index: int) -> str:
    """What one frame of a numbered list shows: its line, after what stands before the list; else the whole prompt."""
    style, *lines = re.split(r"^\s*\d{1,2}[.、)]\s*", prompt, flags=re.MULTILINE)
    return f"{style.strip()} {lines[index].strip()}".strip() if len(lines) > 1 and index < len(lines) else prompt


def _plain(prompt: str) -> str:
    """Lower case, full-width digits narrow, and without the number on the same line of a rehearsed refusal."""
    text = unicodedata.normalize("NFKC", prompt).lower()
    return re.sub(r"(\brefuse\b|违规)[ \t]*\d+", r"\1", text)


def _chinese_number(text: str) -> int:
    if text.isdigit():
        return int(text)
    tens, ten, ones = text.rpartition("十")
    return (_CHINESE.get(tens, 1) * 10 if ten else 0) + _CHINESE.get(ones, 0)
