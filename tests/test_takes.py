"""Takes: each drawing of a frame is kept, the picked one is what a set shows and hands on, and none is paid twice."""

from __future__ import annotations

import base64
import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from asking import run
from raw_server import RawServer
from seedream_magic import ImageSet, InvalidRequest, Seedream, Storyboard
from seedream_magic.images.marks import MARKS_FILE, picks_of
from seedream_magic.library import AFTER, LATER
from served import KEY
from service import bodies
from test_index import new_process

BOARD = Storyboard("ink", ("wakes", "runs", "sleeps"))


@pytest.fixture
def story(seedream: Seedream) -> ImageSet:
    """Three frames of a storyboard."""
    return seedream.generate(BOARD, stream=False)


def numbers(images: ImageSet) -> list[tuple[int, int]]:
    return [(frame.take, frame.takes) for frame in images]


def picture(images: ImageSet, place: int) -> Path | None:
    return images[place].path


def test_all_takes_of_a_frame_gather(story: ImageSet, seedream: Seedream) -> None:
    """Drawn by a redo of the set, of its redo, of a longer one, alone or with others; each set says which it shows."""
    second = story.redo(1)
    third = second.redo(1, fresh=True)
    fourth = third.redo(1, prompt="jumps")
    fifth = fourth.extend(1).redo(0, 1)
    made = [picture(images, 1) for images in (story, second, third, fourth, fifth)]
    for images in (story, second, fifth, seedream.show(story.run_id)):
        assert [frame.path for frame in images.takes(1)] == made
    assert [(frame.take, frame.takes, frame.index) for frame in story.takes(1)] == [(k, 5, 1) for k in range(1, 6)]
    assert [frame.prompt for frame in story.takes(1)][2:4] == ["runs", "jumps"]
    assert numbers(fourth) == [(1, 1), (4, 4), (1, 1)]
    assert numbers(seedream.show(third.run_id)) == [(1, 2), (3, 5), (1, 1)]
    assert numbers(fifth) == [(2, 2), (5, 5), (1, 1), (1, 1)]
    assert [len(fifth.takes(place)) for place in range(4)] == [2, 5, 1, 1]
    assert len(fifth.redo(3).takes(3)) == 2  # of a frame that was added
    wrongs: tuple[Any, ...] = (4, -1, True, "1")
    for wrong in wrongs:
        with pytest.raises(InvalidRequest, match=r"The set has images\[0\] to"):
            fifth.takes(wrong)


def test_the_pick_is_what_a_set_shows_exports_and_hands_on(
    story: ImageSet, seedream: Seedream, server: RawServer, tmp_path: Path
) -> None:
    """In every set of the family drawn before it, after a replay, in a new process, and in a copy of the folder."""
    redone = story.redo(1, prompt="jumps")
    first, second = picture(story, 1), picture(redone, 1)
    picked = redone.pick(1, take=1)
    assert (picture(picked, 1), picked[1].prompt, picked.run_id) == (first, "runs", redone.run_id)
    assert numbers(picked)[1] == (1, 2)
    assert picture(story.pick(1, take=2), 1) == second
    new_process()
    for images in (seedream.show(story.run_id), seedream.show(redone.run_id), seedream.generate(BOARD, stream=False)):
        assert (picture(images, 1), images[1].prompt) == (second, "jumps")
    shown = seedream.show(story.run_id)
    assert shown.request.storyboard == Storyboard("ink", ("wakes", "jumps", "sleeps"))
    assert [one.data for one in seedream.plan("x", refs=shown).request.references][1] == Path(str(second)).read_bytes()
    posts = server.posts
    assert posts == 2
    shown.extend(1)
    assert len(bodies(server.requests)[-1]["image"]) == 3
    assert second is not None
    assert bodies(server.requests)[-1]["image"][1] == _data_uri(second)
    shown.redo(1, fresh=True, refs=None)
    assert bodies(server.requests)[-1]["prompt"] == "ink\n\n1. jumps"
    shutil.copytree(seedream.store, tmp_path / "copy")
    copied = Seedream("anyfast", api_key="k", store=tmp_path / "copy").show(story.run_id)
    assert copied[1].path == tmp_path / "copy" / redone.run_id / "01.jpg"
    shown.export(tmp_path / "shown.zip")
    assert picture(story.pick(1, take=1), 1) == first  # undo is picking another


def _data_uri(path: Path) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(path.read_bytes()).decode()}"


def test_what_is_drawn_after_a_pick_shows_itself(story: ImageSet, seedream: Seedream) -> None:
    """A pick is about the takes that there were: a newer one is seen, till it is undone by picking another."""
    redone = story.redo(1)
    story.pick(1, take=1)
    newer = seedream.show(redone.run_id).redo(1, fresh=True)
    assert newer[1].home == (newer.folder, 0)
    assert picture(seedream.show(newer.run_id), 1) == picture(newer, 1)
    assert picture(seedream.show(redone.run_id), 1) == picture(story, 1)
    assert picture(newer.pick(1, take=2), 1) == picture(redone, 1)
    assert picture(seedream.show(newer.run_id), 1) == picture(redone, 1)
    other = seedream.show(newer.run_id).redo(0)  # of another frame: the pick stays
    assert picture(other, 1) == picture(redone, 1)


def test_a_notebook_that_is_run_again_sends_nothing(story: ImageSet, seedream: Seedream, server: RawServer) -> None:
    """Picks are kept, and change no words by which frames were drawn: the same cells give the same pictures."""

    def cells(*, pick: bool) -> list[Path | None]:
        book = seedream.generate(BOARD, stream=False)
        book = book.redo(1, prompt="jumps")
        book = book.redo(1)
        book = book.redo(1, take=4)
        book = book.redo(2, take=2)
        if pick:
            book = book.pick(1, take=1)
        book = book.redo(0)
        return [frame.path for frame in book]

    first = cells(pick=True)
    posts = server.posts
    assert posts == 6
    new_process()
    assert cells(pick=True) == first
    assert cells(pick=False) == first
    assert server.posts == posts


