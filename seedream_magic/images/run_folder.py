"""The folder of one run while it is written: every file durable before what it makes possible is begun.

What its store does not take is put aside, and brought back when the store takes it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Collection, Mapping
from functools import partial as partial_call
from pathlib import Path
from typing import Any

from seedream_magic.api.credentials import Key
from seedream_magic.api.models import LARGEST_BASE64_CHARACTERS, LARGEST_PICTURE_BYTES
from seedream_magic.api.redaction import bytes_without_secret
from seedream_magic.api.references.reference import Reference
from seedream_magic.api.request import ImageRequest
from seedream_magic.errors import ConfigError, ImageError, SeedreamError, reason_of
from seedream_magic.images.aside import (
    END_FILE,
    find_rescued,
    forget_end,
    owns_aside,
    remove_aside,
    rescued_names,
    rescued_runs,
    write_elsewhere,
)
from seedream_magic.images.claims import RUN_LOCK, RunLock
from seedream_magic.images.durable import make_folder, write_durably, write_whole
from seedream_magic.images.image_set import ImageSet
from seedream_magic.images.json_files import clipped, json_bytes, read_object, regular_bytes
from seedream_magic.images.originals import NUMBERED, SIDECARS, sidecar_bytes
from seedream_magic.images.record import RECORD_FILE, REFERENCES, RUN_ID, record_of, request_fields, to_json
from seedream_magic.images.response import (
    RawBody,
    append_line,
    bring_lines_back,
    drop_signatures,
    drop_signatures_aside,
    mask_raw,
    raw_files,
    recorded_link,
)
from seedream_magic.images.verify import PictureFacts
from seedream_magic.words import store as texts

MAXIMUM_RAW_BYTES = LARGEST_BASE64_CHARACTERS
"""What passes this is no picture of the service."""
_KEPT_ASIDE = 86_400.0
"""Seconds."""


class RunFolder:
    """The folder of one run and its record, `request.json`, which says how far the run came.

    `key` is what no file of the run may hold but the links that need it.
    """

    def __init__(
        self, folder: Path, facts: Mapping[str, Any], key: Key | None = None, *, lock: RunLock | None = None
    ) -> None:
        """`lock` says that the run is under way till its end state is written."""
        self.folder = folder
        self._lock = lock
        self.run_id = folder.name
        self._process = os.getpid()
        self._saved_links: set[str] = set()
        self._facts = dict(facts)
        self._secret = "" if key is None else key.reveal()

    @property
    def client_request_id(self) -> str:
        """The UUID sent with the request, for the provider's support."""
        return str(self._facts["client_request_id"])

    def beat(self) -> None:
        """Give a sign of life, for other machines that see the folder."""
        if self._lock is not None:
            self._lock.beat()

    def update(self, **values: Any) -> None:
        """Write fields into `request.json`, as `Record` has them; what a later version wrote there stays."""
        self._facts.update(to_json(values, self._secret))
        write_durably(self.folder / RECORD_FILE, json_bytes(self._facts), mode=0o600)

    def drop(self) -> None:
        """Take the folder away again: nothing was sent."""
        if self._lock is not None:
            self._lock.end()
        with contextlib.suppress(OSError):
            (self.folder / RECORD_FILE).unlink(missing_ok=True)
            self.folder.rmdir()

    def complete(self, request: ImageRequest) -> None:
        """Keep the references that were links till now. Raises `ConfigError` where the store cannot take them."""
        try:
            keep_references(self.folder.parent, request)
            self.update(**request_fields(request))
        except OSError as exc:
            raise ConfigError(texts.REFERENCES_NOT_KEPT(why=reason_of(exc))) from exc

    def record(self, entry: Mapping[str, Any]) -> None:
        """Append what the service sent to `response.jsonl`; durable on return. Pictures in base64 go to their files.

        Raises OSError where the disk refuses it, or what has that name is no regular file.
        """
        append_line(self.folder, entry, self._secret)

    def raw_body(self) -> RawBody:
        """Where the bytes of the next answer go before they are worked on."""
        return RawBody(self.folder)

    def keep_rejected(self, index: int, data: bytes, ending: str) -> Path | None:
        """Keep what came in a picture's place as `raw/NN.ending`.

        Returns its file, None for more than any picture has, or disks that fail.
        """
        path, data = self.folder / "raw" / f"{index + 1:02d}.{ending}", bytes_without_secret(data, self._secret)
        if len(data) > MAXIMUM_RAW_BYTES:
            return None
        try:
            make_folder(path.parent)
            write_durably(path, data, mode=0o600)
        except OSError:
            return write_elsewhere(self.run_id, path.name, data, of=self.folder)
        return path

    def save_picture(self, index: int, data: bytes, facts: PictureFacts, *, source: str) -> tuple[Path, str]:
        """The picture's path and SHA-256: the original bytes under their number, and a sidecar with what they are.

        Where the run's folder takes it no more it is put aside elsewhere. Raises OSError if no place takes it.
        """
        path = self.folder / f"{index + 1:02d}.{facts.ending}"
        digest = hashlib.sha256(data).hexdigest()
        try:
            write_durably(path, data, mode=0o666)
        except OSError:
            aside = write_elsewhere(self.run_id, path.name, data, of=self.folder)
            if aside is None:
                raise
            path = aside
        self._saved_links.add(source.strip())
        sidecar = sidecar_bytes(path, len(data), digest, facts, source=recorded_link(source, self._secret))
        with contextlib.suppress(OSError):  # the picture is there, and all that this file says can be read from it
            write_whole(path.with_suffix(".json"), sidecar, mode=0o600)
        return path, digest

    def conclude(
        self,
        images: ImageSet,
        failure: SeedreamError | None,
        *,
        keep_raw: bool = False,
        given_up: Collection[int] = (),
    ) -> Path | None:
        """Write the end state into `request.json`: the run is over.

        Where the folder does not take it, it is put aside, where `record_of` finds it and `settle` takes it from; its
        file is what this gives.

        `keep_raw` says that the bytes of the answer hold something that is neither saved nor in the record. A child
        that was forked meanwhile and ends writes nothing: the run goes on where it was begun.
        """
        if os.getpid() != self._process:
            return None
        keep_raw = keep_raw or clipped(images.usage) != images.usage
        stopped = images.state != "done" and not images.complete
        partial = bool(images.failed) or failure is not None
        lost = any(isinstance(frame.error, ImageError) for frame in images.failed)
        # Where pictures are missing and something was not read, a link that nobody took may lead to one.
        cut = self._saved_links if keep_raw and not images.complete else None
        drops = bool(images.ok) and not (stopped or lost)
        end = {
            "state": "stopped" if stopped else "failed" if not images.ok else "partial" if partial else "done",
            "outcome": images.outcome,
            "seconds": images.seconds,
            "usage": images.usage,
            "notes": images.notes,
            "frames": images,
            "error": failure,
            "interrupted": images.interrupted and not images.complete,
            "given_up": given_up,
        }
        try:
            for path in raw_files(self.folder):  # first: a kill here leaves none that nobody would look for
                if keep_raw:
                    mask_raw(path, self._secret)
                else:
                    path.unlink(missing_ok=True)
            bring_lines_back(self.folder)
            self.update(**end)
            if drops:
                drop_signatures(self.folder, self._secret, of=cut)
        except OSError:
            again = partial_call(self.conclude, images, failure, keep_raw=keep_raw, given_up=given_up)
            _unwritten_ends[self.folder] = again
            self._facts.update(to_json(end, self._secret))
            if drops:
                drop_signatures_aside(self.folder, self._secret, of=cut)
            facts = {"record": self._facts, "keep_raw": keep_raw, "keep_links": cut is not None or not drops}
            return write_elsewhere(self.run_id, END_FILE, json_bytes(facts), of=self.folder)
        except ValueError:  # a line that a full disk has cut
            pass
        finally:
            if self._lock is not None:
                self._lock.end()
        if owns_aside(self.folder):
            forget_end(self.run_id)
        return None


