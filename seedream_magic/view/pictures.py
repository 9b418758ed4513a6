"""Originals as an export needs them: read whole, or decoded at the size at which they are drawn."""

from __future__ import annotations

from dataclasses import replace

from PIL import Image

from seedream_magic.errors import ImageInvalid, SeedreamError
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.images.verify import opened_picture
from seedream_magic.view.preview import contained, upright

PAPER = (255, 255, 255)


def without_lost(images: ImageSet) -> ImageSet:
    """The set, with an error in the place of each picture whose file is gone or cannot be opened."""
    return replace(images, frames=tuple(map(_found, images.frames)))


def lost(frame: Frame, error: SeedreamError) -> Frame:
    """The frame without its picture, and why."""
    return replace(frame, path=None, error=error)


def original(frame: Frame) -> bytes:
    """The bytes of the picture as the service made them. Raises the frame's error, `ImageInvalid` for a lost file."""
    if frame.path is None:
        raise frame.error or SeedreamError(f"Frame {frame.index + 1} has no picture.")
    try:
        return frame.path.read_bytes()
    except OSError as exc:
        raise ImageInvalid(f"{frame.path.name} cannot be read: {exc.strerror or exc}.") from exc


def fitted(frame: Frame, size: tuple[int, int]) -> Image.Image:
    """The picture upright in RGB, as large as it can be within `size` pixels; transparent parts become white.

    Raises the frame's error, `ImageInvalid` for a file that is lost or damaged.
    """
    if frame.path is None:
        raise frame.error or SeedreamError(f"Frame {frame.index + 1} has no picture.")
    try:
        with opened_picture(frame.path) as opened:
            opened.draft("RGB", (max(size), max(size)))  # a JPEG is decoded near the size that is drawn
            picture = _opaque(upright(opened))
    except Exception as exc:
        # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error and more on damaged bytes.
        raise ImageInvalid(f"{frame.path.name} cannot be read as a picture.") from exc
    picture.info = {}  # Pillow would write comment, profile and EXIF of the original into what it saves
    return contained(picture, size)


def _found(frame: Frame) -> Frame:
    if frame.path is None:
        return frame
    try:
        with frame.path.open("rb"):
            return frame
    except OSError as exc:
        why = "is gone" if isinstance(exc, FileNotFoundError) else f"cannot be opened ({exc.strerror or exc})"
        return lost(frame, ImageInvalid(f"{frame.path.name} {why}."))


def _opaque(picture: Image.Image) -> Image.Image:
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    layered = picture.convert("RGBA")
    paper = Image.new("RGB", layered.size, PAPER)
    paper.paste(layered, mask=layered)
    return paper
