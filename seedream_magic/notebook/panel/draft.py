"""What was typed into a panel, kept beside the library: run again, its cell has the form as it was.

A notebook keeps no widgets: after a restart of the kernel, or opened again, a panel is gone with all that was in it.
The cell by its id, in its notebook, is what stays; front ends that tell no such id (nbclassic, Colab) have no drafts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from IPython.core.getipython import get_ipython

from seedream_magic.database import library_file
from seedream_magic.errors import SeedreamError
from seedream_magic.notebook.kernel_loop import KernelLoop, Latest
from seedream_magic.notebook.panel.copied_cell import name_for_cell
from seedream_magic.notebook.panel.references import FormReference

MOST_DRAFTS = 100
KEEP_SECONDS = 0.5
"""After a change, before it is written: the next key may follow."""


@dataclass(frozen=True)
class Kept:
    """A draft: the values of the form, references by their sources, the ids of the runs, newest first, and of the one
    that showed; `provider` is the one that was asked.
    """

    form: Mapping[str, Any]
    references: tuple[str, ...]
    runs: tuple[str, ...]
    shown: str
    provider: str


class Draft:
    """The draft of the panel of the cell that runs, which began with the run `begun`, or with none."""

    def __init__(self, loop: KernelLoop, begun: str) -> None:
        self._file = _file_for_cell(begun)
        self._written: Latest[None] = Latest(loop, lambda _: None)

    def read(self) -> Kept | None:
        """What was kept; None without a draft that can be read."""
        try:
            read = json.loads(self._file.read_text("utf-8")) if self._file else {}
            references, runs = (tuple(map(str, read[name])) for name in ("references", "runs"))
            return Kept(dict(read["form"]), references, runs, str(read["shown"]), str(read["provider"]))
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def keep(
        self, form: Mapping[str, Any], references: Sequence[FormReference], store: Path, facts: Mapping[str, Any]
    ) -> None:
        """Keep a form soon. Pictures that were uploaded come to lie in the store, as a copied cell would have them."""
        path = self._file
        if path is not None:
            work = lambda: _write(path, {"form": form, **facts}, references, store)  # noqa: E731 - a call is due later
            self._written.do(work, after=KEEP_SECONDS)

    def close(self) -> None:
        """Keep nothing any more."""
        self._written.close()


def _file_for_cell(begun: str) -> Path | None:
    """Where the draft is; None where no cell runs that is known by an id, and where there is no library."""
    shell, library = get_ipython(), library_file()
    parent: dict[str, Any] = getattr(shell, "get_parent", dict)() or {}
    cell = (parent.get("metadata") or {}).get("cellId")
    if library is None or not cell:
        return None
    named = json.dumps([os.environ.get("JPY_SESSION_NAME", ""), os.getcwd(), str(cell), begun])  # noqa: PTH109 - a text
    return library.parent / "drafts" / f"{sha256(named.encode()).hexdigest()[:32]}.json"


def _write(path: Path, draft: Mapping[str, Any], references: Sequence[FormReference], store: Path) -> None:
    """Write a draft, whole or not at all; the oldest give way. What cannot be kept is no reason to fail."""
    part, sources = path.with_suffix(".part"), []
    for entry in references:
        with suppress(SeedreamError, OSError):
            sources.append(name_for_cell(entry, store).source)
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.write_text(json.dumps({**draft, "references": sources}, ensure_ascii=False), encoding="utf-8")
        part.chmod(0o600)
        part.replace(path)
        drafts = sorted(path.parent.glob("*.json"), key=lambda one: one.stat().st_mtime, reverse=True)
        for old in drafts[MOST_DRAFTS:]:
            old.unlink(missing_ok=True)
