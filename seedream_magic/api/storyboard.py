"""A storyboard: a style that all frames share, and one prompt for each frame."""

from __future__ import annotations

import re
from dataclasses import dataclass

from seedream_magic.api.values import trim_blank_lines
from seedream_magic.errors import InvalidRequest
from seedream_magic.words import requests as texts

_LINE = r"(?:---|[—－–―─]{2,})[ \t\r]*"  # also as Chinese keyboards type it: nobody draws a line of dashes
_SEPARATOR = re.compile(_LINE)
_ESCAPED = re.compile(rf"\\+{_LINE}")


@dataclass(frozen=True)
class Storyboard:
    """`style` is shared by all frames and may be empty; `frames` holds the prompt of each, in order."""

    style: str
    frames: tuple[str, ...]

    @property
    def prompt(self) -> str:
        """The text that is sent: the style, an empty line, the numbered frames, and nothing else."""
        numbered = "\n".join(f"{number}. {text}" for number, text in enumerate(self.frames, start=1))
        return f"{self.style}\n\n{numbered}" if self.style else numbered

    @property
    def text(self) -> str:
        """The storyboard as it is typed in a cell."""
        return "\n---\n".join(escape(part) for part in (self.style, *self.frames))


def read_prompt(text: str) -> str | Storyboard:
    r"""What a cell's body says: a storyboard where a line `---` parts it, else the prompt.

    `\---` stands for a line `---` that parts nothing. Blank lines around a part are dropped. Raises `InvalidRequest`
    for a frame without words.
    """
    style, *frames = parts_of(text)
    return storyboard(style, frames) if frames else style


def parts_of(text: str) -> list[str]:
    """The style and the frames that lines `---` part a text into, without blank lines around; one part without any."""
    parts: list[list[str]] = [[]]
    for line in text.split("\n"):
        if _SEPARATOR.fullmatch(line):
            parts.append([])
        else:
            parts[-1].append(line[1:] if _ESCAPED.fullmatch(line) else line)
    return [trim_blank_lines("\n".join(part)) for part in parts]


def storyboard(style: object, frames: object) -> Storyboard:
    """A storyboard whose frames all have words. Raises `InvalidRequest` otherwise."""
    if not isinstance(frames, list | tuple) or not frames:
        raise InvalidRequest(texts.STORYBOARD_IS_LIST())
    if not all(isinstance(text, str) for text in (style, *frames)):
        raise InvalidRequest(texts.STORYBOARD_IS_TEXT())
    for number, frame in enumerate(frames, start=1):
        if not frame.strip():
            raise InvalidRequest(texts.FRAME_IS_EMPTY(number=number))
    style, *frames = (trim_blank_lines(str(text)) for text in (style, *frames))
    return Storyboard(style, tuple(frames))


def escape(text: str) -> str:
    """Text as it is typed in a cell: a line that would part it is marked."""
    lines = text.split("\n")
    return "\n".join(f"\\{line}" if _SEPARATOR.fullmatch(line) or _ESCAPED.fullmatch(line) else line for line in lines)
