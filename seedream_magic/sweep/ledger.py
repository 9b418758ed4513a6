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
from seedream_magic.errors import plural
from seedream_magic.replay import Earlier, find_earlier, pictures_of
from seedream_magic.words.carousel import ENGLISH, Words

DOCUMENTED_SECONDS = (13.0, 40.0)
"""A picture of 2K takes so long, as users of the service tell."""
DEMO_SECONDS = (1.0, 1.0)
_NEWEST = 20


@dataclass(frozen=True)
class Ledger:
    """The account of many plans before they are drawn.

    `runs` are all of them: `stored` are in the library, `under_way` are being drawn at this moment, `same` ask for what
    another one of them asks for, `doubtful` were sent before without anybody knowing whether they were billed. `images`
    may be billed at most; of them `unpriced` have no known price, the others those of `prices`. The service is `free`,
    or not. `seconds` is how long it takes, at least and at most; `own` says that this is by the user's own runs.
    """

    runs: int
    stored: int
    under_way: int
    same: int
    doubtful: int
    images: int
    prices: tuple[Price, ...]
    unpriced: int
    free: bool
    seconds: tuple[float, float]
    own: bool

    @property
    def sent(self) -> int:
        """How many requests will be sent."""
        return self.runs - self.stored - self.under_way - self.same

    def bill(self, words: Words = ENGLISH) -> str:
        """The images that may be billed and what they cost: "up to 8 images, ¥2.00 by the list price of …"."""
        price = told_together(self.prices, words)
        if words is not ENGLISH:
            rest = f"，另有 {self.unpriced} 张价格未知" if price and self.unpriced else ""
            return f"最多 {self.images} 张{f'，{price}' if price else ''}{rest}"
        rest = f", {plural(self.unpriced)} without a known price" if price and self.unpriced else ""
        return f"up to {plural(self.images)}{f', {price}' if price else ''}{rest}"

    def lines(self, words: Words = ENGLISH) -> tuple[str, ...]:
        """The account as a person reads it."""
        if words is not ENGLISH:
            return self._chinese_lines(words)
        parts = [
            f"{self.stored} in the library" if self.stored else "",
            f"{self.under_way} under way, waited for" if self.under_way else "",
            f"{self.same} the same as others" if self.same else "",
            f"{self.sent} to send" if self.sent else "",
        ]
        head = f"{plural(self.runs, 'run')}: {', '.join(filter(None, parts))}."
        if not self.sent:
            return (f"{head} Nothing is billed.",)
        paid = f"The demo draws them free: {plural(self.images)}" if self.free else f"They may bill {self.bill()}"
        doubt = f"{self.doubtful} of these had been sent before and may have been billed already."
        return (f"{head} {paid}. About {_span(self.seconds)}{self._pace()}.", *([doubt] if self.doubtful else []))

    def _pace(self) -> str:
        if self.free:
            return ""
        return " by your own runs" if self.own else " as far as is known of the service"

    def _chinese_lines(self, words: Words) -> tuple[str, ...]:
        parts = [
            f"{self.stored} 次已在本地" if self.stored else "",
            f"{self.under_way} 次正在生成" if self.under_way else "",
            f"{self.same} 次与其他相同" if self.same else "",
            f"{self.sent} 次将发送" if self.sent else "",
        ]
        head = f"共 {self.runs} 次请求：{'，'.join(filter(None, parts))}。"
        if not self.sent:
            return (f"{head}不计费。",)
        paid = f"演示服务免费生成 {self.images} 张" if self.free else f"可能计费：{self.bill(words)}"
        doubt = f"其中 {self.doubtful} 次此前已发送，可能已计费。"
        return (f"{head}{paid}。约需 {_span(self.seconds, words)}。", *([doubt] if self.doubtful else []))


def make_ledger(plans: Iterable[Plan], store: Path, *, at_once: int) -> Ledger:
    """The account of these plans; the same request twice is paid once."""
    every = list(plans)
    sent = [plan for plan in every if plan.stored is None]
    counted = {(plan.fingerprint, plan.take, place if plan.fresh else 0): plan for place, plan in enumerate(sent)}
    under_way = doubtful = unpriced = 0
    prices, images = list[Price](), list[int]()
    known = library.known((one for plan in counted.values() for one in plan.fingerprints), store)
    for plan in counted.values():
        found = known is None or not known.isdisjoint(plan.fingerprints)
        earlier = find_earlier(plan, store) if found else Earlier()
        if earlier.live is not None:
            under_way += 1
            continue
        doubtful += earlier.doubtful is not None
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
        doubtful=doubtful,
        images=sum(images),
        prices=tuple(prices),
        unpriced=unpriced,
        free=not every[0].provider.needs_key,
        seconds=(_wall(images, each[0], at_once), _wall(images, each[1], at_once)),
        own=own,
    )


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


def _span(seconds: tuple[float, float], words: Words = ENGLISH) -> str:
    """A span of time as one tells it: "20 s", "1 to 3 min"."""
    minutes = seconds[1] >= 90
    unit = ("min" if minutes else "s") if words is ENGLISH else ("分钟" if minutes else "秒")
    low, high = (max(1, ceil(part / 60 if minutes else part)) for part in seconds)
    return f"{low} {unit}" if low == high else f"{low}{' to ' if words is ENGLISH else '–'}{high} {unit}"
