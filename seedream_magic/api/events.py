"""Answers of the service as typed events, whether they came as one JSON object or as a stream.

Nothing here does I/O, and nothing raises on odd input: what cannot be read is an event that says so. Where in an object
pictures stand is the matter of `shapes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from seedream_magic.api.decoder import Answered, Unreadable
from seedream_magic.api.models import MAXIMUM_FRAMES
from seedream_magic.api.redaction import without_signing
from seedream_magic.api.refusal import Refusal, read_refusal
from seedream_magic.api.shapes import Place, is_error, misses_picture, places_of, reports_success
from seedream_magic.api.task_shapes import Task, pictures_beside, reason_of, tasks_of
from seedream_magic.words import answers as texts

_PREVIEWS = ("partial_image", "preview", "thumbnail")
"""Words in the `type` of an object whose picture is not the finished one ("partial_succeeded" is)."""
_FINISHED = frozenset({"completed", "partial_succeeded"})
NOTHING_HERE = Refusal(message=texts.NO_PICTURE_HERE())
"""The refusal of a place that is empty without a reason."""


@dataclass(frozen=True)
class Picture:
    """A finished picture: a link, or the picture itself in base64 (which wins where both came)."""

    index: int
    url: str | None = None
    b64_json: str | None = None


@dataclass(frozen=True)
class PictureRefused:
    """A place of the set that stays empty, with the service's words."""

    index: int
    refusal: Refusal


@dataclass(frozen=True)
class Refused:
    """The service gave up inside an answer; pictures may stand beside it, and more may follow."""

    refusal: Refusal


@dataclass(frozen=True)
class Completed:
    """The service has said that nothing follows; `usage` and `cost` as it reported them, None if it did not.

    Where gateways tell a cost, it stands in the usage (OpenRouter: `usage.cost`) or beside it.
    """

    usage: Mapping[str, Any] | None
    cost: object = None


@dataclass(frozen=True)
class LeftOut:
    """An object holds a link or a picture that was not taken for one of the set's: one that is missing, perhaps."""


Event = Picture | PictureRefused | Refused | Completed | Task | Unreadable | LeftOut


