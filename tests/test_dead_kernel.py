"""A kernel that is killed while a set grows: what its saved output says, at once, later and much later."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from kernel import Kernel, Output, Result, running_kernel
from lab import Lab, browser_page, open_notebook, run_all, trust, written
from raw_server import RawServer
from seedream_magic import Seedream
from seedream_magic.images.image_set import cards_of
from seedream_magic.images.stored_runs import records
from seedream_magic.view.carousel import set_bundle
from served import KEY, client
from test_export import made_set

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

PROMPTS = {"en": "a fox in the snow", "zh": "雪中的狐狸"}
SAVED = {"en": "interrupted, 1 of 2 saved", "zh": "已中断，已保存 1 / 2 张"}
UNTIL = {"en": r"As of [-\d]{10} [:\d]{8} this was under way\.", "zh": r"截至 [-\d]{10} [:\d]{8} 仍在生成。"}
LAST = {"en": "The last sign of it came at ", "zh": "最后一次更新："}
RESUME = {"en": r"Run the cell again: .* %seedream recover \S+ only", "zh": r"重新运行.*%seedream recover \S+ 只补下载"}
LATER = """
const now = Date.now;
Date.now = () => now() + (window.later ??= {seconds}) * 1000;
window.news = [];
new MutationObserver((changes) => changes.forEach(({{ target }}) => news.push(target.dataset.news)))
  .observe(document, {{ subtree: true, attributeFilter: ["data-news"] }});
"""


def with_a_picture(result: Result) -> bool:
    return any(output.data.get("text/html", "").count("<img") == 1 for output in result.displays)


@contextmanager
def killed(server: RawServer, folder: Path, prompt: str) -> Iterator[tuple[Kernel, Output]]:
    """A kernel that was killed after the first of two pictures had come, and its output as it stood then."""
    environment = {"SEEDREAM_BASE_URL": f"{server.url}/v1", "SEEDREAM_API_KEY": KEY}
    with running_kernel(environment=environment, directory=folder) as kernel:
        assert kernel.run("%load_ext seedream_magic").ename is None
        kernel.start(f"%%seedream -n 2\n{prompt}")
        (output,) = kernel.wait_output(with_a_picture).displays
        kernel.manager.signal_kernel(signal.SIGKILL)
        yield kernel, output


@pytest.fixture(params=PROMPTS)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def notebook(lab: Lab, slow_server: RawServer, language: str) -> Path:
    """The notebook that the killed kernel's page has saved; its store lies beside it."""
    folder = lab.folder / f"dead-{language}"
    folder.mkdir(exist_ok=True)
    path = folder / "dead.ipynb"
    if not path.exists():
        with killed(slow_server, folder, PROMPTS[language]) as (_, output):
            written(path, [dict(output.data)], [f"%%seedream -n 2\n{PROMPTS[language]}"])
        trust(path, lab.home)
    return path


@contextmanager
def opened_later(lab: Lab, notebook: Path, seconds: int) -> Iterator[Page]:
    """The saved notebook in JupyterLab, so many seconds after the kernel was killed by the browser's clock."""
    with lab.page(940, 1000) as page:
        page.add_init_script(LATER.format(seconds=seconds))
        open_notebook(page, lab.url, f"{notebook.parent.name}/{notebook.name}", awaits=".seedream-live")
        yield page


def set_of(page: Page) -> Locator:
    return page.locator(".seedream-live").last


def test_opened_days_later_it_is_interrupted(lab: Lab, notebook: Path, language: str) -> None:
    """State, how many are saved, what to do; no clock, nothing that waits. Before that: till when it holds."""
    with opened_later(lab, notebook, 3 * 86_400) as page:
        root = set_of(page)
        expect(root).to_contain_text(SAVED[language])
        expect(root.locator(".seedream-remark")).to_contain_text(re.compile(LAST[language] + ".*" + RESUME[language]))
        expect(root.locator("[data-state=waiting]")).to_have_count(0)
        expect(root.locator(".seedream-elapsed:not(:empty)")).to_have_count(0)
        root.locator(".seedream-thumbs button").last.click()
        expect(root.locator(".seedream-current .seedream-empty")).to_have_css("animation-name", "none")
    with opened_later(lab, notebook, 1200) as page:
        root = set_of(page)
        expect(root.locator(".seedream-remark")).to_contain_text(re.compile(UNTIL[language] + ".*" + RESUME[language]))
        expect(root.locator(".seedream-elapsed:not(:empty)")).to_have_count(0)
        assert SAVED[language] not in root.inner_text()
        page.evaluate("window.later = 86400")
        expect(root).to_contain_text(SAVED[language])


