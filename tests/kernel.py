"""A real Jupyter kernel for a test: run cells, see what they show, press Stop.

    with running_kernel(environment={"SEEDREAM_PROVIDER": "demo"}, directory=tmp_path) as kernel:
        assert kernel.run("6 * 7").outputs[0].text == "42"

It is the ipykernel of the Python that runs the test, with a home of its own: no profile and no startup file of the
developer's has a say.
"""

from __future__ import annotations

import os
import queue
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

ROOT = Path(__file__).resolve().parent.parent
COLOURS = re.compile(r"\x1b\[[0-9;]*m")

# What a process needs to run at all, and the pace of the demo (see `conftest.isolate`). Keys, proxies and folders come
# only from the test's own `environment`.
INHERITED = ("PATH", "LANG", "LC_ALL", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "LD_LIBRARY_PATH", "SEEDREAM_DEMO_DELAY")


@dataclass(frozen=True)
class Output:
    """One output of a cell. `kind` is stream, display_data, execute_result or error."""

    kind: str
    text: str = ""
    name: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    display_id: str | None = None
    updates: int = 0


@dataclass(frozen=True)
class Result:
    """What a cell has shown so far, in order, each display as it stands now; the error, if it ended with one."""

    outputs: tuple[Output, ...] = ()
    ename: str | None = None
    evalue: str | None = None
    traceback: tuple[str, ...] = ()
    finished: bool = False
    seconds: float = 0.0
    clear_next: bool = False

    @property
    def stdout(self) -> str:
        return "".join(output.text for output in self.outputs if output.name == "stdout")

    @property
    def stderr(self) -> str:
        return "".join(output.text for output in self.outputs if output.name == "stderr")

    @property
    def displays(self) -> tuple[Output, ...]:
        """The rich outputs: displays and the cell's value."""
        return tuple(output for output in self.outputs if output.data)


class Kernel:
    """A running kernel. `result` is the cell begun last; displays of it go on changing after it has ended."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient, log: Path) -> None:
        self.manager = manager
        self.client = client
        self.result = self.without_updates = Result(finished=True)
        self._log = log
        self._cell = ""
        self._begun = 0.0

    def run(self, code: str, timeout: float = 60, *, allow_stdin: bool = True) -> Result:
        """Runs the cell to its end."""
        self.start(code, allow_stdin=allow_stdin)
        self.wait_idle(timeout)
        return self.result

    def start(self, code: str, *, allow_stdin: bool = True) -> None:
        """Begins the cell and returns; `allow_stdin` says whether there is a person who could be asked."""
        if self.result.ename:  # for a moment after it, ipykernel 6 turns away what comes next, as Run All wants it
            while self._reply(self.client.execute("", silent=True))["status"] == "aborted":
                pass
        self.result = self.without_updates = Result()
        self._begun = time.monotonic()
        self._cell = self.client.execute(code, allow_stdin=allow_stdin)

    def wait_output(self, predicate: Callable[[Result], bool], timeout: float = 60) -> Result:
        """Until what the cell has shown satisfies the predicate; TimeoutError where it does not."""
        until = time.monotonic() + timeout
        while not predicate(self.result):
            try:
                message = self.client.get_iopub_msg(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(f"after {timeout} s: {self.result}\n{self._log.read_text()}") from None
            self._take(message)
        return self.result

    def wait_idle(self, timeout: float = 60) -> float:
        """Until the cell has ended; gives the seconds that took from now: after `interrupt`, Stop to prompt."""
        begun = time.monotonic()
        self.wait_output(lambda result: result.finished, timeout)
        return time.monotonic() - begun

    def interrupt(self) -> None:
        """What the Stop button does."""
        self.manager.interrupt_kernel()

    def is_complete(self, code: str, timeout: float = 60) -> str:
        """Whether a console would run this code at Enter ("complete") or take a further line ("incomplete")."""
        return str(self._reply(self.client.is_complete(code), timeout)["status"])

    def _reply(self, question: str, timeout: float = 60) -> Mapping[str, Any]:
        """The kernel's answer to this question; those that nobody waited for are passed over."""
        until = time.monotonic() + timeout
        while True:
            reply = self.client.get_shell_msg(timeout=max(0.0, until - time.monotonic()))
            if reply["parent_header"].get("msg_id") == question:
                content: Mapping[str, Any] = reply["content"]
                return content

    def _take(self, message: Mapping[str, Any]) -> None:
        ours = message["parent_header"].get("msg_id") == self._cell
        if ours or message["msg_type"] == "update_display_data":  # an update may come from a thread or a later cell
            self.result = fold(self.result, message["msg_type"], message["content"])
            if message["msg_type"] != "update_display_data":
                self.without_updates = fold(self.without_updates, message["msg_type"], message["content"])
            if self.result.finished and not self.result.seconds:
                self.result = replace(self.result, seconds=time.monotonic() - self._begun)


