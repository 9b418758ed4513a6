"""The `%%seedream` cell that makes the same request, in a text area, on the clipboard and below the panel."""

from __future__ import annotations

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
from seedream_magic.images.store import keep_reference
from seedream_magic.notebook.panel.controls import column, indented, labelled, set_visible
from seedream_magic.notebook.panel.references import FormReference
from seedream_magic.view.markup import Markup, element

# Widgets run no scripts, but the page runs handlers of their HTML. Where it forbids that, the text area is there.
_COPY = """const status = this.parentElement.querySelector('[role=status]'), { cell } = this.parentElement.dataset;
const area = this.closest('.seedream-panel').querySelector('.seedream-cell textarea');
const failed = () => { area.select(); status.textContent = 'Press Ctrl+C.'; };
const copy = (words) => navigator.clipboard ? navigator.clipboard.writeText(cell).then(
  () => { status.textContent = words; }, failed) : failed();
"""
# The kernel cannot ask for a cell below this one: it comes below the one that ran last. The notebook of JupyterLab and
# Notebook 7 can, by the key B on this cell. CodeMirror's view, found by its element (cmView in older ones), then takes
# the text as it is; typed, it would be indented and its brackets closed. Only the empty cell that has just come is
# written to. Where none comes (another notebook, a view of the output alone), the text is copied instead.
_INSERT = """if (event.detail > 1) return;
const place = this.closest('.jp-Notebook-cell'), before = place?.nextElementSibling;
const takesWhole = (view) => {
  const write = (text) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
  write(cell);
  const isWhole = view.state.doc.toString() === cell;
  if (isWhole) view.focus(); else write('');
  return isWhole;
};
const wait = (left) => {
  const next = place?.nextElementSibling, content = next?.querySelector('.cm-content');
  const view = (content?.cmTile ?? content?.cmView)?.view;
  const isNew = next !== before && next?.matches('.jp-CodeCell.jp-mod-active') && view?.state.doc.length === 0;
  if (!isNew && left) { requestAnimationFrame(() => wait(left - 1)); return; }
  this.disabled = false;
  if (isNew && takesWhole(view)) status.textContent = 'Inserted.'; else copy('Copied: paste it into a new cell.');
};
status.textContent = '';
place?.focus({ preventScroll: true });
this.disabled = true;
place?.dispatchEvent(new KeyboardEvent('keydown', { key: 'b', code: 'KeyB', keyCode: 66, bubbles: true }));
wait(place ? 300 : 0);"""
# Run by a picture that is none, as soon as it stands in the page: only just after the click that asked for the cell,
# not again when the panel is displayed anew.
_COPY_AT_ONCE = """const { made } = this.dataset, { cell } = this.parentElement.dataset;
const status = this.parentElement.querySelector('[role=status]');
if (Math.abs(Date.now() / 1000 - made) < 10 && !window['seedream' + made]) {
  window['seedream' + made] = true;
  navigator.clipboard?.writeText(cell).then(() => { status.textContent = 'Copied.'; }, () => {});
}"""


class CopiedCell:
    """The text area "Cell" with its buttons; not there until a cell was asked for, nor once it is out of date."""

    def __init__(self) -> None:
        self.area = labelled(widgets.Textarea, "Cell", "The cell that makes the same request", "生成同一请求的单元格")
        self.area.layout.width = "auto"
        self.area.add_class("seedream-cell")
        self._buttons = widgets.HTML()
        self._made_of: object = None
        self.widget = column(self.area, indented(self._buttons))
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
        self._buttons.value = str(
            element(
                "div",
                {"data-cell": cell},
                element(
                    "img", {"src": "data:,", "alt": "", "hidden": "", "data-made": str(made), "onerror": _COPY_AT_ONCE}
                ),
                _button("Copy", "Copies the cell · 复制单元格", _COPY + "copy('Copied.');"),
                _button("Insert below", "Inserts the cell below this one · 插入到下方", _COPY + _INSERT),
                element("span", {"role": "status", "style": "margin-left:10px"}, ""),
            )
        )
        set_visible(self.widget, visible=True)


def _button(label: str, hint: str, handler: str) -> Markup:
    """A button that the page itself answers."""
    looks = {"type": "button", "class": "jupyter-button widget-button", "style": "width:auto;margin:2px 6px 2px 0"}
    return element("button", {**looks, "title": hint, "onclick": handler}, label)


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
    named = replace(request, references=tuple(_name_for_cell(one, store) for one in entries))
    return cell_text(named, settings={**settings, "model": model}, provider=provider.name if other else None)


def _name_for_cell(entry: FormReference, store: Path) -> Reference:
    """The reference under a name that a cell can read."""
    reference = entry.reference
    if entry.nameable or not reference.data:
        return reference
    try:
        store.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = keep_reference(store, reference)
    except OSError as exc:
        raise ConfigError(f"The reference cannot be kept in {store / REFERENCES} ({reason_of(exc)}).") from exc
    here = Path.cwd()
    return replace(reference, source=str(path.relative_to(here) if path.is_relative_to(here) else path))
