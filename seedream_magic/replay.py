"""Replay before pay: what there is of a request, in any store of this user. Nothing here sends, or writes."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from urllib.parse import urlsplit

from seedream_magic import library
from seedream_magic.api.fingerprint import normal_text
from seedream_magic.api.plan import Plan
from seedream_magic.api.providers import is_loopback
from seedream_magic.errors import ConfigError, InvalidRequest
from seedream_magic.images.claims import is_live
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.images.index import entry_of
from seedream_magic.images.json_files import as_mapping
from seedream_magic.images.originals import picture_path
from seedream_magic.images.record import Record, as_text, fingerprint_of, read_record
from seedream_magic.images.stored_runs import (
    find_record,
    is_set,
    load_whole,
    records,
    renamed_runs,
    run_of_picture,
    runs_of,
)
from seedream_magic.images.takes import with_takes
from seedream_magic.recover import can_bring
from seedream_magic.words import runs as texts
from seedream_magic.words.clip import one_line


@dataclass(frozen=True)
class Earlier:
    """What there is of a request.

    `answer` is the run whose set stands in its place; `live` is one that draws it at this moment; `incomplete` one that
    was stopped or died, with pictures, or with names of pictures, that are paid for; `doubtful` one of which nobody
    knows whether it was billed, and that has none; `lost` one that was billed and whose pictures are gone. Each is None
    where there is none, or where one before it is there.
    """

    answer: Record | None = None
    live: Record | None = None
    incomplete: Record | None = None
    doubtful: Record | None = None
    lost: Record | None = None

    @property
    def is_nothing(self) -> bool:
        """Whether there is nothing that the request could be answered from, not even in part."""
        return self.answer is None and self.live is None and self.incomplete is None


def find_earlier(plan: Plan, store: Path, *, besides: str = "") -> Earlier:
    """What there is of a plan's request, `besides` the run of this id; nothing where it is to be paid for anew.

    Raises `InvalidRequest` for a take that was never made.
    """
    named = read_record((plan.stored_in or store) / plan.stored) if plan.stored and not plan.fresh else None
    if named is not None and (plan.already or (named.fingerprint in plan.fingerprints and is_set(named))):
        return Earlier(named)  # as the plan has said, though newer takes may have come
    if plan.fresh and plan.take is not None:
        raise InvalidRequest(texts.FRESH_AND_TAKE())
    runs = [] if plan.fresh else [run for run in find_runs(plan, store) if run.run_id != besides]
    if plan.take is not None and plan.draws_take:
        return _numbered(plan.take, runs, store)
    if plan.take is not None:
        made = list(_answers(runs, store))
        if plan.lineage is not None and plan.take == len(made) + 1:  # the next take of a frame: it is to be drawn
            last = made[-1].run_id if made else ""
            return _newest([record for record in runs if record.run_id > last], store)
        return Earlier(_take(plan, made))
    return _newest(runs, store)


def _newest(runs: list[Record], store: Path) -> Earlier:
    """What there is of a request by the newest of its runs that says anything."""
    if (answer := next(_answers(reversed(runs), store), None)) is not None:
        return Earlier(answer)
    newest = runs[::-1]
    live = next(filter(is_live, newest), None)
    if live is not None:
        return Earlier(live=live)
    incomplete = next((record for record in newest if pictures_of(record) or can_bring(record)), None)
    if incomplete is not None:
        return Earlier(incomplete=incomplete if can_bring(incomplete) else completed(incomplete, store))
    doubtful = next((record for record in newest if record.outcome == "unknown"), None)
    lost = next((record for record in newest if entry_of(record.folder).billed), None)
    return Earlier(doubtful=doubtful, lost=None if doubtful else lost)


def _numbered(number: int, runs: list[Record], store: Path) -> Earlier:
    """What there is of the take with this number, from 1; of one that is to be drawn, what went wrong since the last.

    A run is a take while it draws, once it stands for its request, and where it can be completed. One that came to
    nothing is none, so that the next one has its number.
    """
    takes = [place for place, run in enumerate(runs) if _is_take(run, store)]
    if number <= len(takes):
        return _newest([runs[takes[number - 1]]], store)
    return _newest(runs[takes[-1] + 1 if takes else 0 :], store)


def _is_take(run: Record, store: Path) -> bool:
    if is_live(run) or next(_answers([run], store), None) is not None:
        return True
    layers = run.body.get("layer_decomposition") is True  # they are made together, all anew or none
    return not layers and (bool(pictures_of(run)) or can_bring(run))


def latest_before(plan: Plan, store: Path) -> str:
    """The id of the last run of this request, or of those that a run of it goes on from or stands beside; "" for none.

    A run that comes after it in time does so by its id as well, whatever the clock says: takes are counted by them.
    """
    line = plan.lineage
    beside = [] if line is None else [line.run_id, *(run.run_id for run in library.redone(line.run_id, store) or ())]
    try:
        own = library.runs_of(plan.fingerprints, store) or [] if plan.fresh else find_runs(plan, store)
    except ConfigError:  # what cannot be listed now was looked at a moment ago
        own = []
    return max([*beside, *(run.run_id for run in own)], default="")


def look_up(plan: Plan, store: Path) -> Plan:
    """The plan with the stored run that will stand in its place, if there is one, and with warnings about earlier runs.

    Raises `InvalidRequest` for a take that was never made.
    """
    earlier = find_earlier(plan, store)
    answer, doubtful, incomplete, lost = earlier.answer, earlier.doubtful, earlier.incomplete, earlier.lost
    warnings = list(plan.warnings)
    if answer is not None:
        warnings += [*_oddities(answer, plan), *_gap(answer)]
        return replace(plan, stored=answer.run_id, stored_in=answer.folder.parent, warnings=tuple(warnings))
    if earlier.live is not None:
        warnings.append(texts.IS_AWAITED(run=earlier.live.run_id, origin=origin_of(earlier.live)))
    if incomplete is not None:
        facts = {"run": incomplete.run_id, "here": len(pictures_of(incomplete))}
        known = texts.HAS_SOME(**facts, total=incomplete.expected) if incomplete.expected else None
        warnings.append(known or texts.HAS_SOME_OF_UNKNOWN(**facts))
    if doubtful is not None and plan.provider.needs_key:
        warnings.append(texts.MAY_HAVE_BEEN_BILLED(run=doubtful.run_id))
    if lost is not None and plan.provider.needs_key:
        warnings.append(texts.PICTURES_ARE_GONE(run=lost.run_id, folder=short_path(lost.folder)))
    if earlier == Earlier() and not plan.fresh and (where := out_of_reach(plan, store)):
        warnings.append(where)
    return replace(plan, stored=None, stored_in=None, warnings=tuple(warnings))


def out_of_reach(plan: Plan, store: Path) -> str:
    """Where pictures of this request lie that cannot be shown from there; "" where none are known.

    A person may have given the folder of a run another name, under which it is no run, or unplugged a disk.
    """
    renamed = next((record for record in renamed_runs(store) if fingerprint_of(record) in plan.fingerprints), None)
    if renamed is not None:
        return texts.FOLDER_RENAMED(name=one_line(renamed.folder.name, 40), run=renamed.facts["run_id"])
    away = library.stores_away(plan.fingerprints)
    return texts.STORE_AWAY(store=short_path(away[0])) if away else ""


def find_runs(plan: Plan, store: Path) -> list[Record]:
    """The runs of a plan's request, oldest first: in all stores, without a library in this one."""
    found = library.runs_of(plan.fingerprints, store)
    if found is None:
        return runs_of(plan.fingerprints, store)
    return [record for record in found if record.folder.parent == store or _is_alike_service(record, plan)]


