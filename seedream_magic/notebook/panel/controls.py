"""The panel's controls, made alike for ipywidgets 7 and 8: each with its label and a hint in both languages.

JupyterLab sends the events of widgets to a subshell, which is another thread with another loop, and may end it at any
time. So their work is done on the loop that the panel was made on, and in threads where it would hold that loop up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets

from seedream_magic.notebook.kernel_loop import KernelLoop
from seedream_magic.view.markup import Markup, element

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


def set_visible(widget: Any, *, visible: bool) -> None:
    """Show a control or take it out of the layout and of the order of tabs."""
    widget.layout.display = None if visible else "none"


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
        set_visible(self.text, visible=self.list.value == TYPED)
        self._changed()
