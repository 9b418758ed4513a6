"""The search of a history: what people remember of a run, found in a list of entries or in rows. It reads no disk.

Each word that was typed narrows. One that is a date, a state or a provider is true of the runs that it names, and of
those in whose text it stands as a word: `failed` and `2026` find the prompts about them too. Text in quotation marks is
nothing but text. What has the typed words as one phrase comes first, else the order stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from seedream_magic.api.providers import PROVIDERS
from seedream_magic.images.index import HistoryEntry, comparable, join_texts, texts_of


class Searchable(NamedTuple):
    """What is looked at of a run; `text` is its `index.text_of`."""

    run_id: str
    began: datetime | None
    state: str
    text: str

    @property
    def provider(self) -> str:
        """The name of the provider."""
        return self.text.split("\n")[4]

    def is_written(self, phrase: str) -> bool:
        """Whether a phrase stands in what a person has written: the prompt, the notebook's name, a tag."""
        prompt, _, notebook, _, _, tags = self.text.split("\n")
        return any(_has_word(text, phrase) for text in (prompt, notebook, tags))


Fact = Callable[[Searchable], bool]
"""Whether something that is no text is true of a run."""
Reading = Callable[[re.Match[str], date], Fact | None]
"""What a match of a pattern says, seen from today; None where it says nothing, such as the 45th of a month."""

_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)
"""Of the years that are read as such."""
_UNDER_WAY = ("sending", "answering")
_STATES: dict[str, tuple[str, ...]] = {
    **{state: (state,) for state in ("done", "partial", "failed", "stopped", "interrupted", "damaged", *_UNDER_WAY)},
    **dict.fromkeys(("running", "under way", "进行中", "正在绘制", "运行中"), _UNDER_WAY),
    **dict.fromkeys(("已中断", "中断"), ("interrupted",)),
    **dict.fromkeys(("部分完成", "部分"), ("partial",)),
    **dict.fromkeys(("已完成", "完成"), ("done",)),
    "失败": ("failed",),
    **dict.fromkeys(("已停止", "停止"), ("stopped",)),
    **dict.fromkeys(("已损坏", "损坏"), ("damaged",)),
    "发送中": ("sending",),
    "生成中": ("answering",),
}
"""The states that a word means."""
_PROVIDERS = {**{name: name for name in PROVIDERS}, "火山方舟": "ark", "火山": "ark", "演示": "demo"}
_DAYS_AGO = {"today": 0, "yesterday": 1, "今天": 0, "今日": 0, "昨天": 1, "昨日": 1, "前天": 2}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True)
class Term:
    """One thing that was typed: its text, and what it says beside that."""

    text: str
    fact: Fact | None = None

    def fits(self, run: Searchable) -> bool:
        """Whether it is true of a run. Text may stand inside a word (Chinese has no blanks), unless it is a fact."""
        if self.fact is None:
            return self.text in run.text
        return self.fact(run) or all(_has_word(run.text, word) for word in self.text.split())


