"""Whether the running cell shows anything besides our set: only where it does not may its outputs be cleared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

_NOTHING_BUT_OURS = re.compile(r"\s*(%%seedream(\s.*)?|%seedream[^\n]*)\s*", re.DOTALL)
_OUTPUTS = {"stream", "display_data", "execute_result"}


class CellWatch:
    """What a kernel has sent for a cell while this watched.

    `updates` is whether there is a kernel at all: only its front ends are told of updates. `alone` turns False with the
    first output that has none of `own_ids`, be it a print of another thread, and when the cell has ended.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self.own_ids: set[str] = set()
        self._session = getattr(shell.display_pub, "session", None)
        self.updates = self._session is not None
        parent: dict[str, Any] = getattr(shell, "get_parent", dict)()
        code = parent.get("content", {}).get("code", "")
        # What the rest of a cell has put out before is not known here, so such a cell is not cleared.
        self.alone = self.updates and _NOTHING_BUT_OURS.fullmatch(code) is not None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch all that the kernel sends: prints, warnings and displays of any thread go through its session."""
        session = self._session
        if session is None or not self.alone:
            yield
            return
        send = session.send

        def watched(stream: Any, message: Any, *arguments: Any, **options: Any) -> Any:
            self._see(message, options.get("content") or (arguments[0] if arguments else None))
            return send(stream, message, *arguments, **options)

        session.send = watched
        try:
            yield
        finally:
            del session.send  # what the class has is behind it
            self.alone = False

    def _see(self, message: Any, content: Any) -> None:
        """A message on its way: whole, or its kind with its content beside it."""
        kind, content = (message, content) if isinstance(message, str) else (message["msg_type"], message["content"])
        if kind in _OUTPUTS and (content or {}).get("transient", {}).get("display_id") not in self.own_ids:
            self.alone = False
