"""Files that are whole or absent, whatever kills the process or fills the disk.

A file is written beside its place, synced, and renamed; the directory is synced after it. A reader (or a kill at any
instant) therefore sees a whole file or none.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from pathlib import Path

OLDEST_PART = 3600.0
"""Seconds after which a half-written file has no owner any more: no run lasts as long."""


def write_durably(path: Path, data: bytes, *, mode: int) -> None:
    """Write a file so that it is whole or absent after a kill at any instant."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), mode)
    try:
        try:
            write_all(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sweep(folder: Path) -> None:
    """Remove what processes that were killed in the middle of a file have left; a younger part may still be written."""
    for part in folder.glob(".*.part"):
        with contextlib.suppress(OSError):
            if time.time() - part.stat().st_mtime > OLDEST_PART:
                part.unlink()


def write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return  # Windows neither allows nor needs it
    with contextlib.suppress(OSError):  # some network file systems refuse it; the file has its bytes and its name
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
