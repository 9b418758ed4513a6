"""Handing the set over from the panel: one file for others, by the same options as `%seedream export`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ipywidgets as widgets

from seedream_magic.errors import SeedreamError
from seedream_magic.images.image_set import ImageSet, cards_of
from seedream_magic.notebook.kernel_loop import Latest
from seedream_magic.notebook.panel.controls import (
    button,
    checkbox,
    column,
    errors,
    labelled,
    lines,
    row,
    set_visible,
)
from seedream_magic.notebook.panel.page_loop import PageLoop
from seedream_magic.view.export_options import KINDS, PAGE_SIZES
from seedream_magic.words import commands
from seedream_magic.words import panel as texts
from seedream_magic.words.clip import path_from


class Export:
    """Fields for the file and what is in it, and the button that writes it; `make` makes them."""

    def __init__(self, loop: PageLoop) -> None:
        self._loop = loop
        self._images: ImageSet | None = None
        self._written: Latest[str] = Latest(loop, self._tell)
        self._message = widgets.HTML()
        self.widget = column(self._message)

    def make(self) -> None:
        """Make the fields."""
        loop = self._loop
        kinds = [
            ("PDF", ".pdf"),
            (texts.KIND_PAGE(), ".html"),
            (texts.KIND_ARCHIVE(), ".zip"),
            (texts.LAYOUT_SHEET(), ".jpg"),
            (texts.KIND_ANIMATION(), ".gif"),
        ]
        named = {"letter": texts.PAGE_LETTER(), "square": texts.PAGE_SQUARE(), "picture": texts.PAGE_PICTURE()}
        pages = [(named.get(size, size), size) for size in PAGE_SIZES]
        layouts = [(texts.LAYOUT_PAGE(), "page"), (texts.LAYOUT_SPREAD(), "spread"), (texts.LAYOUT_SHEET(), "sheet")]
        self.kind = labelled(widgets.Dropdown, texts.EXPORT_KIND(), texts.EXPORT_KIND_HINT(), options=kinds)
        self.file = labelled(
            widgets.Text, texts.EXPORT_FILE(), texts.EXPORT_FILE_HINT(), value=texts.EXPORT_FILE_NAME()
        )
        self.title = labelled(widgets.Text, texts.EXPORT_TITLE(), texts.EXPORT_TITLE_HINT())
        self.author = labelled(widgets.Text, texts.EXPORT_AUTHOR(), texts.EXPORT_AUTHOR_HINT())
        self.captions = checkbox(texts.EXPORT_CAPTIONS(), texts.EXPORT_CAPTIONS_HINT(), value=True)
        self.facts = checkbox(texts.EXPORT_FACTS(), texts.EXPORT_FACTS_HINT())
        self.page = labelled(widgets.Dropdown, texts.EXPORT_PAGE(), texts.EXPORT_PAGE_HINT(), options=pages, value="A4")
        self.layout = labelled(widgets.Dropdown, texts.EXPORT_LAYOUT(), texts.EXPORT_LAYOUT_HINT(), options=layouts)
        widths = {self.kind: 120, self.file: 130, self.title: 150, self.author: 110, self.layout: 130, self.page: 110}
        for control, width in widths.items():
            control.layout.width = f"{width}px"
        self._choices = {"title": self.title, "author": self.author, "layout": self.layout, "page_size": self.page}
        self.button = button(loop, texts.EXPORT(), texts.EXPORT_HINT(), self._export)
        loop.watch(self.kind, self._arrange)
        fields = (self.kind, self.file, *self._choices.values(), self.captions, self.facts, self.button)
        self.widget.children = (row(*fields, align_items="flex-end"), self._message)

    def offer(self, images: ImageSet) -> None:
        """Write this set from now on."""
        self._images, self._message.value = images, ""

    def close(self) -> None:
        """Tell of nothing any more."""
        self._written.close()

    def _arrange(self) -> None:
        for option, control in self._choices.items():
            set_visible(control, visible=self.kind.value in KINDS[option])

    def _export(self) -> None:
        images, kind = self._images, self.kind.value
        if images is None:
            return
        chosen: dict[str, Any] = {"captions": self.captions.value, "with_facts": self.facts.value}
        for option, control in self._choices.items():
            if kind in KINDS[option] and control.value.strip():
                chosen[option] = control.value.strip()
        name = self.file.value.strip().removesuffix(kind)
        self._message.value = lines([texts.EXPORTING()], kind="seedream-panel-quiet")
        self._written.do(lambda: _write(images, f"{name or texts.EXPORT_FILE_NAME()}{kind}", chosen))

    def _tell(self, told: str) -> None:
        self._message.value = told


def _write(images: ImageSet, path: str, chosen: dict[str, Any]) -> str:
    """Write the file; what is said of it."""
    from seedream_magic.view.export import frames_left_out  # noqa: PLC0415 - Pillow loads when it is exported

    try:
        written = commands.WRITTEN(path=path_from(images.export(path, **chosen), Path.cwd()))
        return lines([written, *filter(None, [frames_left_out(cards_of(images))])])
    except (SeedreamError, OSError) as error:
        return errors([" ".join(filter(None, (str(error), getattr(error, "hint", ""))))])
