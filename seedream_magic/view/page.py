"""A set as one web page that needs no other file: the carousel of the notebook, with the originals inside."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path

from seedream_magic.errors import ImageInvalid, InvalidRequest
from seedream_magic.view.cards import Card, CardSet
from seedream_magic.view.carousel import set_bundle
from seedream_magic.view.export_options import ExportOptions
from seedream_magic.view.markup import Markup, element
from seedream_magic.view.pictures import original, progress
from seedream_magic.view.provenance import DIGITAL_SOURCE_TYPE, TOOL, Provenance, provenance_of
from seedream_magic.words import export as export_texts
from seedream_magic.words.carousel import Words
from seedream_magic.words.clip import one_line
from seedream_magic.words.history import PROMPT

MAXIMUM_BYTES = 150 * 10**6
"""Of all originals together. In base64 they take a third more, and the browser holds page and pictures at once."""

WIDE = 1.1
"""Width over height: wider pictures are printed on paper in landscape format."""

_KINDS = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG", "image/png"), (b"RIFF", "image/webp"))

_ORIGINAL = re.compile(r'href="original:(\d+)"')
"""The link that stands for an original till the page is written, with the index of its card."""

# The page may show and run what stands in it, and load nothing.
_POLICY = "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def write_page(cards: CardSet, path: Path, options: ExportOptions) -> CardSet:
    """Write the page; return the set as it was written.

    Without `options.facts` it says nothing of how they were made but that a model made them.

    Raises `InvalidRequest` for more than 150 MB of originals, which a `.zip` takes.
    """
    total = sum(card.picture.stat().st_size for card in cards.cards if card.picture is not None)
    if total > MAXIMUM_BYTES:
        raise InvalidRequest(export_texts.TOO_LARGE_FOR_PAGE(size=total / 1e6))
    originals: dict[int, str] = {}
    written: list[Card] = []
    for card in progress(cards.cards, "html"):
        try:
            originals |= {card.index: data_uri(original(card.picture))} if card.picture else {}
            written.append(card)
        except ImageInvalid as error:
            written.append(card.without_picture(error, cards.words))
    cards = replace(cards, cards=tuple(written))
    shown = for_others(cards, facts=options.facts)
    texts = Texts(
        title=_title(cards),
        prompt=cards.prompt,
        words=cards.words,
        author=options.author or "",
        below=options.captions and (options.facts or not options.title),
        facts=options.facts,
        heading=[card.caption for card in shown.cards] != [cards.title],
        wide=cards.ratio > WIDE,
    )
    written_originals = write_document(set_bundle(shown)["text/html"], originals, texts, provenance_of(cards), path)
    broken = originals.keys() - written_originals
    written = [
        card.without_picture(ImageInvalid(export_texts.NO_PICTURE_IN_FILE(file=card.picture.name)), cards.words)
        if card.picture and card.index in broken
        else card
        for card in cards.cards
    ]
    return replace(cards, cards=tuple(written))


@dataclass(frozen=True)
class Texts:
    """What a page says around its pictures, and in which language: a title, "" for none, and who made it.

    `below` says that the whole prompt stands below the pictures, `facts` that a person reads which model made them,
    `heading` that the title stands above them as well, `wide` that they are printed on paper in landscape format.
    """

    title: str
    prompt: str
    words: Words
    author: str = ""
    below: bool = True
    facts: bool = True
    heading: bool = True
    wide: bool = False


def write_document(
    html: str, originals: Mapping[int, str], texts: Texts, provenance: Provenance, path: Path
) -> set[int]:
    """Write the page around an output, with the originals (as data: links) in place of the links that stand for them.

    Gives the indexes of the originals that are in it: a card whose picture cannot be shown has no link.
    """
    pictures, tag, scripts = html.partition("<script>")
    # Text, index, text, … text: no prompt can hold such a link, for a quotation mark in it is escaped.
    pieces = _ORIGINAL.split(pictures)
    body = "<body class=wide>" if texts.wide else "<body>"
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"<!DOCTYPE html>\n<html lang={texts.words.language}>\n{_head(texts, provenance)}\n{body}\n")
        file.write(element("h1", {}, element("bdi", {}, texts.title)) if texts.title and texts.heading else "")
        file.write(element("p", {"class": "author"}, element("bdi", {}, texts.author)) if texts.author else "")
        file.write(pieces[0])
        for index, text in zip(pieces[1::2], pieces[2::2], strict=True):
            file.writelines((f'href="{originals[int(index)]}"', text))
        file.write(element("script", {}, _constant("page.js")) + tag + scripts)
        file.write(f"\n{_below(texts, provenance)}\n</body>\n</html>\n")
    return set(map(int, pieces[1::2]))


def for_others(cards: CardSet, first: int = 0, *, facts: bool) -> CardSet:
    """The set without what has a meaning only where the run and a kernel are: folders, and cells that go on from it.

    Which pictures are newer than others is no news to the page's readers: it opens at the first. The links that stand
    for the originals count from `first`. Without `facts` it tells neither run nor model; its id is that number.
    """
    places = tuple(
        replace(
            card,
            link=f"original:{first + card.index}",
            download=card.download_name if card.picture else None,
            commands=(),
            copies={},
            takes=1,
        )
        for card in cards.cards
    )
    shown = replace(cards, cards=places, folder=cards.id, opens_at=0, copies=("prompt",))
    return shown if facts else replace(shown, id=str(first), folder="", model="", size="", copies=())


def data_uri(data: bytes) -> str:
    kind = next((kind for start, kind in _KINDS if data.startswith(start)), "application/octet-stream")
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _title(cards: CardSet) -> str:
    return one_line(cards.title, 90)


def _head(texts: Texts, provenance: Provenance) -> str:
    named = {
        "viewport": "width=device-width, initial-scale=1",
        "color-scheme": "light dark",
        "author": texts.author,
        "generator": TOOL,
        "description": one_line(texts.prompt, 300),
        "dcterms.created": provenance.created.isoformat() if provenance.created else None,
        "dcterms.description": texts.prompt,
        "ai-generated": "true",
        "ai-model": provenance.model,
        "digital-source-type": DIGITAL_SOURCE_TYPE,
    }
    lines = [
        '<meta charset="utf-8">',
        _meta({"http-equiv": "Content-Security-Policy", "content": _POLICY}),
        element("title", {}, texts.title or provenance.line(texts.words)),
        *(_meta({"name": name, "content": content}) for name, content in named.items() if content),
        element("style", {}, _constant("page.css")),
    ]
    return "\n".join(["<head>", *lines, "</head>"])


def _meta(attributes: Mapping[str, str]) -> str:
    return element("meta", attributes).removesuffix("</meta>")  # it is void


def _below(texts: Texts, provenance: Provenance) -> str:
    """The whole prompt, where the title is not all of it, and that a model made the pictures."""
    line = provenance.line(texts.words, model=texts.facts)
    footer = element("footer", {}, f"{line} · {TOOL}" if texts.facts else line)
    if not texts.below or texts.prompt == texts.title:
        return footer
    heading = element("h2", {}, texts.words(PROMPT))
    return f"{heading}\n{element('p', {'class': 'prompt'}, element('bdi', {}, texts.prompt))}\n{footer}"


@cache
def _constant(name: str) -> Markup:
    return Markup(files("seedream_magic.view").joinpath(name).read_text(encoding="utf-8"))
