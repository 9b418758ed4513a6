"""Comparing in the panel: the sizes, ratios, models and words that are drawn beside one another, as a sweep."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import ipywidgets as widgets

from seedream_magic.api.make_request import Ask, make_request
from seedream_magic.api.models import RATIOS, SIDES, find_model
from seedream_magic.api.request import ImageRequest
from seedream_magic.notebook.panel.controls import checkbox, close, column, lines, row, set_visible
from seedream_magic.notebook.panel.form import ANY, Unwritten
from seedream_magic.notebook.panel.page_loop import PageLoop
from seedream_magic.seedream import Seedream
from seedream_magic.sweep.axes import Axis, title_of
from seedream_magic.sweep.make_axes import option_axis, read_groups
from seedream_magic.sweep.plan_sweep import plan_sweep
from seedream_magic.sweep.sweep import Sweep
from seedream_magic.view.grid_cells import axis_name
from seedream_magic.words import carousel
from seedream_magic.words import panel as texts
from seedream_magic.words.carousel import own_words

_NAMES = {"size": texts.SIZES, "ratio": texts.RATIOS, "model": texts.MODELS}


@dataclass(frozen=True)
class Comparison:
    """What is compared: what is asked for, the axes, and the options that say so in a cell.

    `ask` has marks in place of the groups in its prompt, which are among the axes; `typed` is the prompt with them.
    """

    ask: Ask
    axes: tuple[Axis, ...]
    typed: Ask
    options: tuple[str, ...]

    def plan(self, client: Seedream) -> Sweep:
        """The sweep, checked and looked up; nothing is sent."""
        title = title_of(self.typed.prompt)
        return plan_sweep(client, self.ask, self.axes, title=title, variables={}, name="_seedream")

    @property
    def sentence(self) -> str:
        """How many runs it is."""
        lengths = [len(axis) for axis in self.axes]
        crossed = f"{' × '.join(map(str, lengths))} = " if len(lengths) > 1 else ""
        words = own_words()
        named = [axis.name.replace("vary", texts.AXIS_WORDS()) for axis in self.axes]
        names = words.listed([axis_name(name, words) for name in named])
        return texts.COMPARES(names=names, count=f"{crossed}{prod(lengths)}")

    def base_request(self, client: Seedream) -> ImageRequest:
        """The request of a cell that has these options beside: without what they say."""
        named = {axis.name for axis in self.axes}
        named |= {"ratio"} if "size" in named else set()
        values = {name: value for name, value in self.typed.values.items() if name not in named}
        references = tuple(self.typed.refs) if isinstance(self.typed.refs, tuple) else ()
        return make_request(replace(self.typed, values=values), model=client.model, references=references)[0]

    def cell(self, text: str) -> str:
        """The cell of the base request with the options."""
        return text.replace("%%seedream", " ".join(("%%seedream", *self.options)), 1)


class Compare:
    """The switch, and behind it the values of each option. `changed` is called after each change."""

    def __init__(self, loop: PageLoop, models: Sequence[str], changed: Callable[[], None]) -> None:
        self._loop, self._changed, self._models = loop, changed, tuple(models)
        self.switch = checkbox(carousel.COMPARE(), texts.COMPARE_HINT())
        self._values: dict[str, Any] = {}
        self._rows = column()
        set_visible(self._rows, visible=False)
        self.widget = column(self.switch, self._rows)
        loop.watch(self.switch, self._switched)

    @property
    def on(self) -> bool:
        """Whether several are to be drawn."""
        return bool(self.switch.value)

    def chosen(self, name: str) -> tuple[str, ...]:
        """The values of an option that are compared."""
        return tuple(box.description for box in self._values[name].children if box.value) if self._values else ()

    def offer(self, model: str) -> None:
        """Offer what the model takes, or those that are compared. Before it is on there is nothing to choose from."""
        if not self.on:
            return
        known = [find_model(one) for one in self.chosen("model") or (model,)]
        sizes = [size for size in SIDES if any(one is None or size in one.presets for one in known)]
        for name, values in (("size", sizes), ("ratio", RATIOS), ("model", _each_once((model, *self._models)))):
            self._offer(name, tuple(values))

    def comparison(self, ask: Ask) -> Comparison:
        """What is compared where this is asked for. Raises `Unwritten` while too little is chosen."""
        prompt, groups = read_groups(ask.prompt)
        chosen = {name: values for name in _NAMES if (values := self.chosen(name))}
        for name, values in chosen.items():
            if len(values) == 1:
                raise Unwritten(texts.COMPARE_TWO(name=_NAMES[name]()))
        if not chosen and not groups:
            raise Unwritten(texts.COMPARE_NOTHING())
        options = ["--vary"] if groups else []
        options += [f"--xy {shlex.quote(f'{name}=' + ','.join(values))}" for name, values in chosen.items()]
        ratio = ask.values.get("ratio")
        if "size" in chosen and "ratio" not in chosen and ratio not in (None, ANY):
            options.append(f"-r {ratio}")
        axes = (*groups, *(option_axis(name, list(values)) for name, values in chosen.items()))
        return Comparison(replace(ask, prompt=prompt), axes, ask, tuple(options))

    def _switched(self) -> None:
        if self.on and not self._values:  # most never compare: what a page holds, a notebook may save
            self._values = {name: row(width="auto") for name in _NAMES}
            words = widgets.HTML(lines([texts.COMPARE_WORDS()], kind="seedream-panel-quiet"))
            self._rows.children = (*map(self._row, _NAMES), words)
        set_visible(self._rows, visible=self.on)
        self._changed()

    def _row(self, name: str) -> Any:
        label = widgets.HTML(lines([_NAMES[name]()], kind="seedream-panel-quiet"))
        label.layout.width, label.layout.flex = "64px", "none"
        return row(label, self._values[name], wraps=False)

    def _offer(self, name: str, values: tuple[str, ...]) -> None:
        """Have a box for each of these values; those that stay keep what was chosen."""
        before = {box.description: box for box in self._values[name].children}
        if tuple(before) == values:
            return
        self._values[name].children = tuple(before.pop(value, None) or self._box(name, value) for value in values)
        for box in before.values():
            close(box)

    def _box(self, name: str, value: str) -> Any:
        box = checkbox(value, texts.COMPARED(name=_NAMES[name](), value=value))
        self._loop.watch(box, self._changed)
        return box


def _each_once(names: Sequence[str]) -> list[str]:
    """These models, each by the first of its names: with a date and without one it is the same."""
    found: list[str] = []
    for name in names:
        if not any(_is_same(name, one) for one in found):
            found.append(name)
    return found


def _is_same(one: str, other: str) -> bool:
    dates = {date for name in (one, other) for date in re.findall(r"-(\d{6})$", name)}
    model = find_model(one)
    return one == other or (model is not None and model is find_model(other) and len(dates) < 2)
