"""A real JupyterLab on loopback and a real Chromium page, for tests that look at what a person sees."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import IO, Any
from urllib.parse import urlsplit

import nbformat
from nbformat.sign import NotebookNotary
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
expect.set_options(timeout=20_000)  # a page draws and a kernel answers, on a machine that may be busy
_CHROMIUM_FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
)


def jupyter_environment(home: Path) -> dict[str, str]:
    """The environment of a person whose home is the empty folder `home`: no settings, keys or trust from outside."""
    ours = ("JUPYTER", "IPYTHON", "SEEDREAM")
    paced = "SEEDREAM_DEMO_DELAY"  # the tests' own
    keep = {key: value for key, value in os.environ.items() if key == paced or not key.startswith(ours)}
    folders = {
        "HOME": home,
        "USERPROFILE": home,
        "JUPYTER_CONFIG_DIR": home / "config",
        "JUPYTER_DATA_DIR": home / "data",
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "IPYTHONDIR": home / "ipython",
    }
    first = {"JUPYTER_PREFER_ENV_PATH": "0"}  # that home before what is installed beside the interpreter
    return keep | first | {name: str(folder) for name, folder in folders.items()}


def trust(notebook: Path, home: Path) -> None:
    """Sign a notebook, as its author's own JupyterLab does on save; it need not have run yet."""
    (home / "data").mkdir(exist_ok=True)
    notary = NotebookNotary(data_dir=str(home / "data"))
    try:
        notary.sign(nbformat.read(notebook, as_version=nbformat.NO_CONVERT))
    finally:
        notary.store.close()


def signed_copy(notebook: Path, lab: Server, name: str) -> Path:
    """A notebook and all that lies beside it, in a folder of that name in JupyterLab's; signed, as its author's is."""
    copy = shutil.copytree(notebook.parent, lab.folder / name) / notebook.name
    trust(copy, lab.home)
    return copy


def written(path: Path, bundles: Sequence[dict[str, Any]], sources: Sequence[str] = ()) -> Path:
    """A notebook of one cell for each saved output in `bundles`; a cell whose bundle is empty has not run."""
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "id": f"cell{index}",
            "source": source,
            "metadata": {},
            "execution_count": None,
            "outputs": [{"output_type": "display_data", "data": bundle, "metadata": {}}] if bundle else [],
        }
        for index, (bundle, source) in enumerate(zip_longest(bundles, sources, fillvalue=""))
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": cells}
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def choose(home: Path, plugin: str, **settings: Any) -> None:
    """Set settings of a JupyterLab plugin, such as "@jupyterlab/apputils-extension/themes" with `theme="…"`."""
    file = home / f"config/lab/user-settings/{plugin}.jupyterlab-settings"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(settings), encoding="utf-8")


@contextmanager
def setting(home: Path, plugin: str, **settings: Any) -> Iterator[None]:
    """The settings of a plugin for JupyterLab pages that are opened meanwhile."""
    choose(home, plugin, **settings)
    try:
        yield
    finally:
        choose(home, plugin)


def theme(home: Path, name: str) -> AbstractContextManager[None]:
    """What JupyterLab pages opened meanwhile look like: "JupyterLab Light" or "JupyterLab Dark"."""
    return setting(home, "@jupyterlab/apputils-extension/themes", theme=name)


@dataclass(frozen=True)
class Server:
    """A running JupyterLab: its address, the folder of the notebooks, the home of settings, trust, run-time files."""

    url: str
    folder: Path
    home: Path


def leave_out_builds(home: Path) -> None:
    """JupyterLab starts Node.js several times for each page, to see whether it should be built anew; nobody builds."""
    file = home / "config/labconfig/page_config.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"buildAvailable": False, "buildCheck": False}), encoding="utf-8")


def install_extension(home: Path) -> None:
    """Put this checkout's front-end extension where JupyterLab looks first, whatever is installed."""
    place = home / "data/labextensions/seedream-magic"
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.exists():
        place.symlink_to(ROOT / "labextension")


