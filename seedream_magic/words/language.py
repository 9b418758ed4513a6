"""Which language a person reads."""

from __future__ import annotations

import os
import re
from typing import Literal

Language = Literal["en", "zh"]

AUTO = "auto"
_KNOWN: dict[str, Language] = {"en": "en", "zh": "zh"}
_CJK = re.compile("[\u3400-\u9fff\uf900-\ufaff]")
_chosen = [AUTO]


def choose_language(name: str) -> None:
    """Take the language of this process from now on: "en", "zh", or "auto" for what the system says."""
    _chosen[0] = name


def told_language() -> Language | None:
    """The language that a setting, `SEEDREAM_LANG` or the system names; None where none does.

    POSIX: the first of LC_ALL, LC_MESSAGES and LANG that is set counts; "C" and "POSIX" name no language.
    """
    for name in (_chosen[0], os.environ.get("SEEDREAM_LANG", AUTO).strip().lower()):
        if name[:2] in _KNOWN:
            return _KNOWN[name[:2]]
    system = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return _KNOWN.get(system[:2].lower()) if system[2:3] in {"", "_", "-", "."} else None


def own_language() -> Language:
    """The language of what belongs to no picture: the one that is told, else English."""
    return told_language() or "en"


def language_of(prompt: str) -> Language:
    """The language beside the pictures of a prompt: the one that is told, else that of the prompt."""
    return told_language() or ("zh" if _CJK.search(prompt) else "en")
