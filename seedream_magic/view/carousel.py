"""How a set of cards looks in a notebook: an output that needs nothing but itself.

The HTML is a scrolling strip of labelled pictures, written with inline styles only, so that it reads well where a front
end has removed scripts and style sheets (a notebook of somebody else's). Where they run, the constant files
`viewer.js`, `carousel.js` and `start.js` turn the strip into a carousel; `clock.js` is with sets that grow. No text of
a prompt, a model or an error is ever put into the script.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from seedream_magic.errors import ImageError, printable
from seedream_magic.view.cards import Card, CardSet, failure_of
from seedream_magic.view.figures import PROMPT_CHARACTERS, elapsed, figure, layout_of
from seedream_magic.view.markup import Markup, element, script, style_sheet
from seedream_magic.view.pictures import make_previews, preview_of
from seedream_magic.view.sheet import contact_sheet
from seedream_magic.words import carousel as texts
from seedream_magic.words.carousel import Shown, Words
from seedream_magic.words.clip import CLIPPED_AT, clip, one_line
from seedream_magic.words.lists import COLON

OUTPUT_BYTES = 980_000
"""A set's output as JSON at most, which leaves room for the notebook's own words around it."""
ONE_PREVIEW_BYTES = 350_000
ALL_PREVIEWS_BYTES = 660_000
SHEET_BYTES = 90_000
UPDATES_BYTES = 1_400_000
"""Of all updates of a growing set together, about twice its last output."""
_UPDATE_BYTES = 50_000
"""Of an update beside its pictures."""
MOST_PLACES = 15
"""Of a set whose size the model decides, while it grows: its previews are made once, not anew for each picture."""
SUMMARY_LINES = 8
CAROUSEL_SCRIPTS = ("viewer.js", "controls.js", "carousel.js")
"""What makes a carousel of a set; `start.js` then finds the sets."""

COPIES = {
    "path": texts.COPY_PATH,
    "ref": texts.COPY_REFERENCE,
    "prompt": texts.COPY_PROMPT,
    "redo": texts.COPY_REDO,
    "vary": texts.COPY_VARY,
    "export": texts.COPY_EXPORT,
}
"""Buttons; each copies the text that a figure has under the same key."""
_CONTROLS: Mapping[str, Shown] = {
    "previous": ("‹", texts.PREVIOUS),
    "next": ("›", texts.NEXT),
    "full": texts.FULL_SIZE,
    "grid": texts.GRID,
    "compare": texts.COMPARE,
    "slider": texts.SLIDER,
    "divider": texts.DIVIDER,
    "download": texts.DOWNLOAD,
    "more": ("⋯", texts.MORE),
    "picture": texts.COPY_PICTURE,
    "refused": texts.NOT_COPIED,
    "fit": texts.FIT,
    "actual": "100 %",
    "close": texts.CLOSE,
    "copied": texts.COPIED,
    "frames": texts.FRAMES,
    "preview": texts.PREVIEW_ONLY,
}
_STRIP = "display:flex;gap:20px;overflow-x:auto;align-items:flex-start;padding-bottom:8px"
_GRID = "display:flex;gap:20px;flex-wrap:wrap;align-items:flex-start;padding-bottom:8px"
_QUIET = "margin:8px 0 0 0;line-height:1.45;text-align:left;font-size:12px;opacity:0.75"


def set_bundle(cards: CardSet, *, show: str = "carousel", sent: Collection[Path] | None = None) -> dict[str, Any]:
    """The mimebundle of a set: `text/html`, `text/plain` and, once the run has ended with a picture, `image/jpeg`.

    `show` is "carousel" or "grid". Below 1,000,000 bytes of JSON whatever the pictures hold. The contact sheet is left
    out while the set grows, so that an update stays light. For the same reason an update of a set says which pictures
    were `sent` before: of those it has a small preview, beside which the page keeps the one that it got first.
    """
    awaited = cards.expected or (MOST_PLACES if cards.state == "running" else 4)
    places = max(len(cards.places), awaited)
    budget = min(ONE_PREVIEW_BYTES, ALL_PREVIEWS_BYTES // places)
    lighter = _lighter(cards, places, sent) if cards.state == "running" and sent is not None else {}
    html = set_html(cards, budget, show=show, lighter=lighter)
    bundle: dict[str, Any] = {"text/html": html, "text/plain": summary_text(cards)}
    if cards.pictures and cards.state != "running":
        sheet = contact_sheet(cards, budget=SHEET_BYTES, preview_budget=budget)
        bundle["image/jpeg"] = base64.b64encode(sheet).decode("ascii")
    over = len(json.dumps(bundle)) - OUTPUT_BYTES
    if over > 0 and (sizes := [len(source) for source in re.findall('src="[^"]*"', bundle["text/html"])]):
        bundle["text/html"] = set_html(cards, max(0, (sum(sizes) - over) // len(sizes)), show=show)  # endless texts
    return bundle


def card_bundle(card: Card, words: Words) -> dict[str, Any]:
    """The mimebundle of one card: `text/html`, `text/plain`, and its picture once more, small, for who reads no HTML.

    That is `image/jpeg`, or `image/png` where it is transparent. A failed one says what happened, what was billed, and
    what to do.
    """
    bundle: dict[str, Any] = {"text/html": _card_html(card, words), "text/plain": _plain_line(card, card.file, words)}
    if card.failure is not None:
        lines = "\n     ".join(printable(clip(line)) for line in card.failure.lines)
        bundle["text/plain"] = f"{card.index + 1:>3}  {lines}"
    elif card.picture is not None:
        try:
            small = preview_of(card.picture, card.digest, budget=SHEET_BYTES)
        except ImageError as error:
            bundle["text/plain"] += f"  {failure_of(error, words).message}"
        else:
            head, _, encoded = small.data_uri.partition(";base64,")
            bundle[head.removeprefix("data:")] = encoded
    return bundle


def _card_html(card: Card, words: Words) -> str:
    """A card by itself: a labelled picture."""
    cards = CardSet("", card.caption, card.caption, "", f"{card.width}x{card.height}", words.language, (card,))
    attributes = {"class": "seedream-alone tex2jax_ignore mathjax_ignore", "lang": words.language}
    return str(element("div", attributes, figure(card, replace(layout_of(cards, ONE_PREVIEW_BYTES), alone=True))))


def summary_text(cards: CardSet) -> str:
    """A set in at most eight lines: prompt, run and state, paths, notes, what was billed.

    Consoles, diffs and programs that read notebooks have nothing but this.
    """
    words = cards.words
    remarks = tuple(filter(None, (*_remarks(cards), cards.bill_text(words))))
    room = SUMMARY_LINES - 2 - len(remarks)
    places = [_plain_line(card, card.file, words) for card in cards.places]
    if len(places) > room - bool(cards.notes):
        places = _grouped(cards.places, room - bool(cards.notes), words)
    notes = cards.notes[: room - len(places)]
    if left := len(cards.notes) - len(notes):
        notes = (*notes[:-1], words(texts.MORE_NOTES, last=clip(notes[-1]), more=left))
    lines = (
        one_line(cards.prompt, 200) or words(texts.NO_PROMPT),
        f"{words(texts.RUN, run=cards.id)} · {_head(cards)}",
        *places,
        *notes,
        *remarks,
    )
    return "\n".join(map(summary_line, lines))


def summary_line(text: str) -> str:
    """A line of an output's text."""
    return printable(" ".join(clip(text).split("\n")))


