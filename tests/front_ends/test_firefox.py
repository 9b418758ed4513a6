"""Firefox: the page that a set is exported to, as a reader without a notebook opens it; the buttons in JupyterLab."""

from __future__ import annotations

from pathlib import Path

import pytest

from firefox import running_firefox
from lab import Lab, written
from test_export import made_set

pytestmark = pytest.mark.browser


def test_the_page_of_a_set(tmp_path: Path) -> None:
    """Mouse and keys turn its frames; grid, compare and full size show what they say."""
    (tmp_path / "run").mkdir()
    images = made_set(tmp_path / "run", prompt="four seasons", count=4, size=(1800, 1200))
    page = images.export(tmp_path / "set.html").as_uri()
    position = "document.querySelector('.seedream > .seedream-bar .seedream-position').textContent"
    visible = "(one) => one.checkVisibility({ visibilityProperty: true })"
    shown = f"[...document.querySelectorAll('.seedream-picture')].filter({visible}).length"
    large = "document.querySelector('dialog[open] img')"
    with running_firefox(tmp_path, **{"ui.systemUsesDarkTheme": 1}) as firefox:
        firefox.resize(1000, 900)
        firefox.open(page)
        firefox.wait_for("document.querySelectorAll('.seedream-live').length === 1")
        firefox.click(".seedream > .seedream-bar [data-key=next]")
        firefox.wait_for(f"{position} === '2 / 4'")
        firefox.press("ArrowRight")
        firefox.wait_for(f"{position} === '3 / 4'")
        for key, count in (("grid", 4), ("grid", 1), ("compare", 2), ("slider", 2), ("compare", 1)):
            firefox.click(f"[data-key={key}]")
            firefox.wait_for(f"{shown} === {count}")
        firefox.click("[data-key=full]")
        firefox.wait_for(f"{large}?.naturalWidth === 1800")
        firefox.press("End")
        firefox.wait_for(f"{position} === '4 / 4'")
        firefox.press("Escape")
        firefox.wait_for(f"!{large} && document.activeElement.dataset.key === 'full'")
        assert firefox.complaints == []


def test_the_buttons_in_jupyterlab(lab: Lab, tmp_path: Path) -> None:
    """A set gets them once its kernel knows it; Redo draws below it, Star marks, Export writes a file."""
    cells = [
        "%load_ext seedream_magic\n%seedream use demo",
        "%%seedream -s 2K -r 4:3\nfoxes\n---\na heron\n---\na swan",
    ]
    written(lab.folder / "firefox.ipynb", [{}] * 2, cells)
    run = ".jp-NotebookPanel-toolbar [data-jp-item-name=run] :is(button, jp-button)"
    equipped = "document.querySelectorAll('.seedream-equipped').length"
    shown = "[...document.querySelectorAll('.jp-OutputArea-output')].some(one => one.textContent.includes"
    with running_firefox(tmp_path) as firefox:
        firefox.resize(1280, 900)
        firefox.open(f"{lab.url}/doc/tree/firefox.ipynb")
        firefox.wait_for("/Idle/.test(document.querySelector('#jp-main-statusbar')?.textContent ?? '')")
        firefox.click(".jp-CodeCell .cm-content")
        firefox.click(run)
        firefox.wait_for(f"{shown}('provider'))")
        firefox.click(run)
        firefox.wait_for(f"{equipped} === 1")
        firefox.click(".seedream-equipped [data-act=redo]")
        firefox.wait_for(f"{equipped} === 2")
        source = "document.querySelectorAll('.jp-CodeCell')[2].querySelector('.cm-content').textContent"
        assert firefox.evaluate(source).endswith(".redo(0, take=2)")
        star = ".seedream-equipped [data-act=star]"
        firefox.click(star)
        firefox.wait_for(f"document.querySelector('{star}').getAttribute('aria-pressed') === 'true'")
        for name in ("[data-key=more]", "[data-act=export]", "[data-act=zip]"):
            firefox.click(f".seedream-equipped {name}")
        firefox.wait_for(f"{shown}('Written: foxes'))")
        assert [complaint for complaint in firefox.complaints if "seedream" in complaint] == []
