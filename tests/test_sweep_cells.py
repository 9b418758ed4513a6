"""Cells that ask for a sweep: what they show, ask and refuse before anything is sent, and what becomes of a Stop."""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from asking import run, run_cell
from kernel import Kernel, running_kernel
from raw_server import RawServer
from seedream_magic import InvalidRequest, SeedreamInterrupted
from seedream_magic.demo.server import DemoService, DemoSettings, running
from seedream_magic.notebook.mistakes import first_group
from seedream_magic.notebook.terminal import Lines
from seedream_magic.sweep.sweep import Sweep
from service import SlowService, bodies


def prompts_sent(server: RawServer) -> list[str]:
    return [body["prompt"] for body in bodies(server.requests)]


def answers(monkeypatch: pytest.MonkeyPatch, shell: InteractiveShell, *given: str | BaseException) -> list[str]:
    """A person who answers so, one after the other; gives the questions."""
    asked, coming = list[str](), iter(given)

    def answer(question: str = "") -> str:
        asked.append(question)
        if isinstance(now := next(coming), BaseException):
            raise now
        return now

    monkeypatch.setattr(builtins, "input", answer)
    monkeypatch.setattr(shell, "kernel", object(), raising=False)
    return asked


def test_a_cell_draws_one_run_for_each_variant(shell: InteractiveShell, server: RawServer) -> None:
    """NAME is the sweep, and so is `_seedream`; variables are filled in, in the variants too."""
    shell.user_ns["place"] = "the sea"
    error, text = run(shell, "%%seedream kites << --vary --xy size=2K,4K\na {red|blue} kite over {place}")
    assert error is None
    kites = shell.user_ns["kites"]
    assert isinstance(kites, Sweep)
    assert shell.user_ns["_seedream"] is kites
    assert sorted(prompts_sent(server)) == ["a blue kite over the sea"] * 2 + ["a red kite over the sea"] * 2
    assert "4 runs: 4 to send. They may bill up to 4 images." in text
    assert run(shell, "kites.axes")[0] is None
    error, text = run(shell, '%%seedream -s 2K --ref kites["red","2K"]\nlike this')
    assert error is None
    assert bodies(server.requests)[-1]["image"].startswith("data:image/jpeg")


def test_a_set_for_each_variant(shell: InteractiveShell, server: RawServer) -> None:
    """-n 4 with --vary is one request of four pictures for each, each with words of its own."""
    assert run(shell, "%%seedream sets << -n 4 --vary\n{spring|winter} in a village")[0] is None
    sent = [(body["prompt"], body["sequential_image_generation_options"]) for body in bodies(server.requests)]
    assert sorted(sent, key=lambda one: one[0]) == [
        ("spring in a village", {"max_images": 4}),
        ("winter in a village", {"max_images": 4}),
    ]
    assert [len(images.ok) for images in shell.user_ns["sets"]] == [4, 4]


def test_rows_from_the_notebook_and_from_a_file(shell: InteractiveShell, server: RawServer) -> None:
    """A list by its name, an expression, a CSV file; a storyboard takes them in each of its parts."""
    shell.user_ns["animals"], shell.user_ns["data"] = ["fox", "cat"], {"few": [{"animal": "owl"}]}
    Path("rows.csv").write_text("animal,size\nwhale,4K\n", encoding="utf-8")
    for option, body in [
        ("animals", "a {animals}"),
        ("data['few']", "an {animal}"),
        ("rows.csv", "a {animal}\n---\nit sleeps\n---\nthe {animal} wakes"),
    ]:
        assert run(shell, f"%%seedream --each {option}\n{body}")[0] is None
    assert sorted(prompts_sent(server)) == ["a cat", "a fox", "a whale\n\n1. it sleeps\n2. the whale wakes", "an owl"]
    assert bodies(server.requests)[-1]["size"] == "4K"


def test_raw_braces_are_no_news(shell: InteractiveShell, server: RawServer) -> None:
    """Who asks for them is not told that they stay; without --raw they may be a slip."""
    assert "Sent as typed" in run(shell, "%%seedream --dry-run --vary\n{red|blue} {x}")[1]
    assert "Sent as typed" not in run(shell, "%%seedream --dry-run --vary --raw\n{red|blue} {x}")[1]


