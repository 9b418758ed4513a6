"""What many runs will come to, told before anything is sent: how many, how many are there already, images, money, time.

A list price is what a service asks of everybody, and the time is a guess: by this user's own runs where there are
some, else by what is documented of the service.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from statistics import median

from seedream_magic import library
from seedream_magic.api.plan import Plan
from seedream_magic.api.prices import Price, price_of, told_together
from seedream_magic.replay import Earlier, find_earlier, pictures_of
from seedream_magic.words import runs as run_texts
from seedream_magic.words import sweeps as texts
from seedream_magic.words.lists import COMMA
from seedream_magic.words.requests import UP_TO
from seedream_magic.words.text import chain, join

DOCUMENTED_SECONDS = (13.0, 40.0)
"""A picture of 2K takes so long, as users of the service tell."""
DEMO_SECONDS = (1.0, 1.0)
_NEWEST = 20
_AWAY = frozenset({run_texts.FOLDER_RENAMED, run_texts.STORE_AWAY})
TOLD_BY_LEDGER = _AWAY | {
    run_texts.IS_AWAITED,
    run_texts.HAS_SOME,
    run_texts.HAS_SOME_OF_UNKNOWN,
    run_texts.MAY_HAVE_BEEN_BILLED,
    run_texts.PICTURES_ARE_GONE,
}
"""Warnings of plans that name their run: a line for each of them would be a page, so that they are counted."""


@dataclass(frozen=True)
class Ledger:
    """The account of many plans before they are drawn.

    `runs` are all of them: `stored` are in the library, `under_way` are being drawn at this moment, `same` ask for what
    another one of them asks for, `incomplete` have some of their pictures, `doubtful` were sent before and may have
    been billed, which are not sent again but with `resend`. `images` may be billed at most; of them `unpriced` have no
    known price, the others those of `prices`. The service is `free`, or not. `seconds` is how long it takes, at least
    and at most; `own` says that this is by the user's own runs.
    """

    runs: int
    stored: int
    under_way: int
    same: int
    incomplete: int
    doubtful: int
    resend: bool
    images: int
    prices: tuple[Price, ...]
    unpriced: int
    free: bool
    seconds: tuple[float, float]
    own: bool

    @property
    def sent(self) -> int:
        """How many requests will be sent."""
        return self.runs - self.stored - self.under_way - self.same - (0 if self.resend else self.doubtful)

    def bill(self) -> str:
        """The images that may be billed and what they cost: "up to 8 images, ¥2.00 by the list price of …"."""
        price = told_together(self.prices)
        if not price:
            return UP_TO(images=self.images)
        bill = texts.UP_TO_AT(images=self.images, price=price)
        return texts.UNPRICED(bill=bill, images=self.unpriced) if self.unpriced else bill

    def lines(self) -> tuple[str, ...]:
        """The account as a person reads it."""
        parts = (
            texts.IN_LIBRARY(runs=self.stored) if self.stored else "",
            texts.UNDER_WAY(runs=self.under_way) if self.under_way else "",
            texts.SAME(runs=self.same) if self.same else "",
            texts.SENT_BEFORE(runs=self.doubtful) if self.doubtful and not self.resend else "",
            texts.TO_SEND(runs=self.sent) if self.sent else "",
        )
        head = texts.RUNS(runs=self.runs, parts=chain(COMMA, [*filter(None, parts)]))
        some = (texts.HAVE_SOME(runs=self.incomplete),) if self.incomplete else ()
        if not self.sent:
            return (join(head, texts.NOTHING_IS_BILLED()), *some)
        paid = texts.DEMO_DRAWS(images=self.images) if self.free else texts.MAY_BILL(bill=self.bill())
        about = texts.ABOUT if self.free else texts.ABOUT_BY_OWN_RUNS if self.own else texts.ABOUT_BY_SERVICE
        doubt = (texts.SENT_ONCE_MORE(runs=self.doubtful),) if self.doubtful and self.resend else ()
        return (join(head, paid, about(time=_span(self.seconds))), *some, *doubt)


def make_ledger(plans: Iterable[Plan], store: Path, *, at_once: int, resend: bool) -> Ledger:
    """The account of these plans; the same request twice is paid once. `resend` is as for `draw`."""
    every = list(plans)
    sent = [plan for plan in every if plan.stored is None]
    counted = {(plan.fingerprint, plan.take, place if plan.fresh else 0): plan for place, plan in enumerate(sent)}
    free = not every[0].provider.needs_key
    under_way = incomplete = doubtful = unpriced = 0
    prices, images = list[Price](), list[int]()
    known = library.known((one for plan in counted.values() for one in plan.fingerprints), store)
    for plan in counted.values():
        found = known is None or not known.isdisjoint(plan.fingerprints)
        earlier = find_earlier(plan, store) if found else Earlier()
        if earlier.live is not None:
            under_way += 1
            continue
        incomplete += earlier.incomplete is not None
        if not free and _is_doubtful(plan, earlier):
            doubtful += 1
            if not resend:
                continue
        most = plan.request.images_at_most
        here = len(pictures_of(earlier.incomplete)) if earlier.incomplete is not None else 0
        images.append(max(1, most - here))
        price = price_of(plan.request, plan.provider, plan.prices, base_url=plan.base_url, images=images[-1])
        prices += [price] if price else []
        unpriced += 0 if price else images[-1]
    each, own = _seconds_each(every[0], store)
    return Ledger(
        runs=len(every),
        stored=len(every) - len(sent),
        under_way=under_way,
        same=len(sent) - len(counted),
        incomplete=incomplete,
        doubtful=doubtful,
        resend=resend,
        images=sum(images),
        prices=tuple(prices),
        unpriced=unpriced,
        free=free,
        seconds=(_wall(images, each[0], at_once), _wall(images, each[1], at_once)),
        own=own,
    )


def _is_doubtful(plan: Plan, earlier: Earlier) -> bool:
    """Whether sending it may pay once more for what was paid already, as it is looked at before it is sent."""
    away = any(getattr(warning, "text", None) in _AWAY for warning in plan.warnings)
    return earlier.doubtful is not None or earlier.lost is not None or (away and earlier == Earlier())


def seconds_per_picture(store: Path, model: str, provider: str) -> float | None:
    """How long a picture takes, by this user's own runs; None where there is none.

    It is the median of the newest finished runs of the same model and provider.
    """
    runs, wanted = library.history(store), (model, provider, "done")
    alike = (entry for entry in runs if (entry.model, entry.provider, entry.state) == wanted)
    timed = [entry.seconds / entry.frames for entry in alike if entry.frames and entry.seconds]
    return median(timed[:_NEWEST]) if timed else None


def _seconds_each(plan: Plan, store: Path) -> tuple[tuple[float, float], bool]:
    known = seconds_per_picture(store, plan.request.model, plan.provider.name)
    if known is not None:
        return (known, known), True
    return (DOCUMENTED_SECONDS if plan.provider.needs_key else DEMO_SECONDS), False


def _wall(images: list[int], each: float, at_once: int) -> float:
    """How long it takes where so many runs go on at once; a set's pictures come one after the other."""
    return each * max(sum(images) / max(1, min(at_once, len(images))), max(images, default=0))


def _span(seconds: tuple[float, float]) -> str:
    """A span of time as one tells it: "20 s", "1 to 3 min"."""
    minutes = seconds[1] >= 90
    low, high = (max(1, ceil(part / 60 if minutes else part)) for part in seconds)
    if low == high:
        return (texts.MINUTES if minutes else texts.SECONDS)(low=low)
    return (texts.MINUTES_TO if minutes else texts.SECONDS_TO)(low=low, high=high)
