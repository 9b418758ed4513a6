"""Tab in `%%seedream` and `%seedream` lines: what can stand at the cursor, by tables, the notebook and the store."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sized
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from IPython.core.interactiveshell import InteractiveShell

from seedream_magic.api.codes import CODES
from seedream_magic.api.fields import CHINESE_FLAGS, FIELDS, Field, find_field
from seedream_magic.api.models import MAXIMUM_IMAGES, RATIOS, Model, find_model, ids_for, pixels_for_ratio
from seedream_magic.api.providers import PROVIDERS
from seedream_magic.errors import SeedreamError
from seedream_magic.formats import ENDINGS
from seedream_magic.notebook.options import COMMANDS, FLAGS, OPTIONS

if TYPE_CHECKING:
    from seedream_magic.seedream import Seedream

_CELL = re.compile(r"\s*%%seedream\s(.*)", re.DOTALL)
_LINE = re.compile(r"\s*(?:[^\W\d]\w*\s*=\s*)?%seedream\s(.*)", re.DOTALL)
_WORD = re.compile(r"""(?:[^\s"'\\]|\\.|\\$|"(?:[^"\\]|\\.)*(?:"|\\?$)|'[^']*(?:'|$))+""", re.DOTALL)
_NOTHING = ("", ())
_BY_FLAG = {flag: option for option in OPTIONS for flag in option.flags}
_BY_FLAG |= {name: _BY_FLAG[flag] for name, flag in CHINESE_FLAGS.items() if flag in _BY_FLAG}
_PICTURE_ENDINGS = frozenset({*ENDINGS.values(), "jpeg", "tif", "heif", "avif"})
_EXPORT_ENDINGS = frozenset({"html", "pdf", "zip", "gif", "jpg", "png"})
_MOST_FILES = 200
_SETS = frozenset({("seedream_magic", "ImageSet"), ("seedream_magic", "Sweep")})
_TABLES = frozenset({
    ("builtins", "list"), ("builtins", "tuple"), ("builtins", "dict"), ("pandas", "DataFrame"), ("pandas", "Series"),
    ("polars", "DataFrame"), ("numpy", "ndarray"),
})  # fmt: skip
_TABLE_ENDINGS = frozenset({"csv", "tsv"})
_PICTURE_TYPES = _SETS | frozenset({
    ("seedream_magic", "Frame"), ("PIL", "Image"), ("numpy", "ndarray"),
    ("matplotlib", "Figure"), ("pathlib", "PurePath"), ("builtins", "bytes"), ("builtins", "bytearray"),
    ("_io", "BytesIO"), ("_io", "BufferedReader"), ("IPython", "Image"), ("torch", "Tensor"),
    ("ipywidgets", "FileUpload"), ("ipywidgets", "Image"),
})  # fmt: skip


@dataclass(frozen=True)
class Candidate:
    """One text that Tab offers; `kind` is the word that the front end shows beside it. A folder stays open."""

    text: str
    kind: str
    is_folder: bool = False


@dataclass(frozen=True)
class Surroundings:
    """What values are looked up in: the notebook's variables and the client of a provider (None: of the set one).

    `model` and `provider` are those that the line itself names.
    """

    namespace: Mapping[str, object]
    make_client: Callable[[str | None], Any]
    model: str | None = None
    provider: str | None = None

    @cached_property
    def client(self) -> Seedream | None:
        """The client, None where the settings are unusable."""
        try:
            client: Seedream = self.make_client(self.provider)
        except SeedreamError:
            return None
        return client

    @property
    def known_model(self) -> Model | None:
        """The row of the model that would draw, None where nobody knows it."""
        model_id = self.model or (self.client.model if self.client else None)
        return find_model(model_id) if model_id else None


@dataclass(frozen=True)
class _Typed:
    """A line as far as the cursor: the whole words, the one that is being typed, and what comes behind it."""

    words: tuple[str, ...]
    fragment: str
    behind: str

    @property
    def text(self) -> str:
        """The word that is being typed without its quotes."""
        if self.quote:
            return _unescape(self.fragment[1:]) if self.quote == '"' else self.fragment[1:]
        return _unescape(self.fragment)

    @property
    def quote(self) -> str:
        """The quote that the word begins with, or ""."""
        return self.fragment[:1] if self.fragment[:1] in {'"', "'"} else ""


def complete(text: str, line: int, column: int, around: Surroundings) -> tuple[str, tuple[Candidate, ...]]:
    """The piece before the cursor that is replaced, and what can stand in its place; nothing where it is not ours.

    `line` and `column` of the cursor count from 0. In the body of a `%%seedream` cell nothing is offered.
    """
    lines = text.split("\n")
    first = next((number for number, words in enumerate(lines) if words.strip()), 0)
    before, behind = lines[line][:column], lines[line][column:]
    if lines[first].lstrip().startswith("%%seedream"):
        match = _CELL.fullmatch(before) if line == first else None
        return _offer(_read(match[1], behind), around, _in_cell) if match else _NOTHING
    match = _LINE.fullmatch(before)
    return _offer(_read(match[1], behind), around, _in_line) if match else _NOTHING


def surroundings_of(shell: InteractiveShell) -> Surroundings:
    """What values are looked up in for a cell of this shell."""
    magic = shell.magics_manager.magics["cell"]["seedream"]
    return Surroundings(shell.user_ns, magic.__self__.desk.client)


def _offer(
    typed: _Typed, around: Surroundings, look_up: Callable[[_Typed, Surroundings], tuple[_Typed, list[Candidate]]]
) -> tuple[str, tuple[Candidate, ...]]:
    """The candidates that begin as typed, in quotes where they need them."""
    typed, found = look_up(typed, around)
    fitting = (candidate for candidate in found if candidate.text.startswith(typed.text))
    return typed.fragment, tuple(replace(each, text=_quote(each, typed)) for each in fitting)


def _in_cell(typed: _Typed, around: Surroundings) -> tuple[_Typed, list[Candidate]]:
    around = replace(around, model=_value_given(typed, "--model"), provider=_value_given(typed, "--provider"))
    flag, equals, value = typed.fragment.partition("=")
    if equals and _takes_value(flag):
        typed = replace(typed, fragment=value)
        return typed, _values_of(_BY_FLAG[flag], typed.text, around)
    if typed.words and _takes_value(typed.words[-1]):
        return typed, _values_of(_BY_FLAG[typed.words[-1]], typed.text, around)
    if typed.fragment.startswith("-"):
        return typed, _flags(typed.fragment)
    named = [replace(each, text=f"{each.text} <<") for each in _set_names("", around)] if not typed.words else []
    named += [Candidate("<<", "option")] if len(typed.words) == 1 and typed.words[0].isidentifier() else []
    return typed, [*named, *([] if typed.fragment else _flags("--"))]


def _in_line(typed: _Typed, around: Surroundings) -> tuple[_Typed, list[Candidate]]:
    if not typed.words:
        return typed, _all("command", (word for row, _, _ in COMMANDS for word in row.split()[1:2]))
    return typed, _arguments_of(typed.words[0].lower(), len(typed.words) - 1, typed.text, around)


def _flags(word: str) -> list[Candidate]:
    """The options, short ones only after a single hyphen."""
    return _all("option", (flag for flag in (*FLAGS, *CHINESE_FLAGS) if word == "-" or flag.startswith("--")))


def _takes_value(flag: str) -> bool:
    option = _BY_FLAG.get(flag)
    return option is not None and option.parse is not None


def _value_given(typed: _Typed, flag: str) -> str | None:
    """The value that the line gives an option before the cursor."""
    flags = [name for name, option in _BY_FLAG.items() if option is _BY_FLAG[flag]]
    given = [value for name, value in pairwise(typed.words) if name in flags]
    given += [word.partition("=")[2] for word in typed.words if word.startswith(f"{flag}=")]
    return given[-1].strip("\"'") if given else None


def _read(text: str, behind: str) -> _Typed:
    found = list(_WORD.finditer(text))
    fragment = found.pop()[0] if found and found[-1].end() == len(text) else ""
    return _Typed(tuple(match[0] for match in found), fragment, behind)


def _unescape(text: str) -> str:
    return text if os.name == "nt" else re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def _quote(candidate: Candidate, typed: _Typed) -> str:
    """The text as it must be typed; the quote at its end is left out where the front end has put it there already."""
    text = candidate.text
    if candidate.kind != "path" and not typed.quote:
        return text
    if not (typed.quote or re.search(r"""[\s"'\\]""", text)):
        return text
    quote = typed.quote or '"'
    if quote == '"' and os.name != "nt":
        text = re.sub(r'(["\\])', r"\\\1", text)
    return quote + text + ("" if candidate.is_folder or typed.behind.startswith(quote) else quote)


def _values_of(option: Field, word: str, around: Surroundings) -> list[Candidate]:
    """The values of an option: those of the table, or those that only the notebook, the store or the model know."""
    look_up = _VALUES.get(option.name)
    return look_up(word, around) if look_up else _all("value", option.words)


def _arguments_of(command: str, place: int, word: str, around: Surroundings) -> list[Candidate]:
    """What can stand at a place after a command, counted from 0, as the lines of the help name it."""
    rows = [typed.replace("[", "").replace("]", "").split()[1:] for typed, _, _ in COMMANDS]
    rows = [row[:-1] + row[-2:-1] * (place + 1) if row[-1:] == ["…"] else row for row in rows]
    found = []
    kinds = [kind for row in rows if row[:1] == [command] for kind in row[place + 1 : place + 2]]
    if word.startswith("-"):  # an option stands anywhere
        kinds = [kind for row in rows if row[:1] == [command] for kind in row[1:] if kind.startswith("-")]
    for kind in dict.fromkeys(kinds):
        if kind.startswith("-"):
            found.append(Candidate(kind, "option"))
        elif look_up := _ARGUMENTS.get(kind) or _ARGUMENTS.get(f"{command} {kind}"):
            found += look_up(word, around)
    return found


def _all(kind: str, texts: Iterable[str]) -> list[Candidate]:
    """Each text once, in their order."""
    return [Candidate(text, kind) for text in dict.fromkeys(texts)]


def _set_names(_: str, around: Surroundings) -> list[Candidate]:
    """The variables that hold a set, to hold another."""
    return _all("variable", _variables(around, _SETS))


def _models(_: str, around: Surroundings) -> list[Candidate]:
    """The session's model, then those that the provider documents; a gateway may take ByteDance's dated ids too."""
    name = around.client.provider.name if around.client else ""
    ids = [around.client.model] if around.client else []
    own = name == "byteplus" or name.startswith("ark")
    return _all("model", [*ids, *ids_for(name), *([] if own else ids_for("ark"))])


def _sizes(_: str, around: Surroundings) -> list[Candidate]:
    """The model's presets, then the documented pixels of each at every ratio."""
    model = around.known_model
    presets = model.presets if model else find_field("size").words
    ratios = [(int(wide), int(high)) for wide, _, high in (ratio.partition(":") for ratio in RATIOS)]
    pairs = ("{}x{}".format(*pixels_for_ratio(model, preset, ratio)) for preset in presets for ratio in ratios)
    return _all("size", [*presets, *([model.default_size] if model else []), *pairs])


def _counts(_: str, around: Surroundings) -> list[Candidate]:
    model = around.known_model
    several = ["auto", *map(str, range(2, MAXIMUM_IMAGES + 1))] if model is None or model.sets else []
    return _all("value", ["1", *several])


def _references(word: str, around: Surroundings) -> list[Candidate]:
    """Variables that hold pictures, the frames of a set once it is named, earlier runs after `run:`, and files."""
    if word.startswith("run:"):
        return [replace(run, text=f"run:{run.text}") for run in _runs(word, around)]
    found = _all("variable", _variables(around, _PICTURE_TYPES))
    if named := re.match(r"([^\W\d]\w*)\[", word):
        value = around.namespace.get(named[1])
        places = range(len(value)) if isinstance(value, Sized) and _is_one_of(value, _SETS) else ()
        found += _all("variable", (f"{named[1]}[{place}]" for place in places))
    return [*found, *_files(word, _PICTURE_ENDINGS), Candidate("run:", "run")]


def _tables(word: str, around: Surroundings) -> list[Candidate]:
    """Variables that hold rows, and files of them."""
    return [*_all("variable", _variables(around, _TABLES)), *_files(word, _TABLE_ENDINGS)]


def _crossed(word: str, around: Surroundings) -> list[Candidate]:
    """The options that can be crossed, and behind `size=2K,` the values that one takes."""
    name, equals, typed = word.partition("=")
    option = _BY_FLAG.get(f"--{'ref' if name == 'refs' else name.replace('_', '-')}")
    if not equals or option is None:
        return _all("option", (f"{field.name}=" for field in FIELDS))
    before, comma, last = typed.rpartition(",")
    values = _values_of(option, last, around) if option.parse else _all("value", ("on", "off"))
    return [replace(each, text=f"{name}={before}{comma}{each.text}") for each in values]


def _frames(word: str, around: Surroundings) -> list[Candidate]:
    """Variables that hold a frame or a set, the frames of a set once it is named, earlier runs after `run:`."""
    return [found for found in _references(word, around) if found.kind != "path"]


def _runs(_: str, around: Surroundings) -> list[Candidate]:
    """The runs of the store, newest first."""
    from seedream_magic.images.index import runs_in  # noqa: PLC0415 - it loads Pillow, and the extension loads this

    return _all("run", sorted(runs_in(around.client.store), reverse=True) if around.client else [])


def _files(word: str, endings: frozenset[str]) -> list[Candidate]:
    """The folders, and the files with these endings, whose path begins as typed; hidden ones where a dot is typed."""
    folder, name = os.path.split(word)
    try:
        with os.scandir(os.path.expanduser(folder) or ".") as entries:  # noqa: PTH111 - Path.expanduser may raise
            listed = sorted((entry.name, entry.is_dir()) for entry in entries if _is_meant(entry.name, name))
    except (OSError, ValueError):  # ValueError: a NUL in what was typed
        return []
    kept = word[: len(word) - len(name)]
    fitting = [found for found in listed if found[1] or found[0].rpartition(".")[2].lower() in endings]
    return [
        Candidate(kept + found + ("/" if is_folder else ""), "path", is_folder)
        for found, is_folder in fitting[:_MOST_FILES]
    ]


def _is_meant(found: str, typed: str) -> bool:
    return found.startswith(typed) if typed else not found.startswith(".")


def _variables(around: Surroundings, types: Iterable[tuple[str, str]]) -> list[str]:
    """Names without those that IPython keeps results under; `_seedream` is ours."""
    names = [name for name in around.namespace if not name.startswith("_") or name == "_seedream"]
    return sorted(name for name in names if name.isidentifier() and _is_one_of(around.namespace[name], types))


def _is_one_of(value: object, types: Iterable[tuple[str, str]]) -> bool:
    """By the names of its classes, so that no library is loaded for it and none of its own code runs."""
    bases = {(str(base.__module__).partition(".")[0], base.__name__) for base in type(value).__mro__}
    return not bases.isdisjoint(types)


_LookUp = Callable[[str, Surroundings], list[Candidate]]
_VALUES: dict[str, _LookUp] = {
    "name": _set_names,
    "images": _counts,
    "model": _models,
    "size": _sizes,
    "refs": _references,
    "each": _tables,
    "xy": _crossed,
}
"""Of the options whose values the table does not list."""
_ARGUMENTS: dict[str, _LookUp] = {
    "PROVIDER": lambda _, __: _all("value", PROVIDERS),
    "RUN": _runs,
    "FRAME": _frames,
    "PATH": lambda word, _: _files(word, _EXPORT_ENDINGS),
    "CODE": lambda _, __: _all("code", CODES),
    "models WORDS": _models,
}
"""By the word that stands for the argument in the help."""
