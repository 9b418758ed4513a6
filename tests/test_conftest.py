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
