"""The bytes of an answer as they came, on disk before anything is made of them, and read again from there.

They are kept until all that they name is saved: what a kill, a full disk or a shape that this version cannot read
leaves behind is found again by `%seedream recover`, also by a later version.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from seedream_magic.api.decoder import AnswerDecoder, Answered
from seedream_magic.api.redaction import without_secret_beside_links
from seedream_magic.images.durable import sync_folder, write_all, write_durably

_PIECE = 2**20
_MOST_MASKED = 128 * 2**20
"""Bytes of a kept answer that are looked through for the key."""


class RawBody:
    """One body on its way to disk: `response.raw`, and for a further answer of the same run `response.2.raw` …

    `size` counts the bytes that are there. A disk that refuses costs nothing but this file: `fault` is what it said.
    """

    def __init__(self, folder: Path) -> None:
        number = len(raw_files(folder)) + 1
        self.path = folder / ("response.raw" if number == 1 else f"response.{number}.raw")
        self.size = 0
        self.fault = ""
        self._descriptor: int | None = None

    def write(self, data: bytes) -> None:
        """Append bytes; from here on a kill of this process does not lose them."""
        if self.fault:
            return
        try:
            if self._descriptor is None:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
                self._descriptor = os.open(self.path, flags, 0o600)
            write_all(self._descriptor, data)
            self.size += len(data)
        except OSError as exc:
            self.fault = exc.strerror or str(exc)

    def sync(self) -> None:
        """Make it outlast a loss of power as well; slow for a large body."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.fsync(self._descriptor)
                sync_folder(self.path.parent)

    def close(self) -> None:
        """No more comes."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def discard(self) -> None:
        """Remove it: it held nothing that is not told elsewhere."""
        self.close()
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)


def raw_files(folder: Path) -> list[Path]:
    """The kept bodies of a run, in the order in which they came."""
    found = [path for path in folder.glob("response*.raw") if path.is_file() and not path.is_symlink()]
    return sorted(found, key=lambda path: (len(path.name), path.name))


def read_again(path: Path, codings: str, *, images: int) -> Iterator[Answered]:
    """The objects in a kept body; whatever cannot be read is passed over."""
    decoder = AnswerDecoder(codings, images=images)
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield from (found for found in decoder.feed(piece) if isinstance(found, Answered))
    except OSError:
        pass
    yield from (found for found in decoder.close(cut=True) if isinstance(found, Answered))


def mask(path: Path, secret: str) -> None:
    """Take the key out of a kept body, which some services repeat; in links it stays, or they would lead nowhere."""
    with contextlib.suppress(OSError):
        if not secret or path.stat().st_size > _MOST_MASKED:
            return
        text = path.read_bytes().decode("utf-8", "surrogateescape")
        masked = without_secret_beside_links(text, secret)
        if masked != text:
            write_durably(path, masked.encode("utf-8", "surrogateescape"), mode=0o600)
