"""What is displayed, as plain values: a card is one place with its picture, or what stands there while it has none.

This is all that `view` knows. Whoever has pictures to show (a set, a history) makes cards of them and hands them down.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import Literal

from seedream_magic.errors import SeedreamError, advice_of, printable
from seedream_magic.words import carousel as texts
from seedream_magic.words.carousel import Words, words_for, words_in
from seedream_magic.words.clip import one_line
from seedream_magic.words.language import Language
from seedream_magic.words.text import Text, in_language

CardState = Literal["picture", "waiting", "missing", "failed"]
OF_THE_PICTURE = frozenset({"path", "ref", "vary"})
"""Keys of `Card.copies` that mean nothing where there is no picture."""
_SMALL_WORDS = frozenset({"a", "an", "the", "of", "in", "on", "at", "with", "and", "to", "for"})
"""They say nothing in the name of a file."""


@dataclass(frozen=True)
class Failure:
    """Why a card has no picture.

    `name` is the service's own code where it gave one, else our name of the error; `message` what it says beside that.
    `explanation` is what it says and what to do, in the language of the set. `lines` are for where it stands alone.
    """

    name: str
    message: str
    explanation: tuple[str, ...]
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Card:
    """One place of a set.

    `index` counts from 0 (people read numbers from 1). `caption` is the prompt of the picture. `picture` is the file of
    the original, `file` its path as others may read it, and `digest` says which bytes it has; `width` and `height` are
    its pixels. `link` leads to the original, `download` is the name under which it is then saved. `commands` are the
    lines to run in a cell for a failed one. `copies` are the texts that can be copied, by the keys of
    `carousel.COPIES`; `made` among them is for programs. `starred`, `rejected`, `tags` and `note` are what a person has
    said of the picture. It is `take` of `takes`, where there are several.
    """

    index: int
    caption: str
    state: CardState
    picture: Path | None = None
    digest: str | None = None
    width: int | None = None
    height: int | None = None
    failure: Failure | None = None
    link: str | None = None
    download: str | None = None
    commands: tuple[str, ...] = ()
    copies: Mapping[str, str] = field(default_factory=dict)
    file: str = ""
    starred: bool = False
    rejected: bool = False
    tags: tuple[str, ...] = ()
    note: str = ""
    take: int = 1
    takes: int = 1

    def mark_text(self, words: Words) -> str:
        """Whether it is one of the best, or none to be used."""
        return words(texts.STARRED) if self.starred else words(texts.REJECTED) if self.rejected else ""

    def take_text(self, words: Words) -> str:
        """Which of several takes of its frame it is: "take 2 of 3"; "" of the only one."""
        return words(texts.TAKE, number=self.take, total=self.takes) if self.takes > 1 else ""

    @property
    def download_name(self) -> str:
        """The name under which the picture is saved: its first words and its number, "lighthouse-keeper-03.jpg"."""
        return f"{file_stem(self.caption, 'picture')}-{self.index + 1:02}{self.picture.suffix if self.picture else ''}"

    def without_picture(self, error: SeedreamError, words: Words) -> Card:
        """The card as that of a picture whose file turned out to be lost or damaged."""
        return replace(self, state="failed", picture=None, failure=failure_of(error, words), link=None)


def file_stem(text: str, otherwise: str) -> str:
    """The first words of a text as the name of a file, without its ending; `otherwise` of a text without any."""
    words = [word for word in re.findall(r"[^\W_]+", text.casefold()) if word not in _SMALL_WORDS]
    return "-".join(words[:4])[:40] or otherwise


@dataclass(frozen=True)
class Bill:
    """What a set cost in images. `certain` says that it was no more than that, `free` that the demo made them."""

    images: int
    certain: bool
    free: bool = False
    replayed: bool = False

    def text(self, words: Words) -> str:
        """As a person reads it."""
        if self.replayed:
            return words(texts.REPLAYED)
        if not self.images:
            return words(texts.NOTHING_BILLED if self.certain or self.free else texts.MAY_BE_BILLED)
        if self.free:
            return words(texts.DRAWN_FREE if self.certain else texts.AT_LEAST_DRAWN_FREE, images=self.images)
        return words(texts.BILLED if self.certain else texts.AT_LEAST_BILLED, images=self.images)


@dataclass(frozen=True)
class CardSet:
    """Cards that belong together, and what is said of all of them.

    `id` is the id of the run, `title` what stands above the cards, `prompt` all that was asked for. `size` is as it was
    sent: "2048x1536" or "2K". `cards` are what came or failed; `awaited` are the further places, still to come or,
    after a Stop, never. `expected` is the number of pictures asked for, None where the model decides. `bill` is None
    while nobody knows. `notes` are sentences that stand below. `folder` is where the originals are, for people to read.
    `opens_at` is the index of the card that a carousel opens at. `copies` are the keys of the texts that can be
    copied, `export` is the line that writes the set to a file. `created` is when the pictures were made, UTC. While
    the set is "running", `updated` is the moment at which all this was so, and `limit` the seconds from then on
    after which it is over, whatever its kernel has become. It is "interrupted" where the kernel ended in the
    middle.
    """

    id: str
    title: str
    prompt: str
    model: str
    size: str
    language: Language
    cards: tuple[Card, ...]
    awaited: tuple[Card, ...] = ()
    expected: int | None = None
    state: Literal["running", "done", "stopped", "interrupted"] = "done"
    bill: Bill | None = None
    tokens: int | None = None
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    folder: str = ""
    opens_at: int = 0
    copies: tuple[str, ...] = ()
    export: str = ""
    created: datetime | None = None
    updated: datetime | None = None
    limit: float = 0.0

    @property
    def words(self) -> Words:
        """The words of its language."""
        return words_in(self.language)

    @property
    def places(self) -> tuple[Card, ...]:
        """Every place, also those for which nothing has come."""
        return self.cards + self.awaited

    @property
    def pictures(self) -> tuple[Card, ...]:
        """The cards that have a picture."""
        return tuple(card for card in self.cards if card.picture is not None)

    @property
    def ratio(self) -> float:
        """Width over height of the pictures: of the first that is here, else what was asked for, else 1."""
        for card in self.pictures:
            if card.width and card.height:
                return card.width / card.height
        width, _, height = self.size.partition("x")
        if width.isdecimal() and height.isdecimal() and int(width) and int(height):
            return int(width) / int(height)
        return 1.0

    @property
    def progress(self) -> tuple[int, int]:
        """How many pictures are here, and how many were asked for."""
        return len(self.pictures), max(len(self.cards), self.expected or 0)

    def caption_of(self, card: Card) -> str:
        """The card's own words; empty in a set whose cards all have the prompt that stands above them."""
        return "" if len(self.cards) > 1 and card.caption == self.prompt else card.caption

    def progress_text(self, words: Words) -> str:
        """How many came, of how many: "4 images", "3 of 4 images"."""
        here, asked = self.progress
        return words(texts.ALL_CAME, count=here) if here == asked else words(texts.SOME_CAME, count=here, total=asked)

    def state_text(self, words: Words) -> str:
        """That it was stopped or interrupted, and how many came: "stopped · 3 of 6 images"; "" where all did."""
        here, asked = self.progress
        if self.state == "interrupted":
            return self.interrupted_text(words)
        progress = "" if here == asked and self.state != "running" else self.progress_text(words)
        return " · ".join(filter(None, (words(texts.STOPPED) if self.state == "stopped" else "", progress)))

    def interrupted_text(self, words: Words) -> str:
        """What the set is where its kernel has ended: "interrupted, 3 of 6 saved"."""
        here, asked = self.progress
        return words(texts.INTERRUPTED, saved=words(texts.OF, part=here, total=asked) if self.expected else here)

    def resume_text(self, words: Words) -> str:
        """What to do where the kernel has ended."""
        return words(texts.RESUME, run=self.id)

    def dated_text(self, text: Text, words: Words) -> str:
        """`UNTIL` or `LAST_SIGN` of this set; "" of one that does not grow."""
        if self.updated is None:
            return ""
        moment = f"{self.updated.astimezone():%Y-%m-%d %H:%M:%S}"
        return words(text, moment=moment, resume=self.resume_text(words))

    def bill_text(self, words: Words) -> str:
        """What it cost; empty while nobody knows."""
        return self.bill.text(words) if self.bill else ""

    def seconds_text(self, words: Words) -> str:
        """How long it took: "4.2 s", "41 s". Empty for one from the store, which would read as spent anew, and where
        nobody is told.
        """
        if self.replayed or (self.state == "done" and not self.seconds):
            return ""
        return words(texts.SECONDS, seconds=f"{self.seconds:.{1 if self.seconds < 9.95 else 0}f}")

    @property
    def replayed(self) -> bool:
        """Whether it comes from the store."""
        return self.bill is not None and self.bill.replayed


