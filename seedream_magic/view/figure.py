"""One frame of a set as a figure: its picture, or what stands in its place, and its caption."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from seedream_magic.errors import ContentRefused, ImageError, ImageTooLarge, SeedreamError
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.session import home
from seedream_magic.view.going_on import redo_cell, vary_cell
from seedream_magic.view.markup import Markup, element
from seedream_magic.view.preview import Preview, preview
from seedream_magic.view.words import CLIPPED_AT, Words, clipped, error_name, explained, one_line

# JupyterLab's sanitizer keeps these properties (and drops aspect-ratio, object-fit, filter and every var()).
_FIGURE = "flex:0 0 auto;margin:0;max-width:100%;width:{width}px;--ratio:{ratio:.4f}"
_PICTURE = "display:block;max-width:100%;height:auto;border-radius:4px"
_BOX = "box-sizing:border-box;border-radius:4px;background-color:rgba(127,127,127,0.12);padding:16px;font-size:14px;"
_CAPTION = "margin-top:8px;line-height:1.45;text-align:left;font-size:13px"
_COMMAND = "font-size:13px;background:none;padding:0;white-space:pre-wrap"
OPTIONS = '  # also: prompt="…", refs="others"'
"""What can be said of a frame that is drawn anew; without it the cell is complete."""


@dataclass(frozen=True)
class Layout:
    """What all figures of a set share; `width` and `height` are the CSS pixels a picture takes in the strip."""

    images: ImageSet
    total: int
    words: Words
    width: int
    height: int
    budget: int
    elsewhere: bool
    """Whether it is read where neither the run nor a kernel is."""
    longest: int
    """Characters of a frame's own prompt that are kept for copying."""

    @property
    def running(self) -> bool:
        return self.images.state == "running"

    @property
    def prompt(self) -> str:
        return self.images.prompt

    @property
    def copied(self) -> tuple[str, ...]:
        """The keys of `Words.copies` that this set has a text for. Layers are made together, all anew or none."""
        if self.elsewhere:
            return ("prompt",)
        redo = () if self.images.request.layer_decomposition else ("redo",)
        return ("path", "ref", "prompt", *(() if self.running else (*redo, "vary")))

    @property
    def ratio(self) -> float:
        return self.width / self.height


def figure(frame: Frame, layout: Layout) -> Markup:
    """The figure of a frame; a file that cannot be read is a failed one."""
    words = layout.words
    state, ratio = "picture", layout.ratio
    try:
        if frame.ok:
            picture = preview(frame, budget=layout.budget)
            ratio, content = picture.width / picture.height, _picture(frame, picture, layout)
        else:
            state, content = _without_picture(frame, layout)
    except ImageError as error:
        state, content = "failed", _failed_card(error, layout)
    label = words.frame.format(number=frame.index + 1)
    reason = {"failed": words.failed, "waiting": words.waiting, "missing": words.lacking}.get(state)
    attributes = {
        "class": "seedream-frame",
        "style": _FIGURE.format(width=max(layout.width, 200), ratio=ratio),
        "data-state": state,
        "data-label": f"{label}{words.comma}{reason}" if reason else label,
        "data-file": frame.path.name if state == "picture" and frame.path else None,
        **{f"data-{key}": text for key, text in _copies(frame, layout, state).items()},
    }
    return element("figure", attributes, content, _caption(frame, layout, state))


def _copies(frame: Frame, layout: Layout, state: str) -> dict[str, str | None]:
    """The texts of a frame that can be copied, by their keys; the set's prompt stands in the set."""
    images, drawn = layout.images, state == "picture"
    texts = {
        "path": str(frame.path) if drawn else None,
        "ref": f"--ref run:{images.run_id}[{frame.index}]" if drawn else None,
        "prompt": clipped(frame.prompt, layout.longest) if frame.prompt != layout.prompt else None,
        "redo": _redo(frame, images),
        "vary": vary_cell(images, frame.index, layout.words.change) if drawn else None,
    }
    return {key: texts[key] for key in layout.copied}


def _redo(frame: Frame, images: ImageSet) -> str:
    """The cell that draws it anew; the same words and references again would be refused again."""
    if not isinstance(frame.error, ContentRefused):
        return redo_cell(images, frame.index) + OPTIONS
    return redo_cell(images, frame.index, **{"refs" if frame.error.code.startswith("InputImage") else "prompt": "…"})


def _picture(frame: Frame, picture: Preview, layout: Layout) -> Markup:
    width = round(min(layout.width, layout.height * picture.width / picture.height))
    height = max(1, round(width * picture.height / picture.width))
    alt = one_line(frame.prompt, 200) or f"{frame.index + 1} / {layout.total}"
    source: dict[str, str | int | None] = {"class": "seedream-picture", "src": picture.data_uri, "alt": alt}
    return element("img", {**source, "width": width, "height": height, "style": _PICTURE})


