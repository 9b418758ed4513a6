"""The pictures of a set as an export needs them: read whole or at the size they are drawn, one by one with a bar."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from PIL import Image

from seedream_magic.errors import ImageInvalid, SeedreamError
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.view.preview import contained, decoded

PAPER = (255, 255, 255)
FEW = 4
DELAY = 3.0
"""Seconds without a bar: what is done by then needs none."""
Item = TypeVar("Item")


def progress(items: Sequence[Item], what: str) -> Iterable[Item]:
    """The items, with a bar named `what` if there are more than four and they take more than three seconds."""
    if len(items) <= FEW:
        return items
    # Not tqdm.auto: its bar is a widget, which stays in the saved notebook as "model not found". And it is left: a
    # notebook keeps the line of one that is taken away, and an empty red block looks like a failure.
    from tqdm.std import tqdm  # noqa: PLC0415 - only a long export needs it

    bar: Iterable[Item] = tqdm(items, desc=what, unit="frame", delay=DELAY)
    return bar


def without_lost(images: ImageSet) -> ImageSet:
    """The set, with an error in the place of each picture whose file is gone or cannot be opened."""
    frames = []
    for frame in images:
        if frame.path is not None:
            try:
                frame.path.open("rb").close()
            except OSError as exc:
                why = "is gone" if isinstance(exc, FileNotFoundError) else f"cannot be opened ({exc.strerror or exc})"
                frame = lost(frame, ImageInvalid(f"{frame.path.name} {why}."))  # noqa: PLW2901 - it stands in its place
        frames.append(frame)
    return replace(images, frames=tuple(frames))


def lost(frame: Frame, error: SeedreamError) -> Frame:
    """The frame without its picture, and why."""
    return replace(frame, path=None, error=error)


def original(path: Path) -> bytes:
    """The bytes of the picture as the service made them. Raises `ImageInvalid` for a lost file."""
    try:
        return path.read_bytes()
    except OSError as exc:
        raise ImageInvalid(f"{path.name} cannot be read: {exc.strerror or exc}.") from exc


def fitted(path: Path, size: tuple[int, int]) -> Image.Image:
    """The picture upright in RGB, as large as it can be within `size` pixels; transparent parts become white.

    Raises `ImageInvalid` for a file that is lost or damaged.
    """
    picture = decoded(path, max(size), min)
    if picture.mode == "RGBA":
        paper = Image.new("RGB", picture.size, PAPER)
        paper.paste(picture, mask=picture)
        picture = paper
    return contained(picture, size)
