"""An image set: the frames of a run in their places, and the facts of the run.

A run has one before its request leaves. How it looks is loaded when it is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, overload

from seedream_magic.api.providers import Provider
from seedream_magic.api.request import ImageRequest
from seedream_magic.errors import (
    ConfigError,
    ImageError,
    InvalidRequest,
    ResponseBroken,
    SeedreamError,
    SeedreamInterrupted,
    plural,
    sends_nothing,
)
from seedream_magic.images.cards import (
    Origin,
    base_url_of,
    created_at,
    failure_in,
    path_text,
    public_cards,
    public_record,
    relative_link,
    without_folders,
)
from seedream_magic.images.marks import NONE, Marks, change_marks, checked_tags, mark, marks_of
from seedream_magic.images.shapes import checked_places, request_of_pictures
from seedream_magic.names import KIN, NameHints, takes_keywords
from seedream_magic.words import runs as texts
from seedream_magic.words.carousel import ENGLISH, Words, words_for
from seedream_magic.words.text import Sentence, in_language, join

if TYPE_CHECKING:
    from PIL.Image import Image

    from seedream_magic.view.cards import Bill, Card, CardSet, CardState


class Client(Protocol):
    """What goes on from a set: `Seedream` is one. `store` is its folder of runs.

    `given_base_url` is the address that it asks, "" for the embedded demo.
    """

    provider: Provider
    given_base_url: str
    store: Path

    def redo(
        self,
        images: ImageSet,
        places: Sequence[int],
        *,
        prompt: str | None,
        refs: object,
        fresh: bool,
        take: int | None,
    ) -> ImageSet:
        """See `ImageSet.redo`."""

    def takes(self, images: ImageSet, place: int) -> tuple[Frame, ...]:
        """See `ImageSet.takes`."""

    def pick(self, images: ImageSet, place: int, take: int) -> ImageSet:
        """See `ImageSet.pick`."""

    def extend(
        self, images: ImageSet, frames: int | str | Sequence[str], *, prompt: str | None, refs: object, fresh: bool
    ) -> ImageSet:
        """See `ImageSet.extend`."""

    def vary(self, frame: Frame, prompt: str, *, images: int, refs: object, fresh: bool, take: int | None) -> ImageSet:
        """See `Frame.vary`."""


State = Literal["running", "done", "stopped"]
Outcome = Literal["not_sent", "rejected", "unknown", "billed"]
MAXIMUM_NOTES = 20
LONGEST_RUN_SECONDS = 3600.0
"""A run without a limit of its own that has lasted longer is over, whatever became of its process."""
Reported = TypeVar("Reported", SeedreamError, SeedreamInterrupted)


@dataclass(frozen=True)
class Frame(NameHints):
    """One picture of a set.

    `index` counts from 0 (files and captions from 1). `path` is the original file as the service made it; None while
    the picture is on its way and for a frame that failed, which carries its `error` instead. `width` and `height` are
    pixels, read from the file. `run_id` is the run whose set it was taken from, `client` the client it came through.
    `home` is the folder of the run that made the picture and its index there: a set may show pictures of several runs.
    `place` is its index in the set of `run_id`, where it has another one in a set that was put together. It is `take`
    of `takes`, from 1, where the frame was drawn more than once. `instead` is the frame in whose place it was picked.
    """

    index: int
    prompt: str
    path: Path | None = None
    width: int | None = None
    height: int | None = None
    sha256: str | None = None
    error: SeedreamError | None = None
    run_id: str = field(default="", repr=False, compare=False)
    client: Client | None = field(default=None, repr=False, compare=False)
    home: tuple[Path, int] | None = field(default=None, repr=False, compare=False)
    place: int | None = field(default=None, repr=False, compare=False)
    take: int = field(default=1, repr=False, compare=False)
    takes: int = field(default=1, repr=False, compare=False)
    instead: Frame | None = field(default=None, repr=False, compare=False)

    @property
    def ok(self) -> bool:
        """Whether the picture is on disk."""
        return self.path is not None

    @property
    def place_in_run(self) -> int:
        """Its index in the set of the run that `run_id` names."""
        return self.index if self.place is None else self.place

    @property
    def marks(self) -> Marks:
        """Star, reject, tags and note, as they are at this moment; they lie with the picture in its run's folder."""
        return NONE if self.home is None else marks_of(self.home[0]).get(self.home[1], NONE)

    @property
    def starred(self) -> bool:
        """Whether it has a star."""
        return self.marks.star

    @property
    def rejected(self) -> bool:
        """Whether it was rejected."""
        return self.marks.reject

    @property
    def tags(self) -> tuple[str, ...]:
        """Its tags, in the order in which they were given."""
        return self.marks.tags

    @property
    def note(self) -> str:
        """What was noted about it."""
        return self.marks.note

    @sends_nothing()
    def star(self) -> None:
        """Mark it as one of the best. Raises `ConfigError` where its run's folder cannot be written."""
        mark(*self._marked_at(), star=True)

    @sends_nothing()
    def reject(self) -> None:
        """Mark it as none to be used; that takes its star away."""
        mark(*self._marked_at(), reject=True)

    @sends_nothing()
    @takes_keywords()
    def tag(self, *tags: str, note: str | None = None) -> None:
        """Give it further tags; `note` replaces what was noted about it."""
        given = checked_tags(tags)
        change_marks(*self._marked_at(), lambda marks: marks.changed(tags=(*marks.tags, *given), note=note))

    @sends_nothing()
    def unmark(self) -> None:
        """Take all its marks away."""
        change_marks(*self._marked_at(), lambda _: NONE)

    def _marked_at(self) -> tuple[Path, int]:
        if self.home is None or not self.ok:
            raise InvalidRequest(texts.NOTHING_TO_MARK(place=self.index + 1))
        return self.home

    @property
    def image(self) -> Image:
        """The picture, decoded. Raises the frame's error where there is none."""
        from seedream_magic.view.pictures import open_picture  # noqa: PLC0415 - Pillow loads when a picture is opened

        if self.path is None:
            raise self.error or SeedreamError(texts.NOT_ARRIVED(place=self.index + 1))
        return open_picture(self.path)

    @takes_keywords()
    def vary(
        self, prompt: str, *, images: int = 1, refs: object = (), fresh: bool = False, take: int | None = None
    ) -> ImageSet:
        """Draw a new set after this picture, which is its first reference; `refs` are further ones.

        Again, as `ImageSet.redo`: the set that this very call has drawn is not varied by it once more.
        """
        return _client_of(self).vary(self, prompt, images=images, refs=refs, fresh=fresh, take=take)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "client": None}  # a copy elsewhere has no way back, and no key

    def __repr__(self) -> str:
        state = path_text(self.path) if self.path else type(self.error).__name__ if self.error else "waiting"
        pixels = f" {self.width}x{self.height}" if self.path and self.width else ""
        return f"<Frame {self.index}: {state}{pixels}>"

    def _repr_mimebundle_(self, **_selection: Any) -> dict[str, Any]:
        from seedream_magic.view.carousel import card_bundle  # noqa: PLC0415 - Pillow loads when a picture is displayed

        return card_bundle(card_of(self, words_for(self.prompt)), words_for(self.prompt))

    def _repr_html_(self) -> str:
        return str(self._repr_mimebundle_()["text/html"])


