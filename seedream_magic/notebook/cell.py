"""The text of a `%%seedream` cell, read: options from the first line, the prompt below. Pure; nothing is evaluated."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass, field
from typing import Any, NoReturn

from seedream_magic.api.storyboard import Storyboard, read_prompt
from seedream_magic.errors import InvalidRequest
from seedream_magic.notebook.first_line import words_of
from seedream_magic.notebook.near_misses import about
from seedream_magic.notebook.options import OPTIONS, parse_name

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


def parse_cell(line: str, body: str) -> Cell:
    """The cell as typed: `[NAME <<] [options]` and the prompt.

    Raises `InvalidRequest` with one line that names the fix.
    """
    named = _NAMED.match(line)
    name = parse_name(named[1]) if named else None
    words = words_of(line[named.end() :] if named else line)
    known, unknown = _PARSER.parse_known_args(words)
    if unknown:
        raise InvalidRequest(about(unknown, words=words, line=line))
    typed = {key: value for key, value in vars(known).items() if value is not None}
    _check_extra(typed)
    if name and typed.get("out", name) != name:
        raise InvalidRequest(f"The set is named twice: {name} << and --out {typed['out']}.")
    if re.match(r"\s*[%％]{2}\s*seedream\b", body):
        raise InvalidRequest("There are two %%seedream lines: keep one, with the prompt below it.")
    running = {key: typed.pop(key) for key in _RUNNING if key in typed}
    return Cell(prompt=read_prompt(body), name=typed.pop("out", name), request=typed, **running)


def _check_extra(typed: dict[str, Any]) -> None:
    for option, fields in _BODY_FIELDS.items():
        for name in fields:
            if option in typed and name in typed.get("extra", {}):
                raise InvalidRequest(f"--extra sets {name!r}, and so does {_flag(option)}; give it once.")


def _flag(name: str) -> str:
    return next(option.flags[-1] for option in OPTIONS if option.name == name)


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
