"""What the notebook runs on: versions of the packages beside the tested ones, and the front end."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

from IPython.core.interactiveshell import InteractiveShell
from IPython.terminal.interactiveshell import TerminalInteractiveShell
from packaging.requirements import Requirement
from packaging.version import InvalidVersion, Version

from seedream_magic import __version__
from seedream_magic.api.codes import Text
from seedream_magic.notebook.finding import Finding

DISTRIBUTION = "seedream-magic"


def versions() -> list[Finding]:
    """Every package of the extension's metadata beside its tested floor; one finding for all that are fine."""
    needed = requirements()
    misfits = [_misfit(each) for each in needed]
    fine = [f"{each.name} {version(each.name)}" for each, fault in zip(needed, misfits, strict=True) if not fault]
    python = f"python {platform.python_version()}, seedream_magic {__version__}"
    found = Finding("ok", "versions", ", ".join([python, *fine]))
    return [found, *filter(None, misfits)] if needed else [found, _UNREGISTERED]


def requirements() -> list[Requirement]:
    """What the package's metadata asks for, and the kernel of its `lab` extra; empty where it is not installed."""
    try:
        needed = map(Requirement, requires(DISTRIBUTION) or ())
    except PackageNotFoundError:
        return []
    return [
        each
        for each in needed
        if each.marker is None or each.marker.evaluate({"extra": "lab" if each.name == "ipykernel" else ""})
    ]


def to_install(what: str) -> Text:
    """How to install a package of pip's, with its limits."""
    command = f'%pip install "{what}"'
    return Text(f"{command}, then restart the kernel.", f"{command}，然后重启内核。")


def front_end(shell: InteractiveShell) -> Finding:
    """Where cells are typed, as far as a kernel can tell."""
    if isinstance(shell, TerminalInteractiveShell):
        return Finding("ok", "front end", "IPython in a terminal: sets are printed as paths · 终端：图组以路径列出")
    return Finding("ok", "front end", _kernel_of(shell.user_ns, os.environ))


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


def _misfit(needed: Requirement) -> Finding | None:
    """What is wrong with the version that is installed: too old is bad, too new and no kernel are worth a look."""
    name, fix = needed.name, to_install(f"{needed.name}{needed.specifier}")
    try:
        found = Version(version(name))
    except PackageNotFoundError:
        mark: Literal["look", "bad"] = "look" if needed.marker else "bad"
        return Finding(mark, "versions", Text(f"{name} is not installed.", f"未安装 {name}。"), fix)
    except (InvalidVersion, TypeError):  # of metadata that is damaged
        found = Version("0")
    for limit in needed.specifier:
        if limit.contains(found, prereleases=True):
            continue
        if limit.operator == ">=":
            text = Text(
                f"{name} {found} is older than {limit.version}, the oldest that is tested.",
                f"{name} {found} 低于经过测试的最低版本 {limit.version}。",
            )
            return Finding("bad", "versions", text, fix)
        text = Text(
            f"{name} {found} is newer than what is tested (below {limit.version}).",
            f"{name} {found} 高于经过测试的版本（应低于 {limit.version}）。",
        )
        return Finding("look", "versions", text, fix)
    return None


_UNREGISTERED = Finding(
    "look",
    "versions",
    Text(
        "seedream-magic runs from a folder that pip does not know: the oldest tested versions cannot be looked up.",
        "seedream-magic 从文件夹直接运行，pip 未登记，无法核对最低版本。",
    ),
    Text("Run pip install . in its folder.", "在其文件夹中运行 pip install .。"),
)
