"""The run of a panel: begun, followed, stopped. It is in the background; the kernel stays free."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

import ipywidgets as widgets

from seedream_magic.api.plan import Plan
from seedream_magic.bridge import unfailing
from seedream_magic.errors import SeedreamError, SeedreamInterrupted
from seedream_magic.images.image_set import ImageSet
from seedream_magic.notebook.panel.controls import button, lines
from seedream_magic.notebook.panel.estimate import seconds_per_picture
from seedream_magic.notebook.panel.form import Unwritten
from seedream_magic.notebook.panel.home import Home, Latest
from seedream_magic.notebook.panel.result import Result
from seedream_magic.notebook.running import Running
from seedream_magic.seedream import Seedream
from seedream_magic.view.words import ENGLISH, billed

SETTLE_SECONDS = 0.25
"""From the click to the request. Where the kernel was busy, the page holds what was typed last back until the kernel
has answered to what was typed before: the click would come first, and pay for half a prompt."""
TICK_SECONDS = 1.0


class Run:
    """The buttons and the progress line. `tell` shows what went wrong; `ended` is called with the set, or None."""

    def __init__(
        self,
        home: Home,
        running: Running,
        result: Result,
        tell: Callable[[Iterable[str]], None],
        ended: Callable[[ImageSet | None], None],
    ) -> None:
        self._home, self._running, self._result, self._tell, self._after = home, running, result, tell, ended
        self.busy = False
        self._plan: Plan | None = None
        self._images: ImageSet | None = None
        self._began = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._stop: Callable[[], None] | None = None
        self._seconds_each: float | None = None
        self._estimate: Latest[float | None] = Latest(home, self._estimated)
        self.stop = button(
            home, "Stop", "Ends the run; pictures that have come are kept", "停止，已到的图片会保留", self.halt
        )
        self.stop.on_click(lambda _: self._end_it())  # at once, though home may be busy with a cell
        self.stop.disabled = True
        self.line = widgets.HTML()

    def begin(self, client: Seedream, make: Callable[[], Plan]) -> None:
        """Start the plan that `make` gives in a moment; a run that is under way goes on."""
        if self.busy:
            return
        self._set_busy(busy=True)
        self._tell([])
        self._timer = self._home.later(SETTLE_SECONDS, self._start, client, make)
        if self._timer is None:
            self._start(client, make)

    def halt(self) -> None:
        """Stop the run, or what has not begun yet."""
        self.stop.disabled = True
        self._end_it()
        if self._stop is None and self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._end(None, SeedreamInterrupted("Stopped before anything was sent."))

    def _end_it(self) -> None:
        stop = self._stop
        if stop is not None:
            stop()

    def close(self) -> None:
        """Let a run that is under way go on, unwatched."""
        if self._timer is not None:
            self._timer.cancel()
        self._estimate.drop()

    def _start(self, client: Seedream, make: Callable[[], Plan]) -> None:
        self._timer, self._images, self._seconds_each = None, None, None
        self._began = time.monotonic()
        try:
            plan = self._plan = make()
            model, provider = plan.request.model, plan.provider.name
            if not plan.stored:
                self._estimate.do(lambda: seconds_per_picture(client.store, model, provider))
            self._tick()
            stop = self._running.start(client, plan, on_change=self._changed, on_end=self._end)
        except SeedreamError as error:
            self._end(error.images, error)
        else:
            self._stop = stop if self.busy else None

    def _changed(self, images: ImageSet) -> None:
        self._images = images
        self._result.show(images)
        self._show_progress()

    def _end(self, images: ImageSet | None, failure: BaseException | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._stop, self.busy = None, None, False
        if images is not None and images.state == "running":
            images = replace(images, state="stopped" if isinstance(failure, SeedreamInterrupted) else "done")
        unfailing(self._show_end)(images, failure)  # the set is kept, whatever has become of the widgets
        self._after(images)

    def _show_end(self, images: ImageSet | None, failure: BaseException | None) -> None:
        if images is not None:
            self._result.show(images)
        self._set_busy(busy=False)
        stopped = isinstance(failure, SeedreamInterrupted)
        self.line.value = lines([" · ".join([*_state(failure, stopped=stopped), *self._facts(images)])])
        if isinstance(failure, Unwritten) or not isinstance(failure, SeedreamError | SeedreamInterrupted):
            self._tell([])  # what is still to be written stands above the buttons already
        else:
            self._tell(failure.lines())

    def _set_busy(self, *, busy: bool) -> None:
        self.busy, self.stop.disabled = busy, not busy
        self.line.value = lines(["starting"]) if busy else ""

    def _facts(self, images: ImageSet | None) -> list[str]:
        """What the line says at the end."""
        if images is None:
            return []
        return [self._counted(images), billed(images, ENGLISH), f"{images.seconds:.0f} s"]

    def _counted(self, images: ImageSet | None) -> str:
        """How many have come of those that this run makes: "k of n"; of a frame that is drawn anew, with its number."""
        made = [frame for frame in images.ok if frame.index not in images.inherited] if images else []
        expected = self._plan.request.images_expected if self._plan else None
        lineage = self._plan.lineage if self._plan else None
        redone = f"frame {lineage.places[0] + 1} · " if lineage and lineage.kind == "redo" else ""
        return redone + (f"{len(made)} of {max(expected, len(made))}" if expected else f"{len(made)} so far")

    def _tick(self) -> None:
        unfailing(self._show_progress)()
        self._timer = self._home.later(TICK_SECONDS, self._tick)

    def _show_progress(self) -> None:
        elapsed = time.monotonic() - self._began
        expected = self._plan.request.images_expected if self._plan else None
        left = (self._seconds_each or 0.0) * (expected or 0) - elapsed
        about = f"about {left:.0f} s more" if left >= 1 else ""
        parts = (self._counted(self._images), f"{elapsed:.0f} s", about)
        self.line.value = lines([" · ".join(part for part in parts if part)])

    def _estimated(self, seconds: float | None) -> None:
        self._seconds_each = seconds


def _state(failure: BaseException | None, *, stopped: bool) -> list[str]:
    """The word for how a run ended; none for one that ended well."""
    if failure is None:
        return []
    if stopped:
        return ["stopped"]
    return ["failed" if getattr(failure, "sent", True) else "not sent"]
