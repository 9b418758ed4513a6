"""The Python client: the same set in every way of asking, and nothing left behind by a run that was stopped."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import textwrap
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from raw_server import Behaviour, Gate, Hang, RawServer, Reply, Request, Reset, json_reply
from seedream_magic import (
    ConfigError,
    Frame,
    ImageInvalid,
    ImageSet,
    InvalidRequest,
    MissingKey,
    NoConnection,
    Seedream,
    SeedreamError,
    SeedreamInterrupted,
)
from seedream_magic.api.plan import Lineage
from served import KEY, client, in_nest_mode, record, served
from service import PICTURE, POST, picture, stream_head, succeeded, whole_answer

NEVER = threading.Event()
REFUSAL = json_reply({"error": {"code": "InvalidParameter", "message": "no"}}, status=400)


def stalled(request: Request) -> Behaviour:
    """A stream that sends its first picture and then nothing."""
    return Gate(stream_head() + succeeded(request, 0), NEVER, b"")


WAYS = {
    "a plain script": "images = seedream.generate('x', images=3)",
    "stream": """
async def last():
    seen = []
    async for images in seedream.stream('x', images=3):
        seen.append(images)
    assert len(seen) > 1 and seen[0].state == "running" and len(seen[0].ok) == 0
    arrived = [len(images.ok) for images in seen]
    assert arrived == sorted(arrived)
    return seen[-1]
images = asyncio.run(last())
""",
    "the running loop itself": """
async def inside():
    ticks = []
    async def tick():
        while True:
            ticks.append(1)
            await asyncio.sleep(0.001)
    ticker = asyncio.create_task(tick())
    images = nested.generate('x', images=3)
    assert len(ticks) > 1, "the caller's loop stood still"
    ticker.cancel()
    await asyncio.wait([ticker])
    assert asyncio.all_tasks() == {asyncio.current_task()}
    return images
images = asyncio.run(inside())
""",
    "a transport of the running loop": """
import httpx
class Bound(httpx.AsyncHTTPTransport):
    '''Every request takes turns at a lock, and waits for a future, of the loop that is running now.'''
    def __init__(self):
        super().__init__()
        self.loop = asyncio.get_running_loop()
        self.turn = asyncio.Lock()
        self.requests = 0
    async def handle_async_request(self, request):
        async with self.turn:
            ready = self.loop.create_future()
            self.loop.call_later(0.001, ready.set_result, None)
            await ready
            self.requests += 1
        return await super().handle_async_request(request)
async def inside():
    bound = Bound()
    async with bound:
        images = Seedream(**settings, transport=bound, event_loop="nest").generate('x', images=3)
    assert bound.requests == 4
    return images
images = asyncio.run(inside())
""",
}

SCRIPT = """
import asyncio, hashlib, sys, threading, warnings
warnings.simplefilter("error")
from seedream_magic import Seedream
settings = dict(provider="anyfast", api_key={key!r}, base_url={url!r}, store={store!r})
seedream, nested = Seedream(**settings), Seedream(**settings, event_loop="nest")
{way}
assert len(images) == 3 and not images.failed and images.state == "done", images
assert [frame.path.name for frame in images] == ["01.jpg", "02.jpg", "03.jpg"]
assert [hashlib.sha256(frame.path.read_bytes()).hexdigest() for frame in images] == [f.sha256 for f in images]
assert [(frame.index, frame.width, frame.height) for frame in images] == [(0, 64, 48), (1, 64, 48), (2, 64, 48)]
assert images.usage["generated_images"] == images.billed == 3
assert images.folder.name == images.run_id
for thread in threading.enumerate():
    if thread is not threading.current_thread():
        thread.join(2)
assert threading.active_count() == 1, threading.enumerate()
print("drawn")
"""


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_asking_gives_the_same_set(way: str, store: Path) -> None:
    """In scripts, inside a running loop, awaited, streamed, on the caller's own loop: one POST, three pictures."""
    with served({POST: whole_answer, PICTURE: picture}, store) as server:
        code = SCRIPT.format(key=KEY, url=f"{server.url}/v1", store=str(store), way=textwrap.dedent(WAYS[way]))
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("drawn\n", "", 0)


