"""The panel: its parts put together, and the sentences on what its form would send."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import ipywidgets as widgets
from IPython.display import display

from seedream_magic.api.make_request import make_request
from seedream_magic.api.models import MAXIMUM_IMAGES, SIDES
from seedream_magic.api.plan import Plan
from seedream_magic.api.prices import bill_text, price_of
from seedream_magic.api.providers import chosen_provider
from seedream_magic.api.references.reference import Reference
from seedream_magic.api.request import ImageRequest
from seedream_magic.errors import SeedreamError, plural
from seedream_magic.images.image_set import ImageSet
from seedream_magic.notebook.desk import current_desk
from seedream_magic.notebook.display import Output
from seedream_magic.notebook.kernel_loop import KernelLoop, Latest
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
from seedream_magic.notebook.panel.references import FormReference, References
from seedream_magic.notebook.panel.run import RunControls
from seedream_magic.planning import plan_request, read_references, refuse_other_provider
from seedream_magic.seedream import Seedream
from seedream_magic.view.markup import element

LOOK_SECONDS = 0.1
"""After a change, before the store is looked through: the next key may follow."""
_WITHOUT_KERNEL = (
    "The panel needs a notebook with its kernel: run this cell again there. What it has drawn stands below."
)
# Ctrl+Enter draws; the field in which it is pressed loses the focus for a moment, for some report their text only then.
# Other keys stay in the panel: a notebook would move its cells when an arrow chooses in a list. Widgets cannot run
# scripts, but a broken picture's error handler is one; where a page forbids that, all else works without.
# The files of an upload are told before they are sent: the field in which they are chosen is outside the page, and is
# met at the click that the button passes on to it.
_KEYS = """const tie = (left) => {
  const panel = this.closest('.seedream-panel');
  if (!panel) { if (left) requestAnimationFrame(() => tie(left - 1)); return; }
  const isCommand = (event) => event.ctrlKey || event.metaKey;
  panel.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || !isCommand(event) || event.isComposing) return;
    event.preventDefault();
    event.stopPropagation();
    const field = document.activeElement;
    field.blur();
    field.focus();
    panel.querySelector('.seedream-generate').click();
  }, true);
  panel.addEventListener('click', (event) => {
    if (!event.target.closest('.widget-upload')) return;
    const inputs = HTMLInputElement.prototype;
    inputs.click = function () {
      delete inputs.click;
      this.addEventListener('change', () => announce([...this.files]), { capture: true, once: true });
      this.click();
    };
    setTimeout(() => { delete inputs.click; });
  }, true);
  const announce = (files) => {
    const field = panel.querySelector('.seedream-chosen-files input');
    field.value = JSON.stringify({ at: Date.now(), files: files.map(({ name, size }) => [name, size]) });
    field.dispatchEvent(new Event('change', { bubbles: true }));
  };
  panel.addEventListener('keydown', (event) => {
    if (!isCommand(event) && !['Escape', 'Tab'].includes(event.key)) event.stopPropagation();
  });
};
tie(600);"""


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
        keep: Callable[[ImageSet], None] | None = None,
    ) -> None:
        loop, desk = KernelLoop(), current_desk()
        self.client = client or (desk.client() if desk else Seedream())
        begun = self.client.show(images) if isinstance(images, str) else images
        if begun is not None:
            refuse_other_provider(self.client, begun.run_id, begun.provider)
        if settings is None and desk is not None:
            settings = {**desk.settings.of_request, "provider": chosen_provider(desk.settings.provider).name}
        self._settings, self._keep = dict(settings or {}), keep or (desk.bind if desk else None)
        self._images: ImageSet | None = None
        self._request: ImageRequest | None = None
        self._notes: tuple[str, ...] = ()
        self._looks: Latest[Plan | SeedreamError] = Latest(loop, self._looked)
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
        draw, hint = "Draws what the form says (Ctrl+Enter)", "生成（Ctrl+Enter）"
        self._generate = button(loop, "Generate", draw, hint, self._draw, button_style="primary")
        self._generate.add_class("seedream-generate")
        anew = "Draws it once more and pays again, though it is in the store", "重新生成并再次计费"
        self._anew = button(loop, "Generate anew", *anew, lambda: self._draw(fresh=True))
        copy = "Shows the %%seedream cell that makes this request", "显示生成同一请求的单元格"
        self._copy = button(loop, "Copy as cell", *copy, lambda: self._copy_made(self._request, lambda _: self.cell))
        demo = "Draws with the built-in service: offline, no key, nothing billed", "使用内置演示服务，无需密钥"
        self._demo_row = indented(row(self._key_note, button(loop, "Use the demo", *demo, self._use_demo)))
        keys = element("img", {"src": "data:,", "alt": "", "hidden": "", "onerror": _KEYS})
        style = widgets.HTML(f"<style>{STYLE}</style>{keys}")
        style.layout.display = "none"
        self.widget = column(
            style,
            self._demo_row,
            self._form.words,
            self._references.widget,
            self._form.settings,
            indented(self._plan_line),
            indented(row(self._generate, self._anew, self._run.stop, self._copy, self._run.line)),
            indented(self._message),
            self._cell.widget,
            self._iteration.widget,
            *filter(None, [self._pictures]),
        )
        self.widget.add_class("seedream-panel")

    @property
    def images(self) -> ImageSet | None:
        """The set that it shows, None before there is one."""
        return self._images

    @property
    def cell(self) -> str:
        """The `%%seedream` cell that makes the request of the form. Raises `InvalidRequest` where there is none.

        References that no cell could name, such as uploads, are kept in the store for it.
        """
        request, _ = self._make_request()
        return cell_of(
            request,
            self._references.entries,
            settings=self._settings,
            provider=self.client.provider,
            store=self.client.store,
        )

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

    def _show(self, images: ImageSet) -> None:
        """Show a set below the panel. Its previews are made beside the kernel's own work.

        Notes that stand in the place of a failed frame already are left out; the panel reports them above, too.
        """
        self._images = images
        if self._output.is_news(images):
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

    def _refresh(self) -> None:
        """Say what the form stands for, at once; what the store has of it follows."""
        try:
            self._request, self._notes = self._make_request()
        except SeedreamError as error:
            self._request = None
            self._say_no(error)
            return
        finally:
            self._cell.hide_unless(self._request)
        request, notes = self._request, self._notes
        self._say(plan_sentences(request, self.client, notes))
        self._looks.do(lambda: self._looked_up(request, notes), after=LOOK_SECONDS)

    def _looked_up(self, request: ImageRequest, notes: tuple[str, ...]) -> Plan | SeedreamError:
        try:
            return plan_request(self.client, request, notes)
        except SeedreamError as error:
            return error

    def _looked(self, found: Plan | SeedreamError) -> None:
        if isinstance(found, SeedreamError):
            self._say_no(found)
        elif found.request is self._request:
            try:
                self.client.session.refuse(found)
            except SeedreamError as error:
                self._say_no(error)
                return
            self._say(plan_sentences(found.request, self.client, found.warnings, stored=found.stored, looked=True))
            set_visible(self._anew, visible=found.stored is not None)

    def _say(self, texts: list[str]) -> None:
        room = room_sentence(len(self._references.entries), self._form.images.value)
        self._plan_line.value = lines([*texts, room])
        set_visible(self._anew, visible=False)

    def _say_no(self, error: SeedreamError) -> None:
        self._say([str(error) if isinstance(error, Unwritten) else f"Cannot be sent: {error}"])

    def _draw(self, *, fresh: bool = False) -> None:
        def make(client: Seedream) -> Plan:
            request, notes = self._make_request()
            return plan_request(client, request, notes, fresh=fresh, timeout=self._settings.get("timeout"))

        self._go_on(make)

    def _go_on(self, make: Callable[[Seedream], Plan]) -> None:
        self._run.begin(self.client, lambda: make(self.client))
        self._show_buttons()

    def _ended(self, images: ImageSet | None) -> None:
        if images is not None and self._keep is not None:
            self._keep(images)
        if images is not None:
            self._iteration.offer(images)
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


def in_voila() -> bool:
    """Whether this is a page of Voilà's, where outputs stand still once it has loaded; widgets go on there."""
    return any(name.startswith("VOILA_") for name in os.environ)


