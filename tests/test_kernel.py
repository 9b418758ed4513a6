"""The kernel that tests use shows what a notebook would show."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kernel import Kernel, running_kernel

pytestmark = pytest.mark.kernel


def test_a_kernel_shows_what_a_notebook_would(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outputs come in order, a wait is an assertion, the environment is the test's alone; with the block it ends."""
    monkeypatch.setenv("ANYFAST_API_KEY", "a developer's")
    kernels: list[Kernel] = []

    def fail_while_a_cell_runs() -> None:
        with running_kernel(environment={"SEEDREAM_PROVIDER": "demo"}, directory=tmp_path) as kernel:
            kernels.append(kernel)
            result = kernel.run("print('a'); display({'k': 1}); import sys; print('b', file=sys.stderr); 6 * 7")
            assert [output.kind for output in result.outputs] == ["stream", "display_data", "stream", "execute_result"]
            assert (result.stdout, result.stderr, result.displays[-1].text) == ("a\n", "b\n", "42")
            with pytest.raises(TimeoutError, match="42"):
                kernel.wait_output(lambda result: len(result.outputs) == 5, timeout=0.1)
            told = kernel.run("import os, pathlib, seedream_magic\n{**os.environ, 'home': pathlib.Path.home().name}")
            assert re.search("'SEEDREAM_PROVIDER': 'demo'", told.displays[0].text)
            assert re.search("'home': 'kernel-", told.displays[0].text)
            assert "ANYFAST_API_KEY" not in told.displays[0].text
            kernel.start("import time; time.sleep(60)")
            raise LookupError

    with pytest.raises(LookupError):
        fail_while_a_cell_runs()
    assert not kernels[0].manager.is_alive()
