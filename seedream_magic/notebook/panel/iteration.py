"""Going on from a frame that is shown: as a reference, drawn anew, varied."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets

from seedream_magic.api.plan import Plan
from seedream_magic.errors import InvalidRequest
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.iterate import plan_redo, plan_vary
from seedream_magic.notebook.panel.controls import button, labelled, row, show
from seedream_magic.notebook.panel.home import Home
from seedream_magic.seedream import Seedream


class Iteration:
    """The row of buttons; it shows while a set with pictures does, and no run is under way.

    `begin` starts the plan that a function makes at a front door, `refer` adds a frame to the references.
    """

    def __init__(
        self, home: Home, begin: Callable[[Callable[[Seedream], Plan]], None], refer: Callable[[Frame], None]
    ) -> None:
        self._begin, self._refer = begin, refer
        self._images: ImageSet | None = None
        hint = "Which frame to go on from, counted from 1", "从第几帧继续，从 1 数起"
        self.number = labelled(widgets.BoundedIntText, "From frame", *hint, value=1, min=1, max=1)
        self.number.layout.width = "150px"
        hint = "What is to change; for Redo it may be left empty", "要改什么；重画时可留空"
        self.words = labelled(widgets.Text, "Change", *hint, placeholder="what to change")
        self.words.style.description_width, self.words.layout.width = "auto", "auto"
        self.words.layout.flex = "1 1 200px"
        self.use = button(home, "Use as reference", "Adds this frame to the references", "用作参考图", self._use)
        hint = (
            "Draws this frame anew, the others as references; may bill 1 image",
            "以其余帧为参考重画这一帧，可能计费 1 张",
        )
        self.redo = button(home, "Redo frame", *hint, lambda: begin(self._redo))
        hint = "Draws a new picture after this frame; may bill 1 image", "以这一帧为参考画一张新图，可能计费 1 张"
        self.vary = button(home, "Vary", *hint, lambda: begin(self._vary))
        self.widget = row(self.number, self.use, self.words, self.redo, self.vary)
        self.offer(None)

    def offer(self, images: ImageSet | None) -> None:
        """Go on from this set; from none, the row is not there."""
        self._images = images
        if images is not None and images.ok:
            self.number.max = len(images)
        show(self.widget, shown=images is not None and bool(images.ok))

    def _frame(self) -> tuple[ImageSet, int]:
        if self._images is None:
            raise InvalidRequest("There is no frame to go on from.")
        return self._images, self.number.value - 1

    def _use(self) -> None:
        images, place = self._frame()
        self._refer(images[place])

    def _redo(self, door: Seedream) -> Plan:
        images, place = self._frame()
        return plan_redo(door, images, place, prompt=self.words.value.strip() or None, refs="others")

    def _vary(self, door: Seedream) -> Plan:
        images, place = self._frame()
        if not self.words.value.strip():
            raise InvalidRequest("Write in Change what is to be different.")
        return plan_vary(door, images[place], self.words.value.strip())
