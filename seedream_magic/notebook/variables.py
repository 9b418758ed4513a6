"""`{name}` in a prompt, filled from the notebook. Nothing is evaluated beyond attribute, index and format."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seedream_magic.api.references.sources import missing_file
from seedream_magic.api.storyboard import Storyboard
from seedream_magic.errors import InvalidRequest

# A field as `str.format` knows it, with short format specs only: `{x:9999999999}` would be gigabytes.
_NAME = r"[^\W\d]\w*"
_FIELD = re.compile(
    rf"(?<!\{{)\{{\{{(?P<literal>{_NAME})\}}\}}(?!\}})"
    rf"|\{{(?P<name>{_NAME})(?P<path>(?:\.{_NAME}|\[[^\[\]{{}}\n]{{1,80}}\])*)(?::(?P<spec>[^{{}}\n]{{0,20}}))?\}}"
)
_EXPRESSION = re.compile(rf"(?P<name>{_NAME})(?P<path>(?:\.{_NAME}|\[[^\[\]\n]{{1,80}}\])*)")
_CALL = re.compile(rf"{_NAME}(?:\.{_NAME}|\[[^\[\]\n]{{1,80}}\])*\(.*\)", re.DOTALL)
_STEP = re.compile(rf"\.(?P<attribute>{_NAME})|\[(?P<index>[^\]]+)\]")
_LONGEST_PADDING = 4


class _CannotFillError(Exception):
    """The field stays as typed."""


def fill(text: str, namespace: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """The text with its variables filled in, and the fields that looked like variables but stayed as typed.

    `{name}`, `{name.attribute}`, `{name[0]}` and `{name:.2f}` are filled where the first name exists; `{{name}}` gives
    `{name}`; every other brace, doubled or of JSON or CSS for instance, stays.
    """
    unfilled: list[str] = []

    def replaced(match: re.Match[str]) -> str:
        if match["literal"]:
            return "{" + match["literal"] + "}"
        if text[match.start() - 1 : match.start()] + text[match.end() : match.end() + 1] == "{}":
            return match[0]
        try:
            return _filled(match, namespace)
        except _CannotFillError:
            unfilled.append(match[0])
            return match[0]

    return _FIELD.sub(replaced, text), tuple(dict.fromkeys(unfilled))


def filled(prompt: str | Storyboard, namespace: Mapping[str, Any]) -> tuple[str | Storyboard, tuple[str, ...]]:
    """`fill` for a prompt or for each part of a storyboard."""
    if isinstance(prompt, str):
        return fill(prompt, namespace)
    (style, *frames), unfilled = zip(*(fill(part, namespace) for part in (prompt.style, *prompt.frames)), strict=True)
    return Storyboard(style, tuple(frames)), tuple(dict.fromkeys(field for fields in unfilled for field in fields))


def value_of(text: str, namespace: Mapping[str, Any]) -> Any:
    """The notebook's value that `name`, `name.attribute` or `name[0]` stands for; the text itself where none does.

    A file of that name comes first. Raises `InvalidRequest` where the name is there and the way from it is not, where
    a plain name is neither a variable nor a file, and where it is a number or None.
    """
    name = text.strip()
    match = _EXPRESSION.fullmatch(name)
    if name.isidentifier() and name not in namespace and not os.path.lexists(name):
        raise missing_file(f"There is no variable and no file named {name[:80]}.", name, Path(name))
    if _CALL.fullmatch(name) and not os.path.lexists(text):
        raise InvalidRequest(f"{name[:80]} cannot be read: --ref calls nothing. {_assign(name)}")
    if match is None or match["name"] not in namespace or Path(text).exists():
        return text
    value, reached = namespace[match["name"]], match["name"]
    for step in _STEP.finditer(match["path"]):
        try:
            value = _stepped(value, step)
        except Exception as exc:  # a property or an index of the person's own objects may raise anything
            raise InvalidRequest(f"{name[:80]} cannot be read: {_reason(exc, name, reached, step)}") from exc
        reached += step[0]
    if value is None or isinstance(value, int | float | complex):
        kind = "None" if value is None else f"of type {_public(type(value))}"
        raise InvalidRequest(
            f"{name[:80]} is {kind}, not a picture: --ref takes a path, a link, a picture or an array."
        )
    return value


def _reason(exc: Exception, expression: str, reached: str, step: re.Match[str]) -> str:
    """Why a step from `reached`, the part of an expression that could be read, leads nowhere, and what to write."""
    reached, index = reached[:80], step[0][:80]
    match exc:
        case _CannotFillError():
            return f"{index[1:]} begins with an underscore. {_assign(expression)}"
        case IndexError() if step["index"]:
            return f"{index} is past the end of {reached}; Python counts from 0."
        case KeyError() if step["index"]:
            return f"{reached} has no item {index}; list({reached}) shows what it has."
        case TypeError() if step["index"]:
            return f"{reached} takes no index {index}, and nothing in it is computed. {_assign(expression)}"
        case AttributeError() if step["attribute"]:
            return f"{reached} has no attribute {index[1:]}; dir({reached}) shows what it has."
    said = " ".join(str(exc).split())[:200].rstrip(".")
    return f"{_public(type(exc))}{': ' * bool(said)}{said}. Write {expression[:80]} in a cell of its own to see why."


def _assign(expression: str) -> str:
    return f"Write picture = {expression[:80]} in a cell of its own, then --ref picture."


def _public(kind: type) -> str:
    """The name of a class, or of the nearest one above it that is not private."""
    return next(above.__name__ for above in kind.__mro__ if not above.__name__.startswith("_"))


def _filled(match: re.Match[str], namespace: Mapping[str, Any]) -> str:
    if match["name"] not in namespace:
        raise _CannotFillError
    spec = match["spec"] or ""
    if any(len(number) > _LONGEST_PADDING for number in re.findall(r"\d+", spec)):
        raise _CannotFillError
    value = namespace[match["name"]]
    try:
        for step in _STEP.finditer(match["path"]):
            value = _stepped(value, step)
        return format(value, spec)
    except Exception as exc:
        # A property, an index or a format of the person's own objects may raise anything.
        raise _CannotFillError from exc


def _stepped(value: Any, step: re.Match[str]) -> Any:
    if step["attribute"]:
        if step["attribute"].startswith("_"):
            raise _CannotFillError
        return getattr(value, step["attribute"])
    index = step["index"]
    if re.fullmatch(r"-?\d{1,9}", index):
        return value[int(index)]
    return value[index[1:-1] if re.fullmatch(r"'.*'|\".*\"", index) else index]
