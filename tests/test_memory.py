"""Large files in memory: right to the byte, and none of it kept by the threads that had them in hand."""

from __future__ import annotations

import io
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, _imaging

from seedream_magic.memory import read_large
from seedream_magic.view.pictures import open_picture
from service import encoded

THREADS = """
import sys
from pathlib import Path
from threading import Thread, Barrier
from seedream_magic.memory import read_large
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
together = Barrier(6)
def work():
    for _ in range(3):
        with open(sys.argv[1], "rb", buffering=0) as file:
            len(read_large(file, 20_000_000))
    together.wait()
before = resident()
threads = [Thread(target=work) for _ in range(6)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(resident() - before)
"""


@pytest.mark.parametrize("size", [0, 1, 1000, 1001])
def test_so_many_bytes_are_read(tmp_path: Path, size: int) -> None:
    """From where the file stands, and no more than there are."""
    (tmp_path / "file").write_bytes(b"ab" + bytes(1000))
    with (tmp_path / "file").open("rb", buffering=0) as file:
        assert file.read(2) == b"ab"
        assert read_large(file, size) == bytes(min(size, 1000))


def test_what_a_drive_gives_in_parts_is_put_together() -> None:
    """A mounted drive may give less at once than is asked for."""

    class Drive(io.FileIO):
        def __init__(self) -> None:
            self.rest = b"abcdefg"

        def read(self, size: int | None = -1, /) -> bytes:
            piece, self.rest = self.rest[:3], self.rest[3:]
            return piece

    assert read_large(Drive(), 7) == b"abcdefg"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only that C library is known to keep so much")
def test_threads_keep_nothing_of_the_files_that_they_have_read(tmp_path: Path) -> None:
    """Each of them would keep a picture's room for as long as the process lives."""
    path = tmp_path / "picture"
    path.write_bytes(bytes(20_000_000))
    done = subprocess.run(
        [sys.executable, "-c", THREADS, str(path)], check=True, capture_output=True, text=True, timeout=50
    )
    assert int(done.stdout) < 20_000_000


def test_a_large_picture_is_decoded_into_one_block(tmp_path: Path) -> None:
    """And Pillow makes its blocks as before, afterwards."""
    path, before = tmp_path / "01.png", _imaging.get_block_size()
    path.write_bytes(encoded(Image.new("RGB", (2500, 2500)), "PNG"))
    _imaging.reset_stats()
    open_picture(path)
    assert _imaging.get_stats()["allocated_blocks"] == 1
    assert _imaging.get_block_size() == before
