"""A light table: two to nine pictures of any sets side by side, with the facts beside each that tell them apart.

Made as a set's output is: labelled pictures with inline styles, which read well where scripts and style sheets were
taken away; where they run, `light_table.js` zooms and moves all pictures together and throws out till one is left.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from seedream_magic.errors import ImageError
from seedream_magic.view.cards import Card, CardSet, failure_of
from seedream_magic.view.carousel import summary_line
from seedream_magic.view.figures import PICTURE
from seedream_magic.view.markup import Markup, element, script, style_sheet
from seedream_magic.view.pictures import preview_of
from seedream_magic.view.sheet import contact_sheet
from seedream_magic.words import carousel
from seedream_magic.words import light_table as texts
from seedream_magic.words.carousel import Shown, Words
from seedream_magic.words.clip import CLIPPED_AT, clip, one_line

ALL_PREVIEWS_BYTES = 780_000
ONE_PREVIEW_BYTES = 350_000
SHEET_BYTES = 90_000
SUMMARY_LINES = 8
_QUIET = "margin:4px 0 0 0;line-height:1.45;text-align:left;font-size:12px"
_CAPTION = f"{_QUIET};color:inherit;font-family:inherit;font-style:normal;font-weight:400"  # themes have their own
_BOARD = "display:flex;flex-wrap:wrap;gap:12px;align-items:flex-start"
_PANE = "flex:1 1 {width}px;margin:0;min-width:{least}px;max-width:{most}px"
_OTHER = "background-color:rgba(255,190,0,0.28);color:inherit;border-radius:2px"
"""Of what is not the same in all: it is seen on light and on dark."""
_CODE = "font-size:12px;color:inherit;background:none;border:0;padding:0;white-space:pre-wrap"
_TOKEN = re.compile("[\u3400-\u9fff\uf900-\ufaff]|[^\\s\u3400-\u9fff\uf900-\ufaff]+|\\s+")
_CONTROLS: Mapping[str, Shown] = {
    "board": texts.LIGHT_TABLE,
    "in": ("+", texts.ZOOM_IN),
    "out": ("−", texts.ZOOM_OUT),
    "fit": carousel.FIT,
    "actual": "100 %",
    "slider": carousel.SLIDER,
    "divider": carousel.DIVIDER,
    "star": ("☆", texts.STAR),
    "drop": ("×", texts.THROW_OUT),
    "back": texts.BRING_BACK,
    "one": texts.ONE_LEFT,
    "copy": carousel.COPY,
    "keep": texts.KEEP_STARS,
    "keys": texts.KEYS,
}
"""What only the script shows; of a button its word, or sign and name."""


@dataclass(frozen=True)
class Pane:
    """One picture on the table: its card, the name by which it is meant elsewhere ("run:ID[2]"), what is told of it.

    `facts` are model, pixels, tokens and price, "" for what is not known. `star` is the cell that stars the picture,
    `typed` the name by which it was put on the table, if another.
    """

    card: Card
    name: str
    facts: tuple[str, ...]
    star: str = ""
    typed: str = ""

    @property
    def called(self) -> str:
        """The name that its reader knows."""
        return self.typed or self.name


def light_table_bundle(panes: Sequence[Pane], words: Words) -> dict[str, Any]:
    """The mimebundle of a table: `text/html`, `image/jpeg` (a contact sheet), `text/plain` of at most eight lines.

    Below 1,000,000 bytes of JSON, whatever the pictures hold.
    """
    budget = min(ONE_PREVIEW_BYTES, ALL_PREVIEWS_BYTES // len(panes))
    html = _html(panes, words, budget)
    cards = [replace(pane.card, index=number) for number, pane in enumerate(panes)]
    sheet_of = CardSet("", _title(panes), _title(panes), "", "", words.language, tuple(cards), expected=len(cards))
    bundle: dict[str, Any] = {"text/html": html, "text/plain": _plain(panes, words)}
    if sheet_of.pictures:
        sheet = contact_sheet(sheet_of, budget=SHEET_BYTES, preview_budget=budget)
        bundle["image/jpeg"] = base64.b64encode(sheet).decode("ascii")
    return bundle


def _title(panes: Sequence[Pane]) -> str:
    return one_line(" · ".join(dict.fromkeys(pane.card.caption for pane in panes)), 90)


def _html(panes: Sequence[Pane], words: Words, budget: int) -> str:
    shared = len({pane.card.caption for pane in panes}) == 1
    look = _Look(words, budget, max(180, 720 // len(panes)))
    captions = list(_marked([pane.card.caption for pane in panes]))
    facts = list(
        zip(*(_told_apart(values) for values in zip(*(pane.facts for pane in panes), strict=True)), strict=True)
    )
    figures = [
        _pane(pane, number, look, facts[number - 1], "" if shared else captions[number - 1])
        for number, pane in enumerate(panes, 1)
    ]
    caption = element("div", {"class": "seedream-note", "style": _QUIET}, element("bdi", {}, _clipped(panes[0])))
    left = words(carousel.OF, part="{left}", total="{total}")
    attributes = {
        "class": "seedream-light tex2jax_ignore mathjax_ignore",
        "lang": words.language,
        "data-words": json.dumps({**words.each(_CONTROLS), "left": left}, ensure_ascii=False),
    }
    html = element(
        "div",
        attributes,
        element("div", {"class": "seedream-board", "style": _BOARD}, *figures),
        *([caption] if shared else []),
        style_sheet("light_table.css"),
        script("controls.js", "light_table.js", "start.js"),
    )
    return str(html)


def _clipped(pane: Pane) -> str:
    return one_line(pane.card.caption, CLIPPED_AT)


@dataclass(frozen=True)
class _Look:
    """What all panes share: the language, the bytes of a preview, the CSS pixels of a pane's width."""

    words: Words
    budget: int
    width: int


