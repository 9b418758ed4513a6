"""How many images a minute many runs together may ask for: told by the caller, or learned from the service's 429.

Each run takes its turn before its POST; a set of fifteen counts fifteen. Nothing is limited before the service says
that it is too much. Then as much a minute is sent as it had taken in its minute, and one request more now and then, to
see whether the limit has grown.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from weakref import WeakKeyDictionary

from seedream_magic.errors import RateLimited
from seedream_magic.forks import free_in_child
from seedream_magic.words import network as texts

MINUTE = 60.0
LONGEST_WAIT_ASKED = 120.0
"""Seconds of `Retry-After` that are waited; a service that asks for more is left alone."""
PATIENCE = 600.0
"""Seconds in which the service may refuse each request for its pace; after that it is no matter of pace."""
_MARGIN = 1.02
"""What leaves here a minute apart may arrive a little closer together."""
_PAUSE, _PAUSE_OF_NOTHING = 0.5, 15.0
"""Seconds after a refusal that names no pause; the second where the service took nothing at all for a minute."""
_LOOK_SECONDS = 1.0
"""Between two looks whether there is room: one that is given back is not announced."""
_LONGEST_PROBE_PAUSE = 8
"""Minutes between two requests beyond the limit, where those before were refused."""


class Limiter:
    """For the runs of a process. `limit` is how many images a minute are sent at present, None for any number.

    `most` is what the caller allows, None for any number.
    """

    def __init__(
        self,
        per_minute: int | None = None,
        *,
        now: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.most = self.limit = per_minute
        self.now, self.sleep = now, sleep
        self._sent: deque[Turn] = deque()
        self._lock = free_in_child(threading.Lock())  # runs may be on several threads, each with its own loop
        self._first: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()
        self._closed_until = -math.inf
        self._taken_at = math.inf  # when the service took a request last, or the first one was sent
        self._probe: Turn | None = None
        self._probe_from, self._probe_pause, self._step = -math.inf, 1, 1

    async def take(self, images: int) -> Turn:
        """Wait until a request for so many images may be sent; whoever gets the turn sends it at once.

        Raises `RateLimited` where the service has asked another run for a pause that nobody waits for.
        """
        loop = asyncio.get_running_loop()
        async with self._first.setdefault(loop, asyncio.Lock()):  # they go in the order in which they came
            while not isinstance(turn := self._try(images), Turn):
                await self.sleep(min(turn, _LOOK_SECONDS))
            return turn

    def _try(self, images: int) -> Turn | float:
        """The turn, or the seconds until there may be one."""
        with self._lock:
            if (pause := self._pause(images)) > 0:
                return pause
            turn = Turn(self, images, self.now())
            if self._has_no_room(images):
                self._probe = turn
            self._sent.append(turn)
            return turn

    def _pause(self, images: int) -> float:
        """Seconds until there may be room for so many images; 0 where there is."""
        now = self.now()
        if now < self._closed_until:
            if (rest := self._closed_until - now) > LONGEST_WAIT_ASKED:
                raise RateLimited(texts.LONG_PAUSE(minutes=math.ceil(rest / MINUTE)), status=429, billed="no")
            return rest
        while self._sent and now - self._sent[0].at >= MINUTE * _MARGIN:
            self._sent.popleft()
        if not self._has_no_room(images) or self._may_probe(now):
            return 0.0
        return max(0.01, self._sent[0].at + MINUTE * _MARGIN - now)

    def _has_no_room(self, images: int) -> bool:
        if self.limit is None:
            return False
        used = sum(turn.images for turn in self._sent)
        return used > 0 and used + images > self.limit  # a request that is larger than the limit goes alone

    def _may_probe(self, now: float) -> bool:
        """Whether one request beyond what was learned may be sent, to learn more."""
        learned = self.limit is not None and (self.most is None or self.limit < self.most)
        return learned and self._probe is None and now >= self._probe_from

    def begin(self, turn: Turn) -> None:
        """The request is sent now."""
        turn.at = self.now()
        self._taken_at = min(self._taken_at, turn.at)

    def accepted(self, turn: Turn) -> None:
        """The service took the request. Where that was one too many by what was learned, its limit has grown."""
        with self._lock:
            self._taken_at = self.now()
            if turn is self._probe and self.limit is not None:
                self._probe = None
                grown = max(self.limit, sum(turn.images for turn in self._sent)) + self._step - 1
                self.limit = grown if self.most is None else min(grown, self.most)
                self._step, self._probe_pause = self._step * 2, 1

    def refused(self, turn: Turn, wait: float) -> bool:
        """The service took no request at this moment, and asks for a pause of so many seconds, 0 if for none.

        What it had taken in its minute, which ends when it will take more, is what it takes in one. Returns whether it
        is worth another attempt.
        """
        with self._lock:
            now = self.now()
            self._probe_pause = min(2 * self._probe_pause, _LONGEST_PROBE_PAUSE) if turn is self._probe else 1
            self._take_out(turn)
            since = now - MINUTE + (wait if wait < MINUTE else 0.0)
            taken = sum(turn.images for turn in self._sent if turn.at >= since)
            self.limit = max(1, taken if self.most is None else min(taken, self.most))
            self._closed_until = max(self._closed_until, now + (wait or (_PAUSE if taken else _PAUSE_OF_NOTHING)))
            self._probe_from, self._probe, self._step = now + self._probe_pause * MINUTE, None, 1
            return now - self._taken_at < PATIENCE

    def give_back(self, turn: Turn) -> None:
        """The request does not count at the service: it was refused, or never sent."""
        with self._lock:
            self._take_out(turn)

    def _take_out(self, turn: Turn) -> None:
        if turn in self._sent:
            self._sent.remove(turn)
        if turn is self._probe:
            self._probe = None


@dataclass(eq=False)
class Turn:
    """The leave of a limiter to send one request for `images` images, and when it was used; see the limiter's methods.

    One without a limiter is that of a run which goes alone.
    """

    limiter: Limiter | None
    images: int
    at: float

    def begin(self) -> None:
        if self.limiter is not None:
            self.limiter.begin(self)

    def accepted(self) -> None:
        if self.limiter is not None:
            self.limiter.accepted(self)

    def refused(self, wait: float | None) -> bool:
        return self.limiter is not None and self.limiter.refused(self, wait or 0.0)

    def give_back(self) -> None:
        if self.limiter is not None:
            self.limiter.give_back(self)

    async def again(self) -> Turn:
        """The next turn for the same request."""
        return self if self.limiter is None else await self.limiter.take(self.images)


NO_TURN = Turn(None, 0, 0.0)
"""That of a run which goes alone."""
