"""What people hand in as references: paths, globs, links and data URIs; frames, sets and collections.

What objects of other libraries hold is read in `objects`.
"""

from __future__ import annotations

import base64
import difflib
import fnmatch
import glob
import os
import re
from collections.abc import Iterable, Iterator, Sequence, ValuesView
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from seedream_magic.api.references.objects import MAXIMUM_FILE, Content, content_of, members_of, refusing
from seedream_magic.api.references.reference import MAXIMUM_REFERENCES, Reference, megabytes, short
from seedream_magic.errors import InvalidRequest
from seedream_magic.formats import ENDINGS

_LONGEST_LINK = 4096
_NAMES_LOOKED_AT = 2000
_ENDINGS = frozenset(f".{ending}" for ending in (*ENDINGS.values(), "jpeg", "tif"))
_STANDARD_ALPHABET = bytes.maketrans(b"-_", b"+/")
_DEEPEST = 8
"""How many lists may stand within one another."""


@dataclass(frozen=True)
class PictureFile:
    """A file that was named: `source` as it was typed, in characters that any file can record."""

    source: str
    path: Path


Leaf = PictureFile | Reference | Content


def gather(value: object, base: Path, *, picture: type, depth: int = 0) -> list[Leaf]:
    """The single references that a value stands for, in order; collections are opened.

    `picture` is Pillow's class of pictures. Raises `InvalidRequest` for what stands for none, for more than fourteen,
    and in place of whatever an object raises while it is asked.
    """
    with refusing(f"An object of type {type(value).__name__} cannot be read as a picture"):
        if isinstance(value, picture):
            return [Content("a PIL image", value)]
        if leaves := _single(value, base):
            return leaves
        for member in _members(value, depth):
            leaves += gather(member, base, picture=picture, depth=depth + 1)
            if len(leaves) > MAXIMUM_REFERENCES:
                raise InvalidRequest(f"More than {MAXIMUM_REFERENCES} references were given; no request takes them.")
        if not leaves:
            raise InvalidRequest(f"A reference of type {type(value).__name__} holds no picture.")
        return leaves


def _single(value: Any, base: Path) -> list[Leaf]:
    """What a value that is no collection stands for (several files, if it is a glob); nothing for any other."""
    if isinstance(value, str):
        return _of_text(value, base)
    if isinstance(value, os.PathLike):
        typed = os.fsdecode(value)
        return [_named_file(typed, base / os.path.expanduser(typed))]  # noqa: PTH111 - as in `_find_files`
    if (frames := _of_frame(value)) or _frames_of(value) is not None:
        return frames
    found = content_of(value)
    return [found] if found else []


def _of_frame(value: Any) -> list[Leaf]:
    path = getattr(value, "path", "")
    if isinstance(path, Path):
        return [_named_file(str(path), path)]
    if path is None and isinstance(getattr(value, "index", None), int):
        error = getattr(value, "error", None)
        raise InvalidRequest(f"Frame {value.index + 1} has no picture{f': {error}' if error else ' yet.'}")
    return []


def _frames_of(value: Any) -> Sequence[object] | None:
    """The frames of an image set that have a picture; None for what is no set."""
    frames = getattr(value, "ok", None)
    return frames if isinstance(frames, list | tuple) else None


def _members(value: Any, depth: int) -> Iterable[object]:
    """What stands in a collection; of an image set the frames that have a picture."""
    if (frames := _frames_of(value)) is not None:
        return frames
    if (held := members_of(value)) is not None:
        return held
    # A mapping would give its keys, a table the names of its columns, a set no order.
    if not isinstance(value, Sequence | Iterator | ValuesView):
        raise InvalidRequest(
            f"{type(value).__name__} is no kind of reference: give a path, an https link, bytes, a picture, an array, "
            "an open file, an upload, a frame, an image set, or a list of these."
        )
    if depth > _DEEPEST:
        raise InvalidRequest("The references stand in lists within lists; give one list.")
    return value


# Texts


def _of_text(text: str, base: Path) -> list[Leaf]:
    if is_data_uri(text):
        return [Content("a data URI", _data_of_uri(text))]
    if re.match(r"[a-z][a-z0-9+.-]+://|(https?|file|ftp|blob):", text.strip(), re.IGNORECASE):
        link = _checked_link(text)
        return [Reference(link, url=link)]
    if not text.strip():
        raise InvalidRequest("A reference is empty: give a path, an https link or a picture.")
    return [*_find_files(text, base)]


def is_data_uri(text: str) -> bool:
    """Whether a text is meant as a data URI, and not as a path."""
    return text.lstrip()[:5].lower() == "data:"