class NoSuchFrame(InvalidRequest, IndexError):
    """An index beyond the frames of a set: an `IndexError`, as Python's own protocols for sequences expect it."""


@dataclass(frozen=True)
class ImageSet(NameHints, Sequence[Frame]):
    """The frames of one run, in order; frame `k` stands at index `k`, failed ones included.

    A growing set is a series of these values: `state` is "running" until the run ends. `expected` is the number of
    images asked for, None where the model decides. `usage` is what the service reported, untouched; None if it
    did not. `outcome` is what became of the one POST. `seconds` is the time from the request to this value. `notes`
    are sentences about what went wrong or is worth knowing. `replayed` says that it comes from the store.
    `pause` is a sentence about a wait before another attempt at a request that was not sent, or not taken; else empty.
    `task` is the id that a gateway gave in place of pictures, while it is asked for; several are separated by commas.
    `inherited` are the indexes of frames that an earlier run made, `own` is then what this run alone made. `client`
    goes on from the set; None for one that was read from elsewhere. `limit` is the seconds after which the run is over,
    whatever became of its process; `interrupted` says that the process ended before the run did. A set that was put
    together of earlier ones has for each frame its `sources`: the set it is from, and its index there.
    """

    request: ImageRequest
    provider: str
    run_id: str
    folder: Path
    frames: tuple[Frame, ...] = ()
    expected: int | None = 1
    state: State = "running"
    outcome: Outcome = "not_sent"
    usage: Mapping[str, Any] | None = field(default=None, hash=False)
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    replayed: bool = False
    pause: str = ""
    task: str = ""
    inherited: frozenset[int] = frozenset()
    own: ImageSet | None = field(default=None, repr=False, compare=False)
    client: Client | None = field(default=None, repr=False, compare=False)
    limit: float = LONGEST_RUN_SECONDS
    interrupted: bool = False
    sources: tuple[tuple[ImageSet, int], ...] = field(default=(), repr=False, compare=False)

    @overload
    def __getitem__(self, index: int) -> Frame: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Frame, ...]: ...
    def __getitem__(self, index: int | slice) -> Frame | tuple[Frame, ...]:
        try:
            return self.frames[index]
        except IndexError:
            last = len(self.frames) - 1
            several = texts.FRAMES_ARE(frames=last + 1, last=last) if last > 0 else ""
            raise NoSuchFrame(several or (texts.ONE_FRAME() if last == 0 else texts.NO_FRAMES())) from None

    def __len__(self) -> int:
        return len(self.frames)

    def __iter__(self) -> Iterator[Frame]:
        return iter(self.frames)

    @property
    def prompt(self) -> str:
        """The prompt of the request."""
        return self.request.prompt

    @property
    def ok(self) -> tuple[Frame, ...]:
        """The frames whose picture is on disk."""
        return tuple(frame for frame in self.frames if frame.ok)

    @property
    def failed(self) -> tuple[Frame, ...]:
        """The frames that carry an error."""
        return tuple(frame for frame in self.frames if frame.error is not None)

    @property
    def starred(self) -> tuple[Frame, ...]:
        """The frames that have a star, see `Frame.star`."""
        return tuple(frame for frame in self.frames if frame.starred)

    @property
    def complete(self) -> bool:
        """Whether every picture that was asked for is on disk."""
        return self.expected is not None and len(self.ok) >= self.expected

    @property
    def billed(self) -> int:
        """Images billed: as the service reported, else the pictures it delivered."""
        reported = (self.usage or {}).get("generated_images")
        if isinstance(reported, int) and not isinstance(reported, bool) and reported >= 0:
            return reported
        if self.own is not None:
            return self.own.billed
        if self.sources:  # nothing was sent for it
            return 0
        return sum(frame.ok or isinstance(frame.error, ImageError) for frame in self.frames)

    def require_all(self) -> ImageSet:
        """The set itself, if every frame has its picture. Raises the first failed frame's error otherwise."""
        for frame in self.failed:
            if frame.error is not None:
                raise self.attach(frame.error)
        return self

    def attach(self, error: Reported) -> Reported:
        """The error, with the facts of this set: run, files that are saved, the set itself."""
        error.run_id, error.images = self.run_id, self
        error.saved = tuple(frame.path for frame in self.ok if frame.path)
        return error

    def with_frame(self, frame: Frame) -> ImageSet:
        """A set in which `frame` stands at its index; places before it that are still empty wait."""
        frames = list(self.frames)
        frames += [Frame(index, self.request.prompt_of(index)) for index in range(len(frames), frame.index + 1)]
        frames[frame.index] = replace(frame, home=(self.folder, frame.index))
        return replace(self, frames=tuple(frames))

    def with_client(self, client: Client) -> ImageSet:
        """The set as one that goes on through this client, its frames as well."""
        if self.sources:
            return put_together([(of.with_client(client), place) for of, place in self.sources], like=self)
        frames = tuple(replace(frame, client=client, run_id=self.run_id) for frame in self.frames)
        return replace(self, client=client, frames=frames)

    def with_note(self, note: str) -> ImageSet:
        """The set with one more note; of more than twenty the first ten stay, and the newest."""
        if note in self.notes:
            return self
        notes = (*self.notes, note)
        return replace(self, notes=notes if len(notes) <= MAXIMUM_NOTES else (*notes[:10], *notes[11:]))

    def finished(self, failure: SeedreamError | None, *, named: AbstractSet[int]) -> ImageSet:
        """The set at its end: empty places carry the reason, and the notes say what is missing.

        `failure` is what broke the answer off; `named` holds the places whose link or base64 came.
        """
        images, count = self, len(self)
        if failure is not None and self.outcome == "billed":
            count = max(count, self.expected or 1)
        for index in range(count):
            if index >= len(images) or (images[index].path is None and images[index].error is None):
                error = failure or ResponseBroken(texts.NOTHING_FOR_PLACE(), billed="yes")
                if index in named:  # where its link is known the picture is not lost yet
                    error = ImageError(texts.MADE_BUT_NOT_HERE(why=failure.message if failure else ""))
                images = images.with_frame(Frame(index, self.request.prompt_of(index), error=error))
        if failure is not None:
            till_then = texts.BILLED_TILL_THEN() if failure.billed == "yes" and (self.ok or named) else ""
            images = images.with_note(join(failure.message, till_then))
        elif self.expected is not None and count < self.expected:
            images = images.with_note(self._too_few(len(named)))
        return replace(images, state="done", pause="")

    def _too_few(self, made: int) -> str:
        """What to do where fewer images came than were asked for, and nothing says why."""
        missing = (self.expected or 0) - made
        if made == 1 and not self.failed:
            return texts.ONE_OF_MANY(expected=self.expected, missing=missing, run=self.run_id)
        return texts.TOO_FEW(made=made, expected=self.expected, run=self.run_id)

    @takes_keywords()
    def redo(
        self,
        *places: int,
        prompt: str | None = None,
        refs: object = None,
        fresh: bool = False,
        take: int | None = None,
    ) -> ImageSet:
        """Draw the frames at these indexes anew; the set with them in their places.

        `prompt` stands in place of their words. `refs` replaces the references of the set; "others" adds the set's
        other pictures to them. The same redo again comes from the store, like any request, also in a cell that binds
        the set to its own name (`story = story.redo(1)`): a set that was made by this very redo comes back as it is,
        with a note. Of a set that was put together the frames are drawn anew in the set that they are from, and stand
        here in their places. `fresh` pays for another. `take` is for a cell that is to draw another one once: that take
        of the frame, as `takes` and `pick` count them, is shown, and drawn where it is the next.
        """
        if self.sources:
            return self._redo_in_source(places, prompt=prompt, refs=refs, fresh=fresh, take=take)
        return _client_of(self).redo(self, places, prompt=prompt, refs=refs, fresh=fresh, take=take)

    @sends_nothing()
    def takes(self, place: int) -> tuple[Frame, ...]:
        """All takes of the frame at this index that have a picture, the first drawn first."""
        if self.sources:
            of, at = self.sources[checked_places([place], len(self))[0]]
            return tuple(replace(frame, index=place, place=at) for frame in of.takes(at))
        return _client_of(self).takes(self, place)

    @sends_nothing()
    @takes_keywords()
    def pick(self, place: int, *, take: int) -> ImageSet:
        """Let the frame at this index be one of its takes, counted from 1; the set as it then stands.

        The pick is kept with the run: it decides what the set shows, exports and hands on, here, in a cell that is run
        again and in a copy of the folder, until another take is picked or drawn. Nothing is sent.
        """
        if self.sources:
            of, at = self.sources[checked_places([place], len(self))[0]]
            picked = of.pick(at, take=take)
            return put_together([(picked if one.run_id == of.run_id else one, at) for one, at in self.sources])
        return _client_of(self).pick(self, place, take)

    @takes_keywords()
    def extend(
        self,
        frames: int | str | Sequence[str],
        *,
        prompt: str | None = None,
        refs: object = "others",
        fresh: bool = False,
    ) -> ImageSet:
        """Draw further frames: as many, or one for each of these prompts; the set with them at its end.

        Again, as `redo`: a set that has them by this very call comes back as it is, `fresh` pays for more.
        """
        if self.sources:
            raise InvalidRequest(texts.NOT_EXTENDED())
        return _client_of(self).extend(self, frames, prompt=prompt, refs=refs, fresh=fresh)

    def _redo_in_source(self, places: Sequence[int], **asked: Any) -> ImageSet:
        """The set with these frames drawn anew where they are from: in one set, for that is one request."""
        chosen = checked_places(tuple(dict.fromkeys(places)), len(self))
        of, _ = self.sources[chosen[0]]
        others = [place for place in chosen if self.sources[place][0].run_id != of.run_id]
        if others:
            raise InvalidRequest(texts.OF_DIFFERENT_RUNS(first=chosen[0], second=others[0]))
        made = of.redo(*(self.sources[place][1] for place in chosen), **asked)
        numbers = {at + 1: place + 1 for place, (one, at) in enumerate(self.sources) if one.run_id == of.run_id}
        made = replace(made, notes=tuple(_renumbered(note, numbers) for note in made.notes))
        sources = [(made if one.run_id == of.run_id else one, place) for one, place in self.sources]
        return put_together(sources, like=replace(made, own=made))

    @sends_nothing()
    def without(self, *places: int) -> ImageSet:
        """A set of its pictures without those at these indexes. As with `order`, `only` and `+` nothing is sent.

        Each frame still knows the run it is from: `redo` and `vary` go on there.
        """
        left_out = checked_places(places, len(self))
        return self._put_together([place for place in range(len(self)) if place not in left_out])

    @sends_nothing()
    def order(self, *places: int) -> ImageSet:
        """A set of its pictures in this order, each named once: `images.order(2, 0, 1)`."""
        chosen = checked_places(places, len(self))
        if len(chosen) < len(self):
            missing = next(place for place in range(len(self)) if place not in chosen)
            raise InvalidRequest(texts.NAME_EVERY_FRAME(missing=missing))
        return self._put_together(chosen)

    @sends_nothing()
    @takes_keywords()
    def only(self, *, starred: bool | None = None, rejected: bool | None = None, tag: str | None = None) -> ImageSet:
        """A set of those of its pictures that have these marks; what is None does not matter."""
        kept = [
            place
            for place, frame in enumerate(self.frames)
            if frame.marks.fit(starred=starred, rejected=rejected, tag=tag)
        ]
        if not kept:
            raise InvalidRequest(texts.NONE_HAS_MARKS(count=len(self)))
        return self._put_together(kept)

    def __add__(self, other: ImageSet) -> ImageSet:
        """A set of the pictures of both."""
        if not isinstance(other, ImageSet):
            return NotImplemented
        return put_together([*_sources_of(self), *_sources_of(other)])

    def _put_together(self, places: Sequence[int]) -> ImageSet:
        sources = _sources_of(self)
        if not places:
            raise InvalidRequest(texts.NONE_LEFT())
        return put_together([sources[place] for place in places])

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "client": None}  # a copy elsewhere has no way back, and no key

    def __repr__(self) -> str:
        total = max(len(self.frames), self.expected or 0)
        return f"<ImageSet {self.run_id}: {len(self.ok)} of {plural(total)}, {self.state}>"

    @sends_nothing()
    @takes_keywords()
    def export(
        self,
        path: str | PathLike[str],
        *,
        title: str | None = None,
        author: str | None = None,
        captions: bool = True,
        with_facts: bool = False,
        layout: str = "page",
        page_size: str = "A4",
        seconds: float = 1.2,
        size: int | None = None,
    ) -> Path:
        """Write the set to one file for other people, as its ending says, and give its path.

        `.pdf` the originals, by `layout` one on a "page", two on a "spread", or all on a "sheet" of `page_size` (A3,
        A4, A5, letter, square, picture); `.html` a page with the carousel and the originals in it; `.zip` the
        originals and their captions; `.jpg` or `.png` a contact sheet, `size` pixels wide; `.gif` an
        animation with `seconds` for each frame, its longer side `size`. `title` stands above, without `captions` no
        picture has words. With `with_facts` it tells model, run, bill and what failed as well, and an archive has the
        request.
        Raises `InvalidRequest` for another ending, `ConfigError` where the file cannot be written.
        """
        from seedream_magic.view.export import export  # noqa: PLC0415 - Pillow loads when a picture is displayed
        from seedream_magic.view.export_options import ExportOptions  # noqa: PLC0415 - as above

        # A moment of a growing set: the file will not grow.
        images = replace(self, state="stopped", pause="") if self.state == "running" else self
        folders = {self.folder, *(frame.path.parent for frame in self.ok if frame.path)}
        return export(
            public_cards(cards_of(images)),
            path,
            ExportOptions(title, author, captions, with_facts, layout, page_size, seconds, size),
            request=_record_for_others(self),
            untouched=[folder for folder in folders if (folder / "request.json").exists()],
        )

    def _repr_mimebundle_(self, **_selection: Any) -> dict[str, Any]:
        from seedream_magic.view.carousel import set_bundle  # noqa: PLC0415 - Pillow loads when a picture is displayed

        return set_bundle(cards_of(self))

    def _repr_html_(self) -> str:
        return str(self._repr_mimebundle_()["text/html"])


