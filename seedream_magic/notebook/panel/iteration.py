"""Going on from a frame of the set in the panel: as a reference, drawn anew, varied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import ipywidgets as widgets

from seedream_magic.api.plan import Plan
from seedream_magic.continuation import plan_redo, plan_vary
from seedream_magic.errors import InvalidRequest
from seedream_magic.images.cards import Origin
from seedream_magic.images.image_set import Frame, ImageSet, opens_at, origin_of, places_of
from seedream_magic.notebook.kernel_loop import KernelLoop, Latest
from seedream_magic.notebook.panel.controls import button, column, labelled, row, set_visible
from seedream_magic.notebook.panel.references import thumbnail
from seedream_magic.seedream import Seedream


class Iteration:
    """The rows of buttons; they show while a set with pictures does.

    `begin` starts the plan that a function makes at a client, `refer` adds the frame that a function gives to the
    references, `copy` shows the cell that a function makes for a client, `changed` is called when such a cell would
    be another. The kernel does not know which frame the carousel shows: a number chooses it, and the buttons name it.
    """

    def __init__(
        self,
        loop: KernelLoop,
        begin: Callable[[Callable[[Seedream], Plan]], None],
        refer: Callable[[Callable[[], Frame]], None],
        copy: Callable[[Callable[[Seedream], str]], None],
        changed: Callable[[], None],
    ) -> None:
        self._changed = changed
        self._images: ImageSet | None = None
        hint = "Which frame to go on from, counted from 1", "从第几帧继续，从 1 数起"
        self.number = labelled(widgets.BoundedIntText, "From frame", *hint, value=1, min=1, max=1)
        self.number.layout.width = "150px"
        self._picture = widgets.HTML()
        self._thumbnails: Latest[str] = Latest(loop, self._show_picture)
        hint = (
            "All words of the new picture; Redo without any keeps the frame's own",
            "新图的完整提示词；重画时留空则沿用原词",
        )
        beneath = "whole prompt; empty: the same words"
        self.words = labelled(widgets.Text, "New words", *hint, placeholder=beneath)
        self.words.layout.width, self.words.layout.flex = "auto", "1 1 260px"
        hint = "Adds this frame to the references", "用作参考图"
        use = button(loop, "Use frame {} as reference", *hint, lambda: refer(self._chosen))
        hint = (
            "Draws this frame anew, the others as references; may bill 1 image",
            "以其余帧为参考重画这一帧，可能计费 1 张",
        )
        redo = button(loop, "Redo frame {}", *hint, lambda: begin(self._redo))
        hint = "Draws a new picture after this frame; may bill 1 image", "以这一帧为参考画一张新图，可能计费 1 张"
        vary = button(loop, "Vary frame {}", *hint, lambda: begin(self._vary))
        hint = "Shows the cell that draws this frame anew", "显示重画这一帧的单元格"
        copy_redo = button(loop, "Copy redo {}", *hint, lambda: copy(self._redo_cell))
        hint = "Shows the cell that draws a new picture after this frame", "显示以这一帧为参考画新图的单元格"
        copy_vary = button(loop, "Copy vary {}", *hint, lambda: copy(self._vary_cell))
        self.buttons = (use, redo, vary, copy_redo, copy_vary)
        self._labels = tuple(one.description for one in self.buttons)
        loop.watch(self.number, self._name)
        loop.watch(self.words, changed)
        self.widget = column(row(self.number, self._picture, use), row(self.words, redo, vary, copy_redo, copy_vary))
        set_visible(self.widget, visible=False)

    def offer(self, images: ImageSet | None) -> None:
        """Go on from this set, beginning at the frame at which its carousel opens; without a picture, from nothing."""
        if images is None:
            set_visible(self.widget, visible=False)
            return
        is_new = self._images is None or self._images.run_id != images.run_id
        self._images = images
        if images.ok:
            self.number.max = len(places_of(images))
            self.number.value = opens_at(images) + 1 if is_new else self.number.value
            self._name()
        set_visible(self.widget, visible=bool(images.ok))

    def close(self) -> None:
        """Draw no thumbnail any more."""
        self._thumbnails.close()

    def _name(self) -> None:
        """Name the frame on the buttons, and show it."""
        number, images = self.number.value, self._images
        for control, label in zip(self.buttons, self._labels, strict=True):
            control.description = label.format(number)
        if images is not None:
            frame = places_of(images)[number - 1]
            self._thumbnails.do(
                lambda: thumbnail(frame, f"Frame {number}" if frame.ok else f"Frame {number}: no picture")
            )
        self._changed()

    def _show_picture(self, picture: str) -> None:
        self._picture.value = picture

    def _redo_cell(self, client: Seedream) -> str:
        plan = self._redo(client, another=False)  # a cell that could not be sent is not given
        images, place = self._frame()
        words = self.words.value.strip() or None
        return _origin(images, client).redo_cell(place, prompt=words, refs="others", fresh=bool(plan.already))

    def _vary_cell(self, client: Seedream) -> str:
        plan = self._vary(client, another=False)
        images, place = self._frame()
        return _origin(images, client).vary_cell(place, self.words.value.strip(), fresh=bool(plan.already))

    def _frame(self) -> tuple[ImageSet, int]:
        if self._images is None:
            raise InvalidRequest("There is no frame to go on from.")
        return self._images, self.number.value - 1

    def _chosen(self) -> Frame:
        images, place = self._frame()
        frame = places_of(images)[place]
        if not frame.ok:
            raise InvalidRequest(f"Frame {place + 1} has no picture: redo it, or choose another one.")
        return frame

    def _redo(self, client: Seedream, *, another: bool = True) -> Plan:
        """The plan of a redo. On a set that the button has made it draws `another`; a cell says `fresh` for that."""
        images, place = self._frame()
        words = self.words.value.strip() or None
        return plan_redo(client, images, [place], prompt=words, refs="others", another=another)

    def _vary(self, client: Seedream, *, another: bool = True) -> Plan:
        frame, words = self._chosen(), self.words.value.strip()
        if not words:
            raise InvalidRequest("Fill in New words: Vary draws by them alone, after the picture.")
        return plan_vary(client, frame, words, another=another)


def _origin(images: ImageSet, client: Seedream) -> Origin:
    """Where the set is from, for a cell that goes on from it at this client, which asks the provider that made it."""
    return origin_of(replace(images, client=client))
