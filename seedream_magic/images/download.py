"""Download what stands behind one link, without the key: a picture of the service's answer, or a reference."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Generic, TypeVar
from urllib.parse import parse_qs, urljoin, urlsplit
from weakref import WeakKeyDictionary

import httpx

from seedream_magic.api.answer import wait_asked
from seedream_magic.api.connection import Client, reading
from seedream_magic.api.limiter import LONGEST_WAIT_ASKED
from seedream_magic.api.models import LARGEST_PICTURE_BYTES
from seedream_magic.api.network_errors import (
    certificate_hint,
    is_login_refusal,
    login_wanted,
    proxy_refusal_hint,
    reason,
)
from seedream_magic.api.proxies import proxy_for
from seedream_magic.api.retry import DOWNLOAD_ATTEMPTS, PACE, Pace, download_pause
from seedream_magic.errors import (
    ImageError,
    ImageInvalid,
    ImageLinkExpired,
    ImageTooLarge,
    InvalidRequest,
    UnsafeURL,
    reason_of,
)
from seedream_magic.formats import outline
from seedream_magic.images.received import Received
from seedream_magic.images.route import check_link, trim
from seedream_magic.images.threads import in_thread, raise_if_stopped
from seedream_magic.images.verify import Checksum, PictureFacts, base64_bytes, checksums, unwrap, verify_picture
from seedream_magic.words import pictures as texts
from seedream_magic.words.lists import AND
from seedream_magic.words.network import TOOK_TOO_LONG
from seedream_magic.words.text import Text, chain

PARALLEL_DOWNLOADS = 15
"""All pictures of a set: four at a time took 1.4 times as long."""
_REDIRECTS = 3
_TOTAL_SECONDS = 300.0
"""One attempt."""
_ALL_ATTEMPTS_SECONDS = 900.0
_SLOW_SECONDS = 30.0
_SLOWEST_RATE = 10 * 2**10
"""Bytes a second: a body of which fewer come in `_SLOW_SECONDS` would last for ever, or nearly so.

