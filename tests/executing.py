"""A notebook that a program runs from its first cell to its last, and whose kernel ends then."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode


def execute(program: str, *options: str, cells: list[str], folder: Path) -> list[list[NotebookNode]]:
    """The outputs of each cell in `out.ipynb`, which the program is to make of `in.ipynb`."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, folder / "in.ipynb")
    environment = {**os.environ, "SEEDREAM_PROVIDER": "demo"}
    subprocess.run(
        [sys.executable, "-m", program, *options], cwd=folder, env=environment, check=True, capture_output=True
    )
    return [cell.outputs for cell in nbformat.read(folder / "out.ipynb", as_version=4).cells]


def pictures(outputs: list[NotebookNode]) -> list[int]:
    """How many pictures each of these outputs shows."""
    return [output.data["text/html"].count("<img") for output in outputs if "text/html" in output.get("data", {})]
