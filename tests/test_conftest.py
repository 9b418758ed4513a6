"""The fixtures that all tests share do what the tests rely on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import conftest


@pytest.mark.parametrize("name", ["SEEDREAM_API_KEY", "ARK_API_KEY", "all_proxy", "IPYTHONDIR"])
def test_a_developers_settings_do_not_reach_a_test(name: str, tmp_path: Path) -> None:
    """Keys, proxies and folders are taken away, and given back afterwards."""
    with pytest.MonkeyPatch.context() as outer:
        outer.setenv(name, "a developer's")
        with pytest.MonkeyPatch.context() as patch:
            conftest.isolate(patch, tmp_path)
            assert os.environ.get(name) != "a developer's"
            assert Path.home() == tmp_path
        assert os.environ[name] == "a developer's"


@pytest.mark.parametrize(("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_a_missing_browser_skips_and_in_continuous_integration_fails(
    ci: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has to have Chromium, but the tests that need it cannot stop running unseen."""
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(conftest, "find_chromium", lambda: None)
    with pytest.raises(outcome, match="no browser: none of chromium"):
        conftest.require_chromium()
