"""The text of a `%%seedream` cell, read: options from the first line, the prompt below. Pure; nothing is evaluated."""

from __future__ import annotations

import argparse
import difflib
import keyword
import os
import re
import shlex
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import takewhile
from typing import Any, NoReturn

from seedream_magic.api.storyboard import Storyboard, read_prompt
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
_NAMED = re.compile(r"""\s*([^\s"'<-][^\s"'<]*)\s*<<""")
_BODY_FIELDS = {
    "images": ("sequential_image_generation", "sequential_image_generation_options"),
    "model": ("model",),
    "size": ("size",),
    "ratio": ("size",),
    "stream": ("stream",),
    "watermark": ("watermark",),
    "response_format": ("response_format",),
    "refs": ("image",),
    "output_format": ("output_format",),
    "background": ("background",),
    "layer_decomposition": ("layer_decomposition",),
    "web_search": ("tools",),
    "optimize_prompt": ("optimize_prompt_options",),
}
"""The fields of the body that each option sets."""
_RUNNING = ("provider", "dry_run", "quiet", "raw", "bg", "show")


@dataclass(frozen=True)
class Cell:
    """A parsed cell. `request` holds what was typed of the request's options, nothing else; the rest is how to run."""

    prompt: str | Storyboard
    request: dict[str, Any] = field(default_factory=dict)
    name: str | None = None
    provider: str | None = None
    dry_run: bool = False
    quiet: bool = False
    raw: bool = False
    bg: bool = False
    show: str | None = None


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


def parse_cell(line: str, body: str) -> Cell:
    """The cell as typed: `[NAME <<] [options]` and the prompt.

    Raises `InvalidRequest` with one line that names the fix.
    """
    named = _NAMED.match(line)
    name = parse_name(named[1]) if named else None
    words = [_plain_flag(word) for word in _words(line[named.end() :] if named else line)]
    known, unknown = _PARSER.parse_known_args(words)
    if unknown:
        raise InvalidRequest(
            _about_name(line, unknown) or _about_reference(words, unknown) or _about_unknown(unknown[0])
        )
    typed = {key: value for key, value in vars(known).items() if value is not None}
    _check_extra(typed)
    if name and typed.get("out", name) != name:
        raise InvalidRequest(f"The set is named twice: {name} << and --out {typed['out']}.")
    running = {key: typed.pop(key) for key in _RUNNING if key in typed}
    return Cell(prompt=read_prompt(body), name=typed.pop("out", name), request=typed, **running)


def parse_name(text: str) -> str:
    """A variable's name, as Python reads it. Raises `InvalidRequest` for what cannot be assigned to."""
    name = unicodedata.normalize("NFKC", text)
    if name.isidentifier() and not keyword.iskeyword(name):
        return name
    raise InvalidRequest(f"{text[:40]!r} is no name for a variable: use letters, digits and _, no keyword.")


def _check_extra(typed: dict[str, Any]) -> None:
    for option, fields in _BODY_FIELDS.items():
        for name in fields:
            if option in typed and name in typed.get("extra", {}):
                raise InvalidRequest(f"--extra sets {name!r}, and so does {_flag(option)}; give it once.")


def _flag(name: str) -> str:
    return next(option.flags[-1] for option in OPTIONS if option.name == name)


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
    Option(("-n", "--images"), "how many: 1-15, or auto: the model decides", "张数:1-15,或 auto", "N", parse_images),
    Option(("-m", "--model"), "model id", "模型", "ID", _parse_name),
    Option(
        ("-s", "--size"), "1K, 2K, 4K or WIDTHxHEIGHT", "尺寸:1K、2K、4K 或 宽x高", "SIZE", parse_size, words=_SIZES
    ),
    Option(("-r", "--ratio"), "with a preset size: its pixels at W:H", "宽高比,如 16:9", "W:H", _ratio_as_typed),
    Option(
        ("-i", "--ref"),
        "reference image, repeatable: path, glob, https link, run:ID[K], or a variable of the notebook",
        "参考图,可重复:路径、通配符、链接、run:ID[K] 或变量",
        "X",
        _parse_name,
        repeated=True,
        keyword="refs",
    ),
    Option(("--fit",), "scale references that are over the limits", "缩小超限的参考图"),
    Option(("--stream",), "receive pictures one by one; default for sets", "逐张接收,组图默认开启", with_no=True),
    Option(("--watermark",), "the API's AI mark; default on", "水印,默认开启", with_no=True),
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
        "图片格式(5.0 系列)",
        "FORMAT",
        _one_of("output-format", OUTPUT_FORMATS),
        words=OUTPUT_FORMATS,
    ),
    Option(
        ("--background",),
        "opaque or transparent (5.0 Pro, Flash)",
        "背景:不透明或透明(5.0 Pro、Flash)",
        "KIND",
        _one_of("background", BACKGROUNDS),
        words=BACKGROUNDS,
    ),
    Option(("--layer-decomposition",), "take one --ref apart into layers (5.0 Pro, Flash)", "把参考图拆成图层"),
    Option(("--web-search",), "let the model search the web (5.0 lite)", "联网搜索(5.0 lite)"),
    Option(
        ("--optimize-prompt",),
        "standard or fast (4.0, 5.0 Pro)",
        "提示词优化模式",
        "MODE",
        _one_of("optimize-prompt", PROMPT_MODES),
        words=PROMPT_MODES,
    ),
    Option(("--fresh",), "pay again for a request that is in the store", "重新生成并计费,不用已存的结果"),
    Option(("--take",), "the K-th set made of this request", "此请求的第 K 组", "K", _parse_take),
    Option(("--dry-run",), "show the request as JSON and curl; send nothing", "只显示请求,不发送"),
    Option(("--provider",), "anyfast, ark, byteplus or demo, for this cell", "本单元格的服务商", "NAME", _parse_name),
    Option(("--extra",), "further body fields, sent as they are", "附加请求字段", "JSON", parse_extra),
    Option(("--no-check",), "send although the model's limits say no", "不检查模型限制", keyword="check"),
    Option(("--timeout",), "limit of the whole call in seconds", "整个调用的时限(秒)", "S", _parse_seconds),
    Option(("--bg",), "return at once; the set grows while the kernel is free", "后台绘制,不占用内核"),
    Option(("--quiet",), "bind, do not show", "不显示图片"),
    Option(("--raw",), "leave {braces} in the prompt as typed", "不填充 {变量}"),
    Option(("--show",), "carousel (default) or grid", "轮播或网格", "LAYOUT", _one_of("show", LAYOUTS), words=LAYOUTS),
)