def _is_alike_service(record: Record, plan: Plan) -> bool:
    """Whether both were for a service on this machine, or neither: what a stand-in drew elsewhere is no answer."""
    return is_loopback(urlsplit(record.base_url).hostname or "") == plan.on_loopback


def find_run(store: Path, run_id: str) -> Record:
    """The run of this id, or of the only one that begins or ends so: in `store`, else in another that is known.

    Raises `InvalidRequest` for none, or several.
    """
    try:
        return find_record(store, run_id)
    except InvalidRequest:
        folders = library.folders_of(str(run_id).strip())
        if len({folder.name for folder in folders}) > 1:
            raise InvalidRequest(texts.MORE_OF_ID(count=len(folders), id=str(run_id)[:40])) from None
        record = read_record(folders[0]) if folders else None
        if record is None:
            raise
        return record


def completed(record: Record, store: Path) -> Record:
    """The run that made the set of this one whole, or more so, by drawing what it lacked; this one where none did."""
    return _go_on(record, store)[0]


def _go_on(record: Record, store: Path) -> tuple[Record, set[int]]:
    """The newest run that drew what the set of this one lacked, and the places that are empty still."""
    missing = _missing(record)
    while missing:
        for child in reversed(later_of(record, store)):
            places = child.lineage.places if child.lineage and child.lineage.kind == "redo" else ()
            made = {place for index, place in enumerate(places) if picture_path(child.folder, index, child.frames)}
            if made and missing.issuperset(places) and is_set(child):
                record, missing = child, missing - made
                break
        else:
            break
    return record, missing


def later_of(record: Record, store: Path) -> list[Record]:
    """The runs that drew frames of this one anew, oldest first."""
    later = library.redone(record.run_id, store)
    if later is not None:
        return later
    return [each for each in records(store) if each.lineage and each.lineage.run_id == record.run_id]