def fold(result: Result, kind: str, content: Mapping[str, Any]) -> Result:
    """The result with one more message of the kernel in it."""
    if kind == "status":
        return replace(result, finished=content["execution_state"] == "idle")
    if kind == "clear_output":
        return replace(result, clear_next=True) if content["wait"] else replace(result, outputs=())
    if kind == "update_display_data":
        return replace(result, outputs=tuple(_updated(output, content) for output in result.outputs))
    if kind not in {"stream", "display_data", "execute_result", "error"}:
        return result
    output = _output(kind, content)
    shown = () if result.clear_next else result.outputs
    result = replace(result, outputs=(*shown, output), clear_next=False)
    if kind != "error":
        return result
    lines = tuple(output.text.splitlines())
    return replace(result, ename=content["ename"], evalue=content["evalue"], traceback=lines)


def _output(kind: str, content: Mapping[str, Any]) -> Output:
    if kind == "stream":
        return Output(kind, COLOURS.sub("", content["text"]), content["name"])
    if kind == "error":
        return Output(kind, COLOURS.sub("", "\n".join(content["traceback"])))
    data, transient = content["data"], content.get("transient", {})
    return Output(kind, data.get("text/plain", ""), "", data, transient.get("display_id"))


def _updated(output: Output, content: Mapping[str, Any]) -> Output:
    if output.display_id is None or output.display_id != content["transient"]["display_id"]:
        return output
    return replace(_output(output.kind, content), updates=output.updates + 1)


@contextmanager
def running_kernel(*, environment: Mapping[str, str], directory: Path) -> Iterator[Kernel]:
    """A kernel in `directory`, with the variables of `environment` and hardly another; it ends with the block."""
    with tempfile.TemporaryDirectory(prefix="kernel-", ignore_cleanup_errors=True) as home:
        log = Path(home, "kernel.log")
        manager = KernelManager(connection_file=str(Path(home, "connection.json")))
        if os.name != "nt":  # a port that was free when it was chosen may have been taken when the kernel asks for it
            manager.transport, manager.ip = "ipc", str(Path(home, "socket"))
        with log.open("w") as output:
            variables = _variables(home) | dict(environment)
            manager.start_kernel(cwd=str(directory), env=variables, stdout=output, stderr=output)
        client = manager.blocking_client()
        try:
            client.start_channels()
            client.wait_for_ready(timeout=60)
            yield Kernel(manager, client, log)
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)


def _variables(home: str) -> dict[str, str]:
    return {name: os.environ[name] for name in INHERITED if name in os.environ} | {
        "HOME": home,
        "USERPROFILE": home,
        "IPYTHONDIR": str(Path(home, "ipython")),
        "JUPYTER_CONFIG_DIR": str(Path(home, "jupyter")),
        "JUPYTER_DATA_DIR": str(Path(home, "jupyter")),
        "JUPYTER_RUNTIME_DIR": str(Path(home, "jupyter")),
        "JUPYTER_PLATFORM_DIRS": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # else the debugger prints three lines about frozen modules
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "PYTHONUTF8": "1",
    }
