"""The limiter before the POST, against services that count images a minute; time is a number here, no clock."""

from __future__ import annotations

import asyncio
import selectors
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from raw_server import Behaviour, Reply, Request, json_reply, raw_server
from seedream_magic import RateLimited
from seedream_magic.api import limiter as module
from seedream_magic.api.limiter import MINUTE, Limiter
from seedream_magic.batch.draw_many import Item, draw_many
from served import client
from service import PICTURE, POST, picture, whole_answer

PICTURE_SECONDS = 5.0


class _LeapingSelector(selectors.SelectSelector):
    """Where a loop would sleep, its clock leaps."""

    clock = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.clock += timeout or 0.0
        return super().select(0)


class _LeapingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.leaping = _LeapingSelector()
        super().__init__(self.leaping)

    def time(self) -> float:
        return self.leaping.clock


def in_leaps(work: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=_LeapingLoop) as runner:
        runner.run(work)


def clock() -> float:
    return asyncio.get_running_loop().time()


class Service:
    """Takes `most` images a minute, and says 429 to the rest: by fixed minutes, or by those that have just passed.

    `asks` is whether it says how long to wait.
    """

    def __init__(self, most: int, *, fixed: bool, asks: bool) -> None:
        self.most, self.fixed, self.asks = most, fixed, asks
        self.taken: list[tuple[float, int]] = []
        self.refused: list[float] = []

    def ask(self, images: int) -> tuple[bool, float | None]:
        """Whether it takes the request, and the pause that it asks for."""
        now = clock()
        since = now // MINUTE * MINUTE if self.fixed else now - MINUTE
        recent = [(at, count) for at, count in self.taken if at > since or (self.fixed and at >= since)]
        if sum(count for _, count in recent) + images <= self.most:
            self.taken.append((now, images))
            return True, None
        self.refused.append(now)
        wait = (since + 2 * MINUTE if self.fixed else recent[0][0] + MINUTE) - now if recent else 1.0
        wait = since + MINUTE - now if self.fixed else wait
        return False, wait if self.asks else None

    @property
    def refusals_by_minute(self) -> Counter[int]:
        return Counter(int(at // MINUTE) for at in self.refused)


async def draw(limiter: Limiter, service: Service, sizes: list[int], *, concurrency: int = 8) -> None:
    """Send all requests as a batch does, so many at once."""
    left = iter(sizes)

    async def work() -> None:
        for images in left:
            turn = await limiter.take(images)
            while True:
                turn.begin()
                taken, wait = service.ask(images)
                if taken:
                    turn.accepted()
                    break
                assert turn.refused(wait)
                turn = await turn.again()
            await asyncio.sleep(PICTURE_SECONDS)

    await asyncio.gather(*(work() for _ in range(concurrency)))


@pytest.mark.parametrize("asks", [True, False], ids=["with Retry-After", "without"])
@pytest.mark.parametrize("fixed", [True, False], ids=["fixed minutes", "sliding minutes"])
@pytest.mark.parametrize(("sizes", "share"), [([1] * 1000, 0.9), ([1, 15, 2, 4] * 50, 0.85)], ids=["pictures", "sets"])
@pytest.mark.parametrize("begins_at", [0.0, 45.0])
def test_a_limit_that_nobody_knows_is_found_and_used(
    sizes: list[int], share: float, *, fixed: bool, asks: bool, begins_at: float
) -> None:
    """No request is lost, no storm of 429, nine tenths of what is allowed are sent; sets leave gaps of their size."""

    async def scenario() -> None:
        await asyncio.sleep(begins_at)
        service = Service(50, fixed=fixed, asks=asks)
        limiter = Limiter(now=clock)
        began = clock()
        await draw(limiter, service, sizes)
        minutes = (clock() - began) / MINUTE
        assert sum(count for _, count in service.taken) == sum(sizes)
        _, *later = sorted(service.refusals_by_minute)
        assert all(service.refusals_by_minute[minute] <= 1 for minute in later)
        assert sum(sizes) / minutes >= share * 50

    in_leaps(scenario())


def test_what_the_caller_allows_is_never_passed() -> None:
    """Not even to see whether the service would take more; a set of fifteen counts fifteen."""

    async def scenario() -> None:
        service = Service(50, fixed=False, asks=True)
        await draw(Limiter(20, now=clock), service, [15, 1, 4] * 20)
        assert not service.refused
        for at, _ in service.taken:
            assert sum(count for other, count in service.taken if at - MINUTE < other <= at) <= 20
        assert clock() < 22 * MINUTE

    in_leaps(scenario())


def test_a_limit_that_grows_is_noticed() -> None:
    """After a quiet hour ten times as much is allowed, and most of it is used soon."""

    async def scenario() -> None:
        service, limiter = Service(10, fixed=False, asks=True), Limiter(now=clock)
        await draw(limiter, service, [1] * 60)
        service.most = 100
        await draw(limiter, service, [1] * 1000, concurrency=20)
        last = [at for at, _ in service.taken if at > clock() - MINUTE - PICTURE_SECONDS]
        assert len(last) > 80

    in_leaps(scenario())


def test_a_request_that_is_larger_than_the_limit_goes_alone() -> None:
    """It could never be sent else."""

    async def scenario() -> None:
        limiter = Limiter(10, now=clock)
        first = await limiter.take(1)
        await limiter.take(17)
        assert clock() - first.at > MINUTE

    in_leaps(scenario())


def test_a_service_that_refuses_everything_is_left_alone_after_a_while() -> None:
    """Ten minutes without a request that was taken are no matter of pace."""

    async def scenario() -> None:
        limiter = Limiter(now=clock)
        turn = await limiter.take(1)
        asked = 0
        turn.begin()
        while turn.refused(None):
            turn = await turn.again()
            turn.begin()
            asked += 1
        assert module.PATIENCE <= clock() <= module.PATIENCE + 2 * MINUTE
        assert asked < 50

    in_leaps(scenario())


def limited(most: int, minute: float) -> Callable[[Request], Behaviour]:
    """A service that takes so many images in `minute` seconds, and says to the rest how long that minute lasts."""
    taken: list[float] = []

    def answer(request: Request) -> Behaviour:
        now = monotonic()
        recent = [at for at in taken if at > now - minute]
        if len(recent) >= most:
            error = {"code": "ModelAccountIpmRateLimitExceeded", "message": "too many images a minute"}
            return json_reply({"error": error}, status=429, headers={"Retry-After": str(int(MINUTE))})
        taken.append(now)
        return whole_answer(request)

    return answer


def test_a_batch_loses_no_prompt_to_a_service_that_says_429(store: Path) -> None:
    """A minute lasts two seconds here: what is refused is sent again when the limiter says so."""
    scale = 30.0
    fast = Limiter(now=lambda: monotonic() * scale, sleep=lambda seconds: asyncio.sleep(seconds / scale))
    with raw_server({POST: limited(10, MINUTE / scale), PICTURE: picture}) as server:
        seedream = client(server, store)

        async def collect() -> list[Item]:
            plans = (seedream.plan(f"leaf {number}") for number in range(40))
            return [item async for item in draw_many(seedream, plans, limiter=fast)]

        items = asyncio.run(collect())
        refused = server.posts - 40
    assert all(item.images.ok for item in items)
    assert len(items) == 40
    assert 1 <= refused <= 8 + 8  # as many as were under way at first, then one in a minute


def test_who_waits_for_a_turn_does_not_wait_a_day() -> None:
    """A service has asked another run for that pause: one that comes between its refusal and the batch's end."""

    async def work() -> None:
        limiter = Limiter(now=asyncio.get_running_loop().time)
        turn = await limiter.take(1)
        limiter.refused(turn, 86_400)
        with pytest.raises(RateLimited, match="a pause of 1440 min"):
            await limiter.take(1)
        with pytest.raises(RateLimited, match="a pause of 1440 min"):
            await turn.again()

    in_leaps(work())


def test_a_pause_of_a_day_ends_the_sending(store: Path) -> None:
    """A batch does not wait so long, nor ask a thousand times."""
    error = {"code": "ModelAccountIpmRateLimitExceeded", "message": "too many images a day"}
    refused = json_reply({"error": error}, status=429, headers={"Retry-After": "86400"})
    with raw_server({POST: refused, PICTURE: Reply(404)}) as server:
        batch = client(server, store).map((f"leaf {number}" for number in range(30)), concurrency=2)
        assert [len(images.ok) for images in batch] == [0] * 30
        assert {type(failure.error) for failure in batch.failed} == {RateLimited}
        assert server.posts <= 2