def _without_picture(frame: Frame, layout: Layout) -> tuple[str, Markup]:
    """The state of a frame that has no picture, and what stands in its place."""
    if frame.error is not None:
        lines = () if layout.running or layout.elsewhere else _commands(frame, frame.error, layout.images)
        return "failed", _failed_card(frame.error, layout, lines)
    if layout.running:
        return "waiting", _card(layout.words.waiting, layout)
    return "missing", _card(layout.words.missing, layout)


def _commands(frame: Frame, error: SeedreamError, images: ImageSet) -> tuple[str, ...]:
    """The lines to run for a frame that failed: what may cost nothing or help most stands first."""
    retry = f"%seedream retry {images.run_id}"
    if isinstance(error, ContentRefused):  # retry would send the same words and references again
        return (_redo(frame, images), retry)
    # Where it cannot help (a link that has ended, a picture that came without one), neither does the error name it.
    advice = error.hint or error.advice
    made = isinstance(error, ImageError) and not isinstance(error, ImageTooLarge) and "%seedream recover" in advice
    return (f"%seedream recover {images.run_id}", retry) if made else (retry,)


def _failed_card(error: SeedreamError, layout: Layout, lines: tuple[str, ...] = ()) -> Markup:
    return _card(error_name(error), layout, explained(error, layout.words), lines)


def _card(title: str, layout: Layout, texts: tuple[str, ...] = (), lines: tuple[str, ...] = ()) -> Markup:
    """A box in place of a picture that is not there. `lines` are to be run in a cell. A waiting one has none."""
    kind, tall = ("seedream-card", 160) if texts else ("seedream-empty", 280)
    style = f"{_BOX}width:{max(layout.width, 200)}px;max-width:100%;min-height:{min(layout.height, tall)}px"
    typed = [element("code", {"class": "seedream-command", "style": _COMMAND}, line) for line in lines]
    told = [element("div", {"style": "margin-top:6px"}, text) for text in (*map(clipped, filter(None, texts)), *typed)]
    since = () if texts else clock(layout.images, layout.words)
    heading = element("strong", {"style": f"font-weight:{600 if texts else 400}"}, title, *since)
    return element("div", {"class": f"seedream-picture {kind}", "style": style}, heading, *told)


def clock(images: ImageSet, words: Words) -> tuple[Markup, ...]:
    """The seconds of a run that goes on, from which the script counts on; nothing once it has ended."""
    if images.state != "running":
        return ()
    return (element("span", {"class": "seedream-elapsed"}, f" · {images.seconds:.0f} {words.controls['seconds']}"),)


def _caption(frame: Frame, layout: Layout, state: str) -> Markup:
    facts: list[str] = [element("b", {"class": "seedream-count"}, f"{frame.index + 1} / {layout.total}")]
    if state == "failed":
        facts.append(layout.words.failed)
    if state == "picture" and frame.width:
        facts.append(f"{frame.width} × {frame.height}")
    if state == "picture" and frame.path is not None:
        # Where it is read elsewhere, who writes the page puts the picture itself in the place of "original:INDEX".
        link = f"original:{frame.index}" if layout.elsewhere else relative_link(frame.path)
        name = frame.path.name if layout.elsewhere else None
        original = {"class": "seedream-original", "href": link, "download": name}
        facts += [element("a", original, layout.words.original)] if link else []
    dot = element("span", {"class": "seedream-dot"}, " · ")
    separated = [part for fact in facts for part in (dot, fact)][1:]
    label = element("div", {"class": "seedream-label"}, *separated)
    # Before it has come, nobody knows what a frame of a set will show; a storyboard's frames do have their own prompt.
    known = state in {"picture", "failed"} or frame.prompt != layout.prompt
    kind = "seedream-caption seedream-shared" if frame.prompt == layout.prompt else "seedream-caption"
    return element("figcaption", {"style": _CAPTION}, label, _caption_text(frame.prompt, kind) if known else "")


def _caption_text(prompt: str, kind: str) -> Markup:
    """The prompt in one line of text, of the CSS classes `kind`; a long one opens on demand."""
    text = one_line(prompt, CLIPPED_AT)
    if len(text) <= 160:
        return element("div", {"class": kind}, element("bdi", {}, text))
    cut = text.rfind(" ", 100, 140) + 1 or 130
    summary = element("summary", {}, element("bdi", {}, text[:cut] + "…"))
    return element("details", {"class": kind}, summary, element("bdi", {}, "…" + text[cut:]))


def relative_link(path: Path) -> str | None:
    """`path` as a link from the notebook's folder, percent-quoted.

    None where a front end could not follow it: outside that folder, or hidden, which Jupyter does not serve.
    """
    try:
        parts = Path(os.path.relpath(path, home())).parts
    except ValueError:  # on another drive
        return None
    return None if any(part.startswith(".") for part in parts) else quote("/".join(parts))
