"""What a page may ask of the kernel: actions on pictures, each answered with a cell of the kernel's own making."""

from __future__ import annotations

import ast
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from asking import run
from raw_server import RawServer
from seedream_magic import ImageSet, Seedream
from seedream_magic.notebook.actions import FORMS, MARKS, answer
from seedream_magic.notebook.desk import current_desk
from served import KEY
from service import bodies

HOSTILE = (
    '"); import os; os.abort() #',
    "'''\nraise SystemExit\n'''",
    "\\",
    "{get_ipython()}",
    "%%bash\nexit",
    "!ls",
    "end?",
    "\u2028x\x00\u202e",
)


def asked(shell: InteractiveShell, action: str, images: ImageSet, frame: int = 0, words: str = "") -> dict[str, Any]:
    """What the notebook answers to an action on a set."""
    return said(shell, {"action": action, "run": images.run_id, "frame": frame, "words": words})


def said(shell: InteractiveShell, data: object) -> dict[str, Any]:
    desk = current_desk()
    assert desk is not None
    return answer(desk, data)


@pytest.fixture
def pair(shell: InteractiveShell) -> ImageSet:
    """Two frames that a cell has drawn."""
    assert run(shell, "%%seedream pair << -n 2 --no-stream\ntwo geese")[0] is None
    images: ImageSet = shell.user_ns["pair"]
    return images


@pytest.mark.parametrize(("action", "words"), [("redo", ""), ("redo", "one swan"), ("vary", "at night")])
def test_a_button_draws_another_and_its_cell_shows_that_again(
    shell: InteractiveShell, server: RawServer, pair: ImageSet, action: str, words: str
) -> None:
    """Two clicks are two pictures; the two cells, run again, show the same and send nothing."""
    cells = []
    for _ in range(2):
        made = asked(shell, action, pair, 1, words)
        assert made["runs"]
        cells.append(made["cell"])
        assert run(shell, made["cell"])[0] is None
    assert server.posts == 3
    assert len({*cells}) == 2
    drawn = [shell.ev(cell.splitlines()[-1]) for cell in cells]
    assert len({images.run_id for images in drawn}) == 2
    assert server.posts == 3
    assert {body["prompt"] for body in bodies(server.requests)[1:]} == {words or "two geese"}


def test_a_failed_frame_is_asked_for_and_a_picture_is_referred_to(
    shell: InteractiveShell, server: RawServer, pair: ImageSet
) -> None:
    """The one is run at once, the other is written on by the person."""
    assert asked(shell, "retry", pair) == {"cell": f"%seedream retry {pair.run_id}", "runs": True}
    assert asked(shell, "reference", pair, 1) == {"cell": f"%%seedream --ref run:{pair.run_id}[1]\n", "runs": False}


def test_a_set_is_exported_under_a_name_of_its_own(
    shell: InteractiveShell, server: RawServer, pair: ImageSet, tmp_path: Path
) -> None:
    """The file is named after the pictures, and takes no other one's place; run again, a cell writes its own anew."""
    with chdir(tmp_path):
        cells = []
        for kind in ("html", "html", "zip"):
            cells.append(asked(shell, "export", pair, words=kind)["cell"])
            assert run(shell, cells[-1])[0] is None
        names = ["two-geese.html", "two-geese-2.html", "two-geese.zip"]
        assert cells == [f"%seedream export {pair.run_id} {name}" for name in names]
        assert run(shell, cells[0])[0] is None
        assert sorted(path.name for path in tmp_path.glob("two-*")) == sorted(names)
    for words in ("", "exe", "html two", "../x.pdf"):
        assert list(asked(shell, "export", pair, words=words)) == ["refused"]
    html = pair._repr_mimebundle_()["text/html"]
    assert f'data-export="%seedream export {pair.run_id} two-geese.pdf"' in html  # at hand where there is no button
    assert server.posts == 1


def test_what_a_click_bills_is_said_before(shell: InteractiveShell, pair: ImageSet) -> None:
    """By the kernel, not by the page; with the price where one is known. Retry is there where something is missing."""
    facts = asked(shell, "offer", pair)
    assert facts["actions"] == [name for name in (*FORMS, *MARKS, "pick") if name != "retry"]
    assert facts["bills"]["redo"] == "may bill 1 image"
    assert facts["words"] == ["two geese"] * 2
    run(shell, "%config SeedreamMagics.prices = {'doubao-seedream-4-5': 0.25}")
    assert asked(shell, "offer", pair)["bills"]["vary"] == "may bill 1 image, 0.25 by the prices you set"


def test_a_mark_is_kept_with_the_picture(shell: InteractiveShell, server: RawServer, pair: ImageSet) -> None:
    """Nothing is run; a reject takes the star away, and whoever shows the set next sees them."""
    said = [asked(shell, action, pair, 1) for action in ("star", "reject", "star")]
    assert said == [{"mark": "star"}, {"mark": "reject"}, {"mark": "star"}]
    marks = [[mark for _, mark in takes] for takes in asked(shell, "offer", pair)["takes"]]
    assert marks == [[""], ["star"]]
    assert asked(shell, "unmark", pair, 1) == {"mark": ""}
    assert server.posts == 1


