"""The `%%seedream` cell that makes the same request, in a text area, on the clipboard and below the panel."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from seedream_magic.api.plan import cell_text
from seedream_magic.api.providers import Provider, chosen_provider
from seedream_magic.api.references.reference import Reference
from seedream_magic.api.request import ImageRequest
from seedream_magic.errors import ConfigError, reason_of
from seedream_magic.images.record import REFERENCES
from seedream_magic.images.run_folder import keep_reference
from seedream_magic.notebook.panel.controls import column, labelled, set_visible
from seedream_magic.notebook.panel.references import FormReference
from seedream_magic.view.markup import Markup, element
from seedream_magic.words import carousel
from seedream_magic.words import panel as texts
from seedream_magic.words.text import Text


class CopiedCell:
    """The text area "Cell" with its buttons; not there until a cell was asked for, nor once it is out of date."""

    def __init__(self) -> None:
        self.area = labelled(widgets.Textarea, texts.CELL(), texts.CELL_HINT(), "cell")
        self._buttons = widgets.HTML()
        self._made_of: object = None
        self.widget = column(self.area, self._buttons)
        set_visible(self.widget, visible=False)

    def hide_unless(self, made_of: object) -> None:
        """Take the cell away if it was made of something else than this."""
        if made_of != self._made_of:
            set_visible(self.widget, visible=False)

    def show(self, made_of: object, cell: str, made: float) -> None:
        """Show the cell of a request, or of what goes on from a frame, and copy it where the page allows.

        `made` is the time of the click for it.
        """
        self._made_of = made_of
        self.area.rows = min(12, cell.count("\n") + 2)
        self.area.value = cell
        named = {"copied": texts.COPIED, "inserted": texts.INSERTED, "paste": texts.COPIED_TO_PASTE}
        buttons = (
            page_button("copy", carousel.COPY(), texts.COPY_HINT()),
            page_button("insert", texts.INSERT(), texts.INSERT_HINT()),
        )
        told = {**named, "press": texts.PRESS_COPY}
        self._buttons.value = cell_row(cell, told, *buttons, **{"data-made": str(made)})
        set_visible(self.widget, visible=True)


def page_button(kind: str, label: str, hint: str) -> Markup:
    """A button that the page itself answers (`panel.js`)."""
    looks = f"jupyter-button widget-button seedream-panel-{kind}"
    return element("button", {"type": "button", "class": looks, "title": hint}, label)


def cell_row(cell: str, told: Mapping[str, Text], *buttons: Markup, **data: str) -> str:
    """Buttons of the page for a cell; `told` is what it says once it has "copied" or "inserted" it, and so on."""
    words = json.dumps({name: text() for name, text in told.items()}, ensure_ascii=False)
    named = {"class": "seedream-panel-cell-row", "data-cell": cell, "data-told": words, **data}
    return str(element("div", named, *buttons, element("span", {"role": "status"}, "")))


def cell_of(
    request: ImageRequest,
    entries: Iterable[FormReference],
    *,
    settings: Mapping[str, Any],
    provider: Provider,
    store: Path,
) -> str:
    """The cell that makes this request with these references; pictures that no cell can name are kept in the store.

    `settings` are the notebook's, with "provider" where it has one. Raises `ConfigError` where the store is full.
    """
    other = provider.name != chosen_provider(settings.get("provider")).name
    model = settings.get("model") or os.environ.get("SEEDREAM_MODEL") or provider.default_model
    named = replace(request, references=tuple(name_for_cell(one, store) for one in entries))
    return cell_text(named, settings={**settings, "model": model}, provider=provider.name if other else None)


def name_for_cell(entry: FormReference, store: Path) -> Reference:
    """The reference under a name that a cell can read."""
    reference = entry.reference
    if entry.nameable or not reference.data:
        return reference
    try:
        store.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = keep_reference(store, reference)
    except OSError as exc:
        raise ConfigError(texts.REFERENCE_NOT_KEPT(folder=store / REFERENCES, why=reason_of(exc))) from exc
    here = Path.cwd()
    return replace(reference, source=str(path.relative_to(here) if path.is_relative_to(here) else path))
