"""`%seedream panel`: where the two faces meet. The cell magic and the panel themselves do not know each other."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

from IPython.display import display

from seedream_magic.errors import ConfigError
from seedream_magic.notebook.run_commands import shown_run

if TYPE_CHECKING:
    from seedream_magic.images.image_set import ImageSet
    from seedream_magic.notebook.magic import SeedreamMagics

PANEL = "seedream_magic.notebook.panel"


def open_panel(magics: SeedreamMagics, run_id: str) -> None:
    """Show a panel that draws with the session's settings; with a run, it begins with that run's request.

    Raises `ConfigError` where ipywidgets cannot be loaded, or for a run that another provider made, `InvalidRequest`
    for one that is not in the store.
    """
    client = magics.make_client()
    images = shown_run(magics, run_id, "panel") if run_id else None
    try:
        panel = importlib.import_module(PANEL).Panel
    except ImportError as exc:
        raise ConfigError(f"The panel cannot be loaded ({exc}).", hint='%pip install "ipywidgets>=7.7.1"') from exc

    def keep(drawn: ImageSet) -> None:
        if magics.shell is not None:
            magics.shell.user_ns["_seedream"] = drawn

    settings = {**magics.settings, "provider": client.provider.name}
    display(panel(images, client=client, running=magics.running, settings=settings, keep=keep))


def close_panels() -> None:
    """Close the panels that are open, if any was ever opened: for the unloading of the extension."""
    if PANEL in sys.modules:
        sys.modules[PANEL].close_all()
