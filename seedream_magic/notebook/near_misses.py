"""What to say of words on the first line that belong to no option: what was meant, and how it is typed."""

from __future__ import annotations

import difflib
import re
import unicodedata
from itertools import pairwise, takewhile

from seedream_magic.notebook.first_line import DASHES
from seedream_magic.notebook.options import FLAGS, OPTIONS

_LONGEST_SHOWN = 80
_LONGEST_PROMPT = 40
_SWITCHES = {flag for option in OPTIONS if option.with_no for flag in option.flags}
_OF_OTHER_TOOLS = {
    "--seed": "The service takes no seed; the same cell shows the stored pictures again, unbilled.",
    "--negative": "There is no negative prompt: write below what the picture is to leave out.",
    "--negative-prompt": "There is no negative prompt: write below what the picture is to leave out.",
    "--ar": "Did you mean --ratio, such as --ratio 16:9?",
    "--aspect": "Did you mean --ratio, such as --ratio 16:9?",
    "--aspect-ratio": "Did you mean --ratio, such as --ratio 16:9?",
}
"""Options that other picture makers have, and what stands in their place here."""


def about(unknown: list[str], *, words: list[str], line: str) -> str:
    """One sentence on the unknown words of a line, which names the fix."""
    told = _of_name(line, unknown) or _of_reference(words, unknown) or _of_switch(words, unknown)
    return told or _of_prompt(unknown) or _of_option(unknown[0])


def _of_name(line: str, unknown: list[str]) -> str:
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


def _of_reference(words: list[str], unknown: list[str]) -> str:
    """What to say where several words follow --ref, as of a file with a blank in its name; else nothing."""
    for place, word in enumerate(words):
        names = list(takewhile(lambda name: not name.startswith("-"), words[place + 1 :]))
        if word in {"-i", "--ref"} and unknown[0] in names[1:] and len(typed := " ".join(names)) < _LONGEST_SHOWN:
            return f'Quote a name with spaces: --ref "{typed}"; give --ref once for each reference.'
    return ""


def _of_switch(words: list[str], unknown: list[str]) -> str:
    """What to say of a value behind an option that is on or off; else nothing."""
    for flag, value in pairwise(words):
        if value == unknown[0] and flag in _SWITCHES and value.lower() in {"on", "off", "true", "false", "yes", "no"}:
            return f"{flag} takes no value; --no-{flag.removeprefix('--')} turns it off."
    return ""


def _of_prompt(unknown: list[str]) -> str:
    """What to say of words that are no option: they are the prompt, mostly; nothing where an option comes first."""
    if _is_option(unknown[0]):
        return ""
    typed = " ".join(takewhile(lambda word: not _is_option(word), unknown))
    shown = typed if len(typed) <= _LONGEST_PROMPT else f"{typed[:_LONGEST_PROMPT]}…"
    return f"{shown!r} belongs to no option: the prompt goes on the lines below."


def _is_option(word: str) -> bool:
    return unicodedata.normalize("NFKC", word).startswith(tuple(DASHES))


def _of_option(word: str) -> str:
    plain = unicodedata.normalize("NFKC", word).lower()
    dashed = re.sub(f"^[{DASHES}]+", "--" if len(plain) > 2 else "-", plain)
    name = dashed.partition("=")[0]
    if name in {"-h", "--help"}:
        return "%%seedream? shows every option."
    if name in _OF_OTHER_TOOLS:
        return f"There is no option {word[:40]}. {_OF_OTHER_TOOLS[name]}"
    near = difflib.get_close_matches(name, FLAGS, n=1, cutoff=0.6) if name.strip("-") else []
    return f"There is no option {word[:40]}" + (f": did you mean {near[0]}?" if near else "; %%seedream? lists them.")
