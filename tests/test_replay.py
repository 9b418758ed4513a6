"""A paid picture is shown again, brought later, or asked for anew where asked to; it is never bought twice."""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from asking import REFUSED, data, run
from kernel import running_kernel
from raw_server import Behaviour, Close, RawServer, Reply, Request, json_reply
from seedream_magic import (
    ContentRefused,
    ImageInvalid,
    ImageLinkExpired,
    ImageSet,
    InvalidRequest,
    OutcomeUnknown,
    Seedream,
    Storyboard,
    UnsafeURL,
)
from seedream_magic.notebook.doctor import _runs
from seedream_magic.recover import find_unfinished
from served import KEY, client, record, served
from service import PICTURE, POST, bodies, first_picture, jpeg, link, picture, whole_answer
from test_index import abandon, begun

pytestmark = pytest.mark.usefixtures("no_pause")


def write_into(images: ImageSet, facts: Mapping[str, Any]) -> None:
    """Changes the record of a run by hand."""
    path = images.folder / "request.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | facts))


def test_the_same_request_is_shown_from_the_store(seedream: Seedream, server: RawServer, tmp_path: Path) -> None:
    """Nothing is sent, the set says so; also from a copy that nobody may write, to somebody who has no key."""
    assert seedream.plan("x", images=2).stored is None
    first = seedream.generate("x", images=2)
    plan = seedream.plan("x", images=2)
    again = seedream.run(plan)
    assert plan.stored == first.run_id
    assert (again.replayed, first.replayed) == (True, False)
    assert replace(again, replayed=False, seconds=0.0) == replace(first, seconds=0.0)
    copy = shutil.copytree(seedream.store, tmp_path / "copied")
    for path in (copy, *copy.rglob("*")):
        path.chmod(0o500 if path.is_dir() else 0o400)
    again = Seedream("anyfast", base_url=f"{server.url}/v1", store=copy).generate("x", images=2)
    for path in (copy, *copy.rglob("*")):
        path.chmod(0o700)
    assert (again.replayed, again.folder.parent) == (True, copy)
    assert [frame.sha256 for frame in again] == [frame.sha256 for frame in first]
    assert (server.posts, server.gets) == (1, 2)


@pytest.mark.parametrize(
    ("options", "same"),
    [
        ({"stream": True, "response_format": "b64_json"}, True),
        ({"size": "2K"}, False),
        ({"model": "ep-1"}, False),
        ({"watermark": False}, False),
        ({"extra": {"seed": 1}}, False),
        ({"images": "auto"}, False),
    ],
)
def test_how_the_answer_travels_makes_no_other_request(
    options: dict[str, Any], seedream: Seedream, *, same: bool
) -> None:
    """Stream or not, link or base64: the same picture. Another prompt, size, model or watermark is another one."""
    seedream.generate("x")
    assert bool(seedream.plan("x", **options).stored) is same


def test_fresh_pays_again_and_becomes_the_newest_take(seedream: Seedream, server: RawServer) -> None:
    """`fresh` sends; the set it makes is shown from then on; `take` picks each; a take that is not there is refused."""
    first, second = seedream.generate("x"), seedream.generate("x", fresh=True)
    assert seedream.generate("x").run_id == second.run_id
    assert [seedream.generate("x", take=take).run_id for take in (1, 2)] == [first.run_id, second.run_id]
    for fresh, take in ((False, 3), (False, 0), (True, 1)):
        with pytest.raises(InvalidRequest, match="take"):
            seedream.plan("x", fresh=fresh, take=take)
    assert server.posts == 2


def test_a_record_opens_no_link_to_this_machine(seedream: Seedream, server: RawServer, store: Path) -> None:
    """Whether such a link is followed is judged by the session's address, not by the one that the record names."""
    images = seedream.generate("x")
    (images.folder / "01.jpg").unlink()
    before = server.connections
    (recovered,) = Seedream("anyfast", api_key=KEY, store=store).recover(images.run_id)
    assert isinstance(recovered[0].error, UnsafeURL)
    assert server.connections == before
    write_into(images, {"base_url": "https://elsewhere.example/v1"})
    (recovered,) = seedream.recover(images.run_id)
    assert recovered[0].ok, recovered[0]


