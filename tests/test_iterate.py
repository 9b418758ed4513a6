"""Going on from a set: frames drawn anew, further ones, variations; each kept, told apart, and never paid twice."""

from __future__ import annotations

import copy
import json
import os
import pickle
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell

from asking import REFUSED, b64, data, run
from raw_server import Behaviour, RawServer, Reply, Request, json_reply, raw_server
from seedream_magic import (
    ConfigError,
    ContentRefused,
    Frame,
    ImageLinkExpired,
    ImageSet,
    InvalidRequest,
    Seedream,
    Storyboard,
)
from served import KEY
from service import PICTURE, POST, bodies, first_picture, jpeg, link, picture, whole_answer

BOARD = Storyboard("ink wash", ("a fox wakes", "a fox fights", "a fox sleeps"))
LINK = "https://pictures.example.com/fox.jpg?X-Tos-Signature=canary"


def without_the_second(request: Request) -> Behaviour:
    """A set of three whose second frame the content check refuses; a request for one picture gets it."""
    count = request.json().get("sequential_image_generation_options", {}).get("max_images", 1)
    entries: list[Any] = [{"url": link(request, index)} for index in range(count)]
    if count == 3:
        entries[1] = REFUSED
    return json_reply({"data": entries, "usage": {"generated_images": sum("url" in item for item in entries)}})


@pytest.fixture
def server() -> Iterator[RawServer]:
    """A service that refuses the second frame of three."""
    with raw_server({POST: without_the_second, PICTURE: picture}) as running:
        yield running


@pytest.fixture
def images(seedream: Seedream) -> ImageSet:
    """Three frames of a storyboard, the second refused."""
    made = seedream.generate(BOARD, stream=False)
    assert [frame.ok for frame in made] == [True, False, True]
    return made


@pytest.fixture
def pair(seedream: Seedream) -> ImageSet:
    """Two frames of one prompt."""
    return seedream.generate("x", images=2, stream=False)


def files(images: ImageSet) -> list[str]:
    return [f"{frame.path.parent.name}/{frame.path.name}" if frame.path else "" for frame in images]


def last_body(server: RawServer) -> dict[str, Any]:
    return bodies(server.requests)[-1]


def write_into(images: ImageSet, **facts: Any) -> None:
    """Changes the record of a run by hand."""
    path = images.folder / "request.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | facts))


def test_a_redone_frame_takes_its_place(server: RawServer, images: ImageSet) -> None:
    """The refused frame is asked for alone with the style and the others as references; the set is whole again."""
    whole = images.redo(1, prompt="a fox dances", refs="others")
    body = last_body(server)
    assert body["prompt"] == "ink wash\n\n1. a fox dances"
    assert body["sequential_image_generation"] == "disabled"
    assert [text.partition(",")[0] for text in body["image"]] == ["data:image/jpeg;base64"] * 2
    assert [frame.prompt for frame in whole] == ["a fox wakes", "a fox dances", "a fox sleeps"]
    assert files(whole) == [files(images)[0], f"{whole.run_id}/01.jpg", files(images)[2]]
    assert (whole.inherited, whole.billed, whole.failed) == (frozenset({0, 2}), 1, ())
    assert whole.request.storyboard == Storyboard("ink wash", ("a fox wakes", "a fox dances", "a fox sleeps"))
    twice = whole.redo(2)
    assert len({file.partition("/")[0] for file in files(twice)}) == 3  # frames of three runs


def test_a_picture_is_not_lost_to_a_failed_redo(server: RawServer, seedream: Seedream, pair: ImageSet) -> None:
    """While a frame is drawn anew, and where that fails, the old one stays; a failure is told, and counted."""
    server._scenario = {POST: lambda r: data(r, REFUSED, 5), PICTURE: picture}
    grown: list[ImageSet] = []

    class Progress:
        show = grown.append

        def clear(self) -> None:
            """It ends with the run."""

    seedream.progress = Progress
    ended = pair.redo(0, 1)
    assert all(images.ok for images in grown)
    assert files(ended)[0] == files(pair)[0]
    assert (ended.failed, ended.billed) == ((), 1)
    assert ended.notes[-1].startswith("Frame 1 stays as it was: ")
    server._scenario = {POST: json_reply({"data": [REFUSED]}), PICTURE: picture}
    with pytest.raises(ContentRefused) as raised:
        pair.redo(0)
    assert raised.value.images is not None
    assert files(raised.value.images) == files(pair)


