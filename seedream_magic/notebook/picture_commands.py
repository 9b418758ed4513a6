"""The commands that look at pictures across runs: `%seedream compare` and `gallery`."""

from __future__ import annotations

from datetime import UTC, datetime

from IPython.display import display

from seedream_magic.errors import InvalidRequest
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.notebook.cell import split_line, value_of
from seedream_magic.notebook.desk import Desk
from seedream_magic.words.clip import one_line


def compare(desk: Desk, text: str) -> None:
    """Show frames of any runs on a light table."""
    from seedream_magic.images.light_table import light_table  # noqa: PLC0415 - Pillow loads when it is used

    words = split_line(text)
    if not words:
        raise InvalidRequest("%seedream compare takes frames: story[2] other[0] run:ID[1], two to nine of them.")
    display(light_table(*(_pictures(desk, word) for word in words))._repr_mimebundle_(), raw=True)


def _pictures(desk: Desk, word: str) -> Frame | ImageSet:
    """The frame, or the set, that a word of the line means: a variable's, or a run's."""
    from seedream_magic.planning import find_frame  # noqa: PLC0415 - load time, see `desk`

    value = find_frame(desk.client(), word) if word.startswith("run:") else value_of(word, desk.variables)
    if not isinstance(value, Frame | ImageSet):
        raise InvalidRequest(f"{word[:60]} is no frame: name one as story[2] or run:ID[2].")
    return value


def gallery(desk: Desk, text: str) -> None:
    """Show all pictures of the library as a wall, or those that fit the words, have a star, are younger than a date."""
    from seedream_magic.images.gallery import gallery_of  # noqa: PLC0415 - Pillow loads when it is used
    from seedream_magic.images.search import local_time, since  # noqa: PLC0415 - load time, see `desk`

    words, date, starred = _asked_of_gallery(text)
    first = since(date, now=datetime.now(UTC)) if date else None
    if date and first is None:
        raise InvalidRequest(
            f"{one_line(date, 40)!r} is no date: --since takes 2026, 2026-11, 2026-11-28, yesterday, 昨天."
        )
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
                raise InvalidRequest("--since takes a date, such as 2026-11 or yesterday.")
        elif word.startswith("--"):
            raise InvalidRequest(f"%seedream gallery has no option {word[:40]!r}: it takes --starred and --since DATE.")
        else:
            words.append(word)
    return " ".join(words), date, starred
