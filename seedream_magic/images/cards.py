"""What cards say of a run beside its pictures: links, cells that go on from it, advice, and what others may read.

`ImageSet` makes its cards with this and hands them down to `view`, which knows nothing of runs.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from seedream_magic.api.codes import find_code
from seedream_magic.api.plan import call_text
from seedream_magic.api.redaction import redact
from seedream_magic.errors import ContentRefused, ImageError, ImageTooLarge, SeedreamError, advice_of
from seedream_magic.images.json_files import read_object
from seedream_magic.session import DEFAULT_STORE, home
from seedream_magic.words import carousel as texts
from seedream_magic.words.carousel import CHINESE, Words
from seedream_magic.words.clip import own_folder, path_from
from seedream_magic.words.text import in_language

if TYPE_CHECKING:
    from seedream_magic.view.cards import Card, CardSet, Failure

OPTIONS = '  # prompt="…", refs="…", fresh=True'
"""What can be said of a frame that is drawn anew; without it the cell is complete."""

_SECRET = re.compile(r"api_?key|authorization|password|secret|token$", re.IGNORECASE)
_TYPED = frozenset({"prompt", "storyboard"})
_SHARED = (
    "run_id",
    "state",
    "outcome",
    "provider",
    "base_url",
    "client_request_id",
    "began",
    "expected",
    "seconds",
    "body",
    "references",
    "storyboard",
    "lineage",
    "usage",
    "frames",
    "error",
)
"""What of a run's record is handed on; the author's computer, process and notebook are nobody else's."""


@dataclass(frozen=True)
class Origin:
    """The run that a set is from, as a cell names it. The cells work anywhere, in a fresh kernel as well.

    `base_url` is the address that was given for the provider in Python, None for the provider's own.
    """

    provider: str
    run_id: str
    folder: Path
    base_url: str | None = None

    def redo_cell(self, place: int, **arguments: str | int | None) -> str:
        """The cell that draws the frame at this index anew; `arguments` are those of `redo`, None for none."""
        return self._cell(call_text(".redo", place, **arguments))

    def vary_cell(self, place: int, prompt: str, **arguments: int) -> str:
        """The cell that draws a set of its own after the frame at this index; `arguments` are those of `vary`."""
        return self._cell(call_text(f"[{place}].vary", prompt, **arguments))

    def pick_cell(self, place: int, take: int, takes: int) -> str:
        """The cell that picks another take than this of the frame at this index."""
        return self._cell(call_text(".pick", place, take=take % takes + 1)) + f"  # take=1…{takes}"

    def star_cell(self, place: int, take: int | None = None) -> str:
        """The cell that stars the frame at this index; with `take` that take of it, whichever is picked."""
        return self._cell(f"[{place}].star()" if take is None else f".takes({place})[{take - 1}].star()")

    def vary_take_cell(self, place: int, shown: int, prompt: str, *, take: int) -> str:
        """The same after one of the takes of the frame, `shown`, from 1."""
        return self._cell(f"{call_text('.takes', place)}[{shown - 1}]{call_text('.vary', prompt, take=take)}")

    def redo_after(self, error: SeedreamError | None, place: int) -> str:
        """The cell that draws a frame anew; the same words and references again would be refused again."""
        if not isinstance(error, ContentRefused):
            return self.redo_cell(place) + OPTIONS
        return self.redo_cell(place, **{"refs" if error.code.startswith("InputImage") else "prompt": "…"})

    def commands(self, error: SeedreamError) -> tuple[str, ...]:
        """The lines to run for a frame that failed: what may cost nothing or help most stands first."""
        retry = f"%seedream retry {self.run_id}"
        if isinstance(error, ContentRefused) and error.code.startswith("Input"):
            return ()  # the same words and references would be refused again; other ones are typed
        # Where it cannot help (a link that has ended, a picture that came without one), neither does the error name it.
        advice = advice_of(error)
        made = isinstance(error, ImageError) and not isinstance(error, ImageTooLarge) and "%seedream recover" in advice
        return (f"%seedream recover {self.run_id}", retry) if made else (retry,)

    def names_of(self, path: Path, place: int, home: tuple[Path, int] | None = None) -> dict[str, str]:
        """What can be copied of a picture while its run lasts: its path, and the option that makes it a reference.

        And for programs where it lies, its `home`: which take it is, whatever the set shows by then.
        """
        names = {"path": path_text(path), "ref": f"--ref run:{self.run_id}[{place}]"}
        return names if home is None else {**names, "made": f"{home[0].name}[{home[1]}]"}

    def with_next_steps(self, card: Card, error: SeedreamError | None, words: Words) -> Card:
        """The card of a run that has ended, with the cells and lines that go on from it."""
        copies = {"redo": self.redo_after(error, card.index), **card.copies}
        if "path" in copies:
            copies["vary"] = self.vary_cell(card.index, words(texts.VARIATION))
        if card.takes > 1:
            copies["pick"] = self.pick_cell(card.index, card.take, card.takes)
        return replace(card, copies=copies, commands=self.commands(error) if error else ())

    def _cell(self, call: str) -> str:
        """The provider is always named: another one would be paid."""
        client = call_text("Seedream", self.provider, store=self._store(), base_url=self.base_url)
        return f"from seedream_magic import Seedream\n{client}{call_text('.show', self.run_id)}{call}"

    def _store(self) -> str | None:
        """The store as `Seedream` takes it, None for its default."""
        store = self.folder.parent.absolute()
        if store == home() / DEFAULT_STORE and not os.environ.get("SEEDREAM_STORE"):
            return None
        return path_text(store)