def test_a_record_that_only_claims_a_request_says_so(shell: InteractiveShell, server: RawServer) -> None:
    """Its set is shown, nothing is billed; the plan and the output tell that its record is of another request."""
    run(shell, "%%seedream --quiet\na fox")
    images = shell.user_ns["_seedream"]
    write_into(images, {"fingerprint": Seedream().plan("an owl").fingerprint})
    elsewhere = images.folder.rename(
        images.folder.with_name("20260504T100007Z-abcdefghij")
    )  # as if it were copied here
    told = f"Run {elsewhere.name} is listed for this request, but its record is of another one"
    assert told in run(shell, "%%seedream --dry-run\nan owl")[1]
    assert told in run(shell, "%%seedream\nan owl")[1]
    assert server.posts == 1


def test_an_unknown_outcome_is_told_before_paying_again(seedream: Seedream, server: RawServer) -> None:
    """After a run that may have been billed, the plan of the same request says so; it is not refused."""
    server._scenario = {POST: Close()}
    with pytest.raises(OutcomeUnknown) as lost:
        seedream.generate("x")
    assert any(str(lost.value.run_id) in told and "billed" in told for told in seedream.plan("x").warnings)
    server._scenario = {POST: whole_answer, PICTURE: picture}
    assert seedream.generate("x").ok


def test_a_record_of_a_stranger_prints_no_control_signs(seedream: Seedream) -> None:
    """What a stored record says of errors and notes is shown in terminals: short, on one line, without escapes."""
    images = seedream.generate("x", images=2)
    (images.folder / "02.jpg").unlink()
    evil = "\x1b]0;mine\x07\x1b[2J\r\n" + "y" * 5000
    frames = json.loads((images.folder / "request.json").read_text())["frames"]
    frames[1] |= dict.fromkeys(("message", "hint", "code", "param", "request_id"), evil)
    frames[1] |= {"status": 400, "error": "ContentRefused"}
    write_into(images, {"frames": frames, "notes": [evil] * 500})
    found = seedream.show(images.run_id)
    error = found[1].error
    assert isinstance(error, ContentRefused)
    texts = [str(error), error.hint, error.code, error.param, error.request_id or "", *found.notes]
    assert [text for text in texts if not 1 < len(text) <= 600 or not text.isprintable()] == []
    assert (len(found.notes) <= 100, error.status) == (True, 400)


def test_the_cell_says_replayed(shell: InteractiveShell, server: RawServer) -> None:
    """The output says "replayed, nothing billed", the session's count stays, `--fresh` raises it; the price follows."""
    run(shell, "%%seedream -n 2\nx")
    error, shown = run(shell, "%%seedream again << -n 2\nx")
    assert error is None
    assert "replayed, nothing billed" in shown
    assert len(shell.user_ns["again"]) == 2
    status = run(shell, "%seedream")[1]
    assert "2 images in this session" in status
    assert "by the prices" not in status
    shell.run_cell('%config SeedreamMagics.prices = {"doubao-seedream-4-5": 0.25}')
    assert "0.50 by the prices you set" in run(shell, "%seedream")[1]
    run(shell, "%%seedream -n 2 --fresh\nx")
    assert "4 images in this session" in run(shell, "%seedream")[1]
    assert "replayed" in run(shell, "%%seedream -n 2 --take １\nx")[1]
    assert "is stored" in run(shell, "%%seedream -n 2 --dry-run\nx")[1]
    assert server.posts == 2


def test_recover_and_show_commands(shell: InteractiveShell, server: RawServer) -> None:
    """`recover` shows each set it completed and says that nothing was sent; `show` shows a run."""
    server._scenario = {POST: whole_answer, PICTURE: first_picture}
    run(shell, "%%seedream -n 2\nx")
    server._scenario = {PICTURE: picture}
    error, shown = run(shell, "%seedream recover")
    assert error is None
    assert "Nothing was billed" in shown
    assert len(shell.user_ns["_seedream"].ok) == 2
    assert "Nothing is left to download" in run(shell, "%seedream recover")[1]
    assert "02.jpg" in run(shell, f"%seedream show {shell.user_ns['_seedream'].run_id}")[1]
    assert isinstance(run(shell, "%seedream show")[0], InvalidRequest)


