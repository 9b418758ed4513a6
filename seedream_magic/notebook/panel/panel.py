"""The panel: its parts put together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import ipywidgets as widgets
from IPython.display import display

from seedream_magic.api.make_request import make_request
from seedream_magic.api.plan import Plan
from seedream_magic.api.providers import chosen_provider
from seedream_magic.api.references.reference import Reference
from seedream_magic.api.request import ImageRequest
from seedream_magic.errors import InvalidRequest, SeedreamError
from seedream_magic.images.image_set import ImageSet
from seedream_magic.notebook.desk import current_desk
from seedream_magic.notebook.display import Output
from seedream_magic.notebook.kernel_loop import KernelLoop, Latest
from seedream_magic.notebook.panel.compare import Compare, Comparison
from seedream_magic.notebook.panel.controls import (
    STYLE,
    button,
    close,
    column,
    indented,
    lines,
    row,
    set_visible,
)
from seedream_magic.notebook.panel.copied_cell import CopiedCell, cell_of
from seedream_magic.notebook.panel.form import Form, Unwritten
from seedream_magic.notebook.panel.iteration import Iteration
from seedream_magic.notebook.panel.page import KEYS, in_voila
from seedream_magic.notebook.panel.references import FormReference, References
from seedream_magic.notebook.panel.run import RunControls
from seedream_magic.notebook.panel.sentences import plan_sentences, room_sentence
from seedream_magic.planning import plan_request, read_references, refuse_other_provider
from seedream_magic.seedream import Seedream
from seedream_magic.sweep.draw_sweep import refuse_sweep
from seedream_magic.sweep.sweep import Sweep
from seedream_magic.view.markup import element

LOOK_SECONDS = 0.1
"""After a change, before the store is looked through: the next key may follow."""
_WITHOUT_KERNEL = (
    "The panel needs a notebook with its kernel: run this cell again there. What it has drawn stands below."
)

_Found = Plan | tuple[Comparison, Sweep] | SeedreamError
"""What was looked up: a plan, what is compared with its sweep, or why there is none."""


class Panel:
    """A form for requests, as widgets. Showing it again, or in another cell, shows the same panel.

    `images` is a set, or the id of a run, whose request it begins with. `client` is where requests go. Where the
    extension is loaded, the notebook's client and settings stand for what is not given, and each set is bound to
    `_seedream` at its end. `settings` are the options that the notebook's cells have without typing them, `keep` is
    called with each set. Raises `ConfigError` for a client that cannot be made and for a run that another provider
    made, `InvalidRequest` for one that is not in the store.
    """

    def __init__(
        self,
        images: ImageSet | str | None = None,
        *,
        client: Seedream | None = None,
        settings: Mapping[str, Any] | None = None,
        keep: Callable[[ImageSet | Sweep], None] | None = None,
    ) -> None:
        loop, desk = KernelLoop(), current_desk()
        self._desk = desk
        self.client = client or (desk.client() if desk else Seedream())
        _refuse_whole_sweep(images)
        begun = self.client.show(images) if isinstance(images, str) else images
        if begun is not None:
            refuse_other_provider(self.client, begun.run_id, begun.provider)
        if settings is None and desk is not None:
            settings = {**desk.settings.of_request, "provider": chosen_provider(desk.settings.provider).name}
        self._settings, self._keep = dict(settings or {}), keep or (desk.bind if desk else None)
        self._images: ImageSet | Sweep | None = None
        self._request: ImageRequest | Comparison | None = None
        self._notes: tuple[str, ...] = ()
        self._looks: Latest[_Found] = Latest(loop, self._looked)
        self._output = Output()
        self._previews: Latest[dict[str, Any]] = Latest(loop, self._receive)
        self._make_parts(loop)
        if begun is not None:
            self._begin_with(begun)
        self._refresh()
        self._look_for_key()
        if desk is not None:
            desk.panels.add(self)

    def _make_parts(self, loop: KernelLoop) -> None:
        self._plan_line, self._message, self._key_note = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self._references = References(loop, self._read, self._refresh)
        self._pictures = widgets.HTML() if in_voila() else None
        self._run = RunControls(loop, self._show, self._report, self._ended)
        self._cell = CopiedCell()
        self._iteration = Iteration(
            loop,
            self._go_on,
            self._references.use,
            lambda make: self._copy_made(make, make),
            lambda: self._cell.hide_unless(self._request),
        )
        self._form = Form(loop, self.client.provider, self.client.model, self._settings, self._refresh)
        self._compare = Compare(loop, self._form.models, self._refresh)
        draw, hint = "Draws what the form says (Ctrl+Enter)", "生成（Ctrl+Enter）"
        self._generate = button(loop, "Generate", draw, hint, self._draw, button_style="primary")
        self._generate.add_class("seedream-generate")
        anew = "Draws it once more and pays again, though it is in the store", "重新生成并再次计费"
        self._anew = button(loop, "Generate anew", *anew, lambda: self._draw(fresh=True))
        copy = "Shows the %%seedream cell that makes this request", "显示生成同一请求的单元格"
        self._copy = button(loop, "Copy as cell", *copy, lambda: self._copy_made(self._request, lambda _: self.cell))
        demo = "Draws with the built-in service: offline, no key, nothing billed", "使用内置演示服务，无需密钥"
        self._demo_row = indented(row(self._key_note, button(loop, "Use the demo", *demo, self._use_demo)))
        keys = element("img", {"src": "data:,", "alt": "", "hidden": "", "onerror": KEYS})
        style = widgets.HTML(f"<style>{STYLE}</style>{keys}")
        style.layout.display = "none"
        self.widget = column(
            style,
            self._demo_row,
            self._form.words,
            self._references.widget,
            self._form.settings,
            self._compare.widget,
            indented(self._plan_line),
            indented(row(self._generate, self._anew, self._run.stop, self._copy, self._run.line)),
            indented(self._message),
            self._cell.widget,
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
        comparison = self._comparison() if self._compare.on else None
        request = comparison.base_request(self.client) if comparison else self._make_request()[0]
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
        self._looks.close()
        self._run.close()
        self._iteration.close()
        close(self.widget)

    def _ipython_display_(self) -> None:
        # Written out, for ipywidgets 7 and 8 display themselves in different ways, and their plain text says nothing.
        view = {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
        display({"text/plain": _WITHOUT_KERNEL, "application/vnd.jupyter.widget-view+json": view}, raw=True)
        if self._pictures is None:
            self._output.display()

    def _receive(self, bundle: dict[str, Any]) -> None:
        self._output.update(bundle)
        if self._pictures is not None:
            self._pictures.value = bundle["text/html"]

    def _begin_with(self, images: ImageSet) -> None:
        self._form.fill(images.request)
        self._references.extend(
            FormReference(one, nameable=one.source.startswith("run:")) for one in images.request.references
        )
        self._show(images)
        self._iteration.offer(images)

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
            errors = {str(frame.error) for frame in images.failed}
            noted = replace(images, notes=tuple(note for note in images.notes if note not in errors))
            self._previews.do(lambda: self._output.bundle_of(noted))

    def _read(self, values: object, *, fit: bool) -> tuple[tuple[Reference, ...], tuple[str, ...]]:
        return read_references(self.client, values, fit=fit)

    def _report(self, texts: Iterable[str]) -> None:
        self._message.value = lines(list(texts), role="alert", kind="seedream-message")

    def _make_request(self) -> tuple[ImageRequest, tuple[str, ...]]:
        """The request of all that the panel shows. Raises `SeedreamError` where a part of it cannot be sent."""
        ask, client = self._form.ask, self.client
        self._references.refuse()
        return make_request(ask, model=client.model, references=self._references.values, strict=client.provider.strict)

    def _comparison(self) -> Comparison:
        """What the panel compares. Raises `SeedreamError` where that cannot be told."""
        ask = replace(self._form.ask, refs=self._references.values, timeout=self._settings.get("timeout"))
        self._references.refuse()
        return self._compare.comparison(ask)

    def _refresh(self) -> None:
        """Say what the form stands for, at once; what the store has of it follows."""
        self._compare.offer(self._form.model.value)
        try:
            if self._compare.on:
                self._request, self._notes = self._comparison(), ()
            else:
                self._request, self._notes = self._make_request()
        except SeedreamError as error:
            self._request = None
            self._say_no(error)
            return
        finally:
            self._cell.hide_unless(self._request)
        request, notes = self._request, self._notes
        said = [request.sentence] if isinstance(request, Comparison) else plan_sentences(request, self.client, notes)
        self._say(said)
        self._looks.do(lambda: self._looked_up(request, notes), after=LOOK_SECONDS)

    def _looked_up(self, request: ImageRequest | Comparison, notes: tuple[str, ...]) -> _Found:
        try:
            if isinstance(request, Comparison):
                return request, request.plan(self.client)
            return plan_request(self.client, request, notes)
        except SeedreamError as error:
            return error

    def _looked(self, found: _Found) -> None:
        if isinstance(found, SeedreamError):
            self._say_no(found)
        elif isinstance(found, tuple):
            comparison, sweep = found
            if comparison is self._request:
                self._say([comparison.sentence, *self._ledger(sweep)])
        elif found.request is self._request:
            try:
                self.client.session.refuse(found)
            except SeedreamError as error:
                self._say_no(error)
                return
            self._say(plan_sentences(found.request, self.client, found.warnings, stored=found.stored, looked=True))
            set_visible(self._anew, visible=found.stored is not None)

    def _ledger(self, sweep: Sweep) -> tuple[str, ...]:
        """The account of a sweep, or why it is not drawn."""
        try:
            return (*self._refused(sweep).ledger.lines(), *sweep.notes)
        except SeedreamError as error:
            return (*sweep.ledger.lines(), f"Cannot be sent: {error}")

    def _refused(self, sweep: Sweep) -> Sweep:
        """The sweep, if the limits let it be drawn; nobody is asked here, for there is no cell to answer in."""
        with self._desk.unasked() if self._desk else nullcontext():
            return refuse_sweep(self.client, sweep)

    def _say(self, texts: list[str]) -> None:
        room = room_sentence(len(self._references.entries), self._form.images.value)
        self._plan_line.value = lines([*texts, room])
        set_visible(self._anew, visible=False)

    def _say_no(self, error: SeedreamError) -> None:
        self._say([str(error) if isinstance(error, Unwritten) else f"Cannot be sent: {error}"])

    def _draw(self, *, fresh: bool = False) -> None:
        def make(client: Seedream) -> Plan | Sweep:
            if self._compare.on:
                return self._refused(self._comparison().plan(client))
            request, notes = self._make_request()
            return plan_request(client, request, notes, fresh=fresh, timeout=self._settings.get("timeout"))

        self._go_on(make)

    def _go_on(self, make: Callable[[Seedream], Plan | Sweep]) -> None:
        self._run.begin(self.client, lambda: make(self.client))
        self._show_buttons()

    def _ended(self, images: ImageSet | Sweep | None) -> None:
        if images is not None and self._keep is not None:
            self._keep(images)
        if images is not None:
            self._iteration.offer(None if isinstance(images, Sweep) else images)
        self._show_buttons()
        self._look_for_key()
        self._refresh()

    def _show_buttons(self) -> None:
        for control in (self._generate, self._anew, *self._iteration.buttons):
            control.disabled = self._run.busy

    def _copy_made(self, made_of: object, make: Callable[[Seedream], str]) -> None:
        try:
            self._cell.show(made_of, make(self.client), time.time())
            self._report([])
        except SeedreamError as error:
            self._report(error.lines())

    def _look_for_key(self) -> None:
        """Say how to set a key where there is none. The key itself never comes near a widget."""
        self._key_note.value = ""
        try:
            self.client.key()
        except SeedreamError as error:
            self._key_note.value = lines([f"{error} {error.hint}".strip()])
        set_visible(self._demo_row, visible=bool(self._key_note.value))

    def _use_demo(self) -> None:
        demo = Seedream("demo", store=self.client.store)
        demo.session = self.client.session
        self.client = demo
        self._look_for_key()
        self._report([])
        self._refresh()


def _refuse_whole_sweep(images: object) -> None:
    """Raises `InvalidRequest` for a sweep, which `_seedream` may be: the form is one request."""
    if isinstance(images, Sweep):
        one = images.code_of(images.runs[0])
        raise InvalidRequest(f"A panel begins with one run of a sweep, such as {one}.")
