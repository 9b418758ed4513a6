"""From async to sync: values come on the caller's thread, and nothing of the run outlives it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from seedream_magic import ConfigError, bridge


class Counter:
    """An async generator that counts to `last`, and tells when it was closed and on which thread it ran."""

    def __init__(self, last: int, *, error: BaseException | None = None, hold: bool = False) -> None:
        self.last, self.error, self.hold = last, error, hold
        self.closed = threading.Event()
        self.threads: set[int] = set()

    async def __call__(self) -> AsyncGenerator[int, None]:
        self.threads.add(threading.get_ident())
        try:
            for number in range(self.last):
                yield number
            if self.hold:
                await asyncio.Event().wait()
            if self.error is not None:
                raise self.error
        finally:
            await asyncio.sleep(0)  # closing a connection takes a turn of the loop
            self.closed.set()


def source_of(counter: Counter) -> Callable[[], AsyncGenerator[int, None]]:
    return counter.__call__


def run_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "seedream-run"]


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    """The thread of a run ends with it."""
    yield
    for thread in run_threads():
        thread.join(2)
    assert run_threads() == []


def open_files() -> int:
    """How many descriptors this process holds."""
    return len(list(Path("/proc/self/fd" if sys.platform == "linux" else "/dev/fd").iterdir()))


def test_a_stop_waits_for_no_stubborn_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that does not close in time is left to its daemon thread."""
    monkeypatch.setattr(bridge, "CLEAN_UP_SECONDS", 0.1)
    release = threading.Event()

    async def source() -> AsyncGenerator[int, None]:
        try:
            yield 0
            await asyncio.Event().wait()
        finally:
            release.wait(10)  # the whole loop stands still

    values = bridge.iterate(source)
    next(values)
    begun = time.monotonic()
    values.close()
    assert time.monotonic() - begun < 1
    release.set()


def test_an_unknown_way_is_refused() -> None:
    """With the two that there are."""
    with pytest.raises(ConfigError, match="thread or nest, not 'trio'"):
        bridge.iterate(source_of(Counter(1)), event_loop="trio")


def test_twenty_runs_leave_no_open_file() -> None:
    """Each loop is closed with its run."""
    list(bridge.iterate(source_of(Counter(1))))
    before = open_files()
    for _ in range(20):
        list(bridge.iterate(source_of(Counter(1))))
    assert open_files() == before


def test_a_stop_that_somebody_swallowed_ends_the_run_all_the_same() -> None:
    """An interrupt that strikes in a finalizer, or where the caller catches it, is still a Stop."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        counter = Counter(1, hold=True)
        values = bridge.iterate(source_of(counter))
        next(values)
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            next(values)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert counter.closed.is_set()


def run_script(script: str, *arguments: str) -> tuple[str, str]:
    """Output and errors of a Python process of its own, which finds the modules of the tests."""
    path = os.pathsep.join([os.environ["PYTHONPATH"], str(Path(__file__).parent)])
    command = [sys.executable, "-c", textwrap.dedent(script), *arguments]
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout, done.stderr


IMPATIENT = """
    import asyncio, random, signal, sys, threading
    from seedream_magic import watch

    presses, chance = 0, random.Random(7)

    def waited_for(frame):
        return frame is not None and (frame.f_code is watch.wait.__code__ or waited_for(frame.f_back))

    def press(_number, frame):
        global presses
        presses -= 1
        if presses and waited_for(frame):
            signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-6, 1e-4))
        if waited_for(frame):
            signal.raise_signal(signal.SIGINT)

    async def source(begun, closed):
        try:
            begun.set()
            await asyncio.sleep(60)
            yield
        finally:
            await asyncio.sleep(0)
            closed.set()

    def press_soon(begun):
        begun.wait()
        signal.setitimer(signal.ITIMER_REAL, 0.005)

    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGALRM, press)
    left, kept = 0, []
    for _ in range(60):
        begun, closed, presses = threading.Event(), threading.Event(), 6
        threading.Thread(target=press_soon, args=[begun]).start()
        try:
            watch.wait(source(begun, closed), None, event_loop=sys.argv[1])
        except KeyboardInterrupt as interrupt:
            kept.append(interrupt)  # as a kernel keeps the last one, and with it every frame
        signal.setitimer(signal.ITIMER_REAL, 0)
        left += not closed.wait(1)

    print(left, len(kept))
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timer that strikes anywhere")
@pytest.mark.parametrize("event_loop", bridge.EVENT_LOOPS)
def test_of_an_impatient_hand_no_run_is_left(event_loop: str) -> None:
    """Stop pressed six times, each at any point of the clean-up after the one before: every run is closed."""
    assert run_script(IMPATIENT, event_loop) == ("0 60\n", "")


