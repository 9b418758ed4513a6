"""A paid picture is shown again, brought later, or asked for anew where asked to; it is never bought twice."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from raw_server import Behaviour, Close, Gate, RawServer, Reply, Request, json_reply, raw_server
from seedream_magic import (
    ContentRefused,
    ImageLinkExpired,
    ImageSet,
    InvalidRequest,
    OutcomeUnknown,
    ResponseBroken,
    Seedream,
    UnsafeURL,
)
from seedream_magic.images.load import load
from seedream_magic.images.record import find_record, records
from served import KEY, client
from service import PICTURE, POST, bodies, link, picture, stream_head, succeeded, whole_answer


@pytest.fixture
def server() -> Iterator[RawServer]:
    """A service that makes every picture it is asked for."""
    with raw_server({POST: whole_answer, PICTURE: picture}) as running:
        yield running


def pictures(images: ImageSet) -> list[bytes]:
    return [frame.path.read_bytes() for frame in images.ok if frame.path]


def test_the_same_request_is_shown_from_the_store(server: RawServer, store: Path) -> None:
    """The second time nothing is sent, the pictures are the same files, and the set says that it was replayed."""
    seedream = client(server, store)
    assert seedream.plan("x", images=2).stored is None
    first = seedream.generate("x", images=2)
    plan = seedream.plan("x", images=2)
    again = seedream.run(plan)
    assert plan.stored == first.run_id
    assert (again.replayed, first.replayed) == (True, False)
    assert replace(again, replayed=False, seconds=0.0) == replace(first, seconds=0.0)
    assert (server.posts, server.gets) == (1, 2)


def test_how_the_answer_travels_makes_no_other_request(server: RawServer, store: Path) -> None:
    """Stream or not, link or base64: the same picture. Another prompt, size, model or watermark is another one."""
    seedream = client(server, store)
    seedream.generate("x")
    for same in ({"stream": True}, {"response_format": "b64_json"}):
        assert seedream.plan("x", **same).stored, same
    others: tuple[dict[str, Any], ...] = (
        {"size": "2K"},
        {"model": "ep-1"},
        {"watermark": False},
        {"extra": {"seed": 1}},
    )
    for other in others:
        assert seedream.plan("x", **other).stored is None, other
    assert seedream.plan("y").stored is None
    assert seedream.plan("x", images="auto").stored is None


def test_fresh_pays_again_and_becomes_the_newest_take(server: RawServer, store: Path) -> None:
    """`fresh` sends; the set it makes is shown from then on; `take` picks each; a take that is not there is refused."""
    seedream = client(server, store)
    first, second = seedream.generate("x"), seedream.generate("x", fresh=True)
    assert server.posts == 2
    assert seedream.generate("x").run_id == second.run_id
    assert [seedream.generate("x", take=take).run_id for take in (1, 2)] == [first.run_id, second.run_id]
    for fresh, take in ((False, 3), (False, 0), (True, 1)):
        with pytest.raises(InvalidRequest, match="take"):
            seedream.plan("x", fresh=fresh, take=take)
    assert server.posts == 2


def test_a_partly_failed_set_replays_with_its_failure(server: RawServer, store: Path) -> None:
    """The refused frame keeps its place and its words; nothing is asked again on its behalf."""
    refusal = {"error": {"code": "OutputImageSensitiveContentDetected", "message": "refused"}}

    def post(request: Request) -> Behaviour:
        return json_reply({"data": [{"url": link(request, 0)}, refusal, {"url": link(request, 2)}]})

    server._scenario = {POST: post, PICTURE: picture}
    seedream = client(server, store)
    first = seedream.generate("x", images=3)
    again = seedream.generate("x", images=3)
    error = again[1].error
    assert [frame.ok for frame in again] == [True, False, True]
    assert type(error) is type(first[1].error)
    assert str(error) == str(first[1].error)
    assert getattr(error, "code", None) == "OutputImageSensitiveContentDetected"
    assert server.posts == 1


def test_a_store_that_was_copied_and_is_read_only_replays(server: RawServer, store: Path, tmp_path: Path) -> None:
    """From another folder, which nobody may write, with links that ended long ago."""
    made = client(server, store).generate("x", images=2)
    copy = tmp_path / "copied"
    shutil.copytree(store, copy)
    for path in (copy, *copy.rglob("*")):
        path.chmod(0o500 if path.is_dir() else 0o400)
    again = client(server, copy).generate("x", images=2)
    for path in (copy, *copy.rglob("*")):
        path.chmod(0o700)
    assert again.replayed
    assert again.folder.parent == copy
    assert pictures(again) == pictures(made)
    assert server.posts == 1


def test_replay_needs_no_key(server: RawServer, store: Path) -> None:
    """What is stored is shown to who has no key."""
    client(server, store).generate("x")
    seedream = client(server, store)
    seedream._key = None
    assert seedream.generate("x").replayed


def test_a_picture_that_was_deleted_is_a_failed_frame(server: RawServer, store: Path) -> None:
    """A damaged folder is told, not bought again behind one's back."""
    seedream = client(server, store)
    made = seedream.generate("x", images=2)
    assert made[0].path is not None
    made[0].path.unlink()
    again = seedream.generate("x", images=2)
    assert [frame.ok for frame in again] == [False, True]
    assert server.posts == 1


