"""`%seedream …`: each command in a real shell, on runs that a scripted service has made."""

from __future__ import annotations

import base64
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets import TraitError

from asking import REFUSED, data, run_cell
from raw_server import Behaviour, RawServer, Request, json_reply
from seedream_magic import ConfigError, ContentRefused, ImageSet, InvalidRequest, MissingKey, Seedream
from seedream_magic.notebook.settings import Settings
from seedream_magic.words.clip import path_from
from seedream_magic.words.language import choose_language
from service import PICTURE, POST, bodies, first_picture, jpeg, link, picture, whole_answer
from test_index import made_run


@pytest.fixture
def made(shell: InteractiveShell) -> ImageSet:
    """A set of two pictures in the store."""
    _, _, _ = run(shell, "%%seedream --quiet -n 2\na fox in the snow")
    images: ImageSet = shell.user_ns["_seedream"]
    return images


def lose_second(server: RawServer, images: ImageSet) -> None:
    """The second picture goes from the disk, and its link has ended."""
    (images.folder / "02.jpg").unlink()
    server._scenario = {POST: whole_answer, PICTURE: first_picture}


def run(shell: InteractiveShell, cell: str) -> tuple[BaseException | None, str, list[dict[str, Any]]]:
    """The cell's error, what it printed, and the data that it displayed."""
    error, printed, outputs = run_cell(shell, cell)
    return error, printed, [output["data"] for output in outputs]


@pytest.mark.parametrize(
    ("cap", "extra", "words"),
    [
        ("max_images_per_run", '{"n": "8"}', "may bill 8 images; SeedreamMagics.max_images_per_run allows 4"),
        ("max_images_per_session", '{"num_images": 8}', "may bill 8 images after 0 in this session"),
        ("max_images_per_day", '{"sequential_image_generation": "Auto"}', "may bill 15 images after 0 today"),
        ("max_images_per_run", '{"n": "many"}', "cannot be counted: --extra sets n to something that is not a number"),
        ("max_images_per_session", '{"batch": [8]}', "SeedreamMagics.max_images_per_session is set: write a number"),
        ("max_images_per_day", '{"n": true}', "SeedreamMagics.max_images_per_day is set"),
    ],
)
def test_extra_fields_count_for_the_caps(
    shell: InteractiveShell, server: RawServer, cap: str, extra: str, words: str
) -> None:
    """However they are spelled; what cannot be counted is refused by a cap, and sent where there is none."""
    shell.run_line_magic("config", f"SeedreamMagics.{cap} = 4")
    error, _, _ = run_cell(shell, f"%%seedream --extra '{extra}'\nan uncounted fox")
    assert isinstance(error, InvalidRequest)
    assert words in " ".join(error.lines())
    assert server.posts == 0
    shell.run_line_magic("config", f"SeedreamMagics.{cap} = None")
    run_cell(shell, f"%%seedream --quiet --extra '{extra}'\nan uncounted fox")
    assert server.posts == 1


def test_history_shows_the_runs_with_these_words(shell: InteractiveShell, made: ImageSet) -> None:
    """A table of the runs as HTML and text; words choose, and the lack of a run is told."""
    error, _, (table,) = run(shell, "%seedream history")
    assert error is None
    assert made.run_id in table["text/html"]
    assert "a fox in the snow" in table["text/plain"]
    assert made.run_id in run(shell, "%seedream history FOX snow")[2][0]["text/plain"]
    assert made.run_id not in run(shell, "%seedream history zebra")[2][0]["text/plain"]
    assert made.run_id in run(shell, "%seedream history today fox --here")[2][0]["text/plain"]
    assert (
        "--here looks in this notebook's store only."
        in run(shell, "%seedream history --here failed")[2][0]["text/plain"]
    )
    for line, told in (
        ("history --heer fox", "did you mean --here?"),
        ("history -starred", "did you mean --starred?"),
        ("retry 1 --all", "it takes --each, --dry-run."),
        ("history --since yesterday", "takes a date among its words, without --since: %seedream history 2"),
        ("history fox --自 昨天", "takes a date among its words, without --自"),
    ):
        error, printed, _ = run(shell, f"%seedream {line}")
        assert isinstance(error, InvalidRequest)
        assert told in printed


