"""A store made hostile in many ways, opened by every command in a process with bounded memory and time.

Each statement ends clean or with an error of this package; nothing outside the store is read, written or asked for.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import hostile
from raw_server import raw_server
from seedream_magic.images.json_files import record_bytes
from served import KEY
from service import jpeg

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "mkfifo") or sys.platform != "linux", reason="pipes, and its limits"),
    pytest.mark.timeout(300),  # of the whole table, which the first test waits for
    pytest.mark.xdist_group("test_hostile_stores"),  # the table is made once
]
SECONDS = 280
"""It takes a tenth of that on two idle cores."""
OF_A_RUN = {
    "show": "%seedream show {id}",
    "export": "%seedream export {id} {number}.zip",
    "export page": "%seedream export {id} {number}.html",
    "compare": "%seedream compare run:{id}[0] run:{good}[0]",
    "light table": "display(light_table(client.show('{id}')[0], client.show('{good}')[0]))",
    "panel": "display(Panel(client.show('{id}')))",
    "put together": "display(client.show('{id}').without(0) + client.show('{good}'))",
    "dataset": "export_dataset(client.show('{id}'), 'set-{number}')",
    "replay": "client.run(client.plan({prompt!r}, size='2048x2048'))",
    "takes": "client.show('{id}').takes(0)",
    "star": "client.show('{id}')[0].star()",
    "tag": "client.show('{id}')[0].tag('cover', note='x')",
    "pick": "client.show('{id}').pick(0, take=1)",
    "redo": "client.show('{id}').redo(0)",
    "extend": "client.show('{id}').extend(1)",
    "vary": "client.show('{id}')[0].vary('in red')",
    "retry": "%seedream retry {id}",
    "recover": "%seedream recover {id}",
    "purge": "%seedream purge {id} --even-starred",
}
"""In this order: what changes nothing, what marks, what sends, what deletes."""
EACH = 3
"""Of the hostile runs each third, for each command other ones: thirty."""
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


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """What came of each command on each hostile run, and of those on the store: in two processes at once."""
    folder, commands = tmp_path_factory.mktemp("hostile"), list(OF_A_RUN)
    half = commands.index("redo")
    with ThreadPoolExecutor(2) as both:
        made = list(both.map(opened_by, (folder / "1", folder / "2"), (commands[:half], commands[half:])))
    return {**made[1], **made[0]}


def opened_by(folder: Path, commands: list[str]) -> dict[str, list[dict[str, Any]]]:
    """What came of these commands in a process with a hostile store of its own."""
    store, outside, work = folder / "store", folder / "outside", folder / "work"
    work.mkdir(parents=True)
    with raw_server({}) as elsewhere, raw_server({}) as proxy:
        made = hostile.write_hostile_store(store, outside, f"{elsewhere.url}/canary.jpg", jpeg)
        before = {path: path.lstat().st_mtime_ns for path in (outside, *outside.rglob("*"))}
        pairs = [("the store", text, text) for text in OF_THE_STORE]
        if "redo" in commands:  # with references of somebody else's nothing more is sent
            pairs = [("the store", "references", f"import os; os.unlink({str(store / 'references')!r})")]
        pairs += [
            (command, name, OF_A_RUN[command].format(id=made[name], number=number, prompt=f"hostile {name}", good=good))
            for good in [made["nothing wrong"]]
            for command in commands
            for number, name in enumerate(list(made)[list(OF_A_RUN).index(command) % EACH :: EACH])
        ]
        environment = {
            **os.environ,
            "SEEDREAM_STORE": str(store),
            "SEEDREAM_LIBRARY": str(folder / "library.sqlite3"),
            "SEEDREAM_API_KEY": KEY,
            "SEEDREAM_BASE_URL": "https://api.example/v1",
            "HTTPS_PROXY": proxy.url,
            "HTTP_PROXY": proxy.url,
            "PYTHONPATH": os.pathsep.join((os.environ["PYTHONPATH"], str(Path(__file__).parent))),
        }
        done = subprocess.run(
            [sys.executable, hostile.__file__, str(store), str(outside)],
            input=json.dumps([pair[1:] for pair in pairs]),
            text=True,
            capture_output=True,
            cwd=work,
            env=environment,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        assert {path: path.lstat().st_mtime_ns for path in (outside, *outside.rglob("*"))} == before
        assert (len(elsewhere.requests), proxy.requests) == (0, [])
    came = defaultdict[str, list[dict[str, Any]]](list)
    for (command, _, _), one in zip(pairs, json.loads(done.stdout), strict=True):
        came[command].append(one)
    return came


@pytest.mark.parametrize("command", ["the store", *OF_A_RUN])
def test_a_hostile_store_is_opened(command: str, told: dict[str, list[dict[str, Any]]]) -> None:
    """No untyped error, nothing that steers a terminal, nothing read or asked for outside, outputs of bounded size."""
    found = told[command]
    assert [one for one in found if one["untyped"] or one["read"] or one["steers"] or one["size"] > 3_000_000] == []
    assert len([one for one in found if not one["error"] or "(HTTP 400)" in one["error"]]) > 1


def test_a_link_that_takes_the_place_of_a_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever shares the folder swaps it between a look at the file and its opening."""
    record, outside = tmp_path / "request.json", tmp_path / "outside.json"
    outside.write_text('{"secret": 1}')

    def swapping(function: Callable[..., Any]) -> Callable[..., Any]:
        def swap_after(*arguments: Any, **named: Any) -> Any:
            result = function(*arguments, **named)
            record.unlink()
            record.symlink_to(outside)
            return result

        return swap_after

    for name in ("lstat", "stat", "open"):
        record.unlink(missing_ok=True)
        record.write_text('{"own": 1}')
        with monkeypatch.context() as patch:
            patch.setattr(os, name, swapping(getattr(os, name)))
            read = record_bytes(record)
        assert read in (b"", b'{"own": 1}')
