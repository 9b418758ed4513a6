"""What can be set about a demo service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class DemoSettings:
    """Port 0 is a free one. `delay` and `link_life` are seconds: for each picture, and until its link expires.

    With a `key` any other key is refused; without one any will do, except none. `shape` is the JSON answer's: as
    ByteDance's service gives it (`ark`), or as the AnyFast page shows it (`seed`).
    """

    port: int = 0
    delay: float = 1.0
    key: str | None = None
    link_life: float = 86_400
    shape: Literal["ark", "seed"] = "ark"
