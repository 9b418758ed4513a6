"""Sweeps in Python: what is sent for them, what is told before, what they are afterwards. Counted at the service."""

from __future__ import annotations

import json
import pickle
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from raw_server import Behaviour, Gate, RawServer, Request, json_reply, raw_server
from seedream_magic import ConfigError, ContentRefused, ImageSet, InvalidRequest, Seedream, SeedreamInterrupted
from seedream_magic.sweep.sweep import Sweep, grid_of
from served import client, served
from service import PICTURE, POST, SlowService, bodies, link, picture, whole_answer

REFUSED = {"error": {"code": "OutputImageSensitiveContentDetected", "message": "no"}}


class Moody:
    """A service that refuses the prompts with a word of `refused`, and of a set the second picture."""

    def __init__(self, *refused: str) -> None:
        self.refused = list(refused)

    def __call__(self, request: Request) -> Behaviour:
        body = request.json()
        if not any(word in body["prompt"] for word in self.refused):
            return whole_answer(request)
        if body["sequential_image_generation"] == "disabled":
            return json_reply(REFUSED, status=400)
        return json_reply({"data": [{"url": link(request, 0)}, REFUSED], "usage": {"generated_images": 1}})


class Watcher:
    """What shows a sweep as it grows; Stop is pressed at the first value with so many runs done."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.values: list[Sweep] = []
        self._stop_at = stop_at

    def show(self, sweep: Sweep) -> None:
        self.values.append(sweep)
        if self._stop_at is not None and states(sweep).count("done") >= self._stop_at:
            raise KeyboardInterrupt

    def clear(self) -> None: ...


class Release:
    """What shows a sweep, and lets the service go on as soon as it grows."""

    def __init__(self, service: SlowService) -> None:
        self._service = service

    def show(self, sweep: Sweep) -> None:
        self._service.release.set()

    def clear(self) -> None: ...


def states(sweep: Sweep) -> list[str]:
    return [sweep.state_of(index) for index in sweep.runs]


def prompts_sent(server: RawServer) -> list[str]:
    return [body["prompt"] for body in bodies(server.requests)]


COLOURS: dict[str, list[Any]] = {"colour": ["red", "blue"]}


def test_what_only_some_runs_meet_is_told_too(seedream: Seedream) -> None:
    """A warning of one size, and a column that nothing uses, stand above the grid before anything is sent."""
    rows = [{"animal": "fox", "szie": "4K"}, {"animal": "owl", "szie": "4K"}]
    sweep = seedream.sweep("a {animal}", each=rows, xy={"size": ["1K", "2K"]})
    assert "Columns that are not used: szie." in sweep.notes
    assert any(note.startswith("2 runs: ") and "1K" in note for note in sweep.notes), sweep.notes


def test_a_sweep_sends_each_run_once(seedream: Seedream, server: RawServer) -> None:
    """In the order of its axes it has a set for each; again it sends nothing, with a value more only what is new."""
    sizes = {"size": ["2K", "4K"]}
    sweep = seedream.sweep("a {colour} kite", vary=COLOURS, xy=sizes)
    assert sorted((body["prompt"], body["size"]) for body in bodies(server.requests)) == [
        ("a blue kite", "2K"),
        ("a blue kite", "4K"),
        ("a red kite", "2K"),
        ("a red kite", "4K"),
    ]
    assert [(images.prompt, images.request.size) for images in sweep] == [
        ("a red kite", "2K"),
        ("a red kite", "4K"),
        ("a blue kite", "2K"),
        ("a blue kite", "4K"),
    ]
    assert sweep.axes == {"colour": ("red", "blue"), "size": ("2K", "4K")}
    assert sweep.ledger.lines() == (
        "4 runs: 4 to send. They may bill up to 4 images. About 13 to 40 s, going by what the service usually takes.",
    )
    assert sweep["blue", "2K"] is sweep[2]
    assert repr(sweep) == "<Sweep colour: 2 × size: 2: 4 of 4 runs done, done>"

    again = seedream.sweep("a {colour} kite", vary=COLOURS, xy=sizes)
    assert again.ledger.lines() == ("4 runs: 4 in the library. Nothing is billed.",)
    assert all(images.replayed for images in again)
    assert server.posts == 4

    wider = seedream.sweep("a {colour} kite", vary={"colour": ["red", "green", "blue"]}, xy=sizes)
    assert prompts_sent(server)[4:] == ["a green kite"] * 2
    assert [images.replayed for images in wider] == [True, True, False, False, True, True]


def test_labels_name_the_runs(seedream: Seedream) -> None:
    """So many as are needed; another one is told what there is. A hole is none."""
    sweep = seedream.sweep("{n} kites", vary={"n": ["one", "-", "two"]}, xy={"watermark": [True, False]})
    assert len(sweep) == 4
    assert sweep["one", "on"] is sweep["one,on"] is sweep[0] is sweep[np.int64(0)]
    unknown: list[tuple[Any, str]] = [
        ("ten", "No run of this sweep is called 'ten'. n: one, -, two; watermark: on, off."),
        ("one", 'sweep["one"] names 2 runs; sweep["one", "on"] is the first of them.'),
        (("-", "on"), 'sweep["-", "on"] is a hole'),
    ]
    for key, words in unknown:
        with pytest.raises(InvalidRequest) as refused:
            sweep[key]
        assert words in str(refused.value)


def test_runs_that_fail_are_cells(
    store: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """They end no other; `retry` asks for them alone, and of a set for the frames that it lacks."""
    service = Moody("blue", "green")
    with served({POST: service, PICTURE: picture}, store, posts=7) as server:
        seedream = client(server, store)
        sweep = seedream.sweep("a {colour} kite", vary={"colour": ["red", "blue"]})
        assert states(sweep) == ["done", "failed"]
        assert isinstance(sweep["blue"][0].error, ContentRefused)
        cell = grid_of(sweep).cells[1]
        assert (cell.state, cell.retry) == ("failed", 'sweep = sweep.retry("blue")\nsweep')
        sweep["blue"][0].error.request_id = "0217959691685304f2bb"
        assert "0217959691685304f2bb" not in grid_of(sweep).cells[1].message
        for ending in (".pdf", ".zip", ".html", ".jpg"):
            caplog.clear()
            sweep.export(store / f"kites{ending}")
            assert caplog.messages == [f"kites{ending}: 1 of 2 pictures; not all are there of blue."]

        several = seedream.sweep("a {colour} kite", vary={"colour": ["red", "green"]}, images=2)
        assert states(several) == ["done", "done"]
        assert len(several["green"].ok) == 1

        assert "Not billed." in cell.message.splitlines()[0]
        watcher = Watcher()
        seedream.progress = lambda: watcher
        assert states(sweep.retry()) == ["done", "failed"]
        assert capsys.readouterr().out == "1 asked again: 0 drawn, 1 failed, nothing was billed.\n"
        service.refused.clear()
        mended = sweep.retry()
        assert capsys.readouterr().out == "1 asked again: 1 drawn, 0 failed, 1 image billed.\n"
        seedream.progress = None
        assert states(mended) == ["done", "done"]
        assert mended["red"] is sweep["red"]
        whole = several.retry()
        assert whole["green"].complete
        assert [*several.frame["billed"], *whole.frame["billed"]] == [2, 1, 2, 2]  # the one before the retry too
        assert [grid_of(one).ledger for one in (several, whole)] == [("3 images billed.",), ("4 images billed.",)]
        assert grid_of(seedream.sweep("a {colour} kite", vary={"colour": ["red", "blue"]})).ledger == (
            "2 runs: 2 in the library. Nothing is billed.",
        )
        assert server.posts == 7
        assert mended.retry() is mended


def test_a_sweep_is_a_value_of_its_own(seedream: Seedream) -> None:
    """In a set and as a key; again it is another one, with the same sets in it."""
    first, again = (seedream.sweep("a {colour} kite", vary={"colour": ["red", "blue"]}) for _ in range(2))
    assert len({first, again, first}) == 2
    assert first != again
    assert [images.run_id for images in first] == [images.run_id for images in again]
    assert first[0] in {first[0], first[1]}


def test_where_all_fail_the_first_error_is_raised(store: Path) -> None:
    """It carries the sweep."""
    with served({POST: Moody("kite"), PICTURE: picture}, store, posts=2) as server:
        with pytest.raises(ContentRefused) as refused:
            client(server, store).sweep("a {colour} kite", vary=COLOURS)
        assert states(refused.value.sweep) == ["failed", "failed"]


def test_takes_are_numbered_and_drawn_once(seedream: Seedream, server: RawServer) -> None:
    """A take that exists is shown, wherever it came from; one more pays for itself alone."""
    first = seedream.generate("a kite of takes")
    three = seedream.sweep("a kite of takes", repeat=3)
    assert three["1"].run_id == first.run_id
    assert len({images.run_id for images in three}) == 3
    assert server.posts == 3
    four = seedream.sweep("a kite of takes", repeat=4)
    assert [images.run_id for images in four][:3] == [images.run_id for images in three]
    assert server.posts == 4
    assert seedream.generate("a kite of takes", take=2).run_id == three["2"].run_id


def test_two_notebooks_draw_the_same_takes_once(server: RawServer, store: Path) -> None:
    """At the same time: each shows all of them, and each of them was sent once."""
    found: dict[str, list[str]] = {}

    def draw(name: str) -> None:
        sweep = client(server, store).sweep("a shared kite {colour}", vary=COLOURS, repeat=3)
        found[name] = sorted(images.run_id for images in sweep)

    threads = [threading.Thread(target=draw, args=(name,)) for name in ("one", "another")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert server.posts == 6
    assert found["one"] == found["another"]
    assert len(set(found["one"])) == 6


def test_stop_keeps_what_came_and_the_rest_is_sent_later(store: Path) -> None:
    """The error says how far it came and carries the sweep; the same call again asks for nothing twice."""
    service = SlowService()
    with raw_server({POST: service.post, PICTURE: picture}) as server:
        seedream = client(server, store)
        watcher = Watcher(stop_at=1)
        seedream.progress = lambda: watcher
        words = {"n": ["whole", *map(str, range(11))]}
        with pytest.raises(SeedreamInterrupted) as stopped:
            seedream.sweep("{n}", vary=words, images=2)
        assert watcher.values[0].sets == (None,) * 12
        sweep = stopped.value.sweep
        assert states(sweep) == ["done", *["stopped"] * 11]
        assert "Stopped after 1 of 12 runs." in str(stopped.value)
        begun = server.posts
        assert begun <= 9
        cells = grid_of(sweep).cells
        assert {cell.message.splitlines()[0] for cell in cells if cell.cards is None} == {"It was not sent."}
        server.wait_for(lambda seen: seen.open_connections == 0)

        service.release.set()
        seedream.progress = None
        again = seedream.sweep("{n}", vary=words, images=2)
        assert states(again).count("doubtful") == again.ledger.doubtful
        again = again.retry()
        assert states(again) == ["done"] * 12
        sent = prompts_sent(server)
        assert sent.count("whole") == 1
        assert all(sent[begun:].count(str(number)) <= 1 for number in range(11))


def test_what_a_stop_left_in_doubt_is_not_sent_again(store: Path) -> None:
    """The sweep run again draws the rest, and says in one line what may be billed; `retry` sends just that."""
    gate = threading.Event()

    def answer(request: Request) -> Behaviour:
        if not request.json()["prompt"].startswith("first") and not gate.is_set():
            return Gate(b"", gate, b"")
        return whole_answer(request)

    words = {"n": ["first", *(f"word {number}" for number in range(11))]}
    with raw_server({POST: answer, PICTURE: picture}) as server:
        seedream = client(server, store)
        watcher = Watcher(stop_at=1)
        seedream.progress = lambda: watcher
        with pytest.raises(SeedreamInterrupted) as stopped:
            seedream.sweep("{n}", vary=words)
        seedream.progress = None
        server.wait_for(lambda seen: seen.open_connections == 0)
        begun = server.posts
        doubtful = begun - 1
        assert f"but for the {doubtful} runs that may be billed: sweep.retry() sends them" in stopped.value.hint
        gate.set()

        again = seedream.sweep("{n}", vary=words)
        assert states(again).count("doubtful") == doubtful
        assert states(again).count("done") == 12 - doubtful
        assert server.posts == 12  # each once
        assert f"{doubtful} sent before" in again.ledger.lines()[0]
        line = f"{doubtful} runs sent before that may be billed: not sent again; sweep.retry() sends them."
        assert [said for said in grid_of(again).ledger if "may be billed" in said] == [line]
        calm = next(cell for cell in grid_of(again).cells if cell.state == "doubtful")
        assert calm.cards is None
        assert calm.message.splitlines()[1] == f'sweep.retry("{calm.labels[0]}") sends it once more.'

        whole = again.retry()
        assert whole.ledger.sent == doubtful
        assert states(whole) == ["done"] * 12
        assert server.posts == 12 + doubtful
        assert not any("sent before" in said for said in grid_of(whole).ledger)
        assert not any("doubt" in note or "may have been" in note for note in whole.notes)


def test_what_is_wrong_is_told_before_anything_is_sent(seedream: Seedream, server: RawServer) -> None:
    """In Python's words; also what a model does not take, and a reference that is not there."""
    rows = [{"animal": f"fox {number}", "size": "2K"} for number in range(40)]
    rows[6]["size"], rows[33]["animal"] = "9K", None  # type: ignore[assignment]
    with pytest.raises(InvalidRequest) as refused:
        seedream.sweep("a {animal}", each=rows)
    assert str(refused.value).splitlines() == [
        "2 problems in 40 rows.",
        "Row 7: size takes 1K, 2K, 4K or WIDTHxHEIGHT such as 2048x2048, not '9K'.",
        "Row 34: 'animal' is empty.",
    ]
    with pytest.raises(InvalidRequest, match=r"nowhere\.png"):
        seedream.sweep("a kite", xy={"refs": [None, "nowhere.png"]})
    with pytest.raises(InvalidRequest, match=r"vary has 'colour', but the prompt has no \{colour\}"):
        seedream.sweep("a kite", vary=COLOURS)
    with pytest.raises(InvalidRequest, match="nothing to sweep"):
        seedream.sweep("a kite")
    assert server.posts == 0


