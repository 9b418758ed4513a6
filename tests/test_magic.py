"""`%%seedream` and `%seedream` in a real shell, against a service that counts."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from asking import run_cell as run
from raw_server import RawServer, json_reply
from seedream_magic import ConfigError, ImageSet, InvalidRequest, MissingKey
from seedream_magic.view.markup import NOTHING
from service import POST, bodies

BAD_CELLS = [
    ("%%seedream --sixe 2K\nx", "--size"),
    ("%%seedream —steam\nx", "--stream"),
    ("%%seedream\n \n\t\n", "empty"),
    ("%%seedream -n 0\nx", "1 to 15"),
    ("%%seedream -r 16:9 -s 2048x2048\nx", "preset"),
    ("%%seedream --stream=yes\nx", "--stream"),
    ("%%seedream --response-format png\nx", "b64_json"),
    ("%%seedream --provider anyfats\nx", "anyfast"),
    ('%%seedream -s 2K --extra \'{"size": "4K"}\'\nx', "size"),
    ("%%seedream --timeout -5\nx", "seconds"),
    ("%%seedream", "write it below"),
    ("%%seedream a lighthouse in fog", "lines below"),
    ("%%seedream -m doubao-seedream-5-0-pro-260628 -n 2\nx", "one image"),
    ("%seedream use nobody", "demo"),
    ("%seedream use", "demo"),
    ("%seedream purge", "takes a run"),
    ("%seedream export 2099", "a file"),
    ("%seedream key sk-CANARY", "alone"),
    ("%seedream -n 4 a cat", "%%seedream"),
    ("%%seedream --seed 7\na fox", "takes no seed"),
    ("%%seedream --ref hero.png\na fox", "no file hero.png"),
    ("%%seedream -s 9000x9000\na fox", "for example 2048x2048"),
    ("%seedream histroy fox", "%seedream history"),
    ("%seedream show 2099", "no run '2099'"),
    ("%seedream show latest", "draw with %%seedream first"),
    ("%seedream purge 2099", "no run '2099'"),
    ("%seedream export 2099 sheet.jpg", "no run '2099'"),
    ("%seedream doctor InputTextSensitive", "InputTextSensitiveContentDetected"),
]


@pytest.mark.parametrize(("cell", "named"), BAD_CELLS)
def test_bad_input_is_one_line_and_sends_nothing(
    shell: InteractiveShell, server: RawServer, store: Path, cell: str, named: str
) -> None:
    """The cell fails with one line that names the fix; no request, no folder, no traceback. A command draws nothing."""
    error, printed, outputs = run(shell, cell)
    assert isinstance(error, InvalidRequest | ConfigError)
    assert len(printed.strip().splitlines()) == 1, printed
    assert named in printed
    assert printed.strip().endswith("Nothing was sent.") is cell.startswith("%%")
    assert "CANARY" not in printed
    assert (server.connections, list(store.iterdir()), outputs) == (0, [], [])


def test_a_cell_draws_and_binds(shell: InteractiveShell, server: RawServer, store: Path) -> None:
    """Pictures are bound to NAME and `_seedream`, shown by one display, saved as they came, with one POST."""
    error, printed, outputs = run(shell, "%%seedream 四季 << -n 3\nfour {word} seasons")
    images = shell.user_ns["四季"]
    assert (error, printed) == (None, "")
    assert isinstance(images, ImageSet)
    assert shell.user_ns["_seedream"] is images
    assert [frame.path and frame.path.name for frame in images] == ["01.jpg", "02.jpg", "03.jpg"]
    assert (server.posts, server.gets) == (1, 3)
    assert {output["transient"]["display_id"] for output in outputs} == {outputs[0]["transient"]["display_id"]}
    assert [output.get("update", False) for output in outputs] == [False] + [True] * (len(outputs) - 1)
    assert set(outputs[-1]["data"]) == {"text/html", "image/jpeg", "text/plain"}
    assert "nothing to fill in: {word}" in outputs[-1]["data"]["text/plain"]


def test_prompt_goes_out_as_typed_with_variables_filled(shell: InteractiveShell, server: RawServer) -> None:
    """Blank ends are dropped, the rest is sent to the letter; `--raw` leaves the braces."""
    shell.user_ns["animal"] = "狐狸"
    run(shell, '%%seedream\n\n  {animal} {{animal}}  \n\nb {"json": 1}\n\n')
    run(shell, "%%seedream --raw\n{animal}")
    assert [body["prompt"] for body in bodies(server.requests)] == ['  狐狸 {animal}  \n\nb {"json": 1}', "{animal}"]


def test_a_cell_typed_on_a_chinese_keyboard_draws(shell: InteractiveShell, server: RawServer) -> None:
    """Full-width signs in the first line and around a variable are read as plain ones, which is told."""
    shell.user_ns["主角"] = "狐狸"
    error, _, outputs = run(shell, "％％seedream 图《《 ——张数 ２ －－无水印\n一只｛主角｝")
    assert error is None
    (body,) = bodies(server.requests)
    assert (body["prompt"], body["watermark"], len(shell.user_ns["图"])) == ("一只狐狸", False, 2)
    assert "全角符号已按半角读取：《《。" in outputs[-1]["data"]["text/plain"]


@pytest.mark.parametrize(
    "typed",
    [
        "%seedream帮助",
        "％seedream 帮助",
        "％seedream帮助",
        "# 帮助\n%Seedream 帮助",
        "a = 1\n％ seedream帮助",
        "％seedream？",
    ],
)
def test_a_command_typed_on_a_chinese_keyboard_runs(shell: InteractiveShell, typed: str) -> None:
    """IPython knows neither a full-width sign nor a name without a blank behind it, and says so in English."""
    error, text, _ = run(shell, typed)
    assert error is None
    assert "%%seedream" in text


def test_a_cell_without_a_blank_behind_its_name_is_one(shell: InteractiveShell, server: RawServer) -> None:
    """`%%seedream图 <<` is another magic for IPython."""
    error, _, _ = run(shell, "%%seedream图 << -n 2\n一只狐狸")
    assert (error, len(shell.user_ns["图"])) == (None, 2)
    (body,) = bodies(server.requests)
    assert body["prompt"] == "一只狐狸"


@pytest.mark.parametrize("typed", ["%%seedream：一只狐狸", "%%seedream，", "％％seedream一只狐狸"])
def test_a_prompt_right_behind_the_name_is_told(shell: InteractiveShell, server: RawServer, typed: str) -> None:
    """IPython would know no such magic."""
    error, text, _ = run(shell, f"{typed}\n在雪地里")
    assert isinstance(error, InvalidRequest), text
    assert server.requests == []


def test_a_command_in_a_string_or_in_another_cell_stays(shell: InteractiveShell) -> None:
    """Only lines that IPython would take for commands are read as such."""
    run(shell, 'text = """\n％seedream帮助\n"""')
    assert shell.user_ns["text"] == "\n％seedream帮助\n"
    assert shell.transform_cell("%%html\n％seedream帮助").count("％seedream帮助") == 1


def test_flag_before_trait_before_environment_before_default(
    shell: InteractiveShell, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order in which settings count, shown for the model."""
    monkeypatch.setenv("SEEDREAM_MODEL", "ep-environment")
    run(shell, "%%seedream\nx")
    shell.run_cell('%config SeedreamMagics.model = "ep-trait"')
    run(shell, "%%seedream\nx")
    run(shell, "%%seedream -m ep-flag\nx")
    shell.run_cell("%config SeedreamMagics.model = None")
    monkeypatch.delenv("SEEDREAM_MODEL")
    run(shell, "%%seedream\nx")
    models = [body["model"] for body in bodies(server.requests)]
    assert models == ["ep-environment", "ep-trait", "ep-flag", "doubao-seedream-4-5"]


