"""What Tab offers: values of options and arguments of commands, made from the tables, the notebook and the store."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sized
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from seedream_magic.api.codes import CODES
from seedream_magic.api.fields import Field, field_named
from seedream_magic.api.models import MAXIMUM_IMAGES, Model, find_model, pixels_for_ratio
from seedream_magic.api.providers import PROVIDERS
from seedream_magic.api.signatures import ENDINGS
from seedream_magic.errors import SeedreamError
from seedream_magic.notebook.models_table import ids_for
from seedream_magic.notebook.options import COMMANDS, FLAGS

if TYPE_CHECKING:
    from seedream_magic.seedream import Seedream

RATIOS = ("1:1", "4:3", "3:4", "16:9", "9:16", "3:2", "2:3", "21:9")
"""Those that have documented pixels."""
PICTURE_ENDINGS = frozenset({*ENDINGS.values(), "jpeg", "tif", "heif"})
EXPORT_ENDINGS = frozenset({"html", "zip", "gif", "jpg", "png"})
MOST_FILES = 200
_SETS = frozenset({("seedream_magic", "ImageSet")})
_PICTURE_TYPES = _SETS | frozenset({
    ("seedream_magic", "Frame"), ("PIL", "Image"), ("numpy", "ndarray"),
    ("matplotlib", "Figure"), ("pathlib", "PurePath"), ("builtins", "bytes"), ("builtins", "bytearray"),
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


def flags(word: str) -> list[Candidate]:
    """The options, short ones only after a single hyphen."""
    return [Candidate(flag, "option") for flag in FLAGS if word == "-" or flag.startswith("--") or not word]


def values_of(option: Field, word: str, around: Surroundings) -> list[Candidate]:
    """The values of an option: those of the table, or those that only the notebook, the store or the model know."""
    look_up = _VALUES.get(option.name)
    return look_up(word, around) if look_up else [Candidate(text, "value") for text in option.words]


def set_names(_: str, around: Surroundings) -> list[Candidate]:
    """The variables that hold a set, to be bound anew."""
    return [Candidate(name, "variable") for name in _variables(around, _SETS)]


def arguments_of(command: str, place: int, word: str, around: Surroundings) -> list[Candidate]:
    """What can stand at a place after a command, counted from 0."""
    found = []
    for kind in dict.fromkeys(kind for typed in _typed(command) for kind in typed[place : place + 1]):
        if kind.startswith("-"):
            found.append(Candidate(kind, "option"))
        elif look_up := _ARGUMENTS.get(kind) or _ARGUMENTS.get(f"{command} {kind}"):
            found += look_up(word, around)
    return found


def commands() -> list[Candidate]:
    """The words that can follow %seedream."""
    names = [word for typed, _, _ in COMMANDS for word in typed.split()[1:2]]
    return [Candidate(name, "command") for name in dict.fromkeys(names)]


def _typed(command: str) -> list[list[str]]:
    """The arguments of a command, as each of its lines in the help names them."""
    rows = [typed.replace("[", "").replace("]", "").split()[1:] for typed, _, _ in COMMANDS]
    return [row[1:] for row in rows if row[:1] == [command]]


def _models(_: str, around: Surroundings) -> list[Candidate]:
    """The session's model, then those that the provider documents; a gateway may take ByteDance's dated ids too."""
    name = around.client.provider.name if around.client else ""
    ids = [around.client.model] if around.client else []
    ids += [*ids_for(name), *([] if name in {"ark", "byteplus"} else ids_for("ark"))]
    return [Candidate(model_id, "model") for model_id in dict.fromkeys(ids)]


def _sizes(_: str, around: Surroundings) -> list[Candidate]:
    """The model's presets, then the documented pixels of each at every ratio."""
    model = around.known_model
    presets = model.presets if model else field_named("size").words
    pairs = [
        pixels_for_ratio(model, preset, (int(wide), int(high)))
        for preset in presets
        for wide, _, high in (ratio.partition(":") for ratio in RATIOS)
    ]
    texts = [*presets, *([model.default_size] if model else []), *(f"{width}x{height}" for width, height in pairs)]
    return [Candidate(text, "size") for text in dict.fromkeys(texts)]


def _ratios(_: str, __: Surroundings) -> list[Candidate]:
    return [Candidate(ratio, "value") for ratio in RATIOS]


def _counts(_: str, around: Surroundings) -> list[Candidate]:
    model = around.known_model
    several = model is None or model.sets
    texts = ["1", *(["auto", *map(str, range(2, MAXIMUM_IMAGES + 1))] if several else [])]
    return [Candidate(text, "value") for text in texts]


def _providers(_: str, __: Surroundings) -> list[Candidate]:
    return [Candidate(name, "value") for name in PROVIDERS]


def _references(word: str, around: Surroundings) -> list[Candidate]:
    """Variables that hold pictures, the frames of a set once it is named, earlier runs after `run:`, and files."""
    if word.startswith("run:"):
        return [Candidate(f"run:{run.text}", "run") for run in _runs(word, around)]
    found = [Candidate(name, "variable") for name in _variables(around, _PICTURE_TYPES)]
    if named := re.match(r"([^\W\d]\w*)\[", word):
        value = around.namespace.get(named[1])
        places = range(len(value)) if isinstance(value, Sized) and _is_one_of(value, _SETS) else ()
        found += [Candidate(f"{named[1]}[{place}]", "variable") for place in places]
    return [*found, *_files(word, PICTURE_ENDINGS), Candidate("run:", "run")]


def _runs(_: str, around: Surroundings) -> list[Candidate]:
    """The runs of the store, newest first."""
    from seedream_magic.images.index import runs_in  # noqa: PLC0415 - it loads Pillow, and the extension loads this

    found = sorted(runs_in(around.client.store), reverse=True) if around.client else []
    return [Candidate(run_id, "run") for run_id in found]


def _exports(word: str, _: Surroundings) -> list[Candidate]:
    return _files(word, EXPORT_ENDINGS)


def _codes(_: str, __: Surroundings) -> list[Candidate]:
    return [Candidate(code, "code") for code in CODES]


def _files(word: str, endings: frozenset[str]) -> list[Candidate]:
    """The folders, and the files with these endings, whose path begins as typed; hidden ones where a dot is typed."""
    folder, name = os.path.split(word)
    try:
        with os.scandir(os.path.expanduser(folder) or ".") as entries:  # noqa: PTH111 - Path.expanduser may raise
            listed = sorted((entry.name, entry.is_dir()) for entry in entries if _is_meant(entry.name, name))
    except (OSError, ValueError):  # ValueError: a NUL in what was typed
        return []
    kept = word[: len(word) - len(name)]
    wanted = [(found, is_folder) for found, is_folder in listed if is_folder or _ending(found) in endings]
    return [
        Candidate(kept + found + ("/" if is_folder else ""), "path", is_folder)
        for found, is_folder in wanted[:MOST_FILES]
    ]


def _is_meant(found: str, typed: str) -> bool:
    return found.startswith(typed) and (bool(typed) or not found.startswith("."))


def _ending(name: str) -> str:
    return name.rpartition(".")[2].lower()


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
    "name": set_names,
    "images": _counts,
    "model": _models,
    "size": _sizes,
    "ratio": _ratios,
    "refs": _references,
    "provider": _providers,
}
"""Of the options whose values the table does not list."""
_ARGUMENTS: dict[str, _LookUp] = {
    "PROVIDER": _providers,
    "RUN": _runs,
    "PATH": _exports,
    "CODE": _codes,
    "models WORDS": _models,
}
"""By the word that stands for the argument in the help."""
