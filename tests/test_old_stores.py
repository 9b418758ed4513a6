"""Stores that earlier versions wrote: this one replays, shows, lists, recovers and exports their runs.

`tests/stores/VERSION` is such a store, drawn by that version through a transport of the test's own. Its times, ids and
links are as they were written (the links end in a hundred years); the pictures are PNGs of one colour.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from seedream_magic import ImageSet, Seedream, Storyboard
from seedream_magic import tasks as tasks_module
from service import encoded

STORES = Path(__file__).parent / "stores"
REFERENCE = next(path.read_bytes() for path in (STORES / "0.1.0" / "references").iterdir())
HOST = "https://ark-content.tos-cn-beijing.volces.com"
FINISHED, PARTIAL, BOARD, REDO, REFERRING, STOPPED, DIED, TASK = sorted(path.name for path in STORES.glob("*/2*"))


@pytest.fixture(params=[path.name for path in STORES.iterdir()])
def old(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Seedream:
    """A client to a copy of the store; its transport serves pictures and the task, and takes no POST."""
    monkeypatch.setattr(tasks_module, "FIRST_PAUSE", 0.01)
    store = shutil.copytree(STORES / request.param, tmp_path / "runs")
    return Seedream("anyfast", api_key="k", store=store, transport=httpx.MockTransport(served))


def served(request: httpx.Request) -> httpx.Response:
    """A picture whose number tells its colour; the task is done, with one picture."""
    assert request.method == "GET", "an old run was paid for again"
    name, _, number = request.url.path.removesuffix(".png").rpartition("/")
    if not name.endswith("/picture"):
        return httpx.Response(200, json={"task_id": "t1", "data": [{"url": f"{HOST}/picture/12.png"}]})
    colour = (int(number) * 17 % 256, 90, 160)
    return httpx.Response(200, content=encoded(Image.new("RGB", (32, 32), colour), "PNG"))


def colours(images: ImageSet) -> list[int | None]:
    """The number of the picture in each place, read from its pixels; None where there is none."""
    pixels = [frame.image.convert("RGB").getpixel((0, 0)) if frame.ok else None for frame in images]
    return [pixel[0] // 17 if isinstance(pixel, tuple) else None for pixel in pixels]


@pytest.mark.parametrize(
    ("prompt", "options", "run_id"),
    [
        ("a fox in spring", {"images": 2}, FINISHED),
        ("三座山", {"images": 3}, PARTIAL),
        (Storyboard("ink wash", ("a fox", "a bear")), {}, BOARD),
        ("like this", {"refs": REFERENCE}, REFERRING),
    ],
    ids=["finished", "partial", "storyboard", "reference"],
)
def test_the_same_request_is_shown_from_there(prompt: Any, options: dict[str, Any], run_id: str, old: Seedream) -> None:
    """The plan says that its run is stored, and running it sends nothing."""
    plan = old.plan(prompt, stream=False, **options)
    assert plan.stored == run_id
    images = old.generate(prompt, stream=False, **options)
    assert (images.run_id, images.replayed) == (run_id, True)


def test_a_redo_is_shown_in_its_set(old: Seedream, tmp_path: Path) -> None:
    """Done again it is no news; the earlier set has the new frame in its place, whichever is shown; it is exported."""
    redone = old.show(BOARD).redo(1)
    assert (redone.run_id, redone.replayed) == (REDO, True)
    for images in (redone, old.show(REDO)):
        assert colours(images) == [5, 7]
        assert [frame.prompt for frame in images] == ["a fox", "a bear"]
        assert images.inherited == {0}
    assert redone.export(tmp_path / "set.zip").stat().st_size > 300


def test_every_run_is_in_the_history(old: Seedream) -> None:
    """With state, outcome, frames, prompt and the run that it goes on from."""
    told = {
        entry.run_id: (entry.state, entry.outcome, entry.frames, entry.expected, entry.billed, entry.parent)
        for entry in old.history()
    }
    assert told == {
        FINISHED: ("done", "billed", 2, 2, 2, ""),
        PARTIAL: ("partial", "billed", 2, 3, 3, ""),
        BOARD: ("done", "billed", 2, 2, 2, ""),
        REDO: ("done", "billed", 1, 1, 1, BOARD),
        REFERRING: ("done", "billed", 1, 1, 1, ""),
        STOPPED: ("stopped", "billed", 1, 3, 1, ""),
        DIED: ("interrupted", "unknown", 0, 2, 1, ""),
        TASK: ("failed", "billed", 0, 1, 0, ""),
    }
    assert {entry.notebook for entry in old.history()} == {"Draft.ipynb"}
    assert [entry.run_id for entry in old.history("三座山 seedream-4-5")] == [PARTIAL]


def test_a_run_is_shown_as_it_ended(old: Seedream) -> None:
    """With its references, the error of the picture that is missing, and what the service reported."""
    partial, referring = old.show(PARTIAL), old.show(REFERRING)
    assert [(frame.width, frame.height) for frame in partial.ok] == [(32, 32)] * 2
    assert "no longer served" in str(partial[2].error)
    assert partial.usage == {"generated_images": 3, "output_tokens": 12288, "total_tokens": 12288}
    assert [reference.data for reference in referring.request.references] == [REFERENCE]
    assert old.show(STOPPED).state == "stopped"
    assert "may have been billed" not in "".join(old.show(FINISHED).notes)


def test_what_is_missing_is_recovered(old: Seedream) -> None:
    """A link that is served again, a picture of a run that died, one of a task; nothing is left to be done then."""
    recovered = {images.run_id: colours(images) for images in old.recover()}
    assert recovered == {PARTIAL: [2, 3, 4], DIED: [10, None], TASK: [12]}
    assert [entry.state for entry in old.history() if entry.run_id in recovered] == ["done", "partial", "done"]
    assert old.recover() == []
    assert b"canary4" not in (old.store / PARTIAL / "response.jsonl").read_bytes()
