"""Files that are whole or absent, whatever kills the process or fills the disk.

A file is written beside its place, synced, and renamed; the directory is synced after it. A reader (or a kill at any
instant) therefore sees a whole file or none.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from seedream_magic.words import store as texts

# Windows would else put a carriage return before each line feed, in pictures too.
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
PAUSES = (0.05, 0.1, 0.15, 0.2)
"""Seconds between five tries."""
PASSING = frozenset({errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN, errno.EBUSY})
"""What a mounted drive (Colab's, a network's) says now and then, and not at the next try."""
NOTHING_THERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL})
"""What the system says of a folder that is none; any other refusal does not say that nothing is there."""
OLDEST_PART = 3600.0
"""Seconds after which a half-written file has no owner any more: no run lasts as long."""
_NO_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EOPNOTSUPP})
"""What file systems say that have no `fsync`."""
Value = TypeVar("Value")


def patiently(act: Callable[[], Value], *, pauses: Sequence[float] = PAUSES) -> Value:
    """What a call gives. Where a drive refuses it for the moment it is tried again, after each of these pauses."""
    for pause in pauses:
        try:
            return act()
        except OSError as exc:
            if exc.errno not in PASSING:
                raise
        time.sleep(pause)
    return act()


def read_folder(folder: Path, take: Callable[[Iterable[os.DirEntry[str]]], Value]) -> Value:
    """What `take` makes of the entries of a folder. Raises OSError where it cannot be read, at several tries."""

    def read() -> Value:
        with os.scandir(folder) as entries:
            return take(entries)

    return patiently(read)


def write_durably(path: Path, data: bytes, *, mode: int) -> None:
    """Write a file so that it is whole or absent after a kill at any instant, and outlasts a power cut from now on."""
    write_whole(path, data, mode=mode)
    sync_folder(path.parent)


def write_whole(path: Path, data: bytes, *, mode: int) -> None:
    """Write a file that is whole or absent after a kill or a power cut; it is there for certain once its folder is
    synced.
    """
    patiently(lambda: _write_once(path, data, mode))  # anew: what a failed fsync has dropped no later one brings back


def _write_once(path: Path, data: bytes, mode: int) -> None:
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    descriptor = os.open(part, _NEW_FILE, mode)
    try:
        try:
            write_all(descriptor, data)
            unsynced = not sync(descriptor)
        finally:
            os.close(descriptor)
        if unsynced:
            _compare(part, data)
        _rename(part, path)
    except BaseException:
        with contextlib.suppress(OSError):  # `sweep` finds it later
            part.unlink(missing_ok=True)
        raise


def _compare(path: Path, data: bytes) -> None:
    if path.read_bytes() != data:
        raise OSError(errno.EIO, texts.NOT_WHAT_WAS_WRITTEN(), str(path))


def sync(descriptor: int) -> bool:
    """Bring a file's bytes to the disk; False where its file system has no such thing, so that they may be checked."""
    try:
        os.fsync(descriptor)
    except OSError as exc:
        if exc.errno not in _NO_SYNC:
            raise
        return False
    return True


def open_regular(path: Path, flags: int) -> int:
    """The descriptor of a file for its owner, opened with these flags of `os.open`.

    A folder may come from a stranger: a link is not followed and a pipe not waited for. Raises OSError for whatever is
    no regular file.
    """
    careful = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
    descriptor = os.open(path, flags | careful, 0o600)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, texts.NO_REGULAR_FILE(), str(path))
    return descriptor


def make_folder(folder: Path) -> None:
    """Make a folder for its owner where there is none yet. Raises OSError where it cannot be, or a link is there."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink():
        raise NotADirectoryError(errno.ENOTDIR, texts.IS_LINK(), str(folder))


def _rename(part: Path, path: Path) -> None:
    """Put the part in its place: five tries in half a second.

    Windows refuses as long as a scanner or a reader holds the file in that place open. Elsewhere a refusal is for good,
    and so rare that the half second is no loss.
    """
    for pause in PAUSES:
        with contextlib.suppress(PermissionError):
            _replace(part, path)
            return
        time.sleep(pause)
    _replace(part, path)


def _replace(part: Path, path: Path) -> None:
    """Rename the part; where the file system lets no name be taken over, after what has the name was put aside.

    Some refuse it (EEXIST), some say that all is well and change nothing.
    """
    try:
        part.replace(path)
        if not os.path.lexists(part):
            return
    except FileExistsError:
        pass
    before = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    _move(path, before)
    try:
        _move(part, path)
    except OSError:
        before.rename(path)
        raise
    with contextlib.suppress(OSError):  # `sweep` finds it later
        before.unlink()


def _move(source: Path, target: Path) -> None:
    source.rename(target)
    if os.path.lexists(source):
        raise OSError(errno.EIO, texts.NOT_RENAMED(), str(source))


def sweep(folder: Path) -> None:
    """Remove what processes that were killed in the middle of a file have left; a younger part may still be written."""
    with contextlib.suppress(OSError):  # another time, then
        for part in () if folder.is_symlink() else folder.glob(".*.part"):
            with contextlib.suppress(OSError):
                if time.time() - part.stat().st_mtime > OLDEST_PART:
                    part.unlink()


def write_all(descriptor: int, data: bytes | bytearray) -> None:
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
