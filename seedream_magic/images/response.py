"""The answers of a run as its folder keeps them: their bytes, and a line for each thing that was read of them.

`response.raw` (`response.2.raw` ... for further answers of the same run) has the bytes as they came, on disk before
anything is made of them. They go when all that they name is saved; what a kill, a full disk or a shape that this
version cannot read leaves behind is read again by `%seedream recover`, also by a later version.

`response.jsonl` has one JSON object a line: the head of an answer (`head_line`), each object of it (`object_line`), a
part of it that is not JSON ({"unreadable": why}), and the file that has not all of its bytes ({"torn": name}).

The key stands in neither but where a link needs it, and pictures in base64 are in the bytes alone.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import chain, count
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from seedream_magic.api.decoder import AnswerDecoder, Answered
from seedream_magic.api.documents import texts_in
from seedream_magic.api.encoding import Inflater
from seedream_magic.api.events import Event, Picture, Reader
from seedream_magic.api.models import LARGEST_BASE64_CHARACTERS, MAXIMUM_FRAMES
from seedream_magic.api.redaction import (
    LINK_IN_TEXT,
    is_link,
    wide_without_secret,
    without_secret,
    without_secret_beside_links,
)
from seedream_magic.api.shapes import is_picture_text
from seedream_magic.errors import reason_of
from seedream_magic.images.aside import find_rescued, owns_aside, put_elsewhere, remove_aside
from seedream_magic.images.durable import (
    open_regular,
    patiently,
    read_folder,
    sync,
    sync_folder,
    write_all,
    write_durably,
)
from seedream_magic.images.json_files import DEEPEST, cut_json, json_text, parse, record_bytes, regular_bytes
from seedream_magic.words import store as texts

RESPONSE_FILE = "response.jsonl"
_RAW = re.compile(r"response.*\.raw")
_PIECE = 2**20
_MOST_MASKED = 128 * 2**20
"""Bytes of a kept answer that are looked through for the key."""
_MOST_LINES = 64 * 2**20
"""Bytes of `response.jsonl`: it has no picture, and a few kilobytes for each."""
_MOST_IN_VAIN = LARGEST_BASE64_CHARACTERS + 16 * 2**20
"""Bytes of a kept answer with no object in them, after which it is not read on; one JSON document may have more."""
_LONGEST_WORDS = 2048
_LEFT_OUT = re.compile(r"\(\d+ characters of base64(, .{1,30})?\)")
"""What stands for a picture in base64. 0.1.0 wrote its length alone, by which two may be taken for one."""


class RawBody:
    """One body on its way to disk.

    `size` counts the bytes that are there. A disk that refuses costs nothing but this file: `fault` is what it said.
    """

    def __init__(self, folder: Path) -> None:
        number = len(raw_files(folder)) + 1
        self.path = folder / ("response.raw" if number == 1 else f"response.{number}.raw")
        self.size = 0
        self.fault = ""
        self._descriptor: int | None = None

    def write(self, data: bytes) -> None:
        """Append bytes; from here on a kill of this process does not lose them."""
        if self.fault:
            return
        try:
            if self._descriptor is None:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
                self._descriptor = os.open(self.path, flags, 0o600)
            write_all(self._descriptor, data)
            self.size += len(data)
        except OSError as exc:
            self.fault = reason_of(exc)

    def sync(self) -> None:
        """Make it outlast a loss of power as well; slow for a large body."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.fsync(self._descriptor)
                sync_folder(self.path.parent)

    def close(self) -> None:
        """No more comes."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def raw_files(folder: Path) -> list[Path]:
    """The kept bodies of a run, in the order in which they came."""

    def bodies(entries: Iterable[os.DirEntry[str]]) -> list[str]:
        return [entry.name for entry in entries if _RAW.fullmatch(entry.name) and entry.is_file(follow_symlinks=False)]

    try:
        names = read_folder(folder, bodies)
    except OSError:
        return []
    return [folder / name for name in sorted(names, key=lambda name: (len(name), name))]


def mask_raw(path: Path, secret: str) -> None:
    """Take the key out of a kept body, which some services repeat; in links it stays, or they would lead nowhere."""
    with contextlib.suppress(OSError):
        if not secret or path.stat().st_size > _MOST_MASKED:
            return
        inflater, plain = Inflater(_codings_of(path), maximum=_MOST_MASKED), bytearray()
        for piece in chain(inflater.feed(regular_bytes(path, _MOST_MASKED)), inflater.close()):
            plain += piece  # and not a join of the pieces: what was packed to be a bomb would be held twice
            if len(plain) > _MOST_MASKED - _PIECE:  # what it holds beyond that is not unpacked
                return
        text = plain.decode("utf-8", "surrogateescape")
        masked = without_secret_beside_links(text, secret).encode("utf-8", "surrogateescape")
        masked = wide_without_secret(masked, secret)
        if masked != plain:  # of one that was packed the plain bytes stay, which are read whatever its head says
            write_durably(path, masked, mode=0o600)


def _codings_of(path: Path) -> str:
    """What the head of the answer whose bytes these are says of how they are packed."""
    heads = [entry for entry in _lines(path.parent) if entry.get("raw") == path.name and "codings" in entry]
    return str(heads[-1]["codings"]) if heads else ""


def head_line(raw: RawBody, *, status: int, codings: str, **more: Any) -> dict[str, Any]:
    """The line of an answer's head.

    `more` are its "headers" and the "location" of a task; of a task's answer "task", its id, and "under_way" for one
    that does not end the task.
    """
    return {"raw": raw.path.name, "status": status, "codings": codings, **more}


def _begin(reader: Reader, head: Mapping[str, Any]) -> None:
    """Let the reader begin with an answer of this head."""
    reader.begin(location=str(head.get("location") or ""), task_id=str(head.get("task") or ""))


def object_line(piece: Answered) -> dict[str, Any]:
    """The line of an object of an answer, as the service sent it."""
    marks = {"event": piece.event, "cut": piece.cut}
    return {"object": piece.fields, **{name: value for name, value in marks.items() if value}}


def _answered(line: Mapping[str, Any], numbers: Iterator[int]) -> Answered | None:
    """The object of such a line, None for another one; what stands for base64 in it is numbered by `_number_apart`."""
    value = line.get("object")
    if not isinstance(value, dict):
        return None
    value = map_texts(value, lambda _, text: _number_apart(text, numbers))
    return Answered(value, str(line.get("event") or ""), cut=bool(line.get("cut")))


def append_line(folder: Path, entry: Mapping[str, Any], secret: str) -> None:
    """Append a line to `response.jsonl`; durable on return.

    Where the folder does not take it, it is put aside, and so are all that follow: links are paid for as pictures are.
    Raises OSError where no disk takes it.
    """
    entry = cut_json(entry, levels=DEEPEST)  # no picture is named below that, and a deeper line could not be read
    line = (json_text(mask_beside_links(without_base64(entry), secret)) + "\n").encode()
    refusal = OSError(errno.ENOSPC, texts.NO_DISK_TAKES_IT())
    if not find_rescued(folder.name, [RESPONSE_FILE]):  # the order of lines says which object is of which answer
        try:
            if patiently(lambda: _append_once(folder / RESPONSE_FILE, line)) == 0:
                sync_folder(folder)
        except OSError as exc:
            refusal = exc
        else:
            return
    if put_elsewhere(folder.name, RESPONSE_FILE, lambda path: _append_once(path, line), of=folder) is None:
        raise refusal


def bring_lines_back(folder: Path) -> None:
    """Add the lines that were put aside to the run's own. Raises OSError where its folder does not take them."""
    if not owns_aside(folder):
        return
    while aside := find_rescued(folder.name, [RESPONSE_FILE]):
        own = folder / RESPONSE_FILE
        before = regular_bytes(own, _MOST_LINES) if os.path.lexists(own) else b""
        write_durably(own, before + regular_bytes(aside, _MOST_LINES), mode=0o600)
        aside.unlink()
        remove_aside(aside.parent)


