"""The pages in docs: every block of code runs on the demo, every link leads somewhere, the site builds."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

from conftest import skip_or_fail
from seedream_magic.demo import server

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(DOCS.glob("*.md"))
BLOCK = re.compile(r"^```(?:ipython|python)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(?:#[\w-]+)?\)")
WITH_CODE = [page for page in PAGES if BLOCK.search(page.read_text("utf-8"))]


@pytest.fixture
def demo(ip: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """A notebook of the demo, which paints without waiting."""
    monkeypatch.setenv("SEEDREAM_PROVIDER", "demo")
    server.start(delay=0)
    try:
        assert ip.run_cell("%load_ext seedream_magic\n%seedream use demo").success
        yield ip
    finally:
        server.stop()


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.stem)
def test_the_blocks_of_a_page_run_one_after_the_other(page: Path, demo: InteractiveShell) -> None:
    """As a reader would type them, each in a cell of its own."""
    for block in BLOCK.findall(page.read_text("utf-8")):
        result = demo.run_cell(block)
        assert result.error_in_exec is None, block
        assert result.error_before_exec is None, block


def test_links_lead_somewhere() -> None:
    """To a page, a picture or a file of the repository."""
    for page in PAGES:
        for target in LINK.findall(page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_page_is_in_the_contents() -> None:
    contents = (DOCS / "index.md").read_text("utf-8")
    for page in PAGES:
        assert page.stem == "index" or re.search(rf"^{page.stem}$", contents, re.MULTILINE), page.name


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    """Tables come from the options, the Python page from the docstrings; the notebooks are not run here."""
    if importlib.util.find_spec("myst_nb") is None:
        skip_or_fail("myst_nb cannot be imported")
    source = tmp_path / "source"
    shutil.copytree(DOCS, source)
    for notebook in (DOCS.parent / "notebooks").glob("*.ipynb"):
        shutil.copy(notebook, source)
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-D", "nb_execution_mode=off"]
    built = subprocess.run([*command, str(source), str(tmp_path / "site")], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    reference = re.sub("<[^>]*>", "", (tmp_path / "site" / "reference.html").read_text("utf-8"))
    assert "--no-watermark" in reference
    assert "%seedream doctor" in reference
