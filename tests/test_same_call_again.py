"""A cell that goes on from a set and binds the result to the same name is run again: nothing is drawn or paid twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from asking import REFUSED, data, run
from raw_server import Behaviour, RawServer, Request, raw_server
from seedream_magic import ImageSet, InvalidRequest, Seedream, Storyboard
from seedream_magic.continuation import missing_places, plan_redo, plan_retry, plan_vary
from served import client
from service import PICTURE, POST, bodies, jpeg, picture, whole_answer

BOARD = Storyboard("ink wash", ("a fox wakes", "a fox fights", "a fox sleeps"))


class Counting:
    """A service whose every picture is another one, and which refuses one frame where `refuses` says which."""

    def __init__(self) -> None:
        self.shade, self.refuses = 0, -1

    def post(self, request: Request) -> Behaviour:
        count = request.json().get("sequential_image_generation_options", {}).get("max_images", 1)
        self.shade += count
        entries: list[Any] = list(range(self.shade - count, self.shade))
        if self.refuses in range(count):
            entries[self.refuses] = REFUSED
        return data(request, *entries)


@pytest.fixture
def service() -> Counting:
    return Counting()


@pytest.fixture
def server(service: Counting) -> Iterator[RawServer]:
    """That service; `server.posts` counts what was sent."""
    with raw_server({POST: service.post, PICTURE: picture}) as running:
        yield running


@pytest.fixture
def story(seedream: Seedream) -> ImageSet:
    """Three frames of a storyboard."""
    return seedream.generate(BOARD, stream=False)


def digests(images: ImageSet) -> list[str | None]:
    return [frame.sha256 for frame in images]


CALLS: dict[str, Callable[[ImageSet], ImageSet]] = {
    "redo": lambda story: story.redo(1),
    "redo with words": lambda story: story.redo(1, prompt="a fox dances"),
    "redo of several": lambda story: story.redo(2, 0),
    "redo after the others": lambda story: story.redo(1, refs="others"),
    "redo after one": lambda story: story.redo(1, refs=[story[0]]),
    "extend": lambda story: story.extend(1),
    "extend with words": lambda story: story.extend(["a fox dreams", "a fox is old"]),
    "extend without references": lambda story: story.extend(2, refs=None),
    "vary": lambda story: story[0].vary("at night"),
    "vary with more": lambda story: story[1].vary("at night", images=2, refs=[jpeg(99)]),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_the_same_call_again_is_the_set_as_it_is(
    call: Callable[[ImageSet], ImageSet], server: RawServer, story: ImageSet, store: Path
) -> None:
    """In a live kernel, after a restart with Run All, and after a restart by its cell alone; `fresh` is told of."""
    made = call(story)
    again = call(made)
    assert (again.run_id, digests(again), again.replayed) == (made.run_id, digests(made), True)
    (note,) = set(again.notes) - set(made.notes)
    assert "already" in note
    assert made.run_id in note
    assert note.endswith(("nothing is sent. fresh=True draws another.", "nothing is sent. fresh=True adds more."))
    restarted = client(server, store)
    from_the_top = call(call(restarted.generate(BOARD, stream=False)))
    assert digests(from_the_top) == digests(made)
    assert digests(call(restarted.show(made.run_id))) == digests(made)
    assert server.posts == 2


def test_the_cell_says_why_nothing_is_drawn(shell: InteractiveShell, server: RawServer) -> None:
    """A set that is only bound to a name shows nothing: the line stands in place of a picture."""
    run(shell, "%%seedream story << --quiet -n 2\nfox")
    assert "already" not in run(shell, "story = story.redo(1)")[1]
    said = f"Frame 2 was already redrawn this way (run {shell.user_ns['story'].run_id}); nothing is sent."
    assert run(shell, "story = story.redo(1)")[1].startswith(f"{said} fresh=True draws another.\n")
    assert server.posts == 2


def test_a_later_frame_leaves_the_earlier_call_standing(server: RawServer, story: ImageSet) -> None:
    """Two cells that each redo a frame, and one that adds one, are run again in any order: the newest set stays."""
    whole = story.redo(1).redo(2, prompt="a fox snores").extend(["a fox dreams"])
    assert server.posts == 4
    calls: tuple[Callable[[], ImageSet], ...] = (
        lambda: whole.redo(1),
        lambda: whole.redo(2, prompt="a fox snores"),
        lambda: whole.extend(["a fox dreams"]),
    )
    for call in calls:
        again = call()
        assert (again.run_id, digests(again)) == (whole.run_id, digests(whole))
    longer = whole.redo(3)
    assert longer.extend(["a fox dreams"]).run_id == longer.run_id  # the frame is there, though it was drawn anew
    assert server.posts == 5


def test_another_argument_is_another_call(server: RawServer, story: ImageSet, seedream: Seedream) -> None:
    """Other words, places, references or a frame that was redrawn since: drawn, upon the set as it is."""
    redone = story.redo(1)
    others: tuple[Callable[[], ImageSet], ...] = (
        lambda: redone.redo(2),
        lambda: redone.redo(1, 2),
        lambda: redone.redo(1, prompt="a fox dances"),
        lambda: redone.redo(1, refs=[story[0]]),
        lambda: redone.extend(1),
        lambda: redone[1].vary("at night")[0].vary("in snow"),
        lambda: redone.redo(1, prompt="a fox dances").redo(1, prompt="a fox fights"),
    )
    posts = 2
    for call, sent in zip(others, (1, 1, 1, 1, 1, 2, 1), strict=True):
        made = call()
        posts += sent
        assert (server.posts, made.replayed) == (posts, False)
    assert bodies(server.requests)[-1]["prompt"] == "ink wash\n\n1. a fox fights"
    hero = seedream.generate("a hero")[0].vary("at night")
    assert hero[0].vary("at dawn").run_id != hero.run_id


def test_fresh_draws_another(server: RawServer, story: ImageSet) -> None:
    """It is another take of the same call: paid, and what the call without it finds from then on, after a restart too.

    Frames are added to those that were; where another frame was changed since, that stays.
    """
    redone, warm = story.redo(1), story[0].vary("warm")
    another, warmer = redone.redo(1, fresh=True), warm[0].vary("warm", fresh=True)
    assert server.posts == 5
    assert digests(another)[1] not in digests(redone)
    assert [image.source for image in warmer.request.references] == [f"run:{story.run_id}[0]"]
    for last, call in ((another, CALLS["redo"]), (warmer, lambda story: story[0].vary("warm"))):
        assert call(last).run_id == call(story).run_id == last.run_id
    assert story.extend(1).extend(1, fresh=True)[4].ok
    both = redone.redo(2)
    assert digests(both.redo(1, fresh=True))[2] == digests(both)[2]
    assert server.posts == 9


def test_what_did_not_come_is_not_there_already(
    server: RawServer, story: ImageSet, service: Counting, seedream: Seedream
) -> None:
    """A frame that lost its picture is drawn, and retry asks for what failed."""
    redone = story.redo(1)
    (redone.folder / "01.jpg").write_bytes(b"damaged")
    mended = seedream.show(redone.run_id).redo(1)
    assert (mended.replayed, len(mended.ok), server.posts) == (False, 3, 3)
    service.refuses = 1
    partial = seedream.generate("x", images=2, stream=False)
    service.refuses = -1
    retried = seedream.run(plan_retry(seedream, partial.run_id))
    assert (missing_places(retried), server.posts) == ([], 5)
    assert retried.redo(1).run_id == retried.run_id


def test_a_button_that_says_redo_draws_another(server: RawServer, story: ImageSet, seedream: Seedream) -> None:
    """The panel's buttons mean another picture, on the set that shows; what the store has of that is shown."""
    redone, varied = story.redo(1, refs="others"), story[0].vary("warm")
    twice = seedream.run(plan_redo(seedream, redone, [1], refs="others", another=True))
    assert (twice.replayed, twice.run_id == redone.run_id) == (False, False)
    assert not seedream.run(plan_vary(seedream, varied[0], "warm", another=True)).replayed
    assert seedream.run(plan_redo(seedream, redone, [1], refs="others", another=True)).run_id == twice.run_id
    assert server.posts == 5


