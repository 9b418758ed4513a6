"""Take a run off the disk for good: its pictures, its records, and what the library knows of it.

The folder gets another name first. From that instant there is no such run; if the process is killed before the folder
is empty, the next purge in the store finds it by that name and goes on.
"""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from seedream_magic import database, library
from seedream_magic.api.models import MAXIMUM_FRAMES
from seedream_magic.errors import ConfigError, InvalidRequest, reason_of
from seedream_magic.images.aside import rescue_folders
from seedream_magic.images.claims import LONGEST_RUN, is_held, is_live_in
from seedream_magic.images.durable import NOTHING_THERE, patiently, sync_folder
from seedream_magic.images.index import runs_in
from seedream_magic.images.json_files import record_bytes, regular_bytes
from seedream_magic.images.marks import marks_of
from seedream_magic.images.originals import picture_path
from seedream_magic.images.record import RECORD_FILE, REFERENCES, RUN_ID, as_text, read_record
from seedream_magic.images.stored_runs import run_folders
from seedream_magic.words import store as texts
from seedream_magic.words.lists import enumeration

PREFIX = ".purged-"
"""Before the id of a run that is on its way out."""
_DIGEST = re.compile(rb"[0-9a-f]{64}")


@dataclass(frozen=True)
class Purged:
    """What a purge took away: files of the run and references that no other run has, and their bytes together."""

    run_id: str
    files: int
    size: int


@dataclass(frozen=True)
class Purgeable:
    """What a person sees of a run before it is deleted: its words, how many pictures it has, all its bytes."""

    run_id: str
    provider: str
    prompt: str
    pictures: int
    size: int


def find_purgeable(store: Path, run_id: str, *, even_starred: bool = False) -> Purgeable:
    """What `purge` would delete. Raises `InvalidRequest` as it does."""
    _refuse(store, run_id, even_starred=even_starred)
    folder = _runs_set_aside(store).get(run_id, store / run_id)
    record = read_record(folder)
    provider, prompt = (str(record.facts.get("provider")), record.body.get("prompt")) if record else ("", "")
    pictures = sum(picture_path(folder, index) is not None for index in range(MAXIMUM_FRAMES))
    size = sum(size for path in _all_of(store, run_id, folder) for size in _sizes(path))
    return Purgeable(run_id, provider, prompt if isinstance(prompt, str) else "", pictures, size)


def purge(store: Path, run_id: str, *, even_starred: bool = False) -> Purged:
    """Delete a run by its full id, and whatever earlier purges that were killed have left.

    Links are removed, not followed. Raises `InvalidRequest` for a run that is under way, for one whose pictures the
    sets of later runs hold, for one with a starred picture unless `even_starred`, and if there is none of this id;
    `ConfigError` where something could not be removed: then it is no run any more all the same, and purging it again
    removes the rest.
    """
    _refuse(store, run_id, even_starred=even_starred)
    if _set_aside(store, run_id):
        try:  # what others began while this looked is seen now; from here on nobody can begin anything with it
            _refuse_used(store, run_id, store / f"{PREFIX}{run_id}", even_starred=even_starred)
        except InvalidRequest:
            _put_back(store, run_id)
            raise
    runs = {left: folder for left, folder in _runs_set_aside(store).items() if _is_own(folder)}
    remembered = next(filter(None, [library.forget(left, store) for left in runs]), "")
    files = [size for left, folder in runs.items() for size in _remove_run(store, left, folder)]
    sync_folder(store)
    if remembered:
        raise ConfigError(
            texts.WORDS_REMAIN(run=run_id, file=database.library_file(), why=remembered),
            hint=texts.HISTORY_TAKES_OUT(),
        )
    return Purged(run_id, len(files), sum(files))


def _refuse(store: Path, run_id: str, *, even_starred: bool) -> None:
    """Raise for what is no full id of a run here (also of one whose purge was killed), and for a run that must stay.

    A part of an id that means one run today means another one tomorrow.
    """
    names = {**_runs_set_aside(store), **{name: store / name for name in runs_in(store)}}
    if run_id not in names:
        meant = sorted((name for name in names if run_id and run_id in name), reverse=True)
        if meant:
            listed, more = enumeration(meant[:3]), len(meant) - 3
            listed = texts.AND_MORE(names=listed, more=more) if more > 0 else listed
            raise InvalidRequest(texts.PART_OF_ID(id=repr(run_id[:40]), names=listed))
        raise InvalidRequest(texts.NO_RUN(id=repr(run_id[:40]), store=store))
    _refuse_uncertain(run_id, names[run_id])
    _refuse_used(store, run_id, store / run_id, even_starred=even_starred)


