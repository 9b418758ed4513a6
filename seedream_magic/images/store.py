"""The folder of runs: one directory a run, every file durable before what it makes possible is begun.

No file is shared between runs but references, which are kept by their content: nobody waits to write one. What is
found here may have been copied from elsewhere: only names that this package gives are opened, and no link is followed.
"""

from __future__ import annotations

import errno
import os
import platform
import secrets
import shutil
from datetime import UTC, datetime, timedelta
from functools import reduce
from pathlib import Path

from seedream_magic.api.credentials import Key
from seedream_magic.api.plan import Plan
from seedream_magic.api.request import LONGEST_REQUEST, ImageRequest
from seedream_magic.errors import ConfigError, InvalidRequest, reason_of
from seedream_magic.images.changes import own_change
from seedream_magic.images.claims import RunLock
from seedream_magic.images.durable import sweep
from seedream_magic.images.json_files import json_bytes
from seedream_magic.images.record import REFERENCES, RUN_ID, request_fields, to_json
from seedream_magic.images.run_folder import RunFolder, keep_references
from seedream_magic.words import store as texts
from seedream_magic.words.requests import TOO_MUCH_TEXT

SPACE_PER_IMAGE = 25 * 2**20
"""Of a set of JPEGs of the largest size none has more; what passes it has the reserve, and other disks after that."""
SPACE_IN_RESERVE = 64 * 2**20
_BASE32 = "234567abcdefghijklmnopqrstuvwxyz"
"""The letters of base32 in the order in which they sort."""


def begin_run(store: Path, plan: Plan, *, client_request_id: str, key: Key | None = None, after: str = "") -> RunFolder:
    """Make a run's folder and its durable record, before anything is sent. Its id sorts behind that of the run `after`.

    Raises `ConfigError` when the store cannot be written or the disk lacks room for the pictures, `InvalidRequest` for
    a request so long that its record could not be read.
    """
    if len(json_bytes(to_json(request_fields(plan.request)))) > LONGEST_REQUEST:
        raise InvalidRequest(TOO_MUCH_TEXT(most=LONGEST_REQUEST // 2**20))
    now = datetime.now(UTC)
    try:
        store.mkdir(parents=True, exist_ok=True)
        _check_space(store, plan.request)
        keep_references(store, plan.request)
        sweep(store / REFERENCES)
        folder = store / _run_id(max(now, _moment_after(after)))
        with own_change(store, folders=1):  # who begins a run lets the library know of it
            folder.mkdir(mode=0o700)
        lock = RunLock(folder)
        run = RunFolder(folder, {"run_id": folder.name}, key, lock=lock)
        try:
            run.update(
                state="sending",
                outcome="unknown",
                provider=plan.provider.name,
                base_url=plan.base_url,
                fingerprint=plan.fingerprint,
                client_request_id=client_request_id,
                process={"host": platform.node(), "pid": os.getpid(), "lock": lock.held},
                began=now,
                expected=plan.request.images_expected,
                notebook=Path(os.environ.get("JPY_SESSION_NAME", "")).name,  # jupyter_server 2 gives it to its kernels
                **request_fields(plan.request),
                lineage=plan.lineage,
            )
            keep_references(store, plan.request)  # a purge of other runs may have taken them before this named them
        except OSError:
            run.drop()
            raise
    except (OSError, ValueError) as exc:  # ValueError: a NUL in the name
        raise ConfigError(texts.STORE_NOT_WRITTEN(store=store, why=reason_of(exc)), hint=texts.NAME_ANOTHER()) from exc
    return run


def _check_space(store: Path, request: ImageRequest) -> None:
    images = request.images_at_most
    text = SPACE_PER_IMAGE * 4 // 3 if request.response_format == "b64_json" else 0  # it is on the disk as well
    needed = images * (SPACE_PER_IMAGE + text) + SPACE_IN_RESERVE
    free = free_bytes(store)
    if free is not None and free < needed:
        megabytes = {"free": free // 2**20, "needed": needed // 2**20}
        raise ConfigError(texts.NO_ROOM(store=store, images=images, **megabytes), hint=texts.MAKE_ROOM())


def free_bytes(folder: Path) -> int | None:
    """How much room the disk of a folder has; None where it does not say: some have no size, and say zero of all."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError as exc:
        if exc.errno in {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.EOVERFLOW}:
            return None
        raise
    return usage.free if usage.free or usage.total > 0 else None


def _moment_after(run_id: str) -> datetime:
    """The moment after that in the name of a run, for a clock may have been set back since; else one long ago."""
    past = datetime.min.replace(tzinfo=UTC)
    if not RUN_ID.fullmatch(run_id):
        return past
    ticks = reduce(lambda number, letter: number << 5 | _BASE32.index(letter), run_id[17:21], 0)
    try:
        began = datetime.strptime(run_id[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return began + timedelta(microseconds=ticks + 1)
    except (ValueError, OverflowError):  # no moment: a stranger's
        return past


def _run_id(now: datetime) -> str:
    """UTC time and ten characters: four for the microsecond, so that names sort as the runs began, six at random."""
    ticks = "".join(_BASE32[now.microsecond >> shift & 31] for shift in (15, 10, 5, 0))
    chance = "".join(secrets.choice(_BASE32) for _ in range(6))
    return f"{now:%Y%m%dT%H%M%SZ}-{ticks}{chance}"
