"""The commands that look at pictures across runs: `%seedream compare` and `gallery`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from IPython.display import display

from seedream_magic.errors import InvalidRequest
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.notebook.desk import Desk
from seedream_magic.notebook.first_line import split_line
from seedream_magic.variables import value_of
from seedream_magic.words import commands as texts
from seedream_magic.words.clip import one_line

if TYPE_CHECKING:
    from seedream_magic.sweep.sweep import Sweep


def compare(desk: Desk, text: str) -> None:
    """Show frames of any runs on a light table."""
    from seedream_magic.images.light_table import light_table  # noqa: PLC0415 - Pillow loads when it is used

    words = split_line(text)
    if not words:
        raise InvalidRequest(texts.COMPARE_TAKES())
    pictures = [(one, word) for word in words for one in _pictures(desk, word)]
    table = light_table(*(one for one, _ in pictures))
    named = replace(table, typed=tuple(name for one, word in pictures for name in _typed(desk, one, word)))
    display(named._repr_mimebundle_(), raw=True)


def _typed(desk: Desk, picture: Frame | ImageSet, word: str) -> list[str]:
    """How a person names each picture that a word of the line means; "" where the run's id names it."""
    if isinstance(picture, Frame):
        return ["" if word.startswith("run:") else word]
    variable = desk.variables.get(word) is picture  # else it is a cell of a sweep
    return [f"{word}[{place}]" if variable else "" for place, frame in enumerate(picture) if frame.ok]


def _pictures(desk: Desk, word: str) -> Sequence[Frame | ImageSet]:
    """The frame, the set, or the sets of a sweep, that a word of the line means: a variable's, or a run's."""
    from seedream_magic.planning import find_frame  # noqa: PLC0415 - load time, see `desk`
    from seedream_magic.sweep.sweep import Sweep  # noqa: PLC0415 - load time, see `desk`

    value = find_frame(desk.client(), word) if word.startswith("run:") else value_of(word, desk.variables)
    if isinstance(value, Sweep):
        return _cells(value, word)
    if not isinstance(value, Frame | ImageSet):
        raise InvalidRequest(texts.NO_FRAME(typed=word[:60]))
    return [value]


def _cells(sweep: Sweep, word: str) -> Sequence[ImageSet]:
    """The sets of a sweep. Raises `InvalidRequest` that names its cells where they do not all fit on a light table."""
    from seedream_magic.images.light_table import FEWEST, MOST  # noqa: PLC0415 - Pillow loads when it is used

    pictures = sum(len(images.ok) for images in sweep)
    if FEWEST <= pictures <= MOST:
        return tuple(sweep)
    there = [index for index in sweep.runs if sweep.sets and (images := sweep.sets[index]) and images.ok]
    names = [
        _name_in_line(sweep, index, word) for index in (there[:1] + there[-1:] if len(there) > 1 else sweep.runs[:2])
    ]
    axes = "; ".join(f"{name}: {', '.join(labels[:12])}" for name, labels in sweep.axes.items())
    counted = {"runs": len(sweep), "pictures": pictures, "fewest": FEWEST, "most": MOST}
    told = texts.SWEEP_ON_TABLE(name=word[:60], cells=" ".join(names), **counted)
    raise InvalidRequest(told, hint=texts.CELLS_NAMED_BY(axes=axes))


def _name_in_line(sweep: Sweep, index: int, word: str) -> str:
    """How a line names the run at a place: by its labels, and where these hold signs of their own by its number."""
    labels = ",".join(sweep.places[index].labels)
    plain = labels.count(",") == len(sweep.crossed) - 1 and not re.search(r"""["'\\\[\]{}]""", labels)
    return f'{word}["{labels}"]' if plain else f"{word}[{sweep.runs.index(index)}]"


def gallery(desk: Desk, text: str) -> None:
    """Show all pictures of the library as a wall, or those that fit the words, have a star, are younger than a date."""
    from seedream_magic.images.gallery import gallery_of  # noqa: PLC0415 - Pillow loads when it is used
    from seedream_magic.images.search import local_time, since  # noqa: PLC0415 - load time, see `desk`

    words, date, starred = _asked_of_gallery(text)
    first = since(date, now=datetime.now(UTC)) if date else None
    if date and first is None:
        raise InvalidRequest(texts.NO_DATE(typed=repr(one_line(date, 40))))
    entries = desk.client().history(words or None, starred=starred)
    entries.sort(key=lambda entry: entry.run_id, reverse=True)
    if first is not None:
        entries = [entry for entry in entries if (began := local_time(entry.began)) and began.date() >= first]
    display(gallery_of(entries, words=words, starred=starred), raw=True)


def _asked_of_gallery(text: str) -> tuple[str, str, bool]:
    """The words to look for, the date after `--since`, whether `--starred` stands there."""
    words, date, starred = list[str](), "", False
    typed = iter(split_line(text))
    for word in typed:
        if word == "--starred":
            starred = True
        elif word == "--since" or word.startswith("--since="):
            date = word.partition("=")[2] or next(typed, "")
            if not date:
                raise InvalidRequest(texts.SINCE_TAKES())
        elif word.startswith("--"):
            raise InvalidRequest(
                texts.NO_OPTION(command="gallery", typed=repr(word[:40]), options="--starred, --since DATE")
            )
        else:
            words.append(word)
    return " ".join(words), date, starred
