"""A session: where it is at home, what its front doors have billed, and who may refuse a plan before it is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seedream_magic.api.plan import Plan
    from seedream_magic.api.providers import Provider


@dataclass(frozen=True)
class Session:
    """Images by model: `billed`, `free` (the demo's), and `doubtful`, which runs of unknown outcome may have billed.

    `home` is the folder that relative paths of stores start from, None for the current one. `check` raises
    `InvalidRequest` for a plan that is not to be sent.
    """

    home: Path | None = None
    billed: Counter[str] = field(default_factory=Counter)
    free: Counter[str] = field(default_factory=Counter)
    doubtful: Counter[str] = field(default_factory=Counter)
    check: Callable[[Plan], None] | None = None

    def billed_by(self, provider: Provider) -> Counter[str]:
        """Where the images that a provider bills are counted."""
        return self.billed if provider.needs_key else self.free


_entered: list[Session] = []


def enter(session: Session) -> None:
    """From now on new front doors belong to this session: that of the notebook in which the extension is loaded."""
    _entered[:] = [session]


def leave() -> None:
    """From now on each new front door has a session of its own."""
    _entered.clear()


def current() -> Session:
    """The session of a new front door."""
    return _entered[0] if _entered else Session()


def home() -> Path:
    """The notebook's folder, wherever its cells have changed to since; without a notebook the current one.

    Raises OSError where that is gone.
    """
    return current().home or Path.cwd()