def _refuse_used(store: Path, run_id: str, folder: Path, *, even_starred: bool) -> None:
    """Raise for a run that somebody holds, whose pictures are in later sets, or have a star."""
    if is_held(folder):
        raise InvalidRequest(texts.STILL_GOING(run=run_id), hint=texts.STOP_IT())
    _refuse_needed(store, run_id, folder)
    starred = sum(marks.star for marks in marks_of(folder).values())
    if starred and not even_starred:
        raise InvalidRequest(texts.HAS_STARS(run=run_id, count=starred), hint=texts.EVEN_STARRED(run=run_id))


def _refuse_uncertain(run_id: str, folder: Path) -> None:
    """Raise for a run of which it is not certain that it is over, that it is this one, and that it is the caller's."""
    if not _is_own(folder):
        raise InvalidRequest(texts.OF_ANOTHER_USER(run=run_id), hint=texts.ONLY_MAKER())
    if is_live_in(folder):
        raise InvalidRequest(texts.STILL_GOING(run=run_id), hint=texts.STOP_IT())
    try:
        _record_bytes(folder)
    except OSError as exc:
        raise InvalidRequest(texts.RECORD_NOT_READ_KEPT(run=run_id, why=reason_of(exc))) from exc
    record = read_record(folder)
    if record is None:
        return
    named = as_text(record.facts.get("run_id"))
    if named != run_id and RUN_ID.fullmatch(named):
        raise InvalidRequest(texts.WAS_RENAMED(folder=run_id, run=named), hint=texts.NAME_IT_BACK())
    host = as_text(record.process.get("host"))[:60]
    began = record.began or datetime.fromtimestamp(folder.stat().st_mtime, UTC)
    if record.unfinished and host not in {"", platform.node()} and datetime.now(UTC) - began < LONGEST_RUN:
        raise InvalidRequest(
            texts.MAY_GO_ON_THERE(run=run_id, host=host), hint=texts.PURGE_THERE(minutes=LONGEST_RUN.seconds // 60)
        )


def _is_own(path: Path) -> bool:
    """Whether this user made it: who owns it has made it, or the disk says that of all that this process makes."""
    if os.name == "nt":
        return True
    try:
        owner = path.lstat().st_uid
        return owner == os.getuid() or owner == _owner_of_new(path.parent)
    except OSError:  # it is gone, or nothing can be made beside it
        return not os.path.lexists(path)


def _owner_of_new(store: Path) -> int:
    """Who owns what is made in a store now. Raises OSError where nothing can be."""
    probe = store / f".{secrets.token_hex(4)}.part"
    probe.touch(mode=0o600, exist_ok=False)
    try:
        return probe.lstat().st_uid
    finally:
        probe.unlink()


def _refuse_needed(store: Path, run_id: str, folder: Path) -> None:
    """Raise for a run whose pictures are in the sets of later ones; a damaged run is in none."""
    if read_record(folder) is None:
        return
    later = [name for name in sorted(runs_in(store)) if name != run_id and _goes_on_from(store / name, run_id)]
    if later:
        one = len(later) == 1
        part = (texts.PART_OF_LATER if one else texts.PART_OF_LATER_SETS)(run=run_id, later=enumeration(later))
        raise InvalidRequest(part, hint=texts.PURGE_THAT() if one else texts.PURGE_THOSE())


def _goes_on_from(folder: Path, run_id: str) -> bool:
    """Whether the run's set is an earlier one with frames drawn anew or added; a variation stands alone."""
    if run_id.encode() not in _record(folder):  # to parse the records of a large store is slow
        return False
    record = read_record(folder)
    lineage = record.lineage if record else None
    return lineage is not None and lineage.run_id == run_id and lineage.kind != "vary"


def _set_aside(store: Path, run_id: str) -> bool:
    """Take the name of a run from its folder; whether it had it till now."""
    aside = store / f"{PREFIX}{run_id}"
    if aside.is_dir() and (store / run_id).is_dir():  # a purge was killed, and the run put back from a copy
        _remove(aside)
    try:
        (store / run_id).rename(aside)
    except FileNotFoundError:
        return False  # it is aside already
    except OSError as exc:
        raise ConfigError(texts.NOT_REMOVED(run=run_id, store=store, why=reason_of(exc))) from exc
    sync_folder(store)
    return True


def _put_back(store: Path, run_id: str) -> None:
    """Give a folder that is to stay its name again."""
    try:
        (store / f"{PREFIX}{run_id}").rename(store / run_id)
    except OSError as exc:
        raise ConfigError(texts.NOT_PUT_BACK(run=run_id, store=store, why=reason_of(exc))) from exc
    sync_folder(store)


def _runs_set_aside(store: Path) -> dict[str, Path]:
    """The folders that are on their way out, by the ids of their runs."""
    try:
        found = [path for path in store.iterdir() if path.name.startswith(PREFIX) and not path.is_symlink()]
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return {}
    named = {path.name.removeprefix(PREFIX): path for path in found}
    return {run_id: path for run_id, path in named.items() if RUN_ID.fullmatch(run_id)}


def _remove_run(store: Path, run_id: str, folder: Path) -> Iterator[int]:
    """The sizes of the files that go with a run; its folder goes last, for its record names the references."""
    for path in (*_references_aside(store, folder), *_elsewhere(store, run_id), folder):
        sizes = _sizes(path)
        _remove(path)
        yield from sizes


def _references_aside(store: Path, folder: Path) -> list[Path]:
    """The references that go with a run, under other names: who begins a run with them now writes them anew.

    Those with which one was begun meanwhile have their names again.
    """
    aside: dict[Path, Path] = {}
    for file in _references(store, folder):
        part = file if file.suffix == ".part" else file.with_name(f".{file.name}.{secrets.token_hex(4)}.part")
        with contextlib.suppress(FileNotFoundError):
            try:
                os.utime(file)  # an old part is swept
                file.rename(part)
            except PermissionError:
                part = file
            aside[part] = file
    left = set(_alone(store, [file.name.encode(errors="replace") for file in aside.values()]))
    for part, file in [*aside.items()]:
        if file.name.encode(errors="replace") not in left:
            del aside[part]
            with contextlib.suppress(OSError):
                if not file.exists():
                    part.rename(file)
    return list(aside)


def _all_of(store: Path, run_id: str, folder: Path) -> tuple[Path, ...]:
    return (*_references(store, folder), *_elsewhere(store, run_id), folder)


def _references(store: Path, folder: Path) -> list[Path]:
    """The input images that the record of this run names and that of no other."""
    named = set(_DIGEST.findall(_record(folder)))
    try:
        files = [] if (store / REFERENCES).is_symlink() else list((store / REFERENCES).iterdir())
    except OSError:
        return []
    # A half-written one, too, has its digest in its name.
    named_files = [file for file in files if _digest(file.name.encode(errors="replace")) in named]
    alone = set(_alone(store, [file.name.encode(errors="replace") for file in named_files]))
    return [file for file in named_files if file.name.encode(errors="replace") in alone]


def _digest(name: bytes) -> bytes:
    found = _DIGEST.search(name)
    return found[0] if found else b""


def _alone(store: Path, names: list[bytes]) -> list[bytes]:
    """Of the names of references those that no record of a run names; none where nobody can tell."""
    alone = {_digest(name) for name in names}
    try:
        for other in _other_folders(store) if alone else ():
            record = _record_bytes(other)
            alone = {digest for digest in alone if digest not in record}
    except OSError:  # nobody knows which of them other runs have
        return []
    return [name for name in names if _digest(name) in alone]


def _other_folders(store: Path) -> list[Path]:
    """The folders of a store that may be runs, whatever their names. Raises OSError where it cannot be listed."""
    if run_folders(store) is None:
        raise OSError(errno.EIO, texts.NOT_LISTED(), str(store))
    named = [path for path in store.iterdir() if not path.name.startswith(".") and path.name != REFERENCES]
    return [path for path in named if not path.is_symlink() and path.is_dir()]


def _record(folder: Path) -> bytes:
    """The bytes of the record: a damaged one that does not parse names its references all the same."""
    return record_bytes(folder / RECORD_FILE, maximum=2**30)


def _record_bytes(folder: Path) -> bytes:
    """The same; raises OSError where the disk does not give them, which is not as if there were none."""
    try:
        return patiently(lambda: regular_bytes(folder / RECORD_FILE, 2**30))
    except OSError as exc:
        if exc.errno in {*NOTHING_THERE, errno.EFBIG}:
            return b""
        raise


def _elsewhere(store: Path, run_id: str) -> list[Path]:
    """Folders with pictures for which the store had no room; none where a copy of the run in another store has them."""
    here = os.path.realpath(store)
    if any(folder.name == run_id and os.path.realpath(folder.parent) != here for folder in library.folders_of(run_id)):
        return []
    found = [folder for folder in rescue_folders(run_id) if folder.is_dir() and not folder.is_symlink()]
    return [folder for folder in found if os.name == "nt" or folder.stat().st_uid == os.getuid()]


def _sizes(path: Path) -> list[int]:
    files = [Path(folder, name) for folder, _, names in os.walk(path) for name in names] if path.is_dir() else [path]
    sizes = []
    for file in files:
        with contextlib.suppress(OSError):
            sizes.append(file.lstat().st_size)
    return sizes


def _remove(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)  # as much as can go
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)  # what cannot go says why
        else:
            path.unlink(missing_ok=True)
    except FileNotFoundError:
        return  # another purge was faster
    except OSError as exc:
        raise ConfigError(
            texts.FILE_NOT_REMOVED(path=exc.filename or path, why=reason_of(exc)), hint=texts.CLOSE_AND_AGAIN()
        ) from exc
