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
from seedream_magic.notebook.kernel_loop import Latest
from seedream_magic.notebook.panel.controls import button, column, hinted, labelled, row, set_visible, switch
from seedream_magic.notebook.panel.export import Export
from seedream_magic.notebook.panel.page_loop import PageLoop
from seedream_magic.notebook.panel.references import thumbnail
from seedream_magic.seedream import Seedream
from seedream_magic.view.markup import Markup, element
from seedream_magic.words import carousel
from seedream_magic.words import panel as texts


class Iteration:
    """The row of buttons below the form; it shows while a set with pictures does.

    `begin` starts the plan that a function makes at a client, `refer` adds the frame that a function gives to the
    references, `copy` shows the cell that a function makes for a client, `changed` is called when such a cell would
    be another, `take_form` with the set whose form is wanted. The page writes into the number which frame the carousel
    shows; where it runs no scripts, a person does.
    """

    def __init__(  # noqa: PLR0917 - what the buttons call, in the order of the docstring
        self,
        loop: PageLoop,
        begin: Callable[[Callable[[Seedream], Plan]], None],
        refer: Callable[[Callable[[], Frame]], None],
        copy: Callable[[Callable[[Seedream], str]], None],
        changed: Callable[[], None],
        take_form: Callable[[ImageSet], None],
    ) -> None:
        self._changed = changed
        self._images: ImageSet | None = None
        self.number = labelled(
            widgets.BoundedIntText, texts.FROM_FRAME(), texts.FROM_FRAME_HINT(), "frame-number", value=1, min=1, max=1
        )
        self.number.layout.width = "76px"
        self._picture = widgets.HTML()
        self._picture.add_class("seedream-panel-tile")
        self._tile = Markup("")
        self._thumbnails: Latest[Markup] = Latest(loop, self._show_picture)
        self.words = labelled(
            widgets.Text, texts.NEW_WORDS(), texts.NEW_WORDS_HINT(), placeholder=texts.NEW_WORDS_BENEATH()
        )
        self.words.layout.flex = "1 1 240px"
        redo = button(loop, texts.REDO(), texts.REDO_HINT(), lambda: begin(self._redo), settles=False)
        vary = button(loop, texts.VARY(), texts.VARY_HINT(), lambda: begin(self._vary), settles=False)
        use = button(loop, texts.USE_AS_REFERENCE(), texts.USE_AS_REFERENCE_HINT(), lambda: refer(self._chosen))
        copy_redo = button(loop, carousel.COPY_REDO(), texts.COPY_REDO_HINT(), lambda: copy(self._redo_cell))
        copy_vary = button(loop, carousel.COPY_VARY(), texts.COPY_VARY_HINT(), lambda: copy(self._vary_cell))
        again = button(loop, texts.FORM_FROM_SET(), texts.FORM_FROM_SET_HINT(), lambda: take_form(self._frame()[0]))
        self._paid = ((redo, texts.REDO_HINT), (vary, texts.VARY_HINT))
        self.buttons = (redo, vary, use, copy_redo, copy_vary, again)
        self._export = Export(loop)
        further = column(row(copy_redo, copy_vary, again), self._export.widget, kind="more")
        more = switch(loop, carousel.MORE(), texts.MORE_HINT(), further, self._export.make)
        loop.watch(self.number, self._name)
        loop.watch(self.words, changed)
        acts = row(self._picture, self.number, self.words, redo, vary, use, more, align_items="flex-end")
        self.widget = column(acts, further)
        set_visible(self.widget, visible=False)

    def offer(self, images: ImageSet | None, *, free: bool) -> None:
        """Go on from this set, beginning at the frame at which its carousel opens; without a picture, from nothing.

        What goes on is `free`, or may be billed: the buttons say so.
        """
        bill = texts.HINT_FREE if free else texts.HINT_WITH_BILL
        for control, hint in self._paid:
            hinted(control, bill(what=hint()))
        if images is None:
            set_visible(self.widget, visible=False)
            return
        is_new = self._images is None or self._images.run_id != images.run_id
        self._images = images
        self._export.offer(images)
        if images.ok:
            self.number.max = len(places_of(images))
            if is_new:
                self.number.value = opens_at(images) + 1
                self._show_picture(self._tile)  # the page now writes where the carousel was turned to meanwhile
            set_visible(self.number, visible=self.number.max > 1)
            self._name()
        set_visible(self.widget, visible=bool(images.ok))

    def close(self) -> None:
        """Draw no thumbnail any more."""
        self._thumbnails.close()
        self._export.close()

    def _name(self) -> None:
        """Show the frame."""
        number, images = self.number.value, self._images
        if images is not None:
            frame = places_of(images)[number - 1]
            name = carousel.FRAME(number=number) if frame.ok else texts.NO_PICTURE(number=number)
            self._thumbnails.do(lambda: Markup(thumbnail(frame, name)))
        self._changed()

    def _show_picture(self, tile: Markup) -> None:
        """Under the run by which the page knows its carousel."""
        self._tile, run = tile, self._images.run_id if self._images else ""
        self._picture.value = str(element("div", {"data-run": run}, tile))

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
            raise InvalidRequest(texts.NO_FRAME())
        return self._images, self.number.value - 1

    def _chosen(self) -> Frame:
        images, place = self._frame()
        frame = places_of(images)[place]
        if not frame.ok:
            raise InvalidRequest(texts.FRAME_WITHOUT_PICTURE(number=place + 1))
        return frame

    def _redo(self, client: Seedream, *, another: bool = True) -> Plan:
        """The plan of a redo. On a set that the button has made it draws `another`; a cell says `fresh` for that."""
        images, place = self._frame()
        words = self.words.value.strip() or None
        return plan_redo(client, images, [place], prompt=words, refs="others", another=another)

    def _vary(self, client: Seedream, *, another: bool = True) -> Plan:
        frame, words = self._chosen(), self.words.value.strip()
        if not words:
            raise InvalidRequest(texts.FILL_IN_WORDS())
        return plan_vary(client, frame, words, another=another)


def _origin(images: ImageSet, client: Seedream) -> Origin:
    """Where the set is from, for a cell that goes on from it at this client, which asks the provider that made it."""
    return origin_of(replace(images, client=client))
