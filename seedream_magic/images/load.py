"""From the record of a run back to its set, as its folder holds it.

Whatever cannot be read is told as a frame's error, never an exception.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seedream_magic import errors
from seedream_magic.api.models import MAXIMUM_FRAMES
from seedream_magic.api.plan import Lineage
from seedream_magic.api.references.reference import Reference
from seedream_magic.api.refusal import clipped
from seedream_magic.api.request import ImageRequest, request_from_body
from seedream_magic.api.storyboard import Storyboard
from seedream_magic.errors import ApiError, ImageError, ImageInvalid, SeedreamError
from seedream_magic.images.facts import REFERENCES
from seedream_magic.images.image_set import Frame, ImageSet, Outcome
from seedream_magic.images.lineage import joined
from seedream_magic.images.record import (
    Record,
    as_list,
    as_mapping,
    lineage_of,
    named_pictures,
    picture_path,
    read_object,
    record_bytes,
)
from seedream_magic.images.verify import verified

MAXIMUM_REFERENCE_BYTES = 64 * 2**20
MAXIMUM_NOTES = 100
"""A run writes a few for each picture."""


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
        notes=tuple(clipped(note) for note in as_list(record.facts.get("notes"))[:MAXIMUM_NOTES]),
    )


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
    facts = read_object(store / lineage.run_id / "request.json")
    return None if facts is None else load_whole(Record(store / lineage.run_id, facts))


def _parent(record: Record) -> Record | None:
    lineage = lineage_of(record)
    if lineage is None or lineage.kind == "vary":
        return None
    folder = record.folder.parent / lineage.run_id
    facts = read_object(folder / "request.json")
    return None if facts is None else Record(folder, facts)


def _request(record: Record) -> ImageRequest:
    board = as_mapping(record.facts.get("storyboard"))
    frames = tuple(str(frame) for frame in as_list(board.get("frames")))
    references = [_reference(record, as_mapping(facts)) for facts in as_list(record.facts.get("references"))]
    return request_from_body(
        as_mapping(record.facts.get("body")),
        references=tuple(references[:MAXIMUM_FRAMES]),
        storyboard=Storyboard(str(board.get("style", "")), frames) if frames else None,
    )


def _reference(record: Record, facts: Mapping[str, Any]) -> Reference:
    """A reference as the store keeps it; one whose file is gone or was changed has no bytes."""
    url = facts.get("url")
    name = Path(str(facts.get("file"))).name
    data = record_bytes(record.folder.parent / REFERENCES / name, maximum=MAXIMUM_REFERENCE_BYTES)
    same = hashlib.sha256(data).hexdigest() == facts.get("sha256")
    return Reference(
        source=str(facts.get("source")),
        media_type=str(facts.get("media_type")),
        data=data if same else b"",
        width=_number(facts.get("width")),
        height=_number(facts.get("height")),
        url=url if isinstance(url, str) else None,
    )


def _frame_facts(record: Record) -> list[Mapping[str, Any]]:
    """What the record says of each frame; of a run that died, what its files and its answer tell."""
    listed = as_list(record.facts.get("frames"))
    if listed:
        return [as_mapping(facts) for facts in listed[:MAXIMUM_FRAMES]]
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
    sidecar, data = read_object(path.with_suffix(".json")), path.read_bytes()
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


def _error(facts: Mapping[str, Any]) -> SeedreamError:
    """The error that a frame was saved with; a picture whose file is gone gets one that says so.

    A record may be a stranger's: its texts are short and hold nothing that a terminal would obey.
    """
    kind = getattr(errors, str(facts.get("error")), None)
    if not (isinstance(kind, type) and issubclass(kind, SeedreamError)):
        return ImageError("The picture is not in the run's folder.")
    error = kind(clipped(facts.get("message", "")))
    for name in ("hint", "billed", "request_id", *(("code", "param", "status") if issubclass(kind, ApiError) else ())):
        told = facts.get(name)
        if isinstance(told, str | int) and (name != "billed" or told in {"no", "yes", "unknown"}):
            setattr(error, name, clipped(told) if isinstance(told, str) else told)
    return error