def _grouped(places: tuple[Card, ...], room: int, words: Words) -> list[str]:
    """The places in so many lines: those whose pictures are in one folder, or that failed alike, are one."""
    groups: dict[str, list[Card]] = {}
    for card in places:
        folder = os.path.dirname(card.file)  # noqa: PTH120 - the text of a path
        groups.setdefault(folder if card.picture else _plain_line(card, "", words)[5:], []).append(card)
    lines = []
    for name, cards in groups.items():
        files = " ".join(os.path.basename(card.file) for card in cards if card.picture)  # noqa: PTH119 - the text of a path
        numbers = words.listed([str(card.index + 1) for card in cards])
        first, then = (f"{name}{os.sep}", files) if files else (numbers, name)
        lines.append(words(COLON, first=first, then=then))
    more = len(lines) - room + 1
    return lines if more < 2 else [*lines[: room - 1], words(texts.MORE_LINES, more=more)]


def _head(cards: CardSet) -> str:
    """How far a set is, who made it, how long that took."""
    words = cards.words
    stopped = words(texts.STOPPED) if cards.state == "stopped" else ""
    progress = cards.interrupted_text(words) if cards.state == "interrupted" else cards.progress_text(words)
    return " · ".join(filter(None, (progress, cards.model, cards.size, cards.seconds_text(words), stopped)))


