"""The options of a `%%seedream` cell, the commands of `%seedream`, and the help that lists them in both languages."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Sequence
from functools import partial
from typing import Any

from seedream_magic.api.fields import (
    CHECK,
    COPY,
    EXTRA,
    FIELDS,
    FRESH,
    MOST_RUNS,
    MOST_TAKES,
    TAKE,
    TIMEOUT,
    Field,
)
from seedream_magic.api.providers import PROVIDERS
from seedream_magic.api.values import parse_source, parse_word
from seedream_magic.errors import InvalidRequest
from seedream_magic.notebook.settings import LAYOUTS
from seedream_magic.words import cells
from seedream_magic.words import help as help_texts
from seedream_magic.words import options as texts
from seedream_magic.words.commands import CHINESE_COMMANDS, CHINESE_OPTIONS
from seedream_magic.words.language import Language, own_language
from seedream_magic.words.text import Text


def _parse_values(text: str) -> tuple[str, tuple[str, ...]]:
    """See `parse_option_values`."""
    from seedream_magic.sweep.make_axes import parse_option_values  # noqa: PLC0415 - load time: the extension loads this

    return parse_option_values(text)


def parse_name(text: str) -> str:
    """A variable's name, as Python reads it. Raises `InvalidRequest` for what cannot be assigned to."""
    name = unicodedata.normalize("NFKC", text)
    if name.isidentifier() and not keyword.iskeyword(name):
        return name
    digit = cells.BEGINS_WITH_DIGIT if name[:1].isdecimal() else cells.LETTERS_ONLY
    why = cells.WORD_OF_PYTHON if keyword.iskeyword(name) else digit
    raise InvalidRequest(cells.NO_NAME(typed=repr(text[:40]), why=why()))


def parse_count(option: str, most: int, text: str) -> int:
    """A whole number, from 1 where it counts something."""
    plain = unicodedata.normalize("NFKC", text).strip()
    if plain.isdecimal() and 1 <= int(plain) <= most:
        return int(plain)
    raise InvalidRequest(cells.COUNT_FROM_ONE(option=option, most=most, value=repr(text[:40])))


def parse_seed(text: str) -> int:
    """A whole number."""
    plain = unicodedata.normalize("NFKC", text).strip()
    if plain.removeprefix("-").isdecimal() and len(plain) <= 20:
        return int(plain)
    raise InvalidRequest(cells.SEED_IS_A_NUMBER(value=repr(text[:40])))


def _option(name: str, flag: str, meaning: Text, *further: Any, **facts: Any) -> Field:
    """An option of how a cell is run."""
    return Field(name, (flag,), meaning, *further, **facts)


def _of_providers(meaning: Text) -> Text:
    """A meaning that lists the providers."""
    english, chinese = ", ".join(PROVIDERS), "、".join(PROVIDERS)
    return Text(meaning.english.replace("{names}", english), meaning.chinese.replace("{names}", chinese))


_NAME = _option("name", "--out", texts.NAME, "NAME", parse_name)
_PROVIDER = _option(
    "provider",
    "--provider",
    _of_providers(texts.PROVIDER),
    "NAME",
    partial(parse_source, "provider"),
    words=tuple(PROVIDERS),
)
SWEEP_OPTIONS = (
    _option("vary", "--vary", texts.VARY),
    _option("each", "--each", texts.EACH, "NAME", partial(parse_source, "each")),
    _option("xy", "--xy", texts.XY, "OPTION=A,B", _parse_values, repeated=True),
    _option("repeat", "--repeat", texts.REPEAT, "K", partial(parse_count, "repeat", MOST_TAKES)),
    _option("sample", "--sample", texts.SAMPLE, "N", partial(parse_count, "sample", MOST_RUNS)),
    _option("seed", "--seed", texts.SEED, "S", parse_seed),
)
"""What makes a sweep of a cell: many requests in place of one."""
OPTIONS = (
    _NAME,
    *FIELDS,
    FRESH,
    TAKE,
    COPY,
    _option("dry_run", "--dry-run", texts.DRY_RUN),
    _PROVIDER,
    EXTRA,
    CHECK,
    TIMEOUT,
    *SWEEP_OPTIONS,
    _option("bg", "--bg", texts.BG),
    _option("quiet", "--quiet", texts.QUIET),
    _option("raw", "--raw", texts.RAW),
    _option("show", "--show", texts.SHOW, "LAYOUT", partial(parse_word, "show", LAYOUTS), words=LAYOUTS),
)
"""Every option of a cell: the fields that Python takes as keywords, and how the cell is run."""
FLAGS = tuple(flag for option in OPTIONS for flag in option.all_flags)
"""Every option as it may be typed."""

