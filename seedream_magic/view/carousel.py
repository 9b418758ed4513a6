"""How a set of images looks in a notebook: an output that needs nothing but itself.

The HTML is a scrolling strip of labelled pictures, written with inline styles only, so that it reads well where a front
end has removed scripts and style sheets (a notebook of somebody else's). Where they run, the constant `carousel.js`
turns the strip into a carousel. No text of a prompt, a model or an error is ever put into the script.
"""

from __future__ import annotations

import base64
import html
import json
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

from seedream_magic.errors import ImageError
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.view.preview import contact_sheet, preview, sheet_ratio
from seedream_magic.view.words import (
    CLIPPED_AT,
    ENGLISH,
    Words,
    asked,
    billed,
    clipped,
    error_name,
    error_text,
    one_line,
    progress,
    seconds,
    told,
    words_for,
)

ONE_PREVIEW_BYTES = 350_000
ALL_PREVIEWS_BYTES = 660_000
SHEET_BYTES = 90_000

_UNSAFE = re.compile("[\x00\ud800-\udfff]")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_VOID = frozenset({"img"})

# JupyterLab's sanitizer keeps these properties (and drops aspect-ratio, object-fit, filter and every var()).
_STRIP = "display:flex;gap:20px;overflow-x:auto;align-items:flex-start;padding-bottom:8px"
_GRID = "display:flex;gap:20px;flex-wrap:wrap;align-items:flex-start;padding-bottom:8px"
_FIGURE = "flex:0 0 auto;margin:0;max-width:100%;width:{width}px"
_PICTURE = "display:block;max-width:100%;height:auto;border-radius:4px"
_BOX = "box-sizing:border-box;border-radius:4px;background-color:rgba(127,127,127,0.12);padding:16px;font-size:14px;"
_CAPTION = "margin-top:8px;line-height:1.45;text-align:left;font-size:13px"
_QUIET = "margin:8px 0 0 0;line-height:1.45;text-align:left;font-size:12px;opacity:0.75"


class Markup(str):
    """Text that is HTML already. Only `element` makes it."""

    __slots__ = ()


def element(name: str, attributes: Mapping[str, str | int | None], *children: str) -> Markup:
    """The one place where HTML is written: every value and every child that is not `Markup` is escaped.

    An attribute that is None is left out. NUL and lone surrogates, which no HTML can hold, become U+FFFD.
    """
    given = "".join(f' {key}="{_escaped(str(value))}"' for key, value in attributes.items() if value is not None)
    if name in _VOID:
        return Markup(f"<{name}{given}>")
    inner = "".join(child if isinstance(child, Markup) else _escaped(child) for child in children)
    return Markup(f"<{name}{given}>{inner}</{name}>")


def _escaped(text: str) -> str:
    return html.escape(_UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text), quote=True)


def image_set_bundle(images: ImageSet, *, show: str = "carousel") -> dict[str, Any]:
    """The mimebundle of a set: `text/html`, `text/plain` and, once the run has ended with a picture, `image/jpeg`.

    `show` is "carousel" or "grid". Below 1,000,000 bytes of JSON whatever the pictures hold. The contact sheet is left
    out while the set grows, so that an update stays light.
    """
    bundle: dict[str, Any] = {"text/html": str(_set_html(images, show)), "text/plain": plain_text(images)}
    if images.ok and images.state != "running":
        bundle["image/jpeg"] = base64.b64encode(contact_sheet(images, budget=SHEET_BYTES)).decode("ascii")
    return bundle


def frame_bundle(frame: Frame) -> dict[str, Any]:
    """The mimebundle of one frame: its picture (`image/jpeg`, `image/png` where transparent) and `text/plain`."""
    bundle: dict[str, Any] = {"text/plain": _plain_line(frame)}
    if frame.ok:
        try:
            picture = preview(frame, budget=ONE_PREVIEW_BYTES)
        except ImageError as error:
            return {"text/plain": f"{bundle['text/plain']}  {_printable(str(error))}"}
        head, _, encoded = picture.data_uri.partition(";base64,")
        bundle[head.removeprefix("data:")] = encoded
    return bundle


