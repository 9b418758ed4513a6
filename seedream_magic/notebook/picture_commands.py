"""The commands that look at pictures across runs: `%seedream compare` and `gallery`."""

from __future__ import annotations

from IPython.display import display

from seedream_magic.errors import InvalidRequest
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.notebook.cell import split_line, value_of
from seedream_magic.notebook.desk import Desk


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
