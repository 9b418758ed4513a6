"""The Python front door: plan, generate, stream."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, closing
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict, Unpack

from seedream_magic import bridge
from seedream_magic.api.connection import Transport
from seedream_magic.api.keys import find_key
from seedream_magic.api.plan import Plan
from seedream_magic.api.providers import DEFAULT_PROVIDER, Provider, checked_base_url, find_provider
from seedream_magic.api.request import Images, make_request
from seedream_magic.errors import ConfigError, InvalidRequest, SeedreamInterrupted
from seedream_magic.generate import generate
from seedream_magic.images.history import Record, find_record, is_set, load, takes
from seedream_magic.images.image_set import ImageSet
from seedream_magic.images.store import DEFAULT_FOLDER
from seedream_magic.recover import recover, unfinished


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
    fresh: bool
    take: int | None
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
        fresh: bool = False,
        take: int | None = None,
        check: bool = True,
        timeout: float | None = None,
    ) -> Plan:
        """What would be sent. Touches no network; raises `InvalidRequest` for what cannot be served.

        `images` is 1-15 or "auto", `timeout` the limit of the whole call in seconds. A request whose set is in the
        store is shown from there: `fresh` pays again, `take` names the set meant, counted from 1.
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
        plan = Plan(
            request, self.provider, self.base_url, warnings, _checked_timeout(timeout), fresh=bool(fresh), take=take
        )
        stored = self._stored(plan)
        return replace(plan, stored=stored.run_id if stored else None, warnings=(*warnings, *self._doubts(plan)))

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
        async with bridge.awake(), aclosing(self._sets(self.plan(prompt, **options))) as growing:
            async for images in growing:
                yield images

    def run(self, plan: Plan, *, on_change: Callable[[ImageSet], None] | None = None) -> ImageSet:
        """Send a plan and wait for its set; `on_change` is called with each growing value, on this thread.

        Raises `SeedreamInterrupted`, which carries the set so far, when Stop (Ctrl-C) is pressed meanwhile.
        """
        return self._watch(self._sets(plan), on_change)

    def show(self, run_id: str) -> ImageSet:
        """The set of an earlier run, by its id or the beginning of it. Raises `InvalidRequest` if there is none."""
        return replace(load(find_record(self.store, run_id)), replayed=True)

    def recover(
        self, run_id: str | None = None, *, on_change: Callable[[ImageSet], None] | None = None
    ) -> list[ImageSet]:
        """Download what is missing of an earlier run, of all that lack something if none is named. Nothing is sent.

        Returns the sets as they are afterwards; frames whose links have ended say so.
        """
        found = [find_record(self.store, run_id)] if run_id else unfinished(self.store)
        return [self._watch(recover(record, transport=self._transport), on_change) for record in found]

    def plan_retry(self, run_id: str) -> Plan:
        """The plan that asks anew for the failed frames of a run, and for nothing else."""
        images = self.show(run_id)
        count = len(images.failed)
        if not count:
            raise InvalidRequest(f"Run {images.run_id} has no failed frame.")
        return Plan(images.request.for_images(count), self.provider, self.base_url, fresh=True)

    def _stored(self, plan: Plan) -> Record | None:
        """The run whose set stands for this plan. Raises `InvalidRequest` for a take that was never made."""
        if plan.fresh:
            if plan.take is not None:
                raise InvalidRequest("--fresh makes a new take; --take shows one that was made. Give one of them.")
            return None
        made = [record for record in takes(self.store, plan.fingerprint) if is_set(record)]
        if plan.take is None:
            return made[-1] if made else None
        if isinstance(plan.take, bool) or not 1 <= plan.take <= len(made):
            raise InvalidRequest(f"--take {plan.take}: this request has {len(made)} in the store; --fresh makes one.")
        return made[plan.take - 1]

    def _doubts(self, plan: Plan) -> tuple[str, ...]:
        """What is worth knowing before paying: an earlier run of the same request whose outcome nobody knows."""
        earlier = [] if plan.fresh else takes(self.store, plan.fingerprint)
        doubtful = [record for record in earlier if record.facts.get("outcome") == "unknown" and not is_set(record)]
        if not doubtful:
            return ()
        return (f"Run {doubtful[-1].run_id} sent the same request and may have been billed.",)

    def _sets(self, plan: Plan) -> AsyncGenerator[ImageSet, None]:
        """The values of the plan's set: from the store if it is there, else as it is made."""
        stored = self._stored(plan)
        if stored is not None:
            return _replayed(stored)
        key = find_key(plan.provider, self._api_key)
        return generate(plan, key, store=self.store, transport=self._transport)

    def _watch(self, source: AsyncGenerator[ImageSet, None], on_change: Callable[[ImageSet], None] | None) -> ImageSet:
        seen: list[ImageSet] = []

        async def values() -> AsyncGenerator[ImageSet, None]:
            async with aclosing(source) as growing:
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


async def _replayed(record: Record) -> AsyncGenerator[ImageSet, None]:
    yield replace(load(record), replayed=True)


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
            billed="yes" if images.outcome == "billed" else "no" if images.pause else "unknown",
            hint="Stopping here does not stop the bill: what the service had begun may be charged.",
        )
    )
