"""Bytes that come piece by piece: in memory while they are few, in a file without a name when they are many."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from typing import Any

import pytest

from seedream_magic.images.received import IN_MEMORY, Received

PIECE = bytes(range(256)) * 2**10


def fill(received: Received, size: int) -> bytes:
    """The bytes that it was given, in pieces as they come from a socket."""
    given = b""
    while len(given) < size:
        given += PIECE
        received.add(PIECE)
    return given


@pytest.mark.parametrize("size", [0, 1, IN_MEMORY - 1, IN_MEMORY, 3 * IN_MEMORY + 1])
def test_what_is_taken_is_what_came(size: int) -> None:
    """At every size, and once."""
    received = Received()
    given = fill(received, size)
    assert len(received) == len(given)
    assert received.take() == given
    assert len(received) == 0


def test_what_is_not_taken_leaves_no_file_open() -> None:
    """A Stop in the middle of a download lets go of it (a file that is left open is a warning, and fails)."""
    received = Received()
    fill(received, 2 * IN_MEMORY)
    received.close()
    assert len(received) == 0


def nowhere(**_: Any) -> Any:
    raise FileNotFoundError


@pytest.mark.parametrize("fails", ["no folder", "full at once", "full later"])
def test_where_no_disk_takes_it_memory_does(fails: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture that is paid for is not lost for a full /tmp; also one that fills up in the middle of a write."""
    written: list[int] = []
    write: Callable[[int, Any], int] = os.write

    def until_full(descriptor: int, data: Any) -> int:
        if sum(written) >= (0 if fails == "full at once" else IN_MEMORY + 1000):
            raise OSError(28, "No space left on device")
        written.append(write(descriptor, data[: IN_MEMORY - 1000]))
        return written[-1]

    if fails == "no folder":
        monkeypatch.setattr(tempfile, "TemporaryFile", nowhere)
    else:
        monkeypatch.setattr(os, "write", until_full)
    received = Received()
    given = fill(received, 4 * IN_MEMORY)
    assert received.take() == given
