"""The runs of a store as they are read: each with what later ones have made of it, and what people call them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path

from seedream_magic.api.models import LARGEST_PICTURE_BYTES, MAXIMUM_FRAMES
from seedream_magic.api.plan import Lineage
from seedream_magic.errors import ConfigError, InvalidRequest
from seedream_magic.images.changes import version_of
from seedream_magic.images.durable import NOTHING_THERE, PASSING, read_folder
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.images.json_files import parse, read_object, record_bytes
from seedream_magic.images.lineage import join, with_picks
from seedream_magic.images.marks import Pick, picks_of
from seedream_magic.images.originals import NUMBERED, frames_on_disk, picture_path
from seedream_magic.images.record import RECORD_FILE, RUN_ID, Record, as_text, load, load_frame, read_record, record_of
from seedream_magic.words import store as texts

MOST_RENAMED = 200
"""Folders of other names in a store that are looked into: there may be anything beside the runs."""


def records(store: Path) -> Iterator[Record]:
    """The runs of a store, oldest first; folders without a readable record are passed over."""
    return filter(None, map(read_record, _run_folders(store)))


def find_record(store: Path, run_id: str) -> Record:
    """The run of this id, or of the only one that begins or ends so. Raises `InvalidRequest` for none, or several."""
    wanted = str(run_id).strip()
    folders = _run_folders(store)
    fitting = [folder for folder in folders if wanted and folder.name.startswith(wanted)]
    fitting = fitting or [folder for folder in folders if len(wanted) > 3 and folder.name.endswith(wanted)]
    if len(fitting) > 1:
        raise InvalidRequest(texts.MORE_OF_ID(count=len(fitting), store=store, id=repr(wanted[:40])))
    if not fitting:
        raise InvalidRequest(texts.NO_RUN(id=repr(wanted[:40]), store=store))
    record = read_record(fitting[0])
    if record is None:
        raise InvalidRequest(texts.RECORD_NOT_READ(run=fitting[0].name))
    return record


def runs_of(fingerprints: Collection[str], store: Path) -> list[Record]:
    """The runs of one request in this store, oldest first, however they ended.

    Raises `ConfigError` where the store cannot be read: nobody knows then whether the request is paid for already.
    """
    if run_folders(store) is None:
        raise ConfigError(texts.STORE_NOT_READ(store=store), hint=texts.TRY_AGAIN())
    # The fingerprints are looked for in the bytes first: parsing ten thousand records to find one is slow.
    needles = [fingerprint.encode() for fingerprint in fingerprints]
    read = ((folder, record_bytes(folder / RECORD_FILE)) for folder in _run_folders(store))
    found = [record_of(folder, parse(data) or {}) for folder, data in read if any(needle in data for needle in needles)]
    return [record for record in found if record.fingerprint in fingerprints]


def is_set(record: Record) -> bool:
    """Whether a run can stand for its request: it came to its end and a picture of it is on disk."""
    ended, frames = record.state in {"done", "partial"}, record.frames
    return ended and any(picture_path(record.folder, index, frames) for index in range(MAXIMUM_FRAMES))


def load_whole(record: Record) -> ImageSet:
    """The set of a run with the frames of the earlier runs that it goes on from, as far as those are there.

    Where another take of a frame was picked, that stands in its place.
    """
    line = line_of(record)
    images = load(line[0])
    for later in line[1:]:
        lineage = later.lineage
        images = load(later) if lineage is None else join(images, load(later), lineage)
    picked = _picked_frames(line, images)
    return with_picks(images, picked) if picked else images


def line_of(record: Record) -> list[Record]:
    """The runs that a set is joined of: the first, those that drew frames anew or added some, the run itself."""
    line, store, known = [record], record.folder.parent, {record.run_id}
    while (parent := _parent(store, line[-1].lineage)) and parent.run_id not in known:
        line.append(parent)
        known.add(parent.run_id)
    return line[::-1]


def makers_of(line: list[Record]) -> dict[int, tuple[Record, int]]:
    """Of each place of a set the run that first drew it, and its index there."""
    total = max(line[0].expected or 0, len(line[0].frames), len(frames_on_disk(line[0].folder, line[0].frames)))
    makers = {place: (line[0], place) for place in range(total)}
    for record in line[1:]:
        for index, place in enumerate(record.lineage.places if record.lineage else ()):
            makers.setdefault(place, (record, index))
    return dict(sorted(makers.items()))


class Makers:
    """The same for the sets of many runs: a line that many of them go on from is read once."""

    def __init__(self) -> None:
        self._known: dict[Path, dict[int, tuple[Record, int]]] = {}

    def of(self, record: Record) -> dict[int, tuple[Record, int]]:
        """As `makers_of(line_of(record))`."""
        line, store, met = [record], record.folder.parent, {record.folder}
        while line[-1].folder not in self._known and (parent := _parent(store, line[-1].lineage)):
            if parent.folder in met:
                break
            line.append(parent)
            met.add(parent.folder)
        first = line.pop()
        makers = self._known[first.folder] = self._known.get(first.folder) or makers_of([first])
        for later in reversed(line):
            places = enumerate(later.lineage.places if later.lineage else ())
            new = {place: (later, index) for index, place in places if place not in makers}
            makers = dict(sorted({**makers, **new}.items())) if new else makers
            self._known[later.folder] = makers
        return makers


def _picked_frames(line: list[Record], images: ImageSet) -> dict[int, Frame]:
    """The takes that were picked, by their places; not where the frame was drawn anew since, and shows itself."""
    picked: dict[int, Frame] = {}
    for maker in line:
        for place, pick in picks_of(maker.folder).items():
            home = images[place].home if place < len(images) else None
            chosen = _take(line, maker, place, pick) if home and home[0].name <= pick.newest else None
            if chosen is not None and chosen.ok and chosen.home != home:
                picked[place] = chosen
    return picked


def _take(line: list[Record], maker: Record, place: int, pick: Pick) -> Frame | None:
    """The frame that a pick names. A folder may be a stranger's: only a take of this very frame is one."""
    if makers_of(line).get(place, (None,))[0] is not maker:
        return None
    if (pick.run_id, pick.index) == (maker.run_id, makers_of(line)[place][1]):
        return load_frame(maker, pick.index)
    record = read_record(maker.folder.parent / pick.run_id) if RUN_ID.fullmatch(pick.run_id) else None
    lineage = record.lineage if record else None
    if record is None or lineage is None or lineage.kind != "redo" or place not in lineage.places[pick.index :][:1]:
        return None
    is_family = maker.run_id in {one.run_id for one in line_of(record)}
    return load_frame(record, pick.index) if is_family else None


