"""Texts cut to the room that they have, and paths as a person may show them."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

CLIPPED_AT = 500
"""How much of a text of unknown length is kept, in characters, unless a caller says otherwise."""


def one_line(text: str, longest: int) -> str:
    """The text with each run of white space as one space, clipped."""
    return clip(" ".join(text.split()), longest)


def clip(text: str, longest: int = CLIPPED_AT) -> str:
    """The text in at most so many characters; a longer one ends in an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def text_width(text: str) -> int:
    """Columns that a text takes in a terminal: Chinese characters take two, marks on a letter none."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(unicodedata.category(letter) in {"Mn", "Me", "Cf"} for letter in text)


def own_folder() -> Path:
    """The user's home folder; the current one where nobody knows it."""
    return Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() raises where there is none


def path_from(path: Path, here: Path = Path()) -> str:
    """A path as it is written from the folder `here`, so that it tells nothing of the computer that it is on.

    Where that leads through the user's home folder, whose name is the user's, it begins there, with `~`. On another
    drive, and where the current folder is gone, it is the name with that of its folder.
    """
    own = own_folder()
    try:
        path, here = path.absolute(), here.absolute()
        if path.is_relative_to(own) and not here.is_relative_to(own):
            return str(Path("~", path.relative_to(own)))
        return os.path.relpath(path, here)
    except (OSError, ValueError):
        return str(Path("…", *path.parts[-2:]))
