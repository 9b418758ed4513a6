"""A text in both languages, and the sentence that it makes of the facts of a moment."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from string import Formatter
from typing import Any, Self

from seedream_magic.words.language import Language, own_language

Fact = str | int | float

_CODE = re.compile(r"[a-z_]{1,40}\.[A-Z][A-Z0-9_]{0,80}")
_DEEPEST = 5
# Dots, dashes and quotes are of both languages: they are as wide as the sign beside them.
_FULL_WIDTH = re.compile(r"[\u3000-\u303f\uff01-\uff60]|[…—“”][^\x00-\x7f]|[^\x00-\x7f][…—“”]")


_OWN_RUN = "own_run"


class _Format(Formatter):
    """`str.format`, in which `{count:image}` is a number of things, `{why:capital}` the beginning of a sentence."""

    def format_field(self, value: Any, spec: str) -> str:
        one, _, more = spec.partition("|")
        if isinstance(value, int) and len(one) > 1 and one.replace(" ", "").isalpha():
            return f"{value:,} {one if value == 1 else more or f'{one}s'}"
        if spec == "capital":
            return f"{value[:1].upper()}{value[1:]}"
        return format(value, spec)


_FORMAT = _Format()


@dataclass(frozen=True)
class Text:
    """The same words in both languages; facts stand in them as {names}. Called, it is a sentence in the reader's."""

    english: str
    chinese: str

    def __call__(self, /, **facts: object) -> str:
        return self.in_language(own_language(), **facts)

    def in_language(self, language: Language, /, **facts: object) -> str:
        """The sentence in this language, for what has one of its own: a picture, whose prompt is written in it."""
        kept = {name: fact if isinstance(fact, Fact) else str(fact) for name, fact in facts.items()}
        told = {name: in_language(fact, language) if isinstance(fact, str) else fact for name, fact in kept.items()}
        told.setdefault(_OWN_RUN, "运行号" if language == "zh" else "RUN")
        words = self.chinese if language == "zh" else self.english
        both = self == BOTH and {"first", "then"} <= told.keys()
        return Sentence(_beside(told["first"], told["then"]) if both else _FORMAT.vformat(words, (), told), self, kept)


class Sentence(str):
    """What a text told. It is a str like any other, and knows of which text and facts, to be told anew elsewhere."""

    __slots__ = ("facts", "text")
    text: Text
    facts: Mapping[str, Fact]

    def __new__(cls, words: str, text: Text, facts: Mapping[str, Fact]) -> Self:
        sentence = super().__new__(cls, words)
        sentence.text, sentence.facts = text, facts
        return sentence

    def __reduce__(self) -> tuple[Any, ...]:
        return Sentence, (str(self), self.text, self.facts)


def in_language(words: str, language: Language) -> str:
    """A sentence of ours in this language; any other text, such as the service's words, as it is."""
    return words.text.in_language(language, **words.facts) if isinstance(words, Sentence) else words


def of_run(words: str, run_id: str | None) -> str:
    """A sentence of ours in which `{own_run}` is this run: what was said of a run before anybody knew which."""
    if not isinstance(words, Sentence) or not run_id:
        return words
    facts = {name: of_run(fact, run_id) if isinstance(fact, str) else fact for name, fact in words.facts.items()}
    if f"{{{_OWN_RUN}}}" in words.text.english:
        facts.setdefault(_OWN_RUN, run_id)
    return words.text(**facts)


BOTH = Text("{first} {then}", "{first} {then}")
"""Two sentences beside one another."""


def join(*sentences: str) -> str:
    """Sentences beside one another, as each language sets them; empty ones are left out."""
    return chain(BOTH, [sentence for sentence in sentences if sentence])


def chain(text: Text, parts: Sequence[str]) -> str:
    """Parts set beside one another by a text of `first` and `then`; "" for none."""
    if len(parts) < 2:
        return parts[0] if parts else ""
    half = len(parts) // 2  # so that a thousand parts are no thousand sentences deep
    return text(first=chain(text, parts[:half]), then=chain(text, parts[half:]))


def _beside(first: object, then: object) -> str:
    """No blank stands beside a full-width sign."""
    touching = _FULL_WIDTH.search(f"{first}"[-1:] + f"{then}"[:1])
    return f"{first}{then}" if touching else f"{first} {then}"


def as_stored(words: str) -> str | dict[str, Any]:
    """A text for a record: of a sentence of ours its code and facts, so that whoever reads it has it in their language.

    `text` is for who knows no such code: another program, or a version of this one before it.
    """
    code = _code_of(words.text) if isinstance(words, Sentence) else ""
    if not code or not isinstance(words, Sentence):
        return str(words)
    facts = {name: as_stored(fact) if isinstance(fact, str) else fact for name, fact in words.facts.items()}
    return {"code": code, "facts": facts, "text": str(words)}


def from_stored(stored: object, clean: Callable[[object], str]) -> str:
    """The text of a record, which may be a stranger's: `clean` makes harmless what is no sentence of ours."""
    return _from_stored(stored, clean, _DEEPEST)


def _from_stored(stored: object, clean: Callable[[object], str], depth: int) -> str:
    if not isinstance(stored, Mapping):
        return clean(stored)
    text, given = _text_of(str(stored.get("code"))), stored.get("facts")
    if text is None or not isinstance(given, Mapping) or not depth:
        return clean(stored.get("text", ""))
    try:
        facts = {
            str(name): fact if isinstance(fact, int | float) else _from_stored(fact, clean, depth - 1)
            for name, fact in given.items()
        }
        return text(**facts)
    except (LookupError, TypeError, ValueError):  # not the facts of this text
        return clean(stored.get("text", ""))


def _code_of(text: Text) -> str:
    """The name of a text, with that of its module: "runs.KEPT_DOUBTFUL"; "" where it is in none."""
    beginning = f"{__package__}."
    names = (
        f"{module.removeprefix(beginning)}.{name}"
        for module, loaded in [*sys.modules.items()]
        if module.startswith(beginning)
        for name, value in vars(loaded).items()
        if isinstance(value, Text) and value == text
    )
    return next(filter(_CODE.fullmatch, names), "")


def _text_of(code: str) -> Text | None:
    """The text of that name, if there is one."""
    if not _CODE.fullmatch(code):
        return None
    module, _, name = code.partition(".")
    try:
        text = getattr(import_module(f"{__package__}.{module}"), name, None)
    except ImportError:
        return None
    return text if isinstance(text, Text) else None