def plain_text(images: ImageSet) -> str:
    """A set in a terminal: a head line, a numbered line for each frame, the notes, what was billed."""
    head = [progress(images, ENGLISH), images.request.model, images.request.size, seconds(images, ENGLISH)]
    head += [ENGLISH.stopped] if images.state == "stopped" else []
    absent = ENGLISH.waiting if images.state == "running" else ENGLISH.missing
    frames = (_plain_line(frame, absent) for frame in places(images))
    lines = [" · ".join(head), *frames, *told(images), billed(images, ENGLISH)]
    return "\n".join(_printable(line) for line in lines if line)


def places(images: ImageSet) -> tuple[Frame, ...]:
    """The frames, and while the set grows an empty frame for each picture that is still to come."""
    total = max(len(images.frames), images.expected or 1) if images.state == "running" else len(images.frames)
    return images.frames + tuple(Frame(index, images.prompt) for index in range(len(images.frames), total))


def _plain_line(frame: Frame, absent: str = ENGLISH.waiting) -> str:
    number = f"{frame.index + 1:>3}  "
    if frame.error is not None:
        return f"{number}{error_name(frame.error)}: {clipped(error_text(frame.error).partition(chr(10))[0])}"
    if frame.path is None:
        return f"{number}{absent}"
    pixels = f"  {frame.width}x{frame.height}" if frame.width else ""
    return f"{number}{frame.path}{pixels}"


@dataclass(frozen=True)
class _Layout:
    """What all figures of a set share; `width` and `height` are the CSS pixels a picture takes in the strip."""

    total: int
    words: Words
    width: int
    height: int
    budget: int
    running: bool
    prompt: str


def _set_html(images: ImageSet, show: str) -> Markup:
    shown = places(images)
    words = words_for(images.prompt)
    layout = _layout(images, shown, words)
    figures = [_figure(frame, layout) for frame in shown]
    attributes = {
        # MathJax must not take "$5 … $6" of a prompt for a formula.
        "class": "seedream tex2jax_ignore mathjax_ignore",
        "lang": words.language,
        "data-run": images.run_id,
        "data-label": one_line(images.prompt, 90) or images.request.model,
        "data-show": "grid" if show == "grid" else "carousel",
        "data-ratio": f"{layout.width / layout.height:.4f}",
        "data-words": json.dumps(words.controls, ensure_ascii=False),
        "data-started": f"{time.time() - images.seconds:.0f}" if layout.running else None,
    }
    return element(
        "div",
        attributes,
        element("style", {}, _constant("carousel.css")),
        element("div", {"class": "seedream-strip", "style": _GRID if show == "grid" else _STRIP}, *figures),
        element("p", {"class": "seedream-facts", "style": _QUIET}, _facts(images, words)),
        *(element("p", {"class": "seedream-note", "style": _QUIET}, clipped(note)) for note in told(images)),
        element("script", {}, _constant("carousel.js")),
    )


