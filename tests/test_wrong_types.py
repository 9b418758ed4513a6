"""What is no prompt, table, folder or key is told in one sentence, whatever its own code does."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seedream_magic import ConfigError, InvalidRequest, Seedream


class Silent:
    """An object that cannot be printed."""

    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


class Frame:
    """A data frame with two columns of one name, as far as rows are read from it."""

    columns = ("x", "x")

    def to_dict(self, _: str) -> list[dict[str, int]]:
        return [{"x": 2}]


class Polars:
    def to_dicts(self) -> list[dict[str, int]]:
        raise RuntimeError("no rows")


def failing() -> Iterator[str]:
    yield "a"
    raise ZeroDivisionError("by zero")


CALLS: dict[str, Callable[[Any], object]] = {
    "a name of vary": lambda seedream: seedream.sweep("a {x}", vary={1: ["a"]}),
    "vary in a list": lambda seedream: seedream.sweep("a {x}", vary=["a"]),
    "a name of xy": lambda seedream: seedream.sweep("a", xy={1: ["a"]}),
    "xy in a list": lambda seedream: seedream.sweep("a", xy=["size"]),
    "a value of xy": lambda seedream: seedream.sweep("a", xy={"size": [Silent()]}),
    "no prompt": lambda seedream: seedream.sweep(None, vary={"x": [1]}),
    "a prompt of bytes": lambda seedream: seedream.sweep(b"a {x}", vary={"x": [1]}),
    "a seed": lambda seedream: seedream.sweep("a {each}", each=["a", "b"], sample=1, seed=[1]),
    "a size": lambda seedream: seedream.plan("a", size=Silent()),
    "a number": lambda seedream: seedream.plan("a", images=Silent()),
    "a limit": lambda seedream: seedream.plan("a", timeout=Silent()),
    "a switch": lambda seedream: seedream.plan("a", watermark=Silent()),
    "a user that there is not": lambda seedream: seedream.sweep("a {x}", each="~nosuchuser/x.csv"),
    "a device": lambda seedream: seedream.sweep("a {x}", each=os.devnull),
    "rows that fail": lambda seedream: seedream.sweep("a {each}", each=failing()),
    "rows of a library that fail": lambda seedream: seedream.sweep("a {x}", each=Polars()),
    "two columns of one name": lambda seedream: seedream.sweep("a {x}", each=Frame()),
    "rows without end": lambda seedream: seedream.sweep("a {each}", each=itertools.count()),
    "values without end": lambda seedream: seedream.sweep("a {x}", vary={"x": itertools.count()}),
    "an option without end": lambda seedream: seedream.sweep("a", xy={"size": itertools.repeat("1K")}),
    "an executor": lambda seedream: seedream.map(["a"], executor=5),
    "a plan": lambda seedream: seedream.run("x"),
}


@pytest.mark.parametrize("name", CALLS)
def test_what_a_call_does_not_take(name: str, store: Path) -> None:
    """It is refused at once, in words."""
    with pytest.raises(InvalidRequest) as caught:
        CALLS[name](Seedream("demo", store=store))
    assert 5 < len(str(caught.value)) < 300


SETTINGS: dict[str, dict[str, Any]] = {
    "provider": {"provider": 5},
    "providers": {"provider": ["demo"]},
    "key": {"api_key": 5},
    "key in bytes": {"api_key": b"sk-abc"},
    "address": {"base_url": 5},
    "model": {"model": 5},
    "store": {"store": 5},
    "store in bytes": {"store": b"folder"},
    "NUL": {"store": "a\0b"},
    "half a character": {"store": "a\ud800b"},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_what_no_setting_is(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Seedream(**SETTINGS[name])
    assert 5 < len(str(caught.value)) < 300
    assert "sk-abc" not in str(caught.value)


@pytest.mark.skipif(os.name == "nt", reason="there are no such pipes")
def test_a_pipe_is_not_waited_for(store: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "rows.csv")
    with pytest.raises(InvalidRequest, match="not a regular file"):
        Seedream("demo", store=store).sweep("a {x}", each=tmp_path / "rows.csv")