def plain_text(cards: CardSet) -> str:
    """A set in a terminal: its head, a numbered line for each card, the notes, what was billed.

    Below the cards stand the lines that ask once more for those that failed.
    """
    places = [_plain_line(card, str(card.picture), cards.words) for card in cards.places]
    commands = dict.fromkeys(line for card in cards.places for line in card.commands if line.startswith("%"))
    lines = (
        _head(cards),
        *places,
        *(f"     {line}" for line in commands),
        *cards.notes,
        *_remarks(cards),
        cards.bill_text(cards.words),
    )
    return "\n".join(printable(line) for line in lines if line)


def _remarks(cards: CardSet) -> tuple[str, ...]:
    """Till when a growing set was as it is shown, and what to do where its kernel has ended."""
    if cards.state == "interrupted":
        return (cards.resume_text(cards.words),)
    return (cards.dated_text(texts.UNTIL, cards.words),) if cards.state == "running" else ()


def _plain_line(card: Card, path: str, words: Words) -> str:
    number = f"{card.index + 1:>3}  "
    if card.failure is not None:
        return f"{number}{card.failure.name}: {clip(card.failure.explanation[0].partition(chr(10))[0])}"
    if card.picture is None:
        return f"{number}{words(texts.WAITING if card.state == 'waiting' else texts.NOT_ARRIVED)}"
    star = "  ★" if card.starred else ""
    star += f"  {card.take_text(words)}" if card.takes > 1 else ""
    return f"{number}{path}" + (f"  {card.width}x{card.height}" if card.width else "") + star


def _lighter(cards: CardSet, places: int, sent: Collection[Path]) -> dict[Path, int]:
    """How many bytes the preview of each picture has in an update, so that all updates have `UPDATES_BYTES` together.

    Two thirds are for the pictures that come, each once; the rest is for those that were sent, in every later update.
    """
    third = (UPDATES_BYTES - (places + 1) * _UPDATE_BYTES) // 3
    new, again = 2 * third // places, 2 * third // (places * max(1, places - 1))
    return {card.picture: again if card.picture in sent else new for card in cards.pictures if card.picture}


def set_html(cards: CardSet, budget: int, *, show: str = "carousel", lighter: Mapping[Path, int] | None = None) -> str:
    """The HTML of a set, with previews of at most `budget` bytes, and of fewer for the files that `lighter` names."""
    make_previews([(card.picture, card.digest) for card in cards.places if card.picture is not None], budget=budget)
    layout = replace(layout_of(cards, budget), lighter=lighter or {})
    clock = ("clock.js",) if cards.state == "running" else ()
    html = set_element(
        cards,
        [figure(card, layout) for card in cards.places],
        style_sheet("carousel.css"),
        script(*CAROUSEL_SCRIPTS, *clock, "start.js"),
        show=show,
    )
    return str(html)


