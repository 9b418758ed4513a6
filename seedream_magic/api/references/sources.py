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
from seedream_magic.words import references as texts
from seedream_magic.words.text import Text, join

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
    with refusing(texts.NO_PICTURE_OF_TYPE(kind=type(value).__name__)):
        if isinstance(value, picture):
            return [Content(texts.PIL_IMAGE(), value)]
        if leaves := _single(value, base):
            return leaves
        for member in _members(value, depth):
            leaves += gather(member, base, picture=picture, depth=depth + 1)
            if len(leaves) > MAXIMUM_REFERENCES:
                raise InvalidRequest(texts.TOO_MANY(most=MAXIMUM_REFERENCES))
        if not leaves:
            raise InvalidRequest(texts.HOLDS_NO_PICTURE(kind=type(value).__name__))
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
        failed = texts.FRAME_WITHOUT_PICTURE(number=value.index + 1, why=error) if error else ""
        raise InvalidRequest(failed or texts.FRAME_NOT_YET(number=value.index + 1))
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
        raise InvalidRequest(texts.NO_KIND(kind=type(value).__name__))
    if depth > _DEEPEST:
        raise InvalidRequest(texts.LISTS_IN_LISTS())
    return value


# Texts


def _of_text(text: str, base: Path) -> list[Leaf]:
    if is_data_uri(text):
        return [Content(texts.DATA_URI(), _data_of_uri(text))]
    if re.match(r"[a-z][a-z0-9+.-]+://|(https?|file|ftp|blob):", text.strip(), re.IGNORECASE):
        link = _checked_link(text)
        return [Reference(link, url=link)]
    if not text.strip():
        raise InvalidRequest(texts.IS_EMPTY())
    return [*_find_files(text, base)]


def is_data_uri(text: str) -> bool:
    """Whether a text is meant as a data URI, and not as a path."""
    return text.lstrip()[:5].lower() == "data:"


def _data_of_uri(text: str) -> bytes:
    """The bytes in a data URI of an image; of its declared type only that it is an image counts."""
    head, comma, body = text.strip()[5:].partition(",")
    media_type, *parameters = (part.strip().lower() for part in head.split(";"))
    if not comma or not media_type.startswith("image/"):
        raise InvalidRequest(texts.URI_FORM())
    if len(body) > MAXIMUM_FILE * 4 // 3:
        raise InvalidRequest(texts.URI_TOO_LARGE(size=megabytes(len(body))))
    with refusing(texts.URI_DAMAGED()):
        data = unquote_to_bytes(body)
        if "base64" not in parameters:
            return data
        packed = b"".join(data.split()).translate(_STANDARD_ALPHABET).rstrip(b"=")
        return base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)


def _checked_link(text: str) -> str:
    """An https link that can be sent. Raises `InvalidRequest` for any other."""
    link = text.strip()
    name = short(link)
    with refusing(texts.NO_LINK(name=name)):
        parts = urlsplit(link)
        link.encode()  # half of a surrogate pair is no text
        host = parts.hostname if parts.port != 0 else None
    if parts.scheme == "file":
        raise InvalidRequest(texts.WITHOUT_FILE(name=name))
    if parts.scheme != "https":
        raise InvalidRequest(texts.HTTPS_ONLY(name=name))
    if parts.username is not None or parts.password is not None:
        raise InvalidRequest(texts.LINK_WITH_PASSWORD())
    if "#" in link:
        raise InvalidRequest(texts.LINK_WITH_FRAGMENT(name=name))
    if not host or len(link) > _LONGEST_LINK or re.search(r"[\s\x00-\x20\x7f\\]", link):
        raise InvalidRequest(texts.NO_PICTURE_LINK(name=name))
    return "https" + link[5:]


# Files


