"""The desk of a notebook: its settings, its session, and how a set is drawn, shown and bound there.

The cell magic, the commands, the doctor and the panel all work at the desk of their shell.

Loading the extension loads neither httpx nor Pillow nor ipywidgets. So here, and in the other modules of the notebook
that it loads, what needs them is imported in the function that uses it, marked "load time".
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakSet

from IPython.core.interactiveshell import InteractiveShell
from traitlets import Bool, Dict, Enum, Float, Int, TraitError, Unicode, Union, validate
from traitlets.config import Configurable

from seedream_magic import session
from seedream_magic.api.fields import RESPONSE_FORMATS
from seedream_magic.bridge import EVENT_LOOPS, unfailing
from seedream_magic.errors import InvalidRequest, SeedreamError, SeedreamInterrupted
from seedream_magic.notebook.cell_outputs import CellOutputs
from seedream_magic.session import Session, images_to_bill
from seedream_magic.words import options
from seedream_magic.words import settings as texts
from seedream_magic.words.language import choose_language

if TYPE_CHECKING:
    from seedream_magic.api.credentials import MaskedDict
    from seedream_magic.api.plan import Plan
    from seedream_magic.api.request import ImageRequest
    from seedream_magic.images.image_set import ImageSet
    from seedream_magic.notebook.display import Display
    from seedream_magic.seedream import Seedream
    from seedream_magic.sweep.sweep import Sweep

LAYOUTS = ("carousel", "grid")
_REQUEST_TRAITS = ("images", "model", "size", "ratio", "stream", "watermark", "response_format", "timeout")


class Settings(Configurable):
    """Settings of the notebook; each stands for an option that a cell does not give. None leaves it to the rest."""

    provider = Unicode(None, allow_none=True, help=texts.PROVIDER.english).tag(config=True)
    base_url = Unicode(None, allow_none=True, help=texts.BASE_URL.english).tag(config=True)
    headers = Dict(default_value=None, allow_none=True, help=texts.HEADERS.english).tag(config=True)
    model = Unicode(None, allow_none=True, help=texts.MODEL.english).tag(config=True)
    store = Unicode(None, allow_none=True, help=texts.STORE.english).tag(config=True)
    images = Union([Int(), Unicode()], default_value=None, allow_none=True, help=texts.IMAGES.english).tag(config=True)
    size = Unicode(None, allow_none=True, help=texts.SIZE.english).tag(config=True)
    ratio = Unicode(None, allow_none=True, help=texts.RATIO.english).tag(config=True)
    stream = Bool(None, allow_none=True, help=texts.STREAM.english).tag(config=True)
    watermark = Bool(None, allow_none=True, help=texts.WATERMARK.english).tag(config=True)
    response_format = Enum(RESPONSE_FORMATS, None, allow_none=True, help=texts.RESPONSE_FORMAT.english).tag(config=True)
    timeout = Float(None, allow_none=True, help=options.TIMEOUT.english).tag(config=True)
    max_images_per_run = Int(None, allow_none=True, help=texts.MAX_IMAGES_PER_RUN.english).tag(config=True)
    max_images_per_session = Int(None, allow_none=True, help=texts.MAX_IMAGES_PER_SESSION.english).tag(config=True)
    max_images_per_day = Int(None, allow_none=True, help=texts.MAX_IMAGES_PER_DAY.english).tag(config=True)
    copy_replays = Bool(False, help=texts.COPY_REPLAYS.english).tag(config=True)
    ask_when_unknown = Bool(True, help=texts.ASK_WHEN_UNKNOWN.english).tag(config=True)
    prices = Dict(help=texts.PRICES.english).tag(config=True)
    language = Enum(("auto", "en", "zh"), "auto", help=texts.LANGUAGE.english).tag(config=True)
    show = Enum(LAYOUTS, "carousel", help=texts.SHOW.english).tag(config=True)
    event_loop = Enum(EVENT_LOOPS, "thread", help=texts.EVENT_LOOP.english).tag(config=True)

    @classmethod
    def class_get_trait_help(cls, trait: Any, inst: Any = None, helptext: str | None = None) -> str:
        """What `%config SeedreamMagics` shows of a setting, in the reader's language."""
        told = getattr(texts, str(trait.name).upper(), None)
        shown: str = super().class_get_trait_help(trait, inst, helptext or (told() if told else None))
        return shown

    @validate("headers")
    def _mask_headers(self, proposal: Any) -> MaskedDict | None:
        """`%config` shows the values of settings; of these it shows the names."""
        from seedream_magic.api.credentials import MaskedDict  # noqa: PLC0415 - load time

        return None if proposal["value"] is None else MaskedDict(proposal["value"])

    @validate("prices")
    def _read_prices(self, proposal: Any) -> dict[str, float]:
        """Numbers, also where they were typed as texts."""
        prices = {}
        for model, price in proposal["value"].items():
            try:
                prices[str(model)] = float(price)
            except (TypeError, ValueError):
                prices[str(model)] = -1.0
            if not 0 <= prices[str(model)] < inf:
                raise TraitError(texts.NO_PRICE(model=repr(str(model)[:60]), price=f"{price!r:.60}"))
        return prices

    @property
    def of_request(self) -> dict[str, Any]:
        """The settings of a request that are set, by the names of its options; an empty text is none."""
        return {name: getattr(self, name) for name in _REQUEST_TRAITS if getattr(self, name) not in (None, "")}