_FLAGS = (
    *(flag for option in OPTIONS for flag in option.flags),
    *(f"--no-{option.flags[-1][2:]}" for option in OPTIONS if option.with_no),
)
_WIDE_DASHES = "－—–−―‐‑‒"
_DASHES = f"-{_WIDE_DASHES}"
_LONGEST_SHOWN = 80


class _Parser(argparse.ArgumentParser):
    """argparse without its exits: what it complains of is an `InvalidRequest`."""

    def error(self, message: str) -> NoReturn:
        complaint = message.removeprefix("argument ").replace(": expected one argument", " needs a value after it")
        complaint = complaint.replace(": ignored explicit argument", " takes no value: leave out")
        raise InvalidRequest(complaint.rstrip(".") + ".")


def _built_parser() -> _Parser:
    parser = _Parser(prog="%%seedream", add_help=False, allow_abbrev=False, argument_default=None)
    for option in OPTIONS:
        if option.parse is not None:
            action = "append" if option.repeated else "store"
            parser.add_argument(
                *option.flags, dest=option.name, type=option.parse, metavar=option.metavar, action=action
            )
        elif option.with_no:
            parser.add_argument(*option.flags, dest=option.name, action=argparse.BooleanOptionalAction)
        else:
            meant = not option.flags[-1].startswith("--no-")
            parser.add_argument(*option.flags, dest=option.name, action="store_const", const=meant)
    return parser


_PARSER = _built_parser()


def _words(line: str) -> list[str]:
    """Split as a shell does; a full-width space, as Chinese input types it, parts words too."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.whitespace += "\u3000\u00a0"
    lexer.commenters = ""
    if os.name == "nt":
        lexer.escape = ""
    try:
        return list(lexer)
    except ValueError as exc:
        raise InvalidRequest("A quote on the first line is not closed; the prompt goes on the lines below.") from exc


def _plain_flag(word: str) -> str:
    """The option that a word is when its dashes (or all of it) came from Chinese input; any other word as it is."""
    typed, sign, value = re.fullmatch(r"([^=＝]*)([=＝]?)(.*)", word, re.DOTALL).groups()  # type: ignore[union-attr]  # every text matches
    name = unicodedata.normalize("NFKC", typed).lstrip(_DASHES)
    flag = ("-" if len(name) == 1 else "--") + name
    return f"{flag}{sign and '='}{value}" if word[:1] in _WIDE_DASHES and flag in _FLAGS else word


def _about_name(line: str, unknown: list[str]) -> str:
    """What to say where the NAME in front of << is two words, or stands behind options; else nothing."""
    if not any("<<" in word for word in unknown):
        return ""
    spaced = re.match(r"\s*(\w+(?:\s+\w+)+)\s*<<", line)
    if spaced and (name := "_".join(spaced[1].split())).isidentifier():
        return f"A name is one word: {name[:40]} << …"
    behind = re.match(r"\s*(\S.*?)\s+([^\W\d]\w*)\s*<<(?!<)(.*)", line)
    if behind is None:
        return ""
    options = f"{behind[1]} {behind[3].strip()}".strip()
    return f"NAME << comes first: {behind[2][:40]} << {options if len(options) < _LONGEST_SHOWN else '…'}"


def _about_reference(words: list[str], unknown: list[str]) -> str:
    """What to say where several words follow --ref, as of a file with a blank in its name; else nothing."""
    for place, word in enumerate(words):
        names = list(takewhile(lambda name: not name.startswith("-"), words[place + 1 :]))
        if word in {"-i", "--ref"} and unknown[0] in names[1:] and len(typed := " ".join(names)) < _LONGEST_SHOWN:
            return f'Quote a name with spaces: --ref "{typed}"; give --ref once for each reference.'
    return ""


def _about_unknown(word: str) -> str:
    plain = unicodedata.normalize("NFKC", word).lower()
    dashed = re.sub(f"^[{_DASHES}]+", "--" if len(plain) > 2 else "-", plain)
    if dashed in {"-h", "--help"}:
        return "%%seedream? shows every option."
    if not dashed.startswith("-"):
        return f"{word[:40]!r} belongs to no option: the prompt goes on the lines below."
    name = dashed.partition("=")[0]
    near = difflib.get_close_matches(name, _FLAGS, n=1, cutoff=0.6) if name.strip("-") else []
    return f"There is no option {word[:40]}" + (f": did you mean {near[0]}?" if near else "; %%seedream? lists them.")
