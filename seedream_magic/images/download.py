"""Bring one picture here: from its link, without the key, or out of base64."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

from seedream_magic.api.connection import Client, Transport, is_compressed, new_client, reading
from seedream_magic.api.retry import DOWNLOAD_ATTEMPTS, download_pause
from seedream_magic.errors import ImageError, ImageInvalid, ImageLinkExpired, ImageTooLarge, UnsafeURL
from seedream_magic.images.guard import (
    Resolve,
    Target,
    bypasses_proxy,
    check_link,
    checked_target,
    proxy_for_pictures,
    resolved,
)
from seedream_magic.images.verify import MAXIMUM_BYTES, PictureFacts, verified

PARALLEL_DOWNLOADS = 4
_REDIRECTS = 3
_TOTAL_SECONDS = 300.0
_CONNECT_SECONDS_OF_MANY = 3.0
_WORTH_ANOTHER_TRY = frozenset({408, 425, 429, 500, 502, 503, 504})


class _PassingFault(Exception):
    """A fault that the next attempt may not meet."""


class PinnedRoute(Transport):
    """Each request goes to an address that was checked for its link, or nowhere; behind a proxy, to a known host.

    No connection is used again: it was opened, and its certificate checked, for one name, and the next request to the
    same address may be for another.
    """

    def __init__(self, certificates: ssl.SSLContext, *, resolve: Resolve = resolved) -> None:
        proxy = proxy_for_pictures()
        self._resolve = resolve
        self._direct = httpx.AsyncHTTPTransport(verify=certificates, trust_env=False)
        self._proxied = (
            None if proxy is None else httpx.AsyncHTTPTransport(verify=certificates, trust_env=False, proxy=proxy)
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.headers["Connection"] = "close"
        proxied = None if bypasses_proxy(request.url.host) else self._proxied
        target = await checked_target(
            str(request.url),
            allow_loopback=request.extensions.get("allow_loopback", False),
            behind_proxy=bool(proxied),
            resolve=self._resolve,
        )
        if proxied and not target.addresses:
            return await proxied.handle_async_request(request)
        *others, last = target.addresses
        for address in others:
            with suppress(httpx.ConnectError, httpx.ConnectTimeout):
                hurried = _pinned(request, target, address, connect_seconds=_CONNECT_SECONDS_OF_MANY)
                return await self._direct.handle_async_request(hurried)
        return await self._direct.handle_async_request(_pinned(request, target, last))

    async def aclose(self) -> None:
        await self._direct.aclose()
        if self._proxied:
            await self._proxied.aclose()


def _pinned(
    request: httpx.Request, target: Target, address: str, *, connect_seconds: float | None = None
) -> httpx.Request:
    """The same request to an address; its Host header, and the name on the certificate, stay the link's."""
    timeout = dict(request.extensions["timeout"])
    if connect_seconds is not None:
        timeout["connect"] = connect_seconds
    extensions = request.extensions | {"sni_hostname": target.server_name, "timeout": timeout}
    url = request.url.copy_with(host=address)
    return httpx.Request(request.method, url, headers=request.headers, extensions=extensions)


def image_client(transport: Transport | None = None) -> Client:
    """The client for pictures: no key, no cookies kept, no redirect followed unseen.

    A transport of the caller's is used as it is, the form of each link checked; the addresses are its own affair.
    """
    headers = {"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "seedream-magic"}
    return new_client(transport, route=PinnedRoute, timeout=httpx.Timeout(30, connect=10), headers=headers)


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


async def _fetch(client: Client, url: str, *, allow_loopback: bool) -> bytes:
    for _ in range(_REDIRECTS + 1):
        check_link(url, allow_loopback=allow_loopback)
        try:
            async with client.stream("GET", url, extensions={"allow_loopback": allow_loopback}) as response:
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
    if int(response.headers.get("content-length", 0)) > MAXIMUM_BYTES:
        raise _too_large()


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
                raise _too_large()
    if declared is not None and declared.isdigit() and len(data) != int(declared):
        raise _PassingFault(f"{len(data):,} of {int(declared):,} bytes came")
    checksum = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
    if response.headers.get("content-md5", checksum).strip() != checksum:
        raise _PassingFault("its bytes are not those that the host meant to send")
    return bytes(data)


def _too_large() -> ImageTooLarge:
    return ImageTooLarge(f"The picture has more than {MAXIMUM_BYTES:,} bytes.")
