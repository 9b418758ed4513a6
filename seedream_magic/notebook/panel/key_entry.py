"""The row that asks for an API key. What widgets hold a notebook may save, so the key is typed into none of them:
a button runs `%seedream key` in a cell below, whose hidden field the front end and the kernel have between themselves.
Run again with all cells of a later session, that one asks only if there is no key then.
"""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets

from seedream_magic.api.providers import Provider
from seedream_magic.errors import MissingKey, SeedreamError
from seedream_magic.notebook.panel.controls import button, column, lines, row, set_visible
from seedream_magic.notebook.panel.copied_cell import cell_row, page_button
from seedream_magic.notebook.panel.page_loop import PageLoop
from seedream_magic.words import panel as texts


class KeyEntry:
    """The row; it shows while there is no key. `use_demo` draws without.

    Where the extension is not `loaded` there is no `%seedream key`, and the hint of the error says what to do.
    """

    def __init__(self, loop: PageLoop, use_demo: Callable[[], None], *, loaded: bool) -> None:
        self._loaded = loaded
        self._note, self._enter = widgets.HTML(), widgets.HTML()
        demo = button(loop, texts.USE_DEMO(), texts.USE_DEMO_HINT(), use_demo)
        self.widget = column(row(self._note, self._enter, demo), kind="key")
        set_visible(self.widget, visible=False)

    def ask(self, provider: Provider, missing: SeedreamError | None) -> None:
        """Ask for the key of this provider, or for none."""
        set_visible(self.widget, visible=missing is not None)
        if missing is None:
            return
        needed = texts.NO_KEY(provider=provider.name) if isinstance(missing, MissingKey) else str(missing)
        self._note.value = lines([needed, *([] if self._loaded else [missing.hint])])
        if self._loaded:
            enter = page_button("insert", texts.ENTER_KEY(), texts.ENTER_KEY_HINT())
            told = {"inserted": texts.KEY_BELOW, "paste": texts.COPIED_TO_PASTE, "press": texts.KEY_BY_HAND}
            self._enter.value = cell_row(
                f"%seedream key {provider.name} --if-missing", told, enter, **{"data-runs": "yes"}
            )
