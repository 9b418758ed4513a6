"""What a kernel has sent for the running cell: only where that is nothing but our set may the cell be cleared."""

from __future__ import annotations

import sys
import threading
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

_OUTPUTS = {"stream", "display_data", "execute_result"}


class CellOutputs:
    """The outputs of a cell that begins now, prints and displays of any thread: all go through the kernel's session.

    `updates` is whether there is a kernel at all: only its front ends can apply updates. `own_ids` are the displays of
    our set. Of a cell that has `begun` already it is not known what it has put out, so it is not cleared.
    """

    def __init__(self, shell: InteractiveShell, *, begun: bool = False) -> None:
        self.own_ids: set[str] = set()
        self._session = getattr(shell.display_pub, "session", None)
        self.updates = self._session is not None
        self._alone = self.updates and not begun
        if self._session is not None and self._alone:
            self._send = self._session.send
            self._session.send = self._watching_send

    @property
    def alone(self) -> bool:
        """Whether who asks is the running cell itself, which has put out nothing else and has nothing left to send."""
        if threading.current_thread() is not threading.main_thread():  # an earlier cell may have begun this
            return False
        sys.stdout.flush()
        sys.stderr.flush()
        return self._alone

    def end(self) -> None:
        """The cell has ended: what is shown from now on is not all that it shows."""
        self._alone = False
        if self._session is not None and self._session.__dict__.get("send") == self._watching_send:
            del self._session.send  # uncovers the method of the class

    def _watching_send(self, stream: Any, message: Any, *arguments: Any, **options: Any) -> Any:
        """Look at a message on its way, which is whole, or its kind with the content beside it."""
        content = options.get("content") or (arguments[0] if arguments else None)
        kind, content = (message, content) if isinstance(message, str) else (message["msg_type"], message["content"])
        if kind in _OUTPUTS and (content or {}).get("transient", {}).get("display_id") not in self.own_ids:
            self._alone = False
        return self._send(stream, message, *arguments, **options)