class Reader:
    """Turns the objects of one answer into events and gives each picture its place.

    A place is the service's `image_index` or the position in its list. The same link twice is one picture, also where
    it is signed anew, unless the answer numbers the two or has them side by side; another picture under a used index
    gets the next free place, so that none overwrites another. `begin` is for a run that has several answers: those to
    the questions for its task. `tasks` are those that an answer has left open, by their ids.
    """

    def __init__(self) -> None:
        self._places: dict[int, int | None] = {}
        self._links: set[int] = set()
        self._location = ""
        self._task_id = ""
        self._words: list[str] = []
        self.tasks: dict[str, Task] = {}

    @property
    def places_taken(self) -> int:
        """How many places have their picture, or the refusal of one."""
        return len(self._places)

    def begin(self, *, location: str = "", task_id: str = "") -> None:
        """The next answer: the `Location` of its head, or the task that was asked for."""
        self._location, self._task_id = location, task_id

    def read(self, piece: Answered) -> Iterator[Event]:
        """Events of one object: a whole JSON answer, or the data of one server-sent event.

        A refusal comes before `Completed`: an answer that says both has failed, whatever else it holds.
        """
        value = piece.fields
        named_kind = value.get("type")
        kind = named_kind if isinstance(named_kind, str) and named_kind else piece.event
        last_word = kind.rpartition(".")[2]
        preview = any(word in kind for word in _PREVIEWS) or value.get("partial_image_index") is not None
        if preview and last_word not in _FINISHED:
            yield from self._left_open(task for task in tasks_of(value, task_id=self._task_id) if task.under_way)
            yield from [LeftOut()] * misses_picture(value, ())
            return
        places = places_of(value)
        pictures = [place for place in places if place.is_picture]
        location, self._location = self._location, ""  # its first object says which task it leads to
        tasks = (
            tasks_of(value, location=location, task_id=self._task_id, pictures=bool(pictures))
            if last_word != "completed"
            else []
        )
        given_up = any(task.given_up for task in tasks)
        under_way = any(task.under_way for task in tasks)
        refused = any(place.error is not None for place in places) and not given_up
        if under_way or (tasks and not pictures and not refused):
            for place in pictures_beside(value, tasks):
                yield from self._placed(place)
            yield from self._left_open(tasks)
            if given_up:
                words = reason_of(value)
                no_reason = Refusal(message=texts.TASK_GIVEN_UP())
                yield Refused(no_reason if words is None else read_refusal({"error": words}))
            return
        if pictures and not self._task_id:
            self.tasks.clear()  # what an earlier object was waiting for has come
        known = last_word in {"", "partial_succeeded", "partial_failed", "completed"}
        if not (known or pictures or is_error(value.get("error")) or last_word == "error"):
            self._words += _chat_words(value) or ()
            yield from [LeftOut()] * misses_picture(value, ())
            return  # a ping, or an event of a later version of the service
        taken = self._places.copy()
        for place in places:
            empty = not place.is_picture and place.error is None
            if not (empty and (piece.cut or self._task_id)):  # what a task leaves empty may come yet
                yield from self._placed(place, before=taken)
        yield from self._refusals(value, last_word, places)
        yield from [LeftOut()] * misses_picture(value, places)
        usage = _usage(value)
        ends = isinstance(value.get("data"), list) or last_word == "completed" or (usage is not None and not last_word)
        if ends and not piece.cut:
            yield Completed(usage, (usage or {}).get("cost", value.get("cost")))

    def close(self) -> Iterator[Event]:
        """What only the end of an answer completes: the pictures in the words of a streamed chat, which came in pieces,
        and the task that only the head has named.
        """
        if self._location:
            yield from self._left_open([Task("", "", (self._location,))])
            self._location = ""
        words, self._words = "".join(self._words), []
        for place in places_of({"content": words}) if words else ():
            yield from self._placed(place)

    def _left_open(self, tasks: Iterable[Task]) -> Iterator[Event]:
        """The tasks that were not given up; those of a first answer are to be asked for."""
        for task in tasks:
            if not self._task_id:
                self.tasks.pop(task.task_id, None)
                if not task.given_up:
                    self.tasks[task.task_id] = task
            if not task.given_up:
                yield task

    def _refusals(self, value: Mapping[str, Any], last_word: str, places: list[Place]) -> Iterator[Event]:
        """What an object says of a failure that is no place's own."""
        failed = is_error(value.get("error"))
        index = value.get("image_index")
        if last_word == "partial_failed" or (failed and type(index) is int and not places):
            if not any(place.is_picture for place in places):
                yield from self._placed(Place(_index(index), error=value.get("error") or dict(value)))
        elif failed or last_word == "error":
            yield Refused(read_refusal(value if failed else {**value, "error": None}))
        elif not places and not isinstance(value.get("data"), list) and last_word != "completed":
            words = _chat_words(value)
            refusal = read_refusal({**value, "error": None})
            if words is not None:
                self._words += words
                return
            if refusal.message and not reports_success(value):
                yield Refused(refusal)
            else:
                yield Unreadable(texts.NO_LIST())

    def _placed(self, place: Place, *, before: Mapping[int, int | None] | None = None) -> Iterator[Event]:
        """Give it its place; `before` are those that were taken before the object that names it."""
        index = _index(place.index)
        # Two places without a picture are the same one only if the service numbers them so.
        # A task's link is signed anew whenever it is asked for.
        link = place.url and without_signing(place.url)
        if place.url and hash(link) in self._places.values() and hash(place.url) not in self._links:
            is_numbered = index is not None and index not in self._places
            is_beside = before is not None and hash(link) not in before.values()
            link = place.url if is_numbered or is_beside else link
        self._links.add(hash(place.url))
        picture = place.b64_json or link or (None if index is None else ("empty", index))
        position = self._position(index, None if picture is None else hash(picture))
        if position is None:
            return
        if position >= MAXIMUM_FRAMES:
            yield Unreadable(texts.TOO_MANY(most=MAXIMUM_FRAMES))
        elif place.is_picture:
            yield Picture(position, url=place.url, b64_json=place.b64_json)
        else:
            refused = is_error(place.error)
            yield PictureRefused(position, read_refusal({"error": place.error}) if refused else NOTHING_HERE)

    def _position(self, index: int | None, identity: int | None) -> int | None:
        """The place of this picture; None if it has one already, `MAXIMUM_FRAMES` if every place is taken."""
        if identity is not None and identity in self._places.values():
            return None
        if len(self._places) == MAXIMUM_FRAMES:
            return MAXIMUM_FRAMES
        free = (place for place in range(MAXIMUM_FRAMES) if place not in self._places)
        position = next(free) if index is None or index in self._places else index
        self._places[position] = identity
        return position


def _chat_words(value: Mapping[str, Any]) -> list[str] | None:
    """The next words of a chat that is streamed, none at its end; None where it is no chat."""
    choices = value.get("choices")
    items = choices if isinstance(choices, list) else []
    deltas = [choice["delta"] for choice in items if isinstance(choice, Mapping) and "delta" in choice]
    if not deltas:
        return None
    words = [delta.get("content") for delta in deltas if isinstance(delta, Mapping)]
    return [word for word in words if isinstance(word, str)]


def _usage(value: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What the service says of its bill, in the object itself or in what an envelope holds."""
    inner = (value.get(name) for name in ("data", "result", "response", "output"))
    found = (fields.get("usage") for fields in (value, *inner) if isinstance(fields, Mapping))
    return next((usage for usage in found if isinstance(usage, Mapping)), None)


def _index(value: object) -> int | None:
    """A number that is the place of a picture, as it is; None for anything else."""
    return value if type(value) is int and 0 <= value < MAXIMUM_FRAMES else None