COLUMNS = 60
"""What a notebook of 600 pixels shows in a line; a longer one is broken there, in the middle of a word."""

_MEANINGS = (
    ("%seedream", help_texts.COMMAND_STATUS),
    ("%seedream use PROVIDER", help_texts.COMMAND_USE),
    ("%seedream key [--if-missing]", help_texts.COMMAND_KEY),
    ("%seedream models [--live] [WORDS]", help_texts.COMMAND_MODELS),
    ("%seedream panel [RUN]", help_texts.COMMAND_PANEL),
    ("%seedream history [WORDS] [--here] [--starred]", help_texts.COMMAND_HISTORY),
    ("%seedream show RUN", help_texts.COMMAND_SHOW),
    ("%seedream gallery [WORDS] [--starred] [--since DATE]", help_texts.COMMAND_GALLERY),
    ("%seedream compare FRAME …", help_texts.COMMAND_COMPARE),
    ("%seedream recover [RUN]", help_texts.COMMAND_RECOVER),
    ("%seedream retry RUN [--each | --dry-run]", help_texts.COMMAND_RETRY),
    ("%seedream stop", help_texts.COMMAND_STOP),
    ("%seedream export RUN PATH [--title T] [--no-captions] [--with-facts]", help_texts.COMMAND_EXPORT_RUN),
    ("%seedream purge RUN [--even-starred]", help_texts.COMMAND_PURGE),
    ("%seedream library [--scan FOLDER …]", help_texts.COMMAND_LIBRARY),
    ("%seedream doctor [--probe]", help_texts.COMMAND_DOCTOR),
    ("%seedream doctor CODE", help_texts.COMMAND_DOCTOR_CODE),
    ("%seedream help [TOPIC]", help_texts.COMMAND_HELP),
)


def _chinese_names(typed: str) -> list[str]:
    """As what a command and its options can be typed in Chinese."""
    names = {meant: name for name, meant in reversed((*CHINESE_COMMANDS.items(), *CHINESE_OPTIONS.items()))}
    return [names[word] for word in re.findall(r"(?<=%seedream )[a-z]+|--[a-z-]+", typed) if word in names]


def _beside(meaning: str, names: Sequence[str]) -> str:
    """What is meant, and beside it the names in Chinese."""
    return f"{meaning}（{'、'.join(names)}）" if names else meaning


COMMANDS = tuple(
    (typed, meaning.in_language("en"), _beside(meaning.in_language("zh"), _chinese_names(typed)))
    for typed, meaning in ((typed, _of_providers(meaning)) for typed, meaning in _MEANINGS)
)
"""Every command as it is typed, and what it does in both languages."""


def help_text(language: Language | None = None) -> str:
    """What `%%seedream?` shows: every option and command with its meaning, and examples. At most 60 columns.

    In one language, the reader's where none is given.
    """
    language = language or own_language()
    told = {"en": 1, "zh": 2}[language]
    options = [(option.usage, option.meaning.in_language("en"), chinese_meaning(option)) for option in OPTIONS]
    head, *headings, examples = (
        text.in_language(language)
        for text in (
            help_texts.CELL,
            help_texts.OPTIONS_HEADING,
            help_texts.COMMANDS_HEADING,
            help_texts.EXAMPLES_HEADING,
            help_texts.CELL_EXAMPLES,
        )
    )
    parts = [head, f"{headings[0]}\n", *(_entry(usage_of(row[0], language), row[told]) for row in options)]
    parts += [f"\n{headings[1]}\n", *(_entry(usage_of(row[0], language), row[told]) for row in COMMANDS)]
    return "\n".join((*parts, f"\n{headings[2]}\n", examples))


_PLACEHOLDER = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, help_texts.PLACEHOLDERS))})(?![\w-])")


def usage_of(typed: str, language: Language) -> str:
    """What is typed, as the help shows it: in Chinese what stands for a person's own words is Chinese."""
    if language == "en":
        return typed
    return _PLACEHOLDER.sub(lambda name: help_texts.PLACEHOLDERS[name[0]], typed)


def chinese_meaning(option: Field) -> str:
    """What an option means in Chinese, and as what it can be typed there."""
    return _beside(option.meaning.in_language("zh"), option.chinese_flags)


def _entry(typed: str, meaning: str) -> str:
    """What is typed, and below it what it does."""
    from seedream_magic.view.markup import text_lines  # noqa: PLC0415 - load time: every cell loads this

    return "\n".join((f"  {typed}", *text_lines(meaning, COLUMNS, first="      ", then="      ")))
