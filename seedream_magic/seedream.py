"""The Python front door: plan, generate, stream."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, closing
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict, Unpack

from seedream_magic import bridge
from seedream_magic.api.client import Transport
from seedream_magic.api.keys import Key, find_key
from seedream_magic.api.plan import Plan
from seedream_magic.api.providers import DEFAULT_PROVIDER, Provider, checked_base_url, find_provider
from seedream_magic.api.request import Images, make_request
from seedream_magic.errors import ConfigError, InvalidRequest, SeedreamInterrupted
from seedream_magic.generate import generate
from seedream_magic.images.image_set import ImageSet
from seedream_magic.images.store import DEFAULT_FOLDER


class Options(TypedDict, total=False):
    """What `plan`, `generate`, `agenerate` and `stream` take beside the prompt."""

    images: Images
    size: str | None
    ratio: str | None
    model: str | None
    stream: bool | None
    watermark: bool | None
    response_format: str | None
    extra: Mapping[str, Any] | None
    check: bool
    timeout: float | None


class Seedream:
    """A provider, a model and a store to draw with.

    What is not given comes from the environment (`SEEDREAM_PROVIDER`, `SEEDREAM_BASE_URL`, `SEEDREAM_MODEL`,
    `SEEDREAM_STORE`), then from the defaults. `transport` is an `httpx.AsyncBaseTransport` for the API and the
    pictures (tests, company proxies). `event_loop` is "thread" or, for a transport that is bound to the running loop,
    "nest". Raises `ConfigError` for an unknown provider or an unsafe base URL.
    """

    def __init__(
        self,
        provider: str | None = None,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        model: str | None = None,
        store: str | os.PathLike[str] | None = None,
        transport: Transport | None = None,
        event_loop: str = "thread",
    ) -> None:
        self.provider: Provider = find_provider(provider or os.environ.get("SEEDREAM_PROVIDER") or DEFAULT_PROVIDER)
        address = base_url or os.environ.get("SEEDREAM_BASE_URL") or self.provider.base_url
        self.given_base_url = checked_base_url(address) if address else ""
        self.model = model or os.environ.get("SEEDREAM_MODEL") or self.provider.default_model
        self.store = _store_folder(store or os.environ.get("SEEDREAM_STORE") or DEFAULT_FOLDER)
        self._api_key = api_key
        self._transport = transport
        self._event_loop = event_loop

    @property
    def base_url(self) -> str:
        """Where requests go; asking for the demo's address starts the demo."""
        if self.given_base_url:
            return self.given_base_url
        from seedream_magic.demo import server  # noqa: PLC0415 - the demo loads tornado; only who uses it pays

        return server.start()

    def plan(
        self,
        prompt: str,
        *,
        images: Images = 1,
        size: str | None = None,
        ratio: str | None = None,
        model: str | None = None,
        stream: bool | None = None,
        watermark: bool | None = None,
        response_format: str | None = None,
        extra: Mapping[str, Any] | None = None,
        check: bool = True,
        timeout: float | None = None,
    ) -> Plan:
        """What would be sent. Touches no network; raises `InvalidRequest` for what cannot be served.

        `images` is 1-15 or "auto", `timeout` the limit of the whole call in seconds.
        """
        request, warnings = make_request(
            prompt,
            model=model or self.model,
            images=images,
            size=size,
            ratio=ratio,
            stream=stream,
            watermark=watermark,
            response_format=response_format,
            extra=extra,
            strict=self.provider.strict,
            check=check,
        )
        return Plan(request, self.provider, self.base_url, warnings, _checked_timeout(timeout))

    def generate(self, prompt: str, **options: Unpack[Options]) -> ImageSet:
        """Draw and wait; options as for `plan`. Works in scripts, in notebooks and inside a running event loop."""
        return self.run(self.plan(prompt, **options))

    async def agenerate(self, prompt: str, **options: Unpack[Options]) -> ImageSet:
        """Draw and await the finished set; options as for `plan`."""
        async for images in self.stream(prompt, **options):
            finished = images
        return finished

    async def stream(self, prompt: str, **options: Unpack[Options]) -> AsyncGenerator[ImageSet, None]:
        """The growing set, each time something arrives; options as for `plan`. The last value is the finished set."""
        plan = self.plan(prompt, **options)
        async with aclosing(self._generate(plan, self._key())) as growing:
            async for images in growing:
                yield images

    def run(self, plan: Plan, *, on_change: Callable[[ImageSet], None] | None = None) -> ImageSet:
        """Send a plan and wait for its set; `on_change` is called with each growing value, on this thread.

        Raises `SeedreamInterrupted`, which carries the set so far, when Stop (Ctrl-C) is pressed meanwhile.
        """
        key = self._key()
        seen: list[ImageSet] = []

        async def values() -> AsyncGenerator[ImageSet, None]:
            async with aclosing(self._generate(plan, key)) as growing:
                async for images in growing:
                    seen[:] = [images]  # where on_change is slow this is ahead of it, and Stop tells of all that came
                    yield images

        try:
            with closing(bridge.iterate(values, event_loop=self._event_loop)) as growing:
                for images in growing:
                    if on_change is not None:
                        on_change(images)
        except KeyboardInterrupt as exc:
            raise _interrupted(seen) from exc
        return seen[0]

    def _key(self) -> Key:
        return find_key(self.provider, self._api_key)

    def _generate(self, plan: Plan, key: Key) -> AsyncGenerator[ImageSet, None]:
        return generate(plan, key, store=self.store, transport=self._transport)


def _store_folder(named: str | os.PathLike[str]) -> Path:
    try:
        return Path(named).expanduser().absolute()
    except (RuntimeError, OSError) as exc:  # no such user, no home; a current folder that is gone
        raise ConfigError(f"The store {os.fspath(named)!r} cannot be found: {exc}.") from exc


def _checked_timeout(timeout: float | None) -> float | None:
    if timeout is not None and not 0 < timeout < float("inf"):
        raise InvalidRequest(f"--timeout takes seconds above 0, not {timeout}.")
    return timeout


def _interrupted(seen: list[ImageSet]) -> SeedreamInterrupted:
    if not seen:
        return SeedreamInterrupted("Stopped before anything was sent.")
    images = replace(seen[0], state="stopped")
    arrived, expected = len(images.ok), images.expected or "an unknown number"
    return images.told_by(
        SeedreamInterrupted(
            f"Stopped after {arrived} of {expected} pictures.",
            billed="yes" if images.outcome == "billed" else "unknown",
            hint="Stopping here does not stop the bill: what the service had begun may be charged.",
        )
    )
