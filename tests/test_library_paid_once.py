"""Paid once on this machine: the accidents, copies and races that once paid again, each at one POST in all."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
import unicodedata
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from asking import REFUSED, data, join_runs, run, stop_at
from fault import shades
from kernel import Kernel, Result, running_kernel
from kill import killing
from raw_server import EVENT_STREAM, Close, Gate, Hang, RawServer, Reply, Request, json_reply, raw_server
from seedream_magic import ImageSet, InvalidRequest, OutcomeUnknown, Seedream, SeedreamError, SeedreamInterrupted
from seedream_magic.history import find
from seedream_magic.images.stored_runs import records
from served import KEY, client
from service import PICTURE, POST, bodies, completed, jpeg, link, picture, stream_head, succeeded, whole_answer
from test_index import LONG_AGO, new_process

pytestmark = pytest.mark.usefixtures("no_pause")
WHOLE = {POST: whole_answer, PICTURE: picture}
NEVER = threading.Event()
CELL = "%%seedream -n 3\nx"


@pytest.fixture(autouse=True)
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The library of this test alone."""
    path = tmp_path / "library.sqlite3"
    monkeypatch.setenv("SEEDREAM_LIBRARY", str(path))
    return path


class Slow:
    """Answers with two pictures when released; how many requests wait is what the server counts."""

    def __init__(self) -> None:
        self.release = threading.Event()

    def __call__(self, request: Request) -> Gate:
        rest = b"".join(succeeded(request, index) for index in range(2)) + completed(2)
        return Gate(stream_head(), self.release, rest)


@pytest.fixture
def slow_post() -> Iterator[Slow]:
    slow = Slow()
    yield slow
    slow.release.set()


def first_only(request: Request) -> Gate:
    """A stream that has sent one of three pictures, and never goes on."""
    return Gate(stream_head() + succeeded(request, 0), NEVER, b"")


def stop_run(seedream: Seedream, pictures: int = 1, **options: Any) -> str:
    """The id of a run for three pictures that was stopped when so many had come."""

    def stop(images: ImageSet) -> None:
        if len(images.ok) >= pictures:
            raise KeyboardInterrupt

    with pytest.raises(SeedreamInterrupted):
        seedream.run(seedream.plan("x", images=3, **options), on_change=stop)
    return max(record.run_id for record in records(seedream.store))


# ------------------------------------------------------------------------------ a set that became whole


@pytest.mark.parametrize("way", ["retry of what was stopped", "retry of what was refused", "redo"])
def test_a_set_that_was_made_whole_answers_its_cell(way: str, shell: InteractiveShell, server: RawServer) -> None:
    """A run that was stopped, or of which frames were refused; whatever asked for what it lacked, the cell shows it."""
    if way == "retry of what was stopped":
        server._scenario = {POST: first_only, PICTURE: picture}
        run_id = stop_run(Seedream())
    else:
        server._scenario = {POST: lambda request: data(request, 0, REFUSED, REFUSED), PICTURE: picture}
        run(shell, "%%seedream some << -n 3 --no-stream\nx")
        run_id = shell.user_ns["some"].run_id
    server._scenario = WHOLE
    if way == "redo":
        assert run(shell, "some = some.redo(1, 2)")[0] is None
    else:
        assert run(shell, f"%seedream retry {run_id}")[0] is None
    assert bodies(server.requests)[-1]["sequential_image_generation_options"] == {"max_images": 2}
    for cell in (CELL, f"{CELL} ", CELL.replace("-n 3", "-n 3 --no-stream")):
        error, shown = run(shell, cell)
        images = shell.user_ns["_seedream"]
        assert (error, images.replayed, images.complete, len(images)) == (None, True, True, 3)
        assert "nothing billed" in shown
    assert server.posts == 2


def test_a_set_that_recover_made_whole_answers_its_cell(shell: InteractiveShell, server: RawServer) -> None:
    """Its links were all on disk: one POST in all."""
    server._scenario = {POST: whole_answer, PICTURE: Close()}
    run(shell, CELL)
    server._scenario = {PICTURE: picture}
    assert run(shell, "%seedream recover")[0] is None
    assert run(shell, CELL)[0] is None
    assert (shades(shell.user_ns["_seedream"]), server.posts) == ([0, 1, 2], 1)


