"""The panel's controls, made alike for ipywidgets 7 and 8: each with its label and a hint in both languages.

JupyterLab sends the events of widgets to a subshell, which is another thread with another loop, and may end it at any
time. So their work is done on the loop that the panel was made on, and in threads where it would hold that loop up.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar

import ipywidgets as widgets

from seedream_magic.view.markup import Markup, element

Result = TypeVar("Result")

LABEL_WIDTH = "76px"
TYPED = "other…"

STYLE = """
.seedream-panel { max-width: 900px; padding: 2px 0 6px; container-type: inline-size; }
.seedream-panel, .seedream-panel .widget-hbox, .seedream-panel .widget-vbox { overflow: visible; }
.seedream-panel .widget-hbox { column-gap: 4px; }
.seedream-panel .widget-html, .seedream-panel .widget-html-content { height: auto; line-height: 1.5; }
.seedream-panel .widget-html-content { overflow-wrap: anywhere; }
.seedream-panel .widget-html:not(.seedream-indented):has(> .widget-html-content:empty) { display: none; }
.seedream-panel textarea { line-height: 1.5; }
.seedream-panel .widget-button { flex: none; }
.seedream-panel .widget-textarea > textarea { min-width: 0; }
.seedream-panel .widget-button:focus-visible { outline: 2px solid currentColor; outline-offset: 1px; }
.seedream-indented { margin-inline-start: 84px; }
.seedream-quiet { opacity: 0.75; font-size: 12px; }
.seedream-message { border-inline-start: 3px solid currentColor; padding-inline-start: 10px; }
@container (max-width: 520px) {
  .seedream-indented { margin-inline-start: 0; }
  .seedream-panel .seedream-small { padding: 0 6px; margin-inline: 0 !important; }
}
"""


class KernelLoop:
    """The event loop that runs where this is made. In a plain script there is none, and all is done at once."""

    def __init__(self) -> None:
        self._loop = _running_loop()

    def call(self, work: Callable[..., None], *arguments: Any) -> None:
        """Do the work at once if this loop runs here, else soon, on this loop."""
        if self._loop is None or _running_loop() is self._loop:
            work(*arguments)
            return
        with suppress(RuntimeError):  # the loop closed with its kernel
            # The context tells a kernel which message an output belongs to.
            self._loop.call_soon_threadsafe(lambda: work(*arguments), context=contextvars.copy_context())

    def later(self, seconds: float, work: Callable[..., None], *arguments: Any) -> asyncio.TimerHandle | None:
        """Do the work in so many seconds; None where there is no loop. To be called on this loop."""
        return None if self._loop is None else self._loop.call_later(seconds, work, *arguments)

    def watch(self, widget: Any, changed: Callable[[], None]) -> None:
        """Call `changed` on this loop whenever the value of a control changes."""
        widget.observe(lambda _: self.call(changed), names="value")


class Latest(Generic[Result]):
    """Does work in a thread, one piece at a time, and hands each result to `receive` on the kernel's loop.

    Once newer work was asked for, older results are dropped. Without a loop the work is done at once.
    """

    def __init__(self, loop: KernelLoop, receive: Callable[[Result], None]) -> None:
        self._loop, self._receive = loop, receive
        self._next: Callable[[], Result] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._busy = self._closed = False

    def do(self, work: Callable[[], Result], *, after: float = 0.0) -> None:
        """Begin the work in so many seconds, or once the present piece has ended. It raises nothing of its own."""
        self._next = work
        if not self._busy:
            self._busy = True
            self._timer = self._loop.later(after, self._begin)
            if self._timer is None:
                self._busy, self._next = False, None
                self._hand_over(work())

    def close(self) -> None:
        """Begin nothing any more, and drop the result of what is at work."""
        self._next, self._closed = None, True
        if self._timer is not None:
            self._timer.cancel()

    def _begin(self) -> None:
        work, self._next = self._next, None
        context = contextvars.copy_context()  # as for `KernelLoop.call`

        def worked() -> None:
            results: list[Result] = []
            try:
                if work is not None:
                    results.append(work())
            finally:
                context.run(self._loop.call, self._end, results)

        threading.Thread(target=worked, name="seedream-panel", daemon=True).start()

    def _end(self, results: list[Result]) -> None:
        if self._next is not None:
            self._begin()
            return
        self._busy = False
        for result in results:
            self._hand_over(result)

    def _hand_over(self, result: Result) -> None:
        if not self._closed:
            self._receive(result)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def hinted(widget: Any, english: str, chinese: str) -> Any:
    """The control with its hint, which ipywidgets 7 and 8 call differently."""
    name = "tooltip" if widget.has_trait("tooltip") else "description_tooltip"
    setattr(widget, name, f"{english} · {chinese}")
    return widget


def labelled(kind: Any, label: str, english: str, chinese: str, **traits: Any) -> Any:
    """A control with its label beside it and its hint."""
    style = traits.pop("style", {"description_width": LABEL_WIDTH})
    return hinted(kind(description=label, style=style, **traits), english, chinese)


def button(loop: KernelLoop, label: str, english: str, chinese: str, clicked: Callable[[], None], **traits: Any) -> Any:
    """A button as wide as its word."""
    made = hinted(widgets.Button(description=label, **traits), english, chinese)
    made.layout.width, made.layout.margin = "auto", "2px 6px 2px 0"
    made.on_click(lambda _: loop.call(clicked))
    return made


def row(*children: Any, **layout: Any) -> Any:
    """Controls beside one another, in as many lines as a narrow column needs."""
    chosen = {"flex_flow": "row wrap", "align_items": "center", **layout}
    return widgets.HBox(children, layout=widgets.Layout(**chosen))


def column(*children: Any) -> Any:
    """Controls below one another."""
    return widgets.VBox(children, layout=widgets.Layout(width="100%"))


def indented(widget: Any) -> Any:
    """A control that begins where the fields beside their labels do, if there is room."""
    widget.add_class("seedream-indented")
    return widget


def close(widget: Any) -> None:
    """Close a control with all that it is made of, so that nothing of it stays in the page's state."""
    for part in (*getattr(widget, "children", ()), getattr(widget, "style", None), widget.layout):
        if isinstance(part, widgets.DOMWidget):
            close(part)
        elif part is not None:
            part.close()
    widget.close()


