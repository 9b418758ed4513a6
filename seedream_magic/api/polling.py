"""Asking a gateway how far its task is: a GET, which bills nothing and may be repeated.

The key goes to the API's own origin and nowhere else: an answer may name any address, and only its own service is one
that the key was given for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

import httpx

from seedream_magic.api.connection import Client, Transport, new_client, reading, reason
from seedream_magic.api.head import wait_asked
from seedream_magic.api.keys import Key
from seedream_magic.api.models import LARGEST_BASE64_CHARACTERS
from seedream_magic.api.providers import Provider, is_loopback
from seedream_magic.api.task_shapes import Task
from seedream_magic.errors import NoConnection, SeedreamError, UnsafeURL

_ACCEPT = {"Accept": "application/json", "Accept-Encoding": "identity"}
_SECONDS = 120.0
"""For one answer: some gateways hold a question open until the task has moved."""


@dataclass(frozen=True)
class TaskAnswer:
    """What the gateway says of a task; `wait` is the pause in seconds that it asks for, 0 if it asks for none.

    `location` is where a redirect leads: to the task's result, as a rule.
    """

    status: int
    codings: str
    body: bytes
    wait: float
    location: str = ""


@dataclass(frozen=True)
class TaskService:
    """The service at `base_url`, which is asked how far its tasks are.

    `key` is called when the key is needed. `images` is the one without a key: it asks where an address is not of the
    API's own origin.
    """

    provider: Provider
    base_url: str
    key: Callable[[], Key]
    images: Client
    transport: Transport | None

    def addresses_of(self, task: Task) -> list[str]:
        """Where a task can be asked for: the addresses that its answer names, else those of the provider's own rule."""
        named = [urljoin(f"{self.base_url}/images/generations", url) for url in task.urls]
        paths = self.provider.task_paths if task.task_id.strip(".") else ()  # dots alone would lead out of the path
        task_id = quote(task.task_id, safe="", errors="replace")
        return list(dict.fromkeys(named or [f"{self.base_url}/{path.format(task_id=task_id)}" for path in paths]))

    async def ask(self, url: str) -> TaskAnswer:
        """The answer at one of a task's addresses.

        Raises `NoConnection` where no answer came, `UnsafeURL` for an address that no service can have.
        """
        limits = httpx.Timeout(_SECONDS, connect=10)
        try:
            async with asyncio.timeout(_SECONDS):
                if _origin(url) != _origin(self.base_url):
                    extensions = {"allow_loopback": is_loopback(urlsplit(self.base_url).hostname or "")}
                    async with self.images.stream("GET", url, extensions=extensions, headers=_ACCEPT) as response:
                        return await _read(response)
                async with new_client(self.transport, url=url, timeout=limits) as http:
                    request = http.build_request("GET", url, headers=_ACCEPT)
                    request.headers["Authorization"] = f"Bearer {self.key().reveal()}"
                    try:
                        return await _read(await http.send(request, stream=True))
                    finally:
                        request.headers.pop("Authorization", None)
        except SeedreamError:
            raise
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError) as exc:
            raise UnsafeURL(f"The task's address is none ({reason(exc)}).") from exc
        except Exception as exc:
            raise NoConnection(f"The task's address did not answer ({reason(exc)}).") from exc


async def _read(response: httpx.Response) -> TaskAnswer:
    body = bytearray()
    async with reading(response) as chunks:
        async for chunk in chunks:
            body += chunk
            if len(body) > 15 * LARGEST_BASE64_CHARACTERS:
                break
    codings = response.headers.get("content-encoding", "")
    location = response.headers.get("location", "") if 300 <= response.status_code < 400 else ""
    target = urljoin(str(response.url), location) if location else ""
    return TaskAnswer(response.status_code, codings, bytes(body), wait_asked(response) or 0.0, target)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, parts.hostname, port