def plan_sentences(
    request: ImageRequest,
    client: Seedream,
    notes: tuple[str, ...],
    *,
    stored: str | None = None,
    looked: bool = False,
) -> list[str]:
    """What a request will do, and its notes. `stored` is the run that stands for it, if the store was `looked` at."""
    provider = client.provider
    board, expected = request.storyboard, request.images_expected
    images = "as many images as the model decides" if expected is None else plural(expected)
    facts = [
        request.model,
        request.size if request.size in SIDES else request.size.replace("x", " × "),
        f"storyboard of {len(board.frames)}" if board else images,
        "" if request.watermark else "no watermark",
        "streamed" if request.stream else "",
    ]
    price = price_of(request, provider, client.session.prices, base_url=client.given_base_url)
    bill = bill_text(request.images_at_most, price)
    paid = f"it may bill {bill}" if provider.needs_key else "the demo draws it free"
    end = f"Not in the store: {paid}." if looked else f"{paid[0].upper()}{paid[1:]}."
    if stored:
        end = f"In the store (run {stored}): it is shown from there, nothing is billed."
    return [f"To {provider.name}: {' · '.join(filter(None, facts))}. {end}", *notes]


def room_sentence(references: int, images: str | int) -> str:
    """How much of a request's fifteen pictures is taken; empty without references."""
    if not references:
        return ""
    if not str(images).isdecimal():
        return f"References {references} + images {images}: at most {MAXIMUM_IMAGES} together."
    return f"References {references} + images {images} = {references + int(images)} of {MAXIMUM_IMAGES}."
