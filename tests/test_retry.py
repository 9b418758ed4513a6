"""`Retry-After` as RFC 9110 writes it, and nothing else; pauses between downloads."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedream_magic.api.retry import DOWNLOAD_ATTEMPTS, download_pause, retry_after

NOW = "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        ([], None),
        (["0"], 0.0),
        (["1"], 1.0),
        (["007"], 7.0),
        (["9999999"], 9_999_999.0),
        (["Sun, 06 Nov 1994 08:49:47 GMT"], 10.0),
        (["Mon, 07 Nov 1994 08:49:37 GMT"], 86_400.0),
        (["Sun, 06 Nov 1994 08:49:07 GMT"], 0.0),  # past
        (["1", "30", "5"], 30.0),
        (["1", "nonsense"], 1.0),
        (["5", "Sun, 06 Nov 1994 08:50:37 GMT"], 60.0),
    ],
)
def test_valid_values(values: list[str], seconds: float | None) -> None:
    """Seconds, or a date against the response's own; of several the longest."""
    assert retry_after(values, NOW) == seconds


@pytest.mark.parametrize(
    "value",
    ["", " ", "-1", "+1", "1.5", "1_000", "１２", "٣", "nan", "inf", "1e9", "0x10", "10000000", "1,2", "1;2", " 5",
     "5\n", "5 s", "2026-01-01T00:00:00Z", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 +0000",
     "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 99 Nov 1994 08:49:37 GMT",
     "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:61:61 GMT", "Sun, 31 Feb 1994 08:49:37 GMT",
     "Sun, 06 Nov 1994 08:49:37 GMT\n", "Sun, ０６ Nov 1994 08:49:37 GMT"],
)  # fmt: skip
def test_anything_else_counts_as_absent(value: str) -> None:
    """What is neither plain digits nor the one date format asks for nothing."""
    assert retry_after([value], NOW) is None


@pytest.mark.parametrize("date", [None, "", "yesterday", "Sun, 99 Nov 1994 08:49:37 GMT"])
def test_a_date_without_a_date_of_the_response(date: str | None) -> None:
    """Our own clock stands in where the response's date is missing or broken."""
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    wait = retry_after([soon], date)
    assert wait is not None
    assert 60 < wait <= 100


def test_a_clock_that_is_wrong_does_not_matter() -> None:
    """The wait is the distance between two dates of the service, whatever year it is here."""
    assert retry_after(["Fri, 31 Dec 9999 23:59:59 GMT"], "Fri, 31 Dec 9999 23:59:49 GMT") == 10.0


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
