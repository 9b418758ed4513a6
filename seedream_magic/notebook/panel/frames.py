"""The frames of a storyboard in the form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import ipywidgets as widgets

from seedream_magic.api.models import MAXIMUM_IMAGES
from seedream_magic.notebook.panel.controls import button, close, column, labelled, row
from seedream_magic.notebook.panel.page_loop import PageLoop
from seedream_magic.words import carousel
from seedream_magic.words import panel as texts


class Frames:
    """Rows of text; `changed` is called when a text or their number changes.

    Rows keep their places and texts move between them, so that the button that was pressed keeps the focus.
    """

    def __init__(self, loop: PageLoop, changed: Callable[[], None]) -> None:
        self._loop, self._changed = loop, changed
        self.widget = column()
        self.add = button(loop, texts.ADD_FRAME(), texts.ADD_FRAME_HINT(), self.append, "add-frame", "quiet-button")

    @property
    def prompts(self) -> tuple[str, ...]:
        """The prompt of each frame, in order, as typed."""
        return tuple(each.children[0].value for each in self.widget.children)

    @prompts.setter
    def prompts(self, prompts: Sequence[str]) -> None:
        kept, gone = self.widget.children[: len(prompts)], self.widget.children[len(prompts) :]
        made = [self._row(place) for place in range(len(kept), len(prompts))]
        for each, prompt in zip((*kept, *made), prompts, strict=True):
            each.children[0].value = prompt
        self.widget.children = (*kept, *made)
        for each in gone:
            close(each)
        for place, each in enumerate(self.widget.children):
            each.children[2].disabled = place == len(prompts) - 1
        self.add.disabled = len(prompts) >= MAXIMUM_IMAGES
        self._changed()

    def append(self) -> None:
        """Add a frame at the end; the page moves the focus there."""
        self.prompts = (*self.prompts, "")

    def move(self, place: int, steps: int) -> None:
        """Exchange a frame with the one that stands so many places further."""
        moved = list(self.prompts)
        moved[place], moved[place + steps] = moved[place + steps], moved[place]
        self.prompts = moved

    def remove(self, place: int) -> None:
        """Take a frame out."""
        self.prompts = self.prompts[:place] + self.prompts[place + 1 :]

    def _row(self, place: int) -> Any:
        number = place + 1
        label, hint = carousel.FRAME(number=number), texts.FRAME_HINT()
        text = labelled(widgets.Textarea, label, hint, "frame-words", rows=2, placeholder=hint)
        text.layout.flex, text.layout.min_width = "1 1 120px", "0"
        self._loop.watch(text, self._changed)
        up = button(self._loop, "↑", texts.FRAME_UP(number=number), partial(self.move, place, -1))
        down = button(self._loop, "↓", texts.FRAME_DOWN(number=number), partial(self.move, place, 1))
        remove = button(self._loop, "×", texts.FRAME_REMOVE(number=number), partial(self.remove, place))
        for control in (up, down, remove):
            control.add_class("seedream-panel-small")
        up.disabled = place == 0
        return row(text, up, down, remove, wraps=False, align_items="flex-end")