# ------------------------------------------------------------------------------ pictures that are named but not here


REFUSED_AND_DRAWN: dict[str, Callable[[Request, int], Reply]] = {
    "json": lambda request, status: json_reply({"data": [{"url": link(request, at)} for at in range(3)]}, status),
    "events": lambda request, status: Reply(
        status, EVENT_STREAM, b"".join(succeeded(request, at) for at in range(3)) + completed(3)
    ),
    "base64": lambda request, status: json_reply(
        {"error": "x", "data": [{"b64_json": b64encode(jpeg(at)).decode()} for at in range(3)]}, status
    ),
}


@pytest.mark.parametrize("status", [429, 400, 401, 500])
@pytest.mark.parametrize("form", REFUSED_AND_DRAWN)
def test_what_a_refusal_holds_is_kept_and_fetched(form: str, status: int, store: Path) -> None:
    """A gateway's status that says no, over the pictures of a request that was served: nothing is sent again."""
    answer = REFUSED_AND_DRAWN[form]
    with raw_server({POST: lambda request: answer(request, status), PICTURE: picture}) as server:
        seedream = client(server, store)
        with pytest.raises(SeedreamError) as caught:
            seedream.generate("x", images=3)
        assert (caught.value.billed, server.posts) == ("unknown", 1)
        assert "event:" not in str(caught.value)
        images = seedream.generate("x", images=3)
        assert (len(images.ok), server.posts) == (3, 1)


def down(request: Request) -> Close:
    return Close()


def fetched_late(seedream: Seedream, server: RawServer, way: str) -> None:
    """A run whose three links are on disk and whose pictures are not."""
    if way == "image host down":
        server._scenario = {POST: whole_answer, PICTURE: Close()}
        with suppress(SeedreamError):
            seedream.generate("x", images=3)
    elif way == "one picture down":
        server._scenario = {POST: whole_answer, PICTURE: picture, ("GET", "/picture/1"): Close()}
        seedream.generate("x", images=3)
    elif way == "Stop":
        server._scenario = {POST: whole_answer, PICTURE: Hang(NEVER)}
        with pytest.raises(SeedreamInterrupted):
            seedream.run(seedream.plan("x", images=3), on_change=stop_at(3))
    elif way == "timeout":
        server._scenario = {POST: whole_answer, PICTURE: Hang(NEVER)}
        with suppress(SeedreamError):
            seedream.generate("x", images=3, timeout=0.5)
    server.wait_for(lambda seen: seen.open_connections == 0)
    server._scenario = {PICTURE: picture}


@pytest.mark.parametrize("way", ["image host down", "one picture down", "Stop", "timeout"])
@pytest.mark.parametrize("where", ["the same store", "another store"])
def test_what_was_named_is_fetched_and_not_paid(
    way: str, where: str, shell: InteractiveShell, server: RawServer, tmp_path: Path
) -> None:
    """The same cell brings the pictures, and no request could be answered any more."""
    fetched_late(client(server, tmp_path / "first" if where == "another store" else Seedream().store), server, way)
    error, shown = run(shell, CELL)
    assert error is None, shown
    assert (shades(shell.user_ns["_seedream"]), server.posts) == ([0, 1, 2], 1)
    assert run(shell, CELL)[0] is None
    assert (shades(shell.user_ns["_seedream"]), server.posts) == ([0, 1, 2], 1)


@pytest.mark.parametrize("stream", [True, False])
def test_what_a_killed_process_was_promised_is_fetched(tmp_path: Path, *, stream: bool) -> None:
    """Kill -9 while the pictures are on their way: a cell of the next process brings them."""
    with killing(scenario={PICTURE: Hang(NEVER)}) as (killer, server):
        gets = server.gets

        def all_asked_for() -> None:
            server.wait_for(lambda seen: seen.gets == gets + 3)

        died = killer.kill_when(tmp_path / "store", all_asked_for, stream=stream)
        assert died
        server.wait_for(lambda seen: seen.open_connections == 0)
        server._scenario = {PICTURE: picture}
        images = client(server, tmp_path / "store").generate("x", images=3)
        assert (shades(images), server.posts) == ([0, 1, 2], 1)


