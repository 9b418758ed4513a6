"""The panel's controls, made alike for ipywidgets 7 and 8: each with its label and a hint.

JupyterLab sends the events of widgets to a subshell, which is another thread with another loop, and may end it at any
time. So their work is done on the loop that the panel was made on, and in threads where it would hold that loop up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets

from seedream_magic.notebook.panel.page_loop import PageLoop
from seedream_magic.view.markup import Markup, element


def hinted(widget: Any, hint: str) -> Any:
    """The control with its hint, which ipywidgets 7 and 8 call differently."""
    setattr(widget, "tooltip" if widget.has_trait("tooltip") else "description_tooltip", hint)
    return widget


def labelled(kind: Any, label: str, hint: str, *classes: str, **traits: Any) -> Any:
    """A control with its label, which stands above it, and its hint. "bare" hides the label but from screen readers."""
    made = hinted(kind(description=label, **traits), hint)
    for name in ("field", *classes):
        made.add_class(f"seedream-panel-{name}")
    made.layout.width = "auto"
    return made


def button(
    loop: PageLoop, label: str, hint: str, clicked: Callable[[], None], *classes: str, settles: bool = True
) -> Any:
    """A button as wide as its word. It acts once what was typed before the click is here (`settles`), or at once."""
    made = hinted(widgets.Button(description=label), hint)
    made.layout.width = "auto"
    for name in classes:
        made.add_class(f"seedream-panel-{name}")
    made.on_click(lambda _: loop.call(loop.settle, clicked) if settles else loop.call(clicked))
    return made


def switch(loop: PageLoop, label: str, hint: str, opened: Any, make: Callable[[], None] | None = None) -> Any:
    """A button that shows and hides what stands behind it; `make` is called before it shows for the first time.

    What a page holds of widgets, a notebook may save: what few people open is made when they do.
    """
    made = hinted(widgets.ToggleButton(description=label), hint)
    made.layout.width = "auto"
    made.add_class("seedream-panel-quiet-button")
    set_visible(opened, visible=False)
    waiting = [make] if make else []

    def turn() -> None:
        if waiting:
            waiting.pop()()
        set_visible(opened, visible=bool(made.value))

    loop.watch(made, turn)
    return made


def checkbox(label: str, hint: str, *, value: bool = False) -> Any:
    """A box to tick as wide as its word."""
    made = hinted(widgets.Checkbox(description=label, value=value, indent=False), hint)
    made.layout.width = "auto"
    return made


def tile(picture: str, control: Any, *classes: str) -> Any:
    """A small picture, as HTML, with a control on it."""
    made = widgets.Box((widgets.HTML(picture), control))
    for name in ("tile", *classes):
        made.add_class(f"seedream-panel-{name}")
    return made


def row(*children: Any, wraps: bool = True, **layout: Any) -> Any:
    """Controls beside one another, in as many lines as a narrow column needs, or in one."""
    chosen = {"flex_flow": f"row{' wrap' * wraps}", "align_items": "center", **layout}
    return widgets.HBox(children, layout=widgets.Layout(**chosen))


def column(*children: Any, kind: str = "") -> Any:
    """Controls below one another."""
    made = widgets.VBox(children, layout=widgets.Layout(width="100%"))
    if kind:
        made.add_class(f"seedream-panel-{kind}")
    return made


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


def offer(choice: Any, values: Sequence[str] | Sequence[tuple[str, str]], value: str | None) -> None:
    """Offer these values, each after its label where it has one, and take one of them; None takes none."""
    if tuple(choice.options) != tuple(values):
        choice.options = tuple(values)
    choice.value = value


def lines(texts: Sequence[str], *, role: str = "status", kind: str = "") -> str:
    """Texts as HTML, one below the other; empty without any."""
    if not any(texts):
        return ""
    rows: list[Markup] = [element("div", {}, text) for text in texts if text]
    return str(element("div", {"role": role, "class": kind or None}, *rows))


def errors(texts: Sequence[str]) -> str:
    """What is wrong, in red, where it stands."""
    return lines(texts, role="alert", kind="seedream-panel-error")
