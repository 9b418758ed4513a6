"""Work beside the kernel's event loop: previews take seconds, and what the kernel is asked meanwhile must not wait."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

from seedream_magic.bridge import running_loop

Result = TypeVar("Result")


class KernelLoop:
    """The event loop that runs where this is made. In a plain script there is none, and all is done at once."""

    def __init__(self) -> None:
        self._loop = running_loop()

    def call(self, work: Callable[..., object], *arguments: Any) -> None:
        """Do the work at once if this loop runs here, else soon, on this loop."""
        if self._loop is None or running_loop() is self._loop:
            work(*arguments)
            return
        with suppress(RuntimeError):  # the loop closed with its kernel
            # The context tells a kernel which message an output belongs to.
            self._loop.call_soon_threadsafe(lambda: work(*arguments), context=contextvars.copy_context())

    def later(self, seconds: float, work: Callable[..., None], *arguments: Any) -> asyncio.TimerHandle | None:
        """Do the work in so many seconds; None where there is no loop. To be called on this loop."""
        return None if self._loop is None else self._loop.call_later(seconds, work, *arguments)

    def watch(self, widget: Any, changed: Callable[[], None]) -> None:
        """Call `changed` on this loop whenever the value of a control changes."""
        widget.observe(lambda _: self.call(changed), names="value")


class Latest(Generic[Result]):
    """Does work in a thread, one piece at a time, and hands each result to `receive` on the kernel's loop.

    Once newer work was asked for, older results are dropped. Without a loop the work is done at once.
    """

    def __init__(self, loop: KernelLoop, receive: Callable[[Result], None]) -> None:
        self._loop, self._receive = loop, receive
        self._next: Callable[[], Result] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._busy = self._closed = False

    def do(self, work: Callable[[], Result], *, after: float = 0.0) -> None:
        """Begin the work in so many seconds, or once the present piece has ended. It raises nothing of its own."""
        self._next = work
        if not self._busy:
            self._busy = True
            self._timer = self._loop.later(after, self._begin)
            if self._timer is None:
                self._busy, self._next = False, None
                self._hand_over(work())

    def close(self) -> None:
        """Begin nothing any more, and drop the result of what is at work."""
        self._next, self._closed = None, True
        if self._timer is not None:
            self._timer.cancel()

    def _begin(self) -> None:
        work, self._next = self._next, None
        context = contextvars.copy_context()  # as for `KernelLoop.call`

        def worked() -> None:
            results: list[Result] = []
            try:
                if work is not None:
                    results.append(work())
            finally:
                context.run(self._loop.call, self._end, results)

        threading.Thread(target=worked, name="seedream-previews", daemon=True).start()

    def _end(self, results: list[Result]) -> None:
        if self._next is not None:
            self._begin()
            return
        self._busy = False
        for result in results:
            self._hand_over(result)

    def _hand_over(self, result: Result) -> None:
        if not self._closed:
            self._receive(result)
