"""How a set of images looks in a notebook: an output that needs nothing but itself.

The HTML is a scrolling strip of labelled pictures, written with inline styles only, so that it reads well where a front
end has removed scripts and style sheets (a notebook of somebody else's). Where they run, the constant files
`viewer.js`, `carousel.js` and `start.js` turn the strip into a carousel. No text of a prompt, a model or an error is
ever put into the script.
"""

from __future__ import annotations

import base64
import json
import os
import re
import time
from functools import partial
from typing import Any

from seedream_magic.errors import ImageError
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.session import home
from seedream_magic.view.figure import Layout, clock, figure, relative_link
from seedream_magic.view.markup import Markup, constant, element
from seedream_magic.view.preview import preview, sheet_ratio
from seedream_magic.view.sheet import contact_sheet
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

__all__ = ["Markup", "element", "frame_bundle", "image_set_bundle", "places", "plain_text", "relative_link"]

OUTPUT_BYTES = 980_000
"""A set's output as JSON at most, which leaves room for the notebook's own words around it."""
ONE_PREVIEW_BYTES = 350_000
ALL_PREVIEWS_BYTES = 660_000
SHEET_BYTES = 90_000
PROMPT_CHARACTERS = 4000
"""Of a prompt that "Copy prompt" copies: several times what the service reads."""

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

_STRIP = "display:flex;gap:20px;overflow-x:auto;align-items:flex-start;padding-bottom:8px"
_GRID = "display:flex;gap:20px;flex-wrap:wrap;align-items:flex-start;padding-bottom:8px"
_QUIET = "margin:8px 0 0 0;line-height:1.45;text-align:left;font-size:12px;opacity:0.75"


