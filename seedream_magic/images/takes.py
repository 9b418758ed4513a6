"""The takes of a frame: what the run that first drew it has made, and each run that drew it anew, oldest first.

A set shows the take that was picked, see `marks`; without a pick each run's set shows its own.
"""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from seedream_magic import library
from seedream_magic.errors import InvalidRequest
from seedream_magic.images.copies import copy_run
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.images.marks import Pick, keep_pick
from seedream_magic.images.originals import places_on_disk
from seedream_magic.images.record import Record, load_frame, read_record
from seedream_magic.images.stored_runs import line_of, makers_of, records
from seedream_magic.words import runs as texts

_Redrawn = dict[int, list[tuple[Record, int]]]
"""Of each place of a set the runs that drew it anew, oldest first, with its index there."""


def takes_of(folder: Path, place: int) -> tuple[Frame, ...]:
    """The takes of the frame at this place of the set of a run, each with its number; those with a picture.

    Raises `InvalidRequest` for a place that the set does not have.
    """
    record = read_record(folder)
    makers = makers_of(line_of(record)) if record else {}
    if type(place) is not int or place not in makers:
        raise InvalidRequest(texts.NO_SUCH_FRAME(last=len(makers) - 1, place=repr(place)))
    maker, index = makers[place]
    return _loaded(place, [(maker, index), *_redrawn(maker, _later(maker)).get(place, [])])


def all_takes_of(folder: Path) -> dict[int, tuple[Frame, ...]]:
    """The takes of all frames of the set of a run, by their places."""
    record = read_record(folder)
    makers = makers_of(line_of(record)) if record else {}
    redrawn = {maker.run_id: _redrawn(maker, _later(maker)) for maker, _ in makers.values()}
    return {
        place: _loaded(place, [(maker, index), *redrawn[maker.run_id].get(place, [])])
        for place, (maker, index) in makers.items()
    }


def _loaded(place: int, found: list[tuple[Record, int]]) -> tuple[Frame, ...]:
    """What these runs have drawn in this place; those with a picture."""
    loaded = [(one, load_frame(one, at)) for one, at in found]
    frames = [replace(frame, index=place, run_id=one.run_id) for one, frame in loaded if frame.ok]
    return tuple(replace(frame, take=number, takes=len(frames)) for number, frame in enumerate(frames, 1))


def pick(folder: Path, place: int, take: int) -> None:
    """Let the sets of a run's family show this take of a frame, from 1; later takes show themselves till a next pick.

    It is written into the `marks.json` of the run that first drew the frame. Raises `InvalidRequest` for a take that
    there is not, `ConfigError` where it cannot be written.
    """
    takes = takes_of(folder, place)
    if type(take) is not int or not 1 <= take <= len(takes):
        none = texts.NO_TAKE_OF_FRAME(place=place, take=repr(take))
        several = texts.NO_SUCH_TAKE_OF_FRAME(place=place, takes=len(takes), take=repr(take))
        raise InvalidRequest(several if takes else none)
    record = read_record(folder)
    maker, _ = makers_of(line_of(record))[place] if record else (None, 0)
    home = takes[take - 1].home
    if maker is None or home is None:  # purged at this moment
        raise InvalidRequest(texts.RUN_IS_GONE(run=folder.name, store=folder.parent))
    chosen, store = read_record(home[0]), maker.folder.parent
    if chosen is not None and os.path.realpath(chosen.folder.parent) != os.path.realpath(store):
        copy_run(chosen, store)  # what a set shows lies in one store
    newest = max(frame.home[0].name for frame in takes if frame.home)
    keep_pick(maker.folder, place, Pick(home[0].name, home[1], newest))


def with_takes(images: ImageSet) -> ImageSet:
    """The set whose frames know which of how many takes they are."""
    record = None if images.sources else read_record(images.folder)
    line = line_of(record) if record else []
    later = _later(line[0]) if line else []
    if not later:
        return images
    redrawn, there, frames = dict[str, _Redrawn](), dict[Path, set[int]](), list(images.frames)
    for place, (maker, index) in makers_of(line).items():
        if maker.run_id not in redrawn:
            redrawn[maker.run_id] = _redrawn(maker, later)
        found = [(maker, index), *redrawn[maker.run_id].get(place, [])]
        for one, _ in found:
            if one.folder not in there:
                there[one.folder] = places_on_disk(one.folder, one.frames)
        homes = [(one.run_id, at) for one, at in found if at in there[one.folder]]
        home = frames[place].home if place < len(frames) else None
        if len(homes) > 1 and home is not None and (home[0].name, home[1]) in homes:
            number = homes.index((home[0].name, home[1])) + 1
            frames[place] = replace(frames[place], take=number, takes=len(homes))
    return replace(images, frames=tuple(frames))


def _later(first: Record) -> list[Record]:
    """The runs that go on from this one, directly or not, oldest first; without a library all of its store are read."""
    later = library.later_than(first.run_id, first.folder.parent)
    return list(records(first.folder.parent)) if later is None else later


def _redrawn(maker: Record, later: list[Record]) -> _Redrawn:
    """Of each place the runs that drew it anew in sets that go on from this run; `later` is in the order of ids."""
    family, redrawn = {maker.run_id}, defaultdict[int, list[tuple[Record, int]]](list)
    for record in later:
        lineage = record.lineage
        if lineage is None or lineage.run_id not in family or lineage.kind == "vary":
            continue
        family.add(record.run_id)
        for index, place in enumerate(lineage.places if lineage.kind == "redo" else ()):
            redrawn[place].append((record, index))
    return redrawn
