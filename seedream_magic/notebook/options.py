"""The options of a `%%seedream` cell: one table, from which the parser, the help and Tab are made."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from seedream_magic.api.values import (
    BACKGROUNDS,
    OUTPUT_FORMATS,
    PROMPT_MODES,
    RESPONSE_FORMATS,
    parse_extra,
    parse_images,
    parse_ratio,
    parse_size,
    parse_word,
)
from seedream_magic.errors import InvalidRequest

LAYOUTS = ("carousel", "grid")


@dataclass(frozen=True)
class Option:
    """One option: how it is typed, what it means in both languages. A switch has no `parse`.

    `words` are the values that it takes, where they are few; a `repeated` one collects its values. `keyword` is its
    name in Python where that is another.
    """

    flags: tuple[str, ...]
    english: str
    chinese: str
    metavar: str = ""
    parse: Callable[[str], Any] | None = None
    with_no: bool = False
    words: tuple[str, ...] = ()
    repeated: bool = False
    keyword: str = ""

    @property
    def name(self) -> str:
        """Its name in Python."""
        return self.keyword or self.flags[-1].removeprefix("--").replace("-", "_")

    @property
    def typed(self) -> str:
        """The option as the help shows it."""
        names = ", ".join(self.flags) + (f" / --no-{self.flags[-1].removeprefix('--')}" if self.with_no else "")
        return f"{names} {self.metavar}".rstrip()


def parse_name(text: str) -> str:
    """A variable's name, as Python reads it. Raises `InvalidRequest` for what cannot be assigned to."""
    name = unicodedata.normalize("NFKC", text)
    if name.isidentifier() and not keyword.iskeyword(name):
        return name
    digit = "it begins with a digit" if name[:1].isdecimal() else "use letters, digits and _"
    why = "it is a word of Python" if keyword.iskeyword(name) else digit
    raise InvalidRequest(f"{text[:40]!r} is no name for a variable: {why}.")


def _parse_name(text: str) -> str:
    if text.strip():
        return text.strip()
    raise InvalidRequest("--model, --provider and --ref take a name, not an empty one.")


def _one_of(option: str, words: tuple[str, ...]) -> Callable[[str], str]:
    return partial(parse_word, option, words)


def _parse_seconds(text: str) -> float:
    plain = unicodedata.normalize("NFKC", text)
    if re.fullmatch(r"\d{1,6}(\.\d{1,3})?", plain) and float(plain) > 0:
        return float(plain)
    raise InvalidRequest(f"--timeout takes seconds above 0, not {text[:40]!r}.")


def _parse_take(text: str) -> int:
    plain = unicodedata.normalize("NFKC", text)
    if re.fullmatch(r"\d{1,4}", plain) and int(plain) > 0:
        return int(plain)
    raise InvalidRequest(f"--take counts from 1, not {text[:40]!r}.")


def _ratio_as_typed(text: str) -> str:
    return "{}:{}".format(*parse_ratio(text))


_SIZES = ("1K", "1.5K", "2K", "3K", "4K")
OPTIONS = (
    Option(("--out",), "bind the set to NAME; the same as NAME << in front", "把图组存入变量 NAME", "NAME", parse_name),
    Option(
        ("-n", "--images"),
        "how many: 1-15, or auto: the model decides",
        "张数：1-15，或 auto（由模型决定）",
        "N",
        parse_images,
    ),
    Option(("-m", "--model"), "model id", "模型", "ID", _parse_name),
    Option(
        ("-s", "--size"), "1K, 2K, 4K or WIDTHxHEIGHT", "尺寸：1K、2K、4K 或宽x高", "SIZE", parse_size, words=_SIZES
    ),
    Option(
        ("-r", "--ratio"),
        "with a preset size: its pixels at W:H",
        "宽高比，如 16:9",
        "W:H",
        _ratio_as_typed,
    ),
    Option(
        ("-i", "--ref"),
        "reference image, repeatable: path, glob, https link, run:ID[K], or a variable of the notebook",
        "参考图，可重复：路径、通配符、链接、run:ID[K] 或变量",
        "X",
        _parse_name,
        repeated=True,
        keyword="refs",
    ),
    Option(("--fit",), "scale references that are over the limits", "缩小超限的参考图"),
    Option(("--stream",), "receive pictures one by one; default for sets", "逐张接收，组图默认开启", with_no=True),
    Option(("--watermark",), "the API's AI mark; default on", "水印，默认开启", with_no=True),
    Option(
        ("--response-format",),
        "url (default) or b64_json",
        "返回链接或 base64",
        "FORMAT",
        _one_of("response-format", RESPONSE_FORMATS),
        words=RESPONSE_FORMATS,
    ),
    Option(
        ("--output-format",),
        "jpeg or png (5.0 models)",
        "图片格式（5.0 系列）",
        "FORMAT",
        _one_of("output-format", OUTPUT_FORMATS),
        words=OUTPUT_FORMATS,
    ),
    Option(
        ("--background",),
        "opaque or transparent (5.0 Pro, Flash)",
        "背景：不透明或透明（5.0 Pro、Flash）",
        "KIND",
        _one_of("background", BACKGROUNDS),
        words=BACKGROUNDS,
    ),
    Option(
        ("--layer-decomposition",),
        "take one --ref apart into layers (5.0 Pro, Flash)",
        "把参考图拆成图层",
    ),
    Option(("--web-search",), "let the model search the web (5.0 lite)", "联网搜索（5.0 lite）"),
    Option(
        ("--optimize-prompt",),
        "standard or fast (4.0, 5.0 Pro)",
        "提示词优化模式（4.0、5.0 Pro）",
        "MODE",
        _one_of("optimize-prompt", PROMPT_MODES),
        words=PROMPT_MODES,
    ),
    Option(("--fresh",), "pay again for a request that is in the store", "重新生成并计费，不用已存的结果"),
    Option(("--take",), "the K-th set made of this request", "此请求的第 K 组", "K", _parse_take),
    Option(("--dry-run",), "show the request as JSON and curl; send nothing", "只显示请求，不发送"),
    Option(("--provider",), "anyfast, ark, byteplus or demo, for this cell", "本单元格的服务商", "NAME", _parse_name),
    Option(
        ("--extra",),
        "further body fields, sent as they are; null leaves one out",
        "附加请求字段，null 去掉字段",
        "JSON",
        parse_extra,
    ),
    Option(("--no-check",), "send although the model's limits say no", "不检查模型限制", keyword="check"),
    Option(("--timeout",), "limit of the whole call in seconds", "整个调用的时限（秒）", "S", _parse_seconds),
    Option(("--bg",), "return at once; the set grows while the kernel is free", "后台绘制，不占用内核"),
    Option(("--quiet",), "bind, do not show", "不显示图片"),
    Option(("--raw",), "leave {braces} in the prompt as typed", "不填充 {变量}"),
    Option(("--show",), "carousel (default) or grid", "轮播或网格", "LAYOUT", _one_of("show", LAYOUTS), words=LAYOUTS),
)

FLAGS = (
    *(flag for option in OPTIONS for flag in option.flags),
    *(f"--no-{option.flags[-1][2:]}" for option in OPTIONS if option.with_no),
)
"""Every option as it may be typed."""
