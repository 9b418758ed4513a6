"""Files that are whole or absent, whatever kills the process or fills the disk; and files read with the same care.

A file is written beside its place, synced, and renamed; the directory is synced after it. A reader (or a kill at any
instant) therefore sees a whole file or none. Whoever reads a folder reads what a stranger may have put there: links are
not followed, pipes not waited for, sizes capped, and what cannot be read is nothing, never an exception.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import secrets
import stat
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import platformdirs

from seedream_magic.forks import free_in_child
from seedream_magic.words import store as texts

# Windows would else put a carriage return before each line feed, in pictures too.
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
PAUSES = (0.05, 0.1, 0.15, 0.2)
"""Seconds between five tries."""
PASSING = frozenset({errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN, errno.EBUSY})
"""What a mounted drive (Colab's, a network's) says now and then, and not at the next try."""
NOTHING_THERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL})
"""What the system says of a folder that is none; any other refusal does not say that nothing is there."""
OLDEST_PART = 3600.0
"""Seconds after which a half-written file has no owner any more: no run lasts as long."""
DEEPEST = 100
"""Levels of JSON: what is copied, compared and shown by functions that call themselves has far fewer."""
MAXIMUM_RECORD_BYTES = 16 * 2**20
LARGEST_FACT = 2**19
"""Bytes of what the service said in one field of a record, of which it fills a few."""
CUT = "…"
"""In place of what was too deep."""
_NO_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EOPNOTSUPP})
"""What file systems say that have no `fsync`."""
END_FILE = "end.json"
"""The end state of a run that its own folder did not take, where `write_elsewhere` has put it."""

PLACE_FILE = "place.json"
"""Beside what was put aside: the folder that did not take it. Copies of a store have runs of the same ids."""

Value = TypeVar("Value")

if once := getattr(tempfile, "_once_lock", None):  # held while a folder for temporary files is looked for
    free_in_child(once)


def patiently(act: Callable[[], Value], *, pauses: Sequence[float] = PAUSES) -> Value:
    """What a call gives. Where a drive refuses it for the moment it is tried again, after each of these pauses."""
    for pause in pauses:
        try:
            return act()
        except OSError as exc:
            if exc.errno not in PASSING:
                raise
        time.sleep(pause)
    return act()


def read_folder(folder: Path, take: Callable[[Iterable[os.DirEntry[str]]], Value]) -> Value:
    """What `take` makes of the entries of a folder. Raises OSError where it cannot be read, at several tries."""

    def read() -> Value:
        with os.scandir(folder) as entries:
            return take(entries)

    return patiently(read)


def write_durably(path: Path, data: bytes, *, mode: int) -> None:
    """Write a file so that it is whole or absent after a kill at any instant, and outlasts a power cut from now on."""
    write_whole(path, data, mode=mode)
    sync_folder(path.parent)


def write_whole(path: Path, data: bytes, *, mode: int) -> None:
    """Write a file that is whole or absent after a kill or a power cut; it is there for certain once its folder is
    synced.
    """
    patiently(lambda: _write_once(path, data, mode))  # anew: what a failed fsync has dropped no later one brings back


def _write_once(path: Path, data: bytes, mode: int) -> None:
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    descriptor = os.open(part, _NEW_FILE, mode)
    try:
        try:
            write_all(descriptor, data)
            unsynced = not sync(descriptor)
        finally:
            os.close(descriptor)
        if unsynced:
            _compare(part, data)
        _rename(part, path)
    except BaseException:
        with contextlib.suppress(OSError):  # `sweep` finds it later
            part.unlink(missing_ok=True)
        raise


def _compare(path: Path, data: bytes) -> None:
    if path.read_bytes() != data:
        raise OSError(errno.EIO, texts.NOT_WHAT_WAS_WRITTEN(), str(path))


def sync(descriptor: int) -> bool:
    """Bring a file's bytes to the disk; False where its file system has no such thing, so that they may be checked."""
    try:
        os.fsync(descriptor)
    except OSError as exc:
        if exc.errno not in _NO_SYNC:
            raise
        return False
    return True


def open_regular(path: Path, flags: int) -> int:
    """The descriptor of a file for its owner, opened with these flags of `os.open`.

    A folder may come from a stranger: a link is not followed and a pipe not waited for. Raises OSError for whatever is
    no regular file.
    """
    careful = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
    descriptor = os.open(path, flags | careful, 0o600)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, texts.NO_REGULAR_FILE(), str(path))
    return descriptor