def image_set_bundle(images: ImageSet, *, show: str = "carousel", elsewhere: bool = False) -> dict[str, Any]:
    """The mimebundle of a set: `text/html`, `text/plain` and, once the run has ended with a picture, `image/jpeg`.

    `show` is "carousel" or "grid". `elsewhere` leaves out what has a meaning only where the run and a kernel are: the
    paths, and the cells that go on from it. Below 1,000,000 bytes of JSON whatever the pictures hold. The contact sheet
    is left out while the set grows, so that an update stays light.
    """
    shown = places(images)
    html = partial(_set_html, images, show=show, elsewhere=elsewhere)
    budget = min(ONE_PREVIEW_BYTES, ALL_PREVIEWS_BYTES // max(len(shown), images.expected or 4))
    bundle: dict[str, Any] = {"text/html": str(html(budget)), "text/plain": plain_text(images)}
    if images.ok and images.state != "running":
        sheet = contact_sheet(images, budget=SHEET_BYTES, preview_budget=budget)
        bundle["image/jpeg"] = base64.b64encode(sheet).decode("ascii")
    over = len(json.dumps(bundle)) - OUTPUT_BYTES
    if over > 0 and (sizes := [len(source) for source in re.findall('src="[^"]*"', bundle["text/html"])]):
        bundle["text/html"] = str(html((sum(sizes) - over) // len(sizes)))  # endless texts
    return bundle


def frame_bundle(frame: Frame) -> dict[str, Any]:
    """The mimebundle of one frame: its picture (`image/jpeg`, `image/png` where transparent) and `text/plain`.

    A failed one tells the error, what was billed, and what to do.
    """
    if frame.error is not None:
        told = "\n     ".join(_printable(clipped(line)) for line in frame.error.lines())
        return {"text/plain": f"{frame.index + 1:>3}  {told}"}
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
    head = [progress(images, ENGLISH), images.request.model, images.request.size]
    head += [] if images.replayed else [seconds(images, ENGLISH)]
    head += [ENGLISH.stopped] if images.state == "stopped" else []
    absent = ENGLISH.waiting if images.state == "running" else ENGLISH.missing
    frames = (_plain_line(frame, absent) for frame in places(images))
    lines = [" · ".join(head), *frames, *told(images), billed(images, ENGLISH)]
    return "\n".join(_printable(line) for line in lines if line)


def places(images: ImageSet) -> tuple[Frame, ...]:
    """The frames, and an empty one for each picture that is still to come, or would have come but for a Stop."""
    total = len(images.frames) if images.state == "done" else max(len(images.frames), images.expected or 1)
    return images.frames + tuple(
        Frame(index, images.request.prompt_of(index)) for index in range(len(images.frames), total)
    )


def _plain_line(frame: Frame, absent: str = ENGLISH.waiting) -> str:
    number = f"{frame.index + 1:>3}  "
    if frame.error is not None:
        return f"{number}{error_name(frame.error)}: {clipped(error_text(frame.error).partition(chr(10))[0])}"
    if frame.path is None:
        return f"{number}{absent}"
    pixels = f"  {frame.width}x{frame.height}" if frame.width else ""
    return f"{number}{frame.path}{pixels}"


def _set_html(images: ImageSet, budget: int, *, show: str, elsewhere: bool) -> Markup:
    shown = places(images)
    words = words_for(images.prompt)
    layout = _layout(images, shown, words, budget, elsewhere=elsewhere)
    figures = [figure(frame, layout) for frame in shown]
    controls = {**words.controls, **words.copies, "copies": layout.copied}
    attributes = {
        # MathJax must not take "$5 … $6" of a prompt for a formula.
        "class": "seedream tex2jax_ignore mathjax_ignore",
        "lang": words.language,
        "style": f"--ratio:{layout.ratio:.4f}",
        "data-run": images.run_id,
        "data-label": one_line(images.prompt, 90) or images.request.model,
        "data-show": "grid" if show == "grid" else "carousel",
        "data-start": _start(images),
        "data-words": json.dumps(controls, ensure_ascii=False),
        "data-prompt": clipped(images.prompt, PROMPT_CHARACTERS),
        "data-started": f"{time.time() - images.seconds:.0f}" if layout.running else None,
    }
    return element(
        "div",
        attributes,
        element("div", {"class": "seedream-strip", "style": _GRID if show == "grid" else _STRIP}, *figures),
        element("div", {"class": "seedream-facts", "style": _QUIET}, _facts(images, words), *clock(images, words)),
        *(element("div", {"class": "seedream-note", "style": _QUIET}, clipped(note)) for note in told(images)),
        # Last, so that where they are shown as text (nbconvert --sanitize-html) all words stand before them.
        element("style", {}, constant("carousel.css")),
        element("script", {}, constant("viewer.js", "carousel.js", "start.js")),
    )


def _start(images: ImageSet) -> int:
    """The index of the frame that it opens at: the first that was made anew, where an earlier run made the others."""
    made = [frame.index for frame in images if frame.index not in images.inherited]
    return made[0] if made else 0


def _layout(images: ImageSet, shown: tuple[Frame, ...], words: Words, budget: int, *, elsewhere: bool) -> Layout:
    widest, tallest = (560, 560) if len(shown) == 1 else (440, 280)
    ratio = min(max(sheet_ratio(images), 1 / 16), 16.0)
    width = round(min(widest, tallest * ratio))
    own = sum(len(frame.prompt) for frame in shown if frame.prompt != images.prompt)
    return Layout(
        images,
        total=len(shown),
        words=words,
        width=width,
        height=max(1, round(width / ratio)),
        budget=budget,
        elsewhere=elsewhere,
        longest=PROMPT_CHARACTERS if own <= PROMPT_CHARACTERS else PROMPT_CHARACTERS // len(shown),
    )


def _facts(images: ImageSet, words: Words) -> str:
    """The quiet line below the pictures."""
    pixels = {f"{frame.width}×{frame.height}" for frame in images.ok if frame.width}
    tokens = (images.usage or {}).get("total_tokens")
    inside = relative_link(images.folder) is not None
    made_now = not images.replayed  # what it took then is in the history; here it would read as if it were spent anew
    parts = (
        words.stopped if images.state == "stopped" else "",
        "" if len(images.ok) == asked(images) else progress(images, words),
        images.request.model,
        pixels.pop() if len(pixels) == 1 else images.request.size.replace("x", "×"),
        billed(images, words),
        f"{tokens:,} tokens" if isinstance(tokens, int) and not isinstance(tokens, bool) and made_now else "",
        seconds(images, words) if images.state != "running" and made_now else "",
        os.path.relpath(images.folder, home()) if inside else str(images.folder),
    )
    return " · ".join(one_line(part, CLIPPED_AT) for part in parts if part)


def _printable(text: str) -> str:
    """Text that cannot steer a terminal: no control characters, no change of direction."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
