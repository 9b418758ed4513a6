"""When a request is sent again: pure functions over what happened, and the tokens that limit attempts in the process.

Drawing costs money and the API replays no answer, so a POST is repeated only where it provably was not sent, or where
the service refused it before doing anything (429). No other answer and no other fault is ever followed by a second one.
"""

from __future__ import annotations

import asyncio
import math
import random
import re
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Literal

from seedream_magic.api.codes import billed_by_status, error_kind
from seedream_magic.api.limiter import LONGEST_WAIT_ASKED, NO_TURN, Turn
from seedream_magic.errors import RateLimited
from seedream_magic.forks import free_in_child
from seedream_magic.words import system

DOWNLOAD_ATTEMPTS = 6
_LONGEST_DOWNLOAD_PAUSE = 10.0
_IMF_FIXDATE = re.compile(r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT", re.ASCII)

POST_ATTEMPTS = 4
"""POSTs that one run may begin, whatever stopped the earlier ones."""
CONNECTION_BUDGET = 60.0
"""Seconds from the first attempt in which another one may begin after one that did not reach the service."""
_ATTEMPTS_TO_CONNECT = {"unreached": POST_ATTEMPTS, "handshake": 2}
_UNPACED_ATTEMPTS = 3
_LONGEST_CONNECTION_PAUSE = 8.0
_SHORTEST_POST_PAUSE = 0.5
_OUTCOMES: dict[str, Literal["rejected", "unknown", "billed"]] = {
    "no": "rejected", "unknown": "unknown", "yes": "billed",
}  # fmt: skip

Phase = Literal["unsendable", "unreached", "handshake", "sent", "answered"]
"""How far a POST came.

`unsendable`: stopped here, or by a certificate that is not trusted. `unreached`: no connection. `handshake`: what
answered does not speak TLS as it should. `sent`: at least one byte may have left and no head came. `answered`: a head.
"""


@dataclass(frozen=True)
class Decision:
    """What became of one POST, and the seconds until it is sent again; `pause` is None where it never is."""

    outcome: Literal["not_sent", "rejected", "unknown", "billed"]
    pause: float | None = None


def decide(
    phase: Phase,
    *,
    status: int = 0,
    code: str = "",
    retry_after: float | None = None,
    attempt: int = 1,
    elapsed: float = 0.0,
    draw: float = 0.5,
) -> Decision:
    """Whether a POST is sent again.

    `status`, `code` (the service's word) and `retry_after` (seconds) are those of an answer. `attempt` counts from 1,
    `elapsed` is the seconds since the first one began, `draw` a random number in 0..1 that spreads the pauses. Raises
    `ValueError` for numbers that are none.
    """
    numbers = (retry_after or 0.0, attempt, elapsed, draw)
    if not all(math.isfinite(number) and number >= 0 for number in numbers):
        raise ValueError(f"A decision needs finite numbers that are not negative, not {numbers}.")
    if phase == "sent":
        return Decision("unknown")
    if phase == "answered":
        outcome = _OUTCOMES[billed_by_status(status)]
        paced = status == 429 and error_kind(code, status) is RateLimited
        return Decision(outcome, _pace(retry_after, attempt, draw) if paced else None)
    pause = _spread(0.5, attempt, draw)
    again = attempt < _ATTEMPTS_TO_CONNECT.get(phase, 0) and elapsed + pause <= CONNECTION_BUDGET
    return Decision("not_sent", pause if again else None)


class Tokens:
    """Ten tokens for all runs of the process: another attempt takes one, a success puts one back.

    Where nothing succeeds, many cells together do not hammer at a service that is down.
    """

    def __init__(self, most: int = 10) -> None:
        self._most = self._left = most
        self._lock = free_in_child(threading.Lock())  # runs may be on several threads

    def take(self) -> bool:
        """Whether there was one left."""
        with self._lock:
            taken = self._left > 0
            self._left -= taken
            return taken

    def put_back(self) -> None:
        with self._lock:
            self._left = min(self._most, self._left + 1)


TOKENS = Tokens()
"""The bucket of this process."""


@dataclass(frozen=True)
class Pace:
    """What the attempts at one POST need of the world around them: clock, sleep, chance, the process's tokens.

    `turn` is the leave of a batch's limiter to send it.
    """

    now: Callable[[], float] = monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    draw: Callable[[], float] = random.random
    tokens: Tokens = TOKENS
    turn: Turn = NO_TURN


PACE = Pace()
"""The real clock, and the bucket that all runs share."""


def retry_after(values: Sequence[str], date: str | None = None) -> float | None:
    """Seconds that `Retry-After` headers ask for; None if none of them is valid.

    RFC 9110: seconds in plain digits, or an IMF-fixdate, which is compared with the response's own `Date`. Anything
    else counts as absent. Of several headers the longest wait holds; a date in the past is 0.
    """
    waits = [wait for wait in (_one_wait(value, date) for value in values) if wait is not None]
    return max(waits, default=None)


def duration(seconds: float) -> str:
    """A time as people say it, rounded up: "4 s", "3 min", "24 h"."""
    for unit, length in ((system.HOURS, 3600), (system.MINUTES, 60)):
        if seconds >= 2 * length:
            return unit(count=math.ceil(seconds / length))
    return system.SECONDS(count=math.ceil(seconds))


def download_pause(attempt: int) -> float:
    """Seconds before attempt `attempt` + 1 at a picture: full jitter over 0.5 · 2^attempt, at most 10 s."""
    return random.uniform(0, min(_LONGEST_DOWNLOAD_PAUSE, 0.5 * 2**attempt))  # noqa: S311 - jitter, not a secret


def _pace(wait: float | None, attempt: int, draw: float) -> float | None:
    """Seconds that a service which is too busy is left in peace; never fewer than it asks for."""
    if wait is None:
        pause = max(_SHORTEST_POST_PAUSE, _spread(2.0, attempt - 1, draw))
        return pause if attempt < _UNPACED_ATTEMPTS else None
    if wait > LONGEST_WAIT_ASKED or attempt >= POST_ATTEMPTS:
        return None
    return max(_SHORTEST_POST_PAUSE, wait * (1 + 0.1 * draw))


def _spread(base: float, doublings: int, draw: float) -> float:
    """Full jitter: anything up to a limit that doubles, so that many clients do not come back together."""
    return draw * min(_LONGEST_CONNECTION_PAUSE, base * 2.0 ** min(doublings, 10))


def _one_wait(value: str, date: str | None) -> float | None:
    if re.fullmatch(r"[0-9]{1,7}", value, re.ASCII):
        return float(value)
    until = instant(value)
    now = instant(date or "") or datetime.now(UTC)
    return None if until is None else max(0.0, (until - now).total_seconds())


def instant(text: str) -> datetime | None:
    """The time that an IMF-fixdate of RFC 9110 names, the only form of a date that is sent today; else None."""
    if not _IMF_FIXDATE.fullmatch(text):
        return None
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None