def show(widget: Any, *, shown: bool) -> None:
    """Show a control or take it out of the layout and of the order of tabs."""
    widget.layout.display = None if shown else "none"


def offer(dropdown: Any, values: Sequence[str], value: str) -> None:
    """Offer these values in a list, and take one of them."""
    if tuple(dropdown.options) != tuple(values):
        dropdown.options = tuple(values)
    dropdown.value = value


def lines(texts: Sequence[str], *, role: str = "status", kind: str = "") -> str:
    """Texts as HTML, one below the other; empty without any."""
    if not any(texts):
        return ""
    rows: list[Markup] = [element("div", {}, text) for text in texts if text]
    return str(element("div", {"role": role, "class": kind or None}, *rows))


class Choice:
    """One of a few values, or another that is typed: `TYPED` in the list opens a text field beside it."""

    def __init__(
        self, loop: KernelLoop, labels: tuple[str, str], english: str, chinese: str, *, changed: Callable[[], None]
    ) -> None:
        """`labels` are those of the list and of the field."""
        self.list = labelled(widgets.Dropdown, labels[0], english, chinese, options=(TYPED,))
        self.text = labelled(widgets.Text, labels[1], english, chinese, style={"description_width": "auto"})
        self.list.layout.width, self.text.layout.width = "290px", "180px"
        self.widget = row(self.list, self.text, width="auto")
        self._changed = changed
        loop.watch(self.list, self._chosen)
        loop.watch(self.text, changed)

    @property
    def value(self) -> str:
        """What was chosen or typed."""
        return str(self.text.value.strip() if self.list.value == TYPED else self.list.value)

    @value.setter
    def value(self, value: str) -> None:
        if value in self.list.options:
            self.list.value = value
        else:
            self.text.value = value
            self.list.value = TYPED

    def offer(self, values: Sequence[str], value: str) -> None:
        """Offer these values, and take one: another than these is typed."""
        offer(self.list, (*values, TYPED), value if value in values else TYPED)
        self.value = value

    def _chosen(self) -> None:
        show(self.text, shown=self.list.value == TYPED)
        self._changed()