@dataclass(frozen=True)
class Query:
    """What was typed, as a whole and part by part."""

    typed: str
    terms: tuple[Term, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """What is nothing but text: it stands in the text of every run that is found."""
        return tuple(term.text for term in self.terms if term.fact is None)

    @property
    def has_facts(self) -> bool:
        """Whether it says anything that is more than text."""
        return any(term.fact for term in self.terms)

    @property
    def has_ranks(self) -> bool:
        """Whether `rank` tells the runs that are found apart."""
        return len(self.terms) > 1 or self.has_facts

    @property
    def phrases(self) -> tuple[str, str]:
        """Of the runs that are found, those whose text has one of these come first."""
        return self.typed, " ".join(self.texts)

    def fits(self, run: Searchable) -> bool:
        """Whether all of it is true of a run."""
        return all(term.fits(run) for term in self.terms)

    def rank(self, run: Searchable) -> tuple[bool, bool]:
        """By which the runs that are found are sorted; of the same rank they keep their order."""
        # These words are no text of the run, unless they stand in what was written.
        unwritten = self.has_facts and not (self.typed in run.text and run.is_written(self.typed))
        return unwritten, not any(phrase in run.text for phrase in self.phrases)


def query_of(words: str, *, now: datetime) -> Query:
    """What these words ask for, by the clock of who looks; `now` says which day is today."""
    typed = comparable(words)
    return Query(typed, tuple(_terms(typed, now.astimezone().date())))


def search(entries: Sequence[HistoryEntry], words: str, *, now: datetime) -> list[HistoryEntry]:
    """The entries of which each of the words is true; those that have them as one phrase first, else in their order.

    Text is looked for in prompt, model, notebook, run id, provider and tags, whatever its case and width. Dates are
    those of the clock of who looks, `now` says which day is today.
    """
    query = query_of(words, now=now)
    runs = [(Searchable(entry.run_id, entry.began, entry.state, _joined(*texts_of(entry))), entry) for entry in entries]
    found = [(query.rank(run), entry) for run, entry in runs if query.fits(run)]
    return [entry for _, entry in sorted(found, key=lambda each: each[0])]


def since(words: str, *, now: datetime) -> date | None:
    """The first day of the newest such date that has begun: of "2026-11" 1 November; None for what is no date.

    Of a date that is still to come, too.
    """
    today = now.astimezone().date()
    terms = list(_terms(comparable(words), today))
    facts = [term.fact for term in terms if term.fact is not None]
    if not facts or len(facts) < len(terms):
        return None

    def is_meant(day: date) -> bool:
        noon = datetime(day.year, day.month, day.day, 12).astimezone()
        drawn = Searchable("", noon, "", "\n" * 5)
        return all(fact(drawn) for fact in facts)

    newest = next(filter(is_meant, _days(today, _FIRST_DAY)), None)
    if newest is None:
        return next(filter(is_meant, _days(today, _LAST_DAY)), None)
    return next((day + timedelta(days=1) for day in _days(newest, _FIRST_DAY) if not is_meant(day)), _FIRST_DAY)


def _days(first: date, last: date) -> Iterator[date]:
    """The days from one to another, forwards or backwards."""
    step = 1 if last >= first else -1
    return (first + timedelta(days=step * number) for number in range(abs((last - first).days) + 1))


def local_time(moment: datetime | None) -> datetime | None:
    """A time by the clock of who looks; None for none, and for one in a year that this system does not know."""
    try:
        return moment.astimezone() if moment else None
    except (OverflowError, ValueError, OSError):
        return None


_joined = lru_cache(maxsize=2**17)(join_texts)


def _has_word(text: str, word: str) -> bool:
    """Whether the word stands in the text, not as a part of a longer word of Latin letters or of a longer number."""
    if word not in text:
        return False
    before, after = ("(?<![0-9a-z])" if word[0].isascii() else "", "(?![0-9a-z])" if word[-1].isascii() else "")
    return re.search(before + re.escape(word) + after, text) is not None


def _terms(typed: str, today: date) -> Iterator[Term]:
    """What was typed, part by part. Blanks and commas separate; Chinese dates and states need none around them."""
    text, place = "", 0
    while place < len(typed):
        quoted = None if text else _QUOTED.match(typed, place)
        fact, end = (None, place + 1) if quoted else _fact_at(typed, place, today, inside=bool(text))
        if text and (fact or typed[place] in _SEPARATORS):
            yield Term(text)
            text = ""
        if quoted:
            yield Term(quoted[1])
            end = quoted.end()
        elif fact:
            yield fact
        elif typed[place] not in _SEPARATORS:
            text += typed[place]
        place = end
    if text:
        yield Term(text)


def _fact_at(typed: str, place: int, today: date, *, inside: bool) -> tuple[Term | None, int]:
    """The date, state or provider that begins here, and where it ends; `inside` says that a word goes on here."""
    for pattern, reading in _CHINESE_FACTS if inside else _FACTS:
        match = pattern.match(typed, place)
        fact = reading(match, today) if match else None
        if match and fact:
            end = match.end() + typed.startswith(("的", "."), match.end())  # 昨天的猫: yesterday's cat
            return Term(match[0].rstrip(".,"), fact), end
    return None, place + 1


def _drawn(*readings: Callable[[datetime], bool]) -> Fact:
    """That a run began at a time of which one of the readings is true."""

    def fact(run: Searchable) -> bool:
        moment = local_time(run.began)
        return moment is not None and any(reading(moment) for reading in readings)

    return fact


def _day(year: int | None, month: int | None, day: int | None) -> Callable[[datetime], bool] | None:
    """What is true of the days of such a date, of which parts may be missing; None where there are no such days."""
    if month not in {None, *range(1, 13)} or day not in {None, *range(1, 32)}:
        return None
    return lambda moment: (
        (not year or moment.year == year) and (not month or moment.month == month) and (not day or moment.day == day)
    )


def _between(first: date, last: date) -> Fact:
    return _drawn(lambda moment: first <= moment.date() <= last)


def _read_parts(match: re.Match[str], _: date) -> Fact | None:
    """A date that says which of its numbers is what."""
    given = match.groupdict()
    name = given.get("name")
    month = _MONTHS.index(name[:3]) + 1 if name else _number(given.get("month"))
    reading = _day(_number(given.get("year")), month, _number(given.get("day")))
    return _drawn(reading) if reading else None


def _read_digits(match: re.Match[str], today: date) -> Fact | None:
    """A date that is the beginning of a run's id as well, where it is that of UTC."""
    drawn = _read_parts(match, today)
    return drawn and (lambda run: drawn(run) or run.run_id.startswith(match[0]))


def _read_pair(match: re.Match[str], _: date) -> Fact | None:
    """Two numbers either of which may be the month, but for 11-12, which is in the order of 2026-11-12."""
    one, other, year = int(match["one"]), int(match["other"]), _number(match["year"])
    readings = list(filter(None, (_day(year, one, other), _day(year, other, one))))
    return _drawn(*readings[: 1 if match["sign"] == "-" else 2]) if readings else None


def _read_time(match: re.Match[str], _: date) -> Fact:
    return _drawn(lambda moment: f"{moment:%H:%M}" == match[0])


def _read_days_ago(match: re.Match[str], today: date) -> Fact:
    day = today - timedelta(days=_DAYS_AGO[match[0]])
    return _between(day, day)


def _read_weekday(match: re.Match[str], today: date) -> Fact:
    """The last such day, which may be today; with 上 that of last week."""
    name = match["day"]
    weekday = _WEEKDAYS.index(name) if name in _WEEKDAYS else min("一二三四五六日天".index(name), 6)
    day = today - timedelta(days=(today.weekday() - weekday) % 7)
    if match["last"]:
        day = today + timedelta(days=weekday - today.weekday() - 7)
    return _between(day, day)


def _read_span(match: re.Match[str], today: date) -> Fact:
    """The week (from Monday), month or year that goes on, or the one before."""
    before = match["which"][0] in "l上去"
    if match["span"] in {"week", "周", "星期", "礼拜"}:
        first = today - timedelta(days=today.weekday() + 7 * before)
        return _between(first, first + timedelta(days=6))
    first = today.replace(day=1) if match["span"] in {"month", "月"} else today.replace(month=1, day=1)
    day = first - timedelta(days=before)
    month = day.month if match["span"] in {"month", "月"} else None
    return _drawn(lambda moment: moment.year == day.year and month in {None, moment.month})


def _number(text: str | None) -> int | None:
    return int(text) if text else None


def _read_state(match: re.Match[str], _: date) -> Fact:
    states = _STATES[match[0]]
    return lambda run: run.state in states


def _read_provider(match: re.Match[str], _: date) -> Fact:
    provider = _PROVIDERS[match[0]]
    return lambda run: run.provider == provider


def _latin(pattern: str) -> re.Pattern[str]:
    """Of Latin letters and digits: a whole word, or several. 4-5 in doubao-seedream-4-5 is none."""
    return re.compile(rf"(?:{pattern})(?![0-9a-z_/:-]|\.[0-9a-z])", re.ASCII)


def _chinese(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![0-9a-z])(?:{pattern})")


def _latin_words(words: Iterable[str]) -> re.Pattern[str]:
    return _latin("|".join(sorted(filter(str.isascii, words), key=len, reverse=True)))  # "ark-plan" before "ark"


def _chinese_words(words: Iterable[str]) -> re.Pattern[str]:
    return _chinese("|".join(word for word in words if not word.isascii()))


_SEPARATORS = ' ,、;?!。()"“”「」'
_QUOTED = re.compile('["“”「]([^"“”」]+)["“”」]')
_YEAR = r"(?P<year>20\d\d)"
_NAME = (
    r"(?P<name>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|"
    r"aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_NTH = r"(?P<day>\d\d?)(?:st|nd|rd|th)?"
_DAY = r"(?P<day>\d\d?)(?![0-9a-z]) ?[日号]?"
_WEEK = "周|星期|礼拜"
_LATIN_FACTS: tuple[tuple[re.Pattern[str], Reading], ...] = (
    (_latin(rf"{_YEAR}(?P<sign>[-/.])(?P<month>\d\d?)(?:(?P=sign)(?P<day>\d\d?))?"), _read_parts),
    (_latin(rf"{_YEAR}(?P<month>\d\d)(?P<day>\d\d)"), _read_digits),
    (_latin(r"(?P<one>\d\d?)(?P<sign>[-/.])(?P<other>\d\d?)(?P=sign)(?P<year>20\d\d)"), _read_pair),
    (_latin(r"(?P<one>\d\d?)(?P<sign>[-/])(?P<other>\d\d?)(?P<year>)"), _read_pair),
    (_latin(rf"{_NTH} (?:of )?{_NAME}(?:,? {_YEAR})?"), _read_parts),
    (_latin(rf"{_NAME} {_NTH}(?:,? {_YEAR})?"), _read_parts),
    (_latin(rf"{_NAME}(?:,? {_YEAR})?"), _read_parts),
    (_latin(_YEAR), _read_parts),
    (_latin(r"\d\d:\d\d"), _read_time),
    (_latin(rf"(?P<last>last )?(?P<day>{'|'.join(_WEEKDAYS)})"), _read_weekday),
    (_latin(r"(?P<which>this|last) (?P<span>week|month|year)"), _read_span),
    (_latin_words(_DAYS_AGO), _read_days_ago),
    (_latin_words(_STATES), _read_state),
    (_latin_words(_PROVIDERS), _read_provider),
)
_CHINESE_FACTS: tuple[tuple[re.Pattern[str], Reading], ...] = (
    (_chinese(rf"{_YEAR} ?年(?: ?(?P<month>\d\d?) ?月(?: ?{_DAY})?)?"), _read_parts),
    (_chinese(rf"(?P<month>\d\d?) ?月(?:份| ?{_DAY})?"), _read_parts),
    (_chinese(r"(?P<day>\d\d?) ?[日号]"), _read_parts),
    (_chinese(rf"(?P<last>上个?)?(?:{_WEEK})(?P<day>[一二三四五六日天])"), _read_weekday),
    (_chinese(rf"(?P<which>本|这个?|上个?)(?P<span>{_WEEK}|月)"), _read_span),
    (_chinese("(?P<which>今|去)(?P<span>年)"), _read_span),
    (_chinese_words(_DAYS_AGO), _read_days_ago),
    (_chinese_words(_STATES), _read_state),
    (_chinese_words(_PROVIDERS), _read_provider),
)
_FACTS = _CHINESE_FACTS + _LATIN_FACTS
