"""nbconvert --execute: as papermill, it collects nothing more once a cell has ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from executing import execute, pictures

pytestmark = pytest.mark.kernel


def test_a_run_in_the_background_is_waited_for(tmp_path: Path) -> None:
    """Its output is the whole set, with a note why; so is that of a cell which draws in the middle of others."""
    cells = [
        "%load_ext seedream_magic",
        "print('before')\nget_ipython().run_cell_magic('seedream', '--bg -n 2', 'a kite')",
    ]
    arguments = ("--to", "notebook", "--execute", "--output", "out.ipynb", "in.ipynb")
    *_, (printed, *shown) = execute("nbconvert", *arguments, cells=cells, folder=tmp_path)
    assert printed.text == "before\n"
    assert [count for count in pictures(shown) if count] == [2]
    assert "--bg waited" in shown[0].data["text/plain"]