def _pane(pane: Pane, number: int, look: _Look, facts: Sequence[str], caption: str) -> Markup:
    """One picture with its number, its name, the facts, and its words."""
    card, words, small = pane.card, look.words, None
    if card.picture is not None:
        try:
            small = preview_of(card.picture, card.digest, budget=look.budget)
        except ImageError as error:
            card = card.without_picture(error, words)
    failure = card.failure or failure_of(ImageError(carousel.NOT_ARRIVED()), words)
    content = element("div", {"style": "padding:16px"}, clip(failure.message)) if small is None else element("img", {
        "class": "seedream-picture", "src": small.data_uri, "alt": one_line(card.caption, 200) or pane.name,
        "width": small.width, "height": small.height, "style": f"{PICTURE};width:100%",
    })  # fmt: skip
    star = element("span", {"class": "seedream-star"}, " ★")
    mark = star if card.starred else f" {card.mark_text(words)}" if card.rejected else ""
    link = (
        element("a", {"class": "seedream-original", "href": card.link}, words(carousel.ORIGINAL)) if card.link else ""
    )
    told = [part for fact in facts if fact for part in (" · ", fact)][1:]
    attributes = {
        "class": "seedream-pane",
        "style": _PANE.format(width=look.width, least=min(160, look.width), most=look.width * 2),
        "data-label": f"{number}. {pane.called}",
        "data-mark": "star" if card.starred else None,
        "data-star": pane.star or None,
        "data-ratio": f"{small.width / small.height:.4f}" if small else "1",
        "data-wide": card.width or (small.width if small else None),
    }
    take = f" · {card.take_text(words)}" if card.takes > 1 else ""
    named = element("span", {"class": "seedream-called", "title": pane.name}, pane.called)
    label = element("div", {"class": "seedream-name"}, element("b", {}, f"{number}"), " ", named, take, mark)
    lines = (
        label,
        element("div", {"class": "seedream-facts", "style": "opacity:0.8"}, *told, *((" · ", link) if link else ())),
        *([element("div", {"class": "seedream-words"}, element("bdi", {}, caption))] if caption else []),
    )
    return element("figure", attributes, content, element("figcaption", {"style": _CAPTION}, *lines))


def _told_apart(values: Sequence[str]) -> list[str]:
    """The values of one fact; marked where they are not the same in all pictures."""
    if len(set(values)) == 1:
        return list(values)
    return [element("mark", {"style": _OTHER}, one_line(value, 120)) if value else "" for value in values]


def _marked(captions: Sequence[str]) -> Iterator[Markup]:
    """The words of each picture; marked are those that others do not have."""
    tokens = [_TOKEN.findall(one_line(caption, CLIPPED_AT)) for caption in captions]
    shared = set.intersection(*({_plain_word(token) for token in one} for one in tokens))
    if not any(word.strip() for word in shared):  # they have nothing in common that would stand out against
        shared = {_plain_word(token) for one in tokens for token in one}
    for one in tokens:
        parts: list[str] = []
        run: list[str] = []
        for token in [*one, ""]:
            if token and (_plain_word(token) not in shared or (run and not token.strip())):
                run.append(token)
                continue
            if run:
                ending = run.pop() if not run[-1].strip() else ""
                parts += [element("mark", {"style": _OTHER}, "".join(run)), ending]
                run = []
            parts.append(token)
        yield element("span", {}, *parts)


def _plain_word(token: str) -> str:
    """A word as it is compared: whatever its case, without the signs around it."""
    return token.casefold().strip(".,;:!?()\"'“”‘’。，；：！？、") or token.strip()


def _plain(panes: Sequence[Pane], words: Words) -> str:
    lines = [
        " · ".join(
            filter(None, (f"{number}  {pane.name}{'  ★' if pane.card.starred else ''}", *pane.facts, pane.card.file))
        )
        for number, pane in enumerate(panes, 1)
    ]
    left = len(lines) - SUMMARY_LINES
    lines = lines if left <= 0 else [*lines[: SUMMARY_LINES - 1], words(carousel.MORE_PICTURES, more=left + 1)]
    return "\n".join(summary_line(line) for line in lines)
