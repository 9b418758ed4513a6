"""The panel with real widgets in this process: what it offers, says, sends, keeps and leaves behind."""

from __future__ import annotations

import html
import json
import re
import shutil
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import ipywidgets
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display
from IPython.utils.capture import capture_output

from raw_server import Behaviour, Gate, RawServer, Request, json_reply, raw_server
from seedream_magic import ConfigError, InvalidRequest, Panel, Seedream, Storyboard
from seedream_magic.api.plan import Plan
from seedream_magic.continuation import plan_redo
from seedream_magic.images.image_set import ImageSet, cards_of
from seedream_magic.session import Session
from seedream_magic.sweep.ledger import seconds_per_picture
from seedream_magic.sweep.sweep import Sweep
from seedream_magic.view.carousel import set_bundle
from served import KEY, check_store, client
from service import PICTURE, POST, bodies, first_picture, jpeg, picture, stream_head, succeeded, whole_answer

PRO = "doubao-seedream-5-0-pro-260628"
SERVICE = {POST: whole_answer, PICTURE: picture}


class Person:
    """Somebody in front of a panel: sees controls by their labels, texts without their HTML."""

    def __init__(self, panel: Panel) -> None:
        self.panel = panel
        self.ended = threading.Event()
        for control in _all_of(panel.widget):
            if isinstance(control, ipywidgets.ToggleButton):
                control.value = True  # what stands behind a click

    def controls(self) -> Iterator[Any]:
        """Every control that is displayed."""
        yield from _displayed(self.panel.widget)

    def labelled(self, label: str) -> list[Any]:
        """Controls by their labels; the button that draws says what it costs in its own."""
        if label == "Generate":
            return [self.panel.line.generate]
        return [
            control
            for control in self.controls()
            if label in (described := getattr(control, "description", None) or "")
            and described.split(" · ")[0] == label
        ]

    def control(self, label: str) -> Any:
        """The one control of that label."""
        (found,) = self.labelled(label)
        return found

    def hint(self, label: str) -> str:
        """What a control says where the pointer rests."""
        control = self.control(label)
        return str(control.tooltip if control.has_trait("tooltip") else control.description_tooltip)

    def sees(self, label: str) -> bool:
        return bool(self.labelled(label))

    def fill(self, **values: object) -> None:
        """Choose or type values, by label."""
        for label, value in values.items():
            self.control(label).value = value

    def click(self, label: str) -> None:
        """Click the first control of that label."""
        self.labelled(label)[0].click()

    def draw(self, label: str = "Generate") -> None:
        """Click, and wait for the end of the run."""
        self.ended.clear()
        self.click(label)
        assert self.ended.wait(20)

    @property
    def offer(self) -> str:
        """What the button says that draws."""
        return str(self.panel.line.generate.description)

    @property
    def text(self) -> str:
        """All that the panel says, its labels left out."""
        values = (control.value for control in self.controls() if isinstance(control, ipywidgets.HTML))
        return "\n".join(
            html.unescape(re.sub(r"<style>.*?</style>|<[^>]*>", " ", value, flags=re.DOTALL)) for value in values
        )


def _all_of(widget: Any) -> Iterator[Any]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from _all_of(child)


def _displayed(widget: Any) -> Iterator[Any]:
    if widget.layout.display != "none":
        yield widget
        for child in getattr(widget, "children", ()):
            yield from _displayed(child)


_open: set[int] = set()


@contextmanager
def opened(through: Seedream, images: ImageSet | str | None = None, **options: Any) -> Iterator[Person]:
    """A person with a panel. No widget ever holds a key or a signed link; closing it leaves no widget behind."""
    before = set(state())
    person = Person(Panel(images, client=through, **options))
    _open.add(id(person))
    run = person.panel._run
    after, changed = run._ended, run._changed

    def look(images: ImageSet | Sweep) -> None:
        changed(images)
        check_state()

    def ended(drawn: ImageSet | Sweep | None) -> None:
        after(drawn)
        person.ended.set()

    run._ended = ended
    run._changed = look  # type: ignore[method-assign] # to look meanwhile
    try:
        yield person
        check_state()
    finally:
        person.panel.close()
        _open.discard(id(person))
        assert _open or set(state()) == before  # another one may have come by more meanwhile


def check_state() -> None:
    assert not re.search(f"{KEY}|Signature|canary", json.dumps(state(), default=repr))


def state() -> dict[str, Any]:
    """The state of all widgets, as a page holds it and a notebook may save it."""
    held: dict[str, Any] = ipywidgets.Widget.get_manager_state()["state"]
    return held


@pytest.fixture
def prompt_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no loop runs, as here, a run's own thread tells its first value, so that there is none to wait for."""
    monkeypatch.setattr("seedream_magic.bridge.Background.hand_over_first", lambda *_: None)


@pytest.fixture
def server(ip: InteractiveShell, prompt_start: None) -> Iterator[RawServer]:
    """A service that answers whole."""
    with raw_server(SERVICE) as running:
        yield running