def test_takes_that_there_are_not_are_refused(story: ImageSet, server: RawServer) -> None:
    """Nothing is written for them."""
    story.redo(1)
    refused: tuple[tuple[int, Any, str], ...] = (
        (1, 3, "2 takes"),
        (1, 0, "2 takes"),
        (1, True, "2 takes"),
        (7, 1, r"The set has images\[0\] to"),
    )
    for place, take, words in refused:
        with pytest.raises(InvalidRequest, match=words):
            story.pick(place, take=take)
    assert not (story.folder / MARKS_FILE).exists()
    assert server.posts == 2


def test_a_set_that_was_put_together_picks_where_its_frames_are_from(story: ImageSet, seedream: Seedream) -> None:
    """The pick counts for the set itself, too."""
    redone = story.redo(1)
    short = redone.without(0)
    picked = short.pick(0, take=1)
    assert [frame.path for frame in picked] == [picture(story, 1), picture(story, 2)]
    assert [frame.take for frame in short.takes(0)] == [1, 2]
    assert picture(seedream.show(redone.run_id), 1) == picture(story, 1)


@pytest.mark.parametrize("pick", [{"run_id": "../../etc"}, {"run_id": "other"}, {"index": 5}, {"index": -1}, {}])
def test_a_strangers_pick_shows_no_other_picture(
    story: ImageSet, seedream: Seedream, pick: dict[str, Any], server: RawServer
) -> None:
    """Only takes of this very frame can be picked, whatever stands in the file."""
    other = seedream.generate("another set")
    redone = story.redo(1)
    facts = {"run_id": redone.run_id, "index": 0, "newest": "99999999T999999Z-zzzzzzzzzz"} | pick
    facts["run_id"] = other.run_id if facts["run_id"] == "other" else facts["run_id"]
    (story.folder / MARKS_FILE).write_text(json.dumps({"picks": {"1": facts, "0": facts, "77": facts}}))
    shown = seedream.show(story.run_id)
    assert picture(shown, 1) == picture(story if pick else redone, 1)
    assert picture(shown, 0) == picture(story, 0)


def test_a_take_that_is_gone_is_shown_no_more(story: ImageSet, seedream: Seedream) -> None:
    """The set shows its own picture again; a copy of one run takes along what was picked."""
    redone = story.redo(1)
    story.pick(1, take=2)
    away = Seedream("anyfast", api_key="k", base_url=seedream.given_base_url, store=seedream.store.parent / "away")
    copied = away.generate(BOARD, stream=False, copy=True)
    assert copied[1].path == away.store / redone.run_id / "01.jpg"
    seedream.purge(redone.run_id)
    assert picture(seedream.show(story.run_id), 1) == picture(story, 1)
    assert list(picks_of(story.folder)) == [1]


def test_a_set_of_another_notebook_is_picked_from_in_the_own_store(
    story: ImageSet, seedream: Seedream, server: RawServer, tmp_path: Path
) -> None:
    """A redo has copied it here: the cell that is run again shows this copy, and the pick is seen there."""
    other = Seedream("anyfast", api_key=KEY, base_url=seedream.given_base_url, store=tmp_path / "other")
    replayed = other.generate(BOARD, stream=False)
    assert replayed.folder == story.folder
    redone = other.redo(replayed, [1], prompt=None, refs=None, fresh=False, take=None)
    assert len(replayed.takes(1)) == 2
    replayed.pick(1, take=2)
    assert picture(other.generate(BOARD, stream=False), 1) == picture(redone, 1)
    assert server.posts == 2


def test_takes_are_looked_up_in_an_index(story: ImageSet) -> None:
    """However many runs the library has, none is looked at that does not go on from this one."""
    with closing(sqlite3.connect(os.environ["SEEDREAM_LIBRARY"])) as connection:
        for condition in (AFTER, LATER):
            query = f"EXPLAIN QUERY PLAN SELECT path, run_id FROM runs JOIN stores ON id = store WHERE {condition}"
            steps = [row[3] for row in connection.execute(query, (story.run_id,))]
            assert [step for step in steps if step.startswith("SCAN runs")] == []


def test_takes_are_found_without_a_library(
    story: ImageSet, seedream: Seedream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folders say all."""
    redone = story.redo(1)
    monkeypatch.setenv("SEEDREAM_LIBRARY", "")
    assert numbers(seedream.show(story.run_id))[1] == (1, 2)
    assert [frame.path for frame in seedream.show(story.run_id).takes(1)] == [picture(story, 1), picture(redone, 1)]
    assert picture(redone.pick(1, take=1), 1) == picture(story, 1)


def test_a_set_says_which_take_it_shows(story: ImageSet, shell: InteractiveShell) -> None:
    """In words, for programs, and with the cell that picks another; a published page has none of it."""
    redone = story.redo(1)
    html, text = (redone._repr_mimebundle_()[kind] for kind in ("text/html", "text/plain"))
    figures = html.partition("<style>")[0]
    assert figures.count("take 2 of 2") == figures.count('data-take="2" data-takes="2"') == 1
    assert f".show(&quot;{redone.run_id}&quot;).pick(1, take=1)" in figures
    assert "take 2 of 2" in text
    cell = f'from seedream_magic import Seedream\nx = Seedream("anyfast").show("{redone.run_id}").pick(1, take=1)'
    assert run(shell, cell)[0] is None
    assert picture(shell.user_ns["x"], 1) == picture(story, 1)
    assert "take 2" not in redone.export("page.html").read_text()