def test_a_pick_changes_what_sets_show_and_no_cell(shell: InteractiveShell, server: RawServer, pair: ImageSet) -> None:
    """Takes, also in other words, are picked by a button; the cells made before show the same, and send nothing."""
    cells = []
    for action, words in (("redo", ""), ("redo", "a swan"), ("vary", "at dusk")):
        cells.append(asked(shell, action, pair, 1, words)["cell"])
        assert run(shell, cells[-1])[0] is None
    before, posts = [shell.ev(cell.splitlines()[-1]).run_id for cell in cells], server.posts
    assert list(map(len, asked(shell, "offer", pair)["takes"])) == [1, 3]
    picked = said(shell, {"action": "pick", "run": pair.run_id, "frame": 1, "take": 3})["bundle"]["text/html"]
    assert ">a swan<" in picked
    assert [shell.ev(cell.splitlines()[-1]).run_id for cell in cells] == before
    assert (server.posts, posts) == (4, 4)
    again = asked(shell, "redo", pair, 1)["cell"]
    assert again.endswith('.redo(1, prompt="a swan", take=4)')  # what shows is drawn once more
    assert ".takes(1)[2].vary(" in asked(shell, "vary", pair, 1, "at dawn")["cell"]
    assert "refused" in said(shell, {"action": "pick", "run": pair.run_id, "frame": 1, "take": 4})


def test_an_action_is_about_the_picture_that_the_page_shows(shell: InteractiveShell, pair: ImageSet) -> None:
    """A page that is older than a pick marks, and varies, the take that it shows; what names the frame is refused."""
    run(shell, asked(shell, "redo", pair, 1, "a swan")["cell"])
    first, second = [made for made, _ in asked(shell, "offer", pair)["takes"][1]]
    said(shell, {"action": "pick", "run": pair.run_id, "frame": 1, "take": 2})
    data = {"run": pair.run_id, "frame": 1, "made": first}
    assert f'data-made="{first}"' in pair._repr_mimebundle_()["text/html"]
    assert said(shell, {"action": "star", **data}) == {"mark": "star"}
    assert asked(shell, "offer", pair)["takes"][1] == [[first, "star"], [second, ""]]
    assert ".takes(1)[0].vary(" in said(shell, {"action": "vary", "words": "at night", **data})["cell"]
    assert "prompt" not in said(shell, {"action": "redo", **data})["cell"]  # its words are those of the set
    other = {"run": pair.run_id, "frame": 0}
    for refused in ({"action": "reference"}, {"action": "compare", "others": [other]}, {"action": "star", "made": "x"}):
        assert list(said(shell, {**data, **refused})) == ["refused"]
    assert list(said(shell, {"action": "compare", **other, "others": [data]})) == ["refused"]


def test_pinned_pictures_are_compared(shell: InteractiveShell, pair: ImageSet) -> None:
    """Of any runs that are known here."""
    run(shell, "%%seedream other <<\nthree geese")
    other = shell.user_ns["other"].run_id
    data = {"action": "compare", "run": pair.run_id, "frame": 1, "others": [{"run": other, "frame": 0}]}
    made = said(shell, data)
    assert made == {"cell": f"%seedream compare run:{pair.run_id}[1] run:{other}[0]", "runs": True}
    assert run(shell, made["cell"])[0] is None
    for others in ([], [{"run": other, "frame": 1}], [{"run": "20200101T000000Z-elsewhere0", "frame": 0}], [other], 1):
        assert list(said(shell, {**data, "others": others})) == ["refused"]


@pytest.mark.parametrize("words", HOSTILE)
@pytest.mark.parametrize("action", ["redo", "vary"])
def test_words_are_a_literal(shell: InteractiveShell, pair: ImageSet, action: str, words: str) -> None:
    """Whatever they are, the cell is the one form with the words as a string in it."""
    cell = asked(shell, action, pair, 0, words)["cell"]
    assert shell.transform_cell(cell) == f"{cell}\n"  # no line of it is IPython's
    importing, called = ast.parse(cell).body
    literals = [node.value for node in ast.walk(called) if isinstance(node, ast.Constant)]
    assert isinstance(importing, ast.ImportFrom)
    assert {type(node) for node in ast.walk(called)} <= {
        *(ast.Expr, ast.Call, ast.Attribute, ast.Name, ast.Load, ast.Constant, ast.keyword, ast.Subscript, ast.UnaryOp)
    }
    assert words.strip() in literals


@pytest.mark.parametrize(
    "data",
    [
        None,
        "redo",
        [],
        {},
        {"action": "run", "run": "RUN", "code": "1/0"},
        {"action": "redo", "run": "RUN", "frame": 2},
        {"action": "redo", "run": "RUN", "frame": -1},
        {"action": "redo", "run": "RUN", "frame": True},
        {"action": "redo", "run": "RUN", "frame": "0"},
        {"action": "redo", "run": "RUN", "words": ["x"]},
        {"action": "redo", "run": "RUN", "words": "x" * 20_001},
        {"action": "vary", "run": "RUN", "words": " "},
        {"action": ["redo"], "run": "RUN"},
        {"action": "redo", "run": "20200101T000000Z-elsewhere0"},
        {"action": "redo", "run": "2026"},
        {"action": "redo", "run": ""},
        {"action": "redo", "run": "../store"},
        {"action": "redo", "run": None},
    ],
)
def test_anything_else_is_refused(shell: InteractiveShell, server: RawServer, pair: ImageSet, data: object) -> None:
    """No action, no frame of the set, no words, no run of this user: no cell, and nothing is sent."""
    if isinstance(data, dict) and data.get("run") == "RUN":
        data = {**data, "run": pair.run_id}
    assert list(said(shell, data)) == ["refused"]
    assert server.posts == 1


def test_a_record_does_not_choose_who_gets_a_key(shell: InteractiveShell, store: Any, server: RawServer) -> None:
    """The set of another provider, which this session has not drawn, has no buttons here."""
    made = Seedream("ark", api_key=KEY, base_url=f"{server.url}/v1", store=store).generate("a goose, once")
    desk = current_desk()
    assert desk is not None
    desk.session.made.clear()  # as after a restart
    assert "made by ark" in asked(shell, "offer", made)["refused"]
    assert "made by ark" in asked(shell, "redo", made)["refused"]
