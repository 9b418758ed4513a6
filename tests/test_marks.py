"""Marks: what a person has said of a picture stays with it, wherever its folder goes, and nobody's marks are lost."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from asking import run, run_cell
from raw_server import RawServer
from seedream_magic import ConfigError, InvalidRequest, Seedream, database
from seedream_magic.history import find
from seedream_magic.images.marks import MARKS_FILE, MAXIMUM_BYTES, Marks, mark, marks_of
from seedream_magic.library import history
from served import check_store
from test_index import made_run, new_process


def test_marks_of_a_frame_are_seen_wherever_its_picture_is(seedream: Seedream, store: Path, tmp_path: Path) -> None:
    """In the same set, one that is opened anew, a redone one, a pickled one and a copy of the folder."""
    images = seedream.generate("a marked fox", images=3)
    images[1].star()
    images[1].tag("cover", "wide  format", note="the tail")
    images[2].reject()
    whole = images.redo(0)
    whole[0].star()
    shutil.copytree(store, tmp_path / "copy")
    copied = Seedream("anyfast", api_key="k", store=tmp_path / "copy").show(images.run_id)
    for one in (images, seedream.show(images.run_id), pickle.loads(pickle.dumps(images)), copied):
        assert [frame.starred for frame in one] == [False, True, False]
        assert (one[1].tags, one[1].note, one[2].rejected) == (("cover", "wide format"), "the tail", True)
    assert [frame.index for frame in whole.starred] == [0, 1]
    assert marks_of(whole.folder) == {0: Marks(star=True)}  # it belongs to the run where its picture lies
    check_store(store)


def test_a_star_and_a_reject_take_each_other_away(seedream: Seedream) -> None:
    """A picture is not both; `unmark` takes all away, and a frame without a picture has nothing to mark."""
    (frame,) = seedream.generate("both")
    frame.star()
    frame.reject()
    assert (frame.starred, frame.rejected) == (False, True)
    frame.star()
    frame.tag("x")
    assert frame.marks == Marks(star=True, tags=("x",))
    frame.unmark()
    assert frame.marks == Marks()
    for tag, note in (("", None), ("x" * 99, None), ("x", "x" * 9999)):
        with pytest.raises(InvalidRequest):
            frame.tag(tag, note=note)
    shutil.rmtree(frame.home[0] if frame.home else "")
    with pytest.raises(ConfigError, match=MARKS_FILE):
        frame.star()


MARKER = """
import sys
from pathlib import Path
from seedream_magic.images.marks import mark
for number in range(20):
    mark(Path(sys.argv[1]), int(sys.argv[2]) + number, star=True)
