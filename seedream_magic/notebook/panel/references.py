"""The references of the next request: thumbnails, a field for paths and links, and uploads.

Pictures stay in Python: a widget holds a small preview at most, and an upload leaves its widget at once.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from seedream_magic.api.redaction import redacted
from seedream_magic.api.references.files import is_data_uri
from seedream_magic.api.references.limits import short
from seedream_magic.api.references.reference import Reference
from seedream_magic.errors import InvalidRequest, SeedreamError
from seedream_magic.images.image_set import Frame
from seedream_magic.notebook.panel.controls import button, close, column, hinted, indented, labelled, lines, row, show
from seedream_magic.notebook.panel.home import Home
from seedream_magic.view.carousel import element
from seedream_magic.view.preview import preview

THUMBNAIL_BYTES = 6_000
THUMBNAIL_EDGE = "72px"


@dataclass(frozen=True)
class Held:
    """A reference of the form; `typed` says that a cell can name it as its source stands."""

    reference: Reference
    typed: bool


class References:
    """What the next request refers to.

    `read` makes references of a value and tells what was done to them (`Seedream.references`); `changed` is called
    when there are others, or others missing: what was typed or uploaded and cannot be read keeps everything from being
    sent, until it is mended, emptied or left out.
    """

    def __init__(
        self,
        home: Home,
        read: Callable[..., tuple[tuple[Reference, ...], tuple[str, ...]]],
        changed: Callable[[], None],
    ) -> None:
        self._home, self._read, self._changed = home, read, changed
        self.held: tuple[Held, ...] = ()
        self._thumbnails = indented(row())
        english = "A path, a glob, an https link, or run:ID[K] for a frame of an earlier run; Enter adds it"
        self.text = labelled(widgets.Text, "Reference", english, "参考图：路径、通配符、链接或 run:ID[K]，回车添加")
        self.text.placeholder, self.text.continuous_update = "path, https link or run:ID[0], then Enter", False
        self.text.layout.width, self.text.layout.flex = "auto", "1 1 260px"
        home.watch(self.text, self._typed)
        hint = "Pictures of this computer, up to about 10 MB; larger ones by their path", "上传图片，约 10 MB 以内"
        self.upload = hinted(widgets.FileUpload(accept="image/*", multiple=True), *hint)
        self.upload.layout.width = "auto"
        home.watch(self.upload, self._uploaded)
        self._message = indented(widgets.HTML())
        self._missing: dict[str, list[str]] = {"typed": [], "uploaded": []}
        hint = "Sends the request without what cannot be read", "不再使用无法读取的参考图"
        self._leave_out = button(home, "Leave out", *hint, self.leave_out)
        show(self._leave_out, shown=False)
        self.widget = column(self._thumbnails, row(self.text, self.upload), row(self._message, self._leave_out))

    @property
    def values(self) -> tuple[Reference, ...]:
        """The references, in the order in which they are sent."""
        return tuple(held.reference for held in self.held)

    def add(self, value: object, *, name: str | None = None, typed: bool = True) -> None:
        """Add what a value stands for, and tell what was done to it; `name` is what an upload is called.

        Raises `SeedreamError` for what cannot be one.
        """
        self._say(self._added(value, name=name, typed=typed))

    def hold(self, further: Iterable[Held]) -> None:
        """Add references that were read already."""
        self._keep((*self.held, *further))

    def clear(self) -> None:
        """Take all out."""
        self._keep(())

    def refuse(self) -> None:
        """Raises `InvalidRequest` while something that was to be a reference is none, or has no bytes any more."""
        lost = [held.reference.source for held in self.held if not held.reference.sendable]
        if lost:
            raise InvalidRequest(f"The reference {redacted(short(lost[0]))} is not in the store any more: remove it.")
        if any(self._missing.values()):
            raise InvalidRequest("A reference cannot be read: mend what stands at Reference, or leave it out.")

    def leave_out(self) -> None:
        """Do without what could not be read."""
        self.text.value = ""
        self._miss("uploaded", [])

    def _added(self, value: object, *, name: str | None = None, typed: bool = True) -> tuple[str, ...]:
        made, told = self._read([value], fit=True)
        as_typed = typed and not told
        self.hold(Held(replace(one, source=name) if name else one, as_typed) for one in made)
        return told

    def _miss(self, way: str, missing: list[str], told: Iterable[str] = ()) -> None:
        """Keep what is missing, "typed" or "uploaded", and say so, with what was done to what is there."""
        is_other, self._missing[way] = missing != self._missing[way], missing
        self._say(told)
        if is_other:
            self._changed()

    def _say(self, told: Iterable[str]) -> None:
        missing = [text for texts in self._missing.values() for text in texts]
        self._message.value = lines([*missing, *told], role="alert", kind="seedream-told")
        show(self._leave_out, shown=bool(missing))

    def _remove(self, place: int) -> None:
        self._keep(self.held[:place] + self.held[place + 1 :])

    def _keep(self, held: tuple[Held, ...]) -> None:
        self.held = held
        gone = self._thumbnails.children
        self._thumbnails.children = [self._thumbnail(place, one.reference) for place, one in enumerate(held)]
        for thumbnail in gone:
            close(thumbnail)
        self._changed()

    def _typed(self) -> None:
        """Add what was typed; what is wrong stays, to be mended."""
        text = self.text.value.strip()
        try:
            told = self._added(text, typed=not is_data_uri(text)) if text else ()
        except SeedreamError as error:
            self._miss("typed", [str(error)])
            return
        self.text.value = ""
        self._miss("typed", [], told)

    def _uploaded(self) -> None:
        files, told, missing = taken(self.upload), list[str](), list[str]()
        for name, data in files:
            try:
                told += self._added(data, name=name, typed=False)
            except SeedreamError as error:
                missing.append(f"{name}: {error}")
        if files:  # else it is the widget that was emptied
            self._miss("uploaded", missing, told)

    def _thumbnail(self, place: int, reference: Reference) -> Any:
        name = redacted(short(reference.source, longest=40))
        hint = f"Remove reference {place + 1}: {name}", f"移除第 {place + 1} 张参考图"
        remove = button(self._home, "×", *hint, partial(self._remove, place))
        picture = widgets.HTML(value=_small(reference, f"Reference {place + 1}: {name}"))
        return row(picture, remove, width="auto", align_items="flex-start", flex_flow="row nowrap")


def taken(upload: Any) -> list[tuple[str, bytes]]:
    """The names and bytes of what was uploaded, which leave the widget; ipywidgets 7 keeps them in another shape."""
    value = upload.value
    if isinstance(value, dict):
        files = [(str(name), bytes(file["content"])) for name, file in value.items()]
        if files:  # the counter stays: the page adds to it, and only a change of it is told
            upload.metadata, upload.data = [], []
            upload.set_trait("value", {})
        return files
    files = [(str(file["name"]), bytes(file["content"])) for file in value]
    if files:
        upload.value = ()
    return files


def thumbnail(frame: Frame, name: str) -> str:
    """A small picture of a frame as HTML; its name where there is none to be shown."""
    try:
        shown = preview(frame, budget=THUMBNAIL_BYTES)
    except (SeedreamError, OSError):
        return _name_alone(name)
    style = f"height:{THUMBNAIL_EDGE};max-width:160px;object-fit:cover;border-radius:4px;display:block"
    return str(element("img", {"src": shown.data_uri, "alt": name, "title": name, "style": style}))


def _small(reference: Reference, name: str) -> str:
    """The thumbnail of a reference; the name of what cannot be shown here (a link not fetched, HEIC)."""
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
    return str(element("span", {"class": "seedream-quiet"}, name))
