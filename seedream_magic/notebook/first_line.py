"""The first line of a `%%seedream` cell: its options, split as a shell does, and what was meant by what is none.

Dashes and blanks may come from any keyboard. Words that belong to no option are refused with what was meant.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import shlex
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise, takewhile
from typing import Any, NoReturn

from seedream_magic.api.fields import CHINESE_FLAGS
from seedream_magic.errors import InvalidRequest, SeedreamError, reword
from seedream_magic.notebook.options import FLAGS, OPTIONS, parse_name
from seedream_magic.words import cells as texts
from seedream_magic.words.clip import clip, one_line
from seedream_magic.words.tables import SWITCH_WORDS
from seedream_magic.words.text import Text

_NAMED = re.compile(r"""\s*([^\s"'<＜《-][^\s"'<＜《]*)\s*[<＜《]{2}""")
"""NAME <<, also as Chinese keyboards type it."""


def read_line(line: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The values that a line gives, by the names of their options, and the signs of a Chinese keyboard in it.

    Raises `InvalidRequest` with one line that names the fix.
    """
    named = _NAMED.match(line)
    name = parse_name(named[1]) if named else None
    words = _words(line[named.end() :] if named else line)
    wide = [sign for sign in ("《《", "＜＜") if named and named[0].endswith(sign)]
    wide += ["“ ”"] if _WIDE_QUOTES.search(line) else []
    _refuse_run_together(words)
    _refuse_commas(words)
    known, unknown = _PARSER.parse_known_args(words)
    if unknown:
        raise InvalidRequest(_about(unknown, words=words, line=line))
    typed = {key: value for key, value in vars(known).items() if value is not None}
    if name and typed.setdefault("name", name) != name:
        raise InvalidRequest(texts.NAMED_TWICE(name=name, other=typed["name"]))
    return typed, tuple(wide)


def chinese_names(line: str) -> dict[str, str]:
    """The options that a line has in Chinese, also behind --xy, by what they mean: `{"--size": "--尺寸"}`."""
    in_chinese = {flag: name for name, flag in CHINESE_FLAGS.items()}
    typed = re.findall(rf"(?:^|\s)(?:[{_DASHES}]{{1,2}}(\w+)(?=[\s=:：]|$)|(\w+)=)", line.replace("＝", "="))
    names = {f"--{flag or axis}" for flag, axis in typed}
    options = [{flag: in_chinese[flag] for flag in option.all_flags if flag in in_chinese} for option in OPTIONS]
    return {flag: name for flags in options if names & {*flags.values()} for flag, name in flags.items()}


@contextmanager
def named_as_typed(names: Mapping[str, str]) -> Iterator[None]:
    """Errors raised inside name options and commands as they were typed: `names` has these by what they mean."""
    try:
        yield
    except SeedreamError as error:
        reword(error, lambda text: with_names(text, names))
        raise


def with_names(text: str, names: Mapping[str, str]) -> str:
    """The text with these names in place of the usual ones. A `Sentence` without any stays one, in both languages."""
    meant = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, names))})(?![\w-])")
    return meant.sub(lambda name: names[name[0]], text) if names and meant.search(text) else text


def are_options(line: str) -> bool:
    """Whether a line holds options of a cell and nothing else, those of other picture makers among them."""
    if not _is_option(line.strip()):
        return False
    try:
        return bool(read_line(line)[0])
    except InvalidRequest:
        names = (word.partition("=")[0] for word in line.split())
        return any(name.startswith("--") and name in _FOREIGN_OPTIONS for name in names)


_IGNORED = re.compile("ignored explicit argument (.*)", re.DOTALL)


class _Parser(argparse.ArgumentParser):
    """argparse without its exits: what it complains of is an `InvalidRequest`."""

    def error(self, message: str) -> NoReturn:
        option, _, fault = message.removeprefix("argument ").partition(": ")
        if fault.startswith("expected"):
            raise InvalidRequest(texts.NEEDS_A_VALUE(option=option))
        ignored = _IGNORED.fullmatch(fault)
        raise InvalidRequest(texts.TAKES_NO_VALUE(option=option, value=ignored[1]) if ignored else message)


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
    if line.rstrip().endswith((" \\", "<\\")):
        raise InvalidRequest(texts.ENDS_IN_BACKSLASH())
    try:
        return [_plain_flag(word) for word in split_line(line)]
    except InvalidRequest as exc:
        raise InvalidRequest(texts.QUOTE_NOT_CLOSED()) from exc


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
        raise InvalidRequest(texts.OPEN_QUOTE(line=one_line(line, 60))) from exc


def _plain_flag(word: str) -> str:
    """The option that a word is when its dashes (or all of it) came from Chinese input; any other word as it is."""
    typed, sign, value = re.fullmatch(r"([^=＝:：]*)([=＝:：]?)(.*)", word, re.DOTALL).groups()  # type: ignore[union-attr]  # every text matches
    name = unicodedata.normalize("NFKC", typed).lstrip(_DASHES)
    flag = ("-" if len(name) == 1 else "--") + name
    if word[:1] in _DASHES and (meant := CHINESE_FLAGS.get(flag)):
        flag = meant
    elif flag not in FLAGS or not (word[:1] in _WIDE_DASHES or (word[:1] == "-" and sign in {":", "："})):
        return word
    return f"{flag}{sign and '='}{value}"


_COUNTS = {"-n", "--images", "-s", "--size", "-r", "--ratio"}
"""The options whose value is a number, a size, a ratio: it holds neither comma nor dash."""
_RUN_TOGETHER = re.compile(r"(-[nsr]=?)?(\d[\d.]*[Kk]?|\d+[xX×*]\d+|\d+:\d+|auto)(--?[A-Za-z][A-Za-z-]*)")
"""A number, a size or a ratio with the next option right behind it."""


def _refuse_run_together(words: list[str]) -> None:
    """Raises `InvalidRequest` where a blank is missing, as in `-s2K-r 16:9`."""
    for before, word in pairwise(["", *words]):
        match = _RUN_TOGETHER.fullmatch(word)
        if match and match[3] in FLAGS and (match[1] or before in _COUNTS):
            meant = " ".join(filter(None, ((match[1] or before).rstrip("="), match[2], match[3])))
            raise InvalidRequest(texts.BLANK_MISSING(typed=word, meant=meant))


_COMMA = re.compile(rf"(?:(--?\w+)=)?[\w:：×.]*[,，、;；]([{_DASHES}]{{1,2}}\w*)?(?:[=＝:：].*)?", re.DOTALL)


def _refuse_commas(words: list[str]) -> None:
    """Raises `InvalidRequest` where a comma parts options, as in `-s 2K, -n 4`."""
    for before, word in pairwise(["", *words]):
        match = _COMMA.fullmatch(word)
        counts = match and (match[1] or before) in _COUNTS
        if match and (_plain_flag(match[2]) in FLAGS if match[2] else counts or len(word) == 1):
            raise InvalidRequest(texts.BLANKS_PART_OPTIONS(typed=word))


_LONGEST_SHOWN = 80
_LONGEST_PROMPT = 40
_SWITCHES = {flag for option in OPTIONS if option.with_no for flag in option.flags}
_PLAIN_SWITCHES = {flag for option in OPTIONS if option.parse is None for flag in option.all_flags}
_FOREIGN_OPTIONS: dict[str, Text] = {
    "--seed": texts.NO_SEED,
    **dict.fromkeys(("--negative", "--negative-prompt", "--neg", "--no"), texts.NO_NEGATIVE),
    **dict.fromkeys(("--ar", "--aspect", "--aspect-ratio", "--shape"), texts.RATIO),
    **dict.fromkeys(("--image", "--img", "--input", "--input-image", "--reference", "--sref", "--cref",
                     "--references"),
                    texts.REFERENCE),
    **dict.fromkeys(("--n", "--num", "--number", "--count", "--num-images", "--batch", "--max-images",
                     "--frames", "--pictures"), texts.COUNT),
    **dict.fromkeys(("--quality", "--hd", "-q"), texts.NO_QUALITY),
    **dict.fromkeys(("--style", "--stylize", "--preset"), texts.STYLE_BELOW),
    **dict.fromkeys(("--compare", "--sweep", "--grid", "--variants"), texts.COMPARED),
    **dict.fromkeys(("--cost", "--price", "--preview", "--test"), texts.PRICE_FIRST),
    **dict.fromkeys(("--name", "--save", "--file", "-o"), texts.SAVED_ANYWAY),
    **dict.fromkeys(("--width", "--height", "-w", "--resolution"), texts.SIZE),
    **dict.fromkeys(("--prompt", "-p", "--text"), texts.PROMPT_BELOW),
    **dict.fromkeys(("--format", "--type"), texts.FORMAT),
    **dict.fromkeys(("--version", "-v", "--v"), texts.VERSION),
    **dict.fromkeys(("--steps", "--cfg", "--cfg-scale", "--guidance", "--guidance-scale", "--strength", "--sampler"),
                    texts.NO_STEPS),
    **texts.CHINESE_FOREIGN_OPTIONS,
}  # fmt: skip
"""Options that other picture makers have, and what stands in their place here."""


def _about(unknown: list[str], *, words: list[str], line: str) -> str:
    """One sentence on the unknown words of a line, which names the fix."""
    return (
        _about_name(line, unknown)
        or _about_reference(words, unknown)
        or _about_switch(words, unknown)
        or _about_axis(words, unknown[0])
        or _about_dashes(unknown)
        or _about_prompt(unknown)
        or _about_option(unknown[0])
    )


def _about_name(line: str, unknown: list[str]) -> str:
    """What to say where NAME << has another sign, or two words for a name, or stands behind options; else nothing."""
    if other := re.fullmatch(r"\s*([^\W\d]\w*)\s*(?:<|>{1,2}|<{3}|=|:=|<-|->|《|＜|＝)(?:\s+(.*))?", line):
        return texts.NAME_HAS_TWO_SIGNS(name=other[1][:40], options=_shown(other[2] or ""))
    if before := re.fullmatch(r"\s*[<＜《]{2}\s*([^\W\d]\w*)(?:\s+(.*))?", line):
        return texts.NAME_COMES_FIRST(name=before[1][:40], options=_shown(before[2] or ""))
    if not any("<<" in word for word in unknown):
        return ""
    spaced = re.match(r"\s*(\w+(?:\s+\w+)+)\s*<<", line)
    if spaced and (name := "_".join(spaced[1].split())).isidentifier():
        return texts.NAME_IS_ONE_WORD(name=name[:40])
    behind = re.match(r"\s*(\S.*?)\s+([^\W\d]\w*)\s*<<(?!<)(.*)", line)
    if behind is None:
        return ""
    return texts.NAME_COMES_FIRST(name=behind[2][:40], options=_shown(f"{behind[1]} {behind[3].strip()}"))


def _shown(options: str) -> str:
    """Options that were typed, where they are short."""
    options = options.strip()
    return options if 0 < len(options) < _LONGEST_SHOWN else "…"


def _about_reference(words: list[str], unknown: list[str]) -> str:
    """What to say where several words follow --ref, as of a file with a blank in its name; else nothing."""
    for place, word in enumerate(words):
        names = list(takewhile(lambda name: not name.startswith("-"), words[place + 1 :]))
        if word in {"-i", "--ref"} and unknown[0] in names[1:] and len(typed := " ".join(names)) < _LONGEST_SHOWN:
            return texts.QUOTE_THE_NAME(typed=typed)
    return ""


def _about_switch(words: list[str], unknown: list[str]) -> str:
    """What to say of a value behind an option that is on or off; else nothing."""
    for flag, value in pairwise(words):
        if value == unknown[0] and value.lower() in SWITCH_WORDS:
            if flag in _SWITCHES:
                return texts.TURNED_OFF_BY(option=flag, off=f"--no-{flag.removeprefix('--')}")
            if flag in _PLAIN_SWITCHES:
                return texts.TAKES_NO_VALUE(option=flag, value=repr(value))
    return ""


def _about_axis(words: list[str], unknown: str) -> str:
    """What to say of a value behind --vary, which has none, and of a second option behind one --xy; else nothing."""
    before = words[: words.index(unknown)] if unknown in words else []
    flag = next((word for word in reversed(before) if _is_option(word)), "")
    names_option = f"--{unknown.partition('=')[0]}" in {*FLAGS, *CHINESE_FLAGS}
    if flag == "--vary" and not names_option:
        return texts.VARIANTS_STAND_IN_PROMPT()
    return texts.EACH_OPTION_HAS_ITS_XY(typed=unknown[:40]) if flag == "--xy" and "=" in unknown else ""


def _about_dashes(unknown: list[str]) -> str:
    """What to say of the name of an option without its dashes, and the value behind it; else nothing."""
    name, sign, value = re.fullmatch(r"(\w*)([=＝:：]?)(.*)", unknown[0], re.DOTALL).groups()  # type: ignore[union-attr]  # every text matches
    if f"--{name}" not in {*FLAGS, *CHINESE_FLAGS} or len(value) > _LONGEST_PROMPT or "," in value:
        return ""
    meant = [f"--{name}", value] if sign else [f"--{name}", *takewhile(lambda word: not _is_option(word), unknown[1:2])]
    return texts.DASHES_MISSING(meant=_shown(" ".join(filter(None, meant))))


def _about_prompt(unknown: list[str]) -> str:
    """What to say of words that are no option: they are the prompt, mostly; nothing where an option comes first."""
    if _is_option(unknown[0]):
        return ""
    typed = " ".join(takewhile(lambda word: not _is_option(word), unknown))
    short = typed if len(typed) <= _LONGEST_PROMPT else f"{typed[:_LONGEST_PROMPT]}…"
    if re.fullmatch(r"[\w-]+=[^\s,]+,\S+", unknown[0]):
        return texts.VALUES_OF_OPTIONS(typed=" --xy ".join(typed.split())[:_LONGEST_PROMPT])
    return texts.BELONGS_TO_NO_OPTION(typed=repr(short))


def _is_option(word: str) -> bool:
    return unicodedata.normalize("NFKC", word).startswith(tuple(_DASHES))


def _about_option(word: str) -> str:
    plain = unicodedata.normalize("NFKC", word).lower()
    dashed = re.sub(f"^[{_DASHES}]+", "--" if len(plain) > 2 else "-", plain)
    name, option = dashed.partition("=")[0], clip(word, 40)
    if name in {"-h", "--help"}:
        return texts.HELP_IS()
    if name in _FOREIGN_OPTIONS:
        return texts.OPTION_ELSEWHERE(option=option, instead=_FOREIGN_OPTIONS[name]())
    alike = [flag for flag in (*FLAGS, *CHINESE_FLAGS) if (len(flag) > 2) == (len(name) > 2)]
    near = _nearest(texts.OTHER_OPTIONS.get(name, name), alike)
    return texts.OPTION_MEANT(option=option, meant=near[0]) if near else texts.NO_OPTION(option=option)


def _nearest(name: str, flags: Sequence[str]) -> list[str]:
    """The flag that looks like the name, if any does. English ones are compared without their dashes, which all have;
    Chinese ones are short, and one other character of two is a slip.
    """
    if not name.strip("-"):
        return []
    if not name.isascii() or len(name) == 2:
        return difflib.get_close_matches(name, flags, n=1, cutoff=0.6)
    words = {flag.lstrip("-"): flag for flag in flags}
    return [words[word] for word in difflib.get_close_matches(name.lstrip("-"), words, n=1, cutoff=0.66)]
