"""What a name of the notebook stands for: filled into a prompt as `{name}`, or taken as the value of an option.

Nothing is evaluated: a name takes attributes and indexes, in a prompt a format as well, no more. In a prompt what no
name fits stays as typed; an option refuses it.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import BuiltinFunctionType, ModuleType
from typing import Any

from seedream_magic.api.references.sources import missing_file
from seedream_magic.api.storyboard import Storyboard
from seedream_magic.errors import InvalidRequest
from seedream_magic.words import cells, references
from seedream_magic.words import requests as texts

# A field as `str.format` knows it, with short format specs only: `{x:9999999999}` would be gigabytes.
_NAME = r"[^\W\d]\w*"
_FIELD = re.compile(
    rf"(?<!\{{)\{{\{{(?P<literal>{_NAME})\}}\}}(?!\}})"
    rf"|[{{｛](?P<name>{_NAME})(?P<path>(?:\.{_NAME}|\[[^\[\]{{}}\n]{{1,80}}\])*)"
    r"(?:[:：](?P<spec>[^{}｛｝\n]{0,20}))?[}｝]"
)
_STEP = re.compile(rf"\.(?P<attribute>{_NAME})|\[(?P<index>[^\]]+)\]")
_LONGEST_PADDING = 4
LONGEST_TEXT = 4000
"""Characters that one variable may fill in: a prompt has a few hundred, a document in its place would be a mistake."""
_OF_IPYTHON = re.compile(r"_+|_i+|_i?\d+|_[iod]h")
"""What IPython calls its inputs and outputs, the last one and all of them."""
_ADDRESS = re.compile(r"<[^<>]* at 0x[0-9A-Fa-f]+[^<>]*>")
_PICTURES = frozenset({"seedream_magic.images.image_set", "seedream_magic.sweep.sweep", "PIL.Image"})
"""Modules of what is shown as pictures. They are told by name: a cell that has none of these loads none of them."""
_QUOTED = r"'[^']*'|\"[^\"]*\""
_SEVERAL = re.compile(rf"\s*(?:{_QUOTED})\s*(?:,\s*(?:{_QUOTED}|-?\d{{1,9}})\s*)+")


class _CannotFillError(Exception):
    """The field stays as typed."""


def fill_text(text: str, namespace: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """The text with its variables filled in, and the fields that looked like variables but stayed as typed.

    `{name}`, `{name.attribute}`, `{name[0]}` and `{name:.2f}` are filled where the first name exists; `{{name}}` gives
    `{name}`; every other brace, doubled or of JSON or CSS for instance, stays. Braces may be full-width. IPython's own
    names and what has no text but the address of an object are not filled. Raises `InvalidRequest` for a text of more
    than 4,000 characters, and for a picture.
    """
    unfilled: list[str] = []

    def replaced(match: re.Match[str]) -> str:
        if match["literal"]:
            return "{" + match["literal"] + "}"
        if _is_doubled(match):
            return match[0]
        try:
            return _fill_field(match, namespace)
        except _CannotFillError:
            unfilled.append(match[0])
            return match[0]

    return _FIELD.sub(replaced, text), tuple(dict.fromkeys(unfilled))


def fill_prompt(prompt: str | Storyboard, namespace: Mapping[str, Any]) -> tuple[str | Storyboard, tuple[str, ...]]:
    """`fill_text` for a prompt or for each part of a storyboard."""
    unfilled: list[str] = []

    def fill(part: str) -> str:
        filled, left = fill_text(part, namespace)
        unfilled.extend(left)
        return filled

    return change_parts(prompt, fill), tuple(dict.fromkeys(unfilled))


def change_parts(prompt: str | Storyboard, change: Callable[[str], str]) -> str | Storyboard:
    """The prompt, or each part of a storyboard, changed so."""
    if not isinstance(prompt, Storyboard):
        return change(prompt)
    return Storyboard(change(prompt.style), tuple(map(change, prompt.frames)))


def names_in(text: str) -> tuple[str, ...]:
    """The names that the fields of a text begin with, each once."""
    matches = (match for match in _FIELD.finditer(text) if match["name"] and not _is_doubled(match))
    return tuple(dict.fromkeys(match["name"] for match in matches))


def _take_step(value: Any, step: re.Match[str]) -> Any:
    """What `.attribute` or `[index]` leads to from a value. Raises whatever the value's own code raises."""
    if step["attribute"]:
        if step["attribute"].startswith("_"):
            raise _CannotFillError
        return getattr(value, step["attribute"])
    index = step["index"]
    if _SEVERAL.fullmatch(index):  # as of a sweep, whose runs have a label on each axis
        return value[tuple(word.strip().strip("'\"") for word in re.findall(rf"{_QUOTED}|-?\d+", index))]
    if re.fullmatch(r"-?\d{1,9}", index):
        return value[int(index)]
    return value[index[1:-1] if re.fullmatch(r"'.*'|\".*\"", index) else index]


def _is_doubled(match: re.Match[str]) -> bool:
    """Whether further braces stand around a field: then it is none."""
    text = match.string
    return text[match.start() - 1 : match.start()] + text[match.end() : match.end() + 1] == "{}"


