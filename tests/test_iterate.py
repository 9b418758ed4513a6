"""Going on from a set: frames drawn anew, further ones, variations; each kept, told apart, and never paid twice."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from raw_server import Behaviour, RawServer, Request, json_reply, raw_server
from seedream_magic import ConfigError, ContentRefused, ImageSet, InvalidRequest, Seedream, Storyboard
from seedream_magic.images.record import find_record, lineage_of
from seedream_magic.planning import plan_redo, plan_retry
from served import KEY, client
from service import PICTURE, POST, bodies, link, picture, whole_answer

REFUSED = {"error": {"code": "OutputImageSensitiveContentDetected", "message": "refused"}}
BOARD = Storyboard("ink wash", ("a fox wakes", "a fox fights", "a fox sleeps"))


def without_the_second(request: Request) -> Behaviour:
    """A set of three whose second frame the content check refuses; a request for one picture gets it."""
    count = request.json().get("sequential_image_generation_options", {}).get("max_images", 1)
    data: list[Any] = [{"url": link(request, index)} for index in range(count)]
    if count == 3:
        data[1] = REFUSED
    return json_reply({"data": data, "usage": {"generated_images": sum("url" in item for item in data)}})


@pytest.fixture
def server() -> Iterator[RawServer]:
    """A service that refuses the second frame of three."""
    with raw_server({POST: without_the_second, PICTURE: picture}) as running:
        yield running


@pytest.fixture
def seedream(server: RawServer, store: Path) -> Seedream:
    return client(server, store)


@pytest.fixture
def images(seedream: Seedream) -> ImageSet:
    """Three frames of a storyboard, the second refused."""
    made = seedream.generate(BOARD, stream=False)
    assert [frame.ok for frame in made] == [True, False, True]
    return made


def files(images: ImageSet) -> list[str]:
    return [f"{frame.path.parent.name}/{frame.path.name}" if frame.path else "" for frame in images]


def test_a_redone_frame_takes_its_place(server: RawServer, images: ImageSet) -> None:
    """The refused frame is asked for alone with the style and the others as references; the set is whole again."""
    whole = images.redo(1, prompt="a fox dances", refs="others")
    body = bodies(server.requests)[-1]
    assert body["prompt"] == "ink wash\n\n1. a fox dances"
    assert body["sequential_image_generation"] == "disabled"
    assert [text.partition(",")[0] for text in body["image"]] == ["data:image/jpeg;base64"] * 2
    assert [frame.prompt for frame in whole] == ["a fox wakes", "a fox dances", "a fox sleeps"]
    assert files(whole) == [files(images)[0], f"{whole.run_id}/01.jpg", files(images)[2]]
    assert (whole.inherited, whole.billed, whole.failed) == (frozenset({0, 2}), 1, ())
    assert whole.request.storyboard == Storyboard("ink wash", ("a fox wakes", "a fox dances", "a fox sleeps"))


def test_a_redone_set_replays_with_its_lineage(server: RawServer, seedream: Seedream, images: ImageSet) -> None:
    """The same redo sends nothing more, another process shows the whole set, and its record names the parent."""
    whole = images.redo(1)
    again = seedream.show(images.run_id).redo(1)
    elsewhere = client(server, seedream.store).show(whole.run_id)
    assert (again.replayed, again.run_id) == (True, whole.run_id)
    assert files(again) == files(elsewhere) == files(whole)
    lineage = lineage_of(find_record(seedream.store, whole.run_id))
    assert lineage is not None
    assert (lineage.kind, lineage.run_id, lineage.places) == ("redo", images.run_id, (1,))
    assert server.posts == 2
    assert images.redo(1, fresh=True).run_id != whole.run_id
    assert server.posts == 3


def test_a_picture_is_not_lost_to_a_failed_redo(server: RawServer, images: ImageSet) -> None:
    """When the new frame is refused, the error carries the set as it was before."""
    server._scenario = {POST: lambda _: json_reply({"data": [REFUSED]}), PICTURE: picture}
    with pytest.raises(ContentRefused) as raised:
        images.redo(0)
    assert raised.value.images is not None
    assert files(raised.value.images)[0] == files(images)[0]


def test_retry_asks_for_what_never_came(seedream: Seedream, images: ImageSet) -> None:
    """The plan names the failed places; what it brings joins them, and a whole set has nothing to retry."""
    plan = plan_retry(seedream, images.run_id)
    assert plan.lineage is not None
    assert plan.lineage.places == (1,)
    whole = seedream.run(plan)
    assert whole.failed == ()
    with pytest.raises(InvalidRequest, match="no failed frame"):
        plan_retry(seedream, whole.run_id)


def test_fewer_frames_than_asked_are_told_with_the_line_that_asks(server: RawServer, seedream: Seedream) -> None:
    """Two of three came: the note names the command; what it brings stands at the end, with its own words."""
    server._scenario = {
        POST: lambda request: json_reply({"data": [{"url": link(request, 0)}, {"url": link(request, 1)}]}),
        PICTURE: picture,
    }
    short = seedream.generate(BOARD, stream=False)
    assert (len(short), short.notes) == (
        2,
        (f"The service made 2 of the 3 images asked for; %seedream retry {short.run_id} asks for the rest.",),
    )
    server._scenario = {POST: whole_answer, PICTURE: picture}
    whole = seedream.run(plan_retry(seedream, short.run_id))
    assert [frame.prompt for frame in whole.ok] == list(BOARD.frames)
    assert bodies(server.requests)[-1]["prompt"] == "ink wash\n\n1. a fox sleeps"


def test_a_redo_of_a_redo_goes_on(images: ImageSet) -> None:
    """Two redone frames of two runs stand in one set."""
    twice = images.redo(1).redo(2)
    assert len({file.partition("/")[0] for file in files(twice)}) == 3
    assert twice.failed == ()


def test_extending_adds_frames_at_the_end(server: RawServer, images: ImageSet) -> None:
    """Further frames have the set's pictures as references and follow them; with words of their own, each has its."""
    longer = images.extend(2)
    assert len(longer) == 5
    assert [file.partition("/")[0] == longer.run_id for file in files(longer)] == [False, False, False, True, True]
    assert len(bodies(server.requests)[-1]["image"]) == 2
    told = images.extend(["a fox dreams", "a fox is old"])
    assert [frame.prompt for frame in told][3:] == ["a fox dreams", "a fox is old"]
    assert told.request.storyboard is not None
    assert len(told.request.storyboard.frames) == 5


