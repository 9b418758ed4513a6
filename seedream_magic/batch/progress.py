"""The line that shows how far a batch is: sets, images, money, speed, time left; at its end what failed, and why.

Nothing where nobody looks.
"""

from __future__ import annotations

import sys
from collections import Counter

from seedream_magic.api.prices import Price, price_of, told_together
from seedream_magic.errors import OutcomeUnknown, SeedreamError
from seedream_magic.images.image_set import ImageSet
from seedream_magic.planning import PlanningClient
from seedream_magic.tqdm_bar import in_notebook, tqdm_bar
from seedream_magic.words import batch as words
from seedream_magic.words.lists import COMMA
from seedream_magic.words.text import chain, join


class Progress:
    """Counts the sets of a batch, and shows them; `total` is None where nobody knows how many there will be."""

    def __init__(self, client: PlanningClient, total: int | None) -> None:
        self._client = client
        self.sets = self.images = 0
        self.failed: Counter[str] = Counter()  # by the name of the error; those of unknown outcome are no part of it
        self.not_again = self.unknown = 0
        self._paid: list[Price] = []
        watched = _is_watched()
        self._bar = tqdm_bar(total=total, unit=words.SET(), dynamic_ncols=True) if watched else None

    def add(self, images: ImageSet, error: SeedreamError | None) -> None:
        """Count a set that has ended, and what ended it without a picture."""
        self.sets += 1
        if error is not None and error.billed == "unknown" and self._client.provider.needs_key:
            self.unknown += 1
        elif isinstance(error, OutcomeUnknown) and self._client.provider.needs_key:
            self.not_again += 1
        elif error is not None:
            self.failed[type(error).__name__] += 1
        self.images += len(images.ok)
        if images.billed and not images.replayed:
            client = self._client
            price = price_of(
                images.request, client.provider, client.session.prices,
                base_url=client.given_base_url, images=images.billed,
            )  # fmt: skip
            self._paid = _sums([*self._paid, price] if price else self._paid)
        if self._bar is not None:
            self._bar.set_postfix_str(self.told, refresh=False)
            self._bar.update()

    @property
    def told(self) -> str:
        """What was made so far: "37 images, $1.48 by the list price of …, 2 failed, 8 not sent again"."""
        parts = [
            words.IMAGES(images=self.images),
            told_together(self._paid),
            words.FAILED(rows=self.failed.total()) if self.failed else "",
            words.MAY_BE_BILLED(rows=self.unknown) if self.unknown else "",
            words.NOT_SENT_AGAIN(rows=self.not_again) if self.not_again else "",
        ]
        return chain(COMMA, [*filter(None, parts)])

    @property
    def summary(self) -> list[str]:
        """What a person should know of the rows that came to no picture, a line for each kind."""
        kinds = chain(COMMA, [words.KIND(count=count, kind=kind) for kind, count in self.failed.most_common()])
        lines = [
            words.WHAT_FAILED(rows=self.failed.total(), kinds=kinds) if self.failed else "",
            join(words.NO_ANSWER(rows=self.unknown), words.HOW_TO_SEND_THEM()) if self.unknown else "",
            join(words.SENT_BEFORE(rows=self.not_again), words.HOW_TO_SEND_THEM()) if self.not_again else "",
        ]
        return list(filter(None, lines))

    def close(self) -> None:
        """The batch has ended: the line stays as it is, and below it stands what failed."""
        if self._bar is None or self._bar.disable:
            return
        stream = self._bar.fp
        self._bar.close()
        for line in self.summary:
            print(line, file=stream)


def _sums(prices: list[Price]) -> list[Price]:
    """One price for each currency and source."""
    found: dict[tuple[str, str], Price] = {}
    for price in prices:
        key = (price.currency, price.source)
        before = found.get(key)
        amount = price.amount if before is None else price.amount + before.amount
        found[key] = Price(amount, price.currency, price.source)
    return list(found.values())


def _is_watched() -> bool:
    """Whether a person sees a line that is written over again: in a terminal or a notebook, not in a log."""
    stream = sys.stderr  # pythonw has none
    return in_notebook() or (stream is not None and stream.isatty())
