"""A set as one file for other people. What kind of file, its ending says."""

from __future__ import annotations

import difflib
import logging
import math
import os
import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any

from seedream_magic.errors import ConfigError, InvalidRequest
from seedream_magic.images.image_set import ImageSet
from seedream_magic.view.animation import write_animation
from seedream_magic.view.archive import write_archive
from seedream_magic.view.lettering import find_lettering
from seedream_magic.view.page import write_page
from seedream_magic.view.pictures import without_lost
from seedream_magic.view.sheet import write_sheet
from seedream_magic.view.words import CHINESE, error_text, words_for

LOG = logging.getLogger("seedream_magic")
"""What an export has to tell beside its file goes here: Python prints it where nobody has set up logging."""
SHEETS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}
ENDINGS = (".html", ".zip", ".gif", *SHEETS)
SIZES = range(64, 4097)


def export(images: ImageSet, path: str | os.PathLike[str], *, seconds: float = 1.2, size: int | None = None) -> Path:
    """Write the set to one file, which appears whole or not at all; return its absolute path.

    `.html` is a page with the carousel and the originals inside, `.zip` the originals with captions, `.gif` the frames
    in order, each for `seconds`, `.jpg` and `.png` a contact sheet. `size` is in pixels, 64-4096: the long side of a
    `.gif` (960 without one), the width of a sheet (1600). Originals are only read. A picture whose file is gone or
    damaged is told as a log warning of "seedream_magic" and as a failed frame in the file; the others are exported.

    Raises `InvalidRequest` for another ending, a set without a picture, a `.gif` of fewer than two, a page of more than
    150 MB, `ConfigError` where the file cannot be written.
    """
    target = _checked_target(images, path)
    ending = target.suffix.lower()
    _check_numbers(ending, seconds, size)
    found = without_lost(images)
    if not found.ok:
        reason = f" {error_text(found.failed[0].error)}" if images.ok and found.failed[0].error else ""
        raise InvalidRequest(f"The set has no picture to export.{reason}")
    if found.state == "running":  # a moment of a growing set: the file will not grow
        found = replace(found, state="stopped", pause="")
    part = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        written = _write(found, part, ending, seconds, size)
        part.replace(target)
    except OSError as exc:
        raise ConfigError(f"{target} cannot be written ({exc.strerror or exc}).") from exc
    finally:
        part.unlink(missing_ok=True)
    _tell(images, written, target)
    return target


def _write(images: ImageSet, part: Path, ending: str, seconds: float, size: int | None) -> ImageSet:
    """Write the file; the set as it was written, in which damaged pictures are errors."""
    if ending == ".html":
        return write_page(images, part)
    if ending == ".zip":
        return write_archive(images, part)
    if ending == ".gif":
        return write_animation(images, part, seconds=seconds, size=size)
    return write_sheet(images, part, kind=SHEETS[ending], size=size)


def _checked_target(images: ImageSet, path: str | os.PathLike[str]) -> Path:
    """The file meant, in a folder that is there and is not the run's own."""
    try:
        target = Path(path).expanduser().absolute()
        parent, folder, inside = target.parent.is_dir(), target.is_dir(), _is_original(images, target)
    except (TypeError, ValueError, RuntimeError, OSError) as exc:  # no path; a NUL; no such user; a name too long
        raise InvalidRequest(f"{str(path)[:200]!r} is no name for a file ({exc}).") from exc
    if target.suffix.lower() not in ENDINGS:
        near = difflib.get_close_matches(target.suffix.lower(), ENDINGS, n=1)
        meant = f" Did you mean {near[0]}?" if near else ""
        given = target.suffix[:40] or "without an ending"
        raise InvalidRequest(f"A set is exported as {', '.join(ENDINGS)}, not {given}.{meant}")
    if inside:
        raise InvalidRequest(f"{target} lies in the run's own folder, whose files stay untouched. Name another place.")
    if not parent:
        raise ConfigError(f"The folder {target.parent} does not exist. Make it first, or name another.")
    if folder:
        raise InvalidRequest(f"{target} is a folder. Name a file.")
    return target


def _is_original(images: ImageSet, target: Path) -> bool:
    """Whether the file is, or would be, one of a run's folder."""
    place = target.resolve()
    folders = {images.folder.resolve(), *(frame.path.parent.resolve() for frame in images.ok if frame.path is not None)}
    return any((folder / "request.json").exists() and place.is_relative_to(folder) for folder in folders) or any(
        frame.path is not None and frame.path.resolve() == place for frame in images
    )


def _check_numbers(ending: str, seconds: Any, size: Any) -> None:
    timed = isinstance(seconds, int | float) and not isinstance(seconds, bool) and math.isfinite(seconds)
    if not timed or not 0.02 <= seconds <= 600:
        raise InvalidRequest(f"seconds is the time of a frame, 0.02 to 600, not {seconds!r}.")
    if size is None:
        return
    if ending in {".html", ".zip"}:
        raise InvalidRequest(f"size is for .gif and contact sheets; a {ending} holds the originals as they are.")
    if isinstance(size, bool) or not isinstance(size, int) or size not in SIZES:
        raise InvalidRequest(f"size is in whole pixels, {SIZES.start} to {SIZES.stop - 1}, not {size!r}.")


def _tell(images: ImageSet, written: ImageSet, target: Path) -> None:
    """Say what is not in the file although the set has it."""
    for before, after in zip(images, written, strict=True):
        if before.ok and after.error is not None:
            LOG.warning("%s is without frame %d: %s", target.name, before.index + 1, error_text(after.error))
    if target.suffix.lower() in SHEETS and words_for(images.prompt) is CHINESE and not find_lettering().chinese:
        LOG.warning(
            "%s is without its Chinese captions: no font with Chinese characters was found. Noto Sans CJK is one.",
            target.name,
        )
