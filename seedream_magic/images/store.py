"""The folder of runs: one directory a run, every file durable before what it makes possible is begun.

No file is shared between runs, so no lock exists.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import secrets
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seedream_magic.api.keys import Key
from seedream_magic.api.models import LARGEST_BASE64_CHARACTERS
from seedream_magic.api.plan import Plan
from seedream_magic.api.redaction import without_secret
from seedream_magic.api.request import ImageRequest
from seedream_magic.errors import ConfigError, ImageError, SeedreamError
from seedream_magic.images.durable import (
    make_folder,
    open_regular,
    sweep,
    sync_folder,
    write_all,
    write_durably,
    write_elsewhere,
)
from seedream_magic.images.facts import (
    REFERENCES,
    error_facts,
    frame_facts,
    json_bytes,
    json_text,
    masked_beside_links,
    recorded_link,
    request_facts,
    without_base64,
    without_signatures,
)
from seedream_magic.images.image_set import ImageSet
from seedream_magic.images.raw import RawBody, mask, raw_files
from seedream_magic.images.verify import PictureFacts

DEFAULT_FOLDER = "seedream-runs"
SPACE_PER_IMAGE = 25 * 2**20
"""Of a set of JPEGs of the largest size none has more; what passes it has the reserve, and other disks after that."""
SPACE_IN_RESERVE = 64 * 2**20
MAXIMUM_RAW_BYTES = LARGEST_BASE64_CHARACTERS
"""What passes this is no picture of the service."""
_OF_THE_SERVICE = frozenset({"usage", "notes", "frames", "error"})
"""Facts of a record that hold what the service said. The others are the person's: a masked prompt would be another."""
_BASE32 = "234567abcdefghijklmnopqrstuvwxyz"
"""The letters of base32 in the order in which they sort."""


class RunFolder:
    """The folder of one run and its record, `request.json`, which tells how far the run came.

    `key` is what no file of the run may hold but the links that need it.
    """

    def __init__(self, folder: Path, facts: Mapping[str, Any], key: Key | None = None) -> None:
        self.folder = folder
        self.run_id = folder.name
        self._saved_links: set[str] = set()
        self._facts = dict(facts)
        self._secret = "" if key is None else key.reveal()

    @property
    def client_request_id(self) -> str:
        """The UUID sent with the request, for the provider's support."""
        return str(self._facts["client_request_id"])

    def update(self, **facts: Any) -> None:
        """Write further facts into `request.json`; the key that a service repeats in its own is masked."""
        of_service = facts.keys() & _OF_THE_SERVICE
        masked = {name: masked_beside_links(facts[name], self._secret) for name in of_service}
        self._facts.update(facts | masked)
        write_durably(self.folder / "request.json", json_bytes(self._facts), mode=0o600)

    def complete(self, request: ImageRequest) -> None:
        """Keep the references that were links till now. Raises `ConfigError` where the store cannot take them."""
        try:
            _keep_references(self.folder.parent, request)
            self.update(**request_facts(request))
        except OSError as exc:
            raise ConfigError(f"The references cannot be kept ({exc.strerror or exc}).") from exc

    def record(self, entry: Mapping[str, Any]) -> None:
        """Append what the service sent to `response.jsonl`; durable on return. Pictures in base64 go to their files.

        Raises OSError where the disk refuses it, or what has that name is no regular file.
        """
        line = json_text(masked_beside_links(without_base64(entry), self._secret)) + "\n"
        descriptor = open_regular(self.folder / "response.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            begin = os.fstat(descriptor).st_size
            try:
                write_all(descriptor, line.encode())
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, begin)  # half a line would spoil the next one
                raise
        finally:
            os.close(descriptor)
        if not begin:
            sync_folder(self.folder)

    def raw_body(self) -> RawBody:
        """Where the bytes of the next answer go before they are worked on."""
        return RawBody(self.folder)

    def keep_rejected(self, index: int, data: bytes, ending: str) -> Path | None:
        """Keep what came in a picture's place as `raw/NN.ending`.

        Returns its file, None for more than any picture has, or disks that fail.
        """
        path = self.folder / "raw" / f"{index + 1:02d}.{ending}"
        if len(data) > MAXIMUM_RAW_BYTES:
            return None
        try:
            make_folder(path.parent)
            write_durably(path, data, mode=0o600)
        except OSError:
            return write_elsewhere(self.run_id, path.name, data)
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
            aside = write_elsewhere(self.run_id, path.name, data)
            if aside is None:
                raise
            path = aside
        self._saved_links.add(source.strip())
        sidecar = {
            "file": path.name,
            "sha256": digest,
            "bytes": len(data),
            "media_type": facts.media_type,
            "width": facts.width,
            "height": facts.height,
            "source": recorded_link(source, self._secret),
        }
        with contextlib.suppress(OSError):  # the picture is there, and all that this file tells can be read from it
            write_durably(path.with_suffix(".json"), json_bytes(sidecar), mode=0o600)
        return path, digest

    def conclude(self, images: ImageSet, failure: SeedreamError | None, *, keep_raw: bool = False) -> None:
        """Bring `request.json` to its end state. What a full disk refuses is owed till it may take it: see `settle`.

        `keep_raw` says that the bytes of the answer hold something that is neither saved nor in the record.
        """
        stopped = images.state != "done" and not images.complete
        partial = bool(images.failed) or failure is not None
        state = "stopped" if stopped else "failed" if not images.ok else "partial" if partial else "done"
        try:
            for path in raw_files(self.folder):  # first: a kill here leaves none that nobody would look for
                if keep_raw:
                    mask(path, self._secret)
                else:
                    path.unlink(missing_ok=True)
            self.update(
                state=state,
                outcome=images.outcome,
                seconds=round(images.seconds, 3),
                usage=images.usage,
                notes=images.notes,
                frames=[frame_facts(frame) for frame in images],
                error=None if failure is None else error_facts(failure),
            )
            lost = any(isinstance(frame.error, ImageError) for frame in images.failed)
            if images.ok and not (stopped or lost):
                # Where pictures are missing and something was not read, a link that nobody took may lead to one.
                self.drop_signatures(of=self._saved_links if keep_raw and not images.complete else None)
        except OSError:
            _owed[self.folder] = lambda: self.conclude(images, failure, keep_raw=keep_raw)
        except ValueError:  # a line that a full disk has cut
            return

    def drop_signatures(self, *, of: Collection[str] | None = None) -> None:
        """Cut the signed part off all links in `response.jsonl`, or `of` some: once saved it is only a risk."""
        path = self.folder / "response.jsonl"
        with os.fdopen(open_regular(path, os.O_RDONLY), encoding="utf-8") as file:
            lines = [json.loads(line) for line in file.read().splitlines()]
        text = "".join(json_text(without_signatures(line, self._secret, of=of)) + "\n" for line in lines)
        text = text if of is not None else without_secret(text, self._secret)
        write_durably(path, text.encode(), mode=0o600)