def base_url_of(client: Any, provider: str) -> str | None:
    """The address that was given in Python for the run's own provider; the demo's is another one in each kernel.

    The set may be opened by another provider's client: its address would get a key that is not for it.
    """
    if client is None or client.provider.name != provider or not client.provider.base_url:
        return None
    known = (client.provider.base_url, os.environ.get("SEEDREAM_BASE_URL"))
    return None if client.given_base_url in known else str(client.given_base_url)


def relative_link(path: Path, *, above: bool = False) -> str | None:
    """`path` as a link from the notebook's folder, percent-quoted.

    None where a front end could not follow it: outside that folder, or hidden, which Jupyter does not serve. With
    `above` also outside it, beside other notebooks: a front end knows how far up its own folder lies. Not where the
    link would tell whose computer it is.
    """
    try:
        parts = Path(os.path.relpath(path, home())).parts
    except ValueError:  # on another drive
        return None
    shown = parts
    if above and parts[:1] == ("..",):
        together, own = Path(os.path.commonpath([home().absolute(), path.absolute()])), own_folder()
        nameless = together.is_relative_to(own) or (len(together.parts) > 1 and not own.is_relative_to(together))
        shown = tuple(part for part in parts if part != "..") if nameless else parts
    return None if any(part.startswith(".") for part in shown) else quote("/".join(parts))


def path_text(path: Path) -> str:
    """The path from the notebook's folder on, as a saved output may have it: not with the name of its author."""
    return path_from(path, home())


def without_folders(text: str) -> str:
    """A sentence in which the paths of files are as `path_text` has them; of those elsewhere the last two names."""
    for folder, short in ((home().absolute(), ""), (own_folder(), f"~{os.sep}")):
        if folder != Path(folder.anchor):
            text = text.replace(f"{folder}{os.sep}", short)
    return _ABSOLUTE.sub(lambda match: str(Path("…", *re.split(r"[/\\]", match[0])[-2:])), text)


_ABSOLUTE = re.compile(r"""(?<![\w/\\:.~…-])(?:/|[A-Za-z]:\\|\\\\)(?:[^/\\\n"'<>|:*?]+[/\\])+[^\s/\\"'<>|:*?,;()]+""")
"""The path of a file from the root on, of any system. A name may have blanks; the last one ends at one."""


def failure_in(error: SeedreamError, words: Words) -> Failure:
    """What a card says of an error; in Chinese the service's own words are told by the code, where that is known."""
    from seedream_magic.view.cards import Failure, failure_of  # noqa: PLC0415 - load time, see `image_set`

    failure = failure_of(error, words)
    shown = (tuple(map(without_folders, lines)) for lines in (failure.explanation, failure.lines))
    failure = Failure(failure.name, without_folders(failure.message), *shown)
    code = find_code(failure.name) if words is CHINESE else None
    if code is None:
        return failure
    of_code = in_language(error.hint, "en") in {"", code.fix.english}
    advice = words(code.fix) if of_code else failure.explanation[1]
    return replace(failure, explanation=(words(code.cause), advice))


def created_at(run_id: str, pictures: tuple[Path, ...]) -> datetime | None:
    """When a run began: the date in its id, else that of its first picture's file."""
    try:
        return datetime.strptime(run_id[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        first = next((path for path in pictures if path.exists()), None)
        return datetime.fromtimestamp(int(first.stat().st_mtime), UTC) if first else None


def public_cards(cards: CardSet) -> CardSet:
    """The set as others may read it: links in what failures and notes say are without their signatures."""
    return replace(cards, cards=tuple(map(_public_card, cards.cards)), notes=tuple(map(public_text, cards.notes)))


def _public_card(card: Card) -> Card:
    if card.failure is None:
        return card
    message, explanation = public_text(card.failure.message), tuple(map(public_text, card.failure.explanation))
    return replace(card, failure=replace(card.failure, message=message, explanation=explanation))


def public_record(folder: Path, otherwise: Mapping[str, Any]) -> dict[str, Any]:
    """The record of the run in `folder` as others may read it; of a set that is of no such run `otherwise`, its facts.

    Without keys, signed links, embedded pictures and folders. What was typed as a prompt stays.
    """
    record = read_object(folder / "request.json") if folder.name == otherwise["run_id"] else None
    facts = record or otherwise
    return {name: public_value(facts[name], "") for name in _SHARED if name in facts}


def public_value(value: Any, name: str) -> Any:
    """A value of a record that has this name, as others may read it."""
    if isinstance(value, list | tuple):
        return [public_value(item, name) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no such number
    if name in _TYPED:
        return value
    if isinstance(value, Mapping):
        return {key: public_value(item, key) for key, item in value.items()}
    return _public_text_named(value, name) if isinstance(value, str) else value


def _public_text_named(text: str, name: str) -> str:
    if _SECRET.search(name):
        return "…"
    if name == "source" and "://" not in text and not text.startswith("data:"):
        return re.split(r"[\\/]", text)[-1]  # a path
    return public_text(text)


def public_text(text: str) -> str:
    """A text as others may read it."""
    if text.startswith("data:"):
        return f"{text.partition(',')[0][:80]},({len(text)} characters)"
    return redact(text) if "://" in text else text
