"""What came back: the head of an answer, and the bytes of its body as they arrive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

import httpx

from seedream_magic.api.connection import reading, reason
from seedream_magic.api.head import broken_answer
from seedream_magic.api.models import LARGEST_BASE64_CHARACTERS
from seedream_magic.api.plan import Plan
from seedream_magic.errors import ResponseBroken

MAXIMUM_BYTES_PER_IMAGE = 2 * LARGEST_BASE64_CHARACTERS
"""The cap of an answer is this for each image asked for, and for four at least: all of it goes to disk."""


@dataclass(frozen=True)
class Patience:
    """Limits in seconds. Headers come with the first picture, 13-40 s a picture, so they are long.

    `head` is the wait for the answer's head and, in a JSON answer, between bytes; `idle` the wait for any byte of a
    stream; `progress` the wait for an event of a stream that only sends keep-alives; `total` the whole answer.
    """

    connect: float = 10.0
    write: float = 60.0
    head: float = 300.0
    idle: float = 120.0
    progress: float = 300.0
    total: float = 900.0


def patience_for(plan: Plan, body: bytes) -> Patience:
    """The limits that fit a request: 300 s and 40 s more for each further image, and 2 s for each MiB to send."""
    head = min(900.0, 300.0 + 40.0 * (plan.request.images_at_most - 1))
    return Patience(write=60.0 + 2.0 * len(body) / 2**20, head=head)


@dataclass(frozen=True)
class Answer:
    """An answer whose head (2xx) has arrived; its body is still on its way.

    `attempt` counts from 1. `skew` is how far this machine's clock is ahead of the service's, None within five minutes.
    `codings` is the Content-Encoding, by the service's word; `location` the address at which the head says
    that the result is to be asked for.
    """

    attempt: int
    status: int
    headers: Mapping[str, str]
    request_id: str | None
    skew: timedelta | None
    codings: str
    location: str
    _response: httpx.Response
    patience: Patience
    _cap: int

    @property
    def clock_note(self) -> str:
        """The note that a set carries where this machine's clock or the service's is wrong, else ""."""
        if self.skew is None:
            return ""
        minutes = abs(self.skew) // timedelta(minutes=1)
        by = f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
        side = "ahead of" if self.skew > timedelta(0) else "behind"
        return f"This machine's clock is {by} {side} the service's: what is told of the age of links may be wrong."

    @property
    def is_sequence(self) -> bool:
        """Whether objects may follow one another, by the service's own word: lines of JSON, or events."""
        declared = self.headers.get("content-type", "").lower()
        return any(kind in declared for kind in ("ndjson", "jsonl", "jsonlines", "json-seq", "stream"))

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The bytes of the body as they came, packed or not.

        Raises `ResponseBroken` (billed) when the answer breaks off, stalls, or is larger than any of the service.
        """
        deadline = monotonic() + self.patience.total
        received = 0
        declared = self._response.headers.get("content-type", "")
        idle = self.patience.idle if "event-stream" in declared else self.patience.head
        async with reading(self._response) as stream:
            while True:
                began = monotonic()
                try:
                    async with asyncio.timeout(min(idle, deadline - began)):
                        chunk = await anext(stream, None)
                except (TimeoutError, httpx.TimeoutException) as exc:
                    silent = monotonic() - began
                    raise self.broken(
                        f"the service fell silent for {silent:.0f} s in the middle of its answer"
                    ) from exc
                except Exception as exc:  # a transport of the caller's may raise anything
                    passed = monotonic() - began
                    after = f" after {passed:.0f} s of silence" if passed >= 5 else ""
                    why = reason(exc)
                    raise self.broken(f"the connection broke in the middle of the answer{after} ({why})") from exc
                if chunk is None:
                    return
                received += len(chunk)
                if received > self._cap:
                    raise self.broken(f"the answer is longer than {self._cap:,} bytes")
                yield chunk

    def broken(self, what: str) -> ResponseBroken:
        """The error of this answer when it cannot be read."""
        return broken_answer(what, status=self.status, request_id=self.request_id)
