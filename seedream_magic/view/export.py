"""A set as one file for other people. What kind of file, its ending says."""

from __future__ import annotations

import difflib
import logging
import math
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from seedream_magic.errors import ConfigError, ImageInvalid, InvalidRequest
from seedream_magic.view.animation import write_animation
from seedream_magic.view.archive import write_archive
from seedream_magic.view.cards import CardSet
from seedream_magic.view.lettering import find_lettering
from seedream_magic.view.page import write_page
from seedream_magic.view.sheet import write_sheet
from seedream_magic.words import CHINESE

LOG = logging.getLogger("seedream_magic")
"""What an export has to tell beside its file goes here: Python prints it where nobody has set up logging."""
SHEETS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}
ENDINGS = (".html", ".zip", ".gif", *SHEETS)
SIZES = range(64, 4097)


def export(
    cards: CardSet,
    path: str | os.PathLike[str],
    *,
    seconds: float = 1.2,
    size: int | None = None,
    request: Mapping[str, Any] | None = None,
    untouched: Iterable[Path] = (),
) -> Path:
    """Write the set to one file, which appears whole or not at all; return its absolute path.

    `.html` is a page with the carousel and the originals inside, `.zip` the originals with captions and `request`, the
    facts of what was asked for, `.gif` the pictures in order, each for `seconds`, `.jpg` and `.png` a contact sheet.
    `size` is in pixels, 64-4096: the long side of a `.gif` (960 without one), the width of a sheet (1600). Originals
    are only read, and nothing is written into the folders `untouched`. A picture whose file is gone or damaged is told
    as a log warning of "seedream_magic" and as a failed card in the file; the others are exported.

    Raises `InvalidRequest` for another ending, a set without a picture, a `.gif` of fewer than two, a page of more than
    150 MB, `ConfigError` where the file cannot be written.
    """
    target = _checked_target(cards, path, untouched)
    ending = target.suffix.lower()
    _check_numbers(ending, seconds, size)
    found = _without_lost(cards)
    if not found.pictures:
        failures = [card.failure for card in found.cards if card.failure]
        reason = f" {failures[0].message}" if cards.pictures and failures else ""
        raise InvalidRequest(f"The set has no picture to export.{reason}")
    part = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        if ending == ".html":
            written = write_page(found, part)
        elif ending == ".zip":
            written = write_archive(found, part, request or {})
        elif ending == ".gif":
            written = write_animation(found, part, seconds=seconds, size=size)
        else:
            written = write_sheet(found, part, kind=SHEETS[ending], size=size)
        part.replace(target)
    except OSError as exc:
        raise ConfigError(f"{target} cannot be written ({exc.strerror or exc}).") from exc
    finally:
        part.unlink(missing_ok=True)
    _warn(cards, written, target)
    return target


def _checked_target(cards: CardSet, path: str | os.PathLike[str], untouched: Iterable[Path]) -> Path:
    """The file meant, in a folder that is there; no original, and nothing beside one."""
    try:
        target = Path(path).expanduser().absolute()
        parent, folder, place = target.parent.is_dir(), target.is_dir(), target.resolve()
        originals = [card.picture.resolve() for card in cards.pictures if card.picture]
        inside = place in originals or any(place.is_relative_to(one.resolve()) for one in untouched)
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


def _without_lost(cards: CardSet) -> CardSet:
    """The set, with a failure in the place of each picture whose file is gone or cannot be opened."""
    checked = []
    for card in cards.cards:
        error = None
        if card.picture is not None:
            try:
                card.picture.open("rb").close()
            except OSError as exc:
                why = "is gone" if isinstance(exc, FileNotFoundError) else f"cannot be opened ({exc.strerror or exc})"
                error = ImageInvalid(f"{card.picture.name} {why}.")
        checked.append(card.without_picture(error) if error else card)
    return replace(cards, cards=tuple(checked))


def _warn(cards: CardSet, written: CardSet, target: Path) -> None:
    """Say what is not in the file although the set has it."""
    for before, after in zip(cards.cards, written.cards, strict=True):
        if before.picture and after.failure:
            LOG.warning("%s is without frame %d: %s", target.name, before.index + 1, after.failure.message)
    if target.suffix.lower() in SHEETS and cards.words is CHINESE and not find_lettering().chinese:
        LOG.warning(
            "%s is without its Chinese captions: no font with Chinese characters was found. Noto Sans CJK is one.",
            target.name,
        )
