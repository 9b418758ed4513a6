"""A set as one web page that needs no other file: the carousel of the notebook, with the originals inside."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path

from seedream_magic.errors import ImageInvalid, InvalidRequest
from seedream_magic.view.cards import Card, CardSet
from seedream_magic.view.carousel import set_bundle
from seedream_magic.view.markup import Markup, element
from seedream_magic.view.pictures import original, progress
from seedream_magic.view.provenance import DIGITAL_SOURCE_TYPE, TOOL, provenance_of
from seedream_magic.words import CHINESE, one_line

MAXIMUM_BYTES = 150 * 10**6
"""Of all originals together. In base64 they take a third more, and the browser holds page and pictures at once."""

_KINDS = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG", "image/png"), (b"RIFF", "image/webp"))

_ORIGINAL = re.compile(r'href="original:(\d+)"')
"""The link that stands for an original till the page is written, with the index of its card."""

# The page may show and run what stands in it, and load nothing.
_POLICY = "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def write_page(cards: CardSet, path: Path) -> CardSet:
    """Write the page; return the set as it was written.

    Raises `InvalidRequest` for more than 150 MB of originals, which a `.zip` takes.
    """
    total = sum(card.picture.stat().st_size for card in cards.cards if card.picture is not None)
    if total > MAXIMUM_BYTES:
        raise InvalidRequest(
            f"The pictures have {total / 1e6:,.0f} MB together, too much for a page (150 MB). Export a .zip instead."
        )
    originals: dict[int, str] = {}
    written: list[Card] = []
    for card in progress(cards.cards, "html"):
        try:
            originals |= {card.index: _data_uri(original(card.picture))} if card.picture else {}
            written.append(card)
        except ImageInvalid as error:
            written.append(card.without_picture(error))
    cards = replace(cards, cards=tuple(written))
    pictures, tag, scripts = set_bundle(_for_others(cards))["text/html"].partition("<script>")
    # Text, index, text, … text: no prompt can hold such a link, for a quotation mark in it is escaped.
    pieces = _ORIGINAL.split(pictures)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"<!DOCTYPE html>\n<html lang={cards.language}>\n{_head(cards)}\n<body>\n")
        file.write(element("h1", {}, element("bdi", {}, _title(cards))) + pieces[0])
        for index, text in zip(pieces[1::2], pieces[2::2], strict=True):
            file.writelines((f'href="{originals[int(index)]}"', text))
        file.write(element("script", {}, _constant("page.js")) + tag + scripts)
        file.write(f"\n{_below(cards)}\n</body>\n</html>\n")
    damaged = ImageInvalid("The file cannot be read as a picture.")
    broken = originals.keys() - set(map(int, pieces[1::2]))
    written = [card.without_picture(damaged) if card.index in broken else card for card in cards.cards]
    return replace(cards, cards=tuple(written))


def _for_others(cards: CardSet) -> CardSet:
    """The set without what has a meaning only where the run and a kernel are: folders, and cells that go on from it.

    Which pictures are newer than others is no news to the page's readers: it opens at the first.
    """
    places = tuple(
        replace(
            card,
            link=f"original:{card.index}",
            download=f"{card.index + 1:02d}{card.picture.suffix}" if card.picture else None,
            commands=(),
            copies={},
        )
        for card in cards.cards
    )
    return replace(cards, cards=places, folder=cards.id, opens_at=0, copies=("prompt",))


def _data_uri(data: bytes) -> str:
    kind = next((kind for start, kind in _KINDS if data.startswith(start)), "application/octet-stream")
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _title(cards: CardSet) -> str:
    return one_line(cards.title, 90) or cards.model


def _head(cards: CardSet) -> str:
    provenance = provenance_of(cards)
    named = {
        "viewport": "width=device-width, initial-scale=1",
        "color-scheme": "light dark",
        "generator": TOOL,
        "description": one_line(cards.prompt, 300),
        "dcterms.created": provenance.created.isoformat() if provenance.created else None,
        "dcterms.description": cards.prompt,
        "ai-generated": "true",
        "ai-model": provenance.model,
        "digital-source-type": DIGITAL_SOURCE_TYPE,
    }
    lines = [
        '<meta charset="utf-8">',
        _meta({"http-equiv": "Content-Security-Policy", "content": _POLICY}),
        element("title", {}, _title(cards)),
        *(_meta({"name": name, "content": content}) for name, content in named.items() if content),
        element("style", {}, _constant("page.css")),
    ]
    return "\n".join(["<head>", *lines, "</head>"])


def _meta(attributes: Mapping[str, str]) -> str:
    return element("meta", attributes).removesuffix("</meta>")  # it is void


def _below(cards: CardSet) -> str:
    """The whole prompt, where the title is not all of it, and where the pictures come from."""
    heading = element("h2", {}, "提示词" if cards.words is CHINESE else "Prompt")
    prompt = element("p", {"class": "prompt"}, element("bdi", {}, cards.prompt))
    footer = element("footer", {}, f"{provenance_of(cards).line(cards.words)} · {TOOL}")
    return footer if cards.prompt == _title(cards) else f"{heading}\n{prompt}\n{footer}"


@cache
def _constant(name: str) -> Markup:
    return Markup(files("seedream_magic.view").joinpath(name).read_text(encoding="utf-8"))