@pytest.fixture
def person(server: RawServer, store: Path) -> Iterator[Person]:
    """Somebody with an empty panel."""
    with opened(client(server, store)) as somebody:
        yield somebody


def test_it_says_what_a_change_would_send_and_sends_nothing(person: Person, server: RawServer, store: Path) -> None:
    """Model, pixels, number, on the button what may be billed; or why it cannot be sent. An empty one invites."""
    assert "Write a prompt." in person.text
    person.draw()
    assert person.text.count("Write a prompt.") == 1
    assert not re.search("Cannot be sent|InvalidRequest|failed", person.text)
    person.fill(Prompt="四季的山村", Images="4", Size="2K", Ratio="16:9")
    assert "Write a prompt." not in person.text
    assert "Seedream 4.5 · 2848 × 1600 · 4 pictures · streamed · anyfast" in person.text
    assert person.offer == "Draw 4"
    person.fill(Watermark=False, Images="1", Ratio="any")
    assert "2K · ratio: model decides · 1 picture · no watermark" in person.text
    assert person.offer == "Draw 1"
    person.fill(**{"Other size": "100x100"})
    assert "Cannot be sent: Size 100x100 has 10,000 pixels" in person.text
    assert server.posts == 0


def test_a_size_or_a_model_of_one_s_own_is_typed(person: Person, server: RawServer) -> None:
    """It stands in place of what is chosen, which says so; emptied, that counts again."""
    person.fill(Prompt="x", Size="4K", Ratio="3:2", **{"Other size": "5:4"})
    assert person.panel.cell == "%%seedream -s 4578x3664\nx"
    assert (person.control("Ratio").disabled, person.control("Size").disabled) == (True, False)
    person.fill(**{"Other size": "2400x1800"})
    assert person.panel.cell == "%%seedream -s 2400x1800\nx"
    assert (person.control("Ratio").disabled, person.control("Size").disabled) == (True, True)
    person.fill(**{"Other size": "  "})
    assert person.panel.cell == "%%seedream -s 4992x3328\nx"
    assert person.control("Model").label == "Seedream 4.5"
    person.fill(**{"Model id": "ep-1"})
    assert person.panel.cell == "%%seedream -m ep-1 -s 4992x3328\nx"
    assert person.control("Model").label == "ep-1"
    person.fill(**{"Model id": " "})
    assert person.control("Model id").value == "ep-1"


def test_only_what_the_model_can_do_is_offered(store: Path) -> None:
    """Sizes, sets, streaming; of a model that nobody knows, everything."""
    with opened(Seedream("anyfast", api_key=KEY, store=store)) as person:
        assert person.control("Size").options == ("2K", "4K")
        person.fill(Prompt="x", Images="4", Size="4K", Model=PRO)
        assert person.control("Size").options == ("1K", "1.5K", "2K")
        assert (person.control("Size").value, person.control("Images").options) == ("2K", (("1", "1"),))
        assert not person.sees("Stream")
        assert not person.sees("Add frame")
        assert {"stream", "sequential_image_generation"}.isdisjoint(
            person.panel.line.make_request(person.panel.client)[0].body
        )
        person.fill(**{"Model id": "ep-20261122"})
        assert person.control("Size").options == ("1K", "1.5K", "2K", "3K", "4K")
        assert ("auto", "auto") in person.control("Images").options
        assert person.panel.cell == "%%seedream -m ep-20261122 -s 2K\nx"


def test_the_plan_line_tells_images_and_money(store: Path) -> None:
    """By the list price of the service that is asked, at its pixels; by the person's own before that."""
    through = Seedream("ark", api_key=KEY, store=store)
    through.session = Session()
    with opened(through) as person:
        person.fill(Prompt="x", Images="4")
        assert person.offer == "Draw 4 · ¥1.00"
        assert "the list price of 2026-09" in person.text
        person.fill(Model=PRO)
        assert person.offer == "Draw 1 · ¥0.60"
        person.fill(Size="1.5K")
        assert person.offer == "Draw 1 · ¥0.30"
        through.session.prices = {PRO: 0.5}
        person.fill(Size="1K")
        assert person.offer == "Draw 1 · 0.50"
        assert "the prices you set" in person.text


