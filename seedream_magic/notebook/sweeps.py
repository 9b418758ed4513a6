"""A `%%seedream` cell that asks for many requests: its axes, its account before anything is sent, and its grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from seedream_magic.errors import InvalidRequest, SeedreamError
from seedream_magic.notebook.cell import Cell
from seedream_magic.notebook.desk import Desk
from seedream_magic.notebook.questions import unsent
from seedream_magic.rows import EACH, OTHER_TABLES, read_rows
from seedream_magic.sweep.axes import Axis, Prompt, title_of
from seedream_magic.sweep.make_axes import names_of, option_axis, read_groups, rows_axis, takes_axis
from seedream_magic.variables import value_of, variable_of
from seedream_magic.words import cells, dry_run
from seedream_magic.words import errors as error_texts
from seedream_magic.words import sweeps as texts
from seedream_magic.words.text import join

if TYPE_CHECKING:
    from seedream_magic.seedream import Seedream
    from seedream_magic.sweep.sweep import Sweep

_FILES = {".csv", ".tsv", ".txt", *OTHER_TABLES}


def draw_sweep(desk: Desk, cell: Cell) -> None:
    """Plan the sweep of a cell, and draw it; of a dry run show the account and the empty grid."""
    from seedream_magic.notebook.display import ends_with_cells, in_terminal  # noqa: PLC0415 - load time
    from seedream_magic.sweep.plan_sweep import refuse_sweep  # noqa: PLC0415 - load time, see `desk`

    with unsent():
        client = desk.client(cell.provider)
        sweep = _plan(desk, cell, client)
    if cell.dry_run:
        desk.display(quiet=cell.quiet).show(sweep)
        print(join(error_texts.NOTHING_SENT(), _refusal(desk, client, sweep)))  # noqa: T201 - what was asked for is text
        return
    sweep, background = refuse_sweep(client, sweep), cell.bg and not ends_with_cells(desk.shell)
    if cell.bg and not background:
        sweep = replace(sweep, notes=(*sweep.notes, cells.BACKGROUND_WAITED()))
    (desk.start_sweep if background else desk.run_sweep)(client, sweep, name=cell.name, quiet=cell.quiet)
    if background and in_terminal(desk.shell) and not cell.quiet:
        print(cells.IN_BACKGROUND())  # noqa: T201 - a terminal shows nothing meanwhile


def _plan(desk: Desk, cell: Cell, client: Seedream) -> Sweep:
    """The sweep of a cell: its axes crossed, every run checked and looked up."""
    from seedream_magic.sweep.plan_sweep import plan_sweep  # noqa: PLC0415 - load time, see `desk`

    filled = {} if cell.raw else desk.variables
    prompt, axes = cell_axes(cell, desk.variables, filled=filled)
    refs = [value_of(text, desk.variables) for text in cell.ask.refs]
    sweep = plan_sweep(
        client,
        replace(cell.ask, prompt=prompt, refs=refs),
        axes,
        title=title_of(cell.ask.prompt),
        variables=filled,
        settings=desk.settings.of_request,
        sample=cell.sample,
        seed=cell.seed,
        raw=cell.raw,
        name=cell.name or "_seedream",
    )
    return replace(sweep, notes=(*sweep.notes, *cell.notes))


def cell_axes(cell: Cell, variables: Mapping[str, Any], *, filled: Mapping[str, Any]) -> tuple[Prompt, list[Axis]]:
    """The prompt with its groups marked, and the axes: groups, rows, options, takes.

    `variables` are the notebook's, `filled` those that are filled into the prompt.
    """
    prompt: Prompt = cell.ask.prompt
    groups: tuple[Axis, ...] = ()
    if cell.vary:
        prompt, groups = read_groups(prompt)
        if not groups:
            raise InvalidRequest(texts.NO_GROUP())
    axes = list(groups)
    if cell.each:
        table = (
            cell.each if PurePath(cell.each).suffix.lower() in _FILES else variable_of(cell.each, variables, "--each")
        )
        name = cell.each if cell.each.isidentifier() else EACH
        axes.append(rows_axis(name, read_rows(table, name), names_of(prompt, groups), filled))
    for option, given in cell.xy:
        values = [_reference(text, variables) for text in given] if option == "refs" else given
        axes.append(option_axis(option, values, [typed or texts.NOTHING() for typed in given]))
    if cell.repeat and (cell.repeat > 1 or not axes):
        axes.append(takes_axis(cell.repeat))
    return prompt, axes


def _reference(text: str, variables: Mapping[str, Any]) -> Any:
    return value_of(text, variables) if text and text != "-" else text


def _refusal(desk: Desk, client: Seedream, sweep: Sweep) -> str:
    """Why the sweep would not be drawn now as it is, or would be asked about; empty where neither is so."""
    from seedream_magic.sweep.plan_sweep import refuse_sweep  # noqa: PLC0415 - load time, see `desk`

    try:
        with desk.limits.unasked():
            refuse_sweep(client, sweep)
    except SeedreamError as error:
        return dry_run.REFUSED_NOW(why=str(error))
    return ""
