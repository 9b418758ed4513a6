"""The pictures of a run on disk: the original bytes under the number of their frame, each with a sidecar, `NN.json`.

People rename what they like. A picture is still the one that was paid for while a file of the run's folder holds it.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from seedream_magic.api.models import LARGEST_PICTURE_BYTES, MAXIMUM_FRAMES
from seedream_magic.errors import ImageInvalid
from seedream_magic.images.aside import find_rescued, rescued_names
from seedream_magic.images.durable import patiently, read_folder
from seedream_magic.images.image_set import Frame
from seedream_magic.images.json_files import json_bytes, read_object, record_bytes, regular_bytes
from seedream_magic.images.verify import PictureFacts, verify_picture
from seedream_magic.words import pictures as texts

ENDINGS = ("jpg", "png", "webp")
NUMBERED = re.compile(rf"(\d\d)\.(?:{'|'.join(ENDINGS)})", re.ASCII)
"""The name of a saved picture: its frame, counted from 1."""
SIDECARS = {f"{number:02d}.json" for number in range(1, MAXIMUM_FRAMES + 1)}
MOST_FILES = 200
"""Of a folder that are looked at for a picture with another name: a run makes fewer, whatever else was put there."""
_RECORDS = {".json", ".jsonl", ".raw", ".part"}
"""Endings of the run's files that are no pictures."""

Facts = Sequence[Mapping[str, Any]]
"""What the record says of each frame: the SHA-256 of its picture among other things."""


def picture_path(folder: Path, index: int, facts: Facts = ()) -> Path | None:
    """Where the picture of a frame is: in the run's folder, or where it was put aside when that took no more.

    Where no file has its name, a file of the folder that holds the same bytes is the picture.
    """
    return _numbered(folder, index) or find_rescued(folder.name, _names(index)) or _renamed(folder, index, facts)


def read_picture(folder: Path, index: int, prompt: str, facts: Facts = ()) -> Frame | None:
    """The frame of a saved picture that is still what its sidecar says; one without a sidecar is looked at anew.

    None where there is no picture. Raises `ImageInvalid` for one that was changed or is damaged, and OSError.
    """
    path = picture_path(folder, index, facts)
    if path is None:
        return None
    frame = _read(path, index, prompt)
    if frame is None and (other := _renamed(folder, index, facts)):  # its name was given to another picture
        frame = _read(other, index, prompt)
    if frame is None:
        raise ImageInvalid(texts.WAS_CHANGED(path=path))
    return frame


def sidecar_bytes(path: Path, size: int, digest: str, facts: PictureFacts, *, source: str) -> bytes:
    """What the sidecar of a picture says of it; `source` is its link as a record keeps it."""
    return json_bytes(
        {
            "file": path.name,
            "sha256": digest,
            "bytes": size,
            "media_type": facts.media_type,
            "width": facts.width,
            "height": facts.height,
            "source": source,
        }
    )


def frames_on_disk(folder: Path, facts: Facts = ()) -> set[int]:
    """The indexes of the frames whose picture is there."""

    def files(entries: Iterable[os.DirEntry[str]]) -> set[str]:
        return {entry.name for entry in entries if entry.is_file(follow_symlinks=False)}

    try:
        names = read_folder(folder, files)
    except OSError:
        return set()
    found = {int(place[1]) - 1 for place in map(NUMBERED.fullmatch, names) if place}.intersection(range(MAXIMUM_FRAMES))
    had_one = {int(name[:2]) - 1 for name in names.intersection(SIDECARS)}
    had_one |= {index for index, frame in enumerate(facts) if "file" in frame}
    return found | {index for index in had_one - found if picture_path(folder, index, facts)}


def places_on_disk(folder: Path, facts: Facts = ()) -> set[int]:
    """The same, with what was put aside when the folder took no more."""
    return frames_on_disk(folder, facts) | {
        int(place[1]) - 1 for place in map(NUMBERED.fullmatch, rescued_names(folder.name)) if place
    }.intersection(range(MAXIMUM_FRAMES))


def _names(index: int) -> list[str]:
    return [f"{index + 1:02d}.{ending}" for ending in ENDINGS]


def _numbered(folder: Path, index: int) -> Path | None:
    """The file that has the name of a frame's picture."""

    def find() -> Path | None:
        here = (folder / name for name in _names(index))
        return next((path for path in here if path.is_file() and not path.is_symlink()), None)

    return patiently(find)


def _sidecar(folder: Path, index: int) -> Path:
    return folder / f"{index + 1:02d}.json"


def _read(path: Path, index: int, prompt: str) -> Frame | None:
    """The frame; None where the file holds something else than what was saved."""
    sidecar, data = read_object(_sidecar(path.parent, index)), regular_bytes(path, LARGEST_PICTURE_BYTES)
    digest = hashlib.sha256(data).hexdigest()
    if sidecar is None:
        facts = verify_picture(data)
        return Frame(index, prompt, path, facts.width, facts.height, digest)
    if sidecar.get("sha256") != digest:
        return None
    width, height = (side if isinstance(side := sidecar.get(name), int) else None for name in ("width", "height"))
    return Frame(index, prompt, path, width, height, digest)


def _renamed(folder: Path, index: int, facts: Facts) -> Path | None:
    """The picture of a frame under a name that is not its own; None where there is none, as after it was deleted.

    A file under the number of another frame with the same bytes is that one's, and two such frames never share a file.
    """
    digest, size = _saved(folder, index, facts)
    if not digest:
        return None
    alike = [other for other in range(MAXIMUM_FRAMES) if _saved(folder, other, facts)[0] == digest]
    taken = {other: _numbered(folder, other) for other in alike if other != index}
    files = [path for path in _files(folder, size) if path not in taken.values() and _holds(path, digest)]
    place = sum(taken[other] is None for other in alike if other < index)
    return files[place] if place < len(files) else None


def _saved(folder: Path, index: int, facts: Facts) -> tuple[str, int | None]:
    """The SHA-256 of the picture that was saved, and its size; of a sidecar that is gone the record has the first."""
    sidecar = read_object(_sidecar(folder, index)) or {}
    known = sidecar if sidecar.get("sha256") else facts[index] if index < len(facts) else {}
    digest, size = known.get("sha256"), known.get("bytes")
    return digest if isinstance(digest, str) else "", size if isinstance(size, int) else None


def _files(folder: Path, size: int | None) -> Iterator[Path]:
    """The regular files that may be pictures, of that size where it is known, by their names."""

    def files(entries: Iterable[os.DirEntry[str]]) -> dict[str, int]:
        found = [entry for entry in islice(entries, MOST_FILES) if entry.is_file(follow_symlinks=False)]
        return {entry.name: entry.stat(follow_symlinks=False).st_size for entry in found}

    try:
        sizes = read_folder(folder, files)
    except OSError:
        return
    for name in sorted(sizes):
        if size in {None, sizes[name]} and os.path.splitext(name)[1] not in _RECORDS:  # noqa: PTH122 - of a name alone
            yield folder / name


def _holds(path: Path, digest: str) -> bool:
    return hashlib.sha256(record_bytes(path, maximum=LARGEST_PICTURE_BYTES)).hexdigest() == digest
