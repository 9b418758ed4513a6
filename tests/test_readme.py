"""README, CHANGELOG and the notebook say what is so."""

from __future__ import annotations

import json
import re
from pathlib import Path

from seedream_magic.notebook.help import COMMANDS
from seedream_magic.notebook.options import OPTIONS, Option

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def row(option: Option) -> str:
    return f"| `{option.typed}` | {option.english} | {option.chinese} |"


def test_option_table_is_the_parsers() -> None:
    """The README's table has a row for each option, word for word as the help has it."""
    expected = "\n".join(("| option | meaning | 含义 |", "| --- | --- | --- |", *map(row, OPTIONS)))
    found = README.partition("<!-- options -->\n")[2].partition("\n<!-- /options -->")[0]
    assert found == expected, f"put this between the markers:\n{expected}"


def test_command_table_is_the_helps() -> None:
    """The same for the commands of `%seedream`."""
    rows = (f"| `{typed}` | {english} | {chinese} |" for typed, english, chinese in COMMANDS)
    expected = "\n".join(("| command | meaning | 含义 |", "| --- | --- | --- |", *rows))
    found = README.partition("<!-- commands -->\n")[2].partition("\n<!-- /commands -->")[0]
    assert found == expected, f"put this between the markers:\n{expected}"


def test_first_lines_are_the_two_commands() -> None:
    """A reader meets `make demo` and `make test` first."""
    first = re.search(r"```sh\n(.*?)```", README, re.DOTALL)
    assert first is not None
    assert [line.split("#")[0].strip() for line in first[1].splitlines()] == ["make demo", "make test"]
    assert README.index(first[0]) < 40


def test_notebooks_are_stripped() -> None:
    """No output, count or local metadata of a notebook goes into git."""
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        notebook = json.loads(path.read_text("utf-8"))
        code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code), path.name


def test_the_quickstart_is_short() -> None:
    """Five to eight cells: it is read in a minute."""
    notebook = json.loads((ROOT / "notebooks" / "quickstart.ipynb").read_text("utf-8"))
    assert 5 <= len(notebook["cells"]) <= 8
