"""What a prompt asks the painter for: season, time of day, setting, subjects and colours, in English and Chinese.

Pure reading: the same prompt and index give the same `Scene`. The season and setting that a prompt leaves open are
decided by its hash; an animal is never made up: without a subject there is a house, or a boat at sea.
"""

from __future__ import annotations

import hashlib
import random
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

_Name = TypeVar("_Name")

Color = tuple[int, int, int]

SEASONS = ("spring", "summer", "autumn", "winter")

_SEASON_WORDS = {
    "spring": r"\bspring|blossom|\bcherry|春|樱",
    "summer": r"\bsummer|\bbeach|夏|海滩",
    "autumn": r"\bautumn|\bfall\b(?! (?:in|on|to|from|into|off)\b)|\bmaple|秋|枫",
    "winter": r"\bwinter|\bsnow|\bchristmas|冬|雪",
}
_TIME_WORDS = {
    "dawn": r"\bdawn\b|\bsunrise|\bmorning|晨|日出|黎明|清早",
    "day": r"\bnoon\b|\bdaylight|\bsunny|\bmidday|正午|白天|晴",
    "sunset": r"\bsunset|\bdusk\b|\bevening|\bgolden hour|黄昏|日落|夕阳|傍晚",
    "night": r"\bnight|\bmidnight|\bmoon|\bstars?\b|\bstarry|夜|月亮|月光|明月|满月|星",
}
_SETTING_WORDS = {
    "city": r"\bcity|\bcities|\bskyline|\btown\b|\bstreet|城|都市|街",
    "sea": r"\bsea\b|\bocean|\bbeach|\bwhale|\bharbou?r|\bwaves?\b|海|鲸",
    "lake": r"\blake|\bpond|\briver|\bwater\b|\bboat|\bsail|湖|河|江|水|船|舟",
    "peak": r"\bmountain|\bpeak|\balps?\b|\bvolcano|山|峰",
    "meadow": r"\bflower|\bmeadow|\bgarden|花|草原",
    "hills": r"\bhills?\b|\bvalley|\bfields?\b|\bforest|\bvillage|田|森林|村",
}
_SUBJECT_WORDS = {
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
_TIMES_OF_A_SET = ("day", "sunset", "night", "dawn")


@dataclass(frozen=True)
class Scene:
    """What one frame shows. `landscape` seeds the shapes: frames of one walk through the seasons share it."""

    landscape: int
    season: str
    time: str
    setting: str
    subjects: tuple[str, ...]
    tint: Color | None


def read_scene(prompt: str, index: int) -> Scene:
    """The scene of frame `index` (from 0). Several seasons or times in a prompt are walked through, frame by frame."""
    style, part = _parts(unicodedata.normalize("NFKC", prompt).lower(), index)
    chance = random.Random(_hash(prompt))  # noqa: S311 - paint, not secrets
    settings = _settings(part) or _settings(style)
    seasons = _seasons(part) or _seasons(style) or [chance.choice(SEASONS[:2] if settings[:1] == ["sea"] else SEASONS)]
    times = _found(_TIME_WORDS, part) or _found(_TIME_WORDS, style)
    season = seasons[index % len(seasons)]
    round_trip = index // max(len(seasons), len(times))
    subjects = _found(_SUBJECT_WORDS, part) or _found(_SUBJECT_WORDS, style)
    default_setting = chance.choice(("lake", "hills", "lake", "peak"))
    default_subject = "boat" if "sea" in settings else "house"
    colors = _found(_COLOR_WORDS, part) or _found(_COLOR_WORDS, style)
    return Scene(
        landscape=_hash(f"{style}#{round_trip}"),
        season=season,
        time=times[index % len(times)] if times else _TIMES_OF_A_SET[round_trip % len(_TIMES_OF_A_SET)],
        setting=settings[0] if settings else default_setting,
        subjects=tuple(subjects[:3]) or (default_subject,),
        tint=colors[0] if colors else None,
    )


def _parts(text: str, index: int) -> tuple[str, str]:
    """The words all frames share and this frame's own: line `3. …` of a storyboard belongs to the third frame."""
    numbered = re.compile(r"^\s*(\d{1,2})[.、)]\s*(.+)$", re.MULTILINE)
    own = {int(number): words for number, words in numbered.findall(text)}
    if len(own) < 2:
        return text, ""
    return numbered.sub("", text), own.get(index + 1, "")


def _seasons(text: str) -> list[str]:
    if re.search(r"\bseasons\b|四季", text):
        return list(SEASONS)
    return _found(_SEASON_WORDS, text)


def _settings(text: str) -> list[str]:
    return [name for name, words in _SETTING_WORDS.items() if re.search(words, text)]


def _found(words_of: Mapping[_Name, str], text: str) -> list[_Name]:
    """The names whose words stand in the text, in the text's order."""
    matches = ((re.search(words, text), name) for name, words in words_of.items())
    places = [(match.start(), name) for match, name in matches if match]
    return [name for _, name in sorted(places, key=lambda place: place[0])]


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")