def _find_files(text: str, base: Path) -> list[PictureFile]:
    """The file of a path, or those of a glob in their natural order (2 before 10)."""
    with refusing(texts.NO_PATH(name=short(text))):
        place = os.path.expanduser(text)  # noqa: PTH111 - Path.expanduser raises for a user who does not exist
        path = base / place
        if not glob.has_magic(place) or path.exists():
            return [_named_file(text, path)]
        names = glob.glob(place, root_dir=base, recursive=True)  # noqa: PTH207 - a Path would lose the typed form
        files = [_named_file(name, base / name) for name in sorted(names, key=_natural) if (base / name).is_file()]
        if not files:
            raise missing_file(texts.NO_FILE_MATCHES, text, path)
    if len(files) > MAXIMUM_REFERENCES:
        raise InvalidRequest(texts.GLOB_TOO_MANY(name=short(text), count=len(files), most=MAXIMUM_REFERENCES))
    return files


def _named_file(source: str, path: Path) -> PictureFile:
    """The file, its name in characters that a record can hold: names may be bytes that are no text."""
    return PictureFile(source.encode("utf-8", "replace").decode(), path)


def _natural(name: str) -> list[str | int]:
    return [int(part) if part.isdecimal() else part.casefold() for part in re.split(r"(\d+)", name)]


def read_file(file: PictureFile) -> bytes:
    """Its bytes. Raises `InvalidRequest` for what is no file, cannot be read, or is past 256 MB."""
    name = short(file.source)
    with refusing(texts.CANNOT_BE_READ(name=name)):
        if not os.path.lexists(file.path):
            raise missing_file(texts.NO_FILE, file.source, file.path)
        if file.path.is_dir():
            raise InvalidRequest(texts.IS_FOLDER(name=name, folder=name.rstrip("/")))
        size = file.path.stat().st_size
        if not file.path.is_file():
            raise InvalidRequest(texts.IS_NO_FILE(name=name))
        if size > MAXIMUM_FILE:
            raise InvalidRequest(texts.TOO_LARGE_TO_SCALE(name=name, size=megabytes(size)))
        with file.path.open("rb") as stream:
            return stream.read(MAXIMUM_FILE)


_IN_FOLDER = {
    texts.NO_FILE: texts.NO_FILE_IN,
    texts.NO_FILE_MATCHES: texts.NO_FILE_MATCHES_IN,
    texts.NO_VARIABLE: texts.NO_VARIABLE_IN,
}
"""What is said of something that is missing, and the same with the folder."""


def missing_file(text: Text, typed: str, path: Path, variables: Iterable[str] = ()) -> InvalidRequest:
    """The refusal that begins with `text`, one of those above; it names the variable, or the picture, whose name is
    nearest to what was typed, if any is near, else the folder.
    """
    sentence = text(name=short(typed))
    if not path.parent.is_dir():
        nowhere = "" if glob.has_magic(typed) else texts.NO_FOLDER_EITHER(folder=path.parent)
        return InvalidRequest(join(sentence, nowhere))
    name = path.name.casefold()
    names = islice((entry.name for entry in os.scandir(path.parent)), _NAMES_LOOKED_AT)
    pictures = {entry.casefold(): entry for entry in sorted(names) if Path(entry).suffix.casefold() in _ENDINGS}
    near = fnmatch.filter(pictures, name) or difflib.get_close_matches(name, pictures, n=1)
    variable = difflib.get_close_matches(typed, variables, n=1, cutoff=0.75)
    if variable and not any(Path(entry).stem == name for entry in pictures):
        return InvalidRequest(join(sentence, texts.DID_YOU_MEAN(name=short(variable[0]))))
    if near:
        meant = short(str(Path(typed).with_name(pictures[near[0]])))
        return InvalidRequest(join(sentence, texts.DID_YOU_MEAN(name=meant)))
    with suppress(OSError):  # a current folder that is gone
        if Path(typed).name == typed:
            sentence = _IN_FOLDER[text](name=short(typed), folder=os.path.realpath(path.parent))
    return InvalidRequest(sentence)
