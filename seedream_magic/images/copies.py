"""A run of one store copied into another: with its pictures, its references, and the runs that it goes on from."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import shutil
from pathlib import Path

from seedream_magic.api.models import LARGEST_BASE64_CHARACTERS, MAXIMUM_FRAMES
from seedream_magic.errors import ConfigError, reason_of
from seedream_magic.images.claims import RUN_LOCK
from seedream_magic.images.durable import make_folder, sync_folder, write_durably
from seedream_magic.images.marks import picks_of
from seedream_magic.images.record import REFERENCES, RUN_ID, Record, is_run, kept_reference, read_record
from seedream_magic.words import store as texts

_LARGEST_FILE = MAXIMUM_FRAMES * LARGEST_BASE64_CHARACTERS
"""Bytes: no file of a run has more, whatever was put into its folder."""


def copy_run(record: Record, store: Path) -> Record:
    """The run in `store`, copied there if it is not there yet. Raises `ConfigError` where it cannot be."""
    copied, further = _copy_line(record, store)
    while further:  # the takes that its set shows, and those that their sets show
        picked = further.pop()
        if not is_run(store / picked.run_id):
            further += _copy_line(picked, store)[1]
    return copied


def _copy_line(record: Record, store: Path) -> tuple[Record, list[Record]]:
    """The run as it was copied, with those that it goes on from, and the runs that were picked for places of them."""
    line, known = [record], {record.run_id}
    while (lineage := line[-1].lineage) is not None and lineage.kind != "vary" and not is_run(store / lineage.run_id):
        parent = read_record(record.folder.parent / lineage.run_id)
        if parent is None or parent.run_id in known:  # records that name each other
            break
        line.append(parent)
        known.add(parent.run_id)
    for earlier in reversed(line[1:]):
        _copy_once(earlier, store)
    copied = _copy_once(record, store)
    picks = [(one.folder.parent, pick.run_id) for one in line for pick in picks_of(one.folder).values()]
    picked = [read_record(source / run_id) for source, run_id in picks if RUN_ID.fullmatch(run_id)]
    return copied, list(filter(None, picked))


def _copy_once(record: Record, store: Path) -> Record:
    if not is_run(store / record.run_id):
        try:
            _copy(record, store)
        except OSError as exc:
            raise ConfigError(texts.NOT_COPIED(run=record.run_id, store=store, why=reason_of(exc))) from exc
    return read_record(store / record.run_id) or record


def _copy(record: Record, store: Path) -> None:
    """The folder appears under its name once all of it is there. Only regular files are copied, no link is followed."""
    store.mkdir(parents=True, exist_ok=True)
    for facts in record.references:
        name = Path(str(facts.get("file"))).name
        data = kept_reference(record.folder.parent, name)
        genuine = hashlib.sha256(data).hexdigest() == facts.get("sha256") and str(facts.get("sha256")) in name
        if genuine and not (store / REFERENCES / name).exists():  # its name says what it holds, to all runs
            make_folder(store / REFERENCES)
            write_durably(store / REFERENCES / name, data, mode=0o600)
    coming = store / f".{record.run_id}.{secrets.token_hex(4)}.copy"
    coming.mkdir(mode=0o700)
    try:
        _copy_files(record.folder, coming)
        if (record.folder / "raw").is_dir() and not (record.folder / "raw").is_symlink():
            (coming / "raw").mkdir(mode=0o700)
            _copy_files(record.folder / "raw", coming / "raw")
        with contextlib.suppress(FileExistsError):  # another process was faster
            coming.rename(store / record.run_id)
    finally:
        shutil.rmtree(coming, ignore_errors=True)
    sync_folder(store)


def _copy_files(source: Path, target: Path) -> None:
    for path in source.iterdir():
        if path.is_file() and not path.is_symlink() and path.name != RUN_LOCK and path.stat().st_size <= _LARGEST_FILE:
            shutil.copy2(path, target / path.name)
    sync_folder(target)