def make_folder(folder: Path) -> None:
    """Make a folder for its owner where there is none yet. Raises OSError where it cannot be, or a link is there."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink():
        raise NotADirectoryError(errno.ENOTDIR, texts.IS_LINK(), str(folder))


def record_bytes(path: Path, *, maximum: int = MAXIMUM_RECORD_BYTES) -> bytes:
    """The bytes of a regular file that is no link; empty for anything else, and for more than `maximum` bytes."""
    try:
        return patiently(lambda: regular_bytes(path, maximum), pauses=PAUSES[:1])  # of many records
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return b""


def regular_bytes(path: Path, maximum: int) -> bytes:
    """The bytes of a regular file that is no link. Raises OSError for anything else, and for more than `maximum`.

    What was opened is what is looked at: a link that takes the place of the file meanwhile is not read.
    """
    if not hasattr(os, "O_NOFOLLOW") and path.is_symlink():  # Windows
        raise OSError(errno.EINVAL, texts.NO_REGULAR_FILE(), str(path))
    descriptor, data = open_regular(path, os.O_RDONLY), b""
    try:
        size = os.fstat(descriptor).st_size
        if size > maximum:
            raise OSError(errno.EFBIG, texts.LARGER_THAN_IT_CAN_BE(), str(path))
        while len(data) < size and (piece := os.read(descriptor, size - len(data))):
            data += piece
    finally:
        os.close(descriptor)
    return data


def read_object(path: Path) -> dict[str, Any] | None:
    """The JSON object of a file; None where there is none that can be read."""
    return parse(record_bytes(path))


def parse(data: bytes) -> dict[str, Any] | None:
    """The JSON object of these bytes; None where they are none, or nested deeper than anything that is kept."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    is_shallow = data.count(b"[") + data.count(b"{") <= DEEPEST or _depth(value) <= DEEPEST
    return value if isinstance(value, dict) and is_shallow else None


def _depth(value: object) -> int:
    """How many levels of lists and objects stand in one another."""
    depth, level = 0, [value]
    while level := [one for one in level if isinstance(one, dict | list)]:
        depth += 1
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]
    return depth


def clipped(value: Any) -> Any:
    """What a service said, as far as a record takes it: a record that cannot be read would be paid for once more."""
    cut = cut_json(value, levels=DEEPEST // 2, items=1000, characters=20_000)
    if len(json_text(cut)) > LARGEST_FACT:
        cut = cut_json(cut, levels=3, items=30, characters=400)
    return cut


def cut_json(value: Any, *, levels: int, items: int | None = None, characters: int | None = None) -> Any:
    """A JSON value cut off below so many levels, with so many items in each, and so many characters of each text."""
    if isinstance(value, str):
        return value if characters is None or len(value) <= characters else value[:characters] + CUT
    if not isinstance(value, Mapping | list | tuple):
        return value
    if not levels:
        return CUT
    if isinstance(value, Mapping):
        return {
            cut_json(name, levels=0, characters=characters): cut_json(
                item, levels=levels - 1, items=items, characters=characters
            )
            for name, item in islice(value.items(), items)
        }
    return [cut_json(item, levels=levels - 1, items=items, characters=characters) for item in islice(value, items)]


def as_mapping(value: object) -> Mapping[str, Any]:
    """A JSON value that has to be an object; anything else is an empty one."""
    return value if isinstance(value, Mapping) else {}


def as_list(value: object) -> list[Any]:
    """A JSON value that has to be a list; anything else is an empty one."""
    return value if isinstance(value, list) else []


def json_bytes(value: Mapping[str, Any]) -> bytes:
    """The JSON of a file that people read too."""
    return (json_text(value, indent=2) + "\n").encode()


def json_text(value: Any, *, indent: int | None = None) -> str:
    """JSON that every parser reads: NaN and Infinity, which a service may send and JSON has not, become texts."""
    try:
        return json.dumps(value, ensure_ascii=True, allow_nan=False, indent=indent)
    except ValueError:
        return json.dumps(_finite(value), ensure_ascii=True, indent=indent)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {name: _finite(item) for name, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


def _rename(part: Path, path: Path) -> None:
    """Put the part in its place: five tries in half a second.

    Windows refuses as long as a scanner or a reader holds the file in that place open. Elsewhere a refusal is for good,
    and so rare that the half second is no loss.
    """
    for pause in PAUSES:
        with contextlib.suppress(PermissionError):
            _replace(part, path)
            return
        time.sleep(pause)
    _replace(part, path)


def _replace(part: Path, path: Path) -> None:
    """Rename the part; where the file system lets no name be taken over, after what has the name was put aside.

    Some refuse it (EEXIST), some say that all is well and change nothing.
    """
    try:
        part.replace(path)
        if not os.path.lexists(part):
            return
    except FileExistsError:
        pass
    before = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    _move(path, before)
    try:
        _move(part, path)
    except OSError:
        before.rename(path)
        raise
    with contextlib.suppress(OSError):  # `sweep` finds it later
        before.unlink()


def _move(source: Path, target: Path) -> None:
    source.rename(target)
    if os.path.lexists(source):
        raise OSError(errno.EIO, texts.NOT_RENAMED(), str(source))


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


def sweep(folder: Path) -> None:
    """Remove what processes that were killed in the middle of a file have left; a younger part may still be written."""
    with contextlib.suppress(OSError):  # another time, then
        for part in () if folder.is_symlink() else folder.glob(".*.part"):
            with contextlib.suppress(OSError):
                if time.time() - part.stat().st_mtime > OLDEST_PART:
                    part.unlink()


def write_all(descriptor: int, data: bytes | bytearray) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return  # Windows neither allows nor needs it
    with contextlib.suppress(OSError):  # some network file systems refuse it; the file has its bytes and its name
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