def test_a_prompt_that_reads_as_code_is_told_of_many_runs_as_of_one(shell: InteractiveShell, server: RawServer) -> None:
    """Each of them is paid."""
    assert "reads as Python" in run(shell, "%%seedream --dry-run --repeat 2\nprint('a red kite')")[1]


def test_options_are_crossed_and_set_by_rows_in_chinese(shell: InteractiveShell, server: RawServer) -> None:
    """By the words that a cell takes as options; one letter is the name of a column, and no option."""
    shell.user_ns["表"] = [{"动物": "狐狸", "尺寸": "4K", "n": 16}, {"动物": "仙鹤", "尺寸": "2K", "n": 17}]
    assert run(shell, "%%seedream --each 表\n一只{动物}")[0] is None
    assert run(shell, "%%seedream --xy 尺寸=2K，4K\n一只猫")[0] is None
    sent = sorted((body["prompt"], body["size"]) for body in bodies(server.requests))
    assert sent == [("一只仙鹤", "2K"), ("一只狐狸", "4K"), ("一只猫", "2K"), ("一只猫", "4K")]


def test_without_vary_braces_are_what_they_were(shell: InteractiveShell, server: RawServer) -> None:
    """A bar makes no group, which is said, and a backslash is one."""
    error, text = run(shell, "%%seedream\n{red|blue} \\{x\\}")
    assert error is None
    assert "goes out as typed: {red|blue}. With --vary each variant is a run of its own." in text
    assert prompts_sent(server) == ["{red|blue} \\{x\\}"]
    assert "as typed: {red|blue kite. With --vary" in run(shell, "%%seedream\na {red|blue kite")[1]


def test_axes_have_chinese_names_in_what_is_refused(shell: InteractiveShell, server: RawServer) -> None:
    """A Chinese sentence names an axis as the grid does."""
    shell.run_cell("%config SeedreamMagics.language = 'zh'")
    assert run(shell, "%%seedream 风筝 << --变体 --交叉 尺寸=2K,4K\n{红|蓝}色的风筝")[0] is None
    assert "没有 '绿'。变体：红、蓝；尺寸：2K、4K。" in run(shell, "风筝['绿']")[1]
    assert "尺寸：'2K' 出现了两次" in run(shell, "%%seedream --交叉 尺寸=2K,2K\n猫")[1]
    assert "尺寸 9K：--尺寸 可取" in run(shell, "%%seedream --交叉 尺寸=2K,9K\n猫")[1]
    assert "尺寸 写了两次" in run(shell, "%%seedream --交叉 尺寸=2K --交叉 尺寸=4K\n猫")[1]
    assert len(prompts_sent(server)) == 4


@pytest.mark.parametrize(
    ("options", "body", "words"),
    [
        ("--vary", "a fox", "--vary finds no group in the prompt"),
        ("--vary --show carousel", "{a|b}", "a sweep is a grid of its runs"),
        ("--sample 3", "a fox", "--sample goes with --vary, --each, --xy or --repeat"),
        ("--vary --seed 3", "{a|b}", "The service takes no seed"),
        ("--xy size=2K,4K -s 2K", "a fox", "size is given twice"),
        ("--xy size=2K --xy size=4K", "a fox", "size is given twice"),
        ("--xy size", "a fox", "--xy takes an option and its values, such as size=2K,4K, not 'size'"),
        ("--xy sise=2K", "a fox", "There is no option 'sise' to cross: did you mean size?"),
        ("--xy size=2K,9K", "a fox", "size 9K: --size takes"),
        ("--repeat 0", "a fox", "--repeat takes 1 to 100, not '0'"),
        ("--repeat 2 --fresh", "a fox", "--fresh goes without --repeat"),
        ("--each nowhere", "{each}", "There is no variable and no file named nowhere"),
        ("--each nowhere.csv", "{each}", "cannot be read from nowhere.csv"),
        ("--each rows", "a {colour}", "The rows have no column 'colour': did you mean {color}?"),
        ("--each rows", "a fox", "The prompt uses none of the columns"),
        ("--xy ref=hero", "a fox", "There is no variable and no file named hero"),
        ("--vary --xy size=2K,4K -m doubao-seedream-3-0-t2i -n 2", "{a|b}", "makes one image a request"),
    ],
)
def test_sweeps_that_are_refused(
    options: str, body: str, words: str, shell: InteractiveShell, server: RawServer
) -> None:
    """In one line that names the fix; nothing is sent."""
    shell.user_ns["rows"] = [{"color": "red"}]
    error, _ = run(shell, f"%%seedream {options}\n{body}")
    assert isinstance(error, InvalidRequest)
    assert words in " ".join(error.lines())
    assert server.posts == 0


