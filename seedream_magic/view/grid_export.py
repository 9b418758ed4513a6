"""A sweep as one file for other people, with its labels: a page, a document, a contact sheet, or the originals."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from seedream_magic.errors import ImageInvalid, InvalidRequest
from seedream_magic.view.archive import about_pictures, caption_facts, comment_of, dated_entry, entry_name, json_text
from seedream_magic.view.cards import Card, Grid, GridCell
from seedream_magic.view.export import LOG, SHEETS, checked_target, whole_file, without_facts, without_lost
from seedream_magic.view.export_options import ExportOptions
from seedream_magic.view.grid import grid_html
from seedream_magic.view.grid_cells import captions_of, label_of, prompt_text, title_text
from seedream_magic.view.grid_sheet import provenance_of_grid, write_grid_sheet
from seedream_magic.view.page import MAXIMUM_BYTES, Texts, data_uri, for_others, write_document
from seedream_magic.view.pdf import write_pdf
from seedream_magic.view.pictures import original, progress
from seedream_magic.words import export as export_texts
from seedream_magic.words import grid as texts
from seedream_magic.words.clip import one_line
from seedream_magic.words.lists import SEMICOLON
from seedream_magic.words.text import chain

ENDINGS = (".html", ".pdf", ".zip", *SHEETS)
PREVIEWS_BYTES, ONE_PREVIEW_BYTES = 30_000_000, 150_000
"""Of a page, which may be larger than what a notebook keeps."""
_MOST_NAMED = 5
_FRAMES = 100
"""Between the numbers of the first frames of two cells, in the links that stand for the originals."""
_UNSAFE = re.compile(r"[^\w .,+()=-]+")


def export_grid(
    grid: Grid, path: str | os.PathLike[str], options: ExportOptions, *, untouched: Iterable[Path] = ()
) -> Path:
    """Write the sweep to one file, which appears whole or not at all; return its absolute path.

    `.html` is a page with the grid, and with the originals inside while they are 150 MB at most; `.pdf` a document with
    the prompt on its cover and a page for each original, its labels below it; `.jpg` and `.png` are
    contact sheets with the labels of rows, columns and pages, `size` pixels wide (64-4096, 1600 without one); `.zip`
    has a folder of originals for each cell, named by its labels, and `captions.json`. Nothing is written into the
    folders `untouched`. A picture whose file is gone or damaged becomes a log warning of "seedream_magic".

    Raises `InvalidRequest` for another ending and a sweep without a picture, `ConfigError` where the file cannot be
    written.
    """
    originals = [card.picture for cell in grid.cells if cell.cards for card in cell.cards.pictures if card.picture]
    target = checked_target(path, export_texts.A_SWEEP, ENDINGS, originals, untouched)
    ending = target.suffix.lower()
    options.check(ending)
    cells = [replace(cell, cards=without_lost(cell.cards)) if cell.cards else cell for cell in grid.cells]
    found = replace(grid, cells=tuple(cells))
    if not any(cell.cards and cell.cards.pictures for cell in cells):
        raise InvalidRequest(export_texts.NO_PICTURE(what=export_texts.A_SWEEP()))
    found = found if options.facts else replace(found, cells=tuple(map(_without_facts, cells)), ledger=())
    with whole_file(target) as part:
        if ending == ".html":
            _write_page(found, part, target.name, options)
        elif ending == ".pdf":
            _write_document(found, part, target.name, options)
        elif ending == ".zip":
            _write_archive(found, part, target.name, options)
        else:
            lost = write_grid_sheet(found, part, options, kind=SHEETS[ending])
            for label, card, error in lost:
                _warn(target.name, label, card, error)
    for before, after in zip(grid.cells, cells, strict=True):
        for was, card in (
            zip(before.cards.cards, after.cards.cards, strict=True) if before.cards and after.cards else ()
        ):
            if was.picture and card.failure:
                _warn(target.name, label_of(after, grid.words), card, card.failure.message)
    if lacks := _left_out(grid):
        LOG.warning("%s", export_texts.IN_FILE(file=target.name, what=lacks))
    return target


def _without_facts(cell: GridCell) -> GridCell:
    """A cell as a client sees it: its pictures, or a hole."""
    if cell.cards is None or not cell.cards.pictures:
        return replace(cell, cards=None, state="hole", message="", retry="")
    return replace(cell, cards=without_facts(cell.cards), state="done", message="", retry="")


def _left_out(grid: Grid) -> str:
    """How many of its pictures a sweep has, and which of its cells lack some; "" of a whole one."""
    here = sum(len(cell.cards.pictures) for cell in grid.runs if cell.cards)
    whole = [cell.cards.progress[1] if cell.cards else grid.places for cell in grid.runs]
    lacking = [
        label_of(cell, grid.words)
        for cell, total in zip(grid.runs, whole, strict=True)
        if not cell.cards or len(cell.cards.pictures) < total
    ]
    if not lacking:
        return ""
    named = chain(SEMICOLON, [*lacking[:_MOST_NAMED], *["…"] * (len(lacking) > _MOST_NAMED)])
    return export_texts.LACKS_CELLS(here=here, total=sum(whole), cells=named)


def _warn(name: str, label: str, card: Card, reason: object) -> None:
    """Say what is not in the file although the sweep has it."""
    LOG.warning("%s", texts.WITHOUT_FRAME(file=name, number=card.index + 1, cell=label, why=str(reason)))


def _write_page(grid: Grid, path: Path, name: str, options: ExportOptions) -> None:
    """The grid with larger previews than a notebook has, and with the originals where they are not too many."""
    pictures = [card.picture for cell in grid.cells if cell.cards for card in cell.cards.pictures if card.picture]
    whole = sum(picture.stat().st_size for picture in pictures) <= MAXIMUM_BYTES
    if not whole:
        LOG.warning("%s", texts.PREVIEWS_ONLY(file=name))
    originals: dict[int, str] = {}
    cells = []
    for at, cell in enumerate(progress(grid.cells, "html")):
        cards = for_others(cell.cards, at * _FRAMES, facts=options.facts) if cell.cards else None
        for card in cards.pictures if cards and whole else ():
            try:
                originals |= {at * _FRAMES + card.index: data_uri(original(card.picture))} if card.picture else {}
            except ImageInvalid as error:
                _warn(name, label_of(cell, grid.words), card, error)
        if cards:
            kept = [
                card if at * _FRAMES + card.index in originals else replace(card, link=None) for card in cards.cards
            ]
            cards = replace(cards, cards=tuple(kept))
        cells.append(replace(cell, cards=cards, retry="", message=cell.message.partition("\n")[0]))
    shown = replace(grid, title="", ledger=(), cells=tuple(cells))
    budget = min(ONE_PREVIEW_BYTES, PREVIEWS_BYTES // len(pictures))
    html = grid_html(shown, budget, most=len(cells) * grid.places, cells=len(cells))
    write_document(
        html,
        originals,
        Texts(one_line(prompt_text(grid), 90), grid.title, grid.words, below=options.facts, facts=options.facts),
        provenance_of_grid(grid),
        path,
    )


def _write_document(grid: Grid, path: Path, name: str, options: ExportOptions) -> None:
    """All pictures as those of one set, each with the labels of its cell in place of its words."""
    found = [(at, cell, card) for at, cell in enumerate(grid.cells) if cell.cards for card in cell.cards.pictures]
    pictures = [(cell, card) for _, cell, card in found]
    cards = tuple(
        replace(card, index=index, caption=captions_of(grid, at, grid.words))
        for index, (at, _, card) in enumerate(found)
    )
    provenance, like = provenance_of_grid(grid), next(cell.cards for cell, _ in pictures if cell.cards)
    one_set = replace(
        like, title=grid.title, prompt=grid.title, model=provenance.model, created=provenance.created, cards=cards
    )
    written = write_pdf(one_set, path, replace(options, title=one_line(title_text(grid, grid.words), 300) or None))
    for (cell, card), after in zip(pictures, written.cards, strict=True):
        if after.failure:
            _warn(name, label_of(cell, grid.words), card, after.failure.message)


def _write_archive(grid: Grid, path: Path, name: str, options: ExportOptions) -> None:
    """The originals in a folder for each cell, and what is known of each."""
    provenance = provenance_of_grid(grid)
    told = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:  # pictures are compressed already
        for at, cell in enumerate(progress(grid.cells, "zip")):
            folder = f"{at + 1:03d} {_UNSAFE.sub('_', label_of(cell, grid.words))[:80]}".rstrip(" .")
            captions = []
            for card in cell.cards.cards if cell.cards else ():
                facts = caption_facts(card, card.digest, facts=options.facts)
                if card.picture:
                    try:
                        data = original(card.picture)
                    except ImageInvalid as error:
                        _warn(name, label_of(cell, grid.words), card, error)
                        continue
                    facts["file"] = f"{folder}/{entry_name(card)}"
                    archive.writestr(dated_entry(facts["file"], provenance.created), data)
                captions.append(facts)
            labels = {axis: label for (axis, _), label in zip(grid.axes, cell.labels, strict=False)}
            if options.facts or captions:
                told.append({"labels": labels, "frames": captions, **({"state": cell.state} if options.facts else {})})
        about = about_pictures(provenance, options, one_line(title_text(grid, grid.words), 300))
        archive.writestr(dated_entry("captions.json", provenance.created), json_text({**about, "cells": told}).encode())
        archive.comment = comment_of(provenance, options)
