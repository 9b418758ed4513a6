"""The gallery: all pictures of the library as one small output, found by words, a star and a date."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import sqlite3
import time
import zlib
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from asking import run, run_cell
from raw_server import RawServer
from seedream_magic import Seedream
from seedream_magic.database import kept_thumbnails
from seedream_magic.images import cards
from seedream_magic.images.gallery import gallery_of
from seedream_magic.images.search import since
from seedream_magic.library import history
from seedream_magic.view.gallery import MAXIMUM_PREVIEWS, Run, Tile, gallery_bundle
from seedream_magic.words.carousel import CHINESE, ENGLISH
from test_index import FACTS, made_run

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def facts_in(html: str) -> dict[str, Any]:
    """What the script reads of all pictures."""
    (packed,) = re.findall('data-facts="([^"]*)"', html)
    facts: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(packed), -15))
    return facts


def shown(shell: InteractiveShell, line: str) -> dict[str, str]:
    """The names of the pictures that the command shows, with the captions of their runs; those that are listed."""
    error, _, outputs = run_cell(shell, line)
    assert error is None
    html = outputs[-1]["data"]["text/html"]
    if "data-facts" not in html:
        return {}
    return {f"run:{row[0]}[{tile[0]}]": row[1] for row in facts_in(html)["runs"] for tile in row[9]}


def test_all_pictures_are_there_and_found(seedream: Seedream, shell: InteractiveShell, server: RawServer) -> None:
    """Newest first, of every store; by words, by a star, by a date. Nothing is sent."""
    foxes, hens = seedream.generate("foxes", images=3, stream=False), seedream.generate("a hen <i>")
    foxes[1].star()
    posts = server.posts
    all_of_them = shown(shell, "%seedream gallery")
    assert list(all_of_them) == [f"run:{hens.run_id}[0]", *(f"run:{foxes.run_id}[{place}]" for place in range(3))]
    assert set(shown(shell, "%seedream gallery FOXES").values()) == {"foxes"}
    assert list(shown(shell, "%seedream gallery --starred")) == [f"run:{foxes.run_id}[1]"]
    assert shown(shell, "%seedream gallery --since today") == all_of_them
    assert shown(shell, '%seedream gallery --since "1 jan" hen') in ({f"run:{hens.run_id}[0]": "a hen <i>"}, {})
    assert shown(shell, "%seedream gallery nothing like it") == {}
    assert shown(shell, "%seedream gallery --since 2090-01") == {}
    assert server.posts == posts
    for line, words in (
        ("--since whenever", "is not a date"),
        ("--since", "takes a date"),
        ("--stared", "no option '--stared'"),
    ):
        assert words in str(run(shell, f"%seedream gallery {line}")[0])


def test_without_scripts_it_is_a_wall_of_labelled_pictures(seedream: Seedream) -> None:
    """Every preview has its words and its name; no path of the machine, no markup of a prompt."""
    images = seedream.generate("a hen <i>bold</i>", images=2, stream=False)
    bundle = gallery_of(seedream.history())
    html = bundle["text/html"].partition("<style>")[0]
    assert html.count("<img") == 2
    assert 'alt="a hen &lt;i&gt;bold&lt;/i&gt;"' in html
    assert f"run:{images.run_id}[1]" in html
    assert str(seedream.store) not in html
    assert "2 pictures of 1 run" in bundle["text/plain"]
    assert "saved in this notebook" not in html  # all are


def runs_with(captions: Iterable[str]) -> list[Run]:
    return [
        Run(
            run_id,
            "demo",
            caption,
            "m",
            f"book {number % 90}.ipynb",
            "",
            "",
            1.0,
            f"runs/{run_id}",
            (Tile(0, "01.jpg", place=0),),
        )
        for number, caption in enumerate(captions)
        for run_id in [f"20260504T{number:06d}Z-{number * 7919 % 99991:010d}"]
    ]


def test_ten_thousand_pictures_are_shown_below_a_megabyte() -> None:
    """All are listed, and what is not saved says so; of captions that cannot be packed as many as have room."""
    words = "a fox at the edge of wood {}, seen from hill {} under a {} moon"
    bundle = gallery_bundle(runs_with(words.format(n, n * 7 % 99, n * 11 % 97) for n in range(10_000)), {}, ENGLISH)
    assert len(json.dumps(bundle)) < 500_000  # which leaves room for the previews
    assert len(facts_in(bundle["text/html"])["runs"]) == 10_000
    assert "Previews of the newest 0 are saved" in bundle["text/html"]
    assert "10,000 pictures of 10,000 runs" in bundle["text/plain"]
    noise = runs_with(hashlib.sha512(f"{n}".encode()).hexdigest() for n in range(10_000))
    bundle = gallery_bundle(noise, {}, CHINESE)
    listed = len(facts_in(bundle["text/html"])["runs"])
    assert len(json.dumps(bundle)) < 500_000
    assert f"另有更早的 {10_000 - listed:,} 张未列出" in bundle["text/html"]
    assert "10,000" in bundle["text/plain"]


def test_previews_are_made_once_and_go_with_their_run(seedream: Seedream) -> None:
    """They lie in the library; a purge leaves none."""
    images = seedream.generate("kept", images=2, stream=False)
    gallery_of(seedream.history())
    keys = [f"{images.run_id}/{name}" for name in ("01.jpg", "02.jpg")]
    kept = kept_thumbnails(keys)
    assert list(kept) == keys
    gallery_of(seedream.history())
    assert kept_thumbnails(keys) == kept
    seedream.purge(images.run_id)
    with closing(sqlite3.connect(os.environ["SEEDREAM_LIBRARY"])) as connection:
        assert connection.execute("SELECT count(*) FROM thumbnails").fetchone() == (0,)


def test_a_damaged_picture_and_a_run_that_went_are_no_trouble(store: Path) -> None:
    """The one has no preview, the other no tile; more than there is room for are told."""
    (made_run(store) / "01.jpg").write_bytes(b"no picture")
    entries = history(store)
    for path in made_run(store, 1).iterdir():
        path.unlink()
    html = gallery_of([*entries, *history(store)])["text/html"]
    assert [tile for row in facts_in(html)["runs"] for tile in row[9]][:2] == [[0, "01.jpg", 0], [1, "02.jpg", 0]]
    assert html.partition("<style>")[0].count("<img") <= MAXIMUM_PREVIEWS
    assert "这里只保存最新" in html


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("2026-11", date(2026, 11, 1)),
        ("2026", date(2026, 1, 1)),
        ("2026-11-28", date(2026, 11, 28)),
        ("yesterday", date(2026, 11, 28)),
        ("last week", date(2026, 11, 16)),
        ("12月", date(2025, 12, 1)),
        ("昨天", date(2026, 11, 28)),
        ("fox", None),
        ("2026 fox", None),
        ("failed", None),
        ("2031", date(2031, 1, 1)),
        ("2030-01", date(2030, 1, 1)),
        ("2030-01-05", date(2030, 1, 5)),
        ("2000", date(2000, 1, 1)),
        ("2010-05", date(2010, 5, 1)),
        ("2026-13", None),
    ],
)
def test_a_date_has_a_first_day(words: str, first: date | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the history reads dates; what is none has none."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        assert since(words, now=NOW) == first
    time.tzset()


def test_each_picture_is_named_by_the_set_that_shows_it(seedream: Seedream, shell: InteractiveShell) -> None:
    """A redone frame by its place there; one that was not picked by no set at all, for each would show another."""
    story = seedream.generate("story", images=3, stream=False)
    redone = story.redo(2)
    longer = redone.extend(1)
    assert list(shown(shell, "%seedream gallery")) == [
        f"run:{longer.run_id}[3]",
        f"run:{redone.run_id}[2]",
        *(f"run:{story.run_id}[{place}]" for place in range(3)),
    ]
    story.pick(2, take=1)
    (row,) = [row for row in facts_in(gallery_of(seedream.history())["text/html"])["runs"] if row[0] == redone.run_id]
    assert row[9] == [[None, "01.jpg", 0]]
    assert f"run:{story.run_id}[2]" in shown(shell, "%seedream gallery")


def test_pictures_beside_other_notebooks_are_linked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the link says nothing of the person: within the home folder, or far from it; hidden ones are not served."""
    monkeypatch.setenv("HOME", "/home/alice")
    monkeypatch.setenv("USERPROFILE", "/home/alice")
    for notebook, picture, link in (
        ("/home/alice/a", "/home/alice/b c/1.jpg", "../b%20c/1.jpg"),
        ("/home/alice/a/d", "/home/alice/a/1.jpg", "../1.jpg"),
        ("/home/alice/a", "/home/alice/.b/1.jpg", None),
        ("/home/bob/a", "/home/alice/b/1.jpg", None),
        ("/srv/books/a", "/home/alice/b/1.jpg", None),
        ("/srv/books/a", "/srv/books/b/1.jpg", "../b/1.jpg"),
    ):
        monkeypatch.setattr(cards, "home", lambda notebook=notebook: Path(notebook))
        assert cards.relative_link(Path(picture), above=True) == link


def test_the_facts_of_a_run_are_those_of_its_record(store: Path) -> None:
    """Model, notebook and moment are what the filters offer."""
    made_run(store, body=FACTS["body"] | {"size": "1600x800"})
    facts = facts_in(gallery_of(history(store))["text/html"])
    assert (facts["model"], facts["notebook"], facts["runs"][0][8]) == (["doubao-seedream-4-5"], ["Draft 2.ipynb"], 2.0)
