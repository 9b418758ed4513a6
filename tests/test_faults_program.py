"""The program as a whole, F107-F108: what leaves it is an error of ours, and it does not flood the notebook."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fault import be_patient_for, check_error, no_thread_left
from kernel import running_kernel
from raw_server import EVENT_STREAM, Behaviour, RawServer, Reply, Request, raw_server, sse
from seedream_magic import ImageSet, SeedreamError
from seedream_magic.images import download as download_module
from served import KEY, client, served
from service import PICTURE, POST, completed, picture, succeeded, whole_answer
from test_faults_pictures import LOST
from test_faults_post import NO_HEAD, ODD_ANSWERS, STREAMS

Scripted = Behaviour | Callable[[Request], Behaviour]


def reply(body: Callable[[Request], bytes], status: int = 200) -> Callable[[Request], Behaviour]:
    return lambda request: Reply(status, {}, body(request))


def rows() -> list[Any]:
    """Every answer and every picture of the other tables, each by its number and name."""
    silent = [(row.id, row.values[0], picture, 0.4) for row in NO_HEAD]
    answers = [(row.id, reply(row.values[0], row.values[1]), picture, 30) for row in ODD_ANSWERS]
    answers += [(row.id, reply(row.values[1]), picture, 30) for row in STREAMS]
    pictures = [(row.id, whole_answer, row.values[0], 30) for row in LOST]
    return [pytest.param(*values, id=name) for name, *values in (*silent, *answers, *pictures)]


async def streamed(server: RawServer, store: Path) -> ImageSet:
    async for images in client(server, store).stream("x", images=2):
        last = images
    return last


@pytest.mark.fault("F107")
@pytest.mark.parametrize(("answer", "image", "patience"), rows())
def test_only_our_errors_leave_the_client(
    answer: Scripted, image: Scripted, patience: float, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Awaited in a loop of the caller's: a set, or one error of the package; its copy as data holds no key either."""
    be_patient_for(monkeypatch, head=patience, connect=0.5, write=0.5)
    monkeypatch.setattr(download_module, "download_pause", lambda attempt: 0.0)
    with served({POST: answer, PICTURE: image}, store) as server:
        raised: SeedreamError | None = None
        try:
            images: ImageSet | None = asyncio.run(streamed(server, store))
        except SeedreamError as error:
            images, raised = error.images, error
    no_thread_left()
    if raised is not None:
        check_error(raised)
        assert KEY not in repr(vars(raised))
    for frame in images or ():
        assert (frame.path is None) != (frame.error is None)
        assert frame.error is None or isinstance(frame.error, SeedreamError)


@pytest.mark.kernel
@pytest.mark.fault("F108")
def test_a_flood_of_changes_is_no_flood_of_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand pieces that cannot be read: the output is drawn ten times a second at most, and is one small one."""
    told: list[str] = []

    def flood(request: Request) -> Behaviour:
        broken = b"".join(sse(None, f"{{half {number}") for number in range(1000))
        return Reply(200, EVENT_STREAM, succeeded(request, 0) + broken + succeeded(request, 1) + completed(2))

    with raw_server({POST: flood, PICTURE: picture}) as server:
        environment = {"SEEDREAM_BASE_URL": f"{server.url}/v1", "SEEDREAM_API_KEY": KEY}
        with running_kernel(environment=environment, directory=tmp_path) as kernel:
            kernel.run("%load_ext seedream_magic")
            take = kernel._take

            def listening(message: dict[str, Any]) -> None:
                told.append(message["msg_type"])
                take(message)

            monkeypatch.setattr(kernel, "_take", listening)
            result = kernel.run("%%seedream -n 2\nx")
    assert result.ename is None
    assert 2 <= told.count("display_data") + told.count("update_display_data") <= 10 * (result.seconds + 1) + 3
    assert sum(len(json.dumps(dict(output.data))) for output in result.outputs) < 1_000_000