def test_recover_brings_what_is_missing_without_a_post(server: RawServer, store: Path) -> None:
    """A picture whose download failed comes later from its link; the run's record is whole then, its link cut."""
    server._scenario = {POST: whole_answer, PICTURE: picture, ("GET", "/picture/1"): Reply(404)}
    seedream = client(server, store)
    made = seedream.generate("x", images=3)
    assert [frame.ok for frame in made] == [True, False, True]
    server._scenario = {POST: whole_answer, PICTURE: picture}
    (whole,) = seedream.recover()
    assert [frame.ok for frame in whole] == [True, True, True]
    assert whole.run_id == made.run_id
    assert server.posts == 1
    assert seedream.recover() == []
    assert b"canary" not in (made.folder / "response.jsonl").read_bytes()
    assert find_record(store, made.run_id).state == "done"


def test_a_record_opens_no_link_to_this_machine(server: RawServer, store: Path) -> None:
    """Whether such a link is followed is judged by the session's address, not by the one that the record names."""
    images = client(server, store).generate("x")
    (images.folder / "01.jpg").unlink()
    before = server.connections
    (recovered,) = Seedream("anyfast", api_key=KEY, store=store).recover(images.run_id)
    assert isinstance(recovered[0].error, UnsafeURL)
    assert server.connections == before
    path = images.folder / "request.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "base_url": "https://elsewhere.example/v1"}))
    (recovered,) = client(server, store).recover(images.run_id)
    assert recovered[0].ok


def test_a_record_that_only_claims_a_request_says_so(shell: InteractiveShell, server: RawServer, store: Path) -> None:
    """Its set is shown, nothing is billed; the plan and the output tell that its record is of another request."""
    run(shell, "%%seedream --quiet\na fox")
    images = shell.user_ns["_seedream"]
    path = images.folder / "request.json"
    forged = Seedream().plan("an owl").fingerprint
    path.write_text(json.dumps({**json.loads(path.read_text()), "fingerprint": forged}))
    told = f"Run {images.run_id} stands for this request, but its record tells of another one"
    assert told in run(shell, "%%seedream --dry-run\nan owl")[1]
    assert told in run(shell, "%%seedream\nan owl")[1]
    assert server.posts == 1


def test_recover_tells_of_links_that_have_ended(server: RawServer, store: Path) -> None:
    """What cannot be had any more is a failed frame that says so; the others stay."""
    server._scenario = {POST: whole_answer, PICTURE: picture, ("GET", "/picture/1"): Reply(403)}
    seedream = client(server, store)
    seedream.generate("x", images=2)
    (images,) = seedream.recover()
    assert isinstance(images[1].error, ImageLinkExpired)
    assert images[0].ok
    assert server.posts == 1


