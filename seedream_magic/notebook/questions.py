"""What a person is asked before anything is sent, and what a Stop says there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from IPython.core.interactiveshell import InteractiveShell

from seedream_magic.errors import SeedreamInterrupted
from seedream_magic.words import settings as texts
from seedream_magic.words.runs import STOPPED_BEFORE


def answer(shell: InteractiveShell, question: str) -> str | None:
    """What the person at a notebook or terminal answers, "" if nothing; None where there is nobody."""
    in_terminal = getattr(shell, "kernel", None) is None
    if in_terminal and not (sys.stdin and sys.stdin.isatty()):  # a script: its next line is no answer
        return None
    try:
        return input(question)
    except NotImplementedError:  # a front end without a field for it; nbconvert, papermill
        return None
    except EOFError:
        return ""
    except KeyboardInterrupt as exc:
        raise SeedreamInterrupted(texts.STOPPED_AT_QUESTION()) from exc


@contextmanager
def unsent() -> Iterator[None]:
    """Within this nothing is sent: a Stop says so."""
    try:
        yield
    except SeedreamInterrupted:
        raise
    except KeyboardInterrupt as exc:
        raise SeedreamInterrupted(STOPPED_BEFORE()) from exc