KIN.update(ImageSet=(Frame, "images[0]"), Frame=(ImageSet, "images"))


def put_together(sources: Sequence[tuple[ImageSet, int]], *, like: ImageSet | None = None) -> ImageSet:
    """A set of earlier frames, each by its set and its index there, numbered anew; `like` has the facts of the run that
    made some of them.
    """
    first = sources[0][0]
    frames = [
        replace(of[place], index=index, place=place, run_id=of.run_id) for index, (of, place) in enumerate(sources)
    ]
    sets = list({of.run_id: of for of, _ in sources}.values())
    nothing = ImageSet(first.request, first.provider, first.run_id, first.folder, outcome="billed", replayed=True)
    return replace(
        like or nothing,
        request=request_of_pictures([of.request for of in sets], [frame.prompt for frame in frames]),
        run_id=first.run_id,
        folder=first.folder,
        provider=first.provider,
        frames=tuple(frames),
        expected=len(frames),
        state="done",
        inherited=frozenset(),
        client=first.client,
        sources=tuple(sources),
    )


_NAMING_FRAMES = (
    texts.STAYS_AS_IT_WAS,
    texts.FRAME_DRAWN_ALREADY,
    texts.FRAMES_DRAWN_ALREADY,
    texts.FRAME_ADDED_ALREADY,
    texts.FRAMES_ADDED_ALREADY,
)