def test_a_retry_asks_for_what_nobody_made(shell: InteractiveShell, server: RawServer) -> None:
    """A refused frame is asked for, said beforehand; one whose download failed is downloaded, and bills nothing."""
    server._scenario = {POST: lambda request: data(request, 0, REFUSED, REFUSED), PICTURE: picture}
    run(shell, "%%seedream some << -n 3 --no-stream\nx")
    server._scenario = {POST: whole_answer, PICTURE: picture}
    error, shown = run(shell, f"%seedream retry {shell.user_ns['some'].run_id}")
    assert error is None
    assert "2 images" in shown
    assert bodies(server.requests)[-1]["sequential_image_generation_options"] == {"max_images": 2}
    assert shell.user_ns["_seedream"].complete
    assert "no failed frame" in run(shell, "%seedream retry _seedream")[1]
    server._scenario = {POST: whole_answer, PICTURE: first_picture}
    run(shell, "%%seedream made << -n 2\ny")
    assert [frame.ok for frame in shell.user_ns["made"]] == [True, False]
    server._scenario = {PICTURE: picture}
    error, shown = run(shell, "%seedream retry made")
    assert error is None
    assert "Downloaded 1 image that the run had made; that bills nothing." in shown
    assert "Asking anew" not in shown
    assert shell.user_ns["_seedream"].complete
    assert server.posts == 3


def test_a_run_is_named_as_people_have_it(shell: InteractiveShell) -> None:
    """By id, beginning, end, `latest`, folder, or the set itself; what is none is told with what lists them."""
    run(shell, "%%seedream first <<\nx")
    run(shell, "%%seedream last <<\ny")
    first, last = shell.user_ns["first"], shell.user_ns["last"]
    typed = (first.run_id, first.run_id[-6:], "first", "{first.run_id}", "$first.run_id", "first[0]", first.folder)
    for images, names in ((first, typed), (last, (last.run_id[:-2], "latest", "last", "_seedream"))):
        for name in names:
            shell.user_ns["_seedream"] = last
            assert run(shell, f"%seedream show {name}")[0] is None, name
            assert shell.user_ns["_seedream"].run_id == images.run_id, name
    assert isinstance(run(shell, "%seedream show")[0], InvalidRequest)
    assert "%seedream history lists" in run(shell, "%seedream show nothing")[1]
    assert "type more" in run(shell, f"%seedream show {first.run_id[:8]}")[1]


def test_a_picture_gives_its_request_and_its_cell(seedream: Seedream, tmp_path: Path) -> None:
    """The frame, the original and a copy elsewhere lead to the plan that made them; a foreign file is of no run."""
    images = seedream.generate(Storyboard("ink {wash}", ("狐狸", "熊")), size="2K", watermark=False)
    original = images[1].path
    assert original is not None
    copy = shutil.copy(original, tmp_path / "from a chat.jpg")
    for found in (images[1], original, str(copy)):
        plan = Seedream.from_picture(found, store=seedream.store)
        assert (plan.request, plan.stored) == (images.request, images.run_id)
        assert plan.cell() == "%%seedream -s 2K --no-watermark --raw\nink {wash}\n---\n狐狸\n---\n熊"
    (tmp_path / "foreign.jpg").write_bytes(jpeg(1, (9, 9)))
    for path in (tmp_path / "foreign.jpg", tmp_path / "missing.jpg"):
        with pytest.raises(InvalidRequest, match="No run"):
            Seedream.from_picture(path, store=seedream.store)


