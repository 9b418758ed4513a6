"""A sweep: many requests that differ in what its axes say, priced first, drawn together, shown as one grid.

A *set* is one request whose pictures know of each other; a *sweep* is many requests. Each of them is planned and drawn
as it would be alone, so it is replayed, completed and waited for like any other: what is there is not paid again, and a
value that is added later pays for its own runs only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, SupportsIndex, overload

from seedream_magic.api.plan import Plan
from seedream_magic.api.prices import Price, price_of, told_together
from seedream_magic.errors import (
    ConfigError,
    InvalidRequest,
    OutcomeUnknown,
    SeedreamError,
    plural,
    printable,
    sends_nothing,
)
from seedream_magic.images.cards import public_cards
from seedream_magic.images.image_set import Client, Frame, ImageSet, cards_of
from seedream_magic.names import KIN, NameHints, takes_keywords
from seedream_magic.sweep.axes import Axis, Place
from seedream_magic.sweep.ledger import Ledger
from seedream_magic.view.cards import Grid, GridCell, GridState
from seedream_magic.words import errors as error_texts
from seedream_magic.words import sweeps as texts
from seedream_magic.words.carousel import BILLED
from seedream_magic.words.grid import axis_word
from seedream_magic.words.language import Language, language_of
from seedream_magic.words.lists import COLON, SEMICOLON, enumeration
from seedream_magic.words.text import chain, in_language, join

if TYPE_CHECKING:
    from pandas import DataFrame

SweepState = Literal["planned", "running", "done", "stopped"]
_JOINED = " · "


class SweepClient(Client, Protocol):
    """What goes on from a sweep: `Seedream` is one."""

    def retry(self, sweep: Sweep, labels: tuple[str, ...]) -> Sweep:
        """See `Sweep.retry`."""


@dataclass(frozen=True, eq=False)  # each is one of its own, in sets and as a key
class Sweep(NameHints, Sequence[ImageSet]):
    """The runs of a sweep, in the order of its axes. A growing one is a series of these values.

    `title` is the prompt as it was typed. `places` are those of the axes' product, `plans`, `sets` and `errors` what is
    at each: None in a hole, a set also where nothing came yet. `ledger` is what was told before it, or its retry,
    was drawn, `notes` are sentences beside it. A `sampled` one has some of the places only. `paid` are the images that
    each place had billed before it was retried. `name` is the variable that holds it, for code that goes on.
    """

    title: str
    crossed: tuple[Axis, ...]
    places: tuple[Place, ...] = field(repr=False)
    plans: tuple[Plan | None, ...] = field(repr=False)
    ledger: Ledger
    sets: tuple[ImageSet | None, ...] = field(default=(), repr=False)
    errors: tuple[SeedreamError | None, ...] = field(default=(), repr=False)
    state: SweepState = "planned"
    notes: tuple[str, ...] = ()
    sampled: bool = False
    paid: tuple[int, ...] = ()
    name: str = "sweep"
    client: SweepClient | None = field(default=None, repr=False, compare=False)

    @property
    def axes(self) -> dict[str, tuple[str, ...]]:
        """The axes by their names, each with its labels; the first one is the slowest."""
        return {axis.name: axis.labels for axis in self.crossed}

    @property
    def runs(self) -> tuple[int, ...]:
        """The places that are no holes."""
        return tuple(index for index, place in enumerate(self.places) if place.ask is not None)

    def __len__(self) -> int:
        return len(self.runs)

    def __iter__(self) -> Iterator[ImageSet]:
        return map(self._set, self.runs)

    @overload
    def __getitem__(self, key: SupportsIndex | str | tuple[object, ...]) -> ImageSet: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[ImageSet, ...]: ...
    def __getitem__(self, key: SupportsIndex | str | tuple[object, ...] | slice) -> ImageSet | tuple[ImageSet, ...]:
        """The set with these labels, `sweep["red", "2K"]`, or the run at this place, from 0, in the order of the axes.

        So many labels are enough as name one run. Raises `InvalidRequest` for others, `IndexError` for a place.
        """
        if isinstance(key, slice):
            return tuple(map(self._set, self.runs[key]))
        if isinstance(key, SupportsIndex):  # numpy's own numbers too
            return self._set(self.runs[key])
        found = self.find(key)
        if len(found) != 1:
            typed, first = self._code(_labels(key)), self.code_of(found[0])
            raise InvalidRequest(texts.SEVERAL_RUNS(typed=typed, runs=len(found), first=first))
        if self.places[found[0]].ask is None:
            raise InvalidRequest(texts.IS_A_HOLE(typed=self._code(_labels(key))))
        return self._set(found[0])

    def _set(self, index: int) -> ImageSet:
        """The set at a place; an empty one where nothing was begun."""
        images, plan = self.sets[index] if self.sets else None, self.plans[index]
        if images is None and plan is not None and self.client is not None:
            state: Literal["running", "stopped"] = "stopped" if self.state == "stopped" else "running"
            request, store = plan.request, self.client.store
            return ImageSet(
                request,
                plan.provider.name,
                "",
                store,
                expected=request.images_expected,
                state=state,
                client=self.client,
            )
        if images is None:
            raise ConfigError(texts.NOT_DRAWN())
        return images

    def find(self, key: str | tuple[object, ...]) -> list[int]:
        """The places with these labels. Raises `InvalidRequest` where there are none."""
        labels = _labels(key)
        known = [label for axis in self.crossed for label in axis.labels]
        if isinstance(key, str) and key not in known and "," in key:  # a cell's first line has lost the quotes
            labels = tuple(part.strip().strip("'\"") for part in key.split(","))
        unknown = next((label for label in labels if label not in known), None)
        if unknown is not None:
            rows = [COLON(first=axis_word(axis.name), then=enumeration(axis.labels[:12])) for axis in self.crossed]
            axes = chain(SEMICOLON, rows)
            raise InvalidRequest(texts.NO_LABEL(label=repr(unknown[:60]), axes=axes))
        places = [place.labels for place in self.places]
        if len(labels) == len(self.crossed) and labels in places:
            return [places.index(labels)]
        found = [index for index, place in enumerate(places) if all(label in place for label in labels)]
        if not found:
            raise InvalidRequest(texts.NO_RUN(label=repr(enumeration(labels)[:120])))
        return found

    def code_of(self, index: int) -> str:
        """The code that gives the set at a place."""
        return self._code(self.places[index].labels)

    @property
    def retry_code(self) -> str:
        """The code that asks again for what is missing."""
        return f"{self.name}.retry()"

    def _code(self, labels: Sequence[str]) -> str:
        return f"{self.name}[{', '.join(_literal(label) for label in labels)}]"

    def state_of(self, index: int) -> GridState:
        """How the run at a place stands; a set that lacks some of its pictures is done, and says so itself."""
        images, error = (self.sets[index], self.errors[index]) if self.sets else (None, None)
        if self.places[index].ask is None:
            return "hole"
        if images is None and self.state == "planned":
            plan = self.plans[index]
            return "planned" if plan is None or plan.stored is None else "stored"
        if images is None:
            return "stopped" if self.state == "stopped" else "waiting"
        if error is not None and error.billed == "no" and isinstance(error, OutcomeUnknown):
            return "doubtful"
        if error is not None or (images.state == "done" and not images.ok):
            return "failed"
        return "done" if images.state == "done" else images.state

    def billed_at(self, index: int) -> int:
        """Images that the run at a place has billed, with those from before it was retried."""
        images = self.sets[index] if self.sets else None
        before = self.paid[index] if self.paid else 0
        return before + (images.billed if images is not None and not images.replayed else 0)

    def retry(self, *labels: str) -> Sweep:
        """Ask for what failed, was stopped or never begun, and for nothing else; of the runs with these labels, if any.

        Of a set that lacks some of its pictures those are asked for. Gives the sweep with them in their places.
        """
        if self.client is None:
            raise ConfigError(texts.WITHOUT_CLIENT())
        return self.client.retry(self, labels)

    @property
    def starred(self) -> tuple[Frame, ...]:
        """The pictures with a star, in the order of the axes."""
        return tuple(frame for images in self for frame in images.starred)

    @property
    def frame(self) -> DataFrame:
        """A table of the runs: their labels, prompt, state, pictures, bill. Raises `ConfigError` without pandas."""
        try:
            import pandas as pd  # noqa: PLC0415 - a heavy library that only who asks for a table needs
        except ImportError as exc:
            raise ConfigError(texts.NEEDS_PANDAS()) from exc
        return pd.DataFrame([self._row(index) for index in self.runs])

    def _row(self, index: int) -> dict[str, Any]:
        images, error = self._set(index), self.errors[index] if self.errors else None
        error = error or next((frame.error for frame in images.failed), None)
        return {
            **dict(zip(self.axes, self.places[index].labels, strict=True)),
            "prompt": images.prompt,
            "model": images.request.model,
            "size": images.request.size,
            "state": self.state_of(index),
            "pictures": len(images.ok),
            "billed": self.billed_at(index),
            "seconds": images.seconds,
            "run_id": images.run_id,
            "paths": [str(frame.path) for frame in images.ok],
            "error": str(error) if error else "",
        }

    @sends_nothing()
    @takes_keywords()
    def export(self, path: str | PathLike[str], *, with_facts: bool = False, size: int | None = None) -> Path:
        """Write the sweep to one file for other people, as its ending says, and give its path.

        `.html` a page with the grid and the originals in it; `.pdf` a document with a page for each picture and its
        labels; `.jpg` or `.png` a contact sheet with the labels of the axes, `size` pixels wide; `.zip` a folder of
        originals for each run. With `with_facts` it tells model, bill and what failed as well. Raises `InvalidRequest`
        for another ending, `ConfigError` where the file cannot be written.
        """
        from seedream_magic.view.export_options import ExportOptions  # noqa: PLC0415 - as below
        from seedream_magic.view.grid_export import export_grid  # noqa: PLC0415 - Pillow loads when it is exported

        grid = grid_of(self)
        cells = tuple(replace(cell, cards=public_cards(cell.cards)) if cell.cards else cell for cell in grid.cells)
        pictures = [frame.path for images in self.sets if images is not None for frame in images.ok if frame.path]
        return export_grid(
            replace(grid, cells=cells),
            path,
            ExportOptions(facts=with_facts, size=size),
            untouched={path.parent for path in pictures},
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "client": None}  # a copy elsewhere has no way back, and no key

    def __repr__(self) -> str:
        axes = " × ".join(f"{axis.name}: {len(axis)}" for axis in self.crossed)
        done = sum(self.state_of(index) == "done" for index in self.runs)
        return printable(f"<Sweep {axes}: {done} of {plural(len(self), 'run')} done, {self.state}>")

    def _repr_mimebundle_(self, **_selection: Any) -> dict[str, Any]:
        from seedream_magic.view.grid import grid_bundle  # noqa: PLC0415 - Pillow loads when a picture is displayed

        return grid_bundle(grid_of(self))

    def _repr_html_(self) -> str:
        return str(self._repr_mimebundle_()["text/html"])


KIN["Sweep"] = (ImageSet, "sweep[0]")


def grid_of(sweep: Sweep) -> Grid:
    """The sweep as cards, which are all that `view` knows of it; its lines are in the language of its prompt."""
    language = language_of(sweep.title)
    axes = tuple(sweep.axes.items())
    if sweep.sampled:
        axes = (("sample", tuple(_JOINED.join(place.labels) for place in sweep.places)),)
    cells = tuple(_cell_of(sweep, index, language) for index in range(len(sweep.places)))
    lines = (*_account(sweep), *sweep.notes)
    return Grid(sweep.title, axes, cells, tuple(in_language(line, language) for line in lines))


def _cell_of(sweep: Sweep, index: int, language: Language) -> GridCell:
    state, place = sweep.state_of(index), sweep.places[index]
    labels = (_JOINED.join(place.labels),) if sweep.sampled else place.labels
    images = sweep.sets[index] if sweep.sets else None
    sent = images is not None and images.outcome != "not_sent"
    stopped = (
        texts.RUN_NOT_SENT if not sent else texts.RUN_STOPPED_FREE if sweep.ledger.free else texts.RUN_MAY_BE_BILLED
    )
    code = f"{sweep.name}.retry({', '.join(map(_literal, place.labels))})"
    ends = {"stopped": stopped, "doubtful": texts.RUN_SENT_BEFORE}
    message = ends[state].in_language(language, code=code) if state in ends else ""
    error = sweep.errors[index] or next((frame.error for frame in images.failed), None) if images is not None else None
    if state == "failed" and error is not None:
        lines = [in_language(error.message, language), error_texts.NOTHING_SENT.in_language(language)]
        told = copy(error)
        told.request_id = None  # a cell has little room; the run has it
        lines = told.lines(language) if error.sent else lines
        message = "\n".join(lines).removeprefix(f"{type(error).__name__}: ")
    lacks = state in {"failed", "stopped", "doubtful"} or (images is not None and bool(images.failed))
    retry = _retry_code(sweep, place) if lacks else ""
    cards = cards_of(images) if images is not None and state != "doubtful" else None
    return GridCell(labels, state, cards, message, retry)


def _retry_code(sweep: Sweep, place: Place) -> str:
    """The lines that try it again, and show the sweep with what came of it."""
    return f"{sweep.name} = {sweep.name}.retry({', '.join(map(_literal, place.labels))})\n{sweep.name}"


def _account(sweep: Sweep) -> tuple[str, ...]:
    """What it will come to; at its end, in place of that, what it came to."""
    billed = sum(map(sweep.billed_at, sweep.runs))
    states = [sweep.state_of(index) for index in sweep.runs]
    doubtful = states.count("doubtful")
    if sweep.state in {"planned", "running"} and not sweep.ledger.resend:
        doubtful = sweep.ledger.doubtful
    doubt = (texts.NOT_SENT_AGAIN(runs=doubtful, code=sweep.retry_code),) if doubtful else ()
    if sweep.state in {"planned", "running"} or not (sweep.ledger.sent or billed):
        return (*sweep.ledger.lines(), *doubt)
    price = "" if sweep.ledger.free else told_together(_prices(sweep))
    drawn = texts.DRAWN_BY_DEMO(images=billed) if sweep.ledger.free else BILLED(images=billed)
    drawn = texts.WAS_BILLED_AT(images=billed, price=price) if price else drawn
    shown = sum(images is not None and images.replayed for images in sweep.sets)
    parts = [drawn, *([texts.FROM_LIBRARY(runs=shown)] if shown else [])]
    stopped = texts.STOPPED() if sweep.state == "stopped" else ""
    return (join(stopped, texts.ACCOUNT(parts=chain(SEMICOLON, parts))), *doubt)


def _prices(sweep: Sweep) -> Iterator[Price]:
    """The list prices of what it billed, as far as they are known."""
    for index in sweep.runs:
        plan, billed = sweep.plans[index], sweep.billed_at(index)
        if plan is not None and billed:
            price = price_of(plan.request, plan.provider, plan.prices, base_url=plan.base_url, images=billed)
            yield from [price] if price else []


def _labels(key: object) -> tuple[str, ...]:
    return tuple(map(str, key)) if isinstance(key, tuple) else (str(key),)


def _literal(label: str) -> str:
    return json.dumps(label, ensure_ascii=False)