def test_fewer_frames_than_asked_are_told_with_the_line_that_asks(shell: InteractiveShell, server: RawServer) -> None:
    """Two of three came: the note names the command; what it brings stands at the end, with its own words."""
    server._scenario = {POST: lambda request: data(request, 0, 1), PICTURE: picture}
    run(shell, "%%seedream --quiet --no-stream\nink wash\n---\na fox wakes\n---\na fox fights\n---\na fox sleeps")
    short = shell.user_ns["_seedream"]
    asks = f"%seedream retry {short.run_id}"
    assert len(short) == 2
    assert short.notes == (f"The service made 2 of 3 images; {asks} asks for the rest.",)
    server._scenario = {POST: whole_answer, PICTURE: picture}
    assert run(shell, asks)[0] is None
    assert [frame.prompt for frame in shell.user_ns["_seedream"].ok] == list(BOARD.frames)
    assert last_body(server)["prompt"] == "ink wash\n\n1. a fox sleeps"


def test_extending_adds_frames_at_the_end(server: RawServer, images: ImageSet) -> None:
    """Further frames have the set's pictures as references and follow them; with words of their own, each has its."""
    longer = images.extend(2)
    assert len(longer) == 5
    assert [file.partition("/")[0] == longer.run_id for file in files(longer)] == [False, False, False, True, True]
    assert len(last_body(server)["image"]) == 2
    told = images.extend(["a fox dreams", "a fox is old"])
    assert [frame.prompt for frame in told][3:] == ["a fox dreams", "a fox is old"]
    assert told.request.storyboard is not None
    assert len(told.request.storyboard.frames) == 5


def test_an_extension_of_a_storyboard_sends_its_own_words_alone(server: RawServer, images: ImageSet) -> None:
    """Once more and once more: the style stands once in what is sent, and no line of an earlier frame does."""
    longer = images.extend(1).extend(1, fresh=True)
    assert len(longer) == 5
    longer.extend(1, prompt="a fox dreams")
    sent = [body["prompt"] for body in bodies(server.requests)][1:]
    assert [prompt.count(BOARD.style) for prompt in sent[:2]] == [1, 1]
    assert [words for words in BOARD.frames for prompt in sent if words in prompt] == []
    assert len(sent[1]) == len(sent[0])
    assert "a fox dreams" in sent[2]


def test_one_text_is_one_frame(seedream: Seedream, server: RawServer) -> None:
    """A text in place of a list is not taken letter by letter; a storyboard takes none."""
    assert len(seedream.generate("ink").extend("狐狸做梦")) == 2
    assert last_body(server)["prompt"] == "ink\n\n1. 狐狸做梦"
    with pytest.raises(InvalidRequest, match="list"):
        seedream.plan(Storyboard("ink", "狐狸"))  # type: ignore[arg-type] # what a person may type


def test_a_variation_is_a_set_of_its_own(server: RawServer, images: ImageSet) -> None:
    """Other words, the frame as first reference, further ones after it."""
    warmer = images[0].vary("warmer light", refs=[images[2]])
    assert (len(warmer), warmer.prompt, warmer.inherited) == (1, "warmer light", frozenset())
    sources = [reference.source for reference in warmer.request.references]
    assert sources == [f"run:{images.run_id}[0]", f"run:{images.run_id}[2]"]
    assert len(last_body(server)["image"]) == 2


def test_a_frame_is_drawn_anew_by_its_own_words(seedream: Seedream, server: RawServer) -> None:
    """Words that a frame was given on the way stay its own, however the set was made."""
    images = seedream.generate("A", images=2, stream=False)
    images.extend(1, prompt="B").redo(2)
    images.redo(1, prompt="E").redo(1, fresh=True)
    longer = images.extend(["C", "D"])
    longer.redo(3)
    sent = [body["prompt"] for body in bodies(server.requests)]
    assert [sent[at] for at in (2, 4, 6)] == ["B", "E", "D"]


def test_places_count_once_and_in_any_order(pair: ImageSet, server: RawServer) -> None:
    """The same frame named twice is drawn once, by an integer of any kind; another order is the same request."""
    pair.redo(1, 1)
    assert "sequential_image_generation_options" not in last_body(server)
    place: Any = np.int64(1)
    assert pair.redo(place).replayed
    pair.redo(0, 1)
    pair.redo(1, 0)
    assert server.posts == 3
    with pytest.raises(InvalidRequest, match="1 to 15"):
        pair.extend(15).redo(*range(17))


@pytest.mark.parametrize("go_on", ["redo", "extend"])
def test_frames_that_there_are_not(go_on: str, server: RawServer, images: ImageSet) -> None:
    """Places that the set does not have, frames too many, too few or without words are refused, and nothing is sent."""
    wrong: dict[str, list[tuple[Any, ...]]] = {
        "redo": [(), (3,), (True,), ("1",)],
        "extend": [("",), (["a"] * 16,), (16,), (True,), (["a", 3],)],
    }
    for arguments in wrong[go_on]:
        with pytest.raises(InvalidRequest):
            getattr(images, go_on)(*arguments)
    assert server.posts == 1


