"""How long a run will take, by this user's own earlier ones."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from seedream_magic.images.index import history

_NEWEST = 20


def seconds_per_picture(store: Path, model: str, provider: str) -> float | None:
    """The median of the newest finished runs of the same model and provider; None where there is none."""
    alike = (
        entry for entry in history(store) if (entry.model, entry.provider, entry.state) == (model, provider, "done")
    )
    timed = [entry.seconds / entry.frames for entry in alike if entry.frames and entry.seconds]
    return median(timed[:_NEWEST]) if timed else None
