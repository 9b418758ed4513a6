"""A set as one file for other people: a contact sheet, or an archive of the originals."""

from __future__ import annotations

import os
import secrets
import zipfile
from collections.abc import Callable
from pathlib import Path

from seedream_magic.errors import ConfigError, InvalidRequest
from seedream_magic.images.image_set import ImageSet
from seedream_magic.view.carousel import plain_text
from seedream_magic.view.preview import contact_sheet

SHEET_BYTES = 4 * 2**20
"""Base64 bytes of an exported contact sheet at most; a sheet of fifteen pictures is sharp well below it."""


def export(images: ImageSet, path: str | os.PathLike[str]) -> Path:
    """Write the set as its ending says: `.jpg` a contact sheet, `.zip` the originals and a caption file.

    Raises `InvalidRequest` for another ending or a set without a picture, `ConfigError` where nothing can be written.
    """
    target = Path(path).expanduser().absolute()
    write = _WRITERS.get(target.suffix.lower())
    if write is None:
        raise InvalidRequest(
            f"A set is exported as {' or '.join(_WRITERS)}, not {target.suffix or 'without an ending'}."
        )
    if not images.ok:
        raise InvalidRequest("The set has no picture to export.")
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        write(images, part)
        part.replace(target)
    except OSError as exc:
        part.unlink(missing_ok=True)
        raise ConfigError(f"{target} cannot be written ({exc.strerror or exc}).") from exc
    return target


def _write_sheet(images: ImageSet, path: Path) -> None:
    path.write_bytes(contact_sheet(images, budget=SHEET_BYTES))


def _write_archive(images: ImageSet, path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:  # pictures are compressed already
        for frame in images.ok:
            if frame.path is not None:
                archive.write(frame.path, frame.path.name)
        archive.writestr("captions.txt", f"{images.prompt}\n\n{plain_text(images)}\n")


_WRITERS: dict[str, Callable[[ImageSet, Path], None]] = {
    ".jpg": _write_sheet,
    ".jpeg": _write_sheet,
    ".zip": _write_archive,
}
