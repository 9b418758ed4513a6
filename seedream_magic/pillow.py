"""Pixels decoded by functions that know none of Pillow's switches of the process; else Pillow as it is shipped.

Other code of a notebook sets `Image.MAX_IMAGE_PIXELS`, `ImageFile.LOAD_TRUNCATED_IMAGES` and their like for pictures of
its own. They say nothing of ours: what is accepted or refused, and how it looks, must not hang on them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from PIL import Image, ImageFile, PngImagePlugin, _imaging

from seedream_magic.forks import free_in_child, in_child
from seedream_magic.formats import Outline, jpeg_samples, png_damage, without_codes
from seedream_magic.words import pictures as texts

LARGEST_OPENED = 2 * 89_478_485
"""Pixels: what Pillow refuses to open as it is shipped."""
_SHIPPED: dict[tuple[Any, str], Any] = {
    (ImageFile, "LOAD_TRUNCATED_IMAGES"): False,
    (Image, "MAX_IMAGE_PIXELS"): None,  # ours are checked against limits of their own
    (PngImagePlugin, "MAX_TEXT_CHUNK"): 2**20,
    (PngImagePlugin, "MAX_TEXT_MEMORY"): 2**26,
}
_lock = free_in_child(threading.Lock())
_depth = 0
_others: dict[tuple[Any, str], Any] = {}
_BLOCK = 2**30
"""Bytes: more than any picture of ours has."""
_whole = _others_block = 0
_JPEG_MODES = {1: "L", 3: "RGB", 4: "CMYK"}


@contextmanager
def as_shipped() -> Iterator[None]:
    """Pillow's switches as they are shipped, but for the limit of pixels, which is off; afterwards as they were.

    The switches are the process's: another thread has them so too, for as long. So this is for what is short or rare.
    """
    global _depth  # noqa: PLW0603 - like the switches, it is the process's
    with _lock:
        _depth += 1
        if _depth == 1:
            _others.update({(module, name): getattr(module, name) for module, name in _SHIPPED})
            _switch(_SHIPPED)
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if not _depth:
                # What somebody has set meanwhile stays.
                _switch({key: value for key, value in _others.items() if getattr(*key) == _SHIPPED[key]})


@contextmanager
def in_one_block() -> Iterator[None]:
    """Pixels that are decoded meanwhile lie in one piece of memory, which goes back to the system when they are freed.

    Pillow's own pieces have 16 MiB, of which each thread of this process would keep four: see `apart`.
    """
    global _whole, _others_block  # noqa: PLW0603 - like the setting, they are the process's
    with _lock:
        if not _whole:
            _others_block = _imaging.get_block_size()
            _imaging.set_block_size(_BLOCK)
        _whole += 1
    try:
        yield
    finally:
        with _lock:
            _whole -= 1
            if not _whole and _imaging.get_block_size() == _BLOCK:
                _imaging.set_block_size(_others_block)


def _switch_back() -> None:
    """In a forked child: whoever had them switched is not there."""
    global _depth, _whole  # noqa: PLW0603 - see above
    if _depth:
        _depth = 0
        _switch(_others)
    if _whole:
        _whole = 0
        _imaging.set_block_size(_others_block)


in_child(_switch_back)


def _switch(values: dict[tuple[Any, str], Any]) -> None:
    for (module, name), value in values.items():
        setattr(module, name, value)


def decode_fully(data: bytes, found: Outline, end: int) -> None:
    """Decode the pixels of a JPEG, PNG or WebP file and let go of them. Raises for what has none, or not all.

    Of a JPEG the codes of its pixels are left out, see `without_codes`.
    """
    if not found.width * found.height:
        raise ValueError(texts.NO_SIZE())
    if found.kind == "PNG":
        if damage := png_damage(data):
            raise ValueError(damage)
    elif found.kind == "JPEG":
        # At an eighth of its size, which takes hardly any time and memory.
        mode, size = _JPEG_MODES[jpeg_samples(data)], (-(-found.width // 8), -(-found.height // 8))
        Image.frombytes(mode, size, without_codes(data[:end]), "jpeg", mode, "", 8, 0)
    else:
        webp_picture(data, end)


def webp_picture(data: bytes, end: int) -> Image.Image:
    """The (first) picture of a WebP file. Pillow's own class refuses by a limit that other code of the process sets."""
    from PIL import _webp  # noqa: PLC0415 - a Pillow may have been built without it

    decoder = _webp.WebPAnimDecoder(data[:end])
    size, _, _, _, raw_mode = decoder.get_info()
    pixels, _ = decoder.get_next() or (b"", 0)
    with in_one_block():
        return Image.frombytes("RGB" if raw_mode == "RGBX" else raw_mode, size, pixels, "raw", raw_mode)
