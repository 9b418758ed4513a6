"""Tab in `%%seedream` and `%seedream` lines: what is offered, and that a real kernel's `complete_request` gives it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import IPython
import numpy as np
import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image

from kernel import Kernel, running_kernel
from raw_server import raw_server
from seedream_magic import ConfigError, Seedream
from seedream_magic.notebook.cell import parse_cell
from seedream_magic.notebook.completion import Surroundings, complete
from seedream_magic.notebook.options import OPTIONS
from seedream_magic.notebook.tab import register_completion, unregister_completion
from service import PICTURE, POST, picture, whole_answer

RUNS = ("20260101T000000Z-aaaaaaaaaa", "20260102T000000Z-bbbbbbbbbb", "20260103T000000Z-cccccccccc")
PRO = "doubao-seedream-5-0-pro-260628"
has_matchers = pytest.mark.skipif(IPython.version_info < (8, 6), reason="IPython before 8.6 has no matchers: silent")


@dataclass(frozen=True)
class ImageSet:
    """A class of the name that sets have, but of this module: it is none."""

    frames: int = 3


@pytest.fixture
def around(store: Path, tmp_path: Path) -> Surroundings:
    """A notebook with pictures of several kinds, a store with three runs, a folder with files."""
    for run_id in RUNS:
        (store / run_id).mkdir()
    for name in ("plain.jpg", "a b.png", "图 一.png", "notes.txt", ".hidden.png", 'quo"te.png'):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "my pictures").mkdir()
    (tmp_path / "my pictures" / "one.webp").write_bytes(b"")
    namespace = {
        "hero": Image.new("RGB", (2, 2)),
        "英雄": np.zeros((2, 2, 3), np.uint8),
        "data": b"\xff\xd8",
        "where": Path("plain.jpg"),
        "number": 3,
        "words": "text",
        "mine": ImageSet(),
        "_1": b"",
        "_seedream": b"",
    }
    return Surroundings(namespace, lambda provider: Seedream(provider or "anyfast", store=store))


def offered(cell: str, around: Surroundings) -> list[str]:
    """What Tab at the end of the cell, or at a ¦ in it, offers."""
    before, _, behind = cell.partition("¦")
    lines = before.split("\n")
    _, found = complete(before + behind, len(lines) - 1, len(lines[-1]), around)
    return [candidate.text for candidate in found]


ALL_FLAGS = {flag for option in OPTIONS for flag in option.flags}


def test_every_option_of_the_table_is_offered(around: Surroundings) -> None:
    """After one hyphen all of them, `--no-` forms included; after two, and with nothing typed, the long ones."""
    hyphen = set(offered("%%seedream -", around))
    assert hyphen > ALL_FLAGS
    assert {"--no-stream", "--no-watermark"} <= hyphen
    assert set(offered("%%seedream --", around)) == {flag for flag in hyphen if flag.startswith("--")}
    assert offered("%%seedream --fresh --strea", around) == ["--stream"]
    assert offered("%%seedream --尺", around) == ["--尺寸"]
    assert "4K" in offered("%%seedream --尺寸 ", around)
    assert "--images" in offered("%%seedream ", around)


@pytest.mark.parametrize("option", [option for option in OPTIONS if option.words], ids=lambda option: option.flags[-1])
def test_values_of_the_table_are_offered_and_parse(around: Surroundings, option: Any) -> None:
    """Each value that Tab gives is one that the cell takes, with a space or an = between."""
    for flag in option.flags:
        found = offered(f"%%seedream {flag} ", around)
        assert found
        assert set(option.words) >= set(found) or flag in {"-s", "--size"}
        for value in found:
            parse_cell(f"{flag} {value}", "x")
    assert offered(f"%%seedream {option.flags[-1]}=", around) == found


@pytest.mark.parametrize(
    ("line", "there", "not_there"),
    [
        (f"-m {PRO} -s ", "1K 1.5K 2K 1424x800", "4K 2848x1600"),
        (f"--model={PRO} --size=", "1.5K", "4K"),
        (f"-m {PRO} -n ", "1", "2 auto"),
        ("-n ", "1 2 15 auto", "0 16"),
        ("-m ep-77 -s ", "1K 1.5K 2K 3K 4K", ""),
        ("--provider ark -m ", "doubao-seedream-4-5-251128", "doubao-seedream-4-5"),
        ("-r 1", "16:9 1:1", "4:3"),
    ],
)
def test_values_follow_model_and_provider(around: Surroundings, line: str, there: str, not_there: str) -> None:
    """Sizes and counts are those of the model, ids those of the provider, that the line or the session names."""
    found = set(offered(f"%%seedream {line}", around))
    assert set(there.split()) <= found
    assert not found & set(not_there.split())


def test_references_are_pictures_of_the_notebook_and_files(around: Surroundings) -> None:
    """Variables that hold a picture, by their class and never by their value; folders and picture files; `run:`."""
    found = offered("%%seedream --ref ", around)
    assert found[:5] == ["_seedream", "data", "hero", "where", "英雄"]
    assert {'"a b.png"', "plain.jpg", '"my pictures/', '"图 一.png"', "run:"} <= set(found)
    assert not {"number", "words", "mine", "_1", "notes.txt", ".hidden.png"} & set(found)
    assert offered("%%seedream -i 英", around) == ["英雄"]
    assert offered("%%seedream -i .h", around) == [".hidden.png"]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("a", '"a b.png"'), ("'a ", "'a b.png'"), ('"a ¦"', '"a b.png'), ("quo", '"quo\\"te.png"'),
        ("my", '"my pictures/'), ('"my pictures/', '"my pictures/one.webp"'), ("图", '"图 一.png"'),
    ],
)  # fmt: skip
@pytest.mark.skipif(os.name == "nt", reason="no such file names on Windows")
def test_paths_are_quoted_where_they_must_be(around: Surroundings, typed: str, expected: str) -> None:
    """A quote that was typed is kept, one that stands behind the cursor is not doubled; a folder stays open."""
    assert offered(f"%%seedream --ref {typed}", around) == [expected]
    closed = expected if expected[-1] in "\"'" else f'{expected}"'
    assert parse_cell(f"--ref {closed}", "x").ask.refs == [closed[1:-1].replace("\\", "")]


def test_runs_are_offered_newest_first(around: Surroundings) -> None:
    """After each command that takes a run, and as references; with a beginning typed, those that begin so."""
    for command in ("show", "recover", "retry", "export", "purge", "panel"):
        assert offered(f"%seedream {command} ", around) == list(reversed(RUNS))
        assert offered(f"%seedream {command} 20260102", around) == [RUNS[1]]
    assert offered("%%seedream --ref run:", around) == [f"run:{run_id}" for run_id in reversed(RUNS)]
    assert offered(f"%%seedream --ref run:{RUNS[0][:8]}", around) == [f"run:{RUNS[0]}"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("%seedream use by", ["byteplus"]),
        ("%seedream use ark", ["ark", "ark-plan"]),
        ("%seedream models --l", ["--live"]),
        ("%%seedream --provider ark-plan -m ", ["doubao-seedream-5.0-lite"]),
        ("answer = %seedream sh", ["show"]),
        ("x = 1\n%seedream sh", ["show"]),
        ("%seedream doctor ServerO", ["ServerOverloaded"]),
        ("%seedream export R plain", ["plain.jpg"]),
        ("%seedream history -", ["--here", "--starred"]),
        ("%seedream history red fox --h", ["--here"]),
        *((line, []) for line in ("%seedream models dola", "%seedream history ", "%seedreamer sh", "%%seedreams --s",
                                  "%%seedream -n 2\n--s", "%%seedream\n%seedream sh", "print('%%seedream') --s")),
    ],
)  # fmt: skip
def test_commands_and_their_arguments(around: Surroundings, line: str, expected: list[str]) -> None:
    """Words of the help table, providers, codes and files, each where it can stand; nothing of ours elsewhere."""
    assert offered(line, around) == expected


def test_names_of_sets_come_first(around: Surroundings, store: Path) -> None:
    """On the first word the sets that can be bound anew; `<<` after a name; `--out` takes the same names."""
    with raw_server({POST: whole_answer, PICTURE: picture}) as server:
        client = Seedream(base_url=f"{server.url}/v1", api_key="sk-CANARY", store=store)
        namespace = {**around.namespace, "四季": client.generate("x", images=2)}
    around = Surroundings(namespace, around.make_client)
    assert offered("%%seedream ", around)[0] == "四季 <<"
    assert offered("%%seedream 四", around) == ["四季 <<"]
    assert offered("%%seedream 四季 <", around) == ["<<"]
    assert offered("%%seedream --out ", around) == ["四季"]
    assert offered("%%seedream --ref 四季[", around) == ["四季[0]", "四季[1]"]


def test_unusable_settings_still_complete(around: Surroundings) -> None:
    """Where no client can be made, options and presets are offered all the same; runs and ids are not."""

    def unusable(_: str | None) -> Any:
        raise ConfigError("no such provider")

    around = Surroundings(around.namespace, unusable)
    assert "2K" in offered("%%seedream -s ", around)
    assert "--size" in offered("%%seedream --", around)
    assert offered("%seedream show ", around) == []


def test_older_ipython_stays_silent(ip: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without IPython's matchers nothing is registered and nothing is raised; a shell without a completer is fine."""
    monkeypatch.delattr("IPython.core.completer.context_matcher", raising=False)
    before = list(ip.Completer.custom_matchers)
    register_completion(ip)
    assert ip.Completer.custom_matchers == before
    unregister_completion(SimpleNamespace())  # type: ignore[arg-type] # a shell that has no completer


