"""What this program itself changes in a store: a store need not be looked through for that.

A folder's time changes with the names in it, by whoever it may be. Of thousands of runs that one program draws into a
store each would make it read all names again.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from seedream_magic.forks import free_in_child

State = tuple[int, int]
"""When a name came into a folder or went, last, in nanoseconds; and the folder's links, one more for each folder in it
where its file system counts those."""
FEWEST_LINKS = 2
"""Of a folder whose file system counts the folders in it; others say 1 of all."""

seen: dict[Path, tuple[int, State]] = {}
"""The state in which all runs of a store were in the library, under this number there."""
_one_by_one = free_in_child(threading.Lock())


def state_of(store: Path) -> State | None:
    """The state of a store; None where there is no such folder."""
    try:
        facts = store.stat()
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return None
    return facts.st_mtime_ns, facts.st_nlink


@contextlib.contextmanager
def own_change(store: Path, *, folders: int) -> Iterator[None]:
    """Change the names in a store within this, by so many folders; it may take no longer than that.

    Where somebody else's run has come meanwhile the number of folders says so, and the store is looked through.
    """
    with _one_by_one:
        before = state_of(store)
        yield
        number, known = seen.get(store, (0, None))
        after = state_of(store)
        if known is None or after is None or before != known:
            return
        counts = min(known[1], after[1]) >= FEWEST_LINKS
        if not counts or after[1] - known[1] == folders:
            seen[store] = number, after
