"""Which language a person reads."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Literal

Language = Literal["en", "zh"]

AUTO = "auto"
_KNOWN: dict[str, Language] = {"en": "en", "zh": "zh"}
_CJK = re.compile("[\u3400-\u9fff\uf900-\ufaff]")
_chosen = [AUTO]


def choose_language(name: str) -> None:
    """Take the language of this process from now on: "en", "zh", or "auto" for what the surroundings say."""
    _chosen[0] = name


def told_language() -> Language | None:
    """The language that a setting, `SEEDREAM_LANG`, the front end or the system names; None where none does."""
    for name in (_chosen[0], os.environ.get("SEEDREAM_LANG", AUTO).strip().lower()):
        if name[:2] in _KNOWN:
            return _KNOWN[name[:2]]
    return language_around()


@cache
def language_around() -> Language | None:
    """The language of the front end, else of the system; None where neither names one that is known.

    Found once in a process, so that it is one language from its first message to its last: a cell that sets LANG for
    a program of its own does not change it.
    """
    named = next(_names_around(), "")
    return _KNOWN.get(named[:2].lower()) if named[2:3] in {"", "_", "-", "."} else None


def _names_around() -> Iterator[str]:
    """What names a language, the nearest to the person first, as "zh-cn" or "zh_CN.UTF-8".

    POSIX: the first of LC_ALL, LC_MESSAGES and LANG that is set counts; "C" and "POSIX" name no language.
    """
    if named := _of_vs_code() or _of_jupyterlab():
        yield named
    yield from filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG")))
    if sys.platform == "win32":  # where programs are told it by a call
        import ctypes  # noqa: PLC0415 - no other system has it
        import locale  # noqa: PLC0415 - see above

        yield locale.windows_locale.get(ctypes.windll.kernel32.GetUserDefaultUILanguage(), "")


def _of_vs_code() -> str:
    """The language that its user reads, chosen or the system's; its kernels inherit it from the extension host.

    `{"userLocale": "zh-cn", "resolvedLanguage": "en", …}`, of older versions `{"locale": "zh-cn", …}`. It is no
    documented interface: what reads otherwise names nothing.
    """
    with suppress(ValueError, AttributeError, RecursionError):
        told = json.loads(os.environ.get("VSCODE_NLS_CONFIG", ""))
        return str(told.get("userLocale") or told.get("locale") or "")
    return ""


_LAB_LANGUAGE = re.compile(r'^(?![ \t]*//).*"locale"\s*:\s*"([\w-]+)"', re.MULTILINE)
_LARGEST_SETTINGS = 2**16
"""Bytes; there are a few hundred."""


def _of_jupyterlab() -> str:
    """The language chosen under Settings, Language, of JupyterLab and Notebook 7; "" where nobody chose one.

    A kernel hears nothing of it, but mostly shares the home folder of its server, as it does on a Hub, and with it
    this file of JSON with comments. Only a server's kernels (jupyter_server 2 names their notebook) look there.
    """
    if "JPY_SESSION_NAME" not in os.environ:
        return ""
    home = os.environ.get("JUPYTER_CONFIG_DIR") or os.path.expanduser("~/.jupyter")  # noqa: PTH111 - Path.home() raises where there is none
    settings = os.environ.get("JUPYTERLAB_SETTINGS_DIR") or Path(home, "lab", "user-settings")
    file = Path(settings, "@jupyterlab", "translation-extension", "plugin.jupyterlab-settings")
    with suppress(OSError, ValueError):
        if not file.is_file() or file.stat().st_size > _LARGEST_SETTINGS:  # a pipe would be waited for
            return ""
        found = _LAB_LANGUAGE.search(file.read_text(encoding="utf-8"))
        return found[1] if found and found[1] != "default" else ""
    return ""


def own_language() -> Language:
    """The language of what belongs to no picture: the one that is told, else English."""
    return told_language() or "en"


def language_of(prompt: str) -> Language:
    """The language beside the pictures of a prompt: the one that is told, else that of the prompt."""
    return told_language() or ("zh" if _CJK.search(prompt) else "en")