_unwritten_ends: dict[Path, Callable[[], object]] = {}
_looked_through: set[Path] = set()


def settle(store: Path, *, again: bool = False) -> None:
    """Write the end states that their folders did not take when their runs ended; they may now.

    First those of this process; then those that processes before it have put aside, once for each store, or `again`.
    """
    for folder in list(_unwritten_ends):
        if conclude := _unwritten_ends.pop(folder, None):  # another thread may be at it
            conclude()
    if again or store not in _looked_through:
        _looked_through.add(store)
        for folder in (store / run_id for run_id in rescued_runs() if RUN_ID.fullmatch(run_id)):
            with contextlib.suppress(OSError):  # another time, then
                if folder.is_dir():  # most are of other stores
                    _settle_run(folder)
                    _bring_back(folder)


def _settle_run(folder: Path) -> None:
    """Give a run's folder the end state that was put aside for it."""
    path, facts = find_rescued(folder.name, [END_FILE]), read_object(folder / RECORD_FILE)
    if path is None or facts is None or folder.is_symlink() or not owns_aside(folder):
        return
    record, end = record_of(folder, facts), read_object(path) or {}
    if not record.unfinished and record.facts is not facts:
        write_durably(folder / RECORD_FILE, json_bytes(record.facts), mode=0o600)
    if end.get("keep_raw") is False:
        for raw in raw_files(folder):
            raw.unlink(missing_ok=True)
    bring_lines_back(folder)
    if end.get("keep_links") is False:
        with contextlib.suppress(FileNotFoundError, ValueError):  # not one line of it, or only half of one, came there
            drop_signatures(folder, "")
    (folder / RUN_LOCK).unlink(missing_ok=True)
    forget_end(folder.name)


def _bring_back(folder: Path) -> None:
    """Copy the pictures that were put aside for a run into its folder, which may take them now.

    What was put aside stays for a day, for a kernel that has drawn them shows them from there, and goes when the folder
    has the same bytes.
    """
    if folder.is_symlink() or not (folder / RECORD_FILE).is_file():
        return
    for name in sorted(name for name in rescued_names(folder.name) if NUMBERED.fullmatch(name) or name in SIDECARS):
        place, aside = folder / name, find_rescued(folder.name, [name])
        if aside is None:
            continue
        data = regular_bytes(aside, LARGEST_PICTURE_BYTES)
        if not os.path.lexists(place):
            write_durably(place, data, mode=0o600 if name in SIDECARS else 0o666)
        is_old = time.time() - aside.stat().st_mtime > _KEPT_ASIDE and owns_aside(folder)
        if is_old and regular_bytes(place, LARGEST_PICTURE_BYTES) == data:
            aside.unlink()
            remove_aside(aside.parent)


def keep_references(store: Path, request: ImageRequest) -> None:
    """Keep the bytes of a request's references, once for all runs of the store that have the same."""
    for reference in request.references:
        if reference.data:
            keep_reference(store, reference)


def keep_reference(store: Path, reference: Reference) -> Path:
    """The file of a reference in the store, written if it is not there yet. Raises OSError where it cannot be."""
    path = store / REFERENCES / reference.file
    if not path.exists():
        make_folder(path.parent)
        write_durably(path, reference.data, mode=0o600)
    return path