class Closable(Protocol):
    """What is open at a desk: a panel."""

    def close(self) -> None: ...


class Desk:
    """One notebook's shell with its settings and its session.

    The session outlives the desk, which a reload of the extension makes anew. `cell` is the running cell's outputs,
    `panels` are those that are open, `rows` the ids of the runs in the history shown last, as it numbers them.
    """

    def __init__(self, shell: InteractiveShell, settings: Settings, known: Session | None = None) -> None:
        """`known` is the session that the shell has already, if the extension was loaded in it before."""
        self.shell, self.settings = shell, settings
        self.session = known or _new_session()
        self.session.check, self.session.check_alone = self.check_caps, self.check_run
        self.session.check_together = self.check_together
        self._limit_day()
        settings.observe(self._limit_day, names="max_images_per_day")
        self.session.progress = self._display_of_cell
        self._take_prices()
        settings.observe(self._take_prices, names="prices")
        self._take_language()
        settings.observe(self._take_language, names="language")
        self.panels: WeakSet[Closable] = WeakSet()
        self.cell: CellOutputs | None = None
        self.rows: tuple[str, ...] = ()
        self._before: list[Session | None] = []
        self._asks = True

    def _limit_day(self, _: object = None) -> None:
        self.session.check_day = None if self.settings.max_images_per_day is None else self.check_day

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
        self.session.check = self.session.check_alone = self.session.check_day = self.session.check_together = None
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

    def check_caps(self, plan: Plan) -> None:
        """Refuse what could bill more than the person allowed: with what was billed, may have been, and is under way.

        A set from the store bills nothing. The session calls it before it reserves what a plan may bill.
        """
        if not plan.stored:
            self.check_run(plan.request)
        self._check_session(images_to_bill(plan))

    def check_run(self, request: ImageRequest) -> None:
        """Refuse what may bill more than the person allowed for a run, and what nobody can count under a limit."""
        at_most, settings = request.images_at_most, self.settings
        for name in ("max_images_per_run", "max_images_per_session"):
            if getattr(settings, name) is not None:
                _refuse_uncounted(request, name)
        if settings.max_images_per_run is not None and at_most > settings.max_images_per_run:
            raise InvalidRequest(texts.OVER_RUN(images=at_most, allowed=settings.max_images_per_run))

    def _check_session(self, at_most: int) -> None:
        drawn, allowed = self.session, self.settings.max_images_per_session
        before = drawn.images_billed + drawn.doubtful.total() + drawn.images_reserved
        if allowed is not None and before + at_most > allowed:
            raise InvalidRequest(texts.OVER_SESSION(images=at_most, before=before, allowed=allowed))

    def check_together(self, images: int, bill: str, *, free: bool, store: Path) -> None:
        """Refuse many plans that could bill more, together, than the person allowed; see `Session.refuse_together`.

        More than one cell may bill is asked about, where somebody can answer.
        """
        self._check_session(images)
        self._check_day(images, free=free, store=store)
        allowed = self.settings.max_images_per_run
        if allowed is None or images <= allowed:
            return
        more = texts.SWEEP_OVER_RUN(bill=bill, allowed=allowed)
        answer = self.answer(texts.ASK_SWEEP(more=more)) if self._asks else None
        if answer is None:
            raise InvalidRequest(more, hint=texts.NOBODY_ANSWERS() if self._asks else "")
        if answer.strip().lower() not in texts.AGREEMENT:
            raise InvalidRequest(texts.NOT_DRAWN())

    def answer(self, question: str) -> str | None:
        """What the person at this notebook or terminal answers, "" if nothing; None where there is nobody."""
        in_terminal = getattr(self.shell, "kernel", None) is None
        if in_terminal and not (sys.stdin and sys.stdin.isatty()):  # a script: its next line is no answer
            return None
        try:
            return input(question)
        except NotImplementedError:  # a front end without a field for it; nbconvert, papermill
            return None
        except EOFError:
            return ""
        except KeyboardInterrupt as exc:
            raise SeedreamInterrupted(texts.STOPPED_AT_QUESTION()) from exc

    @contextmanager
    def unsent(self) -> Iterator[None]:
        """Within this nothing is sent: a Stop says so."""
        try:
            yield
        except SeedreamInterrupted:
            raise
        except KeyboardInterrupt as exc:
            raise SeedreamInterrupted(texts.STOPPED_UNSENT()) from exc

    @contextmanager
    def unasked(self) -> Iterator[None]:
        """Within this nobody is asked: what would be a question is a refusal."""
        self._asks = False
        try:
            yield
        finally:
            self._asks = True

    def check_day(self, plan: Plan) -> None:
        """Refuse what could bill more than the person allowed for a day, in all notebooks together.

        Called where no other run can begin. Without a library only this store is counted. What the demo has drawn
        counts for the demo only, where limits can be tried out.
        """
        if not plan.stored:
            _refuse_uncounted(plan.request, "max_images_per_day")
        store = plan.references.parent if plan.references else self.client().store
        self._check_day(images_to_bill(plan), free=not plan.provider.needs_key, store=store)

    def _check_day(self, at_most: int, *, free: bool, store: Path) -> None:
        allowed = self.settings.max_images_per_day
        if allowed is None or not at_most:
            return
        before = self.images_today(store, free=free)
        if before + at_most > allowed:
            raise InvalidRequest(texts.OVER_DAY(images=at_most, before=before, allowed=allowed))

    def images_today(self, store: Path, *, free: bool = False) -> int:
        """Images that all notebooks together have billed since midnight, or may have; with `free` those of the demo.

        Without a library those of `store`.
        """
        from seedream_magic import database, library  # noqa: PLC0415 - load time

        midnight = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
        counted = library.images_since(midnight, free=free)
        if counted is not None:
            return counted
        runs = library.history(store)
        today = [run for run in runs if run.began is not None and run.began >= midnight]
        return sum(database.may_be_billed(run) for run in today if (run.provider == "demo") == free)


def _refuse_uncounted(request: ImageRequest, cap: str) -> None:
    """Refuse a request of which nobody can say how many images it may bill, where a limit is set."""
    if request.uncounted:
        named = ", ".join(request.uncounted)
        raise InvalidRequest(texts.UNCOUNTED(names=named), hint=texts.WRITE_A_NUMBER(cap=cap, names=named))


_desks: WeakSet[Desk] = WeakSet()


def current_desk() -> Desk | None:
    """The desk of the notebook that what runs here belongs to, None where the extension is not loaded."""
    here = session.current()
    return next((desk for desk in _desks if desk.session is here), None)


def _new_session() -> Session:
    with suppress(OSError):  # a current folder that is gone
        return Session(home=Path.cwd())
    return Session()
