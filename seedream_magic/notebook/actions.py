"""What a person does with a picture by a button in JupyterLab or Notebook 7: an action, answered with a cell.

The front-end extension (`labextension/`) opens a comm and sends actions: what to do, a run, a frame, words. It never
sends code, and the page it sends from is not believed: the run has to be one of this user's and of this notebook's
provider, the frame has to be in its set, and words become a quoted literal. The answer is a cell from the table below,
which the extension inserts and runs, or a mark that is kept with the picture, or what to know of a set before anything
is clicked: what a button may bill.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedream_magic.errors import InvalidRequest, SeedreamError
from seedream_magic.images.image_set import Frame, ImageSet, file_name, origin_of, places_of
from seedream_magic.images.lineage import without_picks
from seedream_magic.images.takes import all_takes_of, takes_of
from seedream_magic.notebook.desk import Desk
from seedream_magic.words import actions as texts
from seedream_magic.words.carousel import DEMO, words_for
from seedream_magic.words.text import in_language, join

if TYPE_CHECKING:
    from seedream_magic.api.plan import Plan
    from seedream_magic.seedream import Seedream

LONGEST_WORDS = 20_000
"""Characters of a prompt: more than any service reads."""
KINDS = ("pdf", "html", "zip")
"""Files that a set is exported as."""
MOST_FRAMES = 9
"""What a light table takes."""


@dataclass(frozen=True)
class Message:
    """What a page asks for: the action, the run whose set is meant, the index of a frame, words that were typed.

    `take` is one of a frame's, from 1; `made` says of the picture that the page shows which run made it, and where in
    it: a page that is older than a pick shows another take than the set does by now. `others` are further frames, by
    their runs and indexes.
    """

    action: str
    run: str
    frame: int
    words: str
    take: int
    made: str
    others: tuple[tuple[str, int, str], ...]


@dataclass(frozen=True)
class Action:
    """An action on a frame of a set that is known here; `client` is what goes on from the set.

    `made` is that of the message, "" for the take that the set shows.
    """

    client: Seedream
    images: ImageSet
    frame: int
    words: str
    made: str = ""
    others: tuple[Action, ...] = ()

    @property
    def picture(self) -> Frame:
        """The take of the frame that the page shows. Raises `InvalidRequest` where there is none."""
        if self.frame >= len(self.images) or not self.images[self.frame].ok:
            raise InvalidRequest(texts.NO_PICTURE(number=self.frame + 1))
        shown = self.images[self.frame]
        if self.made in {"", _made(shown)}:
            return shown
        takes = self.client.takes(self.images, self.frame)
        take = next((take for take in takes if _made(take) == self.made), None)
        if take is None:
            raise InvalidRequest(texts.PICTURE_GONE(number=self.frame + 1))
        return take

    def refuse_other_take(self) -> None:
        """Refuse what names the frame, where the page shows another take of it than the set does by now."""
        if self.picture.path != self.images[self.frame].path:
            raise InvalidRequest(texts.OTHER_TAKE(number=self.frame + 1), hint=texts.PICK_TAKE())


@dataclass(frozen=True)
class Cell:
    """A cell for the notebook; `runs` says whether it is run at once, else the person writes on in it."""

    source: str
    runs: bool = True


def read_message(data: object) -> Message:
    """The message of a page. Raises `InvalidRequest` for what is none."""
    fields = data if isinstance(data, Mapping) else {}
    defaults = {"action": "", "run": "", "frame": 0, "words": "", "take": 1, "made": "", "others": ()}
    action, run, frame, words, take, made, others = (fields.get(key, default) for key, default in defaults.items())
    known = all(isinstance(text, str) and len(text) <= LONGEST_WORDS for text in (action, run, words, made))
    numbers = (
        type(frame) is int and type(take) is int and isinstance(others, list | tuple) and len(others) < MOST_FRAMES
    )
    if not (known and numbers) or action not in {"offer", *FORMS, *MARKS, "pick"}:
        raise InvalidRequest(texts.NO_ACTION())
    return Message(action, run, frame, words.strip(), take, made, tuple(map(_named_frame, others)))


def _named_frame(data: object) -> tuple[str, int, str]:
    fields = data if isinstance(data, Mapping) else {}
    run, frame, made = fields.get("run"), fields.get("frame"), fields.get("made", "")
    if not isinstance(run, str) or type(frame) is not int or not isinstance(made, str):
        raise InvalidRequest(texts.NO_FRAME())
    return run, frame, made


def _redo(asked: Action) -> Cell:
    """The frame once more, by the words it shows or others; run again, the cell shows this very take."""
    from seedream_magic.continuation import plan_redo  # noqa: PLC0415 - load time, see `desk`

    images, place = asked.images, asked.frame
    words = asked.words or None
    if words is None and place < len(images):  # a take in other words may be shown
        shown, own = (asked.picture if images[place].ok else images[place]).prompt, without_picks(images)[place].prompt
        words = shown if shown != own else None
    take = len(takes_of(images.folder, place)) + 1
    plan_redo(asked.client, images, [place], prompt=words, take=take)  # refuses what cannot be drawn
    return Cell(origin_of(images).redo_cell(place, prompt=words, take=take))


def _vary(asked: Action) -> Cell:
    """A new picture after the frame: after the take that shows, whichever is picked when the cell is run again."""
    from seedream_magic.continuation import plan_vary  # noqa: PLC0415 - load time, see `desk`

    if not asked.words:
        raise InvalidRequest(texts.SAY_WHAT_IT_SHOWS())
    take = asked.picture.take
    frame = asked.client.takes(asked.images, asked.frame)[take - 1]
    plan = plan_vary(asked.client, frame, asked.words, another=True)
    number = _next_take(asked.client, plan)
    return Cell(origin_of(asked.images).vary_take_cell(asked.frame, take, asked.words, take=number))


def _retry(asked: Action) -> Cell:
    return Cell(f"%seedream retry {asked.images.run_id}")


def _reference(asked: Action) -> Cell:
    asked.refuse_other_take()
    return Cell(f"%%seedream --ref run:{asked.images.run_id}[{asked.frame}]\n", runs=False)


def _compare(asked: Action) -> Cell:
    if not asked.others:
        raise InvalidRequest(texts.PIN_TWO())
    names = []
    for one in (asked, *asked.others):
        one.refuse_other_take()
        names.append(f"run:{one.images.run_id}[{one.frame}]")
    return Cell(f"%seedream compare {' '.join(names)}")


def _export(asked: Action) -> Cell:
    """The set as a file beside the notebook, under a name that none there has yet."""
    if asked.words not in KINDS:
        raise InvalidRequest(texts.KINDS())
    names = (file_name(asked.images, asked.words, number) for number in count(1))
    name = next(name for name in names if not Path(name).exists())
    return Cell(f"%seedream export {asked.images.run_id} {name}")


FORMS: Mapping[str, Callable[[Action], Cell]] = {
    "redo": _redo,
    "vary": _vary,
    "retry": _retry,
    "reference": _reference,
    "compare": _compare,
    "export": _export,
}
"""All cells that a button can make."""

MARKS: Mapping[str, Callable[[Frame], None]] = {
    "star": lambda frame: frame.star(),
    "reject": lambda frame: frame.reject(),
    "unmark": lambda frame: frame.unmark(),
}
"""All that a button says of a picture; nothing is run for it."""


def answer(desk: Desk, data: object) -> dict[str, Any]:
    """What is said to a page: a `cell` and whether it `runs`, the facts of a set, or why it is `refused`."""
    try:
        return _answer(desk, read_message(data))
    except SeedreamError as error:
        return {"refused": join(str(error), error.hint)}
    except Exception as error:  # noqa: BLE001 - the page waits for an answer, whatever went wrong
        return {"refused": f"{type(error).__name__}: {error}"}


def _answer(desk: Desk, message: Message) -> dict[str, Any]:
    client, images = _set_of(desk, message.run)
    if message.action == "offer":
        return _facts(client, images)
    first, *others = [
        _checked(Action(*(_set_of(desk, run) if run != message.run else (client, images)), frame, message.words, made))
        for run, frame, made in ((message.run, message.frame, message.made), *message.others)
    ]
    asked = replace(first, others=tuple(others))
    if message.action == "pick":
        return {"bundle": client.pick(images, message.frame, message.take)._repr_mimebundle_()}
    if message.action in MARKS:
        MARKS[message.action](asked.picture)
        return {"mark": _mark(asked.picture)}
    cell = FORMS[message.action](asked)
    return {"cell": cell.source, "runs": cell.runs}


def _checked(asked: Action) -> Action:
    if asked.frame not in range(max(len(asked.images), asked.images.expected or 0)):
        raise InvalidRequest(texts.NO_SUCH_FRAME(run=asked.images.run_id, number=asked.frame + 1))
    return asked


def _set_of(desk: Desk, run_id: str) -> tuple[Seedream, ImageSet]:
    """The set of a run, named by its whole id, and the client that goes on from it.

    Neither a page nor a record chooses who gets a key: where another provider made the run, this session has to have
    sent it. Raises `InvalidRequest` or `ConfigError` else.
    """
    from seedream_magic.planning import refuse_other_provider  # noqa: PLC0415 - load time, see `desk`
    from seedream_magic.replay import find_run  # noqa: PLC0415 - load time, see `desk`

    client = desk.client()
    record = find_run(client.store, run_id)
    if record.run_id != run_id:
        raise InvalidRequest(texts.NOT_OF_NOTEBOOK())
    if run_id in desk.session.made:
        client = desk.client(record.provider)
    refuse_other_provider(client, record.run_id, record.provider)
    return client, client.show(run_id)


def _facts(client: Seedream, images: ImageSet) -> dict[str, Any]:
    """What a page shows before a click: which actions there are, what each may bill, the words of the frames."""
    from seedream_magic.continuation import missing_places  # noqa: PLC0415 - load time, see `desk`

    missing, places = len(missing_places(images)), len(places_of(images))
    takes = all_takes_of(images.folder)
    impossible = {"redo"} if images.request.layer_decomposition else set()
    impossible |= set() if missing else {"retry"}
    bill = partial(_bill, client, images)
    return {
        "actions": [name for name in (*FORMS, *MARKS, "pick") if name not in impossible],
        "bills": {"redo": bill(1), "vary": bill(1), "retry": bill(missing)},
        "words": [frame.prompt for frame in places_of(images)],
        "takes": [[[_made(take), _mark(take)] for take in takes.get(place, ())] for place in range(places)],
    }


def _made(frame: Frame) -> str:
    """Which run made the picture, and where in it: "RUN[0]"; "" for one of no run."""
    return f"{frame.home[0].name}[{frame.home[1]}]" if frame.home else ""


def _mark(frame: Frame) -> str:
    """The mark of a picture as a page shows it."""
    return "star" if frame.starred else "reject" if frame.rejected else ""


def _bill(client: Seedream, images: ImageSet, count: int) -> str:
    """What so many further images of a set may bill, as a person reads it before the click."""
    words = words_for(images.prompt)
    if not client.provider.needs_key:
        return words(DEMO)
    from seedream_magic.api.prices import bill_text, price_of  # noqa: PLC0415 - load time: the extension loads this

    address, prices = client.given_base_url or "", client.session.prices
    price = price_of(images.request, client.provider, prices, base_url=address, images=count)
    return in_language(texts.MAY_BILL(bill=bill_text(count, price)), words.language)


def _next_take(client: Seedream, plan: Plan) -> int:
    """Which set of the plan's request the next one is: the cell that draws it shows it whenever it is run again."""
    from seedream_magic.replay import takes  # noqa: PLC0415 - load time, see `desk`

    return len(takes(plan, client.store)) + 1
