"""What a person has said of the pictures of a run: `marks.json` in its folder, which goes wherever the folder goes.

A star, a reject, tags and a note for each picture, by its number in this folder, so that whatever set shows the picture
has them. And which take of a frame was picked, by the place of the frame in the set that this run began or extended.
The file may be a stranger's: what is no mark is passed over, and what is too much is cut off.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from seedream_magic.errors import ConfigError, InvalidRequest, reason_of
from seedream_magic.images.durable import write_durably
from seedream_magic.images.json_files import as_list, as_mapping, json_bytes, parse, record_bytes
from seedream_magic.images.locks import turn
from seedream_magic.words import store as texts
from seedream_magic.words.clip import one_line

MARKS_FILE = "marks.json"
MAXIMUM_BYTES = 2 * 2**20
"""Of the file; all that can be said of a hundred pictures has less."""
MOST_FRAMES = 100
MOST_TAGS, LONGEST_TAG, LONGEST_NOTE = 20, 60, 2000
LONGEST_ID = 60


@dataclass(frozen=True)
class Marks:
    """What is said of one picture: starred, rejected, its tags, a note."""

    star: bool = False
    reject: bool = False
    tags: tuple[str, ...] = ()
    note: str = ""

    def fit(self, *, starred: bool | None, rejected: bool | None, tag: str | None) -> bool:
        """Whether they are those that are looked for; what is None does not matter."""
        alike = starred in {None, self.star} and rejected in {None, self.reject}
        return alike and (tag is None or tag in self.tags)

    def changed(
        self,
        *,
        star: bool | None = None,
        reject: bool | None = None,
        tags: Iterable[str] | None = None,
        note: str | None = None,
    ) -> Marks:
        """These with what is given in its place. A star takes a reject away, and a reject a star."""
        kept = Marks(
            self.star and not reject,
            self.reject and not star,
            self.tags if tags is None else checked_tags(tags),
            self.note if note is None else _checked_note(note),
        )
        kept = kept if star is None else replace(kept, star=star)
        return kept if reject is None else replace(kept, reject=reject and not star)


NONE = Marks()


@dataclass(frozen=True)
class Pick:
    """The take of a frame that a set shows: the run that drew it, and its index there.

    `newest` is the id of the newest run that had drawn the frame by then: what is drawn later shows itself.
    """

    run_id: str
    index: int
    newest: str


changed: list[Callable[[Path], None]] = []
"""What is told of a run's folder whose marks have changed: the library, once it is loaded."""


def marks_of(folder: Path) -> dict[int, Marks]:
    """The marks of the pictures of a run, by their indexes there; of those that have any."""
    return {index: marks for index, facts in _numbered(_read(folder), "frames") if (marks := _marks(facts)) != NONE}


def picks_of(folder: Path) -> dict[int, Pick]:
    """The takes that were picked, by the places of their frames in the set."""
    return {place: pick for place, facts in _numbered(_read(folder), "picks") if (pick := _pick(facts))}


def mark(
    folder: Path,
    index: int,
    *,
    star: bool | None = None,
    reject: bool | None = None,
    tags: Iterable[str] | None = None,
    note: str | None = None,
) -> Marks:
    """Change the marks of a picture of a run, by its index there; what is None stays. Gives all that it has then.

    Raises `InvalidRequest` for what is no mark, `ConfigError` where
    the folder cannot be written.
    """
    return change_marks(folder, index, lambda marks: marks.changed(star=star, reject=reject, tags=tags, note=note))


def change_marks(folder: Path, index: int, change: Callable[[Marks], Marks]) -> Marks:
    """Put what `change` makes of a picture's marks in their place, nobody else being at it."""
    made = NONE

    def change_frame(facts: Mapping[str, Any]) -> Mapping[str, Any]:
        nonlocal made
        made = change(_marks(facts))
        kept = {name: value for name, value in facts.items() if name not in Marks.__dataclass_fields__}
        return kept | {name: value for name, value in asdict(made).items() if value}

    _change(folder, "frames", index, change_frame)
    return made


