"""From async to sync: the only code that knows event loops.

`iterate` runs an async generator and hands its values to the calling thread; `Background` leaves the caller free and
hands them over when its loop has time. `unfailing` keeps those that only watch from ending a run. `iterate` knows two
ways, chosen by name:

* "thread" (the default): the generator runs on a daemon thread with a loop of its own, and the caller waits in short
  polls, so that the kernel's Stop takes effect at once whatever the network does.
* "nest": the generator runs on the caller's own loop through nest-asyncio, for people who hand in objects that are
  bound to that loop. On ipykernel 7 a widget message that arrives meanwhile is lost, so it is not the default.
"""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import queue
import signal
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from time import monotonic
from typing import Generic, ParamSpec, TypeVar

from seedream_magic.errors import ConfigError

Value = TypeVar("Value")
Arguments = ParamSpec("Arguments")
Source = Callable[[], AsyncGenerator[Value, None]]

EVENT_LOOPS = ("thread", "nest")
POLL_SECONDS = 0.1
CLEAN_UP_SECONDS = 0.3
"""How long a Stop waits for the connection to close before the prompt comes back; the rest goes on unseen."""
LAST_SECONDS = 10.0
"""How long the end of the process waits for stopped runs to save what they have received."""
PATIENCE_SECONDS = 2.0
"""How long after a Stop another one is taken for the same."""


def iterate(source: Source[Value], *, event_loop: str = "thread") -> Generator[Value, None, None]:
    """Values of an async generator, on the calling thread.

    Leaving early, an interrupt, or an error closes the generator, and with it whatever it holds open.
    """
    if event_loop == "thread":
        return _through_thread(source)
    if event_loop == "nest":
        return _through_nesting(source)
    raise ConfigError(f"event_loop is {' or '.join(EVENT_LOOPS)}, not {event_loop!r}.")


class Background(Generic[Value]):
    """An async generator at work while its caller goes on.

    `on_value` is told each value and `on_end` once the end: the last value, None where there was none, and what broke
    it off, if anything did (`CancelledError` after `stop`). Both are called on the caller's own loop when that is free;
    where the caller has no running loop, on the worker's thread.
    """

    def __init__(
        self,
        source: Source[Value],
        on_value: Callable[[Value], None],
        on_end: Callable[[Value | None, BaseException | None], None],
    ) -> None:
        self._on_value, self._on_end = on_value, on_end
        self._last: Value | None = None
        self._results: queue.SimpleQueue[_Value[Value] | BaseException | None] = queue.SimpleQueue()
        self._loop = _running_loop()
        self._context = contextvars.copy_context()  # a kernel tells by it which cell an output belongs to
        self._worker = _Worker(source, self._arrived)
        self._worker.start()

    def hand_over_first(self, seconds: float) -> None:
        """Tell the first result here and now, if it comes in this time; an error that is the first is raised instead.

        Without a loop the worker tells it.
        """
        if self._loop is None:
            return
        try:
            result = self._results.get(timeout=seconds)
        except queue.Empty:
            return
        if isinstance(result, BaseException):
            raise result
        self._tell(result)

    def stop(self) -> None:
        """End it; what has arrived is told first, then the end. Waits for nothing."""
        self._worker.cancel()

    def _arrived(self, result: _Value[Value] | BaseException | None) -> None:
        self._results.put(result)
        if self._loop is None:
            self._hand_over()
            return
        with suppress(RuntimeError):  # the loop closed with its kernel
            self._loop.call_soon_threadsafe(self._hand_over, context=self._context)

    def _hand_over(self) -> None:
        with suppress(queue.Empty):  # it was handed over already
            self._tell(self._results.get_nowait())

    def _tell(self, result: _Value[Value] | BaseException | None) -> None:
        if result is None or isinstance(result, BaseException):  # as in `_through_thread`
            self._on_end(self._last, result)
        else:
            self._last = result.value
            self._on_value(result.value)


