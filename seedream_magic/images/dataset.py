"""Sets as a dataset: the pictures in folders, each beside its words, as training programs and `datasets` read them.

"imagefolder" is the layout of Hugging Face (https://huggingface.co/docs/datasets/image_dataset): in the folder of each
split a `metadata.jsonl` whose lines name a `file_name` and its `text`. "captions" is what kohya's scripts read: beside
each picture a file of the same name with its words in one line. Both have a `manifest.csv` for people and tables.
"""

from __future__ import annotations

import csv
import hashlib
import json
import logging
import math
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from seedream_magic.api.prices import price_of
from seedream_magic.api.providers import PROVIDERS
from seedream_magic.errors import ConfigError, InvalidRequest, reason_of, sends_nothing
from seedream_magic.images.image_set import Frame
from seedream_magic.images.index import HistoryEntry
from seedream_magic.images.record import Record, is_run, read_record, request_of
from seedream_magic.images.stored_runs import load_whole, records
from seedream_magic.names import takes_keywords
from seedream_magic.view.pictures import progress
from seedream_magic.words import export as texts
from seedream_magic.words.clip import one_line
from seedream_magic.words.lists import OR, enumeration
from seedream_magic.words.text import chain

LOG = logging.getLogger("seedream_magic")
FORMATS = ("imagefolder", "captions")
MANIFEST = "manifest.csv"
COLUMNS = (
    "file", "text", "model", "provider", "width", "height", "options", "sha256", "run_id", "frame", "price",
)  # fmt: skip
_LONGEST_CAPTION = 10_000
_ROUNDING = 0.011
"""Of shares such as 0.33, three of which are not quite 1."""
_SPLIT_NAME = re.compile(r"\w[\w.-]{0,59}")
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,16}")
_OPTIONS = ("size", "sequential_image_generation", "sequential_image_generation_options", "watermark", "seed")


@dataclass(frozen=True)
class Example:
    """A picture of a dataset and its words; `record` is that of the run which made it, None where it is gone."""

    frame: Frame
    picture: Path
    text: str
    record: Record | None