def keep_pick(folder: Path, place: int, pick: Pick) -> None:
    """Write which take of the frame at this place of a set was picked. Raises as `mark`."""
    _change(folder, "picks", place, lambda _: asdict(pick))


def checked_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Tags as they are kept, each once. Raises `InvalidRequest` for what is none."""
    given: tuple[object, ...] = (tags,) if isinstance(tags, str) else tuple(tags)
    fitting = [tag for tag in given if isinstance(tag, str) and tag.strip() and len(tag) <= LONGEST_TAG]
    if len(fitting) < len(given):
        raise InvalidRequest(texts.TAG(most=LONGEST_TAG))
    kept = tuple(dict.fromkeys(" ".join(tag.split()) for tag in fitting))
    if len(kept) > MOST_TAGS:
        raise InvalidRequest(texts.MOST_TAGS(most=MOST_TAGS))
    return kept


def _checked_note(note: object) -> str:
    if not isinstance(note, str) or len(note) > LONGEST_NOTE:
        raise InvalidRequest(texts.NOTE(most=LONGEST_NOTE))
    return note


def _change(folder: Path, kind: str, number: int, change: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
    """Write the file anew with one entry changed; what else stands there stays, also what a later version wrote."""
    if not 0 <= number < MOST_FRAMES:
        raise InvalidRequest(texts.NO_MARKS(number=number + 1))
    try:
        if not folder.is_dir():
            raise FileNotFoundError(None, texts.PURGED_OR_MOVED())
        with turn("marks", None, folder.parent):
            facts = _read(folder)
            entries = dict(as_mapping(facts.get(kind)))
            entries[str(number)] = change(as_mapping(entries.get(str(number))))
            facts[kind] = {str(key): entries[str(key)] for key in range(MOST_FRAMES) if entries.get(str(key))}
            data = json_bytes(facts)
            data = data if len(data) <= MAXIMUM_BYTES else json_bytes({kind: facts[kind]})
            write_durably(folder / MARKS_FILE, data, mode=0o600)
    except OSError as exc:
        raise ConfigError(texts.NOT_WRITTEN(path=folder / MARKS_FILE, why=reason_of(exc))) from exc
    for tell in changed:
        with contextlib.suppress(Exception):  # the mark is made
            tell(folder)


def _read(folder: Path) -> dict[str, Any]:
    return parse(record_bytes(folder / MARKS_FILE, maximum=MAXIMUM_BYTES)) or {}


def _numbered(facts: Mapping[str, Any], kind: str) -> list[tuple[int, Mapping[str, Any]]]:
    """The entries of one kind whose keys are numbers of frames."""
    entries = as_mapping(facts.get(kind))
    return [(number, as_mapping(entries.get(str(number)))) for number in range(MOST_FRAMES) if str(number) in entries]


def _marks(facts: Mapping[str, Any]) -> Marks:
    """The marks of an entry; as a stranger may have written it."""
    tags = (one_line(tag, LONGEST_TAG) for tag in as_list(facts.get("tags"))[:MOST_TAGS] if isinstance(tag, str))
    note = facts.get("note")
    return Marks(
        star=facts.get("star") is True,
        reject=facts.get("reject") is True and facts.get("star") is not True,
        tags=tuple(dict.fromkeys(filter(None, map(_readable, tags)))),
        note=_readable(note[:LONGEST_NOTE]) if isinstance(note, str) else "",
    )


def _readable(text: str) -> str:
    """A text without what steers a terminal, and without lone surrogates, which no file can hold."""
    return "".join(letter for letter in text if letter.isprintable() or letter == "\n")


def _pick(facts: Mapping[str, Any]) -> Pick | None:
    run_id, index, newest = facts.get("run_id"), facts.get("index"), facts.get("newest")
    if not (isinstance(run_id, str) and isinstance(newest, str) and type(index) is int):
        return None
    return Pick(run_id, index, newest) if len(run_id) <= LONGEST_ID and 0 <= index < MOST_FRAMES else None