def _through_thread(source: Source[Value]) -> Generator[Value, None, None]:
    results: queue.SimpleQueue[_Value[Value] | BaseException | None] = queue.SimpleQueue()
    worker = _Worker(source, results.put)
    with _handling(_Stop(worker.cancel)):
        try:
            worker.start()
            while True:
                try:
                    result = results.get(timeout=POLL_SECONDS)
                except queue.Empty:
                    continue
                if result is None:
                    return
                if isinstance(result, asyncio.CancelledError) and worker.cancelled:
                    raise KeyboardInterrupt  # a Stop whose own one somebody caught
                if isinstance(result, BaseException):  # not "no _Value": a reload in the middle makes another class
                    raise result
                yield result.value
        finally:
            worker.stop()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop that runs on this thread, None without one."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


@asynccontextmanager
async def awake() -> AsyncIterator[None]:
    """Keep the running loop turning while its caller awaits.

    In a cell that awaits, Stop cancels the cell's task from a signal handler; a loop that sleeps until the network has
    something would not see that before.
    """

    async def tick() -> None:
        while True:  # noqa: ASYNC110 - there is no event to wait for: a signal wakes no loop, so the loop looks
            await asyncio.sleep(POLL_SECONDS)

    ticker = asyncio.create_task(tick())
    try:
        yield
    finally:
        ticker.cancel()


def unfailing(observer: Callable[Arguments, object]) -> Callable[Arguments, None]:
    """The observer of a run as the run calls it: what it raises is told once, on stderr, and ends nothing.

    The run is paid for, whoever watches it: a `CancelledError` or `SystemExit` of the observer ends nothing either.
    Stop is no such exception: `KeyboardInterrupt` passes.
    """
    failed = False

    def observe(*arguments: Arguments.args, **options: Arguments.kwargs) -> None:
        nonlocal failed
        try:
            observer(*arguments, **options)
        except KeyboardInterrupt:
            raise
        except BaseException as exc:  # noqa: BLE001 - it is somebody else's code: a callback, a display, a closed pipe
            if not failed:
                failed = True
                with suppress(Exception):  # stderr may be as gone as what failed
                    words = f"What shows this run failed ({type(exc).__name__}: {exc}). The run goes on."
                    print(words, file=sys.stderr)  # noqa: T201 - where warnings go; a filter could make it an error

    return observe


class _Value(Generic[Value]):
    """A value on its way between the threads, told apart from the end (None) and an error."""

    def __init__(self, value: Value) -> None:
        self.value = value


