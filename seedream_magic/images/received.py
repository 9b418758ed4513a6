"""The bytes of a body while they come: a set of large pictures waits in files, not in memory.

All pictures of a set are downloaded at once, and each is checked when all of it is here: fifteen PNG of 4K are 400 MB.
"""

from __future__ import annotations

import errno
import io
import os
import tempfile

from seedream_magic.images.durable import write_all
from seedream_magic.memory import read_large

IN_MEMORY = 2**19
"""Bytes of one body that are held before they are written."""


class Received:
    """Bytes that come piece by piece and are taken once, as a whole.

    The file has no name, so that nothing is left of it after a kill. Where no disk takes it memory has to do.
    """

    def __init__(self) -> None:
        self._memory = io.BytesIO()  # unlike a bytearray it gives its bytes without a copy
        self._file: io.FileIO | None = None
        self._written = 0
        self._writes = True

    def __len__(self) -> int:
        return self._written + self._memory.tell()

    def add(self, piece: bytes) -> None:
        """Take these bytes as well."""
        self._memory.write(piece)
        if self._memory.tell() >= IN_MEMORY and self._writes:
            self._write()

    def take(self) -> bytes:
        """All of them; none are left. Raises OSError where the disk does not give back what it took."""
        if self._file is None:
            data = self._memory.getvalue()
            self._memory = io.BytesIO()
            return data
        if self._writes:
            self._write()  # so that reading makes the only copy
        self._file.seek(0)
        data = read_large(self._file, self._written)
        if len(data) != self._written:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        data += self._memory.getvalue()
        self.close()
        return data

    def close(self) -> None:
        """Let go of them."""
        self._memory, self._written = io.BytesIO(), 0
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self) -> None:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - `close` closes it
            write_all(self._file.fileno(), self._memory.getvalue())
        except OSError:
            self._writes = False  # what was written before stays there, and is read
            return
        self._written += self._memory.tell()
        self._memory = io.BytesIO()