def test_a_dry_run_shows_the_account_and_the_empty_grid(shell: InteractiveShell, server: RawServer) -> None:
    """With what would be refused, or asked; which runs are there already; nothing of it looks begun or interrupted."""
    assert run(shell, "%%seedream -s 2K\na red kite")[0] is None
    error, text, outputs = run_cell(shell, "%%seedream --dry-run --vary -s 2K\na {red|blue} kite")
    assert error is None
    assert "Nothing was sent.\n" in text
    text, html = (outputs[0]["data"][kind] for kind in ("text/plain", "text/html"))
    assert "\n2 runs\n2 runs: 1 in the library, 1 to send. They may bill up to 1 image." in text
    assert re.findall('class="seedream-cell"[^>]* data-state="([a-z]+)"', html) == ["stored", "planned"]
    assert ">in the library</div>" in html
    assert ">to send</div>" in html
    assert not re.search("waiting|under way|interrupted", text)
    assert "this was under way" not in html
    shell.run_line_magic("config", "SeedreamMagics.max_images_per_run = 1")
    error, text = run(shell, "%%seedream --dry-run --vary\na {red|blue} kite")
    assert "It would be refused now: This sweep may bill up to 2 images; SeedreamMagics.max_images_per_run" in text
    assert server.posts == 1


