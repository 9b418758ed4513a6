"""Whether all that was typed before a click has come from the page.

A page sends what changes in a field while the kernel has not answered to the change before only once it has answered;
a click waits for nothing. Where the kernel is busy the click comes first, and would pay for half a prompt. So the
page is asked for an answer after the click: what it held back comes before that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import ipywidgets as widgets

from seedream_magic.errors import InvalidRequest
from seedream_magic.notebook.kernel_loop import KernelLoop
from seedream_magic.notebook.panel.controls import set_visible
from seedream_magic.words import panel as texts

LONGEST_SECONDS = 10.0
"""For the page's answer. Behind a slow line it takes a second."""
WITHOUT_ANSWER_SECONDS = 0.25
"""In place of the answer, where the page runs no scripts."""


class Typed:
    """All that was typed. The page writes the question, a number, into the answer (`panel.js`)."""

    def __init__(self, loop: KernelLoop) -> None:
        self._loop = loop
        self._question, self._answers = 0, False
        self._waiting: dict[int, tuple[asyncio.TimerHandle, Callable[[], None]]] = {}
        self.widget = widgets.Text(placeholder="0", continuous_update=False)
        self.widget.add_class("seedream-panel-answer")
        set_visible(self.widget, visible=False)
        loop.watch(self.widget, self._answered)

    def wait(self, work: Callable[[], None], lost: Callable[[], None]) -> int:
        """Do the work once all that was typed is here, or call `lost`; returns the number by which it is called off.

        Where the page has never answered it runs no scripts: the work is done in a moment. In a plain script there is
        no page, and it is done at once.
        """
        self._question += 1
        number = self._question
        late = self._loop.later(LONGEST_SECONDS if self._answers else WITHOUT_ANSWER_SECONDS, self._late, number, lost)
        if late is None:
            work()
        else:
            self._waiting[number] = late, work
            self.widget.placeholder = str(number)
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
            late, work = self._waiting.pop(number)
            late.cancel()
            work()

    def _late(self, number: int, lost: Callable[[], None]) -> None:
        _, work = self._waiting.pop(number)
        if self._answers:
            self._answers = False  # another page of the same notebook may run none: the next click is not lost
            lost()
        else:
            work()


def not_whole() -> InvalidRequest:
    """Why nothing is done: what was typed last may be missing."""
    return InvalidRequest(texts.NOT_ALL_TYPED(), hint=texts.CLICK_AGAIN())
