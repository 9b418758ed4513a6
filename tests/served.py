"""A service with the promises that hold for every run whatever happens: one POST, a whole store, no key in it."""

from __future__ import annotations

import contextlib
import json
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from raw_server import RawServer, Scenario, raw_server
from seedream_magic import Seedream

KEY = "sk-CANARY-3f9c2b71"


@contextlib.contextmanager
def served(scenario: Scenario, store: Path, *, posts: int = 1, port: int = 0) -> Iterator[RawServer]:
    """Serves the scenario; afterwards every connection is closed, `posts` POSTs came, and the store is whole."""
    with raw_server(scenario, port) as server:
        yield server
        server.wait_for(lambda seen: seen.open_connections == 0)
        assert server.posts == posts
    check_store(store)


def check_store(store: Path) -> None:
    """No half file, no key, JSON that parses, and modes that keep prompts and links to their owner."""
    for path in store.rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        if path.is_dir():
            assert mode == 0o700, path
            continue
        assert not path.name.endswith(".part"), path
        assert KEY.encode() not in path.read_bytes(), path
        if path.suffix == ".json":
            assert isinstance(json.loads(path.read_text()), dict), path
        if path.suffix == ".jsonl":
            assert all(isinstance(json.loads(line), dict) for line in path.read_text().splitlines()), path
        if path.suffix in {".json", ".jsonl", ".raw"}:
            assert mode == 0o600, path


def client(server: RawServer, store: Path, **settings: Any) -> Seedream:
    """The Python client to that service."""
    return Seedream("anyfast", api_key=KEY, base_url=f"{server.url}/v1", store=store, **settings)


def in_nest_mode(code: str, server: RawServer, store: Path) -> None:
    """Runs a program with a `seedream` whose `event_loop` is "nest". It has to print "well" at its end, and no more.

    It has a process of its own: what nest-asyncio does to asyncio it does to every test that comes after.
    """
    program = "\n".join(
        (
            "import asyncio, itertools, threading",
            "from seedream_magic import InvalidRequest, Seedream",
            f"address, folder = {f'{server.url}/v1'!r}, {str(store)!r}",
            f"seedream = Seedream('anyfast', api_key={KEY!r}, base_url=address, store=folder, event_loop='nest')",
            textwrap.dedent(code),
            "print('well')",
        )
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("well\n", "", 0)


def record(store: Path) -> dict[str, Any]:
    """The `request.json` of the store's only run."""
    (path,) = store.glob("*/request.json")
    facts: dict[str, Any] = json.loads(path.read_text())
    return facts


def received(store: Path) -> list[dict[str, Any]]:
    """The lines of the only run's `response.jsonl`."""
    (path,) = store.glob("*/response.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]