def test_a_history_shows_its_first_rows_and_counts_the_others(
    shell: InteractiveShell, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has the words as one phrase stands before what is newer."""
    monkeypatch.setattr("seedream_magic.images.history_rows.MAXIMUM_ROWS", 2)
    for number, prompt in enumerate(("a red fox", "red, a fox", "fox in red")):
        made_run(store, number, body={"prompt": prompt, "model": "seedream"})

    def shown(words: str) -> list[str]:
        lines: list[str] = run(shell, f"%seedream history {words}")[2][0]["text/plain"].splitlines()
        assert [line.split()[0] for line in lines[1:3]] == ["1", "2"]
        return lines[1:4]

    newest, second, others = shown("")
    assert newest.endswith("fox in red")
    assert second.endswith("red, a fox")
    assert others.startswith("1 earlier run is not shown.")
    first, second, others = shown("red fox")
    assert first.endswith("a red fox")
    assert second.endswith("fox in red")
    assert others.startswith("1 further run is not shown.")


def test_a_row_of_the_history_is_named_by_its_number(
    shell: InteractiveShell, server: RawServer, made: ImageSet, tmp_path: Path
) -> None:
    """As the table shown last counts them; in every command that takes a run, but for the one that deletes it."""
    for line in ("show 1", "recover 1", "retry 1", "panel 1", "export 1 a.jpg"):
        error, printed, _ = run(shell, f"%seedream {line}")
        assert isinstance(error, InvalidRequest), line
        assert f"first %seedream history, then %seedream {line.split()[0]} 1" in printed
    run(shell, "%%seedream --quiet\na hen")
    hen = shell.user_ns["_seedream"]
    run(shell, "%seedream history")
    for typed, images in (("1", hen), ("２", made), ("#2", made)):
        assert run(shell, f"%seedream show {typed}")[0] is None
        assert shell.user_ns["_seedream"].run_id == images.run_id
    run(shell, "%seedream history fox")
    run(shell, "%seedream history zebra")  # finds none: the rows of the table above stay
    (made.folder / "02.jpg").unlink()
    assert "1 run looked at, 2 images on disk" in run(shell, "%seedream recover 1")[1]
    assert f"Run {made.run_id} has no failed frame" in run(shell, "%seedream retry 1")[1]
    for line in (f"export 1 {tmp_path / 'a.jpg'}", "panel 1"):
        assert run(shell, f"%seedream {line}")[0] is None
    assert (tmp_path / "a.jpg").exists()
    assert f"begin or end with {made.run_id[:4]!r}" in run(shell, f"%seedream show {made.run_id[:4]}")[1]
    assert "There is no row 2: the history shown last has 1 row." in run(shell, "%seedream show 2")[1]
    assert isinstance(run(shell, "%seedream purge 1")[0], InvalidRequest)
    assert made.folder.exists()
    assert server.posts == 2


def test_show_binds_and_displays(shell: InteractiveShell, server: RawServer, made: ImageSet) -> None:
    """A run is shown by the beginning of its id, and bound; nothing is sent."""
    sent = server.connections
    shell.user_ns.pop("_seedream")
    error, _, (shown,) = run(shell, f"%seedream show {made.run_id[:18]}")
    assert error is None
    assert "replayed" in shown["text/plain"]
    assert shell.user_ns["_seedream"].run_id == made.run_id
    assert server.connections == sent


@pytest.mark.parametrize("command", ["show", "retry", "export", "purge"])
def test_a_misspelt_variable_is_named(shell: InteractiveShell, made: ImageSet, command: str) -> None:
    """Where it is no run either: the end of an id may look like a name."""
    shell.user_ns["story"] = made
    rest = " book.zip" if command == "export" else ""
    error = run(shell, f"%seedream {command} storry{rest}")[1]
    assert "There is no run storry: did you mean story?" in error


@pytest.mark.parametrize("typed", ["'my sheet.jpg'", "~/my sheet.jpg"])
def test_export_prints_the_path_it_wrote(
    shell: InteractiveShell, made: ImageSet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, typed: str
) -> None:
    """The path may be quoted, hold spaces and begin with ~; what is printed is where the file is."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    error, printed, _ = run(shell, f"%seedream export {made.run_id} {typed}")
    assert error is None
    assert printed == f"Written: {path_from(tmp_path / 'my sheet.jpg')}\n"
    assert (tmp_path / "my sheet.jpg").read_bytes().startswith(b"\xff\xd8\xff")


def test_export_drops_no_second_set(shell: InteractiveShell, made: ImageSet, tmp_path: Path) -> None:
    """Its name was taken for the beginning of the file's."""
    shell.user_ns |= {"story": made, "book": made}
    error = run(shell, f"%seedream export story book {tmp_path / 'both.pdf'}")[0]
    assert f"book is a set as well: %seedream export story {tmp_path / 'both.pdf'}, then book." in str(error)
    assert list(tmp_path.glob("*.pdf")) == []


def test_export_takes_a_title_and_hides_the_house(shell: InteractiveShell, made: ImageSet, tmp_path: Path) -> None:
    """In quotation marks or, behind the path, without; an option that is not there names the one meant."""
    line = f"%seedream export {made.run_id} --title 'For you' 'new folder/my page.html' --no-captions"
    assert run(shell, line)[:2] == (None, f"Written: {path_from(tmp_path / 'new folder' / 'my page.html')}\n")
    page = (tmp_path / "new folder" / "my page.html").read_text("utf-8")
    assert "<title>For you</title>" in page
    target = tmp_path / "plain.html"
    assert run(shell, f"%seedream export {made.run_id} {target} --title One Red  Fox --author Ann Lee")[0] is None
    page = target.read_text("utf-8")
    assert "<title>One Red Fox</title>" in page
    assert "Ann Lee" in page
    error, *_ = run(shell, f"%seedream export {made.run_id} a.pdf --titel x")
    assert "did you mean --title?" in str(error)
    assert "needs a value" in str(run(shell, f"%seedream export {made.run_id} a.pdf --title")[0])


def test_purge_deletes_one_run_and_says_so(shell: InteractiveShell, store: Path, made: ImageSet) -> None:
    """The folder is gone, the other run stays, and the line tells how much went."""
    run(shell, "%%seedream --quiet\nanother")
    other = shell.user_ns["_seedream"].folder
    error, printed, _ = run(shell, f"%seedream purge {made.run_id}")
    assert error is None
    assert f"Run {made.run_id} is deleted: " in printed
    assert " files, " in printed
    assert printed.endswith("What it billed stays billed.\n")
    assert not made.folder.exists()
    assert other.is_dir()


def test_the_demo_s_runs_are_no_bill(shell: InteractiveShell, server: RawServer) -> None:
    """The table says that they are free; asking anew for a lost frame, and purging, speak of no bill."""
    shell.run_cell("%config SeedreamMagics.provider = 'demo'")
    shell.run_cell(f"%config SeedreamMagics.base_url = '{server.url}/v1'")
    run(shell, "%%seedream --quiet -n 2 --no-stream\na fox")
    images = shell.user_ns["_seedream"]
    lose_second(server, images)
    assert "free (demo)" in run(shell, "%seedream history")[2][0]["text/plain"]
    assert "Asking anew for 1 image. The demo bills nothing." in run(shell, f"%seedream retry {images.run_id}")[1]
    for gone in (shell.user_ns["_seedream"], images):
        assert run(shell, f"%seedream purge {gone.run_id}")[1].endswith(" MB.\n")
    assert "which bills" not in run(shell, "_seedream.extend(2)")[1]
    assert server.posts == 2


@pytest.mark.parametrize("typed", ["latest", "_seedream", "'latest'"])
def test_where_nobody_answers_only_a_full_id_deletes(shell: InteractiveShell, made: ImageSet, typed: str) -> None:
    """nbconvert, papermill, a script: the line names the run, what it has, and what to type."""
    error, printed, _ = run(shell, f"%seedream purge {typed}")
    assert isinstance(error, InvalidRequest)
    assert f'("a fox in the snow", 2 pictures, 0.0 MB, in {made.folder.parent})' in printed
    assert f"%seedream purge {made.run_id} deletes it" in printed
    assert made.folder.is_dir()


@pytest.mark.parametrize("typed", ["2", "２", "2026", "begin", "end", "*", "1-2"])
def test_a_number_or_a_part_of_an_id_deletes_nothing(
    shell: InteractiveShell, made: ImageSet, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    """It is refused before anything is asked; where it is in an id, that is named in full."""
    run(shell, "%%seedream --quiet\nanother")
    monkeypatch.setattr("builtins.input", lambda _: pytest.fail("it asked"))
    shell.kernel = object()  # type: ignore[attr-defined] # as a front end where somebody can answer
    typed = {"begin": made.run_id[:-1], "end": made.run_id[-6:]}.get(typed, typed)
    error, printed, _ = run(shell, f"%seedream purge {typed}")
    assert isinstance(error, InvalidRequest)
    assert len(printed.strip().splitlines()) == 1
    assert made.run_id in printed or typed not in made.run_id
    assert len(Seedream().history()) == 2
    with pytest.raises(InvalidRequest):
        Seedream().purge(typed)


@pytest.mark.parametrize(
    "command", ["%seedream retry RUN", "%seedream panel RUN", "%seedream show RUN\n_seedream.redo(1)"]
)
def test_a_record_of_another_provider_gets_no_key(
    command: str, shell: InteractiveShell, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a record names as its provider is data: nothing is sent, and the line names the command that chooses it.
    After that command it goes on, with that provider's key.
    """
    monkeypatch.delenv("SEEDREAM_API_KEY")
    monkeypatch.setenv("ANYFAST_API_KEY", "sk-of-anyfast")
    monkeypatch.setenv("ARK_API_KEY", "sk-of-ark")
    run(shell, "%%seedream --quiet --provider ark -n 2 --no-stream\na fox")
    images = shell.user_ns["_seedream"]
    lose_second(server, images)
    command = command.replace("RUN", images.run_id)
    error, printed, _ = run(shell, command)
    assert isinstance(error, ConfigError)
    assert f"Run {images.run_id} was made by ark; this client asks anyfast. %seedream use ark" in printed
    assert server.posts == 1
    run(shell, "%seedream use ark")
    assert run(shell, command)[0] is None
    shell.run_cell("%unload_ext seedream_magic")
    asked = [request for request in server.requests if request.method == "POST"]
    sent = {(request.headers["authorization"], request.json()["model"]) for request in asked}
    assert sent == {("Bearer sk-of-ark", "doubao-seedream-4-5-251128")}


def test_a_run_of_no_known_provider_is_shown_and_not_paid(
    shell: InteractiveShell, server: RawServer, made: ImageSet
) -> None:
    """Its pictures are there; to ask anew for one is refused, in a line that names what the record says."""
    path = made.folder / "request.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "provider": "else\x1bwhere"}))
    lose_second(server, made)
    assert run(shell, f"%seedream show {made.run_id}")[0] is None
    for line in (f"%seedream retry {made.run_id}", "_seedream.redo(1)"):
        error, printed, _ = run(shell, line)
        assert isinstance(error, ConfigError)
        assert len(printed.strip().splitlines()) == 1
        assert r"was made by 'else\x1bwhere'" in printed
    assert server.posts == 1


HOSTILE = {
    "callback_url": "https://elsewhere.example/",
    "n": 10,
    "layer_decomposition": 1,
    "sequential_image_generation_options": {"max_images": 15, "more": True},
    "size": ["4K"],
    "seed": 7,
    "\u202eodd\x1b[31m": 1,
}


def test_a_gateway_that_drops_the_set_is_asked_for_one_frame_at_a_time(
    shell: InteractiveShell, server: RawServer
) -> None:
    """One of four came: the note offers it with its price, each request asks for one, and doing it again bills none."""

    def one_picture(request: Request) -> Behaviour:
        return json_reply({"data": [{"url": link(request, server.posts)}]})

    server._scenario = {POST: one_picture, PICTURE: picture}
    assert run(shell, "%%seedream --quiet -n 4 --no-stream\na fox in the snow")[0] is None
    first: ImageSet = shell.user_ns["_seedream"]
    assert [note for note in first.notes if f"%seedream retry {first.run_id} --each" in note and "3 images" in note]
    error, printed, _ = run(shell, f"%seedream retry {first.run_id} --each")
    images: ImageSet = shell.user_ns["_seedream"]
    assert error is None
    assert "the first of 3 requests" in printed
    assert "Together they may bill up to 3 images." in printed
    assert images.complete
    assert len({frame.sha256 for frame in images}) == 4
    asked = [body["sequential_image_generation"] for body in bodies(server.requests)]
    assert asked == ["auto", "disabled", "disabled", "disabled"]
    assert "nothing billed" in run(shell, f"%seedream retry {first.run_id} --each")[1]
    assert server.posts == 4


def test_a_retry_tells_what_it_would_send_and_sends_no_field_that_only_the_record_knows(
    shell: InteractiveShell, server: RawServer, store: Path, made: ImageSet
) -> None:
    """A record may come from anywhere: asked, it tells body and address; the rest stands there before."""
    foreign = store / "20200101T000000Z-aaaaaaaaaa"
    shutil.copytree(made.folder, foreign)
    path = foreign / "request.json"
    facts = json.loads(path.read_text())
    facts["body"] |= HOSTILE
    path.write_text(json.dumps({**facts, "fingerprint": "0" * 64, "base_url": "https://elsewhere.example/v1"}))
    (foreign / "02.jpg").unlink()
    (foreign / "response.jsonl").unlink()
    error, shown, _ = run(shell, f"%seedream retry {foreign.name} --dry-run")
    assert (error, server.posts) == (None, 1)
    error, printed, _ = run(shell, f"%seedream retry {foreign.name}")
    assert error is None
    assert shown.endswith(printed)
    sent = bodies(server.requests)[-1]
    assert not set(sent) & set(HOSTILE) - {"size", "seed"}
    assert (sent["size"], sent["seed"], sent["sequential_image_generation"]) == ("2048x2048", 7, "disabled")
    assert f"To anyfast ({server.url}/v1):\n{json.dumps(sent, indent=2)}\n" in shown
    assert "Left out: size, sequential_image_generation_options, callback_url, n" in printed
    assert r"\u202eodd\x1b[31m" in shown
    assert "Asking anew for 1 image. That is what it may bill." in printed
    assert server.posts == 2


def test_a_retry_that_is_refused_says_so_once_and_what_may_help(shell: InteractiveShell, server: RawServer) -> None:
    """In view is the frame that was asked for; neither the request nor the command that failed stands there."""
    server._scenario = {POST: lambda request: data(request, 0, REFUSED, 1), PICTURE: picture}
    run(shell, "%%seedream pair << -n 3 --no-stream\na fox that is refused")
    server._scenario = {POST: json_reply(REFUSED, 400), PICTURE: picture}
    error, printed, outputs = run(shell, "%seedream retry pair")
    assert isinstance(error, ContentRefused)
    assert printed.splitlines()[0] == "Asking anew for 1 image. That is what it may bill."
    assert '"model"' not in printed
    message, billed, advice = error.lines()
    assert (message, billed) == ("ContentRefused: Refused again: frame 2.", "Not billed.")
    assert advice.startswith('Redo it in other words: pair.redo(1, prompt="…"). (run ')
    assert 'data-start="1"' in outputs[-1]["text/html"]
    assert outputs[-1]["text/plain"].count("did not pass the content check") == 1  # the frame
    assert shell.user_ns["pair"].failed[0].index == 1
    choose_language("zh")
    error, printed, _ = run(shell, "%seedream retry pair")
    assert isinstance(error, ContentRefused)
    assert printed.splitlines()[0] == "重新请求 1 张。按此可能计费。"
    assert error.lines()[0] == "ContentRefused: 第 2 帧再次未通过审核。"
    choose_language("auto")
    posts = server.posts
    assert '"prompt": "a fox that is refused"' in run(shell, "%seedream retry pair --dry-run")[1]
    assert server.posts == posts


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("prompt", None, "prompt is empty"),
        ("image", "https://elsewhere.example/x.jpg", "does not have"),
        ("size", "99999x99999", "pixels"),
    ],
)
def test_a_record_that_cannot_be_a_request_is_not_sent(  # noqa: PLR0917 - fixtures and a row of the table
    field: str, value: object, words: str, shell: InteractiveShell, server: RawServer, made: ImageSet
) -> None:
    """Neither without model or words, nor with a picture that is not there, nor over limits that nobody waived here."""
    path = made.folder / "request.json"
    facts = json.loads(path.read_text())
    facts["body"][field] = value
    path.write_text(json.dumps(facts))
    lose_second(server, made)
    shell.magics_manager.registry["SeedreamMagics"].desk.session.made.clear()  # as in the next kernel
    error, printed, _ = run(shell, f"%seedream retry {made.run_id}")
    assert isinstance(error, InvalidRequest)
    assert words in printed
    assert server.posts == 1


def test_a_run_that_others_go_on_from_is_not_purged(shell: InteractiveShell, made: ImageSet) -> None:
    """The line names the later run whose set holds its pictures; with that gone it can go."""
    run(shell, "_seedream = _seedream.redo(1)")
    later = shell.user_ns["_seedream"]
    error, printed, _ = run(shell, f"%seedream purge {made.run_id}")
    assert isinstance(error, InvalidRequest)
    assert later.run_id in printed
    assert len(printed.strip().splitlines()) == 1
    assert len(shell.user_ns["_seedream"].ok) == 2
    for images in (later, made):
        assert "is deleted" in run(shell, f"%seedream purge {images.run_id}")[1]


def test_models_shows_the_session_s_model(shell: InteractiveShell, server: RawServer) -> None:
    """The table follows the settings and the words, as HTML and text, without a connection."""
    shell.run_cell("%config SeedreamMagics.model = 'doubao-seedream-5-0-pro-260628'")
    error, _, (table,) = run(shell, "%seedream models pro")
    assert error is None
    assert "    ← this session" in table["text/plain"]
    assert "Seedream 4.5" not in table["text/plain"]
    assert "<table" in table["text/html"]
    assert server.connections == 0


@pytest.mark.usefixtures("made")
def test_the_demo_is_no_money(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The status tells its images from those that are paid for; no price is put on them."""
    monkeypatch.delenv("SEEDREAM_BASE_URL")
    shell.run_cell("%config SeedreamMagics.prices = {'doubao-seedream-4-5': 0.5}")
    run(shell, "%%seedream --quiet --provider demo\na fox")
    assert (
        "billed    3 images in this session, 1 of them by the demo, free, 1.00 by the prices"
        in run(shell, "%seedream")[1]
    )


ARK = "doubao-seedream-4-5-251128"


def test_images_and_money_stand_together(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it is sent and after: by the list price of the service that is asked, by the person's own before that."""
    monkeypatch.delenv("SEEDREAM_BASE_URL")
    dry = f"%%seedream --provider ark -m {ARK} -n 4 --dry-run\na hen"
    assert "it may bill up to 4 images, ¥1.00 by the list price of 2026-09." in run(shell, dry)[1]
    answer = {"data": [{"b64_json": base64.b64encode(jpeg(shade)).decode()} for shade in range(3)]}
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=answer))
    shell.user_ns["transport"] = transport
    draw = "Seedream('{}', transport=transport).generate('a fox', images=4, stream=False)"
    run(shell, f"from seedream_magic import Seedream\nmade = {draw.format('ark')}")
    assert "billed    3 images in this session, ¥0.75 by the list price of 2026-09\n" in run(shell, "%seedream")[1]
    run(shell, "%seedream use ark")
    lacking = f"%seedream retry {shell.user_ns['made'].run_id}"
    for provider in ("byteplus", "anyfast"):
        run(shell, draw.format(provider))
    billed = "¥0.75 and $0.12 by the list price of 2026-09, 3 images without a known price"
    assert f"billed    9 images in this session, {billed}\n" in run(shell, "%seedream")[1]
    run(shell, f"%config SeedreamMagics.prices = {{'{ARK}': '0.2'}}")
    assert "it may bill up to 4 images, 0.80 by the prices you set." in run(shell, dry)[1]
    assert "0.60 by the prices you set, $0.12 by the list price of 2026-09" in run(shell, "%seedream")[1]
    run(shell, "%config SeedreamMagics.prices = {}")
    monkeypatch.delenv("SEEDREAM_API_KEY")  # so that nothing is sent
    for words, announced in (
        ("", "That is what it may bill: ¥0.25 by the list price of 2026-09."),
        ("--each", "Together they may bill 1 image, ¥0.25 by the list price of 2026-09."),
    ):
        error, printed, _ = run(shell, f"{lacking} {words}")
        assert isinstance(error, MissingKey)
        assert announced in printed


@pytest.mark.parametrize("price", ["'free'", "-1", "float('nan')", "None"])
def test_a_price_that_is_no_number_is_refused_where_it_is_set(shell: InteractiveShell, price: str) -> None:
    """It says which, and the prices of before stay."""
    shell.run_cell("%config SeedreamMagics.prices = {'one': 1}")
    error, _, _ = run(shell, f"get_ipython().magics_manager.registry['SeedreamMagics'].prices = {{'two': {price}}}")
    assert isinstance(error, TraitError)
    assert "The price of 'two' is not a number such as 0.25" in str(error)
    assert shell.magics_manager.registry["SeedreamMagics"].prices == {"one": 1.0}


def test_what_the_settings_are_is_told_in_the_language_of_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """`%config SeedreamMagics` lists them all; what stands around each is traitlets' own."""
    monkeypatch.setenv("SEEDREAM_LANG", "zh")
    traits = Settings.class_traits(config=True)
    english = [name for name, trait in traits.items() if str(trait.help) in Settings.class_get_trait_help(trait)]
    assert english == []


@pytest.mark.parametrize(
    ("setting", "takes"),
    [
        ("language='fr'", "只接受：auto、en、zh；不能是 'fr'"),
        ("max_images_per_day='x'", "只接受：整数；不能是 'x'"),
        ("model=3", "只接受：引号里的文字；不能是 3"),
        ("watermark='no'", "只接受：True 或 False；不能是 'no'"),
        ("timeout='soon'", "只接受：数字；不能是 'soon'"),
        ("prices=3", "只接受：字典；不能是 3"),
        ("images=[]", "只接受：1-15 张，或 auto；不能是 []"),
    ],
)
def test_a_setting_says_what_it_takes_in_the_language_of_the_reader(
    shell: InteractiveShell, caplog: pytest.LogCaptureFixture, setting: str, takes: str
) -> None:
    """`%config` prints the sentence, and what was set before stays."""
    shell.run_cell("%config SeedreamMagics.language = 'zh'")
    shell.run_cell(f"%config SeedreamMagics.{setting}")
    assert takes in caplog.text
    assert "instance" not in caplog.text


def test_a_panel_without_widgets_is_told(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where ipywidgets cannot be loaded the line names the package."""
    monkeypatch.setitem(sys.modules, "seedream_magic.notebook.panel", None)
    error, printed, _ = run(shell, "%seedream panel")
    assert isinstance(error, ConfigError)
    assert "ipywidgets" in printed


def test_the_provider_in_use_outlives_a_reload(shell: InteractiveShell) -> None:
    """`%seedream use demo` and `%reload_ext`: the next cell must not bill at another provider, unsaid."""
    assert run(shell, "%seedream use demo")[0] is None
    assert run(shell, "%reload_ext seedream_magic")[0] is None
    assert "provider  demo" in run(shell, "%seedream")[1]


def test_a_variable_holds_the_set_that_a_retry_mended(shell: InteractiveShell, server: RawServer) -> None:
    """`%seedream retry four` binds the whole set to `four`, also where downloading was enough."""
    server._scenario = {POST: whole_answer, PICTURE: first_picture}
    run(shell, "%%seedream four << --quiet -n 2\na fox in the snow")
    server._scenario = {POST: whole_answer, PICTURE: picture}
    for frame in shell.user_ns["four"]:
        assert frame.ok is (frame.index == 0)
    assert run(shell, "%seedream retry four")[0] is None
    assert shell.user_ns["four"].complete


def test_a_retry_that_is_refused_says_so_in_its_frame(shell: InteractiveShell, server: RawServer) -> None:
    """A single picture that was refused, asked for again: its place is no empty box, it has the service's words."""
    body = {"error": {"code": "InputTextSensitiveContentDetected", "message": "not this one"}}
    server._scenario = {POST: json_reply(body, 400)}
    run(shell, "%%seedream hen << --quiet\na hen")
    (run_id,) = [entry.run_id for entry in Seedream().history()]
    error, _, shown = run(shell, f"%seedream retry {run_id}")
    assert isinstance(error, ContentRefused)
    assert "InputTextSensitiveContentDetected" in shown[-1]["text/html"]
    assert "seedream-empty" not in shown[-1]["text/html"].partition("<style>")[0]


def test_library_lists_the_stores_and_takes_in_others(
    shell: InteractiveShell, made: ImageSet, store: Path, tmp_path: Path
) -> None:
    """Also one with a blank in its name, by a path of the notebook's folder; one that is away is known all the same."""
    file = os.environ["SEEDREAM_LIBRARY"]
    assert run(shell, "%seedream library")[1] == f"The library {file} knows:\n  1 run in {store}\n"
    other = tmp_path / "my book" / "runs"
    shutil.copytree(store, other)
    error, printed, _ = run(shell, "%seedream library --scan 'my book' .")
    assert error is None
    assert printed.splitlines() == [
        *(f"Added: {place}, 1 run" for place in (other, *sorted((other, store)))),
        f"The library {file} knows:",
        *(f"  1 run in {place}" for place in sorted((other, store))),
    ]
    shutil.rmtree(other.parent)
    (tmp_path / "empty").mkdir()
    lines = run(shell, "%seedream library --scan empty")[1].splitlines()
    assert lines[0] == f"There is no store in {tmp_path / 'empty'}."
    assert f"  1 run in {other} (not there now)" in lines


def library_is_off(patch: pytest.MonkeyPatch) -> None:
    patch.setenv("SEEDREAM_LIBRARY", "")


def library_is_a_novel(_: pytest.MonkeyPatch) -> None:
    file = Path(os.environ["SEEDREAM_LIBRARY"])
    file.parent.mkdir()
    file.write_text("Call me Ishmael.")


@pytest.mark.parametrize(
    ("words", "damage", "kind", "told"),
    [
        ("--scan nowhere", None, InvalidRequest, "There is no folder {folder}/nowhere."),
        ("--scan", None, InvalidRequest, "--scan takes the folders"),
        ("scan .", None, InvalidRequest, "takes --scan and folders, not 'scan'"),
        ("--scan 'my book", None, InvalidRequest, "A quote is not closed: --scan 'my book."),
        ("", library_is_off, ConfigError, "turned off: SEEDREAM_LIBRARY is empty. Unset it"),
        ("--scan .", library_is_off, ConfigError, "turned off"),
        ("", library_is_a_novel, ConfigError, "cannot be used: file is not a database. %seedream doctor says"),
        ("--scan .", library_is_a_novel, ConfigError, "cannot be used"),
    ],
)
def test_library_says_why_it_cannot(  # noqa: PLR0917 - a row of the table
    shell: InteractiveShell,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    damage: Callable[[pytest.MonkeyPatch], None] | None,
    kind: type[Exception],
    told: str,
) -> None:
    """A missing folder, a slip, no library, a broken one: what is wrong in one line, and nothing was taken in."""
    if damage is not None:
        damage(monkeypatch)
    error, printed, _ = run(shell, f"%seedream library {words}")
    assert isinstance(error, kind)
    assert told.format(folder=tmp_path) in printed
    assert "Taken in" not in printed
    assert len(printed.splitlines()) == 1
