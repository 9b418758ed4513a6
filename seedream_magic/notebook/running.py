"""The runs of a session in the background: begun by a cell or a panel, going on beside the kernel."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from IPython.core.interactiveshell import InteractiveShell

from seedream_magic.api.plan import Plan
from seedream_magic.errors import SeedreamError, SeedreamInterrupted
from seedream_magic.images.image_set import ImageSet
from seedream_magic.session import Session


@dataclass(eq=False)
class _Run:
    """A run of the background. One without a loop ends on a thread of its own, at any moment."""

    ended: bool = False


class Running:
    """The runs of a session that are under way in the background, and how each is stopped."""

    def __init__(self) -> None:
        self._runs: dict[_Run, Callable[[], None]] = {}

    def __len__(self) -> int:
        return len(self._runs)

    def start(
        self,
        client: Any,
        plan: Plan,
        *,
        on_change: Callable[[ImageSet], None],
        on_end: Callable[[ImageSet | None, SeedreamError | SeedreamInterrupted | None], None],
    ) -> Callable[[], None]:
        """Begin a plan at a client, as `Seedream.start` does; the result stops it.

        `on_end` is called once it is not plural any more.
        """
        run = _Run()

        def ended(images: ImageSet | None, failure: SeedreamError | SeedreamInterrupted | None) -> None:
            run.ended = True
            self._runs.pop(run, None)
            on_end(images, failure)

        stop: Callable[[], None] = client.start(plan, on_change=on_change, on_end=ended)
        self._runs[run] = stop
        if run.ended:
            self._runs.pop(run, None)
        return stop

    def stop(self) -> int:
        """Stop them all; how many there were. The pictures that have come are kept."""
        stops = list(self._runs.values())
        for stop in stops:
            stop()
        return len(stops)


@dataclass(frozen=True)
class NotebookSession(Session):
    """The session of a shell, with what it has under way."""

    running: Running = field(default_factory=Running)


_sessions: WeakKeyDictionary[InteractiveShell, NotebookSession] = WeakKeyDictionary()


def session_of(shell: InteractiveShell) -> NotebookSession:
    """The session of a shell; it outlives the magics, which a reload of the extension makes anew."""
    if shell not in _sessions:
        with suppress(OSError):  # a current folder that is gone
            _sessions[shell] = NotebookSession(home=Path.cwd())
    return _sessions.setdefault(shell, NotebookSession())