def test_a_purged_run_is_gone(seedream: Seedream) -> None:
    """Its folder and the reference that only it had; what another run has stays; asking again pays again."""
    shared, own = jpeg(1), jpeg(2)
    kept = seedream.generate("x", refs=[shared])
    purged = seedream.generate("y", refs=[shared, own])
    seedream.purge(purged.run_id)
    left = {path.read_bytes() for path in seedream.store.rglob("*") if path.is_file()}
    assert (shared in left, own in left) == (True, False)
    assert [entry.run_id for entry in seedream.history()] == [kept.run_id]
    assert seedream.plan("y", refs=[shared, own]).stored is None
    for wrong in (purged.run_id, "../", f"../{kept.run_id}", "/etc"):  # nor is one found outside of the store
        with pytest.raises(InvalidRequest, match="no run"):
            seedream.show(wrong)


@pytest.mark.kernel
def test_a_notebook_executed_twice_sends_once(server: RawServer, store: Path, tmp_path: Path) -> None:
    """Two kernels run the same cells: the second sends nothing and its outputs hold the same pictures."""
    environment = {"SEEDREAM_BASE_URL": f"{server.url}/v1", "SEEDREAM_API_KEY": KEY, "SEEDREAM_STORE": str(store)}
    outputs = []
    for _ in range(2):
        with running_kernel(environment=environment, directory=tmp_path) as kernel:
            assert kernel.run("%load_ext seedream_magic").ename is None
            cells = [kernel.run(cell) for cell in ("%%seedream seasons << -n 3\nx", "%%seedream\ny")]
        outputs.append([cell.displays[0].data["image/jpeg"] for cell in cells])
    assert (server.posts, server.gets) == (2, 4)
    assert outputs[0] == outputs[1]


FIRST = ("GET", "/picture/0")


def test_a_picture_that_was_deleted_is_not_promised(ip: InteractiveShell, store: Path) -> None:
    """Its link was cut when it was saved: nobody asks for it, but who names the run; then it says so."""
    with served({POST: whole_answer, PICTURE: picture}, store) as server:
        seedream = client(server, store)
        images = seedream.generate("x", images=2)
        (images.folder / "01.jpg").unlink()
        assert "nothing is left to download" in str(_runs(1, find_unfinished(store)).text)
        gets = server.gets
        assert (seedream.recover(), server.gets) == ([], gets)
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
        assert len(find_unfinished(store)) == len(seedream.recover()) == comes_back
        assert (server.gets > gets) is comes_back
        assert comes_back or f"%seedream recover {images.run_id}" in images[0].error.hint
        server._scenario = {PICTURE: picture}
        (whole,) = seedream.recover(images.run_id)
        assert whole.complete
        assert record(store)["given_up"] == []


def test_base64_that_is_damaged_is_read_once(store: Path) -> None:
    """Its bytes are kept for a later version, and no `recover` of this one reads them again unasked."""
    values = [{"b64_json": "QUJD" * 3}, {"b64_json": "x" * 9}]
    with served({POST: json_reply({"data": values})}, store) as server:
        seedream = client(server, store)
        with pytest.raises(ImageInvalid, match="not a JPEG"):
            seedream.generate("x", images=2, stream=False, response_format="b64_json")
        seedream.recover()
        assert find_unfinished(store) == []


@pytest.mark.parametrize("as_0_1_0_wrote_it", [False, True])
def test_pictures_in_base64_of_one_length_are_several(store: Path, *, as_0_1_0_wrote_it: bool) -> None:
    """The record has no base64, but tells one from another: a run that died is billed for each that was named, once."""
    texts = [base64.b64encode(jpeg(shade)).decode() for shade in (0, 1, 2)]
    run = begun(store)
    for entries in (texts[:2], texts[2:], () if as_0_1_0_wrote_it else texts[2:]):
        run.record({"object": {"data": [{"b64_json": text} for text in entries]}})
    path = run.folder / "response.jsonl"
    if as_0_1_0_wrote_it:
        path.write_text(re.sub(r"of base64[^)]*\)", "of base64)", path.read_text()))
    abandon(run)
    seedream = Seedream("anyfast", api_key="k", store=store)
    assert [len(seedream.show(run.run_id)), *(entry.billed for entry in seedream.history())] == [3, 3]
    (images,) = seedream.recover()
    assert [type(frame.error).__name__ for frame in images] == ["ImageError"] * 3