@has_matchers
def test_a_fault_is_no_traceback(
    ip: InteractiveShell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where looking up fails, IPython's own completions come, and no text is printed into the cell."""

    def failing(*_: object) -> Any:
        raise RuntimeError("broken")

    ip.run_cell("%load_ext seedream_magic")
    register_completion(ip)
    monkeypatch.setattr("seedream_magic.notebook.completion.complete", failing)
    ip.Completer.use_jedi = False  # it takes seconds over a line that is no Python
    with provisionalcompleter():
        assert "--size" not in [found.text for found in ip.Completer.completions("%%seedream --s", 14)]
    assert "broken" not in "".join(capsys.readouterr())
    unregister_completion(ip)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel with the extension, a set named 四季 that the demo drew, and a file whose name has a space."""
    folder = tmp_path_factory.mktemp("completion")
    (folder / "a b.png").write_bytes(b"")
    environment = {"SEEDREAM_PROVIDER": "demo", "SEEDREAM_STORE": str(folder / "runs")}
    with running_kernel(environment=environment, directory=folder) as running:
        setup = (
            "%load_ext seedream_magic\n"
            "from PIL import Image\n"
            "英雄 = Image.new('RGB', (2, 2))\n"
            "get_ipython().run_cell_magic('seedream', '四季 << --quiet', 'x')"
        )
        assert running.run(setup).ename is None
        yield running


def asked(kernel: Kernel, cell: str) -> tuple[list[str], list[str]]:
    """What `complete_request` at the ¦ (or the end) gives: the matches, and the cell with each of them put in."""
    before, _, behind = cell.partition("¦")
    reply = kernel.client.complete(before + behind, len(before), reply=True, timeout=30)["content"]
    assert reply["status"] == "ok"
    start, end = reply["cursor_start"], reply["cursor_end"]
    code = before + behind
    return reply["matches"], [code[:start] + match + code[end:] for match in reply["matches"]]


@has_matchers
@pytest.mark.kernel
@pytest.mark.parametrize("jedi", [True, False])
def test_a_real_kernel_completes(kernel: Kernel, jedi: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Options, values, variables with Chinese names, quoted paths, runs, commands; whole cells as they would stand."""
    assert kernel.run(f"%config IPCompleter.use_jedi = {jedi}").ename is None
    assert asked(kernel, "%%seedream --wat¦\nprompt")[1] == ["%%seedream --watermark\nprompt"]
    assert asked(kernel, "%%seedream -s 2K -r 16¦")[1] == ["%%seedream -s 2K -r 16:9"]
    assert asked(kernel, "%%seedream -i 英¦\n小狐狸")[1] == ["%%seedream -i 英雄\n小狐狸"]
    assert asked(kernel, "\n%%seedream --ref a¦")[1] == ['\n%%seedream --ref "a b.png"']
    assert asked(kernel, '%%seedream --ref "a ¦"')[1] == ['%%seedream --ref "a b.png"']
    assert asked(kernel, "%%seedream 四¦")[1] == ["%%seedream 四季 <<"]
    assert asked(kernel, "%seedream rec¦")[1] == ["%seedream recover"]
    run_id = kernel.run("四季.run_id").displays[-1].text.strip("'")
    assert asked(kernel, "%seedream show ¦")[0] == [run_id]
    assert "--stream" not in asked(kernel, "%%seedream\n--s")[0]
    assert "英雄" in asked(kernel, "英")[0]


def test_the_values_of_a_sweep(around: Surroundings, tmp_path: Path) -> None:
    """Tables of the notebook and CSV files; options that can be crossed, and behind the sign what each takes."""
    (tmp_path / "rows.csv").write_bytes(b"")
    tables = Surroundings({"animals": ["fox"], "hero": 3, "by_name": {}}, around.make_client)

    def offered(line: str) -> list[str]:
        return [found.text for found in complete(line, 0, len(line), tables)[1]]

    assert offered("%%seedream --each ") == ["animals", "by_name", '"my pictures/', "rows.csv", "store/"]
    assert "size=" in offered("%%seedream --xy ")
    assert offered("%%seedream --xy size=2K,4K") == ["size=2K,4K"]
    assert offered("%%seedream --xy watermark=on,") == ["watermark=on,on", "watermark=on,off"]
