"""A set as one web page that needs no other file: the carousel of the notebook, with the originals inside."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import TextIO

from seedream_magic.errors import ImageInvalid, InvalidRequest
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.view.captions import title_of
from seedream_magic.view.carousel import Markup, element, image_set_bundle
from seedream_magic.view.pictures import lost, original
from seedream_magic.view.progress import progress
from seedream_magic.view.provenance import DIGITAL_SOURCE_TYPE, TOOL, provenance_of
from seedream_magic.view.words import CHINESE, one_line, words_for

MAXIMUM_BYTES = 150 * 10**6
"""Of all originals together. In base64 they take a third more, and the browser holds page and pictures at once."""

_KINDS = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG", "image/png"), (b"RIFF", "image/webp"))

# The page may show and run what stands in it, and load nothing.
_POLICY = "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def write_page(images: ImageSet, path: Path) -> ImageSet:
    """Write the page; return the set as it was written.

    Raises `InvalidRequest` for more than 150 MB of originals, which a `.zip` takes.
    """
    total = sum(frame.path.stat().st_size for frame in images.ok if frame.path is not None)
    if total > MAXIMUM_BYTES:
        raise InvalidRequest(
            f"The pictures have {total / 1e6:,.0f} MB together, too much for a page (150 MB). Export a .zip instead."
        )
    links: dict[int, str] = {}
    frames = []
    for frame in progress(images.frames, "html"):
        try:
            links |= {frame.index: _data_uri(original(frame))} if frame.ok else {}
            frames.append(frame)
        except ImageInvalid as error:
            frames.append(lost(frame, error))
    # The author's folders are nobody else's: the carousel tells the run's id in their place. Which frames are newer
    # than others is no news to its readers: it opens at the first.
    images = replace(images, frames=tuple(frames), folder=Path(images.run_id), inherited=frozenset())
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"<!DOCTYPE html>\n<html lang={words_for(images.prompt).language}>\n{_head(images)}\n<body>\n")
        file.write(element("h1", {}, element("bdi", {}, _title(images))))
        carousel = _Embedding(file, images, links)
        carousel.feed(image_set_bundle(images, elsewhere=True)["text/html"])
        carousel.close()
        file.write(f"\n{_below(images)}\n</body>\n</html>\n")
    damaged = ImageInvalid("The file cannot be read as a picture.")
    return replace(images, frames=tuple(lost(one, damaged) if one.index in carousel.broken else one for one in images))


def _data_uri(data: bytes) -> str:
    kind = next((kind for start, kind in _KINDS if data.startswith(start)), "application/octet-stream")
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _title(images: ImageSet) -> str:
    return one_line(title_of(images), 90) or images.request.model


def _head(images: ImageSet) -> str:
    provenance = provenance_of(images)
    named = {
        "viewport": "width=device-width, initial-scale=1",
        "color-scheme": "light dark",
        "generator": TOOL,
        "description": one_line(images.prompt, 300),
        "dcterms.created": provenance.created.isoformat() if provenance.created else None,
        "dcterms.description": images.prompt,
        "ai-generated": "true",
        "ai-model": provenance.model,
        "digital-source-type": DIGITAL_SOURCE_TYPE,
    }
    lines = [
        '<meta charset="utf-8">',
        _meta({"http-equiv": "Content-Security-Policy", "content": _POLICY}),
        element("title", {}, _title(images)),
        *(_meta({"name": name, "content": content}) for name, content in named.items() if content),
        element("style", {}, _constant("page.css")),
    ]
    return "\n".join(["<head>", *lines, "</head>"])


def _meta(attributes: Mapping[str, str]) -> str:
    return element("meta", attributes).removesuffix("</meta>")  # it is void


def _below(images: ImageSet) -> str:
    """The whole prompt, where the title is not all of it, and where the pictures come from."""
    words = words_for(images.prompt)
    heading = element("h2", {}, "提示词" if words is CHINESE else "Prompt")
    prompt = element("p", {"class": "prompt"}, element("bdi", {}, images.prompt))
    footer = element("footer", {}, f"{provenance_of(images).line(words)} · {TOOL}")
    return footer if images.prompt == _title(images) else f"{heading}\n{prompt}\n{footer}"


@cache
def _constant(name: str) -> Markup:
    return Markup(files("seedream_magic.view").joinpath(name).read_text(encoding="utf-8"))


class _Embedding(HTMLParser):
    """Copies the carousel's HTML into a file, with each link to an original replaced by the original.

    A frame whose original the notebook could not link to gets the link that is missing. Everything else is copied as it
    stands.
    """

    def __init__(self, file: TextIO, images: ImageSet, links: Mapping[int, str]) -> None:
        super().__init__(convert_charrefs=False)
        self._write = file.write
        self._frames = iter(images.frames)
        self._word = words_for(images.prompt).original
        self._links = links
        self._frame: Frame | None = None
        self._pending = False
        """Whether the label of a frame with a picture is open and has no link yet."""
        self.broken: set[int] = set()
        """Frames with a file that the carousel could not show."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Copy it; a label's link leads to the bytes."""
        given = dict(attrs)
        classes = (given.get("class") or "").split()
        if "seedream-frame" in classes:
            self._frame = next(self._frames, None)
            if self._frame is not None and given.get("data-state") != "picture":
                self.broken |= {self._frame.index} & self._links.keys()
                self._frame = None
        if "seedream-label" in classes:
            self._pending = self._frame is not None and self._frame.index in self._links
        if "seedream-original" in classes and self._pending:
            self._pending = False
            return self._copy(tag, given | self._target())
        if tag == "script":
            self._write(element("script", {}, _constant("page.js")))
        self._write(self.get_starttag_text() or "")
        return None

    def handle_endtag(self, tag: str) -> None:
        """Copy it; a label that ends without a link gets one."""
        if tag == "div" and self._pending:
            self._pending = False
            self._write(element("span", {"class": "seedream-dot"}, " · "))
            self._write(element("a", {"class": "seedream-original", **self._target()}, self._word))
        self._write(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        """Text, and what stands in scripts and styles."""
        self._write(data)

    def handle_entityref(self, name: str) -> None:
        """Such as &amp;"""
        self._write(f"&{name};")

    def handle_charref(self, name: str) -> None:
        """Such as &#x27;"""
        self._write(f"&#{name};")

    def _copy(self, tag: str, attributes: Mapping[str, str | None]) -> None:
        self._write(element(tag, attributes).removesuffix(f"</{tag}>"))

    def _target(self) -> dict[str, str]:
        return {"href": self._links[self._frame.index], "download": self._name()} if self._frame else {}

    def _name(self) -> str:
        return self._frame.path.name if self._frame and self._frame.path else ""
