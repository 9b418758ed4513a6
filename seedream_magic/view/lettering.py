"""Letters on a picture: a font that has Chinese characters, and text broken into lines of a width.

Pillow's own font has European languages only. A Chinese one is looked for where the system keeps its fonts; it has
the European letters too.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from seedream_magic.pillow import as_shipped
from seedream_magic.view.provenance import storable
from seedream_magic.words.clip import one_line

LINES = 2
"""Of a text on a sheet, unless its caller says otherwise."""
INK, QUIET, GREY = (28, 28, 31), (98, 98, 104), (238, 238, 240)

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

# Beginnings of file names, the best first, and which face of a collection is the Simplified Chinese one.
_CHINESE_FONTS = (
    ("notosanscjk-regular", 2),
    ("notosanscjksc-regular", 0),
    ("notosanssc", 0),
    ("sourcehansanssc-regular", 0),
    ("sourcehansanscn-regular", 0),
    ("sourcehansans", 0),
    ("pingfang", 0),
    ("hiragino sans gb", 0),
    ("msyh.", 0),
    ("microsoftyahei", 0),
    ("wqy-microhei", 0),
    ("wqy-zenhei", 0),
    ("droidsansfallback", 0),
    ("stheiti", 0),
    ("simhei", 0),
    ("deng.", 0),
    ("notoserifcjk-regular", 2),
    ("simsun", 0),
    ("arial unicode", 0),
    ("uming", 0),
)
_FONT_FILE = re.compile(r"\.(ttf|ttc|otf)$", re.IGNORECASE)
_CHINESE = re.compile("[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")
# A word with the spaces after it, or one Chinese character with the marks that may not begin a line.
_PIECE = re.compile(
    r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef][，。、；：！？）》」』”’…]*|[^\s\u2e80-\uffef]+\s*|\s+|."
)


@dataclass(frozen=True)
class Lettering:
    """A typeface: a font file and its face in it, or (None) the font that comes with Pillow."""

    file: Path | None
    face: int = 0

    @property
    def chinese(self) -> bool:
        """Whether it has Chinese characters."""
        return self.file is not None

    def font(self, size: float) -> Font:
        """The font at a size in pixels."""
        return _font(self, size)

    def legible(self, text: str) -> str:
        """The text in one line without the characters the typeface lacks (emoji); empty where those are Chinese."""
        if not self.chinese and _CHINESE.search(text):
            return ""
        return " ".join("".join(sign for sign in text if sign.isspace() or _has(self, sign)).split())


@dataclass(frozen=True)
class Pen:
    """Writes on a sheet; `unit` is what a pixel of the usual width is on this one, in which sizes are given."""

    unit: float
    lettering: Lettering

    def line(self, size: float) -> int:
        """The height of a line of text of that size."""
        return round(1.4 * size * self.unit)

    def lines(self, text: str, size: float, width: float, *, most: int = LINES) -> list[str]:
        """The text as lines of `width` pixels at most."""
        return wrap(
            self.lettering.legible(one_line(storable(text), 600)), self.lettering.font(size * self.unit), width, most
        )

    def write(
        self, sheet: Image.Image, corner: tuple[int, int], lines: list[str], size: float, ink: tuple[int, int, int]
    ) -> None:
        draw, font = ImageDraw.Draw(sheet), self.lettering.font(size * self.unit)
        with as_shipped():  # text is checked against the limit of pixels, too
            for row, line in enumerate(lines):
                # By the baseline: the fonts differ in the space they leave above their letters.
                place = (corner[0], corner[1] + row * self.line(size) + round(1.05 * size * self.unit))
                draw.text(place, line, fill=ink, font=font, anchor="ls")


def find_lettering() -> Lettering:
    """The best typeface of the system for both scripts; Pillow's own if there is none with Chinese characters."""
    return _find_fonts(_font_folders())


def wrap(text: str, font: Font, width: float, lines: int) -> list[str]:
    """The text in at most `lines` lines of `width` pixels; what does not fit ends in an ellipsis."""
    found, line = [], ""
    words = _PIECE.findall(text)
    # A word that is wider than a line may be broken anywhere.
    for piece in (part for word in words for part in (word if font.getlength(word.rstrip()) > width else (word,))):
        if line and font.getlength((line + piece).rstrip()) > width:
            found.append(line.rstrip())
            line = ""
        line += piece
    found += [line.rstrip()] if line.strip() else []
    if len(found) <= lines:
        return found
    last = found[lines - 1]
    while last and font.getlength(f"{last}…") > width:
        last = last[:-1]
    return [*found[: lines - 1], f"{last.rstrip()}…"]


def _font_folders() -> tuple[Path, ...]:
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() raises where there is none
    if sys.platform == "darwin":
        return (Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts")
    if sys.platform == "win32":
        local = Path(os.environ.get("LOCALAPPDATA", home)) / "Microsoft/Windows/Fonts"
        return (Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts", local)
    return (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), home / ".local/share/fonts", home / ".fonts")


@lru_cache(maxsize=8)
def _find_fonts(folders: tuple[Path, ...]) -> Lettering:
    files = [Path(root, name) for folder in folders for root, _, names in os.walk(folder) for name in names]
    files = sorted(file for file in files if _FONT_FILE.search(file.name))
    for beginning, face in _CHINESE_FONTS:
        for file in files:
            lettering = Lettering(file, face if file.suffix.lower() == ".ttc" else 0)
            if file.name.lower().startswith(beginning) and _usable(lettering):
                return lettering
    return Lettering(None)


def _usable(lettering: Lettering) -> bool:
    try:
        return _has(lettering, "中") and _has(lettering, "a")
    except (OSError, ValueError):
        return False


@lru_cache(maxsize=16)
def _font(lettering: Lettering, size: float) -> Font:
    if lettering.file is None:
        return ImageFont.load_default(size)
    # Not `truetype`: for a file it cannot read, that looks for another one of the same name.
    return ImageFont.FreeTypeFont(str(lettering.file), size, lettering.face)


@lru_cache(maxsize=4096)
def _has(lettering: Lettering, sign: str) -> bool:
    """Whether the typeface draws this character as itself, and not as the box for what it lacks."""
    return _drawn(lettering, sign) not in {_drawn(lettering, "\U0010fffe"), bytes(32 * 32)}


def _drawn(lettering: Lettering, sign: str) -> bytes:
    picture = Image.new("L", (32, 32))
    with as_shipped():  # text is checked against the limit of pixels, too
        ImageDraw.Draw(picture).text((2, 2), sign, 255, font=lettering.font(20))
    return picture.tobytes()
