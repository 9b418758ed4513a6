"""What `recover` and `doctor` promise of earlier runs: only what can still be had, and nothing twice that is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from raw_server import Behaviour, Close, Reply, Request, json_reply
from seedream_magic import ImageLinkExpired, Seedream
from seedream_magic.images import download as download_module
from seedream_magic.images.image_set import ImageSet
from seedream_magic.recover import find_unfinished
from served import client, record, served
from service import PICTURE, POST, jpeg, link, picture, whole_answer

FIRST = ("GET", "/picture/0")


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow at once."""
    monkeypatch.setattr(download_module, "download_pause", lambda attempt: 0.0)


def test_a_picture_that_was_deleted_is_not_promised(store: Path) -> None:
    """Its link was cut when it was saved: nobody asks for it, but who names the run; then it says so."""
    with served({POST: whole_answer, PICTURE: picture}, store) as server:
        seedream = client(server, store)
        images = seedream.generate("x", images=2)
        (images.folder / "01.jpg").unlink()
        assert find_unfinished(store) == []
        gets = server.gets
        assert seedream.recover() == []
        assert server.gets == gets
        server._scenario = {PICTURE: Reply(403)}
        (named,) = seedream.recover(images.run_id)
        assert isinstance(named[0].error, ImageLinkExpired)
        assert find_unfinished(store) == []


@pytest.mark.parametrize(("days", "promised"), [(["20250101", "20250102"], 0), (["20250101", "20990101"], 1)])
def test_an_expired_link_is_not_promised(days: list[str], promised: int, store: Path) -> None:
    """It says itself when it ends; until then it is asked for."""

    def answer(request: Request) -> Behaviour:
        signed = (f"{link(request, at)}&X-Tos-Date={day}T000000Z&X-Tos-Expires=86400" for at, day in enumerate(days))
        return json_reply({"data": [{"url": url} for url in signed]})

    with served({POST: answer, PICTURE: Reply(404)}, store) as server, pytest.raises(ImageLinkExpired):
        client(server, store).generate("x", images=2, stream=False)
    assert len(find_unfinished(store)) == promised


def damaged(request: Request) -> Behaviour:
    return Reply(200, {}, b"<html>")


@pytest.mark.parametrize(
    ("answer", "comes_back"), [(Reply(404), False), (Reply(410), False), (Close(), True), (damaged, True)]
)
def test_what_failed_for_good_does_not_come_back(answer: Any, comes_back: bool, store: Path) -> None:  # noqa: FBT001 - a column of the table
    """A link that is not served is asked for in one `recover`, and again where its run is named; a fault passes."""
    with served({POST: whole_answer, PICTURE: picture, FIRST: answer}, store) as server:
        seedream = client(server, store)
        seedream.generate("x", images=2)
        (images,) = seedream.recover()
        assert images[0].error is not None
        gets = server.gets
        assert len(find_unfinished(store)) == comes_back
        assert len(seedream.recover()) == comes_back
        assert (server.gets > gets) is comes_back
        if not comes_back:
            assert f"%seedream recover {images.run_id}" in images[0].error.hint
        server._scenario = {PICTURE: picture}
        (whole,) = seedream.recover(images.run_id)
        assert whole.complete
        assert record(store)["given_up"] == []


def test_base64_that_is_damaged_is_read_once(store: Path) -> None:
    """Its bytes are kept for a later version, and no `recover` of this one reads them again unasked."""
    values = [{"b64_json": "QUJD" * 3}, {"b64_json": "x" * 9}]
    with served({POST: json_reply({"data": values})}, store) as server:
        seedream = client(server, store)
        with pytest.raises(Exception, match="not a JPEG"):
            seedream.generate("x", images=2, stream=False, response_format="b64_json")
        seedream.recover()
        assert find_unfinished(store) == []


def test_doctor_promises_what_recover_can_bring(ip: InteractiveShell, store: Path) -> None:
    """A run whose picture was deleted is none of those that lack something."""
    from seedream_magic.notebook.doctor import _runs

    with served({POST: whole_answer, PICTURE: picture}, store) as server:
        images = client(server, store).generate("x")
        (images.folder / "01.jpg").unlink()
    assert "nothing is left to download" in str(_runs(1, find_unfinished(store)).text)


def died(store: Path, objects: list[dict[str, Any]], *, left_out: Callable[[str], str] | None = None) -> ImageSet:
    """The set of a run that died with these objects in its record, and no bytes of its answer."""
    from test_index import begun

    run = begun(store)
    for value in objects:
        run.record({"object": value})
    if left_out is not None:
        path = run.folder / "response.jsonl"
        path.write_text(left_out(path.read_text()))
    facts = json.loads((run.folder / "request.json").read_text())
    facts["process"] = {"host": "elsewhere", "pid": 9}
    (run.folder / "request.json").write_text(json.dumps(facts))
    return Seedream("anyfast", api_key="k", store=store).show(run.run_id)


@pytest.mark.parametrize("as_0_1_0_wrote_it", [False, True])
def test_pictures_in_base64_of_one_length_are_several(store: Path, *, as_0_1_0_wrote_it: bool) -> None:
    """The record has no base64, but it tells one from another: a run that died is billed for each that was named."""
    import base64
    import re

    texts = [base64.b64encode(jpeg(shade)).decode() for shade in (0, 1, 2)]
    assert len({len(text) for text in texts}) == 1

    def old(text: str) -> str:
        return re.sub(r"of base64[^)]*\)", "of base64)", text)

    objects = [{"data": [{"b64_json": text} for text in texts[:2]]}, {"data": [{"b64_json": texts[2]}]}]
    images = died(store, objects, left_out=old if as_0_1_0_wrote_it else None)
    assert len(images) == 3
    seedream = Seedream("anyfast", api_key="k", store=store)
    assert [entry.billed for entry in seedream.history()] == [3]
    (images,) = seedream.recover()
    assert [type(frame.error).__name__ for frame in images] == ["ImageError"] * 3


def test_a_picture_in_base64_that_is_named_twice_is_one(store: Path) -> None:
    """Some gateways send it as it is finished, and again at the end."""
    text = "QUJD" * 40
    assert len(died(store, [{"data": [{"b64_json": text}]}] * 2)) == 1
