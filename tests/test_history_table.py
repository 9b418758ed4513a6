"""The history as a table: all text is text, the size has a limit, and a terminal shows it in columns."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from seedream_magic.images import history_rows
from seedream_magic.images.history_rows import history_bundle
from seedream_magic.images.index import HistoryEntry
from seedream_magic.library import history
from test_carousel import HOSTILE, Reader
from test_index import aged, made_run


@pytest.fixture
def entries(store: Path) -> list[HistoryEntry]:
    """Three runs of two pictures."""
    for number in range(3):
        made_run(store, number, body={"prompt": f"prompt {number}", "model": "seedream"})
    return history(store)


def html_of(entries: list[HistoryEntry], words: str | None = None, **others: Any) -> Reader:
    return Reader(history_bundle(entries, words=words, **others)["text/html"])


def plain_of(entries: list[HistoryEntry], words: str | None = None) -> list[str]:
    lines: list[str] = history_bundle(entries, words=words)["text/plain"].splitlines()
    return lines


def with_text(entry: HistoryEntry, text: str) -> HistoryEntry:
    return replace(entry, prompt=text, model=text, state=text or "x", notebook=text, provider=text, size=text)


@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_outside_is_text(entries: list[HistoryEntry], text: str) -> None:
    """Whatever a record holds, the elements and attributes are the template's, and the terminal is not steered."""
    hostile = html_of([with_text(entry, text) for entry in entries])
    assert hostile.structure == html_of([with_text(entry, "calm") for entry in entries]).structure
    assert not {name for name, _ in hostile.elements} & {"script", "style", "link", "iframe", "form", "button", "svg"}
    names = {attribute for _, attributes in hostile.elements for attribute in attributes}
    assert not {name for name in names if name.startswith(("on", "data-"))} | (names & {"id", "name"})
    assert all(image["src"].startswith("data:image/jpeg;base64,") for image in hostile.all("img"))
    lines = plain_of([with_text(entry, text) for entry in entries])
    assert len(lines) == len(plain_of(entries))
    assert all(line.isprintable() for line in lines)


def test_a_row_tells_what_a_person_looks_for(store: Path) -> None:
    """Number, prompt, time, frames, billed, model, notebook and, what opens it again, the id in one piece."""
    folder = made_run(store, 0, pictures=1, expected=4, state="partial", usage=None, frames=[])
    reader = html_of(history(store), "dawn")
    when = datetime(2026, 5, 4, 10, 0, tzinfo=UTC).astimezone()
    assert reader.words == (
        "# Prompt Frames Billed 1 一只橘猫 at DAWN "
        f"partial · {when:%Y-%m-%d %H:%M} · doubao-seedream-4-5 · Draft 2.ipynb %seedream show {folder.name} 1 / 4 "
        "free (demo) %seedream show 1 opens the first row here; the line in each row does so at any time."
    )
    assert "white-space:nowrap" in reader.all("span")[0]["style"]
    assert reader.all("img")[0]["alt"] == "一只橘猫 at DAWN"
    assert reader.all("table")[0]["style"].startswith("table-layout:auto;width:100%")


