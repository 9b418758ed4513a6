"""Programs for tests that npm brings, once for a checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from conftest import skip_or_fail

CALLER = {**os.environ, "PATH": os.pathsep.join((os.environ.get("PATH", ""), str(Path(sys.executable).parent)))}
"""The environment before a test is cut off from it, for npm's cache and settings are the developer's.

Where there is no npm, `make check` has brought one beside this Python.
"""
_OPTIONS = ("--ignore-scripts", "--no-save", "--no-audit", "--no-fund", "--silent", "--fetch-retries=0")


def node() -> str:
    """The program that runs JavaScript. Without it the test is skipped; where CI is set it fails."""
    return shutil.which("node", path=CALLER["PATH"]) or skip_or_fail("there is no node")


def brought(folder: Path, *packages: str) -> Path:
    """The `node_modules` of a folder, with these packages, named with their versions. The rule is that of `node`."""
    modules, stamp = folder / "node_modules", folder / "brought.txt"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != " ".join(packages):
        program = shutil.which("npm", path=CALLER["PATH"]) or skip_or_fail(f"no {packages[0]}: there is no npm")
        try:
            command = [program, "install", *_OPTIONS, f"--prefix={folder}", *packages]
            subprocess.run(command, check=True, capture_output=True, timeout=180, env=CALLER)
        except (subprocess.SubprocessError, OSError):
            shutil.rmtree(folder, ignore_errors=True)
            skip_or_fail(f"npm could not bring {' and '.join(packages)}")
        stamp.write_text(" ".join(packages), encoding="utf-8")
    return modules
