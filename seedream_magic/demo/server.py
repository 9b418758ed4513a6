"""The demo service itself: a tornado server on loopback, started on a thread or served in the foreground.

`start()` gives the base URL of this process's own service; `running(settings)` runs a separate one for a while.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

from tornado.httpserver import HTTPServer
from tornado.web import Application

from .service import DemoService, DemoSettings, GenerationsHandler, ModelsHandler, NotFoundHandler, PictureHandler

__all__ = ["DemoService", "DemoSettings", "running", "serve", "start", "stop"]

_LARGEST_BODY = 512 * 1024 * 1024
"""Bytes: fourteen references in base64 fit."""


async def serve(service: DemoService, ready: Callable[[asyncio.Event], None]) -> None:
    """Serve until the event that `ready` is handed is set; leaves no task, thread or connection behind."""
    stopped, options = asyncio.Event(), {"service": service}
    application = Application(
        [
            (r"/(?:.+/)?images/generations", GenerationsHandler, options),
            (r"/(?:.+/)?models", ModelsHandler, options),
            (r"/[^/]+/[0-9a-f]+_\d+\.(?:jpeg|png)", PictureHandler, options),
            (r".*", NotFoundHandler),
        ],
        log_function=lambda _handler: None,
    )
    server = HTTPServer(application, max_body_size=_LARGEST_BODY, max_buffer_size=_LARGEST_BODY)
    server.add_sockets(service.sockets)
    ready(stopped)
    try:
        await stopped.wait()
    finally:
        server.stop()
        for task in tuple(service.tasks):
            task.cancel()
        await server.close_all_connections()
        service.close()


class _Thread:
    """A service on a daemon thread with a loop of its own, which it may share with nobody."""

    def __init__(self, settings: DemoSettings) -> None:
        self.service = DemoService(settings)
        self._ready = threading.Event()
        self._end: Callable[[], object] = lambda: None
        self._thread = threading.Thread(target=self._run, name="seedream-demo", daemon=True)
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        with contextlib.suppress(RuntimeError):  # its loop has ended already
            self._end()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        # A selector loop everywhere: tornado needs add_reader, which Windows' default loop lacks.
        try:
            with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
                runner.run(serve(self.service, self._set_ready))
        finally:
            self._ready.set()

    def _set_ready(self, stopped: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        self._end = lambda: loop.call_soon_threadsafe(stopped.set)
        self._ready.set()


_lock = threading.Lock()
_own: _Thread | None = None


def start(*, delay: float | None = None) -> str:
    """Base URL of this process's own service, started on the first call. `delay` in seconds sets its pace from now on.

    Without one the pace is the environment's `SEEDREAM_DEMO_DELAY`, else one second for each picture.
    """
    global _own  # noqa: PLW0603 - one service for each process is the point
    with _lock:
        if _own is None:
            _own = _Thread(DemoSettings(delay=_usual_delay()))
        if delay is not None:
            _own.service.settings = replace(_own.service.settings, delay=delay)
        return _own.service.base_url


def stop() -> None:
    """End this process's own service, if it runs."""
    global _own
    with _lock:
        thread, _own = _own, None
    if thread is not None:
        thread.stop()


@contextlib.contextmanager
def running(settings: DemoSettings | None = None) -> Iterator[DemoService]:
    """A separate service for the length of a `with` block."""
    thread = _Thread(settings or DemoSettings())
    try:
        yield thread.service
    finally:
        thread.stop()


def _usual_delay() -> float:
    try:
        return max(0.0, float(os.environ["SEEDREAM_DEMO_DELAY"]))
    except (KeyError, ValueError):  # a pace that cannot be read is no reason not to draw
        return DemoSettings().delay


def _forget_after_fork() -> None:
    """A forked child has no service thread: it closes its copy of the parent's port and starts its own when asked."""
    global _lock, _own  # noqa: PLW0603 - see start
    _lock = threading.Lock()
    if _own is not None:
        for listener in _own.service.sockets:
            listener.close()
    _own = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
