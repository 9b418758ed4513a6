"""The Python client: a plan first, which sends nothing, and then a run."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict, Unpack

from seedream_magic import bridge, session, watch
from seedream_magic.api.connection import Transport
from seedream_magic.api.credentials import Key, chosen_headers, find_key
from seedream_magic.api.fields import Images, in_python, python_words
from seedream_magic.api.make_request import Ask
from seedream_magic.api.plan import Lineage, Plan
from seedream_magic.api.providers import EMBEDDED, chosen_base_url, chosen_provider
from seedream_magic.api.storyboard import Storyboard
from seedream_magic.errors import ConfigError, InvalidRequest, SeedreamError
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.images.index import HistoryEntry, history
from seedream_magic.images.lineage import explain_missing, join
from seedream_magic.images.purge import Purged, purge
from seedream_magic.images.record import Record, is_run
from seedream_magic.images.replay import find_maker, run_to_show, stored_set
from seedream_magic.images.store import find_record, parent_set, settle
from seedream_magic.images.threads import in_thread
from seedream_magic.planning import plan_ask, plan_extend, plan_of_record, plan_redo, plan_vary
from seedream_magic.recover import find_unfinished, is_live, is_live_by_id, recover, sweep_all
from seedream_magic.run import Run


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


class Seedream:
    """A provider, a model and a store to draw with.

    What is not given comes from the environment (`SEEDREAM_PROVIDER`, `SEEDREAM_BASE_URL`, `SEEDREAM_MODEL`,
    `SEEDREAM_STORE`), then from the defaults. `transport` is an `httpx.AsyncBaseTransport` for the API and the
    pictures (tests, company proxies). `event_loop` is "thread" or, for a transport that is bound to the running loop,
    "nest". The demo is embedded: it takes no base URL from the environment and no key that is found; a `base_url` of
    this machine that is given to it is asked, with the `api_key` given beside it. `headers` are further ones that a
    gateway asks for (else those of `SEEDREAM_HEADERS`): sent with the request alone, never to the demo, masked like the
    key. Raises `ConfigError` for an unknown provider, an unsafe base URL or one that is not for the demo, and headers
    that cannot be sent.

    `session` counts what it bills and may refuse a plan: that of the notebook, where the extension is loaded, else one
    that all clients of the process share. A plan is sent by a client of its own provider and address only.
    `progress`, where set, makes what shows a run that nobody else watches.
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
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.provider = chosen_provider(provider)
        self.given_base_url = chosen_base_url(self.provider, base_url)
        self.headers = chosen_headers(self.provider, headers)
        self.model = model or os.environ.get("SEEDREAM_MODEL") or self.provider.default_model
        self._session = session.of_cell()
        self.store = _store_folder(store or os.environ.get("SEEDREAM_STORE") or session.DEFAULT_STORE)
        self._key = Key(api_key, "api_key") if api_key and api_key.strip() else None
        self.progress: Callable[[], watch.Progress] | None = None
        self._transport = transport
        self._event_loop = event_loop

    def __repr__(self) -> str:
        return f"<Seedream {self.provider.name}: {self.model}, store {self.store}>"

    @property
    def session(self) -> session.Session:
        """That of the notebook in whose cell it was made; of a client that was made elsewhere, the current session."""
        return self._session or session.current()

    @session.setter
    def session(self, own: session.Session) -> None:
        self._session = own

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
        seconds. A request whose set is in the store is answered from there: `fresh` pays again, `take` names the set
        meant, counted from 1.
        """
        values = {
            "images": images,
            "size": size,
            "ratio": ratio,
            "model": model or None,
            "stream": stream,
            "watermark": watermark,
            "response_format": response_format,
            "output_format": output_format,
            "background": background,
            "layer_decomposition": layer_decomposition,
            "web_search": web_search,
            "optimize_prompt": optimize_prompt,
            "extra": extra,
        }
        ask = Ask(prompt, values, refs, fit=fit, fresh=fresh, take=take, check=check, timeout=timeout)
        with in_python():
            plan = plan_ask(self, ask)
        return replace(plan, warnings=tuple(python_words(warning) for warning in plan.warnings))

    def redo(
        self,
        images: ImageSet,
        places: Sequence[int],
        *,
        prompt: str | None = None,
        refs: object = None,
        fresh: bool = False,
    ) -> ImageSet:
        """See `ImageSet.redo`."""
        with in_python():
            plan = plan_redo(self, images, places, prompt=prompt, refs=refs, fresh=fresh)
        return self.run(plan)

    def extend(
        self,
        images: ImageSet,
        frames: int | str | Sequence[str],
        *,
        prompt: str | None = None,
        refs: object = "others",
        fresh: bool = False,
    ) -> ImageSet:
        """See `ImageSet.extend`."""
        with in_python():
            plan = plan_extend(self, images, frames, prompt=prompt, refs=refs, fresh=fresh)
        return self.run(plan)

    def vary(self, frame: Frame, prompt: str, *, images: int = 1, refs: object = (), fresh: bool = False) -> ImageSet:
        """See `Frame.vary`."""
        with in_python():
            plan = plan_vary(self, frame, prompt, images=images, refs=refs, fresh=fresh)
        return self.run(plan)

    def key(self) -> Key:
        """The key for the provider, in its wrapper. Raises `MissingKey`, or `ConfigError` for one that is unusable.

        The embedded demo gets none of a person's: one that is given goes to the address that is given with it.
        """
        given = self._key if self.provider.needs_key or self.given_base_url else None
        return given or find_key(self.provider)

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
        async with bridge.awake():
            try:
                plan = await asyncio.to_thread(self.plan, prompt, **options)  # it reads and hashes the references
            except RuntimeError:  # the process ends: threads take nothing new, and nobody else needs the loop
                plan = self.plan(prompt, **options)
            async with aclosing(self._sets(plan)) as growing:
                async for images in growing:
                    yield images

    def run(self, plan: Plan, *, on_change: Callable[[ImageSet], None] | None = None) -> ImageSet:
        """Send a plan and wait for its set; `on_change` is called with each growing value, on this thread.

        What `on_change` raises ends no run, for it is paid: it is printed once on stderr.
        Raises `SeedreamInterrupted`, which carries the set so far, when Stop (Ctrl-C) is pressed meanwhile.
        """
        if on_change is not None or self.progress is None:
            return watch.wait(self._sets(plan), on_change, event_loop=self._event_loop)
        make, made = self.progress, list[watch.Progress]()

        def show(images: ImageSet) -> None:
            if not made:
                made.append(make())
            made[0].show(images)

        try:
            return watch.wait(self._sets(plan), show, event_loop=self._event_loop)
        finally:
            for progress in made:
                bridge.unfailing(progress.clear)()

    def start(
        self,
        plan: Plan,
        *,
        on_change: Callable[[ImageSet], None],
        on_end: Callable[[ImageSet | None, watch.Failure | None], None],
    ) -> Callable[[], None]:
        """Send a plan and return at once, with the function that stops it.

        `on_change` is called with each growing value, and `on_end` once: with the set as far as it came, and with what
        broke it off, if anything did (the run's error, `SeedreamInterrupted` after a stop). The first call is made
        before this returns, the others on the event loop that runs here, when it is free. What they raise is printed
        on stderr and ends nothing. A run that cannot even begin raises its error. The session keeps the function that
        stops it until then: `%seedream stop` calls it.
        """

        def begin(end: session.Stop) -> session.Stop:
            def ended(images: ImageSet | None, failure: watch.Failure | None) -> None:
                end()
                on_end(images, failure)

            return watch.begin(self._sets(plan, background=True), on_change, ended)

        return self.session.background.add(begin)

    def _sets(self, plan: Plan, *, background: bool = False) -> watch.Sets:
        """The values of the plan's set: from the store if it is there, else as it is made."""
        ended = self.session.ended[plan.fingerprint]
        stored = run_to_show(plan, self.store)
        if stored is not None:
            return self._replay(stored, plan)
        plan = replace(plan, stored=None)
        lost = next((reference.source for reference in plan.request.references if not reference.sendable), None)
        if lost is not None:
            raise InvalidRequest(f"The reference {lost} is not in the store any more.")
        lineage = plan.lineage
        if lineage is not None and lineage.kind != "vary" and not is_run(self.store / lineage.run_id):
            raise InvalidRequest(f"Run {lineage.run_id}, which this goes on from, is not in {self.store} any more.")
        self.session.refuse(plan)
        return self._draw(plan, self._key_for(plan), ended, background=background)

    async def _draw(self, plan: Plan, key: Key, ended: int, *, background: bool) -> watch.Sets:
        """The set as it is made; from the store, where the same request came to its end since `ended` was counted.

        What the run may bill is reserved meanwhile, and what it did bill counts however it ends.
        """
        with self.session.reserve(plan, background=background) as reservation:
            is_news = self.session.ended[plan.fingerprint] != ended
            if is_news and (stored := run_to_show(plan, self.store)) is not None:
                yield stored_set(stored, plan).with_client(self)
                return
            sent = replace(plan, base_url=await in_thread(lambda: self.base_url))  # the demo starts now
            run = await Run.begin(sent, key, store=self.store, transport=self._transport)
            reservation.run_id = run.images.run_id
            reservation.doubtful = session.images_to_bill(plan)  # should it be dropped with its loop, nobody says more
            whole = self._join_with_parent(plan.lineage)
            try:
                async with aclosing(run.values()) as growing:
                    async for images in growing:
                        yield whole(images)
            except SeedreamError as error:
                error.images = whole(run.images, error)
                raise
            finally:
                reservation.billed, reservation.doubtful = run.images.billed, run.doubtful

    async def _replay(self, record: Record, plan: Plan) -> watch.Sets:
        yield stored_set(record, plan).with_client(self)

    def _join_with_parent(self, lineage: Lineage | None) -> Callable[..., ImageSet]:
        """What makes of a run's set the whole one: with the frames of the earlier run that it goes on from."""
        parent = parent_set(self.store, lineage)

        def whole(images: ImageSet, error: SeedreamError | None = None) -> ImageSet:
            """With `error`, which ended the run, the frames that it was for say why they are not there."""
            if lineage is not None and parent is not None:
                images = join(parent, images, lineage)
            if lineage is not None and error is not None:
                images = explain_missing(images, lineage.places, error)
            return images.with_client(self)

        return whole

    def _key_for(self, plan: Plan) -> Key:
        """The key for a plan of this client's own provider and address; no other plan is sent, and gets no key."""
        address = self.given_base_url or EMBEDDED
        if plan.provider == self.provider and plan.base_url == address:
            return self.key()
        here = f"{self.provider.name} at {self.given_base_url}" if self.given_base_url else self.provider.name
        name = plan.provider.name
        raise ConfigError(
            f"This plan is for {name} at {plan.base_url}; this client asks {here}.",
            hint=f'Make it here anew, or run it where it was made: %seedream use {name}, in Python Seedream("{name}").',
        )

    def show(self, run_id: str) -> ImageSet:
        """The set of an earlier run, by its id or the beginning of it. Raises `InvalidRequest` if there is none."""
        return stored_set(find_record(self.store, run_id)).with_client(self)

    def recover(
        self, run_id: str | None = None, *, on_change: Callable[[ImageSet], None] | None = None
    ) -> list[ImageSet]:
        """Download what is missing of an earlier run, of all that lack something if none is named. Nothing is sent.

        Returns the sets as they are afterwards; frames whose links have ended say so.
        """
        settle()
        sweep_all(self.store)
        found = [find_record(self.store, run_id)] if run_id else find_unfinished(self.store)
        if run_id and is_live(found[0]):
            raise InvalidRequest(f"Run {found[0].run_id} is still under way: there is nothing to recover yet.")
        growing = (self._recover(record) for record in found)
        return [watch.wait(sets, on_change, event_loop=self._event_loop) for sets in growing]

    async def _recover(self, record: Record) -> watch.Sets:
        whole = self._join_with_parent(record.lineage)
        recovering = recover(
            record, base_url=self.base_url, provider=self.provider, key=self.key, transport=self._transport
        )
        async with aclosing(recovering) as growing:
            async for images in growing:
                yield whole(images)

    def history(self, words: str | None = None) -> list[HistoryEntry]:
        """The runs of the store, newest first, as plain records (`pandas.DataFrame` takes them).

        With `words`, those in whose prompt, model, notebook, provider or id each of them occurs.
        """
        return history(self.store, words)

    def purge(self, run_id: str) -> Purged:
        """Delete a run by its full id: its pictures, its records, and references that no other run has.

        Raises `InvalidRequest` for a run that goes on, or that later runs go on from: their sets hold its pictures.
        """
        run_id = str(run_id).strip()
        return purge(self.store, run_id, live=is_live_by_id(self.store, run_id))

    @classmethod
    def from_picture(
        cls, picture: str | os.PathLike[str] | Frame, *, store: str | os.PathLike[str] | None = None
    ) -> Plan:
        """The plan that made a picture: its `request`, its `cell()`, and the run in which it is `stored`.

        `picture` is a frame, a saved original, or a copy of one, which is looked for in `store`. Only a client of
        the provider that made it sends the plan. Raises `InvalidRequest` where no run made it.
        """
        record = find_maker(picture, cls(store=store).store)
        maker = cls(str(record.facts.get("provider")), store=record.folder.parent)
        return plan_of_record(maker, record)


def _store_folder(named: str | os.PathLike[str]) -> Path:
    try:
        folder = Path(named).expanduser()
        return folder if folder.is_absolute() else session.home().absolute() / folder
    except (RuntimeError, OSError) as exc:  # no such user, no home; a current folder that is gone
        raise ConfigError(f"The store {os.fspath(named)!r} cannot be found: {exc}.") from exc
