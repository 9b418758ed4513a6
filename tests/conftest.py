"""What every test gets: an environment without the developer's keys and folders, and the fixtures that many share."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from kernel import Kernel, running_kernel
from raw_server import RawServer, raw_server
from seedream_magic import Seedream, session
from seedream_magic.api import connection, redaction
from seedream_magic.images import download, run_folder
from seedream_magic.words import language
from served import KEY, client
from service import PICTURE, POST, SlowService, picture, whole_answer

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from lab import Lab, Server

ROOT = Path(__file__).resolve().parent.parent

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_BROWSERS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)

# Whole names, and beginnings, of the variables that would let a developer's key, proxy or folder into a test.
FORBIDDEN = (
    *("ANYFAST_API_KEY", "ARK_API_KEY", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("VSCODE_NLS_CONFIG", "JPY_SESSION_NAME"),
)
FORBIDDEN_BEGINNINGS = ("SEEDREAM_", "JUPYTER_", "IPYTHON", "XDG_")


def forbidden(name: str) -> bool:
    return name.upper() in FORBIDDEN or name.upper().startswith(FORBIDDEN_BEGINNINGS)


def isolate(patch: pytest.MonkeyPatch, home: Path) -> None:
    """Cuts the process off from the developer's settings; `home` takes whatever a library writes about its user."""
    for name in filter(forbidden, list(os.environ)):
        patch.delenv(name)
    for name in ("HOME", "USERPROFILE"):
        patch.setenv(name, str(home))
    patch.setenv("LC_ALL", "C.UTF-8")  # a system that names no language
    patch.setenv("SEEDREAM_DEMO_DELAY", "0.1")  # seconds for a picture of the demo: its own pace is a person's
    patch.setenv("IPYTHONDIR", str(home / ".ipython"))
    patch.setenv("JUPYTER_PLATFORM_DIRS", "1")  # jupyter_core warns of the change to come where it is not set
    patch.setenv("PYTHONPATH", str(ROOT))  # a process that a test starts elsewhere finds a checkout nobody installed


@pytest.fixture(scope="session", autouse=True)
def isolated_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The same for fixtures that outlive one test, such as a JupyterLab server; gives the session's home folder."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        isolate(patch, home)
        yield home


def sync_nothing(descriptor: int) -> None:
    """In the place of `os.fsync`, for which most tests would wait longest of all: no test can cut the power.

    When it is called is tested; real ones are made in the processes of their own that tests kill.
    """
    os.fstat(descriptor)  # what is closed cannot be synced


def begin_anew() -> None:
    """What an earlier test of this process has billed, entered, hidden or left to be written is none of the next's."""
    session._notebooks.clear()
    session._without_notebook[:] = [session.Session()]
    run_folder._unwritten_ends.clear()
    connection.forget_refusals()
    language.choose_language("auto")
    language.language_around.cache_clear()
    redaction._remembered.anywhere.clear()  # a header's value that happens to stand in a link would be masked there
    redaction._remembered.as_words.clear()


