"""References that are given as text: paths, globs, https links, data URIs."""

from __future__ import annotations

import base64
import difflib
import fnmatch
import glob
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from seedream_magic.api.references.limits import MAXIMUM_REFERENCES, megabytes, short
from seedream_magic.api.references.reference import ENDINGS
from seedream_magic.errors import InvalidRequest

MAXIMUM_FILE = 256 * 10**6
"""Bytes of a file that may still be scaled down; no larger one is read."""

_LONGEST_LINK = 4096
_NAMES_LOOKED_AT = 2000
_ENDINGS = frozenset(f".{ending}" for ending in (*ENDINGS.values(), "jpeg", "tif"))
_STANDARD_ALPHABET = bytes.maketrans(b"-_", b"+/")


@dataclass(frozen=True)
class PictureFile:
    """A file that was named: `source` as it was typed, in characters that any file can record."""

    source: str
    path: Path


@contextmanager
def refusing(told: str) -> Iterator[None]:
    """Every exception of what happens inside is an `InvalidRequest` that begins with these words."""
    try:
        yield
    except InvalidRequest:
        raise
    except Exception as exc:
        raise InvalidRequest(f"{told}: {_words(exc)}.") from exc


def is_link(text: str) -> bool:
    """Whether a text is meant as a link of any kind, and not as a path."""
    return bool(re.match(r"[a-z][a-z0-9+.-]+://|(https?|file|ftp|blob):", text.strip(), re.IGNORECASE))


def is_data_uri(text: str) -> bool:
    return text.lstrip()[:5].lower() == "data:"


def checked_link(text: str) -> str:
    """An https link that can be sent. Raises `InvalidRequest` for any other."""
    link = text.strip()
    shown = short(link)
    with refusing(f"{shown} is no link"):
        parts = urlsplit(link)
        link.encode()  # half characters are no text
        host = parts.hostname if parts.port != 0 else None
    if parts.scheme == "file":
        raise InvalidRequest(f"{shown}: give the path of the file itself, without file:.")
    if parts.scheme != "https":
        raise InvalidRequest(f"{shown}: a linked reference begins with https://; a file on this machine is its path.")
    if parts.username is not None or parts.password is not None:
        raise InvalidRequest("A linked reference has no user name or password in it: every service would see them.")
    if "#" in link:
        raise InvalidRequest(f"{shown}: leave out the part from # on.")
    if not host or len(link) > _LONGEST_LINK or re.search(r"[\s\x00-\x20\x7f\\]", link):
        raise InvalidRequest(f"{shown} is no link of a picture.")
    return "https" + link[5:]


def data_of_uri(text: str) -> bytes:
    """The bytes in a data URI of an image; its declared type is not trusted beyond that it is one."""
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


def find_files(text: str, base: Path) -> list[PictureFile]:
    """The file of a path, or those of a glob in their natural order (2 before 10)."""
    with refusing(f"{short(text)} is no path of a file"):
        place = os.path.expanduser(text)  # noqa: PTH111 - Path.expanduser raises for a user who does not exist
        path = base / place
        if not glob.has_magic(place) or path.exists():
            return [named_file(text, path)]
        names = glob.glob(place, root_dir=base, recursive=True)  # noqa: PTH207 - a Path would lose the typed form
        files = [named_file(name, base / name) for name in sorted(names, key=_natural) if (base / name).is_file()]
        if not files:
            raise missing_file(f"No file matches {short(text)}.", text, path)
    if len(files) > MAXIMUM_REFERENCES:
        raise InvalidRequest(
            f"{short(text)} stands for {len(files)} files; one request takes {MAXIMUM_REFERENCES} at most."
        )
    return files


def named_file(source: str, path: Path) -> PictureFile:
    """Names of files may hold bytes that are no text: no record could be written with them."""
    return PictureFile(source.encode("utf-8", "replace").decode(), path)


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


def missing_file(told: str, typed: str, path: Path) -> InvalidRequest:
    """The refusal `told`, with the file that was meant if one has nearly the name that was typed, else the folder."""
    if not path.parent.is_dir():
        return InvalidRequest(told if glob.has_magic(typed) else f"{told} There is no folder {path.parent} either.")
    name = path.name.casefold()
    names = islice((entry.name for entry in os.scandir(path.parent)), _NAMES_LOOKED_AT)
    pictures = {entry.casefold(): entry for entry in sorted(names) if Path(entry).suffix.casefold() in _ENDINGS}
    near = fnmatch.filter(pictures, name) or difflib.get_close_matches(name, pictures, n=1)
    if near:
        return InvalidRequest(f"{told} Did you mean {short(str(Path(typed).with_name(pictures[near[0]])))}?")
    with suppress(OSError):  # a current folder that is gone
        if Path(typed).name == typed:
            told = f"{told.removesuffix('.')} in {os.path.realpath(path.parent)}."
    return InvalidRequest(told)


def _natural(name: str) -> list[str | int]:
    return [int(part) if part.isdecimal() else part.casefold() for part in re.split(r"(\d+)", name)]


def _words(exc: Exception) -> str:
    """What an exception says, in one line; foreign ones may fail at that as well."""
    try:
        text = getattr(exc, "strerror", None) or str(exc)
    except Exception:  # noqa: BLE001 - the object that raised it is not ours
        text = ""
    return " ".join(str(text).split()).rstrip(".") or type(exc).__name__
