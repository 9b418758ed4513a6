"""The fixtures that all tests share do what the tests rely on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from IPython.core.getipython import get_ipython
from IPython.core.interactiveshell import InteractiveShell

import conftest


@pytest.mark.parametrize(
    "name",
    ["SEEDREAM_API_KEY", "SEEDREAM_STORE", "ANYFAST_API_KEY", "ARK_API_KEY", "HTTPS_PROXY", "all_proxy", "IPYTHONDIR"],
)
def test_a_developers_settings_do_not_reach_a_test(name: str, tmp_path: Path) -> None:
    """Keys, proxies and folders are taken away, and given back afterwards."""
    with pytest.MonkeyPatch.context() as outer:
        outer.setenv(name, "a developer's")
        with pytest.MonkeyPatch.context() as patch:
            conftest.isolate(patch, tmp_path)
            assert os.environ.get(name) != "a developer's"
            assert Path.home() == tmp_path
        assert os.environ[name] == "a developer's"


def test_a_test_runs_in_its_own_folder(tmp_path: Path, store: Path) -> None:
    """A run that names no store cannot write into the repository; `store` is an empty folder."""
    assert Path.cwd() == tmp_path
    assert list(store.iterdir()) == []


def test_the_shell_runs_cells_and_is_the_current_one(ip: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    """`get_ipython()` finds it, a cell's names are in `user_ns`, a display reaches the output; it writes no history."""
    assert get_ipython() is ip
    assert ip.run_cell("x = 6 * 7\ndisplay(x)").success
    assert ip.user_ns["x"] == 42
    assert capsys.readouterr().out == "42\n"
    assert isinstance(ip.run_cell("1 / 0").error_in_exec, ZeroDivisionError)
    assert ip.history_manager
    assert not ip.history_manager.enabled


def test_each_test_has_a_shell_without_the_last_ones_names(ip: InteractiveShell) -> None:
    """The name of the test above is not there."""
    assert "x" not in ip.user_ns


@pytest.mark.parametrize(("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_a_missing_browser_skips_and_in_continuous_integration_fails(
    ci: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has to have Chromium, but the tests that need it cannot stop running unseen."""
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(conftest, "find_chromium", lambda: None)
    with pytest.raises(outcome, match="no browser: none of chromium"):
        conftest.require_chromium()


def test_the_browser_is_found_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the names that Linux distributions give it."""
    program = tmp_path / "chromium-browser"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert conftest.require_chromium() == str(program)
