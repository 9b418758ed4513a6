"""The run of a panel: begun, followed, stopped. It is in the background; the kernel stays free."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

import ipywidgets as widgets

from seedream_magic.api.plan import Plan
from seedream_magic.bridge import unfailing
from seedream_magic.errors import InvalidRequest, SeedreamError, SeedreamInterrupted
from seedream_magic.images.image_set import ImageSet, cards_of
from seedream_magic.notebook.kernel_loop import Latest
from seedream_magic.notebook.panel.controls import button, lines, set_visible
from seedream_magic.notebook.panel.form import Unwritten
from seedream_magic.notebook.panel.page_loop import PageLoop
from seedream_magic.seedream import Seedream
from seedream_magic.sweep.draw_sweep import start_sweep
from seedream_magic.sweep.ledger import seconds_per_picture
from seedream_magic.sweep.sweep import Sweep
from seedream_magic.words import carousel
from seedream_magic.words import panel as texts
from seedream_magic.words.carousel import own_words
from seedream_magic.words.runs import STOPPED_BEFORE

TICK_SECONDS = 1.0


class RunControls:
    """The Stop button and the progress line, and the run itself: that of a plan, or those of a sweep.

    `show` shows a value of the set, or of the sweep, `report` what went wrong, and `ended` is called with it, or None.
    """

    def __init__(
        self,
        loop: PageLoop,
        show: Callable[[ImageSet | Sweep], None],
        report: Callable[..., None],
        ended: Callable[[ImageSet | Sweep | None], None],
    ) -> None:
        self._loop, self._show, self._report, self._ended = loop, show, report, ended
        self.busy = False
        self._plan: Plan | None = None
        self._images: ImageSet | Sweep | None = None
        self._began = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._click = 0  # the number of the one that waits for what was typed before it
        self._stop: Callable[[], None] | None = None
        self._seconds_each: float | None = None
        self._estimate: Latest[float | None] = Latest(loop, self._estimated)
        self.stop = button(loop, texts.STOP(), texts.STOP_HINT(), self.halt, "stop", settles=False)
        self.stop.on_click(lambda _: self._stop_run())  # at once, though a cell may keep the loop busy
        self.stop.disabled = True
        set_visible(self.stop, visible=False)
        self.line = widgets.HTML()

    def begin(self, client: Seedream, make: Callable[[], Plan | Sweep]) -> None:
        """Start the plan, or the sweep, that `make` gives once all that was typed is here; a run under way goes on."""
        if self.busy:
            return
        self._set_busy(busy=True)
        self._report([])
        self._click = self._loop.settle(lambda: self._start(client, make), self._lose)

    def halt(self) -> None:
        """Stop the run, or what has not begun yet."""
        self.stop.disabled = True
        self._stop_run()
        if self._loop.call_off(self._click):
            self._end(None, SeedreamInterrupted(STOPPED_BEFORE()))

    def _lose(self) -> None:
        self._end(None, InvalidRequest(texts.NOT_ALL_TYPED(), hint=texts.CLICK_AGAIN()))

    def _stop_run(self) -> None:
        stop = self._stop
        if stop is not None:
            stop()

    def close(self) -> None:
        """Let a run that is under way go on, unwatched."""
        if self._timer is not None:
            self._timer.cancel()
        self._estimate.close()

    def _start(self, client: Seedream, make: Callable[[], Plan | Sweep]) -> None:
        self._timer, self._images, self._seconds_each = None, None, None
        self._began = time.monotonic()
        try:
            made = make()
            self._plan = None if isinstance(made, Sweep) else made
            stop = self._begin_sweep(client, made) if isinstance(made, Sweep) else self._begin_plan(client, made)
        except SeedreamError as error:
            self._end(error.images, error)
        else:
            self._stop = stop if self.busy else None

    def _begin_plan(self, client: Seedream, plan: Plan) -> Callable[[], None]:
        model, provider = plan.request.model, plan.provider.name
        if not plan.stored:
            self._estimate.do(lambda: seconds_per_picture(client.store, model, provider))
        self._tick()
        return client.start(plan, on_change=self._changed, on_end=self._end)

    def _begin_sweep(self, client: Seedream, sweep: Sweep) -> Callable[[], None]:
        self._changed(replace(sweep, state="running"))
        self._tick()
        return start_sweep(client, sweep, on_change=self._changed, on_end=self._end, again=texts.DRAW_AGAIN())

    def _changed(self, images: ImageSet | Sweep) -> None:
        self._images = images
        self._show(images)
        self._show_progress()

    def _end(self, images: ImageSet | Sweep | None, failure: BaseException | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._stop, self.busy = None, None, False
        if isinstance(images, ImageSet) and images.state == "running":
            images = replace(images, state="stopped" if isinstance(failure, SeedreamInterrupted) else "done")
        unfailing(self._show_end)(images, failure)  # the set is kept, whatever has become of the widgets
        self._ended(images)

    def _show_end(self, images: ImageSet | Sweep | None, failure: BaseException | None) -> None:
        told = list[str]()
        if isinstance(failure, SeedreamInterrupted) and images is not None:
            told = failure.lines()[1:]
            if isinstance(images, ImageSet):  # its advice is to run the cell again; here a button goes on
                told = told[:1]
                images = replace(images, notes=tuple(note for note in images.notes if note != failure.hint))
        if images is not None:
            self._show(images)
        self._set_busy(busy=False)
        parts = [] if failure is None else [_word_for(failure, sent=images is not None)]
        if isinstance(images, Sweep):
            parts += [self._progress(images), _seconds(time.monotonic() - self._began)]
        elif images is not None:
            parts += [self._progress(images), cards_of(images).bill_text(own_words()), _seconds(images.seconds)]
        self.line.value = "" if isinstance(failure, Unwritten) else lines([" · ".join(parts), *told])
        if isinstance(failure, Unwritten) or not isinstance(failure, SeedreamError):
            self._report([])  # what is still to be written stands above the buttons already, a stop in the line
        else:
            self._report(failure.lines(), failure)

    def _set_busy(self, *, busy: bool) -> None:
        self.busy, self.stop.disabled = busy, not busy
        set_visible(self.stop, visible=busy)
        self.line.value = lines([texts.STARTING()]) if busy else ""

    def _progress(self, images: ImageSet | Sweep | None) -> str:
        """How many are there of those that were asked for: "k of n"; of a frame that is drawn anew, with its number.

        Of a sweep so many of its runs have ended, with or without a picture.

        Of a set that goes on from a run of the same request, which was stopped, the pictures of that run count, too.
        """
        if isinstance(images, Sweep):
            ended = sum(images.state_of(index) in {"done", "failed"} for index in images.runs)
            return texts.PROGRESS_RUNS(ended=ended, runs=len(images))
        expected = self._plan.request.images_expected if self._plan else None
        lineage = self._plan.lineage if self._plan else None
        made = [frame for frame in images.ok if not (lineage and frame.index in images.inherited)] if images else []
        redone = texts.PROGRESS_FRAME(number=lineage.places[0] + 1) if lineage and lineage.kind == "redo" else ""
        if not expected:
            return redone + texts.PROGRESS_OPEN(made=len(made))
        return redone + texts.PROGRESS(made=len(made), expected=max(expected, len(made)))

    def _tick(self) -> None:
        unfailing(self._show_progress)()
        self._timer = self._loop.later(TICK_SECONDS, self._tick)

    def _show_progress(self) -> None:
        elapsed = time.monotonic() - self._began
        expected = self._plan.request.images_expected if self._plan else None
        left = (self._seconds_each or 0.0) * (expected or 0) - elapsed
        about = texts.ABOUT(seconds=f"{left:.0f}") if left >= 1 else ""
        parts = (self._progress(self._images), _seconds(elapsed), about)
        self.line.value = lines([" · ".join(part for part in parts if part)])

    def _estimated(self, seconds: float | None) -> None:
        self._seconds_each = seconds


def _word_for(failure: BaseException, *, sent: bool) -> str:
    """How a run failed: a word, and a sentence of one that was stopped before it was `sent`."""
    if isinstance(failure, SeedreamInterrupted):
        return carousel.STOPPED() if sent else failure.message
    return carousel.FAILED() if getattr(failure, "sent", True) else texts.NOT_SENT()


def _seconds(seconds: float) -> str:
    return carousel.SECONDS(seconds=f"{seconds:.0f}")
