"""The folder that the system keeps for what a program can do without or make again."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path


def cache_folder() -> Path:
    """The package's folder in the user's cache folder, as an absolute path; it may not exist yet. Never raises.

    `$XDG_CACHE_HOME` or `~/.cache`, on macOS `~/Library/Caches`, on Windows `%LOCALAPPDATA%`. Who makes the folder
    gives it mode 0700. Without a home it stands in the folder for temporary files.
    """
    return _users_caches() / "seedream-magic"


def _users_caches() -> Path:
    named = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME", "")
    if named and Path(named).is_absolute():  # the XDG specification: a relative path is ignored
        return Path(named)
    try:
        home = Path.home()
    except RuntimeError:
        return Path(tempfile.gettempdir())
    if os.name == "nt":
        return home / "AppData" / "Local"
    return home / "Library" / "Caches" if sys.platform == "darwin" else home / ".cache"