_owed: dict[Path, Callable[[], None]] = {}


def settle() -> None:
    """Bring the runs of this process to their end state whose disk had no room for it; it may have now."""
    for folder in list(_owed):
        if conclude := _owed.pop(folder, None):  # another thread may be at it
            conclude()


def begin_run(store: Path, plan: Plan, *, client_request_id: str, key: Key | None = None) -> RunFolder:
    """Make a run's folder and its durable record, before anything is sent.

    Raises `ConfigError` when the store cannot be written or the disk lacks room for the pictures.
    """
    now = datetime.now(UTC)
    try:
        store.mkdir(parents=True, exist_ok=True)
        _check_space(store, plan.request)
        _keep_references(store, plan.request)
        sweep(store / REFERENCES)
        folder = store / _run_id(now)
        folder.mkdir(mode=0o700)
        run = RunFolder(folder, {
            "run_id": folder.name,
            "state": "sending",
            "outcome": "unknown",
            "provider": plan.provider.name,
            "base_url": plan.base_url,
            "fingerprint": plan.fingerprint,
            "client_request_id": client_request_id,
            "process": {"host": platform.node(), "pid": os.getpid()},
            "began": now.isoformat(),
            "expected": plan.request.images_expected,
            "notebook": Path(os.environ.get("JPY_SESSION_NAME", "")).name,  # jupyter_server 2 tells it to its kernels
            **request_facts(plan.request),
            "lineage": asdict(plan.lineage) if plan.lineage else None,
        }, key)  # fmt: skip
        _write_first(run)
    except (OSError, ValueError) as exc:  # ValueError: a NUL in the name
        raise ConfigError(
            f"The store {store} cannot be written ({getattr(exc, 'strerror', None) or exc}).",
            hint="Name another folder with SEEDREAM_STORE or %config SeedreamMagics.store.",
        ) from exc
    return run


def _keep_references(store: Path, request: ImageRequest) -> None:
    """Keep the bytes of a request's references, once for all runs of the store that have the same."""
    folder = store / REFERENCES
    for reference in request.references:
        if reference.data and not (folder / reference.file).exists():
            make_folder(folder)
            write_durably(folder / reference.file, reference.data, mode=0o600)


def _write_first(run: RunFolder) -> None:
    try:
        run.update()
    except OSError:
        with contextlib.suppress(OSError):
            run.folder.rmdir()  # a folder without a record is no run
        raise


def _check_space(store: Path, request: ImageRequest) -> None:
    images = request.images_at_most
    text = SPACE_PER_IMAGE * 4 // 3 if request.response_format == "b64_json" else 0  # it is on the disk as well
    needed = images * (SPACE_PER_IMAGE + text) + SPACE_IN_RESERVE
    free = shutil.disk_usage(store).free
    if free < needed:
        raise ConfigError(
            f"The disk of {store} has {free // 2**20} MiB left; {images} pictures may need {needed // 2**20} MiB.",
            hint="Make room, or name a folder on another disk with SEEDREAM_STORE.",
        )


def _run_id(now: datetime) -> str:
    """UTC time and ten characters: four tell the microsecond, so that names sort as the runs began; six are chance."""
    ticks = "".join(_BASE32[now.microsecond >> shift & 31] for shift in (15, 10, 5, 0))
    chance = "".join(secrets.choice(_BASE32) for _ in range(6))
    return f"{now:%Y%m%dT%H%M%SZ}-{ticks}{chance}"
