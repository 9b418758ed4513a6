"""A set as one file for other people: which kind its ending says. The archive is written here."""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import json
import logging
import os
import re
import secrets
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from seedream_magic.errors import ConfigError, ImageInvalid, InvalidRequest, reason_of
from seedream_magic.view.cards import Card, CardSet, file_stem
from seedream_magic.view.export_options import ExportOptions
from seedream_magic.view.lettering import find_lettering
from seedream_magic.view.page import write_page
from seedream_magic.view.pdf import write_pdf
from seedream_magic.view.pictures import original, progress
from seedream_magic.view.provenance import DIGITAL_SOURCE_TYPE, TOOL, Provenance, provenance_of, storable
from seedream_magic.view.sheet import write_animation, write_sheet
from seedream_magic.words import export as texts
from seedream_magic.words.carousel import ENGLISH
from seedream_magic.words.clip import one_line
from seedream_magic.words.lists import ITEMS
from seedream_magic.words.store import NOT_WRITTEN
from seedream_magic.words.text import Text, chain, join

LOG = logging.getLogger("seedream_magic")
"""What an export has to say beside its file goes here: Python prints it where nobody has set up logging."""
SHEETS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}
ENDINGS = (".html", ".pdf", ".zip", ".gif", *SHEETS)
_SAFE_ENDING = re.compile(r"\.[a-z0-9]{1,5}")

_ENDS = 2**16
"""Bytes at the beginning and the end of a file where an export names its tool."""
_WRITTEN_BY = re.compile(
    rb'(<meta name="generator" content="|/Creator \(|"tool": "|CreatorTool>|\nTool: )seedream-magic \d'
)
"""In a page, a PDF, an archive, a JPEG or PNG, a GIF."""
_MOST_NAMED = 10
"""Frames, or cells, without a picture that are named."""


def export(
    cards: CardSet,
    path: str | os.PathLike[str],
    options: ExportOptions,
    *,
    request: Mapping[str, Any] | None = None,
    untouched: Iterable[Path] = (),
) -> Path:
    """Write the set to one file, which appears whole or not at all; return its absolute path.

    `.html` is a page with the carousel and the originals inside, `.pdf` a document of them, `.zip` the originals with
    captions and `request`, the facts of what was asked for, `.gif` the pictures in order, `.jpg` and `.png` a contact
    sheet. Originals are only read, and nothing is written into the folders `untouched`. A folder that does not exist is
    made. A picture whose file is gone or damaged becomes a log warning of "seedream_magic"; the others are exported.

    Raises `InvalidRequest` for another ending, a set without a picture, a `.gif` of fewer than two, a page of more than
    150 MB, `ConfigError` where the file cannot be written.
    """
    originals = [card.picture for card in cards.pictures if card.picture]
    target = checked_target(path, texts.A_SET, ENDINGS, originals, untouched)
    ending = target.suffix.lower()
    options.check(ending)
    found = _as_asked(without_lost(cards), options)
    if not found.pictures:
        failures = [card.failure for card in found.cards if card.failure]
        reason = failures[0].message if cards.pictures and failures else ""
        raise InvalidRequest(join(texts.NO_PICTURE(what=texts.A_SET()), reason))
    with whole_file(target) as part:
        if ending == ".html":
            written = write_page(found, part, options)
        elif ending == ".pdf":
            written = write_pdf(found, part, options)
        elif ending == ".zip":
            written = write_archive(found, part, request or {})
        elif ending == ".gif":
            written = write_animation(found, part, seconds=options.seconds, size=options.size)
        else:
            written = write_sheet(found, part, kind=SHEETS[ending], size=options.size)
    _warn(cards, written, target)
    if lacks := frames_left_out(cards):
        LOG.warning("%s", texts.IN_FILE(file=target.name, what=lacks))
    return target


def frames_left_out(cards: CardSet) -> str:
    """How many of its frames a set has, and which not: "3 of 4 frames; no picture of frame 3"; "" of a whole one."""
    total, here = max(len(cards.places), cards.expected or 0), {card.index for card in cards.pictures}
    numbers = [index + 1 for index in range(total) if index not in here]
    if not numbers:
        return ""
    named = chain(ITEMS, [*map(str, numbers[:_MOST_NAMED]), *["…"] * (len(numbers) > _MOST_NAMED)])
    return texts.LACKS_FRAMES(here=total - len(numbers), total=total, numbers=named)


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """Another file beside the target, which takes its name at the end; what breaks off leaves nothing.

    Raises `ConfigError` where it cannot be written.
    """
    part = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(target)
    except OSError as exc:
        raise ConfigError(NOT_WRITTEN(path=target, why=reason_of(exc))) from exc
    finally:
        with contextlib.suppress(OSError):  # it was put in place, or its folder could not be made
            part.unlink()


