"""What the form of a panel stands for: its request, the line that says it, and the buttons that draw it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import ipywidgets as widgets

from seedream_magic.api.make_request import make_request
from seedream_magic.api.plan import Plan
from seedream_magic.api.request import ImageRequest
from seedream_magic.errors import SeedreamError
from seedream_magic.notebook.desk import Desk
from seedream_magic.notebook.first_line import with_names
from seedream_magic.notebook.kernel_loop import Latest
from seedream_magic.notebook.panel.compare import Compare, Comparison
from seedream_magic.notebook.panel.controls import button, errors, hinted, lines, set_visible
from seedream_magic.notebook.panel.facts import cost, cost_together, draw_label, price_at, request_facts, room
from seedream_magic.notebook.panel.form import Form, Unwritten
from seedream_magic.notebook.panel.page_loop import PageLoop
from seedream_magic.notebook.panel.references import References
from seedream_magic.planning import plan_request
from seedream_magic.seedream import Seedream
from seedream_magic.sweep.plan_sweep import refuse_sweep
from seedream_magic.sweep.sweep import Sweep
from seedream_magic.words import panel as texts

LOOK_SECONDS = 0.1
"""After a change, before the store is looked through: the next key may follow."""

_Found = Plan | tuple[Comparison, Sweep] | SeedreamError
"""What was looked up: a plan, what is compared with its sweep, or why there is none."""


class RequestLine:
    """The request of a form, with the line and the buttons; `draw` is called with what makes the plan or the sweep.

    The button says what it costs at most, the line what is sent; or, in red, why it cannot be.
    """

    def __init__(
        self,
        loop: PageLoop,
        parts: tuple[Form, References, Compare],
        settings: Mapping[str, Any],
        desk: Desk | None,
        draw: Callable[[Callable[[Seedream], Plan | Sweep]], None],
    ) -> None:
        self._form, self._references, self._compare = parts
        self._settings, self._desk, self._draw = settings, desk, draw
        self._client: Seedream | None = None
        self.request: ImageRequest | Comparison | None = None
        self.refusal: SeedreamError | None = None
        """Why it cannot be sent; the line says so."""
        self._notes: tuple[str, ...] = ()
        self._looks: Latest[_Found] = Latest(loop, self._looked)
        self.line = widgets.HTML()
        # Neither waits for what was typed: the run does, and says at once that it begins.
        self.generate = button(loop, texts.DRAW(), texts.DRAW_HINT(), self._drawn, "generate", settles=False)
        self.generate.button_style = "primary"
        again = texts.DRAW_AGAIN(), texts.DRAW_AGAIN_HINT()
        self.anew = button(loop, *again, lambda: self._drawn(fresh=True), settles=False)
        set_visible(self.anew, visible=False)

    def make_request(self, client: Seedream) -> tuple[ImageRequest, tuple[str, ...]]:
        """The request of all that the panel shows. Raises `SeedreamError` where a part of it cannot be sent."""
        ask = self._form.ask
        self._references.refuse()
        return make_request(ask, model=client.model, references=self._references.values, strict=client.provider.strict)

    def comparison(self) -> Comparison:
        """What the panel compares. Raises `SeedreamError` where that cannot be told."""
        ask = replace(self._form.ask, refs=self._references.values, timeout=self._settings.get("timeout"))
        self._references.refuse()
        return self._compare.comparison(ask)

    def refresh(self, client: Seedream) -> None:
        """Say what the form stands for, at once; what the store has of it follows."""
        self._client, self.refusal = client, None
        self._compare.offer(self._form.model.value)
        try:
            if self._compare.on:
                self.request, self._notes = self.comparison(), ()
            else:
                self.request, self._notes = self.make_request(client)
        except SeedreamError as error:
            self.request = None
            self._say_no(error)
            return
        request, notes = self.request, self._notes
        if isinstance(request, Comparison):
            self._say(request.sentence, label=texts.DRAW())
        else:
            self._say_request(client, request, notes, stored=None)
        self._looks.do(lambda: self._looked_up(client, request, notes), after=LOOK_SECONDS)

    def close(self) -> None:
        """Look nothing up any more."""
        self._looks.close()

    def _looked_up(self, client: Seedream, request: ImageRequest | Comparison, notes: tuple[str, ...]) -> _Found:
        try:
            if isinstance(request, Comparison):
                return request, request.plan(client)
            return plan_request(client, request, notes)
        except SeedreamError as error:
            return error

    def _looked(self, found: _Found) -> None:
        client = self._client
        if client is None:
            return
        if isinstance(found, SeedreamError):
            self._say_no(found)
        elif isinstance(found, tuple):
            comparison, sweep = found
            if comparison is self.request:
                self._say_sweep(client, comparison, sweep)
        elif found.request is self.request:
            try:
                client.session.refuse(found)
            except SeedreamError as error:
                self._say_no(error)
            else:
                self._say_request(client, found.request, found.warnings, stored=found.stored)

    def _say_request(
        self, client: Seedream, request: ImageRequest, notes: tuple[str, ...], *, stored: str | None
    ) -> None:
        price = price_at(request, client)
        label = draw_label(request, client, price)
        if stored is None:
            self._say(request_facts(request, client, price), *notes, label=label)
            return
        self._say(texts.IN_LIBRARY(run=stored), *notes, label=texts.SHOW())
        free = not client.provider.needs_key
        amount = cost(price, free=free)
        hinted(self.anew, (texts.DRAW_AGAIN_FREE_HINT if free else texts.DRAW_AGAIN_HINT)())
        self.anew.description = " · ".join(filter(None, (texts.DRAW_AGAIN(), amount)))
        set_visible(self.anew, visible=True)

    def _say_sweep(self, client: Seedream, comparison: Comparison, sweep: Sweep) -> None:
        """The account of a sweep, and why it is not drawn, if so."""
        ledger, refused = sweep.ledger, ""
        try:
            self.refuse_sweep(client, sweep)
        except SeedreamError as error:
            self.refusal, refused = error, texts.CANNOT_BE_SENT(why=_in_panel(error))
        amount = texts.FREE() if ledger.free else "" if ledger.unpriced else cost_together(ledger.prices)
        label = " · ".join(filter(None, (texts.DRAW_RUNS(count=ledger.sent), amount))) if ledger.sent else texts.SHOW()
        self._say(comparison.sentence, *ledger.lines(), *sweep.notes, label=label, refused=refused)

    def refuse_sweep(self, client: Seedream, sweep: Sweep) -> Sweep:
        """The sweep, if the limits let it be drawn; nobody is asked here, for there is no cell to answer in."""
        with self._desk.limits.unasked() if self._desk else nullcontext():
            return refuse_sweep(client, sweep)

    def _say(self, *said: str, label: str, refused: str = "") -> None:
        taken = room(len(self._references.entries), self._form.images.value)
        self.line.value = errors([refused]) + lines([*said, taken], kind="seedream-panel-quiet")
        self.generate.description = label
        set_visible(self.anew, visible=False)

    def _say_no(self, error: SeedreamError) -> None:
        """What is still to be written is an invitation, anything else is wrong."""
        self.refusal = error
        if isinstance(error, Unwritten):
            self._say(str(error), label=texts.DRAW())
        else:
            self._say(label=texts.DRAW(), refused=texts.CANNOT_BE_SENT(why=_in_panel(error)))

    def _drawn(self, *, fresh: bool = False) -> None:
        def make(client: Seedream) -> Plan | Sweep:
            if self._compare.on:
                return self.refuse_sweep(client, self.comparison().plan(client))
            request, notes = self.make_request(client)
            return plan_request(client, request, notes, fresh=fresh, timeout=self._settings.get("timeout"))

        self._draw(make)


def _in_panel(error: SeedreamError) -> str:
    """What an error says, with the names that the fields have: a form has no options."""
    fields = {
        "--size": texts.SIZE,
        "--ratio": texts.RATIO,
        "--images": texts.IMAGES,
        "--model": texts.MODEL,
        "--ref": texts.REFERENCE,
        "--watermark": texts.WATERMARK,
        "--stream": texts.STREAM,
    }
    return with_names(str(error), {flag: label() for flag, label in fields.items()})
