"""Tab in `%%seedream` and `%seedream` lines. Older IPython than 8.6 has no way to ask for it: there it is silent."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from seedream_magic.notebook.candidates import (
    Candidate,
    Surroundings,
    arguments_of,
    commands,
    flags,
    set_names,
    values_of,
)
from seedream_magic.notebook.options import OPTIONS

IDENTIFIER = "seedream_magic"
_CELL = re.compile(r"\s*%%seedream\s(.*)", re.DOTALL)
_LINE = re.compile(r"\s*(?:[^\W\d]\w*\s*=\s*)?%seedream\s(.*)", re.DOTALL)
_WORD = re.compile(r"""(?:[^\s"'\\]|\\.|\\$|"(?:[^"\\]|\\.)*(?:"|\\?$)|'[^']*(?:'|$))+""", re.DOTALL)
_NOTHING = ("", ())
_BY_FLAG = {flag: option for option in OPTIONS for flag in option.flags}


@dataclass(frozen=True)
class _Typed:
    """A line as far as the cursor: the whole words, the one that is being typed, and what comes behind it."""

    words: tuple[str, ...]
    fragment: str
    behind: str

    @property
    def text(self) -> str:
        """The word that is being typed without its quotes."""
        if self.quote:
            return _unescaped(self.fragment[1:]) if self.quote == '"' else self.fragment[1:]
        return _unescaped(self.fragment)

    @property
    def quote(self) -> str:
        """The quote that the word begins with, or ""."""
        return self.fragment[:1] if self.fragment[:1] in {'"', "'"} else ""


def register_completion(shell: InteractiveShell) -> None:
    """Make Tab complete in this shell; nothing happens where IPython cannot."""
    unregister_completion(shell)
    try:
        from IPython.core.completer import context_matcher  # noqa: PLC0415 - IPython 8.6 and later have it
    except ImportError:
        return
    matcher = context_matcher(priority=50, identifier=IDENTIFIER)(_matcher(shell))
    shell.Completer.custom_matchers.append(matcher)


def unregister_completion(shell: InteractiveShell) -> None:
    """Take it out again, also one that an earlier version of this module has put in."""
    held = getattr(getattr(shell, "Completer", None), "custom_matchers", [])
    held[:] = [matcher for matcher in held if getattr(matcher, "matcher_identifier", "") != IDENTIFIER]


def complete(text: str, line: int, column: int, around: Surroundings) -> tuple[str, tuple[Candidate, ...]]:
    """The piece before the cursor that is replaced, and what can stand in its place; nothing where it is not ours.

    `line` and `column` of the cursor count from 0. In the body of a `%%seedream` cell nothing is offered.
    """
    lines = text.split("\n")
    first = next((number for number, words in enumerate(lines) if words.strip()), 0)
    before, behind = lines[line][:column], lines[line][column:]
    if lines[first].lstrip().startswith("%%seedream"):
        match = _CELL.fullmatch(before) if line == first else None
        return _offered(_read(match[1], behind), around, _in_cell) if match else _NOTHING
    match = _LINE.fullmatch(before)
    return _offered(_read(match[1], behind), around, _in_line) if match else _NOTHING


def _matcher(shell: InteractiveShell) -> Callable[[Any], Any]:
    from IPython.core.completer import SimpleCompletion  # noqa: PLC0415 - as in register_completion

    def seedream_matcher(context: Any) -> Any:
        try:
            fragment, found = complete(
                context.full_text, context.cursor_line, context.cursor_position, _surroundings(shell)
            )
        except Exception:  # noqa: BLE001 - a folder that is gone, an object with surprises: no traceback for a Tab
            fragment, found = _NOTHING
        if not found:
            return {"completions": [], "suppress": False}
        offered = [SimpleCompletion(text=candidate.text, type=candidate.kind) for candidate in found]
        return {"completions": offered, "matched_fragment": fragment, "suppress": True, "ordered": True}

    return seedream_matcher


def _surroundings(shell: InteractiveShell) -> Surroundings:
    magic = shell.magics_manager.magics["cell"]["seedream"]
    return Surroundings(shell.user_ns, magic.__self__.desk.client)


def _offered(
    typed: _Typed, around: Surroundings, look_up: Callable[[_Typed, Surroundings], tuple[_Typed, list[Candidate]]]
) -> tuple[str, tuple[Candidate, ...]]:
    """The candidates that begin as typed, in quotes where they need them."""
    typed, found = look_up(typed, around)
    fitting = (candidate for candidate in found if candidate.text.startswith(typed.text))
    return typed.fragment, tuple(replace(each, text=_quoted(each, typed)) for each in fitting)


def _in_cell(typed: _Typed, around: Surroundings) -> tuple[_Typed, list[Candidate]]:
    around = replace(around, model=_given(typed, "--model"), provider=_given(typed, "--provider"))
    flag, equals, value = typed.fragment.partition("=")
    if equals and _takes_value(flag):
        typed = replace(typed, fragment=value)
        return typed, values_of(_BY_FLAG[flag], typed.text, around)
    if typed.words and _takes_value(typed.words[-1]):
        return typed, values_of(_BY_FLAG[typed.words[-1]], typed.text, around)
    if typed.fragment.startswith("-"):
        return typed, flags(typed.fragment)
    named = [replace(each, text=f"{each.text} <<") for each in set_names("", around)] if not typed.words else []
    named += [Candidate("<<", "option")] if len(typed.words) == 1 and typed.words[0].isidentifier() else []
    return typed, [*named, *([] if typed.fragment else flags("--"))]


def _in_line(typed: _Typed, around: Surroundings) -> tuple[_Typed, list[Candidate]]:
    if not typed.words:
        return typed, commands()
    return typed, arguments_of(typed.words[0].lower(), len(typed.words) - 1, typed.text, around)


def _takes_value(flag: str) -> bool:
    option = _BY_FLAG.get(flag)
    return option is not None and option.parse is not None


def _given(typed: _Typed, flag: str) -> str | None:
    """The value that the line gives an option before the cursor."""
    flags = _BY_FLAG[flag].flags
    given = [value for name, value in pairwise(typed.words) if name in flags]
    given += [word.partition("=")[2] for word in typed.words if word.startswith(f"{flag}=")]
    return given[-1].strip("\"'") if given else None


def _read(text: str, behind: str) -> _Typed:
    found = list(_WORD.finditer(text))
    fragment = found.pop()[0] if found and found[-1].end() == len(text) else ""
    return _Typed(tuple(match[0] for match in found), fragment, behind)


def _unescaped(text: str) -> str:
    return text if os.name == "nt" else re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def _quoted(candidate: Candidate, typed: _Typed) -> str:
    """The text as it must be typed; the quote at its end is left out where the front end has put it there already."""
    text = candidate.text
    if candidate.kind != "path" and not typed.quote:
        return text
    if not (typed.quote or re.search(r"""[\s"'\\]""", text)):
        return text
    quote = typed.quote or '"'
    if quote == '"' and os.name != "nt":
        text = re.sub(r'(["\\])', r"\\\1", text)
    return quote + text + ("" if candidate.is_folder or typed.behind.startswith(quote) else quote)
