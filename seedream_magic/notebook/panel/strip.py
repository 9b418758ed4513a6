"""The sets that a panel has shown, as a strip of small pictures: a click shows one again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import ipywidgets as widgets

from seedream_magic.images.image_set import ImageSet
from seedream_magic.notebook.kernel_loop import Latest
from seedream_magic.notebook.panel.controls import button, close, row, set_visible, tile
from seedream_magic.notebook.panel.page_loop import PageLoop
from seedream_magic.notebook.panel.references import thumbnail
from seedream_magic.words import panel as texts
from seedream_magic.words.clip import one_line

MOST_SETS = 12


class Strip:
    """The newest sets with a picture, newest first; from two on it shows. `show` is called with the one clicked."""

    def __init__(self, loop: PageLoop, show: Callable[[ImageSet], None]) -> None:
        self._loop, self._show = loop, show
        self.sets: tuple[ImageSet, ...] = ()
        self._pictures: dict[str, str] = {}
        self._current = ""
        self._drawn: Latest[dict[str, str]] = Latest(loop, self._arrange)
        self.widget = row(wraps=False)
        self.widget.add_class("seedream-panel-strip-row")
        set_visible(self.widget, visible=False)

    def add(self, images: ImageSet) -> None:
        """Have this set, which shows now; one of the same run gives way to it, and keeps its place."""
        if images.run_id in self.runs:
            self.sets = tuple(images if one.run_id == images.run_id else one for one in self.sets)
        else:
            self.sets = (images, *self.sets)[:MOST_SETS]
        self.mark(images)
        sets, known = self.sets, dict(self._pictures)
        self._drawn.do(lambda: {one.run_id: known.get(one.run_id) or _picture_of(one) for one in sets})

    @property
    def runs(self) -> tuple[str, ...]:
        """Their ids."""
        return tuple(one.run_id for one in self.sets)

    def mark(self, images: ImageSet) -> None:
        """Say that this is the set that shows."""
        self._current = images.run_id
        for run, each in zip(self.runs, self.widget.children, strict=False):
            (each.add_class if run == self._current else each.remove_class)("seedream-panel-current")

    def close(self) -> None:
        """Draw no picture any more."""
        self._drawn.close()

    def _arrange(self, pictures: dict[str, str]) -> None:
        before, self._pictures = self.widget.children, pictures
        self.widget.children = [self._tile(one) for one in self.sets if one.run_id in pictures]
        for each in before:
            close(each)
        set_visible(self.widget, visible=len(self.widget.children) > 1)
        for images in self.sets:
            if images.run_id == self._current:
                self.mark(images)

    def _tile(self, images: ImageSet) -> widgets.Widget:
        name = texts.SHOW_SET(prompt=one_line(images.prompt, 60))
        return tile(self._pictures[images.run_id], button(self._loop, name, name, partial(self._show, images)), "set")


def _picture_of(images: ImageSet) -> str:
    return thumbnail(images.ok[0], "") if images.ok else ""
