"""`%%seedream` in a real kernel: Stop where cells may nest (elsewhere: test_faults_stop.py), no widget message lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel import Kernel, Result
from raw_server import RawServer
from service import SlowService

pytestmark = pytest.mark.kernel


def one_picture(result: Result) -> bool:
    """That the output shows the first picture."""
    return any(output.data.get("text/html", "").count("<img") >= 1 for output in result.displays)


@pytest.mark.fault("F95")
def test_stop_where_cells_may_nest(slow_kernel: Kernel, slow_server: RawServer, tmp_path: Path) -> None:
    """The arrived frame is kept, the next run works, and no thread is left."""
    slow_kernel.run("%config SeedreamMagics.event_loop = 'nest'")
    slow_kernel.start("%%seedream -n 2\nx")
    slow_kernel.wait_output(one_picture)
    slow_kernel.interrupt()
    slow_kernel.wait_idle(timeout=5)
    slow_server.wait_for(lambda seen: seen.open_connections == 0)
    stopped = slow_kernel.result
    assert stopped.ename == "SeedreamInterrupted", stopped
    assert "Stopped after 1 of 2" in (stopped.evalue or "")
    assert len(stopped.traceback) <= 5
    assert [path.name for path in tmp_path.glob("seedream-runs/2*/*.jpg*")] == ["01.jpg"]
    assert slow_kernel.run("%%seedream after << -n 2\nwhole").ename is None
    assert slow_server.posts == 2
    left = "[thread.name for thread in __import__('threading').enumerate() if 'seedream' in thread.name]"
    assert slow_kernel.run(left).displays[0].text == "[]"


def test_purge_asks_where_somebody_can_answer(slow_kernel: Kernel, slow: SlowService, tmp_path: Path) -> None:
    """The question names run, words, pictures and store; only yes deletes. Where the front end has no field for an
    answer, as with nbconvert, only a full id does.
    """
    slow.release.set()
    slow_kernel.run("%%seedream -n 2\na fox in the snow")
    (folder,) = tmp_path.glob("seedream-runs/2*")
    refused = slow_kernel.run("%seedream purge latest", allow_stdin=False)
    assert "deleted by its full id only" in (refused.evalue or "")
    for answer in ("", "n", "no", "yes please", "删"):
        asked, said = answered(slow_kernel, f"%seedream purge {folder.name}", answer)
        assert (
            f'Delete run {folder.name} for good ("a fox in the snow", 2 pictures, 0.0 MB, in {folder.parent})' in asked
        )
        assert said.stdout.endswith("Nothing is deleted.\n")
        assert (folder / "01.jpg").exists()
    slow_kernel.start("%seedream purge latest")
    slow_kernel.client.get_stdin_msg(timeout=20)
    slow_kernel.interrupt()
    slow_kernel.wait_idle()
    assert slow_kernel.result.ename == "SeedreamInterrupted"
    assert len(slow_kernel.result.traceback) <= 5
    _, said = answered(slow_kernel, "%seedream purge latest", " 是 ")
    assert f"Run {folder.name} is deleted: " in said.stdout
    assert not folder.exists()
    slow_kernel.run("%%seedream -n 2\na hen")
    (folder,) = tmp_path.glob("seedream-runs/2*")
    alone = slow_kernel.run(f"%seedream purge {folder.name}", allow_stdin=False)
    assert f"Run {folder.name} is deleted: " in alone.stdout


def answered(kernel: Kernel, code: str, answer: str) -> tuple[str, Result]:
    """What a cell asks a person who gives this answer, and what it shows at its end."""
    kernel.start(code)
    question = kernel.client.get_stdin_msg(timeout=20)["content"]["prompt"]
    kernel.client.input(answer)
    kernel.wait_idle()
    return question, kernel.result


def test_widget_message_during_a_run_is_not_lost(slow_kernel: Kernel, slow: SlowService) -> None:
    """In the default mode a click that arrives while a cell draws reaches its handler when the cell has ended."""
    answers = [slow_kernel.is_complete(code) for code in ("%%seedream -n 2", "%%seedream\nx", "%%seedream\nx\n\n")]
    assert answers == ["incomplete", "incomplete", "complete"]
    made = slow_kernel.run(
        "import ipywidgets\nclicks = []\nbutton = ipywidgets.Button()\n"
        "button.on_click(lambda _: clicks.append(1))\nbutton.comm.comm_id"
    )
    comm = made.displays[-1].text.strip("'")
    slow_kernel.start("%%seedream -n 2\nx")
    slow_kernel.wait_output(one_picture)
    click = {"comm_id": comm, "data": {"method": "custom", "content": {"event": "click"}}}
    slow_kernel.client.shell_channel.send(slow_kernel.client.session.msg("comm_msg", click))
    slow.release.set()
    slow_kernel.wait_idle()
    assert slow_kernel.result.ename is None
    assert slow_kernel.run("clicks").displays[0].text == "[1]"


def test_python_shows_how_its_sets_grow(slow_kernel: Kernel, slow: SlowService) -> None:
    """As a cell of `%%seedream` does, from any client made in the notebook: the cells that a button puts there, too."""
    slow_kernel.start("from seedream_magic import Seedream\nimages = Seedream().generate('grown', images=2)")
    slow_kernel.wait_output(one_picture)
    slow.release.set()
    slow_kernel.wait_idle()
    assert not slow_kernel.result.displays  # it is bound to a name
    slow.release.clear()
    slow_kernel.start("Seedream().show(images.run_id).redo(0, 1, take=2)")
    slow_kernel.wait_output(lambda result: bool(result.displays))
    slow.release.set()
    slow_kernel.wait_idle()
    assert [output.kind for output in slow_kernel.result.displays] == ["execute_result"]
