"""A store made hostile in many ways, opened by every command in a process with bounded memory and time.

Each statement ends clean or with an error of this package; nothing outside the store is read, written or asked for.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import hostile
from raw_server import raw_server
from served import KEY
from service import jpeg

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo") or sys.platform != "linux", reason="pipes, and its limits")
STATEMENTS = {
    "show": "%seedream show {id}",
    "export": "%seedream export {id} {folder}/{number}.zip",
    "purge": "%seedream purge {id}",
    "compare": "%seedream compare run:{id}[0] run:{good}[0]",
    "star": "client.show('{id}')[0].star()",
    "pick": "client.show('{id}').takes(0); client.show('{id}').pick(0, take=1)",
}
EACH = {"purge": 3, "pick": 3, "show": 2}
"""Of the hostile runs each so-manieth: all take long."""
OF_THE_STORE = (
    "%seedream history",
    "%seedream history --here hostile",
    "%seedream history --starred",
    "%seedream gallery",
    "%seedream library --scan ../store",
    "%seedream doctor",
    "%seedream recover",
    "%seedream show latest",
)


def told(folder: Path, command: str) -> list[dict[str, Any]]:
    """What came of the command on each hostile run, or of those on the store."""
    store, outside, work = folder / "store", folder / "outside", folder / "work"
    work.mkdir()
    with raw_server({}) as elsewhere, raw_server({}) as proxy:
        made = hostile.write_hostile_store(store, outside, f"{elsewhere.url}/canary.jpg", jpeg)
        before = {path: path.lstat().st_mtime_ns for path in (outside, *outside.rglob("*"))}
        pairs = [(text, text) for text in OF_THE_STORE]
        if command in STATEMENTS:
            values = {"good": made["nothing wrong"], "folder": work}
            texts = [(name, text) for name in list(made)[:: EACH.get(command, 1)] for text in [STATEMENTS[command]]]
            pairs = [
                (name, text.format(id=made[name], number=number, **values)) for number, (name, text) in enumerate(texts)
            ]
        environment = {
            **os.environ,
            "SEEDREAM_STORE": str(store),
            "SEEDREAM_API_KEY": KEY,
            "SEEDREAM_BASE_URL": "https://api.example/v1",
            "HTTPS_PROXY": proxy.url,
            "HTTP_PROXY": proxy.url,
            "PYTHONPATH": os.pathsep.join((os.environ["PYTHONPATH"], str(Path(__file__).parent))),
        }
        done = subprocess.run(
            [sys.executable, hostile.__file__, str(store), str(outside)],
            input=json.dumps(pairs),
            text=True,
            capture_output=True,
            cwd=work,
            env=environment,
            timeout=55,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        assert {path: path.lstat().st_mtime_ns for path in (outside, *outside.rglob("*"))} == before
        assert (len(elsewhere.requests), proxy.requests) == (0, [])
    found: list[dict[str, Any]] = json.loads(done.stdout)
    assert len(found) == len(pairs)
    return found


@pytest.mark.parametrize("command", [*STATEMENTS, "the store"])
def test_a_hostile_store_is_opened(command: str, tmp_path: Path) -> None:
    """No untyped error, nothing that steers a terminal, nothing read outside, outputs of a bounded size."""
    found = told(tmp_path, command)
    assert [one for one in found if one["untyped"] or one["read"] or one["steers"] or one["size"] > 3_000_000] == []
    assert (found[0]["error"] == "") or command == "purge"  # it stays while a later set holds its pictures