class _Worker(threading.Thread, Generic[Value]):
    """A daemon thread with its own loop that lives as long as one generator.

    Daemon, so that a kernel can shut down while a download runs; one for each run, so that none is left over.
    """

    def __init__(self, source: Source[Value], put: Callable[[_Value[Value] | BaseException | None], None]) -> None:
        super().__init__(name="seedream-run", daemon=True)
        self._put = put
        self._source = source
        self._ready = threading.Event()
        self._stopping = False
        self.cancelled = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    def run(self) -> None:
        try:
            # Not asyncio.run: where nest-asyncio is loaded that is another function, which leaves its loop open.
            with asyncio.Runner() as runner:
                runner.run(self._pump())
        except BaseException as exc:  # noqa: BLE001 - it is raised again on the caller's thread
            self._put(exc)
        else:
            self._put(None)
        finally:
            if not self._ready.is_set():
                self._ready.set()

    def stop(self) -> None:
        """Cancel what still runs and wait a moment for it; safe to call at any time and again."""
        self._stopping = True
        if not self._ready.is_set():  # a Stop that strikes inside of `wait` leaves the event locked for ever
            self._ready.wait(CLEAN_UP_SECONDS)
        self.cancel()
        if self._task is not None:
            self.join(CLEAN_UP_SECONDS)

    def cancel(self) -> None:
        """Cancel once what still runs, and wait for nothing."""
        self._stopping = True
        if self._loop is not None and self._task is not None and not self.cancelled:
            with suppress(RuntimeError):  # the loop closed meanwhile
                self._loop.call_soon_threadsafe(self._task.cancel)
        self.cancelled = True

    @classmethod
    def let_stopped_ones_end(cls) -> None:
        """Wait for those that were stopped, as a process ends: pictures that have come may yet have to be saved."""
        until = monotonic() + LAST_SECONDS
        for thread in threading.enumerate():
            if isinstance(thread, cls) and thread.cancelled:
                thread.join(max(0.0, until - monotonic()))

    async def _pump(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self._ready.set()
        if self._stopping:  # before there was a task to cancel
            raise asyncio.CancelledError
        values = self._source()
        try:
            async for value in values:
                self._put(_Value(value))
        finally:
            await values.aclose()


atexit.register(_Worker.let_stopped_ones_end)


def _through_nesting(source: Source[Value]) -> Generator[Value, None, None]:
    import nest_asyncio  # noqa: PLC0415 - it changes asyncio for the whole process, so only who chose it loads it

    own: asyncio.Runner | None = None
    loop = _running_loop()
    if loop is None:
        own = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        loop = own.get_loop()
    try:
        nest_asyncio.apply(loop)
    except ValueError as exc:
        raise ConfigError(f"event_loop nest does not go with this event loop: {exc}.", hint="Use thread.") from exc
    values = source()
    steps: list[asyncio.Task[Value]] = []
    stop = _Stop(lambda: loop.call_soon_threadsafe(lambda: [step.cancel() for step in steps]))
    with _handling(stop):
        try:
            while True:
                try:
                    with stop.held():
                        steps[:] = [loop.create_task(_next_of(values))]
                        value = loop.run_until_complete(steps[0])
                except StopAsyncIteration:
                    return
                yield value
        finally:
            with stop.held():
                try:
                    loop.run_until_complete(_closed(values, steps))
                finally:
                    if own is not None:
                        own.close()


class _Stop:
    """What Stop (SIGINT) does while a run is waited for: it acts at once, then raises `KeyboardInterrupt`.

    An impatient hand presses it again and again, and each press would strike in the clean-up after the one before;
    so those that come in `PATIENCE_SECONDS` are passed over. While it is `held` it raises afterwards: in the midst of
    a loop's work it would tear a task or the loop itself apart.
    """

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act
        self._pressed_at: float | None = None
        self._held = self._owed = False

    def __call__(self, _number: int, _frame: object) -> None:
        now, before = monotonic(), self._pressed_at
        if before is not None and now - before < PATIENCE_SECONDS:
            return
        self._pressed_at = now
        self._act()
        self._owed = self._held and before is None
        if not self._owed:
            raise KeyboardInterrupt

    @contextmanager
    def held(self) -> Iterator[None]:
        """Raise what is pressed meanwhile at the end of this block."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
            if self._owed:
                self._owed = False
                raise KeyboardInterrupt


@contextmanager
def _handling(stop: _Stop) -> Iterator[None]:
    """Let this be what Stop does. A handler of somebody else's, and threads, which get no signals, are left alone.

    In a loop that runs here, the handler cancels a task, of a cell that awaits or of `asyncio.run`: that would have to
    wait for the run, as the whole loop does.
    """
    handler = signal.getsignal(signal.SIGINT)
    taken = (
        handler is signal.default_int_handler
        or isinstance(handler, _Stop)
        or (callable(handler) and _running_loop() is not None)
    )
    if threading.current_thread() is not threading.main_thread() or not taken:
        yield
        return
    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


async def _next_of(values: AsyncGenerator[Value, None]) -> Value:
    return await anext(values)


async def _closed(values: AsyncGenerator[Value, None], steps: list[asyncio.Task[Value]]) -> None:
    """Close a generator whose last step an interrupt may have left under way."""
    for step in steps:
        if not step.done():
            step.cancel()
            await asyncio.wait([step])
        if not step.cancelled():
            step.exception()  # an interrupt inside the step was raised past it; the loop would tell of it once more
    await values.aclose()
