"""Earlier runs, read back from their folders: found by fingerprint, loaded as sets. Nothing here writes.

A folder may have been copied from elsewhere, damaged, or left by a process that was killed at any instant: whatever
cannot be read is passed over or told as a frame's error, never an exception. Only names that this package gives are
opened, links are not followed out of the folder, and record files are capped in size.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

from seedream_magic import errors
from seedream_magic.api.events import Picture, Reader
from seedream_magic.api.models import MAXIMUM_FRAMES
from seedream_magic.api.plan import Lineage
from seedream_magic.api.reference import Reference
from seedream_magic.api.request import ImageRequest, request_from_body
from seedream_magic.api.storyboard import Storyboard
from seedream_magic.errors import ApiError, ImageError, ImageInvalid, InvalidRequest, SeedreamError
from seedream_magic.images.durable import rescued
from seedream_magic.images.image_set import Frame, ImageSet, Outcome
from seedream_magic.images.lineage import joined
from seedream_magic.images.store import REFERENCES
from seedream_magic.images.verify import verified

RUN_ID = re.compile(r"\d{8}T\d{6}Z-[a-z2-7]{10}", re.ASCII)
MAXIMUM_RECORD_BYTES = 16 * 2**20
MAXIMUM_REFERENCE_BYTES = 64 * 2**20
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
    for folder in _folders(store):
        facts = _read_object(folder / "request.json")
        if facts is not None:
            yield Record(folder, facts)


def find_record(store: Path, run_id: str) -> Record:
    """The run of this id, or of the only one that begins or ends so. Raises `InvalidRequest` for none, or several."""
    wanted = str(run_id).strip()
    fitting = [folder for folder in _folders(store) if wanted and folder.name.startswith(wanted)]
    fitting = fitting or [folder for folder in _folders(store) if len(wanted) > 3 and folder.name.endswith(wanted)]
    if len(fitting) > 1:
        raise InvalidRequest(f"{len(fitting)} runs of {store} begin or end with {wanted[:40]!r}; type more of the id.")
    if not fitting:
        raise InvalidRequest(f"There is no run {wanted[:40]!r} in {store}; %seedream history lists them.")
    facts = _read_object(fitting[0] / "request.json")
    if facts is None:
        raise InvalidRequest(f"The record of run {fitting[0].name} cannot be read.")
    return Record(fitting[0], facts)


def takes(store: Path, fingerprint: str) -> list[Record]:
    """The sets that were made of one request, oldest first: take 1, take 2 and so on."""
    # The fingerprint is looked for in the bytes first: parsing ten thousand records to find one is slow.
    needle = fingerprint.encode()
    found = []
    for folder in _folders(store):
        data = _read_bytes(folder / "request.json")
        if needle not in data:
            continue
        facts = _parse_object(data)
        if facts is not None and facts.get("fingerprint") == fingerprint:
            found.append(Record(folder, facts))
    return found


def is_set(record: Record) -> bool:
    """Whether a run can stand for its request: it came to its end and a picture of it is on disk."""
    return record.state in _SHOWN_STATES and any(picture_path(record.folder, index) for index in range(MAXIMUM_FRAMES))


def load(record: Record) -> ImageSet:
    """The set of a run as its folder holds it; places whose file is gone or damaged carry an error."""
    request = _request(record)
    frames = tuple(_frame(record, index, facts, request) for index, facts in enumerate(_frame_facts(record)))
    outcomes: dict[str, Outcome] = {"not_sent": "not_sent", "rejected": "rejected", "billed": "billed"}
    usage, seconds, expected = (record.facts.get(name) for name in ("usage", "seconds", "expected"))
    return ImageSet(
        request=request,
        provider=str(record.facts.get("provider")),
        run_id=record.run_id,
        folder=record.folder,
        frames=frames,
        expected=expected if isinstance(expected, int) and 0 < expected <= MAXIMUM_FRAMES else None,
        state="stopped" if record.state == "stopped" else "done",
        outcome=outcomes.get(str(record.facts.get("outcome")), "unknown"),
        usage=usage if isinstance(usage, Mapping) else None,
        seconds=float(seconds) if isinstance(seconds, int | float) and abs(seconds) < 1e9 else 0.0,
        notes=tuple(str(note) for note in _list(record.facts.get("notes"))),
    )


def lineage_of(record: Record) -> Lineage | None:
    """The earlier run that a run goes on from; None where there is none, or what is told of it cannot be read."""
    facts = _mapping(record.facts.get("lineage"))
    kind, run_id, places = (facts.get(name) for name in ("kind", "run_id", "places"))
    if not isinstance(kind, str) or not isinstance(run_id, str) or not RUN_ID.fullmatch(run_id):
        return None
    if kind not in {"redo", "extend", "vary"}:
        return None
    read = tuple(place for place in _list(places) if type(place) is int and 0 <= place < MAXIMUM_PLACES)
    return Lineage(cast("Literal['redo', 'extend', 'vary']", kind), run_id, read)


def load_whole(record: Record) -> ImageSet:
    """The set of a run with the frames of the earlier runs that it goes on from, as far as those are there."""
    line = [record]
    while (parent := _parent(line[-1])) is not None and parent.run_id not in {earlier.run_id for earlier in line}:
        line.append(parent)
    images = load(line.pop())
    for later in reversed(line):
        lineage = lineage_of(later)
        images = load(later) if lineage is None else joined(images, load(later), lineage)
    return images


def parent_set(store: Path, lineage: Lineage | None) -> ImageSet | None:
    """The set that a run goes on from; None where there is none, or it is gone."""
    if lineage is None or lineage.kind == "vary":
        return None
    facts = _read_object(store / lineage.run_id / "request.json")
    return None if facts is None else load_whole(Record(store / lineage.run_id, facts))


def _parent(record: Record) -> Record | None:
    lineage = lineage_of(record)
    if lineage is None or lineage.kind == "vary":
        return None
    folder = record.folder.parent / lineage.run_id
    facts = _read_object(folder / "request.json")
    return None if facts is None else Record(folder, facts)


def _request(record: Record) -> ImageRequest:
    board = _mapping(record.facts.get("storyboard"))
    frames = tuple(str(frame) for frame in _list(board.get("frames")))
    references = [_reference(record, _mapping(facts)) for facts in _list(record.facts.get("references"))]
    return request_from_body(
        _mapping(record.facts.get("body")),
        references=tuple(references[:MAXIMUM_FRAMES]),
        storyboard=Storyboard(str(board.get("style", "")), frames) if frames else None,
    )


def _reference(record: Record, facts: Mapping[str, Any]) -> Reference:
    """A reference as the store keeps it; one whose file is gone or was changed has no bytes."""
    url = facts.get("url")
    name = Path(str(facts.get("file"))).name
    data = _read_bytes(record.folder.parent / REFERENCES / name, maximum=MAXIMUM_REFERENCE_BYTES)
    same = hashlib.sha256(data).hexdigest() == facts.get("sha256")
    return Reference(
        source=str(facts.get("source")),
        media_type=str(facts.get("media_type")),
        data=data if same else b"",
        width=_number(facts.get("width")),
        height=_number(facts.get("height")),
        url=url if isinstance(url, str) else None,
    )


def named_pictures(record: Record) -> list[Picture]:
    """The pictures that the service named in this run, by `response.jsonl`; a torn last line is passed over."""
    reader = Reader()
    found: list[Picture] = []
    for line in _read_bytes(record.folder / "response.jsonl", maximum=2**30).splitlines():
        entry = _parse_object(line) or {}
        value = entry.get("object")
        if isinstance(value, dict):
            found += [event for event in reader.read(value) if isinstance(event, Picture)]
    return found


def _folders(store: Path) -> list[Path]:
    try:
        entries = sorted(entry for entry in store.iterdir() if RUN_ID.fullmatch(entry.name))
        return [entry for entry in entries if entry.is_dir() and not entry.is_symlink()]
    except OSError:
        return []


def _frame_facts(record: Record) -> list[Mapping[str, Any]]:
    """What the record says of each frame; of a run that died, what its files and its answer tell."""
    listed = _list(record.facts.get("frames"))
    if listed:
        return [_mapping(facts) for facts in listed[:MAXIMUM_FRAMES]]
    places = [index for index in range(MAXIMUM_FRAMES) if picture_path(record.folder, index)]
    places += [picture.index for picture in named_pictures(record)]
    return [{} for _ in range(max(places, default=-1) + 1)]


def _frame(record: Record, index: int, facts: Mapping[str, Any], request: ImageRequest) -> Frame:
    path = picture_path(record.folder, index)
    if path is None:
        came = bool(facts) or not record.facts.get("frames")  # a stopped run lists the places that nothing came for
        return Frame(index, request.prompt_of(index), error=_error(facts) if came else None)
    try:
        return _picture(index, path, request.prompt_of(index))
    except (ImageError, OSError) as exc:
        error = exc if isinstance(exc, ImageError) else ImageInvalid(f"{path} cannot be read: {exc}.")
        return Frame(index, request.prompt_of(index), error=error)


def _picture(index: int, path: Path, prompt: str) -> Frame:
    """A saved picture that is still what its sidecar says; one without a sidecar is looked at anew."""
    sidecar, data = _read_object(path.with_suffix(".json")), path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if sidecar is None:
        facts = verified(data)
        return Frame(index, prompt, path, facts.width, facts.height, digest)
    if sidecar.get("sha256") != digest:
        raise ImageInvalid(f"{path} was changed after it was saved.")
    width, height = (_number(sidecar.get(name)) for name in ("width", "height"))
    return Frame(index, prompt, path, width, height, digest)


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None


def picture_path(folder: Path, index: int) -> Path | None:
    """Where the picture of a frame is: in the run's folder, or where it was put aside when that took no more."""
    names = [f"{index + 1:02d}.{ending}" for ending in ("jpg", "png", "webp")]
    here = (folder / name for name in names if not (folder / name).is_symlink())
    aside = (rescued(folder.name, name) for name in names)
    return next((path for path in here if path.is_file()), None) or next(filter(None, aside), None)


def _error(facts: Mapping[str, Any]) -> SeedreamError:
    """The error that a frame was saved with; a picture whose file is gone gets one that says so."""
    kind = getattr(errors, str(facts.get("error")), None)
    if not (isinstance(kind, type) and issubclass(kind, SeedreamError)):
        return ImageError("The picture is not in the run's folder.")
    error = kind(str(facts.get("message", "")))
    for name in ("hint", "billed", "request_id", *(("code", "param", "status") if issubclass(kind, ApiError) else ())):
        told = facts.get(name)
        if isinstance(told, str | int) and (name != "billed" or told in {"no", "yes", "unknown"}):
            setattr(error, name, told)
    return error


def _read_object(path: Path) -> dict[str, Any] | None:
    return _parse_object(_read_bytes(path))


def _parse_object(data: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _read_bytes(path: Path, *, maximum: int = MAXIMUM_RECORD_BYTES) -> bytes:
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > maximum:  # a pipe would never end
            return b""
        return path.read_bytes()
    except OSError:
        return b""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
