"""`%%seedream`: parse the cell, make the plan, run it at the notebook's desk. And how the extension is loaded."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from seedream_magic.api.plan import Plan
from seedream_magic.api.prices import bill_text
from seedream_magic.errors import InvalidRequest
from seedream_magic.notebook.actions import register_actions, unregister_actions
from seedream_magic.notebook.cell import Cell, parse_cell, value_of
from seedream_magic.notebook.commands import run_command
from seedream_magic.notebook.completion import register_completion, unregister_completion
from seedream_magic.notebook.desk import Desk, Settings
from seedream_magic.notebook.options import help_text
from seedream_magic.notebook.sweeps import IN_BACKGROUND, WAITED, draw_sweep, first_group
from seedream_magic.variables import fill_prompt

if TYPE_CHECKING:
    from seedream_magic.seedream import Seedream

_WIDE_MAGIC = re.compile(r"\s*(?:％[%％]|%％)seedream\b")


@magics_class
class SeedreamMagics(Magics, Settings):
    """Settings of the notebook; each stands for an option that a cell does not give. None leaves it to the rest."""

    def __init__(self, shell: InteractiveShell, **settings: Any) -> None:
        super().__init__(shell, **settings)
        before = _find_magics(shell)
        self.desk: Desk = Desk(shell, self, before.desk.session if before else None)

    @no_var_expand
    @line_cell_magic("seedream")  # type: ignore[arg-type] # IPython types its decorators for functions without self
    def seedream(self, line: str, cell: str | None = None) -> None:
        if cell is None:
            run_command(self.desk, line)
        else:
            _draw(self.desk, parse_cell(line, cell))

    seedream.__doc__ = help_text()  # type: ignore[assignment] # IPython types its decorators for functions without self


def _draw(desk: Desk, cell: Cell) -> None:
    from seedream_magic.notebook.display import ends_with_cells, in_terminal  # noqa: PLC0415 - load time

    if cell.is_sweep:
        draw_sweep(desk, cell)
        return
    plan, client = _plan_cell(desk, cell)
    if cell.dry_run:
        _print_plan(replace(plan, base_url=client.base_url))  # the demo's own address, where it listens
        try:
            desk.session.refuse(plan)
        except InvalidRequest as error:
            print(f"It would be refused now: {error}")  # noqa: T201 - what was asked for is text
        return
    shown: dict[str, Any] = {"name": cell.name, "layout": cell.show, "quiet": cell.quiet}
    if not cell.bg:
        desk.run(client, plan, **shown)
    elif ends_with_cells(desk.shell):
        desk.run(client, replace(plan, warnings=(*plan.warnings, WAITED)), **shown)
    else:
        desk.start(client, plan, **shown)
        if in_terminal(desk.shell) and not cell.quiet:
            print(IN_BACKGROUND)  # noqa: T201 - a terminal shows no growing set meanwhile


def _plan_cell(desk: Desk, cell: Cell) -> tuple[Plan, Seedream]:
    """The plan of a cell, its variables filled in, and the client that it is for."""
    from seedream_magic.planning import plan_ask  # noqa: PLC0415 - load time

    ask = cell.ask.beside(desk.settings.of_request)
    prompt, unfilled = (ask.prompt, ()) if cell.raw else fill_prompt(ask.prompt, desk.variables)
    client = desk.client(cell.provider)
    refs = [value_of(text, desk.variables) for text in ask.refs]
    plan = plan_ask(client, replace(ask, prompt=prompt, refs=refs))
    if cell.wide:
        plan = replace(plan, warnings=(*plan.warnings, f"Typed full-width and read as plain: {', '.join(cell.wide)}."))
    if unfilled:
        note = f"Sent as typed, for there is nothing to fill in: {', '.join(unfilled)}."
        plan = replace(plan, warnings=(*plan.warnings, note))
    if not cell.raw and (group := first_group(cell.ask.prompt)):
        note = f"Sent as typed: {group}. With --vary each variant is a run of its own."
        plan = replace(plan, warnings=(*plan.warnings, note))
    return plan, client


def _print_plan(plan: Plan) -> None:
    bill = bill_text(plan.request.images_at_most, plan.price)
    print(json.dumps(plan.short_body, ensure_ascii=False, indent=2))  # noqa: T201 - what was asked for is text
    stored = f"It is stored (run {plan.stored}): showing it bills nothing."
    paid = f"running it may bill {bill}" if plan.provider.needs_key else "the demo draws it free"
    outcome = stored if plan.stored else f"It is not stored: {paid}."
    print(f"\n{plan.curl()}\n\nNothing was sent. {outcome}")  # noqa: T201 - see above
    shortened = "The bytes of references are left out here, so this curl is to be read, not run; the cell sends them."
    for warning in (*plan.warnings, *([shortened] if plan.short_body != plan.body else [])):
        print(warning)  # noqa: T201 - see above


def with_body(lines: list[str]) -> list[str]:
    """Give a cell of one line `%%seedream …` an empty body: without one IPython answers, and points the wrong way.

    Full-width signs in front of the name, as a Chinese keyboard types them, are plain ones.
    """
    first = next((place for place, line in enumerate(lines) if line.strip()), None)
    if first is not None and _WIDE_MAGIC.match(lines[first]):
        lines = [*lines[:first], _WIDE_MAGIC.sub("%%seedream", lines[first], count=1), *lines[first + 1 :]]
    filled_lines = [line for line in lines if line.strip()]
    if (
        len(filled_lines) == 1
        and re.match(r"%%seedream(\s|$)", filled_lines[0])
        and not filled_lines[0].rstrip().endswith("?")
    ):
        return [filled_lines[0].rstrip("\n") + "\n", "\n"]
    return lines


# IPython passes over such a transform while a cell is still being typed (`TransformerManager.check_complete`, 7.17 and
# later). With a body already there, Enter after the first line would run the cell in a terminal.
with_body.has_side_effects = True  # type: ignore[attr-defined] # functions take attributes; mypy does not know it


def register(shell: InteractiveShell) -> None:
    """Make `%%seedream` and `%seedream` known to a shell; again after a reload, with fresh settings."""
    _take_out(shell)
    magics = SeedreamMagics(shell)
    shell.register_magics(magics)
    magics.desk.open()
    register_actions(magics.desk)
    register_completion(shell)
    shell.input_transformers_cleanup.insert(0, with_body)


def unregister(shell: InteractiveShell) -> None:
    """Take the magics out again. Runs in the background go on: they are paid for, and their pictures are saved."""
    _take_out(shell)
    magics = _find_magics(shell)
    runs = len(magics.desk.session.background) if magics else 0
    if runs:
        one = "1 run goes on in the background; its pictures are saved. %seedream stop ends it"
        several = f"{runs} runs go on in the background; their pictures are saved. %seedream stop ends them"
        print(f"{one if runs == 1 else several} while the extension is loaded.")  # noqa: T201 - who unloads it sees them nowhere else


def _find_magics(shell: InteractiveShell) -> SeedreamMagics | None:
    """The magics that a shell had last, also after they were taken out: their session is the shell's."""
    magics: SeedreamMagics | None = shell.magics_manager.registry.get(SeedreamMagics.__name__)
    return magics


def _take_out(shell: InteractiveShell) -> None:
    magics = _find_magics(shell)
    if magics is not None:
        magics.desk.close()
        unregister_actions(magics.desk)
    unregister_completion(shell)
    cleanup = shell.input_transformers_cleanup
    cleanup[:] = [transform for transform in cleanup if getattr(transform, "__name__", "") != with_body.__name__]
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("seedream", None)
    name = SeedreamMagics.__name__
    shell.configurables[:] = [each for each in shell.configurables if type(each).__name__ != name]
