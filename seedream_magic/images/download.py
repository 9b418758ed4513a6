"""Bring one picture here: from its link, without the key, or out of base64."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

from seedream_magic.api.connection import Client, certificate_hint, is_compressed, reading, reason
from seedream_magic.api.retry import DOWNLOAD_ATTEMPTS, LONGEST_WAIT_ASKED, PACE, Pace, download_pause, retry_after
from seedream_magic.errors import (
    ImageError,
    ImageInvalid,
    ImageLinkExpired,
    ImageTooLarge,
    InvalidRequest,
    UnsafeURL,
)
from seedream_magic.images.guard import check_link
from seedream_magic.images.verify import MAXIMUM_BYTES, PictureFacts, verified

PARALLEL_DOWNLOADS = 4
_REDIRECTS = 3
_TOTAL_SECONDS = 300.0
"""One attempt."""
_ALL_ATTEMPTS_SECONDS = 900.0
_SLOW_SECONDS = 30.0
_SLOWEST_RATE = 10 * 2**10
"""Bytes a second: a body of which fewer come in `_SLOW_SECONDS` would last for ever, or nearly so."""
_WORTH_ANOTHER_TRY = frozenset({408, 425, 429, 500, 502, 503, 504})

Value = TypeVar("Value")


@dataclass(frozen=True)
class Wanted(Generic[Value]):
    """What a link is to bring: a picture of the service's answer and a reference keep to different rules.

    `read` makes the value of the bytes; it raises `ImageInvalid` or `InvalidRequest` where they are none. More than
    `maximum_bytes` are not taken. `failed` begins the sentence on a way that stayed broken: what that means.
    """

    read: Callable[[bytes], Value]
    maximum_bytes: int
    failed: str = "Its download failed"


class _PassingFault(Exception):
    """A fault that the next attempt may not meet; `wait` is the pause in seconds that the host asks for."""

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


async def download(client: Client, url: str, *, allow_loopback: bool, pace: Pace = PACE) -> tuple[bytes, PictureFacts]:
    """The verified bytes behind a link of the service's answer. As `fetch`, by the rules of `verified`."""
    wanted = Wanted(_picture, MAXIMUM_BYTES, failed="The picture was made but its download failed")
    return await fetch(client, url, wanted, allow_loopback=allow_loopback, pace=pace)


async def fetch(client: Client, url: str, wanted: Wanted[Value], *, allow_loopback: bool, pace: Pace = PACE) -> Value:
    """What is wanted of a link. `allow_loopback` lets http links to this machine pass (demo, tests).

    Faults of the way are tried again, up to six times, at the pace that the host asks for; bytes that `wanted.read`
    refuses once more; all in 15 min. Raises an `ImageError` that says what stood in the way, or what `read` says.
    """
    course = _Course(pace, wanted.failed, began=pace.now())
    while True:
        try:
            async with asyncio.timeout(min(_TOTAL_SECONDS, course.left)):
                data = await _attempt(client, url, wanted, allow_loopback=allow_loopback, now=pace.now)
            return wanted.read(data)
        except (ImageInvalid, InvalidRequest):
            course.invalid += 1
            if course.invalid >= 2:
                raise
            pause = download_pause(1)
        except (_PassingFault, TimeoutError) as exc:
            pause = course.pause_after(exc)
        await pace.sleep(pause)


@dataclass
class _Course:
    """How the attempts at one picture have gone so far."""

    pace: Pace
    failed: str
    began: float
    faults: int = 0
    invalid: int = 0

    @property
    def left(self) -> float:
        """Seconds until the last attempt has to be over."""
        return _ALL_ATTEMPTS_SECONDS - (self.pace.now() - self.began)

    def pause_after(self, fault: _PassingFault | TimeoutError) -> float:
        """Seconds until the next attempt. Raises `ImageError` where there is none."""
        self.faults += 1
        wait = fault.wait if isinstance(fault, _PassingFault) else 0.0
        pause = max(download_pause(self.faults), wait * (1 + 0.1 * self.pace.draw()))
        if self.faults < DOWNLOAD_ATTEMPTS and wait <= LONGEST_WAIT_ASKED and pause < self.left:
            return pause
        said = "it took too long" if isinstance(fault, TimeoutError) else str(fault)
        asked = f"; its host asks for a pause of {wait:.0f} s" if wait else ""
        raise ImageError(f"{self.failed}: {said}{asked}.") from fault


