"""The desk of a notebook: its settings, its session, its limits, and how a set is drawn, shown and bound there.

The cell magic, the commands, the doctor and the panel all work at the desk of their shell.

Loading the extension loads neither httpx nor Pillow nor ipywidgets. So here, and in the other modules of the notebook
that it loads, what needs them is imported in the function that uses it, marked "load time".
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakSet

from IPython.core.interactiveshell import InteractiveShell

from seedream_magic import session
from seedream_magic.bridge import unfailing
from seedream_magic.errors import SeedreamError, SeedreamInterrupted
from seedream_magic.notebook.cell_outputs import CellOutputs
from seedream_magic.notebook.limits import Limits
from seedream_magic.notebook.settings import Settings
from seedream_magic.session import Session
from seedream_magic.words.language import choose_language

if TYPE_CHECKING:
    from seedream_magic.api.plan import Plan
    from seedream_magic.images.image_set import ImageSet
    from seedream_magic.notebook.display import Display
    from seedream_magic.seedream import Seedream
    from seedream_magic.sweep.sweep import Sweep


class OpenPanel(Protocol):
    """A panel, as far as the desk knows it."""

    def close(self) -> None: ...

    def look_for_key(self) -> None: ...


class Desk:
    """One notebook's shell with its settings and its session.

    The session outlives the desk, which a reload of the extension makes anew. `cell` is the running cell's outputs,
    `panels` are those that are open, `rows` the ids of the runs in the history shown last, as it numbers them.
    """

    def __init__(self, shell: InteractiveShell, settings: Settings, known: Session | None = None) -> None:
        """`known` is the session that the shell has already, if the extension was loaded in it before."""
        self.shell, self.settings = shell, settings
        self.session = known or _new_session()
        self.limits = Limits(shell, settings, self.session, lambda: self.client().store)
        self.session.progress = self._display_of_cell
        self._take_prices()
        settings.observe(self._take_prices, names="prices")
        self._take_language()
        settings.observe(self._take_language, names="language")
        self.panels: WeakSet[OpenPanel] = WeakSet()
        self.cell: CellOutputs | None = None
        self.rows: tuple[str, ...] = ()
        self._before: list[Session | None] = []

    def _take_prices(self, _: object = None) -> None:
        self.session.prices = self.settings.prices

    def _take_language(self, _: object = None) -> None:
        choose_language(self.settings.language)

    @property
    def variables(self) -> dict[str, Any]:
        """The notebook's variables."""
        variables: dict[str, Any] = self.shell.user_ns
        return variables

    def open(self) -> None:
        """From now on the clients of this shell's cells belong to its session."""
        self._before.append(session.enter(self.session))  # it is a cell that loads the extension
        self.cell = CellOutputs(self.shell, begun=True)
        self.shell.events.register("pre_execute", self._cell_begins)
        self.shell.events.register("post_execute", self._cell_ends)
        _desks.add(self)

    def close(self) -> None:
        """Close the panels and take the limits off. Runs in the background go on: they are paid for."""
        for panel in list(self.panels):
            panel.close()
        with suppress(ValueError):  # it was never opened
            self.shell.events.unregister("pre_execute", self._cell_begins)
            self.shell.events.unregister("post_execute", self._cell_ends)
        if self.cell is not None:
            self.cell.end()
        session.forget(self.session)
        self.limits.take_off()
        self.session.progress = None
        _desks.discard(self)

    def _cell_begins(self) -> None:
        if not self._before:  # else a cell that runs another one
            self.cell = CellOutputs(self.shell)
        self._before.append(session.enter(self.session))

    def _cell_ends(self) -> None:
        if self._before:  # IPython announces the end of an empty cell, but not its beginning
            session.restore(self._before.pop())
        if not self._before and self.cell is not None:
            self.cell.end()

    def client(self, provider: str | None = None) -> Seedream:
        """The `Seedream` of these settings; `provider` in place of the set one, without an address that is not its."""
        from seedream_magic.api.providers import chosen_provider, serves  # noqa: PLC0415 - load time
        from seedream_magic.seedream import Seedream  # noqa: PLC0415 - load time

        settings = self.settings
        chosen = chosen_provider(provider or settings.provider)
        client = Seedream(
            chosen.name,
            base_url=settings.base_url if settings.base_url and serves(chosen, settings.base_url) else None,
            model=settings.model,
            store=settings.store,
            event_loop=settings.event_loop,
            headers=settings.headers,
        )
        client.session = self.session
        client.ask_when_unknown, client.copy_replays = settings.ask_when_unknown, settings.copy_replays
        return client

    def display(self, layout: str | None = None, **chosen: Any) -> Display:
        """What shows a set; `chosen` as for `display_for`."""
        from seedream_magic.notebook.display import display_for  # noqa: PLC0415 - load time

        return display_for(self.shell, layout=layout or self.settings.show, **chosen)

    def _display_of_cell(self) -> Display:
        """What shows a run that Python began in a cell, till it is there; one of another thread is no cell's."""
        return self.display(cell=self.cell, quiet=threading.current_thread() is not threading.main_thread())

    def run(
        self,
        client: Seedream,
        plan: Plan,
        *,
        name: str | None = None,
        layout: str | None = None,
        quiet: bool = False,
        further: Callable[[ImageSet], Plan | None] | None = None,
    ) -> None:
        """Run a plan, show its set as it grows, and bind it to `_seedream` and to `name`.

        `further` gives the plan that goes on from the set, None at the end; each is shown in place of the one before.
        """
        next_plan: Plan | None = plan
        while next_plan is not None:
            display = self.display(layout, quiet=quiet, cell=self.cell)
            try:
                images = client.run(next_plan, on_change=display.show)
            except (SeedreamError, SeedreamInterrupted) as error:
                if error.images is not None and len(error.images):
                    self.bind(error.images, name)
                    unfailing(display.show)(error.images)
                else:
                    unfailing(display.clear)()
                raise
            self.bind(images, name)
            next_plan = further(images) if further else None
            if next_plan is not None:
                unfailing(display.clear)()

    def run_sweep(self, client: Seedream, sweep: Sweep, *, name: str | None = None, quiet: bool = False) -> None:
        """Draw a sweep, show its grid as it grows, and bind it to `_seedream` and to `name`, whatever becomes of it."""
        from seedream_magic.sweep.draw_sweep import draw  # noqa: PLC0415 - load time

        display = self.display(quiet=quiet, cell=self.cell)
        try:
            self.bind(draw(client, sweep, progress=display), name)
        except (SeedreamError, SeedreamInterrupted) as error:
            if error.sweep is not None:
                self.bind(error.sweep, name)
                unfailing(display.show)(error.sweep)
            raise

    def start_sweep(self, client: Seedream, sweep: Sweep, *, name: str | None = None, quiet: bool = False) -> None:
        """Begin a sweep and return; its grid is shown, and it is bound, as it grows while the kernel is free."""
        from seedream_magic.sweep.draw_sweep import start_sweep  # noqa: PLC0415 - load time

        display = self.display(quiet=quiet, cell=self.cell, background=True)

        def changed(value: Sweep) -> None:
            """Show it, and bind it to its names; one that the person has given to something else is left alone."""
            for variable in filter(None, ("_seedream", name)):
                if getattr(self.variables.get(variable), "places", None) is sweep.places:
                    self.variables[variable] = value
            display.show(value)

        begun = replace(sweep, state="running")
        self.bind(begun, name)
        display.show(begun)  # the account, before anything is sent
        # The grid says itself what failed, or that it was stopped.
        start_sweep(client, begun, on_change=changed, on_end=lambda value, _: changed(value), rest=lambda: display.rest)

    def start(
        self, client: Seedream, plan: Plan, *, name: str | None = None, layout: str | None = None, quiet: bool = False
    ) -> None:
        """Begin a plan and return; its set is shown, and bound, as it grows while the kernel is free."""
        display = self.display(layout, quiet=quiet, cell=self.cell, background=True)
        bound: set[str] = set()

        def bind(images: ImageSet) -> None:
            """Bind it to its names; one that the person has given to something else by now is left alone."""
            for variable in filter(None, ("_seedream", name)):
                value = self.variables.get(variable)
                if variable not in bound or getattr(value, "run_id", None) == images.run_id:
                    self.variables[variable] = images
                bound.add(variable)

        def changed(images: ImageSet) -> None:
            bind(images)
            display.show(images)

        def ended(images: ImageSet | None, failure: SeedreamError | SeedreamInterrupted | None) -> None:
            if images is not None:
                bind(images)
            if isinstance(failure, SeedreamInterrupted) and images is not None and len(images):
                display.show(images)  # a set says itself that it was stopped, what that costs, and how to go on
            elif failure is not None:
                display.fail(failure)

        client.start(plan, on_change=changed, on_end=ended)

    def show_set(self, images: ImageSet, *, name: str | None = None) -> None:
        """Show a set that is there already, and bind it to `_seedream` and to `name`."""
        self.display().show(images)
        self.bind(images, name)

    def bind(self, images: ImageSet | Sweep, name: str | None = None) -> None:
        """Bind a set, or a sweep, to `_seedream` and to `name`."""
        for variable in filter(None, ("_seedream", name)):
            self.variables[variable] = images


_desks: WeakSet[Desk] = WeakSet()


def current_desk() -> Desk | None:
    """The desk of the notebook that what runs here belongs to, None where the extension is not loaded."""
    here = session.current()
    return next((desk for desk in _desks if desk.session is here), None)


def _new_session() -> Session:
    with suppress(OSError):  # a current folder that is gone
        return Session(home=Path.cwd())
    return Session()
