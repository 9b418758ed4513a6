"""The preview of one 4K picture in a set of eight: from its file to the data URI in the output."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from PIL import Image

from pictures import picture
from seedream_magic.images.verify import verify_picture
from seedream_magic.view.cards import Preview
from seedream_magic.view.pictures import preview_of
from table import Row, in_turn, processor_seconds

BUDGET = 660_000 // 8


_LIMIT = (
    "Of 50 ms in a profile 37 decode the JPEG, as for the floor, 7 scale it and 6 encode it twice, which the floor "
    "does not: the first, of good quality and full size, has three times the bytes that are allowed. Of a PNG's 560 "
    "485 decode it, as for the floor, and 67 scale it"
)


def by_thumbnail(path: Path, edge: int) -> object:
    """The floor: the fastest by which Pillow alone gets as many pixels, draft and resize; nothing is encoded."""
    with Image.open(path) as opened:
        opened.thumbnail((edge, edge), reducing_gap=1.0)
        return opened


def whole(path: Path, edge: int) -> object:
    """The peer: the whole picture decoded, made small, encoded."""
    with Image.open(path) as opened:
        opened.load()
        small = opened.resize((edge, edge), Image.Resampling.LANCZOS)
    small.save(buffer := io.BytesIO(), "JPEG", quality=84)
    return buffer


def ours(path: Path) -> Preview:
    """Ours, as for a picture that was never shown."""
    preview_of.cache_clear()
    return preview_of(path, budget=BUDGET)


def rows() -> Iterator[Row]:
    """A JPEG and a PNG, in milliseconds of processor time; and what the check of each costs before."""
    for kind in ("JPEG", "PNG"):
        data = picture(4096, kind)
        path = Path(f"picture.{kind.lower()}")
        path.write_bytes(data)
        edge = ours(path).width
        ways: dict[str, Callable[[], object]] = {
            "ours": partial(ours, path),
            "floor": partial(by_thumbnail, path, edge),
            "peer": partial(whole, path, edge),
        }
        ways["check of the bytes"] = partial(verify_picture, data)
        figures = in_turn({way: partial(_milliseconds, work) for way, work in ways.items()})
        ratio = figures.ratio("ours", "floor")
        goal = f"at most 1.2x the floor, which does not encode; it is {ratio:.2f}x"
        name = f"preview of a 4K {kind}, {len(data) / 2**20:.1f} MB"
        yield Row(name, "ms", figures.of, goal, ratio <= 1.2, _LIMIT)


def _milliseconds(work: Callable[[], object]) -> float:
    return processor_seconds(work) * 1000
