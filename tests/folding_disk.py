"""A disk on which names that differ by case, or by the form of an accent, are one; it keeps accents apart, as Macs did.

`python folding_disk.py FOLDER MOUNT` shows the folder so, by FUSE, until it is unmounted.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fuse import FUSE, FuseOSError, Operations

FACTS = ("st_atime", "st_ctime", "st_gid", "st_mode", "st_mtime", "st_nlink", "st_size", "st_uid", "st_ino")
SPACE = ("f_bavail", "f_bfree", "f_blocks", "f_bsize", "f_favail", "f_ffree", "f_files", "f_flag", "f_frsize")


def done(call: Callable[..., Any], *arguments: Any) -> Any:
    """What a call of the system gives."""
    try:
        return call(*arguments)
    except OSError as exc:
        raise FuseOSError(exc.errno) from exc


class FoldingDisk(Operations):  # type: ignore[misc]  # the library has no types
    """The calls that a store makes, passed on to a folder."""

    def __init__(self, root: str) -> None:
        self.root = root

    def real(self, path: str) -> str:
        """The path of what has this name, in any spelling, in the folder that is shown."""
        here = Path(self.root)
        for part in filter(None, path.split("/")):
            apart = unicodedata.normalize("NFD", part)
            names = [entry.name for entry in here.iterdir()] if here.is_dir() else []
            here /= next((name for name in names if name.casefold() == apart.casefold()), apart)
        return str(here)

    def getattr(self, path: str, _handle: int | None = None) -> dict[str, Any]:
        facts = done(os.lstat, self.real(path))
        return {name: getattr(facts, name) for name in FACTS}

    def statfs(self, _path: str) -> dict[str, Any]:
        facts = os.statvfs(self.root)
        return {name: getattr(facts, name) for name in SPACE}

    def readdir(self, path: str, _handle: int) -> list[str]:
        return [".", "..", *done(os.listdir, self.real(path))]

    def mkdir(self, path: str, mode: int) -> None:
        done(os.mkdir, self.real(path), mode)

    def rmdir(self, path: str) -> None:
        done(os.rmdir, self.real(path))

    def unlink(self, path: str) -> None:
        done(os.unlink, self.real(path))

    def rename(self, old: str, new: str) -> None:
        done(os.rename, self.real(old), self.real(new))

    def link(self, target: str, source: str) -> None:
        done(os.link, self.real(source), self.real(target))

    def chmod(self, path: str, mode: int) -> None:
        done(os.chmod, self.real(path), mode)

    def utimens(self, path: str, times: tuple[float, float] | None = None) -> None:
        done(os.utime, self.real(path), times)

    def create(self, path: str, mode: int, _info: Any = None) -> int:
        return int(done(os.open, self.real(path), os.O_RDWR | os.O_CREAT, mode))

    def open(self, path: str, flags: int) -> int:
        return int(done(os.open, self.real(path), flags & ~(os.O_EXCL | os.O_CREAT)))

    def read(self, _path: str, size: int, offset: int, handle: int) -> bytes:
        return bytes(done(os.pread, handle, size, offset))

    def write(self, _path: str, data: bytes, offset: int, handle: int) -> int:
        return int(done(os.pwrite, handle, data, offset))

    def truncate(self, path: str, length: int, _handle: int | None = None) -> None:
        done(os.truncate, self.real(path), length)

    def fsync(self, _path: str, _data_alone: int, handle: int) -> None:
        done(os.fsync, handle)

    def release(self, _path: str, handle: int) -> None:
        os.close(handle)


if __name__ == "__main__":
    FUSE(FoldingDisk(sys.argv[1]), sys.argv[2], foreground=True, nothreads=True, use_ino=True)
