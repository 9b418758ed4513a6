"""What a run's folder tells a person, as one row of plain values. Never raises, writes nothing, follows no link."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seedream_magic import errors
from seedream_magic.api.models import MAXIMUM_FRAMES
from seedream_magic.errors import ImageError
from seedream_magic.images.record import Record, as_list, as_mapping, named_pictures, read_object

NUMBERED = re.compile(r"(\d\d)\.(?:jpg|png|webp)", re.ASCII)
"""The name of a saved picture: its frame, counted from 1."""
LONGEST_TEXT = 20_000
"""Characters kept of a prompt; no model takes as many."""
UNFINISHED = frozenset({"sending", "answering"})
"""States of a run that goes on, or whose process died."""
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A run, as a row of plain values: `pandas.DataFrame(list_of_entries)` is a table.

    `began` is UTC, None where nobody can tell. `state` is that of the record (sending, answering, done, partial,
    failed, stopped) or "damaged" where it cannot be read; `outcome` tells what became of the POST (not_sent, rejected,
    unknown, billed). `frames` counts the pictures on disk, `expected` those that there should be, `billed` the images
    billed by the rule of `ImageSet.billed`. `size` is as it was sent. `notebook` is its name, "" where it was not
    known; `parent` the id of the run that this one goes on from, or "".
    """

    run_id: str
    began: datetime | None
    prompt: str
    model: str
    provider: str
    state: str
    outcome: str
    frames: int
    expected: int
    billed: int
    size: str
    seconds: float
    notebook: str
    parent: str
    folder: Path


def entry_of(folder: Path) -> HistoryEntry:
    """The row of the run in `folder`."""
    facts = read_object(folder / "request.json") or {}
    body, lineage = as_mapping(facts.get("body")), as_mapping(facts.get("lineage"))
    on_disk, listed = _on_disk(folder), _listed(facts)
    return HistoryEntry(
        run_id=folder.name,
        began=_moment(facts.get("began")) or _moment(folder.name[:16]),
        prompt=_text(body.get("prompt")),
        model=_text(body.get("model")),
        provider=_text(facts.get("provider")),
        state=_text(facts.get("state")) or "damaged",
        outcome=_text(facts.get("outcome")),
        frames=len(on_disk),
        expected=max(_count(facts.get("expected")) or 0, len(listed), len(on_disk)),
        billed=_billed(Record(folder, facts), listed, on_disk),
        size=_text(body.get("size")),
        seconds=_seconds(facts.get("seconds")),
        notebook=_text(facts.get("notebook")),
        parent=_text(lineage.get("run_id")),
        folder=folder,
    )


def _billed(record: Record, listed: list[Mapping[str, Any]], on_disk: set[int]) -> int:
    """As `ImageSet.billed`: what the service reported, else the pictures that it delivered."""
    reported = _count(as_mapping(record.facts.get("usage")).get("generated_images"))
    if reported is not None:
        return reported
    if record.state in UNFINISHED:
        return len(on_disk | {picture.index for picture in named_pictures(record, again=False)})
    return len(on_disk) + sum(_was_delivered(facts) for index, facts in enumerate(listed) if index not in on_disk)


def _was_delivered(facts: Mapping[str, Any]) -> bool:
    """Whether a frame without a picture had one: its file is gone, or it failed only on our side."""
    kind = getattr(errors, str(facts.get("error")), None)
    return "file" in facts or (isinstance(kind, type) and issubclass(kind, ImageError))


def _on_disk(folder: Path) -> set[int]:
    """The indexes of the frames whose picture is in the folder."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
    except OSError:
        return set()
    indexes = {int(place[1]) - 1 for place in map(NUMBERED.fullmatch, names) if place}
    return indexes.intersection(range(MAXIMUM_FRAMES))


def _listed(facts: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [as_mapping(frame) for frame in as_list(facts.get("frames"))[:MAXIMUM_FRAMES]]


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "")
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # OverflowError: before the year 1
        return None


def _text(value: object) -> str:
    return _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", value[:LONGEST_TEXT]) if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, int | float) and 0 <= value < 1e9 else 0.0
