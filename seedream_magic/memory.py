"""Large files read into memory that goes back to the system as soon as nobody needs it.

The C library of Linux keeps what a thread frees, up to 64 MiB for each thread that has ever had a picture in hand. But
a block of more than 32 MiB (glibc's `M_MMAP_THRESHOLD` grows no further) it maps alone, and gives back whole. That
stays so when the block is cut to its size, and what is not touched takes no room.
"""

from __future__ import annotations

import io

_MAPPED = 33 * 2**20
"""Bytes of a block that is always mapped alone."""
_SMALL = 2 * 2**20
"""Bytes that a thread may keep: to map them costs it more time than to read them."""


def read_large(file: io.FileIO, size: int) -> bytes:
    """The next `size` bytes of a file, fewer at its end."""
    data = file.read(size if size <= _SMALL else max(size, _MAPPED))[:size]
    while len(data) < size and (more := file.read(size - len(data))):
        data += more
    return data