def test_text_says_till_when_it_holds(notebook: Path, language: str, opened: Browser, tmp_path: Path) -> None:
    """Where no script runs, and as plain text: the moment in words, and what to do if nothing came since."""
    data = json.loads(notebook.read_text("utf-8"))["cells"][0]["outputs"][0]["data"]
    assert re.search(UNTIL[language] + ".*" + RESUME[language], data["text/plain"])
    page_of = tmp_path / "set.html"
    page_of.write_text(f'<!DOCTYPE html><meta charset="utf-8">{data["text/html"]}', encoding="utf-8")
    with browser_page(opened, java_script_enabled=False) as page:
        page.goto(page_of.as_uri())
        expect(page.locator(".seedream-remark")).to_be_visible()
        expect(page.locator(".seedream-remark")).to_contain_text(re.compile(UNTIL[language] + ".*" + RESUME[language]))


def test_after_recover_it_is_interrupted_too(notebook: Path, slow_server: RawServer, language: str) -> None:
    """`show` says so before and after, `recover` when it shows the set, and the cell's output names how to go on."""
    seedream: Seedream = client(slow_server, notebook.parent / "seedream-runs")
    (record,) = records(seedream.store)
    posts = slow_server.posts
    for images in (seedream.show(record.run_id), *seedream.recover(record.run_id), seedream.show(record.run_id)):
        bundle = images._repr_mimebundle_()
        assert SAVED[language] in bundle["text/html"]
        assert SAVED[language] in bundle["text/plain"]
        assert re.search(RESUME[language], bundle["text/plain"])
    assert slow_server.posts == posts


def test_a_run_that_is_heard_is_never_interrupted(lab: Lab, slow_server: RawServer) -> None:
    """Not by a page whose clock is two hours ahead, nor in a silence within its limit; once that has passed it is."""
    folder = lab.folder / "heard"
    folder.mkdir()
    variables = {"SEEDREAM_BASE_URL": f"{slow_server.url}/v1", "SEEDREAM_API_KEY": KEY}
    begin = f"import os\nfrom pathlib import Path\nos.environ.update({variables!r})\n%load_ext seedream_magic\n"
    cells = [f"{begin}Path('pid').write_text(str(os.getpid()))", "%%seedream -n 2 --timeout 200\nx"]
    written(folder / "heard.ipynb", (), cells)
    with lab.page(940, 1000) as page:
        page.add_init_script(LATER.format(seconds=7200))
        open_notebook(page, lab.url, "heard/heard.ipynb", awaits=".cm-content")
        page.locator(".jp-CodeCell").first.click()
        run_all(page)
        root = set_of(page)
        expect(root.locator("figure img")).to_have_count(1)
        expect(root.locator(".seedream-facts .seedream-elapsed")).to_have_text(re.compile(r"^ · \d+ s$"))
        os.kill(int((folder / "pid").read_text()), signal.SIGKILL)
        clock = root.locator(".seedream-facts .seedream-elapsed")
        for silence, shown in ((100, r"1\d\d"), (100, r"2\d\d")):
            page.evaluate(f"window.later += {silence}")
            expect(clock).to_have_text(re.compile(rf"^ · ({shown}) s$"))
        expect(root.locator(".seedream-remark")).to_be_hidden()
        assert set(page.evaluate("news")) == {"live"}
        page.evaluate("window.later += 100")
        expect(root).to_contain_text(SAVED["en"])
        expect(root.locator(".seedream-remark")).to_be_visible()


def test_opened_later_a_light_preview_gives_way_to_the_original(
    opened: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An update has a hundredth of what the last output has of a picture; a killed kernel's last output never comes."""
    monkeypatch.chdir(tmp_path)
    images = replace(made_set(tmp_path, count=15, size=(1600, 1200)), state="running")
    update = set_bundle(cards_of(images), sent=[frame.path for frame in images if frame.path])
    Path("set.html").write_text(f'<!DOCTYPE html><meta charset="utf-8">{update["text/html"]}', encoding="utf-8")
    with browser_page(opened, viewport={"width": 900, "height": 900}) as page:
        page.add_init_script(LATER.format(seconds=3 * 86_400))
        page.goto(Path("set.html").absolute().as_uri())
        for number in (1, 2):
            expect(page.locator(".seedream-position").first).to_have_text(f"{number} / 15")
            expect(page.locator(".seedream-current img")).to_have_js_property("naturalWidth", 1600)
            page.get_by_role("button", name="Next frame").first.click()
        assert page.locator("figure img").last.evaluate("image => image.naturalWidth") < 200
