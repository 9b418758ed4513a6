"""Bring one picture here: from its link, without the key, or out of base64."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

from seedream_magic.api.client import Client, Transport, is_compressed, new_client, reading
from seedream_magic.api.providers import is_loopback
from seedream_magic.api.retry import DOWNLOAD_ATTEMPTS, download_pause
from seedream_magic.errors import ImageError, ImageInvalid, ImageLinkExpired, ImageTooLarge, UnsafeURL
from seedream_magic.images.verify import MAXIMUM_BYTES, PictureFacts, verified

PARALLEL_DOWNLOADS = 4
MAXIMUM_LINK_LENGTH = 4096
_REDIRECTS = 3
_TOTAL_SECONDS = 300.0
_WORTH_ANOTHER_TRY = frozenset({408, 425, 429, 500, 502, 503, 504})


class _PassingFault(Exception):
    """A fault that the next attempt may not meet."""


def image_client(transport: Transport | None = None) -> Client:
    """The client for pictures: no key, no cookies kept, no redirect followed unseen."""
    headers = {"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "seedream-magic"}
    return new_client(transport, timeout=httpx.Timeout(30, connect=10), headers=headers)


async def download(client: Client, url: str, *, allow_loopback: bool) -> tuple[bytes, PictureFacts]:
    """The verified bytes behind a link. `allow_loopback` lets http links to this machine pass (demo, tests).

    Faults of the way are tried again, up to six times. Raises an `ImageError` that says what stood in the way.
    """
    for attempt in range(1, DOWNLOAD_ATTEMPTS + 1):
        try:
            async with asyncio.timeout(_TOTAL_SECONDS):
                data = await _fetch(client, url, allow_loopback=allow_loopback)
            return data, verified(data)
        except ImageInvalid:
            if attempt >= 2:
                raise
        except (_PassingFault, TimeoutError) as exc:
            if attempt >= DOWNLOAD_ATTEMPTS:
                reason = "it took too long" if isinstance(exc, TimeoutError) else str(exc)
                raise ImageError(f"The picture was made but its download failed: {reason}.") from exc
        await asyncio.sleep(download_pause(attempt))
    raise AssertionError  # the last attempt returns or raises


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
    return data, verified(data)


def link_expiry(url: str) -> datetime | None:
    """When a signed link ends, read from the link itself (`X-Tos-Date` + `X-Tos-Expires`)."""
    query = {name.lower(): values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    try:
        signed = datetime.strptime(query["x-tos-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return signed + timedelta(seconds=int(query["x-tos-expires"]))
    except (KeyError, ValueError, OverflowError):
        return None


def check_link(url: str, *, allow_loopback: bool) -> None:
    """Raises `UnsafeURL` unless the link is one that a picture of the service can have."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as exc:
        raise UnsafeURL(f"A picture link is no address: {exc}.") from exc
    if is_loopback(host):
        allowed = allow_loopback and parts.scheme in {"http", "https"}
    else:
        allowed = parts.scheme == "https" and port in {None, 443} and _is_public(host)
    odd = parts.username is not None or re.search(r"[\s\\\x00-\x1f]", url) or len(url) > MAXIMUM_LINK_LENGTH
    if not allowed or odd or not host:
        raise UnsafeURL(
            f"A picture link points to {parts.scheme or 'no scheme'}://{host[:60]}, "
            "where no picture of the service can be; it was not opened.",
        )


def _is_public(host: str) -> bool:
    """Whether a host is a name, or an address of the open internet; names are not resolved here."""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        # The URL standard reads 2130706433, 0x7f.1 and 127.1 as addresses: whatever ends in a number.
        return not re.fullmatch(r"\d+|0x[0-9a-f]*", host.rstrip(".").rpartition(".")[2], re.IGNORECASE)


async def _fetch(client: Client, url: str, *, allow_loopback: bool) -> bytes:
    for _ in range(_REDIRECTS + 1):
        check_link(url, allow_loopback=allow_loopback)
        try:
            async with client.stream("GET", url) as response:
                client.cookies.clear()
                if response.has_redirect_location:
                    url = urljoin(url, response.headers["location"])
                    continue
                _check_head(response, url)
                return await _body(response)
        except (httpx.HTTPError, OSError) as exc:
            raise _PassingFault(str(exc) or type(exc).__name__) from exc
        except (httpx.InvalidURL, ValueError) as exc:
            raise UnsafeURL(f"A picture link leads to what is no address: {exc}.") from exc
    raise UnsafeURL(f"A picture link was redirected more than {_REDIRECTS} times.")


def _check_head(response: httpx.Response, url: str) -> None:
    status = response.status_code
    if status in _WORTH_ANOTHER_TRY:
        raise _PassingFault(f"HTTP {status}")
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


async def _body(response: httpx.Response) -> bytes:
    declared = response.headers.get("content-length")
    data = bytearray()
    async with reading(response) as chunks:
        async for chunk in chunks:
            data += chunk
            if len(data) > MAXIMUM_BYTES:
                raise ImageTooLarge(f"The picture has more than {MAXIMUM_BYTES:,} bytes.")
    if declared is not None and declared.isdigit() and len(data) != int(declared):
        raise _PassingFault(f"{len(data):,} of {int(declared):,} bytes came")
    return bytes(data)