@pytest.fixture(autouse=True)
def isolated(isolated_session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test begins with a clean environment, and in its own folder: the default store is the current folder's."""
    isolate(monkeypatch, isolated_session)
    monkeypatch.setattr(os, "fsync", sync_nothing)
    monkeypatch.setenv("SEEDREAM_LIBRARY", str(tmp_path.with_name(f"{tmp_path.name}-library") / "library.sqlite3"))
    monkeypatch.chdir(tmp_path)
    begin_anew()
    yield
    assert asyncio.run.__module__ == "asyncio.runners", "nest-asyncio was loaded into the process of all tests"


@pytest.fixture(scope="module", autouse=True)
def settled_memory() -> None:
    """What the modules before this one have loaded stays as well: see `pytest_collection_finish`."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """An empty folder for runs."""
    folder = tmp_path / "store"
    folder.mkdir()
    return folder


@pytest.fixture
def server() -> Iterator[RawServer]:
    """A service that makes every picture it is asked for."""
    with raw_server({POST: whole_answer, PICTURE: picture}) as running:
        yield running


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts at a picture follow at once."""
    monkeypatch.setattr(download, "download_pause", lambda attempt: 0.0)


@pytest.fixture
def seedream(server: RawServer, store: Path) -> Seedream:
    """The Python client to that service."""
    return client(server, store)


@pytest.fixture
def slow() -> SlowService:
    """A service that sends the first picture at once, and the second when it is released."""
    return SlowService()


@pytest.fixture
def slow_server(slow: SlowService) -> Iterator[RawServer]:
    """It on a port."""
    with slow.serving() as running:
        yield running


@pytest.fixture
def slow_kernel(slow_server: RawServer, tmp_path: Path) -> Iterator[Kernel]:
    """A real kernel with the extension loaded, pointed to that service."""
    environment = {"SEEDREAM_BASE_URL": f"{slow_server.url}/v1", "SEEDREAM_API_KEY": KEY}
    with running_kernel(environment=environment, directory=tmp_path) as running:
        assert running.run("%load_ext seedream_magic").ename is None
        yield running


CELLS = (
    "%load_ext seedream_magic\n%seedream use demo",
    "%%seedream seasons << -n 4 -s 2K -r 16:9\nfour seasons of one village, refuse 3",
    "print('beside')\nget_ipython().run_cell_magic('seedream', '-s 2K -r 3:4', '海边的灯塔')",
    "%seedream history --here",
    "%seedream models",
    "seasons[1]",
)


@pytest.fixture(scope="session")
def executed(isolated_session: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A notebook that was run on the demo, the same one for every front end: `CELLS` and what they show."""
    import nbformat
    from nbclient import NotebookClient

    folder = tmp_path_factory.mktemp("executed")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEEDREAM_LIBRARY", str(folder / "library.sqlite3"))
        NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(folder)}}).execute()
    nbformat.write(notebook, folder / "demo.ipynb")
    return folder / "demo.ipynb"


@pytest.fixture
def ip(isolated: None) -> Iterator[InteractiveShell]:
    """A real IPython shell, the one that `get_ipython()` gives: `ip.run_cell("…")`, `ip.user_ns["name"]`."""
    settings = Config()
    settings.HistoryManager.enabled = False
    settings.HistoryManager.hist_file = ":memory:"
    display, hook = sys.displayhook, sys.excepthook
    shell = InteractiveShell.instance(config=settings)
    try:
        yield shell
    finally:
        begin_anew()  # the next test's clients are none of this notebook's
        shell.restore_sys_module_state()
        shell.reset(new_session=False)
        InteractiveShell.clear_instance()
        sys.displayhook, sys.excepthook = display, hook


@pytest.fixture
def shell(ip: InteractiveShell, server: RawServer, store: Path, monkeypatch: pytest.MonkeyPatch) -> InteractiveShell:
    """A shell with the extension loaded and pointed to the service."""
    monkeypatch.setenv("SEEDREAM_BASE_URL", f"{server.url}/v1")
    monkeypatch.setenv("SEEDREAM_API_KEY", KEY)
    monkeypatch.setenv("SEEDREAM_STORE", str(store))
    assert ip.run_cell("%load_ext seedream_magic").success
    return ip


def find_chromium() -> str | None:
    """The browser's program, as the system has it."""
    installed = filter(None, map(shutil.which, BROWSERS))
    return next(installed, None) or next((path for path in MAC_BROWSERS if Path(path).exists()), None)


def skip_or_fail(missing: str) -> NoReturn:
    """Skips a test for which something is missing; in continuous integration (CI=true) it fails."""
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(f"{missing}, and CI is set", pytrace=False)
    pytest.skip(missing)


def require_chromium() -> str:
    """The path of the browser."""
    return find_chromium() or skip_or_fail(f"no browser: none of {', '.join(BROWSERS)} is installed")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the browser, for Playwright's `executable_path`."""
    return require_chromium()


# Playwright is not in the environment of the oldest versions: `lab` is imported where it is used.
@pytest.fixture(scope="session")
def jupyterlab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One JupyterLab for all tests of a worker; each module has a folder of its own in it."""
    from lab import running_jupyterlab

    with running_jupyterlab(tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("lab-home")) as running:
        yield running


# Not for the session: an event loop runs in this thread as long as Playwright does, and other tests bring their own.
@pytest.fixture(scope="module")
def opened(chromium: str) -> Iterator[Browser]:
    """One browser for the module; each page of `browser_page` has a fresh profile."""
    from lab import browser

    with browser(chromium) as launched:
        yield launched


@pytest.fixture(scope="module")
def lab(opened: Browser, jupyterlab: Server) -> Iterator[Lab]:
    """JupyterLab in one profile for the module."""
    from lab import visited

    with visited(opened, jupyterlab) as person:
        yield person


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Without Playwright (the environment of the oldest versions) the modules that import it are left out."""
    if collection_path.suffix != ".py" or importlib.util.find_spec("playwright"):
        return None
    asks = re.compile(r"^(from|import) (playwright|lab)\b", re.MULTILINE)
    return True if asks.search(collection_path.read_text(encoding="utf-8")) else None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """The rule of `require_chromium` comes before any fixture has started a server for nothing."""
    if item.get_closest_marker("browser"):
        require_chromium()


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of a file with a browser or a kernel are one worker's: what it starts, it starts once."""
    for item in items:
        if item.get_closest_marker("browser") or item.get_closest_marker("kernel"):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


def pytest_collection_finish() -> None:
    """What is loaded by now stays: each shell ends with a collection of garbage, which need not look through it."""
    gc.collect()
    gc.freeze()
