"""Runs in the background: begun by a cell or a panel, going on while the kernel is free."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from seedream_magic.api.plan import Plan
from seedream_magic.errors import InvalidRequest
from seedream_magic.images.image_set import ImageSet


class Running:
    """The runs of a session that are under way."""

    def __init__(self) -> None:
        self._runs: dict[int, tuple[Plan, Callable[[], None]]] = {}
        self._begun = 0

    def __len__(self) -> int:
        return len(self._runs)

    @property
    def images_at_most(self) -> int:
        """How many images they may bill."""
        return sum(images_to_bill(plan) for plan, _ in self._runs.values())

    def start(
        self,
        door: Any,
        plan: Plan,
        *,
        on_change: Callable[[ImageSet], None],
        on_end: Callable[[ImageSet | None, BaseException | None], None],
    ) -> Callable[[], None]:
        """Begin a plan; the result stops it.

        `on_change` is called with each growing value, `on_end` once with the set as far as it came and the run's
        error or None. Raises that error where the run could not even begin.
        """
        if not plan.fresh and any(other.fingerprint == plan.fingerprint for other, _ in self._runs.values()):
            raise InvalidRequest("The same request is under way in the background; --fresh sends it once more.")
        self._begun += 1
        number, seen, ends = self._begun, list[ImageSet](), list[BaseException | None]()
        returned = False

        def changed(images: ImageSet) -> None:
            seen[:] = [images]
            on_change(images)

        def ended(failure: BaseException | None) -> None:
            ends.append(failure)
            self._runs.pop(number, None)
            if seen or returned or failure is None:
                on_end(getattr(failure, "images", None) or (seen[0] if seen else None), failure)

        stop: Callable[[], None] = door.start(plan, on_change=changed, on_end=ended)
        if not ends:
            self._runs[number] = (plan, stop)
        elif not seen and ends[0] is not None:
            raise ends[0]
        returned = True  # what fails from now on has nobody to raise it to
        return stop

    def stop(self) -> int:
        """Stop them all; how many there were. The pictures that have come are kept."""
        stops = [stop for _, stop in self._runs.values()]
        for stop in stops:
            stop()
        return len(stops)


def images_to_bill(plan: Plan) -> int:
    """How many images a plan may bill: none where its set is in the store."""
    return 0 if plan.stored else plan.request.images_at_most