def stored_set(record: Record, plan: Plan | None = None, *, store: Path | None = None) -> ImageSet:
    """The set of an earlier run, marked as replayed.

    Notes say that it is from another store than `store`, why it stands for the plan where it is that of another
    request, and where its record does not fit the plan.
    """
    images = replace(with_takes(load_whole(record)), replayed=True)
    if store is not None and os.path.realpath(store) != os.path.realpath(record.folder.parent):
        images = images.with_note(texts.SHOWN_FROM(store=short_path(record.folder.parent)))
    notes = () if plan is None else (plan.already,) if plan.already else _oddities(record, plan)
    return reduce(ImageSet.with_note, notes, images)


def origin_of(record: Record) -> str:
    """Where a run was begun, for a sentence: the name of its notebook, as far as that is known."""
    own = record.process.get("pid") == os.getpid() and record.process.get("host") == platform.node()
    return record.notebook or (texts.THIS_PROGRAM() if own else texts.ANOTHER_PROGRAM())


def short_path(store: Path) -> str:
    """A store for a person: the last two folders of its path."""
    return "/".join(["…", *store.parts[-2:]])


def find_maker(picture: str | os.PathLike[str] | Frame, store: Path) -> Record:
    """The run that made a picture: a frame, a saved original, or a copy of one, which is looked for in `store`.

    Raises `InvalidRequest` where no run made it.
    """
    if not isinstance(picture, Frame | str | os.PathLike):
        raise InvalidRequest(texts.NO_PICTURE_OBJECT(kind=type(picture).__name__))
    path = picture.path if isinstance(picture, Frame) else Path(picture)
    found = run_of_picture(path, store) if path is not None else None
    if found is None:
        raise InvalidRequest(texts.NO_RUN_MADE_IT(store=store, path=path))
    folder, _ = found
    return find_record(folder.parent, folder.name)


def plan_for_run(plan: Plan, record: Record) -> Plan:
    """The plan that replays this very run, and not the newest set of the same request, where the run has a set."""
    made = [take.run_id for take in find_runs(plan, record.folder.parent) if is_set(take)]
    if record.run_id not in made:
        return plan
    place = made.index(record.run_id) + 1
    return replace(plan, stored=record.run_id, stored_in=record.folder.parent, take=place)


def _answers(runs: list[Record] | Iterator[Record], store: Path) -> Iterator[Record]:
    """Of runs of one request those that stand for it: that came to their end with a picture, or were made whole.

    One that was stopped, or whose process died, came to no end: it stands for it only where nothing is missing.
    """
    for record in runs:
        whole, missing = (record, set[int]()) if record.state == "done" else _go_on(record, store)
        ended = is_set(whole) or ((whole.state == "stopped" or whole.interrupted) and pictures_of(whole))
        broken_off = record.state == "stopped" or record.interrupted or record.unfinished
        if ended and not (broken_off and missing):
            yield whole


def _gap(record: Record) -> list[str]:
    """That a set which came to its end has places without a picture: the service refused them, say."""
    missing = len(_missing(record)) if record.state == "partial" else 0
    return [texts.IS_INCOMPLETE(run=record.run_id, missing=missing)] if missing else []


def _oddities(record: Record, plan: Plan) -> tuple[str, ...]:
    """That a record which names this request as its own was made of another: it may come from elsewhere."""
    if record.fingerprint != plan.fingerprint and record.lineage is not None:  # a frame that was missing, drawn anew
        return ()
    recorded = as_mapping(record.facts.get("body"))
    made_of, asked = (
        (provider, body.get("model"), normal_text(as_text(body.get("prompt"))))
        for provider, body in ((record.provider, recorded), (plan.provider.name, plan.short_body))
    )
    if made_of == asked:
        return ()
    return (texts.RECORD_IS_OF_ANOTHER(run=record.run_id),)


def takes(plan: Plan, store: Path) -> list[Record]:
    """The sets that the request of a plan has made, oldest first: its first is `take` 1."""
    return list(_answers(find_runs(plan, store), store))


def _take(plan: Plan, made: list[Record]) -> Record:
    number = plan.take
    if type(number) is not int or number not in range(1, len(made) + 1):
        if plan.lineage is not None:
            raise InvalidRequest(texts.NOT_NEXT_TAKE(take=number, made=len(made), next=len(made) + 1))
        raise InvalidRequest(texts.NO_SUCH_TAKE(take=number, made=len(made)) if made else texts.NO_TAKE(take=number))
    return made[number - 1]


def pictures_of(record: Record) -> list[int]:
    """The places of a run whose picture is on disk."""
    return [index for index in range(_places(record)) if picture_path(record.folder, index, record.frames)]


def _missing(record: Record) -> set[int]:
    """The places of a run without one."""
    return {*range(_places(record))}.difference(pictures_of(record))


def _places(record: Record) -> int:
    return max(record.expected or 0, len(record.frames), len(load_whole(record)) if record.unfinished else 0)
