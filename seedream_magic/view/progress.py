"""A bar for exports that take long."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
FEW = 4
DELAY = 3.0
"""Seconds without a bar: what is done by then needs none."""


def progress(items: Sequence[Item], what: str) -> Iterable[Item]:
    """The items, with a bar named `what` if there are more than four and they take more than three seconds."""
    if len(items) <= FEW:
        return items
    # Not tqdm.auto: its bar is a widget, which stays in the saved notebook as "model not found". And it is left: a
    # notebook keeps the line of one that is taken away, and an empty red block looks like a failure.
    from tqdm.std import tqdm  # noqa: PLC0415 - only a long export needs it

    bar: Iterable[Item] = tqdm(items, desc=what, unit="frame", delay=DELAY)
    return bar
