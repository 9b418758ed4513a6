"""`%seedream help`: a screen to begin with, and a page for each topic, in one language."""

from __future__ import annotations

import difflib

from seedream_magic.api.fields import FIELDS, Field
from seedream_magic.errors import InvalidRequest
from seedream_magic.notebook.options import COLUMNS, COMMANDS, OPTIONS, SWEEP_OPTIONS, chinese_meaning, usage_of
from seedream_magic.view.markup import text_lines, text_table, text_within
from seedream_magic.words import help as texts
from seedream_magic.words.clip import text_width
from seedream_magic.words.commands import CHINESE_COMMANDS
from seedream_magic.words.language import Language
from seedream_magic.words.lists import enumeration

_PAGES = {
    "options": texts.TOPIC_OPTIONS,
    "commands": texts.TOPIC_COMMANDS,
    "sweep": texts.TOPIC_SWEEP,
    "references": texts.TOPIC_REFERENCES,
    "export": texts.TOPIC_EXPORT,
    "storyboard": texts.TOPIC_STORYBOARD,
    "sets": texts.TOPIC_SETS,
    "cost": texts.TOPIC_COST,
}
_TEXTS = {
    "references": texts.REFERENCES,
    "export": texts.EXPORT,
    "storyboard": texts.STORYBOARD,
    "sets": texts.SETS,
    "cost": texts.COST,
}
_WIDTH = 80
"""Columns of a line where each option has one."""


def help_page(topic: str, language: Language) -> str:
    """What `%seedream help TOPIC` shows. Raises `InvalidRequest` for a topic that there is none of."""
    chinese = language == "zh"
    named = [name.in_language(language) for name in _PAGES.values()]
    if not topic:
        return texts.START.in_language(language) + ("、" if chinese else ", ").join(named)
    wanted = topic.lower().removeprefix("--")
    found = next((name for name, text in _PAGES.items() if wanted in {text.english, text.chinese}), "")
    found = found or texts.TOPIC_WORDS.get(wanted, "")
    wanted = CHINESE_COMMANDS.get(wanted, wanted)
    if found in _TEXTS:
        return _TEXTS[found].in_language(language)
    if "topics" in {found, wanted}:
        return texts.TOPICS.in_language(language, topics=enumeration(named))
    if found == "options":
        return _screen(chinese=chinese)
    of_page = SWEEP_OPTIONS if found == "sweep" else ()
    options = of_page or [option for option in OPTIONS if wanted in _names_of(option)]
    commands = [row for row in COMMANDS if found == "commands" or row[0].split()[1:2] == [wanted]]
    rows = [_entry(option, chinese=chinese) for option in options]
    rows += [(usage_of(typed, language), of_chinese if chinese else english) for typed, english, of_chinese in commands]
    if rows:
        of_a_set = f"\n\n{texts.SETS.in_language(language)}" if wanted == "vary" else ""  # `--vary`, and `frame.vary`
        return _listed(rows) + of_a_set
    known = [word for text in _PAGES.values() for word in (text.english, text.chinese)]
    known += [*texts.TOPIC_WORDS, *CHINESE_COMMANDS]
    near = difflib.get_close_matches(
        wanted, [*known, *(field.name for field in FIELDS)], n=1, cutoff=0.6 if wanted.isascii() else 0.5
    )
    shown = repr(topic[:40])
    raise InvalidRequest(
        texts.TOPIC_MEANT(topic=shown, meant=near[0])
        if near
        else texts.NO_TOPIC(topic=shown, topics=enumeration(named))
    )


def _names_of(option: Field) -> set[str]:
    """An option by its long names without hyphens, its Chinese one too."""
    return {option.name, *(flag.lstrip("-") for flag in (*option.all_flags, *option.chinese_flags))}


def _entry(option: Field, *, chinese: bool) -> tuple[str, str]:
    """An option as it is typed, and what it means."""
    if not chinese:
        return option.usage, option.meaning.in_language("en")
    return f"{' / '.join(option.chinese_flags)}  {usage_of(option.usage, 'zh')}", option.meaning.in_language("zh")


def _screen(*, chinese: bool) -> str:
    """Every option in one line, which what it means may not all have room in; in Chinese with its name there."""
    language: Language = "zh" if chinese else "en"
    typed = [usage_of(option.usage, language) for option in OPTIONS]
    room = _WIDTH - max(map(text_width, typed)) - 2
    meanings = [_within(option, room) if chinese else text_within(option.meaning.english, room) for option in OPTIONS]
    lines = text_table([*zip(typed, meanings, strict=True)])
    return "\n".join((*lines, "", texts.SEE_ONE.in_language(language)))


def _within(option: Field, room: int) -> str:
    """What an option means in Chinese, cut to the room that its names leave."""
    meaning = option.meaning.in_language("zh")
    names = chinese_meaning(option).removeprefix(meaning)
    return text_within(meaning, room - text_width(names)) + names


def _listed(rows: list[tuple[str, str]]) -> str:
    """Rows of what is typed, each with its meaning below it."""
    lines = []
    for typed, meaning in rows:
        lines += [typed, *text_lines(meaning, COLUMNS + 16, first="    ", then="    ")]
    return "\n".join(lines)
