"""How Tab reaches `completion`, which is loaded when it is first pressed.

Older IPython than 8.6 has no way to ask for it: there it is silent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

IDENTIFIER = "seedream_magic"


def register_completion(shell: InteractiveShell) -> None:
    """Make Tab complete in this shell; nothing happens where IPython cannot."""
    unregister_completion(shell)
    try:
        from IPython.core.completer import context_matcher  # noqa: PLC0415 - IPython 8.6 and later have it
    except ImportError:
        return
    matcher = context_matcher(priority=50, identifier=IDENTIFIER)(_matcher(shell))
    shell.Completer.custom_matchers.append(matcher)


def unregister_completion(shell: InteractiveShell) -> None:
    """Take it out again, also one that an earlier version of this module has put in."""
    held = getattr(getattr(shell, "Completer", None), "custom_matchers", [])
    held[:] = [matcher for matcher in held if getattr(matcher, "matcher_identifier", "") != IDENTIFIER]


def _matcher(shell: InteractiveShell) -> Callable[[Any], Any]:
    from IPython.core.completer import SimpleCompletion  # noqa: PLC0415 - as in register_completion

    def seedream_matcher(context: Any) -> Any:
        nothing = {"completions": [], "suppress": False}
        if "%seedream" not in context.full_text:
            return nothing
        from seedream_magic.notebook.completion import complete, surroundings_of  # noqa: PLC0415 - load time

        try:
            around = surroundings_of(shell)
            fragment, found = complete(context.full_text, context.cursor_line, context.cursor_position, around)
        except Exception:  # noqa: BLE001 - a folder that is gone, an object with surprises: no traceback for a Tab
            return nothing
        if not found:
            return nothing
        offered = [SimpleCompletion(text=candidate.text, type=candidate.kind) for candidate in found]
        return {"completions": offered, "matched_fragment": fragment, "suppress": True, "ordered": True}

    return seedream_matcher