def test_a_row_in_a_terminal(monkeypatch: pytest.MonkeyPatch, entries: list[HistoryEntry]) -> None:
    """The time is that of the clock of who looks, here in Beijing; nothing is billed for sure only after a clear no."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "CST-8")
        time.tzset()
        for moment, told in ((datetime(2026, 5, 4, 22, 5, tzinfo=UTC), "2026-05-05 06:05"), (None, "")):
            assert plain_of([replace(entries[0], began=moment)])[1].partition("2 / 2")[0].split("  ")[1].strip() == told
        assert "2 / 2" in plain_of([replace(entries[0], began=datetime.max.replace(tzinfo=UTC))])[1]
    time.tzset()
    for outcome, cell in {"billed": "2", "unknown": "may be billed", "rejected": "0", "": "may be"}.items():
        entry = replace(entries[0], provider="ark", outcome=outcome, billed=2 * (outcome == "billed"))
        assert plain_of([entry])[1].split("2 / 2")[1].split("2026")[0].strip().startswith(cell)


@pytest.mark.parametrize(
    ("words", "chinese", "language"),
    [("dawn", 3, "en"), ("猫", 0, "zh"), (None, 2, "zh"), (None, 1, "en")],
)
def test_the_table_speaks_the_language_of_who_asks(
    entries: list[HistoryEntry], words: str | None, chinese: int, language: str
) -> None:
    """Chinese for Chinese words; without any where more than half of the prompts are, states and demo included."""
    given = [replace(entry, prompt="橘猫", state="partial") for entry in entries[:chinese]] + entries[chinese:]
    lines, reader = plain_of(given, words), html_of(given, words)
    assert reader.all("div")[0]["lang"] == language
    assert " ".join(lines[0].split()).startswith({"en": "# When Frames Billed", "zh": "# 时间 帧 计费"}[language])
    assert lines[-1].startswith({"en": "%seedream show 1 opens", "zh": "%seedream show 1 打开"}[language])
    assert ("免费（演示）" in lines[1]) == (language == "zh")
    if chinese and language == "zh":
        assert "（部分完成）橘猫" in lines[1]
        assert "部分完成 · " in reader.words


def test_what_is_not_shown_is_counted(entries: list[HistoryEntry]) -> None:
    """How many more there are, and how to find them, stands below. Of none, one friendly line says what to do."""
    many = [replace(entries[0], run_id=f"run {9999 - number}") for number in range(50)]
    reader = html_of(many, others=1200)
    assert len(reader.all("img")) == len(reader.all("code")) == 50
    assert "1,200 earlier runs are not shown. Narrow down with words, a date, a state: %seedream hist" in reader.words
    assert " 1 earlier run is not shown. " in html_of(many, others=1).words
    assert " 1 further run is not shown. " in html_of(many, "cat", others=1, are_earlier=False).words
    assert "还有 1,200 次更早的运行未显示" in html_of(many, "猫", others=1200).words
    assert "not shown" not in html_of(many).words
    lines = plain_of(many)
    assert (len(lines), lines[1].count("1   20"), lines[50].count("run 9950 ")) == (52, 1, 1)
    for words, line in (
        (None, "No runs yet. Draw with %%seedream"),
        ("zebra <b>", "No run fits all of these words: zebra <b>. %seedream history alone"),
        ("斑马", "没有符合所有这些词的运行：斑马。"),
    ):
        (found,) = plain_of([], words)
        assert found.startswith(line)
        assert html_of([], words).words == found
    (entries[1].folder / "01.jpg").write_bytes(b"no picture")
    entries[2].folder.rename(entries[2].folder.with_name("gone"))
    for path in entries[0].folder.glob("*.jpg"):
        path.unlink()
    assert (len(html_of(entries).all("img")), len(html_of(entries).all("code"))) == (0, 3)


def test_the_output_has_a_limit(tmp_path: Path) -> None:
    """Fifty of the pictures and texts that take most bytes are below 300,000."""
    store = tmp_path / ("'" * 200)
    body = {"prompt": "'" * 9000, "model": "猫" * 900}
    for number in range(50):
        folder = made_run(store, number, pictures=0, notebook="'" * 900, body=body)
        Image.effect_noise((160, 160), 200).convert("RGB").save(folder / "01.jpg", quality=95)
    bundle = history_bundle(history(store), store=store / "another")
    assert len(Reader(bundle["text/html"]).all("img")) == 50
    assert 150_000 < len(json.dumps(bundle, ensure_ascii=False).encode()) < 300_000


def test_rows_of_several_stores_say_which(entries: list[HistoryEntry], tmp_path: Path) -> None:
    """By as many of the last folders as tell them apart, never by a whole path; of one's own store alone, nothing."""
    stores = [tmp_path / place / "book" / "seedream-runs" for place in ("spring", "autumn")]
    told = [
        replace(entry, folder=store / entry.run_id) for entry, store in zip(entries, [stores[0], *stores], strict=True)
    ]

    def bundle(shown: list[HistoryEntry], store: Path) -> tuple[str, list[str]]:
        made = history_bundle(shown, store=store)
        return Reader(made["text/html"]).words, made["text/plain"].splitlines()

    html, lines = bundle(told, stores[0])
    assert html.count("Draft 2.ipynb · …/spring/book/seedream-runs %seedream show ") == html.count("…/spring/") == 2
    assert lines[0].split() == ["#", "When", "Frames", "Billed", "Run", "Notebook", "Store", "Prompt"]
    assert [line.split("…/")[1].split()[0] for line in lines[1:4]] == [
        "spring/book/seedream-runs", "spring/book/seedream-runs", "autumn/book/seedream-runs",
    ]  # fmt: skip
    assert "…/book/seedream-runs" in bundle(told[:2], stores[1])[0]
    assert str(tmp_path) not in html + "".join(lines)
    html, lines = bundle(told[:2], stores[0])
    assert "…/" not in html + "".join(lines)
    assert "Store" not in lines[0]


def test_columns_stand_below_each_other(entries: list[HistoryEntry]) -> None:
    """Chinese characters take two columns, marks none; a long prompt is cut to its column."""
    notebooks = ("草稿.ipynb", "a.ipynb", "cafe\u0301.ipynb")
    told = [replace(entry, notebook=notebook) for entry, notebook in zip(entries, notebooks, strict=True)]
    told = [replace(told[0], prompt="猫" * 60), replace(told[1], prompt="cat " * 60), told[2]]
    head, *rows = plain_of(told)[:4]
    start = head.index("Prompt")
    assert rows[0][start - 2 :].strip() == "猫" * 23 + "…"
    assert [rows[0].index("猫"), rows[1].index("cat"), rows[2].index("prompt 0")] == [start - 2, start, start + 1]
    assert rows[1].endswith("…")
    assert {row.index("20260504T") for row in rows} == {head.index("Run")}


def test_a_thumbnail_is_made_once(entries: list[HistoryEntry], monkeypatch: pytest.MonkeyPatch) -> None:
    """For all processes; anew for a picture that has changed, and where the library is lost."""
    made: list[str] = []

    def preview_of(path: Path, digest: str, *, budget: int) -> Any:
        made.append(path.parent.name)
        return real(path, digest, budget=budget)

    real = history_rows.preview_of  # type: ignore[attr-defined]  # replaced where it is used
    monkeypatch.setattr(history_rows, "preview_of", preview_of)
    first = history_bundle(entries)
    assert history_bundle(entries) == first
    assert len(made) == 3
    Image.new("RGB", (40, 90)).save(entries[1].folder / "01.jpg")
    aged(entries[1].folder, 5)
    changed = history_bundle(entries)
    assert made[3:] == [entries[1].run_id]
    assert changed["text/html"] != first["text/html"]
    Path(os.environ["SEEDREAM_LIBRARY"]).unlink()
    assert history_bundle(entries) == changed
    assert len(made) == 7
