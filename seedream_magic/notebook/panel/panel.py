"""The panel: its parts put together. They know a client, never the cell magic."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import ipywidgets as widgets
from IPython.display import display

from seedream_magic.api.make_request import make_request
from seedream_magic.api.plan import Plan
from seedream_magic.api.request import ImageRequest
from seedream_magic.errors import SeedreamError
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.notebook.panel.controls import STYLE, button, close, column, indented, lines, row, show
from seedream_magic.notebook.panel.copied_cell import CopiedCell, cell_of
from seedream_magic.notebook.panel.form import Form, Unwritten
from seedream_magic.notebook.panel.home import Home, Latest
from seedream_magic.notebook.panel.iteration import Iteration
from seedream_magic.notebook.panel.plan_line import room_of, told_of
from seedream_magic.notebook.panel.references import Held, References
from seedream_magic.notebook.panel.result import Result
from seedream_magic.notebook.panel.run import Run
from seedream_magic.notebook.running import Running
from seedream_magic.planning import plan_request, read_references, refuse_other_provider
from seedream_magic.seedream import Seedream
from seedream_magic.view.carousel import element

LOOK_SECONDS = 0.1
"""After a change, before the store is looked through: the next key may follow."""
_WITHOUT_KERNEL = "The panel needs its kernel: run this cell again. What it has drawn stands below."
# Ctrl+Enter draws; a field that tells what stands in it only when it is left, is left before. Other keys stay here: a
# notebook would move its cells when an arrow chooses in a list. Widgets have no such thing, so a picture that is none
# runs it; where a page forbids that, all else works without.
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
  panel.addEventListener('keydown', (event) => {
    if (!isCommand(event) && !['Escape', 'Tab'].includes(event.key)) event.stopPropagation();
  });
};
tie(600);"""


