"""What earlier runs have left in their folders: found by id or by fingerprint, and read. Nothing here writes.

A folder may have been copied from elsewhere, damaged, or left by a process that was killed at any instant: whatever
cannot be read is passed over, never an exception. Only names that this package gives are opened, links are not
followed out of the folder, and record files are capped in size.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

from seedream_magic.api.decoder import Answered
from seedream_magic.api.events import Event, Picture, Reader
from seedream_magic.api.models import MAXIMUM_FRAMES
from seedream_magic.api.plan import Lineage
from seedream_magic.errors import InvalidRequest
from seedream_magic.images.durable import rescued
from seedream_magic.images.facts import lacks_base64
from seedream_magic.images.raw import raw_files, read_again

RUN_ID = re.compile(r"\d{8}T\d{6}Z-[a-z2-7]{10}", re.ASCII)
MAXIMUM_RECORD_BYTES = 16 * 2**20
MAXIMUM_PLACES = 1000
"""More frames than a set that was gone on from can have."""
_SHOWN_STATES = frozenset({"done", "partial"})


@dataclass(frozen=True)
class Record:
    """What `request.json` of a run tells."""

    folder: Path
    facts: Mapping[str, Any]

    @property
    def run_id(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def state(self) -> str:
        """How far the run came: sending, answering, done, partial, failed, stopped."""
        return str(self.facts.get("state"))

    @property
    def began(self) -> datetime | None:
        """When the run began, UTC."""
        try:
            began = datetime.fromisoformat(str(self.facts.get("began")))
        except ValueError:
            return None
        return began if began.tzinfo else began.replace(tzinfo=UTC)


def records(store: Path) -> Iterator[Record]:
    """The runs of a store, oldest first; folders without a readable record are passed over."""
    for folder in _run_folders(store):
        facts = read_object(folder / "request.json")
        if facts is not None:
            yield Record(folder, facts)


def find_record(store: Path, run_id: str) -> Record:
    """The run of this id, or of the only one that begins or ends so. Raises `InvalidRequest` for none, or several."""
    wanted = str(run_id).strip()
    folders = _run_folders(store)
    fitting = [folder for folder in folders if wanted and folder.name.startswith(wanted)]
    fitting = fitting or [folder for folder in folders if len(wanted) > 3 and folder.name.endswith(wanted)]
    if len(fitting) > 1:
        raise InvalidRequest(f"{len(fitting)} runs of {store} begin or end with {wanted[:40]!r}; type more of the id.")
    if not fitting:
        raise InvalidRequest(f"There is no run {wanted[:40]!r} in {store}; %seedream history lists them.")
    facts = read_object(fitting[0] / "request.json")
    if facts is None:
        raise InvalidRequest(f"The record of run {fitting[0].name} cannot be read.")
    return Record(fitting[0], facts)


def takes(store: Path, fingerprint: str) -> list[Record]:
    """The sets that were made of one request, oldest first: take 1, take 2 and so on."""
    # The fingerprint is looked for in the bytes first: parsing ten thousand records to find one is slow.
    needle = fingerprint.encode()
    found = []
    for folder in _run_folders(store):
        data = record_bytes(folder / "request.json")
        if needle not in data:
            continue
        facts = _parsed(data)
        if facts is not None and facts.get("fingerprint") == fingerprint:
            found.append(Record(folder, facts))
    return found


def is_run(folder: Path) -> bool:
    """Whether a folder holds the record of a run."""
    return (folder / "request.json").is_file()


def is_set(record: Record) -> bool:
    """Whether a run can stand for its request: it came to its end and a picture of it is on disk."""
    return record.state in _SHOWN_STATES and any(picture_path(record.folder, index) for index in range(MAXIMUM_FRAMES))


def lineage_of(record: Record) -> Lineage | None:
    """The earlier run that a run goes on from; None where there is none, or what is told of it cannot be read."""
    facts = as_mapping(record.facts.get("lineage"))
    kind, run_id, places = (facts.get(name) for name in ("kind", "run_id", "places"))
    if not isinstance(kind, str) or not isinstance(run_id, str) or not RUN_ID.fullmatch(run_id):
        return None
    if kind not in {"redo", "extend", "vary"}:
        return None
    read = tuple(place for place in as_list(places) if type(place) is int and 0 <= place < MAXIMUM_PLACES)
    return Lineage(cast("Literal['redo', 'extend', 'vary']", kind), run_id, read)


def named_pictures(record: Record, *, again: bool = True) -> list[Picture]:
    """The pictures that the service named in this run; see `events_of`."""
    return [event for event in events_of(record, again=again) if isinstance(event, Picture)]


def events_of(record: Record, *, again: bool = True, reader: Reader | None = None) -> list[Event]:
    """What the service said in this run, by `response.jsonl`; a torn last line is passed over.

    `reader` gives the pictures their places; whoever is to read more of the same run goes on with it.

    With `again` the bytes of its answers are read once more, where they are kept: a picture in base64 is only there,
    and what an earlier version could not read is found by this one.
    """
    entries = _entries(record)
    heads = {str(entry.get("raw")): entry for entry in entries if "status" in entry}
    reader = reader or Reader()
    kept = raw_files(record.folder) if again else []
    torn = {entry["torn"] for entry in entries if isinstance(entry.get("torn"), str)}
    whole = {path.name for path in kept} - torn
    found: list[Event] = []
    for path in kept:
        head = heads.get(path.name, {})
        _begin(reader, head)
        for piece in read_again(path, str(head.get("codings") or ""), images=MAXIMUM_FRAMES):
            found += reader.read(piece)
    is_read = False
    for entry in entries:
        if "status" in entry:
            source = str(entry.get("raw"))
            is_read = source in whole and heads[source] is entry  # a name is given again once its file is gone
            _begin(reader, entry)
        value = entry.get("object")
        if is_read:
            continue  # that was read from its bytes, where links are still as they came
        with suppress(RecursionError):
            if isinstance(value, dict) and not (kept and lacks_base64(value)):
                found += reader.read(Answered(value, str(entry.get("event") or ""), cut=bool(entry.get("cut"))))
    return [*found, *reader.close()]


def ended_tasks(record: Record) -> set[str]:
    """The tasks of a gateway whose last answer is in `response.jsonl`, by their ids ("" for one that has none)."""
    return {str(entry["task"]) for entry in _entries(record) if "task" in entry and not entry.get("under_way")}


def _entries(record: Record) -> list[dict[str, Any]]:
    lines = record_bytes(record.folder / "response.jsonl", maximum=2**30).splitlines()
    return [_parsed(line) or {} for line in lines]


def _begin(reader: Reader, head: Mapping[str, Any]) -> None:
    reader.begin(location=str(head.get("location") or ""), task_id=str(head.get("task") or ""))


def picture_path(folder: Path, index: int) -> Path | None:
    """Where the picture of a frame is: in the run's folder, or where it was put aside when that took no more."""
    names = [f"{index + 1:02d}.{ending}" for ending in ("jpg", "png", "webp")]
    here = (folder / name for name in names if not (folder / name).is_symlink())
    aside = (rescued(folder.name, name) for name in names)
    return next((path for path in here if path.is_file()), None) or next(filter(None, aside), None)


def read_object(path: Path) -> dict[str, Any] | None:
    """The JSON object of a record file; None where there is none that can be read."""
    return _parsed(record_bytes(path))


def record_bytes(path: Path, *, maximum: int = MAXIMUM_RECORD_BYTES) -> bytes:
    """The bytes of a regular file that is no link; empty for anything else, and for more than `maximum` bytes."""
    try:
        facts = path.lstat()
        return path.read_bytes() if stat.S_ISREG(facts.st_mode) and facts.st_size <= maximum else b""
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return b""


def as_mapping(value: object) -> Mapping[str, Any]:
    """A value of a record that has to be an object; anything else is an empty one."""
    return value if isinstance(value, Mapping) else {}


def as_list(value: object) -> list[Any]:
    """A value of a record that has to be a list; anything else is an empty one."""
    return value if isinstance(value, list) else []


def _parsed(data: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _run_folders(store: Path) -> list[Path]:
    """The folders of a store that have the name of a run, oldest first."""
    try:
        with os.scandir(store) as entries:
            names = [entry.name for entry in entries if RUN_ID.fullmatch(entry.name) and _is_folder(entry)]
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return []
    return [store / name for name in sorted(names)]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False
