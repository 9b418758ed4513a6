"""A plan that was changed or unpickled is held against what `plan` makes before anything of it is sent."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from raw_server import RawServer, raw_server
from seedream_magic import InvalidRequest, Seedream
from seedream_magic.api.plan import Lineage, Plan
from served import client
from service import PICTURE, POST, picture, whole_answer

RUN = "20261129T120000Z-abcdefghij"


@pytest.fixture
def server() -> Iterator[RawServer]:
    with raw_server({POST: whole_answer, PICTURE: picture}) as running:
        yield running


def of_request(**values: Any) -> Callable[[Plan], Plan]:
    return lambda plan: replace(plan, request=replace(plan.request, **values))


def of_plan(**values: Any) -> Callable[[Plan], Plan]:
    return lambda plan: replace(plan, **values)


CHANGES: dict[str, Callable[[Plan], Any]] = {
    "no plan": lambda _: "a fox",
    "no request": of_plan(request=None),
    "prompt of a number": of_request(prompt=5),
    "half a character": of_request(prompt="\ud800"),
    "size of nothing": of_request(size=None),
    "too many": of_request(sequential_image_generation="auto", max_images=9999),
    "a number in words": of_request(sequential_image_generation="auto", max_images="4"),
    "too many in extra": of_request(
        extra={"sequential_image_generation": "auto", "sequential_image_generation_options": {"max_images": 99}}
    ),
    "extra that is no JSON": of_request(extra={"a": float("nan")}),
    "extra of an object": of_request(extra={"a": object()}),
    "extra with a picture": of_request(extra={"image": "x"}),
    "options in words": of_request(options="x"),
    "an option that there is not": of_request(options={"n": 4}),
    "references in words": of_request(references=("x",)),
    "model of a number": of_request(model=5),
    "stream in words": of_request(stream="yes"),
    "timeout in words": of_plan(timeout="x"),
    "timeout that is none": of_plan(timeout=float("nan")),
    "take before the first": of_plan(take=-5, draws_take=True),
    "warnings of a number": of_plan(warnings=5),
    "stored elsewhere": of_plan(stored="../outside", already="x"),
    "store in words": of_plan(stored=RUN, stored_in="."),
    "headers in a dict": of_plan(headers={"a": "b"}),
    "lineage in words": of_plan(lineage="x"),
    "lineage of another folder": of_plan(lineage=Lineage("redo", "../outside", (0,))),
    "a place that no set has": of_plan(lineage=Lineage("redo", RUN, (99_999_999,))),
    "a place before the first": of_plan(lineage=Lineage("redo", RUN, (-1,))),
    "lineage of another kind": of_plan(lineage=Lineage("evil", RUN, (0,))),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_plan_that_was_changed_is_not_sent(name: str, server: RawServer, store: Path) -> None:
    """Nor does it leave a run: the reason is one sentence, from `run`, `start` and `map` alike."""
    seedream = client(server, store)
    plan = CHANGES[name](pickle.loads(pickle.dumps(seedream.plan(f"changed: {name}"))))
    with pytest.raises(InvalidRequest):
        seedream.run(plan)
    if isinstance(plan, Plan):
        with pytest.raises(InvalidRequest):
            list(seedream.map([plan]))
    assert server.posts == 0
    assert not list(store.glob("2*"))


def test_a_plan_as_it_was_made_is_sent(seedream: Seedream) -> None:
    """Also from another process, with everything that a plan can have."""
    plan = seedream.plan("pickled", images=2, timeout=30, extra={"seed": 7}, size="2K", model="doubao-seedream-4-5")
    assert seedream.run(pickle.loads(pickle.dumps(plan))).state == "done"