def test_layers_are_not_drawn_one_by_one(seedream: Seedream) -> None:
    """A redo of one layer would pay for all of them."""
    request = replace(seedream.plan("x").request, layer_decomposition=True)
    frames = (Frame(0, "x"), Frame(1, "x"))
    layers = ImageSet(request, "anyfast", "r", seedream.store / "r", frames, expected=None, client=seedream)
    with pytest.raises(InvalidRequest, match="made together"):
        layers.redo(1)


@pytest.mark.parametrize(
    "go_on",
    [
        lambda images: images.extend(2),
        lambda images: images.extend("y", refs=None),
        lambda images: images.redo(0),
        lambda images: images.redo(0, refs="others"),
    ],
    ids=["extend", "extend without references", "redo", "redo after the others"],
)
def test_a_purged_set_is_not_gone_on_from(
    go_on: Callable[[ImageSet], ImageSet], seedream: Seedream, server: RawServer, pair: ImageSet
) -> None:
    """A variable that still holds it could only pay for frames that stand alone; it says what became of it."""
    seedream.purge(pair.run_id)
    with pytest.raises(InvalidRequest, match=f"Run {pair.run_id} .* purged") as caught:
        go_on(pair)
    (line,) = caught.value.lines()
    assert "Run the cell that made it again: that draws a new set, which bills. Nothing was sent." in line
    assert server.posts == 1


def test_a_run_under_way_is_left_to_itself(shell: InteractiveShell, seedream: Seedream, pair: ImageSet) -> None:
    """Neither retried, recovered nor gone on from while its process is at it."""
    write_into(pair, state="answering", process={"host": platform.node(), "pid": os.getpid()})  # as earlier versions
    assert "still under way" in str(run(shell, f"%seedream retry {pair.run_id}")[0])
    assert seedream.recover() == []
    growing = replace(pair, state="running")
    go_on = (lambda: seedream.recover(pair.run_id), lambda: growing.redo(0), lambda: growing.extend(1))
    for asked in go_on:
        with pytest.raises(InvalidRequest, match="still under way"):
            asked()


def test_a_set_is_gone_on_from_at_its_own_provider(
    shell: InteractiveShell, seedream: Seedream, server: RawServer, images: ImageSet, store: Path
) -> None:
    """Another provider's client shows it, and would be paid for the rest: it names the one that made it."""
    shown = Seedream("ark", api_key=KEY, base_url=f"{server.url}/v1", store=store).show(images.run_id)
    go_on: tuple[Callable[[], object], ...] = (
        lambda: shown.redo(1),
        lambda: shown.extend(1),
        lambda: shown[0].vary("x"),
    )
    for asked in go_on:
        with pytest.raises(ConfigError, match=f"{images.run_id} was made by anyfast.* ark") as caught:
            asked()
        assert f'Seedream("anyfast", store="{store}").show("{images.run_id}")' in caught.value.hint
    run(shell, "%seedream use ark")
    assert "was made by anyfast" in str(run(shell, f"%seedream retry {images.run_id}")[0])
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


def test_a_lineage_in_a_circle_ends(seedream: Seedream) -> None:
    """Damaged records that name each other, or no places at all, are read as far as they make sense."""
    first, second = seedream.generate("x"), seedream.generate("y")
    for images, parent in ((first, second), (second, first)):
        places = [1, 1.0, "x", -1, 10**9]
        write_into(images, lineage={"kind": "extend", "run_id": parent.run_id, "places": places})
    assert len(seedream.show(first.run_id).ok) == 2
    write_into(first, lineage={"kind": [], "run_id": 7})
    assert len(seedream.show(first.run_id).ok) == 1


def test_a_copy_elsewhere_holds_no_key(images: ImageSet) -> None:
    """A set that is pickled or copied has no way back to its client, and says where to take one."""
    assert KEY.encode() not in pickle.dumps(images)
    twin = copy.deepcopy(images)
    for go_on in (lambda: twin.redo(1), lambda: pickle.loads(pickle.dumps(images[0])).vary("x")):
        with pytest.raises(ConfigError, match=r"seedream\.show"):
            go_on()


def test_a_request_that_refers_to_a_set_is_stored_by_content(seedream: Seedream, pair: ImageSet) -> None:
    """The same picture under another name is the same request; another picture is another one."""
    assert pair[0].path is not None
    made = seedream.generate("y", refs=pair[0])
    content = pair[0].path.read_bytes()
    assert seedream.plan("y", refs=content).stored == made.run_id
    assert seedream.plan("y", refs=pair[1]).stored is None
    assert seedream.plan("y").stored is None
    kept = list((seedream.store / "references").iterdir())
    assert [path.read_bytes() for path in kept] == [content]
    assert seedream.show(made.run_id).request.references[0].data == content