class Panel:
    """A form for requests, as widgets. Showing it again, or in another cell, shows the same panel.

    `images` is a set, or the id of a run, whose request it begins with. `client` is where requests go (`Seedream()` if
    none is given), `running` holds the session's background runs, `settings` the options that its cells have without
    typing them, `keep` is told of each set at its end. Raises `ConfigError` for a client that cannot be made and
    for a run that another provider made, `InvalidRequest` for one that is not in the store.
    """

    _panels: ClassVar[weakref.WeakSet[Panel]] = weakref.WeakSet()

    def __init__(
        self,
        images: ImageSet | str | None = None,
        *,
        client: Seedream | None = None,
        running: Running | None = None,
        settings: Mapping[str, Any] | None = None,
        keep: Callable[[ImageSet], None] | None = None,
    ) -> None:
        home = Home()
        self.client = Seedream() if client is None else client
        begun = self.client.show(images) if isinstance(images, str) else images
        if begun is not None:
            refuse_other_provider(self.client, begun.run_id, begun.provider)
        self._settings, self._keep = dict(settings or {}), keep
        self._request: ImageRequest | None = None
        self._notes: tuple[str, ...] = ()
        self._looks: Latest[Plan | SeedreamError] = Latest(home, self._looked)
        self._result = Result(home)
        self._make_parts(home, Running() if running is None else running)
        if begun is not None:
            self._begin_with(begun)
        self._refresh()
        self._look_for_key()
        Panel._panels.add(self)

    def _make_parts(self, home: Home, running: Running) -> None:
        self._plan_line, self._message, self._key_note = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self._references = References(home, self._read, self._refresh)
        self._run = Run(home, running, self._result, self._tell, self._ended)
        self._cell = CopiedCell()
        self._iteration = Iteration(
            home, self._go_on, self._refer, self._copy_iteration, lambda: self._cell.keep_to(self._request)
        )
        model = self._settings.get("model") or self.client.model
        self._form = Form(home, self.client.provider, model, self._settings, self._refresh)
        draw, hint = "Draws what the form says (Ctrl+Enter)", "生成（Ctrl+Enter）"
        self._generate = button(home, "Generate", draw, hint, self._draw, button_style="primary")
        self._generate.add_class("seedream-generate")
        anew = "Draws it once more and pays again, though it is in the store", "重新生成并再次计费"
        self._anew = button(home, "Generate anew", *anew, lambda: self._draw(fresh=True))
        copy = "Shows the %%seedream cell that makes this request", "显示生成同一请求的单元格"
        self._copy = button(home, "Copy as cell", *copy, self._copy_cell)
        demo = "Draws with the built-in service: offline, no key, nothing billed", "使用内置演示服务，无需密钥"
        self._demo_row = indented(row(self._key_note, button(home, "Use the demo", *demo, self._use_demo)))
        tied = element("img", {"src": "data:,", "alt": "", "hidden": "", "onerror": _KEYS})
        style = widgets.HTML(f"<style>{STYLE}</style>{tied}")
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
        )
        self.widget.add_class("seedream-panel")

    @property
    def images(self) -> ImageSet | None:
        """The set that it shows, None before there is one."""
        return self._result.images

    @property
    def cell(self) -> str:
        """The `%%seedream` cell that makes the request of the form. Raises `InvalidRequest` where there is none.

        References that no cell could name, such as uploads, are kept in the store for it.
        """
        request, _ = self._make_request()
        return cell_of(
            request,
            self._references.held,
            settings=self._settings,
            provider=self.client.provider,
            store=self.client.store,
        )

    def close(self) -> None:
        """Take it out of the page with all it holds. A run that is under way ends by itself; its set stays shown."""
        self._looks.drop()
        self._run.close()
        self._iteration.close()
        close(self.widget)
        Panel._panels.discard(self)

    def _ipython_display_(self) -> None:
        # Written out, for ipywidgets 7 and 8 display themselves in different ways, and their plain text says nothing.
        view = {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
        display({"text/plain": _WITHOUT_KERNEL, "application/vnd.jupyter.widget-view+json": view}, raw=True)
        self._result.place()

    def _begin_with(self, images: ImageSet) -> None:
        self._form.fill(images.request)
        held = (Held(one, typed=one.source.startswith("run:")) for one in images.request.references)
        self._references.hold(held)
        self._result.show(images)
        self._iteration.offer(images)

    def _read(self, values: object, *, fit: bool) -> Any:
        return read_references(self.client, values, fit=fit)

    def _tell(self, texts: Iterable[str]) -> None:
        self._message.value = lines(list(texts), role="alert", kind="seedream-told")

    def _make_request(self) -> tuple[ImageRequest, tuple[str, ...]]:
        """The request of all that the panel shows. Raises `SeedreamError` where a part of it cannot be sent."""
        text, strict = self._form.text, self.client.provider.strict
        self._references.refuse()
        return make_request(text, references=self._references.values, strict=strict, **self._form.options)

    def _refresh(self) -> None:
        """Say what the form stands for, at once; what the store has of it follows."""
        try:
            self._request, self._notes = self._make_request()
        except SeedreamError as error:
            self._request = None
            self._say_no(error)
            return
        finally:
            self._cell.keep_to(self._request)
        self._say(told_of(self._request, self.client.provider, self._notes))
        request, notes = self._request, self._notes
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
            told = told_of(found.request, found.provider, found.warnings, stored=found.stored, looked=True)
            self._say(told)
            show(self._anew, shown=found.stored is not None)

    def _say(self, texts: list[str]) -> None:
        room = room_of(len(self._references.held), self._form.images.value)
        self._plan_line.value = lines([*texts, room])
        show(self._anew, shown=False)

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

    def _refer(self, chosen: Callable[[], Frame]) -> None:
        try:
            self._references.add(chosen())
            self._tell([])
        except SeedreamError as error:
            self._tell(error.lines())

    def _copy_cell(self) -> None:
        self._copy_made(self._request, lambda _: self.cell)

    def _copy_iteration(self, make: Callable[[Seedream], str]) -> None:
        self._copy_made(make, make)

    def _copy_made(self, made_of: object, make: Callable[[Seedream], str]) -> None:
        try:
            self._cell.show(made_of, make(self.client), time.time())
            self._tell([])
        except SeedreamError as error:
            self._tell(error.lines())

    def _look_for_key(self) -> None:
        """Say how to set a key where there is none. The key itself never comes near a widget."""
        self._key_note.value = ""
        try:
            self.client.key()
        except SeedreamError as error:
            self._key_note.value = lines([f"{error} {error.hint}".strip()])
        show(self._demo_row, shown=bool(self._key_note.value))

    def _use_demo(self) -> None:
        self.client = Seedream("demo", store=self.client.store)
        self._look_for_key()
        self._tell([])
        self._refresh()


def close_all() -> None:
    """Close every panel of the session: for the unloading of the extension."""
    for panel in list(Panel._panels):  # noqa: SLF001 - the class keeps them
        panel.close()
