"""The form of a request, and the frames of a storyboard. Only what the chosen model can do is offered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import ipywidgets as widgets

from seedream_magic.api.fields import FIELDS, parse_ratio
from seedream_magic.api.make_request import Ask
from seedream_magic.api.models import (
    KNOWN_IDS,
    MAXIMUM_IMAGES,
    RATIOS,
    SIDES,
    Model,
    find_model,
    ids_for,
    pixels_for_ratio,
)
from seedream_magic.api.providers import Provider
from seedream_magic.api.request import DEFAULT_SIZE, ImageRequest
from seedream_magic.api.storyboard import Storyboard, escape, read_prompt, storyboard
from seedream_magic.errors import InvalidRequest
from seedream_magic.notebook.kernel_loop import KernelLoop
from seedream_magic.notebook.panel.controls import (
    Choice,
    button,
    close,
    column,
    indented,
    labelled,
    lines,
    offer,
    row,
    set_visible,
)

ANY = "any"
"""In place of a ratio: the model decides."""
_STYLE_NOTE = "The text above is now the style that all frames share; each frame is one image."
_STYLE_NOTE_IN_CHINESE = "上面的文字成为共同风格，每帧一张图。"
_COUNTS = (*map(str, range(1, MAXIMUM_IMAGES + 1)), "auto")


class Unwritten(InvalidRequest):
    """Words that are still to come: the panel invites to write them, where another refusal says what is wrong."""


class Form:
    """The controls of a request. `changed` is called once after each change, when the form stands."""

    def __init__(
        self, loop: KernelLoop, provider: Provider, model: str, settings: Mapping[str, Any], changed: Callable[[], None]
    ) -> None:
        self._on_change, self._settings = changed, settings
        self._arranging, self._streams = True, "stream" in settings
        self.kept: dict[str, Any] = {}
        """Fields without a control of their own, kept from a request that had them."""
        self._make_controls(loop)
        self.models = _offered(provider, model)
        self.model.offer(self.models, model)
        self.watermark.value = settings.get("watermark", True) is not False
        self.stream.value = settings.get("stream") is True
        self._take_size(settings.get("size") or ("2K" if settings.get("ratio") else ""), settings.get("ratio"))
        offer(self.images, _COUNTS, str(settings.get("images", 1)))
        self._arranging = False
        self._arrange()

    def _make_controls(self, loop: KernelLoop) -> None:
        changed, area = self._changed, {"rows": 3, "placeholder": "What to draw, in Chinese or English"}
        self.prompt = labelled(widgets.Textarea, "Prompt", "What to draw", "提示词，中英文皆可", **area)
        self.prompt.layout.width = "auto"
        self.frames = Frames(loop, changed)
        self.model = Choice(loop, ("Model", "id"), "The model that draws", "模型", changed=changed)
        self.size = Choice(
            loop, ("Size", "pixels"), "A preset, or WIDTHxHEIGHT in pixels", "尺寸：预设或 宽x高", changed=changed
        )
        hint = "Width to height; any: the model decides", "宽高比；any：由模型决定"
        self.ratio = Choice(loop, ("Ratio", "W:H"), *hint, changed=changed)
        self.size.list.layout.width = self.ratio.list.layout.width = "176px"
        self.pixels = widgets.HTML()
        self.pixels.add_class("seedream-quiet")
        self.images = labelled(
            widgets.Dropdown, "Images", "How many; auto: the model decides", "张数；auto：由模型决定"
        )
        self.images.layout.width = "176px"
        switch = {"indent": False, "style": {"description_width": "auto"}}
        self.watermark = labelled(widgets.Checkbox, "Watermark", "The service's AI mark", "水印", **switch)
        self.stream = labelled(widgets.Checkbox, "Stream", "Pictures come one by one", "逐张接收", **switch)
        self.watermark.layout.width = self.stream.layout.width = "auto"
        self.watermark.layout.margin = self.stream.layout.margin = "2px 8px"
        for control in (self.prompt, self.images, self.watermark):
            loop.watch(control, changed)
        loop.watch(self.stream, self._stream_chosen)
        self.further = widgets.HTML()
        hint = "Sends the request without these options", "不再发送这些选项"
        self._further_row = row(indented(self.further), button(loop, "Leave out", *hint, self.leave_out))
        self._style_note = indented(widgets.HTML())
        self._style_note.add_class("seedream-quiet")
        self.words = column(self.prompt, self._style_note, self.frames.widget)
        self.settings = column(
            row(self.model.widget),
            row(self.size.widget, self.ratio.widget, self.pixels),
            row(self.images, self.watermark, self.stream),
            self._further_row,
        )

    @property
    def text(self) -> str | Storyboard:
        """The prompt as a cell would read it. Raises `Unwritten` for words that are missing, `InvalidRequest` for a
        typed storyboard with an empty frame.
        """
        if not self.frames.prompts:
            if not self.prompt.value.strip() and "layer_decomposition" not in self.kept:
                raise Unwritten("Write a prompt. 请先写提示词。")
            return read_prompt(self.prompt.value)
        for number, prompt in enumerate(self.frames.prompts, start=1):
            if not prompt.strip():
                raise Unwritten(f"Frame {number} is empty: write what it shows. 第 {number} 帧还没有内容。")
        return storyboard(self.prompt.value, self.frames.prompts)

    @property
    def ask(self) -> Ask:
        """What it asks for, but the references; errors as for `text`. What another request had beside is sent on."""
        text, of_preset = self.text, self.size.value in SIDES
        fields = {"id of the model": self.model, "pixels of the size": self.size}
        for name, field in {**fields, **({"ratio": self.ratio} if of_preset else {})}.items():
            if not field.value:  # else the default would be paid for in its place
                raise Unwritten(f"Type the {name}, or choose one from the list. 请输入或从列表选择。")
        known = find_model(self.model.value)
        chosen = {
            "model": self.model.value,
            "images": None if self._frame_count() else self.images.value,
            "size": self.size.value,
            "ratio": self.ratio.value if of_preset and self.ratio.value != ANY else None,
            "watermark": self.watermark.value,
            "stream": self.stream.value if self._streams and (known is None or known.stream) else None,
        }
        formats = {"response_format": self._settings.get("response_format")}
        return Ask(text, {**chosen, **self.kept}).beside(formats)

    def fill(self, request: ImageRequest) -> None:
        """Take over what a request asks for, but its references."""
        self._arranging, board = True, request.storyboard
        self.prompt.value = board.style if board else escape(request.prompt)
        self.frames.prompts = board.frames if board else ()
        self.model.value = request.model
        self._take_size(request.size, None)
        several = request.sequential_image_generation == "auto"
        offer(self.images, _COUNTS, str(request.max_images or "auto") if several else "1")
        self.watermark.value = request.watermark
        self._streams, self.stream.value = request.stream is not None, bool(request.stream)
        beside = [field for field in FIELDS if field.optional or field.name == "response_format"]
        kept = {field.name: request.values[field.name] for field in beside}
        self.kept = {name: value for name, value in kept.items() if value not in (None, False, "url")}
        self.kept |= {"extra": dict(request.extra)} if request.extra else {}
        self._arranging = False
        self._changed()

    def leave_out(self) -> None:
        """Drop the options that have no control."""
        self.kept = {}
        self._changed()

    def _frame_count(self) -> int:
        """How many frames the storyboard has; 0 for a prompt."""
        try:
            text = self.text
        except Unwritten:
            return len(self.frames.prompts)
        except InvalidRequest:  # a frame that was typed between its lines has no words
            return 1
        return len(text.frames) if isinstance(text, Storyboard) else 0

    def _take_size(self, size: str, ratio: str | None) -> None:
        known = find_model(self.model.value)
        preset, of_preset = preset_of(known, size or (known.default_size if known else DEFAULT_SIZE))
        self.size.offer(_sizes(known), preset)
        self.ratio.offer((ANY, *RATIOS), ratio or of_preset)

    def _stream_chosen(self) -> None:
        if not self._arranging:
            self._streams = True
            self._changed()

    def _changed(self) -> None:
        if not self._arranging:
            self._arranging = True
            self._arrange()
            self._arranging = False
            self._on_change()

    def _arrange(self) -> None:
        """Offer what the model takes, and leave out what says nothing."""
        known, frames = find_model(self.model.value), self._frame_count()
        if self.size.value in SIDES and self.size.value not in _sizes(known):
            self._take_size("", None)
        self.size.offer(_sizes(known), self.size.value)
        set_visible(self.ratio.widget, visible=self.size.value in SIDES)
        self.pixels.value = self._pixels(known)
        counts = ("1",) if known is not None and not known.sets else _COUNTS
        count = str(frames) if frames else self.images.value if self.images.value in counts else "1"
        offer(self.images, (count,) if frames else counts, count)
        self.images.disabled = len(self.images.options) == 1
        set_visible(self.frames.widget, visible=bool(frames) or known is None or known.sets)
        set_visible(self.stream, visible=known is None or known.stream)
        if not self._streams:
            self.stream.value = self.images.value != "1"
        self.further.value = lines([f"Also sent: {', '.join(f'{name} {value}' for name, value in self.kept.items())}"])
        set_visible(self._further_row, visible=bool(self.kept))
        self.prompt.description = "Style" if self.frames.prompts else "Prompt"
        self._style_note.value = lines([f"{_STYLE_NOTE} {_STYLE_NOTE_IN_CHINESE}"]) if self.frames.prompts else ""

    def _pixels(self, known: Model | None) -> str:
        """The exact pixels of the ratio."""
        try:
            pair = parse_ratio(self.ratio.value)
        except InvalidRequest:
            return ""
        return "{} × {} px".format(*pixels_for_ratio(known, self.size.value, pair)) if self.size.value in SIDES else ""


class Frames:
    """Rows of text; `changed` is called when a text or their number changes.

    Rows keep their places and texts move between them, so that the button that was pressed keeps the focus.
    """

    def __init__(self, loop: KernelLoop, changed: Callable[[], None]) -> None:
        self._loop, self._changed = loop, changed
        self._rows = column()
        hint = (
            "Adds a frame; the text above becomes the style that all frames share",
            "添加一帧，上面的文字成为共同风格",
        )
        self.add = button(loop, "Add frame", *hint, self.append)
        self.widget = column(self._rows, indented(row(self.add)))

    @property
    def prompts(self) -> tuple[str, ...]:
        """The prompt of each frame, in order, as typed."""
        return tuple(each.children[0].value for each in self._rows.children)

    @prompts.setter
    def prompts(self, prompts: Sequence[str]) -> None:
        kept, gone = self._rows.children[: len(prompts)], self._rows.children[len(prompts) :]
        made = [self._row(place) for place in range(len(kept), len(prompts))]
        for each, prompt in zip((*kept, *made), prompts, strict=True):
            each.children[0].value = prompt
        self._rows.children = (*kept, *made)
        for each in gone:
            close(each)
        for place, each in enumerate(self._rows.children):
            each.children[2].disabled = place == len(prompts) - 1
        self.add.disabled = len(prompts) >= MAXIMUM_IMAGES
        self._changed()

    def append(self) -> None:
        """Add a frame at the end."""
        self.prompts = (*self.prompts, "")

    def move(self, place: int, steps: int) -> None:
        """Exchange a frame with the one that stands so many places further."""
        moved = list(self.prompts)
        moved[place], moved[place + steps] = moved[place + steps], moved[place]
        self.prompts = moved

    def remove(self, place: int) -> None:
        """Take a frame out."""
        self.prompts = self.prompts[:place] + self.prompts[place + 1 :]

    def _row(self, place: int) -> Any:
        number = place + 1
        text = labelled(widgets.Textarea, f"Frame {number}", "What this frame shows", "这一帧的内容", rows=2)
        text.layout.width, text.layout.flex, text.layout.min_width = "auto", "1 1 120px", "0"
        self._loop.watch(text, self._changed)
        up = button(self._loop, "↑", f"Move frame {number} up", f"第 {number} 帧上移", partial(self.move, place, -1))
        down = button(self._loop, "↓", f"Move frame {number} down", f"第 {number} 帧下移", partial(self.move, place, 1))
        remove = button(self._loop, "×", f"Remove frame {number}", f"删除第 {number} 帧", partial(self.remove, place))
        for control in (up, down, remove):
            control.add_class("seedream-small")
        up.disabled = place == 0
        return row(text, up, down, remove, align_items="flex-start", flex_flow="row nowrap")


def preset_of(known: Model | None, size: str) -> tuple[str, str]:
    """The preset and the ratio whose pixels a size is; the size itself and `ANY` where it is none of them."""
    for preset in () if size in SIDES else _sizes(known):
        for ratio in RATIOS:
            if "{}x{}".format(*pixels_for_ratio(known, preset, parse_ratio(ratio))) == size:
                return preset, ratio
    return size, ANY


def _sizes(known: Model | None) -> tuple[str, ...]:
    return tuple(SIDES) if known is None else known.presets


def _offered(provider: Provider, model: str) -> tuple[str, ...]:
    """The ids to choose from; a gateway may take dated ones beside its own, as the demo does."""
    ids = ids_for(provider.name)
    if not (provider.strict and provider.needs_key):
        ids += tuple(known for known in KNOWN_IDS if known.startswith("doubao-") and known not in ids)
    return tuple(dict.fromkeys((model, *ids)))
