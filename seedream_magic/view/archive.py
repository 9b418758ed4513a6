"""A set as an archive: the originals, their captions, and what was asked for."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from seedream_magic.errors import ImageInvalid
from seedream_magic.view.cards import Card, CardSet
from seedream_magic.view.pictures import original, progress
from seedream_magic.view.provenance import DIGITAL_SOURCE_TYPE, TOOL, Provenance, provenance_of, storable
from seedream_magic.words import ENGLISH, one_line

_SAFE_ENDING = re.compile(r"\.[a-z0-9]{1,5}")


def write_archive(cards: CardSet, path: Path, request: Mapping[str, Any]) -> CardSet:
    """Write the originals, `captions.json`, `captions.txt` and `request.json`; return the set as it was written.

    `request` is what was asked for, as others may read it. The same set gives the same bytes: the order is fixed, and
    every entry has the date of the run.
    """
    provenance = provenance_of(cards)
    hashes: dict[int, str] = {}
    written: list[Card] = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:  # pictures are compressed already
        for card in progress(cards.cards, "zip"):
            try:
                data = original(card.picture) if card.picture else b""
            except ImageInvalid as error:  # lost since it was looked for
                written.append(card.without_picture(error))
                continue
            written.append(card)
            if card.picture:
                archive.writestr(_entry(_name(card.index, card.picture), provenance.created), data)
                hashes[card.index] = hashlib.sha256(data).hexdigest()
        cards = replace(cards, cards=tuple(written))
        captions = [_caption(card, hashes.get(card.index)) for card in cards.cards]
        texts = {
            "captions.json": _json({**_about(provenance), "run_id": cards.id, "frames": captions}),
            "captions.txt": _captions_text(cards, captions),
            "request.json": _json({**_about(provenance), **request}),
        }
        for name, text in texts.items():
            archive.writestr(_entry(name, provenance.created), text.encode())
        archive.comment = provenance.line(ENGLISH).encode()[:1000]
    return cards


def _name(index: int, picture: Path) -> str:
    """The number of a picture and the ending of its file, which is the name that the store gave it."""
    ending = picture.suffix.lower()
    return f"{index + 1:02d}{ending if _SAFE_ENDING.fullmatch(ending) else ''}"


def _entry(name: str, created: datetime | None) -> zipfile.ZipInfo:
    """A member of the archive; what Python would take from the clock and the system is fixed."""
    date = created.timetuple()[:6] if created and created.year >= 1980 else (1980, 1, 1, 0, 0, 0)
    entry = zipfile.ZipInfo(name, date)
    entry.create_system, entry.external_attr = 3, 0o644 << 16
    return entry


def _about(provenance: Provenance) -> dict[str, Any]:
    return {
        "generated_by_ai": True,
        "digital_source_type": DIGITAL_SOURCE_TYPE,
        "prompt": provenance.prompt,
        "model": provenance.model,
        "created": provenance.created.isoformat() if provenance.created else None,
        "tool": TOOL,
    }


def _caption(card: Card, sha256: str | None) -> dict[str, Any]:
    """A card for `captions.json`; `index` counts from 0."""
    failure = card.failure
    return {
        "index": card.index,
        "file": _name(card.index, card.picture) if card.picture else None,
        "prompt": card.caption,
        "pixels": f"{card.width}x{card.height}" if card.picture and card.width else None,
        "sha256": sha256,
        "error": f"{failure.name}: {failure.message}" if failure else None,
    }


def _captions_text(cards: CardSet, captions: list[dict[str, Any]]) -> str:
    """What a person reads: the prompt, and a paragraph for each card, numbered from 1."""
    paragraphs = [cards.prompt]
    for card, caption in zip(cards.cards, captions, strict=True):
        facts = (caption["file"], caption["pixels"], one_line(caption["error"] or "", 500))
        head = "  ".join([f"{card.index + 1}.", *(fact for fact in facts if fact)])
        paragraphs.append(f"{head}\n{cards.caption_of(card)}".rstrip())
    origin = f"{provenance_of(cards).line(cards.words)} · {TOOL}"
    return storable("\n\n".join([*paragraphs, f"{origin}\n"]))


def _json(value: Mapping[str, Any]) -> str:
    """Readable UTF-8; a lone surrogate, which has no place in it, is written as its escape."""
    text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
    return re.sub("[\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"
