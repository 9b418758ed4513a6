"""Sets put together of earlier pictures: nothing is sent, each frame knows its run, and all else is as of any set."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from asking import run, run_cell
from raw_server import RawServer
from seedream_magic import ImageSet, InvalidRequest, Seedream, Storyboard
from service import bodies


@pytest.fixture
def story(seedream: Seedream) -> ImageSet:
    """Four frames of a storyboard."""
    return seedream.generate(Storyboard("ink", ("wakes", "runs", "eats", "sleeps")), stream=False)


@pytest.fixture
def kites(seedream: Seedream) -> ImageSet:
    """Two frames of one prompt."""
    return seedream.generate("kites", images=2, stream=False)


def paths(images: ImageSet) -> list[Path | None]:
    return [frame.path for frame in images]


def test_frames_are_left_out_put_in_order_and_joined(story: ImageSet, kites: ImageSet, server: RawServer) -> None:
    """Numbered anew, with their own words; shapes of shapes are shapes of the first sets, and nothing is sent."""
    short, turned, both = story.without(1, 3), story.order(3, 0, 2, 1), story + kites
    assert [[frame.prompt for frame in images] for images in (short, turned)] == [
        ["wakes", "eats"],
        ["sleeps", "wakes", "eats", "runs"],
    ]
    assert short.request.storyboard == Storyboard("ink", ("wakes", "eats"))
    assert paths(both) == [*paths(story), *paths(kites)]
    assert paths((both.without(0) + short).order(6, 0, 1, 2, 3, 4, 5))[0] == story[2].path
    assert [frame.index for frame in both] == list(range(6))
    assert (both.prompt, both.complete, both.billed, both.replayed) == ("ink + kites", True, 0, True)
    story[2].star()
    assert paths(both.only(starred=True)) == [story[2].path]
    assert server.posts == 2


WRONG: tuple[Callable[[ImageSet], object], ...] = (
    lambda images: images.without(),
    lambda images: images.without(4),
    lambda images: images.without(0, 1, 2, 3),
    lambda images: images.order(0, 1),
    lambda images: images.order(0, 0, 1, 2),
    lambda images: images.without(True),
    lambda images: images.only(starred=True),
    lambda images: images.without(0).extend(1),
)


@pytest.mark.parametrize("wrong", WRONG)
def test_a_shape_that_cannot_be_is_told_in_a_line(story: ImageSet, wrong: Callable[[ImageSet], object]) -> None:
    """Frames that there are not, a set without any, one that lost a frame on the way."""
    with pytest.raises(InvalidRequest) as caught:
        wrong(story)
    assert "\n" not in str(caught.value)


def test_what_goes_on_from_such_a_set_goes_on_where_its_frames_are_from(
    story: ImageSet, kites: ImageSet, server: RawServer, seedream: Seedream
) -> None:
    """A redone frame stands in its place there and here, once; a variation is after the right picture."""
    both = (story + kites).without(0, 2)  # runs, sleeps, two kites
    redone = both.redo(1)
    assert bodies(server.requests)[-1]["prompt"] == "ink\n\n1. sleeps"
    assert paths(redone) == [story[1].path, redone[1].path, *paths(kites)]
    assert redone[1].path not in paths(both)
    assert (redone.billed, redone.replayed, len(redone)) == (1, False, 4)
    assert paths(seedream.show(redone[1].run_id))[3] == redone[1].path
    posts = server.posts
    assert paths(both.redo(1)) == paths(redone)
    again = redone.redo(1)
    assert paths(again) == paths(redone)  # as `both = both.redo(1)`, run again
    assert [note.partition(" this way")[0] for note in again.notes] == ["Frame 2 was already redrawn"]
    assert paths(story.redo(3))[3] == redone[1].path  # the same request as without the shape
    varied = redone[3].vary("at night")
    assert [one.source for one in varied.request.references] == [f"run:{kites.run_id}[1]"]
    assert varied.run_id == kites[1].vary("at night").run_id
    assert [one.source for one in seedream.plan("x", refs=both).request.references] == [
        f"run:{story.run_id}[1]",
        f"run:{story.run_id}[3]",
        f"run:{kites.run_id}[0]",
        f"run:{kites.run_id}[1]",
    ]
    with pytest.raises(InvalidRequest, match=r"images\[0\] and images\[2\] are of different runs"):
        both.redo(0, 2)
    assert server.posts == posts + 1


def test_such_a_set_is_exported_and_kept_like_any_other(
    story: ImageSet, kites: ImageSet, tmp_path: Path, shell: InteractiveShell
) -> None:
    """Files are named by the new places, and the record tells of each run; pickled it is the same, without a client."""
    both = (story + kites).without(0, 2)
    shell.user_ns["both"] = both
    assert "Written" in run(shell, "%seedream export both both.zip --with-facts")[1]
    with zipfile.ZipFile(tmp_path / "both.zip") as archive:
        names = archive.namelist()
        facts = json.loads(archive.read("request.json"))
        assert archive.read(names[1]) == Path(str(story[3].path)).read_bytes()
    assert [name[:3] for name in names[:4]] == ["01-", "02-", "03-", "04-"]
    assert [one["run_id"] for one in facts["runs"]] == [story.run_id, kites.run_id]
    assert facts["frames"][1] == {"run_id": story.run_id, "index": 3}
    assert '-04.jpg"' in both.export("both.html").read_text()
    twin = pickle.loads(pickle.dumps(both))
    assert (twin, paths(twin), twin.client, twin.sources[0][0].client) == (both, paths(both), None, None)


def test_such_a_set_is_shown_with_the_cells_of_its_runs(
    story: ImageSet, kites: ImageSet, shell: InteractiveShell
) -> None:
    """Each frame has its new number and its own run; a command that needs one run says that there are two."""
    shell.user_ns["both"] = both = (story + kites).without(0)
    error, _, outputs = run_cell(shell, "from IPython.display import display; display(both)")
    html: Any = both._repr_mimebundle_()["text/html"]
    assert error is None
    assert outputs[-1]["data"]["text/html"] == html
    assert f"--ref run:{kites.run_id}[1]" in html
    assert "4 / 5" in html
    assert f"run {story.run_id}[1, 2, 3] + {kites.run_id}[0, 1] · " in both._repr_mimebundle_()["text/plain"]
    # A button would act on the frame of that number of the run.
    assert f'data-run="{story.run_id}"' not in story.without(0)._repr_mimebundle_()["text/html"]
    assert run(shell, "%seedream show both")[1] == both._repr_mimebundle_()["text/plain"]
    assert "several runs" in str(run(shell, "%seedream retry both")[0])
