"""What is promised about installing: the oldest versions, the version, the files of the wheel, a light import."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

import seedream_magic

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "seedream_magic"
EXTENSION = ROOT / "labextension"
SHARE = "share/jupyter/labextensions/seedream-magic"
"""Below the environment: where JupyterLab looks for extensions."""


def project() -> dict[str, Any]:
    """The [project] table of pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def version(text: str) -> tuple[int, ...]:
    """12.3 and 12.3.0 are one version."""
    numbers = [int(number) for number in text.split(".")]
    return (*numbers, *[0] * (4 - len(numbers)))


def floors(requirements: list[str]) -> dict[str, str]:
    """Name -> the version after `>=`."""
    found = (re.match(r"([\w.-]+)(?:\[[\w,]+\])?>=([\d.]+)", requirement) for requirement in requirements)
    return {canonical(match[1]): match[2] for match in found if match}


def lowest() -> dict[str, str]:
    """Name -> the version that tests/lowest.txt pins."""
    lines = (ROOT / "tests" / "lowest.txt").read_text(encoding="utf-8").splitlines()
    pins = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonical(name): pinned.strip() for name, pinned in pins}


def test_the_oldest_versions_are_the_floors_that_are_promised() -> None:
    """Every runtime dependency and the kernel are pinned in tests/lowest.txt at the floor in pyproject.toml."""
    promised = floors(project()["dependencies"])
    assert len(promised) == len(project()["dependencies"]), "a dependency in pyproject.toml has no >= floor"
    promised["ipykernel"] = floors(project()["optional-dependencies"]["lab"])["ipykernel"]
    pinned = {name: version(floor) for name, floor in lowest().items()}
    assert pinned == pinned | {name: version(floor) for name, floor in promised.items()}


def test_one_floor_for_each_package() -> None:
    """The extras that name the same package promise the same version of it."""
    promised: dict[str, str] = {}
    for requirements in project()["optional-dependencies"].values():
        for name, floor in floors(requirements).items():
            assert promised.setdefault(name, floor) == floor, f"{name} has two floors in pyproject.toml"


def test_the_version_is_the_same_everywhere() -> None:
    """pyproject.toml and `seedream_magic.__version__`."""
    assert project()["version"] == seedream_magic.__version__


def files_below(folder: Path) -> set[str]:
    """The files of a folder of the project, hidden ones and byte code left out."""
    files = (path.relative_to(ROOT) for path in folder.rglob("*") if path.is_file())
    return {file.as_posix() for file in files if not any(part.startswith((".", "__pycache__")) for part in file.parts)}


def built_by(target: Path, call: str) -> zipfile.ZipFile:
    """What a call of the build backend makes in an empty folder; off line."""
    command = [sys.executable, "-c", f"import sys, hatchling.build as backend; backend.{call}"]
    built = subprocess.run([*command, str(target)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (file,) = target.glob("*.whl")
    return zipfile.ZipFile(file)


def test_the_wheel_is_the_package(tmp_path: Path) -> None:
    """Every module, script, style, font and text of the package, its licence, the extension, and nothing else."""
    with built_by(tmp_path, "build_wheel(sys.argv[1])") as archive:
        names = set(archive.namelist())
    whole = f"seedream_magic-{seedream_magic.__version__}"
    metadata = {name for name in names if name.startswith(f"{whole}.dist-info/")}
    installed = {f"{whole}.data/data/{SHARE}/{name.partition('/')[2]}" for name in files_below(EXTENSION)}
    assert names - metadata == files_below(PACKAGE) | installed
    assert any(name.endswith("/LICENSE") for name in metadata)
    assert {f"seedream_magic/{name}" for name in ("py.typed", "view/carousel.js", "view/carousel.css")} <= names


def test_an_editable_install_has_the_extension_too(tmp_path: Path) -> None:
    """JupyterLab finds it where it looks: nothing is to be linked or built by hand."""
    with built_by(tmp_path, "build_editable(sys.argv[1])") as archive:
        names = {name.partition(f".data/data/{SHARE}/")[2] for name in archive.namelist()}
    assert names - {""} == {name.partition("/")[2] for name in files_below(EXTENSION)}


def test_the_extension_is_small_and_of_this_version() -> None:
    """Under 40 kB as it is loaded; its address changes with its text, so that no browser keeps an older one."""
    facts = json.loads((EXTENSION / "package.json").read_text(encoding="utf-8"))
    script = EXTENSION / "static" / "seedream.js"
    digest = hashlib.sha256(script.read_bytes()).hexdigest()[:8]
    assert facts["version"] == seedream_magic.__version__
    assert facts["jupyterlab"]["_build"]["load"] == f"static/seedream.js?v={digest}"
    assert sum((ROOT / name).stat().st_size for name in files_below(EXTENSION)) < 40_000


def test_the_public_names() -> None:
    """Each is there under its own name and listed by dir(), in order; a misspelt one fails like on any module."""
    assert [getattr(seedream_magic, name).__name__ for name in seedream_magic.__all__] == seedream_magic.__all__
    assert set(seedream_magic.__all__) <= set(dir(seedream_magic))
    assert sorted(set(seedream_magic.__all__)) == seedream_magic.__all__
    with pytest.raises(AttributeError, match="Seedreem"):
        seedream_magic.Seedreem  # noqa: B018 - looking it up is the test