def _renumbered(note: str, numbers: Mapping[int, int]) -> str:
    """A note that names frames by their numbers in the set that they are from, with those that they have here."""
    if not isinstance(note, Sentence) or note.text not in _NAMING_FRAMES:
        return note

    def here(fact: object) -> str:
        return re.sub(r"\d+", lambda found: str(numbers.get(int(found[0]), found[0])), str(fact))

    facts = {name: here(fact) if name in {"number", "numbers", "last"} else fact for name, fact in note.facts.items()}
    return note.text(**facts)


def _sources_of(images: ImageSet) -> tuple[tuple[ImageSet, int], ...]:
    """Where each frame of a set is from."""
    if images.state == "running":
        raise InvalidRequest(texts.UNDER_WAY(run=images.run_id))
    return images.sources or tuple((images, place) for place in range(len(images)))


def sets_in(images: ImageSet) -> tuple[ImageSet, ...]:
    """The sets that it was put together of, each once; it alone where it was not."""
    return tuple({of.run_id: of for of, _ in images.sources}.values()) or (images,)


def _record_for_others(images: ImageSet) -> dict[str, Any]:
    """What was asked for, as others may read it; of a set that was put together, of each of its sets."""
    if images.sources:
        frames = [{"run_id": of.run_id, "index": place} for of, place in images.sources]
        return {"frames": frames, "runs": [_record_for_others(of) for of in sets_in(images)]}
    facts = {"run_id": images.run_id, "provider": images.provider, "body": images.request.body, "usage": images.usage}
    return public_record(images.folder, facts)


