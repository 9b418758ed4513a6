"""The panel: its parts put together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import ipywidgets as widgets
from IPython.display import display

from seedream_magic.api.plan import Plan
from seedream_magic.api.providers import chosen_provider
from seedream_magic.api.references.reference import Reference
from seedream_magic.errors import InvalidRequest, MissingKey, SeedreamError
from seedream_magic.images.image_set import ImageSet
from seedream_magic.notebook.desk import current_desk
from seedream_magic.notebook.display import Output
from seedream_magic.notebook.kernel_loop import Latest
from seedream_magic.notebook.panel.compare import Compare
from seedream_magic.notebook.panel.controls import button, close, column, errors, row, set_visible, switch
from seedream_magic.notebook.panel.copied_cell import CopiedCell, cell_of
from seedream_magic.notebook.panel.draft import Draft
from seedream_magic.notebook.panel.form import Form
from seedream_magic.notebook.panel.iteration import Iteration
from seedream_magic.notebook.panel.key_entry import KeyEntry
from seedream_magic.notebook.panel.page import in_voila, page_parts, without_kernel
from seedream_magic.notebook.panel.page_loop import PageLoop
from seedream_magic.notebook.panel.references import FormReference, References
from seedream_magic.notebook.panel.request_line import RequestLine
from seedream_magic.notebook.panel.run import RunControls
from seedream_magic.notebook.panel.strip import Strip
from seedream_magic.planning import read_references, refuse_other_provider
from seedream_magic.seedream import Seedream
from seedream_magic.sweep.sweep import Sweep
from seedream_magic.words import panel as texts


class Panel:
    """A form for requests, as widgets. Showing it again, or in another cell, shows the same panel.

    `images` is a set, or the id of a run, whose request it begins with. `client` is where requests go. Where the
    extension is loaded, the notebook's client and settings stand for what is not given, and each set is bound to
    `_seedream` at its end. `settings` are the options that the notebook's cells have without typing them, `keep` is
    called with each set. Made again by the same cell, it has the form as it was. Raises `ConfigError` for a client
    that cannot be made and for a run that another provider made, `InvalidRequest` for one that is not in the store.
    """

    def __init__(
        self,
        images: ImageSet | str | None = None,
        *,
        client: Seedream | None = None,
        settings: Mapping[str, Any] | None = None,
        keep: Callable[[ImageSet | Sweep], None] | None = None,
    ) -> None:
        loop, desk = PageLoop(), current_desk()
        self._loop = loop
        self.client = client or (desk.client() if desk else Seedream())
        _refuse_whole_sweep(images)
        begun = self.client.show(images) if isinstance(images, str) else images
        if begun is not None:
            refuse_other_provider(self.client, begun.run_id, begun.provider)
        if settings is None and desk is not None:
            settings = {**desk.settings.of_request, "provider": chosen_provider(desk.settings.provider).name}
        self._settings, self._keep = dict(settings or {}), keep or (desk.bind if desk else None)
        self._images: ImageSet | Sweep | None = None
        self._before: ImageSet | Sweep | None = None
        self._output = Output()
        self._previews: Latest[dict[str, Any]] = Latest(loop, self._receive)
        self._draft = Draft(loop, begun.run_id if begun else "")
        self._open = False
        self._make_parts(loop)
        self.line = RequestLine(loop, (self._form, self._references, self._compare), self._settings, desk, self._go_on)
        self._put_together(loop)
        self._receive({"text/html": "", "text/plain": ""})
        if begun is not None:
            self._begin_with(begun)
        self._restore()
        self._open = True
        self._refresh()
        self.look_for_key()
        if desk is not None:
            desk.panels.add(self)

    def _make_parts(self, loop: PageLoop) -> None:
        self._message = widgets.HTML()
        self._form = Form(loop, self.client.provider, self.client.model, self._settings, self._refresh)
        self._references = References(loop, self._read, self._refresh, self._form.frames.add)
        self._pictures = widgets.HTML() if in_voila() else None
        self._run = RunControls(loop, self._show, self._report, self._ended)
        self._cell = CopiedCell()
        self._key = KeyEntry(loop, self._use_demo, loaded=current_desk() is not None)
        self._strip = Strip(loop, self._look_at)
        self._iteration = Iteration(
            loop,
            self._go_on,
            self._references.use,
            lambda make: self._copy_made(make, make),
            lambda: self._cell.hide_unless(self.line.request),
            self._take_form,
        )
        self._compare = Compare(loop, self._form.models, self._refresh)

    def _put_together(self, loop: PageLoop) -> None:
        form, line = self._form, self.line
        page = widgets.HTML(page_parts())
        page.layout.display = "none"
        self._copy = button(
            loop,
            texts.COPY_AS_CELL(),
            texts.COPY_AS_CELL_HINT(),
            lambda: self._copy_made(line.request, lambda _: self.cell),
            "quiet-button",
        )
        further = column(form.options, self._compare.widget, kind="more")
        options = switch(loop, texts.OPTIONS(), texts.OPTIONS_HINT(), further)
        buttons = row(self._run.stop, line.anew, line.generate)
        buttons.add_class("seedream-panel-end")
        choices = row(*form.choices, options, buttons)
        choices.add_class("seedream-panel-choices")
        self.widget = column(
            page,
            loop.widget,
            self._key.widget,
            column(form.words, self._references.widget, choices, further, form.beside, kind="form"),
            line.line,
            row(self._run.line, self._copy),
            self._message,
            self._cell.widget,
            self._strip.widget,
            self._iteration.widget,
            *filter(None, [self._pictures]),
        )
        self.widget.add_class("seedream-panel")

    @property
    def images(self) -> ImageSet | Sweep | None:
        """The set, or the sweep, that it shows, None before there is one."""
        return self._images

    @property
    def cell(self) -> str:
        """The `%%seedream` cell that makes the request of the form. Raises `InvalidRequest` where there is none.

        References that no cell could name, such as uploads, are kept in the store for it.
        """
        comparison = self.line.comparison() if self._compare.on else None
        request = comparison.base_request(self.client) if comparison else self.line.make_request(self.client)[0]
        cell = cell_of(
            request,
            self._references.entries,
            settings=self._settings,
            provider=self.client.provider,
            store=self.client.store,
        )
        return comparison.cell(cell) if comparison else cell

    def close(self) -> None:
        """Take it out of the page with all it holds. A run that is under way ends by itself; its set stays."""
        for part in (self._draft, self._strip, self.line, self._loop, self._run, self._iteration):
            part.close()
        close(self.widget)

    def _ipython_display_(self) -> None:
        # Written out, for ipywidgets 7 and 8 display themselves in different ways, and their plain text says nothing.
        view = {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
        display({"text/plain": texts.RUN_AGAIN(), "application/vnd.jupyter.widget-view+json": view}, raw=True)
        if self._pictures is None:
            self._output.display()

    def _receive(self, bundle: dict[str, Any]) -> None:
        if self._pictures is not None:
            self._pictures.value = bundle["text/html"]
        self._output.update(bundle | {"text/html": without_kernel(bundle["text/html"])})

    def _begin_with(self, images: ImageSet) -> None:
        self._take_form(images)
        self._look_at(images)

    def _take_form(self, images: ImageSet) -> None:
        """Have the form as it was for a set."""
        self._form.fill(images.request)
        self._references.replace(
            FormReference(one, nameable=one.source.startswith("run:")) for one in images.request.references
        )

    def _look_at(self, images: ImageSet) -> None:
        """Show a set of before, and go on from it."""
        self._show(images)
        self._offer(images)
        self._strip.add(images)

    def _offer(self, images: ImageSet | None) -> None:
        self._iteration.offer(images, free=not self.client.provider.needs_key)

    def _show(self, images: ImageSet | Sweep) -> None:
        """Show a set, or a sweep, below the panel. Its previews are made beside the kernel's own work.

        Notes that stand in the place of a failed frame already are left out; the panel reports them above, too.
        """
        self._images = images
        if not self._output.is_news(images):
            return
        if isinstance(images, Sweep):
            rest = self._output.rest if images.state == "running" else 0.0
            self._previews.do(lambda: self._output.bundle_of(images), after=rest)
        else:
            failures = {str(frame.error) for frame in images.failed}
            noted = replace(images, notes=tuple(note for note in images.notes if note not in failures))
            self._previews.do(lambda: self._output.bundle_of(noted))

    def _read(self, values: object, *, fit: bool) -> tuple[tuple[Reference, ...], tuple[str, ...]]:
        return read_references(self.client, values, fit=fit)

    def _report(self, said: Iterable[str], failure: BaseException | None = None) -> None:
        """Say what went wrong, unless it stands elsewhere: a key that is asked for, a request that cannot be sent."""
        refusal = self.line.refusal
        elsewhere = isinstance(failure, MissingKey) or (refusal is not None and str(refusal) == str(failure))
        self._message.value = "" if elsewhere else errors(list(said))
        if elsewhere:
            self._run.line.value = ""

    def _refresh(self) -> None:
        """After a change of the form: say what it stands for, and keep it."""
        if not self._open:
            return
        self.line.refresh(self.client)
        self._cell.hide_unless(self.line.request)
        set_visible(self._copy, visible=self.line.request is not None)
        self._keep_draft()

    def _go_on(self, make: Callable[[Seedream], Plan | Sweep]) -> None:
        client = self.client  # as it is at the click
        self._before = self._images
        self._run.begin(client, lambda: make(client))
        self._show_buttons()

    def _ended(self, images: ImageSet | Sweep | None) -> None:
        if images is not None and self._keep is not None:
            self._keep(images)
        if self._before is not None and isinstance(images, ImageSet) and not images:
            images = self._before  # nothing came that could be seen: why stands above, and no picture goes for it
            self._show(images)
        if images is not None:
            self._offer(None if isinstance(images, Sweep) else images)
        if isinstance(images, ImageSet) and images.ok:
            self._strip.add(images)
        self._show_buttons()
        self.look_for_key()
        self._refresh()

    def _show_buttons(self) -> None:
        for control in (self.line.generate, self.line.anew, *self._iteration.buttons):
            control.disabled = self._run.busy

    def _copy_made(self, made_of: object, make: Callable[[Seedream], str]) -> None:
        try:
            self._cell.show(made_of, make(self.client), time.time())
            self._report([])
        except SeedreamError as error:
            self._report(error.lines(), error)

    def look_for_key(self) -> None:
        """Ask for a key where there is none. The key itself never comes near a widget."""
        missing = None
        try:
            self.client.key()
        except SeedreamError as error:
            missing = error
        self._key.ask(self.client.provider, missing)

    def _use_demo(self) -> None:
        demo = Seedream("demo", store=self.client.store)
        demo.session = self.client.session
        self.client = demo
        if isinstance(self._images, ImageSet):
            self._offer(self._images)
        self.look_for_key()
        self._report([])
        self._refresh()

    def _keep_draft(self) -> None:
        """Keep the form, its references and the sets, for the next time that this cell runs."""
        form, entries, store = self._form.draft, self._references.entries, self.client.store
        runs = [images.run_id for images in self._strip.sets]
        shown = self._images.run_id if isinstance(self._images, ImageSet) else ""
        self._draft.keep(form, entries, store, {"provider": self.client.provider.name, "runs": runs, "shown": shown})

    def _restore(self) -> None:
        """Have the form as this cell's panel had it before, with its pictures."""
        draft = self._draft.read()
        if not draft:
            return
        self._form.restore(draft.form, same=draft.provider == self.client.provider.name)
        self._references.replace(())
        for source in draft.references:
            self._references.add(source)
        found = list[ImageSet]()
        for run in draft.runs:
            try:
                found.append(self.client.show(run))
            except SeedreamError:
                continue  # it was purged, or lies in another store
        for images in reversed(found):
            self._strip.add(images)
        for images in found:
            if images.run_id == draft.shown:
                self._look_at(images)


def _refuse_whole_sweep(images: object) -> None:
    """Raises `InvalidRequest` for a sweep, which `_seedream` may be: the form is one request."""
    if isinstance(images, Sweep):
        raise InvalidRequest(texts.ONE_RUN_OF_SWEEP(one=images.code_of(images.runs[0])))
