"""What a session has billed, and its runs in the background: begun by a cell or a panel, going on beside the kernel."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from IPython.core.interactiveshell import InteractiveShell

from seedream_magic.api.plan import Plan
from seedream_magic.errors import InvalidRequest, SeedreamError, SeedreamInterrupted
from seedream_magic.images.image_set import ImageSet
from seedream_magic.session import Session


@dataclass(eq=False)
class _Run:
    """A run of the background. One without a loop ends on a thread of its own, at any moment."""

    plan: Plan
    ended: bool = False


class Running:
    """The runs of a session that are under way."""

    def __init__(self) -> None:
        self._runs: dict[_Run, Callable[[], None]] = {}

    def __len__(self) -> int:
        return len(self._runs)

    @property
    def images_at_most(self) -> int:
        """How many images they may bill."""
        return sum(images_to_bill(run.plan) for run in list(self._runs))

    def refuse_again(self, plan: Plan) -> None:
        """Raises `InvalidRequest` for a plan that would pay for what is under way already."""
        if plan.stored or plan.fresh:
            return
        if any(run.plan.fingerprint == plan.fingerprint for run in list(self._runs)):
            again = "--fresh, in Python fresh=True, sends it once more."
            raise InvalidRequest(f"The same request is under way in the background; {again}")

    def start(
        self,
        door: Any,
        plan: Plan,
        *,
        on_change: Callable[[ImageSet], None],
        on_end: Callable[[ImageSet | None, SeedreamError | SeedreamInterrupted | None], None],
    ) -> Callable[[], None]:
        """Begin a plan at a front door, as `Seedream.start` does; the result stops it.

        `on_end` is called once it is not counted any more. Raises `InvalidRequest` for what is under way already.
        """
        self.refuse_again(plan)
        run = _Run(plan)

        def ended(images: ImageSet | None, failure: SeedreamError | SeedreamInterrupted | None) -> None:
            run.ended = True
            self._runs.pop(run, None)
            on_end(images, failure)

        stop: Callable[[], None] = door.start(plan, on_change=on_change, on_end=ended)
        self._runs[run] = stop  # only now: till here its own images would count against the session's limit
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


def images_to_bill(plan: Plan) -> int:
    """How many images a plan may bill: none where its set is in the store."""
    return 0 if plan.stored else plan.request.images_at_most
