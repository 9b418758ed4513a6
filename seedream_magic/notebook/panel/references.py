"""The references of the next request: a tile for each, one that takes further pictures, a field for paths and links.

Pictures stay in Python: a widget holds a small preview at most, and an upload leaves its widget at once.
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from seedream_magic.api.redaction import redact
from seedream_magic.api.references.reference import Reference, short
from seedream_magic.api.references.sources import is_data_uri
from seedream_magic.errors import InvalidRequest, SeedreamError, reason_of
from seedream_magic.images.image_set import Frame
from seedream_magic.notebook.panel.controls import (
    button,
    close,
    column,
    errors,
    hinted,
    labelled,
    lines,
    row,
    set_visible,
    tile,
)
from seedream_magic.notebook.panel.page_loop import PageLoop
from seedream_magic.view.markup import element
from seedream_magic.view.pictures import preview_of
from seedream_magic.words import panel as texts

THUMBNAIL_BYTES = 6_000
_LARGE = 5 * 10**6
"""Bytes of an upload that the notebook's server may not take; files that are chosen together come together."""


@dataclass(frozen=True)
class FormReference:
    """A reference of the form; `nameable` says that a cell can name it by its source as it is."""

    reference: Reference
    nameable: bool


class References:
    """The references of the form.

    `read` makes references of a value, with notes on what was done to them (`Seedream.references`); `changed` is called
    when they change. What a person wanted as a reference and is none, typed, uploaded or a frame, keeps the request
    from being sent until it is mended, emptied or left out: a picture without it would be paid for. `beside` is a
    control at the end of their row.
    """

    def __init__(
        self,
        loop: PageLoop,
        read: Callable[..., tuple[tuple[Reference, ...], tuple[str, ...]]],
        changed: Callable[[], None],
        beside: Any,
    ) -> None:
        self._loop, self._read, self._changed = loop, read, changed
        self.entries: tuple[FormReference, ...] = ()
        self.text = labelled(widgets.Text, texts.REFERENCE(), texts.REFERENCE_HINT(), "bare")
        self.text.placeholder, self.text.continuous_update = texts.REFERENCE_BENEATH(), False
        self.text.layout.flex, self.text.layout.max_width = "1 1 180px", "340px"
        loop.watch(self.text, self._typed)
        # The page lets it take what is dropped or pasted as well.
        self.upload = hinted(widgets.FileUpload(accept="image/*", multiple=True), texts.ADD_PICTURES_HINT())
        self.upload.description = texts.ADD_PICTURES()
        self.upload.add_class("seedream-panel-add")
        loop.watch(self.upload, self._uploaded)
        self._fixed = (self.upload, self.text, beside)
        self._tiles = row(*self._fixed)
        # The page tells here which files were chosen, before it reads and sends them: what the notebook's server does
        # not take (mostly past 10 MB) never comes, and nothing says so.
        self._chosen_files = widgets.Text(continuous_update=False)
        self._chosen_files.add_class("seedream-panel-chosen-files")
        set_visible(self._chosen_files, visible=False)
        loop.watch(self._chosen_files, self._announced)
        self._message = widgets.HTML()
        self._faults: dict[str, str] = {}
        """What is wrong, by its way: "typed", "frame", or "upload:" and the file's name."""
        self._coming: dict[str, int] = {}
        """The sizes of uploads that are not here yet, by their names."""
        self._early: set[tuple[str, int]] = set()
        """Uploads that were here before the page's word of them."""
        self._drop = button(loop, texts.LEAVE_OUT(), texts.REFERENCE_LEAVE_OUT_HINT(), self.drop_unread)
        set_visible(self._drop, visible=False)
        self.widget = column(self._tiles, self._chosen_files, row(self._message, self._drop))

    @property
    def values(self) -> tuple[Reference, ...]:
        """The references, in the order in which they are sent."""
        return tuple(entry.reference for entry in self.entries)

    def use(self, chosen: Callable[[], Frame]) -> None:
        """Add the frame that a person has chosen."""
        self._show(self._take("frame", lambda: self._added(chosen())))

    def add(self, source: str) -> None:
        """Add what a text names, as if it had been typed."""
        self.text.value = source

    def extend(self, further: Iterable[FormReference]) -> None:
        """Add references that were read already."""
        self.replace((*self.entries, *further))

    def refuse(self) -> None:
        """Raise `InvalidRequest` while something could not be read, or a reference has no bytes any more."""
        lost = [entry.reference.source for entry in self.entries if not entry.reference.sendable]
        if lost:
            raise InvalidRequest(texts.REFERENCE_GONE(name=redact(short(lost[0]))))
        if self._faults or self.text.value.strip():
            raise InvalidRequest(texts.REFERENCE_UNREAD())
        if self._coming:
            raise InvalidRequest(texts.REFERENCE_ON_ITS_WAY())

    def drop_unread(self) -> None:
        """Do without what could not be read."""
        self.text.value = ""
        self._faults, self._coming = {}, {}
        self._show()

    def _added(self, value: object, *, name: str | None = None, nameable: bool = True) -> tuple[str, ...]:
        """Add what a value stands for; the notes on what was done to it."""
        made, notes = self._read([value], fit=True)
        unchanged = nameable and not notes
        self.extend(FormReference(dataclasses.replace(one, source=name) if name else one, unchanged) for one in made)
        return notes

    def _take(self, way: str, add: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
        """Add what a person wants as a reference, and return the notes on it; what is wrong with it is kept."""
        self._faults.pop(way, None)
        try:
            return add()
        except SeedreamError as error:
            self._faults[way] = str(error)
        except Exception as exc:  # noqa: BLE001 - whatever it is, nothing is to be paid for without this reference
            self._faults[way] = texts.REFERENCE_BROKEN(why=f"{type(exc).__name__}: {reason_of(exc)}")
        return ()

    def _show(self, notes: Iterable[str] = ()) -> None:
        """Show what is wrong, what is still to come, and these notes on what is there."""
        faults = [": ".join(filter(None, (way.partition(":")[2], fault))) for way, fault in self._faults.items()]
        coming = [_coming(name, size) for name, size in self._coming.items()]
        self._message.value = errors([*faults, *coming]) + lines([*notes])
        set_visible(self._drop, visible=bool(faults or coming))
        self._changed()

    def _remove(self, place: int) -> None:
        self.replace(self.entries[:place] + self.entries[place + 1 :])

    def replace(self, entries: Iterable[FormReference]) -> None:
        """Have these references, in place of those that there are."""
        self.entries = tuple(entries)
        gone = self._tiles.children[: -len(self._fixed)]
        made = [self._tile(place, one.reference) for place, one in enumerate(self.entries)]
        self._tiles.children = (*made, *self._fixed)
        for each in gone:
            close(each)
        self._changed()

    def _typed(self) -> None:
        """Add what was typed; what is wrong stays, to be mended."""
        text = self.text.value.strip()
        notes = self._take("typed", lambda: self._added(text, nameable=not is_data_uri(text)) if text else ())
        if text and "typed" not in self._faults:
            self.text.value = ""
        self._show(notes)

    def _announced(self) -> None:
        """Wait for the files that the page has told of."""
        try:
            files = {(str(name), int(size)) for name, size in json.loads(self._chosen_files.value)["files"]}
        except (ValueError, TypeError, KeyError):
            return  # it is no word of the page
        self._coming.update(files - self._early)
        self._early -= files
        self._show()

    def _uploaded(self) -> None:
        files, notes = take_files(self.upload), list[str]()
        for name, data in files:
            if self._coming.pop(name, None) is None:
                self._early.add((name, len(data)))
            notes += self._take(f"upload:{name}", partial(self._added, data, name=name, nameable=False))
        if files:  # else it is the widget that was emptied
            self._show(notes)

    def _tile(self, place: int, reference: Reference) -> Any:
        named = {"number": place + 1, "name": redact(short(reference.source, longest=40))}
        remove = button(self._loop, "×", texts.REMOVE_REFERENCE(**named), partial(self._remove, place))
        return tile(_small(reference, texts.NUMBERED_REFERENCE(**named)), remove)


def _coming(name: str, size: int) -> str:
    """What is said of an upload until it is here."""
    told = texts.UPLOAD_COMING(name=name, size=f"{size / 1e6:.1f}")
    return f"{told} {texts.UPLOAD_LARGE()}" if size > _LARGE else told


def take_files(upload: Any) -> list[tuple[str, bytes]]:
    """Take the names and bytes of what was uploaded out of the widget; ipywidgets 7 keeps them in another shape."""
    value = upload.value
    if isinstance(value, dict):
        files = [(str(name), bytes(file["content"])) for name, file in value.items()]
        if files:  # the counter stays: the page adds to it, and reports only a change of it
            upload.metadata, upload.data = [], []
            upload.set_trait("value", {})
        return files
    files = [(str(file["name"]), bytes(file["content"])) for file in value]
    if files:
        upload.value = ()
    return files


def thumbnail(frame: Frame, name: str) -> str:
    """A small picture of a frame as HTML; its name where no picture can be displayed."""
    if frame.path is None:
        return _name_alone(name)
    try:
        small = preview_of(frame.path, frame.sha256, budget=THUMBNAIL_BYTES)
    except (SeedreamError, OSError):
        return _name_alone(name)
    return str(element("img", {"src": small.data_uri, "alt": name, "title": name}))


def _small(reference: Reference, name: str) -> str:
    """The thumbnail of a reference; the name of what cannot be displayed here (a link not fetched, HEIC)."""
    if not reference.data:
        return _name_alone(name)
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, reference.file)
            path.write_bytes(reference.data)
            return thumbnail(Frame(0, "", path, sha256=reference.sha256), name)
    except OSError:
        return _name_alone(name)


def _name_alone(name: str) -> str:
    return str(element("span", {"class": "seedream-panel-name"}, name))