def test_one_transport_serves_runs_side_by_side_and_after_one_another(store: Path) -> None:
    """The end of one run does not close the connections of the other."""
    finish = threading.Event()

    def answer(request: Request) -> Behaviour:
        whole = whole_answer(request)
        assert isinstance(whole, Reply)
        return Gate(b"", finish, bytes(whole)) if request.json()["prompt"] == "slow" else whole

    async def both(server: RawServer) -> list[ImageSet]:
        seedream = client(server, store, transport=httpx.AsyncHTTPTransport())
        slow = asyncio.create_task(seedream.agenerate("slow"))
        await asyncio.to_thread(server.wait_for, lambda seen: seen.posts == 1)
        quick = await seedream.agenerate("quick")
        finish.set()
        return [await slow, quick, await asyncio.to_thread(seedream.generate, "third")]

    with served({POST: answer, PICTURE: picture}, store, posts=3) as server:
        assert [len(images.ok) for images in asyncio.run(both(server))] == [1, 1, 1]


async def nothing_left(server: RawServer) -> None:
    """No connection, no task but this one, and no thread of a run, within two seconds."""
    await asyncio.to_thread(server.wait_for, lambda seen: seen.open_connections == 0)
    async with asyncio.timeout(2):
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(tasks)
    for thread in threading.enumerate():
        if thread.name == "seedream-run":
            thread.join(2)
            assert not thread.is_alive()


@pytest.mark.parametrize("when", ["before the answer", "after the first picture"])
def test_a_stream_that_is_left_closes_its_connection(when: str, store: Path) -> None:
    """What came is on disk; the record says that it was stopped; no task, thread, or half file is left."""
    early = when == "before the answer"

    async def run(server: RawServer) -> None:
        growing: AsyncGenerator[ImageSet, None] = client(server, store).stream("x", images=2)
        async for images in growing:
            if images.ok or early:
                break
        if early:
            pending = asyncio.ensure_future(anext(growing))
            await asyncio.to_thread(server.wait_for, lambda seen: seen.posts == 1)
            pending.cancel()
            await asyncio.wait([pending])
        await growing.aclose()
        await nothing_left(server)

    with served({POST: Hang(NEVER) if early else stalled, PICTURE: picture}, store) as server:
        asyncio.run(run(server))
    facts = record(store)
    files = [frame["file"] for frame in facts["frames"]]
    assert (facts["state"], files) == ("stopped", [] if early else ["01.jpg"])
    assert facts["outcome"] == ("unknown" if early else "billed")


@pytest.mark.fault("F98")
def test_a_run_is_good_after_twelve_that_were_cancelled(store: Path) -> None:
    """Once or twice in a row: its connection is closed, its record written, and none that others need is used up."""

    def answer(request: Request) -> Behaviour:
        return whole_answer(request) if request.json()["prompt"] == "good" else stalled(request)

    async def run(server: RawServer) -> ImageSet:
        seedream = client(server, store)
        for count in range(1, 13):
            drawing = asyncio.create_task(seedream.agenerate(f"x {count}", images=2))
            await asyncio.to_thread(server.wait_for, lambda seen, n=count: seen.count("GET", "/picture") == n)  # type: ignore[misc]  # mypy infers no lambda with a default
            for _ in range(1 + count % 2):
                drawing.cancel()
                await asyncio.sleep(0)
            with pytest.raises(asyncio.CancelledError):
                await drawing
        await nothing_left(server)
        assert [entry.state for entry in seedream.history()] == ["stopped"] * 12
        images = await seedream.agenerate("good", images=2)
        await nothing_left(server)
        return images

    with served({POST: answer, PICTURE: picture}, store, posts=13) as server:
        assert len(asyncio.run(run(server)).ok) == 2


def test_an_interrupt_tells_of_pictures_that_were_not_shown_yet(store: Path) -> None:
    """They landed while the caller was still showing the first value; they are saved and told all the same."""
    shown: list[Frame] = []

    def slow(images: ImageSet) -> None:
        (run,) = [thread for thread in threading.enumerate() if thread.name == "seedream-run"]
        run.join(10)
        shown.extend(images.ok)
        raise KeyboardInterrupt

    with served({POST: whole_answer, PICTURE: picture}, store) as server:
        seedream = client(server, store)
        with pytest.raises(SeedreamInterrupted) as caught:
            seedream.run(seedream.plan("x", images=3), on_change=slow)
    assert shown == []
    assert [path.name for path in caught.value.saved] == ["01.jpg", "02.jpg", "03.jpg"]


