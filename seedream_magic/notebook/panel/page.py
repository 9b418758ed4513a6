"""What the page gets beside the panel's widgets: its style sheet and its script."""

from __future__ import annotations

import json
import os

from seedream_magic.view.markup import Markup, code, element, style_sheet
from seedream_magic.words import panel as texts


def page_parts() -> str:
    """The style sheet, and a broken picture whose error handler is the script: widgets run no other."""
    away = f".seedream-panel {{ --away: {json.dumps(texts.RUN_AGAIN(), ensure_ascii=False)}; }}"
    script = code(("panel.js",), __package__) + "seedreamTie(this,600)"
    keys = element("img", {"src": "data:,", "alt": "", "hidden": "", "onerror": script})
    return f"{style_sheet('panel.css', package=__package__)}{element('style', {}, Markup(away))}{keys}"


def without_kernel(pictures: str) -> str:
    """The pictures, with a line above them that shows only where the panel itself does not.

    JupyterLab says of a panel whose kernel has gone that its model was not found: that line takes its place.
    """
    line = element("p", {"class": "seedream-panel-away"}, texts.RUN_AGAIN())
    return f"{style_sheet('away.css', package=__package__)}{line}{pictures}"


def in_voila() -> bool:
    """Whether this is a page of Voilà's, where outputs stand still once it has loaded; widgets go on there."""
    return any(name.startswith("VOILA_") for name in os.environ)
