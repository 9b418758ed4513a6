"""Pictures of any runs beside one another: `light_table(a[2], b[2])`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from seedream_magic.api.prices import price_of, told_together
from seedream_magic.api.providers import PROVIDERS
from seedream_magic.api.request import request_from_body
from seedream_magic.errors import InvalidRequest, sends_nothing
from seedream_magic.images.cards import Origin
from seedream_magic.images.image_set import Frame, ImageSet, card_of
from seedream_magic.images.record import Record, as_count, as_text, read_record
from seedream_magic.view.light_table import Pane, light_table_bundle
from seedream_magic.words import light_table as texts
from seedream_magic.words.carousel import DEMO, TOKENS, Words, words_for

FEWEST, MOST = 2, 9


@dataclass(frozen=True)
class LightTable:
    """Frames to be compared; in a notebook it shows as a light table that needs no kernel.

    `typed` are the names that a person gave them, "" for one that has none.
    """

    frames: tuple[Frame, ...]
    typed: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<LightTable: {', '.join(map(_name, self.frames))}>"

    def _repr_mimebundle_(self, **_selection: Any) -> dict[str, Any]:
        words = words_for(self.frames[0].prompt)
        typed = self.typed or ("",) * len(self.frames)
        panes = [replace(_pane(frame, words), typed=name) for frame, name in zip(self.frames, typed, strict=True)]
        return light_table_bundle(panes, words)

    def _repr_html_(self) -> str:
        return str(self._repr_mimebundle_()["text/html"])


@sends_nothing()
def light_table(*pictures: Frame | ImageSet) -> LightTable:
    """Two to nine frames of any runs side by side, zoomed together, with the facts that tell them apart.

    Of a set all its pictures are meant. Raises `InvalidRequest` for fewer or more, and for a frame without a picture.
    """
    frames: list[Frame] = []
    for picture in pictures:
        if isinstance(picture, ImageSet):
            frames += picture.ok
        elif not isinstance(picture, Frame):
            raise InvalidRequest(texts.TAKES_FRAMES(kind=type(picture).__name__))
        elif not picture.ok:
            raise InvalidRequest(texts.NO_PICTURE(name=_name(picture) or f"images[{picture.index}]"))
        else:
            frames.append(picture)
    if not FEWEST <= len(frames) <= MOST:
        raise InvalidRequest(texts.TAKES_SO_MANY(fewest=FEWEST, most=MOST, count=len(frames)))
    return LightTable(tuple(frames))


def _name(frame: Frame) -> str:
    """How the frame is meant elsewhere: "run:ID[2]", else the name of its file."""
    if frame.run_id:
        return f"run:{frame.run_id}[{frame.place_in_run}]"
    home = f"run:{frame.home[0].name}[{frame.home[1]}]" if frame.home else ""
    return home or (frame.path.name if frame.path else "")


def _pane(frame: Frame, words: Words) -> Pane:
    record = read_record(frame.home[0]) if frame.home else None
    pixels = f"{frame.width} × {frame.height}" if frame.width else ""
    star = ""
    if record is not None:
        run_id = frame.run_id or record.run_id
        origin = Origin(record.provider, run_id, record.folder.parent / run_id)
        star = origin.star_cell(frame.place_in_run, frame.take if frame.takes > 1 else None)
    model, tokens, price = _facts(frame, record, words) if record else ("", "", "")
    return Pane(card_of(frame, words), _name(frame), (model, pixels, tokens, price), star)


def _facts(frame: Frame, record: Record, words: Words) -> tuple[str, str, str]:
    """Model, tokens and price, as far as the run tells them; tokens are of all its pictures together."""
    usage = record.usage or {}
    tokens, made = as_count(usage.get("total_tokens")), as_count(usage.get("generated_images")) or 1
    text = TOKENS if made < 2 else texts.TOKENS_OF_ALL
    provider, client = PROVIDERS.get(record.provider), frame.client
    price = ""
    if provider is not None and record.body:
        session = getattr(client, "session", None)
        prices = session.prices if session is not None else {}
        found = price_of(request_from_body(record.body), provider, prices, base_url=record.base_url, images=1)
        price = told_together([found], words) if found else "" if provider.needs_key else words(DEMO)
    told = (
        ""
        if tokens is None
        else text.in_language(words.language, tokens=tokens, **({"made": made} if made > 1 else {}))
    )
    return as_text(record.body.get("model")), told, price
