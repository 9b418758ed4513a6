"""The text of a `%%seedream` cell, read: options from the first line, the prompt below it, variables filled in.

The first line is split as a shell does; dashes and blanks may come from any keyboard. Words that belong to no option
are refused with what was meant. Nothing is evaluated: a `{name}` takes attributes, indexes and a format, no more.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import shlex
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, fields
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any, NoReturn

from seedream_magic.api.fields import CHINESE_FLAGS, refuse_twice
from seedream_magic.api.make_request import Ask
from seedream_magic.api.references.sources import missing_file
from seedream_magic.api.storyboard import read_prompt
from seedream_magic.errors import InvalidRequest
from seedream_magic.notebook.options import FLAGS, OPTIONS, parse_name
from seedream_magic.variables import NAME, STEP, CannotFillError, take_step
from seedream_magic.words import references

_NAMED = re.compile(r"""\s*([^\s"'<＜《-][^\s"'<＜《]*)\s*[<＜《]{2}""")
"""NAME <<, also as Chinese keyboards type it."""


@dataclass(frozen=True)
class Cell:
    """A parsed cell: what it asks for, with nothing that was not typed, and how to run it.

    `wide` are the signs of a Chinese keyboard that were read as plain ones.
    """

    ask: Ask
    wide: tuple[str, ...] = ()
    name: str | None = None
    provider: str | None = None
    dry_run: bool = False
    quiet: bool = False
    raw: bool = False
    bg: bool = False
    show: str | None = None
    vary: bool = False
    each: str | None = None
    xy: tuple[tuple[str, tuple[str, ...]], ...] | list[tuple[str, tuple[str, ...]]] = ()
    repeat: int | None = None
    sample: int | None = None
    seed: int | None = None

    @property
    def is_sweep(self) -> bool:
        """Whether it asks for many requests in place of one."""
        return self.vary or bool(self.each or self.xy or self.repeat or self.sample)


def parse_cell(line: str, body: str) -> Cell:
    """The cell as typed: `[NAME <<] [options]` and the prompt.

    Raises `InvalidRequest` with one line that names the fix.
    """
    named = _NAMED.match(line)
    name = parse_name(named[1]) if named else None
    words = _words(line[named.end() :] if named else line)
    wide = [sign for sign in ("《《", "＜＜") if named and named[0].endswith(sign)]
    wide += ["“ ”"] if _WIDE_QUOTES.search(line) else []
    known, unknown = _PARSER.parse_known_args(words)
    if unknown:
        raise InvalidRequest(_about(unknown, words=words, line=line))
    typed = {key: value for key, value in vars(known).items() if value is not None}
    refuse_twice(typed, typed.get("extra", {}))
    if name and typed.setdefault("name", name) != name:
        raise InvalidRequest(f"The set is named twice: {name} << and --out {typed['name']}.")
    if re.match(r"\s*[%％]{2}\s*seedream\b", body):
        raise InvalidRequest("There are two %%seedream lines: keep one, with the prompt below it.")
    running = {part.name: typed.pop(part.name) for part in fields(Cell) if part.name in typed}
    _check_sweep(running, typed)
    planning = {part.name: typed.pop(part.name) for part in fields(Ask) if part.name in typed}
    return Cell(Ask(read_prompt(body), values=typed, **planning), tuple(wide), **running)


def _check_sweep(running: dict[str, Any], typed: dict[str, Any]) -> None:
    """Refuse options that do not go with one another in a sweep, and those of a sweep where there is none."""
    makes_axes = [f"--{name}" for name in ("vary", "each", "xy", "repeat") if running.get(name)]
    if "seed" in running and "sample" not in running:
        raise InvalidRequest(f"--seed says which runs of a --sample are drawn. {_NO_SEED}")
    if "sample" in running and not makes_axes:
        raise InvalidRequest("--sample goes with --vary, --each, --xy or --repeat: it draws some of their runs.")
    if not makes_axes:
        return
    if running.get("show") == "carousel":
        raise InvalidRequest(f"--show carousel goes without {makes_axes[0]}: a sweep is a grid of its runs.")
    crossed = [name for name, _ in running.get("xy", ())]
    twice = next((name for name in crossed if crossed.count(name) > 1), None)
    twice = twice or next((name for name in crossed if name in typed and name != "refs"), None)
    if twice:
        raise InvalidRequest(f"{twice} is given twice: once to cross it is enough.")
    if running.get("repeat") and ("take" in typed or "fresh" in typed):
        option = "--take" if "take" in typed else "--fresh"
        raise InvalidRequest(f"{option} goes without --repeat, which draws the takes that are missing.")


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
            parser.add_argument(
                *option.flags, dest=option.name, action="store_const", const=not option.flag.startswith("--no-")
            )
    return parser


_PARSER = _built_parser()

_WIDE_DASHES = "－—–−―‐‑‒"
_WIDE_QUOTES = re.compile(r"(?<![^\s=＝])[“”＂]([^“”＂\"]*)[“”＂](?!\S)")
_DASHES = f"-{_WIDE_DASHES}"
"""What stands for a hyphen, the hyphen itself among them."""


def _words(line: str) -> list[str]:
    """The words of a line, its options in plain hyphens. Raises `InvalidRequest` for a quote that is not closed."""
    return [_plain_flag(word) for word in split_line(line)]


def split_line(line: str) -> list[str]:
    """Split as a shell does; a full-width space and “quotes”, as Chinese input types them, part words too.

    Raises `InvalidRequest` for a quote that is not closed.
    """
    line = _WIDE_QUOTES.sub(r'"\1"', line)
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
    if word[:1] in _DASHES and (meant := CHINESE_FLAGS.get(flag)):
        flag = meant
    elif word[:1] not in _WIDE_DASHES or flag not in FLAGS:
        return word
    return f"{flag}{sign and '='}{value}"


_LONGEST_SHOWN = 80
_LONGEST_PROMPT = 40
_SWITCHES = {flag for option in OPTIONS if option.with_no for flag in option.flags}
_NO_SEED = "The service takes no seed; the same cell shows the stored pictures again, unbilled."
_NO_NEGATIVE = "There is no negative prompt: write below what the picture is to leave out."
_RATIO = "Did you mean --ratio, such as --ratio 16:9?"
_REFERENCE = "A reference picture is named by --ref; how many are drawn, by --images."
_PROMPT_BELOW = "The prompt goes on the lines below."
_NO_STEPS = "The service has no such setting: what it draws follows from the prompt, its references and the model."
_FOREIGN_OPTIONS = {
    "--seed": _NO_SEED,
    **dict.fromkeys(("--negative", "--negative-prompt", "--neg", "--no"), _NO_NEGATIVE),
    **dict.fromkeys(("--ar", "--aspect", "--aspect-ratio", "--shape"), _RATIO),
    **dict.fromkeys(("--image", "--img", "--input", "--input-image", "--reference", "--sref", "--cref"), _REFERENCE),
    **dict.fromkeys(("--n", "--num", "--number", "--count", "--num-images", "--batch", "--max-images"),
                    "How many are drawn is --images, such as --images 4."),
    **dict.fromkeys(("--quality", "--hd", "-q"),
                    "There is no such setting: --size 4K draws more pixels, --output-format png loses none (5.0)."),
    **dict.fromkeys(("--style", "--stylize", "--preset"), "Write the style into the prompt below."),
    **dict.fromkeys(("--width", "--height", "-w", "--resolution"),
                    "Width and height are --size, such as --size 2048x1536."),
    **dict.fromkeys(("--prompt", "-p", "--text"), _PROMPT_BELOW),
    **dict.fromkeys(("--format", "--type"), "Did you mean --output-format, or --response-format?"),
    **dict.fromkeys(("--version", "-v", "--v"), "Which version draws is --model; %seedream models lists them."),
    **dict.fromkeys(("--steps", "--cfg", "--cfg-scale", "--guidance", "--guidance-scale", "--strength", "--sampler"),
                    _NO_STEPS),
}  # fmt: skip
"""Options that other picture makers have, and what stands in their place here."""


def _about(unknown: list[str], *, words: list[str], line: str) -> str:
    """One sentence on the unknown words of a line, which names the fix."""
    return (
        _about_name(line, unknown)
        or _about_reference(words, unknown)
        or _about_switch(words, unknown)
        or _about_prompt(unknown)
        or _about_option(unknown[0])
    )


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


def _about_switch(words: list[str], unknown: list[str]) -> str:
    """What to say of a value behind an option that is on or off; else nothing."""
    for flag, value in pairwise(words):
        if value == unknown[0] and flag in _SWITCHES and value.lower() in {"on", "off", "true", "false", "yes", "no"}:
            return f"{flag} takes no value; --no-{flag.removeprefix('--')} turns it off."
    return ""


def _about_prompt(unknown: list[str]) -> str:
    """What to say of words that are no option: they are the prompt, mostly; nothing where an option comes first."""
    if _is_option(unknown[0]):
        return ""
    typed = " ".join(takewhile(lambda word: not _is_option(word), unknown))
    short = typed if len(typed) <= _LONGEST_PROMPT else f"{typed[:_LONGEST_PROMPT]}…"
    return f"{short!r} belongs to no option: the prompt goes on the lines below."


def _is_option(word: str) -> bool:
    return unicodedata.normalize("NFKC", word).startswith(tuple(_DASHES))


def _about_option(word: str) -> str:
    plain = unicodedata.normalize("NFKC", word).lower()
    dashed = re.sub(f"^[{_DASHES}]+", "--" if len(plain) > 2 else "-", plain)
    name = dashed.partition("=")[0]
    if name in {"-h", "--help"}:
        return "%%seedream? shows every option."
    if name in _FOREIGN_OPTIONS:
        return f"There is no option {word[:40]}. {_FOREIGN_OPTIONS[name]}"
    alike = [flag for flag in (*FLAGS, *CHINESE_FLAGS) if (len(flag) > 2) == (len(name) > 2)]
    near = difflib.get_close_matches(name, alike, n=1, cutoff=0.6) if name.strip("-") else []
    return f"There is no option {word[:40]}" + (f": did you mean {near[0]}?" if near else "; %%seedream? lists them.")


_EXPRESSION = re.compile(rf"(?P<name>{NAME})(?P<path>(?:\.{NAME}|\[[^\[\]\n]{{1,80}}\])*)")
_CALL = re.compile(rf"{NAME}(?:\.{NAME}|\[[^\[\]\n]{{1,80}}\])*\(.*\)", re.DOTALL)


def value_of(text: str, namespace: Mapping[str, Any]) -> Any:
    """The notebook's value that `name`, `name.attribute` or `name[0]` stands for; the text itself where none does.

    A file of that name comes first. Raises `InvalidRequest` where the name is there and the way from it is not, where
    a plain name is neither a variable nor a file, and where it is a number or None.
    """
    name, value = text.strip(), variable_of(text, namespace)
    if value is not text and (value is None or isinstance(value, int | float | complex)):
        kind = "None" if value is None else f"of type {_public(type(value))}"
        raise InvalidRequest(
            f"{name[:80]} is {kind}, not a picture: --ref takes a path, a link, a picture or an array."
        )
    return value


def variable_of(text: str, namespace: Mapping[str, Any], option: str = "--ref") -> Any:
    """As `value_of`, of whatever kind the value is; `option` is the one that it is given with."""
    name = text.strip()
    match = _EXPRESSION.fullmatch(name)
    if name.isidentifier() and name not in namespace and not os.path.lexists(name):
        raise missing_file(references.NO_VARIABLE, name, Path(name))
    if _CALL.fullmatch(name) and not os.path.lexists(text):
        raise InvalidRequest(f"{name[:80]} cannot be read: {option} calls nothing. {_assign(name, option)}")
    if match is None or match["name"] not in namespace or Path(text).exists():
        return text
    value, reached = namespace[match["name"]], match["name"]
    for step in STEP.finditer(match["path"]):
        try:
            value = take_step(value, step)
        except Exception as exc:  # a property or an index of the person's own objects may raise anything
            reason = _reason(exc, _assign(name, option), name, reached, step)
            raise InvalidRequest(f"{name[:80]} cannot be read: {reason}") from exc
        reached += step[0]
    return value


def _reason(exc: Exception, assign: str, expression: str, reached: str, step: re.Match[str]) -> str:
    """Why a step from `reached`, the part of an expression that could be read, leads nowhere, and what to write."""
    reached, index = reached[:80], step[0][:80]
    match exc:
        case CannotFillError():
            return f"{index[1:]} begins with an underscore. {assign}"
        case IndexError() if step["index"]:
            return f"{index} is past the end of {reached}; Python counts from 0."
        case KeyError() if step["index"]:
            return f"{reached} has no item {index}; list({reached}) shows what it has."
        case TypeError() if step["index"]:
            return f"{reached} takes no index {index}, and nothing in it is computed. {assign}"
        case AttributeError() if step["attribute"]:
            return f"{reached} has no attribute {index[1:]}; dir({reached}) shows what it has."
    said = " ".join(str(exc).split())[:200].rstrip(".")
    return f"{_public(type(exc))}{': ' * bool(said)}{said}. Write {expression[:80]} in a cell of its own to see why."


def _assign(expression: str, option: str) -> str:
    name = "picture" if option == "--ref" else "rows"
    return f"Write {name} = {expression[:80]} in a cell of its own, then {option} {name}."


def _public(kind: type) -> str:
    """The name of a class, or of the nearest one above it that is not private."""
    return next(above.__name__ for above in kind.__mro__ if not above.__name__.startswith("_"))
