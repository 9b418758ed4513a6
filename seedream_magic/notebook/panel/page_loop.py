"""The kernel's loop for clicks of a page, which act on all that was typed before them.

A page sends what changes in a field while the kernel has not answered to the change before only once it has answered;
a click waits for nothing. Where the kernel is busy the click comes first, and would pay for half a prompt. So the
page is asked for an answer after the click: what it held back comes before that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import ipywidgets as widgets

from seedream_magic.notebook.kernel_loop import KernelLoop

LONGEST_SECONDS = 10.0
"""For the page's answer. Behind a slow line it takes a second."""
WITHOUT_ANSWER_SECONDS = 0.25
"""In place of the answer, where the page runs no scripts."""
AFTER_ANSWER_SECONDS = 0.1
"""From the answer to the work. Where a cell kept the kernel meanwhile, a click of Stop may come right behind it."""
STEP_SECONDS = 0.05
"""All of them are waited for in steps: while a cell keeps the loop it hears nothing, which counts as one step."""


class PageLoop(KernelLoop):
    """The loop, and the field by which it asks the page: that writes the question, a number, into it (`panel.js`)."""

    def __init__(self) -> None:
        super().__init__()
        self._question, self._answers = 0, False
        self._waiting: dict[int, tuple[asyncio.TimerHandle, Callable[[], None]]] = {}
        self.widget = widgets.Text(placeholder="0", continuous_update=False, layout=widgets.Layout(display="none"))
        self.widget.add_class("seedream-panel-answer")
        self.watch(self.widget, self._answered)

    def settle(self, work: Callable[[], None], lost: Callable[[], None] | None = None) -> int:
        """Do the work once all that was typed is here; returns the number by which it is called off.

        Where the page has never answered it runs no scripts: the work is done in a moment. Where it answers no more,
        `lost` is called in its place, if there is one. In a plain script there is no page, and it is done at once.
        To be called on this loop.
        """
        self._question += 1
        number = self._question
        if self._answers:
            waits = self._wait(number, LONGEST_SECONDS, work, partial(self._lose, lost or work))
        else:
            waits = self._wait(number, WITHOUT_ANSWER_SECONDS, work, work)
        if waits:
            self.widget.placeholder = str(number)
        else:
            work()
        return number

    def call_off(self, number: int) -> bool:
        """Do nothing of it; False if it was begun before."""
        late, _ = self._waiting.pop(number, (None, None))
        if late is not None:
            late.cancel()
        return late is not None

    def close(self) -> None:
        """Do nothing of what waits."""
        for number in list(self._waiting):
            self.call_off(number)

    def _answered(self) -> None:
        value = self.widget.value
        if not value.isascii() or not value.isdecimal() or len(value) > 9:  # it comes from the page: it may be anything
            return
        self._answers = True
        for number in [number for number in self._waiting if number <= int(value)]:
            late, work = self._waiting[number]
            late.cancel()
            self._wait(number, AFTER_ANSWER_SECONDS, work, work)

    def _wait(self, number: int, seconds: float, work: Callable[[], None], end: Callable[[], None]) -> bool:
        """Call `end` in so many seconds, unless the work is called off; False where there is no loop."""
        late = self.later(min(seconds, STEP_SECONDS), self._late, number, seconds - STEP_SECONDS, end)
        if late is not None:
            self._waiting[number] = late, work
        return late is not None

    def _late(self, number: int, left: float, end: Callable[[], None]) -> None:
        _, work = self._waiting.pop(number)
        if left > 0:
            self._wait(number, left, work, end)
        else:
            end()

    def _lose(self, lost: Callable[[], None]) -> None:
        self._answers = False  # another page of the same notebook may run none: the next click is not lost
        lost()