def test_the_prompt_grows_to_a_storyboard(store: Path) -> None:
    """Frames are added, moved, taken out: so many images. Each control has a label and a hint."""
    with opened(Seedream("demo", store=store), settings={"provider": "demo"}) as person:
        person.fill(Prompt="flat colours", Images="4")
        person.click("Add frame")
        assert person.sees("Style of all frames")
        person.click("Add frame")
        assert person.control("Images").value == "2"
        assert "Frame 1 is empty: write what it shows." in person.text
        assert "Cannot be sent" not in person.text
        labelled = [control for control in person.controls() if getattr(control, "description", "")]
        hints = [getattr(one, "tooltip", None) or getattr(one, "description_tooltip", None) for one in labelled]
        assert all(hints)
        labels = {
            "Style of all frames",
            "Frame 1",
            "Reference",
            "Model",
            "Size",
            "Ratio",
            "Images",
            "Watermark",
            "Stream",
        }
        assert labels | {"Draw", "Options", "Add frame", "Add pictures"} <= {one.description for one in labelled}
        person.fill(**{"Frame 1": "spring\n", "Frame 2": "autumn"})
        assert person.panel._form.text == Storyboard("flat colours", ("spring", "autumn"))
        person.click("↓")
        assert person.panel.cell == "%%seedream\nflat colours\n---\nautumn\n---\nspring"
        person.click("×")
        assert person.panel._form.frames.prompts == ("spring\n",)
        person.click("×")
        assert (person.sees("Prompt"), person.control("Images").disabled) == (True, False)
        assert person.control("Images").value == "4"  # as it was before
        person.fill(Prompt="flat colours\n---\nspring\n---\nautumn")
        assert person.control("Images").value == "2"
        person.fill(Prompt="flat colours")
        assert person.control("Images").value == "4"


def test_it_draws_and_shows_it_from_the_store_afterwards(server: RawServer, store: Path) -> None:
    """The line counts, the set is there; the same again bills nothing, anew bills again."""
    kept: list[ImageSet] = []
    with opened(client(server, store), keep=kept.append) as person:
        person.fill(Prompt="a village", Images="2")
        assert not person.sees("Draw again")
        person.draw()
        assert "2 of 2 · 2 images billed" in person.text
        assert person.panel.images is kept[-1]
        assert person.offer == "Show · nothing billed"
        person.fill(**{"From frame": 2})
        person.draw()
        assert "replayed, nothing billed" in person.text
        assert person.control("From frame").value == 2  # as the carousel stays where it was
        assert server.posts == 1
        assert "pays again" in person.hint("Draw again")  # its label has no amount where no price is known
        person.draw("Draw again")
        assert server.posts == 2
        assert [images.replayed for images in kept] == [False, True, False]
        assert seconds_per_picture(store, "doubao-seedream-4-5", "anyfast") == pytest.approx(
            sum(images.seconds / 2 for images in kept[::2]) / 2, rel=0.2
        )
    check_store(store)


def test_a_refusal_of_the_service_stands_in_the_panel(ip: InteractiveShell, prompt_start: None, store: Path) -> None:
    """In the same words as below a cell; afterwards the next one works."""
    refusal = json_reply({"error": {"code": "InvalidApiKey", "message": "no"}}, status=401)
    refusals = [refusal, refusal]

    def post(request: Request) -> Behaviour:
        return refusals.pop() if refusals else whole_answer(request)

    with raw_server({POST: post, PICTURE: picture}) as server:
        with pytest.raises(Exception, match="no") as raised:
            client(server, store).generate("a village")
        with opened(client(server, store)) as person:
            person.fill(Prompt="a village")
            person.draw()
            told, expected = person.text, raised.value.lines()  # type: ignore[attr-defined] # it is one of ours
            assert all(line.partition(" (run ")[0] in told for line in expected)
            assert "failed · 0 of 1 · nothing billed" in told
            assert told.count(str(raised.value).splitlines()[0]) == 1
            below = person.panel._output.bundle["text/html"]
            assert "The service does not take the key." in below
            person.draw()
            assert "1 of 1" in person.text
            assert expected[0] not in person.text


def test_a_refusal_takes_no_picture_away(ip: InteractiveShell, store: Path) -> None:
    """The set of before stays below the panel, in the strip and in the saved notebook, and can be gone on from."""
    refusal = json_reply({"error": {"code": "InvalidParameter", "message": "no"}}, status=400)
    kept: list[ImageSet] = []

    def post(request: Request) -> Behaviour:
        return refusal if b"stormy" in request.body else whole_answer(request)

    with (
        raw_server({POST: post, PICTURE: picture}) as server,
        opened(client(server, store), keep=kept.append) as person,
    ):
        person.fill(Prompt="a village in calm weather")
        person.draw()
        before = person.panel._output.bundle["text/html"]
        person.fill(Prompt="a village in stormy weather")
        person.draw()
        assert "failed · 0 of 1" in person.text
        assert [images.prompt for images in kept] == ["a village in calm weather", "a village in stormy weather"]
        assert person.panel.images == kept[0]
        assert person.panel._output.bundle["text/html"] == before
        assert person.sees("Redo")


