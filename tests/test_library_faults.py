"""Whatever becomes of the library, pictures are drawn, kept and shown as without it: all of it is elsewhere, too."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from fault import shades
from raw_server import Behaviour, RawServer, Request
from seedream_magic import Seedream, database
from seedream_magic import library as library_module
from seedream_magic.images.index import HistoryEntry, entry_of
from seedream_magic.images.run_folder import RunFolder
from served import client
from service import PICTURE, POST, jpeg, picture, whole_answer
from test_index import begun

Damage = Callable[[Path], object]


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The library of this test, in a folder of its own."""
    path = tmp_path / "user" / "library.sqlite3"
    monkeypatch.setenv("SEEDREAM_LIBRARY", str(path))
    return path


def another_kind(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 999")


def another_programs(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE notes (text)")
        connection.execute("INSERT INTO notes VALUES ('mine')")
        connection.commit()


def without_a_table(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE runs")


def with_foreign_rows(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE runs SET line = '[[1], null, {}]'")
        connection.commit()


def overwritten(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[100:4000] = b"\xa5" * 3900
    path.write_bytes(data)


def a_file_for_its_folder(path: Path) -> None:
    shutil.rmtree(path.parent)
    path.parent.write_text("x")


DAMAGES: dict[str, Damage] = {
    "missing": lambda path: path.unlink(),
    "its folder missing": lambda path: shutil.rmtree(path.parent),
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: os.truncate(path, path.stat().st_size // 2),
    "overwritten": overwritten,
    "a text": lambda path: path.write_text("no database at all\n" * 999),
    "a folder": another_kind,
    "a pipe": pipe,
    "a link": link,
    "of a newer version": newer,
    "another program's": another_programs,
    "without a table": without_a_table,
    "with rows of another shape": with_foreign_rows,
    "its folder is a file": a_file_for_its_folder,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_library_that_is_damaged_costs_nothing(
    damage: Damage, library: Path, seedream: Seedream, server: RawServer
) -> None:
    """What was drawn is shown, what was not is drawn and kept, both are in the history, and nothing is raised."""
    assert seedream.generate("red fox", images=2).complete
    damage(library)
    library_module._seen.clear()  # another process
    library_module._read_before.clear()
    works(seedream, server)


def works(seedream: Seedream, server: RawServer) -> None:
    """The fox is in the store; the owl is drawn, and shown again."""
    posts = server.posts
    assert (shades(seedream.generate("red fox", images=2)), server.posts) == ([0, 1], posts)
    drawn = seedream.generate("grey owl")
    again = seedream.generate("grey owl")
    assert (again.run_id, again.replayed, server.posts) == (drawn.run_id, True, posts + 1)
    assert [entry.prompt for entry in seedream.history()] == ["grey owl", "red fox"]
    assert [entry.prompt for entry in seedream.history("red fox")] == ["red fox"]
    assert seedream.recover() == []


@pytest.mark.parametrize("name", ["of a newer version", "another program's", "a link", "a pipe", "a folder"])
def test_what_is_not_its_own_is_left_alone(name: str, library: Path, seedream: Seedream, server: RawServer) -> None:
    """Not a byte of it is changed, and doctor says once why the library is not used."""
    seedream.generate("red fox", images=2)
    DAMAGES[name](library)
    before = library.read_bytes() if library.is_file() else b""
    works(seedream, server)
    assert (library.read_bytes() if library.is_file() else b"") == before
    assert database.problem()


@pytest.mark.parametrize("name", ["missing", "empty", "cut", "overwritten", "without a table", "its folder missing"])
def test_a_library_is_made_anew_from_the_stores(
    name: str, library: Path, seedream: Seedream, server: RawServer, tmp_path: Path
) -> None:
    """`library --scan` brings all of it back; then a notebook elsewhere is shown what it had."""
    seedream.generate("red fox", images=2)
    DAMAGES[name](library)
    library_module._seen.clear()
    library_module._read_before.clear()
    assert library_module.scan([tmp_path]) == {seedream.store: 1}
    elsewhere = client(server, tmp_path / "elsewhere")
    assert (elsewhere.generate("red fox", images=2).folder.parent, server.posts) == (seedream.store, 1)
    assert database.problem() == ""


def test_a_library_that_goes_in_the_middle_of_a_run_costs_nothing(
    library: Path, seedream: Seedream, server: RawServer
) -> None:
    """Deleted with its folder while the answer comes, and while the picture comes."""

    def drop(request: Request, answer: Callable[[Request], Behaviour]) -> Behaviour:
        shutil.rmtree(library.parent, ignore_errors=True)
        return answer(request)

    server._scenario = {
        POST: lambda request: drop(request, whole_answer),
        PICTURE: lambda request: drop(request, picture),
    }
    assert seedream.generate("red fox", images=2).complete
    works(seedream, server)


def test_a_library_that_is_locked_costs_no_picture(
    library: Path, seedream: Seedream, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program keeps it locked, longer than anybody waits; that is waited out once."""
    seedream.generate("red fox", images=2)
    monkeypatch.setattr(database, "PATIENCE", 0.2)
    monkeypatch.setattr(database, "IMPATIENCE", 0.0)
    real, waits = sqlite3.connect, list[float]()

    def connect(path: Path, *, timeout: float, isolation_level: None) -> sqlite3.Connection:
        waits.append(timeout)
        return real(path, timeout=timeout, isolation_level=isolation_level)

    with closing(sqlite3.connect(library, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        monkeypatch.setattr(sqlite3, "connect", connect)
        works(seedream, server)
        assert (waits.count(0.2), set(waits)) == (1, {0.2, 0.0})
        assert "locked" in database.problem()
        connection.execute("COMMIT")
    assert [entry.prompt for entry in seedream.history()] == ["grey owl", "red fox"]
    assert database.problem() == ""


@pytest.mark.parametrize("look", ["a lookup", "history"])
def test_what_was_read_earlier_replaces_nothing_newer(
    look: str, library: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run comes to its end, and another begins, while a second process reads the store: both stay as they are."""
    run = begun(store)
    real, later = entry_of, list[RunFolder]()

    def read_slowly(folder: Path) -> HistoryEntry:
        entry = real(folder)
        monkeypatch.setattr(library_module, "entry_of", real)
        run.update(state="failed")
        later.append(begun(store))
        for each in (run, later[0]):
            library_module.note(each.folder)
        return entry

    monkeypatch.setattr(library_module, "entry_of", read_slowly)
    _ = library_module.runs_of(["0" * 64], store) if look == "a lookup" else library_module.history(store)
    with closing(sqlite3.connect(library)) as connection:
        lines = dict(connection.execute("SELECT run_id, line FROM runs").fetchall())
    assert lines.keys() == {run.run_id, later[0].run_id}
    assert ('"failed"' in lines[run.run_id], '"sending"' in lines[later[0].run_id]) == (True, True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte for the library; only root can have one."""
    folder = tmp_path / "user"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no small disk can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("when", ["before it is made", "when it has runs"])
@pytest.mark.parametrize("state", ["full", "read-only"])
def test_a_library_on_a_disk_that_takes_nothing_costs_nothing(
    state: str, when: str, *, disk: Path, library: Path, seedream: Seedream, server: RawServer
) -> None:
    """A full one, a read-only one: what is in it is still used, what is new is found in its own store."""
    if when == "when it has runs":
        seedream.generate("red fox", images=2)
    if state == "full":
        with (disk / "ballast").open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))
    else:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    if when != "when it has runs":
        seedream.generate("red fox", images=2)
    works(seedream, server)
    if when == "when it has runs":
        assert client(server, library.parent.with_name("elsewhere")).plan("red fox", images=2).stored
    assert database.problem() or state == "full"


MANY = r"""
import base64, sys, httpx
from pathlib import Path
from seedream_magic import Seedream
picture = base64.b64encode(Path(sys.argv[4]).read_bytes()).decode()
answer = httpx.MockTransport(lambda request: httpx.Response(200, json={"data": [{"b64_json": picture}]}))
seedream = Seedream("anyfast", api_key="sk-x-123456", store=sys.argv[1], transport=answer)
for number in range(int(sys.argv[2])):
    images = seedream.generate(f"{sys.argv[3]} {number}")
    assert images.complete and not images.replayed
"""


def drawn_by_many(folder: Path, processes: int, runs: int) -> tuple[int, int, str]:
    """How many runs the library and the stores have after so many processes drew into two stores, and its integrity."""
    (folder / "picture.jpg").write_bytes(jpeg(1))
    environment = {**os.environ, "SEEDREAM_LIBRARY": str(folder / "user" / "library.sqlite3")}
    started = []
    for number in range(processes):
        store = folder / f"book {number % 2}" / "seedream-runs"
        command = [sys.executable, "-c", MANY, str(store), str(runs), str(number), str(folder / "picture.jpg")]
        started.append(subprocess.Popen(command, env=environment))
    assert [process.wait(600) for process in started] == [0] * processes
    with closing(sqlite3.connect(environment["SEEDREAM_LIBRARY"])) as connection:
        (told,) = connection.execute("SELECT count(DISTINCT run_id) FROM runs WHERE instr(line, 'done')").fetchone()
        (integrity,) = connection.execute("PRAGMA integrity_check").fetchone()
    return told, len(list(folder.glob("book */seedream-runs/2*/01.jpg"))), integrity


def test_many_processes_write_into_one_library(tmp_path: Path) -> None:
    """4 x 12 runs over two stores: none refused, none lost; `make faults` has 8 x 300."""
    assert drawn_by_many(tmp_path, 4, 12) == (48, 48, "ok")