"""


def test_two_processes_that_mark_at_once_lose_nothing(store: Path) -> None:
    """Each reads what the other has written before it writes."""
    folder = made_run(store)
    started = [subprocess.Popen([sys.executable, "-c", MARKER, str(folder), first]) for first in ("0", "20", "40")]
    assert [process.wait(60) for process in started] == [0, 0, 0]
    assert sorted(marks_of(folder)) == list(range(60))


HOSTILE: tuple[Any, ...] = (
    b"\xff\x00not json",
    b"[" * 100_000,
    {"frames": [1, 2], "picks": "x"},
    {"frames": {"0": "star", "1": {"star": 1, "tags": "x", "note": [7]}, "-1": {"star": True}, "1e9": {}}},
    {"frames": {str(number): {"star": True} for number in range(100, 9999)}},
)


@pytest.mark.parametrize("written", HOSTILE, ids=["bytes", "deep", "other types", "wrong values", "many"])
def test_what_is_no_mark_is_passed_over(store: Path, written: Any) -> None:
    """A folder from elsewhere shows as one without marks, and can be marked."""
    folder = made_run(store)
    data = written if isinstance(written, bytes) else json.dumps(written).encode()
    (folder / MARKS_FILE).write_bytes(data)
    assert marks_of(folder) == {}
    assert mark(folder, 0, star=True).star
    assert marks_of(folder) == {0: Marks(star=True)}


def test_a_strangers_words_are_cut_and_a_link_is_not_followed(store: Path, tmp_path: Path) -> None:
    """Of endless tags and notes the beginnings count; a huge file, a link and a folder in its place are nothing."""
    folder, secret = made_run(store), tmp_path / "secret.json"
    facts = {"star": True, "tags": ["\x1b[31m" + "x" * 999] * 99 + ["y"], "note": "z" * 99_999, "later": 1}
    (folder / MARKS_FILE).write_text(json.dumps({"frames": {"0": facts}, "later": {"a": 1}}))
    marks = marks_of(folder)[0]
    assert (len(marks.tags), len(marks.note), "\x1b" in marks.tags[0]) == (1, 2000, False)
    mark(folder, 1, star=True)
    kept = json.loads((folder / MARKS_FILE).read_text())
    assert (kept["later"], kept["frames"]["0"]["later"]) == (
        {"a": 1},
        1,
    )  # a later version's, and not this one's to lose
    (folder / MARKS_FILE).write_bytes(json.dumps({"frames": {"0": facts}}).encode() + b" " * MAXIMUM_BYTES)
    assert marks_of(folder) == {}
    (folder / MARKS_FILE).unlink()
    secret.write_text(json.dumps({"frames": {"0": {"star": True}}}))
    (folder / MARKS_FILE).symlink_to(secret)
    assert marks_of(folder) == {}
    mark(folder, 1, star=True)
    assert (json.loads(secret.read_text())["frames"].keys(), sorted(marks_of(folder))) == ({"0"}, [1])
    (folder / MARKS_FILE).unlink()
    (folder / MARKS_FILE).mkdir()
    with pytest.raises(ConfigError, match="cannot be written"):
        mark(folder, 0, star=True)


def test_the_history_knows_the_starred(seedream: Seedream, tmp_path: Path, shell: InteractiveShell) -> None:
    """Of this store and of others, at once; a library that is made anew finds them in the folders, tags by words."""
    kept, other = seedream.generate("kept"), seedream.generate("other")
    elsewhere = Seedream("anyfast", api_key="k", base_url=seedream.given_base_url, store=tmp_path / "elsewhere")
    away = elsewhere.generate("away", fresh=True)
    assert seedream.history(starred=True) == []
    kept[0].star()
    away[0].star()
    away[0].tag("Poster")
    assert {entry.run_id for entry in seedream.history(starred=True)} == {kept.run_id, away.run_id}
    assert [entry.run_id for entry in seedream.history(starred=True, here=True)] == [kept.run_id]
    assert [entry.run_id for entry in seedream.history("poster")] == [away.run_id]
    shown = run_cell(shell, "%seedream history --starred")[2][-1]["data"]["text/html"]
    assert (kept.run_id in shown, other.run_id in shown, "★" in shown, "Poster" in shown) == (True, False, True, True)
    Path(os.environ["SEEDREAM_LIBRARY"]).unlink()
    new_process()
    assert [entry.tags for entry in elsewhere.history(starred=True)] == ["Poster"]
    away[0].unmark()
    assert [entry.run_id for entry in seedream.history(starred=True)] == [kept.run_id]
    kept[0].unmark()
    assert "images[0].star()" in run(shell, "%seedream history --starred")[1]


@pytest.mark.parametrize("version", [1, 2])
def test_a_library_of_a_version_before_gets_its_columns(store: Path, version: int) -> None:
    """What it alone knows, such as what purged runs have billed, stays."""
    folder, file = made_run(store), Path(os.environ["SEEDREAM_LIBRARY"])
    history(store)
    with closing(sqlite3.connect(file)) as connection, connection:
        (line,) = connection.execute("SELECT line FROM runs").fetchone()
        connection.execute("UPDATE runs SET line = ?", (json.dumps(json.loads(line)[:-2]),))  # as it was written then
        columns = ("state", "began", "words", *(["starred"] if version == 1 else []))
        connection.execute("DROP INDEX runs_searched")
        connection.execute("CREATE INDEX runs_by_id ON runs (run_id)")
        connection.execute("DROP INDEX runs_starred")
        for column in columns:
            connection.execute(f"ALTER TABLE runs DROP COLUMN {column}")
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute("INSERT INTO bills VALUES ('purged', '2026-01-01', 7, 0)")
    new_process()
    (entry,) = history(store)
    assert (entry.run_id, entry.folder, entry.starred, entry.tags) == (folder.name, folder, 0, "")
    assert [found.run_id for found in find(store, "橘猫 2026-05 dawn", now=datetime.now(UTC)).first] == [folder.name]
    mark(folder, 0, star=True)
    new_process()
    assert history(store)[0].starred == 1
    assert database.problem() == ""
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT images FROM bills WHERE run_id = 'purged'").fetchone() == (7,)
        assert connection.execute("SELECT starred FROM runs").fetchone() == (1,)


def test_starred_pictures_are_not_purged(seedream: Seedream, shell: InteractiveShell) -> None:
    """Neither from Python nor by the command, unless it is said that they are meant."""
    first, second = seedream.generate("first"), seedream.generate("second")
    for images in (first, second):
        images[0].star()
    with pytest.raises(InvalidRequest, match="1 starred picture") as caught:
        seedream.purge(first.run_id)
    assert f"%seedream purge {first.run_id} --even-starred" in caught.value.hint
    assert "starred" in str(run(shell, f"%seedream purge {second.run_id}")[0])
    seedream.purge(first.run_id, even_starred=True)
    assert "is deleted" in run(shell, f"%seedream purge {second.run_id} --even-starred")[1]
    assert seedream.history(here=True) == []


def test_a_set_shows_its_marks(seedream: Seedream, server: RawServer, shell: InteractiveShell) -> None:
    """A star beside caption and thumbnail, in text too; words of a tag are text, not HTML."""
    images = seedream.generate("shown", images=3)
    images[0].star()
    images[1].reject()
    images[2].tag("<b>bold</b>")
    output = run_cell(shell, f"%seedream show {images.run_id}")[2][-1]["data"]
    html = output["text/html"]
    figures = html.partition("<style>")[0]
    assert figures.count('data-mark="star"') == figures.count('data-mark="reject"') == 1
    assert 'data-label="Frame 1, starred"' in html
    assert "★" in figures
    assert "&lt;b&gt;bold&lt;/b&gt;" in html
    assert "<b>bold" not in html
    assert images[0]._repr_mimebundle_()["text/plain"].endswith("★")
