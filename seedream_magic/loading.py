"""How the rest of this package is loaded where somebody waits for it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from seedream_magic.forks import in_child

_enabled_before: dict[object, bool] = {}
"""Of each who loads: whether the collector was on."""


@contextmanager
def uncollected() -> Iterator[None]:
    """Load modules without the garbage collector, which would find nothing in them.

    It begins anew with every so many objects that are made, and looks through all that the notebook holds: a fifth of
    the time to the first request with IPython alone, more with the person's own libraries and data.
    """
    own, was_enabled = object(), gc.isenabled()
    try:
        _enabled_before[own] = was_enabled
        gc.disable()
        yield
    finally:
        if was_enabled:
            gc.enable()
        _enabled_before.pop(own, None)


def _enable_in_child() -> None:
    """Whoever was loading in another thread is not there to do it."""
    if any(_enabled_before.values()):
        gc.enable()


in_child(_enable_in_child)