def _client_of(value: ImageSet | Frame) -> Client:
    if value.client is None:
        raise ConfigError(texts.WITHOUT_CLIENT())
    return value.client


def places_of(images: ImageSet) -> tuple[Frame, ...]:
    """The frames, and an empty one for each picture that is still to come, or would have come but for a Stop."""
    ended = images.state == "done" and not images.interrupted
    total = len(images.frames) if ended else max(len(images.frames), images.expected or 1)
    return images.frames + tuple(
        Frame(index, images.request.prompt_of(index)) for index in range(len(images.frames), total)
    )


def origin_of(images: ImageSet) -> Origin:
    """Where the set is from, for the cells that go on from it."""
    return Origin(images.provider, images.run_id, images.folder, base_url_of(images.client, images.provider))


def bill_of(images: ImageSet) -> Bill | None:
    """What the run cost; None while it runs. A stopped run may have cost more than what arrived."""
    from seedream_magic.view.cards import Bill  # noqa: PLC0415 - load time, see above

    if images.replayed:
        return Bill(0, certain=True, replayed=True)
    if images.state == "running":
        return None
    if images.billed:
        certain = (images.state == "done" and not images.interrupted) or images.usage is not None
    else:
        certain = images.outcome in {"not_sent", "rejected"}
    return Bill(images.billed, certain, free=images.provider == "demo")