def test_only_what_was_never_made_is_asked_for(shell: InteractiveShell, server: RawServer) -> None:
    """One of three came before Stop: its cell asks for two, says so before, and shows all three from then on."""
    server._scenario = {POST: first_only, PICTURE: picture}
    stop_run(Seedream())
    server._scenario = WHOLE
    dry = run(shell, "%%seedream -n 3 --dry-run\nx")[1]
    assert server.posts == 1
    assert "1 of 3" in dry
    error, shown = run(shell, CELL)
    assert error is None, shown
    assert bodies(server.requests)[-1]["sequential_image_generation_options"] == {"max_images": 2}
    assert len(shell.user_ns["_seedream"].ok) == 3
    assert run(shell, CELL)[0] is None
    assert (len(shell.user_ns["_seedream"].ok), server.posts) == (3, 2)
    assert run(shell, "%%seedream -n 3 --fresh\nx")[0] is None
    assert bodies(server.requests)[-1]["sequential_image_generation_options"] == {"max_images": 3}


# ------------------------------------------------------------------------------ folders that travel


def zipped(source: Path, place: Path) -> None:
    """Packed, deleted, and unpacked elsewhere, as a mail attachment is: times are those of the unpacking."""
    archive = shutil.make_archive(str(place.parent / "archive"), "zip", source)
    shutil.rmtree(source)
    shutil.unpack_archive(archive, place)


TRAVELS: dict[str, Callable[[Path, Path], object]] = {
    "copied": shutil.copytree,
    "moved": shutil.move,
    "renamed": lambda source, place: source.rename(place),
    "zipped": zipped,
}


