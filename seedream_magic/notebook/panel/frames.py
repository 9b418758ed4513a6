"""The frames of a storyboard: a text for each, in an order that can be changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import ipywidgets as widgets

from seedream_magic.api.models import MAXIMUM_IMAGES
from seedream_magic.notebook.panel.controls import KernelLoop, button, close, column, indented, labelled, row


class Frames:
    """Rows of text; `changed` is called when a text or their number changes.

    Rows keep their places and texts move between them, so that the button that was pressed keeps the focus.
    """

    def __init__(self, loop: KernelLoop, changed: Callable[[], None]) -> None:
        self._loop, self._changed = loop, changed
        self._rows = column()
        hint = (
            "Adds a frame; the text above becomes the style that all frames share",
            "添加一帧，上面的文字成为共同风格",
        )
        self.add = button(loop, "Add frame", *hint, self.append)
        self.widget = column(self._rows, indented(row(self.add)))

    @property
    def prompts(self) -> tuple[str, ...]:
        """The prompt of each frame, in order, as typed."""
        return tuple(each.children[0].value for each in self._rows.children)

    @prompts.setter
    def prompts(self, prompts: Sequence[str]) -> None:
        kept, gone = self._rows.children[: len(prompts)], self._rows.children[len(prompts) :]
        made = [self._row(place) for place in range(len(kept), len(prompts))]
        for each, prompt in zip((*kept, *made), prompts, strict=True):
            each.children[0].value = prompt
        self._rows.children = (*kept, *made)
        for each in gone:
            close(each)
        for place, each in enumerate(self._rows.children):
            each.children[2].disabled = place == len(prompts) - 1
        self.add.disabled = len(prompts) >= MAXIMUM_IMAGES
        self._changed()

    def append(self) -> None:
        """Add a frame at the end."""
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
        text = labelled(widgets.Textarea, f"Frame {number}", "What this frame shows", "这一帧的内容", rows=2)
        text.layout.width, text.layout.flex, text.layout.min_width = "auto", "1 1 120px", "0"
        self._loop.watch(text, self._changed)
        up = button(self._loop, "↑", f"Move frame {number} up", f"第 {number} 帧上移", partial(self.move, place, -1))
        down = button(self._loop, "↓", f"Move frame {number} down", f"第 {number} 帧下移", partial(self.move, place, 1))
        remove = button(self._loop, "×", f"Remove frame {number}", f"删除第 {number} 帧", partial(self.remove, place))
        for control in (up, down, remove):
            control.add_class("seedream-small")
        up.disabled = place == 0
        return row(text, up, down, remove, align_items="flex-start", flex_flow="row nowrap")
