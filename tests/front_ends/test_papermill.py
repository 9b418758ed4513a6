"""papermill: cells are run one after the other and the kernel ends with the last of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from executing import execute, pictures

pytestmark = pytest.mark.kernel


def test_the_saved_notebook_has_the_whole_set(tmp_path: Path) -> None:
    """Also of the last cell, and of one in the background: it waits there and says so. A parameter fills prompts."""
    cells = [
        "%load_ext seedream_magic",
        "%%seedream -n 2\na {colour} kite",
        "%%seedream --bg -n 2\nanother {colour} kite",
    ]
    arguments = ("in.ipynb", "out.ipynb", "--no-progress-bar", "-r", "colour", "red")
    *_, cell, background = execute("papermill", *arguments, cells=cells, folder=tmp_path)
    assert [pictures(outputs) for outputs in (cell, background)] == [[2], [2]]
    assert "--bg waited" in background[0].data["text/plain"]
    assert "a red kite" in cell[0].data["text/html"]