def test_a_run_whose_process_died_is_found_and_brought(server: RawServer, store: Path) -> None:
    """Killed between the answer and its pictures: they come from the recorded links, and nothing is sent."""
    release = threading.Event()

    def post(request: Request) -> Behaviour:
        return Gate(stream_head() + succeeded(request, 0) + succeeded(request, 2), release, b"")

    def slow(request: Request) -> Behaviour:
        return Gate(b"HTTP/1.1 200 OK\r\n", release, b"")

    server._scenario = {POST: post, PICTURE: slow}
    code = (
        "from seedream_magic import Seedream; import sys;"
        "Seedream(api_key='k', base_url=sys.argv[1], store=sys.argv[2]).generate('x', images=4)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, f"{server.url}/v1", str(store)])
    server.wait_for(lambda seen: seen.gets == 2)
    child.kill()
    child.wait()
    server._scenario = {PICTURE: picture}
    seedream = client(server, store)
    (images,) = seedream.recover()
    assert [(frame.index, frame.ok) for frame in images] == [(0, True), (1, False), (2, True), (3, False)]
    assert all(isinstance(images[place].error, ResponseBroken) for place in (1, 3))
    assert server.posts == 1
    assert seedream.recover() == []


def test_a_run_that_is_still_going_is_left_alone(server: RawServer, store: Path) -> None:
    """`recover` does not take a run of a living process for a dead one."""
    seedream = client(server, store)
    made = seedream.generate("x")
    facts = json.loads((made.folder / "request.json").read_text())
    facts["state"] = "answering"
    (made.folder / "request.json").write_text(json.dumps(facts))
    assert facts["process"]["pid"] == os.getpid()
    assert seedream.recover() == []


def test_an_unknown_outcome_is_told_before_paying_again(server: RawServer, store: Path) -> None:
    """After a run that may have been billed, the plan of the same request says so; it is not refused."""
    server._scenario = {POST: Close()}
    seedream = client(server, store)
    with pytest.raises(OutcomeUnknown):
        seedream.generate("x")
    (run,) = records(store)
    assert any(run.run_id in warning and "billed" in warning for warning in seedream.plan("x").warnings)
    server._scenario = {POST: whole_answer, PICTURE: picture}
    assert seedream.generate("x").ok


def test_show_by_id_or_its_beginning(server: RawServer, store: Path) -> None:
    """A run is named by its folder; an id that fits none, or leads out of the store, is refused."""
    seedream = client(server, store)
    made = seedream.generate("x")
    assert seedream.show(made.run_id[:20]).run_id == made.run_id
    for wrong in ("nope", "", "../", "../" + made.run_id, "/etc"):
        with pytest.raises(InvalidRequest):
            seedream.show(wrong)


@pytest.mark.fault("F105")
def test_damaged_stores_load(server: RawServer, store: Path) -> None:
    """Whatever lies in the folder, reading it raises nothing and writes nothing."""
    made = client(server, store).generate("x", images=2)
    record = made.folder / "request.json"
    good = record.read_text()
    answer = made.folder / "response.jsonl"
    answer.write_bytes(answer.read_bytes()[:-30])
    (store / "20260101T000000Z-aaaaaaaaaa").mkdir()
    (store / "notes.txt").write_text("mine")
    (store / "20260101T000001Z-aaaaaaaaaa").symlink_to("/etc")
    for text in ("", "{", "[]", "null", '{"state": 5}', '{"body": [], "frames": {}}', "[" * 100_000, good[:-5], good):
        record.write_text(text)
        before = sorted(store.rglob("*"))
        for found in records(store):
            assert isinstance(load(found), ImageSet)
        assert sorted(store.rglob("*")) == before


@pytest.fixture
def shell(ip: InteractiveShell, server: RawServer, monkeypatch: pytest.MonkeyPatch, store: Path) -> InteractiveShell:
    """A shell with the extension loaded and pointed to the service."""
    monkeypatch.setenv("SEEDREAM_BASE_URL", f"{server.url}/v1")
    monkeypatch.setenv("SEEDREAM_API_KEY", "sk-CANARY")
    monkeypatch.setenv("SEEDREAM_STORE", str(store))
    assert ip.run_cell("%load_ext seedream_magic").success
    return ip


def run(shell: InteractiveShell, cell: str) -> tuple[BaseException | None, str]:
    """The cell's error, and all the text it printed or displayed."""
    with capture_output() as captured:
        result = shell.run_cell(cell)
    shown = "".join(output.data.get("text/plain", "") for output in captured.outputs)
    return result.error_in_exec, captured.stdout + shown


def test_the_cell_says_replayed(shell: InteractiveShell, server: RawServer) -> None:
    """The output says "replayed, nothing billed", the session's count stays, `--fresh` raises it."""
    run(shell, "%%seedream -n 2\nx")
    error, shown = run(shell, "%%seedream again << -n 2\nx")
    assert error is None
    assert "replayed, nothing billed" in shown
    assert len(shell.user_ns["again"]) == 2
    assert "2 images in this session" in run(shell, "%seedream")[1]
    run(shell, "%%seedream -n 2 --fresh\nx")
    assert "4 images in this session" in run(shell, "%seedream")[1]
    assert "replayed" in run(shell, "%%seedream -n 2 --take １\nx")[1]
    assert "is stored" in run(shell, "%%seedream -n 2 --dry-run\nx")[1]
    assert server.posts == 2


def test_retry_asks_for_the_failed_frames_only(shell: InteractiveShell, server: RawServer) -> None:
    """Of three frames two were refused: two are asked for, said beforehand; a whole run has nothing to retry."""
    refusal = {"error": {"code": "OutputImageSensitiveContentDetected", "message": "refused"}}
    server._scenario = {
        POST: lambda request: json_reply({"data": [{"url": link(request, 0)}, refusal, refusal]}),
        PICTURE: picture,
    }
    run(shell, "%%seedream -n 3 --no-stream\nx")
    failed = shell.user_ns["_seedream"]
    server._scenario = {POST: whole_answer, PICTURE: picture}
    error, shown = run(shell, f"%seedream retry {failed.run_id}")
    assert error is None
    assert "2 images" in shown
    assert bodies(server.requests)[-1]["sequential_image_generation_options"] == {"max_images": 2}
    error, shown = run(shell, f"%seedream retry {shell.user_ns['_seedream'].run_id}")
    assert "no failed frame" in shown
    assert server.posts == 2


def test_a_run_is_named_as_people_have_it(shell: InteractiveShell, server: RawServer) -> None:
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
    assert "%seedream history lists" in run(shell, "%seedream show nothing")[1]
    assert "type more" in run(shell, f"%seedream show {first.run_id[:8]}")[1]


def test_recover_and_show_commands(shell: InteractiveShell, server: RawServer) -> None:
    """`recover` shows each set it completed and says that nothing was sent; `show` shows a run."""
    server._scenario = {POST: whole_answer, PICTURE: picture, ("GET", "/picture/1"): Reply(404)}
    run(shell, "%%seedream -n 2\nx")
    server._scenario = {PICTURE: picture}
    error, shown = run(shell, "%seedream recover")
    assert error is None
    assert "Nothing was billed" in shown
    assert len(shell.user_ns["_seedream"].ok) == 2
    assert "Nothing is left to download" in run(shell, "%seedream recover")[1]
    assert "02.jpg" in run(shell, f"%seedream show {shell.user_ns['_seedream'].run_id}")[1]
    assert isinstance(run(shell, "%seedream show")[0], InvalidRequest)


def test_caps_refuse_before_sending(shell: InteractiveShell, server: RawServer) -> None:
    """What could bill more than allowed is refused; what the store has is shown all the same."""
    shell.run_cell("%config SeedreamMagics.max_images_per_run = 2")
    error, shown = run(shell, "%%seedream -n 3\nx")
    assert isinstance(error, InvalidRequest)
    assert "max_images_per_run" in shown
    assert isinstance(run(shell, "%%seedream -n auto\nx")[0], InvalidRequest)
    assert run(shell, "%%seedream -n 2\nx")[0] is None
    shell.run_cell("%config SeedreamMagics.max_images_per_session = 3")
    error, shown = run(shell, "%%seedream -n 2\ny")
    assert isinstance(error, InvalidRequest)
    assert "2 in this session" in shown
    assert run(shell, "%%seedream -n 2\nx")[0] is None
    assert server.posts == 1


def test_prices_are_only_those_that_were_set(shell: InteractiveShell) -> None:
    """No money is shown until the person names a price."""
    run(shell, "%%seedream -n 2\nx")
    assert "by the prices" not in run(shell, "%seedream")[1]
    shell.run_cell('%config SeedreamMagics.prices = {"doubao-seedream-4-5": 0.25}')
    assert "0.50 by the prices you set" in run(shell, "%seedream")[1]


@pytest.mark.kernel
def test_a_notebook_executed_twice_sends_once(server: RawServer, store: Path, tmp_path: Path) -> None:
    """Two processes run the same notebook: the second sends nothing and its outputs hold the same pictures."""
    import nbformat  # takes seconds, which every worker that collects this module would pay

    cells = ["%load_ext seedream_magic", "%%seedream seasons << -n 3\nx", "%%seedream\ny"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbformat.write(notebook, tmp_path / "twice.ipynb")
    environment = os.environ | {
        "SEEDREAM_BASE_URL": f"{server.url}/v1",
        "SEEDREAM_API_KEY": "sk-CANARY",
        "SEEDREAM_STORE": str(store),
    }
    outputs = []
    for name in ("first", "second"):
        code = (
            "import nbformat, sys; from nbclient import NotebookClient;"
            "book = nbformat.read('twice.ipynb', 4); NotebookClient(book, kernel_name='python3').execute();"
            "nbformat.write(book, sys.argv[1])"
        )
        subprocess.run([sys.executable, "-c", code, f"{name}.ipynb"], check=True, env=environment, cwd=tmp_path)
        book = nbformat.read(tmp_path / f"{name}.ipynb", 4)
        outputs.append([cell.outputs[0].data["image/jpeg"] for cell in book.cells[1:]])
    assert (server.posts, server.gets) == (2, 4)
    assert outputs[0] == outputs[1]


def test_a_record_of_a_stranger_prints_no_control_signs(server: RawServer, store: Path) -> None:
    """What a stored record says of errors and notes is shown in terminals: short, on one line, without escapes."""
    images = client(server, store).generate("x", images=2)
    assert images[1].path is not None
    images[1].path.unlink()
    evil = "\x1b]0;mine\x07\x1b[2J\r\n" + "y" * 5000
    path = images.folder / "request.json"
    facts = json.loads(path.read_text())
    facts["frames"][1] |= {"error": "ContentRefused", **dict.fromkeys(("message", "hint", "code", "param"), evil)}
    facts["frames"][1] |= {"request_id": evil, "status": 400}
    path.write_text(json.dumps(facts | {"notes": [evil] * 500}))
    (record,) = records(store)
    found = load(record)
    error = found[1].error
    assert isinstance(error, ContentRefused)
    texts = [str(error), error.hint, error.code, error.param, error.request_id or "", *found.notes]
    assert [text for text in texts if not 1 < len(text) <= 600 or not text.isprintable()] == []
    assert len(found.notes) <= 100
    assert error.status == 400