def test_a_variation_is_a_set_of_its_own(server: RawServer, images: ImageSet) -> None:
    """Other words, the frame as first reference, further ones after it."""
    warmer = images[0].vary("warmer light", refs=[images[2]])
    assert (len(warmer), warmer.prompt, warmer.inherited) == (1, "warmer light", frozenset())
    sources = [reference.source for reference in warmer.request.references]
    assert sources == [f"run:{images.run_id}[0]", f"run:{images.run_id}[2]"]
    assert len(bodies(server.requests)[-1]["image"]) == 2


@pytest.mark.parametrize("places", [(), (3,), (-1,), (True,), ("1",)])
def test_places_that_are_none(places: tuple[Any, ...], server: RawServer, images: ImageSet) -> None:
    """A frame that the set does not have is refused before anything is sent."""
    with pytest.raises(InvalidRequest, match=r"frame|Which"):
        images.redo(*places)
    assert server.posts == 1


def test_a_set_is_gone_on_from_at_its_own_provider(
    seedream: Seedream, server: RawServer, images: ImageSet, store: Path
) -> None:
    """Another provider's client shows it, and would be paid for the rest: it names the one that made it."""
    other = Seedream("ark", api_key=KEY, base_url=f"{server.url}/v1", store=store)
    shown = other.show(images.run_id)
    go_on = (
        lambda: shown.redo(1),
        lambda: shown.extend(1),
        lambda: shown[0].vary("x"),
        lambda: plan_retry(other, images.run_id),
        lambda: plan_redo(other, shown, [1]),
    )
    for asked in go_on:
        with pytest.raises(ConfigError, match=f"{images.run_id} was made by anyfast.* ark") as caught:
            asked()
        assert f'Seedream("anyfast", store="{store}").show("{images.run_id}")' in caught.value.hint
    assert server.posts == 1
    assert seedream.show(images.run_id).redo(1).failed == ()


def test_a_lost_reference_is_told(seedream: Seedream, images: ImageSet) -> None:
    """A redo that would go out without the set's reference is refused."""
    made = seedream.generate("like this", refs=images[0])
    for path in (seedream.store / "references").iterdir():
        path.unlink()
    with pytest.raises(InvalidRequest, match="not in the store any more"):
        seedream.show(made.run_id).redo(0)


def test_a_lost_parent_leaves_the_new_frames(seedream: Seedream, images: ImageSet) -> None:
    """A run whose earlier run was removed shows its own pictures."""
    whole = images.redo(1)
    images.folder.rename(seedream.store / "elsewhere")
    assert files(seedream.show(whole.run_id)) == [f"{whole.run_id}/01.jpg"]


def test_a_copy_elsewhere_holds_no_key(images: ImageSet) -> None:
    """A set that is pickled or copied has no way back to its client, and says where to take one."""
    assert KEY.encode() not in pickle.dumps(images)
    twin = copy.deepcopy(images)
    for go_on in (lambda: twin.redo(1), lambda: pickle.loads(pickle.dumps(images[0])).vary("x")):
        with pytest.raises(ConfigError, match=r"seedream\.show"):
            go_on()


def test_a_request_that_refers_to_a_set_is_stored_by_content(seedream: Seedream, server: RawServer) -> None:
    """The same picture under another name is the same request; another picture is another one."""
    server._scenario = {POST: whole_answer, PICTURE: picture}
    first = seedream.generate("x", images=2)
    assert first[0].path is not None
    made = seedream.generate("y", refs=first[0])
    data = first[0].path.read_bytes()
    assert seedream.plan("y", refs=data).stored == made.run_id
    assert seedream.plan("y", refs=first[1]).stored is None
    assert seedream.plan("y").stored is None
    kept = list((seedream.store / "references").iterdir())
    assert [path.read_bytes() for path in kept] == [data]
    assert seedream.show(made.run_id).request.references[0].data == data


def test_a_frame_is_named_by_its_run(seedream: Seedream, images: ImageSet, server: RawServer) -> None:
    """The text "run:ID[2]" is that frame, "run:ID" all that came; a frame that is not there is refused."""
    assert len(seedream.plan("x", refs=f"run:{images.run_id}[2]").request.references) == 1
    assert len(seedream.plan("x", refs=[f"run:{images.run_id}"]).request.references) == 2
    for name in (f"run:{images.run_id}[7]", f"run:{images.run_id}[1]", "run:nowhere[0]"):
        with pytest.raises(InvalidRequest):
            seedream.plan("x", refs=name)
    assert server.posts == 1