def test_the_plan_names_what_stands(server: RawServer, story: ImageSet, seedream: Seedream) -> None:
    """It is the run of the set, and bills nothing; where that is deleted meanwhile, nothing is sent in its place."""
    redone = story.redo(1)
    plan = plan_redo(seedream, redone, [1])
    assert plan.stored == redone.run_id
    assert plan.already
    server._scenario = {POST: whole_answer, PICTURE: picture}
    seedream.purge(redone.run_id)
    with pytest.raises(Exception, match="not in"):
        seedream.run(plan)
    assert server.posts == 2


def test_the_next_take_is_drawn_once_and_shown_from_then_on(
    server: RawServer, story: ImageSet, seedream: Seedream
) -> None:
    """So a cell that draws a frame once more is run again for nothing; a take beyond the next is refused."""
    drawn = [story.redo(1, take=take) for take in (2, 3, 4)]
    assert (len({digests(one)[1] for one in drawn}), server.posts) == (3, 4)
    again = [seedream.show(story.run_id).redo(1, take=take) for take in (2, 3, 4)]
    assert [one.run_id for one in again] == [one.run_id for one in drawn]
    with pytest.raises(InvalidRequest, match="has 4 takes: take=5 draws the next"):
        story.redo(1, take=6)
    assert server.posts == 4
    assert drawn[1].redo(1, take=3).run_id == drawn[1].run_id  # upon its own result, as in a cell that is run again
    for images, take in ((story, 1), (drawn[0], 3)):
        with pytest.raises(InvalidRequest, match="was not drawn by this redo"):
            images.redo(1, take=take)
    assert server.posts == 4
    onward = drawn[0].redo(1, take=5)  # upon what the same redo has made
    assert (onward.run_id, server.posts) == (drawn[0].redo(1, take=5).run_id, 5)
    assert [frame.take for frame in onward.takes(1)] == [1, 2, 3, 4, 5]
    varied = [story[0].vary("warm", take=take).run_id for take in (1, 2, 1, 2)]
    assert (varied[:2], server.posts) == (varied[2:], 7)
    assert len({*varied}) == 2