KINDS = (ZeroDivisionError, BrokenPipeError, asyncio.CancelledError, SystemExit, GeneratorExit, RecursionError)


@pytest.mark.parametrize("kind", KINDS)
def test_no_error_of_an_observer_ends_a_run(
    kind: type[BaseException], store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What `on_change` raises is told once on stderr, be it an `Exception` or not: the run is paid."""
    seen: list[ImageSet] = []

    def on_change(images: ImageSet) -> None:
        seen.append(images)
        raise kind("gone")

    with served({POST: whole_answer, PICTURE: picture}, store) as server:
        seedream = client(server, store)
        images = seedream.run(seedream.plan("x", images=2), on_change=on_change)
    assert (images.state, len(images.ok), record(store)["state"]) == ("done", 2, "done")
    assert seen[-1] == images
    assert capsys.readouterr().err == f"Showing this run failed ({kind.__name__}: gone). The run goes on.\n"


def test_no_error_of_an_observer_ends_a_run_on_the_caller_s_own_loop(store: Path) -> None:
    """The same with `event_loop="nest"`."""
    kinds = ", ".join(kind.__name__ for kind in KINDS)
    code = f"""
    import contextlib, io
    from asyncio import CancelledError
    for kind in ({kinds}):
        def on_change(images):
            raise kind("gone")
        with contextlib.redirect_stderr(io.StringIO()) as said:
            images = seedream.run(seedream.plan(kind.__name__, images=2), on_change=on_change)
        assert (images.state, len(images.ok)) == ("done", 2)
        assert said.getvalue() == f"Showing this run failed ({{kind.__name__}}: gone). The run goes on.\\n"
    """
    with served({POST: whole_answer, PICTURE: picture}, store, posts=len(KINDS)) as server:
        in_nest_mode(code, server, store)


def test_a_fault_of_the_program_ends_a_run_in_words(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a run in the background: what broke it off is told as every error is, with the set so far."""

    def faulty(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by none")

    monkeypatch.setattr(ImageSet, "finished", faulty)

    async def inside(seedream: Seedream) -> tuple[object, object]:
        ended = asyncio.get_running_loop().create_future()
        plan = seedream.plan("x")
        seedream.start(plan, on_change=lambda _: None, on_end=lambda *end: ended.set_result(end))
        told: tuple[object, object] = await ended
        return told

    with served({POST: whole_answer, PICTURE: picture}, store) as server:
        images, failure = asyncio.run(inside(client(server, store)))
    assert isinstance(failure, SeedreamError)
    assert str(failure) == "The run ended because of a fault in this program (ZeroDivisionError: by none)."
    assert failure.billed == "unknown"
    assert isinstance(images, ImageSet)
    assert len(images.ok) == 1


@pytest.mark.parametrize("key", [None, "", "  "])
def test_without_a_key_nothing_is_sent_or_written(key: str | None, store: Path) -> None:
    """The message names the variables."""
    with served({POST: whole_answer}, store, posts=0) as server:
        seedream = Seedream("anyfast", api_key=key, base_url=f"{server.url}/v1", store=store)
        with pytest.raises(MissingKey) as caught:
            seedream.generate("x")
        with pytest.raises(MissingKey):
            asyncio.run(seedream.agenerate("x"))
    assert "ANYFAST_API_KEY" in caught.value.hint
    assert list(store.iterdir()) == []


DEMO = """
import socket, sys
from seedream_magic import Seedream
listen, listening = socket.socket.listen, []
def counted(self, *backlog):
    listening.append(self)
    return listen(self, *backlog)
socket.socket.listen = counted
seedream = Seedream("demo", store=sys.argv[1])
plan = seedream.plan("a hen")
shown = repr(plan), plan.curl(), seedream.plan("a hen", images=4).base_url
assert listening == []
assert "seedream_magic.demo.server" not in sys.modules
assert "tornado" not in sys.modules
assert "demo" in shown[0], shown
assert shown[2].startswith("http://") or "demo" in shown[2], shown
assert len(seedream.run(plan).ok) == 1
assert len(listening) == 1
assert seedream.plan("a hen").stored
print("drawn")
"""


def test_a_plan_for_the_demo_starts_no_demo(store: Path) -> None:
    """Its server is there when something is drawn; till then nothing listens, and the plan can be shown."""
    command = [sys.executable, "-c", DEMO, str(store)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("drawn\n", "")


def test_the_environment_fills_what_is_not_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Provider, address, model and store; what is given comes first, then the defaults."""
    plain = Seedream()
    assert (plain.provider.name, plain.base_url) == ("anyfast", "https://www.anyfast.ai/v1")
    assert plain.store == tmp_path / "seedream-runs"
    monkeypatch.setenv("SEEDREAM_PROVIDER", "ark")
    monkeypatch.setenv("SEEDREAM_BASE_URL", "https://example.com/v1/")
    monkeypatch.setenv("SEEDREAM_MODEL", "ep-1")
    monkeypatch.setenv("SEEDREAM_STORE", "~/pictures")
    named = Seedream()
    assert (named.provider.name, named.base_url, named.model) == ("ark", "https://example.com/v1", "ep-1")
    assert named.store == Path.home() / "pictures"
    assert Seedream("byteplus", base_url="https://e.com", model="m", store="s").provider.name == "byteplus"
    with pytest.raises(ConfigError, match="store"):  # of nobody's home
        Seedream(store="~no-such-user-here/runs")


@pytest.mark.parametrize("change", ["purged", "another request", "fresh"])
def test_a_plan_that_no_longer_names_its_set_is_looked_up(change: str, store: Path) -> None:
    """The set is gone, or another is asked for: it is made."""
    with served({POST: whole_answer, PICTURE: picture}, store, posts=3) as server:
        seedream = client(server, store)
        first, second = seedream.generate("x"), seedream.generate("x", fresh=True)
        plan = seedream.plan("x")
        assert plan.stored == second.run_id
        if change == "purged":
            seedream.purge(first.run_id)
            seedream.purge(second.run_id)
        request = seedream.plan("y").request if change == "another request" else plan.request
        assert not seedream.run(replace(plan, request=request, fresh=change == "fresh")).replayed


def test_a_plan_shows_the_set_that_it_names(store: Path) -> None:
    """Though another take has come, or an earlier one has gone, since it was made."""
    with served({POST: whole_answer, PICTURE: picture}, store, posts=3) as server:
        seedream = client(server, store)
        first, second = seedream.generate("x"), seedream.generate("x", fresh=True)
        plans = seedream.plan("x"), seedream.plan("x", take=2)
        seedream.generate("x", fresh=True)
        seedream.purge(first.run_id)
        assert [seedream.run(plan).run_id for plan in plans] == [second.run_id] * 2


def test_a_stop_after_the_last_picture_leaves_a_set(store: Path) -> None:
    """The stream stayed open: nothing is lacking, so the same request is shown and not paid again."""

    def answer(request: Request) -> Behaviour:
        return Gate(stream_head() + succeeded(request, 0) + succeeded(request, 1), NEVER, b"")

    def stop(images: ImageSet) -> None:
        if len(images.ok) == 2:
            raise KeyboardInterrupt

    with served({POST: answer, PICTURE: picture}, store) as server:
        seedream = client(server, store)
        plan = seedream.plan("x", images=2)
        with pytest.raises(SeedreamInterrupted, match="2 of 2"):
            seedream.run(plan, on_change=stop)
        assert seedream.run(plan).replayed


@pytest.mark.parametrize(
    ("answer", "billed", "doubtful"),
    [
        (whole_answer, 4, 0),
        (REFUSAL, 0, 0),
        (Hang(NEVER), 0, 4),
        (Reply(200, {}, b"<html>Log in</html>"), 0, 4),
        (lambda request: Reset(stream_head() + succeeded(request, 0)), 1, 3),
    ],
    ids=["whole", "refused", "no answer", "a page", "cut after one"],
)
def test_what_may_be_billed_besides_is_counted(
    answer: Behaviour | Callable[[Request], Behaviour], billed: int, doubtful: int, store: Path
) -> None:
    """The limits of a session see what nobody knows, too."""
    with served({POST: answer, PICTURE: picture}, store) as server:
        seedream = client(server, store)
        with contextlib.suppress(SeedreamError):
            seedream.generate("x", images=4, timeout=0.3 if isinstance(answer, Hang) else None)
    assert (seedream.session.billed.total(), seedream.session.doubtful.total()) == (billed, doubtful)


@pytest.mark.parametrize(("until", "may_bill"), [("not_sent", 0), ("unknown", 1)])
def test_a_stop_tells_of_its_own_run(seedream: Seedream, server: RawServer, until: str, may_bill: int) -> None:
    """Of a frame that is drawn anew, not of those that were there; its image may be billed once it is asked for."""

    class Progress:
        def show(self, images: ImageSet) -> None:
            if images.outcome == until:
                raise KeyboardInterrupt

        def clear(self) -> None:
            """Nothing was shown."""

    images = seedream.generate("x", images=4)
    seedream.progress = Progress
    with pytest.raises(SeedreamInterrupted, match="Stopped after 0 of 1 pictures") as stopped:
        images.redo(1)
    assert stopped.value.images is not None
    assert len(stopped.value.images.ok) == 4
    sent = may_bill or server.posts > 1  # the request may leave while the Stop is on its way
    assert seedream.session.doubtful.total() in ({1} if sent else {0, 1})


def test_a_transport_that_raises_anything_is_told_in_words(store: Path) -> None:
    """While references are fetched nothing was sent; what signs their links is not repeated."""

    def answer(request: httpx.Request) -> httpx.Response:
        raise LookupError(f"no way to {request.url}")

    seedream = Seedream("anyfast", api_key=KEY, store=store, transport=httpx.MockTransport(answer))
    with pytest.raises(NoConnection, match="references could not be fetched") as error:
        seedream.generate("x", refs="https://pictures.volces.com/1.jpg?X-Tos-Signature=canary")
    assert "canary" not in "".join(error.value.lines())
    assert "canary" not in next(store.glob("*/request.json")).read_text()


def test_what_goes_on_from_a_run_that_is_gone_is_not_sent(seedream: Seedream, server: RawServer) -> None:
    """The plan was made before: its picture would come without the set that it belongs to."""
    images = seedream.generate("x", images=2)
    plan = replace(seedream.plan("x"), lineage=Lineage("redo", images.run_id, (1,)))
    seedream.purge(images.run_id)
    with pytest.raises(InvalidRequest, match="goes on from"):
        seedream.run(plan)
    assert server.posts == 1


@pytest.fixture
def images(store: Path) -> ImageSet:
    """Three frames, the second of which could not be fetched."""

    def one_dead(request: Request) -> Behaviour:
        return Reply(404) if request.path.startswith("/picture/1.") else picture(request)

    with served({POST: whole_answer, PICTURE: one_dead}, store) as server:
        return client(server, store).generate("四季", images=3)


def test_a_set_is_a_sequence_of_frames_in_their_places(images: ImageSet) -> None:
    """Length, indexes, slices, iteration, membership; failed frames keep their places."""
    assert isinstance(images, Sequence)
    assert len(images) == 3
    assert [frame.index for frame in images] == [0, 1, 2]
    assert images[-1] is images[2]
    assert images[:2] == (images[0], images[1])
    assert [frame.index for frame in reversed(images)] == [2, 1, 0]
    assert images[2] in images
    assert images.index(images[2]) == 2
    with pytest.raises(IndexError, match=r"^This set has 3 frames: images\[0\] to images\[2\]\.$") as caught:
        images[3]
    assert isinstance(caught.value, InvalidRequest)  # which a notebook tells in one line
    assert (images.ok, images.failed) == ((images[0], images[2]), (images[1],))
    assert images.prompt == images[1].prompt == "四季"


def test_a_set_tells_the_facts_of_its_run(images: ImageSet, store: Path) -> None:
    """Usage as reported, the folder whose name is the run id, and what a sidecar says."""
    assert images.usage == {"generated_images": 3, "output_tokens": 36, "total_tokens": 36}
    assert (images.folder, images.folder.name) == (store / images.run_id, images.run_id)
    assert (images.provider, images.expected, images.billed) == ("anyfast", 3, 3)
    assert images.seconds > 0
    sidecar = json.loads((images.folder / "03.json").read_text())
    assert (sidecar["sha256"], sidecar["width"]) == (images[2].sha256, images[2].width)
    assert images[0].path == images.folder / "01.jpg"
    assert not (images.folder / "02.json").exists()


def test_a_frame_opens_as_a_picture_or_raises_its_error(images: ImageSet) -> None:
    """A Pillow image of the original; the failed one raises what failed, one on its way says so."""
    assert images[0].image.size == (images[0].width, images[0].height) == (64, 48)
    with pytest.raises(SeedreamError) as caught:
        _ = images[1].image
    assert caught.value is images[1].error
    assert (images[1].path, images[1].ok) == (None, False)
    with pytest.raises(SeedreamError, match="Frame 4 has not arrived"):
        _ = Frame(3, "x").image
    assert images[0].path
    images[0].path.unlink()
    with pytest.raises(ImageInvalid, match=r"01\.jpg"):
        _ = images[0].image


def test_require_all_gives_the_set_or_the_first_error(images: ImageSet) -> None:
    """The error carries the set, its run, and the files that are there."""
    with pytest.raises(SeedreamError) as caught:
        images.require_all()
    error = caught.value
    assert error is images[1].error
    assert error.images is images
    assert (error.run_id, error.billed) == (images.run_id, "yes")
    assert error.saved == (images[0].path, images[2].path)
    whole = replace(images, frames=images.ok)
    assert whole.require_all() is whole


def test_sets_and_frames_are_frozen(images: ImageSet) -> None:
    """A growing set is a series of values; an old one never changes."""
    for value, name in ((images, "frames"), (images[0], "path"), (images.request, "prompt")):
        with pytest.raises(FrozenInstanceError):
            setattr(value, name, None)
    grown = images.with_frame(Frame(4, "x")).with_note("once").with_note("once")
    assert (len(images), len(grown), grown.notes) == (3, 5, (*images.notes, "once"))
    assert grown[3].error is None


@pytest.mark.parametrize(("reported", "billed"), [(None, 3), (2, 2), (-1, 3), (True, 3)])
def test_what_is_billed_is_what_was_reported_or_delivered(images: ImageSet, reported: Any, billed: int) -> None:
    """A picture that could not be fetched was made."""
    assert replace(images, usage=None if reported is None else {"generated_images": reported}).billed == billed


def broken(*_: object) -> None:
    """An observer that fails whenever it is called."""
    raise ZeroDivisionError("no display")


WARNED = "Showing this run failed (ZeroDivisionError: no display). The run goes on.\n"


def test_a_progress_that_cannot_be_taken_away_costs_no_set(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither one that cannot be made, shown or cleared."""

    class Progress:
        show = clear = staticmethod(broken)

    def unmade() -> Progress:
        raise ZeroDivisionError("no display")

    with served({POST: whole_answer, PICTURE: picture}, store, posts=2) as server:
        seedream = client(server, store)
        for progress in (unmade, Progress):
            seedream.progress = progress
            assert len(seedream.generate(progress.__name__, images=2).ok) == 2
    assert set(capsys.readouterr().err.splitlines(keepends=True)) == {WARNED}


@pytest.mark.parametrize("in_loop", [False, True])
def test_an_error_of_an_observer_ends_no_run_of_the_background(
    store: Path, capsys: pytest.CaptureFixture[str], *, in_loop: bool
) -> None:
    """Whether it is told on the caller's loop or, where none runs, on the run's own thread; so for its end."""
    ends: list[ImageSet | None] = []
    ended = threading.Event()

    def on_end(images: ImageSet | None, _: object) -> None:
        ends.append(images)
        ended.set()
        broken()

    async def start() -> None:
        seedream.start(seedream.plan("x", images=2), on_change=broken, on_end=on_end)
        await asyncio.to_thread(ended.wait, 20)

    with served({POST: whole_answer, PICTURE: picture}, store) as server:
        seedream = client(server, store)
        if in_loop:
            asyncio.run(start())
        else:
            seedream.start(seedream.plan("x", images=2), on_change=broken, on_end=on_end)
        assert ended.wait(20)
    assert [(images.state, len(images.ok)) for images in ends if images] == [("done", 2)]
    assert set(capsys.readouterr().err.splitlines(keepends=True)) == {WARNED}
