"""The one place where HTML is written, and the files that stand in it as they are."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

_UNSAFE = re.compile("[\x00\ud800-\udfff]")
# Comments, each to its end, and the white space before every line: what a browser does not need.
_UNSEEN = re.compile(r"/\*.*?\*/\s*|^\s*//[^\n]*\n| // [^\n]*$|^\s+", re.MULTILINE | re.DOTALL)
_VOID = frozenset({"img"})


class Markup(str):
    """Text that is HTML already. Only `element` makes it."""

    __slots__ = ()


def element(name: str, attributes: Mapping[str, str | int | None], *children: str) -> Markup:
    """The one place where HTML is written: every value and every child that is not `Markup` is escaped.

    An attribute that is None is left out. NUL and lone surrogates, which no HTML can hold, become U+FFFD. It has no
    empty line, at which Markdown would take what follows for its own.
    """
    given = "".join(f' {key}="{_escaped(str(value))}"' for key, value in attributes.items() if value is not None)
    if name in _VOID:
        return Markup(f"<{name}{given}>")
    inner = "".join(child if isinstance(child, Markup) else _escaped(child) for child in children)
    return Markup(f"<{name}{given}>{inner}</{name}>")


def _escaped(text: str) -> str:
    kept = html.escape(_UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text), quote=True)
    return kept.replace("\r", "&#13;").replace("\n", "&#10;")


@cache
def constant(*names: str) -> Markup:
    """Files of this folder as they are sent: without their comments and indentation."""
    folder = files("seedream_magic.view")
    return Markup(_UNSEEN.sub("", "".join(folder.joinpath(name).read_text(encoding="utf-8") for name in names)))