def decode(b64_json: str) -> tuple[bytes, PictureFacts]:
    """The verified bytes of a picture in base64; white space, a `data:` prefix and the URL alphabet are taken.

    Raises `ImageInvalid` for anything else: the standard decoder would drop foreign characters and go on.
    """
    text = "".join(re.sub(r"^\s*data:[^,]{0,100},", "", b64_json, count=1).split())
    text = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError as exc:  # binascii.Error is one; a letter that is not ASCII is a plain one
        raise ImageInvalid(f"The picture's base64 is damaged: {exc}.") from exc
    return _picture(data)


def _picture(data: bytes) -> tuple[bytes, PictureFacts]:
    return data, verified(data)


def link_expiry(url: str) -> datetime | None:
    """When a signed link ends, read from the link itself (`X-Tos-Date` + `X-Tos-Expires`)."""
    query = {name.lower(): values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    try:
        signed = datetime.strptime(query["x-tos-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return signed + timedelta(seconds=int(query["x-tos-expires"]))
    except (KeyError, ValueError, OverflowError):
        return None


async def _attempt(
    client: Client, url: str, wanted: Wanted[Any], *, allow_loopback: bool, now: Callable[[], float]
) -> bytes:
    for _ in range(_REDIRECTS + 1):
        check_link(url, allow_loopback=allow_loopback)
        try:
            async with client.stream("GET", url, extensions={"allow_loopback": allow_loopback}) as response:
                client.cookies.clear()
                if response.has_redirect_location:
                    url = urljoin(url, response.headers["location"])
                    continue
                _check_head(response, url)
                return await _body(response, wanted.maximum_bytes, now)
        except (httpx.HTTPError, OSError) as exc:
            if "CERTIFICATE_VERIFY_FAILED" in str(exc):  # another attempt would hide an attack
                words = f"{wanted.failed}: its host's certificate is not to be trusted ({reason(exc)})."
                raise ImageError(words, hint=certificate_hint(str(exc))) from exc
            raise _PassingFault(reason(exc)) from exc
        except (httpx.InvalidURL, ValueError) as exc:
            raise UnsafeURL(f"A picture link leads to what is no address: {exc}.") from exc
    raise UnsafeURL(f"A picture link was redirected more than {_REDIRECTS} times.")


def _check_head(response: httpx.Response, url: str) -> None:
    status = response.status_code
    if status in _WORTH_ANOTHER_TRY:
        wait = retry_after(response.headers.get_list("retry-after"), response.headers.get("date"))
        raise _PassingFault(f"HTTP {status}", wait or 0.0)
    if status != 200:
        raise _link_refused(status, url)
    if is_compressed(response):
        raise ImageInvalid("The picture came compressed, which was not asked for.")


def _link_refused(status: int, url: str) -> ImageError:
    expiry = link_expiry(url)
    now = datetime.now(UTC)
    if expiry is not None and now >= expiry:
        hours = (now - expiry).total_seconds() / 3600
        return ImageLinkExpired(f"The picture's link ended {hours:.1f} h ago (HTTP {status}).")
    return ImageLinkExpired(f"The picture's link is no longer served (HTTP {status}).")


async def _body(response: httpx.Response, maximum: int, now: Callable[[], float]) -> bytes:
    declared = response.headers.get("content-length", "")
    promised = int(declared) if declared.isdecimal() else None
    if promised is not None and promised > maximum:
        raise _too_large(maximum)
    data = bytearray()
    since, before = now(), 0
    async with reading(response) as chunks:
        async for chunk in chunks:
            data += chunk
            if len(data) > maximum:
                raise _too_large(maximum)
            if (at := now()) - since >= _SLOW_SECONDS and len(data) != promised:
                if len(data) - before < _SLOWEST_RATE * (at - since):
                    raise _PassingFault(f"fewer than {_SLOWEST_RATE:,} bytes a second came")
                since, before = at, len(data)
    if promised is not None and len(data) != promised:
        raise _PassingFault(f"{len(data):,} of {promised:,} bytes came")
    checksum = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
    if response.headers.get("content-md5", checksum).strip() != checksum:
        raise _PassingFault("its bytes are not those that the host meant to send")
    return bytes(data)


def _too_large(maximum: int) -> ImageTooLarge:
    return ImageTooLarge(f"The picture has more than {maximum:,} bytes.")
