"""`%%seedream`: parse the cell, make the plan, run it, show what lands."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from traitlets import Bool, Dict, Enum, Float, Int, Unicode, Union, validate

from seedream_magic.api.headers import MaskedDict
from seedream_magic.api.models import SIDES
from seedream_magic.api.plan import Plan
from seedream_magic.api.providers import chosen_provider, serves
from seedream_magic.api.storyboard import Storyboard
from seedream_magic.api.values import RESPONSE_FORMATS
from seedream_magic.bridge import EVENT_LOOPS, unfailing
from seedream_magic.errors import InvalidRequest, SeedreamError, SeedreamInterrupted
from seedream_magic.images.image_set import ImageSet
from seedream_magic.notebook.cell import Cell, parse_cell
from seedream_magic.notebook.cell_watch import CellWatch
from seedream_magic.notebook.commands import run_command
from seedream_magic.notebook.completion import register_completion, unregister_completion
from seedream_magic.notebook.help import help_text
from seedream_magic.notebook.options import LAYOUTS
from seedream_magic.notebook.panel_command import close_panels
from seedream_magic.notebook.running import session_of
from seedream_magic.notebook.variables import filled, value_of
from seedream_magic.session import enter, images_to_bill, leave

if TYPE_CHECKING:
    from seedream_magic.notebook.display import Display

_REQUEST_TRAITS = ("images", "model", "size", "ratio", "stream", "watermark", "response_format", "timeout")


@magics_class
class SeedreamMagics(Magics):
    """Settings of the notebook; each stands for an option that a cell does not give. None leaves it to the rest."""

    provider = Unicode(None, allow_none=True, help="anyfast, ark, byteplus or demo").tag(config=True)
    base_url = Unicode(None, allow_none=True, help="address in place of the provider's").tag(config=True)
    headers = Dict(
        default_value=None, allow_none=True, help="further headers for a gateway; sent with requests only, masked"
    ).tag(config=True)
    model = Unicode(None, allow_none=True, help="model id").tag(config=True)
    store = Unicode(None, allow_none=True, help="folder of the runs; default seedream-runs").tag(config=True)
    images = Union([Int(), Unicode()], default_value=None, allow_none=True, help="1-15 or auto").tag(config=True)
    size = Unicode(None, allow_none=True, help="1K, 2K, 4K or WIDTHxHEIGHT").tag(config=True)
    ratio = Unicode(None, allow_none=True, help="W:H, with a preset size").tag(config=True)
    stream = Bool(None, allow_none=True, help="receive pictures one by one").tag(config=True)
    watermark = Bool(None, allow_none=True, help="the API's AI mark").tag(config=True)
    response_format = Enum(RESPONSE_FORMATS, None, allow_none=True, help="url or b64_json").tag(config=True)
    timeout = Float(None, allow_none=True, help="limit of the whole call in seconds").tag(config=True)
    max_images_per_run = Int(None, allow_none=True, help="refuse a cell that may bill more").tag(config=True)
    max_images_per_session = Int(None, allow_none=True, help="refuse when the session may bill more").tag(config=True)
    prices = Dict(help="price of one image by model id, in your currency, for %seedream").tag(config=True)
    show = Enum(LAYOUTS, "carousel", help="carousel or grid").tag(config=True)
    event_loop = Enum(EVENT_LOOPS, "thread", help="thread, or nest: the notebook's own loop").tag(config=True)

    def __init__(self, shell: InteractiveShell, **settings: Any) -> None:
        super().__init__(shell, **settings)
        self._shell = shell
        self.session = replace(session_of(shell), check=self.check_caps)
        self.running = self.session.running
        self._cell: CellWatch | None = None

    @validate("headers")
    def _mask_headers(self, proposal: Any) -> MaskedDict | None:
        """`%config` shows the values of settings; of these it shows the names."""
        return None if proposal["value"] is None else MaskedDict(proposal["value"])

    @property
    def images_billed(self) -> int:
        """Images billed in this session, the demo's among them: its limits are tried out there."""
        return self.session.billed.total() + self.session.free.total()

    @no_var_expand
    @line_cell_magic("seedream")  # type: ignore[arg-type] # IPython types its decorators for functions without self
    def seedream(self, line: str, cell: str | None = None) -> None:
        self._cell = CellWatch(self._shell)
        with self._cell.watching():
            self._seedream(line, cell)

    seedream.__doc__ = help_text()  # type: ignore[assignment] # IPython types its decorators for functions without self

    def _seedream(self, line: str, cell: str | None) -> None:
        if cell is None:
            run_command(self, line)
            return
        parsed = parse_cell(line, cell)
        plan, client = self._plan(parsed)
        if parsed.dry_run:
            _show_plan(plan)
            self._show_refusal(plan)
            return
        run = self.start_plan if parsed.bg else self.run_plan
        run(client, plan, name=parsed.name, layout=parsed.show, quiet=parsed.quiet)

    def make_client(self, provider: str | None = None) -> Any:
        """The `Seedream` of these settings; `provider` in place of the set one, without an address that is not its."""
        from seedream_magic.seedream import Seedream  # noqa: PLC0415 - httpx and Pillow load with the first request

        chosen = chosen_provider(provider or self.provider)
        client = Seedream(
            chosen.name,
            base_url=self.base_url if self.base_url and serves(chosen, self.base_url) else None,
            model=self.model,
            store=self.store,
            event_loop=self.event_loop,
            headers=self.headers,
        )
        client.session, client.progress = self.session, self.new_display
        return client

    def new_display(self, layout: str | None = None, *, quiet: bool = False, cell: CellWatch | None = None) -> Display:
        """What shows a set; see `display_for`."""
        from seedream_magic.notebook.display import display_for  # noqa: PLC0415 - previews load Pillow

        return display_for(self._shell, layout=layout or self.show, quiet=quiet, cell=cell)

    def _plan(self, cell: Cell) -> tuple[Plan, Any]:
        notebook = self._shell.user_ns
        prompt, unfilled = (cell.prompt, ()) if cell.raw else filled(cell.prompt, notebook)
        client = self.make_client(cell.provider)
        refs = {"refs": [value_of(text, notebook) for text in cell.request.get("refs", ())]}
        plan = client.plan(prompt, **{**self._settings_beside(cell), **cell.request, **refs})
        if unfilled:
            note = f"Sent as typed, for there is nothing to fill in: {', '.join(unfilled)}."
            plan = replace(plan, warnings=(*plan.warnings, note))
        return plan, client

    @property
    def settings(self) -> dict[str, Any]:
        """The traits of the request that are set."""
        return {name: getattr(self, name) for name in _REQUEST_TRAITS if getattr(self, name) is not None}

    def _settings_beside(self, cell: Cell) -> dict[str, Any]:
        """The set traits that a cell leaves room for: what it types, or sends as an extra field, comes first."""
        settings, typed = self.settings, cell.request
        extra = typed.get("extra", {})
        several = {"sequential_image_generation", "sequential_image_generation_options"} & set(extra)
        if several or isinstance(cell.prompt, Storyboard) or "layer_decomposition" in typed:
            settings.pop("images", None)
        if "ratio" in typed and str(settings.get("size")).upper() not in SIDES:
            settings.pop("size", None)
        if "size" in extra or typed.get("size", "2K") not in SIDES:
            settings.pop("ratio", None)
        return {name: value for name, value in settings.items() if name not in extra}

    def run_plan(
        self,
        client: Any,
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
            display = self.new_display(layout, quiet=quiet, cell=self._cell)
            try:
                images = client.run(next_plan, on_change=display.show)
            except (SeedreamError, SeedreamInterrupted) as error:
                if error.images is not None and len(error.images):
                    self._bind(error.images, name)
                    unfailing(display.show)(error.images)
                else:
                    unfailing(display.clear)()
                raise
            self._bind(images, name)
            next_plan = further(images) if further else None
            if next_plan is not None:
                unfailing(display.clear)()

    def start_plan(
        self, client: Any, plan: Plan, *, name: str | None = None, layout: str | None = None, quiet: bool = False
    ) -> None:
        """Begin a plan and return; its set is shown, and bound, as it grows while the kernel is free."""
        display = self.new_display(layout, quiet=quiet, cell=self._cell)
        bound: set[str] = set()

        def bind(images: ImageSet) -> None:
            """Under its names; one that holds something else by now is left to it."""
            for variable in filter(None, ("_seedream", name)):
                held = self._shell.user_ns.get(variable)
                if variable not in bound or getattr(held, "run_id", None) == images.run_id:
                    self._shell.user_ns[variable] = images
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

        self.running.start(client, plan, on_change=changed, on_end=ended)

    def show_set(self, images: ImageSet, *, name: str | None = None) -> None:
        """Show a set that is there already, and bind it to `_seedream` and to `name`."""
        self.new_display().show(images)
        self._bind(images, name)

    def check_caps(self, plan: Plan) -> None:
        """Refuse what could bill more than the person allowed: with what was billed, may have been, and is under way.

        A set from the store bills nothing. The session calls it before it reserves what a plan may bill.
        """
        at_most = images_to_bill(plan)
        if self.max_images_per_run is not None and at_most > self.max_images_per_run:
            raise InvalidRequest(
                f"This may bill {at_most} images; SeedreamMagics.max_images_per_run allows {self.max_images_per_run}."
            )
        before = self.images_billed + self.session.doubtful.total() + self.session.images_reserved
        if self.max_images_per_session is not None and before + at_most > self.max_images_per_session:
            raise InvalidRequest(
                f"This may bill {at_most} images after {before} in this session; "
                f"SeedreamMagics.max_images_per_session allows {self.max_images_per_session}."
            )

    def _show_refusal(self, plan: Plan) -> None:
        try:
            self.session.refuse(plan)
        except InvalidRequest as error:
            print(f"It would be refused now: {error}")  # noqa: T201 - what was asked for is text

    def _bind(self, images: ImageSet, name: str | None) -> None:
        for variable in ("_seedream", name):
            if variable:
                self._shell.user_ns[variable] = images


def _show_plan(plan: Plan) -> None:
    at_most = plan.request.images_at_most
    bill = "1 image" if at_most == 1 else f"up to {at_most} images"
    print(json.dumps(plan.short_body, ensure_ascii=False, indent=2))  # noqa: T201 - what was asked for is text
    stored = f"It is stored (run {plan.stored}): showing it bills nothing."
    paid = f"running it may bill {bill}" if plan.provider.needs_key else "the demo draws it free"
    told = stored if plan.stored else f"It is not stored: {paid}."
    print(f"\n{plan.curl()}\n\nNothing was sent. {told}")  # noqa: T201 - see above
    shortened = "The bytes of references are left out here, so this curl is to be read, not run; the cell sends them."
    for warning in (*plan.warnings, *([shortened] if plan.short_body != plan.body else [])):
        print(warning)  # noqa: T201 - see above


def with_body(lines: list[str]) -> list[str]:
    """A cell of one line `%%seedream …` gets an empty body: without one IPython answers, and points the wrong way."""
    filled = [line for line in lines if line.strip()]
    if len(filled) == 1 and re.match(r"%%seedream(\s|$)", filled[0]) and not filled[0].rstrip().endswith("?"):
        return [filled[0].rstrip("\n") + "\n", "\n"]
    return lines


# IPython passes over such a transform while a cell is still being typed (`TransformerManager.check_complete`, 7.17 and
# later). With a body already there, Enter after the first line would run the cell in a terminal.
with_body.has_side_effects = True  # type: ignore[attr-defined] # functions take attributes; mypy does not know it


def register(shell: InteractiveShell) -> None:
    """Make `%%seedream` and `%seedream` known to a shell; again after a reload, with fresh settings."""
    _take_out(shell)
    magics = SeedreamMagics(shell)
    shell.register_magics(magics)
    enter(magics.session)
    register_completion(shell)
    shell.input_transformers_cleanup.insert(0, with_body)


def unregister(shell: InteractiveShell) -> None:
    """Take the magics out again. Runs in the background go on: they are paid for, and their pictures are saved."""
    _take_out(shell)
    runs = len(session_of(shell).running)
    if runs:
        one = "1 run goes on in the background; its pictures are saved. %seedream stop ends it"
        several = f"{runs} runs go on in the background; their pictures are saved. %seedream stop ends them"
        print(f"{one if runs == 1 else several} while the extension is loaded.")  # noqa: T201 - who unloads it sees them nowhere else


def _take_out(shell: InteractiveShell) -> None:
    leave()
    unregister_completion(shell)
    cleanup = shell.input_transformers_cleanup
    cleanup[:] = [transform for transform in cleanup if getattr(transform, "__name__", "") != with_body.__name__]
    close_panels()
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("seedream", None)
    shell.configurables[:] = [held for held in shell.configurables if type(held).__name__ != SeedreamMagics.__name__]