def test_widgets_that_are_gone_end_no_run(
    server: RawServer, store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A panel whose page has gone, with every widget raising: the set is saved and kept."""
    kept: list[ImageSet] = []
    with opened(client(server, store), keep=kept.append) as person:
        person.fill(Prompt="a village", Images="2")

        def gone(*_: object) -> None:
            raise RuntimeError("comm closed")

        for name in ("_show_progress", "_set_busy"):
            monkeypatch.setattr(person.panel._run, name, lambda busy=None: gone() if busy is not True else None)
        monkeypatch.setattr(person.panel._output, "is_news", gone)
        person.draw()
        assert [(images.state, len(images.ok)) for images in kept] == [("done", 2)]
        assert not person.panel._run.busy
    assert "Showing this run failed (RuntimeError: comm closed). The run goes on." in capsys.readouterr().err


def test_stop_keeps_what_came_and_says_what_may_be_billed(
    ip: InteractiveShell, prompt_start: None, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The panel is ready for the next run at once. Meanwhile it tells how long this user's earlier runs took."""
    monkeypatch.setattr("seedream_magic.notebook.panel.run.seconds_per_picture", lambda *_: 30.0)
    release, arrived = threading.Event(), threading.Event()

    def post(request: Request) -> Behaviour:
        return Gate(stream_head() + succeeded(request, 0), release, b"")

    with raw_server({POST: post, PICTURE: picture}) as server, opened(client(server, store)) as person:
        person.fill(Prompt="a village", Images="3")
        showed = person.panel._run._show

        def show(images: ImageSet | Sweep) -> None:
            showed(images)
            if isinstance(images, ImageSet) and images.ok:
                arrived.set()

        person.panel._run._show = show  # to wait for the first picture
        person.click("Generate")
        assert person.control("Generate").disabled
        assert arrived.wait(20)
        assert re.search("1 of 3 · [0-9] s · about [89][0-9] s more", person.text)
        person.click("Stop")
        assert person.ended.wait(20)
        assert "stopped · 1 of 3 · at least 1 image billed" in person.text
        assert person.text.count("what the service had begun is billed") == 1
        assert not re.search("SeedreamInterrupted|[Rr]un the cell", person.text)
        assert isinstance(person.panel.images, ImageSet)
        assert not re.search("[Rr]un the cell", " ".join(person.panel.images.notes))
        assert (person.control("Generate").disabled, person.sees("Stop")) == (False, False)


def thumbnails(person: Person) -> list[str]:
    """What the pictures in the panel are called."""
    values = (str(getattr(control, "value", "")) for control in person.controls())
    return [html.unescape(name) for value in values for name in re.findall('<img src="data:[^>]* alt="([^"]*)"', value)]


def test_references_are_read_shown_and_taken_out(
    person: Person, server: RawServer, store: Path, tmp_path: Path
) -> None:
    """Paths and globs by Enter; a wrong one is told and stays out, as is a stored one whose file is gone."""
    for shade in range(3):
        (tmp_path / f"{shade}.jpg").write_bytes(jpeg(shade))
    person.fill(Prompt="x", Images="15", Reference="[12].jpg")
    assert "2 references and 15 images are 17; one request takes 15" in person.text
    assert "References and pictures: 17 of 15" in person.text
    person.fill(Images="4", Reference="0.jpg")
    assert person.control("Reference").value == ""
    person.fill(Reference="3.jpg")
    assert "There is no file 3.jpg" in person.text
    assert person.control("Reference").value == "3.jpg"
    person.fill(Reference="")
    assert "There is no file" not in person.text
    assert thumbnails(person) == ["Reference 1: 1.jpg", "Reference 2: 2.jpg", "Reference 3: 0.jpg"]
    assert person.panel.cell == "%%seedream -n 4 --ref 1.jpg --ref 2.jpg --ref 0.jpg\nx"
    person.click("×")
    person.draw()
    assert len(bodies(server.requests)[0]["image"]) == 2
    through = client(server, store)
    images = through.generate("x", refs=jpeg(1))
    for path in (store / "references").iterdir():
        path.unlink()
    with opened(through, images.run_id) as again:
        assert "Cannot be sent: The reference" in again.text
        assert "is not in the store any more" in again.text
        again.click("Generate")
        again.click("×")
        assert again.offer == "Draw 1"
    assert server.posts == 2


def test_nothing_is_sent_without_a_reference_that_it_cannot_find(
    person: Person, server: RawServer, store: Path, tmp_path: Path
) -> None:
    """Typed or uploaded, what is told to be wrong is mended, emptied or left out first; the cell is refused as well."""
    person.fill(Prompt="x", Reference="hero.jpg")
    person.fill(Prompt="y")  # another change makes nothing of it
    assert "There is no file hero.jpg" in person.text
    assert "Cannot be sent: A reference cannot be read" in person.text
    person.click("Generate")
    assert not person.sees("Copy as cell")
    (tmp_path / "hero.jpg").write_bytes(jpeg(1))
    person.fill(Reference="./hero.jpg")
    assert "Cannot be sent" not in person.text
    upload(person.control("Add pictures"), broken=b"no picture")
    person.fill(Reference="nothing.png")
    person.fill(Reference="")
    assert "broken:" in person.text
    person.click("Generate")
    assert server.posts == 0
    person.click("Leave out")
    assert "broken:" not in person.text
    assert not person.sees("Leave out")
    person.draw()
    assert [body["image"] for body in bodies(server.requests)] == [Seedream().plan("x", refs="hero.jpg").body["image"]]
    person.fill(Reference="nothing.png")
    person.click("Leave out")
    assert person.control("Reference").value == ""
    assert "In the library" in person.text


def announce(person: Person, **files: int) -> None:
    """The page's word of the files that were chosen, by their sizes, before it sends them."""
    told = {"at": 1, "files": list(files.items())}
    person.panel._references._chosen_files.value = json.dumps(told)


def test_nothing_is_sent_before_an_upload_is_here(person: Person, server: RawServer) -> None:
    """A notebook's server drops what is too large for it, and says nothing: the page has told what was to come. What
    came before that word of it is here, and a word that cannot be read holds nothing up.
    """
    person.fill(Prompt="x")
    announce(person, large=12_000_000, small=len(jpeg(1)))
    assert "large: 12.0 MB, not here yet. A notebook's server takes about 10 MB" in person.text
    upload(person.control("Add pictures"), small=jpeg(1))
    assert "small: " not in person.text
    assert "Cannot be sent: An upload is not here yet" in person.text
    person.click("Generate")
    assert server.posts == 0
    person.click("Leave out")
    assert "Cannot be sent" not in person.text
    upload(person.control("Add pictures"), early=jpeg(2))
    announce(person, early=len(jpeg(2)))
    for told in ("", "{", "[]", '{"files": [1]}'):
        person.panel._references._chosen_files.value = told
    assert "Cannot be sent" not in person.text
    person.draw()
    assert [len(body["image"]) for body in bodies(server.requests)] == [2]


def test_whatever_makes_a_reference_unreadable_keeps_it_from_being_paid_without(
    person: Person, server: RawServer, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frame that has no picture, and an error that nobody has thought of."""
    server._scenario = {POST: whole_answer, PICTURE: first_picture}
    images = client(server, store).generate("y", images=2)
    with opened(client(server, store), images) as somebody:
        somebody.fill(Prompt="x", **{"From frame": 2})
        somebody.click("Use as reference")
        assert "Frame 2 has no picture" in somebody.text
        assert "Cannot be sent: A reference cannot be read" in somebody.text
        somebody.fill(**{"From frame": 1})
        somebody.click("Use as reference")
        assert "Cannot be sent" not in somebody.text
    monkeypatch.setattr(person.panel._references, "_read", lambda *_, **__: 1 / 0)
    person.fill(Prompt="x", Reference="hero.jpg")
    assert "It cannot be read (ZeroDivisionError: division by zero)." in person.text
    person.click("Generate")
    assert server.posts == 1


def test_a_run_of_another_provider_opens_no_panel(server: RawServer, store: Path) -> None:
    """Its words would be sent to the panel's own: the error names the command that chooses the run's."""
    images = client(server, store).generate("x")
    ark = Seedream("ark", api_key=KEY, base_url=f"{server.url}/v1", store=store)
    for begun in (images, images.run_id):
        with pytest.raises(ConfigError, match="was made by anyfast; this client asks ark") as caught:
            Panel(begun, client=ark)
        assert "%seedream use anyfast" in caught.value.hint


def upload(widget: Any, **files: bytes) -> None:
    """What the page tells of an upload; ipywidgets 7 has it in another shape than 8."""
    told = [{"name": name, "type": "image/jpeg", "size": len(data), "last_modified": 0} for name, data in files.items()]
    if isinstance(widget.value, dict):
        data = [memoryview(data) for data in files.values()]
        widget.set_state({"metadata": told, "data": data, "_counter": widget._counter + len(files)})
    else:
        widget.set_state({"value": [{**one, "content": memoryview(files[str(one["name"])])} for one in told]})


def test_an_upload_leaves_its_widget_and_can_be_named_in_a_cell(
    server: RawServer, store: Path, ip: InteractiveShell
) -> None:
    """Its bytes go to the service and, for the cell, into the store; the cell is shown from there."""
    ip.run_line_magic("load_ext", "seedream_magic")
    ip.run_line_magic("config", f"SeedreamMagics.store = {str(store)!r}")
    ip.run_line_magic("config", f"SeedreamMagics.base_url = '{server.url}/v1'")
    others = len(json.dumps(state(), default=repr))  # panels that other tests have left
    with opened(client(server, store)) as person:
        person.fill(Prompt="x")
        upload(person.control("Add pictures"), **{"broken.jpg": b"no picture", "a b.jpg": jpeg(1)})
        assert "broken.jpg:" in person.text
        upload(person.control("Add pictures"), again=jpeg(2))
        assert "broken.jpg:" in person.text  # another file does not mend it
        person.click("Generate")
        assert server.posts == 0
        upload(person.control("Add pictures"), **{"broken.jpg": jpeg(3)})
        assert "Cannot be sent" not in person.text
        assert len(person.panel._references.entries) == 3
        assert not person.control("Add pictures").value
        assert len(json.dumps(state(), default=repr)) - others < 250_000
        person.draw()
        person.click("Copy as cell")
        cell = person.control("Cell").value
        assert re.fullmatch(r"%%seedream( --ref store/references/[0-9a-f]{64}\.jpg){3}\nx", cell)
        with capture_output() as shown:
            assert ip.run_cell(cell).success
        assert "replayed, nothing billed" in shown.outputs[0].data["text/plain"]
        assert server.posts == 1
    check_store(store)
    shutil.rmtree(store / "references")
    (store / "references").write_text("in the way")
    with opened(client(server, store)) as person:
        person.fill(Prompt="x")
        upload(person.control("Add pictures"), a=jpeg(1))
        person.click("Copy as cell")
        assert "ConfigError: The reference cannot be kept" in person.text


def test_it_begins_with_the_request_of_a_set(server: RawServer, store: Path, ip: InteractiveShell) -> None:
    """By set or run id, storyboard, references and options without a control, which can be left out, included."""
    through = client(server, store)
    kept = [
        through.plan(Storyboard("flat", ("spring", "---")), size="4K", watermark=False, refs=[jpeg(1)]),
        through.plan("banner", size="4096x1024", extra={"seed": 7}, model="ep-1"),
        through.plan("a village", model=PRO, output_format="png"),
    ]
    unsent = through.plan(
        "a\n---x\n\\---", images="auto", ratio="9:16", stream=False, response_format="b64_json", check=False
    )
    sets = [through.show(through.run(plan).run_id) for plan in kept]
    for images in [*sets, ImageSet(unsent.request, "anyfast", "none", store)]:
        with opened(through, images) as person:
            made, _ = person.panel.line.make_request(person.panel.client)
            assert made == replace(images.request, references=made.references)
            assert [one.source for one in made.references] == [one.source for one in images.request.references]
            if images in sets:
                assert f"run {images.run_id}" in person.text
                assert ("Also sent" in person.text) is bool(images.request.extra or images.request.options)
    with opened(through, sets[1].run_id) as person:
        assert "Also sent: extra {'seed': 7}" in person.text
        person.click("Leave out")
        assert "Also sent" not in person.text
        assert "--extra" not in person.panel.cell
    with pytest.raises(InvalidRequest, match="no run"):
        Panel("20200101T000000Z-aaaaaaaaaa", client=through)


def test_going_on_from_a_frame(server: RawServer, store: Path) -> None:
    """It becomes a reference, is drawn anew with the others as references, or is varied; the buttons name it."""
    through = client(server, store)
    with opened(through) as person:
        person.fill(Prompt="x", Images="3")
        person.draw()
        begun = through.show(next(store.glob("2*")).name)
        assert person.hint("Redo").endswith("may bill 1 image")
        person.panel._use_demo()
        assert person.hint("Redo").endswith("the others as references; free")
        person.panel.client = through
        person.fill(**{"From frame": 2})
        person.click("Use as reference")
        assert f"--ref 'run:{begun.run_id}[1]'" in person.panel.cell
        person.draw("Redo")
        body = bodies(server.requests)[-1]
        assert (len(body["image"]), body["sequential_image_generation"]) == (2, "disabled")
        assert "frame 2 · 1 of 1 · 1 image billed" in person.text
        person.draw("Vary")
        assert "Fill in New words: Vary draws from them and the picture alone" in person.text
        person.fill(**{"New words": "at night"})
        person.draw("Vary")
        assert bodies(server.requests)[-1]["prompt"] == "at night"
        assert server.posts == 3
    with opened(through, replace(begun, expected=4, state="stopped")) as person:
        person.fill(**{"From frame": 4, "New words": "y"})
        person.click("Use as reference")
        assert "Frame 4 has no picture: redo it, or choose another one" in person.text
        assert person.panel._references.entries == ()
        person.draw("Vary")
        person.draw("Redo")
        assert "frame 4 · 1 of 1" in person.text
    assert server.posts == 4


def test_it_goes_on_from_the_frame_at_which_the_carousel_opens(server: RawServer, store: Path) -> None:
    """Also after a redo and on a stored one: the number, its thumbnail and the buttons are its."""
    through = client(server, store)
    begun = through.generate("x", images=3)
    redone = through.run(plan_redo(through, begun, [1], prompt="y"))
    with opened(through, redone.run_id) as person:
        for images in (redone, begun, redone, replace(begun, inherited=frozenset({0, 1, 2}))):
            person.panel._iteration.offer(images, free=False)
            opens = re.findall('data-start="([0-9]+)"', set_bundle(cards_of(images))["text/html"])
            number = int(opens[0]) + 1
            assert person.control("From frame").value == number
            assert person.sees("Redo")
            assert thumbnails(person) == [f"Frame {number}"]


def test_going_on_can_be_copied_as_a_cell(
    server: RawServer, store: Path, ip: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cell of a redo or a vary does what the button does: it is shown from the store after it."""
    monkeypatch.setenv("SEEDREAM_API_KEY", KEY)
    through = client(server, store)
    begun = through.generate("x", images=3)
    cells = []
    with opened(through, begun) as person:
        person.click("Copy vary")
        assert "Fill in New words" in person.text
        assert not person.sees("Cell")
        for label in ("vary", "redo"):
            person.fill(**{"From frame": 2, "New words": 'at "night"'})
            person.click(f"Copy {label}")
            cells.append(person.control("Cell").value)
            person.fill(**{"New words": "by day"})
            assert not person.sees("Cell")
        begin = f'Seedream("anyfast", store="store", base_url="{server.url}/v1").show("{begun.run_id}")'
        assert [cell.partition("\n")[2] for cell in cells] == [
            begin + r'[1].vary("at \"night\"")',
            begin + r'.redo(1, prompt="at \"night\"", refs="others")',
        ]
        for label in ("Vary", "Redo"):
            person.panel._iteration.offer(begun, free=False)
            person.fill(**{"From frame": 2, "New words": 'at "night"'})
            person.draw(label)
        person.click("Copy redo")  # of the set that the button has made: the cell would find it as it is
        assert person.control("Cell").value.endswith('.redo(1, prompt="at \\"night\\"", refs="others", fresh=True)')
    with capture_output():
        assert [ip.run_cell(cell).result.replayed for cell in cells] == [True, True]
    assert server.posts == 3


def test_the_session_has_its_say(server: RawServer, store: Path) -> None:
    """Its settings are the form's beginning and are not said in the cell; its limits refuse, and nothing is sent."""

    def check(plan: Plan) -> None:
        if plan.request.images_at_most > 3:
            raise InvalidRequest("more than three")

    settings = {"images": 3, "size": "4K", "ratio": "16:9", "watermark": False, "stream": False, "provider": "anyfast"}
    through = client(server, store)
    through.session = Session(check=check)
    with opened(through, settings=settings) as person:
        person.fill(Prompt="x")
        assert "5504 × 3040 · 3 pictures · no watermark" in person.text
        assert person.panel.cell == "%%seedream -s 5504x3040\nx"
        person.fill(Images="4")
        assert "Cannot be sent: more than three" in person.text
        person.draw()
        assert person.text.count("more than three") == 1
        assert server.posts == 0


def test_without_a_key_it_tells_how_to_set_one_and_has_a_demo(store: Path, ip: InteractiveShell) -> None:
    """The demo draws without; the cell then names it. Beside "Copy" stands "Insert below" with a hint."""
    with opened(Seedream("anyfast", store=store)) as person:
        assert "anyfast needs an API key." in person.text
        person.fill(Prompt='say "hi" <b>')
        person.draw()
        assert person.text.count("anyfast needs an API key.") == 1
        person.click("Use the demo")
        assert not person.sees("Use the demo")
        assert person.offer == "Draw 1 · free"
        person.click("Copy as cell")
        (page,) = [one.value for one in person.controls() if "Insert below" in str(getattr(one, "value", ""))]
        assert 'title="Inserts the cell below this one"' in page
        assert page.count("say &quot;hi&quot; &lt;b&gt;") == 1
        assert person.control("Cell").value == '%%seedream --provider demo\nsay "hi" <b>'
        person.fill(Images="2")
        assert not person.sees("Cell")


def test_earlier_sets_are_shown_again_and_handed_over(person: Person, server: RawServer, tmp_path: Path) -> None:
    """A click in the strip shows one, whose form can be taken; the export is told, by its options, in one place."""
    for prompt in ("a red kite", "a blue kite"):
        person.fill(Prompt=prompt)
        person.draw()
    person.click("Show: a red kite")
    assert person.panel.images is not None
    assert person.panel.images.request.prompt == "a red kite"  # type: ignore[union-attr] # it is no sweep
    assert person.control("Prompt").value == "a blue kite"
    person.click("Take its form")
    assert person.control("Prompt").value == "a red kite"
    person.fill(Format=".html", File="for them", Title="Kites", Author="Ann", Captions=False)
    person.click("Export")
    assert "Written: for them.html" in person.text
    page = (tmp_path / "for them.html").read_text("utf-8")
    assert ("Kites" in page, ">Ann<" in page, "a red kite</" in page) == (True, True, False)
    person.fill(Format=".zip", Facts=True)
    person.click("Export")
    with zipfile.ZipFile(tmp_path / "for them.zip") as archive:
        assert "request.json" in archive.namelist()
        assert archive.read("captions.txt").decode().startswith("Kites\nAnn\n\n1.  01.")
    assert not person.sees("Page")
    person.fill(File=str(tmp_path), Format=".html")
    (tmp_path.with_suffix(".html")).mkdir()
    person.click("Export")
    assert "Written" not in person.text
    assert server.posts == 2


@pytest.mark.parametrize(("language", "foreign"), [("zh", "[A-Za-z]{4,}"), ("en", "[\u3400-\u9fff]")])
def test_all_words_are_in_one_language(
    store: Path, monkeypatch: pytest.MonkeyPatch, language: str, foreign: str
) -> None:
    """Labels, hints and lines; only names that are typed or sent stay as they are."""
    monkeypatch.setenv("SEEDREAM_LANG", language)
    names = re.compile(
        r"Seedream|Ctrl\+Enter|https?|A\d|Letter|%seedream|SEEDREAM_\w+|ANYFAST\w+|Python|anyfast|demo|doubao-[\w.-]+|lite|Flash"
    )
    with opened(Seedream("anyfast", store=store)) as person:
        person.panel._compare.switch.value = True
        for _ in range(2):
            person.panel._form.frames.append()
        controls = list(_all_of(person.panel.widget))
        said = [str(getattr(one, name, None) or "") for one in controls for name in ("description", "placeholder")]
        said += [
            str(option[0] if isinstance(option, tuple) else option)
            for one in controls
            for option in getattr(one, "options", ()) or ()
        ]
        person.panel._form.prompt.value, person.panel._form.frames.prompts = "{red|blue}", ()
        assert person.panel.line.request is not None
        said += [person.text]
        said += [
            getattr(one, "tooltip" if one.has_trait("tooltip") else "description_tooltip", None) or ""
            for one in controls
        ]
        words = names.sub("", "\n".join([*said, person.text]))
        assert re.findall(foreign, words) == []


def test_two_panels_and_the_session_share_what_is_under_way(server: RawServer, store: Path) -> None:
    """Each has its own set; what both may bill counts for the session's limit, and is what one of them is told of."""
    release, through = threading.Event(), client(server, store)

    def check(plan: Plan) -> None:
        if through.session.images_reserved + plan.request.images_at_most > 5:
            raise InvalidRequest("more than five")

    through.session = Session(check=check)
    server._scenario = {
        POST: lambda request: Gate(stream_head() + succeeded(request, 0), release, succeeded(request, 1)),
        PICTURE: picture,
    }
    with opened(through) as one, opened(through) as other:
        one.fill(Prompt="one", Images="2")
        other.fill(Prompt="other", Images="4")
        one.click("Generate")
        server.wait_for(lambda seen: seen.posts == 1)
        other.draw()
        assert "InvalidRequest: more than five Nothing was sent." in other.text
        other.fill(Prompt="one", Images="2")
        assert "is drawing the same request" in other.text
        other.fill(Prompt="other", Images="3")
        other.ended.clear()
        other.click("Generate")
        server.wait_for(lambda seen: seen.posts == 2)
        assert through.session.images_reserved == 5
        release.set()
        assert one.ended.wait(20)
        assert other.ended.wait(20)
        assert [len(person.panel.images or ()) for person in (one, other)] == [2, 3]
    assert (len(through.session.background), through.session.images_reserved) == (0, 0)


def test_shown_again_it_is_the_same_panel(person: Person, server: RawServer, store: Path, ip: InteractiveShell) -> None:
    """An output is the view with words for who has no kernel, and the set as plain HTML with an id of its own."""
    person.fill(Prompt="x")
    person.draw()
    with capture_output() as shown:
        display(person.panel)
        display(person.panel)
    views, sets = shown.outputs[::2], shown.outputs[1::2]
    model = person.panel.widget.model_id
    assert [one.data["application/vnd.jupyter.widget-view+json"]["model_id"] for one in views] == [model] * 2
    assert all("Run this cell to go on" in one.data["text/plain"] for one in views)
    assert [set(one.data) for one in sets] == [{"text/html", "text/plain", "image/jpeg"}] * 2
    person.fill(Images="2")
    person.ended.clear()
    with capture_output() as shown:
        person.click("Generate")
        person.panel.close()
        assert person.ended.wait(20)
    assert "2 images billed" in shown.outputs[-1].data["text/plain"]
    assert sorted(len(client(server, store).show(run.name).ok) for run in store.glob("2*")) == [1, 2]


def test_the_command_opens_it_on_a_run(server: RawServer, store: Path, ip: InteractiveShell) -> None:
    """`%seedream panel RUN` begins with that run's request; unloading closes it, and a panel that is closed already."""
    images = client(server, store).generate("a village", images=2)
    ip.run_line_magic("load_ext", "seedream_magic")
    ip.run_line_magic("config", f"SeedreamMagics.store = {str(store)!r}")
    before = set(state())
    try:
        Panel(client=Seedream("demo", store=store)).close()
        with capture_output() as shown:
            assert ip.run_cell(f"%seedream panel {images.run_id[:18]}").success
        assert images.run_id in shown.outputs[1].data["text/html"]
        assert set(state()) > before
    finally:
        ip.run_cell("%unload_ext seedream_magic")
    assert set(state()) == before


def test_in_voila_a_widget_shows_the_pictures(server: RawServer, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once its page is there, outputs stand still in it."""
    monkeypatch.setenv("VOILA_REQUEST_URL", "http://localhost:8866/")
    with opened(client(server, store)) as person:
        person.fill(Prompt="a kite", Images="2")
        person.draw()
        values = [control.value for control in person.controls() if isinstance(control, ipywidgets.HTML)]
        assert [value.count("<img") for value in values if 'class="seedream-picture"' in value] == [2]
