"""What `recover` and `doctor` promise of earlier runs: only what can still be had, and nothing twice that is lost."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from raw_server import Behaviour, Close, Reply, Request, json_reply
from seedream_magic import ImageLinkExpired, Seedream
from seedream_magic.images import download as download_module
from seedream_magic.notebook.doctor import _runs
from seedream_magic.recover import unfinished
from served import client, record, served
from service import PICTURE, POST, jpeg, link, picture, whole_answer
from test_index import begun

FIRST = ("GET", "/picture/0")


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow at once."""
    monkeypatch.setattr(download_module, "download_pause", lambda attempt: 0.0)


def test_a_picture_that_was_deleted_is_not_promised(ip: InteractiveShell, store: Path) -> None:
    """Its link was cut when it was saved: nobody asks for it, but who names the run; then it says so."""
    with served({POST: whole_answer, PICTURE: picture}, store) as server:
        seedream = client(server, store)
        images = seedream.generate("x", images=2)
        (images.folder / "01.jpg").unlink()
        assert "nothing is left to download" in str(_runs(1, unfinished(store)).text)
        gets = server.gets
        assert (seedream.recover(), server.gets) == ([], gets)
        server._scenario = {PICTURE: Reply(403)}
        (named,) = seedream.recover(images.run_id)
        assert isinstance(named[0].error, ImageLinkExpired)
        assert unfinished(store) == []


@pytest.mark.parametrize(("days", "promised"), [(["20250101", "20250102"], 0), (["20250101", "20990101"], 1)])
def test_an_expired_link_is_not_promised(days: list[str], promised: int, store: Path) -> None:
    """It says itself when it ends; until then it is asked for."""

    def answer(request: Request) -> Behaviour:
        signed = (f"{link(request, at)}&X-Tos-Date={day}T000000Z&X-Tos-Expires=86400" for at, day in enumerate(days))
        return json_reply({"data": [{"url": url} for url in signed]})

    with served({POST: answer, PICTURE: Reply(404)}, store) as server, pytest.raises(ImageLinkExpired):
        client(server, store).generate("x", images=2, stream=False)
    assert len(unfinished(store)) == promised


@pytest.mark.parametrize(
    ("answer", "comes_back"), [(Reply(404), False), (Close(), True), (Reply(200, {}, b"<html>"), True)]
)
def test_what_failed_for_good_does_not_come_back(answer: Any, comes_back: bool, store: Path) -> None:  # noqa: FBT001 - a column of the table
    """A link that is not served is asked for in one `recover`, and again where its run is named; a fault passes."""
    with served({POST: whole_answer, PICTURE: picture, FIRST: answer}, store) as server:
        seedream = client(server, store)
        seedream.generate("x", images=2)
        (images,) = seedream.recover()
        assert images[0].error is not None
        gets = server.gets
        assert len(unfinished(store)) == len(seedream.recover()) == comes_back
        assert (server.gets > gets) is comes_back
        assert comes_back or f"%seedream recover {images.run_id}" in images[0].error.hint
        server._scenario = {PICTURE: picture}
        (whole,) = seedream.recover(images.run_id)
        assert whole.complete
        assert record(store)["given_up"] == []


@pytest.mark.parametrize("as_0_1_0_wrote_it", [False, True])
def test_pictures_in_base64_of_one_length_are_several(store: Path, *, as_0_1_0_wrote_it: bool) -> None:
    """The record has no base64, but tells one from another: a run that died is billed for each that was named, once.

    Damaged text is read once: it is kept for a later version, and no `recover` of this one reads it again unasked.
    """
    texts = [base64.b64encode(jpeg(shade)).decode() for shade in (0, 1, 2)]
    run = begun(store)
    for entries in (texts[:2], texts[2:], () if as_0_1_0_wrote_it else texts[2:]):
        run.record({"object": {"data": [{"b64_json": text} for text in entries]}})
    path = run.folder / "response.jsonl"
    if as_0_1_0_wrote_it:
        path.write_text(re.sub(r"of base64[^)]*\)", "of base64)", path.read_text()))
    run.update(process={"host": "elsewhere", "pid": 9})
    seedream = Seedream("anyfast", api_key="k", store=store)
    assert [len(seedream.show(run.run_id)), *(entry.billed for entry in seedream.history())] == [3, 3]
    (images,) = seedream.recover()
    assert [type(frame.error).__name__ for frame in images] == ["ImageError"] * 3
    assert unfinished(store) == []
