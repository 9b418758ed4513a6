"""What a prompt asks for, in English or Chinese: how many pictures, in which shape, and what each of them shows.

Pure functions: the same prompt gives the same answer.
"""

from __future__ import annotations

import hashlib
import random
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from seedream_magic.api.models import MAXIMUM_IMAGES

_Name = TypeVar("_Name")

Color = tuple[int, int, int]

_ENGLISH_NUMBERS = (
    *("one", "two", "three", "four", "five", "six", "seven", "eight"),
    *("nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen"),
)
_CHINESE_DIGITS = {"一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}

# What is counted in pictures: "three cats" is one picture of three cats, "three posters" are three pictures.
_PICTURES = (
    r"(?:images?|pictures?|pics?|photos?|photographs?|illustrations?|frames?|panels?|scenes?|shots?|views?|seasons?"
    r"|drawings?|paintings?|sketches|posters?|postcards?|cards?|covers?|stickers?|icons?|wallpapers?|variations?"
    r"|variants?|versions?|stages?|steps?|pages?|moods?|moments?|styles?|times of (?:the )?day)"
)
_NUMBER = rf"(?<![\w:./-])(\d{{1,3}}|{'|'.join(_ENGLISH_NUMBERS)})(?! of )"
_COUNTS = (
    rf"\b(?:set|series|sequence|group|collection|storyboard) of {_NUMBER}\b",
    rf"{_NUMBER}(?:[- ](?!\d)[a-z'-]+){{0,3}}?[- ]{_PICTURES}\b",
    rf"{_NUMBER}[- ](?:part|frame|piece|picture|image|panel)\b",
)
_CHINESE_COUNT = (
    r"(?:(\d{1,3})|([一二两三四五六七八九]?)(十)([一二三四五六七八九]?)|([一二两三四五六七八九]))"
    r"(?:张|幅|帧|季|页|版|款|个(?:场景|画面|镜头|版本|季节|分镜)|组?连图|组图|联画|种(?:风格|心情|版本))"
)
_SET_WORDS = (
    r"\b(?:sets?|series|storyboard|sequence)\b(?! (?:in|at|on|against|during|by)\b)"
    r"|组(?![织成合长])|(?<![外手全])套(?![房餐头])|系列|分镜|多张|几张"
)
_REFUSED = re.compile(r"(?:\brefuse\b|违规)(?:[ \t]*(\d{1,2}))?")

_RATIO_WORDS = {
    (21, 9): r"\bpanorama|\bpanoramic|全景",
    (16, 9): r"\bwide\b|\bwidescreen|\blandscape (?:format|orientation)|横|宽",
    (3, 4): r"\bportrait\b|\bposter\b",
    (9, 16): r"\bvertical|\btall\b|竖",
}

SEASONS = ("spring", "summer", "autumn", "winter")
_SEASON_WORDS = {
    "spring": r"\bspring|blossom|\bcherry|春|樱",
    "summer": r"\bsummer|\bbeach|夏|海滩",
    "autumn": r"\bautumn|\bfall\b(?! (?:in|on|to|from|into|off)\b)|\bmaple|秋|枫",
    "winter": r"\bwinter|\bsnow|\bchristmas|冬|雪",
}
_TIME_WORDS = {
    "day": r"\bnoon\b|\bdaylight|\bsunny|\bmidday|正午|白天|晴",
    "sunset": r"\bsunset|\bdusk\b|\bevening|\bgolden hour|黄昏|日落|夕阳|傍晚",
    "night": r"\bnight|\bmidnight|\bmoon|\bstars?\b|\bstarry|夜|月亮|月光|明月|满月|星",
    "dawn": r"\bdawn\b|\bsunrise|\bmorning|晨|日出|黎明|清早",
}
# Where a prompt names several, the first of this table counts: a boat may be at sea, a flower in a city.
_SETTING_WORDS = {
    "city": r"\bcity|\bcities|\bskyline|\btown\b|\bstreet|城|都市|街",
    "sea": r"\bsea\b|\bocean|\bbeach|\bwhale|\blight ?house|\bharbou?r|\bwaves?\b|海|鲸|灯塔",
    "lake": r"\blake|\bpond|\briver|\bwater\b|\bboat|\bsail|湖|河|江|水|船|舟",
    "peak": r"\bmountain|\bpeak|\balps?\b|\bvolcano|山|峰",
    "meadow": r"\bflower|\bmeadow|\bgarden|花|草原",
    "hills": r"\bhills?\b|\bvalley|\bfields?\b|\bforest|\bvillage|田|森林|村",
}
_SUBJECT_WORDS = {
    "lighthouse": r"\blight ?house|灯塔",
    "person": (
        r"\bgirls?\b|\bboys?\b|\bchild|\bkids?\b|\b(?:wo)?m[ae]n\b|\bperson\b|\bpeople|\bkeeper|\bastronaut"
        r"|女孩|男孩|孩子|少女|少年|女人|男人|老人|人物|一个人|宇航员"
    ),
    "bird": r"\bbirds?\b|\bseagull|\bcrane\b|\bheron|\bowl\b|\bswallow|鸟|鸥|鹤|鹭|燕|雁",
    "cat": r"\bcats?\b|\bkitten|猫",
    "fox": r"\bfox|狐",
    "whale": r"\bwhale|鲸",
    "house": r"\bhouse|\bcottage|\bcabin|\bhome\b|\bvillage|屋|房|家|村",
    "boat": r"\bboat|\bship|\bsail|船|舟|帆",
    "rocket": r"\brocket|\bspaceship|火箭|飞船",
    "moon": r"\bmoon|月亮|月光|明月|满月|月球",
}
_COLOR_WORDS: dict[Color, str] = {
    (214, 64, 58): r"\bred\b|\bcrimson|\bscarlet|红|赤",
    (240, 138, 56): r"\borange\b|橙|橘",
    (246, 200, 72): r"\byellow|\bgold(?:en)?\b(?! hour)|黄(?!昏)|金",
    (84, 160, 92): r"\bgreen|\bemerald|绿|翠",
    (52, 160, 164): r"\bteal|\bturquoise|\bcyan|\bmint\b|青",
    (58, 112, 196): r"\bblue\b|\bindigo|\bazure|蓝",
    (132, 84, 176): r"\bpurple|\bviolet|\blavender|\blilac|紫",
    (240, 136, 172): r"\bpink|\brose\b|\bmagenta|粉|玫瑰",
    (246, 242, 234): r"\bwhite|\bpale\b|\bivory|白(?!天)",
    (40, 42, 54): r"\bblack|\bdark\b|黑",
    (140, 144, 150): r"\bgr[ae]y\b|\bsilver|\bmonochrome|灰|银|水墨",
}


def count_images(prompt: str, limit: int | None = None) -> int:
    """Pictures a set has: the prompt's number within `limit`, else `limit`, else 4 for a set in general, else 1."""
    named = named_count(prompt)
    if named is not None:
        return max(1, min(named, limit or MAXIMUM_IMAGES))
    return limit or (4 if re.search(_SET_WORDS, _normalize(prompt)) else 1)


def named_count(prompt: str) -> int | None:
    """The number of pictures a prompt names, None if it names none. A numbered list counts its lines."""
    # The number after a rehearsed refusal names a frame.
    text = re.sub(r"(\brefuse\b|违规)[ \t]*\d+", r"\1", _normalize(prompt))
    if lines := _read_list(text)[1]:
        return len(lines)
    for pattern in _COUNTS:
        if match := re.search(pattern, text):
            return int(match[1]) if match[1].isdigit() else _ENGLISH_NUMBERS.index(match[1]) + 1
    if match := re.search(_CHINESE_COUNT, text):
        number, tens, ten, ones, digit = match.groups()
        if ten:
            return _CHINESE_DIGITS.get(tens, 1) * 10 + _CHINESE_DIGITS.get(ones, 0)
        return int(number) if number else _CHINESE_DIGITS[digit]
    return 4 if re.search(r"\bseasons\b|春夏秋冬|春、夏、秋、冬", text) else None


def read_ratio(prompt: str) -> tuple[int, int]:
    """Width and height in proportion, as the prompt names or suggests them; 1:1 when it says nothing."""
    text = _normalize(prompt)
    if named := re.search(r"(?<!\d)(1:1|4:3|3:4|16:9|9:16|3:2|2:3|21:9)(?!\d)", text):
        width, height = named[1].split(":")
        return int(width), int(height)
    return next((ratio for ratio, words in _RATIO_WORDS.items() if re.search(words, text)), (1, 1))


def refused_frame(prompt: str) -> int | None:
    """The frame (from 0) whose refusal a prompt rehearses, None if it rehearses none.

    `refuse` refuses the second frame, `refuse 3` the third, in a line of a numbered list the frame of that line.
    """
    text = _normalize(prompt)
    match = _REFUSED.search(text)
    if match is None:
        return None
    if match[1]:
        return int(match[1]) - 1
    listed = [index for index, line in enumerate(_read_list(text)[1]) if _REFUSED.search(line)]
    return listed[0] if len(listed) == 1 else 1


@dataclass(frozen=True)
class Scene:
    """What one frame shows. `landscape` seeds the shapes: frames of one walk through the seasons share it."""

    landscape: int
    season: str
    time: str
    setting: str
    subjects: tuple[str, ...]
    tint: Color | None


def read_scene(prompt: str, index: int, take: int = 1) -> Scene:
    """The scene of frame `index` (from 0). Several seasons or times in a prompt are walked through, frame by frame.

    What the prompt leaves open is decided by its hash, for each `take` (from 1) anew; an animal is never made up.
    """
    text = _normalize(prompt)
    style, lines = _read_list(text)
    line = lines[index] if index < len(lines) else ""
    again = f"/take {take}" if take > 1 else ""
    chance = random.Random(_hash(prompt + again))  # noqa: S311 - paint, not secrets

    def read(words: Mapping[_Name, str]) -> list[_Name]:
        return _find(words, line) or _find(words, style)

    settings, seasons, times = read(_SETTING_WORDS), read(_SEASON_WORDS), read(_TIME_WORDS)
    if re.search(r"\bseasons\b|四季", style) and not _find(_SEASON_WORDS, line):
        seasons = list(SEASONS)
    setting = min(settings, key=list(_SETTING_WORDS).index, default="")
    seasons = seasons or [chance.choice(SEASONS[:2] if setting == "sea" else SEASONS)]
    walk = index // max(len(seasons), len(times))
    return Scene(
        landscape=_hash(f"{style}#{walk}{again}"),
        season=seasons[index % len(seasons)],
        time=times[index % len(times)] if times else list(_TIME_WORDS)[walk % len(_TIME_WORDS)],
        setting=setting or chance.choice(("lake", "hills", "lake", "peak")),
        subjects=tuple(read(_SUBJECT_WORDS)[:3]) or ("boat" if setting == "sea" else "house",),
        tint=next(iter(read(_COLOR_WORDS)), None),
    )


def _normalize(prompt: str) -> str:
    """Lower case, full-width letters and digits narrow."""
    return unicodedata.normalize("NFKC", prompt).lower()


def _read_list(text: str) -> tuple[str, list[str]]:
    """What stands before a numbered list, and its lines, one for each frame; without at least two, all and none."""
    style, *lines = re.split(r"^\s*\d{1,2}[.、)]\s*(?=\S)", text, flags=re.MULTILINE)
    return (style, lines) if len(lines) > 1 else (text, [])


def _find(words: Mapping[_Name, str], text: str) -> list[_Name]:
    """The names whose words stand in the text, in the text's order."""
    matches = {name: re.search(pattern, text) for name, pattern in words.items()}
    places = {name: match.start() for name, match in matches.items() if match}
    return sorted(places, key=places.__getitem__)


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode(errors="replace")).digest()[:6], "big")
