"""Where a panel's work is done: on the event loop that it was made on, and in threads what would hold that up.

JupyterLab sends what happens to widgets to a subshell, which is another thread with another loop, and may end it at any
time. So what is told there is done at home.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


class Home:
    """The event loop that runs where this is made; in a plain script there is none, and all is done at once."""

    def __init__(self) -> None:
        self._loop = _running_loop()

    def call(self, work: Callable[..., None], *arguments: Any) -> None:
        """Do it here and now if this is home, else there, soon."""
        if self._loop is None or _running_loop() is self._loop:
            work(*arguments)
            return
        with suppress(RuntimeError):  # the loop closed with its kernel
            # The context tells a kernel which message an output belongs to.
            self._loop.call_soon_threadsafe(lambda: work(*arguments), context=contextvars.copy_context())

    def later(self, seconds: float, work: Callable[..., None], *arguments: Any) -> asyncio.TimerHandle | None:
        """Do it in so many seconds; None where no loop could. To be called at home."""
        return None if self._loop is None else self._loop.call_later(seconds, work, *arguments)

    def watch(self, widget: Any, changed: Callable[[], None]) -> None:
        """Call `changed` at home whenever the value of a control changes."""
        widget.observe(lambda _: self.call(changed), names="value")


class Latest(Generic[Result]):
    """Does work in a thread, one piece at a time, and tells the result at home.

    Once more was asked for, what was asked for before is not told any more. Without a loop it is done at once.
    """

    def __init__(self, home: Home, tell: Callable[[Result], None]) -> None:
        self._home, self._tell = home, tell
        self._wanted: Callable[[], Result] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._busy = False

    def do(self, work: Callable[[], Result], *, after: float = 0.0) -> None:
        """Begin the work in so many seconds, or once the present piece has ended. It raises nothing of its own."""
        self._wanted = work
        if not self._busy:
            self._busy = True
            self._timer = self._home.later(after, self._begin)
            if self._timer is None:
                self._busy, self._wanted = False, None
                self._tell(work())

    def drop(self) -> None:
        """Tell nothing any more."""
        self._wanted, self._tell = None, _nobody
        if self._timer is not None:
            self._timer.cancel()

    def _begin(self) -> None:
        work, self._wanted = self._wanted, None
        context = contextvars.copy_context()  # as for `Home.call`

        def worked() -> None:
            results: list[Result] = []
            try:
                if work is not None:
                    results.append(work())
            finally:
                context.run(self._home.call, self._end, results)

        threading.Thread(target=worked, name="seedream-panel", daemon=True).start()

    def _end(self, results: list[Result]) -> None:
        if self._wanted is not None:
            self._begin()
            return
        self._busy = False
        for result in results:
            self._tell(result)


def _nobody(_: object) -> None:
    """What is closed has nobody to tell."""


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