def _data_of_uri(text: str) -> bytes:
    """The bytes in a data URI of an image; of its declared type only that it is an image counts."""
    head, comma, body = text.strip()[5:].partition(",")
    media_type, *parameters = (part.strip().lower() for part in head.split(";"))
    if not comma or not media_type.startswith("image/"):
        raise InvalidRequest("A data URI of a reference begins with data:image/png;base64, or another type of image.")
    if len(body) > MAXIMUM_FILE * 4 // 3:
        raise InvalidRequest(f"The data URI has {megabytes(len(body))}; give the picture as a file.")
    with refusing("The data URI is damaged"):
        data = unquote_to_bytes(body)
        if "base64" not in parameters:
            return data
        packed = b"".join(data.split()).translate(_STANDARD_ALPHABET).rstrip(b"=")
        return base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)


def _checked_link(text: str) -> str:
    """An https link that can be sent. Raises `InvalidRequest` for any other."""
    link = text.strip()
    name = short(link)
    with refusing(f"{name} is no link"):
        parts = urlsplit(link)
        link.encode()  # half of a surrogate pair is no text
        host = parts.hostname if parts.port != 0 else None
    if parts.scheme == "file":
        raise InvalidRequest(f"{name}: give the path of the file itself, without file:.")
    if parts.scheme != "https":
        raise InvalidRequest(f"{name}: a linked reference begins with https://; a file on this machine is its path.")
    if parts.username is not None or parts.password is not None:
        raise InvalidRequest("A linked reference has no user name or password in it: every service would see them.")
    if "#" in link:
        raise InvalidRequest(f"{name}: leave out the part from # on.")
    if not host or len(link) > _LONGEST_LINK or re.search(r"[\s\x00-\x20\x7f\\]", link):
        raise InvalidRequest(f"{name} is no link of a picture.")
    return "https" + link[5:]


# Files


def _find_files(text: str, base: Path) -> list[PictureFile]:
    """The file of a path, or those of a glob in their natural order (2 before 10)."""
    with refusing(f"{short(text)} is no path of a file"):
        place = os.path.expanduser(text)  # noqa: PTH111 - Path.expanduser raises for a user who does not exist
        path = base / place
        if not glob.has_magic(place) or path.exists():
            return [_named_file(text, path)]
        names = glob.glob(place, root_dir=base, recursive=True)  # noqa: PTH207 - a Path would lose the typed form
        files = [_named_file(name, base / name) for name in sorted(names, key=_natural) if (base / name).is_file()]
        if not files:
            raise missing_file(f"No file matches {short(text)}.", text, path)
    if len(files) > MAXIMUM_REFERENCES:
        raise InvalidRequest(
            f"{short(text)} stands for {len(files)} files; one request takes {MAXIMUM_REFERENCES} at most."
        )
    return files


def _named_file(source: str, path: Path) -> PictureFile:
    """The file, its name in characters that a record can hold: names may be bytes that are no text."""
    return PictureFile(source.encode("utf-8", "replace").decode(), path)


def _natural(name: str) -> list[str | int]:
    return [int(part) if part.isdecimal() else part.casefold() for part in re.split(r"(\d+)", name)]


def read_file(file: PictureFile) -> bytes:
    """Its bytes. Raises `InvalidRequest` for what is no file, cannot be read, or is past 256 MB."""
    name = short(file.source)
    with refusing(f"{name} cannot be read"):
        if not os.path.lexists(file.path):
            raise missing_file(f"There is no file {name}.", file.source, file.path)
        if file.path.is_dir():
            raise InvalidRequest(f"{name} is a folder; give its pictures as {file.source.rstrip('/')}/*.png.")
        size = file.path.stat().st_size
        if not file.path.is_file():
            raise InvalidRequest(f"{name} is no file.")
        if size > MAXIMUM_FILE:
            raise InvalidRequest(f"{name} has {megabytes(size)}: too large to be scaled here; save it smaller.")
        with file.path.open("rb") as stream:
            return stream.read(MAXIMUM_FILE)


def missing_file(sentence: str, typed: str, path: Path) -> InvalidRequest:
    """The refusal that begins with `sentence`; it names the picture whose name is nearest to what was typed, if any
    is near, else the folder.
    """
    if not path.parent.is_dir():
        nowhere = "" if glob.has_magic(typed) else f" There is no folder {path.parent} either."
        return InvalidRequest(sentence + nowhere)
    name = path.name.casefold()
    names = islice((entry.name for entry in os.scandir(path.parent)), _NAMES_LOOKED_AT)
    pictures = {entry.casefold(): entry for entry in sorted(names) if Path(entry).suffix.casefold() in _ENDINGS}
    near = fnmatch.filter(pictures, name) or difflib.get_close_matches(name, pictures, n=1)
    if near:
        return InvalidRequest(f"{sentence} Did you mean {short(str(Path(typed).with_name(pictures[near[0]])))}?")
    with suppress(OSError):  # a current folder that is gone
        if Path(typed).name == typed:
            sentence = f"{sentence.removesuffix('.')} in {os.path.realpath(path.parent)}."
    return InvalidRequest(sentence)
