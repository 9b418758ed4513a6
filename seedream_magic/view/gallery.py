"""Many pictures as a wall: rows that fill the width, of which only those in sight are drawn.

The output holds small previews of the newest pictures, and of all others only the facts by which they are found, packed
together; where scripts run, `gallery.js` filters, scrolls and opens them, and reads what is not saved here from its
file, where that can be reached. Without scripts the previews are a wall of labelled pictures.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seedream_magic.view.cards import Preview
from seedream_magic.view.carousel import summary_line
from seedream_magic.view.markup import Markup, element, html_notes, script, style_sheet
from seedream_magic.words import carousel
from seedream_magic.words import gallery as texts
from seedream_magic.words.carousel import Shown, Words
from seedream_magic.words.clip import one_line

PREVIEW_BYTES = 4_000
"""Of a picture's data URI."""
MAXIMUM_PREVIEWS = 150
ALL_PREVIEWS_BYTES = 560_000
FACTS_BYTES = 330_000
"""Of the packed facts of all pictures, as they stand in the output."""
LONGEST_CAPTION = 160
SUMMARY_LINES = 8
_WALL = "display:flex;flex-wrap:wrap;gap:6px;align-items:flex-start"
_PICTURE = "display:block;height:120px;width:auto;max-width:100%;margin:0;padding:0;border-radius:3px;filter:none"
_CONTROLS: Mapping[str, Shown] = {
    "gallery": texts.GALLERY,
    "words": texts.KEYWORDS,
    "model": texts.EVERY_MODEL,
    "notebook": texts.EVERY_NOTEBOOK,
    "starred": ("★", texts.STARRED_ONLY),
    "previous": ("‹", texts.PREVIOUS),
    "next": ("›", texts.NEXT),
    "close": carousel.CLOSE,
    "copied": carousel.COPIED,
    "copy": carousel.COPY,
    "unreachable": texts.NOT_OPENED,
    "open": texts.OPEN_SET,
    "ref": texts.AS_REFERENCE,
    "star": texts.ADD_STAR,
}
"""What only the script shows; of a sign also its name."""


@dataclass(frozen=True)
class Tile:
    """One picture of a run: its index there, the name of its file, its marks.

    `place` is its index in the set of the run, None where that shows another take in its place.
    """

    index: int
    name: str
    starred: bool = False
    rejected: bool = False
    place: int | None = None


@dataclass(frozen=True)
class Run:
    """The pictures of a run, and what they are found by.

    `ratio` is width over height of what was asked for, `link` leads to its folder, None where a page cannot follow it.
    """

    id: str
    provider: str
    caption: str
    model: str
    notebook: str
    tags: str
    when: str
    ratio: float
    link: str | None
    tiles: tuple[Tile, ...]


def gallery_bundle(runs: Sequence[Run], previews: Mapping[tuple[str, int], Preview], words: Words) -> dict[str, Any]:
    """The mimebundle of a wall, newest first: `text/html` below 1,000,000 bytes, `text/plain` of at most eight lines.

    `previews` are by the id of the run and the index of the picture.
    """
    total = sum(len(run.tiles) for run in runs)
    listed, facts = _packed(runs)
    count = sum(len(run.tiles) for run in listed)
    images, saved = [], 0
    for run in listed:
        for tile in run.tiles:
            preview = previews.get((run.id, tile.index))
            if preview is not None and saved + len(preview.data_uri) <= ALL_PREVIEWS_BYTES:
                saved += len(preview.data_uri)
                images.append(_image(run, tile, preview))
    notes = [words(texts.COUNT, pictures=total, runs=len(runs)) if total else words(texts.NONE_FITS)]
    notes += [words(texts.NOT_SAVED, saved=len(images))] if len(images) < count else []
    notes += [words(texts.NOT_LISTED, left=total - count)] if count < total else []
    shown = words(carousel.OF, part="{shown}", total="{total}")
    scripted = words.each(_CONTROLS) | {"shown": shown, "frame": words(texts.FRAME, number="{number}")}
    attributes = {
        "class": "seedream-gallery tex2jax_ignore mathjax_ignore",
        "lang": words.language,
        "data-words": json.dumps(scripted, ensure_ascii=False),
        "data-facts": facts,
    }
    # One link for each store: the front end writes links anew, and this one shows how.
    links: dict[str, Run] = {}
    for run in listed:
        if run.link:
            links.setdefault(run.link.rpartition("/")[0], run)
    bases = [
        element("a", {"class": "seedream-base", "href": f"{run.link}/{run.tiles[0].name}", "hidden": ""})
        for run in links.values()
    ]
    html = element(
        "div",
        attributes if total else {**attributes, "data-facts": None},
        element("div", {"class": "seedream-wall", "style": _WALL}, *images),
        *bases,
        element("div", {"class": "seedream-notes"}, *html_notes(notes)),
        *([style_sheet("gallery.css"), script("viewer.js", "controls.js", "gallery.js", "start.js")] if total else []),
    )
    return {"text/html": str(html), "text/plain": _plain(listed, notes)}


def _name(run: Run, tile: Tile) -> str:
    """How the picture is meant elsewhere."""
    return f"run:{run.id}" + (f"[{tile.place}]" if tile.place is not None else f"/{tile.name}")


def _image(run: Run, tile: Tile, preview: Preview) -> Markup:
    name = _name(run, tile)
    caption = one_line(run.caption, 80)
    attributes: dict[str, str | int | None] = {
        "src": preview.data_uri, "alt": caption or name, "title": f"{name} {caption}",
        "data-tile": f"{run.id}/{tile.name}", "width": preview.width, "height": preview.height, "style": _PICTURE,
    }  # fmt: skip
    return element("img", attributes)


def _packed(runs: Sequence[Run]) -> tuple[Sequence[Run], str]:
    """As many runs as have room, and their facts: JSON, deflated, in base64."""
    most = len(runs)
    while True:
        packed = _pack(runs[:most])
        if len(packed) <= FACTS_BYTES or most <= 1:
            return runs[:most], packed
        most = min(most - 1, int(most * FACTS_BYTES / len(packed) * 0.97))


def _pack(runs: Sequence[Run]) -> str:
    tables: dict[str, dict[str, int]] = {name: {} for name in ("model", "notebook", "provider", "store")}

    def number(name: str, value: str) -> int:
        return tables[name].setdefault(value, len(tables[name]))

    rows = [
        [
            run.id,
            one_line(run.caption, LONGEST_CAPTION),
            number("model", one_line(run.model, 80)),
            number("notebook", one_line(run.notebook, 80)),
            number("provider", run.provider),
            number("store", run.link.rpartition("/")[0]) if run.link else -1,
            run.when,
            one_line(run.tags, LONGEST_CAPTION),
            round(run.ratio, 3),
            [[tile.place, tile.name, int(tile.starred) + 2 * int(tile.rejected)] for tile in run.tiles],
        ]
        for run in runs
    ]
    facts = {"runs": rows, **{name: list(table) for name, table in tables.items()}}
    text = json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return base64.b64encode(packer.compress(text) + packer.flush()).decode("ascii")


def _plain(runs: Sequence[Run], notes: Sequence[str]) -> str:
    pictures = [
        f"{_name(run, tile)}{' ★' if tile.starred else ''}  {one_line(run.caption, 80)}"
        for run in runs[:SUMMARY_LINES]
        for tile in run.tiles
    ]
    return "\n".join(summary_line(line) for line in (*pictures[: SUMMARY_LINES - len(notes)], *notes))
