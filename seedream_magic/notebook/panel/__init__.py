"""The widget panel: a form, buttons and a progress line for the same requests that a `%%seedream` cell makes."""

from __future__ import annotations

from seedream_magic.notebook.panel.panel import Panel

__all__ = ["Panel"]