def _layout(images: ImageSet, shown: tuple[Frame, ...], words: Words) -> _Layout:
    widest, tallest = (560, 560) if len(shown) == 1 else (440, 280)
    ratio = min(max(sheet_ratio(images), 1 / 16), 16.0)
    width = round(min(widest, tallest * ratio))
    return _Layout(
        total=len(shown),
        words=words,
        width=width,
        height=max(1, round(width / ratio)),
        budget=min(ONE_PREVIEW_BYTES, ALL_PREVIEWS_BYTES // max(len(shown), images.expected or 4)),
        running=images.state == "running",
        prompt=images.prompt,
    )


def _figure(frame: Frame, layout: _Layout) -> Markup:
    try:
        content = _content(frame, layout)
        state = "picture" if frame.ok else "failed" if frame.error else "waiting" if layout.running else "missing"
    except ImageError as error:
        content, state = _card(error_name(error), (error_text(error), error.hint), layout), "failed"
    attributes = {
        "class": "seedream-frame",
        "style": _FIGURE.format(width=max(layout.width, 200)),
        "data-state": state,
        "data-path": str(frame.path) if state == "picture" else None,
    }
    return element("figure", attributes, content, _caption(frame, layout, state))


def _content(frame: Frame, layout: _Layout) -> Markup:
    if frame.error is not None:
        return _card(error_name(frame.error), (error_text(frame.error), frame.error.hint), layout)
    if frame.ok:
        picture = preview(frame, budget=layout.budget)
        width = round(min(layout.width, layout.height * picture.width / picture.height))
        height = max(1, round(width * picture.height / picture.width))
        alt = one_line(frame.prompt, 200) or f"{frame.index + 1} / {layout.total}"
        source: dict[str, str | int | None] = {"class": "seedream-picture", "src": picture.data_uri, "alt": alt}
        return element("img", {**source, "width": width, "height": height, "style": _PICTURE})
    return _card(layout.words.waiting if layout.running else layout.words.missing, (), layout)


def _card(title: str, lines: tuple[str, ...], layout: _Layout) -> Markup:
    """A box in the shape of the picture that is not there. A waiting one has no `lines`."""
    kind = "seedream-card" if lines else "seedream-empty"
    style = f"{_BOX}width:{max(layout.width, 200)}px;max-width:100%;min-height:{min(layout.height, 480)}px"
    texts = [element("div", {"style": "margin-top:6px"}, clipped(line)) for line in lines if line]
    clock = [] if lines or not layout.running else [element("span", {"class": "seedream-elapsed"})]
    heading = element("strong", {"style": f"font-weight:{600 if lines else 400}"}, title, *clock)
    return element("div", {"class": f"seedream-picture {kind}", "style": style}, heading, *texts)


def _caption(frame: Frame, layout: _Layout, state: str) -> Markup:
    facts = [element("b", {"class": "seedream-count"}, f"{frame.index + 1} / {layout.total}")]
    if state == "failed":
        facts.append(Markup(_escaped(layout.words.failed)))
    if state == "picture" and frame.width:
        facts.append(Markup(_escaped(f"{frame.width} × {frame.height}")))
    if state == "picture" and frame.path is not None and (link := relative_link(frame.path)):
        facts.append(element("a", {"class": "seedream-original", "href": link}, layout.words.original))
    dot = element("span", {"class": "seedream-dot"}, " · ")
    separated = [part for fact in facts for part in (dot, fact)][1:]
    label = element("div", {"class": "seedream-label"}, *separated)
    # Before it has come, nobody knows what a frame of a set will show; a storyboard's frames do have their own prompt.
    known = state in {"picture", "failed"} or frame.prompt != layout.prompt
    return element("figcaption", {"style": _CAPTION}, label, _caption_text(frame.prompt) if known else "")


def _caption_text(prompt: str) -> Markup:
    """The prompt in one line of text; a long one opens on demand."""
    text = one_line(prompt, CLIPPED_AT)
    if len(text) <= 160:
        return element("div", {"class": "seedream-caption"}, element("bdi", {}, text))
    cut = text.rfind(" ", 100, 140) + 1 or 130
    summary = element("summary", {}, element("bdi", {}, text[:cut] + "…"))
    return element("details", {"class": "seedream-caption"}, summary, element("bdi", {}, "…" + text[cut:]))


def relative_link(path: Path) -> str | None:
    """`path` as a link from the notebook's folder (the kernel's current one), percent-quoted.

    None where a front end could not follow it: outside that folder, or hidden, which Jupyter does not serve.
    """
    try:
        parts = Path(os.path.relpath(path)).parts
    except ValueError:  # on another drive
        return None
    return None if any(part.startswith(".") for part in parts) else quote("/".join(parts))


def _facts(images: ImageSet, words: Words) -> str:
    """The quiet line below the pictures."""
    pixels = {f"{frame.width}×{frame.height}" for frame in images.ok if frame.width}
    tokens = (images.usage or {}).get("total_tokens")
    inside = relative_link(images.folder) is not None
    parts = (
        words.stopped if images.state == "stopped" else "",
        "" if len(images.ok) == asked(images) else progress(images, words),
        images.request.model,
        pixels.pop() if len(pixels) == 1 else images.request.size.replace("x", "×"),
        billed(images, words),
        f"{tokens:,} tokens" if isinstance(tokens, int) and not isinstance(tokens, bool) else "",
        seconds(images, words),
        os.path.relpath(images.folder) if inside else str(images.folder),
    )
    return " · ".join(one_line(part, CLIPPED_AT) for part in parts if part)


def _printable(text: str) -> str:
    """Text that cannot steer a terminal: no control characters, no change of direction."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


@cache
def _constant(name: str) -> Markup:
    return Markup(files("seedream_magic.view").joinpath(name).read_text(encoding="utf-8"))
