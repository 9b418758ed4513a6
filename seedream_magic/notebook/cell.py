"""The text of a `%%seedream` cell, read: options from the first line, the prompt below it, variables filled in.

Nothing is evaluated: a `{name}` takes attributes, indexes and a format, no more.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from seedream_magic.api.fields import refuse_twice
from seedream_magic.api.make_request import Ask
from seedream_magic.api.references.sources import missing_file
from seedream_magic.api.storyboard import read_prompt
from seedream_magic.errors import InvalidRequest
from seedream_magic.notebook.first_line import read_line
from seedream_magic.notebook.mistakes import notes_on, refuse_body
from seedream_magic.variables import NAME, STEP, CannotFillError, take_step
from seedream_magic.words import cells as texts
from seedream_magic.words import references
from seedream_magic.words.grid import axis_word


@dataclass(frozen=True)
class Cell:
    """A parsed cell: what it asks for, with nothing that was not typed, and how to run it.

    `wide` are the signs of a Chinese keyboard that were read as plain ones, `notes` what else is to be told.
    """

    ask: Ask
    wide: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    name: str | None = None
    provider: str | None = None
    dry_run: bool = False
    quiet: bool = False
    raw: bool = False
    bg: bool = False
    show: str | None = None
    vary: bool = False
    each: str | None = None
    xy: tuple[tuple[str, tuple[str, ...]], ...] | list[tuple[str, tuple[str, ...]]] = ()
    repeat: int | None = None
    sample: int | None = None
    seed: int | None = None

    @property
    def is_sweep(self) -> bool:
        """Whether it asks for many requests in place of one."""
        return self.vary or bool(self.each or self.xy or self.repeat or self.sample)


def parse_cell(line: str, body: str) -> Cell:
    """The cell as typed: `[NAME <<] [options]` and the prompt.

    Raises `InvalidRequest` with one line that names the fix.
    """
    typed, wide = read_line(line)
    refuse_twice(typed, typed.get("extra", {}))
    if not typed.get("raw"):
        refuse_body(body)
    running = {part.name: typed.pop(part.name) for part in fields(Cell) if part.name in typed}
    _check_sweep(running, typed)
    planning = {part.name: typed.pop(part.name) for part in fields(Ask) if part.name in typed}
    return Cell(Ask(read_prompt(body), values=typed, **planning), wide, notes_on(body), **running)


def _check_sweep(running: dict[str, Any], typed: dict[str, Any]) -> None:
    """Refuse options that do not go with one another in a sweep, and those of a sweep where there is none."""
    makes_axes = [f"--{name}" for name in ("vary", "each", "xy", "repeat") if running.get(name)]
    if "seed" in running and "sample" not in running:
        raise InvalidRequest(texts.SEED_NEEDS_SAMPLE(no_seed=texts.NO_SEED()))
    if "sample" in running and not makes_axes:
        raise InvalidRequest(texts.SAMPLE_NEEDS_AXES())
    if not makes_axes:
        return
    if running.get("show") == "carousel":
        raise InvalidRequest(texts.NO_CAROUSEL_OF_RUNS(axis=makes_axes[0]))
    crossed = [name for name, _ in running.get("xy", ())]
    twice = next((name for name in crossed if crossed.count(name) > 1), None)
    twice = twice or next((name for name in crossed if name in typed and name != "refs"), None)
    if twice:
        raise InvalidRequest(texts.CROSSED_TWICE(option=axis_word(twice)))
    if running.get("repeat") and ("take" in typed or "fresh" in typed):
        raise InvalidRequest(texts.NO_REPEAT_WITH(option="--take" if "take" in typed else "--fresh"))


_EXPRESSION = re.compile(rf"(?P<name>{NAME})(?P<path>(?:\.{NAME}|\[[^\[\]\n]{{1,80}}\])*)")
_WIDE_BRACKETS = str.maketrans("［］【】", "[][]")
_CALL = re.compile(rf"{NAME}(?:\.{NAME}|\[[^\[\]\n]{{1,80}}\])*\(.*\)", re.DOTALL)


def value_of(text: str, namespace: Mapping[str, Any]) -> Any:
    """The notebook's value that `name`, `name.attribute` or `name[0]` stands for; the text itself where none does.

    A file of that name comes first. Raises `InvalidRequest` where the name is there and the way from it is not, where
    a plain name is neither a variable nor a file, and where it is a number or None.
    """
    name, value = text.strip(), variable_of(text, namespace)
    if value is not text and (value is None or isinstance(value, int | float | complex)):
        kind = "None" if value is None else texts.OF_TYPE(kind=_public(type(value)))
        raise InvalidRequest(texts.NOT_A_PICTURE(name=name[:80], kind=kind))
    return value


def variable_of(text: str, namespace: Mapping[str, Any], option: str = "--ref") -> Any:
    """As `value_of`, of whatever kind the value is; `option` is the one that it is given with."""
    name = text.strip()
    if not os.path.lexists(name):
        name = name.translate(_WIDE_BRACKETS)
    match = _EXPRESSION.fullmatch(name)
    if name.isidentifier() and name not in namespace and not os.path.lexists(name):
        variables = [known for known in namespace if not known.startswith("_")]
        raise missing_file(references.NO_VARIABLE, name, Path(name), variables)
    if _CALL.fullmatch(name) and not os.path.lexists(text):
        why = texts.CALLS_NOTHING(option=option, instead=_assign(name, option))
        raise InvalidRequest(texts.CANNOT_BE_READ(expression=name[:80], why=why))
    if match is None or match["name"] not in namespace or Path(text).exists():
        return text
    value, reached = namespace[match["name"]], match["name"]
    for step in STEP.finditer(match["path"]):
        try:
            value = take_step(value, step)
        except Exception as exc:  # a property or an index of the person's own objects may raise anything
            reason = _reason(exc, _assign(name, option), name, reached, step)
            raise InvalidRequest(texts.CANNOT_BE_READ(expression=name[:80], why=reason)) from exc
        reached += step[0]
    return value


def _reason(exc: Exception, assign: str, expression: str, reached: str, step: re.Match[str]) -> str:
    """Why a step from `reached`, the part of an expression that could be read, leads nowhere, and what to write."""
    reached, index = reached[:80], step[0][:80]
    match exc:
        case CannotFillError():
            return texts.WITH_UNDERSCORE(attribute=index[1:], instead=assign)
        case IndexError() if step["index"]:
            return texts.PAST_THE_END(index=index, name=reached)
        case KeyError() if step["index"]:
            return texts.NO_ITEM(index=index, name=reached)
        case TypeError() if step["index"]:
            return texts.TAKES_NO_INDEX(index=index, name=reached, instead=assign)
        case AttributeError() if step["attribute"]:
            return texts.NO_ATTRIBUTE(attribute=index[1:], name=reached)
    said = " ".join(str(exc).split())[:200].rstrip(".")
    return texts.SEE_WHY(error=f"{_public(type(exc))}{': ' * bool(said)}{said}", expression=expression[:80])


def _assign(expression: str, option: str) -> str:
    name = "picture" if option == "--ref" else "rows"
    return texts.ASSIGN_FIRST(name=name, expression=expression[:80], option=option)


def _public(kind: type) -> str:
    """The name of a class, or of the nearest one above it that is not private."""
    return next(above.__name__ for above in kind.__mro__ if not above.__name__.startswith("_"))
