"""What makes two requests the same one: whom they ask, what they go on from, and all that the pictures come from.

The words count in a normal form, so that what no reader can see makes no other request: a file from Windows, an accent
that a Mac types as two characters, a blank at the end of a line. What is sent stays as it was typed.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

_TRAVEL = frozenset({"stream", "response_format"})
"""Fields that say how an answer travels: the pictures are the same."""
_REFERENCES = "image"
_LINK = re.compile(r"(?:https?|data):", re.IGNORECASE)


def fingerprints(provider: str, body: Mapping[str, Any], lineage: Mapping[str, Any] | None = None) -> tuple[str, ...]:
    """The fingerprint of a request, and after it that of the words as they were typed, where those differ.

    Before there was a normal form a record was written with the second. `body` has the identities of references in
    place of their bytes. For words in normal form the fingerprint is that of every earlier version.
    """
    typed = {key: value for key, value in body.items() if key not in _TRAVEL}
    normal = {key: value if key == _REFERENCES else _normal_value(value, key) for key, value in typed.items()}
    parts = ([provider, fields, *([lineage] if lineage else [])] for fields in (normal, typed))
    canonical = (json.dumps(part, sort_keys=True, separators=(",", ":")) for part in parts)
    return tuple(dict.fromkeys(hashlib.sha256(text.encode()).hexdigest() for text in canonical))


def normal_text(text: str) -> str:
    """The text in Unicode's NFC, its lines ended by LF alone, without blanks at their ends or blank lines around it."""
    lines = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(line.rstrip() for line in lines).strip("\n")


def _normal_value(value: Any, key: str = "") -> Any:
    """A value of the body with its texts in normal form; a link stays as it is, for each of its characters counts."""
    if isinstance(value, str):
        return value if key != "prompt" and _LINK.match(value) else normal_text(value)
    if isinstance(value, Mapping):
        return {name: _normal_value(item) for name, item in value.items()}
    return [_normal_value(item) for item in value] if isinstance(value, list | tuple) else value
