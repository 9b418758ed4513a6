"""Many plans at once: what each comes to, in which order, and what is sent for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from raw_server import Behaviour, RawServer, Request, json_reply, raw_server
from seedream_magic import AuthFailed, ContentRefused, Seedream
from seedream_magic.api.plan import Plan
from seedream_magic.batch.draw_many import Item, draw_many
from served import client
from service import PICTURE, POST, SlowService, bodies, picture, whole_answer


def draw(seedream: Seedream, plans: Iterable[Plan], **options: Any) -> list[Item]:
    """The items of a batch."""

    async def collect() -> list[Item]:
        return [item async for item in draw_many(seedream, plans, **options)]

    return asyncio.run(collect())


def test_each_plan_of_a_batch_is_drawn_once(seedream: Seedream, server: RawServer) -> None:
    """The items name the places of the plans; the same batch again sends nothing."""
    plans = [seedream.plan(f"tree {number}", images=1 + number % 2) for number in range(12)]
    items = draw(seedream, plans, concurrency=4)
    assert sorted(item.index for item in items) == list(range(12))
    assert all(item.done and item.error is None and item.images.complete for item in items)
    assert all(item.images.prompt == f"tree {item.index}" for item in items)
    assert sorted(body["prompt"] for body in bodies(server.requests)) == sorted(plan.request.prompt for plan in plans)
    again = draw(seedream, plans)
    assert all(item.images.replayed for item in again)
    assert server.posts == 12


def refuse_some(request: Request) -> Behaviour:
    """Refuses what is forbidden, and the key of who asks for the impossible."""
    words = request.json()["prompt"]
    if "forbidden" in words:
        return json_reply({"error": {"code": "InputTextSensitiveContentDetected", "message": "no"}}, status=400)
    if "key" in words:
        return json_reply({"error": {"code": "AuthenticationError", "message": "the key is wrong"}}, status=401)
    return whole_answer(request)


def test_an_item_that_fails_ends_no_other(store: Path) -> None:
    """Its frames carry the error, and so does the item."""
    with raw_server({POST: refuse_some, PICTURE: picture}) as server:
        seedream = client(server, store)
        plans = [seedream.plan(words) for words in ("a", "forbidden", "b", "forbidden too", "c")]
        items = sorted(draw(seedream, plans, concurrency=2), key=lambda item: item.index)
    assert [type(item.error) for item in items] == [type(None), ContentRefused, type(None), ContentRefused, type(None)]
    assert [[type(frame.error) for frame in item.images] for item in items if item.error] == [[ContentRefused]] * 2
    assert items[1].images.state == "done"


def test_after_a_refused_key_nothing_is_sent_any_more(store: Path) -> None:
    """The rest is told as not sent; what is in the store is shown all the same."""
    with raw_server({POST: refuse_some, PICTURE: picture}) as server:
        seedream = client(server, store)
        seedream.generate("here already")
        words = ("key", *(f"after it {number}" for number in range(20)), "here already")
        items = sorted(draw(seedream, map(seedream.plan, words), concurrency=1), key=lambda item: item.index)
        assert server.posts == 2
    assert all(isinstance(item.error, AuthFailed) for item in items[:-1])
    assert str(items[5].error).startswith("Not sent, because an earlier request met this: ")
    assert items[-1].images.ok


def test_a_service_that_is_down_is_left_alone(store: Path) -> None:
    """After some runs in a row that it failed, not after one here and there: the next may be served."""
    down = json_reply({"error": {"code": "InternalServiceError", "message": "down"}}, status=500)
    some = {"tree 3", "tree 4", "tree 8"}

    def answer(request: Request) -> Behaviour:
        number = int(request.json()["prompt"].removeprefix("tree "))
        return down if number >= 20 or f"tree {number}" in some else whole_answer(request)

    with raw_server({POST: answer, PICTURE: picture}) as server:
        seedream = client(server, store)
        items = draw(seedream, (seedream.plan(f"tree {number}") for number in range(100)), concurrency=1)
        assert sum(item.error is None for item in items) == 17
        assert server.posts == 23
    last = items[-1].error
    assert last is not None
    assert str(last).startswith("Not sent, because 3 requests in a row met this: ")
    assert last.billed == "no"


def test_a_growing_item_is_told_of_before_its_end(slow_server: RawServer, slow: SlowService, store: Path) -> None:
    """The first picture comes while the second one is being drawn."""
    seedream = client(slow_server, store)
    seen: list[int] = []

    async def watch() -> None:
        async for item in draw_many(seedream, [seedream.plan("two", images=2)], growing=True):
            seen.append(len(item.images.ok))
            if item.images.ok:
                slow.release.set()

    asyncio.run(watch())
    assert 1 in seen
    assert seen[-1] == 2


def test_plans_are_taken_as_slots_get_free(seedream: Seedream) -> None:
    """A batch that nobody takes anything from begins no more than it has room for."""
    taken: list[int] = []

    async def endless() -> AsyncIterator[Plan]:
        number = 0
        while True:
            taken.append(number)
            yield seedream.plan(f"leaf {number}")
            number += 1

    async def take(count: int) -> None:
        async with aclosing(draw_many(seedream, endless(), concurrency=2)) as items:
            async for _ in items:
                count -= 1
                if not count:
                    break

    asyncio.run(take(20))
    assert len(taken) <= 20 + 2 + 4 + 1  # under way, waiting to be taken, the next one


def test_closing_a_batch_stops_what_runs(slow_server: RawServer, slow: SlowService, store: Path) -> None:
    """What has come is kept; the connections are closed."""
    seedream = client(slow_server, store)

    async def leave() -> None:
        async with aclosing(draw_many(seedream, [seedream.plan("two", images=2)], growing=True)) as items:
            async for item in items:
                if item.images.ok:
                    break

    asyncio.run(leave())
    slow_server.wait_for(lambda seen: seen.open_connections == 0)
    (entry,) = seedream.history(here=True)
    assert entry.state == "stopped"
    assert len(list(store.glob("*/01.jpg"))) == 1


def test_a_source_that_fails_ends_the_batch_after_those_before_it(seedream: Seedream) -> None:
    """Its error is the batch's; what was begun is drawn."""
    drawn: set[int] = set()

    def plans() -> Iterable[Plan]:
        yield seedream.plan("before the end")
        raise LookupError("no more rows")

    async def collect() -> None:
        async for item in draw_many(seedream, plans()):
            drawn.add(len(item.images.ok))

    with pytest.raises(LookupError):
        asyncio.run(collect())
    assert drawn == {1}
