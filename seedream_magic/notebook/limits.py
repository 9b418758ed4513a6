"""How many images may be billed: what is allowed for a run, a session and a day, asked before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from IPython.core.interactiveshell import InteractiveShell

from seedream_magic.errors import InvalidRequest
from seedream_magic.notebook.settings import Settings
from seedream_magic.session import Session, images_to_bill
from seedream_magic.words import settings as texts
from seedream_magic.words.lists import enumeration

if TYPE_CHECKING:
    from seedream_magic.api.plan import Plan
    from seedream_magic.api.request import ImageRequest


class Limits:
    """The limits of a notebook's settings, which its session keeps to till `take_off`."""

    def __init__(
        self, shell: InteractiveShell, settings: Settings, session: Session, store: Callable[[], Path]
    ) -> None:
        """`store` gives the store of what has no reference."""
        self._shell, self._settings, self._session, self._store = shell, settings, session, store
        self._asks = True
        session.check, session.check_alone, session.check_together = self.check, self.check_run, self.check_together
        self._limit_day()
        settings.observe(self._limit_day, names="max_images_per_day")

    def _limit_day(self, _: object = None) -> None:
        self._session.check_day = None if self._settings.max_images_per_day is None else self.check_day

    def take_off(self) -> None:
        """The session has no limits any more."""
        session = self._session
        session.check = session.check_alone = session.check_day = session.check_together = None

    def check(self, plan: Plan) -> None:
        """Refuse what could bill more than the person allowed: with what was billed, may have been, and is under way.

        A set from the store bills nothing. The session calls it before it reserves what a plan may bill.
        """
        if not plan.stored:
            self.check_run(plan.request)
        self._check_session(images_to_bill(plan))

    def check_run(self, request: ImageRequest) -> None:
        """Refuse what may bill more than the person allowed for a run, and what nobody can count under a limit."""
        at_most, settings = request.images_at_most, self._settings
        for name in ("max_images_per_run", "max_images_per_session"):
            if getattr(settings, name) is not None:
                _refuse_uncounted(request, name)
        if settings.max_images_per_run is not None and at_most > settings.max_images_per_run:
            raise InvalidRequest(texts.OVER_RUN(images=at_most, allowed=settings.max_images_per_run))

    def _check_session(self, at_most: int) -> None:
        drawn, allowed = self._session, self._settings.max_images_per_session
        before = drawn.images_billed + drawn.doubtful.total() + drawn.images_reserved
        if allowed is not None and before + at_most > allowed:
            raise InvalidRequest(texts.OVER_SESSION(images=at_most, before=before, allowed=allowed))

    def check_together(self, images: int, bill: str, *, free: bool, store: Path) -> None:
        """Refuse many plans that could bill more, together, than the person allowed; see `Session.refuse_together`.

        More than one cell may bill is asked about, where somebody can answer.
        """
        from seedream_magic.notebook.questions import answer  # noqa: PLC0415 - load time, see `desk`

        self._check_session(images)
        self._check_day(images, free=free, store=store)
        allowed = self._settings.max_images_per_run
        if allowed is None or images <= allowed:
            return
        more = texts.SWEEP_OVER_RUN(bill=bill, allowed=allowed)
        said = answer(self._shell, texts.ASK_SWEEP(more=more)) if self._asks else None
        if said is None:
            raise InvalidRequest(more, hint=texts.NOBODY_ANSWERS() if self._asks else "")
        if said.strip().lower() not in texts.AGREEMENT:
            raise InvalidRequest(texts.NOT_DRAWN())

    @contextmanager
    def unasked(self) -> Iterator[None]:
        """Within this nobody is asked: what would be a question is a refusal."""
        self._asks = False
        try:
            yield
        finally:
            self._asks = True

    def check_day(self, plan: Plan) -> None:
        """Refuse what could bill more than the person allowed for a day, in all notebooks together.

        Called where no other run can begin. Without a library only this store is counted. What the demo has drawn
        counts for the demo only, where limits can be tried out.
        """
        if not plan.stored:
            _refuse_uncounted(plan.request, "max_images_per_day")
        store = plan.references.parent if plan.references else self._store()
        self._check_day(images_to_bill(plan), free=not plan.provider.needs_key, store=store)

    def _check_day(self, at_most: int, *, free: bool, store: Path) -> None:
        allowed = self._settings.max_images_per_day
        if allowed is None or not at_most:
            return
        before = self.images_today(store, free=free)
        if before + at_most > allowed:
            raise InvalidRequest(texts.OVER_DAY(images=at_most, before=before, allowed=allowed))

    def images_today(self, store: Path, *, free: bool = False) -> int:
        """Images that all notebooks together have billed since midnight, or may have; with `free` those of the demo.

        Without a library those of `store`.
        """
        from seedream_magic import database, library  # noqa: PLC0415 - load time

        midnight = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
        counted = library.images_since(midnight, free=free)
        if counted is not None:
            return counted
        runs = library.history(store)
        today = [run for run in runs if run.began is not None and run.began >= midnight]
        return sum(database.may_be_billed(run) for run in today if (run.provider == "demo") == free)


def _refuse_uncounted(request: ImageRequest, cap: str) -> None:
    """Refuse a request of which nobody can say how many images it may bill, where a limit is set."""
    if request.uncounted:
        named = enumeration(request.uncounted)
        raise InvalidRequest(texts.UNCOUNTED(names=named), hint=texts.WRITE_A_NUMBER(cap=cap, names=named))
