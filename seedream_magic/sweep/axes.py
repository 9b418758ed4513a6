"""The axes of a sweep: what its runs differ in, and the asks that come of crossing them.

An axis has values, each with a label: the variants of a group `{red|blue}` in the prompt, the rows of a table, values
of an option, takes. The runs of a sweep are the product of its axes, the first one slowest. A value `-` is a hole:
what has it is not drawn. Nothing here is looked up or sent.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from seedream_magic.api.fields import MOST_RUNS
from seedream_magic.api.make_request import Ask
from seedream_magic.api.redaction import as_text
from seedream_magic.api.storyboard import Storyboard
from seedream_magic.errors import InvalidRequest, SeedreamError
from seedream_magic.variables import change_parts, fill_prompt, names_in
from seedream_magic.words import sweeps as texts
from seedream_magic.words.grid import axis_word
from seedream_magic.words.lists import COLON, enumeration
from seedream_magic.words.text import Text

Prompt = str | Storyboard

MOST_AXES = 4
DEFAULT_SEED = 0
MOST_PROBLEMS = 10
"""So many are told, and how many more there are."""
_NAMED = 5
"""So many axes are named where there are too many, and so many places for a fault that several have."""
_ESCAPES = dict(zip((rf"\{sign}" for sign in "{|}｛｜｝"), "\ufdd0\ufdd1\ufdd2\ufdd4\ufdd5\ufdd6", strict=True))
"""Escaped signs while groups and variables are looked for: characters that no text has."""


@dataclass(frozen=True)
class Change:
    """What one value of an axis changes in an ask.

    `groups` are the texts in place of groups of the prompt, `words` those of variables, `values` and `refs` are fields
    of the request, `take` is which of several sets of the same request is meant, None where there is one. `row` is the
    number of the row that it is, 0 for none.
    """

    groups: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    refs: tuple[Any, ...] = ()
    take: int | None = None
    row: int = 0


@dataclass(frozen=True)
class Axis:
    """What the runs of a sweep differ in: its name, a label for each value, and what that changes, None for a hole.

    `unused` are columns of its table that nothing uses, `notes` what else is to be told of it.
    """

    name: str
    labels: tuple[str, ...]
    changes: tuple[Change | None, ...] = field(repr=False)
    unused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Place:
    """One place of the product: its label on each axis and what is asked for there, None for a hole.

    `take` is which of several sets of this same request is meant. `unfilled` are the fields that look like variables
    and stay as typed. `row` is the number of its row in a table, 0 without one. `fault` is why its words cannot be
    filled in, empty where they are.
    """

    labels: tuple[str, ...]
    ask: Ask | None
    take: int | None = None
    unfilled: tuple[str, ...] = ()
    row: int = 0
    fault: str = ""

    @property
    def name(self) -> str:
        """What a person finds it by."""
        return " · ".join(dict.fromkeys((*([texts.ROW(row=self.row)] if self.row else []), *self.labels)))


def cross(
    ask: Ask,
    axes: Sequence[Axis],
    *,
    variables: Mapping[str, Any],
    sample: int | None = None,
    seed: int | None = None,
) -> tuple[Place, ...]:
    """The places of the product of the axes, in their order, each with its ask; of a `sample` only so many, by `seed`.

    `variables` are what names in the prompt stand for beside those of the axes. Raises `InvalidRequest` for too many
    axes or runs.
    """
    if len(axes) > MOST_AXES:
        names = enumeration([*(axis_word(axis.name) for axis in axes[:_NAMED]), *["…"] * (len(axes) > _NAMED)])
        raise InvalidRequest(texts.TOO_MANY_AXES(most=MOST_AXES, axes=len(axes), names=names))
    total = math.prod(map(len, axes))
    drawn = [[place for place, change in enumerate(axis.changes) if change is not None] for axis in axes]
    runs = math.prod(map(len, drawn))
    if not runs:
        raise InvalidRequest(texts.ALL_HOLES())
    if sample is None:
        if total > MOST_RUNS:
            raise InvalidRequest(texts.TOO_MANY_PLACES(places=total, most=MOST_RUNS), hint=texts.DRAW_SOME())
        return tuple(_place(ask, axes, chosen, variables) for chosen in product(*(range(len(axis)) for axis in axes)))
    if type(sample) is not int or not 1 <= sample <= MOST_RUNS:
        raise InvalidRequest(texts.SAMPLE_SIZE(most=MOST_RUNS, given=str(sample)[:40]))
    if seed is not None and type(seed) is not int:
        raise InvalidRequest(texts.SEED(given=as_text(seed)[:40]))
    chance = random.Random(DEFAULT_SEED if seed is None else seed)  # noqa: S311 - a choice of prompts, no secret
    numbers = sorted(chance.sample(range(runs), min(sample, runs)))
    return tuple(_place(ask, axes, _chosen(number, drawn), variables) for number in numbers)


def refuse_problems(problems: Sequence[str], total: int, text: Text) -> None:
    """Raise `InvalidRequest` with all that is wrong, at most ten lines of it; nothing where nothing is.

    `text` says in how many of what.
    """
    if not problems:
        return
    if len(problems) == 1:
        raise InvalidRequest(problems[0])
    more = len(problems) - MOST_PROBLEMS
    further = [texts.MORE_PROBLEMS(more=more)] if more > 0 else []
    error = InvalidRequest(text(problems=len(problems), total=total))
    error.details = (*problems[:MOST_PROBLEMS], *further)
    raise error


def check_places(places: Iterable[Place], check: Callable[[Ask], object]) -> None:
    """Check what is asked for at each place, and raise `InvalidRequest` for all that cannot be served, at once.

    The same fault of several places is told once.
    """
    faults: dict[str, list[str]] = {}
    total, several = 0, list[SeedreamError]()
    for place in places:
        if place.ask is None:
            continue
        total += 1
        try:
            if place.fault:
                raise InvalidRequest(place.fault)  # noqa: TRY301 - told beside those of the others
            check(place.ask)
        except InvalidRequest as error:
            several.append(error)
            faults.setdefault(str(error), []).append(place.name)
    if several and len(faults) == 1 and len(several) == total:  # nothing of it is one place's own
        raise several[0]
    problems = []
    for fault, where in faults.items():
        more, named = len(where) - _NAMED, enumeration(where[:_NAMED])
        named = texts.AND_OTHERS(where=named, more=more) if more > 0 else named
        problems.append(COLON(first=named, then=fault))
    refuse_problems(problems, total, texts.PROBLEMS_IN_RUNS)


def _chosen(number: int, drawn: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """The places on the axes of the run with this number, holes left out."""
    chosen: list[int] = []
    for places in reversed(drawn):
        number, rest = divmod(number, len(places))
        chosen.append(places[rest])
    return tuple(reversed(chosen))


def _place(ask: Ask, axes: Sequence[Axis], chosen: Sequence[int], variables: Mapping[str, Any]) -> Place:
    labels = tuple(axis.labels[place] for axis, place in zip(axes, chosen, strict=True))
    changes = [axis.changes[place] for axis, place in zip(axes, chosen, strict=True)]
    made = [change for change in changes if change is not None]
    if len(made) < len(changes):
        return Place(labels, None)
    groups = {mark: text for change in made for mark, text in change.groups.items()}
    words = {name: word for change in made for name, word in change.words.items()}

    def choose(part: str) -> str:
        for mark, text in groups.items():
            part = part.replace(mark, text)
        return part

    prompt, unfilled, fault = ask.prompt, tuple[str, ...](), ""
    try:
        prompt, unfilled = fill_prompt(change_parts(ask.prompt, choose), {**variables, **words})
    except InvalidRequest as error:  # a text that is too long for one
        fault = f"{error} {error.hint}".strip()
    lost = [one for one in unfilled if not words.keys().isdisjoint(names_in(one))]
    fault = fault or (texts.DOES_NOT_FIT(field=lost[0]) if lost else "")
    values = {**ask.values, **{name: value for change in made for name, value in change.values.items()}}
    refs = [ref for change in made for ref in change.refs]
    given = list(ask.refs) if isinstance(ask.refs, list | tuple) else [] if ask.refs is None else [ask.refs]
    take = next((change.take for change in made if change.take is not None), None)
    changed = replace(ask, prompt=change_parts(prompt, plain_signs), values=values, refs=[*given, *refs])
    row = next((change.row for change in made if change.row), 0)
    return Place(labels, changed, take, tuple(map(plain_signs, unfilled)), row, fault)


def hide_signs(text: str) -> str:
    """The text with its escaped signs as characters that no text has, so that groups and variables are not seen."""
    return re.sub(r"\\[{|}｛｜｝]", lambda match: _ESCAPES[match[0]], text)


def plain_signs(text: str) -> str:
    """Escaped signs as themselves."""
    for escaped, mark in _ESCAPES.items():
        text = text.replace(mark, escaped[1])
    return text


def title_of(prompt: Prompt) -> str:
    """The prompt as it was typed."""
    return prompt.text if isinstance(prompt, Storyboard) else prompt
