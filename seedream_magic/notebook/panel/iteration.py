"""Going on from a frame that is shown: as a reference, drawn anew, varied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import ipywidgets as widgets

from seedream_magic.api.plan import Plan
from seedream_magic.errors import InvalidRequest
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.iterate import plan_redo, plan_vary
from seedream_magic.notebook.panel.controls import button, column, labelled, row, show
from seedream_magic.notebook.panel.home import Home
from seedream_magic.seedream import Seedream
from seedream_magic.view.going_on import redo_cell, vary_cell


class Iteration:
    """The rows of buttons; they show while a set with pictures does, and no run is under way.

    `begin` starts the plan that a function makes at a front door, `refer` adds a frame to the references, `copy` shows
    the cell that a function makes for a front door, `changed` is called when such a cell would be another.
    """

    def __init__(
        self,
        home: Home,
        begin: Callable[[Callable[[Seedream], Plan]], None],
        refer: Callable[[Frame], None],
        copy: Callable[[Callable[[Seedream], str]], None],
        changed: Callable[[], None],
    ) -> None:
        self._begin, self._refer = begin, refer
        self._images: ImageSet | None = None
        hint = "Which frame to go on from, counted from 1", "从第几帧继续，从 1 数起"
        self.number = labelled(widgets.BoundedIntText, "From frame", *hint, value=1, min=1, max=1)
        self.number.layout.width = "150px"
        hint = "What is to change; for Redo it may be left empty", "要改什么；重画时可留空"
        self.words = labelled(widgets.Text, "Change", *hint, placeholder="what to change")
        self.words.layout.width, self.words.layout.flex = "auto", "1 1 260px"
        self.use = button(home, "Use as reference", "Adds this frame to the references", "用作参考图", self._use)
        hint = (
            "Draws this frame anew, the others as references; may bill 1 image",
            "以其余帧为参考重画这一帧，可能计费 1 张",
        )
        self.redo = button(home, "Redo frame", *hint, lambda: begin(self._redo))
        hint = "Draws a new picture after this frame; may bill 1 image", "以这一帧为参考画一张新图，可能计费 1 张"
        self.vary = button(home, "Vary", *hint, lambda: begin(self._vary))
        hint = "Shows the cell that draws this frame anew", "显示重画这一帧的单元格"
        copy_redo = button(home, "Copy redo", *hint, lambda: copy(self._redo_cell))
        hint = "Shows the cell that draws a new picture after this frame", "显示以这一帧为参考画新图的单元格"
        copy_vary = button(home, "Copy vary", *hint, lambda: copy(self._vary_cell))
        for control in (self.number, self.words):
            home.watch(control, changed)
        further = row(self.words, self.redo, self.vary, copy_redo, copy_vary)
        self.widget = column(row(self.number, self.use), further)
        self.offer(None)

    def offer(self, images: ImageSet | None) -> None:
        """Go on from this set; from none, the rows are not there."""
        self._images = images
        if images is not None and images.ok:
            self.number.max = len(images)
        show(self.widget, shown=images is not None and bool(images.ok))

    def _redo_cell(self, door: Seedream) -> str:
        self._redo(door)  # a cell that could not be sent is not given
        images, place = self._frame()
        return redo_cell(_through(images, door), place, prompt=self.words.value.strip() or None, refs="others")

    def _vary_cell(self, door: Seedream) -> str:
        self._vary(door)
        images, place = self._frame()
        return vary_cell(_through(images, door), place, self.words.value.strip())

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


def _through(images: ImageSet, door: Seedream) -> ImageSet:
    """The set as one that is gone on from at this front door, whichever made it."""
    return replace(images, provider=door.provider.name, door=door)
