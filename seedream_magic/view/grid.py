"""How a sweep looks: its sets in rows, columns and pages, each where its labels say, in one output.

It is made as a set's output is (`carousel`): plain HTML with inline styles, which reads well in somebody else's
notebook and without a kernel; where scripts run, `grid.js` lets keys move among the cells and opens each as the
carousel of its set. What a cell holds is made in `grid_cells`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from PIL.Image import Image

from seedream_magic.errors import ImageError
from seedream_magic.view.cards import Card, CardSet, Grid, GridCell, GridState, Preview
from seedream_magic.view.carousel import CAROUSEL_SCRIPTS, OUTPUT_BYTES, SHEET_BYTES, script_words, summary_line
from seedream_magic.view.grid_cells import (
    CELL_WIDTH,
    OF_NO_NAME,
    QUIET,
    Look,
    axis_name,
    cell_element,
    label_of,
    state_text,
    texts_of,
)
from seedream_magic.view.grid_sheet import draw_grid
from seedream_magic.view.markup import Markup, element, script, style_sheet
from seedream_magic.view.pictures import contain, decode_preview, encode_within, make_previews, small_preview_of
from seedream_magic.view.sheet import NOTEBOOK_WIDTH
from seedream_magic.words import carousel
from seedream_magic.words import grid as texts
from seedream_magic.words.carousel import Shown, Words
from seedream_magic.words.clip import clip, one_line
from seedream_magic.words.lists import COLON
from seedream_magic.words.text import Text, chain, in_language

__all__ = ["Grid", "GridCell", "grid_bundle"]

ONE_PREVIEW_BYTES = 24_000
SMALLEST_PREVIEW_BYTES = 1_000
SMALL_PREVIEW_BYTES = 8_000
"""Below it one sees that a preview is small, and a line says why."""
MOST_PREVIEWS = 240
"""Smaller ones would show nothing: of a larger sweep the first sets are seen, or the first frames of each.

