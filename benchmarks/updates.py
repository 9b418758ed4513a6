"""What goes to the front end while a set of fifteen grows, beside what its last output has; previews encoded."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from pictures import KEY, served
from seedream_magic import Seedream
from seedream_magic.notebook.display import Output
from seedream_magic.view import pictures as view
from table import TURNS, Row

IMAGES = 15
_numbers = itertools.count()


def _size(output: Any) -> int:
    data = vars(output).get("_kwargs", vars(output))["data"]
    return sum(len(text.encode()) for text in data.values())


def _sent(url: str) -> tuple[int, int, int]:
    """Bytes of all displays and updates, those of the last one, and previews encoded."""
    InteractiveShell.instance()
    encoded = 0
    real = view.encode_within

    def counted(*arguments: Any) -> Any:
        nonlocal encoded
        encoded += 1
        return real(*arguments)

    view.encode_within = counted  # type: ignore[assignment]
    try:
        client = Seedream("anyfast", api_key=KEY, base_url=url, store=Path("runs"))
        plan = client.plan(f"a growing set, number {next(_numbers)}", images=IMAGES)
        output = Output()
        with capture_output() as captured:
            client.run(plan, on_change=output.show)
    finally:
        view.encode_within = real
    sizes = [_size(each) for each in captured.outputs]
    return sum(sizes), sizes[-1], encoded


def rows() -> Iterator[Row]:
    """Pictures a fifth of a second apart, each shown as it comes."""
    with served(side=1024, gap=0.2) as service:
        found = [_sent(service.url) for _ in range(TURNS)]
    figures = {"ours, all updates": [all_of / 1000 for all_of, _, _ in found]}
    figures["the last output"] = [last / 1000 for _, last, _ in found]
    ratio = statistics.median(all_of / last for all_of, last, _ in found)
    encoded = statistics.median(count for _, _, count in found)
    goal = f"at most 3x the bytes of the last output; it is {ratio:.1f}x, with {encoded:.0f} previews encoded"
    limit = "Each of 16 updates brings 48 kB of style and script, so that it is complete wherever it is saved meanwhile"
    yield Row(f"live updates of a set of {IMAGES}", "kB", figures, goal, ratio <= 3, limit)
