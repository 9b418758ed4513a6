"""Whether somebody else has changed the names in a store: what this program changes there itself it knows.

A folder's time changes with the names in it, by whoever it may be. Of thousands of runs that one program draws into a
store, each would make it read all names again.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

from seedream_magic.forks import free_in_child

State = tuple[int, int]
"""When a name came into a folder or went, last, in nanoseconds; and the folder's links, one more for each folder in it
where its file system counts those."""
LINKS_OF_NONE = 2
"""Of a folder without folders; a file system that does not count them says this, or 1, of every folder."""

_numbers = itertools.count(1)
_versions: dict[Path, tuple[int, State]] = {}
_one_by_one = free_in_child(threading.Lock())


def state_of(store: Path) -> State | None:
    """The state of a store; None where there is no such folder."""
    try:
        facts = store.stat()
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return None
    return facts.st_mtime_ns, facts.st_nlink


def version_of(store: Path) -> tuple[int, int] | None:
    """The number of the names in a store, another one once somebody else has changed them, and the folder's time.

    None where there is no such folder.
    """
    with _one_by_one:  # what is read outside of it may be older than what this program has changed since
        state = state_of(store)
        return (_version(store, state), state[0]) if state else None


def _version(store: Path, state: State) -> int:
    number, known = _versions.get(store, (0, None))
    if known != state:
        number = next(_numbers)
        _versions[store] = number, state
    return number


@contextlib.contextmanager
def own_change(store: Path, *, folders: int) -> Iterator[None]:
    """Change the names in a store within this, by so many folders: they keep their version. It may take a moment only.

    Where somebody else's run has come meanwhile the number of folders says so. Where nobody counts them (a mounted
    cloud drive, Btrfs, Windows) any change is taken for somebody else's: to read all names again costs a moment, a run
    that stays unseen is paid twice.
    """
    with _one_by_one:
        before = state_of(store)
        number = _version(store, before) if before else 0
        yield
        after = state_of(store)
        if before is None or after is None:
            return
        if after[1] > LINKS_OF_NONE and after[1] - before[1] == folders:
            _versions[store] = number, after


def doubt(store: Path) -> None:
    """Take what is known of the names in a store for old: the next version is another one."""
    with _one_by_one:
        _versions.pop(store, None)
