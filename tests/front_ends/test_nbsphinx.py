"""nbsphinx, whose tables are black on light rows in every theme, in furo, which may be dark."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from published import built, check_published

pytestmark = pytest.mark.browser


def test_a_published_page(executed: Path, opened: Browser, tmp_path: Path) -> None:
    """Carousels, captions and tables are read in light and dark."""
    check_published(opened, built(executed, tmp_path, extension="nbsphinx", theme="furo"))
