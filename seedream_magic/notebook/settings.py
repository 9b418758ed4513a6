"""The settings of the notebook, as `%config SeedreamMagics` shows and sets them."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from traitlets import Bool, Dict, Enum, Float, Int, TraitError, Unicode, Union, validate
from traitlets.config import Configurable

from seedream_magic.api.values import RESPONSE_FORMATS
from seedream_magic.bridge import EVENT_LOOPS
from seedream_magic.words import options
from seedream_magic.words import settings as texts
from seedream_magic.words.lists import enumeration
from seedream_magic.words.text import Sentence

if TYPE_CHECKING:
    from seedream_magic.api.credentials import MaskedDict

LAYOUTS = ("carousel", "grid")
_REQUEST_TRAITS = ("images", "model", "size", "ratio", "stream", "watermark", "response_format", "timeout")


class Settings(Configurable):
    """Settings of the notebook; each stands for an option that a cell does not give. None leaves it to the rest."""

    provider = Unicode(None, allow_none=True, help=texts.PROVIDER.english).tag(config=True)
    base_url = Unicode(None, allow_none=True, help=texts.BASE_URL.english).tag(config=True)
    headers = Dict(default_value=None, allow_none=True, help=texts.HEADERS.english).tag(config=True)
    model = Unicode(None, allow_none=True, help=options.MODEL.english).tag(config=True)
    store = Unicode(None, allow_none=True, help=texts.STORE.english).tag(config=True)
    images = Union([Int(), Unicode()], default_value=None, allow_none=True, help=texts.IMAGES.english).tag(config=True)
    size = Unicode(None, allow_none=True, help=options.SIZE.english).tag(config=True)
    ratio = Unicode(None, allow_none=True, help=texts.RATIO.english).tag(config=True)
    stream = Bool(None, allow_none=True, help=texts.STREAM.english).tag(config=True)
    watermark = Bool(None, allow_none=True, help=texts.WATERMARK.english).tag(config=True)
    response_format = Enum(RESPONSE_FORMATS, None, allow_none=True, help=texts.RESPONSE_FORMAT.english).tag(config=True)
    timeout = Float(None, allow_none=True, help=options.TIMEOUT.english).tag(config=True)
    max_images_per_run = Int(None, allow_none=True, help=texts.MAX_IMAGES_PER_RUN.english).tag(config=True)
    max_images_per_session = Int(None, allow_none=True, help=texts.MAX_IMAGES_PER_SESSION.english).tag(config=True)
    max_images_per_day = Int(None, allow_none=True, help=texts.MAX_IMAGES_PER_DAY.english).tag(config=True)
    copy_replays = Bool(False, help=texts.COPY_REPLAYS.english).tag(config=True)
    ask_when_unknown = Bool(True, help=texts.ASK_WHEN_UNKNOWN.english).tag(config=True)
    prices = Dict(help=texts.PRICES.english).tag(config=True)
    language = Enum(("auto", "en", "zh"), "auto", help=texts.LANGUAGE.english).tag(config=True)
    show = Enum(LAYOUTS, "carousel", help=texts.SHOW.english).tag(config=True)
    event_loop = Enum(EVENT_LOOPS, "thread", help=texts.EVENT_LOOP.english).tag(config=True)

    @classmethod
    def class_get_trait_help(cls, trait: Any, inst: Any = None, helptext: str | None = None) -> str:
        """What `%config SeedreamMagics` shows of a setting, in the reader's language."""
        name = str(trait.name).upper()
        told = getattr(texts, name, None) or getattr(options, name, None)
        shown: str = super().class_get_trait_help(trait, inst, helptext or (told() if told else None))
        return shown

    def __setattr__(self, name: str, value: object) -> None:
        """Say what a setting takes in the reader's language; traitlets would say it in English."""
        try:
            super().__setattr__(name, value)
        except TraitError as error:
            if isinstance(error.args[0], Sentence) or not self.has_trait(name):
                raise
            takes = _takes(self.traits()[name])
            raise TraitError(texts.NO_SETTING(name=name, takes=takes, value=f"{value!r:.60}")) from None

    def update_config(self, config: Any) -> None:
        """Refuse a setting that there is not, as a typing error of `%config` is; traitlets would warn in English."""
        names = self.trait_names(config=True)
        for name in config.get(type(self).__name__, {}):
            if name not in names:
                from seedream_magic.names import no_such_name  # noqa: PLC0415 - load time: few names are misspelt

                raise TraitError(no_such_name(type(self).__name__, name, names))
        super().update_config(config)

    @validate("headers")
    def _mask_headers(self, proposal: Any) -> MaskedDict | None:
        """`%config` shows the values of settings; of these it shows the names."""
        from seedream_magic.api.credentials import MaskedDict  # noqa: PLC0415 - load time

        return None if proposal["value"] is None else MaskedDict(proposal["value"])

    @validate("prices")
    def _read_prices(self, proposal: Any) -> dict[str, float]:
        """Numbers, also where they were typed as texts."""
        prices = {}
        for model, price in proposal["value"].items():
            try:
                prices[str(model)] = float(price)
            except (TypeError, ValueError):
                prices[str(model)] = -1.0
            if not 0 <= prices[str(model)] < inf:
                raise TraitError(texts.NO_PRICE(model=repr(str(model)[:60]), price=f"{price!r:.60}"))
        return prices

    @property
    def of_request(self) -> dict[str, Any]:
        """The settings of a request that are set, by the names of its options; an empty text is none."""
        return {name: getattr(self, name) for name in _REQUEST_TRAITS if getattr(self, name) not in (None, "")}


_KINDS = {
    Int: texts.WHOLE_NUMBER,
    Float: texts.NUMBER,
    Bool: texts.TRUE_OR_FALSE,
    Unicode: texts.IN_QUOTES,
    Dict: texts.DICT,
    Union: texts.IMAGES,
}


def _takes(trait: Any) -> str:
    """The values of a setting in words."""
    return enumeration(trait.values or ()) if isinstance(trait, Enum) else _KINDS[type(trait)]()
