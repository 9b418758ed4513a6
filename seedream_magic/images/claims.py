"""Who draws: of the same request one run at a time on this machine, whoever asks, in whatever process and notebook.

Two locks of the operating system, which end with the process that holds them, however it ends; so there is nothing to
time out, and neither a clock that jumps nor a process with the number of an earlier one can fool anybody.

* `RunLock`: a file in the folder of a run, locked while the run is under way.
* `locks.turn`: held for the moment in which a request is looked up and its run begun, so that of two that come at once
  the second sees the run of the first.

A shared file system may keep such locks from other machines. There the time of a run's lock file is its heartbeat: it
is compared with that of a file written just now in the same place, by the clock of the file system itself.
"""

from __future__ import annotations

import contextlib
import os
import platform
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from seedream_magic.images.image_set import LONGEST_RUN_SECONDS
from seedream_magic.images.locks import REFUSALS, lock_file
from seedream_magic.images.record import Record, read_record

if TYPE_CHECKING:
    from filelock import BaseFileLock

RUN_LOCK = ".running"
HEARTBEAT = 5.0
"""Seconds between two signs of life."""
SILENCE = 30.0
"""Seconds after which a run of another machine that gives no sign of life has died."""
LONGEST_RUN = timedelta(seconds=LONGEST_RUN_SECONDS)
"""A run without a lock (an earlier version's, or a file system has none) that has lasted longer is over."""
FIRST_PID = 2
"""1 is the system's own; 0 and what is below it name whole groups of processes."""


class RunLock:
    """The lock that says that a run is under way, from its making to `end`. Never raises."""

    def __init__(self, folder: Path) -> None:
        self._path, self._process = folder / RUN_LOCK, os.getpid()
        self._lock: BaseFileLock | None = None
        self._ended = False
        with contextlib.suppress(*REFUSALS):  # without it is judged by its process, elsewhere by the file's time
            self._lock = lock_file(self._path)

    @property
    def held(self) -> bool:
        """Whether the file system has such locks."""
        return self._lock is not None

    def beat(self) -> None:
        """Give a sign of life."""
        with contextlib.suppress(OSError):
            os.utime(self._path)

    def end(self) -> None:
        """The run has come to its end; said once more it does nothing: somebody else may be at it by then."""
        lock, self._lock = self._lock, None
        if os.getpid() != self._process or self._ended:
            return
        self._ended = True
        with contextlib.suppress(OSError):  # as long as it is locked, but Windows removes no open file
            self._path.unlink()
        if lock is not None:
            lock.release()
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)


def is_live(record: Record) -> bool:
    """Whether a run is under way."""
    if not record.unfinished:
        return False
    path, here = record.folder / RUN_LOCK, record.process.get("host") == platform.node()
    if path.is_symlink() or not path.is_file():
        return not record.process.get("lock") and _is_live_without_lock(record)
    if not here and _beats(path):
        return True
    from filelock import Timeout  # noqa: PLC0415 - load time

    try:
        lock = lock_file(path)
    except Timeout:
        return True
    except (OSError, NotImplementedError):
        return _is_live_without_lock(record)
    if here:  # else its machine may only sleep
        with contextlib.suppress(OSError):
            path.unlink()  # its process has died
    lock.release()
    return False


def is_held(folder: Path) -> bool:
    """Whether a process of this machine holds the lock of a run, whatever the run's record says."""
    path = folder / RUN_LOCK
    if path.is_symlink() or not path.is_file():
        return False
    from filelock import Timeout  # noqa: PLC0415 - load time

    try:
        lock_file(path).release()
    except Timeout:
        return True
    except (OSError, NotImplementedError):
        return False
    return False


def is_live_in(folder: Path) -> bool:
    """The same of the run in a folder; what is damaged, or half deleted, has nobody at it."""
    record = read_record(folder)
    return record is not None and is_live(record)


def _beats(path: Path) -> bool:
    """Whether a lock file had a sign of life just now, by the clock of its file system."""
    probe = path.with_name(f".{secrets.token_hex(4)}.part")
    try:
        probe.touch(exist_ok=False)
        try:
            return abs(probe.stat().st_mtime - path.stat().st_mtime) < SILENCE  # a zip may bring one from the future
        finally:
            probe.unlink()
    except OSError:
        return False


def _is_live_without_lock(record: Record) -> bool:
    """By its process, which must be one of this machine, and by its age."""
    process, began = record.process, record.began
    if began is None or datetime.now(UTC) - began > LONGEST_RUN:
        return False
    return process.get("host") == platform.node() and _is_process(process.get("pid"))


def _is_process(pid: object) -> bool:
    """Whether there is a process of this id that can have begun a run."""
    if type(pid) is not int or (pid < FIRST_PID and pid != os.getpid()):  # a container's only process is its first
        return False
    if os.name == "nt":
        return True  # there os.kill asks nothing, it ends the process
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True  # somebody else's
    except (OverflowError, OSError):
        return False
    return True
