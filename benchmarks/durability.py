"""What syncing and checking cost: a run of four pictures, and the same with neither."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from unittest import mock

from pictures import KEY, Service, served
from seedream_magic import Seedream
from seedream_magic.formats import outline
from seedream_magic.images import download
from seedream_magic.images.verify import PictureFacts
from table import Row, in_turn, seconds

_numbers = itertools.count()


def _draw(service: Service) -> None:
    client = Seedream("anyfast", api_key=KEY, base_url=service.url, store=Path("runs"))
    assert len(client.generate(f"four, number {next(_numbers)}", images=4, stream=False).ok) == 4


def _believe(data: bytes) -> PictureFacts:
    """What a picture says of itself."""
    found = outline(data)
    assert found is not None
    return PictureFacts(found.media_type, found.ending, found.width, found.height)


def _draw_carelessly(service: Service) -> None:
    with mock.patch.object(os, "fsync", return_value=None), mock.patch.object(download, "verify_picture", _believe):
        _draw(service)


def rows() -> Iterator[Row]:
    """A link answers after half a second, as it does at best; the pictures of a real run take many seconds."""
    with served(side=2048, delay=0.5) as service:
        ways = {"ours": _draw, "floor": _draw_carelessly}
        figures = in_turn({way: partial(seconds, partial(draw, service)) for way, draw in ways.items()})
    share = figures.ratio("ours", "floor") - 1
    goal = f"at most 5 % of a run; it is {100 * share:.0f} %"
    limit = "In a profile 21 syncs take 16 ms in all and four checks 10, two at a time; a busy disk makes that more"
    yield Row("checks and syncs in a run of four", "s", figures.of, goal, share <= 0.05, limit)
