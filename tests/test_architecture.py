"""The plan of the house: which part of the package may import which, and who may load a library.

A room imports from lower floors only; inside a room modules are free, but never in a circle. Every import counts: at
the top of a file, inside a function, for a type checker alone, by `importlib`. There are no exceptions.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "seedream_magic"
ROOT_FILE = "__init__.py"

# A room is a row: errors and bridge are one, api and view are two that do not know each other. The root names the
# public things and loads none.
ROOMS: list[tuple[int, set[str]]] = [
    (10, {"notebook"}),  # what a person touches
    (9, {"seedream"}),  # the Python client
    (8, {"sweep"}),  # many requests as one thing
    (7, {"batch"}),  # many requests at once
    (6, {"drawing", "sender"}),  # one request: shown, awaited, completed or sent
    (5, {"planning", "checking", "continuation", "same_call", "variables", "rows"}),  # from what is asked for to a plan
    (4, {"run", "listener", "tasks", "recover", "replay", "watch"}),  # one run, and what there is of earlier ones
    (3, {"images", "library", "history", "database", "session"}),  # what came back, where it lies, its bill
    (3, {"demo"}),  # the embedded service
    (2, {"api"}),  # what is said on the wire
    (2, {"view"}),  # how things look: cards, of whatever
    (
        1,
        {"errors", "bridge", "words", "formats", "pillow", "forks"}
        | {"memory", "loading", "names", "tqdm_bar", "version"},
    ),
]

DYNAMIC = {"importlib.import_module", "import_module", "__import__"}

# They do the same things for the same person, each without the other. A command opens the panel.
FACES = ({"notebook/magic.py"}, {"notebook/panel/"})

LIBRARIES = {
    "httpx": (
        *(f"api/{name}.py" for name in ("answer", "certificates", "client", "connection", "live_models")),
        *("api/network_errors.py", "api/probe.py"),
        *("images/download.py", "images/route.py"),
    ),
    "truststore": ("api/certificates.py",),
    "brotli": ("api/encoding.py",),
    "fpdf": ("view/pdf.py",),
    "IPython": ("notebook/",),
    "filelock": ("images/claims.py", "images/locks.py"),
    "textual_image": ("notebook/terminal.py",),
    "rich": ("notebook/terminal.py",),
    "ipywidgets": ("notebook/panel/",),
    "PIL": ("pillow.py", "api/references/make_references.py", "view/", "demo/"),
    "packaging": ("notebook/doctor.py",),
    "platformdirs": ("images/aside.py",),
    "tornado": ("demo/",),
    "nest_asyncio": ("bridge.py",),
    "nest_asyncio2": ("bridge.py",),
}


@dataclass(frozen=True)
class Import:
    """`file` asks in `line` for `target`, a dotted name split at its dots: ("seedream_magic", "api", "client")."""

    file: str
    line: int
    target: tuple[str, ...]
    typing: bool

    @property
    def room(self) -> str:
        return self.target[1] if self.inside else ""

    @property
    def inside(self) -> bool:
        return self.target[0] == PACKAGE.name and len(self.target) > 1

    def refused(self, rule: str) -> str:
        return f"{PACKAGE.name}/{self.file}:{self.line} imports {'.'.join(self.target)}: {rule}"


def package_sources() -> dict[str, str]:
    files = PACKAGE.rglob("*.py")
    return {file.relative_to(PACKAGE).as_posix(): file.read_text(encoding="utf-8") for file in sorted(files)}


def module_name(file: str) -> tuple[str, ...]:
    """api/client.py is ("seedream_magic", "api", "client"), api/__init__.py ("seedream_magic", "api")."""
    parts = file.removesuffix(".py").split("/")
    return (PACKAGE.name, *(part for part in parts if part != "__init__"))


def read_imports(file: str, source: str) -> list[Import]:
    """Every import of the file, `importlib.import_module("…")` with a literal name included."""
    return list(_visit(ast.parse(source), file, typing=False))


def _visit(node: ast.AST, file: str, *, typing: bool) -> Iterator[Import]:
    for target in _targets(node, file):
        yield Import(file, getattr(node, "lineno", 0), target, typing)
    checks = isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}
    for child in ast.iter_child_nodes(node):
        yield from _visit(child, file, typing=typing or checks)


def _targets(node: ast.AST, file: str) -> list[tuple[str, ...]]:
    if isinstance(node, ast.Import):
        return [tuple(name.name.split(".")) for name in node.names]
    if isinstance(node, ast.ImportFrom):
        module = tuple(node.module.split(".")) if node.module else ()
        folder = (PACKAGE.name, *file.split("/")[:-1])
        start = folder[: len(folder) + 1 - node.level] if node.level else ()
        return [(*start, *module, name.name) for name in node.names]
    if isinstance(node, ast.Call) and ast.unparse(node.func) in DYNAMIC:
        names = [word.value for word in node.args[:1] if isinstance(word, ast.Constant)]
        return [tuple(name.split(".")) for name in names if isinstance(name, str)]
    return []


def row_of(room: str) -> int | None:
    return next((row for row, (_, rooms) in enumerate(ROOMS) if room in rooms), None)


def floor_violation(found: Import) -> str | None:
    """Why this import of a part of the package may not be."""
    if found.file == ROOT_FILE or not found.inside:
        return None
    home, target = row_of(module_name(found.file)[1]), row_of(found.room)
    if home is None:
        return found.refused(f"{found.file} is in no room of the table")
    if target is None:
        return found.refused("the package's root names public things for others; import the module that has it")
    here, there = ROOMS[home][0], ROOMS[target][0]
    if home == target or there < here:
        return None
    return found.refused(f"floor {here} may import from the floors below it, {found.room} is on floor {there}")


def library_violation(found: Import) -> str | None:
    """Why this file may not load that library."""
    allowed = LIBRARIES.get(found.target[0])
    if allowed is None or found.typing:
        return None
    if stands_in(found.file, allowed):
        return None
    return found.refused(f"{found.target[0]} is loaded only by {', '.join(allowed)}")


def stands_in(file: str, places: Iterable[str]) -> bool:
    """Whether a file is one of these, or in one of these folders."""
    return any(file == place or (place.endswith("/") and file.startswith(place)) for place in places)


def face_violation(found: Import) -> str | None:
    """Why one face may not use the other."""
    for mine, others in (FACES, FACES[::-1]):
        names = [module_name(other.rstrip("/")) for other in others]
        if stands_in(found.file, mine) and any(found.target[: len(name)] == name for name in names):
            return found.refused("the cell magic and the panel do not import each other")
    return None


def circle(imports: list[Import], files: set[str]) -> list[str]:
    """The first circle of modules, as dotted names that end where they began; empty without one."""
    names = {module_name(file) for file in files}
    arrows: dict[tuple[str, ...], set[tuple[str, ...]]] = {name: set() for name in names}
    for found in imports:
        if found.inside:  # the longest beginning of the target that is a module
            target = next(
                (found.target[:end] for end in range(len(found.target), 0, -1) if found.target[:end] in names), ()
            )
            arrows[module_name(found.file)] |= {target} - {(), module_name(found.file)}
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        return [".".join(step) for step in reversed(error.args[1])]
    return []


def violations(sources: Mapping[str, str]) -> list[str]:
    """One line for each broken rule: file:line, what it imports, what the table allows."""
    imports = [found for file, source in sources.items() for found in read_imports(file, source)]
    checks = (floor_violation, library_violation, face_violation)
    lines = [line for found in imports for check in checks if (line := check(found))]
    round_trip = circle(imports, set(sources))
    return [*lines, *(["a circle: " + " -> ".join(round_trip)] if round_trip else [])]


def test_the_package_keeps_to_the_plan() -> None:
    """No import points up, no two modules need each other, every library is loaded where the table says."""
    found = violations(package_sources())
    assert not found, "\n" + "\n".join(found)


def test_the_checker_reads_the_whole_package() -> None:
    """Its rooms are those of the table, and the imports it looks for are found: an empty list would pass as well."""
    sources = package_sources()
    rooms = {module_name(file)[1] for file in sources if file != ROOT_FILE}
    assert rooms <= set().union(*(room for _, room in ROOMS))
    client = read_imports("api/client.py", sources["api/client.py"])
    assert any(found.target == ("httpx",) for found in client)


IN_A_FUNCTION = "def f():\n    "
TYPING = "if TYPE_CHECKING:\n    "


@pytest.mark.parametrize(
    ("file", "source", "rule"),
    [
        ("api/client.py", "from ..images import store", "images is on floor"),
        ("api/client.py", f"{IN_A_FUNCTION}from seedream_magic.seedream import Seedream", ":2 imports seedream"),
        ("api/client.py", "import importlib\nimportlib.import_module('seedream_magic.demo')", "demo is on floor"),
        ("api/client.py", f"{TYPING}from seedream_magic.images import store", "images is on floor"),
        ("api/client.py", "from seedream_magic import Seedream", "the package's root"),
        ("view/cards.py", "from seedream_magic.api import codes", "api is on floor"),
        ("drawer.py", "from seedream_magic import errors", "drawer.py is in no room"),
        ("notebook/panel/form.py", "from ..magic import SeedreamMagics", "do not import each other"),
        ("api/sse.py", f"{IN_A_FUNCTION}from httpx import Response", "httpx is loaded only by api/answer.py"),
        ("notebook/magic.py", "import ipywidgets", "ipywidgets is loaded only by notebook/panel/"),
    ],
)
def test_an_import_against_the_plan_is_reported(file: str, source: str, rule: str) -> None:
    """The line names the file and the rule."""
    (line,) = violations({file: source})
    assert line.startswith(f"seedream_magic/{file}:")
    assert rule in line


def test_an_import_of_the_plan_is_not_reported() -> None:
    """What points down, what a room has itself, and what only a type checker sees of a library."""
    assert violations({"images/image_set.py": f"{TYPING}from PIL.Image import Image"}) == []
    assert violations({"notebook/panel/form.py": "import ipywidgets\nfrom seedream_magic.notebook import cell"}) == []


@pytest.mark.parametrize("last", ["def f():\n    from .a import h", "if TYPE_CHECKING:\n    from .a import A"])
def test_a_circle_is_reported(last: str) -> None:
    """Also one of three modules that a function closes, and one that only a type checker sees."""
    first = {"api/a.py": "from . import b", "api/b.py": "from seedream_magic.api.c import g"}
    (line,) = violations({**first, "api/c.py": last})
    steps = line.removeprefix("a circle: ").split(" -> ")
    assert steps[0] == steps[-1]
    assert set(steps) == {f"seedream_magic.api.{name}" for name in "abc"}
