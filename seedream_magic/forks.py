"""A fork in the middle of anything: a child has the thread that forked alone, and would wait for the others for ever.

What they were loading is loaded before the fork; locks that they held are free in the child. This is loaded first, with
the package itself, and registers itself with the interpreter.
"""

from __future__ import annotations

import _imp
import importlib
import logging  # noqa: F401 - it holds its lock while a process forks, and modules ask for it: loaded first, it comes after us
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar
from weakref import WeakSet

_LOADED = frozenset(
    {
        *("seedream_magic", "httpx", "httpcore", "anyio", "h11", "certifi", "idna", "truststore", "keyring"),
        *("PIL", "fpdf", "filelock", "platformdirs", "sqlite3", "tornado", "ipywidgets"),
    }
)
"""The packages that are loaded in the middle of something, on whatever thread."""
_locks: WeakSet[Any] = WeakSet()
Lock = TypeVar("Lock")


def free_in_child(lock: Lock) -> Lock:
    """The lock, which nobody holds in a forked child: who had it is not there."""
    _locks.add(lock)
    return lock


def in_child(act: Callable[[], object]) -> None:
    """Have this done in every forked child, before anything else runs there."""
    if hasattr(os, "register_at_fork"):  # Windows has no fork
        os.register_at_fork(after_in_child=act)


def _wait_for_imports() -> None:
    """Let the imports of other threads come to their end, and none begin till the process is forked.

    The lock of a module that is loaded by a thread which a child does not have is never released there. To import the
    module waits for it; who loads it itself, and forks, gets it as it is.
    """
    while True:
        _imp.acquire_lock()  # whoever begins to import takes it for a moment, and so does the fork itself
        if not (names := _being_imported()):
            return
        _imp.release_lock()
        for name in names:
            with suppress(Exception):  # the importing thread is told
                importlib.import_module(name)


def _being_imported() -> list[str]:
    """The modules of ours, and those that we load, which other threads are loading."""
    own, locks = threading.get_ident(), getattr(importlib, "_bootstrap", None)
    held = dict(getattr(locks, "_module_locks", {}))
    return [
        name
        for name, lock in held.items()
        if name.partition(".")[0] in _LOADED and getattr(lock(), "owner", own) != own
    ]


def _free_locks() -> None:
    for lock in list(_locks):
        lock._at_fork_reinit()  # noqa: SLF001 - as queue, logging and threading do it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_wait_for_imports, after_in_parent=_imp.release_lock, after_in_child=_imp.release_lock)
in_child(_free_locks)
