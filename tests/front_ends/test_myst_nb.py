"""MyST-NB, in a theme that filters and frames pictures and puts a light box around each output in the dark."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from published import built, check_published

pytestmark = pytest.mark.browser


def test_a_published_page(executed: Path, opened: Browser, tmp_path: Path) -> None:
    """Carousels, captions and tables are read in light and dark."""
    check_published(opened, built(executed, tmp_path, extension="myst_nb", theme="sphinx_book_theme"))
