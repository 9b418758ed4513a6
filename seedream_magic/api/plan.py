"""A request with everything that is decided before it is sent."""

from __future__ import annotations

import hashlib
import json
import shlex
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from seedream_magic.api.providers import Provider, is_loopback
from seedream_magic.api.request import ImageRequest


@dataclass(frozen=True)
class Plan:
    """What will be sent and where. Making one touches no network.

    `warnings` are sentences to show before sending. `timeout` is the limit of the whole call in seconds, None for
    the limits that fit the request. `stored` is the run whose set will be shown in place of a new one, None if it
    will be sent; `fresh` pays again whatever is stored, `take` is which of several stored sets is meant, from 1.
    """

    request: ImageRequest
    provider: Provider
    base_url: str
    warnings: tuple[str, ...] = ()
    timeout: float | None = None
    stored: str | None = None
    fresh: bool = False
    take: int | None = None

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object as it will be sent."""
        return self.request.body

    @property
    def url(self) -> str:
        """The address of the POST."""
        return f"{self.base_url}/images/generations"

    @property
    def fingerprint(self) -> str:
        """What makes two requests the same: provider and body, but for how the answer travels."""
        pictured = {key: value for key, value in self.body.items() if key not in {"stream", "response_format"}}
        canonical = json.dumps([self.provider.name, pictured], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def on_loopback(self) -> bool:
        """Whether the service runs on this machine (demo, tests): then links to this machine are its own."""
        return is_loopback(urlsplit(self.base_url).hostname or "")

    def curl(self) -> str:
        """The same request for a shell; the key stands as `$SEEDREAM_API_KEY`."""
        unbuffered = "-N " if self.body.get("stream") else ""
        body = shlex.quote(json.dumps(self.body, ensure_ascii=False, indent=2))
        return " \\\n  ".join(
            (
                f"curl {unbuffered}-X POST {shlex.quote(self.url)}",
                '-H "Authorization: Bearer $SEEDREAM_API_KEY"',
                '-H "Content-Type: application/json"',
                f"-d {body}",
            )
        )