@contextmanager
def running_jupyterlab(folder: Path, home: Path, *, base: str = "/") -> Iterator[Server]:
    """JupyterLab over `folder` without token, on a free loopback port, below the path `base` as a hub's are."""
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": "0",
        "ServerApp.base_url": base,
        "ServerApp.root_dir": str(folder),
        "ServerApp.open_browser": "False",
        "ServerApp.allow_root": "True",
        "IdentityProvider.token": "",
        "ServerApp.disable_check_xsrf": "True",
        "ServerApp.allow_origin": "*",
    }
    command = [sys.executable, "-m", "jupyterlab", *(f"--{name}={value}" for name, value in options.items())]
    install_extension(home)
    leave_out_builds(home)
    choose(home, "@jupyterlab/apputils-extension/notification", fetchNews="false", checkForUpdates=False)
    server = subprocess.Popen(
        command, env=jupyter_environment(home), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    assert server.stderr is not None
    lines: Queue[str] = Queue()
    # The thread closes the log at its end: a kernel that outlives the server for a moment holds it open, and closing
    # it from here would wait for that kernel.
    Thread(target=_read_log, args=(server.stderr, lines), daemon=True).start()
    try:
        yield Server(_announced_url(lines), folder, home)
    finally:
        server.terminate()
        try:
            server.wait(timeout=5)
        except subprocess.TimeoutExpired:  # once in many runs it does not hear the signal; its kernels end after it
            server.kill()
            server.wait()


def _read_log(log: IO[str], lines: Queue[str]) -> None:
    with log:
        for line in log:
            lines.put(line)
    lines.put("")


def _announced_url(lines: Queue[str]) -> str:
    """Wait until the server's log tells its address."""
    seen = []
    while line := lines.get(timeout=60):
        seen.append(line)
        if "http://127.0.0.1:" in line:
            address = line[line.index("http://") :].partition("/lab")[0].strip()
            wait_until_it_accepts(int(urlsplit(address).port or 0))
            return address
    raise AssertionError("JupyterLab did not start:\n" + "".join(seen))


def wait_until_it_accepts(port: int, host: str = "127.0.0.1") -> None:
    """Wait until a server takes connections, which its log says a moment earlier."""
    until = time.monotonic() + 20
    while True:
        try:
            return socket.create_connection((host, port), timeout=5).close()
        except ConnectionRefusedError:
            assert time.monotonic() < until, f"nobody takes connections at port {port}"
        time.sleep(0.05)


@contextmanager
def browser(chromium: str) -> Iterator[Browser]:
    """A headless browser; `chromium` is the path of its program."""
    sandbox = [] if hasattr(os, "geteuid") and os.geteuid() else ["--no-sandbox"]  # root has no sandbox
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=[*_CHROMIUM_FLAGS, *sandbox])
        try:
            yield launched
        finally:
            launched.close()


@contextmanager
def browser_page(opened: Browser, **options: Any) -> Iterator[Page]:
    """A page in a fresh profile; `options` as of `Browser.new_context` (viewport, color_scheme, has_touch)."""
    context = opened.new_context(**options)
    context.set_default_timeout(20_000)
    try:
        yield context.new_page()
    finally:
        context.close()


@dataclass(frozen=True)
class Lab(Server):
    """A running JupyterLab and the profile of a person's browser."""

    profile: BrowserContext

    @contextmanager
    def page(self, width: int = 1280, height: int = 900) -> Iterator[Page]:
        """A new page of that many CSS pixels."""
        page = self.profile.new_page()
        page.set_viewport_size({"width": width, "height": height})
        try:
            yield page
        finally:
            page.close()


@contextmanager
def visited(opened: Browser, server: Server) -> Iterator[Lab]:
    """A JupyterLab in a fresh profile, whose pages may read and write the clipboard."""
    profile = opened.new_context(permissions=["clipboard-read", "clipboard-write"])
    profile.set_default_timeout(20_000)
    try:
        yield Lab(server.url, server.folder, server.home, profile)
    finally:
        profile.close()


def open_notebook(page: Page, url: str, name: str, *, awaits: str = ".jp-OutputArea-output") -> None:
    """Open a notebook alone in JupyterLab and wait until the first element of CSS selector `awaits` shows."""
    page.goto(f"{url}/doc/tree/{name}")
    page.locator(".jp-Notebook").wait_for()
    page.locator(awaits).first.wait_for()


def take_for_readme(shown: Locator, name: str) -> None:
    """Take a picture that README shows, where `make picture` asks for it."""
    folder = os.environ.get("README_PICTURES")
    if folder:
        shown.scroll_into_view_if_needed()
        shown.screenshot(path=Path(folder, name))


def wait_for_kernel(page: Page) -> None:
    """Wait until the kernel of the open notebook takes cells; keys pressed earlier are lost."""
    # The indicator in the tool bar shows idle before there is a kernel; the status bar does not.
    page.locator(".jp-StatusBar-TextItem", has_text="| Idle").first.wait_for()


def run_all(page: Page) -> None:
    """Run every cell of the open notebook by the menu, once its kernel takes them."""
    wait_for_kernel(page)
    for name in ("Run", "Run All Cells"):
        page.get_by_role("menuitem", name=name, exact=True).click()


def save(page: Page, notebook: Path) -> None:
    """Save the open notebook by the keyboard, and wait until the server has it."""
    with page.expect_response(lambda answer: answer.request.method == "PUT" and notebook.name in answer.url):
        page.keyboard.press("Control+s")