def test_traits_leave_room_for_what_a_cell_types(shell: InteractiveShell, server: RawServer) -> None:
    """A ratio typed beside a pixel size that is set, and the reverse, are not held against the cell."""
    shell.run_cell('%config SeedreamMagics.size = "2048x2048"')
    run(shell, "%%seedream -r 16:9\nx")
    shell.run_cell('%config SeedreamMagics.size = "2K"\n%config SeedreamMagics.ratio = "16:9"')
    run(shell, "%%seedream -s 2560x1440\nx")
    run(shell, '%%seedream --extra \'{"size": "4K", "watermark": false}\'\nx')
    sizes = [body["size"] for body in bodies(server.requests)]
    assert sizes == ["2848x1600", "2560x1440", "4K"]


@pytest.mark.parametrize("name", ["size", "ratio", "model", "images", "provider", "base_url", "store"])
def test_an_empty_setting_is_none(shell: InteractiveShell, name: str) -> None:
    """`%config SeedreamMagics.size = ""` takes a setting back, as None does."""
    shell.run_cell(f'%config SeedreamMagics.{name} = ""')
    assert run(shell, "%%seedream --dry-run\nx")[0] is None


def test_seed_page_body_comes_out_key_for_key(shell: InteractiveShell) -> None:
    """The documented request is what its options make, and `--dry-run` shows it first and sends nothing."""
    cell = "%%seedream -n auto -s 2K --no-stream --no-watermark --dry-run\n"
    error, printed, _ = run(shell, cell + "Generate a set of illustrations showing four seasons")
    body, end = json.JSONDecoder().raw_decode(printed)
    assert error is None
    assert list(body.items()) == [
        ("model", "doubao-seedream-4-5"),
        ("prompt", "Generate a set of illustrations showing four seasons"),
        ("size", "2K"),
        ("sequential_image_generation", "auto"),
        ("stream", False),
        ("response_format", "url"),
        ("watermark", False),
    ]
    assert "$SEEDREAM_API_KEY" in printed[end:]
    assert "up to 15 images" in printed[end:]