@dataclass(frozen=True)
class Preview:
    """A re-encoded picture as a data URI; `width` and `height` are its own pixels, not the original's."""

    data_uri: str
    width: int
    height: int


@dataclass(frozen=True)
class Row:
    """A set as one line of a table: its first picture, its prompt, and facts that are ready to be read.

    `command` and the id make the line that opens the set in a cell. `store` tells where it is, empty where all are in
    one. `marks` are its stars and tags.
    """

    number: int
    id: str
    command: str
    caption: str
    picture: Preview | None
    state: str
    when: str
    model: str
    notebook: str
    progress: str
    bill: str
    store: str = ""
    marks: str = ""


GridState = Literal["planned", "stored", "waiting", "running", "done", "failed", "stopped", "doubtful", "hole"]


@dataclass(frozen=True)
class GridCell:
    """One run of a sweep.

    `labels` are its label on each axis, `cards` its set, None while there is none. `message` is what a person reads of
    one that failed or was stopped: in its first line what happened, below it what to do. `retry` is the code that tries
    it again, empty where there is nothing to try. A "doubtful" one was sent before, may be billed,
    and is not sent again. A "hole" was never asked for. What is "planned" is only looked at and not being drawn; it is
    "stored" where it is in the library already.
    """

    labels: tuple[str, ...]
    state: GridState
    cards: CardSet | None = None
    message: str = ""
    retry: str = ""


