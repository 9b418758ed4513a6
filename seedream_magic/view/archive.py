"""A set as a ZIP: the originals under names that a person understands, and what they are, for people and programs."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from seedream_magic.errors import ImageInvalid
from seedream_magic.view.cards import Card, CardSet, file_stem
from seedream_magic.view.export_options import ExportOptions
from seedream_magic.view.pictures import original, progress
from seedream_magic.view.provenance import DIGITAL_SOURCE_TYPE, TOOL, Provenance, provenance_of, storable
from seedream_magic.words.carousel import ENGLISH
from seedream_magic.words.clip import one_line

_SAFE_ENDING = re.compile(r"\.[a-z0-9]{1,5}")


def write_archive(cards: CardSet, path: Path, options: ExportOptions, request: Mapping[str, Any]) -> CardSet:
    """Write the originals, `captions.txt` for people and `captions.json` for programs; the set as it was written.

    With facts both tell of the model and of what failed, too, and `request.json` has `request`: what was asked for, as
    others may read it. The same set gives the same bytes: the order is fixed, and every entry has the date of the run.
    """
    provenance = provenance_of(cards)
    written: list[Card] = []
    told: list[dict[str, Any]] = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:  # pictures are compressed already
        for card in progress(cards.cards, "zip"):
            digest, kept = None, card
            try:
                if card.picture:
                    data = original(card.picture)
                    archive.writestr(dated_entry(entry_name(card), provenance.created), data)
                    digest = hashlib.sha256(data).hexdigest()
            except ImageInvalid as error:  # lost since it was looked for
                kept = card.without_picture(error, cards.words)
            written.append(kept)
            if kept.picture or options.facts:
                told.append(caption_facts(kept, digest, facts=options.facts))
        cards = replace(cards, cards=tuple(written))
        about = about_pictures(provenance, options, cards.title)
        texts = {
            "captions.json": json_text({**about, **({"run_id": cards.id} if options.facts else {}), "frames": told}),
            "captions.txt": _captions_text(cards, told, options),
        }
        if options.facts:
            texts["request.json"] = json_text({**about, **request})
        for name, text in texts.items():
            archive.writestr(dated_entry(name, provenance.created), text.encode())
        archive.comment = comment_of(provenance, options)
    return cards


def entry_name(card: Card) -> str:
    """The name of a picture: its number, its first words and the ending of its file; "" without a picture."""
    if card.picture is None:
        return ""
    ending, stem = card.picture.suffix.lower(), file_stem(card.caption, "")
    return f"{card.index + 1:02d}{'-' * bool(stem)}{stem}{ending if _SAFE_ENDING.fullmatch(ending) else ''}"


def dated_entry(name: str, created: datetime | None) -> zipfile.ZipInfo:
    """A member of the archive; what Python would take from the clock and the system is fixed."""
    date = created.timetuple()[:6] if created and created.year >= 1980 else (1980, 1, 1, 0, 0, 0)
    entry = zipfile.ZipInfo(name, date)
    entry.create_system, entry.external_attr = 3, 0o644 << 16
    return entry


def about_pictures(provenance: Provenance, options: ExportOptions, title: str) -> dict[str, Any]:
    """What programs read first of an archive; with facts also from which words, and by which model."""
    return {
        **({"title": title} if title else {}),
        **({"author": options.author} if options.author else {}),
        "created": provenance.created.isoformat() if provenance.created else None,
        "generated_by_ai": True,
        "digital_source_type": DIGITAL_SOURCE_TYPE,
        "tool": TOOL,
        **({"prompt": provenance.prompt, "model": provenance.model} if options.facts else {}),
    }


def caption_facts(card: Card, sha256: str | None, *, facts: bool) -> dict[str, Any]:
    """A card for `captions.json`; `index` counts from 0, and with `facts` it says what failed."""
    failure = f"{card.failure.name}: {card.failure.message}" if card.failure else None
    return {
        "index": card.index,
        "file": entry_name(card) or None,
        "caption": card.caption,
        "pixels": f"{card.width}x{card.height}" if card.picture and card.width else None,
        "sha256": sha256,
        **({"error": failure} if facts else {}),
    }


def comment_of(provenance: Provenance, options: ExportOptions) -> bytes:
    """What a ZIP says of itself at its end, where an export finds its own; in English, for it tells of no encoding."""
    return f"{provenance.line(ENGLISH, model=options.facts)[:500]} · {TOOL}".encode()


def _captions_text(cards: CardSet, told: Sequence[Mapping[str, Any]], options: ExportOptions) -> str:
    """What a person reads: title and author, a paragraph for each picture, numbered from 1, and where they are from."""
    paragraphs = ["\n".join(filter(None, (cards.title, options.author)))]
    for facts in told:
        card = cards.cards[facts["index"]]
        pixels = (facts["pixels"] or "").replace("x", " × ")
        named = (facts["file"], pixels, one_line(facts.get("error") or "", 500))
        head = "  ".join([f"{card.index + 1}.", *filter(None, named)])
        paragraphs.append(f"{head}\n{cards.caption_of(card)}".rstrip())
    origin = provenance_of(cards).line(cards.words, model=options.facts)
    return storable("\n\n".join(filter(None, [*paragraphs, f"{origin}{f' · {TOOL}' if options.facts else ''}\n"])))


def json_text(value: Mapping[str, Any]) -> str:
    """Readable UTF-8; a lone surrogate, which has no place in it, is written as its escape."""
    text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
    return re.sub("[\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"
