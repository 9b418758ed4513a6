"""Locks of the operating system on files: they end with the process that holds them, however it ends."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from seedream_magic.forks import free_in_child
from seedream_magic.images.changes import own_change

if TYPE_CHECKING:
    from filelock import BaseFileLock

PATIENCE = 10.0
"""Seconds to wait for a turn. Who has it needs a few thousandths; one that was suspended must not hold up the rest."""
REFUSALS = (OSError, NotImplementedError)
"""What a lock that cannot be had raises; a file system may have none."""
_turns: dict[str, threading.Lock] = {}


@contextlib.contextmanager
def turn(name: str, folder: Path | None, store: Path) -> Iterator[bool]:
    """Be the only one on this machine that is here, by the file of this name in the folder, and by one in the store.

    Others may have no folder, or another one, in common with this program, but the store. Hold it for a moment only:
    one file serves many requests. Where there are no locks, or none can be written, it goes on without, and so it does
    after `PATIENCE` in all; it gives whether nobody else is here.
    """
    from filelock import Timeout  # noqa: PLC0415 - load time

    with contextlib.ExitStack() as stack:
        until = time.monotonic() + PATIENCE
        here = _turns.setdefault(name, free_in_child(threading.Lock()))
        first = here.acquire(timeout=PATIENCE)
        if first:
            stack.callback(here.release)
        held, waited = 0, False
        try:
            if folder is not None:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                stack.callback(lock_file(folder / f"{name}.lock", max(0, until - time.monotonic())).release)
                held += 1
        except Timeout:
            waited = True
        except REFUSALS:
            pass
        try:
            stack.enter_context(_lock_in_store(store / f".{name}.lock", until))
            held += 1
        except TimeoutError:
            waited = True
        except REFUSALS:
            pass
        alone = first and held > 0 and not waited
        yield alone


@contextlib.contextmanager
def _lock_in_store(path: Path, until: float) -> Iterator[None]:
    """The lock of a file that is there only while somebody has it: a store is a folder of runs, and of nothing else.

    Raises `TimeoutError` where somebody else has it still, one of `REFUSALS` where there is no such lock (Windows).
    """
    try:
        import fcntl  # noqa: PLC0415 - Windows has none
    except ImportError as exc:
        raise NotImplementedError from exc

    made = not path.parent.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with own_change(path.parent, folders=0):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(path, descriptor):
                break
        except BlockingIOError:
            if time.monotonic() >= until:
                os.close(descriptor)
                raise TimeoutError from None
            time.sleep(0.01)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # who had it took the file away meanwhile, and others have another one now
    try:
        yield
    finally:
        with contextlib.suppress(OSError), own_change(path.parent, folders=0):
            path.unlink()
        if made:
            with contextlib.suppress(OSError):
                path.parent.rmdir()  # nothing was begun
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # a child that was forked has it as well
        os.close(descriptor)


def _is_at(path: Path, descriptor: int) -> bool:
    """Whether the open file is the one that has this name."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def lock_file(path: Path, seconds: float = 0) -> BaseFileLock:
    """The lock of a file. Raises one of `REFUSALS`: `Timeout`, an OSError, where somebody else has it."""
    from filelock import FileLock  # noqa: PLC0415 - load time

    # What it would take in place of locks where there are none outlives its process.
    lock = FileLock(path, thread_local=False, mode=0o600, fallback_to_soft=False)
    lock.acquire(timeout=seconds, poll_interval=0.01)
    return lock