def test_a_frame_is_named_by_its_run(seedream: Seedream, images: ImageSet, server: RawServer) -> None:
    """The text "run:ID[2]" is that frame, "run:ID" all that came; a frame that is not there is refused."""
    assert len(seedream.plan("x", refs=f"run:{images.run_id}[2]").request.references) == 1
    assert len(seedream.plan("x", refs=[f"run:{images.run_id}"]).request.references) == 2
    for name in (f"run:{images.run_id}[7]", f"run:{images.run_id}[1]", "run:nowhere[0]"):
        with pytest.raises(InvalidRequest):
            seedream.plan("x", refs=name)
    assert server.posts == 1


def test_a_set_without_pictures_is_no_reference(seedream: Seedream, server: RawServer) -> None:
    """Neither one that is still drawn nor one that failed is left out unseen."""
    empty = ImageSet(seedream.plan("x").request, "anyfast", "r", seedream.store / "r")
    for refs in (empty, [empty], [jpeg(1), empty]):
        with pytest.raises(InvalidRequest, match="cannot be a reference"):
            seedream.plan("y", refs=refs)
    assert server.posts == 0


def test_a_link_is_the_same_request_after_a_restart(store: Path) -> None:
    """Signed or not, it is told by where it points; its signature is not kept, the bytes behind it are."""
    posts: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, content=jpeg(5))
        posts.append(json.loads(request.content))
        return httpx.Response(200, json={"data": [{"b64_json": b64(9)}]})

    seedream = Seedream("ark", api_key=KEY, store=store, transport=httpx.MockTransport(answer))
    images = seedream.generate("x", refs=LINK)
    images.redo(0)
    again = seedream.show(images.run_id)
    assert again.redo(0).replayed
    assert images.request.references[0].data == again.request.references[0].data == jpeg(5)
    assert seedream.plan("x", refs=LINK.replace("canary", "other")).stored == images.run_id
    assert len(posts) == 2
    assert not any(b"canary" in path.read_bytes() for path in store.rglob("*") if path.is_file())


def test_an_extra_field_is_its_option(seedream: Seedream, server: RawServer) -> None:
    """A set asked for by extra fields is the same request, and a frame of it is redone alone, with the others kept."""
    extra = {"sequential_image_generation": "auto", "sequential_image_generation_options": {"max_images": 2}}
    images = seedream.generate("x", extra=extra, stream=False)
    assert seedream.plan("x", images=2, stream=False).stored == images.run_id
    images.redo(0)
    assert "sequential_image_generation_options" not in last_body(server)
    adaptive = seedream.generate("x", extra={"size": "adaptive"})
    assert adaptive[0].vary("at night").ok
    assert Seedream.from_picture(adaptive[0]).body["size"] == "adaptive"


def test_a_long_line_of_sets_stays_whole(seedream: Seedream, pair: ImageSet) -> None:
    """Twenty-two frames over three runs, and twenty redos of one frame, are read back as they were made."""
    long = seedream.generate("long", images=10, stream=False).extend(10, refs=()).extend(2, refs=())
    assert [frame.path for frame in seedream.show(long.run_id)] == [frame.path for frame in long]
    for _ in range(20):
        pair = pair.redo(0, fresh=True)
    assert len(seedream.show(pair.run_id)) == 2


def test_a_surplus_picture_follows_the_set(pair: ImageSet, server: RawServer) -> None:
    """Two pictures for one frame: the second stands at the end and takes no other's place."""
    server._scenario = {POST: lambda request: data(request, 7, 8), PICTURE: picture}
    redone = pair.redo(0)
    assert [frame.index for frame in redone if frame.index not in redone.inherited] == [0, 2]
    assert redone[1].path == pair[1].path


def test_recovery_needs_no_parent(seedream: Seedream, server: RawServer, pair: ImageSet) -> None:
    """A run whose earlier run was deleted is recovered like any other, and so are those after it."""
    server._scenario = {POST: without_the_second, PICTURE: Reply(404)}
    with pytest.raises(ImageLinkExpired):
        pair.redo(0, 1)
    with pytest.raises(ImageLinkExpired):
        seedream.generate("y")
    shutil.rmtree(pair.folder)
    server._scenario = {PICTURE: picture}
    assert [len(recovered.ok) for recovered in seedream.recover()] == [2, 1]


def test_a_set_that_lacks_pictures_says_so_as_a_reference(seedream: Seedream, server: RawServer) -> None:
    """Those that are there are sent; that one is not is told before, and of a whole set nothing is."""
    whole = seedream.generate("a fox", images=2)
    server._scenario = {POST: whole_answer, PICTURE: first_picture}
    part = seedream.generate("a hen", images=3)
    plan = seedream.plan("like these", refs=[whole, part, whole[1]])
    assert len(plan.request.references) == 4
    assert plan.warnings == (f"Used as references: 1 picture of the 3 frames of run {part.run_id}.",)
