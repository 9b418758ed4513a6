"""The folder of runs: one directory a run, every file durable before what it makes possible is begun.

No file is shared between runs but references, which are kept by their content: nobody waits to write one. What is
found here may have been copied from elsewhere: only names that this package gives are opened, and no link is followed.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import platform
import secrets
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial as partial_call
from functools import reduce
from itertools import islice
from pathlib import Path
from typing import Any

from seedream_magic.api.credentials import Key
from seedream_magic.api.models import LARGEST_BASE64_CHARACTERS, LARGEST_PICTURE_BYTES, MAXIMUM_FRAMES
from seedream_magic.api.plan import Lineage, Plan
from seedream_magic.api.redaction import bytes_without_secret
from seedream_magic.api.references.reference import Reference
from seedream_magic.api.request import LONGEST_REQUEST, ImageRequest
from seedream_magic.errors import ConfigError, ImageError, InvalidRequest, SeedreamError, reason_of
from seedream_magic.images.claims import RUN_LOCK, RunLock
from seedream_magic.images.durable import (
    END_FILE,
    NOTHING_THERE,
    PASSING,
    clipped,
    find_rescued,
    forget_end,
    json_bytes,
    make_folder,
    owns_aside,
    parse,
    read_folder,
    read_object,
    record_bytes,
    regular_bytes,
    remove_aside,
    rescued_names,
    rescued_runs,
    sweep,
    write_durably,
    write_elsewhere,
)
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.images.lineage import join, with_picks
from seedream_magic.images.marks import Pick, picks_of
from seedream_magic.images.originals import NUMBERED, SIDECARS, frames_on_disk, picture_path, sidecar_bytes
from seedream_magic.images.record import (
    RECORD_FILE,
    REFERENCES,
    RUN_ID,
    Record,
    as_text,
    load,
    load_frame,
    read_record,
    record_of,
    request_fields,
    to_json,
)
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
from seedream_magic.words.requests import TOO_MUCH_TEXT

SPACE_PER_IMAGE = 25 * 2**20
"""Of a set of JPEGs of the largest size none has more; what passes it has the reserve, and other disks after that."""
SPACE_IN_RESERVE = 64 * 2**20
MAXIMUM_RAW_BYTES = LARGEST_BASE64_CHARACTERS
"""What passes this is no picture of the service."""
_HOLDS = 40_000
"""Nanoseconds for each entry of a store: twenty times as long as it takes to list it."""
_SETTLED = 2_000_000_000
"""Nanoseconds after which a further change of a folder gets another time, on every file system."""
_KEPT_ASIDE = 86_400.0
"""Seconds."""
MOST_RENAMED = 200
"""Folders of other names in a store that are looked into: there may be anything beside the runs."""
_BASE32 = "234567abcdefghijklmnopqrstuvwxyz"
"""The letters of base32 in the order in which they sort."""


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
            _keep_references(self.folder.parent, request)
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
            write_durably(path.with_suffix(".json"), sidecar, mode=0o600)
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
        for run_id in filter(RUN_ID.fullmatch, rescued_runs()):
            with contextlib.suppress(OSError):  # another time, then
                _settle_run(store / run_id)
                _bring_back(store / run_id)


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
        _keep_references(store, plan.request)
        sweep(store / REFERENCES)
        folder = store / _run_id(max(now, _moment_after(after)))
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
            _keep_references(store, plan.request)  # a purge of other runs may have taken them before this named them
        except OSError:
            run.drop()
            raise
    except (OSError, ValueError) as exc:  # ValueError: a NUL in the name
        why = getattr(exc, "strerror", None) or exc
        raise ConfigError(texts.STORE_NOT_WRITTEN(store=store, why=why), hint=texts.NAME_ANOTHER()) from exc
    return run


def _keep_references(store: Path, request: ImageRequest) -> None:
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


_named: dict[Path, tuple[int, int, int, tuple[Path, ...]]] = {}
"""Of each store as it was listed last: its folder's time, when that was, for how long it holds, what was found."""


def _named_folders(store: Path) -> tuple[Path, ...]:
    """The folders of a store whose names are a person's own.

    To list a store of thousands takes long, and it is asked for each request of a sweep: what was found holds as long
    as the folder is the same, and for a moment while runs begin in it, which is shorter than a person needs to rename.
    """
    changed, now = store.stat().st_mtime_ns, time.time_ns()
    before, listed, holds, folders = _named.get(store, (-1, 0, 0, ()))
    if 0 <= now - listed < holds or (changed == before and changed < listed - _SETTLED):
        return folders
    with os.scandir(store) as entries:
        names = [entry for entry in entries if not entry.name.startswith(".")]
        named = [entry for entry in names if not RUN_ID.fullmatch(entry.name)]
        folders = tuple(Path(entry.path) for entry in islice(filter(_is_folder, named), MOST_RENAMED))
    _named[store] = changed, now, _HOLDS * len(names), folders
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
