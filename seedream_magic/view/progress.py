"""A bar for exports that take long."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
FEW = 4
DELAY = 1.0
"""Seconds without a bar: what is done by then needs none."""


def progress(items: Sequence[Item], what: str) -> Iterable[Item]:
    """The items, with a bar named `what` if there are more than four and they take more than a second."""
    if len(items) <= FEW:
        return items
    # Not tqdm.auto: its bar is a widget, which stays in the saved notebook as "model not found".
    from tqdm.std import tqdm  # noqa: PLC0415 - only a long export needs it

    bar: Iterable[Item] = tqdm(items, desc=what, unit="frame", delay=DELAY, leave=False)
    return bar
