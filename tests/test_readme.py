"""README, CHANGELOG and the notebook say what is so."""

from __future__ import annotations

import json
import re
from pathlib import Path

from seedream_magic.notebook.options import COMMANDS, OPTIONS, chinese_meaning

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
REFERENCE = (ROOT / "docs" / "reference.md").read_text("utf-8")


def table(name: str) -> str:
    return REFERENCE.partition(f"<!-- {name} -->\n")[2].partition(f"\n<!-- /{name} -->")[0]


def in_a_table(entry: tuple[str, str, str]) -> tuple[str, ...]:
    """A bar would end the cell."""
    return tuple(text.replace("|", r"\|") for text in entry)


def test_the_tables_are_the_helps() -> None:
    """docs/reference.md has a row for each option and each command of `%seedream`, word for word as the help has it."""
    rows = {
        "option": [(option.usage, option.meaning.in_language("en"), chinese_meaning(option)) for option in OPTIONS],
        "command": COMMANDS,
    }
    for name, entries in rows.items():
        lines = [f"| `{typed}` | {english} | {chinese} |" for typed, english, chinese in map(in_a_table, entries)]
        expected = "\n".join((f"| {name} | meaning | 含义 |", "| --- | --- | --- |", *lines))
        assert table(f"{name}s") == expected, f"put this between the markers:\n{expected}"


def test_first_lines_are_the_two_commands() -> None:
    """A reader meets `make demo` and `make test` first."""
    first = re.search(r"```sh\n(.*?)```", README, re.DOTALL)
    assert first is not None
    assert [line.split("#")[0].strip() for line in first[1].splitlines()] == ["make demo", "make test"]
    assert README.index(first[0]) < 40


def test_notebooks_are_stripped() -> None:
    """No output or count of a notebook goes into git; the quickstart, five to eight cells, is read in a minute."""
    notebooks = {path.stem: json.loads(path.read_text("utf-8")) for path in (ROOT / "notebooks").glob("*.ipynb")}
    for name, notebook in notebooks.items():
        code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code), name
    assert 5 <= len(notebooks["quickstart"]["cells"]) <= 8


def test_each_notebook_stands_in_both_languages() -> None:
    """The same cells with the same steps; each links to the other, and holds no sentence of its language."""
    folder = ROOT / "notebooks"
    english = sorted(path for path in folder.glob("*.ipynb") if not path.stem.endswith("-zh"))
    assert [path.stem for path in english] == ["picture-book", "quickstart"]
    for path in english:
        other = path.with_stem(f"{path.stem}-zh")
        here, there = (json.loads(each.read_text("utf-8"))["cells"] for each in (path, other))
        assert [(cell["cell_type"], cell["id"]) for cell in here] == [(cell["cell_type"], cell["id"]) for cell in there]
        assert other.name in "".join(here[0]["source"])
        assert path.name in "".join(there[0]["source"])
        assert not re.search("[\u3400-\u9fff]", "".join(line for cell in here[1:] for line in cell["source"]))
        prose = [cell for cell in there[1:] if cell["cell_type"] == "markdown"]
        assert all(re.search("[\u3400-\u9fff]", "".join(cell["source"])) for cell in prose)
