"""A program in a terminal of its own, and a person who types: a pseudo-terminal with what it needs to be one.

with running_terminal("IPython", environment={}, directory=tmp_path) as terminal:
    assert "42" in terminal.run("6 * 7")
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pexpect

from kernel import ROOT

CONTROLS = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[=>78])")
ATTRIBUTES = "\x1b[c"
"""What a program sends that asks what the terminal is able to do."""


class Terminal:
    """IPython, or a console like it, at its prompt. `answer` is what the terminal says of itself when it is asked."""

    def __init__(self, child: Any, answer: str) -> None:
        self.child = child
        self._answer = answer
        self._number = 1
        self._wait_prompt()

    def run(self, *lines: str) -> str:
        """Type a cell to its end: what is on the screen from there to the next prompt."""
        self.type(*lines)
        return self.wait_prompt()

    def type(self, *lines: str) -> None:
        """Type a cell line by line, each once the one before has been taken; two empty ones end it, as any magic."""
        for line in (*lines, *(("", "") if len(lines) > 1 else ())):
            self.child.send(line)
            if line:
                self.child.expect_exact(line[-1])
            self.child.send("\r")
            self.child.expect("\n")

    def wait_prompt(self) -> str:
        """Until the next prompt: what is shown till then."""
        self._number += 1
        return self._wait_prompt()

    def wait(self, text: str) -> str:
        """Until this text is shown: what is shown before it."""
        return self._wait(re.escape(text))

    def interrupt(self) -> None:
        """Ctrl-C, once."""
        self.child.send("\x03")

    def _wait_prompt(self) -> str:
        return self._wait(rf"In \[(\x1b\[[0-9;]*m)*{self._number}(\x1b\[[0-9;]*m)*\]: ")

    def _wait(self, pattern: str) -> str:
        shown = ""
        while self.child.expect([pattern, re.escape(ATTRIBUTES)]) == 1:
            shown += self.child.before
            os.write(self.child.child_fd, self._answer.encode())  # at once: who asks waits a tenth of a second
        return CONTROLS.sub("", shown + self.child.before)


@contextmanager
def running_terminal(
    program: str, *options: str, environment: Mapping[str, str], directory: Path, answer: str = ""
) -> Iterator[Terminal]:
    """A Python program at its prompt, in `directory`; it ends with the block.

    Without an `answer` what asks the terminal is not installed: on a busy machine the answer may come when nobody
    waits for it any more, and be typed at the next prompt.
    """
    if not answer:
        (directory / "textual_image.py").write_text("raise ImportError")
    variables = {
        **{name: os.environ[name] for name in ("PATH", "HOME", "SEEDREAM_LIBRARY") if name in os.environ},
        "IPYTHONDIR": str(directory / ".ipython"),
        "JUPYTER_PLATFORM_DIRS": "1",
        "JUPYTER_RUNTIME_DIR": str(directory / ".jupyter"),
        "LANG": "C.UTF-8",
        "PROMPT_TOOLKIT_NO_CPR": "1",  # this terminal does not say where its cursor is
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "PYTHONPATH": str(ROOT),
        "TERM": "xterm-256color",
        **environment,
    }
    child = pexpect.spawn(
        sys.executable,
        ["-m", program, *options],
        cwd=str(directory),
        env=variables,
        encoding="utf-8",
        timeout=60,
        dimensions=(40, 100),
    )
    try:
        yield Terminal(child, answer)
    finally:
        child.close(force=True)