def checked_target(
    path: str | os.PathLike[str],
    what: Text,
    endings: Sequence[str],
    originals: Sequence[Path],
    untouched: Iterable[Path],
) -> Path:
    """The file meant, in a folder that is there; no original, and nothing beside one."""
    try:
        target = Path(path).expanduser().absolute()
        folder, place = target.is_dir(), target.resolve()
        inside = place in [one.resolve() for one in originals] or any(
            place.is_relative_to(one.resolve()) for one in untouched
        )
    except (TypeError, ValueError, RuntimeError, OSError) as exc:  # no path; a NUL; no such user; a name too long
        raise InvalidRequest(texts.NO_FILE_NAME(path=repr(str(path)[:200]), why=reason_of(exc))) from exc
    if target.suffix.lower() not in endings:
        near = difflib.get_close_matches(target.suffix.lower(), endings, n=1)
        meant = texts.DID_YOU_MEAN(meant=near[0]) if near else ""
        known = {"what": what(), "endings": chain(ITEMS, endings)}
        if not target.suffix:
            raise InvalidRequest(texts.NO_ENDING(**known))
        raise InvalidRequest(join(texts.EXPORTED_AS(**known, given=target.suffix[:40]), meant))
    if inside:
        raise InvalidRequest(texts.IN_RUN_FOLDER(path=target))
    if folder:
        raise InvalidRequest(texts.IS_FOLDER(path=target))
    if target.exists() and not _is_export(target):
        raise InvalidRequest(texts.IS_ANOTHERS(path=target.name, free=_free_name(target)))
    return target


def _as_asked(cards: CardSet, options: ExportOptions) -> CardSet:
    """The set with the title that was given, and without captions where none are wanted."""
    shown = (
        cards if options.captions else replace(cards, cards=tuple(replace(card, caption="") for card in cards.cards))
    )
    return replace(shown, title=options.title) if options.title else shown


def without_lost(cards: CardSet) -> CardSet:
    """The set, with a failure in the place of each picture whose file is gone or cannot be opened."""
    checked = []
    for card in cards.cards:
        error = None
        if card.picture is not None:
            try:
                card.picture.open("rb").close()
            except OSError as exc:
                gone, name = isinstance(exc, FileNotFoundError), card.picture.name
                error = ImageInvalid(
                    texts.FILE_GONE(file=name) if gone else texts.NOT_OPENED(file=name, why=reason_of(exc))
                )
        checked.append(card.without_picture(error, cards.words) if error else card)
    return replace(cards, cards=tuple(checked))


def _warn(cards: CardSet, written: CardSet, target: Path) -> None:
    """Say what is not in the file although the set has it."""
    for before, after in zip(cards.cards, written.cards, strict=True):
        if before.picture and after.failure:
            left_out = texts.WITHOUT_FRAME(file=target.name, number=before.index + 1, why=after.failure.message)
            LOG.warning("%s", left_out)
    if target.suffix.lower() in {".pdf", *SHEETS} and cards.language == "zh" and not find_lettering().chinese:
        LOG.warning("%s", texts.WITHOUT_CHINESE(file=target.name))


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
                written.append(card.without_picture(error, cards.words))
                continue
            written.append(card)
            if card.picture:
                archive.writestr(dated_entry(entry_name(card), provenance.created), data)
                hashes[card.index] = hashlib.sha256(data).hexdigest()
        cards = replace(cards, cards=tuple(written))
        captions = [caption_facts(card, hashes.get(card.index)) for card in cards.cards]
        texts = {
            "captions.json": json_text({**about(provenance), "run_id": cards.id, "frames": captions}),
            "captions.txt": _captions_text(cards, captions),
            "request.json": json_text({**about(provenance), **request}),
        }
        for name, text in texts.items():
            archive.writestr(dated_entry(name, provenance.created), text.encode())
        archive.comment = provenance.line(ENGLISH).encode()[:1000]  # a ZIP tells of no encoding
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


def about(provenance: Provenance) -> dict[str, Any]:
    return {
        "generated_by_ai": True,
        "digital_source_type": DIGITAL_SOURCE_TYPE,
        "prompt": provenance.prompt,
        "model": provenance.model,
        "created": provenance.created.isoformat() if provenance.created else None,
        "tool": TOOL,
    }


def caption_facts(card: Card, sha256: str | None) -> dict[str, Any]:
    """A card for `captions.json`; `index` counts from 0."""
    failure = card.failure
    return {
        "index": card.index,
        "file": entry_name(card) or None,
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


def json_text(value: Mapping[str, Any]) -> str:
    """Readable UTF-8; a lone surrogate, which has no place in it, is written as its escape."""
    text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
    return re.sub("[\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"


def _is_export(file: Path) -> bool:
    """Whether an export may take a file's place: it is empty, or an export itself, which its run can give again.

    Each kind names the tool that wrote it near its beginning or its end, in a place for just that: a person's page
    may tell of this package.
    """
    try:
        if not file.is_file():  # a pipe, which would be waited for
            return False
        with file.open("rb") as opened:
            ends = opened.read(_ENDS)
            if (size := file.stat().st_size) > _ENDS:
                opened.seek(max(_ENDS, size - _ENDS))
                ends += opened.read()
    except OSError:
        return False
    return not ends or _WRITTEN_BY.search(ends) is not None


def _free_name(file: Path) -> str:
    """A name beside this one that no file has."""
    names = (f"{file.stem}-{number}{file.suffix}" for number in count(2))
    return next(name for name in names if not file.with_name(name).exists())
