"""What people type into a cell by mistake, and would be drawn, and paid, as words of a prompt.

Only what cannot be meant is refused. What may be is sent, with a note.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Mapping
from typing import Any

from seedream_magic.api.storyboard import Storyboard, parts_of
from seedream_magic.errors import InvalidRequest
from seedream_magic.notebook.first_line import are_options
from seedream_magic.words import cells as texts
from seedream_magic.words.clip import one_line

_NAME = r"(?i:seedream)(?![A-Za-z0-9_])"  # Chinese may stand right behind it
_COMMAND = re.compile(
    rf"\s*(?:[%％]{{1,2}}\s*{_NAME}|[!%]\s?(?:pip|conda|mamba|uv)\s+(?:install|uninstall|list)\b"
    r"|%(?:load_ext|reload_ext|config|matplotlib|env)\s+\w)"
)
_CELL = re.compile(rf"\s*[%％]{{2}}\s*{_NAME}")
_STRING = re.compile(r"""\s*((?:[rR]?[fF]|[fF][rR])(?:'{3}|"{3}|['"])|'{3}|"{3})(.*)""", re.DOTALL)
_BEFORE_OPTION = re.compile(r"(?<=\S)\s+(?=-)")
_WIDE_SIGNS = str.maketrans("｛｜｝", "{|}")
_LONGEST_SHOWN = 60
_LONGEST_CODE = 4000


def refuse_body(body: str) -> None:
    """Raises `InvalidRequest` for a prompt that holds a command, or options, or that is a string of Python, as a whole
    or in a frame.
    """
    lines = body.splitlines()
    filled = [line for line in lines if line.strip()]
    if filled and _CELL.match(filled[0]):
        raise InvalidRequest(texts.TWO_CELLS())
    for number, line in enumerate(lines, 1):
        if _COMMAND.match(line):
            raise InvalidRequest(texts.COMMAND_BELOW(number=number, command=one_line(line, _LONGEST_SHOWN)))
    if sign := next(filter(None, map(_quotes_around, (body, *parts_of(body)))), ""):
        raise InvalidRequest(texts.F_STRING(sign=sign))
    first = filled[0] if len(filled) > 1 and are_options(filled[0]) else ""
    if typed := first or next(filter(None, map(_options_at_end, filled)), ""):
        raise InvalidRequest(texts.OPTIONS_BELOW(typed=one_line(typed, _LONGEST_SHOWN)))


def _options_at_end(line: str) -> str:
    """The options of a cell with which a line of words ends; "" for none."""
    ends = (line[found.end() :] for found in _BEFORE_OPTION.finditer(line))
    return next(filter(are_options, ends), "")


def _quotes_around(text: str) -> str:
    """How the string of Python begins that a whole text is, such as `f'`; "" where it is none."""
    quoted = _STRING.fullmatch(text.rstrip())
    if quoted is None:
        return ""
    quote = quoted[1].lstrip("rRfF")
    return quoted[1] if quoted[2].endswith(quote) and quote not in quoted[2].removesuffix(quote) else ""


def notes_on(body: str) -> tuple[str, ...]:
    """What to tell of a prompt that is sent as it was typed."""
    if len(body) > _LONGEST_CODE:
        return ()
    try:
        statements = ast.parse(body.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    if not any(map(_is_code, statements)):
        return ()
    return (texts.READS_AS_CODE(line=one_line(body.strip().splitlines()[0], _LONGEST_SHOWN)),)


def _is_code(statement: ast.stmt) -> bool:
    """Whether a statement can hardly be words: it imports, calls, or gives a name what a call or a string makes."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return True
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Call | ast.JoinedStr)
    return isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call | ast.JoinedStr | ast.Constant)


def first_group(prompt: str | Storyboard) -> str:
    """The first group of a prompt as it was typed, closed or not, where it is one for a person too; "" without one."""
    text = prompt if isinstance(prompt, str) else prompt.text
    plain = text.translate(_WIDE_SIGNS)
    closed = re.search(r"(?<![\\{])\{\w[^{}|:;\"\n]{0,60}(?:\|[^{}|:;\"\n]{1,60})+\}(?!\})", plain)
    found = closed or re.search(r"(?<![\\{])\{\w[^{}|:;\"\n]{0,60}\|[^{}|:;\"\n]{1,30}+(?![^{\n]*\})", plain)
    return text[found.start() : found.end()] if found else ""


def refuse_taken(name: str | None, variables: Mapping[str, Any]) -> None:
    """Raises `InvalidRequest` for a NAME that holds something else than pictures, or that is Python's own."""
    if name is None:
        return
    if (value := variables.get(name)) is not None:
        from seedream_magic.images.image_set import Frame, ImageSet  # noqa: PLC0415 - load time, see `desk`
        from seedream_magic.sweep.sweep import Sweep  # noqa: PLC0415 - load time, see `desk`

        if not isinstance(value, Frame | ImageSet | Sweep):
            raise InvalidRequest(texts.NAME_TAKEN(name=name, kind=type(value).__name__))
    elif hasattr(builtins, name):
        raise InvalidRequest(texts.NAME_OF_PYTHON(name=name))
