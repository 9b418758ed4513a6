"""How parts are set beside one another, by `chain`."""

from __future__ import annotations

from collections.abc import Iterable

from seedream_magic.words.text import Text, chain

ITEMS = Text("{first}, {then}", "{first}、{then}")
"""Names, files, values: what is one word each."""
AND = Text("{first} and {then}", "{first}、{then}")
OR = Text("{first} or {then}", "{first} 或 {then}")
COMMA = Text("{first}, {then}", "{first}，{then}")
SEMICOLON = Text("{first}; {then}", "{first}；{then}")
COLON = Text("{first}: {then}", "{first}：{then}")


def enumeration(items: Iterable[str]) -> str:
    """Names, files or values in a row."""
    return chain(ITEMS, [*items])
