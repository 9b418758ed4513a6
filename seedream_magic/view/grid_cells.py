"""What a cell of a grid holds: its face, and all that is said of its set, which opens.

A picture is in the output once: it stands on the face, and the script shows it in the carousel of the set as well.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from seedream_magic.view.cards import Card, CardSet, Grid, GridCell, Preview
from seedream_magic.view.carousel import script_words, set_element
from seedream_magic.view.figures import PICTURE, figure, layout_of
from seedream_magic.view.markup import Markup, element
from seedream_magic.words import carousel
from seedream_magic.words import grid as texts
from seedream_magic.words.carousel import Words
from seedream_magic.words.clip import clip, one_line
from seedream_magic.words.lists import COLON

CELL_WIDTH = 168
"""CSS pixels of a cell where no style sheet says more."""
QUIET = "line-height:1.45;text-align:left;font-size:12px;opacity:0.75"
_GAP = 4
_FACE = f"display:flex;flex-wrap:wrap;gap:{_GAP}px;width:{CELL_WIDTH}px;max-width:100%"
_BOX = (
    "box-sizing:border-box;border-radius:4px;background-color:rgba(127,127,127,0.12);padding:10px;font-size:12px;"
    "word-wrap:break-word;"
)
_BEYOND = "padding:4px 6px;font-size:12px"
_CODE = "font-size:12px;color:inherit;background:none;border:0;padding:0;white-space:pre-wrap"

_STATES = {
    "planned": texts.PLANNED,
    "stored": texts.STORED,
    "waiting": carousel.WAITING,
    "running": texts.RUNNING,
    "failed": carousel.FAILED,
    "stopped": carousel.STOPPED,
    "doubtful": texts.SENT_BEFORE,
}
OF_NO_NAME = re.compile(r"(vary|sample)( \d)?")
"""Axes that have no name of a person's: the labels of their variants say it all."""
_GROUP = re.compile(r"(?<!\\)[{｛]([^{}｛｝]*[|｜][^{}｛｝]*)[}｝]")
_TOLD = {"failed", "stopped", "doubtful"}
"""Of these is said what happened, and what to do."""


@dataclass(frozen=True)
class Look:
    """What all cells of a grid share.

    `ratio` is the width over the height of a picture that is not here yet. `previews` are those of each cell that
    opens, by its index; `frames` is how many frames of a set are seen there. `sets` are the words that the scripts of
    the sets show, `longest` the characters of a prompt that are kept for copying. Where columns are `many` a cell has
    no room for words: a sign stands for them.
    """

    words: Words
    ratio: float
    previews: Mapping[int, Mapping[int, Preview]]
    frames: int
    sets: Sequence[Mapping[str, Any]]
    longest: int
    many: bool = False


def axis_name(name: str, words: Words) -> str:
    """What an axis is called beside its labels: "size", "尺寸"; its name in code stays as it is."""
    word, _, number = name.partition(" ")
    return f"{words(texts.AXES[word])} {number}".rstrip() if word in texts.AXES else name


def state_text(cell: GridCell, words: Words) -> str:
    """What a cell without all its pictures is; "" of one that is done."""
    return words(_STATES[cell.state]) if cell.state in _STATES else ""


def label_of(cell: GridCell, words: Words) -> str:
    """Which cell it is: "red, 2K"."""
    return words.comma.join(one_line(label, 120) for label in cell.labels)


def captions_of(grid: Grid, index: int, words: Words) -> str:
    """Which cell it is for who sees it alone: with the names of the axes that have one, "red, size: 2K"."""
    return words.comma.join(
        one_line(label if OF_NO_NAME.fullmatch(name) else words(COLON, first=axis_name(name, words), then=label), 120)
        for (name, _), label in zip(grid.axes, grid.cells[index].labels, strict=False)
    )


def prompt_text(grid: Grid) -> str:
    """The prompt for who does not know how groups are written: "a red / blue kite"."""
    return _GROUP.sub(lambda found: " / ".join(part.strip() for part in re.split(r"[|｜]", found[1])), grid.title)


def title_text(grid: Grid, words: Words) -> str:
    """The prompt, and what the other axes are: "a red / blue kite · size: 2K, 4K"."""
    named = [
        words(COLON, first=axis_name(name, words), then=words.comma.join(labels))
        for name, labels in grid.axes
        if not OF_NO_NAME.fullmatch(name)
    ]
    return " · ".join(filter(None, (prompt_text(grid), *named)))


def texts_of(cell: GridCell, words: Words) -> tuple[str, ...]:
    """What is said of a cell without a picture: what happened, then what to do."""
    said = tuple(filter(None, map(str.strip, cell.message.splitlines())))
    failures = [card.failure for card in cell.cards.cards if card.failure] if cell.cards else []
    if not said and failures:
        said = tuple(filter(None, failures[0].explanation))
    return said or (words(carousel.STOPPED if cell.state == "stopped" else carousel.FAILED),)


