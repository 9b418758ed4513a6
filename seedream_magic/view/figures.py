"""A card as a figure: its picture, or what stands in its place, and its caption; the same in a carousel and in a grid.

Written with inline styles only, so that it reads well where a front end has removed scripts and style sheets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from seedream_magic.errors import ImageError
from seedream_magic.view.cards import OF_THE_PICTURE, Card, CardSet, Failure, Preview
from seedream_magic.view.markup import Markup, element
from seedream_magic.view.pictures import lighter, preview_of
from seedream_magic.words import carousel as texts
from seedream_magic.words.carousel import Words
from seedream_magic.words.clip import CLIPPED_AT, clip, one_line

PROMPT_CHARACTERS = 4000
"""Of a prompt that "Copy prompt" copies: several times what the service reads."""

# JupyterLab's sanitizer keeps these properties (and drops aspect-ratio, object-fit, filter and every var()). Themes of
# published pages have ideas of their own: pictures filtered and framed, captions grey, slanted, in the middle.
_PLAIN = "margin:0;--ratio:{ratio:.4f}"
_FIGURE = "flex:0 0 auto;margin:0;max-width:100%;width:{width}px;--ratio:{ratio:.4f}"
PICTURE = "display:block;max-width:100%;height:auto;margin:0;padding:0;border-radius:4px;background:none;filter:none"
_BOX = (
    "box-sizing:border-box;border-radius:4px;background-color:rgba(127,127,127,0.12);padding:16px;font-size:14px;text-align:left;"
    "word-wrap:break-word;"  # error codes are long words; JupyterLab takes overflow-wrap from untrusted outputs
)
_CAPTION = (
    "max-width:72ch;margin:8px 0 0 0;color:inherit;line-height:1.45;text-align:left;"
    "font-family:inherit;font-size:13px;font-style:normal;font-weight:400"
)
_CODE = "margin-top:8px;font-size:12px;opacity:0.75"
_COMMAND = "font-size:13px;color:inherit;background:none;border:0;padding:0;white-space:pre-wrap"
_STATES = {"failed": texts.FAILED, "waiting": texts.WAITING, "missing": texts.MISSING}
"""What a place without a picture is called."""


@dataclass(frozen=True)
class Layout:
    """What all figures of a set share.

    `width` and `height` are the CSS pixels that a picture takes in the strip, `budget` the bytes of a preview,
    `longest` the characters of a card's own prompt that are kept for copying. `lighter` says of which files the preview
    has fewer bytes, and how many. `alone` is of a card that is shown by itself.
    """

    cards: CardSet
    words: Words
    width: int
    height: int
    budget: int
    longest: int
    lighter: Mapping[Path, int] = field(default_factory=dict)
    alone: bool = False

    def count(self, card: Card) -> str:
        """Which place it is."""
        if self.alone:
            return self.words(texts.FRAME, number=card.index + 1)
        return f"{card.index + 1} / {len(self.cards.places)}"

    @property
    def ratio(self) -> float:
        return self.width / self.height

    @property
    def box_width(self) -> int:
        """Of a figure and of the box in it: narrower, its words would find no room."""
        return max(self.width, 200)


def layout_of(cards: CardSet, budget: int) -> Layout:
    """How the figures of this set stand, with previews of at most `budget` bytes."""
    places = cards.places
    widest, tallest = (560, 560) if len(places) == 1 else (440, 280)
    ratio = min(max(cards.ratio, 1 / 16), 16.0)
    width = round(min(widest, tallest * ratio))
    own = sum(len(card.caption) for card in places if card.caption != cards.prompt)
    longest = PROMPT_CHARACTERS if own <= PROMPT_CHARACTERS else PROMPT_CHARACTERS // len(places)
    return Layout(cards, cards.words, width, max(1, round(width / ratio)), budget, longest)


def elapsed(cards: CardSet) -> tuple[Markup, ...]:
    """The seconds of a run that goes on, from which the script counts on; nothing once it has ended."""
    if cards.state != "running":
        return ()
    seconds = cards.words(texts.SECONDS, seconds=f"{cards.seconds:.0f}")
    return (element("span", {"class": "seedream-elapsed"}, f" · {seconds}"),)


def figure(card: Card, layout: Layout, content: Markup | None = None) -> Markup:
    """A card as a figure: its picture, or what stands in its place, and its caption.

    `content` stands in place of the picture: where that is shown elsewhere on the page, it is in the page only once.
    """
    words, small, style = layout.words, None, _FIGURE if content is None else _PLAIN
    if card.picture is not None and content is None:
        try:
            small = preview_of(card.picture, card.digest, budget=layout.budget)
            if card.picture in layout.lighter:  # of the same shape to a hair, or the page would jump
                small = replace(small, data_uri=lighter(small, layout.lighter[card.picture]).data_uri)
        except ImageError as error:
            card = card.without_picture(error, words)
    if small is not None:
        content = _picture(card, small, layout)
    elif card.failure is not None:
        content = _failed_box(card.failure, layout, card.commands)
    elif content is None:
        content = _empty_box(words(texts.WAITING if card.state == "waiting" else texts.NOT_ARRIVED), layout)
    label = words(texts.FRAME, number=card.index + 1)
    state = words(_STATES[card.state]) if card.state in _STATES else card.mark_text(words)
    attributes = {
        "class": "seedream-frame",
        "style": style.format(width=layout.box_width, ratio=small.width / small.height if small else layout.ratio),
        "data-state": card.state,
        "data-mark": "star" if card.starred else "reject" if card.rejected else None,
        "data-take": card.take if card.takes > 1 else None,
        "data-takes": card.takes if card.takes > 1 else None,
        "data-made": card.copies.get("made") if card.picture else None,
        "data-label": f"{label}{words.comma}{state}" if state else label,
        "data-file": card.download_name if card.picture else None,
        **{f"data-{key}": _copied(card, key, layout) for key in layout.cards.copies},
    }
    return element("figure", attributes, content, _caption(card, layout, _CAPTION if style is _FIGURE else None))


def _copied(card: Card, key: str, layout: Layout) -> str | None:
    """The text that is copied under this key; a prompt that all cards share stands in the set."""
    if key == "prompt":
        return clip(card.caption, layout.longest) if card.caption != layout.cards.prompt else None
    return card.copies.get(key) if card.picture or key not in OF_THE_PICTURE else None


def _picture(card: Card, small: Preview, layout: Layout) -> Markup:
    width = round(min(layout.width, layout.height * small.width / small.height))
    height = max(1, round(width * small.height / small.width))
    alt = one_line(card.caption, 200) or layout.count(card)
    source: dict[str, str | int | None] = {"class": "seedream-picture", "src": small.data_uri, "alt": alt}
    return element("img", {**source, "width": width, "height": height, "style": PICTURE})


def _failed_box(failure: Failure, layout: Layout, commands: tuple[str, ...]) -> Markup:
    """The card of a failed one: what happened, what to do, lines to be run in a cell.

    Last the code, to look it up, where the service's own words do not name it.
    """
    code = {"class": "seedream-command", "style": _COMMAND}
    happened, *advice = map(clip, filter(None, failure.explanation))
    then = [*advice, *(element("code", code, line) for line in commands)]
    lines = [element("div", {"style": "margin-top:6px"}, text) for text in then]
    if not any(failure.name in told for told in (happened, *advice)):
        lines.append(element("div", {"class": "seedream-code", "style": _CODE}, clip(failure.name)))
    weight = 600 if len(happened) <= 120 else 400  # a long message reads badly in bold
    heading = element("strong", {"style": f"font-weight:{weight}"}, happened)
    return _box("seedream-card", 120, layout, heading, *lines)


def _empty_box(title: str, layout: Layout) -> Markup:
    heading = element("strong", {"style": "font-weight:400"}, title, *elapsed(layout.cards))
    return _box("seedream-empty", 280, layout, heading)


def _box(kind: str, tallest: int, layout: Layout, *content: Markup) -> Markup:
    """What stands in place of a picture that is not there."""
    style = f"{_BOX}width:{layout.box_width}px;max-width:100%;min-height:{min(layout.height, tallest)}px"
    return element("div", {"class": f"seedream-picture {kind}", "style": style}, *content)


def _caption(card: Card, layout: Layout, style: str | None) -> Markup:
    facts: list[str] = [element("b", {"class": "seedream-count"}, layout.count(card))]
    facts += _mark_facts(card, layout.words)
    if card.failure is not None:
        facts.append(layout.words(texts.FAILED))
    if card.picture and card.width:
        facts.append(f"{card.width} × {card.height}")
    if card.picture and card.link:
        original = {"class": "seedream-original", "href": card.link, "download": card.download}
        facts.append(element("a", original, layout.words(texts.ORIGINAL)))
    dot = element("span", {"class": "seedream-dot"}, " · ")
    separated = [part for fact in facts for part in (dot, fact)][1:]
    label = element("div", {"class": "seedream-label"}, *separated)
    # Before it has come, nobody knows what a frame of a set will show; a storyboard's frames do have their own prompt.
    shared = card.caption == layout.cards.prompt
    known = card.picture or card.failure or not shared
    kind = "seedream-caption seedream-shared" if shared else "seedream-caption"
    text = _caption_text(card.caption, kind) if known else ""
    return element("figcaption", {"style": style}, label, text, _take(card, layout.words))


def _take(card: Card, words: Words) -> str:
    """Which of several takes it is, and on demand the cell that picks another."""
    text, cell = card.take_text(words), card.copies.get("pick")
    if not text or card.picture is None:
        return ""
    if cell is None:
        return element("div", {"class": "seedream-take"}, text)
    code = element("code", {"class": "seedream-command", "style": _COMMAND}, cell)
    return element("details", {"class": "seedream-take"}, element("summary", {}, text), code)


def _mark_facts(card: Card, words: Words) -> list[str]:
    """What a person has said of the picture: "★", "rejected", tags, a note."""
    if card.picture is None:
        return []
    star = element("span", {"class": "seedream-star", "title": words(texts.STARRED)}, "★")
    marks = [star] if card.starred else [words(texts.REJECTED)] if card.rejected else []
    return [*marks, *(one_line(text, CLIPPED_AT) for text in (words.listed(card.tags), card.note) if text)]


def _caption_text(prompt: str, kind: str) -> Markup:
    """The prompt in one line of text, of the CSS classes `kind`; a long one opens on demand."""
    text = one_line(prompt, CLIPPED_AT)
    if len(text) <= 160:
        return element("div", {"class": kind}, element("bdi", {}, text))
    cut = text.rfind(" ", 100, 140) + 1 or 130
    summary = element("summary", {}, element("bdi", {}, text[:cut] + "…"))
    return element("details", {"class": kind}, summary, element("bdi", {}, "…" + text[cut:]))