NESTED = """
    import asyncio, threading, warnings
    warnings.simplefilter("error")
    from seedream_magic import ConfigError
    from seedream_magic.bridge import iterate
    from test_bridge import Counter, open_files

    def values_of(counter):
        return iterate(counter.__call__, event_loop="nest")

    def check():
        fault = ConfigError("no")
        counter = Counter(2, error=fault)
        try:
            list(values_of(counter))
        except ConfigError as error:
            assert error is fault
        else:
            raise AssertionError
        assert counter.threads == {threading.get_ident()} and counter.closed.is_set()
        counter = Counter(1, hold=True)
        values = values_of(counter)
        assert next(values) == 0
        values.close()
        assert counter.closed.is_set()
        assert threading.active_count() == 1

    async def inside():
        ticks = []
        async def tick():
            while True:
                ticks.append(1)
                await asyncio.sleep(0)
        ticker = asyncio.create_task(tick())
        check()
        assert ticks  # the caller's loop went on
        ticker.cancel()
        await asyncio.wait([ticker])
        assert asyncio.all_tasks() == {asyncio.current_task()}

    check()
    asyncio.run(inside())
    # Where nest-asyncio is loaded, as it is in many notebooks, the thread still closes what it opens.
    list(iterate(Counter(3).__call__))
    before = open_files()
    for _ in range(5):
        assert list(iterate(Counter(3).__call__)) == [0, 1, 2]
    assert open_files() == before
    print("nested")
"""


def test_nesting_does_the_same_on_the_callers_own_loop() -> None:
    """Inside a running loop and outside; in a process of its own, for nest-asyncio changes asyncio for all of it."""
    assert run_script(NESTED) == ("nested\n", "")


BESIDE = """
import asyncio, importlib, sys
from seedream_magic.bridge import iterate
if sys.argv[1]:
    importlib.import_module(sys.argv[1]).apply()
async def values():
    async with asyncio.timeout(5):
        yield await asyncio.sleep(0, 1)
async def cell():
    return list(iterate(values, event_loop=sys.argv[2]))
assert list(iterate(values, event_loop=sys.argv[2])) == asyncio.run(cell()) == [1]
if sys.version_info >= (3, 12) and sys.argv[1] != "nest_asyncio":
    assert asyncio.run(cell(), loop_factory=asyncio.new_event_loop) == [1]
print(asyncio.run.__module__)
"""


@pytest.mark.parametrize("event_loop", ["thread", "nest"])
@pytest.mark.parametrize("applied", ["", "nest_asyncio", "nest_asyncio2"])
def test_what_nests_loops_is_what_the_notebook_has_applied_or_the_better_one(applied: str, event_loop: str) -> None:
    """Both modes run beside either, and under `asyncio.timeout`; nest_asyncio2, which leaves asyncio whole, is first.

    Where the other one it is, what it breaks is said.
    """
    pytest.importorskip("nest_asyncio2")
    command = [sys.executable, "-c", BESIDE, applied, event_loop]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    default = "nest_asyncio2" if event_loop == "nest" else "asyncio.runners"
    assert done.stdout.strip() == (applied or default)
    warned = applied == "nest_asyncio" and event_loop == "nest" and sys.version_info >= (3, 12)
    assert ("loop_factory" in done.stderr) == warned
