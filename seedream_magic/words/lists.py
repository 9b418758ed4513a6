"""How parts are set beside one another, by `chain`."""

from __future__ import annotations

from seedream_magic.words.text import Text

ITEMS = Text("{first}, {then}", "{first}、{then}")
"""Names, files, values: what is one word each."""
AND = Text("{first} and {then}", "{first} 和 {then}")
OR = Text("{first} or {then}", "{first} 或 {then}")
COMMA = Text("{first}, {then}", "{first}，{then}")
ITEMS = Text("{first}, {then}", "{first}、{then}")
"""Names, files, values: what is one word each."""
SEMICOLON = Text("{first}; {then}", "{first}；{then}")
COLON = Text("{first}: {then}", "{first}：{then}")
