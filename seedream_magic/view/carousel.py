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
from dataclasses import dataclass, replace
from typing import Any

from seedream_magic.errors import ImageError, plural
from seedream_magic.view.cards import OF_THE_PICTURE, Card, CardSet, Failure, Preview
from seedream_magic.view.markup import Markup, constant, element
from seedream_magic.view.pictures import preview_of
from seedream_magic.view.sheet import contact_sheet
from seedream_magic.words import CLIPPED_AT, ENGLISH, Words, clip, one_line

OUTPUT_BYTES = 980_000
"""A set's output as JSON at most, which leaves room for the notebook's own words around it."""
ONE_PREVIEW_BYTES = 350_000
ALL_PREVIEWS_BYTES = 660_000
SHEET_BYTES = 90_000
MOST_PLACES = 15
"""Of a set whose size the model decides, while it grows: its previews are made once, not anew for each picture."""
SUMMARY_LINES = 8
PROMPT_CHARACTERS = 4000
"""Of a prompt that "Copy prompt" copies: several times what the service reads."""

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

# JupyterLab's sanitizer keeps these properties (and drops aspect-ratio, object-fit, filter and every var()). Themes of
# published pages have ideas of their own: pictures filtered and framed, captions grey, slanted, in the middle.
_STRIP = "display:flex;gap:20px;overflow-x:auto;align-items:flex-start;padding-bottom:8px"
_GRID = "display:flex;gap:20px;flex-wrap:wrap;align-items:flex-start;padding-bottom:8px"
_QUIET = "margin:8px 0 0 0;line-height:1.45;text-align:left;font-size:12px;opacity:0.75"
_FIGURE = "flex:0 0 auto;margin:0;max-width:100%;width:{width}px;--ratio:{ratio:.4f}"
_PICTURE = "display:block;max-width:100%;height:auto;margin:0;padding:0;border-radius:4px;background:none;filter:none"
_BOX = (
    "box-sizing:border-box;border-radius:4px;background-color:rgba(127,127,127,0.12);padding:16px;font-size:14px;text-align:left;"
    "word-wrap:break-word;"  # error codes are long words; JupyterLab takes overflow-wrap from untrusted outputs
)
_CAPTION = (
    "max-width:72ch;margin:8px 0 0 0;color:inherit;line-height:1.45;text-align:left;"
    "font-family:inherit;font-size:13px;font-style:normal;font-weight:400"
)
_COMMAND = "font-size:13px;color:inherit;background:none;border:0;padding:0;white-space:pre-wrap"


