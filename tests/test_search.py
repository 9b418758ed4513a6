"""The search of the history: dates, states and providers narrow as words do, and no word hides a prompt that has it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_magic.images.history_rows import _STATES
from seedream_magic.images.index import HistoryEntry
from seedream_magic.images.search import search

NOW = datetime(2026, 11, 29, 4, 0, tzinfo=UTC)
"""Sunday noon in Beijing."""


@pytest.fixture(autouse=True)
def in_beijing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The clock on the wall is eight hours before that of the records."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "CST-8")
        time.tzset()
        yield
    time.tzset()


def drawn(prompt: str, began: datetime | None = NOW, *, state: str = "done", provider: str = "anyfast") -> HistoryEntry:
    run_id = f"{began or NOW:%Y%m%dT%H%M%SZ}-abcdefghij"
    model, notebook = "doubao-seedream-4-5", "Draft 2.ipynb"
    folder = Path("store", run_id)
    return HistoryEntry(
        run_id, began, prompt, model, provider, state, "billed", 1, 1, 1, "2K", 1.0, notebook, "", "", folder
    )


def found(entries: list[HistoryEntry], words: str) -> list[str]:
    return [entry.prompt for entry in search(entries, words, now=NOW)]


LAST_YEAR = ("2025-12-11", "2025-11-28")
THIS_WEEK = ("2026-11-29", "2026-11-28", "2026-11-27")
DAYS = (*THIS_WEEK, "2026-11-21", "2026-10-31", *LAST_YEAR)
DATES = {
    ("2026-11-28",): (
        *("2026-11-28", "2026/11/28", "2026.11.28", "28.11.2026", "nov. 28th, 2026", "28th of November 2026"),
        *(
            "2026年11月28日",
            "2026年11月28号的",
            "yesterday",
            "昨天",
            "昨日",
            "Saturday",
            "周六",
            "星期六",
            "28 nov 2026 fox",
            "2026-11-28 00:30",
            "yesterday, 00:30?",
        ),
    ),
    ("2026-11-28", "2025-11-28"): ("11-28", "11/28", "28/11", "28 Nov", "Nov 28", "11 月 28 号", "１１月２８", "28日"),
    ("2026-11-29", "2026-11-28"): ("20261128",),  # the first by the beginning of its id
    ("2026-11-29",): ("today.", "今天", "今天。", "sunday", "周日", "礼拜天"),
    ("2026-11-27",): ("前天", "27日", "27号"),
    (*THIS_WEEK, "2026-11-21"): ("2026-11", "november 2026", "this month", "本月", "这个月", "2026年11月"),
    (*THIS_WEEK, "2026-11-21", "2025-11-28"): ("Nov", "november", "11月", "11月份"),
    THIS_WEEK: ("this week", "本周", "这周"),
    ("2026-11-21",): ("last week", "上周", "上周六", "上个星期六"),
    ("2026-10-31",): ("last month", "上个月", "10/31"),
    LAST_YEAR: ("2025", "2025年", "last year", "去年"),
    ("2025-12-11",): ("11/12", "dec", "12月11日", "12月 2025", "anyfast 12-11"),
    (): (
        "2026-13",
        "11-31-28",
        "45日",
        "2024",
        "11-12",
        "last monday",
        "13月",
        "fox yesterday 2025",
        "2026-11-28 16:30",
    ),
}


@pytest.mark.parametrize(("words", "days"), [(words, days) for days, typed in DATES.items() for words in typed])
def test_a_date_or_a_part_of_it(words: str, days: tuple[str, ...]) -> None:
    """As people write it, in English and Chinese, by their own clock: each run here has an id of the day before."""
    entries = {day: drawn("a fox", datetime.fromisoformat(f"{day}T00:30+08:00").astimezone(UTC)) for day in DAYS}
    assert search([*entries.values(), drawn("a fox", None)], words, now=NOW) == [entries[day] for day in days]


def test_a_state_or_a_provider() -> None:
    """In both languages, also as the table names it, and beside other words; Chinese needs no blank between them."""
    states = ("done", "partial", "failed", "stopped", "damaged", "interrupted", "sending", "answering")
    entries = [drawn(f"夜里的{state[0]}", NOW - timedelta(days=1), state=state, provider="ark") for state in states]
    entries += [drawn("夜里的猫", state="failed", provider="demo")]
    by_state = {entry.state: entry for entry in entries[:-1]}
    labels = [(state, text.chinese) for state, text in _STATES.items()]
    for state, label in (*labels, ("done", "完成"), ("stopped", "停止"), ("stopped", "STOPPED")):
        for words in (f"{state} ark", f"ark {label}", f"昨天{label}", f"夜里昨天的 {state}"):
            assert search(entries, words, now=NOW) == [by_state[state]], words
    assert len(found(entries, "running")) == len(found(entries, "进行中")) == 2
    assert found(entries, "火山失败") == ["夜里的f"]
    assert found(entries, "失败 demo") == found(entries, "今天的猫") == ["夜里的猫"]
    assert found([drawn("dark octopus, market")], "ark") == found([drawn("dark octopus")], "oct") == []
    both = [drawn("a kite", provider="ark-plan"), drawn("a boat", provider="ark")]
    assert found(both, "ark-plan") == ["a kite"]


def test_a_word_of_a_prompt_is_found_whatever_else_it_means() -> None:
    """Of what is a date or a state the prompts that have it as a word come first; quoted it is nothing but text."""
    entries = [
        drawn("a cat", state="failed"),
        drawn("calendar 2025\nwith cats", NOW - timedelta(days=1)),
        drawn("a failed  star", NOW - timedelta(days=2)),
        drawn("昨天的猫", NOW - timedelta(days=3)),
        drawn("a kite", datetime(2025, 3, 1, tzinfo=UTC)),
    ]
    assert found(entries, "failed") == ["a failed  star", "a cat"]
    assert found(entries, "A Failed Star") == ["a failed  star"]
    assert found(entries, "2025") == ["calendar 2025\nwith cats", "a kite"]
    assert found(entries, "昨天") == ["昨天的猫", "calendar 2025\nwith cats"]
    assert found(entries, '"failed"') == found(entries, "“failed star”") == ["a failed  star"]
    assert found(entries, '"star failed"') == []
    assert found(entries, '"2025 with') == ["calendar 2025\nwith cats"]


def test_the_phrase_comes_before_the_words() -> None:
    """Each newest first; case, width and blanks do not matter, a part of a word is enough."""
    prompts = ("snow on a fox", "the red fox in snow", "red snow, a fox", "RED  ＦＯＸ", "a red foxglove", "a hen")
    entries = [drawn(prompt) for prompt in prompts]
    assert found(entries, "red fox") == [prompts[1], prompts[3], prompts[4], prompts[2]]
    assert found(entries, "red fox today") == found(entries, "red fox")
    assert found(entries, "fox, snow") == [prompts[0], prompts[1], prompts[2]]
    for words in ("  ", "DRAFT\u3000２.ipynb", "seedream-4-5 anyfast", "20261129t04", "ipynb"):
        assert found(entries, words) == list(prompts), words
    for words in ("fox dusk", "2048x2048", "5-5", "seedream-4"):
        assert found(entries, words) == (list(prompts) if words == "seedream-4" else []), words


WORDS = (
    "failed",
    "2026",
    "nov",
    "28",
    "may",
    "4-5",
    "today",
    "demo",
    "last",
    "week",
    "昨天",
    "的",
    "周一",
    "11月",
    "日",
)


@given(
    words=st.lists(st.sampled_from(WORDS) | st.text("ab猫4-/.,\"'月 ", min_size=1), min_size=1, max_size=6),
    data=st.data(),
)
def test_no_reading_of_a_word_hides_a_prompt(words: list[str], data: st.DataObject) -> None:
    """Any words of a prompt, typed in their order, find it."""
    typed = data.draw(st.lists(st.booleans(), min_size=len(words), max_size=len(words)))
    entry = drawn(" ".join(words), None)
    asked = " ".join(word for word, wanted in zip(words, typed, strict=True) if wanted)
    if '"' not in asked:
        assert search([entry], asked, now=NOW) == [entry]
    search([entry], "".join(words), now=NOW)
