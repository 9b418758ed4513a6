"""The text of a `%%seedream` cell, read: options from the first line, the prompt below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from seedream_magic.api.fields import refuse_twice
from seedream_magic.api.make_request import Ask
from seedream_magic.api.storyboard import read_prompt
from seedream_magic.errors import InvalidRequest
from seedream_magic.notebook.first_line import read_line
from seedream_magic.notebook.mistakes import notes_on, refuse_body
from seedream_magic.words import cells as texts
from seedream_magic.words.grid import axis_word
from seedream_magic.words.lists import enumeration


@dataclass(frozen=True)
class Cell:
    """A parsed cell: what it asks for, with nothing that was not typed, how to run it, and what is to be told of it."""

    ask: Ask
    notes: tuple[str, ...] = ()
    name: str | None = None
    provider: str | None = None
    dry_run: bool = False
    quiet: bool = False
    raw: bool = False
    bg: bool = False
    show: str | None = None
    vary: bool = False
    each: str | None = None
    xy: Sequence[tuple[str, tuple[str, ...]]] = ()
    repeat: int | None = None
    sample: int | None = None
    seed: int | None = None

    @property
    def is_sweep(self) -> bool:
        """Whether it asks for many requests in place of one."""
        return self.vary or bool(self.each or self.xy or self.repeat or self.sample)


def parse_cell(line: str, body: str) -> Cell:
    """The cell as typed: `[NAME <<] [options]` and the prompt.

    Raises `InvalidRequest` with one line that names the fix.
    """
    typed, wide = read_line(line)
    refuse_twice(typed, typed.get("extra", {}))
    if not typed.get("raw"):
        refuse_body(body)
    running = {part.name: typed.pop(part.name) for part in fields(Cell) if part.name in typed}
    _check_sweep(running, typed)
    notes = (*notes_on(body), *([texts.WIDE_AS_PLAIN(typed=enumeration(wide))] if wide else []))
    return Cell(Ask.of(read_prompt(body), typed), notes, **running)


def _check_sweep(running: dict[str, Any], typed: dict[str, Any]) -> None:
    """Refuse options that do not go with one another in a sweep, and those of a sweep where there is none."""
    makes_axes = [f"--{name}" for name in ("vary", "each", "xy", "repeat") if running.get(name)]
    if "seed" in running and "sample" not in running:
        raise InvalidRequest(texts.SEED_NEEDS_SAMPLE(no_seed=texts.NO_SEED()))
    if "sample" in running and not makes_axes:
        raise InvalidRequest(texts.SAMPLE_NEEDS_AXES())
    if not makes_axes:
        return
    if running.get("show") == "carousel":
        raise InvalidRequest(texts.NO_CAROUSEL_OF_RUNS(axis=makes_axes[0]))
    crossed = [name for name, _ in running.get("xy", ())]
    twice = next((name for name in crossed if crossed.count(name) > 1), None)
    twice = twice or next((name for name in crossed if name in typed and name != "refs"), None)
    if twice:
        raise InvalidRequest(texts.CROSSED_TWICE(option=axis_word(twice)))
    if running.get("repeat") and ("take" in typed or "fresh" in typed):
        raise InvalidRequest(texts.NO_REPEAT_WITH(option="--take" if "take" in typed else "--fresh"))
