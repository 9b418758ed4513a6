"""The line that says how far something long has come, where a person sees it.

It is tqdm's plain one, not `tqdm.auto`: that is a widget, which a saved notebook shows as "model not found". And it is
left in the end: a notebook keeps the line of one that is taken away, empty.
"""

from __future__ import annotations

import sys
from typing import Any


def tqdm_bar(*items: Any, **options: Any) -> Any:
    """A bar of tqdm, by its own parameters. A notebook shows what goes to stderr as a failure: there it is stdout."""
    from tqdm.std import tqdm  # noqa: PLC0415 - only what takes long needs it

    return tqdm(*items, file=sys.stdout if in_notebook() else sys.stderr, **options)


def in_notebook() -> bool:
    """Whether this is a cell of a kernel, which IPython has told its configuration."""
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and "IPKernelApp" in shell.config
