"""`Seedream.map` and `amap`: what is given to them, what comes, and what is told of what failed."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import math
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from kernel import Kernel, running_kernel
from raw_server import Behaviour, Drip, RawServer, Request, raw_server
from seedream_magic import (
    InvalidRequest,
    MissingKey,
    OutcomeUnknown,
    Seedream,
    Storyboard,
    session,
)
from served import client, in_nest_mode
from service import PICTURE, POST, bodies, picture, whole_answer


def test_prompts_storyboards_records_and_plans_are_drawn(seedream: Seedream, server: RawServer) -> None:
    """Mixed, each with the options of all or its own."""
    board, plan = Storyboard("ink", ("wakes", "runs")), seedream.plan("a plan", size="4K")
    rows: list[Any] = ["a fox", board, plan, {"prompt": "b", "size": "1K"}]
    sets = list(seedream.map(rows, size="2K", ordered=True))
    assert [len(images.ok) for images in sets] == [1, 2, 1, 1]
    sizes = {body["prompt"]: body["size"] for body in bodies(server.requests)}
    assert [sizes[images.prompt] for images in sets] == ["2K", "2K", "4K", "1K"]


def test_sets_come_in_order_where_that_is_asked_for(store: Path) -> None:
    """The first one is the slowest; what has ended behind it waits, and so do the rows that are behind that."""
    first, taken = threading.Event(), list[int]()

    def wait_for_first(request: Request) -> Behaviour:
        if request.json()["prompt"] == "0":
            first.wait(20)
        return whole_answer(request)

    def rows() -> Iterator[str]:
        for number in range(50):
            taken.append(number)
            if number == 15:
                first.set()
            yield str(number)

    with raw_server({POST: wait_for_first, PICTURE: picture}) as server:
        batch = client(server, store).map(rows(), concurrency=4, ordered=True)
        assert next(batch).prompt == "0"
        assert len(taken) <= 4 * 4 + 1
        assert [images.prompt for images in batch] == [str(number) for number in range(1, 50)]


BAD: list[Any] = ["", math.nan, 3, {"size": "2K"}, {"prompt": "x", "size": "9K"}, {"prompt": "x", "take": 0}]


def test_all_bad_rows_of_a_list_are_told_before_anything_is_sent(seedream: Seedream, server: RawServer) -> None:
    """With their numbers, from 1; of many the first ten."""
    rows: list[Any] = [f"good {number}" for number in range(3000)]
    rows[2999:] = [{"prompt": "x", "colour": 1}]
    rows[:6] = BAD
    with pytest.raises(InvalidRequest) as caught:
        seedream.map(rows)
    words = str(caught.value)
    assert words.startswith("7 of 3,000 rows cannot be drawn: row 1: The prompt is empty. row 2: The prompt is empty.")
    assert 'row 4: It has no "prompt".' in words
    assert "row 5: size takes" in words
    assert "row 6: take counts from 1, not '0'." in words
    assert words.endswith("row 3,000: There is no option colour.")
    with pytest.raises(InvalidRequest, match=r"^25 of 26 rows .* And 15 more\.$"):
        seedream.map(["good", *[""] * 25])
    with pytest.raises(InvalidRequest, match=r"^None of the 25 rows can be drawn: The prompt is empty\.$"):
        seedream.map([""] * 25)
    assert server.connections == 0


@pytest.mark.parametrize(
    "empty", [None, math.nan, "", "  ", type("NAType", (), {})()], ids=["none", "nan", "empty", "blanks", "pandas.NA"]
)
def test_an_empty_cell_is_the_same_for_map_and_each(empty: object, seedream: Seedream, server: RawServer) -> None:
    """An option that is not given, and words that are refused with their row; other cells as a table has them too."""
    rows = [
        {"prompt": "a fox", "size": "4K", "images": 1.0, "watermark": "on"},
        {"prompt": "a hare", "size": empty, "images": empty, "watermark": "off"},
    ]
    drawn = list(seedream.map(rows, size="1K", ordered=True))
    of_rows = list(seedream.sweep("{prompt}", each=rows, size="1K"))
    for sets in (drawn, of_rows):
        requests = [(one.request.size, one.request.images_at_most, one.request.watermark) for one in sets]
        assert requests == [("4K", 1, True), ("1K", 1, False)]
    posts = server.posts
    rows[1]["prompt"] = empty
    with pytest.raises(InvalidRequest, match=r"^1 of 2 rows cannot be drawn: row 2: The prompt is empty\.$"):
        seedream.map(rows)
    with pytest.raises(InvalidRequest, match=r"^Row 2: 'prompt' is empty\.$"):
        seedream.sweep("{prompt}", each=rows)
    assert server.posts == posts


def test_a_row_over_the_limit_of_a_run_is_told_before_anything_is_sent(shell: Any, server: RawServer) -> None:
    """With its number, and not when its turn comes; what the store has bills nothing, and is shown. An iterator's comes
    in its turn.
    """
    seedream = client(server, Path("store"))
    seedream.generate("here already", images=4)
    posts = server.posts
    shell.run_cell("%config SeedreamMagics.max_images_per_run = 2")
    rows: list[Any] = ["one", {"prompt": "many", "images": 3}, {"prompt": "here already", "images": 4}]
    expected = r"row 2: This may bill 3 images; SeedreamMagics\.max_images_per_run allows 2\.$"
    for given in (rows, [seedream.plan(**row) if isinstance(row, dict) else row for row in rows]):
        with pytest.raises(InvalidRequest, match=f"^1 of 3 rows cannot be drawn: {expected}"):
            seedream.map(given)
    assert server.posts == posts
    batch = seedream.map(iter(rows), ordered=True)
    assert [len(images.ok) for images in batch] == [1, 0, 4]
    assert "allows 2" in str(batch.failed[0].error)


def test_a_batch_on_the_caller_s_own_loop(server: RawServer, store: Path) -> None:
    """With `event_loop="nest"`, for transports that are bound to it: rows, sets and failures are the same."""
    code = """
    rows = iter(["a", "", *(f"leaf {number}" for number in range(20))])
    batch = seedream.map(rows, concurrency=3, ordered=True)
    assert [len(images.ok) for images in batch] == [1, 0, *[1] * 20]
    assert [failure.index for failure in batch.failed] == [1]
    endless = seedream.map((f"tree {number}" for number in itertools.count()), concurrency=2)
    assert next(endless).ok
    endless.close()
    """
    in_nest_mode(code, server, store)


def test_stop_while_a_bad_row_is_read(seedream: Seedream) -> None:
    """A thread reads it, which a Stop does not break off; the batch ends all the same."""
    reading = threading.Event()

    def slow_check(prompt: object, **_: Any) -> str:
        reading.set()
        time.sleep(0.3)
        raise InvalidRequest(f"{prompt} is no prompt.")

    async def leave() -> None:
        async def rows() -> AsyncIterator[str]:
            yield "bad"
            await asyncio.Event().wait()

        batch = seedream.amap(rows(), concurrency=1)
        taking = asyncio.ensure_future(anext(batch))
        await asyncio.to_thread(reading.wait)
        taking.cancel()
        await asyncio.wait([taking])
        assert taking.cancelled()

    with mock.patch("seedream_magic.api.make_request.check_prompt", slow_check):
        asyncio.run(asyncio.wait_for(leave(), 20))


def test_a_bad_row_of_a_generator_is_collected(seedream: Seedream, server: RawServer) -> None:
    """Its set says so, and the others are drawn."""
    batch = seedream.map(iter(["a", *BAD, "b"]), ordered=True)
    sets = list(batch)
    assert [bool(images.ok) for images in sets] == [True, *[False] * len(BAD), True]
    assert [failure.index for failure in batch.failed] == [1, 2, 3, 4, 5, 6]
    assert batch.failed[4].row == BAD[4]
    assert all(isinstance(images[0].error, InvalidRequest) for images in sets[1:-1])
    assert server.posts == 2


def test_a_data_frame_gives_its_rows(seedream: Seedream) -> None:
    """Not the names of its columns: of pandas', and of polars'."""
    records = [{"prompt": "a fox", "size": "2K"}, {"prompt": "a hare", "size": "4K"}]
    pandas = mock.Mock(spec=["columns", "to_dict"], **{"to_dict.return_value": records})
    polars = mock.Mock(spec=["columns", "to_dict", "to_dicts"], **{"to_dicts.return_value": records})
    for frame in (pandas, polars):
        assert [images.request.size for images in seedream.map(frame, ordered=True)] == ["2K", "4K"]
    pandas.to_dict.assert_called_once_with("records")


@pytest.mark.parametrize(
    ("rows", "how", "words"),
    [
        ("one prompt", {}, "a list of prompts"),
        ({"prompt": "one record"}, {}, "a list of prompts"),
        (None, {}, "a list of prompts, .* not NoneType"),
        (Path("rows.csv"), {}, "a list of prompts, .* not P"),
        (["a"], {"concurrency": 0}, "concurrency is a whole number"),
        (["a"], {"per_minute": 0.5}, "per_minute is a whole number"),
    ],
)
def test_what_is_no_batch_is_refused_at_once(seedream: Seedream, rows: Any, how: dict[str, Any], words: str) -> None:
    """With what to give in its place."""
    with pytest.raises(InvalidRequest, match=words):
        seedream.map(rows, **how)
    with pytest.raises(InvalidRequest, match=words):
        seedream.amap(rows, **how)


def test_rows_are_taken_on_the_caller_s_thread_as_they_are_needed(seedream: Seedream) -> None:
    """A cursor of a database may be used on its own thread only; a million rows do not fit into memory."""
    threads, taken = set[int](), list[int]()

    def endless() -> Iterator[str]:
        while True:
            threads.add(threading.get_ident())
            taken.append(len(taken))
            yield f"leaf {len(taken)}"

    batch = seedream.map(endless(), concurrency=2)
    for _ in range(20):
        assert next(batch).ok
    batch.close()
    assert threads == {threading.get_ident()}
    assert len(taken) <= 20 + 3 * 2 + 1  # waiting to be drawn, under way, waiting to be taken


def test_a_generator_that_fails_ends_the_batch_when_what_was_begun_has_ended(seedream: Seedream) -> None:
    """Its own error comes last."""

    def rows() -> Iterator[str]:
        yield from ("a", "b")
        raise LookupError("no more rows")

    batch = seedream.map(rows())
    assert sorted(next(batch).prompt for _ in range(2)) == ["a", "b"]
    with pytest.raises(LookupError):
        next(batch)


def test_amap_takes_rows_of_either_kind(seedream: Seedream) -> None:
    """On the loop that runs; its order and its failures are those of `map`."""

    async def rows() -> AsyncIterator[str]:
        for number in range(30):
            await asyncio.sleep(0)
            yield "" if number == 3 else f"leaf {number}"

    async def collect() -> None:
        batch = seedream.amap(rows(), concurrency=3, ordered=True)
        prompts = [images.prompt async for images in batch]
        assert prompts[4:] == [f"leaf {number}" for number in range(4, 30)]
        assert [failure.index for failure in batch.failed] == [3]
        again = [images.replayed async for images in seedream.amap(prompts[4:])]
        assert again == [True] * 26
        with pytest.raises(InvalidRequest, match="amap"):
            seedream.map(rows())  # type: ignore[arg-type]

    asyncio.run(collect())


def test_a_missing_key_is_told_before_the_first_request(server: RawServer, store: Path) -> None:
    """It is raised, not collected: nothing could be sent. What is in the store needs none."""
    client(server, store).generate("drawn before")
    keyless = Seedream("anyfast", base_url=f"{server.url}/v1", store=store)
    assert [images.replayed for images in keyless.map(["drawn before"])] == [True]
    with pytest.raises(MissingKey):
        list(keyless.map(f"leaf {number}" for number in range(1000)))
    assert server.posts == 1


def test_what_may_have_been_billed_is_not_sent_again(store: Path) -> None:
    """Nobody looks on who could stop it. It is told, `fresh` sends it, and the others go on."""

    def doubtful(request: Request) -> Behaviour:
        return Drip(b"HTTP/1.1", 100, 0) if request.json()["prompt"] == "doubtful" else whole_answer(request)

    with raw_server({POST: doubtful, PICTURE: picture}) as server:
        seedream = client(server, store)
        rows = ["a", "doubtful", "b"]
        for _ in range(2):
            batch = seedream.map(rows)
            assert sum(bool(images.ok) for images in batch) == 2
            assert [type(failure.error) for failure in batch.failed] == [OutcomeUnknown]
        assert server.posts == 3
        assert "nobody knows whether it was billed" in str(batch.failed[0].error)
        assert "fresh=True" in batch.failed[0].error.hint
        list(seedream.map([failure.row for failure in batch.failed if failure.in_doubt], fresh=True))
        assert server.posts == 4


def test_at_the_limit_of_the_session_the_rest_is_told_and_not_sent(seedream: Seedream, server: RawServer) -> None:
    """What is in the store is shown all the same."""
    limits = session.current()

    def at_most_five(plan: Any) -> None:
        if limits.images_billed + limits.images_reserved + session.images_to_bill(plan) > 5:
            raise InvalidRequest("The session allows 5.")

    limits.check = at_most_five
    seedream.generate("here already")
    batch = seedream.map([*(f"leaf {number}" for number in range(40)), "here already"], concurrency=1)
    assert sum(bool(images.ok) for images in batch) == 5
    assert {str(failure.error) for failure in batch.failed} == {"The session allows 5."}
    assert len(batch.failed) == 36
    assert server.posts == 5


def test_a_row_twice_is_paid_once(seedream: Seedream, server: RawServer) -> None:
    """The second one waits for the first."""
    assert [len(images.ok) for images in seedream.map(["the same"] * 5)] == [1] * 5
    assert server.posts == 1


def test_stop_keeps_what_has_come_and_the_rest_goes_on(slow_kernel: Kernel, slow_server: RawServer) -> None:
    """The kernel is interrupted while the second run waits; the same call again shows the first one, and its part."""
    draw = "batch = seedream.map([{'prompt': words, 'images': 2} for words in ('whole', 'slow')], ordered=True)\n"
    slow_kernel.start(f"from seedream_magic import Seedream\nseedream = Seedream()\n{draw}sets = [*batch]")
    slow_server.wait_for(lambda seen: seen.gets >= 3)  # two pictures of the first, one of the second
    slow_kernel.interrupt()
    slow_kernel.wait_idle()
    assert slow_kernel.result.ename == "SeedreamInterrupted"
    assert "What has come is kept." in str(slow_kernel.result.traceback)
    assert "/2 [" in slow_kernel.result.stdout  # the bar, which a notebook shows as well
    assert slow_kernel.run(f"{draw}print(next(batch).replayed)").stdout.endswith("True\n")
    slow_server.wait_for(lambda seen: seen.posts == 3)  # the second set asks for the picture that it lacks


def test_the_call_after_a_stop_says_what_is_not_sent_again_and_why(tmp_path: Path) -> None:
    """Beside the bar and below it: that it may be billed, and how it is sent all the same. So does the batch itself."""

    def answer(request: Request) -> Behaviour:
        return Drip(b" " * 1000, 1, 0.1) if request.json()["prompt"] == "unanswered" else whole_answer(request)

    draw = "batch = seedream.map(['whole', 'unanswered'], concurrency=1)\nsets = [*batch]"
    with raw_server({POST: answer, PICTURE: picture}) as server:
        environment = {"SEEDREAM_BASE_URL": f"{server.url}/v1", "SEEDREAM_API_KEY": "k"}
        with running_kernel(environment=environment, directory=tmp_path) as kernel:
            kernel.start(f"from seedream_magic import Seedream\nseedream = Seedream()\n{draw}")
            server.wait_for(lambda seen: seen.posts == 2)  # so the first has ended
            kernel.interrupt()
            kernel.wait_idle()
            stopped = r"of 2 sets\. .* [12] rows? more had been begun: what of that was sent may be billed\."
            assert re.search(stopped, str(kernel.result.traceback))
            told = kernel.run(draw).stdout
            assert "1 image, 1 not sent again" in told
            assert "1 row not sent again, and so not billed now: sent before" in told
            assert "seedream.map([each.row for each in batch.failed if each.in_doubt], fresh=True), with" in told
            assert "2 sets, 1 failed, of them 1 not sent again, see failed" in kernel.run("print(batch)").stdout
    assert server.posts == 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_a_loop_that_is_left_stops_what_runs_at_once(store: Path) -> None:
    """Without a collection of garbage: its thread ends, and Stop is what it was before."""
    before = signal.getsignal(signal.SIGINT)
    gate = threading.Event()

    def wait(request: Request) -> Behaviour:
        if request.json()["prompt"] != "first":
            gate.wait(20)
        return whole_answer(request)

    with raw_server({POST: wait, PICTURE: picture}) as server:
        gc.disable()
        try:
            for images in client(server, store).map(["first", "second", "third"], concurrency=2):
                assert images.prompt == "first"
                assert signal.getsignal(signal.SIGINT) is not before
                break
            assert signal.getsignal(signal.SIGINT) is before
            assert not [thread for thread in threading.enumerate() if thread.name == "seedream-run"]
        finally:
            gc.enable()
            gate.set()
    assert server.posts <= 3


def test_the_bar_is_shown_in_a_terminal_only(server: RawServer, store: Path, tmp_path: Path) -> None:
    """With the count, the images and the failures; a log gets nothing."""
    import pty
    import termios

    program = tmp_path / "draw.py"
    program.write_text(
        "import sys\nfrom seedream_magic import Seedream\n"
        f"seedream = Seedream('anyfast', api_key='k', base_url='{server.url}/v1', store='{store}')\n"
        "print(len(list(seedream.map([*map(str, range(int(sys.argv[1])))]))))\n"
    )
    logged = subprocess.run([sys.executable, str(program), "5"], capture_output=True, text=True, check=True)
    assert (logged.stdout, logged.stderr) == ("5\n", "")
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 120))
    with subprocess.Popen([sys.executable, str(program), "8"], stdout=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # the end of a terminal
            while piece := os.read(ours, 10_000):
                shown += piece
        assert process.wait(30) == 0
    os.close(ours)
    assert "8/8" in shown.decode()
    assert "8 images" in shown.decode()
