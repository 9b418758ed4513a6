"""The Python client: a plan first, which sends nothing, and then a run.

The first cell of a notebook loads this before its request leaves. What draws many requests, searches and deletes is
loaded by who does that.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from seedream_magic import bridge, library, session, watch
from seedream_magic.api.connection import Transport
from seedream_magic.api.credentials import Key, chosen_headers, find_key
from seedream_magic.api.fields import in_python
from seedream_magic.api.plan import Plan
from seedream_magic.api.providers import chosen_base_url, chosen_provider
from seedream_magic.api.redaction import as_text
from seedream_magic.api.storyboard import Storyboard
from seedream_magic.api.values import Images
from seedream_magic.checking import check_plan
from seedream_magic.continuation import plan_extend, plan_redo, plan_vary
from seedream_magic.drawing import Drawing, fetch
from seedream_magic.errors import ConfigError, InvalidRequest, printable, reason_of, sends_nothing
from seedream_magic.images.claims import is_live
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.images.index import HistoryEntry
from seedream_magic.images.record import is_run
from seedream_magic.images.run_folder import settle
from seedream_magic.images.stored_runs import find_record
from seedream_magic.images.takes import pick, takes_of
from seedream_magic.names import NameHints, check_keywords, takes_keywords
from seedream_magic.planning import OPTIONS, Options, make_ask, plan_in_python, plan_of_record
from seedream_magic.recover import find_unfinished, sweep_all
from seedream_magic.replay import find_earlier, find_maker, find_run, stored_set
from seedream_magic.sender import CONCURRENCY, key_for
from seedream_magic.session import Progress
from seedream_magic.words import runs as texts
from seedream_magic.words.store import STORE_NOT_FOUND

if TYPE_CHECKING:
    from seedream_magic.batch.inputs import Row
    from seedream_magic.batch.mapping import AsyncBatch, Batch
    from seedream_magic.images.purge import Purged
    from seedream_magic.sweep.sweep import Sweep


class Seedream(NameHints):
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
    `progress` makes what shows a run that nobody else watches. `ask_when_unknown` pauses before a request is sent again
    of which nobody knows whether it was billed; `copy_replays` copies what other stores have into `store`.
    """

    @takes_keywords()
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
        for name, value in (("provider", provider), ("api_key", api_key), ("base_url", base_url), ("model", model)):
            if not isinstance(value, str | None):
                raise ConfigError(texts.SETTING_IS_TEXT(name=name, kind=type(value).__name__))
        self.provider = chosen_provider(provider)
        self.given_base_url = chosen_base_url(self.provider, base_url)
        self.headers = chosen_headers(self.provider, headers)
        self.model = model or os.environ.get("SEEDREAM_MODEL") or self.provider.default_model
        self._session = session.of_cell()
        self.store = _store_folder(store or os.environ.get("SEEDREAM_STORE") or session.DEFAULT_STORE)
        self._key = Key(api_key, "api_key") if api_key and api_key.strip() else None
        self._progress: Callable[[], Progress] | None = None
        self.transport = transport
        self.ask_when_unknown, self.copy_replays = True, False
        self.event_loop = event_loop

    def __repr__(self) -> str:
        return printable(f"<Seedream {self.provider.name}: {self.model}, store {self.store}>")

    @property
    def session(self) -> session.Session:
        """That of the notebook in whose cell it was made; of a client that was made elsewhere, the current session."""
        return self._session or session.current()

    @session.setter
    def session(self, own: session.Session) -> None:
        self._session = own

    @property
    def progress(self) -> Callable[[], Progress] | None:
        """Makes what shows a run that nobody else watches: its own, else that of its session."""
        return self._progress or self.session.progress

    @progress.setter
    def progress(self, own: Callable[[], Progress] | None) -> None:
        self._progress = own

    @property
    def base_url(self) -> str:
        """Where requests go; asking for the demo's address starts the demo."""
        bridge.refuse_patches()
        if self.given_base_url:
            return self.given_base_url
        from seedream_magic.demo import server  # noqa: PLC0415 - the demo loads tornado; only who uses it pays

        return server.start()

    @takes_keywords()
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
        copy: bool = False,
        check: bool = True,
        timeout: float | None = None,
    ) -> Plan:
        """What would be sent. Touches no network; raises `InvalidRequest` for what cannot be served.

        `images` is 1 (the default) to 15 or "auto"; of a `Storyboard` it follows. `refs` are input images: paths,
        globs, https links, data URIs, bytes, pictures, arrays, frames, sets, or "run:ID[2]" for a frame of an earlier
        run, counted from 0; `fit` scales those that are over the limits. `timeout` is the limit of the whole call in
        seconds. A request whose set is in a store of this user is answered from there, and stays there unless it is to
        `copy` it: `fresh` pays again, `take` names the set meant, counted from 1.
        """
        options: Options = {
            "images": images,
            "size": size,
            "ratio": ratio,
            "refs": refs,
            "fit": fit,
            "model": model,
            "stream": stream,
            "watermark": watermark,
            "response_format": response_format,
            "output_format": output_format,
            "background": background,
            "layer_decomposition": layer_decomposition,
            "web_search": web_search,
            "optimize_prompt": optimize_prompt,
            "extra": extra,
            "fresh": fresh,
            "take": take,
            "copy": copy,
            "check": check,
            "timeout": timeout,
        }
        return plan_in_python(self, prompt, options)

    @takes_keywords(*OPTIONS)
    def sweep(
        self,
        prompt: str | Storyboard,
        *,
        vary: Mapping[str, Sequence[Any]] | None = None,
        each: object = None,
        xy: Mapping[str, Sequence[Any]] | None = None,
        repeat: int = 1,
        sample: int | None = None,
        seed: int | None = None,
        **options: Unpack[Options],
    ) -> Sweep:
        """Draw many requests that differ in what is given here, and wait; each is a run of its own.

        `vary` has values for variables of the prompt, `{colour}`; `each` is a table (a list of texts or dicts, a dict,
        a data frame, the path of a CSV file), whose rows are filled in by their columns, a text as `{each}`; `xy` has
        values for options of `plan`. All are crossed, and each is drawn `repeat` times. A value "-" leaves a hole.
        `sample` draws so many of all, the same ones for the same `seed` (0). The others are options as for `plan`.

        Before the first request all of it is checked, priced, and held against the limits of the notebook.
        """
        from seedream_magic.sweep import axes, draw_sweep, make_axes, plan_sweep  # noqa: PLC0415 - load time, see above

        with in_python():
            crossed = make_axes.python_axes(prompt, vary=vary, each=each, xy=xy, repeat=repeat)
            ask, title = make_ask(prompt, options), axes.title_of(prompt)
            sweep = plan_sweep.plan_sweep(self, ask, crossed, title=title, variables={}, sample=sample, seed=seed)
        return draw_sweep.draw(self, plan_sweep.refuse_sweep(self, sweep))

    def retry(self, sweep: Sweep, labels: tuple[str, ...] = ()) -> Sweep:
        """See `Sweep.retry`."""
        from seedream_magic.sweep.draw_sweep import retry_sweep  # noqa: PLC0415 - load time, see above

        return retry_sweep(self, sweep, labels)

    def redo(
        self,
        images: ImageSet,
        places: Sequence[int],
        *,
        prompt: str | None = None,
        refs: object = None,
        fresh: bool = False,
        take: int | None = None,
    ) -> ImageSet:
        """See `ImageSet.redo`."""
        with in_python():
            plan = plan_redo(self, images, places, prompt=prompt, refs=refs, fresh=fresh, take=take)
        return self._go_on(plan)

    @sends_nothing()
    def takes(self, images: ImageSet, place: int) -> tuple[Frame, ...]:
        """See `ImageSet.takes`."""
        return tuple(replace(frame, client=self) for frame in takes_of(self._folder_of(images), place))

    @sends_nothing()
    def pick(self, images: ImageSet, place: int, take: int) -> ImageSet:
        """See `ImageSet.pick`."""
        folder = self._folder_of(images)
        pick(folder, place, take)
        return stored_set(find_record(folder.parent, images.run_id), store=self.store).with_client(self)

    def _folder_of(self, images: ImageSet) -> Path:
        """The folder of a set's run: the copy in this client's store, which replays are from, where there is one."""
        own = self.store / images.run_id
        return own if is_run(own) else images.folder

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
        return self._go_on(plan)

    def vary(
        self,
        frame: Frame,
        prompt: str,
        *,
        images: int = 1,
        refs: object = (),
        fresh: bool = False,
        take: int | None = None,
    ) -> ImageSet:
        """See `Frame.vary`."""
        with in_python():
            plan = plan_vary(self, frame, prompt, images=images, refs=refs, fresh=fresh, take=take)
        return self._go_on(plan)

    def _go_on(self, plan: Plan) -> ImageSet:
        """Run the plan of such a call. In a notebook a set that is bound to a name is not shown: the reason is."""
        if plan.already and self.progress is not None:
            print(plan.already)  # noqa: T201 - said in place of a run
        return self.run(plan)

    def key(self) -> Key:
        """The key for the provider, in its wrapper. Raises `MissingKey`, or `ConfigError` for one that is unusable.

        The embedded demo gets none of a person's: one that is given goes to the address that is given with it.
        """
        given = self._key if self.provider.needs_key or self.given_base_url else None
        return given or find_key(self.provider)

    @takes_keywords(*OPTIONS)
    def generate(self, prompt: str | Storyboard, **options: Unpack[Options]) -> ImageSet:
        """Draw and wait; options as for `plan`. Works in scripts, in notebooks and inside a running event loop."""
        return self.run(self.plan(prompt, **options))

    async def agenerate(self, prompt: str | Storyboard, **options: Unpack[Options]) -> ImageSet:
        """Draw and await the finished set; options as for `plan`."""
        check_keywords("Seedream.agenerate()", options, OPTIONS)
        async for images in self.stream(prompt, **options):
            finished = images
        return finished

    async def stream(self, prompt: str | Storyboard, **options: Unpack[Options]) -> AsyncGenerator[ImageSet, None]:
        """The growing set, each time something arrives; options as for `plan`. The last value is the finished set."""
        check_keywords("Seedream.stream()", options, OPTIONS)

        def begin() -> watch.Sets:
            return self._sets(self.plan(prompt, **options))

        async with bridge.awake():
            try:
                sets = await asyncio.to_thread(begin)  # it hashes the references, and reads library and store
            except RuntimeError:  # the process ends: threads take nothing new, and nobody else needs the loop
                sets = begin()
            async with aclosing(sets) as growing:
                async for images in growing:
                    yield images

    def run(self, plan: Plan, *, on_change: Callable[[ImageSet], None] | None = None) -> ImageSet:
        """Send a plan and wait for its set; `on_change` is called with each growing value, on this thread.

        What `on_change` raises ends no run, for it is paid: it is printed once on stderr.
        Raises `SeedreamInterrupted`, which carries the set so far, when Stop (Ctrl-C) is pressed meanwhile.
        """
        blocked = bridge.running_loop() if self.event_loop == "thread" else None
        if on_change is not None or self.progress is None:
            return watch.wait(self._sets(plan, blocked=blocked), on_change, event_loop=self.event_loop)
        make, made = self.progress, list[Progress]()

        def show(images: ImageSet) -> None:
            if images.state != "running":  # it is handed back, and shown where its caller wants it
                return
            if not made:
                made.append(make())
            made[0].show(images)

        try:
            return watch.wait(self._sets(plan, blocked=blocked), show, event_loop=self.event_loop)
        finally:
            for progress in made:
                bridge.unfailing(progress.clear)()

    @takes_keywords(*OPTIONS)
    def map(
        self,
        rows: Iterable[Row],
        *,
        concurrency: int = CONCURRENCY,
        per_minute: int | None = None,
        executor: Executor | None = None,
        ordered: bool = False,
        **options: Unpack[Options],
    ) -> Batch:
        """Draw many sets, so many at once, and give each as soon as it has ended, or with `ordered` in their order.

        `rows` are prompts, storyboards, plans, or records with a "prompt" and options of their own, mixed as you like,
        from a list or a generator of any length; `options` are as for `plan`, for all that are no plans. A list is
        checked before anything is sent: `InvalidRequest` names its bad rows.
        A row that fails ends no other: it comes as a set whose frames carry the error, and stands in `failed` of what
        this returns. Of a request that may have been billed before nothing is sent; `fresh` sends it.
        `per_minute` are images; without it the service's own limit is kept to, as far as it tells of it. `executor` is
        one of `concurrent.futures`, as Dask and MPI have them: its workers draw, each with `per_minute` of its own.
        Stop (Ctrl-C) keeps what has come; the same call again shows what is done and goes on with the rest.
        """
        from seedream_magic.batch.mapping import Batch  # noqa: PLC0415 - load time, see above

        how = {"concurrency": concurrency, "per_minute": per_minute, "executor": executor, "ordered": ordered}
        return Batch(self, rows, options, event_loop=self.event_loop, **how)

    @takes_keywords(*OPTIONS)
    def amap(
        self,
        rows: Iterable[Row] | AsyncIterable[Row],
        *,
        concurrency: int = CONCURRENCY,
        per_minute: int | None = None,
        executor: Executor | None = None,
        ordered: bool = False,
        **options: Unpack[Options],
    ) -> AsyncBatch:
        """As `map`, for `async for`; the rows may come from an asynchronous iterator."""
        from seedream_magic.batch.mapping import AsyncBatch  # noqa: PLC0415 - load time, see above

        how = {"concurrency": concurrency, "per_minute": per_minute, "executor": executor, "ordered": ordered}
        return AsyncBatch(self, rows, options, **how)

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

            return watch.begin(self._sets(plan), on_change, ended)

        return self.session.background.add(begin)

    def _sets(self, plan: Plan, *, blocked: asyncio.AbstractEventLoop | None = None) -> watch.Sets:
        """The values of the plan's set, wherever it comes from; raises at once what is known to stand in the way.

        `blocked` is the event loop that does nothing but wait for them.
        """
        check_plan(plan)
        if find_earlier(plan, self.store).is_nothing:
            key_for(self, plan)
            self.session.refuse(plan)
        return Drawing(self, plan, lambda: key_for(self, plan), blocked=blocked).values()

    @sends_nothing()
    def show(self, run_id: str) -> ImageSet:
        """The set of an earlier run, by its id or the beginning of it. Raises `InvalidRequest` if there is none."""
        record = find_run(self.store, run_id)
        images = stored_set(record, store=self.store)
        interrupted = images.interrupted or (record.unfinished and not is_live(record))
        return replace(images, interrupted=interrupted).with_client(self)

    @sends_nothing()
    def recover(
        self, run_id: str | None = None, *, on_change: Callable[[ImageSet], None] | None = None
    ) -> list[ImageSet]:
        """Download what is missing of an earlier run, of all that lack something if none is named. Nothing is sent.

        Returns the sets as they are afterwards; frames whose links have ended say so.
        """
        settle(self.store, again=True)
        sweep_all(self.store)
        found = [find_run(self.store, run_id)] if run_id else find_unfinished(self.store)
        if run_id and is_live(found[0]):
            raise InvalidRequest(texts.NOTHING_TO_RECOVER(run=found[0].run_id))
        return [watch.wait(fetch(self, record), on_change, event_loop=self.event_loop) for record in found]

    @sends_nothing()
    def history(self, words: str | None = None, *, here: bool = False, starred: bool = False) -> list[HistoryEntry]:
        """The runs of every store of this user, newest first, as plain records (`pandas.DataFrame` takes them).

        `here` leaves those of this client's store, `starred` those with a starred picture. With `words`, the runs of
        which each is true: text in prompt, model, notebook, provider, id or tags; a provider, a state ("failed"), a
        date or a part of it ("2026-11", "28 Nov", "yesterday"). Those that have the words as one phrase come first.
        """
        if words:
            from seedream_magic.history import find  # noqa: PLC0415 - load time, see above

            return find(self.store, words, now=datetime.now(UTC), here=here, starred=starred).first
        own = [entry for entry in library.history(self.store) if entry.starred or not starred] if here else []
        return own if here else library.history_of_all(self.store, starred=starred)

    @sends_nothing()
    def purge(self, run_id: str, *, even_starred: bool = False) -> Purged:
        """Delete a run by its full id: its pictures, its records, and references that no other run has.

        Raises `InvalidRequest` for a run that goes on, or that later runs go on from: their sets hold its pictures; and
        for one with a starred picture, unless `even_starred`.
        """
        from seedream_magic.images.purge import purge  # noqa: PLC0415 - load time, see above

        return purge(self.store, str(run_id).strip(), even_starred=even_starred)

    @classmethod
    @sends_nothing()
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
        os.fsencode(folder := Path(os.fspath(named)).expanduser())
        if "\0" in str(folder):
            raise ValueError("NUL")  # noqa: TRY301 - told as what the system says of a name
        return folder if folder.is_absolute() else session.home().absolute() / folder
    except (RuntimeError, OSError, TypeError, ValueError) as exc:
        # no such user, no home; a current folder that is gone; what no name of a folder can be
        raise ConfigError(STORE_NOT_FOUND(store=repr(as_text(named)), why=reason_of(exc))) from exc