def cell_element(
    tag: str, cell: GridCell, index: int, look: Look, *below: Markup, style: str, column: str | None = None
) -> Markup:
    """The cell at an index, no hole: its face, what stands below it, a line of how far it is, and what opens."""
    label = label_of(cell, look.words)
    if index not in look.previews:
        state = state_text(cell, look.words) or look.words(texts.SAVED)
        return element(tag, {"class": "seedream-beyond", "style": _BEYOND, "title": label}, state, *below)
    previews = look.previews[index]
    tally = ""
    if cell.cards and previews:
        several = len(cell.cards.places) > 1
        stars = "★" * sum(card.starred for card in cell.cards.pictures)
        progress = cell.cards.state_text(look.words) or (cell.cards.progress_text(look.words) if several else "")
        tally = " · ".join(filter(None, (stars, progress)))
    progress = (
        cell.cards.progress_text(look.words) if cell.cards and cell.state == "done" else state_text(cell, look.words)
    )
    attributes = {
        "class": "seedream-cell",
        "style": style,
        "data-state": cell.state,
        "data-column": column,
        "data-label": look.words.comma.join(filter(None, (label, progress))),
    }
    return element(
        tag,
        attributes,
        _face(cell, previews, look),
        *below,
        *([element("div", {"class": "seedream-tally", "style": QUIET}, tally)] if tally else []),
        *_more(cell, previews, look),
    )


def _face(cell: GridCell, previews: Mapping[int, Preview], look: Look) -> Markup:
    """What is seen of a cell: its pictures, else what stands in their place."""
    if not previews or not cell.cards:
        return element("div", {"class": "seedream-face", "style": f"--across:1;{_FACE}"}, _box(cell, look))
    places = cell.cards.places[: look.frames]
    rest = len(cell.cards.places) - len(places)
    ratio = min(max(cell.cards.ratio, 0.25), 4.0)
    count = len(places) + (rest > 0)
    across = 1 if count == 1 else max(2, math.ceil(math.sqrt(count / ratio) - 0.2))
    across -= across > 3 and count % across > 0 and count % (across - 1) == 0  # six of them fill two rows of three
    width = (CELL_WIDTH - _GAP * (across - 1)) // across
    tiles = []
    for card in places:
        sign = "!" if card.failure or card.state == "missing" else "…"
        small = previews.get(card.index)
        tiles.append(_picture(card, small, width) if small else _tile(sign, card.state, width, ratio))
    if rest:
        tiles.append(_tile(f"+{rest}", "more", width, ratio))
    style = f"--across:{across};--ratio:{ratio:.4f};{_FACE}"
    return element("div", {"class": "seedream-face", "style": style}, *tiles)


def _picture(card: Card, small: Preview, width: int) -> Markup:
    high = min(CELL_WIDTH, max(1, round(width * small.height / small.width)))
    source: dict[str, str | int | None] = {
        "class": "seedream-picture",
        "src": small.data_uri,
        "alt": one_line(card.caption, 120) or str(card.index + 1),
        "width": max(1, round(high * small.width / small.height)),
        "height": high,
        "style": PICTURE,
        "decoding": "sync",  # it is there already when a growing grid is put in the place of the one before
        "data-frame": card.index,
    }
    return element("img", source)


def _tile(sign: str, state: str, width: int, ratio: float) -> Markup:
    """What stands in the place of a frame whose picture is not seen, among others that are."""
    style = f"{_BOX}width:{width}px;height:{round(width / ratio)}px;text-align:center;padding:4px"
    return element("div", {"class": "seedream-tile", "data-state": state, "style": style}, sign)


def _box(cell: GridCell, look: Look) -> Markup:
    """What stands in a cell in which no picture is seen."""
    high = round(CELL_WIDTH / min(max(look.ratio, 0.75), 2.0))
    style = f"{_BOX}width:{CELL_WIDTH}px;max-width:100%;min-height:{high}px"
    state = state_text(cell, look.words) or look.words(texts.SAVED)
    if cell.state not in _TOLD:
        sign = {"role": "img", "title": state, "aria-label": state} if look.many else {}
        return element("div", {"class": "seedream-box", "style": style, **sign}, "…" if look.many else state)
    if look.many:
        what = ": ".join(dict.fromkeys((state, *texts_of(cell, look.words)[:1])))
        return element(
            "div", {"class": "seedream-box", "style": style, "role": "img", "title": what, "aria-label": what}, "!"
        )
    said = [text for text in texts_of(cell, look.words)[: 2 if cell.state == "failed" else 1] if text != state]
    lines = [element("div", {"style": "margin-top:4px"}, one_line(text, 160)) for text in said]
    strong = element("strong", {"style": "font-weight:600"}, state)
    return element("div", {"class": "seedream-box", "style": style}, strong, *lines)


def _more(cell: GridCell, previews: Mapping[int, Preview], look: Look) -> Iterator[Markup]:
    """All that is said of a cell: what happened, the code that tries it again, and its set."""
    parts: list[Markup] = []
    if cell.state in _TOLD and not (cell.state == "failed" and cell.cards and cell.cards.cards):  # else its set says it
        parts += [element("p", {"style": "margin:4px 0"}, clip(text)) for text in texts_of(cell, look.words)]
    if cell.retry:
        parts.append(element("code", {"class": "seedream-command seedream-retry", "style": _CODE}, cell.retry))
    if cell.cards and cell.cards.places:
        parts.append(_set(cell.cards, previews, look))
    if parts:
        summary = element(
            "summary", {"style": "font-size:12px"}, look.words(texts.RETRY if cell.retry else texts.DETAILS)
        )
        yield element("details", {"class": "seedream-more"}, summary, *parts)


def _set(cards: CardSet, previews: Mapping[int, Preview], look: Look) -> Markup:
    """The set of a cell without its pictures, of which the script makes a carousel."""
    layout = layout_of(cards, 0)
    places = cards.places[: look.frames]
    if rest := len(cards.places) - len(places):
        cards = replace(cards, notes=(*cards.notes, look.words(texts.MORE_OF_RUN, count=rest, run=cards.id)))
    figures = [figure(card, layout, Markup() if card.index in previews else None) for card in places]
    return set_element(cards, figures, longest=look.longest, part=str(look.sets.index(script_words(cards))))
