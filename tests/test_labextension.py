"""The front-end extension in a real JupyterLab and Notebook 7: what a person does with a picture, and who may not."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, WebSocket, expect

from lab import Lab, jupyter_environment, open_notebook, run_all, trust, wait_for_kernel, written
from seedream_magic import Seedream
from seedream_magic.images.stored_runs import records

pytestmark = pytest.mark.browser

DEMO = "%load_ext seedream_magic\n%seedream use demo"
BOOK = "%%seedream book << -s 2K -r 4:3\nink wash\n---\n" + "\n---\n".join(
    f"a fox {does}" for does in ("wakes", "runs", "finds a lantern", "meets an owl", "goes home", "sleeps")
)


@contextmanager
def opened_in(lab: Lab, kind: str, name: str, cells: list[str]) -> Iterator[Page]:
    """A new notebook in JupyterLab or in Notebook 7, whose kernel takes cells."""
    path = lab.folder / f"{name}-{kind}.ipynb"
    written(path, [{}] * len(cells), cells)
    with lab.page(1280, 800) as page:
        failures: list[str] = []
        page.on("pageerror", lambda error: failures.append(f"{error} {error.stack}"))
        open_kind(page, lab, kind, path.name)
        yield page
        assert [failure for failure in failures if "seedream" in failure] == []


def open_kind(page: Page, lab: Lab, kind: str, name: str) -> None:
    """Open a notebook and wait for its kernel."""
    if kind == "lab":
        open_notebook(page, lab.url, name, awaits=".jp-CodeCell")
        wait_for_kernel(page)
        return
    heard: list[str | bytes] = []

    def listen(socket: WebSocket) -> None:
        if "/kernels/" in socket.url:
            socket.on("framereceived", lambda frame: heard.append(frame))  # noqa: PLW0108 - Playwright marks it

    page.on("websocket", listen)  # the kernel may speak before the page has loaded
    page.goto(f"{lab.url}/notebooks/{name}")
    while not heard:
        page.wait_for_timeout(20)
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()


def run_all_of(page: Page, kind: str) -> None:
    if kind == "lab":
        run_all(page)
        return
    for name in ("Run", "Run All Cells"):
        page.get_by_role("menuitem", name=name, exact=True).click()


def restart_and_run_all(page: Page) -> None:
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_role("menuitem", name="Restart Kernel and Run All Cells…", exact=True).click()
    page.locator(".jp-Dialog .jp-mod-accept").click()


def cell(page: Page, index: int) -> Locator:
    return page.locator(".jp-CodeCell").nth(index)


def carousel(page: Page, index: int) -> Locator:
    """The set below a code cell, counted from 0."""
    return cell(page, index).get_by_role("region")


def act(root: Locator, name: str) -> Locator:
    """A button of the extension, by the beginning of its name."""
    return root.get_by_role("button", name=re.compile(f"^{re.escape(name)}(:|\uff1a|$)"))


def source(page: Page, index: int) -> str:
    return "\n".join(cell(page, index).locator(".cm-line").all_inner_texts())


def pictures(page: Page, index: int) -> list[str]:
    """The previews of a set, which are as alike as their pictures."""
    sources: list[str] = carousel(page, index).locator("figure img").evaluate_all("all => all.map(one => one.src)")
    return sources


def runs_in(folder: Path) -> list[str]:
    return sorted(record.run_id for record in records(folder / "seedream-runs"))


def test_jupyter_lists_it(lab: Lab) -> None:
    """As it is found in the folder of extensions: enabled, and nothing wrong with it."""
    command = [sys.executable, "-m", "jupyter", "labextension", "list"]
    done = subprocess.run(
        command, env=jupyter_environment(lab.home), cwd=lab.home, capture_output=True, text=True, check=True
    )
    plain = re.sub(r"\x1b\[\d*m", "", done.stdout + done.stderr)
    assert re.search(r"seedream-magic v\S+ enabled +OK \(python, seedream-magic\)", plain), plain


# Notes in which code cells a set has been seen to grow.
WATCH = """() => {
  window.grown = new Set();
  new MutationObserver(() => document.querySelectorAll(".jp-CodeCell").forEach((cell, at) => {
    if (cell.querySelector(".seedream-elapsed")) window.grown.add(at);
  })).observe(document.body, { childList: true, subtree: true });
}"""


def redo_twice(page: Page, root: Locator) -> None:
    """Two clicks on the third frame: each is a cell below, in which the set is seen to grow at once."""
    root.get_by_role("button", name="Frame 3").click()
    page.evaluate(WATCH)
    for clicks in (1, 2):
        act(root, "Redo").click()
        act(carousel(page, 1 + clicks), "Redo").wait_for(timeout=60_000)
        assert page.evaluate(f"window.grown.has({1 + clicks})")
        expect(carousel(page, 1 + clicks).locator(".seedream-position").first).to_have_text("3 / 6")
    assert [source(page, 1 + take).endswith(f'").redo(2, take={take + 1})') for take in (1, 2)] == [True, True]
    assert len({pictures(page, index)[2] for index in (1, 2, 3)}) == 3


def mark(page: Page, root: Locator, frame: int, key: str, name: str) -> None:
    """A frame is chosen and a key pressed: no cell is cut, and none comes."""
    cells = page.locator(".jp-CodeCell").count()
    root.get_by_role("button", name=f"Frame {frame}").click()
    page.keyboard.press(key)
    expect(act(root, name)).to_have_attribute("aria-pressed", "true")
    assert page.locator(".jp-CodeCell").count() == cells


def compare_and_throw_out(page: Page, root: Locator) -> None:
    """Pictures of the sets below cells 1 and 4 are pinned and compared below cell 4, and the second one goes."""
    for index in (1, 4):
        carousel(page, index).get_by_role("button", name="More").click()
        act(carousel(page, index), "Pin to compare").click()
        page.keyboard.press("Escape")
    expect(root.get_by_text("2 pinned")).to_be_visible()
    act(root, "Compare the pinned").click()
    table = cell(page, 5).locator(".seedream-light-live")
    table.wait_for(timeout=60_000)
    table.get_by_role("group").nth(1).focus()
    page.keyboard.press("x")
    expect(table.locator("figure:visible")).to_have_count(1)
    assert re.fullmatch(r"%seedream compare run:\S+\[5\] run:\S+\[0\]", source(page, 5))
    act(root, "Unpin all").click()


def export(page: Page, lab: Lab, index: int) -> Path:
    """The set of a cell is written to a PDF from its menu, by the cell below."""
    root = carousel(page, index)
    root.get_by_role("button", name="More").click()
    act(root, "Export").click()
    expect(root.locator(".seedream-menu")).to_be_hidden()
    expect(act(root, "PDF")).to_be_focused()
    assert act(root, "PDF").evaluate("one => getComputedStyle(one).borderTopStyle") == "solid"
    act(root, "PDF").click()
    expect(cell(page, index + 1).locator(".jp-OutputArea-output")).to_contain_text("Written: ink-wash", timeout=60_000)
    assert re.fullmatch(r"%seedream export \S+ ink-wash\S*\.pdf", source(page, index + 1))
    return lab.folder / source(page, index + 1).split()[-1]


@pytest.mark.parametrize("kind", ["lab", "notebook"])
def test_a_picture_book_without_python(lab: Lab, kind: str) -> None:
    """Redone twice, a take picked, two starred, compared, one thrown out, exported, all by buttons and keys.

    The notebook, run anew, shows the same and sends nothing.
    """
    before = set(runs_in(lab.folder)) if (lab.folder / "seedream-runs").exists() else set()
    with opened_in(lab, kind, "book", [DEMO, f"{BOOK} {kind}"]) as page:
        run_all_of(page, kind)
        root = carousel(page, 1)
        expect(act(root, "Redo")).to_have_attribute("title", "Draw this frame anew: free (demo)", timeout=60_000)
        redo_twice(page, root)
        mark(page, root, 1, "s", "Star")
        mark(page, root, 4, "s", "Star")
        mark(page, root, 2, "x", "Reject")
        root.get_by_role("button", name="Frame 6").click()
        act(root, "Vary").click()
        page.keyboard.type('the fox dreams of "lanterns"')
        page.keyboard.press("Enter")
        act(carousel(page, 4), "Redo").wait_for()
        assert source(page, 4).endswith('.takes(5)[0].vary("the fox dreams of \\"lanterns\\"", take=1)')
        redone = carousel(page, 3)
        redone.get_by_role("button", name="Frame 3").click()
        expect(redone.get_by_role("button", name="Take 3")).to_have_attribute("aria-pressed", "true")
        redone.get_by_role("button", name="Take 1").click()
        expect(redone.get_by_role("button", name="Take 1")).to_have_attribute("aria-pressed", "true")
        assert pictures(page, 3) == pictures(page, 1)
        compare_and_throw_out(page, root)
        book = export(page, lab, 3)
        made = set(runs_in(lab.folder)) - before
        assert len(made) == 4
        seen = [pictures(page, index) for index in (1, 3, 5)]
        book.unlink()

        restart_and_run_all(page)
        expect(act(carousel(page, 5), "Redo")).to_have_count(0)
        act(carousel(page, 5), "Redo").wait_for(timeout=60_000)
        cell(page, 6).locator(".seedream-light-live").wait_for()
        assert [pictures(page, index) for index in (1, 3, 5)] == seen
        assert pictures(page, 2) == seen[0]  # what was picked since shows in all sets of the frame
        assert set(runs_in(lab.folder)) - before == made
        assert book.read_bytes().startswith(b"%PDF")
        marks = carousel(page, 1).locator(".seedream-thumb").evaluate_all("all => all.map(one => one.dataset.mark)")
        assert marks == ["star", "reject", "", "star", "", ""]


def test_what_failed_is_retried_and_a_picture_becomes_a_reference(lab: Lab) -> None:
    """Retry stands where the picture would be; a reference begins a cell in which the person writes on."""
    board = "%%seedream -s 2K -r 4:3\nink\n---\na heron\n---\na heron, refuse once"
    with opened_in(lab, "lab", "failed", [DEMO, board]) as page:
        run_all_of(page, "lab")
        root = carousel(page, 1)
        root.get_by_role("button", name="Frame 2, failed").click()
        expect(act(root, "Retry")).to_be_visible()
        for name in ("Redo", "Vary", "Star", "Reject"):
            expect(act(root, name)).to_have_count(0)
        act(root, "Retry").click()
        cell(page, 2).locator(".jp-OutputArea-output").first.wait_for()
        assert source(page, 2).startswith("%seedream retry 20")
        root.get_by_role("button", name="More").click()
        act(root, "Redo in other words").click()
        field = root.get_by_role("textbox", name="What the frame shows, in other words")
        expect(field).to_have_value("a heron, refuse once")
        field.fill("a heron in the reeds")
        page.keyboard.press("Enter")
        act(carousel(page, 3), "Redo").wait_for()
        expect(carousel(page, 3).locator("figure img")).to_have_count(2)
        root.get_by_role("button", name="Frame 1").click()
        root.get_by_role("button", name="More").click()
        act(root, "Use as reference").click()
        expect(cell(page, 4).locator(".cm-content")).to_be_focused()
        page.keyboard.type("a crane")
        assert re.fullmatch(r"%%seedream --ref run:\S+\[0\]\na crane", source(page, 4))


HOSTILE = """
from IPython.display import HTML, display
display(HTML('''<div class="fires"></div><script>
  const detail = {{ action: "redo", run: "{run}", frame: 0 }};
  const fire = () => {{
    for (const button of document.querySelectorAll(".seedream-act")) {{
      button.click();
      button.dispatchEvent(new MouseEvent("click", {{ bubbles: true }}));
    }}
    for (const root of document.querySelectorAll(".seedream-live")) {{
      for (const key of ["s", "x", "Enter"])
        root.dispatchEvent(new KeyboardEvent("keydown", {{ key, bubbles: true }}));
      for (const name of ["seedream", "seedream-action", "seedream-set"])
        root.dispatchEvent(new CustomEvent(name, {{ bubbles: true, detail }}));
    }}
    document.title = "fired";
  }};
  fire();
  setTimeout(fire, 500);
</script>'''))
"""


def test_a_page_that_fires_events_does_nothing(lab: Lab) -> None:
    """Scripts click and press as they like: no cell comes, nothing is drawn. Words that are code are words."""
    with opened_in(lab, "lab", "fired", [DEMO, "%%seedream -s 2K\na hostile heron", ""]) as page:
        run_all_of(page, "lab")
        root = carousel(page, 1)
        act(root, "Redo").wait_for()
        made = runs_in(lab.folder)
        cell(page, 2).locator(".cm-content").click()
        page.keyboard.insert_text(HOSTILE.format(run=root.get_attribute("data-run")))
        page.keyboard.press("Control+Enter")
        page.wait_for_function("document.title === 'fired'")
        act(root, "Star").click()  # what was fired before it would have been answered before it
        expect(act(root, "Star")).to_have_attribute("aria-pressed", "true")
        assert page.locator(".jp-CodeCell").count() == 3
        assert runs_in(lab.folder) == made
        act(root, "Vary").click()
        page.keyboard.insert_text('"); OWNED = 1 #')
        page.keyboard.press("Enter")
        act(carousel(page, 2), "Redo").wait_for()
        cell(page, 3).locator(".cm-content").click()
        page.keyboard.press("Control+a")
        page.keyboard.insert_text("'OWNED' in globals()")
        page.keyboard.press("Control+Enter")
        expect(cell(page, 3).locator(".jp-OutputArea-output")).to_contain_text("False")


def test_whose_set_is_not_known_has_no_buttons(lab: Lab) -> None:
    """An untrusted output, a run of nobody here, a look-alike: what can be done is copied there, no button is dead."""
    folder = lab.folder / "strangers"
    folder.mkdir()
    with chdir(folder):
        known = Seedream("demo", store=folder / "seedream-runs").generate("a known goose")
        unknown = Seedream("demo", store=lab.home / "elsewhere").generate("an unknown goose")
        bundles = [{}, known._repr_mimebundle_(), unknown._repr_mimebundle_()]
    html = f'<div class="seedream seedream-live" data-run="{known.run_id}"><figure></figure><div class="seedream-bar">'
    alike = {"text/html": f'{html}<span class="seedream-acts">alike</span></div></div>'}
    for name in ("trusted", "untrusted"):
        shown = [*bundles, alike] if name == "untrusted" else bundles
        path = written(folder / f"{name}.ipynb", shown, [DEMO, "", name, ""][: len(shown)])
        if name == "trusted":
            trust(path, lab.home)
        with lab.page(1280, 800) as page:
            open_kind(page, lab, "lab", f"strangers/{name}.ipynb")
            cell(page, 0).locator(".cm-content").click()
            page.keyboard.press("Control+Enter")
            expect(cell(page, 0).locator(".jp-OutputArea-output")).to_contain_text("provider")
            if name == "trusted":
                act(carousel(page, 1), "Redo").wait_for()
                expect(page.locator(".seedream-equipped")).to_have_count(1)
                carousel(page, 2).get_by_role("button", name="More").click()
                expect(carousel(page, 2).get_by_role("button", name="Copy redo")).to_be_visible()
            else:
                expect(page.get_by_text("alike")).to_be_visible()
                wait_for_kernel(page)  # it has been asked what it knows by then, if anybody asks
                expect(page.locator(".seedream-act")).to_have_count(0)


def test_a_cell_reads_as_prose(lab: Lab) -> None:
    """Words are not coloured as Python, and wrap; options, variables and rules are told apart; other cells stay."""
    prose = "%%seedream hero << -n 2 --size 2K\nfor {painter} and in while, {{not}} 'so' # far\n---\n" + "long " * 60
    with opened_in(lab, "lab", "prose", [prose, "for a in b: pass"]) as page:
        content = cell(page, 0).locator(".cm-content")
        expect(content).to_have_attribute("spellcheck", "true")
        told = {kind: content.locator(f".seedream-{kind}").all_inner_texts() for kind in ("option", "name", "variable")}
        assert told == {"option": ["-n", "--size"], "name": ["hero", "<<"], "variable": ["{painter}"]}
        expect(content.locator(".seedream-rule")).to_have_text("---")
        keyword = cell(page, 1).locator(".cm-line span", has_text="for").first
        expect(keyword).to_have_css("font-weight", "700")  # the language has loaded
        colours = (
            "spans => [...new Set(spans.map(one => getComputedStyle(one).color + getComputedStyle(one).fontWeight))]"
        )
        line = content.locator(".cm-line").nth(1)
        assert len(line.locator("span:not(.seedream-variable, .seedream-variable *)").evaluate_all(colours)) <= 1
        assert content.evaluate("node => node.scrollWidth <= node.clientWidth")
        content.locator(".cm-line").last.click()
        page.keyboard.press("End")
        page.keyboard.type("at dawn:\nmist")
        expect(content.locator(".cm-line").last).to_have_text("mist")  # no indentation as below Python's colon
        content.press("Control+a")
        page.keyboard.type("if a:")
        expect(content).not_to_have_class(re.compile("seedream-prose"))


def test_what_a_command_says_breaks_between_words(lab: Lab) -> None:
    """Below cells of ours; the output of other cells is JupyterLab's."""
    said = {"text/plain": "Nothing was sent."}
    cells = ["%%seedream --sizee 2K\na fox", "%load_ext seedream_magic\n%seedream help", "print('%seedream')"]
    written(lab.folder / "said.ipynb", [said] * len(cells), cells)
    with lab.page(500, 800) as page:
        open_notebook(page, lab.url, "said.ipynb")
        for place, broken in enumerate(("normal", "normal", "break-all")):
            text = cell(page, place).locator("pre", has_text="Nothing was sent.")
            expect(text).to_have_css("word-break", broken)