def parent_set(store: Path, lineage: Lineage | None) -> ImageSet | None:
    """The set that a run goes on from; None where there is none, or it is gone."""
    record = _parent(store, lineage)
    return None if record is None else load_whole(record)


def _parent(store: Path, lineage: Lineage | None) -> Record | None:
    return None if lineage is None or lineage.kind == "vary" else read_record(store / lineage.run_id)


def run_folders(store: Path) -> list[os.DirEntry[str]] | None:
    """The entries of a store that have the name of a run and are folders, in no order; None where it cannot be read.

    That is not the same as none: what was paid for may be there.
    """

    def runs(entries: Iterable[os.DirEntry[str]]) -> list[os.DirEntry[str]]:
        return [entry for entry in entries if RUN_ID.fullmatch(entry.name) and _is_folder(entry)]

    try:
        return read_folder(store, runs)
    except OSError as exc:
        return [] if exc.errno in NOTHING_THERE else None
    except ValueError:  # a NUL in the name
        return []


def renamed_runs(store: Path) -> list[Record]:
    """The records in folders of a store that a person has given names of their own: those are no runs."""
    try:
        folders = _named_folders(store)
    except (OSError, ValueError):  # as above
        return []
    found = [record for record in map(read_record, folders) if record]
    return [record for record in found if RUN_ID.fullmatch(as_text(record.facts.get("run_id")))]


_named: dict[Path, tuple[int, tuple[Path, ...]]] = {}
"""Of each store as it was listed last: the version of its names, and what was found."""


def _named_folders(store: Path) -> tuple[Path, ...]:
    """The folders of a store whose names are a person's own; listed again once somebody else has changed the names."""
    version, _ = version_of(store) or (0, 0)
    before, folders = _named.get(store, (-1, ()))
    if version == before:
        return folders
    with os.scandir(store) as entries:
        named = (entry for entry in entries if not (entry.name.startswith(".") or RUN_ID.fullmatch(entry.name)))
        folders = tuple(Path(entry.path) for entry in islice(filter(_is_folder, named), MOST_RENAMED))
    _named[store] = version, folders
    return folders


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError as exc:
        if exc.errno in PASSING:
            raise
        return False


def _run_folders(store: Path) -> list[Path]:
    return [store / name for name in sorted(entry.name for entry in run_folders(store) or ())]


def run_of_picture(path: Path, store: Path) -> tuple[Path, int] | None:
    """The folder of the run that made a picture, and the index of its frame; None for a picture of no run.

    `path` is the saved original, or a copy of it elsewhere, which is found by its SHA-256 in the sidecars of `store`.
    """
    try:
        path = path.resolve()
    except (OSError, RuntimeError, ValueError):  # links in a circle, a NUL in the name
        return None
    data = record_bytes(path, maximum=LARGEST_PICTURE_BYTES)
    if not data:
        return None
    record = read_record(path.parent) if RUN_ID.fullmatch(path.parent.name) else None
    if record is not None:
        if place := NUMBERED.fullmatch(path.name):
            return path.parent, int(place[1]) - 1
        for index in range(MAXIMUM_FRAMES):
            if picture_path(path.parent, index, record.frames) == path:
                return path.parent, index
    digest = hashlib.sha256(data).hexdigest()
    for folder in reversed(_run_folders(store)):
        for index in range(MAXIMUM_FRAMES):
            if (read_object(folder / f"{index + 1:02d}.json") or {}).get("sha256") == digest:
                return folder, index
    return None
