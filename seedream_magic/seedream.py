"""The Python front door: plan, generate, stream."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TypedDict, Unpack

from seedream_magic import bridge
from seedream_magic.api.connection import Transport
from seedream_magic.api.keys import Key, find_key
from seedream_magic.api.make_request import make_request
from seedream_magic.api.plan import Lineage, Plan
from seedream_magic.api.providers import DEFAULT_PROVIDER, Provider, checked_base_url, find_provider
from seedream_magic.api.reference import Reference
from seedream_magic.api.request import ImageRequest
from seedream_magic.api.storyboard import Storyboard
from seedream_magic.api.values import Images
from seedream_magic.errors import Billed, ConfigError, InvalidRequest, SeedreamError, SeedreamInterrupted
from seedream_magic.generate import generate
from seedream_magic.images.history import Record, find_record, is_set, lineage_of, load, load_whole, parent_set, takes
from seedream_magic.images.history_entry import HistoryEntry
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.images.index import history, run_of_picture
from seedream_magic.images.lineage import joined
from seedream_magic.images.purge import Purged, purge
from seedream_magic.images.store import DEFAULT_FOLDER
from seedream_magic.iterate import references
from seedream_magic.recover import is_live, recover, unfinished

FIRST_VALUE_SECONDS = 0.5
"""How long `start` waits for the run to have begun: a folder is made and a record written."""


class Options(TypedDict, total=False):
    """What `plan`, `generate`, `agenerate` and `stream` take beside the prompt."""

    images: Images | None
    size: str | None
    ratio: str | None
    refs: object
    fit: bool
    model: str | None
    stream: bool | None
    watermark: bool | None
    response_format: str | None
    output_format: str | None
    background: str | None
    layer_decomposition: bool | None
    web_search: bool | None
    optimize_prompt: str | None
    extra: Mapping[str, Any] | None
    fresh: bool
    take: int | None
    check: bool
    timeout: float | None


class Progress(Protocol):
    """Shows the values of a run, one in place of the other, and then nothing."""

    def show(self, images: ImageSet) -> None: ...
    def clear(self) -> None: ...


class Seedream:
    """A provider, a model and a store to draw with.

    What is not given comes from the environment (`SEEDREAM_PROVIDER`, `SEEDREAM_BASE_URL`, `SEEDREAM_MODEL`,
    `SEEDREAM_STORE`), then from the defaults. `transport` is an `httpx.AsyncBaseTransport` for the API and the
    pictures (tests, company proxies). `event_loop` is "thread" or, for a transport that is bound to the running loop,
    "nest". Raises `ConfigError` for an unknown provider or an unsafe base URL.

    `billed` counts the images billed through it by model, `doubtful` those of runs whose outcome is unknown. `check`,
    where set, may refuse a plan before it is sent; `progress` makes what shows a run that nobody else watches.
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
        self._key = Key(api_key, "api_key") if api_key and api_key.strip() else None
        self.billed: Counter[str] = Counter()
        self.doubtful: Counter[str] = Counter()
        self.check: Callable[[Plan], None] | None = None
        self.progress: Callable[[], Progress] | None = None
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
        prompt: str | Storyboard,
        *,
        images: Images | None = None,
        size: str | None = None,
        ratio: str | None = None,
        refs: object = (),
        fit: bool = False,
        model: str | None = None,
        stream: bool | None = None,
        watermark: bool | None = None,
        response_format: str | None = None,
        output_format: str | None = None,
        background: str | None = None,
        layer_decomposition: bool | None = None,
        web_search: bool | None = None,
        optimize_prompt: str | None = None,
        extra: Mapping[str, Any] | None = None,
        fresh: bool = False,
        take: int | None = None,
        check: bool = True,
        timeout: float | None = None,
    ) -> Plan:
        """What would be sent. Touches no network; raises `InvalidRequest` for what cannot be served.

        `images` is 1 (the default) to 15 or "auto"; of a `Storyboard` it follows. `refs` are input images: paths,
        globs, https links, data URIs, bytes, pictures, arrays, frames, sets, or "run:ID[2]" for a frame of an earlier
        run, counted from 0; `fit` scales those that are over the limits. `timeout` is the limit of the whole call in
        seconds. A request whose set is in the store is shown from there: `fresh` pays again, `take` names the set
        meant, counted from 1.
        """
        references, told = self.references(refs, fit=fit)
        request, warnings = make_request(
            prompt,
            model=model or self.model,
            images=images,
            size=size,
            ratio=ratio,
            references=references,
            stream=stream,
            watermark=watermark,
            response_format=response_format,
            output_format=output_format,
            background=background,
            layer_decomposition=layer_decomposition,
            web_search=web_search,
            optimize_prompt=optimize_prompt,
            extra=extra,
            strict=self.provider.strict,
            check=check,
        )
        limit = _checked_timeout(timeout)
        return self.planned(request, (*told, *warnings), timeout=limit, fresh=bool(fresh), take=take)

    def planned(self, request: ImageRequest, notes: tuple[str, ...], **further: Any) -> Plan:
        """The plan of a checked request, with what the store says of it; `further` are fields of `Plan`."""
        plan = Plan(request, self.provider, self.base_url, notes, **further)
        stored = self._stored(plan)
        return replace(plan, stored=stored.run_id if stored else None, warnings=(*notes, *self._doubts(plan)))

    def references(self, refs: object, *, fit: bool = False) -> tuple[tuple[Reference, ...], tuple[str, ...]]:
        """The references that these values stand for, and what is to be told of them."""
        return references(self, refs, fit=fit)

    def _key_for(self, plan: Plan) -> Key:
        """The key of the plan's own provider: one that was given here goes nowhere but to this front door's address."""
        if plan.provider == self.provider and plan.base_url == self.base_url:
            return self.key()
        if self._key is not None:
            raise ConfigError(f"This plan goes to {plan.base_url}; the api_key given here is for {self.provider.name}.")
        return find_key(plan.provider)

    def key(self) -> Key:
        """The key for the provider, in its wrapper. Raises `MissingKey`, or `ConfigError` for one that is unusable."""
        return self._key or find_key(self.provider)

    def generate(self, prompt: str | Storyboard, **options: Unpack[Options]) -> ImageSet:
        """Draw and wait; options as for `plan`. Works in scripts, in notebooks and inside a running event loop."""
        return self.run(self.plan(prompt, **options))

    async def agenerate(self, prompt: str | Storyboard, **options: Unpack[Options]) -> ImageSet:
        """Draw and await the finished set; options as for `plan`."""
        async for images in self.stream(prompt, **options):
            finished = images
        return finished

    async def stream(self, prompt: str | Storyboard, **options: Unpack[Options]) -> AsyncGenerator[ImageSet, None]:
        """The growing set, each time something arrives; options as for `plan`. The last value is the finished set."""
        async with bridge.awake(), aclosing(self._sets(self.plan(prompt, **options))) as growing:
            async for images in growing:
                yield images

    def run(self, plan: Plan, *, on_change: Callable[[ImageSet], None] | None = None) -> ImageSet:
        """Send a plan and wait for its set; `on_change` is called with each growing value, on this thread.

        Raises `SeedreamInterrupted`, which carries the set so far, when Stop (Ctrl-C) is pressed meanwhile.
        """
        if on_change is not None or self.progress is None:
            return self._watch(self._sets(plan), on_change)
        progress = self.progress()
        try:
            return self._watch(self._sets(plan), progress.show)
        finally:
            progress.clear()

    def start(
        self, plan: Plan, *, on_change: Callable[[ImageSet], None], on_end: Callable[[BaseException | None], None]
    ) -> Callable[[], None]:
        """Send a plan and return at once, with the function that stops it.

        `on_change` is called with each growing value and `on_end` once: with None, the run's error, or the
        `SeedreamInterrupted` of a stop. The first call is made before this returns; the others on the event loop that
        runs here, when it is free.
        """
        source, seen = self._sets(plan), list[ImageSet]()

        def changed(images: ImageSet) -> None:
            seen[:] = [images]
            on_change(images)

        def ended(failure: BaseException | None) -> None:
            stopped = isinstance(failure, asyncio.CancelledError) or not (seen or failure)
            on_end(_interrupted(seen) if stopped else failure)

        background = bridge.Background(lambda: source, changed, ended)
        try:
            background.hand_over_first(FIRST_VALUE_SECONDS)
        except BaseException:  # a Stop that strikes here is meant for the run
            background.stop()
            raise
        return background.stop

    def show(self, run_id: str) -> ImageSet:
        """The set of an earlier run, by its id or the beginning of it. Raises `InvalidRequest` if there is none."""
        return self._bound(replace(load_whole(find_record(self.store, run_id)), replayed=True))

    def recover(
        self, run_id: str | None = None, *, on_change: Callable[[ImageSet], None] | None = None
    ) -> list[ImageSet]:
        """Download what is missing of an earlier run, of all that lack something if none is named. Nothing is sent.

        Returns the sets as they are afterwards; frames whose links have ended say so.
        """
        found = [find_record(self.store, run_id)] if run_id else unfinished(self.store)
        if run_id and is_live(found[0]):
            raise InvalidRequest(f"Run {found[0].run_id} is still under way: there is nothing to recover yet.")
        growing = ((recover(record, transport=self._transport), lineage_of(record)) for record in found)
        return [self._watch(self._joined(source, lineage), on_change) for source, lineage in growing]

    def history(self, words: str | None = None) -> list[HistoryEntry]:
        """The runs of the store, newest first, as plain records (`pandas.DataFrame` takes them).

        With `words`, those in whose prompt, model, notebook, provider or id each of them occurs.
        """
        return history(self.store, words)

    def purge(self, run_id: str) -> Purged:
        """Delete a run: its pictures, its records, and references that no other run has. Raises `InvalidRequest`."""
        run_id = run_id.strip()
        try:
            record = find_record(self.store, run_id)
        except InvalidRequest:  # what is damaged, or half deleted, can be deleted all the same
            return purge(self.store, run_id, live=False)
        return purge(self.store, record.run_id, live=is_live(record))

    @classmethod
    def from_picture(
        cls, picture: str | os.PathLike[str] | Frame, *, store: str | os.PathLike[str] | None = None
    ) -> Plan:
        """The plan that made a picture: its `request`, its `cell()`, and the run in which it is `stored`.

        `picture` is a frame, a saved original, or a copy of one, which is looked for in `store`. Raises
        `InvalidRequest` where no run made it.
        """
        path = picture.path if isinstance(picture, Frame) else Path(picture)
        found = run_of_picture(path, cls(store=store).store) if path is not None else None
        if found is None:
            raise InvalidRequest(f"No run of {cls(store=store).store} made {path}.")
        folder, _ = found
        record = find_record(folder.parent, folder.name)
        images = load(record)
        door = cls(images.provider, store=folder.parent)
        plan = door.planned(images.request, (), lineage=lineage_of(record))
        made = [take.run_id for take in takes(door.store, plan.fingerprint) if is_set(take)]
        return (
            replace(plan, stored=record.run_id, take=made.index(record.run_id) + 1) if record.run_id in made else plan
        )

    def _stored(self, plan: Plan) -> Record | None:
        """The run whose set stands for this plan. Raises `InvalidRequest` for a take that was never made."""
        if plan.fresh:
            if plan.take is not None:
                raise InvalidRequest("--fresh makes a new take; --take shows one that was made. Give one of them.")
            return None
        made = [record for record in takes(self.store, plan.fingerprint) if is_set(record)]
        if plan.take is None:
            return made[-1] if made else None
        if plan.take not in range(1, len(made) + 1) or isinstance(plan.take, bool):
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
            return self._replayed(stored)
        plan = replace(plan, stored=None)
        lost = next((reference.source for reference in plan.request.references if not reference.sendable), None)
        if lost is not None:
            raise InvalidRequest(f"The reference {lost} is not in the store any more.")
        if self.check is not None:
            self.check(plan)
        run = generate(plan, self._key_for(plan), store=self.store, transport=self._transport)
        return self._joined(self._counted(run), plan.lineage)

    async def _replayed(self, record: Record) -> AsyncGenerator[ImageSet, None]:
        yield self._bound(replace(load_whole(record), replayed=True))

    async def _counted(self, source: AsyncGenerator[ImageSet, None]) -> AsyncGenerator[ImageSet, None]:
        """The values of a run; when it is over, however it ended, what it billed is counted."""
        made: ImageSet | None = None
        try:
            async with aclosing(source) as growing:
                async for made in growing:
                    yield made
        except SeedreamError as error:
            made = made if error.images is None else error.images
            if error.billed == "unknown" and made is not None:
                self.doubtful[made.request.model] += made.request.images_at_most
            raise
        finally:
            if made is not None:
                self.billed[made.request.model] += made.billed

    async def _joined(
        self, source: AsyncGenerator[ImageSet, None], lineage: Lineage | None
    ) -> AsyncGenerator[ImageSet, None]:
        """The values of a run, each with the frames of the earlier run that it goes on from."""
        parent = parent_set(self.store, lineage)

        def whole(images: ImageSet) -> ImageSet:
            return self._bound(images if lineage is None or parent is None else joined(parent, images, lineage))

        try:
            async with aclosing(source) as growing:
                async for images in growing:
                    yield whole(images)
        except SeedreamError as error:
            error.images = None if error.images is None else whole(error.images)
            raise

    def _bound(self, images: ImageSet) -> ImageSet:
        """The set with the way back to this front door, by which it and its frames can be gone on from."""
        frames = tuple(replace(frame, door=self, run_id=images.run_id) for frame in images)
        return replace(images, door=self, frames=frames)

    def _watch(self, source: AsyncGenerator[ImageSet, None], on_change: Callable[[ImageSet], None] | None) -> ImageSet:
        seen: list[ImageSet] = []

        async def values() -> AsyncGenerator[ImageSet, None]:
            async with aclosing(source) as growing:
                async for images in growing:
                    seen[:] = [images]  # where on_change is slow this is ahead of it, and Stop tells of all that came
                    yield images

        growing = bridge.iterate(values, event_loop=self._event_loop)
        try:
            try:
                for images in growing:
                    if on_change is not None:
                        on_change(images)
            finally:
                growing.close()
        except KeyboardInterrupt as exc:
            growing.close()  # a second Stop may have struck before the first word of that clean-up
            raise _interrupted(seen) from exc
        return seen[0]