def set_bundle(cards: CardSet, *, show: str = "carousel") -> dict[str, Any]:
    """The mimebundle of a set: `text/html`, `text/plain` and, once the run has ended with a picture, `image/jpeg`.

    `show` is "carousel" or "grid". Below 1,000,000 bytes of JSON whatever the pictures hold. The contact sheet is left
    out while the set grows, so that an update stays light.
    """
    awaited = cards.expected or (MOST_PLACES if cards.state == "running" else 4)
    budget = min(ONE_PREVIEW_BYTES, ALL_PREVIEWS_BYTES // max(len(cards.places), awaited))
    bundle: dict[str, Any] = {"text/html": set_html(cards, budget, show=show), "text/plain": summary_text(cards)}
    if cards.pictures and cards.state != "running":
        sheet = contact_sheet(cards, budget=SHEET_BYTES, preview_budget=budget)
        bundle["image/jpeg"] = base64.b64encode(sheet).decode("ascii")
    over = len(json.dumps(bundle)) - OUTPUT_BYTES
    if over > 0 and (sizes := [len(source) for source in re.findall('src="[^"]*"', bundle["text/html"])]):
        bundle["text/html"] = set_html(cards, (sum(sizes) - over) // len(sizes), show=show)  # endless texts
    return bundle


def card_bundle(card: Card, words: Words) -> dict[str, Any]:
    """The mimebundle of one card: `text/html`, `text/plain`, and its picture once more, small, for who reads no HTML.

    That is `image/jpeg`, or `image/png` where it is transparent. A failed one says what happened, what was billed, and
    what to do.
    """
    bundle: dict[str, Any] = {"text/html": _card_html(card, words), "text/plain": _plain_line(card, card.file)}
    if card.failure is not None:
        lines = "\n     ".join(_printable(clip(line)) for line in card.failure.lines)
        bundle["text/plain"] = f"{card.index + 1:>3}  {lines}"
    elif card.picture is not None:
        try:
            small = preview_of(card.picture, card.digest, budget=SHEET_BYTES)
        except ImageError as error:
            bundle["text/plain"] += f"  {_printable(str(error))}"
        else:
            head, _, encoded = small.data_uri.partition(";base64,")
            bundle[head.removeprefix("data:")] = encoded
    return bundle


def _card_html(card: Card, words: Words) -> str:
    """A card by itself: a labelled picture."""
    cards = CardSet("", card.caption, card.caption, "", f"{card.width}x{card.height}", words.language, (card,))
    attributes = {"class": "seedream-alone tex2jax_ignore mathjax_ignore", "lang": words.language}
    return str(element("div", attributes, _figure(card, replace(_layout(cards, ONE_PREVIEW_BYTES), alone=True))))


def summary_text(cards: CardSet) -> str:
    """A set in at most eight lines, in English: prompt, run and state, paths, notes, what was billed.

    Consoles, diffs and programs that read notebooks have nothing but this.
    """
    remarks = tuple(filter(None, (*_remarks(cards, ENGLISH), cards.bill_text(ENGLISH))))
    room = SUMMARY_LINES - 2 - len(remarks)
    places = [_plain_line(card, card.file) for card in cards.places]
    if len(places) > room - bool(cards.notes):
        places = _grouped(cards.places, room - bool(cards.notes))
    notes = cards.notes[: room - len(places)]
    if left := len(cards.notes) - len(notes):
        notes = (*notes[:-1], f"{clip(notes[-1])} (and {plural(left, 'more note')})")
    lines = (
        one_line(cards.prompt, 200) or "(no prompt)",
        f"run {cards.id} · {_head(cards)}",
        *places,
        *notes,
        *remarks,
    )
    return "\n".join(_printable(" ".join(clip(line).split("\n"))) for line in lines)


def _grouped(places: tuple[Card, ...], room: int) -> list[str]:
    """The places in so many lines: those whose pictures are in one folder, or that failed alike, are one."""
    groups: dict[str, list[Card]] = {}
    for card in places:
        folder = os.path.dirname(card.file)  # noqa: PTH120 - the text of a path
        groups.setdefault(folder if card.picture else _plain_line(card, "")[5:], []).append(card)
    lines = []
    for name, cards in groups.items():
        files = " ".join(os.path.basename(card.file) for card in cards if card.picture)  # noqa: PTH119 - the text of a path
        numbers = ", ".join(str(card.index + 1) for card in cards)
        lines.append(f"{name}{os.sep}: {files}" if files else f"{numbers}: {name}")
    return lines if len(lines) <= room else [*lines[: room - 1], f"… and {len(lines) - room + 1} more lines"]


def _head(cards: CardSet) -> str:
    """How far a set is, who made it, how long that took."""
    stopped = ENGLISH.stopped if cards.state == "stopped" else ""
    progress = cards.interrupted_text(ENGLISH) if cards.state == "interrupted" else cards.progress_text(ENGLISH)
    return " · ".join(filter(None, (progress, cards.model, cards.size, cards.seconds_text(ENGLISH), stopped)))


def plain_text(cards: CardSet) -> str:
    """A set in a terminal, in English: a head line, a numbered line for each card, the notes, what was billed."""
    places = [_plain_line(card, str(card.picture)) for card in cards.places]
    lines = (_head(cards), *places, *cards.notes, *_remarks(cards, ENGLISH), cards.bill_text(ENGLISH))
    return "\n".join(_printable(line) for line in lines if line)


def _remarks(cards: CardSet, words: Words) -> tuple[str, ...]:
    """Till when a growing set was as it is shown, and what to do where its kernel has ended."""
    if cards.state == "interrupted":
        return (cards.resume_text(words),)
    return (cards.dated_text(words.until, words),) if cards.state == "running" else ()


def _plain_line(card: Card, path: str) -> str:
    number = f"{card.index + 1:>3}  "
    if card.failure is not None:
        return f"{number}{card.failure.name}: {clip(card.failure.message.partition(chr(10))[0])}"
    if card.picture is None:
        return f"{number}{ENGLISH.waiting if card.state == 'waiting' else ENGLISH.not_arrived}"
    star = "  ★" if card.starred else ""
    return f"{number}{path}" + (f"  {card.width}x{card.height}" if card.width else "") + star


def _printable(text: str) -> str:
    """Text that cannot steer a terminal: no control characters, no change of direction."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


@dataclass(frozen=True)
class _Layout:
    """What all figures of a set share.

    `width` and `height` are the CSS pixels that a picture takes in the strip, `budget` the bytes of a preview,
    `longest` the characters of a card's own prompt that are kept for copying. `alone` is of a card that is shown by
    itself.
    """

    cards: CardSet
    words: Words
    width: int
    height: int
    budget: int
    longest: int
    alone: bool = False

    def count(self, card: Card) -> str:
        """Which place it is."""
        if self.alone:
            return self.words.frame.format(number=card.index + 1)
        return f"{card.index + 1} / {len(self.cards.places)}"

    @property
    def ratio(self) -> float:
        return self.width / self.height

    @property
    def box_width(self) -> int:
        """Of a figure and of the box in it: narrower, its words would find no room."""
        return max(self.width, 200)


def _layout(cards: CardSet, budget: int) -> _Layout:
    places = cards.places
    widest, tallest = (560, 560) if len(places) == 1 else (440, 280)
    ratio = min(max(cards.ratio, 1 / 16), 16.0)
    width = round(min(widest, tallest * ratio))
    own = sum(len(card.caption) for card in places if card.caption != cards.prompt)
    longest = PROMPT_CHARACTERS if own <= PROMPT_CHARACTERS else PROMPT_CHARACTERS // len(places)
    return _Layout(cards, cards.words, width, max(1, round(width / ratio)), budget, longest)


def set_html(cards: CardSet, budget: int, *, show: str = "carousel") -> str:
    """The HTML of a set, with previews of at most `budget` bytes."""
    words, layout = cards.words, _layout(cards, budget)
    attributes = {
        # MathJax must not take "$5 … $6" of a prompt for a formula.
        "class": "seedream tex2jax_ignore mathjax_ignore",
        "lang": words.language,
        "style": f"--ratio:{layout.ratio:.4f}",
        "data-run": cards.id,
        "data-label": one_line(cards.prompt, 90) or cards.model,
        "data-show": "grid" if show == "grid" else "carousel",
        "data-start": cards.opens_at,
        "data-words": json.dumps(_script_words(cards), ensure_ascii=False),
        "data-prompt": clip(cards.prompt, PROMPT_CHARACTERS),
        **_clock_facts(cards),
    }
    remarks = {"class": "seedream-note seedream-remark", "style": _QUIET}
    clock = ("clock.js",) if cards.state == "running" else ()
    figures = [_figure(card, layout) for card in cards.places]
    html = element(
        "div",
        attributes,
        element("div", {"class": "seedream-strip", "style": _GRID if show == "grid" else _STRIP}, *figures),
        element("div", {"class": "seedream-facts", "style": _QUIET}, *_facts(cards), *_clock(cards)),
        *(element("div", {"class": "seedream-note", "style": _QUIET}, clip(note)) for note in cards.notes),
        *(element("div", remarks, remark) for remark in _remarks(cards, words)),
        # Last, so that where they are shown as text (nbconvert --sanitize-html) all words stand before them.
        element("style", {}, constant("carousel.css")),
        element("script", {}, constant("viewer.js", "carousel.js", *clock, "start.js")),
    )
    return str(html)


def _script_words(cards: CardSet) -> dict[str, Any]:
    """The words that the script shows; of a growing set also those for a kernel that has ended."""
    words = cards.words
    shown = {**words.controls, **words.copies, "copies": cards.copies}
    if cards.state != "running":
        return shown
    ended = {"interrupted": cards.interrupted_text(words), "last_sign": cards.dated_text(words.last_sign, words)}
    return {**shown, **ended, "states": (words.waiting, words.missing), "not_arrived": words.not_arrived}


def _clock_facts(cards: CardSet) -> dict[str, str]:
    """What the script needs to know of a growing set: how long it takes, when that was, how long it may still take."""
    if cards.state != "running" or cards.updated is None:
        return {}
    values = {"seconds": cards.seconds, "moment": cards.updated.timestamp(), "limit": cards.limit}
    return {f"data-{name}": f"{value:.0f}" for name, value in values.items()}


def _facts(cards: CardSet) -> tuple[str, ...]:
    """The quiet line below the pictures."""
    words = cards.words
    pixels = {f"{card.width}×{card.height}" for card in cards.pictures if card.width}
    state = cards.state_text(words)
    parts = (
        cards.model,
        pixels.pop() if len(pixels) == 1 else cards.size.replace("x", "×"),
        cards.bill_text(words),
        # What it took then is in the history.
        f"{cards.tokens:,} tokens" if cards.tokens is not None and not cards.replayed else "",
        cards.seconds_text(words) if cards.state != "running" else "",
        cards.folder,
    )
    texts = " · ".join(one_line(part, CLIPPED_AT) for part in parts if part)
    return (element("span", {"class": "seedream-state"}, state), f" · {texts}") if state else (texts,)


def _clock(cards: CardSet) -> tuple[Markup, ...]:
    """The seconds of a run that goes on, from which the script counts on; nothing once it has ended."""
    if cards.state != "running":
        return ()
    seconds = f" · {cards.seconds:.0f} {cards.words.controls['seconds']}"
    return (element("span", {"class": "seedream-elapsed"}, seconds),)


def _figure(card: Card, layout: _Layout) -> Markup:
    """A card as a figure: its picture, or what stands in its place, and its caption."""
    words, small = layout.words, None
    if card.picture is not None:
        try:
            small = preview_of(card.picture, card.digest, budget=layout.budget)
        except ImageError as error:
            card = card.without_picture(error)
    if small is not None:
        content = _picture(card, small, layout)
    elif card.failure is not None:
        content = _failed_box(card.failure, layout, card.commands)
    else:
        content = _empty_box(words.waiting if card.state == "waiting" else words.not_arrived, layout)
    label, mark = words.frame.format(number=card.index + 1), card.mark_text(words)
    state = {"failed": words.failed, "waiting": words.waiting, "missing": words.missing}.get(card.state, mark)
    attributes = {
        "class": "seedream-frame",
        "style": _FIGURE.format(width=layout.box_width, ratio=small.width / small.height if small else layout.ratio),
        "data-state": card.state,
        "data-mark": "star" if card.starred else "reject" if card.rejected else None,
        "data-label": f"{label}{words.comma}{state}" if state else label,
        "data-file": card.picture.name if card.picture else None,
        **{f"data-{key}": _copied(card, key, layout) for key in layout.cards.copies},
    }
    return element("figure", attributes, content, _caption(card, layout))


def _copied(card: Card, key: str, layout: _Layout) -> str | None:
    """The text that is copied under this key; a prompt that all cards share stands in the set."""
    if key == "prompt":
        return clip(card.caption, layout.longest) if card.caption != layout.cards.prompt else None
    return card.copies.get(key) if card.picture or key not in OF_THE_PICTURE else None


def _picture(card: Card, small: Preview, layout: _Layout) -> Markup:
    width = round(min(layout.width, layout.height * small.width / small.height))
    height = max(1, round(width * small.height / small.width))
    alt = one_line(card.caption, 200) or layout.count(card)
    source: dict[str, str | int | None] = {"class": "seedream-picture", "src": small.data_uri, "alt": alt}
    return element("img", {**source, "width": width, "height": height, "style": _PICTURE})


def _failed_box(failure: Failure, layout: _Layout, commands: tuple[str, ...]) -> Markup:
    """The card of a failed one: its name, what it says and what to do, lines to be run in a cell."""
    code = {"class": "seedream-command", "style": _COMMAND}
    texts = [*map(clip, filter(None, failure.explanation)), *(element("code", code, line) for line in commands)]
    lines = [element("div", {"style": "margin-top:6px"}, text) for text in texts]
    heading = element("strong", {"style": "font-weight:600"}, failure.name)
    return _box("seedream-card", 160, layout, heading, *lines)


def _empty_box(title: str, layout: _Layout) -> Markup:
    heading = element("strong", {"style": "font-weight:400"}, title, *_clock(layout.cards))
    return _box("seedream-empty", 280, layout, heading)


def _box(kind: str, tallest: int, layout: _Layout, *content: Markup) -> Markup:
    """What stands in place of a picture that is not there."""
    style = f"{_BOX}width:{layout.box_width}px;max-width:100%;min-height:{min(layout.height, tallest)}px"
    return element("div", {"class": f"seedream-picture {kind}", "style": style}, *content)


def _caption(card: Card, layout: _Layout) -> Markup:
    facts: list[str] = [element("b", {"class": "seedream-count"}, layout.count(card))]
    facts += _mark_facts(card, layout.words)
    if card.failure is not None:
        facts.append(layout.words.failed)
    if card.picture and card.width:
        facts.append(f"{card.width} × {card.height}")
    if card.picture and card.link:
        original = {"class": "seedream-original", "href": card.link, "download": card.download}
        facts.append(element("a", original, layout.words.original))
    dot = element("span", {"class": "seedream-dot"}, " · ")
    separated = [part for fact in facts for part in (dot, fact)][1:]
    label = element("div", {"class": "seedream-label"}, *separated)
    # Before it has come, nobody knows what a frame of a set will show; a storyboard's frames do have their own prompt.
    shared = card.caption == layout.cards.prompt
    known = card.picture or card.failure or not shared
    kind = "seedream-caption seedream-shared" if shared else "seedream-caption"
    return element("figcaption", {"style": _CAPTION}, label, _caption_text(card.caption, kind) if known else "")


def _mark_facts(card: Card, words: Words) -> list[str]:
    """What a person has said of the picture: "★", "rejected", tags, a note."""
    if card.picture is None:
        return []
    star = element("span", {"class": "seedream-star", "title": words.starred}, "★")
    marks = [star] if card.starred else [words.rejected] if card.rejected else []
    return [*marks, *(one_line(text, CLIPPED_AT) for text in (", ".join(card.tags), card.note) if text)]


def _caption_text(prompt: str, kind: str) -> Markup:
    """The prompt in one line of text, of the CSS classes `kind`; a long one opens on demand."""
    text = one_line(prompt, CLIPPED_AT)
    if len(text) <= 160:
        return element("div", {"class": kind}, element("bdi", {}, text))
    cut = text.rfind(" ", 100, 140) + 1 or 130
    summary = element("summary", {}, element("bdi", {}, text[:cut] + "…"))
    return element("details", {"class": kind}, summary, element("bdi", {}, "…" + text[cut:]))
