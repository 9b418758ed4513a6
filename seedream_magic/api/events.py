"""Answers of the service as typed events, whether they came as one JSON object or as a stream.

The shapes are those recorded of Ark, of the gateways in front of it, and of the page this project implements. Nothing
here does I/O, and nothing raises on odd input: what cannot be read is an event that says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from seedream_magic.api.models import MAXIMUM_FRAMES
from seedream_magic.api.refusal import Refusal, read_refusal

_PICTURE_KINDS = frozenset({"", "partial_succeeded", "completed"})
"""Last words of the `type` of an object that may hold a finished picture; "partial_image" is only a preview."""


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
    """The service gave up the whole request inside an answer."""

    refusal: Refusal


@dataclass(frozen=True)
class Completed:
    """The service has said that nothing follows; `usage` as it reported it, None if it did not."""

    usage: Mapping[str, Any] | None


@dataclass(frozen=True)
class Unreadable:
    """A piece of the answer that is no JSON object, or a picture past the most a call can bring."""

    reason: str


Event = Picture | PictureRefused | Refused | Completed | Unreadable


def parse_object(text: str) -> dict[str, Any] | None:
    """The JSON object in `text`; what follows it is ignored. None if there is none."""
    try:
        # Not strict: a bare NUL in a text costs no picture.
        value, _ = json.JSONDecoder(strict=False).raw_decode(text.removeprefix("\ufeff").lstrip())
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


class Reader:
    """Turns the objects of one answer into events and gives each picture its place.

    A place is the service's `image_index` or the position in `data`. The same link twice is one picture; another
    picture under a used index gets the next free place, so that none overwrites another.
    """

    def __init__(self) -> None:
        self._places: dict[int, int | None] = {}

    def read(self, value: Mapping[str, Any]) -> Iterator[Event]:
        """Events of one object: a whole JSON answer, or the data of one server-sent event.

        A refusal comes before `Completed`: an answer that says both has failed, whatever else it holds.
        """
        kind = (_text(value.get("type")) or "").rpartition(".")[2]
        data = value.get("data")
        if isinstance(data, list):
            for position, item in enumerate(data):
                yield from self._item(item, position)
        elif kind == "partial_failed" or (kind in _PICTURE_KINDS and _holds_picture(value)):
            yield from self._item(value, value.get("image_index"))
        if kind == "error" or (value.get("error") and kind != "partial_failed"):
            yield Refused(read_refusal(value))
        elif not (kind or isinstance(data, list) or _holds_picture(value)):
            yield _neither_picture_nor_error(value)
        if isinstance(data, list) or kind == "completed":
            usage = value.get("usage")
            yield Completed(usage if isinstance(usage, Mapping) else None)

    def _item(self, item: object, asked: object) -> Iterator[Event]:
        fields = item if isinstance(item, Mapping) else {}
        url, b64_json = _text(fields.get("url")), _text(fields.get("b64_json"))
        index = _index(asked)
        # Two places without a picture are the same one only if the service numbers them so.
        picture = b64_json or url or (None if index is None else ("empty", index))
        place = self._place(index, None if picture is None else hash(picture))
        if place is None:
            return
        if place >= MAXIMUM_FRAMES:
            yield Unreadable(f"more than {MAXIMUM_FRAMES} pictures came; the others are named in response.jsonl")
        elif url or b64_json:
            yield Picture(place, url=url, b64_json=b64_json)
        elif fields.get("error"):
            yield PictureRefused(place, read_refusal(fields))
        else:
            yield PictureRefused(place, Refusal(message="the answer holds neither a link nor a picture here"))

    def _place(self, index: int | None, identity: int | None) -> int | None:
        """Where this picture stands; None if it stands already, `MAXIMUM_FRAMES` if every place is taken."""
        if identity is not None and identity in self._places.values():
            return None
        if len(self._places) == MAXIMUM_FRAMES:
            return MAXIMUM_FRAMES
        free = (place for place in range(MAXIMUM_FRAMES) if place not in self._places)
        place = next(free) if index is None or index in self._places else index
        self._places[place] = identity
        return place


def _neither_picture_nor_error(value: Mapping[str, Any]) -> Refused | Unreadable:
    """Some gateways put the words of an error at the top of an answer."""
    refusal = read_refusal(value)
    return Refused(refusal) if refusal.message else Unreadable("the answer holds no list of pictures")


def _index(value: object) -> int | None:
    usable = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAXIMUM_FRAMES
    return value if usable and isinstance(value, int) else None


def _holds_picture(item: Mapping[str, Any]) -> bool:
    return _text(item.get("url")) is not None or _text(item.get("b64_json")) is not None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