What comes of the other pictures of a set counts as well: fifteen over a thin line are each as slow as they must be.
"""
_bytes_received: WeakKeyDictionary[Client, int] = WeakKeyDictionary()
"""By client, for all of its downloads."""
_WORTH_ANOTHER_TRY = frozenset({408, 425, 429, *range(500, 600)} - {501, 505})
"""Proxies and content networks have words of their own from 509 on; 501 and 505 say what the host never does."""

Value = TypeVar("Value")
Kept = TypeVar("Kept")


@dataclass(frozen=True)
class Purpose(Generic[Value, Kept]):
    """What a link is fetched for: a picture of the service's answer and a reference keep to different rules.

    `read` makes the value out of the bytes, in a thread; it raises `ImageInvalid` or `InvalidRequest` where they are
    none. `keep` makes of it what the caller gets, in the same thread, so that no bytes wait in between. More than
    `maximum_bytes` are not taken. `failed` is the message when every attempt failed. `finds_cuts` says that `read`
    refuses whatever is cut off; then it may also judge a body whose end was not seen.
    """

    read: Callable[[bytes], Value]
    keep: Callable[[Value], Kept]
    maximum_bytes: int
    failed: Text = texts.REFERENCE_FAILED
    finds_cuts: bool = False


class _PassingFault(Exception):
    """A fault that the next attempt may not meet; `wait` is the pause in seconds that the host asks for.

    `met_twice` is for a fault that is worth one further attempt only: the error to raise if that one meets it too.
    """

    def __init__(self, message: str, wait: float = 0.0, *, met_twice: ImageError | None = None) -> None:
        super().__init__(message)
        self.wait = wait
        self.met_twice = met_twice


@dataclass(frozen=True)
class _Doubtful(Generic[Value]):
    """A value that is not kept yet, for its bytes may not be those that were sent."""

    value: Value
    why: str


@dataclass
class _Body:
    """The bytes that one attempt has received so far, and what the head of the response says of them."""

    data: Received = field(default_factory=Received)
    codings: str = ""
    checksums: tuple[Checksum, ...] = ()


async def download(
    http: Client,
    url: str,
    save: Callable[[bytes, PictureFacts], Kept],
    *,
    allow_loopback: bool,
    pace: Pace = PACE,
) -> tuple[Kept, str]:
    """What `save` makes of the verified bytes behind a link of the service's answer, and the doubt that is left (see
    `fetch`).
    """
    purpose = Purpose(
        check, lambda picture: save(*picture), LARGEST_PICTURE_BYTES, texts.DOWNLOAD_FAILED, finds_cuts=True
    )
    return await fetch(http, url, purpose, allow_loopback=allow_loopback, pace=pace)


async def fetch(
    http: Client, url: str, purpose: Purpose[Value, Kept], *, allow_loopback: bool, pace: Pace = PACE
) -> tuple[Kept, str]:
    """What `purpose` makes of what stands behind a link, and a doubt about it, "" for none.

    `allow_loopback` lets http links to this machine pass (demo, tests). A broken connection is tried again, six
    attempts in all, at the pace that the host asks for. Bytes that `purpose.read` refuses, and a 403 of a link that has
    not expired, are tried once more. All of this ends after 15 minutes. Bytes that can be read but do not match the
    host's checksum, or came over a connection that broke, are also fetched once more and then taken with that doubt.
    Raises an `ImageError` that says what stood in the way, or what `purpose.read` and `purpose.keep` raise.
    """
    attempts = _Attempts(http, trim(url), purpose, allow_loopback, pace, began=pace.now())
    pause = 0.0
    doubtful: _Doubtful[Value] | None = None
    while True:
        try:
            raise_if_stopped()
            if pause or attempts.faults or attempts.invalid:
                await pace.sleep(pause)
            found = await attempts.next()
        except (Exception, asyncio.CancelledError) as exc:  # noqa: BLE001 - `pause_after` raises all but passing ones
            if doubtful is not None:  # a Stop does not lose it either
                return await in_thread(purpose.keep, doubtful.value), doubtful.why
            pause = attempts.pause_after(exc)
        else:
            if not isinstance(found, _Doubtful):
                return found, ""
            if doubtful is not None:
                return await in_thread(purpose.keep, found.value), found.why
            doubtful, pause = found, download_pause(1)


@dataclass
class _Attempts(Generic[Value, Kept]):
    """The attempts at what stands behind one link, and how they have gone so far."""

    http: Client
    url: str
    purpose: Purpose[Value, Kept]
    allow_loopback: bool
    pace: Pace
    began: float
    faults: int = 0
    invalid: int = 0
    forbidden: int = 0
    longest: bytes = b""
    """The most that came of a picture before its connection broke."""

    @property
    def left(self) -> float:
        """Seconds until the last attempt has to be over."""
        return _ALL_ATTEMPTS_SECONDS - (self.pace.now() - self.began)

    async def next(self) -> Kept | _Doubtful[Value]:
        """What one attempt gives. Raises a `_PassingFault`, or an error that is final."""
        body = _Body()
        fault: _PassingFault | None = None
        with closing(body.data):
            try:
                async with asyncio.timeout(min(_TOTAL_SECONDS, self.left)):
                    await self._receive(body)
            except TimeoutError:
                fault = _PassingFault(TOOK_TOO_LONG())
            except _PassingFault as exc:
                fault = exc
            if fault is not None and not (body.data and self.purpose.finds_cuts):
                raise fault
            try:
                return await in_thread(_read, body, self.purpose, fault)
            except ImageError as exc:
                if fault is None:
                    raise
                self.longest = max(self.longest, exc.rejected, key=len)
                raise fault from exc

    async def _receive(self, body: _Body) -> None:
        """Fill `body` with what the link gives. Raises a `_PassingFault`, or an `ImageError` that is final."""
        url, failed = self.url, self.purpose.failed
        for _ in range(_REDIRECTS + 1):
            check_link(url, allow_loopback=self.allow_loopback)
            try:
                extensions = {"allow_loopback": self.allow_loopback}
                async with self.http.stream("GET", url, extensions=extensions) as response:
                    self.http.cookies.clear()
                    if response.has_redirect_location:
                        url = urljoin(url, trim(response.headers["location"]))
                        continue
                    _check_head(response, url)
                    body.codings = response.headers.get("content-encoding", "")
                    body.checksums = checksums(response.headers)
                    await self._receive_data(response, body.data)
                    return
            except (httpx.HTTPError, OSError) as exc:
                if "CERTIFICATE_VERIFY_FAILED" in str(exc):  # another attempt would hide an attack
                    words = failed(why=texts.CERTIFICATE(why=reason(exc)))
                    raise ImageError(words, hint=certificate_hint(str(exc))) from exc
                if (proxy := proxy_for(url)) and is_login_refusal(exc):  # each further one is one more wrong password
                    words = failed(why=texts.PROXY(proxy=proxy, what=login_wanted(proxy, exc)))
                    raise ImageError(words, hint=proxy_refusal_hint(proxy, exc)) from exc
                raise _PassingFault(reason(exc)) from exc
            except (httpx.InvalidURL, ValueError) as exc:
                raise UnsafeURL(texts.LEADS_TO_NO_ADDRESS(why=reason_of(exc))) from exc
        raise UnsafeURL(texts.REDIRECTED(most=_REDIRECTS))

    async def _receive_data(self, response: httpx.Response, data: Received) -> None:
        http, now, most = self.http, self.pace.now, self.purpose.maximum_bytes
        declared = response.headers.get("content-length", "")
        promised = int(declared) if declared.isdecimal() else None
        if promised is not None and promised > most:
            raise ImageTooLarge(texts.TOO_LARGE(size=promised, most=most))
        since, before = now(), _bytes_received.setdefault(http, 0)
        async with reading(response) as chunks:
            async for chunk in chunks:
                data.add(chunk)
                _bytes_received[http] += len(chunk)
                if len(data) > most:
                    raise ImageTooLarge(texts.TOO_LARGE_SO_FAR(most=most))
                if (at := now()) - since >= _SLOW_SECONDS and len(data) != promised:
                    if _bytes_received[http] - before < _SLOWEST_RATE * (at - since):
                        raise _PassingFault(texts.SLOW(rate=_SLOWEST_RATE))
                    since, before = at, _bytes_received[http]
        if promised is not None and len(data) != promised:
            raise _PassingFault(texts.CAME_IN_PART(size=len(data), all=promised))

    def pause_after(self, fault: BaseException) -> float:
        """Seconds until the next attempt. Raises what the fault means where there is none."""
        if isinstance(fault, ImageInvalid | InvalidRequest):
            self.invalid += 1
            if self.invalid < 2:
                return download_pause(1)
        if not isinstance(fault, _PassingFault):
            raise fault
        if fault.met_twice is not None:
            self.forbidden += 1
            if self.forbidden < 2:
                return download_pause(1)
            raise fault.met_twice
        self.faults += 1
        pause = max(download_pause(self.faults), fault.wait * (1 + 0.1 * self.pace.draw()))
        if self.faults < DOWNLOAD_ATTEMPTS and fault.wait <= LONGEST_WAIT_ASKED and pause < self.left:
            return pause
        why = fault.args[0]
        error = ImageError(
            self.purpose.failed(why=texts.ASKS_FOR_PAUSE(why=why, seconds=fault.wait) if fault.wait else why)
        )
        if found := outline(self.longest):
            error.rejected, error.rejected_as = self.longest, f"truncated.{found.ending}"
        raise error from fault


def _check_head(response: httpx.Response, url: str) -> None:
    status = response.status_code
    if status in _WORTH_ANOTHER_TRY:
        raise _PassingFault(f"HTTP {status}", wait_asked(response) or 0.0)
    if not 200 <= status < 300:  # which one of these it is says nothing of the bytes
        expiry, now = link_expiry(url), datetime.now(UTC)
        hours = (now - expiry).total_seconds() / 3600 if expiry else -1.0
        ended = texts.LINK_ENDED(hours=hours, status=status) if hours >= 0 else ""
        error = ImageLinkExpired(ended or texts.LINK_NOT_SERVED(status=status))
        if status == HTTPStatus.FORBIDDEN and not ended:  # a host whose clock lags refuses what was signed just now
            raise _PassingFault(f"HTTP {status}", met_twice=error)
        raise error


def _read(body: _Body, purpose: Purpose[Value, Kept], fault: _PassingFault | None) -> Kept | _Doubtful[Value]:
    """What is kept of a body, or its value, where the checksums of its host or a `fault` cast a doubt on it."""
    try:
        received = body.data.take()
    except OSError as exc:
        raise _PassingFault(reason_of(exc)) from exc
    data = unwrap(received, body.codings, maximum=purpose.maximum_bytes)
    value = purpose.read(data)
    forms = (received,) if data is received else (received, data)
    if any(checksum.fits(form) for checksum in body.checksums for form in forms):
        return purpose.keep(value)
    if body.checksums:
        names = chain(AND, [*dict.fromkeys(checksum.header for checksum in body.checksums)])
        return _Doubtful(value, texts.CHECKSUM(headers=names))
    if fault:
        return _Doubtful(value, texts.BROKE_AT_END(why=fault.args[0]))
    return purpose.keep(value)


def decode(b64_json: str) -> tuple[bytes, PictureFacts]:
    """The verified bytes of a picture that came in base64. Raises `ImageInvalid` for anything else."""
    return check(base64_bytes(b64_json))


def check(data: bytes) -> tuple[bytes, PictureFacts]:
    """The same bytes, and what picture they are. Raises `ImageInvalid` for anything else."""
    return data, verify_picture(data)


def link_expiry(url: str) -> datetime | None:
    """When a signed link ends, read from the link itself; None where it does not say.

    `X-Tos-Date` and `X-Tos-Expires`, the same of other stores (Amz, Goog, Oss), or `Expires` in seconds since 1970.
    """
    query = {name.lower(): values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    store = next((name.removesuffix("-date") for name in query if re.fullmatch("x-[a-z]+-date", name)), None)
    try:
        if store is None:
            return datetime.fromtimestamp(int(query["expires"]), UTC)
        signed = datetime.strptime(query[f"{store}-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return signed + timedelta(seconds=int(query[f"{store}-expires"]))
    except (KeyError, ValueError, OverflowError, OSError):
        return None
