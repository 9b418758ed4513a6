"""When to ask again: pure functions over what the service said."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

DOWNLOAD_ATTEMPTS = 6
_LONGEST_DOWNLOAD_PAUSE = 10.0
_IMF_FIXDATE = re.compile(r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT", re.ASCII)


def retry_after(values: Sequence[str], date: str | None = None) -> float | None:
    """Seconds that `Retry-After` headers ask for; None if none of them is valid.

    RFC 9110: seconds in plain digits, or an IMF-fixdate, which is compared with the response's own `Date`. Anything
    else counts as absent. Of several headers the longest wait holds; a date in the past is 0.
    """
    waits = [wait for wait in (_one_wait(value, date) for value in values) if wait is not None]
    return max(waits, default=None)


def download_pause(attempt: int) -> float:
    """Seconds before attempt `attempt` + 1 at a picture: full jitter over 0.5 · 2^attempt, at most 10 s."""
    return random.uniform(0, min(_LONGEST_DOWNLOAD_PAUSE, 0.5 * 2**attempt))  # noqa: S311 - jitter, not a secret


def _one_wait(value: str, date: str | None) -> float | None:
    if re.fullmatch(r"[0-9]{1,7}", value, re.ASCII):
        return float(value)
    until = _instant(value)
    now = _instant(date or "") or datetime.now(UTC)
    return None if until is None else max(0.0, (until - now).total_seconds())


def _instant(text: str) -> datetime | None:
    if not _IMF_FIXDATE.fullmatch(text):
        return None
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None