def _store_folder(named: str | os.PathLike[str]) -> Path:
    try:
        return Path(named).expanduser().absolute()
    except (RuntimeError, OSError) as exc:  # no such user, no home; a current folder that is gone
        raise ConfigError(f"The store {os.fspath(named)!r} cannot be found: {exc}.") from exc


def _checked_timeout(timeout: float | None) -> float | None:
    number = isinstance(timeout, int | float) and not isinstance(timeout, bool)
    if timeout is not None and not (number and 0 < timeout < float("inf")):
        raise InvalidRequest(f"--timeout takes seconds above 0, not {timeout}.")
    return timeout


def _interrupted(seen: list[ImageSet]) -> SeedreamInterrupted:
    if not seen:
        return SeedreamInterrupted("Stopped before anything was sent.")
    images = replace(seen[0], state="stopped")
    arrived, expected = len(images.ok), images.expected or "an unknown number"
    hint = "Stopping here does not stop the bill: what the service had begun may be charged."
    if arrived and images.expected and arrived < images.expected:
        rest = f"%seedream retry {images.run_id} asks for the missing ones only; the cell run again pays for all."
        images, hint = images.with_note(rest), f"{hint} {rest}"
    billed: Billed = "yes" if images.outcome == "billed" else "no" if images.pause else "unknown"
    words = f"Stopped after {arrived} of {expected} pictures."
    return images.told_by(SeedreamInterrupted(words, billed=billed, hint=hint))
