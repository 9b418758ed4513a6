"""Comparing in the panel: what is chosen becomes a sweep, told before, drawn in the background, and a cell."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

from raw_server import Behaviour, Gate, RawServer, Request, raw_server
from seedream_magic import Seedream
from seedream_magic.images.image_set import ImageSet
from seedream_magic.notebook import questions
from seedream_magic.notebook.panel.compare import _each_once
from seedream_magic.sweep.sweep import Sweep
from served import KEY, client
from service import PICTURE, POST, bodies, picture, whole_answer
from test_panel import Person, opened, person, prompt_start, server

__all__ = ["person", "prompt_start", "server"]  # the fixtures of the other module

SQUARES = ("2048x2048", "4096x4096")


def sent(server: RawServer) -> list[tuple[str, str, str]]:
    """Prompt, size and model of what the service was asked for."""
    return sorted((body["prompt"], body["size"], body["model"]) for body in bodies(server.requests))


def test_what_is_compared_is_told_drawn_and_shown(person: Person, server: RawServer) -> None:
    """Sizes and words are crossed; the account stands in place of the plan line; the grid below; nothing paid twice."""
    assert not person.sees("4K")
    person.fill(Prompt="a {red|blue} kite", Compare=True)
    assert "Compares words: 2 runs." in person.text
    person.fill(**{"2K": True})
    assert "Sizes: choose at least two to compare." in person.text
    person.draw()
    assert server.posts == 0
    person.fill(**{"4K": True})
    assert "Compares words, size: 2 × 2 = 4 runs." in person.text
    assert re.search("4 runs: 4 to send. They may bill up to 4 images", person.text)
    person.draw()
    assert "4 of 4 runs" in person.text
    model = person.panel.client.model
    assert sent(server) == [(f"a {colour} kite", size, model) for colour in ("blue", "red") for size in SQUARES]
    shown = person.panel.images
    assert isinstance(shown, Sweep)
    assert shown["red", "4K"].prompt == "a red kite"
    assert person.panel._output.bundle["text/html"].count('data-state="done"') == 4
    assert not person.sees("From frame")
    assert "4 in the library. Nothing is billed." in person.text
    person.draw()
    assert server.posts == 4


def test_the_copied_cell_asks_for_the_same(
    ip: InteractiveShell, person: Person, server: RawServer, store: Path
) -> None:
    """With --vary and --xy, and a ratio that goes with the sizes: run, it finds all that the panel has drawn."""
    person.fill(Prompt="a {red|blue} boat", Size="2K", Ratio="16:9", Compare=True)
    person.fill(**{"2K": True, "4K": True})
    person.draw()
    cell = "%%seedream --vary --xy size=2K,4K -r 16:9 --raw\na {red|blue} boat"
    assert person.panel.cell == cell
    ip.run_cell("%load_ext seedream_magic")
    ip.run_line_magic("config", f"SeedreamMagics.base_url = '{server.url}/v1'")
    ip.run_line_magic("config", f"SeedreamMagics.store = '{store}'")
    ip.run_line_magic("env", "SEEDREAM_API_KEY=sk-none")
    assert ip.run_cell(cell).success
    assert [images.replayed for images in ip.user_ns["_seedream"]] == [True] * 4
    assert server.posts == 4
    person.fill(**{"2K": False, "4K": False, "1:1": True, "16:9": True}, Prompt="one boat")
    assert person.panel.cell == "%%seedream --xy ratio=1:1,16:9 -s 2K\none boat"


def test_models_are_offered_and_their_sizes(store: Path) -> None:
    """Sizes of all models that are compared; what one of them cannot make is told, and for which."""
    old, new = "doubao-seedream-4-0-250828", "doubao-seedream-4-5-251128"
    with opened(Seedream("ark", api_key=KEY, store=store)) as person:
        person.fill(Prompt="a tower", Compare=True)
        assert not person.sees("1K")
        person.fill(**{old: True, new: True})
        assert "Compares model: 2 runs." in person.text
        person.fill(**{"1K": True, "2K": True})
        refused = person.text.partition("Cannot be sent")[2]
        assert f"1K · {new}" in refused
        person.fill(Compare=False)
        assert "2048 × 2048 · 1 picture" in person.text
        assert not person.sees("1K")


def test_a_model_is_offered_by_one_of_its_names(person: Person) -> None:
    """A gateway knows it with its date and without; two dates are two models."""
    person.fill(Compare=True)
    offered = [box.description for box in person.panel._compare._values["model"].children]
    assert offered[0] == person.panel.client.model
    assert len([name for name in offered if "4-5" in name]) == 1
    assert len([name for name in offered if "5-0-lite" in name or "5.0-lite" in name or "5-0-26" in name]) == 1
    assert _each_once(["seedream-4-5-251128", "doubao-seedream-4-5-261111", "doubao-seedream-4-5", "ep-1", "ep-2"]) == [
        "seedream-4-5-251128",
        "doubao-seedream-4-5-261111",
        "ep-1",
        "ep-2",
    ]


def test_stop_keeps_what_came(ip: InteractiveShell, prompt_start: None, store: Path) -> None:
    """What runs is stopped, what waits is not begun; the panel is ready at once; again asks for the rest only."""
    release, arrived = threading.Event(), threading.Event()

    def post(request: Request) -> Behaviour:
        held = request.json()["prompt"] != "a red house"
        return Gate(b"", release, b"") if held else whole_answer(request)

    with raw_server({POST: post, PICTURE: picture}) as server, opened(client(server, store)) as person:
        person.fill(Prompt="a {red|blue|green} house", Compare=True)
        showed = person.panel._run._show

        def show(images: ImageSet | Sweep) -> None:
            showed(images)
            if isinstance(images, Sweep) and any(one is not None and one.ok for one in images.sets):
                arrived.set()

        person.panel._run._show = show  # to wait for the first picture
        person.click("Generate")
        assert arrived.wait(20)
        assert person.control("Generate").disabled
        person.click("Stop")
        assert person.ended.wait(20)
        assert "stopped · 1 of 3 runs" in person.text
        assert "the rest is drawn, but for the 2 runs that may be billed" in person.text
        assert (person.control("Generate").disabled, person.sees("Stop")) == (False, False)
        release.set()


def test_the_limits_of_the_notebook_hold(ip: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is asked in a panel, where no cell could take the answer: it is refused, and said before."""
    monkeypatch.setattr(questions, "answer", lambda *_: pytest.fail("somebody was asked"))
    ip.run_cell("%load_ext seedream_magic\n%config SeedreamMagics.provider = 'demo'")
    ip.run_line_magic("config", "SeedreamMagics.max_images_per_run = 2")
    assert ip.run_cell("from seedream_magic import Panel\npanel = Panel()").success
    person = Person(ip.user_ns["panel"])
    try:
        person.fill(Prompt="a {red|blue|green} door", Compare=True)
        assert "3 to send" in person.text
        assert "Cannot be sent: This sweep may bill up to 3 images" in person.text
        person.click("Generate")
        assert not person.sees("Stop")
    finally:
        person.panel.close()
