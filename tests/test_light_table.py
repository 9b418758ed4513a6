"""The light table: pictures of any runs side by side, told apart by their facts, also without scripts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image

from asking import run, run_cell
from raw_server import RawServer
from seedream_magic import Frame, ImageSet, InvalidRequest, Seedream, light_table
from seedream_magic.images.image_set import card_of
from seedream_magic.view.light_table import Pane, light_table_bundle
from seedream_magic.words.carousel import ENGLISH


@pytest.fixture
def foxes(seedream: Seedream) -> ImageSet:
    """Two pictures of a fox."""
    return seedream.generate("a red fox in the snow", images=2, stream=False)


@pytest.fixture
def hens(seedream: Seedream) -> ImageSet:
    """One picture of a hen."""
    return seedream.generate("a red hen <b>in</b> the snow")


def figures(html: str) -> str:
    return html.partition("<style>")[0]


def test_pictures_of_several_runs_stand_beside_each_other(foxes: ImageSet, hens: ImageSet, server: RawServer) -> None:
    """Each with the name by which it is meant, its facts, and the words that only it has; nothing is sent."""
    hens[0].star()
    posts = server.posts
    bundle = light_table(foxes[1], hens)._repr_mimebundle_()
    html = figures(bundle["text/html"])
    assert html.count("<figure") == html.count("<img") == 2
    assert f"run:{foxes.run_id}[1]" in html
    assert f"run:{hens.run_id}[0]" in html
    assert "doubao-seedream-4-5" in html
    assert re.findall("<mark[^>]*>([^<]*)</mark>", html)[1::2] == ["fox in", "hen &lt;b&gt;in&lt;/b&gt;"]
    assert html.count("★") == html.count('data-mark="star"') == 1
    assert bundle["text/plain"].count("\n") == 1
    assert bundle["image/jpeg"]
    assert str(foxes.folder) not in html
    assert server.posts == posts


def test_the_star_is_for_the_picture_that_shows(foxes: ImageSet, shell: InteractiveShell) -> None:
    """Also where the frame was drawn anew, and whatever is picked by the time that the cell is run."""
    redone = foxes.redo(1)
    html = light_table(foxes[0], redone[1])._repr_mimebundle_()["text/html"]
    cells = [unescape(cell) for cell in re.findall('data-star="([^"]*)"', html)]
    assert "take 2 of 2" in html
    redone.pick(1, take=1)
    for cell in cells:
        assert run(shell, cell)[0] is None
    assert [frame.starred for frame in foxes] == [True, False]
    assert [frame.starred for frame in redone] == [True, True]


WRONG: tuple[tuple[Callable[[ImageSet], tuple[object, ...]], str], ...] = (
    (lambda foxes: (foxes[0],), "2 to 9"),
    (lambda foxes: (*foxes,) * 5, "2 to 9"),
    (lambda foxes: (foxes[0], "a.png"), "not str"),
    (lambda foxes: (foxes[0], Frame(1, "x")), "no picture"),
)


@pytest.mark.parametrize(("pictures", "words"), WRONG)
def test_what_cannot_lie_on_a_light_table(
    foxes: ImageSet, pictures: Callable[[ImageSet], tuple[Frame, ...]], words: str
) -> None:
    """One picture, ten, what is none, and a frame that has none are told in a line."""
    with pytest.raises(InvalidRequest, match=words):
        light_table(*pictures(foxes))


def test_the_command_takes_frames_of_variables_and_of_runs(
    foxes: ImageSet, hens: ImageSet, shell: InteractiveShell
) -> None:
    """`story[2]`, a set, `run:ID[0]`; what is none is refused by name."""
    shell.user_ns["foxes"] = foxes
    error, _, outputs = run_cell(shell, f"%seedream compare foxes run:{hens.run_id}[0]")
    assert error is None
    html = figures(outputs[-1]["data"]["text/html"])
    called = re.findall('<span class="seedream-called" title="([^"]*)">([^<]*)</span>', html)
    names = [f"run:{foxes.run_id}[0]", f"run:{foxes.run_id}[1]", f"run:{hens.run_id}[0]"]
    assert called == list(zip(names, ["foxes[0]", "foxes[1]", names[2]], strict=True))  # as they were typed
    for line, words in (
        ("", "takes frames"),
        (" foxes[0] nothing", "nothing"),
        (f" foxes[0] run:{hens.run_id}[4]", f"There is no run:{hens.run_id}[4], only run:{hens.run_id}[0] to"),
        (" foxes[0]", "2 to 9"),
    ):
        assert words in str(run(shell, f"%seedream compare{line}")[0])


def test_the_command_takes_a_sweep_or_says_how_its_cells_are_named(shell: InteractiveShell) -> None:
    """All pictures of a small one; of a larger one the line names two cells as they can be typed."""
    cell = "%%seedream kites << --vary --xy watermark=on,off\na {red|blue} kite"
    assert run(shell, cell)[0] is None
    assert run(shell, "%seedream compare kites")[0] is None
    assert run(shell, f"{cell} {{a|b|c, d}}")[0] is None
    error, _ = run(shell, "%seedream compare kites")
    told = "kites is a sweep of 12 runs with 12 pictures; a light table has 2 to 9. Name cells of it: "
    assert str(error).startswith(told)
    line = str(error).removeprefix(told).removesuffix(".")
    assert line == '%seedream compare kites["red,a,on"] kites[11]'
    assert isinstance(error, InvalidRequest)
    assert error.hint == "They are named by vary 1: red, blue; vary 2: a, b, c, d; watermark: on, off."
    assert run(shell, line)[0] is None


def test_nine_pictures_of_noise_stay_below_a_megabyte(tmp_path: Path) -> None:
    """Whatever they hold, and however long their words are."""
    Image.effect_noise((2048, 2048), 100).convert("RGB").save(tmp_path / "noise.jpg", quality=95)
    frame = Frame(0, "x" * 9000, tmp_path / "noise.jpg", 2048, 2048)
    panes = [
        Pane(replace(card_of(frame), index=number, caption=f"{number} " * 3000), f"run:x[{number}]", ("m", "", "", ""))
        for number in range(9)
    ]
    bundle = light_table_bundle(panes, ENGLISH)
    assert len(json.dumps(bundle)) < 1_000_000
    assert bundle["text/plain"].count("\n") == 7