def test_the_account_before_anything_is_sent(seedream: Seedream, server: RawServer) -> None:
    """By the prices that are set; the same request twice is paid once, and shown twice."""
    seedream.session.prices = {"doubao-seedream-4-5": 0.25}
    sweep = seedream.sweep("a {each}, 水彩", each=["fox", "cat", "fox"], images=2)
    (line,) = sweep.ledger.lines()
    assert line == (
        "3 runs: 1 the same as others, 2 to send. They may bill up to 4 images, 1.00 by the prices you set. "
        "About 26 to 80 s, going by what the service usually takes."
    )
    chinese = (
        "共 3 次：1 次与其他相同，2 次将发送。可能计费：最多 4 张，1.00（你设置的价格）。"
        "按该服务的一般速度约需 26–80 秒。"
    )
    assert grid_of(replace(sweep, state="planned", sets=())).ledger == (chinese,)
    assert grid_of(sweep).ledger == ("已计费 4 张，1.00（你设置的价格）；1 次取自图库。",)
    assert server.posts == 2
    assert sweep[0].run_id == sweep[2].run_id


def test_what_is_under_way_is_waited_for(store: Path) -> None:
    """The account says so, and it is sent once."""
    service = SlowService()
    ended = threading.Event()
    with raw_server({POST: service.post, PICTURE: picture}) as server:
        seedream = client(server, store)
        plan = seedream.plan("one", images=2)
        seedream.start(plan, on_change=lambda _: None, on_end=lambda *_: ended.set())
        server.wait_for(lambda seen: seen.posts == 1)
        seedream.progress = lambda: Release(service)
        sweep = seedream.sweep("{n}", vary={"n": ["whole", "one"]}, images=2)
        assert (sweep.ledger.under_way, sweep.ledger.sent, sweep.ledger.images) == (1, 1, 2)
        assert states(sweep) == ["done", "done"]
        assert server.posts == 2
        assert ended.wait(20)