@sends_nothing()
@takes_keywords()
def export_dataset(
    sets: object,
    folder: str | os.PathLike[str],
    *,
    format: str = "imagefolder",  # noqa: A002 - the contract's name
    split: str | Mapping[str, float] = "train",
    captions: str | None = None,
    link: bool = False,
    picks: bool | None = None,
) -> Path:
    """Write the pictures of these sets and their words into a folder, and give its absolute path.

    `sets` is a set, a frame, a sweep, a row of `history()`, the folder of a run or of a store, a picture's path, or any
    iterable of such: a list, what `map` yields, a data frame of the history or of a sweep. `split` is the name of the
    one split, or the share of each (`{"train": 0.9, "test": 0.1}`), together 1: all pictures of the same words
    are in the same one.
    `captions` is the ending of caption files (".txt" or ".caption"): "captions" has ".txt" without
    being told, "imagefolder" none. `link` makes symbolic links to the originals in place of copies.

    Where any of them has a star only those with one are written, and never one that was rejected; `picks` asks for the
    starred ones in any case, or with False for all.

    A picture that is there several times with the same words is written once; frames without a picture are left out,
    with a warning in the log. The folder appears whole or not at all; an earlier export there is replaced.
    Raises `InvalidRequest` for sets without a picture, another format or split, and a folder that holds anything else;
    `ConfigError` where it cannot be written.
    """
    if format not in FORMATS:
        raise InvalidRequest(texts.FORMAT(values=chain(OR, FORMATS), value=repr(str(format)[:40])))
    ending = ".txt" if captions is None and format == "captions" else captions
    if ending is not None and not _ENDING.fullmatch(ending):
        raise InvalidRequest(texts.CAPTIONS(value=repr(str(ending)[:40])))
    shares = _shares(split)
    target = Path(os.path.abspath(os.path.expanduser(folder)))  # noqa: PTH100, PTH111 - links in it are the person's own
    try:
        _refuse_other_files(target)
        examples = _examples(sets, picks)
        part = target.with_name(f".{target.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        try:
            _write(part, examples, shares, lines=format == "imagefolder", ending=ending, link=link)
            _put_in_place(part, target)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as exc:
        raise ConfigError(texts.DATASET_NOT_WRITTEN(folder=target, why=reason_of(exc))) from exc
    return target


def _shares(split: str | Mapping[str, float]) -> dict[str, float]:
    """The share of each split, all together 1."""
    given: object = split  # what people write there
    named: dict[str, float] = {split: 1.0} if isinstance(split, str) else {}
    if isinstance(given, Mapping):
        named = dict(given)
    values: Iterable[object] = named.values()
    numbers = [share for share in values if isinstance(share, int | float) and 0 < share < math.inf]
    if not named or len(numbers) < len(named) or not all(_SPLIT_NAME.fullmatch(str(name)) for name in named):
        shares = '{"train": 0.9, "test": 0.1}'
        raise InvalidRequest(texts.SPLIT(example=shares, value=repr(str(split)[:60])))
    folded: dict[str, str] = {}
    for name in map(str, named):
        if other := folded.get(name.casefold()):
            raise InvalidRequest(texts.SPLIT_TWICE(first=repr(other), then=repr(name)))
        folded[name.casefold()] = name
    if abs(sum(numbers) - 1) > _ROUNDING:
        raise InvalidRequest(texts.SHARES_IN_ALL(sum=sum(numbers)))
    return {name: share / sum(numbers) for name, share in named.items()}


def _refuse_other_files(target: Path) -> None:
    """Raise for a folder that holds anything but an earlier export."""
    if not target.exists():
        return
    if target.is_dir() and (not any(target.iterdir()) or _is_export(target / MANIFEST)):
        return
    raise InvalidRequest(texts.OTHER_FILES(folder=target))


def _is_export(manifest: Path) -> bool:
    if not manifest.is_file():
        return False
    with manifest.open(encoding="utf-8", newline="") as file:
        return next(csv.reader(file), []) == list(COLUMNS)


def _picked(sets: object, picks: bool | None) -> list[Frame]:  # noqa: FBT001 - the caller's own word
    """The frames that are wanted, by their marks."""
    frames = list(_frames(sets))
    if picks is False:
        return frames
    if picks or any(frame.starred for frame in frames):
        return [frame for frame in frames if frame.starred]
    return [frame for frame in frames if not frame.rejected]


def _examples(sets: object, picks: bool | None) -> list[Example]:  # noqa: FBT001 - as above
    """The pictures of these sets, each once."""
    found: dict[tuple[str, str], Example] = {}
    records: dict[Path, Record | None] = {}
    lost = 0
    for frame in _picked(sets, picks):
        if frame.path is None or not frame.path.is_file():
            lost += 1
            continue
        folder = frame.path.parent
        record = records[folder] = records[folder] if folder in records else read_record(folder)
        board = record.storyboard if record else None
        text = f"{board.style}\n\n{frame.prompt}" if board and board.style.strip() else frame.prompt
        found.setdefault((frame.sha256 or str(frame.path), text), Example(frame, frame.path, text, record))
    if not found:
        raise InvalidRequest(texts.NONE_TO_EXPORT())
    if lost:
        LOG.warning("%s", texts.WITHOUT_PICTURE(count=lost))
    return list(found.values())


def _frames(value: object) -> Iterator[Frame]:
    if isinstance(value, Frame):
        yield value
    elif isinstance(value, HistoryEntry):
        yield from _frames_of_run(value.folder)
    elif isinstance(value, str | os.PathLike):
        yield from _frames_at(Path(os.path.abspath(os.path.expanduser(os.fspath(value)))))  # noqa: PTH100, PTH111 - as above
    elif isinstance(value, Mapping):
        yield from _frames_of_row(value)
    elif hasattr(value, "to_dicts"):  # a data frame of polars
        yield from _frames(value.to_dicts())
    elif hasattr(value, "columns") and hasattr(value, "to_dict"):  # of pandas
        yield from _frames(value.to_dict("records"))
    elif isinstance(value, Iterable) and not isinstance(value, bytes):
        for each in value:
            yield from _frames(each)
    else:
        raise InvalidRequest(texts.MADE_OF(sources=texts.SOURCES(), kind=type(value).__name__))


def _frames_of_row(row: Mapping[Any, Any]) -> Iterator[Frame]:
    """The frames of a row of a table: of `history()` by its folder, of a sweep's `frame` by its paths."""
    folder, paths = row.get("folder"), row.get("paths")
    if isinstance(folder, str | os.PathLike):
        yield from _frames_of_run(Path(folder))
    elif isinstance(paths, list | tuple):
        yield from _frames(paths)
    else:
        columns = enumeration(map(str, row))[:200]
        raise InvalidRequest(texts.ROW_WITHOUT_RUN(columns=columns, sources=texts.SOURCES()))


def _frames_at(path: Path) -> Iterator[Frame]:
    """The frames of a run's folder, of all runs of a store, or the one whose picture it is."""
    if is_run(path):
        yield from _frames_of_run(path)
    elif any(True for _ in records(path)):
        for record in records(path):
            yield from load_whole(record)
    elif found := [frame for frame in _frames_of_run(path.parent) if frame.path == path]:
        yield from found
    else:
        raise InvalidRequest(texts.NO_RUN_THERE(path=path, sources=texts.SOURCES()))


def _frames_of_run(folder: Path) -> Iterator[Frame]:
    record = read_record(folder)
    yield from load_whole(record) if record else ()


def _write(
    folder: Path, examples: list[Example], shares: Mapping[str, float], *, lines: bool, ending: str | None, link: bool
) -> None:
    """Write pictures, captions and tables into a folder that is empty."""
    splits = _splits(examples, shares)
    digits = max(4, len(str(len(examples))))
    for name in shares:
        (folder / name).mkdir()
    tables = (
        {name: (folder / name / "metadata.jsonl").open("w", encoding="utf-8", errors="replace") for name in shares}
        if lines
        else {}
    )
    damaged = 0
    try:
        with (folder / MANIFEST).open("w", encoding="utf-8", errors="replace", newline="") as file:
            manifest = csv.writer(file)
            manifest.writerow(COLUMNS)
            for number, example in enumerate(progress(examples, texts.WRITING()), 1):
                split = splits[example.text]
                picture = folder / split / f"{number:0{digits}}{example.picture.suffix.lower()}"
                digest = _place(example.picture, picture, link=link)
                if example.frame.sha256 not in {None, digest}:
                    picture.unlink()
                    damaged += 1
                    continue
                if ending:
                    words = one_line(example.text, _LONGEST_CAPTION)
                    picture.with_suffix(ending).write_text(words, encoding="utf-8", errors="replace")
                facts = {"file": f"{split}/{picture.name}", "sha256": digest, **_facts(example)}
                manifest.writerow([facts[column] for column in COLUMNS])
                if lines:
                    tables[split].write(json.dumps({"file_name": picture.name, **facts}, ensure_ascii=False) + "\n")
    finally:
        for table in tables.values():
            table.close()
    if damaged:
        LOG.warning("%s", texts.CHANGED(count=damaged))


def _splits(examples: list[Example], shares: Mapping[str, float]) -> dict[str, str]:
    """The split of each text: in an order that depends on the texts alone, cut by the shares."""

    def digest(text: str) -> bytes:
        return hashlib.sha256(text.encode(errors="replace")).digest()

    distinct = sorted({example.text for example in examples}, key=digest)
    ends = [round(share * len(distinct)) for share in accumulate(shares.values())]
    begins = [0, *ends[:-1]]
    return {text: name for name, begin, end in zip(shares, begins, ends, strict=True) for text in distinct[begin:end]}


def _place(original: Path, picture: Path, *, link: bool) -> str:
    """Copy a picture, or link to it; the SHA-256 of what is there."""
    if link:
        picture.symlink_to(original.absolute())
    else:
        shutil.copyfile(original, picture)
    with picture.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _facts(example: Example) -> dict[str, Any]:
    """What the tables say of a picture beside its file; empty where its record is gone."""
    frame, record = example.frame, example.record
    known = request_of(record) if record else None
    body = {name: value for name, value in known.body.items() if name in _OPTIONS} if known else {}
    provider = PROVIDERS.get(record.provider) if record else None
    price = None
    if record and known and provider:
        price = price_of(known, provider, {}, base_url=record.base_url, images=1)
    return {
        "text": example.text,
        "model": known.model if known else "",
        "provider": record.provider if record else "",
        "width": frame.width,
        "height": frame.height,
        "options": json.dumps(body, ensure_ascii=False),
        "run_id": example.picture.parent.name,
        "frame": frame.index,
        "price": f"{price.currency}{price.amount}" if price else "",
    }


def _put_in_place(part: Path, target: Path) -> None:
    """Let the finished folder take the place of an earlier export."""
    before = target.with_name(f".{target.name}.before")
    shutil.rmtree(before, ignore_errors=True)
    if target.exists():
        target.rename(before)
    try:
        part.rename(target)
    except OSError:
        if before.exists():
            before.rename(target)
        raise
    shutil.rmtree(before, ignore_errors=True)