@pytest.mark.parametrize("option", ["", "--bg "])
def test_a_display_that_fails_ends_no_run(
    shell: InteractiveShell, server: RawServer, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    """A front end that is gone: the pictures are saved, the set is bound under its names, one line on stderr tells."""

    def gone(*_: object, **options: object) -> None:
        raise BrokenPipeError("gone")

    with capture_output(display=False) as captured:
        monkeypatch.setattr(type(shell.display_pub), "publish", gone)
        error = shell.run_cell(f"%%seedream pair << {option}-n 2\nx").error_in_exec
        for run in threading.enumerate():
            if run.name == "seedream-run":  # of the background; without a loop it tells its end itself
                run.join(20)
    assert error is None
    assert [frame.ok for frame in shell.user_ns["pair"]] == [True, True]
    assert shell.user_ns["_seedream"] is shell.user_ns["pair"]
    assert captured.stderr == "Showing this run failed (BrokenPipeError: gone). The run goes on.\n"
    assert server.posts == 1


def test_dry_run_for_the_demo_names_where_it_listens(shell: InteractiveShell) -> None:
    """Who pastes the command line into a terminal meets the demo of this kernel."""
    _, printed, _ = run(shell, "%%seedream --provider demo --dry-run\nx")
    address = re.search(r"http://127\.0\.0\.1:(\d+)/v1/images/generations", printed)
    assert address is not None
    socket.create_connection(("127.0.0.1", int(address[1])), timeout=10).close()


def test_dry_run_and_quiet(shell: InteractiveShell, server: RawServer) -> None:
    """`--dry-run` sends nothing and binds nothing; `--quiet` binds and shows nothing."""
    run(shell, "%%seedream --dry-run\nx")
    assert (server.posts, "_seedream" in shell.user_ns) == (0, False)
    _, printed, outputs = run(shell, "%%seedream --quiet\nx")
    assert (printed, outputs, len(shell.user_ns["_seedream"])) == ("", [], 1)


def test_refusal_is_at_most_five_lines(shell: InteractiveShell, server: RawServer) -> None:
    """What the service refuses is told in a few lines without traceback; the cell fails, the output is emptied."""
    envelope = {"error": {"code": "AuthenticationError", "message": "bad key. Request id: 0217abcdef0123", "param": ""}}
    server._scenario = {POST: json_reply(envelope, 401)}
    error, printed, outputs = run(shell, "%%seedream\nx")
    lines = printed.strip().splitlines()
    assert type(error).__name__ == "AuthFailed"
    assert len(lines) <= 5
    assert "Traceback" not in printed
    assert "Not billed" in printed
    assert "0217abcdef0123" in printed
    assert outputs[-1]["data"] == {"text/html": NOTHING, "text/plain": ""}
    assert server.posts == 1


def test_key_is_typed_hidden(shell: InteractiveShell, server: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key nothing is sent, and the line says that the demo needs none. `%seedream key` asks without echo,
    keeps the key in memory, and the next status says so.
    """
    monkeypatch.delenv("SEEDREAM_API_KEY")
    monkeypatch.setattr("getpass.getpass", lambda _: "sk-TYPED")
    monkeypatch.setattr("seedream_magic.api.credentials._typed", {})
    monkeypatch.setattr("seedream_magic.api.key_stores._keyring", lambda: None)
    error, printed, _ = run(shell, "%%seedream\nx")
    assert isinstance(error, MissingKey)
    assert "%seedream use demo" in printed
    assert server.connections == 0
    _, printed, _ = run(shell, "%seedream key")
    _, status, _ = run(shell, "%seedream")
    assert "in memory" in printed
    assert "set, from %seedream key" in status
    assert "TYPED" not in printed + status
    monkeypatch.setattr("getpass.getpass", lambda _: "sk-OTHER")
    assert run(shell, "%seedream key --if-missing")[1].startswith("There is a key for anyfast, from %seedream key.")
    assert "in memory" in run(shell, "%seedream key byteplus --if-missing")[1]
    assert "in memory" in run(shell, "%seedream key")[1]


@pytest.mark.parametrize("given", ["SEEDREAM_BASE_URL", "trait"])
def test_the_demo_is_embedded_whatever_the_address(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    """A gateway that is set for another provider gets neither the request nor the key: the demo draws, and says so."""
    monkeypatch.delenv("SEEDREAM_BASE_URL")
    if given == "trait":
        shell.run_cell("%config SeedreamMagics.base_url = 'https://gateway.invalid/v1'")
    else:
        monkeypatch.setenv(given, "https://gateway.invalid/v1")
    assert run(shell, "%%seedream --provider demo --quiet\na fox")[0] is None
    assert [frame.ok for frame in shell.user_ns["_seedream"]] == [True]
    told = "" if given == "trait" else "; SEEDREAM_BASE_URL is for the others"
    assert f"demo (embedded, offline: it paints stock landscapes){told}\n" in run(shell, "%seedream use demo")[1]
    assert (
        "SEEDREAM_BASE_URL is for the other providers" in " ".join(str(run(shell, "%seedream doctor")[2]).split())
    ) is bool(told)
    assert "anyfast (https://gateway.invalid/v1)" in run(shell, "%seedream use anyfast")[1]


def test_help_is_the_magics_docstring(shell: InteractiveShell) -> None:
    """`%%seedream?` shows every option; see test_help for its language."""
    assert "--response-format" in shell.object_inspect("%%seedream")["docstring"]


def test_reload_and_unload(shell: InteractiveShell) -> None:
    """Loading again leaves one magic and one settings object; unloading leaves none."""
    for command in ("%reload_ext", "%reload_ext", "%unload_ext"):
        assert shell.run_cell(f"{command} seedream_magic").success
        settings = [held for held in shell.configurables if type(held).__name__ == "SeedreamMagics"]
        assert len(settings) == (command != "%unload_ext")
    assert shell.find_cell_magic("seedream") is None


def test_loading_is_light() -> None:
    """`%load_ext` imports no HTTP, picture, widget, server or database library, and of ours what it needs alone."""
    code = (
        "import sys; from IPython.core.interactiveshell import InteractiveShell; ip = InteractiveShell.instance();"
        "before = set(sys.modules);"  # IPython itself has loaded sqlite3
        "ip.run_cell('%load_ext seedream_magic'); assert ip.find_cell_magic('seedream');"
        "heavy = {'httpx', 'PIL', 'ipywidgets', 'tornado', 'sqlite3'};"
        "print(sorted(heavy.intersection(sys.modules).difference(before)));"
        "print(len([name for name in sys.modules if name.startswith('seedream_magic.')]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded, modules = done.stdout.splitlines()
    assert loaded == "[]", done.stderr
    assert int(modules) <= 28  # each takes about a millisecond, one of texts less


FIRST_CELL = """
import sys
from IPython.core.interactiveshell import InteractiveShell
loaded = []
def look(event, arguments):
    if event == "socket.connect" and not loaded:
        loaded.extend(sys.modules)
sys.addaudithook(look)
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "seedream_magic")
assert shell.run_cell("%%seedream --quiet --no-stream\\na first cell").success
rooms = {".".join(name.split(".")[1:2]) for name in loaded if name.startswith("seedream_magic.")}
print(len([name for name in loaded if name.startswith("seedream_magic.")]), *sorted(rooms | {"PIL"} & {*loaded}))
"""


def test_a_request_leaves_before_anything_is_loaded_that_it_does_not_need(server: RawServer, store: Path) -> None:
    """Not what draws many, searches, or shows (that is loaded beside it): a module takes a third of a millisecond."""
    variables = {"SEEDREAM_BASE_URL": f"{server.url}/v1", "SEEDREAM_API_KEY": "sk-first", "SEEDREAM_STORE": str(store)}
    environment = {**os.environ, **variables, "SEEDREAM_LIBRARY": ""}
    done = subprocess.run(
        [sys.executable, "-c", FIRST_CELL], env=environment, capture_output=True, text=True, check=True
    )
    modules, *rooms = done.stdout.splitlines()[-1].split()
    assert not {"PIL", "batch", "sweep", "view", "history"}.intersection(rooms)
    assert "run" in rooms
    assert int(modules) <= 135


TYPED = (" 四季 <<", "\na fox", "\na fox\n---\nin spring\n\n", " \\")


@pytest.mark.parametrize("typed", TYPED)
def test_a_cell_is_typed_line_by_line(shell: InteractiveShell, typed: str) -> None:
    """Where Enter either goes on or runs the cell (a terminal, a console), it does as in every other cell magic."""
    check = shell.input_transformer_manager.check_complete
    assert check(f"%%seedream{typed}") == check(f"%%timeit{typed}")


def test_a_terminal_takes_the_prompt_below(server: RawServer, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The prompt is asked for after the first line, and an empty line sends it; without one, nothing is sent. The set
    is shown as lines: number, path, size in pixels.
    """
    monkeypatch.setenv("SEEDREAM_BASE_URL", f"{server.url}/v1")
    monkeypatch.setenv("SEEDREAM_API_KEY", "sk-CANARY")
    monkeypatch.setenv("SEEDREAM_STORE", str(store))
    lines = ["%load_ext seedream_magic", "%%seedream pair << -n 2", "two foxes", "", "", "print(len(pair))", ""]
    lines += ["%%seedream", "", "", "exit()", ""]
    command = [sys.executable, "-m", "IPython", "--no-banner", "--colors=NoColor", "--simple-prompt"]
    done = subprocess.run(command, input="\n".join(lines), capture_output=True, text=True, check=True, timeout=60)
    assert [body["prompt"] for body in bodies(server.requests)] == ["two foxes"], done.stdout
    assert all(words in done.stdout for words in ("2 images · ", "02.jpg", "64x48", "write it below"))
    assert "<div" not in done.stdout
