"""The record of a run, `request.json`: to JSON and back, in one place.

`Record` is the schema: a line for each fact, with how it is read and how it is written. A record may have been copied
from elsewhere, damaged, or written by another version: whatever stands where, reading it raises nothing. Its texts and
lists are capped, and what is of another type than it should be is as if it were not there.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, Literal, Self, TypeVar, cast, overload

from seedream_magic import errors
from seedream_magic.api.fingerprint import fingerprints
from seedream_magic.api.models import MAXIMUM_FRAMES
from seedream_magic.api.plan import Lineage
from seedream_magic.api.redaction import clean_text
from seedream_magic.api.references.reference import Reference, unsigned
from seedream_magic.api.request import ImageRequest, request_from_body
from seedream_magic.api.storyboard import Storyboard
from seedream_magic.errors import ApiError, ImageError, ImageInvalid, SeedreamError, reason_of
from seedream_magic.images.aside import END_FILE, find_rescued
from seedream_magic.images.image_set import Frame, ImageSet, Outcome
from seedream_magic.images.json_files import as_list, as_mapping, clipped, read_object, record_bytes
from seedream_magic.images.originals import places_on_disk, read_picture
from seedream_magic.images.response import mask_beside_links, named_pictures
from seedream_magic.words import pictures as texts
from seedream_magic.words.text import as_stored, from_stored

RECORD_FILE = "request.json"
REFERENCES = "references"
"""The folder of the store that holds input images by their content, for all runs."""
RUN_ID = re.compile(r"\d{8}T\d{6}Z-[a-z2-7]{10}", re.ASCII)
UNFINISHED = frozenset({"sending", "answering"})
"""States of a run that goes on, or whose process died."""
LONGEST_TEXT = 20_000
"""Characters kept of a text; no model takes as many."""
MAXIMUM_PLACES = 1000
"""More frames than a set that was gone on from can have."""
LARGEST_COUNT = 2**31
"""A larger number of things is none; SQLite, besides, takes no integer of any size."""
MAXIMUM_NOTES = 100
"""A run writes a few for each picture."""
MAXIMUM_REFERENCE_BYTES = 64 * 2**20
_MOST_DETAILS = 20
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+", re.ASCII)
_SURROGATES = re.compile("[\ud800-\udfff]")
Value = TypeVar("Value")


def as_text(value: object) -> str:
    """A text without lone surrogates, capped; an empty one for anything else."""
    return _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", value[:LONGEST_TEXT]) if isinstance(value, str) else ""


def as_moment(value: object) -> datetime | None:
    """A time in UTC; None for what is none, or outside the years that are counted."""
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "")
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # OverflowError: before the year 1
        return None


def as_count(value: object) -> int | None:
    """A number of things; None for what is none."""
    known = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_COUNT
    return value if isinstance(value, int) and known else None


def _images(value: object) -> int | None:
    number = as_count(value)
    return number if number is not None and 0 < number <= MAXIMUM_FRAMES else None


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, int | float) and 0 <= value < 1e9 else 0.0


def _outcome(value: object) -> Outcome:
    known: dict[object, Outcome] = {"not_sent": "not_sent", "rejected": "rejected", "billed": "billed"}
    return known.get(value, "unknown") if isinstance(value, str) else "unknown"


def _usage(value: object) -> Mapping[str, Any] | None:
    return value if isinstance(value, Mapping) else None


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [as_mapping(item) for item in as_list(value)[:MAXIMUM_FRAMES]]


def _places(value: object) -> tuple[int, ...]:
    return tuple(
        place for place in as_list(value)[:MAXIMUM_FRAMES] if type(place) is int and 0 <= place < MAXIMUM_PLACES
    )


def _notes(value: object) -> tuple[str, ...]:
    return tuple(from_stored(note, clean_text) for note in as_list(value)[:MAXIMUM_NOTES])


def _storyboard(value: object) -> Storyboard | None:
    facts = as_mapping(value)
    frames = tuple(as_text(frame) for frame in as_list(facts.get("frames"))[:MAXIMUM_PLACES])
    return Storyboard(as_text(facts.get("style")), frames) if frames else None


def _lineage(value: object) -> Lineage | None:
    facts = as_mapping(value)
    kind, run_id = as_text(facts.get("kind")), as_text(facts.get("run_id"))
    if kind not in {"redo", "extend", "vary"} or not RUN_ID.fullmatch(run_id):
        return None
    return Lineage(cast("Literal['redo', 'extend', 'vary']", kind), run_id, _places(facts.get("places")))


def error_facts(error: SeedreamError) -> dict[str, Any]:
    """What a record says of an error."""
    facts: dict[str, Any] = {"error": type(error).__name__}
    facts["message"] = as_stored(error.message)
    if error.details:
        facts["details"] = [as_stored(detail) for detail in error.details]
    if error.hint:
        facts["hint"] = as_stored(error.hint)
    names = ("billed", "request_id", "status", "code", "param")
    return facts | {name: getattr(error, name) for name in names if getattr(error, name, None)}


def error_of(facts: Mapping[str, Any]) -> SeedreamError:
    """The error of such facts; of a picture whose file is gone, one that says so.

    A record may be a stranger's: its texts are short and hold nothing that a terminal would obey.
    """
    kind = getattr(errors, str(facts.get("error")), None)
    if not (isinstance(kind, type) and issubclass(kind, SeedreamError)):
        return ImageError(texts.NOT_IN_FOLDER())
    error = kind(from_stored(facts.get("message") or "", clean_text))
    error.hint = from_stored(facts.get("hint") or "", clean_text)
    error.details = tuple(from_stored(detail, clean_text) for detail in as_list(facts.get("details"))[:_MOST_DETAILS])
    for name in ("billed", "request_id", *(("code", "param", "status") if issubclass(kind, ApiError) else ())):
        value = facts.get(name)
        if isinstance(value, str | int) and (name != "billed" or value in {"no", "yes", "unknown"}):
            setattr(error, name, clean_text(value) if isinstance(value, str) else value)
    return error


def _frame_facts(frames: Iterable[Frame]) -> list[dict[str, Any]]:
    """What a record says of each place of a set: its file and what it holds, its error, nothing where nothing came."""
    return [
        {"file": frame.path.name, "sha256": frame.sha256}
        if frame.path is not None
        else (error_facts(frame.error) if frame.error else {})
        for frame in frames
    ]


def _reference_facts(references: Iterable[Reference]) -> list[dict[str, Any]]:
    return [
        {
            "source": unsigned(reference.source),
            "url": reference.url and reference.identity,  # read back, it is the same reference
            "file": file_of(reference),
            "sha256": reference.sha256,
            "media_type": reference.media_type,
            "width": reference.width,
            "height": reference.height,
        }
        for reference in references
    ]


def file_of(reference: Reference) -> str:
    """Where the store keeps a reference; of a link that was not fetched yet, the link without its signature."""
    return f"{REFERENCES}/{reference.file}" if reference.data else unsigned(reference.body_value)


def _reference(store: Path, facts: Mapping[str, Any]) -> Reference:
    """A reference as the store keeps it; one whose file is gone or was changed has no bytes."""
    url, media_type = facts.get("url"), as_text(facts.get("media_type"))
    name = Path(str(facts.get("file"))).name
    data = kept_reference(store, name)
    same = hashlib.sha256(data).hexdigest() == facts.get("sha256")
    return Reference(
        source=as_text(facts.get("source")),
        media_type=media_type if _MEDIA_TYPE.fullmatch(media_type) else "application/octet-stream",
        data=data if same else b"",
        width=_number(facts.get("width")),
        height=_number(facts.get("height")),
        url=url if isinstance(url, str) else None,
    )


def kept_reference(store: Path, name: str) -> bytes:
    """What a store keeps of references under this name; nothing where their folder is a link to another."""
    folder = store / REFERENCES
    return b"" if folder.is_symlink() else record_bytes(folder / name, maximum=MAXIMUM_REFERENCE_BYTES)


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None


class Field(Generic[Value]):
    """A fact of the record: `read` makes its value of whatever JSON stands there, `write` the JSON of a value.

    `by_service` marks what the service said: the key that it may repeat is masked there, and what is longer or deeper
    than a record takes is cut. The rest is the person's own, and a masked prompt would be another one.
    """

    def __init__(
        self, read: Callable[[object], Value], write: Callable[[Any], Any] | None = None, *, by_service: bool = False
    ) -> None:
        self.read, self._write, self._by_service = read, write, by_service

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, record: None, owner: type) -> Self: ...
    @overload
    def __get__(self, record: Record, owner: type) -> Value: ...
    def __get__(self, record: Record | None, owner: type) -> Self | Value:
        return self if record is None else self.read(record.facts.get(self.name))

    def write(self, value: Any, secret: str) -> Any:
        """The JSON of a value."""
        written = value if value is None or self._write is None else self._write(value)
        return mask_beside_links(clipped(written), secret) if self._by_service else written


@dataclass(frozen=True)
class Record:
    """A run by its `request.json`; `facts` is the JSON as it stands there, each field below reads one of them."""

    folder: Path
    facts: Mapping[str, Any]

    state = Field(as_text)
    """How far the run came: sending, done, partial, failed, stopped."""
    outcome = Field(_outcome)
    """What became of the one POST."""
    provider = Field(as_text)
    base_url = Field(as_text)
    fingerprint = Field(as_text)
    """Of the request and of where it went: runs of the same one are takes of it."""
    client_request_id = Field(as_text)
    """The UUID sent with the request, for the provider's support."""
    process = Field(as_mapping)
    """`host` and `pid` of the process that began it; `lock`, where it holds one as long as the run goes on."""
    began = Field(as_moment, datetime.isoformat)
    expected = Field(_images)
    """How many images were asked for, None where the model decides."""
    notebook = Field(as_text)
    """The file name of the notebook that drew it, "" where that is not known."""
    body = Field(as_mapping)
    """What was sent, with the files of references in place of their bytes."""
    references = Field(_objects, _reference_facts)
    storyboard = Field(_storyboard, asdict)
    """What the prompt was made of."""
    lineage = Field(_lineage, asdict)
    """The earlier run that it goes on from."""
    seconds = Field(_seconds, lambda seconds: round(seconds, 3))
    usage = Field(_usage, by_service=True)
    """As the service reported it."""
    notes = Field(_notes, lambda notes: [*map(as_stored, notes)], by_service=True)
    """What is told of the set: our sentences by their codes and facts, in the words of today."""
    frames = Field(_objects, _frame_facts, by_service=True)
    """What became of each place; empty until the run ends."""
    error = Field(as_mapping, error_facts, by_service=True)
    """What broke the run off."""
    interrupted = Field(lambda value: value is True)
    """Whether its process ended before it did, and what was to come is missing."""
    given_up = Field(_places, sorted)
    """Indexes of pictures that `recover` has asked for in vain: it does so again where the run is named, only."""

    @property
    def run_id(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def unfinished(self) -> bool:
        """Whether the record has no end state: the run is under way, or its process died (see `claims.is_live`)."""
        return self.state in UNFINISHED


FIELDS = {name: field for name, field in vars(Record).items() if isinstance(field, Field)}


def to_json(values: Mapping[str, Any], secret: str = "") -> dict[str, Any]:
    """The JSON of these fields of a record."""
    return {name: FIELDS[name].write(value, secret) for name, value in values.items()}


def read_record(folder: Path) -> Record | None:
    """The record of a run's folder; None where there is none that can be read."""
    facts = None if folder.is_symlink() else read_object(folder / RECORD_FILE)
    return None if facts is None else record_of(folder, facts)


def record_of(folder: Path, facts: Mapping[str, Any]) -> Record:
    """The record that stands in a run's folder; where that did not take its end state, the one that was put aside."""
    record = Record(folder, facts)
    path = find_rescued(folder.name, [END_FILE]) if record.unfinished else None
    ended = Record(folder, as_mapping((read_object(path) or {}).get("record"))) if path else record
    same = ended.client_request_id == record.client_request_id and ended.facts.get("run_id") == facts.get("run_id")
    return ended if same and ended.state and not ended.unfinished else record


def is_run(folder: Path) -> bool:
    """Whether a folder holds the record of a run."""
    return (folder / RECORD_FILE).is_file() and not folder.is_symlink()


def request_fields(request: ImageRequest) -> dict[str, Any]:
    """The fields that a request fills."""
    files = [file_of(reference) for reference in request.references]
    return {"body": request.body_with(files), "references": request.references, "storyboard": request.storyboard}


def request_of(record: Record) -> ImageRequest:
    """The request that these fields were made of."""
    references = tuple(_reference(record.folder.parent, facts) for facts in record.references)
    return request_from_body(record.body, references=references, storyboard=record.storyboard)


def fingerprint_of(record: Record) -> str:
    """The fingerprint of the request as this version has it, by which a record of an earlier one is found as well.

    It is made of what the record says was sent; where that does not give the fingerprint that stands in the record,
    by today's rule or by the earlier one, the record's stays: it was made by a rule that is not known here.
    """
    body, files = dict(record.body), [facts.get("file") for facts in record.references]
    if files and body.get("image") == (files[0] if len(files) == 1 else files):
        identities = [facts.get("url") or f"sha256:{facts.get('sha256')}" for facts in record.references]
        body["image"] = identities[0] if len(identities) == 1 else identities
    try:
        made = fingerprints(record.provider, body, asdict(record.lineage) if record.lineage else None)
    except RecursionError:
        return record.fingerprint
    return made[0] if record.fingerprint in made else record.fingerprint


def load(record: Record) -> ImageSet:
    """The set of a run as its folder holds it; places whose file is gone or damaged carry an error."""
    request = request_of(record)
    places = record.frames or [{}] * _places_of_died_run(record.folder)
    return ImageSet(
        request=request,
        provider=record.provider,
        run_id=record.run_id,
        folder=record.folder,
        frames=tuple(_frame(record, index, facts, request.prompt_of(index)) for index, facts in enumerate(places)),
        expected=record.expected,
        state="stopped" if record.state == "stopped" else "done",
        outcome=record.outcome,
        usage=record.usage,
        seconds=record.seconds,
        notes=record.notes,
        interrupted=record.interrupted,
    )


def _places_of_died_run(folder: Path) -> int:
    """How many places its files and its answer name."""
    return max([*places_on_disk(folder), *(picture.index for picture in named_pictures(folder))], default=-1) + 1


def load_frame(record: Record, index: int) -> Frame:
    """One frame of a run, by its index there, as `load` has it."""
    facts = record.frames[index] if index < len(record.frames) else {}
    return _frame(record, index, facts, request_of(record).prompt_of(index))


def _frame(record: Record, index: int, facts: Mapping[str, Any], prompt: str) -> Frame:
    try:
        frame = read_picture(record.folder, index, prompt, record.frames)
    except (ImageError, OSError) as exc:
        unread = ImageInvalid(texts.FRAME_NOT_READ(number=index + 1, folder=record.folder, why=reason_of(exc)))
        return Frame(index, prompt, error=exc if isinstance(exc, ImageError) else unread)
    came = bool(facts) or not record.frames  # a stopped run lists the places that nothing came for
    frame = frame or Frame(index, prompt, error=error_of(facts) if came else None)
    if frame.error is not None:
        frame.error.run_id = record.run_id
    return replace(frame, home=(record.folder, index))
