"""What a person can type: every public name with its signature, and every option and command, as surface.txt lists it.

A change of this list is a change for users: it is meant, and CHANGELOG.md names it.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterator
from pathlib import Path

import seedream_magic
from seedream_magic.notebook.options import help_text

LIST = Path(__file__).with_name("surface.txt")


def public_members(name: str) -> Iterator[str]:
    """The class `name` as it is called, and its public methods and properties, inherited ones of ours included."""
    kind = getattr(seedream_magic, name)
    yield f"{name}{inspect.signature(kind)}"
    for member in sorted(set(dir(kind))):
        value = inspect.getattr_static(kind, member)
        value = value.__func__ if isinstance(value, classmethod | staticmethod) else value
        if member.startswith("_"):
            continue
        if inspect.isfunction(value) and value.__module__.startswith(seedream_magic.__name__):
            yield f"  {name}.{member}{inspect.signature(value)}"
        elif isinstance(value, property):
            yield f"  {name}.{member}"


def surface() -> str:
    """The list as it is now."""
    names = sorted(seedream_magic.__all__)
    lines = [line for name in names for line in public_members(name)]
    return "\n".join(
        ["# Public names", *names, "", "# Signatures", *lines, "", "# Help", help_text("en"), help_text("zh"), ""]
    )


def test_all_that_a_person_can_type_is_still_there() -> None:
    """The public names, the signatures, `%%seedream?` and `%seedream help` are those of the list."""
    listed, found = LIST.read_text(encoding="utf-8"), surface()
    difference = difflib.unified_diff(listed.splitlines(), found.splitlines(), "surface.txt", "now", lineterm="")
    assert listed == found, "\n".join(difference)
