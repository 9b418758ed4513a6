"""How a `%%seedream` cell is drawn: parse it, make the plan, run it at the notebook's desk.

The first cell loads this, and with it the client; loading the extension does not.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from seedream_magic.api.plan import Plan
from seedream_magic.api.prices import bill_text
from seedream_magic.errors import InvalidRequest
from seedream_magic.notebook.cell import Cell, parse_cell
from seedream_magic.notebook.desk import Desk
from seedream_magic.notebook.display import ends_with_cells, in_terminal
from seedream_magic.notebook.first_line import chinese_names, named_as_typed
from seedream_magic.notebook.mistakes import first_group, refuse_taken
from seedream_magic.notebook.questions import unsent
from seedream_magic.planning import plan_ask
from seedream_magic.seedream import Seedream
from seedream_magic.variables import fill_prompt, value_of
from seedream_magic.words import cells, dry_run
from seedream_magic.words.lists import enumeration


def draw_cell(desk: Desk, line: str, text: str) -> None:
    """Draw what a cell asks for: `line` is what stands behind the magic's name, `text` what stands below."""
    with named_as_typed(chinese_names(line)):
        _draw(desk, parse_cell(line, text))


def _draw(desk: Desk, cell: Cell) -> None:
    refuse_taken(cell.name, desk.variables)
    if cell.is_sweep:
        from seedream_magic.notebook.sweeps import draw_sweep  # noqa: PLC0415 - load time: few cells are one

        draw_sweep(desk, cell)
        return
    with unsent():
        plan, client = _plan_cell(desk, cell)
        if not cell.raw and not plan.stored and (group := first_group(cell.ask.prompt)):
            # Before it is sent: who meant variants can stop it.
            print(cells.GROUP_AS_TYPED(group=group), flush=True)  # noqa: T201 - a note on the cell is text
    if cell.dry_run:
        _print_plan(replace(plan, base_url=client.base_url))  # the demo's own address, where it listens
        try:
            desk.session.refuse(plan)
        except InvalidRequest as error:
            print(dry_run.REFUSED_NOW(why=str(error)))  # noqa: T201 - what was asked for is text
        return
    shown: dict[str, Any] = {"name": cell.name, "layout": cell.show, "quiet": cell.quiet}
    if not cell.bg:
        desk.run(client, plan, **shown)
    elif ends_with_cells(desk.shell):
        desk.run(client, replace(plan, warnings=(*plan.warnings, cells.BACKGROUND_WAITED())), **shown)
    else:
        desk.start(client, plan, **shown)
        if in_terminal(desk.shell) and not cell.quiet:
            print(cells.IN_BACKGROUND())  # noqa: T201 - a terminal shows no growing set meanwhile


def _plan_cell(desk: Desk, cell: Cell) -> tuple[Plan, Seedream]:
    """The plan of a cell, its variables filled in, and the client that it is for."""
    ask = cell.ask.beside(desk.settings.of_request)
    prompt, unfilled = (ask.prompt, ()) if cell.raw else fill_prompt(ask.prompt, desk.variables)
    client = desk.client(cell.provider)
    refs = [value_of(text, desk.variables) for text in ask.refs]
    plan = plan_ask(client, replace(ask, prompt=prompt, refs=refs))
    as_typed = [cells.NOTHING_TO_FILL_IN(names=enumeration(unfilled))] if unfilled else []
    return replace(plan, warnings=(*plan.warnings, *cell.notes, *as_typed)), client


def _print_plan(plan: Plan) -> None:
    body = json.dumps(plan.short_body, ensure_ascii=False, indent=2)
    paid = dry_run.MAY_BILL(bill=bill_text(plan.request.images_at_most, plan.price))
    unpaid = dry_run.STORED(run=plan.stored) if plan.stored else dry_run.FREE()
    bill = paid if plan.provider.needs_key and not plan.stored else unpaid
    shortened = [dry_run.CURL_TO_READ()] if plan.short_body != plan.body else []
    lines = (body, f"\n{plan.curl()}\n", bill, *plan.warnings, *shortened)
    print("\n".join(lines))  # noqa: T201 - what was asked for is text
