"""`%load_ext`, and the first `%%seedream` after it, in processor time, which a busy machine does not change."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from pictures import KEY, served
from table import Row, in_process, in_turn

_SHELL = """
import json, sys, time
from IPython.terminal.interactiveshell import TerminalInteractiveShell
shell = TerminalInteractiveShell.instance()
before = set(sys.modules)  # IPython itself loads sqlite3
began = time.process_time()
exec(sys.argv[1])
took = (time.process_time() - began) * 1000
names = ("httpx", "PIL", "ipywidgets", "tornado", "sqlite3")
print(json.dumps([took, [name for name in names if name in sys.modules.keys() - before]]))
"""
_FIRST_CELL = """
import json, sys, time
from IPython.core.interactiveshell import InteractiveShell
import asyncio
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "seedream_magic")
left = []
def send(event, arguments):
    if event == "socket.connect" and not left:
        left.append(time.process_time())
sys.addaudithook(send)
began = time.process_time()
shell.run_cell("%%seedream --quiet --no-stream\\na first cell " + sys.argv[1])
print(json.dumps([(left[0] - began) * 1000]))
"""
_IMPORT = """
import json, time, asyncio
began = time.process_time()
import httpx
httpx.AsyncClient(verify=False)  # no certificate is read for this machine, as by ours
print(json.dumps([(time.process_time() - began) * 1000]))
"""


def _load(code: str) -> float:
    took, loaded = in_process(_SHELL, code)
    assert "seedream" not in code or not loaded
    return float(took)


def rows() -> Iterator[Row]:
    """The time that is added: bare IPython has started before."""
    ways = {"ours": "shell.run_line_magic('load_ext', 'seedream_magic')", "floor": "pass", "peer": "import openai"}
    figures = in_turn({way: partial(_load, code) for way, code in ways.items()}, turns=9)
    added = figures.more("ours", "floor")
    goal = f"at most 30 ms added, none of httpx, PIL, ipywidgets, tornado, sqlite3 loaded; it is {added:.0f} ms"
    limit = "In a profile half are the patterns of regular expressions, the rest 29 modules that are read and run"
    yield Row("%load_ext", "ms", figures.of, goal, added <= 30, limit)
    with served(side=256) as service:
        environment = {**os.environ, "SEEDREAM_BASE_URL": service.url, "SEEDREAM_API_KEY": KEY}
        environment["SEEDREAM_STORE"] = str(Path("first").absolute())
        numbers = iter(range(100))
        ways_of_cell = {
            "ours": lambda: float(in_process(_FIRST_CELL, str(next(numbers)), environment=environment)[0]),
            "floor": lambda: float(in_process(_IMPORT)[0]),
        }
        first = in_turn(ways_of_cell)
    added = first.more("ours", "floor")
    goal = f"at most 50 ms more than importing httpx and making a client; it is {added:.0f} ms more"
    limit = (
        "By `python -X importtime`, which adds a third itself, 75 ms are 104 modules of this package, half of that "
        "their dataclasses, 22 anyio, which httpx loads when it connects and the floor does not, and 14 filelock; plan "
        "and record take 17. What reads an answer is loaded before a request leaves: what failed to load after that "
        "would cost a paid picture"
    )
    name = "first %%seedream after load, until its request leaves"
    yield Row(name, "ms", first.of, goal, added <= 50, limit)
