"""`Seedream.map` and `Seedream.amap`: the sets of many rows, one after the other as they come.

The rows are taken on the caller's thread, one at a time and not before there is use for them: what makes them may be a
cursor of a database, a file that is read, or a model that writes prompts. They are drawn on an event loop of their own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sized,
)
from concurrent.futures import Executor
from contextlib import aclosing, closing, suppress
from dataclasses import dataclass
from typing import Any

from seedream_magic import bridge
from seedream_magic.api.limiter import Limiter
from seedream_magic.api.plan import Plan
from seedream_magic.api.storyboard import Storyboard
from seedream_magic.batch.draw_many import Item, draw_many
from seedream_magic.batch.inputs import BadRow, Row, RowReader
from seedream_magic.batch.progress import Progress
from seedream_magic.batch.workers import draw_elsewhere
from seedream_magic.errors import InvalidRequest, MissingKey, OutcomeUnknown, SeedreamError, SeedreamInterrupted, plural
from seedream_magic.images.image_set import ImageSet
from seedream_magic.images.threads import in_thread
from seedream_magic.planning import Options
from seedream_magic.sender import Sender
from seedream_magic.words import batch as texts
from seedream_magic.words.text import join

_AHEAD = 4
"""With `ordered` this many times the concurrency of rows may be done or under way before one that is not done yet."""


@dataclass(frozen=True)
class Failure:
    """A row that came to no picture: its place from 0, its prompt, the row itself, and what ended it."""

    index: int
    prompt: str
    row: Row
    error: SeedreamError

    @property
    def in_doubt(self) -> bool:
        """Whether it was sent, now or by an earlier call, and nobody knows whether that was billed."""
        return isinstance(self.error, OutcomeUnknown)


@dataclass(frozen=True)
class Wanted:
    """The next row is wanted; `put` takes it, `end` says that there is none. Both may be called on any thread."""

    put: Callable[[object], object]
    end: Callable[[], object]


class _Feed(AsyncIterator[object]):
    """The rows that are waiting to be drawn: it asks for more, one at a time, while it has fewer than `ahead`."""

    def __init__(self, ahead: int, ask: Callable[[Wanted], None]) -> None:
        loop = asyncio.get_running_loop()

        def call(change: Callable[[], None]) -> None:
            with suppress(RuntimeError):  # the batch has ended, and says why
                loop.call_soon_threadsafe(change)

        self._wanted = Wanted(lambda row: call(lambda: self._receive(row)), lambda: call(self._finish))
        self._ahead, self._ask = ahead, ask
        self._rows: deque[object] = deque()
        self._news = asyncio.Event()
        self._asked = self._ended = False
        self._want()

    def _want(self) -> None:
        if not (self._asked or self._ended) and len(self._rows) < self._ahead:
            self._asked = True
            self._ask(self._wanted)

    def _receive(self, row: object) -> None:
        self._rows.append(row)
        self._asked = False
        self._news.set()
        self._want()

    def _finish(self) -> None:
        self._ended = True
        self._news.set()

    async def __anext__(self) -> object:
        while not self._rows and not self._ended:
            self._news.clear()
            await self._news.wait()
        if not self._rows:
            raise StopAsyncIteration
        row = self._rows.popleft()
        self._want()
        return row


class _Mapping:
    """What `_Here` and `_There` have in common: what is drawn, in which order, and what failed.

    The generators that draw hold one of these, and what holds a generator is a `Batch` or an `AsyncBatch`: so a batch
    that a loop has left is let go of, and stopped, at once, and not when some collection finds it, on whatever thread.
    """

    def __init__(
        self,
        client: Sender,
        rows: Iterable[Row] | AsyncIterable[Row],
        options: Options,
        *,
        concurrency: int,
        per_minute: int | None,
        executor: Executor | None,
        ordered: bool,
    ) -> None:
        for name, number in (("concurrency", concurrency), ("per_minute", per_minute)):
            if number is not None and (type(number) is not int or number < 1):
                raise InvalidRequest(texts.WHOLE_NUMBER(name=name, value=repr(number)))
        if executor is not None and not callable(getattr(executor, "submit", None)):
            raise InvalidRequest(texts.NO_EXECUTOR(kind=type(executor).__name__))
        if isinstance(rows, str | bytes | Mapping | Plan | Storyboard):
            raise InvalidRequest(texts.ONE_PROMPT())
        self._rows: Any = _records(rows)
        if not isinstance(self._rows, Iterable | AsyncIterable):
            raise InvalidRequest(texts.NO_PROMPTS(kind=type(rows).__name__))
        rows = self._rows
        self.failed: list[Failure] = []
        self._client, self._reader = client, RowReader(client, options, looks_up=executor is not None)
        self._concurrency, self._per_minute, self._executor = concurrency, per_minute, executor
        self._ordered = ordered
        self._total = len(rows) if isinstance(rows, Sized) else None
        if isinstance(rows, Sized) and isinstance(rows, Iterable):
            self._reader.check(rows)
        self._given: dict[int, Row] = {}
        self._done: dict[int, Item] = {}
        self._next = self._taken = 0
        self._progress: Progress | None = None

    def told(self, name: str) -> str:
        """A batch of this name as Python shows it."""
        count = self._progress
        unsent = f", of them {count.not_again} not sent again, see failed" if count and count.not_again else ""
        return f"<{name}: {plural(count.sets if count else 0, 'set')}, {len(self.failed)} failed{unsent}>"

    def _begin(self) -> Progress:
        self._progress = Progress(self._client, self._total)
        return self._progress

    def _note(self, row: Row) -> None:
        self._given[self._taken] = row
        self._taken += 1

    @property
    def _may_take(self) -> bool:
        """Whether another row may be begun; where they are wanted in order, those that have ended wait meanwhile."""
        return not self._ordered or self._taken - self._next < _AHEAD * self._concurrency

    def _sort(self, item: Item) -> Iterator[ImageSet]:
        """The sets that are to be given out now that this one has ended."""
        if isinstance(item.error, MissingKey):
            raise item.error
        row = self._given.pop(item.index)
        if item.error is not None:
            self.failed.append(Failure(item.index, item.images.prompt, row, item.error))
        if self._progress is not None:
            self._progress.add(item.images, item.error)
        if not self._ordered:
            yield item.images
            return
        self._done[item.index] = item
        while (ready := self._done.pop(self._next, None)) is not None:
            self._next += 1
            yield ready.images

    def _interrupted(self) -> SeedreamInterrupted:
        done = self._progress.sets if self._progress else 0
        words = texts.STOPPED(done=done)
        if self._total is not None:
            words = texts.STOPPED_OF(done=done, total=self._total)
        paid, at_work = self._client.provider.needs_key, len(self._given)
        begun = texts.BEGUN(rows=at_work) if paid and at_work else ""
        left = self._total - self._taken if self._total is not None else 0
        rest = texts.NOT_BEGUN(rows=left) if left > 0 else ""
        again = texts.SAME_CALL_AGAIN if paid else texts.SAME_CALL_AGAIN_FREE
        return SeedreamInterrupted(join(words, begun, rest), billed="unknown" if paid else "no", hint=again())

    def _items(self, rows: AsyncIterator[object]) -> AsyncGenerator[Item, None]:
        """The items of these rows, drawn here or by the workers of the executor."""

        async def plans() -> AsyncIterator[Plan | BadRow]:
            async for row in rows:
                yield await in_thread(self._reader.plan_or_bad, row)

        client, concurrency, per_minute = self._client, self._concurrency, self._per_minute
        if self._executor is None:
            return draw_many(client, plans(), concurrency=concurrency, limiter=Limiter(per_minute))
        return draw_elsewhere(client, plans(), self._executor, concurrency=concurrency, per_minute=per_minute)


class _Here(_Mapping):
    """What a `Batch` draws, on an event loop of its own."""

    def __init__(self, client: Sender, rows: Iterable[Row], options: Options, *, event_loop: str, **how: Any) -> None:
        if isinstance(rows, AsyncIterable):
            raise InvalidRequest(texts.USE_AMAP())
        super().__init__(client, rows, options, **how)
        self._event_loop = event_loop

    async def _values(self) -> AsyncGenerator[Item | Wanted, None]:
        """What happens: an item has ended, or the next row is wanted."""
        news: asyncio.Queue[Item | Wanted | None] = asyncio.Queue()

        async def draw(rows: AsyncIterator[object]) -> None:
            async with aclosing(self._items(rows)) as items:
                async for item in items:
                    news.put_nowait(item)

        drawing = asyncio.create_task(draw(_Feed(self._concurrency, news.put_nowait)))
        drawing.add_done_callback(lambda _: news.put_nowait(None))
        try:
            while (value := await news.get()) is not None:
                yield value
        finally:
            drawing.cancel()
            await asyncio.wait([drawing])
        drawing.result()

    def sets(self) -> Generator[ImageSet, None, None]:
        """The sets as they are to be given out."""
        rows = iter(self._rows)
        waiting: Wanted | None = None
        broken: Exception | None = None
        with closing(self._begin()), closing(bridge.iterate(self._values, event_loop=self._event_loop)) as values:
            try:
                for value in values:
                    if isinstance(value, Wanted):
                        waiting = value
                    else:
                        yield from self._sort(value)
                    if waiting is None or not self._may_take:
                        continue
                    wanted, waiting = waiting, None
                    try:
                        row = next(rows)
                        self._note(row)
                        wanted.put(row)
                    except StopIteration:
                        wanted.end()
                    except Exception as exc:  # noqa: BLE001 - theirs: raised when what was begun has ended
                        broken = exc
                        wanted.end()
            except KeyboardInterrupt as exc:
                raise self._interrupted() from exc
        if broken is not None:
            raise broken


class Batch(Iterator[ImageSet]):
    """The sets of a batch, each once it has ended: a row that failed as a set whose frames carry the error.

    Leaving the loop early stops what runs as soon as nothing holds the batch, `close` at once; what has come is kept.
    """

    def __init__(self, client: Sender, rows: Iterable[Row], options: Options, *, event_loop: str, **how: Any) -> None:
        self._drawing = _Here(client, rows, options, event_loop=event_loop, **how)
        self._sets = self._drawing.sets()

    @property
    def failed(self) -> list[Failure]:
        """The rows that came to no picture, so far."""
        return self._drawing.failed

    def __next__(self) -> ImageSet:
        return next(self._sets)

    def close(self) -> None:
        """Stop what runs. What has come is kept."""
        self._sets.close()

    def __repr__(self) -> str:
        return self._drawing.told("Batch")


class _There(_Mapping):
    """What an `AsyncBatch` draws, on the running event loop."""

    def __init__(self, client: Sender, rows: Iterable[Row] | AsyncIterable[Row], options: Options, **how: Any) -> None:
        super().__init__(client, rows, options, **how)
        self._room = asyncio.Semaphore(_AHEAD * self._concurrency)

    async def sets(self) -> AsyncGenerator[ImageSet, None]:
        """The sets as they are to be given out."""
        with closing(self._begin()):
            async with bridge.awake(), aclosing(self._items(self._counted(self._rows))) as items:
                async for item in items:
                    for images in self._sort(item):
                        yield images
                        self._room.release()

    async def _counted(self, rows: Iterable[Row] | AsyncIterable[Row]) -> AsyncIterator[object]:
        """The rows, each when there is use for it."""
        async for row in rows if isinstance(rows, AsyncIterable) else _in_turn(rows):
            if self._ordered:
                await self._room.acquire()
            self._note(row)
            yield row


class AsyncBatch(AsyncIterator[ImageSet]):
    """The same on the running event loop; the rows may come asynchronously."""

    def __init__(self, client: Sender, rows: Iterable[Row] | AsyncIterable[Row], options: Options, **how: Any) -> None:
        self._drawing = _There(client, rows, options, **how)
        self._sets = self._drawing.sets()

    @property
    def failed(self) -> list[Failure]:
        """The rows that came to no picture, so far."""
        return self._drawing.failed

    async def __anext__(self) -> ImageSet:
        return await anext(self._sets)

    async def aclose(self) -> None:
        """Stop what runs. What has come is kept."""
        await self._sets.aclose()

    def __repr__(self) -> str:
        return self._drawing.told("AsyncBatch")


def _records(rows: Any) -> Any:
    """The rows of a data frame, which would give its columns; all else as it is."""
    if hasattr(rows, "to_dicts"):  # polars
        return rows.to_dicts()
    if hasattr(rows, "columns") and hasattr(rows, "to_dict"):  # pandas
        return rows.to_dict("records")
    return rows


async def _in_turn(rows: Iterable[Row]) -> AsyncIterator[Row]:
    for row in rows:
        yield row
