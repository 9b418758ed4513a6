"""What is sent again and when; `Retry-After` as RFC 9110 writes it, and nothing else; pauses between downloads."""

from __future__ import annotations

import itertools
import math
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedream_magic.api.retry import (
    DOWNLOAD_ATTEMPTS,
    POST_ATTEMPTS,
    Decision,
    Phase,
    Tokens,
    decide,
    download_pause,
    retry_after,
)

PHASES: tuple[Phase, ...] = get_args(Phase)
CODES = ("", "RateLimitExceeded.EndpointRPMExceeded", "QuotaExceeded", "AccountOverdueError", "InternalServiceError")
WAITS = (None, 0.0, 1.0, 120.0, 120.5, 86_400.0)
ATTEMPTS = range(1, 6)
ELAPSED = (0.0, 59.5, 1e6)
DRAWS = (0.0, 0.5, 1.0)

NOW = "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.fault("F30")
@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        ([], None),
        (["0"], 0.0),
        (["9999999"], 9_999_999.0),
        (["Mon, 07 Nov 1994 08:49:37 GMT"], 86_400.0),
        (["Sun, 06 Nov 1994 08:49:07 GMT"], 0.0),  # past
        (["1", "nonsense", "30", "Sun, 06 Nov 1994 08:50:37 GMT"], 60.0),
    ],
)
def test_valid_values(values: list[str], seconds: float | None) -> None:
    """Seconds, or a date against the response's own; of several the longest."""
    assert retry_after(values, NOW) == seconds


@pytest.mark.fault("F30")
def test_anything_else_counts_as_absent() -> None:
    """What is neither plain digits nor the one date format asks for nothing."""
    for value in [
        "", " ", "-1", "+1", "1.5", "1_000", "１２", "nan", "inf", "1e9", "0x10", "10000000", "1,2", " 5", "5\n", "5 s",
        "2026-01-01T00:00:00Z", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT\n", "Sun, ０６ Nov 1994 08:49:37 GMT",
    ]:  # fmt: skip
        assert retry_after([value], NOW) is None, value


@pytest.mark.parametrize("date", [None, "yesterday", "Sun, 99 Nov 1994 08:49:37 GMT"])
def test_a_date_without_a_date_of_the_response(date: str | None) -> None:
    """Our own clock stands in where the response's date is missing or broken."""
    wait = retry_after([format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)], date)
    assert wait is not None
    assert 60 < wait <= 100


HEADERS = (
    st.text(max_size=20)
    | st.integers(min_value=-10, max_value=10**9).map(str)
    | st.builds(
        "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT".format,
        st.sampled_from(["Mon", "Xxx"]),
        st.integers(0, 32),
        st.sampled_from(["Jan", "Feb", "Foo"]),
        st.integers(0, 9999),
        *(st.integers(0, 61) for _ in range(3)),
    )
)


@given(values=st.lists(HEADERS, max_size=4), date=st.none() | HEADERS)
@settings(max_examples=150, deadline=None)
def test_any_header(values: list[str], date: str | None) -> None:
    """None, or a finite wait that is not negative and not shorter than any plain number asks; never an exception."""
    wait = retry_after(values, date)
    plain = [int(value) for value in values if value.isascii() and value.isdigit() and len(value) <= 7]
    assert wait is None or (wait >= max(plain, default=0) and math.isfinite(wait))
    assert wait is not None or not plain


def test_download_pauses() -> None:
    """Pauses are random, grow with the attempts, and are never longer than ten seconds."""
    pauses = [[download_pause(attempt) for _ in range(200)] for attempt in range(DOWNLOAD_ATTEMPTS + 4)]
    for attempt, drawn in enumerate(pauses):
        assert 0 <= min(drawn) < max(drawn) <= min(10.0, 0.5 * 2**attempt)
    assert max(pauses[0]) < max(pauses[4])


def test_every_answer() -> None:
    """Only a 429 at a bearable pace is sent again, never more than three times: the whole product, not a sample."""
    seen = set()
    for status, code, wait, attempt, elapsed, draw in itertools.product(
        range(100, 600), CODES, WAITS, ATTEMPTS, ELAPSED, DRAWS
    ):
        decision = decide(
            "answered", status=status, code=code, retry_after=wait, attempt=attempt, elapsed=elapsed, draw=draw
        )
        seen.add((decision.outcome, decision.pause is not None))
        if decision.pause is not None:
            assert (decision.outcome, status, attempt < POST_ATTEMPTS) == ("rejected", 429, True)
            assert code in CODES[:2]
            assert max(wait or 0, 0.5) <= decision.pause <= max(1.1 * wait if wait else 0.5, 8.0)
    assert {decide("answered", status=429, code=code, retry_after=1.0) for code in CODES[2:4]} == {Decision("rejected")}
    assert seen == {("rejected", True), ("rejected", False), ("unknown", False), ("billed", False)}


def test_every_fault_of_the_way() -> None:
    """What may have left is unknown and never sent again; what has not left is not sent, and tried again in time."""
    for phase, attempt, elapsed, draw in itertools.product(PHASES, ATTEMPTS, ELAPSED, DRAWS):
        decision = decide(phase, attempt=attempt, elapsed=elapsed, draw=draw)
        if phase in {"sent", "answered"}:
            assert decision == Decision("unknown", None)
            continue
        assert decision.outcome == "not_sent"
        attempts = {"unsendable": 1, "handshake": 2, "unreached": 4}[phase]
        assert (decision.pause is not None) == (attempt < attempts and elapsed + draw * 2**attempt / 2 <= 60)


def test_numbers_that_are_none_are_refused() -> None:
    """A pause that is not a number would wait for ever or not at all."""
    names = ("retry_after", "elapsed", "draw")
    for phase, name, number in itertools.product(PHASES, names, (math.nan, math.inf, -1.0)):
        numbers: dict[str, Any] = dict(zip(names, (1.0, 0.0, 0.5), strict=True)) | {name: number}
        with pytest.raises(ValueError, match="finite"):
            decide(phase, status=429, **numbers)


def test_threads_share_the_tokens() -> None:
    """No token is given out twice, however the threads come; a success does not fill the bucket past its rim."""
    tokens = Tokens(500)
    taken: list[bool] = []
    start = threading.Barrier(8)

    def take() -> None:
        start.wait(10)
        taken.extend(tokens.take() for _ in range(100))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert (len(taken), sum(taken)) == (800, 500)
    ten = Tokens()
    ten.put_back()
    assert [ten.take() for _ in range(11)] == [True] * 10 + [False]