def opens_at(images: ImageSet) -> int:
    """The index of the frame that a carousel opens at: the first that was made anew, where others are older."""
    return next((frame.index for frame in images if frame.index not in images.inherited), 0)


def file_name(images: ImageSet, ending: str, number: int = 1) -> str:
    """The name of a file for the set, after what it is about: "ink-wash.pdf"; the second one is "ink-wash-2.pdf"."""
    from seedream_magic.view.cards import file_stem  # noqa: PLC0415 - load time, see above

    stem = file_stem(title_of(images), "pictures")
    return f"{stem}.{ending}" if number == 1 else f"{stem}-{number}.{ending}"


def title_of(images: ImageSet) -> str:
    """What stands above the set: the style of its storyboard, else its prompt."""
    board = images.request.storyboard
    return board.style if board and board.style.strip() else images.prompt


def cards_of(images: ImageSet) -> CardSet:
    """The set as cards, which are all that `view` knows of it."""
    from seedream_magic.view.cards import CardSet  # noqa: PLC0415 - load time, see above

    words, tokens = words_for(images.prompt), (images.usage or {}).get("total_tokens")
    running, count = images.state == "running", len(images)
    # Layers are made together, all anew or none.
    redo = () if images.request.layer_decomposition else ("redo",)
    export = ("export",) if images.ok and not images.sources else ()
    empty: CardState = "waiting" if running else "missing"
    cards = [_card_of(images, frame, words, empty) for frame in places_of(images)]
    sets = sets_in(images)
    return CardSet(
        id=_id_of(images),
        title=title_of(images),
        prompt=images.prompt,
        model=images.request.model,
        size=images.request.size,
        language=words.language,
        cards=tuple(cards[:count]),
        awaited=tuple(cards[count:]),
        expected=images.expected,
        state="interrupted" if images.interrupted and not (running or images.complete) else images.state,
        bill=bill_of(images),
        tokens=tokens if isinstance(tokens, int) and not isinstance(tokens, bool) else None,
        seconds=images.seconds,
        notes=tuple(
            without_folders(in_language(note, words.language))
            for note in (*images.notes, *([images.pause] if images.pause else []))
        ),
        folder=path_text(images.folder if len(sets) == 1 else images.folder.parent),
        opens_at=opens_at(images),
        copies=("path", "ref", "prompt") if running else ("path", "ref", "prompt", *redo, "vary", *export),
        export=f"%seedream export {images.run_id} {file_name(images, 'pdf')}",
        created=created_at(images.run_id, tuple(frame.path for frame in images.ok if frame.path)),
        updated=datetime.now(UTC) if running else None,
        limit=images.limit,
    )


