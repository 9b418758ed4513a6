"""Many plans at once: as many runs together as are wanted, each with its own folder, replay, and bill.

Each plan is drawn as it would be alone. What the runs share is one event loop, the slots for downloads, and a limiter
before the POST. A plan that fails ends none of the others.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from contextlib import aclosing
from dataclasses import dataclass, replace

from seedream_magic.api.credentials import Key
from seedream_magic.api.limiter import Limiter
from seedream_magic.api.plan import Plan
from seedream_magic.api.retry import Pace, Tokens
from seedream_magic.drawing import Drawing, Sender, Shared, key_for
from seedream_magic.errors import AuthFailed, MissingKey, PaymentRequired, RateLimited, SeedreamError
from seedream_magic.images.download import PARALLEL_DOWNLOADS
from seedream_magic.images.image_set import Frame, ImageSet, Outcome
from seedream_magic.watch import fault_of

CONCURRENCY = 8
ENDS_ALL = (MissingKey, AuthFailed, PaymentRequired, RateLimited)
"""What one plan meets and every other would meet as well: after it nothing is sent any more, only replayed."""


@dataclass(frozen=True)
class Item:
    """One plan of a batch on its way.

    `index` is its place in the input, from 0. `images` is the set as it is now; at the end of an item that failed its
    frames carry the error. `error` is what ended it without a picture. The last value of an item is `done`.
    """

    index: int
    images: ImageSet
    error: SeedreamError | None = None
    done: bool = False


async def draw_many(
    client: Sender,
    plans: Iterable[Plan] | AsyncIterable[Plan],
    *,
    concurrency: int = CONCURRENCY,
    limiter: Limiter | None = None,
    growing: bool = False,
    cautious: bool = True,
) -> AsyncGenerator[Item, None]:
    """The items in the order in which they end; with `growing` each set as well whenever it has grown.

    What may have been paid for already is not sent once more; where it is not to be so `cautious`, for somebody looks
    on, that is said for some seconds first, as it is of a plan alone.

    The next plan is taken from `plans` when there is a slot for it, and one that raises ends the batch once those
    before it have ended. Closing the generator stops what runs, and keeps what has come.
    """
    batch = _Batch(client, _numbered(plans), concurrency, limiter or Limiter(), growing=growing, cautious=cautious)
    workers = [asyncio.create_task(batch.work()) for _ in range(concurrency)]
    ended = asyncio.gather(*workers, return_exceptions=True)
    ended.add_done_callback(lambda _: batch.news.put_nowait(None))
    try:
        while (item := await batch.news.get()) is not None:
            yield item
            batch.room.release()
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.wait([ended])
    for outcome in ended.result():
        if isinstance(outcome, BaseException):
            raise outcome


class _Batch:
    """The plans of one `draw_many`, and what its workers have in common."""

    def __init__(
        self,
        client: Sender,
        plans: AsyncIterator[tuple[int, Plan]],
        concurrency: int,
        limiter: Limiter,
        *,
        growing: bool,
        cautious: bool,
    ) -> None:
        self.news: asyncio.Queue[Item | None] = asyncio.Queue()
        self.room = asyncio.Semaphore(2 * concurrency)  # for items that nobody has taken yet
        self._client, self._plans, self._growing = client, plans, growing
        self._next = asyncio.Lock()
        self._ended: SeedreamError | None = None  # why nothing is sent any more
        pace = Pace(now=limiter.now, sleep=limiter.sleep, tokens=Tokens(max(10, 4 * concurrency)))
        self._shared = Shared(asyncio.Semaphore(PARALLEL_DOWNLOADS), limiter, pace, cautious=cautious)

    async def work(self) -> None:
        """Draw one plan after the other, until there are no more."""
        while True:
            async with self._next:
                found = await anext(self._plans, None)
            if found is None:
                return
            await self._draw(*found)

    async def _draw(self, index: int, plan: Plan) -> None:
        images: ImageSet | None = None
        error: SeedreamError | None = None
        drawing = Drawing(self._client, plan, lambda: self._key(plan), shared=self._shared)
        try:
            async with aclosing(drawing.values()) as growing:
                async for images in growing:
                    if self._growing:
                        await self._tell(Item(index, images))
        except Exception as exc:  # noqa: BLE001 - what ends this plan ends no other
            error = exc if isinstance(exc, SeedreamError) else fault_of(exc)
            if isinstance(error, ENDS_ALL) and self._ended is None:
                self._ended = error
            images = _failed_set(self._client, plan, error)
            _drop_frames(error)
        if images is not None:
            await self._tell(Item(index, images, error, done=True))

    async def _tell(self, item: Item) -> None:
        await self.room.acquire()
        self.news.put_nowait(item)

    def _key(self, plan: Plan) -> Key:
        """The key, where a plan is sent. Raises what ended the batch: from then on nothing is."""
        if self._ended is None:
            return key_for(self._client, plan)
        error = copy.copy(self._ended)
        error.args = (f"Not sent, for an earlier one met this: {error}",)
        error.run_id, error.request_id, error.images, error.billed = None, None, None, "no"
        raise error


async def _numbered(plans: Iterable[Plan] | AsyncIterable[Plan]) -> AsyncIterator[tuple[int, Plan]]:
    index = 0
    if isinstance(plans, AsyncIterable):
        async for plan in plans:
            yield index, plan
            index += 1
    else:
        for pair in enumerate(plans):
            yield pair


def _failed_set(client: Sender, plan: Plan, error: SeedreamError) -> ImageSet:
    """The set of a plan that failed: as far as it came, each of its places with the error."""
    images = error.images
    if not isinstance(images, ImageSet):
        request, run_id = plan.request, error.run_id or ""
        images = ImageSet(request, plan.provider.name, run_id, client.store / run_id, expected=request.images_expected)
        outcome: Outcome = "unknown" if error.billed == "unknown" else "rejected" if error.sent else "not_sent"
        images = replace(images, outcome=outcome)
    for index in range(max(len(images), images.expected or 1)):
        if index >= len(images) or (images[index].path is None and images[index].error is None):
            images = images.with_frame(Frame(index, images.request.prompt_of(index), error=error))
    return replace(images, state="done", pause="").with_client(client)


def _drop_frames(error: BaseException | None) -> None:
    """Let go of what the run had in hand: a traceback holds all local variables, and errors of a batch are kept."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