def _append_once(path: Path, line: bytes) -> int:
    """Append it; gives the size that the file had."""
    descriptor = open_regular(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        begin = os.fstat(descriptor).st_size
        try:
            write_all(descriptor, line)
            sync(descriptor)
        except OSError:
            os.ftruncate(descriptor, begin)  # half a line would spoil the next one
            raise
    finally:
        os.close(descriptor)
    return begin


def drop_signatures(folder: Path, secret: str, *, of: Collection[str] | None = None) -> None:
    """Cut the signed part off all links in `response.jsonl`, or `of` some: once saved it is only a risk.

    Raises OSError where that cannot be written, ValueError for a line that a full disk has cut, or that no run wrote.
    """
    if owns_aside(folder) and (aside := find_rescued(folder.name, [RESPONSE_FILE])):
        _drop_signatures(aside, secret, of)
    _drop_signatures(folder / RESPONSE_FILE, secret, of)


def drop_signatures_aside(folder: Path, secret: str, *, of: Collection[str] | None) -> None:
    """The same of what was put aside, where the run's folder takes nothing."""
    if owns_aside(folder) and (aside := find_rescued(folder.name, [RESPONSE_FILE])):
        with contextlib.suppress(OSError, ValueError):
            _drop_signatures(aside, secret, of)


def _drop_signatures(path: Path, secret: str, of: Collection[str] | None) -> None:
    with os.fdopen(open_regular(path, os.O_RDONLY), encoding="utf-8") as file:
        if os.fstat(file.fileno()).st_size > _MOST_LINES:
            raise ValueError(texts.LARGER_THAN_WRITTEN())
        try:
            lines = [json.loads(line) for line in file.read().splitlines()]
        except RecursionError as exc:
            raise ValueError(texts.NESTED_DEEPER()) from exc
    text = "".join(json_text(without_signatures(line, secret, of=of)) + "\n" for line in lines)
    text = text if of is not None else without_secret(text, secret)
    write_durably(path, text.encode(), mode=0o600)


def named_pictures(folder: Path, *, again: bool = True) -> list[Picture]:
    """The pictures that the service named in this run; see `events_of`."""
    return [event for event in events_of(folder, again=again) if isinstance(event, Picture)]


def events_of(folder: Path, *, again: bool = True, reader: Reader | None = None) -> list[Event]:
    """What the service said in this run, by `response.jsonl`; a torn last line is passed over.

    `reader` gives the pictures their places; whoever is to read more of the same run goes on with it.

    With `again` the bytes of its answers are read once more, where they are kept: a picture in base64 is only there,
    and what an earlier version could not read is found by this one.
    """
    entries = _lines(folder)
    heads = {str(entry.get("raw")): entry for entry in entries if "status" in entry}
    reader = reader or Reader()
    kept = raw_files(folder) if again else []
    torn = {entry["torn"] for entry in entries if isinstance(entry.get("torn"), str)}
    whole = {path.name for path in kept} - torn
    found: list[Event] = []
    for path in kept:
        head = heads.get(path.name, {})
        _begin(reader, head)
        for piece in _read_again(path, str(head.get("codings") or "")):
            found += reader.read(piece)
    is_read = False
    numbers = count(1)
    for entry in entries:
        if "status" in entry:
            source = str(entry.get("raw"))
            is_read = source in whole and heads[source] is entry  # a name is given again once its file is gone
            _begin(reader, entry)
        if is_read:
            continue  # that was read from its bytes, where links are still as they came
        with contextlib.suppress(RecursionError):
            answered = _answered(entry, numbers)
            if answered is not None and not (kept and lacks_base64(answered.fields)):
                found += reader.read(answered)
    return [*found, *reader.close()]


def ended_tasks(folder: Path) -> set[str]:
    """The tasks of a gateway whose last answer is in `response.jsonl`, by their ids ("" for one that has none)."""
    return {str(entry["task"]) for entry in _lines(folder) if "task" in entry and not entry.get("under_way")}


def _lines(folder: Path) -> list[dict[str, Any]]:
    files = [folder / RESPONSE_FILE, find_rescued(folder.name, [RESPONSE_FILE])]
    read = (record_bytes(file, maximum=_MOST_LINES) for file in files if file is not None)
    return [parse(line) or {} for data in read for line in data.splitlines()]


def _read_again(path: Path, codings: str) -> Iterator[Answered]:
    """The objects in a kept body; whatever cannot be read is passed over."""
    decoder = AnswerDecoder(codings, images=MAXIMUM_FRAMES)
    try:
        with os.fdopen(open_regular(path, os.O_RDONLY), "rb") as file:
            in_vain = 0
            while (in_vain < _MOST_IN_VAIN or decoder.form == "json") and (piece := file.read(_PIECE)):
                answered = [found for found in decoder.feed(piece) if isinstance(found, Answered)]
                yield from answered
                in_vain = 0 if answered else in_vain + len(piece)
    except (OSError, MemoryError):
        pass
    with contextlib.suppress(MemoryError):
        yield from (found for found in decoder.close(cut=True) if isinstance(found, Answered))


def without_base64(value: Any) -> Any:
    """A JSON value in which its length and digest stand in place of each picture in base64."""
    return map_texts(value, lambda name, text: _digested(text) if _is_base64(name, text) else text)


def lacks_base64(value: Any) -> bool:
    """Whether a picture was left out of a recorded JSON value."""
    return any(_LEFT_OUT.fullmatch(text) for text in texts_in(value))


def _is_base64(name: str, text: str) -> bool:
    if name == "b64_json":
        return _LEFT_OUT.fullmatch(text) is None
    return len(text) > _LONGEST_WORDS and is_picture_text(text)


def stand_in(characters: int, digest: str) -> str:
    """What stands for a picture in base64 of this length and SHA-256."""
    return f"({characters} characters of base64, sha256 {digest[:16]})"


def _digested(text: str) -> str:
    digest = hashlib.sha256()
    for start in range(0, len(text), _PIECE):  # it may have 90 MB, and that twice is too much
        digest.update(text[start : start + _PIECE].encode("utf-8", "surrogatepass"))
    return stand_in(len(text), digest.hexdigest())


def _number_apart(text: str, numbers: Iterator[int]) -> str:
    """What stands for a picture of which 0.1.0 wrote the length alone: no two of them are known to be the same."""
    found = _LEFT_OUT.fullmatch(text)
    return f"{text[:-1]}, no. {next(numbers)})" if found and not found[1] else text


def without_signatures(value: Any, secret: str = "", *, of: Collection[str] | None = None) -> Any:
    """A JSON value in which no link opens a picture, and none holds the key; with `of`, these links only."""

    def unsigned(_: str, text: str) -> str:
        if of is not None and text.strip() not in of:
            return text
        if is_link(text):  # all of it, parentheses and quotes included
            return recorded_link(text.strip(), secret)
        return LINK_IN_TEXT.sub(lambda link: recorded_link(link[0], secret), text)

    return map_texts(value, unsigned)


def recorded_link(url: str, secret: str = "") -> str:
    """A link as a record keeps it for good: host and path say which picture it was, a query would open it.

    The key is not in it either, however short that is.
    """
    address = without_secret(re.split(r"[?#]", url, maxsplit=1)[0], secret)
    return "/".join("(key)" if secret and unquote(part) == secret else part for part in address.split("/"))


def mask_beside_links(value: Any, secret: str) -> Any:
    """A JSON value without the key; the links in it stay to the letter, for they are to be opened."""
    return map_texts(
        value,
        lambda _, text: without_secret_beside_links(text, secret),
        rename=lambda name: without_secret(name, secret),
    )


def map_texts(
    value: Any, change: Callable[[str, str], str], name: str = "", *, rename: Callable[[str], str] = str
) -> Any:
    """`value` with `change` applied to each text, however deep; it is given the name that the text stands under."""
    if isinstance(value, str):
        return change(name, value)
    if isinstance(value, Mapping):
        return {rename(str(key)): map_texts(item, change, str(key), rename=rename) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [map_texts(item, change, name, rename=rename) for item in value]
    return value
