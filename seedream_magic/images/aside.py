"""Where files of a run go when its own folder does not take them, and how they are found there again.

What was paid for is put into the user's folder for caches, else into the one for temporary files. The folders of this
user for caches and data have their place here too.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import platformdirs

from seedream_magic.forks import free_in_child
from seedream_magic.images.durable import write_durably
from seedream_magic.images.json_files import json_bytes, read_object

END_FILE = "end.json"
"""The end state of a run that its own folder did not take, where `write_elsewhere` has put it."""

PLACE_FILE = "place.json"
"""Beside what was put aside: the folder that did not take it. Copies of a store have runs of the same ids."""

if once := getattr(tempfile, "_once_lock", None):  # held while a folder for temporary files is looked for
    free_in_child(once)


def cache_folder() -> Path:
    """The package's folder in the user's cache folder, as an absolute path; it may not exist yet. Never raises.

    Who makes it gives it mode 0700. Without a home it stands in the folder for temporary files.
    """
    with contextlib.suppress(OSError, RuntimeError, LookupError, ValueError):  # as each system says that there is none
        folder = platformdirs.user_cache_path("seedream-magic", appauthor=False, opinion=False)
        if folder.is_absolute():
            return folder
    return Path(tempfile.gettempdir()) / "seedream-magic"


def data_folder() -> Path:
    """The package's folder in the user's data folder, as an absolute path; it may not exist yet. Never raises.

    Without a home it is that for caches.
    """
    with contextlib.suppress(OSError, RuntimeError, LookupError, ValueError):  # as above
        folder = platformdirs.user_data_path("seedream-magic", appauthor=False)
        if folder.is_absolute():
            return folder
    return cache_folder()


def write_elsewhere(run_id: str, name: str, data: bytes, *, of: Path | None = None) -> Path | None:
    """Write what was paid for where there is room when the store has none; None if there is none anywhere.

    `of` is the folder that does not take it.
    """
    return put_elsewhere(run_id, name, lambda path: write_durably(path, data, mode=0o600), of=of)


def put_elsewhere(run_id: str, name: str, write: Callable[[Path], object], *, of: Path | None = None) -> Path | None:
    """The file of that name which `write` has written in the first folder that takes it, None if none does."""
    for folder in rescue_folders(run_id):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if _is_own(folder):
                write(folder / name)
                if of is not None and not (folder / PLACE_FILE).exists():
                    with contextlib.suppress(OSError):  # then whoever has a run of this id takes it
                        write_durably(folder / PLACE_FILE, json_bytes(_place_of(of)), mode=0o600)
                return folder / name
        except OSError:
            with contextlib.suppress(OSError):
                folder.rmdir()  # if it is empty; a picture before this one may be in it
    return None


def rescue_folders(run_id: str) -> list[Path]:
    """Where a run's files may be besides its own folder: the user's folder for caches, then the temporary one.

    Others may write in the second: what is there counts only if `_is_own` says so.
    """
    folders = [cache_folder() / "rescued" / run_id]
    with contextlib.suppress(OSError):  # nowhere is a file of no use welcome
        folders.append(Path(tempfile.gettempdir()) / f"seedream-magic-{run_id}")
    return folders


def find_rescued(run_id: str, names: Sequence[str]) -> Path | None:
    """The first file of these names which `write_elsewhere` has put aside for a run, None if there is none."""
    folders = list(filter(_is_own, rescue_folders(run_id)))
    paths = (folder / name for name in names for folder in folders)
    return next((path for path in paths if path.is_file() and not path.is_symlink()), None)


def forget_end(run_id: str) -> None:
    """Remove the end state that was put aside for a run: its folder has it."""
    while path := find_rescued(run_id, [END_FILE]):
        try:
            path.unlink()
        except OSError:
            return
        remove_aside(path.parent)


def remove_aside(folder: Path) -> None:
    """Remove a folder in which things were put aside, if nothing is in it any more but where they belong."""
    with contextlib.suppress(OSError):
        if os.listdir(folder) == [PLACE_FILE]:  # noqa: PTH208 - only the names
            (folder / PLACE_FILE).unlink()
        folder.rmdir()


def owns_aside(folder: Path) -> bool:
    """Whether what was put aside for a run of this id is of this very folder, and may be taken away once it has it.

    A copy of it, in another store, reads what was put aside, and leaves it: the original has yet to get it.
    """
    path = find_rescued(folder.name, [PLACE_FILE])
    place = None if path is None else read_object(path)
    here = _place_of(folder)
    same = place is not None and place.get("inode") is not None and place.get("inode") == here["inode"]
    return place is None or same or place.get("folder") == here["folder"]


def _place_of(folder: Path) -> dict[str, Any]:
    """A folder by its path, and by its number on its disk, which stays where the store is renamed."""
    try:
        inode = folder.stat().st_ino or None
    except OSError:
        inode = None
    return {"folder": os.path.realpath(folder), "inode": inode}


def rescued_runs() -> list[str]:
    """The ids of the runs that have files put aside."""
    prefix = rescue_folders("")[-1].name
    found = set[str]()
    for place in {folder.parent for folder in rescue_folders("x")}:
        with contextlib.suppress(OSError):
            found |= {name.removeprefix(prefix) for name in os.listdir(place)}  # noqa: PTH208 - of names alone
    return sorted(found)


def rescued_names(run_id: str) -> set[str]:
    """The names of the files that were put aside for a run."""
    names = set[str]()
    for folder in filter(_is_own, rescue_folders(run_id)):
        with contextlib.suppress(OSError):
            names |= set(os.listdir(folder))  # noqa: PTH208 - only the names
    return names


def _is_own(folder: Path) -> bool:
    """Whether nobody else has made the folder, or a link in its place."""
    try:
        facts = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(facts.st_mode) and (os.name == "nt" or facts.st_uid == os.getuid())
