"""How the rest of this package is loaded where somebody waits for it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Load modules without the garbage collector, which would find nothing in them.

    It begins anew with every so many objects that are made, and looks through all that the notebook holds: a fifth of
    the time to the first request with IPython alone, more with the person's own libraries and data.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
