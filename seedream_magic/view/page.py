"""A set as one web page that needs no other file: the carousel of the notebook, with the originals inside."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path

from seedream_magic.errors import ImageInvalid, InvalidRequest
from seedream_magic.images.image_set import ImageSet
from seedream_magic.view.carousel import image_set_bundle
from seedream_magic.view.markup import Markup, element
from seedream_magic.view.pictures import lost, original, progress
from seedream_magic.view.provenance import DIGITAL_SOURCE_TYPE, TOOL, provenance_of
from seedream_magic.view.words import CHINESE, one_line, title_of, words_for

MAXIMUM_BYTES = 150 * 10**6
"""Of all originals together. In base64 they take a third more, and the browser holds page and pictures at once."""

_KINDS = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG", "image/png"), (b"RIFF", "image/webp"))

_ORIGINAL = re.compile(r'href="original:(\d+)"')
"""The link of a figure that is read elsewhere, with the index of its frame."""

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
            links |= {frame.index: _data_uri(original(frame.path))} if frame.path else {}
            frames.append(frame)
        except ImageInvalid as error:
            frames.append(lost(frame, error))
    # The author's folders are nobody else's: the carousel tells the run's id in their place. Which frames are newer
    # than others is no news to its readers: it opens at the first.
    images = replace(images, frames=tuple(frames), folder=Path(images.run_id), inherited=frozenset())
    pictures, tag, scripts = image_set_bundle(images, elsewhere=True)["text/html"].partition("<script>")
    # Text, index, text, … text: no prompt can hold such a link, for a quotation mark in it is escaped.
    pieces = _ORIGINAL.split(pictures)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"<!DOCTYPE html>\n<html lang={words_for(images.prompt).language}>\n{_head(images)}\n<body>\n")
        file.write(element("h1", {}, element("bdi", {}, _title(images))) + pieces[0])
        for index, text in zip(pieces[1::2], pieces[2::2], strict=True):
            file.writelines((f'href="{links[int(index)]}"', text))
        file.write(element("script", {}, _constant("page.js")) + tag + scripts)
        file.write(f"\n{_below(images)}\n</body>\n</html>\n")
    damaged = ImageInvalid("The file cannot be read as a picture.")
    broken = links.keys() - set(map(int, pieces[1::2]))
    return replace(images, frames=tuple(lost(one, damaged) if one.index in broken else one for one in images))


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
