"""What the notebook runs on: versions of the packages beside the tested ones, and the front end."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from IPython.core.interactiveshell import InteractiveShell
from IPython.terminal.interactiveshell import TerminalInteractiveShell

from seedream_magic import __version__
from seedream_magic.api.codes import Text
from seedream_magic.notebook.finding import Finding

DISTRIBUTION = "seedream-magic"
_REQUIREMENT = re.compile(r"^([\w.-]+)(?:\[[^\]]*\])?\s*([^;]*);?\s*(.*)$")


@dataclass(frozen=True)
class Requirement:
    """A package that is needed: the oldest tested version, the first that is too new ("" where none is named)."""

    name: str
    floor: str
    ceiling: str
    extra: str


def versions() -> list[Finding]:
    """Every package of the extension's metadata beside its tested floor; one finding for all that are fine."""
    needed = requirements()
    misfits = [_misfit(each) for each in needed]
    fine = [f"{each.name} {version(each.name)}" for each, fault in zip(needed, misfits, strict=True) if not fault]
    python = f"python {platform.python_version()}, seedream_magic {__version__}"
    told = Finding("ok", "versions", ", ".join([python, *fine]))
    return [told, *filter(None, misfits)] if needed else [told, _unregistered()]


def requirements() -> list[Requirement]:
    """What the package's metadata asks for, and the kernel of its `lab` extra; empty where it is not installed."""
    try:
        needed = [_read(text) for text in requires(DISTRIBUTION) or ()]
    except PackageNotFoundError:
        return []
    return [each for each in needed if not each.extra or (each.name, each.extra) == ("ipykernel", "lab")]


def front_end(shell: InteractiveShell) -> Finding:
    """Where cells are typed, as far as a kernel can tell."""
    if isinstance(shell, TerminalInteractiveShell):
        return Finding("ok", "front end", "IPython in a terminal: sets are printed as paths · 终端：图组以路径列出")
    return Finding("ok", "front end", _kernel_of(shell.user_ns, os.environ))


def is_older(found: str, floor: str) -> bool:
    """Whether a version comes before another, by the numbers they begin with: 12.3 and 12.3.0 are one."""
    return _numbers(found) < _numbers(floor)


def _kernel_of(namespace: Mapping[str, object], environment: Mapping[str, str]) -> str:
    if "google.colab" in sys.modules:
        return "Google Colab"
    if "__vsc_ipynb_file__" in namespace:
        return "VS Code"
    if "ipykernel" not in sys.modules:
        return "IPython without a kernel"
    server = _command_of(environment.get("JPY_PARENT_PID", ""))
    if "JPY_SESSION_NAME" in environment:  # Jupyter's server names the notebook to its kernels
        found = {"jupyter-notebook": "Jupyter Notebook", "jupyter-lab": "JupyterLab", "jupyterlab": "JupyterLab"}
        return next((name for word, name in found.items() if word in server), "JupyterLab or Jupyter Notebook")
    return "a Jupyter kernel without a server (nbconvert, papermill, a console)"


def _command_of(process: str) -> str:
    """The command line of a process, where the system shows it (Linux)."""
    try:
        return Path("/proc", str(int(process)), "cmdline").read_bytes().decode("utf-8", "replace")
    except (ValueError, OSError):
        return ""


def _read(text: str) -> Requirement:
    name, limits, marker = _REQUIREMENT.findall(text)[0]
    floor, ceiling = (re.search(rf"{sign}\s*([\d.]+)", limits) for sign in (">=", "<(?!=)"))
    extra = re.search(r"extra\s*==\s*['\"]([\w-]+)", marker)
    return Requirement(name, floor[1] if floor else "0", ceiling[1] if ceiling else "", extra[1] if extra else "")


def _misfit(needed: Requirement) -> Finding | None:
    try:
        found = version(needed.name)
    except PackageNotFoundError:
        told = Text(f"{needed.name} is not installed.", f"未安装 {needed.name}。")
        return Finding("look" if needed.extra else "bad", "versions", told, _install(f"{needed.name}>={needed.floor}"))
    if is_older(found, needed.floor):
        told = Text(
            f"{needed.name} {found} is older than {needed.floor}, the oldest that is tested.",
            f"{needed.name} {found} 低于经过测试的最低版本 {needed.floor}。",
        )
        return Finding("bad", "versions", told, _install(f"{needed.name}>={needed.floor}"))
    if needed.ceiling and not is_older(found, needed.ceiling):
        told = Text(
            f"{needed.name} {found} is newer than what is tested (below {needed.ceiling}).",
            f"{needed.name} {found} 高于经过测试的版本（应低于 {needed.ceiling}）。",
        )
        return Finding("look", "versions", told, _install(f"{needed.name}>={needed.floor},<{needed.ceiling}"))
    return None


def _install(what: str) -> Text:
    command = f'%pip install "{what}"'
    return Text(f"{command}, then restart the kernel.", f"{command}，然后重启内核。")


def _unregistered() -> Finding:
    told = Text(
        "seedream-magic runs from a folder that pip does not know: the oldest tested versions cannot be looked up.",
        "seedream-magic 从文件夹直接运行，pip 未登记，无法核对最低版本。",
    )
    return Finding(
        "look", "versions", told, Text("Run pip install . in its folder.", "在其文件夹中运行 pip install .。")
    )


def _numbers(text: str) -> tuple[int, ...]:
    found = re.match(r"\d+(?:\.\d+)*", text)
    numbers = [int(number) for number in found[0].split(".")] if found else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
