"""Locks of the operating system on files: they end with the process that holds them, however it ends."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seedream_magic.forks import free_in_child

if TYPE_CHECKING:
    from filelock import BaseFileLock

PATIENCE = 10.0
"""Seconds to wait for a turn. Who has it needs a few thousandths; one that was suspended must not hold up the rest."""
REFUSALS = (OSError, NotImplementedError)
"""What a lock that cannot be had raises; a file system may have none."""
_turns: dict[str, threading.Lock] = {}


@contextlib.contextmanager
def turn(name: str, folders: Sequence[Path]) -> Iterator[bool]:
    """Be the only one on this machine that is here, by the file of this name in all of these folders that have locks.

    Who names the same folders in the same order, or only some of them, waits for who was here first. Hold it for a
    moment only: one file serves many requests. Where a folder has no locks, or cannot be written, it goes on without,
    and so it does after `PATIENCE` in all; it gives whether nobody else is here.
    """
    from filelock import Timeout  # noqa: PLC0415 - load time

    with contextlib.ExitStack() as stack:
        until = time.monotonic() + PATIENCE
        here = _turns.setdefault(name, free_in_child(threading.Lock()))
        first = here.acquire(timeout=PATIENCE)
        if first:
            stack.callback(here.release)
        held, waited = 0, False
        for folder in folders:
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                stack.callback(lock_file(folder / f"{name}.lock", max(0, until - time.monotonic())).release)
                held += 1
            except Timeout:
                waited = True
            except REFUSALS:
                with contextlib.suppress(OSError):
                    folder.rmdir()  # if nothing is in it
        alone = first and held > 0 and not waited
        yield alone


def lock_file(path: Path, seconds: float = 0) -> BaseFileLock:
    """The lock of a file. Raises one of `REFUSALS`: `Timeout`, an OSError, where somebody else has it."""
    from filelock import FileLock  # noqa: PLC0415 - load time

    # What it would take in place of locks where there are none outlives its process.
    lock = FileLock(path, thread_local=False, mode=0o600, fallback_to_soft=False)
    lock.acquire(timeout=seconds, poll_interval=0.01)
    return lock