def _id_of(images: ImageSet) -> str:
    """The id of its run; of a set that was put together what it is of: "RUN[0, 2] + OTHER[1]".

    That is the id of no run, so that nobody takes the third picture of the set for the third of a run.
    """
    places: dict[str, list[int]] = {}
    for of, place in images.sources:
        places.setdefault(of.run_id, []).append(place)
    parts = [f"{run_id}[{', '.join(map(str, chosen))}]" for run_id, chosen in places.items()]
    return " + ".join(parts) or images.run_id


def _card_of(images: ImageSet, frame: Frame, words: Words, empty: CardState) -> Card:
    """A frame of a set as its card: with what goes on from it, once the run has ended."""
    if images.sources:  # what goes on from it does so where it is from
        of, place = images.sources[frame.index]
        return replace(_card_of(of, replace(frame, index=place), words, empty), index=frame.index)
    card, origin = card_of(frame, words, empty), origin_of(images)
    if frame.path is not None:
        card = replace(card, copies=origin.names_of(frame.path, frame.index, frame.home))
    return card if images.state == "running" else origin.with_next_steps(card, frame.error, words)


def card_of(frame: Frame, words: Words = ENGLISH, empty: CardState = "waiting") -> Card:
    """A frame as a card by itself; `empty` is its state where nothing has come for it."""
    from seedream_magic.view.cards import Card  # noqa: PLC0415 - load time, see above

    marks = frame.marks
    return Card(
        index=frame.index,
        caption=frame.prompt,
        state="failed" if frame.error else "picture" if frame.path else empty,
        picture=None if frame.error else frame.path,
        file=path_text(frame.path) if frame.path else "",
        link=relative_link(frame.path) if frame.path else None,
        digest=frame.sha256,
        width=frame.width,
        height=frame.height,
        failure=failure_in(frame.error, words) if frame.error else None,
        take=frame.take,
        takes=frame.takes,
        starred=marks.star,
        rejected=marks.reject,
        tags=marks.tags,
        note=marks.note,
    )
