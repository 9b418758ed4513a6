"""From async to sync: the only code that knows event loops.

`iterate` runs an async generator and yields its values on the calling thread. `Background` runs one while the caller
goes on, and calls back when the caller's loop has time. `unfailing` keeps a callback that fails from ending a run.
`iterate` has two modes, chosen by name:

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
from importlib import import_module
from time import monotonic
from types import ModuleType
from typing import Generic, ParamSpec, TypeVar

from seedream_magic.errors import ConfigError, reason_of
from seedream_magic.words import program as texts
from seedream_magic.words.lists import OR
from seedream_magic.words.text import chain

Value = TypeVar("Value")
Arguments = ParamSpec("Arguments")
Source = Callable[[], AsyncGenerator[Value, None]]

_PATCHES = (
    ("gevent", "gevent.monkey", "is_module_patched", "threading"),
    ("eventlet", "eventlet.patcher", "is_monkey_patched", "thread"),
    ("eventlet", "eventlet.patcher", "is_monkey_patched", "socket"),
)
"""How each says of a part of the standard library that it has replaced it."""
_nesting: ModuleType | None = None
EVENT_LOOPS = ("thread", "nest")
POLL_SECONDS = 0.1
CLEAN_UP_SECONDS = 0.3
"""How long a Stop waits for the connection to close before the prompt comes back; closing goes on in the background."""
LAST_SECONDS = 10.0
"""How long the end of the process waits for stopped runs to save what they have received."""
PATIENCE_SECONDS = 2.0
"""A second Stop within this time counts as the same one."""


def iterate(source: Source[Value], *, event_loop: str = "thread") -> Generator[Value, None, None]:
    """Values of an async generator, on the calling thread.

    Leaving early, an interrupt, or an error closes the generator, and with it whatever it holds open.
    """
    if event_loop == "thread":
        return _through_thread(source)
    if event_loop == "nest":
        return _through_nesting(source)
    raise ConfigError(texts.EVENT_LOOP(words=chain(OR, EVENT_LOOPS), value=repr(event_loop)))


class Background(Generic[Value]):
    """An async generator at work while its caller goes on.

    `on_value` is called with each value, and `on_end` once at the end: with the last value, None if there was none, and
    the exception that ended it, None if it ran to its end (`CancelledError` after `stop`). Both are called on the
    caller's own loop when that is free, or on the worker's thread if the caller has no running loop.
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
        self._loop = running_loop()
        self._context = contextvars.copy_context()  # from it a kernel knows which cell an output belongs to
        self._worker = _Worker(source, self._receive)
        self._worker.start()

    def hand_over_first(self, seconds: float) -> None:
        """Wait so long for the first result, and call back with it before returning; if it is an error, raise that.

        Without a loop the worker's thread calls back, and this returns at once.
        """
        if self._loop is None:
            return
        try:
            result = self._results.get(timeout=seconds)
        except queue.Empty:
            return
        if isinstance(result, BaseException):
            raise result
        self._call_back(result)

    def stop(self) -> None:
        """Cancel it without waiting. Values that have arrived are still delivered, then the end."""
        self._worker.cancel()

    def _receive(self, result: _Value[Value] | BaseException | None) -> None:
        self._results.put(result)
        if self._loop is None:
            self._hand_over()
            return
        with suppress(RuntimeError):  # the loop closed with its kernel
            self._loop.call_soon_threadsafe(self._hand_over, context=self._context)

    def _hand_over(self) -> None:
        with suppress(queue.Empty):  # it was handed over already
            self._call_back(self._results.get_nowait())

    def _call_back(self, result: _Value[Value] | BaseException | None) -> None:
        if result is None or isinstance(result, BaseException):  # as in `_through_thread`
            self._on_end(self._last, result)
        else:
            self._last = result.value
            self._on_value(result.value)


def _through_thread(source: Source[Value]) -> Generator[Value, None, None]:
    results: queue.SimpleQueue[_Value[Value] | BaseException | None] = queue.SimpleQueue()
    worker = _Worker(source, results.put)
    with _handle_interrupts(_Stop(worker.cancel)):
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
                    raise KeyboardInterrupt  # the interrupt of a Stop was caught by other code, as in a finalizer
                if isinstance(result, BaseException):  # not "no _Value": a reload in the middle makes another class
                    raise result
                yield result.value
        finally:
            worker.stop()


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop that runs on this thread, None without one."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def refuse_patches() -> None:
    """Raise `ConfigError` where gevent or eventlet has put its own in the place of threads."""
    for name, module, question, part in _PATCHES:
        patches = sys.modules.get(module)
        if patches is not None and getattr(patches, question)(part):
            raise ConfigError(texts.PATCHED(name=name), hint=texts.DRAW_ELSEWHERE(name=name))


@asynccontextmanager
async def awake() -> AsyncIterator[None]:
    """Wake the running loop regularly while its caller awaits.

    In a cell that awaits, Stop cancels the cell's task from a signal handler. That does not wake a loop which sleeps
    until the network has something, so without this the Stop would take effect late.
    """

    async def tick() -> None:
        while True:  # noqa: ASYNC110 - there is no event to wait for: a signal wakes no loop, so the loop looks
            await asyncio.sleep(POLL_SECONDS)

    if running_loop() is None:
        raise ConfigError(texts.OTHER_LOOP(), hint=texts.WITHOUT_AWAIT())
    ticker = asyncio.create_task(tick())
    try:
        yield
    finally:
        ticker.cancel()