The further cells say how they are, and do not open."""
MOST_CELLS = 1_000
"""Of a larger sweep the first rows are shown."""
SUMMARY_LINES = 8
LONGEST_RUN = 3600.0
"""Seconds after which a grid that does not change is over, where none of its runs says more."""
_MANY_COLUMNS = 10
"""From so many on a cell may be too narrow for words on paper, or where no style sheet is."""
# What an output takes beside its previews, in bytes: contact sheet, style, script; each cell that opens, each of its
# frames, each cell.
_TEXTS, _OPEN_TEXT, _FRAME_TEXT, _CELL_TEXT = 190_000, 800, 900, 160
_PROMPTS = 80_000
"""Characters of all prompts together that are kept for copying."""

_CONTROLS: Mapping[str, Shown] = {
    "previous": ("‹", texts.PREVIOUS),
    "next": ("›", texts.NEXT),
    "close": (carousel.CLOSE, carousel.CLOSE),
    "retry": (texts.COPY_RETRY, carousel.COPIED),
}
"""What only the script shows: of a button its word and its name; of one that copies, what it says then."""
_COUNTED: Mapping[GridState, Text] = {
    "running": texts.RUNNING,
    "waiting": carousel.WAITING,
    "failed": carousel.FAILED,
    "stopped": carousel.STOPPED,
    "doubtful": texts.SENT_BEFORE,
    "hole": texts.SKIPPED,
}
_PLAIN = "background:none;border:0;color:inherit;padding:4px 6px;text-align:left"
_HEAD = f"{_PLAIN};vertical-align:bottom;font-weight:600;word-wrap:break-word;max-width:{CELL_WIDTH}px"
_ROW_HEAD = f"{_PLAIN};vertical-align:top;font-weight:600;word-wrap:break-word;max-width:{CELL_WIDTH}px"
_CELL = f"{_PLAIN};vertical-align:top;width:{CELL_WIDTH}px"
_TABLE = (
    "--columns:{columns};border-collapse:collapse;margin:0;color:inherit;font-size:13px;line-height:1.45;"
    "text-align:left"
)
_WALL = "--columns:{columns};display:flex;flex-wrap:wrap;gap:16px;align-items:flex-start;margin-top:10px"
_WALL_CELL = f"width:{CELL_WIDTH}px;max-width:100%;word-wrap:break-word"
_ROW = {"style": "background:none"}


def grid_bundle(grid: Grid) -> dict[str, Any]:
    """The mimebundle of a sweep: `text/html`, `text/plain` and, once it has ended with a picture, `image/jpeg`.

    Below 1,000,000 bytes of JSON however many cells it has.
    """
    bundle: dict[str, Any] = {"text/plain": summary_text(grid)}
    if sheet := _contact_sheet(grid):
        bundle["image/jpeg"] = base64.b64encode(sheet).decode("ascii")
    most = MOST_PREVIEWS
    while True:
        bundle["text/html"] = grid_html(grid, _budget(grid, most), most)
        over = len(json.dumps(bundle)) - OUTPUT_BYTES
        sizes = [len(source) for source in re.findall('src="[^"]*"', bundle["text/html"])]
        smaller = (sum(sizes) - over) // max(len(sizes), 1)
        if over > 0 and smaller >= SMALLEST_PREVIEW_BYTES:  # long texts
            bundle["text/html"] = grid_html(grid, smaller, most)
            return bundle
        if over <= 0 or not most:
            return bundle
        most //= 2  # endless texts


def _contact_sheet(grid: Grid) -> bytes | None:
    """The sheet that a notebook keeps, from the previews that are there; None while it grows, or would show nothing."""
    if grid.growing or len(grid.runs) > MOST_PREVIEWS:
        return None
    previews = _previews(grid, _budget(grid, MOST_PREVIEWS), MOST_PREVIEWS)
    if not any(previews.values()):
        return None

    def picture_of(index: int, card: Card, room: tuple[int, int]) -> Image | None:
        small = previews.get(index, {}).get(card.index)
        return contain(decode_preview(small), room) if small else None

    return encode_within(draw_grid(grid, NOTEBOOK_WIDTH, picture_of), SHEET_BYTES)[0]


def _frames_shown(grid: Grid, most: int) -> int:
    """How many frames of a set are seen in its cell, where at most so many are seen in all."""
    return max(1, min(grid.places, most // max(len(grid.runs), 1)))


def _open_cells(grid: Grid, most: int) -> list[int]:
    """The indexes of the cells that open, and whose pictures are seen: at most so many."""
    runs = [index for index, cell in enumerate(grid.cells) if cell.state != "hole"]
    return runs[: most // _frames_shown(grid, most)]


def _budget(grid: Grid, most: int) -> int:
    """Bytes of a preview: the same while the sweep runs and at its end, so that each is made once."""
    opens = max(1, len(_open_cells(grid, most)))
    previews = opens * _frames_shown(grid, most)
    texts = _TEXTS + opens * _OPEN_TEXT + previews * _FRAME_TEXT + min(len(grid.cells), MOST_CELLS) * _CELL_TEXT
    return max(SMALLEST_PREVIEW_BYTES, min(ONE_PREVIEW_BYTES, (OUTPUT_BYTES - texts) // previews))


def _previews(grid: Grid, budget: int, most: int) -> dict[int, Mapping[int, Preview]]:
    """Of each cell that opens, by its index, the pictures that are seen, by theirs."""
    frames = _frames_shown(grid, most)
    sets = {index: grid.cells[index].cards for index in _open_cells(grid, most)}
    places = {index: cards.places[:frames] if cards else () for index, cards in sets.items()}
    seen = [(card.picture, card.digest) for cards in places.values() for card in cards if card.picture is not None]
    make_previews(seen, budget=budget, make=small_preview_of)
    found: dict[int, Mapping[int, Preview]] = {}
    for index, shown in places.items():
        small = {}
        for card in shown:
            try:
                if card.picture is not None:
                    small[card.index] = small_preview_of(card.picture, card.digest, budget=budget)
            except ImageError:
                continue  # its place says that it is gone
        found[index] = small
    return found


def summary_text(grid: Grid) -> str:
    """A sweep in at most eight lines: prompt, axes, how far it is, the ledger, what went wrong."""
    words = grid.words
    axes = " × ".join(
        words(COLON, first=axis_name(name, words), then=words.listed(labels)) for name, labels in grid.axes
    )
    failed = [cell for cell in grid.cells if cell.state in {"failed", "stopped"}]
    heads = [grid.title or words(carousel.NO_PROMPT), axes, progress_text(grid, words)]
    ends = [_until(grid, words)]
    if failed:
        first = (state_text(failed[0], words), label_of(failed[0], words), texts_of(failed[0], words)[0])
        told = in_language(chain(COLON, [*dict.fromkeys(first)]), words.language)
        trouble, more = clip(told, 400), len(failed) - 1
        ends.insert(0, words(carousel.MORE_FAILED, first=trouble, more=more) if more else trouble)
    room = SUMMARY_LINES - len(heads) - len(ends)
    ledger = [*grid.ledger[: room - 1], " · ".join(grid.ledger[room - 1 :])]
    return "\n".join(summary_line(line) for line in (*heads, *ledger, *ends) if line)


def progress_text(grid: Grid, words: Words) -> str:
    """How many of its runs are done, and what the others are: "7 of 12 runs done · 1 failed · 4 waiting"."""
    states = [cell.state for cell in grid.cells]
    done, runs = states.count("done"), len(grid.runs)
    incomplete = sum(cell.state == "done" and cell.cards is not None and _lacks(cell.cards) for cell in grid.cells)
    whole = done == runs or {*states} <= {"planned", "stored", "hole"}  # of what is only planned the ledger says more
    head = words(texts.RUNS, runs=runs) if whole else words(texts.RUNS_DONE, done=done, runs=runs)
    counts = [(incomplete, texts.INCOMPLETE), *((states.count(state), name) for state, name in _COUNTED.items())]
    return " · ".join(
        (head, *(words(texts.COUNTED, count=count, state=words(name)) for count, name in counts if count))
    )


def _lacks(cards: CardSet) -> bool:
    """Whether a set has fewer pictures than were asked for."""
    here, asked = cards.progress
    return here < asked


def _until(grid: Grid, words: Words) -> str:
    """Till when a growing grid was as it is shown, and what to do where its kernel has ended."""
    moment = f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S}"
    return words(carousel.UNTIL, moment=moment, resume=words(texts.RESUME)) if grid.growing else ""


def _clock_facts(grid: Grid) -> dict[str, str]:
    """What the script needs to know of a growing grid: when that was, how long it may still take to change."""
    if not grid.growing:
        return {}
    limits = [cell.cards.limit for cell in grid.cells if cell.cards and cell.cards.state == "running"]
    return {
        "data-moment": f"{datetime.now(UTC).timestamp():.0f}",
        "data-limit": f"{max(limits, default=LONGEST_RUN):.0f}",
    }


def grid_html(grid: Grid, budget: int, most: int = MOST_PREVIEWS, cells: int = MOST_CELLS) -> str:
    """The HTML of a sweep: previews of at most `budget` bytes, at most so many, and cells beside them."""
    words, previews = grid.words, _previews(grid, budget, most)
    sets: list[dict[str, Any]] = []
    for index in previews:
        cards = grid.cells[index].cards
        if cards and (shown := script_words(cards)) not in sets:
            sets.append(shown)
    many = len(grid.axes) > 1 and len(grid.axes[1][1]) >= _MANY_COLUMNS
    longest = max(200, min(4_000, _PROMPTS // max(len(grid.runs) * grid.places, 1)))
    look = Look(words, min(max(grid.ratio, 0.25), 4.0), previews, _frames_shown(grid, most), sets, longest, many)
    names = [(axis_name(name, words), [one_line(label, 120) for label in labels]) for name, labels in grid.axes[2:]]
    attributes = {
        "class": "seedream-grid tex2jax_ignore mathjax_ignore",
        "lang": words.language,
        "style": f"--ratio:{look.ratio:.4f}",
        "data-grid": hashlib.sha256(json.dumps([grid.title, grid.axes]).encode()).hexdigest()[:16],
        "data-words": json.dumps(words.each(_CONTROLS), ensure_ascii=False),
        "data-sets": json.dumps(sets, ensure_ascii=False),
        "data-pages": json.dumps(names, ensure_ascii=False),
        **_clock_facts(grid),
    }
    quiet = {"class": "seedream-note", "style": f"margin:4px 0 0 0;{QUIET}"}
    pictures = sum(len(cell.cards.pictures) for cell in grid.cells if cell.cards)
    small = budget < SMALL_PREVIEW_BYTES or pictures > sum(map(len, previews.values()))
    beyond = sum(cell.state != "hole" for cell in grid.cells[cells:])
    remarks = {
        "small": words(texts.SMALL_PREVIEWS) if small and pictures else "",
        "beyond": words(texts.RUNS_NOT_SHOWN, count=beyond) if beyond else "",
        "remark": _until(grid, words),
    }
    clock = ("clock.js",) if any(cell.cards and cell.cards.state == "running" for cell in grid.cells) else ()
    title = element("bdi", {}, one_line(grid.title, 300))
    html = element(
        "div",
        attributes,
        *([element("div", {"class": "seedream-title", "style": "font-weight:600"}, title)] if grid.title else []),
        *(element("div", quiet, clip(line)) for line in grid.ledger),
        element("div", quiet | {"class": "seedream-note seedream-progress"}, progress_text(grid, words)),
        *(_page(grid, page, look, cells) for page in grid.pages()),
        *(
            element("div", quiet | {"class": f"seedream-note seedream-{kind}"}, text)
            for kind, text in remarks.items()
            if text
        ),
        style_sheet("carousel.css", "grid.css"),
        script(*CAROUSEL_SCRIPTS, *clock, "grid.js", "start.js"),
    )
    return str(html)


def _page(grid: Grid, page: tuple[int, ...], look: Look, most: int) -> Markup:
    """A page: its heading and its table, or a wall of cells where there is one axis."""
    named = zip(grid.axes[2:], page, strict=True)
    titles = [look.words(COLON, first=axis_name(name, look.words), then=labels[at]) for (name, labels), at in named]
    style = {"class": "seedream-heading", "style": "margin:14px 0 6px 0;font-weight:600"}
    heading = [element("div", style, " · ".join(titles))] if titles else []
    content = _table(grid, page, look, most) if len(grid.axes) > 1 else _wall(grid, look, most)
    return element(
        "div", {"class": "seedream-page", "data-page": json.dumps(page, separators=(",", ":"))}, *heading, content
    )


def _wall(grid: Grid, look: Look, most: int) -> Markup:
    """The cells of the only axis, which wrap; each above its label, so that the pictures of a row begin together."""
    cells = []
    for index, cell in enumerate(grid.cells[:most]):
        if cell.state == "hole":
            continue
        name = element("div", {"class": "seedream-name", "style": "font-weight:600"}, label_of(cell, look.words))
        cells.append(cell_element("div", cell, index, look, name, style=_WALL_CELL))
    return element("div", {"class": "seedream-wall", "style": _WALL.format(columns=min(5, max(1, len(cells))))}, *cells)


def _table(grid: Grid, page: tuple[int, ...], look: Look, most: int) -> Markup:
    """The cells of two axes, with a head for each row and column."""
    (first, labels), (second, columns) = grid.axes[:2]
    names = [axis_name(name, look.words) for name in (first, second) if not OF_NO_NAME.fullmatch(name)]
    corner = element("td", {"class": "seedream-corner", "style": f"{_HEAD};{QUIET}"}, " \\ ".join(names))
    heads = [element("th", {"scope": "col", "style": _HEAD}, element("bdi", {}, label)) for label in columns]
    lines = []
    for label, cells in zip(labels, grid.rows(page), strict=True):
        if cells and cells[0] >= most:
            break
        head = element("th", {"scope": "row", "style": _ROW_HEAD}, element("bdi", {}, label))
        line = [
            element("td", {"class": "seedream-hole", "style": _CELL})
            if grid.cell(index).state == "hole"
            else cell_element("td", grid.cell(index), index, look, style=_CELL, column=column)
            for column, index in zip(columns, cells, strict=True)
        ]
        lines.append(element("tr", _ROW, head, *line))
    # Material for MkDocs has wide columns for each table that has no class.
    parts = (element("thead", {}, element("tr", _ROW, corner, *heads)), element("tbody", {}, *lines))
    attributes = {
        "class": "seedream-table",
        "style": _TABLE.format(columns=len(columns)),
        "aria-label": one_line(grid.title, 90) or f"{first}, {second}",
    }
    table = element("table", attributes, *parts)
    return element("div", {"class": "seedream-scroll", "style": "overflow-x:auto;max-width:100%"}, table)
