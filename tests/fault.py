"""Tables of faults, and the promises that hold for each of them; the faults are numbered F01-F108."""

from __future__ import annotations

import contextlib
import resource
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark.structures import ParameterSet

from raw_server import RawServer, Scenario
from seedream_magic import ImageSet, SeedreamError
from seedream_magic.api import client as client_module
from seedream_magic.api.answer import Patience
from served import KEY, client, served
from service import jpeg

FAULTS = tuple(f"F{number:02d}" for number in range(1, 109))


def fault(number: str, name: str, *values: Any) -> ParameterSet:
    """A row of a table of faults: marked and named by its number, so that `-k F12` runs it."""
    return pytest.param(*values, id=f"{number} {name}", marks=pytest.mark.fault(number))


def outcome(scenario: Scenario, store: Path, *, posts: int = 1, **options: Any) -> ImageSet | SeedreamError:
    """What a call comes to, with all that holds whatever the fault: see `served`, `check_error`, `no_thread_left`."""
    with served(scenario, store, posts=posts) as server:
        return called(server, store, **options)


def called(server: RawServer, store: Path, **options: Any) -> ImageSet | SeedreamError:
    """The set, or its error; anything that is no error of ours comes through and fails the test."""
    try:
        return client(server, store).generate("四季 four seasons", **options)
    except SeedreamError as error:
        check_error(error)
        return error
    finally:
        no_thread_left()


def check_error(error: SeedreamError) -> None:
    """At most five lines, one of them about money; neither the key nor a link's signature in any of them."""
    lines = error.lines()
    text = "\n".join(lines)
    assert 1 <= len(lines) <= 5
    assert error.billed in {"no", "yes", "unknown"}
    assert all(len(line) < 1200 for line in lines)
    assert KEY not in text
    assert KEY[-4:] not in text.replace(error.request_id or KEY, "")  # of many random ids one holds these four
    assert "X-Tos-Signature" not in text


def no_thread_left() -> None:
    """The thread of a run ends with it."""
    for thread in threading.enumerate():
        if thread.name == "seedream-run":
            thread.join(2)
            assert not thread.is_alive()


def drawn(result: ImageSet | SeedreamError) -> ImageSet:
    """The set; a call that failed fails the test with its error."""
    if isinstance(result, SeedreamError):
        raise result
    return result


def failed(result: ImageSet | SeedreamError) -> SeedreamError:
    """The error of a call that brought no picture."""
    assert isinstance(result, SeedreamError)
    return result


def shades(images: Sequence[Any]) -> list[int | None]:
    """Which picture is in which place, read from the disk; None where there is none."""
    known = {jpeg(shade): shade for shade in range(15)}
    return [known[frame.path.read_bytes()] if frame.path else None for frame in images]


def be_patient_for(monkeypatch: pytest.MonkeyPatch, **seconds: float) -> None:
    """The limits of an answer, in seconds; those not named stay as they are."""
    monkeypatch.setattr(client_module, "patience_for", lambda plan, body: Patience(**seconds))


@contextlib.contextmanager
def listening(greet: Callable[[socket.socket], None]) -> Iterator[tuple[int, list[int]]]:
    """A port that treats each connection so, and how many came, one entry for each."""
    came: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with contextlib.suppress(OSError):  # closed
                while True:
                    connection, _ = listener.accept()
                    came.append(1)
                    with connection, contextlib.suppress(OSError):
                        greet(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1], came
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def peak() -> float:
    """The most memory that this process has had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