@pytest.mark.parametrize("machine", ["this one", "another one", "no library"])
@pytest.mark.parametrize("way", TRAVELS)
def test_a_notebook_that_travels_with_its_store_sends_nothing(
    way: str, machine: str, server: RawServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here, where the library knows it, on a machine whose library has never seen it, and without a library."""
    there, here = tmp_path / "book", tmp_path / "elsewhere" / "书 copy"
    here.parent.mkdir()
    first = client(server, there / "seedream-runs")
    made = [first.generate("x", images=2), first.generate("y", refs=[jpeg(4)])]
    made.append(made[0].redo(1))
    drawn = [shades(images) for images in made]
    TRAVELS[way](there, here)
    if machine != "this one":
        monkeypatch.setenv("SEEDREAM_LIBRARY", "" if machine == "no library" else str(tmp_path / "other.sqlite3"))
    again = client(server, here / "seedream-runs")
    shown = [again.generate("x", images=2), again.generate("y", refs=[jpeg(4)])]
    shown.append(again.show(made[0].run_id).redo(1))
    assert [shades(images) for images in shown] == drawn
    assert all(images.replayed and here in images.folder.parents for images in shown)
    assert server.posts == 3


def test_a_copied_notebook_without_its_store_is_shown_from_there(
    shell: InteractiveShell, server: RawServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pictures stay where they are, and it says from where; once they are deleted there, they are paid anew."""
    first = client(server, tmp_path / "book" / "seedream-runs").generate("x", images=3)
    billed = Seedream().session.images_billed
    error, shown = run(shell, CELL)
    assert error is None, shown
    images = shell.user_ns["_seedream"]
    assert (images.folder, images.replayed, server.posts) == (first.folder, True, 1)
    assert "book/seedream-runs" in shown
    assert "nothing billed" in shown
    assert list(Seedream().store.glob("2*")) == []
    assert Seedream().session.images_billed == billed
    shutil.rmtree(tmp_path / "book")
    assert run(shell, CELL)[0] is None
    assert server.posts == 2
    monkeypatch.setenv("SEEDREAM_LIBRARY", "")
    assert Seedream("anyfast", store=tmp_path / "third").plan("x", images=3).stored is None


@pytest.mark.parametrize("lacks", ["*.jpg", "02.jpg", "0*"])
def test_a_copy_that_lacks_pictures_is_shown_from_the_original(
    lacks: str, seedream: Seedream, server: RawServer, tmp_path: Path
) -> None:
    """As a repository has them that leaves pictures out; a picture that is in both is shown from the copy."""
    seedream.generate("x", images=2)
    shutil.copytree(seedream.store, tmp_path / "copy", ignore=shutil.ignore_patterns(lacks))
    copied = client(server, tmp_path / "copy")
    images = copied.generate("x", images=2)
    assert (shades(images), images.folder.parent, server.posts) == ([0, 1], seedream.store, 1)
    shutil.copytree(seedream.store, copied.store, dirs_exist_ok=True)
    assert copied.generate("x", images=2).folder.parent == copied.store


def test_a_copy_that_was_made_in_the_middle_of_a_run_waits_for_it(
    seedream: Seedream, server: RawServer, tmp_path: Path, slow_post: Slow
) -> None:
    """The copy has no end of its own, and nobody to draw it; the run itself has."""
    server._scenario = {POST: slow_post, PICTURE: picture}
    thread = threading.Thread(target=seedream.generate, args=("x",), kwargs={"images": 2})
    thread.start()
    server.wait_for(lambda seen: seen.posts == 1)
    shutil.copytree(seedream.store, tmp_path / "copy")
    copied = client(server, tmp_path / "copy")
    assert "waiting for it" in copied.plan("x", images=2).warnings[0]
    slow_post.release.set()
    assert shades(copied.generate("x", images=2)) == [0, 1]
    thread.join(20)
    assert server.posts == 1


def test_a_store_that_is_away_is_named_before_it_is_paid_again(server: RawServer, tmp_path: Path) -> None:
    """A disk that is not plugged in: the plan says where the pictures are; with it nothing is paid."""
    disk, seedream = tmp_path / "disk", client(server, tmp_path / "here")
    client(server, disk / "book" / "seedream-runs").generate("x")
    disk.rename(tmp_path / "unplugged")
    (warning,) = seedream.plan("x").warnings
    assert "book/seedream-runs has pictures of this request, but is not there now" in warning
    assert seedream.plan("another").warnings == ()
    (tmp_path / "unplugged").rename(disk)
    assert (seedream.generate("x").replayed, server.posts) == (True, 1)


def test_a_run_whose_folder_was_renamed_is_named_before_it_is_paid_again(server: RawServer, tmp_path: Path) -> None:
    """Under a name of a person's own a folder is no run; the plan says which it is, and as that it is shown."""
    seedream = client(server, tmp_path / "runs")
    folder = seedream.generate("x").folder
    folder.rename(folder.with_name("封面 cover"))
    (tmp_path / "runs" / "notes").mkdir()
    (warning,) = seedream.plan("x").warnings
    assert (
        warning == f"The folder '封面 cover' in the store holds a run of this request: rename it back to {folder.name} "
        "and it is shown."
    )
    assert seedream.plan("another").warnings == ()
    folder.with_name("封面 cover").rename(folder)
    assert (seedream.generate("x").replayed, server.posts) == (True, 1)


@pytest.mark.parametrize("words", ["", "hare"])
def test_a_look_at_the_history_forgets_no_run(server: RawServer, tmp_path: Path, words: str) -> None:
    """While its record cannot be read; it is found by its words, and not paid again, once it can."""
    seedream = client(server, tmp_path / "runs")
    folder = seedream.generate("hare").folder
    record = (folder / "request.json").rename(tmp_path / "away")
    find(seedream.store, words, now=datetime.now(UTC))
    record.rename(folder / "request.json")
    new_process()
    assert [entry.folder for entry in find(seedream.store, "hare", now=datetime.now(UTC)).first] == [folder]
    assert (seedream.generate("hare").replayed, server.posts) == (True, 1)


def test_a_run_that_could_not_be_read_is_known_once_it_can_be(server: RawServer, tmp_path: Path) -> None:
    """A store that was copied here with its old times, and without the right to read it."""
    made = client(server, tmp_path / "there")
    folder = made.generate("hare").folder
    Path(os.environ["SEEDREAM_LIBRARY"]).unlink()
    record = (folder / "request.json").rename(tmp_path / "away")
    for path in (folder, made.store):
        os.utime(path, (LONG_AGO, LONG_AGO))
    made.generate("another")
    record.rename(folder / "request.json")
    os.utime(folder, (LONG_AGO, LONG_AGO))
    assert (made.generate("hare").replayed, server.posts) == (True, 2)


# ------------------------------------------------------------------------------ the same words


@pytest.mark.parametrize(
    "accident",
    ["renamed picture", "another ending", "CRLF", "NFD", "trailing blank", "the other way"],
)
def test_no_trifle_pays_again(accident: str, shell: InteractiveShell, server: RawServer) -> None:
    """Neither a renamed file nor another spelling of the same words."""
    words = "caf\u00e9 三座山\nin the rain"
    typed = {
        "CRLF": words.replace("\n", "\r\n"),
        "NFD": unicodedata.normalize("NFD", words),
        "trailing blank": words.replace("\n", " \n") + "\N{IDEOGRAPHIC SPACE}",
    }.get(accident, words)
    first, second = (typed, words) if accident != "the other way" else (unicodedata.normalize("NFD", words), words)
    assert run(shell, f"%%seedream\n{first}")[0] is None
    folder = shell.user_ns["_seedream"].folder
    if accident == "renamed picture":
        (folder / "01.jpg").rename(folder / "caf\u00e9.jpg")
    if accident == "another ending":
        (folder / "01.jpg").rename(folder / "01.JPEG")
    assert run(shell, f"%%seedream\n{second}")[0] is None
    images = shell.user_ns["_seedream"]
    assert (images.replayed, images.complete, server.posts) == (True, True, 1)


# ------------------------------------------------------------------------------ at once


@pytest.mark.parametrize("count", [3, 50])
def test_tasks_with_the_same_request_share_one(count: int, server: RawServer, store: Path, slow_post: Slow) -> None:
    """All begun before the first has ended, at one client and at many: one POST, and each has the set."""
    server._scenario = {POST: slow_post, PICTURE: picture}
    one = client(server, store)

    async def draw() -> list[ImageSet]:
        seedreams = [one if number % 2 else client(server, store) for number in range(count)]
        tasks = [asyncio.create_task(seedream.agenerate("x", images=2)) for seedream in seedreams]
        await asyncio.to_thread(server.wait_for, lambda seen: seen.posts == 1)
        slow_post.release.set()
        return await asyncio.gather(*tasks)

    sets = asyncio.run(draw())
    assert ({tuple(shades(images)) for images in sets}, len({images.run_id for images in sets})) == ({(0, 1)}, 1)
    assert sorted(images.replayed for images in sets) == [False, *[True] * (count - 1)]
    assert server.posts == 1
    assert sum(one.session.billed.values()) == 2


def test_threads_with_the_same_request_share_one(
    server: RawServer, store: Path, tmp_path: Path, slow_post: Slow
) -> None:
    """Twenty of them, over two stores."""
    server._scenario = {POST: slow_post, PICTURE: picture}
    sets, stores = list[ImageSet](), (store, tmp_path / "other")

    def draw(number: int) -> None:
        sets.append(client(server, stores[number % 2]).generate("x", images=2))

    threads = [threading.Thread(target=draw, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    server.wait_for(lambda seen: seen.posts == 1)
    slow_post.release.set()
    for thread in threads:
        thread.join(60)
    assert ([shades(images) for images in sets], server.posts) == ([[0, 1]] * 20, 1)


def test_a_cell_waits_for_the_background(shell: InteractiveShell, server: RawServer, slow_post: Slow) -> None:
    """What a cell has begun with `--bg` is shown by another with the same words; `--fresh` pays."""
    server._scenario = {POST: slow_post, PICTURE: picture}
    assert run(shell, "%%seedream --bg --quiet -n 2\nx")[0] is None
    server.wait_for(lambda seen: seen.posts == 1)
    threading.Timer(0.3, slow_post.release.set).start()
    assert run(shell, "%%seedream again << -n 2\nx")[0] is None
    assert (shades(shell.user_ns["again"]), server.posts) == ([0, 1], 1)
    assert run(shell, "%%seedream --fresh -n 2\nx")[0] is None
    assert server.posts == 2
    join_runs()


def test_who_waits_sees_the_set_grow_and_is_refused_by_no_limit(
    shell: InteractiveShell, server: RawServer, slow_post: Slow
) -> None:
    """A limit of two images, and three who want the same two; the second picture is not there yet."""

    def answer(request: Request) -> Gate:
        return Gate(stream_head() + succeeded(request, 0), slow_post.release, succeeded(request, 1) + completed(2))

    server._scenario = {POST: answer, PICTURE: picture}
    shell.run_cell("%config SeedreamMagics.max_images_per_session = 2")
    grown = list[list[int]]()

    async def follow() -> ImageSet:
        seen: list[int] = []
        grown.append(seen)
        async for images in Seedream().stream("x", images=2):
            seen.append(len(images.ok))
            if all(1 in each for each in grown) and len(grown) == 3:
                slow_post.release.set()
        return images

    async def follow_all() -> list[ImageSet]:
        return await asyncio.gather(*(follow() for _ in range(3)))

    assert [shades(images) for images in asyncio.run(follow_all())] == [[0, 1]] * 3
    assert server.posts == 1


@pytest.mark.parametrize("came", [0, 1])
def test_who_waits_for_what_is_stopped_sends_nothing(
    came: int, server: RawServer, store: Path, slow_post: Slow
) -> None:
    """The one that draws is stopped: the other has what had come, or is told that nobody knows."""

    def answer(request: Request) -> Gate:
        return Gate(stream_head() + (succeeded(request, 0) if came else b""), slow_post.release, b"")

    server._scenario = {POST: answer, PICTURE: picture}

    async def draw() -> ImageSet | BaseException:
        first = asyncio.create_task(client(server, store).agenerate("x", images=2))
        await asyncio.to_thread(server.wait_for, lambda seen: seen.posts == 1 and seen.gets == came)
        stream = client(server, store).stream("x", images=2)
        while len((await anext(stream)).ok) < came:
            pass
        first.cancel()
        last: ImageSet | None = None
        try:
            async for images in stream:
                last = images
        except SeedreamError as error:
            return error
        assert last is not None
        return last

    result = asyncio.run(draw())
    if came:
        assert isinstance(result, ImageSet)
        assert [frame.ok for frame in result][:1] == [True]
    else:
        assert isinstance(result, OutcomeUnknown)
    assert server.posts == 1


@pytest.mark.parametrize("end", ["refused", "nothing came"])
def test_who_waits_for_what_fails_is_told(end: str, server: RawServer, store: Path) -> None:
    """A refused request bills nothing, so the next of two may ask; what may have been billed nobody sends twice."""
    release, told = threading.Event(), list[BaseException | ImageSet]()
    refusal = b'{"error": {"code": "InputTextSensitiveContentDetected", "message": "no"}}'
    rest = bytes(Reply(400, {}, refusal)) if end == "refused" else b""
    server._scenario = {POST: lambda _: Gate(b"", release, rest)}

    def draw() -> None:
        try:
            told.append(client(server, store).generate("x"))
        except SeedreamError as error:
            told.append(error)

    threads = [threading.Thread(target=draw) for _ in range(2)]
    for thread in threads:
        thread.start()
    server.wait_for(lambda seen: seen.posts == 1)
    release.set()
    for thread in threads:
        thread.join(30)
    assert {getattr(error, "billed", "") for error in told} == {"no" if end == "refused" else "unknown"}
    assert server.posts <= 2 if end == "refused" else server.posts == 1


# ------------------------------------------------------------------------------ kernels


@contextmanager
def notebooks(server: RawServer, library: Path, folder: Path, names: str) -> Iterator[list[Kernel]]:
    """A kernel for each name: its folder, its store, and its notebook are named so."""
    with ExitStack() as stack:
        kernels = []
        for name in names:
            (folder / name).mkdir()
            environment = {
                "SEEDREAM_BASE_URL": f"{server.url}/v1",
                "SEEDREAM_API_KEY": KEY,
                "SEEDREAM_LIBRARY": str(library),
                "JPY_SESSION_NAME": str(folder / name / f"story-{name}.ipynb"),
            }
            kernels.append(stack.enter_context(running_kernel(environment=environment, directory=folder / name)))
            assert kernels[-1].run("%load_ext seedream_magic").ename is None
        yield kernels


def text(result: Result) -> str:
    return result.stdout + "".join(output.text for output in result.displays)


@pytest.mark.kernel
@pytest.mark.parametrize("names", ["ab", "abc"])
def test_kernels_with_the_same_cell_share_one(
    names: str, server: RawServer, library: Path, tmp_path: Path, slow_post: Slow
) -> None:
    """Two and three notebooks at once, each with a store of its own: one POST, and all show the same pictures."""
    server._scenario = {POST: slow_post, PICTURE: picture}
    with notebooks(server, library, tmp_path, names) as (first, *others):
        first.start("%%seedream -n 2\nx")
        server.wait_for(lambda seen: seen.posts == 1)
        for other in others:
            other.start("%%seedream -n 2\nx")
        for other in others:
            other.wait_output(lambda result: "story-a.ipynb" in text(result))
        slow_post.release.set()
        for kernel in (first, *others):
            kernel.wait_idle()
        assert [kernel.result.ename for kernel in (first, *others)] == [None] * len(names)
        previews = {kernel.result.displays[-1].data["image/jpeg"] for kernel in (first, *others)}
        assert (len(previews), server.posts) == (1, 1)
        assert all("nothing billed" in text(other.result) for other in others)
        again = [kernel.run("%%seedream -n 2\nx") for kernel in (first, *others)]
        assert ({result.displays[-1].data["image/jpeg"] for result in again}, server.posts) == (previews, 1)


@pytest.mark.kernel
def test_stop_ends_the_waiting_alone(server: RawServer, library: Path, tmp_path: Path, slow_post: Slow) -> None:
    """Stop in the notebook that waits; the one that draws goes on."""
    server._scenario = {POST: slow_post, PICTURE: picture}
    with notebooks(server, library, tmp_path, "ab") as (first, second):
        first.start("%%seedream -n 2\nx")
        server.wait_for(lambda seen: seen.posts == 1)
        second.start("%%seedream -n 2\nx")
        second.wait_output(lambda result: "story-a.ipynb" in text(result))
        second.interrupt()
        second.wait_idle()
        assert second.result.ename == "SeedreamInterrupted"
        slow_post.release.set()
        first.wait_idle()
        assert (first.result.ename, server.posts) == (None, 1)


@pytest.mark.kernel
def test_who_waits_for_a_kernel_that_dies_does_not_send(
    server: RawServer, library: Path, tmp_path: Path, slow_post: Slow
) -> None:
    """The request may have been billed: the one that waited says so, at once, and sends nothing by itself."""
    server._scenario = {POST: slow_post, PICTURE: picture}
    with notebooks(server, library, tmp_path, "ab") as (first, second):
        first.start("%%seedream -n 2\nx")
        server.wait_for(lambda seen: seen.posts == 1)
        second.start("%%seedream -n 2\nx")
        second.wait_output(lambda result: "story-a.ipynb" in text(result))
        first.manager.shutdown_kernel(now=True)
        second.wait_idle()
        assert (second.result.ename, server.posts) == ("OutcomeUnknown", 1)


# ------------------------------------------------------------------------------ limits


def test_a_limit_holds_for_all_that_runs_at_once(shell: InteractiveShell, server: RawServer, slow_post: Slow) -> None:
    """Four at once, of four images each, under a limit of four: one is sent."""
    server._scenario = {POST: slow_post, PICTURE: picture}
    shell.run_cell("%config SeedreamMagics.max_images_per_session = 4")

    async def draw() -> list[ImageSet | BaseException]:
        draws = [Seedream().agenerate(f"x {number}", images=4) for number in range(4)]
        threading.Timer(0.3, slow_post.release.set).start()
        return await asyncio.gather(*draws, return_exceptions=True)

    results = asyncio.run(draw())
    assert sum(isinstance(result, InvalidRequest) for result in results) == 3
    assert server.posts == 1


def test_a_limit_of_the_day_holds_up_no_request(shell: InteractiveShell, server: RawServer) -> None:
    """Requests are begun one by one, those of a kind and those of a day; whatever their fingerprints begin with."""
    shell.run_cell("%config SeedreamMagics.max_images_per_day = 99")
    firsts = set[str]()
    for number in range(200):
        first = Seedream().plan(f"x {number}").fingerprint[0]
        if first not in firsts:
            firsts.add(first)
            assert run(shell, f"%%seedream --quiet\nx {number}")[0] is None
    assert (len(firsts), server.posts) == (16, 16)
    assert "16 images in all notebooks; max_images_per_day allows 99" in run(shell, "%seedream")[1]


@pytest.mark.kernel
def test_a_limit_of_the_day_holds_across_notebooks(server: RawServer, library: Path, tmp_path: Path) -> None:
    """Three images were drawn in one notebook: another with a limit of four is refused two, and gets one."""
    with notebooks(server, library, tmp_path, "ab") as (first, second):
        assert first.run(CELL).ename is None
        assert second.run("%config SeedreamMagics.max_images_per_day = 4").ename is None
        refused = second.run("%%seedream -n 2\ny")
        assert (refused.ename, server.posts) == ("InvalidRequest", 1)
        assert "max_images_per_day" in str(refused.evalue)
        assert second.run("%%seedream\ny").ename is None
        assert second.run(CELL).ename is None  # what is stored is shown whatever the limit
        assert second.run("%%seedream\nz").ename == "InvalidRequest"
        assert server.posts == 2


# ------------------------------------------------------------------------------ nobody knows


@pytest.mark.kernel
def test_what_may_have_been_billed_is_said_before_it_is_sent(server: RawServer, library: Path, tmp_path: Path) -> None:
    """The next identical cell says so and waits: Stop in that pause costs nothing. Afterwards it sends."""
    server._scenario = {POST: Close()}
    with notebooks(server, library, tmp_path, "ab") as (first, second):
        assert first.run(CELL).ename == "OutcomeUnknown"
        server._scenario = WHOLE
        for kernel in (first, second):
            kernel.start(CELL)
            kernel.wait_output(lambda result: "Stop now costs nothing" in text(result))
            kernel.interrupt()
            kernel.wait_idle()
            assert (kernel.result.ename, server.posts) == ("SeedreamInterrupted", 1)
        assert second.run("%config SeedreamMagics.ask_when_unknown = False").ename is None
        assert (second.run(CELL).ename, server.posts) == (None, 2)
        shown = first.run(CELL)
        assert (shown.ename, server.posts) == (None, 2)
        assert "nothing billed" in text(shown)


def test_what_was_purged_or_left_open_counts_for_its_day(server: RawServer, shell: InteractiveShell) -> None:
    """A purge takes no bill back; of a run that may have been billed all that it asked for counts."""
    shell.run_cell("%config SeedreamMagics.max_images_per_day = 5")
    run(shell, "%%seedream pair << --quiet -n 2\nfox")
    run(shell, f"%seedream purge {shell.user_ns['pair'].run_id}")
    assert not shell.user_ns["pair"].folder.exists()
    server._scenario = {POST: lambda _: Reply(504, {}, b"")}
    run(shell, "%%seedream --quiet -n 2\nowl")
    server._scenario = {POST: whole_answer, PICTURE: picture}
    assert "after 4 today" in str(run(shell, "%%seedream --quiet -n 2\nhen")[0])
    assert run(shell, "%%seedream --quiet\nhen")[0] is None


def test_demo_pictures_leave_the_day_its_room(server: RawServer, shell: InteractiveShell) -> None:
    """Free pictures count where limits are tried out, with the demo itself."""
    shell.run_cell("%config SeedreamMagics.max_images_per_day = 2")
    assert run(shell, "%%seedream --provider demo --quiet -n 2\nfox")[0] is None
    assert "after 2 today" in str(run(shell, "%%seedream --provider demo --quiet\nowl")[0])
    assert run(shell, "%%seedream --quiet -n 2\nhen")[0] is None
    assert "after 2 today" in str(run(shell, "%%seedream --quiet\nowl")[0])


def test_what_was_paid_and_is_out_of_reach_is_not_paid_again_in_silence(
    shell: InteractiveShell, server: RawServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store is away, or the links of all pictures are dead: the cell says so and pauses before it sends."""
    said: list[str] = []
    monkeypatch.setattr("seedream_magic.drawing.PAUSE_SECONDS", 1)
    paused = Seedream("anyfast", store=tmp_path / "elsewhere" / "runs")

    def watch(images: ImageSet) -> None:
        said.append(images.pause)

    first = paused.generate("fox")
    paused.store.rename(tmp_path / "unplugged")
    here = Seedream("anyfast")
    here.run(here.plan("fox"), on_change=watch)
    assert any("…/elsewhere/runs has pictures of this request, but is not there now." in words for words in said)
    assert (server.posts, first.billed) == (2, 1)
    server._scenario = {POST: whole_answer, PICTURE: Reply(403)}
    for _ in range(2):
        with suppress(SeedreamError):
            here.run(here.plan("owl"), on_change=watch)
    assert any("was billed; its pictures can no longer be fetched." in words for words in said)