def test_options_and_references_are_crossed(seedream: Seedream, server: RawServer) -> None:
    """A set is a reference too, None is a request without one; the others of the call stay."""
    hero = seedream.generate("a hero")
    sweep = seedream.sweep("on a horse", xy={"refs": [None, hero, [hero[0], hero]]}, watermark=False)
    assert sweep.axes == {"refs": ("(none)", f"run:{hero.run_id}", f"run:{hero.run_id}[0] + run:{hero.run_id}")}
    images = [body.get("image") for body in bodies(server.requests)[1:]]
    assert sorted(0 if image is None else len(image) if isinstance(image, list) else 1 for image in images) == [0, 1, 2]
    assert not any(body["watermark"] for body in bodies(server.requests)[1:])


def test_a_sample_has_some_of_the_runs(seedream: Seedream, server: RawServer) -> None:
    """The grid has one axis then; the labels are those of the axes still."""
    sweep = seedream.sweep("{a} {b}", vary={"a": range(9), "b": range(9)}, sample=3)
    assert server.posts == len(sweep) == 3
    assert grid_of(sweep).axes == (("sample", tuple(" · ".join(place.labels) for place in sweep.places)),)
    assert sweep[sweep.places[1].labels] is sweep[1]
    assert "A sample of the runs: 3, seed 0." in grid_of(sweep).ledger


def test_a_table_of_the_runs(seedream: Seedream, monkeypatch: pytest.MonkeyPatch) -> None:
    """By pandas; without it an error says what to install."""
    sweep = seedream.sweep("a {colour} kite", vary=COLOURS)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pandas", None)
        with pytest.raises(ConfigError, match="pip install pandas"):
            _ = sweep.frame
    pytest.importorskip("pandas")
    assert list(sweep.frame["colour"]) == ["red", "blue"]
    assert list(sweep.frame["pictures"]) == [1, 1]


def test_a_sweep_goes_elsewhere(seedream: Seedream) -> None:
    """Its copy has no client and no key, its sets are whole; an export has the labels."""
    sweep = seedream.sweep("a {colour} kite", vary=COLOURS)
    copy = pickle.loads(pickle.dumps(sweep))
    assert copy.client is None
    assert [images.run_id for images in copy] == [images.run_id for images in sweep]
    with pytest.raises(ConfigError, match="run its cell again"):
        copy.retry()
    written = sweep.export("kites.zip")
    assert written.stat().st_size > 0
    assert json.dumps(grid_of(sweep).axes) == json.dumps([["colour", ["red", "blue"]]])
    assert all(isinstance(images, ImageSet) for images in sweep[:])
