"""Pixels decoded by functions that know none of Pillow's switches of the process; else Pillow as it is shipped.

Other code of a notebook sets `Image.MAX_IMAGE_PIXELS`, `ImageFile.LOAD_TRUNCATED_IMAGES` and their like for pictures of
its own. They say nothing of ours: what is accepted or refused, and how it looks, must not hang on them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from PIL import Image, ImageFile, PngImagePlugin, _imaging

from seedream_magic.forks import free_in_child, in_child
from seedream_magic.formats import Outline, jpeg_samples, png_damage, without_codes
from seedream_magic.words import pictures as texts

LARGEST_OPENED = 2 * 89_478_485
"""Pixels: what Pillow refuses to open as it is shipped."""
_lock = free_in_child(threading.Lock())
_JPEG_MODES = {1: "L", 3: "RGB", 4: "CMYK"}


@dataclass(frozen=True)
class _Setting:
    """A setting of the process: how it is read and written, and what we need it to be."""

    read: Callable[[], Any]
    write: Callable[[Any], object]
    ours: Any


class _Settings:
    """Settings that are ours as long as anybody needs them so, and afterwards what they were.

    They are the process's: another thread has them so too, for as long. So this is for what is short or rare.
    """

    def __init__(self, *settings: _Setting) -> None:
        self._settings, self._before = settings, list[Any]()
        self._needed = 0
        in_child(self._restore)  # whoever needed them is not there

    @contextmanager
    def ours(self) -> Iterator[None]:
        with _lock:
            self._needed += 1
            if self._needed == 1:
                self._before = [setting.read() for setting in self._settings]
                for setting in self._settings:
                    setting.write(setting.ours)
        try:
            yield
        finally:
            with _lock:
                self._needed -= 1
                if not self._needed:
                    self._restore()

    def _restore(self) -> None:
        for setting, before in zip(self._settings, self._before, strict=False):
            if setting.read() == setting.ours:  # what somebody has set meanwhile stays
                setting.write(before)
        self._needed, self._before = 0, []


def _attribute(module: object, name: str, ours: object) -> _Setting:
    return _Setting(partial(getattr, module, name), partial(setattr, module, name), ours)


_SWITCHES = _Settings(
    _attribute(ImageFile, "LOAD_TRUNCATED_IMAGES", ours=False),
    _attribute(Image, "MAX_IMAGE_PIXELS", None),  # ours are checked against limits of their own
    _attribute(PngImagePlugin, "MAX_TEXT_CHUNK", 2**20),
    _attribute(PngImagePlugin, "MAX_TEXT_MEMORY", 2**26),
)
_BLOCK_SIZE = _Settings(_Setting(_imaging.get_block_size, _imaging.set_block_size, 2**30))
"""In bytes: more than any picture of ours has."""


@contextmanager
def as_shipped() -> Iterator[None]:
    """Pillow's switches as they are shipped, but for the limit of pixels, which is off; afterwards as they were."""
    with _SWITCHES.ours():
        yield


@contextmanager
def in_one_block() -> Iterator[None]:
    """Pixels that are decoded meanwhile lie in one piece of memory, which goes back to the system when they are freed.

    Pillow's own pieces have 16 MiB, of which each thread of this process would keep four: see `memory`.
    """
    with _BLOCK_SIZE.ours():
        yield


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