def test_a_dry_run_needs_no_key(shell: InteractiveShell, server: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one of a single set does: who asks for the price has no key yet. That there is none is said."""
    monkeypatch.delenv("SEEDREAM_API_KEY")
    error, text = run(shell, "%%seedream --dry-run --vary\na {red|blue} kite")
    assert error is None
    assert "2 runs: 2 to send." in text
    assert "Nothing was sent. It would be refused now: No API key for " in text
    assert server.posts == 0


@pytest.mark.parametrize("option", ["", "--vary"])
def test_stop_before_anything_is_sent_is_one_line(option: str, shell: InteractiveShell, server: RawServer) -> None:
    """While the cell is read and its runs are looked up; no traceback of what was just being done."""
    shell.user_ns["slow"] = Interrupting()
    error, _ = run(shell, f"%%seedream {option}\na {{red|blue}} {{slow}} kite")
    assert isinstance(error, SeedreamInterrupted)
    assert error.lines() == ["SeedreamInterrupted: Stopped before anything was sent.", "Not billed."]
    assert server.posts == 0


class Interrupting:
    """A value at which Stop is pressed."""

    def __format__(self, how: str) -> str:
        raise KeyboardInterrupt

    __str__ = __repr__ = format


def test_a_sweep_above_the_limit_of_a_run_is_asked_about(
    shell: InteractiveShell, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once for all; no answer draws nothing, and neither does a front end where nobody can answer."""
    cell = "%%seedream --vary\na {red|green|blue} kite"
    shell.run_line_magic("config", "SeedreamMagics.max_images_per_run = 2")
    asked = answers(monkeypatch, shell, "", NotImplementedError(), "y")
    for words in ("as you answered", "Nobody can answer here"):
        error, _ = run(shell, cell)
        assert isinstance(error, InvalidRequest)
        assert words in " ".join(error.lines())
    assert server.posts == 0
    assert run(shell, cell)[0] is None
    assert server.posts == 3
    assert run(shell, cell)[0] is None  # from the library: nothing to ask
    assert len(asked) == 3
    assert asked[0].startswith(
        "This sweep may bill up to 3 images; SeedreamMagics.max_images_per_run allows 2. Draw it"
    )


@pytest.mark.parametrize("limit", ["session", "day"])
def test_the_whole_is_held_against_the_other_limits(limit: str, shell: InteractiveShell, server: RawServer) -> None:
    """Before the first request, so that none of it is drawn in vain; Python is held to them too."""
    shell.run_line_magic("config", f"SeedreamMagics.max_images_per_{limit} = 3")
    assert run(shell, "%%seedream\nthe first of the day")[0] is None
    for cell in (
        "%%seedream --vary\na {red|green|blue} kite",
        "from seedream_magic import Seedream\nSeedream().sweep('a {c} kite', vary={'c': ['red', 'green', 'blue']})",
    ):
        error, _ = run(shell, cell)
        assert isinstance(error, InvalidRequest)
        assert "This may bill 3 images after 1" in str(error)
    assert server.posts == 1
    assert run(shell, "%%seedream --vary --sample 2\na {red|green|blue} kite")[0] is None


def test_commands_take_a_run_of_a_sweep(shell: InteractiveShell) -> None:
    """Where a run is meant the sweep is refused with the name of one; `export` takes it whole."""
    assert run(shell, "%%seedream kites << --vary\na {red|blue} kite")[0] is None
    error, _ = run(shell, "%seedream show kites")
    assert 'kites is a sweep of 2 runs: name one of them, such as kites["red"].' in str(error)
    error, _ = run(shell, "%seedream retry kites")
    assert "kites is a sweep: kites = kites.retry() draws what failed of it" in str(error)
    error, _ = run(shell, "from seedream_magic import Panel\nPanel(kites)")
    assert 'A panel begins with one run of a sweep, such as kites["red"].' in str(error)
    assert run(shell, '%seedream show kites["blue"]')[0] is None
    assert shell.user_ns["_seedream"].prompt == "a blue kite"
    assert run(shell, "%seedream export kites kites.jpg")[0] is None
    assert Path("kites.jpg").stat().st_size > 0


def test_a_growing_grid_is_one_output(shell: InteractiveShell) -> None:
    """The account stands in its first value, when nothing has been sent."""
    error, _, outputs = run_cell(shell, "%%seedream --vary --xy watermark=on,off\na {red|green|blue} kite")
    assert error is None
    texts = [output["data"]["text/plain"] for output in outputs]
    assert "0 of 6 runs done · 6 waiting" in texts[0]
    assert "6 runs: 6 to send." in texts[0]
    assert "6 images billed." in texts[-1]
    assert len({output["transient"]["display_id"] for output in outputs if output.get("transient")}) <= 2


@pytest.mark.kernel
def test_a_sweep_in_the_background(slow_kernel: Kernel, slow_server: RawServer, slow: SlowService) -> None:
    """The cell returns at once; the grid grows, and so does NAME, until `%seedream stop`. Run again it goes on."""
    cell = "%%seedream kites << --bg --vary -n 2\n{whole|kite}"
    assert slow_kernel.run(cell).ename is None
    waits = "import asyncio\nwhile kites.state == 'running' and kites.state_of(0) != 'done': await asyncio.sleep(0.01)"
    assert slow_kernel.run(waits).ename is None
    assert slow_kernel.run("print(kites.state)").stdout == "running\n"
    assert slow_kernel.run("%seedream stop\nwhile kites.state == 'running': await asyncio.sleep(0.01)").ename is None
    assert states_of(slow_kernel) == ["done", "stopped"]
    slow.release.set()
    assert slow_kernel.run(cell).ename is None
    assert slow_kernel.run("while kites.state == 'running': await asyncio.sleep(0.01)").ename is None
    assert states_of(slow_kernel) == ["done", "done"]
    assert [body["prompt"] for body in bodies(slow_server.requests)].count("whole") == 1


def test_a_terminal_shows_lines(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    """The account, and a line for each run with its pictures."""
    assert run(shell, "%%seedream kites << --vary -n 2\na {red|-|blue} kite")[0] is None
    kites = shell.user_ns["kites"]
    Lines().show(kites)
    printed = capsys.readouterr().out.splitlines()
    folders = [images.folder.name for images in kites]
    assert printed[3] == "4 images billed."
    assert printed[-2:] == [
        f"{label}: store/{folder}/01.jpg, store/{folder}/02.jpg"
        for label, folder in zip(("red", "blue"), folders, strict=True)
    ]
    planned = replace(kites, title="一只{红|-|蓝}风筝", state="planned", sets=(None,) * 3)
    Lines().show(planned)
    printed = capsys.readouterr().out.splitlines()
    assert (printed[1], printed[-2:]) == ("变体：red、-、blue", ["red：将发送", "blue：将发送"])


@pytest.fixture
def demo() -> Iterator[DemoService]:
    """The demo service, whose requests are counted here."""
    with running(DemoSettings(delay=0.2)) as service:
        yield service


@pytest.fixture
def kernel(demo: DemoService, tmp_path: Path) -> Iterator[Kernel]:
    """A kernel that asks it."""
    environment = {"SEEDREAM_LIBRARY": str(tmp_path / "library.sqlite3")}
    with running_kernel(environment=environment, directory=tmp_path) as running:
        setup = f"%load_ext seedream_magic\n%seedream use demo\n%config SeedreamMagics.base_url = {demo.base_url!r}"
        assert running.run(setup).ename is None
        yield running


STATES = "print([kites.state_of(index) for index in kites.runs])"


@pytest.mark.kernel
def test_a_sweep_is_stopped_half_way_and_run_again(demo: DemoService, kernel: Kernel) -> None:
    """3 x 2 x 2 on the demo: the account first, a refused cell, Stop; run again only what is missing is sent."""
    colours = ["red", "blue", "refuse green"]
    cell = "%%seedream kites << -s 2K --vary --xy watermark=on,off\na {COLOURS} kite over {the sea|a city}"
    kernel.start(cell.replace("COLOURS", "|".join(colours)))
    account = "12 runs: 12 to send. The demo draws them free: 12 images."
    growing = re.compile(rf"\n[1-9] of 12 runs done.*\n{account}", re.DOTALL)
    kernel.wait_output(lambda result: any(map(growing.search, texts_of(result))))
    kernel.interrupt()
    kernel.wait_idle()
    assert kernel.result.ename == "SeedreamInterrupted"
    assert "drawn by the demo, free" in texts_of(kernel.result)[-1]
    assert not re.search("to send|bill", texts_of(kernel.result)[-1])
    before = states_of(kernel)
    assert "stopped" in before

    posts = demo.posts
    assert kernel.run(cell.replace("COLOURS", "|".join(colours))).ename is None
    assert states_of(kernel).count("done") == 8
    # Of a picture that was on its way only the download was missing.
    assert 4 <= demo.posts - posts <= 12 - before.count("done")
    posts = demo.posts
    assert kernel.run("kites = kites.retry()").ename is None
    assert demo.posts - posts == 4  # the refused ones

    posts = demo.posts
    wider = cell.replace("COLOURS", "red|yellow|blue")
    assert kernel.run(wider).ename is None
    assert states_of(kernel) == ["done"] * 12
    assert demo.posts - posts == 4


def texts_of(result: Any) -> list[str]:
    return [output.data.get("text/plain", "") for output in result.displays]


def states_of(kernel: Kernel) -> list[str]:
    return re.findall(r"'(\w+)'", kernel.run(STATES).stdout)


@pytest.mark.parametrize("typed", ["{red|blue}", "｛红｜蓝｝", "{red|blue"])
def test_a_group_without_vary_is_seen_however_it_is_typed(typed: str) -> None:
    """In either width, closed or not."""
    assert first_group(f"a {typed} kite").rstrip() in {typed, f"{typed} kite"}


def test_a_group_without_vary_is_told_before_anything_is_sent(
    shell: InteractiveShell, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who meant variants can stop it; what is stored already is not sent, and nothing is said."""
    told = list[tuple[str, int]]()
    monkeypatch.setattr(builtins, "print", lambda *words, **_: told.append((str(words[0]), server.posts)))
    for _ in range(2):
        shell.run_cell("%%seedream\n{red|blue} kite before it is sent")
    assert [posts for words, posts in told if "as typed: {red|blue}" in words] == [0]
    assert server.posts == 1