def set_element(
    cards: CardSet,
    figures: Sequence[Markup],
    *ends: Markup,
    show: str = "carousel",
    longest: int = PROMPT_CHARACTERS,
    part: str = "",
) -> Markup:
    """The element that the script makes a carousel of: these figures, and the facts of the set below them.

    `longest` is how many characters of the prompt are kept for copying. As a `part` of a larger output it comes without
    `ends` (style and script), and says with `part` which of the words there are its script's.
    """
    attributes = {
        # MathJax must not take "$5 … $6" of a prompt for a formula.
        "class": "seedream tex2jax_ignore mathjax_ignore",
        "lang": cards.language,
        "style": f"--ratio:{layout_of(cards, 0).ratio:.4f}",
        "data-run": cards.id,
        "data-label": one_line(cards.prompt or cards.title, 90) or cards.model or cards.words(texts.FRAMES),
        "data-show": "grid" if show == "grid" else "carousel",
        "data-start": cards.opens_at,
        "data-words": part or json.dumps(script_words(cards), ensure_ascii=False),
        "data-prompt": clip(cards.prompt, longest),
        "data-export": cards.export if "export" in cards.copies else None,
        **_clock_facts(cards),
    }
    remarks = {"class": "seedream-note seedream-remark", "style": _QUIET}
    strip = _GRID if show == "grid" else None if part else _STRIP
    facts = (*_facts(cards), *elapsed(cards))
    return element(
        "div",
        attributes,
        element("div", {"class": "seedream-strip", "style": strip}, *figures),
        *([element("div", {"class": "seedream-facts", "style": _QUIET}, *facts)] if any(facts) else []),
        *(element("div", {"class": "seedream-note", "style": _QUIET}, clip(note)) for note in cards.notes),
        *(element("div", remarks, remark) for remark in _remarks(cards)),
        *ends,
    )


def script_words(cards: CardSet) -> dict[str, Any]:
    """The words that the script shows; of a growing set also those for a kernel that has ended."""
    words = cards.words
    seconds = words(texts.SECONDS, seconds="").strip()
    shown = {**words.each(_CONTROLS), **words.each(COPIES), "copies": cards.copies, "seconds": seconds}
    if cards.state != "running":
        return shown
    ended = {"interrupted": cards.interrupted_text(words), "last_sign": cards.dated_text(texts.LAST_SIGN, words)}
    return {
        **shown,
        **ended,
        "states": (words(texts.WAITING), words(texts.MISSING)),
        "not_arrived": words(texts.NOT_ARRIVED),
    }


def _clock_facts(cards: CardSet) -> dict[str, str]:
    """What the script needs to know of a growing set: how long it takes, when that was, how long it may still take."""
    if cards.state != "running" or cards.updated is None:
        return {}
    values = {"seconds": cards.seconds, "moment": cards.updated.timestamp(), "limit": cards.limit}
    return {f"data-{name}": f"{value:.0f}" for name, value in values.items()}


def _facts(cards: CardSet) -> tuple[str, ...]:
    """The quiet line below the pictures; none of a set without a model, as a client reads it."""
    if not cards.model:
        return ()
    words = cards.words
    pixels = {f"{card.width}×{card.height}" for card in cards.pictures if card.width}
    state = cards.state_text(words)
    parts = (
        cards.model,
        pixels.pop() if len(pixels) == 1 else cards.size.replace("x", "×"),
        cards.bill_text(words),
        # What it took then is in the history.
        words(texts.TOKENS, tokens=cards.tokens) if cards.tokens is not None and not cards.replayed else "",
        cards.seconds_text(words) if cards.state != "running" else "",
        cards.folder,
    )
    told = " · ".join(one_line(part, CLIPPED_AT) for part in parts if part)
    return (element("span", {"class": "seedream-state"}, state), f" · {told}") if state else (told,)