def _fill_field(match: re.Match[str], namespace: Mapping[str, Any]) -> str:
    if match["name"] not in namespace or _is_of_ipython(match["name"], namespace):
        raise _CannotFillError
    spec = match["spec"] or ""
    if any(len(number) > _LONGEST_PADDING for number in re.findall(r"\d+", spec)):
        raise _CannotFillError
    value = namespace[match["name"]]
    try:
        for step in _STEP.finditer(match["path"]):
            value = _take_step(value, step)
        text = format(value, spec)
    except Exception as exc:
        # A property, an index or a format of the person's own objects may raise anything.
        raise _CannotFillError from exc
    kind = type(value)  # not `isinstance`, which asks the object for its class
    if any(base.__module__ in _PICTURES for base in kind.__mro__):
        name = match["name"] + match["path"]
        raise InvalidRequest(texts.PICTURE_IN_BRACES(field=match[0][:60], name=name[:60]))
    bare = issubclass(kind, type | ModuleType | BuiltinFunctionType) or _ADDRESS.search(text)
    if bare and not issubclass(kind, str):
        raise _CannotFillError
    if len(text) > LONGEST_TEXT:
        too_long = texts.VARIABLE_TOO_LONG(field=match[0][:60], size=len(text), most=LONGEST_TEXT)
        raise InvalidRequest(too_long, hint=texts.SHORTER_OR_RAW())
    return text


def _is_of_ipython(name: str, namespace: Mapping[str, Any]) -> bool:
    """Whether a name is IPython's own; `In` and `Out` may be the person's."""
    held = {"In": "_ih", "Out": "_oh"}.get(name, "")
    return _OF_IPYTHON.fullmatch(name) is not None or (held in namespace and namespace[name] is namespace[held])


_EXPRESSION = re.compile(rf"(?P<name>{_NAME})(?P<path>(?:\.{_NAME}|\[[^\[\]\n]{{1,80}}\])*)")
_WIDE_BRACKETS = str.maketrans("［］【】", "[][]")
_CALL = re.compile(rf"{_EXPRESSION.pattern}\(.*\)", re.DOTALL)


def value_of(text: str, namespace: Mapping[str, Any]) -> Any:
    """The notebook's value that `name`, `name.attribute` or `name[0]` stands for; the text itself where none does.

    A file of that name comes first. Raises `InvalidRequest` where the name is there and the way from it is not, where
    a plain name is neither a variable nor a file, and where it is a number or None.
    """
    name, value = text.strip(), variable_of(text, namespace)
    if value is not text and (value is None or isinstance(value, int | float | complex)):
        kind = "None" if value is None else cells.OF_TYPE(kind=_public_name(type(value)))
        raise InvalidRequest(cells.NOT_A_PICTURE(name=name[:80], kind=kind))
    return value


def variable_of(text: str, namespace: Mapping[str, Any], option: str = "--ref") -> Any:
    """As `value_of`, of whatever kind the value is; `option` is the one that it is given with."""
    name = text.strip()
    if not os.path.lexists(name):
        name = name.translate(_WIDE_BRACKETS)
    match = _EXPRESSION.fullmatch(name)
    plain = re.fullmatch(rf"({_NAME})(\[-?\d+\])?", name)
    if plain and plain[1] not in namespace and not os.path.lexists(name) and not glob.glob(name):  # noqa: PTH207 - a Path would lose the typed form
        variables = [f"{known}{plain[2] or ''}" for known in namespace if not known.startswith("_")]
        raise missing_file(references.NO_VARIABLE, name, Path(name), variables)
    if _CALL.fullmatch(name) and not os.path.lexists(text):
        why = cells.CALLS_NOTHING(option=option, instead=_assign(name, option))
        raise InvalidRequest(cells.CANNOT_BE_READ(expression=name[:80], why=why))
    if match is None or match["name"] not in namespace or Path(text).exists():
        return text
    value, reached = namespace[match["name"]], match["name"]
    for step in _STEP.finditer(match["path"]):
        try:
            value = _take_step(value, step)
        except Exception as exc:  # a property or an index of the person's own objects may raise anything
            reason = _reason(exc, _assign(name, option), name, reached, step)
            raise InvalidRequest(cells.CANNOT_BE_READ(expression=name[:80], why=reason)) from exc
        reached += step[0]
    return value


def _reason(exc: Exception, assign: str, expression: str, reached: str, step: re.Match[str]) -> str:
    """Why a step from `reached`, the part of an expression that could be read, leads nowhere, and what to write."""
    reached, index = reached[:80], step[0][:80]
    match exc:
        case _CannotFillError():
            return cells.WITH_UNDERSCORE(attribute=index[1:], instead=assign)
        case IndexError() if step["index"]:
            return cells.PAST_THE_END(index=index, name=reached)
        case KeyError() if step["index"]:
            return cells.NO_ITEM(index=index, name=reached)
        case TypeError() if step["index"]:
            return cells.TAKES_NO_INDEX(index=index, name=reached, instead=assign)
        case AttributeError() if step["attribute"]:
            return cells.NO_ATTRIBUTE(attribute=index[1:], name=reached)
    said = " ".join(str(exc).split())[:200].rstrip(".")
    return cells.SEE_WHY(error=f"{_public_name(type(exc))}{': ' * bool(said)}{said}", expression=expression[:80])


def _assign(expression: str, option: str) -> str:
    name = "picture" if option == "--ref" else "rows"
    return cells.ASSIGN_FIRST(name=name, expression=expression[:80], option=option)


def _public_name(kind: type) -> str:
    """The name of a class, or of the nearest one above it that is not private."""
    return next(above.__name__ for above in kind.__mro__ if not above.__name__.startswith("_"))
