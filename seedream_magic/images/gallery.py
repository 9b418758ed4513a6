"""All pictures of a history as the tiles of a wall, newest first, each with what it is found by.

Nothing is decoded but the first pictures, small, and what was made once is kept in the library.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seedream_magic.database import Thumbnail, keep_thumbnails, kept_thumbnails
from seedream_magic.errors import SeedreamError
from seedream_magic.images.cards import relative_link
from seedream_magic.images.index import HistoryEntry
from seedream_magic.images.marks import MARKS_FILE, NONE, marks_of, picks_of
from seedream_magic.images.originals import NUMBERED
from seedream_magic.images.record import is_run, read_record
from seedream_magic.images.search import local_time
from seedream_magic.images.stored_runs import Makers
from seedream_magic.view.cards import Preview
from seedream_magic.view.gallery import MAXIMUM_PREVIEWS, PREVIEW_BYTES, Run, Tile, gallery_bundle
from seedream_magic.view.pictures import preview_of
from seedream_magic.words.carousel import words_for, words_for_most

PATIENCE = 3.0
"""Seconds in which previews are made; those that are not there by then come with the next look."""


def gallery_of(entries: Sequence[HistoryEntry], *, words: str = "", starred: bool = False) -> dict[str, Any]:
    """The mimebundle of the pictures of these runs; with `starred` of those that have a star."""
    known = Makers()
    runs = [run for entry in entries if (run := _run(entry, known, starred=starred)).tiles]
    language = words_for(words) if words.strip() else words_for_most(entry.prompt for entry in entries)
    return gallery_bundle(runs, _previews(entries, runs), language)


def _run(entry: HistoryEntry, known: Makers, *, starred: bool) -> Run:
    """A run with its pictures; a folder that is gone has none."""
    names = _names(entry.folder)
    marks = marks_of(entry.folder) if MARKS_FILE in names else {}
    places = _places(entry, known, has_marks=MARKS_FILE in names)
    tiles = [
        Tile(index, name, mark.star, mark.reject, places.get(index) if places is not None else index)
        for name in names
        if (found := NUMBERED.fullmatch(name)) and (index := int(found[1]) - 1) >= 0
        for mark in [marks.get(index, NONE)]
        if mark.star or not starred
    ]
    began = local_time(entry.began)
    return Run(
        id=entry.run_id,
        provider=entry.provider,
        caption=entry.prompt,
        model=entry.model,
        notebook=entry.notebook,
        tags=entry.tags,
        when=f"{began:%Y-%m-%d %H:%M}" if began else "",
        ratio=_ratio(entry.size),
        link=relative_link(entry.folder, above=True),
        tiles=tuple(tiles),
    )


def _places(entry: HistoryEntry, known: Makers, *, has_marks: bool) -> dict[int, int] | None:
    """Of each picture of the run its place in the run's set, which may have pictures of earlier runs; None where it is
    its index. A picture in whose place another take was picked is in no set.
    """
    record = read_record(entry.folder) if entry.parent or (has_marks and picks_of(entry.folder)) else None
    if record is None:
        return None
    makers, lineage = known.of(record), record.lineage
    goes_on = lineage is not None and lineage.kind != "vary" and is_run(entry.folder.parent / lineage.run_id)
    own = lineage.places if lineage is not None and goes_on else tuple(makers)
    places = {}
    for index, place in enumerate(own):
        maker, _ = makers.get(place, (record, index))
        pick = picks_of(maker.folder).get(place)
        if pick is None or (pick.run_id, pick.index) == (entry.run_id, index) or entry.run_id > pick.newest:
            places[index] = place
    return places


def _names(folder: Path) -> list[str]:
    """The names of the regular files of a run's folder, sorted."""
    try:
        with os.scandir(folder) as files:
            return sorted(file.name for file in files if file.is_file(follow_symlinks=False))
    except OSError:
        return []


def _ratio(size: str) -> float:
    """Width over height of what was asked for; 1 for a preset."""
    width, _, height = size.partition("x")
    if width.isdecimal() and height.isdecimal() and int(width) and int(height):
        return min(max(int(width) / int(height), 0.2), 5.0)
    return 1.0


def _previews(entries: Sequence[HistoryEntry], runs: Sequence[Run]) -> dict[tuple[str, int], Preview]:
    """Previews of the first pictures, by run and index: those that the library has, and new ones for a few seconds."""
    folders = {entry.run_id: entry.folder for entry in entries}
    wanted = [(run.id, tile) for run in runs[:MAXIMUM_PREVIEWS] for tile in run.tiles][:MAXIMUM_PREVIEWS]
    kept = kept_thumbnails([f"{run_id}/{tile.name}" for run_id, tile in wanted])
    until, made, found = time.monotonic() + PATIENCE, dict[str, Thumbnail](), dict[tuple[str, int], Preview]()
    for run_id, tile in wanted:
        key, path = f"{run_id}/{tile.name}", folders[run_id] / tile.name
        with contextlib.suppress(SeedreamError, OSError):  # damaged, or purged meanwhile
            made_of = _made_of(path)
            known = kept.get(key)
            if known is None or known[0] != made_of:
                if time.monotonic() > until:
                    continue
                small = preview_of(path, made_of, budget=PREVIEW_BYTES)
                known = made[key] = (made_of, small.data_uri, small.width, small.height)
            found[run_id, tile.index] = Preview(*known[1:])
    if made:
        keep_thumbnails(made)
    return found


def _made_of(path: Path) -> str:
    facts = path.lstat()
    return f"{path.name} {facts.st_mtime_ns} {facts.st_size}"
