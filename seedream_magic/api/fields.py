"""What a person can ask of a request: one table of fields.

Everything that knows about a field reads this table: the options of a cell, their help and Tab, the keywords in Python,
the body, a body that is read again, the text of a cell, the panel, the check against `--extra`. A new field of the body
is a new row; how its value is read stands in `values`. Messages name a field by its option, as it is typed in a cell;
`in_python` names it by its keyword.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from seedream_magic.api.models import RATIOS, SIDES
from seedream_magic.api.values import (
    OUTPUT_FORMATS,
    RESPONSE_FORMATS,
    check_switch,
    parse_extra,
    parse_images,
    parse_model,
    parse_ratio,
    parse_size,
    parse_source,
    parse_take,
    parse_timeout,
    parse_word,
)
from seedream_magic.errors import InvalidRequest, reword
from seedream_magic.words import options as meanings
from seedream_magic.words import requests as texts
from seedream_magic.words.text import Text

MOST_RUNS = 10_000
"""Of a sweep."""
MOST_TAKES = 100
"""That a sweep makes of each run."""


@dataclass(frozen=True)
class Field:
    """One thing that a person can ask for: how it is given, what it means, where it stands in the body.

    `name` is its keyword in Python, `flags` are its options in a cell, the long one last; `meaning` says what it
    means, `metavar` stands for its value. `parse` reads a value and raises `InvalidRequest`; a field without it
    is a switch, which `with_no` can turn off. `words` are its values, where they are few; a `repeated` one collects
    its values. `default` is what it is where nobody asks.

    `keys` are the keys of the body that it sets. An `optional` field stands in the body only where it was asked for:
    its value, of the type `kind`, or that in an object under the name `inside`, or of a switch `on`. It is held in
    `ImageRequest.options`; one with `own` is an attribute of the request, for more depends on it than its key. `needs`
    is the word by which a model's row says that it takes the field, "" where every model does; with `needed_by` only
    that value needs it.
    """

    name: str
    flags: tuple[str, ...]
    meaning: Text
    metavar: str = ""
    parse: Callable[[Any], Any] | None = None
    words: tuple[str, ...] = ()
    with_no: bool = False
    repeated: bool = False
    default: object = None
    keys: tuple[str, ...] = ()
    own: bool = False
    optional: bool = False
    kind: type = str
    inside: str = ""
    on: object = True
    needs: str = ""
    needed_by: str = ""

    @property
    def flag(self) -> str:
        """Its long option, such as "--size"."""
        return self.flags[-1]

    @property
    def all_flags(self) -> tuple[str, ...]:
        """Every way to type it, turned off included."""
        return (*self.flags, *([f"--no-{self.flag.removeprefix('--')}"] if self.with_no else []))

    @property
    def chinese_flags(self) -> tuple[str, ...]:
        """Every way to type it in Chinese."""
        return tuple(name for name, flag in CHINESE_FLAGS.items() if flag in self.all_flags)

    @property
    def usage(self) -> str:
        """The option as the help shows it."""
        off = self.all_flags[len(self.flags) :]
        return f"{' / '.join([', '.join(self.flags), *off])} {self.metavar}".rstrip()

    @property
    def keyword(self) -> str:
        """The same in Python: its name; of a switch that is either typed or not, with the value that this means."""
        is_plain_switch = self.parse is None and not self.with_no
        return f"{self.name}={not self.flag.startswith('--no-')}" if is_plain_switch else self.name

    @property
    def limited(self) -> str:
        """The option that not every model takes, with the value that makes it so."""
        return f"{self.flag} {self.needed_by}".rstrip()

    def is_limited(self, value: object) -> bool:
        """Whether only some models take this value."""
        return bool(self.needs and value) and value == (self.needed_by or value)

    def read(self, value: object) -> Any:
        """A value as it was given, read. Raises `InvalidRequest`."""
        return self.parse(value) if self.parse else check_switch(self.name, value)

    def to_body(self, value: object) -> object:
        """What stands in the body for a value; None, which is not sent, for one that was not asked for."""
        if value is None or value is False:
            return None
        sent = value if self.parse else self.on
        return {self.inside: sent} if self.inside else sent

    def from_body(self, sent: object) -> Any:
        """The value for which this stands in the body, None for what stands for none."""
        if self.inside:
            sent = sent.get(self.inside) if isinstance(sent, Mapping) and list(sent) == [self.inside] else None
        if self.parse is None:
            return True if sent == self.on and type(sent) is type(self.on) else None
        return sent if isinstance(sent, self.kind) and not isinstance(sent, bool) else None


_BACKGROUNDS = ("opaque", "transparent")
_PROMPT_MODES = ("standard", "fast")
_SET_KEYS = ("sequential_image_generation", "sequential_image_generation_options")

# fmt: off
FIELDS = (
    Field("images", ("-n", "--images"), meanings.IMAGES, "N", parse_images, default=1, keys=_SET_KEYS),
    Field("model", ("-m", "--model"), meanings.MODEL, "ID", parse_model, keys=("model",), own=True),
    Field("size", ("-s", "--size"), meanings.SIZE, "SIZE", parse_size, words=tuple(SIDES), keys=("size",), own=True),
    Field("ratio", ("-r", "--ratio"), meanings.RATIO,
          "W:H", lambda value: "{}:{}".format(*parse_ratio(value)), words=RATIOS, keys=("size",)),
    Field("refs", ("-i", "--ref"), meanings.REFS, "X", partial(parse_source, "ref"), repeated=True, keys=("image",)),
    Field("fit", ("--fit",), meanings.FIT),
    Field("stream", ("--stream",), meanings.STREAM, with_no=True, keys=("stream",), own=True),
    Field("watermark", ("--watermark",), meanings.WATERMARK, with_no=True, default=True, keys=("watermark",), own=True),
    Field("response_format", ("--response-format",), meanings.RESPONSE_FORMAT,
          "FORMAT", partial(parse_word, "response-format", RESPONSE_FORMATS), words=RESPONSE_FORMATS,
          default="url", keys=("response_format",), own=True),
    Field("output_format", ("--output-format",), meanings.OUTPUT_FORMAT,
          "FORMAT", partial(parse_word, "output-format", OUTPUT_FORMATS), words=OUTPUT_FORMATS,
          keys=("output_format",), optional=True, needs="output_format"),
    Field("background", ("--background",), meanings.BACKGROUND, "KIND", partial(parse_word, "background", _BACKGROUNDS),
          words=_BACKGROUNDS, keys=("background",), optional=True, needs="background"),
    Field("layer_decomposition", ("--layer-decomposition",), meanings.LAYER_DECOMPOSITION, default=False,
          keys=("layer_decomposition",), own=True, optional=True, needs="layer_decomposition"),
    Field("web_search", ("--web-search",), meanings.WEB_SEARCH,
          keys=("tools",), optional=True, on=[{"type": "web_search"}], needs="tools"),
    Field("optimize_prompt", ("--optimize-prompt",), meanings.OPTIMIZE_PROMPT, "MODE",
          partial(parse_word, "optimize-prompt", _PROMPT_MODES),
          words=_PROMPT_MODES, keys=("optimize_prompt_options",), optional=True, inside="mode",
          needs="fast", needed_by="fast"),
)
"""The fields of a request, in the order of the help. What says how to plan it, and is no field of it, stands below."""
FRESH = Field("fresh", ("--fresh",), meanings.FRESH)
TAKE = Field("take", ("--take",), meanings.TAKE, "K", parse_take)
COPY = Field("copy", ("--copy",), meanings.COPY)
EXTRA = Field("extra", ("--extra",), meanings.EXTRA, "JSON", parse_extra)
CHECK = Field("check", ("--no-check",), meanings.CHECK)
TIMEOUT = Field("timeout", ("--timeout",), meanings.TIMEOUT, "S", parse_timeout)
# fmt: on
KEYWORDS = (*FIELDS, FRESH, TAKE, COPY, EXTRA, CHECK, TIMEOUT)
"""Everything that `Seedream.plan` takes beside the prompt, and a cell too."""
CHINESE_FLAGS = {
    "--变量": "--out",
    "--张数": "--images",
    "--模型": "--model",
    "--尺寸": "--size",
    "--比例": "--ratio",
    "--参考图": "--ref",
    "--缩小": "--fit",
    "--逐张": "--stream",
    "--不逐张": "--no-stream",
    "--水印": "--watermark",
    "--无水印": "--no-watermark",
    "--返回格式": "--response-format",
    "--图片格式": "--output-format",
    "--背景": "--background",
    "--拆图层": "--layer-decomposition",
    "--联网": "--web-search",
    "--优化": "--optimize-prompt",
    "--重新生成": "--fresh",
    "--第几版": "--take",
    "--复制": "--copy",
    "--试算": "--dry-run",
    "--服务商": "--provider",
    "--附加": "--extra",
    "--不检查": "--no-check",
    "--时限": "--timeout",
    "--变体": "--vary",
    "--逐行": "--each",
    "--交叉": "--xy",
    "--重复": "--repeat",
    "--抽样": "--sample",
    "--种子": "--seed",
    "--后台": "--bg",
    "--不显示": "--quiet",
    "--原样": "--raw",
    "--布局": "--show",
}
"""Every option of a cell in Chinese, with the one that it means."""


def find_field(name: str) -> Field:
    """The field of this keyword. Raises `KeyError` where there is none."""
    return {field.name: field for field in FIELDS}[name]


def keys_of(names: Iterable[str]) -> set[str]:
    """The keys of the body that these fields set."""
    return {key for field in FIELDS if field.name in names for key in field.keys}


def refuse_twice(names: Iterable[str], extra: Mapping[str, object]) -> None:
    """Raises `InvalidRequest` for a key of the body that both one of these fields and an extra field set."""
    for field in FIELDS:
        if field.name in names and (key := next((key for key in field.keys if key in extra), None)):
            raise InvalidRequest(texts.EXTRA_SETS_TWICE(key=repr(key), flag=field.flag))


def python_words(text: str) -> str:
    """A sentence for who wrote Python: each option in it under its keyword, "size" for "--size"."""
    sentence = text
    # Where both are given, as advice about gateways does.
    text = re.sub(r"--[^()（）]*(?: \(in Python |（Python 中 )([^()（）]*)[)）]", r"\1", text)
    keywords = {field.flag: field.keyword for field in KEYWORDS}
    keywords |= {field.all_flags[-1]: f"{field.name}=False" for field in KEYWORDS if field.with_no}
    quoted = r"(?<!\w)'[^']*'"  # a value, which stays as it was given
    text = re.sub(rf"{quoted}|(?<![\w-])--[a-z][a-z-]*", lambda match: keywords.get(match[0], match[0]), text)
    return sentence if text == sentence else text  # a sentence that names no option can be told in another language


@contextmanager
def in_python() -> Iterator[None]:
    """Refusals raised inside name fields by their keywords, as Python has them."""
    try:
        yield
    except InvalidRequest as error:
        reword(error, python_words)
        raise
