"""The first line of a `%%seedream` cell as words: split as a shell does, its dashes and blanks of any keyboard."""

from __future__ import annotations

import os
import re
import shlex
import unicodedata

from seedream_magic.errors import InvalidRequest
from seedream_magic.notebook.options import FLAGS

_WIDE_DASHES = "－—–−―‐‑‒"
DASHES = f"-{_WIDE_DASHES}"
"""What stands for a hyphen, the hyphen itself among them."""


def words_of(line: str) -> list[str]:
    """The words of a line, its options in plain hyphens. Raises `InvalidRequest` for a quote that is not closed."""
    return [_plain_flag(word) for word in _split(line)]


def _split(line: str) -> list[str]:
    """Split as a shell does; a full-width space, as Chinese input types it, parts words too."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.whitespace += "\u3000\u00a0"
    lexer.commenters = ""
    if os.name == "nt":
        lexer.escape = ""
    try:
        return list(lexer)
    except ValueError as exc:
        raise InvalidRequest("A quote on the first line is not closed; the prompt goes on the lines below.") from exc


def _plain_flag(word: str) -> str:
    """The option that a word is when its dashes (or all of it) came from Chinese input; any other word as it is."""
    typed, sign, value = re.fullmatch(r"([^=＝]*)([=＝]?)(.*)", word, re.DOTALL).groups()  # type: ignore[union-attr]  # every text matches
    name = unicodedata.normalize("NFKC", typed).lstrip(DASHES)
    flag = ("-" if len(name) == 1 else "--") + name
    return f"{flag}{sign and '='}{value}" if word[:1] in _WIDE_DASHES and flag in FLAGS else word
