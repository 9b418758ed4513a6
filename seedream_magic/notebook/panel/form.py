"""The form of a request. Only what the chosen model can do is offered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import ipywidgets as widgets
from traitlets import TraitError

from seedream_magic.api.fields import FIELDS
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
from seedream_magic.api.values import parse_ratio
from seedream_magic.errors import InvalidRequest
from seedream_magic.notebook.panel.controls import (
    button,
    checkbox,
    column,
    labelled,
    lines,
    offer,
    row,
    set_visible,
)
from seedream_magic.notebook.panel.frames import Frames
from seedream_magic.notebook.panel.page_loop import PageLoop
from seedream_magic.words import panel as texts
from seedream_magic.words.history import PROMPT
from seedream_magic.words.lists import enumeration

ANY = "any"
"""In place of a ratio: the model decides."""
_COUNTS = tuple(map(str, range(1, MAXIMUM_IMAGES + 1)))
AUTO = "auto"
"""In place of a number of images: the model decides."""


_DRAFTED = ("prompt", "model", "size", "ratio", "other", "images", "watermark", "stream")


class Unwritten(InvalidRequest):
    """Words that are still to come: the panel invites to write them, where another refusal says what is wrong."""


class Form:
    """The controls of a request. `changed` is called once after each change, when the form stands.

    `words` are the prompt and its frames, `choices` those that stand in one line, `options` those behind a click;
    `beside` says what is sent without a control of its own.
    """

    def __init__(
        self, loop: PageLoop, provider: Provider, model: str, settings: Mapping[str, Any], changed: Callable[[], None]
    ) -> None:
        self._on_change, self._settings = changed, settings
        self._arranging, self._streams = True, "stream" in settings
        self._alone: str | None = None
        """The number of images that was chosen before there was a storyboard, whose frames are counted instead."""
        self.kept: dict[str, Any] = {}
        """Fields without a control of their own, kept from a request that had them."""
        self._make_controls(loop)
        self.models = _offered(provider, model)
        self._offer_model(model)
        self.watermark.value = settings.get("watermark", True) is not False
        self.stream.value = settings.get("stream") is True
        self._take_size(settings.get("size") or ("2K" if settings.get("ratio") else ""), settings.get("ratio"))
        offer(self.images, _counts(), str(settings.get("images", 1)))
        self._arranging = False
        self._arrange()

    def _make_controls(self, loop: PageLoop) -> None:
        area = {"rows": 3, "placeholder": texts.PROMPT_HINT()}
        self.prompt = labelled(widgets.Textarea, PROMPT(), texts.PROMPT_HINT(), "prompt", "bare", **area)
        self.frames = Frames(loop, self._changed)
        self.ratio = labelled(widgets.RadioButtons, texts.RATIO(), texts.RATIO_HINT(), "ratio", options=(ANY,))
        self.size = labelled(widgets.RadioButtons, texts.SIZE(), texts.SIZE_HINT(), "size", options=tuple(SIDES))
        self.images = labelled(widgets.Dropdown, texts.IMAGES(), texts.IMAGES_HINT())
        self.model = labelled(widgets.Dropdown, texts.MODEL(), texts.MODEL_HINT())
        self.images.layout.width, self.model.layout.width = "72px", "150px"
        typed = {"continuous_update": False}
        self.other = labelled(
            widgets.Text, texts.OTHER_SIZE(), texts.OTHER_SIZE_HINT(), placeholder="5:4, 2400x1200", **typed
        )
        self.model_id = labelled(widgets.Text, texts.MODEL_ID(), texts.MODEL_ID_HINT(), **typed)
        self.other.layout.width, self.model_id.layout.width = "160px", "280px"
        self.watermark = checkbox(texts.WATERMARK(), texts.WATERMARK_HINT())
        self.stream = checkbox(texts.STREAM(), texts.STREAM_HINT())
        for control in (self.prompt, self.ratio, self.size, self.images, self.model, self.other, self.watermark):
            loop.watch(control, self._changed)
        loop.watch(self.model_id, self._id_typed)
        loop.watch(self.stream, self._stream_chosen)
        self.further = widgets.HTML()
        leave_out = button(loop, texts.LEAVE_OUT(), texts.LEAVE_OUT_HINT(), self.leave_out)
        self.beside = row(self.further, leave_out)
        self.words = column(self.prompt, self.frames.widget)
        self.choices = (self.ratio, self.size, self.images, self.model)
        self.options = row(self.other, self.model_id, self.watermark, self.stream, align_items="flex-end")

    @property
    def text(self) -> str | Storyboard:
        """The prompt as a cell would read it. Raises `Unwritten` for words that are missing, `InvalidRequest` for a
        typed storyboard with an empty frame.
        """
        if not self.frames.prompts:
            if not self.prompt.value.strip() and "layer_decomposition" not in self.kept:
                raise Unwritten(texts.WRITE_PROMPT())
            return read_prompt(self.prompt.value)
        for number, prompt in enumerate(self.frames.prompts, start=1):
            if not prompt.strip():
                raise Unwritten(texts.WRITE_FRAME(number=number))
        return storyboard(self.prompt.value, self.frames.prompts)

    @property
    def shape(self) -> tuple[str, str | None]:
        """The size and the ratio that are chosen; what is typed as another one comes first."""
        other = self.other.value.strip()
        if other and not set(other) & {":", "："}:
            return other, None
        return str(self.size.value), other or (None if self.ratio.value == ANY else self.ratio.value)

    @property
    def ask(self) -> Ask:
        """What it asks for, but the references; errors as for `text`. What another request had beside is sent on."""
        text, known = self.text, find_model(self.model.value)
        size, ratio = self.shape
        chosen = {
            "model": self.model.value,
            "images": None if self._frame_count() else self.images.value,
            "size": size,
            "ratio": ratio,
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
        self._offer_model(request.model)
        self._take_size(request.size, None)
        several, self._alone = request.sequential_image_generation == "auto" and board is None, None
        offer(self.images, _counts(), str(request.max_images or AUTO) if several else "1")
        self.watermark.value = request.watermark
        self._streams, self.stream.value = request.stream is not None, bool(request.stream)
        beside = [field for field in FIELDS if field.optional or field.name == "response_format"]
        kept = {field.name: request.values[field.name] for field in beside}
        self.kept = {name: value for name, value in kept.items() if value not in (None, False, "url")}
        self.kept |= {"extra": dict(request.extra)} if request.extra else {}
        self._arranging = False
        self._changed()

    @property
    def draft(self) -> dict[str, Any]:
        """All that was typed and chosen, as JSON has it."""
        named = {name: getattr(self, name).value for name in _DRAFTED}
        return {**named, "frames": self.frames.prompts, "streams": self._streams, "kept": self.kept}

    def restore(self, draft: Mapping[str, Any], *, same: bool) -> None:
        """Have a draft again; of another provider than the `same` without its model. What is none is left out."""
        self._arranging = True
        self.prompt.value = str(draft.get("prompt", ""))
        self.frames.prompts = tuple(map(str, draft.get("frames", ())))
        if same and draft.get("model"):
            self._offer_model(str(draft["model"]))
            self._take_size("", None)
            self.kept = dict(draft.get("kept") or {})
        self._streams = draft.get("streams") is True
        for name in _DRAFTED:
            with suppress(TraitError):  # a value that this model does not have
                getattr(self, name).value = draft.get(name, getattr(self, name).value)
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

    def _offer_model(self, model: str) -> None:
        """Offer a model of each family by its name, and take this one, which has its id where it is not offered."""
        families = {known.name: one for one in reversed(self.models) if (known := find_model(one)) is not None}
        offered = {one: name for name, one in reversed(families.items())}
        offer(self.model, [(name, one) for one, name in ({model: model} | offered).items()], model)
        self.model_id.value = model

    def _id_typed(self) -> None:
        if not self._arranging and self.model_id.value != self.model.value:
            self._arranging = True
            self._offer_model(self.model_id.value.strip() or self.model.value)
            self._arranging = False
            self._changed()

    def _take_size(self, size: str, ratio: str | None) -> None:
        known = find_model(self.model.value)
        preset, of_preset = preset_of(known, size or (known.default_size if known else DEFAULT_SIZE))
        is_preset, chosen = preset in _sizes(known), ratio or of_preset
        self.other.value = preset if not is_preset else "" if chosen in {ANY, *RATIOS} else chosen
        offer(self.size, _sizes(known), preset if is_preset else next(iter(_sizes(known)), None))
        labels = ((texts.MODEL_DECIDES(), ANY), *((ratio, ratio) for ratio in RATIOS))
        offer(self.ratio, labels, chosen if is_preset and chosen in RATIOS else ANY)

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
        self.model_id.value = self.model.value
        sizes = _sizes(known)
        if self.size.value not in sizes and not self.other.value.strip():
            self._take_size("", None)
        offer(self.size, sizes, self.size.value if self.size.value in sizes else next(iter(sizes), None))
        self.size.disabled = self.shape[0] not in SIDES
        self.ratio.disabled = bool(self.other.value.strip())
        if frames:
            self._alone = self._alone or self.images.value
            offer(self.images, [(str(frames), str(frames))], str(frames))
        else:
            counts = [("1", "1")] if known is not None and not known.sets else _counts()
            chosen, self._alone = self._alone or self.images.value, None
            offer(self.images, counts, chosen if chosen in dict(counts).values() else "1")
        self.images.disabled = len(self.images.options) == 1
        set_visible(self.frames.add, visible=bool(frames) or known is None or known.sets)
        set_visible(self.stream, visible=known is None or known.stream)
        if not self._streams:
            self.stream.value = self.images.value != "1"
        options = enumeration(f"{name} {value}" for name, value in self.kept.items())
        self.further.value = lines([texts.ALSO_SENT(options=options)])
        set_visible(self.beside, visible=bool(self.kept))
        self._name_prompt()

    def _name_prompt(self) -> None:
        """With frames the prompt is their style, and its label says so."""
        board = bool(self.frames.prompts)
        self.prompt.description = texts.STYLE() if board else PROMPT()
        (self.prompt.remove_class if board else self.prompt.add_class)("seedream-panel-bare")


def preset_of(known: Model | None, size: str) -> tuple[str, str]:
    """The preset and the ratio whose pixels a size is; the size itself and `ANY` where it is none of them."""
    for preset in () if size in SIDES else _sizes(known):
        for ratio in RATIOS:
            if "{}x{}".format(*pixels_for_ratio(known, preset, parse_ratio(ratio))) == size:
                return preset, ratio
    return size, ANY


def _counts() -> list[tuple[str, str]]:
    """The numbers of images to choose from, by their labels."""
    return [*((count, count) for count in _COUNTS), (texts.AUTO(), AUTO)]


def _sizes(known: Model | None) -> tuple[str, ...]:
    return tuple(SIDES) if known is None else known.presets


def _offered(provider: Provider, model: str) -> tuple[str, ...]:
    """The ids to choose from; a gateway may take dated ones beside its own, as the demo does."""
    ids = ids_for(provider.name)
    if not (provider.strict and provider.needs_key):
        ids += tuple(known for known in KNOWN_IDS if known.startswith("doubao-") and known not in ids)
    return tuple(dict.fromkeys((model, *ids)))