def unfailing(observer: Callable[Arguments, object]) -> Callable[Arguments, None]:
    """Wrap a callback that watches a run, so that its failure cannot end the run: the first is printed on stderr.

    The run is paid for, so not even a `CancelledError` or `SystemExit` of the callback ends it. `KeyboardInterrupt`
    passes: that is a Stop.
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
                    words = texts.SHOWING_FAILED(fault=type(exc).__name__, why=reason_of(exc))
                    print(words, file=sys.stderr)  # noqa: T201 - where warnings go; a filter could make it an error

    return observe


class _Value(Generic[Value]):
    """A value on its way between the threads; the end is None, an error is itself."""

    def __init__(self, value: Value) -> None:
        self.value = value


class _Worker(threading.Thread, Generic[Value]):
    """A daemon thread with its own loop that lives as long as one generator.

    It is a daemon so that a kernel can shut down while a download runs. Each run has its own, so no thread outlives its
    run.
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
        if self._task is not None and threading.current_thread() is not self:
            self.join(CLEAN_UP_SECONDS)

    def cancel(self) -> None:
        """Cancel once what still runs, and wait for nothing."""
        self._stopping = True
        if self._loop is not None and self._task is not None and not self.cancelled:
            with suppress(RuntimeError):  # the loop closed meanwhile
                self._loop.call_soon_threadsafe(self._task.cancel)
        self.cancelled = True

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


@atexit.register
def _wait_for_stopped_runs() -> None:
    """As the process ends, give runs that were stopped the time to save the pictures they have received."""
    until = monotonic() + LAST_SECONDS
    for thread in threading.enumerate():
        if isinstance(thread, _Worker) and thread.cancelled:
            thread.join(max(0.0, until - monotonic()))


def _through_nesting(source: Source[Value]) -> Generator[Value, None, None]:
    nesting = _load_nesting()
    own: asyncio.Runner | None = None
    loop = running_loop()
    if loop is None:
        own = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        loop = own.get_loop()
    try:
        nesting.apply(loop)
    except ValueError as exc:
        raise ConfigError(texts.NEST_DOES_NOT_FIT(why=reason_of(exc)), hint=texts.USE_THREAD()) from exc
    values = source()
    steps: list[asyncio.Task[Value]] = []
    stop = _Stop(lambda: loop.call_soon_threadsafe(lambda: [step.cancel() for step in steps]))
    with _handle_interrupts(stop):
        try:
            while True:
                try:
                    with stop.postpone():
                        steps[:] = [loop.create_task(anext(values))]
                        value = loop.run_until_complete(steps[0])
                except StopAsyncIteration:
                    return
                yield value
        finally:
            with stop.postpone():
                try:
                    loop.run_until_complete(_close(values, steps))
                finally:
                    if own is not None:
                        own.close()


def _load_nesting() -> ModuleType:
    """What lets a loop run inside itself; said once where it is the one that leaves asyncio damaged.

    It changes asyncio for the whole process, so only who chose it loads it. nest-asyncio has no maintainer any more:
    from Python 3.12 on `asyncio.run(loop_factory=...)` fails once it was applied, and `asyncio.timeout` from 3.14 on.
    nest-asyncio2 is the same with both mended. Where the notebook has applied one, the other on top would break it.
    """
    global _nesting  # noqa: PLW0603 - one for the process
    if _nesting is None:
        with suppress(ImportError):
            if asyncio.run.__module__ != "nest_asyncio":
                _nesting = import_module("nest_asyncio2")
    if _nesting is None:
        _nesting = import_module("nest_asyncio")
        if sys.version_info >= (3, 12):
            with suppress(Exception):  # stderr may be gone
                print(texts.ABOUT_NESTING(), file=sys.stderr)  # noqa: T201 - where warnings go; a filter could make it an error
    return _nesting


class _Stop:
    """The SIGINT handler while the caller waits for a run: it calls `act` at once, then raises `KeyboardInterrupt`.

    Further presses within `PATIENCE_SECONDS` are ignored, because each would interrupt the clean-up after the first.
    Inside a `postpone` block the exception is raised when the block ends: raised in the middle of a loop's work it
    would break a task or the loop itself.
    """

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act
        self._pressed_at: float | None = None
        self._postponing = self._due = False

    def __call__(self, _number: int, _frame: object) -> None:
        now, before = monotonic(), self._pressed_at
        if before is not None and now - before < PATIENCE_SECONDS:
            return
        self._pressed_at = now
        self._act()
        self._due = self._postponing and before is None
        if not self._due:
            raise KeyboardInterrupt

    @contextmanager
    def postpone(self) -> Iterator[None]:
        """Raise the interrupt of a Stop that comes inside this block at its end."""
        self._postponing = True
        try:
            yield
        finally:
            self._postponing = False
            if self._due:
                self._due = False
                raise KeyboardInterrupt


@contextmanager
def _handle_interrupts(stop: _Stop) -> Iterator[None]:
    """Make `stop` the SIGINT handler, on the main thread only: other threads get no signals.

    A handler that other code installed stays, except where a loop runs on this thread. There the handler cancels a task
    (of a cell that awaits, or of `asyncio.run`), and that would have no effect before the run is over, because the
    waiting caller holds up its whole loop.
    """
    handler = signal.getsignal(signal.SIGINT)
    replaceable = (
        handler is signal.default_int_handler
        or isinstance(handler, _Stop)
        or (callable(handler) and running_loop() is not None)
    )
    if threading.current_thread() is not threading.main_thread() or not replaceable:
        yield
        return
    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        with suppress(ValueError):  # a generator that nobody holds may be closed on any thread
            signal.signal(signal.SIGINT, handler)


async def _close(values: AsyncGenerator[Value, None], steps: list[asyncio.Task[Value]]) -> None:
    """Close a generator whose last step an interrupt may have left unfinished."""
    for step in steps:
        if not step.done():
            step.cancel()
            await asyncio.wait([step])
        if not step.cancelled():
            step.exception()  # read it: an interrupt passed the step by, and asyncio would log it again
    await values.aclose()
