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
from seedream_magic.api.request import ImageRequest
from seedream_magic.api.retry import Pace, Tokens
from seedream_magic.batch.inputs import BadRow
from seedream_magic.drawing import Drawing
from seedream_magic.errors import (
    AuthFailed,
    MissingKey,
    ModelNotFound,
    NoConnection,
    OutcomeUnknown,
    PaymentRequired,
    RateLimited,
    SeedreamError,
    ServerFailed,
)
from seedream_magic.images.download import PARALLEL_DOWNLOADS
from seedream_magic.images.image_set import Frame, ImageSet, Outcome
from seedream_magic.images.threads import raise_if_stopped
from seedream_magic.sender import CONCURRENCY, Doubt, Sender, Shared, key_for
from seedream_magic.watch import fault_of
from seedream_magic.words import batch as texts

_ROUNDS = 3
"""So many times the concurrency of failures in a row are no chance any more: the service, or the way to it, is down."""
_DOWN = (AuthFailed, ModelNotFound, NoConnection, OutcomeUnknown, ServerFailed)
"""What says, where one run after the other meets it, that the others would meet it as well."""


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
    plans: Iterable[Plan | BadRow] | AsyncIterable[Plan | BadRow],
    *,
    concurrency: int = CONCURRENCY,
    limiter: Limiter | None = None,
    growing: bool = False,
    resend: bool = False,
) -> AsyncGenerator[Item, None]:
    """The items in the order in which they end; with `growing` each set as well whenever it has grown.

    What may have been paid for already is not sent once more, but with `resend`, for which a person has asked.

    The next plan is taken from `plans` when there is a slot for it, and one that raises ends the batch once those
    before it have ended. Closing the generator stops what runs, and keeps what has come.
    """
    batch = _Batch(client, _numbered(plans), concurrency, limiter or Limiter(), growing=growing, resend=resend)
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
        plans: AsyncIterator[tuple[int, Plan | BadRow]],
        concurrency: int,
        limiter: Limiter,
        *,
        growing: bool,
        resend: bool,
    ) -> None:
        self.news: asyncio.Queue[Item | None] = asyncio.Queue()
        self.room = asyncio.Semaphore(2 * concurrency)  # for items that nobody has taken yet
        self._client, self._plans, self._growing = client, plans, growing
        self._next = asyncio.Lock()
        self._ended: SeedreamError | None = None  # why nothing is sent any more
        self._concurrency, self._in_a_row = concurrency, 0
        pace = Pace(now=limiter.now, sleep=limiter.sleep, tokens=Tokens(max(10, 4 * concurrency)))
        doubt: Doubt = "send" if resend else "refuse"
        self._shared = Shared(asyncio.Semaphore(PARALLEL_DOWNLOADS), limiter, pace, doubt)

    async def work(self) -> None:
        """Draw one plan after the other, until there are no more."""
        while True:
            async with self._next:
                found = await anext(self._plans, None)
            raise_if_stopped()  # while a thread was making the plan
            if found is None:
                return
            await self._draw(*found)

    async def _draw(self, index: int, plan: Plan | BadRow) -> None:
        if isinstance(plan, BadRow):
            await self._tell(failed_item(self._client, index, plan.request, plan.error))
            return
        images: ImageSet | None = None
        drawing = Drawing(self._client, plan, lambda: self._key(plan), shared=self._shared)
        try:
            async with aclosing(drawing.values()) as growing:
                async for images in growing:
                    if self._growing:
                        await self._tell(Item(index, images))
        except Exception as exc:  # noqa: BLE001 - what ends this plan ends no other
            error = exc if isinstance(exc, SeedreamError) else fault_of(exc)
            self._judge(error)
            await self._tell(failed_item(self._client, index, plan.request, error))
            return
        if images is not None:
            self._in_a_row = self._in_a_row if images.replayed else 0
            await self._tell(Item(index, images, done=True))

    def _judge(self, error: SeedreamError) -> None:
        """End the sending where the others would meet the same: after that nothing is sent, only replayed."""
        if self._ended is not None:
            return
        refused = isinstance(error, AuthFailed | RateLimited) and error.status in {401, 407, 429}
        if refused or isinstance(error, MissingKey | PaymentRequired):
            self._ended = error
        elif isinstance(error, _DOWN) and not (error.billed == "no" and isinstance(error, OutcomeUnknown)):
            self._in_a_row += 1  # a plan that was not sent once more is no run
            if self._in_a_row >= _ROUNDS * self._concurrency:
                self._ended = error

    async def _tell(self, item: Item) -> None:
        await self.room.acquire()
        self.news.put_nowait(item)

    def _key(self, plan: Plan) -> Key:
        """The key, where a plan is sent. Raises what ended the batch: from then on nothing is."""
        if self._ended is None:
            return key_for(self._client, plan)
        error = copy.copy(self._ended)
        alone, met = self._in_a_row < _ROUNDS * self._concurrency, error.message
        many = texts.NOT_SENT_AFTER_MANY(requests=self._in_a_row, error=met)
        error.args = (texts.NOT_SENT_AFTER_ONE(error=met) if alone else many,)
        error.run_id, error.request_id, error.images, error.billed = None, None, None, "no"
        raise error


async def _numbered(
    plans: Iterable[Plan | BadRow] | AsyncIterable[Plan | BadRow],
) -> AsyncIterator[tuple[int, Plan | BadRow]]:
    index = 0
    if isinstance(plans, AsyncIterable):
        async for plan in plans:
            yield index, plan
            index += 1
    else:
        for pair in enumerate(plans):
            yield pair


def failed_item(client: Sender, index: int, request: ImageRequest, error: SeedreamError) -> Item:
    """The end of an item that failed: its set as far as it came, each of its places with the error."""
    images = error.images
    if not isinstance(images, ImageSet):
        folder, run_id = client.store / (error.run_id or ""), error.run_id or ""
        images = ImageSet(request, client.provider.name, run_id, folder, expected=request.images_expected)
        outcome: Outcome = "unknown" if error.billed == "unknown" else "rejected" if error.sent else "not_sent"
        images = replace(images, outcome=outcome)
    for place in range(max(len(images), images.expected or 1)):
        if place >= len(images) or (images[place].path is None and images[place].error is None):
            images = images.with_frame(Frame(place, images.request.prompt_of(place), error=error))
    _drop_frames(error)
    return Item(index, replace(images, state="done", pause="").with_client(client), error, done=True)


def _drop_frames(error: BaseException | None) -> None:
    """Let go of what the run had in hand: a traceback holds all local variables, and errors of a batch are kept."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