@dataclass(frozen=True)
class Grid:
    """A sweep as values: `title` is the prompt as typed, `ledger` the lines above: runs, images, price, time.

    `axes` are names with their labels: the first are the rows, the second the columns, each label of the further ones
    is a page. `cells` are in the order of their product, the first axis slowest; what is missing at the end are holes.
    """

    title: str
    axes: tuple[tuple[str, tuple[str, ...]], ...]
    cells: tuple[GridCell, ...]
    ledger: tuple[str, ...] = ()

    @property
    def words(self) -> Words:
        """The words of the language in which its sets speak."""
        first = next((cell.cards for cell in self.cells if cell.cards), None)
        return first.words if first else words_for(self.title)

    @property
    def runs(self) -> tuple[GridCell, ...]:
        """The cells that are no holes."""
        return tuple(cell for cell in self.cells if cell.state != "hole")

    @property
    def growing(self) -> bool:
        """Whether something may still come."""
        return any(cell.state in {"waiting", "running"} for cell in self.cells)

    @property
    def ratio(self) -> float:
        """Width over height of the pictures, as far as one knows before they are here."""
        return next((cell.cards.ratio for cell in self.cells if cell.cards), 1.0)

    @property
    def places(self) -> int:
        """How many frames a set has at most, as far as one knows."""
        return max(
            (max(len(cell.cards.places), cell.cards.expected or 1) for cell in self.cells if cell.cards), default=1
        )

    def pages(self) -> Iterator[tuple[int, ...]]:
        """The pages, each as its indexes on the third axis and the further ones."""
        return product(*(range(len(labels)) for _, labels in self.axes[2:]))

    def rows(self, page: tuple[int, ...]) -> list[list[int]]:
        """The indexes of a page's cells, by rows; of a sweep with one axis or none they are one row."""
        if len(self.axes) < 2:
            return [list(range(len(self.cells)))]
        (_, rows), (_, columns) = self.axes[:2]
        return [[self._index(row, column, *page) for column in range(len(columns))] for row in range(len(rows))]

    def _index(self, *places: int) -> int:
        """The index of the cell at these indexes on the axes."""
        index = 0
        for (_, labels), place in zip(self.axes, places, strict=True):
            index = index * len(labels) + place
        return index

    def cell(self, index: int) -> GridCell:
        """The cell at this index."""
        return self.cells[index] if index < len(self.cells) else GridCell((), "hole")


def failure_of(error: SeedreamError, words: Words) -> Failure:
    """An error as what a card says of it; what is not ours in the words it came with."""
    code = getattr(error, "code", "")
    name = one_line(code, 80) if isinstance(code, str) and code else type(error).__name__
    told = [in_language(text, words.language) for text in (error.message, *error.details)]
    message = printable("\n".join(told)).removeprefix(f"{name}: ")
    advice = in_language(advice_of(error), words.language)
    return Failure(name, message, (message, advice), tuple(error.lines(words.language)))
